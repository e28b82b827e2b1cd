// SPDX-License-Identifier: GPL-2.0-only
/*
 * steer.bpf.c - which reactor a new connection goes to.
 *
 * Every address that the server listens on is a SO_REUSEPORT group with one listener per reactor
 * and this program attached. It runs once per SYN, on the CPU that received it, and once per
 * connection that waits at a listener which closes (migrating_sk). What it cannot decide is left
 * to the kernel's hash over the group: no connection is lost by a missing entry.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "kh_maps.h"

#define AF_INET	  2
#define AF_INET6  10
#define ETH_P_IP  0x0800
#define IP4_SADDR 12
#define IP6_SADDR 8

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kh_steer_conf);
} kh_steer_conf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KH_STEER_GROUPS);
	__type(key, struct kh_steer_key);
	__type(value, struct kh_steer_group);
} kh_steer_groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, KH_STEER_GROUPS *KH_REACTORS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} kh_steer_socks SEC(".maps");

static struct kh_steer_group *group_of(struct bpf_sock *sk)
{
	struct kh_steer_key key = { .family = (__u16)sk->family, .port = (__u16)sk->src_port };

	if (key.family == AF_INET) {
		key.addr[0] = sk->src_ip4;
	} else {
		key.addr[0] = sk->src_ip6[0];
		key.addr[1] = sk->src_ip6[1];
		key.addr[2] = sk->src_ip6[2];
		key.addr[3] = sk->src_ip6[3];
	}
	return bpf_map_lookup_elem(&kh_steer_groups, &key);
}

/* Adds a word to a hash: the finalizer of MurmurHash3, which leaves no bit alone. */
static __u32 mix(__u32 h, __u32 word)
{
	h ^= word;
	h = (h ^ h >> 16) * 0x85ebca6b;
	h = (h ^ h >> 13) * 0xc2b2ae35;
	return h ^ h >> 16;
}

static __u32 hash_client(struct sk_reuseport_md *md)
{
	struct bpf_sock *peer = md->migrating_sk;
	__u32 addr[4] = { 0 };

	if (peer && peer->family == AF_INET) {
		addr[0] = peer->dst_ip4;
	} else if (peer) {
		addr[0] = peer->dst_ip6[0];
		addr[1] = peer->dst_ip6[1];
		addr[2] = peer->dst_ip6[2];
		addr[3] = peer->dst_ip6[3];
	} else if (md->eth_protocol == bpf_htons(ETH_P_IP)) {
		bpf_skb_load_bytes_relative(md, IP4_SADDR, addr, 4, BPF_HDR_START_NET);
	} else {
		bpf_skb_load_bytes_relative(md, IP6_SADDR, addr, 16, BPF_HDR_START_NET);
	}
	return mix(mix(mix(mix(0, addr[0]), addr[1]), addr[2]), addr[3]);
}

/* One of a range, by the hash of the connection's four-tuple. */
static __u32 one_of(const struct kh_steer_range *r, __u32 hash)
{
	return r->count > 1 ? r->first + (__u32)(((__u64)hash * r->count) >> 32) : r->first;
}

/* The reactor; ~0: whichever. */
static __u32 choose(struct kh_steer_conf *conf, struct sk_reuseport_md *md)
{
	__u32 n = conf->reactors, at;

	if (!n)
		return ~0u;
	switch (conf->mode) {
	case KH_STEER_CPU:
		at = bpf_get_smp_processor_id();
		return at < KH_STEER_CPUS ? one_of(&conf->of_cpu[at], md->hash) : ~0u;
	case KH_STEER_NUMA:
		at = (__u32)bpf_get_numa_node_id();
		return at < KH_STEER_NODES ? one_of(&conf->of_node[at], md->hash) : ~0u;
	case KH_STEER_CLIENT:
		return (__u32)(((__u64)hash_client(md) * n) >> 32);
	case KH_STEER_ROUND_ROBIN:
		return (__u32)(__sync_fetch_and_add(&conf->next, 1) % n);
	}
	return ~0u;
}

SEC("sk_reuseport/migrate")
int kh_steer(struct sk_reuseport_md *md)
{
	__u32 zero = 0, reactor, at;
	struct kh_steer_conf *conf = bpf_map_lookup_elem(&kh_steer_conf, &zero);
	struct kh_steer_group *group;

	if (!conf || !md->sk)
		return SK_PASS;
	if (md->migrating_sk)
		__sync_fetch_and_add(&conf->migrated, 1);
	group = group_of(md->sk);
	if (group && group->closing && !md->migrating_sk) {
		__sync_fetch_and_add(&conf->refused, 1);
		return SK_DROP;
	}
	if (conf->mode == KH_STEER_NONE)
		return SK_PASS;
	reactor = choose(conf, md);
	if (group && reactor < KH_REACTORS_MAX) {
		at = group->index * KH_REACTORS_MAX + reactor;
		if (bpf_sk_select_reuseport(md, &kh_steer_socks, &at, 0) == 0)
			return SK_PASS;
	}
	__sync_fetch_and_add(&conf->missed, 1);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "GPL";
