/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap.h - the unit tests' way to say what holds: TAP on stdout, the plan at the end. One test
 * program is one thread of checks; end main() with `return done_testing();`.
 */
#ifndef KH_TAP_H
#define KH_TAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

static inline bool tap_ok(bool pass, const char *name, const char *file, int line)
{
	printf("%sok %d - %s\n", pass ? "" : "not ", ++tap_count, name);
	if (!pass) {
		tap_failed++;
		printf("#   at %s:%d\n", file, line);
	}
	return pass;
}

static inline bool tap_int(int64_t got, int64_t want, const char *name, const char *file, int line)
{
	bool pass = tap_ok(got == want, name, file, line);

	if (!pass)
		printf("#   got  %" PRId64 " (0x%" PRIx64 ")\n#   want %" PRId64 " (0x%" PRIx64
		       ")\n",
		       got, (uint64_t)got, want, (uint64_t)want);
	return pass;
}

static inline bool tap_str(const char *got, const char *want, const char *name, const char *file,
			   int line)
{
	bool same = got == want || (got && want && !strcmp(got, want));
	bool pass = tap_ok(same, name, file, line);

	if (!pass)
		printf("#   got  %s\n#   want %s\n", got ? got : "(null)", want ? want : "(null)");
	return pass;
}

static inline bool tap_mem(const void *got, const void *want, size_t n, const char *name,
			   const char *file, int line)
{
	bool pass = tap_ok(!memcmp(got, want, n), name, file, line);
	size_t i;

	if (!pass) {
		printf("#   got  ");
		for (i = 0; i < n; i++)
			printf("%02x", ((const unsigned char *)got)[i]);
		printf("\n#   want ");
		for (i = 0; i < n; i++)
			printf("%02x", ((const unsigned char *)want)[i]);
		printf("\n");
	}
	return pass;
}

#define ok(cond, name)		   tap_ok((cond), (name), __FILE__, __LINE__)
#define is_int(got, want, name)	   tap_int((int64_t)(got), (int64_t)(want), (name), __FILE__, __LINE__)
#define is_str(got, want, name)	   tap_str((got), (want), (name), __FILE__, __LINE__)
#define is_mem(got, want, n, name) tap_mem((got), (want), (n), (name), __FILE__, __LINE__)
#define diag(...)		   (printf("# "), printf(__VA_ARGS__), printf("\n"))

/* Prints the plan; the value for main() to return. */
static inline __attribute__((warn_unused_result)) int done_testing(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed || !tap_count ? 1 : 0;
}

/* For a test whose environment is missing: says so and ends well. */
static inline int skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

#endif /* KH_TAP_H */
