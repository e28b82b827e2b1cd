/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic_sys.c - what /sys and /proc say of interfaces and CPUs, below a root folder, which tests and
 * those who look at another machine's files give.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/file.h"
#include "nic.h"

#define FILE_MAX  (4u << 20)
#define DEPTH_MAX 4 /* a VLAN on a bond on ... */

/* ---- files ---- */

__attribute__((format(printf, 2, 0))) static char *path_of(const struct nic_sys *s, const char *fmt,
							   va_list ap)
{
	char *rest = NULL, *path;

	if (vasprintf(&rest, fmt, ap) < 0)
		rest = xstrdup("");
	path = xasprintf("%s/%s", s->root, rest);
	free(rest);
	return path;
}

char *nic_read(const struct nic_sys *s, int *err, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	char *text = NULL;
	va_list ap;
	size_t len;
	int rc;

	va_start(ap, fmt);
	path = path_of(s, fmt, ap);
	va_end(ap);
	rc = file_read(path, FILE_MAX, &text, &len);
	if (err)
		*err = rc;
	if (rc)
		return NULL;
	text[strcspn(text, "\n")] = 0;
	return text;
}

int nic_write(const struct nic_sys *s, const char *text, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	va_list ap;

	va_start(ap, fmt);
	path = path_of(s, fmt, ap);
	va_end(ap);
	/* Below a root of plain files what is longer is cut. */
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static long read_number(const struct nic_sys *s, const char *name, const char *file, long missing)
{
	_cleanup_free_ char *text = nic_read(s, NULL, "sys/class/net/%s/%s", name, file);
	char *end;
	long v;

	if (!text)
		return missing;
	v = strtol(text, &end, 10);
	return end == text ? missing : v;
}

/* Calls fn for each entry of a folder that begins with prefix; the number of them. */
static unsigned int each_entry(const struct nic_sys *s, const char *folder, const char *prefix,
			       void (*fn)(void *arg, const char *name), void *arg)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", s->root, folder);
	DIR *d = opendir(path);
	unsigned int n = 0;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (*e->d_name == '.' || strncmp(e->d_name, prefix, strlen(prefix)))
			continue;
		n++;
		if (fn)
			fn(arg, e->d_name);
	}
	if (d)
		closedir(d);
	return n;
}

/* Is there such a file of the interface? */
static bool has(const struct nic_sys *s, const char *name, const char *what)
{
	_cleanup_free_ char *path = xasprintf("%s/sys/class/net/%s/%s", s->root, name, what);

	return !access(path, F_OK);
}

/* ---- one interface ---- */

static void get_queues(const struct nic_sys *s, struct nic *n)
{
	_cleanup_free_ char *folder = xasprintf("sys/class/net/%s/queues", n->name);

	n->nrx = MIN(each_entry(s, folder, "rx-", NULL, NULL), CPUS_MAX * 4);
	n->ntx = MIN(each_entry(s, folder, "tx-", NULL, NULL), CPUS_MAX * 4);
	n->rx = xcalloc(n->nrx + 1, sizeof(*n->rx));
	n->tx = xcalloc(n->ntx + 1, sizeof(*n->tx));
	for (unsigned int i = 0; i < n->nrx; i++) {
		_cleanup_free_ char *text = nic_read(s, NULL, "%s/rx-%u/rps_cpus", folder, i);

		n->rx[i].known = text && cpus_parse_mask(&n->rx[i].cpus, text);
	}
	for (unsigned int i = 0; i < n->ntx; i++) {
		_cleanup_free_ char *text = nic_read(s, NULL, "%s/tx-%u/xps_cpus", folder, i);

		n->tx[i].known = text && cpus_parse_mask(&n->tx[i].cpus, text);
	}
}

static void get_affinity(const struct nic_sys *s, struct nic_irq *irq)
{
	_cleanup_free_ char *set = nic_read(s, NULL, "proc/irq/%u/smp_affinity_list", irq->irq);
	_cleanup_free_ char *in_effect =
		nic_read(s, NULL, "proc/irq/%u/effective_affinity_list", irq->irq);

	irq->known = set && cpus_parse_list(&irq->affinity, set);
	if (!in_effect || !cpus_parse_list(&irq->effective, in_effect))
		memset(&irq->effective, 0, sizeof(irq->effective));
}

static int by_queue(const void *a, const void *b)
{
	const struct nic_irq *x = a, *y = b;

	if (!x->kind != !y->kind)
		return x->kind ? -1 : 1;
	if (x->kind && x->queue != y->queue)
		return x->queue < y->queue ? -1 : 1;
	return x->irq < y->irq ? -1 : x->irq > y->irq;
}

