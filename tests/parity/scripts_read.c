// SPDX-License-Identifier: GPL-2.0-or-later
/* scripts_read.c - READ (MS-SMB2 2.2.19, 3.3.5.12), ECHO and FLUSH. */
#include "scripts.h"

static const struct step lengths[] = {
	FILE_AND_WARM("read-lengths"),
	{ WRITE, .length = 65536, .seed = 1 },
	{ READ, .length = 0, .want = WANT(SUCCESS) },
	{ READ, .length = 1, .want = WANT(SUCCESS) },
	{ READ, .length = 4095, .offset = 1 },
	{ READ, .length = 4096, .offset = 4096 },
	{ READ, .length = 65536, .want = WANT(SUCCESS) },
	{ READ, .length = 65536, .offset = 1, .want = WANT(SUCCESS) },
	{ READ, .length = 65535, .offset = 4097 },
	END,
};

static const struct step large[] = {
	FILE_AND_WARM("read-large"),
	{ WRITE, .length = 1 << 20, .seed = 2 },
	{ WRITE, .length = 1 << 20, .offset = 1 << 20, .seed = 3 },
	{ READ, .length = 65537, .want = WANT(SUCCESS) },
	{ READ, .length = 262144, .want = WANT(SUCCESS) },
	{ READ, .length = 262144, .offset = 4096, .want = WANT(SUCCESS) },
	{ READ, .length = 262145, .offset = 3, .want = WANT(SUCCESS) },
	{ READ, .length = 1 << 20, .want = WANT(SUCCESS) },
	{ READ, .length = 1 << 20, .offset = (1 << 20) - 5, .want = WANT(SUCCESS) },
	{ READ, .length = 2 << 20 },
	{ READ, .length = 8 << 20 },
	{ READ, .length = (8 << 20) + 1, .charge = 129, .flags = F_CHARGE,
	  .want = WANT(INVALID_PARAMETER) },
	{ READ, .length = 16 << 20, .charge = 256, .flags = F_CHARGE,
	  .want = WANT(INVALID_PARAMETER) },
	{ READ, .length = 0xFFFFFFFF, .charge = 256, .flags = F_CHARGE },
	END,
};

static const struct step end_of_file[] = {
	FILE_AND_WARM("read-eof"),
	{ SET_EOF, .offset = 10000 },
	{ READ, .length = 100, .offset = 9950, .want = WANT(SUCCESS) },
	{ READ, .length = 100, .offset = 9999, .want = WANT(SUCCESS) },
	{ READ, .length = 100, .offset = 10000, .want = WANT(END_OF_FILE) },
	{ READ, .length = 100, .offset = 10001, .want = WANT(END_OF_FILE) },
	{ READ, .length = 0, .offset = 10000 },
	{ READ, .length = 0, .offset = 20000 },
	{ READ, .length = 65536, .want = WANT(SUCCESS) },
	{ SET_EOF, .offset = 0 },
	{ READ, .length = 100, .want = WANT(END_OF_FILE) },
	{ READ, .length = 0 },
	END,
};

static const struct step minimum[] = {
	FILE_AND_WARM("read-minimum"),
	{ SET_EOF, .offset = 10000 },
	{ READ, .length = 100, .offset = 9950, .minimum = 50, .want = WANT(SUCCESS) },
	{ READ, .length = 100, .offset = 9950, .minimum = 51, .want = WANT(END_OF_FILE) },
	{ READ, .length = 100, .minimum = 100, .want = WANT(SUCCESS) },
	{ READ, .length = 100, .minimum = 101 },
	{ READ, .length = 0, .minimum = 1 },
	{ READ, .length = 100, .minimum = 0xFFFFFFFF },
	{ READ, .length = 65536, .minimum = 10000, .want = WANT(SUCCESS) },
	{ READ, .length = 65536, .minimum = 10001, .want = WANT(END_OF_FILE) },
	END,
};

static const struct step offsets[] = {
	FILE_AND_WARM("read-offsets"),
	{ READ, .length = 100, .offset = 0x7FFFFFFF },
	{ READ, .length = 100, .offset = 0x80000000 },
	{ READ, .length = 100, .offset = 0xFFFFFFFF },
	{ READ, .length = 100, .offset = 0x100000000 },
	{ READ, .length = 100, .offset = 0x7FFFFFFFFFFFFF00, .want = WANT(END_OF_FILE) },
	{ READ, .length = 100, .offset = 0x7FFFFFFFFFFFFFFF - 100, .want = WANT(END_OF_FILE) },
	{ READ, .length = 100, .offset = 0x7FFFFFFFFFFFFFFF - 99, .want = WANT(INVALID_PARAMETER) },
	{ READ, .length = 0, .offset = 0x7FFFFFFFFFFFFFFF },
	{ READ, .length = 1, .offset = 0x7FFFFFFFFFFFFFFF, .want = WANT(INVALID_PARAMETER) },
	{ READ, .length = 1, .offset = 0x8000000000000000, .want = WANT(INVALID_PARAMETER) },
	{ READ, .length = 0, .offset = 0x8000000000000000 },
	{ READ, .length = 1, .offset = 0xFFFFFFFFFFFFFFFF, .want = WANT(INVALID_PARAMETER) },
	{ READ, .length = 0, .offset = 0xFFFFFFFFFFFFFFFF },
	END,
};

