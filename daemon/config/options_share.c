/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options_share.c - every option of a share. In [global] each is the default of all shares.
 */
#include "config/options.h"

#define HEADING(text)                            \
	{                                        \
		.scope = CONF_SHARE, .doc = text \
	}
#define OPT(n, syn, t, f, d)                                                 \
	.name = n, .synonyms = syn, .type = CONF_T_##t, .scope = CONF_SHARE, \
	.off = offsetof(struct conf_share, f), .def = d

static const struct conf_enum encrypt_values[] = {
	{ "if_required", CONF_ENCRYPT_IF_REQUIRED },
	{ "desired", CONF_ENCRYPT_DESIRED },
	{ "required", CONF_ENCRYPT_REQUIRED },
	{ "off", CONF_ENCRYPT_OFF },
	{ "default", CONF_ENCRYPT_IF_REQUIRED },
	{ "auto", CONF_ENCRYPT_IF_REQUIRED },
	{ "enabled", CONF_ENCRYPT_IF_REQUIRED },
	{ "yes", CONF_ENCRYPT_IF_REQUIRED },
	{ "true", CONF_ENCRYPT_IF_REQUIRED },
	{ "on", CONF_ENCRYPT_IF_REQUIRED },
	{ "1", CONF_ENCRYPT_IF_REQUIRED },
	{ "mandatory", CONF_ENCRYPT_REQUIRED },
	{ "force", CONF_ENCRYPT_REQUIRED },
	{ "forced", CONF_ENCRYPT_REQUIRED },
	{ "enforced", CONF_ENCRYPT_REQUIRED },
	{ "disabled", CONF_ENCRYPT_OFF },
	{ "no", CONF_ENCRYPT_OFF },
	{ "false", CONF_ENCRYPT_OFF },
	{ "0", CONF_ENCRYPT_OFF },
	{ NULL },
};

#define TRISTATE_WORDS                                                                          \
	{ "no", CONF_NO }, { "yes", CONF_YES }, { "auto", CONF_AUTO }, { "false", CONF_NO },    \
		{ "off", CONF_NO }, { "0", CONF_NO }, { "true", CONF_YES }, { "on", CONF_YES }, \
		{ "1", CONF_YES }, { "default", CONF_AUTO }, { NULL },

static const struct conf_enum tristate[] = { TRISTATE_WORDS };

static const struct conf_enum case_values[] = {
	{ "lower", CONF_CASE_LOWER },
	{ "upper", CONF_CASE_UPPER },
	{ NULL },
};

static const struct conf_enum csc_values[] = {
	{ "manual", CONF_CSC_MANUAL },
	{ "documents", CONF_CSC_DOCUMENTS },
	{ "programs", CONF_CSC_PROGRAMS },
	{ "disable", CONF_CSC_DISABLE },
	{ NULL },
};

static const struct conf_enum mapro_values[] = {
	{ "no", CONF_MAPRO_NO },
	{ "yes", CONF_MAPRO_YES },
	{ "permissions", CONF_MAPRO_PERMISSIONS },
	{ "false", CONF_MAPRO_NO },
	{ "0", CONF_MAPRO_NO },
	{ "true", CONF_MAPRO_YES },
	{ "1", CONF_MAPRO_YES },
	{ NULL },
};

static const struct conf_enum inherit_owner_values[] = {
	{ "no", CONF_INHERIT_OWNER_NO },
	{ "windows and unix", CONF_INHERIT_OWNER_WINDOWS_AND_UNIX },
	{ "unix only", CONF_INHERIT_OWNER_UNIX_ONLY },
	{ "yes", CONF_INHERIT_OWNER_WINDOWS_AND_UNIX },
	{ "true", CONF_INHERIT_OWNER_WINDOWS_AND_UNIX },
	{ "1", CONF_INHERIT_OWNER_WINDOWS_AND_UNIX },
	{ "false", CONF_INHERIT_OWNER_NO },
	{ "0", CONF_INHERIT_OWNER_NO },
	{ NULL },
};

static const struct conf_enum mangled_values[] = {
	{ "no", CONF_MANGLED_NO },   { "illegal", CONF_MANGLED_ILLEGAL },
	{ "yes", CONF_MANGLED_YES }, { "false", CONF_MANGLED_NO },
	{ "0", CONF_MANGLED_NO },    { "true", CONF_MANGLED_YES },
	{ "1", CONF_MANGLED_YES },   { NULL },
};

