// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_kmod.c - valid SMB2 with one thing at a time broken, into the module; guided by the kernel's
 * coverage of it (KCOV) where there is. Run as root in the debug kernel, which says what it finds
 *in its log.
 *
 *	fuzz_kmod [--seconds N] [--seed S] [--runs N]
 *
 * An input is a string of bytes that play() reads as a program: which session, then requests, each
 * with what is to be broken in it. Inputs that reach code that none before did are kept, and new
 * ones are made of them. The last line says how many were run and what they reached.
 */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ALL_ACCESS 0x001F01FFu
#define FILES	   3u
#define FILE_LEN   (256u << 10)
#define INPUT_MAX  256u
#define CORPUS_MAX 4096u
#define COVER_SIZE (64u << 10)
#define SEEN_BITS  20

struct input {
	uint16_t len;
	uint8_t bytes[INPUT_MAX];
};

static struct rig rig;
static int files[FILES];
static struct input *corpus[CORPUS_MAX];
static unsigned int ncorpus;
static uint64_t random_state;

static uint32_t rnd(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return n ? (uint32_t)(random_state >> 20) % n : 0;
}

/* ---- coverage ---- */

static unsigned long *cover;
static int kcov_fd = -1;
static uint8_t seen[1u << SEEN_BITS];
static unsigned int nseen;

static void cover_open(void)
{
	struct kcov_remote_arg arg = { .trace_mode = KCOV_TRACE_PC,
				       .area_size = COVER_SIZE,
				       .common_handle =
					       kcov_remote_handle(KCOV_SUBSYSTEM_COMMON, 1) };

	kcov_fd = open("/sys/kernel/debug/kcov", O_RDWR);
	if (kcov_fd < 0 || ioctl(kcov_fd, KCOV_INIT_TRACE, COVER_SIZE) < 0)
		return;
	cover = mmap(NULL, COVER_SIZE * sizeof(*cover), PROT_READ | PROT_WRITE, MAP_SHARED, kcov_fd,
		     0);
	if (cover == MAP_FAILED || ioctl(kcov_fd, KCOV_REMOTE_ENABLE, &arg) < 0)
		cover = NULL;
}

/* Did the last run reach what none before did? */
static bool cover_is_new(void)
{
	unsigned long n;
	bool new = false;

	if (!cover)
		return false;
	n = __atomic_load_n(&cover[0], __ATOMIC_ACQUIRE);
	for (unsigned long i = 0; i < n && i + 1 < COVER_SIZE; i++) {
		uint32_t bit = (uint32_t)(cover[i + 1] * 0x9E3779B97F4A7C15ull >> (64 - SEEN_BITS));

		if (!seen[bit]) {
			seen[bit] = 1;
			nseen++;
			new = true;
		}
	}
	__atomic_store_n(&cover[0], 0, __ATOMIC_RELEASE);
	return new;
}

/* ---- an input is a program ---- */

struct program {
	const struct input *in;
	unsigned int at;
};

static uint8_t next(struct program *p)
{
	return p->at < p->in->len ? p->in->bytes[p->at++] : 0;
}

static uint32_t next_length(struct program *p)
{
	static const uint32_t lengths[] = { 0,	   1,	  100,	 4096,	16384,	16385, 20000,
					    32768, 40000, 65536, 65537, 100000, 200000 };

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

static size_t build(struct rig_conn *c, struct program *p, uint8_t *out)
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
		n = rig_close_body(body, slot, next(p));
		break;
	case 6:
		command = next(p) % 24;
		n = len;
		break;
	}
	return rig_build(c, command, body, n, out);
}

/* In the message, before it is signed or sealed: a byte, a field, the length, a chain. */
static void break_message(void *arg, uint8_t *msg, size_t *len)
{
	static const uint8_t fields[] = { 0,  4,  6,  8,  12, 14, 16, 20, 24, 28, 32,
					  36, 40, 44, 48, 64, 66, 68, 72, 76, 80, 96 };
	struct program *p = arg;
	uint8_t how = next(p), where = next(p), what = next(p);
	size_t at = fields[where % sizeof(fields)];

	switch (how % 12) {
	case 0: /* a field, small */
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
		kh_put_le32(msg + SMB2_HDR_OFF_NEXT, 64u + (what & 0xF8));
		break;
	}
}

