/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top_sort.c - the order of rows. */
#include "top.h"

const char *const top_key_names[TOP_KEYS] = { "ops", "bytes", "latency", "errors", "name" };

/* qsort() passes nothing along; one thread sorts. */
static enum top_key key;

static int descending(double a, double b)
{
	return a > b ? -1 : a < b;
}

/* The keys that all rows have; 0: equal, or another key. */
static int by_rate(const struct top_rate *a, const struct top_rate *b)
{
	int c = 0;

	if (key == TOP_BY_NAME)
		return 0;
	if (key == TOP_BY_BYTES)
		c = descending(a->in + a->out, b->in + b->out);
	else if (key == TOP_BY_ERRORS)
		c = descending(a->errors, b->errors);
	return c ?: descending(a->ops, b->ops) ?: descending(a->in + a->out, b->in + b->out);
}

static int op_order(const void *a, const void *b)
{
	const struct top_op *x = a, *y = b;
	int c = key == TOP_BY_LATENCY ? descending(x->latency.p99, y->latency.p99) : 0;

	c = c ?: by_rate(&x->rate, &y->rate);
	if (!c && key == TOP_BY_NAME)
		c = strcmp(top_command_name(x->command), top_command_name(y->command));
	if (!c)
		c = descending((double)x->count, (double)y->count);
	return c ?: (int)y->plane - (int)x->plane;
}

static int client_order(const void *a, const void *b)
{
	const struct top_client *x = a, *y = b;
	int c = key == TOP_BY_LATENCY ? descending(x->tcp.rtt_us, y->tcp.rtt_us) : 0;

	c = c ?: by_rate(&x->rate, &y->rate);
	if (!c && key == TOP_BY_NAME)
		c = memcmp(x->tcp.addr, y->tcp.addr, sizeof(x->tcp.addr));
	return c ?: (x->id < y->id ? -1 : x->id > y->id);
}

static int file_order(const void *a, const void *b)
{
	const struct top_file *x = a, *y = b;
	int c = by_rate(&x->rate, &y->rate);

	return c ?: strcmp(x->share, y->share) ?: strcmp(x->path, y->path);
}

/* Reactors and queues stay in their order: one looks for the one that stands out. */
void top_sort(struct top_frame *f, enum top_key by)
{
	key = by;
	qsort(f->ops, f->nops, sizeof(*f->ops), op_order);
	if (f->nclients)
		qsort(f->clients, f->nclients, sizeof(*f->clients), client_order);
	if (f->nfiles)
		qsort(f->files, f->nfiles, sizeof(*f->files), file_order);
}
