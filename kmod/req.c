// SPDX-License-Identifier: GPL-2.0-only
/*
 * req.c - what is asked of a message before anything is done (MS-SMB2 3.3.5.2.1 to 3.3.5.2.7), and
 * who answers it.
 *
 * The module answers what it recognises in full: a single request of the data path, of a session
 * and on a handle that it was given, signed and sealed as it must be. Everything else goes up, and
 * the daemon finds what is wrong with it. Only a transport that cannot go on ends here.
 */
#include <linux/slab.h>
#include <linux/uio.h>

#define CREATE_TRACE_POINTS
#include "kmod.h"
#include "trace.h"

/* ---- the end of a request ---- */

static void release(struct kh_req *rq)
{
	if (rq->handle)
		kh_handle_done(rq->handle, rq->use);
	kh_chan_put(rq->chan);
}

void kh_req_end(struct kh_req *rq, u32 status, u64 bytes_in, u64 bytes_out)
{
	struct kh_conn *c = rq->conn;
	u64 now = ktime_get_ns();

	kh_maps_count(&c->server->maps, rq->hdr.command, status >> 30 == 3, bytes_in, bytes_out,
		      rq->start_ns, now);
	kh_maps_add(&c->slot->served, 1);
	trace_kh_complete(c->id, rq->hdr.message_id, rq->hdr.command, status);
	release(rq);
	if (!rq->deferred) {
		c->rx.now_ns = now;
		return;
	}
	if (rq->out_bytes) {
		spin_lock(&c->tx_list_lock);
		c->out_bytes -= rq->out_bytes;
		spin_unlock(&c->tx_list_lock);
	}
	kh_count(KH_OBJ_REQ, -1);
	kfree(rq);
	kh_tx_send(c);
	kh_tx_room(c);
	/* The last touch: kh_conn_end() waits for it. */
	if (atomic_dec_and_test(&c->nreqs))
		wake_up_var(&c->nreqs);
}

void kh_req_fail(struct kh_req *rq, u32 status)
{
	static const u8 body[9] = { 9 }; /* MS-SMB2 2.2.2 */

	kh_tx_simple(rq, status, body, sizeof(body));
	kh_req_end(rq, status, 0, 0);
}

bool kh_req_defer(struct kh_req *rq, work_func_t fn, size_t out_bytes)
{
	struct kh_req *own = kmemdup(rq, sizeof(*rq), GFP_KERNEL_ACCOUNT);
	struct kh_conn *c = rq->conn;

	if (!own)
		return false;
	own->deferred = true;
	own->out_bytes = out_bytes;
	own->data = NULL;
	kh_count(KH_OBJ_REQ, 1);
	atomic_inc(&c->nreqs);
	spin_lock(&c->tx_list_lock);
	c->out_bytes += out_bytes;
	if (c->out_bytes > c->out_limit)
		set_bit(KH_CONN_OUT_FULL, &c->flags);
	spin_unlock(&c->tx_list_lock);
	INIT_WORK(&own->work, fn);
	queue_work(kh_req_wq, &own->work);
	return true;
}

/* ---- what can be served ---- */

static bool (*const serve_fn[SMB2_COMMANDS])(struct kh_req *rq) = {
	[SMB2_READ] = kh_smb2_read,   [SMB2_WRITE] = kh_smb2_write, [SMB2_FLUSH] = kh_smb2_flush,
	[SMB2_CLOSE] = kh_smb2_close, [SMB2_ECHO] = kh_smb2_echo,
};

static const u16 structure_size[SMB2_COMMANDS] = {
#define X(NAME, name, code, size, needs, fid, where) [code] = (size),
	SMB2_OPS(X)
#undef X
};

/* Flags of a request that mean nothing here: priority, MS-SMB2 2.2.1.2. */
#define FLAGS_PLAIN (SMB2_FLAGS_SIGNED | 0x70u)

/* The session's part; what is not served by this goes up. */
static bool session_serves(const struct kh_req *rq, const struct kh_chan *sealed, bool verified)
{
	const struct kh_chan *ch = rq->chan;

	if (rq->sealed)
		return sealed == ch;
	if (ch->flags & KH_NL_SESSION_ENCRYPT)
		return false;
	if (rq->hdr.flags & SMB2_FLAGS_SIGNED)
		return verified;
	return !(ch->flags & KH_NL_SESSION_SIGNING_REQUIRED);
}

