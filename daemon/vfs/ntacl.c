// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ntacl.c - security.NTACL, the descriptor beside the file, in the NDR form that Samba's acl_xattr
 * module reads and writes. Versions 3 and 4 hold hashes of the file's POSIX permissions as they
 * were when the descriptor was set: whoever changes those behind our back (chmod, NFS) wins, the
 * descriptor is stale. Versions 1 and 2 are believed as they are.
 *
 * The structure is a union behind a unique pointer: version and discriminant (u16 each), a referent
 * (u32), for versions 2 to 4 a second referent for the descriptor, then
 *	2: hash[16] of nobody's use		3: u16 type, hash[64]
 *	4: u16 type, hash[64], description and NUL, NTTIME, hash of the POSIX ACL[64]
 * and last, on a multiple of four, the descriptor, whose offsets count from the start of the xattr.
 */
#include "vfs/acl.h"
#include "vfs/internal.h"

#include <openssl/sha.h>

#define HASH_FIELD  64 /* of which SHA-256 uses 32 */
#define HASH_SHA256 1
#define DESCRIPTION "posix_acl"
/*
 * The same, set here with an owner or group of another domain: then the file's Unix owners are not
 * the same accounts. Samba does not look at the text.
 */
#define DESCRIPTION_FOREIGN "posix_acl of others"
#define REFERENT	    0x00020000u

struct ntacl {
	uint16_t version, hash_type;
	const uint8_t *sd_hash;	 /* of the descriptor that the POSIX side maps to; v3, v4 */
	const uint8_t *acl_hash; /* of the POSIX side; v4 */
	bool same_owners;	 /* as the file has; v4, as far as the hash is right */
	uint64_t sd_at;
};

/* ---- hashes ---- */

/* smb_acl_t in NDR; n entries in the kernel's order. */
static void write_posix(struct smb2_wr *w, const struct posix_acl *acl)
{
	static const uint8_t tags[POSIX_OTHER + 1] = {
		[POSIX_USER] = 1,      [POSIX_USER_OBJ] = 2, [POSIX_GROUP] = 3,
		[POSIX_GROUP_OBJ] = 4, [POSIX_OTHER] = 5,    [POSIX_MASK] = 6,
	};

	wr_align(w, 4);
	wr_le32(w, acl->n);
	wr_align(w, 8);
	wr_le32(w, acl->n);
	wr_le32(w, 0);
	for (unsigned int i = 0; i < acl->n; i++) {
		const struct posix_ace *e = &acl->e[i];
		uint16_t tag = e->tag <= POSIX_OTHER ? tags[e->tag] : 0;

		wr_align(w, 8);
		wr_le16(w, tag);
		wr_le16(w, tag);
		if (e->tag & (POSIX_USER | POSIX_GROUP)) {
			wr_align(w, 8);
			wr_le64(w, e->id);
		}
		wr_le32(w, e->perm);
	}
}

/* SHA-256 of owner, group, mode and ACLs. */
static int hash_posix(const struct acl_object *obj, const struct posix_acls *acls,
		      uint8_t hash[SHA256_DIGEST_LENGTH])
{
	uint8_t buf[64 + 2 * (16 + 24 * POSIX_ACL_MAX)];
	struct smb2_wr w = wr_init(buf, sizeof(buf));
	bool dir = S_ISDIR(obj->mode);

	wr_le32(&w, REFERENT);
	wr_le32(&w, dir ? REFERENT + 4 : 0);
	wr_le64(&w, obj->uid);
	wr_le64(&w, obj->gid);
	wr_le32(&w, obj->mode);
	write_posix(&w, &acls->access);
	if (dir)
		write_posix(&w, &acls->dflt);
	if (!wr_ok(&w))
		return -E2BIG;
	SHA256(buf, w.off, hash);
	return 0;
}

static void write_head(struct smb2_wr *w, uint16_t version, const uint8_t *sd_hash)
{
	wr_le16(w, version);
	wr_le16(w, version);
	wr_le32(w, REFERENT);
	wr_le32(w, REFERENT + 4);
	wr_le16(w, HASH_SHA256);
	if (sd_hash)
		wr_bytes(w, sd_hash, SHA256_DIGEST_LENGTH);
	wr_zero(w, sd_hash ? HASH_FIELD - SHA256_DIGEST_LENGTH : HASH_FIELD);
}

/* Of a version 3 value with the descriptor that the POSIX side maps to, and no hash in it. */
static int hash_mapped(const struct acl_object *obj, const struct posix_acls *acls,
		       uint8_t hash[SHA256_DIGEST_LENGTH])
{
	static const struct acl_policy as_samba = { .stored = true };
	_cleanup_sd_ struct sd *sd = posix_acls_to_sd(obj, acls, &as_samba);
	_cleanup_free_ uint8_t *buf = NULL;
	struct smb2_wr w;

	buf = xmalloc(NTACL_SIZE_MAX);
	w = wr_init(buf, NTACL_SIZE_MAX);
	write_head(&w, 3, NULL);
	wr_align(&w, 4);
	sd_marshal_from(sd, SECINFO_ALL, 0, &w);
	if (!wr_ok(&w))
		return -E2BIG;
	SHA256(buf, w.off, hash);
	return 0;
}

/* ---- load ---- */

