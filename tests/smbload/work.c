// SPDX-License-Identifier: GPL-2.0-or-later
/* work.c - the workloads by name, and requests that many of them send. */
#include "smbload.h"

#include "core/utf16.h"

#include <stdarg.h>
#include <stdio.h>

const struct smb2_fid fid_related = { UINT64_MAX, UINT64_MAX };

#define DATA_JOBS                                                       \
	.data = true, .prepare = { &job_folder, &job_open, &job_fill }, \
	.cleanup = { &job_close, &job_remove_data, &job_folder_remove }
#define FILE_JOBS \
	.prepare = { &job_folder, &job_files }, .cleanup = { &job_files_remove, &job_folder_remove }

const struct workload workloads[] = {
	{ "read", "READs one after the other", .run = &job_read, .size = 1 << 20, .reads = true,
	  DATA_JOBS },
	{ "write", "WRITEs one after the other", .run = &job_write, .size = 1 << 20, .writes = true,
	  DATA_JOBS },
	{ "randread", "READs anywhere", .run = &job_randread, .reads = true, DATA_JOBS },
	{ "randwrite", "WRITEs anywhere", .run = &job_randwrite, .writes = true, DATA_JOBS },
	{ "mix", "READs and WRITEs anywhere, and opens", .run = &job_mix, .requests = 2,
	  .reads = true, .writes = true, DATA_JOBS },
	{ "create", "create a file, write --size bytes, close", .run = &job_create, .requests = 3,
	  .prepare = { &job_folder }, .cleanup = { &job_files_remove, &job_folder_remove } },
	{ "stat", "open, query all information, close", .run = &job_stat, .files = 1000,
	  .requests = 3, FILE_JOBS },
	{ "unlink", "open, set the disposition, close; until no file is left", .run = &job_unlink,
	  .files = 10000, .requests = 3, .no_warm_up = true, FILE_JOBS },
	{ "rename", "open, rename, close", .run = &job_rename, .files = 2000, .requests = 3,
	  FILE_JOBS },
	{ "list", "open a folder of --entries files, list it by --size bytes, close",
	  .run = &job_list, .size = 64 << 10,
	  .prepare = { &job_folder, &job_list_folder, &job_entries },
	  .cleanup = { &job_entries_remove, &job_list_remove, &job_folder_remove } },
	{ "lock", "lock a range, unlock it", .run = &job_lock,
	  .prepare = { &job_folder, &job_open },
	  .cleanup = { &job_close, &job_remove_data, &job_folder_remove } },
	{ "echo", "ECHO", .run = &job_echo },
	{ "setup", "connect, log in, connect to the share, away" },
	{ "idle", "connections that say nothing", .idle = true },
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

struct smb2_wr put_write(struct conn *c, struct op *op, struct smb2_fid fid, uint64_t offset,
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
	return w;
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

void send_touch(struct conn *c, struct op *op, const struct create *q)
{
	message_begin(c);
	put_create(c, op, q);
	put_close(c, op, fid_related);
	message_end(c);
}

/* ---- answers ---- */

bool created(struct op *op, const struct reply *r, uint32_t *action, uint64_t *size)
{
	struct smb2_rd rd = rd_init(r->p, r->len);
	uint32_t act;
	uint64_t end;

	if (r->status)
		return false;
	rd_skip(&rd, SMB2_HDR_SIZE + 4);
	act = rd_le32(&rd);
	rd_skip(&rd, 40);
	end = rd_le64(&rd);
	rd_skip(&rd, 8);
	op->fid = rd_fid(&rd);
	if (!rd_ok(&rd)) {
		op->status = STATUS_WRONG;
		return false;
	}
	if (action)
		*action = act;
	if (size)
		*size = end;
	return true;
}

void answer_nothing(struct conn *c, struct op *op, const struct reply *r)
{
}

/* ---- chance, names ---- */

uint64_t dice(struct conn *c)
{
	c->random ^= c->random << 13; /* xorshift64 */
	c->random ^= c->random >> 7;
	return c->random ^= c->random << 17;
}

/* What a session has for itself is in a folder of its own; "" is that folder. */
void path_of(const struct conn *c, char path[PATH_LEN], const char *fmt, ...)
{
	int n = snprintf(path, PATH_LEN, "%s\\c%05u\\", opt.folder, c->s->index);
	va_list ap;

	va_start(ap, fmt);
	if (!vsnprintf(path + n, PATH_LEN - (size_t)n, fmt, ap))
		path[n - 1] = '\0';
	va_end(ap);
}
