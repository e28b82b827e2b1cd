// SPDX-License-Identifier: GPL-2.0-or-later
/* wire.c - a connection to a server: login, keys, frames out, answers in. */
#include "parity.h"

#include "../unit/ntlm_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#define LOGIN_WAIT_MS 20000

/* ---- what comes ---- */

void answers_clear(struct wire *c)
{
	for (size_t i = 0; i < c->nanswers; i++)
		free(c->answers[i].p);
	c->nanswers = 0;
}

struct answer *answer_find(struct wire *c, uint64_t mid, bool want_final)
{
	struct answer *interim = NULL;

	for (size_t i = 0; i < c->nanswers; i++) {
		struct answer *a = &c->answers[i];

		if (a->h.message_id != mid)
			continue;
		if (a->h.status != NT_STATUS_PENDING)
			return a;
		interim = a;
	}
	return want_final ? NULL : interim;
}

static int8_t signature_of(struct wire *c, const struct smb2_hdr *h, uint8_t *p, size_t n)
{
	struct iovec iov = { p, n };

	if (!(h->flags & SMB2_FLAGS_SIGNED))
		return 0;
	if (!c->sign || h->session_id != c->session_id)
		return 2;
	return sign_verify(c->sign, &iov, 1) == 0 ? 1 : -1;
}

static void took_message(struct wire *c, uint8_t *p, size_t n, bool sealed)
{
	uint64_t off = 0, len;
	uint8_t position = 0;

	do {
		struct answer *a;
		struct smb2_hdr h;

		if (!smb2_hdr_parse(p + off, n - off, &h) ||
		    !(len = smb2_element_len(n, off, h.next_command))) {
			c->broken = "an answer is no SMB2 message";
			return;
		}
		if (c->nanswers == c->answers_cap) {
			c->answers_cap = c->answers_cap * 2 + 32;
			c->answers = xrealloc(c->answers, c->answers_cap * sizeof(*a));
		}
		a = &c->answers[c->nanswers++];
		*a = (struct answer) { .h = h,
				       .p = xmalloc(len),
				       .len = len,
				       .sealed = sealed,
				       .position = position,
				       .signature = signature_of(c, &h, p + off, len) };
		memcpy(a->p, p + off, len);
		position++;
		off += len;
	} while (off < n);
}

static void took_frame(struct wire *c, uint8_t *p, size_t n)
{
	struct smb2_transform t;
	struct iovec iov;

	if (n < SMB2_HDR_SIZE) {
		c->broken = "an answer is too short";
		return;
	}
	if (kh_get_le32(p) != SMB2_TRANSFORM_MAGIC) {
		took_message(c, p, n, false);
		return;
	}
	iov = (struct iovec) { p + SMB2_TRANSFORM_SIZE, n - SMB2_TRANSFORM_SIZE };
	if (!smb2_transform_parse(p, n, &t) || t.session_id != c->session_id || !c->dec ||
	    seal_decrypt(c->dec, p, &iov, 1) < 0)
		c->broken = "an answer cannot be decrypted";
	else
		took_message(c, iov.iov_base, iov.iov_len, true);
}

static void took_bytes(struct wire *c)
{
	size_t off = 0, n;

	for (; c->rx_len - off >= SMB2_PREFIX_SIZE; off += SMB2_PREFIX_SIZE + n) {
		uint8_t *p = c->rx + off;

		n = smb2_prefix_len(p);
		if (p[0] != NBSS_SESSION_MESSAGE)
			c->broken = "an answer has another prefix type";
		if (c->rx_len - off - SMB2_PREFIX_SIZE < n)
			break;
		if (p[0] == NBSS_SESSION_MESSAGE)
			took_frame(c, p + SMB2_PREFIX_SIZE, n);
	}
	c->rx_len -= off;
	memmove(c->rx, c->rx + off, c->rx_len);
}

