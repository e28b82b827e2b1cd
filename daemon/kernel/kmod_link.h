/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmod_link.h - the kernel module as functions. What they mean and which errors they have stands in
 * uapi/ksmbd_hybrid.yaml; here an error is -errno, and kmod_error() has the sentence for it.
 *
 * Any thread: each has a netlink socket of its own, made at its first call and closed when it ends,
 * so nobody waits behind another's barrier. The calls that wait for requests in flight
 * (session_del, session_set of a known session, handle_del, handle_barrier) are for workers.
 * Nothing is logged. Messages with keys are wiped. Descriptors that are given stay the caller's;
 * those that are returned are the caller's, with O_CLOEXEC.
 */
#ifndef KH_KMOD_LINK_H
#define KH_KMOD_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "kh_channel.h"
#include "ksmbd_hybrid.h"
#include "smb2_window.h"

/* A session on a connection. Keys are borrowed for the call; NULL or of length 0: none. */
struct kmod_session {
	uint64_t id;
	uint32_t flags; /* KH_NL_SESSION_* */
	uint16_t signing_alg;
	uint16_t cipher; /* 0: none; else enc and dec are needed */
	const struct smb2_key *signing;
	const struct smb2_key *enc, *dec; /* server to client, client to server */
	uint32_t nonce_prefix;
};

/* A connection to hand over; everything is borrowed for the call. Sizes are bytes. */
struct kmod_conn {
	uint64_t id;
	uint32_t slot; /* in kh_conns */
	int fd;	       /* connected TCP socket */
	uint16_t dialect;
	bool large_mtu;
	uint32_t max_frame, max_read, max_write;
	uint32_t up_limit, out_limit;
	const struct smb2_window *window;
	const void *unhandled;
	uint32_t unhandled_len; /* at most KH_NL_UNHANDLED_MAX */
	const struct kmod_session *sessions;
	unsigned int nsessions; /* at most KH_NL_SESSIONS_MAX */
};

/* Why the calling thread's last call failed, one sentence without a full stop; until its next. */
const char *kmod_error(void);

/*
 * HELLO: the descriptor of the server that this process now is for the module; kmod_close() when
 * all others have ended. Once. Makes the kernel load an installed module. -ENOENT: there is none;
 * -EPERM: no CAP_NET_ADMIN; -EPROTONOSUPPORT: another ABI.
 */
int kmod_open(const char *instance);
void kmod_close(void);
/* The module's version; "" before kmod_open(). */
const char *kmod_version(void);

/* All that follow: -ENOTCONN without kmod_open(). 0, or -errno. */

/* Before the first connection. */
int kmod_bind_maps(int handles_fd, int conns_fd, int op_stats_fd);
/*
 * The channel descriptor. The module reads the socket from then on; on an error everything is as
 * before. Waits for nothing.
 */
int kmod_conn_attach(const struct kmod_conn *c);
int kmod_session_set(uint64_t conn_id, const struct kmod_session *s);
/* Waits. -ENOENT: it is not there, which mostly is no fault: the connection ended. */
int kmod_session_del(uint64_t conn_id, uint64_t session_id);
/* From all connections. */
int kmod_session_del_all(uint64_t session_id);
/* A file, outside of a reply. */
int kmod_handle_add(const struct kh_reply_handle *h);
int kmod_handle_del(uint64_t vol);
/* caps: KH_CAP_* that were just taken away in the map. */
int kmod_handle_barrier(uint64_t vol, uint32_t caps);

#endif /* KH_KMOD_LINK_H */
