// SPDX-License-Identifier: GPL-2.0-only
/*
 * crypto_sign.c - the three signatures of SMB2, MS-SMB2 3.1.4.1, 3.1.5.1.
 *
 * Who verifies gives the header as a copy without its signature, and nothing is written to the
 * message: its pages may be a sender's on the same machine.
 */
#include <crypto/algapi.h>
#include <crypto/hash.h>
#include <linux/highmem.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "crypto_aead.h"

#define SIGN_KEY	16
#define SIGN_DIGEST_MAX 32
/* At once: a hash by SIMD instructions cannot be preempted meanwhile. */
#define SIGN_STEP SZ_64K

struct kh_sign {
	struct crypto_shash *shash; /* HMAC-SHA256, AES-CMAC */
	struct kh_cmac *cmac;	    /* the same AES-CMAC, when it pays */
	struct crypto_aead *gmac;   /* GCM without anything to encrypt */
};

/* A message: linear (vm, in vmalloc memory), or pieces. */
struct sign_msg {
	const u8 *vm;
	const struct bio_vec *bv;
	unsigned int n;
	size_t len;
	const u8 *head; /* stands for the first SMB2_HDR_SIZE bytes; NULL: they are right */
};

static int shash_new(struct kh_sign *s, const char *name, const u8 *key)
{
	struct crypto_shash *tfm = crypto_alloc_shash(name, 0, 0);

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	s->shash = tfm;
	if (crypto_shash_digestsize(tfm) > SIGN_DIGEST_MAX)
		return -EINVAL;
	return crypto_shash_setkey(tfm, key, SIGN_KEY);
}

static int cmac_new(struct kh_sign *s, const u8 *key)
{
	int rc = shash_new(s, "cmac(aes)", key);

	if (rc)
		return rc;
	return kh_cmac_new(&s->cmac, crypto_shash_driver_name(s->shash), key, SIGN_KEY);
}

static int gmac_new(struct kh_sign *s, const u8 *key)
{
	struct crypto_aead *tfm = kh_aead_new("gcm(aes)", key, SIGN_KEY);

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	s->gmac = tfm;
	return 0;
}

struct kh_sign *kh_sign_new(u16 alg, const u8 *key, unsigned int len)
{
	int rc = -EINVAL;
	struct kh_sign *s;

	if (len != SIGN_KEY)
		return ERR_PTR(-EINVAL);
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return ERR_PTR(-ENOMEM);
	switch (alg) {
	case SMB2_SIGNING_HMAC_SHA256:
		rc = shash_new(s, "hmac(sha256)", key);
		break;
	case SMB2_SIGNING_AES_CMAC:
		rc = cmac_new(s, key);
		break;
	case SMB2_SIGNING_AES_GMAC:
		rc = gmac_new(s, key);
		break;
	}
	if (!rc)
		return s;
	kh_sign_free(s);
	return ERR_PTR(rc);
}

void kh_sign_free(struct kh_sign *s)
{
	if (!s)
		return;
	crypto_free_shash(s->shash);
	kh_cmac_free(s->cmac);
	crypto_free_aead(s->gmac);
	kfree(s);
}

/* ---- HMAC-SHA256, AES-CMAC ---- */

static int feed(struct shash_desc *d, const u8 *p, size_t len)
{
	int rc;

	for (;;) {
		unsigned int n = min_t(size_t, len, SIGN_STEP);

		rc = crypto_shash_update(d, p, n);
		p += n;
		len -= n;
		if (rc || !len)
			return rc;
		cond_resched();
	}
}

/* All of lowmem is one mapping, so pages that are neighbours are one piece. */
static int feed_pages(struct shash_desc *d, struct page *page, size_t off, size_t len)
{
	int rc = 0;

	if (!PageHighMem(page))
		return feed(d, page_address(page) + off, len);
	page += off >> PAGE_SHIFT;
	off = offset_in_page(off);
	while (len && !rc) {
		size_t n = min_t(size_t, PAGE_SIZE - off, len);
		u8 *p = kmap_local_page(page++);

		rc = feed(d, p + off, n);
		kunmap_local(p);
		off = 0;
		len -= n;
	}
	return rc;
}

