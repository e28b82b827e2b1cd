/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accept.h - a reactor's listeners (core/accept.c). All on the reactor. */
#ifndef KH_ACCEPT_H
#define KH_ACCEPT_H

#include "core/ring.h"

struct listener;

/* What the multishot accept says: a socket or -errno. */
void listener_accepted(struct listener *l, int res, uint32_t flags);
/* Once a second; true: again. */
bool listeners_tick(struct reactor *r, uint64_t now);
/* One of its connections logged in, or is gone: there may be room for another. */
void conn_not_preauth(struct conn *c);
/* The reactor ends: nothing is accepted any more; and, when it has ended, the memory. */
void listeners_stop(struct reactor *r);
void listeners_free(struct reactor *r);

#endif /* KH_ACCEPT_H */
