// SPDX-License-Identifier: GPL-2.0-only
/*
 * tx_daemon.c - what the daemon writes to the channel (uapi/kh_channel.h): plain messages, which
 * get their credits, signatures, encryption and prefix here.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "kmod.h"

#define MESSAGE_MAX (0xFFFFFFu - SMB2_TRANSFORM_SIZE) /* the prefix's length has 24 bits */
#define FIRST_PIECE (16u << 10) /* of a reply that is too large for one */
#define REPLY_FLAGS (KH_REPLYF_SEAL | KH_REPLYF_CREDITS | KH_REPLYF_SIGNED)

/* The pieces of a reply that hold len bytes from off on; out has room for as many as t has. */
static unsigned int slice(const struct kh_tx *t, size_t off, size_t len, struct bio_vec *out)
{
	unsigned int i, n = 0;

	for (i = 0; i < t->n && len; i++) {
		struct bio_vec bv = t->bv[i];
		size_t k;

		if (off >= bv.bv_len) {
			off -= bv.bv_len;
			continue;
		}
		bv.bv_offset += off;
		bv.bv_len = min_t(size_t, bv.bv_len - off, len);
		/* The page that the memory begins in: who maps pieces goes by it. */
		k = bv.bv_offset >> PAGE_SHIFT;
		bv.bv_page += k;
		bv.bv_offset -= k << PAGE_SHIFT;
		off = 0;
		len -= bv.bv_len;
		out[n++] = bv;
	}
	return n;
}

static void load(const struct bio_vec *bv, unsigned int n, void *p, size_t len)
{
	struct iov_iter it;

	iov_iter_bvec(&it, ITER_SOURCE, bv, n, len);
	WARN_ON_ONCE(copy_from_iter(p, len, &it) != len);
}

static void store(const struct bio_vec *bv, unsigned int n, const void *p, size_t len)
{
	struct iov_iter it;

	iov_iter_bvec(&it, ITER_DEST, bv, n, len);
	WARN_ON_ONCE(copy_to_iter(p, len, &it) != len);
}

/* MS-SMB2 3.3.1.2: what is granted goes into the header. */
static void put_credits(struct kh_conn *c, u8 *h, u16 flags)
{
	u16 charge = get_unaligned_le16(h + SMB2_HDR_OFF_CHARGE);
	u16 asked = get_unaligned_le16(h + SMB2_HDR_OFF_CREDITS);
	bool async = get_unaligned_le32(h + SMB2_HDR_OFF_FLAGS) & SMB2_FLAGS_ASYNC_COMMAND;
	u16 n = 0;

	if (flags & KH_REPLYF_CREDITS) {
		kh_conn_grant(c, 0, asked);
		return;
	}
	if (get_unaligned_le64(h + SMB2_HDR_OFF_MESSAGE_ID) != U64_MAX &&
	    !(async && get_unaligned_le32(h + SMB2_HDR_OFF_STATUS) != NT_STATUS_PENDING))
		n = kh_conn_grant(c, charge, asked);
	put_unaligned_le16(n, h + SMB2_HDR_OFF_CREDITS);
}

/* One element of len bytes at off of the reply. bv: scratch. */
static int finish_element(struct kh_conn *c, struct kh_tx *t, size_t off, size_t len, u16 flags,
			  struct bio_vec *bv)
{
	unsigned int n = slice(t, off, len, bv);
	u8 sig[SMB2_SIGNATURE_SIZE], h[SMB2_HDR_SIZE];
	struct kh_chan *chan;
	int err = 0;

	load(bv, n, h, sizeof(h));
	put_credits(c, h, flags);
	if (flags & KH_REPLYF_SIGNED)
		return 0;
	memset(h + SMB2_HDR_OFF_SIGNATURE, 0, sizeof(sig));
	store(bv, n, h, sizeof(h));
	if (flags & KH_REPLYF_SEAL ||
	    !(get_unaligned_le32(h + SMB2_HDR_OFF_FLAGS) & SMB2_FLAGS_SIGNED))
		return 0;
	chan = kh_chan_find(c, get_unaligned_le64(h + SMB2_HDR_OFF_SESSION_ID));
	if (!chan || !chan->sign)
		err = -ENOKEY;
	else
		err = kh_sign_bvec(chan->sign, bv, n, len, sig);
	kh_chan_put(chan);
	memcpy(h + SMB2_HDR_OFF_SIGNATURE, sig, sizeof(sig));
	if (!err)
		store(bv, n, h, sizeof(h));
	return err;
}

/* Each element of the chain at off, len bytes together. */
static int finish_elements(struct kh_conn *c, struct kh_tx *t, size_t off, size_t len, u16 flags,
			   struct bio_vec *bv)
{
	u64 at = 0, n;
	int err = 0;

