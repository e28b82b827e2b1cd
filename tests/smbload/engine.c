// SPDX-License-Identifier: GPL-2.0-or-later
/* engine.c - the loop of a worker: operations begin, are answered, are over, are counted. */
#include "smbload.h"

#include <sys/epoll.h>
#include <sys/prctl.h>

#define LOGINS_AT_ONCE 64u
#define EVENTS	       128

/* ---- counting ---- */

void counts_status(struct counts *c, uint32_t status, uint64_t n)
{
	unsigned int i;

	for (i = 0; i < c->nstatuses && c->statuses[i].status != status; i++)
		;
	if (i == STATUSES_MAX)
		i--; /* the last one has the rest */
	if (i == c->nstatuses)
		c->statuses[c->nstatuses++].status = status;
	c->statuses[i].count += n;
}

void counts_add(struct counts *sum, const struct counts *c)
{
	hist_merge(&sum->hist, &c->hist);
	sum->operations += c->operations;
	sum->all += c->all;
	sum->bytes += c->bytes;
	sum->errors += c->errors;
	sum->lost += c->lost;
	sum->unstarted += c->unstarted;
	sum->depth = MAX(sum->depth, c->depth);
	sum->ended_early |= c->ended_early;
	sum->last = MAX(sum->last, c->last);
	for (unsigned int i = 0; i < c->nstatuses; i++)
		counts_status(sum, c->statuses[i].status, c->statuses[i].count);
}

static void counts_failed(struct counts *c, uint32_t status)
{
	counts_status(c, status, 1);
	c->errors++;
}

/*
 * An operation that is over after the deadline is not of the time that is measured; but its latency
 * is of those that began then: without it the slowest would not be seen.
 */
static void count(struct worker *w, const struct op *op)
{
	struct counts *c = w->counts;

	if (!c)
		return;
	if (op->status) {
		counts_failed(c, op->status);
		return;
	}
	counts_status(c, op->status, 1);
	c->all++;
	hist_add(&c->hist, w->now - op->start);
	if (w->deadline && w->now > w->deadline)
		return;
	c->operations++;
	c->bytes += op->bytes;
	c->last = w->now;
}

/* ---- what a connection does ---- */

static void conn_through(struct conn *c)
{
	c->job = NULL;
	c->w->busy--;
}

static bool may_begin(const struct worker *w)
{
	return !w->stopping && w->left;
}

/* ---- --rate: operation n of a worker is due at a time of its own, whatever became of those
 * before; connections take turns ---- */

static uint64_t due_at(const struct worker *w, uint64_t n)
{
	return w->rate_start + (uint64_t)((double)n * w->rate_interval);
}

/* The connection's next operation, if it is due: when it was to begin. */
static bool due(struct conn *c, uint64_t *start)
{
	struct worker *w = c->w;

	*start = due_at(w, c->turn * w->nconns + (uint64_t)(c - w->conns));
	return *start <= w->now && (!w->deadline || *start < w->deadline);
}

/* Connections whose turn it is by now begin. */
static void turns(struct worker *w)
{
	while (due_at(w, w->turns) <= w->now) {
		struct conn *c = &w->conns[w->turns++ % w->nconns];

		if (c->job)
			engine_go(c);
	}
}

/* What was due and could not be begun. */
static uint64_t unstarted(struct worker *w)
{
	uint64_t n = 0, start;

	for (unsigned int i = 0; w->rate_interval > 0 && i < w->nconns; i++)
		for (struct conn *c = &w->conns[i]; c->fd >= 0 && due(c, &start); c->turn++)
			n++;
	return n;
}

/* ---- operations ---- */

static struct op *op_free(struct conn *c)
{
	struct op *op;

	for (unsigned int i = 0; i < c->nops; i++) {
		op = &c->ops[c->free_hint];
		if (!op->busy)
			return op;
		c->free_hint = c->free_hint + 1 == c->nops ? 0 : c->free_hint + 1;
	}
	return NULL;
}

/* Every operation under way may send its largest request next. */
static bool credits_for_one(const struct conn *c)
{
	int64_t unit = MAX(charge_of(c, opt.size), opt.workload->requests);

	return c->credits >= unit && c->credits + c->out >= unit * (int64_t)(c->inflight + 1);
}

