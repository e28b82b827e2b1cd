// SPDX-License-Identifier: GPL-2.0-or-later
/* status_get.c - the status of a server out of its maps, or by its control socket. */
#include "core/control.h"
#include "core/view_json.h"
#include "status.h"
#include "view.h"

#define PATIENCE_MS 2000 /* of those who have the maps to look at */

static bool is(const char *what, const char *list)
{
	return !what || !strcmp(what, list);
}

/* What is in the maps. */
static struct json_object *from_maps(const struct view *v, const char *what)
{
	static const struct {
		const char *name;
		struct json_object *(*make)(const struct view *v);
	} lists[] = {
		{ "connections", view_connections },
		{ "sessions", view_sessions },
		{ "handles", view_handles },
		{ "queues", view_queues },
	};
	struct json_object *o = json_object_new_object();

	json_put_str(o, "from", "maps");
	if (!what)
		view_summary(v, o);
	else if (!strcmp(what, "counters"))
		json_object_object_add(o, what, view_counters(v));
	for (unsigned int i = 0; i < ARRAY_SIZE(lists); i++)
		if (is(what, lists[i].name))
			json_object_object_add(o, lists[i].name, lists[i].make(v));
	return o;
}

static void move(struct json_object *to, struct json_object *from, const char *name)
{
	struct json_object *v;

	if (json_object_object_get_ex(from, name, &v))
		json_object_object_add(to, name, json_object_get(v));
}

/* What only the server knows. 0, or why it cannot be asked. */
static int add_servers_part(const struct ctl *ctl, const char *what, struct json_object *o)
{
	const char *list = what ? what : "shares";
	struct json_object *request = request_new("status"), *reply;
	int err;

	json_put_str(request, "what", list);
	err = control_call(ctl->run_dir, request, PATIENCE_MS, &reply);
	json_object_put(request);
	json_put_bool(o, "answers", !err);
	if (err)
		return err;
	move(o, reply, list);
	move(o, reply, "locks_total");
	json_object_put(reply);
	return 0;
}

static int say_silent(const struct ctl *ctl, const char *what, int err)
{
	if (err == -EACCES || err == -EPERM)
		return fail(EXIT_REFUSED, "Only root may ask the server for its %s: try sudo.",
			    what);
	return fail(EXIT_REFUSED,
		    "The server (process %d) does not answer (%s), and %s are not in its maps.",
		    (int)server_pid(ctl), strerror(-err), what);
}

static struct json_object *by_socket(struct ctl *ctl, const char *what, int *code)
{
	struct json_object *request = request_new("status"), *o;

	if (what)
		json_put_str(request, "what", what);
	o = server_ask(ctl, request, code);
	if (!o)
		return NULL;
	json_object_object_del(o, "ok");
	json_put_str(o, "from", "server");
	json_put_bool(o, "answers", true);
	return o;
}

struct json_object *status_get(struct ctl *ctl, const char *what, int *code)
{
	bool ask = is(what, "shares") || is(what, "locks");
	struct json_object *o;
	struct view v;
	int err = 0;
	char *why = view_open(&v, ctl->instance);

	if (why || !view_alive(&v)) {
		free(why);
		view_close(&v);
		return by_socket(ctl, what, code);
	}
	o = from_maps(&v, what);
	view_close(&v);
	if (ask)
		err = add_servers_part(ctl, what, o);
	if (what && err) {
		*code = say_silent(ctl, what, err);
		json_object_put(o);
		return NULL;
	}
	*code = EXIT_OK;
	return o;
}
