/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_up.c - up, down, restart, reload.
 *
 * up starts ksmbd-hybridd with a pipe in which the daemon says one line: "READY address:port ..."
 * when it listens, or "FAIL sentence". The end of the pipe without a line is a death.
 */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "ctl.h"
#include "kernel/guard.h"

#define START_TIMEOUT_MS 30000
#define END_TIMEOUT_MS	 5000
#define STOP_TIMEOUT_MS	 15000
#define TERM_TIMEOUT_MS	 10000
#define READY_MAX	 4096

/* ---- up ---- */

struct up {
	bool foreground;
	bool no_kmod;
};

/* Messages of a daemon in the background, before and unless it opens a log file of its own. */
static char *message_file(const struct ctl *ctl)
{
	return xasprintf("%s/messages", ctl->run_dir);
}

/* In the child: becomes the daemon. ready is the pipe to write to, or -1. */
static void exec_daemon(const struct ctl *ctl, const char *path, const struct up *how, int ready)
{
	char fd[16];
	const char *argv[12];
	int n = 0;

	argv[n++] = "ksmbd-hybridd";
	argv[n++] = "--config";
	argv[n++] = ctl->conf_path;
	argv[n++] = "--instance";
	argv[n++] = ctl->instance;
	argv[n++] = "--run-dir";
	argv[n++] = ctl->run_dir;
	if (how->foreground)
		argv[n++] = "--foreground";
	if (how->no_kmod)
		argv[n++] = "--no-kmod";
	if (ready >= 0) {
		snprintf(fd, sizeof(fd), "%d", ready);
		argv[n++] = "--ready-fd";
		argv[n++] = fd;
	}
	argv[n] = NULL;
	execv(path, (char *const *)(uintptr_t)argv);
}

/* In the child: leaves the terminal. Under systemd standard error is the journal, and stays. */
static void detach(const struct ctl *ctl)
{
	_cleanup_free_ char *file = message_file(ctl);
	int null = open("/dev/null", O_RDWR);
	int out = null;

	setsid();
	umask(022);
	if (chdir("/"))
		_exit(127);
	dup2(null, STDIN_FILENO);
	if (getenv("JOURNAL_STREAM"))
		return;
	mkdir(CONF_DEFAULT_RUN_DIR, 0755);
	mkdir(ctl->run_dir, 0755);
	out = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, 0640);
	if (out < 0)
		out = null;
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
}

static pid_t spawn(const struct ctl *ctl, const char *path, const struct up *how, int *ready)
{
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0) {
		close(p[0]);
		close(p[1]);
		return -errno;
	}
	if (!pid) {
		fcntl(p[1], F_SETFD, 0);
		detach(ctl);
		exec_daemon(ctl, path, how, p[1]);
		dprintf(p[1], "FAIL %s cannot be run: %s.\n", path, strerror(errno));
		_exit(127);
	}
	close(p[1]);
	*ready = p[0];
	return pid;
}

/* Reads the daemon's line into buf. 0, -ETIMEDOUT, or -EPIPE: it ended without one. */
static int read_ready(int fd, char *buf, size_t cap)
{
	uint64_t deadline = now_ns() + START_TIMEOUT_MS * 1000000ull;
	size_t n = 0;

	while (n < cap - 1) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = now_ns();
		ssize_t got;

		if (now >= deadline)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)((deadline - now) / 1000000 + 1)) <= 0)
			continue;
		got = read(fd, buf + n, cap - 1 - n);
		if (got <= 0)
			return -EPIPE;
		n += (size_t)got;
		buf[n] = 0;
		if (strchr(buf, '\n'))
			break;
	}
	buf[strcspn(buf, "\n")] = 0;
	return 0;
}

/* The last lines of what the daemon wrote, indented. */
static void show_messages(const struct ctl *ctl)
{
	_cleanup_free_ char *file = message_file(ctl);
	char lines[10][256];
	unsigned int n = 0;
	FILE *f = fopen(file, "re");

	if (!f)
		return;
	while (fgets(lines[n % 10], sizeof(lines[0]), f))
		n++;
	fclose(f);
	for (unsigned int i = n > 10 ? n - 10 : 0; i < n; i++)
		fprintf(stderr, "  %s", lines[i % 10]);
}

