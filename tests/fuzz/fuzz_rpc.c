// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_rpc.c - a pipe under arbitrary writes and reads. The first byte picks the pipe and the
 * user's rights; then come steps: one byte what to do, two bytes a length, that many bytes.
 */
#include "../unit/rpc_env.h"

static const char *const pipes[] = { "srvsvc", "\\PIPE\\wkssvc", "lsarpc", "\\srvsvc" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smb2_rd rd = rd_init(data, size);
	uint8_t head = rd_u8(&rd), out[1024];
	struct rpc_env env = test_env(head & 4);
	struct rpc_pipe_state state;
	struct rpc_pipe *p;
	ntstatus status;
	size_t n, len;

	env.anonymous = head & 8;
	p = rpc_pipe_open(pipes[head & 3], &env, &status);
	while (rd_left(&rd)) {
		uint8_t what = rd_u8(&rd);

		len = rd_le16(&rd);
		len = MIN(len, rd_left(&rd));
		if (what & 1)
			rpc_pipe_read(p, out, MIN(len, sizeof(out)), &n);
		else if (what & 2)
			rpc_pipe_transceive(p, rd_bytes(&rd, len), len, out, sizeof(out), &n);
		else
			rpc_pipe_write(p, rd_bytes(&rd, len), len);
		rpc_pipe_state(p, &state);
	}
	rpc_pipe_close(p);
	return 0;
}
