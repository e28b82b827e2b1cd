// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attach.c - a connection goes to the kernel module.
 *
 * When: it moves data (the second READ or WRITE of a file), and there is a moment at which nothing
 * is being received or sent. Requests that workers have go on; their answers go through the
 * channel. What: message-id window, bytes that were read and are not a whole message yet, and the
 * keys of its sessions. A connection that the module did not take stays with the daemon.
 */
#include "kernel/attach.h"
#include "core/awake.h"
#include "core/debug.h"
#include "core/entry.h"
#include "core/transport.h"
#include "kernel/bpf_link.h"
#include "kernel/handles.h"
#include "kernel/kmod_link.h"
#include "state/state.h"

#define DATA_OPS      2		    /* of one file, before it is worth it */
#define WAIT_NS	      1000000000ull /* for the client to take what was sent */
#define SESSIONS_MAX  KH_NL_SESSIONS_MAX
#define UNHANDLED_MAX KH_NL_UNHANDLED_MAX

/* ---- files ---- */

void out_handles_free(struct out_handles *h)
{
	for (unsigned int i = 0; h && i < h->n; i++)
		handle_sent(h->opens[i]);
	free(h);
}

static void offer(struct conn *c, struct outbuf *out, struct open *o)
{
	struct out_handles *h = out->handles;
	struct kh_reply_handle rec;

	if ((h && h->n == KH_REPLY_HANDLES_MAX) || !handle_offer(o, c->st.id, &rec))
		return;
	if (!h)
		h = out->handles = xcalloc(1, sizeof(*h));
	h->rec[h->n] = rec;
	h->opens[h->n++] = o; /* the reference that the offer took */
}

void kernel_data_done(struct request *rq)
{
	struct conn *c = rq->conn;
	struct open *o = rq->open;

	if (server.kmod_fd < 0 || o->kind != OPEN_FILE)
		return;
	if (atomic_load_explicit(&o->data_ops, memory_order_relaxed) < DATA_OPS &&
	    atomic_fetch_add_explicit(&o->data_ops, 1, memory_order_relaxed) + 1 < DATA_OPS)
		return;
	if (conn_attached(c))
		offer(c, rq->out, o);
	else if (!atomic_load_explicit(&c->attach_wanted, memory_order_relaxed))
		atomic_store_explicit(&c->attach_wanted, true, memory_order_relaxed);
}

/* ---- sessions ---- */

static void describe_session(struct channel *ch, struct kmod_session *k)
{
	struct session *s = ch->session;

	*k = (struct kmod_session) { .id = s->id };
	if (s->signing_required)
		k->flags |= KH_NL_SESSION_SIGNING_REQUIRED;
	if (s->encrypt)
		k->flags |= KH_NL_SESSION_ENCRYPT;
	if (ch->signing_key.len) {
		k->signing_alg = ch->signing_alg;
		k->signing = &ch->signing_key;
	}
	if (s->cipher && s->keys.server_in.len) {
		k->cipher = s->cipher;
		k->enc = &s->keys.server_out;
		k->dec = &s->keys.server_in;
		/* The daemon's own was used with this key: never again from counter 0. */
		k->nonce_prefix = atomic_fetch_add(&s->next_nonce_prefix, 1);
	}
}

/* Is it one of its connection's, or does it only carry a key for a refusal? */
static bool linked(struct channel *ch)
{
	bool yes;

	pthread_mutex_lock(&ch->conn->lock);
	yes = !list_empty(&ch->conn_node);
	pthread_mutex_unlock(&ch->conn->lock);
	return yes;
}

bool kernel_channel_add(struct channel *ch)
{
	struct kmod_session k;
	int err;

	if (ch->in_kernel || !linked(ch))
		return true;
	describe_session(ch, &k);
	err = kmod_session_set(ch->conn->st.id, &k);
	debug_conn(LOG_KERNEL, ch->conn, "session=%016llx keys given error=%d",
		   (unsigned long long)k.id, err);
	if (err == 0) {
		ch->in_kernel = true;
		return true;
	}
	log_err("session %016llx: the kernel module does not take its keys: %s",
		(unsigned long long)k.id, kmod_error());
	return !k.cipher; /* what comes encrypted could not be read */
}

struct forget {
	struct work work;
	uint64_t conn_id, session_id;
};

/* Worker: waits for what the module does with the session. */
static void forget(struct work *w)
{
	struct forget *f = container_of(w, struct forget, work);

	(void)kmod_session_del(f->conn_id, f->session_id);
	free(f);
}

void kernel_channel_gone(struct channel *ch)
{
	struct forget *f;

	if (!ch->in_kernel || !conn_attached(ch->conn)) /* the connection took it along */
		return;
	f = xcalloc(1, sizeof(*f));
	f->conn_id = ch->conn->st.id;
	f->session_id = ch->session->id;
	f->work.fn = forget;
	worker_post(&f->work);
}

/* References to all channels of the connection; false: more than fit. */
static bool take_channels(struct conn *c, struct channel **chans, unsigned int *n)
{
	struct channel *ch;
	bool fit = true;

	*n = 0;
	pthread_mutex_lock(&c->lock);
	list_for_each (ch, &c->channels, conn_node) {
		fit = *n < SESSIONS_MAX;
		if (!fit)
			break;
		chans[(*n)++] = channel_get(ch);
	}
	pthread_mutex_unlock(&c->lock);
	return fit;
}

/* ---- the hand-over ---- */

