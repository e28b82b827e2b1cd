// SPDX-License-Identifier: GPL-2.0-or-later
/* smb2_negotiate.c - NEGOTIATE (MS-SMB2 2.2.3, 2.2.4, 3.3.5.3, 3.3.5.4). */
#include "auth/auth.h"
#include "core/debug.h"
#include "smb2/smb2.h"

#define SMALL_MAX 65536u /* transfer size of dialect 2.0.2 */
#define SALT_LEN  32
#define BODY_MAX  (64 + AUTH_SPNEGO_HINT + 128)

/* What the client's contexts ask for; 0 where it does not ask. */
struct wishes {
	uint16_t cipher, signing;
	bool preauth_seen, preauth_sha512;
	bool encryption_seen, signing_seen, posix;
};

/* First of the client's ids that is ours, in the order of ours; 0xFFFF: none. */
static uint16_t choose(const uint16_t *ours, unsigned int n, struct smb2_rd *ids,
		       unsigned int count)
{
	uint16_t best = 0xFFFF;
	unsigned int rank = n;

	while (count--) {
		uint16_t id = rd_le16(ids);

		for (unsigned int i = 0; i < rank; i++)
			if (ours[i] == id) {
				best = id;
				rank = i;
			}
	}
	return best;
}

/* One context, MS-SMB2 3.3.5.4. False: INVALID_PARAMETER. */
static bool context(const struct conf *f, uint16_t type, struct smb2_rd *d, struct wishes *w)
{
	uint16_t count = rd_le16(d), id;

	switch (type) {
	case SMB2_PREAUTH_INTEGRITY_CAPABILITIES:
		if (w->preauth_seen || !count)
			return false;
		w->preauth_seen = true;
		rd_skip(d, 2);
		while (count--)
			if (rd_le16(d) == SMB2_PREAUTH_SHA512)
				w->preauth_sha512 = true;
		return rd_ok(d);
	case SMB2_ENCRYPTION_CAPABILITIES:
		if (w->encryption_seen || !count)
			return false;
		w->encryption_seen = true;
		id = choose(f->ciphers, f->nciphers, d, count);
		w->cipher = id == 0xFFFF ? 0 : id;
		return rd_ok(d);
	case SMB2_SIGNING_CAPABILITIES:
		if (w->signing_seen || !count)
			return false;
		w->signing_seen = true;
		id = choose(f->signing_algs, f->nsigning_algs, d, count);
		w->signing = id == 0xFFFF ? SMB2_SIGNING_AES_CMAC : id;
		return rd_ok(d);
	case SMB2_POSIX_EXTENSIONS_AVAILABLE:
		w->posix = true;
		return true;
	}
	return true; /* others are ignored */
}

static bool contexts(const struct conf *f, struct smb2_rd *r, uint32_t off, uint16_t count,
		     struct wishes *w)
{
	rd_seek(r, off);
	while (count--) {
		uint16_t type, len;
		struct smb2_rd d;

		rd_align(r, 8);
		type = rd_le16(r);
		len = rd_le16(r);
		rd_skip(r, 4);
		d = rd_sub(r, r->off, len);
		rd_skip(r, len);
		if (!rd_ok(r) || !context(f, type, &d, w))
			return false;
	}
	return true;
}

/* ---- the answer ---- */

static void context_put(struct smb2_wr *w, uint16_t type, const uint16_t *ids, unsigned int n,
			const uint8_t *salt)
{
	uint64_t len_at;

	wr_align(w, 8);
	wr_le16(w, type);
	len_at = w->off;
	wr_le16(w, 0);
	wr_le32(w, 0);
	wr_le16(w, (uint16_t)n);
	if (salt)
		wr_le16(w, SALT_LEN);
	for (unsigned int i = 0; i < n; i++)
		wr_le16(w, ids[i]);
	if (salt)
		wr_bytes(w, salt, SALT_LEN);
	wr_patch_le16(w, len_at, (uint16_t)(w->off - len_at - 6));
}

