// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * create_stream.c - opening and creating named streams. The base file is checked for access and
 * made if need be; share modes count per stream.
 */
#include "smb2/create.h"

static ntstatus base_ready(struct create *q)
{
	ntstatus status;

	if (q->loc.exists) {
		if (vfs_attr_is_special(&q->loc.attr))
			return NT_STATUS_OBJECT_NAME_NOT_FOUND;
		status = create_access(q, q->desired);
	} else {
		if (q->disposition == FILE_OPEN || q->disposition == FILE_OVERWRITE)
			return NT_STATUS_OBJECT_NAME_NOT_FOUND;
		status = create_writable(q);
		if (status == NT_STATUS_SUCCESS)
			status = create_make(q, false);
		q->granted = access_map_generic(q->desired);
		if (q->granted & SEC_MAXIMUM_ALLOWED)
			q->granted = SEC_RIGHTS_FILE_ALL;
	}
	return status;
}

/* Makes or empties the stream as the disposition says. */
static ntstatus stream_ready(struct create *q, bool exists)
{
	int err = 0;

	if (!exists) {
		err = vfs_stream_create(q->open->fd, q->open->stream_name);
		q->action = FILE_CREATED;
	} else if (create_overwrites(q)) {
		err = vfs_stream_truncate(q->open->fd, q->open->stream_name, 0);
		q->action = q->disposition == FILE_SUPERSEDE ? FILE_SUPERSEDED : FILE_OVERWRITTEN;
	} else {
		q->action = FILE_OPENED;
	}
	return vfs_errno(err);
}

ntstatus create_stream(struct create *q)
{
	struct open *o = q->open;
	char disk[VFS_STREAM_NAME_MAX] = "";
	ntstatus status;
	int64_t size;
	bool exists;

	if (q->options & FILE_DIRECTORY_FILE)
		return NT_STATUS_NOT_A_DIRECTORY;
	if (!q->loc.path[0] && !q->loc.exists)
		return NT_STATUS_OBJECT_NAME_NOT_FOUND;
	status = base_ready(q);
	if (status != NT_STATUS_SUCCESS)
		return status;
	size = vfs_stream_find(q->loc.fd, q->path.stream, disk);
	exists = size >= 0;
	if (size < 0 && size != -ENOENT)
		return vfs_errno((int)size);
	if (exists && q->disposition == FILE_CREATE)
		return NT_STATUS_OBJECT_NAME_COLLISION;
	if (!exists && (q->disposition == FILE_OPEN || q->disposition == FILE_OVERWRITE))
		return NT_STATUS_OBJECT_NAME_NOT_FOUND;
	if (!exists || create_overwrites(q)) {
		status = create_writable(q);
		if (status != NT_STATUS_SUCCESS)
			return status;
	}
	o->kind = OPEN_STREAM;
	o->stream_name = xstrdup(exists ? disk : q->path.stream);
	o->access = q->granted;
	status = create_join(q, exists && create_overwrites(q));
	if (status != NT_STATUS_SUCCESS)
		return status;
	o->fd = steal_fd(&q->loc.fd);
	status = stream_ready(q, exists);
	if (status == NT_STATUS_SUCCESS && q->options & FILE_DELETE_ON_CLOSE && q->tree->read_only)
		status = NT_STATUS_ACCESS_DENIED;
	return status;
}
