// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * seal.c - AES-CCM and AES-GCM of whole messages behind an SMB2 TRANSFORM_HEADER.
 *
 * OpenSSL's CCM takes a message in one update only (its length goes into the first block), so a
 * message in pieces is gathered into one buffer first; CCM costs so much more than the copy that
 * the copy does not show.
 */
#include "crypto/internal.h"

#define TAG_LEN SMB2_SIGNATURE_SIZE

struct seal_ctx {
	EVP_CIPHER_CTX *cipher;
	bool ccm;
	bool encrypt;
};

struct seal_ctx *seal_ctx_new(uint16_t cipher, const struct smb2_key *key, bool encrypt)
{
	const struct crypto_algs *a = crypto_algs();
	const EVP_CIPHER *alg = NULL;
	struct seal_ctx *c;
	bool ok;

	if (!a)
		return NULL;
	switch (cipher) {
	case SMB2_ENCRYPTION_AES128_CCM:
		alg = a->ccm128;
		break;
	case SMB2_ENCRYPTION_AES128_GCM:
		alg = a->gcm128;
		break;
	case SMB2_ENCRYPTION_AES256_CCM:
		alg = a->ccm256;
		break;
	case SMB2_ENCRYPTION_AES256_GCM:
		alg = a->gcm256;
		break;
	}
	if (!alg || key->len != EVP_CIPHER_get_key_length(alg))
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->ccm = seal_nonce_len(cipher) == 11;
	c->encrypt = encrypt;
	c->cipher = EVP_CIPHER_CTX_new();
	ok = c->cipher && EVP_CipherInit_ex2(c->cipher, alg, NULL, NULL, encrypt, NULL);
	if (ok && c->ccm)
		ok = EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_SET_IVLEN, 11, NULL) > 0 &&
		     EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, NULL) > 0;
	ok = ok && EVP_CipherInit_ex2(c->cipher, NULL, key->bytes, NULL, encrypt, NULL);
	if (ok)
		return c;
	seal_ctx_free(c);
	return NULL;
}

void seal_ctx_free(struct seal_ctx *c)
{
	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->cipher);
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

/* IV, tag (decryption) and associated data: all before the message. */
static bool seal_start(struct seal_ctx *c, const uint8_t *hdr, size_t total)
{
	const uint8_t *aad = hdr + SMB2_TRANSFORM_OFF_NONCE;
	uint8_t tag[TAG_LEN];
	int len;

	if (!EVP_CipherInit_ex2(c->cipher, NULL, NULL, aad, c->encrypt, NULL))
		return false;
	if (!c->encrypt) {
		memcpy(tag, hdr + SMB2_TRANSFORM_OFF_SIGNATURE, sizeof(tag));
		if (EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) <= 0)
			return false;
	}
	if (c->ccm && !EVP_CipherUpdate(c->cipher, NULL, &len, NULL, (int)total))
		return false;
	return EVP_CipherUpdate(c->cipher, NULL, &len, aad, SMB2_TRANSFORM_AAD_SIZE);
}

/* In CCM the update itself checks the tag; a final step would look for one more message. */
static bool seal_end(struct seal_ctx *c, uint8_t *tag)
{
	uint8_t none[16];
	int len;

	if (!c->ccm && !EVP_CipherFinal_ex(c->cipher, none, &len))
		return false;
	return !tag || EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) > 0;
}

static bool seal_piece(struct seal_ctx *c, void *dst, const void *src, size_t n)
{
	int len;

	return !n || EVP_CipherUpdate(c->cipher, dst, &len, src, (int)n);
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

/* One CCM message in one buffer, in place. */
static bool seal_whole(struct seal_ctx *c, const uint8_t *hdr, void *buf, size_t total,
		       uint8_t *tag)
{
	return seal_start(c, hdr, total) && seal_piece(c, buf, buf, total) && seal_end(c, tag);
}

static int seal_ccm_pieces(struct seal_ctx *c, const uint8_t *hdr, const struct iovec *iov,
			   size_t n, size_t total, uint8_t *tag)
{
	uint8_t *buf = malloc(total);
	bool ok;

	if (!buf)
		return -ENOMEM;
	gather(buf, iov, n);
	ok = seal_whole(c, hdr, buf, total, tag);
	if (ok)
		scatter(buf, iov, n);
	if (c->encrypt && !ok)
		crypto_wipe(buf, total);
	free(buf);
	return ok ? 0 : -EBADMSG;
}

/* dst NULL: in place. tag: where the new one goes; NULL when decrypting. 0, -EBADMSG, ... */
static int seal_run(struct seal_ctx *c, const uint8_t *hdr, const struct iovec *iov, size_t n,
		    uint8_t *dst, uint8_t *tag)
{
	size_t i, total = pieces_len(iov, n);
	bool ok;

	if (!total || total > INT32_MAX)
		return -EINVAL;
	if (c->ccm && dst) {
		gather(dst, iov, n);
		return seal_whole(c, hdr, dst, total, tag) ? 0 : -EBADMSG;
	}
	if (c->ccm && n > 1)
		return seal_ccm_pieces(c, hdr, iov, n, total, tag);
	ok = seal_start(c, hdr, total);
	for (i = 0; ok && i < n; i++) {
		ok = seal_piece(c, dst ? dst : iov[i].iov_base, iov[i].iov_base, iov[i].iov_len);
		if (dst)
			dst += iov[i].iov_len;
	}
	return ok && seal_end(c, tag) ? 0 : -EBADMSG;
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
