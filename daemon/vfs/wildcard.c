// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wildcard.c - does a name match an expression (MS-FSA 2.1.4.4): * ? and the DOS forms that
 * clients make of them: < (DOS_STAR) > (DOS_QM) " (DOS_DOT).
 *
 * All places in the expression that the name read so far can have reached are followed together,
 * one bit each: length of the name times length of the expression at worst, no recursion.
 */
#include "vfs/vfs.h"

#include "core/utf16.h"

#define EXPR_MAX 1024 /* code points; a longer expression cannot match a name of 255 units */

bool vfs_has_wildcard(const char *pattern)
{
	return strpbrk(pattern, "*?<>\"") != NULL;
}

/* Where the expression was reached: bit i stands before its i-th character. */
struct states {
	uint64_t bits[EXPR_MAX / 64 + 1];
};

static bool has(const struct states *s, size_t i)
{
	return s->bits[i / 64] >> (i % 64) & 1;
}

static void set(struct states *s, size_t i)
{
	s->bits[i / 64] |= 1ull << (i % 64);
}

/* What can be passed without a character: stars always, ? > and " where the name says so. */
static void close_over(struct states *s, const uint32_t *expr, size_t n, bool at_end, bool at_dot)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!has(s, i))
			continue;
		if (expr[i] == '*' || expr[i] == '<')
			set(s, i + 1);
		else if (expr[i] == '>' && (at_end || at_dot))
			set(s, i + 1);
		else if (expr[i] == '"' && at_end)
			set(s, i + 1);
	}
}

/* One character of the name, which is a dot with or without another dot behind it. */
static void step(const struct states *from, struct states *to, const uint32_t *expr, size_t n,
		 uint32_t c, bool more_dots, bool last)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!has(from, i))
			continue;
		switch (expr[i]) {
		case '*':
			set(to, i);
			break;
		case '<': /* up to the last dot, and it */
			set(to, c == '.' && !more_dots ? i + 1 : i);
			break;
		case '?':
			set(to, i + 1);
			break;
		case '>': /* any character but a dot that has something behind it */
			if (c != '.' || last)
				set(to, i + 1);
			break;
		case '"':
			if (c == '.')
				set(to, i + 1);
			break;
		default:
			if (expr[i] == c)
				set(to, i + 1);
		}
	}
}

static uint32_t fold(uint32_t c, bool case_sensitive)
{
	return case_sensitive ? c : unicode_upper(c);
}

bool vfs_wildcard_match(const char *pattern, const char *name, bool case_sensitive)
{
	uint32_t expr[EXPR_MAX];
	struct states now = { { 1 } };
	size_t n = 0;
	uint32_t c;

	if (!strcmp(pattern, "*"))
		return true;
	while (n < EXPR_MAX && (c = utf8_next(&pattern)))
		expr[n++] = fold(c, case_sensitive);
	if (n == EXPR_MAX)
		return false;
	while (*name) {
		struct states next = { { 0 } };

		close_over(&now, expr, n, false, *name == '.');
		c = fold(utf8_next(&name), case_sensitive);
		step(&now, &next, expr, n, c, c == '.' && strchr(name, '.'), !*name);
		now = next;
	}
	close_over(&now, expr, n, true, false);
	return has(&now, n);
}
