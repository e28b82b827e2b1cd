// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wait_local.c - a CREATE that waits for a local program: it has a lease of the kernel's on the
 * file, as `cp` of a backup may, and our open has asked it to give it up. (So it is with a lease of
 * our own, that of another client or of this one, see state/local_lease.c.)
 *
 * The kernel tells nobody when it is gone: the CREATE is tried again a few times a second, from the
 * start, as after the end of an oplock break (wait_break.c).
 */
#include "smb2/smb2.h"
#include "state/local.h"

/* A reference each: the request's, in request.priv, and the thread's. */
struct local_wait {
	struct local_poll poll;
	_Atomic unsigned int refs;
	_Atomic bool resumed; /* who sets it resumes */
	struct request *rq;
	uint64_t from_ns;
};

static void put(struct local_wait *w)
{
	if (atomic_fetch_sub(&w->refs, 1) == 1)
		free(w);
}

static void resume(struct local_wait *w, ntstatus status)
{
	if (atomic_exchange(&w->resumed, true))
		return;
	w->rq->resume_status = status;
	request_resume(w->rq);
}

/* The thread: not in the round in which it was added. */
static bool ask(struct local_poll *p)
{
	struct local_wait *w = container_of(p, struct local_wait, poll);

	if (!atomic_load(&w->resumed) && now_ns() < w->from_ns)
		return true;
	resume(w, NT_STATUS_SUCCESS);
	put(w);
	return false;
}

/* Reactor. */
static void cancel(struct request *rq)
{
	resume(rq->priv, NT_STATUS_CANCELLED);
}

/* Reactor. */
static ntstatus resumed(struct request *rq)
{
	put(rq->priv);
	rq->priv = NULL;
	rq->resume = NULL;
	rq->cancel = NULL;
	if (rq->resume_status == NT_STATUS_SUCCESS)
		return REQ_WORKER;
	rq->chain_fid_status = rq->resume_status;
	return rq->resume_status;
}

/* Reactor. */
static ntstatus begin(struct request *rq)
{
	struct local_wait *w;

	rq->chain_fid_status = NT_STATUS_INSUFFICIENT_RESOURCES;
	if (wait_too_many(rq))
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	if (!request_go_async(rq))
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	w = rq->conn->closing ? NULL : zalloc(sizeof(*w));
	if (!w) {
		request_unwait(rq);
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	}
	atomic_init(&w->refs, 2);
	w->rq = rq;
	w->poll.fn = ask;
	w->from_ns = now_ns() + LOCAL_POLL_NS / 2;
	rq->priv = w;
	rq->resume = resumed;
	rq->cancel = cancel;
	local_poll_add(&w->poll);
	return REQ_ASYNC;
}

ntstatus wait_for_local(struct request *rq)
{
	if (!rq->on_worker)
		return REQ_WORKER;
	request_to_reactor(rq, begin);
	return REQ_ASYNC;
}
