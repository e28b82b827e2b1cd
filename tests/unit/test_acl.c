// SPDX-License-Identifier: GPL-2.0-or-later
/* Descriptors: wire form, access check, inheritance, Samba's storage and POSIX mapping. */
#include "vfs/acl.h"
#include "tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>

static struct security_token *user;
static struct sid user_sid, other_sid;

static struct sd *sd_of(const struct sid *owner)
{
	struct sd *sd = sd_new();

	sd->has_owner = sd->has_group = true;
	sd->owner = *owner;
	sd->group = sid_from_gid(100);
	sd_dacl_add(sd, 0, 0, 0, NULL);
	return sd;
}

static void test_wire(void)
{
	_cleanup_sd_ struct sd *sd = sd_of(&user_sid), *back = NULL, *big = NULL;
	uint8_t buf[1024];
	struct smb2_wr w = wr_init(buf, sizeof(buf));
	int accepted = 0;

	sd_dacl_add(sd, ACE_ALLOWED, 3, SEC_RIGHTS_FILE_ALL, &user_sid);
	sd_dacl_add(sd, ACE_DENIED, 0, SEC_FILE_WRITE_DATA, &sid_everyone);
	sd_marshal(sd, SECINFO_ALL, &w);
	ok(wr_ok(&w) && w.off == sd_query_size(sd, SECINFO_ALL), "as long as promised");
	ok(!sd_parse(buf, w.off, &back) && sd_equal(sd, back), "reads back the same");
	for (size_t n = 0; n < w.off; n++) {
		struct sd *cut = NULL;

		accepted += !sd_parse(buf, n, &cut);
		sd_free(cut);
	}
	is_int(accepted, 0, "no truncation is accepted");
	is_int((int64_t)sd_query_size(sd, 0), 20, "nothing asked for: the header");
	is_int((int64_t)sd_query_size(sd, SECINFO_OWNER), 48, "the owner alone");
	w = wr_init(buf, sizeof(buf));
	sd_marshal(sd, SECINFO_OWNER, &w);
	ok(!(kh_get_le16(buf + 2) & SD_DACL_PRESENT), "a part not asked for is not present");
	is_int(sd_parse(buf, SD_SIZE_MAX + 1, &big), (ntstatus)NT_STATUS_INVALID_PARAMETER,
	       "64 KiB at most");
}

static uint32_t max_of(const struct sd *sd)
{
	return sd_access_max(sd, user);
}

static void test_check(void)
{
	_cleanup_sd_ struct sd *sd = sd_of(&other_sid), *mine = sd_of(&user_sid);
	uint32_t got;

	is_int(max_of(sd), 0, "an empty DACL gives nothing");
	is_int(max_of(mine), SEC_STD_READ_CONTROL | SEC_STD_WRITE_DAC,
	       "but to the owner two rights");
	sd_set_dacl(mine, NULL);
	is_int(max_of(mine), SEC_RIGHTS_FILE_ALL, "a NULL DACL gives everything");
	mine->control = 0;
	is_int(max_of(mine), SEC_STD_READ_CONTROL | SEC_STD_WRITE_DAC, "an absent one does not");

	sd_dacl_add(sd, ACE_DENIED, 0, SEC_FILE_WRITE_DATA, &user_sid);
	sd_dacl_add(sd, ACE_ALLOWED, 0, SEC_GENERIC_WRITE, &sid_everyone);
	is_int(max_of(sd), SEC_RIGHTS_FILE_WRITE & ~SEC_FILE_WRITE_DATA, "refused before given");
	sd_dacl_add(sd, ACE_ALLOWED, 0, SEC_GENERIC_READ, &sid_authenticated);
	sd_dacl_add(sd, ACE_DENIED, 0, SEC_FILE_READ_DATA, &user_sid);
	ok(max_of(sd) & SEC_FILE_READ_DATA, "given before refused");
	is_int(sd_access_check(sd, user, SEC_FILE_WRITE_DATA, &got),
	       (ntstatus)NT_STATUS_ACCESS_DENIED, "denied");
	is_int(got, SEC_FILE_WRITE_DATA, "and says what is missing");
	is_int(sd_access_check(sd, user, SEC_MAXIMUM_ALLOWED, &got), 0, "maximum allowed");
	is_int(got, max_of(sd), "is all of it");
	is_int(sd_access_check(sd, user, SEC_SYSTEM_SECURITY, &got),
	       (ntstatus)NT_STATUS_PRIVILEGE_NOT_HELD, "ACCESS_SYSTEM_SECURITY is a privilege");
	sd_dacl_add(sd, ACE_ALLOWED, ACE_INHERIT_ONLY, SEC_STD_DELETE, &user_sid);
	ok(!(max_of(sd) & SEC_STD_DELETE), "inherit-only is not for this object");

	sd_dacl_add(mine, ACE_ALLOWED, 0, SEC_FILE_READ_DATA, &sid_owner_rights);
	is_int(max_of(mine), SEC_FILE_READ_DATA, "OWNER RIGHTS replaces the owner's two");
}

