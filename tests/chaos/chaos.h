/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chaos.h - many clients that do anything at once to few files, and a model that knows what a
 * server must not let happen. Prototypes are grouped by file.
 *
 * One thread has all connections, so it sees every request go and every answer come. A request has
 * its effect at some moment between the two; what the model says is said of certainties only:
 *
 *   an open, a lock, a cached state is *certain* from its answer on until the client sends what
 *   ends it. What is certain at the same moment was so on the server, too, at that moment.
 *
 * From that follow the rules, each of which names itself when it is broken (report.c):
 *   holders   who caches writes has no other's open beside him, and a break reaches him before
 *   sharing   two opens of a file agree on their share modes
 *   lost break  who caches reads hears of a change within --grace seconds
 *   data      a READ shows a WRITE that nothing overwrote before the READ was sent; so does a cache
 *   locks     who holds an exclusive lock holds it alone, and nobody reads or writes through it
 *   waiting   a lock that nothing is in the way of is granted, a request is answered
 *   notify    a watch hears of a file that was created after it was set
 * Time is in nanoseconds and never the same twice: it orders everything.
 */
#ifndef KH_CHAOS_H
#define KH_CHAOS_H

#include "../client/wire.h"

#include <stdio.h>

#define BLOCK	    512u
#define BLOCKS	    48u /* of a file; sizes are whole blocks */
#define LINKS_MAX   64
#define CHANNELS    3
#define NS_PER_S    1000000000ull
#define NEVER	    UINT64_MAX
#define NAME_MAX_CH 24

enum { R = 1, H = 2, W = 4 }; /* SMB2_LEASE_*_CACHING */

struct settings {
	uint16_t port;
	unsigned int connections, seconds, rate, files;
	uint64_t seed, grace_ns;
	bool never; /* some breaks are never answered: 35 seconds of waiting for others */
	bool oplocks, leases, durable, channels, notify, verbose;
};

extern struct settings set;
extern uint64_t now; /* of this round of the loop; tick() moves it */

/* ---- who ---- */

/* A break of an open that the client does not know: by another channel than its CREATE's answer,
 * which is still on its way, or of an open that was just closed, or whose answer was lost. */
struct early_break {
	struct smb2_fid fid;
	uint8_t level;
	uint64_t at; /* 0: none */
};

/* A client as the server tells them apart, by GUID; several sessions may be of one. */
struct client {
	uint8_t guid[16];
	unsigned int n;
	struct list_head leases; /* cache.client_node */
	struct list_head lost;	 /* open.session_node: durable, without a connection */
};

struct session {
	struct client *client;
	unsigned int n; /* of chaos, not of the server */
	struct wire_as as;
	struct manner m;
	struct link *links[CHANNELS];
	unsigned int nlinks;
	struct list_head opens;
	unsigned int nopens;
	bool ending; /* LOGOFF is sent */
	bool bound;  /* had a second channel: answers and breaks have no order */
	struct early_break early[16];
	unsigned int nearly;
	uint64_t not_before; /* when to log in again */
	uint64_t random;
};

/* One connection. */
struct link {
	struct wire w;
	struct wire_as as;
	struct session *session; /* NULL: not in use */
	struct list_head requests;
	unsigned int inflight;
};

/* ---- what ---- */

struct event {
	uint64_t id, value, sent, answered;
};

struct block {
	struct event *events;
	unsigned int n, cap;
};

struct seen_open {
	uint64_t at;
	const struct cache *by; /* compared only */
	const struct client *client;
};

/* A file, by what QFid says. */
struct inode {
	struct list_head node;
	uint64_t id;
	struct list_head opens;	 /* open.inode_node, certain ones */
	struct list_head caches; /* cache.inode_node */
	struct list_head locks;	 /* lock.node */
	struct block blocks[BLOCKS];
	struct seen_open seen[32]; /* opens that read or write, the last ones */
	unsigned int nseen;
	uint64_t reading; /* READs under way */
};

