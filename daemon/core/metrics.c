// SPDX-License-Identifier: GPL-2.0-or-later
/* metrics.c - the maps in Prometheus' text format. */
#include "core/metrics.h"
#include "core/util.h"
#include "core/view_json.h"
#include "kernel/guard_stats.h"
#include "kernel/steer.h"
#include "smb2_ops.h"

#include <stdio.h>

#define P "ksmbd_hybrid_"

static const char *const plane_names[KH_PLANES] = { "user", "kernel" };

static const struct {
	uint16_t code;
	const char *name;
} commands[] = {
#define X(NAME, name, code, size, needs, fid, where) { code, #name },
	SMB2_OPS(X)
#undef X
};

/* What one text is made of: taken once, so that its parts agree. */
struct sums {
	const struct view *v;
	struct kh_op_stat ops[ARRAY_SIZE(commands)][KH_PLANES];
	uint32_t connections[KH_PLANES];
	struct tcp_table tcp;
};

static void family(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP " P "%s %s\n# TYPE " P "%s %s\n", name, help, name, type);
}

/* Counts are exact up to 2^53. */
static void put_value(FILE *f, double v)
{
	fprintf(f, v == (double)(int64_t)v ? "%.0f\n" : "%.9g\n", v);
}

static void single(FILE *f, const char *name, const char *type, const char *help, double value)
{
	family(f, name, type, help);
	fprintf(f, P "%s ", name);
	put_value(f, value);
}

/* A label's value: backslash, quote and newline are escaped. */
static void quote(FILE *f, const char *s, size_t max)
{
	fputc('"', f);
	for (size_t i = 0; i < max && s[i]; i++) {
		if (s[i] == '\n')
			fputs("\\n", f);
		else if (s[i] == '"' || s[i] == '\\')
			fprintf(f, "\\%c", s[i]);
		else
			fputc(s[i], f);
	}
	fputc('"', f);
}

/* ---- the server ---- */

static void put_server(FILE *f, const struct sums *s)
{
	const struct kh_server_slot *k = s->v->server;

	family(f, "build_info", "gauge", "Version of the server; always 1.");
	fputs(P "build_info{version=", f);
	quote(f, k->version, sizeof(k->version));
	fputs("} 1\n", f);
	single(f, "start_time_seconds", "gauge", "When the server started, in Unix time.",
	       (double)k->start_realtime);
	single(f, "config_generation", "gauge", "How often the configuration was read.",
	       (double)k->generation);
	single(f, "kernel_plane", "gauge", "1: the kernel module may serve data; 0: it cannot.",
	       !k->kmod_why[0]);
	single(f, "bpf_complete", "gauge", "1: nothing of BPF is missing.", !k->bpf_why[0]);
	family(f, "steering_info", "gauge", "How connections are spread over reactors; always 1.");
	fprintf(f, P "steering_info{mode=\"%s\",by=\"%s\"} 1\n", steer_mode_name(k->steer),
		steer_by_name(k));
}

static void put_connections(FILE *f, const struct sums *s)
{
	const struct kh_server_slot *k = s->v->server;
	const struct kh_reactor_slot r = view_reactors(s->v);

	family(f, "connections", "gauge", "Connections now, by the plane that reads them.");
	for (unsigned int p = 0; p < KH_PLANES; p++)
		fprintf(f, P "connections{plane=\"%s\"} %u\n", plane_names[p], s->connections[p]);
	single(f, "preauth_connections", "gauge", "Connections that have not logged in yet.",
	       k->preauth);
	single(f, "sessions", "gauge", "Sessions that are logged in.", k->sessions);
	single(f, "open_files", "gauge", "Open files, folders and pipes.", k->opens);
	single(f, "watched_folders", "gauge", "Folders that clients watch for changes.",
	       k->watches);
	single(f, "changes_lost_total", "counter",
	       "Answers that told a client to list a watched folder again.", k->changes_lost);
	single(f, "connections_accepted_total", "counter", "Connections that were accepted.",
	       (double)r.accepted);
	single(f, "connections_closed_total", "counter", "Connections that have ended.",
	       (double)r.closed);
	single(f, "connections_attached_total", "counter",
	       "Connections that were handed to the kernel module.", (double)r.attached);
	single(f, "connections_attach_refused_total", "counter",
	       "Connections that the kernel module refused.", (double)r.attach_refused);
}

/* ---- requests ---- */

/* READ, WRITE, ... of the kernel plane: what it never answers has no series there. */
static bool has_series(const struct sums *s, size_t c, unsigned int plane)
{
	static const uint16_t kernel[] = { SMB2_CLOSE, SMB2_FLUSH, SMB2_READ, SMB2_WRITE,
					   SMB2_ECHO };

	if (plane == KH_PLANE_USER || s->ops[c][plane].count)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(kernel); i++)
		if (kernel[i] == commands[c].code)
			return true;
	return false;
}

