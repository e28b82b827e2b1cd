/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top_text.c - a frame as a screen, or as lines. */
#include <stdarg.h>

#include "ctl.h"
#include "kernel/steer.h"
#include "top_tables.h"

struct page {
	FILE *f;
	const struct top_look *look;
	int line; /* the next one */
};

static const char *sgr(const struct page *p, enum top_attr a)
{
	if (!p->look->colour)
		return "";
	switch (a) {
	case TOP_GOOD:
		return "\033[32m";
	case TOP_BAD:
		return "\033[31;1m";
	case TOP_DIM:
		return "\033[2m";
	case TOP_PLAIN:
		break;
	}
	return "";
}

static bool room(const struct page *p)
{
	return !p->look->rows || p->line < p->look->rows;
}

static void line_begin(struct page *p)
{
	if (p->line++)
		fputc('\n', p->f);
}

/* A line of text, cut to the screen; attr: an escape sequence for a screen, or "". */
__attribute__((format(printf, 3, 4))) static void line(struct page *p, const char *attr,
						       const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	if (!room(p))
		return;
	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (p->look->rows)
		text_shorten(s, p->look->cols);
	else
		attr = "";
	line_begin(p);
	fprintf(p->f, "%s%s%s", attr, s, *attr ? "\033[0m" : "");
	free(s);
}

/* ---- a table ---- */

struct layout {
	const struct top_table_desc *t;
	int width[TOP_COLUMNS_MAX]; /* 0: not shown */
	size_t ncols, last;	    /* last: that is shown */
};

#define FLEXIBLE_MIN 12

/*
 * Columns from the left, as many as the screen has room for. That of width 0 has what its longest
 * text needs, of what the others leave.
 */
static void lay_out(const struct page *p, const struct top_frame *f, size_t rows, struct layout *l)
{
	int rest = p->look->rows ? p->look->cols : 1 << 20, need = 16;
	size_t flexible = SIZE_MAX;
	char cell[TOP_CELL_MAX];

	for (l->ncols = 0; l->ncols < TOP_COLUMNS_MAX && l->t->columns[l->ncols].title;
	     l->ncols++) {
		const struct top_column *c = &l->t->columns[l->ncols];
		int width = c->width ? abs(c->width) : FLEXIBLE_MIN;

		if (p->look->rows && (p->look->cols < c->min_cols || (rest < width && l->ncols)))
			continue;
		l->width[l->ncols] = MIN(width, rest);
		l->last = l->ncols;
		rest -= l->width[l->ncols];
		if (!c->width)
			flexible = l->ncols;
	}
	if (flexible == SIZE_MAX)
		return;
	for (size_t r = 0; r < rows; r++) {
		l->t->cell(f, r, flexible, cell);
		need = MAX(need, text_width(cell) + (flexible != l->last));
	}
	l->width[flexible] = MAX(MIN(need, l->width[flexible] + rest), MIN(need, FLEXIBLE_MIN));
}

/* A title that begins with a space keeps its column off the numbers to the left of it. */
static void put_cell(struct page *p, const struct layout *l, size_t c, char *s, enum top_attr a)
{
	const struct top_column *col = &l->t->columns[c];
	bool left = col->width <= 0;
	int lead = left && col->title[0] == ' ', pad;
	int gap = left ? c != l->last : c > 0;
	const char *attr = *s ? sgr(p, a) : "";

	text_shorten(s, MAX(l->width[c] - lead - gap, 1));
	pad = MAX(l->width[c] - lead - text_width(s), 0);
	fprintf(p->f, "%*s%s%s%s", left ? lead : pad, "", attr, s, *attr ? "\033[0m" : "");
	if (left && c != l->last)
		fprintf(p->f, "%*s", pad, "");
}

static void put_titles(struct page *p, const struct layout *l)
{
	bool screen = p->look->rows, colour = p->look->colour;
	int used = 0;

	if (!room(p))
		return;
	line_begin(p);
	if (screen)
		fputs(colour ? "\033[30;46m" : "\033[7m", p->f);
	for (size_t c = 0; c < l->ncols; c++) {
		const struct top_column *col = &l->t->columns[c];
		bool sorted = screen && col->key == p->look->key && l->width[c];
		int len = MIN((int)strlen(col->title), l->width[c]), pad = l->width[c] - len;

		if (!l->width[c])
			continue;
		if (col->width > 0)
			fprintf(p->f, "%*s", pad, "");
		fprintf(p->f, "%s%.*s%s", sorted ? "\033[1;4m" : "", len, col->title,
			sorted ? "\033[22;24m" : "");
		if (col->width <= 0 && (screen || c != l->last))
			fprintf(p->f, "%*s", pad, "");
		used += l->width[c];
	}
	if (screen)
		fprintf(p->f, "%*s\033[0m", MAX(p->look->cols - used, 0), "");
}

