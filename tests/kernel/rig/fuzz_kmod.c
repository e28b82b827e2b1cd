// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_kmod.c - valid SMB2 with one thing at a time broken, into the module; guided by the kernel's
 * coverage of it (KCOV) where there is. Run as root in the debug kernel, which says what it finds
 * in its log.
 *
 *	fuzz_kmod [--seconds N] [--seed S] [--runs N] [--cover FILE] [--corpus FILE]
 *		  [--faults PERCENT]
 *
 * An input is a string of bytes that play() reads as a program: which session, then what client and
 * daemon do, each with what is to be broken in it. An ECHO at the end says that all of it was
 * handled, so that connections, handles and files live on from input to input: setting them up
 * costs more than an input. A second thread does netlink operations meanwhile. Inputs that reach
 * code that none before did are kept (rig_corpus.h). The last line says how many were run and what
 * they reached.
 *
 * cover: the places that were reached, corpus: inputs to begin with, and those that were kept.
 * faults: so many of the kernel's allocations fail meanwhile (the filters of failslab and
 * fail_page_alloc are the caller's), so everything may be refused.
 */
#include "ksmbd_hybrid.h"
#include "rig_corpus.h"
#include "rig_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ALL_ACCESS 0x001F01FFu
#define FILES	   4u
#define FILE_LEN   (256u << 10)
#define OUT_MAX	   (1u << 20)
#define REUSE	   40 /* inputs that a connection lives */

static struct rig rig;
static struct peer peers[8]; /* by security and algorithm */
static int files[FILES];
static struct rig_cover cover_work, cover_calls;
static const char *faults; /* percent */
static uint8_t out[OUT_MAX];
static size_t pending;
static const struct input *playing;

/* ---- the second thread: netlink operations, while requests are under way or waited for ---- */

enum job {
	JOB_NONE,
	JOB_ATTACH,
	JOB_HANDLE_DEL,
	JOB_SESSION_DEL,
	JOB_BARRIER,
	JOB_SESSION_SET,
	JOB_DUMP
};

static struct {
	sem_t go, ready;
	enum job job;
	uint32_t arg;
	struct peer *peer;
	const uint8_t *unhandled;
	uint32_t unhandled_len;
	int result;
} helper;

static int attach(struct peer *p, uint32_t how)
{
	static const enum rig_security sec[] = { RIG_PLAIN,  RIG_SIGNED, RIG_SIGNED, RIG_SIGNED,
						 RIG_SEALED, RIG_SEALED, RIG_SEALED, RIG_SEALED };

	return rig_attach(&rig, &p->c, sec[how & 7], (uint16_t)((how & 3) % 3),
			  (uint16_t)(1 + (how & 3)), 512, helper.unhandled, helper.unhandled_len);
}

static void *help(void *unused)
{
	rig_cover_open(&cover_work, true);
	for (;;) {
		sem_wait(&helper.go);
		switch (helper.job) {
		case JOB_ATTACH:
			helper.result = attach(helper.peer, helper.arg);
			break;
		case JOB_HANDLE_DEL:
			(void)rig_handle_del(&rig, helper.arg % FILES);
			break;
		case JOB_SESSION_DEL:
			(void)rig_session_del(&rig, RIG_SESSION);
			break;
		case JOB_BARRIER:
			(void)rig_barrier(&rig, helper.arg % FILES, KH_CAPS_ALL);
			break;
		case JOB_SESSION_SET:
			(void)rig_session_set(&helper.peer->c);
			break;
		case JOB_DUMP:
			(void)rig_dump(helper.arg & 1 ? KH_CMD_CONN_DUMP : KH_CMD_HANDLE_DUMP);
			break;
		case JOB_NONE:
			rig_thread_end();
			sem_post(&helper.ready);
			return unused;
		}
		sem_post(&helper.ready);
	}
}

/* Begins when the one before has ended. */
static void post(enum job job, uint32_t arg, struct peer *p)
{
	sem_wait(&helper.ready);
	helper.job = job;
	helper.arg = arg;
	helper.peer = p;
	sem_post(&helper.go);
}

static void quiet(void)
{
	sem_wait(&helper.ready);
	sem_post(&helper.ready);
}

/* ---- an input is a program ---- */

struct program {
	const struct input *in;
	unsigned int at;
	struct peer *peer;
};

static uint8_t next(struct program *p)
{
	return p->at < p->in->len ? p->in->bytes[p->at++] : 0;
}

