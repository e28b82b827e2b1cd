// SPDX-License-Identifier: GPL-2.0-or-later
/* main.c - options, the loop, the end. tests/chaos/run starts a server for it. */
#include "chaos.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>

struct settings set = { .connections = 50,
			.seconds = 20,
			.rate = 3000,
			.files = 30,
			.grace_ns = 5 * NS_PER_S,
			.oplocks = true,
			.leases = true,
			.durable = true,
			.channels = true,
			.notify = true };
uint64_t now;

static volatile sig_atomic_t stopped;

void tick(void)
{
	uint64_t t = now_ns();

	now = t > now ? t : now + 1;
}

uint64_t dice_raw(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15ull; /* splitmix64 */

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ z >> 27) * 0x94D049BB133111EBull;
	return z ^ z >> 31;
}

static void tend(bool end)
{
	static uint64_t last;

	if (!end && now < last + 20000000)
		return;
	last = now;
	cache_tick();
	lock_tick();
	data_tick(end);
}

static void run(void)
{
	uint64_t until, last, dice = set.seed, budget = 0;

	tick();
	last = now;
	until = now + set.seconds * NS_PER_S;
	while (now < until && !stopped) {
		net_poll(1);
		tend(false);
		budget = MIN(budget + (now - last) / 1000 * set.rate, 300ull * 1000000);
		last = now;
		for (; budget >= 1000000; budget -= 1000000)
			act(&sessions[below(&dice, nsessions)]);
	}
}

static void cancel_all(void)
{
	struct request *q;

	for (struct link *l = links; l < links + LINKS_MAX; l++) {
		if (!l->session)
			continue;
		list_for_each (q, &l->requests, node)
			if (q->patient && !q->cancelled_at &&
			    (q->pending_at || now > q->sent + NS_PER_S))
				request_cancel(q);
	}
}

/* Everything that is under way ends; then half of them say goodbye. */
static void end(void)
{
	uint64_t until = now + 60 * NS_PER_S + 2 * set.grace_ns;

	while (net_inflight() && now < until) {
		cancel_all();
		cache_answer_all();
		tend(false);
		net_poll(10);
	}
	if (net_inflight())
		violation(NULL, "waiting", "%u requests are not answered at the end",
			  net_inflight());
	for (unsigned int i = 0; i < nsessions; i += 2)
		if (sessions[i].nlinks && !sessions[i].ending)
			say_logoff(&sessions[i]);
	until = now + 2 * set.grace_ns;
	while (net_inflight() && now < until)
		net_poll(10);
	tend(true);
	for (unsigned int i = 0; i < nsessions; i++)
		if (sessions[i].nlinks)
			session_cut(&sessions[i]);
}

/* Whose client is lost must give way to whoever is there: nothing waits for its timeout. */
static bool gives_way, in_the_way;

static void purged(struct request *q, const struct answer *a)
{
	gives_way = a && !a->h.status;
	if (a && a->h.status && in_the_way)
		violation(NULL, "durable", "\"%s\" cannot be opened in the end: %s", q->name,
			  nt_name(a->h.status));
	create_done(q, a);
}

static void purge(struct session *s, unsigned int file)
{
	struct request *q = request_new(session_link(s), SMB2_CREATE, NULL, purged);
	uint64_t until = now + 60 * NS_PER_S;

	nth_name(file, q->name);
	q->access = 0x10000 | FILE_WRITE_DATA | FILE_READ_DATA;
	q->disposition = FILE_OPEN_IF;
	q->options = FILE_DELETE_ON_CLOSE;
	say_create(session_link(s), q);
	while (net_inflight() && now < until)
		net_poll(10);
}

/* What was closed a moment ago may still be there: the last of several attempts counts. */
static void purge_all(void)
{
	struct session *s = &sessions[0];

	if (!session_login(s))
		return;
	for (unsigned int i = 0; i < set.files + nsessions && s->nlinks; i++) {
		uint64_t until = now + set.grace_ns;

		in_the_way = gives_way = false;
		while (s->nlinks && !gives_way) {
			in_the_way = now > until;
			purge(s, i);
			if (in_the_way)
				break;
			if (!gives_way)
				net_poll(100);
		}
	}
	if (s->nlinks)
		session_cut(s);
}

static void stop(int sig)
{
	stopped = 1;
}

static void without(const char *what)
{
	bool *of[] = { &set.oplocks, &set.leases, &set.durable, &set.channels, &set.notify };
	static const char *const names[] = { "oplocks", "leases", "durable", "channels", "notify" };

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(what, names[i])) {
			*of[i] = false;
			return;
		}
	fprintf(stderr, "chaos: --without oplocks, leases, durable, channels or notify\n");
	exit(2);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", 1, 0, 'p' },
		{ "seconds", 1, 0, 's' },
		{ "seed", 1, 0, 'S' },
		{ "connections", 1, 0, 'c' },
		{ "rate", 1, 0, 'r' },
		{ "files", 1, 0, 'f' },
		{ "grace", 1, 0, 'g' },
		{ "without", 1, 0, 'w' },
		{ "never", 0, 0, 'n' },
		{ "verbose", 0, 0, 'v' },
		{ 0 },
	};
	int o;

	set.seed = now_ns() & 0xFFFFFF;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long v = optarg ? strtoul(optarg, NULL, 0) : 0;

		switch (o) {
		case 'p':
			set.port = (uint16_t)v;
			break;
		case 's':
			set.seconds = (unsigned int)v;
			break;
		case 'S':
			set.seed = v;
			break;
		case 'c':
			set.connections = (unsigned int)MIN(v, LINKS_MAX);
			break;
		case 'r':
			set.rate = (unsigned int)v;
			break;
		case 'f':
			set.files = (unsigned int)v;
			break;
		case 'g':
			set.grace_ns = v * NS_PER_S;
			break;
		case 'w':
			without(optarg);
			break;
		case 'n':
			set.never = true;
			break;
		case 'v':
			set.verbose = true;
			break;
		default:
			exit(2);
		}
	}
	if (!set.port || !set.connections || !set.files) {
		fprintf(stderr, "chaos: --port N [--seconds N] [--seed N] [--connections N] "
				"[--rate N] [--files N] [--grace SECONDS] [--never] "
				"[--without FEATURE] [--verbose]\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	printf("# seed %" PRIu64 "\n", set.seed);
	fflush(stdout);
	signal(SIGINT, stop);
	signal(SIGPIPE, SIG_IGN);
	tick();
	net_start();
	run();
	end();
	purge_all();
	print_counts();
	printf("%sok 1 - %u connections, %u seconds, %u rules broken\n", violations() ? "not " : "",
	       set.connections, set.seconds, violations());
	return violations() != 0;
}
