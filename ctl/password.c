/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * password.c - a password from the terminal or standard input, and from nowhere else: what stands
 * on a command line or in the environment can be read by others.
 */
#include <signal.h>
#include <termios.h>

#include "core/utf16.h"
#include "ctl.h"

#define BYTES_MAX 1024
#define UNITS_MAX 256 /* UTF-16, what Windows allows */

void password_free(char *p)
{
	if (p) {
		explicit_bzero(p, strlen(p));
		free(p);
	}
}

/* A line of fd without its newline, byte by byte so that no more is taken; NULL at the end. */
static char *read_line(int fd)
{
	char buf[BYTES_MAX];
	size_t n = 0;
	ssize_t got = 0;
	char *s = NULL;

	while (n < sizeof(buf) - 1) {
		got = read(fd, buf + n, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || buf[n] == '\n')
			break;
		n++;
	}
	if (n && buf[n - 1] == '\r')
		n--;
	buf[n] = 0;
	if (n || got > 0)
		s = xstrdup(buf);
	explicit_bzero(buf, sizeof(buf));
	return s;
}

static char *ask(FILE *tty, const char *prompt, const char *account)
{
	struct termios old, quiet;
	sigset_t block, before;
	char *s;

	fprintf(tty, "%s for %s: ", prompt, account);
	fflush(tty);
	if (tcgetattr(fileno(tty), &old))
		return NULL;
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	/* A ctrl-C takes effect once the echo is back. */
	sigemptyset(&block);
	sigaddset(&block, SIGTSTP);
	sigprocmask(SIG_BLOCK, &block, &before);
	quiet.c_lflag &= ~(tcflag_t)ISIG;
	quiet.c_lflag |= ICANON;
	tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	s = read_line(fileno(tty));
	tcsetattr(fileno(tty), TCSAFLUSH, &old);
	sigprocmask(SIG_SETMASK, &before, NULL);
	fputc('\n', tty);
	if (s && strchr(s, 3)) { /* ctrl-C arrives as a letter */
		password_free(s);
		raise(SIGINT);
		return NULL;
	}
	return s;
}

static char *from_terminal(const char *account)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	char *one, *two;

	if (!tty) {
		fail(0, "There is no terminal to ask for a password.");
		return NULL;
	}
	setvbuf(tty, NULL, _IONBF, 0);
	one = ask(tty, "New password", account);
	two = one ? ask(tty, "Again", account) : NULL;
	fclose(tty);
	if (one && two && !strcmp(one, two)) {
		password_free(two);
		return one;
	}
	if (one && two)
		fail(0, "The two passwords differ; nothing was changed.");
	password_free(one);
	password_free(two);
	return NULL;
}

char *password_read(const char *account)
{
	bool terminal = isatty(STDIN_FILENO);
	char *p = terminal ? from_terminal(account) : read_line(STDIN_FILENO);
	int n = p ? utf8_utf16_len(p, strlen(p)) : 0;

	if (!p) {
		if (!terminal)
			fail(0,
			     "Standard input has no password: it is expected on the first line.");
		return NULL;
	}
	if (*p && n > 0 && n <= UNITS_MAX * 2)
		return p;
	if (!*p)
		fail(0, "An empty password is refused; nothing was changed.");
	else if (n < 0)
		fail(0, "The password is not valid UTF-8.");
	else
		fail(0, "The password is longer than %d characters.", UNITS_MAX);
	password_free(p);
	return NULL;
}
