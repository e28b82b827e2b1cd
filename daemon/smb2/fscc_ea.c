// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fscc_ea.c - FileFullEaInformation (MS-FSCC 2.4.15) in both directions, with the list of names
 * that a query may carry (FILE_GET_EA_INFORMATION, 2.4.15.1).
 */
#include "core/utf16.h"
#include "smb2/smb2.h"

#define EA_FIXED    8	   /* NextEntryOffset, Flags, EaNameLength, EaValueLength */
#define EA_LIST_MAX 131072 /* as Windows knows 64 KiB of a file: each entry costs a write */
#define EA_FLAGS    0x80   /* FILE_NEED_EA, the only one that exists */

/* ---- query ---- */

static void put_entry(struct smb2_wr *w, uint64_t *prev, const char *name, const void *value,
		      uint32_t len)
{
	size_t name_len = strlen(name);

	if (*prev != UINT64_MAX) {
		wr_align(w, 4);
		wr_patch_le32(w, *prev, (uint32_t)(w->off - *prev));
	}
	*prev = w->off;
	wr_le32(w, 0);
	wr_u8(w, 0);
	wr_u8(w, (uint8_t)name_len);
	wr_le16(w, (uint16_t)len);
	wr_bytes(w, name, name_len + 1);
	wr_bytes(w, value, len);
}

static bool representable(const struct vfs_ea *ea)
{
	return strlen(ea->name) <= UINT8_MAX && ea->len <= UINT16_MAX;
}

static ntstatus put_all_eas(struct fscc_query *q, const struct vfs_ea *list, unsigned int n)
{
	uint64_t prev = UINT64_MAX;
	size_t room = 0;

	for (unsigned int i = 0; i < n; i++)
		room += EA_FIXED + strlen(list[i].name) + 1 + list[i].len + 4;
	if (!fscc_room(q, room))
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	for (unsigned int i = 0; i < n; i++) {
		if (!representable(&list[i]))
			continue;
		put_entry(&q->w, &prev, list[i].name, list[i].value, list[i].len);
		if (q->single)
			break;
	}
	return prev == UINT64_MAX ? NT_STATUS_NO_EAS_ON_FILE : NT_STATUS_SUCCESS;
}

static const struct vfs_ea *find_ea(const struct vfs_ea *list, unsigned int n, const char *name)
{
	for (unsigned int i = 0; i < n; i++)
		if (utf8_equal_nocase(list[i].name, name) && representable(&list[i]))
			return &list[i];
	return NULL;
}

/* One name of FILE_GET_EA_INFORMATION; *next is 0 behind the last. */
static ntstatus get_entry_parse(struct smb2_rd *r, char name[256], uint32_t *next)
{
	uint8_t len;

	*next = rd_le32(r);
	len = rd_u8(r);
	rd_copy(r, name, len);
	name[len] = 0;
	if (rd_u8(r) != 0)
		rd_fail(r);
	if (!rd_ok(r))
		return NT_STATUS_EA_LIST_INCONSISTENT;
	return vfs_ea_name_valid(name) ? NT_STATUS_SUCCESS : NT_STATUS_INVALID_EA_NAME;
}

/* An EA that is asked for and does not exist has an empty value. */
static ntstatus put_selected_eas(struct fscc_query *q, const struct vfs_ea *list, unsigned int n)
{
	uint64_t off = 0, prev = UINT64_MAX;
	/* an entry of the answer is at most four times its question's, but for the value */
	size_t room = (size_t)q->in_len * 4;
	uint32_t next;

	for (unsigned int i = 0; i < n; i++)
		room += list[i].len;
	if (!fscc_room(q, room))
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	do {
		struct smb2_rd r = rd_init(q->in, q->in_len);
		const struct vfs_ea *ea;
		char name[256];
		ntstatus status;

		rd_seek(&r, off);
		status = get_entry_parse(&r, name, &next);
		if (status)
			return status;
		ea = find_ea(list, n, name);
		put_entry(&q->w, &prev, name, ea ? ea->value : NULL, ea ? ea->len : 0);
		if (next && next < EA_FIXED - 2)
			return NT_STATUS_EA_LIST_INCONSISTENT;
		off += next;
	} while (next && !q->single && wr_ok(&q->w));
	if (!wr_ok(&q->w)) /* one long value, again and again */
		return NT_STATUS_INVALID_PARAMETER;
	return NT_STATUS_SUCCESS;
}

ntstatus fscc_put_eas(struct fscc_query *q)
{
	struct vfs_ea *list = NULL;
	unsigned int n = 0;
	ntstatus status;
	int r;

	if (!q->share->opt.ea_support)
		return NT_STATUS_EAS_NOT_SUPPORTED;
	r = vfs_ea_list(q->share, q->open->fd, &list, &n);
	if (r < 0)
		return vfs_errno(r);
	status = q->in_len ? put_selected_eas(q, list, n) : put_all_eas(q, list, n);
	vfs_ea_list_free(list, n);
	return status;
}

/* ---- set ---- */

struct ea_entry {
	char name[256];
	const uint8_t *value;
	uint16_t len;
	uint32_t next;
};

static ntstatus full_entry_parse(struct smb2_rd *r, struct ea_entry *e)
{
	uint8_t flags, name_len;

	e->next = rd_le32(r);
	flags = rd_u8(r);
	name_len = rd_u8(r);
	e->len = rd_le16(r);
	rd_copy(r, e->name, name_len);
	e->name[name_len] = 0;
	if (rd_u8(r) != 0)
		rd_fail(r);
	e->value = rd_bytes(r, e->len);
	if (!rd_ok(r))
		return NT_STATUS_EA_LIST_INCONSISTENT;
	if (flags & ~EA_FLAGS)
		return NT_STATUS_INVALID_EA_NAME;
	if (strlen(e->name) != name_len || !vfs_ea_name_valid(e->name))
		return NT_STATUS_INVALID_EA_NAME;
	return NT_STATUS_SUCCESS;
}

static ntstatus ea_set_one(const struct vfs_share *s, int fd, const struct ea_entry *e)
{
	int r = vfs_ea_set(s, fd, e->name, e->value, e->len);

	if (r == -E2BIG || r == -ERANGE)
		return NT_STATUS_EA_TOO_LARGE;
	return vfs_errno(r);
}

/* Walks the list; sets each entry unless it is only to be checked. */
static ntstatus ea_walk(const struct vfs_share *s, int fd, const uint8_t *buf, size_t len,
			bool check_only)
{
	struct ea_entry e;
	uint64_t off = 0;
	ntstatus status;

	do {
		struct smb2_rd r = rd_init(buf, len);

		rd_seek(&r, off);
		status = full_entry_parse(&r, &e);
		if (!status && e.next && e.next < EA_FIXED)
			status = NT_STATUS_EA_LIST_INCONSISTENT;
		if (!status && !check_only)
			status = ea_set_one(s, fd, &e);
		off += e.next;
	} while (!status && e.next);
	return status;
}

/* The whole list is checked before the first is set: a bad one changes nothing. */
ntstatus fscc_ea_set(struct vfs_share *s, int fd, const uint8_t *buf, size_t len)
{
	ntstatus status;

	if (!s->opt.ea_support)
		return NT_STATUS_EAS_NOT_SUPPORTED;
	if (len > EA_LIST_MAX)
		return NT_STATUS_EA_TOO_LARGE;
	status = ea_walk(s, fd, buf, len, true);
	return status ? status : ea_walk(s, fd, buf, len, false);
}