static void take_irq(const struct nic_sys *s, struct nic *n, const struct irq_lines *l,
		     unsigned int number)
{
	const struct irq_line *line = irq_lines_find(l, number);
	struct nic_irq *irq;

	n->irqs = xrealloc(n->irqs, (n->nirqs + 1) * sizeof(*n->irqs));
	irq = &n->irqs[n->nirqs++];
	*irq = (struct nic_irq) { .irq = number };
	if (line) {
		irq->count = line->count;
		memcpy(irq->name, line->name, sizeof(irq->name));
		irq->kind = irq_name_queue(line->name, n->name, &irq->queue);
	}
	get_affinity(s, irq);
}

struct irq_search {
	const struct nic_sys *s;
	struct nic *n;
	const struct irq_lines *lines;
};

static void found_msi(void *arg, const char *name)
{
	struct irq_search *q = arg;

	if (isdigit((unsigned char)*name))
		take_irq(q->s, q->n, q->lines, (unsigned int)strtoul(name, NULL, 10));
}

/* Those of the PCI device, which may be above a virtio one; or any that have the device's name. */
static void get_irqs(const struct nic_sys *s, struct nic *n)
{
	static const char *const places[] = { "device/msi_irqs", "device/../msi_irqs" };
	_cleanup_free_ char *path = xasprintf("%s/proc/interrupts", s->root);
	_cleanup_free_ char *text = NULL;
	struct irq_lines l;
	struct irq_search q = { s, n, &l };
	size_t len;

	if (file_read(path, FILE_MAX, &text, &len))
		return;
	l = irq_lines_parse(text);
	for (size_t i = 0; i < ARRAY_SIZE(places) && !n->nirqs; i++) {
		_cleanup_free_ char *folder = xasprintf("sys/class/net/%s/%s", n->name, places[i]);

		each_entry(s, folder, "", found_msi, &q);
	}
	for (size_t i = 0; i < l.n && !n->nirqs; i++)
		if (irq_name_of(l.v[i].name, n->name))
			take_irq(s, n, &l, l.v[i].irq);
	free(l.v);
	if (n->nirqs)
		qsort(n->irqs, n->nirqs, sizeof(*n->irqs), by_queue);
}

static void get_driver(const struct nic_sys *s, struct nic *n)
{
	_cleanup_free_ char *path =
		xasprintf("%s/sys/class/net/%s/device/driver", s->root, n->name);
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);
	const char *base;

	if (len <= 0)
		return;
	target[len] = 0;
	base = strrchr(target, '/');
	snprintf(n->driver, sizeof(n->driver), "%.31s", base ? base + 1 : target);
}

static bool name_ok(const char *name)
{
	return *name && *name != '.' && strlen(name) < IFNAMSIZ && !strchr(name, '/');
}

int nic_gather(const struct nic_sys *s, const char *name, struct nic *n)
{
	long node;

	*n = (struct nic) { .speed = -1, .node = -1, .offloads = { -1, -1, -1, -1 } };
	if (!name_ok(name))
		return -ENODEV;
	snprintf(n->name, sizeof(n->name), "%s", name);
	if (read_number(s, name, "type", -1) < 0)
		return -ENODEV;
	n->loopback = read_number(s, name, "type", 0) == ARPHRD_LOOPBACK;
	n->hardware = has(s, name, "device");
	n->speed = (int)read_number(s, name, "speed", -1);
	node = read_number(s, name, "device/numa_node", -1);
	n->node = (int)(node >= 0 ? node : read_number(s, name, "device/../numa_node", -1));
	n->rx_dropped = (uint64_t)read_number(s, name, "statistics/rx_missed_errors", 0);
	get_queues(s, n);
	get_irqs(s, n);
	get_driver(s, n);
	if (!*s->root)
		nic_ethtool(n);
	return 0;
}

void nic_free(struct nic *n)
{
	free(n->rx);
	free(n->tx);
	free(n->irqs);
	free(n->rss.table);
	*n = (struct nic) { 0 };
}

void tune_facts_free(struct tune_facts *f)
{
	for (unsigned int i = 0; i < f->nnics; i++)
		nic_free(&f->nics[i]);
	free(f->nics);
	free(f->nodes);
	free(f->reactors);
	*f = (struct tune_facts) { 0 };
}

/* ---- the machine ---- */

struct proc_search {
	const struct nic_sys *s;
	int pid;
};

static void look_at_process(void *arg, const char *name)
{
	struct proc_search *q = arg;
	_cleanup_free_ char *comm = NULL;

	if (q->pid || !isdigit((unsigned char)*name))
		return;
	comm = nic_read(q->s, NULL, "proc/%s/comm", name);
	if (comm && !strcmp(comm, "irqbalance"))
		q->pid = (int)strtol(name, NULL, 10);
}

