/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - options before the verb, the table of verbs, help.
 */
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>

#include "config/options.h"
#include "ctl.h"

static int cmd_help(struct ctl *ctl, int argc, char **argv);

/* A row without a name is a heading of the list. */
#define GROUP(title)                      \
	{                                 \
		"", "", NULL, title, NULL \
	}

const struct verb verbs[] = {
	GROUP("The server"),
	{ "up", "[--foreground] [--no-kmod]", "start the server",
	  "Returns when the port answers, or says why it does not. The kernel module is loaded if "
	  "it\n"
	  "is there: the one that make kmod built in a checkout, or the installed one.\n"
	  "\n"
	  "  --foreground   do not go to the background; messages go to standard error\n"
	  "  --no-kmod      serve everything in user space\n",
	  cmd_up },
	{ "down", "[--unload]", "stop the server",
	  "Connections are closed, open files written back. Returns when the server has ended.\n"
	  "\n"
	  "  --unload   take the kernel module out of the kernel as well\n",
	  cmd_down },
	{ "restart", "", "stop the server if it runs, and start it", NULL, cmd_restart },
	{ "reload", "", "have the server read its configuration again",
	  "The file is checked first; with errors in it, the server goes on with what it has.\n"
	  "Ports, interfaces and threads change with a restart only.\n",
	  cmd_reload },
	GROUP("What it does"),
	{ "status", "[-v] [connections|sessions|shares|handles|locks|queues|counters]",
	  "connections, sessions, shares, open files",
	  "Without an argument: a summary, whose first line says who serves. It is read from the\n"
	  "server's maps, so it works while the server is busy or stopped; shares and locks the\n"
	  "server is asked for. Exit code 3 when the server is not running.\n"
	  "\n"
	  "  -v   other columns of connections, sessions and handles\n",
	  cmd_status },
	{ "top", "[-i SECONDS] [-n COUNT] [-s KEY] [--json]",
	  "live: rates, latencies, clients, files",
	  "Rates and latencies per command, the busiest clients and files, reactors and queues. On "
	  "a\n"
	  "terminal a screen (h: its keys), otherwise lines. It reads the server's maps: a busy "
	  "server\n"
	  "is not asked.\n"
	  "\n"
	  "  -i SECONDS   from one look to the next; default 1\n"
	  "  -n COUNT     end after so many\n"
	  "  -s KEY       sort by ops, bytes, latency, errors or name\n"
	  "  -j, --json   an object per line and interval\n",
	  cmd_top },
	{ "trace", "[OPTION ...]", "show requests as they are answered",
	  "A line per request: time, client, user, command, status, latency, who answered it (the\n"
	  "kernel module or the server process), share and file, and of READ and WRITE "
	  "BYTES@OFFSET.\n"
	  "\n"
	  "  --client ADDRESS    of this client; ADDRESS/BITS: of a network\n"
	  "  --op COMMAND,...    these commands: CREATE, READ, WRITE, ...\n"
	  "  --share NAME        in this share\n"
	  "  --status error      what was refused; or the name of a status, ACCESS_DENIED\n"
	  "  --slow TIME         what took as long, or longer: 10ms, 1.5s, 200us\n"
	  "  -n, --count COUNT   ends after so many lines\n"
	  "  -j, --json          an object per line\n"
	  "\n"
	  "It ends with Ctrl-C. The server is not held up by it: what comes faster than it can be\n"
	  "shown is counted and left out.\n",
	  cmd_trace },
	{ "metrics", "", "the figures in Prometheus' text format",
	  "Made from the server's maps. The server answers GET /metrics with the same where the\n"
	  "option \"metrics listen\" says.\n",
	  cmd_metrics },
	GROUP("While it runs"),
	{ "close", "connection|session|handle ID", "end a connection, a session or an open file",
	  "The id is the one that status connections, status sessions and status handles print.\n"
	  "\n"
	  "  connection   its socket is closed, whoever serves it; the client may connect anew\n"
	  "  session      the user is logged off: its files are closed on all its connections\n"
	  "  handle       one open file; the client's next use of it finds it closed\n"
	  "\n"
	  "Returns when it is done, and says what it closed. Exit code 2 when there is none.\n",
	  cmd_close },
	{ "block", "[list | add ADDRESS[/BITS] [--for TIME] | del ADDRESS[/BITS]]",
	  "who is refused, and for how long",
	  "What failed logins put on the list (`auth block` in the configuration) stands there "
	  "too.\n"
	  "A restart of the server empties it; a reload does not.\n"
	  "\n"
	  "  --for TIME   so long: 90 (seconds), 15min, 2h, 1d; without it, for good\n",
	  cmd_block },
	{ "tune", "[INTERFACE ...] [--apply [--dry-run] | --undo] | steer=MODE",
	  "how packets reach the reactors, and what would be better",
	  "Shows the queues of the network interfaces that the server listens on, which CPUs take\n"
	  "and send their packets, where connections landed, and what would be better, and why.\n"
	  "\n"
	  "  --apply      does what it advises, as far as that is its own to do: channels, RSS,\n"
	  "               affinity of interrupts, XPS, RPS; what was is kept in the run folder\n"
	  "  --dry-run    says what --apply would change\n"
	  "  --undo       restores what was before the first --apply\n"
	  "  --root DIR   looks at DIR/sys and DIR/proc, files of another machine\n"
	  "  steer=MODE   which reactor gets a new connection: auto, cpu, client, numa,\n"
	  "               round-robin, none\n",
	  cmd_tune },
	{ "debug", "[COMPONENT ... | all | none]", "which parts of the server log debug lines",
	  "Without an argument: a list of the components, and which are on. Otherwise these are "
	  "on\n"
	  "from now on, and no others; +NAME and -NAME switch one and leave the rest.\n"
	  "\n"
	  "  smb auth vfs oplock ipc conn rdma kernel bpf config\n"
	  "\n"
	  "Lines go where the others go (the option log file), for example:\n"
	  "  2026-11-21 12:00:00.000 debug auth: conn=7 session=000000005e0f2a11 ...\n"
	  "At start, the option debug components counts.\n",
	  cmd_debug },
	GROUP("Accounts"),
	{ "adduser", "NAME [--unix-user USER]", "add an account, or give it a new password",
	  "The password comes from the terminal, or from the first line of standard input.\n"
	  "\n"
	  "  --unix-user USER   who the account is on this machine; default: the user NAME\n",
	  cmd_adduser },
	{ "passwd", "NAME", "change the password of an account",
	  "The password comes from the terminal, or from the first line of standard input.\n",
	  cmd_passwd },
	{ "deluser", "NAME", "remove an account", NULL, cmd_deluser },
	{ "listusers", "", "list the accounts", NULL, cmd_listusers },
	GROUP("Shares and configuration"),
	{ "addshare", "NAME FOLDER ['OPTION=VALUE' ...]", "share a folder",
	  "For example:\n"
	  "  ksmbd-hybrid addshare projects /srv/projects 'read only=no' 'valid users=anna "
	  "@staff'\n"
	  "\n"
	  "The section is added to the configuration file, and a running server is told. The\n"
	  "options are those of ksmbd-hybrid.conf(5).\n",
	  cmd_addshare },
	{ "updateshare", "NAME 'OPTION=VALUE' ...", "change options of a share",
	  "An empty value removes the option from the file, so that its default counts.\n",
	  cmd_updateshare },
	{ "delshare", "NAME", "stop sharing a folder",
	  "Removes the section from the configuration file. The folder stays as it is.\n",
	  cmd_delshare },
	{ "listshares", "", "list the shares of the configuration", NULL, cmd_listshares },
	{ "testconf", "[-v] [FILE]", "check the configuration and print it",
	  "Errors and warnings go to standard error. Exit code 2 when there are errors.\n"
	  "\n"
	  "  -v          also options that have their default value\n"
	  "  --example   print an example file that explains every option\n",
	  cmd_testconf },
	GROUP("Help"),
	{ "help", "[VERB]", "this text, or that of a verb", NULL, cmd_help },
	{ "__complete", "WHAT [VERB]", NULL, NULL, cmd_complete },
	{ NULL },
};

