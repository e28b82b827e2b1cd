/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * smb2_pdu.h - numbers of MS-SMB2 and MS-FSCC by their names there. Bodies are read and written
 * with the cursors of smb2_cursor.h, so there are no structs to cast onto wire memory.
 */
#ifndef KH_SMB2_PDU_H
#define KH_SMB2_PDU_H

#define SMB2_HDR_SIZE	     64
#define SMB2_TRANSFORM_SIZE  52
#define SMB2_MAGIC	     0x424D53FEu /* FE 'S' 'M' 'B' */
#define SMB2_TRANSFORM_MAGIC 0x424D53FDu
#define SMB2_COMPRESS_MAGIC  0x424D53FCu
#define SMB1_MAGIC	     0x424D53FFu

/* MS-SMB2 2.2.1.1 Flags */
#define SMB2_FLAGS_SERVER_TO_REDIR    0x00000001u
#define SMB2_FLAGS_ASYNC_COMMAND      0x00000002u
#define SMB2_FLAGS_RELATED_OPERATIONS 0x00000004u
#define SMB2_FLAGS_SIGNED	      0x00000008u
#define SMB2_FLAGS_DFS_OPERATIONS     0x10000000u
#define SMB2_FLAGS_REPLAY_OPERATION   0x20000000u

/* Dialects, MS-SMB2 2.2.3 */
#define SMB2_DIALECT_202 0x0202
#define SMB2_DIALECT_210 0x0210
#define SMB2_DIALECT_300 0x0300
#define SMB2_DIALECT_302 0x0302
#define SMB2_DIALECT_311 0x0311
#define SMB2_DIALECT_2FF 0x02FF

#define SMB2_NEGOTIATE_SIGNING_ENABLED	0x0001
#define SMB2_NEGOTIATE_SIGNING_REQUIRED 0x0002

#define SMB2_GLOBAL_CAP_DFS		   0x00000001u
#define SMB2_GLOBAL_CAP_LEASING		   0x00000002u
#define SMB2_GLOBAL_CAP_LARGE_MTU	   0x00000004u
#define SMB2_GLOBAL_CAP_MULTI_CHANNEL	   0x00000008u
#define SMB2_GLOBAL_CAP_PERSISTENT_HANDLES 0x00000010u
#define SMB2_GLOBAL_CAP_DIRECTORY_LEASING  0x00000020u
#define SMB2_GLOBAL_CAP_ENCRYPTION	   0x00000040u

/* Negotiate contexts, MS-SMB2 2.2.3.1 */
#define SMB2_PREAUTH_INTEGRITY_CAPABILITIES 0x0001
#define SMB2_ENCRYPTION_CAPABILITIES	    0x0002
#define SMB2_COMPRESSION_CAPABILITIES	    0x0003
#define SMB2_NETNAME_NEGOTIATE_CONTEXT_ID   0x0005
#define SMB2_TRANSPORT_CAPABILITIES	    0x0006
#define SMB2_RDMA_TRANSFORM_CAPABILITIES    0x0007
#define SMB2_SIGNING_CAPABILITIES	    0x0008
#define SMB2_POSIX_EXTENSIONS_AVAILABLE	    0x0100

#define SMB2_PREAUTH_SHA512 0x0001

#define SMB2_ENCRYPTION_NONE	   0x0000
#define SMB2_ENCRYPTION_AES128_CCM 0x0001
#define SMB2_ENCRYPTION_AES128_GCM 0x0002
#define SMB2_ENCRYPTION_AES256_CCM 0x0003
#define SMB2_ENCRYPTION_AES256_GCM 0x0004

#define SMB2_SIGNING_HMAC_SHA256 0x0000
#define SMB2_SIGNING_AES_CMAC	 0x0001
#define SMB2_SIGNING_AES_GMAC	 0x0002

/* SESSION_SETUP, MS-SMB2 2.2.5, 2.2.6 */
#define SMB2_SESSION_FLAG_BINDING      0x01
#define SMB2_SESSION_FLAG_IS_GUEST     0x0001
#define SMB2_SESSION_FLAG_IS_NULL      0x0002
#define SMB2_SESSION_FLAG_ENCRYPT_DATA 0x0004

/* TREE_CONNECT, MS-SMB2 2.2.10 */
#define SMB2_SHARE_TYPE_DISK			   0x01
#define SMB2_SHARE_TYPE_PIPE			   0x02
#define SMB2_SHAREFLAG_MANUAL_CACHING		   0x00000000u
#define SMB2_SHAREFLAG_NO_CACHING		   0x00000030u
#define SMB2_SHAREFLAG_ACCESS_BASED_DIRECTORY_ENUM 0x00000800u
#define SMB2_SHAREFLAG_ENCRYPT_DATA		   0x00008000u

