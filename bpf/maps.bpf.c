// SPDX-License-Identifier: GPL-2.0-only
/*
 * maps.bpf.c - the maps that daemon and module share (uapi/kh_maps.h says who writes what), as BPF
 * objects so that `bpftool map dump pinned` prints them with the names of their fields.
 *
 * Mapped by the daemon, written in place by the module. There is no program: the sizes are set, and
 * the maps made and pinned, by daemon/kernel/bpf_link.c.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "kh_maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KH_HANDLES_MAX);
	__type(key, __u32);
	__type(value, struct kh_handle_slot);
} kh_handles SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KH_CONNS_MAX);
	__type(key, __u32);
	__type(value, struct kh_conn_slot);
} kh_conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KH_LANE_ENTRIES); /* of one lane */
	__type(key, __u32);
	__type(value, struct kh_op_stat);
} kh_op_stats SEC(".maps");
