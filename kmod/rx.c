// SPDX-License-Identifier: GPL-2.0-only
/*
 * rx.c - frames out of the stream.
 *
 * Bytes are received into one buffer, and most frames are handled where they lie in it: a pipelining
 * client gets many requests handled by one receive. A frame that does not fit is collected: a large
 * WRITE and what is sealed as the socket's own buffers, whose pages are copied to the file, or
 * decrypted from; anything else in memory that then goes up as it is. The buffer is of the CPU while a connection is idle.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "kmod.h"

#define BUDGET_FRAMES 64
#define BUDGET_BYTES  (2u << 20)
#define HEAD	      (SMB2_HDR_SIZE + 48) /* header and fixed body of WRITE */
#define HEAD_READ     512		   /* received at first after a large WRITE */
#define LOWAT	      (256u << 10)	   /* wake up for no less of a large frame */
#define START	      8			   /* with its heads a sealed message is at KH_CIPHER_ALIGN */
#define SEGS_MAX      1024		   /* buffers of the socket that may be held */

struct seg {
	u32 off, len;
};

#define SEG(skb) ((struct seg *)(skb)->cb)

/* ---- buffers: one is kept per CPU ---- */

static DEFINE_PER_CPU(void *, kept);

static void *buf_get(void)
{
	void *p = this_cpu_xchg(kept, NULL);

	return p ?: (void *)__get_free_pages(GFP_KERNEL, KH_RBUF_ORDER);
}

static void buf_put(void *p)
{
	if (!p)
		return;
	p = this_cpu_xchg(kept, p);
	if (p)
		free_pages((unsigned long)p, KH_RBUF_ORDER);
}

void kh_rx_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		free_pages((unsigned long)per_cpu(kept, cpu), KH_RBUF_ORDER);
}

int kh_rx_init(struct kh_conn *c, const void *unhandled, u32 len)
{
	struct kh_rx *rx = &c->rx;

	BUILD_BUG_ON(KH_RBUF < KH_CONN_UNHANDLED_MAX);
	BUILD_BUG_ON(sizeof(struct seg) > sizeof_field(struct sk_buff, cb));
	__skb_queue_head_init(&rx->skbs);
	if (!len)
		return 0;
	rx->buf = buf_get();
	if (!rx->buf)
		return -ENOMEM;
	memcpy(rx->buf, unhandled, len);
	rx->end = len;
	return 0;
}

void kh_rx_free(struct kh_conn *c)
{
	kh_up_free(c->rx.up);
	__skb_queue_purge(&c->rx.skbs);
	buf_put(c->rx.buf);
}

/* ---- receiving ---- */

/* Bytes, 0: nothing is there now, -errno: it is over. */
static int receive(struct kh_conn *c, void *p, size_t len)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct kvec vec = { p, len };
	int n = kernel_recvmsg(c->sock, &msg, &vec, 1, len, MSG_DONTWAIT);

	if (n > 0)
		c->slot->bytes_in += n;
	else if (n == 0)
		n = -EPIPE;
	else if (n == -EAGAIN || n == -EINTR)
		n = 0;
	return n;
}

/*
 * The socket calls when so many bytes are there, or when it cannot hold more. True: that changed, so
 * what came meanwhile was not called for, and is to be looked for.
 */
static bool want(struct kh_conn *c, u32 bytes)
{
	struct sock *sk = c->sock->sk;
	int val = clamp_t(u32, bytes, 1, min_t(u32, LOWAT, READ_ONCE(sk->sk_rcvbuf) / 2));

	if (READ_ONCE(sk->sk_rcvlowat) == val)
		return false;
	WRITE_ONCE(sk->sk_rcvlowat, val);
	return true;
}

static int fill(struct kh_conn *c)
{
	struct kh_rx *rx = &c->rx;
	u32 room;
	int n;

	if (!rx->buf) {
		rx->buf = buf_get();
		if (!rx->buf)
			return -ENOMEM;
	}
	if (rx->start == rx->end) {
		rx->start = rx->end = START;
	} else if (rx->start && KH_RBUF - rx->end < KH_RBUF / 4) {
		memmove(rx->buf, rx->buf + rx->start, rx->end - rx->start);
		rx->end -= rx->start;
		rx->start = 0;
	}
	room = KH_RBUF - rx->end;
	if (rx->large && rx->end == START)
		room = HEAD_READ;
	rx->now_ns = 0;
	n = receive(c, rx->buf + rx->end, room);
	if (n > 0)
		rx->end += n;
	/* The socket calls when there is more: it need not be asked again. The end it told before. */
	rx->drained = n < (int)room && !(READ_ONCE(c->sock->sk->sk_shutdown) & RCV_SHUTDOWN);
	return n;
}

