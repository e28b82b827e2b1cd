// SPDX-License-Identifier: GPL-2.0-or-later
/* tcp_iter.c - the iterator over TCP sockets (bpf/tcp_stats.bpf.c), loaded and pinned. */
#include "core/util.h"
#include "kernel/tcp_stats.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tcp_stats.skel.h"

static struct tcp_stats_bpf *skel;
static char *pin;

static int attach(const char *pin_dir)
{
	skel->links.kh_tcp = bpf_program__attach_iter(skel->progs.kh_tcp, NULL);
	if (!skel->links.kh_tcp)
		return -errno;
	pin = xasprintf("%s/" TCP_STATS_PIN, pin_dir);
	if (unlink(pin) < 0 && errno != ENOENT)
		return -errno;
	return bpf_link__pin(skel->links.kh_tcp, pin);
}

void tcp_stats_ports(const uint16_t *ports, size_t nports)
{
	size_t max = skel ? ARRAY_SIZE(skel->bss->kh_tcp_ports) : 0;

	for (size_t i = 0; i < max; i++)
		skel->bss->kh_tcp_ports[i] = i < nports ? ports[i] : 0;
}

char *tcp_stats_start(const char *pin_dir, const uint16_t *ports, size_t nports)
{
	int err;

	if (!pin_dir)
		return xstrdup("no BPF maps");
	skel = tcp_stats_bpf__open();
	if (!skel)
		return xasprintf("BPF object: %s", strerror(errno));
	err = tcp_stats_bpf__load(skel);
	if (!err) {
		tcp_stats_ports(ports, nports);
		err = attach(pin_dir);
	}
	if (!err)
		return NULL;
	tcp_stats_stop();
	return xstrdup(strerror(-err));
}

void tcp_stats_stop(void)
{
	if (pin)
		unlink(pin);
	free(steal_ptr(&pin));
	tcp_stats_bpf__destroy(steal_ptr(&skel));
}
