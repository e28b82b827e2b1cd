// SPDX-License-Identifier: GPL-2.0-or-later
/* log.c - one write() per line, so that lines of threads do not mix. */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINES_PER_SECOND       20 /* per call site */
#define DEBUG_LINES_PER_SECOND 200
#define LINE_MAX_BYTES	       1024

_Atomic int log_level = LOG_LEVEL_NOTICE;
_Atomic uint32_t log_debug_mask;
static int log_fd = STDERR_FILENO;
static struct log_site *_Atomic silenced; /* sites that left lines out */

static const char *const components[] = {
#define X(NAME, name, what) #name,
	LOG_COMPONENT_LIST(X)
#undef X
};

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

enum log_component log_component_find(const char *name)
{
	unsigned int i = 0;

	while (i < LOG_COMPONENTS && strcmp(components[i], name))
		i++;
	return i;
}

const char *log_component_name(enum log_component c)
{
	return components[c];
}

/* ---- lines ---- */

/* Of "name: " behind the time: the component of a debug line, or the level. */
static void line_out(const char *name, const char *prefix, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	struct timespec ts;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	n = (int)strftime(line, sizeof(line), "%Y-%m-%d %H:%M:%S", &tm);
	n += snprintf(line + n, sizeof(line) - (size_t)n, ".%03ld %s%s: ", ts.tv_nsec / 1000000,
		      prefix, name);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
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

void log_line(int level, const char *fmt, ...)
{
	static const char *const names[] = { "error", "notice", "info", "debug" };
	va_list ap;

	va_start(ap, fmt);
	line_out(names[level <= LOG_LEVEL_DEBUG ? level : LOG_LEVEL_DEBUG], "", fmt, ap);
	va_end(ap);
}

void log_debug_line(struct log_site *s, const char *fmt, ...)
{
	va_list ap;

	if (!log_allowed(s))
		return;
	va_start(ap, fmt);
	line_out(components[s->component], "debug ", fmt, ap);
	va_end(ap);
}

/* ---- limits ---- */

static void leave_out(struct log_site *s)
{
	atomic_fetch_add_explicit(&s->left_out, 1, memory_order_relaxed);
	if (atomic_exchange(&s->listed, true))
		return;
	s->next = atomic_load(&silenced);
	for (struct log_site *first = s->next; !atomic_compare_exchange_weak(&silenced, &first, s);)
		s->next = first;
}

bool log_allowed(struct log_site *s)
{
	uint32_t limit = s->component < 0 ? LINES_PER_SECOND : DEBUG_LINES_PER_SECOND;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	if (atomic_exchange_explicit(&s->window, (uint64_t)ts.tv_sec, memory_order_relaxed) !=
	    (uint64_t)ts.tv_sec)
		atomic_store_explicit(&s->count, 0, memory_order_relaxed);
	if (atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed) < limit)
		return true;
	leave_out(s);
	return false;
}

void log_tick(void)
{
	struct log_site *s = atomic_exchange(&silenced, NULL), *next;

	for (; s; s = next) {
		uint32_t n;

		next = s->next;
		atomic_store(&s->listed, false); /* from here on it may be listed anew */
		n = atomic_exchange(&s->left_out, 0);
		if (s->component < 0)
			log_line(LOG_LEVEL_NOTICE, "%u lines like the last of %s:%d were left out",
				 n, s->file, s->line);
		else
			log_line(LOG_LEVEL_NOTICE,
				 "%u %s lines like the last of %s:%d were left out", n,
				 components[s->component], s->file, s->line);
	}
}
