// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * turn.c - turns: what came from one client in one piece is not answered in one piece when that is
 * much. A client that asks for many large READs at once would hold up all others of its reactor for
 * milliseconds; so it has its answers to a few of them, then it is the turn of who else is there.
 */
#include "core/turn.h"
#include "core/transport.h"

/* The rest of what was received, at whole frames. */
struct turn {
	struct list_head node; /* reactor.turns */
	struct conn *conn;
	size_t len, cap;
	uint8_t bytes[];
};

void turn_keep(struct conn *c, const uint8_t *p, size_t n)
{
	size_t cap;
	struct turn *t = buffer_alloc(sizeof(*t) + n, &cap);

	if (!t) {
		conn_close(c);
		return;
	}
	t->conn = c;
	t->len = n;
	t->cap = cap;
	memcpy(t->bytes, p, n);
	c->turn = t;
	list_add_tail(&t->node, &c->reactor->turns);
}

void turn_drop(struct conn *c)
{
	struct turn *t = steal_ptr(&c->turn);

	if (!t)
		return;
	list_del(&t->node);
	buffer_free(t, t->cap);
}

/* It may end in another one, behind all others. */
static void turn_take(struct conn *c)
{
	struct turn *t = steal_ptr(&c->turn);

	list_del(&t->node);
	if (!c->closing) {
		c->in_input = true;
		conn_frames(c, t->bytes, t->len);
		c->in_input = false;
	}
	buffer_free(t, t->cap);
	transport_continue(c);
}

void turns_take_slow(struct reactor *r)
{
	struct list_head *last = r->turns.prev, *n;

	io_uring_submit(&r->ring); /* what the others are answered goes out before */
	do {
		n = r->turns.next;
		turn_take(container_of(n, struct turn, node)->conn);
	} while (n != last);
}
