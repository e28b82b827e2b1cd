// SPDX-License-Identifier: GPL-2.0-or-later
/* test_steer.c - bpf/steer.bpf.c over plain sockets, and the division of CPUs among reactors. */
#include "kernel/steer.h"
#include "tap.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>

#include "steer.skel.h"

#define REACTORS 4
#define CONNS	 100

static struct steer_bpf *skel;
static struct kh_steer_conf *conf;

struct group {
	struct sockaddr_storage ss;
	socklen_t len;
	int fd[REACTORS];
};

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

/* ---- CPUs ---- */

static void divide(unsigned int ncpus, unsigned int nodes, unsigned int n,
		   struct kh_steer_conf *out)
{
	struct steer_cpus c = { .n = ncpus };

	for (unsigned int i = 0; i < ncpus; i++) {
		c.cpu[i] = (uint16_t)i;
		c.node[i] = (uint16_t)(i * nodes / ncpus);
	}
	steer_ranges(&c, n, out);
}

/* Every CPU has a reactor, every reactor a CPU, and they lie within the node's. */
static bool divided(unsigned int ncpus, unsigned int nodes, unsigned int n)
{
	static struct kh_steer_conf k;
	bool seen[KH_REACTORS_MAX] = { false }, good = true;

	divide(ncpus, nodes, n, &k);
	for (unsigned int i = 0; i < ncpus; i++) {
		struct kh_steer_range r = k.of_cpu[i], node = k.of_node[i * nodes / ncpus];

		good &= r.count >= 1 && r.first + r.count <= n;
		good &= r.first >= node.first && r.first + r.count <= node.first + node.count;
		for (unsigned int j = r.first; j < r.first + r.count && j < n; j++)
			seen[j] = true;
	}
	for (unsigned int j = 0; j < n; j++)
		good &= seen[j];
	return good && k.of_cpu[ncpus].first == 0 && k.of_cpu[ncpus].count == n;
}

static void test_cpus(void)
{
	bool good = true;

	for (unsigned int ncpus = 1; ncpus <= 24; ncpus++)
		for (unsigned int n = 1; n <= 30; n++)
			for (unsigned int nodes = 1; nodes <= 3 && nodes <= ncpus; nodes++)
				good &= divided(ncpus, nodes, n);
	ok(good, "CPUs and nodes are divided among reactors without a gap");
}

/* ---- sockets ---- */

static void group_open(struct group *g, unsigned int index, int family)
{
	struct kh_steer_key key = { .family = (uint16_t)family };
	struct kh_steer_group value = { .index = index };
	struct sockaddr_in *a4 = (struct sockaddr_in *)&g->ss;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&g->ss;
	int prog = bpf_program__fd(skel->progs.kh_steer), one = 1;

	memset(&g->ss, 0, sizeof(g->ss));
	g->ss.ss_family = (sa_family_t)family;
	g->len = family == AF_INET ? sizeof(*a4) : sizeof(*a6);
	if (family == AF_INET)
		key.addr[0] = a4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		memcpy(key.addr, &in6addr_loopback, 16), a6->sin6_addr = in6addr_loopback;
	for (unsigned int i = 0; i < REACTORS; i++) {
		uint32_t at = index * KH_REACTORS_MAX + i;
		uint64_t fd;

		g->fd[i] = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		setsockopt(g->fd[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
		if (bind(g->fd[i], (struct sockaddr *)&g->ss, g->len) < 0 ||
		    listen(g->fd[i], 1000) < 0)
			perror("listen");
		getsockname(g->fd[i], (struct sockaddr *)&g->ss, &g->len);
		setsockopt(g->fd[i], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog, sizeof(prog));
		fd = (uint64_t)g->fd[i];
		bpf_map_update_elem(bpf_map__fd(skel->maps.kh_steer_socks), &at, &fd, BPF_ANY);
	}
	key.port = ntohs(family == AF_INET ? a4->sin_port : a6->sin6_port);
	bpf_map_update_elem(bpf_map__fd(skel->maps.kh_steer_groups), &key, &value, BPF_ANY);
}

static void group_close(struct group *g)
{
	for (unsigned int i = 0; i < REACTORS; i++)
		if (g->fd[i] >= 0)
			close(g->fd[i]);
}

/* How many were made; from 127.0.0.`source`, unless that is 0. */
static unsigned int connects(struct group *g, unsigned int n, unsigned int source, int fds[])
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	unsigned int good = 0;

	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + source);
	for (unsigned int i = 0; i < n; i++) {
		fds[i] = socket(g->ss.ss_family, SOCK_STREAM, 0);
		if (source && bind(fds[i], (struct sockaddr *)&from, sizeof(from)) < 0)
			perror("bind");
		good += connect(fds[i], (struct sockaddr *)&g->ss, g->len) == 0;
	}
	return good;
}

