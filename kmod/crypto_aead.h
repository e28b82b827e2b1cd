/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * crypto_aead.h - one call of a cipher: what crypto_seal.c, crypto_sign.c and crypto_cmac.c share.
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

struct kh_call {
	void *req; /* struct aead_request, struct skcipher_request; with what the cipher adds */
	size_t size; /* of all this, what the cipher adds and short lists included */
	struct scatterlist *lists; /* on the heap; NULL: behind this struct */
	struct kh_sgl src, dst;
	u8 iv[16];
	u8 tag[SMB2_SIGNATURE_SIZE];
	u8 head[SMB2_HDR_SIZE]; /* of a message to sign; associated data of one to seal */
};

/* EINVAL: the key's length; ENOENT: not in this kernel. Its tag is 16 bytes. */
struct crypto_aead *kh_aead_new(const char *name, const u8 *key, unsigned int len);

/* Entries that a list needs for linear memory: each page of vmalloc memory may be elsewhere. */
unsigned int kh_sgl_entries(const void *p, size_t len);

/* req_len: with what the cipher adds. ndst 0: in place. NULL: no memory. */
struct kh_call *kh_call_begin(size_t req_len, unsigned int nsrc, unsigned int ndst);
struct kh_call *kh_aead_begin(struct crypto_aead *tfm, unsigned int nsrc, unsigned int ndst);
/* Wipes; NULL is fine. */
void kh_call_end(struct kh_call *c);
/* The lists are complete. False: one is empty. */
bool kh_call_ready(struct kh_call *c);

/*
 * These append to a list; what is physically behind the last piece makes that one longer.
 * -EINVAL: there are fewer than skip + len bytes, or no entry is left.
 */
int kh_sgl_bvec(struct kh_sgl *l, const struct bio_vec *bv, unsigned int n, size_t skip,
		size_t len);
int kh_sgl_mem(struct kh_sgl *l, const void *p, size_t len); /* vmalloc too; no stack */

/* 0, -EBADMSG (only when decrypting), -errno of the cipher. May sleep. */
int kh_aead_run(struct kh_call *c, struct crypto_aead *tfm, unsigned int assoc_len,
		unsigned int crypt_len, bool encrypt);

/* ---- crypto_cmac.c: AES-CMAC by a CBC cipher ---- */

struct kh_cmac;

/* Below this the request costs more than the blocks. */
#define KH_CMAC_MIN 512

/* *out NULL: cmac(aes) is at least as good here. 0, -errno. */
int kh_cmac_new(struct kh_cmac **out, const char *shash_driver, const u8 *key, unsigned int len);
void kh_cmac_free(struct kh_cmac *cm); /* NULL is fine */
struct kh_call *kh_cmac_begin(const struct kh_cmac *cm, unsigned int nsrc, size_t len);
/*
 * c.src: all of the message but the last block, which is in c.tag: the 1 to 16 bytes of it. len: of
 * the message.
 */
int kh_cmac_run(struct kh_call *c, const struct kh_cmac *cm, size_t len,
		u8 sig[SMB2_SIGNATURE_SIZE]);
void kh_cmac_end(struct kh_call *c);

#endif /* KH_CRYPTO_AEAD_H */
