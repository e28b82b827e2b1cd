/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * acl.h - Windows security on Linux files: SIDs, tokens, security descriptors, access checks, and
 * how they are kept on disk. What is stored is what Samba stores (security.NTACL as its acl_xattr
 * module writes it, POSIX ACLs as its smbd maps them), so that a share moves between servers.
 *
 * Threads: nothing in here keeps state but the machine's domain, set once before threads start.
 * Values (struct sid, struct security_token) may be shared read-only; a struct sd has one owner.
 * Functions that take a file are for worker threads that run with the session user's fsuid; what
 * only root may do (the security.* and chown calls) stands between identity_root_begin() and
 * identity_root_end(), and nothing else does.
 *
 * Errors: NTSTATUS where the client sees the answer, negative errno below that.
 */
#ifndef KH_ACL_H
#define KH_ACL_H

#include "core/util.h"
#include "smb2_status.h"

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* ---- sid.c: security identifiers (MS-DTYP 2.4.2) ---- */

#define SID_MAX_SUBS 15
#define SID_STR_MAX  192 /* longest text form with its NUL */
#define SID_WIRE_MAX (8 + 4 * SID_MAX_SUBS)

/* A plain value; subs beyond num are zero, so that two equal SIDs are equal bytes. */
struct sid {
	uint8_t rev; /* 1 */
	uint8_t num;
	uint8_t auth[6]; /* big endian */
	uint32_t sub[SID_MAX_SUBS];
};

extern const struct sid sid_null;	    /* S-1-0-0 */
extern const struct sid sid_everyone;	    /* S-1-1-0 */
extern const struct sid sid_creator_owner;  /* S-1-3-0 */
extern const struct sid sid_creator_group;  /* S-1-3-1 */
extern const struct sid sid_owner_rights;   /* S-1-3-4 */
extern const struct sid sid_network;	    /* S-1-5-2 */
extern const struct sid sid_anonymous;	    /* S-1-5-7 */
extern const struct sid sid_authenticated;  /* S-1-5-11 */
extern const struct sid sid_system;	    /* S-1-5-18 */
extern const struct sid sid_builtin;	    /* S-1-5-32 */
extern const struct sid sid_builtin_admins; /* S-1-5-32-544 */
extern const struct sid sid_builtin_users;  /* S-1-5-32-545 */
extern const struct sid sid_builtin_guests; /* S-1-5-32-546 */
extern const struct sid sid_unix_users;	    /* S-1-22-1, + uid */
extern const struct sid sid_unix_groups;    /* S-1-22-2, + gid */
/* As NFS servers of Windows write them, and cifs.ko: understood, never handed out. */
extern const struct sid sid_nfs_users;	/* S-1-5-88-1, + uid */
extern const struct sid sid_nfs_groups; /* S-1-5-88-2, + gid */
extern const struct sid sid_nfs_mode;	/* S-1-5-88-3, + mode bits */

bool sid_equal(const struct sid *a, const struct sid *b);
/* True when s is domain + one RID, which is stored to *rid (may be NULL). */
bool sid_in_domain(const struct sid *s, const struct sid *domain, uint32_t *rid);
/* domain + rid; sid_null when domain is full. */
struct sid sid_compose(const struct sid *domain, uint32_t rid);
/* "S-1-5-21-..." (authority decimal, or 0x and 12 hex digits from 2^32 on), returns buf. */
const char *sid_format(const struct sid *s, char buf[SID_STR_MAX]);
/* -EINVAL unless the whole string is one SID. */
int sid_parse(const char *text, struct sid *out);
/* Wire form: 8 + 4 * num bytes. sid_read() marks the reader bad on a malformed SID. */
static inline size_t sid_size(const struct sid *s)
{
	return 8 + 4 * (size_t)s->num;
}
void sid_read(struct smb2_rd *r, struct sid *out);
void sid_write(struct smb2_wr *w, const struct sid *s);
/* A well-known SID's name ("Everyone", "BUILTIN\\Administrators"), NULL for another. */
const char *sid_well_known_name(const struct sid *s);

