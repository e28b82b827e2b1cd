/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tcp_stats.h - what TCP knows of the connections: asked of the kernel when somebody wants to see
 * it, at no cost for the data. By a BPF iterator over the sockets (bpf/tcp_stats.bpf.c), which the
 * daemon pins beside the maps as `kh_tcp`, so that whoever may read them may read it (it prints
 * lines); or by sock_diag where there is none. Both see the network namespace of who asks.
 */
#ifndef KH_TCP_STATS_H
#define KH_TCP_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_STATS_PIN "kh_tcp"

struct tcp_facts {
	bool known;
	uint32_t addr[4];	    /* the client, IPv6 or mapped IPv4, network order */
	uint16_t port, local_port;  /* host order */
	uint32_t rtt_us, rttvar_us; /* smoothed */
	uint32_t retransmits;	    /* segments, since the connection was made */
	uint32_t cwnd, unacked;	    /* segments; unacked: sent and not acknowledged */
};

struct tcp_table {
	struct tcp_facts *f; /* sorted for tcp_facts_find() */
	size_t n;
	bool by_bpf;
};

/*
 * Facts of all TCP connections with one of the local ports. pin_dir: where the iterator is pinned
 * (if it is); NULL: sock_diag. 0 or -errno; *t is to be freed by tcp_table_free() then.
 */
int tcp_facts(const char *pin_dir, const uint16_t *ports, size_t nports, struct tcp_table *t);
void tcp_table_free(struct tcp_table *t);
/* NULL: unknown. */
const struct tcp_facts *tcp_facts_find(const struct tcp_table *t, const uint32_t addr[4],
				       uint16_t port, uint16_t local_port);

/*
 * Loads the iterator and pins it in pin_dir. Daemon's main thread. NULL, or why not (caller frees):
 * sock_diag is used then.
 */
char *tcp_stats_start(const char *pin_dir, const uint16_t *ports, size_t nports);
/* Other ports, after a reload. */
void tcp_stats_ports(const uint16_t *ports, size_t nports);
void tcp_stats_stop(void);

#endif /* KH_TCP_STATS_H */
