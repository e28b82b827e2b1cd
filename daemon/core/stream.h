/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream.h - large plain WRITEs on their way to the file; one per connection at a time. Reactor. */
#ifndef KH_STREAM_H
#define KH_STREAM_H

#include "server.h"

/*
 * The first n bytes of a frame of len bytes, which is not whole. True: it is taken care of (or the
 * connection was closed), and the transport goes on filling conn.rx; false: collect it.
 */
bool stream_begin(struct conn *c, const uint8_t *p, size_t n, size_t len);
/* conn.rx is full: to the file with it. */
void stream_piece(struct conn *c);
/*
 * Bytes that the transport is to wait for, without receiving them, and to call stream_ready() then:
 * the data goes from the socket through a pipe to the file, or through a buffer of the reactor's.
 * 0: it fills conn.rx.
 */
size_t stream_waits(const struct conn *c);
void stream_ready(struct conn *c);
/* A worker has conn.rx: do not receive. */
bool stream_busy(const struct conn *c);
/* The connection ends. */
void stream_abort(struct conn *c);

#endif /* KH_STREAM_H */
