// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_rpc.c - the pipes under the PDUs that rpcclient of Samba 4.17 sends, and under wrong ones.
 */
#include <stdlib.h>

#include "rpc/ndr.h"
#include "rpc_env.h"
#include "tap.h"

/* Stub bytes of a reply: behind the 24 bytes of a response's or fault's head. */
#define STUB 24

static uint8_t reply[1 << 20];
static size_t reply_len;

/* The 32-bit value that begins n bytes before the reply's end. */
static int64_t from_end(size_t n)
{
	return reply_len < n ? -1 : (int64_t)kh_get_le32(reply + reply_len - n);
}

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;
	unsigned int byte;

	for (size_t i = 0; i < n; i++) {
		sscanf(hex + 2 * i, "%2x", &byte);
		out[i] = (uint8_t)byte;
	}
	return n;
}

static ntstatus transceive(struct rpc_pipe *p, const char *hex)
{
	uint8_t pdu[4096];
	size_t n = unhex(hex, pdu);

	memset(reply, 0, 64);
	return rpc_pipe_transceive(p, pdu, n, reply, sizeof(reply), &reply_len);
}

/* A bind as rpcclient sends it, for the interface whose syntax identifier is given. */
#define BIND(syntax)                                               \
	"05000b03100000004800000001000000b810b8100000000001000000" \
	"00000100" syntax "045d888aeb1cc9119fe808002b10486002000000"
#define SRVSVC "c84f324b7016d30112785a47bf6ee18803000000"
#define LSARPC "785734123412cdabef000123456789ab00000000"

/* NetrServerGetInfo(level 101) of rpcclient -c srvinfo, and Samba's answer to it */
#define SRVINFO                                                                            \
	"050000031000000044000000020000002c00000000001500000002000c000000000000000c000000" \
	"5c005c003100320037002e0030002e0030002e003100000065000000"
#define SRVINFO_REPLY                                                                      \
	"0500020310000000900000000200000078000000000000006500000004000200f401000008000200" \
	"0600000001000000039a80000c0002000700000000000000070000004b0048005000450045005200" \
	"0000000015000000000000001500000053"                                               \
	"0061006d0062006100200034002e00310037002e00310032002d0044006500620069"             \
	"0061006e000000000000000000"

/* NetrShareEnum(level 1) of rpcclient -c 'netshareenumall 1' */
#define SHARE_ENUM                                                                         \
	"050000031000000058000000020000004000000000000f00000002000a000000000000000a000000" \
	"3100320037002e0030002e0030002e003100000001000000010000000400020000000000"         \
	"00000000ffffffff00000000"

#define OPEN_POLICY                                                        \
	"050000031000000044000000020000002c00000000000600000002005c000000" \
	"1800000000000000000000000000000000000000040002000c0000000200010000080000"

static struct rpc_pipe *bound(const char *name, const char *bind, const struct rpc_env *env)
{
	ntstatus status;
	struct rpc_pipe *p = rpc_pipe_open(name, env, &status);

	if (p)
		transceive(p, bind);
	return p;
}

static void test_names(void)
{
	struct rpc_env env = test_env(false);
	ntstatus status;
	struct rpc_pipe *p = rpc_pipe_open("\\PIPE\\SrvSvc", &env, &status);
	size_t n;

	is_str(p ? rpc_pipe_name(p) : NULL, "srvsvc", "a name with prefix, any case");
	is_int(rpc_pipe_read(p, reply, 10, &n), (ntstatus)NT_STATUS_PIPE_EMPTY, "nothing to read");
	rpc_pipe_close(p);
	p = rpc_pipe_open("spoolss", &env, &status);
	ok(!p, "an unknown pipe");
	is_int(status, (ntstatus)NT_STATUS_OBJECT_NAME_NOT_FOUND, "is not found");
}

