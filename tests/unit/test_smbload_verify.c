// SPDX-License-Identifier: GPL-2.0-or-later
/* smbload --verify: right data is right, any other is not; no block is read and written at once. */
#include "../smbload/smbload.h"

#include "tap.h"

struct options opt = { .size = 4096, .file_size = 16 * 4096 + 100 };

static void test_data(void)
{
	struct session s = { .index = 3 }, other = { .index = 4 };
	uint8_t whole[20000], part[20000];
	bool same = true, seen = true;

	verify_fill(&s, 5, 1000, whole, sizeof(whole));
	ok(verify_right(&s, 5, 1000, whole, sizeof(whole)), "what was written is right");
	for (size_t at = 0; at < 9000; at += 997) {
		verify_fill(&s, 5, 1000 + at, part, 9000);
		same &= !memcmp(part, whole + at, 9000);
		same &= verify_right(&s, 5, 1000 + at, whole + at, at % 50);
	}
	ok(same, "parts at any place are parts of the whole");
	ok(!verify_right(&s, 4, 1000, whole, sizeof(whole)), "an old version is seen");
	ok(!verify_right(&other, 5, 1000, whole, sizeof(whole)), "another session's is seen");
	ok(!verify_right(&s, 5, 1000 + 4096, whole, sizeof(whole)), "another place's is seen");
	for (size_t at = 0; at < sizeof(whole); at += 1999) {
		whole[at] ^= 1;
		seen &= !verify_right(&s, 5, 1000, whole, sizeof(whole));
		whole[at] ^= 1;
	}
	ok(seen, "one wrong bit is seen");
}

static void test_blocks(void)
{
	struct session s = { 0 };
	struct op r1 = { 0 }, r2 = { 0 }, w = { 0 }, r3 = { 0 };
	uint64_t block = 7;
	bool free_one = true;

	verify_start(&s);
	verify_read(&s, &r1, 7);
	verify_read(&s, &r2, 7);
	ok(verify_free(&s, &block, false) && block == 7, "a block is read twice at a time");
	ok(verify_free(&s, &block, true) && block == 8, "what is read is not written");
	block = 15;
	verify_write(&s, &w, 15);
	ok(verify_free(&s, &block, false) && block == 0,
	   "what is written is not read; it goes round");
	verify_over(&s, &w, true);
	verify_over(&s, &r1, false);
	verify_over(&s, &r2, false);
	block = 7;
	ok(verify_free(&s, &block, true) && block == 7, "free again");
	verify_read(&s, &r3, 15);
	is_int(r3.version, 1, "a block that was written has the next version");
	verify_over(&s, &r3, false);
	verify_write(&s, &w, 15);
	verify_over(&s, &w, false);
	verify_read(&s, &r3, 15);
	is_int(r3.version, 1, "a WRITE that failed changes none");
	for (unsigned int i = 0; i < 15; i++)
		verify_write(&s, &w, i);
	block = 2;
	free_one = verify_free(&s, &block, true);
	ok(!free_one, "none is free");
	free(s.blocks);
}

int main(void)
{
	test_data();
	test_blocks();
	return done_testing();
}
