// SPDX-License-Identifier: GPL-2.0-or-later
/* test_lock.c - the tree of byte ranges against a plain list, and the locks of a file. */
#include <sched.h>

#include "state/range_tree.h"
#include "state/state.h"
#include "tap.h"

/* What opens and leases beside the locks ask for; nothing here runs that. */
struct server server;
struct conf *server_conf(void)
{
	return NULL;
}

static uint64_t seed = 0x5DEECE66Dull;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* ---- the tree against a list ---- */

#define MODEL  400
#define OWNERS 4

static const char owners[OWNERS];
static struct range *model[MODEL];
static unsigned int nmodel;

/* Few values, so that ranges meet; at both ends of the 64 bits. */
static uint64_t rnd_start(void)
{
	uint64_t v = rnd() % 64;

	return rnd() % 4 ? v : UINT64_MAX - v;
}

static uint64_t rnd_length(uint64_t start)
{
	uint64_t n = rnd() % 12;

	if (rnd() % 32 == 0)
		n = rnd();
	return n && n - 1 > UINT64_MAX - start ? UINT64_MAX - start + 1 : n;
}

/* MS-FSA 2.1.4.10, in words of one byte each: 128 bits know no overflow. */
static bool naive_overlap(const struct range *a, uint64_t start, uint64_t length)
{
	__int128 s1 = a->start, e1 = s1 + a->length, s2 = start, e2 = s2 + length;

	return s1 < e2 && s2 < e1;
}

static bool naive_conflict(uint64_t start, uint64_t length, const void *owner, enum range_use use)
{
	for (unsigned int i = 0; i < nmodel; i++) {
		const struct range *r = model[i];

		if (!naive_overlap(r, start, length))
			continue;
		if (use == RANGE_EXCLUSIVE ||
		    (use == RANGE_SHARED && r->exclusive && r->owner != owner) ||
		    (use == RANGE_WRITE && (!r->exclusive || r->owner != owner)))
			return true;
	}
	return false;
}

/* Height, or -1: out of balance, or a reach that is not the subtree's. */
static int checked_height(const struct range *n, uint64_t *reach, unsigned int *count)
{
	uint64_t r = 0;
	int h[2];

	if (!n)
		return 0;
	for (int i = 0; i < 2; i++) {
		h[i] = checked_height(n->child[i], &r, count);
		if (h[i] < 0)
			return -1;
	}
	if (n->start | n->length)
		r = MAX(r, n->start + n->length - 1);
	*reach = MAX(*reach, r);
	++*count;
	if (abs(h[0] - h[1]) > 1 || n->reach != r || n->height != MAX(h[0], h[1]) + 1)
		return -1;
	return n->height;
}

static bool tree_sound(const struct range *root)
{
	uint64_t reach = 0;
	unsigned int count = 0;

	return checked_height(root, &reach, &count) >= 0 && count == nmodel;
}

static void model_drop(struct range **root, unsigned int i)
{
	range_remove(root, model[i]);
	free(model[i]);
	model[i] = model[--nmodel];
}

static bool find_agrees(struct range *root, uint64_t start, uint64_t length, const void *owner)
{
	struct range *found = range_find(root, start, length, owner);
	bool any = false, excl = false;

	for (unsigned int i = 0; i < nmodel; i++) {
		const struct range *r = model[i];

		if (r->start == start && r->length == length && r->owner == owner) {
			any = true;
			excl |= r->exclusive;
		}
	}
	return any ? found && found->exclusive == excl && found->start == start : !found;
}

static void test_tree(void)
{
	struct range *root = NULL;
	unsigned int wrong = 0, unsound = 0, lost = 0, conflicts = 0;

	for (unsigned int op = 0; op < 60000; op++) {
		uint64_t start = rnd_start(), length = rnd_length(start);
		const void *owner = &owners[rnd() % OWNERS];
		enum range_use use = rnd() % 3;
		bool naive = naive_conflict(start, length, owner, use);

		conflicts += naive;
		wrong += naive != !!range_conflict(root, start, length, owner, use);
		lost += !find_agrees(root, start, length, owner);
		if (nmodel < MODEL && rnd() % 100 < (op / 5000 % 2 ? 40 : 60)) {
			struct range *r = calloc(1, sizeof(*r));

			r->start = start;
			r->length = length;
			r->owner = owner;
			r->exclusive = rnd() % 3 == 0;
			model[nmodel++] = r;
			range_insert(&root, r);
		} else if (nmodel) {
			model_drop(&root, (unsigned int)(rnd() % nmodel));
		}
		if (op % 16 == 0)
			unsound += !tree_sound(root);
	}
	is_int(wrong, 0, "conflicts are those of a plain list");
	is_int(lost, 0, "ranges are found again, the exclusive one first");
	is_int(unsound, 0, "the tree stays balanced and knows its reach");
	ok(conflicts > 5000 && conflicts < 55000, "there were both kinds of answers");
	while (nmodel)
		model_drop(&root, 0);
	ok(!root, "an empty tree in the end");
}

