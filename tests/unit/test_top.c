/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `top` makes of maps: here, arrays of this program, counted on by hand. */
#include <arpa/inet.h>
#include <sys/prctl.h>

#include "../../ctl/ctl.h"
#include "../../ctl/top.h"
#include "../../ctl/top_tables.h"
#include "smb2_ops.h"
#include "tap.h"

#define LANES  2
#define SECOND 1000000000ull

static struct kh_server_slot server;
static struct kh_conn_slot conns[8];
static struct kh_session_slot sessions[8];
static struct kh_handle_slot handles[64];
static struct kh_name names[64];
static struct kh_reactor_slot reactors[2];
static struct kh_bad_input bad[LANES];
static struct kh_op_stat ops[LANES * KH_LANE_ENTRIES];

static const struct view view = {
	.server = &server,
	.conns = conns,
	.sessions = sessions,
	.handles = handles,
	.names = names,
	.reactors = reactors,
	.bad = bad,
	.ops = ops,
	.nconns = ARRAY_SIZE(conns),
	.nsessions = ARRAY_SIZE(sessions),
	.nhandles = ARRAY_SIZE(handles),
	.nreactors = ARRAY_SIZE(reactors),
	.nbad = LANES,
	.nops = LANES * KH_LANE_ENTRIES,
};

static void set_name(unsigned int slot, const char *share, const char *path)
{
	snprintf(names[slot].share, sizeof(names[slot].share), "%s", share);
	snprintf(names[slot].path, sizeof(names[slot].path), "%s", path);
}

/* A connection in its slot, since start_ns. */
static void connect_client(unsigned int slot, uint64_t id, const char *addr, uint64_t start_ns)
{
	struct in6_addr a;

	conns[slot] = (struct kh_conn_slot) { .id = id, .accepted_ns = start_ns, .port = 50000 };
	inet_pton(AF_INET6, addr, &a);
	memcpy(conns[slot].addr, &a, sizeof(a));
	snprintf(conns[slot].why, sizeof(conns[slot].why), "no data yet");
}

static void open_file(unsigned int slot, uint64_t vol, uint64_t conn_id, uint64_t opened_ns)
{
	handles[slot] =
		(struct kh_handle_slot) { .vol = vol, .conn_id = conn_id, .opened_ns = opened_ns };
}

static void make_server(void)
{
	memset(ops, 0, sizeof(ops));
	server = (struct kh_server_slot) { .pid = (unsigned int)getpid(),
					   .reactors = 2,
					   .lanes = LANES,
					   .start_ns = 1,
					   .sessions = 1 };
	snprintf(server.version, sizeof(server.version), "9.9");
	snprintf(server.kmod_why, sizeof(server.kmod_why), "module not loaded");
	prctl(PR_SET_NAME, "ksmbd-hybridd");
	connect_client(0, 11, "::ffff:192.0.2.7", SECOND);
	connect_client(3, 12, "2001:db8::1", SECOND);
	sessions[0] = (struct kh_session_slot) { .id = 1, .conn_id = 12 };
	snprintf(sessions[0].user, sizeof(sessions[0].user), "anna");
	open_file(5, 0x100000005, 12, SECOND);
	set_name(5, "docs", "a/b.txt");
	reactors[1].cpu = UINT32_MAX;
}

/* What a second of work does: 200 READ by one lane, 100 by the other, 30 of them failed. */
static void work(void)
{
	struct kh_op_stat *a = &ops[kh_op_index(0, KH_PLANE_USER, SMB2_READ)];
	struct kh_op_stat *b = &ops[kh_op_index(1, KH_PLANE_USER, SMB2_READ)];
	struct kh_op_stat *k = &ops[kh_op_index(0, KH_PLANE_KERNEL, SMB2_WRITE)];

	a->count += 200;
	a->bytes_out += 4096 * 200;
	a->latency_us[7] += 200; /* 64 to 128 us */
	b->count += 100;
	b->errors += 30;
	b->latency_us[10] += 100; /* 512 us to 1 ms */
	k->count += 10;
	k->bytes_in += 1000000;
	k->latency_us[4] += 10;
	conns[3].user_frames += 300;
	conns[3].user_bytes_out += 1000000;
	handles[5].user_reads += 300;
	handles[5].user_read_bytes += 4096 * 200;
	reactors[0].requests += 300;
	reactors[0].busy_ns += SECOND / 2;
	reactors[0].at_ns += SECOND;
}

