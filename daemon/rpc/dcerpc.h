/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dcerpc.h - between pipe.c, the connection-oriented protocol (dcerpc.c) and the interfaces.
 * Inside daemon/rpc only.
 */
#ifndef KH_RPC_DCERPC_H
#define KH_RPC_DCERPC_H

#include "core/util.h"
#include "rpc/ndr.h"
#include "rpc/rpc.h"

#define RPC_HEADER_SIZE 16

/* Fault codes, C706 appendix E and MS-RPCE 2.2.2.6 */
#define RPC_FAULT_ACCESS_DENIED	   0x00000005u
#define RPC_FAULT_NDR		   0x000006F7u /* RPC_X_BAD_STUB_DATA */
#define RPC_FAULT_OP_RANGE	   0x1C010002u
#define RPC_FAULT_UNKNOWN_IF	   0x1C010003u
#define RPC_FAULT_PROTOCOL	   0x1C01000Bu
#define RPC_FAULT_CONTEXT_MISMATCH 0x1C00001Au
#define RPC_FAULT_NO_MEMORY	   0x1C00001Du

/* Win32 errors that srvsvc and wkssvc answer (MS-ERREF 2.2) */
#define WERR_OK			0u
#define WERR_ACCESS_DENIED	5u
#define WERR_NOT_ENOUGH_MEMORY	8u
#define WERR_NOT_SUPPORTED	50u
#define WERR_INVALID_PARAMETER	87u
#define WERR_INVALID_NAME	123u
#define WERR_INVALID_LEVEL	124u
#define WERR_MORE_DATA		234u
#define WERR_NERR_NAME_NOTFOUND 2310u /* NERR_NetNameNotFound */
#define WERR_NERR_DEV_NOTFOUND	2311u /* NERR_DeviceNotShared */

/* ---- an interface: one file, one of these ---- */

struct rpc_call {
	const struct rpc_env *env;
	struct dcerpc_conn *conn;
	struct ndr_pull in;
	struct ndr_push out;
	struct ndr_mem mem;
};

/*
 * Reads all its parameters, returns RPC_FAULT_NDR unless ndr_ok(), works, writes the reply.
 * Returns 0, or the fault that is sent instead of what it wrote.
 */
typedef uint32_t rpc_op_fn(struct rpc_call *call);

struct rpc_uuid {
	uint8_t bytes[16]; /* as on a little-endian wire */
};

struct rpc_iface {
	const char *pipe;     /* lower case */
	const char *sec_addr; /* what a bind is told the endpoint is, "\\PIPE\\srvsvc" */
	struct rpc_uuid uuid;
	uint16_t major, minor;
	rpc_op_fn *const *ops; /* by opnum; NULL: answered by a fault */
	size_t num_ops;
};

extern const struct rpc_iface srvsvc_iface, wkssvc_iface, lsarpc_iface;

/* ---- context handles (policy handles): valid on the pipe that opened them ---- */

#define RPC_HANDLES_MAX 64

struct rpc_handle {
	uint8_t bytes[20]; /* attributes, uuid */
};

bool rpc_handle_new(struct rpc_call *call, struct rpc_handle *out);
bool rpc_handle_known(const struct rpc_call *call, const struct rpc_handle *h);
bool rpc_handle_close(struct rpc_call *call, const struct rpc_handle *h);
void rpc_handle_pull(struct ndr_pull *in, struct rpc_handle *out);
void rpc_handle_put(struct ndr_push *out, const struct rpc_handle *h); /* NULL: all zero */

/* ---- dcerpc.c: one association ---- */

/* Takes one reply PDU, which becomes one message of the pipe; copies it. */
typedef bool dcerpc_send_fn(void *arg, const void *pdu, size_t len);

struct dcerpc_conn *dcerpc_conn_new(const struct rpc_iface *iface, const struct rpc_env *env,
				    dcerpc_send_fn *send, void *arg);
void dcerpc_conn_free(struct dcerpc_conn *conn);

/*
 * The length of the PDU that begins with these RPC_HEADER_SIZE bytes; 0: this is not a PDU.
 */
size_t dcerpc_frag_length(const uint8_t *header);

/* Handles one whole PDU. false: the association is over, nothing more may be handed in. */
bool dcerpc_receive(struct dcerpc_conn *conn, const uint8_t *pdu, size_t len);

#endif /* KH_RPC_DCERPC_H */
