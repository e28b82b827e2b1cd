// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * token.c - the security token of a session: its user and groups as Windows and as Unix see them.
 */
#include "vfs/acl.h"

/* Adds s unless it is there already. */
static void token_add(struct security_token *t, struct sid s)
{
	if (!token_has_sid(t, &s))
		t->sids[t->nsids++] = s;
}

/* Both forms of a gid: what this server shows, and its RID in the machine's domain. */
static void token_add_gid(struct security_token *t, uint32_t gid)
{
	t->sids[t->nsids++] = sid_compose(&sid_unix_groups, gid);
	if (gid <= (UINT32_MAX - 1001) / 2)
		t->sids[t->nsids++] = sid_compose(acl_domain(), gid * 2 + 1001);
}

static void token_add_well_known(struct security_token *t)
{
	token_add(t, sid_everyone);
	token_add(t, sid_network);
	if (t->anonymous)
		return;
	if (t->is_guest) {
		token_add(t, sid_builtin_guests);
		return;
	}
	token_add(t, sid_authenticated);
	token_add(t, sid_builtin_users);
	/* Samba's users are in Domain Users, and it writes that group into descriptors. */
	token_add(t, sid_compose(acl_domain(), 513));
	if (t->is_admin)
		token_add(t, sid_builtin_admins);
}

struct security_token *token_new(uint32_t uid, uint32_t gid, const uint32_t *groups,
				 uint32_t ngroups, unsigned int flags)
{
	struct security_token *t;

	if (ngroups > TOKEN_MAX_GROUPS)
		return NULL;
	t = xcalloc(1, sizeof(*t));
	t->uid = uid;
	t->gid = gid;
	t->is_guest = flags & TOKEN_GUEST;
	t->anonymous = flags & TOKEN_ANONYMOUS;
	t->is_admin = uid == 0 || flags & TOKEN_ADMIN;
	if (t->is_admin)
		t->privileges = PRIV_BACKUP | PRIV_RESTORE | PRIV_TAKE_OWNERSHIP | PRIV_SECURITY;
	t->groups = xcalloc(ngroups + 1, sizeof(*t->groups));
	for (uint32_t i = 0; i < ngroups; i++)
		if (groups[i] != gid && !token_in_group(t, groups[i]))
			t->groups[t->ngroups++] = groups[i];

	/* user in two forms, primary group and groups in two forms, at most seven well-known */
	t->sids = xcalloc(2 + 2 * ((size_t)t->ngroups + 1) + 8, sizeof(*t->sids));
	t->sids[t->nsids++] = t->anonymous ? sid_anonymous : sid_from_uid(uid);
	token_add_gid(t, gid);
	token_add(t, sid_compose(&sid_unix_users, uid));
	for (uint32_t i = 0; i < t->ngroups; i++)
		token_add_gid(t, t->groups[i]);
	token_add_well_known(t);
	return t;
}

void token_free(struct security_token *t)
{
	if (!t)
		return;
	free(t->groups);
	free(t->sids);
	free(t);
}

bool token_has_sid(const struct security_token *t, const struct sid *s)
{
	for (uint32_t i = 0; i < t->nsids; i++)
		if (sid_equal(&t->sids[i], s))
			return true;
	return false;
}

bool token_in_group(const struct security_token *t, uint32_t gid)
{
	if (t->gid == gid)
		return true;
	for (uint32_t i = 0; i < t->ngroups; i++)
		if (t->groups[i] == gid)
			return true;
	return false;
}
