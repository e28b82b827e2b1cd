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
 * The data goes from the socket through a pipe to the file, without being copied to user memory:
 * the transport waits for bytes and calls stream_ready().
 */
bool stream_splices(const struct conn *c);
size_t stream_left(const struct conn *c);
void stream_ready(struct conn *c);
/* A worker has conn.rx: do not receive. */
bool stream_busy(const struct conn *c);
/* The connection ends. */
void stream_abort(struct conn *c);

#endif /* KH_STREAM_H */
