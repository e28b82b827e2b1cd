// SPDX-License-Identifier: GPL-2.0-only
/*
 * xdp_guard.bpf.c - in front of the stack: what comes for our ports is counted, refused if its
 * source is on the block list, and limited if it opens connections too fast. Everything else passes
 * after the few instructions that tell it apart.
 *
 * What cannot be told (a longer chain of headers than is looked at, later fragments, a packet that
 * is cut short) passes: the daemon refuses a blocked source again. Later fragments are harmless, as
 * without the first one there is no packet.
 *
 * Counters are per CPU (kh_queue_stats, kh_sources), so that no two CPUs write one line for a data
 * packet; a SYN works on one shared entry per source, as its limit is one for all CPUs.
 *
 * Loaded, filled and attached by daemon/kernel/guard.c; sizes of maps are set there.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "kh_maps.h"

#define VLAN_TAGS     2
#define IP6_HEADERS   8 /* extension headers that are walked */
#define GCRA_ATTEMPTS 4

#define TCP_DPORT 2
#define TCP_FLAGS 13
#define TCP_SYN	  0x02
#define TCP_ACK	  0x10

#define IP_OFFSET_MASK 0x1FFF
#define IP_MORE	       0x2000

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kh_guard_conf);
} kh_guard_conf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KH_GUARD_IFS *KH_GUARD_QUEUES);
	__type(key, __u32);
	__type(value, struct kh_queue_stat);
} kh_queue_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct kh_source_key);
	__type(value, struct kh_source);
} kh_sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct kh_source_key);
	__type(value, struct kh_syn_source);
} kh_syn_sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct kh_block_key);
	__type(value, struct kh_block);
} kh_blocklist SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_cpumap_val));
} kh_guard_cpus SEC(".maps");

/* What is known of a packet for one of our ports. */
struct packet {
	struct kh_block_key src; /* 128 bits */
	__u32 ports;		 /* as they stand in the packet */
	__u8 is_ip6;
	__u8 is_syn;
	__u8 more; /* the first of several fragments */
};

enum verdict { NOT_OURS, OURS, CUT };

/* ---- parsing: offsets from data, so that one comparison with end makes an access safe ---- */

/* The compiler is kept from computing the pointer again, as what is known of it would be lost. */
static __always_inline void *at(void *data, void *end, __u32 off, __u32 n)
{
	void *p = data + off;

	asm volatile("" : "+r"(p));
	return p + n <= end ? p : (void *)0;
}

