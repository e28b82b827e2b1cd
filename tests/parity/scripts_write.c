// SPDX-License-Identifier: GPL-2.0-or-later
/* scripts_write.c - WRITE (MS-SMB2 2.2.21, 3.3.5.13). */
#include "scripts.h"

static const struct step lengths[] = {
	FILE_AND_WARM("write-lengths"),
	{ WRITE, .length = 0, .want = WANT(SUCCESS) },
	{ WRITE, .length = 0, .offset = 100000 },
	{ QUERY, .op_flags = FileStandardInformation },
	{ WRITE, .length = 1, .seed = 1, .want = WANT(SUCCESS) },
	{ WRITE, .length = 1, .offset = 12287, .seed = 2 },
	{ WRITE, .length = 4095, .offset = 1, .seed = 3 },
	{ WRITE, .length = 4097, .offset = 8191, .seed = 4 },
	{ WRITE, .length = 65536, .seed = 5, .want = WANT(SUCCESS) },
	{ WRITE, .length = 65536, .offset = 65535, .seed = 6 },
	{ WRITE, .length = 65535, .offset = 200001, .seed = 7 },
	{ READ, .length = 65536, .offset = 60000 },
	{ QUERY, .op_flags = FileStandardInformation },
	{ QUERY, .op_flags = FilePositionInformation },
	END,
};

static const struct step large[] = {
	FILE_AND_WARM("write-large"),
	{ WRITE, .length = 65537, .seed = 8, .want = WANT(SUCCESS) },
	{ WRITE, .length = 262144, .offset = 4096, .seed = 9 },
	{ WRITE, .length = 262145, .offset = 3, .seed = 10 },
	{ WRITE, .length = 1 << 20, .offset = 77, .seed = 11, .want = WANT(SUCCESS) },
	{ WRITE, .length = 3 << 20, .offset = 1 << 20, .seed = 12 },
	{ WRITE, .length = 8 << 20, .seed = 13 },
	{ WRITE, .length = 1 << 20, .flags = F_CHARGE, .charge = 15,
	  .want = WANT(INVALID_PARAMETER) },
	{ WRITE, .length = 65537, .flags = F_CHARGE, .charge = 0 },
	{ WRITE, .length = 1 << 20, .op_flags = SMB2_WRITEFLAG_WRITE_THROUGH, .seed = 14 },
	{ READ, .length = 1 << 20 },
	END,
};

/* Length says more than max_write, data is there or not. */
static const struct step too_long[] = {
	FILE_AND_WARM("write-too-long"),
	{ WRITE, .length = 100, .seed = 15, .patch = { { 68, 4, 0x7FFFFFFF } } },
	{ WRITE, .length = 100, .seed = 15, .patch = { { 68, 4, 0xFFFFFFFF } } },
	{ WRITE, .length = 100, .seed = 15, .patch = { { 68, 4, 101 } } },
	{ WRITE, .length = 100, .seed = 15, .patch = { { 68, 4, 99 } } },
	{ WRITE, .length = 100, .seed = 15, .patch = { { 68, 4, 0 } } },
	{ QUERY, .op_flags = FileStandardInformation },
	END,
};

static const struct step data_offset[] = {
	FILE_AND_WARM("write-data-offset"),
	{ WRITE, .length = 100, .seed = 16, .patch = { { 66, 2, 113 }, { 68, 4, 90 } } },
	{ WRITE, .length = 100, .seed = 16, .patch = { { 66, 2, 120 }, { 68, 4, 90 } } },
	{ WRITE, .length = 100, .seed = 16, .patch = { { 66, 2, 111 } } },
	{ WRITE, .length = 100, .seed = 16, .patch = { { 66, 2, 0 } } },
	{ WRITE, .length = 100, .seed = 16, .patch = { { 66, 2, 64 } } },
	{ WRITE, .length = 100, .seed = 16, .patch = { { 66, 2, 213 } } },
	{ WRITE, .length = 100, .seed = 16, .patch = { { 66, 2, 0xFFFF } } },
	{ WRITE, .length = 0, .patch = { { 66, 2, 0 } } },
	{ WRITE, .length = 0, .patch = { { 66, 2, 0xFFFF } } },
	{ WRITE, .length = 4000, .offset = 4096, .seed = 17,
	  .patch = { { 66, 2, 1000 }, { 68, 4, 3000 } } },
	{ READ, .length = 8192 },
	END,
};

