// SPDX-License-Identifier: GPL-2.0-or-later
/* bpf_link.c - making and mapping the BPF maps (bpf/maps.bpf.c); bpf_pins.c pins them. */
#include "kernel/bpf_link.h"
#include "core/view.h"
#include "server.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

#include "maps.skel.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

static struct kh_server_slot unseen;

struct maps maps = { .server = &unseen, .handles_fd = -1, .conns_fd = -1, .op_stats_fd = -1 };

static struct maps_bpf *skel; /* owner of the fds; NULL: no BPF */
static char *no_maps;

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

/* ---- making and mapping ---- */

/* One of the arrays: where its pointer is, and how large it is. */
struct place {
	void *pointer;
	size_t value;
	uint32_t entries;
	struct bpf_map *map; /* NULL without BPF */
};

#define PLACES 8

static void places(struct place p[PLACES])
{
	struct place *q = p;

#define PLACE(field, n, map_)                  \
	*q++ = (struct place) {                \
		&maps.field,                   \
		sizeof(*maps.field),           \
		n,                             \
		skel ? skel->maps.map_ : NULL, \
	}
	PLACE(server, 1, kh_server);
	PLACE(conns, KH_CONNS_MAX, kh_conns);
	PLACE(sessions, KH_SESSIONS_MAX, kh_sessions);
	PLACE(handles, KH_HANDLES_MAX, kh_handles);
	PLACE(names, KH_HANDLES_MAX, kh_names);
	PLACE(reactors, maps.nreactors, kh_reactors);
	PLACE(bad, maps.lanes, kh_bad_input);
	PLACE(ops, maps.lanes * KH_LANE_ENTRIES, kh_op_stats);
#undef PLACE
}

static void *pointer_get(const struct place *p)
{
	void *mem;

	memcpy(&mem, p->pointer, sizeof(mem));
	return mem;
}

/* The map, or memory of the process. */
static int map_one(const struct place *p)
{
	int shared = p->map ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
	void *mem = mmap(NULL, p->value * p->entries, PROT_READ | PROT_WRITE, shared,
			 p->map ? bpf_map__fd(p->map) : -1, 0);

	if (mem == MAP_FAILED)
		return -errno;
	memcpy(p->pointer, &mem, sizeof(mem));
	return 0;
}

static int map_all(void)
{
	struct place p[PLACES];
	int err = 0;

	places(p);
	for (unsigned int i = 0; i < PLACES && !err; i++)
		err = map_one(&p[i]);
	return err;
}

static void undo(void)
{
	struct place p[PLACES];

	places(p);
	if (maps.server == &unseen)
		maps.server = NULL;
	for (unsigned int i = 0; i < PLACES; i++) {
		void *mem = pointer_get(&p[i]);

		if (mem)
			munmap(mem, p[i].value * p[i].entries);
	}
	maps = (struct maps) { .server = &unseen,
			       .nreactors = maps.nreactors,
			       .lanes = maps.lanes,
			       .handles_fd = -1,
			       .conns_fd = -1,
			       .op_stats_fd = -1 };
	maps_bpf__destroy(steal_ptr(&skel));
}

static char *why(const char *what, int err)
{
	if (err == -EPERM || err == -EACCES)
		return xasprintf("%s: not permitted (CAP_BPF, CAP_SYS_ADMIN, lockdown)", what);
	return xasprintf("%s: %s", what, strerror(-err));
}

static int load(void)
{
	struct place p[PLACES];
	int err = 0;

	places(p);
	for (unsigned int i = 0; i < PLACES && !err; i++)
		err = bpf_map__set_max_entries(p[i].map, p[i].entries);
	return err ?: maps_bpf__load(skel);
}

static int pin_all(void)
{
	struct place p[PLACES];
	int err = 0;

	places(p);
	for (unsigned int i = 0; i < PLACES && !err; i++)
		err = maps_pin(p[i].map);
	return err;
}

/* NULL, or why not. */
static char *make(const char *instance, const char *group)
{
	int err = pins_mount();

	if (err)
		return why("mounting " BPFFS, err);
	skel = maps_bpf__open();
	if (!skel)
		return why("BPF object", -errno);
	err = load();
	if (err)
		return why("making BPF maps", err);
	err = map_all();
	if (err)
		return why("mapping BPF maps", err);
	err = pins_begin(instance, group);
	err = err ?: pin_all();
	if (err)
		return why("pinning BPF maps", err);
	maps.handles_fd = bpf_map__fd(skel->maps.kh_handles);
	maps.conns_fd = bpf_map__fd(skel->maps.kh_conns);
	maps.op_stats_fd = bpf_map__fd(skel->maps.kh_op_stats);
	return NULL;
}

