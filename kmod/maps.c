// SPDX-License-Identifier: GPL-2.0-only
/*
 * maps.c - the BPF arrays that daemon and module share (uapi/kh_maps.h). The daemon makes them, the
 * module is given their fds, and writes its fields in the arrays' memory, which stays where it is
 * as long as the map is held.
 */
#include <linux/bpf.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/netlink.h>

#include "kmod.h"

KH_IMPORT_NS(BPF_INTERNAL);

static struct bpf_map *map_get(int fd, u32 value_size, struct netlink_ext_ack *extack)
{
	struct bpf_map *map = bpf_map_get(fd);

	if (IS_ERR(map)) {
		NL_SET_ERR_MSG(extack, "not a file descriptor of a BPF map");
		return map;
	}
	if (map->map_type != BPF_MAP_TYPE_ARRAY || !(map->map_flags & BPF_F_MMAPABLE)) {
		NL_SET_ERR_MSG(extack, "the map is not an array with BPF_F_MMAPABLE");
		goto put;
	}
	if (map->value_size != value_size || !map->max_entries) {
		NL_SET_ERR_MSG(extack, "the map's values have another size than this module's");
		goto put;
	}
	return map;
put:
	bpf_map_put(map);
	return ERR_PTR(-EINVAL);
}

/* NULL beyond the end. */
static void *element(struct bpf_map *map, u32 index)
{
	void *p;

	if (!map)
		return NULL;
	rcu_read_lock(); /* the callback wants it; an array's memory lives as long as the array */
	p = map->ops->map_lookup_elem(map, &index);
	rcu_read_unlock();
	return p;
}

int kh_maps_get(struct kh_maps *m, int handles_fd, int conns_fd, int op_stats_fd,
		struct netlink_ext_ack *extack)
{
	int err;

	memset(m, 0, sizeof(*m));
	m->handles = map_get(handles_fd, sizeof(struct kh_handle_slot), extack);
	if (IS_ERR(m->handles)) {
		err = PTR_ERR(m->handles);
		goto none;
	}
	m->conns = map_get(conns_fd, sizeof(struct kh_conn_slot), extack);
	if (IS_ERR(m->conns)) {
		err = PTR_ERR(m->conns);
		goto put_handles;
	}
	m->op_stats = map_get(op_stats_fd, sizeof(struct kh_op_stat), extack);
	if (IS_ERR(m->op_stats)) {
		err = PTR_ERR(m->op_stats);
		goto put_conns;
	}
	m->lanes = m->op_stats->max_entries / KH_LANE_ENTRIES;
	if (!m->lanes) {
		NL_SET_ERR_MSG(extack, "the map of statistics is smaller than one lane");
		err = -EINVAL;
		goto put_op_stats;
	}
	BUILD_BUG_ON(sizeof(struct kh_op_stat) % 8); /* entries of an array lie without gaps */
	m->op_stat = element(m->op_stats, 0);
	m->nhandles = m->handles->max_entries;
	m->nconns = m->conns->max_entries;
	return 0;

put_op_stats:
	bpf_map_put(m->op_stats);
put_conns:
	bpf_map_put(m->conns);
put_handles:
	bpf_map_put(m->handles);
none:
	memset(m, 0, sizeof(*m));
	return err;
}

void kh_maps_put(struct kh_maps *m)
{
	if (!m->handles)
		return;
	bpf_map_put(m->handles);
	bpf_map_put(m->conns);
	bpf_map_put(m->op_stats);
	memset(m, 0, sizeof(*m));
}

struct kh_handle_slot *kh_maps_handle(const struct kh_maps *m, u32 slot)
{
	return element(m->handles, slot);
}

struct kh_conn_slot *kh_maps_conn(const struct kh_maps *m, u32 slot)
{
	return element(m->conns, slot);
}

static unsigned int latency_bucket(u64 ns)
{
	return min_t(unsigned int, fls64(div_u64(ns, NSEC_PER_USEC)), KH_LATENCY_BUCKETS - 1);
}

void kh_maps_count(const struct kh_maps *m, u16 command, bool error, u64 bytes_in, u64 bytes_out,
		   u64 start_ns, u64 end_ns)
{
	u64 ns = end_ns - start_ns;
	struct kh_op_stat *s;

	if (!m->lanes || command >= KH_OPS)
		return;
	preempt_disable(); /* a lane has one writer: the CPU */
	s = m->op_stat + kh_op_index(smp_processor_id() % m->lanes, KH_PLANE_KERNEL, command);
	WRITE_ONCE(s->count, s->count + 1);
	if (error)
		WRITE_ONCE(s->errors, s->errors + 1);
	WRITE_ONCE(s->bytes_in, s->bytes_in + bytes_in);
	WRITE_ONCE(s->bytes_out, s->bytes_out + bytes_out);
	ns = latency_bucket(ns);
	WRITE_ONCE(s->latency_us[ns], s->latency_us[ns] + 1);
	preempt_enable();
}
