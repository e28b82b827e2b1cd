// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_lock.c - LOCK (MS-SMB2 2.2.26, 2.2.27, 3.3.5.14). The flags of the first element decide
 * whether the request unlocks, one element after the other, or locks, all elements or none.
 */
#include "kernel/handles.h"
#include "core/debug.h"
#include "smb2/smb2.h"

#define LOCK_ELEMENT 24

#define LOCK_SHARED	      0x00000001u
#define LOCK_EXCLUSIVE	      0x00000002u
#define LOCK_UNLOCK	      0x00000004u
#define LOCK_FAIL_IMMEDIATELY 0x00000010u

struct lock_req {
	unsigned int count;
	uint32_t sequence; /* index << 4 | number */
	struct smb2_rd elements;
};

/* A LOCK that waits: request.priv. */
struct waiting {
	struct lock_wait wait;
	struct request *rq;
	uint32_t sequence;
};

static bool parse(const struct request *rq, struct lock_req *q)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len);

	rd_skip(&r, SMB2_HDR_SIZE + 2);
	q->count = rd_le16(&r);
	q->sequence = rd_le32(&r);
	rd_skip(&r, 16);
	q->elements = rd_sub(&r, r.off, (uint64_t)q->count * LOCK_ELEMENT);
	return rd_ok(&r) && q->count;
}

static uint32_t next_element(struct smb2_rd *r, struct lock_range *range)
{
	uint32_t flags;

	range->start = rd_le64(r);
	range->length = rd_le64(r);
	flags = rd_le32(r);
	rd_skip(r, 4);
	range->exclusive = flags & LOCK_EXCLUSIVE;
	return flags;
}

/* ---- replays of 3.x clients, MS-SMB2 3.3.5.14 ---- */

/* NULL: there is nothing to compare with. */
static _Atomic uint8_t *sequence_slot(const struct request *rq, uint32_t sequence)
{
	const struct conn_state *st = &rq->conn->st;
	uint32_t index = sequence >> 4;

	if (st->dialect < SMB2_DIALECT_300 || !(st->server_caps & SMB2_GLOBAL_CAP_MULTI_CHANNEL))
		return NULL;
	return index && index <= OPEN_LOCK_SEQUENCES ? &rq->open->lock_sequence[index - 1] : NULL;
}

static bool is_replay(const struct request *rq, uint32_t sequence)
{
	_Atomic uint8_t *slot = sequence_slot(rq, sequence);

	if (!slot)
		return false;
	if (atomic_load(slot) == (sequence & 15) + 1)
		return true;
	atomic_store(slot, 0);
	return false;
}

/* ---- the answer ---- */

static ntstatus reply(struct request *rq, uint32_t sequence)
{
	_Atomic uint8_t *slot = sequence_slot(rq, sequence);
	struct smb2_wr *w = reply_begin(rq, 4);

	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	if (slot)
		atomic_store(slot, (uint8_t)((sequence & 15) + 1));
	wr_le16(w, 4);
	wr_le16(w, 0);
	return NT_STATUS_SUCCESS;
}

/* The lock is held: who caches reads must know (MS-FSA 2.1.4.12), the holder of the lock too. */
static ntstatus reply_locked(struct request *rq, uint32_t sequence)
{
	oplock_changed(rq->open);
	return reply(rq, sequence);
}

/* ---- waiting ---- */

static void granted(struct lock_wait *w, ntstatus status)
{
	struct request *rq = container_of(w, struct waiting, wait)->rq;

	debug_open(LOG_OPLOCK, w->open, "lock wait ends status=%s", nt_name(status));
	rq->resume_status = status;
	request_resume(rq);
}

/* Reactor */
static void cancel(struct request *rq)
{
	struct waiting *w = rq->priv;

	if (!lock_wait_cancel(&w->wait))
		return;
	handles_update(rq->open);
	granted(&w->wait, NT_STATUS_CANCELLED);
}

/* Reactor */
static ntstatus resume(struct request *rq)
{
	_cleanup_free_ struct waiting *w = steal_ptr(&rq->priv);
	ntstatus status = rq->resume_status;

	return status == NT_STATUS_SUCCESS ? reply_locked(rq, w->sequence) : status;
}

