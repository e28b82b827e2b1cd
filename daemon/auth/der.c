// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * der.c - DER elements on the sticky cursors.
 */
#include "auth/mech.h"

uint8_t der_peek(const struct smb2_rd *r)
{
	return rd_left(r) ? r->buf[r->off] : 0;
}

struct smb2_rd der_next(struct smb2_rd *r, uint8_t tag)
{
	uint8_t got = rd_u8(r), first = rd_u8(r);
	uint64_t len = first;
	const uint8_t *p;
	int i;

	if ((got & 0x1F) == 0x1F || (tag && got != tag))
		rd_fail(r);
	if (first == 0x80 || first > 0x84) /* indefinite, or more than a frame can hold */
		rd_fail(r);
	if (first > 0x80) {
		len = 0;
		for (i = 0; i < (first & 0x7F); i++)
			len = len << 8 | rd_u8(r);
		if (len < 0x80 || len >> (8 * ((first & 0x7F) - 1)) == 0)
			rd_fail(r); /* not minimal */
	}
	p = rd_bytes(r, len);
	if (!p) {
		struct smb2_rd bad = { NULL, 0, 0, true };

		return bad;
	}
	return rd_init(p, len);
}

void der_wrap(struct smb2_wr *w, uint64_t start, uint8_t tag)
{
	uint64_t len = w->off - start;
	uint8_t head[4] = { tag };
	size_t n;

	if (len < 0x80) {
		head[1] = (uint8_t)len;
		n = 2;
	} else if (len < 0x100) {
		head[1] = 0x81;
		head[2] = (uint8_t)len;
		n = 3;
	} else {
		head[1] = 0x82;
		head[2] = (uint8_t)(len >> 8);
		head[3] = (uint8_t)len;
		n = 4;
	}
	if (len > 0xFFFF || !wr_space(w, n)) {
		wr_fail(w);
		return;
	}
	memmove(w->buf + start + n, w->buf + start, len);
	memcpy(w->buf + start, head, n);
}
