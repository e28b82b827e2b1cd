// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * transport_kernel.c - messages through the channel of the kernel module (uapi/kh_channel.h), which
 * has the socket.
 *
 * Receiving: one read is under way, into a buffer of the reactor's ring; it gives as many records
 * as fit. A record that is larger than such a buffer is read into memory of its own.
 *
 * Sending: one write is under way; it takes all replies that are queued when it starts, each a
 * record. The module takes whole records, from the first on.
 *
 * The module is trusted to be what it is, but not to be free of mistakes: a record that makes no
 * sense ends the connection.
 */
#include "core/awake.h"
#include "core/entry.h"
#include "core/transport.h"
#include "kernel/attach.h"
#include "kernel/handles.h"
#include "state/state.h"

#define RECORD_VECTORS 3 /* header and handles, message, padding */
#define SEND_VECTORS   (16 * RECORD_VECTORS)
#define RECORD_MAX     ((16u << 20) + 4096) /* the length of a message has 24 bits */

struct conn_send {
	struct iovec iov[SEND_VECTORS];
};

static const uint64_t zeros;

/* ---- receiving ---- */

static void kernel_recv(struct conn *c)
{
	struct io_uring_sqe *sqe;
	int fd = atomic_load_explicit(&c->channel_fd, memory_order_relaxed);

	if (c->recv_armed || c->closing || !conn_may_recv(c))
		return;
	sqe = ring_sqe(c->reactor);
	if (c->rx) {
		io_uring_prep_read(sqe, fd, c->rx, (unsigned int)c->rx_need, 0);
		ring_tag(sqe, RING_BODY, c);
	} else {
		io_uring_prep_read(sqe, fd, NULL, RING_RECV_SIZE, 0);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = RING_RECV_GROUP;
		ring_tag(sqe, RING_RECV, c);
	}
	c->recv_armed = true;
}

static void gone(struct conn *c, uint64_t why)
{
	static const enum bad_input reasons[] = {
		[KH_GONE_FRAME_TYPE] = BAD_frame_type,
		[KH_GONE_FRAME_TOO_SHORT] = BAD_frame_too_short,
		[KH_GONE_FRAME_TOO_LONG] = BAD_frame_too_long,
		[KH_GONE_HEADER] = BAD_header,
		[KH_GONE_COMPOUND] = BAD_compound,
		[KH_GONE_MESSAGE_ID] = BAD_message_id,
		[KH_GONE_DECRYPT] = BAD_decrypt,
	};

	if (why != KH_GONE_PEER && why < ARRAY_SIZE(reasons))
		stats_bad(reasons[why]);
	else if (why == KH_GONE_NO_MEMORY)
		log_notice("connection %llu: the kernel module has no memory for it",
			   (unsigned long long)c->st.id);
	conn_close(c);
}

static void malformed(struct conn *c, const char *what)
{
	log_err("connection %llu: the kernel module sent %s", (unsigned long long)c->st.id, what);
	conn_close(c);
}

/* One record. base: the memory that it is in, which becomes the request's; NULL: borrowed. */
static void record(struct conn *c, const struct kh_upcall *u, uint8_t *msg, uint8_t *base,
		   size_t cap)
{
	size_t len = u->len - sizeof(*u);

	switch (u->type) {
	case KH_UP_FRAME:
		count_add(&c->reactor->stats.reactor->bytes_in, len);
		request_receive_admitted(c, msg, len, base, cap, u);
		return;
	case KH_UP_CLOSED:
		handle_closed_by_client(u->value);
		break;
	case KH_UP_GONE:
		gone(c, u->value);
		break;
	case KH_UP_KEY_LIMIT:
		log_notice("connection %llu ends: the keys of session %016llx were used enough",
			   (unsigned long long)c->st.id, (unsigned long long)u->value);
		conn_close(c);
		break;
	default:
		malformed(c, "a record of an unknown type");
	}
	buffer_free(base, cap);
}

/* The header of the record at p; 0, or its size with padding. */
static size_t record_header(const uint8_t *p, size_t n, struct kh_upcall *u)
{
	uint64_t size;

	if (n < sizeof(*u))
		return 0;
	memcpy(u, p, sizeof(*u));
	size = kh_record_size((uint64_t)u->len);
	return u->len >= sizeof(*u) && size <= n ? (size_t)size : 0;
}

static void records(struct conn *c, uint8_t *p, size_t n)
{
	conn_heard(c);
	while (n && !c->closing) {
		struct kh_upcall u;
		size_t size = record_header(p, n, &u);

		if (!size) {
			malformed(c, "half a record");
			return;
		}
		guard_set(p + size, n - size);
		record(c, &u, p + sizeof(u), NULL, 0);
		guard_clear(p + size, n - size);
		p += size;
		n -= size;
	}
}

/* The next record wants a buffer of its own. */
static void large_record(struct conn *c)
{
	uint32_t size = 0;

	if (channel_peek(atomic_load(&c->channel_fd), &size) < 0 ||
	    size <= sizeof(struct kh_upcall) || size > RECORD_MAX) {
		malformed(c, "a record of no possible size");
		return;
	}
	c->rx = buffer_alloc(size, &c->rx_cap);
	if (!c->rx)
		conn_close(c);
	c->rx_need = size;
}

static void recv_done(struct conn *c, int res, uint32_t cqe_flags)
{
	struct reactor *r = c->reactor;

	if (cqe_flags & IORING_CQE_F_BUFFER) {
		unsigned int id = cqe_flags >> IORING_CQE_BUFFER_SHIFT;
		uint8_t *buf = ring_buf(r, id);

		if (res > 0 && !c->closing) {
			size_t rest = RING_RECV_SIZE - (size_t)res;

			guard_set(buf + res, rest);
			c->in_input = true;
			records(c, buf, (size_t)res);
			c->in_input = false;
			guard_clear(buf + res, rest);
		}
		ring_buf_give(r, id);
	}
	if (res == -EMSGSIZE && !c->closing)
		large_record(c);
	else if (res <= 0 && res != -ENOBUFS && res != -EINTR && res != -EAGAIN)
		conn_close(c);
}

