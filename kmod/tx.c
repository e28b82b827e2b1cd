// SPDX-License-Identifier: GPL-2.0-only
/*
 * tx.c - replies on their way to the socket: ours and the daemon's, in one stream.
 *
 * A reply is a list of pieces of pages. The first begins with the transport's prefix and, if it is
 * to be sealed, room for the transform header. Heads and small replies are cut from memory that the
 * CPU keeps, so that those of a batch are one piece; file data is the page cache's pages, or pages of the reply's own. The socket
 * takes references (MSG_SPLICE_PAGES), so nothing is copied.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "kmod.h"

#define SEND_PIECES 64 /* that one call takes */

static DEFINE_PER_CPU(struct kh_tx *, spare); /* a small one */

struct kh_tx *kh_tx_new(u32 max)
{
	struct kh_tx *t = this_cpu_xchg(spare, NULL) ?: kmalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	t->bv = t->few;
	if (max > ARRAY_SIZE(t->few)) {
		t->bv = kvmalloc_array(max, sizeof(*t->bv), GFP_KERNEL_ACCOUNT);
		if (!t->bv) {
			kfree(t);
			return NULL;
		}
	}
	t->max = max(max, (u32)ARRAY_SIZE(t->few));
	t->n = t->cur = 0;
	t->len = t->charged = 0;
	t->sending = false;
	kh_count(KH_OBJ_TX, 1);
	return t;
}

void kh_tx_free(struct kh_tx *t)
{
	u32 i;

	if (!t)
		return;
	for (i = t->cur; i < t->n; i++)
		put_page(t->bv[i].bv_page);
	if (t->bv != t->few)
		kvfree(t->bv);
	kh_count(KH_OBJ_TX, -1);
	kfree(this_cpu_xchg(spare, t));
}

void kh_tx_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree(per_cpu(spare, cpu));
}

static void add(struct kh_tx *t, struct page *page, u32 off, u32 len)
{
	bvec_set_page(&t->bv[t->n++], page, len, off);
	t->len += len;
}

void *kh_tx_linear(struct kh_tx *t, u32 len, u32 block)
{
	void *p;

	if (WARN_ON_ONCE(t->n == t->max || len > KH_TX_LINEAR_MAX))
		return NULL;
	p = kh_memory_get(len, block);
	if (p)
		add(t, virt_to_page(p), offset_in_page(p), len);
	return p;
}

int kh_tx_pages(struct kh_tx *t, size_t len)
{
	while (len) {
		struct page *page = NULL;
		size_t n = PAGE_SIZE << KH_BLOCK_ORDER;

		if (WARN_ON_ONCE(t->n == t->max))
			return -EINVAL;
		if (len > n / 4)
			page = kh_block_get();
		if (!page) {
			n = PAGE_SIZE;
			page = alloc_page(GFP_KERNEL_ACCOUNT);
		}
		if (!page)
			return -ENOMEM;
		n = min(n, len);
		add(t, page, 0, n);
		len -= n;
	}
	return 0;
}

void kh_tx_trim(struct kh_tx *t, size_t len)
{
	while (t->len > len) {
		struct bio_vec *bv = &t->bv[t->n - 1];
		size_t cut = min_t(size_t, bv->bv_len, t->len - len);

		t->len -= cut;
		bv->bv_len -= cut;
		if (!bv->bv_len) {
			put_page(bv->bv_page);
			t->n--;
		}
	}
}

/* ---- finishing ---- */

static void *piece(const struct bio_vec *bv)
{
	return page_address(bv->bv_page) + bv->bv_offset;
}

/* Moves the beginning of the first piece, which is linear memory, by n bytes. */
static void shift(struct kh_tx *t, s32 n)
{
	struct bio_vec *bv = &t->bv[0];

	bvec_set_virt(bv, piece(bv) + n, bv->bv_len - n);
	t->len -= n;
}

static int sign_element(struct kh_chan *chan, struct kh_tx *t)
{
	u8 *h = piece(&t->bv[0]);

	if (!chan || !chan->sign)
		return -ENOKEY;
	put_unaligned_le32(get_unaligned_le32(h + SMB2_HDR_OFF_FLAGS) | SMB2_FLAGS_SIGNED,
			   h + SMB2_HDR_OFF_FLAGS);
	memset(h + SMB2_HDR_OFF_SIGNATURE, 0, SMB2_SIGNATURE_SIZE);
	return kh_sign_bvec(chan->sign, t->bv, t->n, t->len, h + SMB2_HDR_OFF_SIGNATURE);
}

/* How often one key may seal: AES-GCM stays safe for far more than a connection lives. */
#define SEALS_MAX  (1ull << 40)
#define SEALS_TELL (SEALS_MAX - (1ull << 24))

static void tell_limit(struct kh_conn *c, struct kh_chan *chan)
{
	struct kh_up *u;

	if (xchg(&chan->limit_told, true))
		return;
	u = kh_up_new(0);
	if (u)
		kh_up_queue(c, u, 0, KH_UP_KEY_LIMIT, 0, 0, chan->session_id);
}

