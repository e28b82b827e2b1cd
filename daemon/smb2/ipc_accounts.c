// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ipc_accounts.c - names and SIDs for the pipes: well-known ones, and the Unix users and groups
 * behind the machine's domain, S-1-22-1 and S-1-22-2 (vfs/acl.h says which SID is whose).
 */
#include "smb2/ipc_env.h"

#include "core/utf16.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#define NSS_BUF (64u << 10) /* a group with thousands of members; beyond that it has no name */

static const struct sid *const well_known[] = {
	&sid_everyone,	     &sid_creator_owner, &sid_creator_group,  &sid_owner_rights,
	&sid_network,	     &sid_anonymous,	 &sid_authenticated,  &sid_system,
	&sid_builtin_admins, &sid_builtin_users, &sid_builtin_guests,
};

void ipc_sid_to_rpc(const struct sid *s, struct rpc_sid *out)
{
	*out = (struct rpc_sid) { .revision = s->rev, .num_auths = s->num };
	memcpy(out->id_auth, s->auth, sizeof(out->id_auth));
	memcpy(out->sub_auths, s->sub, s->num * sizeof(s->sub[0]));
}

static bool sid_from_rpc(const struct rpc_sid *r, struct sid *out)
{
	if (r->revision != 1 || r->num_auths > SID_MAX_SUBS)
		return false;
	*out = (struct sid) { .rev = r->revision, .num = r->num_auths };
	memcpy(out->auth, r->id_auth, sizeof(out->auth));
	memcpy(out->sub, r->sub_auths, r->num_auths * sizeof(out->sub[0]));
	return true;
}

static void account_set(struct rpc_account *out, enum rpc_sid_type type, const struct sid *sid,
			const char *domain, const char *name)
{
	out->type = type;
	ipc_sid_to_rpc(sid, &out->sid);
	snprintf(out->domain, sizeof(out->domain), "%s", domain);
	snprintf(out->name, sizeof(out->name), "%s", name);
}

/* ---- well-known ---- */

static void well_known_account(const struct sid *sid, const char *full, struct rpc_account *out)
{
	const char *slash = strchr(full, '\\');
	_cleanup_free_ char *domain = slash ? xstrndup(full, (size_t)(slash - full)) : xstrdup("");

	account_set(out, slash && !strcmp(domain, "BUILTIN") ? RPC_SID_ALIAS : RPC_SID_WKN_GROUP,
		    sid, domain, slash ? slash + 1 : full);
}

static bool well_known_by_name(const char *domain, const char *name, struct rpc_account *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(well_known); i++) {
		const char *full = sid_well_known_name(well_known[i]);

		if (!full)
			continue;
		well_known_account(well_known[i], full, out);
		if (utf8_equal_nocase(out->name, name) &&
		    (!domain || !*domain || utf8_equal_nocase(out->domain, domain)))
			return true;
	}
	return false;
}

/* ---- Unix ---- */

/* The domain's name that goes with a SID of sid_from_uid() or sid_from_gid(), or a client's form.
 */
static const char *domain_of(const struct ipc_env *e, const struct sid *sid,
			     const char *unix_domain)
{
	return sid_in_domain(sid, acl_domain(), NULL) ? e->conf->netbios_name : unix_domain;
}

static bool user_by_sid(struct ipc_env *e, const struct sid *sid, struct rpc_account *out)
{
	_cleanup_free_ char *buf = xmalloc(NSS_BUF);
	struct passwd pw, *found;
	uint32_t uid;

	if (!sid_to_uid(sid, &uid) || getpwuid_r(uid, &pw, buf, NSS_BUF, &found) || !found)
		return false;
	account_set(out, RPC_SID_USER, sid, domain_of(e, sid, "Unix User"), pw.pw_name);
	return true;
}

static bool group_by_sid(struct ipc_env *e, const struct sid *sid, struct rpc_account *out)
{
	_cleanup_free_ char *buf = xmalloc(NSS_BUF);
	struct group gr, *found;
	uint32_t gid;

	if (!sid_to_gid(sid, &gid) || getgrgid_r(gid, &gr, buf, NSS_BUF, &found) || !found)
		return false;
	account_set(out, RPC_SID_GROUP, sid, domain_of(e, sid, "Unix Group"), gr.gr_name);
	return true;
}

bool ipc_sid_to_account(void *ctx, const struct rpc_sid *rpc_sid, struct rpc_account *out)
{
	struct ipc_env *e = ctx;
	const char *full;
	struct sid sid;

	if (!sid_from_rpc(rpc_sid, &sid))
		return false;
	full = sid_well_known_name(&sid);
	if (full) {
		well_known_account(&sid, full, out);
		return true;
	}
	if (sid_equal(&sid, acl_domain())) {
		account_set(out, RPC_SID_DOMAIN, &sid, e->conf->netbios_name, "");
		return true;
	}
	return user_by_sid(e, &sid, out) || group_by_sid(e, &sid, out);
}

static bool user_by_name(struct ipc_env *e, const char *name, struct rpc_account *out)
{
	_cleanup_free_ char *buf = xmalloc(NSS_BUF);
	struct passwd pw, *found;
	struct sid sid;

	if (getpwnam_r(name, &pw, buf, NSS_BUF, &found) || !found)
		return false;
	sid = sid_from_uid(pw.pw_uid);
	account_set(out, RPC_SID_USER, &sid, domain_of(e, &sid, "Unix User"), pw.pw_name);
	return true;
}

static bool group_by_name(struct ipc_env *e, const char *name, struct rpc_account *out)
{
	_cleanup_free_ char *buf = xmalloc(NSS_BUF);
	struct group gr, *found;
	struct sid sid;

	if (getgrnam_r(name, &gr, buf, NSS_BUF, &found) || !found)
		return false;
	sid = sid_from_gid(gr.gr_gid);
	account_set(out, RPC_SID_GROUP, &sid, domain_of(e, &sid, "Unix Group"), gr.gr_name);
	return true;
}

/* "DOMAIN\name", "name@domain" or "name"; the parts are allocated, *domain may be NULL. */
static void split_name(const char *full, char **domain, char **name)
{
	const char *slash = strchr(full, '\\'), *at = strrchr(full, '@');

	*domain = NULL;
	if (slash) {
		*domain = xstrndup(full, (size_t)(slash - full));
		*name = xstrdup(slash + 1);
	} else if (at && at != full) {
		*domain = xstrdup(at + 1);
		*name = xstrndup(full, (size_t)(at - full));
	} else {
		*name = xstrdup(full);
	}
}

bool ipc_name_to_account(void *ctx, const char *full, struct rpc_account *out)
{
	_cleanup_free_ char *domain = NULL, *name = NULL;
	struct ipc_env *e = ctx;
	bool users = true, groups = true;

	split_name(full, &domain, &name);
	if (!*name) {
		if (!domain || !utf8_equal_nocase(domain, e->conf->netbios_name))
			return false;
		account_set(out, RPC_SID_DOMAIN, acl_domain(), e->conf->netbios_name, "");
		return true;
	}
	if (well_known_by_name(domain, name, out))
		return true;
	if (domain && utf8_equal_nocase(domain, "Unix User"))
		groups = false;
	else if (domain && utf8_equal_nocase(domain, "Unix Group"))
		users = false;
	else if (domain && *domain && !utf8_equal_nocase(domain, e->conf->netbios_name) &&
		 !utf8_equal_nocase(domain, e->conf->workgroup))
		return false;
	return (users && user_by_name(e, name, out)) || (groups && group_by_name(e, name, out));
}
