/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_users.c - ksmbdpwd.db as ksmbd-tools writes it, changes to it, maps to Unix users.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "auth/users.h"
#include "core/file.h"
#include "tap.h"

static char dir[] = "/tmp/test_users.XXXXXX";
static char db[64], map[64], own_map[64];

/* NT hash of "password" (MS-NLMP 4.2.2.1.1 has "Password": this is the well-known other one). */
static const uint8_t hash[USERS_HASH_LEN] = { 0x88, 0x46, 0xf7, 0xea, 0xee, 0x8f, 0xb1, 0x17,
					      0xad, 0x06, 0xbd, 0xd8, 0x30, 0xb7, 0x58, 0x6c };

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static char *text_of(const char *path)
{
	char *text = NULL;
	size_t n;

	return file_read(path, 1 << 20, &text, &n) ? xstrdup("") : text;
}

static int count_one(void *arg, const struct account *a)
{
	(void)a;
	++*(int *)arg;
	return 0;
}

static void test_find(void)
{
	struct users *u = users_open(db, map);
	_cleanup_account_ struct account a;
	int n = 0;

	is_int(users_find(u, "anna", &a), -ENOENT, "no file, no account");
	is_int(users_check(u), 0, "... which is no error");
	write_file(db, "anna:iEb36u6PsRetBr3YMLdYbA==\nbad line\nnul:MdbP4NFq6TG3PFnX4MCJwA==\n"
		       "short:AAAA\nj\xc3\xb6rg:iEb36u6PsRetBr3YMLdYbA==");
	is_int(users_find(u, "ANNA", &a), 0, "found, without regard to case");
	is_mem(a.nt_hash, hash, sizeof(hash), "hash");
	is_str(a.unix_user, "anna", "Unix user of the same name");
	ok(!a.no_password, "has a password");
	is_int(users_find(u, "nul", &a), 0, "account without a password");
	ok(a.no_password, "... is known as one");
	is_int(users_find(u, "J\xc3\x96RG", &a), 0, "beyond ASCII; last line without a newline");
	is_int(users_find(u, "short", &a), -ENOENT, "hash of the wrong length");
	is_int(users_check(u), 2, "two bad lines");
	users_each(u, count_one, &n);
	is_int(n, 3, "each");
	write_file(map, "# map\nroot = admin administrator\n!anna = \"anna maria\"\n* = x\n");
	is_int(users_find(u, "Anna Maria", &a), 0, "username map gives the account");
	is_str(a.name, "anna", "... by its own name");
	is_int(users_find(u, "admin", &a), -ENOENT, "mapped to a user without an account");
	users_close(u);
	unlink(map);
}

static void test_edit(void)
{
	struct users *u = users_open(db, NULL);
	_cleanup_free_ char *one = NULL, *two = NULL, *three = NULL;
	_cleanup_account_ struct account a;
	struct stat st;
	bool was;

	write_file(db, "# kept\nanna:iEb36u6PsRetBr3YMLdYbA==\nbert:MdbP4NFq6TG3PFnX4MCJwA==");
	chmod(db, 0644);
	is_int(users_set(db, "carl", hash, "nobody", &was), 0, "add");
	ok(!was, "was not there");
	one = text_of(db);
	is_str(one,
	       "# kept\nanna:iEb36u6PsRetBr3YMLdYbA==\nbert:MdbP4NFq6TG3PFnX4MCJwA==\n"
	       "carl:iEb36u6PsRetBr3YMLdYbA==\n",
	       "other lines stay");
	ok(!stat(db, &st) && (st.st_mode & 07777) == 0600, "mode 0600");
	is_int(users_find(u, "carl", &a), 0, "found at once");
	is_str(a.unix_user, "nobody", "mapped by the side file");
	is_int(users_set(db, "BERT", hash, NULL, &was), 0, "new password");
	ok(was, "was there");
	is_int(users_find(u, "bert", &a), 0, "still there");
	is_mem(a.nt_hash, hash, sizeof(hash), "new hash");
	is_int(users_set(db, "carl", hash, "carl", &was), 0, "back to the same name");
	is_int(users_find(u, "carl", &a), 0, "found");
	is_str(a.unix_user, "carl", "same name");
	two = text_of(own_map);
	is_str(two, "", "the map is empty again");
	users_set(db, "carl", hash, "a b", &was);
	is_int(users_delete(db, "CARL"), 0, "delete");
	is_int(users_find(u, "carl", &a), -ENOENT, "gone");
	three = text_of(own_map);
	is_str(three, "", "gone from the map as well");
	is_int(users_delete(db, "carl"), -ENOENT, "delete what is not there");
	is_int(users_set(db, "a:b", hash, NULL, &was), -EINVAL, "no colon in a name");
	is_int(users_set(db, "a\nb", hash, NULL, &was), -EINVAL, "no newline");
	is_int(users_set(db, "", hash, NULL, &was), -EINVAL, "not empty");
	users_close(u);
}

static void test_map(void)
{
	char out[USERS_NAME_MAX];

	ok(usermap_find("a = x\nb = a\n", "X", out), "found");
	is_str(out, "b", "a later line applies to what an earlier one made");
	ok(usermap_find("!a = x\nb = a\n", "x", out), "found");
	is_str(out, "a", "! ends the search");
	ok(!usermap_find("a = x\n; b = y\n= z\nq", "y", out), "not found");
	is_str(out, "y", "unchanged");
	ok(usermap_find("nobody = *", "anyone", out), "star");
	ok(usermap_find("boss = @root", "root", out), "group");
	ok(!usermap_find("boss = @nosuchgroup", "root", out), "no such group");
}

static void test_identity(void)
{
	struct unix_identity id;
	gid_t gid;

	is_int(unix_identity_lookup("root", &id), 0, "root exists");
	is_int(id.uid, 0, "uid 0");
	is_str(id.name, "root", "name");
	is_str(id.group, "root", "group");
	ok(id.ngroups >= 1 && unix_identity_in_group(&id, "root"), "groups");
	unix_identity_free(&id);
	is_int(unix_identity_lookup("root", &id), 0, "again, by what is remembered");
	is_str(id.name, "root", "the same name");
	ok(id.ngroups >= 1 && unix_identity_in_group(&id, "root"), "the same groups");
	unix_identity_free(&id);
	unix_identity_forget();
	is_int(unix_identity_lookup("root", &id), 0, "once more, after all is forgotten");
	unix_identity_free(&id);
	is_int(unix_identity_lookup("no-such-user-here", &id), -ENOENT, "no such user");
	is_int(unix_group_lookup("no-such-group-here", &gid), -ENOENT, "no such group");
}

int main(void)
{
	if (!mkdtemp(dir))
		return skip_all("no temporary folder");
	snprintf(db, sizeof(db), "%s/ksmbdpwd.db", dir);
	snprintf(own_map, sizeof(own_map), "%s/ksmbdpwd.db.map", dir);
	snprintf(map, sizeof(map), "%s/map", dir);
	test_find();
	test_edit();
	test_map();
	test_identity();
	unlink(db);
	unlink(own_map);
	ok(!rmdir(dir), "nothing else is left in the folder");
	return done_testing();
}
