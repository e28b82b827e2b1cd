// SPDX-License-Identifier: GPL-2.0-or-later
/* hist.c - what a histogram says. */
#include "hist.h"

#include <math.h>

uint64_t hist_bucket_top(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < 2 * HIST_HALF)
		return bucket;
	shift = (bucket >> HIST_BITS) - 1;
	return (((uint64_t)(bucket & (HIST_HALF - 1)) + HIST_HALF + 1) << shift) - 1;
}

void hist_merge(struct hist *sum, const struct hist *h)
{
	if (!h->count)
		return;
	sum->min = sum->count && sum->min < h->min ? sum->min : h->min;
	sum->max = sum->max > h->max ? sum->max : h->max;
	sum->count += h->count;
	sum->sum += h->sum;
	sum->squares += h->squares;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		sum->buckets[i] += h->buckets[i];
}

/* The largest value of the bucket that holds the rank-th value; the true extremes at the ends. */
static uint64_t at_rank(const struct hist *h, uint64_t rank)
{
	uint64_t seen = 0, top;

	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen < rank)
			continue;
		top = hist_bucket_top(i);
		return top > h->max || i == HIST_BUCKETS - 1 ? h->max : top;
	}
	return h->max;
}

uint64_t hist_percentile(const struct hist *h, double q)
{
	uint64_t rank = (uint64_t)ceil(q * (double)h->count);

	if (!h->count)
		return 0;
	return at_rank(h, rank ? rank : 1);
}

double hist_mean(const struct hist *h)
{
	return h->count ? h->sum / (double)h->count : 0;
}

double hist_deviation(const struct hist *h)
{
	double mean = hist_mean(h), variance;

	if (!h->count)
		return 0;
	variance = h->squares / (double)h->count - mean * mean;
	return variance > 0 ? sqrt(variance) : 0;
}

/* Five lines for every halving of what is left, as the tools that draw these files expect. */
void hist_print(const struct hist *h, double unit, FILE *f)
{
	const double per_half = 5;
	double q = 0;

	fprintf(f, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	while (h->count) {
		uint64_t rank = (uint64_t)ceil(q * (double)h->count), seen = 0;
		uint64_t v = at_rank(h, rank ? rank : 1);

		for (unsigned int i = 0; i <= hist_bucket(v); i++)
			seen += h->buckets[i];
		if (seen == h->count)
			break;
		fprintf(f, "%12.3f %14.12f %10llu %14.2f\n", (double)v / unit, q,
			(unsigned long long)seen, 1 / (1 - q));
		q += 1 / (per_half * exp2(floor(log2(1 / (1 - q))) + 1));
	}
	if (h->count)
		fprintf(f, "%12.3f %14.12f %10llu\n", (double)h->max / unit, 1.0,
			(unsigned long long)h->count);
	fprintf(f, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", hist_mean(h) / unit,
		hist_deviation(h) / unit);
	fprintf(f, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)h->max / unit,
		(unsigned long long)h->count);
	fprintf(f, "#[Buckets = %12u, SubBuckets     = %12u]\n",
		(unsigned int)(HIST_TOP - HIST_BITS), 2 * HIST_HALF);
}
