// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oplock.c - oplocks: who may cache a file, and how he is told to stop (MS-SMB2 3.3.5.9, 3.3.4.6,
 * MS-FSA 2.1.4.12, 2.1.5.17).
 *
 * An oplock belongs to an open; what it excludes concerns the opens of the same ofile, so all of it
 * is guarded by the lock of the ofile's bucket. A break from exclusive or batch awaits an answer:
 * a CREATE that is in its way does not join but waits on the holder, and is tried again when the
 * client acknowledges, closes, goes away, or is silent for too long. A level II oplock is told that
 * it is gone, and nobody waits.
 */
#include "core/debug.h"
#include "core/entry.h"
#include "kernel/handles.h"
#include "smb2/smb2.h"
#include "state/state.h"

#define BREAK_TIMEOUT_NS 35000000000ull /* as Windows and Samba */

/* Breaks under way, the oldest first. Taken inside a bucket's lock. */
static struct {
	pthread_mutex_t lock;
	struct list_head list; /* open.oplock.deadline_node */
} breaks = { PTHREAD_MUTEX_INITIALIZER, { &breaks.list, &breaks.list } };

static uint8_t level_of(const struct open *o)
{
	return atomic_load_explicit(&o->oplock.level, memory_order_relaxed);
}

static void level_set(struct open *o, uint8_t level)
{
	atomic_store(&o->oplock.level, level);
	entry_open_oplock(o);
}

static bool is_exclusive(uint8_t level)
{
	return level == SMB2_OPLOCK_LEVEL_EXCLUSIVE || level == SMB2_OPLOCK_LEVEL_BATCH;
}

/* MS-FSA 2.1.5.1.2: an open that only looks at attributes disturbs no cache. */
static bool is_stat_open(const struct open *o)
{
	return !(o->access & ~(FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | SEC_STD_SYNCHRONIZE));
}

static struct open *exclusive_holder(struct ofile *f)
{
	struct open *o;

	list_for_each (o, &f->opens, file_node)
		if (is_exclusive(level_of(o)))
			return o;
	return NULL;
}

/* After a level II came or went: must those who change the file look for caches? */
static void update_caches(struct ofile *f)
{
	struct open *o;
	bool any = false;

	list_for_each (o, &f->opens, file_node)
		any |= level_of(o) == SMB2_OPLOCK_LEVEL_II;
	list_for_each (o, &f->opens, file_node)
		atomic_store(&o->oplock.others_cache, any);
	handles_refresh(f, NULL);
}

/* ---- breaks ---- */

static void break_end(struct open *o, uint8_t level)
{
	struct oplock *k = &o->oplock;

	debug_open(LOG_OPLOCK, o, "break is over level=%s", smb2_oplock_name(level));
	atomic_store(&k->breaking, false);
	k->unsent = false;
	pthread_mutex_lock(&breaks.lock);
	list_del(&k->deadline_node);
	pthread_mutex_unlock(&breaks.lock);
	level_set(o, o->file ? level : SMB2_OPLOCK_LEVEL_NONE);
	if (o->file)
		update_caches(o->file);
	while (!list_empty(&k->waiters)) {
		struct request *rq = request_from_waiter(k->waiters.next);

		list_del(&rq->waiters);
		rq->resume_status = NT_STATUS_SUCCESS;
		request_resume(rq);
	}
}

/* Exclusive or batch goes down to `to`. Afterwards o is breaking, or has the level already. */
static void break_begin(struct open *o, uint8_t to)
{
	struct oplock *k = &o->oplock;

	if (!k->level2_ok)
		to = SMB2_OPLOCK_LEVEL_NONE;
	debug_open(LOG_OPLOCK, o, "break from=%s to=%s%s", smb2_oplock_name(level_of(o)),
		   smb2_oplock_name(to),
		   k->told == OPLOCK_TOLD ? "" : " before the client knows of it");
	if (k->told == OPLOCK_UNTOLD) {
		level_set(o, to);
	} else if (k->told == OPLOCK_TOLD && !oplock_notify(o, to)) {
		level_set(o, SMB2_OPLOCK_LEVEL_NONE);
	} else {
		k->unsent = k->told != OPLOCK_TOLD;
		k->break_to = to;
		k->deadline_ns = now_ns() + BREAK_TIMEOUT_NS;
		atomic_store(&k->breaking, true);
		pthread_mutex_lock(&breaks.lock);
		list_add_tail(&k->deadline_node, &breaks.list);
		pthread_mutex_unlock(&breaks.lock);
		return;
	}
	update_caches(o->file);
}