/*
 * The machine's account domain, S-1-5-21-x-y-z: made once by sid_domain_generate() (random),
 * stored by the caller, and given to acl_domain_set() before threads start. Until then it is
 * S-1-5-21-0-0-0.
 *
 * Accounts map by rule, as Samba's algorithmic RIDs do, so there is no table to keep: a user is
 * domain + 2 * uid + 1000, a group domain + 2 * gid + 1001. What this server hands out is what a
 * standalone Samba does: users by their domain SID, root and ids beyond the RID space as
 * S-1-22-1-uid, groups always as S-1-22-2-gid. Both forms are understood, and both are in every
 * token, so a descriptor that another server wrote with S-1-22 SIDs means the same here.
 */
int sid_domain_generate(struct sid *out);
void acl_domain_set(const struct sid *domain);
const struct sid *acl_domain(void);
struct sid sid_from_uid(uint32_t uid);
struct sid sid_from_gid(uint32_t gid);
/* False when the SID is of no Unix account here. */
bool sid_to_uid(const struct sid *s, uint32_t *uid);
bool sid_to_gid(const struct sid *s, uint32_t *gid);

/* ---- token.c: who asks ---- */

#define PRIV_BACKUP	    0x01 /* SeBackupPrivilege: reads anything */
#define PRIV_RESTORE	    0x02 /* SeRestorePrivilege: writes anything, sets any owner */
#define PRIV_TAKE_OWNERSHIP 0x04
#define PRIV_SECURITY	    0x08 /* ACCESS_SYSTEM_SECURITY */

#define TOKEN_MAX_GROUPS 65536 /* NGROUPS_MAX */

/*
 * Immutable once built; owned by its session, shared read-only by workers. sids[0] is the user,
 * sids[1] the primary group; then the other groups in both forms, and the well-known ones.
 */
struct security_token {
	uint32_t uid, gid;
	uint32_t ngroups;
	uint32_t *groups; /* supplementary gids */
	uint32_t nsids;
	struct sid *sids;
	uint32_t privileges;
	bool is_admin;	/* root, or an `admin users` name */
	bool is_guest;	/* BUILTIN\Guests instead of Authenticated Users */
	bool anonymous; /* S-1-5-7 */
};

#define TOKEN_GUEST	0x1
#define TOKEN_ANONYMOUS 0x2
#define TOKEN_ADMIN	0x4 /* root's rights whatever the uid */

/* NULL when ngroups is beyond TOKEN_MAX_GROUPS. Freed by token_free() (NULL is fine). */
struct security_token *token_new(uint32_t uid, uint32_t gid, const uint32_t *groups,
				 uint32_t ngroups, unsigned int flags);
void token_free(struct security_token *t);
bool token_has_sid(const struct security_token *t, const struct sid *s);
bool token_in_group(const struct security_token *t, uint32_t gid);

/* ---- sd.c: security descriptors (MS-DTYP 2.4.3 to 2.4.6) ---- */

/* Access mask bits of files and directories (MS-SMB2 2.2.13.1). */
#define SEC_FILE_READ_DATA	  0x00000001 /* LIST_DIRECTORY */
#define SEC_FILE_WRITE_DATA	  0x00000002 /* ADD_FILE */
#define SEC_FILE_APPEND_DATA	  0x00000004 /* ADD_SUBDIRECTORY */
#define SEC_FILE_READ_EA	  0x00000008
#define SEC_FILE_WRITE_EA	  0x00000010
#define SEC_FILE_EXECUTE	  0x00000020 /* TRAVERSE */
#define SEC_DIR_DELETE_CHILD	  0x00000040
#define SEC_FILE_READ_ATTRIBUTES  0x00000080
#define SEC_FILE_WRITE_ATTRIBUTES 0x00000100
#define SEC_FILE_ALL		  0x000001ff
#define SEC_STD_DELETE		  0x00010000
#define SEC_STD_READ_CONTROL	  0x00020000
#define SEC_STD_WRITE_DAC	  0x00040000
#define SEC_STD_WRITE_OWNER	  0x00080000
#define SEC_STD_SYNCHRONIZE	  0x00100000
#define SEC_STD_ALL		  0x001f0000
#define SEC_SYSTEM_SECURITY	  0x01000000
#define SEC_MAXIMUM_ALLOWED	  0x02000000
#define SEC_GENERIC_ALL		  0x10000000
#define SEC_GENERIC_EXECUTE	  0x20000000
#define SEC_GENERIC_WRITE	  0x40000000
#define SEC_GENERIC_READ	  0x80000000
/* What the generic bits become on files and directories alike. */
#define SEC_RIGHTS_FILE_READ	0x00120089
#define SEC_RIGHTS_FILE_WRITE	0x00120116
#define SEC_RIGHTS_FILE_EXECUTE 0x001200a0
#define SEC_RIGHTS_FILE_ALL	0x001f01ff

