// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * short_name.c - 8.3 names (MS-FSCC 2.1.5.2.1) as Samba has them: none is on disk, listings show
 * them only where that is asked for, but who asks for the alternate name of a file gets one and may
 * use it afterwards.
 *
 * A short name is made of the long one alone, so it is the same at each question, and the file is
 * found again by making the short names of its folder. To create by a short name that was told
 * before gives the long name back: those told last are remembered, one per slot of a table.
 */
#include "vfs/internal.h"

#include "core/utf16.h"

#include <pthread.h>

#define HASH_DIGITS 4
#define TOLD	    512 /* slots; a name that falls into a taken one takes it over */

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

static bool short_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'()-@^_`{}~", c));
}

static bool short_part(const char *s, size_t len, size_t max)
{
	if (len > max)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!short_char(s[i]))
			return false;
	return true;
}

bool vfs_name_is_short(const char *name)
{
	const char *dot = strchr(name, '.');
	size_t base = dot ? (size_t)(dot - name) : strlen(name);

	if (!base || !short_part(name, base, 8))
		return false;
	return !dot || (dot[1] && short_part(dot + 1, strlen(dot + 1), 3));
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The characters of s that may stand in a short name, at most max; returns how many. */
static size_t take(char *dst, const char *s, size_t len, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < max; i++)
		if (short_char(s[i]))
			dst[n++] = upper(s[i]);
	return n;
}

/* Two characters of the name, four of its hash, "~1". */
static void make_short(const char *name, char out[VFS_SHORT_NAME])
{
	uint64_t hash = utf8_hash_nocase(name, strlen(name));
	const char *dot = strrchr(name, '.');
	size_t base = dot ? (size_t)(dot - name) : strlen(name), n;

	n = take(out, name, base, 2);
	for (int i = 0; i < HASH_DIGITS; i++, hash >>= 5)
		out[n++] = digits[hash & 31];
	out[n++] = '~';
	out[n++] = '1';
	if (dot) {
		size_t ext = take(out + n + 1, dot + 1, strlen(dot + 1), 3);

		if (ext) {
			out[n] = '.';
			n += ext + 1;
		}
	}
	out[n] = 0;
}

void vfs_short_name_of(const char *name, char out[VFS_SHORT_NAME])
{
	size_t i;

	if (!vfs_name_is_short(name)) {
		make_short(name, out);
		return;
	}
	for (i = 0; name[i]; i++)
		out[i] = upper(name[i]);
	out[i] = 0;
}

/* ---- those that were told ---- */

static struct {
	pthread_mutex_t lock; /* leaf */
	struct told {
		char name[VFS_SHORT_NAME];
		char full[NAME_MAX + 1]; /* in the form for clients */
	} slot[TOLD];
} told = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct told *told_slot(const char *name)
{
	return &told.slot[utf8_hash_nocase(name, strlen(name)) % TOLD];
}

void vfs_short_name(const char *name, char out[VFS_SHORT_NAME])
{
	struct told *t;

	vfs_short_name_of(name, out);
	if (vfs_name_is_short(name) || strlen(name) > NAME_MAX)
		return;
	t = told_slot(out);
	pthread_mutex_lock(&told.lock);
	strcpy(t->name, out);
	strcpy(t->full, name);
	pthread_mutex_unlock(&told.lock);
}

bool short_name_told(const char *name, char full[NAME_MAX + 1])
{
	struct told *t = told_slot(name);
	bool found;

	pthread_mutex_lock(&told.lock);
	found = t->name[0] && utf8_equal_nocase(t->name, name);
	if (found)
		strcpy(full, t->full);
	pthread_mutex_unlock(&told.lock);
	return found;
}

/* ---- finding ---- */

bool short_name_possible(const char *name)
{
	size_t base = strcspn(name, ".");

	if (base < HASH_DIGITS + 2 || !vfs_name_is_short(name) || strncmp(name + base - 2, "~1", 2))
		return false;
	for (size_t i = base - 2 - HASH_DIGITS; i < base - 2; i++)
		if (!strchr(digits, upper(name[i])))
			return false;
	return true;
}

int short_name_lookup(int dirfd, const char *name, char disk[NAME_MAX + 1])
{
	_cleanup_close_ int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[VFS_NAME_WIRE_MAX], made[VFS_SHORT_NAME];
	struct readdir_entry e;
	struct readdir rd;
	int r, found = 0;

	if (fd < 0)
		return errno == EACCES ? 0 : -errno;
	readdir_begin(&rd, fd);
	while (!found && (r = readdir_next(&rd, &e)) > 0) {
		const char *wire = vfs_name_to_wire(e.name, buf);

		if (name_is_dots(e.name) || vfs_name_is_short(wire))
			continue;
		make_short(wire, made);
		if (utf8_equal_nocase(made, name) && memccpy(disk, e.name, 0, NAME_MAX + 1))
			found = 1;
	}
	readdir_end(&rd);
	return found ? found : r;
}
