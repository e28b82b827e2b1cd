/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpc_env.h - a server for the pipes to describe: three shares, a session, an account, all fixed.
 */
#ifndef KH_TEST_RPC_ENV_H
#define KH_TEST_RPC_ENV_H

#include <string.h>
#include <strings.h>

#include "core/util.h"
#include "rpc/rpc.h"

static const uint8_t test_sd[] = { 1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

static const struct rpc_share test_shares[] = {
	{ .name = "data",
	  .comment = "Daten \xc3\xbc",
	  .path = "/srv/data",
	  .max_users = 10,
	  .current_users = 2,
	  .access_based = true,
	  .sd = test_sd,
	  .sd_len = sizeof(test_sd) },
	{ .name = "odd", .path = "/srv/odd" },
	{ .name = "IPC$", .comment = "IPC Service", .type = RPC_STYPE_IPC | RPC_STYPE_SPECIAL },
};

static inline void test_share_enum(void *ctx, rpc_share_fn *fn, void *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(test_shares); i++)
		if (!fn(&test_shares[i], arg))
			break;
}

static inline bool test_share_find(void *ctx, const char *name, rpc_share_fn *fn, void *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(test_shares); i++)
		if (!strcasecmp(test_shares[i].name, name)) {
			fn(&test_shares[i], arg);
			return true;
		}
	return false;
}

static inline void test_session_enum(void *ctx, rpc_session_fn *fn, void *arg)
{
	struct rpc_session s = {
		.client = "192.0.2.1", .user = "ann", .num_opens = 3, .time = 60, .idle = 5
	};

	fn(&s, arg);
}

static inline void test_connection_enum(void *ctx, rpc_connection_fn *fn, void *arg)
{
	struct rpc_connection c = {
		.id = 7, .num_opens = 1, .user = "ann", .share = "data", .client = "192.0.2.1"
	};

	fn(&c, arg);
}

static inline void test_file_enum(void *ctx, rpc_file_fn *fn, void *arg)
{
	struct rpc_file f = { .id = 9, .permissions = 3, .path = "/srv/data/x", .user = "ann" };

	fn(&f, arg);
}

/* ann is S-1-5-21-1-2-3-1001 on KH */
static inline void test_account(struct rpc_account *out)
{
	*out = (struct rpc_account) {
		.type = RPC_SID_USER,
		.sid = { 1, 5, { 0, 0, 0, 0, 0, 5 }, { 21, 1, 2, 3, 1001 } },
		.domain = "KH",
		.name = "ann",
	};
}

static inline bool test_sid_to_account(void *ctx, const struct rpc_sid *sid,
				       struct rpc_account *out)
{
	if (sid->num_auths != 5 || sid->sub_auths[4] != 1001)
		return false;
	test_account(out);
	return true;
}

static inline bool test_name_to_account(void *ctx, const char *name, struct rpc_account *out)
{
	if (strcasecmp(name, "ann") && strcasecmp(name, "KH\\ann"))
		return false;
	test_account(out);
	return true;
}

static inline struct rpc_env test_env(bool is_admin)
{
	return (struct rpc_env) {
		.server_name = "KH",
		.server_comment = "a test server",
		.domain = "WORKGROUP",
		.user = "ann",
		.user_domain = "KH",
		.is_admin = is_admin,
		.machine_sid = { 1, 4, { 0, 0, 0, 0, 0, 5 }, { 21, 1, 2, 3 } },
		.share_enum = test_share_enum,
		.share_find = test_share_find,
		.session_enum = test_session_enum,
		.connection_enum = test_connection_enum,
		.file_enum = test_file_enum,
		.sid_to_account = test_sid_to_account,
		.name_to_account = test_name_to_account,
	};
}

#endif /* KH_TEST_RPC_ENV_H */
