// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * limits.c - what this machine could do at most: the rates that no file server over loopback can
 * beat, for the column "of the limit" of tests/bench/run.
 *
 *   limits [--seconds S] FOLDER [MANY]
 *
 * FOLDER is on the share's file system; MANY is a folder with many entries, for getdents. Each line
 * is a JSON object with a rate in operations per second:
 *   tcp	 requests and answers of SMB2's lengths between threads, a file's data in one of
 *them (sendfile from 64 KiB on), without any protocol; size 0 is the bare round trip crypto	 one
 *message of that size protected, on one core memcpy	 1 MiB copied
 *   file	 the system calls of a metadata operation
 */
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "core/util.h"
#include "crypto/crypto.h"

#define READ_REQUEST 117u /* frame, header, body */
#define WRITE_HEAD   116u
#define ANSWER	     84u
#define MIB	     (1u << 20)
#define FILE_SIZE    (64u * MIB)
#define BUFFER	     (2u * MIB)
#define SENDFILE_MIN 65536u
#define MOST_FILES   100000u

static double seconds = 0.3;
static int file_fd;

static void die(const char *what)
{
	fprintf(stderr, "limits: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t until(void)
{
	return now_ns() + (uint64_t)(seconds * 1e9);
}

/* ---- TCP ---- */

struct shape {
	const char *op;
	uint32_t size, depth, connections;
};

struct link {
	const struct shape *s;
	int server, client;
	uint64_t done, ns;
	pthread_t threads[2];
};

static bool is_write(const struct shape *s)
{
	return s->op[0] == 'w';
}

static bool send_all(int fd, const char *p, size_t n, int flags)
{
	while (n) {
		ssize_t sent = send(fd, p, n, flags | MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

/*
 * Fills up to a whole frame; of small frames as many as there are. Returns what is in the buffer.
 * flags MSG_TRUNC: nothing is, it is counted as if.
 */
static size_t fill(int fd, char *buf, size_t have, size_t frame, int flags)
{
	while (have < frame) {
		ssize_t n = recv(fd, buf + have, frame < 65536 ? 65536 : frame - have, flags);

		if (n <= 0)
			return 0;
		have += (size_t)n;
	}
	return have;
}

static off_t place(uint64_t *seed, uint32_t size)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return size ? (off_t)(*seed % (FILE_SIZE / size)) * size : 0;
}

static bool answer_large(int fd, const char *head, off_t at, size_t size)
{
	if (!send_all(fd, head, ANSWER, MSG_MORE))
		return false;
	while (size) {
		ssize_t n = sendfile(fd, file_fd, &at, size);

		if (n <= 0)
			return false;
		size -= (size_t)n;
	}
	return true;
}

/* One batch: every whole frame in the buffer is answered, small answers by one send. */
static bool answer(struct link *l, const char *in, size_t frames, char *out, uint64_t *seed)
{
	const struct shape *s = l->s;
	size_t frame = is_write(s) ? WRITE_HEAD + s->size : READ_REQUEST, used = 0;

	for (size_t i = 0; i < frames; i++, in += frame) {
		off_t at = place(seed, s->size);

		if (!is_write(s) && s->size >= SENDFILE_MIN) {
			if (!answer_large(l->server, out, at, s->size))
				return false;
			continue;
		}
		if (is_write(s) && pwrite(file_fd, in + WRITE_HEAD, s->size, at) < 0)
			die("pwrite");
		if (!is_write(s) && pread(file_fd, out + used + ANSWER, s->size, at) < 0)
			die("pread");
		used += ANSWER + (is_write(s) ? 0 : s->size);
	}
	return !used || send_all(l->server, out, used, 0);
}

static void *serve(void *arg)
{
	struct link *l = arg;
	size_t frame = is_write(l->s) ? WRITE_HEAD + l->s->size : READ_REQUEST, have = 0;
	_cleanup_free_ char *in = xcalloc(1, BUFFER), *out = xcalloc(1, BUFFER);
	uint64_t seed = FNV1A_SEED + (uint64_t)l->server;

	while ((have = fill(l->server, in, have, frame, 0)) &&
	       answer(l, in, have / frame, out, &seed)) {
		memmove(in, in + have - have % frame, have % frame);
		have %= frame;
	}
	shutdown(l->server, SHUT_RDWR);
	return NULL;
}

static void *ask(void *arg)
{
	struct link *l = arg;
	const struct shape *s = l->s;
	size_t request = is_write(s) ? WRITE_HEAD + s->size : READ_REQUEST;
	size_t answer_size = ANSWER + (is_write(s) ? 0 : s->size), have = 0, more = s->depth;
	int flags = answer_size < SENDFILE_MIN ? 0 : MSG_TRUNC; /* as smbload --unchecked */
	_cleanup_free_ char *out = xcalloc(s->depth, request), *in = xcalloc(1, BUFFER);
	uint64_t start = now_ns(), end = until();

	while (now_ns() < end && send_all(l->client, out, more * request, 0)) {
		have = fill(l->client, in, have, answer_size, flags);
		if (!have)
			break;
		more = have / answer_size;
		have %= answer_size;
		l->done += more;
	}
	l->ns = now_ns() - start;
	shutdown(l->client, SHUT_RDWR);
	return NULL;
}

static void pair(struct link *l)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	_cleanup_close_ int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	l->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&a, n) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&a, &n) ||
	    connect(l->client, (struct sockaddr *)&a, n))
		die("loopback");
	l->server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (l->server < 0)
		die("accept");
	setsockopt(l->client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(l->server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void tcp(struct shape s)
{
	struct link links[8] = { 0 };
	double rate = 0;

	for (uint32_t i = 0; i < s.connections; i++) {
		links[i].s = &s;
		pair(&links[i]);
	}
	for (uint32_t i = 0; i < s.connections; i++)
		if (pthread_create(&links[i].threads[0], NULL, serve, &links[i]) ||
		    pthread_create(&links[i].threads[1], NULL, ask, &links[i]))
			die("pthread_create");
	for (uint32_t i = 0; i < s.connections; i++) {
		pthread_join(links[i].threads[0], NULL);
		pthread_join(links[i].threads[1], NULL);
		close(links[i].server);
		close(links[i].client);
		rate += (double)links[i].done * 1e9 / (double)links[i].ns;
	}
	printf("{\"kind\": \"tcp\", \"op\": \"%s\", \"size\": %u, \"depth\": %u, "
	       "\"connections\": %u, \"rate\": %.1f}\n",
	       s.op, s.size, s.depth, s.connections, rate);
}

static void all_tcp(void)
{
	static const struct {
		uint32_t size, depth;
	} shapes[] = { { 4096, 1 },   { 4096, 16 }, { 65536, 1 },
		       { 65536, 16 }, { MIB, 1 },   { MIB, 8 } };

	for (uint32_t connections = 1; connections <= 8; connections *= 8) {
		tcp((struct shape) { "echo", 0, 1, connections });
		tcp((struct shape) { "echo", 0, 16, connections });
		for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
			tcp((struct shape) { "read", shapes[i].size, shapes[i].depth,
					     connections });
			tcp((struct shape) { "write", shapes[i].size, shapes[i].depth,
					     connections });
		}
	}
}

/* ---- crypto, memory ---- */

/* As the server does it, with the library that is the fastest one here. */
static void crypto(const char *name, uint16_t alg, uint32_t size, char *data)
{
	struct smb2_key key = { .len = 16, .bytes = "sixteen bytes..." };
	uint8_t tag[SMB2_SIGNATURE_SIZE], hdr[SMB2_TRANSFORM_SIZE] = { 0 };
	struct iovec iov = { data, size };
	struct seal_ctx *seal = NULL;
	struct sign_ctx *sign = NULL;
	uint64_t start, end, done = 0;
	bool ok;

	if (alg)
		sign = sign_ctx_new(alg, &key);
	else
		seal = seal_ctx_new(SMB2_ENCRYPTION_AES128_GCM, &key, true);
	ok = sign || seal;
	for (start = now_ns(), end = start + (uint64_t)(seconds * 3e8); ok && now_ns() < end;
	     done++)
		ok = !(sign ? sign_message(sign, &iov, 1, tag) : seal_encrypt(seal, hdr, &iov, 1));
	if (!ok)
		die(name);
	printf("{\"kind\": \"crypto\", \"op\": \"%s\", \"size\": %u, \"rate\": %.1f}\n", name, size,
	       (double)done * 1e9 / (double)(now_ns() - start));
	sign_ctx_free(sign);
	seal_ctx_free(seal);
}

static void in_memory(void)
{
	static const struct {
		const char *name;
		uint16_t alg; /* of a signature */
	} ciphers[] = {
		{ "aes-128-gcm", 0 },
		{ "aes-128-gmac", SMB2_SIGNING_AES_GMAC },
		{ "aes-128-cmac", SMB2_SIGNING_AES_CMAC },
	};
	_cleanup_free_ char *a = xcalloc(1, MIB), *b = xcalloc(1, MIB);
	uint64_t start, done = 0, end;

	for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++)
		for (uint32_t size = 4096; size <= MIB; size *= 16)
			crypto(ciphers[i].name, ciphers[i].alg, size, a);
	memset(a, 1, MIB);
	for (start = now_ns(), end = until(); now_ns() < end; done++) {
		memcpy(b, a, MIB);
		__asm__ volatile("" : : "r"(b) : "memory");
	}
	printf("{\"kind\": \"memcpy\", \"op\": \"memcpy\", \"size\": %u, \"rate\": %.1f}\n", MIB,
	       (double)done * 1e9 / (double)(now_ns() - start));
}

/* ---- files ---- */

static void file_rate(const char *op, uint64_t done, uint64_t start)
{
	printf("{\"kind\": \"file\", \"op\": \"%s\", \"rate\": %.1f}\n", op,
	       (double)done * 1e9 / (double)(now_ns() - start));
}

static void create_one(int dir, const char *name)
{
	static char data[4096];
	_cleanup_close_ int fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, data, sizeof(data)) < 0)
		die(name);
}

