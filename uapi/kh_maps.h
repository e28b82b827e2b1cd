/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kh_maps.h - keys and values of the pinned BPF maps, used by the daemon, the module, bpf/ and ctl.
 *
 * What the daemon and the module write are arrays with BPF_F_MMAPABLE: each writes its fields in
 * place with plain stores; every field says who writes it. Sizes are multiples of cache lines, and
 * neither entries nor writers share a line. A reader takes an entry as it finds it: `id` (vol) is
 * stored last when the entry is filled, and first, to 0, when it is given back, so a reader who
 * finds the same id before and after has not mixed two lives. No key, no hash of a password and no
 * content of a file is ever in here; names of users and files are: the pins are root's, or a
 * configured group's.
 */
#ifndef KH_MAPS_H
#define KH_MAPS_H

#include <linux/types.h>

#ifndef KH_MAPS_NO_DEFAULTS
#define KH_HANDLES_MAX	65536u /* slots; further opens stay with the daemon */
#define KH_CONNS_MAX	16384u /* further connections are served, and not shown */
#define KH_SESSIONS_MAX 16384u
#define KH_REACTORS_MAX 256u
#endif

#define KH_USER_MAX 64u /* bytes with the NUL; longer ones are cut */
#define KH_WHY_MAX  96u

/* ---- kh_server: one entry: who serves, and how ---- */

enum kh_steer {
	KH_STEER_NONE,	 /* the kernel's hash over the listeners */
	KH_STEER_CPU,	 /* the reactor of the CPU that took the packet */
	KH_STEER_CLIENT, /* by client address: all channels of a client on one reactor */
	KH_STEER_NUMA,	 /* a reactor of the CPU's node */
	KH_STEER_ROUND_ROBIN,
	KH_STEERS
};

/* The daemon writes it at its start, but for the second line. */
struct kh_server_slot {
	__u64 start_ns;	      /* CLOCK_MONOTONIC */
	__u64 start_realtime; /* seconds */
	__u32 pid;
	__u32 reactors; /* entries of kh_reactors */
	__u32 lanes;	/* of kh_op_stats */
	__u32 pad0[9];
	/* its second line: changes while it runs */
	__u64 generation;   /* of the configuration */
	__u32 steer;	    /* enum kh_steer */
	__u32 steer_by_bpf; /* 0: SO_INCOMING_CPU or the kernel's hash */
	__u32 connections, preauth, sessions, opens;
	__u32 watches;	    /* folders that clients watch (CHANGE_NOTIFY) */
	__u32 changes_lost; /* how often they were told to look for themselves (NOTIFY_ENUM_DIR) */
	__u32 pad1[6];
	char version[32];
	char instance[64];
	char kmod_why[KH_WHY_MAX]; /* why the kernel does not serve data; "": it does */
	char bpf_why[KH_WHY_MAX];  /* what of BPF is missing: steering, guard; "": nothing */
	char steer_why[KH_WHY_MAX];
	char listeners[512]; /* "127.0.0.1:445 [::1]:445", cut at a word */
	char conf_path[256];
};

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
	KH_HANDLE_OPEN = 1,   /* the module has the file */
	KH_HANDLE_CLOSED = 2, /* the module answered the client's CLOSE; the daemon has yet to */
};

#define KH_OPLOCK_LEASE 0x40u /* and SMB2_LEASE_*: the open is in a lease of this state */

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
	__u64 opened_ns;
	__u32 access; /* granted */
	__u8 share_access;
	__u8 oplock; /* SMB2_OPLOCK_LEVEL_*, or KH_OPLOCK_LEASE */
	__u16 kind;  /* enum open_kind of the daemon: 0 file, 1 folder, 2 stream, 3 pipe */
	__u64 disconnected_ns; /* since when a durable handle has no client; 0: it has one */
	__u32 uid;	       /* whose it is */
	__u32 pad0;
	/* the daemon's second line: what it did itself, any of its threads */
	__u64 user_reads, user_read_bytes;
	__u64 user_writes, user_write_bytes;
	__u64 user_last_ns;
	__u64 pad2[3];
	/* the module's line */
	__u32 state; /* enum kh_handle_state */
	__u32 pad1;
	__u64 reads, read_bytes;
	__u64 writes, write_bytes; /* not 0: the file was changed through this handle */
	__u64 end;		   /* position behind the last READ or WRITE */
	__u64 pad3[1];
	__u64 last_ns; /* CLOCK_MONOTONIC */
};

/* ---- kh_names: names of what is open, by the slots of kh_handles; the daemon writes them ---- */

struct kh_name {
	char share[40]; /* NUL-terminated, cut */
	char path[88];	/* share-relative; a long one has "..." and its end */
};

/* ---- kh_conns: one slot per connection ---- */

