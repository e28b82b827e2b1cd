// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guard.c - loading the XDP guard, attaching it to interfaces, keeping its maps.
 *
 * The program is loaded when an interface is to be guarded first, and stays to the end; a reload
 * attaches and detaches. Links are pinned as xdp_<number>_<name> in the folder of the maps.
 */
#include "kernel/guard.h"
#include "core/json.h"
#include "core/block.h"
#include "kernel/bpf_link.h"
#include "server.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>

#include "xdp_guard.skel.h"

#define CPUMAP_QUEUE 2048
#define SECOND	     1000000000ull

enum { MODE_OFF, MODE_GENERIC, MODE_NATIVE };

static const char *const mode_names[] = { "off", "generic", "native" };

struct guarded {
	char name[IF_NAMESIZE];
	unsigned int index;
	int mode;
	int link; /* -1: off */
	char *pin;
	char *why; /* of off, or of generic in place of native; NULL */
};

/* Main thread. */
static struct {
	struct xdp_guard_bpf *skel;
	struct guarded ifs[KH_GUARD_IFS];
	unsigned int n;
	char *why; /* not loaded */
} guard;

/* Any thread; -1: no guard. Closed when all others have ended. */
static _Atomic int blocklist_fd = -1;

/* ---- the block list's copy ---- */

void guard_block_set(const struct kh_block_key *k, const struct kh_block *b)
{
	int fd = atomic_load(&blocklist_fd);

	if (fd >= 0 && bpf_map_update_elem(fd, k, b, BPF_ANY) < 0)
		log_notice("the XDP guard cannot block: %s", strerror(errno));
}

void guard_block_del(const struct kh_block_key *k)
{
	int fd = atomic_load(&blocklist_fd);

	if (fd >= 0)
		bpf_map_delete_elem(fd, k);
}

uint64_t guard_block_dropped(const struct kh_block_key *k)
{
	int fd = atomic_load(&blocklist_fd);
	struct kh_block b;

	return fd >= 0 && bpf_map_lookup_elem(fd, k, &b) == 0 ? b.dropped : 0;
}

/* ---- loading ---- */

static int pin_maps(void)
{
	struct bpf_map *m;
	int err = 0;

	bpf_object__for_each_map(m, guard.skel->obj) err = err ?: maps_pin(m);
	return err;
}

/* Values per CPU: not more than 8 MiB of them. */
static uint32_t sources_max(int cpus)
{
	return MIN(MAX((8u << 20) / sizeof(struct kh_source) / (uint32_t)cpus, 1024u), 16384u);
}

static char *load(void)
{
	int cpus = MAX(libbpf_num_possible_cpus(), 1), err;

	if (guard.skel)
		return NULL;
	if (!maps_pin_dir())
		return xasprintf("no BPF: %s", server.bpf_why ?: "no pin folder");
	guard.skel = xdp_guard_bpf__open();
	if (!guard.skel)
		return xasprintf("BPF object: %s", strerror(errno));
	err = bpf_map__set_max_entries(guard.skel->maps.kh_guard_cpus, (uint32_t)cpus);
	err = err ?: bpf_map__set_max_entries(guard.skel->maps.kh_sources, sources_max(cpus));
	err = err ?: xdp_guard_bpf__load(guard.skel);
	err = err ?: pin_maps();
	if (err) {
		xdp_guard_bpf__destroy(steal_ptr(&guard.skel));
		return err == -EPERM || err == -EACCES
			       ? xstrdup("not permitted (CAP_BPF, CAP_NET_ADMIN, lockdown)")
			       : xasprintf("loading the program: %s", strerror(-err));
	}
	atomic_store(&blocklist_fd, bpf_map__fd(guard.skel->maps.kh_blocklist));
	block_resend();
	return NULL;
}

/* ---- its configuration ---- */

static void set_limits(const struct conf *f, struct kh_guard_conf *c)
{
	if (f->syn_rate.per_second) {
		c->syn_interval_ns = SECOND / f->syn_rate.per_second;
		c->syn_burst_ns = c->syn_interval_ns * (f->syn_rate.burst - 1);
	}
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int bits = f->ipv6_source_bits;

		bits = bits > i * 32 ? MIN(bits - i * 32, 32u) : 0;
		c->mask6[i] = bits ? htonl(~0u << (32 - bits)) : 0;
	}
	for (unsigned int i = 0; i < f->nports && i < KH_GUARD_PORTS; i++)
		c->ports[i] = htons(f->ports[i]);
}

