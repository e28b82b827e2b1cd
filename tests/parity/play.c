// SPDX-License-Identifier: GPL-2.0-or-later
/* play.c - a sequence to both sides, and what to do when they differ: shorten it. */
#include "parity.h"

#include "core/control.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#define QUIET_MS 25 /* after bytes that may not have an answer */

/* ---- waiting ---- */

static size_t count_answers(const struct wire *w, uint64_t mid)
{
	size_t n = 0;

	for (size_t i = 0; i < w->nanswers; i++)
		n += w->answers[i].h.message_id == mid;
	return n;
}

/* Does one side have what the other lacks? */
static bool one_sided(const struct wire *a, const struct wire *b)
{
	if (a->closed != b->closed)
		return true;
	for (size_t i = 0; i < a->nanswers; i++) {
		uint64_t mid = a->answers[i].h.message_id;

		if (count_answers(a, mid) != count_answers(b, mid))
			return true;
	}
	return false;
}

static bool all_expected(struct side *s, unsigned int link, bool final)
{
	struct wire *w = &s->wire[link];

	for (unsigned int i = 0; i < s->nexpected[link] && !w->closed; i++)
		if (!answer_find(w, s->expected[link][i], final))
			return false;
	return true;
}

static bool settled(struct play *p, bool final)
{
	for (unsigned int l = 0; l < LINKS; l++) {
		struct wire *a = &p->side[0].wire[l], *b = &p->side[1].wire[l];

		if (!p->side[0].up[l])
			continue;
		if (!all_expected(&p->side[0], l, final) || !all_expected(&p->side[1], l, final) ||
		    one_sided(a, b) || one_sided(b, a))
			return false;
	}
	return true;
}

/* Waits for any of them at most so long. */
static void take_all(struct play *p, int timeout_ms)
{
	struct pollfd fds[SIDES * LINKS];
	struct wire *wires[SIDES * LINKS];
	nfds_t n = 0;

	for (unsigned int i = 0; i < SIDES; i++)
		for (unsigned int l = 0; l < LINKS; l++) {
			if (!p->side[i].up[l] || p->side[i].wire[l].closed)
				continue;
			wires[n] = &p->side[i].wire[l];
			fds[n++] = (struct pollfd) { p->side[i].wire[l].fd, POLLIN, 0 };
		}
	if (poll(fds, n, timeout_ms) <= 0)
		return;
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents)
			wire_take(wires[i], 0);
}

/* Waits until both sides have said what they have to say, quiet_ms at least. */
static void settle(struct play *p, bool final, int quiet_ms)
{
	uint64_t now = now_ns(), least = now + (uint64_t)quiet_ms * 1000000u;
	uint64_t until = now + (uint64_t)p->timeout_ms * 1000000u;

	take_all(p, 0);
	while ((now < least || !settled(p, final)) && now < until) {
		take_all(p, 10);
		now = now_ns();
	}
}

/* ---- comparing ---- */

static struct answer *nth_answer(struct wire *w, uint64_t mid, size_t n)
{
	for (size_t i = 0; i < w->nanswers; i++)
		if (w->answers[i].h.message_id == mid && n-- == 0)
			return &w->answers[i];
	return NULL;
}

static bool seen_before(const struct wire *w, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (w->answers[k].h.message_id == w->answers[i].h.message_id)
			return true;
	return false;
}

static void learn_fids(struct side *s, unsigned int link)
{
	const struct wire *w = &s->wire[link];

	for (size_t i = 0; i < w->nanswers; i++) {
		const struct answer *a = &w->answers[i];
		struct smb2_rd r = rd_init(a->p, a->len);
		struct smb2_fid f;

		rd_skip(&r, SMB2_HDR_SIZE + 64);
		f = rd_fid(&r);
		if (a->h.command != SMB2_CREATE || a->h.status || !rd_ok(&r))
			continue;
		for (unsigned int k = 0; k < FILES; k++)
			if (s->created[k] == a->h.message_id * LINKS + link)
				s->fid[k] = f;
	}
}

static void compare_mid(struct compare *c, struct wire *a, struct wire *b, uint64_t mid)
{
	size_t n = MAX(count_answers(a, mid), count_answers(b, mid));

	for (size_t i = 0; i < MAX(n, 1); i++)
		compare_answers(c, mid, nth_answer(a, mid, i), nth_answer(b, mid, i));
}

static void compare_link(struct compare *c)
{
	struct side *x = c->side[0], *y = c->side[1];
	struct wire *a = &x->wire[c->link], *b = &y->wire[c->link];

	for (size_t i = 0; i < a->nanswers; i++)
		if (!seen_before(a, i))
			compare_mid(c, a, b, a->answers[i].h.message_id);
	for (size_t i = 0; i < b->nanswers; i++)
		if (!seen_before(b, i) && !count_answers(a, b->answers[i].h.message_id))
			compare_mid(c, a, b, b->answers[i].h.message_id);
	if (a->closed != b->closed)
		compare_note(c, "connection", a->closed ? "closed" : "open",
			     b->closed ? "closed" : "open");
	if (a->broken || b->broken)
		compare_note(c, "answers", a->broken ? a->broken : "well formed",
			     b->broken ? b->broken : "well formed");
	learn_fids(x, c->link);
	learn_fids(y, c->link);
}