static int feed_bvec(struct shash_desc *d, const struct bio_vec *bv, unsigned int n, size_t skip,
		     size_t len)
{
	int rc = 0;

	for (; n && len && !rc; n--, bv++) {
		size_t take;

		if (skip >= bv->bv_len) {
			skip -= bv->bv_len;
			continue;
		}
		take = min_t(size_t, bv->bv_len - skip, len);
		rc = feed_pages(d, bv->bv_page, bv->bv_offset + skip, take);
		skip = 0;
		len -= take;
	}
	return rc ?: len ? -EINVAL : 0;
}

static int shash_run(const struct kh_sign *s, const struct sign_msg *m, u8 *sig)
{
	size_t skip = m->head ? SMB2_HDR_SIZE : 0;
	SHASH_DESC_ON_STACK(desc, s->shash);
	u8 digest[SIGN_DIGEST_MAX];
	int rc;

	desc->tfm = s->shash;
	rc = crypto_shash_init(desc);
	if (!rc && m->head)
		rc = crypto_shash_update(desc, m->head, SMB2_HDR_SIZE);
	if (!rc && m->len > skip)
		rc = m->vm ? feed(desc, m->vm + skip, m->len - skip)
			   : feed_bvec(desc, m->bv, m->n, skip, m->len - skip);
	if (!rc)
		rc = crypto_shash_final(desc, digest);
	if (!rc)
		memcpy(sig, digest, SMB2_SIGNATURE_SIZE);
	memzero_explicit(digest, sizeof(digest));
	shash_desc_zero(desc);
	return rc;
}

/* ---- a message as a list for a cipher ---- */

/* Copies from anywhere in it; the bytes may lie across pages and pieces. */
static int msg_copy(const struct sign_msg *m, size_t off, void *to, size_t len)
{
	struct iov_iter it;

	if (m->vm) {
		memcpy(to, m->vm + off, len);
		return 0;
	}
	iov_iter_bvec(&it, ITER_SOURCE, m->bv, m->n, m->len);
	iov_iter_advance(&it, off);
	return copy_from_iter_full(to, len, &it) ? 0 : -EINVAL;
}

/* One more for the header and one for what the caller puts behind. */
static unsigned int msg_entries(const struct sign_msg *m)
{
	return (m->vm ? kh_sgl_entries(m->vm, m->len) : m->n) + 2;
}

/* The first len bytes. */
static int msg_list(struct kh_call *c, const struct sign_msg *m, size_t len)
{
	size_t skip = 0;
	int rc = 0;

	if (m->head) {
		memcpy(c->head, m->head, SMB2_HDR_SIZE);
		rc = kh_sgl_mem(&c->src, c->head, SMB2_HDR_SIZE);
		skip = SMB2_HDR_SIZE;
	}
	if (rc || len == skip)
		return rc;
	return m->vm ? kh_sgl_mem(&c->src, m->vm + skip, len - skip)
		     : kh_sgl_bvec(&c->src, m->bv, m->n, skip, len - skip);
}

/* ---- AES-CMAC by CBC ---- */

static int cmac_run(const struct kh_sign *s, const struct sign_msg *m, u8 *sig)
{
	size_t last = round_down(m->len - 1, SMB2_SIGNATURE_SIZE);
	struct kh_call *c = kh_cmac_begin(s->cmac, msg_entries(m), m->len);
	int rc;

	if (!c)
		return -ENOMEM;
	rc = msg_list(c, m, last);
	if (!rc)
		rc = msg_copy(m, last, c->tag, m->len - last);
	if (!rc)
		rc = kh_cmac_run(c, s->cmac, m->len, sig);
	kh_cmac_end(c);
	return rc;
}

/* ---- AES-GMAC ---- */

/* MS-SMB2 3.1.4.1: message id; bit 0 of the next byte: from the server; bit 1: CANCEL. */
static void gmac_nonce(const u8 *hdr, u8 nonce[12])
{
	u32 flags = kh_get_le32(hdr + SMB2_HDR_OFF_FLAGS);
	u16 command = kh_get_le16(hdr + SMB2_HDR_OFF_COMMAND);
	u32 bits = 0;

	if (flags & SMB2_FLAGS_SERVER_TO_REDIR)
		bits |= 1;
	if (command == SMB2_CANCEL)
		bits |= 2;
	memcpy(nonce, hdr + SMB2_HDR_OFF_MESSAGE_ID, 8);
	kh_put_le32(nonce + 8, bits);
}

