// SPDX-License-Identifier: GPL-2.0-or-later
/* DOS attributes in all forms that Samba has written, times, streams and EAs on a file. */
#include "vfs/internal.h"

#include "smb2_pdu.h"
#include "tap.h"

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned int v;

	for (; sscanf(hex, "%2x", &v) == 1; hex += 2)
		out[n++] = (uint8_t)v;
	return n;
}

static void vector(const char *hex, bool good, uint32_t attributes, uint64_t created)
{
	struct dosattrib d;
	uint8_t blob[512];
	size_t n = unhex(hex, blob), i;

	is_int(dosattrib_parse(blob, n, &d), good, hex);
	is_int(d.attributes, attributes, "attributes");
	is_int((int64_t)d.create_time, (int64_t)created, "creation time");
	for (i = 0; i < n; i++)
		dosattrib_parse(blob, i, &d);
}

static void test_vectors(void)
{
	struct dosattrib d = { 0x22, 0x01dd79a4bc2bd32bull };
	uint8_t blob[DOSATTRIB_MAX], want[64];
	size_t n = unhex("000005000500000011000000220000002bd32bcda479dd01", want);

	d.create_time = 0x01dd79a4cd2bd32bull;
	/* Written by Samba 4.17 */
	vector("000005000500000011000000220000002bd32bcda479dd01", true, 0x22, d.create_time);
	is_int((int64_t)dosattrib_build(&d, blob), (int64_t)n, "as long as Samba's");
	is_mem(blob, want, n, "and the same bytes");
	/* 4: flags 0x51, attributes 0x20, itime, creation time */
	vector("00000400040000005100000020000000112233445566770100d0bcdea479dd01", true, 0x20,
	       0x01dd79a4debcd000ull);
	/* 3: only the attributes are valid; ea_size, sizes and times stand there all the same */
	vector("3078313100000300030000000100000011000000000000000000000000000000000000000000"
	       "000000000000000000000000000000000000",
	       true, 0x11, 0);
	vector("30783200", true, 0x2, 0);
	vector("307830323300", true, 0x23, 0);
	vector("3078", false, 0, 0);
	vector("", false, 0, 0);
	vector("00000900090000001100000020000000cd2f2ccda479dd01", false, 0, 0);
	vector("000005000400000011000000", false, 0, 0);
}

static void test_times(void)
{
	struct timespec ts = { 0, 0 };

	is_int((int64_t)nttime_from_timespec(&ts), NTTIME_EPOCH_DELTA, "1970");
	ts = nttime_to_timespec(NTTIME_EPOCH_DELTA - 1);
	ok(ts.tv_sec == -1 && ts.tv_nsec == 999999900, "100 ns before 1970");
	is_int((int64_t)nttime_from_timespec(&ts), NTTIME_EPOCH_DELTA - 1, "and back");
	ts = (struct timespec) { INT64_MAX, 0 };
	is_int((int64_t)nttime_from_timespec(&ts), INT64_MAX, "the far future");
	ts = (struct timespec) { INT64_MIN, 0 };
	is_int((int64_t)nttime_from_timespec(&ts), 1, "before 1601");
	is_int((int64_t)vfs_errno(-EDQUOT), (ntstatus)NT_STATUS_DISK_FULL, "EDQUOT");
	is_int((int64_t)vfs_errno(EMFILE), (ntstatus)NT_STATUS_TOO_MANY_OPENED_FILES, "EMFILE");
}