void wire_take(struct wire *c, int timeout_ms)
{
	struct pollfd p = { c->fd, POLLIN, 0 };

	if (c->closed)
		return;
	while (poll(&p, 1, timeout_ms) > 0) {
		ssize_t n;

		timeout_ms = 0;
		if (c->rx_cap - c->rx_len < 65536) {
			c->rx_cap = c->rx_cap * 2 + 65536;
			c->rx = xrealloc(c->rx, c->rx_cap);
		}
		n = recv(c->fd, c->rx + c->rx_len, c->rx_cap - c->rx_len, MSG_DONTWAIT);
		if (n > 0) {
			c->rx_len += (size_t)n;
			took_bytes(c);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			c->closed = true;
			return;
		}
	}
}

/* ---- what goes ---- */

void wire_send(struct wire *c, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n && !c->closed) {
		ssize_t w = send(c->fd, b, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (w > 0) {
			b += w;
			n -= (size_t)w;
		} else if (w < 0 && errno == EAGAIN) {
			struct pollfd q = { c->fd, POLLIN | POLLOUT, 0 };

			if (poll(&q, 1, LOGIN_WAIT_MS) == 0) {
				c->broken = "the server takes no more bytes";
				return;
			}
			wire_take(c, 0);
		} else if (w < 0 && errno != EINTR) {
			wire_take(c, 0); /* what was said before the end */
			c->closed = true;
		}
	}
}

void wire_send_message(struct wire *c, uint8_t *msg, size_t n, bool seal)
{
	uint8_t head[SMB2_PREFIX_SIZE + SMB2_TRANSFORM_SIZE], nonce[16];
	struct smb2_wr w = wr_init(head + SMB2_PREFIX_SIZE, SMB2_TRANSFORM_SIZE);
	struct iovec iov = { msg, n };

	seal = seal && c->enc;
	smb2_prefix_put(head, (uint32_t)(n + (seal ? SMB2_TRANSFORM_SIZE : 0)));
	if (seal) {
		seal_nonce(c->m.cipher, 7, c->nonce++, nonce);
		smb2_transform_put(&w, nonce, (uint32_t)n, c->session_id);
		seal_encrypt(c->enc, head + SMB2_PREFIX_SIZE, &iov, 1);
	}
	wire_send(c, head, SMB2_PREFIX_SIZE + (seal ? SMB2_TRANSFORM_SIZE : 0));
	wire_send(c, msg, n);
}

void wire_sign(struct wire *c, uint8_t *elem, size_t n)
{
	struct iovec iov = { elem, n };

	if (!c->sign)
		return;
	kh_put_le32(elem + SMB2_HDR_OFF_FLAGS,
		    kh_get_le32(elem + SMB2_HDR_OFF_FLAGS) | SMB2_FLAGS_SIGNED);
	sign_message_put(c->sign, &iov, 1);
}

/* ---- the login ---- */

/* One command by itself; its answer, or NULL. */
static const struct answer *call(struct wire *c, uint16_t command, const struct smb2_wr *body)
{
	struct smb2_hdr h = { .command = command,
			      .credits = 64,
			      .credit_charge = c->m.dialect > SMB2_DIALECT_202,
			      .message_id = c->next_mid++,
			      .session_id = c->session_id };
	bool setup = command == SMB2_NEGOTIATE || command == SMB2_SESSION_SETUP;
	uint64_t until = now_ns() + LOGIN_WAIT_MS * 1000000ull;
	uint8_t msg[2048];
	struct smb2_wr w = wr_init(msg, sizeof(msg));
	struct iovec iov = { msg, 0 };
	const struct answer *a;

	smb2_hdr_put(&w, &h);
	wr_bytes(&w, body->buf, body->off);
	iov.iov_len = w.off;
	if (setup)
		preauth_update(&c->preauth, &iov, 1);
	else if (c->m.protection != SEALED)
		wire_sign(c, msg, w.off); /* as 3.1.1 wants it, MS-SMB2 3.3.5.7 */
	answers_clear(c);
	c->hoard += h.credits - 1;
	wire_send_message(c, msg, w.off, !setup && c->m.protection == SEALED);
	while (!(a = answer_find(c, h.message_id, true)) && !c->closed && now_ns() < until)
		wire_take(c, 100);
	if (!a)
		return NULL;
	iov = (struct iovec) { a->p, a->len };
	if (command == SMB2_NEGOTIATE || (setup && a->h.status != NT_STATUS_SUCCESS))
		preauth_update(&c->preauth, &iov, 1);
	return a;
}

