// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_query_security.c - security descriptors of open files: QUERY_INFO and SET_INFO of type
 * SMB2_0_INFO_SECURITY (MS-SMB2 3.3.5.20.3, 3.3.5.21.3). A stream has the descriptor of its file.
 */
#include "kernel/handles.h"
#include "smb2/smb2.h"

/* What is understood of SECURITY_INFORMATION; other bits are ignored. */
#define SECINFO_KNOWN                                                                        \
	(SECINFO_ALL | SECINFO_LABEL | SECINFO_UNPROTECTED_SACL | SECINFO_UNPROTECTED_DACL | \
	 SECINFO_PROTECTED_SACL | SECINFO_PROTECTED_DACL)

/* The file under the open, not the stream. */
static ntstatus base_object(struct open *o, struct acl_object *obj)
{
	struct vfs_attr a;
	int r = vfs_attr_stat(o->tree->vfs, o->fd, "", &a);

	if (r < 0)
		return vfs_errno(r);
	*obj = open_acl_object(o, &a);
	return NT_STATUS_SUCCESS;
}

static uint32_t query_rights(uint32_t secinfo)
{
	uint32_t need = 0;

	if (secinfo & (SECINFO_OWNER | SECINFO_GROUP | SECINFO_DACL | SECINFO_LABEL))
		need |= SEC_STD_READ_CONTROL;
	if (secinfo & SECINFO_SACL)
		need |= SEC_SYSTEM_SECURITY;
	return need;
}

ntstatus query_security(struct request *rq, uint32_t secinfo, uint32_t max)
{
	_cleanup_sd_ struct sd *sd = NULL;
	_cleanup_free_ uint8_t *buf = NULL;
	struct acl_object obj;
	struct smb2_wr w;
	ntstatus status;
	size_t size;

	secinfo &= SECINFO_KNOWN;
	status = open_need(rq->open, query_rights(secinfo));
	if (!status)
		status = base_object(rq->open, &obj);
	if (!status)
		status = acl_get(&obj, &rq->tree->policy, secinfo, &sd);
	if (status)
		return status;

	size = sd_query_size(sd, secinfo);
	if (size > max) {
		rq->error_data = (uint32_t)size;
		rq->has_error_data = true;
		return NT_STATUS_BUFFER_TOO_SMALL;
	}
	buf = malloc(size ? size : 1);
	if (!buf)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	w = wr_init(buf, size);
	sd_marshal(sd, secinfo, &w);
	if (!wr_ok(&w))
		return NT_STATUS_INTERNAL_ERROR;
	return reply_info(rq, buf, w.off);
}

static uint32_t set_rights(uint32_t secinfo)
{
	uint32_t need = 0;

	if (secinfo & (SECINFO_OWNER | SECINFO_GROUP | SECINFO_LABEL))
		need |= SEC_STD_WRITE_OWNER;
	if (secinfo & SECINFO_DACL)
		need |= SEC_STD_WRITE_DAC;
	if (secinfo & SECINFO_SACL)
		need |= SEC_SYSTEM_SECURITY;
	return need;
}

/* chmod() of the POSIX extensions: a DACL with the mode in an ACE for S-1-5-88-3-mode. */
static bool posix_mode_of(const struct open *o, const struct sd *sd, mode_t *mode)
{
	uint32_t bits;

	for (unsigned int i = 0; o->posix && sd->dacl && i < sd->dacl->count; i++)
		if (sid_in_domain(&sd->dacl->aces[i].sid, &sid_nfs_mode, &bits)) {
			*mode = bits & 07777;
			return true;
		}
	return false;
}

static ntstatus set_mode(struct open *o, mode_t mode)
{
	char path[VFS_PROC_PATH_MAX];

	handles_attr_change(o);
	return chmod(vfs_proc_path(o->fd, path), mode) ? vfs_errno(errno) : NT_STATUS_SUCCESS;
}

ntstatus set_security(struct request *rq, uint32_t secinfo, const uint8_t *buf, size_t len)
{
	_cleanup_sd_ struct sd *sd = NULL;
	struct acl_object obj;
	ntstatus status;
	mode_t mode;

	secinfo &= SECINFO_KNOWN;
	status = open_need(rq->open, set_rights(secinfo));
	if (!status && rq->tree->read_only)
		status = NT_STATUS_ACCESS_DENIED;
	if (!status)
		status = sd_parse(buf, len, &sd);
	if (!status)
		status = base_object(rq->open, &obj);
	if (status)
		return status;

	/* a part that is announced and missing is left as it is */
	if (!sd->has_owner)
		secinfo &= ~SECINFO_OWNER;
	if (!sd->has_group)
		secinfo &= ~SECINFO_GROUP;
	if (secinfo & SECINFO_DACL && posix_mode_of(rq->open, sd, &mode)) {
		mode = create_posix_allowed(rq->tree, S_ISDIR(obj.mode), mode);
		status = set_mode(rq->open, mode);
		/* what is stored may be void now, and must not be stored again as valid */
		if (!status)
			status = base_object(rq->open, &obj);
		if (status)
			return status;
		secinfo &= ~SECINFO_DACL;
	}
	if (!(secinfo & (SECINFO_ALL | SECINFO_LABEL)))
		return NT_STATUS_SUCCESS;
	handles_attr_change(rq->open); /* mode bits may stand for attributes */
	return acl_set(&obj, &rq->tree->policy, rq->tree->token, secinfo, sd);
}
