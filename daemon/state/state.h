/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.h - sessions, tree connects and opens: what outlives a request.
 *
 * Every object has a reference count and an id under which a client finds it; being found and being
 * alive are two things: removal takes the id away at once, memory goes with the last reference.
 *
 *   session   found by id in a table with sharded locks. `lock` guards its lists and its state.
 *   channel   a session on one connection. On the connection's list and on the session's.
 *   tree      on its session's list, under session.lock.
 *   open      found by volatile id in a slot table without a lock: slot and generation are in the
 *             id and in the slot's word, together with the reference count.
 *   ofile     one per inode (or stream of an inode) that is open: share modes, delete-on-close and
 *             oplocks. Found and guarded by the lock of its bucket.
 */
#ifndef KH_STATE_H
#define KH_STATE_H

#include "server.h"
#include "smb2_parse.h"
#include "state/inode_set.h"
#include "vfs/acl.h"
#include "vfs/vfs.h"

struct ipc_env;
struct lease;
struct lease_answer;
struct lease_want;
struct lock_file;
struct notify_watch;
struct replay;
struct rpc_pipe;

/* ---- state/session.c ---- */

enum session_state {
	SESSION_IN_PROGRESS, /* first SESSION_SETUP under way */
	SESSION_VALID,
	SESSION_EXPIRED, /* wants re-authentication, MS-SMB2 3.3.5.2.9 */
	SESSION_GONE,	 /* logged off, or torn down */
};

struct session {
	_Atomic unsigned int refs;
	uint64_t id;
	struct list_head hash; /* session table */
	pthread_mutex_t lock;
	_Atomic int state;

	/* set by the first successful login, then constant */
	uint16_t dialect, cipher, signing_alg;
	uint8_t client_guid[16];
	char *user; /* account name as stored */
	char *domain, *workstation;
	struct unix_identity unix_id;
	struct identity *identity;
	struct security_token *token;
	bool guest, anonymous;
	bool signing_required;
	_Atomic bool refused; /* ended by a failed re-authentication: its connections keep the
				 channels */
	bool encrypt;	      /* Session.EncryptData: every request must come encrypted */
	struct smb2_key session_key; /* Session.FullSessionKey; len 0: guest or anonymous */
	struct smb2_keys keys;
	_Atomic uint32_t next_nonce_prefix;
	uint64_t created_ns;
	_Atomic uint64_t expires_ns;   /* what its authentication is good for; 0: for ever */
	_Atomic unsigned int nwaiting; /* requests that wait, on all of its connections */

	/* under lock */
	struct kh_session_slot *entry;	/* core/entry.h; NULL: none */
	struct list_head channels;	/* channel.session_node */
	_Atomic unsigned int nchannels; /* read without the lock */
	struct list_head trees;
	unsigned int ntrees;
	uint32_t next_tree_id;
	struct list_head opens;
	_Atomic unsigned int nopens; /* read without the lock */
};

struct channel {
	_Atomic unsigned int refs;
	struct session *session;       /* reference */
	struct conn *conn;	       /* borrowed: the channel dies with the connection's lists */
	struct list_head conn_node;    /* conn.channels, under conn.lock */
	struct list_head session_node; /* session.channels, under session.lock */
	struct list_head client_node;  /* state/channel.c: those of one client */
	uint64_t seq;		       /* later ones have higher numbers; constant once added */
	uint16_t signing_alg;
	struct smb2_key signing_key; /* len 0: cannot sign */
	bool in_kernel;		     /* the module has the keys (kernel/attach.h); reactor */
	/* contexts and nonces: the connection's reactor only */
	struct sign_ctx *sign;
	struct seal_ctx *enc, *dec;
	unsigned int nused; /* answers with them, up to CHANNEL_KEEPS */
	uint32_t nonce_prefix;
	uint64_t nonce_counter;
};

/* A SESSION_SETUP exchange of several legs: one per connection and session id. */
struct setup {
	struct list_head node;	 /* conn.setups, under conn.lock */
	struct session *session; /* reference */
	struct auth *auth;
	struct preauth_hash preauth;
	bool busy;    /* a leg is being worked on */
	bool binding; /* a further channel of an existing session */
	bool reauth;
	bool raw_ntlmssp;
};