static uint32_t next_length(struct program *p)
{
	static const uint32_t lengths[] = { 0,	   1,	  100,	 4096,	16384, 16385,  20000, 7,
					    32600, 32768, 40000, 65536, 65537, 100000, 512,   3 };

	return lengths[next(p) % (sizeof(lengths) / sizeof(*lengths))];
}

static uint64_t next_offset(struct program *p)
{
	static const uint64_t offsets[] = { 0,
					    1,
					    4095,
					    4096,
					    FILE_LEN - 1,
					    FILE_LEN,
					    FILE_LEN + 4096,
					    0x7FFFFFFFull,
					    0x100000000ull,
					    0x7FFFFFFFFFFFFFFFull,
					    0x8000000000000000ull,
					    UINT64_MAX };
	uint8_t b = next(p);

	return b < 128 ? (uint64_t)b * 997 : offsets[b % (sizeof(offsets) / sizeof(*offsets))];
}

/* A request behind what is pending. */
static size_t build(struct program *p, uint8_t *to)
{
	static uint8_t body[256 << 10], data[256 << 10];
	uint16_t command = SMB2_ECHO;
	uint32_t slot = next(p) % (FILES + 1), len = next_length(p);
	uint64_t off = next_offset(p);
	size_t n = 4;

	memset(body, 0, 64);
	kh_put_le16(body, 4);
	switch (next(p) % 8) {
	case 0:
	case 1:
		command = SMB2_READ;
		n = rig_read_body(body, slot, off, len);
		break;
	case 2:
	case 3:
		command = SMB2_WRITE;
		n = rig_write_body(body, slot, off % (2 * FILE_LEN), data, len);
		break;
	case 4:
		command = SMB2_FLUSH;
		n = rig_flush_body(body, slot);
		break;
	case 5:
		command = SMB2_CLOSE;
		n = rig_close_body(body, slot, next(p) & 3);
		break;
	case 6:
		command = next(p) % 24;
		n = len;
		break;
	}
	return rig_build(&p->peer->c, command, body, n, to);
}

/* A second element behind the first, which is a copy of it with an id of its own. */
static void chain(struct program *p, uint8_t *msg, size_t *len)
{
	size_t first = (*len + 7) & ~(size_t)7;

	if (first > 4096)
		return;
	memset(msg + *len, 0, first - *len);
	memcpy(msg + first, msg, *len);
	kh_put_le32(msg + SMB2_HDR_OFF_NEXT, (uint32_t)first);
	kh_put_le64(msg + first + SMB2_HDR_OFF_MESSAGE_ID, p->peer->c.message_id);
	if (next(p) & 1)
		kh_put_le32(msg + first + SMB2_HDR_OFF_FLAGS, SMB2_FLAGS_RELATED_OPERATIONS);
	p->peer->c.message_id += kh_get_le16(msg + SMB2_HDR_OFF_CHARGE);
	*len += first;
}

/* In the message, before it is signed or sealed: a byte, a field, the length, a chain. */
static void break_message(void *arg, uint8_t *msg, size_t *len)
{
	static const uint8_t fields[] = { 0,  4,  6,  8,  12, 14, 16, 20, 24, 28, 32,
					  36, 40, 44, 48, 64, 66, 68, 72, 76, 80, 96 };
	struct program *p = arg;
	uint8_t how = next(p), where = next(p), what = next(p);
	size_t at = fields[where % sizeof(fields)];

	switch (how % 32) { /* most of it ends the connection, which costs more than a request */
	case 0:		    /* a field, small */
		if (at < *len)
			msg[at] = what;
		break;
	case 1: /* a field, large */
		if (at + 4 <= *len)
			kh_put_le32(msg + at, (what & 1 ? 0xFFFFFFFFu : 0x7FFFFFFFu) - what);
		break;
	case 2: /* a bit anywhere in the head */
		msg[(where * 3u + what) % (*len < 160 ? *len : 160)] ^= (uint8_t)(1u << (what & 7));
		break;
	case 3: /* less of it */
		if (*len > SMB2_HDR_SIZE)
			*len -= what % (*len - SMB2_HDR_SIZE);
		break;
	case 4: /* a compound */
	case 5:
		chain(p, msg, len);
		break;
	case 6: /* a broken one */
		kh_put_le32(msg + SMB2_HDR_OFF_NEXT, 64u + (what & 0xF8));
		break;
	}
}

