// SPDX-License-Identifier: GPL-2.0-or-later
/* entry.c - entries of connections, sessions and opens in the maps. */
#include "core/entry.h"
#include "kernel/attach.h"
#include "kernel/bpf_link.h"

/* Into an entry, whole words, as somebody may be looking; in order: an id that went, went before.
 */
static void put_words(void *entry, const void *from, size_t size)
{
	uint64_t *to = entry;
	uint64_t word;

	for (size_t i = 0; i < size / sizeof(word); i++) {
		memcpy(&word, (const uint8_t *)from + i * sizeof(word), sizeof(word));
		__atomic_store_n(&to[i], word, __ATOMIC_RELEASE);
	}
}

/* Everything of an entry but its id. */
#define put_entry(e, from)                                                                       \
	put_words((uint8_t *)(e) + sizeof(uint64_t), (const uint8_t *)(from) + sizeof(uint64_t), \
		  sizeof(*(e)) - sizeof(uint64_t))

/* Cut to what fits, always with its NUL. */
static void put_text(char *to, size_t size, const char *s)
{
	size_t n = s ? MIN(strlen(s), size - 1) : 0;

	memcpy(to, s ? s : "", n);
	memset(to + n, 0, size - n);
}

/* ---- connections ---- */

static void put_addresses(const struct conn *c, struct kh_conn_slot *e)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)&c->peer;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&c->peer;

	if (c->peer.ss_family == AF_INET) {
		e->addr[2] = htonl(0xFFFF);
		e->addr[3] = a4->sin_addr.s_addr;
	} else {
		memcpy(e->addr, &a6->sin6_addr, sizeof(e->addr));
	}
	/* The port is at the same place in both. */
	e->port = ntohs(a4->sin_port);
	e->local_port = ntohs(((const struct sockaddr_in *)&c->local)->sin_port);
}

void entry_conn_new(struct conn *c)
{
	struct kh_conn_slot new = {
		.accepted_ns = c->accepted_ns,
		.user_last_ns = c->last_ns,
		.reactor = (uint16_t)c->reactor->index,
		.user_credits = c->st.window->granted,
	};
	struct kh_conn_slot *e;

	if (maps_conn_take(&c->conn_slot)) {
		e = &maps.conns[c->conn_slot];
	} else {
		c->conn_slot = ENTRY_NONE;
		e = xcalloc(1, sizeof(*e));
	}
	c->entry = e;
	put_addresses(c, &new);
	put_entry(e, &new);
	entry_conn(c);
	__atomic_store_n(&e->id, c->st.id, __ATOMIC_RELEASE);
}

void entry_conn_gone(struct conn *c)
{
	if (c->conn_slot == ENTRY_NONE)
		free(c->entry);
	else
		maps_conn_give(c->conn_slot);
	c->entry = NULL;
}

static enum kh_conn_state state_of(const struct conn *c)
{
	if (c->closing)
		return KH_CONN_STATE_CLOSING;
	if (c->st.authenticated)
		return KH_CONN_STATE_READY;
	return c->st.dialect ? KH_CONN_STATE_NEGOTIATED : KH_CONN_STATE_NEW;
}

void entry_conn(struct conn *c)
{
	struct kh_conn_slot *e = c->entry;
	char why[sizeof(e->why)];

	entry_set(&e->dialect, c->st.dialect);
	entry_set(&e->signing_alg, c->st.signing_alg);
	entry_set(&e->cipher, c->st.cipher);
	put_text(why, sizeof(why), kernel_path_reason(c));
	put_words(e->why, why, sizeof(why));
	entry_set(&e->state, state_of(c));
}

void entry_conn_sessions(struct conn *c, int n)
{
	if (c->entry)
		entry_set(&c->entry->sessions, c->entry->sessions + n);
}

/* ---- sessions ---- */

static uint32_t session_flags(const struct session *s)
{
	return (s->guest ? KH_SESSION_GUEST : 0) | (s->anonymous ? KH_SESSION_ANONYMOUS : 0) |
	       (s->encrypt ? KH_SESSION_ENCRYPT : 0) |
	       (s->signing_required ? KH_SESSION_SIGNING_REQUIRED : 0);
}

static void fill_session(const struct session *s, struct kh_session_slot *e)
{
	struct kh_session_slot new = {
		.created_ns = s->created_ns,
		.flags = session_flags(s),
		.uid = s->unix_id.uid,
		.dialect = s->dialect,
		.signing_alg = s->signing_alg,
		.cipher = s->cipher,
	};

	put_text(new.user, sizeof(new.user), s->anonymous ? "(anonymous)" : s->user);
	put_text(new.unix_user, sizeof(new.unix_user), s->unix_id.name);
	put_entry(e, &new);
}

