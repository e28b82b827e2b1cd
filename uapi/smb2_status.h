/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * smb2_status.h - the NTSTATUS values this server sends or tests (MS-ERREF 2.3), one row each, so
 * that a log line prints the name that a person would search for.
 */
#ifndef KH_SMB2_STATUS_H
#define KH_SMB2_STATUS_H

#include "smb2_cursor.h"

#define NT_STATUS_LIST(X)                         \
	X(SUCCESS, 0x00000000)                    \
	X(PENDING, 0x00000103)                    \
	X(NOTIFY_CLEANUP, 0x0000010B)             \
	X(NOTIFY_ENUM_DIR, 0x0000010C)            \
	X(SOME_NOT_MAPPED, 0x00000107)            \
	X(BUFFER_OVERFLOW, 0x80000005)            \
	X(NO_MORE_FILES, 0x80000006)              \
	X(NO_MORE_ENTRIES, 0x8000001A)            \
	X(INVALID_EA_NAME, 0x80000013)            \
	X(EA_LIST_INCONSISTENT, 0x80000014)       \
	X(STOPPED_ON_SYMLINK, 0x8000002D)         \
	X(UNSUCCESSFUL, 0xC0000001)               \
	X(NOT_IMPLEMENTED, 0xC0000002)            \
	X(INVALID_INFO_CLASS, 0xC0000003)         \
	X(INFO_LENGTH_MISMATCH, 0xC0000004)       \
	X(INVALID_HANDLE, 0xC0000008)             \
	X(INVALID_PARAMETER, 0xC000000D)          \
	X(NO_SUCH_DEVICE, 0xC000000E)             \
	X(NO_SUCH_FILE, 0xC000000F)               \
	X(INVALID_DEVICE_REQUEST, 0xC0000010)     \
	X(END_OF_FILE, 0xC0000011)                \
	X(MORE_PROCESSING_REQUIRED, 0xC0000016)   \
	X(NO_MEMORY, 0xC0000017)                  \
	X(ACCESS_DENIED, 0xC0000022)              \
	X(BUFFER_TOO_SMALL, 0xC0000023)           \
	X(OBJECT_TYPE_MISMATCH, 0xC0000024)       \
	X(OBJECT_NAME_INVALID, 0xC0000033)        \
	X(OBJECT_NAME_NOT_FOUND, 0xC0000034)      \
	X(OBJECT_NAME_COLLISION, 0xC0000035)      \
	X(OBJECT_PATH_INVALID, 0xC0000039)        \
	X(OBJECT_PATH_NOT_FOUND, 0xC000003A)      \
	X(OBJECT_PATH_SYNTAX_BAD, 0xC000003B)     \
	X(SHARING_VIOLATION, 0xC0000043)          \
	X(EAS_NOT_SUPPORTED, 0xC000004F)          \
	X(EA_TOO_LARGE, 0xC0000050)               \
	X(NONEXISTENT_EA_ENTRY, 0xC0000051)       \
	X(NO_EAS_ON_FILE, 0xC0000052)             \
	X(FILE_LOCK_CONFLICT, 0xC0000054)         \
	X(FILE_FORCED_CLOSED, 0xC00000B6)         \
	X(LOCK_NOT_GRANTED, 0xC0000055)           \
	X(DELETE_PENDING, 0xC0000056)             \
	X(UNKNOWN_REVISION, 0xC0000058)           \
	X(REVISION_MISMATCH, 0xC0000059)          \
	X(INVALID_OWNER, 0xC000005A)              \
	X(NO_SUCH_PRIVILEGE, 0xC0000060)          \
	X(PRIVILEGE_NOT_HELD, 0xC0000061)         \
	X(NO_SUCH_USER, 0xC0000064)               \
	X(WRONG_PASSWORD, 0xC000006A)             \
	X(LOGON_FAILURE, 0xC000006D)              \
	X(ACCOUNT_DISABLED, 0xC0000072)           \
	X(NONE_MAPPED, 0xC0000073)                \
	X(INVALID_ACL, 0xC0000077)                \
	X(INVALID_SID, 0xC0000078)                \
	X(INVALID_SECURITY_DESCR, 0xC0000079)     \
	X(PROCEDURE_NOT_FOUND, 0xC000007A)        \
	X(RANGE_NOT_LOCKED, 0xC000007E)           \
	X(DISK_FULL, 0xC000007F)                  \
	X(INSUFFICIENT_RESOURCES, 0xC000009A)     \
	X(MEDIA_WRITE_PROTECTED, 0xC00000A2)      \
	X(BAD_IMPERSONATION_LEVEL, 0xC00000A5)    \
	X(INVALID_DEVICE_STATE, 0xC0000184)       \
	X(REQUEST_OUT_OF_SEQUENCE, 0xC000042A)    \
	X(INSTANCE_NOT_AVAILABLE, 0xC00000AB)     \
	X(PIPE_NOT_AVAILABLE, 0xC00000AC)         \
	X(INVALID_PIPE_STATE, 0xC00000AD)         \
	X(PIPE_BUSY, 0xC00000AE)                  \
	X(PIPE_DISCONNECTED, 0xC00000B0)          \
	X(PIPE_EMPTY, 0xC00000D9)                 \
	X(IO_TIMEOUT, 0xC00000B5)                 \
	X(FILE_IS_A_DIRECTORY, 0xC00000BA)        \
	X(NOT_SUPPORTED, 0xC00000BB)              \
	X(DUPLICATE_NAME, 0xC00000BD)             \
	X(BAD_NETWORK_PATH, 0xC00000BE)           \
	X(NETWORK_NAME_DELETED, 0xC00000C9)       \
	X(NETWORK_ACCESS_DENIED, 0xC00000CA)      \
	X(BAD_DEVICE_TYPE, 0xC00000CB)            \
	X(BAD_NETWORK_NAME, 0xC00000CC)           \
	X(TOO_MANY_SESSIONS, 0xC00000CE)          \
	X(REQUEST_NOT_ACCEPTED, 0xC00000D0)       \
	X(NOT_SAME_DEVICE, 0xC00000D4)            \
	X(FILE_RENAMED, 0xC00000D5)               \
	X(INVALID_OPLOCK_PROTOCOL, 0xC00000E3)    \
	X(INVALID_VIEW_SIZE, 0xC000001F)          \
	X(INVALID_USER_BUFFER, 0xC00000E8)        \
	X(INTERNAL_ERROR, 0xC00000E5)             \
	X(UNEXPECTED_IO_ERROR, 0xC00000E9)        \
	X(DIRECTORY_NOT_EMPTY, 0xC0000101)        \
	X(NOT_A_DIRECTORY, 0xC0000103)            \
	X(NAME_TOO_LONG, 0xC0000106)              \
	X(TOO_MANY_OPENED_FILES, 0xC000011F)      \
	X(CANCELLED, 0xC0000120)                  \
	X(CANNOT_DELETE, 0xC0000121)              \
	X(FILE_DELETED, 0xC0000123)               \
	X(FILE_CLOSED, 0xC0000128)                \
	X(ILLEGAL_FUNCTION, 0xC00000AF)           \
	X(PATH_NOT_COVERED, 0xC0000257)           \
	X(NETWORK_SESSION_EXPIRED, 0xC000035C)    \
	X(USER_SESSION_DELETED, 0xC0000203)       \
	X(NOT_FOUND, 0xC0000225)                  \
	X(DUPLICATE_OBJECTID, 0xC000022A)         \
	X(RETRY, 0xC000022D)                      \
	X(IO_DEVICE_ERROR, 0xC0000185)            \
	X(CONNECTION_DISCONNECTED, 0xC000020C)    \
	X(CONNECTION_RESET, 0xC000020D)           \
	X(INVALID_LEVEL, 0xC0000148)              \
	X(TOO_MANY_LINKS, 0xC0000265)             \
	X(FILE_NOT_AVAILABLE, 0xC0000467)         \
	X(INVALID_LOCK_RANGE, 0xC00001A1)         \
	X(FS_DRIVER_REQUIRED, 0xC000019C)         \
	X(NOT_A_REPARSE_POINT, 0xC0000275)        \
	X(IO_REPARSE_TAG_INVALID, 0xC0000276)     \
	X(IO_REPARSE_TAG_MISMATCH, 0xC0000277)    \
	X(IO_REPARSE_TAG_NOT_HANDLED, 0xC0000279) \
	X(IO_REPARSE_DATA_INVALID, 0xC0000278)    \
	X(HASH_NOT_SUPPORTED, 0xC000A100)         \
	X(SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP, 0xC05D0000)

enum nt_status {
#define X(name, value) NT_STATUS_##name = value,
	NT_STATUS_LIST(X)
#undef X
};

/* 32 bits on the wire; severity in the top two bits. */
typedef __u32 ntstatus;

static inline bool nt_is_error(ntstatus status)
{
	return status >> 30 == 3;
}

/* The value's name without STATUS_; "?" for one that is not in the list. */
static inline const char *nt_name(ntstatus status)
{
	switch (status) {
#define X(name, value) \
	case value:    \
		return #name;
		NT_STATUS_LIST(X)
#undef X
	}
	return "?";
}

#endif /* KH_SMB2_STATUS_H */
