// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xdp_bench.c - nanoseconds per packet of bpf/xdp_guard.bpf.c, as `bpftool prog run` measures them.
 *
 * One line per kind of packet: name, median, least of so many rounds. The time of the loop around
 * the program is in it: the line "nothing" is that of a frame that is no IP.
 */
#include "../unit/packets.h"

#include <stdio.h>

#define REPEAT 1000000
#define ROUNDS 9

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void measure(struct xdp_guard_bpf *g, const char *name, struct frame f, int expected)
{
	uint32_t ns[ROUNDS];
	int got = 0;

	for (unsigned int i = 0; i < ROUNDS; i++)
		got = guard_run(g, f.b, f.len, REPEAT, &ns[i]);
	qsort(ns, ROUNDS, sizeof(*ns), by_value);
	printf("%-42s %4u %4u%s\n", name, ns[ROUNDS / 2], ns[0],
	       got == expected ? "" : "  (unexpected verdict)");
}

int main(void)
{
	struct xdp_guard_bpf *g = guard_load();
	struct kh_guard_conf c = { .nifs = 1, .syn_interval_ns = 1, .syn_burst_ns = 1000000000 };
	struct frame f;

	if (!g) {
		fputs("xdp_bench: the program cannot be loaded (CAP_BPF, kernel)\n", stderr);
		return 1;
	}
	c.ports[0] = htons(OUR_PORT);
	memset(c.mask6, 0xFF, sizeof(c.mask6));
	guard_conf_set(g, &c);
	printf("%-42s %4s %4s  ns per packet, median and least of %d times %d\n", "", "med", "min",
	       ROUNDS, REPEAT);
	eth(&f, ETH_P_ARP);
	frame_more(&f, 28);
	measure(g, "nothing (ARP)", f, XDP_PASS);
	measure(g, "other port, IPv4", tcp4("192.0.2.1", 443, F_ACK), XDP_PASS);
	measure(g, "other port, IPv6", tcp6("2001:db8::2", 443, F_ACK), XDP_PASS);
	measure(g, "data packet, IPv4, empty block list", tcp4("192.0.2.1", OUR_PORT, F_ACK),
		XDP_PASS);
	measure(g, "data packet, IPv6, empty block list", tcp6("2001:db8::2", OUR_PORT, F_ACK),
		XDP_PASS);
	for (unsigned int i = 0; i < 1000; i++) {
		char a[INET_ADDRSTRLEN];

		snprintf(a, sizeof(a), "198.18.%u.%u", i / 250, i % 250);
		block_set(g, a, 32, 0);
	}
	block_set(g, "198.51.100.7", 32, now_ns() + 3600000000000ull);
	measure(g, "data packet, IPv4, 1,001 blocks", tcp4("192.0.2.1", OUR_PORT, F_ACK), XDP_PASS);
	measure(g, "SYN through the limiter", tcp4("192.0.2.1", OUR_PORT, F_SYN), XDP_PASS);
	measure(g, "blocked", tcp4("198.51.100.7", OUR_PORT, F_ACK), XDP_DROP);
	c.syn_interval_ns = 3600000000000ull;
	c.syn_burst_ns = 0;
	guard_conf_set(g, &c);
	measure(g, "SYN above the limit", tcp4("192.0.2.1", OUR_PORT, F_SYN), XDP_DROP);
	xdp_guard_bpf__destroy(g);
	return 0;
}
