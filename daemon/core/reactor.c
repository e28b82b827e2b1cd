// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reactor.c - one thread, one io_uring, its connections; its listeners are in accept.c.
 *
 * The loop submits everything that the last round prepared and waits, in one system call; then it
 * handles each completion to the end. Idle connections hold no buffer: a receive takes one from
 * the provided ring only when bytes are there.
 */
#include "core/accept.h"
#include "core/awake.h"
#include "core/entry.h"
#include "core/transport.h"
#include "core/turn.h"
#include "vfs/vfs.h"

#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#define RING_ENTRIES 1024

static void wake_arm(struct reactor *r)
{
	struct io_uring_sqe *sqe = ring_sqe(r);

	io_uring_prep_read(sqe, r->wake_fd, &r->wake_value, sizeof(r->wake_value), 0);
	ring_tag(sqe, RING_WAKE, r);
}

/* False: there was none. */
static bool jobs_run(struct reactor *r)
{
	struct list_head mine;
	bool any;

	list_init(&mine);
	pthread_mutex_lock(&r->jobs_lock);
	while (!list_empty(&r->jobs)) {
		struct list_head *n = r->jobs.next;

		list_del(n);
		list_add_tail(n, &mine);
	}
	atomic_store_explicit(&r->has_jobs, false, memory_order_relaxed);
	pthread_mutex_unlock(&r->jobs_lock);
	any = !list_empty(&mine);
	while (!list_empty(&mine)) {
		struct reactor_job *j = list_first(&mine, struct reactor_job, node);

		list_del(&j->node);
		identity_become_self();
		j->fn(j);
	}
	return any;
}

/* The thread's last jobs: who comes later finds it ended. */
static void jobs_end(struct reactor *r)
{
	bool ended = false;

	while (!ended) {
		jobs_run(r);
		pthread_mutex_lock(&r->jobs_lock);
		ended = r->ended = list_empty(&r->jobs);
		pthread_mutex_unlock(&r->jobs_lock);
	}
}

void reactor_wake(struct reactor *r)
{
	static const uint64_t one = 1;

	/* An eventfd takes 2^64 - 2 before it would block. */
	if (write(r->wake_fd, &one, sizeof(one)) < 0)
		log_err("reactor %u: wake: %s", r->index, strerror(errno));
}

/* False: the thread is over. With `later` the job is queued all the same, for reactor_drain(). */
static bool job_add(struct reactor *r, struct reactor_job *j, bool later)
{
	bool wake, ended;

	pthread_mutex_lock(&r->jobs_lock);
	ended = r->ended;
	wake = !ended && list_empty(&r->jobs);
	if (!ended || later)
		list_add_tail(&j->node, &r->jobs);
	atomic_store_explicit(&r->has_jobs, !list_empty(&r->jobs), memory_order_relaxed);
	pthread_mutex_unlock(&r->jobs_lock);
	if (wake)
		reactor_wake(r);
	return !ended;
}

void reactor_post(struct reactor *r, struct reactor_job *j)
{
	(void)job_add(r, j, true);
}

bool reactor_has_jobs(struct reactor *r)
{
	return atomic_load_explicit(&r->has_jobs, memory_order_relaxed);
}

/* ---- a look at the connections ---- */

struct look_job {
	struct reactor_job job;
	struct reactor *reactor;
	void (*fn)(void *arg, struct conn *c);
	void *arg;
	sem_t done;
};

static void look_job(struct reactor_job *j)
{
	struct look_job *l = container_of(j, struct look_job, job);
	struct conn *c;

	list_for_each (c, &l->reactor->conns, node)
		l->fn(l->arg, c);
	sem_post(&l->done);
}

void reactor_each_conn(struct reactor *r, void (*fn)(void *arg, struct conn *c), void *arg)
{
	struct look_job l = { .job.fn = look_job, .reactor = r, .fn = fn, .arg = arg };

	sem_init(&l.done, 0, 0);
	if (!job_add(r, &l.job, false))
		look_job(&l.job); /* nobody else is there to look */
	while (sem_wait(&l.done) < 0)
		;
	sem_destroy(&l.done);
}

static void completion(struct reactor *r, const struct io_uring_cqe *cqe)
{
	uint64_t data = cqe->user_data;
	void *p = (void *)(uintptr_t)(data & ~7ull);

	switch ((enum ring_tag)(data & 7)) {
	case RING_ACCEPT:
		if (p)
			listener_accepted(p, cqe->res, cqe->flags);
		break;
	case RING_WAKE:
		wake_arm(r);
		jobs_run(r);
		reactor_tick_asked(r);
		break;
	case RING_TICK:
		reactor_tick_done(r, p);
		break;
	case RING_RECV:
	case RING_BODY:
	case RING_SEND:
	case RING_SPLICE:
	case RING_READY:
		((struct conn *)p)->transport->done(p, data & 7, cqe->res, cqe->flags);
		break;
	}
}

