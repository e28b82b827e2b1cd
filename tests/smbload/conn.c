// SPDX-License-Identifier: GPL-2.0-or-later
/* conn.c - sockets: connecting, what comes, what goes, and the buffers for it. */
#include "smbload.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>

#define RX_LEAST  (256u << 10)
#define LOW_WATER (256u << 10)
#define HEAD	  (SMB2_PREFIX_SIZE + SMB2_TRANSFORM_SIZE + READ_HEAD)

/* ---- buffers ---- */

/* Of one size, which the largest message fits, so that every buffer serves for everything. */
static size_t buf_cap(void)
{
	return MAX(RX_LEAST, opt.size + (128u << 10)) + TX_BATCH;
}

struct buf *buf_get(struct worker *w)
{
	struct buf *b = w->pool;

	if (b) {
		w->pool = b->next;
	} else {
		b = xmalloc(sizeof(*b));
		b->cap = buf_cap();
		b->p = xmalloc(b->cap);
	}
	b->next = NULL;
	b->len = b->bytes = 0;
	b->first = b->npieces = 0;
	return b;
}

void buf_put(struct worker *w, struct buf **b)
{
	if (!*b)
		return;
	(*b)->next = w->pool;
	w->pool = *b;
	*b = NULL;
}

void buf_drain(struct worker *w)
{
	while (w->pool) {
		struct buf *b = w->pool;

		w->pool = b->next;
		free(b->p);
		free(b);
	}
}

/* Rare: answers ask for more requests than the socket takes. */
void buf_room(struct buf *b, size_t n)
{
	uint8_t *old = b->p;
	size_t cap = b->cap;

	if (cap - b->len >= n)
		return;
	b->cap = cap * 2 + n;
	b->p = xrealloc(b->p, b->cap);
	for (unsigned int i = b->first; i < b->npieces; i++) {
		size_t at = (size_t)((uint8_t *)b->pieces[i].iov_base - old);

		if (at < cap)
			b->pieces[i].iov_base = b->p + at;
	}
}

/* ---- the socket ---- */

static void polls(struct conn *c, int how, bool out)
{
	struct epoll_event e = { EPOLLIN | (out ? EPOLLOUT : 0), { .ptr = c } };

	epoll_ctl(c->w->epoll, how, c->fd, &e);
	c->polls_out = out;
}

/* From --from, or, to a loopback address, from one of those: each has ports of its own. */
static bool bind_local(int fd, unsigned int index)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	const struct sockaddr_in *to = (const struct sockaddr_in *)&opt.address;
	int one = 1;

	if (opt.from) {
		if (inet_pton(AF_INET, opt.from, &from.sin_addr) != 1)
			die(EXIT_USAGE, "--from %s: not an IPv4 address", opt.from);
	} else if (to->sin_family == AF_INET && ntohl(to->sin_addr.s_addr) >> 24 == 127 &&
		   opt.connections * opt.channels > 4096) {
		from.sin_addr.s_addr = htonl(0x7F000001u + (index / 4096 << 8));
	} else {
		return true;
	}
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0;
}

