// SPDX-License-Identifier: GPL-2.0-or-later
/* channel.c - what of the module's channel fd is neither read nor write. */
#include "kernel/attach.h"

#include <sys/ioctl.h>

int channel_peek(int fd, uint32_t *size)
{
	__u32 n;

	if (ioctl(fd, KH_CHANNEL_PEEK, &n) < 0)
		return -errno;
	*size = n;
	return 0;
}
