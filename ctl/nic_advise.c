/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic_advise.c - what would be better, from facts alone: a queue for each reactor, its interrupt on
 * the reactor's CPU, sending by the same queue, and the rest that a person has to decide.
 */
#include <linux/ethtool.h>
#include <stdarg.h>
#include <stdio.h>

#include "nic.h"

/* Fewer connections than these per reactor say nothing about balance. */
#define BALANCE_MIN 4

const char *advice_name(enum advice_about about)
{
	static const char *const names[ABOUTS] = {
		[ABOUT_CHANNELS] = "channels",
		[ABOUT_RSS] = "rss",
		[ABOUT_IRQ] = "irq",
		[ABOUT_XPS] = "xps",
		[ABOUT_RPS] = "rps",
		[ABOUT_STEER] = "steer",
		[ABOUT_IRQBALANCE] = "irqbalance",
		[ABOUT_HASH] = "hash",
		[ABOUT_OFFLOADS] = "offloads",
		[ABOUT_RINGS] = "rings",
		[ABOUT_NODE] = "node",
		[ABOUT_BALANCE] = "balance",
	};

	return about < ABOUTS ? names[about] : "?";
}

void plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->nadvice; i++)
		free(p->advice[i].sentence);
	free(p->advice);
	free(p->steps);
	*p = (struct plan) { 0 };
}

__attribute__((format(printf, 4, 5))) static void advise(struct plan *p, enum advice_about about,
							 int nic, const char *fmt, ...)
{
	char *sentence = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&sentence, fmt, ap) < 0)
		sentence = xstrdup("");
	va_end(ap);
	p->advice = xrealloc(p->advice, (p->nadvice + 1) * sizeof(*p->advice));
	p->advice[p->nadvice++] = (struct advice) { about, nic, sentence };
}

static struct step *add_step(struct plan *p, enum advice_about kind, unsigned int nic,
			     unsigned int index)
{
	p->steps = xrealloc(p->steps, (p->nsteps + 1) * sizeof(*p->steps));
	p->steps[p->nsteps] = (struct step) { .kind = kind, .nic = nic, .index = index };
	return &p->steps[p->nsteps++];
}

/* ---- facts, looked at ---- */

unsigned int tune_reactor_cpu(const struct tune_facts *f, unsigned int reactor)
{
	unsigned int n = cpus_count(&f->online), r = f->nreactors;
	int cpu;

	if (!n || reactor >= r)
		return 0;
	if (f->reactors[reactor].cpu >= 0)
		return (unsigned int)f->reactors[reactor].cpu;
	cpu = cpus_nth(&f->online, r < n ? (reactor * n + r - 1) / r : reactor * n / r);
	return cpu < 0 ? 0 : (unsigned int)cpu;
}

double tune_imbalance(const struct tune_facts *f)
{
	uint64_t sum = 0, most = 0;

	for (unsigned int i = 0; i < f->nreactors; i++) {
		sum += f->reactors[i].connections;
		most = MAX(most, f->reactors[i].connections);
	}
	return sum ? (double)most * f->nreactors / (double)sum : 0;
}

void rss_spread(const struct nic_rss *r, unsigned int nqueues, uint32_t *low, uint32_t *high)
{
	uint32_t *count = xcalloc(nqueues + 1, sizeof(*count));

	for (uint32_t i = 0; i < r->size; i++)
		if (r->table[i] < nqueues)
			count[r->table[i]]++;
	*low = nqueues ? UINT32_MAX : 0;
	*high = 0;
	for (unsigned int q = 0; q < nqueues; q++) {
		*low = MIN(*low, count[q]);
		*high = MAX(*high, count[q]);
	}
	free(count);
}

bool rss_is_default(const struct nic_rss *r, unsigned int nqueues)
{
	for (uint32_t i = 0; i < r->size; i++)
		if (!nqueues || r->table[i] != i % nqueues)
			return false;
	return true;
}

unsigned int nic_rx_queues(const struct nic *n)
{
	unsigned int q = n->channels.combined + n->channels.rx;

	return n->channels.known && q ? q : n->nrx;
}

static unsigned int tx_queues(const struct nic *n)
{
	unsigned int q = n->channels.combined + n->channels.tx;

	return n->channels.known && q ? q : n->ntx;
}

/* The channels that n should have: a queue for each reactor, as far as the device has them. */
static struct nic_channels wanted_channels(const struct tune_facts *f, const struct nic *n)
{
	struct nic_channels c = n->channels;

