// SPDX-License-Identifier: GPL-2.0-or-later
/* The tables of opens: share modes as counts against a plain list, paths and renames, ids. */
#include "smb2/smb2.h"
#include "fixture.h"
#include "tap.h"

#define DEV 99

static struct open *make(uint64_t ino, const char *stream, const char *path, uint32_t access,
			 uint32_t share_access, ntstatus *status)
{
	struct open *o = open_alloc();

	tree_get(tree);
	o->tree = tree;
	o->kind = stream ? OPEN_STREAM : OPEN_FILE;
	o->access = access;
	o->share_access = share_access;
	*status = ofile_join(o, DEV, ino, stream, false);
	if (*status == NT_STATUS_SUCCESS) {
		open_path_set(o, path);
		if (!open_publish(o, session))
			abort();
		return o;
	}
	open_put(o);
	return NULL;
}

static struct open *at(uint64_t ino, const char *path)
{
	ntstatus status;

	return make(ino, NULL, path, FILE_READ_DATA, 7, &status);
}

static void unmake(struct open *o)
{
	open_close(o);
	open_put(o);
}

/* ---- share modes ---- */

static uint32_t seed = 12345;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

struct model {
	struct open *o;
	uint32_t access, share;
	bool stream;
};

static const uint32_t kinds[3][2] = {
	{ FILE_READ_DATA | FILE_EXECUTE, FILE_SHARE_READ },
	{ FILE_WRITE_DATA | FILE_APPEND_DATA, FILE_SHARE_WRITE },
	{ SEC_STD_DELETE, FILE_SHARE_DELETE },
};

/* MS-FSA 2.1.5.1.2.2, one against one. */
static bool conflict(const struct model *new, const struct model *old)
{
	uint32_t data = kinds[0][0] | kinds[1][0] | kinds[2][0];

	if (!(new->access &data) || !(old->access & data))
		return false;
	for (int i = 0; i < 3; i++) {
		bool hit = (new->access &kinds[i][0] && !(old->share & kinds[i][1])) ||
			   (old->access & kinds[i][0] && !(new->share &kinds[i][1]));

		if (hit && (new->stream == old->stream || (i == 2 && old->stream)))
			return true;
	}
	return false;
}

static void test_share_modes(void)
{
	static const uint32_t access[] = { FILE_READ_DATA,
					   FILE_WRITE_DATA,
					   FILE_APPEND_DATA,
					   FILE_EXECUTE,
					   SEC_STD_DELETE,
					   FILE_READ_ATTRIBUTES,
					   SEC_STD_DELETE | FILE_READ_ATTRIBUTES };
	static struct model open_now[16];
	unsigned int n = 0, wrong = 0, refused = 0, tried = 0;

	for (int i = 0; i < 20000; i++) {
		struct model new = { .access = access[rnd(ARRAY_SIZE(access))],
				     .share = rnd(4) ? 7 : rnd(8),
				     .stream = rnd(3) == 0 };
		bool expected = false;
		ntstatus status;

		if (n == ARRAY_SIZE(open_now) || (n && rnd(3) == 0)) {
			unsigned int gone = rnd(n);

			unmake(open_now[gone].o);
			open_now[gone] = open_now[--n];
			continue;
		}
		if (n && rnd(8) == 0) { /* has less access than it joined with */
			ofile_set_access(open_now[0].o, FILE_READ_ATTRIBUTES);
			open_now[0].access = FILE_READ_ATTRIBUTES;
		}
		for (unsigned int k = 0; k < n; k++)
			expected |= conflict(&new, &open_now[k]);
		new.o = make(5, new.stream ? "s" : NULL, "f", new.access, new.share, &status);
		wrong += (status != NT_STATUS_SUCCESS) != expected;
		refused += !new.o;
		tried++;
		if (new.o)
			open_now[n++] = new;
	}
	while (n)
		unmake(open_now[--n].o);
	is_int(wrong, 0, "counts say what one by one says");
	ok(refused > tried / 20 && refused < tried, "there were both answers");
}

/* ---- paths ---- */