static void test_attributes(struct vfs_share *s, int fd)
{
	struct vfs_attr_change c = { .mask = VFS_SET_ATTRIBUTES | VFS_SET_CREATE | VFS_SET_WRITE,
				     .attributes = FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_READONLY,
				     .create_time = 132000000000000000ull,
				     .write_time = 133000000000000000ull };
	struct vfs_attr a;

	is_int(vfs_attr_get(s, fd, "f", &a), 0, "attributes of a file made by others");
	is_int(a.attributes, FILE_ATTRIBUTE_NORMAL, "are NORMAL");
	ok(!a.dos_stored && a.create_time, "and nothing is stored");
	is_int(vfs_attr_get(s, fd, ".f", &a), 0, "a dot file");
	is_int(a.attributes, FILE_ATTRIBUTE_HIDDEN, "is hidden");
	is_int(vfs_attr_set(s, fd, "f", &c), 0, "set");
	vfs_attr_get(s, fd, "f", &a);
	is_int(a.attributes, c.attributes, "attributes are kept");
	is_int((int64_t)a.create_time, (int64_t)c.create_time, "creation time too");
	is_int((int64_t)a.write_time, (int64_t)c.write_time, "write time too");
	c.mask = VFS_SET_ATTRIBUTES;
	c.attributes = FILE_ATTRIBUTE_NORMAL;
	is_int(vfs_attr_set(s, fd, "f", &c), 0, "set NORMAL");
	vfs_attr_get(s, fd, "f", &a);
	is_int(a.attributes, FILE_ATTRIBUTE_NORMAL, "clears");
	is_int((int64_t)a.create_time, (int64_t)c.create_time, "the creation time stays");
}

static void test_no_store(struct vfs_share *s, int fd)
{
	struct vfs_attr_change c = { VFS_SET_ATTRIBUTES, FILE_ATTRIBUTE_ARCHIVE, 0, 0, 0 };
	struct vfs_attr a;

	s->opt.store_dos_attributes = false;
	s->opt.map_hidden = s->opt.map_readonly = true;
	is_int(vfs_attr_set(s, fd, "f", &c), 0, "set by mode bits");
	vfs_attr_get(s, fd, "f", &a);
	is_int(a.attributes, FILE_ATTRIBUTE_ARCHIVE, "archive is an x bit");
	c.attributes = FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_READONLY;
	vfs_attr_set(s, fd, "f", &c);
	vfs_attr_get(s, fd, "f", &a);
	is_int(a.attributes, c.attributes, "so are the others");
	is_int(a.mode & 0777, 0445, "mode");
	s->opt.store_dos_attributes = true;
}

static void test_streams(int fd)
{
	char disk[VFS_STREAM_NAME_MAX], buf[64];
	static char big[VFS_STREAM_MAX];
	struct vfs_stream *list;
	unsigned int n;

	is_int(vfs_stream_find(fd, "One", NULL), -ENOENT, "no stream yet");
	is_int(vfs_stream_create(fd, "One"), 0, "create");
	is_int(vfs_stream_create(fd, "oNE"), -EEXIST, "once");
	is_int(vfs_stream_find(fd, "one", disk), 0, "empty");
	is_str(disk, "One", "found in another case");
	is_int(vfs_stream_write(fd, "one", "hello", 5, 3), 5, "write behind the end");
	is_int(vfs_stream_read(fd, "ONE", buf, sizeof(buf), 0), 8, "read");
	is_mem(buf, "\0\0\0hello", 8, "a gap of zeros");
	is_int(vfs_xattr_get(fd, "user.DosStream.One:$DATA", buf, sizeof(buf)), 9, "NUL behind");
	is_int(vfs_stream_truncate(fd, "One", 4), 0, "truncate");
	is_int(vfs_stream_truncate(fd, "One", 6), 0, "extend");
	is_int(vfs_stream_read(fd, "One", buf, sizeof(buf), 2), 4, "read at an offset");
	is_mem(buf, "\0h\0\0", 4, "zeros again");
	is_int(vfs_stream_read(fd, "One", buf, sizeof(buf), UINT64_MAX), 0, "far beyond");
	is_int(vfs_stream_write(fd, "One", "x", 1, VFS_STREAM_MAX), -ENOSPC, "too large");
	is_int(vfs_stream_write(fd, "One", "x", 1, UINT64_MAX), -ENOSPC, "much too large");
	n = (unsigned int)vfs_stream_write(fd, "One", big, sizeof(big), 0);
	ok(n == sizeof(big) || (int)n == -ENOSPC, "the largest, if the file system has room");
	is_int(vfs_stream_truncate(fd, "One", 6), 0, "small again");
	is_int(vfs_stream_rename(fd, "one", "ONE", false), 0, "rename to another case");
	is_int(vfs_stream_create(fd, "two"), 0, "a second");
	is_int(vfs_stream_rename(fd, "two", "one", false), -EEXIST, "no replacing");
	is_int(vfs_stream_list(fd, &list, &n), 0, "list");
	is_int(n, 2, "both");
	vfs_stream_list_free(list, n);
	is_int(vfs_stream_rename(fd, "two", "one", true), 0, "replacing");
	is_int(vfs_stream_find(fd, "ONE", disk), 0, "is the other now");
	is_str(disk, "one", "in its spelling");
	is_int(vfs_stream_remove(fd, "ONE"), 0, "remove");
	is_int(vfs_stream_remove(fd, "ONE"), -ENOENT, "only once");
}