static void test_inherit(void)
{
	_cleanup_sd_ struct sd *parent = sd_of(&other_sid), *file = NULL, *dir = NULL;
	struct sid group = sid_from_gid(100);

	sd_dacl_add(parent, ACE_ALLOWED, 0x0b, SEC_RIGHTS_FILE_ALL, &sid_creator_owner);
	sd_dacl_add(parent, ACE_ALLOWED, ACE_OBJECT_INHERIT, 1, &sid_everyone);
	sd_dacl_add(parent, ACE_ALLOWED, ACE_CONTAINER_INHERIT | ACE_NO_PROPAGATE, 2,
		    &sid_everyone);
	sd_dacl_add(parent, ACE_ALLOWED, 0, 4, &sid_everyone);
	parent->control |= SD_DACL_AUTO_INHERITED;
	ok(sd_has_inheritable(parent, false), "something to inherit");

	sd_inherit(parent, &user_sid, &group, false, &file);
	is_int(file->dacl->count, 2, "a file gets two");
	ok(sid_equal(&file->dacl->aces[0].sid, &user_sid) &&
		   file->dacl->aces[0].flags == ACE_INHERITED,
	   "CREATOR OWNER is its owner");

	sd_inherit(parent, &user_sid, &group, true, &dir);
	is_int(dir->dacl->count, 4, "a directory gets four");
	ok(sid_equal(&dir->dacl->aces[0].sid, &user_sid), "one for the owner");
	ok(sid_equal(&dir->dacl->aces[1].sid, &sid_creator_owner) &&
		   dir->dacl->aces[1].flags == (0x0b | ACE_INHERITED),
	   "one that stays CREATOR OWNER");
	is_int(dir->dacl->aces[2].flags, ACE_OBJECT_INHERIT | ACE_INHERIT_ONLY | ACE_INHERITED,
	       "a file's ACE passes through");
	is_int(dir->dacl->aces[3].flags, ACE_INHERITED, "no-propagate ends here");
}

/* The mode bits, the DACL that Samba 4.17 shows for them, on its plain shares. */
static void test_posix_view(void)
{
	static const struct {
		uint32_t mode, owner, group, other;
	} want[] = {
		{ S_IFREG | 0644, 0x12019f, 0x120089, 0x120089 },
		{ S_IFREG | 0755, 0x1e01ff, 0x1200a9, 0x1200a9 },
		{ S_IFREG | 0200, 0x120116, 0, 0 },
		{ S_IFREG | 0000, 0, 0, 0 },
		{ S_IFDIR | 0755, 0x1f01ff, 0x1200a9, 0x1200a9 },
		{ S_IFDIR | 0200, 0x120156, 0, 0 },
	};
	static const struct acl_policy pol = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		struct acl_object obj = { open("/dev/null", O_RDONLY), 1000, 100, want[i].mode };
		_cleanup_sd_ struct sd *sd = NULL;
		char name[32];

		snprintf(name, sizeof(name), "mode %o", want[i].mode);
		is_int(posix_acl_to_sd(&obj, &pol, &sd), 0, name);
		close(obj.fd);
		if (!sd || sd->dacl->count != 3) {
			ok(false, "three ACEs");
			continue;
		}
		ok(sd->dacl->aces[0].mask == want[i].owner &&
			   sd->dacl->aces[1].mask == want[i].group &&
			   sd->dacl->aces[2].mask == want[i].other,
		   "owner, group, everyone");
	}
}

/*
 * What is counted without a descriptor is what the descriptor would give: all of it where all is
 * wanted, else no more than that, and of what is wanted no less.
 */
