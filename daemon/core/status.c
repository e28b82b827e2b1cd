// SPDX-License-Identifier: GPL-2.0-or-later
/* status.c - the control verb "status": the server in JSON. Names are stable, see the man page. */
#include "core/listen.h"
#include "kernel/attach.h"
#include "kernel/bpf_link.h"
#include "kernel/steer.h"
#include "state/state.h"

static struct json_object *str_or_empty(const char *s)
{
	return json_object_new_string(s ? s : "");
}

#define STR(s)	str_or_empty(s)
#define NUM(n)	json_object_new_int64((int64_t)(n))
#define BOOL(b) json_object_new_boolean(b)

static void put(struct json_object *o, const char *name, struct json_object *v)
{
	json_object_object_add(o, name, v);
}

static const char *signing_name(uint16_t dialect, uint16_t alg)
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

static const char *cipher_name(uint16_t cipher)
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

/* A connection as its reactor saw it. */
struct conn_row {
	uint64_t id, accepted_ns, last_ns;
	struct sockaddr_storage peer;
	unsigned int reactor, sessions, requests;
	uint16_t dialect, signing_alg, cipher;
	bool closing, authenticated;
	char path[96];					 /* why it is not the kernel's; "": it is */
	uint64_t bytes_in, bytes_out, served, passed_up; /* the kernel's count */
};

struct conn_rows {
	struct conn_row *row;
	size_t n, cap;
	unsigned int reactor;
};

/* On the reactor: the text is made elsewhere. */
static void take_conn(void *arg, struct conn *c)
{
	struct conn_rows *rows = arg;
	const char *why = kernel_path_reason(c);
	struct conn_row *row;

	if (rows->n == rows->cap) {
		rows->cap = MAX(64, rows->cap * 2);
		rows->row = xrealloc(rows->row, rows->cap * sizeof(*rows->row));
	}
	row = &rows->row[rows->n++];
	*row = (struct conn_row) {
		.id = c->st.id,
		.accepted_ns = c->accepted_ns,
		.last_ns = c->last_ns,
		.peer = c->peer,
		.reactor = rows->reactor,
		.sessions = conn_session_count(c, NULL),
		.requests = c->nrequests,
		.dialect = c->st.dialect,
		.signing_alg = c->st.signing_alg,
		.cipher = c->st.cipher,
		.closing = c->closing,
		.authenticated = c->st.authenticated,
	};
	snprintf(row->path, sizeof(row->path), "%s", why ? why : "");
	if (conn_attached(c)) {
		const struct kh_conn_slot *k = &maps.conns[c->conn_slot];

		row->bytes_in = __atomic_load_n(&k->bytes_in, __ATOMIC_RELAXED);
		row->bytes_out = __atomic_load_n(&k->bytes_out, __ATOMIC_RELAXED);
		row->served = __atomic_load_n(&k->served, __ATOMIC_RELAXED);
		row->passed_up = __atomic_load_n(&k->passed_up, __ATOMIC_RELAXED);
	}
}

static struct json_object *conn_json(const struct conn_row *c, uint64_t now)
{
	struct json_object *o = json_object_new_object();
	_cleanup_free_ char *path = NULL;
	char addr[INET6_ADDRSTRLEN];

	put(o, "id", NUM(c->id));
	put(o, "client", STR(sockaddr_str(&c->peer, addr)));
	put(o, "dialect", STR(c->dialect ? conf_dialect_name(c->dialect) : "-"));
	put(o, "signing", STR(signing_name(c->dialect, c->signing_alg)));
	put(o, "cipher", STR(cipher_name(c->cipher)));
	put(o, "plane", STR(*c->path ? "user" : "kernel"));
	put(o, "why", STR(c->path));
	path = *c->path ? xasprintf("user: %s", c->path) : xstrdup("kernel");
	put(o, "path", STR(path));
	if (!*c->path) {
		put(o, "bytes_in", NUM(c->bytes_in));
		put(o, "bytes_out", NUM(c->bytes_out));
		put(o, "served", NUM(c->served));
		put(o, "passed_up", NUM(c->passed_up));
	}
	put(o, "state",
	    STR(c->closing	   ? "closing"
		: c->authenticated ? "ready"
		: c->dialect	   ? "logging in"
				   : "new"));
	put(o, "sessions", NUM(c->sessions));
	put(o, "requests", NUM(c->requests));
	put(o, "age_s", NUM((now - c->accepted_ns) / 1000000000u));
	put(o, "idle_s", NUM((now - c->last_ns) / 1000000000u));
	put(o, "reactor", NUM(c->reactor));
	return o;
}

