// SPDX-License-Identifier: GPL-2.0-only
/* Made by scripts/ynl-gen from uapi/ksmbd_hybrid.yaml, where everything is explained. */
#include <linux/module.h>

#include "netlink_gen.h"

const struct nla_policy kh_nl_conn_policy[KH_CONN_A_MAX + 1] = {
	[KH_CONN_A_ID] = { .type = NLA_UINT, },
	[KH_CONN_A_SLOT] = { .type = NLA_U32, },
	[KH_CONN_A_SOCKET] = NLA_POLICY_MIN(NLA_S32, 0),
	[KH_CONN_A_DIALECT] = { .type = NLA_U16, },
	[KH_CONN_A_LARGE_MTU] = { .type = NLA_FLAG, },
	[KH_CONN_A_MAX_FRAME] = { .type = NLA_U32, },
	[KH_CONN_A_MAX_READ] = { .type = NLA_U32, },
	[KH_CONN_A_MAX_WRITE] = { .type = NLA_U32, },
	[KH_CONN_A_UP_LIMIT] = { .type = NLA_U32, },
	[KH_CONN_A_OUT_LIMIT] = { .type = NLA_U32, },
	[KH_CONN_A_WINDOW] = { .type = NLA_BINARY, .len = 2072, },
	[KH_CONN_A_UNHANDLED] = { .type = NLA_BINARY, .len = KH_NL_UNHANDLED_MAX, },
	[KH_CONN_A_SESSIONS] = { .type = NLA_U32, },
	[KH_CONN_A_UP_BYTES] = { .type = NLA_UINT, },
	[KH_CONN_A_OUT_BYTES] = { .type = NLA_UINT, },
};

const struct nla_policy kh_nl_session_policy[KH_SESSION_A_MAX + 1] = {
	[KH_SESSION_A_ID] = { .type = NLA_UINT, },
	[KH_SESSION_A_FLAGS] = { .type = NLA_U32, },
	[KH_SESSION_A_SIGNING_ALG] = { .type = NLA_U16, },
	[KH_SESSION_A_SIGNING_KEY] = { .type = NLA_BINARY, .len = KH_NL_KEY_MAX, },
	[KH_SESSION_A_CIPHER] = { .type = NLA_U16, },
	[KH_SESSION_A_ENC_KEY] = { .type = NLA_BINARY, .len = KH_NL_KEY_MAX, },
	[KH_SESSION_A_DEC_KEY] = { .type = NLA_BINARY, .len = KH_NL_KEY_MAX, },
	[KH_SESSION_A_NONCE_PREFIX] = { .type = NLA_U32, },
};

const struct nla_policy kh_nl_handle_policy[KH_HANDLE_A_MAX + 1] = {
	[KH_HANDLE_A_VOL] = { .type = NLA_UINT, },
	[KH_HANDLE_A_PERSISTENT] = { .type = NLA_UINT, },
	[KH_HANDLE_A_SESSION_ID] = { .type = NLA_UINT, },
	[KH_HANDLE_A_TREE_ID] = { .type = NLA_U32, },
	[KH_HANDLE_A_FD] = NLA_POLICY_MIN(NLA_S32, 0),
	[KH_HANDLE_A_ACCESS] = { .type = NLA_U32, },
	[KH_HANDLE_A_FLAGS] = { .type = NLA_U32, },
	[KH_HANDLE_A_OPAQUE] = { .type = NLA_UINT, },
	[KH_HANDLE_A_CREATE_TIME] = { .type = NLA_UINT, },
	[KH_HANDLE_A_ATTRIBUTES] = { .type = NLA_U32, },
	[KH_HANDLE_A_INFLIGHT] = { .type = NLA_U32, },
};

static const struct nla_policy kh_nl_hello_policy[KH_A_INSTANCE + 1] = {
	[KH_A_ABI] = { .type = NLA_U32, },
	[KH_A_INSTANCE] = { .type = NLA_NUL_STRING, .len = KH_NL_INSTANCE_MAX, },
};

static const struct nla_policy kh_nl_maps_bind_policy[KH_A_OP_STATS_MAP + 1] = {
	[KH_A_SERVER] = NLA_POLICY_MIN(NLA_S32, 0),
	[KH_A_HANDLES_MAP] = NLA_POLICY_MIN(NLA_S32, 0),
	[KH_A_CONNS_MAP] = NLA_POLICY_MIN(NLA_S32, 0),
	[KH_A_OP_STATS_MAP] = NLA_POLICY_MIN(NLA_S32, 0),
};

static const struct nla_policy kh_nl_conn_attach_policy[KH_A_SESSION + 1] = {
	[KH_A_SERVER] = NLA_POLICY_MIN(NLA_S32, 0),
	[KH_A_CONN] = NLA_POLICY_NESTED(kh_nl_conn_policy),
	[KH_A_SESSION] = NLA_POLICY_NESTED(kh_nl_session_policy),
};