/* SECURITY_INFORMATION (MS-DTYP 2.4.7). */
#define SECINFO_OWNER		 0x00000001
#define SECINFO_GROUP		 0x00000002
#define SECINFO_DACL		 0x00000004
#define SECINFO_SACL		 0x00000008
#define SECINFO_LABEL		 0x00000010
#define SECINFO_ATTRIBUTE	 0x00000020
#define SECINFO_SCOPE		 0x00000040
#define SECINFO_BACKUP		 0x00010000
#define SECINFO_UNPROTECTED_SACL 0x10000000
#define SECINFO_UNPROTECTED_DACL 0x20000000
#define SECINFO_PROTECTED_SACL	 0x40000000
#define SECINFO_PROTECTED_DACL	 0x80000000
#define SECINFO_ALL		 (SECINFO_OWNER | SECINFO_GROUP | SECINFO_DACL | SECINFO_SACL)

/* Control bits (MS-DTYP 2.4.6). */
#define SD_OWNER_DEFAULTED     0x0001
#define SD_GROUP_DEFAULTED     0x0002
#define SD_DACL_PRESENT	       0x0004
#define SD_DACL_DEFAULTED      0x0008
#define SD_SACL_PRESENT	       0x0010
#define SD_SACL_DEFAULTED      0x0020
#define SD_DACL_AUTO_INH_REQ   0x0100
#define SD_SACL_AUTO_INH_REQ   0x0200
#define SD_DACL_AUTO_INHERITED 0x0400
#define SD_SACL_AUTO_INHERITED 0x0800
#define SD_DACL_PROTECTED      0x1000
#define SD_SACL_PROTECTED      0x2000
#define SD_RM_CONTROL_VALID    0x4000
#define SD_SELF_RELATIVE       0x8000

#define ACE_ALLOWED	   0
#define ACE_DENIED	   1
#define ACE_AUDIT	   2
#define ACE_ALARM	   3
#define ACE_ALLOWED_OBJECT 5
#define ACE_ALARM_OBJECT   8
#define ACE_LABEL	   0x11
#define ACE_ATTRIBUTE	   0x12
#define ACE_SCOPE	   0x13

#define ACE_OBJECT_INHERIT    0x01
#define ACE_CONTAINER_INHERIT 0x02
#define ACE_NO_PROPAGATE      0x04
#define ACE_INHERIT_ONLY      0x08
#define ACE_INHERITED	      0x10

#define SD_SIZE_MAX 65536 /* self-relative form, as Samba and Windows bound it */

/* A type other than the plain ones above is kept as bytes and grants nothing. */
struct ace {
	uint8_t type, flags;
	uint16_t opaque_len;
	uint32_t mask;
	struct sid sid;
	uint8_t *opaque; /* everything behind the ACE header; NULL for plain types; owned */
};

struct acl {
	uint8_t revision; /* 2; 3 by some clients; 4 with object ACEs */
	uint16_t count;
	struct ace *aces; /* owned */
};

/*
 * control holds all bits but SD_SELF_RELATIVE. SD_DACL_PRESENT with dacl NULL is a NULL DACL:
 * everybody may do everything; a DACL of no ACEs: nobody, except what the owner has anyway.
 */
struct sd {
	uint16_t control;
	bool has_owner, has_group;
	struct sid owner, group;
	struct acl *dacl, *sacl; /* owned */
};

struct sd *sd_new(void);
void sd_free(struct sd *sd);
struct sd *sd_dup(const struct sd *sd);
static inline void cleanup_sdp(struct sd **p)
{
	sd_free(*p);
}
#define _cleanup_sd_ __attribute__((__cleanup__(cleanup_sdp)))

