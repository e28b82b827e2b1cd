// SPDX-License-Identifier: GPL-2.0-or-later
/* test_kmod.c - the module by itself: framing, admission, the data path, teardown. Run as root. */
#include "rig.h"
#include "../../unit/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALL_ACCESS 0x001F01FFu
#define FILE_LEN   (3u << 20)
#define WAIT	   3000

/* Names of tests are formats here. */
static const char *says(const char *fmt, ...)
{
	static char buf[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return buf;
}

#undef ok
#undef is_int
#define ok(pass, ...)	       tap_ok((pass), says(__VA_ARGS__), __FILE__, __LINE__)
#define is_int(got, want, ...) tap_int((got), (want), says(__VA_ARGS__), __FILE__, __LINE__)

static struct rig rig;
static uint8_t *content; /* of the file, FILE_LEN bytes */

static int file_new(void)
{
	int fd = memfd_create("kmod-test", 0);

	if (fd < 0 || write(fd, content, FILE_LEN) != FILE_LEN)
		rig_die("file");
	return fd;
}

static bool up_is(struct rig_conn *c, uint16_t type, uint16_t flags)
{
	struct kh_upcall *up;

	return rig_up(c, &up, WAIT) && up->type == type && up->flags == flags;
}

static bool gone_is(struct rig_conn *c, uint64_t why)
{
	struct kh_upcall *up;

	return rig_up(c, &up, WAIT) && up->type == KH_UP_GONE && up->value == why;
}

/* ---- reads and writes ---- */

static bool read_is(struct rig_conn *c, uint64_t off, uint32_t len, uint32_t expect)
{
	struct rig_reply r;
	uint8_t body[64];
	const uint8_t *p;
	uint32_t n = 0;

	rig_request(c, SMB2_READ, body, rig_read_body(body, 1, off, len));
	if (!rig_reply(c, &r, WAIT) || !r.good)
		return false;
	if (!expect)
		return r.hdr.status == NT_STATUS_END_OF_FILE;
	p = rig_read_data(&r, &n);
	return p && n == expect && memcmp(p, content + off, n) == 0;
}

static bool write_is(struct rig_conn *c, int fd, uint64_t off, uint32_t len, uint8_t with)
{
	uint8_t *body = malloc(64 + len), *back = malloc(len), *data = malloc(len);
	struct rig_reply r;
	bool ok;

	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(with + i * 7);
	rig_request(c, SMB2_WRITE, body, rig_write_body(body, 1, off, data, len));
	ok = rig_reply(c, &r, WAIT) && r.good && r.hdr.status == 0 &&
	     kh_get_le32(r.msg + SMB2_HDR_SIZE + 4) == len &&
	     pread(fd, back, len, (off_t)off) == (ssize_t)len && memcmp(back, data, len) == 0;
	memcpy(content + off, data, len);
	free(body);
	free(back);
	free(data);
	return ok;
}

static void test_io(enum rig_security sec, uint16_t alg, uint16_t cipher, const char *name)
{
	static const uint32_t sizes[] = { 1, 100, 4096, 16384, 16385, 65536, 65537, 1 << 20 };
	struct rig_conn c;
	int fd = file_new();

	is_int(rig_attach(&rig, &c, sec, alg, cipher, 512, NULL, 0), 0, "%s: attach", name);
	is_int(rig_handle_add(&rig, 1, fd, ALL_ACCESS, KH_HANDLE_MEMORY, KH_CAPS_ALL), 0,
	       "%s: handle", name);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		ok(read_is(&c, 0, sizes[i], sizes[i]), "%s: read %u", name, sizes[i]);
		ok(read_is(&c, 4093, sizes[i], sizes[i]), "%s: read %u at an odd offset", name,
		   sizes[i]);
		ok(write_is(&c, fd, 12345, sizes[i], (uint8_t)i), "%s: write %u", name, sizes[i]);
	}
	ok(read_is(&c, FILE_LEN - 100, 65536, 100), "%s: read across the end", name);
	ok(read_is(&c, FILE_LEN - 5000, 1 << 20, 5000), "%s: large read across the end", name);
	ok(read_is(&c, FILE_LEN, 4096, 0), "%s: read at the end", name);
	ok(read_is(&c, FILE_LEN + 1, 1 << 20, 0), "%s: large read behind the end", name);
	ok(rig.handles[1].reads > 16 && rig.handles[1].writes == 8, "%s: counted", name);
	is_int(rig_handle_del(&rig, 1), 0, "%s: handle gone", name);
	rig_detach(&c);
	close(fd);
}

