// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sd.c - security descriptors: values, and their self-relative form (MS-DTYP 2.4.6).
 */
#include "vfs/acl.h"

#define SD_HEADER  20
#define ACL_HEADER 8
#define ACE_HEADER 4

/* The types that are a mask and a SID and nothing more. */
static bool ace_type_plain(uint8_t type)
{
	return type <= ACE_ALARM || type == ACE_LABEL || type == ACE_SCOPE;
}

/* ---- values ---- */

struct sd *sd_new(void)
{
	return xcalloc(1, sizeof(struct sd));
}

static void acl_free(struct acl *acl)
{
	if (!acl)
		return;
	for (unsigned int i = 0; i < acl->count; i++)
		free(acl->aces[i].opaque);
	free(acl->aces);
	free(acl);
}

void sd_free(struct sd *sd)
{
	if (!sd)
		return;
	acl_free(sd->dacl);
	acl_free(sd->sacl);
	free(sd);
}

static struct acl *acl_dup(const struct acl *acl)
{
	struct acl *d;

	if (!acl)
		return NULL;
	d = xmalloc(sizeof(*d));
	*d = *acl;
	d->aces = xcalloc(acl->count + 1u, sizeof(*d->aces));
	for (unsigned int i = 0; i < acl->count; i++) {
		d->aces[i] = acl->aces[i];
		if (!acl->aces[i].opaque)
			continue;
		d->aces[i].opaque = xmalloc(acl->aces[i].opaque_len);
		memcpy(d->aces[i].opaque, acl->aces[i].opaque, acl->aces[i].opaque_len);
	}
	return d;
}

struct sd *sd_dup(const struct sd *sd)
{
	struct sd *d = sd_new();

	*d = *sd;
	d->dacl = acl_dup(sd->dacl);
	d->sacl = acl_dup(sd->sacl);
	return d;
}

void sd_set_dacl(struct sd *sd, const struct acl *dacl)
{
	struct acl *copy = acl_dup(dacl);

	acl_free(sd->dacl);
	sd->dacl = copy;
	sd->control |= SD_DACL_PRESENT;
}

void sd_set_sacl(struct sd *sd, const struct acl *sacl)
{
	struct acl *copy = acl_dup(sacl);

	acl_free(sd->sacl);
	sd->sacl = copy;
	sd->control |= SD_SACL_PRESENT;
}

void sd_dacl_add(struct sd *sd, uint8_t type, uint8_t flags, uint32_t mask, const struct sid *sid)
{
	struct acl *acl = sd->dacl;

	if (!acl) {
		acl = sd->dacl = xcalloc(1, sizeof(*acl));
		acl->revision = 2;
		sd->control |= SD_DACL_PRESENT;
	}
	if (!sid || acl->count == UINT16_MAX)
		return;
	/* capacities are powers of two from 8 on */
	if (acl->count == 0 || (acl->count >= 8 && !(acl->count & (acl->count - 1))))
		acl->aces = xrealloc(acl->aces, MAX(acl->count * 2u, 8u) * sizeof(*acl->aces));
	acl->aces[acl->count++] =
		(struct ace) { .type = type, .flags = flags, .mask = mask, .sid = *sid };
}

static bool acl_equal(const struct acl *a, const struct acl *b)
{
	if (!a || !b)
		return a == b;
	if (a->count != b->count)
		return false;
	for (unsigned int i = 0; i < a->count; i++) {
		const struct ace *x = &a->aces[i], *y = &b->aces[i];

		if (x->type != y->type || x->flags != y->flags || x->opaque_len != y->opaque_len)
			return false;
		if (x->opaque ? memcmp(x->opaque, y->opaque, x->opaque_len) != 0
			      : x->mask != y->mask || !sid_equal(&x->sid, &y->sid))
			return false;
	}
	return true;
}

bool sd_equal(const struct sd *a, const struct sd *b)
{
	return a->control == b->control && a->has_owner == b->has_owner &&
	       a->has_group == b->has_group && (!a->has_owner || sid_equal(&a->owner, &b->owner)) &&
	       (!a->has_group || sid_equal(&a->group, &b->group)) && acl_equal(a->dacl, b->dacl) &&
	       acl_equal(a->sacl, b->sacl);
}

/* ---- parse ---- */

