/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_status.c - status: a summary, or one of the lists that the server sends with it.
 *
 * The reply to {"verb": "status"} has version, pid, uptime_s, planes {data, why,
 * kernel_connections, user_connections}, listeners, counters, connections, sessions, shares,
 * handles. What a server does not send is not shown.
 */
#include "ctl.h"

struct list {
	const char *name;
	const char *none;
	const struct column *cols;
	size_t ncols;
};

static const struct column connection_cols[] = {
	{ "ID", "id", COL_NUMBER },
	{ "CLIENT", "client" },
	{ "DIALECT", "dialect" },
	{ "SIGNING", "signing" },
	{ "CIPHER", "cipher" },
	{ "PATH", "path" },
	{ "STATE", "state" },
	{ "REACTOR", "reactor", COL_NUMBER },
	{ "SESSIONS", "sessions", COL_NUMBER },
	{ "IN", "bytes_in", COL_BYTES },
	{ "OUT", "bytes_out", COL_BYTES },
	{ "IDLE", "idle_s", COL_SECONDS },
};
static const struct column session_cols[] = {
	{ "ID", "id" },
	{ "USER", "user" },
	{ "UNIX USER", "unix_user" },
	{ "CLIENT", "client" },
	{ "DIALECT", "dialect" },
	{ "ENCRYPTED", "encrypted", COL_YES },
	{ "SHARES", "trees", COL_NUMBER },
	{ "FILES", "opens", COL_NUMBER },
	{ "SINCE", "age_s", COL_SECONDS },
};
static const struct column share_cols[] = {
	{ "NAME", "name" },
	{ "FOLDER", "path" },
	{ "SESSIONS", "sessions", COL_NUMBER },
	{ "FILES", "opens", COL_NUMBER },
	{ "READ ONLY", "read_only", COL_YES },
};
static const struct column handle_cols[] = {
	{ "ID", "id" },		{ "SHARE", "share" },
	{ "NAME", "path" },	{ "USER", "user" },
	{ "ACCESS", "access" }, { "SHARING", "share_access" },
	{ "OPLOCK", "oplock" }, { "CLIENT", "client" },
	{ "PLANE", "plane" },	{ "OPEN", "age_s", COL_SECONDS },
};

static const struct list lists[] = {
	{ "connections", "No client is connected.", connection_cols, ARRAY_SIZE(connection_cols) },
	{ "sessions", "Nobody is logged in.", session_cols, ARRAY_SIZE(session_cols) },
	{ "shares", "Nothing is shared.", share_cols, ARRAY_SIZE(share_cols) },
	{ "handles", "No file is open.", handle_cols, ARRAY_SIZE(handle_cols) },
};

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	return json_object_object_get_ex(o, name, &v) ? v : NULL;
}

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
		struct json_object *address = member(l, "address");

		if (!address)
			printf(" %s", json_object_get_string(l));
		else if (member(l, "port"))
			printf(" %s:%s", json_object_get_string(address),
			       json_object_get_string(member(l, "port")));
		else
			printf(" %s", json_object_get_string(address));
	}
	putchar('\n');
}

static void print_counts(struct json_object *status)
{
	const char *sep = "";

	printf("%-15s ", "Now");
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct json_object *v = member(status, lists[i].name);
		size_t n;

		if (!v || !json_object_is_type(v, json_type_array))
			continue;
		n = json_object_array_length(v);
		printf("%s%zu %.*s", sep, n, (int)strlen(lists[i].name) - (n == 1), lists[i].name);
		sep = ", ";
	}
	putchar('\n');
}

static void print_summary(const struct ctl *ctl, struct json_object *status)
{
	struct json_object *planes = member(status, "planes");
	struct json_object *data = planes ? member(planes, "data") : NULL;
	struct json_object *why = planes ? member(planes, "why") : NULL;
	struct json_object *n = planes ? member(planes, "kernel_connections") : NULL;

	line("Version", member(status, "version"), COL_TEXT);
	line("Process", member(status, "pid"), COL_TEXT);
	line("Runs for", member(status, "uptime_s"), COL_SECONDS);
	printf("%-15s %s\n", "Configuration", ctl->conf_path);
	print_listeners(member(status, "listeners"));
	if (data && why && *json_object_get_string(why))
		printf("%-15s %s (%s)\n", "Data plane", json_object_get_string(data),
		       json_object_get_string(why));
	else if (data)
		printf("%-15s %s (%s connections; %s in user space)\n", "Data plane",
		       json_object_get_string(data), json_object_get_string(n),
		       json_object_get_string(member(planes, "user_connections")));
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

static const struct list *find_list(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (!strncmp(lists[i].name, name, strlen(name)) && *name)
			return &lists[i];
	return NULL;
}

static int print_part(const struct ctl *ctl, struct json_object *status, const struct list *l)
{
	struct json_object *v = member(status, l ? l->name : "counters");

	if (!v)
		return fail(EXIT_REFUSED, "This server does not tell its %s.",
			    l ? l->name : "counters");
	if (l)
		print_rows(ctl, v, l->cols, l->ncols, l->none);
	else
		print_counters(ctl, v);
	return EXIT_OK;
}

int cmd_status(struct ctl *ctl, int argc, char **argv)
{
	const struct list *l = argc > 1 ? find_list(argv[1]) : NULL;
	bool counters = argc > 1 && !strcmp(argv[1], "counters");
	struct json_object *request, *status;
	int code;

	if (argc > 2)
		return usage(argv[0], "status takes at most one argument.");
	if (argc == 2 && !l && !counters)
		return usage(argv[0],
			     "status has no part \"%s\"; it has connections, sessions, "
			     "shares, handles, counters.",
			     argv[1]);
	if (ctl_load(ctl, LOAD_OR_EMPTY))
		return EXIT_REFUSED;
	request = request_new("status");
	if (argc == 2)
		json_object_object_add(request, "what",
				       json_object_new_string(l ? l->name : "counters"));
	status = server_ask(ctl, request, &code);
	if (!status)
		return code;
	if (argc == 2)
		code = print_part(ctl, status, l);
	else if (ctl->json)
		print_json(status);
	else
		print_summary(ctl, status);
	json_object_put(status);
	return code;
}