static int say_end(const struct ctl *ctl, pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
		fail(0,
		     "The server died while it started: %s. It said:", strsignal(WTERMSIG(status)));
	else
		fail(0, "The server ended while it started. It said:");
	show_messages(ctl);
	return EXIT_REFUSED;
}

/* It said why it does not start: who corrects that and tries again finds it gone. */
static void wait_for_end(pid_t pid)
{
	for (int i = 0; i < END_TIMEOUT_MS / 20 && waitpid(pid, NULL, WNOHANG) == 0; i++)
		usleep(20000);
}

static int start(const struct ctl *ctl, const char *path, const struct up *how)
{
	char line[READY_MAX] = "";
	_cleanup_close_ int ready = -1;
	pid_t pid = spawn(ctl, path, how, &ready);
	char *missing;
	int rc;

	if (pid < 0)
		return fail(EXIT_REFUSED, "The server cannot be started: %s.", strerror(-pid));
	rc = read_ready(ready, line, sizeof(line));
	if (rc == -ETIMEDOUT)
		return fail(EXIT_REFUSED,
			    "The server (process %d) did not say within %d s that it is ready.",
			    (int)pid, START_TIMEOUT_MS / 1000);
	if (rc)
		return say_end(ctl, pid);
	missing = strchr(line, '\t');
	if (missing)
		*missing++ = 0;
	if (strncmp(line, "READY", 5)) {
		wait_for_end(pid);
		return fail(EXIT_REFUSED, "The server did not start. %s",
			    !strncmp(line, "FAIL ", 5) ? line + 5 : line);
	}
	printf("The server runs%s%s.\n", line[5] ? " on" : "", line + 5);
	if (missing && *missing)
		printf("BPF is incomplete: %s.\n", missing);
	return EXIT_OK;
}

/* Without the module everything works in user space, so this is never a reason not to start. */
static void load_module(const struct ctl *ctl, const struct up *how)
{
	_cleanup_free_ char *why = NULL;

	if (how->no_kmod || ctl->conf->kernel_path == CONF_NO)
		return;
	why = kmod_load();
	if (why)
		printf("Without the kernel module: %s.\n", why);
	fflush(stdout);
}

static void say_about_xdp(void *arg, const char *sentence)
{
	printf("%c%s.\n", sentence[0] == 'n' ? 'N' : sentence[0], sentence + 1);
}

/* What a dead server left attached is no reason; then, what speaks against the guard. */
static void check_xdp(const struct ctl *ctl)
{
	guard_clean(ctl->instance);
	guard_check(ctl->conf, say_about_xdp, NULL);
	fflush(stdout);
}

static int up(struct ctl *ctl, const struct up *how)
{
	_cleanup_free_ char *path = ctl_daemon_path();
	pid_t pid = server_pid(ctl);

	if (pid)
		return fail(EXIT_REFUSED,
			    "The server is already running (process %d). See: %s status", (int)pid,
			    ctl_self(ctl));
	if (access(path, X_OK))
		return fail(EXIT_REFUSED,
			    "The daemon %s is not there. In a checkout, make builds it.", path);
	load_module(ctl, how);
	check_xdp(ctl);
	if (!how->foreground)
		return start(ctl, path, how);
	exec_daemon(ctl, path, how, -1);
	return fail(EXIT_REFUSED, "%s cannot be run: %s.", path, strerror(errno));
}

int cmd_up(struct ctl *ctl, int argc, char **argv)
{
	static const struct option opts[] = { { "foreground", no_argument, NULL, 'f' },
					      { "no-kmod", no_argument, NULL, 'K' },
					      { NULL } };
	struct up how = { 0 };
	int o;

	while ((o = getopt_long(argc, argv, "f", opts, NULL)) >= 0) {
		if (o == 'f')
			how.foreground = true;
		else if (o == 'K')
			how.no_kmod = true;
		else
			return usage(argv[0], "%s is no option of up.", argv[optind - 1]);
	}
	if (optind != argc)
		return usage(argv[0], "up takes no argument.");
	if (ctl_load(ctl, LOAD_STRICT))
		return EXIT_REFUSED;
	return up(ctl, &how);
}

