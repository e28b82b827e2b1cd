// SPDX-License-Identifier: GPL-2.0-or-later
/* rig_peer.c - see rig_peer.h. */
#include "rig_peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SINK (1u << 20)

int peer_patience = 10000;

/* ---- the client ---- */

/* A small answer is here in full: is it the ECHO's that is waited for? */
static void answered(struct peer *p)
{
	uint8_t *msg = p->part + SMB2_PREFIX_SIZE;
	size_t len = p->have - SMB2_PREFIX_SIZE;
	struct smb2_hdr h;

	if (len > SMB2_TRANSFORM_SIZE && kh_get_le32(msg) == SMB2_TRANSFORM_MAGIC) {
		struct iovec iov = { msg + SMB2_TRANSFORM_SIZE, len - SMB2_TRANSFORM_SIZE };

		if (seal_decrypt(p->c.dec, msg, &iov, 1) < 0)
			return;
		msg = iov.iov_base;
		len = iov.iov_len;
	}
	if (smb2_hdr_parse(msg, len, &h) && h.command == SMB2_ECHO && h.message_id == p->echo)
		p->done = true;
}

static void receive(struct peer *p, const uint8_t *from, size_t n)
{
	while (n) {
		size_t k, len, want = SMB2_PREFIX_SIZE;

		if (p->skip) {
			k = n < p->skip ? n : p->skip;
			p->skip -= k;
			from += k;
			n -= k;
			continue;
		}
		len = p->have < want ? 0 : smb2_prefix_len(p->part);
		if (len > sizeof(p->part) - SMB2_PREFIX_SIZE) {
			p->skip = len;
			p->have = 0;
			continue;
		}
		want += len;
		k = n < want - p->have ? n : want - p->have;
		memcpy(p->part + p->have, from, k);
		p->have += k;
		from += k;
		n -= k;
		if (p->have == want && len) {
			answered(p);
			p->have = 0;
		}
	}
}

/* What the client is sent now. */
static void take(struct peer *p)
{
	static _Thread_local uint8_t sink[SINK];
	ssize_t n = recv(p->c.client, sink, sizeof(sink), MSG_DONTWAIT);

	if (n > 0)
		receive(p, sink, (size_t)n);
}

/* ---- the daemon ---- */

/*
 * What goes up is refused, so that credits and requests come to an end. Without its session's key,
 * which may be away by now, the module takes no answer: the ECHO that is waited for ends so, too.
 */
static void peer_refuse(struct peer *p, const struct kh_upcall *up)
{
	const uint8_t *msg = (const uint8_t *)(up + 1);
	uint8_t reply[SMB2_HDR_SIZE + 9] = { 0 };
	uint16_t flags = up->flags & KH_UPF_SEALED ? KH_REPLYF_SEAL : 0;
	long n;

	memcpy(reply, msg, SMB2_HDR_SIZE);
	kh_put_le32(reply, SMB2_MAGIC);
	kh_put_le16(reply + 4, SMB2_HDR_SIZE);
	kh_put_le32(reply + SMB2_HDR_OFF_STATUS, NT_STATUS_ACCESS_DENIED);
	kh_put_le32(reply + SMB2_HDR_OFF_FLAGS, SMB2_FLAGS_SERVER_TO_REDIR);
	kh_put_le32(reply + SMB2_HDR_OFF_NEXT, 0);
	kh_put_le16(reply + SMB2_HDR_SIZE, 9);
	for (int tries = 0; tries < 2000; tries++) {
		struct pollfd f = { .fd = p->c.client, .events = POLLIN };

		n = rig_answer(&p->c, flags, NULL, 0, reply, sizeof(reply));
		if (n != -EAGAIN)
			break;
		if (poll(&f, 1, 1) > 0) /* too much waits for the client */
			take(p);
	}
	if (n < 0 && kh_get_le64(msg + SMB2_HDR_OFF_MESSAGE_ID) == p->echo)
		p->done = true;
}

/* Everything that is up there. */
void peer_serve_up(struct peer *p)
{
	static _Thread_local uint8_t buf[512 << 10];
	ssize_t n, at, size;

	while ((n = read(p->c.channel, buf, sizeof(buf))) > 0) {
		for (at = 0; at < n; at += size) {
			const struct kh_upcall *up = (const struct kh_upcall *)(buf + at);

			size = kh_record_size((ssize_t)up->len);
			if (up->len < sizeof(*up) || at + size > n) {
				fprintf(stderr, "records do not fit into what was read\n");
				exit(1);
			}
			if (up->type == KH_UP_GONE)
				p->dead = true;
			if (up->type == KH_UP_FRAME)
				peer_refuse(p, up);
		}
	}
	if (n == 0)
		p->dead = true;
	if (n < 0 && errno == EMSGSIZE) { /* larger than what a program may send */
		fprintf(stderr, "a record is too large\n");
		exit(1);
	}
}

/* One look at both ends. */
void peer_pump(struct peer *p, int timeout_ms)
{
	struct pollfd f[2] = { { .fd = p->c.client, .events = POLLIN },
			       { .fd = p->c.channel, .events = POLLIN } };

	if (poll(f, 2, timeout_ms) <= 0)
		return;
	if (f[0].revents)
		take(p);
	if (f[1].revents)
		peer_serve_up(p);
}

void peer_put(struct peer *p, const uint8_t *from, size_t n)
{
	for (int tries = 0; n && !p->dead && tries < 2000; tries++) {
		ssize_t k = send(p->c.client, from, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (k > 0) {
			from += k;
			n -= (size_t)k;
		} else if (errno == EAGAIN) {
			peer_pump(p, 1);
		} else {
			return;
		}
	}
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool peer_until(struct peer *p, const bool *done)
{
	int64_t end = now_ms() + peer_patience;

	do {
		if (done && *done)
			return true;
		peer_pump(p, 1);
	} while (!p->dead && now_ms() < end);
	return p->dead;
}

_Noreturn void peer_stuck(const struct peer *p, const char *what)
{
	const struct kh_conn_slot *s = &p->c.rig->conns[p->c.slot];
	int in = 0, unsent = 0, error = 0;
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info), size = sizeof(error);

	(void)getsockopt(p->c.server, IPPROTO_TCP, TCP_INFO, &info, &len);
	(void)getsockopt(p->c.server, SOL_SOCKET, SO_ERROR, &error, &size);
	ioctl(p->c.server, FIONREAD, &in);
	ioctl(p->c.server, TIOCOUTQ, &unsent);
	fprintf(stderr,
		"%s: session %d/%u/%u, TCP state %u error %d, %d bytes to receive, %d on their "
		"way; frames %llu passed_up %llu served %llu replies %llu stalls %llu up %llu out "
		"%llu credits "
		"%llu; waits for %llu, has "
		"%llu, part %zu skip %zu\n",
		what, p->c.security, p->c.signing_alg, p->c.cipher, info.tcpi_state, error, in,
		unsent, (unsigned long long)s->frames, (unsigned long long)s->passed_up,
		(unsigned long long)s->served, (unsigned long long)s->replies,
		(unsigned long long)s->stalls, (unsigned long long)s->up_bytes,
		(unsigned long long)s->out_bytes, (unsigned long long)s->credits,
		(unsigned long long)p->echo, (unsigned long long)p->done, p->have, p->skip);
	exit(1);
}
