// SPDX-License-Identifier: GPL-2.0-or-later
/* work_names.c - folders and small files: created, looked at, removed. */
#include "smbload.h"

#include <stdio.h>

#define ACCESS_DELETE 0x00010000u

static void folder_path(const struct conn *c, bool own, char *buf, size_t n)
{
	if (own)
		snprintf(buf, n, "%s\\c%05u", opt.folder, c->index);
	else
		snprintf(buf, n, "%s", opt.folder);
}

static void file_path(const struct conn *c, uint64_t index, char *buf, size_t n)
{
	snprintf(buf, n, "%s\\c%05u\\f%07llu", opt.folder, c->index, (unsigned long long)index);
}

static void nothing_answer(struct conn *c, struct op *op, const struct reply *r)
{
}

/* A path opened as it has to be and closed, in one message. */
static void open_and_close(struct conn *c, struct op *op, uint32_t access, uint32_t disposition,
			   uint32_t options, const char *path)
{
	struct create q = { access, disposition, options, path };

	message_begin(c);
	put_create(c, op, &q);
	put_close(c, op, fid_related);
	message_end(c);
}

/* ---- the folders: everyone's, and the connection's in it ---- */

static bool folder_begin(struct conn *c, struct op *op)
{
	char path[300];

	if (c->todo == 2)
		return false;
	folder_path(c, c->todo++ == 1, path, sizeof(path));
	open_and_close(c, op, FILE_READ_ATTRIBUTES, FILE_OPEN_IF, FILE_DIRECTORY_FILE, path);
	return true;
}

static bool folder_remove_begin(struct conn *c, struct op *op)
{
	char path[300];

	if (c->todo == 2 || opt.reuse)
		return false;
	folder_path(c, c->todo++ == 0, path, sizeof(path));
	open_and_close(c, op, ACCESS_DELETE, FILE_OPEN, FILE_DIRECTORY_FILE | FILE_DELETE_ON_CLOSE,
		       path);
	return true;
}

const struct job job_folder = { "creating the folder", folder_begin, nothing_answer,
				.serial = true };
const struct job job_folder_remove = { "removing the folder", folder_remove_begin, nothing_answer,
				       .may_fail = true, .serial = true };

/* ---- the files that a workload needs ---- */

static bool files_begin(struct conn *c, struct op *op)
{
	char path[300];

	if (c->todo == opt.files)
		return false;
	file_path(c, c->todo++, path, sizeof(path));
	open_and_close(c, op, FILE_WRITE_DATA, FILE_OPEN_IF, FILE_NON_DIRECTORY_FILE, path);
	c->made = c->todo;
	return true;
}

static bool files_remove_begin(struct conn *c, struct op *op)
{
	char path[300];

	if (c->todo == c->made || opt.reuse)
		return false;
	file_path(c, c->todo++, path, sizeof(path));
	open_and_close(c, op, ACCESS_DELETE, FILE_OPEN,
		       FILE_NON_DIRECTORY_FILE | FILE_DELETE_ON_CLOSE, path);
	return true;
}

const struct job job_files = { "creating the files", files_begin, nothing_answer };
const struct job job_files_remove = { "removing the files", files_remove_begin, nothing_answer,
				      .may_fail = true };

/* ---- create: a file of --size bytes ---- */

static const uint8_t zeros[64 << 10];

static bool create_begin(struct conn *c, struct op *op)
{
	char path[300];
	struct create q = { FILE_WRITE_DATA | FILE_READ_ATTRIBUTES, FILE_OVERWRITE_IF,
			    FILE_NON_DIRECTORY_FILE, path };

	file_path(c, c->made++, path, sizeof(path));
	message_begin(c);
	put_create(c, op, &q);
	if (opt.compound) {
		put_write(c, op, fid_related, 0, zeros, opt.size);
		/* Data of another buffer can only be last: the file is closed by a message of its
		 * own. */
	}
	message_end(c);
	op->bytes = opt.size;
	return true;
}

static void create_answer(struct conn *c, struct op *op, const struct reply *r)
{
	uint32_t action;
	uint64_t size;

	if (r->command == SMB2_CREATE && !r->status) {
		if (!created(r, &op->fid, &action, &size)) {
			op->status = STATUS_WRONG;
			return;
		}
		if (opt.compound)
			return;
		message_begin(c);
		put_write(c, op, op->fid, 0, zeros, opt.size);
		message_end(c);
	} else if (r->command == SMB2_WRITE && op->fid.vol | op->fid.persistent) {
		send_close(c, op, op->fid);
	}
}

const struct job job_create = { "create", create_begin, create_answer };

/* ---- stat: open, query, close ---- */

static void put_query(struct conn *c, struct op *op, struct smb2_fid fid)
{
	struct smb2_wr w = request_begin(c, op, SMB2_QUERY_INFO, 1);

	wr_le16(&w, 41);
	wr_u8(&w, SMB2_0_INFO_FILE);
	wr_u8(&w, FileAllInformation);
	wr_le32(&w, 4096);
	wr_zero(&w, 16);
	wr_le64(&w, fid.persistent);
	wr_le64(&w, fid.vol);
	wr_u8(&w, 0);
	request_end(c, &w);
}

static bool stat_begin(struct conn *c, struct op *op)
{
	char path[300];
	struct create q = { FILE_READ_ATTRIBUTES, FILE_OPEN, 0, path };

	file_path(c, c->next, path, sizeof(path));
	c->next = c->next + 1 == opt.files ? 0 : c->next + 1;
	message_begin(c);
	put_create(c, op, &q);
	if (opt.compound) {
		put_query(c, op, fid_related);
		put_close(c, op, fid_related);
	}
	message_end(c);
	return true;
}

static void stat_answer(struct conn *c, struct op *op, const struct reply *r)
{
	uint32_t action;
	uint64_t size;

	if (opt.compound)
		return;
	if (r->command == SMB2_CREATE && !r->status) {
		if (!created(r, &op->fid, &action, &size)) {
			op->status = STATUS_WRONG;
			return;
		}
		message_begin(c);
		put_query(c, op, op->fid);
		message_end(c);
	} else if (r->command == SMB2_QUERY_INFO) {
		send_close(c, op, op->fid);
	}
}

const struct job job_stat = { "stat", stat_begin, stat_answer };
