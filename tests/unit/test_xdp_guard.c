// SPDX-License-Identifier: GPL-2.0-or-later
/* test_xdp_guard.c - the XDP program on crafted frames: what it recognises, counts and drops. */
#include "packets.h"
#include "tap.h"

#include <linux/in6.h>

static struct xdp_guard_bpf *g;

/* Is it seen as a packet for our port? */
static bool ours(const struct frame *f)
{
	struct kh_queue_stat before = guard_queues(g), after;

	guard_run(g, f->b, f->len, 1, NULL);
	after = guard_queues(g);
	return after.packets == before.packets + 1;
}

static int verdict(const struct frame *f)
{
	return guard_run(g, f->b, f->len, 1, NULL);
}

/* ---- headers ---- */

static void layers(void)
{
	struct frame f = tcp4("192.0.2.1", OUR_PORT, F_ACK);
	unsigned int words, all = 0;

	ok(ours(&f), "IPv4");
	f = tcp6("2001:db8::2", OUR_PORT, F_ACK);
	ok(ours(&f), "IPv6");
	f = tcp4("192.0.2.1", 80, F_ACK);
	ok(!ours(&f), "another port");
	f = tcp6("2001:db8::2", 80, F_ACK);
	ok(!ours(&f), "another port, IPv6");

	for (words = 5; words < 16; words++) {
		eth(&f, ETH_P_IP);
		ip4(&f, "192.0.2.1", IPPROTO_TCP, words, 0);
		tcp(&f, OUR_PORT, F_ACK);
		all += ours(&f);
	}
	is_int(all, 11, "IPv4 with 0 to 40 bytes of options");

	eth(&f, ETH_P_IP);
	ip4(&f, "192.0.2.1", IPPROTO_UDP, 5, 0);
	tcp(&f, OUR_PORT, F_SYN);
	ok(!ours(&f), "UDP");
	eth(&f, ETH_P_ARP);
	frame_more(&f, 28);
	ok(!ours(&f), "ARP");
}

static void vlans(void)
{
	struct frame f;

	eth(&f, ETH_P_8021Q);
	vlan(&f, ETH_P_IP);
	ip4(&f, "192.0.2.1", IPPROTO_TCP, 5, 0);
	tcp(&f, OUR_PORT, F_ACK);
	ok(ours(&f), "a VLAN tag");

	eth(&f, ETH_P_8021AD);
	vlan(&f, ETH_P_8021Q);
	vlan(&f, ETH_P_IPV6);
	ip6(&f, "2001:db8::2", IPPROTO_TCP);
	tcp(&f, OUR_PORT, F_ACK);
	ok(ours(&f), "two VLAN tags (QinQ), IPv6");

	eth(&f, ETH_P_8021AD);
	vlan(&f, ETH_P_8021Q);
	vlan(&f, ETH_P_8021Q);
	vlan(&f, ETH_P_IP);
	ip4(&f, "192.0.2.1", IPPROTO_TCP, 5, 0);
	tcp(&f, OUR_PORT, F_ACK);
	ok(!ours(&f), "three are not looked through");
}

static void extension_headers(void)
{
	struct frame f;

	eth(&f, ETH_P_IPV6);
	ip6(&f, "2001:db8::2", IPPROTO_HOPOPTS);
	ip6_options(&f, IPPROTO_ROUTING, 0);
	ip6_options(&f, IPPROTO_FRAGMENT, 4);
	ip6_fragment(&f, IPPROTO_AH, 0, false);
	ip6_auth(&f, IPPROTO_DSTOPTS, 4);
	ip6_options(&f, IPPROTO_TCP, 2);
	tcp(&f, OUR_PORT, F_SYN);
	ok(ours(&f), "hop-by-hop, routing, fragment, authentication, destination options");

	for (unsigned int n = 7; n < 10; n++) {
		eth(&f, ETH_P_IPV6);
		ip6(&f, "2001:db8::2", IPPROTO_DSTOPTS);
		for (unsigned int i = 1; i < n; i++)
			ip6_options(&f, IPPROTO_DSTOPTS, 0);
		ip6_options(&f, IPPROTO_TCP, 0);
		tcp(&f, OUR_PORT, F_ACK);
		ok(ours(&f) == (n < 9), "a chain of 7, 8, 9: up to 8 are walked");
	}
	eth(&f, ETH_P_IPV6);
	ip6(&f, "2001:db8::2", IPPROTO_DSTOPTS);
	ip6_options(&f, IPPROTO_TCP, 180);
	tcp(&f, OUR_PORT, F_ACK);
	ok(ours(&f), "a long one");
	eth(&f, ETH_P_IPV6);
	ip6(&f, "2001:db8::2", IPPROTO_ESP);
	tcp(&f, OUR_PORT, F_ACK);
	ok(!ours(&f), "ESP");
}

