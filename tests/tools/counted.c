// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * counted.c - a client that does one operation again and again, always the same way, so that what
 * the server spends on it can be counted. For tests/bench/instructions.
 *
 *   counted PORT SHARE FILE	KH_USER and KH_PASSWORD say who
 *
 * FILE is of FILE_SIZE bytes at least. Lines of standard input are "WORKLOAD COUNT"; each is
 * answered by a line "done OTHERS", once all answers are here: the nanoseconds for which the
 * machine's first CPU ran anything but this process (0: not told). A connection for each
 * protection.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../client/wire.h"
#include "core/utf16.h"

#define BLOCK	  4096
#define FILE_SIZE (1u << 20)
#define DEPTH_MAX 16
#define FRAME_MAX (SMB2_PREFIX_SIZE + SMB2_TRANSFORM_SIZE + SMB2_HDR_SIZE + 64 + BLOCK)

enum what { READ, WRITE, OPEN };

static const struct workload {
	const char *name;
	enum what what;
	enum protection protection;
	unsigned int depth; /* requests that go out together */
} workloads[] = {
	{ "read", READ, PLAIN, 1 },	    { "write", WRITE, PLAIN, 1 },
	{ "open", OPEN, PLAIN, 1 },	    { "read-signed", READ, SIGNED, 1 },
	{ "read-sealed", READ, SEALED, 1 }, { "read-16", READ, PLAIN, 16 },
	{ "write-16", WRITE, PLAIN, 16 },
};

struct client {
	struct wire w;
	struct smb2_fid file; /* stays open */
	uint8_t *out, *in;    /* one batch of requests, of answers */
	size_t out_len;
};

static struct client clients[SEALED + 1];
static const char *file_name;

static _Noreturn void die(const char *text)
{
	fprintf(stderr, "counted: %s\n", text);
	exit(1);
}

/* ---- requests ---- */

static void put_head(struct client *c, struct smb2_wr *w, uint16_t command)
{
	struct smb2_hdr h = { .command = command,
			      .credits = 1,
			      .credit_charge = 1,
			      .message_id = c->w.next_mid++,
			      .session_id = c->w.session_id,
			      .tree_id = c->w.trees[0] };

	smb2_hdr_put(w, &h);
}

static void put_fid(struct smb2_wr *w, struct smb2_fid f)
{
	wr_le64(w, f.persistent);
	wr_le64(w, f.vol);
}

/* MS-SMB2 2.2.19 */
static void put_read(struct smb2_wr *w, struct smb2_fid file, uint64_t offset)
{
	wr_le16(w, 49);
	wr_u8(w, SMB2_HDR_SIZE + 16);
	wr_u8(w, 0);
	wr_le32(w, BLOCK);
	wr_le64(w, offset);
	put_fid(w, file);
	wr_zero(w, 17);
}

/* 2.2.21 */
static void put_write(struct smb2_wr *w, struct smb2_fid file, uint64_t offset)
{
	wr_le16(w, 49);
	wr_le16(w, SMB2_HDR_SIZE + 48);
	wr_le32(w, BLOCK);
	wr_le64(w, offset);
	put_fid(w, file);
	wr_zero(w, 16);
	wr_zero(w, BLOCK);
}

/* 2.2.13 */
static void put_create(struct smb2_wr *w)
{
	uint8_t name[256];
	int n = utf8_to_utf16(file_name, strlen(file_name), name, sizeof(name));

	if (n <= 0)
		die("the file's name is too long");
	wr_le16(w, 57);
	wr_le16(w, 0);
	wr_le32(w, 2);
	wr_zero(w, 16);
	wr_le32(w, FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES);
	wr_le32(w, 0);
	wr_le32(w, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE);
	wr_le32(w, FILE_OPEN);
	wr_le32(w, 0);
	wr_le16(w, SMB2_HDR_SIZE + 56);
	wr_le16(w, (uint16_t)n);
	wr_zero(w, 8);
	wr_bytes(w, name, (uint64_t)n);
}

/* 2.2.15 */
static void put_close(struct smb2_wr *w, struct smb2_fid file)
{
	wr_le16(w, 24);
	wr_le16(w, 0);
	wr_le32(w, 0);
	put_fid(w, file);
}

