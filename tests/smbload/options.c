// SPDX-License-Identifier: GPL-2.0-or-later
/* options.c - the command line. */
#include "smbload.h"

#include <ctype.h>
#include <getopt.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>

struct options opt = { .folder = "smbload",
		       .connections = 1,
		       .channels = 1,
		       .depth = 1,
		       .threads = 1,
		       .entries = 10000,
		       .file_size = 64 << 20,
		       .drop_from = 16 << 10,
		       .seconds = 1,
		       .warm_up = 0.2,
		       .timeout = 60,
		       .dialect = SMB2_DIALECT_311,
		       .cipher = SMB2_ENCRYPTION_AES128_GCM,
		       .signing = SMB2_SIGNING_AES_GMAC,
		       .mix = { 70, 20, 10 } };

void die(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("smbload: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(code);
}

/* ---- names ---- */

struct name {
	const char *name;
	unsigned int value;
};

static const struct name dialects[] = {
	{ "2.0.2", SMB2_DIALECT_202 }, { "2.1", SMB2_DIALECT_210 },   { "3.0", SMB2_DIALECT_300 },
	{ "3.0.2", SMB2_DIALECT_302 }, { "3.1.1", SMB2_DIALECT_311 }, { NULL, 0 }
};
static const struct name protections[] = { { "plain", PLAIN },
					   { "signed", SIGNED },
					   { "sealed", SEALED },
					   { NULL, 0 } };
static const struct name signings[] = { { "gmac", SMB2_SIGNING_AES_GMAC },
					{ "cmac", SMB2_SIGNING_AES_CMAC },
					{ "hmac", SMB2_SIGNING_HMAC_SHA256 },
					{ NULL, 0 } };
static const struct name ciphers[] = { { "aes-128-gcm", SMB2_ENCRYPTION_AES128_GCM },
				       { "aes-256-gcm", SMB2_ENCRYPTION_AES256_GCM },
				       { "aes-128-ccm", SMB2_ENCRYPTION_AES128_CCM },
				       { "aes-256-ccm", SMB2_ENCRYPTION_AES256_CCM },
				       { NULL, 0 } };
static const struct name mixes[] = { { "read", MIX_READ },
				     { "write", MIX_WRITE },
				     { "open", MIX_OPEN },
				     { NULL, 0 } };

static const char *name_of(const struct name *n, unsigned int value)
{
	while (n->name && n->value != value)
		n++;
	return n->name ? n->name : "none";
}

static unsigned int named(const struct name *n, const char *option, const char *name)
{
	for (const struct name *i = n; i->name; i++)
		if (!strcmp(i->name, name))
			return i->value;
	fprintf(stderr, "smbload: %s %s: it is one of", option, name);
	for (const struct name *i = n; i->name; i++)
		fprintf(stderr, " %s", i->name);
	fputc('\n', stderr);
	exit(EXIT_USAGE);
}

const char *dialect_name(uint16_t dialect)
{
	return name_of(dialects, dialect);
}

const char *protection_name(enum protection p)
{
	return name_of(protections, p);
}

const char *signing_name(uint16_t alg)
{
	return name_of(signings, alg);
}

const char *cipher_name(uint16_t cipher)
{
	return name_of(ciphers, cipher);
}

/* ---- numbers ---- */

static uint64_t number(const char *option, const char *s, uint64_t min, uint64_t max, bool units)
{
	static const char letters[] = "kmgt";
	char *end;
	unsigned long long v;
	const char *letter;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (units && *end && (letter = strchr(letters, tolower((unsigned char)*end)))) {
		unsigned int shift = 10 * (unsigned int)(letter - letters + 1);

		v = v << shift >> shift == v ? v << shift : UINT64_MAX;
		end++;
	}
	if (!isdigit((unsigned char)*s) || *end || errno || v < min || v > max)
		die(EXIT_USAGE, "%s %s: a number from %llu to %llu is expected", option, s,
		    (unsigned long long)min, (unsigned long long)max);
	return v;
}

static double real(const char *option, const char *s, double min, double max)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end || !(v >= min && v <= max))
		die(EXIT_USAGE, "%s %s: a number from %g to %g is expected", option, s, min, max);
	return v;
}

