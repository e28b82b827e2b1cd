/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic.h - network interfaces as `tune` sees and changes them: queues, their interrupts, and the
 * CPUs that both belong to, against the reactors of the server. Facts are gathered (nic_sys.c,
 * nic_ethtool.c), advice is made of facts and nothing else (nic_advise.c), and steps of it are done
 * and undone (nic_apply.c). Prototypes by file.
 */
#ifndef KH_NIC_H
#define KH_NIC_H

#include <json-c/json.h>
#include <net/if.h>

#include "core/util.h"
#include "kh_maps.h"

/* ---- nic_cpus.c: sets of CPUs, in the kernel's two notations ---- */

#define CPUS_MAX 1024u

struct cpus {
	uint64_t w[CPUS_MAX / 64];
};

void cpus_add(struct cpus *s, unsigned int cpu);
bool cpus_has(const struct cpus *s, unsigned int cpu);
unsigned int cpus_count(const struct cpus *s);
bool cpus_equal(const struct cpus *a, const struct cpus *b);
/* The nth CPU of the set, from 0; -1: there are fewer. */
int cpus_nth(const struct cpus *s, unsigned int n);
/* "0-3,8"; "" is the empty set. False: it is no list. */
bool cpus_parse_list(struct cpus *s, const char *text);
/* "ff,00000001". */
bool cpus_parse_mask(struct cpus *s, const char *text);
/* Caller frees. An empty set is "" and "0". */
char *cpus_list(const struct cpus *s);
char *cpus_mask(const struct cpus *s);

/* ---- nic_irqs.c: /proc/interrupts, and what drivers call the interrupts of their queues ---- */

struct irq_line {
	unsigned int irq;
	uint64_t count; /* over all CPUs */
	char name[64];	/* of the action; "": there is none */
};

struct irq_lines {
	struct irq_line *v;
	size_t n;
};

/* Numbered lines only. Owned by the caller: free(l.v). */
struct irq_lines irq_lines_parse(const char *text);
const struct irq_line *irq_lines_find(const struct irq_lines *l, unsigned int irq);

enum { NIC_RX = 1, NIC_TX = 2 };

/*
 * Which queues an interrupt named like this serves: NIC_RX, NIC_TX or both, and *queue; 0: it is
 * no queue's (link changes, firmware), or the name does not tell. dev: the interface.
 */
unsigned int irq_name_queue(const char *name, const char *dev, unsigned int *queue);
/* Is it named after the interface, as those of devices without MSI are? */
bool irq_name_of(const char *name, const char *dev);

/* ---- facts ---- */

struct nic_channels {
	bool known;
	uint32_t rx, tx, combined, other;
	uint32_t max_rx, max_tx, max_combined;
};

struct nic_irq {
	unsigned int irq;
	unsigned int kind;  /* NIC_RX, NIC_TX, both; 0: not a queue's */
	unsigned int queue; /* if it is a queue's */
	uint64_t count;
	char name[64];
	bool known; /* affinity could be read */
	struct cpus affinity;
	struct cpus effective; /* empty: the kernel does not tell */
};

struct nic_queue {
	bool known; /* a queue of a device with one has no XPS */
	struct cpus cpus;
};

struct nic_rss {
	uint32_t size; /* entries of the table; 0: there is none, or the driver does not tell */
	uint32_t *table;
	uint32_t tcp4, tcp6; /* RXH_* bits that TCP is hashed by; 0: unknown */
	char function[16];
};

/* 1: on, 0: off, -1: unknown. */
struct nic_offloads {
	int tso, gso, gro, lro;
};

struct nic {
	char name[IFNAMSIZ];
	char above[IFNAMSIZ]; /* the bond, bridge or VLAN that the server listens on; or "" */
	char driver[32];
	bool loopback;
	bool hardware; /* there is a device behind it, or the machine's host pretends so */
	int speed;     /* Mb/s; -1: unknown */
	int node;      /* -1: none */
	struct nic_channels channels;
	struct nic_queue *rx, *tx; /* RPS of the RX queues, XPS of the TX queues */
	unsigned int nrx, ntx;
	struct nic_irq *irqs;
	unsigned int nirqs;
	struct nic_rss rss;
	uint32_t ring_rx, ring_rx_max, ring_tx, ring_tx_max; /* max 0: unknown */
	bool coalesce_known, coalesce_adaptive;
	uint32_t coalesce_rx_us, coalesce_tx_us;
	struct nic_offloads offloads;
	uint64_t rx_dropped; /* frames for which the ring had no room */
};

struct nic_reactor {
	int cpu; /* -1: not bound */
	uint64_t connections, accepted;
};

struct tune_facts {
	bool running;
	struct nic_reactor *reactors; /* of a server that does not run: as it would have them */
	unsigned int nreactors;
	int steer; /* enum kh_steer; -1: unknown */
	bool steer_by_bpf;
	char steer_why[KH_WHY_MAX];
	struct cpus online;
	struct cpus *nodes;
	unsigned int nnodes;
	int irqbalance; /* its process; 0: it does not run */
	struct nic *nics;
	unsigned int nnics;
};

