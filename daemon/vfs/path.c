// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * path.c - from what a client calls a file to the file. The whole path in the client's spelling is
 * tried first, in one openat2(), or in two for who needs the parent as well; only when that does
 * not exist is the spelling looked for, folder by folder, in the name cache. Every open is beneath
 * the share's root, so whatever another program renames meanwhile, nothing outside can be reached.
 */
#include "vfs/internal.h"

#include <limits.h>
#include <stdio.h>

/* What is left to do when the leaf is a symlink that may not be followed: it does not exist. */
#define DANGLING 1

static bool any_component_vetoed(const struct vfs_share *s, const char *path, bool *last)
{
	char name[VFS_NAME_WIRE_MAX];

	if (!s->opt.veto.match)
		return false;
	while (*path) {
		size_t n = strcspn(path, "/");

		snprintf(name, sizeof(name), "%.*s", (int)MIN(n, sizeof(name)), path);
		*last = !path[n];
		if (share_veto(s, name))
			return true;
		path += n + !*last;
	}
	return false;
}

static void set_leaf(struct vfs_path *p)
{
	char *slash = strrchr(p->path, '/');

	p->leaf = slash ? slash + 1 : p->path;
}

static void set_path(struct vfs_path *p, char *path)
{
	free(p->path);
	p->path = path;
	set_leaf(p);
}

/* "a" of "a/b", "" of "b"; caller frees. */
static char *parent_path(const struct vfs_path *p)
{
	size_t n = (size_t)(p->leaf - p->path);

	return xstrndup(p->path, n ? n - 1 : 0);
}

static char *join(const char *dir, const char *name)
{
	return *dir ? xasprintf("%s/%s", dir, name) : xstrdup(name);
}

/* ---- the object itself ---- */

/* If that does not go, why is said when the file is opened, after all other checks. */
static void open_to_read(struct vfs_path *p)
{
	int fd = vfs_reopen(p->share, p->fd, O_RDONLY);

	if (fd < 0)
		return;
	close(p->fd);
	p->fd = fd;
	p->reads = true;
}

static int describe(struct vfs_path *p, unsigned int flags)
{
	int r = vfs_attr_stat(p->share, p->fd, p->leaf, &p->attr);

	if (r)
		return r;
	if (p->reads && !S_ISREG(p->attr.mode))
		return -ESTALE; /* not what open_file_to_read() saw */
	if (flags & VFS_RESOLVE_READ && !p->reads && (S_ISREG(p->attr.mode) || p->attr.is_dir))
		open_to_read(p);
	if (flags & VFS_RESOLVE_DOS)
		vfs_attr_load_dos(p->share, p->fd, p->leaf, &p->attr);
	p->exists = true;
	return 0;
}

/* p->fd is a symlink: p becomes its target. DANGLING when there is none for clients. */
static int follow(struct vfs_path *p, unsigned int flags)
{
	bool follows = p->share->opt.follow_symlinks;
	int fd = follows ? share_open_beneath(p->share, p->path, O_PATH) : -ENOENT;
	bool leads = fd != -ENOENT && fd != -ELOOP && fd != -EXDEV && fd != -ENOTDIR;

	if (!leads && follows && flags & VFS_RESOLVE_REPARSE)
		return 0;
	close(steal_fd(&p->fd));
	p->exists = false;
	if (!leads)
		return DANGLING;
	if (fd < 0)
		return fd;
	p->fd = fd;
	return describe(p, flags);
}

/* Of a folder, which may be the last component or one on the way. */
static int open_component(struct vfs_path *p, const char *path, int flags)
{
	return p->native ? share_open_nolinks(p->share, path, flags)
			 : share_open_beneath(p->share, path, flags);
}

/*
 * The regular file in the parent for reading, or -errno. It is looked at before, so that no FIFO
 * and no device is opened; describe() looks again, as somebody may have put one there meanwhile.
 */