void conn_connect(struct conn *c)
{
	int one = 1;

	c->why = 0;
	c->low_water = 1;

	c->fd = socket(opt.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || !bind_local(c->fd, c->index)) {
		conn_fail(c, "a socket: %s", strerror(errno));
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->login = LOGIN_CONNECTING;
	if (connect(c->fd, (struct sockaddr *)&opt.address, opt.address_len) < 0 &&
	    errno != EINPROGRESS) {
		conn_fail(c, "connecting to %s: %s", opt.host, strerror(errno));
		return;
	}
	polls(c, EPOLL_CTL_ADD, true);
}

void conn_close(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_put(c->w, &c->tx);
	buf_put(c->w, &c->rx);
	c->passing = 0;
	login_end(c);
	sign_ctx_free(c->sign);
	seal_ctx_free(c->enc);
	seal_ctx_free(c->dec);
	gcm_free(c->peek);
	c->sign = NULL;
	c->enc = c->dec = NULL;
	c->peek = NULL;
	c->login = LOGIN_NOT;
}

void conn_fail(struct conn *c, const char *fmt, ...)
{
	char what[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	/* Before the workload runs there is nothing to measure without this connection. */
	if (!c->w->measured && !(c->job && c->job->may_fail))
		die(EXIT_CANNOT, "connection %u: %s", c->index + 1, what);
	if (!c->w->said)
		fprintf(stderr, "smbload: connection %u: %s\n", c->index + 1, what);
	c->w->said = true;
	if (c->w->counts)
		c->w->counts->lost++;
	conn_close(c);
	engine_lost(c);
}

/* ---- what goes ---- */

/* What the socket has taken is off the list. */
static void taken(struct buf *b, size_t n)
{
	b->bytes -= n;
	while (n) {
		struct iovec *v = &b->pieces[b->first];
		size_t part = MIN(n, v->iov_len);

		v->iov_base = (uint8_t *)v->iov_base + part;
		v->iov_len -= part;
		n -= part;
		if (!v->iov_len)
			b->first++;
	}
}

bool conn_flush(struct conn *c)
{
	struct buf *b = c->tx;

	while (b && b->bytes) {
		struct msghdr m = { .msg_iov = b->pieces + b->first,
				    .msg_iovlen = b->npieces - b->first };
		ssize_t n = sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			taken(b, (size_t)n);
		} else if (errno == EAGAIN) {
			if (!c->polls_out)
				polls(c, EPOLL_CTL_MOD, true);
			return false;
		} else if (errno != EINTR) {
			conn_fail(c, "sending: %s", strerror(errno));
			return false;
		}
	}
	buf_put(c->w, &c->tx);
	if (c->polls_out)
		polls(c, EPOLL_CTL_MOD, false);
	return true;
}

/* ---- what comes ---- */

/* The data of a READ that nobody looks at: how much of these n bytes it is. */
static size_t pass(struct conn *c, size_t n)
{
	size_t part = MIN(n, c->passing);

	c->passing -= part;
	if (!c->passing)
		frame_passed(c, c->passing_head, c->passing_len);
	return part;
}

/*
 * A frame of n bytes, have of them there, at p. False: the rest has to come before it is taken. Of
 * --unchecked even a whole one may pass: its data is there, and nobody looks at it.
 */
static bool frame(struct conn *c, uint8_t *p, size_t n, size_t have)
{
	if (have < n || opt.unchecked)
		c->passing_len = frame_passes(c, p, n, have, c->passing_head);
	else
		c->passing_len = 0;
	if (c->passing_len) {
		c->passing = n - MIN(n, have);
		if (!c->passing)
			frame_passed(c, c->passing_head, c->passing_len);
		return true;
	}
	if (have >= n)
		frame_take(c, p, n);
	return have >= n;
}

/* Whole frames are taken; what is left of a last one moves to the front. */
static void parse(struct conn *c, struct buf *b)
{
	size_t off = 0, n;

	if (c->passing)
		off = pass(c, b->len);
	while (c->rx == b && b->len - off >= SMB2_PREFIX_SIZE) {
		uint8_t *p = b->p + off;
		size_t have = b->len - off - SMB2_PREFIX_SIZE;

		n = smb2_prefix_len(p);
		if (p[0] != NBSS_SESSION_MESSAGE || n < SMB2_HDR_SIZE ||
		    n + SMB2_PREFIX_SIZE > b->cap) {
			conn_fail(c, "an answer is no SMB2 message");
			return;
		}
		if (!frame(c, p + SMB2_PREFIX_SIZE, n, have))
			break;
		off += SMB2_PREFIX_SIZE + MIN(n, have);
	}
	if (c->rx != b) /* closed meanwhile, and perhaps a new connection */
		return;
	b->len -= off;
	if (b->len && off)
		memmove(b->p, b->p + off, b->len);
}

/*
 * As much as is there: fewer, larger recv() calls cost both ends least. Of a large frame all, but
 * no further than the head of the next one: what lies behind it would have to be moved. Of what is
 * to be dropped no more than tells it.
 */
static size_t want(const struct buf *b)
{
	size_t n = b->len >= SMB2_PREFIX_SIZE ? smb2_prefix_len(b->p) + SMB2_PREFIX_SIZE : 0;

	if (opt.drops && b->len < HEAD)
		return HEAD - b->len;
	if (n <= CREDIT_UNIT)
		return b->cap - b->len;
	return MIN(n + 128, b->cap) - b->len;
}

/* While much of an answer is still to come there is no need to wake up for little of it. */
static void low_water(struct conn *c)
{
	size_t left = c->passing;
	int n;

	if (c->rx && c->rx->len >= SMB2_PREFIX_SIZE)
		left = smb2_prefix_len(c->rx->p) + SMB2_PREFIX_SIZE - c->rx->len;
	n = left >= CREDIT_UNIT ? (int)MIN(left, LOW_WATER) : 1;
	if (n == c->low_water)
		return;
	c->low_water = n;
	setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n));
}

