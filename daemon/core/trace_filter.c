// SPDX-License-Identifier: GPL-2.0-or-later
/* trace_filter.c - which requests a tracer wants; for the daemon and for the command. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/trace.h"
#include "core/util.h"
#include "smb2_ops.h"

bool trace_filter_client(struct trace_filter *f, const char *text)
{
	char addr[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	unsigned int max = 128;
	char *end;

	if (n >= sizeof(addr))
		return false;
	memcpy(addr, text, n);
	addr[n] = 0;
	memset(f->addr, 0, sizeof(f->addr));
	f->prefix = 128;
	if (inet_pton(AF_INET, addr, f->addr + 12) == 1) {
		f->addr[10] = f->addr[11] = 0xFF;
		max = 32;
	} else if (inet_pton(AF_INET6, addr, f->addr) != 1) {
		return false;
	}
	if (slash) {
		unsigned long bits = strtoul(slash + 1, &end, 10);

		if (slash[1] < '0' || slash[1] > '9' || *end || bits > max)
			return false;
		f->prefix = (unsigned int)bits + 128 - max;
	}
	return true;
}

bool trace_filter_command(struct trace_filter *f, const char *name)
{
	static const char *const names[] = {
#define X(NAME, lower, code, size, needs, fid, where) [code] = #NAME,
		SMB2_OPS(X)
#undef X
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcasecmp(names[i], name)) {
			f->commands |= 1u << i;
			return true;
		}
	return false;
}

bool trace_filter_wants(const struct trace_filter *f, uint16_t command, const uint32_t addr[4])
{
	const uint8_t *a = (const uint8_t *)addr;
	unsigned int whole = f->prefix / 8, bits = f->prefix % 8;

	if (f->commands && !(f->commands >> command & 1))
		return false;
	return memcmp(a, f->addr, whole) == 0 &&
	       (!bits || (a[whole] ^ f->addr[whole]) >> (8 - bits) == 0);
}
