// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel module may do with an open, as locks, oplocks, writes and deletion come and go.
 */
#include "state/durable.h"
#include "state/lease.h"
#include "kernel/handles.h"
#include "smb2/smb2.h"
#include "state/share_modes.h"
#include "fixture.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>

#define R KH_CAP_READ
#define W KH_CAP_WRITE
#define F KH_CAP_FLUSH
#define C KH_CAP_CLOSE

#define READER	 (FILE_READ_DATA | FILE_READ_ATTRIBUTES)
#define WRITER	 (READER | FILE_WRITE_DATA)
#define APPENDER (FILE_APPEND_DATA | FILE_READ_ATTRIBUTES)
#define SLOTS	 64

static struct kh_handle_slot slots[SLOTS];

/* ---- the module ---- */

static struct {
	unsigned int dels, barriers;
	uint64_t del_vol, barrier_vol;
	uint32_t barrier_caps, caps_then; /* in the slot, when the barrier came */
} module;

static int fake_del(uint64_t vol)
{
	module.dels++;
	module.del_vol = vol;
	slots[(uint32_t)vol].state = KH_HANDLE_FREE;
	return 0;
}

static int fake_barrier(uint64_t vol, uint32_t caps)
{
	module.barriers++;
	module.barrier_vol = vol;
	module.barrier_caps = caps;
	module.caps_then = slots[(uint32_t)vol].caps;
	return 0;
}

static const struct handle_ops fake = { fake_del, fake_barrier };

static uint32_t caps(const struct open *o)
{
	return slots[(uint32_t)o->vol].caps;
}

/* ---- opens ---- */

static struct open *try_open(const char *name, uint32_t access, uint8_t oplock, ntstatus *status)
{
	struct open *o = open_alloc();
	struct lease_want want;
	struct vfs_attr a;

	o->kind = OPEN_FILE;
	o->fd = openat(tree->vfs->root, name, O_RDWR | O_CREAT, 0600);
	vfs_attr_get(tree->vfs, o->fd, "", &a);
	o->access = access;
	o->share_access = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
	o->append_only = access & FILE_APPEND_DATA && !(access & FILE_WRITE_DATA);
	o->path = xstrdup(name);
	o->entry = a.id;
	lease_want_oplock(&want, oplock, true);
	o->oplock.want = &want;
	tree_get(tree);
	o->tree = tree;
	*status = ofile_join(o, a.id.dev, a.id.ino, NULL, false);
	if (*status == NT_STATUS_SUCCESS && !open_publish(o, session))
		abort();
	return o;
}

static struct open *do_open(const char *name, uint32_t access, uint8_t oplock)
{
	ntstatus status;
	struct open *o = try_open(name, access, oplock, &status);

	if (status != NT_STATUS_SUCCESS)
		abort();
	return o;
}

static void put(struct open *o)
{
	open_close(o);
	open_put(o);
}

/* As the transport: offered, and the channel took it. */
static struct open *give(struct open *o)
{
	struct kh_reply_handle r;

	if (!handle_offer(o, 1, &r))
		abort();
	slots[(uint32_t)r.vol].state = KH_HANDLE_OPEN;
	handle_sent(o);
	return o;
}

static void write_once(struct open *o)
{
	if (!o->wrote)
		write_time_begin(o);
	handle_wrote(o);
	oplock_changed(o);
}

/* ---- what is given ---- */

static void test_offer(void)
{
	struct open *o = do_open("offer", WRITER, 0), *dir = do_open("offer", READER, 0);
	struct kh_reply_handle r;

	is_int(handle_offer(o, 7, &r), true, "an open file is offered");
	is_int(r.vol, o->vol, "record: vol");
	is_int(r.persistent, o->persistent, "record: persistent");
	is_int(r.opaque, o->vol, "record: opaque");
	is_int(r.session_id, session->id, "record: session");
	is_int(r.tree_id, tree->id, "record: tree");
	is_int(r.fd, o->fd, "record: fd");
	ok(r.create_time && r.attributes, "record: attributes for CLOSE");
	is_int(slots[(uint32_t)o->vol].conn_id, 7, "slot: connection");
	is_int(slots[(uint32_t)o->vol].vol, o->vol, "slot: vol");
	ok(!handle_offer(o, 7, &r), "only once");
	handle_sent(o);
	dir->kind = OPEN_DIR;
	ok(!handle_offer(dir, 7, &r), "a directory is not");
	dir->kind = OPEN_FILE;
	put(dir);
	module.dels = 0;
	put(o);
	is_int(module.dels, 1, "closing takes it from the module");
	is_int(slots[(uint32_t)(r.vol)].vol, 0, "and clears the slot");
	is_int(slots[(uint32_t)(r.vol)].caps, 0, "and its capabilities");
}

