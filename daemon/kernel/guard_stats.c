// SPDX-License-Identifier: GPL-2.0-or-later
/* guard_stats.c - the counters of the XDP guard, from the pins. */
#include "kernel/guard_stats.h"
#include "core/util.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>

static int open_map(const char *pin_dir, const char *name, enum bpf_map_type type, size_t value)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", pin_dir, name);
	struct bpf_obj_get_opts opts = { .sz = sizeof(opts), .file_flags = BPF_F_RDONLY };
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_obj_get_opts(path, &opts);

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == type &&
	    info.value_size == value)
		return fd;
	close(fd);
	return -EPROTO;
}

/* The sum over CPUs of one entry; false: there is no such entry. */
static bool read_queue(int fd, __u32 key, struct kh_queue_stat *per_cpu, int cpus,
		       struct kh_queue_stat *sum)
{
	*sum = (struct kh_queue_stat) { 0 };
	if (bpf_map_lookup_elem(fd, &key, per_cpu) < 0)
		return false;
	for (int i = 0; i < cpus; i++) {
		sum->packets += per_cpu[i].packets;
		sum->bytes += per_cpu[i].bytes;
		sum->syns += per_cpu[i].syns;
		sum->blocked += per_cpu[i].blocked;
		sum->limited += per_cpu[i].limited;
		sum->redirected += per_cpu[i].redirected;
		sum->malformed += per_cpu[i].malformed;
	}
	return true;
}

static void name_of(__u32 ifindex, char out[IF_NAMESIZE])
{
	if (!if_indextoname(ifindex, out))
		snprintf(out, IF_NAMESIZE, "%u", ifindex);
}

int guard_stats_read(const char *pin_dir, struct guard_queue **q, size_t *n)
{
	_cleanup_close_ int conf_fd = -1, fd = -1;
	_cleanup_free_ struct kh_queue_stat *per_cpu = NULL;
	int cpus = libbpf_num_possible_cpus();
	struct kh_guard_conf conf = { 0 };
	__u32 zero = 0;

	*q = NULL;
	*n = 0;
	if (!pin_dir || cpus <= 0)
		return 0;
	conf_fd = open_map(pin_dir, "kh_guard_conf", BPF_MAP_TYPE_ARRAY, sizeof(conf));
	fd = open_map(pin_dir, "kh_queue_stats", BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(*per_cpu));
	if (conf_fd < 0 || fd < 0)
		return conf_fd == -ENOENT || fd == -ENOENT ? 0 : MIN(conf_fd, fd);
	if (bpf_map_lookup_elem(conf_fd, &zero, &conf) < 0)
		return -errno;
	per_cpu = xcalloc((size_t)cpus, sizeof(*per_cpu));
	for (__u32 i = 0; i < MIN(conf.nifs, KH_GUARD_IFS) * KH_GUARD_QUEUES; i++) {
		struct guard_queue row = { .queue = i % KH_GUARD_QUEUES };

		if (!read_queue(fd, i, per_cpu, cpus, &row.stat))
			break;
		if (row.queue && !row.stat.packets)
			continue;
		name_of(conf.ifindex[i / KH_GUARD_QUEUES], row.interface);
		*q = xrealloc(*q, (*n + 1) * sizeof(row));
		(*q)[(*n)++] = row;
	}
	return 0;
}
