// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dcerpc.c - DCE/RPC connection-oriented protocol 5.0 (C706 chapter 12, MS-RPCE 3.3): bind,
 * fragments, calls, faults. The session below has authenticated the client, so an association
 * has no security context of its own: a bind that asks for one is refused.
 */
#include <stdatomic.h>
#include <sys/random.h>

#include "rpc/dcerpc.h"

enum {
	PTYPE_REQUEST = 0,
	PTYPE_RESPONSE = 2,
	PTYPE_FAULT = 3,
	PTYPE_BIND = 11,
	PTYPE_BIND_ACK = 12,
	PTYPE_BIND_NAK = 13,
	PTYPE_ALTER_CONTEXT = 14,
	PTYPE_ALTER_CONTEXT_RESP = 15,
	PTYPE_CO_CANCEL = 18,
	PTYPE_ORPHANED = 19,
};

#define PFC_FIRST_FRAG	    0x01
#define PFC_LAST_FRAG	    0x02
#define PFC_DID_NOT_EXECUTE 0x20
#define PFC_OBJECT_UUID	    0x80

/* Fragment sizes: what C706 demands of everybody, and what Windows and Samba offer at most. */
#define FRAG_MIN      1432
#define FRAG_MAX      5840
#define RESPONSE_HEAD 24 /* bytes of a response PDU before its stub */

/* p_cont_def_result_t, p_provider_reason_t, p_reject_reason_t; MS-RPCE 2.2.2.4, 2.2.2.5 */
#define RESULT_ACCEPT	       0
#define RESULT_REJECT	       2
#define RESULT_NEGOTIATE_ACK   3
#define REASON_ABSTRACT_SYNTAX 1
#define REASON_TRANSFER_SYNTAX 2
#define REASON_LOCAL_LIMIT     3
#define NAK_NOT_SPECIFIED      0
#define NAK_VERSION	       4
#define NAK_AUTH_TYPE	       8

#define BIND_TIME_KEEP_ON_ORPHAN 0x02 /* MS-RPCE 2.2.2.14 */

#define CONTEXTS_MAX 32

struct dcerpc_conn {
	const struct rpc_iface *iface;
	const struct rpc_env *env;
	dcerpc_send_fn *send;
	void *send_arg;

	bool bound;
	uint16_t frag_max;		 /* both directions */
	uint16_t contexts[CONTEXTS_MAX]; /* ids of accepted presentation contexts */
	unsigned int num_contexts;

	/* the call whose fragments are coming in */
	bool assembling;
	uint32_t call_id;
	uint16_t context_id, opnum;
	bool big_endian;
	bool too_large; /* the request outgrew RPC_REQUEST_MAX: a fault after its last fragment */
	uint8_t *stub;
	size_t stub_len, stub_cap;

	struct rpc_handle handles[RPC_HANDLES_MAX];
	unsigned int num_handles;
};

struct header {
	uint8_t ptype, flags, minor;
	uint16_t frag_length, auth_length;
	uint32_t call_id;
};

/* { 8a885d04-1ceb-11c9-9fe8-08002b104860, 2.0 } */
static const uint8_t ndr32_syntax[20] = { 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9,
					  0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10,
					  0x48, 0x60, 0x02, 0x00, 0x00, 0x00 };
/* 6cb71c2c-9812-4540-: the last eight bytes are a bit mask */
static const uint8_t bind_time_prefix[8] = { 0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45 };

struct dcerpc_conn *dcerpc_conn_new(const struct rpc_iface *iface, const struct rpc_env *env,
				    dcerpc_send_fn *send, void *arg)
{
	struct dcerpc_conn *conn = xcalloc(1, sizeof(*conn));

	conn->iface = iface;
	conn->env = env;
	conn->send = send;
	conn->send_arg = arg;
	conn->frag_max = FRAG_MAX;
	return conn;
}

void dcerpc_conn_free(struct dcerpc_conn *conn)
{
	if (!conn)
		return;
	free(conn->stub);
	free(conn);
}

/* ---- context handles ---- */

bool rpc_handle_new(struct rpc_call *call, struct rpc_handle *out)
{
	struct dcerpc_conn *conn = call->conn;

	memset(out, 0, sizeof(*out));
	if (conn->num_handles == RPC_HANDLES_MAX || getrandom(out->bytes + 4, 16, 0) != 16)
		return false;
	conn->handles[conn->num_handles++] = *out;
	return true;
}

