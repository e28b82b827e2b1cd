/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.h - the control socket: how the command talks to the running server.
 *
 * A Unix stream socket, mode 0600, in the run folder. A client writes one JSON object on one line,
 * {"verb": "status", ...}, and gets one line back: {"ok": true, ...} or {"ok": false, "error": "a
 * sentence"}. Requests are at most CONTROL_REQUEST_MAX bytes; a client may send one after another.
 *
 * Threads: everything here is used by one thread, the daemon's main thread, whose poll loop
 * watches control_fd() (an epoll instance, readable when there is something to do) and then calls
 * control_run(), which never blocks. Clients that hang, talk too much or die cost a slot at most.
 */
#ifndef KH_CONTROL_H
#define KH_CONTROL_H

#include <json-c/json.h>

#include "core/util.h"

#define CONTROL_SOCKET	    "control.sock"
#define CONTROL_REQUEST_MAX (64 * 1024)
#define CONTROL_CLIENTS_MAX 64

struct control;

/*
 * Answers one request. Adds its members to reply ("ok" is added by the caller) and returns NULL,
 * or returns a malloc'ed sentence that says why not. Must not block for long.
 */
typedef char *(*control_fn)(void *arg, struct json_object *request, struct json_object *reply);

/*
 * Listens on run_dir/control.sock; a socket that a dead server left is replaced (the caller holds
 * the lock of the run folder, so nobody lives there). NULL and *err (-errno) when it cannot.
 */
struct control *control_open(const char *run_dir, int *err);
void control_register(struct control *c, const char *verb, control_fn fn, void *arg);
/*
 * Inside a control_fn: fd, which becomes the control's, goes to the client with the reply, and
 * gone() is called when the client hangs up. One per client: another one ends the first.
 */
void control_pass(struct control *c, int fd, void (*gone)(void *arg), void *arg);
int control_fd(const struct control *c);
void control_run(struct control *c);
/* Also removes the socket. Replies that were not read yet are tried once. */
void control_close(struct control *c);

/* ---- the other side ---- */

/*
 * Sends request to the server in run_dir and waits at most timeout_ms for the reply (owned by the
 * caller: json_object_put()). -errno: -ENOENT or -ECONNREFUSED nobody is there, -ETIMEDOUT,
 * -EPROTO no JSON. A reply with "ok": false is a success here.
 */
int control_call(const char *run_dir, struct json_object *request, int timeout_ms,
		 struct json_object **reply);

/*
 * The same for a verb that passes a file: *passed is it, or -1, and *sock the connection, whose end
 * is the end of the service; both the caller's to close.
 */
int control_call_fd(const char *run_dir, struct json_object *request, int timeout_ms,
		    struct json_object **reply, int *sock, int *passed);

#endif /* KH_CONTROL_H */
