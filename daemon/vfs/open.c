// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * open.c - opening, creating, removing, renaming. A name is only ever used relative to its open
 * parent, and an existing object only after its dev and ino were compared.
 */
#include "vfs/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>

#define VETO_TREE_DEPTH 32
#define MADE_SECONDS	4

/* ---- opening ---- */

int vfs_reopen(struct vfs_share *s, int fd, int flags)
{
	int dir = proc_fd_dir();
	char num[PROC_FD_MAX];
	int r;

	if (dir < 0)
		return dir;
	if (s->opt.read_only && ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC))
		return -EROFS;
	r = openat(dir, proc_fd_name(fd, num), flags | OPEN_ALWAYS);
	return r < 0 ? -errno : r;
}

int vfs_open(struct vfs_path *p, int flags)
{
	if (!p->exists)
		return -ENOENT;
	if (vfs_attr_is_special(&p->attr))
		return -EOPNOTSUPP;
	return vfs_reopen(p->share, p->fd, flags);
}

/* ---- creating ---- */

static bool entry_is(struct vfs_id id)
{
	return id.dev || id.ino;
}

/* Everything that speaks against a new name before the file system is asked. */
static int check_new(struct vfs_path *p)
{
	if (p->share->opt.read_only)
		return -EROFS;
	if (!*p->leaf || p->exists)
		return -EEXIST;
	if (entry_is(p->entry) || share_veto(p->share, p->leaf))
		return -ENOENT; /* a symlink that is refused; a name that is not to be */
	return vfs_path_parent(p);
}

static bool collides(struct vfs_path *p, struct namecache_change *c, int i, const char *leaf)
{
	return !p->share->opt.case_sensitive && !p->exact && namecache_has(c, i, leaf);
}

/* Takes *fd when it succeeds. */
static int describe_new(struct vfs_path *p, int *fd, uint32_t attributes)
{
	int r = vfs_attr_stat(p->share, *fd, p->leaf, &p->attr);

	if (r)
		return r;
	attr_init_dos(p->share, *fd, p->leaf, attributes, &p->attr);
	p->entry = p->attr.id;
	p->exists = true;
	p->fd = steal_fd(fd);
	return 0;
}

int vfs_create(struct vfs_path *p, int flags, mode_t mode, uint32_t attributes)
{
	_cleanup_close_ int fd = -1;
	struct namecache_change c;
	int r = check_new(p);

	if (r < 0)
		return r;
	namecache_begin(&c, p->share, p->parent, -1);
	if (collides(p, &c, 0, p->leaf)) {
		r = -EEXIST;
	} else {
		fd = openat(p->parent, p->leaf,
			    (flags & ~O_TRUNC) | OPEN_ALWAYS | O_NOFOLLOW | O_CREAT | O_EXCL,
			    mode & 0777);
		r = fd < 0 ? -errno : 0;
		if (!r)
			namecache_add(&c, 0, p->leaf);
	}
	namecache_end(&c);
	/* openat() drops these, `force create mode` may ask for them. */
	if (!r && mode & 07000 && fchmod(fd, mode & 07777))
		r = -errno;
	if (!r)
		r = describe_new(p, &fd, attributes);
	return r;
}

int check_made(int parent, int fd, mode_t type)
{
	uid_t me = (uid_t)syscall(SYS_setfsuid, (uid_t)-1); /* no such user: only tells */
	struct stat st, dir;

	if (fstat(fd, &st) || fstat(parent, &dir))
		return -errno;
	if ((st.st_mode & S_IFMT) != type)
		return -ESTALE;
	if (st.st_uid == me)
		return 0;
	/* where the file system knows no owners, everything in the folder has the same */
	return st.st_uid == dir.st_uid && llabs(time(NULL) - st.st_mtime) <= MADE_SECONDS ? 0
											  : -ESTALE;
}

/*
 * `force directory mode` and `inherit permissions` may ask for the set-group-ID bit, which the user
 * could not set for a group that is not his own. The rest of the mode is what mkdir and a default
 * ACL made of it.
 */
static int add_set_id(int fd, mode_t bits)
{
	char proc[VFS_PROC_PATH_MAX];
	struct stat st;
	bool root;
	int r;

	if (fstat(fd, &st))
		return -errno;
	if ((st.st_mode & bits) == bits)
		return 0;
	root = !identity_root_begin();
	r = chmod(vfs_proc_path(fd, proc), (st.st_mode | bits) & 07777) ? -errno : 0;
	if (root)
		identity_root_end();
	return r;
}