void nic_machine(const struct nic_sys *s, struct tune_facts *f)
{
	static const char folder[] = "sys/devices/system/node";
	_cleanup_free_ char *online = nic_read(s, NULL, "sys/devices/system/cpu/online");
	struct proc_search irqbalance = { s, 0 };

	if (!online || !cpus_parse_list(&f->online, online))
		cpus_add(&f->online, 0);
	f->nnodes = MIN(each_entry(s, folder, "node", NULL, NULL), 256u);
	f->nodes = xcalloc(f->nnodes + 1, sizeof(*f->nodes));
	for (unsigned int i = 0; i < f->nnodes; i++) {
		_cleanup_free_ char *text = nic_read(s, NULL, "%s/node%u/cpulist", folder, i);

		if (text)
			cpus_parse_list(&f->nodes[i], text);
	}
	each_entry(s, "proc", "", look_at_process, &irqbalance);
	f->irqbalance = irqbalance.pid;
}

/* ---- which interfaces ---- */

struct below {
	const struct nic_sys *s;
	const char *above;
	nic_found_fn add;
	void *arg;
	unsigned int depth;
	bool bridge;
};

/* Ports of a bridge without a device of their own lead to virtual machines and containers. */
static void found_lower(void *arg, const char *name)
{
	struct below *b = arg;
	struct below next = *b;
	_cleanup_free_ char *folder = NULL;

	name += strlen("lower_");
	next.depth++;
	folder = xasprintf("sys/class/net/%s", name);
	next.bridge = has(b->s, name, "bridge");
	if (!name_ok(name) || (b->bridge && !has(b->s, name, "device")))
		return;
	if (next.depth > DEPTH_MAX || !each_entry(b->s, folder, "lower_", found_lower, &next))
		b->add(b->arg, name, b->above);
}

/* The device, or those that carry its packets. */
static void add_device(const struct nic_sys *s, const char *name, nic_found_fn add, void *arg)
{
	_cleanup_free_ char *folder = xasprintf("sys/class/net/%s", name);
	struct below b = { s, name, add, arg, 0, has(s, name, "bridge") };

	if (!each_entry(s, folder, "lower_", found_lower, &b))
		add(arg, name, "");
}

void nic_each(const struct nic_sys *s, nic_found_fn add, void *arg)
{
	_cleanup_free_ char *path = xasprintf("%s/sys/class/net", s->root);
	struct dirent **v;
	int n = scandir(path, &v, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		long type = read_number(s, v[i]->d_name, "type", -1);

		/* bonding_masters is a file */
		if (type >= 0 && type != ARPHRD_LOOPBACK && name_ok(v[i]->d_name))
			add_device(s, v[i]->d_name, add, arg);
		free(v[i]);
	}
	if (n >= 0)
		free(v);
}

/* Does a word of listeners, "1.2.3.4:445" or "[::]:445", name this address? */
static bool listens_on(const char *listeners, const char *address)
{
	size_t n = strlen(address);

	for (const char *p = listeners; (p = strstr(p, address)); p++) {
		char before = p == listeners ? ' ' : p[-1];

		if ((before == ' ' || before == '[') && (p[n] == ':' || p[n] == ']') &&
		    (before == '[') == (p[n] == ']'))
			return true;
	}
	return false;
}

static bool is_listening(const struct ifaddrs *i, const char *listeners)
{
	char text[INET6_ADDRSTRLEN];
	int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;

	if (family == AF_INET)
		inet_ntop(family, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, text,
			  sizeof(text));
	else if (family == AF_INET6)
		inet_ntop(family, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, text,
			  sizeof(text));
	else
		return false;
	return listens_on(listeners, text);
}

void nic_listening(const struct nic_sys *s, const char *listeners, nic_found_fn add, void *arg)
{
	bool any = listens_on(listeners, "0.0.0.0") || listens_on(listeners, "::");
	struct ifaddrs *ifs, *i;
	bool others = false;

	if (getifaddrs(&ifs) < 0)
		return;
	for (i = ifs; i; i = i->ifa_next) {
		bool up = i->ifa_flags & IFF_UP, loopback = i->ifa_flags & IFF_LOOPBACK;

		if (any && has(s, i->ifa_name, "brport"))
			continue; /* the bridge stands for it */
		if (any ? up && !loopback && i->ifa_addr : is_listening(i, listeners)) {
			add_device(s, i->ifa_name, add, arg);
			others = true;
		}
	}
	for (i = ifs; i && any && !others; i = i->ifa_next)
		if (i->ifa_flags & IFF_LOOPBACK)
			add(arg, i->ifa_name, "");
	freeifaddrs(ifs);
}
