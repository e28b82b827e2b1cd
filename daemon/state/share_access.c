// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * share_access.c - who may connect to a share, and as whom: the user lists of smb.conf. Lists are
 * asked about the user that logged in; `force user` changes only who acts on the files.
 */
#include "state/state.h"

/* MS-SMB2 2.2.13.1.1: read and execute, without anything that changes a file. */
#define ACCESS_READ_ONLY (SEC_RIGHTS_FILE_READ | SEC_RIGHTS_FILE_EXECUTE)

struct who {
	const struct session *s;
	const struct conf_subst *v;
};

static bool in_group(void *arg, const char *group)
{
	const struct session *s = arg;

	return unix_identity_in_group(&s->unix_id, group);
}

static bool listed(const struct who *w, const struct conf_list *list)
{
	return list->n && w->s->user &&
	       conf_user_in_list(list, w->s->user, in_group, (void *)w->s, w->v);
}

/* May the user connect at all? */
static ntstatus admit(const struct who *w, const struct conf_share *cs)
{
	const char *why;

	if ((w->s->guest || w->s->anonymous) && !cs->guest_ok)
		why = "guest ok is no";
	else if (listed(w, &cs->invalid_users))
		why = "the user is among invalid users";
	else if (cs->valid_users.n && !listed(w, &cs->valid_users))
		why = "the user is not among valid users";
	else
		return NT_STATUS_SUCCESS;
	log_debug(LOG_SMB, "session=%016llx TREE_CONNECT refused share=\"%s\" user=%s why=\"%s\"",
		  (unsigned long long)w->s->id, cs->name, w->s->user ? w->s->user : "-", why);
	return NT_STATUS_ACCESS_DENIED;
}

bool share_may_connect(const struct conf_share *cs, const struct session *s,
		       const struct conf_subst *v)
{
	struct who w = { s, v };

	return admit(&w, cs) == NT_STATUS_SUCCESS;
}

/* `force group`: "+name" only for who is a member of it already. -errno. */
static int force_group(const struct who *w, const char *spec, struct unix_identity *id, gid_t *gid)
{
	_cleanup_free_ char *name = conf_substitute(spec, w->v);
	bool members = name[0] == '+';

	*gid = id->gid;
	if (members && !unix_identity_in_group(id, name + 1))
		return 0;
	return unix_group_lookup(name + members, gid);
}

/* The Unix side of the tree; *lookup holds what was looked up for `force user`, to be freed. */
static int forced_identity(const struct who *w, const struct conf *conf,
			   const struct conf_share *cs, struct unix_identity *lookup)
{
	const char *spec = cs->force_user;
	_cleanup_free_ char *name = NULL;

	if (cs->guest_only || (cs->guest_ok && w->s->anonymous))
		spec = conf->guest_account;
	if (!spec || !*spec)
		return 0;
	name = conf_substitute(spec, w->v);
	return unix_identity_lookup(name, lookup);
}

/* Same groups with another primary one, which is among them. */
static struct identity *identity_regroup(const struct unix_identity *id, uid_t uid, gid_t gid)
{
	_cleanup_free_ gid_t *groups = xmalloc((id->ngroups + 1) * sizeof(*groups));
	unsigned int n = 0;

	groups[n++] = gid;
	for (unsigned int i = 0; i < id->ngroups; i++)
		if (id->groups[i] != gid)
			groups[n++] = id->groups[i];
	return identity_new(uid, gid, groups, n);
}

/* An identity and a token of the tree's own, where they differ from the session's. */
static ntstatus become(struct tree *t, const struct who *w, const struct unix_identity *id,
		       gid_t gid, bool admin)
{
	const struct session *s = w->s;
	bool guest = t->share->guest_only || s->guest;
	struct identity *i;

	i = identity_regroup(id, admin ? 0 : id->uid, gid);
	if (!i)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	i->name = xstrdup(id->name ? id->name : "");
	t->identity = i;
	t->own_token = token_new(i->uid, i->gid, (const uint32_t *)i->groups, i->ngroups,
				 (admin ? TOKEN_ADMIN : 0) | (guest ? TOKEN_GUEST : 0));
	if (!t->own_token)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	t->token = t->own_token;
	return NT_STATUS_SUCCESS;
}

static ntstatus choose_identity(struct tree *t, const struct who *w)
{
	const struct conf_share *cs = t->share;
	struct session *s = (struct session *)w->s;
	struct unix_identity forced = { 0 }, *id = &s->unix_id;
	bool admin = !s->guest && !s->anonymous && listed(w, &cs->admin_users);
	ntstatus status = NT_STATUS_SUCCESS;
	gid_t gid;

	if (forced_identity(w, t->conf, cs, &forced) < 0)
		return NT_STATUS_ACCESS_DENIED;
	if (forced.name)
		id = &forced;
	gid = id->gid;
	if (cs->force_group && *cs->force_group && force_group(w, cs->force_group, id, &gid) < 0)
		status = NT_STATUS_ACCESS_DENIED;
	else if (forced.name || gid != id->gid || admin)
		status = become(t, w, id, gid, admin);
	else if (s->identity && s->token) {
		t->identity = identity_get(s->identity);
		t->token = s->token;
	} else {
		status = NT_STATUS_ACCESS_DENIED; /* an anonymous session without a Unix user */
	}
	if (forced.name)
		unix_identity_free(&forced);
	return status;
}

ntstatus share_admit(struct tree *t, const struct session *s, const struct conf_subst *v)
{
	const struct conf_share *cs = t->share;
	struct who w = { s, v };
	ntstatus status;

	if (cs->is_ipc) { /* `restrict anonymous` spoke at the login */
		t->ipc = true;
		t->max_access = SEC_RIGHTS_FILE_ALL;
		t->identity = s->identity ? identity_get(s->identity) : NULL;
		t->token = s->token;
		return NT_STATUS_SUCCESS;
	}
	status = admit(&w, cs);
	if (status != NT_STATUS_SUCCESS)
		return status;
	t->read_only = cs->read_only;
	if (listed(&w, &cs->read_list))
		t->read_only = true;
	if (listed(&w, &cs->write_list)) /* named in both: may write */
		t->read_only = false;
	t->max_access = t->read_only ? ACCESS_READ_ONLY : SEC_RIGHTS_FILE_ALL;
	share_policy(cs, t->read_only, &t->policy);
	return choose_identity(t, &w);
}