static void test_access(void)
{
	struct open *o = give(do_open("access", READER, 0));

	is_int(caps(o), R | C, "reader: READ, CLOSE");
	put(o);
	o = give(do_open("access", WRITER, 0));
	is_int(caps(o), R | F | C, "writer, before it wrote: no WRITE");
	write_once(o);
	is_int(caps(o), R | W, "after: WRITE, no CLOSE; the write time is pending: no FLUSH");
	write_time_flush(o);
	is_int(caps(o), R | W | F, "flushed");
	put(o);
	o = give(do_open("access", APPENDER, 0));
	write_once(o);
	is_int(caps(o), 0, "appending goes to the daemon");
	put(o);
}

static void test_write_time(void)
{
	struct open *a = give(do_open("time", READER, 0)), *b = give(do_open("time", WRITER, 0));
	struct open *w = do_open("time", WRITER, 0);

	module.barriers = 0;
	write_once(w);
	is_int(caps(a), R, "another writes: the reader's CLOSE shows a kept time");
	is_int(caps(b), R, "FLUSH and CLOSE of an idle writer go up too");
	is_int(module.barriers, 0, "nobody waits for that");
	write_time_flush(w);
	is_int(caps(b), R | F, "flushed");
	put(w);
	is_int(caps(a), R | C, "the writer is gone: CLOSE again");
	write_time_set_change(b, 1);
	is_int(caps(a), R, "a change time that was set is kept");
	write_time_set_change(b, 0);
	handles_attr_change(b);
	is_int(caps(a), R, "attributes changed: the module's are stale");
	put(a);
	a = give(do_open("time", READER, 0));
	is_int(caps(a), R | C, "those of a later open are not");
	put(a);
	put(b);
}

/* ---- byte-range locks ---- */

static void test_locks(void)
{
	struct open *a = do_open("lock", WRITER, 0), *b = do_open("lock", READER, 0), *c;
	struct lock_range r = { 0, 10, true };

	write_once(a);
	write_time_flush(a);
	give(a);
	give(b);
	is_int(caps(a), R | W | F, "nobody has a lock");
	module.barriers = 0;
	ok(!handles_lock_begin(b, false), "LOCK on a reactor: somebody is to be waited for");
	is_int(caps(a), R | W | F, "nothing was done");
	ok(handles_lock_begin(b, true), "on a worker");
	is_int(module.barriers, 2, "both are waited for");
	is_int(module.caps_then & (R | W | C), 0, "after their slots were stored to");
	is_int(module.barrier_caps, R | W | C, "for READ, WRITE and CLOSE");
	is_int(caps(a), F, "before there is a lock");
	c = give(do_open("lock", READER, 0));
	is_int(caps(c), 0, "who comes in between gets neither");
	is_int(lock_take(b, &r, 1), NT_STATUS_SUCCESS, "the lock");
	handles_lock_end(b);
	is_int(caps(a), F, "while it is held");
	module.barriers = 0;
	ok(handles_lock_begin(a, false), "a second LOCK need not leave the reactor");
	is_int(module.barriers, 0, "and waits for nobody");
	handles_lock_end(a);
	is_int(caps(c), 0, "end of the second, the first is held");
	is_int(lock_drop(b, 0, 10), NT_STATUS_SUCCESS, "unlock");
	handles_update(b);
	is_int(caps(a), R | W | F, "given back");
	is_int(caps(c), R, "to the newcomer too (CLOSE: a time is kept)");
	put(c);
	handles_lock_begin(b, true);
	lock_take(b, &r, 1);
	handles_lock_end(b);
	put(b);
	is_int(caps(a), R | W | F, "the holder closed");
	put(a);
}

static void done(struct lock_wait *w, ntstatus status)
{
}

static void test_lock_waiters(void)
{
	struct open *a = do_open("wait", READER, 0), *b = give(do_open("wait", READER, 0));
	struct lock_wait w = { .done = done };
	struct lock_range r = { 0, 10, true };

	handles_lock_begin(a, true);
	lock_take(a, &r, 1);
	handles_lock_end(a);
	handles_lock_begin(b, true);
	is_int(lock_wait(&w, b, &r), NT_STATUS_PENDING, "one waits");
	handles_lock_end(b);
	lock_drop(a, 0, 10);
	handles_update(a);
	is_int(caps(b), 0, "he has the lock now");
	lock_drop(b, 0, 10);
	handles_update(b);
	is_int(caps(b), R | C, "nobody has");
	handles_lock_begin(a, true);
	lock_take(a, &r, 1);
	handles_lock_end(a);
	handles_lock_begin(b, true);
	is_int(lock_wait(&w, b, &r), NT_STATUS_PENDING, "one waits again");
	handles_lock_end(b);
	lock_wait_cancel(&w);
	handles_update(b);
	is_int(caps(b), 0, "and gives up: the lock is still held");
	put(a);
	is_int(caps(b), R | C, "and gone");
	put(b);
}