/* One ACE; its size field is inside r's acl, and everything else inside that size. */
static ntstatus ace_parse(struct smb2_rd *r, struct ace *a)
{
	uint64_t start = r->off;
	uint16_t size;
	struct smb2_rd body;

	a->type = rd_u8(r);
	a->flags = rd_u8(r);
	size = rd_le16(r);
	if (size < ACE_HEADER || size & 3)
		return NT_STATUS_INVALID_ACL;
	body = rd_sub(r, start + ACE_HEADER, size - ACE_HEADER);
	rd_skip(r, size - ACE_HEADER);
	if (!rd_ok(r))
		return NT_STATUS_INVALID_ACL;
	if (!ace_type_plain(a->type)) {
		a->opaque_len = (uint16_t)body.len;
		a->opaque = xmalloc(body.len + 1);
		rd_copy(&body, a->opaque, body.len);
		return NT_STATUS_SUCCESS;
	}
	a->mask = rd_le32(&body);
	sid_read(&body, &a->sid);
	return rd_ok(&body) ? NT_STATUS_SUCCESS : NT_STATUS_INVALID_ACL;
}

static ntstatus acl_parse(struct smb2_rd *whole, uint32_t off, struct acl **out)
{
	struct smb2_rd r = rd_sub(whole, off, ACL_HEADER);
	uint8_t revision = rd_u8(&r);
	uint32_t size, count;
	struct acl *acl;

	rd_skip(&r, 1);
	size = rd_le16(&r);
	count = rd_le16(&r);
	if (!rd_ok(&r) || off < SD_HEADER || revision < 2 || revision > 4 || size < ACL_HEADER)
		return NT_STATUS_INVALID_ACL;
	r = rd_sub(whole, off, size);
	if (!rd_ok(&r) || count > (size - ACL_HEADER) / ACE_HEADER)
		return NT_STATUS_INVALID_ACL;
	rd_skip(&r, ACL_HEADER);
	acl = xcalloc(1, sizeof(*acl));
	*out = acl; /* freed with the descriptor, also half made */
	acl->revision = revision;
	acl->aces = malloc((count + 1) * sizeof(*acl->aces));
	if (!acl->aces)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	for (uint32_t i = 0; i < count; i++) {
		ntstatus st;

		memset(&acl->aces[i], 0, sizeof(acl->aces[i]));
		acl->count = (uint16_t)(i + 1);
		st = ace_parse(&r, &acl->aces[i]);
		if (st)
			return st;
	}
	return NT_STATUS_SUCCESS;
}

static ntstatus sid_parse_at(const struct smb2_rd *whole, uint32_t off, struct sid *out)
{
	struct smb2_rd r = *whole;

	rd_seek(&r, off);
	sid_read(&r, out);
	return rd_ok(&r) && off >= SD_HEADER ? NT_STATUS_SUCCESS : NT_STATUS_INVALID_SID;
}

static ntstatus sd_parse_body(struct smb2_rd *r, struct sd *sd)
{
	uint8_t revision = rd_u8(r);
	uint32_t owner, group, sacl, dacl;
	ntstatus st = NT_STATUS_SUCCESS;

	rd_skip(r, 1);
	sd->control = rd_le16(r);
	owner = rd_le32(r);
	group = rd_le32(r);
	sacl = rd_le32(r);
	dacl = rd_le32(r);
	if (!rd_ok(r) || revision != 1 || !(sd->control & SD_SELF_RELATIVE))
		return NT_STATUS_INVALID_SECURITY_DESCR;
	sd->control &= (uint16_t)~SD_SELF_RELATIVE;
	sd->has_owner = owner;
	sd->has_group = group;
	if (owner)
		st = sid_parse_at(r, owner, &sd->owner);
	if (!st && group)
		st = sid_parse_at(r, group, &sd->group);
	if (!st && sacl && sd->control & SD_SACL_PRESENT)
		st = acl_parse(r, sacl, &sd->sacl);
	if (!st && dacl && sd->control & SD_DACL_PRESENT)
		st = acl_parse(r, dacl, &sd->dacl);
	return st;
}

ntstatus sd_parse_at(const void *buf, size_t len, size_t at, struct sd **out)
{
	struct smb2_rd r = rd_init(buf, len);
	_cleanup_sd_ struct sd *sd = NULL;
	ntstatus st;

	*out = NULL;
	if (len > at + SD_SIZE_MAX)
		return NT_STATUS_INVALID_PARAMETER;
	rd_seek(&r, at);
	sd = sd_new();
	st = sd_parse_body(&r, sd);
	if (!st)
		*out = steal_ptr(&sd);
	return st;
}

ntstatus sd_parse(const void *buf, size_t len, struct sd **out)
{
	return sd_parse_at(buf, len, 0, out);
}

/* ---- marshal ---- */

static size_t ace_size(const struct ace *a)
{
	return a->opaque ? (size_t)ACE_HEADER + a->opaque_len : 8 + sid_size(&a->sid);
}