static const struct nla_policy kh_nl_session_set_policy[KH_A_SESSION + 1] = {
	[KH_A_SERVER] = NLA_POLICY_MIN(NLA_S32, 0),
	[KH_A_CONN_ID] = { .type = NLA_UINT, },
	[KH_A_SESSION] = NLA_POLICY_NESTED(kh_nl_session_policy),
};

static const struct nla_policy kh_nl_session_del_policy[KH_A_SESSION_ID + 1] = {
	[KH_A_SERVER] = NLA_POLICY_MIN(NLA_S32, 0),
	[KH_A_CONN_ID] = { .type = NLA_UINT, },
	[KH_A_SESSION_ID] = { .type = NLA_UINT, },
};

static const struct nla_policy kh_nl_handle_add_policy[KH_A_HANDLE + 1] = {
	[KH_A_SERVER] = NLA_POLICY_MIN(NLA_S32, 0),
	[KH_A_HANDLE] = NLA_POLICY_NESTED(kh_nl_handle_policy),
};

static const struct nla_policy kh_nl_handle_del_policy[KH_A_VOL + 1] = {
	[KH_A_SERVER] = NLA_POLICY_MIN(NLA_S32, 0),
	[KH_A_VOL] = { .type = NLA_UINT, },
};

static const struct nla_policy kh_nl_handle_barrier_policy[KH_A_CAPS + 1] = {
	[KH_A_SERVER] = NLA_POLICY_MIN(NLA_S32, 0),
	[KH_A_VOL] = { .type = NLA_UINT, },
	[KH_A_CAPS] = { .type = NLA_U32, },
};

static const struct genl_split_ops kh_nl_ops[] = {
	{
		.cmd = KH_CMD_HELLO,
		.policy = kh_nl_hello_policy,
		.maxattr = KH_A_INSTANCE,
		.doit = kh_nl_hello_doit,
		.flags = GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd = KH_CMD_MAPS_BIND,
		.policy = kh_nl_maps_bind_policy,
		.maxattr = KH_A_OP_STATS_MAP,
		.pre_doit = kh_nl_server_get,
		.post_doit = kh_nl_server_put,
		.doit = kh_nl_maps_bind_doit,
		.flags = GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd = KH_CMD_CONN_ATTACH,
		.policy = kh_nl_conn_attach_policy,
		.maxattr = KH_A_SESSION,
		.pre_doit = kh_nl_server_get,
		.post_doit = kh_nl_server_put,
		.doit = kh_nl_conn_attach_doit,
		.flags = GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd = KH_CMD_CONN_DUMP,
		.dumpit = kh_nl_conn_dump_dumpit,
		.flags = GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd = KH_CMD_SESSION_SET,
		.policy = kh_nl_session_set_policy,
		.maxattr = KH_A_SESSION,
		.pre_doit = kh_nl_server_get,
		.post_doit = kh_nl_server_put,
		.doit = kh_nl_session_set_doit,
		.flags = GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd = KH_CMD_SESSION_DEL,
		.policy = kh_nl_session_del_policy,
		.maxattr = KH_A_SESSION_ID,
		.pre_doit = kh_nl_server_get,
		.post_doit = kh_nl_server_put,
		.doit = kh_nl_session_del_doit,
		.flags = GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd = KH_CMD_HANDLE_ADD,
		.policy = kh_nl_handle_add_policy,
		.maxattr = KH_A_HANDLE,
		.pre_doit = kh_nl_server_get,
		.post_doit = kh_nl_server_put,
		.doit = kh_nl_handle_add_doit,
		.flags = GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd = KH_CMD_HANDLE_DEL,
		.policy = kh_nl_handle_del_policy,
		.maxattr = KH_A_VOL,
		.pre_doit = kh_nl_server_get,
		.post_doit = kh_nl_server_put,
		.doit = kh_nl_handle_del_doit,
		.flags = GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd = KH_CMD_HANDLE_BARRIER,
		.policy = kh_nl_handle_barrier_policy,
		.maxattr = KH_A_CAPS,
		.pre_doit = kh_nl_server_get,
		.post_doit = kh_nl_server_put,
		.doit = kh_nl_handle_barrier_doit,
		.flags = GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd = KH_CMD_HANDLE_DUMP,
		.dumpit = kh_nl_handle_dump_dumpit,
		.flags = GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
};

struct genl_family kh_nl_family __ro_after_init = {
	.name = KSMBD_HYBRID_FAMILY_NAME,
	.version = KSMBD_HYBRID_FAMILY_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.split_ops = kh_nl_ops,
	.n_split_ops = ARRAY_SIZE(kh_nl_ops),
};
