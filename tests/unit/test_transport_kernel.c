// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_transport_kernel.c - a connection that the kernel module has, with a module made of a socket
 * pair: records in, records out, what is too large, what is taken in part, what makes no sense; and
 * the hand-over. The real module is tested by tests/kernel.
 *
 * Packets of a socket pair stand for the channel: one is what one read gives. What a packet cannot
 * do, the transport's own completions are told by `between`.
 */
#include "core/transport.h"
#include "core/view.h"
#include "kernel/attach.h"
#include "kernel/bpf_link.h"
#include "kernel/kmod_link.h"
#include "state/state.h"
#include "tap.h"

#include <arpa/inet.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/stat.h>

struct server server = { .kmod_fd = -1, .kmod_why = "module not loaded" };

static struct conf *conf;
static struct reactor *reactor;

struct conf *server_conf(void)
{
	return conf_get(conf);
}

/* ---- the module that is none ---- */

static struct {
	int channel[2]; /* the daemon's, the module's */
	int err;	/* of the next attach */
	uint8_t unhandled[256];
	uint32_t unhandled_len, credits;
	sem_t attached;
	uint32_t peek;		/* what KH_CHANNEL_PEEK says; 0 is an error */
	_Atomic bool too_large; /* the next packet was too large for a buffer */
	_Atomic bool one_only;	/* the next write takes one record */
	_Atomic int result;	/* of the next read, if not 0 */
} fake;

const char *kmod_error(void)
{
	return "the fake module does not want to";
}

int kmod_conn_attach(const struct kmod_conn *k)
{
	int err = fake.err;

	if (!err) {
		fake.unhandled_len = k->unhandled_len;
		memcpy(fake.unhandled, k->unhandled, MIN(k->unhandled_len, 256u));
		fake.credits = k->window->granted;
	}
	sem_post(&fake.attached);
	return err ? err : fake.channel[0];
}

int kmod_session_set(uint64_t conn_id, const struct kmod_session *s)
{
	return 0;
}

int kmod_session_del(uint64_t conn_id, uint64_t session_id)
{
	return 0;
}

int channel_peek(int fd, uint32_t *size)
{
	*size = fake.peek;
	return fake.peek ? 0 : -ENOTTY;
}

/* ---- between ring and transport ---- */

static struct transport_ops between;

static void between_done(struct conn *c, enum ring_tag tag, int res, uint32_t flags)
{
	int result = 0;

	if (tag == RING_RECV && res > 0) {
		if (atomic_exchange(&fake.too_large, false))
			res = -EMSGSIZE;
		result = atomic_exchange(&fake.result, 0);
		if (result)
			res = result;
	}
	if (tag == RING_SEND && res > 0 && atomic_exchange(&fake.one_only, false)) {
		struct outbuf *o = list_first(&c->outq, struct outbuf, node);

		res = (int)kh_record_size(o->len - o->start);
	}
	transport_kernel.done(c, tag, res, flags);
}

/* ---- connections ---- */

struct make {
	struct reactor_job job;
	int fd;
	bool attached;
	struct conn *conn;
	sem_t done;
};

static void make_job(struct reactor_job *j)
{
	struct make *m = container_of(j, struct make, job);
	struct conn *c = conn_new(reactor, m->fd, false);

	m->conn = c;
	if (c) {
		list_add_tail(&c->node, &reactor->conns);
		reactor->nconns++;
		c->st.dialect = 0x0311;
		c->st.supports_large_mtu = true;
		c->st.authenticated = true;
		maps_count(&maps.server->preauth, -1);
		c->st.max_read = c->st.max_write = c->st.max_trans = 1 << 20;
		if (m->attached) {
			c->transport = &between;
			atomic_store(&c->channel_fd, fake.channel[0]);
		}
		transport_recv(c);
		atomic_store(&c->attach_wanted, true); /* after the first message */
	}
	sem_post(&m->done);
}

