// SPDX-License-Identifier: GPL-2.0-only
/*
 * maps.bpf.c - the maps that the daemon writes, some of them with the module (uapi/kh_maps.h says
 * who writes what), as BPF objects so that `bpftool map dump pinned` prints them with the names of
 * their fields.
 *
 * Mapped by the daemon, written in place by the module. There is no program: the sizes are set, and
 * the maps made and pinned, by daemon/kernel/bpf_link.c.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "kh_maps.h"

#define MMAPPED_ARRAY(name, entries, type_)        \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, entries);      \
		__type(key, __u32);                \
		__type(value, type_);              \
	} name SEC(".maps")

MMAPPED_ARRAY(kh_server, 1, struct kh_server_slot);
MMAPPED_ARRAY(kh_conns, KH_CONNS_MAX, struct kh_conn_slot);
MMAPPED_ARRAY(kh_sessions, KH_SESSIONS_MAX, struct kh_session_slot);
MMAPPED_ARRAY(kh_handles, KH_HANDLES_MAX, struct kh_handle_slot);
MMAPPED_ARRAY(kh_names, KH_HANDLES_MAX, struct kh_name);
/* The daemon sets how many. */
MMAPPED_ARRAY(kh_reactors, 1, struct kh_reactor_slot);
MMAPPED_ARRAY(kh_bad_input, 1, struct kh_bad_input);
MMAPPED_ARRAY(kh_op_stats, KH_LANE_ENTRIES, struct kh_op_stat);
