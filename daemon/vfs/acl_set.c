// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * acl_set.c - a new descriptor for a file: its owner, its POSIX permissions and the stored value
 * change together, in that order, because the value holds a hash of the other two.
 */
#include "vfs/acl.h"
#include "vfs/vfs.h"

#include <fcntl.h>

static int refresh(struct acl_object *obj)
{
	struct stat st;

	if (fstatat(obj->fd, "", &st, AT_EMPTY_PATH))
		return -errno;
	obj->uid = st.st_uid;
	obj->gid = st.st_gid;
	obj->mode = st.st_mode;
	return 0;
}

static int chown_as_root(const struct acl_object *obj, uint32_t uid, uint32_t gid)
{
	bool root = !identity_root_begin();
	int r = fchownat(obj->fd, "", uid, gid, AT_EMPTY_PATH) ? -errno : 0;

	if (root)
		identity_root_end();
	return r;
}

/*
 * MS-FSA 2.1.5.16: an owner that this server has no account for, or whom the caller may not make
 * owner, is INVALID_OWNER. Taking is what WRITE_OWNER is for; giving away needs the privilege. A
 * stored descriptor may name somebody of another machine, or a SID of the caller that is no account
 * (Everyone): the file then keeps its Unix owner.
 */
static ntstatus set_owner(const struct acl_object *obj, const struct acl_policy *pol,
			  const struct security_token *t, uint32_t secinfo, const struct sd *sd)
{
	uint32_t uid = obj->uid, gid = obj->gid;

	if (secinfo & SECINFO_OWNER && sd->has_owner) {
		if (!sid_to_uid(&sd->owner, &uid)) {
			if (!pol->stored ||
			    (!(t->privileges & PRIV_RESTORE) && !token_has_sid(t, &sd->owner)))
				return NT_STATUS_INVALID_OWNER;
			uid = obj->uid;
		}
		if (uid != obj->uid && uid != t->uid && !(t->privileges & PRIV_RESTORE))
			return NT_STATUS_INVALID_OWNER;
	}
	if (secinfo & SECINFO_GROUP && sd->has_group) {
		if (!sid_to_gid(&sd->group, &gid)) {
			if (!pol->stored)
				return NT_STATUS_INVALID_OWNER;
			gid = obj->gid;
		}
		if (gid != obj->gid && !token_in_group(t, gid) && !(t->privileges & PRIV_RESTORE))
			return NT_STATUS_ACCESS_DENIED;
	}
	if (uid == obj->uid && gid == obj->gid)
		return NT_STATUS_SUCCESS;
	return vfs_errno(chown_as_root(obj, uid == obj->uid ? UINT32_MAX : uid,
				       gid == obj->gid ? UINT32_MAX : gid));
}

static int write_both(const struct acl_object *obj, const struct posix_acl *access,
		      const struct posix_acl *dflt)
{
	int r = posix_acl_write(obj, false, access);

	return !r && S_ISDIR(obj->mode) ? posix_acl_write(obj, true, dflt) : r;
}

/* Who may write the DACL by the stored descriptor need not own the file: then it is root's act. */
static int set_posix(const struct acl_object *obj, const struct acl_policy *pol,
		     const struct sd *sd)
{
	struct posix_acl access, dflt;
	int r = -EPERM;

	if (!posix_acl_from_sd(obj, sd, &access, &dflt))
		return 0;
	/* As himself, whose file it is; the set-group-ID bit of another group only root keeps. */
	if (!(obj->mode & S_ISGID) || !(pol->stored || pol->dos_filemode))
		r = write_both(obj, &access, &dflt);
	if ((r == -EPERM || r == -EACCES) && (pol->stored || pol->dos_filemode)) {
		bool root = !identity_root_begin();

		r = write_both(obj, &access, &dflt);
		if (root)
			identity_root_end();
	}
	return r;
}

/*
 * MS-DTYP 2.4.6, Windows' canonical form: AUTO_INHERITED survives only together with the request
 * bit, which itself is never stored.
 */