/* The client's end of a TCP connection whose other end the server has. */
static int connection(bool attached)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	struct make m = { .job.fn = make_job, .attached = attached };
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(l, (struct sockaddr *)&a, len) || listen(l, 1) ||
	    getsockname(l, (struct sockaddr *)&a, &len) || connect(c, (struct sockaddr *)&a, len))
		return -1;
	m.fd = accept(l, NULL, NULL);
	close(l);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fake.channel))
		return -1;
	sem_init(&m.done, 0, 0);
	reactor_post(reactor, &m.job);
	sem_wait(&m.done);
	return c;
}

static bool wait_gone(void)
{
	for (int i = 0; i < 500 && maps_count(&maps.server->connections, 0); i++)
		usleep(10000);
	return maps_count(&maps.server->connections, 0) == 0;
}

static void finish(int client)
{
	close(client);
	close(fake.channel[1]);
}

/* ---- messages ---- */

static uint8_t packet[512 << 10], answer[256 << 10];

/* A request of size bytes in all at p: header, and a body that is StructureSize alone. */
static void request_at(uint8_t *p, uint16_t command, uint64_t id, size_t size)
{
	struct smb2_hdr h = {
		.command = command, .credit_charge = 1, .credits = 7, .message_id = id
	};
	struct smb2_wr w = wr_init(p, SMB2_HDR_SIZE);

	memset(p, 0, size);
	smb2_hdr_put(&w, &h);
	kh_put_le16(p + SMB2_HDR_SIZE, command == SMB2_WRITE ? 49 : 4);
}

/* A record at off of packet; the offset behind it. */
static size_t record_at(size_t off, uint16_t type, uint64_t value, const void *msg, size_t len)
{
	struct kh_upcall u = { .len = (uint32_t)(sizeof(u) + len), .type = type, .value = value };

	memset(packet + off, 0, kh_record_size(u.len));
	memcpy(packet + off, &u, sizeof(u));
	if (len)
		memcpy(packet + off + sizeof(u), msg, len);
	return off + kh_record_size(u.len);
}

static size_t echo_at(size_t off, uint64_t id)
{
	uint8_t m[SMB2_HDR_SIZE + 4];

	request_at(m, SMB2_ECHO, id, sizeof(m));
	return record_at(off, KH_UP_FRAME, 0, m, sizeof(m));
}

static ssize_t hear(void)
{
	struct pollfd p = { .fd = fake.channel[1], .events = POLLIN };

	return poll(&p, 1, 5000) == 1 ? read(p.fd, answer, sizeof(answer)) : -1;
}

/* Is there, at off of the answer, a record with the reply to id? The offset behind it, or 0. */
static size_t reply_at(size_t off, ssize_t n, uint16_t command, uint64_t id, ntstatus status)
{
	struct smb2_hdr h;
	struct kh_reply r;

	if (n < 0 || (size_t)n < off + sizeof(r) + SMB2_HDR_SIZE)
		return 0;
	memcpy(&r, answer + off, sizeof(r));
	if (!smb2_hdr_parse(answer + off + sizeof(r), r.len - sizeof(r), &h) || r.nhandles ||
	    r.flags || h.command != command || h.message_id != id || h.status != status ||
	    h.credits != 7 || h.credit_charge != 1 || off + kh_record_size(r.len) > (size_t)n)
		return 0;
	return off + kh_record_size(r.len);
}

static void say(size_t n)
{
	if (write(fake.channel[1], packet, n) != (ssize_t)n)
		perror("write to the channel");
}

/* ---- tests ---- */

static void test_records(void)
{
	int client = connection(true);
	size_t n = 0, off = 0;
	ssize_t got;

	say(echo_at(0, 1));
	got = hear();
	is_int(reply_at(0, got, SMB2_ECHO, 1, NT_STATUS_SUCCESS), got, "a record in, a record out");
	is_int(got, kh_record_size(sizeof(struct kh_reply) + SMB2_HDR_SIZE + 4), "padded to 8");
	for (uint64_t id = 2; id < 42; id++)
		n = echo_at(n, id);
	say(n);
	off = (size_t)(got = hear());
	for (uint64_t id = 2; id < 42; id++) {
		if (off == (size_t)got) { /* not all are one write */
			got = id == 2 ? got : hear();
			off = 0;
		}
		off = reply_at(off, got, SMB2_ECHO, id, NT_STATUS_SUCCESS);
		if (!off)
			break;
	}
	is_int(off, got, "many records in, as many out");
	finish(client);
	ok(wait_gone(), "the channel's end is the connection's");
}