static void fragments(void)
{
	struct frame f;
	struct kh_queue_stat q;
	uint64_t syns;

	eth(&f, ETH_P_IP);
	ip4(&f, "192.0.2.1", IPPROTO_TCP, 5, 0x2000);
	tcp(&f, OUR_PORT, F_ACK);
	ok(ours(&f), "first fragment, IPv4");
	eth(&f, ETH_P_IP);
	ip4(&f, "192.0.2.1", IPPROTO_TCP, 5, 0x2001);
	tcp(&f, OUR_PORT, F_ACK);
	ok(!ours(&f), "a later fragment, IPv4: its bytes are no ports");
	eth(&f, ETH_P_IPV6);
	ip6(&f, "2001:db8::2", IPPROTO_FRAGMENT);
	ip6_fragment(&f, IPPROTO_TCP, 0, true);
	tcp(&f, OUR_PORT, F_ACK);
	ok(ours(&f), "first fragment, IPv6");
	eth(&f, ETH_P_IPV6);
	ip6(&f, "2001:db8::2", IPPROTO_FRAGMENT);
	ip6_fragment(&f, IPPROTO_TCP, 8, false);
	tcp(&f, OUR_PORT, F_ACK);
	ok(!ours(&f), "a later fragment, IPv6");

	syns = guard_queues(g).syns;
	eth(&f, ETH_P_IP);
	ip4(&f, "192.0.2.1", IPPROTO_TCP, 5, 0x2000);
	tcp(&f, OUR_PORT, F_ACK);
	f.len -= 12;
	ok(ours(&f), "a first fragment of 8 bytes");
	q = guard_queues(g);
	is_int(q.syns - syns, 1, "... counts as a SYN: its flags are hidden");
}

/* Whole frames at each length: never anything but a pass, and nothing is taken for a SYN. */
static void cut_short(void)
{
	struct frame f, cut;
	unsigned int passed = 0, seen = 0, n = 0;
	uint64_t malformed = guard_queues(g).malformed;

	eth(&f, ETH_P_8021AD);
	vlan(&f, ETH_P_8021Q);
	vlan(&f, ETH_P_IPV6);
	ip6(&f, "2001:db8::2", IPPROTO_HOPOPTS);
	ip6_options(&f, IPPROTO_ROUTING, 1);
	ip6_options(&f, IPPROTO_FRAGMENT, 2);
	ip6_fragment(&f, IPPROTO_AH, 0, false);
	ip6_auth(&f, IPPROTO_TCP, 4);
	tcp(&f, OUR_PORT, F_ACK);
	for (size_t len = ETH_HLEN; len < f.len; len++, n++) {
		cut = f;
		cut.len = len;
		seen += ours(&cut);
		passed += verdict(&cut) == XDP_PASS;
	}
	is_int(passed, n, "IPv6 in QinQ, cut at every length: passes");
	is_int(seen, 6, "... and is seen from the TCP flags on");
	is_int(guard_queues(g).malformed - malformed, 2 * (n - 6), "... before, it is malformed");

	for (unsigned int words = 5; words < 16; words += 5) {
		passed = n = 0;
		eth(&f, ETH_P_IP);
		ip4(&f, "192.0.2.1", IPPROTO_TCP, words, 0);
		tcp(&f, OUR_PORT, F_ACK);
		for (size_t len = ETH_HLEN; len < f.len; len++, n++) {
			cut = f;
			cut.len = len;
			passed += verdict(&cut) == XDP_PASS;
		}
		is_int(passed, n, "IPv4 cut at every length: passes");
	}
	f = tcp4("192.0.2.1", OUR_PORT, F_ACK);
	f.b[ETH_HLEN] = 0x44;
	ok(!ours(&f), "a header length below 5");
	f.b[ETH_HLEN] = 0x65;
	ok(!ours(&f), "another version");
}

static void noise(void)
{
	unsigned int bad = 0;
	struct frame f;

	srand(4450);
	for (int i = 0; i < 20000; i++) {
		f = i & 1 ? tcp6("2001:db8::2", OUR_PORT, F_ACK)
			  : tcp4("192.0.2.1", OUR_PORT, F_ACK);
		for (int j = 0; j < 6; j++)
			f.b[12 + (unsigned int)rand() % (f.len - 12)] = (uint8_t)rand();
		bad += verdict(&f) != XDP_PASS;
	}
	is_int(bad, 0, "20,000 damaged frames pass");
}

/* ---- acts ---- */

