// SPDX-License-Identifier: GPL-2.0-or-later
/* steer.c - the steering program and its modes (bpf/steer.bpf.c, uapi/kh_maps.h). */
#include "kernel/steer.h"
#include "core/listen.h"
#include "kernel/bpf_link.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/mman.h>

#include "steer.skel.h"

#define CLOSING_NS (60ull * 1000000000) /* its listeners are closed by then */

static struct steer_bpf *skel;				     /* NULL: no BPF, no_bpf says why */
static struct kh_steer_conf plain_conf, *conf = &plain_conf; /* the program's, or memory */
static struct steer_cpus cpus;
static unsigned int listening; /* reactors */
static char no_bpf[KH_WHY_MAX];

/* By the index of a group. A closing one stays in the map for its last connections. */
static struct group {
	struct kh_steer_key key;
	uint64_t closing_ns; /* since when */
	enum { GROUP_FREE, GROUP_OPEN, GROUP_CLOSING } state;
} groups[KH_STEER_GROUPS];

/* ---- the program ---- */

static int load(void)
{
	void *p;
	int err;

	skel = steer_bpf__open();
	if (!skel)
		return -errno;
	err = steer_bpf__load(skel);
	if (err)
		return err;
	p = mmap(NULL, sizeof(*conf), PROT_READ | PROT_WRITE, MAP_SHARED,
		 bpf_map__fd(skel->maps.kh_steer_conf), 0);
	if (p == MAP_FAILED)
		return -errno;
	conf = p;
	err = maps_pin(skel->maps.kh_steer_conf);
	err = err ?: maps_pin(skel->maps.kh_steer_groups);
	return err ?: maps_pin(skel->maps.kh_steer_socks);
}

static void unload(void)
{
	if (conf != &plain_conf)
		munmap(conf, sizeof(*conf));
	conf = &plain_conf;
	steer_bpf__destroy(steal_ptr(&skel));
}

void steer_start(void)
{
	int err = server.bpf_why ? -EOPNOTSUPP : load();

	steer_cpus_read(&cpus);
	if (!err)
		return;
	unload();
	snprintf(no_bpf, sizeof(no_bpf), "%s",
		 server.bpf_why	 ? "there are no BPF maps"
		 : err == -EPERM ? "not permitted"
				 : strerror(-err));
	if (!server.bpf_why)
		log_notice("no steering by BPF: %s", no_bpf);
}

void steer_stop(void)
{
	unload();
}

bool steer_migrates(void)
{
	return skel;
}

/* ---- groups of listeners ---- */

static struct kh_steer_key key_of(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)ss;
	struct kh_steer_key key = { .family = ss->ss_family };

	if (ss->ss_family == AF_INET) {
		key.addr[0] = a4->sin_addr.s_addr;
		key.port = ntohs(a4->sin_port);
	} else {
		memcpy(key.addr, &a6->sin6_addr, sizeof(key.addr));
		key.port = ntohs(a6->sin6_port);
	}
	return key;
}

static int group_set(unsigned int group, bool closing)
{
	struct kh_steer_group g = { .index = group, .closing = closing };

	return bpf_map__update_elem(skel->maps.kh_steer_groups, &groups[group].key,
				    sizeof(groups[group].key), &g, sizeof(g), BPF_ANY);
}

/* The entry of that address, if a closing one has it; and those that are over for sure. */
static void forget_closing(const struct kh_steer_key *key)
{
	uint64_t now = now_ns();

	for (unsigned int i = 0; i < KH_STEER_GROUPS; i++) {
		struct group *g = &groups[i];

		if (g->state != GROUP_CLOSING ||
		    (memcmp(&g->key, key, sizeof(*key)) != 0 && now - g->closing_ns < CLOSING_NS))
			continue;
		(void)bpf_map__delete_elem(skel->maps.kh_steer_groups, &g->key, sizeof(g->key), 0);
		g->state = GROUP_FREE;
	}
}

int steer_group_add(const struct sockaddr_storage *ss)
{
	struct kh_steer_key key = key_of(ss);
	unsigned int i = 0;

	if (!skel)
		return -1;
	forget_closing(&key);
	while (i < KH_STEER_GROUPS && groups[i].state != GROUP_FREE)
		i++;
	if (i == KH_STEER_GROUPS)
		return -1;
	groups[i] = (struct group) { .key = key, .state = GROUP_OPEN };
	if (group_set(i, false) == 0)
		return (int)i;
	groups[i].state = GROUP_FREE;
	return -1;
}

void steer_group_listener(int group, unsigned int reactor, int fd)
{
	uint32_t at = (uint32_t)group * KH_REACTORS_MAX + reactor;
	int prog = skel ? bpf_program__fd(skel->progs.kh_steer) : -1;
	uint64_t value = (uint64_t)fd;

	if (!skel || group < 0 || reactor >= KH_REACTORS_MAX)
		return;
	/* A listener that is not in the map is reached by the kernel's hash. */
	(void)bpf_map__update_elem(skel->maps.kh_steer_socks, &at, sizeof(at), &value,
				   sizeof(value), BPF_ANY);
	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog, sizeof(prog));
}

void steer_group_closing(int group)
{
	if (!skel || group < 0)
		return;
	groups[group].state = GROUP_CLOSING;
	groups[group].closing_ns = now_ns();
	(void)group_set((unsigned int)group, true);
}

/* ---- modes ---- */

static void incoming_cpu(void *arg, unsigned int reactor, int fd)
{
	const bool *on = arg;
	int cpu = -1; /* any */

	for (unsigned int k = 0; *on && k < cpus.n && cpu < 0; k++)
		if (conf->of_cpu[cpus.cpu[k]].first == reactor)
			cpu = cpus.cpu[k];
	(void)setsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &cpu, sizeof(cpu));
}

