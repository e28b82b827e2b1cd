/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view.h - the pinned maps of a server, as a reader sees them (uapi/kh_maps.h). Nothing is asked of
 * the server: it may be busy, stopped, or its process gone while the pins are still there.
 */
#ifndef KH_VIEW_H
#define KH_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "kh_maps.h"

/* Mapped read-only; constant until view_close(). n...: entries. */
struct view {
	const struct kh_server_slot *server;
	const struct kh_conn_slot *conns;
	const struct kh_session_slot *sessions;
	const struct kh_handle_slot *handles;
	const struct kh_name *names; /* nhandles of them */
	const struct kh_reactor_slot *reactors;
	const struct kh_op_stat *ops; /* kh_op_index(), server->lanes */
	uint32_t nconns, nsessions, nhandles, nreactors, nops;
	char *dir; /* the pin folder, for maps that are looked up by key (kh_sources, ...) */
};

/*
 * NULL, and v is to be closed; or a sentence that the caller frees: no maps (the server runs
 * without BPF, or not at all), no right to them.
 */
char *view_open(struct view *v, const char *instance);
void view_close(struct view *v);
/* False: the pins are a dead server's (its process is gone, or the pid is another program's). */
bool view_alive(const struct view *v);

/*
 * Copies of entries i that were not reused while they were copied; false: free, or changing.
 */
bool view_conn(const struct view *v, uint32_t i, struct kh_conn_slot *out);
bool view_session(const struct view *v, uint32_t i, struct kh_session_slot *out);
bool view_handle(const struct view *v, uint32_t i, struct kh_handle_slot *out,
		 struct kh_name *name);

/* Sum over all lanes of one command; plane KH_PLANES: of both. */
struct kh_op_stat view_op(const struct view *v, unsigned int plane, uint16_t command);
/*
 * The latency below which a share of the operations stayed, in microseconds: interpolated within
 * its bucket; percent 0..100. 0: there were none.
 */
double view_percentile(const struct kh_op_stat *s, double percent);

#endif /* KH_VIEW_H */