static bool same_max(const struct acl_object *obj, const struct acl_policy *pol,
		     const struct security_token *t)
{
	static const uint32_t some[] = { SEC_FILE_READ_ATTRIBUTES,
					 SEC_STD_DELETE,
					 SEC_DIR_DELETE_CHILD,
					 SEC_STD_WRITE_DAC,
					 SEC_FILE_READ_DATA | SEC_FILE_EXECUTE,
					 SEC_RIGHTS_FILE_WRITE };
	_cleanup_sd_ struct sd *sd = NULL;
	uint32_t max, right;

	if (posix_acl_to_sd(obj, pol, &sd) || posix_acl_max(obj, pol, t, SEC_RIGHTS_FILE_ALL, &max))
		return false;
	right = sd_access_max(sd, t);
	for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
		uint32_t part;

		if (posix_acl_max(obj, pol, t, some[i], &part) || part & ~right ||
		    right & some[i] & ~part)
			return false;
	}
	return max == right;
}

/* The mode that goes with a list. */
static uint32_t list_mode(const struct posix_acl *l)
{
	uint32_t group = 0, mask = 0, mode = 0;
	bool masked = false;

	for (unsigned int i = 0; i < l->n; i++)
		switch (l->e[i].tag) {
		case POSIX_USER_OBJ:
			mode |= (uint32_t)l->e[i].perm << 6;
			break;
		case POSIX_GROUP_OBJ:
			group = l->e[i].perm;
			break;
		case POSIX_MASK:
			masked = true;
			mask = l->e[i].perm;
			break;
		case POSIX_OTHER:
			mode |= l->e[i].perm;
			break;
		}
	return mode | (masked ? mask : group) << 3;
}

static void test_posix_max(const char *dirname)
{
	static const struct acl_policy pols[] = { { 0 }, { .dos_filemode = true } };
	static const uint32_t groups[] = { 100, 300 };
	struct posix_acl lists[] = {
		{ 3,
		  { { POSIX_USER_OBJ, 7, 0 }, { POSIX_GROUP_OBJ, 5, 0 }, { POSIX_OTHER, 0, 0 } } },
		{ 6,
		  { { POSIX_USER_OBJ, 6, 0 },
		    { POSIX_USER, 3, 1001 },
		    { POSIX_GROUP_OBJ, 7, 0 },
		    { POSIX_GROUP, 6, 300 },
		    { POSIX_MASK, 5, 0 },
		    { POSIX_OTHER, 1, 0 } } },
		{ .n = 40 }, /* more than is read at first */
	};
	struct security_token *who[] = {
		token_new(1000, 100, NULL, 0, 0),
		token_new(1001, 7, groups, 2, 0),
		token_new(1002, 7, NULL, 0, 0),
		token_new(1003, 300, NULL, 0, TOKEN_GUEST),
		token_new(1000, 100, NULL, 0, TOKEN_ANONYMOUS),
		token_new(1023, 7, NULL, 0, 0),
	};
	struct acl_object obj = { .fd = open(dirname, O_RDONLY | O_DIRECTORY) };
	bool same = true, listed = true;
	struct posix_acl *l = &lists[2];

	l->e[0] = (struct posix_ace) { POSIX_USER_OBJ, 6, 0 };
	for (unsigned int i = 1; i < 37; i++)
		l->e[i] = (struct posix_ace) { POSIX_USER, i & 7, 1000 + i };
	l->e[37] = (struct posix_ace) { POSIX_GROUP_OBJ, 4, 0 };
	l->e[38] = (struct posix_ace) { POSIX_MASK, 6, 0 };
	l->e[39] = (struct posix_ace) { POSIX_OTHER, 0, 0 };
	who[2]->privileges = PRIV_TAKE_OWNERSHIP;
	for (size_t w = 0; w < ARRAY_SIZE(who); w++)
		for (size_t p = 0; p < ARRAY_SIZE(pols); p++) {
			struct acl_object file = { obj.fd, 1000, 100, 0 };

			for (uint32_t mode = 0; mode < 01000; mode++) {
				file.mode = mode | (mode & 1 ? S_IFDIR : S_IFREG);
				same &= same_max(&file, &pols[p], who[w]);
			}
			for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
				file.mode = S_IFDIR | list_mode(&lists[i]);
				listed &= !posix_acl_write(&file, false, &lists[i]) &&
					  !posix_acl_write(&file, true, &lists[i]) &&
					  same_max(&file, &pols[p], who[w]);
			}
			posix_acl_write(&file, false, &lists[0]);
			posix_acl_write(&file, true, &(struct posix_acl) { 0 });
		}
	ok(same, "the most of every mode, for everybody");
	ok(listed, "and of lists, long ones too");
	for (size_t w = 0; w < ARRAY_SIZE(who); w++)
		token_free(who[w]);
	close(obj.fd);
}