static const char *want_word(uint64_t want)
{
	return want == WANT_CLOSED ? "closed" : nt_name((ntstatus)want);
}

/* The script says what the answer to the last request of the step is. */
static void compare_want(struct compare *c, const struct step *st)
{
	struct side *s = c->side[0];
	struct wire *w = &s->wire[st->link];
	struct answer *a = answer_find(w, s->last_mid[st->link], st->flags & F_FINAL);
	const char *got = w->closed ? "closed" : a ? nt_name(a->h.status) : "no answer";

	if (!st->want ||
	    (st->want == WANT_CLOSED ? w->closed : a && a->h.status == (ntstatus)st->want))
		return;
	compare_note(c, "want", want_word(st->want), got);
}

static void compare_step(struct play *p, struct compare *c, const struct step *st)
{
	for (c->link = 0; c->link < LINKS; c->link++)
		if (p->side[0].up[c->link])
			compare_link(c);
	c->link = st->link;
	if (p->scripted)
		compare_want(c, st);
	for (unsigned int i = 0; i < SIDES; i++)
		for (unsigned int l = 0; l < LINKS; l++)
			if (p->side[i].up[l]) {
				answers_clear(&p->side[i].wire[l]);
				p->side[i].nexpected[l] = 0;
			}
}

/* ---- which path ---- */

static const char *path_of(struct json_object *conns, const char *address)
{
	for (size_t i = 0; i < json_object_array_length(conns); i++) {
		struct json_object *o = json_object_array_get_idx(conns, i), *v;

		if (json_object_object_get_ex(o, "client", &v) &&
		    strcmp(json_object_get_string(v), address) == 0 &&
		    (json_object_object_get_ex(o, "path", &v) ||
		     json_object_object_get_ex(o, "plane", &v)))
			return json_object_get_string(v);
	}
	return "not in status";
}

/* The path as `status` has it, into buf. */
static bool on_kernel_path(const struct side *s, unsigned int link, char *buf, size_t size)
{
	struct json_object *request = json_object_new_object(), *reply = NULL, *conns;

	json_object_object_add(request, "verb", json_object_new_string("status"));
	snprintf(buf, size, "no status");
	if (control_call(s->run_dir, request, 20000, &reply) == 0 &&
	    json_object_object_get_ex(reply, "connections", &conns))
		snprintf(buf, size, "%s", path_of(conns, s->wire[link].address));
	json_object_put(request);
	json_object_put(reply);
	return strcmp(buf, "kernel") == 0;
}

/* A connection changes hands right behind the answer that made it wanted: a moment is given. */
static void check_path(struct play *p, struct compare *c, const struct step *st)
{
	char word[128];

	if (!p->kernel || p->side[0].wire[st->link].closed)
		return;
	for (unsigned int us = 2000; us < 500000; us *= 2) {
		if (on_kernel_path(&p->side[0], st->link, word, sizeof(word)))
			return;
		usleep(us);
	}
	compare_note(c, "path of the connection", word, "(kernel is wanted)");
}

/* ---- files on disk ---- */

static void *slurp(const struct side *s, const char *name, size_t *n)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", s->share, name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *p;

	*n = 0;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > 64 << 20)
		return NULL;
	p = xmalloc((size_t)st.st_size + 1);
	while (*n < (size_t)st.st_size) {
		ssize_t r = pread(fd, p + *n, (size_t)st.st_size - *n, (off_t)*n);

		if (r <= 0)
			break;
		*n += (size_t)r;
	}
	return p;
}

static void compare_file(struct compare *c, const char *name)
{
	size_t an, bn, at = 0;
	_cleanup_free_ uint8_t *a = slurp(c->side[0], name, &an);
	_cleanup_free_ uint8_t *b = slurp(c->side[1], name, &bn);
	char xs[64], ys[64];

	if (!a && !b)
		return;
	if (a && b && an == bn && memcmp(a, b, an) == 0)
		return;
	while (a && b && at < MIN(an, bn) && a[at] == b[at])
		at++;
	snprintf(xs, sizeof(xs), a ? "%zu bytes" : "missing", an);
	snprintf(ys, sizeof(ys), b ? "%zu bytes, differs at %zu" : "missing", bn, at);
	compare_note(c, name, xs, ys);
}

static void compare_files(struct compare *c, const struct step *st, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool again = false;

		if (st[i].kind != STEP_COMMAND || st[i].command != SMB2_CREATE)
			continue;
		for (size_t k = 0; k < i && !again; k++)
			again = st[k].name && strcmp(st[k].name, st[i].name) == 0;
		if (!again)
			compare_file(c, st[i].name);
	}
}

