/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top_tables.c - what stands in which column. */
#include "ctl.h"
#include "smb2_ops.h"
#include "top_tables.h"

const char *top_command_name(uint16_t command)
{
	switch (command) {
#define X(NAME, name, code, size, needs, fid, where) \
	case code:                                   \
		return #NAME;
		SMB2_OPS(X)
#undef X
	}
	return "?";
}

/* ---- numbers ---- */

void top_format_rate(char out[TOP_CELL_MAX], double v)
{
	static const char units[] = { 0, 'k', 'M', 'G', 'T', 'P' };
	size_t u = 0;

	for (; u + 1 < ARRAY_SIZE(units) && (v >= 9999.5 || (u && v >= 999.5)); u++)
		v /= 1000;
	if (v < 0.05)
		snprintf(out, TOP_CELL_MAX, "0");
	else if (v < 9.95 && (u || v - (int)(v + 0.05) > 0.05))
		snprintf(out, TOP_CELL_MAX, "%.1f%s", v, u ? (char[]) { units[u], 0 } : "");
	else if (u && v < 99.95)
		snprintf(out, TOP_CELL_MAX, "%.1f%c", v, units[u]);
	else
		snprintf(out, TOP_CELL_MAX, "%.0f%s", v, u ? (char[]) { units[u], 0 } : "");
}

void top_format_us(char out[TOP_CELL_MAX], double us)
{
	if (us <= 0)
		snprintf(out, TOP_CELL_MAX, "-");
	else if (us < 9.95)
		snprintf(out, TOP_CELL_MAX, "%.1fus", us);
	else if (us < 999.5)
		snprintf(out, TOP_CELL_MAX, "%.0fus", us);
	else if (us < 99950)
		snprintf(out, TOP_CELL_MAX, "%.1fms", us / 1e3);
	else if (us < 999500)
		snprintf(out, TOP_CELL_MAX, "%.0fms", us / 1e3);
	else
		snprintf(out, TOP_CELL_MAX, "%.1fs", us / 1e6);
}

static enum top_attr text(char out[TOP_CELL_MAX], const char *s)
{
	snprintf(out, TOP_CELL_MAX, "%s", s);
	text_clean(out);
	return TOP_PLAIN;
}

static enum top_attr number(char out[TOP_CELL_MAX], uint64_t v)
{
	snprintf(out, TOP_CELL_MAX, "%llu", (unsigned long long)v);
	return TOP_PLAIN;
}

static enum top_attr rate(char out[TOP_CELL_MAX], double v)
{
	top_format_rate(out, v);
	return v < 0.05 ? TOP_DIM : TOP_PLAIN;
}

/* What should not be. */
static enum top_attr fault(char out[TOP_CELL_MAX], double v)
{
	return rate(out, v) == TOP_DIM ? TOP_DIM : TOP_BAD;
}

static enum top_attr latency(char out[TOP_CELL_MAX], double us)
{
	top_format_us(out, us);
	return us <= 0 ? TOP_DIM : TOP_PLAIN;
}

static enum top_attr plane(char out[TOP_CELL_MAX], bool kernel)
{
	text(out, kernel ? "kernel" : "user");
	return kernel ? TOP_GOOD : TOP_PLAIN;
}

/* ---- commands ---- */

static size_t count_ops(const struct top_frame *f)
{
	return f->nops;
}

static enum top_attr op_cell(const struct top_frame *f, size_t row, size_t column,
			     char out[TOP_CELL_MAX])
{
	const struct top_op *o = &f->ops[row];

	switch (column) {
	case 0:
		return text(out, top_command_name(o->command));
	case 1:
		return plane(out, o->plane == KH_PLANE_KERNEL);
	case 2:
		return rate(out, o->rate.ops);
	case 3:
		return fault(out, o->rate.errors);
	case 4:
		return rate(out, o->rate.in);
	case 5:
		return rate(out, o->rate.out);
	case 6:
		return latency(out, o->latency.p50);
	case 7:
		return latency(out, o->latency.p90);
	case 8:
		return latency(out, o->latency.p99);
	}
	return number(out, o->count);
}

/* ---- clients ---- */

static size_t count_clients(const struct top_frame *f)
{
	return f->nclients;
}

static enum top_attr tcp_cell(const struct tcp_facts *t, size_t column, char out[TOP_CELL_MAX])
{
	if (!t->known) {
		text(out, "-");
		return TOP_DIM;
	}
	switch (column) {
	case 6:
		return latency(out, t->rtt_us);
	case 7:
		number(out, t->retransmits);
		return t->retransmits ? TOP_PLAIN : TOP_DIM;
	case 8:
		return number(out, t->cwnd);
	}
	return number(out, t->unacked);
}

static enum top_attr client_cell(const struct top_frame *f, size_t row, size_t column,
				 char out[TOP_CELL_MAX])
{
	const struct top_client *c = &f->clients[row];

	switch (column) {
	case 0:
		return text(out, c->addr);
	case 1:
		return text(out, *c->user ? c->user : "-");
	case 2:
		return plane(out, c->kernel);
	case 3:
		return rate(out, c->rate.ops);
	case 4:
		return rate(out, c->rate.in);
	case 5:
		return rate(out, c->rate.out);
	case 10:
		text(out, c->why);
		return TOP_DIM;
	}
	return tcp_cell(&c->tcp, column, out);
}

/* ---- files ---- */

static size_t count_files(const struct top_frame *f)
{
	return f->nfiles;
}

