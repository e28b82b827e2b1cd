// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - the daemon: reads its configuration, starts its threads, then serves the control socket
 * and signals until it is told to end. People start it by `ksmbd-hybrid up`.
 */
#include "core/block.h"
#include "core/count.h"
#include "core/ctl_verbs.h"
#include "core/listen.h"
#include "core/metrics.h"
#include "core/pidfile.h"
#include "kernel/bpf_link.h"
#include "kernel/guard.h"
#include "kernel/handles.h"
#include "kernel/kmod_link.h"
#include "kernel/steer.h"
#include "kernel/tcp_stats.h"
#include "state/durable.h"
#include "state/notify_local.h"
#include "state/state.h"

#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#define WORKERS_MIN 4
#define WORKERS_MAX 64

struct server server = { .kmod_fd = -1, .kmod_why = "module not loaded" };

static struct conf *current;
static pthread_mutex_t conf_lock = PTHREAD_MUTEX_INITIALIZER;
static int ready_fd = -1;
static bool no_kmod;		     /* --no-kmod */
static struct metrics_http *metrics; /* NULL: not served */
static struct listening listening;
static unsigned int reactors_max; /* there is room for: in server.reactors and the maps */

struct conf *server_conf(void)
{
	struct conf *c;

	pthread_mutex_lock(&conf_lock);
	c = conf_get(current);
	pthread_mutex_unlock(&conf_lock);
	return c;
}

/* ---- what the starter hears ---- */

/* A word, a sentence, and behind a tab, what of BPF is missing. */
static void say_ready(const char *word, const char *text)
{
	if (ready_fd < 0)
		return;
	dprintf(ready_fd, "%s %s\t%s\n", word, text, maps.server->bpf_why);
	close(steal_fd(&ready_fd));
}

/* Ends the process with a sentence; takes the text. */
static _Noreturn void fail(char *sentence)
{
	tcp_stats_stop();
	maps_unpin();
	if (ready_fd >= 0)
		say_ready("FAIL", sentence);
	else
		fprintf(stderr, "ksmbd-hybridd: %s\n", sentence);
	exit(1);
}

static void report(void *arg, enum conf_severity sev, const char *file, unsigned int line,
		   const char *sentence)
{
	log_line(sev == CONF_ERROR ? LOG_LEVEL_ERR : LOG_LEVEL_NOTICE, "%s:%u: %s",
		 file ? file : server.conf_path, line, sentence);
}

/* ---- reactors ---- */

/* That this process may use: taskset(1), CPUAffinity= and cpusets leave it fewer. */
static unsigned int cpus_allowed(void)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
		return (unsigned int)CPU_COUNT(&allowed);
	return (unsigned int)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1); /* more than fit into it */
}

static unsigned int reactors_wanted(const struct conf *f)
{
	return f->reactors ? f->reactors : cpus_allowed();
}

/* Starts those that are missing: NULL, or why not. None ends before the server does. */
static char *reactors_grow(unsigned int n)
{
	while (server.nreactors < n) {
		int err = reactor_start(server.nreactors, &server.reactors[server.nreactors]);

		if (err == -EPERM || err == -ENOSYS)
			return xstrdup("io_uring is not allowed here (kernel.io_uring_disabled, or "
				       "a container's seccomp filter): this server needs it");
		if (err < 0)
			return xasprintf("io_uring: %s (kernel 6.1 or newer is needed)",
					 strerror(-err));
		server.nreactors++;
	}
	entry_set(&maps.server->reactors, server.nreactors);
	return NULL;
}

/* ---- reload ---- */

/* Listeners as f says, on as many reactors as it says and the maps have room for. */
static char *relisten(const struct conf *f)
{
	unsigned int n = reactors_wanted(f);
	char *why, *text;

	if (n > reactors_max)
		log_notice("reactors = %u: more than %u need a restart", n, reactors_max);
	n = MIN(n, reactors_max);
	why = reactors_grow(n);
	if (why)
		return why;
	why = listen_update(f, n, &listening);
	if (why)
		return why;
	for (unsigned int i = 0; i < server.nreactors; i++)
		reactor_busy_poll(server.reactors[i], f->busy_poll);
	text = listen_text(&listening);
	log_debug(LOG_CONFIG, "listeners=\"%s\" reactors=%u", text, n);
	maps_say(listeners, text);
	free(text);
	return NULL;
}

