/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tune.h - the parts of the verb `tune`: who serves (tune_server.c), what is shown (tune_show.c).
 */
#ifndef KH_TUNE_H
#define KH_TUNE_H

#include "ctl.h"
#include "nic.h"

/* ---- tune_server.c ---- */

/*
 * running, reactors, steering, from the maps or else the control socket, or from the configuration
 * when no server runs. f->online is there. *listeners: "0.0.0.0:445 [::1]:445" (caller frees).
 * Returns the process of the server; 0: it does not run.
 */
pid_t tune_server(const struct ctl *ctl, struct tune_facts *f, char **listeners);

/*
 * Goes to the network namespace of that process (0: of none) if it is another one, and mounts the
 * /sys that belongs to where it is; for the rest of this process, for nobody else. NULL or why not
 * (caller frees).
 */
char *tune_enter_netns(pid_t pid);

/* ---- tune_show.c ---- */

struct json_object *tune_json(const struct tune_facts *f, const struct plan *p);
void tune_print(const struct ctl *ctl, const struct tune_facts *f, const struct plan *p);
void tune_print_log(const struct ctl *ctl, const struct tune_log *log, const char *nothing);

#endif /* KH_TUNE_H */