static struct rpc_handle *handle_find(struct dcerpc_conn *conn, const struct rpc_handle *h)
{
	for (unsigned int i = 0; i < conn->num_handles; i++)
		if (!memcmp(&conn->handles[i], h, sizeof(*h)))
			return &conn->handles[i];
	return NULL;
}

bool rpc_handle_known(const struct rpc_call *call, const struct rpc_handle *h)
{
	return handle_find(call->conn, h) != NULL;
}

bool rpc_handle_close(struct rpc_call *call, const struct rpc_handle *h)
{
	struct rpc_handle *mine = handle_find(call->conn, h);

	if (!mine)
		return false;
	*mine = call->conn->handles[--call->conn->num_handles];
	return true;
}

void rpc_handle_pull(struct ndr_pull *in, struct rpc_handle *out)
{
	uint8_t *b = out->bytes;

	kh_put_le32(b, ndr_u32(in));
	kh_put_le32(b + 4, ndr_u32(in));
	kh_put_le16(b + 8, ndr_u16(in));
	kh_put_le16(b + 10, ndr_u16(in));
	rd_copy(&in->rd, b + 12, 8);
}

void rpc_handle_put(struct ndr_push *out, const struct rpc_handle *h)
{
	static const struct rpc_handle none;

	ndr_put_align(out, 4);
	ndr_put_bytes(out, h ? h : &none, sizeof(*h));
}

/* ---- sending ---- */

static void put_header(struct smb2_wr *w, uint8_t ptype, uint8_t flags, uint32_t call_id)
{
	wr_u8(w, 5);
	wr_u8(w, 0);
	wr_u8(w, ptype);
	wr_u8(w, flags);
	wr_le32(w, 0x10); /* data representation: little-endian, ASCII, IEEE */
	wr_le16(w, 0);	  /* frag_length, by send_pdu() */
	wr_le16(w, 0);	  /* auth_length */
	wr_le32(w, call_id);
}

static bool send_pdu(struct dcerpc_conn *conn, struct smb2_wr *w)
{
	wr_patch_le16(w, 8, (uint16_t)w->off);
	return wr_ok(w) && conn->send(conn->send_arg, w->buf, w->off);
}

static bool send_fault(struct dcerpc_conn *conn, uint32_t call_id, uint16_t context_id,
		       uint32_t status)
{
	uint8_t flags = PFC_FIRST_FRAG | PFC_LAST_FRAG, buf[32];
	struct smb2_wr w = wr_init(buf, sizeof(buf));

	if (status == RPC_FAULT_OP_RANGE || status == RPC_FAULT_UNKNOWN_IF)
		flags |= PFC_DID_NOT_EXECUTE;
	put_header(&w, PTYPE_FAULT, flags, call_id);
	wr_le32(&w, 0); /* alloc_hint */
	wr_le16(&w, context_id);
	wr_le16(&w, 0); /* cancel_count, reserved */
	wr_le32(&w, status);
	wr_le32(&w, 0);
	return send_pdu(conn, &w);
}

/* A fault after which nobody knows where the next call begins. */
static bool protocol_error(struct dcerpc_conn *conn, uint32_t call_id)
{
	(void)send_fault(conn, call_id, 0, RPC_FAULT_PROTOCOL);
	return false;
}

static bool send_bind_nak(struct dcerpc_conn *conn, uint32_t call_id, uint16_t reason)
{
	uint8_t buf[24];
	struct smb2_wr w = wr_init(buf, sizeof(buf));

	put_header(&w, PTYPE_BIND_NAK, PFC_FIRST_FRAG | PFC_LAST_FRAG, call_id);
	wr_le16(&w, reason);
	wr_u8(&w, 1); /* protocol versions spoken here: 5.0 */
	wr_u8(&w, 5);
	wr_u8(&w, 0);
	wr_align(&w, 8);
	(void)send_pdu(conn, &w);
	return false;
}

