// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * utf16.c - UTF-16LE <-> UTF-8, and names that differ in case only.
 *
 * Runs of ASCII take a short path everywhere: most names are nothing else.
 */
#include <limits.h>
#include <locale.h>
#include <pthread.h>
#include <sys/random.h>
#include <wctype.h>

#include "core/utf16.h"
#include "smb2_cursor.h"

#define IS_HIGH_SURROGATE(u) (((u)&0xFC00) == 0xD800)
#define IS_LOW_SURROGATE(u)  (((u)&0xFC00) == 0xDC00)

static size_t utf8_put(uint32_t cp, char *out)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xC0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3F));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xE0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
		out[2] = (char)(0x80 | (cp & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
	out[3] = (char)(0x80 | (cp & 0x3F));
	return 4;
}

/*
 * One code point out of the n bytes at s (n > 0): its length, or 0 for bad UTF-8. Overlong forms,
 * surrogates and values beyond U+10FFFF are bad.
 */
static size_t utf8_get(const unsigned char *s, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;
	uint32_t c = s[0];

	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	if (c >= 0xC2 && c <= 0xDF)
		len = 2;
	else if (c >= 0xE0 && c <= 0xEF)
		len = 3;
	else if (c >= 0xF0 && c <= 0xF4)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	c &= 0x7Fu >> len;
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3F);
	}
	if (c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return 0;
	*cp = c;
	return len;
}

/*
 * The ASCII that the n units at p begin with, four by four, to dst. Stops before a zero. Returns
 * units.
 */
static size_t ascii_from_utf16(const uint8_t *p, size_t n, char *dst)
{
	size_t i = 0;

	for (; n - i >= 4; i += 4) {
		uint64_t v = kh_get_le64(p + 2 * i);

		if (v & 0xFF80FF80FF80FF80u || (v - 0x0001000100010001u) & 0x8000800080008000u)
			break;
		v = (v | v >> 8) & 0x0000FFFF0000FFFFu;
		kh_put_le32(dst + i, (uint32_t)(v | v >> 16));
	}
	return i;
}

/* Likewise the other way; n bytes. */
static size_t ascii_to_utf16(const unsigned char *s, size_t n, uint8_t *out)
{
	size_t i = 0;

	for (; n - i >= 4; i += 4) {
		uint64_t v = kh_get_le32(s + i);

		if (v & 0x80808080u)
			break;
		v = (v | v << 16) & 0x0000FFFF0000FFFFu;
		kh_put_le64(out + 2 * i, (v | v << 8) & 0x00FF00FF00FF00FFu);
	}
	return i;
}

int utf16_to_utf8(const void *src, size_t len, char *dst, size_t cap)
{
	const uint8_t *p = src;
	size_t i = 0, o = 0, k;
	char tmp[4];

	if (len % 2 || len > INT_MAX / 2)
		return -EILSEQ;
	while (i < len) {
		uint32_t u;

		if (cap > o) {
			k = ascii_from_utf16(p + i, MIN((len - i) / 2, cap - o - 1), dst + o);
			i += 2 * k;
			o += k;
		}
		if (i == len)
			break;
		u = kh_get_le16(p + i);
		i += 2;
		if (IS_HIGH_SURROGATE(u)) {
			uint32_t low = i < len ? kh_get_le16(p + i) : 0;

			if (!IS_LOW_SURROGATE(low))
				return -EILSEQ;
			i += 2;
			u = 0x10000 + ((u & 0x3FF) << 10 | (low & 0x3FF));
		} else if (!u || IS_LOW_SURROGATE(u)) {
			return -EILSEQ;
		}
		k = utf8_put(u, tmp);
		if (k >= cap - o || !cap)
			return -ENAMETOOLONG;
		memcpy(dst + o, tmp, k);
		o += k;
	}
	if (!cap)
		return -ENAMETOOLONG;
	dst[o] = '\0';
	return (int)o;
}

char *utf16_dup_utf8(const void *src, size_t len)
{
	_cleanup_free_ char *s = NULL;

	if (len % 2 || len > INT_MAX / 2)
		return NULL;
	s = malloc(len / 2 * 3 + 1);
	if (!s || utf16_to_utf8(src, len, s, len / 2 * 3 + 1) < 0)
		return NULL;
	return steal_ptr(&s);
}

