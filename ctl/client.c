/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client.c - asking the running server.
 */
#include "core/control.h"
#include "core/pidfile.h"
#include "ctl.h"

#define REPLY_TIMEOUT_MS 30000

pid_t server_pid(const struct ctl *ctl)
{
	pid_t pid = pidfile_probe(ctl->run_dir);

	/* A server that starts at this moment has the lock, and soon its number in the file. */
	for (int i = 0; pid == -EAGAIN && i < 50; i++) {
		usleep(10000);
		pid = pidfile_probe(ctl->run_dir);
	}
	return pid > 0 ? pid : 0;
}

struct json_object *request_new(const char *verb)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "verb", json_object_new_string(verb));
	return o;
}

static int say_why_not(const struct ctl *ctl, int rc)
{
	pid_t pid = server_pid(ctl);

	if (rc == -EACCES || rc == -EPERM)
		return fail(EXIT_REFUSED, "Only root may talk to the server: try sudo.");
	if (!pid)
		return fail(EXIT_NOT_RUNNING, "The server is not running. Start it: %s up",
			    ctl_self(ctl));
	if (rc == -ETIMEDOUT)
		return fail(EXIT_REFUSED, "The server (process %d) does not answer.", (int)pid);
	return fail(EXIT_REFUSED, "The server (process %d) cannot be asked: %s.", (int)pid,
		    strerror(-rc));
}

/* The reply if it is a good one; else says what it says, and puts it. */
static struct json_object *judge(struct json_object *reply, int *code)
{
	struct json_object *ok, *error;

	if (json_object_object_get_ex(reply, "ok", &ok) && json_object_get_boolean(ok)) {
		*code = EXIT_OK;
		return reply;
	}
	json_object_object_get_ex(reply, "error", &error);
	*code = fail(EXIT_REFUSED, "%s",
		     error ? json_object_get_string(error)
			   : "The server refused without a reason.");
	json_object_put(reply);
	return NULL;
}

struct json_object *server_ask(const struct ctl *ctl, struct json_object *request, int *code)
{
	struct json_object *reply;
	int rc = control_call(ctl->run_dir, request, REPLY_TIMEOUT_MS, &reply);

	json_object_put(request);
	if (!rc)
		return judge(reply, code);
	*code = say_why_not(ctl, rc);
	return NULL;
}

struct json_object *server_ask_fd(const struct ctl *ctl, struct json_object *request, int *code,
				  int *sock, int *passed)
{
	struct json_object *reply;
	int rc = control_call_fd(ctl->run_dir, request, REPLY_TIMEOUT_MS, &reply, sock, passed);

	json_object_put(request);
	if (rc) {
		*code = say_why_not(ctl, rc);
		return NULL;
	}
	reply = judge(reply, code);
	if (!reply) {
		close(steal_fd(sock));
		if (*passed >= 0)
			close(steal_fd(passed));
	}
	return reply;
}

int server_reload_if_running(const struct ctl *ctl)
{
	int code;

	if (!server_pid(ctl))
		return EXIT_OK;
	json_object_put(server_ask(ctl, request_new("reload"), &code));
	return code;
}