static void context(struct smb2_wr *w, uint16_t type, const uint16_t *values, unsigned int n)
{
	wr_align(w, 8);
	wr_le16(w, type);
	wr_le16(w, (uint16_t)(n * 2));
	wr_le32(w, 0);
	for (unsigned int i = 0; i < n; i++)
		wr_le16(w, values[i]);
}

static bool negotiate(struct wire *c)
{
	static const uint16_t preauth[] = { 1, 0, SMB2_PREAUTH_SHA512 };
	uint16_t cipher[] = { 1, c->m.cipher }, signing[] = { 1, c->m.signing_alg };
	bool v311 = c->m.dialect == SMB2_DIALECT_311;
	const struct answer *a;
	uint8_t buf[256];
	struct smb2_wr w = wr_init(buf, sizeof(buf));
	struct smb2_rd r;

	wr_le16(&w, 36);
	wr_le16(&w, 1);
	wr_le16(&w, SMB2_NEGOTIATE_SIGNING_ENABLED);
	wr_le16(&w, 0);
	wr_le32(&w, SMB2_GLOBAL_CAP_LARGE_MTU | SMB2_GLOBAL_CAP_ENCRYPTION);
	wr_bytes(&w, "parity of server", 16);
	wr_le32(&w, v311 ? SMB2_HDR_SIZE + 40 : 0);
	wr_le32(&w, v311 ? 3 : 0);
	wr_le16(&w, c->m.dialect);
	if (v311) {
		context(&w, SMB2_PREAUTH_INTEGRITY_CAPABILITIES, preauth, 3);
		context(&w, SMB2_ENCRYPTION_CAPABILITIES, cipher, 2);
		context(&w, SMB2_SIGNING_CAPABILITIES, signing, 2);
	}
	a = call(c, SMB2_NEGOTIATE, &w);
	if (!a || a->h.status)
		return false;
	r = rd_init(a->p, a->len);
	rd_skip(&r, SMB2_HDR_SIZE + 32);
	c->max_read = rd_le32(&r);
	c->max_write = rd_le32(&r);
	if (!v311) {
		c->m.cipher = c->m.dialect >= SMB2_DIALECT_300 ? SMB2_ENCRYPTION_AES128_CCM : 0;
		c->m.signing_alg = c->m.dialect >= SMB2_DIALECT_300 ? SMB2_SIGNING_AES_CMAC
								    : SMB2_SIGNING_HMAC_SHA256;
	}
	return rd_ok(&r);
}

static const struct answer *setup_leg(struct wire *c, const void *blob, size_t n)
{
	uint8_t buf[1800];
	struct smb2_wr w = wr_init(buf, sizeof(buf));

	wr_le16(&w, 25);
	wr_u8(&w, 0);
	wr_u8(&w, c->m.signing_required ? SMB2_NEGOTIATE_SIGNING_REQUIRED
					: SMB2_NEGOTIATE_SIGNING_ENABLED);
	wr_zero(&w, 8);
	wr_le16(&w, SMB2_HDR_SIZE + 24);
	wr_le16(&w, (uint16_t)n);
	wr_zero(&w, 8);
	wr_bytes(&w, blob, n);
	return call(c, SMB2_SESSION_SETUP, &w);
}

