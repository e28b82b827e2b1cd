/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace_kernel.c - what the kernel module answered by itself, by a BPF program at its tracepoints.
 * They know connection and message id; who that is, the server is asked when a connection comes
 * that was not seen before.
 */
#include <arpa/inet.h>
#include <bpf/libbpf.h>

#include "core/control.h"
#include "ctl.h"
#include "kh_maps.h"
#include "kh_trace_bpf.h"
#include "trace.skel.h"
#include "trace_kernel.h"

#define ASK_TIMEOUT_MS	1000
#define ASK_INTERVAL_NS 100000000ull /* unknown until then */

struct who {
	uint64_t conn_id;
	uint64_t session_id;
	uint32_t addr[4];
	char user[32];
};

struct trace_kernel {
	const struct ctl *ctl;
	struct trace_filter filter;
	struct trace_bpf *skel;
	struct ring_buffer *events;
	struct trace_ring *to;
	uint64_t realtime; /* minus CLOCK_MONOTONIC, ns */
	uint64_t lost, asked_ns;
	struct who *who;
	size_t nwho;
};

/* ---- who it is ---- */

static struct who *find(struct trace_kernel *k, uint64_t conn_id)
{
	for (size_t i = 0; i < k->nwho; i++)
		if (k->who[i].conn_id == conn_id)
			return &k->who[i];
	return NULL;
}

static void add_connection(struct trace_kernel *k, struct json_object *o)
{
	struct who *w = &k->who[k->nwho++];
	uint8_t *a = (uint8_t *)w->addr;

	*w = (struct who) { .conn_id = strtoull(json_text(o, "id"), NULL, 10) };
	if (inet_pton(AF_INET6, json_text(o, "client"), a) != 1 &&
	    inet_pton(AF_INET, json_text(o, "client"), a + 12) == 1)
		a[10] = a[11] = 0xFF;
}

static void add_session(struct trace_kernel *k, struct json_object *o)
{
	struct who *w = find(k, strtoull(json_text(o, "connection"), NULL, 10));

	if (!w || *w->user)
		return;
	snprintf(w->user, sizeof(w->user), "%s", json_text(o, "user"));
	w->session_id = strtoull(json_text(o, "id"), NULL, 16);
}

static size_t list_of(struct json_object *reply, const char *name, struct json_object **list)
{
	return json_object_object_get_ex(reply, name, list) &&
			       json_object_is_type(*list, json_type_array)
		       ? json_object_array_length(*list)
		       : 0;
}

static void ask(struct trace_kernel *k)
{
	struct json_object *request = request_new("status"), *reply = NULL, *list;
	uint64_t now = now_ns();
	size_t n;

	if (!k->asked_ns || now - k->asked_ns >= ASK_INTERVAL_NS) {
		k->asked_ns = now;
		(void)control_call(k->ctl->run_dir, request, ASK_TIMEOUT_MS, &reply);
	}
	if (reply) {
		n = list_of(reply, "connections", &list);
		k->who = xrealloc(k->who, (n + 1) * sizeof(*k->who));
		k->nwho = 0;
		for (size_t i = 0; i < n; i++)
			add_connection(k, json_object_array_get_idx(list, i));
		n = list_of(reply, "sessions", &list);
		for (size_t i = 0; i < n; i++)
			add_session(k, json_object_array_get_idx(list, i));
	}
	json_object_put(reply);
	json_object_put(request);
}

/* ---- events ---- */

static int take(void *arg, void *data, size_t size)
{
	const struct kh_trace_event *e = data;
	struct trace_kernel *k = arg;
	struct who *w = find(k, e->conn);
	struct trace_record *t;

	if (!w) {
		ask(k);
		w = find(k, e->conn);
	}
	if (size < sizeof(*e) || (k->filter.prefix && !w) ||
	    (w && !trace_filter_wants(&k->filter, e->command, w->addr)))
		return 0;
	t = trace_ring_more(k->to);
	memset(t, 0, sizeof(*t));
	t->end_ns = e->end_ns + k->realtime;
	t->latency_ns = e->latency_ns;
	t->conn_id = e->conn;
	t->message_id = e->message_id;
	t->command = e->command;
	t->status = e->status;
	t->plane = KH_PLANE_KERNEL;
	if (w) {
		t->session_id = w->session_id;
		memcpy(t->addr, w->addr, sizeof(t->addr));
		memcpy(t->user, w->user, sizeof(t->user));
	}
	k->to->n++;
	return 0;
}

void trace_kernel_read(struct trace_kernel *k, struct trace_ring *r)
{
	size_t before = r->n;
	uint64_t lost = __atomic_load_n(&k->skel->bss->kh_trace_lost, __ATOMIC_RELAXED);

	k->to = r;
	(void)ring_buffer__consume(k->events);
	r->lost += lost - k->lost;
	k->lost = lost;
	if (r->n > before)
		trace_ring_sort(r);
}

/* ---- begin and end ---- */

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static const char *load(struct trace_kernel *k)
{
	int err;

	k->skel = trace_bpf__open();
	if (!k->skel)
		return "this libbpf does not open the program";
	k->skel->bss->kh_trace_commands = k->filter.commands;
	err = trace_bpf__load(k->skel);
	if (err)
		return err == -EPERM ? "BPF is not allowed here" : strerror(-err);
	err = trace_bpf__attach(k->skel);
	if (err)
		return err == -ENOENT ? "the module's tracepoints are not there" : strerror(-err);
	k->events = ring_buffer__new(bpf_map__fd(k->skel->maps.kh_trace_events), take, k, NULL);
	return k->events ? NULL : strerror(errno);
}

struct trace_kernel *trace_kernel_open(const struct ctl *ctl, const struct trace_filter *f,
				       const char **why)
{
	struct trace_kernel *k = xcalloc(1, sizeof(*k));
	struct timespec ts;

	k->ctl = ctl;
	k->filter = *f;
	clock_gettime(CLOCK_REALTIME, &ts);
	k->realtime = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec - now_ns();
	libbpf_set_print(quiet);
	*why = load(k);
	if (!*why)
		return k;
	trace_kernel_close(k);
	return NULL;
}

void trace_kernel_close(struct trace_kernel *k)
{
	if (!k)
		return;
	ring_buffer__free(k->events);
	trace_bpf__destroy(k->skel);
	free(k->who);
	free(k);
}
