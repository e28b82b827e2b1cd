// SPDX-License-Identifier: GPL-2.0-or-later
/* view_conns.c - connections of a server's maps in JSON, with what TCP knows of them. */
#include "core/view_json.h"
#include "config/config.h"
#include "core/util.h"
#include "kernel/tcp_stats.h"

#define PORTS_MAX 64 /* as many as a server listens on */

static const char *state_name(uint16_t state)
{
	switch (state) {
	case KH_CONN_STATE_NEGOTIATED:
		return "logging in";
	case KH_CONN_STATE_READY:
		return "ready";
	case KH_CONN_STATE_CLOSING:
		return "closing";
	}
	return "new";
}

/* When the module answered last, by slot of the connection: its entry has no time of its own. */
static uint64_t *last_by_module(const struct view *v)
{
	uint64_t *last = xcalloc(v->nconns + 1, sizeof(*last));
	struct view_index conns;

	view_index_conns(v, &conns);
	for (uint32_t i = 0; i < v->nhandles; i++) {
		const struct kh_handle_slot *h = &v->handles[i];
		uint64_t then = __atomic_load_n(&h->last_ns, __ATOMIC_RELAXED);
		const struct view_id *p =
			then ? view_find(&conns, __atomic_load_n(&h->conn_id, __ATOMIC_RELAXED))
			     : NULL;

		if (p)
			last[p->slot] = MAX(last[p->slot], then);
	}
	view_index_free(&conns);
	return last;
}

static void put_path(struct json_object *o, const struct kh_conn_slot *c)
{
	_cleanup_free_ char *path =
		c->attached_ns ? xstrdup("kernel") : xasprintf("user: %s", c->why);

	json_put_str(o, "plane", c->attached_ns ? "kernel" : "user");
	json_put_str(o, "why", c->attached_ns ? "" : c->why);
	json_put_str(o, "path", path);
}

/* Ports that clients came by. */
static size_t local_ports(const struct view *v, uint16_t *ports, size_t max)
{
	struct kh_conn_slot c;
	size_t n = 0, p;

	for (uint32_t i = 0; i < v->nconns && n < max; i++) {
		if (!view_conn(v, i, &c))
			continue;
		for (p = 0; p < n && ports[p] != c.local_port; p++)
			;
		if (p == n)
			ports[n++] = c.local_port;
	}
	return n;
}

struct tcp_table view_tcp(const struct view *v)
{
	struct tcp_table tcp = { 0 };
	uint16_t ports[PORTS_MAX];
	size_t n = local_ports(v, ports, PORTS_MAX);

	if (n && tcp_facts(v->dir, ports, n, &tcp) < 0)
		tcp = (struct tcp_table) { 0 };
	return tcp;
}

static void put_tcp(struct json_object *o, const struct kh_conn_slot *c,
		    const struct tcp_table *tcp)
{
	const struct tcp_facts *t = tcp_facts_find(tcp, c->addr, c->port, c->local_port);

	if (!t || !t->known)
		return;
	json_put_num(o, "rtt_us", t->rtt_us);
	json_put_num(o, "rttvar_us", t->rttvar_us);
	json_put_num(o, "retransmits", t->retransmits);
	json_put_num(o, "cwnd", t->cwnd);
	json_put_num(o, "unacked", t->unacked);
}

static struct json_object *connection(const struct kh_conn_slot *c, uint64_t last,
				      const struct tcp_table *tcp)
{
	struct json_object *o = json_object_new_object();
	char addr[VIEW_ADDR_MAX];

	json_put_num(o, "id", c->id);
	json_put_str(o, "client", view_addr(c->addr, addr));
	json_put_num(o, "client_port", c->port);
	json_put_num(o, "server_port", c->local_port);
	json_put_str(o, "dialect", c->dialect ? conf_dialect_name(c->dialect) : "-");
	json_put_str(o, "signing", view_signing_name(c->dialect, c->signing_alg));
	json_put_str(o, "cipher", view_cipher_name(c->cipher));
	put_path(o, c);
	json_put_str(o, "state", state_name(c->state));
	json_put_num(o, "reactor", c->reactor);
	json_put_num(o, "sessions", c->sessions);
	json_put_num(o, "requests", c->requests);
	json_put_num(o, "credits", c->attached_ns ? c->credits : c->user_credits);
	json_put_num(o, "bytes_in", c->user_bytes_in + c->bytes_in);
	json_put_num(o, "bytes_out", c->user_bytes_out + c->bytes_out);
	json_put_num(o, "messages", c->user_frames + c->frames);
	json_put_num(o, "served", c->served);
	json_put_num(o, "passed_up", c->passed_up);
	json_put_num(o, "unsent", c->attached_ns ? c->out_bytes : c->user_out_bytes);
	json_put_num(o, "stalls", c->stalls);
	json_put_num(o, "age_s", view_seconds_since(c->accepted_ns));
	json_put_num(o, "idle_s", view_seconds_since(MAX(last, c->user_last_ns)));
	put_tcp(o, c, tcp);
	return o;
}

struct json_object *view_connections(const struct view *v)
{
	struct json_object *a = json_object_new_array();
	_cleanup_free_ uint64_t *last = last_by_module(v);
	struct tcp_table tcp = view_tcp(v);
	struct kh_conn_slot c;

	for (uint32_t i = 0; i < v->nconns; i++)
		if (view_conn(v, i, &c))
			json_object_array_add(a, connection(&c, last[i], &tcp));
	tcp_table_free(&tcp);
	return a;
}