static void contexts_put(struct smb2_wr *w, const struct conn_state *st, const struct wishes *wish,
			 uint64_t off_at, uint64_t count_at)
{
	uint16_t count = 1, sha = SMB2_PREAUTH_SHA512;
	uint8_t salt[SALT_LEN];

	wr_align(w, 8);
	wr_patch_le32(w, off_at, (uint32_t)w->off);
	crypto_random(salt, sizeof(salt));
	context_put(w, SMB2_PREAUTH_INTEGRITY_CAPABILITIES, &sha, 1, salt);
	if (wish->encryption_seen) {
		context_put(w, SMB2_ENCRYPTION_CAPABILITIES, &st->cipher, 1, NULL);
		count++;
	}
	if (wish->signing_seen) {
		context_put(w, SMB2_SIGNING_CAPABILITIES, &st->signing_alg, 1, NULL);
		count++;
	}
	if (st->posix) {
		wr_align(w, 8);
		wr_le16(w, SMB2_POSIX_EXTENSIONS_AVAILABLE);
		wr_le16(w, sizeof(posix_extensions_guid));
		wr_le32(w, 0);
		wr_bytes(w, posix_extensions_guid, sizeof(posix_extensions_guid));
		count++;
	}
	wr_patch_le16(w, count_at, count);
}

static void body_put(struct smb2_wr *w, const struct conn *c, uint16_t dialect,
		     const struct wishes *wish)
{
	const struct conn_state *st = &c->st;
	uint8_t hint[AUTH_SPNEGO_HINT];
	int n = spnego_hint(hint, sizeof(hint));
	uint64_t off_at, count_at;

	if (n < 0)
		n = 0; /* the client then begins with its own choice */
	wr_le16(w, 65);
	wr_le16(w, st->server_security_mode);
	wr_le16(w, dialect);
	count_at = w->off;
	wr_le16(w, 0);
	wr_bytes(w, server.guid, sizeof(server.guid));
	wr_le32(w, st->server_caps);
	wr_le32(w, st->max_trans);
	wr_le32(w, st->max_read);
	wr_le32(w, st->max_write);
	wr_le64(w, nttime_now());
	wr_le64(w, 0); /* ServerStartTime: 0 as Windows Server 2016 and later */
	wr_le16(w, SMB2_HDR_SIZE + 64);
	wr_le16(w, (uint16_t)n);
	off_at = w->off;
	wr_le32(w, 0);
	wr_bytes(w, hint, (uint64_t)n);
	if (dialect == SMB2_DIALECT_311 && wish)
		contexts_put(w, st, wish, off_at, count_at);
}

/*
 * Offered where some share grants it; on directories to those that say they know of it, because
 * some clients (impacket) act on the offer without knowing how.
 */
static uint32_t leasing(const struct conf *f, bool directories)
{
	uint32_t caps = 0;

	for (unsigned int i = 0; i < f->nshares; i++) {
		const struct conf_share *s = &f->shares[i];

		if (s->oplocks && s->leases)
			caps |= SMB2_GLOBAL_CAP_LEASING |
				(directories && s->directory_leases
					 ? SMB2_GLOBAL_CAP_DIRECTORY_LEASING
					 : 0);
	}
	return caps;
}

/* Everything that follows from the dialect (3.3.5.4). */
static void settle(struct conn *c, uint16_t dialect, const struct wishes *wish)
{
	const struct conf *f = c->conf;
	struct conn_state *st = &c->st;
	bool large = dialect >= SMB2_DIALECT_210 && dialect != SMB2_DIALECT_2FF;
	bool v3 = large && dialect >= SMB2_DIALECT_300;

	st->dialect = dialect;
	st->posix = dialect == SMB2_DIALECT_311 && wish->posix && f->posix_extensions;
	st->server_security_mode = SMB2_NEGOTIATE_SIGNING_ENABLED;
	if (f->signing == CONF_SIGN_REQUIRED)
		st->server_security_mode |= SMB2_NEGOTIATE_SIGNING_REQUIRED;
	st->max_trans = large ? f->max_trans : MIN(f->max_trans, SMALL_MAX);
	st->max_read = large ? f->max_read : MIN(f->max_read, SMALL_MAX);
	st->max_write = large ? f->max_write : MIN(f->max_write, SMALL_MAX);
	st->supports_large_mtu = large;
	st->server_caps = 0;
	if (large)
		st->server_caps |=
			SMB2_GLOBAL_CAP_LARGE_MTU |
			leasing(f, v3 && st->client_caps & SMB2_GLOBAL_CAP_DIRECTORY_LEASING);
	if (v3 && f->multi_channel)
		st->server_caps |= SMB2_GLOBAL_CAP_MULTI_CHANNEL;
	st->signing_alg = v3 ? SMB2_SIGNING_AES_CMAC : SMB2_SIGNING_HMAC_SHA256;
	st->cipher = 0;
	if (dialect == SMB2_DIALECT_311) {
		st->cipher = wish->cipher;
		if (wish->signing_seen)
			st->signing_alg = wish->signing;
	} else if (v3 && st->client_caps & SMB2_GLOBAL_CAP_ENCRYPTION) {
		st->cipher = SMB2_ENCRYPTION_AES128_CCM;
		st->server_caps |= SMB2_GLOBAL_CAP_ENCRYPTION;
	}
	if (f->encrypt == CONF_ENCRYPT_OFF) {
		st->cipher = 0;
		st->server_caps &= ~SMB2_GLOBAL_CAP_ENCRYPTION;
	}
}

