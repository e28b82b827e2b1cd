// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmac.c - AES-128-CMAC (RFC 4493) as OpenSSL's CBC: the last block of the ciphertext is the state.
 * OpenSSL 3.0's own CMAC calls the cipher block by block, which takes 1.25 times as long.
 */
#include "crypto/cmac.h"
#include "crypto/internal.h"

#define BLOCK 16
#define STEP  4096 /* of ciphertext that nobody wants: stays in the first-level cache */

struct cmac {
	EVP_CIPHER_CTX *cbc;
	uint8_t k1[BLOCK], k2[BLOCK];
	uint8_t held[BLOCK]; /* the last bytes so far: 1 to 16, unless there are none at all */
	size_t nheld;
};

/* RFC 4493, 2.3: times x in GF(2^128). */
static void doubled(uint8_t dst[BLOCK], const uint8_t src[BLOCK])
{
	uint8_t carry = (uint8_t) - (src[0] >> 7);

	for (int i = 0; i < BLOCK - 1; i++)
		dst[i] = (uint8_t)(src[i] << 1 | src[i + 1] >> 7);
	dst[BLOCK - 1] = (uint8_t)(src[BLOCK - 1] << 1 ^ (carry & 0x87));
}

struct cmac *cmac_new(const uint8_t key[16])
{
	static const uint8_t zero[BLOCK];
	const struct crypto_algs *a = crypto_algs();
	uint8_t l[BLOCK];
	struct cmac *c;
	int n;

	if (!a)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->cbc = EVP_CIPHER_CTX_new();
	if (!c->cbc || !EVP_EncryptInit_ex2(c->cbc, a->cbc128, key, zero, NULL) ||
	    !EVP_CIPHER_CTX_set_padding(c->cbc, 0) ||
	    !EVP_EncryptUpdate(c->cbc, l, &n, zero, BLOCK)) {
		cmac_free(c);
		return NULL;
	}
	doubled(c->k1, l);
	doubled(c->k2, c->k1);
	crypto_wipe(l, sizeof(l));
	return c;
}

void cmac_free(struct cmac *c)
{
	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->cbc);
	crypto_wipe(c, sizeof(*c));
	free(c);
}

bool cmac_start(struct cmac *c)
{
	static const uint8_t zero[BLOCK];

	c->nheld = 0;
	return EVP_EncryptInit_ex2(c->cbc, NULL, NULL, zero, NULL);
}

/* Whole blocks. */
static bool blocks(struct cmac *c, const uint8_t *p, size_t n)
{
	uint8_t out[STEP];

	while (n) {
		size_t k = MIN(n, sizeof(out));
		int len;

		if (!EVP_EncryptUpdate(c->cbc, out, &len, p, (int)k))
			return false;
		p += k;
		n -= k;
	}
	return true;
}

bool cmac_piece(struct cmac *c, const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t k = MIN(n, BLOCK - c->nheld);

	if (!n)
		return true;
	memcpy(c->held + c->nheld, p, k);
	c->nheld += k;
	if (n == k)
		return true;
	/* More follows: what is held is not the last block. Of the rest, 1 to 16 bytes may be. */
	p += k;
	n -= k;
	k = (n - 1) & ~(size_t)(BLOCK - 1);
	if (!blocks(c, c->held, BLOCK) || !blocks(c, p, k))
		return false;
	c->nheld = n - k;
	memcpy(c->held, p + k, c->nheld);
	return true;
}

bool cmac_end(struct cmac *c, uint8_t mac[CMAC_LEN])
{
	const uint8_t *key = c->nheld == BLOCK ? c->k1 : c->k2;
	int len;

	if (c->nheld < BLOCK) {
		memset(c->held + c->nheld, 0, BLOCK - c->nheld);
		c->held[c->nheld] = 0x80;
	}
	for (int i = 0; i < BLOCK; i++)
		c->held[i] ^= key[i];
	return EVP_EncryptUpdate(c->cbc, mac, &len, c->held, BLOCK);
}
