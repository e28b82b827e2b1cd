/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* smb2_errno.h - errno to NTSTATUS, with Samba's choices where Windows has no equal. */
#ifndef KH_SMB2_ERRNO_H
#define KH_SMB2_ERRNO_H

#include "smb2_status.h"

#ifdef __KERNEL__
#include <linux/errno.h>
#else
#include <errno.h>
#endif

/* err: an errno of either sign. The status of one that has no row is ACCESS_DENIED. */
static inline __u32 smb2_status_of_errno(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return NT_STATUS_SUCCESS;
	case EPERM:
	case EACCES:
		return NT_STATUS_ACCESS_DENIED;
	case ENOENT:
	case ESTALE:
		return NT_STATUS_OBJECT_NAME_NOT_FOUND;
	case ENOTDIR:
		return NT_STATUS_NOT_A_DIRECTORY;
	case EISDIR:
		return NT_STATUS_FILE_IS_A_DIRECTORY;
	case EEXIST:
		return NT_STATUS_OBJECT_NAME_COLLISION;
	case ENOTEMPTY:
		return NT_STATUS_DIRECTORY_NOT_EMPTY;
	case EXDEV:
		return NT_STATUS_NOT_SAME_DEVICE;
	case EIO:
		return NT_STATUS_UNEXPECTED_IO_ERROR;
	case EBADF:
		return NT_STATUS_INVALID_HANDLE;
	case EINVAL:
		return NT_STATUS_INVALID_PARAMETER;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case E2BIG:
		return NT_STATUS_DISK_FULL;
	case EROFS:
		return NT_STATUS_MEDIA_WRITE_PROTECTED;
	case ENOMEM:
		return NT_STATUS_NO_MEMORY;
	case EMFILE:
	case ENFILE:
		return NT_STATUS_TOO_MANY_OPENED_FILES;
	case ENAMETOOLONG:
	case EILSEQ:
		return NT_STATUS_OBJECT_NAME_INVALID;
	case ELOOP:
		return NT_STATUS_OBJECT_PATH_NOT_FOUND;
	case EMLINK:
		return NT_STATUS_TOO_MANY_LINKS;
	case EBUSY:
	case ETXTBSY:
	case EAGAIN: /* a lease of the kernel, with O_NONBLOCK */
		return NT_STATUS_SHARING_VIOLATION;
	case EOPNOTSUPP:
	case ENOSYS:
		return NT_STATUS_NOT_SUPPORTED;
	case ENXIO:
		return NT_STATUS_INVALID_DEVICE_REQUEST;
	case ENODEV:
		return NT_STATUS_NO_SUCH_DEVICE;
	case ENODATA:
		return NT_STATUS_NOT_FOUND;
	case ESPIPE:
		return NT_STATUS_INVALID_PARAMETER;
	case EPIPE:
		return NT_STATUS_CONNECTION_DISCONNECTED;
	case ECONNRESET:
		return NT_STATUS_CONNECTION_RESET;
	case ENOBUFS:
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	case ECANCELED:
		return NT_STATUS_CANCELLED;
	case ETIMEDOUT:
		return NT_STATUS_IO_TIMEOUT;
	case EOVERFLOW:
		return NT_STATUS_INVALID_PARAMETER;
	case ENOLCK:
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	}
	return NT_STATUS_ACCESS_DENIED;
}

#endif /* KH_SMB2_ERRNO_H */
