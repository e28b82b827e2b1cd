/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gcm.h - AES-GCM, and GMAC, which is GCM without a message: for the files of daemon/crypto/, and
 * tests that look into messages. One key, one message after the other; not from two threads at
 * once.
 */
#ifndef KH_CRYPTO_GCM_H
#define KH_CRYPTO_GCM_H

#include "crypto/crypto.h"

#define GCM_IV_LEN  12
#define GCM_TAG_LEN 16

struct gcm;

/* What a library does for one key: gcm.c (OpenSSL), gcm_mb.c (intel-ipsec-mb). */
struct gcm_ops {
	bool (*start)(struct gcm *g, const uint8_t *iv, const void *aad, size_t n);
	bool (*piece)(struct gcm *g, void *dst, const void *src, size_t n);
	bool (*end)(struct gcm *g, uint8_t *tag);
	bool (*mac_start)(struct gcm *g, const uint8_t *iv);
	bool (*mac_piece)(struct gcm *g, const void *p, size_t n);
	bool (*mac_end)(struct gcm *g, uint8_t *tag);
	void (*free)(struct gcm *g);
};

struct gcm {
	const struct gcm_ops *ops;
	bool encrypt;
	struct gcm *small; /* the same key with the library that is faster for small messages, or
			      NULL */
};

/* len: 16 or 32 bytes. encrypt: the direction (GMAC: true). NULL: no memory, wrong length. */
struct gcm *gcm_new(const uint8_t *key, size_t len, bool encrypt);
void gcm_free(struct gcm *g);

/* By intel-ipsec-mb; NULL, too, where it is not there. */
struct gcm *gcm_mb_new(const uint8_t *key, size_t len, bool encrypt);
/* Is it, for messages of any size, no slower than OpenSSL? */
bool gcm_mb_is_fastest(void);

/* For tests: new ones are OpenSSL's. */
extern bool gcm_openssl_only;

/* Who does a message of n bytes, or the GMAC of n bytes; to be asked before each. */
static inline struct gcm *gcm_for(struct gcm *g, size_t n)
{
	return g->small && n <= 32768 ? g->small : g;
}

static inline struct gcm *gmac_for(struct gcm *g, size_t n)
{
	return g->small && n <= 4608 ? g->small : g;
}

/* A message: all of its associated data, then itself in pieces; dst may be src. */
static inline bool gcm_start(struct gcm *g, const uint8_t iv[GCM_IV_LEN], const void *aad, size_t n)
{
	return g->ops->start(g, iv, aad, n);
}

static inline bool gcm_piece(struct gcm *g, void *dst, const void *src, size_t n)
{
	return !n || g->ops->piece(g, dst, src, n);
}

/* Encrypting, tag is written; decrypting, it is compared: false if it is another one. */
static inline bool gcm_end(struct gcm *g, uint8_t tag[GCM_TAG_LEN])
{
	return g->ops->end(g, tag);
}

static inline bool gmac_start(struct gcm *g, const uint8_t iv[GCM_IV_LEN])
{
	return g->ops->mac_start(g, iv);
}

static inline bool gmac_piece(struct gcm *g, const void *p, size_t n)
{
	return !n || g->ops->mac_piece(g, p, n);
}

static inline bool gmac_end(struct gcm *g, uint8_t tag[GCM_TAG_LEN])
{
	return g->ops->mac_end(g, tag);
}

#endif /* KH_CRYPTO_GCM_H */
