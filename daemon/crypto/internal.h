/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * internal.h - between the files of daemon/crypto/: the algorithms, fetched once, never freed.
 */
#ifndef KH_CRYPTO_INTERNAL_H
#define KH_CRYPTO_INTERNAL_H

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "crypto/crypto.h"

struct crypto_algs {
	EVP_MD *sha512, *md5, *md4;
	EVP_MAC *hmac;
	EVP_KDF *kbkdf;
	EVP_CIPHER *gcm128, *gcm256, *ccm128, *ccm256, *cbc128;
	EVP_CIPHER *rc4, *des; /* md4, rc4, des: legacy provider, NULL without it */
};

/* NULL if OpenSSL lacks what SMB needs. */
const struct crypto_algs *crypto_algs(void);

#endif /* KH_CRYPTO_INTERNAL_H */
