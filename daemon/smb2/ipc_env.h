/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipc_env.h - private to ipc_env.c and ipc_accounts.c: what a pipe may see of the server. */
#ifndef KH_IPC_ENV_H
#define KH_IPC_ENV_H

#include "rpc/rpc.h"
#include "smb2/smb2.h"

struct ipc_env {
	struct rpc_env rpc;
	struct conf *conf;	 /* reference */
	struct session *session; /* reference */
	char *client, *comment;	 /* owned */
};

/* ---- ipc_accounts.c: callbacks of struct rpc_env; they block (nsswitch) ---- */

bool ipc_sid_to_account(void *ctx, const struct rpc_sid *sid, struct rpc_account *out);
bool ipc_name_to_account(void *ctx, const char *name, struct rpc_account *out);
void ipc_sid_to_rpc(const struct sid *s, struct rpc_sid *out);

#endif /* KH_IPC_ENV_H */
