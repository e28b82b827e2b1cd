// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ioctl_copy.c - server-side copy (MS-SMB2 3.3.5.15.5, 3.3.5.15.6). The resume key of an open is
 * its FileId: it is looked up like one, within the session.
 */
#include "kernel/handles.h"
#include "smb2/ioctl.h"

#include <sys/stat.h>

#define RESUME_KEY_SIZE 32 /* key of 24, ContextLength, one context word */
#define COPYCHUNK_REPLY 12
#define CHUNKS_MAX	256u
#define CHUNK_MAX	(1u << 20)
#define TOTAL_MAX	(16u << 20)

/* One end of a copy; a rename of the stream meanwhile does not matter. */
struct end {
	struct open *open; /* borrowed */
	int fd;
	char *stream; /* NULL: the file; owned */
};

struct chunk {
	uint64_t from, to;
	uint32_t len;
};

ntstatus ioctl_srv_request_resume_key(struct request *rq, struct ioctl *q)
{
	struct smb2_wr *w;

	if (q->max_out < RESUME_KEY_SIZE)
		return NT_STATUS_INVALID_PARAMETER;
	w = ioctl_reply(rq, q, RESUME_KEY_SIZE);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le64(w, rq->open->persistent);
	wr_le64(w, rq->open->vol);
	wr_zero(w, RESUME_KEY_SIZE - 16);
	return NT_STATUS_SUCCESS;
}

/* 2.2.32.1; with an error too, which then tells how far it came, or the limits. */
static ntstatus reply(struct request *rq, struct ioctl *q, ntstatus status, uint32_t chunks,
		      uint32_t chunk_bytes, uint32_t total)
{
	struct smb2_wr *w = ioctl_reply(rq, q, COPYCHUNK_REPLY);

	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le32(w, chunks);
	wr_le32(w, chunk_bytes);
	wr_le32(w, total);
	rq->body_on_error = true;
	return status;
}

static ntstatus check_handles(const struct ioctl *q, const struct open *src, const struct open *dst)
{
	if (!(dst->access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))
		return NT_STATUS_ACCESS_DENIED;
	if (q->code == FSCTL_SRV_COPYCHUNK && !(dst->access & FILE_READ_DATA))
		return NT_STATUS_ACCESS_DENIED;
	if (!(src->access & (FILE_READ_DATA | FILE_EXECUTE)))
		return NT_STATUS_ACCESS_DENIED;
	if (src->kind == OPEN_DIR || dst->kind == OPEN_DIR || src->kind == OPEN_PIPE)
		return NT_STATUS_ACCESS_DENIED;
	return NT_STATUS_SUCCESS;
}

static void end_init(struct end *e, struct open *o)
{
	e->open = o;
	e->fd = o->fd;
	pthread_mutex_lock(&o->lock);
	e->stream = o->kind == OPEN_STREAM ? xstrdup(o->stream_name) : NULL;
	pthread_mutex_unlock(&o->lock);
}

static ssize_t read_at(const struct end *e, void *buf, size_t len, uint64_t off)
{
	ssize_t n;

	if (e->stream)
		return vfs_stream_read(e->fd, e->stream, buf, len, off);
	n = pread(e->fd, buf, len, (off_t)off);
	return n < 0 ? -errno : n;
}

static ssize_t write_at(const struct end *e, const void *buf, size_t len, uint64_t off)
{
	ssize_t n;

	if (e->stream)
		return vfs_stream_write(e->fd, e->stream, buf, len, off);
	n = pwrite(e->fd, buf, len, (off_t)off);
	return n < 0 ? -errno : n;
}

/* Read all, then write all: also right for ranges of one file that overlap. */
static int copy_by_hand(const struct end *src, const struct end *dst, const struct chunk *c,
			uint8_t *buf)
{
	size_t have = 0, done = 0;

	while (have < c->len) {
		ssize_t n = read_at(src, buf + have, c->len - have, c->from + have);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n ? (int)n : -ENODATA;
		have += (size_t)n;
	}
	while (done < have) {
		ssize_t n = write_at(dst, buf + done, have - done, c->to + done);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n ? (int)n : -EIO;
		done += (size_t)n;
	}
	return 0;
}

