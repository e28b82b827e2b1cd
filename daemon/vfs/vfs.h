/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfs.h - shares on Linux file systems as an SMB server needs them: names without regard to case,
 * DOS attributes, named streams and extended attributes on disk as Samba keeps them.
 *
 * Threads: everything in here is for worker threads (it blocks) that run as the session's user,
 * see identity_become(). A struct vfs_share is shared by threads; a struct vfs_path, vfs_dir has
 * one owner. What only root may do for a user's sake (bookkeeping xattrs) stands between
 * identity_root_begin() and _end() inside these files.
 *
 * Paths: "share-relative": UTF-8, components separated by '/', no leading or trailing slash, ""
 * is the root of the share. "as on disk": the spelling that readdir gives. Every path is resolved
 * by openat2() beneath the share's root.
 *
 * Errors: NTSTATUS where a function says ntstatus; negative errno otherwise, for vfs_errno().
 *
 * A create, in the order of calls:
 *	vfs_name_parse(wire) → path and stream name
 *	vfs_resolve(share, path) → SUCCESS: object, its facts and an O_PATH fd; or
 *				   OBJECT_NAME_NOT_FOUND: the parent, in which to create
 *	access checks by the caller (acl.h) with vfs_path.fd
 *	vfs_open() / vfs_create() / vfs_mkdir() → fd for data
 *	vfs_attr_*(), vfs_stream_*(), vfs_ea_*() on either fd
 *	vfs_path_release()
 */
#ifndef KH_VFS_H
#define KH_VFS_H

#include "core/util.h"
#include "smb2_status.h"

#include <sys/stat.h>
#include <sys/types.h>

/* ---- error.c ---- */

/* NTSTATUS for an errno, positive or negative; 0 is SUCCESS. */
ntstatus vfs_errno(int err);

/* ---- time.c: NTTIME is 100 ns since 1601-01-01 UTC; 0 stands for "none" ---- */

#define NTTIME_EPOCH_DELTA 116444736000000000LL /* from 1601 to 1970 */

uint64_t nttime_from_timespec(const struct timespec *ts);
struct timespec nttime_to_timespec(uint64_t nt);
uint64_t nttime_now(void);

/* ---- quick.c: calls on a thread that must not wait ---- */

struct vfs_share;

/*
 * Between begin and end, what this thread calls gives -EINPROGRESS instead of doing what may take
 * long: another file system than the share's own, the reading of a folder for its index. end() says
 * whether something was put off: if the caller failed then, the whole is to be done again by a
 * thread that may wait. Nothing has been changed by what was put off.
 */
void vfs_quick_begin(void);
bool vfs_quick_end(void);
bool vfs_quick(void); /* is this thread between the two? */
int vfs_later(void);  /* puts off: -EINPROGRESS, which end() tells */

/*
 * Do calls on the share end in microseconds? By the kind of file system (in memory: no device is
 * waited for), and by what they took lately, which vfs_share_took() is told.
 */
bool vfs_share_is_quick(struct vfs_share *s, uint64_t now);
void vfs_share_took(struct vfs_share *s, uint64_t from, uint64_t now);

/* What is freed, with a file or by truncation, within such a call: more takes long. */
#define VFS_QUICK_FREE (8u << 20)

/* ---- identity.c: which Unix user a worker thread is ---- */

#define IDENTITY_MAX_GROUPS 65536

/* Immutable once shared; reference counted. */
struct identity {
	_Atomic unsigned int refs;
	uint64_t serial; /* never reused: what a thread remembers instead of a pointer */
	uid_t uid;
	gid_t gid;
	unsigned int ngroups;
	char *name; /* for people; NULL or owned, set by whoever made it, before it is shared */
	gid_t groups[];
};

/* One reference; NULL when n is beyond IDENTITY_MAX_GROUPS or memory is short. */
struct identity *identity_new(uid_t uid, gid_t gid, const gid_t *groups, unsigned int n);
struct identity *identity_get(struct identity *id);
void identity_put(struct identity *id); /* NULL is fine */

/*
 * From now on this thread acts on files as id: groups, fsgid, fsuid of the thread only, and
 * nothing at all when it is that identity already. -EPERM when the daemon is not root and id is
 * not its own user; the thread is then unchanged, or, should the kernel refuse halfway, without
 * any rights (nobody), never with a mixture.
 */
int identity_become(struct identity *id);
/* Back to what the daemon is. A thread that ends does it, too: it may hold a reference. */
int identity_become_self(void);

