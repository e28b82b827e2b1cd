// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * util.c - allocation that ends the process with a message instead of returning NULL.
 */
#include <stdarg.h>
#include <stdio.h>

#include "core/util.h"

#define THREAD_CACHED 1032 /* bytes: the largest that glibc's malloc() keeps per thread */

static void out_of_memory(size_t size) __attribute__((noreturn, cold));

static void out_of_memory(size_t size)
{
	fprintf(stderr, "ksmbd-hybrid: out of memory (%zu bytes)\n", size);
	_exit(EXIT_FAILURE);
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		out_of_memory(size);
	return p;
}

void *zalloc(size_t size)
{
	void *p;

	if (size > THREAD_CACHED)
		return calloc(1, size);
	p = malloc(size ? size : 1);
	return p ? memset(p, 0, size) : NULL;
}

void *xcalloc(size_t n, size_t size)
{
	size_t all;
	void *p = __builtin_mul_overflow(n, size, &all) ? NULL : zalloc(all);

	if (!p)
		out_of_memory(n * size);
	return p;
}

void *xrealloc(void *p, size_t size)
{
	void *q = realloc(p, size ? size : 1);

	if (!q)
		out_of_memory(size);
	return q;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = xmalloc(len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *p;
	int rc;

	va_start(ap, fmt);
	rc = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (rc < 0)
		out_of_memory(0);
	return p;
}
