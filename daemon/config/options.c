/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options.c - finding a row of the option table by name, synonym, or what somebody mistyped.
 */
#include <ctype.h>

#include "config/options.h"

void conf_fold_name(const char *name, char *out, size_t cap)
{
	size_t n = 0;

	for (; *name && n + 1 < cap; name++)
		if (!isspace((unsigned char)*name))
			out[n++] = (char)tolower((unsigned char)*name);
	out[n] = 0;
}

typedef bool (*name_fn)(const char *folded, const char *name, void *arg);

/* Calls fn for the name and each synonym, until it returns true; *inverse as for that one. */
static bool each_name(const struct conf_option *opt, name_fn fn, void *arg, bool *inverse)
{
	char folded[64], syn[64];
	const char *s = opt->synonyms;

	*inverse = false;
	conf_fold_name(opt->name, folded, sizeof(folded));
	if (fn(folded, opt->name, arg))
		return true;
	while (s && *s) {
		size_t n = strcspn(s, ",");

		*inverse = *s == '!';
		snprintf(syn, sizeof(syn), "%.*s", (int)(n - *inverse), s + *inverse);
		conf_fold_name(syn, folded, sizeof(folded));
		if (fn(folded, opt->name, arg))
			return true;
		s += n + (s[n] == ',');
	}
	return false;
}

static bool is_name(const char *folded, const char *name, void *arg)
{
	(void)name;
	return !strcmp(folded, arg);
}

static const struct conf_option *find_in(const struct conf_option *opt, char *folded, bool *inverse)
{
	for (; opt->doc; opt++)
		if (opt->name && each_name(opt, is_name, folded, inverse))
			return opt;
	return NULL;
}

const struct conf_option *conf_option_find(enum conf_scope scope, const char *name, bool *inverse)
{
	const struct conf_option *opt = NULL;
	char folded[96];

	conf_fold_name(name, folded, sizeof(folded));
	if (scope == CONF_GLOBAL)
		opt = find_in(conf_global_options, folded, inverse);
	return opt ? opt : find_in(conf_share_options, folded, inverse);
}

const struct conf_option *conf_option_global_only(const char *name)
{
	char folded[96];
	bool inverse;

	conf_fold_name(name, folded, sizeof(folded));
	return find_in(conf_global_options, folded, &inverse);
}

struct nearest {
	const char *wanted;
	const char *name;
	unsigned int distance;
};

static bool is_nearer(const char *folded, const char *name, void *arg)
{
	struct nearest *n = arg;
	size_t a = strlen(folded), b = strlen(n->wanted);
	unsigned int d;

	/* The lengths alone differ by more. */
	if ((a > b ? a - b : b - a) >= n->distance)
		return false;
	d = conf_edit_distance(folded, n->wanted);
	if (d < n->distance) {
		n->distance = d;
		n->name = name;
	}
	return false;
}

const char *conf_option_suggest(const char *name)
{
	const struct conf_option *tables[] = { conf_global_options, conf_share_options };
	char folded[64];
	struct nearest n = { .wanted = folded };
	bool inverse;

	conf_fold_name(name, folded, sizeof(folded));
	/* A third of the letters wrong is another word. */
	n.distance = (unsigned int)MIN(strlen(folded) / 3 + 1, 5u);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct conf_option *opt = tables[i]; opt->doc; opt++)
			if (opt->name)
				each_name(opt, is_nearer, &n, &inverse);
	return n.name;
}