enum came { CAME_NOTHING, CAME_SOME, CAME_END };

/* recv() failed, or says that this was all. */
static enum came none(struct conn *c, ssize_t n)
{
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (c->rx && !c->rx->len)
			buf_put(c->w, &c->rx);
		return CAME_NOTHING;
	}
	conn_fail(c, "%s", n ? strerror(errno) : "ended by the server");
	return CAME_END;
}

/* The data that is passing by never leaves the kernel: tcp(7), MSG_TRUNC. */
static enum came drop(struct conn *c, int flags)
{
	ssize_t n = recv(c->fd, NULL, c->passing, flags | MSG_TRUNC);

	c->w->now = now_ns();
	if (n <= 0)
		return none(c, n);
	pass(c, (size_t)n);
	return c->fd >= 0 ? CAME_SOME : CAME_END;
}

static enum came receive(struct conn *c, int flags)
{
	ssize_t n;

	if (!c->rx)
		c->rx = buf_get(c->w);
	n = recv(c->fd, c->rx->p + c->rx->len, want(c->rx), flags);
	c->w->now = now_ns();
	if (n <= 0)
		return none(c, n);
	c->rx->len += (size_t)n;
	parse(c, c->rx);
	if (!c->rx)
		return CAME_END;
	if (!c->rx->len)
		buf_put(c->w, &c->rx);
	if (opt.drops && c->passing && drop(c, MSG_DONTWAIT) == CAME_END)
		return CAME_END;
	return CAME_SOME;
}

static bool take(struct conn *c, int flags)
{
	enum came came = opt.drops && c->passing ? drop(c, flags) : receive(c, flags);

	if (came == CAME_SOME) {
		low_water(c);
		engine_go(c);
	}
	return came != CAME_NOTHING;
}

void conn_blocks(struct conn *c)
{
	struct timeval t = { 1, 0 };

	fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) & ~O_NONBLOCK);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
}

/*
 * A recv() that waits takes what is there, and then is not woken before the low-water mark comes
 * once more: while there is one, poll() waits.
 */
bool conn_wait(struct conn *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	if (c->low_water <= 1)
		return take(c, 0);
	return poll(&p, 1, 1000) > 0 && take(c, MSG_DONTWAIT);
}

void conn_event(struct conn *c, uint32_t events)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (c->login == LOGIN_CONNECTING) {
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n);
		if (error) {
			conn_fail(c, "connecting to %s: %s", opt.host, strerror(error));
			return;
		}
		login_begin(c);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		take(c, MSG_DONTWAIT);
	if (c->fd >= 0 && (events & EPOLLOUT) && conn_flush(c))
		engine_go(c);
}
