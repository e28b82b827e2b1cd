// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * name.c - what a client may call a file (MS-FSCC 2.1.5), and what it sees of names that it could
 * not have given. Lenient where Samba is: '/' separates too, doubled and trailing separators do
 * not count, "a\..\b" is "b".
 */
#include "vfs/internal.h"

#include "core/utf16.h"

#include <strings.h>

/* ---- parsing ---- */

static bool is_sep(char c)
{
	return c == '\\' || c == '/';
}

/* ASCII that no component may hold. */
static bool is_forbidden(unsigned char c, unsigned int flags)
{
	if (flags & VFS_NAME_POSIX)
		return false;
	return c < 0x20 || (c < 0x80 && strchr("*?<>\"|:", c));
}

static bool too_many_units(const char *s, size_t n)
{
	int bytes = n <= VFS_COMPONENT_MAX ? 0 : utf8_utf16_len(s, n);

	return bytes < 0 || bytes > VFS_COMPONENT_MAX * 2;
}

/* What ends a component: '\\' too, but for clients with POSIX semantics. */
static bool is_separator(char c, unsigned int flags)
{
	return flags & VFS_NAME_POSIX ? c == '/' : is_sep(c);
}

/* Takes the last component off the path of length n, returns the new length. */
static size_t climb(const char *path, size_t n)
{
	while (n && path[n - 1] != '/')
		n--;
	return n ? n - 1 : 0;
}

/* src is "a\b\c" in UTF-8; dst gets "a/b/c" and has as much room as src. */
static ntstatus parse_components(const char *src, unsigned int flags, char *dst)
{
	size_t len = 0, n, i;

	for (; *src; src += n) {
		for (n = 0; src[n] && !is_separator(src[n], flags); n++)
			;
		if (!n) {
			n = 1;
			continue;
		}
		if (n == 1 && src[0] == '.')
			return NT_STATUS_OBJECT_NAME_INVALID;
		if (n == 2 && src[0] == '.' && src[1] == '.') {
			if (!len)
				return NT_STATUS_OBJECT_PATH_SYNTAX_BAD;
			len = climb(dst, len);
			continue;
		}
		for (i = 0; i < n; i++)
			if (is_forbidden((unsigned char)src[i], flags))
				return NT_STATUS_OBJECT_NAME_INVALID;
		if (too_many_units(src, n))
			return NT_STATUS_OBJECT_NAME_INVALID;
		if (len)
			dst[len++] = '/';
		memcpy(dst + len, src, n);
		len += n;
	}
	dst[len] = '\0';
	return NT_STATUS_SUCCESS;
}

/* text: what stands behind the first colon: "name", "name:$TYPE" or ":$TYPE". Cut in place. */
static ntstatus parse_stream(char *text, struct vfs_name *out)
{
	char *type = strchr(text, ':');
	const char *s;

	if (type)
		*type++ = '\0';
	for (s = text; *s; s++)
		if (is_sep(*s))
			return NT_STATUS_OBJECT_NAME_INVALID;
	if (too_many_units(text, strlen(text)))
		return NT_STATUS_OBJECT_NAME_INVALID;
	if (!type) {
		if (!*text)
			return NT_STATUS_OBJECT_NAME_INVALID;
	} else if (!strcasecmp(type, "$DATA")) {
		out->data_type = !*text;
	} else if (!strcasecmp(type, "$INDEX_ALLOCATION") &&
		   (!*text || !strcasecmp(text, "$I30"))) {
		out->dir_type = true;
		return NT_STATUS_SUCCESS;
	} else {
		return NT_STATUS_OBJECT_NAME_INVALID;
	}
	if (*text)
		out->stream = xstrdup(text);
	return NT_STATUS_SUCCESS;
}

static ntstatus to_utf8(const void *utf16, size_t len, char **out)
{
	_cleanup_free_ char *s = NULL;

	*out = NULL;
	if (len % 2)
		return NT_STATUS_INVALID_PARAMETER;
	if (len > VFS_PATH_MAX * 2)
		return NT_STATUS_OBJECT_NAME_INVALID;
	s = malloc(len / 2 * 3 + 1);
	if (!s)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	if (utf16_to_utf8(utf16, len, s, len / 2 * 3 + 1) < 0)
		return NT_STATUS_OBJECT_NAME_INVALID;
	*out = steal_ptr(&s);
	return NT_STATUS_SUCCESS;
}

/* "server\share\path" → "path" (MS-DFSC 2.2.2); a shorter one is the root. */
static char *skip_dfs_prefix(char *s)
{
	int i;

	while (is_sep(*s))
		s++;
	for (i = 0; i < 2; i++) {
		while (*s && !is_sep(*s))
			s++;
		if (*s)
			s++;
	}
	return s;
}