struct session *session_new(void);
struct session *session_find(uint64_t id); /* reference, or NULL */
struct session *session_get(struct session *s);
void session_put(struct session *s);
/*
 * Takes the session away: no request finds it any more, its opens are closed, its trees and
 * channels dropped. Runs as a worker job (closing files blocks). Idempotent.
 */
void session_destroy(struct session *s);
/* The same, but its client did not end it: durable opens are kept for it (MS-SMB2 3.3.7.1). */
void session_lost(struct session *s);
/* The connection is gone: drops its setups and channels; sessions without a channel end. Worker. */
void session_conn_gone(struct conn *c);
/*
 * When it has to be authenticated anew: seconds from now, 0: never. It is valid again. Its files
 * are served by the daemon only while it can expire, as the module knows no time.
 */
void session_set_lifetime(struct session *s, uint64_t seconds);
/* Its state at this time (now_ns()); what has run out becomes SESSION_EXPIRED here. */
enum session_state session_state_at(struct session *s, uint64_t now);
void session_each(void (*fn)(void *arg, struct session *s), void *arg);
unsigned int session_count(void);
/* Sessions and exchanges on this connection; *setups (may be NULL): exchanges alone. */
unsigned int conn_session_count(struct conn *c, unsigned int *setups);

struct setup *setup_find_busy(struct conn *c,
			      uint64_t session_id); /* marks it busy; NULL if none */
struct setup *setup_new(struct conn *c, struct session *s);
void setup_release(struct conn *c, struct setup *su);
void setup_free(struct conn *c, struct setup *su); /* off the list and freed */

/* ---- state/channel.c ---- */

/* A channel of a session on a connection. The caller gets no reference: find it. */
struct channel *channel_new(struct session *s, struct conn *c);
void channel_add(struct channel *ch);
struct channel *channel_find(struct conn *c, uint64_t session_id); /* reference, or NULL */
struct channel *channel_get(struct channel *ch);
void channel_put(struct channel *ch);
/*
 * Reactor: its contexts, a kilobyte or two, go until they are needed again. Those of a client that
 * logs in and does little are made for each message: it shall cost nothing afterwards.
 */
#define CHANNEL_KEEPS 16 /* messages from which on they are kept */
void channel_rest(struct channel *ch);
static inline void channel_answered(struct channel *ch)
{
	unsigned int n = ch->nused + 1;

	if (likely(n > CHANNEL_KEEPS))
		return;
	channel_rest(ch);
	ch->nused = n;
}
/*
 * Takes it from its session, whose lock is held; the connection's half stays. The session's
 * reference becomes the caller's to put. False: somebody else did it.
 */
bool channel_unlink(struct channel *ch);
/*
 * The oldest channel with a higher number than `after`, of a session or of any session of a client:
 * a reference to it and one to its connection; or NULL.
 */
struct channel *channel_next_of_session(struct session *s, uint64_t after);
struct channel *channel_next_of_client(const uint8_t guid[16], uint64_t after);

/* ---- state/tree.c ---- */

struct tree {
	_Atomic unsigned int refs;
	uint32_t id;
	struct list_head node; /* session.trees */
	struct conf *conf;     /* reference; share points into it */
	const struct conf_share *share;
	char *name;	       /* as connected, [homes] resolved */
	struct vfs_share *vfs; /* NULL for IPC$ */
	struct acl_policy policy;
	struct identity *identity;	    /* reference; the session's, or `force user` */
	const struct security_token *token; /* the session's, or own_token */
	struct security_token *own_token;
	bool ipc, read_only, encrypt;
	bool left; /* its session is gone: set before its reference is */
	uint32_t max_access;
	uint64_t created_ns;
	_Atomic unsigned int nopens;
};

struct tree *tree_new(void);				/* empty, one reference */
struct tree *tree_find(struct session *s, uint32_t id); /* reference, or NULL */
void tree_get(struct tree *t);
void tree_put(struct tree *t); /* NULL is fine */
/*
 * Gives it an id and makes it visible (the list takes a reference); false: too many, or the session
 * is gone. From tree_destroy() on the node is a list of its own: open_publish() then refuses.
 */
