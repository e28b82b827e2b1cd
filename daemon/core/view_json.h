/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view_json.h - a server's maps in JSON, with the names that the man page lists: the same from the
 * daemon (control verb "status") and from the command, which reads the pins.
 */
#ifndef KH_VIEW_JSON_H
#define KH_VIEW_JSON_H

#include "core/json.h"
#include "core/view.h"
#include "kernel/tcp_stats.h"

/* Each of these makes an array, which the caller owns. */
struct json_object *view_connections(const struct view *v);
struct json_object *view_sessions(const struct view *v);
struct json_object *view_handles(const struct view *v);
struct json_object *view_queues(const struct view *v);	 /* reactors */
struct json_object *view_counters(const struct view *v); /* an object */

/* version, pid, uptime_s, planes, steering, bpf, reactors, listeners, counters */
void view_summary(const struct view *v, struct json_object *o);

/* What TCP knows of all connections, with tcp_table_free(); empty if it cannot be asked. */
struct tcp_table view_tcp(const struct view *v);

/* ---- for the files of this ---- */

/* What is in the maps by an id, to be found by it. */
struct view_index {
	struct view_id {
		uint64_t id;
		uint32_t slot;
	} * ids;
	uint32_t n;
};

void view_index_conns(const struct view *v, struct view_index *x);
void view_index_sessions(const struct view *v, struct view_index *x);
void view_index_free(struct view_index *x);
const struct view_id *view_find(const struct view_index *x, uint64_t id); /* NULL: none */
bool view_find_conn(const struct view *v, const struct view_index *x, uint64_t id,
		    struct kh_conn_slot *out);
bool view_find_session(const struct view *v, const struct view_index *x, uint64_t id,
		       struct kh_session_slot *out);

#define VIEW_ADDR_MAX 46
/* The client's address as text. */
const char *view_addr(const __u32 addr[4], char buf[VIEW_ADDR_MAX]);
const char *view_signing_name(uint16_t dialect, uint16_t alg);
const char *view_cipher_name(uint16_t cipher);
/* Whole seconds since, 0 for never and for the future. */
uint64_t view_seconds_since(uint64_t then_ns);

#endif /* KH_VIEW_JSON_H */
