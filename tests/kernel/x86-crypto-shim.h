/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's x86 crypto sources need and user-mode Linux does not have. It knows the
 * host's features (boot_cpu_has), and the host saves the vector registers.
 */
#ifndef KH_X86_CRYPTO_SHIM_H
#define KH_X86_CRYPTO_SHIM_H
#ifndef __ASSEMBLY__
#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/cpu_device_id.h>

#define X86_VENDOR_INTEL 0 /* only named in the table of models */

/* Entries that name models instead of a feature only choose between implementations. */
static inline const struct x86_cpu_id *kh_match_cpu(const struct x86_cpu_id *id)
{
	for (; id->vendor | id->family | id->model | id->steppings | id->feature; id++)
		if (id->feature != X86_FEATURE_ANY && boot_cpu_has(id->feature))
			return id;
	return NULL;
}

#define x86_match_cpu(table)	      kh_match_cpu(table)
#define cpu_has_xfeatures(mask, name) true
#endif
#endif
