/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usermap.c - Samba's username map: which Unix user a login name is.
 */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "auth/users.h"
#include "core/utf16.h"

static bool is_gap(char c)
{
	return c == ',' || isspace((unsigned char)c);
}

/* The next word of [*s, end), "quoted" or not, into out; false at the end. Overlong ones are cut.
 */
static bool next_word(const char **s, const char *end, char out[USERS_NAME_MAX])
{
	bool quoted = false;
	size_t n = 0;

	while (*s < end && is_gap(**s))
		(*s)++;
	if (*s >= end)
		return false;
	for (; *s < end && (quoted || !is_gap(**s)); (*s)++) {
		if (**s == '"')
			quoted = !quoted;
		else if (n + 1 < USERS_NAME_MAX)
			out[n++] = **s;
	}
	out[n] = 0;
	return true;
}

static bool in_unix_group(const char *name, const char *group)
{
	struct unix_identity id;
	bool in;

	if (unix_identity_lookup(name, &id))
		return false;
	in = unix_identity_in_group(&id, group);
	unix_identity_free(&id);
	return in;
}

static bool word_matches(const char *word, const char *name)
{
	if (!strcmp(word, "*"))
		return true;
	if (*word && strchr("@+&", *word))
		return in_unix_group(name, word + strspn(word, "@+&"));
	return utf8_equal_nocase(word, name);
}

/* One line; true when it maps name, and *unix_user is what it says, *last whether '!' ends here. */
static bool line_maps(const char *s, const char *end, const char *name,
		      char unix_user[USERS_NAME_MAX], bool *last)
{
	const char *eq = memchr(s, '=', (size_t)(end - s));
	char word[USERS_NAME_MAX];

	while (s < end && isspace((unsigned char)*s))
		s++;
	if (!eq || s >= eq || *s == '#' || *s == ';')
		return false;
	*last = *s == '!';
	s += *last;
	if (!next_word(&s, eq, unix_user))
		return false;
	s = eq + 1;
	while (next_word(&s, end, word))
		if (word_matches(word, name))
			return true;
	return false;
}

bool usermap_find(const char *text, const char *name, char out[USERS_NAME_MAX])
{
	bool found = false, last = false;

	snprintf(out, USERS_NAME_MAX, "%s", name);
	while (*text && !(found && last)) {
		const char *end = text + strcspn(text, "\n");
		char unix_user[USERS_NAME_MAX];

		last = false;
		if (line_maps(text, end, out, unix_user, &last)) {
			memcpy(out, unix_user, USERS_NAME_MAX);
			found = true;
		} else {
			last = false;
		}
		text = *end ? end + 1 : end;
	}
	return found;
}