int vfs_mkdir(struct vfs_path *p, mode_t mode, uint32_t attributes)
{
	_cleanup_close_ int fd = -1;
	struct namecache_change c;
	int r = check_new(p);

	if (r < 0)
		return r;
	namecache_begin(&c, p->share, p->parent, -1);
	if (collides(p, &c, 0, p->leaf))
		r = -EEXIST;
	else
		r = mkdirat(p->parent, p->leaf, mode & 01777) ? -errno : 0;
	if (!r)
		namecache_add(&c, 0, p->leaf);
	namecache_end(&c);
	if (r)
		return r;
	fd = openat(p->parent, p->leaf, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = check_made(p->parent, fd, S_IFDIR);
	if (!r && mode & 06000)
		r = add_set_id(fd, mode & 06000);
	return r ? r : describe_new(p, &fd, attributes);
}

/* ---- removing ---- */

static int check_entry(int parent, const char *leaf, struct vfs_id entry)
{
	struct statx sx;
	struct vfs_id id;

	if (statx(parent, leaf, AT_SYMLINK_NOFOLLOW, STATX_INO, &sx))
		return -errno;
	id = (struct vfs_id) { (uint64_t)sx.stx_dev_major << 32 | sx.stx_dev_minor, sx.stx_ino };
	return vfs_id_equal(id, entry) ? 0 : -ESTALE;
}

static int open_dir_privileged(int at, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, name, flags);

	if (fd < 0 && errno == EACCES && !identity_root_begin()) {
		fd = openat(at, name, flags);
		identity_root_end();
	}
	return fd < 0 ? -errno : fd;
}

/* Is there anything in the folder that would keep a client from removing it? */
static int only_vetoed(struct vfs_share *s, int fd)
{
	struct readdir_entry e;
	struct readdir rd;
	int r;

	readdir_begin(&rd, fd);
	while ((r = readdir_next(&rd, &e)) > 0) {
		if (name_is_dots(e.name) || (s->opt.delete_veto_files && share_veto(s, e.name)))
			continue;
		r = -ENOTEMPTY;
		break;
	}
	readdir_end(&rd);
	return r;
}

int vfs_dir_is_empty(struct vfs_share *s, int fd)
{
	_cleanup_close_ int dir = open_dir_privileged(fd, ".");

	return dir < 0 ? dir : only_vetoed(s, dir);
}

/* Everything in the folder at name goes: what is below a vetoed name is vetoed. */
static int remove_tree(int parent, const char *name, unsigned int depth)
{
	_cleanup_close_ int fd = -1;
	struct readdir_entry e;
	struct readdir rd;
	int r = 0;

	if (!unlinkat(parent, name, 0))
		return 0;
	if (errno != EISDIR)
		return -errno;
	if (!depth)
		return -ENOTEMPTY;
	fd = open_dir_privileged(parent, name);
	if (fd < 0)
		return fd;
	readdir_begin(&rd, fd);
	while (!r && readdir_next(&rd, &e) > 0)
		if (!name_is_dots(e.name))
			r = remove_tree(fd, e.name, depth - 1);
	readdir_end(&rd);
	if (!r && unlinkat(parent, name, AT_REMOVEDIR))
		r = -errno;
	return r;
}

static int remove_dir(struct vfs_share *s, int parent, const char *leaf)
{
	_cleanup_close_ int fd = -1;
	struct readdir_entry e;
	struct readdir rd;
	int r;

	if (!unlinkat(parent, leaf, AT_REMOVEDIR))
		return 0;
	if (errno == EEXIST)
		return -ENOTEMPTY;
	if (errno != ENOTEMPTY || !s->opt.delete_veto_files || !s->opt.veto.match)
		return -errno;
	fd = open_dir_privileged(parent, leaf);
	r = fd < 0 ? fd : only_vetoed(s, fd);
	if (r || lseek(fd, 0, SEEK_SET))
		return r ? r : -EIO;
	readdir_begin(&rd, fd);
	while (!r && readdir_next(&rd, &e) > 0)
		if (!name_is_dots(e.name) && share_veto(s, e.name))
			r = remove_tree(fd, e.name, VETO_TREE_DEPTH);
	readdir_end(&rd);
	if (!r && unlinkat(parent, leaf, AT_REMOVEDIR))
		r = -errno;
	return r;
}

int vfs_remove_at(struct vfs_share *s, int parent, const char *leaf, struct vfs_id entry,
		  bool is_dir)
{
	struct namecache_change c;
	int r;

	if (s->opt.read_only)
		return -EROFS;
	if (!*leaf)
		return -EBUSY;
	namecache_begin(&c, s, parent, -1);
	r = check_entry(parent, leaf, entry);
	if (!r && is_dir)
		r = remove_dir(s, parent, leaf);
	else if (!r)
		r = unlinkat(parent, leaf, 0) ? -errno : 0;
	if (!r)
		namecache_del(&c, 0, leaf);
	namecache_end(&c);
	return r;
}

