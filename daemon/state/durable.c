// SPDX-License-Identifier: GPL-2.0-or-later
/* durable.c - opens whose client is lost, until it comes back or their time is over: durable.h. */
#include "state/durable.h"
#include "core/debug.h"
#include "core/entry.h"
#include "kernel/handles.h"
#include "smb2/smb2.h"
#include "state/lease.h"
#include "state/replay.h"

#define BUCKETS 1024
#define WHEEL	1024u /* seconds; more than any timeout */

/* The kept opens. */
static struct {
	pthread_mutex_t lock;
	bool ready;
	struct list_head ids[BUCKETS]; /* durable.id_node */
	struct list_head wheel[WHEEL]; /* durable.wheel_node, by deadline % WHEEL */
	struct list_head age;	       /* durable.age_node */
	unsigned int n;
	uint64_t ticked; /* second that the wheel was looked at last */
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* A session and tree that an open had before a reconnect, and that somebody may still look at. */
struct durable_former {
	struct durable_former *next;
	struct session *session;
	struct tree *tree;
};

static uint64_t now_s(void)
{
	return now_ns() / 1000000000u;
}

static void kept_lock(void)
{
	pthread_mutex_lock(&kept.lock);
	if (likely(kept.ready))
		return;
	for (unsigned int i = 0; i < BUCKETS; i++)
		list_init(&kept.ids[i]);
	for (unsigned int i = 0; i < WHEEL; i++)
		list_init(&kept.wheel[i]);
	list_init(&kept.age);
	kept.ticked = now_s();
	kept.ready = true;
}

static void kept_unlock(void)
{
	pthread_mutex_unlock(&kept.lock);
}

struct session *open_session_get(struct open *o)
{
	return session_get(o->session);
}

void durable_former_free(struct durable_former *f)
{
	while (f) {
		struct durable_former *next = f->next;

		session_put(f->session);
		tree_put(f->tree);
		free(f);
		f = next;
	}
}

/* ---- the list; under its lock ---- */

static void list_in(struct open *o)
{
	struct durable *d = &o->durable;

	d->state = DURABLE_KEPT;
	list_add_tail(&d->id_node, &kept.ids[o->persistent % BUCKETS]);
	list_add_tail(&d->wheel_node, &kept.wheel[d->deadline % WHEEL]);
	list_add_tail(&d->age_node, &kept.age);
	kept.n++;
}

static void list_out(struct open *o, int state)
{
	struct durable *d = &o->durable;

	d->state = state;
	list_del(&d->id_node);
	list_del(&d->wheel_node);
	list_del(&d->age_node);
	kept.n--;
}

static void close_work(struct work *w)
{
	struct open *o = container_of(w, struct open, durable.work);

	debug_open(LOG_OPLOCK, o, "disconnected handle is closed");
	open_disconnected_gone(o);
	open_close_rest(o);
}

static void close_later(struct open *o)
{
	o->durable.work.fn = close_work;
	worker_post(&o->durable.work);
}

/* Takes it off the list to be closed by a worker. */
static void expel(struct open *o)
{
	list_out(o, DURABLE_CLOSING);
	close_later(o);
}

/* ---- keeping ---- */

/* MS-SMB2 3.3.7.1: durable opens go on while they cache the handle. Under the bucket's lock. */
static bool worth_keeping(const struct ofile *f, const struct open *o)
{
	return f && o->durable.version && !f->delete_pending && open_caches_handle(o);
}

bool durable_keep(struct open *o)
{
	struct ofile *f;
	bool ok;

	if (!o->durable.version || handle_is_closed(o))
		return false;
	f = ofile_lock(o);
	ok = worth_keeping(f, o);
	ofile_unlock(o, f);
	if (!ok)
		return false;
	handle_close(o); /* the module serves it no more; blocks */
	lock_cancel_waits(o);
	replay_forget(o);
	f = ofile_lock(o);
	ok = worth_keeping(f, o) && open_disconnect(o);
	if (ok) {
		o->durable.deadline = now_s() + o->durable.timeout_ms / 1000 + 1;
		kept_lock();
		list_in(o);
		while (kept.n > o->tree->conf->max_durable_handles)
			expel(list_first(&kept.age, struct open, durable.age_node));
		kept_unlock();
		ticks_want();
		entry_open_disconnected(o);
	}
	ofile_unlock(o, f);
	if (ok)
		debug_open(LOG_OPLOCK, o, "client is lost, handle is kept timeout_ms=%u",
			   o->durable.timeout_ms);
	return ok;
}

void durable_purge(struct open *o)
{
	if (!atomic_load(&o->disconnected))
		return;
	kept_lock();
	if (o->durable.state == DURABLE_KEPT)
		expel(o);
	else
		o->durable.purge = true;
	kept_unlock();
}

void durable_close(struct open *o)
{
	bool mine;

	kept_lock();
	mine = o->durable.state == DURABLE_KEPT;
	if (mine)
		list_out(o, DURABLE_CLOSING);
	kept_unlock();
	if (mine)
		close_work(&o->durable.work);
}

bool durable_tick(uint64_t now)
{
	uint64_t s = now / 1000000000u;
	struct open *o, *next;
	bool more;

	kept_lock();
	if (s - kept.ticked > WHEEL)
		kept.ticked = s - WHEEL;
	while (kept.ticked < s) {
		kept.ticked++;
		list_for_each_safe (o, next, &kept.wheel[kept.ticked % WHEEL], durable.wheel_node)
			if (o->durable.deadline <= s)
				expel(o);
	}
	more = kept.n > 0;
	kept_unlock();
	return more;
}

unsigned int durable_count(void)
{
	unsigned int n;

	kept_lock();
	n = kept.n;
	kept_unlock();
	return n;
}

void durable_end(void)
{
	struct open *o;

	for (;;) {
		kept_lock();
		o = list_empty(&kept.age) ? NULL
					  : list_first(&kept.age, struct open, durable.age_node);
		if (o)
			list_out(o, DURABLE_CLOSING);
		kept_unlock();
		if (!o)
			return;
		close_work(&o->durable.work);
	}
}

/* ---- reconnecting ---- */

struct open *durable_find(uint64_t persistent)
{
	struct open *o, *found = NULL;

