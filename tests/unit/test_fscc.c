// SPDX-License-Identifier: GPL-2.0-or-later
/* Information classes: sizes and contents of the answers, and what bad input gets. */
#include <fcntl.h>
#include <unistd.h>

#include "smb2/smb2.h"
#include "tap.h"

/* The program's own; nothing here asks for them. */
struct server server;

struct conf *server_conf(void)
{
	return NULL;
}

static struct vfs_share *share;
static struct tree tree;
static struct conf_share conf_share;

static struct open *open_path(const char *path, enum open_kind kind)
{
	struct vfs_path p = { .fd = -1, .parent = -1 };
	struct open *o = xcalloc(1, sizeof(*o));

	if (vfs_resolve(share, path, 0, &p))
		abort();
	pthread_mutex_init(&o->lock, NULL);
	o->tree = &tree;
	o->kind = kind;
	o->fd = vfs_open(&p, kind == OPEN_DIR ? O_RDONLY : O_RDWR);
	o->path = xstrdup(path);
	o->entry = p.entry;
	o->access = SEC_RIGHTS_FILE_ALL;
	vfs_path_release(&p);
	return o;
}

static void open_free(struct open *o)
{
	close(o->fd);
	free(o->path);
	free(o->stream_name);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

static ntstatus query(struct open *o, uint8_t info_class, uint64_t *len, uint8_t *out, size_t cap)
{
	_cleanup_fscc_query_ struct fscc_query q;
	ntstatus status;

	fscc_query_init(&q, o);
	q.dialect = SMB2_DIALECT_311;
	status = fscc_file_query(&q, info_class);
	*len = wr_ok(&q.w) ? q.w.off : UINT64_MAX;
	memcpy(out, q.w.buf, MIN(*len, cap));
	return status;
}

static void test_fixed_classes(struct open *o)
{
	static const struct {
		uint8_t info_class, len;
	} want[] = { { 4, 40 }, { 5, 24 },  { 6, 8 },	 { 7, 4 },   { 8, 4 },
		     { 14, 8 }, { 16, 4 },  { 17, 4 },	 { 28, 16 }, { 34, 56 },
		     { 35, 8 }, { 59, 24 }, { 18, 112 }, { 9, 16 },  { 48, 14 } };
	uint8_t buf[256];
	uint64_t len;

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		_cleanup_free_ char *name = xasprintf("class %u", want[i].info_class);

		is_int(query(o, want[i].info_class, &len, buf, sizeof(buf)), 0, name);
		is_int((int64_t)len, want[i].len, name);
	}
	query(o, FileStandardInformation, &len, buf, sizeof(buf));
	is_int((int64_t)kh_get_le64(buf + 8), 5, "end of file");
	is_int(kh_get_le32(buf + 16), 1, "links");
	query(o, FileAccessInformation, &len, buf, sizeof(buf));
	is_int(kh_get_le32(buf), SEC_RIGHTS_FILE_ALL, "granted access");
	query(o, FileNormalizedNameInformation, &len, buf, sizeof(buf));
	is_int(kh_get_le32(buf), 10, "length of the normalized name");
	ok(!memcmp(buf + 4, "a\0.\0t\0x\0t\0", 10), "normalized name");
	is_int(query(o, FileAlternateNameInformation, &len, buf, sizeof(buf)), 0, "short name");
	ok(len == 14 && !memcmp(buf + 4, "A\0.\0T\0X\0T\0", 10), "of a short name");
	is_int(query(o, 200, &len, buf, sizeof(buf)), (ntstatus)NT_STATUS_INVALID_INFO_CLASS,
	       "unknown class");
	o->access = FILE_READ_DATA;
	is_int(query(o, FileBasicInformation, &len, buf, sizeof(buf)),
	       (ntstatus)NT_STATUS_ACCESS_DENIED, "attributes need a right");
	is_int(query(o, FileStandardInformation, &len, buf, sizeof(buf)), 0, "sizes need none");
	o->access = SEC_RIGHTS_FILE_ALL;
}

