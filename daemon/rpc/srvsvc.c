// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * srvsvc.c - the Server Service (MS-SRVS): what "net view", Explorer and smbclient -L ask.
 *
 * Shares and the server's description are for everybody; who else is connected and what they have
 * open are for administrators, as with Samba. Nothing can be changed by this interface: shares
 * live in the configuration file.
 */
#include "rpc/srvsvc.h"

/* ---- shares: NetrShareEnum, NetrShareEnumSticky, NetrShareGetInfo, NetrShareCheck ---- */

struct share_row {
	const char *name, *comment, *path, *password, *server, *alternate;
	uint32_t type, permissions, max_users, current_users, csc, flags;
	struct ndr_blob sd;
};

#define F(type, member)                                        \
	{                                                      \
		NDR_##type, offsetof(struct share_row, member) \
	}
#define FIELDS(name, ...) static const struct ndr_field name[] = { __VA_ARGS__, { NDR_END, 0 } }

/* MS-SRVS 2.2.4.22 and on: SHARE_INFO_<level> */
FIELDS(share_0, F(WSTR, name));
FIELDS(share_1, F(WSTR, name), F(U32, type), F(WSTR, comment));
FIELDS(share_2, F(WSTR, name), F(U32, type), F(WSTR, comment), F(U32, permissions),
       F(U32, max_users), F(U32, current_users), F(WSTR, path), F(WSTR, password));
FIELDS(share_501, F(WSTR, name), F(U32, type), F(WSTR, comment), F(U32, csc));
FIELDS(share_502, F(WSTR, name), F(U32, type), F(WSTR, comment), F(U32, permissions),
       F(U32, max_users), F(U32, current_users), F(WSTR, path), F(WSTR, password), F(BLOB, sd));
FIELDS(share_503, F(WSTR, name), F(U32, type), F(WSTR, comment), F(U32, permissions),
       F(U32, max_users), F(U32, current_users), F(WSTR, path), F(WSTR, password), F(WSTR, server),
       F(BLOB, sd));
FIELDS(share_1004, F(WSTR, comment));
FIELDS(share_1005, F(U32, flags));
FIELDS(share_1006, F(U32, max_users));
FIELDS(share_1501, F(BLOB, sd));
#undef F

static const struct ndr_level share_levels[] = {
	{ 0, share_0 },	      { 1, share_1 },	    { 2, share_2 },	  { 501, share_501 },
	{ 502, share_502 },   { 503, share_503 },   { 1004, share_1004 }, { 1005, share_1005 },
	{ 1006, share_1006 }, { 1501, share_1501 },
};

/* MS-SRVS 2.2.4.29 */
#define SHI1005_DFS	     0x0001
#define SHI1005_DFS_ROOT     0x0002
#define SHI1005_CSC_SHIFT    4
#define SHI1005_ACCESS_BASED 0x0800

/* "/srv/data" is shown as "C:\srv\data": clients want a drive letter there. */
static const char *windows_path(struct ndr_mem *mem, const char *path)
{
	char *s = ndr_sprintf(mem, "C:%s", path ? path : "");

	if (!path || !*path)
		return "";
	for (char *c = s; *c; c++)
		if (*c == '/')
			*c = '\\';
	return s;
}

static void share_fill(struct rpc_call *call, struct share_row *row, const struct rpc_share *s)
{
	struct ndr_mem *mem = &call->mem;
	void *sd = s->sd && s->sd_len ? ndr_alloc(mem, s->sd_len, 1) : NULL;

	row->name = ndr_strdup(mem, s->name);
	row->comment = ndr_strdup(mem, s->comment);
	row->path = (s->type & 3) == RPC_STYPE_IPC ? ndr_strdup(mem, s->path)
						   : windows_path(mem, s->path);
	row->server = "*";
	row->type = s->type;
	row->max_users = s->max_users ? s->max_users : UINT32_MAX;
	row->current_users = s->current_users;
	row->csc = (s->csc_policy & 3) << SHI1005_CSC_SHIFT;
	row->flags = row->csc | (s->access_based ? SHI1005_ACCESS_BASED : 0) |
		     (s->dfs_root ? SHI1005_DFS | SHI1005_DFS_ROOT : 0);
	if (sd) {
		memcpy(sd, s->sd, s->sd_len);
		row->sd = (struct ndr_blob) { sd, s->sd_len };
	}
}

static bool share_add(const struct rpc_share *s, void *arg)
{
	struct srvsvc_rows *rows = arg;
	struct share_row *row = srvsvc_rows_next(rows);

	if (row)
		share_fill(rows->call, row, s);
	return row != NULL;
}