/* ---- frames that do not fit into the buffer ---- */

static int segment(read_descriptor_t *desc, struct sk_buff *skb, unsigned int off, size_t len)
{
	struct kh_conn *c = desc->arg.data;
	struct kh_rx *rx = &c->rx;
	struct sk_buff *clone;
	u32 n = min_t(size_t, len, desc->count);

	if (skb_has_frag_list(skb) || rx->nsegs >= SEGS_MAX) {
		desc->error = -EMSGSIZE;
		return 0;
	}
	clone = skb_clone(skb, GFP_ATOMIC);
	if (!clone) {
		desc->error = -ENOMEM;
		return 0;
	}
	SEG(clone)->off = off;
	SEG(clone)->len = n;
	__skb_queue_tail(&rx->skbs, clone);
	rx->nsegs += 1 + skb_shinfo(clone)->nr_frags;
	rx->have += n;
	desc->count -= n;
	return n;
}

/* What is held as buffers of the socket goes to memory: many small ones, or it goes up. */
static int linearize(struct kh_conn *c)
{
	struct kh_rx *rx = &c->rx;
	u32 at = min(rx->end - rx->start, rx->frame_len);
	struct sk_buff *skb;
	int err = 0;

	rx->up = kh_up_new(rx->frame_len);
	if (!rx->up)
		return -ENOMEM;
	memcpy(rx->up->data, rx->buf + rx->start, at);
	rx->start = rx->end;
	while ((skb = __skb_dequeue(&rx->skbs))) {
		if (!err)
			err = skb_copy_bits(skb, SEG(skb)->off, rx->up->data + at, SEG(skb)->len);
		at += SEG(skb)->len;
		kfree_skb(skb);
	}
	return err;
}

static int collect_segments(struct kh_conn *c)
{
	read_descriptor_t desc = { .arg.data = c, .count = c->rx.frame_len - c->rx.have };
	struct sock *sk = c->sock->sk;
	int n;

	lock_sock(sk);
	n = tcp_read_sock(sk, &desc, segment);
	release_sock(sk);
	if (n > 0)
		c->slot->bytes_in += n;
	if (desc.error == -EMSGSIZE)
		return linearize(c) ?: 1;
	if (desc.error)
		return desc.error;
	if (n == 0 && sk->sk_shutdown & RCV_SHUTDOWN)
		return -EPIPE;
	return n;
}

/* All of it is here: the pages of the buffer and of the socket's buffers, in order. */
static unsigned int pieces(struct kh_rx *rx, struct bio_vec *bv)
{
	struct sk_buff *skb;
	unsigned int n = 0;

	bvec_set_virt(&bv[n++], rx->buf + rx->start, rx->end - rx->start);
	skb_queue_walk(&rx->skbs, skb) {
		u32 off = SEG(skb)->off, len = SEG(skb)->len, head = skb_headlen(skb);
		int i;

		if (off < head) {
			u32 k = min(len, head - off);

			bvec_set_virt(&bv[n++], skb->data + off, k);
			len -= k;
			off = 0;
		} else {
			off -= head;
		}
		for (i = 0; len && i < skb_shinfo(skb)->nr_frags; i++) {
			const skb_frag_t *f = &skb_shinfo(skb)->frags[i];
			u32 size = skb_frag_size(f), k;

			if (off >= size) {
				off -= size;
				continue;
			}
			k = min(len, size - off);
			bvec_set_page(&bv[n++], skb_frag_page(f), k, skb_frag_off(f) + off);
			len -= k;
			off = 0;
		}
	}
	return n;
}

static void frame_over(struct kh_rx *rx)
{
	rx->frame_len = rx->have = rx->nsegs = 0;
}

static int finish_segments(struct kh_conn *c)
{
	struct kh_rx *rx = &c->rx;
	u32 len = rx->frame_len;
	struct bio_vec *bv;
	u16 flags = 0;
	int up;

	bv = kvmalloc_array(rx->nsegs + 1, sizeof(*bv), GFP_KERNEL);
	if (!bv)
		return -ENOMEM;
	up = kh_frame_pieces(c, bv, pieces(rx, bv), len, rx->start_ns, &flags);
	kvfree(bv);
	if (up) {
		int err = linearize(c);

		if (err)
			return err;
		kh_up_queue(c, rx->up, len, KH_UP_FRAME, flags, 0, 0);
		c->slot->passed_up++;
		rx->up = NULL;
	}
	__skb_queue_purge(&rx->skbs);
	rx->start = rx->end;
	rx->large = true;
	frame_over(rx);
	return 1;
}

