/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tune_server.c - what tune has to know of the server: its reactors, where connections landed, how
 * they are steered, where it listens. The maps tell all of it; the control socket less.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "core/control.h"
#include "tune.h"
#include "view.h"

#define REPLY_TIMEOUT_MS 30000

static void set_reactors(struct tune_facts *f, unsigned int n)
{
	f->nreactors = n;
	f->reactors = xcalloc(n + 1, sizeof(*f->reactors));
	for (unsigned int i = 0; i < n; i++)
		f->reactors[i].cpu = -1;
}

static pid_t from_maps(const struct ctl *ctl, struct tune_facts *f, char **listeners)
{
	struct view v;
	pid_t pid = 0;
	char *why = view_open(&v, ctl->instance);

	if (why) {
		free(why);
		return 0;
	}
	if (view_alive(&v)) {
		pid = (pid_t)v.server->pid;
		*listeners = xstrndup(v.server->listeners, sizeof(v.server->listeners));
		f->steer = v.server->steer < KH_STEERS ? (int)v.server->steer : -1;
		f->steer_by_bpf = v.server->steer_by_bpf;
		snprintf(f->steer_why, sizeof(f->steer_why), "%.*s",
			 (int)sizeof(v.server->steer_why) - 1, v.server->steer_why);
		set_reactors(f, MIN(v.server->reactors, v.nreactors));
		for (unsigned int i = 0; i < f->nreactors; i++) {
			const struct kh_reactor_slot *r = &v.reactors[i];

			f->reactors[i] = (struct nic_reactor) {
				.cpu = r->cpu < CPUS_MAX ? (int)r->cpu : -1,
				.connections = r->connections,
				.accepted = r->accepted,
			};
		}
	}
	view_close(&v);
	return pid;
}

/* Words of an array of strings. */
static char *joined(struct json_object *a)
{
	char *s = xstrdup("");

	for (size_t i = 0; a && i < json_object_array_length(a); i++) {
		char *longer = xasprintf("%s%s%s", s, i ? " " : "",
					 json_object_get_string(json_object_array_get_idx(a, i)));

		free(s);
		s = longer;
	}
	return s;
}

static pid_t from_control(const struct ctl *ctl, struct tune_facts *f, char **listeners)
{
	struct json_object *request = request_new("status"), *status = NULL, *list;
	int rc = control_call(ctl->run_dir, request, REPLY_TIMEOUT_MS, &status);
	pid_t pid;

	json_object_put(request);
	if (rc)
		return 0;
	pid = (pid_t)json_object_get_int64(json_member(status, "pid"));
	list = json_member(status, "listeners");
	*listeners = joined(json_object_is_type(list, json_type_array) ? list : NULL);
	set_reactors(f, (unsigned int)MAX(json_object_get_int(json_member(status, "reactors")), 0));
	list = json_member(status, "connections");
	for (size_t i = 0;
	     json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
	     i++) {
		struct json_object *r = json_member(json_object_array_get_idx(list, i), "reactor");
		int n = r ? json_object_get_int(r) : -1;

		if (n >= 0 && (unsigned int)n < f->nreactors)
			f->reactors[n].connections++;
	}
	json_object_put(status);
	return pid;
}

/* Addresses of the configuration; a name of an interface goes as it is. */
static char *configured(const struct conf *c)
{
	char *s = xstrdup("");

	if (!c->bind_interfaces_only || !c->interfaces.n) {
		free(s);
		return xstrdup("0.0.0.0:445 [::]:445");
	}
	for (unsigned int i = 0; i < c->interfaces.n; i++) {
		const char *v = c->interfaces.v[i];
		int n = (int)strcspn(v, "/");
		char *longer = xasprintf(strchr(v, ':') ? "%s [%.*s]:445" : "%s %.*s:445", s, n, v);

		free(s);
		s = longer;
	}
	return s;
}

pid_t tune_server(const struct ctl *ctl, struct tune_facts *f, char **listeners)
{
	unsigned int cpus = MAX(cpus_count(&f->online), 1u);
	pid_t pid;

	*listeners = NULL;
	f->steer = -1;
	pid = from_maps(ctl, f, listeners);
	if (!pid)
		pid = from_control(ctl, f, listeners);
	f->running = pid != 0;
	if (pid)
		return pid;
	free(*listeners);
	free(f->reactors);
	*listeners = configured(ctl->conf);
	set_reactors(f, ctl->conf->reactors ? ctl->conf->reactors : cpus);
	return 0;
}

/* ---- its network ---- */

static ino_t netns_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

/* Is /sys that of this network namespace? nsenter --net leaves the old one there. */
static bool sysfs_is_ours(void)
{
	static const struct nic_sys sys = { "" };
	struct if_nameindex *all = if_nameindex();
	bool same = true;

	for (struct if_nameindex *i = all; i && i->if_index && same; i++) {
		_cleanup_free_ char *index =
			nic_read(&sys, NULL, "sys/class/net/%s/ifindex", i->if_name);

		same = index && strtoul(index, NULL, 10) == i->if_index;
	}
	if_freenameindex(all);
	return same;
}

char *tune_enter_netns(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/ns/net", (int)pid);
	_cleanup_close_ int fd = -1;

	if (pid && netns_of(path) && netns_of(path) != netns_of("/proc/self/ns/net")) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, CLONE_NEWNET))
			return xasprintf("the server runs in another network namespace, which "
					 "cannot be entered: %s",
					 strerror(errno));
	}
	if (fd < 0 && sysfs_is_ours())
		return NULL;
	if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_SLAVE | MS_REC, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL))
		return xasprintf("the /sys of its network namespace cannot be mounted: %s",
				 strerror(errno));
	return NULL;
}