/* ---- locks of a file ---- */

static struct conf_share share = { .strict_locking = CONF_AUTO };
static struct tree tree = { .share = &share };

static void handle_init(struct open *o, struct lock_file *f)
{
	memset(o, 0, sizeof(*o));
	o->tree = &tree;
	o->locks = lock_file_get(f);
	list_init(&o->locks_held);
	list_init(&o->locks_waiting);
}

static void handle_end(struct open *o)
{
	lock_close(o);
	lock_file_put(o->locks);
}

static ntstatus take(struct open *o, uint64_t start, uint64_t length, bool exclusive)
{
	struct lock_range r = { start, length, exclusive };

	return lock_take(o, &r, 1);
}

static void test_rules(void)
{
	struct lock_range two[] = { { 0, 10, true }, { 5, 10, true } };
	struct lock_file *f = lock_file_new();
	struct open a, b;

	handle_init(&a, f);
	handle_init(&b, f);
	is_int(take(&a, 2, UINT64_MAX, true), NT_STATUS_INVALID_LOCK_RANGE, "beyond 2^64");
	is_int(take(&a, 1, UINT64_MAX, true), NT_STATUS_SUCCESS, "up to 2^64");
	is_int(take(&b, UINT64_MAX, 1, false), NT_STATUS_LOCK_NOT_GRANTED, "the last byte");
	is_int(take(&b, 0, 0, true), NT_STATUS_SUCCESS, "{0, 0} is nowhere");
	is_int(lock_drop(&b, 0, 0), NT_STATUS_SUCCESS, "and can be unlocked");
	is_int(lock_drop(&b, 1, UINT64_MAX), NT_STATUS_RANGE_NOT_LOCKED, "not b's lock");
	is_int(lock_drop(&a, 1, 5), NT_STATUS_RANGE_NOT_LOCKED, "not this range");
	is_int(lock_drop(&a, 1, UINT64_MAX), NT_STATUS_SUCCESS, "a's lock");
	is_int(lock_take(&a, two, 2), NT_STATUS_LOCK_NOT_GRANTED, "two that overlap");
	is_int(f->count, 0, "nothing is kept of them");
	is_int(take(&b, 0, 20, true), NT_STATUS_SUCCESS, "nor in the way");
	is_int(lock_check_io(&b, 0, 20, true), NT_STATUS_SUCCESS, "b writes what it locked");
	is_int(lock_check_io(&a, 19, 5, false), NT_STATUS_FILE_LOCK_CONFLICT, "a cannot read it");
	is_int(lock_check_io(&a, 5, 0, true), NT_STATUS_SUCCESS, "no bytes, no conflict");
	is_int(take(&b, 0, 20, false), NT_STATUS_SUCCESS, "shared above one's own exclusive");
	is_int(lock_check_io(&b, 0, 1, true), NT_STATUS_FILE_LOCK_CONFLICT,
	       "one's own shared lock is against writing");
	is_int(lock_drop(&b, 0, 20), NT_STATUS_SUCCESS, "unlock: the exclusive one first");
	is_int(lock_check_io(&a, 0, 20, false), NT_STATUS_SUCCESS, "the shared one is left");
	share.strict_locking = CONF_NO;
	is_int(lock_check_io(&a, 0, 1, true), NT_STATUS_SUCCESS, "strict locking = no");
	share.strict_locking = CONF_AUTO;
	handle_end(&b);
	is_int(f->count, 0, "a close leaves nothing");
	is_int(take(&b, 0, 1, true), NT_STATUS_FILE_CLOSED, "and a closed open gets nothing");
	handle_end(&a);
	lock_file_put(f);
}

/* ---- waiting ---- */

static char order[16];

struct waiter {
	struct lock_wait wait;
	char name;
	ntstatus status;
};