static const struct conf_enum acl_style_values[] = {
	{ "posix", CONF_ACL_POSIX },
	{ "windows", CONF_ACL_WINDOWS },
	{ "everyone", CONF_ACL_EVERYONE },
	{ NULL },
};

const struct conf_option conf_share_options[] = {
	HEADING("What is shared"),
	{ OPT("path", "directory", STRING, path, NULL),
	  .doc = "Absolute path of the folder, with % substitutions. [homes] without a path shares "
		 "the home folder of who connects." },
	{ OPT("comment", NULL, STRING, comment, NULL),
	  .doc = "Text beside the share in a browse list." },
	{ OPT("available", NULL, BOOL, available, "yes"),
	  .doc = "no turns the share off without removing it." },
	{ OPT("browseable", "browsable", BOOL, browseable, "yes"),
	  .doc = "Shown in the list of shares. A hidden share can still be opened by its name." },
	{ OPT("copy", NULL, COPY, name, NULL),
	  .doc = "Takes every setting of the named share, which stands further up in the file." },
	{ OPT("volume", NULL, STRING, volume, NULL), .def_doc = "the share's name",
	  .doc = "Volume label." },
	{ OPT("fstype", NULL, STRING, fstype, "NTFS"),
	  .doc = "Name of the file system that clients are told." },
	{ OPT("msdfs root", NULL, BOOL, msdfs_root, "no"), .later = true,
	  .doc = "The share is the root of a DFS tree." },
	{ OPT("csc policy", NULL, ENUM, csc_policy, "manual"), .values = csc_values,
	  .doc = "What clients may keep for offline use: `manual`, `documents`, `programs` or "
		 "`disable`." },

	HEADING("For whom"),
	{ OPT("read only", "!writeable,!writable,!write ok", BOOL, read_only, "yes"),
	  .doc = "Nobody may write, but for `write list`." },
	{ OPT("guest ok", "public", BOOL, guest_ok, "no"),
	  .doc = "Guests may open the share; see `map to guest`." },
	{ OPT("guest only", "only guest", BOOL, guest_only, "no"),
	  .doc = "Everybody is the guest here. Needs `guest ok`." },
	{ OPT("valid users", NULL, USERS, valid_users, NULL), .def_doc = "everybody",
	  .doc = "Who may open the share: names, @group for a Unix group, %S." },
	{ OPT("invalid users", NULL, USERS, invalid_users, NULL), .def_doc = "nobody",
	  .doc = "Who may not; wins over `valid users`." },
	{ OPT("read list", NULL, USERS, read_list, NULL),
	  .doc = "Who may only read, whatever `read only` says." },
	{ OPT("write list", NULL, USERS, write_list, NULL),
	  .doc = "Who may write, whatever `read only` says; wins over `read list`." },
	{ OPT("admin users", NULL, USERS, admin_users, NULL),
	  .doc = "Who acts as root in this share. Rarely a good idea." },
	{ OPT("force user", NULL, STRING, force_user, NULL),
	  .doc = "Unix user as whom all work in this share, after they have logged in as "
		 "themselves." },
	{ OPT("force group", "group", STRING, force_group, NULL),
	  .doc = "Unix group that becomes everybody's primary group here; +group only for those "
		 "who "
		 "are in it." },
	{ OPT("hosts allow", "allow hosts", HOSTS, hosts_allow, NULL), .def_doc = "everybody",
	  .doc = "Addresses that may open the share; the form is that of [global]." },
	{ OPT("hosts deny", "deny hosts", HOSTS, hosts_deny, NULL), .def_doc = "nobody",
	  .doc = "Addresses that may not." },
	{ OPT("max connections", NULL, UINT, max_connections, "0"),
	  .doc = "Most sessions that have the share open at a time; 0 is no limit." },
	{ OPT("server smb encrypt", "smb encrypt", ENUM, smb_encrypt, "if_required"),
	  .values = encrypt_values,
	  .doc = "`if_required` encrypts when the client asks for it, `desired` whenever the "
		 "client "
		 "can, `required` refuses those that cannot, `off` does not offer it. In [global] "
		 "it "
		 "is for whole sessions, in a share for that share." },

	HEADING("Names"),
	{ OPT("case sensitive", "casesignames", ENUM, case_sensitive, "auto"), .values = tristate,
	  .doc = "Whether A and a are two files. `auto`: no, but for a client that asked for the "
		 "POSIX extensions." },
	{ OPT("preserve case", NULL, BOOL, preserve_case, "yes"), .later = true,
	  .doc = "A new file keeps the letters it was given; no gives it those of `default "
		 "case`." },
	{ OPT("short preserve case", NULL, BOOL, short_preserve_case, "yes"), .later = true,
	  .doc = "The same for names of the form 8.3." },
	{ OPT("default case", NULL, ENUM, default_case, "lower"), .later = true,
	  .values = case_values, .doc = "`lower` or `upper`; see `preserve case`." },
	{ OPT("mangled names", "mangle names", ENUM, mangled_names, "illegal"),
	  .values = mangled_values,
	  .doc = "A client that asks for the 8.3 name of a file gets one, and finds the file by "
		 "it. "
		 "Listings show them with `yes` only." },
	{ OPT("veto files", NULL, STRING, veto_files, NULL),
	  .doc = "Names that neither exist nor can be made here: /pattern/pattern/ with * and ?." },
	{ OPT("delete veto files", NULL, BOOL, delete_veto_files, "no"),
	  .doc = "A folder that holds only vetoed files can be removed, with them." },
	{ OPT("hide files", NULL, STRING, hide_files, NULL),
	  .doc = "Names that get the hidden attribute; the same form." },
	{ OPT("hide dot files", NULL, BOOL, hide_dot_files, "yes"),
	  .doc = "Names that start with a dot get the hidden attribute." },
	{ OPT("hide unreadable", NULL, BOOL, hide_unreadable, "no"),
	  .doc = "Does not list what the user may not read." },
	{ OPT("hide unwriteable files", NULL, BOOL, hide_unwriteable_files, "no"),
	  .doc = "Does not list files that the user may not write." },
	{ OPT("access based share enum", NULL, BOOL, access_based_share_enum, "no"),
	  .doc = "The share is in the list of shares only for those who may open it." },
	{ OPT("follow symlinks", NULL, BOOL, follow_symlinks, "yes"),
	  .doc = "Symbolic links that stay inside the share are followed; no makes them "
		 "invisible." },
	{ OPT("native symlinks", NULL, BOOL, native_symlinks, "no"),
	  .doc = "Clients see symbolic links as such (reparse points) and follow them on their "
		 "side. "
		 "no: this server follows what stays inside the share, and shows as links only "
		 "those "
		 "that lead nowhere. Clients that use the POSIX extensions see links in any "
		 "case." },
	{ OPT("wide links", NULL, BOOL, wide_links, "no"),
	  .doc = "Links may also lead out of the share. Whoever can make a link then reads the "
		 "whole "
		 "machine, as far as the Unix user may. Clients of this share cannot make such "
		 "links, "
		 "but those of another share on the same folder can." },
	{ OPT("crossmnt", NULL, BOOL, crossmnt, "yes"), .later = true,
	  .doc = "Other file systems that are mounted inside the share are part of it." },

	HEADING("Modes and owners of new files"),
	{ OPT("create mask", "create mode", OCTAL, create_mask, "0744"), .max = 07777,
	  .doc = "Permission bits that a new file may have." },
	{ OPT("force create mode", NULL, OCTAL, force_create_mode, "0000"), .max = 07777,
	  .doc = "Permission bits that every new file gets." },
	{ OPT("directory mask", "directory mode", OCTAL, directory_mask, "0755"), .max = 07777,
	  .doc = "Permission bits that a new folder may have." },
	{ OPT("force directory mode", NULL, OCTAL, force_directory_mode, "0000"), .max = 07777,
	  .doc = "Permission bits that every new folder gets." },
	{ OPT("inherit permissions", NULL, BOOL, inherit_permissions, "no"),
	  .doc = "New files and folders get the permission bits of their folder instead." },
	{ OPT("inherit acls", NULL, BOOL, inherit_acls, "no"),
	  .doc = "New files and folders are made wide open where the folder has a default ACL, "
		 "which "
		 "then decides." },
	{ OPT("inherit owner", NULL, ENUM, inherit_owner, "no"), .values = inherit_owner_values,
	  .doc = "New files belong to the owner of their folder: `windows and unix`, or `unix "
		 "only`." },

	HEADING("Attributes, ACLs and streams"),
	{ OPT("vfs objects", "vfs object", LIST, vfs_objects, "acl_xattr streams_xattr"),
	  .doc = "`acl_xattr` keeps Windows ACLs in security.NTACL, `streams_xattr` named streams "
		 "in "
		 "user.DosStream, both as Samba does. Other names are ignored with a warning." },
	{ OPT("acl_xattr:security_acl_name", NULL, STRING, acl_xattr_name, "security.NTACL"),
	  .doc = "Where `acl_xattr` keeps Windows ACLs. A name that starts with user. needs no "
		 "privilege, and local users can forge it; clients never see it among their "
		 "extended attributes." },
	{ OPT("acl_xattr:ignore system acls", NULL, BOOL, acl_ignore_system, "no"),
	  .doc = "The Windows ACL alone counts; the mode and the POSIX ACL are left as they are, "
		 "and a change of them does not make it void." },
	{ OPT("acl_xattr:default acl style", NULL, ENUM, acl_style, "posix"),
	  .values = acl_style_values,
	  .doc = "With `ignore system acls`, what a file without a Windows ACL shows: one made of "
		 "its mode, `windows` (owner and SYSTEM), or `everyone`." },
	{ OPT("acl flag inherited canonicalization", NULL, BOOL, acl_canonical_inherited, "yes"),
	  .doc = "A client that marks an ACL as inherited without asking for inheritance loses "
		 "the "
		 "mark, as on Windows." },
	{ OPT("store dos attributes", NULL, BOOL, store_dos_attributes, "yes"),
	  .doc = "DOS attributes and the time of creation are kept in user.DOSATTRIB." },
	{ OPT("map archive", NULL, BOOL, map_archive, "yes"),
	  .doc = "Without `store dos attributes`: the archive attribute is the owner's x bit. With "
		 "it, too, new files have that bit: their owner may run them." },
	{ OPT("map hidden", NULL, BOOL, map_hidden, "no"),
	  .doc = "... hidden is the others' x bit." },
	{ OPT("map system", NULL, BOOL, map_system, "no"),
	  .doc = "... system is the group's x bit." },
	{ OPT("map readonly", NULL, ENUM, map_readonly, "no"), .values = mapro_values,
	  .doc = "`yes`: read-only is a missing w bit of the owner. `permissions`: it is shown "
		 "when "
		 "the user cannot write the file." },
	{ OPT("ea support", NULL, BOOL, ea_support, "yes"),
	  .doc = "Extended attributes of clients are kept in user.* attributes." },
	{ OPT("nt acl support", NULL, BOOL, nt_acl_support, "yes"),
	  .doc = "Clients see and change permissions as Windows ACLs." },
	{ OPT("map acl inherit", NULL, BOOL, map_acl_inherit, "no"), .later = true,
	  .doc = "Keeps the inheritance flags of Windows ACLs where they are mapped to POSIX "
		 "ACLs." },
	{ OPT("acl allow execute always", NULL, BOOL, acl_allow_execute_always, "no"),
	  .doc = "Who may read a file may run it, without the x bit." },
	{ OPT("dos filemode", NULL, BOOL, dos_filemode, "no"),
	  .doc = "Who may write a file may change its permissions." },
	{ OPT("dos filetimes", NULL, BOOL, dos_filetimes, "yes"),
	  .doc = "Who may write a file may set its times." },
	{ OPT("fake directory create times", NULL, BOOL, fake_directory_create_times, "no"),
	  .doc = "Folders were created on 1 January 1980, for build tools that compare." },
	{ OPT("delete readonly", NULL, BOOL, delete_readonly, "no"),
	  .doc = "Files with the read-only attribute can be deleted." },

	HEADING("Caching and locks"),
	{ OPT("oplocks", NULL, BOOL, oplocks, "yes"),
	  .doc = "Clients may cache files that nobody else has open." },
	{ OPT("level2 oplocks", NULL, BOOL, level2_oplocks, "yes"),
	  .doc = "... and go on caching reads when others only read." },
	{ OPT("smb2 leases", "leases", BOOL, leases, "yes"),
	  .doc = "Offers leases, which SMB 2.1 and later prefer to oplocks. Needs `oplocks`." },
	{ OPT("smb3 directory leases", "directory leases", BOOL, directory_leases, "yes"),
	  .doc = "Leases on folders, SMB 3 only: clients may cache listings. Needs `smb2 "
		 "leases`." },
	{ OPT("durable handles", NULL, BOOL, durable_handles, "yes"),
	  .doc = "Open files survive a lost connection, or a logoff, for a while, with their "
		 "locks: "
		 "the time that the client asks for, 5 minutes at most, a minute if it does not "
		 "say, and 16 minutes for the older kind of SMB 2. Somebody else who opens such a "
		 "file takes it over at once. Only for clients that cache the file; see "
		 "`max durable handles`." },
	{ OPT("kernel oplocks", NULL, BOOL, kernel_oplocks, "no"),
	  .doc = "A local program that opens a file waits until the clients have written back what "
		 "they cache of it: leases of the kernel's (fcntl F_SETLEASE) stand behind theirs. "
		 "What the kernel cannot back is not granted: no level II oplocks, leases for "
		 "reading "
		 "alone only to who opens the file for reading." },
	{ OPT("kernel share modes", NULL, BOOL, kernel_share_modes, "no"),
	  .doc = "Who opens a file without sharing it has it by flock() too, exclusively, or "
		 "shared "
		 "if others may read or may write. Only programs that use flock() see it: the "
		 "kernel's own share modes (LOCK_MAND) are gone since Linux 5.16." },
	{ OPT("posix locking", NULL, BOOL, posix_locking, "yes"),
	  .doc = "Byte-range locks are also taken as fcntl() locks, so that local programs and NFS "
		 "see them, and are refused, or wait, where a local program has one. Of the locks "
		 "on "
		 "one file the kernel is told of 1,024, as it looks at all of them each time." },
	{ OPT("strict locking", NULL, ENUM, strict_locking, "auto"), .values = tristate,
	  .doc = "Checks byte-range locks at every read and write; `auto` does so too, for a file "
		 "without locks costs nothing. `yes` with `posix locking` also asks the kernel for "
		 "local programs' locks each time, and keeps I/O out of the kernel module." },
	{ OPT("change notify", NULL, BOOL, change_notify, "yes"),
	  .doc = "Clients are told of changes in folders that they watch. Who watches a folder "
		 "with "
		 "all that is in it hears of names in folders there that he may not list, as on "
		 "Windows; `veto files` are not told." },
	{ OPT("kernel change notify", NULL, BOOL, kernel_change_notify, "yes"),
	  .doc = "... by local programs and NFS too. While somebody watches the server listens to "
		 "fanotify; where that cannot be had (CAP_SYS_ADMIN, file systems without file "
		 "handles), to inotify, which follows the first 2,048 folders only." },

	HEADING("Data"),
	{ OPT("strict allocate", NULL, BOOL, strict_allocate, "no"),
	  .doc = "Space is taken when a file grows, so that a later write does not fail." },
	{ OPT("strict sync", NULL, BOOL, strict_sync, "yes"),
	  .doc = "A client's FLUSH waits for the disk." },
	{ OPT("sync always", NULL, BOOL, sync_always, "no"),
	  .doc = "Every WRITE waits for the disk." },
	{ OPT("strict rename", NULL, BOOL, strict_rename, "no"), .later = true,
	  .doc = "A folder with open files inside, by anybody, cannot be renamed." },
	{ OPT("allocation roundup size", NULL, SIZE64, allocation_roundup_size, "0"),
	  .max = 1 << 30,
	  .doc = "Allocation sizes are shown as a multiple of this; 0 shows what the "
		 "file system says." },
	{ OPT("block size", NULL, SIZE32, block_size, "1K"), .min = 512, .max = 1 << 20,
	  .doc = "Block size that clients are told." },
	{ OPT("max disk size", NULL, SIZE64, max_disk_size, "0"), .scale = 20, .max = 1ull << 60,
	  .doc = "Clients are told that the disk is no larger than this; 0 tells the truth. As in "
		 "Samba a number without a suffix counts in MiB." },
	{ 0 },
};
