// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * notification.c - what a client is told without having asked, over whichever of its connections
 * works (MS-SMB2 3.3.4.6, 3.3.4.7).
 *
 * It goes to the oldest channel. There it stays on conn.notifications until TCP says that it has
 * arrived: a link that is dead takes bytes as a working one does. If the connection ends before
 * that, or stands still while there is another channel, the next one has its turn. What stood still
 * is closed by a reset, so that the link, should it come back, does not deliver the message again;
 * the only channel too, some time later: others wait for an answer that does not come; and one
 * whose client does not read what it is told, when it has become much.
 *
 * A notification belongs to the reactor of the connection that it is on, or is posted to.
 */
#include "core/awake.h"
#include "core/debug.h"
#include "smb2/smb2.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>

#define STALL_NS	  900000000ull /* a tick of the reactor, about */
#define STALL_LONG_NS	  2900000000ull
#define STALL_ALONE_NS	  10000000000ull
#define STALL_RETRANSMITS 2
#define UNREAD_MAX	  4096 /* older than STALL_ALONE_NS: nobody means to read them */

struct notification {
	struct reactor_job job;
	struct list_head node;	 /* conn.notifications */
	struct session *session; /* reference */
	struct channel *channel; /* reference, and one to its connection */
	const struct notification_ops *ops;
	void *arg;
	bool to_client, sealed;
	bool placed;  /* all of it is in the socket, which has acknowledged it at `end` */
	uint64_t end; /* tcpi_bytes_acked, as since when nothing came: */
	uint64_t acked, since_ns;
	uint64_t sent_ns;
	uint8_t len, body[NOTIFICATION_MAX];
};

static struct channel *next_channel(const struct notification *n)
{
	uint64_t after = n->channel ? n->channel->seq : 0;

	return n->to_client ? channel_next_of_client(n->session->client_guid, after)
			    : channel_next_of_session(n->session, after);
}

static void channel_and_conn_put(struct channel *ch)
{
	struct conn *c = ch->conn;

	channel_put(ch);
	conn_put(c);
}

static void notification_end(struct notification *n, bool delivered)
{
	if (n->channel)
		channel_and_conn_put(n->channel);
	n->ops->done(n->arg, delivered);
	session_put(n->session);
	free(n);
}

/* False: no channel is left; n->channel is NULL then. */
static bool choose_channel(struct notification *n)
{
	struct channel *next = next_channel(n);

	if (n->channel)
		channel_and_conn_put(n->channel);
	n->channel = next;
	return next;
}

static void try_next(struct notification *n)
{
	bool wanted = !n->ops->wanted || n->ops->wanted(n->arg);

	if (!wanted)
		notification_end(n, true);
	else if (choose_channel(n))
		reactor_post(n->channel->conn->reactor, &n->job);
	else
		notification_end(n, false);
}

static struct outbuf *message(const struct notification *n)
{
	struct smb2_hdr h = { .command = SMB2_OPLOCK_BREAK,
			      .flags = SMB2_FLAGS_SERVER_TO_REDIR,
			      .message_id = UINT64_MAX };
	struct outbuf *o = outbuf_new(SMB2_HDR_SIZE + n->len);
	struct smb2_wr w;

	if (!o)
		return NULL;
	w = wr_init(o->buf + OUT_HEADROOM, SMB2_HDR_SIZE + n->len);
	smb2_hdr_put(&w, &h);
	wr_bytes(&w, n->body, n->len);
	o->len = OUT_HEADROOM + w.off;
	return o;
}

static void send_job(struct reactor_job *j)
{
	struct notification *n = container_of(j, struct notification, job);
	struct conn *c = n->channel->conn;
	struct outbuf *o = message(n);

	/* Sending may have found that the connection is at its end, and closed it. */
	if (!o || !conn_notify(n->channel, o, n->sealed) || c->closing) {
		try_next(n);
		return;
	}
	n->placed = false;
	n->acked = 0;
	n->sent_ns = n->since_ns = now_ns();
	list_add_tail(&n->node, &c->notifications);
	conn_awake(c);
}

