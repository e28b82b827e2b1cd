// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What of a file is cached beside what, and how it is taken away: grants, breaks and their chains,
 * acknowledgements, epochs, keys, folders.
 */
#include "lease_rig.h"

/* ---- what clients are told ---- */

static char told[256]; /* "key:from>to" of each break, '!' behind one that wants an answer */
static unsigned int epoch;
static bool deaf; /* there is no channel */

bool lease_notify(struct lease *l)
{
	size_t n = strlen(told);

	if (deaf)
		return false;
	snprintf(told + n, sizeof(told) - n, "%s%c:%s>%s%s", n ? " " : "",
		 l->version ? l->key[0] : 'o', smb2_lease_name(l->told.from),
		 smb2_lease_name(l->told.to), l->told.ack ? "!" : "");
	epoch = l->told.epoch;
	return true;
}

#define TOLD(text, name)                  \
	do {                              \
		is_str(told, text, name); \
		*told = 0;                \
	} while (0)

static struct open *open_(struct spec s)
{
	ntstatus status;
	struct open *o = try_open(&s, &status, NULL);

	if (!o)
		diag("open: %s", nt_name(status));
	return o;
}

static ntstatus fails(struct spec s)
{
	ntstatus status;
	struct open *o = try_open(&s, &status, NULL);

	if (o)
		close_(o);
	return status;
}

static const char *has(const struct open *o)
{
	return o ? smb2_lease_name(open_caching(o)) : "no open";
}

#define HAS(o, state, name) is_str(has(o), state, name)

/* ---- grants ---- */

static void test_grants(void)
{
	static const struct {
		const char *asked, *got;
	} rows[] = { { "", "none" }, { "R", "R" },   { "H", "none" },  { "W", "none" },
		     { "RH", "RH" }, { "RW", "RW" }, { "HW", "none" }, { "RWH", "RWH" } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct open *o =
			open_((struct spec) { .ino = 1, .key = 'a', .want = rows[i].asked });

		HAS(o, rows[i].got, "alone it gets what makes sense");
		close_(o);
	}
}

