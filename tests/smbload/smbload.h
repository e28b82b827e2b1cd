/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smbload.h - load for an SMB2/3 server, and what it makes of it. Prototypes are grouped by file.
 *
 * A worker (thread) has connections of its own, an epoll, a pool of buffers and its own counts;
 * nothing is shared while the clock runs. A connection does one job at a time (log in, prepare, the
 * workload, clean up), of which it has up to `depth` operations in flight; an operation is one or
 * more requests, and is over when none of them awaits an answer.
 *
 * Nothing is allocated per operation. Whoever sends borrows a buffer of its worker and gives it
 * back when the socket has taken all of it, likewise whoever receives: as long as the kernel keeps
 * pace, all connections of a worker use the same two buffers, which stay in the cache.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC.
 */
#ifndef KH_SMBLOAD_H
#define KH_SMBLOAD_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "crypto/crypto.h"
#include "crypto/gcm.h"
#include "hist.h"
#include "smb2_ops.h"
#include "smb2_parse.h"
#include "smb2_status.h"

#define NS_PER_S      1000000000ull
#define CREDIT_UNIT   65536u
#define DEPTH_MAX     1024u
#define SIZE_MAX_IO   (8u << 20)
#define STATUS_LOST   1u /* statuses of our own: the connection ended meanwhile */
#define STATUS_WRONG  2u /* the answer says something else than it should */
#define STATUS_FORGED 3u /* not signed as it has to be */
#define STATUS_DATA   4u /* --verify: other data than was written */

enum { EXIT_ERRORS = 1, EXIT_USAGE = 2, EXIT_CANNOT = 3 };
enum protection { PLAIN, SIGNED, SEALED };

/* ---- options.c ---- */

enum mix { MIX_READ, MIX_WRITE, MIX_OPEN, MIX_KINDS };

struct options {
	const struct workload *workload;
	char *host, *service, *share, *user, *password, *from, *folder, *histogram;
	unsigned int connections, channels, depth, threads, files, entries;
	uint32_t size;
	uint64_t file_size, operations; /* operations: 0, or where to stop */
	uint64_t drop_from;		/* bytes that are worth two system calls */
	double seconds, warm_up, timeout;
	double rate; /* 0, or operations per second */
	uint16_t dialect, cipher, signing;
	bool signing_given, compound, reuse, verify, unchecked, gate, json;
	bool drops; /* --unchecked, of at least drop_from bytes */
	enum protection protection;
	unsigned int mix[MIX_KINDS]; /* per cent */
	/* found out */
	struct sockaddr_storage address;
	socklen_t address_len;
};

extern struct options opt;

/* Ends the process for --help and what cannot be understood. */
void options_parse(int argc, char **argv);
const char *dialect_name(uint16_t dialect);
const char *protection_name(enum protection p);
const char *signing_name(uint16_t alg);
const char *cipher_name(uint16_t cipher);
/* A sentence on stderr, and the end. */
void die(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));

/* ---- counts ---- */

#define STATUSES_MAX 64

struct counts {
	struct hist hist;
	uint64_t operations, all; /* over in time; and those that were over later */
	uint64_t bytes, errors, lost;
	uint64_t unstarted; /* --rate: due, and not begun when the time was up */
	unsigned int depth; /* operations in flight on one connection, at most */
	bool ended_early;   /* there was no more to do */
	uint64_t last;	    /* when the last one was over */
	struct {
		uint32_t status;
		uint64_t count;
	} statuses[STATUSES_MAX];
	unsigned int nstatuses;
};

void counts_status(struct counts *c, uint32_t status, uint64_t n);
void counts_add(struct counts *sum, const struct counts *c);

/* ---- buffers: conn.c ---- */

#define TX_PIECES 256
#define TX_BATCH  (128u << 10) /* sent before more is made */

struct buf {
	struct buf *next; /* in the pool */
	size_t len, cap;
	uint8_t *p;
	/* of one that is sent: what goes, in order; from p or from elsewhere */
	unsigned int first, npieces;
	size_t bytes; /* of all pieces */
	struct iovec pieces[TX_PIECES];
};

/* ---- connections ---- */

#define READ_HEAD (SMB2_HDR_SIZE + 16) /* of an answer: what is before its data */

struct conn;
struct op;

/* One answer: an element, with its header; have of its len bytes are at p. */
struct reply {
	uint32_t status, credits, flags, tree_id;
	uint16_t command;
	uint64_t mid, session_id;
	const uint8_t *p;
	size_t len, have;
};

/*
 * What a connection does, operation by operation. begin() sends the first request(s), or returns
 * false: there is no more to do. answer() sees every final answer, and may send more; an operation
 * that then awaits nothing is over. op->status is the first error by then; answer() may change it.
 */
struct job {
	const char *what; /* "creating the folder" */
	bool (*begin)(struct conn *c, struct op *op);
	void (*answer)(struct conn *c, struct op *op, const struct reply *r);
	bool may_fail; /* nobody minds */
	bool serial;   /* one at a time */
	bool checks;   /* --verify: its errors count as the workload's */
};

