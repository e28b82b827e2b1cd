// SPDX-License-Identifier: GPL-2.0-only
/* netlink_dump.c - CONN_DUMP and HANDLE_DUMP: all servers of the namespace, one after the other. */
#include <linux/netlink.h>
#include <net/sock.h>

#include "kmod.h"
#include "netlink_gen.h"
#include "server.h"

/* Where a dump goes on, in netlink_callback.ctx. */
struct dump {
	u32 server; /* id; 0: the first */
	u32 index;  /* of the connection in its list, of the handle's slot */
};

static void *put_head(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &kh_nl_family,
			   NLM_F_MULTI, cmd);
}

/* Fills what remains of a server; true: the message is full. */
typedef bool (*dump_server)(struct sk_buff *skb, struct netlink_callback *cb, struct kh_server *s,
			    u32 *index);

static int dump_all(struct sk_buff *skb, struct netlink_callback *cb, dump_server fill)
{
	struct dump *d = (void *)cb->ctx;
	struct kh_server *s;
	bool full = false;

	BUILD_BUG_ON(sizeof(*d) > sizeof(cb->ctx));
	while (!full && (s = kh_server_next(sock_net(cb->skb->sk), d->server))) {
		if (s->id != d->server)
			*d = (struct dump) { .server = s->id }; /* the one before is gone */
		full = fill(skb, cb, s, &d->index);
		if (!full)
			*d = (struct dump) { .server = s->id + 1 };
		kh_server_put(s);
	}
	return skb->len;
}

/* ---- connections ---- */

static u32 count_sessions(struct kh_conn *c)
{
	struct kh_chan *ch;
	u32 n = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(ch, &c->chans, node) n++;
	rcu_read_unlock();
	return n;
}

static int put_conn(struct sk_buff *skb, struct kh_conn *c)
{
	struct nlattr *nest = nla_nest_start(skb, KH_A_CONN);

	if (!nest || nla_put_uint(skb, KH_CONN_A_ID, c->id) ||
	    nla_put_u16(skb, KH_CONN_A_DIALECT, c->dialect) ||
	    nla_put_u32(skb, KH_CONN_A_SESSIONS, count_sessions(c)) ||
	    nla_put_uint(skb, KH_CONN_A_UP_BYTES, READ_ONCE(c->up_bytes)) ||
	    nla_put_uint(skb, KH_CONN_A_OUT_BYTES, READ_ONCE(c->out_bytes)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static bool dump_conns(struct sk_buff *skb, struct netlink_callback *cb, struct kh_server *s,
		       u32 *index)
{
	struct kh_conn *c;
	bool full = false;
	u32 at = 0;

	mutex_lock(&s->lock);
	list_for_each_entry(c, &s->conns, node) {
		void *head;

		if (at++ < *index)
			continue;
		head = put_head(skb, cb, KH_CMD_CONN_DUMP);
		full = !head || nla_put_u32(skb, KH_A_SERVER_ID, s->id) ||
		       nla_put_string(skb, KH_A_INSTANCE, s->instance) || put_conn(skb, c);
		if (full) {
			genlmsg_cancel(skb, head);
			break;
		}
		genlmsg_end(skb, head);
		*index = at;
	}
	mutex_unlock(&s->lock);
	return full;
}

int kh_nl_conn_dump_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_all(skb, cb, dump_conns);
}

/* ---- handles ---- */

static int put_handle(struct sk_buff *skb, struct kh_handle *h)
{
	struct nlattr *nest = nla_nest_start(skb, KH_A_HANDLE);
	u32 inflight = 0;
	int use;

	for (use = 0; use < KH_USES; use++)
		inflight += atomic_read(&h->inflight[use]);
	if (!nest || nla_put_uint(skb, KH_HANDLE_A_VOL, h->vol) ||
	    nla_put_uint(skb, KH_HANDLE_A_PERSISTENT, h->persistent) ||
	    nla_put_uint(skb, KH_HANDLE_A_SESSION_ID, h->session_id) ||
	    nla_put_u32(skb, KH_HANDLE_A_TREE_ID, h->tree_id) ||
	    nla_put_u32(skb, KH_HANDLE_A_ACCESS, h->access) ||
	    nla_put_u32(skb, KH_HANDLE_A_FLAGS, h->flags) ||
	    nla_put_uint(skb, KH_HANDLE_A_OPAQUE, h->opaque) ||
	    nla_put_u32(skb, KH_HANDLE_A_INFLIGHT, inflight))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static bool dump_handles(struct sk_buff *skb, struct netlink_callback *cb, struct kh_server *s,
			 u32 *index)
{
	u32 nhandles = 0;
	bool full = false;

	if (smp_load_acquire(&s->has_maps)) /* then the maps are there */
		nhandles = s->maps.nhandles;
	rcu_read_lock();
	for (; *index < nhandles; (*index)++) {
		struct kh_handle *h = rcu_dereference(s->handles[*index]);
		void *head;

		if (!h)
			continue;
		head = put_head(skb, cb, KH_CMD_HANDLE_DUMP);
		full = !head || nla_put_u32(skb, KH_A_SERVER_ID, s->id) || put_handle(skb, h);
		if (full) {
			genlmsg_cancel(skb, head);
			break;
		}
		genlmsg_end(skb, head);
	}
	rcu_read_unlock();
	return full;
}

int kh_nl_handle_dump_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_all(skb, cb, dump_handles);
}
