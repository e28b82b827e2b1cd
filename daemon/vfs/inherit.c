// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inherit.c - what a new file takes from its directory's descriptor (MS-DTYP 2.5.3.4).
 */
#include "vfs/acl.h"

/* Does a child of this kind get the ACE? A file's ACE passes through a directory on its way down.
 */
static bool ace_inheritable(const struct ace *a, bool is_dir)
{
	if (!is_dir)
		return a->flags & ACE_OBJECT_INHERIT;
	if (a->flags & ACE_CONTAINER_INHERIT)
		return true;
	return a->flags & ACE_OBJECT_INHERIT && !(a->flags & ACE_NO_PROPAGATE);
}

bool sd_has_inheritable(const struct sd *sd, bool is_dir)
{
	for (unsigned int i = 0; sd->dacl && i < sd->dacl->count; i++)
		if (!sd->dacl->aces[i].opaque && ace_inheritable(&sd->dacl->aces[i], is_dir))
			return true;
	return false;
}

/* The flags that the child's ACE has on its way further down; 0 on a file. */
static uint8_t child_flags(uint8_t flags, bool is_dir)
{
	if (!is_dir || flags & ACE_NO_PROPAGATE)
		return 0;
	flags &= ACE_OBJECT_INHERIT | ACE_CONTAINER_INHERIT;
	if (!(flags & ACE_CONTAINER_INHERIT))
		flags |= ACE_INHERIT_ONLY;
	return flags;
}

/* An ACE that says what one before it says already is left out, as Samba does. */
static void add_once(struct sd *child, uint8_t type, uint8_t flags, uint32_t mask,
		     const struct sid *who)
{
	for (unsigned int i = 0; child->dacl && i < child->dacl->count; i++) {
		const struct ace *a = &child->dacl->aces[i];

		if (a->type == type && a->flags == flags && a->mask == mask &&
		    sid_equal(&a->sid, who))
			return;
	}
	sd_dacl_add(child, type, flags, mask, who);
}

static void inherit_ace(struct sd *child, const struct ace *a, const struct sid *owner,
			const struct sid *group, bool is_dir, uint8_t mark)
{
	uint8_t flags = child_flags(a->flags, is_dir);
	const struct sid *who = &a->sid;
	bool creator = false;

	if (sid_equal(who, &sid_creator_owner)) {
		who = owner;
		creator = true;
	} else if (sid_equal(who, &sid_creator_group)) {
		who = group;
		creator = true;
	}
	/*
	 * On a directory CREATOR OWNER becomes two: one for the directory itself with its owner's
	 * name, and one that stays CREATOR OWNER, for what is made in it.
	 */
	if (creator && flags & ACE_CONTAINER_INHERIT) {
		add_once(child, a->type, mark, a->mask, who);
		who = &a->sid;
		flags |= ACE_INHERIT_ONLY;
	} else if (creator && flags) {
		who = &a->sid;
	}
	add_once(child, a->type, flags | mark, a->mask, who);
}

ntstatus sd_inherit(const struct sd *parent, const struct sid *owner, const struct sid *group,
		    bool is_dir, struct sd **out)
{
	bool automatic = parent->control & SD_DACL_AUTO_INHERITED;
	struct sd *sd = sd_new();

	sd->has_owner = sd->has_group = true;
	sd->owner = *owner;
	sd->group = *group;
	if (automatic)
		sd->control |= SD_DACL_AUTO_INHERITED;
	sd_dacl_add(sd, 0, 0, 0, NULL);
	for (unsigned int i = 0; parent->dacl && i < parent->dacl->count; i++) {
		const struct ace *a = &parent->dacl->aces[i];

		/* opaque ACEs hold SIDs that this code cannot replace: they stay where they are */
		if (!a->opaque && ace_inheritable(a, is_dir))
			inherit_ace(sd, a, owner, group, is_dir, automatic ? ACE_INHERITED : 0);
	}
	*out = sd;
	return NT_STATUS_SUCCESS;
}
