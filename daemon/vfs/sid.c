// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sid.c - security identifiers (MS-DTYP 2.4.2), and which Unix account one stands for.
 */
#include "vfs/acl.h"

#include <stdio.h>
#include <sys/random.h>

#define SID1(a, s0)                                                             \
	{                                                                       \
		.rev = 1, .num = 1, .auth = { 0, 0, 0, 0, 0, a }, .sub = { s0 } \
	}
#define SID2(a, s0, s1)                                                             \
	{                                                                           \
		.rev = 1, .num = 2, .auth = { 0, 0, 0, 0, 0, a }, .sub = { s0, s1 } \
	}

const struct sid sid_null = SID1(0, 0);
const struct sid sid_everyone = SID1(1, 0);
const struct sid sid_creator_owner = SID1(3, 0);
const struct sid sid_creator_group = SID1(3, 1);
const struct sid sid_owner_rights = SID1(3, 4);
const struct sid sid_network = SID1(5, 2);
const struct sid sid_anonymous = SID1(5, 7);
const struct sid sid_authenticated = SID1(5, 11);
const struct sid sid_system = SID1(5, 18);
const struct sid sid_builtin = SID1(5, 32);
const struct sid sid_builtin_admins = SID2(5, 32, 544);
const struct sid sid_builtin_users = SID2(5, 32, 545);
const struct sid sid_builtin_guests = SID2(5, 32, 546);
const struct sid sid_unix_users = SID1(22, 1);
const struct sid sid_unix_groups = SID1(22, 2);
const struct sid sid_nfs_users = { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 88, 1 } };
const struct sid sid_nfs_groups = { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 88, 2 } };
const struct sid sid_nfs_mode = { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 88, 3 } };

static const struct {
	const struct sid *sid;
	const char *name;
} well_known[] = {
	{ &sid_null, "NULL SID" },
	{ &sid_everyone, "Everyone" },
	{ &sid_creator_owner, "CREATOR OWNER" },
	{ &sid_creator_group, "CREATOR GROUP" },
	{ &sid_owner_rights, "OWNER RIGHTS" },
	{ &sid_network, "NT AUTHORITY\\NETWORK" },
	{ &sid_anonymous, "NT AUTHORITY\\ANONYMOUS LOGON" },
	{ &sid_authenticated, "NT AUTHORITY\\Authenticated Users" },
	{ &sid_system, "NT AUTHORITY\\SYSTEM" },
	{ &sid_builtin_admins, "BUILTIN\\Administrators" },
	{ &sid_builtin_users, "BUILTIN\\Users" },
	{ &sid_builtin_guests, "BUILTIN\\Guests" },
};

const char *sid_well_known_name(const struct sid *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(well_known); i++)
		if (sid_equal(s, well_known[i].sid))
			return well_known[i].name;
	return NULL;
}

bool sid_equal(const struct sid *a, const struct sid *b)
{
	/* The last sub-authority is where two SIDs usually differ. */
	if (a->num != b->num || (a->num && a->sub[a->num - 1] != b->sub[b->num - 1]))
		return false;
	return a->rev == b->rev && !memcmp(a->auth, b->auth, sizeof(a->auth)) &&
	       !memcmp(a->sub, b->sub, a->num * sizeof(a->sub[0]));
}

bool sid_in_domain(const struct sid *s, const struct sid *domain, uint32_t *rid)
{
	if (s->num != domain->num + 1 || s->rev != domain->rev ||
	    memcmp(s->auth, domain->auth, sizeof(s->auth)) ||
	    memcmp(s->sub, domain->sub, domain->num * sizeof(s->sub[0])))
		return false;
	if (rid)
		*rid = s->sub[s->num - 1];
	return true;
}

struct sid sid_compose(const struct sid *domain, uint32_t rid)
{
	struct sid s = *domain;

	if (s.num >= SID_MAX_SUBS)
		return sid_null;
	s.sub[s.num++] = rid;
	return s;
}

/* ---- text ---- */

const char *sid_format(const struct sid *s, char buf[SID_STR_MAX])
{
	uint64_t auth = 0;
	int n;

	for (int i = 0; i < 6; i++)
		auth = auth << 8 | s->auth[i];
	n = snprintf(buf, SID_STR_MAX, auth >> 32 ? "S-%u-0x%012llx" : "S-%u-%llu", s->rev,
		     (unsigned long long)auth);
	for (unsigned int i = 0; i < s->num && i < SID_MAX_SUBS; i++)
		n += snprintf(buf + n, SID_STR_MAX - (size_t)n, "-%u", s->sub[i]);
	return buf;
}

