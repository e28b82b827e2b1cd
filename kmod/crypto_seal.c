// SPDX-License-Identifier: GPL-2.0-only
/*
 * crypto_seal.c - AES-CCM and AES-GCM of whole messages behind an SMB2 TRANSFORM_HEADER,
 * MS-SMB2 2.2.41, 3.1.4.3.
 *
 * Lists for the cipher: 32 bytes of the header (associated data), the message, the tag. The first
 * and the last are copies in the call's own memory, so that a header may lie anywhere.
 */
#include <linux/slab.h>

#include "crypto_aead.h"

#define CCM_NONCE 11
#define GCM_NONCE 12

struct kh_crypt {
	struct crypto_aead *enc, *dec;
	bool ccm;
};

static unsigned int cipher_key_len(u16 cipher)
{
	switch (cipher) {
	case SMB2_ENCRYPTION_AES128_CCM:
	case SMB2_ENCRYPTION_AES128_GCM:
		return 16;
	case SMB2_ENCRYPTION_AES256_CCM:
	case SMB2_ENCRYPTION_AES256_GCM:
		return 32;
	}
	return 0;
}

struct kh_crypt *kh_crypt_new(u16 cipher, const u8 *enc, const u8 *dec, unsigned int len)
{
	struct crypto_aead *tfm;
	struct kh_crypt *c;
	const char *name;

	if (!len || len != cipher_key_len(cipher))
		return ERR_PTR(-EINVAL);
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return ERR_PTR(-ENOMEM);
	c->ccm = cipher == SMB2_ENCRYPTION_AES128_CCM || cipher == SMB2_ENCRYPTION_AES256_CCM;
	name = c->ccm ? "ccm(aes)" : "gcm(aes)";
	tfm = kh_aead_new(name, enc, len);
	if (IS_ERR(tfm))
		goto free;
	c->enc = tfm;
	tfm = kh_aead_new(name, dec, len);
	if (IS_ERR(tfm))
		goto free;
	c->dec = tfm;
	return c;

free:
	kh_crypt_free(c);
	return ERR_CAST(tfm);
}

void kh_crypt_free(struct kh_crypt *c)
{
	if (!c)
		return;
	crypto_free_aead(c->enc);
	crypto_free_aead(c->dec);
	kfree(c);
}

/* GCM authenticates the ciphertext, which is ours alone; CCM reads the plain source twice. */
bool kh_crypt_one_pass(const struct kh_crypt *c)
{
	return !c->ccm;
}

void kh_crypt_nonce(const struct kh_crypt *c, u32 prefix, u64 counter, u8 nonce[16])
{
	unsigned int n = (c->ccm ? CCM_NONCE : GCM_NONCE) - sizeof(counter);
	u8 p[4];

	memset(nonce, 0, SMB2_TRANSFORM_NONCE_SIZE);
	kh_put_le32(p, prefix);
	memcpy(nonce, p, n);
	kh_put_le64(nonce + n, counter);
}

/* The IV and the associated data. */
static int seal_start(const struct kh_crypt *c, struct kh_call *call, const u8 *hdr)
{
	const u8 *nonce = hdr + SMB2_TRANSFORM_OFF_NONCE;
	int rc;

	if (c->ccm) {
		call->iv[0] = 15 - CCM_NONCE - 1; /* bytes of the length, less one (RFC 3610) */
		memcpy(call->iv + 1, nonce, CCM_NONCE);
	} else {
		memcpy(call->iv, nonce, GCM_NONCE);
	}
	memcpy(call->head, nonce, SMB2_TRANSFORM_AAD_SIZE);
	rc = kh_sgl_mem(&call->src, call->head, SMB2_TRANSFORM_AAD_SIZE);
	if (!rc && call->dst.max)
		rc = kh_sgl_mem(&call->dst, call->head, SMB2_TRANSFORM_AAD_SIZE);
	return rc;
}

int kh_crypt_seal(const struct kh_crypt *c, u8 *hdr, const struct bio_vec *src, unsigned int nsrc,
		  const struct bio_vec *dst, unsigned int ndst, size_t len)
{
	bool in_place = src == dst;
	struct kh_call *call;
	int rc;

	if (!len || len > INT_MAX)
		return -EINVAL;
	/* Two more each: associated data and tag. */
	call = kh_aead_begin(c->enc, nsrc + 2, in_place ? 0 : ndst + 2);
	if (!call)
		return -ENOMEM;
	rc = seal_start(c, call, hdr);
	if (!rc)
		rc = kh_sgl_bvec(&call->src, src, nsrc, 0, len);
	if (!rc && !in_place)
		rc = kh_sgl_bvec(&call->dst, dst, ndst, 0, len);
	if (!rc)
		rc = kh_sgl_mem(in_place ? &call->src : &call->dst, call->tag, sizeof(call->tag));
	if (!rc)
		rc = kh_aead_run(call, c->enc, SMB2_TRANSFORM_AAD_SIZE, len, true);
	if (!rc)
		memcpy(hdr + SMB2_TRANSFORM_OFF_SIGNATURE, call->tag, sizeof(call->tag));
	kh_call_end(call);
	return rc;
}

/* The tag of the header, behind the message in src; the message goes to dst, or is in place. */
static int unseal_run(const struct kh_crypt *c, struct kh_call *call, const u8 *hdr, size_t len)
{
	int rc;

	memcpy(call->tag, hdr + SMB2_TRANSFORM_OFF_SIGNATURE, sizeof(call->tag));
	rc = kh_sgl_mem(&call->src, call->tag, sizeof(call->tag));
	return rc ?: kh_aead_run(call, c->dec, SMB2_TRANSFORM_AAD_SIZE, len + sizeof(call->tag),
				 false);
}

int kh_crypt_unseal(const struct kh_crypt *c, u8 *hdr, size_t len)
{
	u8 *msg = hdr + SMB2_TRANSFORM_SIZE;
	struct kh_call *call;
	int rc;

	if (!len || len > INT_MAX - SMB2_SIGNATURE_SIZE)
		return -EINVAL;
	call = kh_aead_begin(c->dec, kh_sgl_entries(msg, len) + 2, 0);
	if (!call)
		return -ENOMEM;
	rc = seal_start(c, call, hdr);
	if (!rc)
		rc = kh_sgl_mem(&call->src, msg, len);
	if (!rc)
		rc = unseal_run(c, call, hdr, len);
	kh_call_end(call);
	return rc;
}

int kh_crypt_unseal_to(const struct kh_crypt *c, const u8 *hdr, const struct bio_vec *src,
		       unsigned int nsrc, const struct bio_vec *dst, unsigned int ndst, size_t len)
{
	struct kh_call *call;
	int rc;

	if (!len || len > INT_MAX - SMB2_SIGNATURE_SIZE)
		return -EINVAL;
	call = kh_aead_begin(c->dec, nsrc + 2, ndst + 1);
	if (!call)
		return -ENOMEM;
	rc = seal_start(c, call, hdr);
	if (!rc)
		rc = kh_sgl_bvec(&call->src, src, nsrc, SMB2_TRANSFORM_SIZE, len);
	if (!rc)
		rc = kh_sgl_bvec(&call->dst, dst, ndst, 0, len);
	if (!rc)
		rc = unseal_run(c, call, hdr, len);
	kh_call_end(call);
	return rc;
}