ntstatus vfs_name_parse(const void *utf16, size_t len, unsigned int flags, struct vfs_name *out)
{
	_cleanup_free_ char *buf = NULL;
	ntstatus status = to_utf8(utf16, len, &buf);
	char *s = buf, *colon;

	memset(out, 0, sizeof(*out));
	if (status)
		return status;
	if (flags & VFS_NAME_DFS)
		s = skip_dfs_prefix(s);
	if (is_separator(*s, flags))
		return NT_STATUS_INVALID_PARAMETER;
	colon = flags & (VFS_NAME_NO_STREAM | VFS_NAME_POSIX) ? NULL : strchr(s, ':');
	if (colon) {
		*colon = '\0';
		if (colon > s && is_sep(colon[-1]))
			return NT_STATUS_OBJECT_NAME_INVALID;
		status = parse_stream(colon + 1, out);
	}
	out->path = xmalloc(strlen(s) + 1);
	if (!status)
		status = parse_components(s, flags, out->path);
	if (status)
		vfs_name_free(out);
	return status;
}

void vfs_name_free(struct vfs_name *n)
{
	free(n->path);
	free(n->stream);
	memset(n, 0, sizeof(*n));
}

ntstatus vfs_stream_name_parse(const void *utf16, size_t len, char **stream)
{
	_cleanup_free_ char *buf = NULL;
	struct vfs_name n = { 0 };
	ntstatus status = to_utf8(utf16, len, &buf);

	*stream = NULL;
	if (status)
		return status;
	if (buf[0] != ':')
		return NT_STATUS_OBJECT_NAME_INVALID;
	status = parse_stream(buf + 1, &n);
	if (!status && n.dir_type)
		status = NT_STATUS_OBJECT_NAME_INVALID;
	if (!status)
		*stream = steal_ptr(&n.stream);
	vfs_name_free(&n);
	return status;
}

/* ---- names on disk that SMB cannot carry ---- */

/* The values that macOS' SFM and Linux' cifs.ko (mapposix) give these; others: U+F000 + byte. */
static const char sfm_chars[] = "\"*:<>?\\|"; /* U+F020 ... U+F027 */
#define SFM_BASE 0xF020u

static uint32_t to_private(unsigned char c)
{
	const char *p = c ? strchr(sfm_chars, c) : NULL;

	if (p)
		return SFM_BASE + (uint32_t)(p - sfm_chars);
	return c < 0x20 || c >= 0x80 ? 0xF000u + c : 0;
}

static unsigned char from_private(uint32_t cp)
{
	if (cp >= SFM_BASE && cp < SFM_BASE + sizeof(sfm_chars) - 1)
		return (unsigned char)sfm_chars[cp - SFM_BASE];
	if ((cp > 0xF000 && cp < 0xF020) || (cp >= 0xF080 && cp <= 0xF0FF))
		return (unsigned char)(cp - 0xF000);
	return 0;
}

static char *put_private(char *d, uint32_t cp)
{
	*d++ = (char)(0xE0 | cp >> 12);
	*d++ = (char)(0x80 | (cp >> 6 & 0x3F));
	*d++ = (char)(0x80 | (cp & 0x3F));
	return d;
}

static bool needs_mapping(const char *s)
{
	const char *p;

	for (p = s; *p; p++) {
		if ((unsigned char)*p >= 0x80)
			break;
		if (to_private((unsigned char)*p))
			return true;
	}
	while (*p) {
		uint32_t cp = utf8_next(&p);

		if (cp == UINT32_MAX || (cp < 0x80 && to_private((unsigned char)cp)))
			return true;
	}
	return false;
}

const char *vfs_name_to_wire(const char *disk, char buf[VFS_NAME_WIRE_MAX])
{
	const char *s = disk, *end = buf + VFS_NAME_WIRE_MAX - 5;
	char *d = buf;

	if (!needs_mapping(disk))
		return disk;
	while (*s && d < end) {
		const char *from = s;
		uint32_t cp = utf8_next(&s);

		if (cp == UINT32_MAX) {
			s = from + 1;
			d = put_private(d, 0xF000u + (unsigned char)*from);
		} else if (cp < 0x80 && to_private((unsigned char)cp)) {
			d = put_private(d, to_private((unsigned char)cp));
		} else {
			memcpy(d, from, (size_t)(s - from));
			d += s - from;
		}
	}
	*d = '\0';
	return buf;
}

bool name_from_wire(const char *name, char disk[VFS_NAME_WIRE_MAX])
{
	const char *s = name, *end = disk + VFS_NAME_WIRE_MAX - 5;
	bool changed = false;
	char *d = disk;

	if (!strchr(name, '\xEF')) /* the first byte of U+F0xx */
		return false;
	while (*s && d < end) {
		const char *from = s;
		unsigned char c = from_private(utf8_next(&s));

		if (c) {
			*d++ = (char)c;
			changed = true;
		} else {
			memcpy(d, from, (size_t)(s - from));
			d += s - from;
		}
	}
	*d = '\0';
	return changed;
}

char *vfs_path_to_wire(const char *path)
{
	char *out = xmalloc(strlen(path) * 3 + 1), *d = out;
	char disk[NAME_MAX + 1], buf[VFS_NAME_WIRE_MAX];
	size_t n;

	for (; *path; path += n) {
		if (*path == '/') {
			*d++ = '\\';
			n = 1;
			continue;
		}
		n = strcspn(path, "/");
		if (n <= NAME_MAX) {
			memcpy(disk, path, n);
			disk[n] = '\0';
			d = stpcpy(d, vfs_name_to_wire(disk, buf));
		} else {
			memcpy(d, path, n); /* no such name on disk: as it came */
			d += n;
		}
	}
	*d = '\0';
	return out;
}