static void blocks(void)
{
	struct frame f4 = tcp4("192.0.2.7", OUR_PORT, F_ACK), near = tcp4("192.0.3.7", OUR_PORT, 0);
	struct frame f6 = tcp6("2001:db8:7::7", OUR_PORT, F_SYN);
	struct frame other = tcp4("192.0.2.7", 22, F_SYN);
	struct kh_block_key k = block_key("192.0.2.0", 24);
	struct kh_queue_stat q = guard_queues(g);
	struct kh_block b;

	block_set(g, "192.0.2.0", 24, 0);
	is_int(verdict(&f4), XDP_DROP, "blocked: a network, IPv4");
	is_int(verdict(&near), XDP_PASS, "the next network is not");
	is_int(verdict(&other), XDP_PASS, "blocked sources reach other ports");
	is_int(verdict(&f6), XDP_PASS, "nor IPv6");
	block_set(g, "2001:db8:7::", 48, now_ns() + 3600000000000ull);
	is_int(verdict(&f6), XDP_DROP, "blocked: a network, IPv6, for a time");
	block_set(g, "2001:db8:7::", 48, now_ns() - 1);
	is_int(verdict(&f6), XDP_PASS, "the time is over");
	is_int(guard_queues(g).blocked - q.blocked, 2, "drops are counted");
	bpf_map_lookup_elem(bpf_map__fd(g->maps.kh_blocklist), &k, &b);
	is_int(b.dropped, 1, "in the entry too");
	bpf_map_delete_elem(bpf_map__fd(g->maps.kh_blocklist), &k);
	is_int(verdict(&f4), XDP_PASS, "taken off the list");
}

static int burst(const struct frame *f, int n)
{
	int passed = 0;

	for (int i = 0; i < n; i++)
		passed += verdict(f) == XDP_PASS;
	return passed;
}

static void limit(void)
{
	struct kh_guard_conf c = { .nifs = 1, .syn_interval_ns = 3600000000000ull };
	struct frame syn = tcp4("203.0.113.1", OUR_PORT, F_SYN);
	struct frame synack = tcp4("203.0.113.1", OUR_PORT, F_SYN | F_ACK);
	struct frame other = tcp4("203.0.113.2", OUR_PORT, F_SYN);
	struct frame a = tcp6("2001:db8:1:1::1", OUR_PORT, F_SYN);
	struct frame b = tcp6("2001:db8:1:1::2", OUR_PORT, F_SYN);
	struct kh_source_key k = { { 0, 0, htonl(0xFFFF), inet_addr("203.0.113.1") } };
	struct kh_queue_stat q = guard_queues(g);
	struct kh_syn_source s = { 0 };

	c.ports[0] = htons(139);
	c.ports[1] = htons(OUR_PORT);
	c.syn_burst_ns = c.syn_interval_ns * 4;
	c.mask6[0] = c.mask6[1] = ~0u;
	guard_conf_set(g, &c);
	is_int(burst(&syn, 20), 5, "of 20 SYNs, the burst of 5 passes");
	is_int(burst(&synack, 20), 20, "what is not a first SYN is not limited");
	is_int(burst(&other, 2), 2, "another source has its own rate");
	is_int(burst(&a, 3) + burst(&b, 10), 5, "a /64 is one source, as configured");
	is_int(guard_queues(g).limited - q.limited, 15 + 8, "counted");
	bpf_map_lookup_elem(bpf_map__fd(g->maps.kh_syn_sources), &k, &s);
	is_int(s.syns, 20, "of the source: SYNs");
	is_int(s.limited, 15, "of the source: limited");
	c.syn_interval_ns = 1;
	c.syn_burst_ns = 0;
	guard_conf_set(g, &c);
	bpf_map_delete_elem(bpf_map__fd(g->maps.kh_syn_sources), &k);
	is_int(burst(&syn, 20), 20, "slow enough: all pass");
}

static void sources(void)
{
	struct frame f = tcp4("203.0.113.9", OUR_PORT, F_ACK);
	struct kh_source_key k = { { 0, 0, htonl(0xFFFF), inet_addr("203.0.113.9") } };
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct kh_source *v = xcalloc((size_t)cpus, sizeof(*v));
	uint64_t packets = 0, bytes = 0;

	guard_run(g, f.b, f.len, 1000, NULL);
	bpf_map_lookup_elem(bpf_map__fd(g->maps.kh_sources), &k, v);
	for (int i = 0; i < cpus; i++) {
		packets += v[i].packets;
		bytes += v[i].bytes;
	}
	is_int(packets, 1000, "packets of a source");
	is_int(bytes, 1000 * f.len, "bytes of a source");
}

int main(void)
{
	g = guard_load();
	if (!g)
		return skip_all("XDP programs cannot be loaded here (CAP_BPF, kernel)");
	layers();
	vlans();
	extension_headers();
	fragments();
	cut_short();
	noise();
	blocks();
	limit();
	sources();
	xdp_guard_bpf__destroy(g);
	return done_testing();
}