	while (at < len && !err) {
		struct smb2_hdr h;
		u8 raw[SMB2_HDR_SIZE];

		if (len - at < sizeof(raw))
			return -EINVAL;
		load(bv, slice(t, off + at, sizeof(raw), bv), raw, sizeof(raw));
		if (!smb2_hdr_parse(raw, sizeof(raw), &h))
			return -EINVAL;
		n = smb2_element_len(len, at, h.next_command);
		if (!n)
			return -EINVAL;
		err = finish_element(c, t, off + at, n, flags, bv);
		at += n;
	}
	return err;
}

static int seal(struct kh_conn *c, struct kh_tx *t, u64 session_id, size_t len, struct bio_vec *bv)
{
	struct kh_chan *chan = kh_chan_find(c, session_id);
	u8 *p = page_address(t->bv[0].bv_page) + t->bv[0].bv_offset + SMB2_PREFIX_SIZE;
	unsigned int n;
	int err;

	err = kh_tx_transform(c, chan, p, len);
	if (!err) {
		n = slice(t, kh_tx_front(true), len, bv);
		err = kh_crypt_seal(chan->crypt, p, bv, n, bv, n, len);
	}
	kh_chan_put(chan);
	return err;
}

/* Memory for front and message, the message copied in. */
static struct kh_tx *take_message(struct kh_conn *c, struct iov_iter *from, u32 front, u32 len)
{
	bool one = front + len <= KH_TX_LINEAR_MAX;
	u32 first = one ? len : FIRST_PIECE;
	struct kh_tx *t = kh_tx_new(one ? 1 : 2 + (len >> PAGE_SHIFT));
	u32 i;
	u8 *p;

	if (!t)
		return NULL;
	p = kh_tx_linear(t, front + first, 0);
	if (!p || (len > first && kh_tx_pages(t, len - first)))
		goto fail;
	if (!copy_from_iter_full(p + front, first, from))
		goto fail;
	for (i = 1; i < t->n; i++)
		if (!copy_from_iter_full(page_address(t->bv[i].bv_page) + t->bv[i].bv_offset,
					 t->bv[i].bv_len, from))
			goto fail;
	return t;
fail:
	kh_tx_free(t);
	return NULL;
}

static int take_handles(struct kh_conn *c, struct iov_iter *from, u16 n)
{
	while (n--) {
		struct kh_reply_handle h;

		if (!copy_from_iter_full(&h, sizeof(h), from))
			return -EFAULT;
		kh_handle_add(c->server, &h, NULL); /* what it refuses stays with the daemon */
	}
	return 0;
}

static int take_record(struct kh_conn *c, struct iov_iter *from, const struct kh_reply *r, u32 len)
{
	bool sealed = r->flags & KH_REPLYF_SEAL;
	u32 front = kh_tx_front(sealed);
	struct bio_vec few[4], *bv = few;
	struct kh_tx *t;
	int err;

	err = take_handles(c, from, r->nhandles);
	if (err)
		return err;
	t = take_message(c, from, front, len);
	if (!t)
		return -ENOMEM;
	if (t->n > ARRAY_SIZE(few))
		bv = kvmalloc_array(t->n, sizeof(*bv), GFP_KERNEL);
	err = bv ? finish_elements(c, t, front, len, r->flags, bv) : -ENOMEM;
	if (!err && sealed)
		err = seal(c, t, r->session_id, len, bv);
	if (bv != few)
		kvfree(bv);
	if (err) {
		kh_tx_free(t);
		return err;
	}
	c->slot->replies++;
	kh_tx_queue(c, t);
	return 0;
}

/* The header of the next record, and the length of its message. */
static int take_header(struct iov_iter *from, struct kh_reply *r, u32 *len)
{
	size_t have = iov_iter_count(from);
	u64 before;

	if (have < sizeof(*r) || !copy_from_iter_full(r, sizeof(*r), from))
		return -EINVAL;
	before = sizeof(*r) + r->nhandles * sizeof(struct kh_reply_handle);
	if (r->nhandles > KH_REPLY_HANDLES_MAX || r->flags & ~REPLY_FLAGS ||
	    (r->flags & KH_REPLYF_SIGNED && !(r->flags & KH_REPLYF_CREDITS)) ||
	    r->len < before + SMB2_HDR_SIZE || r->len > MESSAGE_MAX ||
	    kh_record_size((u64)r->len) > have)
		return -EINVAL;
	*len = r->len - before;
	return 0;
}

ssize_t kh_tx_records(struct kh_conn *c, struct iov_iter *from)
{
	ssize_t done = 0;
	int err = 0;

	while (iov_iter_count(from) && !err) {
		struct kh_reply r;
		u32 len, size;

		if (test_bit(KH_CONN_GONE, &c->flags)) {
			err = -EPIPE;
			break;
		}
		if (READ_ONCE(c->out_bytes) > c->out_limit) {
			err = -EAGAIN;
			break;
		}
		err = take_header(from, &r, &len);
		if (err)
			break;
		size = kh_record_size(r.len);
		err = take_record(c, from, &r, len);
		if (!err) {
			iov_iter_advance(from, size - r.len);
			done += size;
		}
	}
	kh_tx_send(c);
	return done ?: err;
}