static uint16_t canonical_control(uint16_t c)
{
	const uint16_t dacl = SD_DACL_AUTO_INHERITED | SD_DACL_AUTO_INH_REQ;
	const uint16_t sacl = SD_SACL_AUTO_INHERITED | SD_SACL_AUTO_INH_REQ;
	uint16_t out = c & (uint16_t) ~(dacl | sacl);

	if ((c & dacl) == dacl)
		out |= SD_DACL_AUTO_INHERITED;
	if ((c & sacl) == sacl)
		out |= SD_SACL_AUTO_INHERITED;
	return out;
}

static void map_generic(struct acl *acl)
{
	for (unsigned int i = 0; acl && i < acl->count; i++)
		acl->aces[i].mask = access_map_generic(acl->aces[i].mask);
}

#define DACL_CONTROL                                                                           \
	(SD_DACL_PRESENT | SD_DACL_DEFAULTED | SD_DACL_AUTO_INH_REQ | SD_DACL_AUTO_INHERITED | \
	 SD_DACL_PROTECTED)
#define SACL_CONTROL                                                                           \
	(SD_SACL_PRESENT | SD_SACL_DEFAULTED | SD_SACL_AUTO_INH_REQ | SD_SACL_AUTO_INHERITED | \
	 SD_SACL_PROTECTED)

/* The parts of sd that secinfo names replace those of cur. */
static void merge(struct sd *cur, const struct sd *sd, uint32_t secinfo, bool keep_flag)
{
	uint16_t control = keep_flag ? sd->control : canonical_control(sd->control);

	if (secinfo & SECINFO_OWNER && sd->has_owner) {
		cur->owner = sd->owner;
		cur->has_owner = true;
	}
	if (secinfo & SECINFO_GROUP && sd->has_group) {
		cur->group = sd->group;
		cur->has_group = true;
	}
	if (secinfo & SECINFO_DACL) {
		sd_set_dacl(cur, sd->dacl);
		map_generic(cur->dacl);
		cur->control &= (uint16_t)~DACL_CONTROL;
		cur->control |= (control & DACL_CONTROL) | SD_DACL_PRESENT;
		if (secinfo & SECINFO_PROTECTED_DACL)
			cur->control |= SD_DACL_PROTECTED;
		else if (secinfo & SECINFO_UNPROTECTED_DACL)
			cur->control &= (uint16_t)~SD_DACL_PROTECTED;
	}
	if (secinfo & (SECINFO_SACL | SECINFO_LABEL)) {
		sd_set_sacl(cur, sd->sacl);
		cur->control &= (uint16_t)~SACL_CONTROL;
		cur->control |= (control & SACL_CONTROL) | SD_SACL_PRESENT;
	}
}

ntstatus acl_set(struct acl_object *obj, const struct acl_policy *pol,
		 const struct security_token *t, uint32_t secinfo, const struct sd *sd)
{
	_cleanup_sd_ struct sd *cur = NULL;
	ntstatus st;
	int r = 0;

	if (pol->no_nt_acls)
		return NT_STATUS_SUCCESS;
	st = acl_get(obj, pol, SECINFO_ALL, &cur);
	if (st)
		return st;
	/* An owner that is named again is no change, whoever that is. */
	if (cur->has_owner && sid_equal(&cur->owner, &sd->owner))
		secinfo &= ~(uint32_t)SECINFO_OWNER;
	if (cur->has_group && sid_equal(&cur->group, &sd->group))
		secinfo &= ~(uint32_t)SECINFO_GROUP;
	merge(cur, sd, secinfo, pol->keep_inherited_flag);
	/* Before anything changes: would the result fit? */
	if (sd_query_size(cur, SECINFO_ALL) > SD_SIZE_MAX)
		return NT_STATUS_INVALID_PARAMETER;
	st = set_owner(obj, pol, t, secinfo, sd);
	if (st)
		return st;
	r = refresh(obj);
	if (!r && secinfo & SECINFO_DACL && !(pol->stored && pol->ignore_system_acls)) {
		r = set_posix(obj, pol, cur);
		if (!r)
			r = refresh(obj);
	}
	if (!r && pol->stored)
		r = ntacl_store(obj, pol, cur);
	return vfs_errno(r);
}

/* ---- new files ---- */

/*
 * `inherit permissions`: the mode was the parent's from the start. Where no default ACL decides,
 * the parent's ACL comes along; the three classes of the mode keep what they have. -errno.
 */
