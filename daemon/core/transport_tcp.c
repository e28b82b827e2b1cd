// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * transport_tcp.c - bytes between a socket and its connection.
 *
 * Receiving: one receive is under way per connection. Between frames it takes a buffer from the
 * reactor's provided ring when bytes arrive; most requests are handled right there. The rest of a
 * large frame is received straight into the frame's own buffer. Where one large frame follows the
 * other, only the head of the next is received along with it, so that no data is copied.
 *
 * Sending: one send is under way per connection; it takes all replies that are queued when it
 * starts. A large reply does not wait for the others that came together with it: what the socket
 * takes of it at once goes out while it is in the cache, and while its client has time for it. File
 * data that waits in a pipe is spliced behind its header.
 */
#include "core/entry.h"
#include "core/stream.h"
#include "core/transport.h"
#include "kernel/attach.h"

#include <poll.h>

#define SEND_VECTORS 32
#define PUSH_MIN     (1u << 20) /* is sent before more is made: it stays in the cache */
#define SEND_FLAGS   (MSG_NOSIGNAL | MSG_WAITALL)

/* Of a send under way; the reactor keeps those that are free. */
struct conn_send {
	union {
		struct msghdr msg;
		struct conn_send *next;
	};
	struct iovec iov[SEND_VECTORS];
};

static struct conn_send *send_take(struct reactor *r)
{
	struct conn_send *s = r->sends;

	if (!s)
		return xmalloc(sizeof(*s));
	r->sends = s->next;
	return s;
}

static void send_give(struct conn *c)
{
	struct conn_send *s = steal_ptr(&c->send);

	if (!s)
		return;
	s->next = c->reactor->sends;
	c->reactor->sends = s;
}

void transport_sends_free(struct reactor *r)
{
	struct conn_send *s;

	while ((s = r->sends)) {
		r->sends = s->next;
		free(s);
	}
}

