// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ntlmssp.c - the three messages of NTLMSSP, server side (MS-NLMP 2.2.1, 3.2.5).
 *
 * The server stands alone: any domain is accepted, the account is found by its name. Timestamps
 * and channel bindings in the response are not enforced (as Samba; SMB has no channel to bind to).
 */
#include "auth/mech.h"
#include "core/utf16.h"

const uint8_t ntlmssp_signature[8] = "NTLMSSP";

#define MSG_NEGOTIATE	 1
#define MSG_CHALLENGE	 2
#define MSG_AUTHENTICATE 3

#define CHALLENGE_PAYLOAD    56
#define AUTHENTICATE_FIXED   64 /* up to NegotiateFlags */
#define AUTHENTICATE_MIC_OFF 72
#define AUTHENTICATE_MIC_END 88

#define MSV_AV_EOL	    0
#define MSV_AV_NB_COMPUTER  1
#define MSV_AV_NB_DOMAIN    2
#define MSV_AV_DNS_COMPUTER 3
#define MSV_AV_DNS_DOMAIN   4
#define MSV_AV_TIMESTAMP    7

/* What a client may ask for and gets. */
#define FLAGS_ECHOED                                                                              \
	(NTLMSSP_NEGOTIATE_UNICODE | NTLMSSP_NEGOTIATE_SIGN | NTLMSSP_NEGOTIATE_SEAL |            \
	 NTLMSSP_NEGOTIATE_ALWAYS_SIGN | NTLMSSP_NEGOTIATE_EXTENDED_SEC | NTLMSSP_NEGOTIATE_128 | \
	 NTLMSSP_NEGOTIATE_56 | NTLMSSP_NEGOTIATE_KEY_EXCH)
#define FLAGS_OURS                                                                      \
	(NTLMSSP_REQUEST_TARGET | NTLMSSP_NEGOTIATE_NTLM | NTLMSSP_TARGET_TYPE_SERVER | \
	 NTLMSSP_NEGOTIATE_TARGET_INFO | NTLMSSP_NEGOTIATE_VERSION)

/* ---- NEGOTIATE → CHALLENGE ---- */

static uint16_t put_utf16(struct smb2_wr *w, const char *s)
{
	int n = s ? utf8_to_utf16(s, strlen(s), w->buf + w->off, wr_left(w)) : 0;

	if (n < 0 || n > UINT16_MAX) {
		wr_fail(w);
		return 0;
	}
	wr_space(w, (uint64_t)n);
	return (uint16_t)n;
}

static void put_av(struct smb2_wr *w, uint16_t id, const char *s)
{
	uint64_t at = w->off;

	wr_le16(w, id);
	wr_le16(w, 0);
	wr_patch_le16(w, at + 2, put_utf16(w, s));
}

/* 100 ns since 1601. */
static uint64_t filetime_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ((uint64_t)ts.tv_sec + 11644473600u) * 10000000u + (uint64_t)ts.tv_nsec / 100;
}

static void put_target_info(struct smb2_wr *w, const struct auth_config *cfg)
{
	put_av(w, MSV_AV_NB_DOMAIN, cfg->domain);
	put_av(w, MSV_AV_NB_COMPUTER, cfg->netbios_name);
	put_av(w, MSV_AV_DNS_DOMAIN, cfg->dns_domain);
	put_av(w, MSV_AV_DNS_COMPUTER, cfg->dns_name);
	wr_le16(w, MSV_AV_TIMESTAMP);
	wr_le16(w, 8);
	wr_le64(w, filetime_now());
	wr_le16(w, MSV_AV_EOL);
	wr_le16(w, 0);
}

