/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * channel_seq.h - Open.ChannelSequence and the requests that are under way (MS-SMB2 3.3.5.2.10).
 *
 * A client with several channels counts its channel sequence up when it loses one, and sends what
 * was not answered again over another, marked as a replay. What still comes in by the lost one must
 * not change the file any more, and a replay must not overtake it.
 */
#ifndef KH_CHANNEL_SEQ_H
#define KH_CHANNEL_SEQ_H

#include "state/state.h"

/*
 * A request of a 3.x client on o begins. False: FILE_NOT_AVAILABLE, if it is one that changes the
 * file; others go on, uncounted. *mark is for channel_seq_end(). Any thread, no lock.
 */
bool channel_seq_begin(struct open *o, uint16_t sequence, bool replay, uint8_t *mark);
/* A request for which begin was true is over. */
void channel_seq_end(struct open *o, uint8_t mark);
/* Has the client ever lost a channel? */
static inline bool channel_seq_moved(const struct open *o)
{
	return (atomic_load_explicit(&o->channel_seq, memory_order_relaxed) & 0xFFFF) != 0;
}

#endif /* KH_CHANNEL_SEQ_H */
