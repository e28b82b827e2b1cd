// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gcm.c - which library does AES-GCM, and how OpenSSL does it.
 *
 * GMAC is the GCM cipher with associated data only: setting an IV on a keyed cipher context is
 * several times cheaper for small messages than EVP_MAC, which schedules the key again.
 */
#include "crypto/gcm.h"
#include "crypto/internal.h"

struct gcm_evp {
	struct gcm gcm;
	EVP_CIPHER_CTX *ctx;
};

bool gcm_openssl_only;

static EVP_CIPHER_CTX *ctx_of(struct gcm *g)
{
	return container_of(g, struct gcm_evp, gcm)->ctx;
}

/* dst NULL: associated data. */
static bool evp_piece(struct gcm *g, void *dst, const void *src, size_t n)
{
	int len;

	return n <= INT32_MAX && EVP_CipherUpdate(ctx_of(g), dst, &len, src, (int)n);
}

static bool evp_mac_start(struct gcm *g, const uint8_t *iv)
{
	return EVP_CipherInit_ex2(ctx_of(g), NULL, NULL, iv, g->encrypt, NULL);
}

static bool evp_mac_piece(struct gcm *g, const void *p, size_t n)
{
	return evp_piece(g, NULL, p, n);
}

static bool evp_start(struct gcm *g, const uint8_t *iv, const void *aad, size_t n)
{
	return evp_mac_start(g, iv) && evp_piece(g, NULL, aad, n);
}

static bool evp_end(struct gcm *g, uint8_t *tag)
{
	EVP_CIPHER_CTX *ctx = ctx_of(g);
	uint8_t none[16];
	int len;

	if (!g->encrypt && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, tag) <= 0)
		return false;
	if (!EVP_CipherFinal_ex(ctx, none, &len))
		return false;
	return !g->encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LEN, tag) > 0;
}

static void evp_free(struct gcm *g)
{
	EVP_CIPHER_CTX_free(ctx_of(g));
	free(container_of(g, struct gcm_evp, gcm));
}

static const struct gcm_ops evp_ops = {
	.start = evp_start,
	.piece = evp_piece,
	.end = evp_end,
	.mac_start = evp_mac_start,
	.mac_piece = evp_mac_piece,
	.mac_end = evp_end,
	.free = evp_free,
};

static struct gcm *evp_new(const uint8_t *key, size_t len, bool encrypt)
{
	const struct crypto_algs *a = crypto_algs();
	struct gcm_evp *e;

	if (!a)
		return NULL;
	e = xcalloc(1, sizeof(*e));
	e->gcm = (struct gcm) { .ops = &evp_ops, .encrypt = encrypt };
	e->ctx = EVP_CIPHER_CTX_new();
	if (e->ctx &&
	    EVP_CipherInit_ex2(e->ctx, len == 32 ? a->gcm256 : a->gcm128, key, NULL, encrypt, NULL))
		return &e->gcm;
	evp_free(&e->gcm);
	return NULL;
}

struct gcm *gcm_new(const uint8_t *key, size_t len, bool encrypt)
{
	struct gcm *g, *mb = NULL;

	if (len != 16 && len != 32)
		return NULL;
	if (!gcm_openssl_only)
		mb = gcm_mb_new(key, len, encrypt);
	if (mb && gcm_mb_is_fastest())
		return mb;
	g = evp_new(key, len, encrypt);
	if (!g)
		return mb;
	g->small = mb;
	return g;
}

void gcm_free(struct gcm *g)
{
	if (!g)
		return;
	gcm_free(g->small);
	g->ops->free(g);
}
