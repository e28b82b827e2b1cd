/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rig_peer.h - a connection whose both ends are looked at in turns, so that neither waits for the
 * other: requests go in as the socket takes them, what goes up is refused. The channel must not
 * block. Of one thread.
 */
#ifndef KH_RIG_PEER_H
#define KH_RIG_PEER_H

#include "rig.h"

struct peer {
	struct rig_conn c;
	bool used, dead;   /* dead: the module or we ended it */
	int left;	   /* inputs until it is replaced */
	uint64_t echo;	   /* the ECHO that is waited for */
	bool done;	   /* it was answered, or its answer refused */
	uint8_t part[256]; /* an answer that is small: what of it is here */
	size_t have, skip; /* of one that is not: what is left of it */
};

/* Waits for one of the ends; takes the answers, serves what is up. */
void peer_pump(struct peer *p, int timeout_ms);
void peer_serve_up(struct peer *p);
/* Sends without waiting for ever: who does not read its answers is stopped by the module. */
void peer_put(struct peer *p, const uint8_t *from, size_t n);
/* Milliseconds that peer_until() takes. */
extern int peer_patience;
/* Until *done (NULL: never) or the connection is over. False: neither in time. */
bool peer_until(struct peer *p, const bool *done);
/* What the module says of a connection that it does not serve any more; ends the program. */
_Noreturn void peer_stuck(const struct peer *p, const char *what);

#endif /* KH_RIG_PEER_H */
