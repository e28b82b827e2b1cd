/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * value.c - values of options from text, one function per type.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <strings.h>

#include "config/options.h"

struct value_ctx {
	struct conf_arena *arena;
	const struct conf_option *opt;
	const char *dir;
	char *msg; /* CONF_MSG_MAX */
	bool inverse;
};

__attribute__((format(printf, 3, 4))) static int say(const struct value_ctx *c, int rc,
						     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->msg, CONF_MSG_MAX, fmt, ap);
	va_end(ap);
	return rc;
}

/* ---- words ---- */

static bool is_separator(char c)
{
	return c == ',' || isspace((unsigned char)c);
}

/* The next word from *s, unquoted and terminated in place; NULL at the end. */
static char *next_word(char **s)
{
	bool quoted = false;
	char *w, *o;

	while (is_separator(**s))
		(*s)++;
	if (!**s)
		return NULL;
	for (w = o = *s; **s && (quoted || !is_separator(**s)); (*s)++) {
		if (**s == '"')
			quoted = !quoted;
		else
			*o++ = **s;
	}
	if (**s)
		(*s)++;
	*o = 0;
	return w;
}

struct conf_list conf_list_split(struct conf_arena *a, const char *text)
{
	struct conf_list l = { 0 };
	unsigned int cap = 0;
	char *s = conf_arena_strndup(a, text, strlen(text)), *w;

	while ((w = next_word(&s))) {
		if (l.n + 1 >= cap) {
			char **v;

			cap = cap ? cap * 2 : 8;
			v = conf_arena_alloc(a, cap * sizeof(*v));
			if (l.n)
				memcpy(v, l.v, l.n * sizeof(*v));
			l.v = v;
		}
		l.v[l.n++] = w;
	}
	return l;
}

/* ---- numbers ---- */

static int parse_digits(const char *text, int base, uint64_t *v, const char **end)
{
	char *e;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*v = strtoull(text, &e, base);
	*end = e;
	return errno ? -ERANGE : 0;
}

static uint64_t opt_max(const struct conf_option *opt)
{
	return opt->max ? opt->max : UINT32_MAX;
}

static int check_range(const struct value_ctx *c, uint64_t v)
{
	if (v >= c->opt->min && v <= opt_max(c->opt))
		return 0;
	if (!c->opt->max)
		return say(c, -EINVAL, "is at least %llu", (unsigned long long)c->opt->min);
	return say(c, -EINVAL, "is a number from %llu to %llu", (unsigned long long)c->opt->min,
		   (unsigned long long)c->opt->max);
}

static int parse_uint(const struct value_ctx *c, const char *text, void *field)
{
	uint64_t v = 0, scale = c->opt->scale ? c->opt->scale : 1;
	const char *end = text;

	if (parse_digits(text, 10, &v, &end) || *end)
		return say(c, -EINVAL, "is a whole number, not \"%.64s\"", text);
	if (check_range(c, v))
		return -EINVAL;
	if (v * scale > UINT32_MAX)
		return say(c, -EINVAL, "is too large");
	*(uint32_t *)field = (uint32_t)(v * scale);
	return 0;
}

static int parse_loglevel(const struct value_ctx *c, const char *text, void *field)
{
	uint64_t v = 0;
	const char *end = text;

	if (parse_digits(text, 10, &v, &end) || (*end && !isspace((unsigned char)*end)))
		return say(c, -EINVAL, "is a number from 0 to 10, not \"%.64s\"", text);
	*(unsigned int *)field = (unsigned int)MIN(v, (uint64_t)10);
	while (isspace((unsigned char)*end))
		end++;
	return *end ? say(c, 1, "has one level for everything here; \"%.64s\" is ignored", end) : 0;
}

static int parse_octal(const struct value_ctx *c, const char *text, void *field)
{
	uint64_t v = 0;
	const char *end = text;

	if (parse_digits(text, 8, &v, &end) || *end || v > opt_max(c->opt))
		return say(c, -EINVAL, "is an octal number from 0000 to 7777, not \"%.64s\"", text);
	*(uint32_t *)field = (uint32_t)v;
	return 0;
}

/* "64", "64k", "8 MiB". */
static int parse_bytes(const struct value_ctx *c, const char *text, uint64_t *out)
{
	static const char units[] = "kmgtp";
	const char *end = text, *u;
	unsigned int shift = 0;
	uint64_t v = 0;

	if (parse_digits(text, 10, &v, &end))
		return say(c, -EINVAL, "is a size such as 65536 or 8M, not \"%.64s\"", text);
	while (isspace((unsigned char)*end))
		end++;
	if (*end && (u = strchr(units, tolower((unsigned char)*end)))) {
		shift = (unsigned int)(u - units + 1) * 10;
		end++;
		if (tolower((unsigned char)*end) == 'i')
			end++;
	} else if (!*end && c->opt->scale) {
		shift = c->opt->scale;
	}
	if (tolower((unsigned char)*end) == 'b')
		end++;
	if (*end)
		return say(c, -EINVAL, "is a size such as 65536 or 8M, not \"%.64s\"", text);
	if (v > UINT64_MAX >> shift)
		return say(c, -EINVAL, "is too large");
	*out = v << shift;
	return check_range(c, *out);
}

