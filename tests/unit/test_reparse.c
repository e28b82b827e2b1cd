// SPDX-License-Identifier: GPL-2.0-or-later
/* Reparse points on open files, through smb2_ioctl(): what is made of them on disk, and malformed
 * ones. */
#include "smb2/ioctl.h"
#include "smb2/reparse.h"
#include "fixture.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct conn conn;
static uint8_t reply[REPARSE_SYMLINK_MAX];
static size_t reply_len;

static struct open *open_file(const char *name, bool posix)
{
	struct open *o = open_alloc();
	struct stat st;

	o->kind = OPEN_FILE;
	o->fd = openat(tree->vfs->root, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	o->access = 0x1f01ff;
	o->posix = posix;
	tree_get(tree);
	o->tree = tree;
	open_path_set(o, name);
	fstat(o->fd, &st);
	o->entry =
		(struct vfs_id) { (uint64_t)major(st.st_dev) << 32 | minor(st.st_dev), st.st_ino };
	if (!open_publish(o, session))
		abort();
	return o;
}

static void drop(struct open *o)
{
	open_close(o);
	open_put(o);
}

/* The input in memory of exactly its size. */
static ntstatus fsctl(struct open *o, uint32_t code, const void *in, size_t in_len, uint32_t max)
{
	size_t len = 120 + in_len;
	uint8_t *elem = calloc(1, len);
	struct smb2_wr w = wr_init(elem, len);
	struct request rq = { .conn = &conn, .session = session, .tree = tree, .n = 1 };
	ntstatus status;

	wr_zero(&w, 64);
	wr_le16(&w, 57);
	wr_le16(&w, 0);
	wr_le32(&w, code);
	wr_le64(&w, o->persistent);
	wr_le64(&w, o->vol);
	wr_le32(&w, 120);
	wr_le32(&w, (uint32_t)in_len);
	wr_zero(&w, 12);
	wr_le32(&w, max);
	wr_le32(&w, SMB2_0_IOCTL_IS_FSCTL);
	wr_le32(&w, 0);
	if (in_len)
		wr_bytes(&w, in, in_len);
	rq.elements = rq.inline_elements;
	rq.elem = elem;
	rq.elem_len = len;
	rq.on_worker = true;
	status = smb2_ioctl(&rq);
	reply_len = 0;
	if (rq.out && !nt_is_error(status) && rq.w.off > 112) {
		reply_len = (size_t)rq.w.off - 112;
		memcpy(reply, rq.w.buf + 112, reply_len);
	}
	if (rq.open)
		open_put(rq.open);
	outbuf_free(rq.out);
	free(elem);
	return status;
}

#define STATUS(call, want) is_str(nt_name(call), #want, #call)
#define SET(o, b)	   fsctl(o, FSCTL_SET_REPARSE_POINT, (b).buf, (b).len, 0)

struct blob {
	uint8_t buf[256];
	size_t len;
};

static struct blob symlink_blob(const char *target)
{
	struct blob b = { .len = 20 + 2 * strlen(target) };
	struct smb2_wr w = wr_init(b.buf, sizeof(b.buf));

	wr_le32(&w, IO_REPARSE_TAG_SYMLINK);
	wr_le16(&w, (uint16_t)(b.len - 8));
	wr_le16(&w, 0);
	for (int i = 0; i < 2; i++) {
		wr_le16(&w, 0);
		wr_le16(&w, (uint16_t)(2 * strlen(target)));
	}
	wr_le32(&w, SYMLINK_FLAG_RELATIVE);
	while (*target)
		wr_le16(&w, (uint8_t)*target++);
	return b;
}

static struct blob nfs_blob(uint64_t type, const void *data, size_t len)
{
	struct blob b = { .len = 16 + len };
	struct smb2_wr w = wr_init(b.buf, sizeof(b.buf));

