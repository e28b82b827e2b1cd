/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic_netlink.c - channels by ethtool netlink: the only place where a driver's refusal comes with a
 * sentence.
 */
#include <libmnl/libmnl.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>

#include "nic.h"

#define MESSAGE_MAX 8192

struct ethnl {
	struct mnl_socket *sock;
	char buf[MESSAGE_MAX];
	struct nlmsghdr *nlh;
	char *why; /* the kernel's sentence */
};

static void ethnl_close(struct ethnl *e)
{
	if (e->sock)
		mnl_socket_close(e->sock);
	free(e->why);
}

static struct genlmsghdr *message(struct ethnl *e, uint16_t family, uint8_t cmd)
{
	struct genlmsghdr *g;

	e->nlh = mnl_nlmsg_put_header(e->buf);
	e->nlh->nlmsg_type = family;
	e->nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	e->nlh->nlmsg_seq = 1;
	g = mnl_nlmsg_put_extra_header(e->nlh, sizeof(*g));
	g->cmd = cmd;
	g->version = 1;
	return g;
}

/* NLMSGERR_ATTR_MSG of an acknowledgement that has attributes, and no copy of the request. */
static int take_error(const struct nlmsghdr *nlh, struct ethnl *e)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t head = sizeof(*err);
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err))
		return -EPROTO;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return err->error;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		head += NLMSG_ALIGN(err->msg.nlmsg_len - sizeof(err->msg));
	mnl_attr_for_each(a, nlh, head) if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG && !e->why)
		e->why = xstrndup(mnl_attr_get_str(a), mnl_attr_get_payload_len(a));
	return err->error;
}

/* Sends the message and hands the answers to take() until the acknowledgement. */
static int talk(struct ethnl *e, mnl_cb_t take, void *arg)
{
	if (mnl_socket_sendto(e->sock, e->nlh, e->nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(e->sock, e->buf, sizeof(e->buf));
		int left = (int)n;

		if (n < 0)
			return -errno;
		for (const struct nlmsghdr *h = (void *)e->buf; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			if (h->nlmsg_type == NLMSG_ERROR)
				return take_error(h, e);
			if (h->nlmsg_type >= NLMSG_MIN_TYPE && take)
				take(h, arg);
		}
	}
}

static int take_family(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr)) if (mnl_attr_get_type(a) ==
								 CTRL_ATTR_FAMILY_ID) *
		(uint16_t *)arg = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

static int ethnl_open(struct ethnl *e, uint16_t *family)
{
	int on = 1, rc;

	e->why = NULL;
	*family = 0;
	e->sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!e->sock)
		return -EOPNOTSUPP;
	mnl_socket_setsockopt(e->sock, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(e->sock, NETLINK_CAP_ACK, &on, sizeof(on));
	if (mnl_socket_bind(e->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	message(e, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(e->nlh, CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME);
	rc = talk(e, take_family, family);
	return rc == -ENOENT || (!rc && !*family) ? -EOPNOTSUPP : rc;
}

static void put_header(struct ethnl *e, const char *name)
{
	struct nlattr *nest = mnl_attr_nest_start(e->nlh, ETHTOOL_A_CHANNELS_HEADER);

	mnl_attr_put_strz(e->nlh, ETHTOOL_A_HEADER_DEV_NAME, name);
	mnl_attr_nest_end(e->nlh, nest);
}

static int take_channels(const struct nlmsghdr *nlh, void *arg)
{
	struct nic_channels *c = arg;
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
	{
		uint32_t *to[] = { [ETHTOOL_A_CHANNELS_RX_MAX] = &c->max_rx,
				   [ETHTOOL_A_CHANNELS_TX_MAX] = &c->max_tx,
				   [ETHTOOL_A_CHANNELS_COMBINED_MAX] = &c->max_combined,
				   [ETHTOOL_A_CHANNELS_RX_COUNT] = &c->rx,
				   [ETHTOOL_A_CHANNELS_TX_COUNT] = &c->tx,
				   [ETHTOOL_A_CHANNELS_OTHER_COUNT] = &c->other,
				   [ETHTOOL_A_CHANNELS_COMBINED_COUNT] = &c->combined };
		uint16_t type = mnl_attr_get_type(a);

		if (type < ARRAY_SIZE(to) && to[type] && !mnl_attr_validate(a, MNL_TYPE_U32))
			*to[type] = mnl_attr_get_u32(a);
	}
	c->known = true;
	return MNL_CB_OK;
}

int ethnl_channels_get(const char *name, struct nic_channels *c)
{
	struct ethnl e;
	uint16_t family;
	int rc = ethnl_open(&e, &family);

	if (!rc) {
		message(&e, family, ETHTOOL_MSG_CHANNELS_GET);
		put_header(&e, name);
		rc = talk(&e, take_channels, c);
	}
	ethnl_close(&e);
	return !rc && !c->known ? -EOPNOTSUPP : rc;
}

int ethnl_channels_set(const char *name, const struct nic_channels *c, char **why)
{
	struct ethnl e;
	uint16_t family;
	int rc = ethnl_open(&e, &family);

	if (!rc) {
		message(&e, family, ETHTOOL_MSG_CHANNELS_SET);
		put_header(&e, name);
		if (c->max_rx)
			mnl_attr_put_u32(e.nlh, ETHTOOL_A_CHANNELS_RX_COUNT, c->rx);
		if (c->max_tx)
			mnl_attr_put_u32(e.nlh, ETHTOOL_A_CHANNELS_TX_COUNT, c->tx);
		if (c->max_combined)
			mnl_attr_put_u32(e.nlh, ETHTOOL_A_CHANNELS_COMBINED_COUNT, c->combined);
		rc = talk(&e, NULL, NULL);
	}
	*why = steal_ptr(&e.why);
	ethnl_close(&e);
	return rc;
}
