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
	uint8_t version; /* 0: an oplock; 1, 2: the lease with this key */
	uint8_t state;	 /* SMB2_LEASE_*; without W for a folder */
	bool level2_ok;	 /* the share grants R without W */
	bool is_dir;
	bool waited; /* for a break already */
	uint8_t client[16], key[LEASE_KEY_SIZE], parent_key[LEASE_KEY_SIZE];
	bool has_parent_key;
	uint16_t epoch;
};

static inline void lease_want_oplock(struct lease_want *w, uint8_t level, bool level2_ok)
{
	memset(w, 0, sizeof(*w));
	w->level2_ok = level2_ok;
	switch (level) {
	case SMB2_OPLOCK_LEVEL_II:
		w->state = SMB2_LEASE_READ_CACHING;
		break;
	case SMB2_OPLOCK_LEVEL_EXCLUSIVE:
		w->state = SMB2_LEASE_READ_CACHING | SMB2_LEASE_WRITE_CACHING;
		break;
	case SMB2_OPLOCK_LEVEL_BATCH:
		w->state = LEASE_RWH;
		break;
	}
}

/* What the answer says of a lease. */
struct lease_answer {
	uint8_t version; /* 0: an oplock, or nothing */
	uint8_t state;
	uint32_t flags; /* SMB2_LEASE_FLAG_* */
	uint8_t key[LEASE_KEY_SIZE], parent_key[LEASE_KEY_SIZE];
	uint16_t epoch;
};

/* What a client is told of a break, MS-SMB2 2.2.23. */
struct lease_break {
	uint16_t epoch;
	uint8_t from, to; /* SMB2_LEASE_* */
	bool ack;
};

struct lease {
	_Atomic unsigned int refs;
	pthread_mutex_t *lock; /* of the file's bucket; constant; guards what follows */

	/* constant */
	uint8_t version; /* 0: an oplock */
	bool level2_ok, is_dir;
	uint8_t client[16], key[LEASE_KEY_SIZE];

	struct ofile *file;	/* NULL: all opens have left */
	struct list_head node;	/* ofile.leases */
	struct list_head opens; /* open.oplock.node */
	unsigned int nopens;
	_Atomic uint8_t state; /* SMB2_LEASE_*; while breaking, what it is broken from */
	_Atomic bool breaking; /* an acknowledgement, or the end of its opens, is awaited */
	uint8_t break_to;      /* what the client was told to come down to */
	uint8_t break_goal;    /* what it has to come down to in the end */
	uint8_t counted;       /* how it is counted in ofile.caching */
	uint16_t epoch;	       /* MS-SMB2 3.3.1.12 Lease.Epoch; not told in version 1 */
	bool has_parent_key;
	uint8_t parent_key[LEASE_KEY_SIZE];
	unsigned int ntold;	 /* opens whose answer the client has */
	unsigned int answered;	 /* answers that name it, not queued yet: what is unsent waits */
	bool unsent;		 /* told is to be sent */
	struct lease_break told; /* last */

	uint64_t deadline_ns;
	struct list_head deadline_node; /* breaks under way, under a lock of its own */
	struct list_head waiters;	/* request.waiters */

	struct lease *hash_next; /* table, under its shard's lock */
	bool hashed;
	struct list_head dir_node; /* lease_dir.c's table, and what it is there */
	uint64_t dir_hash;
	bool dir_gone; /* not to come there any more: a rename may still look at an open */
	struct change_local *dir_local; /* tells what others change there; or NULL; owned */
};

struct lease *lease_get(struct lease *l);
void lease_put(struct lease *l); /* NULL is fine; the last one frees */

/* ---- state/lease.c: objects, and what is granted ---- */

/* With a reference, or NULL. Any thread; a bucket's lock may be held. */
struct lease *lease_find(const uint8_t client[16], const uint8_t key[LEASE_KEY_SIZE]);
/*
 * Is the key in use on another file than this one (MS-SMB2 3.3.5.9.8)? With dev and ino 0: on any.
 * A look ahead, before a CREATE makes a file; lease_join() decides. No bucket's lock held.
 */