static uint32_t share_enum(struct rpc_call *call)
{
	struct srvsvc_enum e;
	struct srvsvc_rows rows = { .call = call, .size = sizeof(struct share_row) };
	const struct ndr_level *level;

	ndr_unique_wstr(&call->in); /* server name: ours, whatever it says */
	srvsvc_enum_pull(&call->in, &e);
	if (!ndr_ok(&call->in))
		return RPC_FAULT_NDR;
	/* the levels of one value each are for NetrShareGetInfo only */
	level = e.level < 1000 ? ndr_level_find(share_levels, ARRAY_SIZE(share_levels), e.level)
			       : NULL;
	if (level && call->env->share_enum)
		call->env->share_enum(call->env->ctx, share_add, &rows);
	srvsvc_enum_put(call, &e, level, &rows, level ? WERR_OK : WERR_INVALID_LEVEL);
	return 0;
}

static uint32_t share_get_info(struct rpc_call *call)
{
	struct srvsvc_rows rows = { .call = call, .size = sizeof(struct share_row) };
	const struct ndr_level *level;
	const char *name;
	uint32_t which, err = WERR_OK;

	ndr_unique_wstr(&call->in);
	name = ndr_wstr(&call->in);
	which = ndr_u32(&call->in);
	if (!ndr_ok(&call->in))
		return RPC_FAULT_NDR;
	level = ndr_level_find(share_levels, ARRAY_SIZE(share_levels), which);
	if (!level)
		err = WERR_INVALID_LEVEL;
	else if (!*name)
		err = WERR_INVALID_PARAMETER;
	else if (!call->env->share_find ||
		 !call->env->share_find(call->env->ctx, name, share_add, &rows) || !rows.count)
		err = WERR_NERR_NAME_NOTFOUND;
	srvsvc_info_put(call, which, err ? NULL : level, rows.rows, err);
	return 0;
}

/* Asks by device name ("C:\srv\data") whether something there is shared, and as what type. */
struct share_check {
	struct rpc_call *call;
	const char *device;
	bool found;
	uint32_t type;
};

static bool share_check_one(const struct rpc_share *s, void *arg)
{
	struct share_check *c = arg;

	if (!strcasecmp(c->device, windows_path(&c->call->mem, s->path))) {
		c->found = true;
		c->type = s->type;
	}
	return !c->found;
}

static uint32_t share_check(struct rpc_call *call)
{
	struct share_check c = { .call = call };

	ndr_unique_wstr(&call->in);
	c.device = ndr_wstr(&call->in);
	if (!ndr_ok(&call->in))
		return RPC_FAULT_NDR;
	if (*c.device && call->env->share_enum)
		call->env->share_enum(call->env->ctx, share_check_one, &c);
	ndr_put_u32(&call->out, c.found ? c.type : 0);
	ndr_put_u32(&call->out, c.found ? WERR_OK : WERR_NERR_DEV_NOTFOUND);
	return 0;
}

/* ---- NetrServerGetInfo ---- */

struct server_row {
	uint32_t platform, major, minor, type, users, disc, hidden, announce, anndelta, licenses;
	const char *name, *comment, *userpath;
};

#define F(type, member)                                         \
	{                                                       \
		NDR_##type, offsetof(struct server_row, member) \
	}
FIELDS(server_100, F(U32, platform), F(WSTR, name));
FIELDS(server_101, F(U32, platform), F(WSTR, name), F(U32, major), F(U32, minor), F(U32, type),
       F(WSTR, comment));
FIELDS(server_102, F(U32, platform), F(WSTR, name), F(U32, major), F(U32, minor), F(U32, type),
       F(WSTR, comment), F(U32, users), F(U32, disc), F(U32, hidden), F(U32, announce),
       F(U32, anndelta), F(U32, licenses), F(WSTR, userpath));
#undef F

static const struct ndr_level server_levels[] = {
	{ 100, server_100 },
	{ 101, server_101 },
	{ 102, server_102 },
};

static uint32_t server_get_info(struct rpc_call *call)
{
	const struct rpc_env *env = call->env;
	struct server_row row = {
		.platform = 500, /* NT */
		.major = 6,
		.minor = 1,
		.type = env->server_type ? env->server_type : RPC_SV_TYPE_DEFAULT,
		.users = UINT32_MAX,
		.disc = 15,
		.announce = 240,
		.anndelta = 3000,
		.licenses = 100000,
		.name = env->server_name,
		.comment = env->server_comment,
		.userpath = "C:\\",
	};
	const struct ndr_level *level;
	uint32_t which;

	ndr_unique_wstr(&call->in);
	which = ndr_u32(&call->in);
	if (!ndr_ok(&call->in))
		return RPC_FAULT_NDR;
	level = ndr_level_find(server_levels, ARRAY_SIZE(server_levels), which);
	srvsvc_info_put(call, which, level, &row, level ? WERR_OK : WERR_INVALID_LEVEL);
	return 0;
}

