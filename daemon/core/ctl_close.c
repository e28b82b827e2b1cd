// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ctl_close.c - the control verb "close": {what: "connection"|"session"|"handle", id: "..."}, the
 * id as `status` prints it. The reply says what it was: what, id, client, user, sessions, opens,
 * share, path, as far as they are known, and `job`: closing goes on behind the answer, on a reactor
 * or a worker. {job: N}, and {gone: ID} for a connection, ask whether it is over ({done: true}).
 */
#include "core/ctl_verbs.h"
#include "core/json.h"
#include "smb2/smb2.h"
#include "state/durable.h"

/* ---- what is being closed ---- */

struct closing {
	struct list_head node;
	struct work work;
	uint64_t job;
	struct session *session; /* one of the two; reference */
	struct open *open;
};

static struct {
	pthread_mutex_t lock;
	struct list_head list; /* of sessions and handles */
	uint64_t next;
} jobs = { .lock = PTHREAD_MUTEX_INITIALIZER, .list = { &jobs.list, &jobs.list }, .next = 1 };

/* Worker: both may wait for a disk. As LOGOFF and CLOSE, without the client's asking. */
static void run(struct work *w)
{
	struct closing *cl = container_of(w, struct closing, work);

	identity_become_self();
	if (cl->session)
		session_destroy(cl->session);
	else
		open_close(cl->open);
	pthread_mutex_lock(&jobs.lock);
	list_del(&cl->node);
	pthread_mutex_unlock(&jobs.lock);
	if (cl->session)
		session_put(cl->session);
	else
		open_put(cl->open);
	free(cl);
}

static void start(struct session *s, struct open *o, struct json_object *reply)
{
	struct closing *cl = xcalloc(1, sizeof(*cl));

	cl->session = s;
	cl->open = o;
	cl->work.fn = run;
	pthread_mutex_lock(&jobs.lock);
	cl->job = jobs.next++;
	list_add_tail(&cl->node, &jobs.list);
	pthread_mutex_unlock(&jobs.lock);
	json_put_num(reply, "job", cl->job);
	worker_post(&cl->work);
}

static bool is_over(uint64_t job)
{
	struct closing *cl;
	bool over = true;

	pthread_mutex_lock(&jobs.lock);
	list_for_each (cl, &jobs.list, node)
		over &= cl->job != job;
	pthread_mutex_unlock(&jobs.lock);
	return over;
}

/* ---- connections ---- */

struct conn_search {
	uint64_t id;
	struct conn *conn; /* reference */
};

static void match_conn(void *arg, struct conn *c)
{
	struct conn_search *s = arg;

	if (c->st.id != s->id || s->conn)
		return;
	conn_get(c);
	s->conn = c;
}

static struct conn *find_conn(uint64_t id)
{
	struct conn_search s = { .id = id };

	for (unsigned int i = 0; i < server.nreactors && !s.conn; i++)
		reactor_each_conn(server.reactors[i], match_conn, &s);
	return s.conn;
}

static void close_conn(struct conn *c, struct json_object *reply)
{
	unsigned int sessions = 0, opens = 0;
	char addr[INET6_ADDRSTRLEN];
	struct channel *ch;

	json_put_str(reply, "client", conn_peer_str(c, addr));
	json_put_str(reply, "plane", conn_attached(c) ? "kernel" : "user");
	pthread_mutex_lock(&c->lock);
	list_for_each (ch, &c->channels, conn_node) {
		if (!sessions++)
			json_put_str(reply, "user", ch->session->user);
		opens += ch->session->nopens;
	}
	pthread_mutex_unlock(&c->lock);
	json_put_num(reply, "sessions", sessions);
	json_put_num(reply, "opens", opens);
	log_notice("connection %llu from %s is closed by the administrator",
		   (unsigned long long)c->st.id, conn_peer_str(c, addr));
	conn_close_async(c);
	conn_put(c);
}

