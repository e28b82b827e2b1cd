/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * smb2_cursor.h - the one way in which bytes from the wire are read, and replies written.
 *
 * Both cursors are sticky: the first access past the end marks the cursor bad, every later read
 * gives 0 (or NULL), every later write is dropped. So a parser reads all its fields in a row and
 * asks once, at the end, whether that was right (rd_ok(), wr_ok(); the compiler insists). Offsets
 * and lengths are 64 bits wide in here, so that the sum of two 32-bit fields of a client cannot
 * wrap. A cursor does not own its memory.
 */
#ifndef KH_SMB2_CURSOR_H
#define KH_SMB2_CURSOR_H

#include <linux/types.h>

#ifdef __KERNEL__
#include <linux/string.h>
#include <linux/stddef.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#endif

#define KH_MUST_CHECK __attribute__((__warn_unused_result__))

/* ---- little- and big-endian loads and stores on memory of any alignment ---- */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define KH_LE(bits, v) ((__u##bits)(v))
#define KH_BE(bits, v) __builtin_bswap##bits(v)
#else
#define KH_LE(bits, v) __builtin_bswap##bits(v)
#define KH_BE(bits, v) ((__u##bits)(v))
#endif

static inline __u16 kh_get_le16(const void *p)
{
	__u16 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return KH_LE(16, v);
}

static inline __u32 kh_get_le32(const void *p)
{
	__u32 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return KH_LE(32, v);
}

static inline __u64 kh_get_le64(const void *p)
{
	__u64 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return KH_LE(64, v);
}

static inline __u16 kh_get_be16(const void *p)
{
	__u16 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return KH_BE(16, v);
}

static inline __u32 kh_get_be32(const void *p)
{
	__u32 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return KH_BE(32, v);
}

static inline void kh_put_le16(void *p, __u16 v)
{
	v = KH_LE(16, v);
	__builtin_memcpy(p, &v, sizeof(v));
}

static inline void kh_put_le32(void *p, __u32 v)
{
	v = KH_LE(32, v);
	__builtin_memcpy(p, &v, sizeof(v));
}

static inline void kh_put_le64(void *p, __u64 v)
{
	v = KH_LE(64, v);
	__builtin_memcpy(p, &v, sizeof(v));
}

static inline void kh_put_be16(void *p, __u16 v)
{
	v = KH_BE(16, v);
	__builtin_memcpy(p, &v, sizeof(v));
}

static inline void kh_put_be32(void *p, __u32 v)
{
	v = KH_BE(32, v);
	__builtin_memcpy(p, &v, sizeof(v));
}

/* ---- reader ---- */

struct smb2_rd {
	const __u8 *buf;
	__u64 len; /* bytes readable at buf */
	__u64 off; /* next byte; never beyond len */
	bool bad;  /* sticky: something beyond len was asked for */
};

static inline struct smb2_rd rd_init(const void *buf, __u64 len)
{
	struct smb2_rd r = { (const __u8 *)buf, len, 0, false };

	return r;
}

/*
 * A reader over the first n of len bytes; false: there are fewer. With a constant n the compiler
 * makes the checks of what is read of them.
 */
static inline KH_MUST_CHECK bool rd_fixed(struct smb2_rd *r, const void *buf, __u64 len, __u64 n)
{
	*r = rd_init(buf, n <= len ? n : 0);
	return n <= len;
}

static inline __u64 rd_left(const struct smb2_rd *r)
{
	return r->bad ? 0 : r->len - r->off;
}

/* Marks the reader bad: for a field whose value, not its place, is wrong. */
static inline void rd_fail(struct smb2_rd *r)
{
	r->bad = true;
	r->off = r->len;
}

static inline KH_MUST_CHECK bool rd_ok(const struct smb2_rd *r)
{
	return !r->bad;
}

/* n bytes at the cursor, borrowed from the buffer; NULL (also for n == 0 on a bad cursor) when they
 * are not there. */
static inline const __u8 *rd_bytes(struct smb2_rd *r, __u64 n)
{
	const __u8 *p;

	if (r->bad || n > r->len - r->off) {
		rd_fail(r);
		return NULL;
	}
	p = r->buf + r->off;
	r->off += n;
	return p;
}

static inline void rd_skip(struct smb2_rd *r, __u64 n)
{
	(void)rd_bytes(r, n);
}

/* Moves to an absolute offset from the start of the buffer; the end itself is allowed. */
static inline void rd_seek(struct smb2_rd *r, __u64 off)
{
	if (r->bad || off > r->len)
		rd_fail(r);
	else
		r->off = off;
}

/* Skips to the next multiple of align (a power of two), counted from the start of the buffer. */
static inline void rd_align(struct smb2_rd *r, __u64 align)
{
	rd_skip(r, (align - (r->off & (align - 1))) & (align - 1));
}

static inline __u8 rd_u8(struct smb2_rd *r)
{
	const __u8 *p = rd_bytes(r, 1);

	return p ? *p : 0;
}

static inline __u16 rd_le16(struct smb2_rd *r)
{
	const __u8 *p = rd_bytes(r, 2);

	return p ? kh_get_le16(p) : 0;
}

static inline __u32 rd_le32(struct smb2_rd *r)
{
	const __u8 *p = rd_bytes(r, 4);

	return p ? kh_get_le32(p) : 0;
}

static inline __u64 rd_le64(struct smb2_rd *r)
{
	const __u8 *p = rd_bytes(r, 8);

	return p ? kh_get_le64(p) : 0;
}

static inline __u16 rd_be16(struct smb2_rd *r)
{
	const __u8 *p = rd_bytes(r, 2);

	return p ? kh_get_be16(p) : 0;
}

static inline __u32 rd_be32(struct smb2_rd *r)
{
	const __u8 *p = rd_bytes(r, 4);

	return p ? kh_get_be32(p) : 0;
}

/* Copies n bytes out; zeroes dst when they are not there. */
static inline void rd_copy(struct smb2_rd *r, void *dst, __u64 n)
{
	const __u8 *p = rd_bytes(r, n);

	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

/*
 * A reader over [off, off + len) of r's buffer, both as the client wrote them. The sub-reader is
 * born bad, and r becomes bad, when the range is not inside the buffer. r's place does not move.
 */
static inline struct smb2_rd rd_sub(struct smb2_rd *r, __u64 off, __u64 len)
{
	struct smb2_rd s = { r->buf, 0, 0, true };

	if (r->bad || off > r->len || len > r->len - off) {
		rd_fail(r);
		return s;
	}
	return rd_init(r->buf + off, len);
}

/* ---- writer ---- */

struct smb2_wr {
	__u8 *buf;
	__u64 cap; /* bytes writable at buf */
	__u64 off; /* next byte; never beyond cap */
	bool bad;  /* sticky: something did not fit */
};

static inline struct smb2_wr wr_init(void *buf, __u64 cap)
{
	struct smb2_wr w = { (__u8 *)buf, cap, 0, false };

	return w;
}

static inline KH_MUST_CHECK bool wr_ok(const struct smb2_wr *w)
{
	return !w->bad;
}

static inline __u64 wr_left(const struct smb2_wr *w)
{
	return w->bad ? 0 : w->cap - w->off;
}

static inline void wr_fail(struct smb2_wr *w)
{
	w->bad = true;
}

/* Room for n bytes, not zeroed; NULL when they do not fit. */
static inline __u8 *wr_space(struct smb2_wr *w, __u64 n)
{
	__u8 *p;

	if (w->bad || n > w->cap - w->off) {
		w->bad = true;
		return NULL;
	}
	p = w->buf + w->off;
	w->off += n;
	return p;
}

static inline void wr_bytes(struct smb2_wr *w, const void *src, __u64 n)
{
	__u8 *p = wr_space(w, n);

	if (p && n)
		memcpy(p, src, n);
}

static inline void wr_zero(struct smb2_wr *w, __u64 n)
{
	__u8 *p = wr_space(w, n);

	if (p)
		memset(p, 0, n);
}

/* Zero padding to the next multiple of align (a power of two), counted from the start of the
 * buffer. */
static inline void wr_align(struct smb2_wr *w, __u64 align)
{
	wr_zero(w, (align - (w->off & (align - 1))) & (align - 1));
}

static inline void wr_u8(struct smb2_wr *w, __u8 v)
{
	wr_bytes(w, &v, 1);
}

static inline void wr_le16(struct smb2_wr *w, __u16 v)
{
	__u8 *p = wr_space(w, 2);

	if (p)
		kh_put_le16(p, v);
}

static inline void wr_le32(struct smb2_wr *w, __u32 v)
{
	__u8 *p = wr_space(w, 4);

	if (p)
		kh_put_le32(p, v);
}

static inline void wr_le64(struct smb2_wr *w, __u64 v)
{
	__u8 *p = wr_space(w, 8);

	if (p)
		kh_put_le64(p, v);
}

/* Overwrites four bytes that were written before (an offset or a length known only later). */
static inline void wr_patch_le32(struct smb2_wr *w, __u64 at, __u32 v)
{
	if (w->bad || at > w->off || w->off - at < 4)
		w->bad = true;
	else
		kh_put_le32(w->buf + at, v);
}

static inline void wr_patch_le16(struct smb2_wr *w, __u64 at, __u16 v)
{
	if (w->bad || at > w->off || w->off - at < 2)
		w->bad = true;
	else
		kh_put_le16(w->buf + at, v);
}

#endif /* KH_SMB2_CURSOR_H */