	wr_le32(&w, IO_REPARSE_TAG_NFS);
	wr_le16(&w, (uint16_t)(8 + len));
	wr_le16(&w, 0);
	wr_le64(&w, type);
	wr_bytes(&w, data, len);
	return b;
}

static const char *target_of(const char *name)
{
	static char text[256];
	ssize_t n = readlinkat(tree->vfs->root, name, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static mode_t type_of(const char *name)
{
	struct stat st;

	return fstatat(tree->vfs->root, name, &st, AT_SYMLINK_NOFOLLOW) ? 0 : st.st_mode & S_IFMT;
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	return fstatat(tree->vfs->root, name, &st, AT_SYMLINK_NOFOLLOW) ? 0 : st.st_mode & 07777;
}

static void test_symlink(void)
{
	struct blob b = symlink_blob("a\\b"), again = symlink_blob("c"),
		    slash = symlink_blob("/a/b");
	struct open *o = open_file("link", false);

	STATUS(fsctl(o, FSCTL_GET_REPARSE_POINT, NULL, 0, 4096), NOT_A_REPARSE_POINT);
	STATUS(SET(o, b), SUCCESS);
	is_str(target_of("link"), "a/b", "a symlink, with the separators of Linux");
	STATUS(fsctl(o, FSCTL_GET_REPARSE_POINT, NULL, 0, 4096), SUCCESS);
	ok(reply_len == b.len && !memcmp(reply, b.buf, b.len), "comes back as it was sent");
	STATUS(fsctl(o, FSCTL_GET_REPARSE_POINT, NULL, 0, (uint32_t)b.len - 1), BUFFER_TOO_SMALL);
	STATUS(SET(o, again), SUCCESS);
	is_str(target_of("link"), "c", "another target");
	STATUS(fsctl(o, FSCTL_DELETE_REPARSE_POINT, b.buf, 8, 0), IO_REPARSE_DATA_INVALID);
	kh_put_le16(b.buf + 4, 0);
	STATUS(fsctl(o, FSCTL_DELETE_REPARSE_POINT, b.buf, 7, 0), IO_REPARSE_DATA_INVALID);
	STATUS(fsctl(o, FSCTL_DELETE_REPARSE_POINT, b.buf, 8, 0), SUCCESS);
	is_int(type_of("link"), S_IFREG, "an empty file is left");
	STATUS(fsctl(o, FSCTL_DELETE_REPARSE_POINT, b.buf, 8, 0), NOT_A_REPARSE_POINT);
	drop(o);
	o = open_file("absolute", true);
	STATUS(SET(o, slash), SUCCESS);
	is_str(target_of("absolute"), "/a/b", "an absolute one is text only");
	STATUS(fsctl(o, FSCTL_GET_REPARSE_POINT, NULL, 0, 4096), SUCCESS);
	is_int(kh_get_le32(reply + 16), 0, "and told to be absolute");
	drop(o);
}

static void test_nfs(void)
{
	static const uint8_t dev[8] = { 1, 0, 0, 0, 3 };
	struct blob fifo = nfs_blob(NFS_SPECFILE_FIFO, "", 0), sock, bad;
	struct open *o = open_file("fifo", true);

	sock = nfs_blob(NFS_SPECFILE_SOCK, "", 0);
	bad = nfs_blob(NFS_SPECFILE_CHR, dev, 7);
	STATUS(SET(o, bad), IO_REPARSE_DATA_INVALID);
	bad = nfs_blob(1234, "", 0);
	STATUS(SET(o, bad), IO_REPARSE_DATA_INVALID);
	STATUS(SET(o, fifo), SUCCESS);
	is_int(type_of("fifo"), S_IFIFO, "a FIFO");
	STATUS(SET(o, sock), IO_REPARSE_TAG_MISMATCH);
	STATUS(fsctl(o, FSCTL_GET_REPARSE_POINT, NULL, 0, 4096), SUCCESS);
	ok(reply_len == fifo.len && !memcmp(reply, fifo.buf, fifo.len), "is told as one");
	drop(o);
	o = open_file("sock", true);
	STATUS(SET(o, sock), SUCCESS);
	is_int(type_of("sock"), S_IFSOCK, "a socket");
	drop(o);
	o = open_file("nfslink", false);
	bad = nfs_blob(NFS_SPECFILE_LNK, "x\0/\0y\0", 6);
	STATUS(SET(o, bad), SUCCESS);
	is_str(target_of("nfslink"), "x/y", "a symlink by the NFS tag");
	drop(o);
	o = open_file("null", true);
	bad = nfs_blob(NFS_SPECFILE_CHR, dev, 8);
	if (SET(o, bad) == NT_STATUS_SUCCESS) { /* root may */
		is_int(type_of("null"), S_IFCHR, "a device");
		is_int(mode_of("null"), 0600, "for nobody else on this machine");
		STATUS(fsctl(o, FSCTL_GET_REPARSE_POINT, NULL, 0, 4096), SUCCESS);
		ok(!memcmp(reply, bad.buf, bad.len), "its numbers");
	}
	drop(o);
}

static void test_refused(void)
{
	struct blob b = symlink_blob("target"), other = b;
	struct open *o = open_file("file", false);

	is_int(pwrite(o->fd, "x", 1, 0), 1, "a file with data");
	STATUS(SET(o, b), DIRECTORY_NOT_EMPTY);
	is_int(ftruncate(o->fd, 0), 0, "without");
	o->access = FILE_READ_DATA;
	STATUS(SET(o, b), ACCESS_DENIED);
	o->access = FILE_WRITE_ATTRIBUTES;
	tree->read_only = true;
	STATUS(SET(o, b), MEDIA_WRITE_PROTECTED);
	tree->read_only = false;
	kh_put_le32(other.buf, 0xA0000003); /* a junction: a path of a Windows volume */
	STATUS(SET(o, other), NOT_SUPPORTED);
	kh_put_le32(other.buf, 1);
	STATUS(SET(o, other), IO_REPARSE_TAG_INVALID);
	tree->vfs->opt.wide_links = true;
	STATUS(SET(o, symlink_blob("..\\x")), ACCESS_DENIED);
	STATUS(SET(o, symlink_blob("a\\..\\..\\x")), ACCESS_DENIED);
	STATUS(SET(o, symlink_blob("/etc")), ACCESS_DENIED);
	STATUS(SET(o, symlink_blob("a\\..\\x")), ACCESS_DENIED);
	tree->vfs->opt.wide_links = tree->vfs->opt.follow_symlinks = false;
	STATUS(SET(o, b), NOT_SUPPORTED);
	tree->vfs->opt.follow_symlinks = true;
	unlinkat(tree->vfs->root, "file", 0);
	close(openat(tree->vfs->root, "file", O_CREAT | O_RDWR, 0600));
	STATUS(SET(o, b), OBJECT_NAME_NOT_FOUND);
	is_int(type_of("file"), S_IFREG, "what somebody else put there stays");
	drop(o);
}

/* Each byte of a good one broken in two ways, and each length: the parser stays inside. */
static void test_malformed(void)
{
	struct blob good[2] = { symlink_blob("a\\b\\c"),
				nfs_blob(NFS_SPECFILE_LNK, "a\0/\0b\0", 6) };
	struct open *o = open_file("m", false);

	for (int k = 0; k < 2; k++) {
		for (size_t n = 0; n < good[k].len; n++)
			if (!fsctl(o, FSCTL_SET_REPARSE_POINT, good[k].buf, n, 0))
				ok(false, "a short one was taken");
		for (size_t n = 0; n < good[k].len; n++) {
			struct blob b = good[k];

			b.buf[n] ^= 0x80;
			(void)SET(o, b);
			b.buf[n] = 0xFF;
			(void)SET(o, b);
		}
	}
	ok(true, "all of them");
	drop(o);
}

int main(void)
{
	if (!fixture_begin())
		return 1;
	conn.st.max_trans = 1 << 20;
	test_symlink();
	test_nfs();
	test_refused();
	test_malformed();
	if (!fixture_end())
		return 1;
	return done_testing();
}
