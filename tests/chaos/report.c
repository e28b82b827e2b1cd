// SPDX-License-Identifier: GPL-2.0-or-later
/* report.c - what happened: the story of the last thousands of events, rules broken, counts. */
#include "chaos.h"

#include <stdarg.h>

#define LINES	   (1u << 16)
#define LINES_TOLD 60
#define TOLD_MAX   20 /* violations in full */

struct line {
	const struct inode *inode;
	uint64_t at;
	char text[112];
};

static struct line lines[LINES];
static unsigned int nlines, nviolations;

static const char *const command_names[SMB2_COMMANDS] = {
#define X(NAME, name, code, size, needs, fid, where) [code] = #NAME,
	SMB2_OPS(X)
#undef X
};

void story(const struct inode *i, const char *fmt, ...)
{
	struct line *l = &lines[nlines++ % LINES];
	va_list ap;

	l->inode = i;
	l->at = now;
	va_start(ap, fmt);
	vsnprintf(l->text, sizeof(l->text), fmt, ap);
	va_end(ap);
	if (set.verbose)
		fprintf(stderr, "%.6f i%llu %s\n", (double)now / NS_PER_S,
			i ? (unsigned long long)i->id : 0, l->text);
}

static void tell(const struct inode *i)
{
	unsigned int of[LINES_TOLD] = { 0 }, n = 0;

	for (unsigned int k = nlines; k-- > 0 && nlines - k < LINES && n < LINES_TOLD;)
		if (!i || lines[k % LINES].inode == i)
			of[n++] = k % LINES;
	while (n--)
		printf("#   %.6f %s\n", (double)lines[of[n]].at / NS_PER_S, lines[of[n]].text);
}

void violation(const struct inode *i, const char *rule, const char *fmt, ...)
{
	va_list ap;

	if (nviolations++ >= TOLD_MAX)
		return;
	printf("# %.6f %s: ", (double)now / NS_PER_S, rule);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	tell(i);
	fflush(stdout);
}

unsigned int violations(void)
{
	return nviolations;
}

/* ---- counts: that a run did what it is for ---- */

static struct {
	const char *what; /* NULL: an answer */
	uint16_t command;
	uint32_t status;
	uint64_t n;
} counts[512];

static void count(const char *what, uint16_t command, uint32_t status)
{
	for (size_t k = 0; k < ARRAY_SIZE(counts); k++) {
		if (!counts[k].n) {
			counts[k].what = what;
			counts[k].command = command;
			counts[k].status = status;
		} else if (counts[k].what != what || counts[k].command != command ||
			   counts[k].status != status) {
			continue;
		}
		counts[k].n++;
		return;
	}
}

void count_answer(uint16_t command, uint32_t status)
{
	count(NULL, command, status);
}

void count_thing(const char *what)
{
	count(what, 0, 0);
}

void print_counts(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(counts) && counts[k].n; k++) {
		if (counts[k].what)
			printf("# %8llu %s\n", (unsigned long long)counts[k].n, counts[k].what);
		else
			printf("# %8llu %s %s\n", (unsigned long long)counts[k].n,
			       counts[k].command < SMB2_COMMANDS ? command_names[counts[k].command]
								 : "?",
			       nt_name(counts[k].status));
	}
}