static void close_all(int fds[], unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		close(fds[i]);
}

static unsigned int drain(int listener)
{
	unsigned int n = 0;
	int fd;

	while (listener >= 0 && (fd = accept(listener, NULL, NULL)) >= 0) {
		close(fd);
		n++;
	}
	return n;
}

/*
 * Takes all, and counts by listener. connect() may return before the last step of the handshake has
 * put the connection where it is accepted: so it waits until as many as expected were there.
 */
static unsigned int landed(struct group *g, unsigned int expected, unsigned int n[REACTORS])
{
	unsigned int sum = 0;

	memset(n, 0, REACTORS * sizeof(*n));
	for (unsigned int tries = 0; tries < 1000 && sum < expected; tries++) {
		sum = 0;
		for (unsigned int i = 0; i < REACTORS; i++) {
			n[i] += drain(g->fd[i]);
			sum += n[i];
		}
		if (sum < expected)
			poll(NULL, 0, 10);
	}
	return sum;
}

static void mode(enum kh_steer m)
{
	conf->mode = m;
}

/* ---- modes ---- */

static void test_round_robin(struct group *g)
{
	unsigned int n[REACTORS];
	int fds[CONNS];

	mode(KH_STEER_ROUND_ROBIN);
	is_int(connects(g, CONNS, 0, fds), CONNS, "round-robin: all are made");
	landed(g, CONNS, n);
	ok(n[0] == 25 && n[1] == 25 && n[2] == 25 && n[3] == 25, "round-robin: evenly");
	close_all(fds, CONNS);
}

static void test_none(struct group *g)
{
	unsigned int n[REACTORS];
	int fds[CONNS];

	mode(KH_STEER_NONE);
	connects(g, CONNS, 0, fds);
	is_int(landed(g, CONNS, n), CONNS, "none: all are made");
	ok(n[0] && n[1] && n[2] && n[3], "none: the kernel's hash reaches every reactor");
	close_all(fds, CONNS);
}

static void test_client(struct group *g)
{
	unsigned int n[REACTORS], used = 0, split = 0;
	bool reached[REACTORS] = { false };
	int fds[10];

	mode(KH_STEER_CLIENT);
	for (unsigned int source = 1; source <= 40; source++) {
		unsigned int places = 0;

		connects(g, 10, source, fds);
		landed(g, 10, n);
		for (unsigned int i = 0; i < REACTORS; i++) {
			places += n[i] != 0;
			reached[i] |= n[i] != 0;
		}
		split += places != 1;
		close_all(fds, 10);
	}
	for (unsigned int i = 0; i < REACTORS; i++)
		used += reached[i];
	is_int(split, 0, "client: none of 40 clients is split");
	is_int(used, REACTORS, "client: they are spread over all reactors");
}

static void test_client6(struct group *g6)
{
	unsigned int n[REACTORS];
	int fds[20];

	mode(KH_STEER_CLIENT);
	connects(g6, 20, 0, fds);
	landed(g6, 20, n);
	ok(n[0] == 20 || n[1] == 20 || n[2] == 20 || n[3] == 20, "client: one place with IPv6");
	close_all(fds, 20);
	mode(KH_STEER_ROUND_ROBIN);
	connects(g6, 20, 0, fds);
	landed(g6, 20, n);
	ok(n[0] == 5 && n[1] == 5 && n[2] == 5 && n[3] == 5, "round-robin: IPv6");
	close_all(fds, 20);
}

