// SPDX-License-Identifier: GPL-2.0-or-later
/* log.c - one write() per line, so that lines of threads do not mix. */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINES_PER_SECOND 20 /* per call site */

_Atomic int log_level = LOG_LEVEL_NOTICE;
static int log_fd = STDERR_FILENO;

int log_open(const char *file, int level)
{
	log_level = level;
	if (file) {
		int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);

		if (fd < 0)
			return -errno;
		log_fd = fd;
	}
	return 0;
}

bool log_allowed(struct log_site *s)
{
	struct timespec ts;
	uint32_t n;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	if (atomic_exchange_explicit(&s->window, (uint64_t)ts.tv_sec, memory_order_relaxed) !=
	    (uint64_t)ts.tv_sec)
		atomic_store_explicit(&s->count, 0, memory_order_relaxed);
	n = atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed);
	if (n == LINES_PER_SECOND)
		log_line(LOG_LEVEL_NOTICE, "more lines of this kind were left out in this second");
	return n < LINES_PER_SECOND;
}

void log_line(int level, const char *fmt, ...)
{
	static const char *const names[] = { "error", "notice", "info", "debug" };
	char line[1024];
	struct timespec ts;
	struct tm tm;
	va_list ap;
	int n;

	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	n = (int)strftime(line, sizeof(line), "%Y-%m-%d %H:%M:%S", &tm);
	n += snprintf(line + n, sizeof(line) - (size_t)n, ".%03ld %s: ", ts.tv_nsec / 1000000,
		      names[level <= LOG_LEVEL_DEBUG ? level : LOG_LEVEL_DEBUG]);
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	/* What a client sent must not forge lines. */
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	if (write(log_fd, line, (size_t)n) < 0)
		return; /* nowhere to complain */
}
