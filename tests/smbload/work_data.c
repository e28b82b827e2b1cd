// SPDX-License-Identifier: GPL-2.0-or-later
/* work_data.c - READ and WRITE of a file that each session has for itself. */
#include "smbload.h"

#define FILL_SIZE (1u << 20)

enum kind { KIND_READ, KIND_WRITE, KIND_OPEN };

/* What is written when nobody will look: one buffer, of which the cache keeps what is used. */
static const uint8_t *pattern(void)
{
	static uint8_t *p;
	uint8_t *made = __atomic_load_n(&p, __ATOMIC_ACQUIRE), *other = NULL;

	if (made)
		return made;
	made = xmalloc(SIZE_MAX_IO);
	for (size_t i = 0; i < SIZE_MAX_IO; i++)
		made[i] = (uint8_t)(i * 131 >> 3);
	if (__atomic_compare_exchange_n(&p, &other, made, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return made;
	free(made); /* another worker was faster */
	return other;
}

static uint64_t blocks(void)
{
	return opt.file_size / opt.size;
}

/* ---- READ and WRITE of a range ---- */

static void read_send(struct conn *c, struct op *op, uint64_t offset, uint32_t n)
{
	struct smb2_wr w;

	message_begin(c);
	w = request_begin(c, op, SMB2_READ, charge_of(c, n));
	wr_le16(&w, 49);
	wr_u8(&w, SMB2_HDR_SIZE + 16);
	wr_u8(&w, 0);
	wr_le32(&w, n);
	wr_le64(&w, offset);
	wr_le64(&w, c->s->fid.persistent);
	wr_le64(&w, c->s->fid.vol);
	wr_zero(&w, 17);
	request_end(c, &w);
	message_end(c);
	op->bytes = n;
	op->offset = offset;
	op->kind = KIND_READ;
}

static void write_send(struct conn *c, struct op *op, uint64_t offset, uint32_t n)
{
	struct smb2_wr w;
	uint8_t *p;

	message_begin(c);
	if (opt.verify)
		buf_room(c->tx, n + 1024);
	w = put_write(c, op, c->s->fid, offset, n);
	if (opt.verify && (p = wr_space(&w, n)))
		verify_fill(c->s, op->version, offset, p, n);
	request_end(c, &w);
	if (!opt.verify)
		request_data(c, pattern(), n);
	message_end(c);
	op->bytes = n;
	op->offset = offset;
	op->kind = KIND_WRITE;
}

static void write_answer(struct conn *c, struct op *op, const struct reply *r)
{
	if (!r->status && (r->command != SMB2_WRITE || r->len < SMB2_HDR_SIZE + 8 ||
			   kh_get_le32(r->p + SMB2_HDR_SIZE + 4) != op->bytes))
		op->status = STATUS_WRONG;
}

static void read_answer(struct conn *c, struct op *op, const struct reply *r)
{
	uint32_t at, n;

	if (r->status)
		return;
	at = r->have >= READ_HEAD ? r->p[SMB2_HDR_SIZE + 2] : 0;
	n = at ? kh_get_le32(r->p + SMB2_HDR_SIZE + 4) : 0;
	if (r->command != SMB2_READ || n != op->bytes || r->len < (uint64_t)at + n)
		op->status = STATUS_WRONG;
	else if (opt.verify && !verify_right(c->s, op->version, op->offset, r->p + at, n))
		op->status = STATUS_DATA;
}

static void data_answer(struct conn *c, struct op *op, const struct reply *r)
{
	switch (op->kind) {
	case KIND_READ:
		read_answer(c, op, r);
		break;
	case KIND_WRITE:
		write_answer(c, op, r);
		break;
	case KIND_OPEN:
		if (r->command == SMB2_CREATE && !opt.compound && created(op, r, NULL, NULL))
			send_close(c, op, op->fid);
		return;
	}
	if (opt.verify)
		verify_over(c->s, op, !op->status);
}

/* ---- the file: opened, filled, checked, closed, removed ---- */

static bool open_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { .access = FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES |
				      FILE_WRITE_ATTRIBUTES,
			    .disposition = FILE_OPEN_IF,
			    .options = FILE_NON_DIRECTORY_FILE,
			    .path = path };

	if (c->todo++)
		return false;
	path_of(c, path, "data");
	send_create(c, op, &q);
	return true;
}

static void open_answer(struct conn *c, struct op *op, const struct reply *r)
{
	uint32_t action;
	uint64_t size;

	if (!created(op, r, &action, &size))
		return;
	c->s->fid = op->fid;
	c->s->standing = action == FILE_OPENED && size >= opt.file_size;
	if (opt.verify)
		verify_start(c->s);
}

/* In large pieces, as far as credits go. */
static uint32_t piece(const struct conn *c, uint32_t max)
{
	uint32_t n = MIN(FILL_SIZE, max);

	if (c->dialect == SMB2_DIALECT_202 || c->credits < charge_of(c, n))
		n = CREDIT_UNIT;
	return (uint32_t)MIN(n, opt.file_size - c->todo);
}

static bool fill_begin(struct conn *c, struct op *op)
{
	uint32_t n;

	if ((c->s->standing && opt.reuse && !opt.verify) || c->todo >= opt.file_size)
		return false;
	n = piece(c, c->max_write);
	write_send(c, op, c->todo, n);
	c->todo += n;
	return true;
}

static bool check_begin(struct conn *c, struct op *op)
{
	uint64_t block = c->todo;

	if (block == blocks() || !verify_free(c->s, &block, false))
		return false;
	verify_read(c->s, op, c->todo++);
	read_send(c, op, block * opt.size, opt.size);
	return true;
}

static bool close_begin(struct conn *c, struct op *op)
{
	if (c->todo++)
		return false;
	send_close(c, op, c->s->fid);
	return true;
}

static bool remove_begin(struct conn *c, struct op *op)
{
	char path[PATH_LEN];
	struct create q = { ACCESS_DELETE, FILE_OPEN,
			    FILE_NON_DIRECTORY_FILE | FILE_DELETE_ON_CLOSE, path };

	if (c->todo++ || opt.reuse)
		return false;
	path_of(c, path, "data");
	send_touch(c, op, &q);
	return true;
}

const struct job job_open = { "opening the file", open_begin, open_answer };
const struct job job_fill = { "filling the file", fill_begin, write_answer };
const struct job job_check = { "checking the file", check_begin, data_answer, .checks = true };
const struct job job_close = { "closing the file", close_begin, answer_nothing, .may_fail = true };
const struct job job_remove_data = { "removing the file", remove_begin, answer_nothing,
				     .may_fail = true };

/* ---- the workloads ---- */

static uint64_t anywhere(struct conn *c)
{
	return (uint64_t)((unsigned __int128)dice(c) * blocks() >> 64);
}

static uint64_t onwards(struct conn *c)
{
	uint64_t block = c->s->next;

	c->s->next = block + 1 == blocks() ? 0 : block + 1;
	return block;
}

/* options.c sees to it that with --verify there is always a free block. */
static bool read_block(struct conn *c, struct op *op, uint64_t block)
{
	if (opt.verify) {
		if (!verify_free(c->s, &block, false))
			return false;
		verify_read(c->s, op, block);
	}
	read_send(c, op, block * opt.size, opt.size);
	return true;
}

static bool write_block(struct conn *c, struct op *op, uint64_t block)
{
	if (opt.verify) {
		if (!verify_free(c->s, &block, true))
			return false;
		verify_write(c->s, op, block);
	}
	write_send(c, op, block * opt.size, opt.size);
	return true;
}

static bool read_begin(struct conn *c, struct op *op)
{
	return read_block(c, op, onwards(c));
}

static bool randread_begin(struct conn *c, struct op *op)
{
	return read_block(c, op, anywhere(c));
}

static bool write_begin(struct conn *c, struct op *op)
{
	return write_block(c, op, onwards(c));
}

static bool randwrite_begin(struct conn *c, struct op *op)
{
	return write_block(c, op, anywhere(c));
}

static bool mix_begin(struct conn *c, struct op *op)
{
	unsigned int at = (unsigned int)(dice(c) % 100);
	char path[PATH_LEN];
	struct create q = { FILE_READ_ATTRIBUTES, FILE_OPEN, FILE_NON_DIRECTORY_FILE, path };

	if (at < opt.mix[MIX_READ])
		return randread_begin(c, op);
	if (at < opt.mix[MIX_READ] + opt.mix[MIX_WRITE])
		return randwrite_begin(c, op);
	op->kind = KIND_OPEN;
	path_of(c, path, "data");
	if (opt.compound)
		send_touch(c, op, &q);
	else
		send_create(c, op, &q);
	return true;
}

const struct job job_read = { "read", read_begin, data_answer };
const struct job job_randread = { "randread", randread_begin, data_answer };
const struct job job_write = { "write", write_begin, data_answer };
const struct job job_randwrite = { "randwrite", randwrite_begin, data_answer };
const struct job job_mix = { "mix", mix_begin, data_answer };
