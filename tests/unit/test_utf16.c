// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/utf16.h"
#include "smb2_cursor.h"
#include "tap.h"

static int to8(const char *src, size_t len, char *dst, size_t cap)
{
	/* A heap copy at an odd address: sanitizers see every byte too far, and alignment. */
	char *raw = xmalloc(len + 1), *p = raw + 1;
	int rc;

	memcpy(p, src, len);
	rc = utf16_to_utf8(p, len, dst, cap);
	free(raw);
	return rc;
}

static void test_to_utf8(void)
{
	char out[64];

	is_int(to8("", 0, out, 1), 0, "empty");
	is_str(out, "", "empty is terminated");
	is_int(to8("a\0b\0", 4, out, sizeof(out)), 2, "ascii");
	is_str(out, "ab", "ascii text");
	is_int(to8("\xE4\0\xAC\x20\x3D\xD8\x00\xDE", 8, out, sizeof(out)), 9, "2, 3 and 4 bytes");
	is_str(out, "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", "a-umlaut, euro, emoji");
	is_int(to8("a\0b", 3, out, sizeof(out)), -EILSEQ, "odd length");
	is_int(to8("\x3D\xD8", 2, out, sizeof(out)), -EILSEQ, "lone high surrogate at the end");
	is_int(to8("\x3D\xD8\x41\0", 4, out, sizeof(out)), -EILSEQ, "lone high surrogate");
	is_int(to8("\x00\xDE", 2, out, sizeof(out)), -EILSEQ, "lone low surrogate");
	is_int(to8("a\0\0\0b\0", 6, out, sizeof(out)), -EILSEQ, "embedded NUL");
	is_int(to8("a\0b\0", 4, out, 2), -ENAMETOOLONG, "no room for the NUL");
	is_int(to8("a\0b\0", 4, out, 3), 2, "just fits");
	is_int(to8("a\0", 2, out, 0), -ENAMETOOLONG, "no room at all");
	is_int(to8("", 0, out, 0), -ENAMETOOLONG, "no room for the NUL of nothing");

	char *s = utf16_dup_utf8("\xAC\x20\xAC\x20", 4);

	is_str(s, "\xE2\x82\xAC\xE2\x82\xAC", "dup at its largest growth");
	free(s);
	ok(!utf16_dup_utf8("\x00\xDE", 2), "dup of bad input");
}

static void test_to_utf16(void)
{
	uint8_t out[16];
	static const char *const bad[] = { "\x80",
					   "\xC0\x80",
					   "\xC1\xBF",
					   "\xE0\x9F\xBF",
					   "\xED\xA0\x80",
					   "\xF0\x8F\xBF\xBF",
					   "\xF4\x90\x80\x80",
					   "\xF5\x80\x80\x80",
					   "\xC3",
					   "\xE2\x82",
					   "\xFF" };
	size_t i;

	is_int(utf8_to_utf16("\xC3\xA4\xF0\x9F\x98\x80", 6, out, 16), 6, "utf16 of BMP and beyond");
	is_mem(out, "\xE4\0\x3D\xD8\x00\xDE", 6, "its bytes");
	is_int(utf8_utf16_len("\xC3\xA4\xF0\x9F\x98\x80", 6), 6, "its length");
	is_int(utf8_to_utf16("abc", 3, out, 5), -ENAMETOOLONG, "does not fit");
	is_int(utf8_to_utf16("\xF0\x9F\x98\x80", 4, out, 3), -ENAMETOOLONG, "pair does not fit");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		is_int(utf8_to_utf16(bad[i], strlen(bad[i]), out, 16), -EILSEQ, "bad UTF-8");
		is_int(utf8_utf16_len(bad[i], strlen(bad[i])), -EILSEQ, "bad UTF-8, length");
	}
}

static void test_round_trip(void)
{
	uint32_t cp, bad = 0;
	uint8_t u[4];
	char s[8];

	for (cp = 1; cp < 0x10000; cp++) {
		u[0] = (uint8_t)cp;
		u[1] = (uint8_t)(cp >> 8);

		int n = utf16_to_utf8(u, 2, s, sizeof(s));
		const char *p = s;

		if (cp >= 0xD800 && cp <= 0xDFFF)
			bad += n != -EILSEQ;
		else
			bad += n <= 0 || utf8_next(&p) != cp || p != s + n ||
			       utf8_to_utf16(s, (size_t)n, u + 2, 2) != 2 || memcmp(u, u + 2, 2);
	}
	is_int(bad, 0, "every unit of the BMP there and back");
}

