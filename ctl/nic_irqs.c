/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic_irqs.c - /proc/interrupts, and what drivers call the interrupts of their queues:
 *
 *	ixgbe, igb, bnxt	eth0-TxRx-0		i40e, ice	i40e-eth0-TxRx-0
 *	mlx5			mlx5_comp0@pci:0000:3b:00.0
 *	virtio_net		virtio0-input.0, virtio0-output.0
 *	ena			eth0-Tx-Rx-0		vmxnet3		eth0-rxtx-0
 *	e1000e, tg3		eth0-rx-0, eth0-tx-0	xen-netfront	eth0-q0-rx
 *	be2net			eth0-q0			qede		eth0-fp-0
 */
#include <ctype.h>
#include <stdio.h>

#include "nic.h"

/* ---- /proc/interrupts ---- */

/* CPUs that the header names: columns of counts. */
static unsigned int count_columns(const char *line, const char *end)
{
	unsigned int n = 0;

	for (const char *p = line; p + 3 <= end; p++)
		n += !strncmp(p, "CPU", 3);
	return n;
}

/*
 * Behind the counts are the chip (whose name may have blanks), the number at the chip and the way
 * it is triggered, then the actions. Only the trigger has a form to know it by.
 */
static const char *find_actions(const char *p, const char *end)
{
	static const char *const triggers[] = { "edge", "level", "fasteoi", "eoi" };

	while (p < end) {
		const char *word, *tail;
		size_t n;

		while (p < end && isblank((unsigned char)*p))
			p++;
		word = p;
		while (p < end && !isblank((unsigned char)*p))
			p++;
		tail = memchr(word, '-', (size_t)(p - word));
		tail = tail && isdigit((unsigned char)*word) ? tail + 1 : word;
		n = (size_t)(p - tail);
		for (size_t i = 0; i < ARRAY_SIZE(triggers); i++)
			if (n == strlen(triggers[i]) && !strncasecmp(tail, triggers[i], n))
				return p;
	}
	return NULL;
}

static bool parse_line(const char *line, const char *end, unsigned int columns,
		       struct irq_line *out)
{
	char *p;
	const char *name;

	memset(out, 0, sizeof(*out));
	while (line < end && isblank((unsigned char)*line))
		line++;
	if (line == end || !isdigit((unsigned char)*line))
		return false;
	out->irq = (unsigned int)strtoul(line, &p, 10);
	if (p >= end || *p++ != ':')
		return false;
	for (unsigned int i = 0; i < columns && p < end; i++) {
		while (p < end && isblank((unsigned char)*p))
			p++;
		if (p < end && isdigit((unsigned char)*p))
			out->count += strtoull(p, &p, 10);
	}
	name = find_actions(p, end);
	if (!name)
		return true;
	while (name < end && isblank((unsigned char)*name))
		name++;
	while (end > name && isspace((unsigned char)end[-1]))
		end--;
	snprintf(out->name, sizeof(out->name), "%.*s", (int)(end - name), name);
	return true;
}

struct irq_lines irq_lines_parse(const char *text)
{
	struct irq_lines l = { NULL, 0 };
	unsigned int columns = 0;
	size_t cap = 0;

	for (const char *p = text, *end; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, '\n');
		if (!columns) {
			columns = count_columns(p, end);
			continue;
		}
		if (l.n == cap) {
			cap = MAX(64, cap * 2);
			l.v = xrealloc(l.v, cap * sizeof(*l.v));
		}
		l.n += parse_line(p, end, columns, &l.v[l.n]);
	}
	return l;
}

const struct irq_line *irq_lines_find(const struct irq_lines *l, unsigned int irq)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].irq == irq)
			return &l->v[i];
	return NULL;
}

/* ---- names ---- */

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Where dev stands in name as a word of its own; NULL: nowhere. */
static const char *find_dev(const char *name, const char *dev)
{
	size_t n = strlen(dev);

	for (const char *p = name; n && (p = strstr(p, dev)); p++)
		if ((p == name || !in_word(p[-1])) && !in_word(p[n]))
			return p;
	return NULL;
}

bool irq_name_of(const char *name, const char *dev)
{
	return find_dev(name, dev) != NULL;
}

static const struct irq_word {
	const char *word;
	unsigned int kind;
} irq_words[] = {
	{ "txrx", NIC_RX | NIC_TX },
	{ "rxtx", NIC_RX | NIC_TX },
	{ "comp", NIC_RX | NIC_TX },
	{ "fp", NIC_RX | NIC_TX },
	{ "q", NIC_RX | NIC_TX },
	{ "queue", NIC_RX | NIC_TX },
	{ "rx", NIC_RX },
	{ "input", NIC_RX },
	{ "tx", NIC_TX },
	{ "output", NIC_TX },
};

static unsigned int word_kind(const char *word, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(irq_words); i++)
		if (n == strlen(irq_words[i].word) && !strncasecmp(word, irq_words[i].word, n))
			return irq_words[i].kind;
	return 0;
}

/*
 * Words of letters, and the number that follows the last known one. "q" says less than "rx" beside
 * it, and "Tx-Rx" is both.
 */
unsigned int irq_name_queue(const char *name, const char *dev, unsigned int *queue)
{
	const char *end = strchrnul(name, '@'), *at = find_dev(name, dev);
	unsigned int kind = 0, shared = 0;
	bool numbered = false, pending = false;

	for (const char *p = name; p < end;) {
		const char *start = p;

		if (p == at) {
			p += strlen(dev);
		} else if (isalpha((unsigned char)*p)) {
			unsigned int k;

			while (p < end && isalpha((unsigned char)*p))
				p++;
			k = word_kind(start, (size_t)(p - start));
			if (k == (NIC_RX | NIC_TX))
				shared = k;
			else
				kind |= k;
			pending = k != 0;
		} else if (isdigit((unsigned char)*p)) {
			char *after;
			unsigned long v = strtoul(p, &after, 10);

			if (pending && v < CPUS_MAX * 4) {
				*queue = (unsigned int)v;
				numbered = true;
			}
			pending = false;
			p = after;
		} else {
			p++;
		}
	}
	return numbered ? kind ? kind : shared : 0;
}
