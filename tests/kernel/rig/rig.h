/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rig.h - the module without a daemon: a connection on loopback whose one end is attached, with a
 * session and handles, so that a test plays both the client and the daemon. For tests and for the
 * fuzzer. Functions end the program when the rig itself cannot work (rig_die). Threads may use one
 * rig; a connection belongs to one of them.
 */
#ifndef KH_RIG_H
#define KH_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "kh_channel.h"
#include "kh_maps.h"
#include "smb2_frame.h"
#include "smb2_ops.h"
#include "smb2_parse.h"
#include "smb2_status.h"
#include "smb2_window.h"

#define RIG_HANDLES 64u
#define RIG_CONNS   32u
#define RIG_SESSION 0x1122334455ull
#define RIG_TREE    7u
#define RIG_MAX_IO  (8u << 20)

_Noreturn void rig_die(const char *what);

struct rig {
	int server;
	int handles_fd, conns_fd, ops_fd; /* the maps */
	struct kh_handle_slot *handles;
	struct kh_conn_slot *conns;
	struct kh_op_stat *ops;
	uint32_t lanes;
	uint32_t slots;	    /* of conns: taken by a connection */
	uint32_t out_limit; /* of the next connection; 0: 4 MiB */
	int send_bytes;	    /* send buffer of the next attached socket; 0: the kernel's choice */
};

enum rig_security { RIG_PLAIN, RIG_SIGNED, RIG_SEALED };

struct rig_conn {
	struct rig *rig;
	int client, server; /* sockets; the module has the server's */
	int channel;
	uint64_t id;
	uint32_t slot;
	uint64_t message_id; /* of the next request */
	enum rig_security security;
	uint16_t signing_alg, cipher;
	struct smb2_key signing_key, to_server, to_client;
	struct sign_ctx *sign;
	struct seal_ctx *enc, *dec;
	uint64_t nonce;
	/* Changes a message before it is signed or sealed; NULL: nobody does. */
	void (*tamper)(void *arg, uint8_t *msg, size_t *len);
	void *tamper_arg;
};

/* The module's answer to a netlink request: 0 or -errno; *sentence (static) is the extack's. */
extern _Thread_local char rig_sentence[256];

void rig_open(struct rig *r); /* HELLO and MAPS_BIND */
/* Another server of this process: 0, -errno. rig_close() in any case. */
int rig_try_open(struct rig *r);
void rig_close(struct rig *r);
bool rig_objects_are_zero(void);    /* soon: the module counts nothing any more */
void rig_fail(const char *percent); /* of allocations, by failslab and fail_page_alloc */
int rig_dump(uint8_t command);	    /* KH_CMD_*_DUMP: of everything, to the end */
void rig_thread_end(void);	    /* another thread that used it ends */
/* credits: that the client has at the beginning. unhandled: bytes that the daemon had read. */
int rig_attach(struct rig *r, struct rig_conn *c, enum rig_security sec, uint16_t signing_alg,
	       uint16_t cipher, uint32_t credits, const void *unhandled, uint32_t unhandled_len);
void rig_detach(struct rig_conn *c); /* the channel, then the sockets */
uint64_t rig_vol(uint32_t slot);     /* the FileId.Volatile that the rig uses for it */
int rig_handle_add(struct rig *r, uint32_t slot, int fd, uint32_t access, uint32_t flags,
		   uint32_t caps);
int rig_handle_del(struct rig *r, uint32_t slot);
int rig_barrier(struct rig *r, uint32_t slot, uint32_t caps);
int rig_session_del(struct rig *r, uint64_t session_id);
int rig_session_set(struct rig_conn *c); /* again, as it was attached */
/* A handle to go with rig_answer(). */
struct kh_reply_handle rig_handle_record(struct rig *r, uint32_t slot, int fd, uint32_t access,
					 uint32_t flags, uint32_t caps);

/* ---- the client ---- */

/* Writes header and body (from StructureSize on) into out, prefix and security included; bytes. */
size_t rig_build(struct rig_conn *c, uint16_t command, const void *body, size_t len, uint8_t *out);
void rig_send(struct rig_conn *c, const void *p, size_t len); /* raw bytes */
void rig_request(struct rig_conn *c, uint16_t command, const void *body, size_t len);
size_t rig_read_body(uint8_t *out, uint32_t slot, uint64_t off, uint32_t len);
size_t rig_write_body(uint8_t *out, uint32_t slot, uint64_t off, const void *data, uint32_t len);
size_t rig_close_body(uint8_t *out, uint32_t slot, uint16_t flags);
size_t rig_flush_body(uint8_t *out, uint32_t slot);

struct rig_reply {
	struct smb2_hdr hdr;
	const uint8_t *msg; /* header and body; valid until the next call */
	size_t len;
	bool sealed;
	bool good; /* the signature or the seal is right, and is there if it must be */
};

/* False: the connection ended, or nothing came within the time. */
bool rig_reply(struct rig_conn *c, struct rig_reply *r, int timeout_ms);
/* READ's data in it; NULL if it is none. */
const uint8_t *rig_read_data(const struct rig_reply *r, uint32_t *len);

/* ---- the daemon ---- */

/* The next record; message at (up + 1). False: none within the time. */
bool rig_up(struct rig_conn *c, struct kh_upcall **up, int timeout_ms);
/* A record with this message, which has one element or more. Bytes of write(), or -errno. */
long rig_answer(struct rig_conn *c, uint16_t flags, const struct kh_reply_handle *h, unsigned int n,
		const void *msg, size_t len);

/* ---- rig_cover.c: coverage (KCOV); all of it for one thread at a time ---- */

struct rig_cover {
	uint64_t *area; /* NULL: this kernel has none */
};

/* remote: of io_work of connections that this thread attaches; else of this thread's calls. */
bool rig_cover_open(struct rig_cover *v, bool remote);
/* Was anything reached since the last call that never was before? */
bool rig_cover_new(struct rig_cover *v);
unsigned int rig_cover_places(void);
void rig_cover_write(const char *path); /* the places, as offsets in the module's .text */

#endif /* KH_RIG_H */
