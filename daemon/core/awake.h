/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * awake.h - time limits, and who must be looked at once a second (core/awake.c). All on the
 * reactor, but ticks_want().
 */
#ifndef KH_AWAKE_H
#define KH_AWAKE_H

#include "core/count.h"
#include "core/ring.h"

/* Something happens on it, or is to be watched: called before c->last_ns becomes old. */
void conn_awake_slow(struct conn *c);
static inline void conn_awake(struct conn *c)
{
	if (unlikely(list_empty(&c->awake)))
		conn_awake_slow(c);
}

/* Bytes came from the client: its entry shows when, too. */
static inline void conn_heard(struct conn *c)
{
	c->last_ns = now_ns();
	count_set(&c->entry->user_last_ns, c->last_ns);
	conn_awake(c);
}

void reactor_tick_init(struct reactor *r);
void reactor_tick_end(struct reactor *r);
/* Something is to be looked at in a second. */
void reactor_tick_start(struct reactor *r);
/* It was woken: did ticks_want() do that? */
void reactor_tick_asked(struct reactor *r);
/* A timer came: that of every second, or that of the connections at rest. */
void reactor_tick_done(struct reactor *r, bool every);

#endif /* KH_AWAKE_H */
