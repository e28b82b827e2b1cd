// SPDX-License-Identifier: GPL-2.0-or-later
/* ioctl_pipe.c - FSCTLs of named pipes (MS-FSCC 2.3.47 to 2.3.51, MS-SMB2 3.3.5.15.4, .10). */
#include "core/utf16.h"
#include "rpc/rpc.h"
#include "smb2/ioctl.h"

#define TRANSCEIVE_MAX	(64u << 10) /* a larger message is told by BUFFER_OVERFLOW and read on */
#define PEEK_SIZE	16
#define STATE_CONNECTED 3
#define STATE_CLOSING	4

ntstatus ioctl_pipe_transceive(struct request *rq, struct ioctl *q)
{
	size_t cap = MIN(q->max_out, TRANSCEIVE_MAX), n = 0;
	struct smb2_wr *w = ioctl_reply(rq, q, cap);
	ntstatus status;
	uint8_t *p;

	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	p = wr_space(w, cap);
	if (!p)
		return NT_STATUS_INTERNAL_ERROR;
	status = ipc_transceive(rq->open, q->in, q->in_len, p, cap, &n);
	w->off -= cap - n;
	return status;
}

ntstatus ioctl_pipe_peek(struct request *rq, struct ioctl *q)
{
	struct rpc_pipe_state st;
	struct smb2_wr *w;
	ntstatus status;
	size_t cap, n = 0;
	uint8_t *p;

	if (!(rq->open->access & FILE_READ_DATA))
		return NT_STATUS_ACCESS_DENIED;
	if (q->max_out < PEEK_SIZE)
		return NT_STATUS_INFO_LENGTH_MISMATCH;
	rpc_pipe_state(rq->open->pipe, &st);
	cap = MIN(q->max_out - PEEK_SIZE, MIN(st.message_left, TRANSCEIVE_MAX));
	w = ioctl_reply(rq, q, PEEK_SIZE + cap);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le32(w, st.disconnected ? STATE_CLOSING : STATE_CONNECTED);
	wr_le32(w, (uint32_t)st.read_available);
	wr_le32(w, st.messages);
	wr_le32(w, (uint32_t)st.message_left);
	p = wr_space(w, cap);
	if (!p)
		return NT_STATUS_INTERNAL_ERROR;
	status = rpc_pipe_peek(rq->open->pipe, p, cap, &n);
	w->off -= cap - n;
	/* An empty pipe is an answer, and so is one that the server closed. */
	return nt_is_error(status) ? NT_STATUS_SUCCESS : status;
}

/* MS-FSCC 2.3.49: every pipe that exists has a free instance. */
ntstatus ioctl_pipe_wait(struct request *rq, struct ioctl *q)
{
	struct smb2_rd r = ioctl_in(q);
	_cleanup_free_ char *name = NULL;
	struct ipc_env *env;
	struct rpc_pipe *p;
	const uint8_t *text;
	ntstatus status;
	uint32_t len;

	if (!rq->tree->ipc)
		return NT_STATUS_INVALID_DEVICE_REQUEST;
	rd_skip(&r, 8);
	len = rd_le32(&r);
	rd_skip(&r, 2);
	text = rd_bytes(&r, len);
	if (!rd_ok(&r) || !text || !len || len > 2 * 255)
		return NT_STATUS_INVALID_PARAMETER;
	name = utf16_dup_utf8(text, len);
	if (!name)
		return NT_STATUS_OBJECT_NAME_INVALID;
	env = ipc_env_new(rq);
	p = rpc_pipe_open(name, ipc_env_rpc(env), &status);
	if (p)
		status = NT_STATUS_SUCCESS;
	rpc_pipe_close(p);
	ipc_env_free(env);
	return status;
}