static const struct step offsets[] = {
	FILE_AND_WARM("write-offsets"),
	{ WRITE, .length = 10, .offset = 0x7FFFFFFF, .seed = 18 },
	{ WRITE, .length = 10, .offset = 0xFFFFFFFF, .seed = 18 },
	{ QUERY, .op_flags = FileStandardInformation },
	{ SET_EOF, .offset = 20000 },
	{ WRITE, .length = 10, .offset = 0x7FFFFFFFFFFFFFFF - 9, .want = WANT(INVALID_PARAMETER) },
	{ WRITE, .length = 10, .offset = 0x7FFFFFFFFFFFFFFF - 10 },
	{ WRITE, .length = 0, .offset = 0x7FFFFFFFFFFFFFFF },
	{ WRITE, .length = 0, .offset = 0x8000000000000000 },
	{ WRITE, .length = 10, .offset = 0x8000000000000000, .want = WANT(INVALID_PARAMETER) },
	{ WRITE, .length = 10, .offset = 0xFFFFFFFFFFFFFFFE, .want = WANT(INVALID_PARAMETER) },
	{ SET_EOF, .offset = 20000 },
	{ WRITE, .length = 10, .offset = 0xFFFFFFFFFFFFFFFF, .seed = 19, .want = WANT(SUCCESS) },
	{ WRITE, .length = 10, .offset = 0xFFFFFFFFFFFFFFFF, .seed = 20 },
	{ WRITE, .length = 0, .offset = 0xFFFFFFFFFFFFFFFF },
	{ QUERY, .op_flags = FileStandardInformation },
	{ READ, .length = 100, .offset = 19990 },
	END,
};

static const struct step access_masks[] = {
	FILE_AND_WARM("write-access"),
	OPEN_AS(1, "write-access", FILE_READ_DATA, FILE_OPEN),
	{ READ1, .length = 10 },
	{ READ1, .length = 10 },
	{ READ1, .length = 10 },
	{ WRITE1, .length = 10, .want = WANT(ACCESS_DENIED) },
	{ WRITE1, .length = 0, .want = WANT(ACCESS_DENIED) },
	OPEN_AS(2, "write-access", FILE_APPEND_DATA | FILE_READ_ATTRIBUTES, FILE_OPEN),
	{ WRITE2, .length = 10, .seed = 21 },
	{ WRITE2, .length = 10, .offset = 12288, .seed = 21 },
	{ WRITE2, .length = 10, .offset = 12298, .seed = 21 },
	{ WRITE2, .length = 10, .offset = 5, .seed = 22 },
	{ WRITE2, .length = 10, .offset = 0xFFFFFFFFFFFFFFFF, .seed = 22 },
	{ QUERY, .file = 2, .op_flags = FileStandardInformation },
	{ READ, .length = 65536 },
	END,
};

static const struct step through[] = {
	FILE_AND_WARM("write-through"),
	{ WRITE, .length = 100, .op_flags = SMB2_WRITEFLAG_WRITE_THROUGH, .seed = 23,
	  .want = WANT(SUCCESS) },
	{ WRITE, .length = 100, .op_flags = SMB2_WRITEFLAG_WRITE_UNBUFFERED, .seed = 24 },
	{ WRITE, .length = 4096, .op_flags = 3, .seed = 25 },
	{ WRITE, .length = 100, .op_flags = 0xFFFFFFFF, .seed = 26 },
	{ WRITE, .length = 70000, .flags = F_CHARGE, .charge = 2, .op_flags = 1, .seed = 27 },
	{ CREATE, .file = 1, .name = "write-through", .access = ALL_ACCESS,
	  .disposition = FILE_OPEN, .options = FILE_WRITE_THROUGH | FILE_NON_DIRECTORY_FILE },
	{ WRITE1, .length = 100, .seed = 28 },
	{ WRITE1, .length = 100, .seed = 29 },
	{ WRITE1, .length = 100, .seed = 30 },
	{ READ1, .length = 100 },
	END,
};