static void test_partial(void)
{
	int client = connection(true);
	size_t off = 0;
	ssize_t got;

	for (uint64_t id = 1; id < 4; id++)
		off = echo_at(off, id);
	fake.one_only = true;
	say(off);
	got = hear();
	ok(reply_at(0, got, SMB2_ECHO, 1, NT_STATUS_SUCCESS), "three are written, one is taken");
	got = hear();
	off = reply_at(0, got, SMB2_ECHO, 2, NT_STATUS_SUCCESS);
	off = off ? reply_at(off, got, SMB2_ECHO, 3, NT_STATUS_SUCCESS) : 0;
	is_int(off, got, "the other two are written again");
	finish(client);
	ok(wait_gone(), "gone");
}

static void test_large(void)
{
	static uint8_t m[100000];
	int client = connection(true), size = 1 << 20;
	ssize_t got;
	size_t n;

	setsockopt(fake.channel[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	request_at(m, SMB2_WRITE, 9, sizeof(m));
	n = record_at(0, KH_UP_FRAME, 0, m, sizeof(m));
	fake.peek = (uint32_t)n;
	fake.too_large = true;
	say(n); /* the packet that is lost to a buffer, and then the whole */
	say(n);
	got = hear();
	is_int(reply_at(0, got, SMB2_WRITE, 9, NT_STATUS_USER_SESSION_DELETED), got,
	       "a record that is larger than a buffer");
	say(echo_at(0, 10));
	got = hear();
	ok(reply_at(0, got, SMB2_ECHO, 10, NT_STATUS_SUCCESS), "small ones afterwards");
	finish(client);
	ok(wait_gone(), "gone");
}

static uint64_t bad_sum(enum bad_input counter)
{
	struct kh_bad_input sum = view_bad(maps_view());

	return ((__u64 *)&sum)[counter];
}

static struct kh_reactor_slot counted(void)
{
	return view_reactors(maps_view());
}

/* Says n bytes of packet; the connection must end, and the counter go up by `counted`. */
static void ends(size_t n, enum bad_input counter, unsigned int counted, const char *name)
{
	int client = connection(true);
	uint64_t before = bad_sum(counter);

	if (n)
		say(n);
	else
		close(steal_fd(&fake.channel[1]));
	ok(wait_gone() && bad_sum(counter) == before + counted, name);
	finish(client);
}

static void test_end(void)
{
	struct kh_upcall *u = (struct kh_upcall *)packet;
	size_t n;

	ends(record_at(0, KH_UP_GONE, KH_GONE_PEER, NULL, 0), BAD_frame_type, 0, "the client left");
	ends(record_at(0, KH_UP_GONE, KH_GONE_MESSAGE_ID, NULL, 0), BAD_message_id, 1,
	     "a message id is counted");
	ends(record_at(0, KH_UP_GONE, KH_GONE_DECRYPT, NULL, 0), BAD_decrypt, 1,
	     "so is a wrong tag");
	ends(record_at(0, KH_UP_GONE, 4711, NULL, 0), BAD_frame_type, 0, "an unknown reason");
	ends(record_at(0, KH_UP_KEY_LIMIT, 1, NULL, 0), BAD_decrypt, 0, "a key was used enough");
	n = echo_at(0, 1);
	u->flags = KH_UPF_SEALED;
	u->session_id = 12345;
	ends(n, BAD_decrypt, 1, "sealed with the key of no session");
	ends(0, BAD_decrypt, 0, "a read of nothing");
}

static void test_garbage(void)
{
	struct kh_upcall *u = (struct kh_upcall *)packet;
	size_t n = echo_at(0, 1);

	ends(20, BAD_header, 0, "less than a header");
	ends(n - 8, BAD_header, 0, "half a record");
	u->len = 31;
	ends(n, BAD_header, 0, "a length below the header's");
	u->len = UINT32_MAX;
	ends(n, BAD_header, 0, "a length that wraps");
	echo_at(0, 1);
	u->type = 99;
	ends(n, BAD_header, 0, "an unknown type");
	memset(packet, 0xFF, 4096);
	ends(4096, BAD_header, 0, "all ones");
	ends(record_at(0, KH_UP_FRAME, 0, NULL, 0), BAD_header, 1, "a frame of nothing");
	n = echo_at(0, 1);
	packet[sizeof(*u)] = 0;
	ends(n, BAD_header, 1, "a frame that is not SMB2");
	echo_at(0, 1);
	fake.peek = 0;
	fake.too_large = true;
	ends(n, BAD_header, 0, "too large, but of no size");
	fake.peek = UINT32_MAX - 7;
	fake.too_large = true;
	ends(n, BAD_header, 0, "too large for anybody");
	atomic_store(&fake.result, -EIO);
	ends(n, BAD_header, 0, "a read that fails");
	ends(record_at(0, KH_UP_CLOSED, 0xFFFFFFFFFFFFull, NULL, 0) +
		     (record_at(sizeof(*u), KH_UP_GONE, 0, NULL, 0) - sizeof(*u)),
	     BAD_header, 0, "the close of what is not open");
}

/* ---- the hand-over ---- */

static size_t framed_echo(uint8_t *p, uint64_t id)
{
	smb2_prefix_put(p, SMB2_HDR_SIZE + 4);
	request_at(p + SMB2_PREFIX_SIZE, SMB2_ECHO, id, SMB2_HDR_SIZE + 4);
	return SMB2_PREFIX_SIZE + SMB2_HDR_SIZE + 4;
}

static void test_attach(void)
{
	uint8_t two[256], got[256];
	size_t one = framed_echo(two, 0);
	int client;

	framed_echo(two + one, 1);
	fake.err = 0;
	client = connection(false);
	if (write(client, two, one + 30) != (ssize_t)one + 30)
		perror("write");
	ok(recv(client, got, one, MSG_WAITALL) == (ssize_t)one, "the answer to what was whole");
	sem_wait(&fake.attached);
	is_int(fake.unhandled_len, 30, "what was not whole goes along");
	ok(!memcmp(fake.unhandled, two + one, 30), "byte by byte");
	is_int(fake.credits, 7, "the window, too");
	say(echo_at(0, 1));
	ok(reply_at(0, hear(), SMB2_ECHO, 1, NT_STATUS_SUCCESS), "the channel is used");
	is_int(counted().attached, 1, "counted");
	finish(client);
	ok(wait_gone(), "gone");
}

static void test_refused(void)
{
	uint8_t one[256], got[256];
	size_t n = framed_echo(one, 0);
	int client;

	fake.err = -EBUSY;
	client = connection(false);
	for (uint64_t id = 0; id < 3; id++) {
		framed_echo(one, id);
		if (write(client, one, n) != (ssize_t)n)
			perror("write");
		ok(recv(client, got, n, MSG_WAITALL) == (ssize_t)n, "answered in user space");
	}
	is_int(counted().attach_refused, 1, "asked once");
	close(fake.channel[0]);
	finish(client);
	ok(wait_gone(), "gone");
}

int main(void)
{
	char path[] = "/tmp/test_transport_kernel.XXXXXX", instance[32];
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, "[global]\n", 9) != 9 || conf_load(path, NULL, NULL, &conf) < 0)
		return 1;
	close(fd);
	unlink(path);
	log_level = LOG_LEVEL_ERR - 1;
	between = transport_kernel;
	between.done = between_done;
	sem_init(&fake.attached, 0, 0);
	snprintf(instance, sizeof(instance), "unit-%d", getpid());
	maps_start(instance, 1, NULL);
	if (workers_start(1) < 0 || reactor_start(0, &reactor) < 0)
		return 1;
	server.reactors = &reactor;
	server.nreactors = 1;

	test_records();
	test_partial();
	test_large();
	test_end();
	test_garbage();
	if (!server.bpf_why) {
		test_attach();
		test_refused();
	} else {
		printf("# no BPF maps: the hand-over is not tested\n");
	}

	reactor_stop(reactor);
	reactor_join(reactor);
	workers_stop();
	while (reactor_drain(reactor))
		;
	reactor_free(reactor);
	maps_stop();
	conf_put(conf);
	return done_testing();
}