struct workload {
	const char *name, *what;
	const struct job *prepare[8], *run,
		*cleanup[6];   /* one after the other; run NULL: setup, idle */
	uint32_t size;	       /* default */
	unsigned int files;    /* default */
	unsigned int requests; /* of one operation at a time (a compound) */
	bool no_warm_up;
	bool idle;
	bool data;   /* of a file of --file-size */
	bool reads;  /* data */
	bool writes; /* data that --verify looks at afterwards */
};

struct op {
	uint64_t start;
	uint64_t mid;	  /* of the first request that awaits its answer */
	uint32_t span;	  /* ids from there on that are this one's */
	uint16_t awaited; /* answers that are still to come */
	uint32_t charged; /* credits that went with it */
	uint8_t kind;	  /* the job's */
	bool busy;
	uint32_t status;	       /* first error */
	uint32_t version;	       /* of the data */
	uint64_t index, offset, bytes; /* the job's */
	struct smb2_fid fid;
};

enum login {
	LOGIN_NOT,
	LOGIN_CONNECTING,
	LOGIN_NEGOTIATE,
	LOGIN_CHALLENGE,
	LOGIN_PROOF,
	LOGIN_TREE,
	LOGIN_DONE
};

struct login_state; /* login.c */

/* What the channels of a session have in common; they belong to one worker. */
struct session {
	unsigned int index;
	uint8_t guid[16];
	uint64_t id;
	uint32_t tree_id;
	struct smb2_keys keys; /* signing: the first channel's */

	/* the workload's */
	struct smb2_fid fid;
	bool standing;		   /* the file or folder was there before */
	uint64_t next, made, gone; /* files, or blocks of one */
	uint8_t *names;		   /* of files that are renamed: which they have */
	struct block *blocks;	   /* verify.c */
};

struct conn {
	struct worker *w;
	struct session *s;
	unsigned int index; /* of all */
	bool first;	    /* of its session */
	int fd;
	bool polls_out;

	/* what is done */
	const struct job *job;
	bool drained; /* the job has no more to begin */
	struct op *ops;
	unsigned int nops, inflight;
	unsigned int hint, free_hint; /* where an answer's operation, a free one, may be */
	uint64_t progress;	      /* last answer, or the job's begin */
	uint64_t began;		      /* setup: when it connected */
	uint32_t why;		      /* what the server said when it refused the login */
	uint64_t todo;		      /* of the job: how far it is */
	uint64_t turn;		      /* --rate: its next operation */
	uint64_t random;

	/* SMB2 */
	enum login login;
	struct login_state *login_state;
	enum protection protection; /* of what is sent now */
	uint16_t dialect, cipher, signing;
	uint32_t max_read, max_write, max_transact, tree_id;
	uint64_t session_id, next_mid;
	int64_t credits, out; /* in hand; and with requests that are on their way */
	struct sign_ctx *sign;
	struct seal_ctx *enc, *dec;
	struct gcm *peek; /* --unchecked: decrypts heads */
	uint64_t nonce;

	struct buf *tx, *rx;
	/* the message that is being made: where it begins in tx, its current element */
	size_t message, element;
	const void *data; /* of a WRITE: follows the message */
	size_t data_len;
	/* a READ answer whose data is passing by */
	size_t passing, passing_len;
	uint8_t passing_head[READ_HEAD];
	int low_water; /* SO_RCVLOWAT */
};

struct worker {
	unsigned int index, nconns;
	struct conn *conns;
	int epoll;
	struct buf *pool;
	uint64_t now;
	unsigned int busy;     /* connections that are not through with their job */
	struct counts *counts; /* NULL: nobody counts */
	bool said;	       /* why a first connection was lost */

	/* of the job that is done */
	bool measured; /* it is the workload: counted, rated, ended by the clock */
	bool cycling;  /* setup: connections come and go */
	bool stopping;
	uint64_t deadline;    /* 0: none */
	uint64_t left;	      /* operations that may still begin */
	uint64_t rate_start;  /* when operation 0 is due */
	uint64_t turns;	      /* operations that were due */
	double rate_interval; /* 0: no rate */
};

/* ---- conn.c: sockets, what comes and goes ---- */

