// SPDX-License-Identifier: GPL-2.0-or-later
/* view.c - entries, sums and percentiles out of the maps of a server. */
#include "core/view.h"
#include "core/util.h"

#include <stdatomic.h>

#define TRIES 4

char *view_dir(const char *instance)
{
	char *path = xasprintf(VIEW_PINS "/%s", instance);

	for (char *p = path + strlen(VIEW_PINS); *p; p++)
		if (*p == '.')
			*p = '_';
	return path;
}

/* ---- entries ---- */

/* Word by word, as others may be storing to it; in order: what is loaded next is later. */
static void copy_words(void *out, const void *entry, size_t size)
{
	const uint64_t *from = entry;
	uint64_t *to = out;

	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
}

/* The id is the first word. False: it was free, or another before the copy than after it. */
static bool copy_entry(void *out, const void *entry, size_t size)
{
	const uint64_t *id = entry;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = __atomic_load_n(id, __ATOMIC_ACQUIRE);

		if (!before)
			return false;
		copy_words(out, entry, size);
		if (__atomic_load_n(id, __ATOMIC_RELAXED) == before)
			return *(uint64_t *)out == before;
	}
	return false;
}

bool view_conn(const struct view *v, uint32_t i, struct kh_conn_slot *out)
{
	if (i >= v->nconns || !copy_entry(out, &v->conns[i], sizeof(*out)))
		return false;
	out->why[sizeof(out->why) - 1] = 0;
	return true;
}

bool view_session(const struct view *v, uint32_t i, struct kh_session_slot *out)
{
	if (i >= v->nsessions || !copy_entry(out, &v->sessions[i], sizeof(*out)))
		return false;
	out->user[sizeof(out->user) - 1] = 0;
	out->unix_user[sizeof(out->unix_user) - 1] = 0;
	return true;
}

/* The name is of the same life if the id is still there after it was copied. */
bool view_handle(const struct view *v, uint32_t i, struct kh_handle_slot *out, struct kh_name *name)
{
	if (i >= v->nhandles || !copy_entry(out, &v->handles[i], sizeof(*out)))
		return false;
	if (!name)
		return true;
	copy_words(name, &v->names[i], sizeof(*name));
	name->share[sizeof(name->share) - 1] = 0;
	name->path[sizeof(name->path) - 1] = 0;
	return __atomic_load_n(&v->handles[i].vol, __ATOMIC_RELAXED) == out->vol;
}

/* ---- sums ---- */

/* Adds n words of counters. */
static void add_words(void *sum, const void *entry, size_t n)
{
	const uint64_t *from = entry;
	uint64_t *to = sum;

	for (size_t i = 0; i < n; i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

struct kh_op_stat view_op(const struct view *v, unsigned int plane, uint16_t command)
{
	struct kh_op_stat sum = { 0 };
	uint32_t lanes = v->nops / KH_LANE_ENTRIES;

	for (uint32_t lane = 0; command < KH_OPS && lane < lanes; lane++)
		for (unsigned int p = 0; p < KH_PLANES; p++)
			if (plane == KH_PLANES || plane == p)
				add_words(&sum, &v->ops[kh_op_index(lane, p, command)],
					  sizeof(sum) / sizeof(uint64_t));
	return sum;
}

struct kh_bad_input view_bad(const struct view *v)
{
	struct kh_bad_input sum = { 0 };

	for (uint32_t i = 0; i < v->nbad; i++)
		add_words(&sum, &v->bad[i], sizeof(sum) / sizeof(uint64_t));
	return sum;
}

struct kh_reactor_slot view_reactors(const struct view *v)
{
	struct kh_reactor_slot sum = { 0 };

	for (uint32_t i = 0; i < v->nreactors; i++) {
		const struct kh_reactor_slot *r = &v->reactors[i];

		sum.connections += __atomic_load_n(&r->connections, __ATOMIC_RELAXED);
		add_words(&sum.accepted, &r->accepted,
			  (sizeof(sum) - offsetof(struct kh_reactor_slot, accepted)) /
				  sizeof(uint64_t));
	}
	return sum;
}

struct kh_reactor_slot view_reactor(const struct view *v, uint32_t i)
{
	struct kh_reactor_slot r;

	copy_words(&r, &v->reactors[i], sizeof(r));
	return r;
}

double view_percentile(const struct kh_op_stat *s, double percent)
{
	double below = 0, want;
	uint64_t n = 0;

	for (unsigned int i = 0; i < KH_LATENCY_BUCKETS; i++)
		n += s->latency_us[i];
	if (!n)
		return 0;
	want = (double)n * percent / 100;
	for (unsigned int i = 0; i < KH_LATENCY_BUCKETS; i++) {
		double here = (double)s->latency_us[i];

		if (here && below + here >= want) {
			double low = i ? (double)(1ull << (i - 1)) : 0, high = (double)(1ull << i);

			return low + (high - low) * (want - below) / here;
		}
		below += here;
	}
	return (double)(1ull << (KH_LATENCY_BUCKETS - 1));
}
