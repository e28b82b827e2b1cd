/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tune_show.c - reactors, interfaces and advice, for people and as JSON (names in the man page).
 */
#include <linux/ethtool.h>

#include "kernel/steer.h"
#include "tune.h"

static void put(struct json_object *o, const char *name, struct json_object *v)
{
	json_object_object_add(o, name, v);
}

static void put_cpus(struct json_object *o, const char *name, const struct cpus *s)
{
	_cleanup_free_ char *list = cpus_list(s);

	json_put_str(o, name, list);
}

/* ---- JSON ---- */

static struct json_object *reactor_rows(const struct tune_facts *f)
{
	struct json_object *a = json_object_new_array();

	for (unsigned int i = 0; i < f->nreactors; i++) {
		const struct nic_reactor *r = &f->reactors[i];
		struct json_object *o = json_object_new_object();

		json_put_num(o, "reactor", i);
		if (r->cpu >= 0)
			json_put_num(o, "cpu", r->cpu);
		json_put_num(o, "connections", r->connections);
		json_put_num(o, "accepted", r->accepted);
		json_object_array_add(a, o);
	}
	return a;
}

static struct json_object *server_json(const struct tune_facts *f)
{
	struct json_object *o = json_object_new_object();

	json_put_bool(o, "running", f->running);
	put(o, "reactors", reactor_rows(f));
	put(o, "imbalance", json_object_new_double(tune_imbalance(f)));
	if (f->steer >= 0)
		json_put_str(o, "steer", steer_mode_name(f->steer));
	json_put_bool(o, "steer_by_bpf", f->steer_by_bpf);
	json_put_str(o, "steer_why", f->steer_why);
	return o;
}

static struct json_object *queue_row(const struct nic *n, unsigned int q, unsigned int kind,
				     const struct nic_irq *irq)
{
	struct json_object *o = json_object_new_object();

	json_put_num(o, "queue", q);
	json_put_str(o, "for", kind == NIC_RX ? "rx" : kind == NIC_TX ? "tx" : "rx+tx");
	if (irq) {
		json_put_num(o, "irq", irq->irq);
		json_put_num(o, "interrupts", irq->count);
		json_put_str(o, "name", irq->name);
	}
	if (irq && irq->known) {
		put_cpus(o, "affinity", &irq->affinity);
		if (cpus_count(&irq->effective))
			put_cpus(o, "effective", &irq->effective);
	}
	if (kind & NIC_RX && q < n->nrx && n->rx[q].known)
		put_cpus(o, "rps", &n->rx[q].cpus);
	if (kind & NIC_TX && q < n->ntx && n->tx[q].known)
		put_cpus(o, "xps", &n->tx[q].cpus);
	return o;
}

/* By queue: a row for each of its interrupts, and one for what has none. */
static struct json_object *queue_rows(const struct nic *n)
{
	struct json_object *a = json_object_new_array();

	for (unsigned int q = 0; q < MAX(n->nrx, n->ntx); q++) {
		unsigned int left = (q < n->nrx ? NIC_RX : 0) | (q < n->ntx ? NIC_TX : 0);

		for (unsigned int i = 0; i < n->nirqs; i++) {
			const struct nic_irq *irq = &n->irqs[i];

			if (!irq->kind || irq->queue != q)
				continue;
			json_object_array_add(a, queue_row(n, q, irq->kind, irq));
			left &= ~irq->kind;
		}
		if (left)
			json_object_array_add(a, queue_row(n, q, left, NULL));
	}
	return a;
}

static struct json_object *channels_json(const struct nic_channels *c)
{
	struct json_object *o = json_object_new_object();

	json_put_num(o, "combined", c->combined);
	json_put_num(o, "rx", c->rx);
	json_put_num(o, "tx", c->tx);
	json_put_num(o, "other", c->other);
	json_put_num(o, "max_combined", c->max_combined);
	json_put_num(o, "max_rx", c->max_rx);
	json_put_num(o, "max_tx", c->max_tx);
	return o;
}

/* As ethtool writes it: sdfn are source and destination address and port. */
static struct json_object *hash_json(uint32_t bits)
{
	char s[5];
	int n = 0;

	if (bits & RXH_IP_SRC)
		s[n++] = 's';
	if (bits & RXH_IP_DST)
		s[n++] = 'd';
	if (bits & RXH_L4_B_0_1)
		s[n++] = 'f';
	if (bits & RXH_L4_B_2_3)
		s[n++] = 'n';
	return json_object_new_string_len(s, n);
}

