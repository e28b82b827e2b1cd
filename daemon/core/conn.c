// SPDX-License-Identifier: GPL-2.0-or-later
/* conn.c - a connection from accept to its end: limits, framing, back-pressure, teardown. */
#include "core/accept.h"
#include "core/awake.h"
#include "core/block.h"
#include "core/debug.h"
#include "core/entry.h"
#include "core/stream.h"
#include "core/transport.h"
#include "core/turn.h"
#include "kernel/bpf_link.h"
#include "smb2/smb2.h"
#include "state/state.h"

#include <arpa/inet.h>

#define PREAUTH_FRAME_MAX (128u << 10) /* a security blob of 64 KiB and change */
#define FRAME_SLACK	  (64u << 10)  /* headers and compounds around the largest payload */

const char *sockaddr_str(const struct sockaddr_storage *ss, char buf[INET6_ADDRSTRLEN])
{
	const void *a = ss->ss_family == AF_INET
				? (const void *)&((const struct sockaddr_in *)ss)->sin_addr
				: (const void *)&((const struct sockaddr_in6 *)ss)->sin6_addr;

	if (!inet_ntop(ss->ss_family, a, buf, INET6_ADDRSTRLEN))
		strcpy(buf, "?");
	return strncmp(buf, "::ffff:", 7) == 0 && strchr(buf, '.') ? buf + 7 : buf;
}

const char *conn_peer_str(const struct conn *c, char buf[INET6_ADDRSTRLEN])
{
	return sockaddr_str(&c->peer, buf);
}

/* ---- message ids ---- */

size_t conn_window_size(const struct conn *c)
{
	return c->window_bits ? sizeof(struct smb2_window) : offsetof(struct smb2_window, used);
}

bool conn_window_use(struct conn *c, uint64_t id, uint32_t charge)
{
	struct smb2_window *w = c->st.window;

	if (unlikely(!c->window_bits && smb2_window_needs_bits(w, id))) {
		struct smb2_window *whole = xcalloc(1, sizeof(*whole));

		memcpy(whole, w, conn_window_size(c));
		free(w);
		c->st.window = w = whole;
		c->window_bits = true;
	}
	return smb2_window_use(w, id, charge);
}

/* ---- limits per source address: a small table, counted at accept and at the end ---- */

#define SOURCES 1024 /* hash buckets; a collision only makes a limit stricter */

static _Atomic unsigned int sources[SOURCES];

static _Atomic unsigned int *source_of(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)ss;
	uint64_t h = 0;

	if (ss->ss_family == AF_INET)
		h = ((const struct sockaddr_in *)ss)->sin_addr.s_addr;
	else
		for (int i = 0; i < 8; i++) /* a /64 is one source */
			h = h * 257 + a6->sin6_addr.s6_addr[i];
	if (ss->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr))
		h = kh_get_le32(&a6->sin6_addr.s6_addr[12]);
	return &sources[(h * 0x9E3779B97F4A7C15ull) >> 54];
}

/* Is one more connection welcome? Says why not. */
static const char *refused(const struct conn *c)
{
	const struct conf *f = c->conf;

	if (!conf_host_allowed(&f->hosts_allow, &f->hosts_deny,
			       (const struct sockaddr *)&c->peer)) {
		stats_bad(BAD_refused_host);
		return "its address is not allowed (hosts allow, hosts deny)";
	}
	if (block_refuses(&c->peer, &c->local))
		return "its address is blocked";
	if (f->max_connections && maps_count(&maps.server->connections, 0) >= f->max_connections)
		return "max connections is reached";
	if (f->max_connections_per_source &&
	    atomic_load(source_of(&c->peer)) >= f->max_connections_per_source)
		return "max connections per source is reached";
	return NULL;
}

struct conn *conn_new(struct reactor *r, int fd, bool netbios)
{
	static _Atomic uint64_t next_id = 1;
	struct conn *c = zalloc(sizeof(*c));
	socklen_t len = sizeof(c->peer);
	char addr[INET6_ADDRSTRLEN];
	const char *why;