/* ---- messages ---- */

__attribute__((format(printf, 1, 0))) static void say(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs("ksmbd-hybrid: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return code;
}

int usage(const char *verb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	if (verb)
		fprintf(stderr, "See: ksmbd-hybrid %s --help\n", verb);
	else
		fprintf(stderr, "See: ksmbd-hybrid --help\n");
	return EXIT_USAGE;
}

/* ---- help ---- */

static void print_help(FILE *f)
{
	fputs("Usage: ksmbd-hybrid [-c FILE] [--instance NAME] [-j] VERB [ARGUMENT ...]\n"
	      "\n"
	      "An SMB2/3 file server for Linux.\n"
	      "\n",
	      f);
	for (const struct verb *v = verbs; v->name; v++)
		if (!*v->name)
			fprintf(f, "%s:\n", v->help);
		else if (v->summary)
			fprintf(f, "  %-12s %s\n", v->name, v->summary);
	fputs("\n"
	      "Options:\n"
	      "  -c, --config FILE   configuration; default " CONF_DEFAULT_FILE "\n"
	      "  --instance NAME     another server on this machine: " CONF_DEFAULT_DIR
	      "/NAME.conf\n"
	      "  -j, --json          print JSON where something is listed\n"
	      "  -h, --help          this text; behind a verb, that of the verb\n"
	      "  --version           print the version\n"
	      "\n"
	      "Exit codes: 0 done, 1 usage, 2 refused or failed, 3 not running.\n"
	      "Manual: ksmbd-hybrid(8), ksmbd-hybrid.conf(5)\n",
	      f);
}

static void print_verb_help(const struct verb *v)
{
	printf("Usage: ksmbd-hybrid %s%s%s\n\n", v->name, *v->args ? " " : "", v->args);
	if (v->summary)
		printf("%c%s.\n", v->summary[0] - 'a' + 'A', v->summary + 1);
	if (v->help)
		printf("%s", v->help);
}

static const struct verb *find_verb(const char *name)
{
	for (const struct verb *v = verbs; v->name; v++)
		if (*name && !strcmp(v->name, name))
			return v;
	return NULL;
}

static int unknown_verb(const char *name)
{
	static const char *const other_names[][2] = {
		{ "start", "up" },	    { "stop", "down" },	       { "useradd", "adduser" },
		{ "userdel", "deluser" },   { "users", "listusers" },  { "shares", "listshares" },
		{ "testparm", "testconf" }, { "rmshare", "delshare" }, { "rmuser", "deluser" },
	};
	const char *near = NULL;
	unsigned int best = 3;

	for (size_t i = 0; i < ARRAY_SIZE(other_names) && !near; i++)
		if (!strcmp(name, other_names[i][0]))
			near = other_names[i][1];
	for (const struct verb *v = verbs; v->name && !(near && best == 3); v++) {
		unsigned int d = v->summary ? conf_edit_distance(name, v->name) : 99;

		if (d < best) {
			best = d;
			near = v->name;
		}
	}
	if (near)
		return usage(NULL, "There is no verb \"%s\". Is \"%s\" meant?", name, near);
	return usage(NULL, "There is no verb \"%s\".", name);
}

static int cmd_help(struct ctl *ctl, int argc, char **argv)
{
	const struct verb *v;

	if (argc < 2) {
		print_help(stdout);
		return EXIT_OK;
	}
	v = find_verb(argv[1]);
	if (!v)
		return unknown_verb(argv[1]);
	print_verb_help(v);
	return EXIT_OK;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

/* ---- options before the verb ---- */

static int run_verb(struct ctl *ctl, int argc, char **argv)
{
	const struct verb *v;

	if (!argc) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	v = find_verb(argv[0]);
	if (!v)
		return unknown_verb(argv[0]);
	if (wants_help(argc, argv)) {
		print_verb_help(v);
		return EXIT_OK;
	}
	optind = 0; /* getopt starts anew, with the verb as the program's name */
	opterr = 0;
	return v->run(ctl, argc, argv);
}

int main(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "instance", required_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL },
	};
	const char *conf = NULL, *instance = NULL;
	struct ctl ctl = { 0 };
	int o, rc;

	setlocale(LC_CTYPE, "");
	opterr = 0;
	while ((o = getopt_long(argc, argv, "+c:jhV", opts, NULL)) >= 0) {
		switch (o) {
		case 'c':
			conf = optarg;
			break;
		case 'i':
			instance = optarg;
			break;
		case 'j':
			ctl.json = true;
			break;
		case 'h':
			print_help(stdout);
			return EXIT_OK;
		case 'V':
			puts("ksmbd-hybrid " KH_VERSION);
			return EXIT_OK;
		default:
			return usage(NULL, "The option %s does not exist, or lacks its argument.",
				     argv[optind - 1]);
		}
	}
	rc = ctl_paths(&ctl, conf, instance);
	if (!rc)
		rc = run_verb(&ctl, argc - optind, argv + optind);
	ctl_free(&ctl);
	if (fflush(stdout) || ferror(stdout))
		return rc ? rc : EXIT_REFUSED;
	return rc;
}
