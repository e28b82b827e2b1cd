// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fscc_fs.c - file system information classes of QUERY_INFO (MS-FSCC 2.5, MS-SMB2 3.3.5.20.2).
 */
#include "core/utf16.h"
#include "smb2/smb2.h"

#define FILE_DEVICE_DISK	 0x00000007u
#define FILE_READ_ONLY_DEVICE	 0x00000002u
#define FILE_DEVICE_IS_MOUNTED	 0x00000020u
#define SSINFO_ALIGNED_DEVICE	 0x00000001u
#define SSINFO_PARTITION_ALIGNED 0x00000002u
#define SSINFO_TRIM_ENABLED	 0x00000008u

/* A name behind a length that was written at `at`. */
static ntstatus put_string(struct smb2_wr *w, uint64_t at, const char *s)
{
	int len = utf8_utf16_len(s, strlen(s));
	uint8_t *room;

	if (len < 0)
		return NT_STATUS_OBJECT_NAME_INVALID;
	wr_patch_le32(w, at, (uint32_t)len);
	room = wr_space(w, (uint64_t)len);
	if (room)
		(void)utf8_to_utf16(s, strlen(s), room, (size_t)len);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_volume(struct fscc_query *q, const struct vfs_fs_info *fs)
{
	if (!fscc_room(q, 18 + 2 * strlen(fs->label)))
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le64(&q->w, fs->create_time);
	wr_le32(&q->w, fs->serial);
	wr_le32(&q->w, 0);
	wr_le16(&q->w, 0); /* SupportsObjects, Reserved */
	return put_string(&q->w, 12, fs->label);
}

static ntstatus put_size(struct fscc_query *q, const struct vfs_fs_info *fs)
{
	wr_le64(&q->w, fs->total_units);
	wr_le64(&q->w, fs->free_units);
	wr_le32(&q->w, fs->sectors_per_unit);
	wr_le32(&q->w, fs->bytes_per_sector);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_full_size(struct fscc_query *q, const struct vfs_fs_info *fs)
{
	wr_le64(&q->w, fs->total_units);
	wr_le64(&q->w, fs->free_units);
	wr_le64(&q->w, fs->actual_free_units);
	wr_le32(&q->w, fs->sectors_per_unit);
	wr_le32(&q->w, fs->bytes_per_sector);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_device(struct fscc_query *q, const struct vfs_fs_info *fs)
{
	bool ro = q->open->tree->read_only;

	wr_le32(&q->w, FILE_DEVICE_DISK);
	wr_le32(&q->w, FILE_DEVICE_IS_MOUNTED | (ro ? FILE_READ_ONLY_DEVICE : 0));
	return NT_STATUS_SUCCESS;
}

static ntstatus put_attribute(struct fscc_query *q, const struct vfs_fs_info *fs)
{
	if (!fscc_room(q, 12 + 2 * strlen(fs->fs_name)))
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le32(&q->w, fs->attributes);
	wr_le32(&q->w, fs->max_component);
	wr_le32(&q->w, 0);
	return put_string(&q->w, 8, fs->fs_name);
}

/* Quotas are not tracked: no thresholds, no limits, nothing enforced. */
static ntstatus put_control(struct fscc_query *q, const struct vfs_fs_info *fs)
{
	wr_zero(&q->w, 24);
	wr_le64(&q->w, UINT64_MAX);
	wr_le64(&q->w, UINT64_MAX);
	wr_le32(&q->w, 0);
	wr_le32(&q->w, 0);
	return NT_STATUS_SUCCESS;
}

/* Made of what names the volume for good; the extended part is free for vendors. */
static ntstatus put_object_id(struct fscc_query *q, const struct vfs_fs_info *fs)
{
	wr_le32(&q->w, fs->serial);
	wr_le64(&q->w, fs->create_time);
	wr_le32(&q->w, fs->serial);
	wr_zero(&q->w, 48);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_sector_size(struct fscc_query *q, const struct vfs_fs_info *fs)
{
	uint32_t unit = fs->sectors_per_unit * fs->bytes_per_sector;

	wr_le32(&q->w, fs->bytes_per_sector); /* logical */
	wr_le32(&q->w, fs->bytes_per_sector); /* physical, for atomicity */
	wr_le32(&q->w, unit);		      /* physical, for performance */
	wr_le32(&q->w, fs->bytes_per_sector); /* effective, for atomicity */
	wr_le32(&q->w, SSINFO_ALIGNED_DEVICE | SSINFO_PARTITION_ALIGNED | SSINFO_TRIM_ENABLED);
	wr_le32(&q->w, 0);
	wr_le32(&q->w, 0);
	return NT_STATUS_SUCCESS;
}

/* FILE_SYSTEM_POSIX_INFO: struct statvfs, where -1 is what is not known. */
static ntstatus put_posix(struct fscc_query *q, const struct vfs_fs_info *fs)
{
	uint32_t unit = fs->sectors_per_unit * fs->bytes_per_sector;

	wr_le32(&q->w, unit); /* OptimalTransferSize */
	wr_le32(&q->w, unit);
	wr_le64(&q->w, fs->total_units);
	wr_le64(&q->w, fs->actual_free_units);
	wr_le64(&q->w, fs->free_units);
	wr_le64(&q->w, fs->files ? fs->files : UINT64_MAX);
	wr_le64(&q->w, fs->files ? fs->files_free : UINT64_MAX);
	wr_le64(&q->w, fs->serial);
	return NT_STATUS_SUCCESS;
}

static const struct fs_class {
	uint8_t info_class, fixed;
	ntstatus (*put)(struct fscc_query *q, const struct vfs_fs_info *fs);
} classes[] = {
	{ FileFsVolumeInformation, 24, put_volume },
	{ FileFsSizeInformation, 24, put_size },
	{ FileFsDeviceInformation, 8, put_device },
	{ FileFsAttributeInformation, 16, put_attribute },
	{ FileFsControlInformation, 48, put_control },
	{ FileFsFullSizeInformation, 32, put_full_size },
	{ FileFsObjectIdInformation, 64, put_object_id },
	{ FileFsSectorSizeInformation, 28, put_sector_size },
	{ FileFsPosixInformation, 56, put_posix },
};

ntstatus fscc_fs_query(struct fscc_query *q, uint8_t info_class)
{
	const struct fs_class *c = NULL;
	struct vfs_fs_info fs;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(classes) && !c; i++)
		if (classes[i].info_class == info_class)
			c = &classes[i];
	if (!c || (c->put == put_posix && !q->open->posix))
		return NT_STATUS_INVALID_INFO_CLASS;
	r = vfs_fs_info(q->share, q->open->fd, &fs);
	if (r < 0)
		return vfs_errno(r);
	q->fixed = c->fixed;
	return c->put(q, &fs);
}
