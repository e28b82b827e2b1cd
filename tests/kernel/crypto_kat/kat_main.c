// SPDX-License-Identifier: GPL-2.0-only
/*
 * kat_main.c - known answers: the module's cryptography against the daemon's. Loading runs it and
 * prints TAP lines to the kernel log; it fails (EBADMSG) when one is not ok.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "kat_test.h"
#include "vectors.h"

static bool bench;
module_param(bench, bool, 0);

static unsigned int tests, failed;

static void ok(bool good, const char *what, unsigned int alg, unsigned int len, enum kat_form form)
{
	tests++;
	if (!good)
		failed++;
	pr_info("kat: %sok %u - %s %u, %u bytes, %s\n", good ? "" : "not ", tests, what, alg, len,
		kat_form_names[form]);
}

/* ---- signatures ---- */

static int verify(const struct kh_sign *s, struct kat_mem *m)
{
	if (m->form == KAT_LINEAR || m->form == KAT_VMALLOC)
		return kh_sign_verify(s, m->p, m->len);
	return kh_sign_verify_bvec(s, m->bv, m->n, m->len);
}

static bool refuses(const struct kh_sign *s, struct kat_mem *m, size_t at)
{
	u64 before;
	bool good;

	m->p[at] ^= 0x10;
	before = kat_hash(m->p, m->len);
	good = verify(s, m) == -EBADMSG && kat_hash(m->p, m->len) == before;
	m->p[at] ^= 0x10;
	return good;
}

static void sign_form(const struct kh_sign *s, const struct kat_sign *v, struct kat_mem *m)
{
	u8 sig[SMB2_SIGNATURE_SIZE];
	int rc;

	kat_message(m->p, v->len);
	rc = kh_sign_bvec(s, m->bv, m->n, m->len, sig);
	ok(!rc && !memcmp(sig, v->sig, sizeof(sig)), "sign", v->alg, v->len, m->form);
	rc = kh_sign_buf(s, m->p, m->len, sig);
	ok(!rc && !memcmp(sig, v->sig, sizeof(sig)), "sign buf", v->alg, v->len, m->form);
	ok(kh_sign_bvec(s, m->bv, m->n, m->len + 1, sig) == -EINVAL, "too few pieces", v->alg,
	   v->len, m->form);

	memcpy(m->p + SMB2_HDR_OFF_SIGNATURE, v->sig, sizeof(sig));
	ok(!verify(s, m), "verify", v->alg, v->len, m->form);
	ok(!memcmp(m->p + SMB2_HDR_OFF_SIGNATURE, v->sig, sizeof(sig)), "signature stays", v->alg,
	   v->len, m->form);
	ok(refuses(s, m, SMB2_HDR_OFF_SIGNATURE) && refuses(s, m, SMB2_HDR_OFF_SIGNATURE + 15) &&
		   refuses(s, m, 0) && refuses(s, m, 63) && refuses(s, m, v->len - 1),
	   "refuse", v->alg, v->len, m->form);
}

static int sign_vector(const struct kat_sign *v)
{
	struct kh_sign *s;
	struct kat_mem m;
	unsigned int f;
	u8 key[32];
	int rc = 0;

	kat_key(key, v->alg, v->len);
	s = kh_sign_new(v->alg, key, 16);
	if (IS_ERR(s))
		return PTR_ERR(s);
	for (f = 0; f < KAT_FORMS && !rc; f++) {
		rc = kat_mem_new(&m, f, v->len, v->len);
		if (rc)
			break;
		sign_form(s, v, &m);
		kat_mem_free(&m);
	}
	kh_sign_free(s);
	return rc;
}

/* ---- encryption ---- */

static void header(const struct kh_crypt *c, u8 *hdr, u32 len)
{
	kat_transform(hdr, len);
	kh_crypt_nonce(c, KAT_NONCE_PREFIX, KAT_NONCE_COUNTER, hdr + SMB2_TRANSFORM_OFF_NONCE);
}

static bool sealed(const struct kat_seal *v, const u8 *hdr, const struct kat_mem *m)
{
	return kat_hash(m->p, v->len) == v->hash &&
	       !memcmp(hdr + SMB2_TRANSFORM_OFF_SIGNATURE, v->tag, sizeof(v->tag));
}

/* One byte of the header or of the message is wrong. */
static bool unseal_refuses(const struct kh_crypt *c, struct kat_mem *m, const u8 *hdr,
			   const u8 *msg, size_t len, size_t at)
{
	memcpy(m->p, hdr, SMB2_TRANSFORM_SIZE);
	memcpy(m->p + SMB2_TRANSFORM_SIZE, msg, len);
	m->p[at] ^= 1;
	return kh_crypt_unseal(c, m->p, len) == -EBADMSG;
}

/* sealed: the encrypted message. */
static int unseal_form(const struct kh_crypt *c, const struct kat_seal *v, const u8 *hdr,
		       const struct kat_mem *in, enum kat_form form, u64 plain)
{
	struct kat_mem m;
	int rc = kat_mem_new(&m, form, SMB2_TRANSFORM_SIZE + v->len, 0);

	if (rc)
		return rc;
	memcpy(m.p, hdr, SMB2_TRANSFORM_SIZE);
	memcpy(m.p + SMB2_TRANSFORM_SIZE, in->p, v->len);
	rc = kh_crypt_unseal(c, m.p, v->len);
	ok(!rc && kat_hash(m.p + SMB2_TRANSFORM_SIZE, v->len) == plain &&
		   !memcmp(m.p, hdr, SMB2_TRANSFORM_SIZE),
	   "unseal", v->cipher, v->len, form);
	ok(unseal_refuses(c, &m, hdr, in->p, v->len, 4) &&
		   unseal_refuses(c, &m, hdr, in->p, v->len, SMB2_TRANSFORM_OFF_NONCE) &&
		   unseal_refuses(c, &m, hdr, in->p, v->len, SMB2_TRANSFORM_SIZE - 1) &&
		   unseal_refuses(c, &m, hdr, in->p, v->len, SMB2_TRANSFORM_SIZE) &&
		   unseal_refuses(c, &m, hdr, in->p, v->len, SMB2_TRANSFORM_SIZE + v->len - 1),
	   "refuse sealed", v->cipher, v->len, form);
	kat_mem_free(&m);
	return 0;
}

