// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verify.c - which data a file has to have: every word is made of the session, the version of its
 * block and its place, so that old, foreign and misplaced data shows. No block is read and written
 * at the same time.
 */
#include "smbload.h"

#define WORD_STEP 0x9E3779B97F4A7C15ull

struct block {
	uint32_t version; /* which the server has */
	uint16_t readers;
	bool writer;
};

static uint64_t blocks(void)
{
	return opt.file_size / opt.size;
}

void verify_start(struct session *s)
{
	free(s->blocks);
	s->blocks = xcalloc(blocks(), sizeof(*s->blocks));
}

bool verify_free(const struct session *s, uint64_t *block, bool to_write)
{
	uint64_t n = blocks(), b = *block;

	for (uint64_t i = 0; i < n; i++, b = b + 1 == n ? 0 : b + 1) {
		if (s->blocks[b].writer || (to_write && s->blocks[b].readers))
			continue;
		*block = b;
		return true;
	}
	return false;
}

void verify_read(struct session *s, struct op *op, uint64_t block)
{
	s->blocks[block].readers++;
	op->index = block;
	op->version = s->blocks[block].version;
}

void verify_write(struct session *s, struct op *op, uint64_t block)
{
	s->blocks[block].writer = true;
	op->index = block;
	op->version = s->blocks[block].version + 1;
}

void verify_over(struct session *s, const struct op *op, bool written)
{
	struct block *b = &s->blocks[op->index];

	if (!b->writer) {
		b->readers--;
		return;
	}
	b->writer = false;
	if (written)
		b->version = op->version;
}

/* ---- data ---- */

/* The word at offset 0; the one behind is WORD_STEP more. */
static uint64_t seed(const struct session *s, uint32_t version)
{
	uint64_t z = ((uint64_t)s->index << 32 | version) * 0xD1342543DE82EF95ull + 1;

	z = (z ^ z >> 32) * 0xBF58476D1CE4E5B9ull;
	return z ^ z >> 29;
}

void verify_fill(const struct session *s, uint32_t version, uint64_t offset, void *p, size_t n)
{
	uint64_t word = seed(s, version) + offset / 8 * WORD_STEP;
	size_t skip = offset % 8;
	uint8_t *to = p;

	for (; n; word += WORD_STEP, skip = 0) {
		uint8_t bytes[8];
		size_t part = MIN(n, 8 - skip);

		if (part == 8) { /* this store is vectorized */
			memcpy(to, &word, 8);
		} else {
			memcpy(bytes, &word, 8);
			memcpy(to, bytes + skip, part);
		}
		to += part;
		n -= part;
	}
}

bool verify_right(const struct session *s, uint32_t version, uint64_t offset, const void *p,
		  size_t n)
{
	uint8_t expected[4096];
	const uint8_t *have = p;

	while (n) {
		size_t part = MIN(n, sizeof(expected));

		verify_fill(s, version, offset, expected, part);
		if (memcmp(expected, have, part) != 0)
			return false;
		have += part;
		offset += part;
		n -= part;
	}
	return true;
}
