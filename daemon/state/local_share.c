// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * local_share.c - share modes for local programs (`kernel share modes`).
 *
 * Until Linux 5.16 flock() had them, as LOCK_MAND; nothing took their place. What is left is plain
 * flock(): who shares neither reading nor writing has the file exclusively, who shares one of them
 * has it shared, and who shares both takes nothing. Two opens that share modes let stand beside
 * each other never meet there: beside the first nobody else reads or writes.
 */
#include <sys/file.h>

#include "state/local.h"

static int lock_of(const struct open *o)
{
	uint32_t shared = o->share_access & (FILE_SHARE_READ | FILE_SHARE_WRITE);

	if (!o->tree->share->kernel_share_modes || o->kind != OPEN_FILE ||
	    !(o->access & (FILE_READ_DATA | FILE_EXECUTE | FILE_WRITE_DATA | FILE_APPEND_DATA)) ||
	    shared == (FILE_SHARE_READ | FILE_SHARE_WRITE))
		return 0;
	return shared ? LOCK_SH : LOCK_EX;
}

bool local_share_enter(struct open *o)
{
	int op = lock_of(o);

	if (!op)
		return true;
	o->local_share = flock(o->fd, op | LOCK_NB) == 0;
	return o->local_share || errno != EWOULDBLOCK;
}

void local_share_leave(struct open *o)
{
	if (o->local_share)
		(void)flock(o->fd, LOCK_UN);
	o->local_share = false;
}
