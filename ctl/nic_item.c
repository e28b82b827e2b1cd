/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic_item.c - one setting of an interface, by name and as text: "channels" "combined 4", "rss"
 * "default" or its table, "irq 64 eth0-TxRx-0" "0-3", "xps 2" and "rps 2" "2" or "none". So that
 * what was, what shall be and what is can be kept, compared and told in one way.
 */
#include <stdio.h>

#include "nic_item.h"

static const char none[] = "none";

/* ---- texts ---- */

static char *cpus_text(const struct cpus *s)
{
	char *list = cpus_list(s);

	if (*list)
		return list;
	free(list);
	return xstrdup(none);
}

static bool text_cpus(const char *text, struct cpus *s)
{
	return cpus_parse_list(s, strcmp(text, none) ? text : "");
}

static char *channels_text(const struct nic_channels *c)
{
	if (!c->max_rx && !c->max_tx)
		return xasprintf("combined %u", c->combined);
	if (!c->max_combined)
		return xasprintf("rx %u tx %u", c->rx, c->tx);
	return xasprintf("combined %u rx %u tx %u", c->combined, c->rx, c->tx);
}

/* The number behind a word of a text. */
static bool text_number(const char *text, const char *word, uint32_t *v)
{
	const char *p = strstr(text, word);
	char *end;

	if (!p || p[strlen(word)] != ' ')
		return false;
	p += strlen(word) + 1;
	*v = (uint32_t)strtoul(p, &end, 10);
	return end != p;
}

/* Into c, which has what else there is of the device. */
static bool text_channels(const char *text, struct nic_channels *c)
{
	bool some = text_number(text, "combined", &c->combined);

	some |= text_number(text, "rx", &c->rx);
	return text_number(text, "tx", &c->tx) || some;
}

static char *rss_text(const struct nic_rss *r, unsigned int nqueues)
{
	char *text;
	size_t n;
	FILE *f;

	if (rss_is_default(r, nqueues))
		return xstrdup("default");
	f = open_memstream(&text, &n);
	if (!f)
		return NULL;
	for (uint32_t i = 0; i < r->size; i++)
		fprintf(f, "%s%u", i ? "," : "", r->table[i]);
	fclose(f);
	return text;
}

static uint32_t *text_rss(const char *text, uint32_t *size)
{
	uint32_t *table = NULL;
	char *end;

	for (*size = 0; *text; text = *end == ',' ? end + 1 : end) {
		unsigned long v = strtoul(text, &end, 10);

		if (end == text || (*end && *end != ','))
			break;
		table = xrealloc(table, (*size + 1) * sizeof(*table));
		table[(*size)++] = (uint32_t)v;
	}
	return table;
}

char *item_show(const char *key, const char *text)
{
	if (strcmp(key, "rss"))
		return xstrdup(strcmp(text, none) ? text : "off");
	if (!strcmp(text, "default") || !strncmp(text, "even", 4))
		return xstrdup("even");
	return xstrdup("a table of its own");
}

/* ---- keys ---- */

bool item_kind(const char *key, enum advice_about *kind, unsigned int *index)
{
	static const enum advice_about indexed[] = { ABOUT_IRQ, ABOUT_XPS, ABOUT_RPS };

	*index = 0;
	for (*kind = ABOUT_CHANNELS; *kind <= ABOUT_RSS; ++*kind)
		if (!strcmp(key, advice_name(*kind)))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(indexed); i++) {
		const char *name = advice_name(indexed[i]);

		*kind = indexed[i];
		if (!strncmp(key, name, strlen(name)) && text_number(key, name, index))
			return true;
	}
	return false;
}

char *item_key(const struct nic *n, enum advice_about kind, unsigned int index)
{
	if (kind <= ABOUT_RSS)
		return xstrdup(advice_name(kind));
	for (unsigned int i = 0; i < n->nirqs && kind == ABOUT_IRQ; i++)
		if (n->irqs[i].irq == index && *n->irqs[i].name)
			return xasprintf("irq %u %s", index, n->irqs[i].name);
	return xasprintf("%s %u", advice_name(kind), index);
}

/* Interrupts get other numbers when a driver sets up its queues anew, and keep their names. */
static unsigned int irq_now(const struct nic *n, const char *key, unsigned int number)
{
	const char *name = strchr(key + strlen("irq "), ' ');

	for (unsigned int i = 0; name && i < n->nirqs; i++)
		if (!strcmp(n->irqs[i].name, name + 1))
			return n->irqs[i].irq;
	return number;
}