static int inherit_access(const struct acl_object *parent, const struct acl_object *obj)
{
	struct posix_acl acl;
	bool root;
	int r = posix_acl_read(parent, true, &acl);

	if (r || acl.n)
		return r;
	r = posix_acl_read(parent, false, &acl);
	if (r || acl.n <= 3)
		return r;
	for (unsigned int i = 0; i < acl.n; i++) {
		if (acl.e[i].tag == POSIX_USER_OBJ)
			acl.e[i].perm = obj->mode >> 6 & 7;
		else if (acl.e[i].tag == POSIX_GROUP_OBJ)
			acl.e[i].perm = obj->mode >> 3 & 7;
		else if (acl.e[i].tag == POSIX_OTHER)
			acl.e[i].perm = obj->mode & 7;
	}
	/* As a member of the group, which the user need not be: the set-group-ID bit stays. */
	root = !identity_root_begin();
	r = posix_acl_write(obj, false, &acl);
	if (root)
		identity_root_end();
	return r;
}

static ntstatus create_explicit(struct acl_object *obj, const struct acl_policy *pol,
				const struct security_token *t, const struct sd *sd)
{
	uint32_t secinfo = 0;

	if (sd->has_owner)
		secinfo |= SECINFO_OWNER;
	if (sd->has_group)
		secinfo |= SECINFO_GROUP;
	if (sd->control & SD_DACL_PRESENT)
		secinfo |= SECINFO_DACL;
	if (sd->control & SD_SACL_PRESENT && sd->sacl) {
		if (!(t->privileges & PRIV_SECURITY))
			return NT_STATUS_PRIVILEGE_NOT_HELD;
		secinfo |= SECINFO_SACL;
	}
	return secinfo ? acl_set(obj, pol, t, secinfo, sd) : NT_STATUS_SUCCESS;
}

/* creator: whose file it was before `inherit owner` gave it away. */
static ntstatus create_inherited(const struct acl_object *parent, const struct sd *psd,
				 struct acl_object *obj, const struct acl_policy *pol,
				 uint32_t creator)
{
	_cleanup_sd_ struct sd *read = NULL, *sd = NULL;
	struct sid owner = sid_from_uid(creator), group = sid_from_gid(obj->gid);
	bool is_dir = S_ISDIR(obj->mode);
	ntstatus st = NT_STATUS_SUCCESS;
	int r = 0;

	if (!psd || pol->no_nt_acls) {
		st = acl_get(parent, pol, SECINFO_ALL, &read);
		psd = read;
	}
	if (st || !sd_has_inheritable(psd, is_dir))
		return st;
	if (pol->inherit_owner == ACL_OWNER_PARENT) {
		owner = psd->owner;
		group = psd->group;
	}
	st = sd_inherit(psd, &owner, &group, is_dir, &sd);
	if (st)
		return st;
	if (!pol->ignore_system_acls) {
		r = set_posix(obj, pol, sd);
		if (!r)
			r = refresh(obj);
	}
	if (!r && pol->stored)
		r = ntacl_store(obj, pol, sd);
	return vfs_errno(r);
}

ntstatus acl_create_inherit(const struct acl_object *parent, const struct sd *parent_sd,
			    struct acl_object *obj, const struct acl_policy *pol,
			    const struct security_token *t, const struct sd *explicit_sd)
{
	uint32_t creator = obj->uid;
	int r = 0;

	if (pol->inherit_owner)
		r = chown_as_root(obj, parent->uid,
				  pol->inherit_owner == ACL_OWNER_PARENT ? parent->gid
									 : UINT32_MAX);
	if (!r && pol->inherit_permissions)
		r = inherit_access(parent, obj);
	if (!r && (pol->inherit_owner || pol->inherit_permissions))
		r = refresh(obj);
	if (r)
		return vfs_errno(r);
	if (explicit_sd)
		return create_explicit(obj, pol, t, explicit_sd);
	if ((pol->stored || pol->inherit_acls) && !pol->inherit_permissions)
		return create_inherited(parent, parent_sd, obj, pol, creator);
	return NT_STATUS_SUCCESS;
}
