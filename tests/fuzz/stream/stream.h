/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream.h - what fuzz_stream.c is made of: a server in this process, a client that gets past
 * signatures and encryption, and the form of its inputs. Prototypes are grouped by file.
 *
 * Everything but the server's own threads runs on libFuzzer's thread. What must not happen (a
 * request without an answer, an answer that is no SMB2, something left of a connection that is
 * gone) ends the process with a sentence.
 */
#ifndef KH_FUZZ_STREAM_H
#define KH_FUZZ_STREAM_H

#include "server.h"

/* ---- server.c: workers and a reactor on a folder of its own ---- */

#define STREAM_USER	"alice"
#define STREAM_PASSWORD "s3cret"

/* Once. Ends the process if this machine cannot run it. */
void stream_server_start(void);
/* A connected, non-blocking socket. */
int stream_server_connect(bool netbios);
/* Waits until nothing is left of the connections that were; then makes the folder as it was. */
void stream_server_settle(void);
/* The same, and what is open now may stay open: to be called after a login or two. */
void stream_server_settled(void);
_Noreturn void stream_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- client.c ---- */

#define STREAM_WAIT_MS 8000 /* for what must come; libFuzzer's own limit stands above it */
#define STREAM_FIDS    32
#define STREAM_TREES   8

enum stream_protection { STREAM_PLAIN, STREAM_SIGNED, STREAM_SEALED };

/* A request that has no answer yet; those of one frame may be answered by one STATUS_PENDING. */
struct stream_pending {
	uint64_t mid;
	unsigned int frame;
};

struct stream {
	int fd;
	bool closed; /* by the server */
	bool torn;   /* bytes went that may be the beginning of a frame: nothing need be answered */
	bool guest;
	uint16_t dialect, cipher, signing_alg;
	enum stream_protection protection;

	uint64_t session_id;
	struct smb2_keys keys;
	struct sign_ctx *sign;
	struct seal_ctx *enc, *dec;
	uint64_t nonce;
	struct preauth_hash preauth;

	uint64_t next_mid, last_mid, last_async;
	uint32_t credits;
	uint32_t trees[STREAM_TREES];
	unsigned int ntrees;
	struct smb2_fid fids[STREAM_FIDS];
	unsigned int nfids;
	struct stream_pending pending[256];
	unsigned int npending, nframes;

	uint8_t *rx; /* what came and is not handled */
	size_t rx_len, rx_cap;
	uint8_t last[2048]; /* the last answer, cut; for the login */
	size_t last_len;
};

/* A connection with nothing on it. */
void stream_open(struct stream *s, bool netbios);
/* NEGOTIATE, SESSION_SETUP, the trees (share, IPC$) and opens (f, the root, srvsvc) of inputs. */
void stream_login(struct stream *s);
/* A connection by itself that must be served. */
void stream_probe(void);
void stream_close(struct stream *s);

/* Sends bytes as they are, taking in what comes meanwhile. */
void stream_send(struct stream *s, const void *p, size_t n);
/*
 * Sends a message behind its prefix: sealed if asked and possible. Elements are signed already.
 */
void stream_send_message(struct stream *s, uint8_t *msg, size_t n, bool seal);
/* Fills in the signature of one element if there is a key. */
void stream_sign(struct stream *s, uint8_t *elem, size_t n);
/* Takes in answers until all requests have one. False: the server closed. */
bool stream_drain(struct stream *s);
/* Expects an answer to this id, of the frame that is being made. */
void stream_expect(struct stream *s, uint64_t mid);
/* An ECHO must come back, or the connection be closed. */
void stream_echo(struct stream *s);

/* ---- input.c: what an input says, and its mutations ---- */

/*
 * head[2], then records: a byte of RECORD_*, two of length (little endian), that many bytes.
 *
 * head[0]: HEAD_DIALECT: index of the dialect, or before authentication: nothing is sent but what
 * follows. head[1]: bits 0 and 1 protection (3: guest), 2 and 3 cipher, 4 and 5 signing algorithm,
 * 6: ends without waiting for answers.
 *
 * An element is: command, ELEMENT_* flags, selectors (low half tree, high half file), credit
 * charge, body. The header is made of those; message ids are right unless the flags say otherwise.
 */
#define HEAD_SIZE	2
#define HEAD_DIALECT	0x07 /* 0 to 4: 2.0.2 to 3.1.1 */
#define HEAD_BARE	5    /* no login */
#define HEAD_BARE_NBSS	6
#define HEAD_PROTECTION 0x03
#define HEAD_ABRUPT	0x40

#define RECORD_KIND    0x03
#define RECORD_ELEMENT 0
#define RECORD_FRAME   1    /* bytes of a message; the prefix is right */
#define RECORD_BYTES   2    /* of the stream */
#define RECORD_SEALED  3    /* bytes of a message, sealed */
#define RECORD_MORE    0x04 /* the next element is in the same compound */
#define RECORD_NO_WAIT 0x08
#define RECORD_LARGE   0x10 /* the body goes on with zeros: 64 KiB for each unit of charge */
#define RECORD_CUT     0x20 /* the client goes in the middle of the message */

#define ELEMENT_SIZE	4
#define ELEMENT_RELATED 0x01
#define ELEMENT_SPOIL	0x02 /* wrong signature */
#define ELEMENT_BARE	0x04 /* neither signed nor sealed */
#define ELEMENT_ASYNC	0x08
#define ELEMENT_REPLY	0x10 /* SERVER_TO_REDIR */
#define ELEMENT_DFS	0x20
#define ELEMENT_MID	0x40 /* a message id that was used */
#define ELEMENT_NEXT	0x80 /* a wrong NextCommand */

#define SELECT_FID_LAST	 13 /* of the newest open */
#define SELECT_FID_CHAIN 14 /* all ones */
#define SELECT_FID_BODY	 15 /* as the body has it */
#define SELECT_TREE_NONE 15

void stream_run(const uint8_t *data, size_t size);
size_t stream_mutate(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t stream_cross(const uint8_t *a, size_t an, const uint8_t *b, size_t bn, uint8_t *out,
		    size_t max, unsigned int seed);

#endif /* KH_FUZZ_STREAM_H */
