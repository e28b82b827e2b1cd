// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ea.c - extended attributes of SMB are the user.* xattrs (as in Samba), but for those that keep
 * something else.
 */
#include "vfs/internal.h"

#include "core/utf16.h"

#include <linux/limits.h>
#include <strings.h>
#include <sys/xattr.h>

#define PREFIX	   "user."
#define PREFIX_LEN 5
#define EA_MAX	   65535 /* bytes of a value, MS-FSCC 2.4.15 */

/* xattrs whose content is not the client's; those ending in '.' are prefixes. */
static const char *const private_names[] = {
	"DOSATTRIB",	 "DosStream.",	  "SAMBA_PAI",	"NTACL",
	"org.netatalk.", "POSIX_REPARSE", "SmbReparse",
};

static bool is_private(const struct vfs_share *s, const char *ea)
{
	size_t i, n;

	if (s && s->opt.acl_xattr && !strncmp(s->opt.acl_xattr, PREFIX, PREFIX_LEN) &&
	    utf8_equal_nocase(s->opt.acl_xattr + PREFIX_LEN, ea))
		return true;

	for (i = 0; i < ARRAY_SIZE(private_names); i++) {
		n = strlen(private_names[i]);
		if (!strncasecmp(ea, private_names[i], n) &&
		    (private_names[i][n - 1] == '.' || !ea[n]))
			return true;
	}
	return false;
}

/* The EA's name within an xattr name, NULL when it is none. */
static const char *ea_of(const struct vfs_share *s, const char *xattr)
{
	if (strncmp(xattr, PREFIX, PREFIX_LEN) || is_private(s, xattr + PREFIX_LEN) ||
	    !vfs_ea_name_valid(xattr + PREFIX_LEN))
		return NULL;
	return xattr + PREFIX_LEN;
}

bool vfs_ea_name_valid(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if ((unsigned char)name[i] < 0x20 || (unsigned char)name[i] >= 0x7f ||
		    strchr("\"*+,/:;<=>?[\\]|", name[i]))
			return false;
	return i >= 1 && i <= 254 - PREFIX_LEN;
}

static int read_value(int fd, const char *xattr, struct vfs_ea *ea)
{
	ssize_t n = xattr_get_privileged(fd, xattr, NULL, 0);

	if (n < 0)
		return (int)n;
	ea->value = malloc((size_t)n + 1);
	if (!ea->value)
		return -ENOMEM;
	if (n)
		n = xattr_get_privileged(fd, xattr, ea->value, (size_t)n);
	if (n < 0) {
		free(ea->value);
		return (int)n;
	}
	ea->len = (uint32_t)n;
	ea->name = xstrdup(xattr + PREFIX_LEN);
	return 0;
}

int vfs_ea_list(const struct vfs_share *s, int fd, struct vfs_ea **list, unsigned int *n)
{
	_cleanup_free_ char *names = NULL;
	ssize_t len = vfs_xattr_list(fd, &names);
	const char *x;
	int r = 0;

	*list = NULL;
	*n = 0;
	for (x = names; len > 0 && x < names + len && !r; x += strlen(x) + 1) {
		if (!ea_of(s, x))
			continue;
		*list = xrealloc(*list, (*n + 1) * sizeof(**list));
		r = read_value(fd, x, &(*list)[*n]);
		if (!r)
			++*n;
		else if (r == -ENODATA || r == -ERANGE)
			r = 0; /* removed or grown meanwhile: not in this list */
	}
	if (len >= 0 && !r)
		return 0;
	vfs_ea_list_free(*list, *n);
	*list = NULL;
	*n = 0;
	return r ? r : (int)len;
}

void vfs_ea_list_free(struct vfs_ea *list, unsigned int n)
{
	while (n--) {
		free(list[n].name);
		free(list[n].value);
	}
	free(list);
}

/* entry NULL: of fd itself. */
static uint32_t ea_size(const struct vfs_share *s, int fd, const char *entry, const char *names,
			ssize_t len)
{
	uint64_t total = 0;
	const char *x;
	ssize_t n;

	for (x = names; len > 0 && x < names + len; x += strlen(x) + 1) {
		if (!ea_of(s, x))
			continue;
		n = entry ? xattr_get_at(fd, entry, x, NULL, 0)
			  : xattr_get_privileged(fd, x, NULL, 0);
		/* flags, name length, value length; name and NUL; value */
		if (n >= 0)
			total += 4 + strlen(x + PREFIX_LEN) + 1 + (uint64_t)n;
	}
	return total ? (uint32_t)MIN(total + 4, UINT32_MAX) : 0; /* and the list's own length */
}

uint32_t vfs_ea_size(const struct vfs_share *s, int fd)
{
	_cleanup_free_ char *names = NULL;
	ssize_t len = vfs_xattr_list(fd, &names);

	return ea_size(s, fd, NULL, names, len);
}

uint32_t ea_size_at(const struct vfs_share *s, int dirfd, const char *entry)
{
	char names[1024];
	ssize_t len = xattr_list_at(dirfd, entry, names, sizeof(names));
	int fd;
	uint32_t r;

	if (len != -ERANGE)
		return ea_size(s, dirfd, entry, names, len);
	fd = openat(dirfd, entry, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0;
	r = vfs_ea_size(s, fd);
	close(fd);
	return r;
}

int vfs_ea_set(const struct vfs_share *s, int fd, const char *name, const void *value, uint32_t len)
{
	_cleanup_free_ char *names = NULL;
	char xattr[XATTR_NAME_MAX + 1] = PREFIX;
	const char *x;
	ssize_t n;
	int r;

	if (is_private(s, name))
		return -EACCES;
	if (!vfs_ea_name_valid(name))
		return -EINVAL;
	if (len > EA_MAX)
		return -E2BIG;
	strcat(xattr, name); /* its length was checked */
	n = vfs_xattr_list(fd, &names);
	for (x = names; n > 0 && x < names + n; x += strlen(x) + 1)
		if (ea_of(s, x) && utf8_equal_nocase(ea_of(s, x), name))
			memccpy(xattr, x, 0, sizeof(xattr));
	if (len)
		return vfs_xattr_set(fd, xattr, value, len, 0);
	r = vfs_xattr_remove(fd, xattr);
	return r == -ENODATA ? 0 : r;
}
