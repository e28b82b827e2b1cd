// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * interface.c - the words of `interfaces`: which network interfaces, and what a client is to
 * believe of them, as Samba writes it: "ADDRESS;speed=BITS,capability=RSS,if_index=N".
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/options.h"

static void report(struct conf_lexer *lx, const struct conf *c, const char *word, const char *what)
{
	conf_report(lx, CONF_WARNING, c->file, 0, "interfaces: %.80s: %s", word, what);
}

static bool number(const char *s, uint64_t *v)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	*v = strtoull(s, &end, 0);
	return !*end;
}

/* One "key=value". False: what is that? */
static bool attribute(struct conf_interface *i, const char *text)
{
	const char *value = strchr(text, '=');
	size_t len;
	uint64_t n;

	if (!value)
		return false;
	len = (size_t)(value++ - text);
	if (len == 5 && !strncasecmp(text, "speed", len))
		return number(value, &i->speed);
	if (len == 8 && !strncasecmp(text, "if_index", len)) {
		if (!number(value, &n) || n > UINT32_MAX)
			return false;
		i->index = (uint32_t)n;
		return true;
	}
	if (len != 10 || strncasecmp(text, "capability", len) != 0)
		return false;
	i->capability_given = true;
	i->rss = i->rss || !strcasecmp(value, "RSS");
	return !strcasecmp(value, "RSS") || !strcasecmp(value, "none");
}

void conf_interfaces_finish(struct conf_lexer *lx, struct conf *c)
{
	struct conf_interface *v;

	c->ninterfaces = c->interfaces.n;
	c->interface = v = conf_arena_alloc(c->arena, (c->ninterfaces + 1) * sizeof(*v));
	for (unsigned int k = 0; k < c->ninterfaces; k++) {
		const char *word = c->interfaces.v[k];
		size_t len = strcspn(word, ";");
		char *rest = conf_arena_strndup(c->arena, word + len, strlen(word + len)), *save;

		v[k].name = conf_arena_strndup(c->arena, word, len);
		for (char *a = strtok_r(rest, ";,", &save); a; a = strtok_r(NULL, ";,", &save))
			if (!attribute(&v[k], a))
				report(lx, c, a,
				       "is ignored; what counts is speed=BITS, capability=RSS and "
				       "if_index=N");
	}
}

bool conf_interface_is(const struct conf_interface *i, const char *name, const struct sockaddr *sa)
{
	struct conf_list one = { (char *[]) { (char *)(uintptr_t)i->name, NULL }, 1 };

	return fnmatch(i->name, name, 0) == 0 || conf_host_in_list(&one, sa);
}

const struct conf_interface *conf_interface_find(const struct conf *c, const char *name,
						 const struct sockaddr *sa)
{
	for (unsigned int k = 0; k < c->ninterfaces; k++)
		if (conf_interface_is(&c->interface[k], name, sa))
			return &c->interface[k];
	return NULL;
}
