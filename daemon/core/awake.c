// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * awake.c - what a reactor looks at once a second, and when it need not.
 *
 * A connection is awake while there is something to watch: a login, a hand-over to the module, a
 * notification, or what it did in the last moments. One that is not is at rest: it keeps no cipher
 * contexts, nothing walks over it, and a reactor whose connections all rest has no timer but for
 * the earliest `deadtime`. Ten thousand idle connections then cost their memory and no CPU.
 */
#include "core/accept.h"
#include "core/awake.h"
#include "core/entry.h"
#include "core/transport.h"
#include "kernel/attach.h"
#include "state/durable.h"
#include "state/replay.h"
#include "state/state.h"
#include "vfs/vfs.h"

#include <malloc.h>
#include <sys/mman.h>

#define SECOND_NS     1000000000ull
#define REST_NS	      (2 * SECOND_NS) /* of silence */
#define CROWD_REST_NS (5 * SECOND_NS) /* the same before a login, when there are too many */
#define NEVER	      UINT64_MAX

/* ---- who else has something to be looked at: reactor 0 does ---- */

static _Atomic(struct reactor *) ticker;
static _Atomic bool wanted;

void ticks_want(void)
{
	struct reactor *r;

	if (atomic_exchange(&wanted, true))
		return;
	r = atomic_load(&ticker);
	if (r)
		reactor_wake(r);
}

/* What is added while it looks, or after, says so to the next round. */
static bool tick_others(uint64_t now)
{
	bool more;

	atomic_store(&wanted, false);
	more = oplock_tick(now);
	more |= durable_tick(now);
	more |= replay_tick();
	if (more)
		atomic_store(&wanted, true);
	return atomic_load(&wanted);
}

/* ---- the timers ---- */

static void count_busy(struct reactor *r, uint64_t now)
{
	struct timespec cpu;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	count_set(&r->stats.reactor->busy_ns,
		  (uint64_t)cpu.tv_sec * SECOND_NS + (uint64_t)cpu.tv_nsec);
	count_set(&r->stats.reactor->at_ns, now);
}

static void timer_arm(struct reactor *r, struct __kernel_timespec *at, uint64_t ns, void *tag)
{
	struct io_uring_sqe *sqe = ring_sqe(r);

	at->tv_sec = (long long)(ns / SECOND_NS);
	at->tv_nsec = (long long)(ns % SECOND_NS);
	io_uring_prep_timeout(sqe, at, 0, 0);
	ring_tag(sqe, RING_TICK, tag);
}

static void tick_go_on(struct reactor *r)
{
	r->ticking = true;
	timer_arm(r, &r->tick, SECOND_NS, r);
}

void reactor_tick_start(struct reactor *r)
{
	if (r->ticking)
		return;
	count_busy(r, now_ns());
	tick_go_on(r);
}

/* Nothing to look at before r->rest_end_ns. An earlier timer may be there, and comes in vain. */
static void rest_arm(struct reactor *r, uint64_t now)
{
	if (r->rest_end_ns >= r->rest_armed_ns)
		return;
	r->rest_armed_ns = r->rest_end_ns;
	timer_arm(r, &r->rest, r->rest_end_ns > now ? r->rest_end_ns - now : 1, NULL);
}

/* ---- one connection ---- */

void conn_awake_slow(struct conn *c)
{
	list_add_tail(&c->awake, &c->reactor->awake);
	reactor_tick_start(c->reactor);
}

static uint64_t deadline(const struct conn *c, uint64_t since)
{
	uint64_t limit = c->conf->deadtime * SECOND_NS;

	return limit ? since + limit : NEVER;
}

static void conn_rest(struct conn *c)
{
	struct channel *ch;

	list_del(&c->awake);
	c->reactor->rest_end_ns = MIN(c->reactor->rest_end_ns, deadline(c, c->last_ns));
	if (c->nrequests > c->nasync) /* a worker may be looking */
		return;
	pthread_mutex_lock(&c->lock);
	list_for_each (ch, &c->channels, conn_node)
		channel_rest(ch);
	pthread_mutex_unlock(&c->lock);
}

