/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options.h - the option table's form; private to daemon/config/ and to who prints the table.
 */
#ifndef KH_OPTIONS_H
#define KH_OPTIONS_H

#include "config/config.h"

enum conf_type {
	CONF_T_BOOL,	   /* bool */
	CONF_T_UINT,	   /* uint32_t; the file's number times scale */
	CONF_T_SIZE32,	   /* uint32_t bytes, suffixes K M G */
	CONF_T_SIZE64,	   /* uint64_t bytes, suffixes K M G T P */
	CONF_T_OCTAL,	   /* uint32_t */
	CONF_T_ENUM,	   /* an enum (unsigned int) */
	CONF_T_ENUM16,	   /* uint16_t */
	CONF_T_ENUM_LIST,  /* uint16_t[cap] and an unsigned int count */
	CONF_T_PORTS,	   /* likewise, of numbers */
	CONF_T_STRING,	   /* const char *; NULL when empty */
	CONF_T_PATH,	   /* likewise; relative ones are taken from the folder of the file */
	CONF_T_LIST,	   /* struct conf_list */
	CONF_T_USERS,	   /* struct conf_list of user and @group names */
	CONF_T_HOSTS,	   /* struct conf_list of addresses */
	CONF_T_LOGLEVEL,   /* unsigned int; "3 auth:5" takes the first */
	CONF_T_RATE,	   /* struct conf_rate */
	CONF_T_AUTH_BLOCK, /* struct conf_auth_block */
	CONF_T_CPUS,	   /* struct conf_list of N and N-M */
	CONF_T_METRICS,	   /* const char *: text of a struct conf_metrics_listen */
	CONF_T_COPY,	   /* no field: the settings of another share */
};

/* The first row with a value is the name that is printed. warn: a remark when this one is used. */
struct conf_enum {
	const char *name;
	unsigned int value;
	const char *warn;
};

struct conf_option {
	const char *name;     /* NULL: a heading of the manual, in doc */
	const char *synonyms; /* comma-separated; one that starts with '!' means the opposite */
	enum conf_type type;
	enum conf_scope scope;
	uint32_t off;	    /* into struct conf or struct conf_share */
	uint32_t off_count; /* of the count of an array */
	uint32_t cap;	    /* of the array */
	uint32_t scale;	    /* CONF_T_UINT: times this (0: 1); sizes: shift of one without suffix */
	uint64_t min, max;  /* of a number, in the unit of the file; max 0: 2^32 - 1 */
	const struct conf_enum *values;
	const char *def;     /* as in the file; NULL: empty */
	const char *def_doc; /* what the default is, where def cannot say it */
	bool later;	     /* understood, but nothing acts on it yet: testconf says so */
	const char *doc;     /* sentences; `...` is an option or a value */
};

extern const struct conf_option conf_global_options[]; /* end with .doc == NULL */
extern const struct conf_option conf_share_options[];

/*
 * NULL: not ours. Spaces and case do not count. *inverse: the name means the opposite. With
 * CONF_GLOBAL, an option of shares is found too: in [global] it is the default of all shares.
 */
const struct conf_option *conf_option_find(enum conf_scope scope, const char *name, bool *inverse);

/* The option of this name that stands in [global] only, for a better message; or NULL. */
const struct conf_option *conf_option_global_only(const char *name);

/* Is it a parameter of Samba's smb.conf(5) or of ksmbd.conf(5) that means nothing here? */
bool conf_foreign_option(const char *name);

/* The known name nearest to a misspelt one; NULL when none is near. */
const char *conf_option_suggest(const char *name);

/* Lower case without spaces, cut at cap. */
void conf_fold_name(const char *name, char *out, size_t cap);

/* ---- suggest.c ---- */

/* Letters to add, drop, change or swap to make b of a; without regard to case; at most 64 each. */
unsigned int conf_edit_distance(const char *a, const char *b);

/* ---- value.c ---- */

struct conf_arena;
struct conf_arena *conf_arena_new(void);
void conf_arena_free(struct conf_arena *a);
void *conf_arena_alloc(struct conf_arena *a, size_t n); /* zeroed, aligned */
char *conf_arena_strndup(struct conf_arena *a, const char *s, size_t n);

#define CONF_MSG_MAX 512

/*
 * Sets the field of opt below base (a struct conf or struct conf_share) from text. 0; 1: set, and
 * msg has a remark; -EINVAL: not set, and msg says what is wrong. dir: folder of the file.
 */
int conf_value_parse(struct conf_arena *a, const struct conf_option *opt, bool inverse,
		     const char *text, const char *dir, void *base, char msg[CONF_MSG_MAX]);

/* The value in the syntax of the file. */
void conf_value_print(const struct conf_option *opt, const void *base, FILE *f);
bool conf_value_equal(const struct conf_option *opt, const void *a, const void *b);

/* Words between spaces and commas, "quoted words" whole. */
struct conf_list conf_list_split(struct conf_arena *a, const char *text);

/* ---- lex.c ---- */

/* One "name = value" line (name not NULL), or the start of a section (name NULL). */
struct conf_entry {
	const char *section; /* NULL before the first header: [global] */
	const char *name, *value;
	const char *file;
	unsigned int line;
};

struct conf_lexer {
	struct conf_arena *arena;
	conf_report_fn report;
	void *report_arg;
	unsigned int nwarnings, nerrors;
	bool no_include;
	unsigned int nfiles;

	struct conf_entry *v; /* malloc'ed; the lexer's user frees it */
	size_t n, cap;
	const char *section; /* in force */
};

/* interface.c: `interfaces`, once all is read. */
void conf_interfaces_finish(struct conf_lexer *lx, struct conf *c);
void conf_report(struct conf_lexer *lx, enum conf_severity sev, const char *file, unsigned int line,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* -errno when the top file cannot be read. */
int conf_lex_file(struct conf_lexer *lx, const char *path);
void conf_lex_text(struct conf_lexer *lx, const char *text, size_t len, const char *name);

/* ---- value_guard.c: NULL, or how the value is written, behind the option's name ---- */

const char *conf_parse_rate(const char *text, struct conf_rate *out);
const char *conf_parse_auth_block(const char *text, struct conf_auth_block *out);
bool conf_cpus_ok(const struct conf_list *l, const char **bad);

#endif /* KH_OPTIONS_H */
