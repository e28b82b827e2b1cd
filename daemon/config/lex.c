/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lex.c - the file as a flat list of entries: comments, continued lines, sections, includes.
 *
 * The text may be anything. Bounds: MAX_FILE bytes per file, MAX_FILES files in all, MAX_DEPTH
 * levels of include; a file that includes itself by any way is reported, not followed.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/stat.h>

#include "config/options.h"
#include "core/file.h"

#define MAX_FILE  (4u << 20)
#define MAX_FILES 100
#define MAX_DEPTH 10

/* A file that is being read; the chain of them finds loops. */
struct source {
	const struct source *parent;
	unsigned int depth;
	dev_t dev;
	ino_t ino;
	const char *name;  /* arena */
	unsigned int line; /* of the entry under way */
};

void conf_report(struct conf_lexer *lx, enum conf_severity sev, const char *file, unsigned int line,
		 const char *fmt, ...)
{
	char text[CONF_MSG_MAX + 256];
	va_list ap;

	if (sev == CONF_ERROR)
		lx->nerrors++;
	else
		lx->nwarnings++;
	if (!lx->report)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	lx->report(lx->report_arg, sev, file, line, text);
}

static void add_entry(struct conf_lexer *lx, const struct source *src, const char *name,
		      const char *value)
{
	if (lx->n == lx->cap) {
		lx->cap = lx->cap ? lx->cap * 2 : 64;
		lx->v = xrealloc(lx->v, lx->cap * sizeof(*lx->v));
	}
	lx->v[lx->n++] = (struct conf_entry) { lx->section, name, value, src->name, src->line };
}

static int lex_file(struct conf_lexer *lx, const char *path, const struct source *parent);

static void include(struct conf_lexer *lx, const struct source *src, const char *value)
{
	_cleanup_free_ char *path = NULL;
	const char *slash = strrchr(src->name, '/');
	size_t n = strlen(value);
	int rc;

	if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
		value++;
		n -= 2;
	}
	if (!n)
		return;
	if (lx->no_include) {
		conf_report(lx, CONF_WARNING, src->name, src->line, "include is not followed here");
		return;
	}
	if (memchr(value, '%', n)) {
		conf_report(lx, CONF_WARNING, src->name, src->line,
			    "include = %.*s is ignored: the configuration is the same for every "
			    "client, so there is no value for %%",
			    (int)n, value);
		return;
	}
	if (!strncasecmp(value, "registry", n) && n == 8) {
		conf_report(lx, CONF_WARNING, src->name, src->line,
			    "include = registry is ignored: there is no registry here");
		return;
	}
	if (*value == '/' || !slash)
		path = xstrndup(value, n);
	else
		path = xasprintf("%.*s/%.*s", (int)(slash - src->name), src->name, (int)n, value);
	rc = lex_file(lx, path, src);
	if (rc)
		conf_report(lx, CONF_ERROR, src->name, src->line, "cannot include %s: %s", path,
			    rc == -ELOOP    ? "it includes itself, or too deeply"
			    : rc == -EMFILE ? "too many files"
					    : strerror(-rc));
}

static char *trim(char *s)
{
	char *e;

	while (isspace((unsigned char)*s))
		s++;
	e = s + strlen(s);
	while (e > s && isspace((unsigned char)e[-1]))
		*--e = 0;
	return s;
}

static void section_line(struct conf_lexer *lx, struct source *src, char *s)
{
	char *end = strrchr(s, ']');
	char *name;

	if (!end || *trim(end + 1)) {
		conf_report(lx, CONF_ERROR, src->name, src->line,
			    "a section is written [name], and nothing may follow on the line");
		return;
	}
	*end = 0;
	name = trim(s + 1);
	lx->section = conf_arena_strndup(lx->arena, name, strlen(name));
	add_entry(lx, src, NULL, NULL);
}

/* One logical line; s is writable. */
static void lex_line(struct conf_lexer *lx, struct source *src, char *s)
{
	char folded[32];
	char *eq, *name, *value;

	s = trim(s);
	if (!*s || *s == '#' || *s == ';')
		return;
	if (*s == '[') {
		section_line(lx, src, s);
		return;
	}
	eq = strchr(s, '=');
	if (!eq || eq == s) {
		conf_report(lx, CONF_ERROR, src->name, src->line,
			    "\"%.80s\" is neither a [section] nor \"name = value\"", s);
		return;
	}
	*eq = 0;
	name = trim(s);
	value = trim(eq + 1);
	conf_fold_name(name, folded, sizeof(folded));
	if (!strcmp(folded, "include")) {
		include(lx, src, value);
		return;
	}
	add_entry(lx, src, conf_arena_strndup(lx->arena, name, strlen(name)),
		  conf_arena_strndup(lx->arena, value, strlen(value)));
}

/*
 * Takes a line from *p up to end, and those that a backslash at its end joins, into out (which has
 * room for all the rest). How many lines those were; 0 at the end.
 */
static unsigned int next_line(const char **p, const char *end, char *out)
{
	unsigned int lines = 0;
	size_t n = 0;

	if (*p >= end)
		return 0;
	for (;;) {
		const char *nl = memchr(*p, '\n', (size_t)(end - *p));
		const char *stop = nl ? nl : end;
		size_t len = (size_t)(stop - *p);
		bool comment;

		if (len && (*p)[len - 1] == '\r')
			len--;
		memcpy(out + n, *p, len);
		n += len;
		lines++;
		*p = nl ? nl + 1 : end;
		out[n] = 0;
		comment = strchr("#;", out[strspn(out, " \t")]) && out[strspn(out, " \t")];
		if (comment || !n || out[n - 1] != '\\')
			break;
		out[n - 1] = ' ';
		if (*p >= end)
			break;
	}
	return lines;
}

static void lex_text(struct conf_lexer *lx, struct source *src, char *text, size_t len)
{
	const char *p = text, *end = text + len;
	_cleanup_free_ char *s = xmalloc(len + 1);
	unsigned int lines, line = 1;

	/* A NUL would hide what follows it on its line. */
	for (size_t i = 0; i < len; i++)
		if (!text[i])
			text[i] = '?';
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		p += 3;
	for (; (lines = next_line(&p, end, s)); line += lines) {
		src->line = line;
		lex_line(lx, src, s);
	}
}

static int lex_file(struct conf_lexer *lx, const char *path, const struct source *parent)
{
	struct source src = { .parent = parent, .depth = parent ? parent->depth + 1 : 0 };
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	size_t len;
	int rc;

	if (src.depth > MAX_DEPTH)
		return -ELOOP;
	if (++lx->nfiles > MAX_FILES)
		return -EMFILE;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	fcntl(fd, F_SETFL, 0); /* a fifo without a writer is an empty file, not a hang */
	for (const struct source *s = parent; s; s = s->parent)
		if (s->dev == st.st_dev && s->ino == st.st_ino)
			return -ELOOP;
	src.dev = st.st_dev;
	src.ino = st.st_ino;
	src.name = conf_arena_strndup(lx->arena, path, strlen(path));
	rc = file_read_fd(fd, MAX_FILE, &text, &len);
	if (!rc)
		lex_text(lx, &src, text, len);
	return rc;
}

int conf_lex_file(struct conf_lexer *lx, const char *path)
{
	return lex_file(lx, path, NULL);
}

void conf_lex_text(struct conf_lexer *lx, const char *text, size_t len, const char *name)
{
	_cleanup_free_ char *copy = xmalloc(len + 1);
	struct source src = { .name = conf_arena_strndup(lx->arena, name, strlen(name)) };

	memcpy(copy, text, len);
	lex_text(lx, &src, copy, len);
}