	if (!c.known)
		return c;
	if (c.max_combined) {
		c.combined = MIN(f->nreactors, c.max_combined);
	} else {
		c.rx = MIN(f->nreactors, c.max_rx);
		c.tx = MIN(f->nreactors, c.max_tx);
	}
	return c;
}

static bool same_channels(const struct nic_channels *a, const struct nic_channels *b)
{
	return a->combined == b->combined && a->rx == b->rx && a->tx == b->tx;
}

/* CPUs of the reactors that share queue q of nq. */
static struct cpus queue_cpus(const struct tune_facts *f, unsigned int q, unsigned int nq)
{
	struct cpus s = { 0 };

	for (unsigned int r = q; r < f->nreactors; r += nq)
		cpus_add(&s, tune_reactor_cpu(f, r));
	if (q >= f->nreactors)
		cpus_add(&s, tune_reactor_cpu(f, q % f->nreactors));
	return s;
}

/* ---- what tune does itself ---- */

static void advise_channels(const struct tune_facts *f, unsigned int i, struct plan *p)
{
	const struct nic *n = &f->nics[i];
	struct nic_channels want = wanted_channels(f, n);
	unsigned int is = nic_rx_queues(n), will;

	if (!n->channels.known || same_channels(&want, &n->channels))
		return;
	will = want.combined + want.rx;
	add_step(p, ABOUT_CHANNELS, i, 0)->channels = want;
	if (is < will && will >= f->nreactors)
		advise(p, ABOUT_CHANNELS, (int)i,
		       "Give %s %u channels instead of %u: each of the %u reactors then has a "
		       "queue of its own.",
		       n->name, will, is, f->nreactors);
	else if (is < will)
		advise(p, ABOUT_CHANNELS, (int)i,
		       "Give %s %u channels instead of %u, the most that it has: fewer of the %u "
		       "reactors then share a queue.",
		       n->name, will, is, f->nreactors);
	else if (is > will)
		advise(p, ABOUT_CHANNELS, (int)i,
		       "Give %s %u channel%s instead of %u, as there %s %u reactor%s: the other "
		       "queues are taken by CPUs that then hand every packet on.",
		       n->name, will, will == 1 ? "" : "s", is, f->nreactors == 1 ? "is" : "are",
		       f->nreactors, f->nreactors == 1 ? "" : "s");
	else
		advise(p, ABOUT_CHANNELS, (int)i,
		       "Give %s %u TX queues instead of %u: as many as it receives by, so that "
		       "replies go out by the queue of the request.",
		       n->name, want.combined + want.tx, tx_queues(n));
}

static void advise_rss(const struct tune_facts *f, unsigned int i, struct plan *p)
{
	const struct nic *n = &f->nics[i];
	unsigned int nq = nic_rx_queues(n);
	uint32_t low, high;

	if (!n->rss.size || nq < 2)
		return;
	rss_spread(&n->rss, nq, &low, &high);
	if (high - low <= 1)
		return;
	add_step(p, ABOUT_RSS, i, nq);
	advise(p, ABOUT_RSS, (int)i,
	       "Spread the RSS table of %s evenly over its %u queues: now one has %u of %u "
	       "entries and another %u, and gets as much less of the clients.",
	       n->name, nq, high, n->rss.size, low);
}

static void advise_irqs(const struct tune_facts *f, unsigned int i, struct plan *p)
{
	const struct nic *n = &f->nics[i];
	struct nic_channels want = wanted_channels(f, n);
	unsigned int nq =
		want.known ? MAX(want.combined + want.rx, want.combined + want.tx) : n->nrx;
	unsigned int all = 0, wrong = 0;

	if (cpus_count(&f->online) < 2)
		return;
	for (unsigned int k = 0; k < n->nirqs; k++) {
		const struct nic_irq *irq = &n->irqs[k];
		struct cpus cpu = { 0 };

		if (!irq->kind || !irq->known || irq->queue >= nq)
			continue;
		all++;
		cpus_add(&cpu, tune_reactor_cpu(f, irq->queue % f->nreactors));
		if (cpus_equal(&cpu, &irq->affinity))
			continue;
		wrong++;
		add_step(p, ABOUT_IRQ, i, irq->irq)->cpus = cpu;
	}
	if (wrong)
		advise(p, ABOUT_IRQ, (int)i,
		       "Bind the interrupt%s of %s to the CPU of the queue's reactor (queue 0 to "
		       "CPU %u%s): %u of %u may come to other CPUs now, and then two caches share "
		       "the work on one packet.",
		       all == 1 ? "" : "s", n->name, tune_reactor_cpu(f, 0),
		       nq > 1 ? ", and so on" : "", wrong, all);
}