/* *attached: how many the kernel has. */
static struct json_object *connections(unsigned int *attached)
{
	struct json_object *a = json_object_new_array();
	struct conn_rows rows = { 0 };
	uint64_t now;

	for (rows.reactor = 0; rows.reactor < server.nreactors; rows.reactor++)
		reactor_each_conn(server.reactors[rows.reactor], take_conn, &rows);
	now = now_ns();
	for (size_t i = 0; i < rows.n; i++) {
		json_object_array_add(a, conn_json(&rows.row[i], now));
		*attached += !*rows.row[i].path;
	}
	free(rows.row);
	return a;
}

static void add_session(void *arg, struct session *s)
{
	struct json_object *o;
	char text[INET6_ADDRSTRLEN];
	char id[20];

	if (atomic_load_explicit(&s->state, memory_order_acquire) != SESSION_VALID)
		return;
	o = json_object_new_object();
	snprintf(id, sizeof(id), "%016llx", (unsigned long long)s->id);
	put(o, "id", STR(id));
	put(o, "user", STR(s->anonymous ? "(anonymous)" : s->user));
	put(o, "unix_user", STR(s->unix_id.name));
	put(o, "guest", BOOL(s->guest));
	put(o, "dialect", STR(conf_dialect_name(s->dialect)));
	put(o, "signing", STR(signing_name(s->dialect, s->signing_alg)));
	put(o, "cipher", STR(cipher_name(s->cipher)));
	put(o, "encrypted", BOOL(s->encrypt));
	put(o, "signing_required", BOOL(s->signing_required));
	pthread_mutex_lock(&s->lock);
	if (!list_empty(&s->channels)) {
		struct channel *ch = list_first(&s->channels, struct channel, session_node);

		put(o, "client", STR(conn_peer_str(ch->conn, text)));
		put(o, "connection", NUM(ch->conn->st.id));
	}
	put(o, "channels", NUM(s->nchannels));
	put(o, "trees", NUM(s->ntrees));
	put(o, "opens", NUM(s->nopens));
	pthread_mutex_unlock(&s->lock);
	put(o, "age_s", NUM((now_ns() - s->created_ns) / 1000000000u));
	json_object_array_add(arg, o);
}

/* Tree connects, counted per share of the configuration. */
static void count_trees(void *arg, struct session *s)
{
	struct json_object *counts = arg, *n;
	struct tree *t;

	pthread_mutex_lock(&s->lock);
	list_for_each (t, &s->trees, node) {
		unsigned int opens = atomic_load(&t->nopens);

		if (!json_object_object_get_ex(counts, t->share->name, &n)) {
			n = json_object_new_object();
			put(n, "sessions", NUM(0));
			put(n, "opens", NUM(0));
			put(counts, t->share->name, n);
		}
		json_object_int_inc(json_object_object_get(n, "sessions"), 1);
		json_object_int_inc(json_object_object_get(n, "opens"), opens);
	}
	pthread_mutex_unlock(&s->lock);
}

static struct json_object *shares(void)
{
	struct json_object *a = json_object_new_array(), *counts = json_object_new_object();
	struct conf *f = server_conf();

	session_each(count_trees, counts);
	for (unsigned int i = 0; i < f->nshares; i++) {
		const struct conf_share *s = &f->shares[i];
		struct json_object *o = json_object_new_object(), *n = NULL;

		json_object_object_get_ex(counts, s->name, &n);
		put(o, "name", STR(s->name));
		put(o, "path", STR(s->path));
		put(o, "comment", STR(s->comment));
		put(o, "sessions",
		    NUM(n ? json_object_get_int64(json_object_object_get(n, "sessions")) : 0));
		put(o, "opens",
		    NUM(n ? json_object_get_int64(json_object_object_get(n, "opens")) : 0));
		put(o, "read_only", BOOL(s->read_only));
		json_object_array_add(a, o);
	}
	json_object_put(counts);
	conf_put(f);
	return a;
}

static struct json_object *access_text(uint32_t access)
{
	char s[8];
	unsigned int n = 0;

	if (access & FILE_READ_DATA)
		s[n++] = 'r';
	if (access & (FILE_WRITE_DATA | FILE_APPEND_DATA))
		s[n++] = 'w';
	if (access & SEC_STD_DELETE)
		s[n++] = 'd';
	if (!n)
		s[n++] = '-';
	return json_object_new_string_len(s, (int)n);
}

static struct json_object *sharing_text(uint32_t share)
{
	char s[8];
	unsigned int n = 0;

	if (share & FILE_SHARE_READ)
		s[n++] = 'r';
	if (share & FILE_SHARE_WRITE)
		s[n++] = 'w';
	if (share & FILE_SHARE_DELETE)
		s[n++] = 'd';
	if (!n)
		s[n++] = '-';
	return json_object_new_string_len(s, (int)n);
}

