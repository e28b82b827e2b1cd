// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fsx.c - random operations on one file, compared with a copy in memory.
 *
 *	fsx [-t SECONDS] [-n OPERATIONS] [-s SEED] [-l MAX-LENGTH] [-d] [-f] FILE
 *
 * Reads, writes, appends, truncates, mapped reads and writes, fsync, and opening anew, each at a
 * random place with edges of pages preferred. -d: with O_DIRECT for reads now and then. -f: fsync
 * before every mapping, for cifs.ko of Linux 6.12: there a mapped write is lost if the page had
 *been written in part while it was not in memory, and was then read (netfs_page_mkwrite() warns of
 *it). The first byte that is not as it was written ends the run with 1 and the operations before
 *it; the same seed and number of operations does the same again. The idea is that of fsx of NeXT.
 */
#include "core/util.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define LOG   64
#define ALIGN 4096u

enum op { READ, WRITE, APPEND, TRUNCATE, MAP_READ, MAP_WRITE, SYNC, REOPEN, DIRECT_READ, OPS };

static const char *const names[OPS] = { "read",	    "write",	   "append",
					"truncate", "mapped read", "mapped write",
					"fsync",    "open again",  "direct read" };

static const struct {
	enum op op;
	unsigned int percent;
} mix[] = {
	{ READ, 24 },	   { WRITE, 26 }, { APPEND, 6 }, { TRUNCATE, 8 },    { MAP_READ, 12 },
	{ MAP_WRITE, 12 }, { SYNC, 3 },	  { REOPEN, 4 }, { DIRECT_READ, 5 },
};

struct done {
	enum op op;
	size_t at, n, size;
};

static struct {
	const char *path;
	int fd, direct_fd;
	uint64_t state;
	size_t max, size;
	uint8_t *model, *buf;
	bool direct, flush;
	uint64_t ops;
	struct done log[LOG];
} f;

static uint64_t next(void)
{
	uint64_t z = f.state += 0x9E3779B97F4A7C15ull; /* splitmix64 */

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ z >> 27) * 0x94D049BB133111EBull;
	return z ^ z >> 31;
}

static size_t below(size_t n)
{
	return n ? next() % n : 0;
}

static _Noreturn void fail(const char *what, size_t at, int got, int want)
{
	uint64_t first = f.ops > LOG ? f.ops - LOG : 0;

	printf("fsx: %s: operation %" PRIu64 ": %s", f.path, f.ops, what);
	if (want >= 0)
		printf(" at %zu (%zx): %02x instead of %02x", at, at, (unsigned int)got,
		       (unsigned int)want);
	else if (got)
		printf(": %s", strerror(got));
	printf("\n");
	for (uint64_t i = first; i < f.ops; i++) {
		const struct done *d = &f.log[i % LOG];

		printf("fsx: %8" PRIu64 " %-12s at %8zu (%7zx) %7zu bytes, size %zu\n", i + 1,
		       names[d->op], d->at, d->at, d->n, d->size);
	}
	exit(1);
}

static void compare(const char *what, const uint8_t *p, size_t at, size_t n)
{
	if (memcmp(p, f.model + at, n) == 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (p[i] != f.model[at + i])
			fail(what, at + i, p[i], f.model[at + i]);
}

static void check_size(void)
{
	struct stat st;

	if (fstat(f.fd, &st) < 0)
		fail("fstat", 0, errno, -1);
	if ((size_t)st.st_size != f.size) {
		printf("fsx: size %zu instead of %zu\n", (size_t)st.st_size, f.size);
		fail("wrong size", 0, 0, -1);
	}
}

static void open_file(void)
{
	f.fd = open(f.path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (f.fd < 0)
		fail("open", 0, errno, -1);
	f.direct_fd = f.direct ? open(f.path, O_RDONLY | O_DIRECT | O_CLOEXEC) : -1;
}

static void close_file(void)
{
	if (f.direct_fd >= 0)
		close(f.direct_fd);
	if (close(f.fd) < 0)
		fail("close", 0, errno, -1);
}

static void read_back(int fd, size_t at, size_t n, const char *what)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, f.buf + done, n - done, (off_t)(at + done));

		if (r < 0)
			fail(what, 0, errno, -1);
		if (r == 0)
			fail("early end of the file", 0, 0, -1);
		done += (size_t)r;
	}
	compare(what, f.buf, at, n);
}

static void fill(uint8_t *p, size_t n)
{
	uint64_t x = next();

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(x >> (i % 7 * 8)) ^ (uint8_t)i;
}

static void grow(size_t end)
{
	if (end <= f.size)
		return;
	memset(f.model + f.size, 0, end - f.size);
	f.size = end;
}

static void write_at(size_t at, size_t n)
{
	size_t done = 0;

	grow(at + n);
	fill(f.model + at, n);
	while (done < n) {
		ssize_t w = pwrite(f.fd, f.model + at + done, n - done, (off_t)(at + done));

		if (w <= 0)
			fail("write", 0, errno, -1);
		done += (size_t)w;
	}
}

