/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_link.h - the maps of uapi/kh_maps.h, as this process sees them.
 *
 * Without BPF (no right to it, no bpffs, lockdown) there are no handles and no conns, and
 * everything is served in user space; the statistics are counted in memory of the process then.
 */
#ifndef KH_BPF_LINK_H
#define KH_BPF_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/util.h"
#include "kh_maps.h"

/* Constant between maps_start() and maps_stop(). */
struct maps {
	struct kh_handle_slot *handles;
	struct kh_conn_slot *conns;
	struct kh_op_stat *ops;		       /* kh_op_index(); NULL before maps_start() only */
	uint32_t nhandles, nconns;	       /* 0 without BPF */
	unsigned int lanes;		       /* of ops; the last one is the workers' */
	int handles_fd, conns_fd, op_stats_fd; /* -1 without BPF */
};

extern struct maps maps;

/*
 * Makes the maps, pins them below /sys/fs/bpf/ksmbd-hybrid/<instance>/ and maps them. Main thread,
 * before anybody counts or opens. The pins of an earlier process are replaced. If it cannot,
 * server.bpf_why says why, in one line.
 */
void maps_start(const char *instance, unsigned int nreactors);
/* Main thread, when all others have ended: unpins what is still this process's. */
void maps_stop(void);

/* An entry of kh_handles; NULL: beyond the map, or no map. */
static inline struct kh_handle_slot *maps_handle(uint32_t slot)
{
	return slot < maps.nhandles ? &maps.handles[slot] : NULL;
}

/* A free entry of kh_conns, zeroed, for an attached connection. False: none. Any thread. */
bool maps_conn_take(uint32_t *slot);
/* The module has let go of it. */
void maps_conn_give(uint32_t slot);

#endif /* KH_BPF_LINK_H */
