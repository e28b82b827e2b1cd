/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmod_msg.h - requests to the module as bytes: a sticky writer over libmnl, and the larger
 * attributes. No I/O. For kmod_link.c and its test.
 */
#ifndef KH_KMOD_MSG_H
#define KH_KMOD_MSG_H

#include <libmnl/libmnl.h>

#include "kernel/kmod_link.h"

/* Most that a request may take: the window, unhandled bytes, sessions. */
#define KMOD_MSG_MAX   (64u << 10)
#define KMOD_MSG_SMALL 1024u /* all but CONN_ATTACH */

struct kmod_msg {
	struct nlmsghdr *nlh; /* in the caller's buffer, aligned to 4 */
	size_t cap;
	bool bad; /* it did not fit; what was put afterwards is left out */
};

/* A request that wants an acknowledgement. family: the id of the generic netlink family. */
void kmod_msg_begin(struct kmod_msg *m, void *buf, size_t cap, uint16_t family, uint8_t cmd);
void kmod_msg_u16(struct kmod_msg *m, uint16_t type, uint16_t v);
void kmod_msg_u32(struct kmod_msg *m, uint16_t type, uint32_t v);
void kmod_msg_u64(struct kmod_msg *m, uint16_t type, uint64_t v); /* `uint` of the spec */
void kmod_msg_bytes(struct kmod_msg *m, uint16_t type, const void *p, size_t n);
void kmod_msg_str(struct kmod_msg *m, uint16_t type, const char *s);
void kmod_msg_session(struct kmod_msg *m, const struct kmod_session *s);
void kmod_msg_conn(struct kmod_msg *m, const struct kmod_conn *c); /* and its sessions */
void kmod_msg_handle(struct kmod_msg *m, const struct kh_reply_handle *h);

#endif /* KH_KMOD_MSG_H */