int utf8_to_utf16(const char *src, size_t n, void *dst, size_t cap)
{
	const unsigned char *s = (const unsigned char *)src;
	uint8_t *out = dst;
	size_t i = 0, o = 0, k;
	uint32_t cp;

	if (n > INT_MAX / 2)
		return -ENAMETOOLONG;
	while (i < n) {
		k = ascii_to_utf16(s + i, MIN(n - i, (cap - o) / 2), out + o);
		i += k;
		o += 2 * k;
		if (i == n)
			break;
		k = utf8_get(s + i, n - i, &cp);
		if (!k)
			return -EILSEQ;
		i += k;
		if (cap - o < (cp < 0x10000 ? 2u : 4u))
			return -ENAMETOOLONG;
		if (cp < 0x10000) {
			kh_put_le16(out + o, (uint16_t)cp);
			o += 2;
			continue;
		}
		cp -= 0x10000;
		kh_put_le16(out + o, (uint16_t)(0xD800 | cp >> 10));
		kh_put_le16(out + o + 2, (uint16_t)(0xDC00 | (cp & 0x3FF)));
		o += 4;
	}
	return (int)o;
}

int utf8_utf16_len(const char *src, size_t n)
{
	const unsigned char *s = (const unsigned char *)src;
	size_t i = 0, o = 0, k;
	uint32_t cp;

	if (n > INT_MAX / 2)
		return -EILSEQ;
	while (i < n) {
		for (; n - i >= 8 && !(kh_get_le64(s + i) & 0x8080808080808080u); i += 8)
			o += 16;
		if (i == n)
			break;
		k = utf8_get(s + i, n - i, &cp);
		if (!k)
			return -EILSEQ;
		i += k;
		o += cp < 0x10000 ? 2 : 4;
	}
	return (int)o;
}

/* ---- case ---- */

static uint16_t upper_table[0x10000]; /* written once, by upper_init() */
static uint64_t hash_seed[2];
static pthread_once_t upper_once = PTHREAD_ONCE_INIT;

/*
 * The simple mappings of the C library, less those that Windows' upcase table lacks: nothing
 * outside ASCII may become ASCII (dotless i, long s), or "ſecret" and "SECRET" would be one name
 * to us and two to every client; the micro sign stays itself.
 */
static void upper_init(void)
{
	locale_t loc = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	uint32_t cp, up;

	for (cp = 0; cp < 0x10000; cp++) {
		up = cp;
		if (cp < 0x80)
			up = cp >= 'a' && cp <= 'z' ? cp - 32 : cp;
		else if (loc && cp != 0xB5)
			up = (uint32_t)towupper_l((wint_t)cp, loc);
		if (up > 0xFFFF || (up < 0x80 && cp >= 0x80))
			up = cp;
		upper_table[cp] = (uint16_t)up;
	}
	if (loc)
		freelocale(loc);
	if (getrandom(hash_seed, sizeof(hash_seed), 0) != sizeof(hash_seed))
		hash_seed[0] = now_ns();
	hash_seed[1] |= 1;
}

static const uint16_t *upper(void)
{
	pthread_once(&upper_once, upper_init);
	return upper_table;
}

uint32_t unicode_upper(uint32_t cp)
{
	if (cp < 0x80)
		return cp >= 'a' && cp <= 'z' ? cp - 32 : cp;
	return cp < 0x10000 ? upper()[cp] : cp;
}

uint32_t utf8_next(const char **s)
{
	const unsigned char *p = (const unsigned char *)*s;
	uint32_t cp;
	size_t n = 1, k;

	if (!p[0])
		return 0;
	while (n < 4 && p[n])
		n++;
	k = utf8_get(p, n, &cp);
	*s += k ? k : 1;
	return k ? cp : UINT32_MAX;
}

int utf8_cmp_nocase(const char *a, const char *b)
{
	for (;;) {
		uint32_t ca = unicode_upper(utf8_next(&a)), cb = unicode_upper(utf8_next(&b));

		if (ca != cb)
			return ca < cb ? -1 : 1;
		if (!ca)
			return 0;
	}
}

bool utf8_equal_nocase(const char *a, const char *b)
{
	return !utf8_cmp_nocase(a, b);
}

/*
 * Clients choose the names that are hashed, so the seed is of this process: a folded multiply per
 * code point.
 */
uint64_t utf8_hash_nocase(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	const uint16_t *up = upper();
	uint64_t h = hash_seed[0];
	size_t i = 0, k;
	uint32_t cp;

	while (i < n) {
		k = utf8_get(p + i, n - i, &cp);
		if (!k) {
			cp = 0x110000u + p[i];
			k = 1;
		}
		i += k;
		cp = cp < 0x10000 ? up[cp] : cp;

		unsigned __int128 m = (unsigned __int128)(h ^ cp ^ 0x9E3779B97F4A7C15u) *
				      (hash_seed[1] ^ 0xD6E8FEB86659FD92u);

		h = (uint64_t)m ^ (uint64_t)(m >> 64);
	}
	return h;
}
