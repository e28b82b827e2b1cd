/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smb2.h - the commands, one file each, always in the order parse → check → do → reply.
 *
 * A command function handles the current element of a request (struct request: hdr, elem, elem_len;
 * session, tree and open as its row in uapi/smb2_ops.h needs them, already checked; StructureSize
 * checked, the fixed part is there). It returns the NTSTATUS of the answer. With SUCCESS or a
 * warning it has written its body by reply_begin(); with an error nothing more is needed (the error
 * body is the dispatcher's) unless body_on_error is set. REQ_* of server.h are the other results.
 *
 * On a worker the thread already acts as the tree's identity. A reactor row must not block: it
 * returns REQ_WORKER when it would, and is called again on a worker (request.on_worker).
 */
#ifndef KH_SMB2_H
#define KH_SMB2_H

#include "server.h"
#include "state/state.h"

/* ---- smb2_<command>.c ---- */

#define X(NAME, name, code, size, needs, fid, where) ntstatus smb2_##name(struct request *rq);
SMB2_OPS(X)
#undef X

/* smb2_negotiate.c: an SMB1 NEGOTIATE that offers "SMB 2.???" or "SMB 2.002" (3.3.5.3.1). */
void smb2_negotiate_smb1(struct conn *c, const uint8_t *frame, size_t len);

/*
 * smb2_write.c, for core/stream.c: the checks of a WRITE whose data is not here yet, each piece of
 * data (where open.memory is false: on a worker), and the answer.
 */
bool smb2_write_streams(const struct request *rq); /* an ordinary file, no write-through */
ntstatus smb2_write_begin(struct request *rq, uint64_t *offset);
ntstatus smb2_write_piece(struct request *rq, const void *buf, size_t n, uint64_t offset);
ntstatus smb2_write_end(struct request *rq);

/* ---- notification.c: what a client is told without having asked (OPLOCK_BREAK) ---- */

#define NOTIFICATION_MAX 44 /* of a body: LEASE_BREAK, MS-SMB2 2.2.23.2 */

struct notification_to {
	bool client; /* any channel of any session with its ClientGuid will do; else the session's
		      */
	bool sealed; /* with the session's key, and only over the session's channels */
};

/* Reactor threads, without locks. */
struct notification_ops {
	/* Before it goes over yet another channel: is it still of interest? NULL: always. */
	bool (*wanted)(void *arg);
	/*
	 * Once, at the end; puts what arg holds. delivered: the client's TCP has it (or it was not
	 * wanted any more). False: no channel is left that could be told.
	 */
	void (*done)(void *arg, bool delivered);
};

/*
 * Sends an OPLOCK_BREAK notification with this body over the oldest channel, and over the next ones
 * if that fails or its link is dead. Any thread; under a bucket's lock is fine. False: there is no
 * channel; done is not called.
 */
bool notification_send(struct session *s, const struct notification_to *to, const void *body,
		       size_t len, const struct notification_ops *ops, void *arg);

/* smb2_close.c: everything that closing an open means, whoever closes it. Worker. */
void open_close(struct open *o);
/* The rest of it, after open_unpublish(); idempotent. Worker, if the module has it. */
void open_close_rest(struct open *o);

/* ---- wait.c: requests that wait, mostly on an open (pipe reads, notifies; open.waiting) ---- */

/* Reactor: has its connection, or its session, as many that wait as it may? */
bool wait_too_many(const struct request *rq);
/*
 * What a reactor row does before it waits for anything: sends the interim response. SUCCESS: now
 * set resume and cancel, make rq visible to who will resume it, and return REQ_ASYNC, or return
 * wait_undo(). REQ_ASYNC: return that; it was a worker, and resume is called on the reactor.
 */
ntstatus wait_begin(struct request *rq, ntstatus (*resume)(struct request *rq));
/* After wait_begin(): it does not wait after all, this is the answer. Reactor. */
ntstatus wait_undo(struct request *rq, ntstatus status);

/*
 * For a reactor row. Sends the interim response once, then queues rq on its open unless ready()
 * says, under open.lock, that there is nothing to wait for: SUCCESS then, and the caller tries
 * again. REQ_ASYNC: rq is not the caller's any more, resume will be called on the reactor with
 * rq->resume_status; SUCCESS means: look again. Others: not queued.
 */
ntstatus open_wait(struct request *rq, bool (*ready)(struct request *rq),
		   ntstatus (*resume)(struct request *rq));
/* Any thread: all that wait go on with this status. open.lock is not held by the caller. */
void open_wake_waiting(struct open *o, ntstatus status);
/* The open is being closed: nothing waits on it any more, and nothing will. */
void open_cancel_waiting(struct open *o, ntstatus status);

/*
 * wait_break.c: worker. The command waits, in no thread, until the break of blocker is over,
 * and then runs again from the start. Takes the reference; REQ_ASYNC: rq is not the caller's any
 * more.
 */
ntstatus wait_for_break(struct request *rq, struct lease *blocker);
/* Worker: a CREATE is tried again after a moment, until a local program lets it; REQ_ASYNC. */
ntstatus wait_for_local(struct request *rq);

/* ---- ipc.c: named pipes of IPC$ trees, open.kind OPEN_PIPE ---- */

/*
 * CREATE on an IPC$ tree: opens the pipe of that name (UTF-8, as the client wrote it), publishes
 * the open, writes the whole CREATE reply and tells the chain its FileId. Worker.
 */
ntstatus ipc_create(struct request *rq, const char *name, uint32_t desired_access);
/* READ and WRITE when rq->open is a pipe: may give REQ_ASYNC, REQ_WORKER. */
ntstatus ipc_read(struct request *rq, const struct smb2_read_req *q);
ntstatus ipc_write(struct request *rq, const struct smb2_write_req *q);
/* FSCTL_PIPE_TRANSCEIVE's and _PEEK's work; worker. */
ntstatus ipc_transceive(struct open *o, const void *in, size_t in_len, void *out, size_t cap,
			size_t *n);
/* The last reference to an open of this kind is gone. */
void ipc_release(struct open *o);

/* ---- ipc_env.c: what the pipes may ask the server (rpc/rpc.h) ---- */

struct ipc_env *ipc_env_new(struct request *rq);
void ipc_env_free(struct ipc_env *e); /* NULL is fine */
const struct rpc_env *ipc_env_rpc(const struct ipc_env *e);

/* ---- create_ctx.c: create contexts (MS-SMB2 2.2.13.2, 2.2.14.2) ---- */

#define CREATE_CTX_MAXIMAL_ACCESS 0x4D784163u /* "MxAc" */
#define CREATE_CTX_QUERY_ON_DISK  0x51466964u /* "QFid" */
#define CREATE_CTX_ALLOCATION	  0x416C5369u /* "AlSi" */
#define CREATE_CTX_EA		  0x45787441u /* "ExtA" */
#define CREATE_CTX_SD		  0x53656344u /* "SecD" */
#define CREATE_CTX_TIMEWARP	  0x54577270u /* "TWrp" */
#define CREATE_CTX_LEASE	  0x52714C73u /* "RqLs" */
#define CREATE_CTX_DURABLE	  0x44486E51u /* "DHnQ" */
#define CREATE_CTX_RECONNECT	  0x44486E43u /* "DHnC" */
#define CREATE_CTX_DURABLE_V2	  0x44483251u /* "DH2Q" */
#define CREATE_CTX_RECONNECT_V2	  0x44483243u /* "DH2C" */

/* Names the POSIX extensions' create context, and is the data of their negotiate context. */
extern const uint8_t posix_extensions_guid[16];

/* "RqLs", MS-SMB2 2.2.13.2.8 and 2.2.13.2.10 */
struct create_lease {
	uint8_t version; /* 0: not there; 1, 2 */
	uint8_t key[16], parent_key[16];
	uint32_t state; /* SMB2_LEASE_* */
	uint32_t flags; /* SMB2_LEASE_FLAG_* */
	uint16_t epoch;
};

#define CREATE_HAS_DHNQ 1u
#define CREATE_HAS_DHNC 2u
#define CREATE_HAS_DH2Q 4u
#define CREATE_HAS_DH2C 8u

/* "DHnQ", "DHnC", "DH2Q", "DH2C": 2.2.13.2.3, .4, .11, .12 */
struct create_durable {
	unsigned int seen;	    /* CREATE_HAS_*: which contexts are there */
	uint8_t request, reconnect; /* version of each that is there: 0, 1, 2 */
	struct smb2_fid fid;	    /* reconnect */
	uint8_t create_guid[16];    /* version 2 */
	uint32_t timeout_ms;	    /* DH2Q; 0: the server's choice */
	uint32_t flags;		    /* SMB2_DHANDLE_FLAG_PERSISTENT */
};

/* APP_INSTANCE_ID, APP_INSTANCE_VERSION: 2.2.13.2.13, .15 */
struct create_app_instance {
	bool present, has_version;
	uint8_t id[16];
	uint64_t version[2]; /* high, low */
};

/* What a CREATE carries; data pointers are borrowed from the element. */
struct create_ctx {
	unsigned int n; /* contexts, those that are not known too */
	bool mxac, qfid, alsi, twrp;
	bool posix; /* POSIX extensions: a mode of 32 bits */
	uint32_t posix_mode;
	struct create_lease lease;
	struct create_durable durable;
	struct create_app_instance app;
	uint64_t mxac_timestamp; /* NTTIME; 0: always answer */
	bool mxac_has_timestamp;
	uint64_t alloc_size;
	uint64_t timewarp;
	const uint8_t *ea, *sd;
	uint32_t ea_len, sd_len;
};

/* SUCCESS or INVALID_PARAMETER. */
ntstatus create_ctx_parse(const uint8_t *buf, size_t len, struct create_ctx *out);
/* Appends one context to the reply; *prev is the offset of the last one's Next field, or 0. */
void create_ctx_put(struct smb2_wr *w, uint64_t *prev, uint32_t tag, const void *data, size_t len);

/* ---- fscc_file.c: file information classes (MS-FSCC 2.4), fscc_fs.c (2.5), fscc_ea.c (2.4.15)
 * ---- */

/* FILE_FULL_EA_INFORMATION list → set on fd. INVALID_EA_NAME, EA_LIST_INCONSISTENT ... */
ntstatus fscc_ea_set(struct vfs_share *s, int fd, const uint8_t *buf, size_t len);

/* Creation, access, write, change time: 32 bytes, the same order everywhere. */
void fscc_put_times(struct smb2_wr *w, const struct vfs_attr *a);

/*
 * One query: what is asked about, and the whole answer, which the command then cuts to
 * OutputBufferLength. The answer is in w: in `small`, or in `big` after fscc_room().
 */
struct fscc_query {
	struct vfs_share *share;
	struct open *open;
	uint16_t dialect;
	const uint8_t *in; /* FileFullEaInformation: names that are asked for; borrowed */
	uint32_t in_len;
	bool single; /* SL_RETURN_SINGLE_ENTRY */
	struct vfs_attr attr;
	struct smb2_wr w;
	uint32_t fixed; /* a shorter output buffer is an INFO_LENGTH_MISMATCH */
	uint8_t *big;
	uint8_t small[256];
};

void fscc_query_init(struct fscc_query *q, struct open *o);
void fscc_query_release(struct fscc_query *q);
#define _cleanup_fscc_query_ __attribute__((__cleanup__(fscc_query_release)))
/* Makes room for an answer of n bytes; before the first of it is written. */
bool fscc_room(struct fscc_query *q, size_t n);
/* FileNameLength and FileName; the name is UTF-8 in the form for clients. */
ntstatus fscc_put_name(struct fscc_query *q, const char *name);

/* fscc_file.c: checks the open's access, fills attr, writes w. INVALID_INFO_CLASS ... */
ntstatus fscc_file_query(struct fscc_query *q, uint8_t info_class);
/* fscc_pipe.c: the same for a pipe of IPC$ */
ntstatus fscc_pipe_query(struct fscc_query *q, uint8_t info_class);
/* fscc_fs.c: MS-FSCC 2.5 */
ntstatus fscc_fs_query(struct fscc_query *q, uint8_t info_class);
/* classes with files of their own */
ntstatus fscc_put_streams(struct fscc_query *q); /* fscc_stream.c */
ntstatus fscc_put_eas(struct fscc_query *q);	 /* fscc_ea.c */

/* fscc_dir.c: what an entry of a listing holds besides NextEntryOffset, FileIndex, name */
struct fscc_dir_class {
	uint8_t info_class;
	uint8_t fixed;	 /* bytes in front of the name */
	bool attr;	 /* times, sizes, attributes; all but FileNamesInformation */
	bool ea, tag;	 /* EaSize; ReparsePointTag in a field of its own */
	bool short_name; /* empty unless `mangled names = yes` */
	uint8_t id_len;	 /* 0, 8, 16 */
	bool posix;	 /* the class of the POSIX extensions, and only for opens that have them */
};
const struct fscc_dir_class *fscc_dir_class(uint8_t info_class); /* NULL: none of the seven */
/*
 * One entry at w's place, which is a multiple of 8 from the first one's. name_len: bytes of the
 * name in UTF-16. False: it does not fit, nothing was written.
 */
bool fscc_dir_put(struct smb2_wr *w, const struct fscc_dir_class *c, const char *name, int name_len,
		  const struct vfs_attr *a, uint32_t ea_size, bool short_names);

/* fscc_posix.c: the classes of the POSIX extensions; for opens that have them */
#define FSCC_POSIX_SIZE	    112 /* with two SIDs of Unix ids */
#define FSCC_POSIX_DIR_SIZE (FSCC_POSIX_SIZE + 12)
ntstatus fscc_put_posix(struct fscc_query *q);
/* nlink, reparse tag, mode, owner and group: the answer to the create context, 44 bytes */
void fscc_posix_put_owner(struct smb2_wr *w, const struct vfs_attr *a);
void fscc_posix_put(struct smb2_wr *w, const struct vfs_attr *a);

/* fscc_set.c: what SET_INFO sets on a file or directory; access is checked here */
ntstatus fscc_file_set(struct request *rq, uint8_t info_class, const uint8_t *buf, size_t len);
/* set_rename.c: FileRenameInformation and FileLinkInformation, MS-FSCC 2.4.37.2, 2.4.27.2 */
ntstatus set_rename(struct request *rq, const uint8_t *buf, size_t len);
ntstatus set_link(struct request *rq, const uint8_t *buf, size_t len);

/* smb2_query_security.c: MS-SMB2 3.3.5.20.3, 3.3.5.21.3 */
ntstatus query_security(struct request *rq, uint32_t secinfo, uint32_t max);
ntstatus set_security(struct request *rq, uint32_t secinfo, const uint8_t *buf, size_t len);

/*
 * create_posix.c: what of a mode that a client gives is his to give. Where `force user` or `force
 * group` lend him an account, no program may run with it on this machine: no set-ID bits.
 */
mode_t create_posix_allowed(const struct tree *t, bool is_dir, mode_t mode);

/* smb2_query_info.c: the reply of QUERY_INFO and QUERY_DIRECTORY, MS-SMB2 2.2.38, 2.2.34 */
ntstatus reply_info(struct request *rq, const void *data, size_t len);

/* ---- smb2_session_setup.c: sessions that this connection is no channel of ---- */

/* Has the answer signed with the session's key, if the request is; false if it is not. */
bool smb2_sign_as(struct request *rq, struct session *s);
/* USER_SESSION_DELETED, signed with the key of the session if there is one elsewhere. */
ntstatus smb2_no_session(struct request *rq);

/* ---- helpers shared by commands: common.c ---- */

/* vfs_attr of an open's object: streams have their own sizes. */
int open_attr(struct open *o, struct vfs_attr *out);
/* The status that a client gets for a name that another file has, is pending delete, ... */
struct acl_object open_acl_object(const struct open *o, const struct vfs_attr *a);
/* Last component of a share-relative path. */
const char *path_leaf(const char *path);
/* The open's path as it is now (a rename changes it); allocated, the caller frees. */
char *open_path_dup(struct open *o);
/* Status of what a client may ask of a handle: ACCESS_DENIED without all of these rights. */
ntstatus open_need(const struct open *o, uint32_t access);

#endif /* KH_SMB2_H */