void nic_free(struct nic *n);
void tune_facts_free(struct tune_facts *f);

/* ---- nic_advise.c: facts in, advice out ---- */

enum advice_about {
	/* what `tune --apply` does itself, in this order */
	ABOUT_CHANNELS,
	ABOUT_RSS,
	ABOUT_IRQ,
	ABOUT_XPS,
	ABOUT_RPS,
	ABOUT_APPLIED, /* their number */
	/* what a person decides */
	ABOUT_STEER = ABOUT_APPLIED,
	ABOUT_IRQBALANCE,
	ABOUT_HASH,
	ABOUT_OFFLOADS,
	ABOUT_RINGS,
	ABOUT_NODE,
	ABOUT_BALANCE,
	ABOUTS
};

struct advice {
	enum advice_about about;
	int nic;	/* -1: of the server */
	char *sentence; /* what, and why */
};

/* One write. */
struct step {
	enum advice_about kind;	      /* below ABOUT_APPLIED */
	unsigned int nic;	      /* index into facts */
	unsigned int index;	      /* number of the IRQ, or of the queue */
	struct nic_channels channels; /* ABOUT_CHANNELS: as they shall be */
	struct cpus cpus;
};

struct plan {
	struct advice *advice;
	size_t nadvice;
	struct step *steps; /* ordered by interface, then as enum advice_about */
	size_t nsteps;
};

struct plan tune_advise(const struct tune_facts *f);
void plan_free(struct plan *p);
/* "channels", "irq", ...: as in JSON. */
const char *advice_name(enum advice_about about);

/* Where the reactor's work should run: its CPU, or the first of its share of all. */
unsigned int tune_reactor_cpu(const struct tune_facts *f, unsigned int reactor);
/* Connections of the busiest reactor over their mean; 0: there are none. */
double tune_imbalance(const struct tune_facts *f);
/* How the table spreads over queues: *low and *high entries per queue of those below nqueues. */
void rss_spread(const struct nic_rss *r, unsigned int nqueues, uint32_t *low, uint32_t *high);
/* The table that a driver starts with: entry i has queue i modulo nqueues. */
bool rss_is_default(const struct nic_rss *r, unsigned int nqueues);
/* RX queues that packets come in by. */
unsigned int nic_rx_queues(const struct nic *n);

/* ---- nic_sys.c: /sys and /proc, below a root folder ("" is the machine's own) ---- */

struct nic_sys {
	const char *root; /* not "": files only, nothing is asked of drivers */
};

/* First line of a file, without its end; NULL: it cannot be read, *err (may be NULL) says why. */
char *nic_read(const struct nic_sys *s, int *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* 0, or -errno of the write, which for these files is the kernel's verdict. */
int nic_write(const struct nic_sys *s, const char *text, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* -ENODEV: there is no such interface. */
int nic_gather(const struct nic_sys *s, const char *name, struct nic *n);
/* online, nodes, irqbalance. */
void nic_machine(const struct nic_sys *s, struct tune_facts *f);
/*
 * Names of interfaces that the listeners ("127.0.0.1:445 [::]:445") are on; an address of all:
 * every one that is up, loopback only if there is no other. The real devices below a bond, bridge
 * or VLAN stand for it. add() is called for each at least once.
 */
typedef void (*nic_found_fn)(void *arg, const char *name, const char *above);
void nic_listening(const struct nic_sys *s, const char *listeners, nic_found_fn add, void *arg);
/* All interfaces below the root, for files of another machine. */
void nic_each(const struct nic_sys *s, nic_found_fn add, void *arg);

/* ---- nic_ethtool.c: what only the driver knows ---- */

void nic_ethtool(struct nic *n);
/* NULL, or why not (caller frees). */
char *nic_set_channels(const char *name, const struct nic_channels *c);
/* table NULL: as the driver starts with. */
char *nic_set_rss(const char *name, const uint32_t *table, uint32_t size);

/* ---- nic_netlink.c: channels by ethtool netlink, whose refusals are sentences ---- */

/* 0; -EOPNOTSUPP: this kernel or driver has it not; -errno. */
int ethnl_channels_get(const char *name, struct nic_channels *c);
/* *why: the kernel's sentence or NULL (caller frees). */
int ethnl_channels_set(const char *name, const struct nic_channels *c, char **why);

/* ---- nic_apply.c ---- */

/* What was, and is, as it is told: {interface, item, before, after} or {interface, item, why}. */
struct tune_log {
	struct json_object *changed, *skipped;
	bool dry;
};

/*
 * Does the plan's steps of one kind after another, but first keeps what was in path. again() makes
 * facts and plan anew after channels changed. NULL, or why it did not start (caller frees).
 */
typedef void (*tune_again_fn)(void *arg, struct tune_facts *f, struct plan *p);
char *tune_apply(const struct nic_sys *s, const char *path, struct tune_facts *f, struct plan *p,
		 tune_again_fn again, void *arg, struct tune_log *log);
/* Restores what path says and removes it when all of it is as it was. NULL or why not. */
char *tune_undo(const struct nic_sys *s, const char *path, struct tune_log *log);

#endif /* KH_NIC_H */
