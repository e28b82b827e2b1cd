/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach.h - connections that the kernel module serves: when they are handed over, what goes along,
 * and what replies of theirs carry.
 */
#ifndef KH_ATTACH_H
#define KH_ATTACH_H

#include "kh_channel.h"
#include "server.h"

/* Files that go to the module with a reply (uapi/kh_channel.h). Owned by the outbuf. */
struct out_handles {
	struct kh_reply reply; /* what the module reads begins here ... */
	struct kh_reply_handle rec[KH_REPLY_HANDLES_MAX]; /* ... and is n records long */
	unsigned int n;
	struct open *opens[KH_REPLY_HANDLES_MAX]; /* for handle_sent(): open until then */
};

static inline size_t handles_size(const struct out_handles *h)
{
	return sizeof(h->reply) + h->n * sizeof(h->rec[0]);
}

void out_handles_free(struct out_handles *h); /* NULL is fine */

/*
 * Any thread: READ or WRITE of the current element succeeded and its reply is in rq->out. The
 * second one on a file makes the connection a candidate; once it is attached, the file is offered
 * along with the reply.
 */
void kernel_data_done(struct request *rq);

/*
 * Reactor, when nothing is being received: hands the connection over if it is a candidate and can
 * go. True: the TCP transport is not to receive; either the connection is attached, or what is
 * being sent is waited for.
 */
bool kernel_attach(struct conn *c);
/* Reactor, once a second: a candidate whose client takes no answers is received from again. */
void kernel_attach_tick(struct conn *c, uint64_t now);
/* Worker, nothing of the connection is under way: gives the channel up. */
void kernel_detach(struct conn *c);

/*
 * Reactor: a session was set up on an attached connection; the module is to have its keys before
 * the client hears of it. False: the connection cannot go on.
 */
bool kernel_channel_add(struct channel *ch);
/* Its last reference goes. */
void kernel_channel_gone(struct channel *ch);

/* What `status` says of its path: NULL, it is the kernel's; else why it is not. Reactor. */
const char *kernel_path_reason(const struct conn *c);

/* channel.c: KH_CHANNEL_PEEK. 0 or -errno. */
int channel_peek(int fd, uint32_t *size);

#endif /* KH_ATTACH_H */
