/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listen.h - the sockets that clients connect to, and what `status` shows of the server. */
#ifndef KH_LISTEN_H
#define KH_LISTEN_H

#include "core/control.h"
#include "server.h"

struct listening {
	char **text; /* "127.0.0.1:445", "[::]:445" */
	unsigned int n;
};

/* Gives every reactor a listener per address and port. NULL, or a sentence (caller frees). */
char *listen_start(const struct conf *f, struct listening *l);

/* core/status.c: the control verb "status". arg: struct listening. */
char *status_verb(void *arg, struct json_object *request, struct json_object *reply);

#endif /* KH_LISTEN_H */
