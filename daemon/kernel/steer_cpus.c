// SPDX-License-Identifier: GPL-2.0-or-later
/* steer_cpus.c - CPUs, NUMA nodes and RX queues: what belongs to which reactor. */
#include "kernel/steer.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>

/* Sets the node of the CPUs in a list like "0-3,8". */
static void set_node(const char *list, uint16_t node, uint16_t of_cpu[KH_STEER_CPUS])
{
	while (*list >= '0' && *list <= '9') {
		char *end;
		unsigned long a = strtoul(list, &end, 10), b = a;

		if (*end == '-')
			b = strtoul(end + 1, &end, 10);
		for (; a <= b && a < KH_STEER_CPUS; a++)
			of_cpu[a] = node;
		list = *end == ',' ? end + 1 : end;
	}
}

static void read_nodes(uint16_t of_cpu[KH_STEER_CPUS])
{
	for (unsigned int node = 0; node < KH_STEER_NODES; node++) {
		char path[64], list[4096] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist", node);
		f = fopen(path, "re");
		if (!f)
			continue; /* their numbers may have gaps */
		if (fgets(list, sizeof(list), f))
			set_node(list, (uint16_t)node, of_cpu);
		fclose(f);
	}
}

void steer_cpus_read(struct steer_cpus *c)
{
	uint16_t of_cpu[KH_STEER_CPUS] = { 0 };
	cpu_set_t allowed;

	c->n = 0;
	read_nodes(of_cpu);
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return;
	for (unsigned int node = 0; node < KH_STEER_NODES; node++)
		for (unsigned int cpu = 0; cpu < MIN(KH_STEER_CPUS, CPU_SETSIZE); cpu++)
			if (CPU_ISSET(cpu, &allowed) && of_cpu[cpu] == node) {
				c->cpu[c->n] = (uint16_t)cpu;
				c->node[c->n++] = (uint16_t)node;
			}
}

/* Of CPU number k of m, with n reactors: [k n / m, (k + 1) n / m), but never none. */
static struct kh_steer_range range_of(unsigned int k, unsigned int m, unsigned int n)
{
	unsigned int first = n >= m ? (k * n + m - 1) / m : k * n / m;
	unsigned int end = n >= m ? ((k + 1) * n + m - 1) / m : first + 1;

	return (struct kh_steer_range) { (uint16_t)first, (uint16_t)(end - first) };
}

void steer_ranges(const struct steer_cpus *c, unsigned int reactors, struct kh_steer_conf *conf)
{
	struct kh_steer_range all = { 0, (uint16_t)reactors };

	for (unsigned int i = 0; i < KH_STEER_CPUS; i++)
		conf->of_cpu[i] = all;
	for (unsigned int i = 0; i < KH_STEER_NODES; i++)
		conf->of_node[i] = all;
	for (unsigned int k = 0; k < c->n; k++) {
		struct kh_steer_range r = range_of(k, c->n, reactors);
		struct kh_steer_range *node = &conf->of_node[c->node[k]];

		conf->of_cpu[c->cpu[k]] = r;
		if (k == 0 || c->node[k] != c->node[k - 1])
			*node = r;
		else
			node->count = (uint16_t)(r.first + r.count - node->first);
	}
}

void steer_cpus_of(const struct steer_cpus *c, const struct kh_steer_conf *conf, enum kh_steer mode,
		   unsigned int reactor, cpu_set_t *set)
{
	CPU_ZERO(set);
	for (unsigned int k = 0; k < c->n; k++) {
		const struct kh_steer_range *r = mode == KH_STEER_NUMA ? &conf->of_node[c->node[k]]
								       : &conf->of_cpu[c->cpu[k]];

		if ((mode != KH_STEER_CPU && mode != KH_STEER_NUMA) ||
		    (reactor >= r->first && reactor < r->first + r->count))
			CPU_SET(c->cpu[k], set);
	}
}

unsigned int steer_rx_queues(const char *ifname)
{
	struct ethtool_channels ch = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq req = { .ifr_data = (void *)&ch };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", ifname);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &req) < 0)
		return 1;
	return MAX(ch.rx_count + ch.combined_count, 1);
}
