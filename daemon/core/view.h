/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view.h - the maps of a server (uapi/kh_maps.h), as a reader sees them: mapped from their pins by
 * the command (ctl/view.h), or the daemon's own arrays.
 */
#ifndef KH_CORE_VIEW_H
#define KH_CORE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "kh_maps.h"

/* Read-only. n...: entries. */
struct view {
	const struct kh_server_slot *server;
	const struct kh_conn_slot *conns;
	const struct kh_session_slot *sessions;
	const struct kh_handle_slot *handles;
	const struct kh_name *names; /* nhandles of them */
	const struct kh_reactor_slot *reactors;
	const struct kh_bad_input *bad; /* server->lanes */
	const struct kh_op_stat *ops;	/* kh_op_index(), server->lanes */
	uint32_t nconns, nsessions, nhandles, nreactors, nbad, nops;
	bool copied; /* not mapped: as it was at one time (ctl/view.h) */
	char *dir;   /* the pin folder, for maps that are looked up by key (kh_sources, ...) */
};

#define VIEW_PINS "/sys/fs/bpf/ksmbd-hybrid"

/* A word of an entry, which others store to. */
#define view_load(p) __atomic_load_n(p, __ATOMIC_RELAXED)

/* The pin folder of an instance: bpffs takes no dots in names. Caller frees. */
char *view_dir(const char *instance);

/*
 * Copies of entries i that were not reused while they were copied; false: free, or changing.
 */
bool view_conn(const struct view *v, uint32_t i, struct kh_conn_slot *out);
bool view_session(const struct view *v, uint32_t i, struct kh_session_slot *out);
bool view_handle(const struct view *v, uint32_t i, struct kh_handle_slot *out,
		 struct kh_name *name);

/* Sum over all lanes of one command; plane KH_PLANES: of both. */
struct kh_op_stat view_op(const struct view *v, unsigned int plane, uint16_t command);
/* Sums over all lanes, all reactors; busy_ns, at_ns and cpu mean nothing in it. */
struct kh_bad_input view_bad(const struct view *v);
struct kh_reactor_slot view_reactors(const struct view *v);
struct kh_reactor_slot view_reactor(const struct view *v, uint32_t i);
/*
 * The latency below which a share of the operations stayed, in microseconds: interpolated within
 * its bucket; percent 0..100. 0: there were none.
 */
double view_percentile(const struct kh_op_stat *s, double percent);

#endif /* KH_CORE_VIEW_H */