static int seal_form(const struct kh_crypt *c, const struct kat_seal *v, enum kat_form form)
{
	enum kat_form to = (form + 1) % KAT_FORMS;
	u8 hdr[SMB2_TRANSFORM_SIZE];
	struct kat_mem src, dst;
	u64 plain;
	int rc;

	rc = kat_mem_new(&src, form, v->len, 1);
	if (rc)
		return rc;
	rc = kat_mem_new(&dst, to, v->len, 3);
	if (rc)
		goto free_src;
	kat_message(src.p, v->len);
	plain = kat_hash(src.p, v->len);

	header(c, hdr, v->len);
	rc = kh_crypt_seal(c, hdr, src.bv, src.n, dst.bv, dst.n, v->len);
	ok(!rc && sealed(v, hdr, &dst) && kat_hash(src.p, v->len) == plain, "seal to", v->cipher,
	   v->len, form);
	rc = unseal_form(c, v, hdr, &dst, form, plain);
	if (rc)
		goto free_dst;

	header(c, hdr, v->len);
	rc = kh_crypt_seal(c, hdr, src.bv, src.n, src.bv, src.n, v->len);
	ok(!rc && sealed(v, hdr, &src), "seal in place", v->cipher, v->len, form);
	rc = kh_crypt_seal(c, hdr, src.bv, src.n, dst.bv, dst.n, v->len + 1);
	ok(rc == -EINVAL, "too few pieces", v->cipher, v->len, form);
	rc = 0;
free_dst:
	kat_mem_free(&dst);
free_src:
	kat_mem_free(&src);
	return rc;
}

static int seal_vector(const struct kat_seal *v)
{
	unsigned int f, len = v->cipher >= SMB2_ENCRYPTION_AES256_CCM ? 32 : 16;
	struct kh_crypt *c;
	u8 key[32];
	int rc = 0;

	kat_key(key, v->cipher, v->len);
	c = kh_crypt_new(v->cipher, key, key, len);
	if (IS_ERR(c))
		return PTR_ERR(c);
	for (f = 0; f < KAT_FORMS && !rc; f++)
		rc = seal_form(c, v, f);
	kh_crypt_free(c);
	return rc;
}

/* ---- contracts ---- */

static void bad_arguments(void)
{
	static const u8 key[32] = { 1 };
	u8 msg[64] = {}, sig[16];
	struct kh_sign *s;
	u16 alg;

	for (alg = 0; alg <= 5; alg++) {
		ok(kh_sign_new(alg, key, 15) == ERR_PTR(-EINVAL), "short key", alg, 15, 0);
		ok(kh_sign_new(alg, key, 32) == ERR_PTR(-EINVAL), "long key", alg, 32, 0);
		ok(kh_crypt_new(alg, key, key, 24) == ERR_PTR(-EINVAL), "cipher key", alg, 24, 0);
		ok(kh_crypt_new(alg, key, key, 0) == ERR_PTR(-EINVAL), "cipher key", alg, 0, 0);
	}
	ok(kh_sign_new(3, key, 16) == ERR_PTR(-EINVAL), "unknown", 3, 16, 0);
	ok(kh_crypt_new(0, key, key, 16) == ERR_PTR(-EINVAL), "unknown", 0, 16, 0);
	ok(kh_crypt_new(1, key, key, 32) == ERR_PTR(-EINVAL), "cipher key", 1, 32, 0);
	ok(kh_crypt_new(4, key, key, 16) == ERR_PTR(-EINVAL), "cipher key", 4, 16, 0);
	kh_sign_free(NULL);
	kh_crypt_free(NULL);
	for (alg = 0; alg < 3; alg++) {
		s = kh_sign_new(alg, key, 16);
		ok(kh_sign_buf(s, msg, 63, sig) == -EINVAL, "short message", alg, 63, 0);
		ok(kh_sign_verify(s, msg, 63) == -EINVAL, "short message", alg, 63, 0);
		ok(kh_sign_verify(s, msg, 64) == -EBADMSG, "on the stack", alg, 64, 0);
		kh_sign_free(s);
	}
}

static int __init kat_init(void)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(kat_signs) && !rc; i++)
		rc = sign_vector(&kat_signs[i]);
	for (i = 0; i < ARRAY_SIZE(kat_seals) && !rc; i++)
		rc = seal_vector(&kat_seals[i]);
	if (!rc)
		bad_arguments();
	if (rc)
		pr_info("kat: Bail out! error %d\n", rc);
	pr_info("kat: 1..%u\nkat: %u failed\n", tests, failed);
	if (bench && !rc)
		kat_bench();
	return rc ?: failed ? -EBADMSG : 0;
}

static void __exit kat_exit(void)
{
}

module_init(kat_init);
module_exit(kat_exit);
MODULE_DESCRIPTION("Known answers of ksmbd-hybrid's cryptography");
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("pre: gcm ccm cmac hmac sha256 aes");

#include "crypto_aead.c"
#include "crypto_cmac.c"
#include "crypto_seal.c"
#include "crypto_sign.c"
