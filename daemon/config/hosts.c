/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hosts.c - hosts allow and hosts deny, on binary addresses: no resolver, no allocation.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>

#include "config/config.h"

/* IPv4 as ::ffff:a.b.c.d, so that one comparison does for both. */
struct addr {
	uint8_t b[16];
	bool v4;
};

static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void set_v4(struct addr *a, const void *b)
{
	memcpy(a->b, v4_prefix, 12);
	memcpy(a->b + 12, b, 4);
	a->v4 = true;
}

static bool addr_of(const struct sockaddr *sa, struct addr *a)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		set_v4(a, &in.sin_addr);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		memcpy(a->b, &in6.sin6_addr, 16);
		a->v4 = !memcmp(a->b, v4_prefix, 12);
		return true;
	}
	return false;
}

static bool parse_addr(const char *s, struct addr *a)
{
	struct in_addr in;
	struct in6_addr in6;

	if (inet_pton(AF_INET, s, &in) == 1) {
		set_v4(a, &in);
		return true;
	}
	if (inet_pton(AF_INET6, s, &in6) != 1)
		return false;
	memcpy(a->b, &in6, 16);
	a->v4 = !memcmp(a->b, v4_prefix, 12);
	return true;
}

static bool is_loopback(const struct addr *a)
{
	static const uint8_t v6[16] = { [15] = 1 };

	return a->v4 ? a->b[12] == 127 : !memcmp(a->b, v6, 16);
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int bytes = bits / 8, rest = bits % 8;

	if (memcmp(a, b, bytes))
		return false;
	return !rest || !((a[bytes] ^ b[bytes]) & (uint8_t)(0xff00 >> rest));
}

static bool same_masked(const uint8_t *a, const uint8_t *b, const uint8_t *mask)
{
	for (int i = 0; i < 16; i++)
		if ((a[i] ^ b[i]) & mask[i])
			return false;
	return true;
}

/* "address/bits" or "address/netmask". */
static bool net_matches(const char *net, const char *tail, const struct addr *a)
{
	struct addr base, mask;
	unsigned long bits;
	char *end;

	if (!parse_addr(net, &base) || base.v4 != a->v4)
		return false;
	if (strchr(tail, '.') || strchr(tail, ':')) {
		if (!parse_addr(tail, &mask))
			return false;
		if (base.v4)
			memset(mask.b, 0xff, 12);
		return same_masked(base.b, a->b, mask.b);
	}
	bits = strtoul(tail, &end, 10);
	if (*end || end == tail || bits > (base.v4 ? 32u : 128u))
		return false;
	return same_bits(base.b, a->b, (unsigned int)bits + (base.v4 ? 96 : 0));
}

/* "192.168." */
static bool prefix_matches(const char *w, const struct addr *a)
{
	char text[INET_ADDRSTRLEN];

	return a->v4 && inet_ntop(AF_INET, a->b + 12, text, sizeof(text)) &&
	       !strncmp(text, w, strlen(w));
}

static bool host_matches(const char *w, const struct addr *a)
{
	char net[INET6_ADDRSTRLEN + 2];
	struct addr b;
	size_t n = strlen(w);
	const char *slash;

	if (!strcasecmp(w, "ALL"))
		return true;
	if (!strcasecmp(w, "LOCAL") || !strcasecmp(w, "localhost"))
		return is_loopback(a);
	if (*w == '[' && n > 1) {
		w++;
		n--;
	}
	slash = strchr(w, '/');
	if (!slash && n && w[n - 1] == '.')
		return prefix_matches(w, a);
	n = slash ? (size_t)(slash - w) : strlen(w);
	if (n && w[n - 1] == ']')
		n--;
	if (n >= sizeof(net))
		return false;
	memcpy(net, w, n);
	net[n] = 0;
	if (slash)
		return net_matches(net, slash + 1, a);
	return parse_addr(net, &b) && !memcmp(b.b, a->b, 16);
}

/*
 * "a b EXCEPT c d EXCEPT e": what follows EXCEPT is taken away from what stands before it. So each
 * part that matches turns the answer around, and the first that does not ends the search.
 */
static bool in_list(const struct conf_list *list, const struct addr *a)
{
	bool answer = false, found = false;

	for (unsigned int i = 0; i < list->n; i++) {
		if (!strcasecmp(list->v[i], "EXCEPT")) {
			if (!found)
				return answer;
			answer = !answer;
			found = false;
		} else {
			found = found || host_matches(list->v[i], a);
		}
	}
	return found ? !answer : answer;
}

bool conf_host_in_list(const struct conf_list *list, const struct sockaddr *sa)
{
	struct addr a;

	return addr_of(sa, &a) && in_list(list, &a);
}

bool conf_host_allowed(const struct conf_list *allow, const struct conf_list *deny,
		       const struct sockaddr *sa)
{
	struct addr a;

	if (!allow->n && !deny->n)
		return true;
	if (!addr_of(sa, &a))
		return false;
	if (is_loopback(&a))
		return !deny->n || !in_list(deny, &a) || in_list(allow, &a);
	if (allow->n && in_list(allow, &a))
		return true;
	return deny->n && !in_list(deny, &a);
}