static bool send_response(struct dcerpc_conn *conn, const uint8_t *stub, size_t len)
{
	size_t room = conn->frag_max - RESPONSE_HEAD, done = 0, n;
	uint8_t buf[FRAG_MAX], flags;
	struct smb2_wr w;

	do {
		n = MIN(len - done, room);
		flags = (done ? 0 : PFC_FIRST_FRAG) | (done + n == len ? PFC_LAST_FRAG : 0);
		w = wr_init(buf, sizeof(buf));
		put_header(&w, PTYPE_RESPONSE, flags, conn->call_id);
		wr_le32(&w, (uint32_t)(len - done));
		wr_le16(&w, conn->context_id);
		wr_le16(&w, 0);
		wr_bytes(&w, stub + done, n);
		if (!send_pdu(conn, &w))
			return false;
		done += n;
	} while (done < len);
	return true;
}

/* ---- bind and alter_context ---- */

struct bind_result {
	uint16_t result, reason;
	bool ndr32;
};

static bool is_our_interface(const struct rpc_iface *iface, const uint8_t *syntax)
{
	return !memcmp(syntax, iface->uuid.bytes, 16) && kh_get_le16(syntax + 16) == iface->major &&
	       kh_get_le16(syntax + 18) <= iface->minor;
}

static bool context_known(const struct dcerpc_conn *conn, uint16_t id)
{
	for (unsigned int i = 0; i < conn->num_contexts; i++)
		if (conn->contexts[i] == id)
			return true;
	return false;
}

/* A syntax identifier in little-endian order, whatever the client's is. */
static void pull_syntax(struct ndr_pull *in, uint8_t out[20])
{
	kh_put_le32(out, ndr_u32(in));
	kh_put_le16(out + 4, ndr_u16(in));
	kh_put_le16(out + 6, ndr_u16(in));
	rd_copy(&in->rd, out + 8, 8);
	kh_put_le32(out + 16, ndr_u32(in));
}

static struct bind_result bind_context(struct dcerpc_conn *conn, uint16_t id,
				       const uint8_t abstract[20], bool ndr32, int features)
{
	struct bind_result r = { RESULT_REJECT, REASON_ABSTRACT_SYNTAX, false };

	/* MS-RPCE 3.3.1.5.3: not a context, but a question about features */
	if (features >= 0)
		return (struct bind_result) { RESULT_NEGOTIATE_ACK,
					      features & BIND_TIME_KEEP_ON_ORPHAN, false };
	if (!is_our_interface(conn->iface, abstract))
		return r;
	r.reason = REASON_TRANSFER_SYNTAX;
	if (!ndr32)
		return r;
	if (!context_known(conn, id)) {
		r.reason = REASON_LOCAL_LIMIT;
		if (conn->num_contexts == CONTEXTS_MAX)
			return r;
		conn->contexts[conn->num_contexts++] = id;
	}
	return (struct bind_result) { RESULT_ACCEPT, 0, true };
}

/* p_cont_elem_t: id, abstract syntax, the transfer syntaxes of which NDR 2.0 is the only one known.
 */
static struct bind_result pull_context(struct dcerpc_conn *conn, struct ndr_pull *in)
{
	uint8_t abstract[20], transfer[20];
	uint16_t id = ndr_u16(in);
	uint8_t n = ndr_u8(in);
	bool ndr32 = false;
	int features = -1;

	ndr_u8(in);
	pull_syntax(in, abstract);
	for (unsigned int i = 0; i < n && ndr_ok(in); i++) {
		pull_syntax(in, transfer);
		if (!memcmp(transfer, ndr32_syntax, sizeof(transfer)))
			ndr32 = true;
		else if (!memcmp(transfer, bind_time_prefix, 8) && kh_get_le32(transfer + 16) == 1)
			features = transfer[8];
	}
	if (!ndr_ok(in))
		return (struct bind_result) { 0 };
	return bind_context(conn, id, abstract, ndr32, n == 1 ? features : -1);
}

