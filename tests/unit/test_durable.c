// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens that lose their client: kept, found, taken over by conflicts, time and limit. */
#include "state/durable.h"
#include "fixture.h"
#include "smb2/smb2.h"
#include "state/lease.h"
#include "tap.h"

#include <fcntl.h>
#include <unistd.h>

#define ACCESS (FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES)

static struct open *do_open(const char *name, uint8_t oplock, uint32_t timeout_ms)
{
	struct open *o = open_alloc();
	struct lease_want want;
	struct vfs_attr a;

	o->kind = OPEN_FILE;
	o->fd = openat(tree->vfs->root, name, O_RDWR | O_CREAT, 0600);
	vfs_attr_get(tree->vfs, o->fd, "", &a);
	o->access = ACCESS;
	o->share_access = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
	o->entry = a.id;
	lease_want_oplock(&want, oplock, true);
	o->oplock.want = &want;
	tree_get(tree);
	o->tree = tree;
	open_path_set(o, name);
	if (ofile_join(o, a.id.dev, a.id.ino, NULL, false) != NT_STATUS_SUCCESS ||
	    !open_publish(o, session))
		abort();
	o->durable.timeout_ms = timeout_ms;
	atomic_store(&o->durable.version, 2);
	return o;
}

/* Its end, without a worker; the caller's reference goes. */
static void finish(struct open *o)
{
	open_close(o);
	open_put(o);
}

static void count_one(void *arg, struct open *o)
{
	*(unsigned int *)arg += atomic_load(&o->disconnected);
}

static unsigned int seen(void)
{
	unsigned int n = 0;

	open_each(count_one, &n);
	return n;
}

static void test_keep(void)
{
	struct open *o = do_open("keep", SMB2_OPLOCK_LEVEL_BATCH, 60000);
	struct lock_range r = { 0, 10, true };
	struct open *found;

	is_int(lock_take(o, &r, 1), NT_STATUS_SUCCESS, "a lock");
	ok(durable_keep(o), "kept");
	ok(atomic_load(&o->disconnected), "it says so");
	is_int(durable_count(), 1, "one is kept");
	is_int(seen(), 1, "open_each sees it");
	ok(!open_find(o->vol, o->persistent), "its id is gone");
	is_int(session->nopens, 0, "its session has none");
	is_int(atomic_load(&o->locks->count), 1, "the lock is held");
	ok(!durable_keep(o), "not twice");

	found = durable_find(o->persistent);
	ok(found == o, "found by the persistent id");
	open_put(found);
	ok(!durable_find(o->persistent + 1), "not by another");
	found = durable_find_vol(o->vol);
	ok(found == o, "found by the volatile id");
	open_put(found);

	ok(durable_take(o), "taken");
	ok(!durable_take(o), "by one");
	ok(!durable_find(o->persistent), "nobody else finds it");
	durable_put_back(o);
	is_int(durable_count(), 1, "put back");

	ok(durable_take(o) && durable_reconnect(o, session, tree, 7), "reconnected");
	is_int(o->conn_id, 7, "to a connection");
	is_int(session->nopens, 1, "its session has it");
	found = open_find(o->vol, o->persistent);
	ok(found == o, "its id is back");
	open_put(found);
	finish(o);
	is_int(durable_count(), 0, "none is left");
	is_int(open_count(), 0, "all are freed");
}

static void test_not_kept(void)
{
	struct open *o = do_open("not", SMB2_OPLOCK_LEVEL_EXCLUSIVE, 60000);
	struct ofile *f;

	ok(!durable_keep(o), "exclusive is not enough");
	finish(o);
	o = do_open("not", SMB2_OPLOCK_LEVEL_BATCH, 60000);
	atomic_store(&o->durable.version, 0);
	ok(!durable_keep(o), "it is not durable");
	finish(o);
	o = do_open("not", SMB2_OPLOCK_LEVEL_BATCH, 60000);
	f = ofile_lock(o);
	f->delete_pending = true;
	ofile_unlock(o, f);
	ok(!durable_keep(o), "it is to be deleted");
	finish(o);
	is_int(open_count(), 0, "all are freed");
}

/* The jobs that close run when the workers stop. */
static void run_workers(void)
{
	workers_stop();
	if (workers_start(1) < 0)
		abort();
}

