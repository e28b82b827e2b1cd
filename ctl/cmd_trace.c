/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_trace.c - trace: a line per request, as it is answered.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <poll.h>
#include <strings.h>

#include "core/control.h"
#include "core/utf16.h"
#include "ctl.h"
#include "kh_maps.h"
#include "smb2_ops.h"
#include "smb2_status.h"
#include "trace_kernel.h"

#define POLL_MS		 25
#define REPLY_TIMEOUT_MS 30000

static const char *const commands[] = {
#define X(NAME, lower, code, size, needs, fid, where) [code] = #NAME,
	SMB2_OPS(X)
#undef X
};

struct options {
	const char *client, *share, *status;
	struct json_object *ops; /* array, or NULL */
	struct trace_filter filter;
	uint64_t slow_ns;
	uint64_t count; /* 0: until the end */
	bool json, colours;
};

/* ---- options ---- */

/* "10ms", "1.5s", "200us"; milliseconds without a unit. */
static bool parse_time(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "ms", 1e6 }, { "s", 1e9 }, { "us", 1e3 }, { "ns", 1 }, { "", 1e6 } };
	char *end;
	double v = strtod(text, &end);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (end != text && v >= 0 && v < 1e6 && !strcmp(end, units[i].name)) {
			*ns = (uint64_t)(v * units[i].ns);
			return true;
		}
	return false;
}

static const char *status_word(const char *name)
{
	if (!strncasecmp(name, "NT_", 3))
		name += 3;
	return strncasecmp(name, "STATUS_", 7) ? name : name + 7;
}

static bool known_status(const char *name)
{
#define X(n, value)                             \
	if (!strcasecmp(status_word(name), #n)) \
		return true;
	NT_STATUS_LIST(X)
#undef X
	return !strcasecmp(name, "error") || !strncasecmp(name, "0x", 2);
}

static void add_ops(struct options *o, char *list)
{
	if (!o->ops)
		o->ops = json_object_new_array();
	for (char *w = strtok(list, ","); w; w = strtok(NULL, ",")) {
		json_object_array_add(o->ops, json_object_new_string(w));
		(void)trace_filter_command(&o->filter, w); /* the server says if there is none */
	}
}

static int parse(struct ctl *ctl, int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "client", required_argument, NULL, 'c' },
		{ "op", required_argument, NULL, 'o' },
		{ "share", required_argument, NULL, 's' },
		{ "status", required_argument, NULL, 'S' },
		{ "slow", required_argument, NULL, 'l' },
		{ "count", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL },
	};
	char *end = NULL;
	int c;

	*o = (struct options) { .json = ctl->json };
	while ((c = getopt_long(argc, argv, "n:j", longs, NULL)) >= 0) {
		switch (c) {
		case 'c':
			o->client = optarg;
			(void)trace_filter_client(&o->filter, optarg);
			break;
		case 'o':
			add_ops(o, optarg);
			break;
		case 's':
			o->share = optarg;
			break;
		case 'S':
			o->status = optarg;
			if (!known_status(optarg))
				return usage(argv[0], "There is no status \"%s\".", optarg);
			break;
		case 'l':
			if (!parse_time(optarg, &o->slow_ns))
				return usage(argv[0], "--slow wants a time, as 10ms or 1.5s.");
			break;
		case 'n':
			o->count = strtoull(optarg, &end, 10);
			if (*end || !o->count || *optarg == '-')
				return usage(argv[0], "-n wants a number of lines.");
			break;
		case 'j':
			o->json = true;
			break;
		default:
			return usage(argv[0],
				     "The option %s does not exist, or lacks its argument.",
				     argv[optind - 1]);
		}
	}
	if (optind < argc)
		return usage(argv[0], "trace takes options only, not \"%s\".", argv[optind]);
	o->colours = colours_wanted();
	return EXIT_OK;
}

/* ---- what is shown: the server looks at client and command, this at the rest ---- */

static bool status_matches(const char *wanted, uint32_t status)
{
	if (!strcasecmp(wanted, "error"))
		return nt_is_error(status) && status != NT_STATUS_MORE_PROCESSING_REQUIRED;
	if (!strncasecmp(wanted, "0x", 2))
		return strtoul(wanted, NULL, 16) == status;
	return !strcasecmp(status_word(wanted), nt_name(status));
}

