/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top_sample.c - two looks at the maps make a frame of rates. */
#include "core/view_json.h"
#include "smb2_ops.h"
#include "top.h"

/* Counters of a slot at the last look; id 0: it was free. */
struct seen {
	uint64_t id, ops, in, out, reads;
};

struct top_sampler {
	struct kh_op_stat ops[KH_PLANES][KH_OPS];
	struct seen *conns, *handles;
	struct kh_reactor_slot *reactors;
	double *busy; /* of the reactors, which say it once a second */
	struct guard_queue *queues;
	size_t nqueues;
	uint64_t at_ns; /* 0: nothing was looked at */
};

/* A session's user, by its first connection. */
struct user {
	uint64_t conn_id;
	char name[KH_USER_MAX];
};

/* What one call of top_sample() works with. */
struct look {
	struct top_sampler *s;
	const struct view *v;
	uint64_t at_ns;
	double seconds; /* 0: the first */
	struct user *users;
	size_t nusers;
};

struct top_sampler *top_sampler_new(void)
{
	return xcalloc(1, sizeof(struct top_sampler));
}

void top_sampler_free(struct top_sampler *s)
{
	if (!s)
		return;
	free(s->conns);
	free(s->handles);
	free(s->reactors);
	free(s->busy);
	free(s->queues);
	free(s);
}

void top_frame_free(struct top_frame *f)
{
	free(f->clients);
	free(f->files);
	free(f->reactors);
	free(f->queues);
	memset(f, 0, sizeof(*f));
}

static double per_second(const struct look *l, uint64_t now, uint64_t before)
{
	return l->seconds > 0 && now > before ? (double)(now - before) / l->seconds : 0;
}

/*
 * What was counted in this slot at the last look. A slot that has another owner since began at
 * zero, unless its owner is older than that look, which then did not see it: no rate.
 */
static struct seen before(const struct look *l, struct seen *slot, const struct seen *now,
			  uint64_t since_ns)
{
	struct seen was = *slot;

	*slot = *now;
	if (was.id == now->id)
		return was;
	if (since_ns >= l->s->at_ns)
		return (struct seen) { .id = now->id };
	return *now;
}

/* ---- commands ---- */

static struct kh_op_stat op_minus(const struct kh_op_stat *a, const struct kh_op_stat *b)
{
	struct kh_op_stat d = { 0 };

#define MINUS(f) d.f = a->f > b->f ? a->f - b->f : 0
	MINUS(count);
	MINUS(errors);
	MINUS(bytes_in);
	MINUS(bytes_out);
	for (unsigned int i = 0; i < KH_LATENCY_BUCKETS; i++)
		MINUS(latency_us[i]);
#undef MINUS
	return d;
}

static void op_plus(struct kh_op_stat *sum, const struct kh_op_stat *d)
{
	sum->count += d->count;
	sum->errors += d->errors;
	sum->bytes_in += d->bytes_in;
	sum->bytes_out += d->bytes_out;
	for (unsigned int i = 0; i < KH_LATENCY_BUCKETS; i++)
		sum->latency_us[i] += d->latency_us[i];
}

static struct top_rate rate_of(const struct look *l, const struct kh_op_stat *d)
{
	return (struct top_rate) {
		.ops = per_second(l, d->count, 0),
		.errors = per_second(l, d->errors, 0),
		.in = per_second(l, d->bytes_in, 0),
		.out = per_second(l, d->bytes_out, 0),
	};
}

static struct top_latency latency_of(const struct kh_op_stat *d)
{
	return (struct top_latency) {
		.p50 = view_percentile(d, 50),
		.p90 = view_percentile(d, 90),
		.p99 = view_percentile(d, 99),
	};
}