static int open_file_to_read(const struct vfs_path *p)
{
	struct stat st;

	if (fstatat(p->parent, p->leaf, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EOPNOTSUPP;
	return share_open_leaf(p->parent, p->leaf, O_RDONLY | OPEN_ALWAYS);
}

/* By way of the parent. */
static int open_leaf(struct vfs_path *p, unsigned int flags)
{
	int fd = vfs_path_parent(p);

	if (fd < 0)
		return fd;
	fd = flags & VFS_RESOLVE_READ ? open_file_to_read(p) : -EOPNOTSUPP;
	p->reads = fd >= 0;
	if (fd >= 0 || fd == -ENOENT)
		return fd;
	return share_open_leaf(p->parent, p->leaf, O_PATH);
}

/* p->path as it stands: 0, DANGLING or -errno. */
static int open_whole(struct vfs_path *p, unsigned int flags)
{
	int r;

	if (flags & VFS_RESOLVE_PARENT && *p->path)
		p->fd = open_leaf(p, flags);
	else
		p->fd = open_component(p, p->path, O_PATH | O_NOFOLLOW);
	if (p->fd < 0)
		return p->fd;
	r = describe(p, flags);
	if (r)
		return r;
	p->entry = p->attr.id;
	if (!S_ISLNK(p->attr.mode) || flags & VFS_RESOLVE_NO_FOLLOW)
		return 0;
	if (!p->native)
		r = follow(p, flags);
	if (!r && S_ISLNK(p->attr.mode))
		vfs_link_attr(p->share, p->path, &p->attr);
	return r;
}

/* ---- looking for the spelling ---- */

#define BY_SHORT_NAME 2

/* 1 (or BY_SHORT_NAME) and the spelling on disk of name in the folder at dirfd, 0, -errno. */
static int match_component(const struct vfs_path *p, int dirfd, const char *name,
			   char disk[NAME_MAX + 1])
{
	char buf[VFS_NAME_WIRE_MAX];
	struct stat st;
	int r;

	if (!p->share->opt.case_sensitive && !p->exact) {
		r = namecache_lookup(dirfd, name, disk);
		if (!r && p->share->opt.short_names && short_name_possible(name))
			r = short_name_lookup(dirfd, name, disk) > 0 ? BY_SHORT_NAME : 0;
		return r > 0 && share_veto(p->share, disk) ? 0 : r;
	}
	if (!name_from_wire(name, buf) || strlen(buf) > NAME_MAX ||
	    fstatat(dirfd, buf, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	memccpy(disk, buf, 0, NAME_MAX + 1);
	return !share_veto(p->share, disk);
}

/* One folder further down: *dir and *dirfd become the folder name in them. */
static int walk_one(struct vfs_path *p, char **dir, int *dirfd, const char *name)
{
	_cleanup_free_ char *next = join(*dir, name);
	char disk[NAME_MAX + 1];
	int fd, r;

	fd = open_component(p, next, O_PATH | O_DIRECTORY);
	if (fd == -ENOENT) {
		r = match_component(p, *dirfd, name, disk);
		if (r <= 0)
			return r ? r : -ENOENT;
		free(next);
		next = join(*dir, disk);
		fd = open_component(p, next, O_PATH | O_DIRECTORY);
	}
	if (fd < 0)
		return fd;
	close(*dirfd);
	*dirfd = fd;
	free(*dir);
	*dir = steal_ptr(&next);
	return 0;
}

/* The parent, folder by folder. On success p->path has its spelling, and p->parent is open. */
static int walk_parent(struct vfs_path *p)
{
	_cleanup_free_ char *want = parent_path(p), *dir = xstrdup("");
	_cleanup_close_ int dirfd = share_open_beneath(p->share, "", O_PATH | O_DIRECTORY);
	char *save = NULL, *name;
	int r = dirfd < 0 ? dirfd : 0;

	for (name = strtok_r(want, "/", &save); name && !r; name = strtok_r(NULL, "/", &save))
		r = walk_one(p, &dir, &dirfd, name);
	if (r)
		return r;
	set_path(p, join(dir, p->leaf));
	p->parent = steal_fd(&dirfd);
	return 0;
}

int vfs_path_parent(struct vfs_path *p)
{
	if (!*p->path)
		return -EBUSY;
	if (p->parent < 0) {
		char *slash = p->leaf > p->path ? p->leaf - 1 : NULL;
		const char *dir = slash ? p->path : "";

		if (slash) /* for the moment: cheaper than a copy */
			*slash = '\0';
		/* By such a descriptor xattrs cost a quarter; who may not list can still pass. */
		p->parent = open_component(p, dir, O_RDONLY | O_DIRECTORY);
		if (p->parent == -EACCES)
			p->parent = open_component(p, dir, O_PATH | O_DIRECTORY);
		if (slash)
			*slash = '/';
	}
	return p->parent;
}

/*
 * Some component of the path is a symlink, which is the client's business: p becomes that symlink,
 * and rest what was to come behind it. False: there is none.
 */
static bool stop_on_link(struct vfs_path *p, const char *path)
{
	_cleanup_close_ int dirfd = share_open_nolinks(p->share, "", O_PATH | O_DIRECTORY);
	_cleanup_free_ char *dir = xstrdup("");
	char name[VFS_NAME_WIRE_MAX], disk[NAME_MAX + 1];

	while (dirfd >= 0 && *path) {
		size_t n = strcspn(path, "/");
		struct vfs_attr a;
		char *next;

		if (n >= sizeof(name))
			return false;
		memcpy(name, path, n);
		name[n] = '\0';
		path += n;
		if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) &&
		    match_component(p, dirfd, name, disk) > 0)
			memccpy(name, disk, 0, sizeof(name));
		next = join(dir, name);
		free(dir);
		dir = next;
		close(steal_fd(&dirfd));
		dirfd = share_open_nolinks(p->share, dir, O_PATH | O_NOFOLLOW);
		if (dirfd < 0 || vfs_attr_stat(p->share, dirfd, name, &a))
			return false;
		if (S_ISLNK(a.mode)) {
			set_path(p, steal_ptr(&dir));
			p->rest = xstrdup(path);
			p->fd = steal_fd(&dirfd);
			p->attr = a;
			p->entry = a.id;
			p->exists = true;
			return true;
		}
		path += *path == '/';
	}
	return false;
}

static ntstatus parent_error(int err)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -EXDEV:
	case -ESTALE:
		return NT_STATUS_OBJECT_PATH_NOT_FOUND;
	default:
		return vfs_errno(err);
	}
}

