// SPDX-License-Identifier: GPL-2.0-only
/*
 * smb2_read.c - READ (MS-SMB2 2.2.19, 2.2.20, 3.3.5.12).
 *
 * Three ways, by size and by who touches the bytes:
 *   copy    small ones: the page cache is copied behind the header, which is one piece then
 *   splice  large ones: references to the page cache's pages go to the socket; sealed by a one-pass
 *           cipher they are its source. What the pages hold may change until they are sent or
 *           sealed; their number and the length in the header do not.
 *   own     what is signed, or sealed in two passes, is copied to pages that nobody else writes
 * The header is made when it is known how many bytes there are, so no PDU is ever too short.
 */
#include <linux/cred.h>
#include <linux/kcov.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/uio.h>

#include "kmod.h"

#define BODY	 16
#define COPY_MAX (16u << 10)

static bool check(const struct kh_req *rq, const struct smb2_read_req *q)
{
	return q->length && q->length <= rq->conn->max_read && !q->channel &&
	       q->offset <= S64_MAX - q->length && kh_req_charge_ok(rq, q->length);
}

/* Bytes, or -errno; -EAGAIN: it would have to wait. */
static ssize_t read_iter(struct kh_req *rq, struct iov_iter *it, bool wait)
{
	loff_t pos = rq->read.offset;
	struct file *file = rq->handle->file;
	size_t len = iov_iter_count(it);
	ssize_t n;

	while (iov_iter_count(it)) {
		n = vfs_iter_read(file, it, &pos, wait ? 0 : RWF_NOWAIT);
		if (n == 0)
			break;
		if (n == -EINTR)
			continue;
		if (n < 0)
			return n == -EOPNOTSUPP && !wait ? -EAGAIN : n;
	}
	return len - iov_iter_count(it);
}

/* Header and body of an answer of n bytes; p: where the SMB2 header goes. */
static void put_head(struct kh_req *rq, u8 *p, u32 n)
{
	u8 *body = p + SMB2_HDR_SIZE;

	kh_tx_header(rq, p, NT_STATUS_SUCCESS);
	memset(body, 0, BODY);
	body[0] = 17;
	body[2] = SMB2_HDR_SIZE + BODY;
	kh_put_le32(body + 4, n);
}

static void count(struct kh_req *rq, u32 n)
{
	struct kh_handle_slot *slot = rq->handle->slot;

	kh_maps_add(&slot->reads, 1);
	kh_maps_add(&slot->read_bytes, n);
	WRITE_ONCE(slot->last_ns, rq->start_ns);
	WRITE_ONCE(slot->end, rq->read.offset + n);
}

static u32 outcome(const struct smb2_read_req *q, ssize_t n)
{
	if (n < 0)
		return smb2_status_of_errno(n);
	return n == 0 || n < q->minimum_count ? NT_STATUS_END_OF_FILE : NT_STATUS_SUCCESS;
}

/* n bytes are in t behind the head at p, or it failed. Takes t. */
static void answer(struct kh_req *rq, struct kh_tx *t, u8 *p, ssize_t n)
{
	u32 status = outcome(&rq->read, n), front = kh_tx_front(rq->sealed);

	if (status != NT_STATUS_SUCCESS) {
		kh_tx_free(t);
		kh_req_fail(rq, status);
		return;
	}
	count(rq, n);
	put_head(rq, p + front, n);
	kh_tx_finish(rq->conn, t, rq->chan, rq->signed_, rq->sealed);
	kh_req_end(rq, NT_STATUS_SUCCESS, 0, n);
}

static u32 head_size(const struct kh_req *rq)
{
	return kh_tx_front(rq->sealed) + SMB2_HDR_SIZE + BODY;
}

/* ---- copy: 0, or -EAGAIN, -ENOMEM with nothing done ---- */

static int read_copy(struct kh_req *rq, bool wait)
{
	u32 head = head_size(rq), len = rq->read.length;
	struct kh_tx *t = kh_tx_new(1);
	struct iov_iter it;
	struct kvec vec;
	ssize_t n;
	u8 *p;

	p = t ? kh_tx_linear(t, head + len, kh_tx_block(rq)) : NULL;
	if (!p) {
		kh_tx_free(t);
		return -ENOMEM;
	}
	vec = (struct kvec){ p + head, len };
	iov_iter_kvec(&it, ITER_DEST, &vec, 1, len);
	n = read_iter(rq, &it, wait);
	if (n == -EAGAIN) {
		kh_tx_free(t);
		return n;
	}
	if (n > 0)
		kh_tx_trim(t, head + n);
	answer(rq, t, p, n);
	return 0;
}

/* ---- own pages ---- */

static int read_own(struct kh_req *rq, bool wait)
{
	u32 head = head_size(rq), len = rq->read.length;
	struct kh_tx *t = kh_tx_new(2 + (len >> PAGE_SHIFT));
	struct iov_iter it;
	ssize_t n;
	u8 *p;

	p = t ? kh_tx_linear(t, head, kh_tx_block(rq)) : NULL;
	if (!p || kh_tx_pages(t, len)) {
		kh_tx_free(t);
		return -ENOMEM;
	}
	iov_iter_bvec(&it, ITER_DEST, t->bv + 1, t->n - 1, len);
	n = read_iter(rq, &it, wait);
	if (n == -EAGAIN) {
		kh_tx_free(t);
		return n;
	}
	if (n > 0)
		kh_tx_trim(t, head + n);
	answer(rq, t, p, n);
	return 0;
}