static bool op_begin(struct conn *c, struct op *op)
{
	struct worker *w = c->w;
	uint64_t start = w->now;

	if (w->measured && w->rate_interval > 0 && !due(c, &start))
		return false;
	*op = (struct op) { .start = start, .busy = true };
	if (!c->job->begin(c, op)) {
		op->busy = false;
		c->drained = true;
		if (w->measured && w->counts)
			w->counts->ended_early = true;
		return false;
	}
	c->inflight++;
	if (w->measured) {
		w->left--;
		c->turn++;
		if (w->counts)
			w->counts->depth = MAX(w->counts->depth, c->inflight);
	}
	return true;
}

void engine_go(struct conn *c)
{
	unsigned int depth;

	if (!c->job) {
		conn_flush(c);
		return;
	}
	depth = c->job->serial ? 1 : c->nops;
	while (!c->drained && c->inflight < depth && may_begin(c->w) && credits_for_one(c)) {
		if (c->tx && c->tx->bytes >= TX_BATCH && !conn_flush(c))
			return;
		if (!op_begin(c, op_free(c)))
			break;
	}
	if (!conn_flush(c) || c->inflight)
		return;
	if (c->drained || !may_begin(c->w))
		conn_through(c);
	else if (!credits_for_one(c))
		conn_fail(c, "the server grants only %lld credits", (long long)c->credits);
}

/* setup: the next connection of this place, or its end. */
static void cycle(struct conn *c, uint32_t status)
{
	struct worker *w = c->w;
	struct op op = { .start = c->began, .status = status };

	count(w, &op);
	conn_close(c);
	if (may_begin(w)) {
		w->left--;
		c->began = c->progress = w->now;
		conn_connect(c);
	} else {
		w->busy--;
	}
}

void engine_lost(struct conn *c)
{
	if (c->w->cycling) {
		cycle(c, c->why ? c->why : STATUS_LOST);
		return;
	}
	for (unsigned int i = 0; i < c->nops; i++) {
		if (!c->ops[i].busy)
			continue;
		c->ops[i].busy = false;
		c->ops[i].status = STATUS_LOST;
		count(c->w, &c->ops[i]);
	}
	c->inflight = 0;
	if (c->job)
		conn_through(c);
}

static void op_over(struct conn *c, struct op *op)
{
	c->out -= op->charged;
	op->busy = false;
	c->inflight--;
	c->free_hint = (unsigned int)(op - c->ops);
	if (c->w->measured)
		count(c->w, op);
	else if (op->status && c->job->checks && c->w->counts)
		counts_failed(c->w->counts, op->status);
	else if (op->status && !c->job->may_fail)
		conn_fail(c, "%s: NT_STATUS_%s (0x%08x)", c->job->what, nt_name(op->status),
			  op->status);
}

void engine_answer(struct conn *c, const struct reply *r)
{
	struct op *op = NULL;
	unsigned int i = c->hint;

	for (unsigned int n = 0; n < c->nops; n++) {
		op = &c->ops[i];
		if (op->busy && r->mid - op->mid < op->span)
			break;
		i = i + 1 == c->nops ? 0 : i + 1;
		op = NULL;
	}
	if (!op || !c->job) {
		conn_fail(c, "an answer to what was not asked");
		return;
	}
	op->awaited--;
	if (!op->awaited) {
		c->out -= op->charged;
		op->charged = 0;
		c->hint = i + 1 == c->nops ? 0 : i + 1;
	}
	if (r->status && !op->status)
		op->status = r->status;
	c->job->answer(c, op, r);
	if (!op->awaited && c->fd >= 0)
		op_over(c, op);
}

void engine_logged_in(struct conn *c)
{
	if (c->w->cycling)
		cycle(c, NT_STATUS_SUCCESS);
	else
		c->w->busy--;
	if (c->w->nconns == 1 && !c->w->cycling)
		conn_blocks(c);
}

/* ---- the loop ---- */

static void stalled(struct worker *w)
{
	uint64_t timeout = (uint64_t)(opt.timeout * 1e9);

	for (unsigned int i = 0; i < w->nconns; i++) {
		struct conn *c = &w->conns[i];

		if (c->fd >= 0 && (c->inflight || c->login != LOGIN_DONE) &&
		    w->now - MIN(c->progress, w->now) > timeout)
			conn_fail(c, "no answer for %g s", opt.timeout);
	}
}

