// SPDX-License-Identifier: GPL-2.0-or-later
/* tcp_stats.c - reading what TCP knows of connections: the iterator's lines, or sock_diag. */
#include "kernel/tcp_stats.h"
#include "core/util.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <stdio.h>

#define LINE_MAX_BYTES 128
#define DUMP_BYTES     32768
#define STATE_LISTEN   10 /* TCP_LISTEN */

/* What is collected, and which local ports are wanted. */
struct wanted {
	struct tcp_table *t;
	size_t cap;
	const uint16_t *ports;
	size_t nports;
};

static bool is_wanted(const struct wanted *w, uint16_t port)
{
	for (size_t i = 0; i < w->nports; i++)
		if (w->ports[i] == port)
			return true;
	return false;
}

static void add(struct wanted *w, const struct tcp_facts *f)
{
	if (!is_wanted(w, f->local_port))
		return;
	if (w->t->n == w->cap) {
		w->cap = MAX(64, w->cap * 2);
		w->t->f = xrealloc(w->t->f, w->cap * sizeof(*w->t->f));
	}
	w->t->f[w->t->n] = *f;
	w->t->f[w->t->n++].known = true;
}

static void map_v4(uint32_t to[4], uint32_t v4)
{
	to[0] = to[1] = 0;
	to[2] = htonl(0xffff);
	to[3] = v4;
}

/* ---- the iterator ---- */

/* The next number of the line; false: there is none up to max. */
static bool next_number(char **line, unsigned long max, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(*line, &end, 10);
	if (end == *line || errno || *out > max)
		return false;
	*line = end;
	return true;
}

static void take_line(struct wanted *w, char *line)
{
	unsigned long v[7]; /* port, local_port, rtt_us, rttvar_us, resent, cwnd, unacked */
	char *rest = strchr(line, ' ');
	struct tcp_facts f = { 0 };
	uint32_t v4;

	if (!rest)
		return;
	*rest++ = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(v); i++)
		if (!next_number(&rest, i < 2 ? UINT16_MAX : UINT32_MAX, &v[i]))
			return;
	f.port = (uint16_t)v[0];
	f.local_port = (uint16_t)v[1];
	f.rtt_us = (uint32_t)v[2];
	f.rttvar_us = (uint32_t)v[3];
	f.retransmits = (uint32_t)v[4];
	f.cwnd = (uint32_t)v[5];
	f.unacked = (uint32_t)v[6];
	if (inet_pton(AF_INET, line, &v4) == 1)
		map_v4(f.addr, v4);
	else if (inet_pton(AF_INET6, line, f.addr) != 1)
		return;
	add(w, &f);
}

static int by_iterator(struct wanted *w, const char *pin_dir)
{
	_cleanup_free_ char *path = xasprintf("%s/" TCP_STATS_PIN, pin_dir);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char line[LINE_MAX_BYTES];
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	int err = 0;

	if (!f)
		return -errno;
	steal_fd(&fd);
	while (fgets(line, sizeof(line), f))
		take_line(w, line);
	if (ferror(f))
		err = -EIO;
	fclose(f);
	w->t->by_bpf = !err;
	return err;
}

/* ---- sock_diag ---- */

static int take_message(const struct nlmsghdr *nlh, void *arg)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	struct tcp_facts f = { 0 };

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return MNL_CB_OK;
	f.port = ntohs(m->id.idiag_dport);
	f.local_port = ntohs(m->id.idiag_sport);
	if (m->idiag_family == AF_INET)
		map_v4(f.addr, m->id.idiag_dst[0]);
	else
		memcpy(f.addr, m->id.idiag_dst, sizeof(f.addr));
	mnl_attr_for_each(a, nlh, sizeof(*m))
	{
		struct tcp_info info = { 0 };

		if (mnl_attr_get_type(a) != INET_DIAG_INFO)
			continue;
		memcpy(&info, mnl_attr_get_payload(a),
		       MIN((size_t)mnl_attr_get_payload_len(a), sizeof(info)));
		f.rtt_us = info.tcpi_rtt;
		f.rttvar_us = info.tcpi_rttvar;
		f.retransmits = info.tcpi_total_retrans;
		f.cwnd = info.tcpi_snd_cwnd;
		f.unacked = info.tcpi_unacked;
		add(arg, &f);
	}
	return MNL_CB_OK;
}

static int dump(struct mnl_socket *nl, uint8_t family, struct wanted *w)
{
	_cleanup_free_ char *buf = xmalloc(DUMP_BYTES);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *req;
	int rc = 1;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = family;
	req->sdiag_protocol = IPPROTO_TCP;
	req->idiag_ext = 1 << (INET_DIAG_INFO - 1);
	req->idiag_states = ~(1u << STATE_LISTEN);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (rc > 0) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, DUMP_BYTES);

		if (n < 0)
			return -errno;
		rc = mnl_cb_run(buf, (size_t)n, 0, 0, take_message, w);
	}
	return rc < 0 ? -errno : 0;
}

static int by_sock_diag(struct wanted *w)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	int err;

	if (!nl)
		return -errno;
	err = dump(nl, AF_INET, w);
	err = err ?: dump(nl, AF_INET6, w);
	mnl_socket_close(nl);
	return err;
}

/* ---- the table ---- */

static int order(const void *a, const void *b)
{
	const struct tcp_facts *x = a, *y = b;

	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	if (x->local_port != y->local_port)
		return x->local_port < y->local_port ? -1 : 1;
	return memcmp(x->addr, y->addr, sizeof(x->addr));
}

int tcp_facts(const char *pin_dir, const uint16_t *ports, size_t nports, struct tcp_table *t)
{
	struct wanted w = { .t = t, .ports = ports, .nports = nports };
	int err;

	*t = (struct tcp_table) { 0 };
	err = pin_dir ? by_iterator(&w, pin_dir) : -ENOENT;
	if (err) {
		t->n = 0;
		err = by_sock_diag(&w);
	}
	if (err) {
		tcp_table_free(t);
		return err;
	}
	if (t->n)
		qsort(t->f, t->n, sizeof(*t->f), order);
	return 0;
}

void tcp_table_free(struct tcp_table *t)
{
	free(t->f);
	*t = (struct tcp_table) { 0 };
}

const struct tcp_facts *tcp_facts_find(const struct tcp_table *t, const uint32_t addr[4],
				       uint16_t port, uint16_t local_port)
{
	struct tcp_facts key = { .port = port, .local_port = local_port };

	memcpy(key.addr, addr, sizeof(key.addr));
	return t->n ? bsearch(&key, t->f, t->n, sizeof(key), order) : NULL;
}
