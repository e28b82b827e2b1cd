/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_testconf.c - testconf: findings, what this machine lacks for the configuration, and the
 * configuration as it counts.
 */
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "auth/users.h"
#include "config/options.h"
#include "ctl.h"

struct findings {
	struct json_object *list; /* with -j */
	unsigned int nerrors, nwarnings;
};

static void found(void *arg, enum conf_severity sev, const char *file, unsigned int line,
		  const char *sentence)
{
	struct findings *f = arg;
	struct json_object *o;

	if (sev == CONF_ERROR)
		f->nerrors++;
	else
		f->nwarnings++;
	if (!f->list) {
		ctl_report(stderr, sev, file, line, sentence);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "severity",
			       json_object_new_string(sev == CONF_ERROR ? "error" : "warning"));
	json_object_object_add(o, "file", file ? json_object_new_string(file) : NULL);
	json_object_object_add(o, "line", line ? json_object_new_int64(line) : NULL);
	json_object_object_add(o, "message", json_object_new_string(sentence));
	json_object_array_add(f->list, o);
}

__attribute__((format(printf, 3, 4))) static void
warn(struct findings *f, const struct conf_share *s, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		found(f, CONF_WARNING, s ? s->file : NULL, s ? s->line : 0, text);
}

/* ---- the machine ---- */

static void check_share(struct findings *f, const struct conf_share *s)
{
	struct stat st;
	gid_t gid;

	if (s->path && !strchr(s->path, '%')) {
		if (stat(s->path, &st))
			warn(f, s, "[%s] path = %s: %s", s->name, s->path, strerror(errno));
		else if (!S_ISDIR(st.st_mode))
			warn(f, s, "[%s] path = %s is no folder", s->name, s->path);
	}
	if (s->force_user && !strchr(s->force_user, '%') && !getpwnam(s->force_user))
		warn(f, s, "[%s] force user = %s: there is no such Unix user", s->name,
		     s->force_user);
	if (s->force_group && !strchr(s->force_group, '%') &&
	    unix_group_lookup(s->force_group + (*s->force_group == '+'), &gid))
		warn(f, s, "[%s] force group = %s: there is no such Unix group", s->name,
		     s->force_group);
}

static int check_account(void *arg, const struct account *a)
{
	if (!getpwnam(a->unix_user))
		warn(arg, NULL, "the account %s is the Unix user %s, who does not exist", a->name,
		     a->unix_user);
	return 0;
}

static void check_accounts(struct findings *f, const struct conf *c)
{
	struct users *u = users_open(c->passdb_file, c->username_map);
	int bad = users_check(u);
	struct stat st;

	if (bad < 0)
		warn(f, NULL, "passdb file %s cannot be read: %s", c->passdb_file, strerror(-bad));
	else if (bad)
		warn(f, NULL, "passdb file %s has %d lines that are no account", c->passdb_file,
		     bad);
	if (!stat(c->passdb_file, &st) && (st.st_mode & 077))
		warn(f, NULL, "passdb file %s can be read by others: chmod 600 it", c->passdb_file);
	users_each(u, check_account, f);
	users_close(u);
	if (c->map_to_guest != CONF_GUEST_NEVER && !getpwnam(c->guest_account))
		warn(f, NULL, "guest account = %s: there is no such Unix user", c->guest_account);
	if (c->username_map && access(c->username_map, R_OK))
		warn(f, NULL, "username map = %s: %s", c->username_map, strerror(errno));
}

/* ---- output ---- */

static struct json_object *options_json(const struct conf_option *opt, const void *base)
{
	struct json_object *o = json_object_new_object();

	for (; opt->doc; opt++) {
		_cleanup_free_ char *text = NULL;
		size_t n;
		FILE *f;

		if (!opt->name || opt->type == CONF_T_COPY)
			continue;
		f = open_memstream(&text, &n);
		if (!f)
			break;
		conf_value_print(opt, base, f);
		fclose(f);
		json_object_object_add(o, opt->name, json_object_new_string(text));
	}
	return o;
}

static void print_all_json(const struct conf *c, struct findings *f)
{
	struct json_object *o = json_object_new_object(), *shares = json_object_new_object();

	json_object_object_add(o, "ok", json_object_new_boolean(!f->nerrors));
	json_object_object_add(o, "file", json_object_new_string(c->file));
	json_object_object_add(o, "findings", json_object_get(f->list));
	json_object_object_add(o, "global", options_json(conf_global_options, c));
	for (unsigned int i = 0; i < c->nshares; i++)
		json_object_object_add(shares, c->shares[i].name,
				       options_json(conf_share_options, &c->shares[i]));
	json_object_object_add(o, "shares", shares);
	print_json(o);
	json_object_put(o);
}

static int test(struct ctl *ctl, bool all)
{
	struct findings f = { .list = ctl->json ? json_object_new_array() : NULL };
	int rc = conf_load(ctl->conf_path, found, &f, &ctl->conf);

	if (!ctl->conf) {
		json_object_put(f.list);
		return fail(EXIT_REFUSED, "%s cannot be read: %s.", ctl->conf_path, strerror(-rc));
	}
	for (unsigned int i = 0; i < ctl->conf->nshares; i++)
		check_share(&f, &ctl->conf->shares[i]);
	check_accounts(&f, ctl->conf);
	if (ctl->json) {
		print_all_json(ctl->conf, &f);
	} else {
		conf_print(ctl->conf, stdout, all);
		fflush(stdout);
		fprintf(stderr, "%s: %u error%s, %u warning%s\n", ctl->conf_path, f.nerrors,
			f.nerrors == 1 ? "" : "s", f.nwarnings, f.nwarnings == 1 ? "" : "s");
	}
	json_object_put(f.list);
	return f.nerrors ? EXIT_REFUSED : EXIT_OK;
}

int cmd_testconf(struct ctl *ctl, int argc, char **argv)
{
	static const struct option opts[] = { { "example", no_argument, NULL, 'e' },
					      { "manual", no_argument, NULL, 'm' },
					      { NULL } };
	bool all = false;
	int o;

	while ((o = getopt_long(argc, argv, "v", opts, NULL)) >= 0) {
		switch (o) {
		case 'v':
			all = true;
			break;
		case 'e':
			conf_print_example(stdout);
			return EXIT_OK;
		case 'm': /* for docs/: the option reference of the manual page */
			conf_print_manual(stdout);
			return EXIT_OK;
		default:
			return usage(argv[0], "%s is no option of testconf.", argv[optind - 1]);
		}
	}
	if (argc - optind > 1)
		return usage(argv[0], "testconf takes one file.");
	if (argc - optind == 1 && ctl_paths(ctl, argv[optind], NULL))
		return EXIT_USAGE;
	return test(ctl, all);
}