static struct json_object *rss_json(const struct nic *n)
{
	struct json_object *o = json_object_new_object(), *a = json_object_new_array();
	unsigned int nqueues = nic_rx_queues(n);
	_cleanup_free_ uint32_t *count = xcalloc(nqueues + 1, sizeof(*count));

	json_put_num(o, "entries", n->rss.size);
	json_put_str(o, "function", n->rss.function);
	if (n->rss.tcp4)
		put(o, "tcp4", hash_json(n->rss.tcp4));
	if (n->rss.tcp6)
		put(o, "tcp6", hash_json(n->rss.tcp6));
	for (uint32_t i = 0; i < n->rss.size; i++)
		count[MIN(n->rss.table[i], nqueues)]++;
	for (unsigned int q = 0; q < nqueues; q++)
		json_object_array_add(a, json_object_new_int64((int64_t)count[q]));
	put(o, "of_queue", a);
	return o;
}

static struct json_object *offloads_json(const struct nic_offloads *f)
{
	const struct {
		const char *name;
		int on;
	} all[] = { { "tso", f->tso }, { "gso", f->gso }, { "gro", f->gro }, { "lro", f->lro } };
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].on >= 0)
			json_put_bool(o, all[i].name, all[i].on);
	return o;
}

static struct json_object *nic_json(const struct nic *n)
{
	struct json_object *o = json_object_new_object(), *p = json_object_new_object();

	json_put_str(o, "name", n->name);
	if (*n->above)
		json_put_str(o, "above", n->above);
	json_put_str(o, "driver", n->driver);
	if (n->speed > 0)
		json_put_num(o, "speed_mbps", n->speed);
	if (n->node >= 0)
		json_put_num(o, "node", n->node);
	if (n->channels.known)
		put(o, "channels", channels_json(&n->channels));
	if (n->rss.size)
		put(o, "rss", rss_json(n));
	if (n->ring_rx_max) {
		json_put_num(p, "rx", n->ring_rx);
		json_put_num(p, "rx_max", n->ring_rx_max);
		json_put_num(p, "tx", n->ring_tx);
		json_put_num(p, "tx_max", n->ring_tx_max);
		put(o, "rings", json_object_get(p));
	}
	json_object_put(p);
	if (n->coalesce_known) {
		p = json_object_new_object();
		json_put_num(p, "rx_us", n->coalesce_rx_us);
		json_put_num(p, "tx_us", n->coalesce_tx_us);
		json_put_bool(p, "adaptive", n->coalesce_adaptive);
		put(o, "coalescing", p);
	}
	put(o, "offloads", offloads_json(&n->offloads));
	json_put_num(o, "rx_dropped", n->rx_dropped);
	put(o, "queues", queue_rows(n));
	return o;
}

struct json_object *tune_json(const struct tune_facts *f, const struct plan *p)
{
	struct json_object *o = json_object_new_object(), *nics = json_object_new_array();
	struct json_object *advice = json_object_new_array();

	put(o, "server", server_json(f));
	put_cpus(o, "cpus", &f->online);
	json_put_num(o, "irqbalance", f->irqbalance);
	for (unsigned int i = 0; i < f->nnics; i++)
		json_object_array_add(nics, nic_json(&f->nics[i]));
	put(o, "interfaces", nics);
	for (size_t i = 0; i < p->nadvice; i++) {
		const struct advice *v = &p->advice[i];
		struct json_object *row = json_object_new_object();

		json_put_str(row, "about", advice_name(v->about));
		if (v->nic >= 0)
			json_put_str(row, "interface", f->nics[v->nic].name);
		json_put_bool(row, "applies", v->about < ABOUT_APPLIED);
		json_put_str(row, "sentence", v->sentence);
		json_object_array_add(advice, row);
	}
	put(o, "advice", advice);
	return o;
}

/* ---- for people ---- */

static void print_balance(const struct tune_facts *f)
{
	double imbalance = tune_imbalance(f);
	unsigned int most = 0;

	if (imbalance <= 0) {
		printf("%-12s no connections now\n", "Balance");
		return;
	}
	for (unsigned int i = 0; i < f->nreactors; i++)
		if (f->reactors[i].connections > f->reactors[most].connections)
			most = i;
	printf("%-12s %s: reactor %u has %.1f times its share of the connections\n", "Balance",
	       imbalance < 1.2	 ? "even"
	       : imbalance < 1.5 ? "nearly even"
				 : "uneven",
	       most, imbalance);
}