static const char *oplock_name(uint8_t level)
{
	switch (level) {
	case SMB2_OPLOCK_LEVEL_II:
		return "level2";
	case SMB2_OPLOCK_LEVEL_EXCLUSIVE:
		return "exclusive";
	case SMB2_OPLOCK_LEVEL_BATCH:
		return "batch";
	}
	return "none";
}

static void add_open(void *arg, struct open *op)
{
	const struct kh_handle_slot *slot = maps_handle((uint32_t)op->vol);
	struct json_object *o = json_object_new_object();
	_cleanup_free_ char *name = NULL;
	char id[20];

	snprintf(id, sizeof(id), "%llx", (unsigned long long)op->vol);
	pthread_mutex_lock(&op->lock);
	name = xasprintf("%s%s%s", op->path ? op->path : "", op->stream_name ? ":" : "",
			 op->stream_name ? op->stream_name : "");
	pthread_mutex_unlock(&op->lock);
	put(o, "id", STR(id));
	put(o, "share", STR(op->tree->name));
	put(o, "path", STR(*name ? name : "/"));
	put(o, "user", STR(op->session->user));
	put(o, "access", access_text(op->access));
	put(o, "share_access", sharing_text(op->share_access));
	put(o, "oplock", STR(oplock_name(atomic_load(&op->oplock.level))));
	put(o, "plane",
	    STR(slot && slot->vol == op->vol && slot->state != KH_HANDLE_FREE ? "kernel" : "user"));
	json_object_array_add(arg, o);
}

static struct json_object *counters(void)
{
	struct json_object *o = json_object_new_object(), *ops = json_object_new_object();
	struct json_object *bad = json_object_new_object();

	put(o, "accepted", NUM(STATS_SUM(accepted)));
	put(o, "closed", NUM(STATS_SUM(closed)));
	put(o, "attached", NUM(STATS_SUM(attached)));
	put(o, "attach_refused", NUM(STATS_SUM(attach_refused)));
	put(o, "connections", NUM(atomic_load(&server.nconns)));
	put(o, "preauth_connections", NUM(atomic_load(&server.npreauth)));
	put(o, "sessions", NUM(session_count()));
	put(o, "opens", NUM(open_count()));
	put(o, "bytes_in", NUM(STATS_SUM(bytes_in)));
	put(o, "bytes_out", NUM(STATS_SUM(bytes_out)));
#define X(NAME, name, code, size, needs, fid, where)                   \
	{                                                              \
		struct json_object *op = json_object_new_object();     \
		struct kh_op_stat sum = stats_op_sum(KH_PLANES, code); \
		put(op, "count", NUM(sum.count));                      \
		put(op, "errors", NUM(sum.errors));                    \
		put(ops, #name, op);                                   \
	}
	SMB2_OPS(X)
#undef X
	put(o, "ops", ops);
#define X(name) put(bad, #name, NUM(STATS_SUM(bad[BAD_##name])));
	KH_BAD_INPUT_LIST(X)
#undef X
	put(o, "bad_input", bad);
	return o;
}

/* Who moves data: the kernel module, if it can be had. */
static struct json_object *planes(size_t nconns, unsigned int attached)
{
	struct json_object *o = json_object_new_object();
	const char *why = server.kmod_fd < 0 ? server.kmod_why : server.bpf_why;

	put(o, "data", STR(why ? "user" : "kernel"));
	put(o, "why", STR(why));
	put(o, "steering", steer_json());
	put(o, "kernel_connections", NUM(attached));
	put(o, "user_connections", NUM(nconns - attached));
	return o;
}

char *status_verb(void *arg, struct json_object *request, struct json_object *reply)
{
	const struct listening *l = arg;
	struct json_object *a = json_object_new_array(), *conns;
	unsigned int attached = 0;

	conns = connections(&attached);
	put(reply, "version", STR(KH_VERSION));
	put(reply, "pid", NUM(getpid()));
	put(reply, "uptime_s", NUM((now_ns() - server.start_ns) / 1000000000u));
	put(reply, "planes", planes(json_object_array_length(conns), attached));
	put(reply, "reactors", NUM(server.nreactors));
	for (unsigned int i = 0; i < l->n; i++)
		json_object_array_add(a, STR(l->text[i]));
	put(reply, "listeners", a);
	put(reply, "counters", counters());
	put(reply, "connections", conns);
	a = json_object_new_array();
	session_each(add_session, a);
	put(reply, "sessions", a);
	put(reply, "shares", shares());
	a = json_object_new_array();
	open_each(add_open, a);
	put(reply, "handles", a);
	return NULL;
}
