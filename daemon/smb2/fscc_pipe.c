// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fscc_pipe.c - what a named pipe of IPC$ tells of itself (MS-FSCC 2.4.33, 2.4.34, 2.4.41).
 */
#include "rpc/rpc.h"
#include "smb2/smb2.h"

#define PIPE_QUOTA 4096 /* what clients take as a hint for their buffers */

#define FILE_PIPE_MESSAGE_MODE	      1
#define FILE_PIPE_FULL_DUPLEX	      2
#define FILE_PIPE_CONNECTED_STATE     3
#define FILE_PIPE_CLOSING_STATE	      4
#define FILE_PIPE_CLIENT_END	      0
#define FILE_PIPE_MESSAGE_TYPE	      1
#define FILE_PIPE_UNLIMITED_INSTANCES 0xFFFFFFFFu

static void put_standard(struct fscc_query *q)
{
	q->fixed = 24;
	wr_le64(&q->w, PIPE_QUOTA);
	wr_le64(&q->w, 0);
	wr_le32(&q->w, 1);
	wr_u8(&q->w, 1); /* DeletePending: gone with its last handle */
	wr_u8(&q->w, 0);
	wr_le16(&q->w, 0);
}

static void put_pipe(struct fscc_query *q)
{
	q->fixed = 8;
	wr_le32(&q->w, FILE_PIPE_MESSAGE_MODE);
	wr_le32(&q->w, 0); /* FILE_PIPE_QUEUE_OPERATION */
}

static void put_pipe_local(struct fscc_query *q)
{
	struct rpc_pipe_state st;

	rpc_pipe_state(q->open->pipe, &st);
	q->fixed = 40;
	wr_le32(&q->w, FILE_PIPE_MESSAGE_TYPE);
	wr_le32(&q->w, FILE_PIPE_FULL_DUPLEX);
	wr_le32(&q->w, FILE_PIPE_UNLIMITED_INSTANCES);
	wr_le32(&q->w, 1);
	wr_le32(&q->w, PIPE_QUOTA);
	wr_le32(&q->w, (uint32_t)MIN(st.read_available, (size_t)UINT32_MAX));
	wr_le32(&q->w, PIPE_QUOTA);
	wr_le32(&q->w, PIPE_QUOTA);
	wr_le32(&q->w, st.disconnected ? FILE_PIPE_CLOSING_STATE : FILE_PIPE_CONNECTED_STATE);
	wr_le32(&q->w, FILE_PIPE_CLIENT_END);
}

static ntstatus put_pipe_name(struct fscc_query *q)
{
	_cleanup_free_ char *name = xasprintf("\\%s", rpc_pipe_name(q->open->pipe));

	q->fixed = 8;
	return fscc_put_name(q, name);
}

ntstatus fscc_pipe_query(struct fscc_query *q, uint8_t info_class)
{
	switch (info_class) {
	case FileStandardInformation:
		put_standard(q);
		return NT_STATUS_SUCCESS;
	case FilePipeInformation:
		put_pipe(q);
		return NT_STATUS_SUCCESS;
	case FilePipeLocalInformation:
		put_pipe_local(q);
		return NT_STATUS_SUCCESS;
	case FileAccessInformation:
		q->fixed = 4;
		wr_le32(&q->w, q->open->access);
		return NT_STATUS_SUCCESS;
	case FileNameInformation:
		return put_pipe_name(q);
	default:
		return NT_STATUS_NOT_SUPPORTED;
	}
}