void transport_want(struct conn *c, int bytes)
{
	if (bytes == MAX(c->want, 1))
		return;
	c->want = bytes;
	setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

/* Of one large frame after the other only the head; of a WRITE that was streamed nothing else. */
static size_t between_frames(const struct conn *c)
{
	if (!c->bulk)
		return RING_RECV_SIZE;
	return c->head ? MIN(c->head, (size_t)RX_AHEAD) : RX_AHEAD;
}

static void tcp_recv(struct conn *c)
{
	struct io_uring_sqe *sqe;
	size_t waits;

	if (c->recv_armed || c->closing || !conn_may_recv(c))
		return;
	if (unlikely(atomic_load_explicit(&c->attach_wanted, memory_order_relaxed)) &&
	    kernel_attach(c))
		return;
	sqe = ring_sqe(c->reactor);
	waits = stream_waits(c);
	if (waits) {
		transport_want(c, (int)waits);
		io_uring_prep_poll_add(sqe, c->fd, POLLIN | POLLRDHUP);
		ring_tag(sqe, RING_READY, c);
	} else if (c->rx) {
		size_t n = c->rx_need - c->rx_have;

		/* What is behind it need not come before its answer, and is not taken in beyond
		 * the limit. */
		if (c->rx_ahead && c->inflight + c->out_bytes + c->rx_cap <= c->conf->max_inflight)
			io_uring_prep_recv(sqe, c->fd, c->rx + c->rx_have, n + RX_AHEAD, 0);
		else
			io_uring_prep_recv(sqe, c->fd, c->rx + c->rx_have, n, MSG_WAITALL);
		ring_tag(sqe, RING_BODY, c);
	} else {
		io_uring_prep_recv(sqe, c->fd, NULL, between_frames(c), 0);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = RING_RECV_GROUP;
		ring_tag(sqe, RING_RECV, c);
	}
	c->recv_armed = true;
}

static void recv_done(struct conn *c, int res, uint32_t cqe_flags)
{
	struct reactor *r = c->reactor;

	c->recv_armed = false;
	if (cqe_flags & IORING_CQE_F_BUFFER) {
		unsigned int id = cqe_flags >> IORING_CQE_BUFFER_SHIFT;
		uint8_t *buf = ring_buf(r, id);

		if (res > 0 && !c->closing) {
			size_t rest = RING_RECV_SIZE - (size_t)res;

			guard_set(buf + res, rest);
			c->in_input = true;
			conn_input(c, buf, (size_t)res);
			c->in_input = false;
			guard_clear(buf + res, rest);
		}
		ring_buf_give(r, id);
	}
	if (res <= 0 && res != -ENOBUFS && res != -EINTR && res != -EAGAIN)
		conn_close(c);
	transport_continue(c);
}

/* The frame in conn.rx is whole, and what came behind it is the beginning of the next one. */
static void rx_done(struct conn *c)
{
	size_t n = c->rx_have - c->rx_need;
	uint8_t ahead[RX_AHEAD];

	memcpy(ahead, c->rx + c->rx_need, n);
	guard_set(ahead + n, sizeof(ahead) - n);
	c->rx_have = c->rx_need;
	conn_rx_done(c);
	if (n && !c->closing)
		conn_input(c, ahead, n);
	guard_clear(ahead + n, sizeof(ahead) - n);
}

static void body_done(struct conn *c, int res)
{
	c->recv_armed = c->rx_ahead = false;
	if (res > 0 && !c->closing) {
		entry_bytes_in(c, MIN((size_t)res, c->rx_need - c->rx_have));
		c->rx_have += (size_t)res;
		if (c->rx_have >= c->rx_need) {
			c->in_input = true;
			rx_done(c);
			c->in_input = false;
		}
	} else if (res != -EINTR && res != -EAGAIN) {
		conn_close(c);
	}
	transport_continue(c);
}

static void ready_done(struct conn *c, int res)
{
	c->recv_armed = false;
	if (res < 0 && res != -EINTR && res != -EAGAIN) {
		conn_close(c);
	} else if (!c->closing) {
		c->in_input = true;
		stream_ready(c);
		c->in_input = false;
	}
	transport_continue(c);
}

/*
 * The bytes that come next, up to a pipe or the end of the queue. Their number of vectors; 0: it is
 * the turn of the first reply's pipe.
 */
static size_t gather(const struct conn *c, struct iovec iov[SEND_VECTORS], int *flags)
{
	struct outbuf *o;
	size_t n = 0;

	list_for_each (o, &c->outq, node) {
		if (o->start < o->len)
			iov[n++] = (struct iovec) { o->buf + o->start, o->len - o->start };
		if (o->pipe_len) {
			*flags |= MSG_MORE;
			break;
		}
		if (n == SEND_VECTORS)
			break;
	}
	return n;
}

/* Sent bytes leave the queue; a reply goes when its pipe, too, is empty. */
static void outq_advance(struct conn *c, size_t n)
{
	struct outbuf *o, *next;

	entry_bytes_out(c, n);
	list_for_each_safe (o, next, &c->outq, node) {
		size_t k = MIN(n, o->len - o->start);

		o->start += k;
		n -= k;
		if (o->start < o->len || o->pipe_len)
			break;
		conn_dequeue(c, o);
		if (n == 0)
			break;
	}
}

/* What the socket takes of the first reply's pipe, or -errno. */
static ssize_t splice_out(struct conn *c)
{
	struct outbuf *o = list_first(&c->outq, struct outbuf, node);
	unsigned int flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
	ssize_t n;

	if (o->node.next != &c->outq)
		flags |= SPLICE_F_MORE;
	n = splice(o->pipe[0], NULL, c->fd, NULL, o->pipe_len, flags);
	if (n <= 0)
		return n ? -errno : -EPIPE;
	entry_bytes_out(c, (uint64_t)n);
	o->pipe_len -= (size_t)n;
	if (!o->pipe_len)
		conn_dequeue(c, o);
	return n;
}

/* 0: all is out, or the socket takes no more; -errno: it is broken. */
static ssize_t send_now(struct conn *c)
{
	struct iovec iov[SEND_VECTORS];
	struct msghdr msg = { .msg_iov = iov };
	ssize_t n;

	do {
		int flags = MSG_NOSIGNAL | MSG_DONTWAIT;

		if (list_empty(&c->outq))
			return 0;
		msg.msg_iovlen = gather(c, iov, &flags);
		if (msg.msg_iovlen) {
			n = sendmsg(c->fd, &msg, flags);
			n = n < 0 ? -errno : n;
			if (n > 0)
				outq_advance(c, (size_t)n);
		} else {
			n = splice_out(c);
		}
	} while (n > 0 || n == -EINTR);
	return n == -EAGAIN ? 0 : n;
}

/* Bytes that are queued; at least most: no matter how many more. */
static size_t queued(const struct conn *c, size_t most)
{
	const struct outbuf *o;
	size_t n = 0;

	list_for_each (o, &c->outq, node) {
		n += o->len - o->start + o->pipe_len;
		if (n >= most)
			break;
	}
	return n;
}

static void tcp_send(struct conn *c)
{
	struct iovec iov[SEND_VECTORS];
	struct io_uring_sqe *sqe;
	int flags = SEND_FLAGS;
	size_t n;

	if (c->send_armed || c->closing || list_empty(&c->outq))
		return;
	if (list_first(&c->outq, struct outbuf, node)->pipe_len) {
		if (send_now(c) < 0)
			conn_close(c);
		if (c->closing || list_empty(&c->outq))
			return;
	}
	n = gather(c, iov, &flags);
	c->send_armed = true;
	sqe = ring_sqe(c->reactor);
	if (n == 0) { /* splice() in the ring would hold a thread until the client takes it */
		io_uring_prep_poll_add(sqe, c->fd, POLLOUT);
		ring_tag(sqe, RING_SPLICE, c);
		return;
	}
	if (n == 1) {
		io_uring_prep_send(sqe, c->fd, iov[0].iov_base, iov[0].iov_len, flags);
	} else {
		struct conn_send *s = c->send = send_take(c->reactor);

		memcpy(s->iov, iov, n * sizeof(*iov));
		s->msg = (struct msghdr) { .msg_iov = s->iov, .msg_iovlen = n };
		io_uring_prep_sendmsg(sqe, c->fd, &s->msg, (unsigned int)flags);
	}
	ring_tag(sqe, RING_SEND, c);
}

static void send_done(struct conn *c, int res)
{
	c->send_armed = false;
	send_give(c);
	if (res > 0)
		outq_advance(c, (size_t)res);
	else if (res != -EINTR && res != -EAGAIN)
		conn_close(c);
	transport_continue(c);
}

static void tcp_push(struct conn *c)
{
	if (c->send_armed || c->closing || queued(c, PUSH_MIN) < PUSH_MIN)
		return;
	entry_conn_seen(c);
	(void)send_now(c); /* an error comes again */
}

static void splice_done(struct conn *c, int res)
{
	c->send_armed = false;
	if (res < 0 && res != -EINTR && res != -EAGAIN)
		conn_close(c);
	transport_continue(c);
}

static void tcp_done(struct conn *c, enum ring_tag tag, int res, uint32_t cqe_flags)
{
	switch (tag) {
	case RING_RECV:
		recv_done(c, res, cqe_flags);
		break;
	case RING_BODY:
		body_done(c, res);
		break;
	case RING_SEND:
		send_done(c, res);
		break;
	case RING_SPLICE:
		splice_done(c, res);
		break;
	case RING_READY:
		ready_done(c, res);
		break;
	default:
		break;
	}
}

static void tcp_shutdown(struct conn *c)
{
	shutdown(c->fd, SHUT_RDWR);
}

static void tcp_free(struct conn *c)
{
	transport_outq_free(c);
	close(c->fd);
	c->fd = -1;
}

const struct transport_ops transport_tcp = {
	.recv = tcp_recv,
	.send = tcp_send,
	.push = tcp_push,
	.done = tcp_done,
	.shutdown = tcp_shutdown,
	.free = tcp_free,
};
