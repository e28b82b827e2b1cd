/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * utf16.h - between UTF-16LE of the wire and UTF-8 of the file system, strict in both directions,
 * and the upper-casing that decides which names are equal (MS-FSA 2.1.4.4: simple, one to one).
 */
#ifndef KH_UTF16_H
#define KH_UTF16_H

#include "util.h"

/*
 * Length bytes of UTF-16LE (any alignment) → NUL-terminated UTF-8 in dst. Returns the number of
 * bytes written without the NUL; -EILSEQ for an odd length, an unpaired surrogate or an embedded
 * NUL; -ENAMETOOLONG when it does not fit cap. len bytes need at most len / 2 * 3 + 1.
 */
int utf16_to_utf8(const void *src, size_t len, char *dst, size_t cap);

/* As above, allocated (caller frees); NULL for bad input. */
char *utf16_dup_utf8(const void *src, size_t len);

/*
 * n bytes of UTF-8 → UTF-16LE. Returns the number of bytes written (no NUL); -EILSEQ for bad
 * UTF-8 (overlong, surrogates, beyond U+10FFFF), -ENAMETOOLONG when it does not fit cap bytes.
 */
int utf8_to_utf16(const char *src, size_t n, void *dst, size_t cap);

/* Bytes of UTF-16LE that n bytes of valid UTF-8 become; -EILSEQ as above. */
int utf8_utf16_len(const char *src, size_t n);

/* Simple upper case of one code point; code points beyond the BMP are their own upper case. */
uint32_t unicode_upper(uint32_t cp);

/* Next code point of NUL-terminated UTF-8, *s moved behind it; 0 at the end, UINT32_MAX for bad
 * UTF-8 (*s moves one byte). */
uint32_t utf8_next(const char **s);

/* Case-insensitive equality, order (by upper-cased code point) and hash of valid UTF-8 names. */
bool utf8_equal_nocase(const char *a, const char *b);
int utf8_cmp_nocase(const char *a, const char *b);
uint64_t utf8_hash_nocase(const char *s, size_t n);

#endif /* KH_UTF16_H */