/* How many there were, after waiting for a first one at most until then. */
static int events(struct worker *w, uint64_t until)
{
	struct conn *only = w->nconns == 1 ? w->conns : NULL;
	uint64_t ns = MIN(until > w->now ? until - w->now : 0, NS_PER_S);
	struct timespec t = { (time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S) };
	struct epoll_event e[EVENTS];
	int n;

	/* One second may be longer than until then: but who waits for an answer has nothing to do.
	 */
	if (only && only->inflight && !only->tx && w->rate_interval <= 0) {
		if (conn_wait(only))
			return 1;
		stalled(w);
		return 0;
	}
	n = epoll_pwait2(w->epoll, e, EVENTS, &t, NULL);
	w->now = now_ns();
	for (int i = 0; i < n; i++) {
		struct conn *c = e[i].data.ptr;

		if (c->fd >= 0)
			conn_event(c, e[i].events);
	}
	if (n == 0 && ns == NS_PER_S)
		stalled(w);
	return n;
}

void worker_init(struct worker *w, unsigned int index)
{
	w->index = index;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->now = now_ns();
	prctl(PR_SET_TIMERSLACK, 1); /* --rate: a wake-up is when it has to be */
}

void worker_free(struct worker *w)
{
	buf_drain(w);
	close(w->epoll);
}

/* ---- logging in: the sessions, then their further channels ---- */

static void login_all(struct worker *w, bool first)
{
	unsigned int next = 0, begun = 0, all = 0;

	for (unsigned int i = 0; i < w->nconns; i++)
		all += w->conns[i].first == first;
	w->busy = all;
	w->now = now_ns();
	while (w->busy) {
		for (; begun < all && begun < all - w->busy + LOGINS_AT_ONCE; next++) {
			struct conn *c = &w->conns[next];

			if (c->first != first)
				continue;
			begun++;
			c->progress = w->now;
			conn_connect(c);
		}
		events(w, UINT64_MAX);
	}
}

void worker_login(struct worker *w)
{
	login_all(w, true);
	login_all(w, false);
}

/* ---- jobs ---- */

static void job_start(struct worker *w, const struct job *job)
{
	w->busy = 0;
	w->turns = 0;
	w->now = now_ns();
	for (unsigned int i = 0; i < w->nconns; i++) {
		struct conn *c = &w->conns[i];

		if (c->fd < 0 || (!w->measured && !c->first))
			continue;
		c->job = job;
		c->drained = false;
		c->todo = c->turn = 0;
		c->progress = w->now;
		w->busy++;
	}
	for (unsigned int i = 0; i < w->nconns; i++)
		if (w->conns[i].job)
			engine_go(&w->conns[i]);
}

void worker_job(struct worker *w, const struct job *job)
{
	w->left = UINT64_MAX;
	w->stopping = false;
	job_start(w, job);
	while (w->busy)
		events(w, UINT64_MAX);
}

void worker_check(struct worker *w, const struct job *job, struct counts *counts)
{
	w->counts = counts;
	worker_job(w, job);
	w->counts = NULL;
}

static void cycle_start(struct worker *w)
{
	w->cycling = true;
	w->now = now_ns();
	w->busy = w->nconns;
	for (unsigned int i = 0; i < w->nconns; i++) {
		if (!w->left) {
			w->busy--;
			continue;
		}
		w->left--;
		w->conns[i].began = w->conns[i].progress = w->now;
		conn_connect(&w->conns[i]);
	}
}

/* Time is up: what is under way is awaited, what is idle is through. */
static void stop(struct worker *w)
{
	w->stopping = true;
	for (unsigned int i = 0; i < w->nconns; i++)
		if (w->conns[i].job && !w->conns[i].inflight)
			engine_go(&w->conns[i]);
}

static uint64_t wake_up(const struct worker *w)
{
	uint64_t until = w->deadline && !w->stopping ? w->deadline : UINT64_MAX;

	return w->rate_interval > 0 && may_begin(w) ? MIN(until, due_at(w, w->turns)) : until;
}

void worker_run(struct worker *w, struct counts *counts, uint64_t start, uint64_t deadline,
		uint64_t operations)
{
	w->counts = counts;
	w->left = operations ? operations : UINT64_MAX;
	w->deadline = deadline;
	w->stopping = false;
	w->measured = true;
	w->rate_start = start;
	if (opt.workload->run)
		job_start(w, opt.workload->run);
	else
		cycle_start(w);
	while (w->busy) {
		events(w, wake_up(w));
		if (w->rate_interval > 0 && may_begin(w))
			turns(w);
		if (deadline && !w->stopping && w->now >= deadline)
			stop(w);
	}
	if (counts && deadline)
		counts->unstarted += unstarted(w);
	w->measured = w->cycling = false;
	w->counts = NULL;
}

void worker_look(struct worker *w, struct counts *counts)
{
	w->counts = counts;
	w->measured = true;
	while (events(w, 0) > 0)
		;
	w->measured = false;
	w->counts = NULL;
}