/*
 * One request, alone in its message. head: its header and fixed body, have bytes of it, of len of
 * the whole element. data: the whole element. True: it is answered, or will be.
 */
static bool serve(struct kh_req *rq, const u8 *head, u32 have, struct kh_chan *sealed,
		  bool verified)
{
	const struct smb2_hdr *h = &rq->hdr;
	u16 size;

	if (h->command >= SMB2_COMMANDS || !serve_fn[h->command] || h->flags & ~FLAGS_PLAIN ||
	    h->channel_sequence)
		return false;
	size = structure_size[h->command];
	if (have < SMB2_HDR_SIZE + (size & ~1u) || kh_get_le16(head + SMB2_HDR_SIZE) != size)
		return false;
	rq->chan = kh_chan_find(rq->conn, h->session_id);
	if (!rq->chan)
		return false;
	rq->signed_ = !rq->sealed && h->flags & SMB2_FLAGS_SIGNED;
	rq->head = head;
	rq->head_len = have;
	trace_kh_dispatch(rq->conn->id, h->message_id, h->command);
	if (session_serves(rq, sealed, verified) && serve_fn[h->command](rq))
		return true;
	kh_chan_put(rq->chan);
	return false;
}

/* The handle of the request, in use; its session, tree and encryption are right. */
bool kh_req_handle(struct kh_req *rq, const struct smb2_fid *fid, enum kh_use use, u32 access)
{
	struct kh_handle *h = kh_handle_use(rq->conn->server, fid, use);

	if (!h)
		return false;
	if (h->session_id != rq->hdr.session_id || h->tree_id != rq->hdr.tree_id ||
	    (access && !(h->access & access)) ||
	    (h->flags & KH_HANDLE_ENCRYPT && !rq->sealed)) {
		kh_handle_done(h, use);
		return false;
	}
	rq->handle = h;
	rq->use = use;
	return true;
}

bool kh_req_charge_ok(const struct kh_req *rq, u32 payload)
{
	return !rq->conn->large_mtu || payload <= 65536ull * rq->charge;
}

/* ---- admission ---- */

static u16 charge_of(const struct kh_conn *c, const struct smb2_hdr *h)
{
	return c->large_mtu && h->credit_charge ? h->credit_charge : 1;
}

/* Takes the ids; false: the connection is over. */
static bool use_ids(struct kh_conn *c, const struct smb2_hdr *h)
{
	bool ok;

	if (h->command == SMB2_CANCEL)
		return true; /* carries the id of what it cancels, 3.2.4.24 */
	spin_lock(&c->window_lock);
	ok = smb2_window_use(&c->window, h->message_id, charge_of(c, h));
	spin_unlock(&c->window_lock);
	if (!ok)
		kh_conn_gone(c, KH_GONE_MESSAGE_ID);
	return ok;
}

/* A signature that is there: right, or not known to be. */
static bool verify(struct kh_conn *c, u64 session_id, u8 *msg, u32 len)
{
	struct kh_chan *ch = kh_chan_find(c, session_id);
	bool ok = ch && ch->sign && kh_sign_verify(ch->sign, msg, len) == 0;

	kh_chan_put(ch);
	return ok;
}

struct admitted {
	struct smb2_hdr first;
	bool single;
	bool verified; /* every signature that is there */
};

static bool admit(struct kh_conn *c, u8 *msg, u32 len, bool sealed, struct admitted *a)
{
	u64 off = 0, n, session_id = 0;

	a->verified = true;
	do {
		struct smb2_hdr h;

		if (!smb2_hdr_parse(msg + off, len - off, &h)) {
			kh_conn_gone(c, KH_GONE_HEADER);
			return false;
		}
		n = smb2_element_len(len, off, h.next_command);
		if (!n) {
			kh_conn_gone(c, KH_GONE_COMPOUND);
			return false;
		}
		if (!use_ids(c, &h))
			return false;
		if (!off)
			a->first = h;
		if (!(h.flags & SMB2_FLAGS_RELATED_OPERATIONS && off))
			session_id = h.session_id;
		if (h.flags & SMB2_FLAGS_SIGNED && !sealed &&
		    !verify(c, session_id, msg + off, n))
			a->verified = false;
		off += n;
	} while (off < len);
	a->single = n == len;
	return true;
}

