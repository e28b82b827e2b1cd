// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - the phases: all log in, all prepare, ready; the workload runs; all clean up. Between two
 * phases every worker waits for the others; the first one is the main thread and speaks.
 */
#include "smbload.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static struct worker *workers;
static struct session *sessions;
static struct conn *conns;
static pthread_barrier_t together;
static struct counts *counts;
static uint64_t start, deadline;
static volatile bool failed;

static uint64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return ((uint64_t)u.ru_utime.tv_sec + (uint64_t)u.ru_stime.tv_sec) * NS_PER_S +
	       ((uint64_t)u.ru_utime.tv_usec + (uint64_t)u.ru_stime.tv_usec) * 1000;
}

/* True for a line, false at the end of stdin. */
static bool line(void)
{
	int ch, n = 0;

	while ((ch = getchar()) != EOF && ch != '\n')
		n++;
	return ch != EOF;
}

/* ---- the parts ---- */

static void conn_make(struct conn *c, struct worker *w, unsigned int index)
{
	c->w = w;
	c->index = index;
	c->s = &sessions[index / opt.channels];
	c->s->index = index / opt.channels;
	c->first = index % opt.channels == 0;
	c->fd = -1;
	c->random = 0x9E3779B97F4A7C15ull * (index + 1);
	c->nops = opt.depth;
	c->ops = xcalloc(c->nops, sizeof(*c->ops));
}

/* A worker has whole sessions. */
static void conns_make(void)
{
	unsigned int n = opt.connections, index = 0;

	sessions = xcalloc(n, sizeof(*sessions));
	conns = xcalloc((size_t)n * opt.channels, sizeof(*conns));
	workers = xcalloc(opt.threads, sizeof(*workers));
	counts = xcalloc(opt.threads, sizeof(*counts));
	for (unsigned int i = 0; i < opt.threads; i++) {
		struct worker *w = &workers[i];
		unsigned int own = n / opt.threads + (i < n % opt.threads);

		worker_init(w, i);
		w->conns = conns + index;
		w->nconns = own * opt.channels;
		if (opt.rate > 0)
			w->rate_interval = 1e9 * n / opt.rate / own;
		for (unsigned int j = 0; j < w->nconns; j++, index++)
			conn_make(&conns[index], w, index);
	}
}

static void conns_free(void)
{
	unsigned int n = opt.connections;

	for (unsigned int i = 0; i < n * opt.channels; i++)
		free(conns[i].ops);
	for (unsigned int i = 0; i < n; i++) {
		smb2_keys_wipe(&sessions[i].keys);
		free(sessions[i].blocks);
		free(sessions[i].names);
	}
	for (unsigned int i = 0; i < opt.threads; i++)
		worker_free(&workers[i]);
	free(conns);
	free(sessions);
	free(workers);
	free(counts);
}

/* Descriptors for all connections. */
static void limits(void)
{
	struct rlimit l;
	rlim_t needed = (rlim_t)opt.connections * opt.channels + 64;

	getrlimit(RLIMIT_NOFILE, &l);
	if (l.rlim_cur >= needed)
		return;
	l.rlim_cur = needed;
	l.rlim_max = MAX(l.rlim_max, needed);
	if (setrlimit(RLIMIT_NOFILE, &l) < 0)
		die(EXIT_CANNOT, "%u connections need %llu descriptors: %s", opt.connections,
		    (unsigned long long)needed, strerror(errno));
}

static void jobs(struct worker *w, const struct job *const *jobs, size_t n)
{
	for (size_t i = 0; i < n && jobs[i]; i++) {
		worker_job(w, jobs[i]);
		pthread_barrier_wait(&together);
	}
}

/* The operations of one worker of all. */
static uint64_t share_of(const struct worker *w)
{
	uint64_t n = opt.operations;

	return n ? n / opt.threads + (w->index < n % opt.threads) : 0;
}