/* Not logged in for too long; and, when that keeps others out, silent for longer than is usual. */
static bool login_late(const struct conn *c, uint64_t now)
{
	uint64_t limit = c->conf->preauth_timeout * SECOND_NS;

	if (limit && now - c->accepted_ns > limit)
		return true;
	return c->reactor->crowded && !c->nrequests && now - c->last_ns > CROWD_REST_NS;
}

static void look_at(struct conn *c, uint64_t now)
{
	if (!c->closing) {
		kernel_attach_tick(c, now);
		notifications_tick(c, now);
	}
	if (c->closing) {
		list_del(&c->awake);
	} else if (!c->st.authenticated) {
		if (login_late(c, now)) {
			stats_bad(BAD_preauth_timeout);
			conn_close(c);
		}
	} else if (!c->attach_wait_ns && list_empty(&c->notifications) &&
		   now - c->last_ns > REST_NS) {
		conn_rest(c);
	}
}

/* Closes those at rest whose deadtime is over, and finds out who is next. */
static void deadtime(struct reactor *r, uint64_t now)
{
	struct conn *c, *next;
	uint64_t first = NEVER;

	list_for_each_safe (c, next, &r->conns, node) {
		uint64_t end = deadline(c, c->last_ns);

		if (c->closing || !list_empty(&c->awake))
			continue;
		if (now > end && conn_is_idle(c))
			conn_close(c);
		else
			first = MIN(first, now > end ? deadline(c, now) : end);
	}
	r->rest_end_ns = first;
}

/* ---- memory that only work needs ---- */

static void trim_work(struct work *w)
{
	free(w);
	buffer_trim();
	/* Not with a sanitizer's malloc(): nobody has set up glibc's, which two threads do at once
	 * then. */
	if (!SANITIZED)
		malloc_trim(0);
}

/* All rest. The receive buffers are the kernel's to fill only while this thread waits in it. */
static void reactor_rest(struct reactor *r)
{
	struct work *w = xcalloc(1, sizeof(*w));

	transport_sends_free(r);
	outbufs_keep(0);
	outbufs_keep(OUTBUFS_KEPT);
	madvise(r->buf_mem, (size_t)RING_RECV_BUFFERS * RING_RECV_SIZE, MADV_DONTNEED);
	w->fn = trim_work;
	worker_post(w);
}

/* ---- a second is over ---- */

static void tick(struct reactor *r)
{
	bool had = !list_empty(&r->awake), more;
	uint64_t now = now_ns();
	struct conn *c, *next;

	identity_become_self();
	more = !r->stopping && listeners_tick(r, now);
	list_for_each_safe (c, next, &r->awake, awake)
		look_at(c, now);
	if (now >= r->rest_end_ns)
		deadtime(r, now);
	count_busy(r, now);
	if (r->index == 0)
		more |= tick_others(now);
	log_tick();
	if (more || !list_empty(&r->awake)) {
		tick_go_on(r);
		return;
	}
	if (had && !r->stopping)
		reactor_rest(r);
	rest_arm(r, now);
}

void reactor_tick_done(struct reactor *r, bool every)
{
	if (every)
		r->ticking = false;
	else
		r->rest_armed_ns = NEVER;
	if (!r->ticking)
		tick(r);
}

void reactor_tick_init(struct reactor *r)
{
	list_init(&r->awake);
	r->rest_end_ns = r->rest_armed_ns = NEVER;
	if (r->index == 0)
		atomic_store(&ticker, r);
}

void reactor_tick_end(struct reactor *r)
{
	if (r->index == 0)
		atomic_store(&ticker, NULL);
}

void reactor_tick_asked(struct reactor *r)
{
	if (r->index == 0 && atomic_load_explicit(&wanted, memory_order_relaxed))
		reactor_tick_start(r);
}
