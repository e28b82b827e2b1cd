/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * debug.h - debug lines about connections and requests: "conn=ID session=ID ..." in front
 * (core/log.h has the rest). fmt is a literal; names are written as name=\"...\".
 */
#ifndef KH_DEBUG_H
#define KH_DEBUG_H

#include "server.h"
#include "state/state.h"

#define debug_conn(component, c, fmt, ...) \
	log_debug(component, "conn=%llu " fmt, (unsigned long long)(c)->st.id, ##__VA_ARGS__)

/* Of a request; its session may not be one yet. */
#define debug_request(component, rq, fmt, ...)                                                    \
	log_debug(component, "conn=%llu session=%016llx " fmt,                                    \
		  (unsigned long long)(rq)->conn->st.id,                                          \
		  (unsigned long long)((rq)->session ? (rq)->session->id : (rq)->hdr.session_id), \
		  ##__VA_ARGS__)

/* Of an open file whose path is not needed, or not to be locked here. */
#define debug_open(component, o, fmt, ...)                                   \
	log_debug(component, "session=%016llx handle=%llx " fmt,             \
		  (unsigned long long)((o)->session ? (o)->session->id : 0), \
		  (unsigned long long)(o)->vol, ##__VA_ARGS__)

#endif /* KH_DEBUG_H */
