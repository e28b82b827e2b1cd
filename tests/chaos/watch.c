// SPDX-License-Identifier: GPL-2.0-or-later
/* watch.c - CHANGE_NOTIFY: who watched before a file was created has to hear of it. */
#include "chaos.h"

void watch_done(struct request *q, const struct answer *a)
{
	q->open->told_by = 0;
	if (a && !q->cancelled_at && q->open->certain && a->h.status != NT_STATUS_SUCCESS &&
	    a->h.status != NT_STATUS_NOTIFY_ENUM_DIR &&
	    a->h.status != NT_STATUS_INSUFFICIENT_RESOURCES)
		violation(q->open->inode, "notify", "s%u: a watch ends with %s", q->session->n,
			  nt_name(a->h.status));
}

static bool is_in(const char *name, const char *dir, bool tree)
{
	const char *slash = strrchr(name, '/');
	size_t n = slash ? (size_t)(slash - name) : 0;

	return (tree && !*dir) || (strlen(dir) == n && strncmp(name, dir, n) == 0);
}

void watch_created(const char *name, uint64_t sent)
{
	struct request *q;

	if (!set.notify)
		return;
	for (struct link *l = links; l < links + LINKS_MAX; l++) {
		if (!l->session)
			continue;
		list_for_each (q, &l->requests, node)
			if (q->command == SMB2_CHANGE_NOTIFY && q->pending_at &&
			    q->pending_at < sent && !q->cancelled_at && q->open->certain &&
			    is_in(name, q->open->name, q->id))
				q->open->told_by = q->must_answer =
					MIN(q->must_answer, now + set.grace_ns);
	}
}