static int collect(struct kh_conn *c)
{
	struct kh_rx *rx = &c->rx;
	int n;

	rx->drained = false; /* it was not called for less than what want() says */
	if (rx->have == rx->frame_len) {
		struct kh_up *up = rx->up;

		want(c, 1);
		if (!up)
			return finish_segments(c);
		rx->up = NULL;
		kh_frame(c, up->data, rx->frame_len, up, rx->start_ns);
		frame_over(rx);
		return 1;
	}
	if (!rx->up) {
		n = collect_segments(c);
	} else {
		n = receive(c, rx->up->data + rx->have, rx->frame_len - rx->have);
		if (n > 0)
			rx->have += n;
	}
	if (n == 0 && want(c, rx->frame_len - rx->have))
		n = 1;
	return n;
}

/* The head of a frame of len bytes is at p, have bytes of it are in the buffer. */
static int begin_large(struct kh_conn *c, const u8 *p, u32 have, u32 len)
{
	struct kh_rx *rx = &c->rx;
	struct smb2_hdr h;

	rx->start_ns = ktime_get_ns();
	rx->start += SMB2_PREFIX_SIZE;
	rx->frame_len = len;
	rx->have = have;
	if (kh_get_le32(p) == SMB2_TRANSFORM_MAGIC ||
	    (smb2_hdr_parse(p, have, &h) && h.command == SMB2_WRITE && !h.next_command))
		return 1;
	rx->up = kh_up_new(len);
	if (!rx->up)
		return -ENOMEM;
	memcpy(rx->up->data, p, have);
	rx->start = rx->end;
	return 1;
}

/* ---- the loop ---- */

/* The frame at the beginning of the buffer. 1: handled, 0: more bytes are needed, -errno: over. */
static int next_frame(struct kh_conn *c)
{
	struct kh_rx *rx = &c->rx;
	u32 have = rx->end - rx->start, len;
	u8 *p = rx->buf + rx->start;

	if (have < SMB2_PREFIX_SIZE)
		return 0;
	len = smb2_prefix_len(p);
	if (p[0] == NBSS_SESSION_KEEP_ALIVE && !len) {
		rx->start += SMB2_PREFIX_SIZE;
		return 1;
	}
	if (p[0] != NBSS_SESSION_MESSAGE || len < 4 || len > c->max_frame) {
		kh_conn_gone(c, p[0] != NBSS_SESSION_MESSAGE ? KH_GONE_FRAME_TYPE :
				len < 4			     ? KH_GONE_FRAME_TOO_SHORT :
							       KH_GONE_FRAME_TOO_LONG);
		return 0;
	}
	p += SMB2_PREFIX_SIZE;
	have -= SMB2_PREFIX_SIZE;
	if (have >= len) {
		rx->start += SMB2_PREFIX_SIZE + len;
		rx->large = false;
		kh_frame(c, p, len, NULL, rx->now_ns ?: ktime_get_ns());
		return 1;
	}
	if (SMB2_PREFIX_SIZE + len > KH_RBUF && have >= HEAD)
		return begin_large(c, p, have, len);
	return 0;
}

static int step(struct kh_conn *c)
{
	struct kh_rx *rx = &c->rx;
	int n = 0;

	if (rx->frame_len)
		return collect(c);
	if (rx->start != rx->end)
		n = next_frame(c);
	if (n || test_bit(KH_CONN_GONE, &c->flags))
		return n;
	return rx->drained ? 0 : fill(c);
}

static bool blocked(const struct kh_conn *c)
{
	return c->flags & (BIT(KH_CONN_GONE) | BIT(KH_CONN_CLOSING) | BIT(KH_CONN_UP_FULL) |
			   BIT(KH_CONN_OUT_FULL));
}

bool kh_rx_run(struct kh_conn *c)
{
	u64 until = c->slot->bytes_in + BUDGET_BYTES;
	unsigned int frames = 0;
	int n = 1;

	c->rx.drained = false;
	while (n > 0 && !blocked(c)) {
		if (frames++ == BUDGET_FRAMES || c->slot->bytes_in >= until)
			return true;
		n = step(c);
	}
	if (n > 0)
		c->slot->stalls++; /* who empties the queue kicks */
	else if (n < 0)
		kh_conn_gone(c, n == -ENOMEM ? KH_GONE_NO_MEMORY : KH_GONE_PEER);
	if (!c->rx.frame_len && c->rx.start == c->rx.end) {
		buf_put(c->rx.buf);
		c->rx.buf = NULL;
		c->rx.start = c->rx.end = 0;
	}
	return false;
}
