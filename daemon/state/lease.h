/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lease.h - what clients may cache of a file: leases, and oplocks as the lesser kind of them.
 *
 * One object, struct lease, per lease key of a client on one ofile, shared by the opens that named
 * the key (MS-SMB2 3.3.1.12); or per open that has an oplock: level II is R, exclusive is RW, batch
 * is RWH (MS-FSA 2.1.5.17). So who conflicts with whom is written once, state/oplock.c.
 *
 *   lease       on its ofile's list, and guarded by the bucket's lock of that file, as the ofile
 * is. references  one per open that is in it, one per blocker, notification and timer. The ofile's
 *               list and the table own none: the last open that leaves takes it from both.
 *   table       (client GUID, key) → lease, sharded; for acknowledgements, and for "this key is in
 *               use on another file". Its lock is taken inside the bucket's.
 *   breaks      the conflicting operation does not wait in a thread: it gets a blocker (a lease
 * that is breaking, referenced), waits on that by wait_for_break(), and is tried again from the
 * start. That several break at once is fine: it waits for one after the other.
 *
 * A client that is told over its answer must have had the answer before: `told` of each open, see
 * struct oplock in state.h.
 */
#ifndef KH_LEASE_H
#define KH_LEASE_H

#include "server.h"
#include "state/state.h"

#define LEASE_KEY_SIZE 16
#define LEASE_RWH      (SMB2_LEASE_READ_CACHING | SMB2_LEASE_WRITE_CACHING | SMB2_LEASE_HANDLE_CACHING)

/* What a CREATE asks for; create_lease.c fills it in. */
struct lease_want {
	uint8_t version; /* 0: an oplock of this state; 1, 2: the lease with this key */
	uint8_t state;	 /* SMB2_LEASE_*; 0 and version 0: nothing */
	uint8_t client[16], key[LEASE_KEY_SIZE], parent_key[LEASE_KEY_SIZE];
	bool has_parent_key;
	uint16_t epoch;
};

struct lease {
	_Atomic unsigned int refs;
	pthread_mutex_t *lock; /* of the file's bucket; constant; guards what follows */

	/* constant */
	uint8_t version; /* 0: an oplock */
	bool level2_ok;	 /* the share lets it keep R when it loses W */
	bool is_dir;
	uint8_t client[16], key[LEASE_KEY_SIZE];

	struct ofile *file;	/* NULL: all opens have left */
	struct list_head node;	/* ofile.leases */
	struct list_head opens; /* open.oplock.node */
	unsigned int nopens;
	_Atomic uint8_t state; /* SMB2_LEASE_*; while breaking, what it is broken from */
	_Atomic bool breaking; /* an acknowledgement, or the end of its opens, is awaited */
	uint8_t break_to;      /* what the client was told to come down to */
	uint8_t break_goal;    /* what it has to come down to in the end: a part of break_to */
	uint16_t epoch;	       /* MS-SMB2 3.3.1.12 Lease.Epoch; 0 in version 1 */
	bool has_parent_key;
	uint8_t parent_key[LEASE_KEY_SIZE];
	bool known;	       /* the client has had an answer that names it */
	unsigned int answered; /* answers that name it, not queued yet: a notification waits */
	bool unsent;	       /* that notification */

	uint64_t deadline_ns;
	struct list_head deadline_node; /* breaks under way, under a lock of its own */
	struct list_head waiters;	/* request.waiters */

	struct list_head hash;	   /* table; under its shard's lock */
	struct list_head dir_node; /* lease_dir.c's table */
};

struct lease *lease_get(struct lease *l);
void lease_put(struct lease *l); /* NULL is fine; the last one frees */

/* ---- state/lease.c: objects ---- */

/* With a reference, or NULL. Any thread, no table lock held. */
struct lease *lease_find(const uint8_t client[16], const uint8_t key[LEASE_KEY_SIZE]);
/*
 * Is the key in use on another file than this one (MS-SMB2 3.3.5.9.8)? With dev and ino 0: on any.
 * A look ahead, before a CREATE makes a file; lease_join() decides.
 */
