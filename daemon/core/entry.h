/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * entry.h - what the maps say of connections, sessions and opens: entries of kh_conns, kh_sessions,
 * kh_handles and kh_names, kept up to date by whoever changes their objects. A reader finds an
 * entry by its id, which is stored last and taken away first.
 */
#ifndef KH_ENTRY_H
#define KH_ENTRY_H

#include "core/count.h"
#include "core/ring.h"
#include "state/state.h"

/* ---- connections: its reactor ---- */

#define ENTRY_NONE UINT32_MAX

/*
 * Gives it c->entry, never NULL: beyond the map's end memory of its own, which nobody sees, with
 * conn_slot ENTRY_NONE.
 */
void entry_conn_new(struct conn *c);
void entry_conn_gone(struct conn *c);
/* Its state, and why it is in user space, may be other ones. */
void entry_conn(struct conn *c);
/* A session or an exchange came (1) or went (-1): any thread, under conn.lock. */
void entry_conn_sessions(struct conn *c, int n);

static inline void entry_bytes_in(struct conn *c, uint64_t n)
{
	count_add(&c->entry->user_bytes_in, n);
	count_add(&c->reactor->stats.reactor->bytes_in, n);
}

static inline void entry_bytes_out(struct conn *c, uint64_t n)
{
	count_add(&c->entry->user_bytes_out, n);
	count_add(&c->reactor->stats.reactor->bytes_out, n);
}

/* Before answers are sent, and before the module may have it: what came together is counted. */
static inline void entry_conn_seen(struct conn *c)
{
	stats_put(&c->reactor->stats);
	if (!c->nseen)
		return;
	count_add(&c->reactor->stats.reactor->requests, c->nseen);
	if (!conn_attached(c)) /* else the module counts them */
		count_add(&c->entry->user_frames, c->nseen);
	c->nseen = 0;
}

/* After something was received or sent, once for all that came together. */
static inline void entry_conn_now(struct conn *c)
{
	struct kh_conn_slot *e = c->entry;

	count_set(&e->requests, c->nrequests);
	count_set(&e->user_credits, c->st.window->granted);
	count_set(&e->user_out_bytes, c->out_bytes);
}

/* ---- sessions: any thread ---- */

/* It is valid now. Without an entry left, nobody sees it. */
void entry_session_new(struct session *s);
void entry_session_gone(struct session *s);
/* Under session.lock: channels, trees, opens. */
void entry_session(struct session *s);

/* ---- opens: any thread ---- */

/* Before it is published, or again: everything but the id and the name. */
void entry_open_new(struct open *o, const struct session *s);
/* Its id: from now on it is seen. */
void entry_open_seen(struct open *o);
void entry_open_gone(struct open *o);
/* Its client is lost, but it is there: seen again if the module had it, on no connection. */
void entry_open_disconnected(struct open *o);
/* Under open.lock, or before it is published: it has another name. */
void entry_open_name(struct open *o);
/* Under the bucket's lock: oplock.level is another one. Nothing, while it is not seen. */
void entry_open_oplock(struct open *o);

#endif /* KH_ENTRY_H */