static void pass_up(struct kh_conn *c, u8 *msg, u32 len, struct kh_up *up, u16 flags,
		    u64 session_id)
{
	if (up) {
		up->off = msg - up->data;
	} else {
		up = kh_up_new(len);
		if (!up) {
			kh_conn_gone(c, KH_GONE_NO_MEMORY);
			return;
		}
		memcpy(up->data, msg, len);
	}
	c->slot->passed_up++;
	trace_kh_upcall(c->id, len, flags);
	kh_up_queue(c, up, len, KH_UP_FRAME, flags, session_id, 0);
}

/* The session whose keys sealed it (reference); NULL: none that can be. */
static struct kh_chan *sealing_chan(struct kh_conn *c, const u8 *msg, u32 len,
				    struct smb2_transform *t)
{
	struct kh_chan *ch;

	if (!smb2_transform_parse(msg, len, t))
		return NULL;
	ch = kh_chan_find(c, t->session_id);
	if (ch && ch->crypt)
		return ch;
	kh_chan_put(ch);
	return NULL;
}

/* An admitted single message in linear memory; WRITE's data is found in it. */
static bool serve_linear(struct kh_conn *c, u8 *msg, u32 len, const struct admitted *a,
			 struct kh_chan *sealed, u64 start_ns)
{
	struct kh_req rq = {
		.conn = c,
		.hdr = a->first,
		.charge = charge_of(c, &a->first),
		.sealed = sealed,
		.start_ns = start_ns,
	};
	struct iov_iter data;

	if (a->first.command == SMB2_WRITE) {
		struct kvec vec = { msg, len };
		struct smb2_write_req q;

		if (!smb2_write_parse(msg, len, &q) || !q.length)
			return false;
		vec = (struct kvec){ (void *)q.data, q.length };
		iov_iter_kvec(&data, ITER_SOURCE, &vec, 1, q.length);
		rq.data = &data;
		return serve(&rq, msg, len, sealed, a->verified);
	}
	return serve(&rq, msg, len, sealed, a->verified);
}

/* A message in plain, in linear memory. Takes up. */
static void message(struct kh_conn *c, u8 *msg, u32 len, struct kh_up *up, struct kh_chan *sealed,
		    u64 start_ns)
{
	u16 flags = sealed ? KH_UPF_SEALED : 0;
	struct admitted a;

	if (!admit(c, msg, len, sealed, &a) ||
	    (a.single && serve_linear(c, msg, len, &a, sealed, start_ns))) {
		kh_up_free(up);
		return;
	}
	if (a.verified)
		flags |= KH_UPF_VERIFIED;
	pass_up(c, msg, len, up, flags, sealed ? sealed->session_id : 0);
}

void kh_frame(struct kh_conn *c, u8 *msg, u32 len, struct kh_up *up, u64 start_ns)
{
	struct kh_chan *sealed = NULL;
	struct smb2_transform t;

	c->slot->frames++;
	trace_kh_receive(c->id, len);
	if (kh_get_le32(msg) == SMB2_TRANSFORM_MAGIC) {
		sealed = sealing_chan(c, msg, len, &t);
		if (!sealed || kh_crypt_unseal(sealed->crypt, msg, t.original_size)) {
			kh_conn_gone(c, KH_GONE_DECRYPT);
			kh_up_free(up);
			kh_chan_put(sealed);
			return;
		}
		msg += SMB2_TRANSFORM_SIZE;
		len -= SMB2_TRANSFORM_SIZE;
	}
	message(c, msg, len, up, sealed, start_ns);
	kh_chan_put(sealed);
}

/* ---- messages in pieces ---- */

static bool verify_pieces(struct kh_conn *c, u64 session_id, const struct bio_vec *bv,
			  unsigned int n, u32 len)
{
	struct kh_chan *ch = kh_chan_find(c, session_id);
	bool ok = ch && ch->sign && kh_sign_verify_bvec(ch->sign, bv, n, len) == 0;

	kh_chan_put(ch);
	return ok;
}

