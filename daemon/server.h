/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server.h - the daemon's core: threads, connections, requests. Prototypes are grouped by file.
 *
 * Threads
 *   main     reads the configuration, starts the others, serves the control socket, takes signals.
 *   reactor  one per CPU. Owns an io_uring, a SO_REUSEPORT listener per address, and the
 *            connections that it accepted: their socket, receive state, message-id window, send
 *            queue and the crypto contexts of their channels. A reactor never blocks.
 *   worker   a small pool. Runs whatever may block, with the file system identity of the session's
 *            user (identity_become()).
 *
 * A reactor runs a worker's command itself (core/inline.c) where a hop would cost more than the
 * command. The invariant stays: it waits for no device, for no network, and for no lock that is
 * held across such a wait. So only on shares in memory, on nothing that is mounted below them, and
 * nothing that takes time in proportion to a folder or a file: all that is put off to a worker
 * (vfs/quick.c). It is the session's user then, and stays that user until another command or its
 * own affairs (jobs, ticks, connections) want somebody else: READ and WRITE go by open
 * descriptors, whoever the thread is.
 *
 * Life of a request
 *   A reactor cuts a frame out of the stream, decrypts it, takes the message ids of its elements
 *   out of the window and checks their signatures (request_admit). From there on the request
 *   belongs to one thread at a time: it is run on the reactor until an element wants a worker, then
 *   on a worker to its end, and comes back to its reactor to be credited, signed, encrypted and
 *   queued. Nothing of a request needs a lock.
 *
 * Who owns what
 *   struct conn     its reactor; requests hold references. `lock` guards the channel list only.
 *   struct channel  one session on one connection: keys and contexts. Reference counted; the
 *                   contexts are touched by the reactor only.
 *   session, tree, open: reference counted, see state/state.h for their locks.
 *
 * Lock order: open.dir_lock → open.lock → bucket of ofiles → session.lock → conn.lock; the session
 * table's → session.lock; the table of watches → open.lock; a file's byte-range locks, the list of
 * breaks, and a watch inside any of these. The queues of jobs and work, buffers and pipes are
 * innermost. No lock is held across a call that can block on a client, and none that a reactor
 * takes across one that blocks on a directory.
 */
#ifndef KH_SERVER_H
#define KH_SERVER_H

#include <linux/types.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "auth/users.h"
#include "config/config.h"
#include "core/log.h"
#include "core/util.h"
#include "crypto/crypto.h"
#include "kh_maps.h"
#include "smb2_cursor.h"
#include "smb2_frame.h"
#include "smb2_ops.h"
#include "smb2_parse.h"
#include "smb2_status.h"
#include "smb2_window.h"

struct channel;
struct conn;
struct kh_upcall;
struct open;
struct out_handles;
struct reactor;
struct replay;
struct request;
struct session;
struct transport_ops;
struct tree;

/* ---- counters ---- */

/* Why input was refused: `status --json` shows them by these names. */
enum bad_input {
#define X(name) BAD_##name,
	KH_BAD_INPUT_LIST(X)
#undef X
		BAD_INPUTS
};

/*
 * Commands that were answered: on a reactor, those that came together and are answered together
 * make one of these, so that the clock is read, and the entry of the open touched, once for all.
 */
struct stats_ops {
	uint64_t start_ns;
	uint64_t bytes;		      /* of READ's or WRITE's data */
	struct kh_handle_slot *entry; /* of their open, if they are READs or WRITEs, or NULL */
	uint64_t vol;		      /* and its id */
	uint32_t n, errors;
	uint16_t command;
};

/* Where a thread counts: entries of the maps, or, where it has none there, its own. */
struct stats {
	struct kh_op_stat *ops; /* its lane's, by command: stats_op(); NULL: none */
	struct kh_bad_input *bad;
	struct kh_reactor_slot *reactor;
	bool shared;		  /* with other threads */
	struct stats_ops pending; /* n 0: none; of reactors only */
	struct kh_bad_input own_bad;
	struct kh_reactor_slot own_reactor;
};

