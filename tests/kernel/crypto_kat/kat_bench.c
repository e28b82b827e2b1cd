// SPDX-License-Identifier: GPL-2.0-only
/* kat_bench.c - MB/s of the module's cryptography, as "kat: bench" lines of the kernel log. */
#include <linux/ktime.h>
#include <linux/sched.h>

#include "kat_test.h"

#define RUN_NS (200 * NSEC_PER_MSEC)

static void report(const char *what, size_t len, enum kat_form form, u64 n, u64 ns)
{
	pr_info("kat: bench %-12s %7zu %-14s %6llu MB/s %8llu ns\n", what, len,
		kat_form_names[form], div64_u64(n * len * 1000, ns), div64_u64(ns, n));
}

static void bench_sign(u16 alg, const char *what, struct kat_mem *m)
{
	static const u8 key[16];
	struct kh_sign *s = kh_sign_new(alg, key, sizeof(key));
	u64 n = 0, ns, start = ktime_get_ns();
	u8 sig[SMB2_SIGNATURE_SIZE];

	if (IS_ERR(s))
		return;
	do {
		if (kh_sign_bvec(s, m->bv, m->n, m->len, sig))
			break;
		n++;
		ns = ktime_get_ns() - start;
		cond_resched();
	} while (ns < RUN_NS);
	if (n)
		report(what, m->len, m->form, n, ns);
	kh_sign_free(s);
}

static void bench_seal(u16 cipher, unsigned int key_len, const char *what, struct kat_mem *m,
		       struct kat_mem *to)
{
	static const u8 key[32];
	struct kh_crypt *c = kh_crypt_new(cipher, key, key, key_len);
	u64 n = 0, ns, start = ktime_get_ns();
	u8 hdr[SMB2_TRANSFORM_SIZE] = {};

	if (IS_ERR(c))
		return;
	do {
		if (kh_crypt_seal(c, hdr, m->bv, m->n, to->bv, to->n, m->len))
			break;
		n++;
		ns = ktime_get_ns() - start;
		cond_resched();
	} while (ns < RUN_NS);
	if (n)
		report(what, m->len, m->form, n, ns);
	kh_crypt_free(c);
}

static void bench_form(enum kat_form form, size_t len)
{
	struct kat_mem m, to = {};

	if (kat_mem_new(&m, form, len, 0))
		return;
	if (kat_mem_new(&to, KAT_LINEAR, len, 0))
		goto free;
	bench_sign(SMB2_SIGNING_HMAC_SHA256, "HMAC-SHA256", &m);
	bench_sign(SMB2_SIGNING_AES_CMAC, "AES-CMAC", &m);
	bench_sign(SMB2_SIGNING_AES_GMAC, "AES-GMAC", &m);
	bench_seal(SMB2_ENCRYPTION_AES128_GCM, 16, "AES-128-GCM", &m, &to);
	bench_seal(SMB2_ENCRYPTION_AES256_GCM, 32, "AES-256-GCM", &m, &to);
	bench_seal(SMB2_ENCRYPTION_AES128_CCM, 16, "AES-128-CCM", &m, &to);
	kat_mem_free(&to);
free:
	kat_mem_free(&m);
}

void kat_bench(void)
{
	bench_form(KAT_PAGES, 128);
	bench_form(KAT_PAGES, 4096 + 80);
	bench_form(KAT_PAGES, (1 << 20) + 80);
	bench_form(KAT_LINEAR, (1 << 20) + 80);
}
