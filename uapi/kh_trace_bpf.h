/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* kh_trace_bpf.h - from bpf/trace.bpf.c to ctl/trace_kernel.c. */
#ifndef KH_TRACE_BPF_H
#define KH_TRACE_BPF_H

#include <linux/types.h>

/* A request that the kernel module answered. */
struct kh_trace_event {
	__u64 end_ns; /* CLOCK_MONOTONIC (bpf_ktime_get_ns) */
	__u64 latency_ns;
	__u64 conn, message_id;
	__u32 status;
	__u16 command;
	__u16 pad;
};

#endif /* KH_TRACE_BPF_H */