/* ---- main.c ---- */

struct server {
	struct users *users;
	struct reactor **reactors;
	unsigned int nreactors;
	char *run_dir, *instance, *conf_path;
	uint8_t guid[16];
	uint64_t start_nttime;
	uint64_t start_ns;
	_Atomic bool stopping;
	/* the kernel module; constant once the reactors run */
	int kmod_fd;	      /* what HELLO gave; -1: none, kmod_why says why */
	const char *kmod_why; /* in a few words, as `status` shows it */
	const char *bpf_why;  /* why there are no maps; NULL: there are */
};

extern struct server server;

/* The current snapshot, with a reference for the caller. */
struct conf *server_conf(void);

/* ---- core/stats.c ---- */

#define STATS_WORKERS UINT32_MAX

/* The entries of reactor n, or those that workers and the main thread share. */
void stats_init(struct stats *s, unsigned int n);
/* The calling thread's own counters: those of its reactor, or the workers' shared ones. */
struct stats *stats_here(void);
void stats_set_thread(struct stats *s);
extern struct stats stats_workers;
/* Other commands than those that are pending. */
void stats_begin(struct stats *t, const struct stats_ops *one);
/* Reactor, before it sends: what was answered is counted when the client knows of it. */
void stats_put_slow(struct stats *t);
static inline void stats_put(struct stats *t)
{
	if (t->pending.n)
		stats_put_slow(t);
}
void stats_bad_add(struct kh_bad_input *bad, enum bad_input why);

void stats_bad_debug(enum bad_input why);
static inline void stats_bad(enum bad_input why)
{
	stats_bad_add(stats_here()->bad, why);
	if (log_debug_on(LOG_CONN))
		stats_bad_debug(why);
}

/* ---- core/buffer.c ---- */

/*
 * Memory for frames and replies. Blocks of up to 8 MiB and a bit are kept for reuse, in size
 * classes of powers of two, by the thread that frees them, up to a bound. Never zeroed. NULL: no
 * memory.
 */
void *buffer_alloc(size_t size, size_t *cap);
void buffer_free(void *p, size_t cap);
/* Frees what is kept. */
void buffer_trim(void);

/* A reply on its way out. SMB2 headers start at OUT_HEADROOM; prefix and transform go before. */
#define OUT_HEADROOM 64

struct outbuf {
	struct list_head node; /* conn.outq */
	uint8_t *buf;
	size_t cap;
	size_t start; /* first byte to send, once finished */
	size_t len;   /* end of what is in buf */
	int pipe[2];  /* file data that follows, in a pipe of pipe_get(); -1 if none */
	size_t pipe_len;
	/* attached connections: until the module took it */
	struct channel *channel;     /* reference: whose key it is signed or sealed with; or NULL */
	struct out_handles *handles; /* files that go along; or NULL */
	uint8_t own[];		     /* buf, if it is small */
};

struct outbuf *outbuf_new(size_t body_max);
bool outbuf_reserve(struct outbuf *o, size_t more); /* false: no memory */
void outbuf_free(struct outbuf *o);
/* How many of a page the calling thread keeps for later; 0 (as at first) frees those that it has.
 */
void outbufs_keep(unsigned int max);
#define OUTBUFS_KEPT 64

/* ---- core/pipe.c ---- */

#define PIPE_BYTES (1 << 20) /* capacity; what an unprivileged process may set */

bool pipe_get(int p[2]); /* false: none to spare */
/* empty: nothing is left inside, so it may serve again. p becomes -1, -1. */
void pipe_put(int p[2], bool empty);

/* ---- core/worker.c ---- */

/* Something to run on a worker; embedded in its object. */
struct work {
	struct list_head node;
	void (*fn)(struct work *w);
};

int workers_start(unsigned int n);
void workers_stop(void);
void worker_post(struct work *w);