static void test_eas(int fd)
{
	struct vfs_ea *list;
	unsigned int n;

	is_int(vfs_ea_size(NULL, fd), 0, "no EAs");
	is_int(vfs_ea_set(NULL, fd, "Hello", "world", 5), 0, "set");
	is_int(vfs_ea_set(NULL, fd, "HELLO", "there!", 6), 0, "set in another case");
	is_int(vfs_ea_list(NULL, fd, &list, &n), 0, "list");
	ok(n == 1 && !strcmp(list[0].name, "Hello") && list[0].len == 6, "one, spelt as first");
	vfs_ea_list_free(list, n);
	is_int(vfs_ea_size(NULL, fd), 4 + 4 + 6 + 6, "size as Samba tells it");
	is_int(vfs_ea_set(NULL, fd, "DOSATTRIB", "x", 1), -EACCES, "not what is ours");
	is_int(vfs_ea_set(NULL, fd, "DosStream.x:$DATA", "x", 1), -EACCES, "nor that");
	is_int(vfs_ea_set(NULL, fd, "a/b", "x", 1), -EINVAL, "nor a bad name");
	is_int(vfs_ea_set(NULL, fd, "hello", NULL, 0), 0, "delete");
	is_int(vfs_ea_set(NULL, fd, "hello", NULL, 0), 0, "delete again");
	is_int(vfs_ea_size(NULL, fd), 0, "none left");
}

static void test_identity(const char *path)
{
	struct identity *id = identity_new(12345, 12346, NULL, 0);
	_cleanup_free_ char *file = xasprintf("%s/private", path);
	struct stat st;
	int fd;

	if (geteuid()) {
		is_int(identity_become(id), -EPERM, "only root becomes someone else");
		identity_put(id);
		return;
	}
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	is_int(identity_become(id), 0, "become a user");
	is_int(open(file, O_RDONLY | O_CLOEXEC), -1, "who may not read root's file");
	is_int(identity_root_begin(), 0, "begin a section as root");
	fd = open(file, O_RDONLY | O_CLOEXEC);
	ok(fd >= 0, "which may");
	close(fd);
	identity_root_end();
	is_int(open(file, O_RDONLY | O_CLOEXEC), -1, "and then no more");
	is_int(identity_become_self(), 0, "back");
	chmod(path, 0777);
	unlink(file);
	identity_become(id);
	fd = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	identity_become_self();
	is_int(fstat(fd, &st), 0, "creates a file");
	ok(st.st_uid == 12345 && st.st_gid == 12346, "of its own");
	close(fd);
	unlink(file);
	identity_put(id);
}

static void test_on(const char *base)
{
	char path[64], file[80];
	struct vfs_options o;
	struct vfs_share *s;
	int fd, opath;

	snprintf(path, sizeof(path), "%s/kh-attr-XXXXXX", base);
	if (!mkdtemp(path))
		return;
	printf("# on %s\n", base);
	vfs_options_default(&o);
	is_int(vfs_share_open("t", path, &o, &s), 0, "share opens");
	snprintf(file, sizeof(file), "%s/f", path);
	fd = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	opath = open(file, O_PATH | O_CLOEXEC);
	test_attributes(s, opath);
	test_streams(opath);
	test_streams(fd);
	test_eas(opath);
	test_no_store(s, opath);
	test_identity(path);
	close(fd);
	close(opath);
	vfs_share_put(s);
	unlink(file);
	rmdir(path);
}

int main(void)
{
	test_vectors();
	test_times();
	test_on("/dev/shm");
	test_on("/tmp");
	return done_testing();
}