/* Appends a plain ACE to the DACL, which is made if need be (and nothing more for sid NULL). */
void sd_dacl_add(struct sd *sd, uint8_t type, uint8_t flags, uint32_t mask, const struct sid *sid);
/* Copies; NULL sets a NULL ACL. The present bit is set. */
void sd_set_dacl(struct sd *sd, const struct acl *dacl);
void sd_set_sacl(struct sd *sd, const struct acl *sacl);
bool sd_equal(const struct sd *a, const struct sd *b);

/*
 * Self-relative form. Any bytes may be given: INVALID_SECURITY_DESCR, INVALID_SID or INVALID_ACL
 * for malformed ones, INVALID_PARAMETER above SD_SIZE_MAX. *out is the caller's.
 */
ntstatus sd_parse(const void *buf, size_t len, struct sd **out);
/* The same with the header at `at` and offsets that count from buf (Samba's NDR form). */
ntstatus sd_parse_at(const void *buf, size_t len, size_t at, struct sd **out);
/* Bytes that sd_marshal() writes for this selection. */
size_t sd_query_size(const struct sd *sd, uint32_t secinfo);
/* The parts that secinfo selects (label, attribute, scope: those ACEs of the SACL), in Samba's
 * order. */
void sd_marshal(const struct sd *sd, uint32_t secinfo, struct smb2_wr *w);
/* The same with offsets that count from byte `base` of the writer's buffer. */
void sd_marshal_from(const struct sd *sd, uint32_t secinfo, uint64_t base, struct smb2_wr *w);

/* ---- access.c: the check (MS-DTYP 2.5.3.2) ---- */

/* Generic bits → file rights; also done on each ACE before it is evaluated or stored. */
uint32_t access_map_generic(uint32_t mask);

/*
 * ACCESS_DENIED or PRIVILEGE_NOT_HELD (ACCESS_SYSTEM_SECURITY), or SUCCESS with *granted: for
 * MAXIMUM_ALLOWED everything that the token may have, else desired with its generic bits mapped.
 * On refusal *granted is what was asked for and missing. sd NULL stands for a NULL DACL.
 */
ntstatus sd_access_check(const struct sd *sd, const struct security_token *t, uint32_t desired,
			 uint32_t *granted);
/* Everything that sd gives t, without ACCESS_SYSTEM_SECURITY. */
uint32_t sd_access_max(const struct sd *sd, const struct security_token *t);

/* ---- inherit.c: descriptors of new files (MS-DTYP 2.5.3.4) ---- */

/*
 * The child's descriptor from its parent's: CREATOR OWNER and GROUP become owner and group, ACEs
 * gain INHERITED_ACE. *out has an empty DACL when the parent has nothing to inherit (see
 * sd_has_inheritable()).
 */
ntstatus sd_inherit(const struct sd *parent, const struct sid *owner, const struct sid *group,
		    bool is_dir, struct sd **out);
bool sd_has_inheritable(const struct sd *sd, bool is_dir);

/* ---- posix_acl.c, posix_map.c: mode bits and POSIX ACLs ---- */

/* What the calling layer knows of a file; fd may be O_PATH; mode includes the type bits. */
struct acl_object {
	int fd;
	uint32_t uid, gid;
	uint32_t mode;
};

/* acl_xattr:default acl style, and inherit owner */
enum acl_style { ACL_STYLE_POSIX, ACL_STYLE_WINDOWS, ACL_STYLE_EVERYONE };
enum acl_owner { ACL_OWNER_CREATOR, ACL_OWNER_PARENT, ACL_OWNER_PARENT_UNIX };

/* From a share's options; lives as long as the share. All zero: POSIX permissions as Samba maps
 * them. */
