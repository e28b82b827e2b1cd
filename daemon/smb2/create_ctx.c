// SPDX-License-Identifier: GPL-2.0-or-later
/* create_ctx.c - lists of create contexts (MS-SMB2 2.2.13.2, 2.2.14.2). */
#include "smb2/smb2.h"

/* Names of 16 bytes. */
static const uint8_t app_instance_version[16] = { 0xB9, 0x82, 0xD0, 0xB7, 0x3B, 0x56, 0x07, 0x4F,
						  0xA0, 0x7B, 0x52, 0x4A, 0x81, 0x16, 0xA0, 0x10 };
static const uint8_t app_instance_id[16] = { 0x45, 0xBC, 0xA6, 0x6A, 0xEF, 0xA7, 0xF7, 0x4A,
					     0x90, 0x08, 0xFA, 0x46, 0x2E, 0x14, 0x4D, 0x74 };
const uint8_t posix_extensions_guid[16] = { 0x93, 0xAD, 0x25, 0x50, 0x9C, 0xB4, 0x11, 0xE7,
					    0xB4, 0x23, 0x83, 0xDE, 0x96, 0x8B, 0xCD, 0x7C };

static bool take_lease(struct smb2_rd *d, struct create_lease *l)
{
	if (d->len != 32 && d->len != 52)
		return false;
	l->version = d->len == 32 ? 1 : 2;
	rd_copy(d, l->key, 16);
	l->state = rd_le32(d);
	l->flags = rd_le32(d);
	rd_skip(d, 8);
	if (l->version == 2) {
		rd_copy(d, l->parent_key, 16);
		l->epoch = rd_le16(d);
	}
	return rd_ok(d);
}

static bool take_durable(uint32_t tag, struct smb2_rd *d, struct create_durable *q)
{
	bool v2 = tag == CREATE_CTX_DURABLE_V2 || tag == CREATE_CTX_RECONNECT_V2;
	size_t size = tag == CREATE_CTX_RECONNECT_V2 ? 36 : v2 ? 32 : 16;

	if (d->len != size)
		return false;
	switch (tag) {
	case CREATE_CTX_DURABLE:
		q->seen |= CREATE_HAS_DHNQ;
		q->request = 1;
		break;
	case CREATE_CTX_RECONNECT:
		q->seen |= CREATE_HAS_DHNC;
		q->reconnect = 1;
		q->fid = rd_fid(d);
		break;
	case CREATE_CTX_DURABLE_V2:
		q->seen |= CREATE_HAS_DH2Q;
		q->request = 2;
		q->timeout_ms = rd_le32(d);
		q->flags = rd_le32(d);
		rd_skip(d, 8);
		rd_copy(d, q->create_guid, 16);
		break;
	case CREATE_CTX_RECONNECT_V2:
		q->seen |= CREATE_HAS_DH2C;
		q->reconnect = 2;
		q->fid = rd_fid(d);
		rd_copy(d, q->create_guid, 16);
		q->flags = rd_le32(d);
		break;
	}
	return rd_ok(d);
}

static bool take_long(const uint8_t name[16], struct smb2_rd *d, struct create_ctx *out)
{
	if (!memcmp(name, app_instance_id, 16)) {
		if (d->len != 20)
			return false;
		rd_skip(d, 4);
		rd_copy(d, out->app.id, 16);
		out->app.present = true;
	} else if (!memcmp(name, app_instance_version, 16)) {
		if (d->len != 24)
			return false;
		rd_skip(d, 8);
		out->app.version[0] = rd_le64(d);
		out->app.version[1] = rd_le64(d);
		out->app.has_version = true;
	} else if (!memcmp(name, posix_extensions_guid, 16)) {
		if (d->len != 4)
			return false;
		out->posix = true;
		out->posix_mode = rd_le32(d);
	}
	return rd_ok(d);
}

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
	case CREATE_CTX_LEASE:
		return take_lease(d, &out->lease);
	case CREATE_CTX_DURABLE:
	case CREATE_CTX_RECONNECT:
	case CREATE_CTX_DURABLE_V2:
	case CREATE_CTX_RECONNECT_V2:
		return take_durable(tag, d, &out->durable);
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
		out->n++;
		if (name_len == 4 && !take(rd_be32(&name), &data, out))
			return NT_STATUS_INVALID_PARAMETER;
		if (name_len == 16 && !take_long(name.buf, &data, out))
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
