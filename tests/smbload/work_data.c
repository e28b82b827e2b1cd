// SPDX-License-Identifier: GPL-2.0-or-later
/* work_data.c - READ and WRITE of a file that each connection has for itself. */
#include "smbload.h"

#include <stdio.h>

#define PATTERN_SIZE SIZE_MAX_IO

/* What is written when nobody will look: one buffer, of which the cache keeps what is used. */
static const uint8_t *pattern(void)
{
	static uint8_t *p;

	if (!__atomic_load_n(&p, __ATOMIC_ACQUIRE)) {
		uint8_t *made = xmalloc(PATTERN_SIZE), *none = NULL;

		for (size_t i = 0; i < PATTERN_SIZE; i++)
			made[i] = (uint8_t)(i * 131 >> 3);
		if (!__atomic_compare_exchange_n(&p, &none, made, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
			free(made);
	}
	return p;
}

static void data_path(const struct conn *c, char *buf, size_t n)
{
	snprintf(buf, n, "%s\\c%05u\\data", opt.folder, c->index);
}

/* ---- the file: opened, filled, closed, removed ---- */

static bool open_begin(struct conn *c, struct op *op)
{
	char path[300];
	struct create q = { .access = FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES |
				      FILE_WRITE_ATTRIBUTES,
			    .disposition = FILE_OPEN_IF,
			    .options = FILE_NON_DIRECTORY_FILE,
			    .path = path };

	if (c->todo++)
		return false;
	data_path(c, path, sizeof(path));
	send_create(c, op, &q);
	return true;
}

static void open_answer(struct conn *c, struct op *op, const struct reply *r)
{
	uint32_t action;
	uint64_t size;

	if (r->status)
		return;
	if (!created(r, &c->fid, &action, &size))
		op->status = STATUS_WRONG;
	c->standing = action == FILE_OPENED && size >= opt.file_size;
}

static bool fill_begin(struct conn *c, struct op *op)
{
	uint32_t n = MIN(1u << 20, c->max_write);

	if (c->dialect == SMB2_DIALECT_202)
		n = MIN(n, CREDIT_UNIT);
	if (c->credits < charge_of(c, n))
		n = CREDIT_UNIT;
	if ((c->standing && opt.reuse) || c->todo >= opt.file_size)
		return false;
	n = (uint32_t)MIN(n, opt.file_size - c->todo);
	message_begin(c);
	put_write(c, op, c->fid, c->todo, pattern(), n);
	message_end(c);
	c->todo += n;
	op->bytes = n;
	return true;
}

static void write_answer(struct conn *c, struct op *op, const struct reply *r)
{
	if (!r->status &&
	    (r->len < SMB2_HDR_SIZE + 8 || kh_get_le32(r->p + SMB2_HDR_SIZE + 4) != op->bytes))
		op->status = STATUS_WRONG;
}

static bool close_begin(struct conn *c, struct op *op)
{
	if (c->todo++)
		return false;
	send_close(c, op, c->fid);
	return true;
}

static void ignore_answer(struct conn *c, struct op *op, const struct reply *r)
{
}

static bool remove_begin(struct conn *c, struct op *op)
{
	char path[300];
	struct create q = { .access = 0x00010000u, /* DELETE */
			    .disposition = FILE_OPEN,
			    .options = FILE_NON_DIRECTORY_FILE | FILE_DELETE_ON_CLOSE,
			    .path = path };

	if (c->todo++ || opt.reuse)
		return false;
	data_path(c, path, sizeof(path));
	message_begin(c);
	put_create(c, op, &q);
	put_close(c, op, fid_related);
	message_end(c);
	return true;
}

const struct job job_open = { "opening the file", open_begin, open_answer };
const struct job job_fill = { "filling the file", fill_begin, write_answer };
const struct job job_close = { "closing the file", close_begin, ignore_answer, .may_fail = true };
const struct job job_remove_data = { "removing the file", remove_begin, ignore_answer,
				     .may_fail = true };

/* ---- the workloads ---- */

static uint64_t dice(struct conn *c)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	return c->random ^= c->random << 17;
}

static uint64_t blocks(void)
{
	return opt.file_size / opt.size;
}

static uint64_t anywhere(struct conn *c)
{
	return (uint64_t)((unsigned __int128)dice(c) * blocks() >> 64) * opt.size;
}

static uint64_t onwards(struct conn *c)
{
	uint64_t block = c->next;

	c->next = block + 1 == blocks() ? 0 : block + 1;
	return block * opt.size;
}

static void read_at(struct conn *c, struct op *op, uint64_t offset)
{
	struct smb2_wr w;

	message_begin(c);
	w = request_begin(c, op, SMB2_READ, charge_of(c, opt.size));
	wr_le16(&w, 49);
	wr_u8(&w, SMB2_HDR_SIZE + 16);
	wr_u8(&w, 0);
	wr_le32(&w, opt.size);
	wr_le64(&w, offset);
	wr_le64(&w, c->fid.persistent);
	wr_le64(&w, c->fid.vol);
	wr_zero(&w, 17);
	request_end(c, &w);
	message_end(c);
	op->bytes = opt.size;
	op->offset = offset;
}

static void read_answer(struct conn *c, struct op *op, const struct reply *r)
{
	uint32_t at, n;

	if (r->status)
		return;
	at = r->have >= SMB2_HDR_SIZE + 16 ? r->p[SMB2_HDR_SIZE + 2] : 0;
	n = at ? kh_get_le32(r->p + SMB2_HDR_SIZE + 4) : 0;
	if (n != op->bytes || r->len < (uint64_t)at + n)
		op->status = STATUS_WRONG;
}

static void write_at(struct conn *c, struct op *op, uint64_t offset)
{
	message_begin(c);
	put_write(c, op, c->fid, offset, pattern(), opt.size);
	message_end(c);
	op->bytes = opt.size;
	op->offset = offset;
}

static bool read_begin(struct conn *c, struct op *op)
{
	read_at(c, op, onwards(c));
	return true;
}

static bool randread_begin(struct conn *c, struct op *op)
{
	read_at(c, op, anywhere(c));
	return true;
}

static bool write_begin(struct conn *c, struct op *op)
{
	write_at(c, op, onwards(c));
	return true;
}

static bool randwrite_begin(struct conn *c, struct op *op)
{
	write_at(c, op, anywhere(c));
	return true;
}

const struct job job_read = { "read", read_begin, read_answer };
const struct job job_randread = { "randread", randread_begin, read_answer };
const struct job job_write = { "write", write_begin, write_answer };
const struct job job_randwrite = { "randwrite", randwrite_begin, write_answer };