bool tree_add(struct session *s, struct tree *t, unsigned int max);
/* Removes it, closes its opens, drops the list's reference. Idempotent. Worker. */
void tree_destroy(struct session *s, struct tree *t);

/* ---- state/share.c ---- */

/*
 * The opened root of a share at path, shared by all trees of the snapshot. Worker, as the daemon
 * (identity_become_self()). NULL and BAD_NETWORK_NAME (no such folder) or REQUEST_NOT_ACCEPTED
 * (`max connections` of the share). share_close() ends the use; NULL is fine.
 */
struct vfs_share *share_open(struct conf *conf, const struct conf_share *cs, const char *name,
			     const char *path, ntstatus *status);
void share_close(struct vfs_share *vfs);
/* No session is connected any more, but the use goes on until share_close_left(). */
void share_leave(struct vfs_share *vfs);
void share_close_left(struct vfs_share *vfs);
/* Tree connects to the disk share of that name now. */
unsigned int share_users(const char *name);
void share_policy(const struct conf_share *cs, bool read_only, struct acl_policy *p);

/* ---- state/share_access.c ---- */

/*
 * Decides by t->share's lists whether the user of s may connect, and fills in identity, token,
 * read_only, ipc, max_access and policy. ACCESS_DENIED, INSUFFICIENT_RESOURCES. Blocks (nsswitch).
 */
ntstatus share_admit(struct tree *t, const struct session *s, const struct conf_subst *v);
/* Do its lists of users let the user of s in? The first of share_admit()'s questions. */
bool share_may_connect(const struct conf_share *cs, const struct session *s,
		       const struct conf_subst *v);

/* ---- state/opens.c ---- */

/* How often a stream may be renamed through one handle. */
#define OPEN_STREAM_RENAMES 4

/* Does the client know of its oplock? A break that overtakes the answer would be ignored. */
enum oplock_told {
	OPLOCK_UNTOLD,	 /* not yet in an answer: may be lowered silently */
	OPLOCK_ANSWERED, /* in an answer that is not queued yet */
	OPLOCK_TOLD,
};

/* What an open may cache: its part in a lease or oplock (state/lease.h). */
struct oplock {
	pthread_mutex_t *lock; /* of the bucket of its file; NULL: never joined one */
	/* NULL: it caches nothing. Set by ofile_join(), reference until the open is freed. */
	struct lease *lease;
	struct list_head node;	       /* lease.opens, under the bucket's lock */
	enum oplock_told told;	       /* likewise */
	_Atomic uint8_t level;	       /* for views: SMB2_OPLOCK_LEVEL_*, or KH_OPLOCK_LEASE */
	const struct lease_want *want; /* within CREATE; NULL: nothing */
	/*
	 * Somebody (maybe this open) caches reads of the file, so that a change must tell him. Read
	 * without a lock, after the change was made: who was granted later reads the new data.
	 */
	_Atomic bool others_cache;
	struct lease *blocker; /* that ofile_join() found in the way: the caller's to put */
};

enum open_kind { OPEN_FILE, OPEN_DIR, OPEN_STREAM, OPEN_PIPE };

/* The LastWriteTime that is shown while the file is open; see state/write_time.c. */
struct write_time {
	enum {
		WRITE_TIME_NONE,    /* the kernel's */
		WRITE_TIME_PENDING, /* written to, `shown` is from before */
		WRITE_TIME_SHOWN,   /* later writes show at close */
		WRITE_TIME_FIXED,   /* set by a client */
	} state;
	uint64_t shown;	   /* NTTIME */
	uint64_t kernel;   /* the kernel's stamp that goes with it */
	uint64_t since_ns; /* when it became pending */
	uint64_t change;   /* ChangeTime that a client set, 0: none; forgotten at the last close */
};

/*
 * What the opens of a file use and do not share, as counts, so that one more need not be compared
 * with each of them: state/share_modes.h.
 */