static void test_short_names(void)
{
	static const char *const names[] = { "a b.txt",	 "longer than eight.html",
					     ".profile", "ä",
					     "a.b.c",	 "" };
	char out[VFS_SHORT_NAME], again[VFS_SHORT_NAME];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		vfs_short_name(names[i], out);
		vfs_short_name(out, again);
		ok(strlen(out) < VFS_SHORT_NAME && strchr(out, '~'), names[i]);
		is_str(again, out, "a short name is its own");
	}
}

static size_t ea_put(uint8_t *p, uint32_t next, const char *name, const char *value)
{
	struct smb2_wr w = wr_init(p, 512);

	wr_le32(&w, next);
	wr_u8(&w, 0);
	wr_u8(&w, (uint8_t)strlen(name));
	wr_le16(&w, (uint16_t)strlen(value));
	wr_bytes(&w, name, strlen(name) + 1);
	wr_bytes(&w, value, strlen(value));
	return w.off;
}

static void test_eas(struct open *o)
{
	uint8_t buf[1024], out[1024];
	uint64_t len;
	size_t n;

	is_int(query(o, FileFullEaInformation, &len, out, sizeof(out)),
	       (ntstatus)NT_STATUS_NO_EAS_ON_FILE, "no EAs yet");
	ea_put(buf, 32, "ONE", "first");
	n = 32 + ea_put(buf + 32, 0, "TWO", "2");
	is_int(fscc_ea_set(share, o->fd, buf, n), 0, "two EAs");
	is_int(query(o, FileFullEaInformation, &len, out, sizeof(out)), 0, "read back");
	is_int((int64_t)len, 20 + 13, "with padding between only");
	is_int(fscc_ea_set(share, o->fd, buf, n - 1), (ntstatus)NT_STATUS_EA_LIST_INCONSISTENT,
	       "cut off");
	kh_put_le32(buf, 4);
	is_int(fscc_ea_set(share, o->fd, buf, n), (ntstatus)NT_STATUS_EA_LIST_INCONSISTENT,
	       "entry inside an entry");
	kh_put_le32(buf, 0xFFFFFFFF);
	is_int(fscc_ea_set(share, o->fd, buf, n), (ntstatus)NT_STATUS_EA_LIST_INCONSISTENT,
	       "entry outside");
	n = ea_put(buf, 0, "a*b", "x");
	is_int(fscc_ea_set(share, o->fd, buf, n), (ntstatus)NT_STATUS_INVALID_EA_NAME, "bad name");
	is_int(fscc_ea_set(share, o->fd, buf, 0), (ntstatus)NT_STATUS_EA_LIST_INCONSISTENT,
	       "nothing");
	is_int(fscc_ea_set(share, o->fd, NULL, 131073), (ntstatus)NT_STATUS_EA_TOO_LARGE,
	       "a list that nobody needs");
}

static void test_ea_selection(struct open *o)
{
	static const uint8_t ask[] = { 12, 0, 0, 0, 3, 'T', 'W', 'O', 0,   0,	0,
				       0,  0, 0, 0, 0, 4,   'N', 'O', 'N', 'E', 0 };
	_cleanup_fscc_query_ struct fscc_query q;

	fscc_query_init(&q, o);
	q.in = ask;
	q.in_len = sizeof(ask);
	is_int(fscc_file_query(&q, FileFullEaInformation), 0, "two names asked for");
	is_int((int64_t)q.w.off, 16 + 13, "both are answered");
	is_int(kh_get_le16(q.w.buf + 16 + 6), 0, "the one that does not exist is empty");
	q.w.off = 0;
	q.in_len = 7;
	is_int(fscc_file_query(&q, FileFullEaInformation), (ntstatus)NT_STATUS_EA_LIST_INCONSISTENT,
	       "a name cut off");
}