static bool is_shown(const struct options *o, const struct trace_record *t)
{
	return t->command < SMB2_COMMANDS && t->latency_ns >= o->slow_ns &&
	       (!o->share || utf8_equal_nocase(o->share, t->share)) &&
	       (!o->status || status_matches(o->status, t->status));
}

/* ---- lines ---- */

static const char *client_text(const struct trace_record *t, char buf[INET6_ADDRSTRLEN])
{
	struct in6_addr a;

	memcpy(&a, t->addr, sizeof(a));
	if (IN6_IS_ADDR_UNSPECIFIED(&a)) /* the module's, and the server does not know it */
		return "-";
	if (IN6_IS_ADDR_V4MAPPED(&a))
		return inet_ntop(AF_INET, &a.s6_addr[12], buf, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, &a, buf, INET6_ADDRSTRLEN);
}

static void status_text(uint32_t status, char buf[64])
{
	if (!strcmp(nt_name(status), "?"))
		snprintf(buf, 64, "0x%08X", status);
	else
		snprintf(buf, 64, "%s", nt_name(status));
}

static void latency_text(uint64_t ns, char buf[24])
{
	if (ns < 10000000)
		snprintf(buf, 24, "%llu us", (unsigned long long)ns / 1000);
	else if (ns < 10000000000)
		snprintf(buf, 24, "%llu ms", (unsigned long long)ns / 1000000);
	else
		snprintf(buf, 24, "%llu s", (unsigned long long)ns / 1000000000);
}

static void print_line(const struct options *o, struct trace_record *t)
{
	char addr[INET6_ADDRSTRLEN], status[64], latency[24], when[16];
	time_t s = (time_t)(t->end_ns / 1000000000);
	bool bad = nt_is_error(t->status) && t->status != NT_STATUS_MORE_PROCESSING_REQUIRED;
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(when, sizeof(when), "%H:%M:%S", &tm);
	status_text(t->status, status);
	latency_text(t->latency_ns, latency);
	text_clean(t->user);
	text_clean(t->share);
	text_clean(t->file);
	printf("%s.%06llu  %-15s %-10s %-15s %s%-24s%s %8s  %-6s %s", when,
	       (unsigned long long)(t->end_ns % 1000000000) / 1000, client_text(t, addr),
	       *t->user ? t->user : "-", commands[t->command], bad && o->colours ? "\033[31m" : "",
	       status, bad && o->colours ? "\033[0m" : "", latency,
	       t->plane == KH_PLANE_KERNEL ? "kernel" : "user", *t->share ? t->share : "-");
	if (*t->file)
		printf("%s%s", *t->file == '/' ? "" : "/", t->file);
	if (t->flags & TRACE_HAS_RANGE)
		printf("  %u@%llu", t->bytes, (unsigned long long)t->offset);
	putchar('\n');
}

static void add_text(struct json_object *o, const char *name, const char *s)
{
	json_object_object_add(o, name, json_object_new_string(s));
}

static void add_number(struct json_object *o, const char *name, uint64_t n)
{
	json_object_object_add(o, name, json_object_new_int64((int64_t)n));
}

static void print_json_line(const struct trace_record *t)
{
	struct json_object *o = json_object_new_object();
	char addr[INET6_ADDRSTRLEN], text[64];

	snprintf(text, sizeof(text), "%llu.%09llu", (unsigned long long)t->end_ns / 1000000000,
		 (unsigned long long)t->end_ns % 1000000000);
	json_object_object_add(
		o, "time",
		json_object_new_double_s((double)t->end_ns / 1e9, text)); /* seconds, exact */
	add_text(o, "client", client_text(t, addr));
	add_number(o, "connection", t->conn_id);
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)t->session_id);
	add_text(o, "session", text);
	add_number(o, "message_id", t->message_id);
	add_text(o, "user", t->user);
	add_text(o, "command", commands[t->command]);
	add_text(o, "share", t->share);
	add_text(o, "file", t->file);
	if (t->flags & TRACE_HAS_RANGE) {
		add_number(o, "offset", t->offset);
		add_number(o, "bytes", t->bytes);
	}
	status_text(t->status, text);
	add_text(o, "status", text);
	add_number(o, "latency_us", t->latency_ns / 1000);
	add_text(o, "plane", t->plane == KH_PLANE_KERNEL ? "kernel" : "user");
	json_object_object_add(o, "worker", json_object_new_boolean(t->flags & TRACE_WORKER));
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

