// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wait_break.c - a CREATE or rename that waits for the end of an oplock break (MS-SMB2 3.3.5.9,
 * 3.3.4.2).
 *
 * What the attempt did was undone; nothing of it is kept but the request, and a reference to the
 * lease or oplock that is in the way. The interim response goes out on the reactor, and only then
 * the request is where the end of the break, or a CANCEL, finds it. If the break is over by then,
 * there is nothing to wait for. Not only at the end of a compound: this is the one that Windows
 * lets wait anywhere, <MS-SMB2 3.3.5.2.7.2>.
 */
#include "smb2/smb2.h"
#include "state/lease.h"
#include "state/replay.h"

/* Reactor. */
static ntstatus over(struct request *rq, ntstatus status)
{
	if (status == NT_STATUS_CANCELLED && rq->conn->closing && rq->create &&
	    rq->session->nchannels > 1)
		replay_orphan(rq, rq->priv);
	lease_put(rq->priv);
	rq->priv = NULL;
	rq->resume = NULL;
	rq->cancel = NULL;
	if (status == NT_STATUS_SUCCESS)
		return REQ_WORKER;
	rq->chain_fid_status = status;
	return status;
}

static ntstatus resumed(struct request *rq)
{
	return over(rq, rq->resume_status);
}

static void cancel(struct request *rq)
{
	if (!lease_wait_cancel(rq->priv, rq))
		return;
	rq->resume_status = NT_STATUS_CANCELLED;
	request_resume(rq);
}

/* Reactor. */
static ntstatus begin(struct request *rq)
{
	bool closing;

	if (wait_too_many(rq))
		return over(rq, NT_STATUS_INSUFFICIENT_RESOURCES);
	if (!request_go_async(rq))
		return over(rq, NT_STATUS_INSUFFICIENT_RESOURCES);
	closing = rq->conn->closing;
	rq->resume = resumed;
	rq->cancel = cancel;
	if (!closing && lease_wait(rq->priv, rq))
		return REQ_ASYNC;
	request_unwait(rq);
	return over(rq, closing ? NT_STATUS_CANCELLED : NT_STATUS_SUCCESS);
}

ntstatus wait_for_break(struct request *rq, struct lease *blocker)
{
	if (!rq->on_worker) {
		lease_put(blocker);
		return REQ_WORKER; /* to find out there whether there still is somebody to wait for
				    */
	}
	rq->priv = blocker;
	request_to_reactor(rq, begin);
	return REQ_ASYNC;
}
