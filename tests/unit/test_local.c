// SPDX-License-Identifier: GPL-2.0-or-later
/* Byte-range locks as local programs see them, and what those have in the way. */
#include <fcntl.h>

#include "state/local.h"
#include "state/state.h"
#include "tap.h"

/* What opens and leases beside the locks ask for; nothing here runs that. */
struct server server;
struct conf *server_conf(void)
{
	return NULL;
}

static struct conf_share share = { .strict_locking = CONF_YES, .posix_locking = true };
static struct tree tree = { .share = &share };
static char path[] = "/tmp/khd-local-XXXXXX";

#define READ_WRITE (FILE_READ_DATA | FILE_WRITE_DATA)

static void handle_init(struct open *o, struct lock_file *f, uint32_t access)
{
	memset(o, 0, sizeof(*o));
	o->kind = OPEN_FILE;
	o->tree = &tree;
	o->access = access;
	o->fd = open(path, access & FILE_WRITE_DATA ? (access & FILE_READ_DATA ? O_RDWR : O_WRONLY)
						    : O_RDONLY);
	o->asks_local = local_lock_asks(o);
	o->locks = lock_file_get(f);
	list_init(&o->locks_held);
	list_init(&o->locks_waiting);
}

static void handle_end(struct open *o)
{
	lock_close(o);
	close(o->fd);
	lock_file_put(o->locks);
}

static ntstatus take(struct open *o, uint64_t start, uint64_t length, bool exclusive)
{
	struct lock_range r = { start, length, exclusive };

	return lock_take(o, &r, 1);
}

/* What a local program finds of bytes 0 to 29, three at a time: '-', 'r' or 'W'. */
static const char *seen(void)
{
	static char text[11];
	int fd = open(path, O_RDWR);

	for (int i = 0; i < 10; i++) {
		struct flock w = { .l_type = F_WRLCK, .l_start = 3 * i, .l_len = 1 };
		struct flock r = { .l_type = F_RDLCK, .l_start = 3 * i, .l_len = 1 };

		fcntl(fd, F_OFD_GETLK, &w);
		fcntl(fd, F_OFD_GETLK, &r);
		text[i] = w.l_type == F_UNLCK ? '-' : r.l_type == F_UNLCK ? 'r' : 'W';
	}
	close(fd);
	return text;
}

static void test_seen(void)
{
	struct lock_file *f = lock_file_new();
	struct open a, b, reader, writer;

	handle_init(&a, f, READ_WRITE);
	handle_init(&b, f, READ_WRITE);
	handle_init(&reader, f, FILE_READ_DATA);
	handle_init(&writer, f, FILE_WRITE_DATA);
	take(&a, 0, 6, true);
	take(&b, 9, 6, false);
	is_str(seen(), "WW-rr-----", "an exclusive and a shared lock");
	take(&a, 3, 12, false);
	is_str(seen(), "WWrrr-----", "shared above one's own exclusive");
	lock_drop(&a, 0, 6);
	is_str(seen(), "-rrrr-----", "the shared one is left");
	take(&a, 3, 12, false);
	lock_drop(&a, 3, 12);
	is_str(seen(), "-rrrr-----", "one of two equal ones goes");
	lock_drop(&b, 9, 6);
	is_str(seen(), "-rrrr-----", "another handle's is still there");
	lock_drop(&a, 3, 12);
	is_str(seen(), "----------", "nothing is left");
	is_int(take(&reader, 0, 3, true), NT_STATUS_SUCCESS, "exclusive, on a read-only handle");
	is_int(take(&writer, 6, 3, false), NT_STATUS_SUCCESS, "shared, on a write-only handle");
	is_str(seen(), "r---------", "are what the kernel can say of them");
	take(&a, (1ull << 63) + 100, 10, true);
	take(&a, UINT64_MAX, 1, true);
	take(&a, 0, 0, true);
	take(&a, 24, (1ull << 63) - 20, true);
	is_str(seen(), "r-------WW", "beyond off_t nothing is said, up to it everything");
	handle_end(&a);
	is_str(seen(), "r---------", "a close");
	take(&b, 0, 1, false);
	handle_end(&reader);
	handle_end(&b);
	handle_end(&writer);
	is_str(seen(), "----------", "the last close");
	share.posix_locking = false;
	handle_init(&a, f, READ_WRITE);
	take(&a, 0, 30, true);
	is_str(seen(), "----------", "posix locking = no");
	handle_end(&a);
	share.posix_locking = true;
	lock_file_put(f);
}

static _Atomic int granted = -1;

