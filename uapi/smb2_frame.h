/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * smb2_frame.h - what surrounds an SMB2 body: the transport's length prefix (MS-SMB2 2.1), the
 * header (2.2.1), the transform header (2.2.41) and the walk along a compound (3.3.5.2.7). Parsed
 * values are host-endian.
 */
#ifndef KH_SMB2_FRAME_H
#define KH_SMB2_FRAME_H

#include "smb2_cursor.h"
#include "smb2_pdu.h"

/* ---- the transport's prefix: type byte (0 for direct TCP) and 24 bits of length ---- */

#define SMB2_PREFIX_SIZE	4
#define NBSS_SESSION_MESSAGE	0x00
#define NBSS_SESSION_REQUEST	0x81
#define NBSS_POSITIVE_RESPONSE	0x82
#define NBSS_NEGATIVE_RESPONSE	0x83
#define NBSS_SESSION_KEEP_ALIVE 0x85

static inline __u32 smb2_prefix_len(const __u8 p[SMB2_PREFIX_SIZE])
{
	return kh_get_be32(p) & 0x00FFFFFF;
}

static inline void smb2_prefix_put(__u8 p[SMB2_PREFIX_SIZE], __u32 len)
{
	kh_put_be32(p, len & 0x00FFFFFF);
}

/* ---- the header ---- */

struct smb2_hdr {
	__u16 credit_charge;
	__u16 channel_sequence; /* request, 3.x */
	__u32 status;		/* response */
	__u16 command;
	__u16 credits; /* requested, or granted */
	__u32 flags;
	__u32 next_command; /* bytes to the next header of the compound; 0 in the last */
	__u64 message_id;
	__u64 async_id; /* with SMB2_FLAGS_ASYNC_COMMAND; 0 otherwise */
	__u32 tree_id;	/* without it */
	__u64 session_id;
};

#define SMB2_HDR_OFF_CHARGE	6
#define SMB2_HDR_OFF_STATUS	8
#define SMB2_HDR_OFF_COMMAND	12
#define SMB2_HDR_OFF_CREDITS	14
#define SMB2_HDR_OFF_FLAGS	16
#define SMB2_HDR_OFF_NEXT	20
#define SMB2_HDR_OFF_MESSAGE_ID 24
#define SMB2_HDR_OFF_SESSION_ID 40
#define SMB2_HDR_OFF_SIGNATURE	48
#define SMB2_SIGNATURE_SIZE	16

/* False for a short buffer, another protocol id, or a StructureSize that is not 64. */
static inline KH_MUST_CHECK bool smb2_hdr_parse(const void *buf, __u64 len, struct smb2_hdr *h)
{
	__u32 magic, status;
	struct smb2_rd r;
	__u16 size;

	if (!rd_fixed(&r, buf, len, SMB2_HDR_SIZE))
		return false;
	magic = rd_le32(&r);
	size = rd_le16(&r);
	h->credit_charge = rd_le16(&r);
	status = rd_le32(&r);
	h->status = status;
	h->channel_sequence = (__u16)status;
	h->command = rd_le16(&r);
	h->credits = rd_le16(&r);
	h->flags = rd_le32(&r);
	h->next_command = rd_le32(&r);
	h->message_id = rd_le64(&r);
	if (h->flags & SMB2_FLAGS_ASYNC_COMMAND) {
		h->async_id = rd_le64(&r);
		h->tree_id = 0;
	} else {
		h->async_id = 0;
		rd_skip(&r, 4);
		h->tree_id = rd_le32(&r);
	}
	h->session_id = rd_le64(&r);
	return magic == SMB2_MAGIC && size == SMB2_HDR_SIZE;
}

