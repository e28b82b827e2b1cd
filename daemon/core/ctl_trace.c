// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ctl_trace.c - the control verb "trace": {client: "ADDRESS[/BITS]", commands: ["READ", ...]}, both
 * may be absent. The reply comes with a memfd (core/trace.h), which is written until the connection
 * to the control socket ends. kernel: the kernel module may serve connections, whose READs and
 * WRITEs do not pass here; kernel_connections: so many now.
 */
#include "core/json.h"
#include "core/control.h"
#include "core/ctl_verbs.h"
#include "core/trace.h"
#include "server.h"

static char *parse_filter(struct json_object *request, struct trace_filter *f)
{
	struct json_object *v;

	if (json_object_object_get_ex(request, "client", &v) &&
	    !trace_filter_client(f, json_object_get_string(v)))
		return xasprintf("\"%.60s\" is not an IP address, nor one with /BITS.",
				 json_object_get_string(v));
	if (!json_object_object_get_ex(request, "commands", &v))
		return NULL;
	if (!json_object_is_type(v, json_type_array))
		return xstrdup("\"commands\" is a list.");
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(v, i));

		if (!name || !trace_filter_command(f, name))
			return xasprintf("There is no SMB2 command \"%.40s\".", name ? name : "");
	}
	return NULL;
}

static void count_attached(void *arg, struct conn *c)
{
	*(unsigned int *)arg += conn_attached(c);
}

static void stop(void *arg)
{
	trace_stop((unsigned int)(uintptr_t)arg);
}

char *trace_verb(void *arg, struct json_object *request, struct json_object *reply)
{
	struct trace_filter f = { 0 };
	char *error = parse_filter(request, &f);
	unsigned int tracer, attached = 0;
	int fd;

	if (error)
		return error;
	fd = trace_start(&f, &tracer);
	if (fd == -EBUSY)
		return xstrdup("As many traces as can be are running already.");
	if (fd < 0)
		return xasprintf("There is no memory for a trace: %s.", strerror(-fd));
	control_pass(arg, fd, stop, (void *)(uintptr_t)tracer);
	for (unsigned int i = 0; i < server.nreactors; i++)
		reactor_each_conn(server.reactors[i], count_attached, &attached);
	json_put_bool(reply, "kernel", server.kmod_fd >= 0);
	json_object_object_add(reply, "kernel_connections", json_object_new_int64(attached));
	return NULL;
}
