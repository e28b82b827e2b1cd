/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire.h - an SMB2 client for test programs: connections that log in, sign, seal, and take in what
 * comes. What is said over them is the program's. A connection belongs to one thread.
 */
#ifndef KH_TEST_WIRE_H
#define KH_TEST_WIRE_H

#include "crypto/crypto.h"
#include "smb2_ops.h"
#include "smb2_parse.h"
#include "smb2_status.h"

#define WIRE_TREES   4
#define WIRE_WAIT_MS 20000 /* for the server to take bytes, or to answer a login */

enum protection { PLAIN, SIGNED, SEALED };

/* How to connect. */
struct manner {
	uint16_t dialect, cipher, signing_alg;
	enum protection protection;
	bool signing_required; /* the client's SESSION_SETUP says so */
};

/* As whom to connect, to what. */
struct wire_as {
	const char *user, *password;
	uint8_t client_guid[16];
	uint32_t capabilities; /* besides large MTU and encryption */
	const char *const *shares;
	unsigned int nshares;
	const struct wire *bind; /* become a further channel of its session (MS-SMB2 3.2.4.2.3) */
	bool quiet;		 /* that it fails is for the caller to say */
};

/* One element of an answer, plain. */
struct answer {
	struct smb2_hdr h;
	uint8_t *p; /* header and body; owned */
	size_t len;
	bool sealed;
	uint8_t position; /* in its frame */
	int8_t signature; /* 1 right, -1 wrong, 0 not signed, 2 no key to tell */
};

struct wire {
	int fd;
	bool closed;	  /* by the server */
	char address[20]; /* our end: a loopback address of its own, by which `status` shows it */
	struct manner m;
	const struct wire_as *as;
	uint64_t session_id;
	struct smb2_keys keys;		 /* signing: this channel's */
	struct smb2_key session_signing; /* the first channel's: who binds proves that he has it */
	struct sign_ctx *sign;
	struct seal_ctx *enc, *dec;
	uint32_t nonce_prefix;
	uint64_t nonce;
	struct preauth_hash preauth;
	uint64_t next_mid;
	uint32_t hoard; /* credits we hold if all that was asked for is granted */
	uint32_t max_read, max_write;
	uint32_t trees[WIRE_TREES]; /* 0: refused */
	uint32_t why;		    /* of a login that fails: what the server said, or 0 */

	uint8_t *rx;
	size_t rx_len, rx_cap;
	struct answer *answers; /* what came since answers_clear() */
	size_t nanswers, answers_cap;
	const char *broken; /* an answer that is no SMB2 message: what is wrong with it */
};

/* ---- login.c ---- */

/* Connects and logs in, connects the trees; as stays the caller's and must live. False, with a
 * sentence on stderr: it cannot. */
bool wire_login(struct wire *c, uint16_t port, const struct manner *m, const struct wire_as *as);

/* ---- wire.c ---- */

void wire_free(struct wire *c);
/* Bytes as they are. */
void wire_send(struct wire *c, const void *p, size_t n);
/* A message behind its prefix. */
void wire_send_message(struct wire *c, uint8_t *msg, size_t n, bool seal);
void wire_sign(struct wire *c, uint8_t *elem, size_t n);
/* Takes in what is there, waiting at most so long for a first byte. */
void wire_take(struct wire *c, int timeout_ms);
void answers_clear(struct wire *c);
/* The final answer to mid, or the interim one (want_final false) if there is no other. */
struct answer *answer_find(struct wire *c, uint64_t mid, bool want_final);

#endif /* KH_TEST_WIRE_H */
