/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kh_maps.h - keys and values of the pinned BPF maps, used by the daemon, the module, bpf/ and ctl.
 *
 * All are arrays with BPF_F_MMAPABLE: the daemon writes its fields through its mapping with plain
 * stores, the module writes its own in place; every field says who writes it. No key, no name of a
 * file, no content is ever in here. Sizes are powers of two of cache lines, so that neither entries
 * nor writers share a line.
 */
#ifndef KH_MAPS_H
#define KH_MAPS_H

#include <linux/types.h>

#ifndef KH_MAPS_NO_DEFAULTS
#define KH_HANDLES_MAX 65536u /* slots; further opens stay with the daemon */
#define KH_CONNS_MAX   16384u
#endif

/* ---- kh_handles: what the module may do with an open file, and what it did ---- */

#define KH_CAP_READ  0x01u /* answer READ */
#define KH_CAP_WRITE 0x02u /* answer WRITE */
#define KH_CAP_FLUSH 0x04u /* answer FLUSH */
#define KH_CAP_CLOSE 0x08u /* answer CLOSE, and tell the daemon afterwards (KH_UP_CLOSED) */
#define KH_CAPS_ALL  0x0Fu

/* Constant for the life of a handle. */
#define KH_HANDLE_MEMORY	0x01u /* the file system never waits for a disk (tmpfs) */
#define KH_HANDLE_WRITE_THROUGH 0x02u /* every WRITE is on disk before it is answered */
#define KH_HANDLE_ENCRYPT	0x04u /* the tree wants sealed requests */
#define KH_HANDLE_SYNC		0x08u /* FLUSH reaches the disk (`strict sync`) */

enum kh_handle_state {
	KH_HANDLE_FREE = 0,
	KH_HANDLE_OPEN = 1, /* the module has the file */
	KH_HANDLE_CLOSED =
		2, /* the client's CLOSE was answered by the module; the daemon has yet to */
};

/*
 * The daemon stores caps (release) at any time. The module counts itself in flight, reads caps,
 * acts; so after taking one away, HANDLE_BARRIER returns when nobody acts by the old value.
 */
struct kh_handle_slot {
	/* the daemon's line */
	__u64 vol; /* FileId.Volatile of the open in this slot; 0: none */
	__u64 session_id;
	__u32 tree_id;
	__u32 caps;    /* KH_CAP_*; 0 unless the module has it */
	__u64 conn_id; /* that opened it */
	__u64 pad0[4];
	/* the module's line */
	__u32 state; /* enum kh_handle_state */
	__u32 pad1;
	__u64 reads, read_bytes;
	__u64 writes, write_bytes; /* not 0: the file was changed through this handle */
	__u64 end;		   /* position behind the last READ or WRITE */
	__u64 pad2[1];
	__u64 last_ns; /* CLOCK_MONOTONIC */
};

/* ---- kh_conns: one slot per attached connection ---- */

struct kh_conn_slot {
	/* the daemon's line */
	__u64 id; /* of the connection, as `status` shows it; 0: free */
	__u64 attached_ns;
	__u32 addr[4]; /* the client, IPv6 or mapped IPv4, network order */
	__u16 port;    /* host order */
	__u16 dialect;
	__u32 pad0[7];
	/* the module's lines */
	__u64 bytes_in, bytes_out;	 /* of the transport */
	__u64 frames, served, passed_up; /* messages: received, answered, given to the daemon */
	__u64 replies;			 /* of the daemon */
	__u32 up_bytes, out_bytes;	 /* waiting for the daemon, for the socket */
	__u32 credits;			 /* that the client holds */
	__u32 cpu;			 /* where it ran last */
	__u64 stalls; /* times that the socket was not read because a queue was full */
	__u64 pad1[7];
};

/*
 * ---- kh_op_stats: one entry per lane, plane and SMB2 command ----
 *
 * A lane has one writer: the module writes the kernel plane's entries of lane = CPU (preemption
 * off), reactor n those of the user plane of lane n, workers those of the last lane. Sum over
 * lanes.
 */

enum kh_plane { KH_PLANE_USER = 0, KH_PLANE_KERNEL = 1, KH_PLANES };

#define KH_OPS				  32u /* SMB2 commands, rounded up */
#define KH_LANE_ENTRIES			  (KH_PLANES * KH_OPS)
#define kh_op_index(lane, plane, command) ((lane)*KH_LANE_ENTRIES + (plane)*KH_OPS + (command))
#define KH_LATENCY_BUCKETS		  24u /* bucket n: less than 2^n microseconds, the last: more */

struct kh_op_stat {
	__u64 count, errors;
	__u64 bytes_in, bytes_out;	      /* of WRITE's and READ's data */
	__u64 latency_us[KH_LATENCY_BUCKETS]; /* log2 */
	__u64 pad[4];
};

#endif /* KH_MAPS_H */
