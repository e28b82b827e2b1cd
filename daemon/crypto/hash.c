// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hash.c - the old algorithms that NTLM is made of (MS-NLMP 6). Nothing else may use them.
 */
#include <openssl/core_names.h>

#include "core/utf16.h"
#include "crypto/internal.h"

static int digest(const EVP_MD *md, const struct iovec *iov, size_t n, uint8_t *out)
{
	EVP_MD_CTX *ctx;
	size_t i;
	bool ok;

	if (!md)
		return -ENOTSUP;
	ctx = EVP_MD_CTX_new();
	ok = ctx && EVP_DigestInit_ex2(ctx, md, NULL);
	for (i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(ctx, iov[i].iov_base, iov[i].iov_len);
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

int hash_md4(const void *data, size_t n, uint8_t out[HASH_LEN])
{
	const struct crypto_algs *a = crypto_algs();
	struct iovec iov = { (void *)data, n };

	return digest(a ? a->md4 : NULL, &iov, 1, out);
}

int hash_md5(const struct iovec *iov, size_t n, uint8_t out[HASH_LEN])
{
	const struct crypto_algs *a = crypto_algs();

	return digest(a ? a->md5 : NULL, iov, n, out);
}

int hash_hmac_md5(const uint8_t *key, size_t key_len, const struct iovec *iov, size_t n,
		  uint8_t out[HASH_LEN])
{
	const struct crypto_algs *a = crypto_algs();
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"MD5", 0),
		OSSL_PARAM_END,
	};
	EVP_MAC_CTX *ctx;
	size_t i, len;
	bool ok;

	if (!a)
		return -ENOTSUP;
	ctx = EVP_MAC_CTX_new(a->hmac);
	ok = ctx && EVP_MAC_init(ctx, key, key_len, params);
	for (i = 0; ok && i < n; i++)
		ok = EVP_MAC_update(ctx, iov[i].iov_base, iov[i].iov_len);
	ok = ok && EVP_MAC_final(ctx, out, &len, HASH_LEN);
	EVP_MAC_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

static int cipher_once(const EVP_CIPHER *alg, const uint8_t *key, size_t key_len, const void *in,
		       size_t n, void *out)
{
	EVP_CIPHER_CTX *ctx;
	int len;
	bool ok;

	if (!alg)
		return -ENOTSUP;
	if (n > INT32_MAX)
		return -EINVAL;
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx && EVP_EncryptInit_ex2(ctx, alg, NULL, NULL, NULL) &&
	     EVP_CIPHER_CTX_set_key_length(ctx, (int)key_len) > 0 &&
	     EVP_EncryptInit_ex2(ctx, NULL, key, NULL, NULL) &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) && EVP_EncryptUpdate(ctx, out, &len, in, (int)n);
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

int hash_rc4(const uint8_t *key, size_t key_len, const void *in, size_t n, void *out)
{
	const struct crypto_algs *a = crypto_algs();

	return cipher_once(a ? a->rc4 : NULL, key, key_len, in, n, out);
}

int hash_des(const uint8_t key[7], const uint8_t in[8], uint8_t out[8])
{
	const struct crypto_algs *a = crypto_algs();
	uint64_t bits = 0;
	uint8_t k[8];
	int i, rc;

	for (i = 0; i < 7; i++)
		bits = bits << 8 | key[i];
	for (i = 0; i < 8; i++) /* seven bits each; OpenSSL ignores the parity bit */
		k[i] = (uint8_t)(bits >> (49 - 7 * i) << 1);
	rc = cipher_once(a ? a->des : NULL, k, sizeof(k), in, 8, out);
	crypto_wipe(k, sizeof(k));
	crypto_wipe(&bits, sizeof(bits));
	return rc;
}

int hash_nt(const char *password, uint8_t out[HASH_LEN])
{
	size_t n = strlen(password), cap = 2 * n;
	uint8_t *u = xmalloc(cap);
	int len = utf8_to_utf16(password, n, u, cap);
	int rc = len < 0 ? len : hash_md4(u, (size_t)len, out);

	crypto_wipe(u, cap);
	free(u);
	return rc;
}