/* Who caches: a lease key of a client, or the oplock of one open. Freed when nobody refers to it.
 */
struct cache {
	unsigned int refs;
	struct list_head client_node, inode_node;
	struct client *client;
	struct inode *inode;
	bool lease, v2;
	uint8_t key[16];
	uint16_t epoch;
	uint8_t state;	    /* R, W, H: what the client may rely on */
	uint64_t since;	    /* R is certain since */
	uint64_t doubt;	    /* a channel died that may have carried a break: unsure from then on */
	uint64_t must_hear; /* a change: a break has to come until then; NEVER: none */
	/* the break that awaits our answer */
	bool breaking;
	uint8_t break_to;
	uint64_t broken_at, answer_at; /* NEVER: not at all */
	enum { ANSWER_RIGHT, ANSWER_WRONG, ANSWER_CLOSE } how;
	unsigned int creating, writing;
	uint64_t wrote_at;
	/* what was read while R was held */
	uint64_t view[BLOCKS];
	bool has_view[BLOCKS];
};

struct open {
	unsigned int refs;
	struct list_head session_node, inode_node;
	struct session *session; /* NULL: lost */
	struct client *client;
	struct inode *inode;
	struct cache *cache;
	struct smb2_fid fid;
	char name[NAME_MAX_CH];
	const char *user;
	uint32_t access, share;
	bool certain, dir, gone;
	uint64_t told_by; /* its watch has to be told until then: not closed before */
	unsigned int inflight;
	/* durable */
	uint8_t durable; /* version that was granted, or 0 */
	uint8_t guid[16];
	uint8_t had; /* cached when the connection was lost */
	uint64_t lost_at;
};

struct lock {
	struct list_head node; /* inode.locks */
	struct open *open;
	uint64_t start, length;
	bool exclusive, held, asked;  /* neither: outcome unknown */
	uint64_t held_at, blocked_at; /* the last moment at which something was in its way */
};

/* ---- requests ---- */

struct request {
	struct list_head node; /* link.requests */
	struct link *link;
	struct session *session;
	uint64_t mid, async_id, sent, pending_at, cancelled_at;
	uint16_t command;
	struct open *open; /* reference */
	/* NULL: the connection is gone. The answer's body begins at a->p + SMB2_HDR_SIZE. */
	void (*done)(struct request *q, const struct answer *a);
	bool patient; /* may wait for ever: locks and notify */
	uint64_t must_answer;
	/* by command */
	char name[NAME_MAX_CH];
	uint32_t access, share, disposition, options;
	uint8_t level, durable, guid[16];
	struct cache *cache; /* reference: of CREATE with a lease, OPLOCK_BREAK */
	uint64_t offset, length, id, cached_since;
	struct lock *lock;
	struct open *old; /* reference: what is reconnected */
};

/* ---- main.c ---- */

void tick(void);
uint64_t dice_raw(uint64_t *state);
static inline uint32_t below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((dice_raw(state) >> 32) * n >> 32);
}
static inline bool chance(uint64_t *state, uint32_t percent)
{
	return below(state, 100) < percent;
}

/* ---- report.c ---- */