struct share_modes {
	uint32_t uses[3], denies[3]; /* reading, writing, deletion */
};

/* One file of one share as all its openers see it. */
struct ofile {
	struct list_head hash;
	struct list_head opens;	 /* open.file_node */
	struct list_head leases; /* lease.node; those that are in the way come first */
	struct {
		uint32_t readers, handles, oplocks; /* leases with R, with H, that are oplocks */
	} caching;
	struct list_head handles; /* open.handle_node: of those, what the kernel module was given */
	unsigned int refs;	  /* opens */
	struct share_modes modes;
	uint64_t dev, ino;
	char *stream; /* folded name; NULL: the file itself */
	bool delete_pending;
	/* who is to delete: set with delete_pending, used by the last close */
	struct identity *delete_as;
	struct write_time wtime;
	uint64_t alloc; /* bytes a client reserved: what is shown when the file has fewer */
	struct lock_file *locks; /* reference */
};

#define OPEN_LOCK_SEQUENCES 64 /* MS-SMB2 3.3.1.10 Open.LockSequenceArray */

/* Of the application that opened it: MS-SMB2 3.3.1.10 Open.AppInstanceId and its version */
struct app_instance {
	uint8_t id[16];
	bool has_version;
	uint64_t version[2]; /* high, low */
};

/* What makes an open durable; constant from CREATE's answer on, but for the last part. */
struct durable {
	_Atomic uint8_t version; /* of the handle: 1, 2; 0: it is not durable. Set last */
	uint32_t timeout_ms;
	uint8_t create_guid[16];

	/* state/durable.c; the list's lock */
	enum { DURABLE_CONNECTED, DURABLE_KEPT, DURABLE_TAKEN, DURABLE_CLOSING } state;
	bool purge;		     /* to be closed by who took it; the bucket's lock */
	uint64_t deadline;	     /* seconds of now_ns() */
	struct list_head id_node;    /* by persistent id */
	struct list_head wheel_node; /* by deadline */
	struct list_head age_node;   /* the longest kept first */
	struct work work;
	struct durable_former *former; /* sessions and trees from before; the bucket's lock */
};

struct open {
	uint64_t vol, persistent; /* FileId */
	enum open_kind kind;
	struct kh_handle_slot *handle_entry; /* core/entry.h, constant; NULL: beyond the map */
	uint64_t conn_id, opened_ns;	     /* by whom and when, as the entry shows it */
	/* references, session from open_publish() on; others after a reconnect: state/durable.h */
	struct session *_Atomic session;
	struct tree *_Atomic tree;
	struct list_head session_node;
	struct list_head file_node, handle_node;
	struct ofile *file;	     /* NULL before ofile_join() and after ofile_leave() */
	uint64_t file_dev, file_ino; /* which it is, or was */
	struct inode_mark removal;   /* the name is about to go: state/removal.c */
	uint64_t looked; /* removal_count() before its name was looked up; a new file's: no end */
	uint64_t dos_looked; /* vfs_dos_changes() then; none are stored: no end */
	struct oplock oplock;

	int fd; /* readable and writable as `access` says; for attributes only: readable or O_PATH
		 */
	_Atomic bool nowait, nowait_write; /* the file system takes RWF_NOWAIT */
	bool memory;			   /* I/O never blocks (tmpfs) */
	bool append_only;		   /* FILE_APPEND_DATA without FILE_WRITE_DATA */
	bool write_through;
	bool small;	 /* it was when it was opened: VFS_QUICK_FREE */
	uint32_t access; /* granted */
	uint32_t share_access, options, disposition;
	uint32_t attributes_at_create;
	struct vfs_id entry; /* what the name is, for vfs_remove() */
	bool posix;	     /* made with the POSIX create context */
	int replaced_fd;     /* the file that became a reparse point, or -1; owned, under lock */

	pthread_mutex_t dir_lock; /* what follows, an enumeration: workers only, may block */
	struct vfs_dir *dir;
	char *pattern;
	bool dir_first; /* the next QUERY_DIRECTORY is the first one */