/* All level II oplocks are gone, without a wait (MS-SMB2 3.3.4.6). */
static void break_level2(struct ofile *f)
{
	struct open *o;

	list_for_each (o, &f->opens, file_node) {
		struct oplock *k = &o->oplock;

		if (level_of(o) != SMB2_OPLOCK_LEVEL_II)
			continue;
		debug_open(LOG_OPLOCK, o, "break from=level2 to=none");
		level_set(o, SMB2_OPLOCK_LEVEL_NONE);
		k->break_to = SMB2_OPLOCK_LEVEL_NONE;
		if (k->told == OPLOCK_TOLD)
			(void)oplock_notify(o, SMB2_OPLOCK_LEVEL_NONE);
		else
			k->unsent = k->told == OPLOCK_ANSWERED;
	}
	update_caches(f);
}

void oplock_changed_slow(struct open *o)
{
	pthread_mutex_lock(o->oplock.lock);
	if (o->file)
		break_level2(o->file);
	pthread_mutex_unlock(o->oplock.lock);
}

/* ---- opening and closing ---- */

ntstatus oplock_contend(struct ofile *f, struct open *o, bool overwrite, ntstatus sharing)
{
	struct open *h;

	if (sharing != NT_STATUS_SUCCESS && sharing != NT_STATUS_SHARING_VIOLATION)
		return sharing;
	if (is_stat_open(o) && !overwrite)
		return sharing;
	h = exclusive_holder(f);
	/* Who caches the handle may close it, and then nothing is shared any more. */
	if (h && sharing != NT_STATUS_SUCCESS && level_of(h) != SMB2_OPLOCK_LEVEL_BATCH)
		return sharing;
	if (h) {
		if (!h->oplock.breaking)
			break_begin(h, overwrite ? SMB2_OPLOCK_LEVEL_NONE : SMB2_OPLOCK_LEVEL_II);
		if (h->oplock.breaking) {
			o->oplock.blocker = open_get(h);
			return OFILE_MUST_WAIT;
		}
	}
	if (sharing == NT_STATUS_SUCCESS && overwrite)
		break_level2(f);
	return sharing;
}

struct open *oplock_break_handle(struct ofile *f)
{
	struct open *h = exclusive_holder(f);

	if (!h || level_of(h) != SMB2_OPLOCK_LEVEL_BATCH)
		return NULL;
	if (!h->oplock.breaking)
		break_begin(h, SMB2_OPLOCK_LEVEL_II);
	return h->oplock.breaking ? open_get(h) : NULL;
}

/* Is there nobody else whom an exclusive oplock would lock out? */
static bool is_alone(struct ofile *f, const struct open *o)
{
	struct open *other;

	list_for_each (other, &f->opens, file_node)
		if (other != o && !open_is_gone(other) &&
		    (!is_stat_open(other) || level_of(other) != SMB2_OPLOCK_LEVEL_NONE))
			return false;
	return true;
}

/* Reads from a cache would not meet them. */
static bool has_locks(const struct open *o)
{
	return o->locks && atomic_load(&o->locks->count);
}

void oplock_grant(struct ofile *f, struct open *o)
{
	struct oplock *k = &o->oplock;
	uint8_t level = SMB2_OPLOCK_LEVEL_NONE;

	if (is_exclusive(k->wanted) && is_alone(f, o))
		level = k->wanted;
	else if ((k->wanted == SMB2_OPLOCK_LEVEL_II || is_exclusive(k->wanted)) && k->level2_ok &&
		 !exclusive_holder(f) && !has_locks(o))
		level = SMB2_OPLOCK_LEVEL_II;
	if (k->wanted != SMB2_OPLOCK_LEVEL_NONE)
		debug_open(LOG_OPLOCK, o, "wanted=%s granted=%s", smb2_oplock_name(k->wanted),
			   smb2_oplock_name(level));
	level_set(o, level);
	k->told = OPLOCK_UNTOLD;
	update_caches(f);
}

