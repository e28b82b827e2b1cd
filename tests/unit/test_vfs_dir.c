// SPDX-License-Identifier: GPL-2.0-or-later
/* Names from clients, wildcards, enumeration of small and large folders. */
#include "vfs/internal.h"

#include "core/utf16.h"
#include "smb2_pdu.h"
#include "tap.h"

#include <ftw.h>

#define INVALID ((ntstatus)NT_STATUS_OBJECT_NAME_INVALID)
#define SYNTAX	((ntstatus)NT_STATUS_OBJECT_PATH_SYNTAX_BAD)
#define PARAM	((ntstatus)NT_STATUS_INVALID_PARAMETER)

/* path and stream are compared when the status is SUCCESS. */
static void name_is(const char *wire, ntstatus status, const char *path, const char *stream)
{
	uint8_t utf16[4096];
	int n = utf8_to_utf16(wire, strlen(wire), utf16, sizeof(utf16));
	struct vfs_name name;
	ntstatus got = vfs_name_parse(utf16, (size_t)MAX(n, 0), 0, &name);

	if (!is_str(nt_name(got), nt_name(status), wire) || got)
		return;
	is_str(name.path, path, "path");
	is_str(name.stream, stream, "stream");
	vfs_name_free(&name);
}

static void test_names(void)
{
	char longest[300];
	struct vfs_name n;

	name_is("", 0, "", NULL);
	name_is("a\\b\\c", 0, "a/b/c", NULL);
	name_is("a\\\\b\\", 0, "a/b", NULL);
	name_is("a\\..\\b", 0, "b", NULL);
	name_is("a\\b\\..\\..\\c", 0, "c", NULL);
	name_is("a..b\\...", 0, "a..b/...", NULL);
	name_is("\\a", PARAM, NULL, NULL);
	name_is("..", SYNTAX, NULL, NULL);
	name_is("a\\..\\..\\b", SYNTAX, NULL, NULL);
	name_is("a\\.\\b", INVALID, NULL, NULL);
	name_is("a*", INVALID, NULL, NULL);
	name_is("a\\b?\\c", INVALID, NULL, NULL);
	name_is("a\x01", INVALID, NULL, NULL);
	name_is("a|b", INVALID, NULL, NULL);
	name_is("a\xef\x80\xa2", 0, "a\xef\x80\xa2", NULL);
	name_is("\xf0\x9f\x98\x80", 0, "\xf0\x9f\x98\x80", NULL);
	name_is("f:s", 0, "f", "s");
	name_is("d\\f:s:$data", 0, "d/f", "s");
	name_is("f::$DATA", 0, "f", NULL);
	name_is("f:?Stream*:$DATA", 0, "f", "?Stream*");
	name_is("f:", INVALID, NULL, NULL);
	name_is("f::", INVALID, NULL, NULL);
	name_is("f:s:", INVALID, NULL, NULL);
	name_is("f:s:$FOO", INVALID, NULL, NULL);
	name_is("f:s:$DATA:x", INVALID, NULL, NULL);
	name_is("f:s\\x", INVALID, NULL, NULL);
	name_is("d\\:s", INVALID, NULL, NULL);
	name_is("d::$INDEX_ALLOCATION", 0, "d", NULL);
	memset(longest, 'x', 255);
	longest[255] = '\0';
	name_is(longest, 0, longest, NULL);
	strcat(longest, "y");
	name_is(longest, INVALID, NULL, NULL);
	is_int(vfs_name_parse("a", 1, 0, &n), PARAM, "odd length");
	is_int(vfs_name_parse("a\0\0\0", 4, 0, &n), INVALID, "NUL");
	is_int(vfs_name_parse("\0\xd8x\0", 4, 0, &n), INVALID, "half a surrogate pair");
	is_int(vfs_name_parse("s\0\\\0h\0\\\0f\0", 10, VFS_NAME_DFS, &n), 0, "DFS");
	is_str(n.path, "f", "path behind server and share");
	vfs_name_free(&n);
}