	pthread_mutex_t lock; /* what follows; a reactor takes it */
	char *path;	      /* share-relative UTF-8, '/' between components; "" is the root */
	uint64_t path_seed;   /* state/open_paths.c; 0: the path is not counted */
	int parent; /* the folder that path's last component is in, if it was kept, or -1; owned */
	/*
	 * NULL: none. Read without the lock: a rename puts another string here, and the old one
	 * lives on in old_names until the open is freed.
	 */
	char *_Atomic stream_name;
	char *old_names[OPEN_STREAM_RENAMES];
	unsigned int nold_names;
	bool delete_on_close; /* of this open; becomes the file's at close */
	bool is_delete_initial;
	_Atomic uint64_t position; /* FilePositionInformation */
	uint32_t mode;
	struct rpc_pipe *pipe;
	struct ipc_env *pipe_env;  /* what the pipe asks; owned */
	unsigned int pipe_writers; /* workers inside rpc_pipe_write() */
	struct list_head waiting;  /* pending pipe reads and notifies, request.waiters */
	bool closing;
	_Atomic unsigned int data_ops; /* READs and WRITEs of a file that the daemon did: 0, 1, 2 */
	_Atomic bool wrote;	       /* data went in through this open */

	/* state/notify.c, state/change.c */
	struct notify_watch *_Atomic watch; /* a folder's; owned; set once */
	_Atomic uint64_t change_told_ns;    /* when a write was told last; 0: not yet */
	_Atomic bool change_untold;	    /* something was written since */
	_Atomic bool renamed;		    /* a file, through this open: told at close */

	/* kernel/handles.c; the first is set once, the others are under the bucket's lock */
	struct kh_handle_slot *_Atomic handle; /* NULL: never offered to the kernel module */
	uint32_t handle_caps;		       /* what is in the slot */
	uint32_t handle_undrained;	       /* taken away, but nobody waited for it yet */
	bool handle_queued;		       /* the record is on its way to the module */
	bool handle_done;		       /* closed: not to be offered */
	bool handle_stale;		       /* attributes changed since the open */
	_Atomic bool leaving;		       /* open_close_rest() has it */
	_Atomic bool client_closed;	       /* by a CLOSE that the module answered */
	_Atomic uint64_t position_ops;	       /* of the module, when `position` was set */

	/* state/lock.c; the lists and the flag under the lock_file's lock */
	struct lock_file *locks; /* reference, until the open is freed; NULL: a pipe */
	struct list_head locks_held, locks_waiting;
	bool locks_closed;
	_Atomic uint64_t channel_seq;  /* state/channel_seq.c */
	_Atomic bool seq_drained;      /* it moved, and the module has nothing in flight any more */
	struct replay *_Atomic replay; /* state/replay.c: owned; NULL: it was used */
	uint32_t create_action;	       /* as CREATE answered */
	bool local_share;	       /* state/local_share.c */
	uint8_t kernel_lease;	       /* state/local_lease.c, under the bucket's lock */
	bool local_locks; /* some of them may be the kernel's too (state/local_lock.c) */
	bool asks_local;  /* constant: I/O heeds local programs' locks */
	struct durable durable;
	struct app_instance *app_instance; /* owned; constant once published; NULL: none */
	_Atomic bool disconnected;	   /* its client is lost: state/durable.h */
	_Atomic uint8_t lock_sequence[OPEN_LOCK_SEQUENCES]; /* number + 1; 0: not valid */
};

/* Slot for a new open with one reference (the table's) and one for the caller; NULL: table full. */
struct open *open_alloc(void);
/* Makes it visible under its id; false: the session or tree is gone (the caller drops it). */
bool open_publish(struct open *o, struct session *s);
struct open *open_find(uint64_t vol, uint64_t persistent); /* reference, or NULL */
struct open *open_find_vol(uint64_t vol);
struct open *open_get(struct open *o);
void open_put(struct open *o); /* the last one frees */
/* False: somebody else closed it already. Takes the id away; the table's reference goes along. */
bool open_unpublish(struct open *o);
/* Those that are found by their ids, and the disconnected. */
void open_each(void (*fn)(void *arg, struct open *o), void *arg);
/* The same up to the first for which fn gives true: then it gives true as well. */
bool open_any(bool (*fn)(void *arg, struct open *o), void *arg);
unsigned int open_count(void);
/*
 * For state/durable.c, under the lock of the file's bucket. Takes the id and the session's list
 * away, but o stays for open_each(), and keeps the table's reference. False: somebody closes it.
 */
