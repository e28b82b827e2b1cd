// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ntlm.c - NTLM's arithmetic (MS-NLMP 3.3 and 3.4): responses, session keys, signatures.
 */
#include <stdio.h>

#include "auth/mech.h"
#include "core/utf16.h"

#define MSV_AV_EOL   0
#define MSV_AV_FLAGS 6

#define NTLMV2_PROOF 16
#define NTLMV2_FIXED 28 /* of the blob behind the proof, before the AV pairs */
#define NTLMV1_LEN   24

/* Upper case of UTF-16LE, unit by unit: surrogates have none. dst has n bytes. */
static void upper16(const struct ntlm_bytes *s, uint8_t *dst)
{
	size_t i;

	for (i = 0; i + 1 < s->n; i += 2)
		kh_put_le16(dst + i, (uint16_t)unicode_upper(kh_get_le16(s->p + i)));
}

/* NTOWFv2: the domain as given. */
static int ntowf_v2(const uint8_t nt_hash[16], const struct ntlm_bytes *user,
		    const struct ntlm_bytes *domain, uint8_t out[16])
{
	_cleanup_free_ uint8_t *up = xmalloc(user->n);
	struct iovec iov[2] = { { up, user->n }, { (void *)domain->p, domain->n } };

	upper16(user, up);
	return hash_hmac_md5(nt_hash, 16, iov, 2, out);
}

/*
 * One candidate for the domain: checks NTLMv2 if there is such a response, else LMv2 (the proof is
 * the first 16 bytes of either), and sets *kx if it is right.
 */
static int check_v2_domain(const struct ntlm_response *r, const uint8_t nt_hash[16],
			   const struct ntlm_bytes *domain, bool *right, uint8_t kx[16])
{
	const struct ntlm_bytes *resp = r->nt.n ? &r->nt : &r->lm;
	struct iovec iov[2] = { { (void *)r->challenge, 8 },
				{ (void *)(resp->p + NTLMV2_PROOF), resp->n - NTLMV2_PROOF } };
	struct iovec proof_iov = { (void *)resp->p, NTLMV2_PROOF };
	uint8_t key[16], proof[16], session[16];
	size_t i;
	int rc;

	rc = ntowf_v2(nt_hash, &r->user, domain, key);
	rc = rc ?: hash_hmac_md5(key, 16, iov, 2, proof);
	rc = rc ?: hash_hmac_md5(key, 16, &proof_iov, 1, session);
	if (!rc && crypto_equal(proof, resp->p, NTLMV2_PROOF)) {
		*right = true;
		for (i = 0; i < 16; i++)
			kx[i] = session[i];
	}
	crypto_wipe(key, sizeof(key));
	crypto_wipe(session, sizeof(session));
	return rc;
}

/*
 * Clients differ in what they mix in as domain: what they send, its upper case, or nothing (as
 * Samba, all three are tried). No early end.
 */
static int check_v2(const struct ntlm_response *r, const uint8_t nt_hash[16], uint8_t kx[16])
{
	_cleanup_free_ uint8_t *up = xmalloc(r->domain.n);
	struct ntlm_bytes domains[3] = { r->domain, { up, r->domain.n }, { up, 0 } };
	bool right = false;
	size_t i;
	int rc = 0;

	upper16(&r->domain, up);
	for (i = 0; i < ARRAY_SIZE(domains) && !rc; i++)
		rc = check_v2_domain(r, nt_hash, &domains[i], &right, kx);
	return rc ?: right ? 0 : -EACCES;
}

/* DESL(): three DES of one block under 21 bytes of key. */
static int desl(const uint8_t key[16], const uint8_t block[8], uint8_t out[24])
{
	uint8_t k[21] = { 0 };
	int rc;

	memcpy(k, key, 16);
	rc = hash_des(k, block, out);
	rc = rc ?: hash_des(k + 7, block, out + 8);
	rc = rc ?: hash_des(k + 14, block, out + 16);
	crypto_wipe(k, sizeof(k));
	return rc;
}

