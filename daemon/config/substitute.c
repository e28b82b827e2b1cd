/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * substitute.c - % values in paths, lists and comments, put in when they are used.
 */
#include "config/config.h"

struct out {
	char *s;
	size_t n, cap;
};

static void put(struct out *o, const char *s, size_t n)
{
	if (o->n + n + 1 > o->cap) {
		o->cap = (o->n + n + 1) * 2;
		o->s = xrealloc(o->s, o->cap);
	}
	memcpy(o->s + o->n, s, n);
	o->n += n;
	o->s[o->n] = 0;
}

/* What a client chose stays one path component. */
static void put_foreign(struct out *o, const char *s)
{
	if (!s)
		return;
	if (!strcmp(s, ".") || !strcmp(s, "..")) {
		put(o, "_", 1);
		return;
	}
	for (; *s; s++)
		if (*s != '/' && (unsigned char)*s >= 0x20 && *s != 0x7f)
			put(o, s, 1);
}

static void put_ours(struct out *o, const char *s)
{
	if (s)
		put(o, s, strlen(s));
}

static void put_host(struct out *o, const char *host)
{
	char name[65] = "";

	if (!host)
		gethostname(name, sizeof(name) - 1);
	put_ours(o, host ? host : name);
}

static void put_time(struct out *o)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(text, sizeof(text), "%Y/%m/%d %H:%M:%S", localtime_r(&now, &tm));
	put_ours(o, text);
}

static void put_pid(struct out *o, unsigned int pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", pid ? pid : (unsigned int)getpid());
	put_ours(o, text);
}

/* false: not a letter that means something. */
static bool put_value(struct out *o, char letter, const struct conf_subst *v)
{
	switch (letter) {
	case 'U':
		put_foreign(o, v->user);
		return true;
	case 'u':
		put_foreign(o, v->unix_user);
		return true;
	case 'G':
		put_foreign(o, v->group);
		return true;
	case 'g':
		put_foreign(o, v->unix_group);
		return true;
	case 'H':
		put_ours(o, v->home);
		return true;
	case 'S':
		put_foreign(o, v->share);
		return true;
	case 'P':
		put_ours(o, v->path);
		return true;
	case 'D':
		put_foreign(o, v->domain);
		return true;
	case 'L':
		put_foreign(o, v->netbios);
		return true;
	case 'h':
		put_host(o, v->host);
		return true;
	case 'm':
		put_foreign(o, v->client_name ? v->client_name : v->client_ip);
		return true;
	case 'M':
	case 'I':
		put_foreign(o, v->client_ip);
		return true;
	case 'i':
		put_foreign(o, v->server_ip);
		return true;
	case 'R':
		put_ours(o, v->protocol);
		return true;
	case 'a':
		put_foreign(o, v->arch);
		return true;
	case 'd':
		put_pid(o, v->pid);
		return true;
	case 'T':
		put_time(o);
		return true;
	case 'v':
		put_ours(o, KH_VERSION);
		return true;
	case 'w':
		put(o, "\\", 1);
		return true;
	case '%':
		put(o, "%", 1);
		return true;
	}
	return false;
}

char *conf_substitute(const char *s, const struct conf_subst *v)
{
	struct out o = { 0 };

	put(&o, "", 0);
	while (*s) {
		size_t n = strcspn(s, "%");

		put(&o, s, n);
		s += n;
		if (!*s)
			break;
		if (s[1] == '$' && s[2] == '(' && strchr(s, ')')) {
			s = strchr(s, ')') + 1;
		} else if (s[1] && put_value(&o, s[1], v)) {
			s += 2;
		} else {
			put(&o, s, 1);
			s++;
		}
	}
	return o.s;
}

char *conf_share_path(const struct conf_share *s, const struct conf_subst *v)
{
	if (s->path)
		return conf_substitute(s->path, v);
	if (s->is_homes && v->home && *v->home)
		return xstrdup(v->home);
	return NULL;
}