/* One number without sign or space, at most max; moves *p behind it. */
static int parse_number(const char **p, uint64_t max, uint64_t *out)
{
	const char *s = *p;
	uint64_t v = 0, base = 10;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	*p = s;
	for (;; s++) {
		unsigned int d;

		if (*s >= '0' && *s <= '9')
			d = (unsigned int)(*s - '0');
		else if (base == 16 && (*s | 0x20) >= 'a' && (*s | 0x20) <= 'f')
			d = (unsigned int)((*s | 0x20) - 'a') + 10;
		else
			break;
		v = v * base + d;
		if (v > max)
			return -EINVAL;
	}
	if (s == *p)
		return -EINVAL;
	*p = s;
	*out = v;
	return 0;
}

int sid_parse(const char *text, struct sid *out)
{
	struct sid s = { 0 };
	uint64_t v;

	if ((text[0] | 0x20) != 's' || text[1] != '-')
		return -EINVAL;
	text += 2;
	if (parse_number(&text, 1, &v) || v != 1 || *text++ != '-')
		return -EINVAL;
	s.rev = 1;
	if (parse_number(&text, 0xffffffffffffull, &v))
		return -EINVAL;
	for (int i = 5; i >= 0; i--, v >>= 8)
		s.auth[i] = (uint8_t)v;
	while (*text == '-') {
		text++;
		if (s.num == SID_MAX_SUBS || parse_number(&text, UINT32_MAX, &v))
			return -EINVAL;
		s.sub[s.num++] = (uint32_t)v;
	}
	if (*text)
		return -EINVAL;
	*out = s;
	return 0;
}

/* ---- wire ---- */

void sid_read(struct smb2_rd *r, struct sid *out)
{
	memset(out, 0, sizeof(*out));
	out->rev = rd_u8(r);
	out->num = rd_u8(r);
	rd_copy(r, out->auth, sizeof(out->auth));
	if (out->rev != 1 || out->num > SID_MAX_SUBS) {
		rd_fail(r);
		memset(out, 0, sizeof(*out));
		return;
	}
	for (unsigned int i = 0; i < out->num; i++)
		out->sub[i] = rd_le32(r);
}

void sid_write(struct smb2_wr *w, const struct sid *s)
{
	wr_u8(w, s->rev);
	wr_u8(w, s->num);
	wr_bytes(w, s->auth, sizeof(s->auth));
	for (unsigned int i = 0; i < s->num; i++)
		wr_le32(w, s->sub[i]);
}

/* ---- the machine's domain and the Unix accounts ---- */

#define RID_BASE 1000u

static struct sid domain_sid = { 1, 4, { 0, 0, 0, 0, 0, 5 }, { 21, 0, 0, 0 } };

int sid_domain_generate(struct sid *out)
{
	struct sid s = { 1, 4, { 0, 0, 0, 0, 0, 5 }, { 21 } };

	if (getrandom(&s.sub[1], 3 * sizeof(s.sub[0]), 0) != (ssize_t)(3 * sizeof(s.sub[0])))
		return -EIO;
	*out = s;
	return 0;
}

void acl_domain_set(const struct sid *domain)
{
	domain_sid = *domain;
}

const struct sid *acl_domain(void)
{
	return &domain_sid;
}

struct sid sid_from_uid(uint32_t uid)
{
	if (uid == 0 || uid > (UINT32_MAX - RID_BASE) / 2)
		return sid_compose(&sid_unix_users, uid);
	return sid_compose(&domain_sid, uid * 2 + RID_BASE);
}

struct sid sid_from_gid(uint32_t gid)
{
	return sid_compose(&sid_unix_groups, gid);
}

bool sid_to_uid(const struct sid *s, uint32_t *uid)
{
	uint32_t rid;

	if (sid_in_domain(s, &sid_unix_users, uid) || sid_in_domain(s, &sid_nfs_users, uid))
		return *uid != UINT32_MAX;
	if (!sid_in_domain(s, &domain_sid, &rid) || rid < RID_BASE || rid & 1)
		return false;
	*uid = (rid - RID_BASE) / 2;
	return true;
}

bool sid_to_gid(const struct sid *s, uint32_t *gid)
{
	uint32_t rid;

	if (sid_in_domain(s, &sid_unix_groups, gid) || sid_in_domain(s, &sid_nfs_groups, gid))
		return *gid != UINT32_MAX;
	if (!sid_in_domain(s, &domain_sid, &rid) || rid < RID_BASE || !(rid & 1))
		return false;
	*gid = (rid - RID_BASE - 1) / 2;
	return true;
}
