// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats.c - counters: each reactor has its own entries in the maps, workers and the main thread
 * share those of the last lane.
 */
#include "core/count.h"
#include "kernel/bpf_link.h"
#include "server.h"

struct stats stats_workers = { .bad = &stats_workers.own_bad,
			       .reactor = &stats_workers.own_reactor,
			       .shared = true };
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

void stats_init(struct stats *s, unsigned int n)
{
	unsigned int lane = n == STATS_WORKERS ? maps.lanes - 1 : n;

	s->shared = n == STATS_WORKERS;
	s->ops = maps.ops ? &maps.ops[kh_op_index(lane, KH_PLANE_USER, 0)] : NULL;
	s->bad = maps.bad ? &maps.bad[lane] : &s->own_bad;
	s->reactor = maps.reactors && n < maps.nreactors ? &maps.reactors[n] : &s->own_reactor;
	s->reactor->cpu = UINT32_MAX;
}

/* ---- operations: in the lanes of kh_op_stats ---- */

static void count(__u64 *c, uint64_t n, bool shared)
{
	if (shared)
		count_add_shared(c, n);
	else
		count_add(c, n);
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
	bool shared = mine->shared;

	if (!KH_STATS || !s)
		return;
	s += command;
	count(&s->count, 1, shared);
	count(&s->latency_us[bucket_of(now_ns() - start_ns)], 1, shared);
	if (error)
		count(&s->errors, 1, shared);
	if (bytes)
		count(command == SMB2_READ ? &s->bytes_out : &s->bytes_in, bytes, shared);
}

/* ---- refused input ---- */

void stats_bad_add(struct kh_bad_input *bad, enum bad_input why)
{
	__atomic_fetch_add((__u64 *)bad + why, 1, __ATOMIC_RELAXED); /* rare: whoever counts */
}
