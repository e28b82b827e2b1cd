// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * server.c - the daemon's core in the fuzzer's process: a configuration, an account, workers, one
 * reactor, a listener on a port of the loopback.
 *
 * With the rights for it, the shared folder is a small tmpfs in a mount namespace that ends with
 * the process, and the account is nobody: neither a full disk nor a way out of the share costs the
 * machine anything.
 */
#include "stream.h"

#include "kernel/bpf_link.h"
#include "state/durable.h"
#include "state/notify_local.h"
#include "state/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define PIPES_KEPT 40 /* ends */

struct server server = { .kmod_fd = -1 };

static struct conf *conf;
static char base[32], folder[64];
static uid_t owner_uid;
static gid_t owner_gid;
static struct sockaddr_in address[2]; /* direct, NetBIOS */
static unsigned int nfds_quiet;

void stream_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("fuzz_stream: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

struct conf *server_conf(void)
{
	return conf_get(conf);
}

/* ---- the folder ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	return f->level == 0 && !strcmp(path, base) ? 0 : remove(path);
}

static void put_file(const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", folder, name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0777);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchown(fd, owner_uid, owner_gid) < 0)
		stream_fail("%s: %s", path, strerror(errno));
}

static void put_folder(const char *path)
{
	if (mkdir(path, 0777) < 0 || chown(path, owner_uid, owner_gid) < 0)
		stream_fail("%s: %s", path, strerror(errno));
}

/* As every input finds it, new: f, d, d/g, and a link that leads out. */
static void folder_fill(void)
{
	_cleanup_free_ char *dir = xasprintf("%s/d", folder), *link = xasprintf("%s/l", folder);

	if (nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
		stream_fail("emptying %s: %s", folder, strerror(errno));
	put_folder(folder);
	put_folder(dir);
	if (symlink("/etc", link) < 0)
		stream_fail("%s: %s", link, strerror(errno));
	put_file("f", "the quick brown fox jumps over the lazy dog");
	put_file("d/g", "g");
}

static void base_remove(void)
{
	if (!nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS))
		rmdir(base);
}

static bool private_tmpfs(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", base, "tmpfs", MS_NODEV | MS_NOSUID, "size=16m,nr_inodes=1000") == 0;
}

static void folder_make(void)
{
	const struct passwd *nobody = geteuid() ? NULL : getpwnam("nobody");

	owner_uid = nobody ? nobody->pw_uid : geteuid();
	owner_gid = nobody ? nobody->pw_gid : getegid();
	strcpy(base, "/mnt");
	if (!private_tmpfs()) {
		struct rlimit r = { 4 << 20, 4 << 20 };

		strcpy(base, "/tmp/fuzz_stream.XXXXXX");
		if (!mkdtemp(base))
			stream_fail("%s: %s", base, strerror(errno));
		atexit(base_remove);
		setrlimit(RLIMIT_FSIZE, &r);
		signal(SIGXFSZ, SIG_IGN);
	}
	snprintf(folder, sizeof(folder), "%s/share", base);
	folder_fill();
}

/* ---- the server ---- */

static const char conf_text[] = "[global]\n"
				"netbios name = FUZZ\n"
				"map to guest = bad user\n"
				"guest account = %s\n"
				"restrict anonymous = 0\n"
				"deadtime = 0\n"
				"[share]\n"
				"path = %s\n"
				"read only = no\n"
				"guest ok = yes\n"
				"ea support = yes\n"
				"vfs objects = acl_xattr streams_xattr\n"
				"veto files = /veto*/\n"
				"[ro]\n"
				"path = %s\n"
				"guest ok = yes\n"
				"[sealed]\n"
				"path = %s\n"
				"read only = no\n"
				"smb encrypt = required\n";

static void report(void *arg, enum conf_severity sev, const char *file, unsigned int line,
		   const char *sentence)
{
	fprintf(stderr, "configuration, line %u: %s\n", line, sentence);
}

static void accounts(const char *unix_user)
{
	_cleanup_free_ char *db = xasprintf("%s/db", base);
	uint8_t hash[16];
	bool there;

	hash_nt(STREAM_PASSWORD, hash);
	if (users_set(db, STREAM_USER, hash, unix_user, &there) < 0)
		stream_fail("%s: %s", db, strerror(errno));
	server.users = users_open(db, NULL);
}

static void listen_one(struct sockaddr_in *a, bool netbios)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*a);

	*a = (struct sockaddr_in) { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	if (fd < 0 || bind(fd, (struct sockaddr *)a, len) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)a, &len) < 0)
		stream_fail("listening: %s", strerror(errno));
	reactor_listen(server.reactors[0], fd, netbios);
}

