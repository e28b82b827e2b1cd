/* SPDX-License-Identifier: GPL-2.0-only */
/* Made by scripts/ynl-gen from uapi/ksmbd_hybrid.yaml, where everything is explained. */
#ifndef KH_NETLINK_GEN_H
#define KH_NETLINK_GEN_H

#include <net/genetlink.h>
#include <net/netlink.h>

#include "ksmbd_hybrid.h"

/* conn */
extern const struct nla_policy kh_nl_conn_policy[KH_CONN_A_MAX + 1];
/* session */
extern const struct nla_policy kh_nl_session_policy[KH_SESSION_A_MAX + 1];
/* handle */
extern const struct nla_policy kh_nl_handle_policy[KH_HANDLE_A_MAX + 1];

int kh_nl_hello_doit(struct sk_buff *skb, struct genl_info *info);
int kh_nl_maps_bind_doit(struct sk_buff *skb, struct genl_info *info);
int kh_nl_server_get(const struct genl_split_ops *ops, struct sk_buff *skb, struct genl_info *info);
void kh_nl_server_put(const struct genl_split_ops *ops, struct sk_buff *skb, struct genl_info *info);
int kh_nl_conn_attach_doit(struct sk_buff *skb, struct genl_info *info);
int kh_nl_conn_dump_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int kh_nl_session_set_doit(struct sk_buff *skb, struct genl_info *info);
int kh_nl_session_del_doit(struct sk_buff *skb, struct genl_info *info);
int kh_nl_handle_add_doit(struct sk_buff *skb, struct genl_info *info);
int kh_nl_handle_del_doit(struct sk_buff *skb, struct genl_info *info);
int kh_nl_handle_barrier_doit(struct sk_buff *skb, struct genl_info *info);
int kh_nl_handle_dump_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

extern struct genl_family kh_nl_family;

#endif /* KH_NETLINK_GEN_H */
