// SPDX-License-Identifier: GPL-2.0-or-later
/* login.c - from a socket to a tree: NEGOTIATE, SESSION_SETUP, TREE_CONNECT, one answer at a time.
 */
#include "smbload.h"

#include "../client/login_pdu.h"
#include "../unit/ntlm_client.h"

struct login_state {
	struct client ntlm;
	struct preauth_hash preauth;
	uint8_t key[16];
};

/* The request goes out, as every login's does, at once. The preauthentication hash has it. */
static void login_send(struct conn *c, uint16_t command, const struct smb2_wr *body, bool hashed)
{
	struct smb2_wr w;
	struct iovec iov;

	message_begin(c);
	w = request_begin(c, NULL, command, 1);
	wr_bytes(&w, body->buf, body->off);
	request_end(c, &w);
	if (!wr_ok(body)) {
		conn_fail(c, "the login does not fit its buffer");
		return;
	}
	iov = (struct iovec) { c->tx->p + c->element, c->tx->len - c->element };
	message_end(c);
	if (hashed)
		preauth_update(&c->login_state->preauth, &iov, 1);
	conn_flush(c);
}

static void refused(struct conn *c, const char *what, const struct reply *r)
{
	c->why = r->status;
	if (r->status)
		conn_fail(c, "%s: NT_STATUS_%s (0x%08x)", what, nt_name(r->status), r->status);
	else
		conn_fail(c, "%s: the answer makes no sense", what);
}

/* ---- NEGOTIATE ---- */

void login_begin(struct conn *c)
{
	struct login_offer o = {
		.dialect = opt.dialect,
		.cipher = opt.cipher,
		.signing_alg = opt.signing,
		.client_guid = c->s->guid,
	};
	uint8_t buf[256];
	struct smb2_wr w = wr_init(buf, sizeof(buf));

	c->login_state = xcalloc(1, sizeof(*c->login_state));
	c->login = LOGIN_NEGOTIATE;
	c->protection = PLAIN;
	c->dialect = opt.dialect;
	c->session_id = c->next_mid = c->nonce = 0;
	c->tree_id = 0;
	c->credits = 1;
	c->out = 0;
	if (c->first)
		crypto_random(c->s->guid, sizeof(c->s->guid));
	if (opt.dialect != SMB2_DIALECT_202)
		o.capabilities = SMB2_GLOBAL_CAP_LARGE_MTU;
	if (opt.dialect >= SMB2_DIALECT_300)
		o.capabilities |= SMB2_GLOBAL_CAP_ENCRYPTION | SMB2_GLOBAL_CAP_MULTI_CHANNEL;
	login_negotiate_put(&w, &o);
	login_send(c, SMB2_NEGOTIATE, &w, true);
}

/* What the server chose: 2.2.4.1. Without a word on signing it is CMAC. */
static void contexts(struct conn *c, struct smb2_rd *r, uint32_t at, unsigned int n)
{
	c->cipher = 0;
	c->signing = SMB2_SIGNING_AES_CMAC;
	rd_seek(r, at);
	for (unsigned int i = 0; i < n && rd_left(r); i++) {
		uint16_t type, len;
		uint64_t end;

		rd_align(r, 8);
		type = rd_le16(r);
		len = rd_le16(r);
		rd_skip(r, 4);
		end = r->off + len;
		if (type == SMB2_ENCRYPTION_CAPABILITIES && rd_le16(r))
			c->cipher = rd_le16(r);
		else if (type == SMB2_SIGNING_CAPABILITIES && rd_le16(r))
			c->signing = rd_le16(r);
		rd_seek(r, end);
	}
}

