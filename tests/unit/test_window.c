// SPDX-License-Identifier: GPL-2.0-or-later
/* uapi/smb2_window.h: message ids in and out of order, against a plain table of what was used. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "smb2_window.h"

#include "tap.h"

#define IDS 200000u

static uint8_t table[IDS];

/* Every id of what was granted once, in an order that strays by up to `stray`; nothing twice. */
static bool walk(struct smb2_window *w, unsigned int stray, unsigned int *left)
{
	uint64_t end = 1, done = 0;

	srand(stray + 1);
	memset(table, 0, sizeof(table));
	*left = 0;
	while (done < IDS / 2) {
		uint64_t id = done + (stray ? (unsigned int)rand() % stray : 0);
		uint32_t charge = 1 + (unsigned int)rand() % 4;
		bool fits = id + charge <= end, ok;

		for (uint32_t i = 0; i < charge && fits; i++)
			fits = !table[id + i];
		ok = smb2_window_use(w, id, charge);
		if (ok != fits)
			return false;
		for (uint32_t i = 0; ok && i < charge; i++)
			table[id + i] = 1;
		while (table[done])
			done++;
		end += smb2_window_grant(w, ok ? charge : 0, 600);
		if (w->low != done || w->held != smb2_window_count(w))
			return false;
	}
	*left = w->held;
	return true;
}

int main(void)
{
	static struct smb2_window w;
	unsigned int left;

	smb2_window_init(&w, SMB2_CREDITS_MAX);
	ok(walk(&w, 0, &left) && left == 0, "in order: no bits");
	smb2_window_init(&w, SMB2_CREDITS_MAX);
	ok(walk(&w, 3, &left), "nearly in order");
	smb2_window_init(&w, SMB2_CREDITS_MAX);
	ok(walk(&w, 300, &left) && left > 0, "far from it");
	smb2_window_init_short(&w, 1);
	ok(!smb2_window_needs_bits(&w, 0) && smb2_window_needs_bits(&w, 1), "who needs bits");
	ok(!smb2_window_use(&w, 1, 1) && !smb2_window_use(&w, 0, 2), "what was not granted");
	ok(smb2_window_use(&w, 0, 1) && !smb2_window_use(&w, 0, 1), "once");
	return done_testing();
}