/* ---- sessions and handles ---- */

static void close_session(struct session *s, struct json_object *reply)
{
	char addr[INET6_ADDRSTRLEN];

	json_put_str(reply, "user", s->anonymous ? "(anonymous)" : s->user);
	pthread_mutex_lock(&s->lock);
	if (!list_empty(&s->channels)) {
		struct channel *ch = list_first(&s->channels, struct channel, session_node);

		json_put_str(reply, "client", conn_peer_str(ch->conn, addr));
		json_put_num(reply, "connection", ch->conn->st.id);
	}
	json_put_num(reply, "channels", s->nchannels);
	json_put_num(reply, "opens", s->nopens);
	pthread_mutex_unlock(&s->lock);
	log_notice("session %016llx of %s is closed by the administrator",
		   (unsigned long long)s->id, s->user ? s->user : "(anonymous)");
	start(s, NULL, reply);
}

static void close_handle(struct open *o, struct json_object *reply)
{
	_cleanup_free_ char *path = open_path_dup(o);

	json_put_str(reply, "user", o->session->user);
	json_put_str(reply, "share", o->tree->name);
	json_put_str(reply, "path", path && *path ? path : "/");
	log_notice("handle %llx (\"%s\" of share %s) is closed by the administrator",
		   (unsigned long long)o->vol, path ? path : "", o->tree->name);
	start(NULL, o, reply);
}

/* A session that is known by its id, and not only about to be. */
static struct session *find_session(uint64_t id)
{
	struct session *s = session_find(id);

	if (s && atomic_load_explicit(&s->state, memory_order_acquire) == SESSION_IN_PROGRESS) {
		session_put(s);
		return NULL;
	}
	return s;
}

/* ---- the verb ---- */

static const char *text_of(struct json_object *request, const char *name)
{
	struct json_object *v;

	if (!json_object_object_get_ex(request, name, &v))
		return "";
	return json_object_get_string(v);
}

static bool number_of(const char *text, int base, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, base);
	return *text && *text != '-' && *text != '+' && *text != ' ' && !*end && !errno;
}

static char *close_one(const char *what, const char *id, struct json_object *reply)
{
	bool conn = !strcmp(what, "connection");
	uint64_t n;

	if (!number_of(id, conn ? 10 : 16, &n))
		return xasprintf("\"%.40s\" is not the id of a %s: status %ss shows them.", id,
				 what, what);
	json_put_str(reply, "what", what);
	json_put_str(reply, "id", id);
	if (conn) {
		struct conn *c = find_conn(n);

		if (c) {
			close_conn(c, reply);
			return NULL;
		}
	} else if (!strcmp(what, "session")) {
		struct session *s = find_session(n);

		if (s) {
			close_session(s, reply);
			return NULL;
		}
	} else {
		struct open *o = open_find_vol(n) ?: durable_find_vol(n);

		if (o) {
			close_handle(o, reply);
			return NULL;
		}
	}
	return xasprintf("There is no %s %s.", what, id);
}

static char *ask(struct json_object *request, struct json_object *reply)
{
	struct json_object *v;
	uint64_t n;
	bool done;

	if (json_object_object_get_ex(request, "job", &v)) {
		done = is_over((uint64_t)json_object_get_int64(v));
	} else if (number_of(text_of(request, "gone"), 10, &n)) {
		struct conn *c = find_conn(n);

		done = !c;
		if (c)
			conn_put(c);
	} else {
		return xstrdup("What is to be closed: connection, session or handle?");
	}
	json_object_object_add(reply, "done", json_object_new_boolean(done));
	return NULL;
}

char *close_verb(void *arg, struct json_object *request, struct json_object *reply)
{
	const char *what = text_of(request, "what");

	if (strcmp(what, "connection") && strcmp(what, "session") && strcmp(what, "handle"))
		return ask(request, reply);
	return close_one(what, text_of(request, "id"), reply);
}
