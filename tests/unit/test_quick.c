// SPDX-License-Identifier: GPL-2.0-or-later
/* What a thread that must not wait puts off, and who it is: vfs/quick.c, vfs/identity.c. */
#include "vfs/internal.h"

#include <ftw.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "tap.h"

#define NAME_NF ((ntstatus)NT_STATUS_OBJECT_NAME_NOT_FOUND)
#define SEC	1000000000ull

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *w)
{
	return remove(path);
}

static void touch(const char *dir, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);

	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
}

static ntstatus look(struct vfs_share *s, const char *path, bool quick, bool *later)
{
	_cleanup_vfs_path_ struct vfs_path p;
	ntstatus status;

	if (quick)
		vfs_quick_begin();
	status = vfs_resolve(s, path, 0, &p);
	*later = quick && vfs_quick_end();
	return status;
}

/* The index of a folder is read by who may wait; then it serves all, until the folder changes. */
static void test_index(struct vfs_share *s, const char *dir)
{
	bool later;

	touch(dir, "Name");
	is_int(look(s, "Name", true, &later), 0, "the right spelling");
	ok(!later, "needs no index");
	ok(look(s, "NAME", true, &later) != 0, "another one does");
	ok(later, "and is put off");
	is_int(look(s, "NAME", false, &later), 0, "to who may wait");
	is_int(look(s, "nAME", true, &later), 0, "then it is there");
	ok(!later, "for all");
	touch(dir, "Other");
	ok(look(s, "OTHER", true, &later) != 0 && later, "a change by others makes it old");
	is_int(look(s, "none", false, &later), NAME_NF, "read again");
	is_int(look(s, "nothing", true, &later), NAME_NF, "what is not there");
	ok(!later, "is known not to be");
}

/* In a mount namespace of our own. */
static void test_mount(const char *dir, const struct vfs_options *o)
{
	_cleanup_free_ char *sub = xasprintf("%s/mounted", dir);
	struct vfs_share *s;
	bool later;

	mkdir(sub, 0755);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", sub, "tmpfs", 0, NULL)) {
		ok(true, "no right to mount # SKIP");
		return;
	}
	touch(sub, "f");
	if (is_int(vfs_share_open("mount", dir, o, &s), 0, "a share")) {
		is_int(look(s, "mounted/f", false, &later), 0, "of two file systems");
		ok(look(s, "mounted/f", true, &later) != 0 && later, "the other is put off");
		vfs_share_put(s);
	}
	umount2(sub, MNT_DETACH);
}

static void test_slow(void)
{
	struct vfs_share s = { .in_memory = true };
	uint64_t now = 100 * SEC;

	ok(vfs_share_is_quick(&s, now), "in memory: quick");
	vfs_share_took(&s, now - SEC, now);
	vfs_share_took(&s, now - SEC, now + 2 * SEC);
	vfs_share_took(&s, now - SEC, now + 4 * SEC);
	ok(vfs_share_is_quick(&s, now + 4 * SEC), "slow now and then is chance");
	for (int i = 0; i < 3; i++)
		vfs_share_took(&s, now + 5 * SEC - SEC / 10, now + 5 * SEC);
	ok(!vfs_share_is_quick(&s, now + 5 * SEC), "slow several times is slow");
	ok(vfs_share_is_quick(&s, now + 16 * SEC), "not for ever");
	s.in_memory = false;
	ok(!vfs_share_is_quick(&s, now + 16 * SEC), "on a disk: never");
}

static uid_t fsuid(void)
{
	return (uid_t)syscall(SYS_setfsuid, (uid_t)-1);
}

static void test_identity(void)
{
	gid_t groups[] = { 12347, 12348 };
	struct identity *a = identity_new(12345, 12346, groups, 2);
	struct identity *b = identity_new(12345, 12346, groups, 2);
	struct identity *c = identity_new(12345, 12346, groups, 1);
	gid_t now[4];

	is_int(identity_become(a), 0, "somebody");
	is_int(identity_become(b), 0, "by another session");
	is_int(fsuid(), 12345, "is the same");
	identity_put(a);
	is_int(identity_become(b), 0, "whichever goes first");
	is_int(identity_become(c), 0, "with fewer groups");
	is_int(syscall(SYS_getgroups, 4, now), 1, "has fewer");
	is_int(identity_root_begin(), 0, "a section as root");
	is_int(identity_become(b), 0, "ends when the thread becomes another");
	is_int(fsuid(), 12345, "who is that one");
	is_int(syscall(SYS_getgroups, 4, now), 2, "with his groups");
	(void)identity_become_self();
	is_int(fsuid(), 0, "and itself in the end");
	identity_put(b);
	identity_put(c);
}

int main(void)
{
	char dir[] = "/dev/shm/kh-quick.XXXXXX";
	struct vfs_options o;
	struct vfs_share *s;

	if (!mkdtemp(dir))
		return skip_all("no temporary folder");
	vfs_options_default(&o);
	o.acl_xattr = NULL;
	if (is_int(vfs_share_open("quick", dir, &o, &s), 0, "a share")) {
		test_index(s, dir);
		if (!geteuid()) {
			test_identity();
			test_mount(dir, &o);
		}
		vfs_share_put(s);
	}
	test_slow();
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return done_testing();
}
