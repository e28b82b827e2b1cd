// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * work_list.c - a folder that all sessions list, from its first to its last entry. An operation is
 * a whole listing; that it says all entries is checked.
 */
#include "smbload.h"

#include <stdio.h>

static bool standing; /* the folder was there: with --reuse it is taken as it is */

/* ---- the folder: the first session's; its entries are everyone's work ---- */

/* One for each number of entries, so that those that are kept (--reuse) do not meet. */
static void folder_path(char path[PATH_LEN])
{
	snprintf(path, PATH_LEN, "%s\\list%u", opt.folder, opt.entries);
}

/* This session's next entry; false: it has none left. */
static bool entry_path(struct conn *c, char path[PATH_LEN])
{
	uint64_t i = c->todo++ * opt.connections + c->s->index;

	if (i >= opt.entries)
		return false;
	snprintf(path, PATH_LEN, "%s\\list%u\\file-number-%07llu.dat", opt.folder, opt.entries,
		 (unsigned long long)i);
	return true;
}

static bool folder_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { FILE_READ_ATTRIBUTES, FILE_OPEN_IF, FILE_DIRECTORY_FILE, path };

	if (c->s->index || c->todo++)
		return false;
	folder_path(path);
	send_touch(c, op, &q);
	return true;
}

static void folder_answer(struct conn *c, struct op *op, const struct reply *r)
{
	uint32_t action;

	if (r->command == SMB2_CREATE && created(op, r, &action, NULL))
		standing = action == FILE_OPENED;
}

static bool folder_remove_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { ACCESS_DELETE, FILE_OPEN, FILE_DIRECTORY_FILE | FILE_DELETE_ON_CLOSE,
			    path };

	if (c->s->index || c->todo++ || opt.reuse)
		return false;
	folder_path(path);
	send_touch(c, op, &q);
	return true;
}

static bool entries_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { FILE_READ_ATTRIBUTES, FILE_OPEN_IF, FILE_NON_DIRECTORY_FILE, path };

	if ((opt.reuse && standing) || !entry_path(c, path))
		return false;
	send_touch(c, op, &q);
	return true;
}

static bool entries_remove_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { ACCESS_DELETE, FILE_OPEN,
			    FILE_NON_DIRECTORY_FILE | FILE_DELETE_ON_CLOSE, path };

	if (opt.reuse || !entry_path(c, path))
		return false;
	send_touch(c, op, &q);
	return true;
}

const struct job job_list_folder = { "creating the folder to list", folder_begin, folder_answer };
const struct job job_entries = { "creating the entries", entries_begin, answer_nothing };
const struct job job_entries_remove = { "removing the entries", entries_remove_begin,
					answer_nothing, .may_fail = true };
const struct job job_list_remove = { "removing the listed folder", folder_remove_begin,
				     answer_nothing, .may_fail = true };

/* ---- the listing ---- */

static void put_query(struct conn *c, struct op *op, struct smb2_fid fid)
{
	struct smb2_wr w = request_begin(c, op, SMB2_QUERY_DIRECTORY, charge_of(c, opt.size));

	wr_le16(&w, 33);
	wr_u8(&w, FileIdBothDirectoryInformation);
	wr_u8(&w, 0);
	wr_le32(&w, 0);
	wr_le64(&w, fid.persistent);
	wr_le64(&w, fid.vol);
	wr_le16(&w, SMB2_HDR_SIZE + 32);
	wr_le16(&w, 2);
	wr_le32(&w, opt.size);
	wr_le16(&w, '*');
	request_end(c, &w);
}

static bool list_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES, FILE_OPEN,
			    FILE_DIRECTORY_FILE, path };

	folder_path(path);
	message_begin(c);
	put_create(c, op, &q);
	if (opt.compound)
		put_query(c, op, fid_related);
	message_end(c);
	return true;
}

/* The entries of one answer; 0: it makes no sense. */
static uint64_t entries_of(const struct reply *r, uint32_t *bytes)
{
	uint64_t n = 0, off = 0;
	uint32_t at, len, next;
	const uint8_t *p;

	if (r->len < SMB2_HDR_SIZE + 8)
		return 0;
	at = kh_get_le16(r->p + SMB2_HDR_SIZE + 2);
	len = kh_get_le32(r->p + SMB2_HDR_SIZE + 4);
	if (at > r->len || len > r->len - at)
		return 0;
	p = r->p + at;
	*bytes = len;
	do {
		if (len < 104 || off > len - 104) /* MS-FSCC 2.4.17, up to FileName */
			return 0;
		next = kh_get_le32(p + off);
		off += next;
		n++;
	} while (next);
	return n;
}

static void list_answer(struct conn *c, struct op *op, const struct reply *r)
{
	uint32_t bytes = 0;
	uint64_t n;

	if (r->command == SMB2_CREATE) {
		if (!created(op, r, NULL, NULL) || opt.compound)
			return;
	} else if (r->command == SMB2_CLOSE) {
		return;
	} else if (!r->status && (n = entries_of(r, &bytes))) {
		op->index += n;
		op->bytes += bytes;
	} else {
		if (op->status == NT_STATUS_NO_MORE_FILES)
			op->status = op->index == opt.entries + 2ull ? 0 : STATUS_WRONG;
		else if (!op->status)
			op->status = STATUS_WRONG;
		if (op->fid.persistent || op->fid.vol)
			send_close(c, op, op->fid);
		return;
	}
	message_begin(c);
	put_query(c, op, op->fid);
	message_end(c);
}

const struct job job_list = { "list", list_begin, list_answer };
