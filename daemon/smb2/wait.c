// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wait.c - requests that wait on an open (MS-SMB2 3.3.4.2). Who takes a request off open.waiting,
 * under open.lock, resumes it: data that came, a CANCEL, or the end of the open; never two of them.
 */
#include "smb2/smb2.h"

#define ASYNC_MAX \
	512 /* waiting requests of one connection, 3.3.5.2.1: as Samba and Windows bound it */

/* Of one session, which may have as many connections as CHANNELS_MAX says. */
#define SESSION_ASYNC_MAX 2048

/* Reactor, or conn_close() on it. */
static void cancel(struct request *rq)
{
	bool mine;

	pthread_mutex_lock(&rq->open->lock);
	mine = !list_empty(&rq->waiters);
	if (mine)
		list_del(&rq->waiters);
	pthread_mutex_unlock(&rq->open->lock);
	if (mine) {
		rq->resume_status = NT_STATUS_CANCELLED;
		request_resume(rq);
	}
}

bool wait_too_many(const struct request *rq)
{
	if (rq->elements[rq->cur].async) /* it is counted */
		return false;
	return rq->conn->nasync >= ASYNC_MAX ||
	       (rq->session && atomic_load(&rq->session->nwaiting) >= SESSION_ASYNC_MAX);
}

ntstatus wait_begin(struct request *rq, ntstatus (*resume)(struct request *rq))
{
	if (rq->on_worker) { /* behind a worker's command in a compound: over there first */
		rq->resume = resume;
		rq->resume_status = NT_STATUS_SUCCESS;
		request_resume(rq);
		return REQ_ASYNC;
	}
	if (wait_too_many(rq))
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	/* In the middle of a compound nothing waits: as Windows, <MS-SMB2 3.3.5.2.7.2>. */
	if (rq->cur + 1 < rq->n)
		return NT_STATUS_INTERNAL_ERROR;
	/* May end the connection, which cancels what waits: no lock is held here. */
	if (!request_go_async(rq))
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	if (rq->conn->closing)
		return wait_undo(rq, NT_STATUS_CANCELLED);
	return NT_STATUS_SUCCESS;
}

ntstatus wait_undo(struct request *rq, ntstatus status)
{
	request_unwait(rq);
	return status;
}

ntstatus open_wait(struct request *rq, bool (*ready)(struct request *rq),
		   ntstatus (*resume)(struct request *rq))
{
	struct open *o = rq->open;
	ntstatus status = wait_begin(rq, resume);

	if (status != NT_STATUS_SUCCESS)
		return status;
	pthread_mutex_lock(&o->lock);
	if (o->closing) {
		status = NT_STATUS_FILE_CLOSED;
	} else if (!ready || !ready(rq)) {
		status = REQ_ASYNC;
		rq->resume = resume;
		rq->cancel = cancel;
		rq->resume_status = NT_STATUS_SUCCESS;
		list_add_tail(&rq->waiters, &o->waiting);
	}
	pthread_mutex_unlock(&o->lock);
	return status == REQ_ASYNC ? status : wait_undo(rq, status);
}

/* A request that finds nothing comes back to the list only after the lock is free again. */
static void wake(struct open *o, ntstatus status, bool closing)
{
	pthread_mutex_lock(&o->lock);
	o->closing |= closing;
	while (!list_empty(&o->waiting)) {
		struct request *rq = request_from_waiter(o->waiting.next);

		list_del(&rq->waiters);
		rq->resume_status = status;
		request_resume(rq);
	}
	pthread_mutex_unlock(&o->lock);
}

void open_wake_waiting(struct open *o, ntstatus status)
{
	wake(o, status, false);
}

void open_cancel_waiting(struct open *o, ntstatus status)
{
	wake(o, status, true);
}