static void prepare(struct worker *w, uint64_t began)
{
	const struct workload *load = opt.workload;
	bool setup = !load->run && !load->idle;
	uint64_t until;

	if (!setup)
		worker_login(w);
	pthread_barrier_wait(&together);
	if (w->index == 0)
		start = now_ns() - began; /* the login's */
	jobs(w, load->prepare, ARRAY_SIZE(load->prepare));
	if (opt.warm_up > 0 && !load->no_warm_up && (load->run || setup)) {
		until = now_ns() + (uint64_t)(opt.warm_up * 1e9);
		worker_run(w, NULL, now_ns(), until, 0);
	}
	pthread_barrier_wait(&together);
	if (w->index)
		return;
	if (opt.gate) {
		printf("{\"kind\":\"ready\",\"connections\":%u,\"login_seconds\":%.6f}\n",
		       setup ? 0 : opt.connections, (double)start / 1e9);
		fflush(stdout);
		line();
	} else if (load->idle) {
		printf("%u connections stand, after %.3f s\n", opt.connections * opt.channels,
		       (double)start / 1e9);
		fflush(stdout);
		usleep((useconds_t)(opt.seconds * 1e6));
	}
}

static void run(struct worker *w)
{
	static uint64_t cpu;
	static struct result r;

	if (w->index == 0) {
		cpu = cpu_ns();
		start = now_ns();
		deadline = opt.operations ? 0 : start + (uint64_t)(opt.seconds * 1e9);
	}
	pthread_barrier_wait(&together);
	if (!opt.operations || share_of(w))
		worker_run(w, &counts[w->index], start, deadline, share_of(w));
	pthread_barrier_wait(&together);
	if (w->index == 0)
		r.cpu_seconds = (double)(cpu_ns() - cpu) / 1e9;
	if (opt.verify && opt.workload->writes)
		worker_check(w, &job_check, &counts[w->index]);
	pthread_barrier_wait(&together);
	if (w->index)
		return;
	for (unsigned int i = 0; i < opt.threads; i++)
		counts_add(&r.counts, &counts[i]);
	r.seconds = deadline && !r.counts.ended_early
			    ? opt.seconds
			    : (double)(MAX(r.counts.last, start) - start) / 1e9;
	failed = r.counts.errors || r.counts.lost;
	report(&r, conns);
	if (opt.histogram)
		report_histogram(&r.counts.hist, opt.histogram);
	if (opt.gate)
		line();
}

/* Nothing runs; but the connections have to be there still. */
static void idle(struct worker *w)
{
	uint64_t lost = 0;

	pthread_barrier_wait(&together);
	worker_look(w, &counts[w->index]);
	pthread_barrier_wait(&together);
	if (w->index)
		return;
	for (unsigned int i = 0; i < opt.threads; i++)
		lost += counts[i].lost;
	if (lost)
		fprintf(stderr, "smbload: %llu of %u connections were ended meanwhile\n",
			(unsigned long long)lost, opt.connections * opt.channels);
	failed = lost;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	prepare(w, now_ns());
	if (opt.workload->idle)
		idle(w);
	else
		run(w);
	pthread_barrier_wait(&together);
	jobs(w, opt.workload->cleanup, ARRAY_SIZE(opt.workload->cleanup));
	for (unsigned int i = 0; i < w->nconns; i++)
		conn_close(&w->conns[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t *threads;

	signal(SIGPIPE, SIG_IGN);
	options_parse(argc, argv);
	if (crypto_init() < 0)
		die(EXIT_CANNOT, "OpenSSL has not all that SMB needs (the legacy provider?)");
	limits();
	conns_make();
	threads = xcalloc(opt.threads, sizeof(*threads));
	pthread_barrier_init(&together, NULL, opt.threads);
	for (unsigned int i = 1; i < opt.threads; i++)
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			die(EXIT_CANNOT, "a thread: %s", strerror(errno));
	work(&workers[0]);
	for (unsigned int i = 1; i < opt.threads; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	conns_free();
	return failed ? EXIT_ERRORS : 0;
}
