// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * share.c - opened roots of shares, one per (configuration snapshot, share, path): a thousand tree
 * connects hold one fd and one set of options. An entry lives as long as trees use it; it holds the
 * snapshot that its patterns are taken from.
 */
#include "core/utf16.h"
#include "state/state.h"

struct entry {
	struct list_head node;
	struct conf *conf; /* reference */
	const struct conf_share *cs;
	struct vfs_share *vfs; /* reference */
	char *name, *path;
	unsigned int users, left; /* trees; those of them that have no session any more */
};

static struct {
	pthread_mutex_t lock; /* never held across a call that opens something */
	struct list_head entries;
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER, .entries = { &cache.entries, &cache.entries } };

static bool match_veto(const void *ctx, const char *name)
{
	const struct conf_share *cs = ctx;

	return conf_pattern_match(cs->veto_files, name, cs->case_sensitive == CONF_YES);
}

static bool match_hide(const void *ctx, const char *name)
{
	const struct conf_share *cs = ctx;

	return conf_pattern_match(cs->hide_files, name, cs->case_sensitive == CONF_YES);
}

static struct vfs_matcher matcher(bool (*fn)(const void *, const char *), const char *list,
				  const struct conf_share *cs)
{
	struct vfs_matcher m = { list && *list ? fn : NULL, cs };

	return m;
}

static void options_from_conf(const struct conf_share *cs, struct vfs_options *o)
{
	vfs_options_default(o);
	o->case_sensitive = cs->case_sensitive == CONF_YES;
	o->follow_symlinks = cs->follow_symlinks;
	o->native_symlinks = cs->native_symlinks;
	o->wide_links = cs->wide_links;
	o->short_names = cs->mangled_names != CONF_MANGLED_NO;
	o->list_short_names = cs->mangled_names == CONF_MANGLED_YES;
	o->hide_dot_files = cs->hide_dot_files;
	o->delete_veto_files = cs->delete_veto_files;
	o->veto = matcher(match_veto, cs->veto_files, cs);
	o->hide = matcher(match_hide, cs->hide_files, cs);
	o->store_dos_attributes = cs->store_dos_attributes;
	o->map_archive = cs->map_archive;
	o->map_hidden = cs->map_hidden;
	o->map_system = cs->map_system;
	o->map_readonly = cs->map_readonly != CONF_MAPRO_NO;
	o->dos_filemode = cs->dos_filemode;
	o->dos_filetimes = cs->dos_filetimes;
	o->fake_dir_create_times = cs->fake_directory_create_times;
	o->ea_support = cs->ea_support;
	o->acl_xattr = cs->acl_xattr_name;
	o->streams = cs->streams_xattr;
	o->inherit_permissions = cs->inherit_permissions;
	o->create_mask = cs->create_mask;
	o->force_create_mode = cs->force_create_mode;
	o->directory_mask = cs->directory_mask;
	o->force_directory_mode = cs->force_directory_mode;
	o->strict_allocate = cs->strict_allocate;
	o->allocation_roundup = cs->allocation_roundup_size;
	o->block_size = cs->block_size;
	o->max_disk_size = cs->max_disk_size;
	if (cs->fstype)
		o->fs_type = cs->fstype;
	if (cs->volume && *cs->volume)
		o->volume = cs->volume;
}

void share_policy(const struct conf_share *cs, bool read_only, struct acl_policy *p)
{
	static const enum acl_style styles[] = { [CONF_ACL_POSIX] = ACL_STYLE_POSIX,
						 [CONF_ACL_WINDOWS] = ACL_STYLE_WINDOWS,
						 [CONF_ACL_EVERYONE] = ACL_STYLE_EVERYONE };
	static const enum acl_owner owners[] = {
		[CONF_INHERIT_OWNER_NO] = ACL_OWNER_CREATOR,
		[CONF_INHERIT_OWNER_WINDOWS_AND_UNIX] = ACL_OWNER_PARENT,
		[CONF_INHERIT_OWNER_UNIX_ONLY] = ACL_OWNER_PARENT_UNIX,
	};

	*p = (struct acl_policy) {
		.stored = cs->acl_xattr,
		.xattr = cs->acl_xattr_name,
		.ignore_system_acls = cs->acl_xattr && cs->acl_ignore_system,
		.style = styles[cs->acl_style],
		.no_nt_acls = !cs->nt_acl_support,
		.keep_inherited_flag = !cs->acl_canonical_inherited,
		.inherit_acls = cs->inherit_acls,
		.inherit_owner = owners[cs->inherit_owner],
		.inherit_permissions = cs->inherit_permissions,
		.allow_execute_always = cs->acl_allow_execute_always,
		.dos_filemode = cs->dos_filemode,
		.read_only = read_only,
		.create_mask = cs->create_mask,
		.directory_mask = cs->directory_mask,
	};
}