static void mix(char *s)
{
	unsigned int sum = 0;
	char *save = NULL;

	memset(opt.mix, 0, sizeof(opt.mix));
	for (char *part = strtok_r(s, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
		char *value = strchr(part, '=');

		if (!value)
			die(EXIT_USAGE, "--mix %s: read=70,write=20,open=10 is expected", part);
		*value++ = '\0';
		opt.mix[named(mixes, "--mix", part)] =
			(unsigned int)number("--mix", value, 0, 100, false);
	}
	for (unsigned int i = 0; i < MIX_KINDS; i++)
		sum += opt.mix[i];
	if (sum != 100)
		die(EXIT_USAGE, "--mix: the parts are %u in a hundred", sum);
}

/* ---- the password, the target ---- */

static void password_file(const char *path)
{
	char line[300];
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;

	if (!f || !fgets(line, sizeof(line), f))
		die(EXIT_USAGE, "%s: %s", path, f ? "no password in it" : strerror(errno));
	line[strcspn(line, "\r\n")] = '\0';
	free(opt.password);
	opt.password = xstrdup(line);
	crypto_wipe(line, sizeof(line));
	if (f != stdin)
		fclose(f);
}

/* //HOST[:PORT]/SHARE; an IPv6 address in brackets. */
static void target(const char *s)
{
	const char *host = s + 2, *share, *colon, *end;

	share = strncmp(s, "//", 2) ? NULL : strchr(host, '/');
	if (!share || share == host || !share[1] || strchr(share + 1, '/'))
		die(EXIT_USAGE, "%s: //HOST[:PORT]/SHARE is expected", s);
	end = *host == '[' ? memchr(host, ']', (size_t)(share - host)) : NULL;
	colon = memchr(end ? end : host, ':', (size_t)(share - (end ? end : host)));
	opt.service = colon ? xstrndup(colon + 1, (size_t)(share - colon - 1)) : xstrdup("445");
	if (end)
		opt.host = xstrndup(host + 1, (size_t)(end - host - 1));
	else
		opt.host = xstrndup(host, (size_t)((colon ? colon : share) - host));
	opt.share = xstrdup(share + 1);
}

static void resolve(void)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_family = opt.from ? AF_INET : AF_UNSPEC };
	struct addrinfo *found;
	int rc = getaddrinfo(opt.host, opt.service, &hints, &found);

	if (rc)
		die(EXIT_CANNOT, "%s port %s: %s", opt.host, opt.service, gai_strerror(rc));
	memcpy(&opt.address, found->ai_addr, found->ai_addrlen);
	opt.address_len = found->ai_addrlen;
	freeaddrinfo(found);
}

/* ---- the options ---- */

static void help(void)
{
	puts("smbload - load for an SMB2/3 server, measured\n\n"
	     "  smbload [OPTION...] WORKLOAD //HOST[:PORT]/SHARE\n\n"
	     "Workloads:");
	for (const struct workload *w = workloads; w->name; w++)
		printf("  %-10s %s\n", w->name, w->what);
	puts("\nWho, and how many:\n"
	     "  -u, --user USER         the password is in $SMBLOAD_PASSWORD, or\n"
	     "      --password-file F   is the first line of F (- for standard input)\n"
	     "  -c, --connections N     connections, each a client with a session (1)\n"
	     "      --channels N        channels of each session (1)\n"
	     "  -d, --depth N           operations in flight per connection (1)\n"
	     "      --threads N         threads that share the connections (1)\n"
	     "      --from ADDR         the local address\n"
	     "What:\n"
	     "  -s, --size SIZE         bytes per READ or WRITE (4k, 64k, 1m; by workload)\n"
	     "  -t, --time SECONDS      how long (1)\n"
	     "  -n, --operations N      how many, whatever time they take\n"
	     "      --warm-up SECONDS   before it counts (0.2)\n"
	     "      --timeout SECONDS   a server without an answer for so long is dead (60)\n"
	     "      --rate N            operations per second that are to be begun, in all;\n"
	     "                          latency counts from when one was to begin\n"
	     "      --file-size SIZE    of the file of each connection (64m)\n"
	     "      --files N           files of each connection (by workload)\n"
	     "      --entries N         of the folder that is listed (10000)\n"
	     "      --folder NAME       where, below the share (smbload)\n"
	     "      --mix KIND=PERCENT  (read=70,write=20,open=10)\n"
	     "      --compound          one message per operation, where that is possible\n"
	     "      --reuse             take files that stand there, and leave them\n"
	     "      --verify            look at all data that is read\n"
	     "      --unchecked         look at no data that is read: no signature or tag\n"
	     "                          of an answer to a READ, no more decrypted than its head\n"
	     "      --drop-from SIZE    of --unchecked: data from this size on is not copied from\n"
	     "                          the kernel, for two more system calls (16k)\n"
	     "Protocol:\n"
	     "      --dialect D         2.0.2, 2.1, 3.0, 3.0.2, 3.1.1 (the default)\n"
	     "      --protection P      plain, signed, sealed\n"
	     "      --signing A         gmac, cmac, hmac\n"
	     "      --cipher C          aes-128-gcm, aes-256-gcm, aes-128-ccm, aes-256-ccm\n"
	     "Result:\n"
	     "      --json              one line of JSON\n"
	     "      --histogram FILE    latencies, as HdrHistogram writes them (.hgrm)\n"
	     "      --gate              say when ready, wait for a line; say the result, wait");
	exit(0);
}

