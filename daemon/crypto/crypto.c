// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crypto.c - OpenSSL: one private library context with the default and the legacy provider, so
 * that the rest of the process cannot get MD4 or RC4 by accident, nor an openssl.cnf change what
 * the protocol prescribes.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include "crypto/internal.h"

static struct crypto_algs algs;
static bool algs_ok;
static pthread_once_t algs_once = PTHREAD_ONCE_INIT;

static void algs_fetch(void)
{
	OSSL_LIB_CTX *lib = OSSL_LIB_CTX_new();

	if (!lib || !OSSL_PROVIDER_load(lib, "default"))
		return;
	algs.sha512 = EVP_MD_fetch(lib, "SHA512", NULL);
	algs.md5 = EVP_MD_fetch(lib, "MD5", NULL);
	algs.hmac = EVP_MAC_fetch(lib, "HMAC", NULL);
	algs.kbkdf = EVP_KDF_fetch(lib, "KBKDF", NULL);
	algs.gcm128 = EVP_CIPHER_fetch(lib, "AES-128-GCM", NULL);
	algs.gcm256 = EVP_CIPHER_fetch(lib, "AES-256-GCM", NULL);
	algs.ccm128 = EVP_CIPHER_fetch(lib, "AES-128-CCM", NULL);
	algs.ccm256 = EVP_CIPHER_fetch(lib, "AES-256-CCM", NULL);
	algs.cbc128 = EVP_CIPHER_fetch(lib, "AES-128-CBC", NULL);
	algs_ok = algs.sha512 && algs.md5 && algs.hmac && algs.kbkdf && algs.gcm128 &&
		  algs.gcm256 && algs.ccm128 && algs.ccm256 && algs.cbc128;
	if (!OSSL_PROVIDER_load(lib, "legacy"))
		return;
	algs.md4 = EVP_MD_fetch(lib, "MD4", NULL);
	algs.rc4 = EVP_CIPHER_fetch(lib, "RC4", NULL);
	algs.des = EVP_CIPHER_fetch(lib, "DES-ECB", NULL);
}

const struct crypto_algs *crypto_algs(void)
{
	pthread_once(&algs_once, algs_fetch);
	return algs_ok ? &algs : NULL;
}

int crypto_init(void)
{
	const struct crypto_algs *a = crypto_algs();

	return a && a->md4 && a->rc4 && a->des ? 0 : -ENOTSUP;
}

void crypto_random(void *buf, size_t n)
{
	uint8_t *p = buf;

	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got > 0) {
			p += got;
			n -= (size_t)got;
		} else if (errno != EINTR) {
			fprintf(stderr, "ksmbd-hybrid: no randomness: %s\n", strerror(errno));
			_exit(EXIT_FAILURE);
		}
	}
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void crypto_wipe(void *buf, size_t n)
{
	if (buf)
		OPENSSL_cleanse(buf, n);
}
