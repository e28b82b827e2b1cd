// SPDX-License-Identifier: GPL-2.0-or-later
/* smbload's histogram: buckets, percentiles against sorted values, merging, the file it writes. */
#include "../smbload/hist.h"

#include "core/util.h"
#include "tap.h"

#include <math.h>

static uint64_t dice(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15ull;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
	return z ^ z >> 27;
}

static void test_buckets(void)
{
	uint64_t bottom = 0, v, seed = 1;
	bool ordered = true, narrow = true, inside = true;

	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		uint64_t top = hist_bucket_top(i);

		ordered &= hist_bucket(bottom) == i && hist_bucket(top) == i;
		narrow &= (top - bottom) * HIST_HALF <= bottom;
		bottom = top + 1;
	}
	ok(ordered, "every bucket begins where the one before ends");
	ok(narrow, "none is wider than a thousandth of what it holds");
	ok(bottom == 1ull << HIST_TOP, "the last one ends at the top");
	for (int i = 0; i < 100000; i++) {
		v = dice(&seed) >> (22 + i % 42);
		inside &= v <= hist_bucket_top(hist_bucket(v)) &&
			  (!hist_bucket(v) || v > hist_bucket_top(hist_bucket(v) - 1));
	}
	ok(inside, "values are in their buckets");
	is_int(hist_bucket(UINT64_MAX), HIST_BUCKETS - 1, "what is above the top is in the last");
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool near(double got, double want)
{
	return fabs(got - want) <= want / 1000 + 1;
}

static void test_percentiles(void)
{
	static const double qs[] = { 0, .01, .25, .5, .9, .99, .999, .9999, 1 };
	enum { N = 20000 };
	struct hist *h = xcalloc(1, sizeof(*h));
	uint64_t *all = xcalloc(N, sizeof(*all)), seed = 7;
	double sum = 0, squares = 0;
	bool right = true;

	is_int((int64_t)hist_percentile(h, .5), 0, "of nothing");
	for (int i = 0; i < N; i++) {
		all[i] = dice(&seed) >> (30 + dice(&seed) % 30);
		hist_add(h, all[i]);
		sum += (double)all[i];
	}
	qsort(all, N, sizeof(*all), by_value);
	for (size_t i = 0; i < ARRAY_SIZE(qs); i++) {
		size_t rank = (size_t)ceil(qs[i] * N);

		right &= near((double)hist_percentile(h, qs[i]), (double)all[rank ? rank - 1 : 0]);
	}
	ok(right, "percentiles are those of the sorted values, to three digits");
	ok(h->min == all[0] && h->max == all[N - 1] && h->count == N, "extremes and number");
	ok(hist_percentile(h, 1) == h->max, "nothing is above the largest");
	ok(near(hist_mean(h), sum / N), "mean");
	for (int i = 0; i < N; i++)
		squares += pow((double)all[i] - sum / N, 2);
	ok(near(hist_deviation(h), sqrt(squares / N)), "standard deviation");
	free(h);
	free(all);
}

static void test_merge(void)
{
	struct hist *both = xcalloc(1, sizeof(*both)), *a = xcalloc(1, sizeof(*a)),
		    *b = xcalloc(1, sizeof(*b)), *empty = xcalloc(1, sizeof(*empty));
	uint64_t seed = 3;

	for (int i = 0; i < 1000; i++) {
		uint64_t v = dice(&seed) >> 40;

		hist_add(both, v);
		hist_add(i % 3 ? a : b, v);
	}
	hist_merge(a, empty);
	hist_merge(a, b);
	ok(a->count == both->count && a->min == both->min && a->max == both->max &&
		   !memcmp(a->buckets, both->buckets, sizeof(a->buckets)),
	   "two merged are as one that had all");
	hist_merge(empty, a);
	ok(empty->min == both->min, "merged into an empty one");
	free(both);
	free(a);
	free(b);
	free(empty);
}

static void test_file(void)
{
	struct hist *h = xcalloc(1, sizeof(*h));
	char text[8192], *line, *save = NULL;
	double value, q, last = -1, last_q = -1;
	unsigned long long total = 0, seen;
	bool rises = true, right = true;
	FILE *f = fmemopen(text, sizeof(text), "w");

	for (uint64_t v = 1; v <= 10000; v++)
		hist_add(h, v * 1000);
	hist_print(h, 1000, f);
	fclose(f);
	line = strtok_r(text, "\n", &save);
	ok(line && strstr(line, "Value") && strstr(line, "1/(1-Percentile)"), "a heading");
	while ((line = strtok_r(NULL, "\n", &save)) && *line != '#') {
		if (sscanf(line, "%lf %lf %llu", &value, &q, &seen) != 3)
			break;
		rises &= value >= last && q > last_q && seen >= total;
		right &= near((double)seen, value) && value + value / 1000 + 1 >= q * 10000;
		last = value;
		last_q = q;
		total = seen;
	}
	ok(rises, "values, percentiles and counts rise");
	ok(right, "as many are counted as there are");
	ok(last_q == 1 && total == 10000 && near(last, 10000), "the last line has all");
	ok(line && strstr(line, "#[Mean    =     5000.500"), "the mean in the end");
	free(h);
}

int main(void)
{
	test_buckets();
	test_percentiles();
	test_merge();
	test_file();
	return done_testing();
}
