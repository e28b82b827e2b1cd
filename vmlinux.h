/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmlinux.h - kernel types for bpf/, kept by hand: the structs and fields that are used, nothing
 * else. Their order and size do not matter: libbpf finds each field in the BTF of the kernel that
 * runs (preserve_access_index), so one object serves 6.1 to 6.18. What is UAPI, contexts of programs
 * among it, comes from <linux/bpf.h> as it is.
 *
 * `make check-vmlinux` compares every field with the BTF of the running kernel. The form that it
 * reads: one member per line, a struct of ours ends with "};" in the first column. A field that
 * some kernels lack (bpf_core_field_exists()) has the comment "optional".
 */
#ifndef VMLINUX_H
#define VMLINUX_H

#include <linux/types.h>
#include <linux/bpf.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file {
	void *private;
};

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

/* The kernel has these in anonymous structs and unions, which libbpf looks into. */
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
};

struct inet_sock {
	struct sock sk;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 srtt_us; /* << 3 */
	u32 mdev_us;
	u32 snd_cwnd;
	u32 snd_ssthresh;
	u32 total_retrans;
	u32 packets_out;
	u32 retrans_out;
	u32 lost_out;
	u32 rcv_wnd;
	u32 snd_wnd;
	u64 bytes_acked;
	u64 bytes_received;
	u64 bytes_retrans;
};

/* Context of iter/tcp. */
struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
	unsigned int uid;
};

#pragma clang attribute pop

#endif /* VMLINUX_H */