static bool send_bind_ack(struct dcerpc_conn *conn, uint8_t ptype, uint32_t call_id, uint32_t group,
			  const struct bind_result *results, uint8_t n)
{
	/* alter_context_resp carries an empty address */
	size_t addr = ptype == PTYPE_BIND_ACK ? strlen(conn->iface->sec_addr) + 1 : 0;
	uint8_t buf[256 * 24 + 128];
	struct smb2_wr w = wr_init(buf, sizeof(buf));

	put_header(&w, ptype, PFC_FIRST_FRAG | PFC_LAST_FRAG, call_id);
	wr_le16(&w, conn->frag_max);
	wr_le16(&w, conn->frag_max);
	wr_le32(&w, group);
	wr_le16(&w, (uint16_t)addr);
	wr_bytes(&w, conn->iface->sec_addr, addr);
	wr_align(&w, 4);
	wr_le32(&w, n);
	for (unsigned int i = 0; i < n; i++) {
		wr_le16(&w, results[i].result);
		wr_le16(&w, results[i].reason);
		if (results[i].ndr32)
			wr_bytes(&w, ndr32_syntax, sizeof(ndr32_syntax));
		else
			wr_zero(&w, sizeof(ndr32_syntax));
	}
	return send_pdu(conn, &w);
}

/*
 * Association groups tie context handles of several connections together; handles here belong to
 * one pipe, so a group is only a number that the client hears back.
 */
static uint32_t new_group(void)
{
	static atomic_uint last = 0x53f0;

	return atomic_fetch_add(&last, 1) & 0x7fffffff;
}

static bool receive_bind(struct dcerpc_conn *conn, const struct header *h, struct ndr_pull *in)
{
	uint16_t xmit = ndr_u16(in), recv = ndr_u16(in);
	uint32_t group = ndr_u32(in);
	uint8_t n = ndr_u8(in);
	struct bind_result results[256];

	rd_skip(&in->rd, 3);
	if (h->ptype == PTYPE_BIND && conn->bound)
		return send_bind_nak(conn, h->call_id, NAK_NOT_SPECIFIED);
	if (h->ptype == PTYPE_ALTER_CONTEXT && !conn->bound)
		return protocol_error(conn, h->call_id);
	/* DCE/RPC's own security (NTLMSSP, Kerberos) is not offered:
	 * authentication_type_not_recognized */
	if (h->auth_length)
		return h->ptype == PTYPE_BIND ? send_bind_nak(conn, h->call_id, NAK_AUTH_TYPE)
					      : protocol_error(conn, h->call_id);
	if (h->ptype == PTYPE_BIND)
		conn->frag_max = MAX(MIN(MIN(xmit, recv), FRAG_MAX), FRAG_MIN);
	for (unsigned int i = 0; i < n && ndr_ok(in); i++)
		results[i] = pull_context(conn, in);
	if (!ndr_ok(in) || !n)
		return h->ptype == PTYPE_BIND ? send_bind_nak(conn, h->call_id, NAK_NOT_SPECIFIED)
					      : protocol_error(conn, h->call_id);
	conn->bound = true;
	return send_bind_ack(conn, h->ptype + 1, h->call_id, group ? group : new_group(), results,
			     n);
}

/* ---- requests ---- */

static uint32_t run(struct dcerpc_conn *conn, struct rpc_call *call)
{
	const struct rpc_iface *iface = conn->iface;
	uint32_t fault;

	if (!context_known(conn, conn->context_id))
		return RPC_FAULT_UNKNOWN_IF;
	if (conn->opnum >= iface->num_ops || !iface->ops[conn->opnum])
		return RPC_FAULT_OP_RANGE;
	fault = iface->ops[conn->opnum](call);
	if (!fault && !wr_ok(&call->out.wr))
		fault = RPC_FAULT_NO_MEMORY;
	return fault;
}

static bool finish_call(struct dcerpc_conn *conn)
{
	struct rpc_call call = { .env = conn->env, .conn = conn };
	uint32_t fault = RPC_FAULT_NO_MEMORY;
	bool alive;

	conn->assembling = false;
	if (!conn->too_large) {
		call.in.rd = rd_init(conn->stub ? conn->stub : (const uint8_t *)"", conn->stub_len);
		call.in.big_endian = conn->big_endian;
		call.in.mem = &call.mem;
		ndr_push_init(&call.out, RPC_REPLY_MAX);
		fault = run(conn, &call);
	}
	if (fault)
		alive = send_fault(conn, conn->call_id, conn->context_id, fault);
	else
		alive = send_response(conn, call.out.wr.buf, call.out.wr.off);
	ndr_push_free(&call.out);
	ndr_mem_free(&call.mem);
	free(steal_ptr(&conn->stub));
	conn->stub_len = conn->stub_cap = 0;
	return alive;
}

