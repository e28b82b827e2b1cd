/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kmod.h - the module: objects, threads, ownership. Prototypes are grouped by file.
 *
 * Objects
 *   kh_server  one daemon; lives as long as the server fd that HELLO gave it. Has the maps, the
 *              handles and the list of connections.
 *   kh_conn    one attached connection; lives as long as its channel fd. Has the socket, the
 *              message-id window, what is being received, what waits to be sent, what waits to be
 *              read by the daemon.
 *   kh_chan    one session on one connection (the specification's Channel): its keys. On the
 *              connection's list.
 *   kh_handle  one file that the daemon gave; found by the slot of its FileId in the server.
 *   kh_req     one request that is being answered: on the stack of the connection's work, or, when
 *              it would block, in a work item of its own.
 *   kh_tx      one reply on its way out.
 *
 * Who runs
 *   io_work    one work item per connection, queued on the CPU where the packets arrive. Receives,
 *              admits, serves, sends; gives the CPU away after a budget.
 *   req work   a request that has to wait for a disk (kh_req.work).
 *   the daemon in read(), write() and poll() of the channel; in netlink operations.
 *   callbacks  of the socket, in softirq: they only queue io_work.
 *
 * Locks
 *   conn.window_lock (spin)  window and what follows from it
 *   conn.chan_lock (spin)    list of sessions; found under RCU
 *   conn.up_lock (spin)      queue to the daemon
 *   conn.tx_list_lock (spin) queue to the socket
 *   conn.tx_lock (mutex)     who sends; taken by trylock: whoever has it sends what others queue
 *   server.lock (mutex)      connections, handles being added and removed; handles are found by RCU
 * None nests in another, but for tx_lock outside tx_list_lock. Receiving (conn.rx) belongs to
 * io_work alone.
 *
 * A handle in use: kh_handle_get() counts the request in flight for its command, then looks at the
 * capabilities; HANDLE_BARRIER and HANDLE_DEL wait for that count (uapi/kh_maps.h).
 */
#ifndef KH_KMOD_H
#define KH_KMOD_H

#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <linux/unaligned.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "kh_channel.h"
#include "kh_maps.h"
#include "ksmbd_hybrid.h"
#include "smb2_cursor.h"
#include "smb2_errno.h"
#include "smb2_frame.h"
#include "smb2_ops.h"
#include "smb2_parse.h"
#include "smb2_pdu.h"
#include "smb2_status.h"
#include "smb2_window.h"

struct bpf_map;
struct kh_conn;
struct kh_crypt;
struct kh_server;
struct kh_sign;
struct net;
struct netlink_ext_ack;

/* ---- main.c ---- */

extern struct workqueue_struct *kh_wq;	  /* io_work */
extern struct workqueue_struct *kh_req_wq; /* requests with a work item of their own */

/* ---- crypto.c: any context that may sleep; objects are constant after _new and used by many ---- */

#define KH_KEY_MAX KH_NL_KEY_MAX

/* alg: SMB2_SIGNING_*. An ERR_PTR: EINVAL (algorithm, key length), ENOENT (not in this kernel). */
struct kh_sign *kh_sign_new(u16 alg, const u8 *key, unsigned int len);
void kh_sign_free(struct kh_sign *s); /* NULL is fine; wipes */
/*
 * The signature of one SMB2 message given as n pieces of len bytes together. hdr: its 64 bytes of
 * header (also the first 64 bytes of the pieces, within the first one) for the GMAC nonce. The 16
 * bytes of signature in it must be zero. 0, -ENOMEM, -errno of the cipher.
 */
int kh_sign_bvec(const struct kh_sign *s, const struct bio_vec *bv, unsigned int n, size_t len,
		 u8 sig[SMB2_SIGNATURE_SIZE]);
/* The same for linear memory that is physically contiguous or not (vmalloc too). */
int kh_sign_buf(const struct kh_sign *s, const void *msg, size_t len, u8 sig[SMB2_SIGNATURE_SIZE]);
/* 0, -EBADMSG. The message is as it was afterwards, its signature included. */
int kh_sign_verify(const struct kh_sign *s, void *msg, size_t len);
int kh_sign_verify_bvec(const struct kh_sign *s, const struct bio_vec *bv, unsigned int n,
			size_t len);

/* cipher: SMB2_ENCRYPTION_*; enc and dec: keys of len bytes. ERR_PTR as above. */
struct kh_crypt *kh_crypt_new(u16 cipher, const u8 *enc, const u8 *dec, unsigned int len);
void kh_crypt_free(struct kh_crypt *c); /* NULL is fine; wipes */
/* May a source that changes meanwhile be encrypted from in place (one pass: GCM)? */
bool kh_crypt_one_pass(const struct kh_crypt *c);
/* Nonce of a transform header, MS-SMB2 2.2.41: prefix (4 bytes; CCM 3), then the counter. */
void kh_crypt_nonce(const struct kh_crypt *c, u32 prefix, u64 counter, u8 nonce[16]);
/*
 * Encrypts len bytes from src to dst (the same array: in place). hdr: the 52 bytes of transform
 * header, complete but for the signature, which is put in; it is in neither. Physically contiguous.
 */
int kh_crypt_seal(const struct kh_crypt *c, u8 *hdr, const struct bio_vec *src, unsigned int nsrc,
		  const struct bio_vec *dst, unsigned int ndst, size_t len);
/*
 * hdr of 52 bytes and the sealed message behind it, in place; linear, vmalloc too. -EBADMSG: wrong;
 * the message is garbage then.
 */
int kh_crypt_unseal(const struct kh_crypt *c, u8 *hdr, size_t len);
/*
 * The same from src, whose pages are not written to, to dst. src begins with the transform header,
 * of which hdr is a copy or the place itself; dst with the message.
 */
int kh_crypt_unseal_to(const struct kh_crypt *c, const u8 *hdr, const struct bio_vec *src,
		       unsigned int nsrc, const struct bio_vec *dst, unsigned int ndst, size_t len);

void kh_call_exit(void); /* crypto_aead.c: the module is unloaded */

/* ---- maps.c ---- */

struct kh_maps {
	struct bpf_map *handles, *conns, *op_stats;
	struct kh_op_stat *op_stat; /* memory of op_stats */
	u32 nhandles, nconns, lanes; /* entries; lanes of op_stats */
};

/* References to the maps behind these fds; each must be an mmapable array of the right value. */
int kh_maps_get(struct kh_maps *m, int handles_fd, int conns_fd, int op_stats_fd,
		struct netlink_ext_ack *extack);
void kh_maps_put(struct kh_maps *m);
/* Memory of an entry, valid while the maps are held; NULL: out of range. */
struct kh_handle_slot *kh_maps_handle(const struct kh_maps *m, u32 slot);
struct kh_conn_slot *kh_maps_conn(const struct kh_maps *m, u32 slot);
/* A counter of a handle or connection that several requests may add to at once. */
static inline void kh_maps_add(__u64 *counter, u64 n)
{
	atomic64_add(n, (atomic64_t *)counter);
}
/* One command was answered by the module, between these times. Any context. */
void kh_maps_count(const struct kh_maps *m, u16 command, bool error, u64 bytes_in, u64 bytes_out,
		   u64 start_ns, u64 end_ns);

/* ---- server.c ---- */

struct kh_server {
	struct kref ref;
	struct net *net; /* of the daemon; reference */
	struct list_head node; /* all servers, for dumps */
	u32 id;
	char instance[KH_NL_INSTANCE_MAX + 1];
	struct mutex lock;
	bool dead;	/* the daemon is gone */
	bool has_maps; /* maps and handles are there, for good (release, acquire) */
	struct kh_maps maps;
	struct list_head conns;
	struct kh_handle __rcu **handles; /* maps.nhandles of them */
	atomic_t nconns, nhandles;
};

/* A new server and its fd (installed by the caller with fd_install()). */
struct file *kh_server_open(struct net *net, const char *instance, struct kh_server **out);
void kh_server_get(struct kh_server *s);
void kh_server_put(struct kh_server *s);
int kh_server_bind_maps(struct kh_server *s, int handles_fd, int conns_fd, int op_stats_fd,
			struct netlink_ext_ack *extack);
/* Counters over all servers, which are zero when nothing is left. debugfs: ksmbd_hybrid/objects */
enum kh_object {
	KH_OBJ_SERVER,
	KH_OBJ_CONN,
	KH_OBJ_CHAN,
	KH_OBJ_HANDLE,
	KH_OBJ_REQ,
	KH_OBJ_TX,
	KH_OBJ_UP,
	KH_OBJS
};
DECLARE_PER_CPU(long, kh_objects[KH_OBJS]); /* the sum counts: who frees may be another CPU */
static inline void kh_count(enum kh_object what, long n)
{
	this_cpu_add(kh_objects[what], n);
}

/* ---- session.c ---- */

struct kh_session_args {
	u64 session_id;
	u32 flags; /* KH_NL_SESSION_* */
	u16 signing_alg, cipher; /* cipher 0: no encryption */
	u8 signing_key_len;	 /* 0: cannot sign */
	u8 crypt_key_len;	 /* 0: no encryption */
	u8 signing_key[KH_KEY_MAX];
	u8 enc_key[KH_KEY_MAX], dec_key[KH_KEY_MAX]; /* server to client, client to server */
	u32 nonce_prefix;
};

struct kh_chan {
	struct list_head node; /* conn.chans, RCU */
	struct rcu_head rcu;
	refcount_t refs;
	struct kh_conn *conn; /* not held: a chan in use is in use by its connection */
	u64 session_id;
	u32 flags;
	struct kh_sign *sign;	/* NULL: cannot */
	struct kh_crypt *crypt; /* NULL: cannot */
	u32 nonce_prefix;
	atomic64_t nonce_counter;
	bool limit_told; /* KH_UP_KEY_LIMIT went out */
	bool waited;	 /* somebody waits for the last reference */
};

/* Sets or replaces the session of that id on the connection; wipes nothing of args. */
int kh_session_set(struct kh_conn *c, const struct kh_session_args *a,
		   struct netlink_ext_ack *extack);
/* conn NULL: on all connections of the server. Returns when no request uses its keys. */
int kh_session_del(struct kh_server *s, struct kh_conn *c, u64 session_id);
struct kh_chan *kh_chan_find(struct kh_conn *c, u64 session_id); /* reference, or NULL */
void kh_chan_put(struct kh_chan *ch);			       /* NULL is fine */
void kh_chans_drop(struct kh_conn *c);			       /* all; the connection ends */

/* ---- handle.c ---- */

enum kh_use { KH_USE_READ, KH_USE_WRITE, KH_USE_FLUSH, KH_USE_CLOSE, KH_USES }; /* bits of KH_CAP_* */

struct kh_handle {
	struct rcu_head rcu;
	atomic_t inflight[KH_USES]; /* waited for by wait_var_event() */
	atomic_t gone;		    /* no new use */
	bool ending;		    /* somebody waits for the last use, under server.lock */
	bool waited;		    /* somebody waits, or did, for inflight */
	atomic_t barriers;	    /* who waits for inflight */
	struct file *file;
	struct kh_handle_slot *slot;
	u64 vol, persistent, session_id, opaque, create_time;
	u32 tree_id, access, flags, attributes, alloc_unit;
};

/* From HANDLE_ADD and from replies. -EBUSY: the slot is in use; -EBADF, -EINVAL, -ENOSPC. */
int kh_handle_add(struct kh_server *s, const struct kh_reply_handle *h,
		  struct netlink_ext_ack *extack);
/* Both return when nothing that they stop is in flight any more. -ENOENT. -EINTR: killed. */
int kh_handle_del(struct kh_server *s, u64 vol);
int kh_handle_barrier(struct kh_server *s, u64 vol, u32 caps);
void kh_handles_drop(struct kh_server *s); /* all; the daemon is gone */
/* Counted in flight for that use, if it has the capability for it; else NULL. kh_handle_done(). */
struct kh_handle *kh_handle_use(struct kh_server *s, const struct smb2_fid *fid, enum kh_use use);
void kh_handle_done(struct kh_handle *h, enum kh_use use);
/* The client closed it, in flight for KH_USE_CLOSE: no use begins any more. False: somebody was first. */
bool kh_handle_close(struct kh_handle *h);

/* ---- conn.c ---- */

struct kh_conn_args {
	u64 id;
	u32 slot; /* in kh_conns */
	int sock_fd;
	u16 dialect;
	bool large_mtu;
	u32 max_frame; /* bytes of a message */
	u32 max_read, max_write;
	u32 up_limit, out_limit; /* bytes that may wait for the daemon, for the socket */
	const struct smb2_window *window;
	const void *unhandled; /* bytes that the daemon had read: from the start of a prefix */
	u32 unhandled_len;     /* at most KH_RBUF */
	const struct kh_session_args *sessions;
	unsigned int nsessions;
};

#define KH_RBUF_ORDER 3
#define KH_RBUF	      (PAGE_SIZE << KH_RBUF_ORDER) /* bytes that are received at once */
#define KH_CONN_UNHANDLED_MAX KH_NL_UNHANDLED_MAX

enum kh_conn_flag {
	KH_CONN_CLOSING, /* the channel fd is being released */
	KH_CONN_GONE,	 /* nothing is received any more; the daemon was told */
	KH_CONN_UP_FULL, /* receiving waits for the daemon to read */
	KH_CONN_OUT_FULL, /* receiving waits for the client to read */
	KH_CONN_TOLD,	 /* the daemon read that the connection is gone */
};

/* What is being received: io_work only. */
struct kh_rx {
	u8 *buf; /* of KH_RBUF bytes; NULL: none is needed now */
	u32 start, end; /* what is in it and not handled */
	/* a frame that does not fit into buf; its prefix is handled */
	u32 frame_len; /* 0: none */
	u32 have;      /* bytes of it that are here */
	struct kh_up *up;	  /* it is collected here, or ... */
	struct sk_buff_head skbs; /* ... a large WRITE, or sealed: behind the bytes in buf */
	unsigned int nsegs;
	u64 start_ns;
	bool large; /* the last frame was such a WRITE: read no more than a head at first */
	bool drained; /* the socket had no more */
	u64 now_ns;   /* when the frame before was answered, of those received with it; 0: none was */
};

struct kh_conn {
	struct kref ref;
	struct kh_server *server; /* reference */
	struct list_head node;	  /* server.conns */
	u64 id;
	unsigned long flags; /* KH_CONN_* */
	struct socket *sock;
	struct file *sock_file;
	void (*old_data_ready)(struct sock *sk);
	void (*old_write_space)(struct sock *sk);
	void (*old_state_change)(struct sock *sk);
	struct work_struct io_work;
	struct kh_conn_slot *slot;
	u64 kcov_handle;
	u16 dialect;
	bool large_mtu;
	u32 max_frame, max_read, max_write;

	struct kh_rx rx;

	spinlock_t window_lock;
	struct smb2_window window;

	spinlock_t chan_lock;
	struct list_head chans;
	bool chans_over; /* no session is added any more */

	spinlock_t up_lock;
	struct list_head up_queue;
	size_t up_bytes, up_limit;
	wait_queue_head_t up_wait;

	spinlock_t tx_list_lock;
	struct list_head tx_queue;
	size_t out_bytes, out_limit; /* queued, and what requests under way will queue */
	struct mutex tx_lock;

	atomic_t nreqs; /* requests with a work item of their own; wait_var_event() */
};

/* A connection that runs, and its channel file (the caller installs it). */
struct file *kh_conn_attach(struct kh_server *s, const struct kh_conn_args *a,
			    struct netlink_ext_ack *extack);
struct kh_conn *kh_conn_find(struct kh_server *s, u64 id); /* reference, or NULL */
void kh_conn_get(struct kh_conn *c);
void kh_conn_put(struct kh_conn *c);
void kh_conn_kick(struct kh_conn *c); /* io_work is to run */
void kh_conn_end(struct kh_conn *c);  /* the channel fd is released */
/* It is over: nothing more is received, the daemon is told why. Any context that may sleep. */
void kh_conn_gone(struct kh_conn *c, enum kh_gone why);
u16 kh_conn_grant(struct kh_conn *c, u16 charge, u16 asked);

/* ---- channel.c: the fd ---- */

struct kh_up {
	struct list_head node;
	u32 cap; /* bytes of data */
	u32 off; /* of the message in data */
	struct kh_upcall hdr;
	u8 data[];
};

extern const struct file_operations kh_channel_fops;
struct kh_up *kh_up_new(u32 len); /* room for a message of len bytes; NULL */
void kh_up_free(struct kh_up *u);
/* Takes u, with a message of len bytes. Sets KH_CONN_UP_FULL when the queue is above its limit. */
void kh_up_queue(struct kh_conn *c, struct kh_up *u, u32 len, enum kh_upcall_type type, u16 flags,
		 u64 session_id, u64 value);
void kh_up_drop(struct kh_conn *c);

/* ---- rx.c ---- */

int kh_rx_init(struct kh_conn *c, const void *unhandled, u32 len);
/* One round: receives and handles up to a budget. True: there is more to do. io_work. */
bool kh_rx_run(struct kh_conn *c);
void kh_rx_free(struct kh_conn *c);
void kh_rx_exit(void); /* the module is unloaded: the buffers of the CPUs */

/* ---- req.c: admission, and the choice of who answers ---- */

struct kh_req {
	struct work_struct work; /* when it waits by itself */
	struct kh_conn *conn;
	struct kh_chan *chan;	  /* reference */
	struct kh_handle *handle; /* in use for `use`; NULL: ECHO */
	enum kh_use use;
	struct smb2_hdr hdr;
	u16 charge;
	bool sealed, signed_; /* the request came so: so goes the answer */
	bool deferred;	      /* it has its own work item */
	u32 out_bytes;	      /* counted for it in conn.out_bytes */
	u64 start_ns;
	union {
		struct smb2_read_req read;
		struct smb2_write_req write;
		struct smb2_close_req close;
	};
	const u8 *head;	       /* header and fixed body, head_len bytes at least; not when deferred */
	u32 head_len;
	struct iov_iter *data; /* of WRITE: length bytes; not when deferred */
};

/*
 * A whole message in linear memory, plain or sealed; decrypted in place. up: the message lies in
 * its data, and it is taken; NULL: the memory is the caller's. io_work.
 */
void kh_frame(struct kh_conn *c, u8 *msg, u32 len, struct kh_up *up, u64 start_ns);
/*
 * A message of len bytes as n pieces that must not be written to: sealed, or a plain single WRITE.
 * The first piece has its head, linear: transform header, or header and fixed body. 0; 1: a plain
 * one goes up, with these flags. io_work.
 */
int kh_frame_pieces(struct kh_conn *c, const struct bio_vec *bv, unsigned int n, u32 len,
		    u64 start_ns, u16 *up_flags);
/*
 * The request gets a work item of its own, which runs fn on a copy that kh_req_end() frees, and
 * out_bytes are counted as queued until then. False: no memory.
 */
bool kh_req_defer(struct kh_req *rq, work_func_t fn, size_t out_bytes);
/*
 * For the commands: the handle with the capability for this use and any of these rights (0: none
 * needed), of the request's session and tree; in use. False: it goes up.
 */
bool kh_req_handle(struct kh_req *rq, const struct smb2_fid *fid, enum kh_use use, u32 access);
/* Does the credit charge cover the payload (MS-SMB2 3.3.5.2.5)? */
bool kh_req_charge_ok(const struct kh_req *rq, u32 payload);
/* The request is answered: counts it, ends its use of handle and session, sends if it is deferred. */
void kh_req_end(struct kh_req *rq, u32 status, u64 bytes_in, u64 bytes_out);
/* Answers with an error (or END_OF_FILE), and ends it. */
void kh_req_fail(struct kh_req *rq, u32 status);

/* ---- pages.c ---- */

#define KH_BLOCK_ORDER 3
/* Where messages to cipher begin: no block of AES lies across pages, no wide store across lines. */
#define KH_CIPHER_ALIGN 64u

/* A compound page of KH_BLOCK_ORDER with whatever it held; put_page(). NULL. May sleep. */
struct page *kh_block_get(void);
/*
 * Contiguous memory of len bytes, less than a block, with a reference of its page; what is taken in
 * a row lies in a row. block: where in it something begins that is to be sealed, at a multiple of
 * KH_CIPHER_ALIGN if memory is not short; 0: any alignment. NULL. May sleep.
 */
void *kh_memory_get(u32 len, u32 block);
void kh_pages_init(void);
void kh_pages_exit(void);

/* ---- tx.c ---- */

struct kh_tx {
	struct list_head node;
	size_t len;	/* of bv */
	size_t charged; /* against conn.out_bytes */
	u32 n, max, cur;
	bool sending; /* somebody looked at its pieces: nothing is added */
	struct bio_vec *bv; /* holds a reference of each page */
	struct bio_vec few[4];
};

#define KH_TX_LINEAR_MAX (28u << 10)

/* An empty reply with room for max pieces. NULL: no memory. */
struct kh_tx *kh_tx_new(u32 max);
void kh_tx_free(struct kh_tx *t);
/*
 * Linear, contiguous memory at the end of what is there; at most KH_TX_LINEAR_MAX. block: as in
 * kh_memory_get(). NULL.
 */
void *kh_tx_linear(struct kh_tx *t, u32 len, u32 block);
/* Pages of its own at the end; they hold what they held. Room for len / PAGE_SIZE + 1 pieces. */
int kh_tx_pages(struct kh_tx *t, size_t len);
/* Cuts what stands behind len bytes. */
void kh_tx_trim(struct kh_tx *t, size_t len);
/* Bytes in front of the SMB2 header: prefix, and transform header if it is to be sealed. */
static inline u32 kh_tx_front(bool seal)
{
	return SMB2_PREFIX_SIZE + (seal ? SMB2_TRANSFORM_SIZE : 0);
}

void kh_tx_queue(struct kh_conn *c, struct kh_tx *t); /* complete but for the prefix; takes t */
void kh_tx_exit(void); /* the module is unloaded */
/* The transform header of a message of len bytes with the next nonce; -ENOKEY, -EKEYEXPIRED. */
int kh_tx_transform(struct kh_conn *c, struct kh_chan *chan, u8 *p, u32 len);
/*
 * Finishes a reply whose first piece begins with the front, then the SMB2 header with body and all;
 * signs (one element: with chan's key) or seals it, and queues it. Takes t. Errors end the
 * connection.
 */
void kh_tx_finish(struct kh_conn *c, struct kh_tx *t, struct kh_chan *chan, bool sign, bool seal);
/*
 * Seals src, a message without front, into t, whose first piece begins with the front; queues it,
 * takes t unless it fails: -errno.
 */
int kh_tx_seal(struct kh_conn *c, struct kh_chan *chan, const struct kh_tx *src, struct kh_tx *t);
/* The header of the answer to rq at p, credits granted. */
void kh_tx_header(struct kh_req *rq, u8 *p, u32 status);
/* For kh_tx_linear(): where the message begins in an answer to rq. */
u32 kh_tx_block(const struct kh_req *rq);
/* An answer without file data; body as on the wire. */
void kh_tx_simple(struct kh_req *rq, u32 status, const void *body, u32 len);
/* Out_bytes went down: who waits for that goes on. */
void kh_tx_room(struct kh_conn *c);
/* Sends what is queued as far as the socket takes it. Any context that may sleep. */
void kh_tx_send(struct kh_conn *c);
void kh_tx_drop(struct kh_conn *c);

/* ---- tx_daemon.c ---- */

/* From the daemon: the records in `from`, whole ones. Bytes that were taken, or -errno. */
ssize_t kh_tx_records(struct kh_conn *c, struct iov_iter *from);

/* ---- smb2_read.c, smb2_write.c, smb2_flush.c, smb2_close.c, smb2_echo.c ---- */

/*
 * Each parses, checks, does and answers. True: it is answered, or will be, and ended by
 * kh_req_end(); false: it goes up, nothing happened. The handle is looked up by the command.
 */
bool kh_smb2_read(struct kh_req *rq);
bool kh_smb2_write(struct kh_req *rq);
bool kh_smb2_flush(struct kh_req *rq);
bool kh_smb2_close(struct kh_req *rq);
bool kh_smb2_echo(struct kh_req *rq);

#endif /* KH_KMOD_H */
