// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gcm_mb.c - AES-GCM by intel-ipsec-mb, which works on 16 blocks at a time where the CPU has VAES
 * and VPCLMULQDQ for AVX-512 registers (Ice Lake, Zen 4 and later): a megabyte takes 0.4 of what it
 * takes OpenSSL 3.0, a hundred bytes a sixth, for there is nothing between this and the
 * instructions. On CPUs with AVX2 OpenSSL is as fast or faster for large messages, and does those.
 */
#include "crypto/gcm.h"

#ifdef KH_IPSEC_MB
#include <intel-ipsec-mb.h>
#include <pthread.h>

/* What is used of an IMB_MGR, for one length of key. */
struct mb {
	aes_gcm_pre_t pre;
	aes_gcm_init_t start;
	aes_gcm_enc_dec_update_t encrypt, decrypt;
	aes_gcm_enc_dec_finalize_t encrypt_end, decrypt_end;
	aes_gmac_init_t mac_start;
	aes_gmac_update_t mac_piece;
	aes_gmac_finalize_t mac_end;
};

struct gcm_mb {
	struct gcm_key_data key __attribute__((aligned(64)));
	struct gcm_context_data msg; /* that is under way */
	const struct mb *fn;
	struct gcm gcm;
};

static struct mb mb128, mb256;
static bool mb_usable, mb_fastest;
static pthread_once_t mb_once = PTHREAD_ONCE_INIT;

#define MB_OF(m, bits)                                        \
	((struct mb) {                                        \
		.pre = (m)->gcm##bits##_pre,                  \
		.start = (m)->gcm##bits##_init,               \
		.encrypt = (m)->gcm##bits##_enc_update,       \
		.decrypt = (m)->gcm##bits##_dec_update,       \
		.encrypt_end = (m)->gcm##bits##_enc_finalize, \
		.decrypt_end = (m)->gcm##bits##_dec_finalize, \
		.mac_start = (m)->gmac##bits##_init,          \
		.mac_piece = (m)->gmac##bits##_update,        \
		.mac_end = (m)->gmac##bits##_finalize,        \
	})

static void mb_find(void)
{
	IMB_MGR *m = NULL;

	/* Does the kernel save these registers? The library asks the CPU alone. */
	if (__builtin_cpu_supports("avx2"))
		m = alloc_mb_mgr(0);
	if (!m)
		return;
	mb_fastest = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		     (m->features & IMB_CPUFLAGS_AVX512_T2) == IMB_CPUFLAGS_AVX512_T2;
	if (mb_fastest)
		init_mb_mgr_avx512(m);
	else if ((m->features & IMB_CPUFLAGS_AVX2) == IMB_CPUFLAGS_AVX2)
		init_mb_mgr_avx2(m);
	else
		goto out;
	mb_usable = imb_get_errno(m) == 0;
	mb128 = MB_OF(m, 128);
	mb256 = MB_OF(m, 256);
out:
	free_mb_mgr(m);
}

static struct gcm_mb *mb_of(struct gcm *g)
{
	return container_of(g, struct gcm_mb, gcm);
}

static bool mb_start(struct gcm *g, const uint8_t *iv, const void *aad, size_t n)
{
	struct gcm_mb *b = mb_of(g);

	b->fn->start(&b->key, &b->msg, iv, aad, n);
	return true;
}

static bool mb_encrypt(struct gcm *g, void *dst, const void *src, size_t n)
{
	struct gcm_mb *b = mb_of(g);

	b->fn->encrypt(&b->key, &b->msg, dst, src, n);
	return true;
}

static bool mb_decrypt(struct gcm *g, void *dst, const void *src, size_t n)
{
	struct gcm_mb *b = mb_of(g);

	b->fn->decrypt(&b->key, &b->msg, dst, src, n);
	return true;
}

static bool mb_encrypt_end(struct gcm *g, uint8_t *tag)
{
	struct gcm_mb *b = mb_of(g);

	b->fn->encrypt_end(&b->key, &b->msg, tag, GCM_TAG_LEN);
	return true;
}

static bool mb_decrypt_end(struct gcm *g, uint8_t *tag)
{
	struct gcm_mb *b = mb_of(g);
	uint8_t right[GCM_TAG_LEN];
	bool ok;

	b->fn->decrypt_end(&b->key, &b->msg, right, GCM_TAG_LEN);
	ok = crypto_equal(right, tag, sizeof(right));
	crypto_wipe(right, sizeof(right)); /* for a wrong message it is a secret */
	return ok;
}

static bool mb_mac_start(struct gcm *g, const uint8_t *iv)
{
	struct gcm_mb *b = mb_of(g);

	b->fn->mac_start(&b->key, &b->msg, iv, GCM_IV_LEN);
	return true;
}

static bool mb_mac_piece(struct gcm *g, const void *p, size_t n)
{
	struct gcm_mb *b = mb_of(g);

	b->fn->mac_piece(&b->key, &b->msg, p, n);
	return true;
}

static bool mb_mac_end(struct gcm *g, uint8_t *tag)
{
	struct gcm_mb *b = mb_of(g);

	b->fn->mac_end(&b->key, &b->msg, tag, GCM_TAG_LEN);
	return true;
}

static void mb_free(struct gcm *g)
{
	struct gcm_mb *b = mb_of(g);

	crypto_wipe(b, sizeof(*b));
	free(b);
}

static const struct gcm_ops encrypt_ops = {
	.start = mb_start,
	.piece = mb_encrypt,
	.end = mb_encrypt_end,
	.mac_start = mb_mac_start,
	.mac_piece = mb_mac_piece,
	.mac_end = mb_mac_end,
	.free = mb_free,
};

static const struct gcm_ops decrypt_ops = {
	.start = mb_start,
	.piece = mb_decrypt,
	.end = mb_decrypt_end,
	.free = mb_free,
};

struct gcm *gcm_mb_new(const uint8_t *key, size_t len, bool encrypt)
{
	struct gcm_mb *b;

	pthread_once(&mb_once, mb_find);
	b = mb_usable ? aligned_alloc(_Alignof(struct gcm_mb), sizeof(*b)) : NULL;
	if (!b)
		return NULL;
	b->gcm = (struct gcm) { .ops = encrypt ? &encrypt_ops : &decrypt_ops, .encrypt = encrypt };
	b->fn = len == 32 ? &mb256 : &mb128;
	b->fn->pre(key, &b->key);
	return &b->gcm;
}

bool gcm_mb_is_fastest(void)
{
	return mb_fastest;
}

#else

struct gcm *gcm_mb_new(const uint8_t *key, size_t len, bool encrypt)
{
	return NULL; /* built without it */
}

bool gcm_mb_is_fastest(void)
{
	return false;
}

#endif
