/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * smb2_window.h - message ids and credits of one connection (MS-SMB2 3.3.1.1, 3.3.1.2, 3.3.5.2.3).
 *
 * A plain value without pointers: it goes along when a connection changes its owner. The window is
 * [low, low + range); a set bit is an id that was used. Ids below low are all used. The window only
 * slides over used ids, so an id that the client skips holds it; then the server stops granting
 * before the bitmap would overflow, and the client runs dry instead of the server.
 */
#ifndef KH_SMB2_WINDOW_H
#define KH_SMB2_WINDOW_H

#include "smb2_cursor.h"

#define SMB2_CREDITS_MAX 8192u			 /* most a connection may hold */
#define SMB2_WINDOW_BITS (2u * SMB2_CREDITS_MAX) /* a power of two */

struct smb2_window {
	__u64 low;
	__u32 range;   /* ids from low on that were granted, used ones among them included */
	__u32 granted; /* credits the client holds now */
	__u32 max;     /* of granted; at most SMB2_CREDITS_MAX */
	__u32 held;    /* ids that are set in used */
	/* Last: an owner may do without it until smb2_window_needs_bits(). */
	__u64 used[SMB2_WINDOW_BITS / 64];
};

/* A new connection may use id 0 (3.3.5.1). Without bits. */
static inline void smb2_window_init_short(struct smb2_window *w, __u32 max)
{
	memset(w, 0, offsetof(struct smb2_window, used));
	w->range = 1;
	w->granted = 1;
	w->max = max < 1 ? 1 : max > SMB2_CREDITS_MAX ? SMB2_CREDITS_MAX : max;
}

static inline void smb2_window_init(struct smb2_window *w, __u32 max)
{
	smb2_window_init_short(w, max);
	memset(w->used, 0, sizeof(w->used));
}

/* Ids that come in order, as those of nearly all clients do, leave no bit behind. */
static inline bool smb2_window_needs_bits(const struct smb2_window *w, __u64 id)
{
	return w->held || id != w->low;
}

static inline bool smb2_window_bit(const struct smb2_window *w, __u64 id)
{
	__u32 i = (__u32)(id & (SMB2_WINDOW_BITS - 1));

	return w->used[i / 64] >> (i % 64) & 1;
}

static inline void smb2_window_flip(struct smb2_window *w, __u64 id)
{
	__u32 i = (__u32)(id & (SMB2_WINDOW_BITS - 1));

	w->used[i / 64] ^= 1ull << (i % 64);
}

/*
 * Uses charge (at least 1) ids from id on. False when one of them is outside the window or was used
 * before, or when the client does not hold as many credits: the connection is to be closed.
 */
static inline KH_MUST_CHECK bool smb2_window_use(struct smb2_window *w, __u64 id, __u32 charge)
{
	__u32 i;

	if (charge > w->granted || id < w->low || id - w->low >= w->range ||
	    charge > w->range - (id - w->low))
		return false;
	if (!smb2_window_needs_bits(w, id)) {
		w->low += charge;
		w->range -= charge;
		w->granted -= charge;
		return true;
	}
	for (i = 0; i < charge; i++)
		if (smb2_window_bit(w, id + i))
			return false;
	for (i = 0; i < charge; i++)
		smb2_window_flip(w, id + i);
	w->granted -= charge;
	w->held += charge;
	while (w->range && smb2_window_bit(w, w->low)) {
		smb2_window_flip(w, w->low);
		w->low++;
		w->range--;
		w->held--;
	}
	return true;
}

/* What held is; for one that came from elsewhere. */
static inline __u32 smb2_window_count(const struct smb2_window *w)
{
	__u32 i, n = 0;

	for (i = 0; i < SMB2_WINDOW_BITS / 64; i++) {
		__u64 bits;

		for (bits = w->used[i]; bits; bits &= bits - 1)
			n++;
	}
	return n;
}

/*
 * Credits to put into a reply: what was charged comes back, and what was asked for on top, within
 * the maximum and the bitmap. Never leaves the client without a credit.
 */
static inline __u16 smb2_window_grant(struct smb2_window *w, __u32 charge, __u32 asked)
{
	__u32 want = asked > charge ? asked : charge;
	__u32 room = w->max - w->granted;

	if (room > SMB2_WINDOW_BITS - w->range)
		room = SMB2_WINDOW_BITS - w->range;
	if (want > room)
		want = room;
	w->range += want;
	w->granted += want;
	return (__u16)want;
}

#endif /* KH_SMB2_WINDOW_H */