static void test_bind(void)
{
	struct rpc_env env = test_env(false);
	struct rpc_pipe *p = bound("srvsvc", BIND(SRVSVC), &env);

	is_int(reply[2], 12, "bind_ack");
	is_int(kh_get_le16(reply + 16), 4280, "the client's fragment size");
	ok(!memcmp(reply + 26, "\\PIPE\\srvsvc", 13), "the secondary address");
	is_int(kh_get_le16(reply + 44), 0, "accepted");
	rpc_pipe_close(p);

	p = bound("srvsvc", BIND(LSARPC), &env);
	is_int(reply[2], 12, "another interface: bind_ack");
	is_int(kh_get_le32(reply + 44), 0x00010002, "that rejects the abstract syntax");
	transceive(p, SRVINFO);
	is_int(reply[2], 3, "a call on the rejected context: fault");
	is_int(kh_get_le32(reply + STUB), 0x1c010003, "unknown interface");
	rpc_pipe_close(p);

	/* NDR64 offered in place of NDR32 */
	p = bound("srvsvc",
		  "05000b03100000004800000001000000b810b810000000000100000000000100" SRVSVC
		  "33057171babe37498319b5dbef9ccc3601000000",
		  &env);
	is_int(kh_get_le32(reply + 44), 0x00020002, "NDR64 is rejected as a transfer syntax");
	rpc_pipe_close(p);

	p = bound("srvsvc",
		  "05000b03100000004800000001000000b810b810000000000100000000000100" SRVSVC
		  "2c1cb76c12984045030000000000000001000000",
		  &env);
	is_int(kh_get_le32(reply + 44), 0x00020003, "bind-time features: keep on orphan");
	rpc_pipe_close(p);

	/* auth_length 8 */
	p = bound("srvsvc",
		  "05000b03100000005000080001000000b810b810000000000100000000000100" SRVSVC
		  "045d888aeb1cc9119fe808002b104860020000004e544c4d53535000",
		  &env);
	is_int(reply[2], 13, "a bind with authentication: bind_nak");
	is_int(kh_get_le16(reply + 16), 8, "authentication type not recognized");
	is_int(transceive(p, SRVINFO), (ntstatus)NT_STATUS_PIPE_DISCONNECTED, "and the end");
	rpc_pipe_close(p);
}

static void test_server_info(void)
{
	struct rpc_env env = test_env(false);
	struct rpc_pipe *p;
	uint8_t want[256];
	size_t n = unhex(SRVINFO_REPLY, want);

	env.server_name = "KHPEER";
	env.server_comment = "Samba 4.17.12-Debian";
	env.server_type = RPC_SV_TYPE_DEFAULT | RPC_SV_TYPE_PRINTQ | 0x00800000;
	p = bound("srvsvc", BIND(SRVSVC), &env);
	is_int(transceive(p, SRVINFO), NT_STATUS_SUCCESS, "NetrServerGetInfo");
	is_int(reply[2], 2, "a response");
	is_mem(reply + STUB, want + STUB, MIN(n, reply_len) - STUB, "the stub is Samba's");
	rpc_pipe_close(p);
}

static void test_shares_listed(void)
{
	struct rpc_env env = test_env(false);
	struct rpc_pipe *p = bound("srvsvc", BIND(SRVSVC), &env);
	struct ndr_mem mem = { 0 };
	struct ndr_pull in = { .mem = &mem };
	uint32_t n;

	is_int(transceive(p, SHARE_ENUM), NT_STATUS_SUCCESS, "NetrShareEnum");
	in.rd = rd_init(reply + STUB, reply_len - STUB);
	is_int(ndr_u32(&in), 1, "level");
	ndr_u32(&in);
	ndr_u32(&in);
	n = ndr_u32(&in);
	is_int(n, ARRAY_SIZE(test_shares), "all shares");
	ndr_u32(&in);
	ndr_u32(&in);
	for (uint32_t i = 0; i < n; i++) {
		ndr_u32(&in);
		is_int(ndr_u32(&in), test_shares[i].type, "type");
		ndr_u32(&in);
	}
	for (uint32_t i = 0; i < n; i++) {
		is_str(ndr_wstr(&in), test_shares[i].name, "name");
		is_str(ndr_wstr(&in), test_shares[i].comment ? test_shares[i].comment : "",
		       "comment");
	}
	is_int(ndr_u32(&in), n, "total");
	ndr_u32(&in);
	is_int(ndr_u32(&in), 0, "WERR_OK");
	ok(ndr_ok(&in) && rd_left(&in.rd) == 0, "and nothing else");
	ndr_mem_free(&mem);
	rpc_pipe_close(p);
}

/* The same call byte by byte in, three bytes at a time out. */
static void test_pieces(void)
{
	struct rpc_env env = test_env(false);
	struct rpc_pipe *p = bound("srvsvc", BIND(SRVSVC), &env);
	uint8_t pdu[256], whole[1024], part[1024];
	size_t n = unhex(SRVINFO, pdu), total = 0, got;
	struct rpc_pipe_state state;
	ntstatus status = NT_STATUS_SUCCESS;

	transceive(p, SRVINFO);
	memcpy(whole, reply, reply_len);
	for (size_t i = 0; i < n && !status; i++)
		status = rpc_pipe_write(p, pdu + i, 1);
	is_int(status, NT_STATUS_SUCCESS, "written byte by byte");
	rpc_pipe_state(p, &state);
	is_int(state.message_left, reply_len, "one message waits");
	do {
		status = rpc_pipe_read(p, part + total, 3, &got);
		total += got;
	} while (status == (ntstatus)NT_STATUS_BUFFER_OVERFLOW);
	is_int(status, NT_STATUS_SUCCESS, "the last piece ends the message");
	is_int(total, reply_len, "all of it");
	is_mem(part, whole, total, "and the same");
	rpc_pipe_close(p);
}

