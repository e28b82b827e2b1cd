// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fscc_dir.c - one entry of a listing in each of the seven directory information classes (MS-FSCC
 * 2.4.8, 2.4.10, 2.4.14, 2.4.17 to 2.4.19, 2.4.28). They differ in what stands between the sizes
 * and the name, so one row per class says that.
 */
#include "core/utf16.h"
#include "smb2/smb2.h"

#define SHORT_NAME_ROOM 24

static const struct fscc_dir_class classes[] = {
	/* class, bytes before the name, attributes, EaSize, tag, short name, file id */
	{ FileDirectoryInformation, 64, .attr = true },
	{ FileFullDirectoryInformation, 68, .attr = true, .ea = true },
	{ FileBothDirectoryInformation, 94, .attr = true, .ea = true, .short_name = true },
	{ FileNamesInformation, 12 },
	{ FileIdBothDirectoryInformation, 104, .attr = true, .ea = true, .short_name = true,
	  .id_len = 8 },
	{ FileIdFullDirectoryInformation, 80, .attr = true, .ea = true, .id_len = 8 },
	{ FileIdExtdDirectoryInformation, 88, .attr = true, .ea = true, .tag = true, .id_len = 16 },
	{ FilePosixInformation, FSCC_POSIX_DIR_SIZE, .attr = true, .posix = true },
};

const struct fscc_dir_class *fscc_dir_class(uint8_t info_class)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (classes[i].info_class == info_class)
			return &classes[i];
	return NULL;
}

/* EaSize of a reparse point is its tag, where the class has no field for that. */
static void put_ea_size(struct smb2_wr *w, const struct fscc_dir_class *c, const struct vfs_attr *a,
			uint32_t ea_size)
{
	bool reparse = a->attributes & FILE_ATTRIBUTE_REPARSE_POINT;

	if (c->tag) {
		wr_le32(w, ea_size);
		wr_le32(w, reparse ? a->reparse_tag : 0);
	} else {
		wr_le32(w, reparse ? a->reparse_tag : ea_size);
	}
}

/* One that has an 8.3 name anyway is listed without another, as on NTFS. */
static void put_short_name(struct smb2_wr *w, const char *name, bool wanted)
{
	char made[VFS_SHORT_NAME] = "";
	uint8_t *room;
	int len;

	if (wanted && !vfs_name_is_short(name))
		vfs_short_name_of(name, made);
	len = utf8_utf16_len(made, strlen(made));
	wr_u8(w, (uint8_t)len);
	wr_u8(w, 0);
	room = wr_space(w, SHORT_NAME_ROOM);
	if (!room)
		return;
	memset(room, 0, SHORT_NAME_ROOM);
	(void)utf8_to_utf16(made, strlen(made), room, (size_t)len);
}

/* The reserved two bytes of the classes with a 64-bit id align it; 2.4.17, 2.4.18. */
static void put_tail(struct smb2_wr *w, const struct fscc_dir_class *c, const struct vfs_attr *a,
		     const char *name, uint32_t ea_size, bool short_names)
{
	if (c->ea)
		put_ea_size(w, c, a, ea_size);
	if (c->short_name)
		put_short_name(w, name, short_names);
	if (c->id_len == 8) {
		if (c->short_name)
			wr_le16(w, 0);
		else
			wr_le32(w, 0);
		wr_le64(w, a->id.ino);
	} else if (c->id_len == 16) {
		wr_le64(w, a->id.ino);
		wr_le64(w, 0);
	}
}

bool fscc_dir_put(struct smb2_wr *w, const struct fscc_dir_class *c, const char *name, int name_len,
		  const struct vfs_attr *a, uint32_t ea_size, bool short_names)
{
	uint8_t *room;

	if (wr_left(w) < (uint64_t)c->fixed + (uint64_t)name_len)
		return false;
	wr_le32(w, 0); /* NextEntryOffset: patched when another follows */
	wr_le32(w, 0); /* FileIndex: undefined for NTFS, and here */
	if (c->posix) {
		fscc_posix_put(w, a);
	} else if (c->attr) {
		fscc_put_times(w, a);
		wr_le64(w, a->end_of_file); /* before AllocationSize, unlike elsewhere */
		wr_le64(w, a->alloc_size);
		wr_le32(w, a->attributes);
	}
	wr_le32(w, (uint32_t)name_len);
	if (c->attr && !c->posix)
		put_tail(w, c, a, name, ea_size, short_names);
	room = wr_space(w, (uint64_t)name_len);
	if (room)
		(void)utf8_to_utf16(name, strlen(name), room, (size_t)name_len);
	return true;
}
