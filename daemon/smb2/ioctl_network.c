// SPDX-License-Identifier: GPL-2.0-or-later
/* ioctl_network.c - FSCTLs about the connection and the server, not about a file. */
#include "smb2/ioctl.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>

#define NEGOTIATE_INFO_SIZE 24
#define INTERFACE_SIZE	    152 /* MS-SMB2 2.2.32.5 */
#define SOCKADDR_SIZE	    128
#define FAMILY_IPV4	    0x0002
#define FAMILY_IPV6	    0x0017
#define RSS_CAPABLE	    0x00000001u
#define MBIT		    1000000ull
#define SPEED_UNKNOWN	    (1000 * MBIT) /* bits per second, where the driver does not say */

/* 3.3.5.15.2, without DFS namespaces: whatever is asked for is none of ours. */
ntstatus ioctl_dfs_get_referrals(struct request *rq, struct ioctl *q)
{
	return rq->tree->ipc ? NT_STATUS_NOT_FOUND : NT_STATUS_INVALID_DEVICE_REQUEST;
}

/* ---- VALIDATE_NEGOTIATE_INFO, 3.3.5.15.12 ---- */

/* Is it what this connection's NEGOTIATE said, as it came in here? */
static bool same_negotiate(const struct conn_state *st, struct smb2_rd *r, unsigned int count)
{
	bool same = count == st->nclient_dialects;

	for (unsigned int i = 0; same && i < count; i++)
		same = rd_le16(r) == st->client_dialects[i];
	return same;
}

ntstatus ioctl_validate_negotiate_info(struct request *rq, struct ioctl *q)
{
	const struct conn_state *st = &rq->conn->st;
	struct smb2_rd r = ioctl_in(q);
	uint16_t mode, count;
	struct smb2_wr *w;
	uint8_t guid[16];
	uint32_t caps;

	caps = rd_le32(&r);
	rd_copy(&r, guid, sizeof(guid));
	mode = rd_le16(&r);
	count = rd_le16(&r);
	if (!rd_ok(&r) || rd_left(&r) < 2u * count)
		return NT_STATUS_INVALID_PARAMETER;
	if (q->max_out < NEGOTIATE_INFO_SIZE)
		return NT_STATUS_BUFFER_TOO_SMALL;
	if (caps != st->client_caps || mode != st->client_security_mode ||
	    memcmp(guid, st->client_guid, sizeof(guid)) || !same_negotiate(st, &r, count)) {
		log_notice("a client's NEGOTIATE was changed on its way here: connection closed");
		return REQ_CLOSE;
	}
	w = ioctl_reply(rq, q, NEGOTIATE_INFO_SIZE);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le32(w, st->server_caps);
	wr_bytes(w, server.guid, sizeof(server.guid));
	wr_le16(w, st->server_security_mode);
	wr_le16(w, st->dialect);
	return NT_STATUS_SUCCESS;
}

/* ---- QUERY_NETWORK_INTERFACE_INFO, 3.3.5.15.11 ---- */

static uint64_t link_speed(const char *name)
{
	_cleanup_free_ char *path = xasprintf("/sys/class/net/%s/speed", name);
	FILE *f = fopen(path, "re");
	char text[32] = "";
	long mbit = 0;

	if (!f)
		return SPEED_UNKNOWN;
	if (fgets(text, sizeof(text), f))
		mbit = strtol(text, NULL, 10);
	fclose(f);
	return mbit > 0 ? (uint64_t)mbit * MBIT : SPEED_UNKNOWN;
}

/* More than one receive queue: a client may open more than one connection to it. */
static bool several_queues(const char *name)
{
	_cleanup_free_ char *path = xasprintf("/sys/class/net/%s/queues", name);
	DIR *d = opendir(path);
	unsigned int n = 0;

	if (!d)
		return false;
	for (const struct dirent *e = readdir(d); e; e = readdir(d))
		n += !strncmp(e->d_name, "rx-", 3);
	closedir(d);
	return n > 1;
}

static bool is_loopback(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)ss;

	if (ss->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)ss)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&a6->sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr) && a6->sin6_addr.s6_addr[12] == 127);
}

static bool wanted(const struct conn *c, const struct ifaddrs *i)
{
	const struct sockaddr_in6 *a6;

	if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || !(i->ifa_flags & IFF_RUNNING))
		return false;
	/* Of use to a client on this machine only. */
	if (i->ifa_flags & IFF_LOOPBACK && !is_loopback(&c->local))
		return false;
	a6 = (const struct sockaddr_in6 *)i->ifa_addr;
	if (i->ifa_addr->sa_family == AF_INET6 ? (bool)IN6_IS_ADDR_LINKLOCAL(&a6->sin6_addr)
					       : i->ifa_addr->sa_family != AF_INET)
		return false;
	if (c->conf->ninterfaces && !conf_interface_find(c->conf, i->ifa_name, i->ifa_addr))
		return false;
	return if_nametoindex(i->ifa_name);
}

static void put_interface(struct smb2_wr *w, const struct conf *f, const struct ifaddrs *i,
			  bool last)
{
	const struct conf_interface *said = conf_interface_find(f, i->ifa_name, i->ifa_addr);
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)i->ifa_addr;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)i->ifa_addr;
	bool rss = said && said->capability_given ? said->rss : several_queues(i->ifa_name);
	uint64_t start;

	wr_le32(w, last ? 0 : INTERFACE_SIZE);
	wr_le32(w, said && said->index ? said->index : if_nametoindex(i->ifa_name));
	wr_le32(w, rss ? RSS_CAPABLE : 0);
	wr_le32(w, 0);
	wr_le64(w, said && said->speed ? said->speed : link_speed(i->ifa_name));
	start = w->off;
	if (i->ifa_addr->sa_family == AF_INET) {
		wr_le16(w, FAMILY_IPV4);
		wr_le16(w, 0);
		wr_bytes(w, &a4->sin_addr, 4);
	} else {
		wr_le16(w, FAMILY_IPV6);
		wr_le16(w, 0);
		wr_le32(w, 0);
		wr_bytes(w, &a6->sin6_addr, 16);
	}
	wr_zero(w, SOCKADDR_SIZE - (w->off - start));
}

ntstatus ioctl_query_network_interface_info(struct request *rq, struct ioctl *q)
{
	struct ifaddrs *list, *i;
	size_t n = 0, done = 0;
	struct smb2_wr *w;

	if (rq->conn->st.dialect < SMB2_DIALECT_300 ||
	    !(rq->conn->st.server_caps & SMB2_GLOBAL_CAP_MULTI_CHANNEL))
		return NT_STATUS_NOT_SUPPORTED;
	if (getifaddrs(&list) < 0)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	for (i = list; i; i = i->ifa_next)
		n += wanted(rq->conn, i);
	w = n * INTERFACE_SIZE <= q->max_out ? ioctl_reply(rq, q, n * INTERFACE_SIZE) : NULL;
	for (i = list; w && i && done < n; i = i->ifa_next)
		if (wanted(rq->conn, i))
			put_interface(w, rq->conn->conf, i, ++done == n);
	freeifaddrs(list);
	if (n * INTERFACE_SIZE > q->max_out)
		return NT_STATUS_BUFFER_TOO_SMALL;
	return w ? NT_STATUS_SUCCESS : NT_STATUS_INSUFFICIENT_RESOURCES;
}