static int ntacl_parse(const void *buf, size_t len, struct ntacl *out)
{
	struct smb2_rd r = rd_init(buf, len);
	uint16_t level;

	memset(out, 0, sizeof(*out));
	out->version = rd_le16(&r);
	level = rd_le16(&r);
	rd_skip(&r, 4);
	if (out->version < 1 || out->version > 4 || level != out->version)
		return -EINVAL;
	if (out->version > 1)
		rd_skip(&r, 4);
	if (out->version == 2)
		rd_skip(&r, 16);
	if (out->version > 2) {
		out->hash_type = rd_le16(&r);
		out->sd_hash = rd_bytes(&r, HASH_FIELD);
	}
	if (out->version == 4) {
		const char *text = (const char *)r.buf + r.off;
		size_t n = 0;

		while (rd_u8(&r))
			n++;
		out->same_owners = n == strlen(DESCRIPTION) && !memcmp(text, DESCRIPTION, n);
		rd_align(&r, 4);
		rd_skip(&r, 8);
		out->acl_hash = rd_bytes(&r, HASH_FIELD);
	}
	rd_align(&r, 4);
	out->sd_at = r.off;
	return rd_ok(&r) ? 0 : -EINVAL;
}

/* 0 when the descriptor still belongs to the file's POSIX side. */
static int ntacl_check(const struct acl_object *obj, struct ntacl *n)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	struct posix_acls acls;

	if (n->version < 3)
		return 0;
	if (n->hash_type != HASH_SHA256 || posix_acls_read(obj, &acls))
		return -ENODATA;
	if (n->version == 4 && !hash_posix(obj, &acls, hash) &&
	    !memcmp(hash, n->acl_hash, SHA256_DIGEST_LENGTH))
		return 0;
	n->same_owners = false;
	if (!hash_mapped(obj, &acls, hash) && !memcmp(hash, n->sd_hash, SHA256_DIGEST_LENGTH))
		return 0;
	return -ENODATA;
}

/* Anybody may read security.*; a value among the user's own wants the right to read the file. */
static ssize_t get_value(int fd, const char *name, void *buf, size_t size)
{
	ssize_t n = vfs_xattr_get(fd, name, buf, size);

	if ((n == -EACCES || n == -EPERM) && !identity_root_begin()) {
		n = vfs_xattr_get(fd, name, buf, size);
		identity_root_end();
	}
	return n;
}

static const char *xattr_of(const struct acl_policy *pol)
{
	return pol->xattr ? pol->xattr : NTACL_XATTR;
}

int ntacl_load(const struct acl_object *obj, const struct acl_policy *pol, struct sd **out)
{
	_cleanup_free_ uint8_t *big = NULL;
	uint8_t small[4096], *buf = small;
	struct ntacl n;
	ssize_t len;
	int r;

	*out = NULL;
	len = get_value(obj->fd, xattr_of(pol), buf, sizeof(small));
	if (len == -ERANGE) {
		buf = big = xmalloc(NTACL_SIZE_MAX);
		len = get_value(obj->fd, xattr_of(pol), buf, NTACL_SIZE_MAX);
	}
	if (len < 0)
		return len == -EOPNOTSUPP ? -ENODATA : (int)len;
	r = ntacl_parse(buf, (size_t)len, &n);
	if (!r && !pol->ignore_system_acls)
		r = ntacl_check(obj, &n);
	if (!r && sd_parse_at(buf, (size_t)len, n.sd_at, out))
		r = -EINVAL;
	if (!r)
		ntacl_sids_from_disk(*out, obj, n.same_owners && !pol->ignore_system_acls);
	return r;
}

/* ---- store ---- */

int ntacl_store(const struct acl_object *obj, const struct acl_policy *pol, const struct sd *sd)
{
	uint8_t mapped[SHA256_DIGEST_LENGTH] = { 0 }, posix[SHA256_DIGEST_LENGTH] = { 0 };
	bool with_hash = !pol->ignore_system_acls;
	_cleanup_sd_ struct sd *stored = sd_dup(sd);
	_cleanup_free_ uint8_t *buf = NULL;
	struct posix_acls acls;
	struct smb2_wr w;
	int r = 0;

	ntacl_sids_to_disk(stored);
	if (with_hash)
		r = posix_acls_read(obj, &acls);
	if (!r && with_hash)
		r = hash_mapped(obj, &acls, mapped);
	if (!r && with_hash)
		r = hash_posix(obj, &acls, posix);
	if (r)
		return r;
	buf = xmalloc(NTACL_SIZE_MAX);
	w = wr_init(buf, NTACL_SIZE_MAX);
	write_head(&w, with_hash ? 4 : 3, mapped);
	if (with_hash) {
		if (ntacl_names_foreigners(sd))
			wr_bytes(&w, DESCRIPTION_FOREIGN, sizeof(DESCRIPTION_FOREIGN));
		else
			wr_bytes(&w, DESCRIPTION, sizeof(DESCRIPTION));
		wr_align(&w, 4);
		wr_le64(&w, nttime_now());
		wr_bytes(&w, posix, sizeof(posix));
		wr_zero(&w, HASH_FIELD - sizeof(posix));
	}
	wr_align(&w, 4);
	sd_marshal_from(stored, SECINFO_ALL, 0, &w);
	if (!wr_ok(&w))
		return -E2BIG;
	/* security.* wants a capability that the daemon's threads have as any user. */
	return xattr_set_privileged(obj->fd, xattr_of(pol), buf, w.off);
}

int ntacl_remove(const struct acl_object *obj, const struct acl_policy *pol)
{
	bool root = !identity_root_begin();
	int r = vfs_xattr_remove(obj->fd, xattr_of(pol));

	if (root)
		identity_root_end();
	return r;
}
