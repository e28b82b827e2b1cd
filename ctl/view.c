// SPDX-License-Identifier: GPL-2.0-or-later
/* view.c - mapping the pinned maps of a server, read-only. */
#include "view.h"
#include "core/util.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

/* One of the maps: where its pointer and its number of entries go. */
struct place {
	const char *name;
	const void *pointer;
	uint32_t *entries;
	size_t value;
};

#define PLACES 8

static void places(struct view *v, uint32_t *one, uint32_t *names, struct place p[PLACES])
{
	const struct place all[PLACES] = {
		{ "kh_server", &v->server, one, sizeof(*v->server) },
		{ "kh_conns", &v->conns, &v->nconns, sizeof(*v->conns) },
		{ "kh_sessions", &v->sessions, &v->nsessions, sizeof(*v->sessions) },
		{ "kh_handles", &v->handles, &v->nhandles, sizeof(*v->handles) },
		{ "kh_names", &v->names, names, sizeof(*v->names) },
		{ "kh_reactors", &v->reactors, &v->nreactors, sizeof(*v->reactors) },
		{ "kh_bad_input", &v->bad, &v->nbad, sizeof(*v->bad) },
		{ "kh_op_stats", &v->ops, &v->nops, sizeof(*v->ops) },
	};

	memcpy(p, all, sizeof(all));
}

/* All entries as they are now, into mem. */
static int read_all(int fd, const struct place *p, uint32_t entries, void *mem)
{
	_cleanup_free_ uint32_t *keys = xcalloc(entries, sizeof(*keys));
	uint32_t next, n = entries;

	if (bpf_map_lookup_batch(fd, NULL, &next, keys, mem, &n, NULL) < 0 && errno != ENOENT)
		return -errno;
	return n == entries ? 0 : -EIO; /* an array gives them in order */
}

/*
 * The kernel maps no array by an fd that may not be written (EINVAL), and who may only read gets no
 * other: he has a copy. A view that has it already is brought up to date.
 */
static int map_fd(int fd, bool may_write, const struct place *p, uint32_t entries)
{
	void *mem;

	memcpy(&mem, p->pointer, sizeof(mem));
	if (mem && *p->entries != entries)
		return -ESTALE; /* another server's by now */
	if (!mem)
		mem = mmap(NULL, p->value * entries, may_write ? PROT_READ : PROT_READ | PROT_WRITE,
			   may_write ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS,
			   may_write ? fd : -1, 0);
	if (mem == MAP_FAILED)
		return -errno;
	memcpy((void *)(uintptr_t)p->pointer, &mem, sizeof(mem));
	*p->entries = entries;
	return may_write ? 0 : read_all(fd, p, entries, mem);
}

/* 0, or -errno; -EPROTO: the map of another version. */
static int map_one(const char *dir, const struct place *p, bool *copied)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, p->name);
	struct bpf_obj_get_opts opts = { .sz = sizeof(opts), .file_flags = BPF_F_RDONLY };
	_cleanup_close_ int fd = *copied ? -EACCES : bpf_obj_get(path);
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	if (fd == -EACCES) {
		*copied = true;
		fd = bpf_obj_get_opts(path, &opts);
	}
	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != p->value)
		return -EPROTO;
	return map_fd(fd, !*copied, p, info.max_entries);
}

static char *sentence(int err)
{
	if (err == -ENOENT)
		return xstrdup("there are no maps: the server does not run, or runs without BPF");
	if (err == -EACCES || err == -EPERM)
		return xstrdup("no right to read the maps");
	if (err == -EPROTO)
		return xstrdup("the maps are those of another version");
	return xasprintf("reading the maps: %s", strerror(-err));
}

char *view_open(struct view *v, const char *instance)
{
	struct place p[PLACES];
	uint32_t one = 0, names = 0;
	int err = 0;

	*v = (struct view) { .dir = view_dir(instance) };
	places(v, &one, &names, p);
	for (unsigned int i = 0; i < PLACES && !err; i++)
		err = map_one(v->dir, &p[i], &v->copied);
	if (!err && (!v->server->pid || names != v->nhandles))
		err = -ENOENT; /* it is about to start */
	if (!err)
		return NULL;
	view_close(v);
	return sentence(err);
}

int view_refresh(struct view *v)
{
	struct place p[PLACES];
	uint32_t one = 1, names = v->nhandles;
	int err = 0;

	places(v, &one, &names, p);
	for (unsigned int i = 0; i < PLACES && v->copied && !err; i++)
		err = map_one(v->dir, &p[i], &v->copied);
	return err;
}

void view_close(struct view *v)
{
	struct place p[PLACES];
	uint32_t one = 1, names = v->nhandles;

	places(v, &one, &names, p);
	for (unsigned int i = 0; i < PLACES; i++) {
		void *mem;

		memcpy(&mem, p[i].pointer, sizeof(mem));
		if (mem)
			munmap(mem, p[i].value * *p[i].entries);
	}
	free(v->dir);
	*v = (struct view) { 0 };
}

bool view_alive(const struct view *v)
{
	_cleanup_free_ char *path = xasprintf("/proc/%u/stat", v->server->pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char stat[64] = "", *state;

	if (fd < 0 || read(fd, stat, sizeof(stat) - 1) <= 0)
		return false;
	state = strstr(stat, " (ksmbd-hybridd) "); /* "pid (name) state" */
	return state && !strchr("ZX", state[strlen(" (ksmbd-hybridd) ")]);
}
