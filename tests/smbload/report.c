// SPDX-License-Identifier: GPL-2.0-or-later
/* report.c - the result, for programs and for people. */
#include "smbload.h"

#include <stdio.h>

static const struct {
	const char *name;
	double q;
} percentiles[] = { { "p50", .5 },
		    { "p90", .9 },
		    { "p99", .99 },
		    { "p99_9", .999 },
		    { "p99_99", .9999 } };

static const char *status_name(uint32_t status, char *buf, size_t n)
{
	switch (status) {
	case STATUS_LOST:
		return "CONNECTION_LOST";
	case STATUS_WRONG:
		return "WRONG_ANSWER";
	case STATUS_FORGED:
		return "WRONG_SIGNATURE";
	case STATUS_DATA:
		return "WRONG_DATA";
	}
	if (strcmp(nt_name(status), "?"))
		snprintf(buf, n, "NT_STATUS_%s", nt_name(status));
	else
		snprintf(buf, n, "0x%08X", status);
	return buf;
}

/* As JSON has it: what is in a share's or a host's name may have to be escaped. */
static void put_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20)
			printf("\\u%04x", *s);
		else if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void json(const struct result *r, const struct conn *any, double rate, double mib)
{
	const struct counts *c = &r->counts;
	char name[64];

	printf("{\"kind\":\"result\",\"workload\":\"%s\",\"server\":", opt.workload->name);
	put_string(opt.host);
	printf(",\"port\":");
	put_string(opt.service);
	printf(",\"share\":");
	put_string(opt.share);
	printf(",\"connections\":%u,\"channels\":%u,\"depth\":%u,\"threads\":%u,\"size\":%u,"
	       "\"dialect\":\"%s\",\"protection\":\"%s\",\"signing\":\"%s\",\"cipher\":\"%s\",",
	       opt.connections, opt.channels, opt.depth, opt.threads, opt.size,
	       dialect_name(any->dialect), protection_name(opt.protection),
	       opt.protection == SIGNED ? signing_name(any->signing) : "none",
	       opt.protection == SEALED ? cipher_name(any->cipher) : "none");
	printf("\"seconds\":%.6f,\"operations\":%llu,\"operations_all\":%llu,\"bytes\":%llu,"
	       "\"errors\":%llu,\"lost\":%llu,\"unstarted\":%llu,\"depth_reached\":%u,\"rate\":%."
	       "1f,\"mib_per_second\":%.2f,",
	       r->seconds, (unsigned long long)c->operations, (unsigned long long)c->all,
	       (unsigned long long)c->bytes, (unsigned long long)c->errors,
	       (unsigned long long)c->lost, (unsigned long long)c->unstarted, c->depth, rate, mib);
	printf("\"latency_us\":{\"min\":%.2f,\"mean\":%.2f", (double)c->hist.min / 1000,
	       hist_mean(&c->hist) / 1000);
	for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++)
		printf(",\"%s\":%.2f", percentiles[i].name,
		       (double)hist_percentile(&c->hist, percentiles[i].q) / 1000);
	printf(",\"max\":%.2f},\"client_cpu_seconds\":%.6f,\"statuses\":{",
	       (double)c->hist.max / 1000, r->cpu_seconds);
	for (unsigned int i = 0; i < c->nstatuses; i++)
		printf("%s\"%s\":%llu", i ? "," : "",
		       status_name(c->statuses[i].status, name, sizeof(name)),
		       (unsigned long long)c->statuses[i].count);
	puts("}}");
	fflush(stdout);
}

static void people(const struct result *r, const struct conn *any, double rate, double mib)
{
	const struct counts *c = &r->counts;
	double per_op = c->operations ? r->cpu_seconds * 1e6 / (double)c->operations : 0;
	char name[64];

	printf("%s //%s:%s/%s  %u x depth %u  %u bytes  SMB %s %s%s%s\n", opt.workload->name,
	       opt.host, opt.service, opt.share, opt.connections, opt.depth, opt.size,
	       dialect_name(any->dialect), protection_name(opt.protection),
	       opt.protection == PLAIN ? "" : " ",
	       opt.protection == SIGNED	  ? signing_name(any->signing)
	       : opt.protection == SEALED ? cipher_name(any->cipher)
					  : "");
	printf("  %-14s %14llu in %.3f s\n", "operations", (unsigned long long)c->operations,
	       r->seconds);
	printf("  %-14s %14.1f per second\n", "rate", rate);
	if (c->bytes)
		printf("  %-14s %14.2f MiB/s\n", "data", mib);
	printf("  %-14s %14llu\n", "errors", (unsigned long long)c->errors);
	for (unsigned int i = 0; i < c->nstatuses; i++)
		if (c->statuses[i].status)
			printf("    %-32s %10llu\n",
			       status_name(c->statuses[i].status, name, sizeof(name)),
			       (unsigned long long)c->statuses[i].count);
	printf("  %-14s %14.2f us per operation\n", "client CPU", per_op);
	printf("  %-14s %14.1f us mean\n", "latency", hist_mean(&c->hist) / 1000);
	printf("  %14s %14.1f us\n", "min", (double)c->hist.min / 1000);
	for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++)
		printf("  %13g%% %14.1f us\n", percentiles[i].q * 100,
		       (double)hist_percentile(&c->hist, percentiles[i].q) / 1000);
	printf("  %14s %14.1f us\n", "max", (double)c->hist.max / 1000);
	fflush(stdout);
}

void report(const struct result *r, const struct conn *any)
{
	double rate = r->seconds > 0 ? (double)r->counts.operations / r->seconds : 0;
	double mib = r->seconds > 0 ? (double)r->counts.bytes / r->seconds / (1 << 20) : 0;

	(opt.json ? json : people)(r, any, rate, mib);
}

void report_histogram(const struct hist *h, const char *path)
{
	FILE *f = fopen(path, "we");

	if (f)
		hist_print(h, 1000, f);
	if (!f || fclose(f))
		die(EXIT_CANNOT, "%s: %s", path, strerror(errno));
}
