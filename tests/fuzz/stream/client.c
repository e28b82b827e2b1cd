// SPDX-License-Identifier: GPL-2.0-or-later
/* client.c - a client that is honest where the input does not say otherwise. */
#include "stream.h"

#include "../../client/login_pdu.h"
#include "../../unit/ntlm_client.h"

#include <poll.h>

/* ---- what comes ---- */

static void pending_drop(struct stream *s, uint64_t mid, bool frame)
{
	unsigned int i, n = 0, of = 0;

	for (i = 0; i < s->npending && s->pending[i].mid != mid; i++)
		;
	if (i == s->npending)
		return;
	of = s->pending[i].frame;
	for (i = 0; i < s->npending; i++)
		if (frame ? s->pending[i].frame != of : s->pending[i].mid != mid)
			s->pending[n++] = s->pending[i];
	s->npending = n;
}

static void check_signature(struct stream *s, const struct smb2_hdr *h, const uint8_t *p, size_t n)
{
	struct iovec iov = { (void *)(uintptr_t)p, n };

	if (!(h->flags & SMB2_FLAGS_SIGNED) || !s->sign || h->session_id != s->session_id)
		return;
	if (sign_verify(s->sign, &iov, 1) < 0)
		stream_fail("an answer to command %u has a wrong signature", h->command);
}

static void took_element(struct stream *s, const struct smb2_hdr *h, const uint8_t *p, size_t n)
{
	struct smb2_rd r = rd_init(p, n);

	s->credits += h->credits;
	if (h->status == NT_STATUS_PENDING) {
		s->last_async = h->async_id;
		pending_drop(s, h->message_id, true);
		return;
	}
	pending_drop(s, h->message_id, false);
	if (h->status != NT_STATUS_SUCCESS)
		return;
	if (h->command == SMB2_TREE_CONNECT)
		s->trees[s->ntrees++ % STREAM_TREES] = h->tree_id;
	if (h->command == SMB2_CREATE) {
		rd_seek(&r, SMB2_HDR_SIZE + 64);
		s->fids[s->nfids++ % STREAM_FIDS] = rd_fid(&r);
	}
}

static void took_message(struct stream *s, const uint8_t *p, size_t n)
{
	uint64_t off = 0, len;
	struct smb2_hdr h;

	s->last_len = MIN(n, sizeof(s->last));
	memcpy(s->last, p, s->last_len);
	do {
		if (!smb2_hdr_parse(p + off, n - off, &h) ||
		    !(len = smb2_element_len(n, off, h.next_command)) ||
		    !(h.flags & SMB2_FLAGS_SERVER_TO_REDIR) || len < SMB2_HDR_SIZE + 2)
			stream_fail("an answer is no SMB2 message (%zu bytes)", n);
		check_signature(s, &h, p + off, len);
		took_element(s, &h, p + off, len);
		off += len;
	} while (off < n);
}

static void took_frame(struct stream *s, uint8_t *p, size_t n)
{
	struct iovec iov = { p + SMB2_TRANSFORM_SIZE, n - SMB2_TRANSFORM_SIZE };
	struct smb2_transform t;

	if (n < SMB2_HDR_SIZE)
		stream_fail("an answer of %zu bytes", n);
	if (kh_get_le32(p) != SMB2_TRANSFORM_MAGIC) {
		took_message(s, p, n);
		return;
	}
	if (!smb2_transform_parse(p, n, &t) || t.session_id != s->session_id || !s->dec ||
	    seal_decrypt(s->dec, p, &iov, 1) < 0)
		stream_fail("an answer cannot be decrypted");
	took_message(s, iov.iov_base, iov.iov_len);
}

static void took_bytes(struct stream *s)
{
	size_t off = 0, n;

	for (; s->rx_len - off >= SMB2_PREFIX_SIZE; off += SMB2_PREFIX_SIZE + n) {
		uint8_t *p = s->rx + off;

		n = smb2_prefix_len(p);
		if (p[0] != NBSS_SESSION_MESSAGE && p[0] != NBSS_POSITIVE_RESPONSE)
			stream_fail("an answer with the prefix type %02x", p[0]);
		if (s->rx_len - off - SMB2_PREFIX_SIZE < n)
			break;
		if (p[0] == NBSS_SESSION_MESSAGE)
			took_frame(s, p + SMB2_PREFIX_SIZE, n);
	}
	s->rx_len -= off;
	memmove(s->rx, s->rx + off, s->rx_len);
}

