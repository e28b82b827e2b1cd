// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oplock.c - who has to stop caching a file, and how he is told (MS-SMB2 3.3.4.6, 3.3.4.7,
 * 3.3.5.22, MS-FSA 2.1.4.12), for leases and oplocks alike; state/lease.h has the objects.
 *
 * A break from W or H awaits an answer. A CREATE that is in its way does not join but waits on the
 * lease, and is tried again when the client acknowledges, closes, goes away, or is silent for too
 * long. Who had R alone is told that it is gone, and nobody waits. While one is breaking, further
 * conflicts only lower its goal: the client gets there by one more break after each answer.
 */
#include "core/debug.h"
#include "state/durable.h"
#include "state/lease.h"

#define BREAK_TIMEOUT_NS 36000000000ull /* more than 35 s, which Windows and Samba wait */

#define R SMB2_LEASE_READ_CACHING
#define W SMB2_LEASE_WRITE_CACHING
#define H SMB2_LEASE_HANDLE_CACHING

/* Breaks under way, the oldest first. Taken inside a bucket's lock. */
static struct {
	pthread_mutex_t lock;
	struct list_head list; /* lease.deadline_node */
} breaks = { PTHREAD_MUTEX_INITIALIZER, { &breaks.list, &breaks.list } };

/* Of some open in it, for who reads the log. */
#define debug_lease(l, fmt, ...)                                                                  \
	do {                                                                                      \
		if (!list_empty(&(l)->opens))                                                     \
			debug_open(LOG_OPLOCK, list_first(&(l)->opens, struct open, oplock.node), \
				   fmt, ##__VA_ARGS__);                                           \
	} while (0)

/* ---- the end of a break ---- */

static void deadline_set(struct lease *l, bool on)
{
	pthread_mutex_lock(&breaks.lock);
	list_del(&l->deadline_node);
	if (on) {
		l->deadline_ns = now_ns() + BREAK_TIMEOUT_NS;
		list_add_tail(&l->deadline_node, &breaks.list);
	}
	pthread_mutex_unlock(&breaks.lock);
	if (on)
		ticks_want();
}

static void wake(struct lease *l)
{
	while (!list_empty(&l->waiters)) {
		struct request *rq = request_from_waiter(l->waiters.next);

		list_del(&rq->waiters);
		rq->resume_status = NT_STATUS_SUCCESS;
		request_resume(rq);
	}
}

static void break_end(struct lease *l, uint8_t state)
{
	debug_lease(l, "break is over state=%s", smb2_lease_name(state));
	atomic_store(&l->breaking, false);
	l->unsent = false;
	deadline_set(l, false);
	lease_set_state(l, l->file ? state : 0);
	wake(l);
}

/* ---- telling ---- */

/*
 * What the client left behind cannot keep what it cached (3.3.4.6, 3.3.4.7), and goes. How many
 * these are.
 */
static unsigned int purge_kept(struct lease *l)
{
	struct open *o, *next;
	unsigned int kept = 0;

	list_for_each_safe (o, next, &l->opens, oplock.node)
		if (atomic_load(&o->disconnected)) {
			durable_purge(o);
			kept++;
		}
	return kept;
}

/* The client is not there, or silent. Where only kept opens are in it, the break ends with them. */
static void nobody_told(struct lease *l)
{
	unsigned int kept = purge_kept(l);

	if (!kept || kept < l->nopens)
		break_end(l, 0);
}

/*
 * Is the session of an open on its end, or without a channel, so that it will be? That closes it,
 * and the break with it. Who waits is better alone with the file than beside what only seems to be
 * open.
 */
static bool is_ending(const struct lease *l)
{
	struct open *o;

	list_for_each (o, &l->opens, oplock.node) {
		const struct session *s = o->session;

		if (!atomic_load(&o->disconnected) && s &&
		    (atomic_load(&s->state) == SESSION_GONE || !atomic_load(&s->nchannels)))
			return true;
	}
	return false;
}

static void tell(struct lease *l)
{
	l->unsent = l->answered;
	if (!l->unsent && !lease_notify(l) && l->breaking && !is_ending(l))
		nobody_told(l);
}

void lease_send_unsent(struct lease *l)
{
	if (l->unsent && !l->answered)
		tell(l);
}

/* The next step of a break, or the only one. */
static void step(struct lease *l, uint8_t to)
{
	l->told = (struct lease_break) { l->epoch, l->state, to, l->state & (W | H) };
	debug_lease(l, "break from=%s to=%s%s", smb2_lease_name(l->state), smb2_lease_name(to),
		    l->answered ? " after the answer" : "");
	l->break_to = to;
	if (l->told.ack) {
		atomic_store(&l->breaking, true);
		deadline_set(l, true);
		lease_account(l);
	} else {
		lease_set_state(l, to);
	}
	tell(l);
}

void lease_break(struct lease *l, uint8_t to)
{
	to &= l->state;
	if (!(to & W) && !l->level2_ok)
		to = 0;
	if (!l->version && to != l->state) /* oplocks come down to level II or to none */
		to &= R;
	if (l->breaking) {
		l->break_goal &= to;
		lease_account(l);
	} else if (to == l->state) {
		return;
	} else if (!l->ntold && !l->answered) { /* nobody has heard of it */
		lease_set_state(l, to);
	} else {
		l->epoch++;
		l->break_goal = to;
		step(l, to);
	}
}

/* ---- conflicts ---- */

/* MS-FSA 2.1.4.12; Windows does not break leases for those who only read the descriptor either. */
static bool ignores_leases(const struct open *o)
{
	return !(o->access & ~(FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | SEC_STD_SYNCHRONIZE |
			       SEC_STD_READ_CONTROL));
}

ntstatus oplock_contend(struct ofile *f, struct open *o, bool overwrite, ntstatus sharing)
{
	/* Who caches the handle may close it, and then nothing is shared any more. */
	uint8_t mask = sharing == NT_STATUS_SUCCESS ? W : H, from, to;
	bool waited = o->oplock.want && o->oplock.want->waited;
	struct lease *l, *next, *blocker = NULL;

	if (sharing != NT_STATUS_SUCCESS && sharing != NT_STATUS_SHARING_VIOLATION)
		return sharing;
	if (open_is_stat(o) && !overwrite)
		return sharing;
	list_for_each_safe (l, next, &f->leases, node) {
		from = l->state;
		if (mask == W && !overwrite && !(from & W) && !l->breaking)
			break; /* those in the way come first */
		if (lease_is(l, o->oplock.want) || (l->version && !overwrite && ignores_leases(o)))
			continue;
		to = overwrite && (mask == W || from & H) ? 0 : from & ~mask;
		if (to != from)
			lease_break(l, to);
		/* Who overwrites does not wait for H to go, unless he waits anyway, as Windows. */
		if (!blocker && l->breaking && (to == from || from & mask || waited))
			blocker = l;
	}
	if (!blocker)
		return sharing;
	o->oplock.blocker = lease_get(blocker);
	return OFILE_MUST_WAIT;
}

struct lease *oplock_break_handle(struct ofile *f, const struct open *by)
{
	struct lease *l, *next, *blocker = NULL;

	if (!f->caching.handles)
		return NULL;
	list_for_each_safe (l, next, &f->leases, node) {
		if ((by && l == by->oplock.lease) || !(l->state & H))
			continue;
		lease_break(l, l->state & ~H);
		if (!blocker && l->breaking)
			blocker = lease_get(l);
	}
	return blocker;
}

void oplock_changed_slow(struct open *o)
{
	const struct lease *own = o->oplock.lease;
	struct lease *l, *next;

	pthread_mutex_lock(o->oplock.lock);
	if (o->file && !(own && own->state & W))
		list_for_each_safe (l, next, &o->file->leases, node)
			if (l->state & R && !(l == own && own->version))
				lease_break(l, 0);
	pthread_mutex_unlock(o->oplock.lock);
}

/* ---- the answer of CREATE ---- */

static uint8_t oplock_level(const struct lease *l)
{
	if (l->version)
		return SMB2_OPLOCK_LEVEL_LEASE;
	if (l->state & W)
		return l->state & H ? SMB2_OPLOCK_LEVEL_BATCH : SMB2_OPLOCK_LEVEL_EXCLUSIVE;
	return l->state & R ? SMB2_OPLOCK_LEVEL_II : SMB2_OPLOCK_LEVEL_NONE;
}

uint8_t oplock_answer(struct open *o, struct lease_answer *a)
{
	struct lease *l = o->oplock.lease;
	uint8_t level;

	memset(a, 0, sizeof(*a));
	if (!l)
		return SMB2_OPLOCK_LEVEL_NONE;
	pthread_mutex_lock(l->lock);
	level = oplock_level(l);
	a->version = l->version;
	a->state = l->state;
	a->flags = (l->breaking ? SMB2_LEASE_FLAG_BREAK_IN_PROGRESS : 0) |
		   (l->has_parent_key ? SMB2_LEASE_FLAG_PARENT_LEASE_KEY : 0);
	memcpy(a->key, l->key, sizeof(a->key));
	memcpy(a->parent_key, l->parent_key, sizeof(a->parent_key));
	a->epoch = l->epoch;
	if (o->file && level != SMB2_OPLOCK_LEVEL_NONE && o->oplock.told != OPLOCK_ANSWERED) {
		l->ntold -= o->oplock.told == OPLOCK_TOLD; /* a durable one's, answered again */
		o->oplock.told = OPLOCK_ANSWERED;
		l->answered++;
	}
	pthread_mutex_unlock(l->lock);
	return level;
}

void oplock_told(struct open *o)
{
	struct lease *l = o->oplock.lease;

	pthread_mutex_lock(l->lock);
	if (o->oplock.told == OPLOCK_ANSWERED) {
		o->oplock.told = OPLOCK_TOLD;
		l->answered--;
		l->ntold++;
		lease_send_unsent(l);
	}
	pthread_mutex_unlock(l->lock);
	open_put(o);
}

/* ---- acknowledgements, and other ends ---- */

/* It may have to come down further, as Windows does it: not from W or H past R. */
static void acknowledged(struct lease *l, uint8_t state)
{
	uint8_t to;

	debug_lease(l, "acknowledged state=%s", smb2_lease_name(state));
	/* Without a file: the last open has left, and oplock_finish() is about to come. */
	if (!l->file || !(state & ~l->break_goal)) {
		break_end(l, state);
		return;
	}
	to = (l->break_goal | (state & (W | H) ? R : 0)) & state;
	lease_set_state(l, state);
	if (state & (W | H)) {
		step(l, to);
		wake(l); /* some may go on, the others wait again */
		return;
	}
	atomic_store(&l->breaking, false);
	deadline_set(l, false);
	step(l, to);
	wake(l);
}

ntstatus lease_acknowledge(const uint8_t client[16], const uint8_t key[LEASE_KEY_SIZE],
			   uint32_t state)
{
	struct lease *l = lease_find(client, key);
	ntstatus status = NT_STATUS_SUCCESS;

	if (!l)
		return NT_STATUS_OBJECT_NAME_NOT_FOUND;
	pthread_mutex_lock(l->lock);
	if (!l->breaking)
		status = NT_STATUS_UNSUCCESSFUL;
	else if (state & ~(uint32_t)l->break_to)
		status = NT_STATUS_REQUEST_NOT_ACCEPTED;
	else
		acknowledged(l, (uint8_t)state);
	pthread_mutex_unlock(l->lock);
	lease_put(l);
	return status;
}

ntstatus oplock_acknowledge(struct open *o, uint8_t level)
{
	uint8_t state = level == SMB2_OPLOCK_LEVEL_NONE ? 0 : level == SMB2_OPLOCK_LEVEL_II ? R : W;
	ntstatus status = NT_STATUS_INVALID_OPLOCK_PROTOCOL;
	struct lease *l = o->oplock.lease;

	if (level == SMB2_OPLOCK_LEVEL_LEASE)
		return NT_STATUS_INVALID_PARAMETER;
	if (!l || l->version)
		return status;
	pthread_mutex_lock(l->lock);
	if (l->breaking) {
		if (!(state & ~l->break_to))
			status = NT_STATUS_SUCCESS;
		else
			state = 0; /* and the oplock is gone all the same */
		acknowledged(l, state);
	}
	pthread_mutex_unlock(l->lock);
	return status;
}

void lease_lost(struct lease *l)
{
	pthread_mutex_lock(l->lock);
	/* What has a session is closed with that soon, and the break is over then. */
	if (l->breaking)
		(void)purge_kept(l);
	pthread_mutex_unlock(l->lock);
}

void oplock_finish(struct open *o)
{
	struct lease *l = o->oplock.lease;

	removal_end(o);
	if (!l || !atomic_load(&l->breaking)) /* none begins any more */
		return;
	pthread_mutex_lock(l->lock);
	if (l->breaking && !l->nopens)
		break_end(l, 0);
	else
		wake(l); /* the conflict may have been with this open */
	pthread_mutex_unlock(l->lock);
}

bool lease_wait(struct lease *l, struct request *rq)
{
	bool wait;

	pthread_mutex_lock(l->lock);
	wait = l->breaking;
	if (wait)
		list_add_tail(&rq->waiters, &l->waiters);
	pthread_mutex_unlock(l->lock);
	return wait;
}

bool lease_wait_cancel(struct lease *l, struct request *rq)
{
	bool mine;

	pthread_mutex_lock(l->lock);
	mine = !list_empty(&rq->waiters);
	if (mine)
		list_del(&rq->waiters);
	pthread_mutex_unlock(l->lock);
	return mine;
}

/* The oldest break that is overdue, with a reference: one on the list has not been freed. */
static struct lease *overdue(uint64_t now)
{
	struct lease *l = NULL;

	pthread_mutex_lock(&breaks.lock);
	if (!list_empty(&breaks.list)) {
		l = list_first(&breaks.list, struct lease, deadline_node);
		if (l->deadline_ns <= now)
			list_del(&lease_get(l)->deadline_node);
		else
			l = NULL;
	}
	pthread_mutex_unlock(&breaks.lock);
	return l;
}

bool oplock_tick(uint64_t now)
{
	struct lease *l;
	bool more;

	while ((l = overdue(now))) {
		pthread_mutex_lock(l->lock);
		if (l->breaking && l->deadline_ns <= now) { /* still that one */
			log_info("an oplock or lease break was not acknowledged in time");
			debug_lease(l, "break was not acknowledged in time");
			nobody_told(l);
		}
		pthread_mutex_unlock(l->lock);
		lease_put(l);
	}
	pthread_mutex_lock(&breaks.lock);
	more = !list_empty(&breaks.list);
	pthread_mutex_unlock(&breaks.lock);
	return more;
}