/* Of what is sent, behind that. */
static size_t break_frame(struct program *p, uint8_t *frame, size_t n)
{
	uint8_t how = next(p), what = next(p);

	switch (how % 128) {
	case 0: /* shorter than the prefix says */
		n -= n > 8 ? what % (n / 2) : 0;
		break;
	case 1: /* a prefix of less */
		if (n > 8)
			smb2_prefix_put(frame, (uint32_t)(n - SMB2_PREFIX_SIZE - what % (n - 5)));
		break;
	case 2: /* a prefix of more */
		smb2_prefix_put(frame, (uint32_t)n + what * 300u);
		break;
	case 3: /* a bit: of the type, the seal, the signature */
		frame[what % (n < 120 ? n : 120)] ^= (uint8_t)(1u << (what >> 5));
		break;
	case 4: /* NetBIOS keep-alive */
		kh_put_be32(frame, (uint32_t)NBSS_SESSION_KEEP_ALIVE << 24 | (what & 1));
		n = SMB2_PREFIX_SIZE;
		break;
	}
	return n;
}

/* ---- the daemon ---- */

static void set_blocking(int fd, bool blocks)
{
	fcntl(fd, F_SETFL, blocks ? 0 : O_NONBLOCK);
}

/* A record that no daemon should write; the module's answer is its own business. */
static void bad_record(struct program *p)
{
	static uint8_t buf[80 << 10];
	struct kh_reply *r = (struct kh_reply *)buf;
	uint8_t how = next(p), nhandles = next(p) % 3, flags = next(p) % 9;
	uint32_t len = next_length(p), at = sizeof(*r);
	static uint8_t *msg;

	*r = (struct kh_reply) { .flags = flags, .nhandles = nhandles, .session_id = RIG_SESSION };
	for (unsigned int i = 0; i < nhandles; i++, at += sizeof(struct kh_reply_handle)) {
		uint32_t slot = next(p) % FILES;
		struct kh_reply_handle h = rig_handle_record(
			&rig, slot, files[slot], ALL_ACCESS,
			next(p) & 1 ? KH_HANDLE_MEMORY : KH_HANDLE_SYNC, KH_CAPS_ALL);
		memcpy(buf + at, &h, sizeof(h));
	}
	if (len > sizeof(buf) - at - 256)
		len = sizeof(buf) - at - 256;
	msg = buf + at;
	memset(msg, 0, 128);
	kh_put_le32(msg, SMB2_MAGIC);
	kh_put_le16(msg + 4, SMB2_HDR_SIZE);
	kh_put_le16(msg + SMB2_HDR_OFF_CHARGE, 1);
	kh_put_le16(msg + SMB2_HDR_OFF_CREDITS, next(p));
	kh_put_le32(msg + SMB2_HDR_OFF_FLAGS, how & 0x10 ? 1 | SMB2_FLAGS_SIGNED : 1);
	kh_put_le64(msg + SMB2_HDR_OFF_SESSION_ID, how & 0x20 ? 99 : RIG_SESSION);
	kh_put_le64(msg + SMB2_HDR_OFF_MESSAGE_ID, how & 0x40 ? UINT64_MAX : 1);
	r->len = at + SMB2_HDR_SIZE + len;
	if ((how & 15) == 0)
		buf[next(p) % (at + SMB2_HDR_SIZE)] ^= next(p);
	else if ((how & 15) == 1)
		r->len += next(p);
	else if ((how & 15) == 2)
		kh_put_le32(msg + SMB2_HDR_OFF_NEXT, next(p) & ~7u);
	(void)!write(p->peer->c.channel, buf, kh_record_size(at + SMB2_HDR_SIZE + len));
}

/* ---- the client ---- */

static void put_pending(struct peer *p, size_t piece, size_t pieces)
{
	size_t at = 0;

	for (; pieces && piece && at < pending; at += piece, pieces--)
		peer_put(p, out + at, piece < pending - at ? piece : pending - at);
	if (at < pending)
		peer_put(p, out + at, pending - at);
	pending = 0;
}

/* ---- connections that live on ---- */

static _Noreturn void stuck(const struct peer *p, const char *what)
{
	printf("input");
	for (unsigned int i = 0; i < playing->len; i++)
		printf(" %02x", playing->bytes[i]);
	printf("\n");
	fflush(stdout);
	peer_stuck(p, what);
}

/* Polite: waits for the module to say that the client is gone. */
static void retire(struct peer *p, bool polite)
{
	if (polite && !p->dead) {
		shutdown(p->c.client, SHUT_WR);
		if (!peer_until(p, NULL) && !faults)
			stuck(p, "the module did not come to an end");
	}
	quiet();
	rig_detach(&p->c);
	p->used = false;
}

