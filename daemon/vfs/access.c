// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * access.c - may this token do that? (MS-DTYP 2.5.3.2)
 *
 * A right is given or refused by the first ACE that names it and fits the token, so one walk that
 * collects what is given and what is refused answers every question, MAXIMUM_ALLOWED included.
 */
#include "vfs/acl.h"

uint32_t access_map_generic(uint32_t mask)
{
	if (mask & SEC_GENERIC_READ)
		mask |= SEC_RIGHTS_FILE_READ;
	if (mask & SEC_GENERIC_WRITE)
		mask |= SEC_RIGHTS_FILE_WRITE;
	if (mask & SEC_GENERIC_EXECUTE)
		mask |= SEC_RIGHTS_FILE_EXECUTE;
	if (mask & SEC_GENERIC_ALL)
		mask |= SEC_RIGHTS_FILE_ALL;
	return mask &
	       ~(SEC_GENERIC_READ | SEC_GENERIC_WRITE | SEC_GENERIC_EXECUTE | SEC_GENERIC_ALL);
}

/* Object ACEs and those with conditions speak of things that a file does not have. */
static bool ace_is_plain(const struct ace *a)
{
	return (a->type == ACE_ALLOWED || a->type == ACE_DENIED) && !(a->flags & ACE_INHERIT_ONLY);
}

/* An OWNER RIGHTS ACE takes the place of what an owner has anyway. */
static bool has_owner_rights(const struct acl *acl)
{
	for (unsigned int i = 0; i < acl->count; i++)
		if (ace_is_plain(&acl->aces[i]) && sid_equal(&acl->aces[i].sid, &sid_owner_rights))
			return true;
	return false;
}

uint32_t sd_access_max(const struct sd *sd, const struct security_token *t)
{
	uint32_t granted = 0, denied = 0;
	bool owner;

	if (!sd || t->is_admin || (sd->control & SD_DACL_PRESENT && !sd->dacl))
		return SEC_RIGHTS_FILE_ALL;
	if (t->privileges & PRIV_TAKE_OWNERSHIP)
		granted |= SEC_STD_WRITE_OWNER;
	owner = sd->has_owner && token_has_sid(t, &sd->owner);
	if (owner && (!sd->dacl || !has_owner_rights(sd->dacl)))
		granted |= SEC_STD_READ_CONTROL | SEC_STD_WRITE_DAC;
	for (unsigned int i = 0; sd->dacl && i < sd->dacl->count; i++) {
		const struct ace *a = &sd->dacl->aces[i];
		uint32_t mask;

		if (!ace_is_plain(a))
			continue;
		if (!(owner && sid_equal(&a->sid, &sid_owner_rights)) && !token_has_sid(t, &a->sid))
			continue;
		mask = access_map_generic(a->mask);
		if (a->type == ACE_ALLOWED)
			granted |= mask & ~denied;
		else
			denied |= mask & ~granted;
	}
	return granted & SEC_RIGHTS_FILE_ALL;
}

ntstatus sd_access_check(const struct sd *sd, const struct security_token *t, uint32_t desired,
			 uint32_t *granted)
{
	uint32_t max = sd_access_max(sd, t), missing;

	desired = access_map_generic(desired);
	if (desired & SEC_SYSTEM_SECURITY) {
		if (!(t->privileges & PRIV_SECURITY)) {
			*granted = SEC_SYSTEM_SECURITY;
			return NT_STATUS_PRIVILEGE_NOT_HELD;
		}
		max |= SEC_SYSTEM_SECURITY;
	}
	if (desired & SEC_MAXIMUM_ALLOWED) {
		desired &= ~SEC_MAXIMUM_ALLOWED;
		desired |= max;
	}
	missing = desired & ~max;
	*granted = missing ? missing : desired;
	return missing ? NT_STATUS_ACCESS_DENIED : NT_STATUS_SUCCESS;
}