static void test_wire(void)
{
	char buf[VFS_NAME_WIRE_MAX], back[VFS_NAME_WIRE_MAX];
	static const char *const disk[] = { "a:b", "x*?", "bad\xff\xfe", "\x01ctl", "a\\b" };
	_cleanup_free_ char *path = vfs_path_to_wire("a/b:/c");
	size_t i;

	is_str(vfs_name_to_wire("plain", buf), "plain", "nothing to map");
	is_str(vfs_name_to_wire("a:b", buf),
	       "a\xef\x80\xa2"
	       "b",
	       "a colon is U+F022");
	is_str(path, "a\\b\xef\x80\xa2\\c", "a whole path");
	for (i = 0; i < ARRAY_SIZE(disk); i++) {
		const char *wire = vfs_name_to_wire(disk[i], buf);

		ok(utf8_utf16_len(wire, strlen(wire)) > 0, "is valid for clients");
		ok(name_from_wire(wire, back), "has something to undo");
		is_str(back, disk[i], "is undone");
	}
}

static void match(const char *expr, const char *name, bool want)
{
	char text[128];

	snprintf(text, sizeof(text), "%s %s %s", expr, want ? "matches" : "does not match", name);
	is_int(vfs_wildcard_match(expr, name, false), want, text);
}

static void test_wildcards(void)
{
	char evil[600];
	uint64_t t;

	match("*", "anything", true);
	match("*.txt", "a.TXT", true);
	match("*.txt", "a.txt.x", false);
	match("a?c", "abc", true);
	match("a?", "a", false);
	match("*.*", "nodot", false);
	match("<.>", "a.b", true);
	match("<.>", "a.b.c", true);
	match("<", "a.b.c", false);
	match("<", "abc", true);
	match("<\"*", "nodot", true);
	match("<\"*", "a.b", true);
	match("<.b", "a.x.b", true);
	match("<c", "a.b.c", true);
	match(">>>>>>>>.>>>", "short.c", true);
	match(">>>", "ab", true);
	match(">>>", "abcd", false);
	match("a\"", "a", true);
	match("a\"", "a.", true);
	match("a\"b", "a.b", true);
	match("\xc3\xa4*", "\xc3\x84rger", true);
	match("*?*", "", false);
	memset(evil, '*', 500);
	strcpy(evil + 500, "b");
	t = now_ns();
	match(evil,
	      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	      false);
	ok(now_ns() - t < 100000000, "stars do not explode");
}

static struct vfs_dir *open_dir(struct vfs_share *s, const char *path)
{
	_cleanup_vfs_path_ struct vfs_path p;
	struct vfs_dir *d = NULL;

	if (vfs_resolve(s, path, 0, &p))
		return NULL;
	vfs_dir_open(s, vfs_open(&p, O_RDONLY | O_DIRECTORY), &d);
	return d;
}

/* All that the pattern gives, joined by commas, sorted by nothing: for folders of few entries. */
static int list(struct vfs_dir *d, const char *pattern, char *out, size_t cap)
{
	struct vfs_dirent e;
	struct vfs_attr a;
	int n = 0;

	out[0] = '\0';
	if (vfs_dir_restart(d, pattern))
		return -1;
	while (vfs_dir_next(d, &e) > 0) {
		if (vfs_dir_attr(d, &e, &a))
			continue;
		n++;
		strncat(out, e.name, cap - strlen(out) - 2);
		strcat(out, ",");
	}
	return n;
}

static void make_link(struct vfs_share *s, const char *target, const char *name)
{
	is_int(symlinkat(target, s->root, name), 0, name);
}