static const struct step access_masks[] = {
	FILE_AND_WARM("read-access"),
	OPEN_AS(1, "read-access", 0x00000080, FILE_OPEN),
	{ READ1, .length = 100, .want = WANT(ACCESS_DENIED) },
	{ READ1, .length = 0, .want = WANT(ACCESS_DENIED) },
	OPEN_AS(2, "read-access", FILE_EXECUTE, FILE_OPEN),
	{ READ2, .length = 100, .want = WANT(SUCCESS) },
	{ READ2, .length = 100, .want = WANT(SUCCESS) },
	{ READ2, .length = 100, .want = WANT(SUCCESS) },
	{ WRITE2, .length = 100, .want = WANT(ACCESS_DENIED) },
	OPEN_AS(3, "read-access", FILE_WRITE_DATA, FILE_OPEN),
	{ WRITE3, .length = 100, .want = WANT(SUCCESS) },
	{ WRITE3, .length = 100, .want = WANT(SUCCESS) },
	{ WRITE3, .length = 100, .want = WANT(SUCCESS) },
	{ READ3, .length = 100, .want = WANT(ACCESS_DENIED) },
	{ READ3, .length = 0x7FFFFFFF, .want = WANT(INVALID_PARAMETER) },
	END,
};

static const struct step malformed[] = {
	FILE_AND_WARM("read-malformed"),
	{ READ, .length = 100, .patch = { { 64, 2, 48 } } }, /* StructureSize */
	{ READ, .length = 100, .patch = { { 64, 2, 50 } } },
	{ READ, .length = 100, .patch = { { 64, 2, 0 } } },
	{ READ, .length = 100, .patch = { { 66, 1, 0 } } }, /* Padding */
	{ READ, .length = 100, .patch = { { 66, 1, 0xFF } } },
	{ READ, .length = 100, .op_flags = SMB2_READFLAG_READ_UNBUFFERED },
	{ READ, .length = 100, .offset = 1, .op_flags = SMB2_READFLAG_READ_UNBUFFERED },
	{ READ, .length = 100, .op_flags = SMB2_READFLAG_REQUEST_COMPRESSED },
	{ READ, .length = 100, .op_flags = 0xFC },
	{ READ, .length = 100, .patch = { { 100, 4, 1 } } }, /* Channel: RDMA */
	{ READ, .length = 100, .patch = { { 100, 4, 2 }, { 108, 2, 112 }, { 110, 2, 16 } } },
	{ READ, .length = 100, .patch = { { 100, 4, 7 } } },
	{ READ, .length = 100, .patch = { { 104, 4, 0xFFFFFFFF } } }, /* RemainingBytes */
	{ READ, .length = 100, .patch = { { 108, 2, 5 }, { 110, 2, 0xFFFF } } },
	{ READ, .length = 100,
	  .patch = { { 112, 8, 0x1122334455667788 } } }, /* more than there is */
	END,
};

static const struct step charge[] = {
	FILE_AND_WARM("read-charge"),
	{ WRITE, .length = 1 << 20, .seed = 2 },
	{ READ, .length = 65537, .charge = 1, .flags = F_CHARGE, .want = WANT(INVALID_PARAMETER) },
	{ READ, .length = 65536, .charge = 0, .flags = F_CHARGE },
	{ READ, .length = 65537, .charge = 0, .flags = F_CHARGE },
	{ READ, .length = 131072, .charge = 2, .flags = F_CHARGE, .want = WANT(SUCCESS) },
	{ READ, .length = 131073, .charge = 2, .flags = F_CHARGE, .want = WANT(INVALID_PARAMETER) },
	{ READ, .length = 100, .charge = 16, .flags = F_CHARGE, .want = WANT(SUCCESS) },
	{ READ, .length = 1 << 20, .charge = 15, .flags = F_CHARGE },
	{ READ, .length = 1 << 20, .charge = 16, .flags = F_CHARGE, .want = WANT(SUCCESS) },
	{ READ, .length = 100 },
	END,
};