static void test_pipelined(void)
{
	struct rig_conn c;
	uint8_t body[64], *out = malloc(64 * 256);
	int fd = file_new(), good = 0;
	struct rig_reply r;
	size_t n = 0;

	is_int(rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 512, NULL, 0), 0, "pipelined: attach");
	(void)rig_handle_add(&rig, 1, fd, ALL_ACCESS, KH_HANDLE_MEMORY, KH_CAPS_ALL);
	for (int i = 0; i < 64; i++)
		n += rig_build(&c, SMB2_READ, body,
			       rig_read_body(body, 1, (uint64_t)i * 4096, 4096), out + n);
	rig_send(&c, out, n);
	for (int i = 0; i < 64; i++) {
		uint32_t len;

		if (rig_reply(&c, &r, WAIT) && rig_read_data(&r, &len) && len == 4096 &&
		    memcmp(rig_read_data(&r, &len), content + r.hdr.message_id * 4096, 4096) == 0)
			good++;
	}
	is_int(good, 64, "64 reads by one send are answered");
	/* The same one byte at a time, for a bit. */
	n = rig_build(&c, SMB2_READ, body, rig_read_body(body, 1, 0, 10), out);
	for (size_t i = 0; i < n; i++)
		rig_send(&c, out + i, 1);
	ok(rig_reply(&c, &r, WAIT) && r.hdr.status == 0, "a request byte by byte");
	(void)rig_handle_del(&rig, 1);
	rig_detach(&c);
	close(fd);
	free(out);
}

/* ---- what goes up ---- */

static void answer_echo(struct rig_conn *c, const struct kh_upcall *up)
{
	const uint8_t *msg = (const uint8_t *)(up + 1);
	uint8_t reply[SMB2_HDR_SIZE + 4] = { 0 };

	memcpy(reply, msg, SMB2_HDR_SIZE);
	kh_put_le32(reply + SMB2_HDR_OFF_FLAGS,
		    SMB2_FLAGS_SERVER_TO_REDIR |
			    (c->security == RIG_SIGNED ? SMB2_FLAGS_SIGNED : 0));
	kh_put_le16(reply + SMB2_HDR_SIZE, 4);
	ok(rig_answer(c, c->security == RIG_SEALED ? KH_REPLYF_SEAL : 0, NULL, 0, reply,
		      sizeof(reply)) > 0,
	   "the daemon answers");
}

static void test_up(enum rig_security sec, uint16_t flags, const char *name)
{
	struct rig_conn c;
	struct kh_upcall *up = NULL;
	struct rig_reply r;
	uint8_t body[64];

	is_int(rig_attach(&rig, &c, sec, 2, 2, 512, NULL, 0), 0, "%s: attach", name);
	rig_request(&c, SMB2_READ, body, rig_read_body(body, 9, 0, 4096));
	ok(rig_up(&c, &up, WAIT) && up->type == KH_UP_FRAME && up->flags == flags &&
		   up->len == sizeof(*up) + SMB2_HDR_SIZE + 49,
	   "%s: a handle that it does not know goes up", name);
	if (up)
		answer_echo(&c, up);
	ok(rig_reply(&c, &r, WAIT) && r.good && r.hdr.credits > 0, "%s: answered, with credits",
	   name);
	rig_detach(&c);
}