/* Only CPUs of which the kernel made an entry: those that exist. */
static void set_cpus(const struct conf *f, struct kh_guard_conf *c)
{
	uint16_t cpus[KH_GUARD_CPUS];
	unsigned int n = conf_cpus(&f->xdp_cpus, cpus, KH_GUARD_CPUS);
	int fd = bpf_map__fd(guard.skel->maps.kh_guard_cpus);

	for (unsigned int i = 0; i < n; i++) {
		struct bpf_cpumap_val v = { .qsize = CPUMAP_QUEUE };
		__u32 cpu = cpus[i];

		if (bpf_map_update_elem(fd, &cpu, &v, BPF_ANY) == 0)
			c->cpus[c->ncpus++] = (__u16)cpu;
		else
			log_notice("xdp cpus: CPU %u: %s", cpu, strerror(errno));
	}
}

static void configure(const struct conf *f)
{
	struct kh_guard_conf c = { .nifs = guard.n };
	__u32 zero = 0;

	if (!guard.skel)
		return;
	set_limits(f, &c);
	set_cpus(f, &c);
	for (unsigned int i = 0; i < guard.n; i++) {
		c.ifindex[i] = guard.ifs[i].index;
		c.redirect[i] = guard.ifs[i].mode == MODE_NATIVE;
	}
	bpf_map_update_elem(bpf_map__fd(guard.skel->maps.kh_guard_conf), &zero, &c, BPF_ANY);
}

/* ---- interfaces ---- */

static void detach(struct guarded *g)
{
	if (g->pin)
		unlink(g->pin);
	free(steal_ptr(&g->pin));
	free(steal_ptr(&g->why));
	if (g->link >= 0)
		close(steal_fd(&g->link));
	g->mode = MODE_OFF;
}

static int try(struct guarded *g, int mode)
{
	struct bpf_link_create_opts o = {
		.sz = sizeof(o),
		.flags = mode == MODE_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE,
	};

	g->link = bpf_link_create(bpf_program__fd(guard.skel->progs.kh_guard), (int)g->index,
				  BPF_XDP, &o);
	if (g->link < 0)
		return -errno;
	g->mode = mode;
	return 0;
}

static char *why_not(int err)
{
	switch (-err) {
	case EBUSY:
	case EEXIST:
		return xstrdup("another XDP program is on it (bpftool net shows which)");
	case EOPNOTSUPP:
		return xstrdup("its driver has no XDP");
	case ERANGE:
		return xstrdup("its MTU, or its peer's, is too large for XDP");
	case EPERM:
		return xstrdup("not permitted (CAP_NET_ADMIN)");
	default:
		return xasprintf("its driver refuses XDP: %s", strerror(-err));
	}
}

/* A link that is not pinned would go with the process; that is no reason not to guard. */
static void pin_link(struct guarded *g)
{
	g->pin = xasprintf("%s/xdp_%u_%s", maps_pin_dir(), g->index, g->name);
	for (char *p = g->pin + strlen(maps_pin_dir()); *p; p++)
		if (*p == '.')
			*p = '_'; /* bpffs takes no dots */
	if (bpf_obj_pin(g->link, g->pin) < 0)
		free(steal_ptr(&g->pin));
}

static void attach(struct guarded *g, const struct conf *f)
{
	int err = 0;

	if (strcmp(g->name, "lo") == 0) {
		g->why = xstrdup("loopback is never guarded");
		return;
	}
	if (!g->index) {
		g->why = xstrdup("there is no such interface");
		return;
	}
	if (f->xdp_mode != CONF_XDP_GENERIC) {
		err = try(g, MODE_NATIVE);
		if (err < 0)
			g->why = why_not(err);
	}
	if (g->link < 0 && f->xdp_mode != CONF_XDP_NATIVE && err != -EBUSY && err != -EEXIST) {
		err = try(g, MODE_GENERIC);
		if (err < 0) {
			free(g->why);
			g->why = why_not(err);
		}
	}
	if (g->link >= 0)
		pin_link(g);
}

static void say_attached(const struct guarded *g)
{
	if (g->mode == MODE_OFF)
		log_line(LOG_LEVEL_ERR, "no XDP guard on %s: %s", g->name, g->why);
	else if (g->why)
		log_line(LOG_LEVEL_NOTICE, "XDP guard on %s, in generic mode: natively, %s",
			 g->name, g->why);
	else
		log_line(LOG_LEVEL_NOTICE, "XDP guard on %s, in %s mode", g->name,
			 mode_names[g->mode]);
}

