// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state_bench.c - what the daemon's tables cost: opens, share modes, byte-range locks, renames, as
 * they grow. For tests/bench/state.
 *
 *   state_bench [COUNT ...]	one line of JSON for each size and case
 *
 * No client and no file: opens have made-up inode numbers and no fd, so what is measured is the
 * state alone. "ns" is CPU time per operation, in the middle of a table that already has COUNT of
 * them.
 */
#include <malloc.h>
#include <stdio.h>

#include "../unit/fixture.h"
#include "smb2/smb2.h"
#include "state/lease.h"

#define DEV	  4711
#define PROBES	  20000u
#define READER	  (FILE_READ_DATA | FILE_READ_ATTRIBUTES)
#define WRITER	  (READER | FILE_WRITE_DATA)
#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

static unsigned int count;

/* Of the whole process: what others do on the machine does not count. */
static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void result(const char *what, uint64_t start, unsigned int n, const char *more)
{
	printf("{\"case\": \"%s\", \"n\": %u, \"ns\": %.0f%s}\n", what, count,
	       (double)(cpu_ns() - start) / n, more ? more : "");
	fflush(stdout);
}

static struct open *make_leased(uint64_t ino, const char *path, struct session *s,
				struct lease_want *want)
{
	struct open *o = open_alloc();

	if (!o)
		return NULL;
	tree_get(tree);
	o->tree = tree;
	o->kind = OPEN_FILE;
	o->access = READER;
	o->share_access = SHARE_ALL;
	o->oplock.want = want;
	if (ofile_join(o, DEV, ino, NULL, false) != NT_STATUS_SUCCESS)
		abort();
	open_path_set(o, path);
	if (!open_publish(o, s))
		abort();
	return o;
}

static struct open *make(uint64_t ino, const char *path, struct session *s)
{
	return make_leased(ino, path, s, NULL);
}

static void unmake(struct open *o)
{
	open_close(o);
	open_put(o);
}

static const char *path_of(uint64_t ino, char buf[64])
{
	snprintf(buf, 64, "projects/p%llu/file%llu.txt", (unsigned long long)(ino % 1000),
		 (unsigned long long)ino);
	return buf;
}

static size_t heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* ---- opens ---- */

/* Opens and closes while the table is full; one_file: all of them on the same. */
static void probe(const char *what, bool one_file)
{
	char buf[64];
	uint64_t start = cpu_ns();

	for (unsigned int i = 0; i < PROBES; i++) {
		uint64_t ino = one_file ? 1 : 1ull << 40 | i;

		unmake(make(ino, path_of(ino, buf), session));
	}
	result(what, start, PROBES, NULL);
}

static void probe_renames(struct open **all)
{
	uint64_t start = cpu_ns();
	struct open *o = all[count / 2];

	for (unsigned int i = 0; i < PROBES; i++) {
		opens_renamed(o, i & 1 ? "elsewhere" : o->path, i & 1 ? "back" : "elsewhere");
		opens_renamed(o, i & 1 ? "back" : "elsewhere", "projects/renamed");
	}
	result("rename of a file", start, 2 * PROBES, NULL);
	start = cpu_ns();
	for (unsigned int i = 0; i < PROBES; i++)
		if (opens_below(tree->vfs, "projects/empty"))
			abort();
	result("rename of a folder with nothing open below", start, PROBES, NULL);
	start = cpu_ns();
	for (unsigned int i = 0; i < 8; i++)
		if (!opens_below(tree->vfs, "projects"))
			abort();
	result("... with all of them below", start, 8, NULL);
}

static void opens(bool one_file)
{
	struct open **all = xcalloc(count, sizeof(*all));
	char buf[64], more[64];
	size_t before = heap();
	uint64_t start = cpu_ns();

	for (unsigned int i = 0; i < count; i++) {
		all[i] = make(one_file ? 1 : i + 1, path_of(i + 1, buf), session);
		if (!all[i])
			abort();
	}
	snprintf(more, sizeof(more), ", \"bytes\": %zu", (heap() - before) / count);
	result(one_file ? "fill, one file" : "fill, a file each", start, count, more);
	start = cpu_ns();
	for (unsigned int i = 0; i < PROBES; i++) {
		const struct open *o = all[i * 7919ull % count];

		open_put(open_find(o->vol, o->persistent));
	}
	if (!one_file)
		result("find by id", start, PROBES, NULL);
	probe(one_file ? "open and close, one file" : "open and close, a file each", one_file);
	if (!one_file)
		probe_renames(all);
	start = cpu_ns();
	for (unsigned int i = 0; i < count; i++)
		unmake(all[i]);
	result(one_file ? "close, one file" : "close, a file each", start, count, NULL);
	free(all);
}

/* ---- leases ---- */

static struct open *lease(uint64_t i)
{
	struct lease_want w = { .version = 2, .state = LEASE_RWH, .level2_ok = true };
	struct open *o;
	char buf[64];

	memcpy(w.key, &i, sizeof(i));
	o = make_leased(i + 1, path_of(i + 1, buf), session, &w);
	if (!o || open_caching(o) != LEASE_RWH)
		abort();
	return o;
}