/* CREATE, MS-SMB2 2.2.13 */
#define FILE_SUPERSEDE	  0
#define FILE_OPEN	  1
#define FILE_CREATE	  2
#define FILE_OPEN_IF	  3
#define FILE_OVERWRITE	  4
#define FILE_OVERWRITE_IF 5

#define FILE_SUPERSEDED	 0
#define FILE_OPENED	 1
#define FILE_CREATED	 2
#define FILE_OVERWRITTEN 3

#define FILE_DIRECTORY_FILE	       0x00000001u
#define FILE_WRITE_THROUGH	       0x00000002u
#define FILE_SEQUENTIAL_ONLY	       0x00000004u
#define FILE_NO_INTERMEDIATE_BUFFERING 0x00000008u
#define FILE_SYNCHRONOUS_IO_ALERT      0x00000010u
#define FILE_SYNCHRONOUS_IO_NONALERT   0x00000020u
#define FILE_NON_DIRECTORY_FILE	       0x00000040u
#define FILE_CREATE_TREE_CONNECTION    0x00000080u
#define FILE_COMPLETE_IF_OPLOCKED      0x00000100u
#define FILE_NO_EA_KNOWLEDGE	       0x00000200u
#define FILE_OPEN_REMOTE_INSTANCE      0x00000400u
#define FILE_RANDOM_ACCESS	       0x00000800u
#define FILE_DELETE_ON_CLOSE	       0x00001000u
#define FILE_OPEN_BY_FILE_ID	       0x00002000u
#define FILE_OPEN_FOR_BACKUP_INTENT    0x00004000u
#define FILE_NO_COMPRESSION	       0x00008000u
#define FILE_OPEN_REQUIRING_OPLOCK     0x00010000u
#define FILE_DISALLOW_EXCLUSIVE	       0x00020000u
#define FILE_RESERVE_OPFILTER	       0x00100000u
#define FILE_OPEN_REPARSE_POINT	       0x00200000u
#define FILE_OPEN_NO_RECALL	       0x00400000u
#define FILE_OPEN_FOR_FREE_SPACE_QUERY 0x00800000u

#define FILE_SHARE_READ	  0x00000001u
#define FILE_SHARE_WRITE  0x00000002u
#define FILE_SHARE_DELETE 0x00000004u

/* Access masks, MS-SMB2 2.2.13.1; standard and generic rights are in daemon/vfs/acl.h */
#define FILE_READ_DATA	      0x00000001u
#define FILE_LIST_DIRECTORY   0x00000001u
#define FILE_WRITE_DATA	      0x00000002u
#define FILE_ADD_FILE	      0x00000002u
#define FILE_APPEND_DATA      0x00000004u
#define FILE_ADD_SUBDIRECTORY 0x00000004u
#define FILE_READ_EA	      0x00000008u
#define FILE_WRITE_EA	      0x00000010u
#define FILE_EXECUTE	      0x00000020u
#define FILE_TRAVERSE	      0x00000020u
#define FILE_DELETE_CHILD     0x00000040u
#define FILE_READ_ATTRIBUTES  0x00000080u
#define FILE_WRITE_ATTRIBUTES 0x00000100u

/* File attributes, MS-FSCC 2.6 */
#define FILE_ATTRIBUTE_READONLY		   0x00000001u
#define FILE_ATTRIBUTE_HIDDEN		   0x00000002u
#define FILE_ATTRIBUTE_SYSTEM		   0x00000004u
#define FILE_ATTRIBUTE_DIRECTORY	   0x00000010u
#define FILE_ATTRIBUTE_ARCHIVE		   0x00000020u
#define FILE_ATTRIBUTE_NORMAL		   0x00000080u
#define FILE_ATTRIBUTE_TEMPORARY	   0x00000100u
#define FILE_ATTRIBUTE_SPARSE_FILE	   0x00000200u
#define FILE_ATTRIBUTE_REPARSE_POINT	   0x00000400u
#define FILE_ATTRIBUTE_COMPRESSED	   0x00000800u
#define FILE_ATTRIBUTE_OFFLINE		   0x00001000u
#define FILE_ATTRIBUTE_NOT_CONTENT_INDEXED 0x00002000u
#define FILE_ATTRIBUTE_ENCRYPTED	   0x00004000u

