// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * write_time.c - the LastWriteTime that clients see of an open file (MS-FSA 2.1.4.17, as Windows
 * Server and Samba do it).
 *
 * The kernel stamps a file at each write. Clients expect instead: the first write shows after two
 * seconds, or when something flushes it; what follows shows at the close of the handle; and a time
 * that was set stays, whatever is written afterwards. So an ofile remembers what is shown and the
 * kernel's stamp that went with it. Nothing runs by a timer: what is shown is worked out when
 * somebody asks, so writing costs one fstat() per handle, and a close nothing unless it was asked.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "kernel/handles.h"
#include "state/state.h"

#define DELAY_NS 2000000000ull

static uint64_t kernel_time(const struct open *o)
{
	struct stat st;

	return fstat(o->fd, &st) < 0 ? 0 : nttime_from_timespec(&st.st_mtim);
}

static void stamp(const struct open *o, uint64_t nt)
{
	struct timespec ts[2] = { { .tv_nsec = UTIME_OMIT }, nttime_to_timespec(nt) };
	char proc[VFS_PROC_PATH_MAX];

	/* the handle may write, but the file need not be the user's */
	if (identity_root_begin() == 0) {
		(void)utimensat(AT_FDCWD, vfs_proc_path(o->fd, proc), ts, 0);
		identity_root_end();
	} else {
		(void)utimensat(AT_FDCWD, vfs_proc_path(o->fd, proc), ts, 0);
	}
}

/* What was pending shows from now on. A write within the clock's grain gets a time of its own. */
static void show_pending(const struct open *o, struct write_time *t)
{
	uint64_t now = kernel_time(o);

	if (now == t->shown) {
		stamp(o, nttime_now());
		now = kernel_time(o);
	}
	t->state = WRITE_TIME_SHOWN;
	t->shown = t->kernel = now;
}

void write_time_begin(struct open *o)
{
	struct ofile *f = ofile_lock(o);

	if (f && f->wtime.state == WRITE_TIME_NONE) {
		f->wtime.state = WRITE_TIME_PENDING;
		f->wtime.shown = kernel_time(o);
		f->wtime.since_ns = now_ns();
		handles_refresh(f, NULL);
	}
	ofile_unlock(o, f);
}

void write_time_flush(struct open *o)
{
	struct ofile *f = ofile_lock(o);

	if (f && f->wtime.state == WRITE_TIME_PENDING) {
		show_pending(o, &f->wtime);
		handles_refresh(f, NULL);
	}
	ofile_unlock(o, f);
}

void write_time_fix(struct open *o, bool on)
{
	struct ofile *f = ofile_lock(o);

	if (f) {
		f->wtime.state = on ? WRITE_TIME_FIXED : WRITE_TIME_NONE;
		f->wtime.shown = f->wtime.kernel = kernel_time(o);
		handles_refresh(f, NULL);
	}
	ofile_unlock(o, f);
}

void write_time_set_change(struct open *o, uint64_t change)
{
	struct ofile *f = ofile_lock(o);

	if (f) {
		f->wtime.change = change;
		handles_refresh(f, NULL);
	}
	ofile_unlock(o, f);
}

void write_time_apply(const struct ofile *f, struct vfs_attr *a)
{
	const struct write_time *t = &f->wtime;
	bool due = t->state == WRITE_TIME_PENDING && now_ns() - t->since_ns >= DELAY_NS;

	/* what is due is the kernel's, until somebody with a handle looks */
	if (t->state != WRITE_TIME_NONE && !due)
		a->write_time = a->change_time = t->shown;
	if (t->change)
		a->change_time = t->change;
	if (!a->is_dir && a->alloc_size < f->alloc)
		a->alloc_size = f->alloc;
}

void write_time_show(struct open *o, struct vfs_attr *a)
{
	struct ofile *f = ofile_lock(o);

	if (f && f->wtime.state == WRITE_TIME_PENDING && now_ns() - f->wtime.since_ns >= DELAY_NS) {
		show_pending(o, &f->wtime);
		handles_refresh(f, NULL);
	}
	if (f)
		write_time_apply(f, a);
	ofile_unlock(o, f);
}

void write_time_close(struct open *o)
{
	struct ofile *f;

	if (!o->wrote)
		return;
	f = ofile_lock(o);
	if (f && f->wtime.state >= WRITE_TIME_SHOWN && kernel_time(o) != f->wtime.kernel) {
		bool fixed = f->wtime.state == WRITE_TIME_FIXED;

		stamp(o, fixed ? f->wtime.shown : nttime_now());
		f->wtime.kernel = kernel_time(o);
	}
	if (f && f->wtime.state != WRITE_TIME_FIXED)
		f->wtime.state = WRITE_TIME_NONE;
	handles_refresh(f, NULL);
	ofile_unlock(o, f);
}