/* Signs or seals the message in w as its connection wants, and puts the frame behind the others. */
static void frame_end(struct client *c, struct smb2_wr *w)
{
	uint8_t *p = c->out + c->out_len + SMB2_PREFIX_SIZE, nonce[16];
	bool sealed = c->w.m.protection == SEALED;
	struct smb2_wr t = wr_init(p, SMB2_TRANSFORM_SIZE);
	struct iovec iov = { w->buf, w->off };
	size_t n = w->off + (sealed ? SMB2_TRANSFORM_SIZE : 0);

	if (!wr_ok(w))
		die("a request is too long");
	if (c->w.m.protection == SIGNED)
		wire_sign(&c->w, w->buf, w->off);
	if (sealed) {
		seal_nonce(c->w.m.cipher, c->w.nonce_prefix, c->w.nonce++, nonce);
		smb2_transform_put(&t, nonce, (uint32_t)w->off, c->w.session_id);
		seal_encrypt(c->w.enc, p, &iov, 1);
	}
	smb2_prefix_put(p - SMB2_PREFIX_SIZE, (uint32_t)n);
	c->out_len += SMB2_PREFIX_SIZE + n;
}

static struct smb2_wr frame_begin(struct client *c, uint16_t command)
{
	bool sealed = c->w.m.protection == SEALED;
	size_t head = SMB2_PREFIX_SIZE + (sealed ? SMB2_TRANSFORM_SIZE : 0);
	struct smb2_wr w = wr_init(c->out + c->out_len + head, FRAME_MAX - head);

	put_head(c, &w, command);
	return w;
}

/* ---- answers ---- */

static uint8_t *bytes(struct client *c, size_t n)
{
	for (size_t have = 0; have < n;) {
		ssize_t got = recv(c->w.fd, c->in + have, n - have, MSG_WAITALL);

		if (got <= 0)
			die("the server has closed the connection");
		have += (size_t)got;
	}
	return c->in;
}

/* The message of the next frame, which must be an answer of success. */
static uint8_t *answer(struct client *c, size_t *len)
{
	size_t n = smb2_prefix_len(bytes(c, SMB2_PREFIX_SIZE));
	struct iovec iov;
	uint8_t *p;

	if (n < SMB2_HDR_SIZE || n > FRAME_MAX)
		die("an answer has a wrong length");
	p = bytes(c, n);
	iov = (struct iovec) { p + SMB2_TRANSFORM_SIZE, n - SMB2_TRANSFORM_SIZE };
	if (c->w.m.protection == SEALED) {
		if (n < SMB2_TRANSFORM_SIZE + SMB2_HDR_SIZE ||
		    seal_decrypt(c->w.dec, p, &iov, 1) < 0)
			die("an answer cannot be decrypted");
		p += SMB2_TRANSFORM_SIZE;
		n -= SMB2_TRANSFORM_SIZE;
	}
	iov = (struct iovec) { p, n };
	if (kh_get_le32(p + 8) != NT_STATUS_SUCCESS)
		die(nt_name(kh_get_le32(p + 8)));
	if (c->w.m.protection == SIGNED && sign_verify(c->w.sign, &iov, 1) < 0)
		die("an answer has a wrong signature");
	*len = n;
	return p;
}

/* Sends what was put together, and takes so many answers; the last one. */
static uint8_t *talk(struct client *c, unsigned int answers, size_t *len)
{
	uint8_t *p = NULL;

	if (send(c->w.fd, c->out, c->out_len, MSG_NOSIGNAL) != (ssize_t)c->out_len)
		die("the server takes no more");
	c->out_len = 0;
	for (unsigned int i = 0; i < answers; i++)
		p = answer(c, len);
	return p;
}

static struct smb2_fid open_file(struct client *c)
{
	struct smb2_wr w = frame_begin(c, SMB2_CREATE);
	size_t n;
	uint8_t *p;

	put_create(&w);
	frame_end(c, &w);
	p = talk(c, 1, &n);
	if (n < SMB2_HDR_SIZE + 80)
		die("an answer to CREATE is too short");
	p += SMB2_HDR_SIZE + 64; /* 2.2.14 */
	return (struct smb2_fid) { .persistent = kh_get_le64(p), .vol = kh_get_le64(p + 8) };
}

