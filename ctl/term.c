/* SPDX-License-Identifier: GPL-2.0-or-later */
/* term.c - a terminal taken and given back. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

#include "core/util.h"
#include "term.h"

/* Alternate screen, no cursor, no line wrap; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[2J"
#define LEAVE "\033[H\033[2J\033[?7h\033[?25h\033[0m\033[?1049l"

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

static struct termios before;
static volatile sig_atomic_t taken;
static bool keys; /* standard input is a terminal too */
static int sigfd = -1;

/* ---- taking and giving back; async-signal-safe ---- */

static void take(void)
{
	signal(SIGTTOU, SIG_DFL); /* in the background it waits for its turn */
	if (keys) {
		struct termios raw = before;

		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw.c_cc[VMIN] = 0;
		raw.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	(void)!write(STDOUT_FILENO, ENTER, sizeof(ENTER) - 1);
	taken = 1;
}

void term_leave(void)
{
	if (!taken)
		return;
	taken = 0;
	signal(SIGTTOU, SIG_IGN); /* giving back must not wait */
	(void)!write(STDOUT_FILENO, LEAVE, sizeof(LEAVE) - 1);
	if (keys)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

static void on_crash(int sig)
{
	term_leave();
	signal(sig, SIG_DFL);
	raise(sig);
}

static int watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaddset(&set, ends[i]);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		signal(crashes[i], on_crash);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return sigfd < 0 ? -errno : 0;
}

int term_enter(void)
{
	int err;

	if (!isatty(STDOUT_FILENO))
		return -ENOTTY;
	keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
	err = watch_signals();
	if (err)
		return err;
	atexit(term_leave);
	take();
	return 0;
}

void term_size(int *rows, int *cols)
{
	struct winsize w = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_row || !w.ws_col) {
		w.ws_row = 24;
		w.ws_col = 80;
	}
	*rows = w.ws_row;
	*cols = w.ws_col;
}

/* ---- waiting ---- */

/* Ctrl-Z: stops with the terminal as it was; goes on here with SIGCONT. */
static void stop_here(void)
{
	sigset_t set;

	term_leave();
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	take();
}

static enum term_event take_signal(int *key)
{
	struct signalfd_siginfo si;

	if (read(sigfd, &si, sizeof(si)) != sizeof(si))
		return TERM_TIMEOUT;
	switch (si.ssi_signo) {
	case SIGTSTP:
		stop_here();
		return TERM_REDRAW;
	case SIGWINCH:
	case SIGCONT:
		return TERM_REDRAW;
	}
	*key = (int)si.ssi_signo;
	return TERM_END;
}

static struct {
	char c[64];
	size_t at, n;
} typed;

/*
 * The next of what was typed; an escape sequence is one, and all but the arrows are nobody's
 * (TERM_TIMEOUT). A sequence that is cut in two by a slow line is taken for single keys.
 */
static enum term_event next_key(int *key)
{
	const char *c = typed.c + typed.at;
	size_t left = typed.n - typed.at, n = 2;

	*key = (unsigned char)c[0];
	if (c[0] != '\033' || left < 3 || (c[1] != '[' && c[1] != 'O')) {
		typed.at++;
		return TERM_KEY;
	}
	while (n < left && (c[n] < 0x40 || c[n] > 0x7e)) /* ECMA-48 5.4: up to the final byte */
		n++;
	typed.at += MIN(n + 1, left);
	if (n != 2 || c[2] < 'A' || c[2] > 'D')
		return TERM_TIMEOUT;
	*key = KEY_UP + (c[2] - 'A');
	return TERM_KEY;
}

static enum term_event take_key(int *key)
{
	ssize_t n = read(STDIN_FILENO, typed.c, sizeof(typed.c));

	if (n <= 0) {
		*key = 0;
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? TERM_TIMEOUT : TERM_END;
	}
	typed.at = 0;
	typed.n = (size_t)n;
	return next_key(key);
}

static int ms_until(uint64_t deadline_ns)
{
	uint64_t now = now_ns();

	return deadline_ns > now ? (int)MIN((deadline_ns - now + 999999) / 1000000, 3600000u) : 0;
}

enum term_event term_wait(uint64_t deadline_ns, int *key)
{
	while (typed.at < typed.n)
		if (next_key(key) == TERM_KEY)
			return TERM_KEY;
	for (;;) {
		struct pollfd p[2] = { { .fd = sigfd, .events = POLLIN },
				       { .fd = keys ? STDIN_FILENO : -1, .events = POLLIN } };
		enum term_event e = TERM_TIMEOUT;
		int n = poll(p, 2, ms_until(deadline_ns));

		if (!n)
			return TERM_TIMEOUT;
		if (n > 0 && p[0].revents)
			e = take_signal(key);
		else if (n > 0 && p[1].revents)
			e = take_key(key);
		if (e != TERM_TIMEOUT)
			return e;
	}
}

bool term_write(const char *text, size_t n)
{
	while (n) {
		ssize_t w = write(STDOUT_FILENO, text, n);

		if (w < 0 && (errno == EAGAIN || errno == EINTR)) {
			struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

			poll(&p, 1, 1000);
			continue;
		}
		if (w < 0)
			return false;
		text += w;
		n -= (size_t)w;
	}
	return true;
}
