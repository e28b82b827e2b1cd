// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * channel_seq.c - see channel_seq.h. All of it is one word, so that the way of every READ and WRITE
 * costs two atomic operations and no lock:
 *
 *   0  Open.ChannelSequence (16)
 *   16 epoch (8): counts its changes; a request that ends knows by it which count it is in
 *   24 Open.OutstandingRequestCount (20)
 *   44 Open.OutstandingPreRequestCount (20)
 *
 * The counts stop at their ends: 20 bits are more than all credits of all channels, and a request
 * that outlives 256 changes of the sequence is in the wrong count at worst.
 */
#include "state/channel_seq.h"

#define COUNT_MAX 0xFFFFFull

struct seq {
	uint16_t sequence;
	uint8_t epoch;
	uint64_t now, before; /* requests under way: of this sequence, of earlier ones */
};

static struct seq unpack(uint64_t w)
{
	return (struct seq) { (uint16_t)w, (uint8_t)(w >> 16), w >> 24 & COUNT_MAX,
			      w >> 44 & COUNT_MAX };
}

static uint64_t pack(const struct seq *s)
{
	return s->sequence | (uint64_t)s->epoch << 16 | MIN(s->now, COUNT_MAX) << 24 |
	       MIN(s->before, COUNT_MAX) << 44;
}

/* What the request makes of s; false: it is refused, though s may have moved on. */
static bool step(struct seq *s, uint16_t sequence, bool replay)
{
	if (sequence != s->sequence) {
		if ((uint16_t)(sequence - s->sequence) > 0x7FFF)
			return false;
		s->before = MIN(s->before + s->now, COUNT_MAX);
		s->now = 0;
		s->sequence = sequence;
		s->epoch++;
	}
	if (replay && s->before)
		return false;
	s->now++;
	return true;
}

bool channel_seq_begin(struct open *o, uint16_t sequence, bool replay, uint8_t *mark)
{
	uint64_t old = atomic_load_explicit(&o->channel_seq, memory_order_relaxed);
	struct seq s;
	bool ok;

	do {
		s = unpack(old);
		ok = step(&s, sequence, replay);
		*mark = s.epoch;
	} while (!atomic_compare_exchange_weak_explicit(
		&o->channel_seq, &old, pack(&s), memory_order_acq_rel, memory_order_relaxed));
	return ok;
}

void channel_seq_end(struct open *o, uint8_t mark)
{
	uint64_t old = atomic_load_explicit(&o->channel_seq, memory_order_relaxed);
	struct seq s;

	do {
		s = unpack(old);
		if (s.epoch == mark && s.now)
			s.now--;
		else if (s.before)
			s.before--;
	} while (!atomic_compare_exchange_weak_explicit(
		&o->channel_seq, &old, pack(&s), memory_order_acq_rel, memory_order_relaxed));
}