void oplock_leave(struct ofile *f, struct open *o)
{
	uint8_t level = level_of(o);

	level_set(o, SMB2_OPLOCK_LEVEL_NONE);
	o->oplock.unsent = false;
	if (level == SMB2_OPLOCK_LEVEL_II)
		update_caches(f);
}

void oplock_finish(struct open *o)
{
	if (!atomic_load(&o->oplock.breaking)) /* none begins any more */
		return;
	oplock_lost(o);
}

uint8_t oplock_answer(struct open *o)
{
	struct oplock *k = &o->oplock;
	uint8_t level;

	pthread_mutex_lock(k->lock);
	level = level_of(o);
	if (level != SMB2_OPLOCK_LEVEL_NONE)
		k->told = OPLOCK_ANSWERED;
	pthread_mutex_unlock(k->lock);
	return level;
}

void oplock_told(struct open *o)
{
	struct oplock *k = &o->oplock;

	pthread_mutex_lock(k->lock);
	k->told = OPLOCK_TOLD;
	if (k->unsent && o->file && !oplock_notify(o, k->break_to) && k->breaking)
		break_end(o, SMB2_OPLOCK_LEVEL_NONE);
	k->unsent = false;
	pthread_mutex_unlock(k->lock);
	open_put(o);
}

/* ---- the end of a break ---- */

ntstatus oplock_acknowledge(struct open *o, uint8_t level)
{
	struct oplock *k = &o->oplock;
	ntstatus status = NT_STATUS_INVALID_OPLOCK_PROTOCOL;

	if (level == SMB2_OPLOCK_LEVEL_LEASE)
		return NT_STATUS_INVALID_PARAMETER;
	if (!k->lock) /* a pipe */
		return status;
	debug_open(LOG_OPLOCK, o, "acknowledged level=%s", smb2_oplock_name(level));
	pthread_mutex_lock(k->lock);
	if (k->breaking) {
		if (level <= k->break_to)
			status = NT_STATUS_SUCCESS;
		else
			level = SMB2_OPLOCK_LEVEL_NONE; /* and the oplock is gone all the same */
		break_end(o, level);
	}
	pthread_mutex_unlock(k->lock);
	return status;
}

void oplock_lost(struct open *o)
{
	struct oplock *k = &o->oplock;

	pthread_mutex_lock(k->lock);
	if (k->breaking)
		break_end(o, SMB2_OPLOCK_LEVEL_NONE);
	pthread_mutex_unlock(k->lock);
}

bool oplock_wait(struct open *o, struct request *rq)
{
	bool wait;

	pthread_mutex_lock(o->oplock.lock);
	wait = o->oplock.breaking;
	if (wait)
		list_add_tail(&rq->waiters, &o->oplock.waiters);
	pthread_mutex_unlock(o->oplock.lock);
	return wait;
}

bool oplock_wait_cancel(struct open *o, struct request *rq)
{
	bool mine;

	pthread_mutex_lock(o->oplock.lock);
	mine = !list_empty(&rq->waiters);
	if (mine)
		list_del(&rq->waiters);
	pthread_mutex_unlock(o->oplock.lock);
	return mine;
}

/* The oldest break that is overdue, with a reference. An open on the list has not been freed. */
static struct open *overdue(uint64_t now)
{
	struct open *o = NULL;

	pthread_mutex_lock(&breaks.lock);
	if (!list_empty(&breaks.list)) {
		o = list_first(&breaks.list, struct open, oplock.deadline_node);
		if (o->oplock.deadline_ns <= now)
			list_del(&open_get(o)->oplock.deadline_node);
		else
			o = NULL;
	}
	pthread_mutex_unlock(&breaks.lock);
	return o;
}

void oplock_tick(uint64_t now)
{
	struct open *o;

	while ((o = overdue(now))) {
		pthread_mutex_lock(o->oplock.lock);
		if (o->oplock.breaking && o->oplock.deadline_ns <= now) { /* still that one */
			log_info("an oplock break was not acknowledged in time");
			debug_open(LOG_OPLOCK, o, "break was not acknowledged in time");
			break_end(o, SMB2_OPLOCK_LEVEL_NONE);
		}
		pthread_mutex_unlock(o->oplock.lock);
		open_put(o);
	}
}
