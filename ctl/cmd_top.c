/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_top.c - what the server does now, again and again. On a terminal a screen with keys;
 * otherwise the same tables as lines; with --json an object per line.
 */
#include <getopt.h>
#include <signal.h>

#include "core/view_json.h"
#include "ctl.h"
#include "term.h"
#include "top.h"

#define SECOND	     1000000000ull
#define INTERVAL_MIN 0.1
#define INTERVAL_MAX 3600.0
#define FIRST_LOOK   (SECOND / 4) /* a screen does not stay empty for a whole interval */

struct top {
	struct ctl *ctl;
	struct top_look look;
	uint64_t count; /* frames still to be shown; UINT64_MAX: no end */
	struct view view;
	bool open; /* view is */
	struct top_sampler *sampler;
	struct top_frame frame;
};

/* ---- the maps ---- */

static void forget(struct top *t)
{
	if (t->open)
		view_close(&t->view);
	t->open = false;
	top_sampler_free(t->sampler);
	t->sampler = NULL;
}

/* NULL, or why not (caller frees). */
static char *begin(struct top *t)
{
	char *why;

	if (t->open)
		return NULL;
	why = view_open(&t->view, t->ctl->instance);
	if (!why && !view_alive(&t->view))
		why = xstrdup("they are those of a server that has ended");
	if (why) {
		view_close(&t->view);
		return why;
	}
	t->open = true;
	t->sampler = top_sampler_new();
	return NULL;
}

static void ask_tcp(struct top *t)
{
	struct tcp_table tcp = view_tcp(&t->view);
	struct top_frame *f = &t->frame;

	for (size_t i = 0; i < f->nclients; i++) {
		struct tcp_facts *c = &f->clients[i].tcp;
		const struct tcp_facts *k = tcp_facts_find(&tcp, c->addr, c->port, c->local_port);

		if (k)
			*c = *k;
	}
	tcp_table_free(&tcp);
}

static void ask_guard(struct top *t)
{
	struct guard_queue *q;
	size_t n;

	if (!guard_stats_read(t->view.dir, &q, &n))
		top_sample_queues(t->sampler, q, n, &t->frame);
	free(q);
}

static void look_at(struct top *t)
{
	(void)view_refresh(&t->view);
	top_sample(t->sampler, &t->view, now_ns(), &t->frame);
	ask_guard(t);
	ask_tcp(t);
	top_sort(&t->frame, t->look.key);
}

static int say_why(const struct top *t, char *why)
{
	int code = maps_fail(t->ctl, why);

	free(why);
	return code;
}

/* ---- lines ---- */

static void sleep_until(uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / SECOND), .tv_nsec = (long)(ns % SECOND) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/* False: nobody reads any more. */
static bool print_frame(struct top *t, bool first)
{
	char when[32];
	time_t s = (time_t)(t->frame.realtime / SECOND);
	struct tm tm;

	if (t->ctl->json) {
		struct json_object *o = top_json(&t->frame);

		puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(o);
	} else {
		_cleanup_free_ char *text = top_text(&t->frame, &t->look);

		localtime_r(&s, &tm);
		strftime(when, sizeof(when), "%F %T", &tm);
		printf("%s%s  %s", first ? "" : "\n", when, text ?: "");
	}
	return !fflush(stdout);
}

static int run_lines(struct top *t)
{
	uint64_t step = (uint64_t)(t->look.interval * (double)SECOND), at = now_ns();
	char *why = begin(t);
	bool first = true;

	if (why)
		return say_why(t, why);
	look_at(t);
	while (t->count--) {
		at += step;
		if (at < now_ns()) /* this machine is busy: no frames in a hurry */
			at = now_ns();
		sleep_until(at);
		look_at(t);
		if (!print_frame(t, first))
			return EXIT_OK;
		first = false;
		if (!t->frame.alive)
			return fail(EXIT_NOT_RUNNING, "The server has ended.");
	}
	return EXIT_OK;
}

/* ---- the screen ---- */

/* One write: no half of a frame is ever seen, and nothing is cleared that is drawn again. */
static bool draw(struct top *t)
{
	_cleanup_free_ char *text = NULL, *out = NULL;
	size_t size = 0;
	FILE *f;

	term_size(&t->look.rows, &t->look.cols);
	text = top_text(&t->frame, &t->look);
	f = open_memstream(&out, &size);
	if (!text || !f)
		return false;
	/* Each line is cleared before it is written: behind a full one, that takes its last cell.
	 */
	fputs("\033[H\033[K", f);
	for (const char *p = text; *p; p++)
		fputs(*p == '\n' ? "\r\n\033[K" : (char[]) { *p, 0 }, f);
	fclose(f);
	return term_write(out, size);
}

static double next_interval(double now, int direction)
{
	static const double steps[] = { 0.5, 1, 2, 5, 10, 30, 60 };
	double best = now;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (direction > 0 && steps[i] > now)
			return steps[i];
		if (direction < 0 && steps[i] < now)
			best = steps[i];
	}
	return best;
}

enum after_key { KEY_DRAW, KEY_LOOK, KEY_QUIT, KEY_NOTHING };

static enum after_key sort_by(struct top *t, int key)
{
	t->look.key = (enum top_key)((key + TOP_KEYS) % TOP_KEYS);
	top_sort(&t->frame, t->look.key);
	return KEY_DRAW;
}

