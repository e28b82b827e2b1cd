/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic_cpus.c - sets of CPUs: lists ("0-3,8") and masks ("ff,00000001") as the kernel writes them.
 */
#include <ctype.h>
#include <stdio.h>

#include "nic.h"

void cpus_add(struct cpus *s, unsigned int cpu)
{
	if (cpu < CPUS_MAX)
		s->w[cpu / 64] |= 1ull << cpu % 64;
}

bool cpus_has(const struct cpus *s, unsigned int cpu)
{
	return cpu < CPUS_MAX && s->w[cpu / 64] >> cpu % 64 & 1;
}

unsigned int cpus_count(const struct cpus *s)
{
	unsigned int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(s->w); i++)
		n += (unsigned int)__builtin_popcountll(s->w[i]);
	return n;
}

bool cpus_equal(const struct cpus *a, const struct cpus *b)
{
	return !memcmp(a, b, sizeof(*a));
}

int cpus_nth(const struct cpus *s, unsigned int n)
{
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++)
		if (cpus_has(s, cpu) && !n--)
			return (int)cpu;
	return -1;
}

/* A decimal number below CPUS_MAX; NULL: there is none. */
static const char *number(const char *p, unsigned int *v)
{
	*v = 0;
	if (!isdigit((unsigned char)*p))
		return NULL;
	for (; isdigit((unsigned char)*p); p++) {
		*v = *v * 10 + (unsigned int)(*p - '0');
		if (*v >= CPUS_MAX)
			return NULL;
	}
	return p;
}

bool cpus_parse_list(struct cpus *s, const char *text)
{
	const char *p = text;

	memset(s, 0, sizeof(*s));
	while (*p && !isspace((unsigned char)*p)) {
		unsigned int first, last;

		p = number(p, &first);
		if (!p)
			return false;
		last = first;
		if (*p == '-') {
			p = number(p + 1, &last);
			if (!p || last < first)
				return false;
		}
		for (; first <= last; first++)
			cpus_add(s, first);
		if (*p == ',')
			p++;
		else if (*p && !isspace((unsigned char)*p))
			return false;
	}
	return true;
}

bool cpus_parse_mask(struct cpus *s, const char *text)
{
	size_t n = strcspn(text, " \t\r\n");
	unsigned int bit = 0;

	memset(s, 0, sizeof(*s));
	while (n--) {
		unsigned int v;

		if (text[n] == ',')
			continue;
		if (!isxdigit((unsigned char)text[n]))
			return false;
		v = isdigit((unsigned char)text[n]) ? (unsigned int)(text[n] - '0')
						    : (unsigned int)((text[n] | 32) - 'a' + 10);
		if (bit + 4 > CPUS_MAX) {
			if (v)
				return false;
			continue;
		}
		s->w[bit / 64] |= (uint64_t)v << bit % 64;
		bit += 4;
	}
	return true;
}

char *cpus_list(const struct cpus *s)
{
	char *text = xstrdup("");

	for (unsigned int i = 0; i < CPUS_MAX; i++) {
		unsigned int last = i;
		char *longer;

		if (!cpus_has(s, i))
			continue;
		while (cpus_has(s, last + 1))
			last++;
		longer = xasprintf(last == i ? "%s%s%u" : "%s%s%u-%u", text, *text ? "," : "", i,
				   last);
		free(text);
		text = longer;
		i = last;
	}
	return text;
}

char *cpus_mask(const struct cpus *s)
{
	char *text = xmalloc(CPUS_MAX / 32 * 9 + 1), *p = text;

	for (unsigned int i = CPUS_MAX / 32; i--;) {
		uint32_t word = (uint32_t)(s->w[i / 2] >> i % 2 * 32);

		if (p != text)
			p += sprintf(p, ",%08x", word);
		else if (word || !i)
			p += sprintf(p, "%x", word);
	}
	return text;
}
