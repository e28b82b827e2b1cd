/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_complete.c - __complete: words for dist/ksmbd-hybrid.bash-completion, one per line. What a
 * verb takes is read out of its usage line and help, so that it is not written twice; names are
 * those of the configuration, ids those of the running server. Says nothing when there is none.
 */
#include <ctype.h>

#include "auth/users.h"
#include "config/options.h"
#include "core/control.h"
#include "core/log.h"
#include "ctl.h"
#include "smb2_ops.h"
#include "smb2_status.h"

#define PATIENCE_MS 2000 /* somebody has pressed Tab */

/* ---- out of the table of verbs ---- */

static const struct verb *verb_named(const char *name)
{
	for (const struct verb *v = verbs; v->name; v++)
		if (*name && v->summary && !strcmp(v->name, name))
			return v;
	return NULL;
}

static void print_verbs(void)
{
	for (const struct verb *v = verbs; v->name; v++)
		if (v->summary)
			puts(v->name);
}

/* Words of the usage line that are to be typed as they stand: lower case, no option, no value. */
static void print_words(const struct verb *v)
{
	for (const char *p = v->args; *p;) {
		size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz-");
		bool alone = p == v->args || strchr("[| ", p[-1]);

		if (n > 1 && alone && *p != '-' && (!p[n] || strchr("]| ", p[n])))
			printf("%.*s\n", (int)n, p);
		p += n ? n : 1;
	}
}

static bool was_printed(const char *text, const char *at, size_t n)
{
	for (const char *p = text; p < at; p++)
		if (!strncmp(p, at, n) && !isalpha((unsigned char)p[n]) && p[n] != '-')
			return true;
	return false;
}

static void print_flags(const struct verb *v)
{
	_cleanup_free_ char *text = xasprintf(" %s\n%s", v->args, v->help ? v->help : "");

	for (const char *p = text + 1; *p; p++) {
		size_t n = 1 + strspn(p + 1, "abcdefghijklmnopqrstuvwxyz-");

		if (*p != '-' || n < 2 || !strchr(" [|\n", p[-1]) || was_printed(text, p, n))
			continue;
		printf("%.*s\n", (int)n, p);
	}
	puts("--help");
}

/* ---- out of the configuration ---- */

static int print_account(void *arg, const struct account *a)
{
	puts(a->name);
	return 0;
}

static void print_configured(struct ctl *ctl, const char *what)
{
	conf_load(ctl->conf_path, NULL, NULL, &ctl->conf);
	if (!ctl->conf)
		return;
	if (!strcmp(what, "users")) {
		struct users *u = users_open(ctl->conf->passdb_file, NULL);

		users_each(u, print_account, NULL);
		users_close(u);
		return;
	}
	for (unsigned int i = 0; i < ctl->conf->nshares; i++)
		puts(ctl->conf->shares[i].name);
}

static void print_options(void)
{
	for (const struct conf_option *opt = conf_share_options; opt->doc; opt++)
		if (opt->name)
			puts(opt->name);
}

/* ---- out of the running server ---- */

/* A member of each object of a list in the answer to a request. */
static void print_asked(struct ctl *ctl, struct json_object *request, const char *list,
			const char *member)
{
	struct json_object *reply = NULL, *rows, *v;

	if (!ctl_load(ctl, LOAD_OR_EMPTY) &&
	    !control_call(ctl->run_dir, request, PATIENCE_MS, &reply) &&
	    json_object_object_get_ex(reply, list, &rows) &&
	    json_object_is_type(rows, json_type_array))
		for (size_t i = 0; i < json_object_array_length(rows); i++)
			if (json_object_object_get_ex(json_object_array_get_idx(rows, i), member,
						      &v))
				puts(json_object_get_string(v));
	json_object_put(reply);
	json_object_put(request);
}

static void print_blocked(struct ctl *ctl)
{
	struct json_object *request = request_new("block");

	json_object_object_add(request, "action", json_object_new_string("list"));
	print_asked(ctl, request, "blocks", "address");
}

/* ---- the words of the protocol, and ours ---- */

static void print_components(void)
{
	for (unsigned int i = 0; i < LOG_COMPONENTS; i++)
		puts(log_component_name(i));
}

static void print_commands(void)
{
#define X(NAME, name, code, size, needs, fid, where) puts(#NAME);
	SMB2_OPS(X)
#undef X
}

static void print_statuses(void)
{
	puts("error");
#define X(name, value) puts(#name);
	NT_STATUS_LIST(X)
#undef X
}

int cmd_complete(struct ctl *ctl, int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const struct verb *v = argc > 2 ? verb_named(argv[2]) : NULL;

	if (!strcmp(what, "verbs"))
		print_verbs();
	else if (v && !strcmp(what, "words"))
		print_words(v);
	else if (v && !strcmp(what, "flags"))
		print_flags(v);
	else if (!strcmp(what, "options"))
		print_options();
	else if (!strcmp(what, "users") || !strcmp(what, "shares"))
		print_configured(ctl, what);
	else if (!strcmp(what, "connections") || !strcmp(what, "sessions") ||
		 !strcmp(what, "handles"))
		print_asked(ctl, request_new("status"), what, "id");
	else if (!strcmp(what, "clients"))
		print_asked(ctl, request_new("status"), "connections", "client");
	else if (!strcmp(what, "blocked"))
		print_blocked(ctl);
	else if (!strcmp(what, "components"))
		print_components();
	else if (!strcmp(what, "commands"))
		print_commands();
	else if (!strcmp(what, "statuses"))
		print_statuses();
	return EXIT_OK;
}