/* Which selection an ACE of the SACL belongs to. */
static uint32_t sacl_ace_class(const struct ace *a)
{
	switch (a->type) {
	case ACE_LABEL:
		return SECINFO_LABEL;
	case ACE_ATTRIBUTE:
		return SECINFO_ATTRIBUTE;
	case ACE_SCOPE:
		return SECINFO_SCOPE;
	default:
		return SECINFO_SACL;
	}
}

#define SECINFO_ANY_SACL (SECINFO_SACL | SECINFO_LABEL | SECINFO_ATTRIBUTE | SECINFO_SCOPE)

/* The DACL is whole: its classes are all ones. SACL asks for its own ACEs only. */
static bool ace_selected(const struct ace *a, uint32_t classes)
{
	return classes == UINT32_MAX || classes & sacl_ace_class(a);
}

static size_t acl_size(const struct acl *acl, uint32_t classes, uint16_t *count)
{
	size_t n = ACL_HEADER;

	*count = 0;
	for (unsigned int i = 0; i < acl->count; i++) {
		if (!ace_selected(&acl->aces[i], classes))
			continue;
		n += ace_size(&acl->aces[i]);
		++*count;
	}
	return n;
}

static void acl_write(struct smb2_wr *w, const struct acl *acl, uint32_t classes)
{
	uint16_t count;
	size_t size = acl_size(acl, classes, &count);

	if (size > UINT16_MAX) {
		wr_fail(w);
		return;
	}
	wr_u8(w, acl->revision);
	wr_u8(w, 0);
	wr_le16(w, (uint16_t)size);
	wr_le16(w, count);
	wr_le16(w, 0);
	for (unsigned int i = 0; i < acl->count; i++) {
		const struct ace *a = &acl->aces[i];

		if (!ace_selected(a, classes))
			continue;
		wr_u8(w, a->type);
		wr_u8(w, a->flags);
		wr_le16(w, (uint16_t)ace_size(a));
		if (a->opaque) {
			wr_bytes(w, a->opaque, a->opaque_len);
			continue;
		}
		wr_le32(w, a->mask);
		sid_write(w, &a->sid);
	}
}

size_t sd_query_size(const struct sd *sd, uint32_t secinfo)
{
	size_t n = SD_HEADER;
	uint16_t count;

	if (secinfo & SECINFO_OWNER && sd->has_owner)
		n += sid_size(&sd->owner);
	if (secinfo & SECINFO_GROUP && sd->has_group)
		n += sid_size(&sd->group);
	if (secinfo & SECINFO_ANY_SACL && sd->sacl)
		n += acl_size(sd->sacl, secinfo & SECINFO_ANY_SACL, &count);
	if (secinfo & SECINFO_DACL && sd->dacl)
		n += acl_size(sd->dacl, UINT32_MAX, &count);
	return n;
}

void sd_marshal_from(const struct sd *sd, uint32_t secinfo, uint64_t base, struct smb2_wr *w)
{
	uint64_t at = w->off;
	uint16_t control = sd->control | SD_SELF_RELATIVE;

	if (!(secinfo & SECINFO_DACL))
		control &= (uint16_t) ~(SD_DACL_PRESENT | SD_DACL_DEFAULTED | SD_DACL_AUTO_INH_REQ |
					SD_DACL_AUTO_INHERITED | SD_DACL_PROTECTED);
	if (!(secinfo & SECINFO_ANY_SACL))
		control &= (uint16_t) ~(SD_SACL_PRESENT | SD_SACL_DEFAULTED | SD_SACL_AUTO_INH_REQ |
					SD_SACL_AUTO_INHERITED | SD_SACL_PROTECTED);
	wr_u8(w, 1);
	wr_u8(w, 0);
	wr_le16(w, control);
	wr_zero(w, 16);
	if (secinfo & SECINFO_OWNER && sd->has_owner) {
		wr_patch_le32(w, at + 4, (uint32_t)(w->off - base));
		sid_write(w, &sd->owner);
	}
	if (secinfo & SECINFO_GROUP && sd->has_group) {
		wr_patch_le32(w, at + 8, (uint32_t)(w->off - base));
		sid_write(w, &sd->group);
	}
	if (secinfo & SECINFO_ANY_SACL && sd->sacl) {
		wr_patch_le32(w, at + 12, (uint32_t)(w->off - base));
		acl_write(w, sd->sacl, secinfo & SECINFO_ANY_SACL);
	}
	if (secinfo & SECINFO_DACL && sd->dacl) {
		wr_patch_le32(w, at + 16, (uint32_t)(w->off - base));
		acl_write(w, sd->dacl, UINT32_MAX);
	}
}

void sd_marshal(const struct sd *sd, uint32_t secinfo, struct smb2_wr *w)
{
	sd_marshal_from(sd, secinfo, w->off, w);
}