static void test_large_up(void)
{
	uint32_t len = 300000;
	uint8_t *body = calloc(1, len + 64);
	struct kh_upcall *up;
	struct rig_conn c;

	(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 512, NULL, 0);
	rig_request(&c, SMB2_WRITE, body, rig_write_body(body, 9, 0, content, len));
	ok(rig_up(&c, &up, WAIT) && up->type == KH_UP_FRAME &&
		   up->len == sizeof(*up) + SMB2_HDR_SIZE + 48 + len &&
		   memcmp((uint8_t *)(up + 1) + SMB2_HDR_SIZE + 48, content, len) == 0,
	   "a large WRITE to nowhere goes up whole");
	kh_put_le16(body, 33);
	rig_request(&c, SMB2_SET_INFO, body, len);
	ok(rig_up(&c, &up, WAIT) && up->len == sizeof(*up) + SMB2_HDR_SIZE + len,
	   "a large SET_INFO goes up whole");
	rig_detach(&c);
	free(body);
}

static void test_large_answer(enum rig_security sec, const char *name)
{
	uint32_t len = 200000;
	uint8_t *reply = calloc(1, SMB2_HDR_SIZE + 16 + len), body[64];
	struct kh_upcall *up;
	struct rig_reply r;
	struct rig_conn c;
	uint32_t n = 0;

	(void)rig_attach(&rig, &c, sec, 2, 2, 512, NULL, 0);
	rig_request(&c, SMB2_READ, body, rig_read_body(body, 9, 0, len));
	ok(rig_up(&c, &up, WAIT), "%s: up", name);
	memcpy(reply, up + 1, SMB2_HDR_SIZE);
	kh_put_le32(reply + SMB2_HDR_OFF_FLAGS,
		    SMB2_FLAGS_SERVER_TO_REDIR | (sec == RIG_SIGNED ? SMB2_FLAGS_SIGNED : 0));
	reply[SMB2_HDR_SIZE] = 17;
	reply[SMB2_HDR_SIZE + 2] = 80;
	kh_put_le32(reply + SMB2_HDR_SIZE + 4, len);
	memcpy(reply + SMB2_HDR_SIZE + 16, content, len);
	ok(rig_answer(&c, sec == RIG_SEALED ? KH_REPLYF_SEAL : 0, NULL, 0, reply,
		      SMB2_HDR_SIZE + 16 + len) > 0,
	   "%s: a large answer of the daemon", name);
	ok(rig_reply(&c, &r, WAIT) && r.good && rig_read_data(&r, &n) && n == len &&
		   memcmp(rig_read_data(&r, &n), content, len) == 0,
	   "%s: arrives as it is", name);
	rig_detach(&c);
	free(reply);
}

/* ---- handles ---- */

