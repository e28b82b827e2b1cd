// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * posix_map.c - a POSIX ACL as a Windows descriptor and back, with the masks and the choices of
 * Samba's smbd: who reads a file through either server, or through NFS, sees the same permissions.
 */
#include "vfs/acl.h"

#define RIGHTS_READ  (SEC_FILE_READ_DATA | SEC_FILE_READ_EA)
#define RIGHTS_WRITE (SEC_FILE_WRITE_DATA | SEC_FILE_APPEND_DATA | SEC_FILE_WRITE_EA)
#define RIGHTS_EXEC  SEC_FILE_EXECUTE
#define INHERIT_BOTH (ACE_OBJECT_INHERIT | ACE_CONTAINER_INHERIT)

/* ---- POSIX → NT ---- */

/* A file's rwx lacks DELETE, which is the directory's to give. */
static uint32_t perm_to_mask(unsigned int perm, bool is_dir, bool dos_filemode)
{
	uint32_t mask = 0;

	if (perm == 7)
		mask = is_dir ? SEC_RIGHTS_FILE_ALL : SEC_RIGHTS_FILE_ALL & ~SEC_STD_DELETE;
	else {
		if (perm & 4)
			mask |= SEC_RIGHTS_FILE_READ;
		if (perm & 2)
			mask |= SEC_RIGHTS_FILE_WRITE | (is_dir ? SEC_DIR_DELETE_CHILD : 0);
		if (perm & 1)
			mask |= SEC_RIGHTS_FILE_EXECUTE;
	}
	if (perm & 2 && dos_filemode)
		mask |= SEC_STD_WRITE_DAC | SEC_STD_WRITE_OWNER | SEC_STD_DELETE;
	return mask;
}

struct mapped {
	struct sid sid;
	uint32_t mask;
};

static struct mapped map_entry(const struct acl_object *obj, const struct posix_ace *e,
			       unsigned int limit, bool dos_filemode, bool is_default)
{
	unsigned int perm = e->perm;
	struct mapped m;

	switch (e->tag) {
	case POSIX_USER_OBJ:
		m.sid = is_default ? sid_creator_owner : sid_from_uid(obj->uid);
		limit = 7;
		break;
	case POSIX_USER:
		m.sid = sid_from_uid(e->id);
		break;
	case POSIX_GROUP_OBJ:
		m.sid = is_default ? sid_creator_group : sid_from_gid(obj->gid);
		break;
	case POSIX_GROUP:
		m.sid = sid_from_gid(e->id);
		break;
	default:
		m.sid = sid_everyone;
		limit = 7;
	}
	m.mask = perm_to_mask(perm & limit, S_ISDIR(obj->mode), dos_filemode);
	return m;
}

/* Entries in the order that Samba shows: the owner, the others from the last to the first,
 * Everyone. */
static unsigned int map_list(const struct acl_object *obj, const struct posix_acl *acl,
			     bool dos_filemode, bool is_default, struct mapped *out)
{
	static const uint16_t pass[] = { POSIX_USER_OBJ, POSIX_USER | POSIX_GROUP | POSIX_GROUP_OBJ,
					 POSIX_OTHER };
	unsigned int n = 0, limit = 7;

	for (unsigned int i = 0; i < acl->n; i++)
		if (acl->e[i].tag == POSIX_MASK)
			limit = acl->e[i].perm;
	for (size_t p = 0; p < ARRAY_SIZE(pass); p++)
		for (unsigned int i = acl->n; i-- > 0;)
			if (acl->e[i].tag & pass[p])
				out[n++] =
					map_entry(obj, &acl->e[i], limit, dos_filemode, is_default);
	return n;
}

/* An entry that both ACLs have alike is one ACE for the directory and what is made in it. */
static void merge_lists(struct sd *sd, struct mapped *acc, unsigned int nacc, struct mapped *dfl,
			unsigned int ndfl)
{
	for (unsigned int i = 0; i < nacc; i++)
		for (unsigned int j = 0; j < ndfl; j++) {
			if (acc[i].mask != dfl[j].mask || !sid_equal(&acc[i].sid, &dfl[j].sid))
				continue;
			sd_dacl_add(sd, ACE_ALLOWED, INHERIT_BOTH, acc[i].mask, &acc[i].sid);
			acc[i].sid.num = dfl[j].sid.num = 0;
			break;
		}
	for (unsigned int i = 0; i < nacc; i++)
		if (acc[i].sid.num)
			sd_dacl_add(sd, ACE_ALLOWED, 0, acc[i].mask, &acc[i].sid);
	for (unsigned int j = 0; j < ndfl; j++)
		if (dfl[j].sid.num)
			sd_dacl_add(sd, ACE_ALLOWED, INHERIT_BOTH | ACE_INHERIT_ONLY, dfl[j].mask,
				    &dfl[j].sid);
}

static bool is_user(const struct security_token *t, uint32_t uid)
{
	struct sid user;

	if (t->uid != uid)
		return false;
	user = sid_from_uid(uid);
	return token_has_sid(t, &user);
}

