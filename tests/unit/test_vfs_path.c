// SPDX-License-Identifier: GPL-2.0-or-later
/* Shares, paths, the name cache, creating, removing, renaming; on tmpfs and on a disk. */
#include "vfs/internal.h"

#include "smb2_pdu.h"
#include "tap.h"

#include <ftw.h>
#include <sys/sysmacros.h>

static int rm_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static struct vfs_share *open_share(const char *path, const struct vfs_options *o)
{
	struct vfs_share *s = NULL;

	is_int(vfs_share_open("test", path, o, &s), 0, "share opens");
	return s;
}

static void make_link(struct vfs_share *s, const char *target, const char *name)
{
	is_int(symlinkat(target, s->root, name), 0, name);
}

static void touch(struct vfs_share *s, const char *name)
{
	close(openat(s->root, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
}

static void look_by(struct vfs_share *s, const char *path, unsigned int flags, ntstatus status,
		    const char *want)
{
	_cleanup_vfs_path_ struct vfs_path p;
	ntstatus got = vfs_resolve(s, path, VFS_RESOLVE_DOS | flags, &p);
	char name[300];

	snprintf(name, sizeof(name), "%s is %s%s", path, nt_name(status),
		 flags ? ", by its parent" : "");
	if (!is_str(nt_name(got), nt_name(status), name) || !want)
		return;
	is_str(p.path, want, "spelling on disk");
}

#define BY_PARENT (VFS_RESOLVE_PARENT | VFS_RESOLVE_READ)

/* Status of a lookup, and the path as on disk, to be compared with want (NULL: any). */
static void look(struct vfs_share *s, const char *path, ntstatus status, const char *want)
{
	look_by(s, path, 0, status, want);
	look_by(s, path, BY_PARENT, status, want);
}

/* What is asked for by its parent is open for reading, if that neither waits nor does anything. */
static void test_by_parent(struct vfs_share *s)
{
	static const struct {
		const char *name;
		bool reads;
	} cases[] = {
		{ "bp/file", true }, { "bp/dir", true }, { "bp/fifo", false }, { "bp/null", false }
	};
	char text[64];

	mkdirat(s->root, "bp", 0755);
	touch(s, "bp/file");
	mkdirat(s->root, "bp/dir", 0755);
	mkfifoat(s->root, "bp/fifo", 0644);
	(void)mknodat(s->root, "bp/null", S_IFCHR | 0644, makedev(1, 3));
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_vfs_path_ struct vfs_path p;
		ntstatus got = vfs_resolve(s, cases[i].name, BY_PARENT, &p);

		if (got && i == 3)
			continue; /* who is not root makes none */
		snprintf(text, sizeof(text), "%s is found", cases[i].name);
		is_int(got, 0, text);
		is_int(p.reads, cases[i].reads, "and for reading, or not");
		ok(p.parent >= 0 && p.attr.nlink, "with its parent and its attributes");
	}
}

/* What look() of a short name finds, and what would be made of one. */
static void test_short(struct vfs_share *s)
{
	static const char full[] = "A long name with Umlauts \xc3\xa4.text";
	char made[VFS_SHORT_NAME], gone[VFS_SHORT_NAME];

	touch(s, full);
	vfs_short_name(full, made);
	look(s, made, 0, full);
	made[0] = (char)(made[0] | 0x20);
	look(s, made, 0, full);
	vfs_short_name("something else entirely", gone);
	look(s, gone, (ntstatus)NT_STATUS_OBJECT_NAME_NOT_FOUND, "something else entirely");
	look(s, "NONE0000~1.TXT", (ntstatus)NT_STATUS_OBJECT_NAME_NOT_FOUND, "NONE0000~1.TXT");
	look(s, "no/such~1", (ntstatus)NT_STATUS_OBJECT_PATH_NOT_FOUND, NULL);
	is_int(unlinkat(s->root, full, 0), 0, "removed");
	look(s, made, (ntstatus)NT_STATUS_OBJECT_NAME_NOT_FOUND, full);
}

#define NAME_NF (ntstatus) NT_STATUS_OBJECT_NAME_NOT_FOUND
#define PATH_NF (ntstatus) NT_STATUS_OBJECT_PATH_NOT_FOUND

static void test_lookup(struct vfs_share *s)
{
	mkdirat(s->root, "Dir", 0755);
	mkdirat(s->root, "Dir/Sub", 0755);
	touch(s, "Dir/Sub/File.txt");
	touch(s, "Dir/\xc3\x84rger");
	touch(s, "Dir/a:b");
	look(s, "", 0, "");
	look(s, "Dir/Sub/File.txt", 0, "Dir/Sub/File.txt");
	look(s, "dir/SUB/file.TXT", 0, "Dir/Sub/File.txt");
	look(s, "dir/SUB/new.TXT", NAME_NF, "Dir/Sub/new.TXT");
	look(s, "DIR/\xc3\xa4RGER", 0, "Dir/\xc3\x84rger");
	look(s,
	     "dir/a\xef\x80\xa2"
	     "b",
	     0, "Dir/a:b");
	look(s, "nowhere/x", PATH_NF, NULL);
	look(s, "dir/nowhere/x", PATH_NF, NULL);
	look(s, "Dir/Sub/File.txt/x", PATH_NF, NULL);
	look(s, "dir/sub/file.txt/x", PATH_NF, NULL);
	touch(s, "Dir/Sub/foreign");
	look(s, "Dir/Sub/FOREIGN", 0, "Dir/Sub/foreign");
	unlinkat(s->root, "Dir/Sub/foreign", 0);
	look(s, "Dir/Sub/FOREIGN", NAME_NF, NULL);
	touch(s, "Dir/Sub/FILE.TXT");
	look(s, "Dir/Sub/FILE.TXT", 0, "Dir/Sub/FILE.TXT");
	look(s, "Dir/Sub/File.txt", 0, "Dir/Sub/File.txt");
	unlinkat(s->root, "Dir/Sub/FILE.TXT", 0);
}

static void test_symlinks(struct vfs_share *s, const char *path)
{
	struct vfs_options o = s->opt;
	struct vfs_share *t;

	make_link(s, "/etc", "abs");
	make_link(s, "../../../../etc", "rel");
	make_link(s, "Dir/Sub", "in");
	make_link(s, "nothing", "dangling");
	make_link(s, "loop", "loop");
	make_link(s, "../..", "Dir/Sub/up");
	make_link(s, "../../in", "Dir/Sub/back");
	make_link(s, "/proc/self/root", "magic");
	look(s, "abs", NAME_NF, NULL);
	look(s, "abs/passwd", PATH_NF, NULL);
	look(s, "rel", NAME_NF, NULL);
	look(s, "REL/passwd", PATH_NF, NULL);
	look(s, "dangling", NAME_NF, NULL);
	look(s, "loop", NAME_NF, NULL);
	look(s, "loop/x", PATH_NF, NULL);
	look(s, "in/File.txt", 0, NULL);
	look(s, "IN/file.txt", 0, "in/File.txt");
	look(s, "Dir/Sub/up/Dir", 0, NULL);
	look(s, "Dir/Sub/up/etc", NAME_NF, NULL);
	look(s, "Dir/Sub/back/File.txt", 0, NULL);
	o.follow_symlinks = false;
	t = open_share(path, &o);
	look(t, "in", NAME_NF, NULL);
	look(t, "in/File.txt", PATH_NF, NULL);
	look(t, "Dir/Sub/File.txt", 0, NULL);
	vfs_share_put(t);
	o.follow_symlinks = o.wide_links = true;
	t = open_share(path, &o);
	look(t, "abs/passwd", 0, NULL);
	look(t, "ABS/PASSWD", 0, "abs/passwd");
	look(t, "magic/etc", PATH_NF, NULL);
	vfs_share_put(t);
}

/* What CREATE asks for. */
static void look_native(struct vfs_share *s, const char *path, unsigned int flags, int64_t want,
			const char *link, const char *rest)
{
	_cleanup_vfs_path_ struct vfs_path p;

	is_int(vfs_resolve(s, path, flags | VFS_RESOLVE_REPARSE, &p), want, path);
	ok(!link == !(p.exists && S_ISLNK(p.attr.mode)), "a symlink or not");
	if (link)
		is_str(p.path, link, "its path");
	if (rest)
		is_str(p.rest ? p.rest : "none", rest, "what comes behind it");
}

static void test_native(struct vfs_share *s, const char *path)
{
	const int64_t stop = NT_STATUS_STOPPED_ON_SYMLINK;
	struct vfs_options o = s->opt;
	struct vfs_share *t;

	look_native(s, "dangling", 0, 0, "dangling", NULL);
	look_native(s, "ABS", 0, 0, "abs", NULL);
	look_native(s, "abs/passwd", 0, PATH_NF, NULL, NULL);
	look_native(s, "in", 0, 0, NULL, NULL);
	look_native(s, "in", VFS_RESOLVE_NATIVE, 0, "in", NULL);
	look_native(s, "in/File.txt", VFS_RESOLVE_NATIVE, stop, "in", "/File.txt");
	look_native(s, "in/none/File.txt", VFS_RESOLVE_NATIVE, stop, "in", "/none/File.txt");
	look_native(s, "Dir/Sub/back/File.txt", VFS_RESOLVE_NATIVE, stop, "Dir/Sub/back",
		    "/File.txt");
	look_native(s, "Dir/Sub/File.txt", VFS_RESOLVE_NATIVE, 0, NULL, NULL);
	look_native(s, "Dir/none/File.txt", VFS_RESOLVE_NATIVE, PATH_NF, NULL, NULL);
	o.native_symlinks = true;
	t = open_share(path, &o);
	look_native(t, "IN", 0, 0, "in", NULL);
	look_native(t, "DIR/SUB/BACK/file.txt", 0, stop, "Dir/Sub/back", "/file.txt");
	look(t, "in/File.txt", 0, NULL);
	vfs_share_put(t);
	o.follow_symlinks = o.native_symlinks = false;
	t = open_share(path, &o);
	look_native(t, "dangling", 0, NAME_NF, NULL, NULL);
	vfs_share_put(t);
}

static void test_dangling_create(struct vfs_share *s)
{
	_cleanup_vfs_path_ struct vfs_path p;

	is_int(vfs_resolve(s, "rel", 0, &p), NAME_NF, "a symlink that leaves does not exist");
	is_int(vfs_create(&p, O_RDWR, 0644, 0), -ENOENT, "and nothing is created through it");
}

static int create(struct vfs_share *s, const char *path)
{
	_cleanup_vfs_path_ struct vfs_path p;

	if (vfs_resolve(s, path, 0, &p) != NAME_NF)
		return -EEXIST;
	return vfs_create(&p, O_RDWR, 0644, FILE_ATTRIBUTE_ARCHIVE);
}

static int rename_to(struct vfs_share *s, const char *from, const char *to, bool replace,
		     const char *want)
{
	_cleanup_vfs_path_ struct vfs_path f, t;
	int r;

	vfs_resolve(s, from, VFS_RESOLVE_NO_FOLLOW, &f);
	vfs_resolve(s, to, VFS_RESOLVE_NO_FOLLOW, &t);
	r = vfs_rename(&f, &t, replace);
	if (!r)
		is_str(t.path, want, "renamed to the right spelling");
	return r;
}

static void test_change(struct vfs_share *s)
{
	_cleanup_vfs_path_ struct vfs_path p, d;
	struct vfs_id other = { 1, 2 };

	is_int(create(s, "Dir/One"), 0, "create");
	is_int(create(s, "dir/ONE"), -EEXIST, "exists but for case");
	is_int(create(s, "dir/two"), 0, "create by another case of the folder");
	is_int(faccessat(s->root, "Dir/two", F_OK, 0), 0, "is in the right folder");
	is_int(rename_to(s, "dir/two", "dir/TWO", false, "Dir/TWO"), 0, "change of case");
	is_int(faccessat(s->root, "Dir/TWO", F_OK, 0), 0, "is on disk");
	look(s, "Dir/two", 0, "Dir/TWO");
	is_int(rename_to(s, "dir/one", "DIR/two", false, NULL), -EEXIST, "no replacing");
	is_int(rename_to(s, "dir/one", "DIR/two", true, "Dir/TWO"), 0, "replacing");
	look(s, "Dir/one", NAME_NF, NULL);
	is_int(rename_to(s, "dir/two", "Three", false, "Three"), 0, "into another folder");
	look(s, "three", 0, "Three");
	look(s, "dir/two", NAME_NF, NULL);
	is_int(rename_to(s, "Dir", "Dir/Sub/x", false, NULL), -EINVAL, "not into itself");

	vfs_resolve(s, "three", 0, &p);
	is_int(vfs_resolve(s, "dir/link", 0, &d), NAME_NF, "no link yet");
	is_int(vfs_link(s, p.fd, &d, false), 0, "hard link");
	look(s, "DIR/LINK", 0, "Dir/link");
	is_int(vfs_remove(s, "Three", other, false), -ESTALE, "not another file's name");
	is_int(vfs_remove(s, "Three", p.entry, false), 0, "remove");
	look(s, "three", NAME_NF, NULL);
	is_int(vfs_remove(s, "Dir/link", p.entry, false), 0, "remove the other name");
	vfs_path_release(&p);
	vfs_path_release(&d);

	is_int(vfs_resolve(s, "Dir/NewDir", 0, &d), NAME_NF, "no folder yet");
	is_int(vfs_mkdir(&d, 0755, 0), 0, "mkdir");
	ok(d.attr.is_dir && d.attr.attributes == FILE_ATTRIBUTE_DIRECTORY, "is a folder");
	is_int(vfs_dir_is_empty(s, d.fd), 0, "is empty");
	touch(s, "Dir/NewDir/x");
	is_int(vfs_dir_is_empty(s, d.fd), -ENOTEMPTY, "is not");
	is_int(vfs_remove(s, "Dir/NewDir", d.entry, true), -ENOTEMPTY, "is not removed then");
	unlinkat(s->root, "Dir/NewDir/x", 0);
	is_int(vfs_remove(s, "Dir/NewDir", d.entry, true), 0, "is removed empty");
}

static void test_many(struct vfs_share *s)
{
	char name[64];
	uint64_t t;
	int i, bad = 0;

	mkdirat(s->root, "many", 0755);
	for (i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "many/file number %d", i);
		touch(s, name);
	}
	t = now_ns();
	for (i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "many/New %d", i);
		bad += !!create(s, name);
	}
	t = now_ns() - t;
	is_int(bad, 0, "2,000 creates among 20,000");
	ok(t < 2000000000u, "are not quadratic");
	printf("# %.1f us per create\n", (double)t / 2000e3);
	t = now_ns();
	for (i = 0; i < 2000; i++) {
		_cleanup_vfs_path_ struct vfs_path p;

		snprintf(name, sizeof(name), "MANY/nEW %d", i);
		bad += !!vfs_resolve(s, name, 0, &p);
	}
	printf("# %.1f us per lookup in another case\n", (double)(now_ns() - t) / 2000e3);
	t = now_ns();
	for (i = 0; i < 20000; i++) {
		_cleanup_vfs_path_ struct vfs_path p;

		snprintf(name, sizeof(name), "many/New %d", i % 2000);
		bad += !!vfs_resolve(s, name, VFS_RESOLVE_DOS, &p);
	}
	printf("# %.2f us per lookup in the same case, with attributes\n",
	       (double)(now_ns() - t) / 20000e3);
	is_int(bad, 0, "all found");
}

