// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * channel.c - channels: a session on a connection, and all that lead to one client.
 *
 * Those of a client, by its ClientGuid, are in a table of their own: what is told to a client and
 * not to one of its sessions goes over any of them (MS-SMB2 3.3.4.7).
 */
#include "core/entry.h"
#include "kernel/attach.h"
#include "state/state.h"

#define CLIENT_BUCKETS 256

/* The lock is taken inside that of a session. */
static struct client_bucket {
	pthread_mutex_t lock;
	struct list_head channels; /* channel.client_node, the oldest first */
} clients[CLIENT_BUCKETS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void clients_init(void)
{
	for (unsigned int i = 0; i < CLIENT_BUCKETS; i++) {
		pthread_mutex_init(&clients[i].lock, NULL);
		list_init(&clients[i].channels);
	}
}

static struct client_bucket *client_bucket(const uint8_t guid[16])
{
	uint64_t h = kh_get_le64(guid) ^ kh_get_le64(guid + 8);

	pthread_once(&once, clients_init);
	return &clients[(h * 0x9E3779B97F4A7C15ull) >> 56];
}

struct channel *channel_new(struct session *s, struct conn *c)
{
	struct channel *ch = xcalloc(1, sizeof(*ch));

	atomic_init(&ch->refs, 2); /* of both lists */
	ch->session = session_get(s);
	ch->conn = c;
	ch->signing_alg = c->st.signing_alg;
	ch->nonce_prefix = atomic_fetch_add(&s->next_nonce_prefix, 1);
	list_init(&ch->conn_node);
	list_init(&ch->session_node);
	list_init(&ch->client_node);
	return ch;
}

void channel_add(struct channel *ch)
{
	static _Atomic uint64_t next_seq = 1;
	struct session *s = ch->session;
	struct client_bucket *b = client_bucket(s->client_guid);

	pthread_mutex_lock(&s->lock);
	list_add_tail(&ch->session_node, &s->channels);
	s->nchannels++;
	entry_session(s);
	pthread_mutex_lock(&ch->conn->lock);
	list_add_tail(&ch->conn_node, &ch->conn->channels);
	entry_conn_sessions(ch->conn, 1);
	pthread_mutex_unlock(&ch->conn->lock);
	pthread_mutex_lock(&b->lock);
	ch->seq = atomic_fetch_add(&next_seq, 1);
	list_add_tail(&ch->client_node, &b->channels);
	pthread_mutex_unlock(&b->lock);
	pthread_mutex_unlock(&s->lock);
}

bool channel_unlink(struct channel *ch)
{
	struct session *s = ch->session;
	struct client_bucket *b = client_bucket(s->client_guid);

	if (list_empty(&ch->session_node))
		return false;
	list_del(&ch->session_node);
	s->nchannels--;
	entry_session(s);
	pthread_mutex_lock(&b->lock);
	list_del(&ch->client_node);
	pthread_mutex_unlock(&b->lock);
	return true;
}

/* On its lists: the connection is there. */
static struct channel *get_with_conn(struct channel *ch)
{
	conn_get(ch->conn);
	return channel_get(ch);
}

struct channel *channel_next_of_session(struct session *s, uint64_t after)
{
	struct channel *ch, *found = NULL;

	pthread_mutex_lock(&s->lock);
	list_for_each (ch, &s->channels, session_node)
		if (ch->seq > after) {
			found = get_with_conn(ch);
			break;
		}
	pthread_mutex_unlock(&s->lock);
	return found;
}

struct channel *channel_next_of_client(const uint8_t guid[16], uint64_t after)
{
	struct client_bucket *b = client_bucket(guid);
	struct channel *ch, *found = NULL;

	pthread_mutex_lock(&b->lock);
	list_for_each (ch, &b->channels, client_node)
		if (ch->seq > after && memcmp(ch->session->client_guid, guid, 16) == 0) {
			found = get_with_conn(ch);
			break;
		}
	pthread_mutex_unlock(&b->lock);
	return found;
}

struct channel *channel_get(struct channel *ch)
{
	atomic_fetch_add_explicit(&ch->refs, 1, memory_order_relaxed);
	return ch;
}

struct channel *channel_find(struct conn *c, uint64_t session_id)
{
	struct channel *ch, *found = NULL;

	pthread_mutex_lock(&c->lock);
	list_for_each (ch, &c->channels, conn_node)
		if (ch->session->id == session_id) {
			found = channel_get(ch);
			break;
		}
	pthread_mutex_unlock(&c->lock);
	return found;
}

void channel_rest(struct channel *ch)
{
	sign_ctx_free(steal_ptr(&ch->sign));
	seal_ctx_free(steal_ptr(&ch->enc));
	seal_ctx_free(steal_ptr(&ch->dec));
	ch->nused = 0;
}

void channel_put(struct channel *ch)
{
	if (!ch || atomic_fetch_sub_explicit(&ch->refs, 1, memory_order_acq_rel) != 1)
		return;
	kernel_channel_gone(ch);
	sign_ctx_free(ch->sign);
	seal_ctx_free(ch->enc);
	seal_ctx_free(ch->dec);
	crypto_wipe(&ch->signing_key, sizeof(ch->signing_key));
	session_put(ch->session);
	free(ch);
}
