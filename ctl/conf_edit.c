/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_edit.c - changes to the configuration file's text that leave everything else as it is:
 * comments, order, indentation, continued lines.
 */
#include <ctype.h>
#include <strings.h>

#include "config/options.h"
#include "ctl.h"

/* One logical line: with the lines that a backslash joins to it. */
struct line {
	const char *s;
	size_t len; /* with its newline */
	enum { BLANK, COMMENT, HEADER, OPTION } kind;
};

struct lines {
	struct line *v;
	size_t n;
};

struct text {
	char *s;
	size_t n;
	FILE *f;
};

static size_t logical_length(const char *s, bool comment)
{
	size_t len = 0;

	for (;;) {
		size_t n = strcspn(s + len, "\n");
		size_t end = len + n;

		len = end + (s[end] == '\n');
		if (end > 0 && s[end - 1] == '\r')
			end--;
		if (comment || !end || s[end - 1] != '\\' || !s[len])
			return len;
	}
}

static struct lines split(const char *text)
{
	struct lines l = { 0 };
	size_t cap = 0;

	while (*text) {
		size_t gap = strspn(text, " \t\r");
		struct line *line;

		if (l.n == cap) {
			cap = cap ? cap * 2 : 64;
			l.v = xrealloc(l.v, cap * sizeof(*l.v));
		}
		line = &l.v[l.n++];
		line->s = text;
		line->kind = text[gap] == '\n' || !text[gap]	    ? BLANK
			     : text[gap] == '#' || text[gap] == ';' ? COMMENT
			     : text[gap] == '['			    ? HEADER
								    : OPTION;
		line->len = logical_length(text, line->kind == COMMENT);
		text += line->len;
	}
	return l;
}

static bool is_header_of(const struct line *l, const char *share)
{
	const char *s = memchr(l->s, '[', l->len), *end;
	_cleanup_free_ char *name = NULL;
	char *p, *e;

	if (l->kind != HEADER || !s)
		return false;
	end = memrchr(s, ']', l->len - (size_t)(s - l->s));
	if (!end)
		return false;
	name = xstrndup(s + 1, (size_t)(end - s - 1));
	p = name + strspn(name, " \t");
	e = p + strlen(p);
	while (e > p && isspace((unsigned char)e[-1]))
		*--e = 0;
	return !strcasecmp(p, share);
}

/* Index behind the last option of the section whose header is at i. */
static size_t section_end(const struct lines *l, size_t i)
{
	size_t end = i + 1;

	for (size_t j = i + 1; j < l->n && l->v[j].kind != HEADER; j++)
		if (l->v[j].kind == OPTION)
			end = j + 1;
	return end;
}

/* The stream keeps the address of t. */
static void begin(struct text *t)
{
	t->f = open_memstream(&t->s, &t->n);
	if (!t->f)
		abort(); /* no memory for a few hundred bytes */
}

static void copy(struct text *t, const struct lines *l, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		fwrite(l->v[i].s, 1, l->v[i].len, t->f);
		if (l->v[i].s[l->v[i].len - 1] != '\n')
			fputc('\n', t->f);
	}
}

/* "name=value" as a line; nothing for an empty value. */
static void put_option(struct text *t, const char *option)
{
	const char *eq = strchr(option, '=');
	const char *value = eq + 1 + strspn(eq + 1, " \t");
	size_t n = (size_t)(eq - option);

	while (n && isspace((unsigned char)option[n - 1]))
		n--;
	if (*value)
		fprintf(t->f, "\t%.*s = %s\n", (int)n, option, value);
}

char *conf_edit_add(const char *text, const char *share, char *const *options, size_t n)
{
	struct text t = { 0 };
	size_t len = strlen(text);

	begin(&t);
	fputs(text, t.f);
	if (len && text[len - 1] != '\n')
		fputc('\n', t.f);
	fprintf(t.f, "%s[%s]\n", len ? "\n" : "", share);
	for (size_t i = 0; i < n; i++)
		put_option(&t, options[i]);
	fclose(t.f);
	return t.s;
}

char *conf_edit_delete(const char *text, const char *share)
{
	struct lines l = split(text);
	struct text t = { 0 };

	begin(&t);
	for (size_t i = 0; i < l.n;) {
		size_t end, after;

		if (!is_header_of(&l.v[i], share)) {
			copy(&t, &l, i, i + 1);
			i++;
			continue;
		}
		/* Comments right below the last option are the section's, unless they lead
		 * straight to another header. */
		end = after = section_end(&l, i);
		while (after < l.n && l.v[after].kind == COMMENT)
			after++;
		if (after == l.n || l.v[after].kind == BLANK)
			end = after;
		if (end < l.n && l.v[end].kind == BLANK)
			end++;
		i = end;
	}
	fclose(t.f);
	free(l.v);
	return t.s;
}

/* Is the line a setting of the option that "name=value" names, by any of its synonyms? */
static bool sets(const struct line *l, const char *option)
{
	_cleanup_free_ char *a = xstrndup(l->s, strcspn(l->s, "="));
	_cleanup_free_ char *b = xstrndup(option, strcspn(option, "="));
	const struct conf_option *x, *y;
	bool inverse;
	char fa[96], fb[96];

	x = conf_option_find(CONF_SHARE, a, &inverse);
	y = conf_option_find(CONF_SHARE, b, &inverse);
	if (x || y)
		return x == y;
	conf_fold_name(a, fa, sizeof(fa));
	conf_fold_name(b, fb, sizeof(fb));
	return !strcmp(fa, fb);
}

char *conf_edit_update(const char *text, const char *share, char *const *options, size_t n)
{
	struct lines l = split(text);
	struct text t = { 0 };
	_cleanup_free_ bool *done = xcalloc(n + 1, sizeof(*done));
	size_t insert = 0;
	bool inside = false;

	begin(&t);
	/* What has no line yet goes to the end of the section's last part, where it wins. */
	for (size_t i = 0; i < l.n; i++)
		if (is_header_of(&l.v[i], share))
			insert = section_end(&l, i);
	for (size_t i = 0; i <= l.n; i++) {
		size_t o = n;

		for (size_t k = 0; i == insert && insert && k < n; k++)
			if (!done[k])
				put_option(&t, options[k]);
		if (i == l.n)
			break;
		if (l.v[i].kind == HEADER)
			inside = is_header_of(&l.v[i], share);
		for (size_t k = 0; inside && l.v[i].kind == OPTION && k < n; k++)
			if (sets(&l.v[i], options[k]))
				o = k;
		if (o == n)
			copy(&t, &l, i, i + 1);
		else if (!done[o])
			put_option(&t, options[o]);
		if (o < n)
			done[o] = true;
	}
	fclose(t.f);
	free(l.v);
	return t.s;
}
