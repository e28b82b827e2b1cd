/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_verbs.h - verbs of the control socket, registered by main.c (core/control.h). */
#ifndef KH_CTL_VERBS_H
#define KH_CTL_VERBS_H

#include <json-c/json.h>

/* ---- core/ctl_close.c ---- */

char *close_verb(void *arg, struct json_object *request, struct json_object *reply);

#endif /* KH_CTL_VERBS_H */
