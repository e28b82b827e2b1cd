// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fscc_short_name.c - the 8.3 name that FileAlternateNameInformation tells (MS-FSCC 2.1.5.2.1).
 *
 * Nothing can be opened by it: listings show no short names. It exists because clients give up on a
 * file that has none (smbclient's allinfo, for one), and is made of the long name alone, so that it
 * is the same at each question.
 */
#include "core/utf16.h"
#include "smb2/smb2.h"

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

static bool is_short(const char *name)
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
static void make_short(const char *name, char out[FSCC_SHORT_NAME])
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
	uint64_t hash = utf8_hash_nocase(name, strlen(name));
	const char *dot = strrchr(name, '.');
	size_t base = dot ? (size_t)(dot - name) : strlen(name), n;

	n = take(out, name, base, 2);
	for (int i = 0; i < 4; i++, hash >>= 5)
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

void fscc_short_name(const char *name, char out[FSCC_SHORT_NAME])
{
	size_t i;

	if (!is_short(name)) {
		make_short(name, out);
		return;
	}
	for (i = 0; name[i]; i++)
		out[i] = upper(name[i]);
	out[i] = 0;
}
