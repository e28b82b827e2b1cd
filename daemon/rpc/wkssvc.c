// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wkssvc.c - the Workstation Service (MS-WKST): NetrWkstaGetInfo, by which Windows and impacket
 * learn names and version.
 */
#include "rpc/srvsvc.h"

struct wksta_row {
	uint32_t platform, major, minor, users;
	const char *name, *domain, *lan_root;
};

#define F(type, member)                                        \
	{                                                      \
		NDR_##type, offsetof(struct wksta_row, member) \
	}

/* MS-WKST 2.2.5.1 and on: WKSTA_INFO_<level> */
static const struct ndr_field wksta_100[] = {
	F(U32, platform), F(WSTR, name), F(WSTR, domain),
	F(U32, major),	  F(U32, minor), { NDR_END, 0 },
};
static const struct ndr_field wksta_101[] = {
	F(U32, platform), F(WSTR, name),     F(WSTR, domain), F(U32, major),
	F(U32, minor),	  F(WSTR, lan_root), { NDR_END, 0 },
};
static const struct ndr_field wksta_102[] = {
	F(U32, platform), F(WSTR, name),     F(WSTR, domain), F(U32, major),
	F(U32, minor),	  F(WSTR, lan_root), F(U32, users),   { NDR_END, 0 },
};

static const struct ndr_level wksta_levels[] = {
	{ 100, wksta_100 },
	{ 101, wksta_101 },
	{ 102, wksta_102 },
};

static bool count_session(const struct rpc_session *s, void *arg)
{
	struct wksta_row *row = arg;

	(void)s;
	row->users++;
	return true;
}

/* Samba's rights: 100 for everybody who has logged on, 101 and 102 for administrators. */
static uint32_t wksta_get_info(struct rpc_call *call)
{
	const struct rpc_env *env = call->env;
	struct wksta_row row = {
		.platform = 500,
		.major = 6,
		.minor = 1,
		.name = env->server_name,
		.domain = env->domain,
		.lan_root = "",
	};
	const struct ndr_level *level;
	uint32_t which, err = WERR_OK;

	ndr_unique_wstr(&call->in);
	which = ndr_u32(&call->in);
	if (!ndr_ok(&call->in))
		return RPC_FAULT_NDR;
	level = ndr_level_find(wksta_levels, ARRAY_SIZE(wksta_levels), which);
	if (!level)
		err = WERR_INVALID_LEVEL;
	else if (which > 100 && !env->is_admin)
		err = WERR_ACCESS_DENIED;
	else if (which == 102 && env->session_enum)
		env->session_enum(env->ctx, count_session, &row);
	srvsvc_info_put(call, which, err ? NULL : level, &row, err);
	return 0;
}

static rpc_op_fn *const ops[] = {
	[0] = wksta_get_info,
};

/* 6bffd098-a112-3610-9833-46c3f87e345a, 1.0 */
const struct rpc_iface wkssvc_iface = {
	.pipe = "wkssvc",
	.sec_addr = "\\PIPE\\wkssvc",
	.uuid = { { 0x98, 0xd0, 0xff, 0x6b, 0x12, 0xa1, 0x10, 0x36, 0x98, 0x33, 0x46, 0xc3, 0xf8,
		    0x7e, 0x34, 0x5a } },
	.major = 1,
	.minor = 0,
	.ops = ops,
	.num_ops = ARRAY_SIZE(ops),
};
