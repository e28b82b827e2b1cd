// SPDX-License-Identifier: GPL-2.0-or-later
/* dispatch.c - the table of commands, and the checks that its rows ask for. */
#include "kernel/handles.h"
#include "smb2/smb2.h"
#include "state/channel_seq.h"
#include "state/replay.h"

#define REACTOR false
#define WORKER	true

const struct smb2_op smb2_ops[SMB2_COMMANDS] = {
#define X(NAME, name, code, size, needs, fid, where) \
	[code] = { #NAME, size, needs, fid, where, smb2_##name },
	SMB2_OPS(X)
#undef X
};

/* MS-SMB2 3.3.5.2.9 */
static ntstatus check_session(struct request *rq)
{
	if (!rq->session)
		return smb2_no_session(rq);
	switch (session_state_at(rq->session, rq->start_ns)) {
	case SESSION_VALID:
		return NT_STATUS_SUCCESS;
	case SESSION_EXPIRED:
		switch (rq->hdr.command) {
		case SMB2_LOGOFF:
		case SMB2_CLOSE:
		case SMB2_LOCK:
		case SMB2_OPLOCK_BREAK:
		case SMB2_CANCEL:
			return NT_STATUS_SUCCESS;
		}
		return NT_STATUS_NETWORK_SESSION_EXPIRED;
	case SESSION_IN_PROGRESS:
		return NT_STATUS_ACCESS_DENIED;
	case SESSION_GONE:
		break;
	}
	return NT_STATUS_USER_SESSION_DELETED;
}

/* MS-SMB2 3.3.5.2.11 */
static ntstatus check_tree(struct request *rq)
{
	rq->tree = tree_find(rq->session, rq->hdr.tree_id);
	if (!rq->tree)
		return NT_STATUS_NETWORK_NAME_DELETED;
	if (rq->tree->encrypt && !rq->sealed) {
		stats_bad(BAD_unencrypted);
		return NT_STATUS_ACCESS_DENIED;
	}
	return NT_STATUS_SUCCESS;
}

/* MS-SMB2 3.3.5.2.10 */
static ntstatus check_channel_sequence(struct request *rq)
{
	bool replay = rq->hdr.flags & SMB2_FLAGS_REPLAY_OPERATION;

	if (rq->conn->st.dialect < SMB2_DIALECT_300)
		return NT_STATUS_SUCCESS;
	rq->seq_counted =
		channel_seq_begin(rq->open, rq->hdr.channel_sequence, replay, &rq->seq_mark);
	/* The module does not compare: what it has in flight comes first. */
	rq->drain = unlikely(channel_seq_moved(rq->open)) && handle_given(rq->open) &&
		    !atomic_load(&rq->open->seq_drained);
	if (likely(rq->seq_counted))
		return NT_STATUS_SUCCESS;
	switch (rq->hdr.command) {
	case SMB2_WRITE:
	case SMB2_SET_INFO:
	case SMB2_IOCTL:
		return NT_STATUS_FILE_NOT_AVAILABLE;
	}
	return NT_STATUS_SUCCESS;
}

ntstatus request_open(struct request *rq, struct smb2_fid fid)
{
	struct open *o;

	/* All ones in a related element: the FileId of the element before (3.3.5.2.7.2). */
	if (rq->hdr.flags & SMB2_FLAGS_RELATED_OPERATIONS && rq->cur) {
		if (rq->chain_fid_status != NT_STATUS_SUCCESS)
			return rq->chain_fid_status;
		if (fid.vol == UINT64_MAX && fid.persistent == UINT64_MAX) {
			if (!rq->chain_has_fid)
				return NT_STATUS_INVALID_PARAMETER;
			fid = rq->chain_fid;
		}
	}
	rq->chain_fid = fid;
	rq->chain_has_fid = true;
	o = open_find(fid.vol, fid.persistent);
	if (!o)
		return NT_STATUS_FILE_CLOSED;
	if (o->session != rq->session || o->tree != rq->tree) {
		open_put(o);
		return NT_STATUS_FILE_CLOSED;
	}
	rq->open = o;
	replay_forget(o);
	return check_channel_sequence(rq);
}

/* Payload that the credit charge must cover, by command (3.3.5.2.5). */
static uint64_t payload_size(const struct request *rq)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len);
	uint32_t in = 0, out = 0;

	switch (rq->hdr.command) {
	case SMB2_READ:
	case SMB2_WRITE:
		rd_skip(&r, SMB2_HDR_SIZE + 4);
		out = rd_le32(&r);
		break;
	case SMB2_IOCTL:
		rd_skip(&r, SMB2_HDR_SIZE + 28);
		in = rd_le32(&r);
		rd_skip(&r, 12);
		out = rd_le32(&r);
		break;
	case SMB2_QUERY_DIRECTORY:
		rd_skip(&r, SMB2_HDR_SIZE + 28);
		out = rd_le32(&r);
		break;
	case SMB2_CHANGE_NOTIFY:
		rd_skip(&r, SMB2_HDR_SIZE + 4);
		out = rd_le32(&r);
		break;
	case SMB2_QUERY_INFO:
		rd_skip(&r, SMB2_HDR_SIZE + 4);
		out = rd_le32(&r);
		rd_skip(&r, 4);
		in = rd_le32(&r);
		break;
	case SMB2_SET_INFO:
		rd_skip(&r, SMB2_HDR_SIZE + 4);
		in = rd_le32(&r);
		break;
	}
	return MAX(in, out);
}

static ntstatus check_charge(struct request *rq)
{
	uint64_t size;

	if (!rq->conn->st.supports_large_mtu)
		return NT_STATUS_SUCCESS;
	size = payload_size(rq);
	if (size > 65536ull * rq->elements[rq->cur].charge) {
		stats_bad(BAD_credit_charge);
		return NT_STATUS_INVALID_PARAMETER;
	}
	return NT_STATUS_SUCCESS;
}

ntstatus smb2_check(struct request *rq)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len);
	const struct smb2_op *op;
	struct smb2_fid fid;
	ntstatus status;

	if (rq->hdr.command >= SMB2_COMMANDS) {
		stats_bad(BAD_header);
		return NT_STATUS_INVALID_PARAMETER;
	}
	op = &smb2_ops[rq->hdr.command];
	/* The size of the fixed part: StructureSize, whose odd ones count a byte of the buffer. */
	rd_skip(&r, SMB2_HDR_SIZE);
	if (rd_le16(&r) != op->structure_size ||
	    rq->elem_len < SMB2_HDR_SIZE + (op->structure_size & ~1u)) {
		if (rq->hdr.command != SMB2_OPLOCK_BREAK) { /* 24, or 36 for a lease */
			stats_bad(BAD_structure_size);
			return NT_STATUS_INVALID_PARAMETER;
		}
	}
	if (op->needs & OP_SESSION) {
		status = check_session(rq);
		if (status != NT_STATUS_SUCCESS)
			return status;
	}
	status = check_charge(rq);
	if (status != NT_STATUS_SUCCESS)
		return status;
	if (op->needs & OP_TREE & ~OP_SESSION) {
		status = check_tree(rq);
		if (status != NT_STATUS_SUCCESS)
			return status;
	}
	if ((op->needs & OP_FILE) != OP_FILE)
		return NT_STATUS_SUCCESS;
	r = rd_init(rq->elem, rq->elem_len);
	rd_skip(&r, SMB2_HDR_SIZE + op->fid_off);
	fid = rd_fid(&r);
	if (!rd_ok(&r))
		return NT_STATUS_INVALID_PARAMETER;
	return request_open(rq, fid);
}
