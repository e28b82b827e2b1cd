// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_status.c - status: a summary, or one of the lists. status_get.c says where it comes from, the
 * man page which names it has. What a server does not tell is not shown.
 */
#include <getopt.h>
#include <inttypes.h>

#include "status.h"

static void line(const char *title, struct json_object *v, enum column_kind kind)
{
	_cleanup_free_ char *s = NULL;

	if (!v)
		return;
	s = format_value(v, kind);
	printf("%-15s %s\n", title, s);
}

static void print_listeners(struct json_object *v)
{
	if (!v || !json_object_is_type(v, json_type_array))
		return;
	printf("%-15s", "Listens on");
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		struct json_object *l = json_object_array_get_idx(v, i);
		struct json_object *address = json_member(l, "address");

		if (!address)
			printf(" %s", json_object_get_string(l));
		else if (json_member(l, "port"))
			printf(" %s:%s", json_object_get_string(address),
			       json_object_get_string(json_member(l, "port")));
		else
			printf(" %s", json_object_get_string(address));
	}
	putchar('\n');
}

static void print_counts(struct json_object *status)
{
	const char *sep = "";

	printf("%-15s ", "Now");
	for (size_t i = 0; i < status_nlists; i++) {
		struct json_object *v = json_member(status, status_lists[i].name);
		size_t n;

		if (!v || !json_object_is_type(v, json_type_array) ||
		    !strcmp(status_lists[i].name, "queues"))
			continue;
		n = json_object_array_length(v);
		printf("%s%zu %.*s", sep, n, (int)strlen(status_lists[i].name) - (n == 1),
		       status_lists[i].name);
		sep = ", ";
	}
	putchar('\n');
}

static const char *text(struct json_object *o, const char *name)
{
	struct json_object *v = o ? json_member(o, name) : NULL;

	return v ? json_object_get_string(v) : "";
}

static int64_t number(struct json_object *o, const char *name)
{
	struct json_object *v = o ? json_member(o, name) : NULL;

	return v ? json_object_get_int64(v) : 0;
}

/* "3: NetBIOS framing 1, no data yet 2"; a single reason without its number. */
static char *user_part(struct json_object *planes)
{
	struct json_object *whys = json_member(planes, "user_reasons");
	char *s = xasprintf("%" PRId64, number(planes, "user_connections"));
	int n = whys ? json_object_object_length(whys) : 0;
	const char *sep = ": ";

	if (!whys)
		return s;
	json_object_object_foreach(whys, why, count)
	{
		char *longer =
			n == 1 ? xasprintf("%s: %s", s, why)
			       : xasprintf("%s%s%s %s", s, sep, why, json_object_get_string(count));

		free(s);
		s = longer;
		sep = ", ";
	}
	return s;
}

/* The first line: who serves. */
static void print_planes(struct json_object *planes)
{
	int64_t kernel = number(planes, "kernel_connections");
	int64_t user = number(planes, "user_connections");
	const char *why = text(planes, "why");
	_cleanup_free_ char *in_user = NULL, *s = NULL;

	if (*why) {
		s = xasprintf("user space (%" PRId64 " connection%s; kernel: %s)", user,
			      user == 1 ? "" : "s", why);
	} else {
		in_user = user_part(planes);
		s = xasprintf("kernel (%" PRId64 " connection%s)%s%s%s", kernel,
			      kernel == 1 ? "" : "s", user ? ", user space (" : "",
			      user ? in_user : "", user ? ")" : "");
	}
	printf("%-15s %s\n", "Serving", s);
}

static void print_process(struct json_object *status)
{
	struct json_object *pid = json_member(status, "pid"),
			   *answers = json_member(status, "answers");

	if (!pid)
		return;
	printf("%-15s %s%s\n", "Process", json_object_get_string(pid),
	       answers && !json_object_get_boolean(answers)
		       ? " (does not answer: this is what its maps say)"
		       : "");
}

static void print_steering(struct json_object *status)
{
	struct json_object *planes = json_member(status, "planes");
	struct json_object *steering = planes ? json_member(planes, "steering") : NULL;
	const char *mode = text(steering, "mode"), *why = text(steering, "why");

	if (!*mode)
		return;
	printf("%-15s %s reactors, steering: %s (%s)%s%s\n", "Connections",
	       text(status, "reactors"), mode, text(steering, "by"), *why ? ": " : "", why);
}

