/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_close.c - close: ends a connection, a session or an open file of a client.
 */
#include "ctl.h"

#define WAIT_MS 10000
#define STEP_MS 10

static const char *const kinds[] = { "connection", "session", "handle" };

static int64_t number(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) ? json_object_get_int64(v) : 0;
}

static void say(struct json_object *r)
{
	_cleanup_free_ char *path = format_value(json_object_object_get(r, "path"), COL_TEXT);
	_cleanup_free_ char *user = format_value(json_object_object_get(r, "user"), COL_TEXT);
	const char *what = json_text(r, "what");
	int64_t sessions = number(r, "sessions"), opens = number(r, "opens");

	if (!strcmp(what, "handle")) {
		printf("Closed handle %s: \"%s\" in share %s, opened by %s.\n", json_text(r, "id"),
		       path, json_text(r, "share"), user);
		return;
	}
	printf("Closed %s %s", what, json_text(r, "id"));
	if (!strcmp(what, "session"))
		printf(" of %s", user);
	if (*json_text(r, "client"))
		printf(" from %s", json_text(r, "client"));
	if (!strcmp(what, "connection"))
		printf(": %lld session%s, %lld open file%s.\n", (long long)sessions,
		       sessions == 1 ? "" : "s", (long long)opens, opens == 1 ? "" : "s");
	else
		printf(": %lld open file%s.\n", (long long)opens, opens == 1 ? "" : "s");
}

/* The server answers before files are closed; who reads this wants them closed. */
static int wait_until_done(const struct ctl *ctl, struct json_object *r)
{
	for (int waited = 0;; waited += STEP_MS) {
		struct json_object *ask = request_new("close"), *job, *reply;
		bool done;
		int code;

		if (json_object_object_get_ex(r, "job", &job))
			json_object_object_add(ask, "job", json_object_get(job));
		else
			json_object_object_add(ask, "gone",
					       json_object_new_string(json_text(r, "id")));
		reply = server_ask(ctl, ask, &code);
		if (!reply)
			return code;
		done = json_object_get_boolean(json_object_object_get(reply, "done"));
		json_object_put(reply);
		if (done)
			return EXIT_OK;
		if (waited >= WAIT_MS)
			return fail(EXIT_REFUSED,
				    "The %s is being closed, but that takes long: a file "
				    "system does not answer.",
				    json_text(r, "what"));
		usleep(STEP_MS * 1000);
	}
}

int cmd_close(struct ctl *ctl, int argc, char **argv)
{
	struct json_object *request, *reply;
	const char *kind = NULL;
	int code;

	for (size_t i = 0; argc == 3 && i < ARRAY_SIZE(kinds); i++)
		if (*argv[1] && !strncmp(kinds[i], argv[1], strlen(argv[1])))
			kind = kinds[i];
	if (!kind)
		return usage(argv[0],
			     "close wants \"connection\", \"session\" or \"handle\", and the id of "
			     "one.");
	if (ctl_load(ctl, LOAD_OR_EMPTY))
		return EXIT_REFUSED;
	request = request_new("close");
	json_object_object_add(request, "what", json_object_new_string(kind));
	json_object_object_add(request, "id", json_object_new_string(argv[2]));
	reply = server_ask(ctl, request, &code);
	if (!reply)
		return code;
	code = wait_until_done(ctl, reply);
	json_object_object_del(reply, "job");
	json_object_object_del(reply, "ok");
	if (code == EXIT_OK && ctl->json)
		print_json(reply);
	else if (code == EXIT_OK)
		say(reply);
	json_object_put(reply);
	return code;
}
