/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status.h - what a server does, as one JSON object: from its maps, which works while it is busy or
 * stopped, and from itself what only it knows.
 */
#ifndef KH_CTL_STATUS_H
#define KH_CTL_STATUS_H

#include "ctl.h"

/* ---- status_cols.c ---- */

struct status_list {
	const char *name;
	const char *none; /* what is said of an empty one */
	const struct column *cols;
	size_t ncols;
	const struct column *more; /* with -v; NULL: the same */
	size_t nmore;
};

extern const struct status_list status_lists[];
extern const size_t status_nlists;
/* Of the RX queues among `queues`. */
extern const struct column status_rx_cols[];
extern const size_t status_nrx_cols;

/* ---- status_get.c ---- */

/*
 * what: one list ("connections", ...), or NULL for all but locks. The caller puts it. `from` is
 * "maps" or "server"; with "maps", `answers` says whether the server answers, too. NULL after
 * saying why not, with *code.
 */
struct json_object *status_get(struct ctl *ctl, const char *what, int *code);

#endif /* KH_CTL_STATUS_H */