bool open_disconnect(struct open *o);
/* The opposite, with another session and tree, whose references are taken; false: as for publish.
 */
bool open_reconnect(struct open *o, struct session *s, struct tree *t);
/* A disconnected open is closed: open_each() does not see it any more. */
void open_disconnected_gone(struct open *o);
/*
 * Does nobody but the table and the caller have a reference? So nobody knows what o was before; new
 * ones may come at once.
 */
bool open_is_quiet(struct open *o);

/* ---- state/ofile.c ---- */

/*
 * Share modes and oplocks (MS-SMB2 3.3.5.9, MS-FSA 2.1.5.1.2.2). Joins o to the file (dev, ino,
 * stream): checks o->access and o->share_access against the others, adds it and grants the oplock
 * that it wants, in one step. overwrite: the data is about to go, which counts as a write.
 * SHARING_VIOLATION or DELETE_PENDING otherwise; OFILE_MUST_WAIT: o->oplock.blocker
 * is being broken, and the whole CREATE is to be tried again after that.
 */
#define OFILE_MUST_WAIT 0x2F000010u /* never on the wire */
/* Likewise, by whoever opens a file: a local program has a lease on it. */
#define OPEN_MUST_WAIT 0x2F000011u
ntstatus ofile_join(struct open *o, uint64_t dev, uint64_t ino, const char *stream, bool overwrite);
/* All opens of the inode and its streams, a reference to each; *n 0: NULL. The caller frees. */
struct open **ofile_opens(uint64_t dev, uint64_t ino, size_t *n);
/* o stays joined, but has less access than it joined with: others look at it. */
void ofile_set_access(struct open *o, uint32_t access);
/* write_time_apply() for a file by its id, which need not be open: an entry of a listing. */
void ofile_show(struct vfs_attr *a);
/* The AllocationSize that a client asked for; write_time_show() tells it. */
void ofile_set_alloc(struct open *o, uint64_t bytes);
enum ofile_delete { OFILE_KEEP, OFILE_DELETE_STREAM, OFILE_DELETE_FILE };
/*
 * Leaves the file; its delete_on_close becomes the file's. Says what the caller has to delete now,
 * and as whom (*as: reference, or NULL).
 */
enum ofile_delete ofile_leave(struct open *o, struct identity **as);
ntstatus ofile_set_delete(struct open *o, bool on); /* FileDispositionInformation */
bool ofile_delete_pending(struct open *o);
/* Does another open of the same file refuse to share deletion (rename, MS-FSA 2.1.5.14.11)? */
bool ofile_others_deny_delete(struct open *o);
/* Is this inode, or a stream of it, open by anybody (who has no POSIX semantics)? */
bool ofile_inode_open(uint64_t dev, uint64_t ino, bool not_posix);
/* oplock_break_handle() for the inode and its streams. */
struct lease *ofile_break_handles(uint64_t dev, uint64_t ino, const struct open *by);
/* Is a stream of this inode open? Then it may not be renamed. */
bool ofile_streams_open(uint64_t dev, uint64_t ino);
/* The stream is called so from now on. ACCESS_DENIED: a stream of that name is open. */
ntstatus ofile_rename_stream(struct open *o, const char *to);
/*
 * May a rename or link put a name into this directory? It counts as an open for FILE_ADD_FILE that
 * does not share deletion: SHARING_VIOLATION, DELETE_PENDING (MS-FSA 2.1.5.14.11).
 */
ntstatus ofile_may_add_name(const struct open *o, uint64_t dev, uint64_t ino);
/* The file with its lock held, or NULL (closed meanwhile); both want ofile_unlock(). */
struct ofile *ofile_lock(struct open *o);
/* For kernel/handles.c. An open whose CLOSE the module answered and nobody finishes: reference. */
struct open *ofile_closed_by_client(uint64_t dev, uint64_t ino);
/* No handle of the inode shows the module's attributes any more. */
void ofile_handles_stale(uint64_t dev, uint64_t ino);
void ofile_unlock(struct open *o, struct ofile *f);

