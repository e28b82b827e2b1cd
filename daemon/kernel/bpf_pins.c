// SPDX-License-Identifier: GPL-2.0-or-later
/* bpf_pins.c - the pin folder of an instance: who may look into it, what is in it, its end. */
#include "core/view.h"
#include "kernel/bpf_link.h"
#include "server.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <grp.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PINS	 BPFFS "/ksmbd-hybrid"
#define PINS_MAX 32

static char *pin_dir; /* NULL: nothing is pinned */
static gid_t pin_gid; /* who may read the pins, beside root; 0: nobody */

/* What this process pinned: path, and id of the map. */
static struct {
	char *path;
	uint32_t id;
} pins[PINS_MAX];
static unsigned int npins;

static int is_bpffs(void)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs) < 0)
		return -errno;
	return (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

int pins_mount(void)
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
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int rights(const char *path, mode_t alone, mode_t shared)
{
	if (chown(path, 0, pin_gid) < 0 || chmod(path, pin_gid ? shared : alone) < 0)
		return -errno;
	return 0;
}

/* Others may pass through it; what it holds has rights of its own. */
static int let_pass(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	return (st.st_mode & 0111) != 0111 && chmod(path, (st.st_mode & 07777) | 0111) < 0 ? -errno
											   : 0;
}

static void find_group(const char *name)
{
	struct group *g = name ? getgrnam(name) : NULL;

	pin_gid = g ? g->gr_gid : 0;
	if (name && !g)
		log_err("bpf group = %s: there is no such group, only root may read the maps",
			name);
}

static uint32_t id_of(int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.id : 0;
}

const char *maps_pin_dir(void)
{
	return pin_dir;
}

int maps_pin_rights(const char *name)
{
	_cleanup_free_ char *path = pin_dir ? xasprintf("%s/%s", pin_dir, name) : NULL;

	return path ? rights(path, 0600, 0640) : -ENOENT;
}

int maps_pin(struct bpf_map *m)
{
	char *path;
	int err = 0;

	if (!pin_dir)
		return -ENOENT;
	if (npins == PINS_MAX)
		return -ENOSPC;
	path = xasprintf("%s/%s", pin_dir, bpf_map__name(m));
	if (unlink(path) < 0 && errno != ENOENT)
		err = -errno;
	err = err ?: bpf_obj_pin(bpf_map__fd(m), path) < 0 ? -errno : 0;
	err = err ?: rights(path, 0600, 0640);
	if (err) {
		free(path);
		return err;
	}
	pins[npins].path = path;
	pins[npins++].id = id_of(bpf_map__fd(m));
	return 0;
}

/* A process of the same instance name may have put its own there meanwhile. */
void maps_unpin(void)
{
	while (npins) {
		_cleanup_free_ char *path = pins[--npins].path;
		_cleanup_close_ int fd = bpf_obj_get(path);

		if (id_of(fd) && id_of(fd) == pins[npins].id)
			unlink(path);
	}
	if (!pin_dir)
		return;
	(void)rmdir(pin_dir);
	(void)rmdir(PINS); /* the last instance's */
}

int pins_begin(const char *instance, const char *group)
{
	int err = need_dir(PINS);

	find_group(group);
	if (pin_gid) {
		err = err ?: let_pass(BPFFS);
		err = err ?: let_pass(PINS);
	}
	pin_dir = view_dir(instance);
	err = err ?: need_dir(pin_dir);
	return err ?: rights(pin_dir, 0700, 0750);
}

void pins_end(void)
{
	maps_unpin();
	free(steal_ptr(&pin_dir));
}
