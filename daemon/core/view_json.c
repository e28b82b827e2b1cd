// SPDX-License-Identifier: GPL-2.0-or-later
/* view_json.c - the server and its reactors in JSON; view_conns.c and view_files.c have the rest.
 */
#include "core/view_json.h"
#include "config/config.h"
#include "core/util.h"
#include "crypto/crypto.h"
#include "kernel/guard_stats.h"
#include "kernel/steer.h"
#include "smb2_ops.h"

#include <arpa/inet.h>

/* ---- words ---- */

const char *view_addr(const __u32 addr[4], char buf[VIEW_ADDR_MAX])
{
	if (!inet_ntop(AF_INET6, addr, buf, VIEW_ADDR_MAX))
		strcpy(buf, "?");
	return strncmp(buf, "::ffff:", 7) == 0 && strchr(buf, '.') ? buf + 7 : buf;
}

const char *view_signing_name(uint16_t dialect, uint16_t alg)
{
	if (!dialect)
		return "-";
	switch (alg) {
	case SMB2_SIGNING_AES_CMAC:
		return "AES-CMAC";
	case SMB2_SIGNING_AES_GMAC:
		return "AES-GMAC";
	}
	return "HMAC-SHA256";
}

const char *view_cipher_name(uint16_t cipher)
{
	switch (cipher) {
	case SMB2_ENCRYPTION_AES128_CCM:
		return "AES-128-CCM";
	case SMB2_ENCRYPTION_AES128_GCM:
		return "AES-128-GCM";
	case SMB2_ENCRYPTION_AES256_CCM:
		return "AES-256-CCM";
	case SMB2_ENCRYPTION_AES256_GCM:
		return "AES-256-GCM";
	}
	return "-";
}

uint64_t view_seconds_since(uint64_t then_ns)
{
	uint64_t now = now_ns();

	return then_ns && then_ns < now ? (now - then_ns) / 1000000000u : 0;
}

/* ---- reactors, and RX queues where the guard counts ---- */

