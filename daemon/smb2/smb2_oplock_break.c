// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_oplock_break.c - OPLOCK_BREAK: notifications (MS-SMB2 2.2.23.1, 3.3.4.6) and their
 * acknowledgements (2.2.24.1, 3.3.5.22.1). Leases are not granted.
 */
#include "smb2/smb2.h"

#define NOTIFICATION_SIZE 24
#define LEASE_SIZE	  36 /* 2.2.24.2 */

/* ---- notifications ---- */

/* A break on its way to the reactor of one of the session's connections. */
struct notification {
	struct reactor_job job;
	struct open *open;	 /* reference */
	struct session *session; /* reference */
	struct channel *channel; /* reference; its conn too */
	unsigned int tried;	 /* channels that turned out to be closing */
	uint8_t level;
};

static void notification_free(struct notification *n)
{
	session_put(n->session);
	open_put(n->open);
	free(n);
}

/* The next channel to try. False: none is left. */
static bool choose_channel(struct notification *n)
{
	struct session *s = n->session;
	unsigned int i = 0;
	struct channel *ch;

	n->channel = NULL;
	pthread_mutex_lock(&s->lock);
	list_for_each (ch, &s->channels, session_node)
		if (i++ == n->tried) {
			n->channel = channel_get(ch);
			conn_get(ch->conn); /* on the list: the connection is there */
			break;
		}
	pthread_mutex_unlock(&s->lock);
	return n->channel;
}

static struct outbuf *notification_message(const struct notification *n)
{
	struct smb2_hdr h = { .command = SMB2_OPLOCK_BREAK,
			      .flags = SMB2_FLAGS_SERVER_TO_REDIR,
			      .message_id = UINT64_MAX };
	struct outbuf *o = outbuf_new(SMB2_HDR_SIZE + NOTIFICATION_SIZE);
	struct smb2_wr w;

	if (!o)
		return NULL;
	w = wr_init(o->buf + OUT_HEADROOM, SMB2_HDR_SIZE + NOTIFICATION_SIZE);
	smb2_hdr_put(&w, &h);
	wr_le16(&w, NOTIFICATION_SIZE);
	wr_u8(&w, n->level);
	wr_zero(&w, 5);
	wr_le64(&w, n->open->persistent);
	wr_le64(&w, n->open->vol);
	o->len = OUT_HEADROOM + w.off;
	return o;
}

static void notification_send(struct reactor_job *j)
{
	struct notification *n = container_of(j, struct notification, job);
	struct conn *c = n->channel->conn;
	struct outbuf *o = notification_message(n);
	bool sealed = n->session->encrypt || n->open->tree->encrypt;
	bool sent = o && conn_notify(n->channel, o, sealed);

	channel_put(n->channel);
	n->tried++;
	if (!sent && choose_channel(n)) {
		reactor_post(n->channel->conn->reactor, &n->job);
	} else {
		if (!sent)
			oplock_lost(n->open);
		notification_free(n);
	}
	conn_put(c);
}

bool oplock_notify(struct open *o, uint8_t level)
{
	struct notification *n = xcalloc(1, sizeof(*n));

	n->open = open_get(o);
	n->session = session_get(o->session);
	n->level = level;
	n->job.fn = notification_send;
	if (!choose_channel(n)) {
		notification_free(n);
		return false;
	}
	reactor_post(n->channel->conn->reactor, &n->job);
	return true;
}

/* ---- acknowledgements ---- */

ntstatus smb2_oplock_break(struct request *rq)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len);
	struct smb2_fid fid;
	struct smb2_wr *w;
	uint16_t size;
	ntstatus status;
	uint8_t level;

	rd_skip(&r, SMB2_HDR_SIZE);
	size = rd_le16(&r);
	if (size == LEASE_SIZE && rq->elem_len >= SMB2_HDR_SIZE + LEASE_SIZE)
		return NT_STATUS_OBJECT_NAME_NOT_FOUND; /* nobody has a lease */
	level = rd_u8(&r);
	rd_skip(&r, 5);
	fid = rd_fid(&r);
	if (!rd_ok(&r) || size != NOTIFICATION_SIZE)
		return NT_STATUS_INVALID_PARAMETER;
	status = request_open(rq, fid);
	if (status == NT_STATUS_SUCCESS)
		status = oplock_acknowledge(rq->open, level);
	if (status != NT_STATUS_SUCCESS)
		return status;
	w = reply_begin(rq, NOTIFICATION_SIZE);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, NOTIFICATION_SIZE);
	wr_u8(w, level);
	wr_zero(w, 5);
	wr_le64(w, rq->open->persistent);
	wr_le64(w, rq->open->vol);
	return NT_STATUS_SUCCESS;
}