static bool put_challenge(struct auth *a, struct auth_blob *out)
{
	static const uint8_t version[8] = { 6, 1, 0, 0, 0, 0, 0, 15 }; /* 6.1, NTLMSSP rev. 15 */
	uint8_t buf[4096];
	struct smb2_wr w = wr_init(buf, sizeof(buf));
	uint64_t info;
	uint16_t n;

	wr_bytes(&w, ntlmssp_signature, 8);
	wr_le32(&w, MSG_CHALLENGE);
	wr_zero(&w, 4); /* TargetNameFields, below */
	wr_le32(&w, CHALLENGE_PAYLOAD);
	wr_le32(&w, a->ntlm.flags);
	wr_bytes(&w, a->ntlm.challenge, 8);
	wr_zero(&w, 8 + 8); /* Reserved; TargetInfoFields */
	wr_bytes(&w, version, sizeof(version));
	n = put_utf16(&w, a->cfg.netbios_name);
	wr_patch_le16(&w, 12, n);
	wr_patch_le16(&w, 14, n);
	info = w.off;
	put_target_info(&w, &a->cfg);
	n = (uint16_t)(w.off - info);
	wr_patch_le16(&w, 40, n);
	wr_patch_le16(&w, 42, n);
	wr_patch_le32(&w, 44, (uint32_t)info);
	if (!wr_ok(&w))
		return false;
	auth_blob_set(&a->ntlm.msg2, buf, w.off);
	auth_blob_set(out, buf, w.off);
	return true;
}

static ntstatus negotiate(struct auth *a, struct smb2_rd r, struct auth_blob *out)
{
	uint32_t flags = rd_le32(&r);

	if (!rd_ok(&r) || r.len > NTLMSSP_NEGOTIATE_MAX || !(flags & NTLMSSP_NEGOTIATE_UNICODE))
		return (ntstatus)NT_STATUS_INVALID_PARAMETER;
	a->why = "NTLM is disabled (ntlm auth)";
	if (a->cfg.ntlm == AUTH_NTLM_DISABLED)
		return (ntstatus)NT_STATUS_LOGON_FAILURE;
	a->ntlm.flags = (flags & FLAGS_ECHOED) | FLAGS_OURS;
	crypto_random(a->ntlm.challenge, sizeof(a->ntlm.challenge));
	auth_blob_set(&a->ntlm.msg1, r.buf, r.len);
	if (!put_challenge(a, out))
		return (ntstatus)NT_STATUS_INTERNAL_ERROR;
	a->ntlm.challenged = true;
	a->why = NULL;
	return (ntstatus)NT_STATUS_MORE_PROCESSING_REQUIRED;
}

/* ---- AUTHENTICATE ---- */

struct authenticate {
	struct ntlm_response resp;
	struct ntlm_bytes workstation, key;
	uint32_t flags;
	struct ntlm_bytes whole;
};

/* A payload field: length, allocated, offset. An empty one may point anywhere. */
static struct ntlm_bytes field(struct smb2_rd *r)
{
	uint16_t len = rd_le16(r);
	struct smb2_rd s;

	rd_skip(r, 2);
	s = rd_sub(r, len ? rd_le32(r) : (rd_skip(r, 4), 0), len);
	return (struct ntlm_bytes) { len ? s.buf : (const uint8_t *)"",
				     len && rd_ok(&s) ? len : 0 };
}

static bool parse_authenticate(struct auth *a, struct smb2_rd r, struct authenticate *m)
{
	memset(m, 0, sizeof(*m));
	if (r.len < AUTHENTICATE_FIXED)
		return false;
	m->resp.lm = field(&r);
	m->resp.nt = field(&r);
	m->resp.domain = field(&r);
	m->resp.user = field(&r);
	m->workstation = field(&r);
	m->key = field(&r);
	m->flags = rd_le32(&r) & a->ntlm.flags;
	m->whole.p = r.buf;
	m->whole.n = r.len;
	m->resp.extended = m->flags & NTLMSSP_NEGOTIATE_EXTENDED_SEC;
	memcpy(m->resp.challenge, a->ntlm.challenge, sizeof(a->ntlm.challenge));
	return rd_ok(&r);
}

static bool take_names(struct auth_result *res, const struct authenticate *m)
{
	return utf16_to_utf8(m->resp.user.p, m->resp.user.n, res->client_name, AUTH_NAME_MAX) >=
		       0 &&
	       utf16_to_utf8(m->resp.domain.p, m->resp.domain.n, res->domain, AUTH_NAME_MAX) >= 0 &&
	       utf16_to_utf8(m->workstation.p, m->workstation.n, res->workstation, AUTH_NAME_MAX) >=
		       0;
}

