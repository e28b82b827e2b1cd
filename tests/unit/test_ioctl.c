// SPDX-License-Identifier: GPL-2.0-or-later
/* FSCTLs on a file, straight through smb2_ioctl(): what a client sends, what it gets. */
#include "smb2/ioctl.h"
#include "fixture.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct conn conn;
static struct open *file;
static uint8_t reply[65536 + 256];
static size_t reply_len;

static struct open *open_file(const char *name)
{
	struct open *o = open_alloc();

	o->kind = OPEN_FILE;
	o->fd = openat(tree->vfs->root, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	o->access = 0x1f01ff;
	o->path = xstrdup(name);
	tree_get(tree);
	o->tree = tree;
	if (!open_publish(o, session))
		abort();
	return o;
}

struct input {
	uint32_t code, flags, max_out;
	uint64_t persistent, vol;
	const void *in;
	uint32_t in_len, in_off;
};

/* One IOCTL element of exactly its length, so that a sanitizer sees a read past it. */
static ntstatus run(const struct input *i, size_t cut)
{
	size_t len = 120 + i->in_len;
	uint8_t *elem = calloc(1, len);
	struct smb2_wr w = wr_init(elem, len);
	struct request rq = { .conn = &conn, .session = session, .tree = tree, .n = 1 };
	ntstatus status;

	wr_zero(&w, 64);
	wr_le16(&w, 57);
	wr_le16(&w, 0);
	wr_le32(&w, i->code);
	wr_le64(&w, i->persistent);
	wr_le64(&w, i->vol);
	wr_le32(&w, i->in_off);
	wr_le32(&w, i->in_len);
	wr_zero(&w, 12);
	wr_le32(&w, i->max_out);
	wr_le32(&w, i->flags);
	wr_le32(&w, 0);
	if (i->in_len)
		wr_bytes(&w, i->in, i->in_len);
	rq.elements = rq.inline_elements;
	rq.elem = elem;
	rq.elem_len = len - cut;
	rq.on_worker = true;
	status = smb2_ioctl(&rq);
	reply_len = 0;
	if (rq.out && (!nt_is_error(status) || rq.body_on_error)) {
		reply_len = rq.w.off > 112 ? (size_t)rq.w.off - 112 : 0;
		memcpy(reply, rq.w.buf + 112, reply_len);
		is_int(kh_get_le32(rq.w.buf + 64 + 36), (int64_t)reply_len, "OutputCount");
	}
	if (rq.open)
		open_put(rq.open);
	outbuf_free(rq.out);
	free(elem);
	return status;
}

static ntstatus fsctl(struct open *o, uint32_t code, const void *in, size_t in_len, uint32_t max)
{
	struct input i = { code,
			   1,
			   max,
			   o ? o->persistent : UINT64_MAX,
			   o ? o->vol : UINT64_MAX,
			   in,
			   (uint32_t)in_len,
			   120 };

	return run(&i, 0);
}

#define STATUS(call, want) is_str(nt_name(call), #want, #call)

static void test_frame(void)
{
	struct input i = { FSCTL_GET_COMPRESSION, 0, 64, file->persistent, file->vol, "", 0, 0 };

	STATUS(run(&i, 0), NOT_SUPPORTED);
	i.flags = 1;
	STATUS(run(&i, 0), SUCCESS);
	i.max_out = 1 << 30;
	STATUS(run(&i, 0), INVALID_PARAMETER);
	i.max_out = 64;
	i.in = "x";
	i.in_len = 1;
	i.in_off = 119;
	STATUS(run(&i, 0), INVALID_PARAMETER);
	i.in_off = 0xFFFFFFFF;
	STATUS(run(&i, 0), INVALID_PARAMETER);
	i.in_off = 120;
	STATUS(run(&i, 1), INVALID_PARAMETER);
	STATUS(fsctl(file, 0x00090001, NULL, 0, 64), INVALID_DEVICE_REQUEST);
	STATUS(fsctl(NULL, FSCTL_GET_COMPRESSION, NULL, 0, 64), FILE_CLOSED);
	STATUS(fsctl(file, FSCTL_VALIDATE_NEGOTIATE_INFO, NULL, 0, 64), INVALID_PARAMETER);
	STATUS(fsctl(file, FSCTL_PIPE_TRANSCEIVE, NULL, 0, 64), NOT_SUPPORTED);
	STATUS(fsctl(file, FSCTL_GET_REPARSE_POINT, NULL, 0, 64), NOT_A_REPARSE_POINT);
}

static void test_validate(void)
{
	uint8_t in[26] = { 0x7f, 0, 0, 0 };

	conn.st.dialect = SMB2_DIALECT_300;
	conn.st.client_caps = 0x7f;
	conn.st.nclient_dialects = 1;
	conn.st.client_dialects[0] = SMB2_DIALECT_300;
	conn.st.client_security_mode = 1;
	kh_put_le16(in + 20, 1);
	kh_put_le16(in + 22, 1);
	kh_put_le16(in + 24, SMB2_DIALECT_300);
	STATUS(fsctl(NULL, FSCTL_VALIDATE_NEGOTIATE_INFO, in, 26, 24), SUCCESS);
	is_int(reply_len, 24, "the answer's size");
	is_int(kh_get_le16(reply + 22), SMB2_DIALECT_300, "and dialect");
	STATUS(fsctl(NULL, FSCTL_VALIDATE_NEGOTIATE_INFO, in, 26, 23), BUFFER_TOO_SMALL);
	STATUS(fsctl(NULL, FSCTL_VALIDATE_NEGOTIATE_INFO, in, 25, 24), INVALID_PARAMETER);
	for (int k = 0; k < 26; k++) {
		in[k] ^= 0x10;
		if (k != 22 && k != 23) /* a count beyond the input is another error */
			ok(fsctl(NULL, FSCTL_VALIDATE_NEGOTIATE_INFO, in, 26, 24) == REQ_CLOSE,
			   "one byte is wrong: the connection ends");
		in[k] ^= 0x10;
	}
}

static void put_ranges(uint8_t *p, uint64_t a, uint64_t b)
{
	kh_put_le64(p, a);
	kh_put_le64(p + 8, b);
}

static void test_sparse(void)
{
	uint8_t in[16], off = 0;
	struct vfs_attr a;
	char byte = 'x';

	is_int(pwrite(file->fd, &byte, 1, 0), 1, "data in front");
	is_int(pwrite(file->fd, &byte, 1, 1 << 20), 1, "and a hole behind it");
	put_ranges(in, 0, 4 << 20);
	STATUS(fsctl(file, FSCTL_QUERY_ALLOCATED_RANGES, in, 16, 1024), SUCCESS);
	is_int(reply_len, 16, "not sparse: one range");
	is_int((int64_t)kh_get_le64(reply + 8), (1 << 20) + 1, "to the end of the file");
	STATUS(fsctl(file, FSCTL_SET_SPARSE, NULL, 0, 0), SUCCESS);
	vfs_attr_get(tree->vfs, file->fd, "", &a);
	ok(a.attributes & FILE_ATTRIBUTE_SPARSE_FILE, "the attribute shows");
	STATUS(fsctl(file, FSCTL_QUERY_ALLOCATED_RANGES, in, 16, 1024), SUCCESS);
	is_int(reply_len, 32, "sparse: two ranges");
	STATUS(fsctl(file, FSCTL_QUERY_ALLOCATED_RANGES, in, 16, 31), BUFFER_OVERFLOW);
	is_int(reply_len, 16, "one that fits");
	STATUS(fsctl(file, FSCTL_QUERY_ALLOCATED_RANGES, in, 16, 15), BUFFER_TOO_SMALL);
	STATUS(fsctl(file, FSCTL_QUERY_ALLOCATED_RANGES, in, 15, 64), INVALID_PARAMETER);
	put_ranges(in, 1, INT64_MAX);
	STATUS(fsctl(file, FSCTL_QUERY_ALLOCATED_RANGES, in, 16, 64), INVALID_PARAMETER);
	STATUS(fsctl(file, FSCTL_SET_SPARSE, &off, 1, 0), SUCCESS);
	vfs_attr_get(tree->vfs, file->fd, "", &a);
	ok(!(a.attributes & FILE_ATTRIBUTE_SPARSE_FILE), "and goes");
	put_ranges(in, 0, 1);
	STATUS(fsctl(file, FSCTL_SET_ZERO_DATA, in, 16, 0), SUCCESS);
	is_int(pread(file->fd, &byte, 1, 0), 1, "zeroed");
	is_int(byte, 0, "zero");
	put_ranges(in, 2, 1);
	STATUS(fsctl(file, FSCTL_SET_ZERO_DATA, in, 16, 0), INVALID_PARAMETER);
	file->access &= ~FILE_WRITE_DATA;
	STATUS(fsctl(file, FSCTL_SET_ZERO_DATA, in, 16, 0), ACCESS_DENIED);
	file->access |= FILE_WRITE_DATA;
}

static void test_copy(void)
{
	struct open *dst = open_file("copy");
	uint8_t in[32 + 24], data[5000], back[5000];

	for (size_t k = 0; k < sizeof(data); k++)
		data[k] = (uint8_t)(k * 7);
	is_int(pwrite(file->fd, data, sizeof(data), 100), sizeof(data), "source");
	STATUS(fsctl(file, FSCTL_SRV_REQUEST_RESUME_KEY, NULL, 0, 31), INVALID_PARAMETER);
	STATUS(fsctl(file, FSCTL_SRV_REQUEST_RESUME_KEY, NULL, 0, 32), SUCCESS);
	memset(in, 0, sizeof(in));
	memcpy(in, reply, 24);
	in[24] = 1;
	put_ranges(in + 32, 100, 17);
	kh_put_le32(in + 48, sizeof(data));
	STATUS(fsctl(dst, FSCTL_SRV_COPYCHUNK, in, sizeof(in), 12), SUCCESS);
	is_int(kh_get_le32(reply), 1, "one chunk");
	is_int(kh_get_le32(reply + 8), sizeof(data), "of all bytes");
	is_int(pread(dst->fd, back, sizeof(back), 17), sizeof(back), "they are there");
	is_mem(back, data, sizeof(data), "unchanged");
	put_ranges(in + 32, 2 << 20, 0);
	STATUS(fsctl(dst, FSCTL_SRV_COPYCHUNK, in, sizeof(in), 12), INVALID_VIEW_SIZE);
	kh_put_le32(in + 48, 0);
	STATUS(fsctl(dst, FSCTL_SRV_COPYCHUNK, in, sizeof(in), 12), INVALID_PARAMETER);
	is_int(kh_get_le32(reply), 256, "an empty chunk: the limits are told");
	kh_put_le32(in + 48, 100);
	put_ranges(in + 32, 50, 0);
	STATUS(fsctl(file, FSCTL_SRV_COPYCHUNK, in, sizeof(in), 12), SUCCESS);
	STATUS(fsctl(dst, FSCTL_SRV_COPYCHUNK, in, sizeof(in) - 1, 12), INVALID_PARAMETER);
	STATUS(fsctl(dst, FSCTL_SRV_COPYCHUNK, in, sizeof(in), 11), INVALID_PARAMETER);
	in[24] = 2;
	STATUS(fsctl(dst, FSCTL_SRV_COPYCHUNK, in, sizeof(in), 12), INVALID_PARAMETER);
	kh_put_le32(in + 24, 257);
	STATUS(fsctl(dst, FSCTL_SRV_COPYCHUNK, in, sizeof(in), 12), INVALID_PARAMETER);
	in[0] ^= 1;
	STATUS(fsctl(dst, FSCTL_SRV_COPYCHUNK, in, sizeof(in), 12), OBJECT_NAME_NOT_FOUND);
	open_close(dst);
	open_put(dst);
}

/* Every FSCTL with every length of input up to some: no status matters, no access outside does. */
static void test_lengths(void)
{
	static const uint32_t codes[] = {
		FSCTL_SET_SPARSE,
		FSCTL_QUERY_ALLOCATED_RANGES,
		FSCTL_SET_ZERO_DATA,
		FSCTL_FILE_LEVEL_TRIM,
		FSCTL_SRV_COPYCHUNK,
		FSCTL_SET_COMPRESSION,
		FSCTL_GET_COMPRESSION,
		FSCTL_SRV_ENUMERATE_SNAPSHOTS,
		FSCTL_CREATE_OR_GET_OBJECT_ID,
		FSCTL_DFS_GET_REFERRALS,
		FSCTL_PIPE_WAIT,
		FSCTL_QUERY_NETWORK_INTERFACE_INFO,
	};
	uint8_t in[64];

	memset(in, 0xFF, sizeof(in));
	for (size_t c = 0; c < ARRAY_SIZE(codes); c++)
		for (size_t n = 0; n <= sizeof(in); n++) {
			fsctl(file, codes[c], in, n, 24);
			fsctl(NULL, codes[c], in, n, 65536);
		}
	ok(true, "all lengths");
}

int main(void)
{

	if (!fixture_begin())
		return 1;
	conn.st.max_trans = 1 << 20;
	file = open_file("file");
	test_frame();
	test_validate();
	test_sparse();
	test_copy();
	test_lengths();
	open_close(file);
	open_put(file);
	if (!fixture_end())
		return 1;
	return done_testing();
}