static void print_server(const struct ctl *ctl, const struct tune_facts *f)
{
	static const struct column cols[] = { { "REACTOR", "reactor", COL_NUMBER },
					      { "CPU", "cpu", COL_NUMBER },
					      { "CONNECTIONS", "connections", COL_NUMBER },
					      { "ACCEPTED", "accepted", COL_NUMBER } };
	const char *s = f->nreactors == 1 ? "" : "s";
	struct json_object *rows;

	if (!f->running) {
		printf("%-12s not running; it would have %u reactor%s\n", "Server", f->nreactors,
		       s);
		return;
	}
	printf("%-12s %u reactor%s\n", "Server", f->nreactors, s);
	if (f->steer >= 0)
		printf("%-12s %s, by %s%s%s%s\n", "Steering", steer_mode_name(f->steer),
		       f->steer_by_bpf		  ? "bpf"
		       : f->steer == KH_STEER_CPU ? "incoming-cpu"
						  : "kernel",
		       *f->steer_why ? " (" : "", f->steer_why, *f->steer_why ? ")" : "");
	print_balance(f);
	rows = reactor_rows(f);
	print_rows(ctl, rows, cols, ARRAY_SIZE(cols), "");
	json_object_put(rows);
}

static void print_channels(const struct nic *n)
{
	const struct nic_channels *c = &n->channels;

	printf("  %-10s ", "Channels");
	if (!c->known)
		printf("%u RX and %u TX queue%s; their number is fixed\n", n->nrx, n->ntx,
		       n->ntx == 1 ? "" : "s");
	else if (c->max_combined)
		printf("%u combined of %u\n", c->combined, c->max_combined);
	else
		printf("%u RX of %u, %u TX of %u\n", c->rx, c->max_rx, c->tx, c->max_tx);
}

static const char *hash_words(uint32_t bits)
{
	static const char both[] = "addresses and ports", one[] = "addresses";
	const uint32_t ports = RXH_L4_B_0_1 | RXH_L4_B_2_3;

	return (bits & ports) == ports ? both : one;
}

static void print_rss(const struct nic *n)
{
	uint32_t low, high;

	if (!n->rss.size)
		return;
	rss_spread(&n->rss, nic_rx_queues(n), &low, &high);
	printf("  %-10s %u entries, %s%s", "RSS", n->rss.size,
	       high - low <= 1 ? "even" : "uneven: ", high - low <= 1 ? "" : "a queue has ");
	if (high - low > 1)
		printf("%u to %u", low, high);
	printf("%s%s", *n->rss.function ? "; " : "", n->rss.function);
	if (n->rss.tcp4 && hash_words(n->rss.tcp4) == hash_words(n->rss.tcp6))
		printf("; TCP by %s", hash_words(n->rss.tcp4));
	else if (n->rss.tcp4 && n->rss.tcp6)
		printf("; TCP over IPv4 by %s, IPv6 by %s", hash_words(n->rss.tcp4),
		       hash_words(n->rss.tcp6));
	putchar('\n');
}

static void print_offloads(const struct nic_offloads *f)
{
	static const char *const words[] = { "unknown", "off", "on" };

	printf("  %-10s TSO %s, GSO %s, GRO %s, LRO %s\n", "Offloads", words[f->tso + 1],
	       words[f->gso + 1], words[f->gro + 1], words[f->lro + 1]);
}

static void print_rest(const struct nic *n)
{
	if (n->ring_rx_max)
		printf("  %-10s RX %u of %u, TX %u of %u\n", "Rings", n->ring_rx, n->ring_rx_max,
		       n->ring_tx, n->ring_tx_max);
	if (n->rx_dropped)
		printf("  %-10s %llu packets found no room in the RX rings\n", "Dropped",
		       (unsigned long long)n->rx_dropped);
	if (n->coalesce_known && (n->coalesce_rx_us || n->coalesce_tx_us || n->coalesce_adaptive))
		printf("  %-10s RX %u us, TX %u us%s\n", "Coalescing", n->coalesce_rx_us,
		       n->coalesce_tx_us, n->coalesce_adaptive ? ", adaptive" : "");
	if (n->offloads.tso >= 0)
		print_offloads(&n->offloads);
}

/* "" is no CPU: for RPS and XPS that is off. */
static void say_off(struct json_object *rows)
{
	static const char *const keys[] = { "rps", "xps" };

	for (size_t i = 0; i < json_object_array_length(rows); i++)
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			struct json_object *row = json_object_array_get_idx(rows, i);
			struct json_object *v = json_object_object_get(row, keys[k]);

			if (v && !json_object_get_string_len(v))
				json_put_str(row, keys[k], "off");
		}
}