/* What somebody put in the place of what was made. */
static void test_made(struct vfs_share *s)
{
	const struct timespec old[2] = { { 1, 0 }, { 1, 0 } };
	_cleanup_close_ int fd = -1;

	mkdirat(s->root, "made", 0755);
	fd = openat(s->root, "made", O_PATH | O_CLOEXEC);
	is_int(check_made(s->root, fd, S_IFDIR), 0, "one's own folder");
	is_int(check_made(s->root, fd, S_IFLNK), -ESTALE, "is no symlink");
	if (fchownat(s->root, "made", 4711, -1, 0))
		return;
	is_int(check_made(s->root, fd, S_IFDIR), -ESTALE, "another user's is refused");
	is_int(fchownat(s->root, "", 4711, -1, AT_EMPTY_PATH), 0, "the folder is his too");
	is_int(check_made(s->root, fd, S_IFDIR), 0, "but where all are his");
	utimensat(s->root, "made", old, 0);
	is_int(check_made(s->root, fd, S_IFDIR), -ESTALE, "and even there if it is older");
	is_int(fchownat(s->root, "", geteuid(), -1, AT_EMPTY_PATH), 0, "no more");
}

static bool veto_tmp(const void *ctx, const char *name)
{
	size_t n = strlen(name);

	return n > 4 && !strcmp(name + n - 4, ".tmp");
}