static uint32_t first_of(const cpu_set_t *set)
{
	uint32_t cpu = 0;

	while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, set))
		cpu++;
	return cpu;
}

/*
 * What a thread serves from the caches of one CPU, it serves on that CPU. Where no mode wanted that
 * yet, threads keep the affinity that somebody else may have given them.
 */
static void bind_reactors(enum kh_steer mode)
{
	static bool ever;

	for (unsigned int i = 0; i < server.nreactors; i++) {
		cpu_set_t set;
		bool bound;

		steer_cpus_of(&cpus, conf, mode, i, &set);
		if (CPU_COUNT(&set) == 0 || i >= listening)
			steer_cpus_of(&cpus, conf, KH_STEER_NONE, i, &set);
		bound = CPU_COUNT(&set) < (int)cpus.n;
		ever |= bound;
		if (ever && reactor_bind(server.reactors[i], &set) < 0)
			bound = false;
		if (i < maps.nreactors)
			maps.reactors[i].cpu = bound ? first_of(&set) : ~0u;
	}
}

static void set_mode(enum kh_steer mode, const char *why)
{
	struct kh_server_slot *s = maps.server;
	bool on;

	snprintf(s->steer_why, sizeof(s->steer_why), "%s", why);
	if (!skel && mode != KH_STEER_CPU && mode != KH_STEER_NONE) {
		snprintf(s->steer_why, sizeof(s->steer_why), "%s needs BPF: %.60s",
			 steer_mode_name(mode), no_bpf);
		mode = KH_STEER_NONE;
	}
	s->steer = mode;
	s->steer_by_bpf = skel != NULL;
	on = mode == KH_STEER_CPU;
	if (!skel)
		listen_each_socket(incoming_cpu, &on);
	__atomic_store_n(&conf->mode, mode, __ATOMIC_RELEASE);
	log_debug(LOG_BPF, "steering mode=%s by_bpf=%d why=\"%s\"", steer_mode_name(mode),
		  s->steer_by_bpf, s->steer_why);
	bind_reactors(mode);
}

/* A device that we listen on and that has several RX queues. True: found, with its name. */
static bool multi_queue(char name[IF_NAMESIZE], unsigned int *queues)
{
	struct ifaddrs *ifs, *i;
	bool found = false;

	if (getifaddrs(&ifs) < 0)
		return false;
	for (i = ifs; i && !found; i = i->ifa_next) {
		if (!i->ifa_addr || (i->ifa_flags & IFF_LOOPBACK) || !(i->ifa_flags & IFF_UP) ||
		    !listen_covers(i->ifa_addr))
			continue;
		*queues = steer_rx_queues(i->ifa_name);
		found = *queues > 1;
		if (found)
			snprintf(name, IF_NAMESIZE, "%s", i->ifa_name);
	}
	freeifaddrs(ifs);
	return found;
}

/*
 * With several RX queues the device has spread the clients over the CPUs already, and a reactor
 * that stays on the CPU of the queue shares nothing. With one queue that CPU says nothing, so even
 * numbers are the best that can be had: also a single client with several channels then gets
 * several reactors, which neither its address nor a hash would promise.
 */
static void set_auto(void)
{
	char why[KH_WHY_MAX], name[IF_NAMESIZE];
	unsigned int queues;

	if (listening < 2) {
		set_mode(KH_STEER_NONE, "one reactor");
	} else if (multi_queue(name, &queues)) {
		snprintf(why, sizeof(why), "auto: %s has %u RX queues", name, queues);
		set_mode(KH_STEER_CPU, why);
	} else if (skel) {
		set_mode(KH_STEER_ROUND_ROBIN, "auto: no device with several RX queues");
	} else {
		snprintf(why, sizeof(why), "auto: one RX queue, and without BPF: %.50s", no_bpf);
		set_mode(KH_STEER_NONE, why);
	}
}

void steer_apply(const struct conf *f, unsigned int n)
{
	char why[KH_WHY_MAX];

	listening = n;
	steer_ranges(&cpus, n, conf);
	__atomic_store_n(&conf->reactors, n, __ATOMIC_RELEASE);
	if (f->steer == CONF_STEER_AUTO) {
		set_auto();
		return;
	}
	snprintf(why, sizeof(why), "steer = %s", steer_mode_name(f->steer));
	set_mode(f->steer, why);
}

/* ---- the verb ---- */

static char *set_by_hand(const char *name)
{
	unsigned int mode = 0;

	if (strcmp(name, "auto") == 0) {
		set_auto();
		return NULL;
	}
	while (mode < KH_STEERS && strcmp(name, steer_mode_name(mode)) != 0)
		mode++;
	if (mode == KH_STEERS)
		return xasprintf(
			"there is no steering \"%s\": auto, cpu, client, numa, round-robin "
			"or none",
			name);
	if (!skel && mode != KH_STEER_CPU && mode != KH_STEER_NONE)
		return xasprintf("steer=%s needs BPF: %s", name, no_bpf);
	set_mode(mode, "set by hand, until the next reload");
	return NULL;
}

char *steer_verb(void *arg, struct json_object *request, struct json_object *reply)
{
	struct json_object *o;

	if (json_object_object_get_ex(request, "mode", &o)) {
		char *why = set_by_hand(json_object_get_string(o) ?: "");

		if (why)
			return why;
		log_notice("steering: %s (%s)", steer_mode_name(maps.server->steer),
			   maps.server->steer_why);
	}
	steer_put(reply, maps.server);
	return NULL;
}