/*
 * For a thread that moves data of files that others opened as somebody: a write as root would leave
 * set-user-ID bits where a write of that user clears them. It stays so when the thread becomes
 * itself again; who is not root has no such right anyway.
 */
void identity_io_thread(void);

/*
 * A short section as root on files, groups unchanged. Nests. -EPERM when the daemon is not root:
 * then the section does not begin and _end() must not be called.
 */
int identity_root_begin(void);
void identity_root_end(void);

/* ---- name.c: names as clients write them (MS-FSCC 2.1.5) ---- */

#define VFS_COMPONENT_MAX 255	/* UTF-16 units, and bytes on disk */
#define VFS_PATH_MAX	  32767 /* UTF-16 units of a whole path */
#define VFS_NAME_WIRE_MAX 768	/* UTF-8 bytes, with NUL, of a disk name for a client */

struct vfs_name {
	char *path;	/* share-relative, in the client's spelling; owned */
	char *stream;	/* bare name of an alternate stream, NULL: the file itself; owned */
	bool data_type; /* "::$DATA" was written: not for a directory */
	bool dir_type; /* ":$I30:$INDEX_ALLOCATION" or "::$INDEX_ALLOCATION": must be a directory */
};

#define VFS_NAME_DFS	   0x1 /* SMB2_FLAGS_DFS_OPERATIONS: drop "\server\share" in front */
#define VFS_NAME_NO_STREAM 0x2 /* the share has no streams: ':' is an invalid character */
#define VFS_NAME_POSIX	   0x4 /* POSIX semantics: only NUL and '/' are special, no streams */

/*
 * The UTF-16LE name of a CREATE, rename or link (len bytes). On an error nothing needs freeing.
 *	INVALID_PARAMETER	a leading separator, an odd length
 *	OBJECT_NAME_INVALID	bad UTF-16, NUL, control or wildcard character, " < > |, a component
 *				longer than 255 units or ".", a bad stream name or type
 *	OBJECT_PATH_SYNTAX_BAD	".." that climbs above the share
 * As in Samba, '/' separates too, doubled and trailing separators are dropped, "a\..\b" is "b".
 */
ntstatus vfs_name_parse(const void *utf16, size_t len, unsigned int flags, struct vfs_name *out);
void vfs_name_free(struct vfs_name *n);

/*
 * The stream part alone, with its leading colon (":name", ":name:$DATA"), as a rename of a stream
 * or FileStreamInformation has it: bare name to *stream (owned; NULL for the default stream).
 */
ntstatus vfs_stream_name_parse(const void *utf16, size_t len, char **stream);

/*
 * A name on disk as clients see it: characters that SMB cannot carry (" * : < > ? \ |, control
 * characters, bytes that are not UTF-8) become one character each of a private use area, U+F001 to
 * U+F0FF, with the values that macOS ("SFM") and cifs.ko use where they have one. vfs_resolve()
 * understands them. Returns in itself when nothing needs to change, else buf.
 */
const char *vfs_name_to_wire(const char *disk, char buf[VFS_NAME_WIRE_MAX]);
/* The same for a whole share-relative path, allocated (caller frees), separators '\\'. */
char *vfs_path_to_wire(const char *path);

/* ---- short_name.c ---- */

#define VFS_SHORT_NAME 13 /* 8.3 and NUL */
/*
 * The short name of a name in the form for clients: upper case, itself if it is one. vfs_resolve()
 * finds the file by it, and knows for a while what to create by it. Any thread.
 */
void vfs_short_name(const char *name, char out[VFS_SHORT_NAME]);
/* The same without remembering that it was told: for listings. */
void vfs_short_name_of(const char *name, char out[VFS_SHORT_NAME]);
bool vfs_name_is_short(const char *name);

/* ---- wildcard.c: MS-FSA 2.1.4.4 ---- */

/* True when the pattern holds one of * ? < > " */
bool vfs_has_wildcard(const char *pattern);
/* Does name match expr (both UTF-8), without regard to case unless case_sensitive. */
bool vfs_wildcard_match(const char *expr, const char *name, bool case_sensitive);

/* ---- share.c ---- */

/* Patterns are asked for one component at a time, in the disk spelling. */
struct vfs_matcher {
	bool (*match)(const void *ctx, const char *name); /* NULL: matches nothing */
	const void *ctx;
};

