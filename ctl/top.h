/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top.h - what `top` shows: two looks at the maps make a frame of rates, which is sorted and then
 * printed as a screen, as lines, or as JSON. Nothing in here talks to a terminal or to a server.
 */
#ifndef KH_TOP_H
#define KH_TOP_H

#include <json-c/json.h>
#include <netinet/in.h>
#include <stdio.h>

#include "core/util.h"
#include "kernel/guard_stats.h"
#include "kernel/tcp_stats.h"
#include "view.h"

/* Per second. in: towards the server; bytes of file data, or of the transport where it says so. */
struct top_rate {
	double ops, errors, in, out;
};

struct top_latency {
	double p50, p90, p99; /* microseconds; 0: there was nothing */
};

/* A command of one plane that was ever used. */
struct top_op {
	uint16_t command;
	enum kh_plane plane;
	uint64_t count; /* since the server's start */
	struct top_rate rate;
	struct top_latency latency;
};

#define TOP_ADDR_MAX (INET6_ADDRSTRLEN + 8)

/* A connection; bytes of the transport. rate.errors is not known. */
struct top_client {
	uint64_t id;
	char addr[TOP_ADDR_MAX]; /* "192.0.2.1:50000", "[2001:db8::1]:50000" */
	char user[KH_USER_MAX];	 /* of a session of it; "": none, or its first channel is another */
	bool kernel;		 /* its plane */
	char why[64];		 /* it is not the kernel's */
	struct top_rate rate;
	uint32_t sessions, waiting; /* waiting: requests under way in the daemon */
	struct tcp_facts tcp;	    /* known only if .known */
};

/* A file that was read or written, all its handles together. */
struct top_file {
	char share[40], path[88];
	char client[TOP_ADDR_MAX]; /* of one of the handles */
	uint32_t opens, clients;   /* handles that were used; connections that opened them */
	bool kernel;		   /* a handle of it is with the module */
	struct top_rate rate;	   /* ops: reads + writes */
	double reads, writes;
	uint64_t conn_id;
};

/* rate.in, rate.out: of the transport, while the daemon reads the sockets. */
struct top_reactor {
	uint32_t index, cpu; /* cpu ~0: not bound */
	uint32_t connections;
	struct top_rate rate;
	double accepted, workers; /* per second; workers: requests that one of them ran */
	double busy;		  /* share of the time, 0..1 */
};

/* An RX queue, where the guard (XDP) counts. */
struct top_queue {
	char interface[IF_NAMESIZE];
	uint32_t index;
	double packets, bytes, syns, blocked, limited; /* per second */
};

struct top_frame {
	double seconds;	   /* that the rates are of */
	uint64_t realtime; /* ns, when it was made */
	struct kh_server_slot server;
	uint64_t uptime_s;
	bool alive;
	uint32_t kernel_connections, user_connections, handles;
	struct top_rate total;
	struct top_latency latency;
	struct top_op ops[KH_PLANES * KH_OPS];
	size_t nops;
	struct top_client *clients;
	size_t nclients;
	struct top_file *files;
	size_t nfiles;
	struct top_reactor *reactors;
	size_t nreactors;
	struct top_queue *queues;
	size_t nqueues;
};

void top_frame_free(struct top_frame *f);

/* ---- top_sample.c ---- */

/* What was counted at the last look; zeroed before the first. */
struct top_sampler;
struct top_sampler *top_sampler_new(void);
void top_sampler_free(struct top_sampler *s);

/*
 * Looks at v, whose sizes stay the same between calls, and remembers it. f becomes the difference
 * to the look before (freed first; all zero at the first call, but for what is not a rate).
 */
void top_sample(struct top_sampler *s, const struct view *v, uint64_t at_ns, struct top_frame *f);
/* The queues of the guard; right after top_sample(), which forgets those of the frame. */
void top_sample_queues(struct top_sampler *s, const struct guard_queue *q, size_t n,
		       struct top_frame *f);

/* ---- top_sort.c ---- */

enum top_key { TOP_BY_OPS, TOP_BY_BYTES, TOP_BY_LATENCY, TOP_BY_ERRORS, TOP_BY_NAME, TOP_KEYS };

extern const char *const top_key_names[TOP_KEYS];

/* Busiest first; latency of clients: their round trip. What has no such column goes by ops. */
void top_sort(struct top_frame *f, enum top_key key);

/* ---- top_text.c ---- */

enum top_table { TOP_ALL, TOP_OPS, TOP_CLIENTS, TOP_FILES, TOP_QUEUES, TOP_TABLES };

struct top_look {
	int rows, cols; /* of the screen; rows 0: as many as it takes, for lines */
	bool colour;
	enum top_table table;
	enum top_key key;
	double interval; /* seconds */
	bool paused, help;
	const char *note; /* instead of the line of keys; NULL: none */
};

/*
 * The frame as text. On a screen: as many lines as it has, each ending where its text ends, "\n"
 * between them. The first line is the truth about the planes. Caller frees.
 */
char *top_text(const struct top_frame *f, const struct top_look *look);

/* ---- top_json.c ---- */

struct json_object *top_json(const struct top_frame *f);

/* "READ"; "?" for what is no command. */
const char *top_command_name(uint16_t command);

#endif /* KH_TOP_H */