/* The folder is looked at once, and only if the file does not give DELETE itself. */
static bool count_finds(void *arg, struct acl_object *out)
{
	unsigned int *n = arg;

	++*n;
	*out = (struct acl_object) { -1, 1000, 100, S_IFDIR | 0700 };
	return false;
}

static void test_parent_by(const char *dirname)
{
	static const struct acl_policy pol = { 0 };
	struct acl_object obj = { open(dirname, O_RDONLY), 1000, 100, S_IFREG | 0600 };
	unsigned int n = 0;
	struct acl_parent by = { count_finds, &n };
	uint32_t granted;

	is_int(acl_access_by(&obj, &by, &pol, user, SEC_FILE_READ_DATA, &granted), 0, "to read");
	is_int(n, 0, "takes no folder");
	is_int(acl_access_by(&obj, &by, &pol, user, SEC_STD_DELETE, &granted),
	       NT_STATUS_ACCESS_DENIED, "to delete, without a folder");
	is_int(n, 1, "that is asked once");
	is_int(acl_access_by(&obj, &by, &pol, user, SEC_MAXIMUM_ALLOWED, &granted), 0, "the most");
	is_int(n, 2, "asks, too");
	ok(!(granted & SEC_STD_DELETE) && granted & SEC_FILE_WRITE_DATA, "and lacks DELETE");
	close(obj.fd);
}

static void show(const struct posix_acl *acl, char *out)
{
	*out = '\0';
	for (unsigned int i = 0; i < acl->n; i++)
		out += sprintf(out, "%x:%u:%u ", acl->e[i].tag, acl->e[i].id, acl->e[i].perm);
}

/* What Samba 4.17 makes of DACLs: seen with smbcacls and getfacl. */
static void test_posix_set(void)
{
	static const struct acl_object file = { -1, 1000, 100, S_IFREG | 0640 };
	static const struct acl_object dir = { -1, 1000, 100, S_IFDIR | 0750 };
	_cleanup_sd_ struct sd *sd = sd_of(&user_sid), *sd2 = sd_of(&user_sid);
	struct posix_acl a, d;
	char buf[256];

	ok(!posix_acl_from_sd(&file, sd, &a, &d), "an empty DACL leaves the mode alone");
	sd_dacl_add(sd, ACE_ALLOWED, 0, SEC_RIGHTS_FILE_ALL, &sid_authenticated);
	ok(!posix_acl_from_sd(&file, sd, &a, &d), "so does one of strangers");
	sd_dacl_add(sd, ACE_DENIED, 0, SEC_RIGHTS_FILE_ALL, &other_sid);
	sd_dacl_add(sd, ACE_ALLOWED, 0, SEC_RIGHTS_FILE_ALL, &sid_everyone);
	ok(posix_acl_from_sd(&file, sd, &a, &d), "one that speaks of users does not");
	show(&a, buf);
	is_str(buf, "1:0:6 2:1000:6 2:1001:0 4:0:7 8:100:7 10:0:7 20:0:7 ", "the file's ACL");
	is_int(d.n, 0, "a file has no default ACL");

	sd_dacl_add(sd2, ACE_ALLOWED, 0x0b, SEC_RIGHTS_FILE_ALL, &sid_creator_owner);
	sd_dacl_add(sd2, ACE_ALLOWED, 0x0b, 0x1200a9, &sid_creator_group);
	sd_dacl_add(sd2, ACE_ALLOWED, 0x03, 0x1200a9, &sid_everyone);
	ok(posix_acl_from_sd(&dir, sd2, &a, &d), "a directory");
	show(&a, buf);
	is_str(buf, "1:0:7 2:1000:7 4:0:5 8:100:5 10:0:7 20:0:5 ", "its ACL");
	show(&d, buf);
	is_str(buf, "1:0:7 2:1000:7 4:0:5 8:100:5 10:0:7 20:0:5 ", "its default ACL");
}

