// SPDX-License-Identifier: GPL-2.0-or-later
/* scripts_compound.c - compounds of data operations (MS-SMB2 3.3.5.2.7), pipelining, CANCEL. */
#include "scripts.h"

#define CHAIN F_RELATED | F_FID_ONES

static const struct step unrelated[] = {
	FILE_AND_WARM("compound"),
	{ READ, .length = 100, .flags = F_MORE },
	{ READ, .length = 100, .offset = 4096, .want = WANT(SUCCESS) },
	{ WRITE, .length = 100, .seed = 1, .flags = F_MORE },
	{ READ, .length = 100, .flags = F_MORE },
	{ FLUSH, .flags = F_MORE },
	{ ECHO, .want = WANT(SUCCESS) },
	{ READ, .length = 100, .flags = F_MORE | F_FID_OLD },
	{ READ, .length = 100, .want = WANT(SUCCESS) },
	{ READ, .length = 100, .offset = 1 << 20, .flags = F_MORE },
	{ READ, .length = 100, .flags = F_MORE },
	{ CLOSE, .op_flags = 1, .flags = F_MORE },
	{ READ, .length = 100, .want = WANT(FILE_CLOSED) },
	END,
};

static const struct step related[] = {
	FILE_AND_WARM("compound-related"),
	{ READ, .length = 100, .flags = F_MORE },
	{ READ, .length = 100, .offset = 4096, .flags = CHAIN, .want = WANT(SUCCESS) },
	{ WRITE, .length = 100, .seed = 2, .flags = F_MORE },
	{ READ, .length = 200, .flags = F_MORE | CHAIN },
	{ FLUSH, .flags = CHAIN, .want = WANT(SUCCESS) },
	{ READ, .length = 100, .flags = F_MORE | F_FID_OLD },
	{ READ, .length = 100, .flags = CHAIN },
	{ READ, .length = 100, .offset = 1 << 20, .flags = F_MORE },
	{ READ, .length = 100, .flags = CHAIN },
	{ CREATE, .file = 1, .name = "compound-related", .access = ALL_ACCESS,
	  .disposition = FILE_OPEN, .flags = F_MORE },
	{ WRITE, .length = 50, .seed = 3, .flags = F_MORE | CHAIN },
	{ READ, .length = 100, .flags = F_MORE | CHAIN },
	{ CLOSE, .op_flags = 1, .flags = CHAIN, .want = WANT(SUCCESS) },
	{ CREATE, .file = 1, .name = "no-such-file", .access = ALL_ACCESS, .disposition = FILE_OPEN,
	  .flags = F_MORE },
	{ READ, .length = 100, .flags = F_MORE | CHAIN },
	{ CLOSE, .flags = CHAIN, .want = WANT(OBJECT_NAME_NOT_FOUND) },
	{ READ, .length = 100, .flags = F_MORE },
	{ CLOSE, .op_flags = 1, .flags = CHAIN, .want = WANT(SUCCESS) },
	{ READ, .length = 100, .want = WANT(FILE_CLOSED) },
	END,
};

static const struct step odd_compounds[] = {
	FILE_AND_WARM("compound-odd"),
	{ READ, .length = 100, .flags = CHAIN }, /* the first is related */
	{ READ, .length = 100, .flags = F_RELATED },
	{ READ, .length = 100, .flags = F_MORE, .patch = { { 64, 2, 3 } } },
	{ READ, .length = 100, .flags = CHAIN },
	{ READ, .length = 100, .flags = F_MORE, .patch = { { 36, 4, 999 } } },
	{ READ, .length = 100, .flags = CHAIN },
	{ READ, .length = 100, .flags = F_MORE, .patch = { { 40, 8, 999 } } },
	{ READ, .length = 100, .flags = CHAIN },
	{ READ, .length = 100, .flags = F_MORE },
	{ ECHO, .flags = F_RELATED },
	{ WRITE, .length = 5000, .seed = 4, .flags = F_MORE },
	{ WRITE, .length = 5001, .offset = 5000, .seed = 5, .flags = F_MORE },
	{ WRITE, .length = 5002, .offset = 10001, .seed = 6, .flags = F_MORE },
	{ READ, .length = 20000, .want = WANT(SUCCESS) },
	{ READ, .length = 65536, .flags = F_MORE },
	{ READ, .length = 65536, .flags = F_MORE },
	{ READ, .length = 65536 },
	END,
};