enum {
	O_PASSWORD_FILE = 256,
	O_CHANNELS,
	O_THREADS,
	O_FROM,
	O_WARM_UP,
	O_TIMEOUT,
	O_RATE,
	O_FILE_SIZE,
	O_FILES,
	O_ENTRIES,
	O_FOLDER,
	O_MIX,
	O_COMPOUND,
	O_REUSE,
	O_VERIFY,
	O_UNCHECKED,
	O_DROP_FROM,
	O_DIALECT,
	O_PROTECTION,
	O_SIGNING,
	O_CIPHER,
	O_JSON,
	O_HISTOGRAM,
	O_GATE
};

static const struct option longs[] = { { "user", 1, NULL, 'u' },
				       { "password-file", 1, NULL, O_PASSWORD_FILE },
				       { "connections", 1, NULL, 'c' },
				       { "channels", 1, NULL, O_CHANNELS },
				       { "depth", 1, NULL, 'd' },
				       { "threads", 1, NULL, O_THREADS },
				       { "from", 1, NULL, O_FROM },
				       { "size", 1, NULL, 's' },
				       { "time", 1, NULL, 't' },
				       { "operations", 1, NULL, 'n' },
				       { "warm-up", 1, NULL, O_WARM_UP },
				       { "timeout", 1, NULL, O_TIMEOUT },
				       { "rate", 1, NULL, O_RATE },
				       { "file-size", 1, NULL, O_FILE_SIZE },
				       { "files", 1, NULL, O_FILES },
				       { "entries", 1, NULL, O_ENTRIES },
				       { "folder", 1, NULL, O_FOLDER },
				       { "mix", 1, NULL, O_MIX },
				       { "compound", 0, NULL, O_COMPOUND },
				       { "reuse", 0, NULL, O_REUSE },
				       { "verify", 0, NULL, O_VERIFY },
				       { "unchecked", 0, NULL, O_UNCHECKED },
				       { "drop-from", 1, NULL, O_DROP_FROM },
				       { "dialect", 1, NULL, O_DIALECT },
				       { "protection", 1, NULL, O_PROTECTION },
				       { "signing", 1, NULL, O_SIGNING },
				       { "cipher", 1, NULL, O_CIPHER },
				       { "json", 0, NULL, O_JSON },
				       { "histogram", 1, NULL, O_HISTOGRAM },
				       { "gate", 0, NULL, O_GATE },
				       { "help", 0, NULL, 'h' },
				       { NULL, 0, NULL, 0 } };

/* Who, how, and how it is told. */
static bool option_manner(int o)
{
	switch (o) {
	case 'u':
		opt.user = optarg;
		return true;
	case O_PASSWORD_FILE:
		password_file(optarg);
		return true;
	case O_FROM:
		opt.from = optarg;
		return true;
	case O_DIALECT:
		opt.dialect = (uint16_t)named(dialects, "--dialect", optarg);
		return true;
	case O_PROTECTION:
		opt.protection = named(protections, "--protection", optarg);
		return true;
	case O_SIGNING:
		opt.signing = (uint16_t)named(signings, "--signing", optarg);
		opt.signing_given = true;
		return true;
	case O_CIPHER:
		opt.cipher = (uint16_t)named(ciphers, "--cipher", optarg);
		return true;
	case O_JSON:
		opt.json = true;
		return true;
	case O_HISTOGRAM:
		opt.histogram = optarg;
		return true;
	case O_GATE:
		opt.gate = opt.json = true;
		return true;
	}
	return false;
}

static bool option_amount(int o)
{
	switch (o) {
	case 'c':
		opt.connections = (unsigned int)number("-c", optarg, 1, 100000, false);
		return true;
	case O_CHANNELS:
		opt.channels = (unsigned int)number("--channels", optarg, 1, 32, false);
		return true;
	case 'd':
		opt.depth = (unsigned int)number("-d", optarg, 1, DEPTH_MAX, false);
		return true;
	case O_THREADS:
		opt.threads = (unsigned int)number("--threads", optarg, 1, 256, false);
		return true;
	case 's':
		opt.size = (uint32_t)number("-s", optarg, 1, SIZE_MAX_IO, true);
		return true;
	case 't':
		opt.seconds = real("-t", optarg, 0.001, 1e6);
		return true;
	case 'n':
		opt.operations = number("-n", optarg, 1, UINT64_MAX >> 1, true);
		return true;
	case O_WARM_UP:
		opt.warm_up = real("--warm-up", optarg, 0, 1e6);
		return true;
	case O_TIMEOUT:
		opt.timeout = real("--timeout", optarg, 1, 1e6);
		return true;
	case O_RATE:
		opt.rate = real("--rate", optarg, 0.001, 1e9);
		return true;
	}
	return false;
}

