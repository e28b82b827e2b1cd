// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * local_lock.c - byte-range locks as the kernel's, so that local programs and NFS meet them.
 *
 * They are locks of the open file description (F_OFD_SETLK), so each open has its own, as on the
 * wire. The kernel's locks of one owner do not stack: a byte of the file has the strongest of what
 * the open holds on it. What the kernel cannot say stays unsaid: ranges beyond off_t, ranges of no
 * bytes, an exclusive lock of a handle that cannot write (it is a shared one there), a shared lock
 * of one that cannot read (it is none).
 */
#include <fcntl.h>

#include "state/local.h"
#include "state/range_tree.h"

bool local_lock_wanted(const struct open *o)
{
	return o->tree->share->posix_locking && o->kind == OPEN_FILE && o->fd >= 0;
}

bool local_lock_asks(const struct open *o)
{
	return local_lock_wanted(o) && o->tree->share->strict_locking == CONF_YES &&
	       o->access & (FILE_READ_DATA | FILE_EXECUTE | FILE_WRITE_DATA | FILE_APPEND_DATA);
}

static bool flock_of(struct flock *fl, short type, uint64_t start, uint64_t last)
{
	*fl = (struct flock) { .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)start };
	if (last < INT64_MAX) /* 0: to the end of everything */
		fl->l_len = (off_t)(last - start + 1);
	return start <= INT64_MAX;
}

/* False: somebody has it. Where the file system has no locks, there is nobody. */
static bool set(const struct open *o, short type, uint64_t start, uint64_t last)
{
	struct flock fl;

	return !flock_of(&fl, type, start, last) || fcntl(o->fd, F_OFD_SETLK, &fl) == 0 ||
	       (errno != EAGAIN && errno != EACCES);
}

/* F_UNLCK: nothing that can be said. */
static short type_of(const struct open *o, bool exclusive)
{
	if (exclusive && o->access & (FILE_WRITE_DATA | FILE_APPEND_DATA))
		return F_WRLCK;
	return o->access & (FILE_READ_DATA | FILE_EXECUTE) ? F_RDLCK : F_UNLCK;
}

static uint64_t last_of(const struct range *r)
{
	return r->start + r->length - 1;
}

/* ---- what an open holds of a range, piece by piece ---- */

/*
 * Of what was told to the kernel, which is not much (LOCAL_LOCKS_MAX): a client may hold a million
 * locks, and neither this nor the kernel's own list may grow with that.
 */
struct held {
	const struct open *o;
	const struct range *r[LOCAL_LOCKS_MAX];
	unsigned int n;
};

static bool collect(void *arg, struct range *r)
{
	struct held *h = arg;

	if (r->owner == h->o && r->local && r->length && h->n < LOCAL_LOCKS_MAX)
		h->r[h->n++] = r;
	return true;
}

struct piece {
	uint64_t start, last; /* to where it is the same */
	bool held, exclusive;
};

static void look(struct piece *p, const struct range *r)
{
	if (r->start > p->last || last_of(r) < p->start)
		return;
	if (r->start > p->start) {
		p->last = r->start - 1;
		return;
	}
	p->held = true;
	p->exclusive |= r->exclusive;
	if (last_of(r) < p->last)
		p->last = last_of(r);
}

static bool set_pieces(const struct open *o, uint64_t start, uint64_t last)
{
	struct piece p = { .start = start };
	struct held h;
	bool ok = true;

	h.o = o;
	h.n = 0;
	range_each(o->locks->root, start, last - start + 1, collect, &h);
	for (;;) {
		p.last = last;
		p.held = p.exclusive = false;
		for (unsigned int i = 0; i < h.n; i++)
			look(&p, h.r[i]);
		ok &= set(o, p.held ? type_of(o, p.exclusive) : F_UNLCK, p.start, p.last);
		if (p.last == last)
			return ok;
		p.start = p.last + 1;
	}
}

/* ---- by lock.c ---- */

bool local_lock_take(struct open *o, const struct range *r)
{
	o->local_locks = true;
	if (!r->length)
		return true;
	/* Nobody else's exclusive lock overlaps with it: one's own below a shared one stays. */
	if (!r->exclusive &&
	    range_conflict(o->locks->root, r->start, r->length, NULL, RANGE_SHARED))
		return set_pieces(o, r->start, last_of(r));
	return set(o, type_of(o, r->exclusive), r->start, last_of(r));
}

void local_lock_drop(struct open *o, const struct range *r)
{
	if (!o->local_locks || !r->length)
		return;
	if (range_conflict(o->locks->root, r->start, r->length, o, RANGE_EXCLUSIVE))
		(void)set_pieces(o, r->start, last_of(r));
	else
		(void)set(o, F_UNLCK, r->start, last_of(r));
}

void local_lock_close(struct open *o)
{
	if (o->local_locks)
		(void)set(o, F_UNLCK, 0, UINT64_MAX);
	o->local_locks = false;
}

bool local_lock_free(const struct open *o, uint64_t off, uint64_t len, bool write)
{
	struct flock fl;

	return !len || !flock_of(&fl, write ? F_WRLCK : F_RDLCK, off, off + len - 1) ||
	       fcntl(o->fd, F_OFD_GETLK, &fl) < 0 || fl.l_type == F_UNLCK;
}
