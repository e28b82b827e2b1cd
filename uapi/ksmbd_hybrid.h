/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* Made by scripts/ynl-gen from uapi/ksmbd_hybrid.yaml, where everything is explained. */
#ifndef KH_KSMBD_HYBRID_H
#define KH_KSMBD_HYBRID_H

#define KSMBD_HYBRID_FAMILY_NAME "ksmbd_hybrid"
#define KSMBD_HYBRID_FAMILY_VERSION 1

/* Of this family, the channel's records and the maps. Module and daemon must have the same. */
#define KH_NL_ABI 1

/* Bytes of the name of an instance, without the terminating zero. */
#define KH_NL_INSTANCE_MAX 32

/* Bytes of a key. */
#define KH_NL_KEY_MAX 32

/* Bytes that the daemon may have read from the socket without handling them. */
#define KH_NL_UNHANDLED_MAX 32768

/* Sessions that may come along with CONN_ATTACH; others by SESSION_SET. */
#define KH_NL_SESSIONS_MAX 64

/* What the session demands of a request. */
enum kh_session_flags {
	KH_NL_SESSION_SIGNING_REQUIRED = 1, /* Every request must be signed, or sealed. */
	KH_NL_SESSION_ENCRYPT = 2, /* Every request must come sealed. */
};

enum {
	KH_A_SERVER = 1,
	KH_A_ABI,
	KH_A_INSTANCE,
	KH_A_VERSION,
	KH_A_FEATURES,
	KH_A_SERVER_ID,
	KH_A_HANDLES_MAP,
	KH_A_CONNS_MAP,
	KH_A_OP_STATS_MAP,
	KH_A_CONN_ID,
	KH_A_CONN,
	KH_A_CHANNEL,
	KH_A_SESSION_ID,
	KH_A_SESSION,
	KH_A_VOL,
	KH_A_HANDLE,
	KH_A_CAPS,

	__KH_A_MAX,
	KH_A_MAX = (__KH_A_MAX - 1)
};

enum {
	KH_CONN_A_ID = 1,
	KH_CONN_A_SLOT,
	KH_CONN_A_SOCKET,
	KH_CONN_A_DIALECT,
	KH_CONN_A_LARGE_MTU,
	KH_CONN_A_MAX_FRAME,
	KH_CONN_A_MAX_READ,
	KH_CONN_A_MAX_WRITE,
	KH_CONN_A_UP_LIMIT,
	KH_CONN_A_OUT_LIMIT,
	KH_CONN_A_WINDOW,
	KH_CONN_A_UNHANDLED,
	KH_CONN_A_SESSIONS,
	KH_CONN_A_UP_BYTES,
	KH_CONN_A_OUT_BYTES,

	__KH_CONN_A_MAX,
	KH_CONN_A_MAX = (__KH_CONN_A_MAX - 1)
};

enum {
	KH_SESSION_A_ID = 1,
	KH_SESSION_A_FLAGS,
	KH_SESSION_A_SIGNING_ALG,
	KH_SESSION_A_SIGNING_KEY,
	KH_SESSION_A_CIPHER,
	KH_SESSION_A_ENC_KEY,
	KH_SESSION_A_DEC_KEY,
	KH_SESSION_A_NONCE_PREFIX,

	__KH_SESSION_A_MAX,
	KH_SESSION_A_MAX = (__KH_SESSION_A_MAX - 1)
};

enum {
	KH_HANDLE_A_VOL = 1,
	KH_HANDLE_A_PERSISTENT,
	KH_HANDLE_A_SESSION_ID,
	KH_HANDLE_A_TREE_ID,
	KH_HANDLE_A_FD,
	KH_HANDLE_A_ACCESS,
	KH_HANDLE_A_FLAGS,
	KH_HANDLE_A_OPAQUE,
	KH_HANDLE_A_CREATE_TIME,
	KH_HANDLE_A_ATTRIBUTES,
	KH_HANDLE_A_INFLIGHT,

	__KH_HANDLE_A_MAX,
	KH_HANDLE_A_MAX = (__KH_HANDLE_A_MAX - 1)
};

enum {
	KH_CMD_HELLO = 1,
	KH_CMD_MAPS_BIND,
	KH_CMD_CONN_ATTACH,
	KH_CMD_CONN_DUMP,
	KH_CMD_SESSION_SET,
	KH_CMD_SESSION_DEL,
	KH_CMD_HANDLE_ADD,
	KH_CMD_HANDLE_DEL,
	KH_CMD_HANDLE_BARRIER,
	KH_CMD_HANDLE_DUMP,

	__KH_CMD_MAX,
	KH_CMD_MAX = (__KH_CMD_MAX - 1)
};

#endif /* KH_KSMBD_HYBRID_H */