/* ---- playing ---- */

static bool bring_up(struct play *p, unsigned int link)
{
	for (unsigned int i = 0; i < SIDES; i++) {
		struct side *s = &p->side[i];

		if (s->up[link])
			continue;
		if (!wire_login(&s->wire[link], s->port, &p->m, &parity_as))
			return false;
		s->up[link] = true;
	}
	return true;
}

static void take_down(struct play *p)
{
	for (unsigned int i = 0; i < SIDES; i++) {
		struct side *s = &p->side[i];

		for (unsigned int l = 0; l < LINKS; l++) {
			if (s->up[l])
				wire_free(&s->wire[l]);
			s->up[l] = false;
			s->nexpected[l] = 0;
		}
		memset(s->fid, 0xFE, sizeof(s->fid));
		memset(s->created, 0xFF, sizeof(s->created));
		s->frame_len = 0;
		s->rest_len = 0;
	}
}

/* What an earlier sequence left, that differed perhaps. */
static void remove_files(const struct side *s, const struct step *st, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL;

		if (st[i].kind != STEP_COMMAND || st[i].command != SMB2_CREATE)
			continue;
		path = xasprintf("%s/%s", s->share, st[i].name);
		unlink(path);
	}
}

/* A step whose compound does not go on (any more) ends it; the last of a batch is waited for. */
static struct step normalized(const struct step *st, size_t i, size_t n)
{
	struct step s = st[i];

	if (i + 1 == n || st[i + 1].kind != STEP_COMMAND || st[i + 1].link != s.link)
		s.flags &= ~F_MORE;
	if (i + 1 == n || st[i + 1].batch != s.batch)
		s.flags &= ~F_NO_WAIT;
	return s;
}

static void play_step(struct play *p, struct compare *c, const struct step *st)
{
	bool raw = st->kind >= STEP_BYTES && st->kind <= STEP_SEALED_MESSAGE;

	if (st->kind == STEP_PATH)
		check_path(p, c, st);
	if (st->kind == STEP_PAUSE)
		usleep(st->length * 1000);
	for (unsigned int i = 0; i < SIDES; i++)
		step_send(&p->side[i], st);
	p->requests += st->kind == STEP_COMMAND;
	if (st->flags & (F_MORE | F_NO_WAIT))
		return;
	if (st->want == WANT_CLOSED || st->flags & (F_OLD_MID | F_FAR_MID))
		raw = true;
	settle(p, st->flags & F_FINAL, raw ? QUIET_MS : 0);
	compare_step(p, c, st);
}

char *play(struct play *p, const struct step *st, size_t n, size_t *at)
{
	struct compare c = { { &p->side[0], &p->side[1] } };
	size_t i;

	take_down(p);
	for (i = 0; i < SIDES; i++)
		remove_files(&p->side[i], st, n);
	for (i = 0; i < n && !c.text; i++) {
		struct step s = normalized(st, i, n);

		*at = i;
		if (!bring_up(p, s.link)) {
			compare_note(&c, "login", "fails", "or fails here");
			break;
		}
		play_step(p, &c, &s);
	}
	if (!c.text) {
		*at = n ? n - 1 : 0;
		compare_files(&c, st, n);
	}
	take_down(p);
	return c.text;
}

/* ---- shortening ---- */

static void without(struct step *out, const struct step *st, size_t n, size_t from, size_t count)
{
	memcpy(out, st, from * sizeof(*st));
	memcpy(out + from, st + from + count, (n - from - count) * sizeof(*st));
}

char *shrink(struct play *p, struct step *st, size_t *n, char *text, unsigned int seconds)
{
	uint64_t until = now_ns() + seconds * 1000000000ull;
	_cleanup_free_ struct step *trial = xcalloc(*n, sizeof(*st));
	size_t chunk = *n / 2, at;
	int timeout = p->timeout_ms;
	bool kernel = p->kernel;

	/* Without the steps before, it is not on the kernel path: that is another difference. */
	p->kernel = strstr(text, "path of the connection");
	p->timeout_ms = MIN(timeout, 2000);
	while (chunk && now_ns() < until) {
		bool shorter = false;

		for (size_t from = 0; from + chunk <= *n && now_ns() < until;) {
			char *other;

			without(trial, st, *n, from, chunk);
			other = play(p, trial, *n - chunk, &at);
			if (!other) {
				from += chunk;
				continue;
			}
			free(text);
			text = other;
			*n = at + 1;
			memcpy(st, trial, *n * sizeof(*st));
			shorter = true;
		}
		if (!shorter || chunk > *n / 2)
			chunk = MIN(chunk / 2, *n / 2);
	}
	p->timeout_ms = timeout;
	p->kernel = kernel;
	return text;
}
