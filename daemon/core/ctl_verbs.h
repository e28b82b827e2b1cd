/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_verbs.h - verbs of the control socket, registered by main.c (core/control.h). */
#ifndef KH_CTL_VERBS_H
#define KH_CTL_VERBS_H

#include <json-c/json.h>

struct conf;

/* ---- core/ctl_close.c ---- */

char *close_verb(void *arg, struct json_object *request, struct json_object *reply);

/* ---- core/ctl_debug.c ---- */

char *debug_verb(void *arg, struct json_object *request, struct json_object *reply);
/*
 * What c wants of debug lines; old NULL: at start. A reload that changes nothing of it leaves what
 * the verb switched.
 */
void debug_configure(const struct conf *c, const struct conf *old);

/* ---- core/ctl_trace.c; arg: the struct control ---- */

char *trace_verb(void *arg, struct json_object *request, struct json_object *reply);

/* ---- core/status.c ---- */

char *status_verb(void *arg, struct json_object *request, struct json_object *reply);

#endif /* KH_CTL_VERBS_H */