static const struct top_op *find_op(const struct top_frame *f, enum kh_plane plane,
				    uint16_t command)
{
	for (size_t i = 0; i < f->nops; i++)
		if (f->ops[i].plane == plane && f->ops[i].command == command)
			return &f->ops[i];
	return NULL;
}

static void test_rates(struct top_sampler *s, struct top_frame *f)
{
	const struct top_op *o;

	work(); /* before the first look: not ours */
	top_sample(s, &view, 10 * SECOND, f);
	ok(f->total.ops == 0 && f->seconds == 0, "the first look has no rates");
	is_int(f->user_connections, 2, "but it has connections");
	is_int((int64_t)f->nfiles, 0, "and no busy files");
	work();
	work();
	top_sample(s, &view, 12 * SECOND, f);
	o = find_op(f, KH_PLANE_USER, SMB2_READ);
	ok(o && o->rate.ops == 300 && o->rate.errors == 30,
	   "rates are sums over lanes, per second");
	ok(o && o->rate.out == 4096 * 200, "bytes too");
	ok(o && o->latency.p50 >= 64 && o->latency.p50 <= 128, "the median lies in its bucket");
	ok(o && o->latency.p99 >= 512 && o->latency.p99 <= 1024, "the 99th percentile in its own");
	o = find_op(f, KH_PLANE_KERNEL, SMB2_WRITE);
	ok(o && o->rate.in == 1000000 && o->rate.ops == 10, "the kernel's plane apart");
	ok(f->total.ops == 310, "the total is of both planes");
	is_int((int64_t)f->nfiles, 1, "a file that was read");
	ok(f->files[0].reads == 300 && f->files[0].writes == 0, "its rates");
	is_str(f->files[0].client, "[2001:db8::1]:50000", "its client");
	ok(f->reactors[0].busy == 0.5, "how busy a reactor was");
}

static void test_reuse(struct top_sampler *s, struct top_frame *f)
{
	connect_client(3, 13, "::ffff:192.0.2.9", 11 * SECOND + SECOND * 3 / 2);
	conns[3].user_frames = 50;
	open_file(5, 0x200000005, 13, 11 * SECOND + SECOND * 3 / 2);
	handles[5].user_writes = 20;
	open_file(6, 0x100000006, 13, 11 * SECOND + SECOND * 3 / 2);
	handles[6].writes = 5;
	handles[6].state = KH_HANDLE_OPEN;
	set_name(6, "docs", "a/b.txt");
	top_sample(s, &view, 13 * SECOND, f);
	top_sort(f, TOP_BY_OPS);
	ok(f->nclients == 2 && f->clients[0].id == 13, "the busiest client is the first");
	ok(f->clients[0].rate.ops == 50, "a slot that has another owner begins at zero");
	is_str(f->clients[0].addr, "192.0.2.9:50000", "IPv4 as one writes it");
	ok(f->nfiles == 1 && f->files[0].opens == 2 && f->files[0].writes == 25,
	   "handles of one file are one row");
	ok(f->files[0].kernel && f->files[0].clients == 1, "of one client, one with the module");
	/* An owner that the last look missed, but that is older than it, has no rate. */
	connect_client(1, 14, "::ffff:192.0.2.8", SECOND);
	conns[1].user_frames = 1000000;
	top_sample(s, &view, 14 * SECOND, f);
	top_sort(f, TOP_BY_NAME);
	ok(f->clients[1].id == 14 && f->clients[1].rate.ops == 0, "no rate out of nothing");
}