/* ---- state/removal.c ---- */

/* The last open has left, and the file is to go. Under its bucket's lock, by ofile_leave(). */
void removal_begin(struct open *o);
/* It went, or did not: by oplock_finish(). */
void removal_end(struct open *o);
/* How many have ended. */
uint64_t removal_count(void);
/*
 * Does the file go, or has it gone since removal_count() was `since`? (Or, rarely, another one.)
 * Under the bucket's lock: ofile_join() gives RETRY then.
 */
bool removal_is(uint64_t dev, uint64_t ino, uint64_t since);
/* Worker, no lock. */
void removal_wait(uint64_t dev, uint64_t ino);

/* ---- state/write_time.c: cheap on a reactor ---- */

/* Before the first write of a handle. */
void write_time_begin(struct open *o);
/* FLUSH, SetEndOfFile, SetBasic: what was written shows now. */
void write_time_flush(struct open *o);
/* The write time was set, and stays (on), or follows the kernel again. */
void write_time_fix(struct open *o, bool on);
void write_time_set_change(struct open *o, uint64_t change);
/* Puts what is shown in place of the kernel's write and change time, and of the allocation size. */
void write_time_show(struct open *o, struct vfs_attr *a);
/* The same from what is known already; the bucket's lock is held. */
void write_time_apply(const struct ofile *f, struct vfs_attr *a);
/* Before the attributes of CLOSE are read, and before ofile_leave(). */
void write_time_close(struct open *o);

/* ---- state/local_thread.c, see state/local.h ---- */

/*
 * Something to be asked again and again. fn runs on the thread, without a lock; true: go on. When
 * it gives false, p is its owner's again, and may be added anew.
 */
struct local_poll {
	struct list_head node;
	bool (*fn)(struct local_poll *p);
};

/* ---- state/lock.c ---- */

/*
 * Byte-range locks (MS-FSA 2.1.5.8, 2.1.5.9). The locks of one file, or stream, are a lock_file of
 * their own, which outlives the ofile for those who still hold a closed open. Any thread; nothing
 * here blocks longer than a look into a tree.
 */
struct lock_file {
	_Atomic unsigned int refs;
	_Atomic uint32_t count; /* locks that are held: read without the lock */
	pthread_mutex_t lock;	/* innermost but for a reactor's queue */
	struct range *root;
	uint32_t nwaiting;
	uint32_t nlocal; /* that the kernel has too */
	uint64_t next_wait;
	struct list_head blocked; /* lock_wait.node: who waits for a local program's lock */
	struct local_poll poll;	  /* for them; polled: it is under way, with a reference */
	bool polled;
	unsigned int holds; /* locks about to be taken, lock_file_hold() */
};

struct lock_range {
	uint64_t start, length;
	bool exclusive;
};

struct lock_file *lock_file_new(void);
struct lock_file *lock_file_get(struct lock_file *f);
void lock_file_put(struct lock_file *f); /* NULL is fine */
/* Nobody has a lock, waits for one, or is about to take one. */
bool lock_file_quiet(struct lock_file *f);
void lock_file_hold(struct lock_file *f, bool on);

/*
 * All of n locks, or none. LOCK_NOT_GRANTED, INVALID_LOCK_RANGE, FILE_CLOSED,
 * INSUFFICIENT_RESOURCES.
 */
ntstatus lock_take(struct open *o, const struct lock_range *r, unsigned int n);
/* Exactly this range, the exclusive lock first; then who waits. RANGE_NOT_LOCKED. */
ntstatus lock_drop(struct open *o, uint64_t start, uint64_t length);

