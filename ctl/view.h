/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view.h - the pinned maps of a server, as a reader sees them (core/view.h). Nothing is asked of
 * the server: it may be busy, stopped, or its process gone while the pins are still there.
 */
#ifndef KH_VIEW_H
#define KH_VIEW_H

#include "core/view.h"

/*
 * Maps them read-only, until view_close(). NULL, and v is to be closed; or a sentence that the
 * caller frees: no maps (the server runs without BPF, or not at all), no right to them.
 */
char *view_open(struct view *v, const char *instance);
void view_close(struct view *v);
/*
 * Who may only read the pins (`bpf group`) has a copy of them, as mapping wants the right to write:
 * this takes another. Nothing to do for others. 0 or -errno.
 */
int view_refresh(struct view *v);
/* False: the pins are a dead server's (its process is gone, or the pid is another program's). */
bool view_alive(const struct view *v);

#endif /* KH_VIEW_H */
