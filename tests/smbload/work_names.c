// SPDX-License-Identifier: GPL-2.0-or-later
/* work_names.c - folders and small files: created, looked at, renamed, removed. */
#include "smbload.h"

#include "core/utf16.h"

#include <stdio.h>

static void file_path(const struct conn *c, uint64_t index, char path[PATH_LEN])
{
	path_of(c, path, "f%07llu", (unsigned long long)index);
}

/* ---- the folders: everyone's, and the session's in it ---- */

static bool folder_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { FILE_READ_ATTRIBUTES, FILE_OPEN_IF, FILE_DIRECTORY_FILE, path };

	if (c->todo == 2)
		return false;
	if (c->todo++)
		path_of(c, path, "%s", "");
	else
		snprintf(path, sizeof(path), "%s", opt.folder);
	send_touch(c, op, &q);
	return true;
}

static bool folder_remove_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { ACCESS_DELETE, FILE_OPEN, FILE_DIRECTORY_FILE | FILE_DELETE_ON_CLOSE,
			    path };

	if (c->todo == 2 || opt.reuse)
		return false;
	if (c->todo++)
		snprintf(path, sizeof(path), "%s", opt.folder);
	else
		path_of(c, path, "%s", "");
	send_touch(c, op, &q);
	return true;
}

const struct job job_folder = { "creating the folder", folder_begin, answer_nothing,
				.serial = true };
const struct job job_folder_remove = { "removing the folder", folder_remove_begin, answer_nothing,
				       .may_fail = true, .serial = true };

/* ---- the files that a workload needs ---- */

/* A file that is renamed has two names in turn. */
enum { NAME_R = 1, NAME_BUSY = 2 };

static void two_names(const struct conn *c, uint64_t index, bool r, char path[PATH_LEN])
{
	path_of(c, path, "%c%07llu", r ? 'r' : 'f', (unsigned long long)index);
}

static bool files_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { FILE_WRITE_DATA, FILE_OPEN_IF, FILE_NON_DIRECTORY_FILE, path };

	if (c->todo == opt.files)
		return false;
	if (opt.workload->run == &job_rename && !c->s->names)
		c->s->names = xcalloc(opt.files, 1);
	file_path(c, c->todo++, path);
	send_touch(c, op, &q);
	c->s->made = c->todo;
	return true;
}

/* From one on: those before it are gone. */
static bool files_remove_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { ACCESS_DELETE, FILE_OPEN,
			    FILE_NON_DIRECTORY_FILE | FILE_DELETE_ON_CLOSE, path };
	struct session *s = c->s;

	if (!c->todo)
		c->todo = s->gone;
	if (c->todo == s->made || (opt.reuse && !s->names))
		return false;
	two_names(c, c->todo, s->names && s->names[c->todo] & NAME_R, path);
	c->todo++;
	send_touch(c, op, &q);
	return true;
}

const struct job job_files = { "creating the files", files_begin, answer_nothing };
const struct job job_files_remove = { "removing the files", files_remove_begin, answer_nothing,
				      .may_fail = true };

/* ---- create: a file of --size bytes ---- */

static const uint8_t zeros[SIZE_MAX_IO];

static bool create_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { FILE_WRITE_DATA | FILE_READ_ATTRIBUTES, FILE_OVERWRITE_IF,
			    FILE_NON_DIRECTORY_FILE, path };
	struct smb2_wr w;

	file_path(c, c->s->made++, path);
	message_begin(c);
	put_create(c, op, &q);
	if (opt.compound) {
		buf_room(c->tx, opt.size + 1024);
		w = put_write(c, op, fid_related, 0, opt.size);
		wr_zero(&w, opt.size);
		request_end(c, &w);
		put_close(c, op, fid_related);
	}
	message_end(c);
	op->bytes = opt.size;
	return true;
}

static void create_answer(struct conn *c, struct op *op, const struct reply *r)
{
	struct smb2_wr w;

	if (opt.compound)
		return;
	if (r->command == SMB2_CREATE && created(op, r, NULL, NULL)) {
		message_begin(c);
		w = put_write(c, op, op->fid, 0, opt.size);
		request_end(c, &w);
		request_data(c, zeros, opt.size);
		message_end(c);
	} else if (r->command == SMB2_WRITE) {
		send_close(c, op, op->fid);
	}
}

const struct job job_create = { "create", create_begin, create_answer };

