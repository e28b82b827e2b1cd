// SPDX-License-Identifier: GPL-2.0-or-later
/* error.c - errno to NTSTATUS. */
#include "vfs/vfs.h"

#include <string.h>

#include "core/log.h"

#include "smb2_errno.h"

ntstatus vfs_errno(int err)
{
	ntstatus status = smb2_status_of_errno(err);

	/* The one thing that the vfs logs: the error itself, which NTSTATUS does not keep. */
	if (err)
		log_debug(LOG_VFS, "errno=%d (%s) status=%s", err < 0 ? -err : err,
			  strerrordesc_np(err < 0 ? -err : err), nt_name(status));
	return status;
}
