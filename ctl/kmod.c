/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmod.c - the kernel module is loaded and removed. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "ctl.h"

#define MODULE	"ksmbd_hybrid"
#define PRESENT "/sys/module/" MODULE

/* The module that was built for this kernel in the checkout that the program is of, or NULL. */
static char *built_path(const char *release)
{
	_cleanup_free_ char *dir = ctl_self_dir();
	char *path;

	if (!dir)
		return NULL;
	path = xasprintf("%sbuild/kmod-%s/kmod/" MODULE ".ko", dir, release);
	if (!access(path, R_OK))
		return path;
	free(path);
	return NULL;
}

static char *load_built(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return xasprintf("%s: %s", path, strerror(errno));
	if (!syscall(SYS_finit_module, fd, "", 0) || errno == EEXIST)
		return NULL;
	if (errno == EPERM || errno == EKEYREJECTED)
		return xstrdup("this kernel takes signed modules only (secure boot)");
	return xasprintf("%s does not fit the running kernel (%s): the kernel log says why", path,
			 strerror(errno));
}

/* The installed one; modprobe's first line says why not. */
static char *load_installed(const char *release)
{
	char line[256] = "";
	FILE *f = popen("PATH=$PATH:/usr/sbin:/sbin modprobe " MODULE " 2>&1", "re");
	int status;

	if (!f)
		return xasprintf("modprobe: %s", strerror(errno));
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	status = pclose(f);
	line[strcspn(line, "\n")] = 0;
	if (!status)
		return NULL;
	if (!*line || strstr(line, "not found"))
		return xasprintf("none is installed for kernel %s", release);
	return xstrdup(line);
}

char *kmod_load(void)
{
	_cleanup_free_ char *built = NULL;
	struct utsname u;

	if (!access(PRESENT, F_OK))
		return NULL;
	if (access("/proc/modules", F_OK))
		return xstrdup("this kernel cannot load modules");
	if (geteuid())
		return xstrdup("only root may load it");
	uname(&u);
	built = built_path(u.release);
	return built ? load_built(built) : load_installed(u.release);
}

char *kmod_unload(void)
{
	if (access(PRESENT, F_OK))
		return NULL;
	if (!syscall(SYS_delete_module, MODULE, O_NONBLOCK))
		return NULL;
	if (errno == EWOULDBLOCK || errno == EBUSY)
		return xstrdup("a server uses it");
	return xstrdup(errno == EPERM ? "only root may remove it" : strerror(errno));
}