#define SMB2_OPLOCK_LEVEL_NONE	    0x00
#define SMB2_OPLOCK_LEVEL_II	    0x01
#define SMB2_OPLOCK_LEVEL_EXCLUSIVE 0x08
#define SMB2_OPLOCK_LEVEL_BATCH	    0x09
#define SMB2_OPLOCK_LEVEL_LEASE	    0xFF

/* 2.2.13.2.8, 2.2.13.2.10, 2.2.23.2 */
#define SMB2_LEASE_NONE			   0x00u
#define SMB2_LEASE_READ_CACHING		   0x01u
#define SMB2_LEASE_HANDLE_CACHING	   0x02u
#define SMB2_LEASE_WRITE_CACHING	   0x04u
#define SMB2_LEASE_FLAG_BREAK_IN_PROGRESS  0x02u /* answers */
#define SMB2_LEASE_FLAG_PARENT_LEASE_KEY   0x04u
#define SMB2_NOTIFY_BREAK_LEASE_ACK_NEEDED 0x01u

/* 2.2.13.2.11 */
#define SMB2_DHANDLE_FLAG_PERSISTENT 0x02u

/* For people and `status`; what is none of these grants nothing. */
static inline const char *smb2_oplock_name(__u8 level)
{
	switch (level) {
	case SMB2_OPLOCK_LEVEL_II:
		return "level2";
	case SMB2_OPLOCK_LEVEL_EXCLUSIVE:
		return "exclusive";
	case SMB2_OPLOCK_LEVEL_BATCH:
		return "batch";
	}
	return "none";
}

/* Likewise, of SMB2_LEASE_*. */
static inline const char *smb2_lease_name(__u8 state)
{
	static const char *const names[] = { "none", "R", "H", "RH", "W", "RW", "WH", "RWH" };

	return names[state & 7];
}

#define SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB 0x0001

/* READ, MS-SMB2 2.2.19; WRITE, 2.2.21 */
#define SMB2_READFLAG_READ_UNBUFFERED	 0x01
#define SMB2_READFLAG_REQUEST_COMPRESSED 0x02
#define SMB2_WRITEFLAG_WRITE_THROUGH	 0x00000001u
#define SMB2_WRITEFLAG_WRITE_UNBUFFERED	 0x00000002u

/* QUERY_INFO, SET_INFO, MS-SMB2 2.2.37 */
#define SMB2_0_INFO_FILE       0x01
#define SMB2_0_INFO_FILESYSTEM 0x02
#define SMB2_0_INFO_SECURITY   0x03
#define SMB2_0_INFO_QUOTA      0x04

/* QUERY_DIRECTORY, MS-SMB2 2.2.33 */
#define SMB2_RESTART_SCANS	 0x01
#define SMB2_RETURN_SINGLE_ENTRY 0x02
#define SMB2_INDEX_SPECIFIED	 0x04
#define SMB2_REOPEN		 0x10

/* File information classes, MS-FSCC 2.4 */
#define FileDirectoryInformation       1
#define FileFullDirectoryInformation   2
#define FileBothDirectoryInformation   3
#define FileBasicInformation	       4
#define FileStandardInformation	       5
#define FileInternalInformation	       6
#define FileEaInformation	       7
#define FileAccessInformation	       8
#define FileNameInformation	       9
#define FileRenameInformation	       10
#define FileLinkInformation	       11
#define FileNamesInformation	       12
#define FileDispositionInformation     13
#define FilePositionInformation	       14
#define FileFullEaInformation	       15
#define FileModeInformation	       16
#define FileAlignmentInformation       17
#define FileAllInformation	       18
#define FileAllocationInformation      19
#define FileEndOfFileInformation       20
#define FileAlternateNameInformation   21
#define FileStreamInformation	       22
#define FilePipeInformation	       23
#define FilePipeLocalInformation       24
#define FileCompressionInformation     28
#define FileNetworkOpenInformation     34
#define FileAttributeTagInformation    35
#define FileIdBothDirectoryInformation 37
#define FileIdFullDirectoryInformation 38
#define FileValidDataLengthInformation 39
#define FileNormalizedNameInformation  48
#define FileIdInformation	       59
#define FileIdExtdDirectoryInformation 60
#define FilePosixInformation	       100 /* POSIX extensions; of listings too */
#define FileDispositionInformationEx   64
#define FileRenameInformationEx	       65