static void print_summary(const struct ctl *ctl, struct json_object *status)
{
	struct json_object *planes = json_member(status, "planes");
	const char *missing = text(status, "bpf_missing");

	if (planes)
		print_planes(planes);
	line("Version", json_member(status, "version"), COL_TEXT);
	print_process(status);
	line("Runs for", json_member(status, "uptime_s"), COL_SECONDS);
	printf("%-15s %s\n", "Configuration", ctl->conf_path);
	print_listeners(json_member(status, "listeners"));
	print_steering(status);
	if (*missing)
		printf("%-15s incomplete: %s\n", "BPF", missing);
	print_counts(status);
}

/* Nested objects of counters as rows "bad.frame_type 3"; zeroes only in JSON. */
static void flatten(struct json_object *o, const char *prefix, struct json_object *rows)
{
	json_object_object_foreach(o, key, v)
	{
		_cleanup_free_ char *name = xasprintf("%s%s%s", prefix, *prefix ? "." : "", key);
		struct json_object *row;

		if (json_object_is_type(v, json_type_object)) {
			flatten(v, name, rows);
			continue;
		}
		if (json_object_is_type(v, json_type_int) && !json_object_get_int64(v))
			continue;
		row = json_object_new_object();
		json_object_object_add(row, "name", json_object_new_string(name));
		json_object_object_add(row, "value", json_object_get(v));
		json_object_array_add(rows, row);
	}
}

static void print_counters(const struct ctl *ctl, struct json_object *counters)
{
	static const struct column cols[] = { { "COUNTER", "name" },
					      { "VALUE", "value", COL_NUMBER } };
	struct json_object *rows;

	if (ctl->json) {
		print_json(counters);
		return;
	}
	rows = json_object_new_array();
	flatten(counters, "", rows);
	print_rows(ctl, rows, cols, ARRAY_SIZE(cols), "Nothing was counted yet.");
	json_object_put(rows);
}

static const struct status_list *find_list(const char *name)
{
	for (size_t i = 0; i < status_nlists; i++)
		if (!strncmp(status_lists[i].name, name, strlen(name)) && *name)
			return &status_lists[i];
	return NULL;
}

/* Reactors and RX queues have columns of their own. */
static void print_queues(const struct ctl *ctl, struct json_object *rows,
			 const struct status_list *l)
{
	struct json_object *reactors = json_object_new_array(), *rx = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		json_object_array_add(strcmp(text(row, "kind"), "rx") ? reactors : rx,
				      json_object_get(row));
	}
	print_rows(ctl, reactors, l->cols, l->ncols, l->none);
	if (json_object_array_length(rx)) {
		putchar('\n');
		print_rows(ctl, rx, status_rx_cols, status_nrx_cols, "");
	}
	json_object_put(reactors);
	json_object_put(rx);
}

static int print_part(const struct ctl *ctl, struct json_object *status,
		      const struct status_list *l, bool more)
{
	struct json_object *v = json_member(status, l ? l->name : "counters");
	int64_t left;

	if (!v)
		return fail(EXIT_REFUSED, "This server does not tell its %s.",
			    l ? l->name : "counters");
	if (!l) {
		print_counters(ctl, v);
		return EXIT_OK;
	}
	if (!ctl->json && !strcmp(l->name, "queues"))
		print_queues(ctl, v, l);
	else if (more && l->more)
		print_rows(ctl, v, l->more, l->nmore, l->none);
	else
		print_rows(ctl, v, l->cols, l->ncols, l->none);
	left = number(status, "locks_total") - (int64_t)json_object_array_length(v);
	if (!ctl->json && left > 0)
		printf("... and %" PRId64 " more.\n", left);
	return EXIT_OK;
}

int cmd_status(struct ctl *ctl, int argc, char **argv)
{
	struct json_object *status;
	const struct status_list *l;
	bool counters, more = false;
	const char *what;
	int code, o;

	while ((o = getopt(argc, argv, "v")) >= 0) {
		if (o != 'v')
			return usage(argv[0], "status has no option %s.", argv[optind - 1]);
		more = true;
	}
	if (argc - optind > 1)
		return usage(argv[0], "status takes at most one argument.");
	what = argv[optind]; /* or the NULL at the end */
	l = what ? find_list(what) : NULL;
	counters = what && !strcmp(what, "counters");
	if (what && !l && !counters)
		return usage(argv[0],
			     "status has no part \"%s\"; it has connections, sessions, shares, "
			     "handles, locks, queues, counters.",
			     what);
	if (ctl_load(ctl, LOAD_OR_EMPTY))
		return EXIT_REFUSED;
	status = status_get(ctl, l ? l->name : counters ? "counters" : NULL, &code);
	if (!status)
		return code;
	if (what)
		code = print_part(ctl, status, l, more);
	else if (ctl->json)
		print_json(status);
	else
		print_summary(ctl, status);
	json_object_put(status);
	return code;
}