static struct peer *peer_get(struct program *p, uint8_t how)
{
	static uint8_t half[256];
	struct peer *q = &peers[how % 8];
	if (q->used && (q->dead || --q->left <= 0))
		retire(q, corpus_rnd(8));
	if (q->used)
		return q;
	memset(q, 0, sizeof(*q));
	rig.send_bytes = corpus_rnd(4) ? 0 : 4096;
	rig.out_limit = corpus_rnd(4) ? 0 : 40000;
	helper.unhandled = NULL;
	helper.unhandled_len = 0;
	if (how & 0x20) {
		struct rig_conn c = { .signing_alg = 2 };
		size_t n = rig_build(&c, SMB2_ECHO, "\4\0\0\0", 4, half);

		helper.unhandled = half;
		helper.unhandled_len = (uint32_t)(n - next(p) % 3);
		q->c.message_id = 0;
	}
	post(JOB_ATTACH, how, q);
	quiet();
	if (helper.result) {
		rig_detach(&q->c);
		if (!faults) {
			fprintf(stderr, "attach: %s %s\n", strerror(-helper.result), rig_sentence);
			exit(1);
		}
		return NULL;
	}
	if (helper.unhandled_len) { /* the rest of it, and the id that it used */
		size_t n = SMB2_PREFIX_SIZE + SMB2_HDR_SIZE + 4;

		q->c.message_id = 1;
		(void)!send(q->c.client, half + helper.unhandled_len, n - helper.unhandled_len,
			    MSG_NOSIGNAL);
	}
	set_blocking(q->c.channel, false);
	q->used = true;
	q->left = REUSE;
	return q;
}

/* All handles are there with all capabilities. */
static void handles(void)
{
	static const uint32_t flags[FILES] = { KH_HANDLE_SYNC, KH_HANDLE_MEMORY, 0,
					       KH_HANDLE_MEMORY | KH_HANDLE_WRITE_THROUGH };

	for (unsigned int i = 0; i < FILES; i++) {
		__atomic_store_n(&rig.handles[i].caps, KH_CAPS_ALL, __ATOMIC_RELEASE);
		if (rig.handles[i].state == KH_HANDLE_OPEN)
			continue;
		if (rig.handles[i].state == KH_HANDLE_CLOSED)
			(void)rig_handle_del(&rig, i);
		(void)rig_handle_add(&rig, i, files[i], ALL_ACCESS, flags[i], KH_CAPS_ALL);
	}
}

/* ---- what a program can do ---- */

static void request(struct program *p, bool *broken)
{
	size_t n, before;

	if (OUT_MAX - pending < 256u << 10)
		put_pending(p->peer, 0, 0);
	before = build(p, out + pending);
	n = break_frame(p, out + pending, before);
	if (n != before || smb2_prefix_len(out + pending) + SMB2_PREFIX_SIZE != before)
		*broken = true;
	pending += n;
}

