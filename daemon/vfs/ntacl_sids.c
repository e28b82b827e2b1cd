// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ntacl_sids.c - which accounts a stored descriptor names. The SIDs of a machine's own domain mean
 * nothing to the next server that gets the folder, so on disk this server's users and groups are
 * S-1-22-1-uid and S-1-22-2-gid, which are in the token of every Samba, and a user's is turned back
 * when it is read.
 *
 * Samba writes its own domain's SIDs. Those of a file's owner and group can be told without
 * knowing that domain: the file's Unix owner and group are the same accounts, as long as the hash
 * proves that nobody changed them since.
 */
#include "vfs/acl.h"

static void replace(struct sid *s, const struct sid *from, const struct sid *to)
{
	if (sid_equal(s, from))
		*s = *to;
}

static void each_sid(struct sd *sd, void (*fn)(struct sid *s, const void *arg), const void *arg)
{
	struct acl *acls[] = { sd->dacl, sd->sacl };

	if (sd->has_owner)
		fn(&sd->owner, arg);
	if (sd->has_group)
		fn(&sd->group, arg);
	for (size_t i = 0; i < ARRAY_SIZE(acls); i++)
		for (unsigned int j = 0; acls[i] && j < acls[i]->count; j++)
			if (!acls[i]->aces[j].opaque)
				fn(&acls[i]->aces[j].sid, arg);
}

static void to_unix(struct sid *s, const void *arg)
{
	uint32_t id;

	if (!sid_in_domain(s, acl_domain(), NULL))
		return;
	if (sid_to_uid(s, &id))
		*s = sid_compose(&sid_unix_users, id);
	else if (sid_to_gid(s, &id))
		*s = sid_compose(&sid_unix_groups, id);
}

static void to_domain(struct sid *s, const void *arg)
{
	uint32_t uid;

	if (sid_in_domain(s, &sid_unix_users, &uid) && uid != UINT32_MAX)
		*s = sid_from_uid(uid);
}

struct renaming {
	struct sid from, to;
};

static void rename_sid(struct sid *s, const void *arg)
{
	const struct renaming *r = arg;

	replace(s, &r->from, &r->to);
}

/* An account of some machine or Windows domain that is not this one. */
static bool is_foreign(const struct sid *s)
{
	return s->num == 5 && s->auth[5] == 5 && !s->auth[4] && s->sub[0] == 21 &&
	       !sid_in_domain(s, acl_domain(), NULL);
}

bool ntacl_names_foreigners(const struct sd *sd)
{
	return (sd->has_owner && is_foreign(&sd->owner)) ||
	       (sd->has_group && is_foreign(&sd->group));
}

void ntacl_sids_to_disk(struct sd *sd)
{
	each_sid(sd, to_unix, NULL);
}

void ntacl_sids_from_disk(struct sd *sd, const struct acl_object *obj, bool same_owners)
{
	struct renaming r;

	each_sid(sd, to_domain, NULL);
	if (same_owners && sd->has_owner && is_foreign(&sd->owner)) {
		r = (struct renaming) { sd->owner, sid_from_uid(obj->uid) };
		each_sid(sd, rename_sid, &r);
	}
	if (same_owners && sd->has_group && is_foreign(&sd->group)) {
		r = (struct renaming) { sd->group, sid_from_gid(obj->gid) };
		each_sid(sd, rename_sid, &r);
	}
}
