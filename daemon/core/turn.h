/* SPDX-License-Identifier: GPL-2.0-or-later */
/* turn.h - what waits for its connection's next turn (core/turn.c). All on the reactor. */
#ifndef KH_TURN_H
#define KH_TURN_H

#include "core/ring.h"

/* Bytes of answers: 32 small READs are one turn, three of 64 KiB too. */
#define TURN_BYTES (160u << 10)

/*
 * Does anybody else wait? Completions behind that one which is being handled, or work that the
 * kernel has for this thread. Alone, a client has its answers in one go: that wakes it up once.
 */
static inline bool turn_is_over(const struct reactor *r)
{
	return io_uring_cq_ready(&r->ring) > r->handled ||
	       __atomic_load_n(r->ring.sq.kflags, __ATOMIC_RELAXED) &
		       (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/* conn.turn: these bytes are for later, and nothing is received before. */
void turn_keep(struct conn *c, const uint8_t *p, size_t n);
/* The connection is gone. */
void turn_drop(struct conn *c);
/* One turn for each connection that waits for one. */
void turns_take_slow(struct reactor *r);
static inline void turns_take(struct reactor *r)
{
	if (unlikely(!list_empty(&r->turns)))
		turns_take_slow(r);
}

#endif /* KH_TURN_H */