/* The transform header of a message of len bytes. */
int kh_tx_transform(struct kh_conn *c, struct kh_chan *chan, u8 *p, u32 len)
{
	struct smb2_wr w = wr_init(p, SMB2_TRANSFORM_SIZE);
	u8 nonce[16];
	u64 n;

	if (!chan || !chan->crypt)
		return -ENOKEY;
	n = atomic64_inc_return(&chan->nonce_counter);
	if (n > SEALS_TELL)
		tell_limit(c, chan);
	if (n > SEALS_MAX)
		return -EKEYEXPIRED;
	kh_crypt_nonce(chan->crypt, chan->nonce_prefix, n, nonce);
	smb2_transform_put(&w, nonce, len, chan->session_id);
	return 0;
}

/*
 * Puts a small reply behind the last one of the queue, as one piece with it if it lies behind it in
 * memory: replies of a batch go out as one. tx_list_lock is held. False: there is no such place.
 */
static bool join(struct kh_conn *c, struct kh_tx *t)
{
	struct bio_vec *bv, *own = t->bv;
	struct kh_tx *last;

	if (t->n != 1 || list_empty(&c->tx_queue))
		return false;
	last = list_last_entry(&c->tx_queue, struct kh_tx, node);
	if (last->sending)
		return false;
	bv = &last->bv[last->n - 1];
	if (piece(bv) + bv->bv_len == piece(own) &&
	    compound_head(bv->bv_page) == compound_head(own->bv_page)) {
		bv->bv_len += own->bv_len;
	} else {
		if (last->n == last->max)
			return false;
		last->bv[last->n++] = *own;
		t->n = 0; /* the reference went along */
	}
	last->len += t->len;
	last->charged += t->len;
	return true;
}

void kh_tx_queue(struct kh_conn *c, struct kh_tx *t)
{
	size_t len = t->len;
	bool joined;

	smb2_prefix_put(piece(&t->bv[0]), len - SMB2_PREFIX_SIZE);
	t->charged = len;
	spin_lock(&c->tx_list_lock);
	joined = join(c, t);
	if (!joined)
		list_add_tail(&t->node, &c->tx_queue);
	c->out_bytes += len;
	if (c->out_bytes > c->out_limit)
		set_bit(KH_CONN_OUT_FULL, &c->flags);
	c->slot->out_bytes = c->out_bytes;
	spin_unlock(&c->tx_list_lock);
	if (joined)
		kh_tx_free(t);
}

/* src and t begin with the SMB2 header; so does t again afterwards, with room before it. */
static int seal(struct kh_conn *c, struct kh_chan *chan, const struct kh_tx *src, struct kh_tx *t)
{
	u8 *p = piece(&t->bv[0]) - SMB2_TRANSFORM_SIZE;
	int err = kh_tx_transform(c, chan, p, t->len);

	return err ?: kh_crypt_seal(chan->crypt, p, src->bv, src->n, t->bv, t->n, t->len);
}

int kh_tx_seal(struct kh_conn *c, struct kh_chan *chan, const struct kh_tx *src, struct kh_tx *t)
{
	s32 front = kh_tx_front(true);
	int err;

	shift(t, front);
	err = t->len == src->len ? seal(c, chan, src, t) : -EINVAL;
	shift(t, -front);
	if (!err)
		kh_tx_queue(c, t);
	return err;
}

void kh_tx_finish(struct kh_conn *c, struct kh_tx *t, struct kh_chan *chan, bool sign, bool sealed)
{
	s32 front = kh_tx_front(sealed);
	int err = 0;

	shift(t, front);
	if (sign && !sealed)
		err = sign_element(chan, t);
	if (sealed)
		err = seal(c, chan, t, t);
	shift(t, -front);
	if (err) { /* a reply that is neither signed nor sealed is worse than none */
		kh_tx_free(t);
		kh_conn_gone(c, KH_GONE_NO_MEMORY);
		return;
	}
	kh_tx_queue(c, t);
}

void kh_tx_header(struct kh_req *rq, u8 *p, u32 status)
{
	struct smb2_wr w = wr_init(p, SMB2_HDR_SIZE);
	struct smb2_hdr h = rq->hdr;

	h.status = status;
	h.credit_charge = rq->charge;
	h.credits = kh_conn_grant(rq->conn, rq->charge, rq->hdr.credits);
	h.next_command = 0;
	h.flags = SMB2_FLAGS_SERVER_TO_REDIR;
	h.async_id = 0;
	smb2_hdr_put(&w, &h);
}

/* Replies of a batch lie in a row instead: one piece less is more than a copied block less. */
u32 kh_tx_block(const struct kh_req *rq)
{
	return rq->sealed && list_empty_careful(&rq->conn->tx_queue) ? kh_tx_front(true) : 0;
}

