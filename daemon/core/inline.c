// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inline.c - commands of workers that a reactor runs itself, because a hop to a worker and back
 * costs more than they do: on shares whose calls are over in microseconds (vfs_share_is_quick()),
 * while the reactor has not been busy with what came in together for long.
 *
 * The handler runs between vfs_quick_begin() and _end(). What would take long is put off there; the
 * handler then fails, has changed nothing, and is run again on a worker.
 */
#include "core/request.h"
#include "kernel/handles.h"
#include "state/state.h"
#include "vfs/vfs.h"

/* So long after their arrival, what is left of requests that came together is for workers. */
#define BATCH_NS 1000000ull

static bool is_candidate(const struct request *rq)
{
	switch (rq->hdr.command) {
	case SMB2_CREATE:
	case SMB2_CLOSE:
	case SMB2_QUERY_INFO:
	case SMB2_SET_INFO:
		break;
	default:
		return false;
	}
	/* Does not overtake what its connection has with a worker: clients count on that order. */
	if (rq->conn->nrequests - rq->conn->nasync > 1)
		return false;
	/* The module is waited for where it has something in flight on a file. */
	return !handles_any() && !rq->resume && rq->tree && rq->tree->vfs && !rq->was_on_worker;
}

bool request_inline_begin(struct request *rq)
{
	const struct tree *t = rq->tree;

	if (!is_candidate(rq))
		return false;
	/* A file system that is mounted below the share's own. */
	if (rq->open && rq->open->file_dev != t->vfs->dev)
		return false;
	rq->inline_ns = now_ns();
	if (rq->inline_ns - rq->start_ns > BATCH_NS || !vfs_share_is_quick(t->vfs, rq->inline_ns))
		return false;
	/* Root keeps rights that a thread that moves data must not have: identity_io_thread(). */
	if (!t->identity || !t->identity->uid || identity_become(t->identity) < 0)
		return false;
	vfs_quick_begin();
	return true;
}

ntstatus request_inline_end(struct request *rq, ntstatus status)
{
	bool later = vfs_quick_end();

	vfs_share_took(rq->tree->vfs, rq->inline_ns, now_ns());
	return later && nt_is_error(status) ? (ntstatus)REQ_WORKER : status;
}