/* Writes 64 bytes, the signature as zeros. */
static inline void smb2_hdr_put(struct smb2_wr *to, const struct smb2_hdr *h)
{
	__u8 *p = wr_space(to, SMB2_HDR_SIZE);
	struct smb2_wr room = wr_init(p, SMB2_HDR_SIZE), *w = &room;

	if (!p)
		return;
	wr_le32(w, SMB2_MAGIC);
	wr_le16(w, SMB2_HDR_SIZE);
	wr_le16(w, h->credit_charge);
	wr_le32(w, h->status);
	wr_le16(w, h->command);
	wr_le16(w, h->credits);
	wr_le32(w, h->flags);
	wr_le32(w, h->next_command);
	wr_le64(w, h->message_id);
	if (h->flags & SMB2_FLAGS_ASYNC_COMMAND) {
		wr_le64(w, h->async_id);
	} else {
		wr_le32(w, 0xFEFF); /* as Windows fills it */
		wr_le32(w, h->tree_id);
	}
	wr_le64(w, h->session_id);
	wr_zero(w, SMB2_SIGNATURE_SIZE);
}

/*
 * Length of the compound element that starts at off, by its NextCommand: up to the next header, or
 * to the end of the frame. 0 when the chain is broken: not aligned to 8, shorter than a header,
 * beyond the frame. It always moves forward, so a walk ends.
 */
static inline KH_MUST_CHECK __u64 smb2_element_len(__u64 frame_len, __u64 off, __u32 next_command)
{
	if (off > frame_len || frame_len - off < SMB2_HDR_SIZE)
		return 0;
	if (next_command == 0)
		return frame_len - off;
	if (next_command < SMB2_HDR_SIZE || next_command % 8 != 0 ||
	    (__u64)next_command + SMB2_HDR_SIZE > frame_len - off)
		return 0;
	return next_command;
}

/* ---- the transform header ---- */

#define SMB2_TRANSFORM_OFF_SIGNATURE  4
#define SMB2_TRANSFORM_OFF_NONCE      20 /* the associated data starts here: 32 bytes */
#define SMB2_TRANSFORM_AAD_SIZE	      32
#define SMB2_TRANSFORM_NONCE_SIZE     16
#define SMB2_TRANSFORM_FLAG_ENCRYPTED 0x0001

struct smb2_transform {
	__u32 original_size; /* bytes of the message that follows the header */
	__u16 flags;	     /* in dialect 3.0 the cipher id, always 1 there */
	__u64 session_id;
};

/*
 * The transform header of a message of len bytes; buf has the header at least. False unless the
 * message is whole and says that it is encrypted (3.3.5.2.1.1).
 */
static inline KH_MUST_CHECK bool smb2_transform_parse(const void *buf, __u64 len,
						      struct smb2_transform *t)
{
	struct smb2_rd r = rd_init(buf, len < SMB2_TRANSFORM_SIZE ? len : SMB2_TRANSFORM_SIZE);
	__u32 magic = rd_le32(&r);

	rd_skip(&r, SMB2_SIGNATURE_SIZE + SMB2_TRANSFORM_NONCE_SIZE);
	t->original_size = rd_le32(&r);
	rd_skip(&r, 2);
	t->flags = rd_le16(&r);
	t->session_id = rd_le64(&r);
	return rd_ok(&r) && magic == SMB2_TRANSFORM_MAGIC &&
	       t->flags == SMB2_TRANSFORM_FLAG_ENCRYPTED && t->original_size >= SMB2_HDR_SIZE &&
	       t->original_size == len - SMB2_TRANSFORM_SIZE;
}

/* Writes 52 bytes: signature zero, nonce (16 bytes; the part the cipher does not use is zero). */
static inline void smb2_transform_put(struct smb2_wr *w, const __u8 nonce[16], __u32 size,
				      __u64 session_id)
{
	wr_le32(w, SMB2_TRANSFORM_MAGIC);
	wr_zero(w, SMB2_SIGNATURE_SIZE);
	wr_bytes(w, nonce, SMB2_TRANSFORM_NONCE_SIZE);
	wr_le32(w, size);
	wr_le16(w, 0);
	wr_le16(w, SMB2_TRANSFORM_FLAG_ENCRYPTED);
	wr_le64(w, session_id);
}

#endif /* KH_SMB2_FRAME_H */
