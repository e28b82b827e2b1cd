/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * smb2_parse.h - fixed bodies of the commands of the data path, parsed once for the daemon and for
 * the kernel. Each parser takes one whole compound element, header included, so that offsets in it
 * are what the client wrote. StructureSize was checked by the caller. False: INVALID_PARAMETER.
 */
#ifndef KH_SMB2_PARSE_H
#define KH_SMB2_PARSE_H

#include "smb2_frame.h"

struct smb2_fid {
	__u64 persistent;
	__u64 vol; /* volatile: generation << 32 | slot */
};

static inline struct smb2_fid rd_fid(struct smb2_rd *r)
{
	struct smb2_fid id;

	id.persistent = rd_le64(r);
	id.vol = rd_le64(r);
	return id;
}

/* READ, MS-SMB2 2.2.19 */
struct smb2_read_req {
	__u8 flags;
	__u32 length;
	__u64 offset;
	struct smb2_fid fid;
	__u32 minimum_count;
	__u32 channel;
	__u32 remaining;
	__u16 channel_info_offset;
	__u16 channel_info_length;
};

static inline KH_MUST_CHECK bool smb2_read_parse(const void *elem, __u64 len,
						 struct smb2_read_req *q)
{
	struct smb2_rd r;

	if (!rd_fixed(&r, elem, len, SMB2_HDR_SIZE + 48))
		return false;
	rd_skip(&r, SMB2_HDR_SIZE + 3);
	q->flags = rd_u8(&r);
	q->length = rd_le32(&r);
	q->offset = rd_le64(&r);
	q->fid = rd_fid(&r);
	q->minimum_count = rd_le32(&r);
	q->channel = rd_le32(&r);
	q->remaining = rd_le32(&r);
	q->channel_info_offset = rd_le16(&r);
	q->channel_info_length = rd_le16(&r);
	return true;
}

/* WRITE, MS-SMB2 2.2.21 */
struct smb2_write_req {
	__u16 data_offset;
	__u32 length;
	__u64 offset;
	struct smb2_fid fid;
	__u32 channel;
	__u32 remaining;
	__u32 flags;
	const __u8 *data; /* length bytes inside the element */
};

/* The fixed part alone: for a WRITE whose data is still on its way. data is NULL. */
static inline KH_MUST_CHECK bool smb2_write_parse_head(const void *elem, __u64 len,
						       struct smb2_write_req *q)
{
	struct smb2_rd r;

	if (!rd_fixed(&r, elem, len, SMB2_HDR_SIZE + 48))
		return false;
	rd_skip(&r, SMB2_HDR_SIZE + 2);
	q->data_offset = rd_le16(&r);
	q->length = rd_le32(&r);
	q->offset = rd_le64(&r);
	q->fid = rd_fid(&r);
	q->channel = rd_le32(&r);
	q->remaining = rd_le32(&r);
	rd_skip(&r, 4);
	q->flags = rd_le32(&r);
	q->data = NULL;
	return !q->length || q->data_offset >= SMB2_HDR_SIZE + 48;
}

static inline KH_MUST_CHECK bool smb2_write_parse(const void *elem, __u64 len,
						  struct smb2_write_req *q)
{
	struct smb2_rd r = rd_init(elem, len);

	if (!smb2_write_parse_head(elem, len, q))
		return false;
	q->data = rd_sub(&r, q->length ? q->data_offset : 0, q->length).buf;
	return rd_ok(&r);
}

/* CLOSE, MS-SMB2 2.2.15 */
struct smb2_close_req {
	__u16 flags;
	struct smb2_fid fid;
};

static inline KH_MUST_CHECK bool smb2_close_parse(const void *elem, __u64 len,
						  struct smb2_close_req *q)
{
	struct smb2_rd r;

	if (!rd_fixed(&r, elem, len, SMB2_HDR_SIZE + 24))
		return false;
	rd_skip(&r, SMB2_HDR_SIZE + 2);
	q->flags = rd_le16(&r);
	rd_skip(&r, 4);
	q->fid = rd_fid(&r);
	return true;
}

#endif /* KH_SMB2_PARSE_H */
