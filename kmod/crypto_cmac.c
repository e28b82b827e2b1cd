// SPDX-License-Identifier: GPL-2.0-only
/*
 * crypto_cmac.c - AES-CMAC (RFC 4493) by a CBC cipher.
 *
 * The kernel's cmac(aes) on x86 calls AES block by block and takes the FPU for each. The last block
 * of CBC over the same bytes is the same value, by a cipher that takes it once per page. What CBC
 * writes is of no use: all of it goes to one page.
 */
#include <crypto/algapi.h>
#include <crypto/skcipher.h>
#include <linux/highmem.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "crypto_aead.h"

#define BLOCK 16

struct kh_cmac {
	struct crypto_skcipher *cbc;
	u8 k1[BLOCK], k2[BLOCK];
};

/* Doubling in GF(2^128), RFC 4493 2.3. */
static void cmac_double(const u8 in[BLOCK], u8 out[BLOCK])
{
	u8 carry = in[0] >> 7 ? 0x87 : 0;
	unsigned int i;

	for (i = 0; i < BLOCK - 1; i++)
		out[i] = in[i] << 1 | in[i + 1] >> 7;
	out[i] = in[i] << 1 ^ carry;
}

static int cbc_run(struct kh_call *c, struct crypto_skcipher *cbc, unsigned int len)
{
	struct skcipher_request *req = c->req;
	DECLARE_CRYPTO_WAIT(wait);

	if (!kh_call_ready(c))
		return -EINVAL;
	skcipher_request_set_tfm(req, cbc);
	skcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP,
				      crypto_req_done, &wait);
	skcipher_request_set_crypt(req, c->src.sg, c->dst.n ? c->dst.sg : c->src.sg, len, c->iv);
	return crypto_wait_req(crypto_skcipher_encrypt(req), &wait);
}

static struct kh_call *cbc_begin(const struct kh_cmac *cm, unsigned int nsrc, unsigned int ndst)
{
	return kh_call_begin(sizeof(struct skcipher_request) + crypto_skcipher_reqsize(cm->cbc),
			     nsrc, ndst);
}

/* K1, K2 from the encrypted zero block. */
static int cmac_subkeys(struct kh_cmac *cm)
{
	struct kh_call *c = cbc_begin(cm, 1, 0);
	int rc;

	if (!c)
		return -ENOMEM;
	memset(c->tag, 0, sizeof(c->tag));
	rc = kh_sgl_mem(&c->src, c->tag, BLOCK);
	if (!rc)
		rc = cbc_run(c, cm->cbc, BLOCK);
	if (!rc) {
		cmac_double(c->tag, cm->k1);
		cmac_double(cm->k1, cm->k2);
	}
	kh_call_end(c);
	return rc;
}

/* A name like cmac(aes-aesni) is the block-by-block template; so is cbc(aes-generic). */
static bool pays(const char *shash_driver, struct crypto_skcipher *cbc)
{
	const char *name = crypto_tfm_alg_driver_name(crypto_skcipher_tfm(cbc));

	return strstarts(shash_driver, "cmac(") && !strstarts(name, "cbc(");
}

int kh_cmac_new(struct kh_cmac **out, const char *shash_driver, const u8 *key, unsigned int len)
{
	struct crypto_skcipher *cbc = crypto_alloc_skcipher("cbc(aes)", 0, 0);
	struct kh_cmac *cm;
	int rc;

	*out = NULL;
	if (IS_ERR(cbc))
		return 0;
	if (!pays(shash_driver, cbc)) {
		crypto_free_skcipher(cbc);
		return 0;
	}
	cm = kzalloc(sizeof(*cm), GFP_KERNEL);
	if (!cm) {
		crypto_free_skcipher(cbc);
		return -ENOMEM;
	}
	cm->cbc = cbc;
	rc = crypto_skcipher_setkey(cbc, key, len);
	if (!rc)
		rc = cmac_subkeys(cm);
	if (rc) {
		kh_cmac_free(cm);
		return rc;
	}
	*out = cm;
	return 0;
}

void kh_cmac_free(struct kh_cmac *cm)
{
	if (!cm)
		return;
	crypto_free_skcipher(cm->cbc);
	kfree_sensitive(cm);
}

struct kh_call *kh_cmac_begin(const struct kh_cmac *cm, unsigned int nsrc, size_t len)
{
	unsigned int i, n = DIV_ROUND_UP(len + BLOCK, PAGE_SIZE);
	struct kh_call *c = cbc_begin(cm, nsrc, n);
	struct page *page;

	if (!c)
		return NULL;
	page = alloc_page(GFP_KERNEL);
	if (!page) {
		kh_call_end(c);
		return NULL;
	}
	for (i = 0; i < n; i++)
		sg_set_page(&c->dst.sg[i], page, PAGE_SIZE, 0);
	c->dst.n = n;
	return c;
}

void kh_cmac_end(struct kh_call *c)
{
	struct page *page = sg_page(c->dst.sg);

	clear_highpage(page);
	__free_page(page);
	kh_call_end(c);
}

int kh_cmac_run(struct kh_call *c, const struct kh_cmac *cm, size_t len,
		u8 sig[SMB2_SIGNATURE_SIZE])
{
	size_t last = (len - 1) % BLOCK + 1;
	int rc;

	if (last < BLOCK) {
		memset(c->tag + last, 0, BLOCK - last);
		c->tag[last] = 0x80;
	}
	crypto_xor(c->tag, last < BLOCK ? cm->k2 : cm->k1, BLOCK);
	rc = kh_sgl_mem(&c->src, c->tag, BLOCK);
	if (!rc)
		rc = cbc_run(c, cm->cbc, len - last + BLOCK);
	if (!rc)
		memcpy(sig, c->iv, BLOCK); /* the last block that was written */
	return rc;
}
