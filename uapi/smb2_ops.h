/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * smb2_ops.h - one row per SMB2 command: X(NAME, name, code, StructureSize of the request, needs,
 * offset of the FileId in the body or 0, where the daemon runs it). The daemon's dispatch table,
 * statistics and the kernel's eligibility test are made from these rows. MS-SMB2 2.2.1.2, 2.2.x.
 */
#ifndef KH_SMB2_OPS_H
#define KH_SMB2_OPS_H

#define OP_NONE	   0u
#define OP_SESSION 1u /* a valid session, MS-SMB2 3.3.5.2.9 */
#define OP_TREE	   3u /* a tree connect of that session, 3.3.5.2.11 */
#define OP_FILE	   7u /* an open of that tree */

#define SMB2_OPS(X)                                                     \
	X(NEGOTIATE, negotiate, 0, 36, OP_NONE, 0, REACTOR)             \
	X(SESSION_SETUP, session_setup, 1, 25, OP_NONE, 0, WORKER)      \
	X(LOGOFF, logoff, 2, 4, OP_SESSION, 0, WORKER)                  \
	X(TREE_CONNECT, tree_connect, 3, 9, OP_SESSION, 0, WORKER)      \
	X(TREE_DISCONNECT, tree_disconnect, 4, 4, OP_TREE, 0, WORKER)   \
	X(CREATE, create, 5, 57, OP_TREE, 0, WORKER)                    \
	X(CLOSE, close, 6, 24, OP_FILE, 8, REACTOR)                     \
	X(FLUSH, flush, 7, 24, OP_FILE, 8, WORKER)                      \
	X(READ, read, 8, 49, OP_FILE, 16, REACTOR)                      \
	X(WRITE, write, 9, 49, OP_FILE, 16, REACTOR)                    \
	X(LOCK, lock, 10, 48, OP_FILE, 8, REACTOR)                      \
	X(IOCTL, ioctl, 11, 57, OP_TREE, 8, REACTOR)                    \
	X(CANCEL, cancel, 12, 4, OP_NONE, 0, REACTOR)                   \
	X(ECHO, echo, 13, 4, OP_NONE, 0, REACTOR)                       \
	X(QUERY_DIRECTORY, query_directory, 14, 33, OP_FILE, 8, WORKER) \
	X(CHANGE_NOTIFY, change_notify, 15, 32, OP_FILE, 8, REACTOR)    \
	X(QUERY_INFO, query_info, 16, 41, OP_FILE, 24, WORKER)          \
	X(SET_INFO, set_info, 17, 33, OP_FILE, 16, WORKER)              \
	X(OPLOCK_BREAK, oplock_break, 18, 24, OP_TREE, 0, REACTOR)

enum smb2_command {
#define X(NAME, name, code, size, needs, fid, where) SMB2_##NAME = code,
	SMB2_OPS(X)
#undef X
		SMB2_COMMANDS
};

#endif /* KH_SMB2_OPS_H */