/* True: the connection is over. */
static bool other(struct program *p)
{
	struct peer *q = p->peer;
	uint8_t what = next(p), arg = next(p);
	struct linger linger = { .l_onoff = 1 };

	switch (what % 16) {
	case 0:
		post(JOB_HANDLE_DEL, arg, q);
		break;
	case 1:
		post(JOB_SESSION_DEL, arg, q);
		break;
	case 2:
		post(JOB_SESSION_SET, arg, q);
		break;
	case 3:
		__atomic_store_n(&rig.handles[arg % FILES].caps, (arg >> 2) & KH_CAPS_ALL,
				 __ATOMIC_SEQ_CST);
		post(JOB_BARRIER, arg, q);
		break;
	case 4: /* in small pieces */
		put_pending(q, arg % 16 + 1, 200);
		break;
	case 5: /* in odd ones */
		put_pending(q, arg * 31u + 117, 40);
		break;
	case 6:
		peer_pump(q, 0);
		break;
	case 13:
		post(JOB_DUMP, arg, q);
		break;
	case 7:
	case 8:
	case 9:
		bad_record(p);
		break;
	case 10: /* the client vanishes */
		if (arg & 8)
			break;
		put_pending(q, 0, 0);
		setsockopt(q->c.client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		close(q->c.client);
		q->c.client = -1;
		return true;
	case 11: /* the daemon closes the channel, whatever is going on */
		if (arg & 8)
			break;
		put_pending(q, 0, 0);
		retire(q, false);
		return true;
	case 12:
		put_pending(q, 0, 0);
		(void)!send(q->c.client, "!", 1, MSG_OOB | MSG_NOSIGNAL | MSG_DONTWAIT);
		return true; /* what follows is out of step by a byte, or not */
	default:
		put_pending(q, 0, 0);
	}
	return false;
}

static void play(const struct input *in)
{
	struct program p = { .in = in };
	bool over = false;
	struct peer *q;

	q = p.peer = peer_get(&p, next(&p));
	if (!q)
		return;
	handles();
	if (next(&p) % 16 == 0)
		(void)rig_session_set(&q->c);
	q->c.tamper = break_message;
	q->c.tamper_arg = &p;
	pending = 0;
	while (p.at < in->len && !over) {
		if (next(&p) % 3)
			request(&p, &over);
		else
			over = other(&p);
	}
	q->c.tamper = NULL;
	if (!q->used)
		return;
	if (over) {
		put_pending(q, 0, 0);
		retire(q, next(&p) & 7);
		return;
	}
	quiet();
	if (helper.job == JOB_SESSION_DEL)
		for (unsigned int i = 0; i < sizeof(peers) / sizeof(*peers); i++)
			if (peers[i].used)
				(void)rig_session_set(&peers[i].c);
	helper.job = JOB_BARRIER;
	q->echo = q->c.message_id;
	q->done = false;
	pending += rig_build(&q->c, SMB2_ECHO, "\4\0\0\0", 4, out + pending);
	put_pending(q, 0, 0);
	if (peer_until(q, &q->done))
		return;
	if (!faults) /* else an answer of the daemon was refused */
		stuck(q, "no answer to the last ECHO");
	retire(q, false);
}

/* ---- the runs ---- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void begin(pthread_t *thread)
{
	static uint8_t zeros[FILE_LEN];

	for (unsigned int i = 0; i < FILES; i++) {
		files[i] = memfd_create("fuzz", 0);
		if (files[i] < 0 || write(files[i], zeros, FILE_LEN) != FILE_LEN)
			rig_die("file");
	}
	rig_open(&rig);
	rig_cover_open(&cover_calls, false);
	sem_init(&helper.go, 0, 0);
	sem_init(&helper.ready, 0, 1);
	if (pthread_create(thread, NULL, help, NULL))
		rig_die("thread");
}

static void end(pthread_t thread)
{
	static const struct input none;

	playing = &none;
	for (unsigned int i = 0; i < sizeof(peers) / sizeof(*peers); i++)
		if (peers[i].used)
			retire(&peers[i], i & 1);
	post(JOB_NONE, 0, NULL);
	pthread_join(thread, NULL);
	rig_close(&rig);
	if (!rig_objects_are_zero())
		rig_die("objects are left");
}

static void one(void)
{
	struct input in;
	bool fresh;

	corpus_make(&in);
	playing = &in;
	play(&in);
	fresh = rig_cover_new(&cover_work);
	fresh |= rig_cover_new(&cover_calls);
	if (fresh)
		corpus_keep(&in);
}

/* HELLO and MAPS_BIND while memory fails. */
static void another_server(void)
{
	struct rig other;

	(void)rig_try_open(&other);
	rig_close(&other);
}

int main(int argc, char **argv)
{
	double seconds = 10, start = now(), told = start;
	const char *cover = NULL, *corpus = NULL;
	unsigned long runs = 0, max = 0;
	pthread_t thread;

	corpus_seed = (uint64_t)time(NULL) * 1000003 | 1;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seconds"))
			seconds = atof(argv[i + 1]);
		else if (!strcmp(argv[i], "--seed"))
			corpus_seed = strtoull(argv[i + 1], NULL, 0) | 1;
		else if (!strcmp(argv[i], "--runs"))
			max = strtoul(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--cover"))
			cover = argv[i + 1];
		else if (!strcmp(argv[i], "--corpus"))
			corpus = argv[i + 1];
		else if (!strcmp(argv[i], "--faults"))
			faults = argv[i + 1];
	}
	printf("seed 0x%llx\n", (unsigned long long)corpus_seed);
	if (corpus)
		printf("%u inputs to begin with\n", corpus_load(corpus));
	begin(&thread);
	if (faults) {
		rig_fail(faults);
		peer_patience = 30;
	}
	for (; now() - start < seconds && (!max || runs < max); runs++) {
		one();
		if (faults && runs % 16 == 0)
			another_server();
		if (now() - told > 60) {
			told = now();
			printf("%lu runs, %u places, %u inputs\n", runs, rig_cover_places(),
			       corpus_kept());
			fflush(stdout);
			if (corpus)
				corpus_save(corpus);
		}
	}
	if (faults)
		rig_fail("0");
	peer_patience = 10000;
	end(thread);
	printf("%lu runs in %.0f s, %u places%s, %u inputs\n", runs, now() - start,
	       rig_cover_places(), cover_work.area ? "" : " (no KCOV)", corpus_kept());
	if (cover)
		rig_cover_write(cover);
	if (corpus)
		corpus_save(corpus);
	return 0;
}