	if (!c) {
		close(fd);
		return NULL;
	}
	c->conf = server_conf();
	c->fd = fd;
	c->transport = &transport_tcp;
	atomic_init(&c->channel_fd, -1);
	c->reactor = r;
	atomic_init(&c->refs, 1);
	getpeername(fd, (struct sockaddr *)&c->peer, &len);
	len = sizeof(c->local);
	getsockname(fd, (struct sockaddr *)&c->local, &len);
	why = refused(c);
	if (why || r->stopping) {
		stats_bad(BAD_limit);
		if (why)
			log_notice("connection from %s refused: %s", conn_peer_str(c, addr), why);
		close(fd);
		conf_put(c->conf);
		free(c);
		return NULL;
	}
	maps_count(&maps.server->connections, 1);
	maps_count(&maps.server->preauth, 1);
	atomic_fetch_add(source_of(&c->peer), 1);
	c->st.id = atomic_fetch_add(&next_id, 1);
	c->st.netbios = netbios;
	c->st.window = xmalloc(conn_window_size(c));
	smb2_window_init_short(c->st.window, c->conf->max_credits);
	c->accepted_ns = c->last_ns = now_ns();
	pthread_mutex_init(&c->lock, NULL);
	list_init(&c->requests);
	list_init(&c->outq);
	list_init(&c->channels);
	list_init(&c->setups);
	list_init(&c->notifications);
	list_init(&c->awake);
	debug_conn(LOG_CONN, c, "accepted client=%s", conn_peer_str(c, addr));
	entry_conn_new(c);
	return c;
}

void conn_get(struct conn *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

void conn_put(struct conn *c)
{
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&c->lock);
	conf_put(c->conf);
	free(c->st.window);
	free(c->path_reason);
	free(c);
}

/* ---- the end ---- */

static void conn_freed(struct reactor_job *j)
{
	struct conn *c = container_of(j, struct conn, job);

	maps_count(&maps.server->connections, -1);
	if (!c->st.authenticated)
		maps_count(&maps.server->preauth, -1);
	atomic_fetch_sub(source_of(&c->peer), 1);
	c->transport->free(c);
	entry_conn_gone(c); /* what the transport drops is counted there */
	buffer_free(c->rx, c->rx_cap);
	turn_drop(c);
	conn_not_preauth(c);
	reactor_conn_gone(c->reactor, c);
	conn_put(c);
}

/* Worker: closing files may block. */
static void conn_teardown(struct work *w)
{
	struct conn *c = container_of(w, struct conn, teardown);

	if (c->transport->end)
		c->transport->end(c);
	session_conn_gone(c);
	c->job.fn = conn_freed;
	reactor_post(c->reactor, &c->job);
}

void conn_check_gone(struct conn *c)
{
	if (!c->closing || c->recv_armed || c->send_armed || c->nrequests || c->teardown_posted)
		return;
	c->teardown_posted = true;
	c->teardown.fn = conn_teardown;
	worker_post(&c->teardown);
}

void conn_close(struct conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	debug_conn(LOG_CONN, c, "ends age_ms=%llu requests=%u unsent=%zu plane=%s",
		   (unsigned long long)((now_ns() - c->accepted_ns) / 1000000), c->nrequests,
		   c->out_bytes, conn_attached(c) ? "kernel" : "user");
	entry_conn(c);
	notifications_retry(c);
	c->transport->shutdown(c);
	request_cancel_all(c);
	stream_abort(c);
	conn_check_gone(c);
}

struct close_job {
	struct reactor_job job;
	struct conn *conn;
};

static void close_job(struct reactor_job *j)
{
	struct close_job *cj = container_of(j, struct close_job, job);

	conn_close(cj->conn);
	conn_put(cj->conn);
	free(cj);
}

void conn_close_async(struct conn *c)
{
	struct close_job *cj = xcalloc(1, sizeof(*cj));

	conn_get(c);
	cj->conn = c;
	cj->job.fn = close_job;
	reactor_post(c->reactor, &cj->job);
}

bool conn_is_idle(struct conn *c)
{
	struct channel *ch;
	bool idle = c->nrequests == 0;

	pthread_mutex_lock(&c->lock);
	list_for_each (ch, &c->channels, conn_node)
		if (ch->session->nopens)
			idle = false;
	pthread_mutex_unlock(&c->lock);
	return idle;
}

/* ---- receiving ---- */

/* Back-pressure: what the client has in here without having taken the answers. */
bool conn_may_recv(const struct conn *c)
{
	if (stream_busy(c))
		return false;
	if (c->turn)
		return false;
	return c->rx || c->stream || c->inflight + c->out_bytes <= c->conf->max_inflight;
}

size_t conn_frame_max(const struct conn *c)
{
	uint32_t m = MAX(c->st.max_trans, MAX(c->st.max_read, c->st.max_write));

	if (!c->st.authenticated)
		return PREAUTH_FRAME_MAX;
	return (size_t)m + FRAME_SLACK;
}