/* ---- NetrRemoteTOD, NetrpNameValidate and the calls that would change something ---- */

static uint32_t remote_tod(struct rpc_call *call)
{
	struct ndr_push *out = &call->out;
	struct timespec now;
	struct tm utc, local;

	ndr_unique_wstr(&call->in);
	if (!ndr_ok(&call->in))
		return RPC_FAULT_NDR;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	localtime_r(&now.tv_sec, &local);
	ndr_put_ptr(out, true);
	ndr_put_u32(out, (uint32_t)now.tv_sec);
	ndr_put_u32(out, (uint32_t)(now_ns() / 1000000));
	ndr_put_u32(out, (uint32_t)utc.tm_hour);
	ndr_put_u32(out, (uint32_t)utc.tm_min);
	ndr_put_u32(out, (uint32_t)utc.tm_sec);
	ndr_put_u32(out, (uint32_t)(now.tv_nsec / 10000000));
	ndr_put_u32(out, (uint32_t)(-local.tm_gmtoff / 60)); /* minutes west of Greenwich */
	ndr_put_u32(out, 310);				     /* tod_tinterval, as Windows has it */
	ndr_put_u32(out, (uint32_t)utc.tm_mday);
	ndr_put_u32(out, (uint32_t)utc.tm_mon + 1);
	ndr_put_u32(out, (uint32_t)utc.tm_year + 1900);
	ndr_put_u32(out, (uint32_t)utc.tm_wday);
	ndr_put_u32(out, WERR_OK);
	return 0;
}

#define NAMETYPE_SHARE 9

/* MS-SRVS 3.1.4.31, of which clients use the check of share names */
static uint32_t name_validate(struct rpc_call *call)
{
	const char *name;
	uint32_t type;
	bool good;

	ndr_unique_wstr(&call->in);
	name = ndr_wstr(&call->in);
	type = ndr_u32(&call->in);
	ndr_u32(&call->in);
	if (!ndr_ok(&call->in))
		return RPC_FAULT_NDR;
	good = *name && strlen(name) <= 80 && !strpbrk(name, "\"/\\[]:|<>+=;,*?");
	ndr_put_u32(&call->out, type != NAMETYPE_SHARE ? WERR_NOT_SUPPORTED
				: good		       ? WERR_OK
						       : WERR_INVALID_NAME);
	return 0;
}

/* NetrShareAdd, NetrShareSetInfo, NetrServerSetInfo: [out, unique] ParmErr, then the error */
static uint32_t refuse_with_parm(struct rpc_call *call)
{
	ndr_put_ptr(&call->out, false);
	ndr_put_u32(&call->out, WERR_ACCESS_DENIED);
	return 0;
}

static uint32_t refuse(struct rpc_call *call)
{
	ndr_put_u32(&call->out, WERR_ACCESS_DENIED);
	return 0;
}

static rpc_op_fn *const ops[] = {
	[8] = srvsvc_connection_enum,
	[9] = srvsvc_file_enum,
	[11] = refuse, /* NetrFileClose */
	[12] = srvsvc_session_enum,
	[13] = refuse,		 /* NetrSessionDel */
	[14] = refuse_with_parm, /* NetrShareAdd */
	[15] = share_enum,
	[16] = share_get_info,
	[17] = refuse_with_parm, /* NetrShareSetInfo */
	[18] = refuse,		 /* NetrShareDel */
	[19] = refuse,		 /* NetrShareDelSticky */
	[20] = share_check,
	[21] = server_get_info,
	[22] = refuse_with_parm, /* NetrServerSetInfo */
	[28] = remote_tod,
	[33] = name_validate,
	[36] = share_enum, /* NetrShareEnumSticky: every share is in the configuration */
};

/* 4b324fc8-1670-01d3-1278-5a47bf6ee188, 3.0 */
const struct rpc_iface srvsvc_iface = {
	.pipe = "srvsvc",
	.sec_addr = "\\PIPE\\srvsvc",
	.uuid = { { 0xc8, 0x4f, 0x32, 0x4b, 0x70, 0x16, 0xd3, 0x01, 0x12, 0x78, 0x5a, 0x47, 0xbf,
		    0x6e, 0xe1, 0x88 } },
	.major = 3,
	.minor = 0,
	.ops = ops,
	.num_ops = ARRAY_SIZE(ops),
};
