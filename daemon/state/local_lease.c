// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * local_lease.c - what a client caches is backed by a lease of the kernel's on its handle's fd
 * (`kernel oplocks`): W by F_WRLCK, R by F_RDLCK. A local program that opens the file waits in its
 * open() until the client has come down, or for /proc/sys/fs/lease-break-time.
 *
 * Granted is what the kernel grants: F_WRLCK, if nobody else has the file open; F_RDLCK, if nobody
 * has it open for writing, the handle itself included. So R alone is for handles that only read.
 * The kernel makes no difference between local programs and this daemon: its own next open of the
 * file fails likewise, for the moment, and the CREATE waits as for anybody's lease
 * (smb2/wait_local.c), while the signal breaks what the client has.
 *
 * open.kernel_lease is under the bucket's lock of the file, as the client's lease is; it follows
 * that down when a break is over, before anybody who waited for the break opens the file.
 */
#include <fcntl.h>

#include "state/lease.h"
#include "state/local.h"
#include "smb2_pdu.h"

#define R SMB2_LEASE_READ_CACHING
#define W SMB2_LEASE_WRITE_CACHING
#define H SMB2_LEASE_HANDLE_CACHING

/* open.kernel_lease */
enum { NONE, READS, WRITES };

/* Whose lease a signal is about: by fd, all that it says. */
struct owner {
	uint64_t dev, ino;
};
static pthread_mutex_t owners_lock = PTHREAD_MUTEX_INITIALIZER; /* innermost */
static struct owner *owners;
static size_t nowners;

static bool owner_set(int fd, uint64_t dev, uint64_t ino)
{
	size_t n = MAX(64, (size_t)fd + fd / 2 + 1);
	bool ok = true;

	pthread_mutex_lock(&owners_lock);
	if ((size_t)fd >= nowners) {
		struct owner *p = realloc(owners, n * sizeof(*p));

		if (p) {
			memset(p + nowners, 0, (n - nowners) * sizeof(*p));
			owners = p;
			nowners = n;
		}
		ok = p;
	}
	if (ok)
		owners[fd] = (struct owner) { dev, ino };
	pthread_mutex_unlock(&owners_lock);
	return ok;
}

static struct owner owner_of(int fd)
{
	struct owner w = { 0 };

	pthread_mutex_lock(&owners_lock);
	if (fd >= 0 && (size_t)fd < nowners)
		w = owners[fd];
	pthread_mutex_unlock(&owners_lock);
	return w;
}

static void owner_clear(int fd)
{
	pthread_mutex_lock(&owners_lock);
	if (fd >= 0 && (size_t)fd < nowners)
		owners[fd] = (struct owner) { 0 };
	pthread_mutex_unlock(&owners_lock);
}

/* The next fd from this one on that has a lease, -1: none. */
static int owner_next(int fd)
{
	int found = -1;

	pthread_mutex_lock(&owners_lock);
	for (size_t i = (size_t)fd; i < nowners && found < 0; i++)
		if (owners[i].ino)
			found = (int)i;
	pthread_mutex_unlock(&owners_lock);
	return found;
}

/* ---- taking and following; under the bucket's lock ---- */

static uint8_t backing_of(uint8_t state)
{
	return state & W ? WRITES : state & R ? READS : NONE;
}

static bool set(struct open *o, uint8_t kind)
{
	static const int types[] = { [NONE] = F_UNLCK, [READS] = F_RDLCK, [WRITES] = F_WRLCK };

	if (fcntl(o->fd, F_SETLEASE, types[kind]) < 0)
		return false;
	o->kernel_lease = kind;
	return true;
}

/* Can its fd have F_RDLCK? */
static bool only_reads(const struct open *o)
{
	return (fcntl(o->fd, F_GETFL) & (O_ACCMODE | O_PATH)) == O_RDONLY;
}

/* From a place where no bucket's lock may be taken: the client keeps nothing. */
struct drop {
	struct local_poll poll;
	uint64_t dev, ino;
};

static bool drop_now(struct local_poll *p)
{
	struct drop *d = container_of(p, struct drop, poll);

	lease_put(ofile_break_caching(d->dev, d->ino, 0));
	free(d);
	return false;
}

static void drop_later(const struct open *o)
{
	struct drop *d = xcalloc(1, sizeof(*d));

	d->poll.fn = drop_now;
	d->dev = o->file_dev;
	d->ino = o->file_ino;
	local_poll_add(&d->poll);
}

void local_lease_follow_slow(struct open *o, uint8_t state)
{
	uint8_t kind = backing_of(state);

	if (kind >= o->kernel_lease || (kind == READS && set(o, READS)))
		return;
	(void)set(o, NONE);
	o->kernel_lease = NONE;
	owner_clear(o->fd);
	if (kind != NONE)
		drop_later(o);
}

static bool begin(struct open *o, uint8_t *keep)
{
	struct f_owner_ex thread = { F_OWNER_TID, local_thread_tid() };
	struct ofile *f = ofile_lock(o);
	uint8_t kind = backing_of(open_caching(o));
	bool ok = kind == NONE;

	*keep = 0;
	if (f && !ok && thread.pid && owner_set(o->fd, o->file_dev, o->file_ino) &&
	    fcntl(o->fd, F_SETSIG, local_signal()) == 0 &&
	    fcntl(o->fd, F_SETOWN_EX, &thread) == 0) {
		ok = set(o, kind);
		if (!ok && kind == WRITES && only_reads(o) && set(o, READS))
			*keep = R | H;
	}
	if (o->kernel_lease == NONE)
		owner_clear(o->fd);
	ofile_unlock(o, f);
	return ok;
}

void local_lease_begin(struct open *o)
{
	uint8_t keep;

	if (!o->tree->share->kernel_oplocks || o->kind != OPEN_FILE || !open_caching(o))
		return;
	/* The client has not heard of it: silently, unless it has the file open already. */
	if (!begin(o, &keep))
		lease_put(ofile_break_caching(o->file_dev, o->file_ino, keep));
}

/* ---- somebody opens the file ---- */

/* What its client may go on caching. */
static uint8_t may_keep(struct open *o)
{
	struct ofile *f = ofile_lock(o);
	uint8_t keep = R | W | H;

	if (f && o->kernel_lease != NONE) {
		int type = fcntl(o->fd, F_GETLEASE); /* while it is broken: down to what */

		if (type == F_RDLCK && o->kernel_lease == WRITES)
			keep = only_reads(o) ? R | H : 0;
		else if (type == F_UNLCK)
			keep = 0;
	}
	ofile_unlock(o, f);
	return keep;
}

void local_lease_broken(int fd)
{
	struct owner w = owner_of(fd);
	uint8_t keep = R | W | H;
	struct open **all;
	size_t n;

	if (!w.ino)
		return;
	all = ofile_opens(w.dev, w.ino, &n);
	for (size_t i = 0; i < n; i++) {
		keep &= may_keep(all[i]);
		open_put(all[i]);
	}
	free(all);
	if (keep != (R | W | H))
		lease_put(ofile_break_caching(w.dev, w.ino, keep));
}

void local_lease_look(void)
{
	for (int fd = owner_next(0); fd >= 0; fd = owner_next(fd + 1))
		local_lease_broken(fd);
}
