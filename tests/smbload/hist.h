/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hist.h - a histogram of latencies with a high dynamic range: buckets that are as wide as 1/1024
 * of their value or narrower, so that three digits of every percentile are right.
 */
#ifndef KH_SMBLOAD_HIST_H
#define KH_SMBLOAD_HIST_H

#include <stdint.h>
#include <stdio.h>

#define HIST_BITS    10 /* of a value that are kept behind its first */
#define HIST_HALF    (1u << HIST_BITS)
#define HIST_TOP     42 /* values below 2^42 ns: 73 minutes; more counts as that */
#define HIST_BUCKETS ((HIST_TOP - HIST_BITS + 1) << HIST_BITS)

struct hist {
	uint64_t count, min, max;
	double sum, squares;
	uint64_t buckets[HIST_BUCKETS];
};

static inline unsigned int hist_bucket(uint64_t v)
{
	unsigned int shift;

	if (v < 2 * HIST_HALF)
		return (unsigned int)v;
	if (v >> HIST_TOP)
		return HIST_BUCKETS - 1;
	shift = 63 - (unsigned int)__builtin_clzll(v) - HIST_BITS;
	return (shift << HIST_BITS) + (unsigned int)(v >> shift);
}

static inline void hist_add(struct hist *h, uint64_t v)
{
	h->min = h->count && h->min < v ? h->min : v;
	h->max = h->max > v ? h->max : v;
	h->count++;
	h->sum += (double)v;
	h->squares += (double)v * (double)v;
	h->buckets[hist_bucket(v)]++;
}

/* The largest value that counts as the same as those of the bucket. */
uint64_t hist_bucket_top(unsigned int bucket);
void hist_merge(struct hist *sum, const struct hist *h);
/* The value that a share q (0..1) of all are not above; 0 if there are none. */
uint64_t hist_percentile(const struct hist *h, double q);
double hist_mean(const struct hist *h);
double hist_deviation(const struct hist *h);
/* The percentile table of HdrHistogram (".hgrm"); values are divided by unit. */
void hist_print(const struct hist *h, double unit, FILE *f);

#endif /* KH_SMBLOAD_HIST_H */