static bool veto_colon(const void *ctx, const char *name)
{
	return strchr(name, ':');
}

/* Other names of what is vetoed: symlinks to it, and the spelling of what SMB cannot carry. */
static void test_veto_aliases(struct vfs_share *s, const char *path)
{
	struct vfs_options o = s->opt;
	struct vfs_share *t;

	o.veto.match = veto_tmp;
	t = open_share(path, &o);
	mkdirat(t->root, "a.tmp", 0755);
	touch(t, "a.tmp/inside");
	touch(t, "b.tmp");
	touch(t, "plain");
	make_link(t, "a.tmp", "todir");
	make_link(t, "a.tmp/inside", "tofile");
	make_link(t, "b.tmp", "toleaf");
	make_link(t, "plain", "toplain");
	look(t, "todir", NAME_NF, NULL);
	look(t, "todir/inside", PATH_NF, NULL);
	look(t, "TODIR/INSIDE", PATH_NF, NULL);
	look(t, "todir/new", PATH_NF, NULL);
	look(t, "tofile", PATH_NF, NULL);
	look(t, "toleaf", NAME_NF, NULL);
	look(t, "toplain", 0, NULL);
	is_int(create(t, "todir/new"), -EEXIST, "nothing is made in a folder that is vetoed");
	is_int(create(t, "toleaf"), -ENOENT, "nor in the place of a link to what is vetoed");
	vfs_share_put(t);
	o.veto.match = veto_colon;
	o.case_sensitive = true;
	t = open_share(path, &o);
	touch(t, "a:b");
	look(t,
	     "a\xef\x80\xa2"
	     "b",
	     NAME_NF, NULL);
	vfs_share_put(t);
}