static enum top_attr file_cell(const struct top_frame *f, size_t row, size_t column,
			       char out[TOP_CELL_MAX])
{
	const struct top_file *h = &f->files[row];

	switch (column) {
	case 0:
		snprintf(out, TOP_CELL_MAX, "%s/%s", h->share, h->path);
		text_clean(out);
		return TOP_PLAIN;
	case 1:
		return number(out, h->opens);
	case 2:
		return plane(out, h->kernel);
	case 3:
		return rate(out, h->reads);
	case 4:
		return rate(out, h->writes);
	case 5:
		return rate(out, h->rate.in);
	case 6:
		return rate(out, h->rate.out);
	}
	if (h->clients < 2)
		return text(out, *h->client ? h->client : "-");
	snprintf(out, TOP_CELL_MAX, "%u clients", h->clients);
	return TOP_PLAIN;
}

/* ---- reactors and queues ---- */

static size_t count_reactors(const struct top_frame *f)
{
	return f->nreactors;
}

static enum top_attr reactor_cell(const struct top_frame *f, size_t row, size_t column,
				  char out[TOP_CELL_MAX])
{
	const struct top_reactor *r = &f->reactors[row];

	switch (column) {
	case 0:
		return number(out, r->index);
	case 1:
		return r->cpu == UINT32_MAX ? text(out, "any") : number(out, r->cpu);
	case 2:
		return number(out, r->connections);
	case 3:
		return rate(out, r->accepted);
	case 4:
		return rate(out, r->rate.ops);
	case 5:
		return rate(out, r->workers);
	case 6:
		return rate(out, r->rate.in);
	case 7:
		return rate(out, r->rate.out);
	}
	snprintf(out, TOP_CELL_MAX, "%.0f %%", r->busy * 100);
	return r->busy > 0.9 ? TOP_BAD : r->busy < 0.005 ? TOP_DIM : TOP_PLAIN;
}

static size_t count_queues(const struct top_frame *f)
{
	return f->nqueues;
}

static enum top_attr queue_cell(const struct top_frame *f, size_t row, size_t column,
				char out[TOP_CELL_MAX])
{
	const struct top_queue *q = &f->queues[row];

	switch (column) {
	case 0:
		return text(out, q->interface);
	case 1:
		return number(out, q->index);
	case 2:
		return rate(out, q->packets);
	case 3:
		return rate(out, q->bytes);
	case 4:
		return rate(out, q->syns);
	case 5:
		return fault(out, q->blocked);
	}
	return fault(out, q->limited);
}

/* ---- all ---- */

#define NOT TOP_KEYS

const struct top_table_desc top_tables[TOP_TABS] = {
	[TOP_TAB_OPS] = { "commands",
			  "no requests yet",
			  { { "COMMAND", -16, 0, TOP_BY_NAME },
			    { "PLANE", -7, 0, NOT },
			    { "OPS/S", 8, 0, TOP_BY_OPS },
			    { "ERR/S", 7, 0, TOP_BY_ERRORS },
			    { "IN/S", 8, 0, TOP_BY_BYTES },
			    { "OUT/S", 8, 0, TOP_BY_BYTES },
			    { "P50", 8, 0, NOT },
			    { "P90", 8, 0, NOT },
			    { "P99", 8, 0, TOP_BY_LATENCY },
			    { "SO FAR", 13, 95, NOT } },
			  SIZE_MAX,
			  count_ops,
			  op_cell },
	[TOP_TAB_CLIENTS] = { "clients",
			      "nobody is connected",
			      { { "CLIENT", 0, 0, TOP_BY_NAME },
				{ "USER", -11, 0, NOT },
				{ "PLANE", -7, 0, NOT },
				{ "REQ/S", 8, 0, TOP_BY_OPS },
				{ "IN/S", 8, 0, TOP_BY_BYTES },
				{ "OUT/S", 8, 0, TOP_BY_BYTES },
				{ "RTT", 8, 0, TOP_BY_LATENCY },
				{ "RESENT", 7, 0, NOT },
				{ "CWND", 6, 90, NOT },
				{ "UNACKED", 8, 100, NOT },
				{ " WHY NOT KERNEL", -32, 130, NOT } },
			      50,
			      count_clients,
			      client_cell },
	[TOP_TAB_FILES] = { "files",
			    "no open file was read or written",
			    { { "FILE", 0, 0, TOP_BY_NAME },
			      { "OPENS", 6, 0, NOT },
			      { " PLANE", -8, 0, NOT },
			      { "READS/S", 8, 0, TOP_BY_OPS },
			      { "WRITES/S", 9, 0, TOP_BY_OPS },
			      { "IN/S", 8, 0, TOP_BY_BYTES },
			      { "OUT/S", 8, 0, TOP_BY_BYTES },
			      { " CLIENT", -23, 100, NOT } },
			    50,
			    count_files,
			    file_cell },
	[TOP_TAB_REACTORS] = { "reactors",
			       "no reactors",
			       { { "REACTOR", -8, 0, NOT },
				 { "CPU", 5, 0, NOT },
				 { "CONNS", 8, 0, NOT },
				 { "NEW/S", 8, 0, NOT },
				 { "REQ/S", 8, 0, NOT },
				 { "WORKERS/S", 10, 0, NOT },
				 { "IN/S", 8, 0, NOT },
				 { "OUT/S", 8, 0, NOT },
				 { "BUSY", 7, 0, NOT } },
			       SIZE_MAX,
			       count_reactors,
			       reactor_cell },
	[TOP_TAB_QUEUES] = { "queues",
			     "",
			     { { "INTERFACE", -16, 0, NOT },
			       { "QUEUE", 6, 0, NOT },
			       { "PACKETS/S", 11, 0, NOT },
			       { "BYTES/S", 9, 0, NOT },
			       { "SYN/S", 8, 0, NOT },
			       { "BLOCKED/S", 11, 0, NOT },
			       { "LIMITED/S", 11, 0, NOT } },
			     SIZE_MAX,
			     count_queues,
			     queue_cell },
};