static enum after_key sort_key(struct top *t, int key)
{
	static const char letters[TOP_KEYS + 1] = "oblen";
	const char *p = key < 128 && key > 0 ? strchr(letters, key) : NULL;

	if (p)
		return sort_by(t, (int)(p - letters));
	if (key == KEY_RIGHT)
		return sort_by(t, (int)t->look.key + 1);
	if (key == KEY_LEFT)
		return sort_by(t, (int)t->look.key - 1);
	return KEY_NOTHING;
}

static enum after_key take_key(struct top *t, int key)
{
	struct top_look *l = &t->look;

	switch (key) {
	case 'q':
	case 'Q':
		return KEY_QUIT;
	case KEY_ESCAPE:
		if (!l->help)
			return KEY_NOTHING;
		/* fall through */
	case 'h':
	case '?':
		l->help = !l->help;
		return KEY_DRAW;
	case 'p':
		l->paused = !l->paused;
		return KEY_DRAW;
	case ' ':
		return KEY_LOOK;
	case '+':
	case '-':
		l->interval = next_interval(l->interval, key == '+' ? 1 : -1);
		return KEY_DRAW;
	}
	if (key >= '0' && key < '0' + TOP_TABLES) {
		l->table = (enum top_table)(key - '0');
		l->help = false;
		return KEY_DRAW;
	}
	return sort_key(t, key);
}

/* Another frame; a server that has ended is waited for. */
static void next_frame(struct top *t)
{
	char *why;

	if (t->open && !t->frame.alive)
		forget(t);
	why = begin(t);
	if (!why)
		look_at(t);
	free(why);
	t->look.note = t->frame.alive ? NULL : "q quit   waiting for the server to start again";
}

static int end_of_screen(int sig)
{
	term_leave();
	if (sig && sig != SIGINT)
		return 128 + sig;
	return EXIT_OK;
}

static int run_screen(struct top *t)
{
	uint64_t next = now_ns() + FIRST_LOOK;
	char *why = begin(t);
	int err, key = 0;

	if (why)
		return say_why(t, why);
	look_at(t);
	err = term_enter();
	if (err)
		return fail(EXIT_REFUSED, "The terminal: %s.", strerror(-err));
	if (!draw(t))
		return end_of_screen(0);
	for (;;) {
		enum term_event e = term_wait(t->look.paused ? UINT64_MAX : next, &key);
		enum after_key k = e == TERM_KEY ? take_key(t, key) : KEY_DRAW;

		if (e == TERM_END || k == KEY_QUIT)
			return end_of_screen(e == TERM_END ? key : 0);
		if (k == KEY_NOTHING)
			continue;
		if (e == TERM_TIMEOUT || k == KEY_LOOK) {
			if (!t->count--)
				return end_of_screen(0);
			next_frame(t);
			next = now_ns() + (uint64_t)(t->look.interval * (double)SECOND);
		}
		if (!draw(t))
			return end_of_screen(0);
	}
}

/* ---- options ---- */

static bool parse_number(const char *s, double *v)
{
	char *end;

	*v = strtod(s, &end);
	return end != s && !*end;
}

static int parse_options(struct top *t, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "sort", required_argument, NULL, 's' },
		{ NULL },
	};
	double v;
	int o;

	while ((o = getopt_long(argc, argv, "i:n:js:", longs, NULL)) >= 0) {
		switch (o) {
		case 'i':
			if (!parse_number(optarg, &v) || !(v >= INTERVAL_MIN && v <= INTERVAL_MAX))
				return usage(argv[0], "-i takes seconds, 0.1 to 3600.");
			t->look.interval = v;
			break;
		case 'n':
			if (!parse_number(optarg, &v) || !(v >= 1 && v <= 1e15) ||
			    v != (double)(uint64_t)v)
				return usage(argv[0], "-n takes a number of frames, 1 or more.");
			t->count = (uint64_t)v;
			break;
		case 'j':
			t->ctl->json = true;
			break;
		case 's':
			for (t->look.key = 0; t->look.key < TOP_KEYS; t->look.key++)
				if (!strcmp(optarg, top_key_names[t->look.key]))
					break;
			if (t->look.key == TOP_KEYS)
				return usage(argv[0],
					     "-s takes ops, bytes, latency, errors or name.");
			break;
		default:
			return usage(argv[0], "top has no option %s, or it lacks its argument.",
				     argv[optind - 1]);
		}
	}
	if (optind < argc)
		return usage(argv[0], "top takes no argument.");
	return EXIT_OK;
}

int cmd_top(struct ctl *ctl, int argc, char **argv)
{
	struct top t = { .ctl = ctl, .count = UINT64_MAX, .look = { .interval = 1 } };
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	int rc = parse_options(&t, argc, argv);
	bool screen;

	if (!rc && ctl_load(ctl, LOAD_OR_EMPTY))
		rc = EXIT_REFUSED;
	if (rc)
		return rc;
	screen = !ctl->json && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
	t.look.colour = screen && !(no_color && *no_color);
	signal(SIGPIPE, SIG_IGN);
	rc = screen ? run_screen(&t) : run_lines(&t);
	forget(&t);
	top_frame_free(&t.frame);
	return rc;
}