/* Of what is sent, behind that. */
static size_t break_frame(struct program *p, uint8_t *out, size_t n)
{
	uint8_t how = next(p), what = next(p);

	switch (how % 24) {
	case 0: /* shorter than the prefix says */
		n -= n > 8 ? what % (n / 2) : 0;
		break;
	case 1: /* a prefix of less */
		if (n > 8)
			smb2_prefix_put(out, (uint32_t)(n - SMB2_PREFIX_SIZE - what % (n - 5)));
		break;
	case 2: /* a prefix of more */
		smb2_prefix_put(out, (uint32_t)n + what * 300u);
		break;
	case 3: /* a bit: of the type, the seal, the signature */
		out[what % (n < 120 ? n : 120)] ^= (uint8_t)(1u << (what >> 5));
		break;
	}
	return n;
}

static int attach(struct rig_conn *c, struct program *p)
{
	static const enum rig_security sec[] = { RIG_PLAIN, RIG_SIGNED, RIG_SEALED, RIG_PLAIN };
	uint8_t b = next(p);

	return rig_attach(&rig, c, sec[b & 3], (uint16_t)((b >> 2) % 3),
			  (uint16_t)(1 + (b >> 4) % 4), 512, NULL, 0);
}

/* What goes up is refused, so that credits and requests come to an end. */
static void refuse(struct rig_conn *c, const struct kh_upcall *up)
{
	const uint8_t *msg = (const uint8_t *)(up + 1);
	uint8_t reply[SMB2_HDR_SIZE + 9] = { 0 };

	memcpy(reply, msg, SMB2_HDR_SIZE);
	kh_put_le32(reply, SMB2_MAGIC);
	kh_put_le16(reply + 4, SMB2_HDR_SIZE);
	kh_put_le32(reply + SMB2_HDR_OFF_STATUS, NT_STATUS_ACCESS_DENIED);
	kh_put_le32(reply + SMB2_HDR_OFF_FLAGS, SMB2_FLAGS_SERVER_TO_REDIR);
	kh_put_le32(reply + SMB2_HDR_OFF_NEXT, 0);
	kh_put_le16(reply + SMB2_HDR_SIZE, 9);
	(void)rig_answer(c, up->flags & KH_UPF_SEALED ? KH_REPLYF_SEAL : 0, NULL, 0, reply,
			 sizeof(reply));
}