/* ---- core/reactor.c ---- */

/* Something to run on a reactor, posted by any thread; embedded in its object. */
struct reactor_job {
	struct list_head node;
	void (*fn)(struct reactor_job *j);
};

/* listeners: bound, listening sockets that become the reactor's. 0 or -errno. */
int reactor_start(unsigned int index, struct reactor **out);
int reactor_listen(struct reactor *r, int fd, bool netbios);
/*
 * Closes a listener, after a delay in which it goes on. Connections that wait there then are
 * accepted first, or left to the kernel, which moves them to another listener (accept_rest: no).
 */
void reactor_unlisten(struct reactor *r, int fd, uint64_t delay_ns, bool accept_rest);
/* Its thread runs on these CPUs from now on. 0 or -errno. */
int reactor_bind(struct reactor *r, const cpu_set_t *set);
/* How long it looks for events before it sleeps (core/wait.c). Any thread. */
void reactor_busy_poll(struct reactor *r, uint32_t us);
void reactor_post(struct reactor *r, struct reactor_job *j);
/* Is a job posted that did not run yet? Its thread. */
bool reactor_has_jobs(struct reactor *r);
/*
 * The end, in this order: stop asks, join waits for the thread. Workers may go on posting: after
 * they have stopped, drain runs what is left (false: nothing was), for all until nothing is left.
 */
void reactor_stop(struct reactor *r);
void reactor_join(struct reactor *r);
bool reactor_drain(struct reactor *r);
void reactor_free(struct reactor *r);
/* Calls fn for each of its connections, on the reactor, and waits for that: fn must be quick. */
void reactor_each_conn(struct reactor *r, void (*fn)(void *arg, struct conn *c), void *arg);

/* ---- core/awake.c ---- */

/*
 * Any thread: there is something for the tick of every second (oplock_tick() and the like), which
 * goes on while they say so. After it was put where they find it.
 */
void ticks_want(void);

/* ---- core/conn.c ---- */

/*
 * What another owner of the connection needs to go on with it: a value but for the window. The
 * bytes that were read but not handled follow it. Keys travel with their sessions.
 */
struct conn_state {
	struct smb2_window *window; /* see conn_window_use(); goes as a value, with its bits */
	uint64_t id;
	uint16_t dialect; /* 0 before NEGOTIATE; SMB2_DIALECT_2FF between the two of SMB1 clients */
	uint16_t cipher;  /* 0: no encryption */
	uint16_t signing_alg;
	uint16_t client_security_mode, server_security_mode;
	uint32_t client_caps, server_caps;
	uint8_t client_guid[16];
	struct preauth_hash preauth; /* 3.1.1, MS-SMB2 3.1.5.2 */
	uint32_t max_trans, max_read, max_write;
	uint16_t client_dialects[64]; /* for VALIDATE_NEGOTIATE_INFO */
	uint16_t nclient_dialects;
	bool netbios; /* NBSS framing: 17-bit lengths, session request first */
	bool supports_large_mtu;
	bool posix;	    /* SMB 3.1.1 POSIX extensions were negotiated */
	bool authenticated; /* one session was set up */
	uint32_t unhandled; /* bytes that follow */
};