static int gmac_run(const struct kh_sign *s, const struct sign_msg *m, u8 *sig)
{
	struct kh_call *c = kh_aead_begin(s->gmac, msg_entries(m), 0);
	int rc;

	if (!c)
		return -ENOMEM;
	rc = msg_list(c, m, m->len);
	if (!rc)
		rc = kh_sgl_mem(&c->src, c->tag, sizeof(c->tag));
	if (!rc && !m->head)
		rc = msg_copy(m, 0, c->head, sizeof(c->head));
	if (!rc) {
		gmac_nonce(c->head, c->iv);
		rc = kh_aead_run(c, s->gmac, m->len, 0, true);
	}
	if (!rc)
		memcpy(sig, c->tag, SMB2_SIGNATURE_SIZE);
	kh_call_end(c);
	return rc;
}

/* ---- any of them ---- */

/* The pieces hold what they are said to: an iov_iter does not look. */
static bool msg_good(const struct sign_msg *m)
{
	size_t left = m->len;
	unsigned int i;

	if (left < SMB2_HDR_SIZE || left > INT_MAX)
		return false;
	for (i = 0; i < m->n && left; i++)
		left -= min_t(size_t, left, m->bv[i].bv_len);
	return m->vm || !left;
}

static int sign_run(const struct kh_sign *s, const struct sign_msg *m, u8 *sig)
{
	if (!msg_good(m))
		return -EINVAL;
	if (s->cmac && m->len >= KH_CMAC_MIN)
		return cmac_run(s, m, sig);
	return s->gmac ? gmac_run(s, m, sig) : shash_run(s, m, sig);
}

static int verify_run(const struct kh_sign *s, struct sign_msg *m)
{
	u8 head[SMB2_HDR_SIZE], given[SMB2_SIGNATURE_SIZE], sig[SMB2_SIGNATURE_SIZE];
	int rc;

	if (!msg_good(m))
		return -EINVAL;
	rc = msg_copy(m, 0, head, sizeof(head));
	if (rc)
		return rc;
	memcpy(given, head + SMB2_HDR_OFF_SIGNATURE, sizeof(given));
	memset(head + SMB2_HDR_OFF_SIGNATURE, 0, sizeof(given));
	m->head = head;
	rc = sign_run(s, m, sig);
	if (!rc && crypto_memneq(sig, given, sizeof(sig)))
		rc = -EBADMSG;
	memzero_explicit(sig, sizeof(sig)); /* a right signature for a wrong message is a secret */
	return rc;
}

/* bv: room for the one piece that memory which is not vmalloc's makes. */
static struct sign_msg linear(const void *msg, size_t len, struct bio_vec *bv)
{
	struct sign_msg m = { .len = len };

	if (is_vmalloc_addr(msg)) {
		m.vm = msg;
		return m;
	}
	bvec_set_virt(bv, (void *)msg, min_t(size_t, len, INT_MAX));
	m.bv = bv;
	m.n = 1;
	return m;
}

int kh_sign_bvec(const struct kh_sign *s, const struct bio_vec *bv, unsigned int n, size_t len,
		 u8 sig[SMB2_SIGNATURE_SIZE])
{
	struct sign_msg m = { .bv = bv, .n = n, .len = len };

	return sign_run(s, &m, sig);
}

int kh_sign_buf(const struct kh_sign *s, const void *msg, size_t len, u8 sig[SMB2_SIGNATURE_SIZE])
{
	struct bio_vec bv;
	struct sign_msg m = linear(msg, len, &bv);

	return sign_run(s, &m, sig);
}

int kh_sign_verify(const struct kh_sign *s, void *msg, size_t len)
{
	struct bio_vec bv;
	struct sign_msg m = linear(msg, len, &bv);

	return verify_run(s, &m);
}

int kh_sign_verify_bvec(const struct kh_sign *s, const struct bio_vec *bv, unsigned int n,
			size_t len)
{
	struct sign_msg m = { .bv = bv, .n = n, .len = len };

	return verify_run(s, &m);
}
