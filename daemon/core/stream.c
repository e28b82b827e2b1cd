// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stream.c - large plain WRITEs go to the file while they arrive.
 *
 * A WRITE of 8 MiB that is collected first leaves the cache before it is written, and holds 8 MiB
 * per request. When nobody has to see the whole message first (no signature, no encryption, no
 * compound), its head is admitted and checked as soon as it is here, and then each piece goes from
 * the socket to the file, through a pipe or one buffer: on the reactor where that cannot block,
 * else on a worker, the connection pausing meanwhile. After an error the rest is received and
 * dropped.
 */
#include "core/entry.h"
#include "core/stream.h"
#include "core/transport.h"
#include "smb2/smb2.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define STREAM_MIN   (256u << 10) /* smaller frames are collected */
#define PIECE_INLINE (256u << 10) /* stays in the second-level cache */
#define PIECE_WORKER (1u << 20)	  /* worth a hop */
#define COPY_LEAST   (128u << 10) /* worth a wake-up, unless less is left */
#define COPY_MAX     (1u << 20)	  /* in one go, before it is somebody else's turn */

#define CPUID_FSRM (1u << 4) /* leaf 7, EDX: fast short "rep movsb" */

struct stream {
	struct conn *conn;
	struct request *rq;
	struct work work;
	struct reactor_job job;
	uint64_t off; /* file offset of the next piece */
	size_t left;  /* bytes that are still to come */
	size_t piece; /* bytes of the piece that a worker has */
	ntstatus status;
	bool busy;    /* a worker has the piece */
	bool broken;  /* the file refused what lies in the pipe */
	bool in_rx;   /* the piece lies in conn.rx, not in the pipe */
	int pipe[2];  /* of pipe_get(); -1: through rx */
	bool direct;  /* by the reactor's own calls, through a buffer of its */
	bool collect; /* no ordinary file: rx takes the whole frame, as if it had no stream */
};

static void piece_work(struct work *w);
static void piece_done(struct reactor_job *j);

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

/* conn.rx with room for n bytes, empty. */
static bool rx_room(struct conn *c, size_t n)
{
	if (c->rx && c->rx_cap < n) {
		buffer_free(c->rx, c->rx_cap);
		c->rx = NULL;
	}
	if (!c->rx)
		c->rx = buffer_alloc(n, &c->rx_cap);
	c->rx_have = 0;
	c->rx_need = n;
	return c->rx != NULL;
}

/* The buffer for the next piece; the frame's transport fills it. */
static bool next_piece(struct conn *c, struct stream *s)
{
	bool here = s->status != NT_STATUS_SUCCESS || s->rq->open->memory;

	return rx_room(c, MIN(s->left, here ? PIECE_INLINE : PIECE_WORKER));
}

static void pipe_end(struct stream *s, bool empty)
{
	if (s->pipe[0] < 0)
		return;
	pipe_put(s->pipe, empty);
	transport_want(s->conn, 1);
}

/* Does the kernel copy pages by "rep movsb", as Linux since 6.3 does where it is fast? */
static bool pages_copied_fast(void)
{
#if defined(__x86_64__)
	static _Atomic int fast = -1;
	int f = atomic_load_explicit(&fast, memory_order_relaxed);
	unsigned int a, b, c, d;

	if (unlikely(f < 0)) {
		f = __get_cpuid_count(7, 0, &a, &b, &c, &d) && d & CPUID_FSRM;
		atomic_store(&fast, f);
	}
	return f;
#else
	return true;
#endif
}

/*
 * A splice copies once, from page to page. Where that is slow, two copies that find their data in
 * the cache are faster.
 */
static bool splice_is_slow(const struct open *o)
{
	return o->memory && !pages_copied_fast();
}

/* Is the client ahead, so that the next WRITE waits in the socket? */
static void look_behind(struct conn *c, const struct stream *s)
{
	int behind;

	if (s->rq->open && splice_is_slow(s->rq->open))
		c->deep = ioctl(c->fd, FIONREAD, &behind) == 0 && behind;
}

static void finish(struct conn *c, struct stream *s)
{
	struct request *rq = s->rq;

	look_behind(c, s);
	pipe_end(s, true);
	transport_want(c, 1);
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
	if (s->status != NT_STATUS_SUCCESS)
		pipe_end(s, !s->broken); /* what is left is dropped by way of rx */
	if (!s->left)
		finish(c, s);
	else if (s->pipe[0] < 0 && !s->direct && !next_piece(c, s))
		conn_close(c);
}

/* ---- through a pipe ---- */

size_t stream_waits(const struct conn *c)
{
	const struct stream *s = c->stream;

	if (!s || (s->pipe[0] < 0 && !s->direct))
		return 0;
	return MIN(s->left, (size_t)(s->direct ? COPY_LEAST : PIECE_INLINE));
}

