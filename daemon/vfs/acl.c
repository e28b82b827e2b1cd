// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * acl.c - a file's security as CREATE, QUERY_INFO and SET_INFO see it: which descriptor counts,
 * what it lets a token do, and how a new one reaches the disk.
 */
#include "vfs/acl.h"
#include "vfs/vfs.h"

#include <fcntl.h>

#define INHERIT_ONLY_BOTH (ACE_OBJECT_INHERIT | ACE_CONTAINER_INHERIT | ACE_INHERIT_ONLY)

#define RIGHTS_WRITE                                                                             \
	(SEC_FILE_WRITE_DATA | SEC_FILE_APPEND_DATA | SEC_FILE_WRITE_EA |                        \
	 SEC_FILE_WRITE_ATTRIBUTES | SEC_DIR_DELETE_CHILD | SEC_STD_DELETE | SEC_STD_WRITE_DAC | \
	 SEC_STD_WRITE_OWNER)

/* ---- the descriptor of a file ---- */

/* A directory without anything to inherit would leave its children without owner's rights. */
static void add_inheritable(struct sd *sd, uint32_t mode)
{
	static const struct {
		const struct sid *sid;
		unsigned int shift;
	} who[] = { { &sid_creator_owner, 6 }, { &sid_creator_group, 3 }, { &sid_everyone, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(who); i++) {
		unsigned int perm = mode >> who[i].shift & 7;
		uint32_t mask = 0;

		if (perm & 4)
			mask |= SEC_RIGHTS_FILE_READ;
		if (perm & 2)
			mask |= SEC_RIGHTS_FILE_WRITE | SEC_STD_WRITE_DAC | SEC_STD_WRITE_OWNER |
				SEC_STD_DELETE;
		if (perm & 1)
			mask |= SEC_RIGHTS_FILE_EXECUTE;
		if (perm == 7)
			mask = SEC_RIGHTS_FILE_ALL;
		sd_dacl_add(sd, ACE_ALLOWED, INHERIT_ONLY_BOTH, mask, who[i].sid);
	}
}

static struct sd *sd_of_owners(const struct acl_object *obj)
{
	struct sd *sd = sd_new();

	sd->has_owner = sd->has_group = true;
	sd->owner = sid_from_uid(obj->uid);
	sd->group = sid_from_gid(obj->gid);
	return sd;
}

/* `nt acl support = no`: a NULL DACL, for there is nothing that a client should act upon. */
static struct sd *open_to_all(const struct acl_object *obj)
{
	struct sd *sd = sd_of_owners(obj);

	sd->control |= SD_DACL_PRESENT;
	return sd;
}

/* The "default acl style = posix": what the mode says, with Samba's masks. */
static void default_of_mode(struct sd *sd, const struct acl_object *obj)
{
	const struct sid who[] = { sd->owner, sd->group, sid_everyone };

	for (unsigned int i = 0; i < 3; i++) {
		unsigned int perm = obj->mode >> (6 - 3 * i) & 7;
		uint32_t mask = 0;

		if (perm & 4)
			mask |= SEC_RIGHTS_FILE_READ | SEC_RIGHTS_FILE_EXECUTE;
		if (perm & 2)
			mask |= SEC_RIGHTS_FILE_WRITE | SEC_STD_DELETE;
		if (i == 0 && (perm & 6) == 6)
			mask = SEC_RIGHTS_FILE_ALL;
		if (mask)
			sd_dacl_add(sd, ACE_ALLOWED, 0, mask, &who[i]);
	}
	sd_dacl_add(sd, ACE_ALLOWED, 0, SEC_RIGHTS_FILE_ALL, &sid_system);
}

/* With `ignore system acls`: the descriptor of a file that has none. */
static struct sd *default_sd(const struct acl_object *obj, enum acl_style style)
{
	struct sd *sd = sd_of_owners(obj);

	sd_dacl_add(sd, 0, 0, 0, NULL);
	switch (style) {
	case ACL_STYLE_POSIX:
		default_of_mode(sd, obj);
		break;
	case ACL_STYLE_WINDOWS:
		sd_dacl_add(sd, ACE_ALLOWED, 0, SEC_RIGHTS_FILE_ALL, &sd->owner);
		sd_dacl_add(sd, ACE_ALLOWED, 0, SEC_RIGHTS_FILE_ALL, &sid_system);
		break;
	case ACL_STYLE_EVERYONE:
		sd_dacl_add(sd, ACE_ALLOWED, 0, SEC_RIGHTS_FILE_ALL, &sid_everyone);
		break;
	}
	return sd;
}

static uint32_t inheritable_mode(const struct acl_policy *pol)
{
	uint32_t mode = (pol->create_mask | pol->directory_mask) & 0777;

	return mode ? mode : 0755;
}

/* The whole descriptor. Errors of reading a stored one other than "none" are errors: fail closed.
 */
static int load(const struct acl_object *obj, const struct acl_policy *pol, struct sd **out)
{
	int r = -ENODATA;

	if (pol->stored)
		r = ntacl_load(obj, pol, out);
	/* Samba, too, lets the file's own permissions stand in for a value that nobody can read. */
	if (r != -ENODATA && r != -EINVAL)
		return r;
	if (pol->stored && pol->ignore_system_acls) {
		*out = default_sd(obj, pol->style);
		return 0;
	}
	r = posix_acl_to_sd(obj, pol, out);
	if (r || !pol->stored)
		return r;
	(*out)->control &= (uint16_t)~SD_DACL_PROTECTED;
	if (S_ISDIR(obj->mode) && !sd_has_inheritable(*out, true))
		add_inheritable(*out, inheritable_mode(pol));
	return 0;
}

ntstatus acl_get(const struct acl_object *obj, const struct acl_policy *pol, uint32_t secinfo,
		 struct sd **out)
{
	int r = 0;

	if (pol->no_nt_acls)
		*out = open_to_all(obj);
	else
		r = load(obj, pol, out);
	if (r) {
		*out = NULL;
		return vfs_errno(r);
	}
	if (!(secinfo & SECINFO_OWNER))
		(*out)->has_owner = false;
	if (!(secinfo & SECINFO_GROUP))
		(*out)->has_group = false;
	return NT_STATUS_SUCCESS;
}

/* ---- access ---- */

/* The sticky bit: only the owner of the file or of the directory removes it. */
static bool sticky_refuses(const struct acl_object *obj, const struct acl_object *parent,
			   const struct security_token *t)
{
	return parent->mode & S_ISVTX && !t->is_admin && t->uid != obj->uid &&
	       t->uid != parent->uid;
}

/* What the descriptor gives; of rights that are not wanted perhaps less. -errno. */
static int load_max(const struct acl_object *obj, const struct acl_policy *pol,
		    const struct security_token *t, uint32_t wanted, uint32_t *max)
{
	_cleanup_sd_ struct sd *sd = NULL;
	int r;

	*max = SEC_RIGHTS_FILE_ALL;
	if (t->is_admin)
		return 0;
	if (!pol->stored)
		return posix_acl_max(obj, pol, t, wanted, max);
	r = load(obj, pol, &sd);
	if (!r)
		*max = sd_access_max(sd, t);
	return r;
}

/* Does the directory let t remove what is in it? */
static bool parent_lets_delete(const struct acl_object *obj, const struct acl_parent *by,
			       const struct acl_policy *pol, const struct security_token *t)
{
	struct acl_object parent;
	uint32_t max;

	if (!by->find(by->arg, &parent) || sticky_refuses(obj, &parent, t) ||
	    load_max(&parent, pol, t, SEC_DIR_DELETE_CHILD, &max))
		return false;
	return max & SEC_DIR_DELETE_CHILD;
}

/*
 * What of the wanted rights the file itself and the share give; READ_ATTRIBUTES comes with getting
 * there at all. *sd (NULL: not wanted): the descriptor if it was read, or NULL; the caller's in any
 * case.
 */
static ntstatus own_rights(const struct acl_object *obj, const struct acl_policy *pol,
			   const struct security_token *t, uint32_t wanted, uint32_t *max,
			   struct sd **sd)
{
	int r;

	if (!sd || t->is_admin) {
		r = load_max(obj, pol, t, wanted & ~(uint32_t)SEC_FILE_READ_ATTRIBUTES, max);
	} else {
		r = load(obj, pol, sd);
		*max = r ? 0 : sd_access_max(*sd, t);
	}
	if (r)
		return vfs_errno(r);
	*max |= SEC_FILE_READ_ATTRIBUTES;
	if (pol->allow_execute_always && *max & SEC_FILE_READ_DATA)
		*max |= SEC_FILE_EXECUTE;
	if (pol->dos_filemode && *max & SEC_FILE_WRITE_DATA)
		*max |= SEC_STD_WRITE_DAC;
	return NT_STATUS_SUCCESS;
}

ntstatus acl_access_by(const struct acl_object *obj, const struct acl_parent *parent,
		       const struct acl_policy *pol, const struct security_token *t,
		       uint32_t desired, uint32_t *granted)
{
	uint32_t max;
	bool maximum;
	ntstatus st;

	desired = access_map_generic(desired);
	maximum = desired & SEC_MAXIMUM_ALLOWED;
	desired &= ~SEC_MAXIMUM_ALLOWED;
	*granted = 0;
	if (desired & SEC_SYSTEM_SECURITY && !(t->privileges & PRIV_SECURITY))
		return NT_STATUS_PRIVILEGE_NOT_HELD;
	st = own_rights(obj, pol, t, maximum ? SEC_RIGHTS_FILE_ALL : desired, &max, NULL);
	if (st)
		return st;
	if (!(max & SEC_STD_DELETE) && (maximum || desired & SEC_STD_DELETE) &&
	    parent_lets_delete(obj, parent, pol, t))
		max |= SEC_STD_DELETE;
	if (pol->read_only)
		max &= ~RIGHTS_WRITE;
	if (t->privileges & PRIV_SECURITY)
		max |= desired & SEC_SYSTEM_SECURITY;
	if (desired & ~max)
		return NT_STATUS_ACCESS_DENIED;
	*granted = maximum ? desired | max : desired;
	return NT_STATUS_SUCCESS;
}

static bool known_parent(void *arg, struct acl_object *out)
{
	const struct acl_object *const *parent = arg;

	if (*parent)
		*out = **parent;
	return *parent;
}

ntstatus acl_access(const struct acl_object *obj, const struct acl_object *parent,
		    const struct acl_policy *pol, const struct security_token *t, uint32_t desired,
		    uint32_t *granted)
{
	struct acl_parent by = { known_parent, &parent };

	return acl_access_by(obj, &by, pol, t, desired, granted);
}

uint32_t acl_max_access(const struct acl_object *obj, const struct acl_object *parent,
			const struct acl_policy *pol, const struct security_token *t)
{
	uint32_t granted;

	if (acl_access(obj, parent, pol, t, SEC_MAXIMUM_ALLOWED, &granted))
		return 0;
	return granted;
}

bool acl_gives(const struct acl_object *obj, const struct acl_policy *pol,
	       const struct security_token *t, uint32_t want)
{
	uint32_t max;

	return !load_max(obj, pol, t, want, &max) && (max & want) == want;
}

bool acl_default_decides(const struct acl_object *dir, const struct acl_policy *pol)
{
	struct posix_acl dflt;

	return pol->inherit_acls && !posix_acl_read(dir, true, &dflt) && dflt.n;
}

ntstatus acl_may_create(const struct acl_object *dir, const struct acl_policy *pol,
			const struct security_token *t, bool is_dir, struct sd **out)
{
	/* acl_create_inherit() asks for it where descriptors are inherited. */
	bool wanted = out && (pol->stored || pol->inherit_acls);
	uint32_t max, right = is_dir ? SEC_FILE_APPEND_DATA : SEC_FILE_WRITE_DATA;
	ntstatus st;

	if (out)
		*out = NULL;
	st = own_rights(dir, pol, t, right, &max, wanted ? out : NULL);
	if (st)
		return st;
	if (pol->read_only || !(max & right))
		return NT_STATUS_ACCESS_DENIED;
	return NT_STATUS_SUCCESS;
}