bool lease_key_elsewhere(const uint8_t client[16], const uint8_t key[LEASE_KEY_SIZE], uint64_t dev,
			 uint64_t ino, const char *stream);

/*
 * Bucket's lock. o, which is on f's list, gets what it wants of o->oplock.want as far as the others
 * let it, MS-SMB2 3.3.5.9.8 and .11: a new lease, or its part of one that is there, which may grow.
 * INVALID_PARAMETER: the key is in use on another file.
 */
ntstatus lease_join(struct ofile *f, struct open *o);
/* Bucket's lock; o is off f's list. o->oplock.lease stays until oplock_finish(). */
void lease_leave(struct ofile *f, struct open *o);

/* ---- for who has an open: durable handles, kernel oplocks, views ---- */

/* SMB2_LEASE_* that the open's lease or oplock has now. Any thread; a look. */
uint8_t open_caching(const struct open *o);
/*
 * May it become durable (3.3.5.9.6, .10)? A batch oplock, or a lease with H, that is not breaking.
 * Any thread.
 */
bool open_caches_handle(struct open *o);
/* Version (1, 2) of its lease and the key; 0: it has none (an oplock counts as none). Any thread.
 */
uint8_t open_lease_key(const struct open *o, uint8_t key[LEASE_KEY_SIZE]);
/* Same client and key? Both may be without. Any thread. */
bool open_same_lease(const struct open *a, const struct open *b);
/* Bucket's lock: SMB2_LEASE_* of all leases of the file together. */
uint8_t ofile_caching(const struct ofile *f);
/*
 * Somebody outside (a local program) is in conflict with caches of this file and its streams: they
 * are broken down to `keep`, SMB2_LEASE_*. Any thread, no bucket's lock. The lease to wait for,
 * with a reference; NULL: nobody has to be waited for.
 */
struct lease *ofile_break_caching(uint64_t dev, uint64_t ino, uint8_t keep);

/* ---- acknowledgement, MS-SMB2 3.3.5.22.2 ---- */

/* The status of the answer; *state: as it is to be echoed. */
ntstatus lease_acknowledge(const uint8_t client[16], const uint8_t key[LEASE_KEY_SIZE],
			   uint32_t *state);

/* ---- smb2/smb2_oplock_break.c ---- */

struct lease_break {
	uint16_t epoch;
	uint8_t from, to; /* SMB2_LEASE_* */
	bool ack;
};

/*
 * Tells the client over any live channel of any open in it, the next one on failure, and in the end
 * lease_lost(). Under the bucket's lock. False: there is no channel at all.
 */
bool lease_notify(struct lease *l, const struct lease_break *b);

/* ---- state/oplock.c ---- */

/* Nobody could be told, or did not answer: the break is over, and nothing is cached any more. */
void lease_lost(struct lease *l);
/* Queues a request until the break of l is over, or an open left it; false: it is over. */
bool lease_wait(struct lease *l, struct request *rq);
/* False: rq does not wait any more, somebody resumes it. */
bool lease_wait_cancel(struct lease *l, struct request *rq);

/* ---- state/durable.c (durable); weak stubs in lease.c until it is there ---- */

/*
 * Bucket's lock held, any thread: a break needs this disconnected open to go. Posts the job that
 * closes it; the break is over when it has left its ofile.
 */
void durable_purge(struct open *o);
/* The session of an open that may be disconnected or reconnected meanwhile: reference, or NULL. */
struct session *open_session_get(struct open *o);

/* ---- state/lease_dir.c ---- */

struct change;
/*
 * Something in a folder changed: breaks the leases on the folder, but the one whose key is the
 * parent lease key of c->by's lease. For change_raise(); one load when there is no such lease.
 */
void lease_dir_change(const struct change *c);

#endif /* KH_LEASE_H */