static void test_faults(void)
{
	struct rpc_env env = test_env(false);
	struct rpc_pipe *p = bound("srvsvc", BIND(SRVSVC), &env);

	transceive(p, "050000031000000018000000030000000000000000006300");
	is_int(reply[2], 3, "an unknown operation: fault");
	is_int(kh_get_le32(reply + STUB), 0x1c010002, "operation out of range");
	transceive(p, "050000031000000018000000040000000000000000001500");
	is_int(kh_get_le32(reply + STUB), 0x6f7, "a stub that is too short");
	is_int(transceive(p, SRVINFO), NT_STATUS_SUCCESS, "the association goes on");
	is_int(reply[2], 2, "with a response");
	transceive(p, "050000021000000018000000050000000000000000001500");
	is_int(kh_get_le32(reply + STUB), 0x1c01000b, "a fragment of no call: protocol error");
	is_int(transceive(p, SRVINFO), (ntstatus)NT_STATUS_PIPE_DISCONNECTED, "and the end");
	rpc_pipe_close(p);
}

static void many_shares(void *ctx, rpc_share_fn *fn, void *arg)
{
	char name[32];
	struct rpc_share s = { .name = name, .comment = "one of many" };

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "share%d", i);
		if (!fn(&s, arg))
			break;
	}
}

static void test_fragments_out(void)
{
	struct rpc_env env = test_env(false);
	struct rpc_pipe *p;
	unsigned int frags = 1, flags;
	ntstatus status;

	env.share_enum = many_shares;
	p = bound("srvsvc", BIND(SRVSVC), &env);
	status = transceive(p, SHARE_ENUM);
	is_int(reply[3], 1, "the first of many fragments");
	is_int(reply_len, 4280, "is as long as the client allows");
	do {
		status = rpc_pipe_read(p, reply, sizeof(reply), &reply_len);
		flags = reply[3];
		frags++;
	} while (!status && flags != 2 && frags < 100);
	is_int(status, NT_STATUS_SUCCESS, "the last fragment comes");
	is_int(from_end(4), 0, "with WERR_OK");
	rpc_pipe_close(p);
}

static void test_admin(void)
{
	/* NetrSessionEnum(NULL, NULL, NULL, level 10) */
	static const char call[] =
		"050000031000000040000000020000002800000000000c00000000000000000000000000"
		"0a0000000a000000000002000000000000000000ffffffff00000000";
	struct rpc_env user = test_env(false), admin = test_env(true);
	struct rpc_pipe *p = bound("srvsvc", BIND(SRVSVC), &user);

	transceive(p, call);
	is_int(from_end(4), 5, "sessions are not for users");
	rpc_pipe_close(p);
	p = bound("srvsvc", BIND(SRVSVC), &admin);
	transceive(p, call);
	is_int(from_end(4), 0, "but for administrators");
	is_int(kh_get_le32(reply + STUB + 12), 1, "one session");
	rpc_pipe_close(p);
}

static void test_lsarpc(void)
{
	struct rpc_env env = test_env(false);
	struct rpc_pipe *p = bound("lsarpc", BIND(LSARPC), &env);
	char call[512], handle[41] = "";

	is_int(transceive(p, OPEN_POLICY), NT_STATUS_SUCCESS, "LsarOpenPolicy");
	is_int(kh_get_le32(reply + STUB + 20), 0, "a handle");
	for (int i = 0; i < 20; i++)
		sprintf(handle + 2 * i, "%02x", reply[STUB + i]);
	/* rpcclient -c 'lookupsids S-1-5-21-1-2-3-1001' */
	snprintf(call, sizeof(call),
		 "05000003100000006c000000030000005400000000000f00%s"
		 "0100000000000200010000000400020005000000010500000000000515000000"
		 "010000000200000003000000e9030000"
		 "00000000000000000100000000000000",
		 handle);
	is_int(transceive(p, call), NT_STATUS_SUCCESS, "LsarLookupSids");
	is_int(reply[2], 2, "a response");
	is_int(from_end(4), 0, "all mapped");
	is_int(from_end(8), 1, "one");
	snprintf(call, sizeof(call), "05000003100000002c000000040000001400000000000000%s", handle);
	transceive(p, call);
	is_int(reply[2], 2, "LsarClose");
	transceive(p, call);
	is_int(reply[2], 3, "a closed handle: fault");
	is_int(kh_get_le32(reply + STUB), 0x1c00001a, "context mismatch");
	rpc_pipe_close(p);
}

int main(void)
{
	test_names();
	test_bind();
	test_server_info();
	test_shares_listed();
	test_pieces();
	test_faults();
	test_fragments_out();
	test_admin();
	test_lsarpc();
	return done_testing();
}