static void test_handles(void)
{
	uint8_t body[64];
	struct rig_reply r;
	struct kh_upcall *up;
	struct rig_conn c;
	int fd = file_new();

	(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 512, NULL, 0);
	is_int(rig_handle_add(&rig, 2, fd, ALL_ACCESS, 0, KH_CAPS_ALL), 0, "a handle");
	is_int(rig_handle_add(&rig, 2, fd, ALL_ACCESS, 0, KH_CAPS_ALL), -EBUSY,
	       "its slot is taken");
	is_int(rig_handle_add(&rig, RIG_HANDLES, fd, ALL_ACCESS, 0, 0), -ENOSPC, "beyond the map");
	is_int(rig_handle_add(&rig, 3, c.client, ALL_ACCESS, 0, 0), -EINVAL, "not a regular file");
	is_int(rig_handle_add(&rig, 3, 9999, ALL_ACCESS, 0, 0), -EBADF, "not a file");
	ok(rig_sentence[0] != 0, "refusals have a sentence: %s", rig_sentence);

	__atomic_store_n(&rig.handles[2].caps, KH_CAPS_ALL & ~KH_CAP_READ, __ATOMIC_SEQ_CST);
	is_int(rig_barrier(&rig, 2, KH_CAP_READ), 0, "barrier");
	rig_request(&c, SMB2_READ, body, rig_read_body(body, 2, 0, 100));
	ok(up_is(&c, KH_UP_FRAME, KH_UPF_VERIFIED), "without the capability READ goes up");
	rig_request(&c, SMB2_FLUSH, body, rig_flush_body(body, 2));
	ok(rig_reply(&c, &r, WAIT) && r.hdr.status == 0, "FLUSH is served");
	rig_request(&c, SMB2_CLOSE, body, rig_close_body(body, 2, 1));
	ok(rig_reply(&c, &r, WAIT) && r.hdr.status == 0 &&
		   kh_get_le64(r.msg + SMB2_HDR_SIZE + 48) == FILE_LEN,
	   "CLOSE is served, with the attributes");
	is_int(rig.handles[2].state, KH_HANDLE_CLOSED, "the slot says closed");
	ok(rig_up(&c, &up, WAIT) && up->type == KH_UP_CLOSED && up->value == 0xABC2,
	   "the daemon is told");
	rig_request(&c, SMB2_CLOSE, body, rig_close_body(body, 2, 0));
	ok(up_is(&c, KH_UP_FRAME, KH_UPF_VERIFIED), "a second CLOSE goes up");
	is_int(rig_handle_del(&rig, 2), 0, "deleted");
	is_int(rig_handle_del(&rig, 2), -ENOENT, "and not there any more");
	is_int(rig.handles[2].state, KH_HANDLE_FREE, "the slot is free");
	is_int(rig_session_del(&rig, RIG_SESSION), 0, "the session goes");
	is_int(rig_session_del(&rig, RIG_SESSION), -ENOENT, "and is gone");
	rig_request(&c, SMB2_ECHO, "\4\0\0\0", 4);
	ok(up_is(&c, KH_UP_FRAME, KH_UPF_VERIFIED), "without a session ECHO goes up");
	rig_detach(&c);
	close(fd);
}

/* ---- the end ---- */

static void test_gone(void)
{
	static const uint8_t wrong_type[8] = { 0x42 }, too_short[8] = { 0, 0, 0, 2 };
	static const uint8_t too_long[8] = { 0, 0xFF, 0xFF, 0xFF };
	uint8_t out[256], body[64];
	struct rig_conn c;
	size_t n;

	(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 8, NULL, 0);
	rig_send(&c, wrong_type, 8);
	ok(gone_is(&c, KH_GONE_FRAME_TYPE), "another protocol");
	rig_detach(&c);
	(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 8, NULL, 0);
	rig_send(&c, too_short, 8);
	ok(gone_is(&c, KH_GONE_FRAME_TOO_SHORT), "too short");
	rig_detach(&c);
	(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 8, NULL, 0);
	rig_send(&c, too_long, 8);
	ok(gone_is(&c, KH_GONE_FRAME_TOO_LONG), "too long");
	rig_detach(&c);
	(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 8, NULL, 0);
	n = rig_build(&c, SMB2_ECHO, "\4\0\0\0", 4, out);
	out[4] = 0;
	rig_send(&c, out, n);
	ok(gone_is(&c, KH_GONE_HEADER), "not SMB2");
	rig_detach(&c);
	(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 8, NULL, 0);
	c.message_id = 100;
	rig_request(&c, SMB2_ECHO, "\4\0\0\0", 4);
	ok(gone_is(&c, KH_GONE_MESSAGE_ID), "outside the window");
	rig_detach(&c);
	(void)rig_attach(&rig, &c, RIG_SEALED, 2, 2, 8, NULL, 0);
	n = rig_build(&c, SMB2_ECHO, "\4\0\0\0", 4, out);
	out[n - 1] ^= 1;
	rig_send(&c, out, n);
	ok(gone_is(&c, KH_GONE_DECRYPT), "a wrong seal");
	rig_detach(&c);
	(void)rig_attach(&rig, &c, RIG_SIGNED, 2, 2, 8, NULL, 0);
	n = rig_build(&c, SMB2_READ, body, rig_read_body(body, 1, 0, 10), out);
	out[SMB2_PREFIX_SIZE + SMB2_HDR_OFF_SIGNATURE] ^= 1;
	rig_send(&c, out, n);
	ok(up_is(&c, KH_UP_FRAME, 0), "a wrong signature goes up as not verified");
	close(c.client);
	c.client = -1;
	ok(gone_is(&c, KH_GONE_PEER), "the client goes");
	n = (size_t)read(c.channel, out, sizeof(out));
	is_int((long)n, 0, "the end of the channel");
	rig_detach(&c);
}