bool notification_send(struct session *s, const struct notification_to *to, const void *body,
		       size_t len, const struct notification_ops *ops, void *arg)
{
	struct notification *n = xcalloc(1, sizeof(*n));

	n->session = session_get(s);
	n->sealed = to->sealed;
	n->to_client = to->client && !to->sealed; /* only the session's channels have its keys */
	n->ops = ops;
	n->arg = arg;
	n->len = (uint8_t)MIN(len, sizeof(n->body));
	memcpy(n->body, body, n->len);
	n->job.fn = send_job;
	list_init(&n->node);
	if (!choose_channel(n)) {
		session_put(n->session);
		free(n);
		return false;
	}
	reactor_post(n->channel->conn->reactor, &n->job);
	return true;
}

/* ---- until it has arrived ---- */

struct link_state {
	struct tcp_info tcp;
	size_t unacked; /* bytes in the socket, sent or not */
	bool queued;	/* more waits in the daemon */
	bool known;
};

static struct link_state link_state(const struct conn *c)
{
	struct link_state l = { .queued = !list_empty(&c->outq) };
	socklen_t size = sizeof(l.tcp);
	int unacked = 0;

	if (ioctl(c->fd, SIOCOUTQ, &unacked) == 0 &&
	    getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &l.tcp, &size) == 0)
		l.known = true;
	l.unacked = (size_t)MAX(unacked, 0);
	return l;
}

static bool has_arrived(struct notification *n, const struct link_state *l)
{
	if (!l->known)
		return false;
	if (!n->placed && !l->queued) {
		n->placed = true;
		n->end = l->tcp.tcpi_bytes_acked + l->unacked;
	}
	return n->placed && (!l->unacked || l->tcp.tcpi_bytes_acked >= n->end);
}

/*
 * Does the peer's host not answer? One that answers but does not read (a closed window) is alive,
 * and no other connection would help.
 */
static bool stands_still(struct notification *n, const struct link_state *l, uint64_t now)
{
	if (n->acked != l->tcp.tcpi_bytes_acked) {
		n->acked = l->tcp.tcpi_bytes_acked;
		n->since_ns = now;
	}
	if (now < n->since_ns + STALL_NS)
		return false;
	return l->tcp.tcpi_retransmits >= STALL_RETRANSMITS ||
	       (now >= n->since_ns + STALL_LONG_NS && l->tcp.tcpi_unacked && !l->tcp.tcpi_probes);
}

static bool has_next(const struct notification *n)
{
	struct channel *next = next_channel(n);

	if (next)
		channel_and_conn_put(next);
	return next;
}

/* The connection goes, and what it has in its socket with it. */
static void conn_reset(struct conn *c)
{
	struct linger now = { .l_onoff = 1 };
	char addr[INET6_ADDRSTRLEN];

	log_info("connection from %s is closed: it does not answer to what it is told",
		 conn_peer_str(c, addr));
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	conn_close(c);
}

void notifications_tick_slow(struct conn *c, uint64_t now)
{
	struct link_state l = link_state(c);
	struct notification *n, *next;
	unsigned int unread = 0;
	bool dead = false;

	list_for_each_safe (n, next, &c->notifications, node) {
		if (has_arrived(n, &l)) {
			list_del(&n->node);
			notification_end(n, true);
			continue;
		}
		/* A client with two connections could make them without end. */
		dead = dead || (++unread > UNREAD_MAX && now >= n->sent_ns + STALL_ALONE_NS);
		if (l.known && stands_still(n, &l, now)) {
			dead = dead || now >= n->since_ns + STALL_ALONE_NS || has_next(n);
		}
	}
	if (dead)
		conn_reset(c);
}

void notifications_retry(struct conn *c)
{
	struct link_state l;
	struct notification *n, *next;

	if (list_empty(&c->notifications))
		return;
	l = link_state(c);
	list_for_each_safe (n, next, &c->notifications, node) {
		list_del(&n->node);
		if (has_arrived(n, &l)) {
			notification_end(n, true);
		} else {
			debug_conn(LOG_OPLOCK, c, "did not take a notification: the next channel");
			try_next(n);
		}
	}
}
