// SPDX-License-Identifier: GPL-2.0-or-later
/* stats.c - counters: each reactor has its own, workers share one set. */
#include "kernel/bpf_link.h"
#include "server.h"

struct stats stats_workers;
static _Thread_local struct stats *mine = &stats_workers;

struct stats *stats_here(void)
{
	return mine;
}

void stats_set_thread(struct stats *s)
{
	mine = s;
}

void stats_bad_debug(enum bad_input why)
{
	static const char *const names[] = {
#define X(name) #name,
		KH_BAD_INPUT_LIST(X)
#undef X
	};

	log_debug(LOG_CONN, "refused input=%s", names[why]);
}

uint64_t stats_sum(size_t offset)
{
	_Atomic uint64_t *c = (_Atomic uint64_t *)((char *)&stats_workers + offset);
	uint64_t sum = atomic_load_explicit(c, memory_order_relaxed);

	for (unsigned int i = 0; i < server.nreactors; i++) {
		c = (_Atomic uint64_t *)((char *)reactor_stats(server.reactors[i]) + offset);
		sum += atomic_load_explicit(c, memory_order_relaxed);
	}
	return sum;
}

/* ---- operations: in the lanes of kh_op_stats ---- */

static struct kh_op_stat *lane_of(unsigned int lane)
{
	return maps.ops ? &maps.ops[kh_op_index(lane, KH_PLANE_USER, 0)] : NULL;
}

void stats_use_maps(unsigned int first)
{
	for (unsigned int i = first; i < server.nreactors; i++)
		reactor_stats(server.reactors[i])->ops = lane_of(i);
	if (first == 0)
		stats_workers.ops = lane_of(maps.lanes - 1);
}

/* A reactor is the only writer of its lane; readers may look at any time. */
static void count(__u64 *c, uint64_t n, bool shared)
{
	if (shared)
		__atomic_fetch_add(c, n, __ATOMIC_RELAXED);
	else
		__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

static unsigned int bucket_of(uint64_t ns)
{
	uint64_t us = ns / 1000;
	unsigned int n = us ? 64 - (unsigned int)__builtin_clzll(us) : 0;

	return MIN(n, KH_LATENCY_BUCKETS - 1);
}

void stats_op(uint16_t command, bool error, uint64_t bytes, uint64_t start_ns)
{
	struct kh_op_stat *s = mine->ops;
	bool shared = mine == &stats_workers;

	if (!s)
		return;
	s += command;
	count(&s->count, 1, shared);
	count(&s->latency_us[bucket_of(now_ns() - start_ns)], 1, shared);
	if (error)
		count(&s->errors, 1, shared);
	if (bytes)
		count(command == SMB2_READ ? &s->bytes_out : &s->bytes_in, bytes, shared);
}

static void sum_one(struct kh_op_stat *sum, const struct kh_op_stat *s)
{
#define SUM(f) sum->f += __atomic_load_n(&s->f, __ATOMIC_RELAXED)
	SUM(count);
	SUM(errors);
	SUM(bytes_in);
	SUM(bytes_out);
	for (unsigned int i = 0; i < KH_LATENCY_BUCKETS; i++)
		SUM(latency_us[i]);
#undef SUM
}

struct kh_op_stat stats_op_sum(unsigned int plane, uint16_t command)
{
	struct kh_op_stat sum = { 0 };

	for (unsigned int lane = 0; maps.ops && lane < maps.lanes; lane++)
		for (unsigned int p = 0; p < KH_PLANES; p++)
			if (plane == KH_PLANES || plane == p)
				sum_one(&sum, &maps.ops[kh_op_index(lane, p, command)]);
	return sum;
}
