// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stress_kmod.c - right requests on two connections, each by a thread, while a third one gives and
 * takes handles, capabilities and sessions, and channels are closed with requests under way. For
 * kernels with several CPUs: what it finds are races. Run as root.
 *
 *	stress_kmod [SECONDS]
 */
#include "ksmbd_hybrid.h"
#include "rig_peer.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ALL_ACCESS 0x001F01FFu
#define THREADS	   2
#define FILES	   4u
#define FILE_LEN   (256u << 10)
#define BATCH	   24

static struct rig rig;
static int files[FILES];
static bool over;

struct worker {
	pthread_t thread;
	uint64_t random;
	struct peer peer;
	struct rig_conn seen; /* of the connection that is attached now; under lock */
	pthread_mutex_t lock;
	unsigned long batches, cut, connections;
};

static struct worker workers[THREADS];

static uint32_t rnd(uint64_t *state, uint32_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 20) % n;
}

static void show(struct worker *w, const struct rig_conn *c)
{
	pthread_mutex_lock(&w->lock);
	if (c)
		w->seen = *c;
	else
		w->seen.id = 0;
	pthread_mutex_unlock(&w->lock);
}

static void attach(struct worker *w)
{
	static const enum rig_security sec[] = { RIG_PLAIN, RIG_PLAIN, RIG_SIGNED, RIG_SEALED };
	struct peer *p = &w->peer;

	memset(p, 0, sizeof(*p));
	if (rig_attach(&rig, &p->c, sec[rnd(&w->random, 4)], SMB2_SIGNING_AES_GMAC,
		       SMB2_ENCRYPTION_AES128_GCM, 512, NULL, 0))
		rig_die("attach");
	fcntl(p->c.channel, F_SETFL, O_NONBLOCK);
	p->used = true;
	w->connections++;
	show(w, &p->c);
}

/* Closed in whatever state it is, also while the third thread has operations on it. */
static void detach(struct worker *w)
{
	if (rnd(&w->random, 2))
		show(w, NULL);
	rig_detach(&w->peer.c);
	show(w, NULL);
	w->peer.used = false;
}

static size_t build(struct worker *w, uint8_t *out)
{
	static const uint32_t lengths[] = { 1, 4096, 16384, 40000, 100000 };
	static _Thread_local uint8_t body[128 << 10], data[128 << 10];
	uint32_t slot = rnd(&w->random, FILES), len = lengths[rnd(&w->random, 5)];
	uint64_t off = rnd(&w->random, FILE_LEN);
	struct rig_conn *c = &w->peer.c;

	switch (rnd(&w->random, 16)) {
	case 0:
		return rig_build(c, SMB2_CLOSE, body,
				 rig_close_body(body, slot, (uint16_t)rnd(&w->random, 2)), out);
	case 1:
		return rig_build(c, SMB2_FLUSH, body, rig_flush_body(body, slot), out);
	case 2:
		return rig_build(c, SMB2_ECHO, "\4\0\0\0", 4, out);
	case 3:
	case 4:
	case 5:
	case 6:
		return rig_build(c, SMB2_WRITE, body, rig_write_body(body, slot, off, data, len),
				 out);
	default:
		return rig_build(c, SMB2_READ, body, rig_read_body(body, slot, off, len), out);
	}
}

static void batch(struct worker *w)
{
	static _Thread_local uint8_t out[BATCH * (128 << 10)];
	struct peer *p = &w->peer;
	size_t n = 0;

	for (int i = 0; i < BATCH; i++)
		n += build(w, out + n);
	if (!rnd(&w->random, 16)) { /* gone in the middle */
		peer_put(p, out, n - rnd(&w->random, (uint32_t)n));
		detach(w);
		return;
	}
	p->echo = p->c.message_id;
	p->done = false;
	n += rig_build(&p->c, SMB2_ECHO, "\4\0\0\0", 4, out + n);
	peer_put(p, out, n);
	/* A session that is away ends a sealed connection; an answer that is lost ends nothing. */
	if (!peer_until(p, &p->done))
		peer_stuck(p, "no answer to the last ECHO");
	w->batches++;
	w->cut += p->dead;
	if (p->dead)
		detach(w);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		if (!w->peer.used)
			attach(w);
		batch(w);
	}
	if (w->peer.used)
		detach(w);
	rig_thread_end();
	return NULL;
}

/* ---- the third thread ---- */

static void give(uint64_t *random)
{
	static const uint32_t flags[] = { KH_HANDLE_MEMORY, KH_HANDLE_SYNC, 0,
					  KH_HANDLE_MEMORY | KH_HANDLE_WRITE_THROUGH };
	uint32_t slot = rnd(random, FILES);

	(void)rig_handle_add(&rig, slot, files[slot], ALL_ACCESS, flags[rnd(random, 4)],
			     KH_CAPS_ALL);
}

static void disturb(uint64_t *random)
{
	struct worker *w = &workers[rnd(random, THREADS)];
	uint32_t slot = rnd(random, FILES), caps = rnd(random, KH_CAPS_ALL + 1);
	struct rig_conn c;

	switch (rnd(random, 16)) {
	case 0:
	case 1:
		(void)rig_handle_del(&rig, slot);
		break;
	case 2:
	case 3:
		__atomic_store_n(&rig.handles[slot].caps, caps, __ATOMIC_SEQ_CST);
		(void)rig_barrier(&rig, slot, KH_CAPS_ALL & ~caps ?: KH_CAPS_ALL);
		break;
	case 4:
		if (!rnd(random, 8))
			(void)rig_session_del(&rig, RIG_SESSION);
		break;
	case 5:
	case 6:
	case 7:
	case 8: /* it may be ending */
		pthread_mutex_lock(&w->lock);
		c = w->seen;
		pthread_mutex_unlock(&w->lock);
		if (c.id)
			(void)rig_session_set(&c);
		break;
	case 9:
		(void)rig_dump(KH_CMD_CONN_DUMP);
		(void)rig_dump(KH_CMD_HANDLE_DUMP);
		break;
	default:
		give(random);
	}
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 10;
	unsigned long operations = 0;
	struct timespec begin, now;
	uint64_t random;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	random = (uint64_t)begin.tv_nsec * 1000003 | 1;
	for (unsigned int i = 0; i < FILES; i++) {
		files[i] = memfd_create("stress", 0);
		if (files[i] < 0 || ftruncate(files[i], FILE_LEN) < 0)
			rig_die("file");
	}
	rig_open(&rig);
	for (int i = 0; i < THREADS; i++) {
		workers[i].random = random * (unsigned int)(i + 7) | 1;
		pthread_mutex_init(&workers[i].lock, NULL);
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			rig_die("thread");
	}
	do {
		disturb(&random);
		operations++;
		if (!rnd(&random, 4)) /* most of the time belongs to the requests */
			usleep(rnd(&random, 1000));
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - begin.tv_sec) < seconds);
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		printf("%lu batches of %d, %lu of them cut short, on %lu connections\n",
		       workers[i].batches, BATCH, workers[i].cut, workers[i].connections);
	}
	rig_close(&rig);
	printf("%lu operations\n", operations);
	if (!rig_objects_are_zero())
		rig_die("objects are left");
	return 0;
}