/* ---- as it is ---- */

static char *read_cpus(const struct nic_sys *s, bool mask, const char *path)
{
	_cleanup_free_ char *text = nic_read(s, NULL, "%s", path);
	struct cpus c;

	if (!text || !(mask ? cpus_parse_mask(&c, text) : cpus_parse_list(&c, text)))
		return NULL;
	return cpus_text(&c);
}

static char *item_path(const struct nic *n, const char *key, enum advice_about kind,
		       unsigned int index)
{
	switch (kind) {
	case ABOUT_IRQ:
		return xasprintf("proc/irq/%u/smp_affinity_list", irq_now(n, key, index));
	case ABOUT_XPS:
		return xasprintf("sys/class/net/%s/queues/tx-%u/xps_cpus", n->name, index);
	default:
		return xasprintf("sys/class/net/%s/queues/rx-%u/rps_cpus", n->name, index);
	}
}

char *item_read(const struct nic_sys *s, const struct nic *n, const char *key)
{
	_cleanup_free_ char *path = NULL;
	struct nic now = { 0 };
	enum advice_about kind;
	unsigned int index;
	char *text = NULL;

	if (!item_kind(key, &kind, &index))
		return NULL;
	if (kind > ABOUT_RSS) {
		path = item_path(n, key, kind, index);
		return read_cpus(s, kind != ABOUT_IRQ, path);
	}
	if (*s->root)
		return NULL;
	memcpy(now.name, n->name, sizeof(now.name));
	nic_ethtool(&now);
	if (kind == ABOUT_CHANNELS && now.channels.known)
		text = channels_text(&now.channels);
	if (kind == ABOUT_RSS && now.rss.size)
		text = rss_text(&now.rss, nic_rx_queues(&now));
	nic_free(&now);
	return text;
}

/* ---- as it shall be ---- */

char *item_wanted(const struct step *step)
{
	if (step->kind == ABOUT_CHANNELS)
		return channels_text(&step->channels);
	if (step->kind == ABOUT_RSS)
		return xasprintf("even %u", step->index);
	return cpus_text(&step->cpus);
}

static char *write_cpus(const struct nic_sys *s, bool mask, const char *path, const char *text)
{
	_cleanup_free_ char *value = NULL;
	struct cpus c;
	int rc;

	if (!text_cpus(text, &c))
		return xasprintf("\"%s\" is no list of CPUs", text);
	value = mask ? cpus_mask(&c) : cpus_list(&c);
	rc = nic_write(s, value, "%s", path);
	if (rc == -EIO)
		return xstrdup("the kernel does not let it be moved");
	if (rc == -ENOENT)
		return xstrdup("there is no such setting here");
	return rc ? xstrdup(strerror(-rc)) : NULL;
}

/* "default", "even QUEUES", or a table. */
static char *write_rss(const struct nic *n, const char *text)
{
	_cleanup_free_ uint32_t *table = NULL;
	uint32_t size = n->rss.size;
	uint32_t nqueues;

	if (!strcmp(text, "default"))
		return nic_set_rss(n->name, NULL, 0);
	if (text_number(text, "even", &nqueues) && nqueues) {
		table = xcalloc(size + 1, sizeof(*table));
		for (uint32_t i = 0; i < size; i++)
			table[i] = i % nqueues;
	} else {
		table = text_rss(text, &size);
	}
	if (!table || size != n->rss.size)
		return xstrdup("the table has another size now");
	return nic_set_rss(n->name, table, size);
}

char *item_write(const struct nic_sys *s, const struct nic *n, const char *key, const char *text)
{
	struct nic_channels c = n->channels;
	_cleanup_free_ char *path = NULL;
	enum advice_about kind;
	unsigned int index;

	if (!item_kind(key, &kind, &index))
		return xasprintf("\"%s\" is no setting that this version knows", key);
	if (kind > ABOUT_RSS) {
		path = item_path(n, key, kind, index);
		return write_cpus(s, kind != ABOUT_IRQ, path, text);
	}
	if (*s->root)
		return xstrdup("the driver is not asked about files");
	if (kind == ABOUT_RSS)
		return write_rss(n, text);
	if (!text_channels(text, &c))
		return xasprintf("\"%s\" are no channels", text);
	return nic_set_channels(n->name, &c);
}
