// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * common.c - what several commands ask of an open.
 */
#include "smb2/smb2.h"

const char *path_leaf(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *open_path_dup(struct open *o)
{
	char *path;

	pthread_mutex_lock(&o->lock);
	path = xstrdup(o->path ? o->path : "");
	pthread_mutex_unlock(&o->lock);
	return path;
}

ntstatus open_need(const struct open *o, uint32_t access)
{
	return (o->access & access) == access ? NT_STATUS_SUCCESS : NT_STATUS_ACCESS_DENIED;
}

/* A stream has the times and the file id of its file, and sizes of its own. */
static int stream_attr(struct open *o, struct vfs_attr *a)
{
	int64_t size = vfs_stream_find(o->fd, o->stream_name, NULL);

	if (size < 0)
		return (int)size;
	a->end_of_file = (uint64_t)size;
	a->alloc_size = vfs_round_alloc(o->tree->vfs, ((uint64_t)size + 511) & ~511ull);
	a->is_dir = false;
	a->attributes &= ~FILE_ATTRIBUTE_DIRECTORY;
	if (!a->attributes)
		a->attributes = FILE_ATTRIBUTE_NORMAL;
	return 0;
}

int open_attr(struct open *o, struct vfs_attr *out)
{
	_cleanup_free_ char *path = open_path_dup(o);
	int r = vfs_attr_get(o->tree->vfs, o->fd, path_leaf(path), out);

	if (r < 0)
		return r;
	if (S_ISLNK(out->mode))
		vfs_link_attr(o->tree->vfs, path, out);
	write_time_show(o, out);
	if (o->kind == OPEN_STREAM)
		return stream_attr(o, out);
	return 0;
}

struct acl_object open_acl_object(const struct open *o, const struct vfs_attr *a)
{
	struct acl_object obj = { .fd = o->fd, .uid = a->uid, .gid = a->gid, .mode = a->mode };

	return obj;
}

void fscc_put_times(struct smb2_wr *w, const struct vfs_attr *a)
{
	wr_le64(w, a->create_time);
	wr_le64(w, a->access_time);
	wr_le64(w, a->write_time);
	wr_le64(w, a->change_time);
}