static bool chosen(struct conn *c, const struct reply *a)
{
	struct smb2_rd r = rd_init(a->p, a->len);
	uint16_t n, dialect;
	uint32_t at;

	rd_skip(&r, SMB2_HDR_SIZE + 4);
	dialect = rd_le16(&r);
	n = rd_le16(&r);
	rd_skip(&r, 20);
	c->max_transact = rd_le32(&r);
	c->max_read = rd_le32(&r);
	c->max_write = rd_le32(&r);
	rd_skip(&r, 20);
	at = rd_le32(&r);
	c->cipher = login_cipher_of(dialect);
	c->signing = login_signing_of(dialect);
	if (dialect == SMB2_DIALECT_311)
		contexts(c, &r, at, n);
	return rd_ok(&r) && dialect == opt.dialect;
}

static void session_setup(struct conn *c, const void *blob, size_t n)
{
	uint8_t buf[1800];
	struct smb2_wr w = wr_init(buf, sizeof(buf));

	login_setup_put(&w, c->first ? 0 : SMB2_SESSION_FLAG_BINDING,
			SMB2_NEGOTIATE_SIGNING_ENABLED, blob, n);
	login_send(c, SMB2_SESSION_SETUP, &w, true);
}

static void negotiated(struct conn *c, const struct reply *r)
{
	struct login_state *l = c->login_state;
	uint8_t blob[64];

	if (r->status || !chosen(c, r)) {
		refused(c, "NEGOTIATE", r);
		return;
	}
	if (opt.protection == SEALED && !c->cipher) {
		conn_fail(c, "the server does not encrypt with %s", cipher_name(opt.cipher));
		return;
	}
	if (opt.protection == SIGNED && opt.signing_given && c->signing != opt.signing) {
		conn_fail(c, "the server does not sign with %s", signing_name(opt.signing));
		return;
	}
	if (opt.size > c->max_read || opt.size > c->max_write) {
		conn_fail(c, "the server takes at most %u bytes in a READ, %u in a WRITE",
			  c->max_read, c->max_write);
		return;
	}
	l->ntlm = (struct client) { opt.user, opt.password, "", CLIENT_FLAGS };
	c->login = LOGIN_CHALLENGE;
	if (!c->first) { /* signed with the session's key until the channel has one: 3.2.4.2.3.1 */
		c->session_id = c->s->id;
		c->sign = sign_ctx_new(c->signing, &c->s->keys.signing);
		c->protection = SIGNED;
		if (!c->sign) {
			conn_fail(c, "SESSION_SETUP (binding): no keys");
			return;
		}
	}
	session_setup(c, blob, client_negotiate(&l->ntlm, blob));
}

/* ---- SESSION_SETUP ---- */

/* client_v2() takes the AV pairs as they are: they have to be there, and not too many. */
static bool challenge_sound(const struct auth_blob *b)
{
	size_t n, at;

	if (b->len < 48)
		return false;
	n = kh_get_le16(b->data + 40);
	at = kh_get_le32(b->data + 44);
	return n <= 800 && at <= b->len && n <= b->len - at;
}

static void challenged(struct conn *c, const struct reply *r)
{
	struct login_state *l = c->login_state;
	struct auth_blob challenge;
	struct smb2_rd rd = rd_init(r->p, r->len), blob;
	uint8_t buf[1600];
	uint16_t at, n;

	rd_skip(&rd, SMB2_HDR_SIZE + 4);
	at = rd_le16(&rd);
	n = rd_le16(&rd);
	blob = rd_sub(&rd, at, n);
	challenge = (struct auth_blob) { .data = (uint8_t *)blob.buf, .len = blob.len };
	if (r->status != NT_STATUS_MORE_PROCESSING_REQUIRED || !rd_ok(&rd) ||
	    !challenge_sound(&challenge)) {
		refused(c, "SESSION_SETUP", r);
		return;
	}
	c->session_id = r->session_id;
	c->login = LOGIN_PROOF;
	session_setup(c, buf, client_authenticate(&l->ntlm, &challenge, buf, sizeof(buf)));
}

