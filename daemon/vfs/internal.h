/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * internal.h - what the files of daemon/vfs/ share among themselves: confined opens, the name
 * cache, the attribute blob.
 */
#ifndef KH_VFS_INTERNAL_H
#define KH_VFS_INTERNAL_H

#include "vfs/vfs.h"

#include <dirent.h>
#include <fcntl.h>

/* ---- share.c ---- */

/*
 * openat2() of a share-relative path beneath the root, with the share's symlink rules. flags gets
 * O_CLOEXEC. fd or -errno: -EXDEV for a symlink that leaves the share, -ELOOP for one that is
 * refused (or really loops).
 */
int share_open_beneath(struct vfs_share *s, const char *path, int flags);
/* The same without following any symlink; the last component is one only with O_NOFOLLOW. */
int share_open_nolinks(struct vfs_share *s, const char *path, int flags);
/* One name in an open folder, by itself if it is a symlink. */
int share_open_leaf(int parent, const char *leaf, int flags);
/* The root folder was deleted under us. */
bool share_root_gone(struct vfs_share *s);
bool share_veto(const struct vfs_share *s, const char *name);

/* ---- xattr.c ---- */

/* "/proc/self/fd" as an O_PATH fd, opened once; -errno when /proc is not there. */
int proc_fd_dir(void);
#define PROC_FD_MAX 12
/* The entry of fd in it: somewhere in buf. */
const char *proc_fd_name(int fd, char buf[PROC_FD_MAX]);
/* As vfs_xattr_get(), of an entry of a folder (a real fd, not O_PATH), symlinks not followed. */
ssize_t xattr_get_at(int dirfd, const char *entry, const char *name, void *buf, size_t size);
/* Names of an entry's xattrs into names, each with its NUL; the length, -ERANGE. */
ssize_t xattr_list_at(int dirfd, const char *entry, char *names, size_t size);
/* As root when the user may not: for the bookkeeping xattrs. */
ssize_t xattr_get_privileged(int fd, const char *name, void *buf, size_t size);
int xattr_set_privileged(int fd, const char *name, const void *buf, size_t size);

/* ---- ea.c ---- */

/* As vfs_ea_size(), of an entry of a folder. */
uint32_t ea_size_at(const struct vfs_share *s, int dirfd, const char *entry);

/* ---- dosattrib.c: Samba's user.DOSATTRIB ---- */

#define DOSATTRIB_NAME "user.DOSATTRIB"
#define DOSATTRIB_MAX  256 /* bytes that are read: more is not ours */

struct dosattrib {
	uint32_t attributes;
	uint64_t create_time; /* NTTIME, 0: not stored */
};

/* All versions that Samba has written; false for anything else. */
bool dosattrib_parse(const void *blob, size_t len, struct dosattrib *out);
/* What Samba 4.17 writes; returns the length, at most DOSATTRIB_MAX. */
size_t dosattrib_build(const struct dosattrib *d, uint8_t *blob);

/* ---- attr.c ---- */

#define ATTR_STATX_MASK (STATX_BASIC_STATS | STATX_BTIME)

void attr_from_statx(const struct vfs_share *s, const struct statx *sx, const char *name,
		     struct vfs_attr *out);
/* blob: what was read, len < 0: nothing. */
void attr_apply_dos(const struct vfs_share *s, const void *blob, ssize_t len, const char *name,
		    struct vfs_attr *a);
/* Stores the attributes of an object that was just created, and puts them into a. */
void attr_init_dos(struct vfs_share *s, int fd, const char *name, uint32_t attributes,
		   struct vfs_attr *a);

/* ---- namecache.c: which spelling a folder has of a name ---- */

/*
 * Looks for a name (as clients spell it) in the folder at dirfd (may be O_PATH), without regard to
 * case: 1 and the spelling on disk, 0 for no such name, -errno.
 */
int namecache_lookup(int dirfd, const char *name, char disk[NAME_MAX + 1]);

/*
 * A change of folders by ourselves, bracketed so that it updates the index instead of making it
 * stale. Between begin and end the index of each folder is locked (folders without one cost a
 * statx). dir2 is -1 or the second folder of a rename.
 */
struct namecache_change {
	struct nc_dir *dir[2];
	int fd[2];
	bool valid[2];
	bool same; /* both are one folder: its index is in dir[0] */
};

/* Nothing is looked up where the share does not want it: an index that is missed gets stale. */
void namecache_begin(struct namecache_change *c, const struct vfs_share *s, int dir1, int dir2);
/* In folder i: is there a name equal but for case? Only told when the index is valid. */
bool namecache_has(struct namecache_change *c, int i, const char *disk);
void namecache_add(struct namecache_change *c, int i, const char *disk);
void namecache_del(struct namecache_change *c, int i, const char *disk);
void namecache_end(struct namecache_change *c);
/* Bytes that all indexes take, for tests and status. */
size_t namecache_bytes(void);
/* Bound of the above; the least recently used indexes go first. 64 MiB unless set. */
void namecache_set_limit(size_t bytes);

/* ---- name.c ---- */

/* Undoes vfs_name_to_wire(); false when the name has none of its characters. */
bool name_from_wire(const char *name, char disk[VFS_NAME_WIRE_MAX]);

/* ---- open.c ---- */

/* Of each open that is no O_PATH: a FIFO is not waited for, no terminal becomes the daemon's. */
#define OPEN_ALWAYS (O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/*
 * What is made without a descriptor (folders, symlinks, nodes) is opened by its name, and whoever
 * may write in the folder at parent may have put something of another user's there, which the
 * client must not get with the rights of a maker. 0: fd is of this type and the thread's user's;
 * -ESTALE.
 */
int check_made(int parent, int fd, mode_t type);

/* ---- short_name.c ---- */

/* Could it be a short name that this server made? Nothing is looked up. */
bool short_name_possible(const char *name);
/* The entry of the folder at dirfd (may be O_PATH) that has this short name: 1, 0, -errno. */
int short_name_lookup(int dirfd, const char *name, char disk[NAME_MAX + 1]);
/* The long name of which vfs_short_name() told this lately. */
bool short_name_told(const char *name, char full[NAME_MAX + 1]);

/* ---- readdir.c: getdents64 in large blocks ---- */

#define READDIR_BLOCK (64 * 1024)

struct readdir {
	int fd; /* borrowed */
	size_t pos, len;
	char *buf; /* READDIR_BLOCK, owned */
};

struct readdir_entry {
	const char *name; /* valid until the next call */
	uint64_t ino;
	unsigned char type;
};

void readdir_begin(struct readdir *r, int fd);
/* 1, 0 at the end, -errno. "." and ".." are given as they come. */
int readdir_next(struct readdir *r, struct readdir_entry *e);
void readdir_end(struct readdir *r);

static inline bool name_is_dots(const char *n)
{
	return n[0] == '.' && (!n[1] || (n[1] == '.' && !n[2]));
}

#endif /* KH_VFS_INTERNAL_H */