/* A NetBIOS packet that is not a session message (RFC 1002 4.3). True: go on behind it. */
static bool nbss_packet(struct conn *c, uint8_t type, size_t len)
{
	struct outbuf *o;

	if (type == NBSS_SESSION_KEEP_ALIVE && len == 0)
		return true;
	if (!c->st.netbios || type != NBSS_SESSION_REQUEST || c->st.dialect || len > 256) {
		stats_bad(BAD_frame_type);
		return false;
	}
	/* Whatever name was called: this server has one answer. */
	o = outbuf_new(SMB2_PREFIX_SIZE);
	if (!o)
		return false;
	memset(o->buf + o->start, 0, SMB2_PREFIX_SIZE);
	o->buf[o->start] = NBSS_POSITIVE_RESPONSE;
	o->len += SMB2_PREFIX_SIZE;
	conn_queue(c, o);
	return true;
}

/* The prefix is whole: how long is the frame? -1: the connection cannot go on. */
static ssize_t prefix_check(struct conn *c)
{
	uint8_t type = c->prefix[0];
	size_t len = smb2_prefix_len(c->prefix);

	if (type != NBSS_SESSION_MESSAGE)
		return nbss_packet(c, type, len) ? (ssize_t)len : -1;
	if (len < 4) {
		stats_bad(BAD_frame_too_short);
		return -1;
	}
	if (len > conn_frame_max(c)) {
		stats_bad(BAD_frame_too_long);
		return -1;
	}
	return (ssize_t)len;
}

void conn_rx_done(struct conn *c)
{
	uint8_t *base = c->rx;
	size_t len = c->rx_have, cap = c->rx_cap;

	if (c->stream) {
		stream_piece(c);
		return;
	}
	c->rx = NULL;
	c->prefix_have = 0;
	if (c->prefix[0] != NBSS_SESSION_MESSAGE)
		buffer_free(base, cap);
	else
		request_receive(c, base, len, base, cap);
}

void conn_input(struct conn *c, uint8_t *p, size_t n)
{
	entry_bytes_in(c, n);
	conn_heard(c);
	conn_frames(c, p, n);
}

void conn_frames(struct conn *c, uint8_t *p, size_t n)
{
	c->turn_bytes = 0;
	while (n && !c->closing) {
		size_t k = MIN(n, SMB2_PREFIX_SIZE - c->prefix_have);
		ssize_t len;

		memcpy(c->prefix + c->prefix_have, p, k);
		c->prefix_have += (unsigned int)k;
		p += k;
		n -= k;
		if (c->prefix_have < SMB2_PREFIX_SIZE)
			return;
		len = prefix_check(c);
		if (len < 0) {
			conn_close(c);
			return;
		}
		c->bulk = len > RX_BULK;
		if ((size_t)len <= n) {
			c->prefix_have = 0;
			if (c->prefix[0] == NBSS_SESSION_MESSAGE) {
				guard_set(p + len, n - (size_t)len);
				request_receive(c, p, (size_t)len, NULL, 0);
				guard_clear(p + len, n - (size_t)len);
			}
			p += len;
			n -= (size_t)len;
			if (unlikely(c->turn_bytes >= TURN_BYTES) && n && !c->closing) {
				if (turn_is_over(c->reactor)) {
					turn_keep(c, p, n);
					return;
				}
				c->turn_bytes = 0;
			}
			continue;
		}
		if (stream_begin(c, p, n, (size_t)len))
			return;
		c->rx = buffer_alloc((size_t)len + RX_AHEAD, &c->rx_cap);
		if (!c->rx) {
			conn_close(c);
			return;
		}
		memcpy(c->rx, p, n);
		c->rx_have = n;
		c->rx_need = (size_t)len;
		c->rx_ahead = c->bulk && len <= RX_AHEAD_MAX;
		return;
	}
}

/* ---- sending ---- */

void conn_queue(struct conn *c, struct outbuf *o)
{
	if (c->closing) {
		outbuf_free(o);
		return;
	}
	list_add_tail(&o->node, &c->outq);
	c->out_bytes += o->cap;
	c->turn_bytes += o->len - o->start + o->pipe_len / 4; /* pages are not copied */
}

void conn_dequeue(struct conn *c, struct outbuf *o)
{
	list_del(&o->node);
	c->out_bytes -= o->cap;
	outbuf_free(o);
}

void conn_request_done(struct conn *c, struct request *rq)
{
	list_del(&rq->node);
	c->nrequests--;
	c->inflight -= rq->frame_cap;
}