enum kh_conn_state {
	KH_CONN_STATE_NEW = 1,
	KH_CONN_STATE_NEGOTIATED,
	KH_CONN_STATE_READY,
	KH_CONN_STATE_CLOSING,
};

struct kh_conn_slot {
	/* the daemon's lines: its reactor */
	__u64 id; /* of the connection, as `status` shows it; 0: free */
	__u64 accepted_ns;
	__u64 attached_ns; /* 0: in user space, `why` says why */
	__u32 addr[4];	   /* the client, IPv6 or mapped IPv4, network order */
	__u16 port;	   /* host order */
	__u16 local_port;
	__u16 dialect; /* 0 before NEGOTIATE */
	__u16 signing_alg, cipher;
	__u16 reactor;
	__u16 state; /* enum kh_conn_state */
	__u16 sessions;
	__u32 requests; /* under way in the daemon */
	__u32 pad0;
	char why[64];
	/* its line that changes with each request */
	__u64 user_bytes_in, user_bytes_out; /* of the transport, before attach */
	__u64 user_frames;		     /* requests that the daemon read from the socket */
	__u64 user_last_ns;		     /* of the last of them */
	__u32 user_credits;		     /* that the client holds, before attach */
	__u32 user_out_bytes;		     /* waiting for the socket, before attach */
	__u64 pad2[3];
	/* the module's lines */
	__u64 bytes_in, bytes_out;	 /* of the transport */
	__u64 frames, served, passed_up; /* messages: received, answered, given to the daemon */
	__u64 replies;			 /* of the daemon */
	__u32 up_bytes, out_bytes;	 /* waiting for the daemon, for the socket */
	__u32 credits;			 /* that the client holds */
	__u32 cpu;			 /* where it ran last */
	__u64 stalls; /* times that the socket was not read because a queue was full */
	__u64 pad3[7];
};

/* ---- kh_sessions: one slot per session that is logged in; the daemon writes it ---- */

#define KH_SESSION_GUEST	    0x01u
#define KH_SESSION_ANONYMOUS	    0x02u
#define KH_SESSION_ENCRYPT	    0x04u
#define KH_SESSION_SIGNING_REQUIRED 0x08u

struct kh_session_slot {
	__u64 id; /* 0: free */
	__u64 created_ns;
	__u64 conn_id; /* of its first channel */
	__u32 flags;   /* KH_SESSION_* */
	__u32 uid;
	__u16 dialect, signing_alg, cipher, channels;
	__u32 trees, opens;
	__u64 pad0[2];
	char user[KH_USER_MAX];
	char unix_user[KH_USER_MAX];
};

/* ---- kh_reactors: one entry per reactor, which writes it ---- */

struct kh_reactor_slot {
	__u32 cpu; /* that it is bound to; ~0: to none */
	__u32 connections;
	__u64 accepted, closed;
	__u64 bytes_in, bytes_out;
	__u64 wakeups;	   /* returns from waiting */
	__u64 completions; /* of the ring */
	__u64 requests;
	__u64 to_workers;		/* of them, those that a worker ran */
	__u64 attached, attach_refused; /* connections, by the kernel module */
	/* CPU time of its thread, system calls among it, read once a second: at at_ns */
	__u64 busy_ns, at_ns;
	__u64 looked; /* of the wakeups, those without sleep: `busy poll` */
	__u64 pad0[2];
};

/* ---- kh_bad_input: why input was refused; one entry per lane (of kh_op_stats) ---- */

#define KH_BAD_INPUT_LIST(X)                                                        \
	X(frame_type)	    /* transport prefix of another protocol */              \
	X(frame_too_short)  /* no room for a header */                              \
	X(frame_too_long)   /* above the maximum message size */                    \
	X(header)	    /* protocol id or header size */                        \
	X(compound)	    /* NextCommand broken */                                \
	X(message_id)	    /* used or outside the window */                        \
	X(structure_size)   /* body's StructureSize or too short for it */          \
	X(parameter)	    /* offset, length or value in a body */                 \
	X(credit_charge)    /* less than the payload needs */                       \
	X(signature)	    /* missing or wrong */                                  \
	X(decrypt)	    /* transform header or tag wrong */                     \
	X(unencrypted)	    /* plain where encryption is required */                \
	X(before_negotiate) /* a command before NEGOTIATE, or a second NEGOTIATE */ \
	X(auth_blob)	    /* malformed SPNEGO or NTLMSSP */                       \
	X(login_failed)                                                             \
	X(name) /* malformed file name */                                           \
	X(create_context)                                                           \
	X(refused_host) /* hosts allow/deny */                                      \
	X(blocked)	/* the block list */                                        \
	X(limit)	/* a connection above a limit */                            \
	X(preauth_timeout)

struct kh_bad_input {
#define KH_X(name) __u64 name;
	KH_BAD_INPUT_LIST(KH_X)
#undef KH_X
} __attribute__((aligned(64)));

