// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * create_app_instance.c - an application that moved to another client takes its files along
 * (MS-SMB2 2.2.13.2.13, 2.2.13.2.15, 3.3.5.9.13): what its former client has open is closed.
 */
#include "core/debug.h"
#include "core/utf16.h"
#include "smb2/create.h"

#define GENERIC_READ (FILE_READ_DATA | FILE_READ_ATTRIBUTES | FILE_READ_EA | SEC_STD_READ_CONTROL)

void create_app_instance_set(const struct create *q)
{
	const struct create_app_instance *a = &q->ctx.app;
	struct app_instance *to;

	if (!a->present)
		return;
	to = xcalloc(1, sizeof(*to));
	memcpy(to->id, a->id, sizeof(to->id));
	to->has_version = a->has_version;
	memcpy(to->version, a->version, sizeof(to->version));
	q->open->app_instance = to;
}

/* The same application's open of this name, by another client. */
static bool is_former(struct request *rq, const struct create *q, struct open *o)
{
	_cleanup_free_ char *path = NULL;

	if (!o->session || !o->app_instance || /* in this order: it is set before that */
	    memcmp(o->app_instance->id, q->ctx.app.id, 16) != 0 ||
	    !memcmp(o->session->client_guid, rq->session->client_guid, 16) ||
	    !utf8_equal_nocase(o->tree->name, rq->tree->name))
		return false;
	path = open_path_dup(o);
	return !strcmp(path, q->loc.path);
}

/* Only a later instance may close an earlier one, if they have versions. */
static bool is_later(const struct create_app_instance *a, const struct app_instance *former)
{
	if (!former->has_version)
		return true;
	if (!a->has_version)
		return false;
	return a->version[0] != former->version[0] ? a->version[0] > former->version[0]
						   : a->version[1] > former->version[1];
}

static bool may_read(const struct create *q)
{
	struct acl_object obj = create_acl_object(q);

	return (acl_max_access(&obj, NULL, &q->tree->policy, q->tree->token) & GENERIC_READ) ==
	       GENERIC_READ;
}

ntstatus create_app_instance(struct request *rq, struct create *q)
{
	const struct vfs_id *id = &q->loc.attr.id;
	_cleanup_free_ struct open **all = NULL;
	ntstatus status = NT_STATUS_SUCCESS;
	size_t n;

	if (!q->ctx.app.present || !q->loc.exists)
		return NT_STATUS_SUCCESS;
	all = ofile_opens(id->dev, id->ino, &n);
	for (size_t i = 0; i < n; i++) {
		struct open *o = all[i];

		if (is_former(rq, q, o)) {
			if (!is_later(&q->ctx.app, o->app_instance)) {
				status = NT_STATUS_FILE_FORCED_CLOSED;
			} else if (status == NT_STATUS_SUCCESS && may_read(q)) {
				debug_open(LOG_VFS, o, "its application has another client");
				open_close(o);
				status = NT_STATUS_RETRY; /* it may be gone with that */
			}
		}
		open_put(o);
	}
	if (status == NT_STATUS_RETRY && identity_become(q->tree->identity) < 0)
		status = NT_STATUS_ACCESS_DENIED;
	return status;
}