static void test_streams(struct open *o)
{
	uint8_t buf[256];
	uint64_t len;

	is_int(vfs_stream_create(o->fd, "s"), 0, "create a stream");
	is_int(vfs_stream_write(o->fd, "s", "abc", 3, 0), 3, "write it");
	is_int(query(o, FileStreamInformation, &len, buf, sizeof(buf)), 0, "stream list");
	is_int(kh_get_le32(buf), 40, "::$DATA and padding");
	is_int((int64_t)kh_get_le64(buf + 8), 5, "size of the file");
	is_int((int64_t)kh_get_le64(buf + 48), 3, "size of the stream");
	is_int((int64_t)len, 40 + 24 + 16, "names are in full");
	o->kind = OPEN_STREAM;
	o->stream_name = xstrdup("s");
	is_int(query(o, FileStandardInformation, &len, buf, sizeof(buf)), 0, "of the stream");
	is_int((int64_t)kh_get_le64(buf + 8), 3, "its own size");
	o->kind = OPEN_FILE;
	free(o->stream_name);
	o->stream_name = NULL;
}

static void test_dir_entries(void)
{
	static const uint8_t all[] = { 1, 2, 3, 12, 37, 38, 60 };
	static const uint8_t fixed[] = { 64, 68, 94, 12, 104, 80, 88 };
	struct vfs_attr a = { .end_of_file = 7, .alloc_size = 4096, .id.ino = 99 };
	uint8_t buf[256];

	for (size_t i = 0; i < sizeof(all); i++) {
		_cleanup_free_ char *name = xasprintf("directory class %u", all[i]);
		const struct fscc_dir_class *c = fscc_dir_class(all[i]);
		struct smb2_wr w = wr_init(buf, sizeof(buf)), tight = wr_init(buf, fixed[i] + 1);

		ok(c && c->fixed == fixed[i], name);
		ok(c && fscc_dir_put(&w, c, "x", 2, &a, 0, true) && w.off == fixed[i] + 2u, name);
		ok(c && !fscc_dir_put(&tight, c, "x", 2, &a, 0, true) && !tight.off, name);
	}
	ok(!fscc_dir_class(4), "not a directory class");
}

static ntstatus set(struct request *rq, uint8_t info_class, const void *buf, size_t len)
{
	return fscc_file_set(rq, info_class, buf, len);
}

/* The layout of the POSIX extensions, which no MS document has. */
static void test_posix(struct open *o)
{
	const struct fscc_dir_class *c = fscc_dir_class(FilePosixInformation);
	struct vfs_attr a = { .mode = S_IFLNK | 0777,
			      .uid = 1000,
			      .gid = 100,
			      .nlink = 3,
			      .id = { 1, 0x1122334455667788 },
			      .end_of_file = 5,
			      .alloc_size = 512,
			      .attributes = FILE_ATTRIBUTE_REPARSE_POINT,
			      .reparse_tag = IO_REPARSE_TAG_SYMLINK };
	uint8_t buf[256], out[256];
	struct smb2_wr w = wr_init(buf, sizeof(buf)), sid = wr_init(out, sizeof(out));
	struct sid owner = sid_compose(&sid_unix_users, 1000);
	uint64_t len;

	is_str(nt_name(query(o, FilePosixInformation, &len, out, sizeof(out))),
	       "INVALID_INFO_CLASS", "not for other opens");
	o->posix = true;
	is_str(nt_name(query(o, FilePosixInformation, &len, out, sizeof(out))), "SUCCESS", "POSIX");
	is_int((int64_t)len, FSCC_POSIX_SIZE, "its size");
	is_int(kh_get_le32(out + 76) & ~07777u, 0, "a file has no type on the wire");
	o->posix = false;

	ok(c && c->posix && fscc_dir_put(&w, c, "x", 2, &a, 0, true), "an entry");
	is_int((int64_t)w.off, FSCC_POSIX_DIR_SIZE + 2, "its size");
	is_int(kh_get_le32(buf + 8 + 48), FILE_ATTRIBUTE_REPARSE_POINT, "DosAttributes");
	is_int((int64_t)kh_get_le64(buf + 8 + 52), 0x1122334455667788, "Inode");
	is_int(kh_get_le32(buf + 8 + 68), 3, "HardLinks");
	is_int(kh_get_le32(buf + 8 + 72), IO_REPARSE_TAG_SYMLINK, "ReparseTag");
	is_int(kh_get_le32(buf + 8 + 76), 020777, "Mode of a symlink");
	sid_write(&sid, &owner);
	ok(!memcmp(buf + 8 + 80, out, sid.off), "the owner");
	is_int(kh_get_le32(buf + 120), 2, "FileNameLength");
	is_int(buf[124], 'x', "the name");
}

