/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * match.c - is a user in a list, does a name match veto files.
 */
#include "config/config.h"
#include "core/utf16.h"

/* ---- users ---- */

static bool user_matches(const char *entry, const char *user, conf_in_group_fn in_group, void *arg)
{
	const char *group = entry;
	const char *slash;

	while (*group && strchr("@+&", *group))
		group++;
	if (group != entry)
		return *group && in_group && in_group(arg, group);
	slash = strrchr(entry, '\\');
	return utf8_equal_nocase(slash ? slash + 1 : entry, user);
}

bool conf_user_in_list(const struct conf_list *list, const char *user, conf_in_group_fn in_group,
		       void *arg, const struct conf_subst *v)
{
	for (unsigned int i = 0; i < list->n; i++) {
		_cleanup_free_ char *s = NULL;
		const char *entry = list->v[i];

		if (v && strchr(entry, '%'))
			entry = s = conf_substitute(entry, v);
		if (*entry && user_matches(entry, user, in_group, arg))
			return true;
	}
	return false;
}

/* ---- patterns ---- */

/* The next code point of [*s, end), folded unless exact; 0 at the end. */
static uint32_t next_cp(const char **s, const char *end, bool exact)
{
	uint32_t cp;

	if (*s >= end)
		return 0;
	cp = utf8_next(s);
	return exact ? cp : unicode_upper(cp);
}

/* Backtracks to the last * only, so the cost is at most |pattern| * |name|. */
static bool glob(const char *pat, const char *pat_end, const char *name, bool exact)
{
	const char *end = name + strlen(name);
	const char *star = NULL, *retry = NULL;

	while (name < end) {
		const char *p = pat, *n = name;

		if (pat < pat_end && *pat == '*') {
			star = ++pat;
			retry = name;
			continue;
		}
		if (pat < pat_end && *pat == '?') {
			pat++;
			next_cp(&name, end, true);
			continue;
		}
		if (next_cp(&p, pat_end, exact) == next_cp(&n, end, exact) && p > pat) {
			pat = p;
			name = n;
			continue;
		}
		if (!star)
			return false;
		next_cp(&retry, end, true);
		pat = star;
		name = retry;
	}
	while (pat < pat_end && *pat == '*')
		pat++;
	return pat == pat_end;
}

bool conf_pattern_match(const char *list, const char *name, bool case_sensitive)
{
	while (list && *list) {
		size_t n = strcspn(list, "/");

		if (n && glob(list, list + n, name, case_sensitive))
			return true;
		list += n + (list[n] == '/');
	}
	return false;
}