/* Half a frame and the end, both there when the module looks: it must see the end, too. */
static void test_gone_at_once(void)
{
	unsigned int gone = 0;
	struct rig_conn c;

	for (int i = 0; i < 20; i++) {
		(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 8, NULL, 0);
		(void)!send(c.client, "\0\0", 2, MSG_MORE); /* in one segment with the end */
		shutdown(c.client, SHUT_WR);
		gone += gone_is(&c, KH_GONE_PEER);
		rig_detach(&c);
	}
	is_int(gone, 20, "a client that goes with what it sent last");
}

static void test_unhandled(void)
{
	uint8_t out[256];
	struct rig_conn c = { .signing_alg = 2 };
	struct rig_reply r;
	size_t n = rig_build(&c, SMB2_ECHO, "\4\0\0\0", 4, out);

	is_int(rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 8, out, 30), 0, "attach with half a request");
	rig_send(&c, out + 30, n - 30);
	ok(rig_reply(&c, &r, WAIT) && r.hdr.command == SMB2_ECHO, "the other half makes it whole");
	rig_detach(&c);
}

static void test_halves(void)
{
	uint32_t len = 1 << 20;
	uint8_t *body = malloc(len + 64), *out = malloc(len + 256);
	int fd = file_new();
	struct rig_conn c;
	size_t n;

	(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 512, NULL, 0);
	(void)rig_handle_add(&rig, 1, fd, ALL_ACCESS, KH_HANDLE_MEMORY, KH_CAPS_ALL);
	memset(out, 0xEE, len);
	n = rig_build(&c, SMB2_WRITE, body, rig_write_body(body, 1, 0, out, len), out);
	rig_send(&c, out, n / 2);
	usleep(50000);
	is_int(rig_barrier(&rig, 1, KH_CAP_WRITE), 0, "half a WRITE holds nobody up");
	rig_detach(&c);
	is_int(pread(fd, body, 4096, 0), 4096, "the file is there");
	ok(memcmp(body, content, 4096) == 0, "and half a WRITE did not touch it");
	(void)rig_handle_del(&rig, 1);
	close(fd);
	free(body);
	free(out);
}

/* ---- what the daemon may do at the wrong time ---- */

static void test_twice(void)
{
	struct rig_conn c;
	int fd = file_new();

	(void)rig_attach(&rig, &c, RIG_SIGNED, 2, 2, 512, NULL, 0);
	(void)rig_handle_add(&rig, 1, fd, ALL_ACCESS, KH_HANDLE_MEMORY, KH_CAPS_ALL);
	ok(write_is(&c, fd, 0, 100, 1), "a WRITE");
	is_int(rig_handle_add(&rig, 1, fd, ALL_ACCESS, 0, KH_CAPS_ALL), -EBUSY, "a handle twice");
	ok(rig.handles[1].writes == 1 && rig.handles[1].end == 100,
	   "the first one's counters are as they were");
	is_int(rig_session_set(&c), 0, "a session replaces itself");
	ok(read_is(&c, 0, 100, 100), "and serves");
	is_int(rig_session_del(&rig, RIG_SESSION), 0, "it is there once");
	is_int(rig_session_del(&rig, RIG_SESSION), -ENOENT, "and not twice");
	(void)rig_handle_del(&rig, 1);
	rig_detach(&c);
	is_int(rig_session_set(&c), -ENOENT, "no session for a connection that is gone");
	close(fd);
}

