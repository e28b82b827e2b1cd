// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * seal.c - AES-CCM and AES-GCM of whole messages behind an SMB2 TRANSFORM_HEADER.
 *
 * OpenSSL's CCM takes a message in one update only (its length goes into the first block), so a
 * message in pieces is gathered into one buffer first; CCM costs so much more than the copy that
 * the copy does not show.
 */
#include "crypto/gcm.h"
#include "crypto/internal.h"

#define TAG_LEN SMB2_SIGNATURE_SIZE

struct seal_ctx {
	struct gcm *gcm; /* or */
	EVP_CIPHER_CTX *ccm;
	bool encrypt;
};

static EVP_CIPHER_CTX *ccm_new(const EVP_CIPHER *alg, const uint8_t *key, bool encrypt)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	if (c && EVP_CipherInit_ex2(c, alg, NULL, NULL, encrypt, NULL) &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, 11, NULL) > 0 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, NULL) > 0 &&
	    EVP_CipherInit_ex2(c, NULL, key, NULL, encrypt, NULL))
		return c;
	EVP_CIPHER_CTX_free(c);
	return NULL;
}

static size_t key_len(uint16_t cipher)
{
	switch (cipher) {
	case SMB2_ENCRYPTION_AES128_CCM:
	case SMB2_ENCRYPTION_AES128_GCM:
		return 16;
	case SMB2_ENCRYPTION_AES256_CCM:
	case SMB2_ENCRYPTION_AES256_GCM:
		return 32;
	}
	return 0;
}

struct seal_ctx *seal_ctx_new(uint16_t cipher, const struct smb2_key *key, bool encrypt)
{
	const struct crypto_algs *a = crypto_algs();
	struct seal_ctx *c;

	if (!a || !key->len || key->len != key_len(cipher))
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->encrypt = encrypt;
	if (seal_nonce_len(cipher) == GCM_IV_LEN)
		c->gcm = gcm_new(key->bytes, key->len, encrypt);
	else
		c->ccm = ccm_new(key->len == 32 ? a->ccm256 : a->ccm128, key->bytes, encrypt);
	if (c->gcm || c->ccm)
		return c;
	seal_ctx_free(c);
	return NULL;
}

void seal_ctx_free(struct seal_ctx *c)
{
	if (!c)
		return;
	gcm_free(c->gcm);
	EVP_CIPHER_CTX_free(c->ccm);
	free(c);
}

void seal_nonce(uint16_t cipher, uint32_t prefix, uint64_t counter, uint8_t nonce[16])
{
	size_t n = seal_nonce_len(cipher) - 8;
	uint8_t p[4];

	memset(nonce, 0, SMB2_TRANSFORM_NONCE_SIZE);
	kh_put_le32(p, prefix);
	memcpy(nonce, p, n);
	kh_put_le64(nonce + n, counter);
}

static size_t pieces_len(const struct iovec *iov, size_t n)
{
	size_t i, sum = 0;

	for (i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

static void gather(uint8_t *dst, const struct iovec *iov, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (iov[i].iov_len)
			memcpy(dst, iov[i].iov_base, iov[i].iov_len);
		dst += iov[i].iov_len;
	}
}

static void scatter(const uint8_t *src, const struct iovec *iov, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (iov[i].iov_len)
			memcpy(iov[i].iov_base, src, iov[i].iov_len);
		src += iov[i].iov_len;
	}
}

/*
 * One CCM message in one buffer, in place. The order is fixed: IV, tag (decryption), length,
 * associated data; the update itself checks the tag.
 */