struct conn {
	struct conn_state st;
	struct reactor *reactor;
	struct conf *conf; /* the snapshot of accept time */
	_Atomic unsigned int refs;
	int fd;
	const struct transport_ops *transport; /* core/transport.h */
	/*
	 * Of the kernel module, which has the socket then: nobody here reads or writes fd. -1: not
	 * attached. Set by the reactor; -1 again at the end.
	 */
	_Atomic int channel_fd;
	struct kh_conn_slot *entry; /* core/entry.h */
	uint32_t conn_slot;	    /* of it in kh_conns; ENTRY_NONE: not in the map */
	_Atomic bool attach_wanted; /* it moves data: kernel/attach.h */
	bool attach_refused;	    /* not again; path_reason says why */
	uint64_t attach_wait_ns;    /* since when it waits for a send to end; 0: it does not */
	char *path_reason;	    /* owned; NULL: none of its own */
	bool closing;		    /* no new requests; socket shut down */
	bool preauth;		    /* counted as such by its reactor */
	bool window_bits;	    /* st.window is whole */
	bool recv_armed, send_armed, teardown_posted;
	bool in_input; /* bytes are being handled; answers go out together afterwards */
	struct sockaddr_storage peer, local;
	struct list_head node;	   /* reactor's connections */
	struct list_head awake;	   /* those of them that are: core/awake.c */
	struct list_head requests; /* admitted and not yet answered */
	unsigned int nrequests, nasync;
	unsigned int nseen; /* requests that were not counted yet: entry_conn_seen() */
	uint64_t accepted_ns, last_ns;

	/* receiving: a frame under way, in its own buffer; NULL between frames */
	uint8_t prefix[SMB2_PREFIX_SIZE];
	unsigned int prefix_have;
	uint8_t *rx;
	size_t rx_cap, rx_have, rx_need;
	bool rx_ahead;	       /* the first bytes behind it may be received along with it */
	bool bulk;	       /* the frame before was a large one: so may be the next */
	uint16_t head;	       /* bytes in front of the data of the last streamed WRITE, or 0 */
	bool deep;	       /* after the last streamed WRITE the next one was here */
	int want;	       /* bytes that end a wait for input, transport_want(); 0: one */
	struct stream *stream; /* a large WRITE, piece by piece through rx (core/stream.c) */
	struct turn *turn;     /* frames that wait for the next turn (core/turn.c), or NULL */
	size_t turn_bytes;     /* of answers, since the turn began */

	/* sending */
	struct list_head outq;
	size_t out_bytes;	/* queued or being sent */
	size_t inflight;	/* bytes of owned frames and queued replies, against max_inflight */
	struct conn_send *send; /* vectors of the send under way, if they are several */

	struct list_head notifications; /* sent, TCP's acknowledgement is due; reactor */

	pthread_mutex_t lock; /* channels, setups */
	struct list_head channels;
	struct list_head setups; /* SESSION_SETUP exchanges under way (state/session.c) */
	uint64_t next_async_id;
	struct work teardown;
	struct reactor_job job;
};

struct conn *conn_new(struct reactor *r, int fd, bool netbios);
/*
 * Takes ids out of the window. Its bits, two KiB, are there from the first id on that comes out of
 * order.
 */
bool conn_window_use(struct conn *c, uint64_t id, uint32_t charge);
size_t conn_window_size(const struct conn *c);
void conn_get(struct conn *c);
void conn_put(struct conn *c);
/* Reactor only. Stops reading, cancels what waits, frees when the last request is done. */
void conn_close(struct conn *c);
/* Any thread. */
void conn_close_async(struct conn *c);
/* Bytes from the socket, in order, wherever they are; the callee copies what it must keep. */
void conn_input(struct conn *c, uint8_t *p, size_t n);
/* The same for what was counted when it arrived. */
void conn_frames(struct conn *c, uint8_t *p, size_t n);
/* The frame that was received into conn.rx is whole. */
void conn_rx_done(struct conn *c);
void conn_request_done(struct conn *c, struct request *rq);
void conn_queue(struct conn *c, struct outbuf *o);
void conn_dequeue(struct conn *c, struct outbuf *o); /* and frees it */
bool conn_may_recv(const struct conn *c);
size_t conn_frame_max(const struct conn *c); /* bytes of a message */
const char *conn_peer_str(const struct conn *c, char buf[INET6_ADDRSTRLEN]);
const char *sockaddr_str(const struct sockaddr_storage *ss, char buf[INET6_ADDRSTRLEN]);
/* No session has an open or a pending request (deadtime). */
bool conn_is_idle(struct conn *c);
/* Is the connection in the hands of the kernel module? Any thread; it stays so to the end. */
static inline bool conn_attached(const struct conn *c)
{
	return atomic_load_explicit(&c->channel_fd, memory_order_relaxed) >= 0;
}
/* The transport has nothing under way any more, or a request ended: may the connection go? */
void conn_check_gone(struct conn *c);