	kept_lock();
	list_for_each (o, &kept.ids[persistent % BUCKETS], durable.id_node)
		if (o->persistent == persistent) {
			found = open_get(o);
			break;
		}
	kept_unlock();
	return found;
}

struct open *durable_find_vol(uint64_t vol)
{
	struct open *o, *found = NULL;

	kept_lock();
	list_for_each (o, &kept.age, durable.age_node)
		if (o->vol == vol) {
			found = open_get(o);
			break;
		}
	kept_unlock();
	return found;
}

bool durable_take(struct open *o)
{
	bool mine;

	kept_lock();
	mine = o->durable.state == DURABLE_KEPT;
	if (mine)
		list_out(o, DURABLE_TAKEN);
	kept_unlock();
	return mine;
}

/* Who took it does not keep it. Under the bucket's lock. */
static void give_back(struct open *o)
{
	kept_lock();
	list_in(o);
	if (o->durable.purge)
		expel(o);
	kept_unlock();
}

void durable_put_back(struct open *o)
{
	struct ofile *f = ofile_lock(o);

	give_back(o);
	ofile_unlock(o, f);
}

/* What o belonged to goes when nobody can be looking at it. Under the bucket's lock. */
static void leave_former(struct open *o, struct session *s, struct tree *t)
{
	struct durable_former *f = xcalloc(1, sizeof(*f));

	f->session = s;
	f->tree = t;
	f->next = o->durable.former;
	o->durable.former = f;
}

bool durable_reconnect(struct open *o, struct session *s, struct tree *t, uint64_t conn_id)
{
	struct ofile *f = ofile_lock(o);
	struct session *old_session = o->session;
	struct durable_former *former = NULL;
	struct tree *old_tree = o->tree;
	bool quiet = open_is_quiet(o);
	bool ok = !o->durable.purge;

	if (ok && quiet)
		handle_reset(o); /* may be offered again */
	o->conn_id = conn_id;
	ok = ok && open_reconnect(o, s, t);
	if (ok) {
		o->durable.state = DURABLE_CONNECTED;
		leave_former(o, old_session, old_tree);
		/* open_each() gives references at any time: those from now on see the new ones. */
		if (open_is_quiet(o))
			former = steal_ptr(&o->durable.former);
	} else {
		o->durable.purge = true;
		give_back(o);
	}
	ofile_unlock(o, f);
	durable_former_free(former);
	if (ok)
		debug_open(LOG_OPLOCK, o, "handle is reconnected conn=%llu",
			   (unsigned long long)conn_id);
	return ok;
}
