/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ioctl.h - private to smb2_ioctl.c and ioctl_*.c: one FSCTL at work. */
#ifndef KH_IOCTL_H
#define KH_IOCTL_H

#include "smb2/smb2.h"

/* What the client sent, checked: in is in_len bytes inside the element. */
struct ioctl {
	uint32_t code;
	struct smb2_fid fid;
	const uint8_t *in;
	uint32_t in_len;
	uint32_t max_out; /* MaxOutputResponse */
	uint64_t out_at;  /* where the output starts in the reply; 0: none begun */
};

static inline struct smb2_rd ioctl_in(const struct ioctl *q)
{
	return rd_init(q->in, q->in_len);
}

/*
 * Begins the reply with room for max bytes of output; what is written is the output. Without it an
 * FSCTL that succeeds answers with none. NULL: no memory (INSUFFICIENT_RESOURCES).
 */
struct smb2_wr *ioctl_reply(struct request *rq, struct ioctl *q, size_t max);

/* Each runs on a worker as the tree's user, with rq->open as its row asks. */
typedef ntstatus ioctl_fn(struct request *rq, struct ioctl *q);

/* ---- ioctl_network.c ---- */
ioctl_fn ioctl_dfs_get_referrals, ioctl_validate_negotiate_info, ioctl_query_network_interface_info;

/* ---- ioctl_pipe.c ---- */
ioctl_fn ioctl_pipe_transceive, ioctl_pipe_peek, ioctl_pipe_wait;

/* ---- ioctl_copy.c ---- */
ioctl_fn ioctl_srv_request_resume_key, ioctl_srv_copychunk;

/* ---- ioctl_extents.c ---- */
ioctl_fn ioctl_duplicate_extents, ioctl_get_integrity, ioctl_set_integrity;
ioctl_fn ioctl_query_file_regions;

/* ---- ioctl_reparse.c ---- */
ioctl_fn ioctl_get_reparse_point, ioctl_set_reparse_point, ioctl_delete_reparse_point;

/* ---- ioctl_file.c ---- */
ioctl_fn ioctl_set_sparse, ioctl_query_allocated_ranges, ioctl_set_zero_data, ioctl_file_level_trim;
ioctl_fn ioctl_get_compression, ioctl_set_compression, ioctl_create_or_get_object_id;
ioctl_fn ioctl_srv_enumerate_snapshots;

#endif /* KH_IOCTL_H */