/* File system information classes, MS-FSCC 2.5 */
#define FileFsVolumeInformation	    1
#define FileFsLabelInformation	    2
#define FileFsSizeInformation	    3
#define FileFsDeviceInformation	    4
#define FileFsAttributeInformation  5
#define FileFsControlInformation    6
#define FileFsFullSizeInformation   7
#define FileFsObjectIdInformation   8
#define FileFsSectorSizeInformation 11
#define FileFsPosixInformation	    100 /* POSIX extensions */

/* Reparse tags, MS-FSCC 2.1.2.1; what an NFS one is, 2.1.2.6 */
#define IO_REPARSE_TAG_SYMLINK	  0xA000000Cu
#define IO_REPARSE_TAG_NFS	  0x80000014u
#define IO_REPARSE_TAG_LX_SYMLINK 0xA000001Du
#define IO_REPARSE_TAG_AF_UNIX	  0x80000023u
#define IO_REPARSE_TAG_LX_FIFO	  0x80000024u
#define SYMLINK_FLAG_RELATIVE	  0x00000001u
#define SYMLINK_ERROR_TAG	  0x4C4D5953u
#define NFS_SPECFILE_LNK	  0x00000000014B4E4Cull
#define NFS_SPECFILE_CHR	  0x0000000000524843ull
#define NFS_SPECFILE_BLK	  0x00000000004B4C42ull
#define NFS_SPECFILE_FIFO	  0x000000004F464946ull
#define NFS_SPECFILE_SOCK	  0x000000004B434F53ull

/* IOCTL, MS-SMB2 2.2.31 */
#define FSCTL_DFS_GET_REFERRALS		   0x00060194u
#define FSCTL_DFS_GET_REFERRALS_EX	   0x000601B0u
#define FSCTL_PIPE_PEEK			   0x0011400Cu
#define FSCTL_PIPE_WAIT			   0x00110018u
#define FSCTL_PIPE_TRANSCEIVE		   0x0011C017u
#define FSCTL_SRV_COPYCHUNK		   0x001440F2u
#define FSCTL_SRV_COPYCHUNK_WRITE	   0x001480F2u
#define FSCTL_SRV_ENUMERATE_SNAPSHOTS	   0x00144064u
#define FSCTL_SRV_REQUEST_RESUME_KEY	   0x00140078u
#define FSCTL_SRV_READ_HASH		   0x001441BBu
#define FSCTL_LMR_REQUEST_RESILIENCY	   0x001401D4u
#define FSCTL_QUERY_NETWORK_INTERFACE_INFO 0x001401FCu
#define FSCTL_GET_OBJECT_ID		   0x0009009Cu
#define FSCTL_SET_REPARSE_POINT		   0x000900A4u
#define FSCTL_GET_REPARSE_POINT		   0x000900A8u
#define FSCTL_DELETE_REPARSE_POINT	   0x000900ACu
#define FSCTL_CREATE_OR_GET_OBJECT_ID	   0x000900C0u
#define FSCTL_SET_SPARSE		   0x000900C4u
#define FSCTL_SET_ZERO_DATA		   0x000980C8u
#define FSCTL_IS_PATHNAME_VALID		   0x0009002Cu
#define FSCTL_GET_COMPRESSION		   0x0009003Cu
#define FSCTL_SET_COMPRESSION		   0x0009C040u
#define FSCTL_QUERY_ALLOCATED_RANGES	   0x000940CFu
#define FSCTL_FILE_LEVEL_TRIM		   0x00098208u
#define FSCTL_GET_INTEGRITY_INFORMATION	   0x0009027Cu
#define FSCTL_SET_INTEGRITY_INFORMATION	   0x0009C280u
#define FSCTL_QUERY_FILE_REGIONS	   0x00090284u
#define FSCTL_DUPLICATE_EXTENTS_TO_FILE	   0x00098344u
#define FSCTL_DUPLICATE_EXTENTS_TO_FILE_EX 0x000983E8u
#define FSCTL_OFFLOAD_READ		   0x00094264u
#define FSCTL_OFFLOAD_WRITE		   0x00098268u
#define FSCTL_VALIDATE_NEGOTIATE_INFO	   0x00140204u
#define SMB2_0_IOCTL_IS_FSCTL		   0x00000001u
#define COMPRESSION_FORMAT_NONE		   0
#define COMPRESSION_FORMAT_DEFAULT	   1
#define COMPRESSION_FORMAT_LZNT1	   2

#endif /* KH_SMB2_PDU_H */
