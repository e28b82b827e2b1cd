/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring.h - what reactor.c and the transport share: the io_uring of a reactor and how a completion
 * finds its owner. The low three bits of user_data say what completed, the rest is a pointer.
 */
#ifndef KH_RING_H
#define KH_RING_H

#include "server.h"

#include <liburing.h>

#define RING_RECV_SIZE	  (32u << 10) /* one provided buffer */
#define RING_RECV_BUFFERS 64u	      /* a power of two */
#define RING_RECV_GROUP	  0

enum ring_tag {
	RING_ACCEPT, /* struct listener; NULL: what nobody waits for */
	RING_WAKE,   /* struct reactor */
	RING_TICK,   /* struct reactor; NULL: those at rest (core/awake.c) */
	/* struct conn, by its transport: */
	RING_RECV, /* into a provided buffer */
	RING_BODY, /* into its own buffer */
	RING_SEND,
	RING_SPLICE,
	RING_READY, /* bytes are there */
};

struct reactor {
	struct io_uring ring;
	unsigned int index;
	pthread_t thread;
	int wake_fd;
	uint64_t wake_value;
	int start_error; /* valid once started is posted */
	bool stopping;
	pthread_mutex_t start_lock;
	pthread_cond_t start_cond;
	bool started;

	pthread_mutex_t jobs_lock;
	struct list_head jobs;
	_Atomic bool has_jobs;
	bool ended; /* under jobs_lock: the thread is over */

	struct io_uring_buf_ring *bufs;
	uint8_t *buf_mem;

	struct list_head listeners, closed_listeners;
	struct list_head conns;
	unsigned int nconns;
	unsigned int npreauth; /* of them, that have not logged in yet; core/accept.c */
	uint32_t max_preauth;
	struct conn_send *sends; /* free ones, for transport_tcp.c */
	uint8_t *piece;		 /* of core/stream.c, or NULL */
	struct list_head turns;	 /* core/turn.c */
	unsigned int handled;	 /* completions in the ring that were, or are being */
	bool crowded;		 /* there are too many of these: nobody is accepted */

	/* core/awake.c */
	struct list_head awake; /* connections */
	struct __kernel_timespec tick, rest;
	bool ticking;		/* the timer of every second is there */
	uint64_t rest_end_ns;	/* when a deadtime may be over */
	uint64_t rest_armed_ns; /* the timer for it */

	/* core/wait.c */
	_Atomic uint32_t look_ns; /* before it sleeps; 0: it does not */
	uint32_t look_skip;	  /* sleeps before it looks again */
	uint32_t looks_vain; /* what look_skip was set to last; 0: the last look was worth it */

	struct stats stats;
};

/* A free submission entry; flushes what is queued when there is none. */
static inline struct io_uring_sqe *ring_sqe(struct reactor *r)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);

	while (!sqe) {
		io_uring_submit(&r->ring);
		sqe = io_uring_get_sqe(&r->ring);
	}
	return sqe;
}

static inline void ring_tag(struct io_uring_sqe *sqe, enum ring_tag tag, void *p)
{
	io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)p | tag);
}

/* The provided buffer of that id; it goes back when it was handled. */
static inline uint8_t *ring_buf(struct reactor *r, unsigned int id)
{
	return r->buf_mem + (size_t)id * RING_RECV_SIZE;
}

static inline void ring_buf_give(struct reactor *r, unsigned int id)
{
	io_uring_buf_ring_add(r->bufs, ring_buf(r, id), RING_RECV_SIZE, (unsigned short)id,
			      io_uring_buf_ring_mask(RING_RECV_BUFFERS), 0);
	io_uring_buf_ring_advance(r->bufs, 1);
}

/* core/wait.c: submits, and waits for a completion. 0 and more, or -errno. */
int reactor_wait(struct reactor *r);

/* core/reactor.c */
void reactor_wake(struct reactor *r); /* any thread */
void reactor_conn_gone(struct reactor *r, struct conn *c);

#endif /* KH_RING_H */