struct vfs_options {
	bool case_sensitive;
	bool follow_symlinks; /* default true; false: a symlink is refused, at any place */
	bool wide_links;      /* symlinks may leave the share */
	bool native_symlinks; /* clients see symlinks, and follow them */
	bool hide_dot_files;  /* ".x" has the hidden attribute */
	bool delete_veto_files;
	bool hide_special_files;
	bool short_names;	 /* files are found by short names, too */
	bool list_short_names;	 /* and listed with them */
	struct vfs_matcher veto; /* does not exist for clients */
	struct vfs_matcher hide; /* has the hidden attribute */
	bool store_dos_attributes;
	bool map_archive, map_hidden, map_system; /* by x bits, when not stored */
	bool map_readonly;			  /* by w bits, when not stored */
	bool dos_filemode;
	bool dos_filetimes;	    /* times are set for whoever may write attributes */
	bool strict_allocate;	    /* an allocation size takes the space */
	bool fake_dir_create_times; /* directories were created in 1980 */
	bool ea_support;
	const char *acl_xattr; /* keeps descriptors, so it is no EA; NULL: security.NTACL; copied */
	bool streams;
	bool inherit_permissions;
	mode_t create_mask, force_create_mode;
	mode_t directory_mask, force_directory_mode;
	uint64_t allocation_roundup; /* bytes, 0: none */
	uint32_t block_size;	     /* what size queries report, 0: the file system's */
	uint64_t max_disk_size;	     /* bytes, 0: the truth */
	const char *fs_type;	     /* "NTFS"; copied */
	const char *volume;	     /* label; copied */
	bool read_only;		     /* everything that changes gives -EROFS */
};

/* What Samba's defaults are. */
void vfs_options_default(struct vfs_options *o);

struct vfs_share {
	_Atomic unsigned int refs;
	int root; /* O_PATH; owned; the number stays when the folder is replaced */
	char *path;
	char *real;		/* the same without symlinks, when it was opened; owned */
	struct vfs_options opt; /* strings owned */
	uint64_t dev, ino;	/* of the root */
	uint32_t serial;	/* volume serial number, stable for name and path */
	uint64_t create_time;	/* NTTIME, of the root folder */
	bool in_memory;	  /* tmpfs, ramfs: I/O never waits for a device, RWF_NOWAIT is refused */
	bool reflinks;	  /* files may share blocks (vfs_clone_range()) */
	bool compression; /* vfs_compression_set() works */
	/* calls that took long, times of now_ns(): vfs_share_took() */
	_Atomic uint64_t slow_since, slow_until;
	_Atomic unsigned int slow_times;
	_Atomic uint64_t writable_until; /* its own file system, now_ns(): vfs_fs_read_only() */
};

/*
 * Opens the root as the calling thread (the daemon itself, usually). opt is copied; the contexts of
 * its matchers must live as long as the share. -ENOENT, -ENOTDIR, -EACCES...: BAD_NETWORK_NAME.
 */
int vfs_share_open(const char *name, const char *path, const struct vfs_options *opt,
		   struct vfs_share **out);
struct vfs_share *vfs_share_get(struct vfs_share *s);
void vfs_share_put(struct vfs_share *s);
/*
 * Is the folder still what the path means? Reopens it when it was replaced or came back; 0, or the
 * error that a TREE_CONNECT answers with BAD_NETWORK_NAME. For TREE_CONNECT, as the daemon.
 */
int vfs_share_check(struct vfs_share *s);

struct vfs_fs_info {
	uint64_t total_units, free_units; /* allocation units; free: for the user */
	uint64_t actual_free_units;	  /* free, with what is kept for root */
	uint32_t sectors_per_unit, bytes_per_sector;
	uint64_t files, files_free; /* inodes; 0: not told */
	uint32_t max_component;	    /* 255 */
	uint32_t attributes;	    /* FILE_CASE_PRESERVED_NAMES ... MS-FSCC 2.5.1 */
	uint32_t serial;
	uint64_t create_time;
	const char *fs_name; /* of the share */
	const char *label;   /* of the share */
};
/* Facts of the file system where fd (NULL-able: -1 for the share's root) lives. */
int vfs_fs_info(struct vfs_share *s, int fd, struct vfs_fs_info *out);
/*
 * Is it mounted read-only? For what is decided before anything is written, such as a deletion. dev
 * is that of fd's file; of the share's own file system it may be the answer of the last second.
 */