/* NTLMv1, or with extended session security the NTLM2 session response. */
static int check_v1(const struct ntlm_response *r, const uint8_t nt_hash[16], uint8_t kx[16])
{
	bool ess = r->extended && r->lm.n == NTLMV1_LEN;
	struct iovec nonces[2] = { { (void *)r->challenge, 8 }, { (void *)r->lm.p, 8 } };
	uint8_t block[16], want[NTLMV1_LEN], base[16];
	int rc = 0;

	memcpy(block, r->challenge, 8);
	if (ess)
		rc = hash_md5(nonces, 2, block);
	rc = rc ?: desl(nt_hash, block, want);
	rc = rc ?: hash_md4(nt_hash, 16, base);
	if (!rc && ess)
		rc = hash_hmac_md5(base, 16, nonces, 2, kx);
	else if (!rc)
		memcpy(kx, base, 16);
	if (!rc && !crypto_equal(want, r->nt.p, sizeof(want)))
		rc = -EACCES;
	crypto_wipe(base, sizeof(base));
	return rc;
}

int ntlm_check(const struct ntlm_response *r, const uint8_t nt_hash[16],
	       enum auth_ntlm_policy policy, uint8_t kx[16], const char **kind)
{
	if (r->nt.n >= NTLMV2_PROOF + NTLMV2_FIXED) {
		*kind = "NTLMv2";
		return check_v2(r, nt_hash, kx);
	}
	if (!r->nt.n && r->lm.n == NTLMV1_LEN) {
		*kind = "LMv2";
		return check_v2(r, nt_hash, kx);
	}
	if (r->nt.n == NTLMV1_LEN && policy == AUTH_NTLM_V1_PERMITTED) {
		*kind = "NTLMv1";
		return check_v1(r, nt_hash, kx);
	}
	return -EACCES;
}

/* False: a pair runs out of the response. flags: MsvAvFlags, 0 if there are none. */
static bool av_pairs(const struct ntlm_bytes *nt, uint32_t *flags)
{
	struct smb2_rd r = rd_init(nt->p, nt->n);

	*flags = 0;
	if (nt->n <= NTLMV1_LEN)
		return true;
	rd_skip(&r, NTLMV2_PROOF + NTLMV2_FIXED);
	while (rd_left(&r) >= 4) {
		uint16_t id = rd_le16(&r), len = rd_le16(&r);
		const uint8_t *value = rd_bytes(&r, len);

		if (!value)
			return false;
		if (id == MSV_AV_EOL)
			break;
		if (id == MSV_AV_FLAGS && len == 4)
			*flags = kh_get_le32(value);
	}
	return true;
}

bool ntlm_has_mic(const struct ntlm_bytes *nt)
{
	uint32_t flags;

	return av_pairs(nt, &flags) && flags & 2;
}

bool ntlm_response_ok(const struct ntlm_bytes *nt)
{
	uint32_t flags;

	return av_pairs(nt, &flags);
}

/* SIGNKEY and SEALKEY of MS-NLMP 3.4.5: the constants include their NUL. */
static int subkey(const uint8_t *key, size_t n, bool server, const char *what, uint8_t out[16])
{
	char magic[80];
	int len = snprintf(magic, sizeof(magic), "session key to %s %s key magic constant",
			   server ? "server-to-client" : "client-to-server", what);
	struct iovec iov[2] = { { (void *)key, n }, { magic, (size_t)len + 1 } };

	return hash_md5(iov, 2, out);
}

int ntlm_sign(const uint8_t session_key[16], uint32_t flags, bool server, const void *data,
	      size_t n, uint8_t out[16])
{
	size_t seal_len = flags & NTLMSSP_NEGOTIATE_128 ? 16 : flags & NTLMSSP_NEGOTIATE_56 ? 7 : 5;
	uint8_t sign_key[16], seal_key[16], mac[16], seq[4] = { 0 };
	struct iovec iov[2] = { { seq, sizeof(seq) }, { (void *)data, n } };
	int rc;

	memset(out, 0, 16);
	out[0] = 1;
	rc = subkey(session_key, 16, server, "signing", sign_key);
	rc = rc ?: hash_hmac_md5(sign_key, sizeof(sign_key), iov, 2, mac);
	if (!rc && flags & NTLMSSP_NEGOTIATE_KEY_EXCH) {
		rc = subkey(session_key, seal_len, server, "sealing", seal_key);
		rc = rc ?: hash_rc4(seal_key, sizeof(seal_key), mac, 8, out + 4);
		crypto_wipe(seal_key, sizeof(seal_key));
	} else if (!rc) {
		memcpy(out + 4, mac, 8);
	}
	crypto_wipe(sign_key, sizeof(sign_key));
	return rc;
}