static void done(struct lock_wait *w, ntstatus status)
{
	(void)w;
	atomic_store(&granted, status == NT_STATUS_SUCCESS);
}

static int local_lock(int fd, short type, off_t start, off_t len)
{
	struct flock fl = { .l_type = type, .l_start = start, .l_len = len };

	return fcntl(fd, F_OFD_SETLK, &fl);
}

static void test_conflict(void)
{
	struct lock_range two[] = { { 20, 5, true }, { 4, 1, false } }, one = { 5, 1, true };
	struct lock_wait w = { .done = done };
	struct lock_file *f = lock_file_new();
	int fd = open(path, O_RDWR);
	struct open a;

	handle_init(&a, f, READ_WRITE);
	local_lock(fd, F_WRLCK, 0, 10);
	is_int(take(&a, 5, 1, false), NT_STATUS_LOCK_NOT_GRANTED, "a local program has it");
	is_int(lock_take(&a, two, 2), NT_STATUS_LOCK_NOT_GRANTED, "one of two");
	is_str(seen(), "WWWW------", "nothing is kept of them");
	is_int(f->count, 0, "nor counted");
	is_int(lock_check_io(&a, 9, 5, false), NT_STATUS_FILE_LOCK_CONFLICT, "nor read");
	is_int(lock_check_io(&a, 10, 5, true), NT_STATUS_SUCCESS, "what is behind it is free");
	local_lock(fd, F_RDLCK, 0, 10);
	is_int(lock_check_io(&a, 9, 5, false), NT_STATUS_SUCCESS, "a shared one lets read");
	is_int(lock_check_io(&a, 9, 5, true), NT_STATUS_FILE_LOCK_CONFLICT, "and not write");
	is_int(take(&a, 5, 1, false), NT_STATUS_SUCCESS, "and lock as shared");
	lock_drop(&a, 5, 1);
	is_int(lock_wait(&w, &a, &one), NT_STATUS_PENDING, "an exclusive lock waits");
	ok(!lock_file_quiet(f), "it is counted");
	usleep(150000);
	is_int(atomic_load(&granted), -1, "as long as he has it");
	local_lock(fd, F_UNLCK, 0, 10);
	for (int i = 0; i < 500 && atomic_load(&granted) < 0; i++)
		usleep(10000);
	is_int(atomic_load(&granted), 1, "it is given when it is free");
	is_int(local_lock(fd, F_WRLCK, 5, 1), -1, "and then the local program is refused");
	lock_drop(&a, 5, 1);
	is_int(local_lock(fd, F_WRLCK, 5, 1), 0, "until it is unlocked");
	atomic_store(&granted, -1);
	is_int(lock_wait(&w, &a, &one), NT_STATUS_PENDING, "it waits again");
	ok(lock_wait_cancel(&w), "and is cancelled");
	close(fd);
	usleep(150000);
	is_int(atomic_load(&granted), -1, "nothing comes after that");
	handle_end(&a);
	ok(lock_file_quiet(f), "all gone");
	lock_file_put(f);
}

static void test_many(void)
{
	struct lock_file *f = lock_file_new();
	unsigned int other = 0;
	struct open a;
	uint64_t t;

	handle_init(&a, f, READ_WRITE);
	for (uint64_t i = 0; i < 20000; i++)
		other += take(&a, i * 16, 8, true) != NT_STATUS_SUCCESS;
	is_int(f->nlocal, LOCAL_LOCKS_MAX, "the kernel has some of 20,000");
	is_int(lock_drop(&a, 0, 8), 0, "one that it has goes");
	t = now_ns();
	is_int(take(&a, 0, INT64_MAX, false), 0, "a shared one over all of them");
	is_str(seen(), "rrrrrrWWrr", "the first are exclusive below it");
	is_int(lock_drop(&a, 0, INT64_MAX), 0, "and goes");
	ok(now_ns() - t < 3000000000u, "in no time");
	is_str(seen(), "------WW--", "as it was");
	is_int(take(&a, 0, 8, true), 0, "the first again");
	for (uint64_t i = 0; i < 20000; i++)
		other += lock_drop(&a, i * 16, 8) != NT_STATUS_SUCCESS;
	is_int(other, 0, "all were taken and dropped");
	is_int(f->nlocal, 0, "the kernel has none");
	is_str(seen(), "----------", "as it says");
	handle_end(&a);
	lock_file_put(f);
}

int main(void)
{
	close(mkstemp(path));
	test_seen();
	test_conflict();
	test_many();
	unlink(path);
	return done_testing();
}
