/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parity.h - says the same PDUs to two servers and compares the answers field by field. One of the
 * two serves its data path in the kernel module, the other by itself; with a wrong or missing
 * module both are the same program. Prototypes are grouped by file.
 *
 * A sequence is an array of struct step. A step names files and connections by small numbers, never
 * by what a server gave, so that it can be played to both, shortened, and played again. Everything
 * runs on one thread; a step goes to both servers before the answers of either are awaited.
 */
#ifndef KH_PARITY_H
#define KH_PARITY_H

#include "../client/wire.h"

extern struct wire_as parity_as;

#define LINKS 2 /* connections to each server, with a session each */
#define FILES 16
#define SIDES 2

/* Trees of a connection; the shares have the same folder. */
enum tree_index { TREE_SHARE, TREE_READ_ONLY, TREE_IPC, TREE_SEALED, TREES };

/* ---- step.c: from a step to bytes ---- */

enum step_kind {
	STEP_COMMAND,	     /* an element: command and fields below */
	STEP_LOCAL_TRUNCATE, /* the file on disk, behind the servers' backs: to `length` bytes */
	STEP_BYTES,	     /* `raw` as bytes of the stream */
	STEP_MESSAGE,	     /* `raw` as a message behind a right prefix */
	STEP_SEALED_MESSAGE, /* and sealed, if the session can */
	STEP_PAUSE,	     /* `length` milliseconds */
	STEP_PATH, /* the connection must be on the kernel path of side 0, if that is asked for */
	STEP_CUT,  /* a WRITE of which only half is sent; STEP_REST sends what is left */
	STEP_REST,
	STEP_HANG_UP, /* the client closes the connection */
};

/* struct step.flags */
#define F_MORE		0x0001u /* the next step is in the same compound */
#define F_RELATED	0x0002u
#define F_UNSIGNED	0x0004u /* neither signed nor sealed although the session is */
#define F_SPOIL		0x0008u /* a wrong signature, or a broken tag of a sealed message */
#define F_NO_WAIT	0x0010u /* go on without the answer */
#define F_NO_ANSWER	0x0020u /* none will come: an ECHO follows instead */
#define F_OLD_MID	0x0040u /* a message id that was used: the one before */
#define F_FAR_MID	0x0080u /* a message id outside the window */
#define F_CHARGE	0x0100u /* CreditCharge is `charge`, not what is needed */
#define F_FINAL		0x0200u /* wait for the final answer, not the interim one */
#define F_SIGN		0x0400u /* signed although the session is plain */
#define F_OTHER_SESSION 0x0800u /* the session of the other connection */
#define F_MID_OF_LAST	0x1000u /* CANCEL: the id of the last one that was sent without waiting */
#define F_NO_CREDITS	0x2000u /* asks for no credits */
#define F_FID_ONES	0x4000u /* FileId all ones, as related elements have it */
#define F_FID_OLD	0x8000u /* a FileId with another generation */

/* Overwrites `size` bytes at `off` of the element with `value`, before it is signed. */
struct patch {
	uint16_t off;
	uint8_t size;
	uint64_t value;
};

#define PATCHES 3

/* What is expected, beside both answers being the same; 0: nothing. */
#define WANT(status) (1ull << 32 | NT_STATUS_##status)
#define WANT_CLOSED  (2ull << 32)

struct step {
	uint8_t kind, command, link, tree, file;
	uint8_t batch; /* waits, F_NO_WAIT or not, before a step of another batch */
	uint32_t flags;
	uint16_t charge;
	uint64_t offset; /* READ, WRITE, LOCK, SET_INFO EndOfFile */
	uint32_t length;
	uint32_t minimum;  /* READ */
	uint32_t op_flags; /* Flags field of READ, WRITE, CLOSE; of a LOCK element; info class */
	uint32_t access;   /* CREATE */
	uint32_t options;  /* CREATE */
	uint32_t disposition;
	uint32_t seed;	  /* of the data of a WRITE */
	const char *name; /* CREATE; "" is the share itself */
	struct patch patch[PATCHES];
	const uint8_t *raw;
	size_t raw_len;
	uint64_t want;
};

/* One side: a server and what it gave. */
struct side {
	uint16_t port;
	const char *share;   /* folder on disk */
	const char *run_dir; /* of the daemon, for its status */
	struct wire wire[LINKS];
	bool up[LINKS];
	struct smb2_fid fid[FILES];
	uint64_t created[FILES]; /* CREATE of each file: message id * LINKS + connection */
	uint64_t last_mid[LINKS],
		unanswered[LINKS];    /* mids: the last one; one left without answer */
	uint64_t expected[LINKS][64]; /* mids that should be answered before the next comparison */
	unsigned int nexpected[LINKS];
	uint8_t *frame; /* a compound that is being made */
	size_t frame_len, last_element;
	uint8_t *rest; /* of a cut frame */
	size_t rest_len;
};

/* Sends the step to the side; for a compound when its last element is there. */
void step_send(struct side *s, const struct step *st);
void step_print(const struct step *st, unsigned int n);
/* Bytes that a WRITE with this seed has. */
void step_data(uint8_t *p, size_t n, uint32_t seed);

/* ---- compare.c ---- */

/* What is known of ids, so that they compare. */
struct compare {
	struct side *side[SIDES];
	unsigned int link;
	unsigned int differences;
	char *text; /* the table, malloc'ed; NULL while there is no difference */
	size_t text_len;
};

/* a, b: the answers to one request; NULL: none came. */
void compare_answers(struct compare *c, uint64_t mid, const struct answer *a,
		     const struct answer *b);
void compare_note(struct compare *c, const char *field, const char *a, const char *b);

/* ---- play.c: a sequence to both ---- */

struct play {
	struct side side[SIDES];
	struct manner m;
	int timeout_ms;
	bool kernel; /* side 0 has to be on the kernel path */
	bool verbose;
	bool scripted; /* look at step.want */
	unsigned int requests;
};

/*
 * Plays the steps on fresh connections. NULL: no difference; otherwise a text that says what
 * (free it), and *at is the step.
 */
char *play(struct play *p, const struct step *st, size_t n, size_t *at);
/* Shortens st to steps that still differ; *n changes. The text of the last difference. */
char *shrink(struct play *p, struct step *st, size_t *n, char *text, unsigned int seconds);

/* ---- crowd.c ---- */

/*
 * n connections at once to a server; then a quarter each closes, goes in the middle of a frame,
 * resets, and stays silent for so long in the middle of a frame. False: one was not served.
 */
bool crowd(const struct side *to, const struct manner *m, unsigned int n, unsigned int silent_ms);

/* ---- scripts*.c: sequences by hand ---- */

struct script {
	const char *name;
	const struct step *steps; /* ends with a step of kind STEP_END */
	unsigned int when;	  /* WHEN_* */
};

#define STEP_END 255

#define WHEN_PLAIN  0x01u
#define WHEN_SIGNED 0x02u
#define WHEN_SEALED 0x04u
#define WHEN_ANY    0x07u
#define WHEN_LARGE  0x08u /* not in 2.0.2: several credits for one request */
#define WHEN_3	    0x10u /* 3.x */

extern const struct script scripts_read[], scripts_write[], scripts_handle[], scripts_frame[],
	scripts_compound[];

/* ---- random.c ---- */

/* A sequence of about n steps from the seed; malloc'ed. */
struct step *random_steps(uint64_t seed, size_t n, size_t *count, struct manner *m);

#endif /* KH_PARITY_H */