/* ---- oplocks ---- */

static void test_oplocks(void)
{
	struct open *a = do_open("oplock", WRITER, 0), *b, *x;

	write_once(a);
	write_time_flush(a);
	give(a);
	module.barriers = 0;
	b = do_open("oplock", READER, SMB2_OPLOCK_LEVEL_NONE);
	is_int(module.barriers, 0, "an open without an oplock takes nothing away");
	put(b);
	b = do_open("oplock", READER, SMB2_OPLOCK_LEVEL_II);
	is_int(module.barriers, 1, "level II is granted: the writer is waited for");
	is_int(module.barrier_vol, a->vol, "that one");
	is_int(module.barrier_caps, W, "for WRITE");
	is_int(module.caps_then & W, 0, "after his slot was stored to");
	is_int(caps(a), R | F, "he may not write by himself");
	give(b);
	is_int(caps(b), R, "CLOSE of who has an oplock goes up");
	write_once(a);
	is_int(atomic_load(&b->oplock.level), SMB2_OPLOCK_LEVEL_NONE, "he writes: it is broken");
	is_int(caps(a), R | W | F, "and he may again");
	put(b);
	put(a);

	x = do_open("oplock", WRITER, SMB2_OPLOCK_LEVEL_EXCLUSIVE);
	write_once(x);
	write_time_flush(x);
	give(x);
	is_int(caps(x), R | W | F, "who has it exclusively writes");
	put(x);
}

/* Two who begin to cache at once: the second must not be quicker than the first one's wait. */
static struct open *second;

static int barrier_with_join(uint64_t vol, uint32_t c)
{
	static bool inside;

	module.barriers++;
	if (!inside) {
		inside = true;
		second = do_open("race", READER, SMB2_OPLOCK_LEVEL_II);
		inside = false;
	}
	return 0;
}

static void test_two_at_once(void)
{
	static const struct handle_ops slow = { fake_del, barrier_with_join };
	struct open *a = do_open("race", WRITER, 0), *b;

	write_once(a);
	give(a);
	module.barriers = 0;
	handles_start(&slow);
	b = do_open("race", READER, SMB2_OPLOCK_LEVEL_II);
	is_int(module.barriers, 2, "both wait for the writer");
	handles_start(&fake);
	put(second);
	put(b);
	module.barriers = 0;
	b = do_open("race", READER, SMB2_OPLOCK_LEVEL_NONE);
	is_int(module.barriers, 0, "afterwards nobody does");
	put(b);
	put(a);
}

/* ---- deletion and closing ---- */

static bool exists(const char *name)
{
	return faccessat(tree->vfs->root, name, F_OK, 0) == 0;
}

static void test_delete(void)
{
	struct open *a = give(do_open("delete", READER, 0));
	struct open *b = do_open("delete", READER | SEC_STD_DELETE, 0);

	is_int(caps(a), R | C, "no deletion");
	module.barriers = 0;
	ofile_set_delete(b, true);
	is_int(caps(a), R, "disposition: the last close deletes");
	is_int(module.barriers, 1, "waited for");
	ofile_set_delete(b, false);
	is_int(caps(a), R | C, "taken back");
	b->delete_on_close = true;
	module.barriers = 0;
	put(b);
	is_int(caps(a), R, "delete on close, and it was closed");
	is_int(module.barriers, 1, "waited for");
	put(a);
	ok(!exists("delete"), "the file is gone");
}

static void kernel_close(struct open *o)
{
	slots[(uint32_t)o->vol].state = KH_HANDLE_CLOSED;
}

