/* SPDX-License-Identifier: GPL-2.0-only */
/* server.h - what only main.c and netlink.c need of servers; the rest is in kmod.h. */
#ifndef KH_SERVER_H
#define KH_SERVER_H

#include <linux/types.h>

struct file;
struct kh_server;
struct net;

/* The server whose descriptor this is, valid while the file is held; NULL: it is something else. */
struct kh_server *kh_server_of(struct file *file);
/* The first server of the namespace whose id is at least id, with a reference; NULL: none. */
struct kh_server *kh_server_next(const struct net *net, u32 id);

void kh_servers_init(void);
/* After the last descriptor is gone. Complains about objects that are left. */
void kh_servers_exit(void);

#endif /* KH_SERVER_H */