static void leases(void)
{
	struct open **all = xcalloc(count, sizeof(*all));
	uint8_t client[16] = { 0 }, key[LEASE_KEY_SIZE] = { 0 };
	size_t before = heap();
	uint64_t start = cpu_ns();
	char more[64];

	for (uint64_t i = 0; i < count; i++)
		all[i] = lease(i);
	snprintf(more, sizeof(more), ", \"bytes\": %zu", (heap() - before) / count);
	result("fill, a file and a lease each", start, count, more);
	start = cpu_ns();
	for (uint64_t i = 0; i < PROBES; i++) {
		uint64_t n = i * 7919 % count;
		struct lease *l;

		memcpy(key, &n, sizeof(n));
		l = lease_find(client, key);
		if (!l)
			abort();
		lease_put(l);
	}
	result("find a lease", start, PROBES, NULL);
	start = cpu_ns();
	for (uint64_t i = 0; i < PROBES; i++)
		unmake(lease(1ull << 40 | i));
	result("open and close with a lease", start, PROBES, NULL);
	start = cpu_ns();
	for (unsigned int i = 0; i < count; i++)
		unmake(all[i]);
	result("close with a lease", start, count, NULL);
	free(all);
}

/* ---- many threads ---- */

#define THREADS 2

static void *storm(void *arg)
{
	struct session *s = arg;
	char buf[64];

	for (unsigned int i = 0; i < 5 * PROBES; i++) {
		uint64_t ino = (uint64_t)(uintptr_t)s ^ i;

		unmake(make(ino, path_of(i, buf), s));
	}
	return NULL;
}

static void threads(unsigned int n)
{
	struct session *s[THREADS] = { session, session_new() };
	pthread_t t[THREADS];
	uint64_t start = cpu_ns();
	char what[64];

	atomic_store(&s[1]->state, SESSION_VALID);
	for (unsigned int i = 0; i < n; i++)
		pthread_create(&t[i], NULL, storm, s[i]);
	for (unsigned int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	snprintf(what, sizeof(what), "open and close, %u thread%s", n, n > 1 ? "s" : "");
	result(what, start, n * 5 * PROBES, NULL);
	session_destroy(s[1]);
	session_put(s[1]);
}

/* ---- byte-range locks ---- */

static void nobody(struct lock_wait *w, ntstatus status)
{
	(void)w;
	(void)status;
}

static struct lock_range byte(uint64_t i)
{
	return (struct lock_range) { i * 16, 8, true };
}

static void locks(void)
{
	struct open *a = make(1, "locked", session), *b = make(1, "locked", session);
	struct lock_range r;
	char more[64];
	size_t before = heap();
	uint64_t start = cpu_ns();
	unsigned int found = 0;

	for (uint64_t i = 0; i < count; i++) {
		r = byte(i);
		if (lock_take(a, &r, 1) != NT_STATUS_SUCCESS)
			abort();
	}
	snprintf(more, sizeof(more), ", \"bytes\": %zu", (heap() - before) / count);
	result("lock, one file", start, count, more);
	start = cpu_ns();
	for (uint64_t i = 0; i < PROBES; i++)
		found += lock_check_io(b, i * 7919 % count * 16, 16, true) != NT_STATUS_SUCCESS;
	result("look before a write", start, PROBES, NULL);
	start = cpu_ns();
	for (uint64_t i = 0; i < count; i++) {
		r = byte(i * 7919 % count);
		(void)lock_drop(a, r.start, r.length);
		(void)lock_take(a, &r, 1);
	}
	result("unlock and lock", start, count, NULL);
	if (found != PROBES)
		abort();
	start = cpu_ns();
	unmake(a);
	unmake(b);
	result("close with all of them", start, count, NULL);
}

static void waiters(void)
{
	struct open *a = make(1, "locked", session), *b = make(1, "locked", session);
	struct lock_wait *w = xcalloc(count, sizeof(*w));
	struct lock_range r;
	uint64_t start;

	for (uint64_t i = 0; i < count; i++) {
		r = byte(i);
		(void)lock_take(a, &r, 1);
	}
	start = cpu_ns();
	for (uint64_t i = 0; i < count; i++) {
		r = byte(i);
		w[i].done = nobody;
		if (lock_wait(&w[i], b, &r) != NT_STATUS_PENDING)
			abort();
	}
	result("wait for a lock, one each", start, count, NULL);
	start = cpu_ns();
	for (uint64_t i = 0; i < count / 2; i++)
		if (!lock_wait_cancel(&w[i * 2]))
			abort();
	result("cancel", start, count / 2, NULL);
	start = cpu_ns();
	for (uint64_t i = 0; i < count; i++) {
		r = byte(i);
		(void)lock_drop(a, r.start, r.length);
	}
	result("unlock what is waited for", start, count, NULL);
	unmake(a);
	unmake(b);
	free(w);
}

int main(int argc, char **argv)
{
	static const char *const sizes[] = { "1000", "10000", "100000", "1000000" };
	int n = argc > 1 ? argc - 1 : (int)ARRAY_SIZE(sizes);

	mallopt(M_ARENA_MAX, 1); /* mallinfo2() knows one */
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	if (!fixture_begin())
		return 1;
	for (int i = 0; i < n; i++) {
		count = (unsigned int)strtoul(argc > 1 ? argv[i + 1] : sizes[i], NULL, 10);
		if (!count)
			return 2;
		opens(false);
		opens(true);
		leases();
		locks();
		waiters();
		threads(1);
		threads(2);
	}
	return fixture_end() ? 0 : 1;
}