static void put_table(struct page *p, const struct top_frame *f, const struct top_table_desc *t,
		      size_t rows)
{
	struct layout l = { .t = t };
	char cell[TOP_CELL_MAX];

	lay_out(p, f, MIN(rows, t->count(f)), &l);
	put_titles(p, &l);
	if (!t->count(f) && rows)
		line(p, sgr(p, TOP_DIM), "  %s", t->nothing);
	for (size_t r = 0; r < MIN(rows, t->count(f)) && room(p); r++) {
		line_begin(p);
		for (size_t c = 0; c < l.ncols; c++) {
			enum top_attr a;

			if (!l.width[c])
				continue;
			a = t->cell(f, r, c, cell);
			put_cell(p, &l, c, cell, a);
		}
	}
}

/* ---- which tables, and how many rows of each ---- */

static bool shown(const struct top_look *look, const struct top_frame *f, unsigned int tab)
{
	if (tab == TOP_TAB_QUEUES && !f->nqueues)
		return false;
	switch (look->table) {
	case TOP_OPS:
		return tab == TOP_TAB_OPS;
	case TOP_CLIENTS:
		return tab == TOP_TAB_CLIENTS;
	case TOP_FILES:
		return tab == TOP_TAB_FILES;
	case TOP_QUEUES:
		return tab == TOP_TAB_REACTORS || tab == TOP_TAB_QUEUES;
	default:
		return true;
	}
}

/* Lines go in turn, two at a time to the commands, to tables that want more. */
static void deal_out(const size_t want[TOP_TABS], int *lines, size_t rows[TOP_TABS])
{
	bool given = true;

	while (given && *lines > 0) {
		given = false;
		for (unsigned int i = 0; i < TOP_TABS; i++)
			for (int n = i == TOP_TAB_OPS ? 2 : 1; n && *lines > 0 && rows[i] < want[i];
			     n--) {
				rows[i]++;
				(*lines)--;
				given = true;
			}
	}
}

static size_t busy_ops(const struct top_frame *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->nops; i++)
		n += f->ops[i].rate.ops > 0;
	return n;
}

/*
 * How many rows each table has: commands that do nothing now come last. True: there is room for an
 * empty line above each table.
 */
static bool deal(const struct top_look *look, const struct top_frame *f, int lines,
		 size_t rows[TOP_TABS])
{
	size_t want[TOP_TABS] = { 0 }, all_ops;
	int tables = 0;

	for (unsigned int i = 0; i < TOP_TABS; i++) {
		rows[i] = 0;
		if (!shown(look, f, i))
			continue;
		want[i] = MAX(top_tables[i].count(f), 1);
		if (!look->rows)
			rows[i] = MIN(want[i], top_tables[i].most);
		lines--;
		tables++;
	}
	if (!look->rows)
		return true;
	all_ops = want[TOP_TAB_OPS];
	if (all_ops && look->key != TOP_BY_NAME)
		want[TOP_TAB_OPS] = MAX(busy_ops(f), 1);
	deal_out(want, &lines, rows);
	want[TOP_TAB_OPS] = all_ops;
	deal_out(want, &lines, rows);
	return lines >= tables;
}

/* ---- above and below them ---- */

static void put_time(char out[TOP_CELL_MAX], uint64_t s)
{
	if (s < 120)
		snprintf(out, TOP_CELL_MAX, "%llu s", (unsigned long long)s);
	else if (s < 7200)
		snprintf(out, TOP_CELL_MAX, "%llu min", (unsigned long long)s / 60);
	else if (s < 172800)
		snprintf(out, TOP_CELL_MAX, "%llu h", (unsigned long long)s / 3600);
	else
		snprintf(out, TOP_CELL_MAX, "%llu days", (unsigned long long)s / 86400);
}

/* "3: no data yet 2, NetBIOS framing 1"; a single reason without its number. Caller frees. */
static char *user_part(const struct top_frame *f)
{
	char *s = xasprintf("%u", f->user_connections);
	const char *whys[8];
	unsigned int count[8], n = 0;

	for (size_t i = 0; i < f->nclients; i++) {
		unsigned int w = 0;

		if (f->clients[i].kernel)
			continue;
		while (w < n && strcmp(whys[w], f->clients[i].why) != 0)
			w++;
		if (w == ARRAY_SIZE(whys))
			continue;
		if (w == n) {
			whys[n] = f->clients[i].why;
			count[n++] = 0;
		}
		count[w]++;
	}
	for (unsigned int w = 0; w < n; w++) {
		char *longer =
			n == 1 ? xasprintf("%s: %s", s, whys[w])
			       : xasprintf("%s%s %s %u", s, w ? "," : ":", whys[w], count[w]);

		free(s);
		s = longer;
	}
	return s;
}

