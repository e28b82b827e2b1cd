// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fscc_stream.c - FileStreamInformation (MS-FSCC 2.4.44): the default stream of a file, then the
 * alternate ones of files and directories alike.
 */
#include "core/utf16.h"
#include "smb2/smb2.h"

#define ENTRY_FIXED 24
#define SUFFIX	    ":$DATA"

/* Room that entries of these streams can take, padding included. */
static size_t room_needed(const struct vfs_stream *list, unsigned int n)
{
	size_t total = ENTRY_FIXED + 2 * sizeof("::$DATA") + 8;

	for (unsigned int i = 0; i < n; i++)
		total += ENTRY_FIXED + 2 * (strlen(list[i].name) + sizeof(SUFFIX) + 1) + 8;
	return total;
}

/* *prev is the offset of the entry before, UINT64_MAX in front of the first. */
static void put_entry(struct smb2_wr *w, uint64_t *prev, const char *name, uint64_t size,
		      uint64_t alloc)
{
	_cleanup_free_ char *full = xasprintf(":%s" SUFFIX, name);
	int len = utf8_utf16_len(full, strlen(full));
	uint8_t *room;

	if (len < 0)
		return; /* not a name that a client could use */
	if (*prev != UINT64_MAX) {
		wr_align(w, 8);
		wr_patch_le32(w, *prev, (uint32_t)(w->off - *prev));
	}
	*prev = w->off;
	wr_le32(w, 0);
	wr_le32(w, (uint32_t)len);
	wr_le64(w, size);
	wr_le64(w, alloc);
	room = wr_space(w, (uint64_t)len);
	if (room)
		(void)utf8_to_utf16(full, strlen(full), room, (size_t)len);
}

ntstatus fscc_put_streams(struct fscc_query *q)
{
	struct vfs_stream *list = NULL;
	unsigned int n = 0;
	uint64_t prev = UINT64_MAX;
	struct vfs_attr base;
	int r = vfs_attr_stat(q->share, q->open->fd, "", &base);

	if (!r && q->share->opt.streams)
		r = vfs_stream_list(q->open->fd, &list, &n);
	if (r < 0)
		return vfs_errno(r);
	if (!fscc_room(q, room_needed(list, n))) {
		vfs_stream_list_free(list, n);
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	}
	if (!base.is_dir)
		put_entry(&q->w, &prev, "", base.end_of_file, base.alloc_size);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t alloc = vfs_round_alloc(q->share, (list[i].size + 511) & ~511ull);

		put_entry(&q->w, &prev, list[i].name, list[i].size, alloc);
	}
	vfs_stream_list_free(list, n);
	return NT_STATUS_SUCCESS;
}
