/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reparse.h - symlinks on the wire, for the FSCTLs and for CREATE's error. */
#ifndef KH_REPARSE_H
#define KH_REPARSE_H

#include "smb2/smb2.h"

/* ---- reparse_data.c ---- */

/* A whole SYMBOLIC_LINK_REPARSE_DATA_BUFFER, MS-FSCC 2.1.2.4. */
#define REPARSE_SYMLINK_MAX (20 + 2 * VFS_LINK_MAX)

/*
 * Writes one, for a target as on disk; unparsed is what an error response has in its reserved
 * field. posix: '/' separates. False: it cannot be told.
 */
bool reparse_put_symlink(struct smb2_wr *w, const char *target, bool posix, uint16_t unparsed);

/* The same for whatever is one: SYMLINK or NFS. */
bool reparse_put(struct smb2_wr *w, const struct vfs_special *sp, bool posix);
/*
 * What a client sends, size bytes. SUCCESS: *sp is to be released, like with IO_REPARSE_*_INVALID
 * and NOT_SUPPORTED (another tag), where it is empty.
 */
ntstatus reparse_parse(const uint8_t *buf, size_t size, bool posix, uint32_t *tag,
		       struct vfs_special *sp);

/*
 * create_reparse.c: CREATE came to a symlink that is the client's to follow, p (MS-SMB2 2.2.2.2.1).
 * Writes the error body and returns STOPPED_ON_SYMLINK, or what stands for it.
 */
ntstatus create_stopped(struct request *rq, const struct vfs_path *p, bool posix);

#endif /* KH_REPARSE_H */