static void done(struct lock_wait *w, ntstatus status)
{
	struct waiter *m = container_of(w, struct waiter, wait);

	m->status = status;
	order[strlen(order)] = m->name;
}

static ntstatus wait_for(struct waiter *m, char name, struct open *o, uint64_t start,
			 uint64_t length, bool exclusive)
{
	struct lock_range r = { start, length, exclusive };

	*m = (struct waiter) { .name = name, .status = NT_STATUS_PENDING };
	m->wait.done = done;
	return lock_wait(&m->wait, o, &r);
}

static void test_waiting(void)
{
	struct lock_file *f = lock_file_new();
	struct waiter p, q, r, s, t;
	struct open a, b, c;

	handle_init(&a, f);
	handle_init(&b, f);
	handle_init(&c, f);
	take(&a, 0, 10, true);
	take(&a, 20, 10, true);
	is_int(wait_for(&p, 'p', &b, 0, 5, false), NT_STATUS_PENDING, "p waits for a part");
	is_int(wait_for(&q, 'q', &c, 3, 30, true), NT_STATUS_PENDING, "q for two of them");
	is_int(wait_for(&r, 'r', &c, 0, 2, false), NT_STATUS_PENDING, "r for what p wants too");
	is_int(wait_for(&s, 's', &c, 40, 2, false), NT_STATUS_SUCCESS, "s need not wait");
	is_int(wait_for(&s, 's', &b, 25, 1, true), NT_STATUS_PENDING, "s for the other one");
	is_int(wait_for(&t, 't', &b, 26, 1, true), NT_STATUS_PENDING, "t likewise");
	lock_drop(&a, 0, 10);
	is_str(order, "pr", "in order, those that can");
	ok(lock_wait_cancel(&t.wait), "t is cancelled");
	ok(!lock_wait_cancel(&p.wait), "p has its lock");
	lock_drop(&b, 0, 5);
	is_str(order, "pr", "q still waits for the second");
	handle_end(&a);
	is_str(order, "prq", "a close frees too; q was there before s");
	handle_end(&c);
	is_str(order, "prqs", "s in the end");
	is_int(s.status, NT_STATUS_SUCCESS, "s has it");
	handle_init(&c, f);
	wait_for(&t, 't', &c, 25, 1, false);
	handle_end(&c);
	is_int(t.status, NT_STATUS_RANGE_NOT_LOCKED, "the close of a waiter");
	is_int(wait_for(&t, 't', &c, 25, 1, false), NT_STATUS_FILE_CLOSED, "nothing after it");
	handle_end(&b);
	is_int(f->count, 0, "all gone");
	lock_file_put(f);
}

/* ---- threads ---- */

#define THREADS 4

struct worker {
	pthread_t thread;
	struct lock_file *file;
	uint64_t seed;
	unsigned int granted, waited;
	struct waiter w;
	_Atomic int state; /* of w: 0 waits */
};

static _Atomic unsigned int inside[8]; /* who holds byte i exclusively */
static _Atomic unsigned int broken;

static void worker_done(struct lock_wait *w, ntstatus status)
{
	struct worker *me = container_of(w, struct worker, w.wait);

	atomic_store(&me->state, status == NT_STATUS_SUCCESS ? 1 : 2);
}

static void hold(struct open *o, unsigned int byte)
{
	if (atomic_fetch_add(&inside[byte], 1))
		atomic_fetch_add(&broken, 1);
	sched_yield();
	atomic_fetch_sub(&inside[byte], 1);
	lock_drop(o, byte, 1);
}

static void *worker_main(void *arg)
{
	struct worker *me = arg;
	struct open o;

	handle_init(&o, me->file);
	for (unsigned int i = 0; i < 2000; i++) {
		unsigned int byte = (unsigned int)(me->seed = me->seed * 6364136223846793005ull + 1,
						   me->seed >> 61);
		struct lock_range r = { byte, 1, true };
		ntstatus status;

		(void)lock_check_io(&o, byte, 1, true);
		atomic_store(&me->state, 0);
		me->w.wait.done = worker_done;
		status = lock_wait(&me->w.wait, &o, &r);
		if (status == NT_STATUS_PENDING) {
			me->waited++;
			while (i % 3 && !atomic_load(&me->state))
				sched_yield();
			if (i % 3 == 0 && lock_wait_cancel(&me->w.wait))
				continue;
		}
		me->granted++;
		hold(&o, byte);
		if (i % 100 == 0) {
			handle_end(&o);
			handle_init(&o, me->file);
		}
	}
	handle_end(&o);
	return NULL;
}

