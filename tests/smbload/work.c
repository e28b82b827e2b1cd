// SPDX-License-Identifier: GPL-2.0-or-later
/* work.c - the workloads by name, and requests that many of them send. */
#include "smbload.h"

#include "core/utf16.h"

#include <stdio.h>

const struct smb2_fid fid_related = { UINT64_MAX, UINT64_MAX };

#define DATA_JOBS                                         \
	.prepare = { &job_folder, &job_open, &job_fill }, \
	.cleanup = { &job_close, &job_remove_data, &job_folder_remove }

const struct workload workloads[] = {
	{ "read", "sequential READs", .run = &job_read, .size = 1 << 20, DATA_JOBS },
	{ "write", "sequential WRITEs", .run = &job_write, .size = 1 << 20, DATA_JOBS },
	{ "randread", "READs anywhere", .run = &job_randread, .size = 4096, DATA_JOBS },
	{ "randwrite", "WRITEs anywhere", .run = &job_randwrite, .size = 4096, DATA_JOBS },
	{ "create", "create a file, write --size bytes, close", .run = &job_create, .size = 4096,
	  .requests = 3, .prepare = { &job_folder },
	  .cleanup = { &job_files_remove, &job_folder_remove } },
	{ "stat", "open, query information, close", .run = &job_stat, .files = 1000, .requests = 3,
	  .prepare = { &job_folder, &job_files },
	  .cleanup = { &job_files_remove, &job_folder_remove } },
	{ "setup", "connect, log in, connect to the share, away" },
	{ "idle", "connections that say nothing" },
	{ 0 },
};

const struct workload *workload_find(const char *name)
{
	for (const struct workload *w = workloads; w->name; w++)
		if (!strcmp(w->name, name))
			return w;
	return NULL;
}

/* ---- requests ---- */

void put_create(struct conn *c, struct op *op, const struct create *q)
{
	struct smb2_wr w = request_begin(c, op, SMB2_CREATE, 1);
	uint8_t *name;
	int n;

	wr_le16(&w, 57);
	wr_u8(&w, 0);
	wr_u8(&w, SMB2_OPLOCK_LEVEL_NONE);
	wr_le32(&w, 2); /* impersonation */
	wr_zero(&w, 16);
	wr_le32(&w, q->access);
	wr_le32(&w, 0);
	wr_le32(&w, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE);
	wr_le32(&w, q->disposition);
	wr_le32(&w, q->options);
	wr_le16(&w, SMB2_HDR_SIZE + 56);
	name = wr_space(&w, 10) + 10;
	memset(name - 10, 0, 10);
	n = utf8_to_utf16(q->path, strlen(q->path), name, wr_left(&w));
	kh_put_le16(name - 10, (uint16_t)n);
	w.off += (uint64_t)MAX(n, 2); /* a byte at least */
	request_end(c, &w);
}

void put_close(struct conn *c, struct op *op, struct smb2_fid fid)
{
	struct smb2_wr w = request_begin(c, op, SMB2_CLOSE, 1);

	wr_le16(&w, 24);
	wr_zero(&w, 6);
	wr_le64(&w, fid.persistent);
	wr_le64(&w, fid.vol);
	request_end(c, &w);
}

void put_write(struct conn *c, struct op *op, struct smb2_fid fid, uint64_t offset, const void *p,
	       uint32_t n)
{
	struct smb2_wr w = request_begin(c, op, SMB2_WRITE, charge_of(c, n));

	wr_le16(&w, 49);
	wr_le16(&w, SMB2_HDR_SIZE + 48);
	wr_le32(&w, n);
	wr_le64(&w, offset);
	wr_le64(&w, fid.persistent);
	wr_le64(&w, fid.vol);
	wr_zero(&w, 16);
	request_end(c, &w);
	request_data(c, p, n);
}

void send_create(struct conn *c, struct op *op, const struct create *q)
{
	message_begin(c);
	put_create(c, op, q);
	message_end(c);
}

void send_close(struct conn *c, struct op *op, struct smb2_fid fid)
{
	message_begin(c);
	put_close(c, op, fid);
	message_end(c);
}

bool created(const struct reply *r, struct smb2_fid *fid, uint32_t *action, uint64_t *size)
{
	struct smb2_rd rd = rd_init(r->p, r->len);

	rd_skip(&rd, SMB2_HDR_SIZE + 4);
	*action = rd_le32(&rd);
	rd_skip(&rd, 40);
	*size = rd_le64(&rd);
	rd_skip(&rd, 8);
	*fid = rd_fid(&rd);
	return rd_ok(&rd);
}
