// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * status_cols.c - the lists of `status`, and which columns of them a table has. Tables have
 * TABLE_WIDTH cells; what does not fit is in the table of -v, or in JSON only.
 */
#include "status.h"

#define COLS(c) c, ARRAY_SIZE(c)

static const struct column connection_cols[] = {
	{ "ID", "id", COL_NUMBER },
	{ "CLIENT", "client" },
	{ "DIALECT", "dialect" },
	{ "PATH", "path" },
	{ "STATE", "state" },
	{ "SESSIONS", "sessions", COL_NUMBER },
	{ "IN", "bytes_in", COL_BYTES },
	{ "OUT", "bytes_out", COL_BYTES },
	{ "IDLE", "idle_s", COL_SECONDS },
};
static const struct column connection_more[] = {
	{ "ID", "id", COL_NUMBER },
	{ "CLIENT", "client" },
	{ "PORT", "client_port", COL_NUMBER },
	{ "SIGNING", "signing" },
	{ "CIPHER", "cipher" },
	{ "REACTOR", "reactor", COL_NUMBER },
	{ "CREDITS", "credits", COL_NUMBER },
	{ "UNSENT", "unsent", COL_BYTES },
	{ "RTT \xc2\xb5s", "rtt_us", COL_NUMBER },
	{ "RETR", "retransmits", COL_NUMBER },
	{ "CWND", "cwnd", COL_NUMBER },
};
static const struct column session_cols[] = {
	{ "ID", "id" },
	{ "USER", "user" },
	{ "UNIX USER", "unix_user" },
	{ "CLIENT", "client" },
	{ "DIALECT", "dialect" },
	{ "ENCRYPTED", "encrypted", COL_YES },
	{ "SHARES", "trees", COL_NUMBER },
	{ "FILES", "opens", COL_NUMBER },
	{ "SINCE", "age_s", COL_SECONDS },
};
static const struct column session_more[] = {
	{ "ID", "id" },
	{ "USER", "user" },
	{ "CONN", "connection", COL_NUMBER },
	{ "CHANNELS", "channels", COL_NUMBER },
	{ "GUEST", "guest", COL_YES },
	{ "SIGNING", "signing" },
	{ "MUST SIGN", "signing_required", COL_YES },
	{ "CIPHER", "cipher" },
	{ "ENCRYPTED", "encrypted", COL_YES },
};
static const struct column share_cols[] = {
	{ "NAME", "name" },
	{ "FOLDER", "path" },
	{ "SESSIONS", "sessions", COL_NUMBER },
	{ "FILES", "opens", COL_NUMBER },
	{ "READ ONLY", "read_only", COL_YES },
};
static const struct column handle_cols[] = {
	{ "ID", "id" },
	{ "SHARE", "share" },
	{ "NAME", "path" },
	{ "USER", "user" },
	{ "ACCESS", "access" },
	{ "PLANE", "plane" },
	{ "READ", "read_bytes", COL_BYTES },
	{ "WRITTEN", "write_bytes", COL_BYTES },
	{ "IDLE", "idle_s", COL_SECONDS },
};
static const struct column handle_more[] = {
	{ "ID", "id" },
	{ "NAME", "path" },
	{ "KIND", "kind" },
	{ "CLIENT", "client" },
	{ "CONN", "connection", COL_NUMBER },
	{ "SHARING", "share_access" },
	{ "OPLOCK", "oplock" },
	{ "LEASE", "lease" },
	{ "READS", "reads", COL_NUMBER },
	{ "WRITES", "writes", COL_NUMBER },
	{ "OPEN", "age_s", COL_SECONDS },
};
static const struct column lock_cols[] = {
	{ "SHARE", "share" },
	{ "NAME", "path" },
	{ "USER", "user" },
	{ "HANDLE", "handle" },
	{ "START", "start", COL_NUMBER },
	{ "LENGTH", "length", COL_NUMBER },
	{ "KIND", "kind" },
	{ "WAITS", "waiting", COL_YES },
};
static const struct column queue_cols[] = {
	{ "REACTOR", "reactor", COL_NUMBER },
	{ "CPU", "cpu", COL_NUMBER },
	{ "CONNECTIONS", "connections", COL_NUMBER },
	{ "ACCEPTED", "accepted", COL_NUMBER },
	{ "REQUESTS", "requests", COL_NUMBER },
	{ "TO WORKERS", "to_workers", COL_NUMBER },
	{ "WAKEUPS", "wakeups", COL_NUMBER },
	{ "LOOKED", "looked", COL_NUMBER },
	{ "IN", "bytes_in", COL_BYTES },
	{ "OUT", "bytes_out", COL_BYTES },
	{ "CPU ms", "busy_ms", COL_NUMBER },
};
const struct column status_rx_cols[] = {
	{ "INTERFACE", "interface" },
	{ "QUEUE", "queue", COL_NUMBER },
	{ "PACKETS", "packets", COL_NUMBER },
	{ "BYTES", "bytes", COL_BYTES },
	{ "SYNS", "syns", COL_NUMBER },
	{ "BLOCKED", "blocked", COL_NUMBER },
	{ "LIMITED", "limited", COL_NUMBER },
	{ "REDIRECTED", "redirected", COL_NUMBER },
	{ "MALFORMED", "malformed", COL_NUMBER },
};

const size_t status_nrx_cols = ARRAY_SIZE(status_rx_cols);

const struct status_list status_lists[] = {
	{ "connections", "No client is connected.", COLS(connection_cols), COLS(connection_more) },
	{ "sessions", "Nobody is logged in.", COLS(session_cols), COLS(session_more) },
	{ "shares", "Nothing is shared.", COLS(share_cols) },
	{ "handles", "No file is open.", COLS(handle_cols), COLS(handle_more) },
	{ "locks", "No bytes are locked.", COLS(lock_cols) },
	{ "queues", "There are no reactors.", COLS(queue_cols) },
};

const size_t status_nlists = ARRAY_SIZE(status_lists);