static void body_done(struct conn *c, int res)
{
	uint8_t *base = c->rx;
	struct kh_upcall u;

	if (res == -EINTR || res == -EAGAIN)
		return;
	c->rx = NULL;
	if (res > 0 && !c->closing && record_header(base, (size_t)res, &u) == (size_t)res) {
		conn_heard(c);
		c->in_input = true;
		record(c, &u, base + sizeof(u), base, c->rx_cap);
		c->in_input = false;
		return;
	}
	buffer_free(base, c->rx_cap);
	if (res > 0 && !c->closing)
		malformed(c, "half a large record");
	conn_close(c);
}

/* ---- sending ---- */

static size_t record_len(const struct outbuf *o)
{
	return o->len - o->start + (o->handles ? handles_size(o->handles) : 0);
}

void kernel_queue(struct conn *c, struct outbuf *o, uint16_t flags, struct channel *ch)
{
	struct kh_reply r = { .flags = flags };

	if (o->handles) {
		r.nhandles = (uint16_t)o->handles->n;
		r.len = sizeof(r);
	} else {
		o->start -= sizeof(r);
	}
	r.len = (uint32_t)record_len(o);
	if (ch) {
		r.session_id = ch->session->id;
		o->channel = channel_get(ch);
	}
	if (o->handles)
		o->handles->reply = r;
	else
		memcpy(o->buf + o->start, &r, sizeof(r));
	conn_queue(c, o);
}

static unsigned int record_vectors(const struct outbuf *o, struct iovec *v)
{
	size_t len = record_len(o), pad = kh_record_size(len) - len;
	unsigned int n = 0;

	if (o->handles)
		v[n++] = (struct iovec) { &o->handles->reply, handles_size(o->handles) };
	v[n++] = (struct iovec) { o->buf + o->start, o->len - o->start };
	if (pad)
		v[n++] = (struct iovec) { (void *)(uintptr_t)&zeros, pad };
	return n;
}

static void kernel_send(struct conn *c)
{
	struct conn_send *s = c->send;
	int fd = atomic_load_explicit(&c->channel_fd, memory_order_relaxed);
	struct io_uring_sqe *sqe;
	unsigned int n = 0;
	struct outbuf *o;

	if (c->send_armed || c->closing || list_empty(&c->outq))
		return;
	if (!s)
		s = c->send = xcalloc(1, sizeof(*s));
	list_for_each (o, &c->outq, node) {
		if (n + RECORD_VECTORS > SEND_VECTORS)
			break;
		n += record_vectors(o, s->iov + n);
	}
	sqe = ring_sqe(c->reactor);
	if (n == 1)
		io_uring_prep_write(sqe, fd, s->iov[0].iov_base, (unsigned int)s->iov[0].iov_len,
				    0);
	else
		io_uring_prep_writev(sqe, fd, s->iov, n, 0);
	ring_tag(sqe, RING_SEND, c);
	c->send_armed = true;
}

/* False: the module took a part of a record. */
static bool outq_advance(struct conn *c, size_t n)
{
	struct outbuf *o, *next;

	count_add(&c->reactor->stats.reactor->bytes_out, n);
	list_for_each_safe (o, next, &c->outq, node) {
		size_t size = kh_record_size(record_len(o));

		if (size > n)
			break;
		n -= size;
		conn_dequeue(c, o);
	}
	return n == 0;
}

static void send_done(struct conn *c, int res)
{
	c->send_armed = false;
	if (res > 0) {
		if (!outq_advance(c, (size_t)res) && !c->closing)
			malformed(c, "the count of half a record");
	} else if (res != -EINTR && res != -EAGAIN) {
		if (!c->closing && res != -EPIPE) /* EPIPE: KH_UP_GONE waits to be read */
			log_err("connection %llu: the kernel module refuses a reply: %s",
				(unsigned long long)c->st.id, strerror(-res));
		conn_close(c);
	}
}

/* ---- the rest ---- */

static void kernel_done(struct conn *c, enum ring_tag tag, int res, uint32_t cqe_flags)
{
	switch (tag) {
	case RING_RECV:
		c->recv_armed = false;
		recv_done(c, res, cqe_flags);
		break;
	case RING_BODY:
		c->recv_armed = false;
		body_done(c, res);
		break;
	case RING_SEND:
		send_done(c, res);
		break;
	default:
		break;
	}
	transport_continue(c);
}

static void cancel(struct conn *c, enum ring_tag tag)
{
	struct io_uring_sqe *sqe = ring_sqe(c->reactor);

	io_uring_prep_cancel64(sqe, (uint64_t)(uintptr_t)c | tag, 0);
	ring_tag(sqe, RING_ACCEPT, NULL);
}

static void kernel_shutdown(struct conn *c)
{
	shutdown(c->fd, SHUT_RDWR);
	if (c->recv_armed)
		cancel(c, c->rx ? RING_BODY : RING_RECV);
	if (c->send_armed)
		cancel(c, RING_SEND);
}

static void kernel_end(struct conn *c)
{
	kernel_detach(c);
}

static void kernel_free(struct conn *c)
{
	transport_outq_free(c);
	free(c->send);
	close(c->fd);
	c->fd = -1;
}

const struct transport_ops transport_kernel = {
	.recv = kernel_recv,
	.send = kernel_send,
	.done = kernel_done,
	.shutdown = kernel_shutdown,
	.end = kernel_end,
	.free = kernel_free,
};