static const struct step malformed[] = {
	FILE_AND_WARM("write-malformed"),
	{ WRITE, .length = 100, .patch = { { 64, 2, 48 } } }, /* StructureSize */
	{ WRITE, .length = 100, .patch = { { 64, 2, 0 } } },
	{ WRITE, .length = 100, .patch = { { 96, 4, 1 } } }, /* Channel */
	{ WRITE, .length = 100, .patch = { { 96, 4, 2 }, { 104, 2, 112 }, { 106, 2, 16 } } },
	{ WRITE, .length = 100, .patch = { { 100, 4, 0xFFFFFFFF } } }, /* RemainingBytes */
	{ WRITE, .length = 100, .patch = { { 104, 2, 0xFFFF }, { 106, 2, 0xFFFF } } },
	{ WRITE, .length = 100, .patch = { { 212, 8, 0xAABBCCDDEEFF } } }, /* more than said */
	{ WRITE, .length = 0, .patch = { { 64, 2, 49 } } },
	{ READ, .length = 4096 },
	END,
};

static const struct step read_only[] = {
	FILE_AND_WARM("write-read-only"),
	{ CREATE, .file = 1, .tree = TREE_READ_ONLY, .name = "write-read-only",
	  .access = FILE_READ_DATA, .disposition = FILE_OPEN },
	{ READ1, .tree = TREE_READ_ONLY, .length = 100 },
	{ READ1, .tree = TREE_READ_ONLY, .length = 100 },
	{ READ1, .tree = TREE_READ_ONLY, .length = 100 },
	{ WRITE1, .tree = TREE_READ_ONLY, .length = 100, .want = WANT(ACCESS_DENIED) },
	/* Each file by the other's tree. */
	{ READ1, .length = 100 },
	{ READ, .tree = TREE_READ_ONLY, .length = 100 },
	{ WRITE, .tree = TREE_READ_ONLY, .length = 100, .seed = 31 },
	{ READ, .length = 100 },
	END,
};

/* Attributes and times that a write changes. */
static const struct step shown[] = {
	FILE_AND_WARM("write-shown"),
	{ QUERY, .op_flags = FileNetworkOpenInformation },
	{ WRITE, .length = 5000, .offset = 12000, .seed = 32 },
	{ QUERY, .op_flags = FileNetworkOpenInformation },
	{ QUERY, .op_flags = FilePositionInformation },
	{ READ, .length = 777, .offset = 111 },
	{ QUERY, .op_flags = FilePositionInformation },
	{ READ, .length = 777, .offset = 20000 },
	{ QUERY, .op_flags = FilePositionInformation },
	{ WRITE, .length = 50, .offset = 30000, .seed = 32 },
	{ QUERY, .op_flags = FilePositionInformation },
	OPEN_ON(1, 1, "write-shown"),
	{ QUERY, .link = 1, .file = 1, .op_flags = FileNetworkOpenInformation },
	{ CLOSE, .op_flags = SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB, .want = WANT(SUCCESS) },
	{ QUERY, .link = 1, .file = 1, .op_flags = FileNetworkOpenInformation },
	END,
};

const struct script scripts_write[] = {
	{ "WRITE lengths", lengths, WHEN_ANY },
	{ "WRITE of several credits", large, WHEN_ANY | WHEN_LARGE },
	{ "WRITE that says another length", too_long, WHEN_ANY },
	{ "WRITE data offset", data_offset, WHEN_ANY },
	{ "WRITE offsets", offsets, WHEN_ANY },
	{ "WRITE access", access_masks, WHEN_ANY },
	{ "WRITE through", through, WHEN_ANY },
	{ "WRITE malformed", malformed, WHEN_ANY },
	{ "WRITE on a read-only tree", read_only, WHEN_ANY },
	{ "WRITE and what is shown of the file", shown, WHEN_ANY },
	{ 0 },
};