static ntstatus not_found(struct vfs_path *p)
{
	int r = vfs_path_parent(p);

	if (r >= 0)
		r = vfs_attr_stat(p->share, p->parent, "", &p->parent_attr);
	if (r < 0)
		return parent_error(r);
	return NT_STATUS_OBJECT_NAME_NOT_FOUND;
}

/* What a short name that was told stands for is created under its long name. */
static void long_name(struct vfs_path *p)
{
	char full[NAME_MAX + 1];

	if (!p->exact && p->share->opt.short_names && short_name_possible(p->leaf) &&
	    short_name_told(p->leaf, full)) {
		_cleanup_free_ char *dir = parent_path(p);

		set_path(p, join(dir, full));
	}
}

/* The client's spelling does not exist: find what it means. */
static ntstatus resolve_slow(struct vfs_path *p, unsigned int flags)
{
	char disk[NAME_MAX + 1];
	int r = vfs_path_parent(p);
	bool walked = r == -ENOENT;

	if (walked)
		r = walk_parent(p);
	if (r < 0)
		return parent_error(r);
	r = match_component(p, p->parent, p->leaf, disk);
	if (r > 0) {
		_cleanup_free_ char *dir = parent_path(p);

		if (r != BY_SHORT_NAME)
			p->asked = xstrdup(p->leaf);
		set_path(p, join(dir, disk));
	} else if (!r) {
		long_name(p);
	}
	if (r >= 0)
		r = r || walked ? open_whole(p, flags) : -ENOENT;
	if (!r)
		return NT_STATUS_SUCCESS;
	return r == DANGLING || r == -ENOENT || r == -ELOOP ? not_found(p) : vfs_errno(r);
}

static ntstatus resolve_once(struct vfs_path *p, unsigned int flags)
{
	int r = open_whole(p, flags);

	if (!r && !*p->path && !p->attr.nlink)
		r = -ENOENT; /* an open root folder outlives its name */
	switch (r) {
	case 0:
		return NT_STATUS_SUCCESS;
	case DANGLING:
		return not_found(p);
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -EXDEV:
		if (*p->path)
			return resolve_slow(p, flags);
		return NT_STATUS_OBJECT_PATH_NOT_FOUND;
	default:
		return vfs_errno(r);
	}
}