static void test_cpu(struct group *g)
{
	cpu_set_t before, set;
	unsigned int n[REACTORS];
	int fds[20], cpu = 0;

	sched_getaffinity(0, sizeof(before), &before);
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	mode(KH_STEER_CPU);
	for (unsigned int i = 0; i < KH_STEER_CPUS; i++)
		conf->of_cpu[i] = (struct kh_steer_range) { 1, 1 };
	conf->of_cpu[cpu] = (struct kh_steer_range) { 3, 1 };
	connects(g, 20, 0, fds);
	landed(g, 20, n);
	is_int(n[3], 20, "cpu: the reactor of the CPU that took the packet");
	close_all(fds, 20);
	conf->of_cpu[cpu] = (struct kh_steer_range) { 1, 2 };
	connects(g, 20, 0, fds);
	landed(g, 20, n);
	ok(n[1] && n[2] && n[1] + n[2] == 20, "cpu: several reactors of one CPU share");
	close_all(fds, 20);
	sched_setaffinity(0, sizeof(before), &before);
}

/* ---- what must not lose a connection ---- */

static void test_missing(struct group *g)
{
	uint32_t at = 2;
	uint64_t fd = (uint64_t)g->fd[2], before = conf->missed;
	unsigned int n[REACTORS];
	int fds[CONNS];

	mode(KH_STEER_ROUND_ROBIN);
	bpf_map_delete_elem(bpf_map__fd(skel->maps.kh_steer_socks), &at);
	is_int(connects(g, CONNS, 0, fds), CONNS, "a listener that the map lacks: all are made");
	landed(g, CONNS, n);
	is_int(conf->missed - before, CONNS / REACTORS,
	       "those are left to the kernel, and counted");
	close_all(fds, CONNS);
	bpf_map_update_elem(bpf_map__fd(skel->maps.kh_steer_socks), &at, &fd, BPF_ANY);
}

static void test_migrate(struct group *g, enum kh_steer m, unsigned int reactor)
{
	uint64_t before = conf->migrated;
	unsigned int n[REACTORS];
	int fds[CONNS], alive = 0;

	mode(m);
	connects(g, CONNS, 0, fds);
	conf->reactors = reactor;
	close(g->fd[reactor]);
	g->fd[reactor] = -1;
	for (unsigned int i = 0; i < CONNS; i++) {
		struct pollfd p = { .fd = fds[i], .events = POLLRDHUP };

		alive += poll(&p, 1, 0) == 0;
	}
	is_int(alive, CONNS, "a listener closes: no connection ends");
	is_int(landed(g, CONNS, n), CONNS, "all wait at the others");
	ok(conf->migrated > before, "moved ones are counted");
	close_all(fds, CONNS);
}

static void test_closing(struct group *g)
{
	struct kh_steer_group value = { .index = 0, .closing = 1 };
	struct sockaddr_in *a4 = (struct sockaddr_in *)&g->ss;
	struct kh_steer_key key = { .family = AF_INET, .port = ntohs(a4->sin_port) };
	uint64_t before = conf->refused;
	unsigned int n[REACTORS];
	int fds[20];

	key.addr[0] = a4->sin_addr.s_addr;
	mode(KH_STEER_ROUND_ROBIN);
	is_int(connects(g, 10, 0, fds), 10, "a group closes: those that were made");
	bpf_map_update_elem(bpf_map__fd(skel->maps.kh_steer_groups), &key, &value, BPF_ANY);
	is_int(connects(g, 10, 0, fds + 10), 0, "new ones are refused");
	is_int(landed(g, 10, n), 10, "and the former can be accepted");
	is_int(conf->refused - before, 10, "refused ones are counted");
	close_all(fds, 20);
}

static bool load(void)
{
	void *p;

	libbpf_set_print(silent);
	skel = steer_bpf__open_and_load();
	if (!skel)
		return false;
	p = mmap(NULL, sizeof(*conf), PROT_READ | PROT_WRITE, MAP_SHARED,
		 bpf_map__fd(skel->maps.kh_steer_conf), 0);
	conf = p == MAP_FAILED ? NULL : p;
	return conf;
}

int main(void)
{
	struct group g, g6;

	test_cpus();
	if (!load()) {
		diag("no BPF here: the program is not tested");
		return done_testing();
	}
	conf->reactors = REACTORS;
	group_open(&g, 0, AF_INET);
	group_open(&g6, 1, AF_INET6);
	test_none(&g);
	test_round_robin(&g);
	test_client(&g);
	test_client6(&g6);
	test_cpu(&g);
	test_missing(&g);
	test_migrate(&g, KH_STEER_ROUND_ROBIN, 3);
	test_migrate(&g, KH_STEER_NONE, 2);
	test_closing(&g);
	group_close(&g);
	group_close(&g6);
	steer_bpf__destroy(skel);
	return done_testing();
}