/* Where `metrics listen` says; nothing else depends on it. */
static void use_metrics(void)
{
	_cleanup_free_ char *why =
		metrics_http_move(&metrics, current->metrics_listen, maps_view());

	if (why)
		log_err("%s", why);
}

static void debug_shares(const struct conf *c)
{
	log_debug(LOG_CONFIG, "reload file=\"%s\" shares=%u", server.conf_path, c->nshares);
	for (unsigned int i = 0; i < c->nshares; i++)
		log_debug(LOG_CONFIG, "share=\"%s\" folder=\"%s\" read_only=%d", c->shares[i].name,
			  c->shares[i].path ? c->shares[i].path : "", c->shares[i].read_only);
}

static char *reload_verb(void *arg, struct json_object *request, struct json_object *reply)
{
	_cleanup_free_ char *why = NULL;
	struct conf *c, *old;
	int err = conf_load(server.conf_path, report, NULL, &c);

	if (err < 0) {
		if (c)
			conf_put(c);
		return xasprintf("%s was not taken over: %s (ksmbd-hybrid testconf says where)",
				 server.conf_path,
				 err == -EINVAL ? "it has errors" : strerror(-err));
	}
	why = relisten(c);
	if (why) {
		conf_put(c);
		return xasprintf("%s was not taken over: %s", server.conf_path, why);
	}
	pthread_mutex_lock(&conf_lock);
	old = current;
	current = c;
	pthread_mutex_unlock(&conf_lock);
	debug_configure(c, old);
	conf_put(old);
	log_level = (int)c->log_level;
	users_reload(server.users);
	unix_identity_forget();
	use_metrics();
	tcp_stats_ports(c->ports, c->nports);
	guard_reload(c);
	entry_set(&maps.server->generation, maps.server->generation + 1);
	log_notice("configuration read again");
	debug_shares(c);
	return NULL;
}

static char *down_verb(void *arg, struct json_object *request, struct json_object *reply)
{
	atomic_store(&server.stopping, true);
	return NULL;
}

/* ---- start ---- */

static void options(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "instance", required_argument, NULL, 'i' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "ready-fd", required_argument, NULL, 'R' },
		{ "no-kmod", no_argument, NULL, 'K' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int o;

	server.conf_path = xstrdup(CONF_DEFAULT_FILE);
	server.run_dir = xstrdup(CONF_DEFAULT_RUN_DIR);
	server.instance = xstrdup("default");
	while ((o = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (o) {
		case 'c':
			free(server.conf_path);
			server.conf_path = xstrdup(optarg);
			break;
		case 'i':
			free(server.instance);
			server.instance = xstrdup(optarg);
			break;
		case 'r':
			free(server.run_dir);
			server.run_dir = xstrdup(optarg);
			break;
		case 'R':
			ready_fd = (int)strtol(optarg, NULL, 10);
			fcntl(ready_fd, F_SETFD, FD_CLOEXEC);
			break;
		case 'K':
			no_kmod = true;
			break;
		case 'f':
			break; /* the daemon never leaves its terminal by itself */
		case 'V':
			puts("ksmbd-hybridd " KH_VERSION);
			exit(0);
		case 'h':
			puts("Usage: ksmbd-hybridd [--config FILE] [--run-dir DIR] [--instance "
			     "NAME]\n"
			     "                     [--ready-fd N] [--no-kmod]\n"
			     "The server process of ksmbd-hybrid; `ksmbd-hybrid up` starts it.");
			exit(0);
		default:
			exit(1);
		}
	}
}

/* As many files as the system allows: every open of a client is one. */
static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	if (geteuid() == 0 && r.rlim_max < 1048576) {
		struct rlimit more = { 1048576, 1048576 };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	setrlimit(RLIMIT_NOFILE, &r);
}

/* S-1-5-21-...: made once, kept beside the accounts. */
static void load_domain_sid(const struct conf *f)
{
	_cleanup_free_ char *path = xasprintf("%s.sid", f->passdb_file);
	char text[SID_STR_MAX] = "";
	struct sid sid;
	FILE *in = fopen(path, "re");

	if (in) {
		if (!fgets(text, sizeof(text), in))
			text[0] = 0;
		fclose(in);
		text[strcspn(text, "\n")] = 0;
	}
	if (sid_parse(text, &sid) < 0) {
		int fd;

		if (sid_domain_generate(&sid) < 0)
			fail(xstrdup("no random numbers for the domain SID"));
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0)
			log_notice("%s: %s: the server's SID changes with each start", path,
				   strerror(errno));
		else {
			dprintf(fd, "%s\n", sid_format(&sid, text));
			close(fd);
		}
	}
	acl_domain_set(&sid);
}