/* cache.lock held */
static struct entry *find(const struct conf *conf, const struct conf_share *cs, const char *name,
			  const char *path)
{
	struct entry *e;

	list_for_each (e, &cache.entries, node)
		if (e->conf == conf && e->cs == cs && !strcmp(e->path, path) &&
		    !strcmp(e->name, name))
			return e;
	return NULL;
}

/* cache.lock held. Tree connects of a share, whatever snapshot they came with. */
static unsigned int users(const char *name)
{
	struct entry *e;
	unsigned int n = 0;

	list_for_each (e, &cache.entries, node)
		if (utf8_equal_nocase(e->name, name))
			n += e->users - e->left;
	return n;
}

unsigned int share_users(const char *name)
{
	unsigned int n;

	pthread_mutex_lock(&cache.lock);
	n = users(name);
	pthread_mutex_unlock(&cache.lock);
	return n;
}

static void entry_free(struct entry *e)
{
	vfs_share_put(e->vfs);
	free(e->name);
	free(e->path);
	conf_put(e->conf);
	free(e);
}

static struct entry *entry_open(struct conf *conf, const struct conf_share *cs, const char *name,
				const char *path)
{
	struct vfs_options opt;
	struct vfs_share *vfs;
	struct entry *e;

	options_from_conf(cs, &opt);
	if (vfs_share_open(name, path, &opt, &vfs) < 0)
		return NULL;
	e = xcalloc(1, sizeof(*e));
	e->conf = conf_get(conf);
	e->cs = cs;
	e->vfs = vfs;
	e->name = xstrdup(name);
	e->path = xstrdup(path);
	return e;
}

/* Adds a user; fresh (may be NULL) becomes the entry unless there is one. NULL: not there, full. */
static struct vfs_share *take(struct conf *conf, const struct conf_share *cs, const char *name,
			      const char *path, struct entry **fresh, ntstatus *status)
{
	struct vfs_share *vfs = NULL;
	struct entry *e;

	pthread_mutex_lock(&cache.lock);
	e = find(conf, cs, name, path);
	*status = NT_STATUS_SUCCESS;
	if (cs->max_connections && users(name) >= cs->max_connections) {
		*status = NT_STATUS_REQUEST_NOT_ACCEPTED;
	} else if (e || *fresh) {
		if (!e) {
			e = steal_ptr(fresh);
			list_add_tail(&e->node, &cache.entries);
		}
		e->users++;
		vfs = e->vfs;
	}
	pthread_mutex_unlock(&cache.lock);
	return vfs;
}

struct vfs_share *share_open(struct conf *conf, const struct conf_share *cs, const char *name,
			     const char *path, ntstatus *status)
{
	struct entry *fresh = NULL;
	struct vfs_share *vfs = take(conf, cs, name, path, &fresh, status);

	if (vfs && vfs_share_check(vfs) < 0) {
		share_close(vfs);
		*status = NT_STATUS_BAD_NETWORK_NAME;
		return NULL;
	}
	if (vfs || *status != NT_STATUS_SUCCESS)
		return vfs;
	fresh = entry_open(conf, cs, name, path);
	if (!fresh) {
		*status = NT_STATUS_BAD_NETWORK_NAME;
		return NULL;
	}
	vfs = take(conf, cs, name, path, &fresh, status);
	if (fresh) /* another thread was faster, or the share is full */
		entry_free(fresh);
	return vfs;
}

void share_leave(struct vfs_share *vfs)
{
	struct entry *e;

	pthread_mutex_lock(&cache.lock);
	list_for_each (e, &cache.entries, node)
		if (e->vfs == vfs)
			e->left++;
	pthread_mutex_unlock(&cache.lock);
}

static void use_ends(struct vfs_share *vfs, bool left)
{
	struct entry *e, *last = NULL;

	if (!vfs)
		return;
	pthread_mutex_lock(&cache.lock);
	list_for_each (e, &cache.entries, node)
		if (e->vfs == vfs) {
			e->left -= left;
			if (--e->users == 0) {
				list_del(&e->node);
				last = e;
			}
			break;
		}
	pthread_mutex_unlock(&cache.lock);
	if (last)
		entry_free(last);
}

void share_close(struct vfs_share *vfs)
{
	use_ends(vfs, false);
}

void share_close_left(struct vfs_share *vfs)
{
	use_ends(vfs, true);
}
