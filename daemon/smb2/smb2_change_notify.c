// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_change_notify.c - CHANGE_NOTIFY (MS-SMB2 2.2.35, 2.2.36, 3.3.5.19). What happens to files
 * is kept in state/notify.c; this takes it from there, at once or when it comes.
 */
#include "kernel/bpf_link.h"
#include "smb2/smb2.h"
#include "state/notify.h"

#define SMB2_WATCH_TREE 0x0001u

struct notify_req {
	bool subtree;
	uint32_t max, filter;
};

static bool parse(const struct request *rq, struct notify_req *q)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len);

	rd_skip(&r, SMB2_HDR_SIZE + 2);
	q->subtree = rd_le16(&r) & SMB2_WATCH_TREE;
	q->max = rd_le32(&r);
	(void)rd_fid(&r);
	q->filter = rd_le32(&r);
	return rd_ok(&r);
}

/* ---- the answer ---- */

/* NOTIFY_CLEANUP and NOTIFY_ENUM_DIR have the same body, with nothing in it (3.3.4.4). */
static ntstatus reply(struct request *rq, ntstatus status, const struct notify_events *ev)
{
	size_t len = ev ? ev->len : 0;
	struct notify_req q;
	struct smb2_wr *w;

	if (nt_is_error(status))
		return status;
	if (len && (!parse(rq, &q) || len > q.max)) {
		len = 0;
		status = NT_STATUS_NOTIFY_ENUM_DIR;
	}
	if (status == NT_STATUS_NOTIFY_ENUM_DIR)
		maps_count(&maps.server->changes_lost, 1);
	w = reply_begin(rq, 8 + len);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, 9);
	wr_le16(w, len ? SMB2_HDR_SIZE + 8 : 0);
	wr_le32(w, (uint32_t)len);
	if (len)
		wr_bytes(w, ev->data, len);
	return status;
}

/* ---- waiting; reactor ---- */

static ntstatus resume(struct request *rq)
{
	_cleanup_free_ struct notify_events *ev = steal_ptr(&rq->priv);

	return reply(rq, rq->resume_status, ev);
}

static void cancel(struct request *rq)
{
	struct notify_watch *w = atomic_load(&rq->open->watch);

	if (!w || !notify_wait_cancel(w, rq))
		return;
	rq->resume_status = NT_STATUS_CANCELLED;
	request_resume(rq);
}

static ntstatus wait_for(struct request *rq, struct notify_watch *w)
{
	_cleanup_free_ struct notify_events *ev = NULL;
	ntstatus status = wait_begin(rq, smb2_change_notify);

	if (status != NT_STATUS_SUCCESS)
		return status;
	rq->priv = NULL;
	rq->resume = resume;
	rq->cancel = cancel;
	status = notify_wait(w, rq, &ev);
	return status == NT_STATUS_PENDING ? REQ_ASYNC : wait_undo(rq, reply(rq, status, ev));
}

/* ---- the request ---- */

static ntstatus check(const struct request *rq, const struct notify_req *q)
{
	const struct open *o = rq->open;

	if (o->kind != OPEN_DIR || q->max > rq->conn->st.max_trans)
		return NT_STATUS_INVALID_PARAMETER;
	if (!(o->access & FILE_LIST_DIRECTORY))
		return NT_STATUS_ACCESS_DENIED;
	return rq->tree->share->change_notify ? NT_STATUS_SUCCESS : NT_STATUS_NOT_IMPLEMENTED;
}

ntstatus smb2_change_notify(struct request *rq)
{
	_cleanup_free_ struct notify_events *ev = NULL;
	struct open *o = rq->open;
	struct notify_watch *w;
	struct notify_req q;
	ntstatus status;

	if (!parse(rq, &q)) {
		stats_bad(BAD_parameter);
		return NT_STATUS_INVALID_PARAMETER;
	}
	if (rq->on_worker) { /* behind a worker's command in a compound */
		request_to_reactor(rq, smb2_change_notify);
		return REQ_ASYNC;
	}
	status = check(rq, &q);
	if (status != NT_STATUS_SUCCESS)
		return status;
	w = notify_watch(rq->open, q.filter, q.subtree, q.max);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	status = notify_take(w, &ev);
	if (status != NT_STATUS_PENDING)
		return reply(rq, status, ev);
	if (ofile_delete_pending(rq->open))
		return NT_STATUS_DELETE_PENDING;
	open_get(o); /* a request that waits is not ours any more */
	status = wait_for(rq, w);
	if (status == REQ_ASYNC && ofile_delete_pending(o)) /* since the look above */
		notify_deleting(o);
	open_put(o);
	return status;
}