/* Generic is what auto wants only where native was tried. */
static bool as_wanted(const struct guarded *g, const struct conf *f)
{
	switch (f->xdp_mode) {
	case CONF_XDP_NATIVE:
		return g->mode == MODE_NATIVE;
	case CONF_XDP_GENERIC:
		return g->mode == MODE_GENERIC;
	default:
		return g->mode == MODE_NATIVE || (g->mode == MODE_GENERIC && g->why);
	}
}

/* Takes over what is already attached as f wants it. */
static struct guarded take_old(const char *name, const struct conf *f)
{
	struct guarded fresh = { .link = -1, .index = if_nametoindex(name) };

	for (unsigned int i = 0; i < guard.n; i++) {
		struct guarded *g = &guard.ifs[i], old = *g;

		if (strcmp(g->name, name) || g->index != fresh.index || !as_wanted(g, f))
			continue;
		*g = (struct guarded) { .link = -1 };
		return old;
	}
	snprintf(fresh.name, sizeof(fresh.name), "%s", name);
	return fresh;
}

static void apply(const struct conf *f)
{
	struct guarded wanted[KH_GUARD_IFS];
	unsigned int n = MIN(f->xdp_interfaces.n, KH_GUARD_IFS);

	if (f->xdp_interfaces.n > n)
		log_notice("xdp interfaces: the first %u are guarded", n);
	for (unsigned int i = 0; i < n; i++)
		wanted[i] = take_old(f->xdp_interfaces.v[i], f);
	for (unsigned int i = 0; i < guard.n; i++)
		detach(&guard.ifs[i]);
	memcpy(guard.ifs, wanted, n * sizeof(*wanted));
	guard.n = n;
	configure(f);
	for (unsigned int i = 0; i < n; i++)
		if (guard.ifs[i].link < 0) {
			attach(&guard.ifs[i], f);
			say_attached(&guard.ifs[i]);
		}
	configure(f); /* which are native */
}

static void say_check(void *arg, const char *sentence)
{
	log_line(LOG_LEVEL_NOTICE, "%s", sentence);
}

/* NULL: guarded as wanted, or nothing is wanted. */
static char *try_all(const struct conf *f)
{
	free(steal_ptr(&guard.why));
	if (f->xdp_interfaces.n) {
		guard.why = load();
		if (guard.why) {
			log_err("no XDP guard: %s", guard.why);
			return xasprintf("no XDP guard: %s", guard.why);
		}
	}
	apply(f);
	return guard_why();
}

static char *begin(const struct conf *f)
{
	char *why = try_all(f);

	maps_missing(why);
	return why;
}

char *guard_start(const struct conf *f)
{
	char *why;

	guard_clean(server.instance);
	guard_check(f, say_check, NULL);
	why = begin(f);
	if (why && f->xdp_mode == CONF_XDP_NATIVE) {
		guard_stop(); /* what is attached already */
		return why;
	}
	free(why);
	return NULL;
}

void guard_reload(const struct conf *f)
{
	free(begin(f));
}

void guard_stop(void)
{
	for (unsigned int i = 0; i < guard.n; i++)
		detach(&guard.ifs[i]);
	guard.n = 0;
	atomic_store(&blocklist_fd, -1);
	xdp_guard_bpf__destroy(steal_ptr(&guard.skel));
	free(steal_ptr(&guard.why));
}

void guard_status(struct json_object *reply)
{
	struct json_object *a = json_object_new_array(), *o;

	for (unsigned int i = 0; i < guard.n; i++) {
		const struct guarded *g = &guard.ifs[i];

		o = json_object_new_object();
		json_put_str(o, "interface", g->name);
		json_put_str(o, "mode", mode_names[g->mode]);
		if (g->why)
			json_put_str(o, "why", g->why);
		json_object_array_add(a, o);
	}
	json_object_object_add(reply, "xdp", a);
	if (guard.why)
		json_put_str(reply, "xdp_why", guard.why);
}

char *guard_why(void)
{
	if (guard.why)
		return xasprintf("no XDP guard: %s", guard.why);
	for (unsigned int i = 0; i < guard.n; i++)
		if (guard.ifs[i].mode == MODE_OFF)
			return xasprintf("no XDP guard on %s: %s", guard.ifs[i].name,
					 guard.ifs[i].why);
	return NULL;
}