static const struct step others[] = {
	FILE_AND_WARM("echo-flush"),
	{ ECHO, .want = WANT(SUCCESS) },
	{ ECHO, .patch = { { 64, 2, 5 } } },
	{ ECHO, .patch = { { 66, 2, 5 } } },
	{ ECHO, .patch = { { 40, 8, 0 } } },
	{ ECHO, .patch = { { 40, 8, 0x12345678 } } },
	{ ECHO, .patch = { { 36, 4, 77 } } },
	{ ECHO, .patch = { { 68, 8, 0 } } },
	{ ECHO, .charge = 3, .flags = F_CHARGE },
	{ ECHO, .flags = F_NO_CREDITS },
	{ FLUSH, .want = WANT(SUCCESS) },
	{ FLUSH, .op_flags = 0xFFFF },
	{ FLUSH, .patch = { { 64, 2, 23 } } },
	{ FLUSH, .flags = F_FID_ONES, .want = WANT(FILE_CLOSED) },
	{ WRITE, .length = 100, .seed = 9 },
	{ FLUSH, .want = WANT(SUCCESS) },
	OPEN_AS(1, "echo-flush", FILE_READ_DATA, FILE_OPEN),
	{ READ1, .length = 10 },
	{ READ1, .length = 10 },
	{ READ1, .length = 10 },
	{ STEP_COMMAND, SMB2_FLUSH, .file = 1 },
	{ ECHO },
	END,
};

static const struct step truncated[] = {
	FILE_AND_WARM("read-truncated"),
	{ WRITE, .length = 65536, .seed = 4 },
	{ READ, .length = 65536 },
	{ STEP_LOCAL_TRUNCATE, .name = "read-truncated", .length = 5000 },
	{ READ, .length = 65536 },
	{ READ, .length = 10, .offset = 4999 },
	{ READ, .length = 10, .offset = 5000, .want = WANT(END_OF_FILE) },
	{ STEP_LOCAL_TRUNCATE, .name = "read-truncated", .length = 0 },
	{ READ, .length = 10, .want = WANT(END_OF_FILE) },
	{ STEP_LOCAL_TRUNCATE, .name = "read-truncated", .length = 3000000 },
	{ READ, .length = 65536, .offset = 2990000 },
	{ QUERY, .op_flags = FileStandardInformation },
	END,
};

static const struct step locked[] = {
	FILE_AND_WARM("read-locked"),
	OPEN_ON(1, 1, "read-locked"),
	{ STEP_COMMAND, SMB2_WRITE, .link = 1, .file = 1, .length = 100, .seed = 5 },
	{ STEP_COMMAND, SMB2_READ, .link = 1, .file = 1, .length = 100 },
	{ STEP_COMMAND, SMB2_READ, .link = 1, .file = 1, .length = 100 },
	{ LOCK, .offset = 4096, .length = 100, .op_flags = 0x12, .want = WANT(SUCCESS) },
	{ READ, .length = 8192, .want = WANT(SUCCESS) },
	{ WRITE, .length = 8192, .want = WANT(SUCCESS) },
	{ STEP_COMMAND, SMB2_READ, .link = 1, .file = 1, .length = 4096, .want = WANT(SUCCESS) },
	{ STEP_COMMAND, SMB2_READ, .link = 1, .file = 1, .length = 4097,
	  .want = WANT(FILE_LOCK_CONFLICT) },
	{ STEP_COMMAND, SMB2_WRITE, .link = 1, .file = 1, .length = 1, .offset = 4195,
	  .want = WANT(FILE_LOCK_CONFLICT) },
	{ STEP_COMMAND, SMB2_WRITE, .link = 1, .file = 1, .length = 1, .offset = 4196,
	  .want = WANT(SUCCESS) },
	{ STEP_COMMAND, SMB2_READ, .link = 1, .file = 1, .length = 0, .offset = 4100 },
	{ LOCK, .offset = 4096, .length = 100, .op_flags = 0x04, .want = WANT(SUCCESS) },
	{ STEP_COMMAND, SMB2_READ, .link = 1, .file = 1, .length = 8192, .want = WANT(SUCCESS) },
	{ STEP_COMMAND, SMB2_WRITE, .link = 1, .file = 1, .length = 8192, .want = WANT(SUCCESS) },
	{ READ, .length = 8192, .want = WANT(SUCCESS) },
	END,
};

const struct script scripts_read[] = {
	{ "READ lengths", lengths, WHEN_ANY },
	{ "READ of several credits", large, WHEN_ANY | WHEN_LARGE },
	{ "READ at the end of the file", end_of_file, WHEN_ANY },
	{ "READ minimum count", minimum, WHEN_ANY },
	{ "READ offsets", offsets, WHEN_ANY },
	{ "READ access", access_masks, WHEN_ANY },
	{ "READ malformed", malformed, WHEN_ANY },
	{ "READ credit charge", charge, WHEN_ANY | WHEN_LARGE },
	{ "ECHO and FLUSH", others, WHEN_ANY },
	{ "READ of a file truncated meanwhile", truncated, WHEN_ANY },
	{ "READ and WRITE against locks", locked, WHEN_ANY },
	{ 0 },
};