/* The highest dialect of both; 0: none. */
static uint16_t pick_dialect(const struct conf *f, const uint16_t *d, unsigned int n)
{
	uint16_t best = 0;

	for (unsigned int i = 0; i < n; i++) {
		switch (d[i]) {
		case SMB2_DIALECT_202:
		case SMB2_DIALECT_210:
		case SMB2_DIALECT_300:
		case SMB2_DIALECT_302:
		case SMB2_DIALECT_311:
			if (d[i] > best && d[i] >= f->min_dialect && d[i] <= f->max_dialect)
				best = d[i];
		}
	}
	return best;
}

static const char *cipher_text(uint16_t cipher)
{
	static const char *const names[] = { "none", "AES-128-CCM", "AES-128-GCM", "AES-256-CCM",
					     "AES-256-GCM" };

	return cipher < ARRAY_SIZE(names) ? names[cipher] : "?";
}

static const char *signing_text(const struct conn *c)
{
	if (c->st.dialect < SMB2_DIALECT_300)
		return "HMAC-SHA256";
	return c->st.signing_alg == SMB2_SIGNING_AES_GMAC   ? "AES-GMAC"
	       : c->st.signing_alg == SMB2_SIGNING_AES_CMAC ? "AES-CMAC"
							    : "HMAC-SHA256";
}

ntstatus smb2_negotiate(struct request *rq)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len);
	struct conn *c = rq->conn;
	struct wishes wish = { 0 };
	uint16_t count, nctx, dialect;
	struct iovec iov = { rq->frame, rq->frame_len };
	struct smb2_wr *w;
	uint32_t ctx_off;

	if (c->st.dialect && c->st.dialect != SMB2_DIALECT_2FF) {
		stats_bad(BAD_before_negotiate);
		return REQ_CLOSE; /* 3.3.5.4: a second one disconnects */
	}
	rd_skip(&r, SMB2_HDR_SIZE + 2);
	count = rd_le16(&r);
	c->st.client_security_mode = rd_le16(&r);
	rd_skip(&r, 2);
	c->st.client_caps = rd_le32(&r);
	rd_copy(&r, c->st.client_guid, sizeof(c->st.client_guid));
	ctx_off = rd_le32(&r);
	nctx = rd_le16(&r);
	rd_skip(&r, 2);
	if (!count || count > ARRAY_SIZE(c->st.client_dialects))
		rd_fail(&r);
	for (unsigned int i = 0; i < count && rd_ok(&r); i++)
		c->st.client_dialects[i] = rd_le16(&r);
	if (!rd_ok(&r)) {
		stats_bad(BAD_parameter);
		return NT_STATUS_INVALID_PARAMETER;
	}
	c->st.nclient_dialects = count;
	dialect = pick_dialect(c->conf, c->st.client_dialects, count);
	if (!dialect) {
		debug_conn(LOG_CONN, c,
			   "negotiation refused offered=0x%04x..0x%04x why=\"no dialect "
			   "in common\"",
			   c->st.client_dialects[0], c->st.client_dialects[count - 1]);
		return NT_STATUS_NOT_SUPPORTED;
	}
	if (dialect == SMB2_DIALECT_311) {
		if (!contexts(c->conf, &r, ctx_off, nctx, &wish) || !wish.preauth_seen) {
			stats_bad(BAD_parameter);
			return NT_STATUS_INVALID_PARAMETER;
		}
		if (!wish.preauth_sha512)
			return NT_STATUS_SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP;
	}
	settle(c, dialect, &wish);
	debug_conn(LOG_CONN, c,
		   "negotiated dialect=%s cipher=%s signing=%s client_caps=0x%x "
		   "security_mode=%u max_read=%u",
		   conf_dialect_name(dialect), cipher_text(c->st.cipher), signing_text(c),
		   c->st.client_caps, c->st.client_security_mode, c->st.max_read);
	w = reply_begin(rq, BODY_MAX);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	body_put(w, c, dialect, &wish);
	if (dialect == SMB2_DIALECT_311) {
		memset(&c->st.preauth, 0, sizeof(c->st.preauth));
		preauth_update(&c->st.preauth, &iov, 1);
		rq->preauth = &c->st.preauth;
	}
	return NT_STATUS_SUCCESS;
}