static const struct step next_command[] = {
	FILE_AND_WARM("compound-next"),
	{ READ, .length = 100, .patch = { { 20, 4, 4 } }, .want = WANT_CLOSED },
	END,
};

static const struct step next_command_beyond[] = {
	FILE_AND_WARM("compound-next"),
	{ READ, .length = 100, .patch = { { 20, 4, 0x10000 } }, .want = WANT_CLOSED },
	END,
};

static const struct step next_command_odd[] = {
	FILE_AND_WARM("compound-next"),
	{ READ, .length = 100, .flags = F_MORE, .patch = { { 20, 4, 116 } } },
	{ READ, .length = 100, .want = WANT_CLOSED },
	END,
};

/* More in flight than answered: nothing of it depends on the order. */
static const struct step pipelined[] = {
	FILE_AND_WARM("pipelined"),
	{ WRITE, .length = 60000, .offset = 0, .seed = 11, .flags = F_NO_WAIT },
	{ WRITE, .length = 60000, .offset = 60000, .seed = 12, .flags = F_NO_WAIT },
	{ WRITE, .length = 60000, .offset = 120000, .seed = 13, .flags = F_NO_WAIT },
	{ ECHO, .flags = F_NO_WAIT },
	{ WRITE, .length = 60000, .offset = 180000, .seed = 14, .flags = F_NO_WAIT },
	{ FLUSH, .flags = F_NO_WAIT },
	{ WRITE, .length = 1, .offset = 240000, .seed = 15, .want = WANT(SUCCESS) },
	{ READ, .length = 65536, .offset = 0, .flags = F_NO_WAIT },
	{ READ, .length = 65536, .offset = 65536, .flags = F_NO_WAIT },
	{ READ, .length = 65536, .offset = 131072, .flags = F_NO_WAIT },
	{ READ, .length = 65536, .offset = 196608, .flags = F_NO_WAIT },
	{ READ, .length = 65536, .offset = 262144, .flags = F_NO_WAIT },
	{ QUERY, .flags = F_NO_WAIT },
	{ READ, .length = 10, .flags = F_FID_OLD | F_NO_WAIT },
	{ READ, .length = 65536, .offset = 1, .want = WANT(SUCCESS) },
	END,
};

static const struct step cancel[] = {
	FILE_AND_WARM("cancel"),
	OPEN_ON(1, 1, "cancel"),
	{ STEP_COMMAND, SMB2_LOCK, .link = 1, .file = 1, .length = 100, .op_flags = 0x12,
	  .want = WANT(SUCCESS) },
	{ LOCK, .length = 100, .op_flags = 0x02, .want = WANT(PENDING) }, /* waits */
	{ READ, .length = 100, .offset = 4096, .flags = F_NO_WAIT },
	{ ECHO },
	{ READ, .length = 100, .want = WANT(FILE_LOCK_CONFLICT) },
	{ STEP_COMMAND, SMB2_LOCK, .link = 1, .file = 1, .length = 100, .op_flags = 0x04 },
	{ STEP_PAUSE, .length = 100 },
	{ STEP_COMMAND, SMB2_READ, .link = 1, .file = 1, .length = 10,
	  .want = WANT(FILE_LOCK_CONFLICT) },
	{ LOCK, .length = 100, .op_flags = 0x04, .want = WANT(SUCCESS) },
	{ CANCEL, .flags = F_NO_ANSWER }, /* of something that was answered */
	{ READ, .length = 100, .want = WANT(SUCCESS) },
	{ STEP_COMMAND, SMB2_LOCK, .link = 1, .file = 1, .length = 100, .op_flags = 0x12 },
	{ LOCK, .length = 100, .op_flags = 0x02, .want = WANT(PENDING) },
	{ CANCEL, .flags = F_NO_ANSWER },
	{ STEP_PAUSE, .length = 100 },
	{ READ, .length = 100, .offset = 4096, .want = WANT(SUCCESS) },
	END,
};

const struct script scripts_compound[] = {
	{ "compound of unrelated", unrelated, WHEN_ANY },
	{ "compound of related", related, WHEN_ANY },
	{ "odd compounds", odd_compounds, WHEN_ANY },
	{ "NextCommand too small", next_command, WHEN_ANY },
	{ "NextCommand beyond the frame", next_command_beyond, WHEN_ANY },
	{ "NextCommand not aligned", next_command_odd, WHEN_ANY },
	{ "pipelined", pipelined, WHEN_ANY },
	{ "waiting and CANCEL", cancel, WHEN_ANY },
	{ 0 },
};
