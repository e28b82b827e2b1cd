/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * value_guard.c - values of the guard's options: rates, times, CPUs.
 */
#include <ctype.h>
#include <strings.h>

#include "config/options.h"

/* A number of at most UINT32_MAX, from *s on. */
static bool take_number(const char **s, uint32_t *v)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)**s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++) {
		n = n * 10 + (uint64_t)(**s - '0');
		if (n > UINT32_MAX)
			return false;
	}
	*v = (uint32_t)n;
	return true;
}

static void skip_space(const char **s)
{
	while (isspace((unsigned char)**s))
		(*s)++;
}

/* One of the words that `words` separates by '|', as a whole word. */
static bool take_word(const char **s, const char *words)
{
	size_t len = 0, n;

	skip_space(s);
	while (isalpha((unsigned char)(*s)[len]))
		len++;
	for (const char *w = words; len; w += n + 1) {
		n = strcspn(w, "|");
		if (n == len && !strncasecmp(*s, w, n)) {
			*s += len;
			return true;
		}
		if (!w[n])
			break;
	}
	return false;
}

/* "90", "90 s", "15 min", "2h", "1 day" */
static bool take_time(const char **s, uint32_t *seconds)
{
	static const struct {
		const char *words;
		uint32_t s;
	} units[] = {
		{ "s|sec|second|seconds", 1 },
		{ "m|min|minute|minutes", 60 },
		{ "h|hour|hours", 3600 },
		{ "d|day|days", 86400 },
	};
	uint64_t v;
	uint32_t n;

	skip_space(s);
	if (!take_number(s, &n))
		return false;
	v = n;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (take_word(s, units[i].words)) {
			v *= units[i].s;
			break;
		}
	*seconds = (uint32_t)v;
	return v <= UINT32_MAX;
}

int conf_parse_time(const char *text, uint32_t *seconds)
{
	if (!take_time(&text, seconds))
		return -EINVAL;
	skip_space(&text);
	return *text ? -EINVAL : 0;
}

const char *conf_parse_rate(const char *text, struct conf_rate *out)
{
	static const char how[] = "is \"N/second\" or \"N/second burst M\", or empty";
	const char *s = text;
	struct conf_rate r = { 0 };

	skip_space(&s);
	if (!*s || !strcasecmp(s, "no") || !strcmp(s, "0")) {
		*out = r;
		return NULL;
	}
	if (!take_number(&s, &r.per_second))
		return how;
	skip_space(&s);
	if (*s == '/') {
		s++;
		if (!take_word(&s, "s|sec|second"))
			return how;
	}
	r.burst = r.per_second;
	if (take_word(&s, "burst")) {
		skip_space(&s);
		if (!take_number(&s, &r.burst))
			return how;
	}
	skip_space(&s);
	if (*s)
		return how;
	if (!r.per_second || !r.burst || r.per_second > 1000000 || r.burst > 1000000)
		return "has numbers from 1 to 1000000";
	*out = r;
	return NULL;
}

const char *conf_parse_auth_block(const char *text, struct conf_auth_block *out)
{
	static const char how[] = "is \"N failures in TIME for TIME\", such as \"10 failures in 60 "
				  "s for 15 min\", or no";
	struct conf_auth_block b = { 0 };
	const char *s = text;

	skip_space(&s);
	if (!*s || !strcasecmp(s, "no")) {
		*out = b;
		return NULL;
	}
	if (!take_number(&s, &b.failures))
		return how;
	(void)take_word(&s, "failure|failures");
	if (!take_word(&s, "in") || !take_time(&s, &b.window))
		return how;
	if (!take_word(&s, "for") || !take_time(&s, &b.duration))
		return how;
	skip_space(&s);
	if (*s)
		return how;
	if (!b.failures || b.failures > CONF_AUTH_FAILURES_MAX)
		return "has 1 to 100 failures";
	if (!b.window || !b.duration || b.window > 86400)
		return "has times above 0, the first of at most a day";
	*out = b;
	return NULL;
}

static bool take_cpus(const char *s, uint32_t *first, uint32_t *last)
{
	if (!take_number(&s, first))
		return false;
	*last = *first;
	if (*s == '-') {
		s++;
		if (!take_number(&s, last))
			return false;
	}
	return !*s && *first <= *last && *last < 65536;
}

bool conf_cpus_ok(const struct conf_list *l, const char **bad)
{
	uint32_t first, last;

	for (unsigned int i = 0; i < l->n; i++)
		if (!take_cpus(l->v[i], &first, &last)) {
			*bad = l->v[i];
			return false;
		}
	return true;
}

unsigned int conf_cpus(const struct conf_list *l, uint16_t *out, unsigned int max)
{
	uint32_t first, last;
	unsigned int n = 0;

	for (unsigned int i = 0; i < l->n; i++)
		if (take_cpus(l->v[i], &first, &last))
			for (uint32_t c = first; c <= last && n < max; c++)
				out[n++] = (uint16_t)c;
	return n;
}