/* Until the module has handled everything and told that the client is gone. */
static void drain(struct rig_conn *c)
{
	static uint8_t sink[1 << 20];
	struct kh_upcall *up;

	shutdown(c->client, SHUT_WR);
	for (int idle = 0; idle < 100;) {
		while (recv(c->client, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
		if (!rig_up(c, &up, 20)) {
			idle++;
			continue;
		}
		if (up->type == KH_UP_GONE)
			return;
		if (up->type == KH_UP_FRAME)
			refuse(c, up);
	}
	fprintf(stderr, "the module did not come to an end\n");
	exit(1);
}

/* Sends without waiting for ever: who does not read its answers is stopped by the module. */
static void put(struct rig_conn *c, const uint8_t *p, size_t n)
{
	static uint8_t sink[1 << 20];
	struct kh_upcall *up;

	for (int tries = 0; n && tries < 200; tries++) {
		ssize_t k = send(c->client, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (k > 0) {
			p += k;
			n -= (size_t)k;
			continue;
		}
		if (errno != EAGAIN)
			return;
		while (recv(c->client, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
		if (rig_up(c, &up, 1) && up->type == KH_UP_FRAME)
			refuse(c, up);
	}
}

static void play(const struct input *in)
{
	static uint8_t out[512 << 10];
	struct program p = { .in = in };
	struct rig_conn c;

	if (attach(&c, &p) == 0) {
		c.tamper = break_message;
		c.tamper_arg = &p;
		for (unsigned int i = 0; i < FILES; i++)
			(void)rig_handle_add(&rig, i, files[i], ALL_ACCESS,
					     i & 1 ? KH_HANDLE_MEMORY : KH_HANDLE_SYNC,
					     KH_CAPS_ALL);
		while (p.at < in->len) {
			size_t n = build(&c, &p, out);
			uint8_t extra = next(&p);

			n = break_frame(&p, out, n);
			put(&c, out, n);
			if (extra == 7)
				(void)rig_handle_del(&rig, next(&p) % FILES);
			else if (extra == 8)
				(void)rig_session_del(&rig, RIG_SESSION);
			else if (extra == 9)
				(void)rig_barrier(&rig, next(&p) % FILES, KH_CAPS_ALL);
		}
		drain(&c);
		for (unsigned int i = 0; i < FILES; i++)
			(void)rig_handle_del(&rig, i);
	}
	rig_detach(&c);
}

/* ---- new inputs of old ones ---- */

static void mutate(struct input *in)
{
	for (uint32_t k = 1 + rnd(4); k; k--) {
		uint32_t at = rnd(in->len ? in->len : 1u);

		switch (rnd(5)) {
		case 0:
			in->bytes[at] = (uint8_t)rnd(256);
			break;
		case 1:
			in->bytes[at] ^= (uint8_t)(1u << rnd(8));
			break;
		case 2: /* longer */
			for (uint32_t n = 1 + rnd(16); n && in->len < INPUT_MAX; n--)
				in->bytes[in->len++] = (uint8_t)rnd(256);
			break;
		case 3: /* shorter */
			in->len = (uint16_t)(1 + rnd(in->len));
			break;
		case 4: /* the end of another one */
			if (ncorpus) {
				const struct input *o = corpus[rnd(ncorpus)];
				uint32_t from = rnd(o->len), n = o->len - from;

				if (at + n > INPUT_MAX)
					n = INPUT_MAX - at;
				memcpy(in->bytes + at, o->bytes + from, n);
				if (at + n > in->len)
					in->len = (uint16_t)(at + n);
			}
			break;
		}
	}
}

static void keep(const struct input *in)
{
	struct input *copy = malloc(sizeof(*copy));

	*copy = *in;
	if (ncorpus < CORPUS_MAX) {
		corpus[ncorpus++] = copy;
	} else {
		uint32_t i = rnd(CORPUS_MAX);

		free(corpus[i]);
		corpus[i] = copy;
	}
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double seconds = 10, start = now(), told = start;
	unsigned long runs = 0, max = 0;
	static uint8_t zeros[FILE_LEN];

	random_state = (uint64_t)time(NULL) * 1000003 | 1;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seconds"))
			seconds = atof(argv[i + 1]);
		else if (!strcmp(argv[i], "--seed"))
			random_state = strtoull(argv[i + 1], NULL, 0) | 1;
		else if (!strcmp(argv[i], "--runs"))
			max = strtoul(argv[i + 1], NULL, 0);
	}
	printf("seed 0x%llx\n", (unsigned long long)random_state);
	for (unsigned int i = 0; i < FILES; i++) {
		files[i] = memfd_create("fuzz", 0);
		if (files[i] < 0 || write(files[i], zeros, FILE_LEN) != FILE_LEN)
			rig_die("file");
	}
	rig_open(&rig);
	cover_open();
	while (now() - start < seconds && (!max || runs < max)) {
		struct input in = { .len = 24 };

		if (ncorpus && rnd(8))
			in = *corpus[rnd(ncorpus)];
		else
			for (unsigned int i = 0; i < in.len; i++)
				in.bytes[i] = (uint8_t)rnd(256);
		mutate(&in);
		play(&in);
		runs++;
		if (cover_is_new())
			keep(&in);
		if (now() - told > 60) {
			told = now();
			printf("%lu runs, %u places, %u inputs\n", runs, nseen, ncorpus);
			fflush(stdout);
		}
	}
	rig_close(&rig);
	printf("%lu runs in %.0f s, %u places%s, %u inputs\n", runs, now() - start, nseen,
	       cover ? "" : " (no KCOV)", ncorpus);
	return 0;
}