static void refuse(struct conn *c, char *why)
{
	c->attach_refused = true;
	c->path_reason = why;
	count_add(&c->reactor->stats.reactor->attach_refused, 1);
	entry_conn(c);
	log_notice("connection %llu stays in user space: %s", (unsigned long long)c->st.id, why);
}

/* The channel fd, or -errno. */
static int attach(struct conn *c, const struct kmod_session *sessions, unsigned int n)
{
	uint8_t unhandled[SMB2_PREFIX_SIZE + UNHANDLED_MAX];
	struct smb2_window window = { 0 };
	struct kmod_conn k = {
		.id = c->st.id,
		.slot = c->conn_slot,
		.fd = c->fd,
		.dialect = c->st.dialect,
		.large_mtu = c->st.supports_large_mtu,
		.max_frame = (uint32_t)conn_frame_max(c),
		.max_read = c->st.max_read,
		.max_write = c->st.max_write,
		.up_limit = (uint32_t)MIN(c->conf->max_inflight, (uint64_t)INT32_MAX),
		.out_limit = (uint32_t)MIN(c->conf->max_inflight, (uint64_t)INT32_MAX),
		.window = &window,
		.unhandled = unhandled,
		.unhandled_len = c->prefix_have,
		.sessions = sessions,
		.nsessions = n,
	};

	memcpy(&window, c->st.window, conn_window_size(c));
	memcpy(unhandled, c->prefix, c->prefix_have);
	if (c->rx) {
		memcpy(unhandled + k.unhandled_len, c->rx, c->rx_have);
		k.unhandled_len += (uint32_t)c->rx_have;
	}
	return kmod_conn_attach(&k);
}

static void attached(struct conn *c, int fd)
{
	transport_want(c, 1);
	buffer_free(c->rx, c->rx_cap);
	c->rx = NULL;
	c->prefix_have = 0;
	c->transport = &transport_kernel;
	atomic_store_explicit(&c->channel_fd, fd, memory_order_release);
	debug_conn(LOG_KERNEL, c, "attached slot=%u channel_fd=%d", c->conn_slot, fd);
	count_add(&c->reactor->stats.reactor->attached, 1);
	entry_set(&c->entry->attached_ns, now_ns());
	entry_conn(c);
}

static void hand_over(struct conn *c)
{
	struct kmod_session sessions[SESSIONS_MAX];
	struct channel *chans[SESSIONS_MAX];
	unsigned int n;
	int fd;

	if (!take_channels(c, chans, &n)) {
		refuse(c, xstrdup("too many sessions"));
	} else if (c->conn_slot == ENTRY_NONE) {
		refuse(c, xstrdup("no free entry in kh_conns"));
	} else {
		for (unsigned int i = 0; i < n; i++)
			describe_session(chans[i], &sessions[i]);
		fd = attach(c, sessions, n);
		if (fd < 0) {
			refuse(c, xstrdup(kmod_error()));
		} else {
			attached(c, fd);
			for (unsigned int i = 0; i < n; i++)
				chans[i]->in_kernel = true;
		}
	}
	while (n)
		channel_put(chans[--n]);
}

/* A session that is being set up: its keys and its hash are not what they will be. */
static bool logging_in(struct conn *c)
{
	struct request *rq;
	bool yes;

	pthread_mutex_lock(&c->lock);
	yes = !list_empty(&c->setups);
	pthread_mutex_unlock(&c->lock);
	list_for_each (rq, &c->requests, node)
		for (unsigned int i = 0; i < rq->n; i++)
			yes |= rq->elements[i].command == SMB2_SESSION_SETUP;
	return yes;
}

bool kernel_attach(struct conn *c)
{
	if (c->attach_refused || c->closing || c->stream || c->st.netbios || !maps.nconns ||
	    (c->rx ? c->rx_have + c->prefix_have > UNHANDLED_MAX : false))
		return false;
	if (c->send_armed || !list_empty(&c->outq)) {
		if (!c->attach_wait_ns)
			c->attach_wait_ns = now_ns();
		conn_awake(c);
		transport_send(c); /* its end comes back here */
		return true;
	}
	c->attach_wait_ns = 0;
	if (logging_in(c)) {
		debug_conn(LOG_KERNEL, c, "not attached yet: a login is under way");
		return false;
	}
	hand_over(c);
	if (!conn_attached(c))
		return false;
	transport_recv(c);
	return true;
}

void kernel_attach_tick(struct conn *c, uint64_t now)
{
	if (!c->attach_wait_ns || now - c->attach_wait_ns < WAIT_NS || conn_attached(c))
		return;
	c->attach_wait_ns = 0;
	atomic_store_explicit(&c->attach_wanted, false, memory_order_relaxed);
	debug_conn(LOG_KERNEL, c, "not attached: the client does not take what was sent");
	transport_recv(c);
}

void kernel_detach(struct conn *c)
{
	int fd = atomic_exchange(&c->channel_fd, -1);

	if (fd < 0)
		return;
	debug_conn(LOG_KERNEL, c, "detached channel_fd=%d", fd);
	close(fd);
}

const char *kernel_path_reason(const struct conn *c)
{
	if (c->transport == &transport_kernel)
		return NULL;
	if (server.kmod_fd < 0)
		return server.kmod_why;
	if (server.bpf_why)
		return "no BPF maps";
	if (c->st.netbios)
		return "NetBIOS framing";
	return c->path_reason ? c->path_reason : "no data yet";
}