int vfs_remove(struct vfs_share *s, const char *path, struct vfs_id entry, bool is_dir)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	_cleanup_close_ int parent = share_open_beneath(s, dir, O_PATH | O_DIRECTORY);

	if (parent < 0)
		return parent;
	return vfs_remove_at(s, parent, slash ? slash + 1 : path, entry, is_dir);
}

/* ---- renaming and linking ---- */

/* Not every file system knows RENAME_NOREPLACE: there the check is a little early. */
static int rename_new(int from, const char *old, int to, const char *new)
{
	struct stat st;

	if (!renameat2(from, old, to, new, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (!fstatat(to, new, &st, AT_SYMLINK_NOFOLLOW))
		return -EEXIST;
	return renameat(from, old, to, new) ? -errno : 0;
}

static int rename_locked(struct vfs_path *from, struct vfs_path *to, bool replace,
			 struct namecache_change *c)
{
	bool same = !strcmp(from->path, to->path);
	const char *new = same && to->asked ? to->asked : to->leaf;
	int r = check_entry(from->parent, from->leaf, from->entry);

	if (r)
		return r;
	if (same && !strcmp(from->leaf, new))
		return 0;
	if (to->exists && !same && vfs_id_equal(from->entry, to->entry)) {
		/* Two names of one file: rename() would do nothing. */
		r = !replace ? -EEXIST : unlinkat(from->parent, from->leaf, 0) ? -errno : 0;
	} else if (same || (to->exists && replace)) {
		r = renameat(from->parent, from->leaf, to->parent, new) ? -errno : 0;
	} else if (to->exists || collides(to, c, 1, new)) {
		r = -EEXIST;
	} else {
		r = rename_new(from->parent, from->leaf, to->parent, new);
	}
	if (r)
		return r;
	namecache_del(c, 0, from->leaf);
	namecache_del(c, 1, new);
	namecache_add(c, 1, new);
	return 0;
}

/* Upper and lower case of a letter may have different lengths in UTF-8. */
static void take_asked(struct vfs_path *to)
{
	size_t dir = (size_t)(to->leaf - to->path);

	if (!to->asked)
		return;
	to->path = xrealloc(to->path, dir + strlen(to->asked) + 1);
	to->leaf = to->path + dir;
	strcpy(to->leaf, to->asked);
}

int vfs_rename(struct vfs_path *from, struct vfs_path *to, bool replace)
{
	struct namecache_change c;
	bool same = !strcmp(from->path, to->path);
	int r;

	if (from->share->opt.read_only)
		return -EROFS;
	if (share_veto(to->share, to->leaf) || (!to->exists && entry_is(to->entry)))
		return -ENOENT;
	if (to->exists && to->attr.is_dir && !same && !(to->exact && replace))
		return replace ? -EACCES : -EEXIST;
	r = vfs_path_parent(from);
	if (r >= 0)
		r = vfs_path_parent(to);
	if (r < 0)
		return r;
	namecache_begin(&c, from->share, from->parent, to->parent);
	r = rename_locked(from, to, replace, &c);
	namecache_end(&c);
	if (!r && same)
		take_asked(to);
	return r;
}

static int link_at(int fd, int parent, const char *leaf)
{
	char proc[VFS_PROC_PATH_MAX];

	return linkat(AT_FDCWD, vfs_proc_path(fd, proc), parent, leaf, AT_SYMLINK_FOLLOW) ? -errno
											  : 0;
}

/* Over an existing name: by a temporary one, so that there is no moment without. */
static int link_over(int fd, int parent, const char *leaf)
{
	char tmp[32];
	uint64_t v;
	int r;

	if (getrandom(&v, sizeof(v), 0) != sizeof(v))
		return -EIO;
	snprintf(tmp, sizeof(tmp), ".kh-link.%016llx", (unsigned long long)v);
	r = link_at(fd, parent, tmp);
	if (!r && renameat(parent, tmp, parent, leaf))
		r = -errno;
	unlinkat(parent, tmp, 0); /* rename() of two names of one file leaves both */
	return r;
}

int vfs_link(struct vfs_share *s, int fd, struct vfs_path *to, bool replace)
{
	struct namecache_change c;
	struct stat st;
	int r;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EPERM;
	if (to->exists && (s->opt.read_only || !*to->leaf))
		return s->opt.read_only ? -EROFS : -EEXIST;
	if (to->exists && !replace)
		return -EEXIST;
	if (to->exists && to->attr.is_dir)
		return -EACCES;
	r = to->exists ? vfs_path_parent(to) : check_new(to);
	if (r < 0)
		return r;
	namecache_begin(&c, s, to->parent, -1);
	if (to->exists)
		r = link_over(fd, to->parent, to->leaf);
	else
		r = collides(to, &c, 0, to->leaf) ? -EEXIST : link_at(fd, to->parent, to->leaf);
	if (!r && !to->exists)
		namecache_add(&c, 0, to->leaf);
	namecache_end(&c);
	return r;
}