static void print_nic(const struct ctl *ctl, const struct nic *n)
{
	static const struct column cols[] = {
		{ "QUEUE", "queue", COL_NUMBER },
		{ "FOR", "for" },
		{ "IRQ", "irq", COL_NUMBER },
		{ "INTERRUPTS", "interrupts", COL_NUMBER },
		{ "NAME", "name" },
		{ "AFFINITY", "affinity" },
		{ "EFFECTIVE", "effective" },
		{ "RPS", "rps" },
		{ "XPS", "xps" },
	};
	struct json_object *rows;

	printf("\n%s: %s", n->name, *n->driver ? n->driver : "unknown driver");
	if (n->speed > 0)
		printf(n->speed % 1000 ? ", %d Mb/s" : ", %d Gb/s",
		       n->speed % 1000 ? n->speed : n->speed / 1000);
	if (n->node >= 0)
		printf(", NUMA node %d", n->node);
	if (*n->above)
		printf(", carries %s", n->above);
	putchar('\n');
	if (n->loopback) {
		puts("  Loopback has no queues to tune.");
		return;
	}
	print_channels(n);
	print_rss(n);
	print_rest(n);
	if (!n->nirqs)
		printf("  %-10s none of its own\n", "Interrupts");
	rows = queue_rows(n);
	say_off(rows);
	print_rows(ctl, rows, cols, ARRAY_SIZE(cols), "");
	json_object_put(rows);
}

/* Words of a sentence, in lines of TABLE_WIDTH behind a margin that begins with bullet. */
static void print_wrapped(const char *bullet, const char *text)
{
	int margin = (int)strlen(bullet), at = margin;

	fputs(bullet, stdout);
	while (*text) {
		int n = (int)strcspn(text, " ");

		if (at > margin && at + 1 + n > TABLE_WIDTH) {
			printf("\n%*s", margin, "");
			at = margin;
		}
		at += printf("%s%.*s", at > margin ? " " : "", n, text);
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

static void print_advice(const struct plan *p, bool applied, const char *title)
{
	bool any = false;

	for (size_t i = 0; i < p->nadvice; i++) {
		if ((p->advice[i].about < ABOUT_APPLIED) != applied)
			continue;
		if (!any)
			printf("\n%s\n", title);
		any = true;
		print_wrapped("  - ", p->advice[i].sentence);
	}
}

void tune_print(const struct ctl *ctl, const struct tune_facts *f, const struct plan *p)
{
	print_server(ctl, f);
	if (f->irqbalance)
		printf("%-12s runs, process %d\n", "irqbalance", f->irqbalance);
	for (unsigned int i = 0; i < f->nnics; i++)
		print_nic(ctl, &f->nics[i]);
	print_advice(p, true, "Advice that tune --apply follows:");
	print_advice(p, false, "Advice for you to decide about:");
	if (!p->nadvice)
		puts("\nNothing to advise.");
}

/* ---- what was changed ---- */

static const char *text_of(struct json_object *o, const char *name)
{
	const char *s = json_object_get_string(json_object_object_get(o, name));

	return s ? s : "";
}

void tune_print_log(const struct ctl *ctl, const struct tune_log *log, const char *nothing)
{
	size_t nchanged = json_object_array_length(log->changed);
	size_t nskipped = json_object_array_length(log->skipped);

	if (ctl->json) {
		struct json_object *o = json_object_new_object();

		json_put_bool(o, "dry_run", log->dry);
		put(o, "changed", json_object_get(log->changed));
		put(o, "skipped", json_object_get(log->skipped));
		print_json(o);
		json_object_put(o);
		return;
	}
	for (size_t i = 0; i < nchanged; i++) {
		struct json_object *o = json_object_array_get_idx(log->changed, i);

		printf("%s %s: %s, %s %s\n", text_of(o, "interface"), text_of(o, "item"),
		       text_of(o, "before"), log->dry ? "would be" : "now", text_of(o, "after"));
	}
	for (size_t i = 0; i < nskipped; i++) {
		struct json_object *o = json_object_array_get_idx(log->skipped, i);

		printf("%s %s: not changed: %s\n", text_of(o, "interface"), text_of(o, "item"),
		       text_of(o, "why"));
	}
	if (!nchanged && !nskipped)
		puts(nothing);
}
