/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpc.h - named pipes of IPC$ that speak DCE/RPC (C706 chapter 12, MS-RPCE).
 *
 * The layer knows neither SMB2 nor the rest of the server: bytes go in by rpc_pipe_write(), reply
 * messages come out by rpc_pipe_read(), and what an interface tells about the server it asks of
 * struct rpc_env, which the owner of the pipe fills. docs/rpc.md says how the parts fit.
 *
 * Threads: a pipe has a lock of its own, every function but rpc_pipe_close() may be called from
 * any thread. A write runs the call it completes, and so the callbacks of the environment, on the
 * calling thread with the pipe's lock held: callbacks may block (then write from a worker), and
 * must not use the same pipe.
 */
#ifndef KH_RPC_H
#define KH_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smb2_status.h"

#define RPC_REQUEST_MAX (1u << 20) /* stub bytes of one request, all fragments together */
#define RPC_REPLY_MAX	(4u << 20) /* stub bytes of one reply; also all that may lie unread */

/* ---- what an interface may see of the server ---- */

/* MS-DTYP 2.4.2 */
struct rpc_sid {
	uint8_t revision;   /* 1 */
	uint8_t num_auths;  /* 0..15 */
	uint8_t id_auth[6]; /* big-endian, as on the wire */
	uint32_t sub_auths[15];
};

/* MS-SRVS 2.2.2.4 */
#define RPC_STYPE_DISKTREE 0x00000000u
#define RPC_STYPE_PRINTQ   0x00000001u
#define RPC_STYPE_IPC	   0x00000003u
#define RPC_STYPE_SPECIAL  0x80000000u /* administrative: C$ and the like */

/* MS-SRVS 2.2.2.7 */
#define RPC_SV_TYPE_WORKSTATION	  0x00000001u
#define RPC_SV_TYPE_SERVER	  0x00000002u
#define RPC_SV_TYPE_DOMAIN_MEMBER 0x00000100u
#define RPC_SV_TYPE_PRINTQ	  0x00000200u
#define RPC_SV_TYPE_SERVER_UNIX	  0x00000800u
#define RPC_SV_TYPE_NT		  0x00001000u
#define RPC_SV_TYPE_SERVER_NT	  0x00008000u
/* What a standalone file server is; used when rpc_env.server_type is 0. */
#define RPC_SV_TYPE_DEFAULT                                                                        \
	(RPC_SV_TYPE_WORKSTATION | RPC_SV_TYPE_SERVER | RPC_SV_TYPE_SERVER_UNIX | RPC_SV_TYPE_NT | \
	 RPC_SV_TYPE_SERVER_NT)

/* One row of each enumeration. Strings are UTF-8, NULL reads as ""; borrowed for one callback. */
struct rpc_share {
	const char *name;
	const char *comment;
	const char *path;   /* Unix path; clients are shown "C:\with\backslashes", as Samba does */
	uint32_t type;	    /* RPC_STYPE_* */
	uint32_t max_users; /* 0: no limit */
	uint32_t current_users; /* tree connections now */
	uint32_t csc_policy;	/* 0 manual, 1 documents, 2 programs, 3 disable */
	bool access_based;	/* names that the user may not read are not listed */
	bool dfs_root;
	const void *sd; /* self-relative security descriptor of the share, or NULL */
	size_t sd_len;
};

struct rpc_session {
	const char *client; /* address or name of the client, without "\\" */
	const char *user;
	uint32_t num_opens;
	uint32_t time; /* seconds since the logon */
	uint32_t idle; /* seconds since the last request */
	bool guest;
};

struct rpc_connection { /* a tree connection */
	uint32_t id;
	uint32_t type; /* RPC_STYPE_* of its share */
	uint32_t num_opens;
	uint32_t time; /* seconds */
	const char *user;
	const char *share;
	const char *client;
};

struct rpc_file {
	uint32_t id;
	uint32_t permissions; /* 1 read, 2 write, 4 create */
	uint32_t num_locks;
	const char *path;
	const char *user;
};

/* A row taker; false ends the enumeration. */
typedef bool rpc_share_fn(const struct rpc_share *row, void *arg);
typedef bool rpc_session_fn(const struct rpc_session *row, void *arg);
typedef bool rpc_connection_fn(const struct rpc_connection *row, void *arg);
typedef bool rpc_file_fn(const struct rpc_file *row, void *arg);

/* SID_NAME_USE, MS-SAMR 2.2.2.3 */
enum rpc_sid_type {
	RPC_SID_USER = 1,
	RPC_SID_GROUP = 2,
	RPC_SID_DOMAIN = 3,
	RPC_SID_ALIAS = 4,
	RPC_SID_WKN_GROUP = 5,
	RPC_SID_UNKNOWN = 8,
};