static int copy_chunk(const struct end *src, const struct end *dst, const struct chunk *c)
{
	off_t from = (off_t)c->from, to = (off_t)c->to;
	size_t left = c->len, cap;
	uint8_t *buf;
	int r;

	while (left && !src->stream && !dst->stream) {
		ssize_t n = copy_file_range(src->fd, &from, dst->fd, &to, left, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 && left == c->len)
			break; /* not between these two: by hand */
		if (n <= 0)
			return n ? -errno : -ENODATA;
		left -= (size_t)n;
	}
	if (!left)
		return 0;
	buf = buffer_alloc(c->len, &cap);
	if (!buf)
		return -ENOMEM;
	r = copy_by_hand(src, dst, c, buf);
	buffer_free(buf, cap);
	return r;
}

static int64_t size_of(const struct end *e)
{
	struct stat st;

	if (e->stream)
		return vfs_stream_find(e->fd, e->stream, NULL);
	return fstat(e->fd, &st) < 0 ? -errno : st.st_size;
}

static ntstatus copy_one(const struct end *src, const struct end *dst, const struct chunk *c)
{
	int64_t size = size_of(src);
	ntstatus status;

	if (size < 0)
		return vfs_errno((int)size);
	if (c->from > (uint64_t)size || c->len > (uint64_t)size - c->from)
		return NT_STATUS_INVALID_VIEW_SIZE;
	if (c->to > (uint64_t)INT64_MAX - c->len)
		return NT_STATUS_INVALID_PARAMETER;
	status = lock_check_io(src->open, c->from, c->len, false);
	if (status == NT_STATUS_SUCCESS)
		status = lock_check_io(dst->open, c->to, c->len, true);
	return status ? status : vfs_errno(copy_chunk(src, dst, c));
}

static ntstatus copy_all(struct request *rq, struct ioctl *q, struct open *from,
			 const struct chunk *chunks, unsigned int n)
{
	struct open *to = rq->open;
	ntstatus status = NT_STATUS_SUCCESS;
	struct end src, dst;
	uint32_t total = 0;
	unsigned int i;

	pthread_mutex_lock(&to->lock);
	handle_wrote(to);
	pthread_mutex_unlock(&to->lock);
	end_init(&src, from);
	end_init(&dst, to);
	for (i = 0; i < n; i++) {
		status = copy_one(&src, &dst, &chunks[i]);
		if (status != NT_STATUS_SUCCESS)
			break;
		total += chunks[i].len;
	}
	oplock_changed(to);
	free(src.stream);
	free(dst.stream);
	return reply(rq, q, status, i, 0, total);
}

/* Within the limits of 3.3.5.15.6; chunks has room for CHUNKS_MAX. */
static bool read_chunks(struct smb2_rd *r, uint32_t count, struct chunk *chunks)
{
	uint64_t total = 0;

	if (count > CHUNKS_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		chunks[i].from = rd_le64(r);
		chunks[i].to = rd_le64(r);
		chunks[i].len = rd_le32(r);
		rd_skip(r, 4);
		if (rd_ok(r) && (!chunks[i].len || chunks[i].len > CHUNK_MAX))
			return false;
		total += chunks[i].len;
	}
	return total <= TOTAL_MAX;
}

ntstatus ioctl_srv_copychunk(struct request *rq, struct ioctl *q)
{
	struct smb2_rd r = ioctl_in(q);
	struct chunk chunks[CHUNKS_MAX];
	struct smb2_fid key = rd_fid(&r);
	struct open *src;
	uint32_t count;
	ntstatus status;

	rd_skip(&r, 8);
	count = rd_le32(&r);
	rd_skip(&r, 4);
	if (!rd_ok(&r) || q->max_out < COPYCHUNK_REPLY)
		return NT_STATUS_INVALID_PARAMETER;
	src = open_find(key.vol, key.persistent);
	if (!src || src->session != rq->session) {
		status = NT_STATUS_OBJECT_NAME_NOT_FOUND;
	} else {
		status = check_handles(q, src, rq->open);
		if (status == NT_STATUS_SUCCESS && !read_chunks(&r, count, chunks))
			status = reply(rq, q, NT_STATUS_INVALID_PARAMETER, CHUNKS_MAX, CHUNK_MAX,
				       TOTAL_MAX);
		else if (status == NT_STATUS_SUCCESS)
			status = rd_ok(&r) ? copy_all(rq, q, src, chunks, count)
					   : NT_STATUS_INVALID_PARAMETER;
	}
	if (src)
		open_put(src);
	return status;
}
