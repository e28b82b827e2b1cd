/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manual.c - the option table as the commented example file and as the reference of the manual.
 */
#include "config/options.h"

/* ---- the example: every option, commented out, at its default ---- */

static void print_wrapped(const char *text, FILE *f)
{
	size_t col = 0;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (col && col + 1 + n > 92) {
			fputc('\n', f);
			col = 0;
		}
		col += (size_t)fprintf(f, "%s%.*s", col ? " " : "# ", (int)n, text);
		text += n + strspn(text + n, " ");
	}
	fputc('\n', f);
}

static void print_example_options(const struct conf_option *opt, FILE *f)
{
	for (; opt->doc; opt++) {
		if (!opt->name) {
			fprintf(f, "\n# ---- %s ----\n", opt->doc);
			continue;
		}
		fputc('\n', f);
		print_wrapped(opt->doc, f);
		if (opt->later)
			fputs("# Has no effect yet.\n", f);
		if (opt->def_doc)
			fprintf(f, "# Default: %s.\n", opt->def_doc);
		fprintf(f, "; %s =%s%s\n", opt->name, opt->def ? " " : "",
			opt->def ? opt->def : "");
	}
}

void conf_print_example(FILE *f)
{
	fputs("# ksmbd-hybrid.conf - example configuration with every option.\n"
	      "#\n"
	      "# Made from the program's option table (ksmbd-hybrid testconf --example).\n"
	      "# The syntax is that of smb.conf: \"name = value\" in [sections], # and ; start a "
	      "line "
	      "that\n"
	      "# does not count, a \\ at its end continues a line, include = FILE reads another "
	      "file. "
	      "What is\n"
	      "# commented out by ; is the default. Check a changed file by: ksmbd-hybrid "
	      "testconf\n"
	      "\n"
	      "[global]\n",
	      f);
	print_example_options(conf_global_options, f);
	fputs("\n"
	      "# ==== Shares: one section each ====\n"
	      "\n"
	      "# A folder that two people and a group may write:\n"
	      ";[projects]\n"
	      ";\tpath = /srv/projects\n"
	      ";\tvalid users = anna bert @staff\n"
	      ";\tread only = no\n"
	      "\n"
	      "# Everybody's home folder, as \\\\server\\username:\n"
	      ";[homes]\n"
	      ";\tcomment = Home of %U\n"
	      ";\tbrowseable = no\n"
	      ";\tread only = no\n"
	      ";\tvalid users = %S\n"
	      "\n"
	      "# The options of a share. In [global], each is the default of all shares.\n"
	      ";[example]\n",
	      f);
	print_example_options(conf_share_options, f);
}

/* ---- the manual: roff, man(7) macros ---- */

/* `word` becomes bold; what roff would take for its own is escaped. */
static void print_roff(const char *text, FILE *f)
{
	bool bold = false, line_start = true;

	for (; *text; text++) {
		if (*text == '`') {
			bold = !bold;
			fputs(bold ? "\\fB" : "\\fR", f);
			line_start = false;
			continue;
		}
		if (line_start && (*text == '.' || *text == '\''))
			fputs("\\&", f);
		line_start = false;
		if (*text == '\\')
			fputs("\\e", f);
		else if (*text == '-')
			fputs("\\-", f);
		else
			fputc(*text, f);
	}
	fputc('\n', f);
}

static const char *type_words(const struct conf_option *opt)
{
	switch (opt->type) {
	case CONF_T_BOOL:
		return "yes or no";
	case CONF_T_UINT:
	case CONF_T_LOGLEVEL:
		return "number";
	case CONF_T_SIZE32:
	case CONF_T_SIZE64:
		return "size";
	case CONF_T_OCTAL:
		return "octal number";
	case CONF_T_PATH:
		return "file";
	case CONF_T_LIST:
	case CONF_T_ENUM_LIST:
	case CONF_T_PORTS:
		return "list";
	case CONF_T_USERS:
		return "list of users";
	case CONF_T_HOSTS:
		return "list of addresses";
	case CONF_T_ENUM:
	case CONF_T_ENUM16:
		return "word";
	case CONF_T_STRING:
		return "text";
	case CONF_T_RATE:
		return "rate";
	case CONF_T_AUTH_BLOCK:
		return "number and times, or no";
	case CONF_T_CPUS:
		return "list of CPUs";
	case CONF_T_METRICS:
		return "address or file";
	case CONF_T_COPY:
		return "name of a share";
	}
	return "";
}

static void print_synonyms(const char *s, FILE *f)
{
	const char *sep = "Also ";

	for (; s && *s; s += strcspn(s, ","), s += *s == ',') {
		bool inverse = *s == '!';

		fprintf(f, "%s\\fB%.*s\\fR%s", sep, (int)(strcspn(s, ",") - inverse), s + inverse,
			inverse ? " (the opposite)" : "");
		sep = ", ";
	}
	if (*sep == ',')
		fputs(".\n", f);
}

static void print_manual_options(const struct conf_option *opt, FILE *f)
{
	for (; opt->doc; opt++) {
		if (!opt->name) {
			fprintf(f, ".SS %s\n", opt->doc);
			continue;
		}
		fprintf(f, ".TP\n\\fB%s\\fR = \\fI%s\\fR\n", opt->name, type_words(opt));
		print_roff(opt->doc, f);
		if (opt->later)
			fputs("Has no effect yet.\n", f);
		print_synonyms(opt->synonyms, f);
		fputs("Default: ", f);
		print_roff(opt->def_doc ? opt->def_doc : opt->def ? opt->def : "none", f);
	}
}

void conf_print_manual(FILE *f)
{
	fputs(".SH GLOBAL OPTIONS\n", f);
	print_manual_options(conf_global_options, f);
	fputs(".SH OPTIONS OF A SHARE\nIn [global], each of them is the default of all shares.\n",
	      f);
	print_manual_options(conf_share_options, f);
}