/* The answer to a lookup; the callback fills it, the names end with NUL. */
struct rpc_account {
	enum rpc_sid_type type;
	struct rpc_sid sid;
	char domain[64]; /* "KSMBD", "Unix User", "BUILTIN", "" */
	char name[256];	 /* "" when the SID is a domain's */
};

/*
 * Copied by rpc_pipe_open(); what its pointers point to must live as long as the pipe. All
 * callbacks may be NULL: the enumeration is then empty, the lookup finds nothing.
 */
struct rpc_env {
	void *ctx;		    /* first argument of every callback */
	const char *server_name;    /* NetBIOS name, upper case, without "\\" */
	const char *server_comment; /* "server string" */
	const char *domain;	    /* workgroup or domain, upper case */
	uint32_t server_type;	    /* RPC_SV_TYPE_*; 0 for RPC_SV_TYPE_DEFAULT */
	const char *user;	    /* the session's account, "" for anonymous */
	const char *user_domain;
	bool anonymous;		    /* sees shares, may not look up accounts */
	bool is_admin;		    /* sees what MS-SRVS keeps for administrators */
	struct rpc_sid machine_sid; /* local accounts hang below it; num_auths 0: none */

	/* The shares that this user may list ("browseable", access-based), IPC$ included. */
	void (*share_enum)(void *ctx, rpc_share_fn *fn, void *arg);
	/* Calls fn once for the share of that name (any case), listed or not; false: none. */
	bool (*share_find)(void *ctx, const char *name, rpc_share_fn *fn, void *arg);
	void (*session_enum)(void *ctx, rpc_session_fn *fn, void *arg);
	void (*connection_enum)(void *ctx, rpc_connection_fn *fn, void *arg);
	void (*file_enum)(void *ctx, rpc_file_fn *fn, void *arg);
	/* false: unknown. Both may block. name is "user", "DOMAIN\user" or "user@domain". */
	bool (*sid_to_account)(void *ctx, const struct rpc_sid *sid, struct rpc_account *out);
	bool (*name_to_account)(void *ctx, const char *name, struct rpc_account *out);
};

/* ---- pipe.c ---- */

struct rpc_pipe;

/*
 * Opens an instance of the pipe of that name ("srvsvc", "\srvsvc", "\PIPE\srvsvc", any case).
 * NULL and *status = OBJECT_NAME_NOT_FOUND when there is none.
 */
struct rpc_pipe *rpc_pipe_open(const char *name, const struct rpc_env *env, ntstatus *status);

/* No other call may be running or come. NULL is allowed. */
void rpc_pipe_close(struct rpc_pipe *p);

/* The pipe's name in lower case, without prefix; static. */
const char *rpc_pipe_name(const struct rpc_pipe *p);

/*
 * Takes a piece of the client's byte stream: any number of PDUs, or a part of one. When that
 * completes a call the reply lies in the pipe on return; the owner then retries its pending reads.
 * SUCCESS: all len bytes were taken. PIPE_BUSY: too many replies lie unread, nothing was taken.
 * PIPE_DISCONNECTED: the stream was broken by this or an earlier write; no more goes in, replies
 * queued before may still be read.
 */
ntstatus rpc_pipe_write(struct rpc_pipe *p, const void *buf, size_t len);

/*
 * Copies out the next message or the rest of one, *n bytes. SUCCESS: the message ends here.
 * BUFFER_OVERFLOW: cap bytes were given, more of this message remains. PIPE_EMPTY: nothing is
 * queued (the read pends). PIPE_DISCONNECTED: nothing is queued and nothing will be.
 */
ntstatus rpc_pipe_read(struct rpc_pipe *p, void *buf, size_t cap, size_t *n);

/* As rpc_pipe_read(), but the bytes stay queued (FSCTL_PIPE_PEEK). */
ntstatus rpc_pipe_peek(struct rpc_pipe *p, void *buf, size_t cap, size_t *n);

/*
 * FSCTL_PIPE_TRANSCEIVE: write and read in one. PIPE_BUSY while a reply lies unread; PIPE_EMPTY
 * when the bytes were taken and did not complete a call.
 */
ntstatus rpc_pipe_transceive(struct rpc_pipe *p, const void *in, size_t in_len, void *out,
			     size_t cap, size_t *n);

/* For FSCTL_PIPE_PEEK and FilePipeLocalInformation. */
struct rpc_pipe_state {
	bool disconnected;
	size_t read_available; /* unread bytes of all messages */
	size_t message_left;   /* unread bytes of the first */
	unsigned int messages;
};
void rpc_pipe_state(struct rpc_pipe *p, struct rpc_pipe_state *out);

#endif /* KH_RPC_H */
