/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packets.h - frames made by hand for bpf/xdp_guard.bpf.c, and the program to run them through
 * without a network (BPF_PROG_TEST_RUN). Needs CAP_BPF, CAP_NET_ADMIN.
 */
#ifndef KH_PACKETS_H
#define KH_PACKETS_H

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>

#include "core/util.h"
#include "kh_maps.h"
#include "smb2_cursor.h"
#include "xdp_guard.skel.h"

#define OUR_PORT 445

struct frame {
	uint8_t b[2048];
	size_t len;
};

/* ---- layers, each behind the one before; the type field of the last one is to be named ---- */

static inline uint8_t *frame_more(struct frame *f, size_t n)
{
	uint8_t *p = f->b + f->len;

	memset(p, 0, n);
	f->len += n;
	return p;
}

static inline void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void eth(struct frame *f, uint16_t type)
{
	f->len = 0;
	put16(frame_more(f, ETH_HLEN) + 12, type);
}

static inline void vlan(struct frame *f, uint16_t type)
{
	put16(frame_more(f, 4) + 2, type);
}

/* words: of the header, 5 without options; frag: the field of flags and offset */
static inline void ip4(struct frame *f, const char *src, uint8_t proto, unsigned int words,
		       uint16_t frag)
{
	uint8_t *p = frame_more(f, (size_t)words * 4);

	p[0] = (uint8_t)(0x40 | words);
	put16(p + 6, frag);
	p[8] = 64;
	p[9] = proto;
	inet_pton(AF_INET, src, p + 12);
	inet_pton(AF_INET, "198.51.100.1", p + 16);
}

static inline void ip6(struct frame *f, const char *src, uint8_t next)
{
	uint8_t *p = frame_more(f, 40);

	p[0] = 0x60;
	p[6] = next;
	inet_pton(AF_INET6, src, p + 8);
	inet_pton(AF_INET6, "2001:db8::1", p + 24);
}

/* Hop-by-hop, routing or destination options of 8 * (1 + len) bytes. */
static inline void ip6_options(struct frame *f, uint8_t next, uint8_t len)
{
	uint8_t *p = frame_more(f, 8 * (len + 1u));

	p[0] = next;
	p[1] = len;
}

static inline void ip6_fragment(struct frame *f, uint8_t next, uint16_t offset, bool more)
{
	uint8_t *p = frame_more(f, 8);

	p[0] = next;
	p[1] = 0xEE; /* reserved: not a length */
	put16(p + 2, (uint16_t)(offset | more));
}

static inline void ip6_auth(struct frame *f, uint8_t next, uint8_t len)
{
	uint8_t *p = frame_more(f, 4 * (len + 2u));

	p[0] = next;
	p[1] = len;
}

#define F_SYN 0x02
#define F_ACK 0x10

static inline void tcp(struct frame *f, uint16_t port, uint8_t flags)
{
	uint8_t *p = frame_more(f, 20);

	put16(p, 40000);
	put16(p + 2, port);
	p[12] = 0x50;
	p[13] = flags;
}

static inline struct frame tcp4(const char *src, uint16_t port, uint8_t flags)
{
	struct frame f;

	eth(&f, ETH_P_IP);
	ip4(&f, src, IPPROTO_TCP, 5, 0);
	tcp(&f, port, flags);
	return f;
}

static inline struct frame tcp6(const char *src, uint16_t port, uint8_t flags)
{
	struct frame f;

	eth(&f, ETH_P_IPV6);
	ip6(&f, src, IPPROTO_TCP);
	tcp(&f, port, flags);
	return f;
}

/* ---- the program ---- */

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static inline void guard_conf_set(struct xdp_guard_bpf *g, const struct kh_guard_conf *c)
{
	__u32 zero = 0;

	bpf_map_update_elem(bpf_map__fd(g->maps.kh_guard_conf), &zero, c, BPF_ANY);
}

/* Port OUR_PORT, no limit; NULL: not permitted, or not known here. */
static inline struct xdp_guard_bpf *guard_load(void)
{
	struct kh_guard_conf c = { .nifs = 1 };
	struct xdp_guard_bpf *g;

	libbpf_set_print(quiet);
	g = xdp_guard_bpf__open_and_load();
	if (!g)
		return NULL;
	c.ports[0] = htons(OUR_PORT);
	memset(c.mask6, 0xFF, sizeof(c.mask6));
	guard_conf_set(g, &c);
	return g;
}

static inline struct kh_block_key block_key(const char *addr, unsigned int bits)
{
	struct kh_block_key k = { .prefix_len = bits };

	if (inet_pton(AF_INET, addr, &k.addr[3]) == 1) {
		k.addr[2] = htonl(0xFFFF);
		k.prefix_len += 96;
	} else {
		inet_pton(AF_INET6, addr, k.addr);
	}
	return k;
}

static inline void block_set(struct xdp_guard_bpf *g, const char *addr, unsigned int bits,
			     uint64_t until_ns)
{
	struct kh_block_key k = block_key(addr, bits);
	struct kh_block b = { .until_ns = until_ns, .why = KH_BLOCK_BY_HAND };

	bpf_map_update_elem(bpf_map__fd(g->maps.kh_blocklist), &k, &b, BPF_ANY);
}

/* The program's verdict; *ns (may be NULL): the mean of so many runs. -errno. */
static inline int guard_run(struct xdp_guard_bpf *g, const void *frame, size_t len, int repeat,
			    uint32_t *ns)
{
	struct bpf_test_run_opts o = {
		.sz = sizeof(o),
		.data_in = frame,
		.data_size_in = (__u32)len,
		.repeat = repeat,
	};
	int err = bpf_prog_test_run_opts(bpf_program__fd(g->progs.kh_guard), &o);

	if (ns)
		*ns = o.duration;
	return err < 0 ? err : (int)o.retval;
}

/* Of all CPUs and queues. */
static inline struct kh_queue_stat guard_queues(struct xdp_guard_bpf *g)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct kh_queue_stat *v = xcalloc((size_t)cpus, sizeof(*v));
	struct kh_queue_stat sum = { 0 };

	for (__u32 i = 0; i < bpf_map__max_entries(g->maps.kh_queue_stats); i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(g->maps.kh_queue_stats), &i, v))
			continue;
		for (int c = 0; c < cpus; c++)
			for (size_t w = 0; w < sizeof(sum) / 8; w++)
				((__u64 *)&sum)[w] += ((__u64 *)&v[c])[w];
	}
	return sum;
}

#endif /* KH_PACKETS_H */
