// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crowd.c - many connections at once, each with a file that is read and written, and their ends: an
 * orderly one, one in the middle of a frame, a reset, or silence in the middle of a frame.
 */
#include "parity.h"

#include <stdio.h>
#include <sys/socket.h>

enum end { END_CLOSE, END_HALF, END_RESET, END_SILENCE, ENDS };

static bool answered(struct side *s, struct step *st)
{
	struct wire *w = &s->wire[0];
	uint64_t until = now_ns() + 20000000000ull;
	struct answer *a = NULL;

	step_send(s, st);
	while (!w->closed && now_ns() < until && !(a = answer_find(w, s->last_mid[0], true)))
		wire_take(w, 100);
	if (!a || a->h.status) {
		fprintf(stderr, "parity: crowd: %s\n",
			w->closed ? "connection closed"
			: a	  ? nt_name(a->h.status)
				  : "no answer");
		return false;
	}
	if (st->command == SMB2_CREATE) {
		struct smb2_rd r = rd_init(a->p, a->len);

		rd_skip(&r, SMB2_HDR_SIZE + 64);
		s->fid[0] = rd_fid(&r);
	}
	answers_clear(w);
	s->nexpected[0] = 0;
	return true;
}

/* One comes, and works until it is on the kernel path. */
static bool arrive(struct side *s, const struct manner *m, unsigned int number)
{
	char name[32];
	struct step create = { .kind = STEP_COMMAND,
			       .command = SMB2_CREATE,
			       .name = name,
			       .access = 0x001F01FF,
			       .disposition = FILE_OVERWRITE_IF };

	snprintf(name, sizeof(name), "crowd%u", number % 50);
	if (!wire_login(&s->wire[0], s->port, m, &parity_as))
		return false;
	s->up[0] = true;
	if (!answered(s, &create))
		return false;
	for (unsigned int i = 0; i < 6; i++) {
		struct step st = { .kind = STEP_COMMAND,
				   .command = i < 3 ? SMB2_WRITE : SMB2_READ,
				   .length = 4096,
				   .offset = (uint64_t)(i % 3) * 4096,
				   .seed = number % 50 };

		if (!answered(s, &st))
			return false;
	}
	return true;
}

static void leave(struct side *s, enum end how)
{
	struct step st = { .kind = STEP_CUT, .command = SMB2_WRITE, .length = 50000 };
	struct linger now = { 1, 0 };

	if (how == END_HALF || how == END_SILENCE)
		step_send(s, &st);
	if (how == END_RESET)
		setsockopt(s->wire[0].fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (how != END_SILENCE)
		wire_free(&s->wire[0]);
}

bool crowd(const struct side *to, const struct manner *m, unsigned int n, unsigned int silent_ms)
{
	_cleanup_free_ struct side *all = xcalloc(n, sizeof(*all));
	unsigned int i;
	bool good = true;

	for (i = 0; i < n && good; i++) {
		all[i].port = to->port;
		all[i].share = to->share;
		all[i].wire[0].fd = all[i].wire[1].fd = -1;
		good = arrive(&all[i], m, i);
		free(steal_ptr(&all[i].frame));
	}
	n = i;
	/* So that they can be counted: all for a moment, then those that keep silent. */
	usleep(MIN(silent_ms, 1000u) * 1000);
	for (i = 0; i < n; i++)
		leave(&all[i], i % ENDS);
	usleep((silent_ms - MIN(silent_ms, 1000u)) * 1000);
	for (i = 0; i < n; i++) {
		wire_free(&all[i].wire[0]);
		free(all[i].frame);
		free(all[i].rest);
	}
	return good;
}
