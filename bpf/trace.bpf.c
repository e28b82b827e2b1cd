// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.bpf.c - requests that the kernel module answers, by its tracepoints (kmod/trace.h), for
 * `ksmbd-hybrid trace`, which loads it and takes it away again. From kh_dispatch to kh_complete is
 * the latency; what is passed to the daemon instead is in the daemon's trace.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "kh_trace_bpf.h"

char _license[] SEC("license") = "GPL";

struct kh_trace_key {
	__u64 conn, message_id;
};

/* Dispatched and not answered yet. LRU: what went to the daemon is never answered here. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct kh_trace_key);
	__type(value, __u64);
} kh_trace_began SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} kh_trace_events SEC(".maps");

__u64 kh_trace_lost;	 /* the ring was full */
__u32 kh_trace_commands; /* 1 << command; 0: all */

SEC("raw_tp/kh_dispatch")
int kh_trace_dispatch(struct bpf_raw_tracepoint_args *ctx)
{
	struct kh_trace_key key = { ctx->args[0], ctx->args[1] };
	__u16 command = (__u16)ctx->args[2];
	__u64 now = bpf_ktime_get_ns();

	if (!kh_trace_commands || kh_trace_commands >> (command & 31) & 1)
		bpf_map_update_elem(&kh_trace_began, &key, &now, BPF_ANY);
	return 0;
}

SEC("raw_tp/kh_complete")
int kh_trace_complete(struct bpf_raw_tracepoint_args *ctx)
{
	struct kh_trace_key key = { ctx->args[0], ctx->args[1] };
	__u64 *began = bpf_map_lookup_elem(&kh_trace_began, &key);
	struct kh_trace_event *e;

	if (!began)
		return 0;
	e = bpf_ringbuf_reserve(&kh_trace_events, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&kh_trace_lost, 1);
	} else {
		e->end_ns = bpf_ktime_get_ns();
		e->latency_ns = e->end_ns - *began;
		e->conn = key.conn;
		e->message_id = key.message_id;
		e->status = (__u32)ctx->args[3];
		e->command = (__u16)ctx->args[2];
		e->pad = 0;
		bpf_ringbuf_submit(e, 0);
	}
	bpf_map_delete_elem(&kh_trace_began, &key);
	return 0;
}
