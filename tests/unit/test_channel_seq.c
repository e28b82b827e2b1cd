// SPDX-License-Identifier: GPL-2.0-or-later
/* Channel sequences, MS-SMB2 3.3.5.2.10: what smbtorture does not reach. */
#include "state/channel_seq.h"
#include "tap.h"

struct server server;

struct conf *server_conf(void)
{
	return NULL;
}

int main(void)
{
	struct open o = { 0 };
	uint8_t a, b, c;

	ok(channel_seq_begin(&o, 0, false, &a), "first request");
	ok(!channel_seq_moved(&o), "no channel was lost");
	ok(channel_seq_begin(&o, 1, false, &b), "of a new channel");
	ok(channel_seq_moved(&o), "one was lost");
	ok(!channel_seq_begin(&o, 0, false, &c), "of the lost channel");
	ok(!channel_seq_begin(&o, 1, true, &c), "a replay overtakes nothing");
	channel_seq_end(&o, a);
	ok(channel_seq_begin(&o, 1, true, &c), "a replay, when the old one is over");
	channel_seq_end(&o, b);
	channel_seq_end(&o, c);
	ok(channel_seq_begin(&o, 1, true, &c), "and another");

	/* The sequence goes round; the request of long ago still counts as an old one. */
	ok(channel_seq_begin(&o, 0x7000, false, &a) && channel_seq_begin(&o, 0xE000, false, &b),
	   "moves on");
	channel_seq_end(&o, a);
	channel_seq_end(&o, b);
	ok(!channel_seq_begin(&o, 1, true, &b), "round, with an old request under way");
	channel_seq_end(&o, c);
	ok(channel_seq_begin(&o, 1, true, &b), "and when that is over");
	channel_seq_end(&o, b);
	for (unsigned int i = 0; i < 3; i++)
		channel_seq_end(&o, b);
	ok(channel_seq_begin(&o, 1, true, &b), "counts end at zero");
	return done_testing();
}
