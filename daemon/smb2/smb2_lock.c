// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_lock.c - LOCK (MS-SMB2 2.2.26, 3.3.5.14). Byte-range locks are not kept yet, and saying so
 * is the only safe answer: a lock that is granted and not kept loses data.
 */
#include "smb2/smb2.h"

ntstatus smb2_lock(struct request *rq)
{
	return NT_STATUS_NOT_SUPPORTED;
}