static void test_paths(void)
{
	struct open *dir = at(1, "a/b"), *file = at(2, "a/b/c/file"), *link = at(2, "x/link");
	struct open *also = at(2, "a/b/c/file");

	dir->kind = OPEN_DIR;
	ok(opens_below(tree->vfs, "a"), "below the upper folder");
	ok(opens_below(tree->vfs, "a/b/c"), "below the innermost");
	ok(opens_below(tree->vfs, ""), "below the root");
	ok(!opens_below(tree->vfs, "a/b/c/file"), "nothing is below a file");
	ok(!opens_below(tree->vfs, "a/b/c/fi"), "nor below a part of a name");
	ok(!opens_below(tree->vfs, "y"), "nor elsewhere");
	opens_renamed(file, "a/b/c/file", "z/new");
	is_str(file->path, "z/new", "a renamed file");
	is_str(also->path, "z/new", "the other handle of it");
	is_str(link->path, "x/link", "and not its other name");
	ok(!opens_below(tree->vfs, "a/b"), "nothing is left below");
	ok(opens_below(tree->vfs, "z"), "but where it is now");
	opens_renamed(file, "z/new", "a/b/new");
	opens_renamed(dir, "a/b", "q");
	is_str(dir->path, "q", "a renamed folder");
	is_str(file->path, "q/new", "what is open below goes with it");
	unmake(file);
	unmake(also);
	ok(!opens_below(tree->vfs, "q"), "closed");
	unmake(link);
	ok(!opens_below(tree->vfs, "x"), "all closed");
	unmake(dir);
}

/* ---- ids, from many threads ---- */

#define THREADS 4
#define ROUNDS	3000

static _Atomic uint64_t last_id[THREADS];
static _Atomic unsigned int strange;

static void *storm(void *arg)
{
	unsigned int me = (unsigned int)(uintptr_t)arg;
	struct open *held[8] = { NULL };
	char path[32];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct open **slot = &held[i % 8], *o;
		uint64_t id;

		if (*slot) {
			id = (*slot)->vol;
			unmake(*slot);
			o = open_find_vol(id);
			if (o) /* an id means one open, for ever */
				atomic_fetch_add(&strange, 1);
		}
		snprintf(path, sizeof(path), "t%u/f%u", me, i % 5);
		*slot = at(me * 1000 + i % 5, path);
		atomic_store(&last_id[me], (*slot)->vol);
		if (i % 7 == 0)
			opens_renamed(*slot, path, "t/renamed");
		o = open_find_vol(atomic_load(&last_id[i % THREADS]));
		if (o)
			open_put(o);
	}
	for (unsigned int i = 0; i < 8; i++)
		unmake(held[i]);
	return NULL;
}

static void test_threads(void)
{
	pthread_t t[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, storm, (void *)i);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	is_int(strange, 0, "no id finds what came after it");
	is_int(open_count(), 0, "all are closed");
	ok(!opens_below(tree->vfs, "t") && !opens_below(tree->vfs, "t1"), "nothing is counted");
}

/* The table of a bucket grows, and finds what was there before. */
static void test_many_files(void)
{
	enum { MANY = 30000 };
	struct open **all = xcalloc(MANY, sizeof(*all));
	unsigned int lost = 0;

	for (uint64_t i = 0; i < MANY; i++)
		all[i] = at(i + 1, "many/file");
	for (uint64_t i = 0; i < MANY; i++)
		lost += !ofile_inode_open(DEV, i + 1, false);
	is_int(lost, 0, "30,000 files are found");
	for (uint64_t i = 0; i < MANY; i++)
		unmake(all[i]);
	for (uint64_t i = 0; i < MANY; i++)
		lost += ofile_inode_open(DEV, i + 1, false);
	is_int(lost, 0, "and then none of them");
	free(all);
}

/* ---- a file that went between the look-up of its name and the join ---- */

static void test_removed(void)
{
	uint64_t looked = removal_count();
	struct identity *as;
	ntstatus status;
	struct open *o = make(7, NULL, "goes", FILE_READ_DATA, 7, &status);
	struct open *late = open_alloc();

	tree_get(tree);
	late->tree = tree;
	late->access = FILE_READ_DATA;
	late->share_access = 7;
	late->looked = looked;
	tree->identity = identity_new(geteuid(), getegid(), NULL, 0);
	o->delete_on_close = true;
	is_int(ofile_leave(o, &as), OFILE_DELETE_FILE, "removed: it is to go");
	identity_put(as);
	is_int(ofile_join(late, DEV, 7, NULL, false), NT_STATUS_RETRY, "removed: while it goes");
	oplock_finish(o);
	is_int(removal_count(), looked + 1, "removed: counted");
	is_int(ofile_join(late, DEV, 7, NULL, false), NT_STATUS_RETRY,
	       "removed: who had looked before must not have it");
	open_put(late);
	late = make(8, NULL, "stays", FILE_READ_DATA, 7, &status);
	is_int(status, NT_STATUS_SUCCESS, "removed: another file");
	unmake(late);
	late = make(7, NULL, "comes", FILE_READ_DATA, 7, &status);
	is_int(status, NT_STATUS_SUCCESS, "removed: a new file of the same number");
	unmake(late);
	unmake(o);
}

int main(void)
{
	if (!fixture_begin())
		return 1;
	test_share_modes();
	test_paths();
	test_threads();
	test_removed();
	test_many_files();
	fixture_end();
	return done_testing();
}