static bool use_keys(struct wire *c, const uint8_t key[16])
{
	if (kdf_session_keys(c->m.dialect, c->m.cipher, key, 16, &c->preauth, &c->keys) < 0)
		return false;
	c->sign = sign_ctx_new(c->m.signing_alg, &c->keys.signing);
	if (c->m.cipher) {
		c->enc = seal_ctx_new(c->m.cipher, &c->keys.server_in, true);
		c->dec = seal_ctx_new(c->m.cipher, &c->keys.server_out, false);
	}
	return true;
}

static bool session_setup(struct wire *c)
{
	struct client n = { parity_user, parity_password, "", CLIENT_FLAGS };
	const struct answer *a;
	struct auth_blob challenge;
	uint8_t buf[1600];
	size_t len;
	bool ok;

	a = setup_leg(c, buf, client_negotiate(&n, buf));
	if (!a || a->h.status != NT_STATUS_MORE_PROCESSING_REQUIRED || a->len < SMB2_HDR_SIZE + 8)
		return false;
	c->session_id = a->h.session_id;
	challenge.data = a->p + kh_get_le16(a->p + SMB2_HDR_SIZE + 4);
	challenge.len = kh_get_le16(a->p + SMB2_HDR_SIZE + 6);
	len = client_authenticate(&n, &challenge, buf, sizeof(buf));
	a = setup_leg(c, buf, len);
	ok = a && a->h.status == NT_STATUS_SUCCESS && use_keys(c, n.key);
	client_free(&n);
	return ok;
}

/* A share that refuses (a sealed one in 2.x) has tree id 0. */
static bool tree_connect(struct wire *c, unsigned int i, const char *path)
{
	const struct answer *a;
	uint8_t buf[128];
	struct smb2_wr w = wr_init(buf, sizeof(buf));
	int n = utf8_to_utf16(path, strlen(path), buf + 8, sizeof(buf) - 8);

	wr_le16(&w, 9);
	wr_le16(&w, 0);
	wr_le16(&w, SMB2_HDR_SIZE + 8);
	wr_le16(&w, (uint16_t)n);
	w.off += (uint64_t)n;
	a = call(c, SMB2_TREE_CONNECT, &w);
	c->trees[i] = a && !a->h.status ? a->h.tree_id : 0;
	return a;
}

static int connect_from(struct wire *c, uint16_t port)
{
	static unsigned int serial;
	struct sockaddr_in to = { AF_INET, htons(port), { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in from = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	serial++;
	from.sin_addr.s_addr = htonl(0x7F000000u | 1u << 16 | (serial & 0xFFFF));
	inet_ntop(AF_INET, &from.sin_addr, c->address, sizeof(c->address));
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		fprintf(stderr, "parity: connecting to port %u: %s\n", port, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

bool wire_login(struct wire *c, uint16_t port, const struct manner *m)
{
	static const char *const path[TREES] = { "\\\\parity\\share", "\\\\parity\\readonly",
						 "\\\\parity\\IPC$", "\\\\parity\\sealed" };
	const char *what = "NEGOTIATE";

	*c = (struct wire) { .m = *m, .hoard = 1 };
	c->fd = connect_from(c, port);
	if (c->fd < 0)
		return false;
	if (!negotiate(c))
		goto fail;
	what = "SESSION_SETUP";
	if (!session_setup(c))
		goto fail;
	what = "TREE_CONNECT";
	for (unsigned int i = 0; i < TREES; i++)
		if (!tree_connect(c, i, path[i]))
			goto fail;
	answers_clear(c);
	return true;
fail:
	fprintf(stderr, "parity: %s fails (%s)\n", what,
		c->closed     ? "connection closed"
		: c->nanswers ? nt_name(c->answers[0].h.status)
			      : "no answer");
	wire_free(c);
	return false;
}

void wire_free(struct wire *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	answers_clear(c);
	free(c->answers);
	free(c->rx);
	sign_ctx_free(c->sign);
	seal_ctx_free(c->enc);
	seal_ctx_free(c->dec);
	c->answers = NULL;
	c->rx = NULL;
	c->sign = NULL;
	c->enc = c->dec = NULL;
}
