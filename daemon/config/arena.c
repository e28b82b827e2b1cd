/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * arena.c - memory of one configuration: taken piece by piece, given back all at once.
 */
#include <limits.h>

#include "config/options.h"

#define BLOCK_SIZE 16384

struct block {
	struct block *next;
	size_t used, size;
	max_align_t data[];
};

struct conf_arena {
	struct block *blocks;
};

struct conf_arena *conf_arena_new(void)
{
	return xcalloc(1, sizeof(struct conf_arena));
}

void conf_arena_free(struct conf_arena *a)
{
	struct block *next;

	if (!a)
		return;
	for (struct block *b = a->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

void *conf_arena_alloc(struct conf_arena *a, size_t n)
{
	struct block *b = a->blocks;
	void *p;

	n = (n + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (!b || b->size - b->used < n) {
		size_t size = MAX(n, (size_t)BLOCK_SIZE);

		b = xcalloc(1, sizeof(*b) + size);
		b->size = size;
		b->next = a->blocks;
		a->blocks = b;
	}
	p = (char *)b->data + b->used;
	b->used += n;
	return p;
}

char *conf_arena_strndup(struct conf_arena *a, const char *s, size_t n)
{
	char *p = conf_arena_alloc(a, n + 1);

	memcpy(p, s, n);
	return p;
}