static void path_init(struct vfs_path *p, struct vfs_share *s, const char *path, unsigned int flags)
{
	*p = (struct vfs_path) { .share = s, .parent = -1, .fd = -1 };
	p->exact = flags & VFS_RESOLVE_EXACT;
	p->native = flags & VFS_RESOLVE_NATIVE ||
		    (flags & VFS_RESOLVE_REPARSE && s->opt.native_symlinks);
	set_path(p, xstrdup(path));
}

static ntstatus resolve(struct vfs_path *p, const char *path, unsigned int flags)
{
	ntstatus status = resolve_once(p, flags);

	if (p->native && status == NT_STATUS_OBJECT_PATH_NOT_FOUND && stop_on_link(p, path))
		return NT_STATUS_STOPPED_ON_SYMLINK;
	return status;
}

/* Where fd is below the share's root, in buf; NULL: it is not, or nobody knows. */
static const char *below_root(const struct vfs_share *s, int fd, char *buf, size_t size)
{
	char proc[VFS_PROC_PATH_MAX], root[PATH_MAX];
	ssize_t r = readlink(vfs_proc_path(s->root, proc), root, sizeof(root));
	ssize_t n = readlink(vfs_proc_path(fd, proc), buf, size - 1);

	if (r <= 0 || (size_t)r == sizeof(root) || n < r)
		return NULL;
	buf[n] = '\0';
	if (memcmp(buf, root, (size_t)r))
		return NULL;
	if (r == 1) /* "/" */
		return buf + 1;
	return buf[r] == '/' ? buf + r + 1 : NULL;
}

/*
 * Symlinks, which clients make too, must not be other names of what is vetoed: what was found, or
 * the folder for something new, is asked where it really is.
 */
static ntstatus check_veto(struct vfs_path *p, ntstatus status)
{
	int fd = p->fd >= 0 ? p->fd : p->parent;
	char buf[PATH_MAX + 1];
	const char *real;
	bool last = false;

	if (!p->share->opt.veto.match || fd < 0 ||
	    (status && status != NT_STATUS_OBJECT_NAME_NOT_FOUND &&
	     status != NT_STATUS_STOPPED_ON_SYMLINK))
		return status;
	real = below_root(p->share, fd, buf, sizeof(buf));
	if (!real || !any_component_vetoed(p->share, real, &last))
		return status;
	if (!p->exists || !last)
		return NT_STATUS_OBJECT_PATH_NOT_FOUND;
	close(steal_fd(&p->fd));
	p->exists = false;
	return not_found(p);
}

ntstatus vfs_resolve(struct vfs_share *s, const char *path, unsigned int flags,
		     struct vfs_path *out)
{
	bool last = false;
	ntstatus status;
	int r = -ENOENT;

	path_init(out, s, path, flags);
	if (any_component_vetoed(s, path, &last)) {
		if (last)
			return not_found(out);
		return NT_STATUS_OBJECT_PATH_NOT_FOUND;
	}
	status = check_veto(out, resolve(out, path, flags));
	/* A folder that has a name says that the root is there, too. */
	if (!status || (status == NT_STATUS_OBJECT_NAME_NOT_FOUND && out->parent_attr.nlink) ||
	    !share_root_gone(s))
		return status;
	if (!identity_root_begin()) {
		r = vfs_share_check(s);
		identity_root_end();
	} else {
		r = vfs_share_check(s);
	}
	if (r)
		return NT_STATUS_OBJECT_PATH_NOT_FOUND;
	vfs_path_release(out);
	path_init(out, s, path, flags);
	return check_veto(out, resolve(out, path, flags));
}

void vfs_path_release(struct vfs_path *p)
{
	free(p->path);
	free(p->asked);
	free(p->rest);
	cleanup_closep(&p->parent);
	cleanup_closep(&p->fd);
	*p = (struct vfs_path) { .parent = -1, .fd = -1 };
}