static void per_command(FILE *f, const struct sums *s, const char *name, const char *help,
			size_t offset)
{
	family(f, name, "counter", help);
	for (size_t c = 0; c < ARRAY_SIZE(commands); c++)
		for (unsigned int p = 0; p < KH_PLANES; p++) {
			__u64 v;

			if (!has_series(s, c, p))
				continue;
			memcpy(&v, (const char *)&s->ops[c][p] + offset, sizeof(v));
			fprintf(f, P "%s{command=\"%s\",plane=\"%s\"} %llu\n", name,
				commands[c].name, plane_names[p], (unsigned long long)v);
		}
}

static void per_plane(FILE *f, const struct sums *s, const char *name, const char *help,
		      size_t offset)
{
	family(f, name, "counter", help);
	for (unsigned int p = 0; p < KH_PLANES; p++) {
		__u64 sum = 0, v;

		for (size_t c = 0; c < ARRAY_SIZE(commands); c++) {
			memcpy(&v, (const char *)&s->ops[c][p] + offset, sizeof(v));
			sum += v;
		}
		fprintf(f, P "%s{plane=\"%s\"} %llu\n", name, plane_names[p],
			(unsigned long long)sum);
	}
}

/*
 * Only of what was used: 24 buckets each. The count is that of the buckets, which are written
 * after the operation is counted. There is no sum: nobody adds up times.
 */
static void put_histogram(FILE *f, const char *command, const char *plane,
			  const struct kh_op_stat *s)
{
	__u64 below = 0;

	for (unsigned int b = 0; b < KH_LATENCY_BUCKETS; b++) {
		below += s->latency_us[b];
		fprintf(f, P "request_duration_seconds_bucket{command=\"%s\",plane=\"%s\",le=\"",
			command, plane);
		if (b + 1 < KH_LATENCY_BUCKETS)
			fprintf(f, "%.9g", (double)(1u << b) / 1e6);
		else
			fputs("+Inf", f);
		fprintf(f, "\"} %llu\n", (unsigned long long)below);
	}
	fprintf(f, P "request_duration_seconds_count{command=\"%s\",plane=\"%s\"} %llu\n", command,
		plane, (unsigned long long)below);
}

static void put_requests(FILE *f, const struct sums *s)
{
#define AT(field) offsetof(struct kh_op_stat, field)
	per_command(f, s, "requests_total", "Requests that were answered.", AT(count));
	per_command(f, s, "request_errors_total", "Of them, those answered with an error.",
		    AT(errors));
	per_plane(f, s, "read_bytes_total", "Data that READ returned.", AT(bytes_out));
	per_plane(f, s, "written_bytes_total", "Data that WRITE took.", AT(bytes_in));
#undef AT
	family(f, "request_duration_seconds", "histogram",
	       "Time from the whole request to its answer; without a sum.");
	for (size_t c = 0; c < ARRAY_SIZE(commands); c++)
		for (unsigned int p = 0; p < KH_PLANES; p++)
			if (s->ops[c][p].count)
				put_histogram(f, commands[c].name, plane_names[p], &s->ops[c][p]);
}

static void put_refused(FILE *f, const struct sums *s)
{
	const struct kh_bad_input bad = view_bad(s->v);

	family(f, "refused_input_total", "counter", "Input that was refused, by the reason.");
#define KH_X(name)                                                       \
	fprintf(f, P "refused_input_total{reason=\"" #name "\"} %llu\n", \
		(unsigned long long)bad.name);
	KH_BAD_INPUT_LIST(KH_X)
#undef KH_X
}

/* ---- reactors ---- */

static void per_reactor(FILE *f, const struct sums *s, const char *name, const char *type,
			const char *help, double (*value)(const struct kh_reactor_slot *r))
{
	const struct view *v = s->v;

	family(f, name, type, help);
	for (uint32_t i = 0; i < view_load(&v->server->reactors) && i < v->nreactors; i++) {
		struct kh_reactor_slot r = view_reactor(v, i);

		fprintf(f, P "%s{reactor=\"%u\"} ", name, i);
		put_value(f, value(&r));
	}
}

#define VALUE(name, expression)                             \
	static double name(const struct kh_reactor_slot *r) \
	{                                                   \
		return (double)(expression);                \
	}
VALUE(reactor_connections, r->connections)
VALUE(reactor_requests, r->requests)
VALUE(reactor_workers, r->to_workers)
VALUE(reactor_in, r->bytes_in)
VALUE(reactor_out, r->bytes_out)
VALUE(reactor_cpu, r->busy_ns / 1e9)
#undef VALUE

