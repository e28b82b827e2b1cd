// SPDX-License-Identifier: GPL-2.0-only
/* smb2_echo.c - ECHO (MS-SMB2 2.2.28, 2.2.29, 3.3.5.17). */
#include "kmod.h"

bool kh_smb2_echo(struct kh_req *rq)
{
	static const u8 body[4] = { 4 };

	kh_tx_simple(rq, NT_STATUS_SUCCESS, body, sizeof(body));
	kh_req_end(rq, NT_STATUS_SUCCESS, 0, 0);
	return true;
}