static int parse_size32(const struct value_ctx *c, const char *text, void *field)
{
	uint64_t v;
	int rc = parse_bytes(c, text, &v);

	if (!rc)
		*(uint32_t *)field = (uint32_t)v;
	return rc;
}

static int parse_size64(const struct value_ctx *c, const char *text, void *field)
{
	uint64_t v;
	int rc = parse_bytes(c, text, &v);

	if (!rc)
		*(uint64_t *)field = v;
	return rc;
}

/* ---- words that mean something ---- */

static int parse_bool(const struct value_ctx *c, const char *text, void *field)
{
	static const char *const words[] = { "no",	"yes",	  "false",    "true",
					     "0",	"1",	  "off",      "on",
					     "disable", "enable", "disabled", "enabled" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(text, words[i])) {
			*(bool *)field = (i & 1) != c->inverse;
			return 0;
		}
	return say(c, -EINVAL, "is yes or no, not \"%.64s\"", text);
}

static const struct conf_enum *find_enum(const struct conf_option *opt, const char *word)
{
	char a[64], b[64];

	conf_fold_name(word, a, sizeof(a));
	for (const struct conf_enum *e = opt->values; e->name; e++) {
		conf_fold_name(e->name, b, sizeof(b));
		if (!strcmp(a, b))
			return e;
	}
	return NULL;
}

/* "is one of a, b, c, not x": each value by its first name. */
static int say_enum(const struct value_ctx *c, const char *word)
{
	size_t n = (size_t)snprintf(c->msg, CONF_MSG_MAX, "is one of");

	for (const struct conf_enum *e = c->opt->values; e->name; e++) {
		const struct conf_enum *first = c->opt->values;

		while (first->value != e->value)
			first++;
		if (first == e && n < CONF_MSG_MAX)
			n += (size_t)snprintf(c->msg + n, CONF_MSG_MAX - n, "%s %s",
					      e == c->opt->values ? "" : ",", e->name);
	}
	if (n < CONF_MSG_MAX)
		snprintf(c->msg + n, CONF_MSG_MAX - n, "; not \"%.64s\"", word);
	return -EINVAL;
}

static int parse_enum(const struct value_ctx *c, const char *text, unsigned int *v)
{
	const struct conf_enum *e = find_enum(c->opt, text);

	if (!e)
		return say_enum(c, text);
	/* "default" of a table that cannot name it. */
	if (!strcmp(e->name, "default") && !e->value && c->opt->type == CONF_T_ENUM16)
		e = find_enum(c->opt, c->opt->def);
	*v = e->value;
	return e->warn ? say(c, 1, "is %s here: %s", c->opt->values[0].name, e->warn) : 0;
}

/* Words that all start with '-' are taken from the default. */
static int parse_enum_list(const struct value_ctx *c, const char *text, void *field,
			   unsigned int *count)
{
	struct conf_list l = conf_list_split(c->arena, text), def;
	bool minus = l.n > 0;
	uint16_t *v = field;
	unsigned int n = 0;

	for (unsigned int i = 0; i < l.n; i++) {
		minus = minus && l.v[i][0] == '-';
		if (!find_enum(c->opt, l.v[i] + minus))
			return say_enum(c, l.v[i]);
	}
	def = conf_list_split(c->arena, minus ? c->opt->def : "");
	for (unsigned int i = 0; i < (minus ? def.n : l.n) && n < c->opt->cap; i++) {
		unsigned int value = find_enum(c->opt, minus ? def.v[i] : l.v[i])->value;
		bool skip = false;

		for (unsigned int j = 0; minus && j < l.n; j++)
			skip = skip || find_enum(c->opt, l.v[j] + 1)->value == value;
		for (unsigned int j = 0; j < n; j++)
			skip = skip || v[j] == value;
		if (!skip)
			v[n++] = (uint16_t)value;
	}
	if (!n)
		return say(c, -EINVAL, "must leave at least one algorithm");
	*count = n;
	return 0;
}

static int parse_ports(const struct value_ctx *c, const char *text, void *field,
		       unsigned int *count)
{
	struct conf_list l = conf_list_split(c->arena, text);
	uint16_t *v = field;

	if (!l.n || l.n > c->opt->cap)
		return say(c, -EINVAL, "is one to %u port numbers", c->opt->cap);
	for (unsigned int i = 0; i < l.n; i++) {
		const char *end = l.v[i];
		uint64_t port = 0;

		if (parse_digits(l.v[i], 10, &port, &end) || *end || !port || port > 65535)
			return say(c, -EINVAL, "is a port number from 1 to 65535, not \"%.64s\"",
				   l.v[i]);
		for (unsigned int j = 0; j < i; j++)
			if (v[j] == port)
				return say(c, -EINVAL, "names port %llu twice",
					   (unsigned long long)port);
		v[i] = (uint16_t)port;
	}
	*count = l.n;
	return 0;
}