bool lease_key_elsewhere(const struct lease_want *w, uint64_t dev, uint64_t ino,
			 const char *stream);

/*
 * Bucket's lock. o, which is on f's list, gets what it wants of o->oplock.want as far as the others
 * let it, MS-SMB2 3.3.5.9.8 and .11: a new lease, or its part of one that is there, which may grow.
 * INVALID_PARAMETER: the key is in use on another file.
 */
ntstatus lease_join(struct ofile *f, struct open *o);
/* Bucket's lock; o is off f's list. o->oplock.lease stays. */
void lease_leave(struct ofile *f, struct open *o);
/* Bucket's lock: the state is another one; opens, counts and kernel handles follow. */
void lease_set_state(struct lease *l, uint8_t state);
/* Bucket's lock: likewise, after break_goal or breaking changed. */
void lease_account(struct lease *l);

/* Bucket's lock: is it the one that w names? */
static inline bool lease_is(const struct lease *l, const struct lease_want *w)
{
	return l && w && l->version && w->version && !memcmp(l->key, w->key, sizeof(l->key)) &&
	       !memcmp(l->client, w->client, sizeof(l->client));
}

/* MS-FSA 2.1.5.1.2: an open that only looks at attributes disturbs no cache. */
static inline bool open_is_stat(const struct open *o)
{
	return !(o->access & ~(FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | SEC_STD_SYNCHRONIZE));
}

/* ---- for who has an open: durable handles, kernel oplocks, views; any thread, a look ---- */

/* SMB2_LEASE_* that the open's lease or oplock has now. */
uint8_t open_caching(const struct open *o);
/* May it be durable (3.3.5.9.6, .10)? A batch oplock, or a lease with H, that is not breaking. */
bool open_caches_handle(const struct open *o);
/* Version (1, 2) of its lease and the key; 0: it has none (an oplock counts as none). */
uint8_t open_lease_key(const struct open *o, uint8_t key[LEASE_KEY_SIZE]);

/*
 * Somebody outside (a local program) is in conflict with caches of this file and its streams: they
 * are broken down to `keep`, SMB2_LEASE_*. Any thread, no bucket's lock. The lease to wait for,
 * with a reference; NULL: nobody has to be waited for.
 */
struct lease *ofile_break_caching(uint64_t dev, uint64_t ino, uint8_t keep);

/* ---- state/oplock.c: breaks ---- */

/* Bucket's lock: comes down to `to`, or is breaking. */
void lease_break(struct lease *l, uint8_t to);
/* Bucket's lock: an open has left; what waited for its answer is sent. */
void lease_send_unsent(struct lease *l);
/* MS-SMB2 3.3.5.22.2: the status of the answer. */
ntstatus lease_acknowledge(const uint8_t client[16], const uint8_t key[LEASE_KEY_SIZE],
			   uint32_t state);
/* All connections of the client are on their end: what it left behind goes, the rest closes. */
void lease_lost(struct lease *l);
/* Queues a request until the break of l is over, or an open left it; false: it is over. */
bool lease_wait(struct lease *l, struct request *rq);
/* False: rq does not wait any more, somebody resumes it. */
bool lease_wait_cancel(struct lease *l, struct request *rq);

/* ---- smb2/lease_notify.c ---- */

/*
 * Tells the client what l->told says, over any live channel of an open in it, the next one on
 * failure, and in the end lease_lost(). Under the bucket's lock. False: there is no channel at all.
 */
bool lease_notify(struct lease *l);

/* ---- state/lease_dir.c: directory leases ---- */

struct change;
/*
 * Something in a folder changed: breaks the leases on the folder, but the one whose key is the
 * parent lease key of c->by's lease. For change_raise(); one load when there is no such lease.
 */
void lease_dir_change(const struct change *c);
/* o is closed: what it wrote is in the listing now. No lock held. */
void lease_dir_closed(struct open *o);
/* o has its path now, or another one; under o->lock. */
void lease_dir_path(struct open *o);
/* Bucket's lock: the last open left. */
void lease_dir_gone(struct lease *l);

#endif /* KH_LEASE_H */
