/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify_queue.h - changes that wait for a client to ask for them, in the form of the answer
 * (FILE_NOTIFY_INFORMATION, MS-FSCC 2.7.1). One owner at a time: no lock of its own.
 */
#ifndef KH_NOTIFY_QUEUE_H
#define KH_NOTIFY_QUEUE_H

#include "state/notify.h"

/* Of one watch, whatever its client asks for, and of all together. */
#define NOTIFY_QUEUE_MAX (256u << 10)
#define NOTIFY_TOTAL_MAX (64u << 20)

struct notify_queue {
	struct notify_events *ev; /* NULL: nothing */
	size_t cap, last;	  /* of ev->data; where its last record begins */
	uint32_t max;
	bool overflow;
};

void notify_queue_init(struct notify_queue *q, uint32_t max);
void notify_queue_free(struct notify_queue *q);
/*
 * name: UTF-8, as on disk, '/' between components; stream: NULL, or its name. The same as the last
 * one is not repeated. What does not fit makes it overflow.
 */
void notify_queue_add(struct notify_queue *q, uint32_t action, const char *name,
		      const char *stream);
/* What was queued is given up. */
void notify_queue_overflow(struct notify_queue *q);
/* SUCCESS and *ev; NOTIFY_ENUM_DIR after an overflow; PENDING: empty. It is empty afterwards. */
ntstatus notify_queue_take(struct notify_queue *q, struct notify_events **ev);

/* Bytes queued in all watches. */
size_t notify_queued(void);

#endif /* KH_NOTIFY_QUEUE_H */
