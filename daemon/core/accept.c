// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * accept.c - the listeners of a reactor, and when they take no connection.
 *
 * When as many connections as `max pre-auth connections` have not logged in, further ones wait in
 * the kernel's queue: a crowd of clients that all come back after a power cut is served in turn and
 * none is refused. Who is silent meanwhile loses its place (core/awake.c), so that a crowd of idle
 * connections cannot keep others out.
 */
#include "core/accept.h"
#include "core/awake.h"
#include "core/entry.h"
#include "core/transport.h"
#include "kernel/bpf_link.h"

#include <fcntl.h>

struct listener {
	struct list_head node;
	struct reactor *reactor;
	int fd;
	bool netbios, armed;
	/* its end: takes connections until end_ns, then is cancelled, then closed */
	bool ending, cancelled, accept_rest;
	uint64_t end_ns;
	struct reactor_job job;
};

static void listener_arm(struct listener *l)
{
	struct io_uring_sqe *sqe = ring_sqe(l->reactor);

	io_uring_prep_multishot_accept(sqe, l->fd, NULL, NULL, SOCK_CLOEXEC);
	ring_tag(sqe, RING_ACCEPT, l);
	l->armed = true;
}

static void accept_cancel(struct listener *l)
{
	struct io_uring_sqe *sqe = ring_sqe(l->reactor);

	io_uring_prep_cancel64(sqe, (uint64_t)(uintptr_t)l | RING_ACCEPT, 0);
	ring_tag(sqe, RING_ACCEPT, NULL);
}

/* ---- too many that have not logged in ---- */

static bool full(const struct reactor *r, uint32_t max)
{
	return max && r->npreauth && maps_count(&maps.server->preauth, 0) >= max;
}

static void pause_if_full(struct reactor *r)
{
	struct listener *l;

	if (r->crowded || !full(r, r->max_preauth))
		return;
	log_notice("max pre-auth connections is reached: others wait");
	r->crowded = true;
	list_for_each (l, &r->listeners, node)
		if (l->armed && !l->cancelled)
			accept_cancel(l);
}

/* With some room, so that it is not done for each. */
static void go_on_if_not(struct reactor *r)
{
	struct listener *l;

	if (!r->crowded || full(r, r->max_preauth - r->max_preauth / 8))
		return;
	r->crowded = false;
	list_for_each (l, &r->listeners, node)
		if (!l->armed && !l->cancelled)
			listener_arm(l);
}

void conn_not_preauth(struct conn *c)
{
	if (!c->preauth)
		return;
	c->preauth = false;
	c->reactor->npreauth--;
	go_on_if_not(c->reactor);
}

/* ---- connections ---- */

static void accepted_one(struct listener *l, int fd)
{
	struct reactor *r = l->reactor;
	struct conn *c;

	count_add(&r->stats.reactor->accepted, 1);
	c = conn_new(r, fd, l->netbios);
	if (!c)
		return;
	list_add_tail(&c->node, &r->conns);
	r->nconns++;
	entry_set(&r->stats.reactor->connections, r->nconns);
	c->preauth = true;
	r->npreauth++;
	r->max_preauth = c->conf->max_preauth_connections;
	conn_awake(c);
	transport_recv(c);
	pause_if_full(r);
}

/* Nothing of it is under way any more. What waits there is moved by the kernel, or accepted. */
static void listener_end(struct listener *l)
{
	int fd = 0;

	if (l->accept_rest && fcntl(l->fd, F_SETFL, O_NONBLOCK) < 0)
		l->accept_rest = false;
	while (l->accept_rest && (fd >= 0 || errno == EINTR || errno == ECONNABORTED)) {
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			accepted_one(l, fd);
	}
	close(l->fd);
	list_del(&l->node);
	free(l);
}

static void listener_cancel(struct listener *l)
{
	l->cancelled = true;
	if (l->armed)
		accept_cancel(l);
	else
		listener_end(l);
}

void listener_accepted(struct listener *l, int res, uint32_t flags)
{
	struct reactor *r = l->reactor;

	if (!(flags & IORING_CQE_F_MORE)) {
		l->armed = false;
		reactor_tick_start(r); /* it arms it again: out of descriptors, most likely */
	}
	if (res >= 0)
		accepted_one(l, res);
	else if (res != -ECANCELED && !r->stopping) /* it shut the socket down itself */
		log_err("accept: %s", strerror(-res));
	if (l->armed)
		return;
	if (l->cancelled)
		listener_end(l);
	else if (res == -ECANCELED && !r->crowded && !r->stopping)
		listener_arm(l); /* there is room again */
}

bool listeners_tick(struct reactor *r, uint64_t now)
{
	struct listener *l, *next;
	bool again = false;

	go_on_if_not(r);
	list_for_each_safe (l, next, &r->listeners, node) {
		again |= l->ending || !l->armed;
		if (l->ending && !l->cancelled && now >= l->end_ns)
			listener_cancel(l);
		else if (!l->armed && !l->cancelled && !r->crowded)
			listener_arm(l);
	}
	return again;
}

void listeners_stop(struct reactor *r)
{
	struct listener *l, *next;

	list_for_each_safe (l, next, &r->listeners, node) {
		list_del(&l->node);
		shutdown(l->fd, SHUT_RDWR);
		close(l->fd);
		l->cancelled = false;
		list_add_tail(&l->node, &r->closed_listeners); /* a completion may still come */
	}
}

void listeners_free(struct reactor *r)
{
	struct listener *l, *next;

	list_for_each_safe (l, next, &r->closed_listeners, node)
		free(l);
}

/* ---- from other threads ---- */

static void listen_job(struct reactor_job *j)
{
	struct listener *l = container_of(j, struct listener, job);

	list_add_tail(&l->node, &l->reactor->listeners);
	listener_arm(l);
}

int reactor_listen(struct reactor *r, int fd, bool netbios)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	l->reactor = r;
	l->fd = fd;
	l->netbios = netbios;
	l->job.fn = listen_job;
	reactor_post(r, &l->job);
	return 0;
}

struct unlisten_job {
	struct reactor_job job;
	struct reactor *reactor;
	int fd;
	uint64_t end_ns;
	bool accept_rest;
};

static void unlisten_job(struct reactor_job *j)
{
	struct unlisten_job *u = container_of(j, struct unlisten_job, job);
	struct listener *l, *next;

	list_for_each_safe (l, next, &u->reactor->listeners, node) {
		if (l->fd != u->fd || l->ending)
			continue;
		l->ending = true;
		l->end_ns = u->end_ns;
		l->accept_rest = u->accept_rest;
		if (now_ns() >= l->end_ns)
			listener_cancel(l);
		else
			reactor_tick_start(u->reactor);
	}
	free(u);
}

void reactor_unlisten(struct reactor *r, int fd, uint64_t delay_ns, bool accept_rest)
{
	struct unlisten_job *u = xcalloc(1, sizeof(*u));

	u->reactor = r;
	u->fd = fd;
	u->end_ns = now_ns() + delay_ns;
	u->accept_rest = accept_rest;
	u->job.fn = unlisten_job;
	reactor_post(r, &u->job);
}
