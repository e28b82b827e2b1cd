// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guard_check.c - what XDP would do to an interface, and what speaks against it. Whether a driver
 * takes the program is known only by trying; here is what people should know beforehand.
 */
#include "kernel/guard.h"

#include <bpf/libbpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>

/*
 * What a driver without multi-buffer XDP can take: a page less headroom, the shared info behind
 * the packet, and the link-layer header. Drivers differ by some bytes.
 */
#define PAGE_MTU 3498

struct check {
	const struct conf *f;
	guard_say_fn say;
	void *arg;
	const char *name;
	int fd;
};

__attribute__((format(printf, 3, 4))) static void say(const struct check *c, bool refused,
						      const char *fmt, ...)
{
	char text[320];
	size_t n;
	va_list ap;

	n = (size_t)snprintf(text, sizeof(text),
			     "%s on %s: ", refused ? "no XDP guard" : "XDP guard", c->name);
	va_start(ap, fmt);
	if (n < sizeof(text))
		vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	c->say(c->arg, text);
}

static bool ethtool(const struct check *c, void *cmd)
{
	struct ifreq r = { .ifr_data = cmd };

	strncpy(r.ifr_name, c->name, sizeof(r.ifr_name) - 1);
	return ioctl(c->fd, SIOCETHTOOL, &r) == 0;
}

static bool has_lro(const struct check *c)
{
	struct ethtool_value v = { .cmd = ETHTOOL_GFLAGS };

	return ethtool(c, &v) && v.data & ETH_FLAG_LRO;
}

static bool is_veth(const struct check *c)
{
	struct ethtool_drvinfo d = { .cmd = ETHTOOL_GDRVINFO };

	return ethtool(c, &d) && strcmp(d.driver, "veth") == 0;
}

static int mtu_of(const struct check *c)
{
	struct ifreq r = { 0 };

	strncpy(r.ifr_name, c->name, sizeof(r.ifr_name) - 1);
	return ioctl(c->fd, SIOCGIFMTU, &r) == 0 ? r.ifr_mtu : 0;
}

static bool is_taken(unsigned int index)
{
	struct bpf_xdp_query_opts o = { .sz = sizeof(o) };

	return bpf_xdp_query((int)index, 0, &o) == 0 && o.attach_mode != XDP_ATTACHED_NONE;
}

static void check_one(const struct check *c)
{
	bool native = c->f->xdp_mode != CONF_XDP_GENERIC;
	unsigned int index = if_nametoindex(c->name);
	int mtu;

	if (strcmp(c->name, "lo") == 0) {
		say(c, true, "loopback is never guarded");
		return;
	}
	if (!index) {
		say(c, true, "there is no such interface");
		return;
	}
	if (is_taken(index)) {
		say(c, true, "another XDP program is on it (bpftool net shows which)");
		return;
	}
	if (has_lro(c))
		say(c, false,
		    "large receive offload (LRO) is on; XDP turns it off, or is refused for it "
		    "(ethtool -K %s lro off)",
		    c->name);
	mtu = mtu_of(c);
	if (native && mtu > PAGE_MTU)
		say(c, false,
		    "an MTU of %d needs a driver with multi-buffer XDP; others refuse native mode "
		    "(above about %d)",
		    mtu, PAGE_MTU);
	if (native && is_veth(c))
		say(c, false,
		    "native XDP turns off TSO at the peer of a veth: large transfers slow down; "
		    "ethtool -K %s gro on helps, xdp mode = generic leaves TSO",
		    c->name);
}

void guard_check(const struct conf *f, guard_say_fn fn, void *arg)
{
	struct check c = { .f = f, .say = fn, .arg = arg };

	c.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (unsigned int i = 0; i < f->xdp_interfaces.n; i++) {
		c.name = f->xdp_interfaces.v[i];
		check_one(&c);
	}
	if (f->syn_rate.per_second && !f->xdp_interfaces.n)
		fn(arg, "\"syn rate\" has no effect without \"xdp interfaces\"");
	if (c.fd >= 0)
		close(c.fd);
}