/* ---- down ---- */

/* Waits until the process behind pidfd has ended. */
static bool ends_within(int pidfd, int ms)
{
	uint64_t deadline = now_ns() + (uint64_t)ms * 1000000;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	for (;;) {
		uint64_t now = now_ns();
		int n;

		if (now >= deadline)
			return false;
		n = poll(&p, 1, (int)((deadline - now) / 1000000 + 1));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

static int down(const struct ctl *ctl)
{
	struct json_object *reply;
	_cleanup_close_ int pidfd = -1;
	pid_t pid = server_pid(ctl);
	int code;

	if (!pid)
		return fail(EXIT_NOT_RUNNING, "The server is not running.");
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* The lock still being held by pid now, pidfd is that server and no later process. */
	if (pidfd < 0 || server_pid(ctl) != pid)
		return fail(EXIT_NOT_RUNNING, "The server has just ended.");
	reply = server_ask(ctl, request_new("down"), &code);
	if (reply && ends_within(pidfd, STOP_TIMEOUT_MS)) {
		json_object_put(reply);
		return EXIT_OK;
	}
	json_object_put(reply);
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) && errno == EPERM)
		return fail(EXIT_REFUSED, "Only root may stop the server: try sudo.");
	if (ends_within(pidfd, TERM_TIMEOUT_MS))
		return EXIT_OK;
	return fail(EXIT_REFUSED,
		    "The server (process %d) does not end; kill -9 %d ends it the hard "
		    "way, and harms no file.",
		    (int)pid, (int)pid);
}

/* A server that was killed leaves its guard in front of its port. */
static void clean_xdp(const struct ctl *ctl)
{
	unsigned int n = server_pid(ctl) ? 0 : guard_clean(ctl->instance);

	if (n)
		printf("Its XDP guard was still on %u interface%s, and is gone now.\n", n,
		       n == 1 ? "" : "s");
}

int cmd_down(struct ctl *ctl, int argc, char **argv)
{
	static const struct option opts[] = { { "unload", no_argument, NULL, 'u' }, { NULL } };
	_cleanup_free_ char *why = NULL;
	bool unload = false;
	int rc, o;

	while ((o = getopt_long(argc, argv, "", opts, NULL)) >= 0) {
		if (o != 'u')
			return usage(argv[0], "%s is no option of down.", argv[optind - 1]);
		unload = true;
	}
	if (optind != argc)
		return usage(argv[0], "down takes no argument.");
	if (ctl_load(ctl, LOAD_TOLERANT))
		return EXIT_REFUSED;
	rc = down(ctl);
	if (!rc)
		puts("The server has ended.");
	clean_xdp(ctl);
	if (!unload || (rc && rc != EXIT_NOT_RUNNING))
		return rc;
	why = kmod_unload();
	return why ? fail(EXIT_REFUSED, "The kernel module stays: %s.", why) : rc;
}

int cmd_restart(struct ctl *ctl, int argc, char **argv)
{
	int rc;

	if (argc != 1)
		return usage(argv[0], "restart takes no argument.");
	/* Strict: a server that runs is not given up for one that cannot start. */
	if (ctl_load(ctl, LOAD_STRICT))
		return EXIT_REFUSED;
	rc = server_pid(ctl) ? down(ctl) : EXIT_OK;
	return rc == EXIT_OK || rc == EXIT_NOT_RUNNING ? up(ctl, &(struct up) { 0 }) : rc;
}

/* ---- reload ---- */

int cmd_reload(struct ctl *ctl, int argc, char **argv)
{
	struct json_object *reply;
	int code;

	if (argc != 1)
		return usage(argv[0], "reload takes no argument.");
	if (ctl_load(ctl, LOAD_STRICT))
		return EXIT_REFUSED;
	reply = server_ask(ctl, request_new("reload"), &code);
	if (reply)
		puts("The server has read its configuration again.");
	json_object_put(reply);
	return code;
}
