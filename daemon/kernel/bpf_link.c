// SPDX-License-Identifier: GPL-2.0-or-later
/* bpf_link.c - making, pinning and mapping the BPF maps (bpf/maps.bpf.c). */
#include "kernel/bpf_link.h"
#include "server.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "maps.skel.h"

#define BPFFS	 "/sys/fs/bpf"
#define PINS	 BPFFS "/ksmbd-hybrid"
#define PIN_MODE 0700

struct maps maps = { .handles_fd = -1, .conns_fd = -1, .op_stats_fd = -1 };

static struct maps_bpf *skel; /* owner of the fds; NULL: no BPF */
static char *pin_dir, *no_maps;

/* Entries of kh_conns that were given back; above, all are free. */
static struct {
	pthread_mutex_t lock;
	uint32_t *given, ngiven, top;
} conn_slots = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

/* ---- pins ---- */

static int is_bpffs(void)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs) < 0)
		return -errno;
	return (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static int need_bpffs(void)
{
	int r = is_bpffs();

	if (r != 0)
		return r < 0 ? r : 0;
	return mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0
		       ? -errno
		       : 0;
}

static int need_dir(const char *path)
{
	return mkdir(path, PIN_MODE) < 0 && errno != EEXIST ? -errno : 0;
}

/* bpffs takes no dots in names. */
static char *dir_of(const char *instance)
{
	char *path = xasprintf(PINS "/%s", instance);

	for (char *p = path + strlen(PINS); *p; p++)
		if (*p == '.')
			*p = '_';
	return path;
}

static int pin(struct bpf_map *m)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", pin_dir, bpf_map__name(m));

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return bpf_map__pin(m, path);
}

static uint32_t id_of(int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.id : 0;
}

/* A process of the same instance name may have put its own there meanwhile. */
static void unpin(struct bpf_map *m)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", pin_dir, bpf_map__name(m));
	_cleanup_close_ int fd = bpf_obj_get(path);

	if (id_of(fd) && id_of(fd) == id_of(bpf_map__fd(m)))
		unlink(path);
}

static int pin_all(const char *instance)
{
	int err = need_dir(PINS);

	pin_dir = dir_of(instance);
	err = err ?: need_dir(pin_dir);
	err = err ?: pin(skel->maps.kh_handles);
	err = err ?: pin(skel->maps.kh_conns);
	return err ?: pin(skel->maps.kh_op_stats);
}

/* ---- making and mapping ---- */

static int map_one(struct bpf_map *m, int *fd, void *out)
{
	size_t size = (size_t)bpf_map__value_size(m) * bpf_map__max_entries(m);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(m), 0);

	if (p == MAP_FAILED)
		return -errno;
	*fd = bpf_map__fd(m);
	memcpy(out, &p, sizeof(p));
	return 0;
}

static void unmap(void *p, uint64_t size)
{
	if (p)
		munmap(p, size);
}

static uint64_t ops_size(void)
{
	return (uint64_t)maps.lanes * KH_LANE_ENTRIES * sizeof(*maps.ops);
}

static void undo(void)
{
	unmap(maps.handles, (uint64_t)KH_HANDLES_MAX * sizeof(*maps.handles));
	unmap(maps.conns, (uint64_t)KH_CONNS_MAX * sizeof(*maps.conns));
	unmap(maps.ops, ops_size());
	maps = (struct maps) {
		.lanes = maps.lanes, .handles_fd = -1, .conns_fd = -1, .op_stats_fd = -1
	};
	maps_bpf__destroy(steal_ptr(&skel));
	free(steal_ptr(&pin_dir));
	free(steal_ptr(&conn_slots.given));
}

static char *why(const char *what, int err)
{
	if (err == -EPERM || err == -EACCES)
		return xasprintf("%s: not permitted (CAP_BPF, CAP_SYS_ADMIN, lockdown)", what);
	return xasprintf("%s: %s", what, strerror(-err));
}

/* NULL, or why not. */
static char *make(const char *instance)
{
	int err = need_bpffs();

	if (err)
		return why("mounting " BPFFS, err);
	skel = maps_bpf__open();
	if (!skel)
		return why("BPF object", -errno);
	err = bpf_map__set_max_entries(skel->maps.kh_op_stats, maps.lanes * KH_LANE_ENTRIES);
	err = err ?: maps_bpf__load(skel);
	if (err)
		return why("making BPF maps", err);
	err = map_one(skel->maps.kh_handles, &maps.handles_fd, &maps.handles);
	err = err ?: map_one(skel->maps.kh_conns, &maps.conns_fd, &maps.conns);
	err = err ?: map_one(skel->maps.kh_op_stats, &maps.op_stats_fd, &maps.ops);
	if (err)
		return why("mapping BPF maps", err);
	err = pin_all(instance);
	if (err)
		return why("pinning BPF maps", err);
	maps.nhandles = KH_HANDLES_MAX;
	maps.nconns = KH_CONNS_MAX;
	conn_slots.given = xcalloc(maps.nconns, sizeof(*conn_slots.given));
	return NULL;
}

void maps_start(const char *instance, unsigned int nreactors)
{
	int cpus = libbpf_num_possible_cpus();

	libbpf_set_print(silent);
	maps.lanes = MAX(cpus > 0 ? (unsigned int)cpus : 1, nreactors) + 1;
	server.bpf_why = no_maps = make(instance);
	if (!no_maps)
		return;
	undo();
	maps.ops =
		mmap(NULL, ops_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (maps.ops == MAP_FAILED)
		maps.ops = NULL;
}

void maps_stop(void)
{
	if (skel) {
		unpin(skel->maps.kh_handles);
		unpin(skel->maps.kh_conns);
		unpin(skel->maps.kh_op_stats);
		(void)rmdir(pin_dir);
		(void)rmdir(PINS); /* the last instance's */
	}
	undo();
	server.bpf_why = NULL;
	free(steal_ptr(&no_maps));
}

/* ---- entries of connections ---- */

bool maps_conn_take(uint32_t *slot)
{
	bool ok = true;

	pthread_mutex_lock(&conn_slots.lock);
	if (conn_slots.ngiven)
		*slot = conn_slots.given[--conn_slots.ngiven];
	else if (conn_slots.top < maps.nconns)
		*slot = conn_slots.top++;
	else
		ok = false;
	pthread_mutex_unlock(&conn_slots.lock);
	if (ok)
		memset(&maps.conns[*slot], 0, sizeof(maps.conns[*slot]));
	return ok;
}

void maps_conn_give(uint32_t slot)
{
	pthread_mutex_lock(&conn_slots.lock);
	memset(&maps.conns[slot], 0, sizeof(maps.conns[slot]));
	conn_slots.given[conn_slots.ngiven++] = slot;
	pthread_mutex_unlock(&conn_slots.lock);
}
