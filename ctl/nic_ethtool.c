/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic_ethtool.c - what only the driver knows, by the ethtool ioctls, which every kernel since 6.1
 * has; channels by netlink first. What a driver does not answer stays unknown.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "nic.h"

static int ethtool_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 ? fd : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* data: a struct of ethtool.h, which begins with its command. */
static int ask(int fd, const char *name, void *data)
{
	struct ifreq ifr = { .ifr_data = data };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(fd, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
}

/* ---- facts ---- */

static void get_channels(int fd, struct nic *n)
{
	struct ethtool_channels c = { .cmd = ETHTOOL_GCHANNELS };

	if (!ethnl_channels_get(n->name, &n->channels) || ask(fd, n->name, &c))
		return;
	n->channels = (struct nic_channels) { .known = true,
					      .rx = c.rx_count,
					      .tx = c.tx_count,
					      .combined = c.combined_count,
					      .other = c.other_count,
					      .max_rx = c.max_rx,
					      .max_tx = c.max_tx,
					      .max_combined = c.max_combined };
}

static const char *hash_function(uint8_t bits)
{
	switch (bits) {
	case 1:
		return "toeplitz";
	case 2:
		return "xor";
	case 4:
		return "crc32";
	}
	return "";
}

static uint32_t hash_fields(int fd, const char *name, uint32_t flow)
{
	struct ethtool_rxnfc r = { .cmd = ETHTOOL_GRXFH, .flow_type = flow };

	return ask(fd, name, &r) ? 0 : (uint32_t)r.data;
}

static void get_rss(int fd, struct nic *n)
{
	struct ethtool_rxfh sizes = { .cmd = ETHTOOL_GRSSH };
	_cleanup_free_ struct ethtool_rxfh *all = NULL;

	n->rss.tcp4 = hash_fields(fd, n->name, TCP_V4_FLOW);
	n->rss.tcp6 = hash_fields(fd, n->name, TCP_V6_FLOW);
	if (ask(fd, n->name, &sizes) || !sizes.indir_size || sizes.indir_size > 65536 ||
	    sizes.key_size > 65536)
		return;
	all = xcalloc(1, sizeof(*all) + sizes.indir_size * sizeof(uint32_t) + sizes.key_size);
	all->cmd = ETHTOOL_GRSSH;
	all->indir_size = sizes.indir_size;
	all->key_size = sizes.key_size;
	if (ask(fd, n->name, all))
		return;
	n->rss.size = sizes.indir_size;
	n->rss.table = xcalloc(n->rss.size, sizeof(uint32_t));
	memcpy(n->rss.table, all->rss_config, n->rss.size * sizeof(uint32_t));
	snprintf(n->rss.function, sizeof(n->rss.function), "%s", hash_function(all->hfunc));
}

static int flag(int fd, const char *name, uint32_t cmd, uint32_t bit)
{
	struct ethtool_value v = { .cmd = cmd };

	return ask(fd, name, &v) ? -1 : (v.data & bit) != 0;
}

static void get_rings(int fd, struct nic *n)
{
	struct ethtool_ringparam r = { .cmd = ETHTOOL_GRINGPARAM };
	struct ethtool_coalesce c = { .cmd = ETHTOOL_GCOALESCE };

	if (!ask(fd, n->name, &r)) {
		n->ring_rx = r.rx_pending;
		n->ring_rx_max = r.rx_max_pending;
		n->ring_tx = r.tx_pending;
		n->ring_tx_max = r.tx_max_pending;
	}
	if (!ask(fd, n->name, &c)) {
		n->coalesce_known = true;
		n->coalesce_adaptive = c.use_adaptive_rx_coalesce;
		n->coalesce_rx_us = c.rx_coalesce_usecs;
		n->coalesce_tx_us = c.tx_coalesce_usecs;
	}
}

void nic_ethtool(struct nic *n)
{
	struct ethtool_drvinfo d = { .cmd = ETHTOOL_GDRVINFO };
	_cleanup_close_ int fd = ethtool_socket();

	if (fd < 0)
		return;
	if (!ask(fd, n->name, &d))
		snprintf(n->driver, sizeof(n->driver), "%.31s", d.driver);
	get_channels(fd, n);
	get_rss(fd, n);
	get_rings(fd, n);
	n->offloads = (struct nic_offloads) {
		.tso = flag(fd, n->name, ETHTOOL_GTSO, 1),
		.gso = flag(fd, n->name, ETHTOOL_GGSO, 1),
		.gro = flag(fd, n->name, ETHTOOL_GGRO, 1),
		.lro = flag(fd, n->name, ETHTOOL_GFLAGS, ETH_FLAG_LRO),
	};
}

/* ---- changes ---- */

static char *sentence(int rc)
{
	switch (rc) {
	case -EOPNOTSUPP:
		return xstrdup("the driver cannot change it");
	case -EPERM:
		return xstrdup("CAP_NET_ADMIN is missing");
	case -EBUSY:
		return xstrdup("the driver says that it is busy");
	case -ENODEV:
		return xstrdup("the interface is gone");
	}
	return xstrdup(strerror(-rc));
}

static int set_channels_ioctl(const char *name, const struct nic_channels *c)
{
	struct ethtool_channels e = { .cmd = ETHTOOL_GCHANNELS };
	_cleanup_close_ int fd = ethtool_socket();
	int rc = fd < 0 ? -EOPNOTSUPP : ask(fd, name, &e);

	if (rc)
		return rc;
	e.cmd = ETHTOOL_SCHANNELS;
	e.rx_count = c->rx;
	e.tx_count = c->tx;
	e.combined_count = c->combined;
	return ask(fd, name, &e);
}

char *nic_set_channels(const char *name, const struct nic_channels *c)
{
	char *why = NULL;
	int rc = ethnl_channels_set(name, c, &why);

	if (rc == -EOPNOTSUPP && !why)
		rc = set_channels_ioctl(name, c);
	if (rc && !why)
		return sentence(rc);
	if (!rc) {
		free(why);
		return NULL;
	}
	return why;
}

char *nic_set_rss(const char *name, const uint32_t *table, uint32_t size)
{
	_cleanup_free_ struct ethtool_rxfh_indir *r = NULL;
	_cleanup_close_ int fd = ethtool_socket();
	int rc;

	if (!table)
		size = 0;
	r = xcalloc(1, sizeof(*r) + size * sizeof(uint32_t));
	r->cmd = ETHTOOL_SRXFHINDIR;
	r->size = size;
	if (size)
		memcpy(r->ring_index, table, size * sizeof(uint32_t));
	rc = fd < 0 ? -EOPNOTSUPP : ask(fd, name, r);
	return rc ? sentence(rc) : NULL;
}