/* ---- the loop ---- */

/* True: enough lines. */
static bool print_new(const struct options *o, struct trace_ring *r, struct trace_kernel *k,
		      uint64_t *printed)
{
	uint64_t lost = r->lost;

	trace_ring_read(r);
	if (k)
		trace_kernel_read(k, r);
	for (size_t i = 0; i < r->n; i++) {
		if (!is_shown(o, &r->v[i]))
			continue;
		if (o->json)
			print_json_line(&r->v[i]);
		else
			print_line(o, &r->v[i]);
		if (++*printed == o->count)
			break;
	}
	if (r->lost != lost && o->json)
		printf("{\"lost\":%llu}\n", (unsigned long long)(r->lost - lost));
	else if (r->lost != lost)
		fprintf(stderr, "(%llu requests are missing here: more came than could be shown)\n",
			(unsigned long long)(r->lost - lost));
	return (o->count && *printed == o->count) || fflush(stdout) || ferror(stdout);
}

/* Only where somebody reads along. */
static void print_titles(const struct options *o)
{
	if (!o->json && isatty(STDOUT_FILENO))
		printf("%-15s  %-15s %-10s %-15s %-24s %8s  %-6s %s\n", "TIME", "CLIENT", "USER",
		       "COMMAND", "STATUS", "LATENCY", "BY", "FILE  BYTES@OFFSET");
}

/* Until there are enough lines, or the server ends. */
static int follow(const struct options *o, struct trace_ring *r, struct trace_kernel *k, int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	uint64_t printed = 0;

	print_titles(o);
	for (;;) {
		int ended = poll(&p, 1, POLL_MS);

		if (print_new(o, r, k, &printed))
			return EXIT_OK;
		if (ended > 0)
			return fail(EXIT_NOT_RUNNING, "The server has ended.");
	}
}

/* What the module answers, where that can be had; else a line that says how to see it. */
static struct trace_kernel *follow_kernel(const struct ctl *ctl, const struct options *o,
					  struct json_object *reply)
{
	int64_t n = json_object_get_int64(json_object_object_get(reply, "kernel_connections"));
	struct trace_kernel *k;
	const char *why;

	if (!json_object_get_boolean(json_object_object_get(reply, "kernel")))
		return NULL;
	k = trace_kernel_open(ctl, &o->filter, &why);
	if (!k)
		fprintf(stderr,
			"(%lld connection%s served by the kernel module, and what it answers is "
			"not "
			"here: %s.\n Its events are in /sys/kernel/tracing/events/ksmbd_hybrid: "
			"write 1 to enable there, read trace_pipe.)\n",
			(long long)n, n == 1 ? " is" : "s are", why);
	return k;
}

static int trace(struct ctl *ctl, struct options *o)
{
	struct json_object *request = request_new("trace"), *reply;
	int code, sock = -1, fd = -1;
	struct trace_kernel *k;
	struct trace_ring r;

	if (o->client)
		json_object_object_add(request, "client", json_object_new_string(o->client));
	if (o->ops)
		json_object_object_add(request, "commands", steal_ptr(&o->ops));
	reply = server_ask_fd(ctl, request, &code, &sock, &fd);
	if (!reply)
		return code;
	if (fd < 0 || !trace_ring_open(&r, fd)) {
		code = fail(EXIT_REFUSED, "The server and this program are of different versions.");
	} else {
		k = follow_kernel(ctl, o, reply);
		code = follow(o, &r, k, sock);
		trace_kernel_close(k);
		trace_ring_close(&r);
	}
	if (fd >= 0)
		close(fd);
	close(sock);
	json_object_put(reply);
	return code;
}

int cmd_trace(struct ctl *ctl, int argc, char **argv)
{
	struct options o;
	int code = parse(ctl, argc, argv, &o);

	if (!code && ctl_load(ctl, LOAD_OR_EMPTY))
		code = EXIT_REFUSED;
	if (!code)
		code = trace(ctl, &o);
	json_object_put(o.ops);
	return code;
}