/* What signs is the channel's, what seals the session's. */
static bool use_keys(struct conn *c)
{
	struct login_state *l = c->login_state;
	struct smb2_keys *keys = &c->s->keys, own;

	if (kdf_session_keys(c->dialect, c->cipher, l->ntlm.key, 16, &l->preauth, &own) < 0)
		return false;
	if (c->first)
		*keys = own;
	sign_ctx_free(c->sign);
	c->sign = sign_ctx_new(c->signing, &own.signing);
	smb2_keys_wipe(&own);
	if (opt.protection == SEALED) {
		c->enc = seal_ctx_new(c->cipher, &keys->server_in, true);
		c->dec = seal_ctx_new(c->cipher, &keys->server_out, false);
		if (opt.unchecked && seal_nonce_len(c->cipher) == GCM_IV_LEN)
			c->peek = gcm_new(keys->server_out.bytes, keys->server_out.len, false);
	}
	return c->sign && (opt.protection != SEALED || (c->enc && c->dec));
}

static void tree_connect(struct conn *c)
{
	uint8_t buf[1200];
	char path[400];
	struct smb2_wr w = wr_init(buf, sizeof(buf));

	snprintf(path, sizeof(path), "\\\\%s\\%s", opt.host, opt.share);
	login_tree_put(&w, path);
	if (!wr_ok(&w)) {
		conn_fail(c, "the share's name is too long");
		return;
	}
	login_send(c, SMB2_TREE_CONNECT, &w, false);
}

static void logged_in(struct conn *c, uint32_t tree_id)
{
	c->tree_id = c->s->tree_id = tree_id;
	c->protection = opt.protection;
	c->login = LOGIN_DONE;
	login_end(c);
	engine_logged_in(c);
}

static void proved(struct conn *c, const struct reply *r)
{
	struct iovec iov = { (void *)r->p, r->len };

	if (r->status) {
		refused(c, "SESSION_SETUP", r);
		return;
	}
	if (r->len < SMB2_HDR_SIZE + 4 ||
	    (kh_get_le16(r->p + SMB2_HDR_SIZE + 2) &
	     (SMB2_SESSION_FLAG_IS_GUEST | SMB2_SESSION_FLAG_IS_NULL))) {
		conn_fail(c, "SESSION_SETUP: the server makes a guest of %s", opt.user);
		return;
	}
	if (!use_keys(c)) {
		conn_fail(c, "SESSION_SETUP: no keys");
		return;
	}
	if (!c->first) {
		logged_in(c, c->s->tree_id);
		return;
	}
	if ((r->flags & SMB2_FLAGS_SIGNED) && sign_verify(c->sign, &iov, 1) < 0) {
		conn_fail(c, "SESSION_SETUP: the answer's signature is wrong");
		return;
	}
	/* 3.1.1 wants TREE_CONNECT signed or sealed whatever follows: 3.3.5.7. */
	c->protection = opt.protection == SEALED ? SEALED : SIGNED;
	c->login = LOGIN_TREE;
	tree_connect(c);
}

/* ---- all ---- */

void login_answer(struct conn *c, const struct reply *r)
{
	struct iovec iov = { (void *)r->p, r->len };

	if (c->login == LOGIN_NEGOTIATE || c->login == LOGIN_CHALLENGE)
		preauth_update(&c->login_state->preauth, &iov, 1);
	switch (c->login) {
	case LOGIN_NEGOTIATE:
		negotiated(c, r);
		break;
	case LOGIN_CHALLENGE:
		challenged(c, r);
		break;
	case LOGIN_PROOF:
		proved(c, r);
		break;
	case LOGIN_TREE:
		if (r->status) {
			refused(c, "TREE_CONNECT", r);
			break;
		}
		c->s->id = c->session_id;
		logged_in(c, r->tree_id);
		break;
	default:
		break;
	}
}

void login_end(struct conn *c)
{
	struct login_state *l = c->login_state;

	if (!l)
		return;
	client_free(&l->ntlm);
	crypto_wipe(l, sizeof(*l));
	free(l);
	c->login_state = NULL;
}
