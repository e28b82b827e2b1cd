// SPDX-License-Identifier: GPL-2.0-only
/*
 * tcp_stats.bpf.c - what TCP knows of our connections, as a file that prints it: the daemon pins
 * the iterator as `kh_tcp` beside the maps. It runs when somebody reads, in that process, over the
 * sockets of its network namespace; connections pay nothing for it.
 */
#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define AF_INET	   2
#define AF_INET6   10
#define TCP_LISTEN 10

char _license[] SEC("license") = "GPL";

/* Local ports, host order; 0: none from here on. Written by the daemon. */
__u16 kh_tcp_ports[64];

static bool ours(__u16 port)
{
	for (unsigned int i = 0; i < sizeof(kh_tcp_ports) / sizeof(kh_tcp_ports[0]); i++) {
		if (kh_tcp_ports[i] == port)
			return port != 0;
		if (!kh_tcp_ports[i])
			break;
	}
	return 0;
}

SEC("iter/tcp")
int kh_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct seq_file *seq = ctx->meta->seq;
	__u16 family, port, local;
	struct tcp_sock *tp;

	if (ctx->meta->seq_num == 0)
		BPF_SEQ_PRINTF(seq,
			       "client port local_port rtt_us rttvar_us resent cwnd unacked\n");
	if (!skc)
		return 0;
	local = skc->skc_num;
	family = skc->skc_family;
	if (!ours(local) || skc->skc_state == TCP_LISTEN)
		return 0;
	tp = bpf_skc_to_tcp_sock(skc); /* not of one that is half open, or waits for its end */
	if (!tp)
		return 0;
	port = bpf_ntohs(skc->skc_dport);
	if (family == AF_INET)
		BPF_SEQ_PRINTF(seq, "%pI4 %u %u", &skc->skc_daddr, port, local);
	else if (family == AF_INET6)
		BPF_SEQ_PRINTF(seq, "%pI6 %u %u", &skc->skc_v6_daddr, port, local);
	else
		return 0;
	BPF_SEQ_PRINTF(seq, " %u %u %u %u %u\n", tp->srtt_us >> 3, tp->mdev_us >> 2,
		       tp->total_retrans, tp->snd_cwnd, tp->packets_out);
	return 0;
}
