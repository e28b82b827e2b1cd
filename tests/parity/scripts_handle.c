// SPDX-License-Identifier: GPL-2.0-or-later
/* scripts_handle.c - FileIds, trees, sessions, CLOSE (MS-SMB2 3.3.5.2.9 to 3.3.5.2.11, 3.3.5.10).
 */
#include "scripts.h"

static const struct step file_ids[] = {
	FILE_AND_WARM("fid"),
	{ READ, .length = 10, .flags = F_FID_OLD, .want = WANT(FILE_CLOSED) },
	{ READ, .length = 10, .flags = F_FID_ONES, .want = WANT(FILE_CLOSED) },
	{ READ, .length = 10, .file = 5, .want = WANT(FILE_CLOSED) },
	{ READ, .length = 10, .patch = { { 80, 8, 0x1234 } } }, /* FileId.Persistent */
	{ READ, .length = 10, .patch = { { 88, 4, 0xFFFFFFFF } } },
	{ READ, .length = 10, .patch = { { 88, 4, 65535 } } },
	{ READ, .length = 10, .patch = { { 88, 8, 0 } } },
	{ WRITE, .length = 10, .flags = F_FID_OLD, .want = WANT(FILE_CLOSED) },
	{ WRITE, .length = 10, .flags = F_FID_ONES },
	{ CLOSE, .flags = F_FID_OLD, .want = WANT(FILE_CLOSED) },
	{ CLOSE, .flags = F_FID_ONES },
	{ FLUSH, .flags = F_FID_OLD, .want = WANT(FILE_CLOSED) },
	{ READ, .length = 10, .want = WANT(SUCCESS) },
	END,
};

static const struct step closing[] = {
	FILE_AND_WARM("close"),
	{ CLOSE, .patch = { { 64, 2, 23 } } },
	{ CLOSE, .op_flags = 0xFFFE, .want = WANT(SUCCESS) },
	{ READ, .length = 10, .want = WANT(FILE_CLOSED) },
	{ WRITE, .length = 10, .want = WANT(FILE_CLOSED) },
	{ FLUSH, .want = WANT(FILE_CLOSED) },
	{ CLOSE, .want = WANT(FILE_CLOSED) },
	{ QUERY, .want = WANT(FILE_CLOSED) },
	OPEN_AS(1, "close", FILE_READ_DATA | FILE_READ_ATTRIBUTES, FILE_OPEN),
	{ READ1, .length = 10 },
	{ READ1, .length = 10 },
	{ READ1, .length = 10 },
	{ CLOSE, .file = 1, .op_flags = SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB, .want = WANT(SUCCESS) },
	{ CLOSE, .file = 1, .op_flags = SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB,
	  .want = WANT(FILE_CLOSED) },
	{ READ1, .length = 10, .want = WANT(FILE_CLOSED) },
	OPEN_AS(2, "close", FILE_READ_DATA, FILE_OPEN),
	{ READ2, .length = 10 },
	{ READ2, .length = 10 },
	{ READ2, .length = 10 },
	{ CLOSE, .file = 2, .want = WANT(SUCCESS) },
	OPEN_AS(3, "close", ALL_ACCESS, FILE_OPEN),
	{ READ1, .length = 10, .want = WANT(FILE_CLOSED) },
	{ READ2, .length = 10, .want = WANT(FILE_CLOSED) },
	{ READ3, .length = 10, .want = WANT(SUCCESS) },
	END,
};

/* What others see of a file whose last reader was closed by the module. */
static const struct step closed_shares[] = {
	FILE_AND_WARM("close-share"),
	{ CLOSE, .want = WANT(SUCCESS) },
	{ CREATE, .file = 1, .name = "close-share", .access = FILE_READ_DATA,
	  .disposition = FILE_OPEN },
	{ READ1, .length = 10 },
	{ READ1, .length = 10 },
	{ READ1, .length = 10 },
	/* shares nothing: refused while the other is open, granted after */
	{ CREATE, .link = 1, .file = 2, .name = "close-share", .access = ALL_ACCESS,
	  .disposition = FILE_OPEN, .patch = { { 64 + 32, 4, 0 } },
	  .want = WANT(SHARING_VIOLATION) },
	{ CLOSE, .file = 1, .want = WANT(SUCCESS) },
	{ CREATE, .link = 1, .file = 2, .name = "close-share", .access = ALL_ACCESS,
	  .disposition = FILE_OPEN, .patch = { { 64 + 32, 4, 0 } }, .want = WANT(SUCCESS) },
	{ CREATE, .file = 3, .name = "close-share", .access = FILE_READ_DATA,
	  .disposition = FILE_OPEN, .want = WANT(SHARING_VIOLATION) },
	{ CLOSE, .link = 1, .file = 2, .want = WANT(SUCCESS) },
	OPEN_AS(3, "close-share", ALL_ACCESS, FILE_OPEN),
	END,
};