/* ---- text ---- */

static int parse_string(const struct value_ctx *c, const char *text, void *field)
{
	size_t n = strlen(text);

	if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
		text++;
		n -= 2;
	}
	*(const char **)field = n ? conf_arena_strndup(c->arena, text, n) : NULL;
	return 0;
}

static int parse_path(const struct value_ctx *c, const char *text, void *field)
{
	const char **out = field;
	char *joined;
	size_t n;

	parse_string(c, text, field);
	if (!*out || **out == '/' || !c->dir)
		return 0;
	n = strlen(c->dir) + strlen(*out) + 2;
	joined = conf_arena_alloc(c->arena, n);
	snprintf(joined, n, "%s/%s", c->dir, *out);
	*out = joined;
	return 0;
}

/* A host name in a hosts list never matches, since names are not looked up. */
static bool is_host_name(const char *w)
{
	if (!strcasecmp(w, "ALL") || !strcasecmp(w, "LOCAL") || !strcasecmp(w, "EXCEPT"))
		return false;
	if (strchr(w, ':') || strspn(w, "0123456789./") == strlen(w))
		return false;
	return true;
}

static int parse_list(const struct value_ctx *c, const char *text, void *field)
{
	struct conf_list *l = field;

	*l = conf_list_split(c->arena, text);
	for (unsigned int i = 0; c->opt->type == CONF_T_HOSTS && i < l->n; i++)
		if (is_host_name(l->v[i]))
			return say(c, 1,
				   "names \"%.64s\", but host names are not looked up: write "
				   "its address",
				   l->v[i]);
	return 0;
}

static int parse_cpus(const struct value_ctx *c, const char *text, void *field)
{
	struct conf_list *l = field;
	const char *bad;

	*l = conf_list_split(c->arena, text);
	if (conf_cpus_ok(l, &bad))
		return 0;
	*l = (struct conf_list) { 0 };
	return say(c, -EINVAL, "is CPU numbers such as \"2 4-7\", not \"%.64s\"", bad);
}

static int parse_guard(const struct value_ctx *c, const char *text, void *field)
{
	const char *how = c->opt->type == CONF_T_RATE ? conf_parse_rate(text, field)
						      : conf_parse_auth_block(text, field);

	return how ? say(c, -EINVAL, "%s; not \"%.64s\"", how, text) : 0;
}

static int parse_metrics(const struct value_ctx *c, const char *text, void *field)
{
	struct conf_metrics_listen l;
	const char *how;

	parse_string(c, text, field);
	text = *(const char **)field;
	how = text ? conf_parse_metrics_listen(text, &l) : NULL;
	if (how)
		*(const char **)field = NULL;
	return how ? say(c, -EINVAL, "%s; not \"%.64s\"", how, text) : 0;
}

int conf_value_parse(struct conf_arena *a, const struct conf_option *opt, bool inverse,
		     const char *text, const char *dir, void *base, char msg[CONF_MSG_MAX])
{
	struct value_ctx c = { a, opt, dir, msg, inverse };
	void *field = (char *)base + opt->off;
	unsigned int *count = (unsigned int *)((char *)base + opt->off_count);
	unsigned int v = 0;
	int rc;

	msg[0] = 0;
	switch (opt->type) {
	case CONF_T_BOOL:
		return parse_bool(&c, text, field);
	case CONF_T_UINT:
		return parse_uint(&c, text, field);
	case CONF_T_SIZE32:
		return parse_size32(&c, text, field);
	case CONF_T_SIZE64:
		return parse_size64(&c, text, field);
	case CONF_T_OCTAL:
		return parse_octal(&c, text, field);
	case CONF_T_ENUM:
	case CONF_T_ENUM16:
		rc = parse_enum(&c, text, &v);
		if (rc >= 0 && opt->type == CONF_T_ENUM)
			*(unsigned int *)field = v;
		else if (rc >= 0)
			*(uint16_t *)field = (uint16_t)v;
		return rc;
	case CONF_T_ENUM_LIST:
		return parse_enum_list(&c, text, field, count);
	case CONF_T_PORTS:
		return parse_ports(&c, text, field, count);
	case CONF_T_LOGLEVEL:
		return parse_loglevel(&c, text, field);
	case CONF_T_STRING:
		return parse_string(&c, text, field);
	case CONF_T_PATH:
		return parse_path(&c, text, field);
	case CONF_T_LIST:
	case CONF_T_USERS:
	case CONF_T_HOSTS:
		return parse_list(&c, text, field);
	case CONF_T_CPUS:
		return parse_cpus(&c, text, field);
	case CONF_T_RATE:
	case CONF_T_AUTH_BLOCK:
		return parse_guard(&c, text, field);
	case CONF_T_METRICS:
		return parse_metrics(&c, text, field);
	case CONF_T_COPY:
		return 0;
	}
	return -EINVAL;
}