static void load_conf(void)
{
	int err = conf_load(server.conf_path, report, NULL, &current);

	if (err == -EINVAL)
		fail(xasprintf("%s has errors: `ksmbd-hybrid -c %s testconf` shows them",
			       server.conf_path, server.conf_path));
	if (err < 0)
		fail(xasprintf("%s: %s", server.conf_path, strerror(-err)));
	err = log_open(current->log_file, (int)current->log_level);
	if (err < 0)
		fail(xasprintf("log file %s: %s", current->log_file, strerror(-err)));
	debug_configure(current, NULL);
}

static void start_threads(void)
{
	unsigned int workers = current->worker_threads;
	char *why;
	int err;

	if (!workers)
		workers = MIN(MAX(cpus_allowed() * 2, WORKERS_MIN), WORKERS_MAX);
	err = workers_start(workers);
	if (err < 0)
		fail(xasprintf("worker threads: %s", strerror(-err)));
	server.reactors = xcalloc(reactors_max, sizeof(struct reactor *));
	why = reactors_grow(reactors_wanted(current));
	if (why)
		fail(why);
}

/* Says HELLO to the module and gives it the maps. An error or NULL; kept in kmod_why. */
static const char *kmod_start(void)
{
	if (no_kmod)
		return "--no-kmod";
	if (current->kernel_path == CONF_NO)
		return "kernel path = no";
	if (server.bpf_why)
		return "no BPF maps";
	server.kmod_fd = kmod_open(server.instance);
	if (server.kmod_fd < 0)
		return kmod_error();
	if (!kmod_bind_maps(maps.handles_fd, maps.conns_fd, maps.op_stats_fd))
		return NULL;
	kmod_close();
	return kmod_error();
}

/* Without it, those who ask use sock_diag: nothing is missing. */
static void use_tcp_stats(void)
{
	_cleanup_free_ char *why = tcp_stats_start(maps_pin_dir(), current->ports, current->nports);

	if (why)
		log_info("no BPF iterator over TCP sockets: %s", why);
}

static void use_kmod(void)
{
	static const struct handle_ops ops = { kmod_handle_del, kmod_handle_barrier };
	const char *why = kmod_start();

	maps_say(kmod_why, why);
	if (!why) {
		handles_start(&ops);
		server.kmod_why = NULL;
		log_notice("kernel module ksmbd_hybrid %s", kmod_version());
		return;
	}
	server.kmod_fd = -1;
	server.kmod_why = xstrdup(why);
	if (current->kernel_path == CONF_YES && !no_kmod)
		fail(xasprintf("\"kernel path = yes\", but the kernel module cannot be used: %s",
			       why));
	log_notice("no kernel path: %s", why);
}

static void set_identity(void)
{
	char host[256] = "";
	uint8_t md[16];
	struct iovec iov[2];
	char id[64] = "";
	FILE *f = fopen("/etc/machine-id", "re");

	if (f) {
		if (!fgets(id, sizeof(id), f))
			id[0] = 0;
		fclose(f);
	}
	gethostname(host, sizeof(host) - 1);
	iov[0] = (struct iovec) { id, strlen(id) };
	iov[1] = (struct iovec) { current->netbios_name ? (void *)(uintptr_t)current->netbios_name
							: host,
				  strlen(current->netbios_name ? current->netbios_name : host) };
	if (!id[0] || hash_md5(iov, 2, md) < 0)
		crypto_random(md, sizeof(md));
	memcpy(server.guid, md, sizeof(md)); /* the same after each start */
}

/* ---- the loop ---- */