static void test_purge(void)
{
	struct open *o = do_open("purge", SMB2_OPLOCK_LEVEL_BATCH, 60000);
	struct ofile *f;

	f = ofile_lock(o);
	durable_purge(o);
	ofile_unlock(o, f);
	ok(durable_keep(o), "a purge of what is connected does nothing");
	f = ofile_lock(o);
	durable_purge(o);
	durable_purge(o);
	ofile_unlock(o, f);
	ok(!durable_find(o->persistent), "purged");
	run_workers();
	ok(!o->file, "closed");
	open_put(o);

	o = do_open("purge", SMB2_OPLOCK_LEVEL_BATCH, 60000);
	ok(durable_keep(o) && durable_take(o), "taken");
	f = ofile_lock(o);
	durable_purge(o);
	ofile_unlock(o, f);
	ok(!durable_reconnect(o, session, tree, 1), "purged while its client comes back");
	run_workers();
	ok(!o->file, "closed");
	open_put(o);
	is_int(open_count(), 0, "all are freed");
}

static void test_time(void)
{
	struct open *a = do_open("a", SMB2_OPLOCK_LEVEL_BATCH, 1000);
	struct open *b = do_open("b", SMB2_OPLOCK_LEVEL_BATCH, 300000);
	uint64_t now = now_ns();

	ok(durable_keep(a) && durable_keep(b), "kept");
	durable_tick(now);
	is_int(durable_count(), 2, "it is not time");
	durable_tick(now + 3000000000u);
	is_int(durable_count(), 1, "it is, for one");
	durable_tick(now + 290000000000u);
	is_int(durable_count(), 1, "not for the other");
	durable_tick(now + 303000000000u);
	is_int(durable_count(), 0, "for both");
	run_workers();
	open_put(a);
	open_put(b);
	is_int(open_count(), 0, "all are freed");
}

static void test_limit(void)
{
	struct open *o[5];
	char name[2] = "0";

	conf->max_durable_handles = 3;
	for (unsigned int i = 0; i < 5; i++, name[0]++) {
		o[i] = do_open(name, SMB2_OPLOCK_LEVEL_BATCH, 60000);
		ok(durable_keep(o[i]), "kept");
	}
	is_int(durable_count(), 3, "as many as may be");
	ok(!durable_find(o[1]->persistent), "the longest kept went");
	run_workers();
	durable_end();
	is_int(durable_count(), 0, "the end");
	for (unsigned int i = 0; i < 5; i++)
		open_put(o[i]);
	is_int(open_count(), 0, "all are freed");
	conf->max_durable_handles = 16384;
}

/* A session that is gone does not go while somebody looks at an open of it. */
static void test_sessions(void)
{
	struct open *o = do_open("sessions", SMB2_OPLOCK_LEVEL_BATCH, 60000);
	struct session *second = session_new(), *got;
	struct tree *t = tree_new();
	ntstatus status;

	atomic_store(&second->state, SESSION_VALID);
	t->conf = server_conf();
	t->share = tree->share;
	t->vfs = share_open(conf, t->share, "s", fixture_dir, &status);
	ok(tree_add(second, t, 0), "another session");
	ok(durable_keep(o) && durable_take(o) && durable_reconnect(o, second, t, 2), "takes it");
	got = open_session_get(o);
	ok(got == second, "its session");
	session_put(got);
	open_get(o);
	session_lost(second);
	ok(atomic_load(&o->disconnected), "kept when that is lost");
	is_int(share_users("s"), 1, "a kept tree does not count");
	ok(durable_take(o) && durable_reconnect(o, session, tree, 3), "back to the first");
	ok(o->durable.former != NULL, "the second is still there for who has the open");
	open_put(o);
	tree_put(t);
	session_put(second);
	finish(o);
	is_int(open_count(), 0, "all are freed");
}

int main(void)
{
	if (!fixture_begin() || workers_start(1) < 0)
		return 1;
	tree->name = xstrdup("s");
	test_keep();
	test_not_kept();
	test_purge();
	test_time();
	test_limit();
	test_sessions();
	workers_stop();
	ok(fixture_end(), "cleaned up");
	return done_testing();
}