/*
 * A token has no other user's SID than its own, and the gids of all of its groups. The owner's
 * entry and Everyone's are max_by_mode()'s.
 */
static bool entry_is_of(const struct acl_object *obj, const struct posix_ace *e,
			const struct security_token *t)
{
	switch (e->tag) {
	case POSIX_USER:
		return is_user(t, e->id);
	case POSIX_GROUP_OBJ:
		return token_in_group(t, obj->gid);
	case POSIX_GROUP:
		return token_in_group(t, e->id);
	default:
		return false;
	}
}

/* The most that any entry gives: no DELETE of a file without dos_filemode. */
static uint32_t mask_most(const struct acl_object *obj, bool dos_filemode)
{
	return perm_to_mask(7, S_ISDIR(obj->mode), dos_filemode);
}

/* What needs no list: with one, too, the mode has the owner's entry and Everyone's. */
static uint32_t max_by_mode(const struct acl_object *obj, const struct acl_policy *pol,
			    const struct security_token *t)
{
	bool is_dir = S_ISDIR(obj->mode);
	uint32_t max = perm_to_mask(obj->mode & 7, is_dir, pol->dos_filemode);

	if (t->privileges & PRIV_TAKE_OWNERSHIP)
		max |= SEC_STD_WRITE_OWNER;
	if (is_user(t, obj->uid))
		max |= SEC_STD_READ_CONTROL | SEC_STD_WRITE_DAC |
		       perm_to_mask(obj->mode >> 6 & 7, is_dir, pol->dos_filemode);
	return max;
}

int posix_acl_max(const struct acl_object *obj, const struct acl_policy *pol,
		  const struct security_token *t, uint32_t wanted, uint32_t *max)
{
	struct posix_acl acl;
	unsigned int limit = 7;
	int r;

	*max = max_by_mode(obj, pol, t);
	if (!(wanted & mask_most(obj, pol->dos_filemode) & ~*max))
		return 0;
	r = posix_acl_read(obj, false, &acl);
	for (unsigned int i = 0; !r && i < acl.n; i++)
		if (acl.e[i].tag == POSIX_MASK)
			limit = acl.e[i].perm;
	for (unsigned int i = 0; !r && i < acl.n; i++) {
		const struct posix_ace *e = &acl.e[i];

		if (entry_is_of(obj, e, t))
			*max |= perm_to_mask(e->perm & limit, S_ISDIR(obj->mode),
					     pol->dos_filemode);
	}
	return r;
}

int posix_acls_read(const struct acl_object *obj, struct posix_acls *out)
{
	int r = posix_acl_read(obj, false, &out->access);

	return r ? r : posix_acl_read(obj, true, &out->dflt);
}

int posix_acl_to_sd(const struct acl_object *obj, const struct acl_policy *pol, struct sd **out)
{
	struct posix_acls acls;
	int r = posix_acls_read(obj, &acls);

	if (!r)
		*out = posix_acls_to_sd(obj, &acls, pol);
	return r;
}

struct sd *posix_acls_to_sd(const struct acl_object *obj, const struct posix_acls *acls,
			    const struct acl_policy *pol)
{
	const struct posix_acl *access = &acls->access, *dflt = &acls->dflt;
	bool dos_filemode = pol->dos_filemode || pol->stored;
	_cleanup_free_ struct mapped *m = xcalloc(access->n + dflt->n + 1, sizeof(*m));
	unsigned int nacc, ndfl;
	struct sd *sd;

	nacc = map_list(obj, access, dos_filemode, false, m);
	ndfl = map_list(obj, dflt, dos_filemode, true, m + nacc);
	sd = sd_new();
	sd->control = SD_DACL_PRESENT | SD_DACL_PROTECTED;
	sd->has_owner = sd->has_group = true;
	sd->owner = sid_from_uid(obj->uid);
	sd->group = sid_from_gid(obj->gid);
	merge_lists(sd, m, nacc, m + nacc, ndfl);
	return sd;
}

/* ---- NT → POSIX ---- */

/*
 * What the DACL says of one Unix principal; allow and refuse are rwx bits. The ACE that comes first
 * decides on a bit, as in the check of access, so the two never share one.
 */
struct claim {
	uint16_t tag;
	bool named; /* some ACE is about it */
	bool allows;
	uint8_t allow, refuse;
	uint32_t id;
};

struct claims {
	unsigned int n;
	bool any;
	struct claim owner, group, other;
	struct claim c[POSIX_ACL_MAX - 6];
};

static uint8_t mask_to_perm(uint32_t mask)
{
	mask = access_map_generic(mask);
	return (uint8_t)((mask & RIGHTS_READ ? 4 : 0) | (mask & RIGHTS_WRITE ? 2 : 0) |
			 (mask & RIGHTS_EXEC ? 1 : 0));
}

static struct claim *claim_named(struct claims *cs, uint16_t tag, uint32_t id)
{
	for (unsigned int i = 0; i < cs->n; i++)
		if (cs->c[i].tag == tag && cs->c[i].id == id)
			return &cs->c[i];
	if (cs->n == ARRAY_SIZE(cs->c))
		return NULL;
	cs->c[cs->n] = (struct claim) { .tag = tag, .id = id };
	return &cs->c[cs->n++];
}

