// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * listen.c - listening sockets: one per address and reactor, in a SO_REUSEPORT group, so that
 * connections are spread over the reactors (kernel/steer.h) and no accept queue is shared.
 */
#include "core/listen.h"
#include "kernel/steer.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/tcp.h>

#define BACKLOG 65535 /* the kernel takes no more than net.core.somaxconn */

/*
 * A removed address takes the connections that are being made when it goes: their clients have, or
 * will have within a few round trips, the server's word that it listens.
 */
#define DRAIN_NS (3ull * 1000000000)
/* After that it is closed for sure. */
#define GONE_NS (60ull * 1000000000)

/* One address with its port, and its sockets. */
struct endpoint {
	struct sockaddr_storage ss;
	char *text;
	int group;	  /* steer_group_add() */
	int *fds;	  /* by reactor; the reactors close them */
	unsigned int n;	  /* of fds */
	unsigned int had; /* of them, before the update that is under way */
	bool wanted;	  /* by it */
	uint64_t gone_ns; /* removed then; kept, as the port may still be ours; 0: in use */
};

static struct endpoint *endpoints;
static unsigned int nendpoints;

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
	/* Connections have these from their listener. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
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

/* Addresses of interfaces by name, or of those inside "address/bits". */
static bool add_local(struct addresses *as, const struct conf_interface *spec)
{
	struct ifaddrs *ifs, *i;
	bool found = false;

	if (getifaddrs(&ifs) < 0)
		return false;
	for (i = ifs; i; i = i->ifa_next) {
		if (!i->ifa_addr ||
		    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		if (conf_interface_is(spec, i->ifa_name, i->ifa_addr)) {
			add(as, i->ifa_addr);
			found = true;
		}
	}
	freeifaddrs(ifs);
	return found;
}

static bool add_spec(struct addresses *as, const struct conf_interface *spec)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, spec->name, &a4.sin_addr) == 1) {
		add(as, (struct sockaddr *)&a4);
		return true;
	}
	if (inet_pton(AF_INET6, spec->name, &a6.sin6_addr) == 1) {
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
	for (unsigned int i = 0; i < f->ninterfaces; i++)
		if (!add_spec(as, &f->interface[i]))
			log_notice("interfaces: there is no \"%s\" on this machine",
				   f->interface[i].name);
	if (!as->n)
		return xstrdup("none of the interfaces in `interfaces` exists on this machine");
	return NULL;
}

/* ---- what is there ---- */

static bool is_any(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET)
		return ((const struct sockaddr_in *)ss)->sin_addr.s_addr == INADDR_ANY;
	return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)ss)->sin6_addr);
}

static bool same_address(const struct sockaddr_storage *ss, const struct sockaddr *sa)
{
	if (ss->ss_family != sa->sa_family)
		return false;
	if (ss->ss_family == AF_INET)
		return ((const struct sockaddr_in *)ss)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)sa)->sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&((const struct sockaddr_in6 *)ss)->sin6_addr,
				  &((const struct sockaddr_in6 *)sa)->sin6_addr);
}

static in_port_t port_of(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET ? ((const struct sockaddr_in *)ss)->sin_port
					: ((const struct sockaddr_in6 *)ss)->sin6_port;
}

static struct endpoint *find(const struct sockaddr_storage *ss)
{
	for (unsigned int i = 0; i < nendpoints; i++)
		if (!endpoints[i].gone_ns && memcmp(&endpoints[i].ss, ss, sizeof(*ss)) == 0)
			return &endpoints[i];
	return NULL;
}

/* Is a socket of ours what would be in the way? Also one that is about to be closed. */
static bool is_ours(const struct sockaddr_storage *ss)
{
	for (unsigned int i = 0; i < nendpoints; i++) {
		const struct sockaddr_storage *have = &endpoints[i].ss;

		if (have->ss_family == ss->ss_family && port_of(have) == port_of(ss) &&
		    (is_any(have) || is_any(ss) || same_address(have, (const struct sockaddr *)ss)))
			return true;
	}
	return false;
}

bool listen_covers(const struct sockaddr *sa)
{
	for (unsigned int i = 0; i < nendpoints; i++) {
		const struct endpoint *e = &endpoints[i];

		if (!e->gone_ns && e->ss.ss_family == sa->sa_family &&
		    (is_any(&e->ss) || same_address(&e->ss, sa)))
			return true;
	}
	return false;
}

void listen_each_socket(void (*fn)(void *arg, unsigned int reactor, int fd), void *arg)
{
	for (unsigned int i = 0; i < nendpoints; i++)
		for (unsigned int j = 0; j < endpoints[i].n && !endpoints[i].gone_ns; j++)
			fn(arg, j, endpoints[i].fds[j]);
}

static void endpoint_free(struct endpoint *e)
{
	free(e->text);
	free(e->fds);
	*e = endpoints[--nendpoints];
}

static void forget_gone(void)
{
	uint64_t now = now_ns();

	for (unsigned int i = nendpoints; i-- > 0;)
		if (endpoints[i].gone_ns && now - endpoints[i].gone_ns > GONE_NS)
			endpoint_free(&endpoints[i]);
}

/* ---- an update: open, hand over, close ---- */

static char *explain(const char *text, int err)
{
	if (err == -EADDRINUSE)
		return xasprintf("%s is taken by another server (see: ss -ltnp)", text);
	if (err == -EACCES)
		return xasprintf("%s: ports below 1024 need root or CAP_NET_BIND_SERVICE", text);
	return xasprintf("cannot listen on %s: %s", text, strerror(-err));
}