bool vfs_fs_read_only(struct vfs_share *s, int fd, uint64_t dev);

/* ---- attr.c: what is known of a file ---- */

struct vfs_id {
	uint64_t dev, ino;
};

static inline bool vfs_id_equal(struct vfs_id a, struct vfs_id b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

/*
 * statx and DOS attributes. `attributes` is complete: READONLY, HIDDEN, SYSTEM, ARCHIVE,
 * DIRECTORY, SPARSE_FILE, REPARSE_POINT as they apply, and NORMAL when none other does.
 */
struct vfs_attr {
	struct vfs_id id;
	uint32_t attributes;
	uint32_t mode; /* with type bits */
	uint32_t uid, gid;
	uint32_t nlink;
	uint64_t create_time, access_time, write_time, change_time; /* NTTIME */
	uint64_t alloc_size;					    /* bytes; 0 for a directory */
	uint64_t end_of_file;					    /* bytes; 0 for a directory */
	uint32_t reparse_tag; /* of a symlink that is not followed, a FIFO, socket, device; or 0 */
	bool is_dir;
	bool compressed;  /* by the file system */
	bool dos_loaded;  /* DOSATTRIB was looked at (or need not be) */
	bool dos_stored;  /* DOSATTRIB exists */
	uint64_t btime;	  /* what the file system says, NTTIME; 0: nothing */
	uint32_t dos_raw; /* attributes as stored */
	uint32_t by_name; /* of attributes: there for the sake of the name alone (`hide files`) */
};

static inline bool vfs_attr_is_special(const struct vfs_attr *a)
{
	return !S_ISREG(a->mode) && !S_ISDIR(a->mode);
}

/*
 * All of it: one statx, one getxattr (none if the share does not store). fd may be O_PATH. name is
 * the last component (decides about HIDDEN), may be "".
 */
int vfs_attr_get(struct vfs_share *s, int fd, const char *name, struct vfs_attr *out);
/* The first half: sizes, times, mode, id, attributes by mode and name alone. */
int vfs_attr_stat(struct vfs_share *s, int fd, const char *name, struct vfs_attr *out);
/* The second half. Never fails: what cannot be read is not there. */
void vfs_attr_load_dos(struct vfs_share *s, int fd, const char *name, struct vfs_attr *a);

/* Does it have the read-only attribute? Where attributes are stored, no statx is needed. */
bool vfs_attr_read_only(struct vfs_share *s, int fd);

#define VFS_SET_ATTRIBUTES 0x1
#define VFS_SET_CREATE	   0x2
#define VFS_SET_ACCESS	   0x4
#define VFS_SET_WRITE	   0x8
#define VFS_SET_SPARSE	   0x10 /* SPARSE_FILE alone, as in attributes; without DOS attributes lost */

struct vfs_attr_change {
	unsigned int mask;   /* VFS_SET_*; what is not named stays */
	uint32_t attributes; /* NORMAL clears; DIRECTORY, SPARSE and what is not settable ignored */
	uint64_t create_time, access_time, write_time; /* NTTIME; 0, -1, -2 are the caller's */
};

/*
 * Sets attributes and times, at most one xattr write and one utimensat. The caller has checked
 * FILE_WRITE_ATTRIBUTES on the open: what the user's mode bits forbid is done as root. fd may be
 * O_PATH. The change time cannot be set on Linux.
 */
int vfs_attr_set(struct vfs_share *s, int fd, const char *name, const struct vfs_attr_change *c);
/* So often clients changed stored DOS attributes, of whatever file. */
uint64_t vfs_dos_changes(void);

/* Mode bits of what is created (masks, `inherit permissions` from parent's mode, read-only map). */
mode_t vfs_create_mode(const struct vfs_share *s, bool is_dir, uint32_t attributes,
		       mode_t parent_mode);
/* Bytes rounded as the share's `allocation roundup size` says. */
uint64_t vfs_round_alloc(const struct vfs_share *s, uint64_t bytes);

/* ---- path.c: from a client's path to an object ---- */

struct vfs_path {
	struct vfs_share *share; /* borrowed */
	char *path;  /* share-relative; as on disk as far as it exists, then as asked; owned */
	char *leaf;  /* last component, inside path; "" for the root */
	char *asked; /* last component in the client's spelling, NULL: as leaf; owned */
	int parent;  /* O_PATH or for reading; -1: not opened yet (vfs_path_parent()), or the root
			itself; owned */
	int fd;	     /* O_PATH (or data) fd of the object, symlinks followed; -1: none; owned */
	bool exists;
	bool exact;	      /* VFS_RESOLVE_EXACT */
	bool native;	      /* VFS_RESOLVE_NATIVE, or the share says so */
	bool reads;	      /* fd is for data, as vfs_open() with O_RDONLY would give it */
	char *rest;	      /* STOPPED_ON_SYMLINK: owned; else NULL */
	struct vfs_id entry;  /* what the name itself is: differs from attr.id for a symlink */
	struct vfs_attr attr; /* of fd, if it exists */
	struct vfs_attr parent_attr; /* stat half only; valid when it does not exist */
};

#define VFS_RESOLVE_DOS	      0x1 /* attr has DOS attributes too */
#define VFS_RESOLVE_NO_FOLLOW 0x2 /* a symlink as last component is the object itself */
#define VFS_RESOLVE_EXACT     0x4 /* POSIX semantics: with regard to case */
/* A symlink that leads nowhere for clients is the object itself, instead of not existing. */
#define VFS_RESOLVE_REPARSE 0x8
/* As with `native symlinks`: no symlink is followed, see STOPPED_ON_SYMLINK. */
#define VFS_RESOLVE_NATIVE 0x10
/*
 * fd is one for reading if it is a regular file or folder that the user may read, and nobody has a
 * lease of the kernel's for writing on it (vfs_path.reads). It is what is wanted for data, and who
 * wants attributes only asks it for a fraction of what an O_PATH one costs.
 */
#define VFS_RESOLVE_READ 0x20
/* The parent will be asked for: who has its fd needs no walk of its own for what is in it. */
#define VFS_RESOLVE_PARENT 0x40

/*
 *	SUCCESS			*out describes an existing object
 *	OBJECT_NAME_NOT_FOUND	only the last component does not exist: parent and leaf are valid
 *	OBJECT_PATH_NOT_FOUND	a folder on the way does not exist, or is no folder
 *	ACCESS_DENIED		no search permission
 *	STOPPED_ON_SYMLINK	NATIVE, and a symlink on the way: *out is the symlink, and `rest`
 *what was to come behind it ("/a/b") and others from vfs_errno(). *out must be released in every
 *case. When several names differ only by case the exact spelling wins. A vetoed component does not
 *exist, nor does a symlink that is refused, dangles or leaves the share: creating there gives
 *-ENOENT.
 */
ntstatus vfs_resolve(struct vfs_share *s, const char *path, unsigned int flags,
		     struct vfs_path *out);
void vfs_path_release(struct vfs_path *p);
/* The parent's fd (owned by p), or -errno. -EBUSY for the root. */
int vfs_path_parent(struct vfs_path *p);

#define _cleanup_vfs_path_ __attribute__((__cleanup__(vfs_path_release)))

/* ---- open.c: what changes the tree; data.c: what changes an open file. All on the parent's fd,
 * verified by dev and ino ---- */

/*
 * An fd for data on p's object. flags: O_RDONLY, O_WRONLY or O_RDWR, with O_APPEND, O_TRUNC;
 * O_CLOEXEC, O_NONBLOCK and O_NOFOLLOW are implied. Folders with O_RDONLY. FIFOs, sockets and
 * devices are never opened: -EOPNOTSUPP (attributes go by p->fd). -ESTALE: replaced meanwhile;
 * the caller resolves again.
 */
int vfs_open(struct vfs_path *p, int flags);
/* The same for an O_PATH fd that the caller kept. */
int vfs_reopen(struct vfs_share *s, int fd, int flags);

/*
 * Creates p's leaf, which must not exist (-EEXIST: someone was faster, resolve again), and makes p
 * describe it (fd, attr, entry). dos attributes are stored (ARCHIVE is added for files as asked by
 * the caller). 0; with vfs_create() p->fd is one for data, with O_RDWR or as flags say.
 */
int vfs_create(struct vfs_path *p, int flags, mode_t mode, uint32_t attributes);
int vfs_mkdir(struct vfs_path *p, mode_t mode, uint32_t attributes);

/*
 * Removes the name path when it still is entry (vfs_path.entry), -ESTALE otherwise; -ENOTEMPTY
 * for a folder that has more than vetoed files (those go too with `delete veto files`).
 */
int vfs_remove(struct vfs_share *s, const char *path, struct vfs_id entry, bool is_dir);
/* The same of what is called leaf in an open folder (any kind of fd). */
int vfs_remove_at(struct vfs_share *s, int parent, const char *leaf, struct vfs_id entry,
		  bool is_dir);
/* 0 or -ENOTEMPTY as vfs_remove() would say: for setting the delete disposition. */
int vfs_dir_is_empty(struct vfs_share *s, int fd);

/*
 * Renames from (verified) to to, both resolved; to may exist (replace) or not. replace false and
 * to exists: -EEXIST. A change of case only is a rename onto itself and works. -EINVAL into its own
 * subtree, -EXDEV, -EISDIR, -ENOTDIR, -ENOTEMPTY as the kernel says. On success from->path is
 * stale: the caller takes to->path, which is as on disk.
 */
int vfs_rename(struct vfs_path *from, struct vfs_path *to, bool replace);
/* Another name for the object at fd. to as above. Directories: -EPERM. */
int vfs_link(struct vfs_share *s, int fd, struct vfs_path *to, bool replace);

/*
 * Allocation size (MS-FSCC 2.4.4): smaller than end of file truncates; larger takes the space with
 * `strict allocate`, else only says -ENOSPC when it is more than the file system has.
 */
int vfs_set_alloc(const struct vfs_share *s, int fd, uint64_t bytes);
/* End of file. */
int vfs_set_eof(int fd, uint64_t bytes);
/* FSCTL_SET_ZERO_DATA: bytes from..to-1 read as zero. Falls back to writing zeros. */
int vfs_zero_range(int fd, uint64_t from, uint64_t to);
/* Both files have the same blocks there; len 0: to the end. -EOPNOTSUPP, -EXDEV, -EINVAL. */
int vfs_clone_range(int from_fd, uint64_t from, int to_fd, uint64_t to, uint64_t len);
/* Has the file system compress a file, or what comes into a folder. -EOPNOTSUPP. fd: any. */
int vfs_compression_set(struct vfs_share *s, int fd, bool on);
/* fsync, or fdatasync if data_only; a folder or special file that cannot: 0. */
int vfs_sync(int fd, bool data_only);

/* ---- reparse.c: symlinks and special files, which clients know as reparse points ---- */

#define VFS_LINK_MAX 4095 /* bytes of a target */

/* What a reparse point is on Linux. */
struct vfs_special {
	mode_t type;  /* S_IFLNK, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK; S_IFREG, S_IFDIR: none */
	char *target; /* of a symlink, as on disk; owned */
	uint32_t major, minor;
};

static inline void vfs_special_release(struct vfs_special *sp)
{
	free(sp->target);
}
#define _cleanup_vfs_special_ __attribute__((__cleanup__(vfs_special_release)))

/* -ENODATA: it is no reparse point. fd is O_PATH. */
int vfs_special_get(int fd, struct vfs_special *out);
/*
 * The empty file or folder `entry` at path becomes what sp says, made by the calling user; *fd is
 * an O_PATH fd of it and *a describes it. -ESTALE: path is something else, -ENOTEMPTY: it has data
 * or entries, -EACCES: a target that could be outside of a share with `wide links`, which would be
 * followed.
 */
int vfs_special_set(struct vfs_share *s, const char *path, struct vfs_id entry,
		    const struct vfs_special *sp, int *fd, struct vfs_attr *a);
/* A symlink at path whose target is a folder of the share has that attribute too. */
void vfs_link_attr(struct vfs_share *s, const char *path, struct vfs_attr *a);

/* ---- dir.c: enumeration ---- */

struct vfs_dir;

struct vfs_dirent {
	const char *name; /* for clients (vfs_name_to_wire); valid until the next call */
	const char *disk; /* as on disk */
	uint64_t ino;
	unsigned char type; /* DT_*; of the entry itself, may be DT_UNKNOWN */
};

/*
 * fd: a folder opened for reading, whose ownership goes to the enumeration, also on error. Entries
 * are in the order of the file system, "." and ".." first; an entry that exists from begin to end
 * is given once.
 */
int vfs_dir_open(struct vfs_share *s, int fd, struct vfs_dir **out);
void vfs_dir_close(struct vfs_dir *d); /* NULL is fine */
/* POSIX semantics: names as on disk, patterns with regard to case, symlinks as such. */
void vfs_dir_posix(struct vfs_dir *d);
/*
 * Starts (again) with a pattern, "" or "*" for everything. Without wildcards the answer is a
 * lookup, not a scan, and without regard to case. The caller begins with this.
 */
int vfs_dir_restart(struct vfs_dir *d, const char *pattern);
/* 1 and an entry that matches, 0 at the end, -errno. Vetoed entries are left out. */
int vfs_dir_next(struct vfs_dir *d, struct vfs_dirent *out);
/* The last entry comes again with the next call: it did not fit into the reply. */
void vfs_dir_unget(struct vfs_dir *d);
/*
 * Everything about the last entry, symlinks followed when the share does that (a dangling or
 * escaping one is shown as the symlink that it is). -ENOENT: vanished meanwhile, or a symlink where
 * the share has none.
 */
int vfs_dir_attr(struct vfs_dir *d, const struct vfs_dirent *e, struct vfs_attr *out);
/* EaSize of the last entry; 0 when there are none or the share has no EAs. */
uint32_t vfs_dir_ea_size(struct vfs_dir *d, const struct vfs_dirent *e);

/* ---- stream.c: alternate data streams, xattr "user.DosStream.NAME:$DATA" with a NUL behind ----
 */

#define VFS_STREAM_NAME_MAX 255 /* bytes with NUL of a bare name, less than fits an xattr name */
#define VFS_STREAM_MAX                                                            \
	65535 /* bytes: XATTR_SIZE_MAX less the NUL; the file system may say less \
	       */

struct vfs_stream {
	char *name; /* bare, UTF-8 */
	uint64_t size;
};

/* fd may be O_PATH in all of these; names are found without regard to case. */

/* All alternate streams (the default one is the caller's). *list by vfs_stream_list_free(). */
int vfs_stream_list(int fd, struct vfs_stream **list, unsigned int *n);
void vfs_stream_list_free(struct vfs_stream *list, unsigned int n);
/* Size, and the spelling on disk to disk (may be NULL). -ENOENT: no such stream. */
int64_t vfs_stream_find(int fd, const char *name, char disk[VFS_STREAM_NAME_MAX]);
/* Empty; -EEXIST when it is there. -ENAMETOOLONG. */
int vfs_stream_create(int fd, const char *name);
/* As pread, pwrite, ftruncate; a write grows it. -ENOSPC/-EFBIG when the file system is full. */
ssize_t vfs_stream_read(int fd, const char *name, void *buf, size_t len, uint64_t off);
ssize_t vfs_stream_write(int fd, const char *name, const void *buf, size_t len, uint64_t off);
int vfs_stream_truncate(int fd, const char *name, uint64_t size);
int vfs_stream_remove(int fd, const char *name);
int vfs_stream_rename(int fd, const char *from, const char *to, bool replace);

/* ---- ea.c: extended attributes (MS-FSCC 2.4.15), xattr "user.NAME" ---- */

struct vfs_ea {
	char *name; /* without "user." */
	uint8_t *value;
	uint32_t len;
};

/* s may be NULL in these. Without those that Samba and this server use themselves. */
int vfs_ea_list(const struct vfs_share *s, int fd, struct vfs_ea **list, unsigned int *n);
void vfs_ea_list_free(struct vfs_ea *list, unsigned int n);
/* Size of FILE_FULL_EA_INFORMATION's list as EaSize reports it; 0: none. */
uint32_t vfs_ea_size(const struct vfs_share *s, int fd);
/*
 * len 0 deletes (no error when it is not there). Names without regard to case. -EACCES for those
 * that are not the client's.
 */
int vfs_ea_set(const struct vfs_share *s, int fd, const char *name, const void *value,
	       uint32_t len);
/* MS-FSCC 2.4.15: ASCII, 1 to 254 bytes, none of the characters that are not allowed. */
bool vfs_ea_name_valid(const char *name);

/* ---- xattr.c: by any fd, O_PATH too; -errno ---- */

ssize_t vfs_xattr_get(int fd, const char *name, void *buf, size_t size);
int vfs_xattr_set(int fd, const char *name, const void *buf, size_t size, int flags);
int vfs_xattr_remove(int fd, const char *name);
/* *names malloc'ed, NUL after each; returns its length. */
ssize_t vfs_xattr_list(int fd, char **names);
/* "/proc/self/fd/N", for calls that know only paths (chmod, utimes, ACLs on O_PATH fds). */
#define VFS_PROC_PATH_MAX 32
const char *vfs_proc_path(int fd, char buf[VFS_PROC_PATH_MAX]);

#endif /* KH_VFS_H */