/* 0 in a child, which goes on after that time. */
static pid_t later(unsigned int ms)
{
	pid_t pid = fork();

	if (pid == 0)
		usleep(ms * 1000);
	return pid;
}

/* The channel as a daemon without poll() would use it. */
static void test_blocking(void)
{
	uint32_t len = 200000;
	uint8_t *reply = calloc(1, SMB2_HDR_SIZE + len), record[256];
	struct rig_conn c;
	int done = 0;

	rig.out_limit = 300000;
	(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 8, NULL, 0);
	rig.out_limit = 0;
	if (!later(50)) {
		rig_request(&c, SMB2_CANCEL, "\4\0\0\0", 4);
		_exit(0);
	}
	ok(read(c.channel, record, sizeof(record)) > 0, "read() waits for a record");
	kh_put_le32(reply, SMB2_MAGIC);
	kh_put_le16(reply + 4, SMB2_HDR_SIZE);
	kh_put_le64(reply + SMB2_HDR_OFF_MESSAGE_ID, UINT64_MAX);
	if (!later(50)) {
		close(c.channel); /* so that the parent's is the last one */
		while (recv(c.client, content, FILE_LEN, 0) > 0)
			;
		_exit(0);
	}
	for (int i = 0; i < 40; i++)
		done += rig_answer(&c, 0, NULL, 0, reply, SMB2_HDR_SIZE + len) > 0;
	is_int(done, 40, "write() waits for the client");
	rig_detach(&c);
	while (wait(NULL) > 0)
		;
	free(reply);
}

/* A WRITE that comes as many small pieces of memory, more than the module holds. */
static void test_many_pages(void)
{
	uint32_t len = 6 << 20, i;
	uint8_t *back = malloc(len), body[64], head[256];
	int fd = file_new(), data = memfd_create("data", 0);
	struct rig_conn c;
	struct rig_reply r;

	(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 512, NULL, 0);
	(void)rig_handle_add(&rig, 1, fd, ALL_ACCESS, KH_HANDLE_MEMORY, KH_CAPS_ALL);
	for (i = 0; i < len; i += FILE_LEN)
		if (write(data, content, FILE_LEN) != FILE_LEN)
			rig_die("data");
	(void)rig_write_body(body, 1, 0, "", 0);
	kh_put_le32(body + 4, len);
	(void)rig_build(&c, SMB2_WRITE, body, 48, head);
	smb2_prefix_put(head, SMB2_HDR_SIZE + 48 + len);
	rig_send(&c, head, SMB2_PREFIX_SIZE + SMB2_HDR_SIZE + 48);
	for (i = 0; i < len; i += 3 << 10) { /* parts of pages do not become one piece */
		off_t off = i / (3 << 10) * 4096 % FILE_LEN;

		if (sendfile(c.client, data, &off, 3 << 10) != 3 << 10)
			break;
	}
	ok(rig_reply(&c, &r, WAIT) && r.hdr.status == 0 && rig.handles[1].write_bytes == len,
	   "a WRITE of %u pieces", len / (3 << 10));
	is_int(pread(fd, back, len, 0), len, "is in the file");
	for (i = 0; i < len; i += 3 << 10)
		if (memcmp(back + i, content + i / (3 << 10) * 4096 % FILE_LEN, 3 << 10))
			break;
	is_int(i, len, "as it was sent");
	(void)rig_handle_del(&rig, 1);
	rig_detach(&c);
	close(fd);
	close(data);
	free(back);
}

static void *del_1(void *unused)
{
	(void)rig_handle_del(&rig, 1);
	rig_thread_end();
	return unused;
}

