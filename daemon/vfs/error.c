// SPDX-License-Identifier: GPL-2.0-or-later
/* error.c - errno to NTSTATUS. */
#include "vfs/vfs.h"

#include "smb2_errno.h"

ntstatus vfs_errno(int err)
{
	return smb2_status_of_errno(err);
}
