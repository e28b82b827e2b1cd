// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * status.c - the control verb "status": {what: a list, or nothing for all but locks}. What the maps
 * say is made by core/view_json.c; shares and locks are what the daemon alone knows. Names are
 * stable, see the man page.
 */
#include "core/ctl_verbs.h"
#include "core/view_json.h"
#include "kernel/bpf_link.h"
#include "state/state.h"

#define LOCKS_SHOWN 1000u

/* ---- shares ---- */

struct share_counts {
	const struct conf *conf;
	unsigned int *sessions, *opens; /* by share */
};

static void count_trees(void *arg, struct session *s)
{
	struct share_counts *n = arg;
	struct tree *t;

	pthread_mutex_lock(&s->lock);
	list_for_each (t, &s->trees, node)
		for (unsigned int i = 0; i < n->conf->nshares; i++)
			if (!strcmp(n->conf->shares[i].name, t->share->name)) {
				n->sessions[i]++;
				n->opens[i] += atomic_load(&t->nopens);
			}
	pthread_mutex_unlock(&s->lock);
}

static struct json_object *shares(void)
{
	struct json_object *a = json_object_new_array();
	struct conf *f = server_conf();
	_cleanup_free_ unsigned int *counts = xcalloc(2 * f->nshares + 1, sizeof(*counts));
	struct share_counts n = { f, counts, counts + f->nshares };

	session_each(count_trees, &n);
	for (unsigned int i = 0; i < f->nshares; i++) {
		const struct conf_share *s = &f->shares[i];
		struct json_object *o = json_object_new_object();

		json_put_str(o, "name", s->name);
		json_put_str(o, "path", s->path);
		json_put_str(o, "comment", s->comment);
		json_put_num(o, "sessions", n.sessions[i]);
		json_put_num(o, "opens", n.opens[i]);
		json_put_bool(o, "read_only", s->read_only);
		json_object_array_add(a, o);
	}
	conf_put(f);
	return a;
}

/* ---- locks ---- */

struct locks {
	struct json_object *list;
	unsigned int n;
	/* of the open that is being looked at */
	struct open *open;
	char *name;
};

/* Under the lock of the file's locks. */
static void add_lock(void *arg, const struct lock_range *r, bool waiting)
{
	struct locks *l = arg;
	struct json_object *o;
	char id[20];

	if (l->n++ >= LOCKS_SHOWN)
		return;
	o = json_object_new_object();
	snprintf(id, sizeof(id), "%llx", (unsigned long long)l->open->vol);
	json_put_str(o, "share", l->open->tree->name);
	json_put_str(o, "path", l->name);
	json_put_str(o, "user",
		     l->open->session->anonymous ? "(anonymous)" : l->open->session->user);
	json_put_str(o, "handle", id);
	json_object_object_add(o, "start", json_object_new_uint64(r->start));
	json_object_object_add(o, "length", json_object_new_uint64(r->length));
	json_put_str(o, "kind", r->exclusive ? "exclusive" : "shared");
	json_put_bool(o, "waiting", waiting);
	json_object_array_add(l->list, o);
}

static void locks_of_open(void *arg, struct open *o)
{
	struct locks *l = arg;

	if (!o->locks)
		return;
	pthread_mutex_lock(&o->lock);
	l->name = xasprintf("%s%s%s", o->path ? o->path : "", o->stream_name ? ":" : "",
			    o->stream_name ? o->stream_name : "");
	pthread_mutex_unlock(&o->lock);
	l->open = o;
	lock_each(o, add_lock, l);
	free(steal_ptr(&l->name));
}

static void put_locks(struct json_object *reply)
{
	struct locks l = { .list = json_object_new_array() };

	open_each(locks_of_open, &l);
	json_object_object_add(reply, "locks", l.list);
	json_put_num(reply, "locks_total", l.n);
}

/* ---- the verb ---- */

char *status_verb(void *arg, struct json_object *request, struct json_object *reply)
{
	static const struct {
		const char *name;
		struct json_object *(*make)(const struct view *v);
	} lists[] = {
		{ "connections", view_connections }, { "sessions", view_sessions },
		{ "handles", view_handles },	     { "queues", view_queues },
		{ "counters", view_counters },
	};
	struct json_object *what_object = NULL;
	const char *what = NULL;
	const struct view *v = maps_view();

	if (json_object_object_get_ex(request, "what", &what_object))
		what = json_object_get_string(what_object);
	if (!what)
		view_summary(v, reply);
	for (unsigned int i = 0; i < ARRAY_SIZE(lists); i++)
		if (what ? !strcmp(what, lists[i].name) : strcmp("counters", lists[i].name) != 0)
			json_object_object_add(reply, lists[i].name, lists[i].make(v));
	if (!what || !strcmp(what, "shares"))
		json_object_object_add(reply, "shares", shares());
	if (what && !strcmp(what, "locks"))
		put_locks(reply);
	return NULL;
}
