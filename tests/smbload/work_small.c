// SPDX-License-Identifier: GPL-2.0-or-later
/* work_small.c - LOCK and ECHO. */
#include "smbload.h"

#define LOCK_EXCLUSIVE_NOW 0x12u /* SMB2_LOCKFLAG_EXCLUSIVE_LOCK, FAIL_IMMEDIATELY: 2.2.26.1 */
#define LOCK_UNLOCK	   0x04u

/* Every operation has a range of its own: what is measured is the lock, not the wait for it. */
static void lock_send(struct conn *c, struct op *op, uint32_t flags)
{
	struct smb2_wr w;

	message_begin(c);
	w = request_begin(c, op, SMB2_LOCK, 1);
	wr_le16(&w, 48);
	wr_le16(&w, 1);
	wr_le32(&w, 0);
	wr_le64(&w, c->s->fid.persistent);
	wr_le64(&w, c->s->fid.vol);
	wr_le64(&w, op->offset);
	wr_le64(&w, 16);
	wr_le32(&w, flags);
	wr_le32(&w, 0);
	request_end(c, &w);
	message_end(c);
	op->kind = flags == LOCK_EXCLUSIVE_NOW;
}

static bool lock_begin(struct conn *c, struct op *op)
{
	op->offset = ((uint64_t)c->index * DEPTH_MAX + (uint64_t)(op - c->ops)) * 16;
	lock_send(c, op, LOCK_EXCLUSIVE_NOW);
	return true;
}

static void lock_answer(struct conn *c, struct op *op, const struct reply *r)
{
	if (!r->status && op->kind)
		lock_send(c, op, LOCK_UNLOCK);
}

const struct job job_lock = { "lock", lock_begin, lock_answer };

static bool echo_begin(struct conn *c, struct op *op)
{
	struct smb2_wr w;

	message_begin(c);
	w = request_begin(c, op, SMB2_ECHO, 1);
	wr_le16(&w, 4);
	wr_le16(&w, 0);
	request_end(c, &w);
	message_end(c);
	return true;
}

const struct job job_echo = { "echo", echo_begin, answer_nothing };