/* An admitted single WRITE, whose header and fixed body are in the first piece. */
static bool serve_pieces(struct kh_conn *c, const struct smb2_hdr *h, const struct bio_vec *bv,
			 unsigned int n, u32 len, struct kh_chan *sealed, bool verified,
			 u64 start_ns)
{
	struct kh_req rq = {
		.conn = c,
		.hdr = *h,
		.charge = charge_of(c, h),
		.sealed = sealed,
		.start_ns = start_ns,
	};
	const u8 *head = bvec_virt((struct bio_vec *)bv);
	struct smb2_write_req q;
	struct iov_iter data;

	if (!smb2_write_parse_head(head, bv->bv_len, &q) || !q.length ||
	    (u64)q.data_offset + q.length > len)
		return false;
	iov_iter_bvec(&data, ITER_SOURCE, bv, n, len);
	iov_iter_advance(&data, q.data_offset);
	iov_iter_truncate(&data, q.length);
	rq.data = &data;
	return serve(&rq, head, bv->bv_len, sealed, verified);
}

/* Decrypted, in the pages of t, len bytes. */
static void unsealed(struct kh_conn *c, const struct kh_tx *t, u32 len, struct kh_chan *sealed,
		     u64 start_ns)
{
	struct smb2_hdr h;
	struct iov_iter it;
	struct kh_up *up;
	bool write;

	write = smb2_hdr_parse(bvec_virt(t->bv), t->bv->bv_len, &h) && h.command == SMB2_WRITE &&
		!h.next_command;
	if (write && (!use_ids(c, &h) ||
		      serve_pieces(c, &h, t->bv, t->n, len, sealed, true, start_ns)))
		return;
	up = kh_up_new(len);
	if (!up) {
		kh_conn_gone(c, KH_GONE_NO_MEMORY);
		return;
	}
	iov_iter_bvec(&it, ITER_SOURCE, t->bv, t->n, len);
	if (WARN_ON_ONCE(!copy_from_iter_full(up->data, len, &it)))
		kh_up_free(up);
	else if (write) /* is admitted */
		pass_up(c, up->data, len, up, KH_UPF_SEALED | KH_UPF_VERIFIED, sealed->session_id);
	else
		message(c, up->data, len, up, sealed, start_ns);
}

static void sealed_pieces(struct kh_conn *c, const struct bio_vec *bv, unsigned int n, u32 len,
			  u64 start_ns)
{
	const u8 *head = bvec_virt((struct bio_vec *)bv);
	struct kh_chan *sealed;
	struct smb2_transform tr;
	struct kh_tx *t = NULL;
	int err = -EBADMSG;

	sealed = sealing_chan(c, head, len, &tr);
	if (!sealed)
		goto gone;
	t = kh_tx_new(2 + (tr.original_size >> PAGE_SHIFT));
	err = t ? kh_tx_pages(t, tr.original_size) : -ENOMEM;
	if (!err)
		err = kh_crypt_unseal_to(sealed->crypt, head, bv, n, t->bv, t->n,
					 tr.original_size);
	if (!err)
		unsealed(c, t, tr.original_size, sealed, start_ns);
gone:
	kh_tx_free(t);
	kh_chan_put(sealed);
	if (err)
		kh_conn_gone(c, err == -ENOMEM ? KH_GONE_NO_MEMORY : KH_GONE_DECRYPT);
}

int kh_frame_pieces(struct kh_conn *c, const struct bio_vec *bv, unsigned int n, u32 len,
		    u64 start_ns, u16 *up_flags)
{
	const u8 *head = bvec_virt((struct bio_vec *)bv);
	struct smb2_hdr h;
	bool verified;

	c->slot->frames++;
	trace_kh_receive(c->id, len);
	if (kh_get_le32(head) == SMB2_TRANSFORM_MAGIC) {
		sealed_pieces(c, bv, n, len, start_ns);
		return 0;
	}
	if (!smb2_hdr_parse(head, bv->bv_len, &h)) {
		kh_conn_gone(c, KH_GONE_HEADER);
		return 0;
	}
	if (!use_ids(c, &h))
		return 0;
	verified = !(h.flags & SMB2_FLAGS_SIGNED) || verify_pieces(c, h.session_id, bv, n, len);
	*up_flags = verified ? KH_UPF_VERIFIED : 0;
	return !serve_pieces(c, &h, bv, n, len, NULL, verified, start_ns);
}