static int signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL); /* inherited by every thread */
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void take_signal(int fd)
{
	struct signalfd_siginfo si;

	if (read(fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGHUP) {
		char *why = reload_verb(NULL, NULL, NULL);

		if (why)
			log_err("%s", why);
		free(why);
	} else {
		atomic_store(&server.stopping, true);
	}
}

static void loop(struct control *ctl, int sig)
{
	while (!atomic_load(&server.stopping)) {
		struct pollfd p[] = { { .fd = control_fd(ctl), .events = POLLIN },
				      { .fd = sig, .events = POLLIN },
				      { .fd = metrics_http_fd(metrics), .events = POLLIN },
				      { .fd = block_fd(), .events = POLLIN } };

		if (poll(p, ARRAY_SIZE(p), -1) < 0)
			continue;
		if (p[0].revents)
			control_run(ctl);
		if (p[1].revents)
			take_signal(sig);
		if (p[2].revents)
			metrics_http_run(metrics);
		if (p[3].revents)
			block_expire();
	}
}

static void stop(void)
{
	bool left = true;

	for (unsigned int i = 0; i < server.nreactors; i++)
		reactor_stop(server.reactors[i]);
	for (unsigned int i = 0; i < server.nreactors; i++)
		reactor_join(server.reactors[i]);
	workers_stop(); /* one may still be in reactor_post() */
	notify_local_stop();
	durable_end();
	while (left) {
		left = false;
		for (unsigned int i = 0; i < server.nreactors; i++)
			left |= reactor_drain(server.reactors[i]);
	}
	for (unsigned int i = 0; i < server.nreactors; i++)
		reactor_free(server.reactors[i]);
	server.nreactors = 0;
	buffer_trim();
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *text = NULL;
	struct control *ctl;
	int sig, err, lock;
	char *why;

	/* Large blocks are kept by core/buffer.c; do not let malloc map and unmap each. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_ARENA_MAX, 4);
	options(argc, argv);
	sig = signals();
	load_conf();
	err = crypto_init();
	if (err < 0)
		fail(xstrdup("OpenSSL lacks an algorithm: is its legacy provider installed?"));
	lock = pidfile_lock(server.run_dir);
	if (lock == -EBUSY)
		fail(xasprintf("a server runs already (instance %s)", server.instance));
	if (lock < 0)
		fail(xasprintf("run folder %s: %s", server.run_dir, strerror(-lock)));
	raise_limits();
	umask(0);
	server.start_ns = now_ns();
	server.start_nttime = nttime_now();
	set_identity();
	load_domain_sid(current);
	server.users = users_open(current->passdb_file, current->username_map);
	reactors_max = MAX(reactors_wanted(current), cpus_allowed());
	maps_start(server.instance, reactors_max, current->bpf_group);
	if (server.bpf_why)
		log_notice("no BPF maps: %s", server.bpf_why);
	start_threads();
	use_tcp_stats();
	(void)maps_pin_rights(TCP_STATS_PIN);
	use_kmod();
	steer_start();
	ctl = control_open(server.run_dir, &err);
	if (!ctl)
		fail(xasprintf("control socket in %s: %s", server.run_dir, strerror(-err)));
	control_register(ctl, "status", status_verb, NULL);
	control_register(ctl, "reload", reload_verb, NULL);
	control_register(ctl, "down", down_verb, NULL);
	control_register(ctl, "block", block_verb, NULL);
	control_register(ctl, "steer", steer_verb, NULL);
	control_register(ctl, "close", close_verb, NULL);
	control_register(ctl, "debug", debug_verb, NULL);
	control_register(ctl, "trace", trace_verb, ctl);
	block_start();
	why = relisten(current);
	why = why ?: guard_start(current);
	if (why) {
		control_close(ctl);
		fail(why);
	}
	use_metrics();
	text = listen_text(&listening);
	log_notice("ksmbd-hybridd %s listens on %s", KH_VERSION, text);
	say_ready("READY", text);
	loop(ctl, sig);
	log_notice("ending");
	stop();
	control_close(ctl);
	metrics_http_close(metrics);
	listen_stop(&listening);
	steer_stop();
	kmod_close();
	guard_stop();
	block_stop();
	tcp_stats_stop();
	maps_stop();
	free(server.reactors);
	users_close(server.users);
	conf_put(current);
	free(server.conf_path);
	free(server.run_dir);
	free(server.instance);
	close(lock);
	return 0;
}