/* ---- splice ---- */

static int take_page(struct pipe_inode_info *pipe, struct pipe_buffer *buf, struct splice_desc *sd)
{
	struct kh_tx *t = sd->u.data;
	u32 len = min_t(size_t, buf->len, sd->total_len);

	if (t->n == t->max)
		return -EIO;
	get_page(buf->page);
	bvec_set_page(&t->bv[t->n++], buf->page, len, buf->offset);
	t->len += len;
	return len;
}

static int take_pages(struct pipe_inode_info *pipe, struct splice_desc *sd)
{
	return __splice_from_pipe(pipe, sd, take_page);
}

/* Bytes whose pages are in t now. */
static ssize_t splice_pages(struct kh_req *rq, struct kh_tx *t)
{
	struct splice_desc sd = {
		.total_len = rq->read.length,
		.pos = rq->read.offset,
		.u.data = t,
	};
	size_t before = t->len;
	ssize_t n = splice_direct_to_actor(rq->handle->file, &sd, take_pages);

	return t->len > before ? t->len - before : n;
}

static int read_splice(struct kh_req *rq)
{
	u32 head = head_size(rq), len = rq->read.length;
	/* Pieces of the page cache are pages at most; the first and the last may be parts. */
	struct kh_tx *t = kh_tx_new(3 + (len >> PAGE_SHIFT));
	u8 *p = t ? kh_tx_linear(t, head, 0) : NULL;

	if (!p) {
		kh_tx_free(t);
		return -ENOMEM;
	}
	answer(rq, t, p, splice_pages(rq, t));
	return 0;
}

/*
 * Sealed in one pass, from the page cache's pages to pages of the reply. The messages differ in
 * where their bytes are, so the reply is finished here.
 */
static int read_sealed(struct kh_req *rq)
{
	u32 front = kh_tx_front(true), head = head_size(rq), len = rq->read.length;
	struct kh_tx *src = kh_tx_new(3 + (len >> PAGE_SHIFT)), *t = NULL;
	u8 *p, *out;
	ssize_t n;
	int err;

	p = src ? kh_tx_linear(src, head - front, 0) : NULL;
	if (!p)
		goto no_memory;
	n = splice_pages(rq, src);
	if (outcome(&rq->read, n) != NT_STATUS_SUCCESS) {
		answer(rq, src, p, n);
		return 0;
	}
	t = kh_tx_new(2 + (n >> PAGE_SHIFT));
	out = t ? kh_tx_linear(t, head, front) : NULL;
	if (!out || kh_tx_pages(t, n))
		goto no_memory;
	put_head(rq, p, n);
	err = kh_tx_seal(rq->conn, rq->chan, src, t);
	kh_tx_free(src);
	count(rq, n);
	if (err) {
		kh_tx_free(t);
		kh_conn_gone(rq->conn, KH_GONE_NO_MEMORY);
	}
	kh_req_end(rq, NT_STATUS_SUCCESS, 0, n);
	return 0;
no_memory:
	kh_tx_free(src);
	kh_tx_free(t);
	return -ENOMEM;
}

/* ---- which ---- */

static int read_some_way(struct kh_req *rq, bool wait)
{
	if (rq->read.length <= COPY_MAX)
		return read_copy(rq, wait);
	if (rq->signed_ || (rq->sealed && !kh_crypt_one_pass(rq->chan->crypt)))
		return read_own(rq, wait);
	if (!wait)
		return -EAGAIN; /* splice would */
	return rq->sealed ? read_sealed(rq) : read_splice(rq);
}

static void read_work(struct work_struct *work)
{
	struct kh_req *rq = container_of(work, struct kh_req, work);
	const struct cred *old;
	int err;

	kcov_remote_start_common(rq->conn->kcov_handle);
	old = override_creds(rq->handle->file->f_cred);
	err = read_some_way(rq, true);
	revert_creds(old);
	if (err) /* no memory now: the client may try again */
		kh_req_fail(rq, NT_STATUS_INSUFFICIENT_RESOURCES);
	kcov_remote_stop();
}

bool kh_smb2_read(struct kh_req *rq)
{
	struct smb2_read_req *q = &rq->read;
	const struct cred *old;
	int err;

	if (!smb2_read_parse(rq->head, rq->head_len, q) || !check(rq, q) ||
	    !kh_req_handle(rq, &q->fid, KH_USE_READ, FILE_READ_DATA | FILE_EXECUTE))
		return false;
	old = override_creds(rq->handle->file->f_cred);
	err = read_some_way(rq, rq->handle->flags & KH_HANDLE_MEMORY);
	revert_creds(old);
	if (!err || (err == -EAGAIN && kh_req_defer(rq, read_work, q->length)))
		return true;
	kh_handle_done(rq->handle, KH_USE_READ);
	rq->handle = NULL;
	return false;
}