/* ---- core/request.c ---- */

/* Results of a handler that are not an NTSTATUS (the customer bit is never sent by us). */
#define REQ_WORKER   0x2F000001u /* run me again on a worker */
#define REQ_ASYNC    0x2F000002u /* I wait; request_resume() will come (reactor rows only) */
#define REQ_CLOSE    0x2F000003u /* the connection is to be closed without an answer */
#define REQ_NO_REPLY 0x2F000004u /* done, nothing to send (CANCEL) */

/* One command of a compound. */
struct element {
	uint32_t off, len;	 /* in the frame */
	struct channel *channel; /* reference; NULL: no (known) session */
	ntstatus verdict;	 /* of admission: not SUCCESS is the answer */
	uint16_t command, credits_asked, charge;
	bool signed_;		 /* came signed and verified: so will be the answer */
	bool async;		 /* an interim response with the credits went out */
	size_t out_off, out_len; /* its answer in out->buf; out_len 0: none */
	uint64_t async_id;
	struct open *oplock; /* reference: the answer grants one, oplock_told() when it goes out */
};

#define REQ_INLINE_ELEMENTS 3

struct request {
	struct conn *conn;     /* reference */
	struct list_head node; /* conn.requests */
	struct work work;
	struct reactor_job job;

	uint8_t *frame; /* SMB2 message without prefix and transform */
	size_t frame_len, frame_cap;
	uint8_t *frame_base;	/* what to free; NULL: borrowed until the reactor lets go */
	struct channel *sealed; /* reference; came encrypted with its session's key */

	struct element *elements, inline_elements[REQ_INLINE_ELEMENTS];
	unsigned int n, cur;
	unsigned int answered; /* elements before this one went out already */
	bool started;	       /* the current element passed its checks */
	bool on_worker, was_on_worker;
	bool admitted; /* by the module: its ids are out of the window */
	bool verified; /* by the module: all elements that say that they are signed */
	bool waits;    /* counted in conn.nasync */

	/* the current element */
	struct smb2_hdr hdr;
	const uint8_t *elem; /* whole element: header and body */
	size_t elem_len;
	struct session *session; /* borrowed from the element's channel */
	struct tree *tree;	 /* reference */
	struct open *open;	 /* reference */
	struct replay *create;	 /* state/replay.h: of a CREATE under way */
	bool seq_counted;	 /* channel_seq_end() is due on it */
	bool drain; /* the module may have something in flight on it: wait, on a worker */
	uint8_t seq_mark;
	struct outbuf *out;
	struct smb2_wr w;    /* reply_begin(); offsets count from the element's header */
	bool body_on_error;  /* the handler's body goes out although the status is an error */
	uint32_t error_data; /* four bytes of ErrorData, with has_error_data */
	bool has_error_data;
	struct preauth_hash *preauth; /* to be updated with the reply as it goes out; borrowed */
	void (*sent)(struct request *rq); /* reactor: the reply is final and queued */
	void *priv;			  /* the handler's, between calls */

	/* what related elements inherit (MS-SMB2 3.3.5.2.7.2) */
	uint32_t chain_tree_id;
	struct smb2_fid chain_fid;
	ntstatus chain_fid_status; /* of the element that was to give a FileId */
	bool chain_has_fid;

	/* waiting (REQ_ASYNC) */
	ntstatus (*resume)(struct request *rq);
	void (*cancel)(struct request *rq); /* reactor only; makes resume come, with CANCELLED */
	struct list_head waiters;	    /* for who makes it wait */
	ntstatus resume_status;
	uint64_t start_ns;
	uint64_t inline_ns; /* core/inline.c */
};