static void truncate_to(size_t size)
{
	if (ftruncate(f.fd, (off_t)size) < 0)
		fail("ftruncate", 0, errno, -1);
	grow(size);
	f.size = size;
}

static void mapped(size_t at, size_t n, bool write)
{
	size_t base = at & ~(size_t)(ALIGN - 1);
	uint8_t *p;

	if (f.flush && fsync(f.fd) < 0)
		fail("fsync", 0, errno, -1);
	p = mmap(NULL, at - base + n, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, f.fd,
		 (off_t)base);

	if (p == MAP_FAILED)
		fail("mmap", 0, errno, -1);
	if (write) {
		fill(f.model + at, n);
		memcpy(p + (at - base), f.model + at, n);
		if (msync(p, at - base + n, MS_SYNC) < 0)
			fail("msync", 0, errno, -1);
	} else {
		compare("mapped read", p + (at - base), at, n);
	}
	munmap(p, at - base + n);
}

static enum op choose(void)
{
	unsigned int r = (unsigned int)below(100);

	for (size_t i = 0; i < ARRAY_SIZE(mix); i++) {
		if (r < mix[i].percent)
			return mix[i].op;
		r -= mix[i].percent;
	}
	return READ;
}

/* Half of all places and lengths are at the edge of a page, or a byte beside it. */
static size_t place(size_t n)
{
	size_t at = below(n);

	if (next() & 1)
		return at;
	at = at / ALIGN * ALIGN + below(3);
	return at ? at - 1 : 0;
}

static void step(void)
{
	enum op op = choose();
	size_t at, n;

	if (op == DIRECT_READ && f.direct_fd < 0)
		op = READ;
	if (!f.size && (op == READ || op == MAP_READ || op == MAP_WRITE || op == DIRECT_READ))
		op = WRITE;
	at = op == WRITE || op == TRUNCATE ? place(f.max) : op == APPEND ? f.size : place(f.size);
	if (op == DIRECT_READ)
		at &= ~(size_t)(ALIGN - 1);
	n = 1 + (below(4) ? below(9000) : below(300000));
	n = MIN(n, op == WRITE || op == APPEND ? f.max - at : op == TRUNCATE ? 0 : f.size - at);
	f.log[f.ops % LOG] = (struct done) { op, at, n, f.size };
	f.ops++;
	switch (op) {
	case DIRECT_READ:
		/* the length must be whole blocks, the answer ends with the file */
		if (fsync(f.fd) < 0)
			fail("fsync", 0, errno, -1);
		read_back(f.direct_fd, at, n & ~(size_t)(ALIGN - 1), "direct read");
		break;
	case READ:
		read_back(f.fd, at, n, "read");
		break;
	case WRITE:
	case APPEND:
		write_at(at, n);
		break;
	case TRUNCATE:
		truncate_to(at);
		break;
	case MAP_READ:
	case MAP_WRITE:
		mapped(at, n, op == MAP_WRITE);
		break;
	case SYNC:
		if (fsync(f.fd) < 0)
			fail("fsync", 0, errno, -1);
		break;
	default:
		close_file();
		open_file();
	}
	check_size();
}

static void usage(void)
{
	fputs("usage: fsx [-t SECONDS] [-n OPERATIONS] [-s SEED] [-l MAX-LENGTH] [-d] [-f] FILE\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	uint64_t seed = (uint64_t)time(NULL), limit = UINT64_MAX, until = UINT64_MAX;
	int o;

	f.max = 1 << 20;
	while ((o = getopt(argc, argv, "t:n:s:l:df")) != -1) {
		switch (o) {
		case 't':
			until = now_ns() + strtoull(optarg, NULL, 0) * 1000000000u;
			break;
		case 'n':
			limit = strtoull(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'l':
			f.max = strtoull(optarg, NULL, 0);
			break;
		case 'd':
			f.direct = true;
			break;
		case 'f':
			f.flush = true;
			break;
		default:
			usage();
		}
	}
	if (optind + 1 != argc || !f.max || (limit == UINT64_MAX && until == UINT64_MAX))
		usage();
	f.path = argv[optind];
	f.state = seed;
	f.model = xcalloc(1, f.max);
	if (posix_memalign((void **)&f.buf, ALIGN, f.max + ALIGN))
		return 2;
	unlink(f.path);
	open_file();
	printf("fsx: %s: seed %" PRIu64 "\n", f.path, seed);
	fflush(stdout);
	while (f.ops < limit && now_ns() < until)
		step();
	close_file();
	open_file();
	read_back(f.fd, 0, f.size, "at the end");
	close_file();
	printf("fsx: %" PRIu64 " operations without a difference, %zu bytes\n", f.ops, f.size);
	free(f.model);
	free(f.buf);
	return 0;
}