static ntstatus wait_for(struct request *rq, const struct lock_req *q, const struct lock_range *r)
{
	struct waiting *w;
	ntstatus status = wait_begin(rq, smb2_lock);

	if (status != NT_STATUS_SUCCESS)
		return status;
	w = zalloc(sizeof(*w));
	if (!w)
		return wait_undo(rq, NT_STATUS_INSUFFICIENT_RESOURCES);
	w->rq = rq;
	w->sequence = q->sequence;
	w->wait.done = granted;
	rq->priv = w;
	rq->resume = resume;
	rq->cancel = cancel;
	debug_request(LOG_OPLOCK, rq, "handle=%llx lock waits start=%llu length=%llu exclusive=%d",
		      (unsigned long long)rq->open->vol, (unsigned long long)r->start,
		      (unsigned long long)r->length, r->exclusive);
	status = lock_wait(&w->wait, rq->open, r);
	if (status == NT_STATUS_PENDING)
		return REQ_ASYNC;
	free(steal_ptr(&rq->priv));
	return wait_undo(rq, status == NT_STATUS_SUCCESS ? reply_locked(rq, q->sequence) : status);
}

/* ---- locking and unlocking ---- */

/* 3.3.5.14.1: what was unlocked stays so, whatever comes behind it. */
static ntstatus unlock(struct request *rq, struct lock_req *q)
{
	ntstatus status = NT_STATUS_SUCCESS;
	struct lock_range r;

	for (unsigned int i = 0; i < q->count && status == NT_STATUS_SUCCESS; i++) {
		if (next_element(&q->elements, &r) == LOCK_UNLOCK)
			status = lock_drop(rq->open, r.start, r.length);
		else
			status = NT_STATUS_INVALID_PARAMETER;
	}
	handles_update(rq->open);
	return status == NT_STATUS_SUCCESS ? reply(rq, q->sequence) : status;
}

/* 3.3.5.14.2 */
static ntstatus lock(struct request *rq, struct lock_req *q)
{
	_cleanup_free_ struct lock_range *ranges = malloc(q->count * sizeof(*ranges));
	struct open *o = rq->open;
	bool may_wait = false;
	ntstatus status;

	if (!ranges)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	for (unsigned int i = 0; i < q->count; i++) {
		uint32_t flags = next_element(&q->elements, &ranges[i]);
		uint32_t kind = flags & ~LOCK_FAIL_IMMEDIATELY;

		if (kind != LOCK_SHARED && kind != LOCK_EXCLUSIVE)
			return NT_STATUS_INVALID_PARAMETER;
		may_wait |= !(flags & LOCK_FAIL_IMMEDIATELY);
	}
	if (may_wait && q->count > 1)
		return NT_STATUS_INVALID_PARAMETER;
	if (!handles_lock_begin(o, rq->on_worker))
		return REQ_WORKER;
	open_get(o); /* a request that waits is not ours any more */
	status = lock_take(o, ranges, q->count);
	if (status == NT_STATUS_LOCK_NOT_GRANTED && may_wait)
		status = wait_for(rq, q, ranges);
	else if (status == NT_STATUS_SUCCESS)
		status = reply_locked(rq, q->sequence);
	handles_lock_end(o);
	open_put(o);
	return status;
}

static ntstatus check(const struct open *o)
{
	if (o->kind == OPEN_DIR)
		return NT_STATUS_INVALID_PARAMETER; /* MS-FSA 2.1.5.8 */
	if (!o->locks)
		return NT_STATUS_INVALID_DEVICE_REQUEST;
	if (!(o->access & (FILE_READ_DATA | FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_EXECUTE)))
		return NT_STATUS_ACCESS_DENIED;
	return NT_STATUS_SUCCESS;
}

ntstatus smb2_lock(struct request *rq)
{
	struct lock_range first;
	struct lock_req q;
	struct smb2_rd peek;
	ntstatus status;

	if (!parse(rq, &q)) {
		stats_bad(BAD_parameter);
		return NT_STATUS_INVALID_PARAMETER;
	}
	status = check(rq->open);
	if (status != NT_STATUS_SUCCESS)
		return status;
	if (is_replay(rq, q.sequence))
		return reply(rq, q.sequence);
	peek = q.elements;
	return next_element(&peek, &first) == LOCK_UNLOCK ? unlock(rq, &q) : lock(rq, &q);
}