/* The first ACE that names a bit decides, for the mode as for the check of access. */
static void test_posix_order(void)
{
	static const struct acl_object file = { -1, 1000, 100, S_IFREG | 0640 };
	_cleanup_sd_ struct sd *late = sd_of(&user_sid), *early = sd_of(&user_sid);
	struct posix_acl a, d;
	char buf[256];

	sd_dacl_add(late, ACE_ALLOWED, 0, SEC_RIGHTS_FILE_READ | SEC_FILE_WRITE_DATA, &user_sid);
	sd_dacl_add(late, ACE_DENIED, 0, SEC_FILE_WRITE_DATA, &user_sid);
	sd_dacl_add(late, ACE_DENIED, 0, SEC_RIGHTS_FILE_ALL, &sid_everyone);
	ok(posix_acl_from_sd(&file, late, &a, &d), "refusals behind a grant");
	show(&a, buf);
	is_str(buf, "1:0:6 2:1000:6 4:0:0 8:100:0 10:0:7 20:0:0 ", "take nothing from it");

	sd_dacl_add(early, ACE_DENIED, 0, SEC_FILE_WRITE_DATA, &sid_everyone);
	sd_dacl_add(early, ACE_ALLOWED, 0, 0x12019f, &user_sid);
	ok(posix_acl_from_sd(&file, early, &a, &d), "a refusal in front");
	show(&a, buf);
	/* WRITE_DATA, APPEND_DATA and WRITE_EA are one bit in Unix */
	is_str(buf, "1:0:4 2:1000:4 4:0:0 8:100:0 10:0:7 20:0:0 ", "holds for the owner too");
}

/* Samba's machine: its domain and its users' RIDs are not ours. */
static void test_foreign_sids(void)
{
	static const struct acl_object file = { -1, 1000, 100, S_IFREG | 0640 };
	_cleanup_sd_ struct sd *sd = sd_new();
	struct sid samba, samba_user, unix_user = sid_compose(&sid_unix_users, 1000);

	sid_domain_generate(&samba);
	samba_user = sid_compose(&samba, 1003);
	sd->has_owner = sd->has_group = true;
	sd->owner = samba_user;
	sd->group = sid_from_gid(100);
	sd_dacl_add(sd, ACE_ALLOWED, 0, SEC_RIGHTS_FILE_ALL, &samba_user);
	sd_dacl_add(sd, ACE_ALLOWED, 0, SEC_RIGHTS_FILE_READ, &unix_user);
	ok(ntacl_names_foreigners(sd), "an owner of another domain");
	ntacl_sids_from_disk(sd, &file, false);
	ok(sid_equal(&sd->owner, &samba_user), "stays, if the file may have changed hands");
	ok(sid_equal(&sd->dacl->aces[1].sid, &user_sid), "a Unix user is ours at once");
	ntacl_sids_from_disk(sd, &file, true);
	ok(sid_equal(&sd->owner, &user_sid) && sid_equal(&sd->dacl->aces[0].sid, &user_sid),
	   "else it is the file's owner, in the ACEs too");
	is_int(sd_access_max(sd, user), SEC_RIGHTS_FILE_ALL, "who may do everything");
	ntacl_sids_to_disk(sd);
	ok(sid_equal(&sd->owner, &unix_user) && !ntacl_names_foreigners(sd),
	   "and goes to disk by the Unix name");
}

static void object_refresh(struct acl_object *obj)
{
	struct stat st;

	fstat(obj->fd, &st);
	obj->uid = st.st_uid;
	obj->gid = st.st_gid;
	obj->mode = st.st_mode;
}

static void test_options(const struct acl_object *dir, struct acl_object *obj,
			 const struct security_token *root)
{
	struct acl_policy other = { .stored = true, .xattr = "user.acl" };
	struct acl_policy none = { .stored = true, .no_nt_acls = true };
	struct acl_policy windows = { .stored = true,
				      .ignore_system_acls = true,
				      .style = ACL_STYLE_WINDOWS,
				      .xattr = "user.none" };
	struct acl_policy keep = { .stored = true, .keep_inherited_flag = true };
	_cleanup_sd_ struct sd *a = NULL, *b = NULL, *c = NULL, *d = NULL, *set = sd_of(&user_sid);

	sd_dacl_add(set, ACE_ALLOWED, 0, SEC_RIGHTS_FILE_READ, &sid_everyone);
	set->control |= SD_DACL_AUTO_INHERITED;
	is_int(acl_set(obj, &other, root, SECINFO_DACL, set), 0, "a descriptor elsewhere");
	is_int(acl_get(obj, &other, SECINFO_ALL, &a), 0, "is read from there");
	is_int(a->dacl->count, 1, "as it was set");
	ok(!(a->control & SD_DACL_AUTO_INHERITED), "but for the flag without its request");
	is_int(acl_set(obj, &keep, root, SECINFO_DACL, set), 0, "which can be asked to stay");
	is_int(acl_get(obj, &keep, SECINFO_ALL, &d), 0, "then");
	ok(d->control & SD_DACL_AUTO_INHERITED, "it does");
	is_int(acl_set(obj, &none, root, SECINFO_DACL, set), 0, "nt acl support = no");
	is_int(acl_get(obj, &none, SECINFO_ALL, &b), 0, "shows");
	ok(b->control & SD_DACL_PRESENT && !b->dacl, "a NULL DACL");
	is_int(acl_get(obj, &windows, SECINFO_ALL, &c), 0, "default acl style = windows");
	ok(c->dacl->count == 2 && sid_equal(&c->dacl->aces[1].sid, &sid_system), "owner, SYSTEM");
	ok(acl_gives(obj, &keep, user, SEC_FILE_READ_DATA), "Everyone may read");
	ok(!acl_gives(obj, &keep, user, SEC_FILE_WRITE_DATA), "and not write");
	ok(!acl_default_decides(dir, &keep), "`inherit acls` is off");
	is_int(ntacl_remove(obj, &other), 0, "removed");
	acl_create_inherit(dir, NULL, obj, &(struct acl_policy) { .stored = true }, root, NULL);
}

