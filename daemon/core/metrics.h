/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics.h - the maps in Prometheus' text format (0.0.4), for `ksmbd-hybrid metrics` and for the
 * server's own HTTP listener. Labels are bounded: commands, planes, reactors, reasons; never a
 * file, a user or an address. Names are in the manual (METRICS of ksmbd-hybrid(8)) and stay.
 */
#ifndef KH_METRICS_H
#define KH_METRICS_H

#include <poll.h>
#include <sys/socket.h>

#include "core/view.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* ---- metrics.c ---- */

/*
 * All of it. Facts of TCP are asked of the kernel, in this network namespace. Caller frees; NULL:
 * no memory. Any thread.
 */
char *metrics_text(const struct view *v);

/* ---- metrics_http.c: GET /metrics. One thread, the daemon's main thread. ---- */

#define METRICS_CLIENTS_MAX 16

struct metrics_http;

/*
 * Listens where `metrics listen` says (conf_parse_metrics_listen()). The text is made of v, which
 * stays. NULL and a sentence in *why (caller frees) when it cannot.
 */
struct metrics_http *metrics_http_open(const char *where, const struct view *v, char **why);
/*
 * Moves *m (NULL: it is nowhere) to where (NULL: nowhere); does nothing if it is there. NULL, or
 * why it is nowhere now (caller frees).
 */
char *metrics_http_move(struct metrics_http **m, const char *where, const struct view *v);
/* Readable when metrics_http_run() has something to do, which never blocks. -1 for NULL. */
int metrics_http_fd(const struct metrics_http *m);
void metrics_http_run(struct metrics_http *m);
void metrics_http_close(struct metrics_http *m);

#endif /* KH_METRICS_H */