static void append(struct dcerpc_conn *conn, const uint8_t *p, size_t n)
{
	size_t cap = conn->stub_cap;
	uint8_t *stub;

	if (conn->too_large || !n)
		return;
	if (n > RPC_REQUEST_MAX - conn->stub_len)
		goto too_large;
	if (n > cap - conn->stub_len) {
		cap = MIN(MAX(2 * cap, conn->stub_len + n), (size_t)RPC_REQUEST_MAX);
		stub = realloc(conn->stub, cap);
		if (!stub)
			goto too_large;
		conn->stub = stub;
		conn->stub_cap = cap;
	}
	memcpy(conn->stub + conn->stub_len, p, n);
	conn->stub_len += n;
	return;
too_large:
	conn->too_large = true;
	free(steal_ptr(&conn->stub));
	conn->stub_len = conn->stub_cap = 0;
}

static bool receive_request(struct dcerpc_conn *conn, const struct header *h, struct ndr_pull *in)
{
	bool first = h->flags & PFC_FIRST_FRAG;
	uint16_t context_id, opnum;

	ndr_u32(in); /* alloc_hint: a hint of the client's about our memory */
	context_id = ndr_u16(in);
	opnum = ndr_u16(in);
	if (h->flags & PFC_OBJECT_UUID)
		rd_skip(&in->rd, 16);
	if (!ndr_ok(in) || !conn->bound || h->auth_length || first == conn->assembling)
		return protocol_error(conn, h->call_id);
	if (first) {
		conn->assembling = true;
		conn->too_large = false;
		conn->call_id = h->call_id;
		conn->context_id = context_id;
		conn->opnum = opnum;
		conn->big_endian = in->big_endian;
	} else if (conn->call_id != h->call_id || conn->context_id != context_id ||
		   conn->opnum != opnum || conn->big_endian != in->big_endian) {
		return protocol_error(conn, h->call_id);
	}
	append(conn, in->rd.buf + in->rd.off, rd_left(&in->rd));
	return h->flags & PFC_LAST_FRAG ? finish_call(conn) : true;
}

/* The client has given the call up; what came of it is dropped, the association goes on. */
static bool receive_orphaned(struct dcerpc_conn *conn, const struct header *h)
{
	if (conn->assembling && conn->call_id == h->call_id) {
		conn->assembling = false;
		free(steal_ptr(&conn->stub));
		conn->stub_len = conn->stub_cap = 0;
	}
	return true;
}

size_t dcerpc_frag_length(const uint8_t *header)
{
	size_t len = header[4] & 0x10 ? kh_get_le16(header + 8) : kh_get_be16(header + 8);

	/* integer representation is the upper nibble: 0 big-endian, 1 little-endian */
	return header[0] != 5 || header[4] >> 4 > 1 || len < RPC_HEADER_SIZE ? 0 : len;
}

bool dcerpc_receive(struct dcerpc_conn *conn, const uint8_t *pdu, size_t len)
{
	struct ndr_pull in = { .rd = rd_init(pdu, len), .big_endian = !(pdu[4] & 0x10) };
	struct header h;

	rd_skip(&in.rd, 1);
	h.minor = ndr_u8(&in);
	h.ptype = ndr_u8(&in);
	h.flags = ndr_u8(&in);
	rd_skip(&in.rd, 4);
	h.frag_length = ndr_u16(&in);
	h.auth_length = ndr_u16(&in);
	h.call_id = ndr_u32(&in);
	if (!ndr_ok(&in) || h.frag_length != len)
		return false;
	if (h.minor > 1)
		return h.ptype == PTYPE_BIND ? send_bind_nak(conn, h.call_id, NAK_VERSION)
					     : protocol_error(conn, h.call_id);
	switch (h.ptype) {
	case PTYPE_BIND:
	case PTYPE_ALTER_CONTEXT:
		return receive_bind(conn, &h, &in);
	case PTYPE_REQUEST:
		return receive_request(conn, &h, &in);
	case PTYPE_ORPHANED:
		return receive_orphaned(conn, &h);
	case PTYPE_CO_CANCEL: /* every call is finished before the next PDU is read */
		return true;
	default:
		return protocol_error(conn, h.call_id);
	}
}
