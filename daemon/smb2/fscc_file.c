// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fscc_file.c - file information classes that QUERY_INFO reads (MS-FSCC 2.4, MS-SMB2 3.3.5.20.1).
 * Each writes its answer in full; what does not fit is cut by the command.
 */
#include "core/utf16.h"
#include "kernel/handles.h"
#include "smb2/smb2.h"

/* File times are those of the base file, for a stream too, so attr serves all classes. */
#define NEEDS_ATTR  0x1
#define NEEDS_311   0x2 /* NOT_SUPPORTED below */
#define NEEDS_POSIX 0x4 /* no such class for other opens */

struct file_class {
	uint8_t info_class;
	uint8_t fixed; /* least OutputBufferLength */
	uint8_t flags;
	uint32_t access; /* the open must have been granted */
	ntstatus (*put)(struct fscc_query *q);
};

void fscc_query_init(struct fscc_query *q, struct open *o)
{
	memset(q, 0, offsetof(struct fscc_query, small));
	q->open = o;
	q->share = o->tree->vfs;
	q->w = wr_init(q->small, sizeof(q->small));
}

void fscc_query_release(struct fscc_query *q)
{
	free(q->big);
	q->big = NULL;
}

bool fscc_room(struct fscc_query *q, size_t n)
{
	if (n <= sizeof(q->small))
		return true;
	free(q->big);
	q->big = malloc(n);
	if (!q->big)
		return false;
	q->w = wr_init(q->big, n);
	return true;
}

ntstatus fscc_put_name(struct fscc_query *q, const char *name)
{
	int len = utf8_utf16_len(name, strlen(name));
	uint8_t *room;

	if (len < 0)
		return NT_STATUS_OBJECT_NAME_INVALID;
	wr_le32(&q->w, (uint32_t)len);
	room = wr_space(&q->w, (uint64_t)len);
	if (room)
		(void)utf8_to_utf16(name, strlen(name), room, (size_t)len);
	return NT_STATUS_SUCCESS;
}

/* "\dir\file:stream", with the leading backslash; NULL: no memory. */
static char *open_wire_name(struct open *o)
{
	_cleanup_free_ char *path = open_path_dup(o), *wire = vfs_path_to_wire(path);
	const char *stream = o->stream_name;

	if (!wire)
		return NULL;
	return xasprintf("\\%s%s%s", wire, stream ? ":" : "", stream ? stream : "");
}

