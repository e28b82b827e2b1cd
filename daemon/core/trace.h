/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.h - a record per answered request, for who looks (`ksmbd-hybrid trace`).
 *
 * A tracer has a memfd of its own: one struct trace_shared, then a ring of records per lane. Lane n
 * is reactor n's, the last one is the workers'. The daemon writes, the tracer has it read-only and
 * follows: nobody waits for a tracer, who finds that records were overwritten when he was too slow.
 *
 * A record of index i stands in slot i % TRACE_RECORDS. Its seq is 2 * i + 1 while it is written
 * and 2 * i + 2 when it is whole; a reader copies it and looks whether seq is still that. A writer
 * that finds a slot being written drops its record (`dropped`): that happens when a worker lost its
 * CPU for a whole round.
 */
#ifndef KH_TRACE_H
#define KH_TRACE_H

#include <linux/types.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_MAGIC	0x3165636172744b48ull
#define TRACE_RECORDS	4096u /* per lane */
#define TRACE_LANES_MAX 256u

#define TRACE_HAS_RANGE 0x01u /* offset and bytes */
#define TRACE_WORKER	0x02u /* a worker answered it */

struct trace_record {
	_Atomic uint64_t seq;
	uint64_t end_ns; /* CLOCK_REALTIME, of the answer */
	uint64_t latency_ns;
	uint64_t conn_id, session_id, message_id;
	uint64_t offset;
	uint32_t bytes; /* read or written; wanted, where it failed */
	uint32_t status;
	uint32_t addr[4]; /* of the client, IPv6 or mapped IPv4, network order */
	uint16_t command;
	uint8_t flags; /* TRACE_* */
	uint8_t plane; /* enum kh_plane */
	uint32_t pad;
	/* NUL-terminated, cut; of a long path the end */
	char user[32], share[32], file[104];
};
_Static_assert(sizeof(struct trace_record) == 256, "records are whole cache lines");

struct trace_lane {
	_Atomic uint64_t head; /* index of the next record */
	_Atomic uint64_t dropped;
	uint64_t pad[6];
};

struct trace_shared {
	uint64_t magic;
	uint32_t lanes, records; /* TRACE_RECORDS */
	uint64_t pad[6];
	struct trace_lane lane[TRACE_LANES_MAX];
	struct trace_record record[]; /* lanes * records */
};

static inline size_t trace_size(uint32_t lanes)
{
	return sizeof(struct trace_shared) +
	       (size_t)lanes * TRACE_RECORDS * sizeof(struct trace_record);
}

/* ---- trace_filter.c: all zero is everything ---- */

struct trace_filter {
	uint32_t commands;   /* 1 << command; 0: all */
	uint8_t addr[16];    /* as in a record */
	unsigned int prefix; /* bits of addr that must match; 0: everybody */
};

/* "192.0.2.1", "2001:db8::/32"; false: it is none. */
bool trace_filter_client(struct trace_filter *f, const char *text);
/* One more command, by its name in MS-SMB2; false: there is none. */
bool trace_filter_command(struct trace_filter *f, const char *name);
bool trace_filter_wants(const struct trace_filter *f, uint16_t command, const uint32_t addr[4]);

/* ---- trace.c: the daemon ---- */

struct request;

extern _Atomic unsigned int trace_readers; /* how many there are */

/* Any thread, at the answer of rq's current element. bytes: of data. */
void trace_request(struct request *rq, uint32_t status, uint64_t bytes);

/*
 * Main thread. The memfd, which is the caller's, and *tracer for trace_stop(). -EBUSY: there are as
 * many as may be; -errno.
 */
int trace_start(const struct trace_filter *f, unsigned int *tracer);
void trace_stop(unsigned int tracer);

#endif /* KH_TRACE_H */
