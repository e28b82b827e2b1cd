// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ndr.c - NDR 2.0: aligned integers, pointers with deferred pointees, strings, rows by table.
 */
#include <stdarg.h>
#include <stdio.h>

#include "core/utf16.h"
#include "rpc/ndr.h"

/* ---- memory ---- */

struct ndr_chunk {
	struct ndr_chunk *next;
	max_align_t data[];
};

void *ndr_alloc(struct ndr_mem *mem, size_t n, size_t size)
{
	struct ndr_chunk *c;
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) ||
	    __builtin_add_overflow(bytes, sizeof(*c), &bytes))
		return NULL;
	c = calloc(1, bytes);
	if (!c)
		return NULL;
	c->next = mem->chunks;
	mem->chunks = c;
	return c->data;
}

char *ndr_strdup(struct ndr_mem *mem, const char *s)
{
	return ndr_sprintf(mem, "%s", s ? s : "");
}

char *ndr_sprintf(struct ndr_mem *mem, const char *fmt, ...)
{
	static char empty[1];
	va_list ap, again;
	char *s;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	s = n < 0 ? NULL : ndr_alloc(mem, (size_t)n + 1, 1);
	if (s)
		vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return s ? s : empty;
}

void ndr_mem_free(struct ndr_mem *mem)
{
	struct ndr_chunk *c, *next;

	for (c = mem->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	mem->chunks = NULL;
}

/* ---- reading ---- */

uint8_t ndr_u8(struct ndr_pull *in)
{
	return rd_u8(&in->rd);
}

uint16_t ndr_u16(struct ndr_pull *in)
{
	rd_align(&in->rd, 2);
	return in->big_endian ? rd_be16(&in->rd) : rd_le16(&in->rd);
}

uint32_t ndr_u32(struct ndr_pull *in)
{
	rd_align(&in->rd, 4);
	return in->big_endian ? rd_be32(&in->rd) : rd_le32(&in->rd);
}

uint64_t ndr_u64(struct ndr_pull *in)
{
	uint64_t first, second;

	rd_align(&in->rd, 8);
	first = ndr_u32(in);
	second = ndr_u32(in);
	return in->big_endian ? first << 32 | second : second << 32 | first;
}

bool ndr_ptr(struct ndr_pull *in)
{
	return ndr_u32(in) != 0;
}

uint32_t ndr_count(struct ndr_pull *in, size_t elem)
{
	uint32_t n = ndr_u32(in);

	if (n > rd_left(&in->rd) / elem) {
		rd_fail(&in->rd);
		return 0;
	}
	return n;
}

/*
 * max count, offset, actual count, characters: the shape of every wide string (C706 14.3.4.2).
 * As in C, a string ends at its first NUL, whatever the client left behind it.
 */
static const char *pull_wide(struct ndr_pull *in, bool terminated)
{
	uint32_t max = ndr_u32(in), offset = ndr_u32(in), n = ndr_count(in, 2);
	const uint8_t *src = rd_bytes(&in->rd, 2ull * n);
	uint8_t *swapped;
	size_t len = 0, cap;
	char *dst;

	if (!src || offset || n > max)
		goto bad;
	if (in->big_endian && n) {
		swapped = ndr_alloc(in->mem, n, 2);
		if (!swapped)
			goto bad;
		for (size_t i = 0; i < n; i++)
			kh_put_le16(swapped + 2 * i, kh_get_be16(src + 2 * i));
		src = swapped;
	}
	while (len < n && kh_get_le16(src + 2 * len))
		len++;
	if (terminated && len == n)
		goto bad;
	cap = len * 3 + 1;
	dst = ndr_alloc(in->mem, cap, 1);
	if (!dst || utf16_to_utf8(src, 2 * len, dst, cap) < 0)
		goto bad;
	return dst;
bad:
	rd_fail(&in->rd);
	return "";
}

const char *ndr_wstr(struct ndr_pull *in)
{
	return pull_wide(in, true);
}

const char *ndr_unique_wstr(struct ndr_pull *in)
{
	return ndr_ptr(in) ? pull_wide(in, true) : NULL;
}

const char *ndr_wchars(struct ndr_pull *in)
{
	return pull_wide(in, false);
}

/* ---- writing ---- */

void ndr_push_init(struct ndr_push *out, uint64_t limit)
{
	*out = (struct ndr_push) { .wr = wr_init(NULL, 0), .limit = limit };
}

void ndr_push_free(struct ndr_push *out)
{
	free(out->wr.buf);
	out->wr = wr_init(NULL, 0);
}

/* Makes room for n more bytes; without it the writer turns bad and the write is dropped. */
static bool reserve(struct ndr_push *out, uint64_t n)
{
	struct smb2_wr *wr = &out->wr;
	uint64_t cap;
	uint8_t *buf;

	if (n <= wr_left(wr))
		return true;
	if (wr->bad || n > out->limit - wr->off) {
		wr_fail(wr);
		return false;
	}
	cap = MIN(MAX(2 * wr->cap, MAX(wr->off + n, 256u)), out->limit);
	buf = realloc(wr->buf, cap);
	if (!buf) {
		wr_fail(wr);
		return false;
	}
	wr->buf = buf;
	wr->cap = cap;
	return true;
}

void ndr_put_align(struct ndr_push *out, unsigned int align)
{
	if (reserve(out, align))
		wr_align(&out->wr, align);
}

void ndr_put_u8(struct ndr_push *out, uint8_t v)
{
	if (reserve(out, 1))
		wr_u8(&out->wr, v);
}

void ndr_put_u16(struct ndr_push *out, uint16_t v)
{
	ndr_put_align(out, 2);
	if (reserve(out, 2))
		wr_le16(&out->wr, v);
}

void ndr_put_u32(struct ndr_push *out, uint32_t v)
{
	ndr_put_align(out, 4);
	if (reserve(out, 4))
		wr_le32(&out->wr, v);
}

void ndr_put_bytes(struct ndr_push *out, const void *p, size_t n)
{
	if (n && reserve(out, n))
		wr_bytes(&out->wr, p, n);
}

bool ndr_put_ptr(struct ndr_push *out, bool present)
{
	ndr_put_u32(out, present ? 0x00020000 + 4 * ++out->referents : 0);
	return present;
}

/* Bytes of UTF-16 that s takes; what is not UTF-8 is sent as an empty string. */
static size_t wide_len(const char *s)
{
	int n = s ? utf8_utf16_len(s, strlen(s)) : 0;

	return n < 0 ? 0 : (size_t)n;
}

static void put_wide(struct ndr_push *out, const char *s, size_t bytes)
{
	if (bytes && reserve(out, bytes))
		(void)utf8_to_utf16(s, strlen(s), wr_space(&out->wr, bytes), bytes);
}

void ndr_put_wstr(struct ndr_push *out, const char *s)
{
	size_t bytes = wide_len(s);

	ndr_put_u32(out, (uint32_t)bytes / 2 + 1);
	ndr_put_u32(out, 0);
	ndr_put_u32(out, (uint32_t)bytes / 2 + 1);
	put_wide(out, s, bytes);
	ndr_put_u16(out, 0);
}

void ndr_put_unicode_head(struct ndr_push *out, const char *s, bool nul)
{
	size_t bytes = MIN(wide_len(s), (size_t)0xFFFC);

	ndr_put_align(out, 4);
	ndr_put_u16(out, (uint16_t)bytes);
	ndr_put_u16(out, (uint16_t)(bytes + (nul ? 2 : 0)));
	ndr_put_ptr(out, s != NULL);
}

void ndr_put_unicode_body(struct ndr_push *out, const char *s, bool nul)
{
	size_t bytes = wide_len(s);

	if (!s)
		return;
	if (bytes > 0xFFFC) {
		wr_fail(&out->wr);
		return;
	}
	ndr_put_u32(out, (uint32_t)bytes / 2 + (nul ? 1 : 0));
	ndr_put_u32(out, 0);
	ndr_put_u32(out, (uint32_t)bytes / 2);
	put_wide(out, s, bytes);
}

/* ---- tables ---- */

static uint32_t field_u32(const struct ndr_field *f, const void *row)
{
	uint32_t v;

	memcpy(&v, (const char *)row + f->offset, sizeof(v));
	return v;
}

static const char *field_str(const struct ndr_field *f, const void *row)
{
	const char *s;

	memcpy(&s, (const char *)row + f->offset, sizeof(s));
	return s ? s : "";
}

static struct ndr_blob field_blob(const struct ndr_field *f, const void *row)
{
	struct ndr_blob b;

	memcpy(&b, (const char *)row + f->offset, sizeof(b));
	return b;
}

const struct ndr_level *ndr_level_find(const struct ndr_level *levels, size_t n, uint32_t level)
{
	for (size_t i = 0; i < n; i++)
		if (levels[i].level == level)
			return &levels[i];
	return NULL;
}

size_t ndr_row_size(const struct ndr_level *level, const void *row)
{
	size_t size = 0;

	for (const struct ndr_field *f = level->fields; f->type; f++) {
		size += 4;
		if (f->type == NDR_WSTR)
			size += 12 + wide_len(field_str(f, row)) + 2 + 2;
		else if (f->type == NDR_BLOB)
			size += 4 + 4 + field_blob(f, row).len + 3;
	}
	return size;
}

static void put_fixed(struct ndr_push *out, const struct ndr_field *f, const void *row)
{
	struct ndr_blob b;

	for (; f->type; f++) {
		switch (f->type) {
		case NDR_U32:
			ndr_put_u32(out, field_u32(f, row));
			break;
		case NDR_WSTR:
			ndr_put_ptr(out, true);
			break;
		case NDR_BLOB:
			b = field_blob(f, row);
			ndr_put_u32(out, b.data ? (uint32_t)b.len : 0);
			ndr_put_ptr(out, b.data != NULL);
			break;
		default:
			ndr_put_ptr(out, false);
		}
	}
}

static void put_deferred(struct ndr_push *out, const struct ndr_field *f, const void *row)
{
	struct ndr_blob b;

	for (; f->type; f++) {
		if (f->type == NDR_WSTR) {
			ndr_put_wstr(out, field_str(f, row));
		} else if (f->type == NDR_BLOB) {
			b = field_blob(f, row);
			if (!b.data)
				continue;
			ndr_put_u32(out, (uint32_t)b.len);
			ndr_put_bytes(out, b.data, b.len);
		}
	}
}

void ndr_put_row(struct ndr_push *out, const struct ndr_level *level, const void *row)
{
	ndr_put_ptr(out, true);
	put_fixed(out, level->fields, row);
	put_deferred(out, level->fields, row);
}

void ndr_put_rows(struct ndr_push *out, const struct ndr_level *level, const void *rows,
		  size_t stride, uint32_t count)
{
	ndr_put_u32(out, count);
	if (!ndr_put_ptr(out, count > 0))
		return;
	ndr_put_u32(out, count);
	for (uint32_t i = 0; i < count; i++)
		put_fixed(out, level->fields, (const char *)rows + i * stride);
	for (uint32_t i = 0; i < count; i++)
		put_deferred(out, level->fields, (const char *)rows + i * stride);
}
