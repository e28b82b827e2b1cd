/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * crypto_aead.h - one call of an AEAD: what crypto_sign.c (GMAC) and crypto_seal.c have in common.
 *
 * A call is one piece of memory: the bytes that are no part of the caller's message, two
 * scatterlists and the cipher's request. Only a list that would make it larger than a page is
 * memory of its own.
 */
#ifndef KH_CRYPTO_AEAD_H
#define KH_CRYPTO_AEAD_H

#include <crypto/aead.h>
#include <linux/bvec.h>
#include <linux/scatterlist.h>

#include "kmod.h"

struct kh_sgl {
	struct scatterlist *sg;
	unsigned int n, max;
};

struct kh_aead_call {
	struct crypto_aead *tfm;
	struct aead_request *req;
	struct scatterlist *lists; /* on the heap; NULL: behind this struct */
	struct kh_sgl src, dst;
	u8 iv[16];
	u8 tag[SMB2_SIGNATURE_SIZE];
	u8 head[SMB2_HDR_SIZE]; /* of a message to verify; associated data of one to seal */
};

/* EINVAL: the key's length; ENOENT: not in this kernel. Its tag is 16 bytes. */
struct crypto_aead *kh_aead_new(const char *name, const u8 *key, unsigned int len);

/* Entries that a list needs for linear memory: each page of vmalloc memory may be elsewhere. */
unsigned int kh_sgl_entries(const void *p, size_t len);

/* ndst 0: in place. NULL: no memory. */
struct kh_aead_call *kh_aead_begin(struct crypto_aead *tfm, unsigned int nsrc, unsigned int ndst);
/* Wipes; NULL is fine. */
void kh_aead_end(struct kh_aead_call *c);

/*
 * These append to a list; what is physically behind the last piece makes that one longer.
 * -EINVAL: there are fewer than skip + len bytes, or no entry is left.
 */
int kh_sgl_bvec(struct kh_sgl *l, const struct bio_vec *bv, unsigned int n, size_t skip,
		size_t len);
int kh_sgl_mem(struct kh_sgl *l, const void *p, size_t len); /* vmalloc too; no stack */

/* 0, -EBADMSG (only when decrypting), -errno of the cipher. May sleep. */
int kh_aead_run(struct kh_aead_call *c, unsigned int assoc_len, unsigned int crypt_len,
		bool encrypt);

#endif /* KH_CRYPTO_AEAD_H */
