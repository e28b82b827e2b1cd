/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block.h - the block list: addresses and networks that are refused, by hand or after failed
 * logins. The daemon keeps it and enforces it when a connection arrives and when it logs in; the
 * XDP guard, if there is one, has a copy. It lives as long as the process, through reloads.
 *
 * Any thread, unless it says otherwise.
 */
#ifndef KH_BLOCK_H
#define KH_BLOCK_H

#include <json-c/json.h>

#include "config/config.h"
#include "kh_maps.h"

#define BLOCKS_MAX 65536u /* entries */

/* ---- block.c ---- */

/* Main thread, before connections come, and when all have ended. */
int block_start(void);
void block_stop(void);
/* Readable when a block ends: then the main thread calls block_expire(). -1: no timer. */
int block_fd(void);
void block_expire(void);

/* How a block is written: "192.0.2.1", "192.0.2.0/24", "2001:db8::/64". -EINVAL. */
int block_parse(const char *text, struct kh_block_key *k);
#define BLOCK_TEXT_MAX 50
const char *block_text(const struct kh_block_key *k, char buf[BLOCK_TEXT_MAX]);

/* seconds 0: for good. An entry that is there gets the new end. -ENOSPC, -EEXIST (not shortened) */
int block_add(const struct kh_block_key *k, enum kh_block_why why, uint64_t seconds);
int block_del(const struct kh_block_key *k); /* -ENOENT */

/* Is this peer refused? Counts it if so. local: the address that it reached, or NULL. */
bool block_refuses(const struct sockaddr_storage *peer, const struct sockaddr_storage *local);
/* Is it loopback, or an address of this machine? May take a while. */
bool block_is_here(const struct sockaddr_storage *ss);
/* What the guard does not know yet: it has just been attached. */
void block_resend(void);

/* ---- block_auth.c: failed logins ---- */

/* One more from peer; true: it is blocked now. local as above. */
bool block_login_failed(const struct conf *f, const struct sockaddr_storage *peer,
			const struct sockaddr_storage *local);

/* ---- ctl_block.c: the control verb "block" {action: list|add|del, address, seconds} ---- */

char *block_verb(void *arg, struct json_object *request, struct json_object *reply);

#endif /* KH_BLOCK_H */