/* Sockets for the first n reactors, as far as they are missing. NULL, or why not. */
static char *open_sockets(struct endpoint *e, unsigned int n)
{
	e->had = e->n;
	e->wanted = true;
	if (n > e->n)
		e->fds = xrealloc(e->fds, n * sizeof(*e->fds));
	while (e->n < n) {
		int fd = bind_one(&e->ss);

		if (fd < 0)
			return explain(e->text, fd);
		e->fds[e->n++] = fd;
	}
	return NULL;
}

static char *want(struct sockaddr_storage *ss, uint16_t port, unsigned int n)
{
	struct endpoint *e;
	char text[80];
	int err;

	set_port(ss, port);
	e = find(ss);
	if (e)
		return open_sockets(e, n);
	sockaddr_text(ss, text, sizeof(text));
	err = is_ours(ss) ? 0 : taken(ss);
	if (err == -EAFNOSUPPORT || (err == -EADDRNOTAVAIL && ss->ss_family == AF_INET6))
		return NULL; /* no IPv6 here */
	if (err < 0)
		return explain(text, err);
	endpoints = xrealloc(endpoints, (nendpoints + 1) * sizeof(*endpoints));
	e = &endpoints[nendpoints++];
	*e = (struct endpoint) { .ss = *ss, .text = xstrdup(text), .group = -1 };
	return open_sockets(e, n);
}

/*
 * An address of which everything is listened on now keeps its listeners: they are the nearer match,
 * so that a connection is refused or lost if they close, whatever else would take it.
 */
static char *want_covered(unsigned int n)
{
	char *why = NULL;

	for (unsigned int i = 0; i < nendpoints && !why; i++) {
		struct endpoint *e = &endpoints[i];

		for (unsigned int j = 0; j < nendpoints && !e->wanted && !e->gone_ns && !why; j++)
			if (endpoints[j].wanted && is_any(&endpoints[j].ss) &&
			    endpoints[j].ss.ss_family == e->ss.ss_family &&
			    port_of(&endpoints[j].ss) == port_of(&e->ss))
				why = open_sockets(e, n);
	}
	return why;
}

/* Closes what this update opened. */
static void take_back(void)
{
	for (unsigned int i = nendpoints; i-- > 0;) {
		struct endpoint *e = &endpoints[i];

		if (e->wanted)
			while (e->n > e->had)
				close(e->fds[--e->n]);
		if (e->wanted && e->n == 0)
			endpoint_free(e);
	}
}

static void hand_over(struct endpoint *e)
{
	if (e->had == 0)
		e->group = steer_group_add(&e->ss);
	for (unsigned int i = e->had; i < e->n; i++) {
		steer_group_listener(e->group, i, e->fds[i]);
		reactor_listen(server.reactors[i], e->fds[i], port_of(&e->ss) == htons(139));
	}
}

/* Those of an address that went, or of the reactors from n on. */
static void close_sockets(struct endpoint *e, unsigned int n)
{
	bool moves = steer_migrates();

	if (!e->wanted) {
		steer_group_closing(e->group);
		for (unsigned int i = 0; i < e->n; i++)
			reactor_unlisten(server.reactors[i], e->fds[i], DRAIN_NS, true);
		e->gone_ns = now_ns();
		e->n = 0;
		return;
	}
	for (; e->n > n; e->n--)
		reactor_unlisten(server.reactors[e->n - 1], e->fds[e->n - 1], 0, !moves);
}

static void drop_texts(struct listening *l)
{
	while (l->n)
		free(l->text[--l->n]);
	free(steal_ptr(&l->text));
}

static void set_texts(struct listening *l)
{
	drop_texts(l);
	for (unsigned int i = 0; i < nendpoints; i++)
		if (!endpoints[i].gone_ns) {
			l->text = xrealloc(l->text, (l->n + 1) * sizeof(*l->text));
			l->text[l->n++] = xstrdup(endpoints[i].text);
		}
}

char *listen_text(const struct listening *l)
{
	char *s = xstrdup("");

	for (unsigned int i = 0; i < l->n; i++) {
		char *t = xasprintf("%s%s%s", s, i ? " " : "", l->text[i]);

		free(s);
		s = t;
	}
	return s;
}

char *listen_update(const struct conf *f, unsigned int n, struct listening *l)
{
	struct addresses as = { .n = 0 };
	char *why = collect(f, &as);
	bool any = false;

	forget_gone();
	for (unsigned int i = 0; i < nendpoints; i++)
		endpoints[i].wanted = false;
	for (unsigned int p = 0; p < f->nports && !why; p++)
		for (unsigned int i = 0; i < as.n && !why; i++)
			why = want(&as.v[i], f->ports[p], n);
	why = why ?: want_covered(n);
	for (unsigned int i = 0; i < nendpoints; i++)
		any |= endpoints[i].wanted;
	if (!why && !any)
		why = xstrdup("there is no address to listen on");
	if (why) {
		take_back();
		return why;
	}
	for (unsigned int i = 0; i < nendpoints; i++)
		if (endpoints[i].wanted)
			hand_over(&endpoints[i]);
	steer_apply(f, n);
	for (unsigned int i = 0; i < nendpoints; i++)
		if (!endpoints[i].gone_ns)
			close_sockets(&endpoints[i], n);
	set_texts(l);
	return NULL;
}

void listen_stop(struct listening *l)
{
	drop_texts(l);
	while (nendpoints)
		endpoint_free(&endpoints[nendpoints - 1]);
	free(steal_ptr(&endpoints));
}