/* The words of `status`. */
static void put_truth(struct page *p, const struct top_frame *f)
{
	const char *bold = p->look->colour && !f->alive ? "\033[1;31m" : "\033[1m";
	_cleanup_free_ char *user = user_part(f);
	uint32_t n = *f->server.kmod_why ? f->user_connections : f->kernel_connections;
	const char *s = n == 1 ? "" : "s";

	if (!f->alive)
		line(p, bold, "The server has ended (process %u).", f->server.pid);
	else if (*f->server.kmod_why)
		line(p, bold, "Serving: user space (%u connection%s; kernel: %s)", n, s,
		     f->server.kmod_why);
	else if (f->user_connections)
		line(p, bold, "Serving: kernel (%u connection%s), user space (%s)", n, s, user);
	else
		line(p, bold, "Serving: kernel (%u connection%s)", n, s);
}

/* "12.3 MB/s" */
static void format_bytes(char out[TOP_CELL_MAX], double v)
{
	char s[TOP_CELL_MAX];
	size_t n;

	top_format_rate(s, v);
	n = strspn(s, "0123456789.");
	snprintf(out, TOP_CELL_MAX, "%.*s %.1sB/s", (int)n, s, s + n);
}

static void put_totals(struct page *p, const struct top_frame *f)
{
	char ops[TOP_CELL_MAX], errors[TOP_CELL_MAX], in[TOP_CELL_MAX], out[TOP_CELL_MAX];
	char p50[TOP_CELL_MAX], p99[TOP_CELL_MAX], up[TOP_CELL_MAX];

	top_format_rate(ops, f->total.ops);
	top_format_rate(errors, f->total.errors);
	format_bytes(in, f->total.in);
	format_bytes(out, f->total.out);
	top_format_us(p50, f->latency.p50);
	top_format_us(p99, f->latency.p99);
	put_time(up, f->uptime_s);
	line(p, "", "Connections %u, sessions %u, open files %u; steering %s (%s); up %s",
	     f->kernel_connections + f->user_connections, f->server.sessions, f->handles,
	     steer_mode_name(f->server.steer), steer_by_name(&f->server), up);
	line(p, "", "%s ops/s, %s errors/s; in %s, out %s; p50 %s, p99 %s", ops, errors, in, out,
	     p50, p99);
}

static void put_keys(struct page *p)
{
	static const char *const tables[TOP_TABLES] = { "all", "commands", "clients", "files",
							"queues" };
	const struct top_look *look = p->look;

	while (p->line < look->rows - 1)
		line(p, "", "%s", "");
	if (look->note)
		line(p, look->colour ? "\033[1;33m" : "\033[1m", "%s", look->note);
	else
		line(p, sgr(p, TOP_DIM),
		     "q quit  h help  0-4 tables: %s  o,b,l,e,n sort: %s  +,- every %g s%s",
		     tables[look->table], top_key_names[look->key], look->interval,
		     look->paused ? "  PAUSED" : "");
}

static void put_help(struct page *p)
{
	static const char *const text[] = {
		"",
		"  q, Ctrl-C   quit                       h, ?   this help, and back",
		"  0           all tables                 p      pause, and go on",
		"  1           commands                   +, -   longer, shorter interval",
		"  2           clients (connections)      space  a frame now",
		"  3           files",
		"  4           reactors and queues",
		"",
		"  Sort by     o  operations per second",
		"              b  bytes, both directions together",
		"              l  latency (99th percentile; of clients the round trip)",
		"              e  errors",
		"              n  name",
		"",
		"  IN is towards the server. Bytes of commands and files are data of WRITE and",
		"  READ; those of clients and reactors are all that went over the network. k, M",
		"  and G are 1000, a million, a thousand million. RTT, RESENT and CWND are TCP's:",
		"  round trip, segments sent again since connecting, segments it may have on the",
		"  way. PLANE says who answers: the kernel module, or the daemon in user space.",
		NULL,
	};

	for (size_t i = 0; text[i]; i++)
		line(p, "", "%s", text[i]);
}

char *top_text(const struct top_frame *f, const struct top_look *look)
{
	size_t rows[TOP_TABS], size = 0;
	char *text = NULL;
	bool gaps;
	struct page p = { .f = open_memstream(&text, &size), .look = look };

	if (!p.f)
		return NULL;
	put_truth(&p, f);
	put_totals(&p, f);
	gaps = deal(look, f, look->rows - p.line - 1, rows);
	if (look->help && look->rows)
		put_help(&p);
	for (unsigned int i = 0; i < TOP_TABS && !(look->help && look->rows); i++) {
		if (!shown(look, f, i))
			continue;
		if (gaps)
			line(&p, "", "%s", "");
		if (look->rows && p.line >= look->rows - 1)
			break;
		put_table(&p, f, &top_tables[i], rows[i]);
	}
	if (look->rows)
		put_keys(&p);
	else
		fputc('\n', p.f);
	fclose(p.f);
	return text;
}
