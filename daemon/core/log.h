/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.h - lines for the administrator. Rate limited per call site; never a secret. */
#ifndef KH_LOG_H
#define KH_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { LOG_LEVEL_ERR, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_site {
	_Atomic uint64_t window; /* second in which count counts */
	_Atomic uint32_t count;
};

extern _Atomic int log_level;

/* file NULL: standard error. -errno. */
int log_open(const char *file, int level);
bool log_allowed(struct log_site *s);
void log_line(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define LOG_(level, ...)                                             \
	do {                                                         \
		static struct log_site log_site_;                    \
		if ((level) <= log_level && log_allowed(&log_site_)) \
			log_line(level, __VA_ARGS__);                \
	} while (0)
#define log_err(...)	LOG_(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_notice(...) LOG_(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)	LOG_(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	LOG_(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif /* KH_LOG_H */
