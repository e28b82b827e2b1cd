// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * worker.c - the pool for what may block. One queue: work is short compared with its wake-up, and
 * a queue per thread would let one slow disk hold up requests behind it.
 */
#include "server.h"
#include "vfs/vfs.h"

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct list_head queue;
	unsigned int idle;
	bool stop;
	pthread_t *threads;
	unsigned int n;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER,
	   .more = PTHREAD_COND_INITIALIZER,
	   .queue = { &pool.queue, &pool.queue } };

static void *worker_main(void *arg)
{
	stats_set_thread(&stats_workers);
	pthread_mutex_lock(&pool.lock);
	for (;;) {
		struct work *w;

		while (list_empty(&pool.queue) && !pool.stop) {
			pool.idle++;
			pthread_cond_wait(&pool.more, &pool.lock);
			pool.idle--;
		}
		if (list_empty(&pool.queue))
			break;
		w = list_first(&pool.queue, struct work, node);
		list_del(&w->node);
		pthread_mutex_unlock(&pool.lock);
		w->fn(w);
		pthread_mutex_lock(&pool.lock);
	}
	pthread_mutex_unlock(&pool.lock);
	(void)identity_become_self();
	return NULL;
}

void worker_post(struct work *w)
{
	bool wake;

	pthread_mutex_lock(&pool.lock);
	list_add_tail(&w->node, &pool.queue);
	wake = pool.idle > 0;
	pthread_mutex_unlock(&pool.lock);
	if (wake)
		pthread_cond_signal(&pool.more);
}

int workers_start(unsigned int n)
{
	pool.threads = xcalloc(n, sizeof(*pool.threads));
	pool.stop = false;
	stats_init(&stats_workers, STATS_WORKERS);
	for (pool.n = 0; pool.n < n; pool.n++) {
		int err = pthread_create(&pool.threads[pool.n], NULL, worker_main, NULL);

		if (err) {
			workers_stop();
			return -err;
		}
		pthread_setname_np(pool.threads[pool.n], "khd-worker");
	}
	return 0;
}

/* Runs what is queued, then ends. */
void workers_stop(void)
{
	pthread_mutex_lock(&pool.lock);
	pool.stop = true;
	pthread_cond_broadcast(&pool.more);
	pthread_mutex_unlock(&pool.lock);
	for (unsigned int i = 0; i < pool.n; i++)
		pthread_join(pool.threads[i], NULL);
	free(pool.threads);
	pool.threads = NULL;
	pool.n = 0;
}