static const struct step deleted[] = {
	FILE_AND_WARM("delete"),
	OPEN_ON(1, 1, "delete"),
	{ STEP_COMMAND, SMB2_READ, .link = 1, .file = 1, .length = 10 },
	{ STEP_COMMAND, SMB2_READ, .link = 1, .file = 1, .length = 10 },
	{ STEP_COMMAND, SMB2_READ, .link = 1, .file = 1, .length = 10 },
	{ SET_EOF, .op_flags = FileDispositionInformation, .length = 1, .want = WANT(SUCCESS) },
	{ READ, .length = 10, .want = WANT(SUCCESS) },
	{ WRITE, .length = 10, .want = WANT(SUCCESS) },
	{ STEP_COMMAND, SMB2_READ, .link = 1, .file = 1, .length = 10, .want = WANT(SUCCESS) },
	{ CREATE, .file = 2, .name = "delete", .access = FILE_READ_DATA, .disposition = FILE_OPEN,
	  .want = WANT(DELETE_PENDING) },
	{ CLOSE, .want = WANT(SUCCESS) },
	{ CLOSE, .link = 1, .file = 1, .op_flags = 1, .want = WANT(SUCCESS) },
	{ CREATE, .file = 2, .name = "delete", .access = FILE_READ_DATA, .disposition = FILE_OPEN,
	  .want = WANT(OBJECT_NAME_NOT_FOUND) },
	END,
};

static const struct step foreign[] = {
	FILE_AND_WARM("foreign"),
	OPEN_ON(1, 1, "foreign"),
	WARM(1, 1),
	/* The other connection's file in this session, and the other way round. */
	{ READ1, .length = 10, .want = WANT(FILE_CLOSED) },
	{ WRITE1, .length = 10, .want = WANT(FILE_CLOSED) },
	{ CLOSE, .file = 1, .want = WANT(FILE_CLOSED) },
	{ FLUSH, .file = 1, .want = WANT(FILE_CLOSED) },
	{ READ, .link = 1, .length = 10, .want = WANT(FILE_CLOSED) },
	/* The other session on this connection. */
	{ READ, .length = 10, .flags = F_OTHER_SESSION | F_UNSIGNED },
	{ READ1, .length = 10, .flags = F_OTHER_SESSION | F_UNSIGNED },
	{ ECHO, .flags = F_OTHER_SESSION | F_UNSIGNED },
	{ READ, .length = 10, .patch = { { 40, 8, 0 } } },
	{ READ, .length = 10, .patch = { { 40, 8, 0xFFFFFFFFFFFFFFFF } } },
	{ WRITE, .length = 10, .patch = { { 40, 8, 0x4711 } } },
	{ CLOSE, .patch = { { 40, 8, 0x4711 } } },
	{ READ, .length = 10 },
	END,
};

static const struct step trees[] = {
	FILE_AND_WARM("trees"),
	{ READ, .length = 10, .patch = { { 36, 4, 0 } }, .want = WANT(NETWORK_NAME_DELETED) },
	{ READ, .length = 10, .patch = { { 36, 4, 0xFFFFFFFF } } },
	{ READ, .length = 10, .tree = TREE_IPC },
	{ WRITE, .length = 10, .tree = TREE_IPC },
	{ CLOSE, .tree = TREE_IPC },
	{ FLUSH, .tree = TREE_READ_ONLY },
	{ CLOSE, .patch = { { 36, 4, 4711 } } },
	{ READ, .length = 10, .want = WANT(SUCCESS) },
	{ STEP_COMMAND, SMB2_TREE_DISCONNECT, .tree = TREE_READ_ONLY, .want = WANT(SUCCESS) },
	{ READ, .length = 10, .want = WANT(SUCCESS) },
	{ STEP_COMMAND, SMB2_TREE_DISCONNECT, .want = WANT(SUCCESS) },
	{ READ, .length = 10, .want = WANT(NETWORK_NAME_DELETED) },
	{ WRITE, .length = 10, .want = WANT(NETWORK_NAME_DELETED) },
	{ CLOSE, .want = WANT(NETWORK_NAME_DELETED) },
	{ FLUSH },
	{ ECHO, .want = WANT(SUCCESS) },
	END,
};

static const struct step logoff[] = {
	FILE_AND_WARM("logoff"),
	OPEN_ON(1, 1, "logoff"),
	WARM(1, 1),
	{ STEP_COMMAND, SMB2_LOGOFF, .want = WANT(SUCCESS) },
	{ READ, .length = 10, .flags = F_UNSIGNED },
	{ WRITE, .length = 10, .flags = F_UNSIGNED },
	{ CLOSE, .flags = F_UNSIGNED },
	{ ECHO, .flags = F_UNSIGNED },
	{ READ, .link = 1, .file = 1, .length = 10, .want = WANT(SUCCESS) },
	{ STEP_HANG_UP, .link = 0 },
	{ STEP_PAUSE, .length = 50 },
	{ WRITE, .link = 1, .file = 1, .length = 10, .want = WANT(SUCCESS) },
	END,
};

