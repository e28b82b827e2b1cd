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
	if (!n)
		return;
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

/* The entry may be another open's by now; a slot has no other id before this one's end. */
static void count_data(const struct stats_ops *b, uint64_t now)
{
	struct kh_handle_slot *e = b->entry;
	bool write = b->command == SMB2_WRITE;

	if (b->n == b->errors || !e || __atomic_load_n(&e->vol, __ATOMIC_RELAXED) != b->vol)
		return;
	count_add_shared(write ? &e->user_writes : &e->user_reads, b->n - b->errors);
	count_add_shared(write ? &e->user_write_bytes : &e->user_read_bytes, b->bytes);
	count_set(&e->user_last_ns, now);
}

static void put(const struct stats *t, const struct stats_ops *b)
{
	struct kh_op_stat *s = &t->ops[b->command];
	uint64_t now = now_ns();

	count(&s->count, b->n, t->shared);
	count(&s->latency_us[bucket_of(now - b->start_ns)], b->n, t->shared);
	count(&s->errors, b->errors, t->shared);
	count(b->command == SMB2_READ ? &s->bytes_out : &s->bytes_in, b->bytes, t->shared);
	count_data(b, now);
}

void stats_put_slow(struct stats *t)
{
	put(t, &t->pending);
	t->pending.n = 0;
}

void stats_begin(struct stats *t, const struct stats_ops *one)
{
	if (t->shared) {
		put(t, one);
		return;
	}
	stats_put(t);
	t->pending = *one;
}

/* ---- refused input ---- */

void stats_bad_add(struct kh_bad_input *bad, enum bad_input why)
{
	__atomic_fetch_add((__u64 *)bad + why, 1, __ATOMIC_RELAXED); /* rare: whoever counts */
}