static void close_file(struct client *c, struct smb2_fid file)
{
	struct smb2_wr w = frame_begin(c, SMB2_CLOSE);
	size_t n;

	put_close(&w, file);
	frame_end(c, &w);
	talk(c, 1, &n);
}

/* ---- workloads ---- */

static void move(struct client *c, bool write, unsigned int depth, uint64_t first)
{
	size_t n;

	for (unsigned int i = 0; i < depth; i++) {
		struct smb2_wr w = frame_begin(c, write ? SMB2_WRITE : SMB2_READ);
		uint64_t offset = (first + i) * BLOCK % FILE_SIZE;

		if (write)
			put_write(&w, c->file, offset);
		else
			put_read(&w, c->file, offset);
		frame_end(c, &w);
	}
	talk(c, depth, &n);
	if (!write && n < SMB2_HDR_SIZE + 16 + BLOCK)
		die("a READ gave less than was asked for");
}

static void run(const struct workload *l, unsigned long count)
{
	struct client *c = &clients[l->protection];

	for (unsigned long i = 0; i < count; i += l->depth) {
		if (l->what == OPEN)
			close_file(c, open_file(c));
		else
			move(c, l->what == WRITE, l->depth, i);
	}
}

/* The n-th number in the line of a file that begins with word ("" for any), or 0. */
static unsigned long long field(const char *path, const char *word, int n)
{
	unsigned long long v = 0;
	char line[512];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		char *p = line + strlen(word);

		if (strncmp(line, word, strlen(word)) != 0)
			continue;
		for (int i = 0; i < n; i++)
			v = strtoull(p, &p, 10);
		break;
	}
	if (f)
		fclose(f);
	return v;
}

/*
 * Time that others than this process had the first CPU: all that ran on it, less our own. Both are
 * brought up to date when a process stops running.
 */
static unsigned long long others(void)
{
	unsigned long long own;

	nanosleep(&(struct timespec) { 0, 1000 }, NULL);
	own = field("/proc/self/schedstat", "", 1);
	return field("/proc/schedstat", "cpu0 ", 7) - own;
}

static void connect_all(const char *port, const char *share)
{
	char path[256];
	const char *shares[] = { path };
	static struct wire_as as;

	as = (struct wire_as) { .user = getenv("KH_USER"),
				.password = getenv("KH_PASSWORD"),
				.client_guid = "counted",
				.shares = shares,
				.nshares = 1 };

	if (!as.user || !as.password)
		die("KH_USER and KH_PASSWORD are not set");
	snprintf(path, sizeof(path), "\\\\127.0.0.1\\%s", share);
	for (enum protection p = PLAIN; p <= SEALED; p++) {
		struct manner m = { SMB2_DIALECT_311, SMB2_ENCRYPTION_AES128_GCM,
				    SMB2_SIGNING_AES_GMAC, p, p == SIGNED };
		struct client *c = &clients[p];

		if (!wire_login(&c->w, (uint16_t)atoi(port), &m, &as) || !c->w.trees[0])
			die("cannot log in");
		c->in = xmalloc(FRAME_MAX);
		c->out = xmalloc((size_t)DEPTH_MAX * FRAME_MAX);
		c->file = open_file(c);
	}
}

int main(int argc, char **argv)
{
	char line[64], name[32];
	unsigned long count;

	if (argc != 4)
		die("usage: counted PORT SHARE FILE");
	file_name = argv[3];
	connect_all(argv[1], argv[2]);
	while (fgets(line, sizeof(line), stdin)) {
		const struct workload *l = NULL;
		unsigned long long before, begin, end;

		if (sscanf(line, "%31s %lu", name, &count) != 2)
			die("a line is not WORKLOAD COUNT");
		for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
			if (strcmp(workloads[i].name, name) == 0)
				l = &workloads[i];
		if (!l)
			die("no such workload");
		before = others();
		begin = now_ns();
		run(l, count);
		end = now_ns();
		printf("done %llu %llu %llu\n", others() - before, begin, end);
		fflush(stdout);
	}
	return 0;
}
