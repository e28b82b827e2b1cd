/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * srvsvc.h - what the two files of the Server Service share: the form of its enumerations.
 */
#ifndef KH_RPC_SRVSVC_H
#define KH_RPC_SRVSVC_H

#include <strings.h>

#include "rpc/dcerpc.h"

/* Rows collected from a callback; all memory is the call's. */
struct srvsvc_rows {
	struct rpc_call *call;
	size_t size; /* of one row */
	uint32_t count, cap;
	void *rows;
	bool failed; /* out of memory */
};

/* A new, zeroed row at the end; NULL when memory is out (the enumeration then stops). */
void *srvsvc_rows_next(struct srvsvc_rows *rows);

/* ---- srvsvc_enum.c ---- */

/* The common tail of all enumerations' parameters: level, empty container, sizes, resume handle. */
struct srvsvc_enum {
	uint32_t level;
	uint32_t preferred; /* bytes the client would like at most */
	bool has_resume;
	uint32_t resume; /* the row to begin with */
};

void srvsvc_enum_pull(struct ndr_pull *in, struct srvsvc_enum *e);

/*
 * Writes the container with the rows from e->resume on that fit e->preferred (at least one), the
 * total, the new resume handle and err, or MORE_DATA. level NULL, or an error: no rows.
 */
void srvsvc_enum_put(struct rpc_call *call, const struct srvsvc_enum *e,
		     const struct ndr_level *level, const struct srvsvc_rows *rows, uint32_t err);

/* A union of one level (NetrXxxGetInfo) and err; level NULL: the empty union. */
void srvsvc_info_put(struct rpc_call *call, uint32_t which, const struct ndr_level *level,
		     const void *row, uint32_t err);

rpc_op_fn srvsvc_session_enum, srvsvc_connection_enum, srvsvc_file_enum;

#endif /* KH_RPC_SRVSVC_H */
