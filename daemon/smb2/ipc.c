// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ipc.c - named pipes as SMB2 shows them: CREATE, READ and WRITE on IPC$. The bytes belong to
 * rpc/pipe.c.
 *
 * A write runs the call that it completes, with the pipe's lock held, and a call may block: writes
 * are for workers. A read is answered by the reactor, which must not wait for that lock: while
 * open.pipe_writers is not zero it waits as it does on an empty pipe, and is resumed.
 */
#include "core/debug.h"
#include "rpc/rpc.h"
#include "smb2/smb2.h"

#define CREATE_REPLY_SIZE 88
#define READ_REPLY_SIZE	  16
#define WRITE_REPLY_SIZE  16
#define PIPE_ALLOCATION	  4096 /* what Windows and Samba say a pipe is */

/* What a client of a pipe can have at most: read and write, no delete (MS-SMB2 2.2.13.1.1). */
#define PIPE_ACCESS 0x0012019fu

/* ---- CREATE ---- */

static ntstatus create_reply(struct request *rq, const struct open *o)
{
	struct smb2_wr *w = reply_begin(rq, CREATE_REPLY_SIZE);

	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, CREATE_REPLY_SIZE + 1);
	wr_u8(w, SMB2_OPLOCK_LEVEL_NONE);
	wr_u8(w, 0);
	wr_le32(w, FILE_OPENED);
	wr_zero(w, 4 * 8); /* times */
	wr_le64(w, PIPE_ALLOCATION);
	wr_le64(w, 0);
	wr_le32(w, FILE_ATTRIBUTE_NORMAL);
	wr_le32(w, 0);
	wr_le64(w, o->persistent);
	wr_le64(w, o->vol);
	wr_le32(w, 0); /* no contexts */
	wr_le32(w, 0);
	return NT_STATUS_SUCCESS;
}

static uint32_t granted_access(uint32_t desired)
{
	if (desired & SEC_MAXIMUM_ALLOWED)
		return PIPE_ACCESS;
	return access_map_generic(desired) & PIPE_ACCESS;
}

static ntstatus pipe_attach(struct request *rq, struct open *o, const char *name)
{
	ntstatus status;

	o->pipe_env = ipc_env_new(rq);
	o->pipe = rpc_pipe_open(name, ipc_env_rpc(o->pipe_env), &status);
	debug_request(LOG_IPC, rq, "open pipe=\"%s\" status=%s", name,
		      o->pipe ? "SUCCESS" : nt_name(status));
	return o->pipe ? NT_STATUS_SUCCESS : status;
}

ntstatus ipc_create(struct request *rq, const char *name, uint32_t desired_access)
{
	struct open *o = open_alloc();
	ntstatus status;

	if (!o)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	o->kind = OPEN_PIPE;
	o->access = granted_access(desired_access);
	o->path = xstrdup(name);
	o->conn_id = rq->conn->st.id;
	o->opened_ns = rq->start_ns;
	tree_get(rq->tree);
	o->tree = rq->tree;
	status = pipe_attach(rq, o, name);
	if (status == NT_STATUS_SUCCESS && !open_publish(o, rq->session))
		status = NT_STATUS_NETWORK_NAME_DELETED;
	if (status == NT_STATUS_SUCCESS) {
		rq->chain_fid = (struct smb2_fid) { o->persistent, o->vol };
		rq->chain_has_fid = true;
		status = create_reply(rq, o);
	}
	open_put(o);
	return status;
}

void ipc_release(struct open *o)
{
	rpc_pipe_close(o->pipe);
	ipc_env_free(o->pipe_env);
	o->pipe = NULL;
	o->pipe_env = NULL;
}

/* ---- READ ---- */

/* open.lock held: a read can be answered, well or badly, without waiting. */
static bool readable(struct request *rq)
{
	struct rpc_pipe_state st;

	if (rq->open->pipe_writers)
		return false;
	rpc_pipe_state(rq->open->pipe, &st);
	return st.messages || st.disconnected;
}

