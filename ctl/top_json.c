/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top_json.c - a frame as one JSON object; the names are in the man page and stay as they are. */
#include <ctype.h>

#include "core/json.h"
#include "top.h"

static void put(struct json_object *o, const char *key, struct json_object *v)
{
	json_object_object_add(o, key, v);
}

static void integer(struct json_object *o, const char *key, uint64_t v)
{
	put(o, key, json_object_new_int64((int64_t)MIN(v, (uint64_t)INT64_MAX)));
}

/* Three decimals: json-c prints 17 digits of a double. */
static void number(struct json_object *o, const char *key, double v)
{
	char s[64];

	v = (double)(int64_t)(v * 1000 + 0.5) / 1000;
	if (v == (double)(int64_t)v) {
		put(o, key, json_object_new_int64((int64_t)v));
		return;
	}
	snprintf(s, sizeof(s), "%.3f", v);
	put(o, key, json_object_new_double_s(v, s));
}

static void rate(struct json_object *o, const struct top_rate *r)
{
	number(o, "ops_s", r->ops);
	number(o, "bytes_in_s", r->in);
	number(o, "bytes_out_s", r->out);
}

static void latency(struct json_object *o, const struct top_latency *l)
{
	number(o, "p50_us", l->p50);
	number(o, "p90_us", l->p90);
	number(o, "p99_us", l->p99);
}

static struct json_object *op_json(const struct top_op *op)
{
	struct json_object *o = json_object_new_object();
	char name[32];

	snprintf(name, sizeof(name), "%s", top_command_name(op->command));
	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	json_put_str(o, "command", name);
	json_put_str(o, "plane", op->plane == KH_PLANE_KERNEL ? "kernel" : "user");
	rate(o, &op->rate);
	number(o, "errors_s", op->rate.errors);
	latency(o, &op->latency);
	integer(o, "count", op->count);
	return o;
}

static struct json_object *client_json(const struct top_client *c)
{
	struct json_object *o = json_object_new_object();

	integer(o, "id", c->id);
	json_put_str(o, "client", c->addr);
	json_put_str(o, "user", c->user);
	json_put_str(o, "plane", c->kernel ? "kernel" : "user");
	json_put_str(o, "why", c->why);
	rate(o, &c->rate);
	integer(o, "sessions", c->sessions);
	integer(o, "requests", c->waiting);
	if (c->tcp.known) {
		integer(o, "rtt_us", c->tcp.rtt_us);
		integer(o, "rttvar_us", c->tcp.rttvar_us);
		integer(o, "retransmits", c->tcp.retransmits);
		integer(o, "cwnd", c->tcp.cwnd);
		integer(o, "unacked", c->tcp.unacked);
	}
	return o;
}

static struct json_object *file_json(const struct top_file *f)
{
	struct json_object *o = json_object_new_object();

	json_put_str(o, "share", f->share);
	json_put_str(o, "path", f->path);
	json_put_str(o, "plane", f->kernel ? "kernel" : "user");
	integer(o, "opens", f->opens);
	integer(o, "clients", f->clients);
	json_put_str(o, "client", f->client);
	number(o, "reads_s", f->reads);
	number(o, "writes_s", f->writes);
	number(o, "bytes_in_s", f->rate.in);
	number(o, "bytes_out_s", f->rate.out);
	return o;
}

static struct json_object *reactor_json(const struct top_reactor *r)
{
	struct json_object *o = json_object_new_object();

	integer(o, "reactor", r->index);
	put(o, "cpu", r->cpu == UINT32_MAX ? NULL : json_object_new_int64(r->cpu));
	integer(o, "connections", r->connections);
	number(o, "accepted_s", r->accepted);
	number(o, "requests_s", r->rate.ops);
	number(o, "to_workers_s", r->workers);
	number(o, "bytes_in_s", r->rate.in);
	number(o, "bytes_out_s", r->rate.out);
	number(o, "busy", r->busy);
	return o;
}

static struct json_object *queue_json(const struct top_queue *q)
{
	struct json_object *o = json_object_new_object();

	json_put_str(o, "interface", q->interface);
	integer(o, "queue", q->index);
	number(o, "packets_s", q->packets);
	number(o, "bytes_s", q->bytes);
	number(o, "syns_s", q->syns);
	number(o, "blocked_s", q->blocked);
	number(o, "limited_s", q->limited);
	return o;
}

static struct json_object *planes_json(const struct top_frame *f)
{
	struct json_object *o = json_object_new_object();

	json_put_str(o, "data", *f->server.kmod_why ? "user" : "kernel");
	json_put_str(o, "why", f->server.kmod_why);
	json_put_str(o, "bpf_why", f->server.bpf_why);
	integer(o, "kernel_connections", f->kernel_connections);
	integer(o, "user_connections", f->user_connections);
	return o;
}

static struct json_object *total_json(const struct top_frame *f)
{
	struct json_object *o = json_object_new_object();

	rate(o, &f->total);
	number(o, "errors_s", f->total.errors);
	latency(o, &f->latency);
	return o;
}

#define LIST(o, key, n, row_json, rows)                                      \
	do {                                                                 \
		struct json_object *list_ = json_object_new_array();         \
		for (size_t i_ = 0; i_ < (n); i_++)                          \
			json_object_array_add(list_, row_json(&(rows)[i_])); \
		put(o, key, list_);                                          \
	} while (0)

struct json_object *top_json(const struct top_frame *f)
{
	struct json_object *o = json_object_new_object();

	number(o, "time", (double)f->realtime / 1e9);
	number(o, "seconds", f->seconds);
	json_put_str(o, "version", f->server.version);
	integer(o, "pid", f->server.pid);
	put(o, "alive", json_object_new_boolean(f->alive));
	integer(o, "uptime_s", f->uptime_s);
	put(o, "planes", planes_json(f));
	integer(o, "connections", f->kernel_connections + f->user_connections);
	integer(o, "sessions", f->server.sessions);
	integer(o, "handles", f->handles);
	put(o, "total", total_json(f));
	LIST(o, "ops", f->nops, op_json, f->ops);
	LIST(o, "clients", f->nclients, client_json, f->clients);
	LIST(o, "files", f->nfiles, file_json, f->files);
	LIST(o, "reactors", f->nreactors, reactor_json, f->reactors);
	LIST(o, "queues", f->nqueues, queue_json, f->queues);
	return o;
}