static void take_ops(const struct look *l, struct top_frame *f)
{
	struct kh_op_stat total = { 0 };

	for (unsigned int i = 0; i < KH_PLANES * KH_OPS; i++) {
		enum kh_plane plane = i / KH_OPS;
		uint16_t command = i % KH_OPS;
		struct kh_op_stat *was = &l->s->ops[plane][command];
		struct kh_op_stat now = view_op(l->v, plane, command), d;

		d = op_minus(&now, was);
		*was = now;
		if (!l->seconds)
			d = (struct kh_op_stat) { 0 };
		op_plus(&total, &d);
		if (now.count)
			f->ops[f->nops++] = (struct top_op) {
				.command = command,
				.plane = plane,
				.count = now.count,
				.rate = rate_of(l, &d),
				.latency = latency_of(&d),
			};
	}
	f->total = rate_of(l, &total);
	f->latency = latency_of(&total);
}

/* ---- connections ---- */

static int by_conn(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	return x->conn_id < y->conn_id ? -1 : x->conn_id > y->conn_id;
}

static void take_users(struct look *l)
{
	struct kh_session_slot s;

	for (uint32_t i = 0; i < l->v->nsessions; i++) {
		if (!view_session(l->v, i, &s))
			continue;
		if (!(l->nusers & (l->nusers + 1))) /* 0, 1, 3, 7, ... */
			l->users = xrealloc(l->users, (l->nusers + 1) * 2 * sizeof(*l->users));
		l->users[l->nusers].conn_id = s.conn_id;
		memcpy(l->users[l->nusers].name, s.user, KH_USER_MAX);
		l->users[l->nusers++].name[KH_USER_MAX - 1] = 0;
	}
	if (l->nusers)
		qsort(l->users, l->nusers, sizeof(*l->users), by_conn);
}

static const char *user_of(const struct look *l, uint64_t conn_id)
{
	struct user key = { .conn_id = conn_id }, *u;

	u = l->nusers ? bsearch(&key, l->users, l->nusers, sizeof(key), by_conn) : NULL;
	return u ? u->name : "";
}

static void format_addr(char out[TOP_ADDR_MAX], const __u32 addr[4], uint16_t port)
{
	char buf[VIEW_ADDR_MAX];
	const char *text = view_addr(addr, buf);

	snprintf(out, TOP_ADDR_MAX, strchr(text, ':') ? "[%s]:%u" : "%s:%u", text, port);
}

static void take_conn(const struct look *l, const struct kh_conn_slot *c, struct seen *slot,
		      struct top_client *out)
{
	struct seen now = {
		.id = c->id,
		.ops = c->user_frames + c->frames,
		.in = c->user_bytes_in + c->bytes_in,
		.out = c->user_bytes_out + c->bytes_out,
	};
	struct seen was = before(l, slot, &now, c->accepted_ns);

	*out = (struct top_client) {
		.id = c->id,
		.kernel = c->attached_ns != 0,
		.rate = { .ops = per_second(l, now.ops, was.ops),
			  .in = per_second(l, now.in, was.in),
			  .out = per_second(l, now.out, was.out) },
		.sessions = c->sessions,
		.waiting = c->requests,
		.tcp = { .port = c->port, .local_port = c->local_port },
	};
	memcpy(out->tcp.addr, c->addr, sizeof(out->tcp.addr));
	format_addr(out->addr, c->addr, c->port);
	snprintf(out->user, sizeof(out->user), "%s", user_of(l, c->id));
	if (!out->kernel)
		snprintf(out->why, sizeof(out->why), "%.63s", c->why);
}

static void take_conns(const struct look *l, struct top_frame *f)
{
	struct kh_conn_slot c;
	size_t cap = 0;

	for (uint32_t i = 0; i < l->v->nconns; i++) {
		if (!view_conn(l->v, i, &c)) {
			l->s->conns[i].id = 0;
			continue;
		}
		if (f->nclients == cap) {
			cap = MAX(64, cap * 2);
			f->clients = xrealloc(f->clients, cap * sizeof(*f->clients));
		}
		take_conn(l, &c, &l->s->conns[i], &f->clients[f->nclients]);
		if (f->clients[f->nclients++].kernel)
			f->kernel_connections++;
		else
			f->user_connections++;
	}
}