static void touch(struct vfs_share *s, const char *name)
{
	close(openat(s->root, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
}

/* A symlink that the server cannot follow is shown as one. */
static void look_at_link(struct vfs_dir *d, const char *name, bool as_link)
{
	struct vfs_dirent e;
	struct vfs_attr a;

	if (!is_int(vfs_dir_restart(d, name), 0, name) || !is_int(vfs_dir_next(d, &e), 1, name))
		return;
	is_int(vfs_dir_attr(d, &e, &a), 0, "its facts");
	is_int(a.reparse_tag, as_link ? IO_REPARSE_TAG_SYMLINK : 0, "its tag");
	is_int(!!(a.attributes & FILE_ATTRIBUTE_REPARSE_POINT), as_link, "the attribute");
}

static void test_small(struct vfs_share *s)
{
	struct vfs_dirent e;
	struct vfs_attr a;
	struct vfs_dir *d;
	char out[512];

	mkdirat(s->root, "d", 0755);
	touch(s, "d/One");
	touch(s, "d/two.txt");
	touch(s, "d/a:b");
	make_link(s, "One", "d/in");
	make_link(s, "../d/One", "d/up");
	make_link(s, "/etc/passwd", "d/out");
	make_link(s, "nothing", "d/dangling");
	d = open_dir(s, "D");
	if (!ok(d, "folder opens"))
		return;
	is_int(list(d, "*", out, sizeof(out)), 9, "everything");
	ok(!strncmp(out, ".,..,", 5), "dots first");
	is_int(list(d, "*.TXT", out, sizeof(out)), 1, "a pattern");
	is_str(out, "two.txt,", "in any case");
	is_int(list(d, "oNE", out, sizeof(out)), 1, "a single name");
	is_str(out, "One,", "as on disk");
	is_int(list(d,
		    "a\xef\x80\xa2"
		    "b",
		    out, sizeof(out)),
	       1, "a name that SMB cannot carry");
	is_int(list(d, "none", out, sizeof(out)), 0, "a name that is not there");
	is_int(list(d, "out", out, sizeof(out)), 1, "a symlink that leaves");
	look_at_link(d, "out", true);
	look_at_link(d, "dangling", true);
	look_at_link(d, "up", false);
	is_int(list(d, "up", out, sizeof(out)), 1, "one that does not");
	is_int(list(d, "..", out, sizeof(out)), 1, "the parent");
	is_int(vfs_dir_restart(d, "a\\b"), -EILSEQ, "no path as a pattern");
	vfs_dir_restart(d, "");
	vfs_dir_next(d, &e);
	vfs_dir_unget(d);
	is_int(vfs_dir_next(d, &e), 1, "put back");
	is_str(e.name, ".", "comes again");
	is_int(vfs_dir_attr(d, &e, &a), 0, "its attributes");
	is_int(a.attributes, FILE_ATTRIBUTE_DIRECTORY, "a folder's");
	is_int(vfs_dir_ea_size(d, &e), 0, "no EAs");
	vfs_dir_close(d);
}

static void test_large(struct vfs_share *s, int files)
{
	struct vfs_dirent e;
	struct vfs_attr a;
	struct vfs_dir *d;
	char name[64];
	int i, n = 0;
	uint64_t t;

	mkdirat(s->root, "large", 0755);
	for (i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "large/some file number %d.txt", i);
		touch(s, name);
	}
	d = open_dir(s, "large");
	if (!ok(d, "large folder opens"))
		return;
	t = now_ns();
	vfs_dir_restart(d, "*");
	while (vfs_dir_next(d, &e) > 0)
		n += !vfs_dir_attr(d, &e, &a);
	t = now_ns() - t;
	is_int(n, files + 2, "every entry once");
	printf("# %d entries with attributes in %.1f ms\n", files, (double)t / 1e6);
	vfs_dir_close(d);
}

static int rm_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void test_on(const char *base)
{
	char path[64];
	struct vfs_options o;
	struct vfs_fs_info fs;
	struct vfs_share *s;

	snprintf(path, sizeof(path), "%s/kh-dir-XXXXXX", base);
	if (!mkdtemp(path))
		return;
	printf("# on %s\n", base);
	vfs_options_default(&o);
	is_int(vfs_share_open("t", path, &o, &s), 0, "share opens");
	test_small(s);
	test_large(s, getenv("KH_BENCH") ? 100000 : 5000);
	is_int(vfs_fs_info(s, -1, &fs), 0, "file system");
	ok(fs.total_units >= fs.free_units && fs.sectors_per_unit && fs.serial, "facts are sane");
	vfs_share_put(s);
	nftw(path, rm_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	test_names();
	test_wire();
	test_wildcards();
	test_on("/dev/shm");
	test_on("/tmp");
	return done_testing();
}
