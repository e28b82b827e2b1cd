/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listen.h - the sockets that clients connect to, and what `status` shows of the server. */
#ifndef KH_LISTEN_H
#define KH_LISTEN_H

#include "core/control.h"
#include "server.h"

/* What people are shown. */
struct listening {
	char **text; /* "127.0.0.1:445", "[::]:445" */
	unsigned int n;
};

/*
 * Gives each of the first n reactors a listener per address and port of f; also when there are some
 * already: those that stay are not touched, so that a reload refuses no connection. New ones are
 * opened before any is closed; of those that go, connections under way are still taken. Then
 * steering is told. NULL, or a sentence (caller frees), and nothing has changed. Main thread.
 */
char *listen_update(const struct conf *f, unsigned int n, struct listening *l);

/* "127.0.0.1:445 [::1]:445"; the caller frees. */
char *listen_text(const struct listening *l);
/* Does one of the listeners take connections to this address? Ports do not count. Main thread. */
bool listen_covers(const struct sockaddr *sa);
/* Calls fn for every listening socket, with the reactor that it belongs to. Main thread. */
void listen_each_socket(void (*fn)(void *arg, unsigned int reactor, int fd), void *arg);
/* All is over: forgets them; they are the reactors'. */
void listen_stop(struct listening *l);

/* core/status.c: the control verb "status". arg: struct listening. */

#endif /* KH_LISTEN_H */
