// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stream.c - large plain WRITEs go to the file while they arrive.
 *
 * A WRITE of 8 MiB that is collected first leaves the cache before it is written, and holds 8 MiB
 * per request. When nobody has to see the whole message first (no signature, no encryption, no
 * compound), its head is admitted and checked as soon as it is here, and then each piece goes from
 * the socket through one buffer to the file: on the reactor where that cannot block, else on a
 * worker, the connection pausing meanwhile. After an error the rest is received and dropped.
 */
#include "core/stream.h"
#include "smb2/smb2.h"

#define STREAM_MIN   (256u << 10) /* smaller frames are collected */
#define PIECE_INLINE (256u << 10) /* stays in the second-level cache */
#define PIECE_WORKER (1u << 20)	  /* worth a hop */

struct stream {
	struct conn *conn;
	struct request *rq;
	struct work work;
	struct reactor_job job;
	uint64_t off; /* file offset of the next piece */
	size_t left;  /* bytes that are still to come */
	size_t piece; /* bytes of the piece that a worker has */
	ntstatus status;
	bool busy;    /* a worker has the buffer */
	bool collect; /* no ordinary file: rx takes the whole frame, as if it had no stream */
};

/* Is this the head of a plain WRITE that may be streamed? *data_off: bytes of the head. */
static bool eligible(const uint8_t *p, size_t n, size_t len, size_t *data_off)
{
	struct smb2_rd r = rd_init(p, n);
	struct smb2_hdr h;

	if (len < STREAM_MIN || !smb2_hdr_parse(p, n, &h) || h.command != SMB2_WRITE ||
	    h.next_command || h.flags & (SMB2_FLAGS_SIGNED | SMB2_FLAGS_RELATED_OPERATIONS))
		return false;
	rd_skip(&r, SMB2_HDR_SIZE + 2);
	*data_off = rd_le16(&r);
	return (uint64_t)*data_off + rd_le32(&r) == len && *data_off >= SMB2_HDR_SIZE + 48 &&
	       *data_off <= n && rd_ok(&r);
}

/* The buffer for the next piece; the frame's transport fills it. */
static bool next_piece(struct conn *c, struct stream *s)
{
	bool here = s->status != NT_STATUS_SUCCESS || s->rq->open->memory;

	c->rx_have = 0;
	c->rx_need = MIN(s->left, here ? PIECE_INLINE : PIECE_WORKER);
	if (!c->rx)
		c->rx = buffer_alloc(MIN(s->left, (size_t)PIECE_WORKER), &c->rx_cap);
	return c->rx != NULL;
}

static void finish(struct conn *c, struct stream *s)
{
	struct request *rq = s->rq;

	buffer_free(c->rx, c->rx_cap);
	c->rx = NULL;
	c->stream = NULL;
	c->prefix_have = 0;
	request_stream_end(rq, s->status);
	free(s);
}

static void advance(struct conn *c, struct stream *s, size_t n)
{
	s->off += n;
	s->left -= n;
	if (!s->left)
		finish(c, s);
	else if (!next_piece(c, s))
		conn_close(c);
}

/* ---- a worker's piece ---- */

static void piece_done(struct reactor_job *j)
{
	struct stream *s = container_of(j, struct stream, job);
	struct conn *c = s->conn;

	s->busy = false;
	if (c->closing) {
		stream_abort(c);
		conn_check_gone(c);
		return;
	}
	advance(c, s, s->piece);
	transport_send(c);
	transport_recv(c);
}

static void piece_work(struct work *w)
{
	struct stream *s = container_of(w, struct stream, work);
	struct conn *c = s->conn;

	if (identity_become(s->rq->tree->identity) < 0)
		s->status = NT_STATUS_ACCESS_DENIED;
	else
		s->status = smb2_write_piece(s->rq, c->rx, s->piece, s->off);
	reactor_post(c->reactor, &s->job);
}

/* Pipes, named streams, write-through: the request is run when all of it is here. */
static bool collect(struct conn *c, struct stream *s, const uint8_t *p, size_t n, size_t len)
{
	s->collect = true;
	c->rx = buffer_alloc(len, &c->rx_cap);
	if (!c->rx)
		return false;
	memcpy(c->rx, p, n);
	c->rx_have = n;
	c->rx_need = len;
	return true;
}

static void collected(struct conn *c, struct stream *s)
{
	struct request *rq = s->rq;
	uint8_t *base = c->rx;

	c->rx = NULL;
	c->stream = NULL;
	c->prefix_have = 0;
	free(s);
	request_stream_collected(rq, base, c->rx_have, c->rx_cap);
}

void stream_piece(struct conn *c)
{
	struct stream *s = c->stream;
	size_t n = c->rx_have;

	if (s->collect) {
		collected(c, s);
		return;
	}

	if (s->status == NT_STATUS_SUCCESS && !s->rq->open->memory) {
		s->piece = n;
		s->busy = true;
		s->work.fn = piece_work;
		s->job.fn = piece_done;
		worker_post(&s->work);
		return;
	}
	if (s->status == NT_STATUS_SUCCESS)
		s->status = smb2_write_piece(s->rq, c->rx, n, s->off);
	advance(c, s, n);
}

bool stream_busy(const struct conn *c)
{
	return c->stream && c->stream->busy;
}

bool stream_begin(struct conn *c, const uint8_t *p, size_t n, size_t len)
{
	struct stream *s;
	size_t head, have;

	if (!eligible(p, n, len, &head))
		return false;
	s = calloc(1, sizeof(*s));
	if (!s)
		return false;
	s->conn = c;
	s->left = len - head;
	s->rq = request_stream_begin(c, p, head, &s->status);
	if (!s->rq) {
		free(s);
		conn_close(c);
		return true;
	}
	c->stream = s;
	if (s->status == NT_STATUS_SUCCESS && !smb2_write_streams(s->rq)) {
		if (!collect(c, s, p, n, len))
			conn_close(c);
		return true;
	}
	if (s->status == NT_STATUS_SUCCESS)
		s->status = smb2_write_begin(s->rq, &s->off);
	if (!next_piece(c, s)) {
		conn_close(c);
		return true;
	}
	/* What came along with the head: less than a piece, as the transport's buffer is. */
	have = MIN(n - head, c->rx_need);
	memcpy(c->rx, p + head, have);
	c->rx_have = have;
	if (c->rx_have == c->rx_need)
		stream_piece(c);
	return true;
}

void stream_abort(struct conn *c)
{
	struct stream *s = c->stream;

	if (!s || s->busy)
		return;
	c->stream = NULL;
	request_drop(s->rq);
	free(s);
}
