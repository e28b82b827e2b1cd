/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * identity.c - a Unix user by the machine's name service: ids, groups, home folder.
 */
#include <grp.h>
#include <pwd.h>

#include "auth/users.h"

#define BUF_MAX	   (1u << 20)
#define GROUPS_MAX 65536

/* Grows *buf for a getXXnam_r() that said ERANGE; false at the bound. */
static bool grow(char **buf, size_t *cap)
{
	if (*cap >= BUF_MAX)
		return false;
	*cap = *cap ? *cap * 2 : 1024;
	*buf = xrealloc(*buf, *cap);
	return true;
}

/* The same answer for every way in which getpwnam_r() and getgrnam_r() say "no such name". */
static int not_found(int err)
{
	switch (err) {
	case 0:
	case ENOENT:
	case ESRCH:
	case EBADF:
	case EPERM:
		return -ENOENT;
	}
	return -EIO;
}

static char *group_name(gid_t gid)
{
	_cleanup_free_ char *buf = NULL;
	struct group gr, *res = NULL;
	size_t cap = 0;

	while (grow(&buf, &cap) && getgrgid_r(gid, &gr, buf, cap, &res) == ERANGE)
		;
	return res ? xstrdup(gr.gr_name) : xasprintf("%u", (unsigned int)gid);
}

static void load_groups(struct unix_identity *id)
{
	int n = 32, cap;

	do {
		cap = n;
		id->groups = xrealloc(id->groups, (size_t)cap * sizeof(*id->groups));
		n = cap;
		if (getgrouplist(id->name, id->gid, id->groups, &n) >= 0)
			break;
		/* Not every libc says how many there are. */
		n = n > cap ? n : cap * 2;
	} while (n <= GROUPS_MAX);
	id->ngroups = (unsigned int)MIN(n, cap);
}

int unix_identity_read(const char *unix_user, struct unix_identity *out)
{
	_cleanup_free_ char *buf = NULL;
	struct passwd pw, *res = NULL;
	size_t cap = 0;
	int err = ERANGE;

	memset(out, 0, sizeof(*out));
	while (err == ERANGE && grow(&buf, &cap))
		err = getpwnam_r(unix_user, &pw, buf, cap, &res);
	if (!res)
		return not_found(err);
	out->uid = pw.pw_uid;
	out->gid = pw.pw_gid;
	out->name = xstrdup(pw.pw_name);
	out->home = pw.pw_dir && *pw.pw_dir == '/' ? xstrdup(pw.pw_dir) : NULL;
	out->group = group_name(pw.pw_gid);
	load_groups(out);
	return 0;
}

void unix_identity_free(struct unix_identity *id)
{
	free(id->groups);
	free(id->name);
	free(id->group);
	free(id->home);
	memset(id, 0, sizeof(*id));
}

int unix_group_lookup(const char *group, gid_t *gid)
{
	_cleanup_free_ char *buf = NULL;
	struct group gr, *res = NULL;
	size_t cap = 0;
	int err = ERANGE;

	while (err == ERANGE && grow(&buf, &cap))
		err = getgrnam_r(group, &gr, buf, cap, &res);
	if (!res)
		return not_found(err);
	*gid = gr.gr_gid;
	return 0;
}

bool unix_identity_in_group(const struct unix_identity *id, const char *group)
{
	gid_t gid;

	if (unix_group_lookup(group, &gid))
		return false;
	for (unsigned int i = 0; i < id->ngroups; i++)
		if (id->groups[i] == gid)
			return true;
	return id->gid == gid;
}
