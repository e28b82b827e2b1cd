// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * overwrite.c - which opens write so much into files in memory that the file is mapped for it.
 *
 * To map a page costs what it saves at one write (vfs/map.c), and to unmap it half of that. So a file
 * is mapped when an eighth of it was written through the open, in place: that client is likely to go
 * over it again and again, as with a disk image or a database. Never files with holes: a write into
 * a mapped hole costs a fault per page.
 */
#include "state/state.h"
#include "vfs/vfs.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define AT_LEAST (4ull << 20)

struct overwrite {
	atomic_flag busy; /* who finds it set does without */
	bool refused;
	uint64_t bytes; /* written in place, since there is no map */
	uint64_t size;	/* mapped */
	struct vfs_map *map;
};

static struct overwrite *get(struct open *o)
{
	struct overwrite *w = atomic_load(&o->overwrite), *none = NULL;

	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	if (w && !atomic_compare_exchange_strong(&o->overwrite, &none, w)) {
		free(w);
		w = none;
	}
	return w;
}

static void map_drop(struct overwrite *w)
{
	vfs_map_free(w->map);
	w->map = NULL;
	w->bytes = 0;
}

/* Of a file system that is mounted below a share in memory, a page may have to be waited for. */
static struct vfs_map *map_new(int fd, uint64_t size)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC ? vfs_map_new(fd, size) : NULL;
}

/* The file is as large as st says: is there a map for bytes up to end, or is it time for one? */
static bool mapped(struct overwrite *w, const struct open *o, const struct stat *st, size_t len,
		   uint64_t end)
{
	uint64_t size = (uint64_t)st->st_size;

	if (end > size)
		return false;
	if (w->map && end > w->size)
		map_drop(w);
	if (w->map)
		return true;
	w->bytes += len;
	if (w->bytes < MAX(size / 8, AT_LEAST) || (uint64_t)st->st_blocks * 512 < size)
		return false;
	w->map = map_new(o->fd, size);
	w->size = size;
	w->refused = !w->map;
	w->bytes = 0;
	return w->map != NULL;
}

bool overwrite_begin(struct open *o, uint64_t off, size_t len)
{
	struct overwrite *w;
	struct stat st;

	if (len < OVERWRITE_MIN || !o->memory || o->append_only)
		return false;
	w = get(o);
	if (!w || atomic_flag_test_and_set(&w->busy))
		return false;
	if (!w->refused && fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    mapped(w, o, &st, len, off + len))
		return true;
	atomic_flag_clear(&w->busy);
	return false;
}

bool overwrite_end(struct open *o, const void *p, size_t len, uint64_t off)
{
	struct overwrite *w = atomic_load(&o->overwrite);
	struct stat st;
	bool ok = vfs_map_write(w->map, off, p, len);

	/* Cut meanwhile, in the midst of a page: what was put behind the end is nowhere. */
	if (ok && (fstat(o->fd, &st) < 0 || (uint64_t)st.st_size < off + len))
		ok = false;
	if (!ok)
		map_drop(w);
	atomic_flag_clear(&w->busy);
	return ok;
}

void overwrite_cancel(struct open *o)
{
	atomic_flag_clear(&atomic_load(&o->overwrite)->busy);
}

void overwrite_free(struct open *o)
{
	struct overwrite *w = atomic_load(&o->overwrite);

	if (w)
		vfs_map_free(w->map);
	free(w);
}