/* The widest line, in cells; lines in *n; -1: something a terminal would obey. */
static int widest(char *text, int *n, bool escapes)
{
	int w = 0;

	*n = 0;
	for (char *l = text, *end; l; l = end, (*n)++) {
		end = strchr(l, '\n');
		if (end)
			*end++ = 0;
		for (const char *p = l; *p && !escapes; p++)
			if ((unsigned char)*p < 0x20)
				return -1;
		w = MAX(w, text_width(l));
	}
	return w;
}

static void test_text(struct top_frame *f)
{
	static const int sizes[][2] = { { 24, 80 }, { 5, 20 }, { 1, 1 }, { 60, 200 }, { 3, 400 } };
	struct top_look look = { .interval = 1 };
	int n, w;

	look.table = TOP_ALL;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char name[64], *text;

		look.rows = sizes[i][0];
		look.cols = sizes[i][1];
		text = top_text(f, &look);
		/* Titles are in reverse video: take that out. */
		for (char *p; (p = strchr(text, '\033'));)
			memmove(p, strchr(p, 'm') + 1, strlen(strchr(p, 'm') + 1) + 1);
		w = widest(text, &n, false);
		snprintf(name, sizeof(name), "%dx%d: %dx%d", look.rows, look.cols, n, w);
		ok(n == look.rows && w <= look.cols, name);
		free(text);
	}
}

static void test_hostile_names(struct top_frame *f)
{
	struct top_look look = { .interval = 1 };
	char *text;
	int n;

	snprintf(f->files[0].path, sizeof(f->files[0].path), "x\033[2Jy\n\302\233z\xff");
	text = top_text(f, &look);
	ok(strstr(text, "docs/x?[2Jy??z?") != NULL, "what a terminal would obey does not pass");
	ok(widest(text, &n, false) > 0, "and lines have no escape sequences");
	free(text);
}

static void is_rate(double v, const char *want)
{
	char s[TOP_CELL_MAX];

	top_format_rate(s, v);
	is_str(s, want, want);
}

static void is_us(double v, const char *want)
{
	char s[TOP_CELL_MAX];

	top_format_us(s, v);
	is_str(s, want, want);
}

static void test_numbers(void)
{
	is_rate(0, "0");
	is_rate(0.5, "0.5");
	is_rate(2.999, "3");
	is_rate(9.96, "10");
	is_rate(9999, "9999");
	is_rate(9999.7, "10.0k");
	is_rate(999999, "1.0M");
	is_rate(123456789, "123M");
	is_rate(1e30, "1000000000000000P");
	is_us(0, "-");
	is_us(1.25, "1.2us");
	is_us(999.6, "1.0ms");
	is_us(99960, "100ms");
	is_us(4194304, "4.2s");
}

static void test_json(struct top_frame *f)
{
	struct json_object *o = top_json(f), *v = NULL;

	ok(json_object_object_get_ex(o, "planes", &v) && json_object_object_get_ex(v, "why", &v) &&
		   !strcmp(json_object_get_string(v), "module not loaded"),
	   "JSON says why the kernel is not used");
	ok(json_object_object_get_ex(o, "files", &v) && json_object_array_length(v) == f->nfiles,
	   "and has all rows");
	json_object_put(o);
}

int main(void)
{
	struct top_sampler *s = top_sampler_new();
	struct top_frame f = { 0 };

	make_server();
	test_rates(s, &f);
	test_reuse(s, &f);
	handles[6].writes += 7;
	top_sample(s, &view, 15 * SECOND, &f);
	test_text(&f);
	test_json(&f);
	test_hostile_names(&f);
	test_numbers();
	top_frame_free(&f);
	top_sampler_free(s);
	return done_testing();
}
