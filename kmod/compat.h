/* SPDX-License-Identifier: GPL-2.0-only */
/* compat.h - what differs between kernels 6.12 and 6.18; nothing else asks for a version. */
#ifndef KH_COMPAT_H
#define KH_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "ksmbd-hybrid needs Linux 6.12 or newer"
#endif

/* The name of a namespace became a string literal. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define KH_IMPORT_NS(ns) MODULE_IMPORT_NS(#ns)
#else
#define KH_IMPORT_NS(ns) MODULE_IMPORT_NS(ns)
#endif

#endif /* KH_COMPAT_H */
