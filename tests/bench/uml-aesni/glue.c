// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own AES-NI code (arch/x86/crypto/aesni-intel_glue.c) for user-mode Linux, which has
 * only the generic C ciphers: without it the sealed and signed rows of tests/bench/kernel measure
 * AES in C. tests/bench/uml-aesni/build puts the kernel's file beside this one, and passes on which
 * instructions the machine has.
 *
 * What the kernel registers as internal, behind a wrapper that asks whether the FPU may be used
 * here, is registered as the cipher itself: user-mode Linux is a process, it may always.
 */
#include <linux/hardirq.h>
#include <linux/module.h>
#include <crypto/algapi.h>
#include <asm/cpu_device_id.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <linux/static_call.h>
#include <crypto/internal/aead.h>
#include <crypto/internal/skcipher.h>
#include <crypto/internal/simd.h>

#define X86_VENDOR_INTEL 0
#undef boot_cpu_has
#define boot_cpu_has(bit)      KH_HAS_##bit
#define cpu_has_xfeatures(...) 1
/* One list asks for AES, which is there; the other is of processors to keep from 512 bits. */
#define x86_match_cpu(list) ((list)[0].feature < 0xffff)

static void not_internal(struct crypto_alg *a)
{
	static const char mark[] = "__";

	a->cra_flags &= ~CRYPTO_ALG_INTERNAL;
	memmove(a->cra_name, a->cra_name + strlen(mark), sizeof(a->cra_name) - strlen(mark));
	memmove(a->cra_driver_name, a->cra_driver_name + strlen(mark),
		sizeof(a->cra_driver_name) - strlen(mark));
}

static int register_aeads(struct aead_alg *a, int n)
{
	for (int i = 0; i < n; i++)
		not_internal(&a[i].base);
	return crypto_register_aeads(a, n);
}

static int register_skciphers(struct skcipher_alg *a, int n)
{
	for (int i = 0; i < n; i++)
		not_internal(&a[i].base);
	return crypto_register_skciphers(a, n);
}

/* The third argument remembers that there is something to unregister. */
#define simd_register_aeads_compat(a, n, s)	((s)[0] = (void *)(a), register_aeads(a, n))
#define simd_register_skciphers_compat(a, n, s) ((s)[0] = (void *)(a), register_skciphers(a, n))
#define simd_unregister_aeads(a, n, s)		crypto_unregister_aeads(a, n)
#define simd_unregister_skciphers(a, n, s)	crypto_unregister_skciphers(a, n)
#include "aesni-intel_glue.c"