/* ---- files ---- */

static void take_handle(const struct look *l, const struct kh_handle_slot *h,
			const struct kh_name *name, struct seen *slot, struct top_file *out)
{
	struct seen now = {
		.id = h->vol,
		.reads = h->user_reads + h->reads,
		.ops = h->user_reads + h->reads + h->user_writes + h->writes,
		.in = h->user_write_bytes + h->write_bytes,
		.out = h->user_read_bytes + h->read_bytes,
	};
	struct seen was = before(l, slot, &now, h->opened_ns);

	*out = (struct top_file) {
		.opens = 1,
		.clients = 1,
		.kernel = h->state != KH_HANDLE_FREE,
		.rate = { .ops = per_second(l, now.ops, was.ops),
			  .in = per_second(l, now.in, was.in),
			  .out = per_second(l, now.out, was.out) },
		.reads = per_second(l, now.reads, was.reads),
		.conn_id = h->conn_id,
	};
	out->writes = MAX(out->rate.ops - out->reads, 0);
	snprintf(out->share, sizeof(out->share), "%.39s", name->share);
	snprintf(out->path, sizeof(out->path), "%.87s", name->path);
}

static int by_file(const void *a, const void *b)
{
	const struct top_file *x = a, *y = b;
	int c = strcmp(x->share, y->share) ?: strcmp(x->path, y->path);

	return c ?: (x->conn_id < y->conn_id ? -1 : x->conn_id > y->conn_id);
}

/* Handles of one file become one row. */
static void merge_files(struct top_frame *f)
{
	size_t n = 0;

	if (f->nfiles)
		qsort(f->files, f->nfiles, sizeof(*f->files), by_file);
	for (size_t i = 0; i < f->nfiles; i++) {
		struct top_file *h = &f->files[i], *to = n ? &f->files[n - 1] : NULL;

		if (!to || strcmp(to->share, h->share) || strcmp(to->path, h->path)) {
			f->files[n++] = *h;
			continue;
		}
		to->opens++;
		to->clients += to->conn_id != h->conn_id;
		to->conn_id = h->conn_id;
		to->kernel |= h->kernel;
		to->reads += h->reads;
		to->writes += h->writes;
		to->rate.ops += h->rate.ops;
		to->rate.in += h->rate.in;
		to->rate.out += h->rate.out;
	}
	f->nfiles = n;
}

static void name_clients(struct top_frame *f)
{
	for (size_t i = 0; i < f->nfiles; i++)
		for (size_t c = 0; c < f->nclients && !f->files[i].client[0]; c++)
			if (f->clients[c].id == f->files[i].conn_id)
				memcpy(f->files[i].client, f->clients[c].addr, TOP_ADDR_MAX);
}

static void take_handles(const struct look *l, struct top_frame *f)
{
	struct kh_handle_slot h;
	struct kh_name name;
	size_t cap = 0;

	for (uint32_t i = 0; i < l->v->nhandles; i++) {
		if (!view_handle(l->v, i, &h, &name)) {
			l->s->handles[i].id = 0;
			continue;
		}
		f->handles++;
		if (f->nfiles == cap) {
			cap = MAX(64, cap * 2);
			f->files = xrealloc(f->files, cap * sizeof(*f->files));
		}
		take_handle(l, &h, &name, &l->s->handles[i], &f->files[f->nfiles]);
		if (f->files[f->nfiles].rate.ops > 0)
			f->nfiles++;
	}
	merge_files(f);
	name_clients(f);
}

/* ---- reactors ---- */

