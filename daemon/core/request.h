/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.h - between request.c, admit.c and reply.c; server.h has what others use. */
#ifndef KH_REQUEST_H
#define KH_REQUEST_H

#include "server.h"

/* ---- request.c ---- */

/* The current element was answered: on to the next. */
void request_element_done(struct request *rq);

/* ---- inline.c ---- */

/*
 * Reactor: may the current element, which is for a worker, run here? Then the thread is its user,
 * and end() is called with what the handler gives.
 */
bool request_inline_begin(struct request *rq);
ntstatus request_inline_end(struct request *rq, ntstatus status);

/* ---- admit.c: reactor ---- */

/* Finds the elements of the frame, and says what is to be done with each. False: close. */
bool request_admit(struct request *rq);
/* Decrypts in place. The channel (reference) whose key it was; NULL: close. */
struct channel *request_unseal(struct conn *c, uint8_t *frame, size_t len);

/* ---- reply.c ---- */

/* The current element ends with this status: its header, and a body if it needs another. False: no
 * memory. Any thread. */
bool reply_end(struct request *rq, ntstatus status);
/*
 * Reactor. Credits, chaining, signatures, encryption, out: for the elements that were not answered
 * yet, up to (not with) upto.
 */
void reply_send(struct request *rq, unsigned int upto);
bool reply_interim(struct request *rq); /* false: no memory */

#endif /* KH_REQUEST_H */