/* held, then asked by another: what is left of the first, and what the second gets. */
static void test_beside(void)
{
	static const struct {
		char k1;
		const char *held;
		char k2;
		const char *asked, *left, *got;
	} rows[] = {
		{ 'a', "R", 'b', "R", "R", "R" },      { 'a', "R", 'b', "RH", "R", "RH" },
		{ 'a', "R", 'b', "RW", "R", "R" },     { 'a', "R", 'b', "RWH", "R", "RH" },
		{ 'a', "RH", 'b', "R", "RH", "R" },    { 'a', "RH", 'b', "RWH", "RH", "RH" },
		{ 'a', "RW", 'b', "RH", "R", "RH" },   { 'a', "RWH", 'b', "RWH", "RH", "RH" },
		{ 'a', "RWH", 'b', "", "RH", "none" }, { 0, "R", 'b', "RWH", "R", "R" },
		{ 0, "RWH", 'b', "RWH", "R", "R" },    { 0, "RW", 'b', "RH", "R", "R" },
		{ 'a', "R", 0, "RWH", "R", "R" },      { 'a', "RH", 0, "RWH", "RH", "none" },
		{ 'a', "RWH", 0, "R", "RH", "none" },  { 0, "R", 0, "RWH", "R", "R" },
		{ 0, "RWH", 0, "RWH", "R", "R" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct spec one = { .ino = 2, .key = rows[i].k1, .want = rows[i].held };
		struct spec two = { .ino = 2, .key = rows[i].k2, .want = rows[i].asked };
		struct open *a = open_(one), *b;
		ntstatus status;
		char what[64];

		b = try_open(&two, &status, NULL);
		if (status == OFILE_MUST_WAIT) {
			if (rows[i].k1)
				acknowledge('a', rows[i].left);
			else
				oplock_acknowledge(a, SMB2_OPLOCK_LEVEL_II);
			b = open_(two);
		}
		snprintf(what, sizeof(what), "%c %s, then %c %s", rows[i].k1 ? 'a' : 'o',
			 rows[i].held, rows[i].k2 ? 'b' : 'o', rows[i].asked);
		HAS(a, rows[i].left, what);
		HAS(b, rows[i].got, what);
		close_(a);
		close_(b);
	}
	*told = 0;
}

static void test_same_key(void)
{
	struct spec s = { .ino = 3, .key = 'a', .want = "RH", .epoch = 10, .access = WRITER };
	struct open *a = open_(s), *b, *c;
	struct lease_answer answer;

	s.want = "RW";
	b = open_(s);
	HAS(b, "RH", "RW is not more than RH");
	close_(b);
	s.want = "RWH";
	b = open_(s);
	HAS(a, "RWH", "it grows for all opens of it");
	s.want = "R";
	c = open_(s);
	HAS(c, "RWH", "and does not shrink");
	oplock_answer(c, &answer);
	oplock_told(open_get(c));
	is_int(answer.epoch, 12, "the epoch went up twice");
	is_int(answer.version, 2, "version");
	oplock_changed(a);
	s.overwrite = true;
	close_(open_(s));
	TOLD("", "the same key breaks nothing");
	s.ino = 4;
	s.overwrite = false;
	is_int(fails(s), NT_STATUS_INVALID_PARAMETER, "the key is in use on another file");
	close_(a);
	close_(b);
	HAS(c, "RWH", "the last open still has it");
	close_(c);
	a = open_(s);
	HAS(a, "R", "the key is free again");
	close_(a);
}

static void test_others(void)
{
	struct spec key = { .ino = 5, .key = 'a', .want = "RWH" };
	struct spec stat = { .ino = 5, .access = STAT };
	struct open *a = open_(stat), *b = open_(key), *c;

	HAS(b, "RWH", "who looks at attributes is not in the way");
	c = open_((struct spec) { .ino = 5, .key = 'b', .want = "RH", .access = STAT });
	TOLD("", "and breaks nothing");
	HAS(c, "none", "but caches nothing beside a writer");
	close_(c);
	c = open_((struct spec) { .ino = 5, .access = STAT | SEC_STD_READ_CONTROL });
	TOLD("", "nor does who reads the descriptor");
	close_(c);
	close_(b);
	b = open_((struct spec) { .ino = 5, .access = READER });
	c = open_((struct spec) { .ino = 5, .key = 'a', .want = "RWH" });
	HAS(c, "RH", "a plain open takes W");
	close_(a);
	close_(b);
	close_(c);
}

/* ---- breaks ---- */

static void test_changes(void)
{
	struct spec s = { .ino = 6, .key = 'a', .want = "RH", .access = WRITER, .epoch = 1 };
	struct open *a = open_(s), *b, *l2, *plain;

	s.key = 'b';
	s.want = "R";
	b = open_(s);
	plain = open_((struct spec) { .ino = 6, .access = WRITER });
	ok(atomic_load(&a->oplock.others_cache) && atomic_load(&plain->oplock.others_cache),
	   "writers know of caches");
	oplock_changed(a);
	TOLD("b:R>none", "R of another is gone with a write, and nobody waits");
	is_int(epoch, 3, "epoch");
	ok(!atomic_load(&a->oplock.others_cache) && atomic_load(&b->oplock.others_cache),
	   "what is left is its own for the one, and another's for the other");
	oplock_changed(plain);
	TOLD("a:RH>none!", "RH is answered");
	HAS(a, "RH", "until then it is what it was");
	ok(!atomic_load(&plain->oplock.others_cache), "but is not broken again");
	oplock_changed(plain);
	TOLD("", "by further writes");
	is_int(acknowledge('a', ""), NT_STATUS_SUCCESS, "acknowledged");
	HAS(a, "none", "and gone");
	close_(a);
	close_(b);
	l2 = open_((struct spec) { .ino = 6, .want = "R", .access = WRITER });
	oplock_changed(l2);
	TOLD("o:R>none", "a level II oplock is broken by its own write too");
	close_(l2);
	close_(plain);
}

static void test_sharing(void)
{
	struct spec a = { .ino = 7, .key = 'a', .want = "RWH", .share = FILE_SHARE_READ };
	struct spec b = { .ino = 7, .access = WRITER };
	struct open *o = open_(a);

	is_int(fails(b), OFILE_MUST_WAIT, "H may be closed");
	TOLD("a:RWH>RW!", "H alone is taken");
	is_int(acknowledge('a', "RW"), NT_STATUS_SUCCESS, "acknowledged");
	is_int(fails(b), NT_STATUS_SHARING_VIOLATION, "and was not closed");
	TOLD("", "no more is asked");
	close_(o);
	a.want = "RW";
	o = open_(a);
	is_int(fails(b), NT_STATUS_SHARING_VIOLATION, "without H there is nothing to ask for");
	close_(o);
	a.want = "RWH";
	o = open_(a);
	is_int(fails(b), OFILE_MUST_WAIT, "again");
	close_(o);
	is_int(fails(b), NT_STATUS_SUCCESS, "closed");
	*told = 0;
}

static void test_chain(void)
{
	struct spec a = { .ino = 8, .key = 'a', .want = "RWH", .epoch = 20 };
	struct spec plain = { .ino = 8 }, over = { .ino = 8, .overwrite = true, .access = WRITER };
	struct open *o = open_(a), *p;
	struct lease_answer answer;

	is_int(fails(plain), OFILE_MUST_WAIT, "an open waits");
	TOLD("a:RWH>RH!", "told");
	is_int(epoch, 22, "with the next epoch");
	is_int(fails(over), OFILE_MUST_WAIT, "an overwrite too");
	TOLD("", "one break at a time");
	p = open_(a);
	oplock_answer(p, &answer);
	oplock_told(open_get(p));
	is_int(answer.flags, SMB2_LEASE_FLAG_BREAK_IN_PROGRESS, "which the holder may see");
	HAS(p, "RWH", "in the state before");
	close_(p);
	is_int(acknowledge('a', "RWH"), NT_STATUS_REQUEST_NOT_ACCEPTED, "not to more");
	is_int(acknowledge('a', "RH"), NT_STATUS_SUCCESS, "acknowledged");
	TOLD("a:RH>R!", "the next step, not past R");
	is_int(epoch, 22, "the same epoch");
	plain.waited = over.waited = true;
	is_int(fails(plain), OFILE_MUST_WAIT, "who waited waits on");
	is_int(fails(over), OFILE_MUST_WAIT, "both");
	is_int(acknowledge('a', "R"), NT_STATUS_SUCCESS, "acknowledged");
	TOLD("a:R>none", "the last step");
	HAS(o, "none", "nothing is left");
	is_int(acknowledge('a', ""), NT_STATUS_UNSUCCESSFUL, "nobody asked");
	is_int(acknowledge('z', ""), NT_STATUS_OBJECT_NAME_NOT_FOUND, "nobody is called so");
	is_int(fails(over), NT_STATUS_SUCCESS, "overwritten");
	close_(o);
	o = open_((struct spec) { .ino = 8, .key = 'a', .want = "RH" });
	over.waited = false;
	is_int(fails(over), NT_STATUS_SUCCESS, "who overwrites does not wait for H");
	TOLD("a:RH>none!", "but takes all");
	close_(o);
}

static void test_oplock_acks(void)
{
	struct spec b = { .ino = 9, .want = "RWH" }, plain = { .ino = 9 };
	struct open *o = open_(b);

	is_int(oplock_acknowledge(o, SMB2_OPLOCK_LEVEL_II), NT_STATUS_INVALID_OPLOCK_PROTOCOL,
	       "nobody asked");
	is_int(fails(plain), OFILE_MUST_WAIT, "batch");
	TOLD("o:RWH>R!", "down to level II");
	is_int(oplock_acknowledge(o, SMB2_OPLOCK_LEVEL_LEASE), NT_STATUS_INVALID_PARAMETER,
	       "it is no lease");
	is_int(fails((struct spec) { .ino = 9, .overwrite = true }), OFILE_MUST_WAIT, "overwrite");
	is_int(oplock_acknowledge(o, SMB2_OPLOCK_LEVEL_II), NT_STATUS_SUCCESS, "acknowledged");
	TOLD("o:R>none", "and what came meanwhile");
	HAS(o, "none", "nothing is left");
	close_(o);
	o = open_(b);
	is_int(fails(plain), OFILE_MUST_WAIT, "batch");
	is_int(oplock_acknowledge(o, SMB2_OPLOCK_LEVEL_BATCH), NT_STATUS_INVALID_OPLOCK_PROTOCOL,
	       "not to more");
	HAS(o, "none", "and the oplock is gone");
	*told = 0;
	close_(o);
}

/* ---- answers, ends ---- */

static void test_answers(void)
{
	struct spec s = { .ino = 10, .key = 'a', .want = "RWH", .quiet = true };
	struct spec plain = { .ino = 10 };
	struct lease_answer a;
	struct open *o = open_(s), *p;

	p = open_(plain);
	TOLD("", "what nobody has heard of is lowered silently");
	HAS(o, "RH", "lowered");
	close_(p);
	close_(o);
	o = open_(s);
	oplock_answer(o, &a);
	is_int(fails(plain), OFILE_MUST_WAIT, "in an answer it is asked for");
	TOLD("", "behind the answer");
	oplock_told(open_get(o));
	TOLD("a:RWH>RH!", "which is out");
	close_(o);
	o = open_(s);
	oplock_answer(o, &a);
	is_int(fails(plain), OFILE_MUST_WAIT, "once more");
	open_get(o);
	close_(o);
	oplock_told(o);
	TOLD("", "closed before the answer is out");
	is_int(fails(plain), NT_STATUS_SUCCESS, "nobody waits");
}

static void test_ends(void)
{
	struct spec s = { .ino = 11, .key = 'a', .want = "RWH" }, plain = { .ino = 11 };
	struct open *o = open_(s);

	is_int(fails(plain), OFILE_MUST_WAIT, "asked");
	oplock_tick(now_ns() + 30000000000ull);
	is_int(fails(plain), OFILE_MUST_WAIT, "after 30 s still");
	oplock_tick(now_ns() + 37000000000ull);
	HAS(o, "none", "silence ends it");
	is_int(fails(plain), NT_STATUS_SUCCESS, "and others go on");
	is_int(acknowledge('a', "RH"), NT_STATUS_UNSUCCESSFUL, "it is too late");
	close_(o);
	o = open_(s);
	*told = 0;
	deaf = true;
	is_int(fails(plain), NT_STATUS_SUCCESS, "nobody is there to be asked");
	HAS(o, "none", "so it is gone");
	deaf = false;
	close_(o);
}

static void test_handles(void)
{
	struct open *a = open_((struct spec) { .ino = 12, .key = 'a', .want = "RH" });
	struct open *b = open_((struct spec) { .ino = 12, .key = 'b', .want = "RH" });
	struct lease *blocker = ofile_break_handles(1, 12, a);

	TOLD("b:RH>R!", "a rename asks the others for H");
	ok(blocker && blocker == b->oplock.lease, "and waits for them");
	lease_put(blocker);
	acknowledge('b', "R");
	ok(!ofile_break_handles(1, 12, a), "once");
	blocker = ofile_break_caching(1, 12, SMB2_LEASE_NONE);
	TOLD("a:RH>none! b:R>none", "a local program takes what there is");
	lease_put(blocker);
	close_(b);
	close_(a);
	*told = 0;
}

/* ---- folders ---- */

static void change(const char *path, uint32_t action, const struct open *by)
{
	struct change c = { .share = tree->vfs, .path = path, .action = action, .by = by };

	lease_dir_change(&c);
}

static void test_folders(void)
{
	struct spec d = { .ino = 20, .key = 'd', .want = "RH", .is_dir = true, .path = "a/dir" };
	struct spec f = { .ino = 21, .key = 'f', .want = "RWH", .parent = 'd', .path = "a/dir/f" };
	struct open *dir = open_(d), *file = open_(f), *again;

	ok(change_wanted(), "changes are asked for");
	change("a/dir/f", FILE_ACTION_ADDED, file);
	TOLD("", "who names the folder's lease keeps it");
	change("a/other", FILE_ACTION_ADDED, NULL);
	change("a/dir/f/g", FILE_ACTION_ADDED, NULL);
	change("a/dir/f", FILE_ACTION_ADDED_STREAM, NULL);
	TOLD("", "other folders, and streams, do not matter");
	change("a/dir/new", FILE_ACTION_ADDED, NULL);
	TOLD("d:RH>none!", "a new name does");
	acknowledge('d', "");
	again = open_(d);
	HAS(dir, "RH", "asked for again");
	close_(file);
	f.parent = 'x';
	file = open_(f);
	change("a/dir/f", FILE_ACTION_REMOVED, file);
	TOLD("d:RH>none!", "another key is no excuse");
	acknowledge('d', "");
	close_(dir);
	close_(again);
	close_(file);
	ok(!change_wanted(), "nobody asks any more");

	dir = open_get(open_(d));
	close_(dir);
	lease_dir_path(dir);
	ok(!change_wanted(), "nor does what a rename finds when it was closed");
	open_put(dir);
	change("a/dir/f", FILE_ACTION_ADDED, NULL);
	TOLD("", "and it is not looked for");
}

/* ---- an acknowledgement that meets a close ---- */

static void *late_run(void *arg)
{
	*(ntstatus *)arg = acknowledge('l', "RH");
	return NULL;
}

static void test_late(void)
{
	struct spec k = { .ino = 40, .key = 'l', .want = "RWH" }, other = { .ino = 40 };
	struct open *o = open_(k);
	ntstatus status = NT_STATUS_PENDING;
	pthread_t t;
	struct ofile *f;

	ok(fails(other) == OFILE_MUST_WAIT, "somebody waits");
	lease_put(ofile_break_handles(1, 40, NULL)); /* further down, after the answer */
	f = ofile_lock(o);
	pthread_create(&t, NULL, late_run, &status);
	usleep(50000); /* it has found the lease, and waits for the lock */
	lease_leave(f, o);
	ofile_unlock(o, f);
	pthread_join(t, NULL);
	is_int(status, NT_STATUS_SUCCESS, "an answer after the last open left");
	ok(!o->oplock.lease->breaking, "is the end of the break");
	lease_put(steal_ptr(&o->oplock.lease)); /* it has left already */
	close_(o);
	told[0] = 0;
}

/* ---- many ---- */

#define MANY 100000u

static void test_many(void)
{
	static struct open *all[MANY];
	uint64_t t = now_ns();
	struct lease_want w;
	bool right = true;

	want_fill(&w, &(struct spec) { .key = 'x', .want = "RWH" });
	for (unsigned int i = 0; i < MANY; i++) {
		struct open *o = all[i] = open_alloc();

		memcpy(w.key, &i, sizeof(i));
		o->access = READER;
		o->share_access = ANY;
		o->oplock.want = &w;
		tree_get(tree);
		o->tree = tree;
		right &= ofile_join(o, 2, i, NULL, false) == NT_STATUS_SUCCESS;
		right &= open_caching(o) == LEASE_RWH;
	}
	ok(right, "a hundred thousand leases");
	diag("%u leases: %.2f us each", MANY, (double)(now_ns() - t) / MANY / 1e3);
	t = now_ns();
	for (unsigned int i = 0; i < MANY; i++) {
		struct lease *l;

		memcpy(w.key, &i, sizeof(i));
		l = lease_find(w.client, w.key);
		right &= l && l == all[i]->oplock.lease;
		lease_put(l);
	}
	ok(right, "each is found by its key");
	diag("found: %.2f us each", (double)(now_ns() - t) / MANY / 1e3);
	for (unsigned int i = 0; i < MANY; i++) {
		struct identity *as;

		(void)ofile_leave(all[i], &as);
		open_put(all[i]);
	}
}

/* Readers of one file do not make each other slow. */
static void test_crowd(void)
{
	enum { CROWD = 5000 };
	static struct open *all[CROWD];
	uint64_t t = now_ns();
	struct lease_want w;
	unsigned int with = 0;

	want_fill(&w, &(struct spec) { .key = 'x', .want = "RH" });
	for (unsigned int i = 0; i < CROWD; i++) {
		struct open *o = all[i] = open_alloc();

		memcpy(w.key, &i, sizeof(i));
		o->access = READER;
		o->share_access = ANY;
		o->oplock.want = &w;
		tree_get(tree);
		o->tree = tree;
		(void)ofile_join(o, 3, 3, NULL, false);
		with += open_caching(o) == (R | H);
	}
	is_int(with, CROWD, "many readers of one file");
	diag("%u readers of one file: %.2f us each", CROWD, (double)(now_ns() - t) / CROWD / 1e3);
	for (unsigned int i = 0; i < CROWD; i++) {
		struct identity *as;

		(void)ofile_leave(all[i], &as);
		open_put(all[i]);
	}
}

int main(void)
{
	if (!fixture_begin())
		return 1;
	test_grants();
	test_beside();
	test_same_key();
	test_others();
	test_changes();
	test_sharing();
	test_chain();
	test_oplock_acks();
	test_answers();
	test_ends();
	test_handles();
	test_folders();
	test_late();
	test_many();
	test_crowd();
	fixture_end();
	return done_testing();
}