static void advise_xps(const struct tune_facts *f, unsigned int i, struct plan *p)
{
	const struct nic *n = &f->nics[i];
	struct nic_channels want = wanted_channels(f, n);
	unsigned int nq = want.known && want.combined + want.tx ? want.combined + want.tx : n->ntx;
	unsigned int wrong = 0;

	if (nq < 2 || f->nreactors < 2)
		return;
	for (unsigned int q = 0; q < MIN(nq, n->ntx); q++) {
		struct cpus s = queue_cpus(f, q, nq);

		if (!n->tx[q].known || cpus_equal(&s, &n->tx[q].cpus))
			continue;
		wrong++;
		add_step(p, ABOUT_XPS, i, q)->cpus = s;
	}
	if (wrong)
		advise(p, ABOUT_XPS, (int)i,
		       "Have each reactor's CPU send by a queue of its own on %s (XPS): for %u of "
		       "%u "
		       "that is not so, and CPUs that share one wait for each other's lock.",
		       n->name, wrong, n->ntx);
}

/* With a queue per reactor RPS only hands packets about; with fewer it is what spreads the work. */
static void advise_rps(const struct tune_facts *f, unsigned int i, struct plan *p)
{
	const struct nic *n = &f->nics[i];
	struct nic_channels want = wanted_channels(f, n);
	unsigned int nq = want.known && want.combined + want.rx ? want.combined + want.rx : n->nrx;
	bool off = nq >= f->nreactors || cpus_count(&f->online) < 2;
	unsigned int wrong = 0;

	for (unsigned int q = 0; q < MIN(nq, n->nrx); q++) {
		struct cpus s = { 0 };

		if (!off)
			s = queue_cpus(f, q, nq);
		if (!n->rx[q].known || cpus_equal(&s, &n->rx[q].cpus))
			continue;
		wrong++;
		add_step(p, ABOUT_RPS, i, q)->cpus = s;
	}
	if (wrong && off)
		advise(p, ABOUT_RPS, (int)i,
		       "Switch RPS off on %s: every reactor has a queue there, so RPS only has "
		       "packets handed from the right CPU to another.",
		       n->name);
	else if (wrong)
		advise(p, ABOUT_RPS, (int)i,
		       "Switch RPS on for the CPUs of the reactors on %s: it has %u queue%s for %u "
		       "reactors, so the CPUs without one would leave all the work on packets to "
		       "the others.",
		       n->name, nq, nq == 1 ? "" : "s", f->nreactors);
}

/* ---- what a person decides ---- */

static void advise_hash(const struct tune_facts *f, unsigned int i, struct plan *p)
{
	const struct nic *n = &f->nics[i];
	const uint32_t ports = RXH_L4_B_0_1 | RXH_L4_B_2_3;
	bool v4 = n->rss.tcp4 && (n->rss.tcp4 & ports) != ports;
	bool v6 = n->rss.tcp6 && (n->rss.tcp6 & ports) != ports;

	if (nic_rx_queues(n) < 2 || f->steer == KH_STEER_CLIENT || (!v4 && !v6))
		return;
	advise(p, ABOUT_HASH, (int)i,
	       "Have %s hash %s by ports too (ethtool -N %s rx-flow-hash %s sdfn): by addresses "
	       "alone, all connections of a client come in by one queue.",
	       n->name, v4 ? "TCP over IPv4" : "TCP over IPv6", n->name, v4 ? "tcp4" : "tcp6");
}

static void advise_offloads(const struct tune_facts *f, unsigned int i, struct plan *p)
{
	const struct nic *n = &f->nics[i];

	if (!n->offloads.tso)
		advise(p, ABOUT_OFFLOADS, (int)i,
		       "Switch TSO on, if no XDP program needs it off (ethtool -K %s tso on): "
		       "without it the CPU cuts every large reply into packets.",
		       n->name);
	if (!n->offloads.gro && n->hardware)
		advise(p, ABOUT_OFFLOADS, (int)i,
		       "Switch GRO on (ethtool -K %s gro on): without it each packet of a WRITE "
		       "goes through TCP by itself.",
		       n->name);
	if (n->rx_dropped && n->ring_rx < n->ring_rx_max)
		advise(p, ABOUT_RINGS, (int)i,
		       "Make the RX rings of %s larger (ethtool -G %s rx %u): they have %u "
		       "entries, "
		       "and %llu packets found no room.",
		       n->name, n->name, n->ring_rx_max, n->ring_rx,
		       (unsigned long long)n->rx_dropped);
}