static void take_reactors(const struct look *l, struct top_frame *f)
{
	f->reactors = xcalloc(l->v->nreactors + 1, sizeof(*f->reactors));
	for (uint32_t i = 0; i < l->v->nreactors && i < f->server.reactors; i++) {
		const struct kh_reactor_slot now = l->v->reactors[i];
		const struct kh_reactor_slot was = l->s->reactors[i];

		l->s->reactors[i] = now;
		if (now.at_ns > was.at_ns)
			l->s->busy[i] = MIN((double)(now.busy_ns - was.busy_ns) /
						    (double)(now.at_ns - was.at_ns),
					    1.0);
		else if (l->at_ns > now.at_ns + 2500000000u)
			l->s->busy[i] = 0; /* it sleeps: it says so once a second else */
		f->reactors[f->nreactors++] = (struct top_reactor) {
			.index = i,
			.cpu = now.cpu,
			.connections = now.connections,
			.rate = { .ops = per_second(l, now.requests, was.requests),
				  .in = per_second(l, now.bytes_in, was.bytes_in),
				  .out = per_second(l, now.bytes_out, was.bytes_out) },
			.accepted = per_second(l, now.accepted, was.accepted),
			.workers = per_second(l, now.to_workers, was.to_workers),
			.busy = l->seconds > 0 ? l->s->busy[i] : 0,
		};
	}
}

/* ---- queues of the guard ---- */

static const struct guard_queue *find_queue(const struct top_sampler *s,
					    const struct guard_queue *q)
{
	for (size_t i = 0; i < s->nqueues; i++)
		if (s->queues[i].queue == q->queue && !strcmp(s->queues[i].interface, q->interface))
			return &s->queues[i];
	return q;
}

void top_sample_queues(struct top_sampler *s, const struct guard_queue *q, size_t n,
		       struct top_frame *f)
{
	const struct look l = { .s = s, .seconds = f->seconds };

	f->queues = xcalloc(n + 1, sizeof(*f->queues));
	for (size_t i = 0; i < n; i++) {
		const struct kh_queue_stat *now = &q[i].stat, *was = &find_queue(s, &q[i])->stat;
		struct top_queue *to = &f->queues[f->nqueues++];

		memcpy(to->interface, q[i].interface, sizeof(to->interface));
		to->index = q[i].queue;
		to->packets = per_second(&l, now->packets, was->packets);
		to->bytes = per_second(&l, now->bytes, was->bytes);
		to->syns = per_second(&l, now->syns, was->syns);
		to->blocked = per_second(&l, now->blocked, was->blocked);
		to->limited = per_second(&l, now->limited, was->limited);
	}
	s->queues = xrealloc(s->queues, (n + 1) * sizeof(*q));
	if (n)
		memcpy(s->queues, q, n * sizeof(*q));
	s->nqueues = n;
}

/* ---- all of it ---- */

static void take_server(const struct look *l, struct top_frame *f)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	f->realtime = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	f->seconds = l->seconds;
	f->server = *l->v->server;
	f->alive = view_alive(l->v);
	if (l->at_ns > f->server.start_ns)
		f->uptime_s = (l->at_ns - f->server.start_ns) / 1000000000u;
#define END(s) f->server.s[sizeof(f->server.s) - 1] = 0
	END(version);
	END(instance);
	END(kmod_why);
	END(bpf_why);
	END(steer_why);
	END(listeners);
	END(conf_path);
#undef END
}

void top_sample(struct top_sampler *s, const struct view *v, uint64_t at_ns, struct top_frame *f)
{
	struct look l = { .s = s, .v = v, .at_ns = at_ns };

	top_frame_free(f);
	if (s->at_ns && at_ns > s->at_ns)
		l.seconds = (double)(at_ns - s->at_ns) / 1e9;
	if (!s->conns) {
		s->conns = xcalloc(v->nconns + 1, sizeof(*s->conns));
		s->handles = xcalloc(v->nhandles + 1, sizeof(*s->handles));
		s->reactors = xcalloc(v->nreactors + 1, sizeof(*s->reactors));
		s->busy = xcalloc(v->nreactors + 1, sizeof(*s->busy));
	}
	take_server(&l, f);
	take_ops(&l, f);
	take_users(&l);
	take_conns(&l, f);
	take_handles(&l, f);
	take_reactors(&l, f);
	free(l.users);
	s->at_ns = at_ns;
}