/* ---- stat, unlink, rename: open, one request, close ---- */

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

/* The head of a SET_INFO of n bytes. */
static struct smb2_wr put_set(struct conn *c, struct op *op, struct smb2_fid fid, uint8_t class,
			      uint32_t n)
{
	struct smb2_wr w = request_begin(c, op, SMB2_SET_INFO, 1);

	wr_le16(&w, 33);
	wr_u8(&w, SMB2_0_INFO_FILE);
	wr_u8(&w, class);
	wr_le32(&w, n);
	wr_le16(&w, SMB2_HDR_SIZE + 32);
	wr_zero(&w, 6);
	wr_le64(&w, fid.persistent);
	wr_le64(&w, fid.vol);
	return w;
}

static void put_disposition(struct conn *c, struct op *op, struct smb2_fid fid)
{
	struct smb2_wr w = put_set(c, op, fid, FileDispositionInformation, 1);

	wr_u8(&w, 1);
	request_end(c, &w);
}

/* MS-FSCC 2.4.42.2; replaces what a run before this one left. */
static void put_rename(struct conn *c, struct op *op, struct smb2_fid fid)
{
	char path[PATH_LEN];
	uint8_t name[PATH_LEN * 2];
	struct smb2_wr w;
	int n;

	two_names(c, op->index, !(c->s->names[op->index] & NAME_R), path);
	n = utf8_to_utf16(path, strlen(path), name, sizeof(name));
	w = put_set(c, op, fid, FileRenameInformation, 20 + (uint32_t)n);
	wr_u8(&w, 1);
	wr_zero(&w, 15);
	wr_le32(&w, (uint32_t)n);
	wr_bytes(&w, name, (uint64_t)n);
	request_end(c, &w);
}

static void put_middle(struct conn *c, struct op *op, struct smb2_fid fid)
{
	const struct job *job = opt.workload->run;

	if (job == &job_stat)
		put_query(c, op, fid);
	else if (job == &job_unlink)
		put_disposition(c, op, fid);
	else
		put_rename(c, op, fid);
}

static void three_begin(struct conn *c, struct op *op, const struct create *q)
{
	message_begin(c);
	put_create(c, op, q);
	if (opt.compound) {
		put_middle(c, op, fid_related);
		put_close(c, op, fid_related);
	}
	message_end(c);
}

static void three_answer(struct conn *c, struct op *op, const struct reply *r)
{
	if (opt.compound)
		return;
	if (r->command == SMB2_CREATE && created(op, r, NULL, NULL)) {
		message_begin(c);
		put_middle(c, op, op->fid);
		message_end(c);
	} else if (r->command == SMB2_QUERY_INFO || r->command == SMB2_SET_INFO) {
		send_close(c, op, op->fid);
	}
}

static bool stat_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { FILE_READ_ATTRIBUTES, FILE_OPEN, 0, path };

	file_path(c, c->s->next, path);
	c->s->next = c->s->next + 1 == opt.files ? 0 : c->s->next + 1;
	three_begin(c, op, &q);
	return true;
}

static bool unlink_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { ACCESS_DELETE, FILE_OPEN, FILE_NON_DIRECTORY_FILE, path };

	if (c->s->next == opt.files)
		return false;
	file_path(c, c->s->next++, path);
	c->s->gone = c->s->next;
	three_begin(c, op, &q);
	return true;
}

/* The next file that no other operation renames: there are more files than operations. */
static bool rename_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { ACCESS_DELETE, FILE_OPEN, FILE_NON_DIRECTORY_FILE, path };
	struct session *s = c->s;

	do {
		op->index = s->next;
		s->next = s->next + 1 == opt.files ? 0 : s->next + 1;
	} while (s->names[op->index] & NAME_BUSY);
	s->names[op->index] |= NAME_BUSY;
	two_names(c, op->index, s->names[op->index] & NAME_R, path);
	three_begin(c, op, &q);
	return true;
}

static void rename_answer(struct conn *c, struct op *op, const struct reply *r)
{
	three_answer(c, op, r);
	if (op->awaited)
		return;
	c->s->names[op->index] &= (uint8_t)~NAME_BUSY;
	if (!op->status)
		c->s->names[op->index] ^= NAME_R;
}

const struct job job_stat = { "stat", stat_begin, three_answer };
const struct job job_unlink = { "unlink", unlink_begin, three_answer };
const struct job job_rename = { "rename", rename_begin, rename_answer };
