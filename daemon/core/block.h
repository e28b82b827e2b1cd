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

/* Main thread, before connections come, and when all have ended. 0 or -errno: nothing ends. */
int block_start(void);
void block_stop(void);
/* Readable when a block ends: then the main thread calls block_expire(). -1: no timer. */
int block_fd(void);
void block_expire(void);

/* How a block is written: "192.0.2.1", "192.0.2.0/24", "2001:db8::/64". -EINVAL. */
int block_parse(const char *text, struct kh_block_key *k);
#define BLOCK_TEXT_MAX 50
const char *block_text(const struct kh_block_key *k, char buf[BLOCK_TEXT_MAX]);
/* The whole address; false: neither IPv4 nor IPv6. */
bool block_key_of(const struct sockaddr_storage *ss, struct kh_block_key *k);
/* An IPv6 address becomes its first bits. */
void block_key_shorten(struct kh_block_key *k, unsigned int ip6_bits);

/*
 * seconds 0: for good. An entry that is there gets the new end, but failed logins do not change
 * what is blocked by hand. -ENOSPC.
 */
int block_add(const struct kh_block_key *k, enum kh_block_why why, uint64_t seconds);
int block_del(const struct kh_block_key *k); /* -ENOENT */

/*
 * Is this peer refused? Counts it if so. local: the address that it reached, or NULL: who comes
 * from this machine never is.
 */
bool block_refuses(const struct sockaddr_storage *peer, const struct sockaddr_storage *local);
bool block_is_exempt(const struct sockaddr_storage *peer, const struct sockaddr_storage *local);
bool block_is_loopback(const struct kh_block_key *k);
/* Is it loopback, or an address of this machine? Asks the kernel. */
bool block_is_here(const struct kh_block_key *k);
/* The guard has just been loaded: it gets everything. */
void block_resend(void);

struct block_view {
	struct kh_block_key key;
	struct kh_block b; /* dropped: by the guard, until now */
	uint64_t refused;  /* connections, by the daemon */
};

/* Calls fn for each under a lock: it must not block, nor change the list. */
void block_each(void (*fn)(void *arg, const struct block_view *v), void *arg);

/* ---- block_auth.c: failed logins ---- */

/* One more from peer; true: it is blocked now. local as above. Not on a reactor. */
bool block_login_failed(const struct conf *f, const struct sockaddr_storage *peer,
			const struct sockaddr_storage *local);
/* How often somebody was blocked so. */
uint64_t block_auth_count(void);
void block_auth_stop(void);

/* ---- ctl_block.c: the control verb "block" {action: list|add|del, address, seconds} ---- */

char *block_verb(void *arg, struct json_object *request, struct json_object *reply);

#endif /* KH_BLOCK_H */
