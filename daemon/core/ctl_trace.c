// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ctl_trace.c - the control verb "trace": {client: "ADDRESS[/BITS]", commands: ["READ", ...]}, both
 * may be absent. The reply comes with a memfd (core/trace.h), which is written until the connection
 * to the control socket ends; kernel_connections: how many the kernel module serves now, whose
 * READs and WRITEs do not pass here.
 */
#include <arpa/inet.h>
#include <strings.h>

#include "core/control.h"
#include "core/ctl_verbs.h"
#include "core/trace.h"
#include "server.h"

static bool parse_client(const char *text, struct trace_filter *f)
{
	char addr[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	unsigned int max = 128;
	char *end;

	if (n >= sizeof(addr))
		return false;
	memcpy(addr, text, n);
	addr[n] = 0;
	f->prefix = 128;
	if (inet_pton(AF_INET, addr, f->addr + 12) == 1) {
		f->addr[10] = f->addr[11] = 0xFF;
		max = 32;
	} else if (inet_pton(AF_INET6, addr, f->addr) != 1) {
		return false;
	}
	if (slash) {
		unsigned long bits = strtoul(slash + 1, &end, 10);

		if (!slash[1] || *end || bits > max)
			return false;
		f->prefix = (unsigned int)bits + 128 - max;
	}
	return true;
}

static bool parse_command(const char *name, struct trace_filter *f)
{
	static const char *const names[] = {
#define X(NAME, lower, code, size, needs, fid, where) [code] = #NAME,
		SMB2_OPS(X)
#undef X
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (name && !strcasecmp(names[i], name)) {
			f->commands |= 1u << i;
			return true;
		}
	return false;
}

static char *parse_filter(struct json_object *request, struct trace_filter *f)
{
	struct json_object *v;

	if (json_object_object_get_ex(request, "client", &v) &&
	    !parse_client(json_object_get_string(v), f))
		return xasprintf("\"%.60s\" is not an IP address, nor one with /BITS.",
				 json_object_get_string(v));
	if (!json_object_object_get_ex(request, "commands", &v))
		return NULL;
	if (!json_object_is_type(v, json_type_array))
		return xstrdup("\"commands\" is a list.");
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(v, i));

		if (!parse_command(name, f))
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
	json_object_object_add(reply, "kernel_connections", json_object_new_int64(attached));
	return NULL;
}
