// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_stream.c - a whole stream of frames into a server with a real session. Each input gets a
 * connection; stream/stream.h says what its bytes mean. After each, nothing may be left of it, and
 * a fresh connection must be served.
 */
#include "stream/stream.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t an, const uint8_t *b, size_t bn,
				 uint8_t *out, size_t max, unsigned int seed);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t login[HEAD_SIZE] = { 4, STREAM_SIGNED };

	stream_server_start();
	stream_run(login, sizeof(login));
	stream_server_settled();
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	return stream_mutate(data, size, max, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t an, const uint8_t *b, size_t bn,
				 uint8_t *out, size_t max, unsigned int seed)
{
	return stream_cross(a, an, b, bn, out, max, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	stream_run(data, size);
	stream_server_settle();
	stream_probe();
	return 0;
}
