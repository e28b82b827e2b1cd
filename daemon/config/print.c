/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * print.c - values back as text: the effective configuration in the syntax of the file.
 */
#include <strings.h>

#include "config/options.h"

static const char *enum_name(const struct conf_option *opt, unsigned int value)
{
	for (const struct conf_enum *e = opt->values; e->name; e++)
		if (e->value == value)
			return e->name;
	return "?";
}

static void print_bytes(uint64_t v, uint32_t scale, FILE *f)
{
	static const char units[] = "KMGTP";
	bool shorten = v >= 65536 || scale; /* with a scale, only a suffix makes it bytes */
	int u = -1;

	for (; shorten && v && !(v & 1023) && u < 4; v >>= 10)
		u++;
	fprintf(f, "%llu", (unsigned long long)v);
	if (u >= 0)
		fputc(units[u], f);
}

static void print_list(const struct conf_list *l, FILE *f)
{
	for (unsigned int i = 0; i < l->n; i++) {
		bool quote = !*l->v[i] || strpbrk(l->v[i], " \t,");

		fprintf(f, quote ? "%s\"%s\"" : "%s%s", i ? " " : "", l->v[i]);
	}
}

static void print_rate(const struct conf_rate *r, FILE *f)
{
	if (r->per_second)
		fprintf(f, "%u/second burst %u", r->per_second, r->burst);
}

static void print_auth_block(const struct conf_auth_block *b, FILE *f)
{
	if (b->failures)
		fprintf(f, "%u failures in %u s for %u s", b->failures, b->window, b->duration);
	else
		fputs("no", f);
}

static unsigned int count_of(const struct conf_option *opt, const void *base)
{
	return *(const unsigned int *)((const char *)base + opt->off_count);
}

void conf_value_print(const struct conf_option *opt, const void *base, FILE *f)
{
	const void *field = (const char *)base + opt->off;
	const char *s;

	switch (opt->type) {
	case CONF_T_BOOL:
		fputs(*(const bool *)field ? "yes" : "no", f);
		break;
	case CONF_T_UINT:
		fprintf(f, "%u", *(const uint32_t *)field / (opt->scale ? opt->scale : 1));
		break;
	case CONF_T_LOGLEVEL:
		fprintf(f, "%u", *(const unsigned int *)field);
		break;
	case CONF_T_SIZE32:
		print_bytes(*(const uint32_t *)field, opt->scale, f);
		break;
	case CONF_T_SIZE64:
		print_bytes(*(const uint64_t *)field, opt->scale, f);
		break;
	case CONF_T_OCTAL:
		fprintf(f, "%04o", *(const uint32_t *)field);
		break;
	case CONF_T_ENUM:
		fputs(enum_name(opt, *(const unsigned int *)field), f);
		break;
	case CONF_T_ENUM16:
		fputs(enum_name(opt, *(const uint16_t *)field), f);
		break;
	case CONF_T_ENUM_LIST:
		for (unsigned int i = 0; i < count_of(opt, base); i++)
			fprintf(f, "%s%s", i ? " " : "",
				enum_name(opt, ((const uint16_t *)field)[i]));
		break;
	case CONF_T_PORTS:
		for (unsigned int i = 0; i < count_of(opt, base); i++)
			fprintf(f, "%s%u", i ? " " : "", ((const uint16_t *)field)[i]);
		break;
	case CONF_T_STRING:
	case CONF_T_PATH:
	case CONF_T_METRICS:
		s = *(const char *const *)field;
		fputs(s ? s : "", f);
		break;
	case CONF_T_LIST:
	case CONF_T_USERS:
	case CONF_T_HOSTS:
	case CONF_T_CPUS:
		print_list(field, f);
		break;
	case CONF_T_RATE:
		print_rate(field, f);
		break;
	case CONF_T_AUTH_BLOCK:
		print_auth_block(field, f);
		break;
	case CONF_T_COPY:
		break;
	}
}

static char *value_text(const struct conf_option *opt, const void *base)
{
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);

	if (!f)
		return xstrdup("");
	conf_value_print(opt, base, f);
	fclose(f);
	return s;
}

bool conf_value_equal(const struct conf_option *opt, const void *a, const void *b)
{
	_cleanup_free_ char *x = value_text(opt, a);
	_cleanup_free_ char *y = value_text(opt, b);

	return !strcmp(x, y);
}

/* global: share options that mean something else in [global] are left out. same may be NULL. */
static void print_options(const struct conf_option *opt, bool global, const void *base,
			  const void *same, FILE *f)
{
	for (; opt->doc; opt++) {
		if (!opt->name || opt->type == CONF_T_COPY)
			continue;
		if (global && conf_option_global_only(opt->name) && opt->scope == CONF_SHARE)
			continue;
		if (same && conf_value_equal(opt, base, same))
			continue;
		fprintf(f, "\t%s = ", opt->name);
		conf_value_print(opt, base, f);
		fputc('\n', f);
	}
}

void conf_print_share(const struct conf *c, const struct conf_share *s, FILE *f, bool all)
{
	fprintf(f, "[%s]\n", s->name);
	print_options(conf_share_options, false, s, all ? NULL : &c->defaults, f);
}

void conf_print(const struct conf *c, FILE *f, bool all)
{
	struct conf *def = NULL;

	/* What an empty file in the same place would mean. */
	if (conf_load_text(c->file, "", 0, NULL, NULL, &def))
		conf_parse("", 0, c->file, NULL, NULL, &def);
	fputs("[global]\n", f);
	print_options(conf_global_options, true, c, all ? NULL : def, f);
	print_options(conf_share_options, true, &c->defaults, all ? NULL : &def->defaults, f);
	for (unsigned int i = 0; i < c->nshares; i++) {
		fputc('\n', f);
		conf_print_share(c, &c->shares[i], f, all);
	}
	conf_put(def);
}
