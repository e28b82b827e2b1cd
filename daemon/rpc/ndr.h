/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ndr.h - NDR 2.0 (C706 chapter 14), 32 bit, as a pair of cursors and a table of fields.
 *
 * The reader is sticky (smb2_cursor.h): a stub that is too short, a count that the rest of the
 * stub cannot hold, a string that is not UTF-16 mark it bad and everything read later is 0, NULL
 * or "". The writer grows up to a limit and then drops what comes. Both orders of integers are
 * read; written is always little-endian. Not thread-safe; one of each belongs to one call.
 */
#ifndef KH_RPC_NDR_H
#define KH_RPC_NDR_H

#include "core/util.h"
#include "smb2_cursor.h"

/* ---- memory that lives as long as the call ---- */

struct ndr_mem {
	struct ndr_chunk *chunks;
};

/* Zeroed; NULL when the system has none. Sizes are bounded by the request or by the server. */
void *ndr_alloc(struct ndr_mem *mem, size_t n, size_t size);
char *ndr_strdup(struct ndr_mem *mem, const char *s); /* NULL reads as ""; never NULL */
char *ndr_sprintf(struct ndr_mem *mem, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ndr_mem_free(struct ndr_mem *mem);

/* ---- reading ---- */

struct ndr_pull {
	struct smb2_rd rd; /* the stub; alignment counts from its start */
	bool big_endian;   /* integers and characters, from the PDU's data representation */
	struct ndr_mem *mem;
};

static inline KH_MUST_CHECK bool ndr_ok(const struct ndr_pull *in)
{
	return rd_ok(&in->rd);
}

uint8_t ndr_u8(struct ndr_pull *in);
uint16_t ndr_u16(struct ndr_pull *in);
uint32_t ndr_u32(struct ndr_pull *in);
uint64_t ndr_u64(struct ndr_pull *in);

/* The referent id of a unique or full pointer; true: a pointee follows (where the type says). */
bool ndr_ptr(struct ndr_pull *in);

/* The conformance of an array whose elements take at least elem bytes each. */
uint32_t ndr_count(struct ndr_pull *in, size_t elem);

/* [string] wchar_t *, a ref pointer's or a deferred pointee; UTF-8 of the call's memory, not NULL.
 */
const char *ndr_wstr(struct ndr_pull *in);
const char *
ndr_unique_wstr(struct ndr_pull *in); /* with its pointer in front; NULL pointer: NULL */

/* Conformant-varying wide characters without a terminator: the pointee of RPC_UNICODE_STRING. */
const char *ndr_wchars(struct ndr_pull *in);

/* ---- writing ---- */

struct ndr_push {
	struct smb2_wr wr; /* owns wr.buf */
	uint64_t limit;	   /* bytes it may grow to */
	uint32_t referents;
};

void ndr_push_init(struct ndr_push *out, uint64_t limit);
void ndr_push_free(struct ndr_push *out);

void ndr_put_align(struct ndr_push *out, unsigned int align);
void ndr_put_u8(struct ndr_push *out, uint8_t v);
void ndr_put_u16(struct ndr_push *out, uint16_t v);
void ndr_put_u32(struct ndr_push *out, uint32_t v);
void ndr_put_bytes(struct ndr_push *out, const void *p, size_t n);
bool ndr_put_ptr(struct ndr_push *out, bool present);	/* a referent id or 0; returns present */
void ndr_put_wstr(struct ndr_push *out, const char *s); /* with terminator */

/*
 * RPC_UNICODE_STRING: lengths and pointer now, characters by ndr_put_unicode_body() where the
 * pointees go. nul: the terminator counts in MaximumLength, as in LSA_UNICODE_STRING_LARGE.
 */
void ndr_put_unicode_head(struct ndr_push *out, const char *s, bool nul);
void ndr_put_unicode_body(struct ndr_push *out, const char *s, bool nul);

/* ---- tables: an information level is a list of fields of a row ---- */

enum ndr_field_type {
	NDR_END,
	NDR_U32,  /* uint32_t */
	NDR_WSTR, /* const char *: a unique pointer to a string; NULL is sent as "" */
	NDR_NULL, /* a unique pointer that is always NULL; no offset */
	NDR_BLOB, /* struct ndr_blob: a length and a unique pointer to that many bytes */
};

struct ndr_blob {
	const void *data; /* NULL: length 0, null pointer */
	size_t len;
};

struct ndr_field {
	enum ndr_field_type type;
	size_t offset;
};

struct ndr_level {
	uint32_t level;
	const struct ndr_field *fields; /* ends with NDR_END */
};

const struct ndr_level *ndr_level_find(const struct ndr_level *levels, size_t n, uint32_t level);

/* Bytes that a row takes at most, pointees included. */
size_t ndr_row_size(const struct ndr_level *level, const void *row);

/* A unique pointer to one row, with its pointees behind it. */
void ndr_put_row(struct ndr_push *out, const struct ndr_level *level, const void *row);

/* { count; unique pointer to a conformant array of rows }, then the array, then its pointees. */
void ndr_put_rows(struct ndr_push *out, const struct ndr_level *level, const void *rows,
		  size_t stride, uint32_t count);

#endif /* KH_RPC_NDR_H */