static void test_set(struct open *o)
{
	struct request rq = { .open = o, .tree = &tree };
	uint8_t basic[40] = { 0 }, buf[256];
	uint64_t len, when = 132000000000000000ull;

	kh_put_le64(basic + 16, when);
	kh_put_le32(basic + 32, FILE_ATTRIBUTE_HIDDEN);
	is_int(set(&rq, FileBasicInformation, basic, 40), 0, "times and attributes");
	query(o, FileBasicInformation, &len, buf, sizeof(buf));
	ok(kh_get_le64(buf + 16) == when, "the write time");
	ok(kh_get_le32(buf + 32) & FILE_ATTRIBUTE_HIDDEN, "hidden");
	kh_put_le64(basic + 16, (uint64_t)-3);
	is_int(set(&rq, FileBasicInformation, basic, 40), (ntstatus)NT_STATUS_INVALID_PARAMETER,
	       "no such time");
	kh_put_le64(basic + 16, (uint64_t)-2);
	kh_put_le32(basic + 32, FILE_ATTRIBUTE_DIRECTORY);
	is_int(set(&rq, FileBasicInformation, basic, 40), (ntstatus)NT_STATUS_INVALID_PARAMETER,
	       "a file is no directory");
	is_int(set(&rq, FileBasicInformation, basic, 35), (ntstatus)NT_STATUS_INFO_LENGTH_MISMATCH,
	       "too short");
	memset(buf, 0, 8);
	kh_put_le64(buf, 3);
	is_int(set(&rq, FileEndOfFileInformation, buf, 8), 0, "end of file");
	kh_put_le64(buf, 1ull << 63);
	is_int(set(&rq, FileEndOfFileInformation, buf, 8), (ntstatus)NT_STATUS_INVALID_PARAMETER,
	       "a negative end of file");
	is_int(set(&rq, FileValidDataLengthInformation, buf, 8),
	       (ntstatus)NT_STATUS_PRIVILEGE_NOT_HELD, "valid data length");
	kh_put_le32(buf, 0x20);
	is_int(set(&rq, FileModeInformation, buf, 4), (ntstatus)NT_STATUS_INVALID_PARAMETER,
	       "mode of another kind");
	is_int(set(&rq, FileRenameInformation, buf, 19), (ntstatus)NT_STATUS_INFO_LENGTH_MISMATCH,
	       "rename without a name");
	memset(buf, 0, sizeof(buf));
	kh_put_le32(buf + 16, 0xFFFFFFFF);
	is_int(set(&rq, FileRenameInformation, buf, 24), (ntstatus)NT_STATUS_INVALID_PARAMETER,
	       "rename with a name beyond the buffer");
	kh_put_le32(buf + 16, 1);
	is_int(set(&rq, FileRenameInformation, buf, 21), (ntstatus)NT_STATUS_INVALID_PARAMETER,
	       "rename to half a character");
	o->access = FILE_READ_DATA;
	is_int(set(&rq, FileEndOfFileInformation, buf, 8), (ntstatus)NT_STATUS_ACCESS_DENIED,
	       "sizes need a right");
	o->access = SEC_RIGHTS_FILE_ALL;
}

int main(void)
{
	char dir[] = "/dev/shm/test_fscc.XXXXXX", cmd[64];
	struct vfs_options opt;
	struct open *o;
	int fd;

	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 1;
	fd = open("a.txt", O_RDWR | O_CREAT, 0644);
	if (fd < 0 || write(fd, "hello", 5) != 5)
		return 1;
	close(fd);
	vfs_options_default(&opt);
	opt.ea_support = opt.streams = opt.store_dos_attributes = true;
	if (vfs_share_open("test", dir, &opt, &share) < 0)
		return 1;
	tree.vfs = share;
	tree.share = &conf_share;

	o = open_path("a.txt", OPEN_FILE);
	test_fixed_classes(o);
	test_short_names();
	test_eas(o);
	test_ea_selection(o);
	test_streams(o);
	test_dir_entries();
	test_posix(o);
	test_set(o);
	open_free(o);
	vfs_share_put(share);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		return 1;
	return done_testing();
}
