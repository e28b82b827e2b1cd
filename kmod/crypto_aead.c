// SPDX-License-Identifier: GPL-2.0-only
/*
 * crypto_aead.c - one call of a cipher: its memory, its scatterlists, waiting for it.
 *
 * The ciphers of x86 and arm64 are reached by wrappers that are asynchronous in form: they answer
 * at once, unless the FPU may not be used here; so every call has a wait.
 */
#include <linux/crypto.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "crypto_aead.h"

struct crypto_aead *kh_aead_new(const char *name, const u8 *key, unsigned int len)
{
	struct crypto_aead *tfm = crypto_alloc_aead(name, 0, 0);
	int rc;

	if (IS_ERR(tfm))
		return tfm;
	rc = crypto_aead_setkey(tfm, key, len);
	if (!rc)
		rc = crypto_aead_setauthsize(tfm, SMB2_SIGNATURE_SIZE);
	if (!rc)
		return tfm;
	crypto_free_aead(tfm);
	return ERR_PTR(rc);
}

unsigned int kh_sgl_entries(const void *p, size_t len)
{
	return is_vmalloc_addr(p) ? DIV_ROUND_UP(offset_in_page(p) + len, PAGE_SIZE) : 1;
}

static void sgl_init(struct kh_sgl *l, struct scatterlist *sg, unsigned int max)
{
	l->sg = sg;
	l->n = 0;
	l->max = max;
	if (max)
		sg_init_table(sg, max);
}

/* A small call's memory is used again: most are for messages of a few pages, and none is zeroed. */
#define KEPT 1024

static DEFINE_PER_CPU(struct kh_call *, kept);

void kh_call_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree(per_cpu(kept, cpu));
}

struct kh_call *kh_call_begin(size_t req_len, unsigned int nsrc, unsigned int ndst)
{
	size_t lists_len = size_mul(size_add(nsrc, ndst), sizeof(struct scatterlist));
	size_t req_off = ALIGN(sizeof(struct kh_call), CRYPTO_MINALIGN);
	struct scatterlist *sg = NULL;
	struct kh_call *c = NULL;
	size_t size;

	if (lists_len > PAGE_SIZE || req_off + req_len + lists_len > PAGE_SIZE) {
		sg = kvmalloc(lists_len, GFP_KERNEL);
		if (!sg)
			return NULL;
		lists_len = 0;
	}
	/* The lists stand last: what the cipher appends to its request is aligned as its end is. */
	req_len = ALIGN(req_len, __alignof__(struct scatterlist));
	size = req_off + req_len + lists_len;
	if (size <= KEPT)
		c = this_cpu_xchg(kept, NULL);
	if (!c)
		c = kmalloc(max_t(size_t, size, KEPT), GFP_KERNEL);
	if (!c) {
		kvfree(sg);
		return NULL;
	}
	c->size = size;
	c->lists = sg;
	c->req = (void *)c + req_off;
	if (!sg)
		sg = c->req + req_len;
	sgl_init(&c->src, sg, nsrc);
	sgl_init(&c->dst, sg + nsrc, ndst);
	memset(c->iv, 0, sizeof(c->iv));
	return c;
}

struct kh_call *kh_aead_begin(struct crypto_aead *tfm, unsigned int nsrc, unsigned int ndst)
{
	return kh_call_begin(sizeof(struct aead_request) + crypto_aead_reqsize(tfm), nsrc, ndst);
}

void kh_call_end(struct kh_call *c)
{
	size_t size;

	if (!c)
		return;
	kvfree(c->lists);
	size = c->size;
	memzero_explicit(c, size);
	if (size <= KEPT)
		c = this_cpu_xchg(kept, c);
	kfree(c);
}

/* Neighbours in the page array too: in sparse memory the array may have holes where memory has not.
 */
static bool follows(const struct scatterlist *last, struct page *page, unsigned int off)
{
	unsigned int end = last->offset + last->length;

	return page_to_phys(sg_page((struct scatterlist *)last)) + end ==
		       page_to_phys(page) + off &&
	       sg_page((struct scatterlist *)last) + (end >> PAGE_SHIFT) ==
		       page + (off >> PAGE_SHIFT);
}

static int sgl_add(struct kh_sgl *l, struct page *page, unsigned int off, unsigned int len)
{
	struct scatterlist *last = l->n ? &l->sg[l->n - 1] : NULL;

	if (last && follows(last, page, off) && last->length + len > len) {
		last->length += len;
		return 0;
	}
	if (l->n == l->max)
		return -EINVAL;
	sg_set_page(&l->sg[l->n++], page, len, off);
	return 0;
}

int kh_sgl_bvec(struct kh_sgl *l, const struct bio_vec *bv, unsigned int n, size_t skip, size_t len)
{
	int rc = 0;

	for (; n && len && !rc; n--, bv++) {
		unsigned int take;

		if (skip >= bv->bv_len) {
			skip -= bv->bv_len;
			continue;
		}
		take = min_t(size_t, bv->bv_len - skip, len);
		rc = sgl_add(l, bv->bv_page, bv->bv_offset + skip, take);
		skip = 0;
		len -= take;
	}
	return len ? -EINVAL : rc;
}

int kh_sgl_mem(struct kh_sgl *l, const void *p, size_t len)
{
	int rc = 0;

	if (!is_vmalloc_addr(p))
		return sgl_add(l, virt_to_page(p), offset_in_page(p), len);
	while (len && !rc) {
		unsigned int take = min_t(size_t, PAGE_SIZE - offset_in_page(p), len);

		rc = sgl_add(l, vmalloc_to_page(p), offset_in_page(p), take);
		p += take;
		len -= take;
	}
	return rc;
}

bool kh_call_ready(struct kh_call *c)
{
	if (!c->src.n || (c->dst.max && !c->dst.n))
		return false;
	sg_mark_end(&c->src.sg[c->src.n - 1]);
	if (c->dst.n)
		sg_mark_end(&c->dst.sg[c->dst.n - 1]);
	return true;
}

int kh_aead_run(struct kh_call *c, struct crypto_aead *tfm, unsigned int assoc_len,
		unsigned int crypt_len, bool encrypt)
{
	struct aead_request *req = c->req;
	DECLARE_CRYPTO_WAIT(wait);

	if (!kh_call_ready(c))
		return -EINVAL;
	aead_request_set_tfm(req, tfm);
	aead_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP,
				  crypto_req_done, &wait);
	aead_request_set_ad(req, assoc_len);
	aead_request_set_crypt(req, c->src.sg, c->dst.n ? c->dst.sg : c->src.sg, crypt_len, c->iv);
	return crypto_wait_req(encrypt ? crypto_aead_encrypt(req) : crypto_aead_decrypt(req),
			       &wait);
}