/* open.lock held, no writer. BUFFER_OVERFLOW: the message has more, as MS-SMB2 3.3.5.12 has it. */
static ntstatus read_locked(struct request *rq, uint32_t length)
{
	struct rpc_pipe_state st;
	struct smb2_wr *w;
	ntstatus status;
	size_t n = 0, cap;
	uint8_t *p;

	rpc_pipe_state(rq->open->pipe, &st);
	cap = MIN(length, st.message_left);
	w = reply_begin(rq, READ_REPLY_SIZE + MAX(cap, 1));
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, READ_REPLY_SIZE + 1);
	wr_u8(w, SMB2_HDR_SIZE + READ_REPLY_SIZE);
	wr_u8(w, 0);
	wr_le32(w, (uint32_t)cap);
	wr_le32(w, 0);
	wr_le32(w, 0);
	p = wr_space(w, cap);
	if (!p)
		return NT_STATUS_INTERNAL_ERROR;
	status = rpc_pipe_read(rq->open->pipe, p, cap, &n);
	if (n != cap && !nt_is_error(status))
		return NT_STATUS_INTERNAL_ERROR;
	return status;
}

static ntstatus read_resume(struct request *rq)
{
	struct smb2_read_req q;

	if (rq->resume_status != NT_STATUS_SUCCESS)
		return rq->resume_status;
	if (!smb2_read_parse(rq->elem, rq->elem_len, &q))
		return NT_STATUS_INVALID_PARAMETER;
	return ipc_read(rq, &q);
}

ntstatus ipc_read(struct request *rq, const struct smb2_read_req *q)
{
	struct open *o = rq->open;
	ntstatus status;

	if (!(o->access & FILE_READ_DATA))
		return NT_STATUS_ACCESS_DENIED;
	if (q->length > rq->conn->st.max_read) {
		stats_bad(BAD_parameter);
		return NT_STATUS_INVALID_PARAMETER;
	}
	for (;;) {
		bool ready;

		pthread_mutex_lock(&o->lock);
		ready = readable(rq);
		status = ready ? read_locked(rq, q->length) : NT_STATUS_SUCCESS;
		pthread_mutex_unlock(&o->lock);
		if (ready)
			return status;
		status = open_wait(rq, readable, read_resume);
		if (status != NT_STATUS_SUCCESS)
			return status;
	}
}

/* ---- WRITE ---- */

static void writer_begin(struct open *o)
{
	pthread_mutex_lock(&o->lock);
	o->pipe_writers++;
	pthread_mutex_unlock(&o->lock);
}

static void writer_end(struct open *o)
{
	pthread_mutex_lock(&o->lock);
	o->pipe_writers--;
	pthread_mutex_unlock(&o->lock);
	open_wake_waiting(o, NT_STATUS_SUCCESS);
}

ntstatus ipc_write(struct request *rq, const struct smb2_write_req *q)
{
	struct open *o = rq->open;
	struct smb2_wr *w;
	ntstatus status;

	if (!(o->access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))
		return NT_STATUS_ACCESS_DENIED;
	if (!rq->on_worker)
		return REQ_WORKER;
	writer_begin(o);
	status = rpc_pipe_write(o->pipe, q->data, q->length);
	writer_end(o);
	debug_open(LOG_IPC, o, "write pipe=\"%s\" bytes=%u status=%s", o->path, q->length,
		   nt_name(status));
	if (status != NT_STATUS_SUCCESS)
		return status;
	w = reply_begin(rq, WRITE_REPLY_SIZE);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, WRITE_REPLY_SIZE + 1);
	wr_le16(w, 0);
	wr_le32(w, q->length);
	wr_le32(w, 0);
	wr_le32(w, 0);
	return NT_STATUS_SUCCESS;
}

ntstatus ipc_transceive(struct open *o, const void *in, size_t in_len, void *out, size_t cap,
			size_t *n)
{
	ntstatus status;

	if (!(o->access & FILE_READ_DATA) || !(o->access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))
		return NT_STATUS_ACCESS_DENIED;
	writer_begin(o);
	status = rpc_pipe_transceive(o->pipe, in, in_len, out, cap, n);
	writer_end(o);
	debug_open(LOG_IPC, o, "transceive pipe=\"%s\" in=%zu out=%zu status=%s", o->path, in_len,
		   *n, nt_name(status));
	return status;
}
