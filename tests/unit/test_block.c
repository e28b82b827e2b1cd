// SPDX-License-Identifier: GPL-2.0-or-later
/* test_block.c - the block list, failed logins, and the options of the guard; without BPF. */
#include <arpa/inet.h>
#include <poll.h>

#include "config/options.h"
#include "core/block.h"
#include "server.h"
#include "tap.h"

/* What main.c has; nothing here uses it. */
struct server server;

struct conf *server_conf(void)
{
	return NULL;
}

static struct sockaddr_storage sa(const char *addr)
{
	struct sockaddr_storage ss = { 0 };

	if (inet_pton(AF_INET, addr, &((struct sockaddr_in *)&ss)->sin_addr) == 1)
		ss.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, addr, &((struct sockaddr_in6 *)&ss)->sin6_addr) == 1)
		ss.ss_family = AF_INET6;
	return ss;
}

static bool refuses(const char *addr)
{
	struct sockaddr_storage peer = sa(addr), local = sa("198.51.100.1");

	return block_refuses(&peer, &local);
}

static struct kh_block_key key(const char *text)
{
	struct kh_block_key k = { 0 };

	block_parse(text, &k);
	return k;
}

/* ---- the list ---- */

static void written(void)
{
	static const char *const good[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.77/24", "192.0.2.0/24" },
		{ "10.0.0.0/0", "0.0.0.0/0" },
		{ "192.0.2.1/32", "192.0.2.1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "2001:db8:1:2:3::/64", "2001:db8:1:2::/64" },
		{ "2001:db8::/33", "2001:db8::/33" },
		{ "::/0", "::/0" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
	};
	static const char *const bad[] = { "",		 "192.0.2",	 "192.0.2.1/33",
					   "192.0.2.1/", "192.0.2.1/-1", "::/129",
					   "x",		 "192.0.2.1/8 ", "fe80::1%eth0",
					   "/8",	 "1.2.3.4/08x",	 "a/b/c" };
	struct kh_block_key k;
	char text[BLOCK_TEXT_MAX];
	unsigned int refused = 0;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		is_int(block_parse(good[i][0], &k), 0, good[i][0]);
		is_str(block_text(&k, text), good[i][1], "... as it is shown");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refused += block_parse(bad[i], &k) == -EINVAL;
	is_int(refused, ARRAY_SIZE(bad), "what is no address is refused");
}

static void listed(void)
{
	struct kh_block_key net = key("192.0.2.0/24"), one = key("192.0.2.7"),
			    six = key("2001:db8::/32");
	struct sockaddr_storage own = sa("192.0.2.9");

	ok(!refuses("192.0.2.7"), "an empty list");
	is_int(block_add(&net, KH_BLOCK_BY_HAND, 0), 0, "a network");
	ok(refuses("192.0.2.7") && refuses("192.0.2.255"), "who is in it");
	ok(!refuses("192.0.3.7") && !refuses("2001:db8::1"), "who is not");
	ok(!block_refuses(&own, &own), "who comes from the address that it reaches");
	is_int(block_add(&one, KH_BLOCK_BY_HAND, 0), 0, "an address in it");
	is_int(block_del(&net), 0, "the network goes");
	ok(refuses("192.0.2.7") && !refuses("192.0.2.8"), "the address stays");
	is_int(block_add(&six, KH_BLOCK_BY_HAND, 3600), 0, "IPv6");
	ok(refuses("2001:db8:ffff::1") && !refuses("2001:db9::1"), "acts");
	is_int(block_del(&net), -ENOENT, "nothing goes twice");
	net = key("0.0.0.0/0");
	block_add(&net, KH_BLOCK_BY_HAND, 0);
	ok(refuses("203.0.113.1") && !refuses("2001:db9::1"), "all of IPv4, and only that");
	ok(!refuses("127.0.0.1"), "never loopback");
	block_del(&net);
	net = key("::/0");
	block_add(&net, KH_BLOCK_BY_HAND, 0);
	ok(refuses("2001:db9::1") && refuses("203.0.113.1") && !refuses("::1"), "everybody");
	block_del(&net);
	block_del(&one);
	block_del(&six);
}

static void ends(void)
{
	struct kh_block_key k = key("192.0.2.1");
	struct pollfd p = { .fd = block_fd(), .events = POLLIN };

	block_add(&k, KH_BLOCK_BY_HAND, 1);
	block_add(&k, KH_BLOCK_AUTH, 3600);
	ok(refuses("192.0.2.1"), "blocked for a second");
	is_int(poll(&p, 1, 5000), 1, "failed logins do not prolong what is by hand: it ends");
	ok(!refuses("192.0.2.1"), "at once");
	block_expire();
	is_int(block_del(&k), -ENOENT, "and is gone");
	is_int(poll(&p, 1, 0), 0, "no timer is left");
}

/* ---- failed logins ---- */

static struct conf *conf_of(const char *text)
{
	struct conf *c;

	conf_parse(text, strlen(text), "test", NULL, NULL, &c);
	return c;
}

static bool fails(const struct conf *f, const char *addr)
{
	struct sockaddr_storage peer = sa(addr), local = sa("198.51.100.1");

	return block_login_failed(f, &peer, &local);
}

static void logins(void)
{
	_cleanup_conf_ struct conf *off = conf_of("[global]\n");
	_cleanup_conf_ struct conf *f =
		conf_of("auth block = 3 failures in 1 s for 1 h\nauth block allow = 192.0.2.0/24\n"
			"ipv6 source bits = 64\n");
	struct kh_block_key k = key("203.0.113.1"), net = key("2001:db8::/64");
	unsigned int n = 0;
	char addr[32];

	for (int i = 0; i < 20; i++)
		n += fails(off, "203.0.113.1");
	is_int(n, 0, "off by default");
	ok(!fails(f, "203.0.113.1") && !fails(f, "203.0.113.1"), "two failures");
	usleep(1100000);
	ok(!fails(f, "203.0.113.1") && !fails(f, "203.0.113.1"), "two more, after the window");
	ok(fails(f, "203.0.113.1"), "the third within it");
	ok(refuses("203.0.113.1"), "blocked");
	for (int i = 0; i < 20; i++)
		n += fails(f, "192.0.2.5") + fails(f, "127.0.0.1") + fails(f, "::1") +
		     fails(f, "198.51.100.1");
	is_int(n, 0, "never: allowed, loopback, local");
	ok(!fails(f, "2001:db8::1") && !fails(f, "2001:db8::2") && fails(f, "2001:db8::3"),
	   "a /64 is one source");
	is_int(block_del(&net), 0, "blocked as that");
	block_del(&k);
	is_int(block_auth_count(), 2, "counted");

	/* More sources than the table holds: the oldest are forgotten, nobody is confused. */
	fails(f, "203.0.113.2");
	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(addr, sizeof(addr), "10.0.%u.%u", i >> 8, i & 255);
		n += fails(f, addr);
	}
	is_int(n, 0, "5,000 sources with one failure each");
	ok(!fails(f, "10.0.19.135") && fails(f, "10.0.19.135"), "the last one is remembered");
	k = key("10.0.19.135");
	block_del(&k);
}

/* ---- options ---- */

static void options(void)
{
	_cleanup_conf_ struct conf *f = conf_of("syn rate = 50/s\nxdp cpus = 1 4-6\n"
						"auth block = 10 in 5 min for 2 days\n");
	struct conf_auth_block b = { 0 };
	struct conf_rate r = { 0 };
	uint16_t cpus[8];
	uint32_t s = 0;

	ok(f->syn_rate.per_second == 50 && f->syn_rate.burst == 50, "a burst as large as the rate");
	ok(f->auth_block.failures == 10 && f->auth_block.window == 300 &&
		   f->auth_block.duration == 172800,
	   "auth block");
	is_int(conf_cpus(&f->xdp_cpus, cpus, 8), 4, "four CPUs");
	is_int(cpus[3], 6, "the last one");
	is_int(conf_cpus(&f->xdp_cpus, cpus, 2), 2, "no more than fit");
	ok(!conf_parse_rate("100/second burst 200", &r) && r.burst == 200, "a burst");
	ok(conf_parse_rate("100/minute", &r) && conf_parse_rate("burst 5", &r) &&
		   conf_parse_rate("0/second", &r) && conf_parse_rate("5/second burst 0", &r) &&
		   conf_parse_rate("99999999999999999999", &r) && conf_parse_rate("5 x", &r),
	   "no rates");
	ok(conf_parse_auth_block("5 in 0 for 1", &b) && conf_parse_auth_block("5 in 1 for 0", &b) &&
		   conf_parse_auth_block("101 in 1 for 1", &b) &&
		   conf_parse_auth_block("5 in 1 for 99999999d", &b) &&
		   conf_parse_auth_block("5 in 1 inch for 2", &b),
	   "no blocks");
	ok(!conf_parse_time("90", &s) && s == 90 && !conf_parse_time("2 h", &s) && s == 7200,
	   "times");
	ok(conf_parse_time("", &s) && conf_parse_time("h", &s) && conf_parse_time("1 y", &s) &&
		   conf_parse_time("-1", &s),
	   "no times");
}

int main(void)
{
	log_open("/dev/null", 0);
	is_int(block_start(), 0, "the list begins");
	written();
	listed();
	ends();
	logins();
	options();
	block_stop();
	return done_testing();
}