static void test_stored(const char *dirname)
{
	static const struct acl_policy pol = { .stored = true };
	_cleanup_sd_ struct sd *sd = sd_of(&user_sid), *got = NULL, *stale = NULL, *kid = NULL;
	struct security_token *root = token_new(0, 0, NULL, 0, 0);
	struct acl_object dir = { .fd = open(dirname, O_PATH | O_DIRECTORY) }, obj = { .fd = -1 };
	char path[256];
	uint32_t granted;

	object_refresh(&dir);
	sd_dacl_add(sd, ACE_ALLOWED, 3, SEC_GENERIC_ALL, &user_sid);
	sd_dacl_add(sd, ACE_ALLOWED, 3, SEC_GENERIC_READ, &sid_authenticated);
	is_int(acl_set(&dir, &pol, root, SECINFO_ALL, sd), 0, "a descriptor is set");
	is_int(dir.uid, 1000, "the file's owner follows");
	is_int(acl_get(&dir, &pol, SECINFO_ALL, &got), 0, "and got");
	ok(got->dacl->count == 2 && got->dacl->aces[0].mask == SEC_RIGHTS_FILE_ALL &&
		   sid_equal(&got->dacl->aces[1].sid, &sid_authenticated),
	   "the same, generic bits mapped");

	snprintf(path, sizeof(path), "%s/f", dirname);
	obj.fd = open(path, O_CREAT | O_RDWR, 0600);
	object_refresh(&obj);
	is_int(acl_create_inherit(&dir, NULL, &obj, &pol, root, NULL), 0, "a file inherits");
	is_int(acl_get(&obj, &pol, SECINFO_ALL, &kid), 0, "its descriptor");
	is_int(kid->dacl->count, 2, "has the parent's two");
	is_int(acl_access(&obj, &dir, &pol, user, SEC_MAXIMUM_ALLOWED, &granted), 0, "access");
	is_int(granted, SEC_RIGHTS_FILE_ALL, "for the user: everything");

	test_options(&dir, &obj, root);
	fchmod(obj.fd, 0711);
	object_refresh(&obj);
	is_int(ntacl_load(&obj, &(struct acl_policy) { .stored = true }, &stale), -ENODATA,
	       "stale after a chmod behind its back");
	is_int(ntacl_load(&obj, &(struct acl_policy) { .ignore_system_acls = true }, &stale), 0,
	       "unless system ACLs are ignored");
	fsetxattr(obj.fd, NTACL_XATTR, "\4\0\4\0junk", 8, 0);
	is_int(acl_access(&obj, &dir, &pol, user, SEC_FILE_EXECUTE, &granted), 0,
	       "a broken value: the mode counts");
	close(obj.fd);
	unlink(path);
	close(dir.fd);
	token_free(root);
}

int main(void)
{
	static const uint32_t groups[] = { 100 };
	char dir[] = "/var/tmp/test_acl.XXXXXX";

	user_sid = sid_from_uid(1000);
	other_sid = sid_from_uid(1001);
	user = token_new(1000, 100, groups, 1, 0);
	test_wire();
	test_check();
	test_inherit();
	test_posix_view();
	test_posix_set();
	test_posix_order();
	test_foreign_sids();
	if (geteuid() == 0 && mkdtemp(dir)) {
		test_parent_by(dir);
		test_posix_max(dir);
		if (!setxattr(dir, NTACL_XATTR, "", 0, 0) && !removexattr(dir, NTACL_XATTR))
			test_stored(dir);
		rmdir(dir);
	}
	token_free(user);
	return done_testing();
}