/* ---- of the XDP guard (bpf/xdp_guard.bpf.c) ---- */

#define KH_GUARD_IFS	8u  /* interfaces that one server guards */
#define KH_GUARD_QUEUES 64u /* RX queues of each; what is above counts as the last */
#define KH_GUARD_PORTS	8u
#define KH_GUARD_CPUS	64u

/*
 * kh_queue_stats: what came for our ports. Per-CPU array; the entry is the place of the interface
 * in kh_guard_conf times KH_GUARD_QUEUES, plus the RX queue; sum over CPUs. Per CPU because in
 * generic mode every packet is of queue 0, on whatever CPU it is handled.
 */
struct kh_queue_stat {
	__u64 packets, bytes; /* for our ports, the dropped ones too */
	__u64 syns;
	__u64 blocked, limited; /* dropped: by the blocklist, above the SYN rate */
	__u64 redirected;	/* to another CPU */
	__u64 malformed;	/* cut short: passed, the stack refuses it */
	__u64 pad0;
};

struct kh_source_key {
	__u32 addr[4]; /* IPv6 (its first bits, kh_guard_conf.mask6) or mapped IPv4, network order
			*/
};

/* kh_sources: whose packets passed. LRU per-CPU hash by kh_source_key; sum over CPUs. */
struct kh_source {
	__u64 packets, bytes;	 /* all but new SYNs, for which see kh_syn_sources */
	__u64 first_ns, last_ns; /* CLOCK_MONOTONIC, a few ms coarse; 0 where a CPU saw none */
	__u64 tick;		 /* of last_ns; the program's own */
};

/* kh_syn_sources: who connects. LRU hash by kh_source_key, shared by all CPUs. */
struct kh_syn_source {
	__u64 tat; /* theoretical arrival time of the limiter (GCRA), ns */
	__u64 syns, limited;
	__u64 last_ns;
};

/* kh_blocklist: LPM trie; IPv4 as mapped, so 96 bits more. The daemon adds and deletes. */
struct kh_block_key {
	__u32 prefix_len; /* bits */
	__u32 addr[4];
};

enum kh_block_why { KH_BLOCK_BY_HAND = 1, KH_BLOCK_AUTH };

struct kh_block {
	__u64 until_ns; /* CLOCK_MONOTONIC; 0: for good */
	__u64 since_ns;
	__u64 dropped; /* packets; the program adds */
	__u32 why;     /* enum kh_block_why */
	__u32 pad0;
};

/* kh_guard_conf: one entry; the daemon writes it. */
struct kh_guard_conf {
	__u64 syn_interval_ns;	     /* between SYNs of a source in the long run; 0: no limit */
	__u64 syn_burst_ns;	     /* how far it may be ahead of that */
	__u32 mask6[4];		     /* bits of an IPv6 address that make a source, network order */
	__u16 ports[KH_GUARD_PORTS]; /* network order; 0: none from here on */
	__u32 nifs;
	__u32 ncpus; /* of cpus; 0: packets stay on the CPU that received them */
	__u32 ifindex[KH_GUARD_IFS];
	__u32 redirect[KH_GUARD_IFS]; /* may packets of this interface go to another CPU? */
	__u16 cpus[KH_GUARD_CPUS];    /* by kh_guard_cpus (cpumap) */
};

/* ---- of the steering program (bpf/steer.bpf.c) ---- */

#define KH_STEER_CPUS	1024u
#define KH_STEER_NODES	64u
#define KH_STEER_GROUPS 128u /* addresses with a port; further ones have the kernel's hash */

/* Reactors first to first + count - 1. */
struct kh_steer_range {
	__u16 first, count;
};

/* kh_steer_conf: one entry, memory-mapped; the daemon writes it, but for the second line. */
struct kh_steer_conf {
	__u32 mode;	/* enum kh_steer */
	__u32 reactors; /* that listen: entries of a group in kh_steer_socks that are in use */
	__u32 pad0[14];
	/* the program's line */
	__u64 next;	/* round-robin */
	__u64 missed;	/* left to the kernel's hash although the mode is another */
	__u64 migrated; /* connections of a closing listener that went to another one */
	__u64 refused;	/* of an address that is no longer listened on */
	__u64 pad1[4];
	struct kh_steer_range of_cpu[KH_STEER_CPUS];
	struct kh_steer_range of_node[KH_STEER_NODES];
};

/* kh_steer_groups: hash of the addresses that are listened on, as their sockets have them. */
struct kh_steer_key {
	__u32 addr[4]; /* network order; IPv4 in the first */
	__u16 port;    /* host order */
	__u16 family;  /* AF_INET, AF_INET6 */
};

struct kh_steer_group {
	__u32 index;   /* listeners in kh_steer_socks: index * KH_REACTORS_MAX + reactor */
	__u32 closing; /* no new connections; those under way come to their end */
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
