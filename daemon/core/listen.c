// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * listen.c - listening sockets: one per address and reactor, in a SO_REUSEPORT group, so that the
 * kernel spreads connections over the reactors and no accept queue is shared.
 */
#include "core/listen.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/tcp.h>

#define BACKLOG 1024

static const char *sockaddr_text(const struct sockaddr_storage *ss, char *buf, size_t n)
{
	char a[INET6_ADDRSTRLEN];
	unsigned int port = ss->ss_family == AF_INET
				    ? ntohs(((const struct sockaddr_in *)ss)->sin_port)
				    : ntohs(((const struct sockaddr_in6 *)ss)->sin6_port);

	sockaddr_str(ss, a);
	snprintf(buf, n, strchr(a, ':') ? "[%s]:%u" : "%s:%u", a, port);
	return buf;
}

static socklen_t sockaddr_len(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static void set_port(struct sockaddr_storage *ss, uint16_t port)
{
	if (ss->ss_family == AF_INET)
		((struct sockaddr_in *)ss)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)ss)->sin6_port = htons(port);
}

static int bind_one(const struct sockaddr_storage *ss)
{
	int fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (ss->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)ss, sockaddr_len(ss)) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/*
 * SO_REUSEPORT would let us share the port with another server of the same user, which then gets
 * every other connection: look first whether anybody is there.
 */
static int taken(const struct sockaddr_storage *ss)
{
	int fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1, err = 0;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ss->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)ss, sockaddr_len(ss)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* ---- which addresses ---- */

struct addresses {
	struct sockaddr_storage v[64];
	unsigned int n;
};

static void add(struct addresses *as, const struct sockaddr *sa)
{
	struct sockaddr_storage ss = { 0 };

	memcpy(&ss, sa,
	       sa->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	set_port(&ss, 0);
	for (unsigned int i = 0; i < as->n; i++)
		if (memcmp(&as->v[i], &ss, sizeof(ss)) == 0)
			return;
	if (as->n < ARRAY_SIZE(as->v))
		as->v[as->n++] = ss;
}

static void add_any(struct addresses *as)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };

	add(as, (struct sockaddr *)&a4);
	add(as, (struct sockaddr *)&a6);
}

/* Addresses of an interface by name, or of those inside "address/bits". */
static bool add_local(struct addresses *as, const char *spec)
{
	struct conf_list one = { (char *[]) { (char *)(uintptr_t)spec, NULL }, 1 };
	struct ifaddrs *ifs, *i;
	bool found = false;

	if (getifaddrs(&ifs) < 0)
		return false;
	for (i = ifs; i; i = i->ifa_next) {
		if (!i->ifa_addr ||
		    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		if (strcmp(i->ifa_name, spec) == 0 || conf_host_in_list(&one, i->ifa_addr)) {
			add(as, i->ifa_addr);
			found = true;
		}
	}
	freeifaddrs(ifs);
	return found;
}

static bool add_spec(struct addresses *as, const char *spec)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, spec, &a4.sin_addr) == 1) {
		add(as, (struct sockaddr *)&a4);
		return true;
	}
	if (inet_pton(AF_INET6, spec, &a6.sin6_addr) == 1) {
		add(as, (struct sockaddr *)&a6);
		return true;
	}
	return add_local(as, spec);
}

static char *collect(const struct conf *f, struct addresses *as)
{
	if (!f->bind_interfaces_only || !f->interfaces.n) {
		add_any(as);
		return NULL;
	}
	for (unsigned int i = 0; i < f->interfaces.n; i++)
		if (!add_spec(as, f->interfaces.v[i]))
			log_notice("interfaces: there is no \"%s\" on this machine",
				   f->interfaces.v[i]);
	if (!as->n)
		return xstrdup("none of the interfaces in `interfaces` exists on this machine");
	return NULL;
}

/* One socket per reactor on one address and port. */
static char *listen_on(struct sockaddr_storage *ss, uint16_t port, struct listening *l)
{
	char text[80];
	int err;

	set_port(ss, port);
	sockaddr_text(ss, text, sizeof(text));
	err = taken(ss);
	if (err == -EAFNOSUPPORT || (err == -EADDRNOTAVAIL && ss->ss_family == AF_INET6))
		return NULL; /* no IPv6 here */
	for (unsigned int i = 0; i < server.nreactors && err == 0; i++) {
		int fd = bind_one(ss);

		if (fd < 0)
			err = fd;
		else
			err = reactor_listen(server.reactors[i], fd, port == 139);
	}
	if (err == -EADDRINUSE)
		return xasprintf("%s is taken by another server (see: ss -ltnp)", text);
	if (err == -EACCES)
		return xasprintf("%s: ports below 1024 need root or CAP_NET_BIND_SERVICE", text);
	if (err < 0)
		return xasprintf("cannot listen on %s: %s", text, strerror(-err));
	l->text = xrealloc(l->text, (l->n + 1) * sizeof(*l->text));
	l->text[l->n++] = xstrdup(text);
	return NULL;
}

char *listen_start(const struct conf *f, struct listening *l)
{
	struct addresses as = { .n = 0 };
	char *why = collect(f, &as);

	for (unsigned int p = 0; p < f->nports && !why; p++)
		for (unsigned int i = 0; i < as.n && !why; i++)
			why = listen_on(&as.v[i], f->ports[p], l);
	if (!why && !l->n)
		why = xstrdup("there is no address to listen on");
	return why;
}