void kh_tx_simple(struct kh_req *rq, u32 status, const void *body, u32 len)
{
	u32 front = kh_tx_front(rq->sealed);
	struct kh_tx *t = kh_tx_new(1);
	u8 *p = t ? kh_tx_linear(t, front + SMB2_HDR_SIZE + len, kh_tx_block(rq)) : NULL;

	if (!p) {
		kh_tx_free(t);
		kh_conn_gone(rq->conn, KH_GONE_NO_MEMORY);
		return;
	}
	kh_tx_header(rq, p + front, status);
	memcpy(p + front + SMB2_HDR_SIZE, body, len);
	kh_tx_finish(rq->conn, t, rq->chan, rq->signed_, rq->sealed);
}

/* ---- sending ---- */

/* Up to SEND_PIECES pieces from the head of the queue. *more: there are others behind. */
static size_t gather(struct kh_conn *c, struct bio_vec *bv, unsigned int *n, bool *more)
{
	size_t len = 0;
	struct kh_tx *t;

	*n = 0;
	*more = false;
	spin_lock(&c->tx_list_lock);
	list_for_each_entry(t, &c->tx_queue, node) {
		u32 i;

		t->sending = true;
		for (i = t->cur; i < t->n && *n < SEND_PIECES; i++) {
			bv[(*n)++] = t->bv[i];
			len += t->bv[i].bv_len;
		}
		if (i < t->n || (*n == SEND_PIECES && !list_is_last(&t->node, &c->tx_queue))) {
			*more = true;
			break;
		}
	}
	spin_unlock(&c->tx_list_lock);
	return len;
}

void kh_tx_room(struct kh_conn *c)
{
	if (READ_ONCE(c->out_bytes) > c->out_limit / 2 ||
	    !test_and_clear_bit(KH_CONN_OUT_FULL, &c->flags))
		return;
	kh_conn_kick(c);
	wake_up_interruptible_poll(&c->up_wait, EPOLLOUT | EPOLLWRNORM);
}

/* So many bytes were taken. Only who holds tx_lock removes from the queue. */
static void advance(struct kh_conn *c, size_t n)
{
	c->slot->bytes_out += n;
	while (n) {
		struct kh_tx *t = list_first_entry(&c->tx_queue, struct kh_tx, node);

		while (n && t->cur < t->n) {
			struct bio_vec *bv = &t->bv[t->cur];
			u32 k = min_t(size_t, n, bv->bv_len);

			n -= k;
			bv->bv_offset += k;
			bv->bv_len -= k;
			if (bv->bv_len)
				break;
			put_page(bv->bv_page);
			t->cur++;
		}
		if (t->cur < t->n)
			break;
		spin_lock(&c->tx_list_lock);
		list_del(&t->node);
		c->out_bytes -= t->charged;
		c->slot->out_bytes = c->out_bytes;
		spin_unlock(&c->tx_list_lock);
		kh_tx_free(t);
	}
	kh_tx_room(c);
}

enum sent { SENT_ALL, SENT_SOME, SENT_STUCK };

static enum sent send_some(struct kh_conn *c)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_SPLICE_PAGES };
	struct bio_vec bv[SEND_PIECES];
	unsigned int n;
	size_t len;
	bool more;
	int sent;

	len = gather(c, bv, &n, &more);
	if (!len)
		return SENT_ALL;
	if (more)
		msg.msg_flags |= MSG_MORE;
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bv, n, len);
	sent = sock_sendmsg(c->sock, &msg);
	if (sent > 0) {
		advance(c, sent);
		return SENT_SOME;
	}
	if (sent != -EAGAIN)
		kh_conn_gone(c, KH_GONE_PEER);
	return SENT_STUCK;
}

/*
 * Who finds the lock taken leaves its reply to who has it; who has it looks again after giving it
 * back. The same for room in the socket: write_space() comes to nothing while the lock is held.
 */
void kh_tx_send(struct kh_conn *c)
{
	unsigned int stuck = 0;
	enum sent sent;

	while (!list_empty_careful(&c->tx_queue) && !test_bit(KH_CONN_GONE, &c->flags)) {
		smp_mb(); /* a trylock that fails orders nothing: what is queued must be seen first */
		if (!mutex_trylock(&c->tx_lock))
			return;
		do {
			sent = send_some(c);
		} while (sent == SENT_SOME);
		mutex_unlock(&c->tx_lock);
		smp_mb(); /* who queued while we had the lock is seen now, or gets the lock */
		if (sent != SENT_STUCK)
			continue;
		if (!sk_stream_is_writeable(c->sock->sk))
			return; /* write_space() will kick */
		if (stuck++) { /* there is room, but no memory: others first */
			kh_conn_kick(c);
			return;
		}
	}
}

void kh_tx_drop(struct kh_conn *c)
{
	struct kh_tx *t, *next;

	list_for_each_entry_safe(t, next, &c->tx_queue, node) {
		list_del(&t->node);
		kh_tx_free(t);
	}
}
