// SPDX-License-Identifier: GPL-2.0-or-later
/* main.c - scripts and random sequences against two servers, in TAP. tests/parity/run starts it. */
#include "parity.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const shares[TREES] = { "\\\\parity\\share", "\\\\parity\\readonly",
					   "\\\\parity\\IPC$", "\\\\parity\\sealed" };

struct wire_as parity_as = { .user = "torture1",
			     .password = "Torture-pw1",
			     .client_guid = "parity of server",
			     .shares = shares,
			     .nshares = TREES };

static unsigned int tests, failures;

static const struct manner manners[] = {
	{ SMB2_DIALECT_202, 0, SMB2_SIGNING_HMAC_SHA256, PLAIN },
	{ SMB2_DIALECT_202, 0, SMB2_SIGNING_HMAC_SHA256, SIGNED },
	{ SMB2_DIALECT_210, 0, SMB2_SIGNING_HMAC_SHA256, PLAIN },
	{ SMB2_DIALECT_210, 0, SMB2_SIGNING_HMAC_SHA256, SIGNED },
	{ SMB2_DIALECT_300, 0, SMB2_SIGNING_AES_CMAC, PLAIN },
	{ SMB2_DIALECT_300, 0, SMB2_SIGNING_AES_CMAC, SIGNED },
	{ SMB2_DIALECT_300, SMB2_ENCRYPTION_AES128_CCM, SMB2_SIGNING_AES_CMAC, SEALED },
	{ SMB2_DIALECT_302, SMB2_ENCRYPTION_AES128_CCM, SMB2_SIGNING_AES_CMAC, SEALED },
	{ SMB2_DIALECT_311, SMB2_ENCRYPTION_AES128_GCM, SMB2_SIGNING_AES_GMAC, PLAIN },
	{ SMB2_DIALECT_311, SMB2_ENCRYPTION_AES128_GCM, SMB2_SIGNING_AES_GMAC, SIGNED },
	{ SMB2_DIALECT_311, SMB2_ENCRYPTION_AES128_GCM, SMB2_SIGNING_AES_CMAC, SIGNED, true },
	{ SMB2_DIALECT_311, SMB2_ENCRYPTION_AES128_GCM, SMB2_SIGNING_HMAC_SHA256, SIGNED },
	{ SMB2_DIALECT_311, SMB2_ENCRYPTION_AES128_GCM, SMB2_SIGNING_AES_GMAC, SEALED },
	{ SMB2_DIALECT_311, SMB2_ENCRYPTION_AES256_GCM, SMB2_SIGNING_AES_GMAC, SEALED },
	{ SMB2_DIALECT_311, SMB2_ENCRYPTION_AES128_CCM, SMB2_SIGNING_AES_CMAC, SEALED },
	{ SMB2_DIALECT_311, SMB2_ENCRYPTION_AES256_CCM, SMB2_SIGNING_AES_CMAC, SEALED },
};

/* 2.0.2 and 3.1.1 plain, 2.1 and 3.1.1 signed, 3.0 and 3.1.1 sealed. */
#define FEW (1u << 0 | 1u << 8 | 1u << 3 | 1u << 9 | 1u << 6 | 1u << 12)

static const char *manner_name(const struct manner *m, char buf[80])
{
	static const char *const ciphers[] = { "", "AES-128-CCM", "AES-128-GCM", "AES-256-CCM",
					       "AES-256-GCM" };
	static const char *const signing[] = { "HMAC-SHA256", "AES-CMAC", "AES-GMAC" };

	snprintf(buf, 80, "%x %s %s", m->dialect,
		 m->protection == PLAIN	   ? "plain"
		 : m->protection == SIGNED ? "signed"
					   : "sealed",
		 m->protection == SEALED   ? ciphers[m->cipher]
		 : m->protection == SIGNED ? signing[m->signing_alg]
					   : "");
	return buf;
}

