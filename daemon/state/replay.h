/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay.h - CREATEs by their CreateGuid, so that one whose answer was lost can be sent again
 * (MS-SMB2 3.3.5.9.10).
 *
 * A record belongs to the request that runs the CREATE, and then to the open that came of it, until
 * the client uses the open: whoever has seen the answer does not replay (Open.IsReplayEligible).
 */
#ifndef KH_REPLAY_H
#define KH_REPLAY_H

#include "state/lease.h"
#include "state/state.h"

/*
 * A CREATE with this CreateGuid runs. SUCCESS and *found NULL: it is the first one; its record is
 * rq->create, and again so when rq runs again after a wait. SUCCESS and *found: the open that an
 * earlier one made, reference. FILE_NOT_AVAILABLE: an earlier one still runs. DUPLICATE_OBJECTID:
 * there is an open, but the request is no replay.
 */
ntstatus replay_begin(struct request *rq, const uint8_t client[16], const uint8_t guid[16],
		      struct open **found);
/* It succeeded with o, which is published. */
void replay_done(struct request *rq, struct open *o);
/* The end of the element, whatever came of it. Nothing after replay_done(). */
void replay_release(struct replay *r);

/*
 * rq, which waits for the break of blocker, is cancelled because its connection is lost, but its
 * session goes on: as long as the break does, replays over other channels are told to come later.
 */
void replay_orphan(struct request *rq, struct lease *blocker);
/* Reactor 0, once a second: forgets orphans whose breaks are over. True: some are left. */
bool replay_tick(void);

/* The client uses o, or o is gone. */
void replay_forget_slow(struct open *o);
static inline void replay_forget(struct open *o)
{
	if (unlikely(atomic_load_explicit(&o->replay, memory_order_relaxed) != NULL))
		replay_forget_slow(o);
}

#endif /* KH_REPLAY_H */