static void take(struct stream *s)
{
	for (;;) {
		ssize_t n;

		if (s->rx_cap - s->rx_len < 65536) {
			s->rx_cap = s->rx_cap * 2 + 65536;
			s->rx = xrealloc(s->rx, s->rx_cap);
		}
		n = recv(s->fd, s->rx + s->rx_len, s->rx_cap - s->rx_len, 0);
		if (n > 0) {
			s->rx_len += (size_t)n;
			took_bytes(s);
			continue;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			s->closed = true;
		return;
	}
}

/* Waits for bytes, or for room. */
static void wait_for(struct stream *s, short events, const char *what)
{
	struct pollfd p = { s->fd, events | POLLIN, 0 };
	int n = poll(&p, 1, STREAM_WAIT_MS);

	if (n == 0)
		stream_fail("hangs: %s does not come", what);
	if (n > 0 && p.revents & (POLLIN | POLLHUP | POLLERR))
		take(s);
}

bool stream_drain(struct stream *s)
{
	while (s->npending && !s->closed && !s->torn)
		wait_for(s, 0, "an answer");
	return !s->closed;
}

/* ---- what goes ---- */

void stream_send(struct stream *s, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n && !s->closed) {
		ssize_t k = send(s->fd, b, n, MSG_NOSIGNAL);

		if (k > 0) {
			b += k;
			n -= (size_t)k;
		} else if (k < 0 && errno == EAGAIN) {
			wait_for(s, POLLOUT, "room to send");
		} else if (k < 0 && errno != EINTR) {
			take(s); /* what was said before the end */
			s->closed = true;
		}
	}
}

void stream_send_message(struct stream *s, uint8_t *msg, size_t n, bool seal)
{
	uint8_t head[SMB2_PREFIX_SIZE + SMB2_TRANSFORM_SIZE], nonce[16];
	struct smb2_wr w = wr_init(head + SMB2_PREFIX_SIZE, SMB2_TRANSFORM_SIZE);
	struct iovec iov = { msg, n };

	seal = seal && s->enc;
	smb2_prefix_put(head, (uint32_t)(n + (seal ? SMB2_TRANSFORM_SIZE : 0)));
	if (seal) {
		seal_nonce(s->cipher, 7, s->nonce++, nonce);
		smb2_transform_put(&w, nonce, (uint32_t)n, s->session_id);
		seal_encrypt(s->enc, head + SMB2_PREFIX_SIZE, &iov, 1);
	}
	stream_send(s, head, SMB2_PREFIX_SIZE + (seal ? SMB2_TRANSFORM_SIZE : 0));
	stream_send(s, msg, n);
	s->nframes++;
}

void stream_sign(struct stream *s, uint8_t *elem, size_t n)
{
	struct iovec iov = { elem, n };

	if (!s->sign)
		return;
	kh_put_le32(elem + SMB2_HDR_OFF_FLAGS,
		    kh_get_le32(elem + SMB2_HDR_OFF_FLAGS) | SMB2_FLAGS_SIGNED);
	sign_message_put(s->sign, &iov, 1);
}

void stream_expect(struct stream *s, uint64_t mid)
{
	if (s->npending < ARRAY_SIZE(s->pending))
		s->pending[s->npending++] = (struct stream_pending) { mid, s->nframes };
}

/* One command by itself, signed or sealed as the session can; waits for the answer. */
static bool call(struct stream *s, uint16_t command, uint32_t tree, const struct smb2_wr *body)
{
	struct smb2_hdr h = { .command = command,
			      .credits = 256,
			      .credit_charge = 1,
			      .message_id = s->next_mid++,
			      .tree_id = tree,
			      .session_id = s->session_id };
	uint8_t msg[2048];
	struct smb2_wr w = wr_init(msg, sizeof(msg));
	struct iovec iov = { msg, 0 };
	bool setup = command == SMB2_NEGOTIATE || command == SMB2_SESSION_SETUP;

	if (command == SMB2_ECHO)
		h.session_id = 0;
	smb2_hdr_put(&w, &h);
	wr_bytes(&w, body->buf, body->off);
	if (!wr_ok(&w))
		stream_fail("a request of ours is too long");
	iov.iov_len = w.off;
	if (setup)
		preauth_update(&s->preauth, &iov, 1);
	else if (command != SMB2_ECHO)
		stream_sign(s, msg, w.off);
	s->credits--;
	stream_expect(s, h.message_id);
	stream_send_message(s, msg, w.off,
			    !setup && command != SMB2_ECHO && s->protection == STREAM_SEALED);
	if (!stream_drain(s))
		return false;
	iov = (struct iovec) { s->last, s->last_len };
	if (setup && kh_get_le32(s->last + 8) != NT_STATUS_SUCCESS)
		preauth_update(&s->preauth, &iov, 1);
	else if (command == SMB2_NEGOTIATE)
		preauth_update(&s->preauth, &iov, 1);
	return true;
}

static uint32_t last_status(const struct stream *s)
{
	return kh_get_le32(s->last + 8);
}

void stream_echo(struct stream *s)
{
	uint8_t body[4] = { 4 };
	struct smb2_wr w = wr_init(body, sizeof(body));

	w.off = sizeof(body);
	if (s->closed || s->torn || !s->credits)
		return;
	call(s, SMB2_ECHO, 0, &w);
}

/* ---- the login ---- */