static void put_reactors(FILE *f, const struct sums *s)
{
	per_reactor(f, s, "reactor_connections", "gauge", "Connections of the reactor.",
		    reactor_connections);
	per_reactor(f, s, "reactor_requests_total", "counter", "Requests that the reactor read.",
		    reactor_requests);
	per_reactor(f, s, "reactor_worker_requests_total", "counter",
		    "Of them, those that a worker ran.", reactor_workers);
	per_reactor(f, s, "reactor_receive_bytes_total", "counter",
		    "Bytes that the reactor read from sockets.", reactor_in);
	per_reactor(f, s, "reactor_send_bytes_total", "counter",
		    "Bytes that the reactor wrote to sockets.", reactor_out);
	per_reactor(f, s, "reactor_cpu_seconds_total", "counter", "CPU time of its thread.",
		    reactor_cpu);
}

/* ---- TCP ---- */

static int by_rtt(const void *a, const void *b)
{
	const struct tcp_facts *x = a, *y = b;

	return x->rtt_us < y->rtt_us ? -1 : x->rtt_us > y->rtt_us;
}

static void put_tcp(FILE *f, struct sums *s)
{
	struct tcp_table *t = &s->tcp;
	uint64_t resent = 0, unacked = 0;
	size_t middle = t->n / 2;

	for (size_t i = 0; i < t->n; i++) {
		resent += t->f[i].retransmits;
		unacked += t->f[i].unacked;
	}
	if (t->n)
		qsort(t->f, t->n, sizeof(*t->f), by_rtt);
	single(f, "tcp_rtt_median_seconds", "gauge", "Median round trip of the connections.",
	       t->n ? t->f[middle].rtt_us / 1e6 : 0);
	single(f, "tcp_rtt_max_seconds", "gauge", "Longest round trip of a connection.",
	       t->n ? t->f[t->n - 1].rtt_us / 1e6 : 0);
	single(f, "tcp_resent_segments", "gauge",
	       "Segments that were sent again, of the connections that there are.", (double)resent);
	single(f, "tcp_unacked_segments", "gauge", "Segments on the way to clients.",
	       (double)unacked);
}

/* ---- the guard ---- */

static void per_queue(FILE *f, const struct guard_queue *q, size_t n, const char *name,
		      const char *help, size_t offset)
{
	family(f, name, "counter", help);
	for (size_t i = 0; i < n; i++) {
		__u64 v;

		memcpy(&v, (const char *)&q[i].stat + offset, sizeof(v));
		fprintf(f, P "%s{interface=", name);
		quote(f, q[i].interface, sizeof(q[i].interface));
		fprintf(f, ",queue=\"%u\"} %llu\n", q[i].queue, (unsigned long long)v);
	}
}

static void put_guard(FILE *f, const struct sums *s)
{
	struct guard_queue *q;
	size_t n;

#define AT(field) offsetof(struct kh_queue_stat, field)
	if (!guard_stats_read(s->v->dir, &q, &n) && n) {
		per_queue(f, q, n, "xdp_packets_total", "Packets for our ports.", AT(packets));
		per_queue(f, q, n, "xdp_bytes_total", "Bytes of them.", AT(bytes));
		per_queue(f, q, n, "xdp_syns_total", "Of them, requests to connect.", AT(syns));
		per_queue(f, q, n, "xdp_blocked_total", "Packets of blocked sources, dropped.",
			  AT(blocked));
		per_queue(f, q, n, "xdp_limited_total",
			  "Requests to connect above syn rate, dropped.", AT(limited));
		per_queue(f, q, n, "xdp_redirected_total", "Packets given to another CPU.",
			  AT(redirected));
	}
#undef AT
	free(q);
}

/* ---- all ---- */

static void take_connections(struct sums *s)
{
	struct kh_conn_slot c;

	for (uint32_t i = 0; i < s->v->nconns; i++)
		if (view_conn(s->v, i, &c))
			s->connections[c.attached_ns ? KH_PLANE_KERNEL : KH_PLANE_USER]++;
}

char *metrics_text(const struct view *v)
{
	struct sums *s = xcalloc(1, sizeof(*s));
	size_t size;
	char *text = NULL;
	FILE *f = open_memstream(&text, &size);
	bool bad = !f;

	s->v = v;
	if (f) {
		for (size_t c = 0; c < ARRAY_SIZE(commands); c++)
			for (unsigned int p = 0; p < KH_PLANES; p++)
				s->ops[c][p] = view_op(v, p, commands[c].code);
		take_connections(s);
		put_server(f, s);
		put_connections(f, s);
		put_requests(f, s);
		put_refused(f, s);
		put_reactors(f, s);
		put_guard(f, s);
		s->tcp = view_tcp(v);
		put_tcp(f, s);
		tcp_table_free(&s->tcp);
		bad = ferror(f);
		bad |= fclose(f) != 0;
	}
	free(s);
	if (bad)
		free(steal_ptr(&text));
	return text;
}
