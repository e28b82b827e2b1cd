/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kh_channel.h - the records that pass through the channel fd of an attached connection.
 *
 * One channel per connection. read() returns whole records, as many as fit (EMSGSIZE when not even
 * one does: the first eight bytes of what waits are then returned by KH_CHANNEL_PEEK); 0 when the
 * connection is over. write() takes whole records, as many as there is room for, and returns the
 * bytes of those that it took; EAGAIN when there is no room for one. A record that the module
 * refuses (EINVAL) ends the write; what stands before it was taken. Both can be polled.
 *
 * All fields are host-endian; records start at multiples of 8 from the first, and are padded with
 * zeros. SMB2 messages in them are as on the wire, plain: no transport prefix, no transform header.
 */
#ifndef KH_CHANNEL_H
#define KH_CHANNEL_H

#include <linux/types.h>
#include <linux/ioctl.h>

#define KH_RECORD_ALIGN	    8u
#define kh_record_size(len) (((len) + KH_RECORD_ALIGN - 1) & ~(KH_RECORD_ALIGN - 1))

/* ---- from the module to the daemon: struct kh_upcall, then the message ---- */

enum kh_upcall_type {
	/*
	 * A message that the module does not answer. Its message ids are taken out of the window,
	 * and it is decrypted. The daemon does all other checks.
	 */
	KH_UP_FRAME = 1,
	/* The module answered a CLOSE: value is the opaque record of the handle. No message. */
	KH_UP_CLOSED = 2,
	/* The last record: the connection is over; value is 0 or a KH_GONE_*. No message. */
	KH_UP_GONE = 3,
	/* A key has sealed or signed so much that a new session is due; value is its session id. */
	KH_UP_KEY_LIMIT = 4,
};

/* Why the module ends a connection (the names of the daemon's counters of bad input). */
enum kh_gone {
	KH_GONE_PEER = 0, /* the client closed it, or the network did */
	KH_GONE_FRAME_TYPE,
	KH_GONE_FRAME_TOO_SHORT,
	KH_GONE_FRAME_TOO_LONG,
	KH_GONE_HEADER,
	KH_GONE_COMPOUND,
	KH_GONE_MESSAGE_ID,
	KH_GONE_DECRYPT,
	KH_GONE_NO_MEMORY,
};

#define KH_UPF_SEALED 0x01 /* it came encrypted with the keys of session_id */
/*
 * Every element that says it is signed was verified with the signing key of its session on this
 * connection. Without it, the daemon verifies: a signature is wrong, or the module lacks the key.
 */
#define KH_UPF_VERIFIED 0x02

struct kh_upcall {
	__u32 len;	  /* of this header and the message, without padding */
	__u16 type;	  /* enum kh_upcall_type */
	__u16 flags;	  /* KH_UPF_* */
	__u64 session_id; /* of the transform header, with KH_UPF_SEALED */
	__u64 value;
	__u64 time_ns; /* CLOCK_MONOTONIC: when it was complete */
};

/* ---- from the daemon to the module: struct kh_reply, handles, then the message ---- */

/* The message goes out encrypted with the keys of session_id, which the module must have. */
#define KH_REPLYF_SEAL 0x01
/*
 * Credits are final as they stand in the header: exactly these are granted. For responses that go
 * into a preauthentication hash (MS-SMB2 3.3.5.5), which the daemon computes; at most 1 each, or
 * what was charged.
 */
#define KH_REPLYF_CREDITS 0x02
/*
 * With KH_REPLYF_CREDITS: the signatures are in, and stay as they are. For refusals that are signed
 * with the key of a session which this connection has no channel of (MS-SMB2 3.3.5.5.2): the module
 * is not to have it.
 */
#define KH_REPLYF_SIGNED 0x04

/*
 * The message is a response (or a chain of them by NextCommand), or a notification such as an
 * oplock break. The module puts in: credits (Credits holds what the client asked for, CreditCharge
 * what it was charged; a response with SMB2_FLAGS_ASYNC_COMMAND that is not STATUS_PENDING, and one
 * with message id 2^64-1, get none), signatures (of elements with SMB2_FLAGS_SIGNED, with the key
 * of the element's SessionId on this connection), encryption, the transport's prefix.
 */
struct kh_reply {
	__u32 len;	  /* of header, handles and message, without padding */
	__u16 flags;	  /* KH_REPLYF_* */
	__u16 nhandles;	  /* struct kh_reply_handle right behind this header */
	__u64 session_id; /* with KH_REPLYF_SEAL */
};

#define KH_REPLY_HANDLES_MAX 8

/*
 * A file that the module may serve from now on; before the message goes out. A handle that cannot
 * be taken (all slots in use, a bad fd) is left with the daemon: its slot's state says so.
 * HANDLE_ADD of the netlink family does the same and says why not.
 */
struct kh_reply_handle {
	__u64 vol;	  /* FileId.Volatile: generation << 32 | slot in kh_handles */
	__u64 persistent; /* FileId.Persistent */
	__u64 session_id;
	__u64 opaque; /* comes back in KH_UP_CLOSED and in dumps */
	__u32 tree_id;
	__s32 fd;	   /* the daemon keeps its own; I/O is done with the file's credentials */
	__u32 access;	   /* granted, MS-SMB2 2.2.13.1.1 */
	__u32 flags;	   /* KH_HANDLE_* of kh_maps.h */
	__u64 create_time; /* NTTIME, for the answer of CLOSE */
	__u32 attributes;  /* FILE_ATTRIBUTE_*, for the answer of CLOSE */
	__u32 alloc_unit;  /* allocation sizes are rounded up to it; 0 is 1 */
};

/* The size of the first record that waits, in bytes with padding; 0: none. */
#define KH_CHANNEL_PEEK _IOR('K', 1, __u32)

#endif /* KH_CHANNEL_H */
