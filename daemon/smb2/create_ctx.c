// SPDX-License-Identifier: GPL-2.0-or-later
/* create_ctx.c - lists of create contexts (MS-SMB2 2.2.13.2, 2.2.14.2). */
#include "smb2/smb2.h"

/* One context whose name is a four-byte tag. False: malformed data. */
static bool take(uint32_t tag, struct smb2_rd *d, struct create_ctx *out)
{
	switch (tag) {
	case CREATE_CTX_MAXIMAL_ACCESS:
		if (d->len != 0 && d->len != 8)
			return false;
		out->mxac = true;
		out->mxac_has_timestamp = d->len == 8;
		if (d->len == 8)
			out->mxac_timestamp = rd_le64(d);
		break;
	case CREATE_CTX_QUERY_ON_DISK:
		if (d->len)
			return false;
		out->qfid = true;
		break;
	case CREATE_CTX_ALLOCATION:
		if (d->len != 8)
			return false;
		out->alsi = true;
		out->alloc_size = rd_le64(d);
		break;
	case CREATE_CTX_TIMEWARP:
		if (d->len != 8)
			return false;
		out->twrp = true;
		out->timewarp = rd_le64(d);
		break;
	case CREATE_CTX_EA:
		out->ea = d->buf;
		out->ea_len = (uint32_t)d->len;
		break;
	case CREATE_CTX_SD:
		out->sd = d->buf;
		out->sd_len = (uint32_t)d->len;
		break;
	}
	return rd_ok(d); /* tags that are not known are ignored */
}

ntstatus create_ctx_parse(const uint8_t *buf, size_t len, struct create_ctx *out)
{
	size_t off = 0;

	memset(out, 0, sizeof(*out));
	while (len) {
		struct smb2_rd r, name, data;
		uint32_t next, data_len;
		uint16_t name_off, name_len, data_off;
		size_t size;

		r = rd_init(buf + off, len - off);
		next = rd_le32(&r);
		/* NextCommand's rules: forward, aligned, inside. */
		if (next && (next % 8 || next < 16 || next >= len - off))
			rd_fail(&r);
		size = next ? next : len - off;
		if (!rd_ok(&r))
			return NT_STATUS_INVALID_PARAMETER;
		r = rd_init(buf + off, size);
		rd_skip(&r, 4);
		name_off = rd_le16(&r);
		name_len = rd_le16(&r);
		rd_skip(&r, 2);
		data_off = rd_le16(&r);
		data_len = rd_le32(&r);
		name = rd_sub(&r, name_off, name_len);
		data = rd_sub(&r, data_len ? data_off : 0, data_len);
		if (!rd_ok(&r) || name_len < 4)
			return NT_STATUS_INVALID_PARAMETER;
		if (name_len == 4 && !take(rd_be32(&name), &data, out))
			return NT_STATUS_INVALID_PARAMETER;
		if (!next)
			break;
		off += next;
	}
	return NT_STATUS_SUCCESS;
}

void create_ctx_put(struct smb2_wr *w, uint64_t *prev, uint32_t tag, const void *data, size_t len)
{
	uint64_t start;

	wr_align(w, 8);
	start = w->off;
	if (*prev)
		wr_patch_le32(w, *prev, (uint32_t)(start - *prev));
	*prev = start;
	wr_le32(w, 0);
	wr_le16(w, 16);
	wr_le16(w, 4);
	wr_le16(w, 0);
	wr_le16(w, len ? 24 : 0);
	wr_le32(w, (uint32_t)len);
	wr_u8(w, (uint8_t)(tag >> 24));
	wr_u8(w, (uint8_t)(tag >> 16));
	wr_u8(w, (uint8_t)(tag >> 8));
	wr_u8(w, (uint8_t)tag);
	wr_zero(w, 4);
	wr_bytes(w, data, len);
	wr_align(w, 8);
}