struct acl_policy {
	bool stored;		 /* vfs objects has acl_xattr: the descriptor is kept */
	const char *xattr;	 /* where; NULL: NTACL_XATTR. Lives as long as the share */
	bool ignore_system_acls; /* acl_xattr:ignore system acls: the POSIX side is left alone */
	enum acl_style style;	 /* with it: what a file without stored descriptor shows */
	bool no_nt_acls; /* nt acl support = no: everybody may everything, sets do nothing */
	bool keep_inherited_flag;     /* acl flag inherited canonicalization = no */
	bool inherit_acls;	      /* a new file takes the parent's default POSIX ACL */
	enum acl_owner inherit_owner; /* whom new files belong to */
	bool inherit_permissions;     /* mode and ACL from the parent; SDs are not inherited */
	bool allow_execute_always;    /* acl allow execute always: read gives execute */
	bool dos_filemode;	      /* whoever may write may change permissions */
	bool profile_acls;	      /* unused for now */
	bool read_only;		      /* the share refuses writes: MAXIMUM_ALLOWED shows it */
	uint32_t create_mask,
		directory_mask; /* for the inheritable ACEs shown on plain directories */
};

/* Tags of system.posix_acl_* (linux/posix_acl.h). */
#define POSIX_USER_OBJ	0x01
#define POSIX_USER	0x02
#define POSIX_GROUP_OBJ 0x04
#define POSIX_GROUP	0x08
#define POSIX_MASK	0x10
#define POSIX_OTHER	0x20

#define POSIX_ACL_MAX 1024 /* entries; ext4 holds about 500 */

struct posix_ace {
	uint16_t tag, perm; /* perm: 4 read, 2 write, 1 execute */
	uint32_t id;	    /* of POSIX_USER and POSIX_GROUP */
};

struct posix_acl {
	unsigned int n;
	struct posix_ace e[POSIX_ACL_MAX];
};

/*
 * The access ACL (from the mode when there is none), or a directory's default ACL (n == 0 when
 * there is none), in the kernel's order. -errno; -E2BIG beyond POSIX_ACL_MAX.
 */
int posix_acl_read(const struct acl_object *obj, bool is_default, struct posix_acl *out);
/* n == 0 removes the default ACL. Falls back to chmod() where the file system has no ACLs. */
int posix_acl_write(const struct acl_object *obj, bool is_default, const struct posix_acl *acl);

/* All that a file has; dflt is empty unless it is a directory. */
struct posix_acls {
	struct posix_acl access, dflt;
};
int posix_acls_read(const struct acl_object *obj, struct posix_acls *out);

/* What a share shows of a file without stored descriptor. -errno. */
int posix_acl_to_sd(const struct acl_object *obj, const struct acl_policy *pol, struct sd **out);
/* The same of what was read before. */
struct sd *posix_acls_to_sd(const struct acl_object *obj, const struct posix_acls *acls,
			    const struct acl_policy *pol);
/*
 * What sd_access_max() says of that descriptor, without making it: nothing in it refuses, and a
 * default ACL gives nothing. Of rights that are not wanted *max may have less. Not for root and
 * administrators. -errno.
 */
int posix_acl_max(const struct acl_object *obj, const struct acl_policy *pol,
		  const struct security_token *t, uint32_t wanted, uint32_t *max);
/*
 * The DACL as a POSIX ACL, nearest fit, as Samba maps it; false when no ACE names anybody that Unix
 * knows: then the file's permissions stay as they are.
 */
bool posix_acl_from_sd(const struct acl_object *obj, const struct sd *sd, struct posix_acl *access,
		       struct posix_acl *dflt);

/* ---- ntacl.c: security.NTACL, Samba's xattr_NTACL (NDR) ---- */

#define NTACL_XATTR    "security.NTACL"
#define NTACL_SIZE_MAX (SD_SIZE_MAX + 512)

/*
 * The stored descriptor: -ENODATA when there is none or when it is stale (the POSIX side was
 * changed behind it; only versions 3 and 4 can tell, and only without `ignore system acls`),
 * -EINVAL when it does not parse.
 */
int ntacl_load(const struct acl_object *obj, const struct acl_policy *pol, struct sd **out);
/* Writes version 4 with the hash of the POSIX side as it is now; version 3, without it, when the
 * system's ACLs are ignored. */
int ntacl_store(const struct acl_object *obj, const struct acl_policy *pol, const struct sd *sd);
int ntacl_remove(const struct acl_object *obj, const struct acl_policy *pol);