static bool ccm_whole(struct seal_ctx *c, const uint8_t *hdr, void *buf, size_t total, uint8_t *tag)
{
	const uint8_t *aad = hdr + SMB2_TRANSFORM_OFF_NONCE;
	uint8_t old[TAG_LEN];
	int len;

	if (!EVP_CipherInit_ex2(c->ccm, NULL, NULL, aad, c->encrypt, NULL))
		return false;
	if (!c->encrypt) {
		memcpy(old, hdr + SMB2_TRANSFORM_OFF_SIGNATURE, sizeof(old));
		if (EVP_CIPHER_CTX_ctrl(c->ccm, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, old) <= 0)
			return false;
	}
	return EVP_CipherUpdate(c->ccm, NULL, &len, NULL, (int)total) &&
	       EVP_CipherUpdate(c->ccm, NULL, &len, aad, SMB2_TRANSFORM_AAD_SIZE) &&
	       EVP_CipherUpdate(c->ccm, buf, &len, buf, (int)total) &&
	       (!c->encrypt ||
		EVP_CIPHER_CTX_ctrl(c->ccm, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) > 0);
}

static int ccm_pieces(struct seal_ctx *c, const uint8_t *hdr, const struct iovec *iov, size_t n,
		      size_t total, uint8_t *tag)
{
	uint8_t *buf = malloc(total);
	bool ok;

	if (!buf)
		return -ENOMEM;
	gather(buf, iov, n);
	ok = ccm_whole(c, hdr, buf, total, tag);
	if (ok)
		scatter(buf, iov, n);
	if (c->encrypt && !ok)
		crypto_wipe(buf, total);
	free(buf);
	return ok ? 0 : -EBADMSG;
}

static bool gcm_pieces(struct gcm *g, const uint8_t *hdr, const struct iovec *iov, size_t n,
		       uint8_t *dst, uint8_t *tag)
{
	const uint8_t *aad = hdr + SMB2_TRANSFORM_OFF_NONCE;
	uint8_t old[GCM_TAG_LEN];
	size_t i;
	bool ok = gcm_start(g, aad, aad, SMB2_TRANSFORM_AAD_SIZE);

	for (i = 0; ok && i < n; i++) {
		ok = gcm_piece(g, dst ? dst : iov[i].iov_base, iov[i].iov_base, iov[i].iov_len);
		if (dst)
			dst += iov[i].iov_len;
	}
	if (!g->encrypt)
		memcpy(old, hdr + SMB2_TRANSFORM_OFF_SIGNATURE, sizeof(old));
	return ok && gcm_end(g, g->encrypt ? tag : old);
}

/* dst NULL: in place. tag: where the new one goes; NULL when decrypting. 0, -EBADMSG, ... */
static int seal_run(struct seal_ctx *c, const uint8_t *hdr, const struct iovec *iov, size_t n,
		    uint8_t *dst, uint8_t *tag)
{
	size_t total = pieces_len(iov, n);

	if (!total || total > INT32_MAX)
		return -EINVAL;
	if (c->gcm)
		return gcm_pieces(gcm_for(c->gcm, total), hdr, iov, n, dst, tag) ? 0 : -EBADMSG;
	if (dst)
		gather(dst, iov, n);
	else if (n > 1)
		return ccm_pieces(c, hdr, iov, n, total, tag);
	return ccm_whole(c, hdr, dst ? dst : iov[0].iov_base, total, tag) ? 0 : -EBADMSG;
}

static int seal_encrypt_run(struct seal_ctx *c, uint8_t *hdr, const struct iovec *iov, size_t n,
			    void *dst)
{
	int rc;

	if (!c->encrypt)
		return -EINVAL;
	rc = seal_run(c, hdr, iov, n, dst, hdr + SMB2_TRANSFORM_OFF_SIGNATURE);
	return rc == -EBADMSG ? -EIO : rc;
}

int seal_encrypt(struct seal_ctx *c, uint8_t *hdr, const struct iovec *iov, size_t n)
{
	return seal_encrypt_run(c, hdr, iov, n, NULL);
}

int seal_encrypt_to(struct seal_ctx *c, uint8_t *hdr, const struct iovec *iov, size_t n, void *dst)
{
	return seal_encrypt_run(c, hdr, iov, n, dst);
}

int seal_decrypt(struct seal_ctx *c, const uint8_t *hdr, const struct iovec *iov, size_t n)
{
	return c->encrypt ? -EINVAL : seal_run(c, hdr, iov, n, NULL, NULL);
}