static int ring_setup(struct reactor *r)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER |
					      IORING_SETUP_DEFER_TASKRUN |
					      IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE,
				     .cq_entries = RING_ENTRIES * 4 };
	struct io_uring_buf_reg reg = { .ring_entries = RING_RECV_BUFFERS,
					.bgid = RING_RECV_GROUP };
	size_t ring_bytes = RING_RECV_BUFFERS * sizeof(struct io_uring_buf);
	int err = io_uring_queue_init_params(RING_ENTRIES, &r->ring, &p);

	if (err < 0)
		return err;
	/* Its number instead of its fd, which each call would look up; else by the fd. */
	(void)io_uring_register_ring_fd(&r->ring);
	r->bufs =
		mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	r->buf_mem = mmap(NULL, (size_t)RING_RECV_BUFFERS * RING_RECV_SIZE, PROT_READ | PROT_WRITE,
			  MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	if (r->bufs == MAP_FAILED || r->buf_mem == MAP_FAILED)
		return -ENOMEM;
	reg.ring_addr = (uint64_t)(uintptr_t)r->bufs;
	err = io_uring_register_buf_ring(&r->ring, &reg, 0);
	if (err < 0)
		return err;
	io_uring_buf_ring_init(r->bufs);
	for (unsigned int i = 0; i < RING_RECV_BUFFERS; i++)
		io_uring_buf_ring_add(r->bufs, r->buf_mem + (size_t)i * RING_RECV_SIZE,
				      RING_RECV_SIZE, (unsigned short)i,
				      io_uring_buf_ring_mask(RING_RECV_BUFFERS), (int)i);
	io_uring_buf_ring_advance(r->bufs, RING_RECV_BUFFERS);
	return 0;
}

static void ring_teardown(struct reactor *r)
{
	io_uring_queue_exit(&r->ring);
	munmap(r->bufs, RING_RECV_BUFFERS * sizeof(struct io_uring_buf));
	munmap(r->buf_mem, (size_t)RING_RECV_BUFFERS * RING_RECV_SIZE);
}

static void *reactor_main(void *arg)
{
	struct reactor *r = arg;
	int err = ring_setup(r);

	stats_set_thread(&r->stats);
	outbufs_keep(OUTBUFS_KEPT);
	identity_io_thread();
	pthread_mutex_lock(&r->start_lock);
	r->start_error = err;
	r->started = true;
	pthread_cond_signal(&r->start_cond);
	pthread_mutex_unlock(&r->start_lock);
	if (err)
		return NULL;
	wake_arm(r);
	while (!r->stopping || r->nconns) {
		struct io_uring_cqe *cqe;
		unsigned int head, n = 0;

		if (likely(list_empty(&r->turns)))
			err = reactor_wait(r);
		else
			err = io_uring_submit_and_get_events(&r->ring);
		if (err < 0 && err != -EINTR && err != -EAGAIN && err != -EBUSY) {
			/* Its clients hang: better a new server than half of one. */
			log_err("reactor %u: io_uring: %s", r->index, strerror(-err));
			kill(getpid(), SIGTERM);
			break;
		}
		io_uring_for_each_cqe(&r->ring, head, cqe)
		{
			r->handled = ++n;
			completion(r, cqe);
		}
		io_uring_cq_advance(&r->ring, n);
		r->handled = 0;
		turns_take(r);
		stats_put(&r->stats);
		count_add(&r->stats.reactor->wakeups, 1);
		count_add(&r->stats.reactor->completions, n);
	}
	jobs_end(r);
	transport_sends_free(r);
	outbufs_keep(0);
	free(r->piece);
	ring_teardown(r);
	(void)identity_become_self();
	return NULL;
}

int reactor_start(unsigned int index, struct reactor **out)
{
	struct reactor *r = xcalloc(1, sizeof(*r));
	char name[16];
	int err;

	r->index = index;
	stats_init(&r->stats, index);
	r->wake_fd = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&r->jobs_lock, NULL);
	pthread_mutex_init(&r->start_lock, NULL);
	pthread_cond_init(&r->start_cond, NULL);
	list_init(&r->jobs);
	list_init(&r->conns);
	list_init(&r->turns);
	list_init(&r->listeners);
	list_init(&r->closed_listeners);
	reactor_tick_init(r);
	err = r->wake_fd < 0 ? -errno : -pthread_create(&r->thread, NULL, reactor_main, r);
	if (!err) {
		pthread_mutex_lock(&r->start_lock);
		while (!r->started)
			pthread_cond_wait(&r->start_cond, &r->start_lock);
		pthread_mutex_unlock(&r->start_lock);
		err = r->start_error;
		if (err)
			pthread_join(r->thread, NULL);
	}
	if (err) {
		if (r->wake_fd >= 0)
			close(r->wake_fd);
		free(r);
		return err;
	}
	snprintf(name, sizeof(name), "khd-reactor%u", index);
	pthread_setname_np(r->thread, name);
	*out = r;
	return 0;
}

int reactor_bind(struct reactor *r, const cpu_set_t *set)
{
	return -pthread_setaffinity_np(r->thread, sizeof(*set), set);
}

struct stop_job {
	struct reactor_job job;
	struct reactor *reactor;
};

static void stop_job(struct reactor_job *j)
{
	struct stop_job *s = container_of(j, struct stop_job, job);
	struct reactor *r = s->reactor;
	struct conn *c, *next;

	free(s);
	r->stopping = true;
	listeners_stop(r);
	list_for_each_safe (c, next, &r->conns, node)
		conn_close(c);
}

void reactor_stop(struct reactor *r)
{
	struct stop_job *s = xcalloc(1, sizeof(*s));

	s->reactor = r;
	s->job.fn = stop_job;
	reactor_post(r, &s->job);
}

void reactor_join(struct reactor *r)
{
	pthread_join(r->thread, NULL);
}

bool reactor_drain(struct reactor *r)
{
	return jobs_run(r);
}

void reactor_free(struct reactor *r)
{
	listeners_free(r);
	reactor_tick_end(r);
	close(r->wake_fd);
	free(r);
}

void reactor_conn_gone(struct reactor *r, struct conn *c)
{
	list_del(&c->node);
	list_del(&c->awake);
	r->nconns--;
	entry_set(&r->stats.reactor->connections, r->nconns);
	count_add(&r->stats.reactor->closed, 1);
}
