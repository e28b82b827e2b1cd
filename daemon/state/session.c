// SPDX-License-Identifier: GPL-2.0-or-later
/* session.c - the table of sessions, their channels, and exchanges that are being set up. */
#include "auth/auth.h"
#include "core/entry.h"
#include "kernel/attach.h"
#include "kernel/bpf_link.h"
#include "kernel/handles.h"
#include "smb2/smb2.h"
#include "state/durable.h"

#define BUCKETS 256

static struct {
	pthread_mutex_t lock;
	struct list_head list;
} table[BUCKETS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void table_init(void)
{
	for (unsigned int i = 0; i < BUCKETS; i++) {
		pthread_mutex_init(&table[i].lock, NULL);
		list_init(&table[i].list);
	}
}

static struct session *find_locked(uint64_t id)
{
	struct session *s;

	list_for_each (s, &table[id % BUCKETS].list, hash)
		if (s->id == id)
			return s;
	return NULL;
}

struct session *session_new(void)
{
	struct session *s = zalloc(sizeof(*s));

	if (!s)
		return NULL;
	pthread_once(&once, table_init);
	pthread_mutex_init(&s->lock, NULL);
	list_init(&s->channels);
	list_init(&s->trees);
	list_init(&s->opens);
	atomic_init(&s->refs, 2); /* the caller's and the table's */
	s->created_ns = now_ns();
	/* 32 bits of the id are used, as clients exist that keep no more. */
	for (;;) {
		uint32_t id;

		crypto_random(&id, sizeof(id));
		if (id == 0 || id == UINT32_MAX)
			continue;
		s->id = id;
		pthread_mutex_lock(&table[id % BUCKETS].lock);
		if (!find_locked(id)) {
			list_add_tail(&s->hash, &table[id % BUCKETS].list);
			pthread_mutex_unlock(&table[id % BUCKETS].lock);
			break;
		}
		pthread_mutex_unlock(&table[id % BUCKETS].lock);
	}
	maps_count(&maps.server->sessions, 1);
	return s;
}

struct session *session_get(struct session *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void session_put(struct session *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	smb2_keys_wipe(&s->keys);
	crypto_wipe(&s->session_key, sizeof(s->session_key));
	identity_put(s->identity);
	token_free(s->token);
	unix_identity_free(&s->unix_id);
	pthread_mutex_destroy(&s->lock);
	free(s->user);
	free(s->domain);
	free(s->workstation);
	free(s);
}

struct session *session_find(uint64_t id)
{
	struct session *s;

	pthread_once(&once, table_init);
	pthread_mutex_lock(&table[id % BUCKETS].lock);
	s = find_locked(id);
	if (s)
		session_get(s);
	pthread_mutex_unlock(&table[id % BUCKETS].lock);
	return s;
}

void session_each(void (*fn)(void *arg, struct session *s), void *arg)
{
	pthread_once(&once, table_init);
	for (unsigned int i = 0; i < BUCKETS; i++) {
		struct session *s;

		pthread_mutex_lock(&table[i].lock);
		list_for_each (s, &table[i].list, hash)
			fn(arg, s);
		pthread_mutex_unlock(&table[i].lock);
	}
}

enum session_state session_state_at(struct session *s, uint64_t now)
{
	int state = atomic_load_explicit(&s->state, memory_order_acquire);
	uint64_t at = atomic_load_explicit(&s->expires_ns, memory_order_relaxed);

	if (likely(!at) || state != SESSION_VALID || now < at)
		return state;
	if (atomic_compare_exchange_strong(&s->state, &state, SESSION_EXPIRED))
		return SESSION_EXPIRED;
	return state;
}

void session_set_lifetime(struct session *s, uint64_t seconds)
{
	int expired = SESSION_EXPIRED;
	uint64_t at = seconds ? now_ns() + MIN(seconds, UINT32_MAX) * 1000000000ull : 0;
	bool changed = !atomic_exchange(&s->expires_ns, at) != !at;
	struct open **opens, *o;
	size_t n = 0;

	atomic_compare_exchange_strong(&s->state, &expired, SESSION_VALID);
	if (!changed || !handles_enabled)
		return;
	pthread_mutex_lock(&s->lock);
	opens = xcalloc(s->nopens + 1, sizeof(struct open *));
	list_for_each (o, &s->opens, session_node)
		if (n < s->nopens)
			opens[n++] = open_get(o);
	pthread_mutex_unlock(&s->lock);
	while (n--) { /* each takes the lock of its file */
		handles_update(opens[n]);
		open_put(opens[n]);
	}
	free(opens);
}

unsigned int session_count(void)
{
	return maps_count(&maps.server->sessions, 0);
}

unsigned int conn_session_count(struct conn *c, unsigned int *setups)
{
	struct list_head *l;
	unsigned int n = 0, begun = 0;

	pthread_mutex_lock(&c->lock);
	for (l = c->channels.next; l != &c->channels; l = l->next)
		n++;
	for (l = c->setups.next; l != &c->setups; l = l->next)
		begun++;
	pthread_mutex_unlock(&c->lock);
	if (setups)
		*setups = begun;
	return n + begun;
}

/* False: somebody else takes it away. */
static bool session_unhash(struct session *s)
{
	bool mine;

	pthread_mutex_lock(&table[s->id % BUCKETS].lock);
	mine = !list_empty(&s->hash);
	list_del(&s->hash);
	pthread_mutex_unlock(&table[s->id % BUCKETS].lock);
	return mine;
}

/* keep: durable opens wait for their client, MS-SMB2 3.3.7.1. */
static void close_opens(struct session *s, bool keep)
{
	for (;;) {
		struct open *o = NULL;

		pthread_mutex_lock(&s->lock);
		if (!list_empty(&s->opens))
			o = open_get(list_first(&s->opens, struct open, session_node));
		pthread_mutex_unlock(&s->lock);
		if (!o)
			return;
		if (!keep || !durable_keep(o))
			open_close(o);
		open_put(o);
	}
}

static void drop_trees(struct session *s)
{
	for (;;) {
		struct tree *t = NULL;

		pthread_mutex_lock(&s->lock);
		if (!list_empty(&s->trees)) {
			t = list_first(&s->trees, struct tree, node);
			tree_get(t);
		}
		pthread_mutex_unlock(&s->lock);
		if (!t)
			return;
		tree_destroy(s, t);
		tree_put(t);
	}
}

/* The connection's half of a channel; its reference is the caller's to put. */
static bool unlink_conn(struct channel *ch)
{
	bool linked;

	pthread_mutex_lock(&ch->conn->lock);
	linked = !list_empty(&ch->conn_node);
	list_del(&ch->conn_node);
	if (linked)
		entry_conn_sessions(ch->conn, -1);
	pthread_mutex_unlock(&ch->conn->lock);
	return linked;
}

static void drop_channels(struct session *s)
{
	for (;;) {
		struct channel *ch = NULL;
		bool linked = false;

		pthread_mutex_lock(&s->lock);
		if (!list_empty(&s->channels)) {
			ch = list_first(&s->channels, struct channel, session_node);
			channel_unlink(ch);
			/* The client is told so, signed, until it closes the connection. */
			linked = !s->refused && unlink_conn(ch);
		}
		pthread_mutex_unlock(&s->lock);
		if (!ch)
			return;
		if (linked)
			channel_put(ch);
		channel_put(ch);
	}
}

static void session_end(struct session *s, bool keep)
{
	if (!session_unhash(s))
		return;
	atomic_store_explicit(&s->state, SESSION_GONE, memory_order_release);
	maps_count(&maps.server->sessions, -1);
	close_opens(s, keep);
	drop_trees(s);
	drop_channels(s);
	entry_session_gone(s);
	session_put(s);
}

void session_destroy(struct session *s)
{
	session_end(s, false);
}

void session_lost(struct session *s)
{
	session_end(s, true);
}

/* The session's half of a channel of a connection that is gone. */
static void channel_gone(struct channel *ch)
{
	struct session *s = session_get(ch->session);
	bool linked, last;

	pthread_mutex_lock(&s->lock);
	linked = channel_unlink(ch);
	last = s->nchannels == 0;
	pthread_mutex_unlock(&s->lock);
	if (linked)
		channel_put(ch);
	channel_put(ch);
	if (last)
		session_lost(s);
	session_put(s);
}

void session_conn_gone(struct conn *c)
{
	while (!list_empty(&c->setups)) { /* no request is left that could use them */
		struct setup *su = list_first(&c->setups, struct setup, node);

		setup_free(c, su);
	}
	for (;;) {
		struct channel *ch = NULL;

		pthread_mutex_lock(&c->lock);
		if (!list_empty(&c->channels)) {
			ch = list_first(&c->channels, struct channel, conn_node);
			list_del(&ch->conn_node);
			entry_conn_sessions(c, -1);
		}
		pthread_mutex_unlock(&c->lock);
		if (!ch)
			return;
		channel_gone(ch);
	}
}

/* ---- exchanges ---- */

struct setup *setup_find_busy(struct conn *c, uint64_t session_id)
{
	struct setup *su, *found = NULL;

	pthread_mutex_lock(&c->lock);
	list_for_each (su, &c->setups, node)
		if (su->session->id == session_id && !su->busy) {
			found = su;
			su->busy = true;
			break;
		}
	pthread_mutex_unlock(&c->lock);
	return found;
}

struct setup *setup_new(struct conn *c, struct session *s)
{
	struct setup *su = xcalloc(1, sizeof(*su));

	su->session = session_get(s);
	su->preauth = c->st.preauth;
	su->busy = true;
	pthread_mutex_lock(&c->lock);
	list_add_tail(&su->node, &c->setups);
	entry_conn_sessions(c, 1);
	pthread_mutex_unlock(&c->lock);
	return su;
}

void setup_release(struct conn *c, struct setup *su)
{
	pthread_mutex_lock(&c->lock);
	su->busy = false;
	pthread_mutex_unlock(&c->lock);
}

void setup_free(struct conn *c, struct setup *su)
{
	pthread_mutex_lock(&c->lock);
	list_del(&su->node);
	entry_conn_sessions(c, -1);
	pthread_mutex_unlock(&c->lock);
	auth_free(su->auth);
	/* A session that never came to be has nobody else. */
	if (atomic_load(&su->session->state) == SESSION_IN_PROGRESS && !su->binding)
		session_destroy(su->session);
	session_put(su->session);
	free(su);
}
