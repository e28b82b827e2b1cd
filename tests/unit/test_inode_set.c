// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that somebody is at, and who waits for him. */
#include <unistd.h>

#include "state/inode_set.h"
#include "tap.h"

static struct inode_set set = INODE_SET_INIT(&set);

static void marks(void)
{
	struct inode_mark a = { 0 }, b = { 0 }, c = { 0 };

	ok(!inode_set_has(&set, 1, 2), "an empty set has nothing");
	inode_set_wait(&set, 1, 2);
	inode_set_del(&a);
	ok(!a.set, "what is in no set is not taken out");
	inode_set_add(&set, &a, 1, 2);
	inode_set_add(&set, &b, 1, 2);
	inode_set_add(&set, &c, 1, 3);
	ok(inode_set_has(&set, 1, 2) && inode_set_has(&set, 1, 3), "files that somebody is at");
	ok(!inode_set_has(&set, 2, 2) && !inode_set_has(&set, 1, 4), "no others");
	inode_set_del(&a);
	ok(inode_set_has(&set, 1, 2), "two at one file: one is left");
	inode_set_del(&a);
	inode_set_del(&b);
	ok(!inode_set_has(&set, 1, 2), "none is left");
	inode_set_wait(&set, 1, 2);
	ok(inode_set_has(&set, 1, 3), "nobody waits for those at another file");
	inode_set_del(&c);
	ok(!inode_set_has(&set, 1, 3), "and it is empty again");
}

/* ---- many at few files: who waits finds what was done before the mark went ---- */

#define FILES	3
#define THREADS 4
#define ROUNDS	2000

static struct {
	pthread_mutex_t lock; /* a mark is put in, and looked for, under it */
	unsigned int begun, done;
} files[FILES] = { { .lock = PTHREAD_MUTEX_INITIALIZER },
		   { .lock = PTHREAD_MUTEX_INITIALIZER },
		   { .lock = PTHREAD_MUTEX_INITIALIZER } };
static _Atomic unsigned int early, waits;

/* Not under the lock: only one is at a file, as the others wait. */
static void one(unsigned int i, struct inode_mark *m)
{
	pthread_mutex_lock(&files[i].lock);
	while (inode_set_has(&set, 7, i)) {
		pthread_mutex_unlock(&files[i].lock);
		atomic_fetch_add(&waits, 1);
		inode_set_wait(&set, 7, i);
		pthread_mutex_lock(&files[i].lock);
	}
	inode_set_add(&set, m, 7, i);
	pthread_mutex_unlock(&files[i].lock);
	if (files[i].begun != files[i].done)
		atomic_fetch_add(&early, 1);
	files[i].begun++;
	if (files[i].begun % 64 == 0)
		usleep(50);
	files[i].done++;
	inode_set_del(m);
}

static void *run(void *arg)
{
	struct inode_mark m = { 0 };

	for (unsigned int i = 0; i < ROUNDS; i++)
		one((i + (unsigned int)(uintptr_t)arg) % FILES, &m);
	return NULL;
}

static void waiting(void)
{
	pthread_t t[THREADS];
	unsigned int done = 0;

	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, run, (void *)i);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (unsigned int i = 0; i < FILES; i++)
		done += files[i].done;
	is_int(atomic_load(&early), 0, "nobody comes while somebody is at it");
	is_int(done, THREADS * ROUNDS, "everybody comes in the end");
	ok(atomic_load(&waits) > 0, "some had to wait");
	ok(list_empty(&set.marks) && !atomic_load(&set.n), "nobody is left");
}

int main(void)
{
	marks();
	waiting();
	return done_testing();
}
