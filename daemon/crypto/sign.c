// SPDX-License-Identifier: GPL-2.0-or-later
/* sign.c - the three signatures of SMB2. */
#include <openssl/core_names.h>

#include "crypto/cmac.h"
#include "crypto/gcm.h"
#include "crypto/internal.h"

/* One of the first three. */
struct sign_ctx {
	EVP_MAC_CTX *hmac; /* HMAC-SHA256 */
	struct cmac *cmac; /* AES-CMAC */
	struct gcm *gcm;   /* AES-GMAC */
	struct gcm *now;   /* gmac_for() the message */
};

static EVP_MAC_CTX *hmac_new(const struct smb2_key *key)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_END,
	};
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(crypto_algs()->hmac);

	if (ctx && !EVP_MAC_init(ctx, key->bytes, key->len, params)) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

struct sign_ctx *sign_ctx_new(uint16_t alg, const struct smb2_key *key)
{
	struct sign_ctx *c;

	if (!crypto_algs() || key->len != 16)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	switch (alg) {
	case SMB2_SIGNING_HMAC_SHA256:
		c->hmac = hmac_new(key);
		break;
	case SMB2_SIGNING_AES_CMAC:
		c->cmac = cmac_new(key->bytes);
		break;
	case SMB2_SIGNING_AES_GMAC:
		c->gcm = gcm_new(key->bytes, key->len, true);
		break;
	}
	if (c->hmac || c->cmac || c->gcm)
		return c;
	sign_ctx_free(c);
	return NULL;
}

void sign_ctx_free(struct sign_ctx *c)
{
	if (!c)
		return;
	EVP_MAC_CTX_free(c->hmac);
	cmac_free(c->cmac);
	gcm_free(c->gcm);
	free(c);
}

/* MS-SMB2 3.1.4.1: message id; bit 0 of the next byte: from the server; bit 1: CANCEL. */
static void gmac_nonce(const uint8_t *hdr, uint8_t nonce[12])
{
	uint32_t flags = kh_get_le32(hdr + SMB2_HDR_OFF_FLAGS);
	uint16_t command = kh_get_le16(hdr + SMB2_HDR_OFF_COMMAND);
	uint32_t bits = 0;

	if (flags & SMB2_FLAGS_SERVER_TO_REDIR)
		bits |= 1;
	if (command == SMB2_CANCEL)
		bits |= 2;
	memcpy(nonce, hdr + SMB2_HDR_OFF_MESSAGE_ID, 8);
	kh_put_le32(nonce + 8, bits);
}

/* A message of len bytes, whose header is at hdr. */
static bool sign_start(struct sign_ctx *c, const uint8_t *hdr, size_t len)
{
	uint8_t nonce[12];

	if (c->hmac)
		return EVP_MAC_init(c->hmac, NULL, 0, NULL);
	if (c->cmac)
		return cmac_start(c->cmac);
	gmac_nonce(hdr, nonce);
	c->now = gmac_for(c->gcm, len);
	return gmac_start(c->now, nonce);
}

static bool sign_add(struct sign_ctx *c, const void *data, size_t n)
{
	if (c->hmac)
		return !n || EVP_MAC_update(c->hmac, data, n);
	if (c->cmac)
		return cmac_piece(c->cmac, data, n);
	return gmac_piece(c->now, data, n);
}

static bool sign_end(struct sign_ctx *c, uint8_t sig[SMB2_SIGNATURE_SIZE])
{
	uint8_t full[32];
	size_t n;

	if (c->cmac)
		return cmac_end(c->cmac, sig);
	if (c->gcm)
		return gmac_end(c->now, sig);
	if (!EVP_MAC_final(c->hmac, full, &n, sizeof(full)))
		return false;
	memcpy(sig, full, SMB2_SIGNATURE_SIZE);
	return true;
}

int sign_message(struct sign_ctx *c, const struct iovec *iov, size_t n,
		 uint8_t sig[SMB2_SIGNATURE_SIZE])
{
	/* The header up to its signature, and the signature as zeros: one update, not two. */
	uint8_t head[SMB2_HDR_SIZE] = { 0 };
	const uint8_t *hdr;
	size_t i, len = 0;
	bool ok;

	if (!n || iov[0].iov_len < SMB2_HDR_SIZE)
		return -EINVAL;
	hdr = iov[0].iov_base;
	memcpy(head, hdr, SMB2_HDR_OFF_SIGNATURE);
	for (i = 0; i < n; i++)
		len += iov[i].iov_len;
	ok = sign_start(c, hdr, len) && sign_add(c, head, sizeof(head)) &&
	     sign_add(c, hdr + SMB2_HDR_SIZE, iov[0].iov_len - SMB2_HDR_SIZE);
	for (i = 1; ok && i < n; i++)
		ok = sign_add(c, iov[i].iov_base, iov[i].iov_len);
	return ok && sign_end(c, sig) ? 0 : -EIO;
}

int sign_message_put(struct sign_ctx *c, const struct iovec *iov, size_t n)
{
	uint8_t sig[SMB2_SIGNATURE_SIZE];
	int rc = sign_message(c, iov, n, sig);

	if (!rc)
		memcpy((uint8_t *)iov[0].iov_base + SMB2_HDR_OFF_SIGNATURE, sig, sizeof(sig));
	return rc;
}

int sign_verify(struct sign_ctx *c, const struct iovec *iov, size_t n)
{
	uint8_t sig[SMB2_SIGNATURE_SIZE];
	int rc = sign_message(c, iov, n, sig);

	if (!rc &&
	    !crypto_equal(sig, (uint8_t *)iov[0].iov_base + SMB2_HDR_OFF_SIGNATURE, sizeof(sig)))
		rc = -EBADMSG;
	crypto_wipe(sig, sizeof(sig)); /* a right signature for a wrong message is a secret */
	return rc;
}