/* Reactor. The frame is borrowed unless base is given (then it is freed with the request). */
void request_receive(struct conn *c, uint8_t *frame, size_t len, uint8_t *base, size_t cap);
/* The same for what the kernel module passed up as u says; plain. Takes base also if it fails. */
void request_receive_admitted(struct conn *c, uint8_t *frame, size_t len, uint8_t *base, size_t cap,
			      const struct kh_upcall *u);
/*
 * For a handler that is about to return REQ_ASYNC, on the reactor: sends the interim response. Then
 * it makes the request visible to who will resume it, and returns. False: no memory.
 */
bool request_go_async(struct request *rq);
/* Reactor: it will not wait after all, nobody resumes it. */
void request_unwait(struct request *rq);
/*
 * Reactor, for core/stream.c: a request of which only the head is here. Copies it, admits it and
 * does the checks of its command's row; *status is what they say. NULL: close the connection.
 */
struct request *request_stream_begin(struct conn *c, const uint8_t *head, size_t n,
				     ntstatus *status);
/* The whole frame is here after all, in base: runs the request as if it had just been admitted. */
void request_stream_collected(struct request *rq, uint8_t *base, size_t len, size_t cap);
void request_stream_end(struct request *rq, ntstatus status); /* answers and frees */
void request_drop(struct request *rq);			      /* frees without an answer */
/* Any thread: a request that returned REQ_ASYNC goes on. Once per request. */
void request_resume(struct request *rq);
/*
 * Worker: the current element goes on in fn on the reactor; returns REQ_ASYNC's promise, as rq is
 * not the caller's any more. fn may give REQ_WORKER, with rq->resume as it wants it there.
 */
void request_to_reactor(struct request *rq, ntstatus (*fn)(struct request *rq));
/*
 * Reactor of ch->conn: sends a message that answers nothing: header and body from OUT_HEADROOM on.
 * Takes o. False: the connection is closing.
 */
bool conn_notify(struct channel *ch, struct outbuf *o, bool sealed);
/*
 * smb2/notification.c, reactor: looks whether what the client was told has arrived, and tells it
 * over another connection if this one is dead (it may be closing afterwards). Once a second.
 */
void notifications_tick_slow(struct conn *c, uint64_t now);
static inline void notifications_tick(struct conn *c, uint64_t now)
{
	if (unlikely(!list_empty(&c->notifications)))
		notifications_tick_slow(c, now);
}
/* The connection is about to close: other channels have their turn. */
void notifications_retry(struct conn *c);
/* Reactor: cancels by async id or by message id (MS-SMB2 3.3.5.16). */
void request_cancel(struct conn *c, const struct smb2_hdr *h);
/* Reactor: everything that waits on this open, or on any (NULL), is cancelled. */
void request_cancel_all(struct conn *c);
struct request *request_from_waiter(struct list_head *n);

/*
 * Starts the reply body of the current element with room for body_max bytes behind the header;
 * NULL (INSUFFICIENT_RESOURCES): no memory. The writer's offset 0 is the SMB2 header.
 */
struct smb2_wr *reply_begin(struct request *rq, size_t body_max);

/* ---- smb2/dispatch.c ---- */

struct smb2_op {
	const char *name;
	uint16_t structure_size;
	unsigned int needs; /* OP_* */
	uint16_t fid_off;   /* of the FileId in the body; 0: none */
	bool worker;
	ntstatus (*fn)(struct request *rq);
};

extern const struct smb2_op smb2_ops[SMB2_COMMANDS];
/* Session, tree, file and size checks of the current element, by the table. */
ntstatus smb2_check(struct request *rq);
/* Looks the open up and stores a reference in rq->open; FILE_CLOSED, or what a related one gives.
 */
ntstatus request_open(struct request *rq, struct smb2_fid fid);

#endif /* KH_SERVER_H */
