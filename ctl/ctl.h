/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl.h - ksmbd-hybrid, the command: one table of verbs (main.c), a file per group of verbs
 * (cmd_*.c), and what they share. Prototypes by file.
 */
#ifndef KH_CTL_H
#define KH_CTL_H

#include <json-c/json.h>
#include <stdio.h>

#include "config/config.h"
#include "core/json.h"
#include "core/util.h"

enum { EXIT_OK = 0, EXIT_USAGE = 1, EXIT_REFUSED = 2, EXIT_NOT_RUNNING = 3 };

/* What the options before the verb say, made complete by ctl_paths(). */
struct ctl {
	char *conf_path; /* absolute; need not exist */
	char *instance;	 /* never NULL after ctl_paths() */
	char *run_dir;	 /* after ctl_load() */
	bool json;
	struct conf *conf; /* after ctl_load() */
};

struct verb {
	const char *name;
	const char *args;				    /* as in a usage line */
	const char *summary;				    /* one line; NULL: hidden */
	const char *help;				    /* the rest of --help */
	int (*run)(struct ctl *ctl, int argc, char **argv); /* argv[0] is the verb */
};

/* ---- main.c ---- */

/* "ksmbd-hybrid: sentence" on standard error. Returns code, so that one can `return fail(...)`. */
int fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same with the line "see ksmbd-hybrid VERB --help" behind it; returns EXIT_USAGE. */
int usage(const char *verb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- paths.c: which configuration, which run folder, which daemon ---- */

int ctl_paths(struct ctl *ctl, const char *conf, const char *instance);
void ctl_free(struct ctl *ctl);

enum load_how {
	LOAD_STRICT,   /* must exist and be without errors */
	LOAD_TOLERANT, /* errors are not this verb's business */
	LOAD_OR_EMPTY, /* a missing file is an empty one */
};

/* Fills in conf and run_dir; says why not. EXIT_OK or EXIT_REFUSED. */
int ctl_load(struct ctl *ctl, enum load_how how);

/* Path of ksmbd-hybridd: beside this program, in build/ below it, or where it was installed. */
char *ctl_daemon_path(void);

/* The folder of this program, with a slash at the end; NULL: unknown. Caller frees. */
char *ctl_self_dir(void);

/* "ksmbd-hybrid" with what was given before the verb, for "try ..." lines; static. */
const char *ctl_self(const struct ctl *ctl);

/* Prints findings of conf_load() as "file:line: error: sentence"; arg: FILE *. */
void ctl_report(void *arg, enum conf_severity sev, const char *file, unsigned int line,
		const char *sentence);

/* ---- client.c: the running server ---- */

/* Process id of the server; 0: not running. */
pid_t server_pid(const struct ctl *ctl);

/* One request; the reply (caller puts it) or NULL after saying why. *code is then the exit code. */
struct json_object *server_ask(const struct ctl *ctl, struct json_object *request, int *code);

/*
 * The same for a verb that passes a file: *passed (-1: none) and *sock, whose end the server sees,
 * are the caller's to close.
 */
struct json_object *server_ask_fd(const struct ctl *ctl, struct json_object *request, int *code,
				  int *sock, int *passed);

/* {"verb": verb} */
struct json_object *request_new(const char *verb);

/*
 * Has a running server read its configuration again; quiet when there is none. EXIT_OK, or
 * EXIT_REFUSED after saying why.
 */
int server_reload_if_running(const struct ctl *ctl);

/* ---- kmod.c: the kernel module ---- */

/*
 * Has the kernel load ksmbd_hybrid, if it is not there: in a checkout the one that `make kmod`
 * built for the running kernel (build/kmod-RELEASE/kmod/ksmbd_hybrid.ko beside this program), else
 * the installed one. NULL: it is there. Or why not, in a few words; the caller frees.
 */
char *kmod_load(void);
/* NULL: it is gone. Or why not; the caller frees. */
char *kmod_unload(void);

/* ---- output.c: one description of the columns prints the table and the JSON ---- */

enum column_kind {
	COL_TEXT,
	COL_NUMBER,  /* to the right */
	COL_BYTES,   /* 1.5 GiB */
	COL_SECONDS, /* 3 min */
	COL_YES,     /* a boolean */
};

struct column {
	const char *title;
	const char *key; /* member of a row */
	enum column_kind kind;
};

#define TABLE_WIDTH 100

/*
 * rows: an array of objects. With ctl->json it is printed as it is; else as a table with a column
 * for each description that any row has a member for; text is shortened so that it fits.
 */
void print_rows(const struct ctl *ctl, struct json_object *rows, const struct column *cols,
		size_t ncols, const char *none);
void print_json(struct json_object *o);
/* Without a table: the value as a table shows it. Caller frees. */
char *format_value(struct json_object *v, enum column_kind kind);

/* ---- text.c: text in the cells of a terminal ---- */

int text_width(const char *s);
/* Cuts s to width (> 0) cells, with a tilde at the end where something is missing. */
void text_shorten(char *s, int width);
/* Puts question marks for control characters and what is no UTF-8. */
void text_clean(char *s);
/* Standard output is a terminal that can, and nobody set NO_COLOR. */
bool colours_wanted(void);

/* ---- password.c ---- */

/*
 * From the terminal, without echo and twice, or the first line of standard input if that is no
 * terminal. Malloc'ed, wiped by password_free(); NULL after saying why not.
 */
char *password_read(const char *account);
void password_free(char *p);

/* ---- conf_edit.c: the configuration file as text ---- */

/* Each returns the new text (caller frees), all other lines, comments and their order kept. */
char *conf_edit_add(const char *text, const char *share, char *const *options, size_t n);
char *conf_edit_delete(const char *text, const char *share);
/* "name=" removes an option; a new one goes to the end of the section. */
char *conf_edit_update(const char *text, const char *share, char *const *options, size_t n);

/* ---- cmd_metrics.c ---- */

/* Says why view_open() gave nothing: there is no server, or no BPF, or `why`. The exit code. */
int maps_fail(const struct ctl *ctl, const char *why);

/* ---- the verbs ---- */

extern const struct verb verbs[]; /* main.c; ends with a NULL name */

int cmd_up(struct ctl *ctl, int argc, char **argv);
int cmd_down(struct ctl *ctl, int argc, char **argv);
int cmd_restart(struct ctl *ctl, int argc, char **argv);
int cmd_reload(struct ctl *ctl, int argc, char **argv);
int cmd_status(struct ctl *ctl, int argc, char **argv);
int cmd_close(struct ctl *ctl, int argc, char **argv);
int cmd_debug(struct ctl *ctl, int argc, char **argv);
int cmd_top(struct ctl *ctl, int argc, char **argv);
int cmd_trace(struct ctl *ctl, int argc, char **argv);
int cmd_metrics(struct ctl *ctl, int argc, char **argv);
int cmd_adduser(struct ctl *ctl, int argc, char **argv);
int cmd_passwd(struct ctl *ctl, int argc, char **argv);
int cmd_deluser(struct ctl *ctl, int argc, char **argv);
int cmd_listusers(struct ctl *ctl, int argc, char **argv);
int cmd_addshare(struct ctl *ctl, int argc, char **argv);
int cmd_updateshare(struct ctl *ctl, int argc, char **argv);
int cmd_delshare(struct ctl *ctl, int argc, char **argv);
int cmd_listshares(struct ctl *ctl, int argc, char **argv);
int cmd_testconf(struct ctl *ctl, int argc, char **argv);
int cmd_block(struct ctl *ctl, int argc, char **argv);
int cmd_tune(struct ctl *ctl, int argc, char **argv);
int cmd_complete(struct ctl *ctl, int argc, char **argv);

#endif /* KH_CTL_H */
