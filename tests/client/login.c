// SPDX-License-Identifier: GPL-2.0-or-later
/* login.c - from a port to a session with trees: NEGOTIATE, SESSION_SETUP, TREE_CONNECT. */
#include "wire.h"

#include "../unit/ntlm_client.h"
#include "login_pdu.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

/* One command by itself; its answer, or NULL. */
static const struct answer *call(struct wire *c, uint16_t command, const struct smb2_wr *body)
{
	struct smb2_hdr h = { .command = command,
			      .credits = 64,
			      .credit_charge = c->m.dialect > SMB2_DIALECT_202,
			      .message_id = c->next_mid++,
			      .session_id = c->session_id };
	bool negotiate = command == SMB2_NEGOTIATE;
	bool setup = negotiate || command == SMB2_SESSION_SETUP;
	uint64_t until = now_ns() + WIRE_WAIT_MS * 1000000ull;
	uint8_t msg[2048];
	struct smb2_wr w = wr_init(msg, sizeof(msg));
	struct iovec iov = { msg, 0 };
	const struct answer *a;

	smb2_hdr_put(&w, &h);
	wr_bytes(&w, body->buf, body->off);
	iov.iov_len = w.off;
	/* A binding is signed, with the session's key until the channel has one: 3.2.5.3.3. */
	if (setup ? c->as->bind && !negotiate : c->m.protection != SEALED)
		wire_sign(c, msg, w.off); /* TREE_CONNECT: as 3.1.1 wants it, 3.3.5.7 */
	if (setup)
		preauth_update(&c->preauth, &iov, 1);
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

static bool negotiate(struct wire *c)
{
	struct login_offer o = {
		.dialect = c->m.dialect,
		.cipher = c->m.cipher,
		.signing_alg = c->m.signing_alg,
		.capabilities = SMB2_GLOBAL_CAP_LARGE_MTU | SMB2_GLOBAL_CAP_ENCRYPTION |
				c->as->capabilities,
		.client_guid = c->as->client_guid,
	};
	const struct answer *a;
	uint8_t buf[256];
	struct smb2_wr w = wr_init(buf, sizeof(buf));
	struct smb2_rd r;

	login_negotiate_put(&w, &o);
	a = call(c, SMB2_NEGOTIATE, &w);
	if (!a || a->h.status)
		return false;
	r = rd_init(a->p, a->len);
	rd_skip(&r, SMB2_HDR_SIZE + 32);
	c->max_read = rd_le32(&r);
	c->max_write = rd_le32(&r);
	if (c->m.dialect != SMB2_DIALECT_311) {
		c->m.cipher = login_cipher_of(c->m.dialect);
		c->m.signing_alg = login_signing_of(c->m.dialect);
	}
	return rd_ok(&r);
}

static const struct answer *setup_leg(struct wire *c, const void *blob, size_t n)
{
	uint8_t buf[1800];
	struct smb2_wr w = wr_init(buf, sizeof(buf));

	login_setup_put(&w, c->as->bind ? SMB2_SESSION_FLAG_BINDING : 0,
			c->m.signing_required ? SMB2_NEGOTIATE_SIGNING_REQUIRED
					      : SMB2_NEGOTIATE_SIGNING_ENABLED,
			blob, n);
	return call(c, SMB2_SESSION_SETUP, &w);
}

static bool use_keys(struct wire *c, const uint8_t key[16])
{
	const struct wire *first = c->as->bind;

	if (kdf_session_keys(c->m.dialect, c->m.cipher, key, 16, &c->preauth, &c->keys) < 0)
		return false;
	if (first) { /* what seals is the session's, what signs the channel's */
		c->keys.server_in = first->keys.server_in;
		c->keys.server_out = first->keys.server_out;
	}
	c->session_signing = first ? first->session_signing : c->keys.signing;
	sign_ctx_free(c->sign);
	c->sign = sign_ctx_new(c->m.signing_alg, &c->keys.signing);
	if (c->m.cipher) {
		c->enc = seal_ctx_new(c->m.cipher, &c->keys.server_in, true);
		c->dec = seal_ctx_new(c->m.cipher, &c->keys.server_out, false);
	}
	return true;
}

static bool session_setup(struct wire *c)
{
	struct client n = { c->as->user, c->as->password, "", CLIENT_FLAGS };
	const struct answer *a;
	struct auth_blob challenge;
	uint8_t buf[1600];
	size_t len;
	bool ok;

	if (c->as->bind) {
		c->session_id = c->as->bind->session_id;
		c->sign = sign_ctx_new(c->m.signing_alg, &c->as->bind->session_signing);
	}
	a = setup_leg(c, buf, client_negotiate(&n, buf));
	if (!a || a->h.status != NT_STATUS_MORE_PROCESSING_REQUIRED || a->len < SMB2_HDR_SIZE + 8) {
		client_free(&n);
		return false;
	}
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

	login_tree_put(&w, path);
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
		fprintf(stderr, "connecting to port %u: %s\n", port, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

bool wire_login(struct wire *c, uint16_t port, const struct manner *m, const struct wire_as *as)
{
	static uint32_t prefixes;
	const char *what = "NEGOTIATE";

	/* Channels of a session share the keys: no two connections have a nonce in common. */
	*c = (struct wire) { .m = *m, .as = as, .hoard = 1, .nonce_prefix = prefixes++ & 0xFFFFFF };
	c->fd = connect_from(c, port);
	if (c->fd < 0)
		return false;
	if (!negotiate(c))
		goto fail;
	what = as->bind ? "SESSION_SETUP (binding)" : "SESSION_SETUP";
	if (!session_setup(c))
		goto fail;
	what = "TREE_CONNECT";
	if (as->bind)
		memcpy(c->trees, as->bind->trees, sizeof(c->trees));
	for (unsigned int i = 0; !as->bind && i < as->nshares; i++)
		if (!tree_connect(c, i, as->shares[i]))
			goto fail;
	answers_clear(c);
	return true;
fail:
	c->why = c->nanswers ? c->answers[0].h.status : 0;
	if (!as->quiet)
		fprintf(stderr, "%s fails (%s)\n", what,
			c->closed     ? "connection closed"
			: c->nanswers ? nt_name(c->why)
				      : "no answer");
	wire_free(c);
	return false;
}
