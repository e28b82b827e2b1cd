/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.c - text in the cells of a terminal. What comes from clients (names of files, of users) may
 * hold anything: text_clean() takes out what a terminal would obey.
 */
#include <wchar.h>

#include "core/utf16.h"
#include "ctl.h"

static int cell_width(uint32_t cp)
{
	int w = wcwidth((wchar_t)cp);

	return w < 0 ? 1 : w;
}

int text_width(const char *s)
{
	int w = 0;

	while (*s)
		w += cell_width(utf8_next(&s));
	return w;
}

void text_shorten(char *s, int width)
{
	const char *p = s;
	int w = 0;

	if (text_width(s) <= width)
		return;
	while (*p) {
		const char *next = p;
		int cw = cell_width(utf8_next(&next));

		if (w + cw > width - 1)
			break;
		w += cw;
		p = next;
	}
	s[p - s] = '~';
	s[p - s + 1] = 0;
}

/* C0, DEL, C1 (U+009B is an escape sequence's beginning), marks that turn the line around. */
static bool obeyed(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029 ||
	       (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

void text_clean(char *s)
{
	const char *p = s;
	char *to = s;

	while (*p) {
		const char *from = p;
		uint32_t cp = utf8_next(&p);

		if (obeyed(cp) || cp == UINT32_MAX) {
			*to++ = '?';
			continue;
		}
		memmove(to, from, (size_t)(p - from));
		to += p - from;
	}
	*to = 0;
}

bool colours_wanted(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb");
}
