// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_oplock_break.c - OPLOCK_BREAK acknowledgements (MS-SMB2 3.3.5.22). This server grants no
 * oplock and no lease yet, so there is nothing that a client could acknowledge.
 */
#include "smb2/smb2.h"

ntstatus smb2_oplock_break(struct request *rq)
{
	return NT_STATUS_INVALID_DEVICE_STATE;
}
