/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * transport.h - how messages come to a connection and leave it. A connection begins with a TCP
 * socket in the daemon's hands (transport_tcp.c); once the kernel module has it, messages pass
 * through the module's channel (transport_kernel.c, kernel/attach.c).
 *
 * A transport has at most one receive and one send under way in the reactor's ring. The hand-over
 * takes place when there is neither, so a completion is always of the transport that asked.
 */
#ifndef KH_TRANSPORT_H
#define KH_TRANSPORT_H

#include "core/entry.h"

#define RX_BULK	     (16u << 10) /* a larger frame is received into a buffer of its own, if it can */
#define RX_AHEAD_MAX (128u << 10) /* of larger ones, all is waited for at once */
#define RX_AHEAD     512u	  /* covers the headers of a WRITE, and most other requests */

/* All on the connection's reactor, but end(). */
struct transport_ops {
	/* Both are no-ops while one is under way, or nothing is to be done. */
	void (*recv)(struct conn *c);
	void (*send)(struct conn *c);
	/* Sends what can be sent without waiting, or nothing; send takes care of the rest. NULL:
	 * none */
	void (*push)(struct conn *c);
	/* What recv or send asked of the ring, by the tag that they gave it. */
	void (*done)(struct conn *c, enum ring_tag tag, int res, uint32_t cqe_flags);
	/* What is under way ends soon, and nothing new is begun: conn.closing is set. */
	void (*shutdown)(struct conn *c);
	/* Worker, or NULL: nothing is under way any more; may block. */
	void (*end)(struct conn *c);
	void (*free)(struct conn *c);
};

static inline void transport_recv(struct conn *c)
{
	c->transport->recv(c);
}

static inline void transport_send(struct conn *c)
{
	c->transport->send(c);
}

static inline void transport_push(struct conn *c)
{
	if (c->transport->push)
		c->transport->push(c);
}

/* After bytes were handled or sent: answer, and ask for more. For transports. */
static inline void transport_continue(struct conn *c)
{
	entry_conn_seen(c);
	transport_send(c);
	transport_recv(c);
	entry_conn_now(c);
	if (c->closing)
		conn_check_gone(c);
}

/* Everything that is queued goes. */
static inline void transport_outq_free(struct conn *c)
{
	while (!list_empty(&c->outq))
		conn_dequeue(c, list_first(&c->outq, struct outbuf, node));
}

/* ---- transport_tcp.c ---- */

extern const struct transport_ops transport_tcp;
/* Bytes that must be there before a wait for input ends; 1 is the normal. */
void transport_want(struct conn *c, int bytes);
/* What the reactor keeps for sends; when all rest, and at its end. */
void transport_sends_free(struct reactor *r);

/* ---- transport_kernel.c ---- */

extern const struct transport_ops transport_kernel;
/*
 * Makes a finished message a record and queues it. ch: with KH_REPLYF_SEAL whose keys; else whose
 * key signs it, or NULL. It is kept until the module took the record.
 */
void kernel_queue(struct conn *c, struct outbuf *o, uint16_t flags, struct channel *ch);

#endif /* KH_TRANSPORT_H */
