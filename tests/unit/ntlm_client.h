/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ntlm_client.h - the other end of an NTLMSSP exchange, for tests: NTLMv2, anonymous, with and
 * without key exchange and MIC.
 */
#ifndef KH_TEST_NTLM_CLIENT_H
#define KH_TEST_NTLM_CLIENT_H

#include "auth/mech.h"
#include "core/utf16.h"

struct client {
	const char *user, *password, *domain;
	uint32_t flags;
	bool mic, spoil_mic, anonymous, skip_av;
	struct auth_blob msg1, msg2;
	uint8_t key[16];
};

#define CLIENT_FLAGS                                                                           \
	(NTLMSSP_NEGOTIATE_UNICODE | NTLMSSP_NEGOTIATE_SIGN | NTLMSSP_NEGOTIATE_EXTENDED_SEC | \
	 NTLMSSP_NEGOTIATE_128 | NTLMSSP_NEGOTIATE_KEY_EXCH)

static inline size_t client_negotiate(struct client *c, uint8_t *buf)
{
	struct smb2_wr w = wr_init(buf, 64);

	wr_bytes(&w, ntlmssp_signature, 8);
	wr_le32(&w, 1);
	wr_le32(&w, c->flags);
	wr_zero(&w, 16);
	auth_blob_set(&c->msg1, buf, w.off);
	return w.off;
}

static inline void put_field(struct smb2_wr *w, uint64_t *at, const void *data, size_t n)
{
	kh_put_le16(w->buf + *at, (uint16_t)n);
	kh_put_le16(w->buf + *at + 2, (uint16_t)n);
	kh_put_le32(w->buf + *at + 4, (uint32_t)w->off);
	wr_bytes(w, data, n);
	*at += 8;
}

/* NTLMv2 (MS-NLMP 3.3.2), with the server's AV pairs and, for a MIC, MsvAvFlags. */
static inline size_t client_v2(const struct client *c, const uint8_t *user, size_t user_n,
			       const uint8_t *dom, size_t dom_n, uint8_t *out, uint8_t kx[16])
{
	struct smb2_rd m = rd_init(c->msg2.data, c->msg2.len);
	uint8_t hash[16], key[16], up[64];
	struct smb2_wr w = wr_init(out + 16, 1000);
	struct iovec iov[2];
	size_t i, info_n;

	for (i = 0; i < user_n; i += 2)
		kh_put_le16(up + i, (uint16_t)unicode_upper(kh_get_le16(user + i)));
	rd_seek(&m, 40);
	info_n = rd_le16(&m);
	wr_le32(&w, 0x0101);
	wr_zero(&w, 12);
	wr_bytes(&w, "cliently", 8);
	wr_zero(&w, 4);
	if (c->mic && !c->skip_av) {
		wr_le16(&w, 6);
		wr_le16(&w, 4);
		wr_le32(&w, 2);
	}
	wr_bytes(&w, m.buf + kh_get_le32(m.buf + 44), info_n);
	wr_zero(&w, 4);
	hash_nt(c->password, hash);
	iov[0] = (struct iovec) { up, user_n };
	iov[1] = (struct iovec) { (void *)dom, dom_n };
	hash_hmac_md5(hash, 16, iov, 2, key);
	iov[0] = (struct iovec) { c->msg2.data + 24, 8 };
	iov[1] = (struct iovec) { out + 16, w.off };
	hash_hmac_md5(key, 16, iov, 2, out);
	iov[0] = (struct iovec) { out, 16 };
	hash_hmac_md5(key, 16, iov, 1, kx);
	return 16 + w.off;
}

static inline size_t client_authenticate(struct client *c, const struct auth_blob *challenge,
					 uint8_t *buf, size_t cap)
{
	uint8_t user[64], dom[64], nt[1100], kx[16] = { 0 }, enc[16], lm[24] = { 0 };
	struct smb2_wr w = wr_init(buf, cap);
	int user_n = utf8_to_utf16(c->user, strlen(c->user), user, sizeof(user));
	int dom_n = utf8_to_utf16(c->domain, strlen(c->domain), dom, sizeof(dom));
	size_t nt_n = 0, lm_n = 24;
	uint64_t at = 12;

	auth_blob_set(&c->msg2, challenge->data, challenge->len);
	wr_zero(&w, 88);
	memcpy(buf, ntlmssp_signature, 8);
	kh_put_le32(buf + 8, 3);
	if (c->anonymous)
		lm_n = 1;
	else
		nt_n = client_v2(c, user, (size_t)user_n, dom, (size_t)dom_n, nt, kx);
	memset(c->key, 0x55, 16);
	hash_rc4(kx, 16, c->key, 16, enc);
	put_field(&w, &at, lm, lm_n);
	put_field(&w, &at, nt, nt_n);
	put_field(&w, &at, dom, (size_t)dom_n);
	put_field(&w, &at, user, (size_t)user_n);
	put_field(&w, &at, "W\0S\0", 4);
	put_field(&w, &at, enc, c->flags & NTLMSSP_NEGOTIATE_KEY_EXCH ? 16 : 0);
	kh_put_le32(buf + 60, c->flags);
	if (!(c->flags & NTLMSSP_NEGOTIATE_KEY_EXCH))
		memcpy(c->key, kx, 16);
	if (c->mic) {
		struct iovec iov[3] = { { c->msg1.data, c->msg1.len },
					{ c->msg2.data, c->msg2.len },
					{ buf, w.off } };

		hash_hmac_md5(c->key, 16, iov, 3, enc);
		memcpy(buf + 72, enc, 16);
		buf[72] ^= c->spoil_mic;
	}
	return w.off;
}

static inline void client_free(struct client *c)
{
	auth_blob_free(&c->msg1);
	auth_blob_free(&c->msg2);
}

#endif /* KH_TEST_NTLM_CLIENT_H */
