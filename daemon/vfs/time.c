// SPDX-License-Identifier: GPL-2.0-or-later
/* time.c - between struct timespec and NTTIME (MS-DTYP 2.3.3). */
#include "vfs/vfs.h"

#define NT_PER_SEC 10000000LL

/* Times before 1601 do not exist for clients: they become the first moment that does. */
uint64_t nttime_from_timespec(const struct timespec *ts)
{
	int64_t nt;

	if (__builtin_mul_overflow((int64_t)ts->tv_sec, NT_PER_SEC, &nt) ||
	    __builtin_add_overflow(nt, ts->tv_nsec / 100 + NTTIME_EPOCH_DELTA, &nt))
		return ts->tv_sec < 0 ? 1 : INT64_MAX;
	return nt > 0 ? (uint64_t)nt : 1;
}

struct timespec nttime_to_timespec(uint64_t nt)
{
	int64_t t = (nt > INT64_MAX ? INT64_MAX : (int64_t)nt) - NTTIME_EPOCH_DELTA;
	struct timespec ts = { .tv_sec = t / NT_PER_SEC, .tv_nsec = t % NT_PER_SEC * 100 };

	if (ts.tv_nsec < 0) {
		ts.tv_sec--;
		ts.tv_nsec += 1000000000;
	}
	return ts;
}

uint64_t nttime_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return nttime_from_timespec(&ts);
}