static void stat_one(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die(name);
}

static void metadata(int dir)
{
	uint64_t start = now_ns(), end = until();
	char name[32], to[32];
	uint32_t n = 0;

	for (; n < MOST_FILES && now_ns() < end; n++) {
		snprintf(name, sizeof(name), "file%06u", n);
		create_one(dir, name);
	}
	file_rate("create", n, start);
	start = now_ns();
	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "file%06u", i);
		stat_one(dir, name);
	}
	file_rate("stat", n, start);
	start = now_ns();
	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "file%06u", i);
		snprintf(to, sizeof(to), "renamed%06u", i);
		if (renameat(dir, name, dir, to))
			die(to);
	}
	file_rate("rename", n, start);
	start = now_ns();
	for (uint32_t i = 0; i < n; i++) {
		snprintf(to, sizeof(to), "renamed%06u", i);
		unlinkat(dir, to, 0);
	}
	file_rate("unlink", n, start);
}

/* Entries per second; without "look" their names only. */
static void list(int dir, bool look)
{
	_cleanup_free_ char *buf = xmalloc(65536);
	uint64_t start = now_ns(), end = until(), done = 0;
	struct stat st;
	long n;

	do {
		lseek(dir, 0, SEEK_SET);
		while ((n = syscall(SYS_getdents64, dir, buf, 65536)) > 0)
			for (struct dirent64 *d = (void *)buf; (char *)d < buf + n;
			     d = (void *)((char *)d + d->d_reclen), done++)
				if (look && fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW))
					die(d->d_name);
	} while (now_ns() < end);
	file_rate(look ? "getdents+stat" : "getdents", done, start);
}