/* ---- ntacl_sids.c: accounts in stored descriptors; between ntacl.c's files ---- */

void ntacl_sids_to_disk(struct sd *sd);
/* same_owners: nobody has changed the file's Unix owners since the descriptor was stored. */
void ntacl_sids_from_disk(struct sd *sd, const struct acl_object *obj, bool same_owners);
/* Is the owner or the group an account of another domain? */
bool ntacl_names_foreigners(const struct sd *sd);

/* ---- acl.c, acl_set.c: what CREATE, QUERY_INFO and SET_INFO call ---- */

/* The file's descriptor, stored or made from its POSIX side, cut down to secinfo. */
ntstatus acl_get(const struct acl_object *obj, const struct acl_policy *pol, uint32_t secinfo,
		 struct sd **out);

/*
 * Sets the parts of sd that secinfo names: owner and group by chown, the POSIX ACL, the xattr. The
 * caller has checked the handle's rights (WRITE_DAC, WRITE_OWNER, ACCESS_SYSTEM_SECURITY).
 * INVALID_OWNER when the owner is neither the token's nor may be given away by privilege.
 * *obj is refreshed: uid, gid and mode are the new ones.
 */
ntstatus acl_set(struct acl_object *obj, const struct acl_policy *pol,
		 const struct security_token *t, uint32_t secinfo, const struct sd *sd);

/*
 * To be called once on a file or directory that CREATE made, before the client sees it.
 * explicit_sd is that of the SMB2_CREATE_SD_BUFFER context, or NULL: then the parent's is
 * inherited; parent_sd is that, if the caller has it. *obj is refreshed. On an error the caller
 * removes the new file.
 */
ntstatus acl_create_inherit(const struct acl_object *parent, const struct sd *parent_sd,
			    struct acl_object *obj, const struct acl_policy *pol,
			    const struct security_token *t, const struct sd *explicit_sd);

/*
 * May t open this file with desired (as it came in CREATE, with generic bits and
 * MAXIMUM_ALLOWED)? *granted is the handle's access mask. parent may be NULL (the share's root):
 * it gives DELETE by its DELETE_CHILD and READ_ATTRIBUTES by its LIST_DIRECTORY. The DOS
 * read-only attribute is the caller's matter. Costs getxattr() of the descriptor and of the POSIX
 * ACL that its hash is about (a directory: two of those); without stored descriptors only the
 * latter; nothing for root. The parent is looked at only when the file itself does not give DELETE.
 */
ntstatus acl_access(const struct acl_object *obj, const struct acl_object *parent,
		    const struct acl_policy *pol, const struct security_token *t, uint32_t desired,
		    uint32_t *granted);

/* A parent that is found when it is asked for, at most once; false: there is none. */
struct acl_parent {
	bool (*find)(void *arg, struct acl_object *out);
	void *arg;
};
ntstatus acl_access_by(const struct acl_object *obj, const struct acl_parent *parent,
		       const struct acl_policy *pol, const struct security_token *t,
		       uint32_t desired, uint32_t *granted);

/* Everything t may do with the file: the MxAc create context, and the tree's maximal access. */
uint32_t acl_max_access(const struct acl_object *obj, const struct acl_object *parent,
			const struct acl_policy *pol, const struct security_token *t);

/*
 * Does the descriptor itself give t all of want? Nothing is added for the sake of the parent or of
 * the share: for listings that leave out what a user may not read.
 */
bool acl_gives(const struct acl_object *obj, const struct acl_policy *pol,
	       const struct security_token *t, uint32_t want);

/*
 * `inherit acls`: will the kernel take the permissions of what is made in dir from dir's default
 * ACL? Then no mode that is asked for should stand in the way.
 */
bool acl_default_decides(const struct acl_object *dir, const struct acl_policy *pol);

/*
 * May t make a file (or directory) in dir? ACCESS_DENIED or SUCCESS. sd (NULL: not wanted): the
 * descriptor of dir if it was read for that, else NULL; the caller's.
 */
ntstatus acl_may_create(const struct acl_object *dir, const struct acl_policy *pol,
			const struct security_token *t, bool is_dir, struct sd **sd);

#endif /* KH_ACL_H */