static struct claim *claim_of(struct claims *cs, const struct acl_object *obj,
			      const struct sid *sid, bool is_default)
{
	uint32_t id;

	if (sid_equal(sid, &sid_everyone))
		return &cs->other;
	if (sid_equal(sid, &sid_creator_owner))
		return is_default ? &cs->owner : NULL;
	if (sid_equal(sid, &sid_creator_group))
		return is_default ? &cs->group : NULL;
	if (sid_to_uid(sid, &id))
		return id == obj->uid && !is_default ? &cs->owner : claim_named(cs, POSIX_USER, id);
	if (sid_to_gid(sid, &id))
		return id == obj->gid && !is_default ? &cs->group
						     : claim_named(cs, POSIX_GROUP, id);
	return NULL;
}

static void claims_collect(struct claims *cs, const struct acl_object *obj, const struct acl *dacl,
			   bool is_default)
{
	cs->n = 0;
	cs->any = false;
	cs->owner = cs->group = cs->other = (struct claim) { 0 };
	for (unsigned int i = 0; i < dacl->count; i++) {
		const struct ace *a = &dacl->aces[i];
		struct claim *c;

		if (a->type != ACE_ALLOWED && a->type != ACE_DENIED)
			continue;
		/* a refusal of what Unix has no bit for says nothing here */
		if (a->type == ACE_DENIED && !mask_to_perm(a->mask))
			continue;
		if (is_default ? (a->flags & INHERIT_BOTH) != INHERIT_BOTH
			       : a->flags & ACE_INHERIT_ONLY)
			continue;
		c = claim_of(cs, obj, &a->sid, is_default);
		if (!c)
			continue;
		cs->any = c->named = true;
		if (a->type == ACE_ALLOWED) {
			c->allows = true;
			c->allow |=
				mask_to_perm(a->mask) & (uint8_t) ~(c->refuse | cs->other.refuse);
		} else {
			c->refuse |= mask_to_perm(a->mask) & (uint8_t)~c->allow;
		}
	}
}

static uint8_t claim_perm(const struct claims *cs, const struct claim *c)
{
	return c->allows ? c->allow : cs->other.allow & (uint8_t)~c->refuse;
}

static void put(struct posix_acl *acl, uint16_t tag, uint8_t perm, uint32_t id)
{
	acl->e[acl->n++] = (struct posix_ace) { tag, perm, id };
}

static int by_id(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->tag != y->tag)
		return x->tag < y->tag ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* A named entry, unless the DACL is also about that id by name: then its perm is what counts. */
static void put_named(struct posix_acl *acl, const struct claims *cs, uint16_t tag,
		      const struct claim *own)
{
	bool done = false;

	for (unsigned int i = 0; i < cs->n; i++) {
		const struct claim *c = &cs->c[i];

		if (c->tag != tag)
			continue;
		if (!done && c->id >= own->id) {
			if (c->id > own->id)
				put(acl, tag, own->allow, own->id);
			done = true;
		}
		put(acl, tag, claim_perm(cs, c), c->id);
	}
	if (!done)
		put(acl, tag, own->allow, own->id);
}

/*
 * Owner and group get entries by name too, so that they keep what the DACL gave them when the file
 * changes hands. An owner without rights could not even look: read (on directories everything)
 * is always left to it.
 */
static void claims_build(struct claims *cs, const struct acl_object *obj, bool is_default,
			 struct posix_acl *out)
{
	bool dir = S_ISDIR(obj->mode);
	uint8_t other = cs->other.allow;
	struct claim own = { .id = obj->uid }, grp = { .id = obj->gid };

	if (cs->owner.named)
		own.allow = claim_perm(cs, &cs->owner);
	else
		own.allow = obj->mode >> 6 & 7 ? obj->mode >> 6 & 7 : other;
	own.allow |= dir ? 7 : 4;
	grp.allow = cs->group.named ? claim_perm(cs, &cs->group) : other;

	qsort(cs->c, cs->n, sizeof(cs->c[0]), by_id);
	out->n = 0;
	put(out, POSIX_USER_OBJ, own.allow, 0);
	put_named(out, cs, POSIX_USER, &own);
	put(out, POSIX_GROUP_OBJ, grp.allow, 0);
	put_named(out, cs, POSIX_GROUP, &grp);
	put(out, POSIX_MASK, 7, 0);
	put(out, POSIX_OTHER, other, 0);
}

bool posix_acl_from_sd(const struct acl_object *obj, const struct sd *sd, struct posix_acl *access,
		       struct posix_acl *dflt)
{
	struct claims cs;

	access->n = dflt->n = 0;
	if (!sd->dacl)
		return false;
	claims_collect(&cs, obj, sd->dacl, false);
	if (!cs.any)
		return false;
	claims_build(&cs, obj, false, access);
	if (!S_ISDIR(obj->mode))
		return true;
	claims_collect(&cs, obj, sd->dacl, true);
	if (cs.any)
		claims_build(&cs, obj, true, dflt);
	return true;
}