static bool option_files(int o)
{
	switch (o) {
	case O_FILE_SIZE:
		opt.file_size = number("--file-size", optarg, 1, 1ull << 50, true);
		return true;
	case O_FILES:
		opt.files = (unsigned int)number("--files", optarg, 1, 10000000, true);
		return true;
	case O_ENTRIES:
		opt.entries = (unsigned int)number("--entries", optarg, 1, 10000000, true);
		return true;
	case O_FOLDER:
		opt.folder = optarg;
		return true;
	case O_MIX:
		mix(optarg);
		return true;
	case O_COMPOUND:
		opt.compound = true;
		return true;
	case O_REUSE:
		opt.reuse = true;
		return true;
	case O_VERIFY:
		opt.verify = true;
		return true;
	case O_UNCHECKED:
		opt.unchecked = true;
		return true;
	case O_DROP_FROM:
		opt.drop_from = number("--drop-from", optarg, 1, 1ull << 50, true);
		return true;
	}
	return false;
}

/* What does not go together. */
static void check(void)
{
	if (!opt.user || !*opt.user)
		die(EXIT_USAGE, "-u USER is missing");
	if (strlen(opt.user) > 31)
		die(EXIT_USAGE, "-u %s: too long a name", opt.user);
	if (!opt.password)
		die(EXIT_USAGE, "no password: set SMBLOAD_PASSWORD, or give --password-file");
	if (opt.protection == SEALED && opt.dialect < SMB2_DIALECT_300)
		die(EXIT_USAGE, "--protection sealed: dialect %s cannot encrypt",
		    dialect_name(opt.dialect));
	if (opt.dialect == SMB2_DIALECT_202 && opt.size > CREDIT_UNIT)
		die(EXIT_USAGE, "-s: dialect 2.0.2 moves at most 64k at a time");
	if (opt.workload->data && opt.file_size < opt.size)
		die(EXIT_USAGE, "--file-size: smaller than --size");
	if (!*opt.folder || strlen(opt.folder) > 200 || strpbrk(opt.folder, "/\\"))
		die(EXIT_USAGE, "--folder %s: a plain name is expected", opt.folder);
	if (opt.channels > 1 && opt.dialect < SMB2_DIALECT_300)
		die(EXIT_USAGE, "--channels: dialect %s has one only", dialect_name(opt.dialect));
	if (opt.channels > 1 && !opt.workload->run && !opt.workload->idle)
		die(EXIT_USAGE, "--channels: setup is of first channels");
	if (opt.verify && opt.unchecked)
		die(EXIT_USAGE, "--verify, --unchecked: one of them");
	if (opt.workload->data && opt.verify &&
	    opt.file_size / opt.size < 2ull * opt.depth * opt.channels)
		die(EXIT_USAGE, "--verify: --file-size has to be %llu at least",
		    2ull * opt.depth * opt.channels * opt.size);
	if (opt.workload->run == &job_rename && opt.files < 2 * opt.depth * opt.channels)
		die(EXIT_USAGE, "--files: %u are too few for operations in flight", opt.files);
	opt.threads = MIN(opt.threads, opt.connections);
	opt.drops = opt.unchecked && opt.workload->reads && opt.size >= opt.drop_from;
}

void options_parse(int argc, char **argv)
{
	int o;

	if (getenv("SMBLOAD_PASSWORD"))
		opt.password = xstrdup(getenv("SMBLOAD_PASSWORD"));
	while ((o = getopt_long(argc, argv, "u:c:d:s:t:n:h", longs, NULL)) != -1) {
		if (o == 'h')
			help();
		if (!option_manner(o) && !option_amount(o) && !option_files(o))
			exit(EXIT_USAGE);
	}
	if (argc - optind != 2)
		die(EXIT_USAGE, "a workload and //HOST[:PORT]/SHARE are expected (see --help)");
	opt.workload = workload_find(argv[optind]);
	if (!opt.workload)
		die(EXIT_USAGE, "%s: no such workload (see --help)", argv[optind]);
	target(argv[optind + 1]);
	if (!opt.size)
		opt.size = opt.workload->size ? opt.workload->size : 4096;
	if (opt.dialect == SMB2_DIALECT_202)
		opt.size = MIN(opt.size, CREDIT_UNIT);
	if (!opt.files)
		opt.files = opt.workload->files;
	check();
	resolve();
}