static void result(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void result(bool good, const char *fmt, ...)
{
	va_list ap;

	failures += !good;
	printf("%sok %u - ", good ? "" : "not ", ++tests);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static void show(const struct step *st, size_t n, const char *text)
{
	size_t first = n > 40 ? n - 40 : 0;

	if (first)
		printf("#   (%zu steps before)\n", first);
	for (size_t i = first; i < n; i++)
		step_print(&st[i], (unsigned int)i);
	printf("#   %-22s %-28s %s\n%s", "", "first server", "second server", text);
}

/* ---- scripts ---- */

static bool fits(const struct script *s, const struct manner *m)
{
	return s->when & 1u << m->protection &&
	       (!(s->when & WHEN_LARGE) || m->dialect > SMB2_DIALECT_202) &&
	       (!(s->when & WHEN_3) || m->dialect >= SMB2_DIALECT_300);
}

static void run_script(struct play *p, const struct script *s, const char *manner)
{
	size_t n = 0, at = 0;
	char *text;

	while (s->steps[n].kind != STEP_END)
		n++;
	p->scripted = true;
	text = play(p, s->steps, n, &at);
	result(!text, "%s: %s", manner, s->name);
	if (text)
		show(s->steps, at + 1, text);
	free(text);
}

static void run_scripts(struct play *p, const char *only, bool few)
{
	static const struct script *const all[] = { scripts_read, scripts_write, scripts_handle,
						    scripts_compound, scripts_frame };
	char name[80];

	for (size_t m = 0; m < ARRAY_SIZE(manners); m++) {
		if (few && !(1u << m & FEW))
			continue;
		p->m = manners[m];
		manner_name(&p->m, name);
		for (size_t i = 0; i < ARRAY_SIZE(all); i++)
			for (const struct script *s = all[i]; s->name; s++)
				if (fits(s, &p->m) && (!only || strstr(s->name, only)))
					run_script(p, s, name);
	}
}

/* ---- random sequences ---- */

static void run_seed(struct play *p, uint64_t seed, size_t steps)
{
	struct manner m = manners[seed % ARRAY_SIZE(manners)];
	size_t n, at = 0;
	struct step *st = random_steps(seed, steps, &n, &m);
	char *text, name[80];

	p->scripted = false;
	p->m = m;
	text = play(p, st, n, &at);
	if (!text) {
		free(st);
		return;
	}
	n = at + 1;
	printf("# seed %" PRIu64 " differs at step %zu; shortening\n%s", seed, at, text);
	fflush(stdout);
	text = shrink(p, st, &n, text, 60);
	result(false, "random sequence %" PRIu64 " (%s)", seed, manner_name(&p->m, name));
	show(st, n, text);
	free(text);
	free(st);
}

static void run_random(struct play *p, uint64_t seed, unsigned int seconds, size_t steps)
{
	uint64_t until = now_ns() + seconds * 1000000000ull, first = seed;
	unsigned int before = failures, requests = p->requests;

	printf("# random sequences from seed %" PRIu64 " on\n", seed);
	fflush(stdout);
	do
		run_seed(p, seed++, steps);
	while (now_ns() < until && failures < before + 5);
	result(failures == before,
	       "%" PRIu64 " random sequences from seed %" PRIu64 ", %u requests", seed - first,
	       first, p->requests - requests);
}

static void usage(void)
{
	fputs("usage: parity --a PORT,SHARE-FOLDER,RUN-FOLDER --b PORT,SHARE-FOLDER,RUN-FOLDER\n"
	      "	[--kernel] [--scripts [--only TEXT] [--few]] [--seconds N] [--seed S] [--steps N]\n"
	      "	[--timeout MS] [--crowd N [--silence MS]]\n",
	      stderr);
	exit(2);
}

static void parse_side(struct side *s, char *arg)
{
	char *share = strchr(arg, ','), *run = share ? strchr(share + 1, ',') : NULL;

	if (!run)
		usage();
	*share = *run = 0;
	s->port = (uint16_t)atoi(arg);
	s->share = share + 1;
	s->run_dir = run + 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "a", 1, 0, 'a' },
		{ "b", 1, 0, 'b' },
		{ "kernel", 0, 0, 'k' },
		{ "scripts", 0, 0, 's' },
		{ "only", 1, 0, 'o' },
		{ "few", 0, 0, 'f' },
		{ "seconds", 1, 0, 't' },
		{ "seed", 1, 0, 'S' },
		{ "steps", 1, 0, 'n' },
		{ "timeout", 1, 0, 'T' },
		{ "crowd", 1, 0, 'c' },
		{ "silence", 1, 0, 'q' },
		{ 0 },
	};
	struct play p = { .timeout_ms = 6000 };
	uint64_t seed = (uint64_t)time(NULL);
	unsigned int seconds = 0, crowd_size = 0, silence = 0;
	bool scripts = false, few = false, seeded = false;
	const char *only = NULL;
	size_t steps = 200;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'a':
		case 'b':
			parse_side(&p.side[o - 'a'], optarg);
			break;
		case 'k':
			p.kernel = true;
			break;
		case 's':
			scripts = true;
			break;
		case 'o':
			only = optarg;
			break;
		case 'f':
			few = true;
			break;
		case 't':
			seconds = (unsigned int)atoi(optarg);
			break;
		case 'S':
			seed = strtoull(optarg, NULL, 0);
			seeded = true;
			break;
		case 'n':
			steps = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			crowd_size = (unsigned int)atoi(optarg);
			break;
		case 'q':
			silence = (unsigned int)atoi(optarg);
			break;
		case 'T':
			p.timeout_ms = atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (!p.side[0].port || (!p.side[1].port && !crowd_size))
		usage();
	for (unsigned int i = 0; i < SIDES; i++)
		p.side[i].wire[0].fd = p.side[i].wire[1].fd = -1;
	if (crowd_size)
		result(crowd(&p.side[0], &manners[seed % ARRAY_SIZE(manners)], crowd_size, silence),
		       "%u connections at once", crowd_size);
	if (scripts)
		run_scripts(&p, only, few);
	if (seconds || (seeded && !crowd_size))
		run_random(&p, seed, seconds, steps);
	for (unsigned int i = 0; i < SIDES; i++) {
		free(p.side[i].frame);
		free(p.side[i].rest);
	}
	printf("1..%u\n", tests);
	return failures != 0;
}