/* A line of the story, told when something is wrong. inode may be NULL. */
void story(const struct inode *i, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A rule is broken: prints it with the story of the inode. */
void violation(const struct inode *i, const char *rule, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
unsigned int violations(void);
void count_answer(uint16_t command, uint32_t status);
void count_thing(const char *what);
void print_counts(void);

/* ---- net.c ---- */

extern struct link links[LINKS_MAX];
extern struct session *sessions;
extern unsigned int nsessions;

void net_start(void);
/* Waits so long for answers, and handles them. */
void net_poll(int timeout_ms);
unsigned int net_inflight(void);
/* A request without open, for link; body is copied. */
struct request *request_new(struct link *l, uint16_t command, struct open *o,
			    void (*done)(struct request *q, const struct answer *a));
void request_send(struct request *q, const struct smb2_wr *body);
void request_cancel(struct request *q);
struct link *session_link(struct session *s); /* any that is alive, or NULL */
bool session_login(struct session *s);
bool session_bind(struct session *s);
/* Without a word; all its channels, or one. */
void session_cut(struct session *s);
void link_cut(struct link *l);

/* ---- pdu.c ---- */

void say_create(struct link *l, struct request *q);
void say_read(struct open *o, uint64_t offset, uint32_t length);
void say_write(struct open *o, uint64_t offset, uint32_t length);
void say_lock(struct open *o, uint64_t start, uint64_t length, bool exclusive, bool wait);
void say_unlock(struct lock *k);
void say_size(struct open *o, uint64_t size);
void say_rename(struct open *o, const char *to, bool replace);
void say_delete(struct open *o, bool on);
void say_flush(struct open *o);
void say_close(struct open *o);
void say_watch(struct open *o, bool tree);
void say_list(struct open *o);
void say_logoff(struct session *s);
void say_oplock_answer(struct open *o, uint8_t level);
void say_lease_answer(struct session *s, struct cache *c, uint8_t state);
/* An open that we know nothing of: its CREATE's answer was lost. */
void say_close_unknown(struct link *l, struct smb2_fid fid);

/* ---- create.c ---- */

void create_done(struct request *q, const struct answer *a);
struct open *open_ref(struct open *o);
void open_unref(struct open *o);
struct open *open_find(struct link *l, struct smb2_fid fid);
/* The client sends what ends it. */
void open_ends(struct open *o);
void open_drop(struct open *o);
bool open_is_stat(const struct open *o);
void reconnect_some(struct session *s);

/* ---- cache.c ---- */

struct cache *cache_new(struct client *c, bool lease, const uint8_t key[16]);
struct cache *cache_find(struct client *c, const uint8_t key[16]);
struct cache *cache_ref(struct cache *c);
void cache_unref(struct cache *c);
void cache_granted(struct cache *c, struct open *o, uint8_t state, uint16_t epoch, uint64_t sent);
void cache_lower(struct cache *c, uint8_t state);
void cache_open_ends(struct cache *c, struct open *o);
void cache_broken(struct link *l, const struct answer *a);
/* o became known: was it broken before? */
void cache_early(struct open *o);
void cache_answered(struct request *q, const struct answer *a);
/* Through `by`, a change that was asked for at `sent` has been made. */
void cache_changed(struct inode *i, const struct cache *by, uint64_t sent, const char *how);
void cache_tick(void);
void cache_answer_all(void); /* at the end: nothing is left waiting */
void holders_check(struct inode *i);

/* ---- data.c ---- */

struct inode *inode_get(uint64_t id, bool created);
uint64_t value_new(void);
uint64_t event_begin(struct inode *i, uint64_t offset, uint64_t length, uint64_t value,
		     uint64_t sent);
void event_end(struct inode *i, uint64_t id, bool happened, uint64_t at);
void event_wild_zero(uint64_t sent); /* an overwriting CREATE of a file that nobody knows */
/* What a READ at [sent, now] gave: got bytes of length asked for. */
void data_read(struct request *q, const uint8_t *p, uint32_t got);
void data_from_cache(struct cache *c, unsigned int block);
void data_tick(bool end);
extern struct list_head inodes;

/* ---- lock.c ---- */

struct lock *lock_new(struct open *o, uint64_t start, uint64_t length, bool exclusive);
void lock_done(struct request *q, const struct answer *a);
void unlock_done(struct request *q, const struct answer *a);
void lock_open_ends(struct open *o);
void lock_io(const struct open *o, uint64_t offset, uint64_t length, bool write, uint64_t sent);
struct lock *lock_of(const struct open *o, uint64_t *random);
void lock_tick(void);

/* ---- watch.c ---- */

void watch_done(struct request *q, const struct answer *a);
void watch_created(const char *name, uint64_t sent);

/* ---- act.c ---- */

void act(struct session *s);
void nth_name(unsigned int n, char name[NAME_MAX_CH]);

#endif /* KH_CHAOS_H */