static int lookup(const struct auth_config *cfg, const char *name, struct auth_account *acc)
{
	char plain[AUTH_NAME_MAX];
	char *at;
	int rc;

	rc = cfg->lookup ? cfg->lookup(cfg->lookup_arg, name, acc) : -ENOENT;
	if (rc != -ENOENT || !strchr(name, '@'))
		return rc;
	/* user@host, as Windows sends what was typed so, with no domain */
	memcpy(plain, name, sizeof(plain));
	at = strrchr(plain, '@');
	*at = '\0';
	return cfg->lookup(cfg->lookup_arg, plain, acc);
}

static bool to_guest(enum auth_map_to_guest map, int lookup_rc)
{
	if (map == AUTH_GUEST_NEVER || (lookup_rc && lookup_rc != -ENOENT))
		return false;
	return lookup_rc == -ENOENT || map == AUTH_GUEST_BAD_PASSWORD;
}

static const char *why_not(const struct auth *a, int found)
{
	if (found == -ENOENT)
		return "there is no such account";
	if (found)
		return "the accounts cannot be read";
	if (!a->result.mechanism || !strcmp(a->result.mechanism, "NTLM"))
		return "this kind of response is not allowed (ntlm auth)";
	return "wrong password";
}

/* Who is it? Sets the result's account or guest, and the KeyExchangeKey (zero for a guest). */
static ntstatus identify(struct auth *a, const struct authenticate *m, uint8_t kx[16])
{
	struct auth_account acc = { 0 };
	uint8_t dummy[16];
	int found, rc;
	ntstatus status = NT_STATUS_SUCCESS;

	found = lookup(&a->cfg, a->result.client_name, &acc);
	crypto_random(dummy, sizeof(dummy)); /* nobody's hash: the same work for an unknown name */
	rc = ntlm_check(&m->resp, found ? dummy : acc.nt_hash, a->cfg.ntlm, kx,
			&a->result.mechanism);
	if (rc && rc != -EACCES) {
		status = (ntstatus)NT_STATUS_INTERNAL_ERROR;
	} else if (rc || found) {
		a->result.guest = to_guest(a->cfg.map_to_guest, found);
		a->why = why_not(a, found);
		status = a->result.guest ? NT_STATUS_SUCCESS : (ntstatus)NT_STATUS_LOGON_FAILURE;
	} else if (acc.disabled) {
		status = (ntstatus)NT_STATUS_ACCOUNT_DISABLED;
		a->why = "the account is disabled";
	} else {
		acc.name[AUTH_NAME_MAX - 1] = '\0';
		memcpy(a->result.account, acc.name, AUTH_NAME_MAX);
		a->ntlm.have_key = true;
	}
	if (a->result.guest)
		memset(kx, 0, 16);
	crypto_wipe(&acc, sizeof(acc));
	return status;
}

/* ExportedSessionKey (MS-NLMP 3.2.5.1.2). Guests may lack the field: their key is worth nothing. */
static ntstatus take_key(struct auth *a, const struct authenticate *m, const uint8_t kx[16])
{
	struct auth_result *res = &a->result;

	res->session_key_len = 16;
	memcpy(res->session_key, kx, 16);
	if (!(m->flags & NTLMSSP_NEGOTIATE_KEY_EXCH))
		return NT_STATUS_SUCCESS;
	if (m->key.n != 16)
		return a->ntlm.have_key ? (ntstatus)NT_STATUS_INVALID_PARAMETER : NT_STATUS_SUCCESS;
	if (hash_rc4(kx, 16, m->key.p, 16, res->session_key))
		return (ntstatus)NT_STATUS_INTERNAL_ERROR;
	return NT_STATUS_SUCCESS;
}

