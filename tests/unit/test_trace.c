/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_trace.c - the rings of a trace: what a filter wants, and that a reader who is slower than
 * the writers finds records whole or counts them as lost.
 */
#include <arpa/inet.h>
#include <pthread.h>

#include "../../ctl/trace_ring.h"
#include "core/ring.h"
#include "core/trace.h"
#include "server.h"
#include "tap.h"

#define WRITERS 3
#define EACH	30000u

struct server server = { .nreactors = 1 };

struct conf *server_conf(void)
{
	return NULL;
}

/* ---- filters ---- */

static bool wants(const struct trace_filter *f, const char *addr)
{
	uint8_t a[16] = { [10] = 0xFF, 0xFF };

	if (inet_pton(AF_INET, addr, a + 12) != 1)
		inet_pton(AF_INET6, addr, a);
	return trace_filter_wants(f, SMB2_READ, (const uint32_t *)(const void *)a);
}

static void filters(void)
{
	static const char *const bad[] = { "",	      "1.2.3",	    "1.2.3.4/33", "1.2.3.4/",
					   "::1/129", "1.2.3.4/-1", "x",	  "1.2.3.4/8x" };
	struct trace_filter f = { 0 };
	unsigned int refused = 0;

	ok(wants(&f, "192.0.2.1") && wants(&f, "2001:db8::1"), "no filter: everybody");
	ok(trace_filter_client(&f, "192.0.2.1"), "one address");
	ok(wants(&f, "192.0.2.1") && !wants(&f, "192.0.2.2") && !wants(&f, "::c000:201"),
	   "... and nobody else");
	ok(trace_filter_client(&f, "192.0.2.128/25"), "a network");
	ok(wants(&f, "192.0.2.200") && !wants(&f, "192.0.2.127"), "... to the bit");
	ok(trace_filter_client(&f, "2001:db8::/33"), "a network of IPv6");
	ok(wants(&f, "2001:db8:7fff::1") && !wants(&f, "2001:db8:8000::1"), "... to the bit");
	ok(trace_filter_client(&f, "0.0.0.0/0") && wants(&f, "203.0.113.9") && !wants(&f, "::1"),
	   "all of IPv4");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refused += !trace_filter_client(&f, bad[i]);
	is_int(refused, ARRAY_SIZE(bad), "what is no address is refused");
	f = (struct trace_filter) { 0 };
	ok(trace_filter_command(&f, "write") && !wants(&f, "192.0.2.1"), "another command");
	ok(trace_filter_command(&f, "READ") && wants(&f, "192.0.2.1"), "one of two commands");
	ok(!trace_filter_command(&f, "REED"), "no command");
}

/* ---- rings ---- */

struct writer {
	pthread_t thread;
	struct conn conn;
	struct request rq;
	uint8_t elem[SMB2_HDR_SIZE + 49];
};

static struct reactor reactor;
static atomic_uint running;

/* READs whose offset is made of the message id and the connection. */
static void *write_all(void *arg)
{
	struct writer *w = arg;

	for (uint64_t i = 1; i <= EACH; i++) {
		w->rq.hdr.message_id = i;
		kh_put_le64(w->elem + SMB2_HDR_SIZE + 8, i * 1000 + w->conn.st.id);
		trace_request(&w->rq, NT_STATUS_SUCCESS, 4096);
	}
	running--;
	return NULL;
}

static void writer_init(struct writer *w, unsigned int i)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&w->conn.peer;

	*w = (struct writer) { .conn.reactor = &reactor, .conn.st.id = i + 1 };
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(0xC0000201);
	w->rq = (struct request) { .conn = &w->conn,
				   .elem = w->elem,
				   .elem_len = sizeof(w->elem),
				   .hdr.command = SMB2_READ,
				   .n = 1,
				   .on_worker = true,
				   .start_ns = now_ns() };
	w->rq.elements = w->rq.inline_elements;
}

static bool whole(const struct trace_record *t)
{
	return t->conn_id >= 1 && t->conn_id <= WRITERS &&
	       t->offset == t->message_id * 1000 + t->conn_id && t->bytes == 4096 &&
	       t->command == SMB2_READ && t->flags == (TRACE_HAS_RANGE | TRACE_WORKER) &&
	       t->addr[3] == htonl(0xC0000201);
}

static void rings(void)
{
	static struct writer writers[WRITERS];
	static uint8_t seen[WRITERS][EACH + 1];
	uint64_t n = 0, torn = 0, twice = 0;
	struct trace_filter all = { 0 };
	struct trace_ring r;
	unsigned int tracer;
	int fd = trace_start(&all, &tracer);

	ok(fd >= 0 && trace_ring_open(&r, fd), "a trace starts");
	ok(write(fd, "x", 1) < 0 && ftruncate(fd, 0) < 0, "nobody else writes to it, or cuts it");
	close(fd);
	running = WRITERS;
	for (unsigned int i = 0; i < WRITERS; i++) {
		writer_init(&writers[i], i);
		pthread_create(&writers[i].thread, NULL, write_all, &writers[i]);
	}
	for (unsigned int more = 8; more; more -= !running) {
		usleep(running ? 500 : 0); /* too slow for some of them */
		trace_ring_read(&r);
		n += r.n;
		for (size_t i = 0; i < r.n; i++) {
			const struct trace_record *t = &r.v[i];

			if (!whole(t))
				torn++;
			else
				twice += seen[t->conn_id - 1][t->message_id]++ != 0;
		}
	}
	for (unsigned int i = 0; i < WRITERS; i++)
		pthread_join(writers[i].thread, NULL);
	is_int(torn, 0, "every record is whole");
	is_int(twice, 0, "and comes once");
	is_int(n + r.lost, WRITERS * EACH, "what does not come is counted");
	ok(n > 0, "some come");
	trace_ring_close(&r);
	trace_stop(tracer);
	is_int(trace_readers, 0, "nobody looks any more");
}

static void many(void)
{
	struct trace_filter all = { 0 };
	unsigned int tracer[5];
	int fds[5];

	for (unsigned int i = 0; i < 4; i++)
		fds[i] = trace_start(&all, &tracer[i]);
	ok(fds[0] >= 0 && fds[3] >= 0, "four at a time");
	is_int(trace_start(&all, &tracer[4]), -EBUSY, "not five");
	close(fds[2]);
	trace_stop(tracer[2]);
	fds[2] = trace_start(&all, &tracer[2]);
	ok(fds[2] >= 0, "another one when one ended");
	for (unsigned int i = 0; i < 4; i++) {
		close(fds[i]);
		trace_stop(tracer[i]);
	}
}

int main(void)
{
	filters();
	rings();
	many();
	return done_testing();
}