static void test_closed_by_client(void)
{
	struct open *a = give(do_open("closed", WRITER, 0)), *b;
	uint64_t vol = a->vol;
	ntstatus status;

	share_modes_remove(a->file, a);
	a->share_access = 0;
	share_modes_add(a->file, a);
	b = try_open("closed", READER, 0, &status);
	is_int(status, NT_STATUS_SHARING_VIOLATION, "it shares nothing");
	open_put(b);
	kernel_close(a);
	module.dels = 0;
	b = try_open("closed", READER, SMB2_OPLOCK_LEVEL_BATCH, &status);
	is_int(status, NT_STATUS_SUCCESS, "the client closed it");
	is_int(module.dels, 1, "it was closed on the way");
	is_int(atomic_load(&b->oplock.level), SMB2_OPLOCK_LEVEL_BATCH, "nobody else has it open");
	handle_closed_by_client(vol); /* comes late */
	open_put(a);
	put(b);

	a = give(do_open("closed", READER, 0));
	b = do_open("closed", READER | SEC_STD_DELETE, 0);
	b->delete_on_close = true;
	kernel_close(a);
	put(b);
	ok(!exists("closed"), "delete on close does not wait for its record");
	open_put(a);
}

static void test_close_before_sent(void)
{
	struct open *o = do_open("early", READER, 0);
	struct kh_reply_handle r;

	ok(handle_offer(o, 1, &r), "offered");
	module.dels = 0;
	open_close(o);
	is_int(module.dels, 0, "closed while the record is on its way");
	is_int(caps(o), 0, "it may do nothing with it");
	ok(fcntl(r.fd, F_GETFD) >= 0, "its fd is open until then");
	open_put(o);
	workers_start(1);
	handle_sent(o);
	workers_stop();
	is_int(module.dels, 1, "and then it is taken from the module");
	is_int(slots[(uint32_t)r.vol].vol, 0, "and the slot is free");
}

/* The module lets go of what has no client, and may have it again on another connection. */
static void test_durable(void)
{
	struct open *o = give(do_open("durable", WRITER, SMB2_OPLOCK_LEVEL_BATCH));
	struct kh_reply_handle r;

	ok(!(caps(o) & C), "an oplock is to be given back by the daemon");
	o->durable.timeout_ms = 60000;
	atomic_store(&o->durable.version, 2);
	module.dels = 0;
	ok(durable_keep(o), "kept without a client");
	is_int(module.dels, 1, "the module lets go of it");
	is_int(caps(o), 0, "it may do nothing with it");
	ok(durable_take(o) && durable_reconnect(o, session, tree, 2), "its client comes back");
	ok(handle_offer(o, 2, &r), "offered again");
	is_int(r.vol, o->vol, "by its id");
	slots[(uint32_t)r.vol].state = KH_HANDLE_OPEN;
	handle_sent(o);
	ok(caps(o) & R, "it may read");

	/* The client loses a channel: the daemon compares sequences. */
	atomic_store(&o->channel_seq, 1);
	module.barriers = 0;
	handles_drain(o);
	is_int(caps(o), 0, "no more after a channel sequence");
	is_int(module.barriers, 1, "and what it had in flight is waited for");
	put(o);

	/* Its record is on its way when the client is lost: not given again. */
	o = do_open("durable", WRITER, SMB2_OPLOCK_LEVEL_BATCH);
	o->durable.timeout_ms = 60000;
	atomic_store(&o->durable.version, 2);
	ok(handle_offer(o, 1, &r) && durable_keep(o), "kept while the record is on its way");
	ok(durable_take(o) && durable_reconnect(o, session, tree, 2), "its client comes back");
	module.dels = 0;
	workers_start(1);
	handle_sent(o);
	workers_stop();
	is_int(module.dels, 1, "the late record is taken back");
	ok(!handle_offer(o, 2, &r), "and it stays with the daemon");
	put(o);
}

static void test_position(void)
{
	struct open *o = do_open("position", READER, 0);
	struct kh_handle_slot *s = &slots[(uint32_t)o->vol];

	handle_position_set(o, 5);
	give(o);
	is_int(handle_position(o), 5, "the daemon's");
	s->reads = 1;
	s->end = 4096;
	is_int(handle_position(o), 4096, "the module read");
	handle_position_set(o, 7);
	is_int(handle_position(o), 7, "set");
	s->reads = 2;
	is_int(handle_position(o), 4096, "the module read the same again");
	put(o);
}

int main(void)
{

	if (!fixture_begin())
		return 1;
	tree->identity = identity_new(geteuid(), getegid(), NULL, 0);
	maps.handles = slots;
	maps.nhandles = SLOTS;
	handles_start(&fake);
	test_offer();
	test_access();
	test_write_time();
	test_locks();
	test_lock_waiters();
	test_oplocks();
	test_two_at_once();
	test_delete();
	test_closed_by_client();
	test_close_before_sent();
	test_durable();
	test_position();
	if (!fixture_end())
		return 1;
	return done_testing();
}