/* One that waits for a lock; owned by the caller, who holds a reference to the open. */
struct lock_wait {
	struct list_head node;	    /* of those that wait for the same lock */
	struct list_head open_node; /* open.locks_waiting; empty: it does not wait */
	uint64_t number;	    /* its age */
	struct open *open;
	struct lock *lock; /* what it will be; NULL: granted */
	/* Any thread, under the lock_file's lock: may only pass it on. SUCCESS: the lock is held.
	 */
	void (*done)(struct lock_wait *w, ntstatus status);
};

/*
 * SUCCESS: the lock is held. PENDING: w is queued, and done() will come unless it is cancelled:
 * with SUCCESS, or RANGE_NOT_LOCKED when the open is closed. Others as lock_take().
 */
ntstatus lock_wait(struct lock_wait *w, struct open *o, const struct lock_range *r);
/* True: done() did not come, and will not. */
bool lock_wait_cancel(struct lock_wait *w);
/* The locks that o holds, and those that it waits for. fn must be quick: under a lock. */
void lock_each(struct open *o, void (*fn)(void *arg, const struct lock_range *r, bool waiting),
	       void *arg);
/* Nothing waits for a lock of o any more; what it holds stays. */
void lock_cancel_waits(struct open *o);
/* The open is being closed: its locks go, its waiters end, and it gets no new ones. */
void lock_close(struct open *o);

ntstatus lock_check_held(struct open *o, uint64_t off, uint64_t len, bool write);
/* May these bytes be read or written through o? FILE_LOCK_CONFLICT (MS-FSA 2.1.4.10). */
static inline ntstatus lock_check_io(struct open *o, uint64_t off, uint64_t len, bool write)
{
	if (likely(!o->locks ||
		   !(atomic_load_explicit(&o->locks->count, memory_order_relaxed) | o->asks_local)))
		return NT_STATUS_SUCCESS;
	return lock_check_held(o, off, len, write);
}

/* ---- state/oplock.c: who may cache a file, and how he is told to stop; objects: lease.h ---- */

/* For ofile.c, under the bucket's lock. sharing: what share modes say. SUCCESS: o may join. */
ntstatus oplock_contend(struct ofile *f, struct open *o, bool overwrite, ntstatus sharing);
/*
 * Who caches the handle of this file is asked to close it, for a rename or deletion (MS-FSA
 * 2.1.5.14.11); by (NULL: nobody) keeps its own lease. The one whose break is to be waited for,
 * with a reference; NULL: none.
 */
struct lease *oplock_break_handle(struct ofile *f, const struct open *by);
/* After ofile_leave(), and after what was to be deleted is: who waits for o goes on. */
void oplock_finish(struct open *o);

/* For the answer of CREATE: the level, and what a lease is. From here on a break must be sent. */
uint8_t oplock_answer(struct open *o, struct lease_answer *a);
/* The answer is queued: breaks follow it. Puts o. */
void oplock_told(struct open *o);

/* Somebody changed the data through o: tells all who cache reads of it, and waits for nobody. */
void oplock_changed_slow(struct open *o);
static inline void oplock_changed(struct open *o)
{
	if (unlikely(atomic_load_explicit(&o->oplock.others_cache, memory_order_relaxed)))
		oplock_changed_slow(o);
}

/* The client's acknowledgement, MS-SMB2 3.3.5.22.1: the status of the answer. */
ntstatus oplock_acknowledge(struct open *o, uint8_t level);
/* Reactor 0, once a second: breaks that nobody acknowledged. True: some are under way. */
bool oplock_tick(uint64_t now);

/* ---- state/open_paths.c ---- */

/* Of a new open, on disk: the file that it joined may be renamed from now on. */
void open_path_set(struct open *o, const char *path);
/* By opens.c, before o is freed. */
void open_path_gone(struct open *o);
/*
 * After a rename by o: all opens of its share that are called old_path or lie below get new_path.
 * Costs what the file has of opens; for a folder also all opens there are, if any are below.
 */
void opens_renamed(struct open *o, const char *old_path, const char *new_path);
/* Some open below this directory of the share (itself not counted)? Cheap where none is. */
bool opens_below(const struct vfs_share *share, const char *path);
/* oplock_break_handle() for what is open below. */
struct lease *opens_below_break(const struct vfs_share *share, const char *path);

#endif /* KH_STATE_H */