void stream_server_start(void)
{
	static struct reactor *reactors[1];
	const struct passwd *pw;
	struct sid sid;
	int n;
	char text[1024];

	signal(SIGPIPE, SIG_IGN);
	umask(0);
	log_level = -1;
	folder_make();
	pw = getpwuid(owner_uid);
	if (!pw || crypto_init() < 0)
		stream_fail("no user, or no legacy provider of OpenSSL");
	n = snprintf(text, sizeof(text), conf_text, pw->pw_name, folder, folder, folder);
	if (conf_parse(text, (size_t)n, "fuzz", report, NULL, &conf) < 0)
		stream_fail("the configuration has errors");
	accounts(pw->pw_name);
	sid_domain_generate(&sid);
	acl_domain_set(&sid);
	server.start_ns = now_ns();
	server.start_nttime = nttime_now();
	server.reactors = reactors;
	server.instance = xstrdup("fuzz");
	if (workers_start(3) < 0)
		stream_fail("no workers");
	n = reactor_start(0, &reactors[0]);
	if (n < 0)
		stream_fail("io_uring: %s", strerror(-n));
	server.nreactors = 1;
	listen_one(&address[0], false);
	listen_one(&address[1], true);
}

int stream_server_connect(bool netbios)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	struct linger no_time_wait = { 1, 0 }; /* or the ports run out */

	if (fd < 0 || connect(fd, (struct sockaddr *)&address[netbios], sizeof(address[0])) < 0)
		stream_fail("connecting: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &no_time_wait, sizeof(no_time_wait));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* ---- after an input ---- */

/*
 * Sockets, rings, and what is in the folder. libFuzzer's files are its own, and core/pipe.c keeps
 * some pipes.
 */
static unsigned int count_fds(bool say)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0, pipes = 0;
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		char to[256] = "";

		if (readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1) < 0 ||
		    (to[0] == '/' && strncmp(to, base, strlen(base))))
			continue;
		if (!strncmp(to, "pipe:", 5) && ++pipes <= PIPES_KEPT)
			continue;
		n++;
		if (say)
			fprintf(stderr, "fd %s: %s\n", e->d_name, to);
	}
	if (d)
		closedir(d);
	return n;
}

void stream_server_settle(void)
{
	uint64_t until = now_ns() + STREAM_WAIT_MS * 1000000ull;
	unsigned int fds = 0;

	for (;;) {
		durable_end(); /* handles that wait for their client */
		if (!maps_count(&maps.server->connections, 0) && !session_count() &&
		    !open_count()) {
			fds = count_fds(false);
			if (!nfds_quiet || fds <= nfds_quiet)
				break;
		}
		if (now_ns() > until) {
			count_fds(true);
			stream_fail("left behind: %u connections, %u sessions, %u opens, %d fds",
				    maps_count(&maps.server->connections, 0), session_count(),
				    open_count(), (int)fds - (int)nfds_quiet);
		}
		usleep(20);
	}
	if (maps_count(&maps.server->preauth, 0))
		stream_fail("%u connections counted as not authenticated",
			    maps_count(&maps.server->preauth, 0));
	folder_fill();
}

void stream_server_settled(void)
{
	int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Who listens to local programs does so from the first watch on. */
	notify_local_unmark(notify_local_mark(fd, FILE_NOTIFY_CHANGE_FILE_NAME, false));
	close(fd);
	stream_server_settle();
	usleep(100000); /* descriptors go a moment after what held them */
	nfds_quiet = count_fds(false);
}