/* While it is deleted, but in use: nobody is told that it is not. */
static void test_del_waits(void)
{
	int fd = file_new();
	struct rig_conn c;
	struct rig_reply r;
	uint8_t body[128];
	pthread_t thread;
	int err;

	(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 512, NULL, 0);
	(void)rig_handle_add(&rig, 1, fd, ALL_ACCESS, KH_HANDLE_MEMORY, KH_CAPS_ALL);
	if (!later(0)) { /* keeps the file's lock for a while */
		(void)!fallocate(fd, 0, FILE_LEN, 256 << 20);
		_exit(0);
	}
	usleep(5000);
	rig_request(&c, SMB2_WRITE, body, rig_write_body(body, 1, 0, "x", 1));
	usleep(5000);
	if (pthread_create(&thread, NULL, del_1, NULL))
		rig_die("thread");
	usleep(5000);
	err = rig_barrier(&rig, 1, KH_CAP_WRITE);
	ok((err == 0 || err == -ENOENT) && rig.handles[1].writes == 1,
	   "a barrier while the handle is deleted waits for its requests");
	err = rig_handle_del(&rig, 1);
	ok(err == 0 || err == -ENOENT, "so does another deletion");
	pthread_join(thread, NULL);
	ok(rig_reply(&c, &r, WAIT) && r.hdr.status == 0, "and they are answered");
	is_int(rig.handles[1].state, KH_HANDLE_FREE, "then the slot is free");
	rig_detach(&c);
	while (wait(NULL) > 0)
		;
	close(fd);
}

/* Sockets that are made by an attached one know nothing of its connection. */
static void test_listener(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	socklen_t len = sizeof(a);
	int client, child;
	struct rig_conn c;

	(void)rig_attach(&rig, &c, RIG_PLAIN, 2, 2, 8, NULL, 0);
	is_int(connect(c.server, &none, sizeof(none)), 0, "an attached socket is disconnected");
	ok(bind(c.server, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(c.server, 1) == 0 &&
		   getsockname(c.server, (struct sockaddr *)&a, &len) == 0,
	   "it listens");
	client = socket(AF_INET, SOCK_STREAM, 0);
	is_int(connect(client, (struct sockaddr *)&a, len), 0, "a client of it");
	child = accept4(c.server, NULL, NULL, SOCK_NONBLOCK);
	close(c.channel);
	c.channel = -1;
	is_int(send(client, "a", 1, 0), 1, "it sends when the channel is closed");
	close(client);
	close(child);
	rig_detach(&c);
}

int main(void)
{
	content = malloc(FILE_LEN);
	for (uint32_t i = 0; i < FILE_LEN; i++)
		content[i] = (uint8_t)(i * 2654435761u >> 13);
	rig_open(&rig);
	test_unhandled();
	test_io(RIG_PLAIN, 2, 2, "plain");
	test_io(RIG_SIGNED, SMB2_SIGNING_HMAC_SHA256, 2, "HMAC-SHA256");
	test_io(RIG_SIGNED, SMB2_SIGNING_AES_CMAC, 2, "AES-CMAC");
	test_io(RIG_SIGNED, SMB2_SIGNING_AES_GMAC, 2, "AES-GMAC");
	test_io(RIG_SEALED, 2, SMB2_ENCRYPTION_AES128_CCM, "AES-128-CCM");
	test_io(RIG_SEALED, 2, SMB2_ENCRYPTION_AES128_GCM, "AES-128-GCM");
	test_io(RIG_SEALED, 2, SMB2_ENCRYPTION_AES256_CCM, "AES-256-CCM");
	test_io(RIG_SEALED, 2, SMB2_ENCRYPTION_AES256_GCM, "AES-256-GCM");
	test_pipelined();
	test_up(RIG_PLAIN, KH_UPF_VERIFIED, "plain");
	test_up(RIG_SIGNED, KH_UPF_VERIFIED, "signed");
	test_up(RIG_SEALED, KH_UPF_SEALED | KH_UPF_VERIFIED, "sealed");
	test_large_up();
	test_large_answer(RIG_PLAIN, "plain");
	test_large_answer(RIG_SIGNED, "signed");
	test_large_answer(RIG_SEALED, "sealed");
	test_handles();
	test_halves();
	test_gone();
	test_gone_at_once();
	test_twice();
	test_listener();
	test_blocking();
	test_many_pages();
	test_del_waits();
	rig_close(&rig);
	free(content);
	return done_testing();
}