static const struct step directory[] = {
	FILE_AND_WARM("beside-directory"),
	{ CREATE, .file = 1, .name = "directory", .access = ALL_ACCESS, .disposition = FILE_OPEN_IF,
	  .options = FILE_DIRECTORY_FILE, .want = WANT(SUCCESS) },
	{ READ1, .length = 10, .want = WANT(INVALID_DEVICE_REQUEST) },
	{ READ1, .length = 10, .want = WANT(INVALID_DEVICE_REQUEST) },
	{ READ1, .length = 0 },
	{ WRITE1, .length = 10, .want = WANT(INVALID_DEVICE_REQUEST) },
	{ FLUSH, .file = 1 },
	{ CLOSE, .file = 1, .op_flags = 1, .want = WANT(SUCCESS) },
	{ READ1, .length = 10, .want = WANT(FILE_CLOSED) },
	END,
};

static const struct step pipe_handle[] = {
	FILE_AND_WARM("beside-pipe"),
	{ CREATE, .file = 1, .tree = TREE_IPC, .name = "srvsvc", .access = 0x0012019F,
	  .disposition = FILE_OPEN, .want = WANT(SUCCESS) },
	{ WRITE1, .tree = TREE_IPC, .length = 10, .seed = 1 },
	{ WRITE1, .tree = TREE_IPC, .length = 0 },
	{ FLUSH, .file = 1, .tree = TREE_IPC },
	{ CLOSE, .file = 1, .tree = TREE_IPC, .op_flags = 1 },
	{ READ, .length = 10, .want = WANT(SUCCESS) },
	END,
};

/* Sharing a file with others on the same connection: what one does, the other sees. */
static const struct step two_handles[] = {
	FILE_AND_WARM("two-handles"),
	OPEN_AS(1, "two-handles", ALL_ACCESS, FILE_OPEN),
	WARM(0, 1),
	{ WRITE, .length = 100, .offset = 50, .seed = 40 },
	{ READ1, .length = 200 },
	{ SET_EOF, .file = 1, .offset = 100 },
	{ READ, .length = 200, .want = WANT(SUCCESS) },
	{ READ, .length = 200, .offset = 100, .want = WANT(END_OF_FILE) },
	{ WRITE1, .length = 100, .offset = 5000, .seed = 41 },
	{ READ, .length = 8192 },
	{ CLOSE, .op_flags = 1 },
	{ READ1, .length = 8192, .want = WANT(SUCCESS) },
	{ CREATE, .file = 2, .name = "two-handles", .access = ALL_ACCESS,
	  .disposition = FILE_OVERWRITE, .want = WANT(SUCCESS) },
	{ READ1, .length = 8192, .want = WANT(END_OF_FILE) },
	{ WRITE1, .length = 10, .seed = 42 },
	{ READ2, .length = 10, .want = WANT(SUCCESS) },
	END,
};

static const struct step sealed_tree[] = {
	FILE_AND_WARM("sealed-tree"),
	{ CREATE, .file = 1, .tree = TREE_SEALED, .name = "sealed-tree", .access = ALL_ACCESS,
	  .disposition = FILE_OPEN },
	{ WRITE1, .tree = TREE_SEALED, .length = 100, .seed = 43 },
	{ WRITE1, .tree = TREE_SEALED, .length = 100, .seed = 44 },
	{ READ1, .tree = TREE_SEALED, .length = 100 },
	{ READ1, .tree = TREE_SEALED, .length = 100 },
	{ READ1, .tree = TREE_SEALED, .length = 100, .flags = F_UNSIGNED },
	{ WRITE1, .tree = TREE_SEALED, .length = 100, .flags = F_UNSIGNED },
	{ READ1, .tree = TREE_SEALED, .length = 100, .flags = F_UNSIGNED | F_SIGN },
	{ CLOSE, .file = 1, .tree = TREE_SEALED, .flags = F_UNSIGNED },
	{ READ1, .tree = TREE_SEALED, .length = 100 },
	{ READ1, .length = 100 },
	END,
};

const struct script scripts_handle[] = {
	{ "FileIds that are wrong", file_ids, WHEN_ANY },
	{ "CLOSE", closing, WHEN_ANY },
	{ "CLOSE and share modes", closed_shares, WHEN_ANY },
	{ "a file that is to be deleted", deleted, WHEN_ANY },
	{ "another session's ids", foreign, WHEN_ANY },
	{ "tree ids", trees, WHEN_ANY },
	{ "LOGOFF and hanging up", logoff, WHEN_ANY },
	{ "a directory", directory, WHEN_ANY },
	{ "a pipe", pipe_handle, WHEN_ANY },
	{ "two opens of a file", two_handles, WHEN_ANY },
	{ "a tree that wants encryption", sealed_tree, WHEN_ANY | WHEN_3 },
	{ 0 },
};