static void advise_node(const struct tune_facts *f, unsigned int i, struct plan *p)
{
	const struct nic *n = &f->nics[i];

	if (n->node < 0 || f->nnodes < 2 || (unsigned int)n->node >= f->nnodes)
		return;
	for (unsigned int r = 0; r < f->nreactors; r++)
		if (cpus_has(&f->nodes[n->node], tune_reactor_cpu(f, r)))
			return;
	advise(p, ABOUT_NODE, (int)i,
	       "Have as many reactors that some run on node %d, where %s is: all packets cross "
	       "from one node to another now.",
	       n->node, n->name);
}

static void advise_irqbalance(const struct tune_facts *f, struct plan *p)
{
	bool any = false;

	for (unsigned int i = 0; i < f->nnics; i++)
		for (unsigned int k = 0; k < f->nics[i].nirqs; k++)
			any |= f->nics[i].irqs[k].kind != 0;
	if (f->irqbalance && any)
		advise(p, ABOUT_IRQBALANCE, -1,
		       "Stop irqbalance, process %d (systemctl disable --now irqbalance): it moves "
		       "interrupts away from where they were bound.",
		       f->irqbalance);
}

static void advise_steer(const struct tune_facts *f, struct plan *p)
{
	/* What somebody chose is his; what the server chose was by the queues that there were. */
	bool automatic = !strncmp(f->steer_why, "auto", strlen("auto"));
	unsigned int queues = 0, nics = 0;

	for (unsigned int i = 0; i < f->nnics; i++) {
		struct nic_channels want = wanted_channels(f, &f->nics[i]);

		if (f->nics[i].loopback)
			continue;
		nics++;
		queues = MAX(queues, want.known ? want.combined + want.rx : f->nics[i].nrx);
	}
	if (!nics || f->nreactors < 2 || f->steer < 0)
		return;
	if (queues >= f->nreactors && automatic &&
	    (f->steer == KH_STEER_NONE || f->steer == KH_STEER_ROUND_ROBIN))
		advise(p, ABOUT_STEER, -1,
		       "Steer by CPU (ksmbd-hybrid tune steer=cpu): with a queue per reactor, each "
		       "connection is then served where its packets are taken.");
	else if (queues < f->nreactors && f->nnodes > 1 && f->steer == KH_STEER_CPU)
		advise(p, ABOUT_STEER, -1,
		       "Steer by node (ksmbd-hybrid tune steer=numa): %u queue%s cannot reach %u "
		       "reactors by CPU, but all of a node.",
		       queues, queues == 1 ? "" : "s", f->nreactors);
}

static void advise_balance(const struct tune_facts *f, struct plan *p)
{
	unsigned int most = 0;
	uint64_t sum = 0;

	for (unsigned int r = 0; r < f->nreactors; r++) {
		sum += f->reactors[r].connections;
		if (f->reactors[r].connections > f->reactors[most].connections)
			most = r;
	}
	/* By turns, new connections are even whatever the old ones are. */
	if (f->nreactors < 2 || sum < (uint64_t)BALANCE_MIN * f->nreactors ||
	    tune_imbalance(f) < 1.5 || f->steer == KH_STEER_ROUND_ROBIN)
		return;
	advise(p, ABOUT_BALANCE, -1,
	       "Spread connections by turns (ksmbd-hybrid tune steer=round-robin; those that exist "
	       "stay where they are): reactor %u has %llu of %llu, %.1f times its share.",
	       most, (unsigned long long)f->reactors[most].connections, (unsigned long long)sum,
	       tune_imbalance(f));
}

struct plan tune_advise(const struct tune_facts *f)
{
	static void (*const of_nic[])(const struct tune_facts *, unsigned int, struct plan *) = {
		advise_channels, advise_rss,  advise_irqs,     advise_xps,
		advise_rps,	 advise_hash, advise_offloads, advise_node,
	};
	struct plan p = { 0 };

	for (unsigned int i = 0; i < f->nnics && f->nreactors; i++)
		for (size_t k = 0; k < ARRAY_SIZE(of_nic) && !f->nics[i].loopback; k++)
			of_nic[k](f, i, &p);
	advise_steer(f, &p);
	advise_irqbalance(f, &p);
	advise_balance(f, &p);
	return p;
}