static void with_files(int dir, const char *many)
{
	_cleanup_close_ int fd = many ? open(many, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	metadata(dir);
	if (many && fd < 0)
		die(many);
	if (fd >= 0) {
		list(fd, false);
		list(fd, true);
	}
}

static int open_file(int dir)
{
	_cleanup_free_ char *zeros = xcalloc(1, MIB);
	int fd = openat(dir, "data", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (uint32_t i = 0; i < FILE_SIZE / MIB; i++)
		if (fd < 0 || pwrite(fd, zeros, MIB, (off_t)i * MIB) != MIB)
			die("data file");
	unlinkat(dir, "data", 0);
	return fd;
}

int main(int argc, char **argv)
{
	_cleanup_close_ int dir = -1;

	if (argc > 2 && !strcmp(argv[1], "--seconds")) {
		seconds = strtod(argv[2], NULL);
		argv += 2;
		argc -= 2;
	}
	if (argc < 2 || argc > 3 || seconds <= 0) {
		fputs("usage: limits [--seconds S] FOLDER [MANY]\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* sendfile() when a client is through */
	dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		die(argv[1]);
	file_fd = open_file(dir);
	all_tcp();
	in_memory();
	with_files(dir, argc > 2 ? argv[2] : NULL);
	close(file_fd);
	return 0;
}