static void test_veto(struct vfs_share *s, const char *path)
{
	struct vfs_options o = s->opt;
	struct vfs_share *t;
	_cleanup_vfs_path_ struct vfs_path p;

	o.veto.match = veto_tmp;
	o.delete_veto_files = true;
	t = open_share(path, &o);
	touch(t, "x.tmp");
	look(t, "x.tmp", NAME_NF, NULL);
	look(t, "y.tmp/z", PATH_NF, NULL);
	is_int(create(t, "z.tmp"), -ENOENT, "a vetoed name is not created");
	mkdirat(t->root, "vd", 0755);
	mkdirat(t->root, "vd/t.tmp", 0755);
	touch(t, "vd/t.tmp/inside");
	vfs_resolve(t, "vd", 0, &p);
	is_int(vfs_dir_is_empty(t, p.fd), 0, "only vetoed files: empty");
	is_int(vfs_remove(t, "vd", p.entry, true), 0, "and removed with them");
	vfs_share_put(t);
}

static void test_vanish(const char *path, const struct vfs_options *o)
{
	_cleanup_free_ char *dir = xasprintf("%s/vanish", path);
	struct vfs_share *s;

	mkdir(dir, 0755);
	s = open_share(dir, o);
	look(s, "", 0, NULL);
	rmdir(dir);
	look(s, "", PATH_NF, NULL);
	look(s, "x", PATH_NF, NULL);
	is_int(vfs_share_check(s), -ENOENT, "the folder is gone");
	mkdir(dir, 0755);
	look(s, "x", NAME_NF, NULL);
	is_int(create(s, "x"), 0, "and works when it is back");
	vfs_share_put(s);
}

static void test_on(const char *base)
{
	char path[64];
	struct vfs_options o;
	struct vfs_share *s;

	snprintf(path, sizeof(path), "%s/kh-vfs-XXXXXX", base);
	if (!mkdtemp(path))
		return;
	printf("# on %s\n", base);
	vfs_options_default(&o);
	s = open_share(path, &o);
	test_lookup(s);
	test_short(s);
	test_symlinks(s, path);
	test_native(s, path);
	test_dangling_create(s);
	test_change(s);
	test_veto(s, path);
	test_by_parent(s);
	test_made(s);
	test_veto_aliases(s, path);
	test_many(s);
	test_vanish(path, &o);
	vfs_share_put(s);
	nftw(path, rm_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	test_on("/dev/shm");
	test_on("/tmp");
	return done_testing();
}