static void negotiate(struct stream *s)
{
	uint8_t buf[256];
	struct smb2_wr w = wr_init(buf, sizeof(buf));
	struct login_offer o = {
		.dialect = s->dialect,
		.cipher = s->cipher,
		.signing_alg = s->signing_alg,
		.capabilities = SMB2_GLOBAL_CAP_LARGE_MTU | SMB2_GLOBAL_CAP_ENCRYPTION,
		.client_guid = (const uint8_t *)"fuzz_stream guid",
	};

	login_negotiate_put(&w, &o);
	if (!call(s, SMB2_NEGOTIATE, 0, &w) || last_status(s))
		stream_fail("NEGOTIATE fails with %08x", last_status(s));
	if (s->dialect != SMB2_DIALECT_311) {
		s->cipher = login_cipher_of(s->dialect);
		s->signing_alg = login_signing_of(s->dialect);
	}
}

static bool setup_leg(struct stream *s, const void *blob, size_t n)
{
	uint8_t buf[1800];
	struct smb2_wr w = wr_init(buf, sizeof(buf));

	login_setup_put(&w, 0, SMB2_NEGOTIATE_SIGNING_ENABLED, blob, n);
	return call(s, SMB2_SESSION_SETUP, 0, &w);
}

static void use_keys(struct stream *s, const uint8_t key[16])
{
	if (kdf_session_keys(s->dialect, s->cipher, key, 16, &s->preauth, &s->keys) < 0)
		stream_fail("no session keys");
	s->sign = sign_ctx_new(s->signing_alg, &s->keys.signing);
	if (s->cipher) {
		s->enc = seal_ctx_new(s->cipher, &s->keys.server_in, true);
		s->dec = seal_ctx_new(s->cipher, &s->keys.server_out, false);
	}
}

static void session_setup(struct stream *s)
{
	struct client c = { s->guest ? "nosuch" : STREAM_USER, STREAM_PASSWORD, "", CLIENT_FLAGS };
	struct auth_blob challenge;
	uint8_t buf[1600];

	setup_leg(s, buf, client_negotiate(&c, buf));
	if (last_status(s) != NT_STATUS_MORE_PROCESSING_REQUIRED || s->last_len < SMB2_HDR_SIZE + 8)
		stream_fail("SESSION_SETUP fails with %08x", last_status(s));
	s->session_id = kh_get_le64(s->last + 40);
	challenge.data = s->last + kh_get_le16(s->last + SMB2_HDR_SIZE + 4);
	challenge.len = kh_get_le16(s->last + SMB2_HDR_SIZE + 6);
	setup_leg(s, buf, client_authenticate(&c, &challenge, buf, sizeof(buf)));
	if (last_status(s))
		stream_fail("the login fails with %08x", last_status(s));
	if (!s->guest)
		use_keys(s, c.key);
	client_free(&c);
}

static void tree_connect(struct stream *s, const char *path)
{
	uint8_t buf[128];
	struct smb2_wr w = wr_init(buf, sizeof(buf));

	login_tree_put(&w, path);
	call(s, SMB2_TREE_CONNECT, 0, &w);
	if (last_status(s))
		stream_fail("connecting to %s fails with %08x", path, last_status(s));
}

static void create(struct stream *s, uint32_t tree, const char *name, uint32_t access)
{
	uint8_t buf[128];
	struct smb2_wr w = wr_init(buf, sizeof(buf));
	int n = utf8_to_utf16(name, strlen(name), buf + 56, sizeof(buf) - 56);

	wr_le16(&w, 57);
	wr_le16(&w, 0);
	wr_le32(&w, 2);
	wr_zero(&w, 16);
	wr_le32(&w, access);
	wr_le32(&w, 0);
	wr_le32(&w, 7);
	wr_le32(&w, FILE_OPEN);
	wr_le32(&w, 0);
	wr_le16(&w, SMB2_HDR_SIZE + 56);
	wr_le16(&w, (uint16_t)n);
	wr_zero(&w, 8);
	w.off += MAX((uint64_t)n, 1);
	call(s, SMB2_CREATE, tree, &w);
	if (last_status(s))
		stream_fail("opening \"%s\" fails with %08x", name, last_status(s));
}

void stream_login(struct stream *s)
{
	negotiate(s);
	session_setup(s);
	tree_connect(s, "\\\\fuzz\\share");
	tree_connect(s, "\\\\fuzz\\IPC$");
	create(s, s->trees[0], "f", 0x001F01FF);
	create(s, s->trees[0], "", 0x001F01FF);
	create(s, s->trees[1], "srvsvc", 0x0012019F);
}

void stream_probe(void)
{
	struct stream s = { .dialect = SMB2_DIALECT_202 };

	stream_open(&s, false);
	negotiate(&s);
	stream_echo(&s);
	if (s.closed)
		stream_fail("a fresh connection is not served");
	stream_close(&s);
}

void stream_open(struct stream *s, bool netbios)
{
	s->fd = stream_server_connect(netbios);
	s->credits = 1;
}

void stream_close(struct stream *s)
{
	close(s->fd);
	free(s->rx);
	sign_ctx_free(s->sign);
	seal_ctx_free(s->enc);
	seal_ctx_free(s->dec);
}