static ntstatus put_basic(struct fscc_query *q)
{
	const struct vfs_attr *a = &q->attr;

	fscc_put_times(&q->w, a);
	wr_le32(&q->w, a->attributes);
	wr_le32(&q->w, 0);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_standard(struct fscc_query *q)
{
	const struct vfs_attr *a = &q->attr;
	bool pending = ofile_delete_pending(q->open);
	uint32_t links = a->is_dir ? 1 : a->nlink;

	/* a name that is about to go does not count */
	if (pending && links)
		links--;
	wr_le64(&q->w, a->alloc_size);
	wr_le64(&q->w, a->end_of_file);
	wr_le32(&q->w, links);
	wr_u8(&q->w, pending);
	wr_u8(&q->w, a->is_dir);
	wr_le16(&q->w, 0);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_internal(struct fscc_query *q)
{
	wr_le64(&q->w, q->attr.id.ino);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_ea_size(struct fscc_query *q)
{
	wr_le32(&q->w, q->share->opt.ea_support ? vfs_ea_size(q->share, q->open->fd) : 0);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_access(struct fscc_query *q)
{
	wr_le32(&q->w, q->open->access);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_position(struct fscc_query *q)
{
	wr_le64(&q->w, handle_position(q->open));
	return NT_STATUS_SUCCESS;
}

static ntstatus put_mode(struct fscc_query *q)
{
	pthread_mutex_lock(&q->open->lock);
	wr_le32(&q->w, q->open->mode);
	pthread_mutex_unlock(&q->open->lock);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_alignment(struct fscc_query *q)
{
	wr_le32(&q->w, 0); /* FILE_BYTE_ALIGNMENT */
	return NT_STATUS_SUCCESS;
}

static ntstatus put_name(struct fscc_query *q)
{
	_cleanup_free_ char *name = open_wire_name(q->open);

	if (!name || !fscc_room(q, 4 + 2 * strlen(name)))
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	return fscc_put_name(q, name);
}

/* MS-FSCC 2.4.30: as FileNameInformation, relative to the share. */
static ntstatus put_normalized_name(struct fscc_query *q)
{
	_cleanup_free_ char *name = open_wire_name(q->open);

	if (!name || !fscc_room(q, 4 + 2 * strlen(name)))
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	return fscc_put_name(q, name + 1);
}

static ntstatus put_all(struct fscc_query *q)
{
	_cleanup_free_ char *name = open_wire_name(q->open);

	if (!name || !fscc_room(q, 100 + 2 * strlen(name)))
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	put_basic(q);
	put_standard(q);
	put_internal(q);
	put_ea_size(q);
	put_access(q);
	put_position(q);
	put_mode(q);
	put_alignment(q);
	return fscc_put_name(q, name);
}

static ntstatus put_alternate_name(struct fscc_query *q)
{
	_cleanup_free_ char *path = open_path_dup(q->open);
	char name[VFS_SHORT_NAME], wire[VFS_NAME_WIRE_MAX];

	/* MS-FSA 2.1.5.12.5: no such name, with `mangled names = no` */
	if (!q->share->opt.short_names)
		return NT_STATUS_OBJECT_NAME_NOT_FOUND;
	if (!*path)
		return fscc_put_name(q, "."); /* the root, as Samba */
	vfs_short_name(vfs_name_to_wire(path_leaf(path), wire), name);
	return fscc_put_name(q, name);
}

static ntstatus put_compression(struct fscc_query *q)
{
	wr_le64(&q->w, q->attr.alloc_size);
	wr_le16(&q->w, q->attr.compressed ? COMPRESSION_FORMAT_LZNT1 : COMPRESSION_FORMAT_NONE);
	wr_zero(&q->w, 6);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_network_open(struct fscc_query *q)
{
	fscc_put_times(&q->w, &q->attr);
	wr_le64(&q->w, q->attr.alloc_size);
	wr_le64(&q->w, q->attr.end_of_file);
	wr_le32(&q->w, q->attr.attributes);
	wr_le32(&q->w, 0);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_attribute_tag(struct fscc_query *q)
{
	wr_le32(&q->w, q->attr.attributes);
	wr_le32(&q->w, q->attr.reparse_tag);
	return NT_STATUS_SUCCESS;
}

static ntstatus put_id(struct fscc_query *q)
{
	wr_le64(&q->w, q->share->serial);
	wr_le64(&q->w, q->attr.id.ino);
	wr_le64(&q->w, 0);
	return NT_STATUS_SUCCESS;
}

static const struct file_class classes[] = {
	{ FileBasicInformation, 40, NEEDS_ATTR, FILE_READ_ATTRIBUTES, put_basic },
	{ FileStandardInformation, 24, NEEDS_ATTR, 0, put_standard },
	{ FileInternalInformation, 8, NEEDS_ATTR, 0, put_internal },
	{ FileEaInformation, 4, 0, 0, put_ea_size },
	{ FileAccessInformation, 4, 0, 0, put_access },
	{ FileNameInformation, 8, 0, 0, put_name },
	{ FilePositionInformation, 8, 0, 0, put_position },
	{ FileFullEaInformation, 4, 0, FILE_READ_EA, fscc_put_eas },
	{ FileModeInformation, 4, 0, 0, put_mode },
	{ FileAlignmentInformation, 4, 0, 0, put_alignment },
	{ FileAllInformation, 104, NEEDS_ATTR, FILE_READ_ATTRIBUTES, put_all },
	{ FileAlternateNameInformation, 8, 0, 0, put_alternate_name },
	{ FileStreamInformation, 32, 0, 0, fscc_put_streams },
	{ FileCompressionInformation, 16, NEEDS_ATTR, 0, put_compression },
	{ FileNetworkOpenInformation, 56, NEEDS_ATTR, FILE_READ_ATTRIBUTES, put_network_open },
	{ FileAttributeTagInformation, 8, NEEDS_ATTR, FILE_READ_ATTRIBUTES, put_attribute_tag },
	{ FileNormalizedNameInformation, 8, NEEDS_311, 0, put_normalized_name },
	{ FileIdInformation, 24, NEEDS_ATTR, 0, put_id },
	{ FilePosixInformation, FSCC_POSIX_SIZE, NEEDS_ATTR | NEEDS_POSIX, FILE_READ_ATTRIBUTES,
	  fscc_put_posix },
};

ntstatus fscc_file_query(struct fscc_query *q, uint8_t info_class)
{
	const struct file_class *c = NULL;
	ntstatus status;

	for (size_t i = 0; i < ARRAY_SIZE(classes) && !c; i++)
		if (classes[i].info_class == info_class)
			c = &classes[i];
	if (!c || (c->flags & NEEDS_POSIX && !q->open->posix))
		return NT_STATUS_INVALID_INFO_CLASS;
	status = open_need(q->open, c->access);
	if (status)
		return status;
	if (c->flags & NEEDS_311 && q->dialect < SMB2_DIALECT_311)
		return NT_STATUS_NOT_SUPPORTED;
	if (c->flags & NEEDS_ATTR) {
		int r = open_attr(q->open, &q->attr);

		if (r < 0)
			return vfs_errno(r);
	}
	q->fixed = c->fixed;
	return c->put(q);
}