/* ---- SMB1 multi-protocol negotiation (3.3.5.3.1, 3.3.5.3.2) ---- */

/* Which SMB2 dialect the strings offer: 0x02FF, 0x0202, or 0. MS-CIFS 2.2.4.52.1 */
static uint16_t smb1_offers(const uint8_t *frame, size_t len)
{
	struct smb2_rd r = rd_init(frame, len);
	uint16_t found = 0;
	uint8_t command;

	rd_skip(&r, 4);
	command = rd_u8(&r);
	rd_skip(&r, 27);
	if (command != 0x72 || rd_u8(&r) != 0)
		return 0;
	rd_skip(&r, 2); /* ByteCount: the frame's end is as good */
	while (rd_left(&r) > 1) {
		const uint8_t *s;
		size_t n;

		if (rd_u8(&r) != 2)
			break;
		s = r.buf + r.off;
		n = strnlen((const char *)s, rd_left(&r));
		if (n == rd_left(&r))
			break;
		if (n == 9 && memcmp(s, "SMB 2.???", 9) == 0)
			found = SMB2_DIALECT_2FF;
		else if (n == 9 && memcmp(s, "SMB 2.002", 9) == 0 && !found)
			found = SMB2_DIALECT_202;
		rd_skip(&r, n + 1);
	}
	return found;
}

void smb2_negotiate_smb1(struct conn *c, const uint8_t *frame, size_t len)
{
	struct smb2_hdr h = { .command = SMB2_NEGOTIATE, .flags = SMB2_FLAGS_SERVER_TO_REDIR };
	uint16_t dialect = c->conf->smb1_negotiate ? smb1_offers(frame, len) : 0;
	struct outbuf *o;
	struct smb2_wr w;

	if (dialect == SMB2_DIALECT_2FF && c->conf->max_dialect == SMB2_DIALECT_202)
		dialect = SMB2_DIALECT_202;
	if (!dialect || (dialect == SMB2_DIALECT_202 && c->conf->min_dialect > SMB2_DIALECT_202) ||
	    !conn_window_use(c, 0, 1)) {
		stats_bad(BAD_header); /* SMB1 itself is not spoken here */
		conn_close(c);
		return;
	}
	settle(c, dialect, NULL);
	if (dialect == SMB2_DIALECT_2FF) /* as Windows: large transfers are settled later */
		c->st.max_trans = c->st.max_read = c->st.max_write = SMALL_MAX;
	o = outbuf_new(SMB2_HDR_SIZE + BODY_MAX);
	if (!o) {
		conn_close(c);
		return;
	}
	h.credits = smb2_window_grant(c->st.window, 1, 1);
	w = wr_init(o->buf + o->start, o->cap - o->start);
	smb2_hdr_put(&w, &h);
	body_put(&w, c, dialect, NULL);
	o->len += w.off;
	o->start -= SMB2_PREFIX_SIZE;
	smb2_prefix_put(o->buf + o->start, (uint32_t)w.off);
	conn_queue(c, o);
}