/* Who ends the session says so first and then waits for the lock: no entry is made after that. */
void entry_session_new(struct session *s)
{
	uint32_t slot;

	pthread_mutex_lock(&s->lock);
	if (atomic_load(&s->state) == SESSION_VALID && !s->entry && maps_session_take(&slot)) {
		s->entry = &maps.sessions[slot];
		fill_session(s, s->entry);
		entry_session(s);
		__atomic_store_n(&s->entry->id, s->id, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&s->lock);
}

void entry_session_gone(struct session *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->entry)
		maps_session_give((uint32_t)(s->entry - maps.sessions));
	s->entry = NULL;
	pthread_mutex_unlock(&s->lock);
}

void entry_session(struct session *s)
{
	struct kh_session_slot *e = s->entry;

	if (!e)
		return;
	if (!list_empty(&s->channels))
		entry_set(&e->conn_id,
			  list_first(&s->channels, struct channel, session_node)->conn->st.id);
	entry_set(&e->channels, s->nchannels);
	entry_set(&e->trees, s->ntrees);
	entry_set(&e->opens, s->nopens);
}

/* ---- opens ---- */

void entry_open_new(struct open *o, const struct session *s)
{
	struct kh_handle_slot new = {
		.session_id = s->id,
		.tree_id = o->tree->id,
		.conn_id = o->conn_id,
		.opened_ns = o->opened_ns,
		.access = o->access,
		.share_access = (uint8_t)o->share_access,
		.oplock = atomic_load(&o->oplock.level),
		.kind = (uint16_t)o->kind,
		.uid = s->unix_id.uid,
	};

	if (!o->handle_entry)
		return;
	put_entry(o->handle_entry, &new);
}

void entry_open_seen(struct open *o)
{
	if (!o->handle_entry)
		return;
	__atomic_store_n(&o->handle_entry->vol, o->vol, __ATOMIC_SEQ_CST);
	entry_open_oplock(o); /* who changed it before that left it alone */
}

void entry_open_gone(struct open *o)
{
	if (o->handle_entry)
		__atomic_store_n(&o->handle_entry->vol, 0, __ATOMIC_RELEASE);
}

void entry_open_disconnected(struct open *o)
{
	if (!o->handle_entry)
		return;
	entry_set(&o->handle_entry->conn_id, 0);
	entry_set(&o->handle_entry->disconnected_ns, now_ns());
	entry_open_seen(o);
}

/* "path" or "path:stream"; of a long one the end, behind "...". */
static void put_path(char *to, size_t size, const char *path, const char *stream)
{
	size_t np = strlen(path), ns = stream ? strlen(stream) + 1 : 0, skip = 0, n = 0;

	if (np + ns >= size) {
		skip = np + ns - (size - 1) + 3;
		while (skip < np && ((uint8_t)path[skip] & 0xC0) == 0x80)
			skip++; /* not within a character */
		while (n < 3)
			to[n++] = '.';
	}
	if (skip < np) {
		memcpy(to + n, path + skip, np - skip);
		n += np - skip;
		skip = 0;
	} else {
		skip -= np;
	}
	if (stream && skip < ns) {
		if (skip == 0)
			to[n++] = ':';
		skip = skip ? skip - 1 : 0;
		memcpy(to + n, stream + skip, ns - 1 - skip);
		n += ns - 1 - skip;
	}
	memset(to + n, 0, size - n);
}

void entry_open_name(struct open *o)
{
	struct kh_name name;

	if (!o->handle_entry || !maps.names)
		return;
	put_text(name.share, sizeof(name.share), o->tree->name);
	put_path(name.path, sizeof(name.path), o->path ? o->path : "", o->stream_name);
	put_words(&maps.names[(uint32_t)o->vol], &name, sizeof(name));
}

/*
 * Under the bucket's lock, but by entry_open_seen(): which looks again, as who changed the level
 * meanwhile may have stored it before.
 */
void entry_open_oplock(struct open *o)
{
	struct kh_handle_slot *e = o->handle_entry;
	uint8_t level;

	if (!e || __atomic_load_n(&e->vol, __ATOMIC_SEQ_CST) != o->vol)
		return;
	do {
		level = atomic_load(&o->oplock.level);
		__atomic_store_n(&e->oplock, level, __ATOMIC_SEQ_CST);
	} while (level != atomic_load(&o->oplock.level));
}