/* The MIC over all three messages, its own bytes as zeros. */
static ntstatus check_mic(struct auth *a, const struct authenticate *m)
{
	static const uint8_t zero[16];
	const uint8_t *p = m->whole.p;
	struct iovec iov[5];
	uint8_t mic[16];

	if (!a->ntlm.have_key || !ntlm_has_mic(&m->resp.nt))
		return NT_STATUS_SUCCESS;
	if (m->whole.n < AUTHENTICATE_MIC_END)
		return (ntstatus)NT_STATUS_INVALID_PARAMETER;
	iov[0] = (struct iovec) { a->ntlm.msg1.data, a->ntlm.msg1.len };
	iov[1] = (struct iovec) { a->ntlm.msg2.data, a->ntlm.msg2.len };
	iov[2] = (struct iovec) { (void *)p, AUTHENTICATE_MIC_OFF };
	iov[3] = (struct iovec) { (void *)zero, sizeof(zero) };
	iov[4] = (struct iovec) { (void *)(p + AUTHENTICATE_MIC_END),
				  m->whole.n - AUTHENTICATE_MIC_END };
	if (hash_hmac_md5(a->result.session_key, 16, iov, 5, mic))
		return (ntstatus)NT_STATUS_INTERNAL_ERROR;
	return crypto_equal(mic, p + AUTHENTICATE_MIC_OFF, 16)
		       ? NT_STATUS_SUCCESS
		       : (ntstatus)NT_STATUS_INVALID_PARAMETER;
}

static bool is_anonymous(const struct authenticate *m)
{
	return !m->resp.user.n && !m->resp.nt.n &&
	       (!m->resp.lm.n || (m->resp.lm.n == 1 && !m->resp.lm.p[0]));
}

static ntstatus authenticate(struct auth *a, struct smb2_rd r)
{
	struct authenticate m;
	uint8_t kx[16] = { 0 };
	ntstatus status = NT_STATUS_SUCCESS;

	if (!parse_authenticate(a, r, &m) || !take_names(&a->result, &m) ||
	    !ntlm_response_ok(&m.resp.nt))
		return (ntstatus)NT_STATUS_INVALID_PARAMETER;
	a->result.mechanism = "NTLM";
	if (is_anonymous(&m)) {
		a->why = "anonymous logins are not allowed (restrict anonymous)";
		if (!a->cfg.anonymous_ok)
			return (ntstatus)NT_STATUS_ACCESS_DENIED;
		a->result.anonymous = true;
	} else {
		status = identify(a, &m, kx);
	}
	if (status == NT_STATUS_SUCCESS)
		status = take_key(a, &m, kx);
	if (status == NT_STATUS_SUCCESS) {
		status = check_mic(a, &m);
		if (status != NT_STATUS_SUCCESS)
			a->why = "the message integrity code is wrong";
	}
	a->ntlm.flags = m.flags;
	crypto_wipe(kx, sizeof(kx));
	return status;
}

ntstatus ntlmssp_step(struct auth *a, const void *in, size_t in_len, struct auth_blob *out)
{
	struct smb2_rd r = rd_init(in, in_len);
	const uint8_t *sig = rd_bytes(&r, sizeof(ntlmssp_signature));
	uint32_t type = rd_le32(&r);

	if (!rd_ok(&r) || memcmp(sig, ntlmssp_signature, sizeof(ntlmssp_signature)))
		return (ntstatus)NT_STATUS_INVALID_PARAMETER;
	if (type == MSG_NEGOTIATE && !a->ntlm.challenged)
		return negotiate(a, r, out);
	if (type == MSG_AUTHENTICATE && a->ntlm.challenged)
		return authenticate(a, r);
	return (ntstatus)NT_STATUS_INVALID_PARAMETER;
}

int ntlmssp_mic(struct auth *a, bool server, const void *data, size_t n, uint8_t out[16])
{
	if (!a->ntlm.have_key || !(a->ntlm.flags & NTLMSSP_NEGOTIATE_EXTENDED_SEC))
		return -ENOTSUP;
	return ntlm_sign(a->result.session_key, a->ntlm.flags, server, data, n, out);
}