/* ASCII is taken several at a time: runs of all lengths, with what is none, or no name, in each
 * place. */
static void test_runs(void)
{
	static const uint16_t others[] = { 'x', 0x80, 0xE4, 0x20AC, 0xFF41, 0 };
	unsigned int bad = 0;

	for (size_t n = 1; n <= 21; n++)
		for (size_t at = 0; at < n; at++)
			for (size_t k = 0; k < ARRAY_SIZE(others); k++) {
				char wide[2 * 21], want[3 * 21 + 1], got[3 * 21 + 1];
				uint8_t back[2 * 21];
				size_t len = 0;
				int rc;

				for (size_t i = 0; i < n; i++) {
					uint16_t u = i == at ? others[k] : (uint16_t)('a' + i);

					kh_put_le16(wide + 2 * i, u);
					if (u < 0x80) {
						want[len++] = (char)u;
					} else if (u < 0x800) {
						want[len++] = (char)(0xC0 | u >> 6);
						want[len++] = (char)(0x80 | (u & 0x3F));
					} else {
						want[len++] = (char)(0xE0 | u >> 12);
						want[len++] = (char)(0x80 | (u >> 6 & 0x3F));
						want[len++] = (char)(0x80 | (u & 0x3F));
					}
				}
				want[len] = 0;
				rc = to8(wide, 2 * n, got, len + 1);
				if (!others[k]) {
					bad += rc != -EILSEQ;
					continue;
				}
				bad += rc != (int)len || strcmp(want, got);
				bad += to8(wide, 2 * n, got, len) != -ENAMETOOLONG;
				bad += utf8_to_utf16(want, len, back, 2 * n) != (int)(2 * n) ||
				       memcmp(back, wide, 2 * n);
				bad += utf8_to_utf16(want, len, back, 2 * n - 1) != -ENAMETOOLONG;
				bad += utf8_utf16_len(want, len) != (int)(2 * n);
			}
	is_int(bad, 0, "runs of ASCII with something else in each place");
}

static void test_case(void)
{
	const char *p = "\xFFz";

	is_int(unicode_upper('z'), 'Z', "z");
	is_int(unicode_upper('{'), '{', "not a letter");
	is_int(unicode_upper(0xE4), 0xC4, "a-umlaut");
	is_int(unicode_upper(0xDF), 0xDF, "sharp s has no simple upper case");
	is_int(unicode_upper(0x3C9), 0x3A9, "omega");
	is_int(unicode_upper(0x451), 0x401, "cyrillic io");
	is_int(unicode_upper(0x131), 0x131, "dotless i is not I");
	is_int(unicode_upper(0x17F), 0x17F, "long s is not S");
	is_int(unicode_upper(0x10428), 0x10428, "beyond the BMP");
	is_int(utf8_next(&p), UINT32_MAX, "bad byte");
	is_int(utf8_next(&p), 'z', "and on");
	is_int(utf8_next(&p), 0, "end");
	is_int(utf8_next(&p), 0, "stays at the end");
	ok(utf8_equal_nocase("Gr\xC3\xB6\xC3\x9F"
			     "e",
			     "GR\xC3\x96\xC3\x9F"
			     "E"),
	   "equal");
	ok(!utf8_equal_nocase("a", "ab"), "a prefix is not equal");
	ok(utf8_cmp_nocase("a", "B") < 0 && utf8_cmp_nocase("b", "A") > 0, "order ignores case");
	ok(utf8_hash_nocase("Read Me", 7) == utf8_hash_nocase("rEAD mE", 7), "hash ignores case");
	ok(utf8_hash_nocase("ab", 2) != utf8_hash_nocase("ba", 2), "hash sees order");
	ok(utf8_hash_nocase("\xC3\xA4", 2) == utf8_hash_nocase("\xC3\x84", 2), "hash of umlauts");
}

int main(void)
{
	test_to_utf8();
	test_to_utf16();
	test_round_trip();
	test_runs();
	test_case();
	return done_testing();
}
