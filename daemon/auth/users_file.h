/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * users_file.h - a line of ksmbdpwd.db; private to users.c and users_edit.c.
 */
#ifndef KH_USERS_FILE_H
#define KH_USERS_FILE_H

#include "auth/users.h"

#define USERS_FILE_MAX	 (16u << 20)
#define USERS_MAP_SUFFIX ".map"

/* The line [s, end) as an account (name and hash only); false when it is none. */
bool users_parse_line(const char *s, const char *end, struct account *a);

#endif /* KH_USERS_FILE_H */