void conn_connect(struct conn *c); /* goes on in conn_event() */
void conn_close(struct conn *c);
void conn_event(struct conn *c, uint32_t events);
/* Where a worker has one connection, that waits for answers by itself: recv() is its poll. */
void conn_blocks(struct conn *c);
/* False: nothing came for a second. */
bool conn_wait(struct conn *c);
/* Sends what is in tx; false: the socket takes no more for now. */
bool conn_flush(struct conn *c);
/* The connection ended, or has to; said by a sentence, or counted while a workload runs. */
void conn_fail(struct conn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct buf *buf_get(struct worker *w);
/* Room for n more bytes behind what is in it. */
void buf_room(struct buf *b, size_t n);
void buf_put(struct worker *w, struct buf **b);
void buf_drain(struct worker *w); /* the pool ends */

/* ---- frame.c: requests made, answers understood ---- */

/*
 * A message: message_begin(), for every request in it request_begin() and a body through w,
 * request_end(); message_end() signs, seals, hands it to tx. Related compounds say so.
 */
void message_begin(struct conn *c);
struct smb2_wr request_begin(struct conn *c, struct op *op, uint16_t command, uint32_t charge);
void request_end(struct conn *c, const struct smb2_wr *w);
/* n bytes that follow the last request; they stay as they are until they are sent. */
void request_data(struct conn *c, const void *p, size_t n);
void message_end(struct conn *c);
uint32_t charge_of(const struct conn *c, uint32_t bytes);
/* A whole frame, its prefix gone. */
void frame_take(struct conn *c, uint8_t *p, size_t len);
/*
 * Of a frame of len bytes, have of them there, which is a READ's answer whose data nobody looks at:
 * the length of the answer, its first READ_HEAD bytes in head. 0: all of it has to be there.
 */
size_t frame_passes(struct conn *c, const uint8_t *p, size_t len, size_t have,
		    uint8_t head[READ_HEAD]);
/* Such an answer, when its data is gone. */
void frame_passed(struct conn *c, const uint8_t head[READ_HEAD], size_t len);

/* ---- login.c ---- */

void login_begin(struct conn *c); /* the socket is connected */
void login_answer(struct conn *c, const struct reply *r);
void login_end(struct conn *c); /* drops its state */

/* ---- engine.c ---- */

void worker_init(struct worker *w, unsigned int index);
void worker_free(struct worker *w);
/* Every connection of the worker logs in. */
void worker_login(struct worker *w);
/* The first channels of all sessions do the job until they are through with it. */
void worker_job(struct worker *w, const struct job *job);
/* The same for a look at what the workload left: errors are counted. */
void worker_check(struct worker *w, const struct job *job, struct counts *counts);
/* Connections that the server ended meanwhile are found, and counted. */
void worker_look(struct worker *w, struct counts *counts);
/* The workload, counted into counts (NULL: not), for so long or so many. */
void worker_run(struct worker *w, struct counts *counts, uint64_t start, uint64_t deadline,
		uint64_t operations);
void engine_answer(struct conn *c, const struct reply *r);
/* What may begin begins; what is made is sent. */
void engine_go(struct conn *c);
void engine_logged_in(struct conn *c);
void engine_lost(struct conn *c);

/* ---- the workloads: work.c, work_data.c, work_names.c, work_list.c, work_small.c ---- */

extern const struct workload workloads[];
extern const struct job job_open, job_fill, job_check, job_close, job_remove_data;
extern const struct job job_read, job_write, job_randread, job_randwrite, job_mix;
extern const struct job job_folder, job_folder_remove, job_files, job_files_remove;
extern const struct job job_create, job_stat, job_unlink, job_rename;
extern const struct job job_list_folder, job_entries, job_list, job_entries_remove, job_list_remove;
extern const struct job job_lock, job_echo;

const struct workload *workload_find(const char *name);

#define ACCESS_DELETE 0x00010000u
#define PATH_LEN      300

struct create {
	uint32_t access, disposition, options;
	const char *path; /* below the share */
};

/* Requests of more than one workload; part of a message. */
void put_create(struct conn *c, struct op *op, const struct create *q);
void put_close(struct conn *c, struct op *op, struct smb2_fid fid);
/* The head of a WRITE; its data comes by request_data(), or is written behind it. */
struct smb2_wr put_write(struct conn *c, struct op *op, struct smb2_fid fid, uint64_t offset,
			 uint32_t n);
/* A message of one. */
void send_create(struct conn *c, struct op *op, const struct create *q);
void send_close(struct conn *c, struct op *op, struct smb2_fid fid);
/* CREATE and CLOSE in one message. */
void send_touch(struct conn *c, struct op *op, const struct create *q);
/* What a CREATE's answer says goes to op->fid and the pointers that are not NULL; false: nothing.
 */
bool created(struct op *op, const struct reply *r, uint32_t *action, uint64_t *size);
extern const struct smb2_fid fid_related; /* of the CREATE before it in the compound */
void answer_nothing(struct conn *c, struct op *op, const struct reply *r);
uint64_t dice(struct conn *c);
void path_of(const struct conn *c, char path[PATH_LEN], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- verify.c: which data a file has to have ---- */

/* The session's table: every block is of version 0, as job_fill writes it. */
void verify_start(struct session *s);
/* The first block from this one on that may be written (or read) now; false: none. */
bool verify_free(const struct session *s, uint64_t *block, bool to_write);
void verify_read(struct session *s, struct op *op, uint64_t block);
void verify_write(struct session *s, struct op *op, uint64_t block);
/* The operation is over; of a WRITE: whether it was done. */
void verify_over(struct session *s, const struct op *op, bool written);
/* n bytes (any number) that belong at the offset in that version. */
void verify_fill(const struct session *s, uint32_t version, uint64_t offset, void *p, size_t n);
bool verify_right(const struct session *s, uint32_t version, uint64_t offset, const void *p,
		  size_t n);

/* ---- report.c ---- */

struct result {
	struct counts counts;
	double seconds, cpu_seconds;
};

void report(const struct result *r, const struct conn *any);
void report_histogram(const struct hist *h, const char *path);

#endif /* KH_SMBLOAD_H */