static __always_inline enum verdict parse_tcp(void *data, void *end, __u32 off,
					      const struct kh_guard_conf *conf, struct packet *k)
{
	const __u8 *tcp = at(data, end, off, 4);
	__u16 dport;
	int i;

	if (!tcp)
		return CUT;
	dport = *(const __u16 *)(tcp + TCP_DPORT);
	for (i = 0; i < (int)KH_GUARD_PORTS; i++) {
		if (!conf->ports[i])
			return NOT_OURS;
		if (conf->ports[i] == dport)
			break;
	}
	if (i == KH_GUARD_PORTS)
		return NOT_OURS;
	k->ports = *(const __u32 *)tcp;
	if ((void *)tcp + TCP_FLAGS + 1 <= end)
		k->is_syn = (tcp[TCP_FLAGS] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	else if (k->more)
		k->is_syn = 1; /* flags in a later fragment are somebody's trick (RFC 1858) */
	else
		return CUT;
	return OURS;
}

static __always_inline enum verdict parse_ip4(void *data, void *end, __u32 off,
					      const struct kh_guard_conf *conf, struct packet *k)
{
	const __u8 *ip = at(data, end, off, 20);
	__u16 frag;

	if (!ip)
		return CUT;
	if (ip[9] != IPPROTO_TCP)
		return NOT_OURS;
	frag = bpf_ntohs(*(const __u16 *)(ip + 6));
	if (frag & IP_OFFSET_MASK)
		return NOT_OURS;
	if ((ip[0] >> 4) != 4 || (ip[0] & 0xF) < 5)
		return CUT;
	k->more = !!(frag & IP_MORE);
	k->src.addr[0] = 0;
	k->src.addr[1] = 0;
	k->src.addr[2] = bpf_htonl(0xFFFF);
	k->src.addr[3] = *(const __u32 *)(ip + 12);
	return parse_tcp(data, end, off + (ip[0] & 0xFu) * 4, conf, k);
}

/* RFC 8200 4: options, routing, fragment; RFC 4302: authentication. *off: of what follows. */
static __always_inline int skip_ip6_headers(void *data, void *end, __u32 *off, __u8 *next,
					    struct packet *k)
{
	for (int i = 0; i < IP6_HEADERS && *next != IPPROTO_TCP; i++) {
		const __u8 *h;
		__u32 len;

		if (*next != IPPROTO_HOPOPTS && *next != IPPROTO_ROUTING &&
		    *next != IPPROTO_DSTOPTS && *next != IPPROTO_FRAGMENT && *next != IPPROTO_AH)
			return NOT_OURS;
		h = at(data, end, *off, 8);
		if (!h)
			return CUT;
		len = (h[1] + 1u) * 8;
		if (*next == IPPROTO_AH)
			len = (h[1] + 2u) * 4;
		if (*next == IPPROTO_FRAGMENT) {
			__u16 frag = bpf_ntohs(*(const __u16 *)(h + 2));

			if (frag & 0xFFF8)
				return NOT_OURS;
			k->more = frag & 1;
			len = 8;
		}
		*next = h[0];
		*off += len;
	}
	return *next == IPPROTO_TCP ? OURS : NOT_OURS;
}

static __always_inline enum verdict parse_ip6(void *data, void *end, __u32 off,
					      const struct kh_guard_conf *conf, struct packet *k)
{
	const __u8 *ip = at(data, end, off, 40);
	enum verdict v;
	__u8 next;

	if (!ip)
		return CUT;
	next = ip[6];
	k->is_ip6 = 1;
	__builtin_memcpy(k->src.addr, ip + 8, sizeof(k->src.addr));
	off += 40;
	v = skip_ip6_headers(data, end, &off, &next, k);
	return v == OURS ? parse_tcp(data, end, off, conf, k) : v;
}

static __always_inline enum verdict parse(void *data, void *end, const struct kh_guard_conf *conf,
					  struct packet *k)
{
	const __u16 *type = at(data, end, ETH_HLEN - 2, 2);
	__u32 off = ETH_HLEN;

	for (int i = 0; i < VLAN_TAGS && type &&
			(*type == bpf_htons(ETH_P_8021Q) || *type == bpf_htons(ETH_P_8021AD));
	     i++) {
		type = at(data, end, off + 2, 2);
		off += 4;
	}
	if (!type)
		return CUT;
	if (*type == bpf_htons(ETH_P_IP))
		return parse_ip4(data, end, off, conf, k);
	if (*type == bpf_htons(ETH_P_IPV6))
		return parse_ip6(data, end, off, conf, k);
	return NOT_OURS;
}

/* ---- what is done with it ---- */

/* Entries of one CPU are written by one program at a time. */
static __always_inline struct kh_queue_stat *queue_of(const struct xdp_md *ctx, __u32 place)
{
	__u32 queue = ctx->rx_queue_index;

	if (queue >= KH_GUARD_QUEUES)
		queue = KH_GUARD_QUEUES - 1;
	queue += place * KH_GUARD_QUEUES;
	return bpf_map_lookup_elem(&kh_queue_stats, &queue);
}

static __always_inline __u32 place_of(const struct xdp_md *ctx, const struct kh_guard_conf *conf)
{
	if (conf->nifs > 1)
		for (__u32 i = 1; i < KH_GUARD_IFS; i++)
			if (conf->ifindex[i] == ctx->ingress_ifindex)
				return i;
	return 0;
}

/* An entry that has ended is the daemon's to take out. */
static __always_inline int is_blocked(struct packet *k)
{
	struct kh_block *b;

	k->src.prefix_len = 128;
	b = bpf_map_lookup_elem(&kh_blocklist, &k->src);
	if (!b || (b->until_ns && b->until_ns <= bpf_ktime_get_ns()))
		return 0;
	__sync_fetch_and_add(&b->dropped, 1);
	return 1;
}

/*
 * GCRA: tat is when the source would be even with its rate; it may be ahead by the burst. One u64,
 * by compare-and-swap. Who loses it over and over floods from several CPUs at once: limited.
 */
static __always_inline int above_rate(struct kh_syn_source *s, const struct kh_guard_conf *conf,
				      __u64 now)
{
	__u64 seen = *(volatile __u64 *)&s->tat;

	if (!conf->syn_interval_ns)
		return 0;
	for (int i = 0; i < GCRA_ATTEMPTS; i++) {
		__u64 tat = seen > now ? seen : now, was;

		if (tat - now > conf->syn_burst_ns)
			return 1;
		was = __sync_val_compare_and_swap(&s->tat, seen, tat + conf->syn_interval_ns);
		if (was == seen)
			return 0;
		seen = was;
	}
	return 1;
}

static __always_inline int syn_is_limited(const struct kh_source_key *key,
					  const struct kh_guard_conf *conf)
{
	struct kh_syn_source *s = bpf_map_lookup_elem(&kh_syn_sources, key);
	__u64 now = bpf_ktime_get_ns();
	int limited;

	if (!s) {
		struct kh_syn_source fresh = { 0 };

		bpf_map_update_elem(&kh_syn_sources, key, &fresh, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&kh_syn_sources, key);
		if (!s)
			return 0;
	}
	limited = above_rate(s, conf, now);
	__sync_fetch_and_add(&s->syns, 1);
	if (limited)
		__sync_fetch_and_add(&s->limited, 1);
	s->last_ns = now;
	return limited;
}

/* The clock is dear: it is read once a jiffy, which is one load. */
static __always_inline void count_source(const struct kh_source_key *key, __u64 bytes)
{
	struct kh_source *s = bpf_map_lookup_elem(&kh_sources, key);
	__u64 tick = bpf_jiffies64();

	if (!s) {
		struct kh_source fresh = { .packets = 1, .bytes = bytes, .tick = tick };

		fresh.first_ns = fresh.last_ns = bpf_ktime_get_coarse_ns();
		/* Sets this CPU's value only; the others of a new entry are 0. */
		bpf_map_update_elem(&kh_sources, key, &fresh, BPF_ANY);
		return;
	}
	s->packets++;
	s->bytes += bytes;
	if (s->tick == tick)
		return;
	s->tick = tick;
	s->last_ns = bpf_ktime_get_coarse_ns();
	if (!s->first_ns)
		s->first_ns = s->last_ns;
}

/* All packets of a connection to one CPU. */
static __always_inline int spread(const struct packet *k, const struct kh_guard_conf *conf)
{
	__u32 h = (k->src.addr[3] ^ k->src.addr[1] ^ k->ports) * 0x9E3779B1u;
	__u32 i = (__u32)(((__u64)h * conf->ncpus) >> 32);

	if (i >= KH_GUARD_CPUS)
		return XDP_PASS;
	return (int)bpf_redirect_map(&kh_guard_cpus, conf->cpus[i], XDP_PASS);
}

static __always_inline int act(struct xdp_md *ctx, const struct kh_guard_conf *conf,
			       struct packet *k)
{
	__u64 bytes = bpf_xdp_get_buff_len(ctx);
	__u32 place = place_of(ctx, conf);
	struct kh_queue_stat *q = queue_of(ctx, place);
	struct kh_source_key key;

	if (!q)
		return XDP_PASS;
	q->packets++;
	q->bytes += bytes;
	q->syns += k->is_syn;
	if (is_blocked(k)) {
		q->blocked++;
		return XDP_DROP;
	}
	for (int i = 0; i < 4; i++)
		key.addr[i] = k->src.addr[i] & (k->is_ip6 ? conf->mask6[i] : ~0u);
	if (!k->is_syn) {
		count_source(&key, bytes);
	} else if (syn_is_limited(&key, conf)) {
		q->limited++;
		return XDP_DROP;
	}
	if (!conf->ncpus || place >= KH_GUARD_IFS || !conf->redirect[place])
		return XDP_PASS;
	q->redirected++;
	return spread(k, conf);
}

/* Looks at headers only, so packets in several buffers (large MTU) are no matter. */
SEC("xdp.frags")
int kh_guard(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct kh_guard_conf *conf;
	struct packet k = { 0 };
	__u32 zero = 0;
	struct kh_queue_stat *q;
	enum verdict v;

	conf = bpf_map_lookup_elem(&kh_guard_conf, &zero);
	if (!conf)
		return XDP_PASS;
	v = parse(data, end, conf, &k);
	if (v == OURS)
		return act(ctx, conf, &k);
	if (v == CUT) {
		q = queue_of(ctx, place_of(ctx, conf));
		if (q)
			q->malformed++;
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
