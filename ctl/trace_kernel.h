/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace_kernel.h - requests that the kernel module answers, for trace (bpf/trace.bpf.c). */
#ifndef KH_TRACE_KERNEL_H
#define KH_TRACE_KERNEL_H

#include "trace_ring.h"

struct ctl;
struct trace_kernel;

/* NULL and *why (static text or of strerror()): it cannot be traced. */
struct trace_kernel *trace_kernel_open(const struct ctl *ctl, const struct trace_filter *f,
				       const char **why);
/* Puts what came since the last time behind what r found, in the order of time. */
void trace_kernel_read(struct trace_kernel *k, struct trace_ring *r);
void trace_kernel_close(struct trace_kernel *k); /* NULL is fine */

#endif /* KH_TRACE_KERNEL_H */