static void add_rx_queues(const struct view *v, struct json_object *a)
{
	_cleanup_free_ struct guard_queue *q = NULL;
	size_t n = 0;

	if (!v->dir || guard_stats_read(v->dir, &q, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct kh_queue_stat *s = &q[i].stat;
		struct json_object *o = json_object_new_object();

		json_put_str(o, "kind", "rx");
		json_put_str(o, "interface", q[i].interface);
		json_put_num(o, "queue", q[i].queue);
		json_put_num(o, "packets", s->packets);
		json_put_num(o, "bytes", s->bytes);
		json_put_num(o, "syns", s->syns);
		json_put_num(o, "blocked", s->blocked);
		json_put_num(o, "limited", s->limited);
		json_put_num(o, "redirected", s->redirected);
		json_put_num(o, "malformed", s->malformed);
		json_object_array_add(a, o);
	}
}

struct json_object *view_queues(const struct view *v)
{
	struct json_object *a = json_object_new_array();

	for (uint32_t i = 0; i < MIN(v->nreactors, v->server->reactors); i++) {
		struct kh_reactor_slot r = view_reactor(v, i);
		struct json_object *o = json_object_new_object();

		json_put_str(o, "kind", "reactor");
		json_put_num(o, "reactor", i);
		if (r.cpu != UINT32_MAX)
			json_put_num(o, "cpu", r.cpu);
		json_put_num(o, "connections", r.connections);
		json_put_num(o, "accepted", r.accepted);
		json_put_num(o, "closed", r.closed);
		json_put_num(o, "bytes_in", r.bytes_in);
		json_put_num(o, "bytes_out", r.bytes_out);
		json_put_num(o, "requests", r.requests);
		json_put_num(o, "to_workers", r.to_workers);
		json_put_num(o, "wakeups", r.wakeups);
		json_put_num(o, "looked", r.looked);
		json_put_num(o, "completions", r.completions);
		json_put_num(o, "attached", r.attached);
		json_put_num(o, "attach_refused", r.attach_refused);
		json_put_num(o, "busy_ms", r.busy_ns / 1000000u);
		json_object_array_add(a, o);
	}
	add_rx_queues(v, a);
	return a;
}

/* ---- counters ---- */

static struct json_object *ops(const struct view *v)
{
	struct json_object *o = json_object_new_object();

#define X(NAME, name, code, size, needs, fid, where)                             \
	{                                                                        \
		struct json_object *op = json_object_new_object();               \
		struct kh_op_stat sum = view_op(v, KH_PLANES, code);             \
		struct kh_op_stat in_kernel = view_op(v, KH_PLANE_KERNEL, code); \
		json_put_num(op, "count", sum.count);                            \
		json_put_num(op, "errors", sum.errors);                          \
		json_put_num(op, "bytes_in", sum.bytes_in);                      \
		json_put_num(op, "bytes_out", sum.bytes_out);                    \
		json_put_num(op, "kernel", in_kernel.count);                     \
		json_object_object_add(o, #name, op);                            \
	}
	SMB2_OPS(X)
#undef X
	return o;
}

struct json_object *view_counters(const struct view *v)
{
	struct json_object *o = json_object_new_object(), *bad = json_object_new_object();
	struct kh_reactor_slot r = view_reactors(v);
	struct kh_bad_input b = view_bad(v);

	json_put_num(o, "accepted", r.accepted);
	json_put_num(o, "closed", r.closed);
	json_put_num(o, "attached", r.attached);
	json_put_num(o, "attach_refused", r.attach_refused);
	json_put_num(o, "connections", view_load(&v->server->connections));
	json_put_num(o, "preauth_connections", view_load(&v->server->preauth));
	json_put_num(o, "sessions", view_load(&v->server->sessions));
	json_put_num(o, "opens", view_load(&v->server->opens));
	json_put_num(o, "watches", view_load(&v->server->watches));
	json_put_num(o, "changes_lost", view_load(&v->server->changes_lost));
	json_put_num(o, "bytes_in", r.bytes_in);
	json_put_num(o, "bytes_out", r.bytes_out);
	json_object_object_add(o, "ops", ops(v));
#define X(name) json_put_num(bad, #name, b.name);
	KH_BAD_INPUT_LIST(X)
#undef X
	json_object_object_add(o, "bad_input", bad);
	return o;
}

/* ---- the server ---- */

/* user_reasons: how many connections are in user space, by why. */
static struct json_object *planes(const struct view *v)
{
	struct json_object *o = json_object_new_object(), *whys = json_object_new_object();
	const char *why = v->server->kmod_why;
	uint64_t kernel = 0, user = 0;
	struct kh_conn_slot c;

	for (uint32_t i = 0; i < v->nconns; i++) {
		if (!view_conn(v, i, &c))
			continue;
		kernel += c.attached_ns != 0;
		user += c.attached_ns == 0;
		if (c.attached_ns)
			continue;
		if (!json_object_object_get_ex(whys, c.why, NULL))
			json_put_num(whys, c.why, 0);
		json_object_int_inc(json_object_object_get(whys, c.why), 1);
	}
	json_put_str(o, "data", *why ? "user" : "kernel");
	json_put_str(o, "why", why);
	json_put_num(o, "kernel_connections", kernel);
	json_put_num(o, "user_connections", user);
	json_object_object_add(o, "user_reasons", whys);
	json_object_object_add(o, "steering", steer_json(v->server));
	return o;
}

static struct json_object *words(const char *text)
{
	struct json_object *a = json_object_new_array();

	while (*text) {
		size_t n = strcspn(text, " ");

		if (n)
			json_object_array_add(a, json_object_new_string_len(text, (int)n));
		text += n + strspn(text + n, " ");
	}
	return a;
}

void view_summary(const struct view *v, struct json_object *o)
{
	const struct kh_server_slot *s = v->server;

	json_put_str(o, "version", s->version);
	json_put_num(o, "pid", s->pid);
	json_put_num(o, "uptime_s", view_seconds_since(s->start_ns));
	json_put_str(o, "instance", s->instance);
	json_put_num(o, "generation", s->generation);
	json_object_object_add(o, "planes", planes(v));
	json_put_str(o, "bpf_missing", s->bpf_why);
	json_put_num(o, "reactors", s->reactors);
	json_object_object_add(o, "listeners", words(s->listeners));
	json_object_object_add(o, "counters", view_counters(v));
}