static void test_threads(void)
{
	struct lock_file *f = lock_file_new();
	static struct worker workers[THREADS];
	unsigned int granted = 0, waited = 0;

	for (unsigned int i = 0; i < THREADS; i++) {
		workers[i].file = f;
		workers[i].seed = i * 977 + 1;
		pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]);
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		granted += workers[i].granted;
		waited += workers[i].waited;
	}
	is_int(broken, 0, "an exclusive lock is one thread's");
	is_int(f->count, 0, "no lock is left");
	is_int(f->nwaiting, 0, "nobody waits");
	diag("%u locks, %u had to wait", granted, waited);
	lock_file_put(f);
}

/* ---- many ---- */

#define MANY 100000u

static void test_many(void)
{
	struct lock_file *f = lock_file_new();
	unsigned int refused = 0;
	struct open a, b;
	uint64_t t0, t1, t2, t3;

	handle_init(&a, f);
	handle_init(&b, f);
	t0 = now_ns();
	for (uint64_t i = 0; i < MANY; i++)
		refused += take(&a, i * 7919 % MANY * 16, 8, true) != NT_STATUS_SUCCESS;
	t1 = now_ns();
	for (uint64_t i = 0; i < MANY; i++)
		refused += lock_check_io(&b, i * 16 + 8, 8, true) != NT_STATUS_SUCCESS;
	t2 = now_ns();
	for (uint64_t i = 0; i < MANY; i++)
		refused += lock_drop(&a, i * 7919 % MANY * 16, 8) != NT_STATUS_SUCCESS;
	t3 = now_ns();
	is_int(refused, 0, "100,000 locks on one file");
	ok(t3 - t0 < 20000000000ull, "set, looked at and released in less than 20 seconds");
	diag("%u locks: set %.3f s, %u write checks %.3f s, released %.3f s", MANY,
	     (double)(t1 - t0) / 1e9, MANY, (double)(t2 - t1) / 1e9, (double)(t3 - t2) / 1e9);
	handle_end(&a);
	handle_end(&b);
	lock_file_put(f);
}

static unsigned int granted_in_order, granted_wrong;

static void count_done(struct lock_wait *w, ntstatus status)
{
	static uint64_t last;

	if (status == NT_STATUS_SUCCESS && (w->number > last || !granted_in_order))
		granted_in_order++;
	else
		granted_wrong++;
	last = w->number;
}

/* Each waits for another lock: a lock that goes does not look at those that wait elsewhere. */
static void test_many_wait(void)
{
	struct lock_wait *w = xcalloc(MANY, sizeof(*w));
	struct lock_file *f = lock_file_new();
	unsigned int other = 0;
	struct lock_range r;
	struct open a, b;
	uint64_t t0;

	handle_init(&a, f);
	handle_init(&b, f);
	for (uint64_t i = 0; i < MANY; i++)
		other += take(&a, i * 16, 8, true) != NT_STATUS_SUCCESS;
	t0 = now_ns();
	for (uint64_t i = 0; i < MANY; i++) {
		w[i].done = count_done;
		r = (struct lock_range) { i * 7919 % MANY * 16, 4, false };
		other += lock_wait(&w[i], &b, &r) != NT_STATUS_PENDING;
	}
	for (uint64_t i = 0; i < MANY / 2; i++)
		other += lock_drop(&a, i * 7919 % MANY * 16, 8) != NT_STATUS_SUCCESS;
	is_int(granted_in_order, MANY / 2, "half of 100,000 that wait have their locks");
	handle_end(&a);
	is_int(granted_in_order, MANY, "a close gives the other half theirs, the oldest first");
	is_int(granted_wrong + other, 0, "nothing else happened");
	ok(now_ns() - t0 < 20000000000ull, "in less than 20 seconds");
	diag("%u that wait: %.3f s", MANY, (double)(now_ns() - t0) / 1e9);
	handle_end(&b);
	is_int(f->count + f->nwaiting, 0, "all gone");
	lock_file_put(f);
	free(w);
}

int main(void)
{
	test_tree();
	test_rules();
	test_waiting();
	test_threads();
	test_many();
	test_many_wait();
	return done_testing();
}