/* What lies in the pipe goes to the file; after an error some of it stays there. */
static void drain(struct stream *s, size_t n)
{
	loff_t off = (loff_t)s->off;

	while (n) {
		ssize_t k = splice(s->pipe[0], NULL, s->rq->open->fd, &off, n, SPLICE_F_MOVE);

		if (k > 0) {
			n -= (size_t)k;
		} else if (k == 0 || errno != EINTR) {
			s->status = k ? vfs_errno(errno) : NT_STATUS_DISK_FULL;
			break;
		}
	}
	if (n)
		s->broken = true;
}

/* n: what a call returned that took bytes from the socket. False: there is none now, or no more. */
static bool came(struct conn *c, ssize_t n)
{
	if (n > 0)
		entry_bytes_in(c, (uint64_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		conn_close(c);
	return n > 0;
}

/* Pieces that are here go to the file, as long as others are not kept waiting for it. */
static void copy_ready(struct conn *c, struct stream *s)
{
	uint8_t *buf = c->reactor->piece;
	size_t most = COPY_MAX;

	if (!buf)
		buf = c->reactor->piece = xmalloc(PIECE_INLINE);
	do {
		size_t want = MIN(s->left, (size_t)PIECE_INLINE);
		ssize_t n = recv(c->fd, buf, want, MSG_DONTWAIT);

		if (!came(c, n))
			return;
		if (s->status == NT_STATUS_SUCCESS)
			s->status = smb2_write_piece(s->rq, buf, (size_t)n, s->off);
		most -= MIN(most, (size_t)n);
		advance(c, s, (size_t)n);
		if ((size_t)n < want)
			return;
	} while (c->stream == s && most);
}

void stream_ready(struct conn *c)
{
	struct stream *s = c->stream;
	ssize_t n;

	if (s->direct) {
		copy_ready(c, s);
		return;
	}
	n = splice(c->fd, NULL, s->pipe[1], NULL, MIN(s->left, (size_t)PIPE_BYTES),
		   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (!came(c, n))
		return;
	s->piece = (size_t)n;
	s->in_rx = false;
	if (s->rq->open->memory) {
		drain(s, s->piece);
		advance(c, s, s->piece);
		return;
	}
	s->busy = true;
	s->work.fn = piece_work;
	s->job.fn = piece_done;
	worker_post(&s->work);
}

/* ---- a worker's piece ---- */

static void piece_done(struct reactor_job *j)
{
	struct stream *s = container_of(j, struct stream, job);
	struct conn *c = s->conn;

	s->busy = s->rq->on_worker = false;
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

	s->rq->on_worker = true; /* may block */
	if (identity_become(s->rq->tree->identity) < 0) {
		s->status = NT_STATUS_ACCESS_DENIED;
		s->broken = !s->in_rx;
	} else if (!s->in_rx) {
		drain(s, s->piece);
	} else {
		s->status = smb2_write_piece(s->rq, c->rx, s->piece, s->off);
	}
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
		s->in_rx = true;
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

/* From the socket through a buffer to the file: what is arriving, not what has waited long. */
static bool copies(const struct conn *c, const struct stream *s)
{
	return !c->deep && splice_is_slow(s->rq->open);
}

/*
 * The bytes that came along with the head are a piece of their own when what follows can go through
 * a pipe; else they are the beginning of the first piece.
 */
static bool start(struct conn *c, struct stream *s, const uint8_t *p, size_t n)
{
	bool good = s->status == NT_STATUS_SUCCESS;
	bool past_rx; /* goes what follows */

	s->direct = good && copies(c, s);
	past_rx = s->direct || (good && !s->rq->open->append_only && pipe_get(s->pipe));
	if (past_rx && !n)
		return true;
	if (past_rx ? !rx_room(c, n) : !next_piece(c, s))
		return false;
	memcpy(c->rx, p, n);
	c->rx_have = n;
	if (n && n == c->rx_need)
		stream_piece(c);
	return true;
}

bool stream_begin(struct conn *c, const uint8_t *p, size_t n, size_t len)
{
	struct stream *s;
	size_t head;

	if (!eligible(p, n, len, &head))
		return false;
	s = zalloc(sizeof(*s));
	if (!s)
		return false;
	s->conn = c;
	s->left = len - head;
	s->pipe[0] = s->pipe[1] = -1;
	s->rq = request_stream_begin(c, p, head, &s->status);
	if (!s->rq) {
		free(s);
		conn_close(c);
		return true;
	}
	c->stream = s;
	c->head = (uint16_t)(SMB2_PREFIX_SIZE + head);
	if (s->status == NT_STATUS_SUCCESS && !smb2_write_streams(s->rq)) {
		if (!collect(c, s, p, n, len))
			conn_close(c);
		return true;
	}
	if (s->status == NT_STATUS_SUCCESS)
		s->status = smb2_write_begin(s->rq, &s->off);
	if (!start(c, s, p + head, n - head))
		conn_close(c);
	else if (c->stream == s && s->direct)
		copy_ready(c, s);
	return true;
}

void stream_abort(struct conn *c)
{
	struct stream *s = c->stream;

	if (!s || s->busy)
		return;
	c->stream = NULL;
	pipe_put(s->pipe, false);
	request_drop(s->rq);
	free(s);
}