static struct slots {
	pthread_mutex_t lock;
	uint32_t *given, ngiven, top;
} conn_slots = { .lock = PTHREAD_MUTEX_INITIALIZER },
  session_slots = { .lock = PTHREAD_MUTEX_INITIALIZER };

void maps_missing(const char *guard)
{
	const char *btf =
		access(KERNEL_BTF, R_OK) < 0 ? "no BTF of the kernel (" KERNEL_BTF ")" : "";
	const char *sep = *btf && guard ? "; " : "";
	_cleanup_free_ char *text = no_maps ? xasprintf("no maps: %s", no_maps)
					    : xasprintf("%s%s%s", btf, sep, guard ?: "");

	maps_say(bpf_why, text);
}

static void describe(const char *instance)
{
	struct kh_server_slot *s = maps.server;

	s->start_ns = server.start_ns;
	s->start_realtime = (uint64_t)time(NULL);
	s->reactors = maps.nreactors;
	s->lanes = maps.lanes;
	maps_say(version, KH_VERSION);
	maps_say(instance, instance);
	maps_say(conf_path, server.conf_path);
	maps_missing(NULL);
	__atomic_store_n(&s->pid, (uint32_t)getpid(), __ATOMIC_RELEASE);
}

static struct view own_view;

static void set_view(void)
{
	own_view = (struct view) {
		.server = maps.server,
		.conns = maps.conns,
		.sessions = maps.sessions,
		.handles = maps.handles,
		.names = maps.names,
		.reactors = maps.reactors,
		.bad = maps.bad,
		.ops = maps.ops,
		.nconns = maps.nconns,
		.nsessions = maps.nsessions,
		.nhandles = maps.nhandles,
		.nreactors = maps.reactors ? maps.nreactors : 0,
		.nbad = maps.bad ? maps.lanes : 0,
		.nops = maps.ops ? maps.lanes * KH_LANE_ENTRIES : 0,
		.dir = (char *)(uintptr_t)maps_pin_dir(),
	};
}

const struct view *maps_view(void)
{
	return &own_view;
}

void maps_start(const char *instance, unsigned int nreactors, const char *group)
{
	int cpus = libbpf_num_possible_cpus();

	libbpf_set_print(silent);
	maps.lanes = MAX(cpus > 0 ? (unsigned int)cpus : 1, nreactors) + 1;
	maps.nreactors = MIN(MAX(nreactors, 1u), KH_REACTORS_MAX);
	server.bpf_why = no_maps = make(instance, group);
	if (no_maps) {
		pins_end();
		undo();
		if (map_all() < 0) { /* nothing is shown then */
			undo();
			return;
		}
	}
	log_debug(LOG_BPF, "maps folder=\"%s\" lanes=%u reactors=%u", maps_pin_dir() ?: "none",
		  maps.lanes, maps.nreactors);
	maps.nconns = KH_CONNS_MAX;
	maps.nsessions = KH_SESSIONS_MAX;
	maps.nhandles = KH_HANDLES_MAX;
	conn_slots.given = xcalloc(maps.nconns, sizeof(uint32_t));
	session_slots.given = xcalloc(maps.nsessions, sizeof(uint32_t));
	describe(instance);
	set_view();
}

static void slots_end(struct slots *s)
{
	free(steal_ptr(&s->given));
	s->ngiven = s->top = 0;
}

void maps_stop(void)
{
	pins_end();
	undo();
	slots_end(&conn_slots);
	slots_end(&session_slots);
	set_view();
	server.bpf_why = NULL;
	free(steal_ptr(&no_maps));
}

/* ---- entries: those that were given back; above top, all are free ---- */

static bool slot_take(struct slots *s, uint32_t max, uint32_t *slot)
{
	bool ok = true;

	pthread_mutex_lock(&s->lock);
	if (s->ngiven)
		*slot = s->given[--s->ngiven];
	else if (s->top < max)
		*slot = s->top++;
	else
		ok = false;
	pthread_mutex_unlock(&s->lock);
	return ok;
}

static void slot_give(struct slots *s, uint32_t slot)
{
	pthread_mutex_lock(&s->lock);
	s->given[s->ngiven++] = slot;
	pthread_mutex_unlock(&s->lock);
}

bool maps_conn_take(uint32_t *slot)
{
	return slot_take(&conn_slots, maps.nconns, slot);
}

void maps_conn_give(uint32_t slot)
{
	__atomic_store_n(&maps.conns[slot].id, 0, __ATOMIC_RELEASE);
	slot_give(&conn_slots, slot);
}

bool maps_session_take(uint32_t *slot)
{
	return slot_take(&session_slots, maps.nsessions, slot);
}

void maps_session_give(uint32_t slot)
{
	__atomic_store_n(&maps.sessions[slot].id, 0, __ATOMIC_RELEASE);
	slot_give(&session_slots, slot);
}
