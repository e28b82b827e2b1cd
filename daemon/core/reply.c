// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reply.c - answers: bodies, headers, compounds, credits, signatures, encryption (MS-SMB2 3.3.4.1).
 */
#include "core/request.h"
#include "core/trace.h"
#include "core/transport.h"
#include "kernel/attach.h"
#include "state/state.h"

/*
 * The length of an answer has 24 bits. Bodies share what is below REPLY_MAX; the rest is for the
 * error bodies of those that find no room: 8192 credits are as many elements.
 */
#define REPLY_MAX  (15u << 20)
#define ERROR_BODY 16
#define PUSH_LARGE (32u << 10) /* goes out while it is in the cache, if it is much */

struct smb2_wr *reply_begin(struct request *rq, size_t body_max)
{
	size_t start, need = SMB2_HDR_SIZE + body_max + 8;

	if (rq->out && rq->out->len + need > REPLY_MAX && body_max > ERROR_BODY)
		return NULL;
	if (!rq->out) {
		rq->out = outbuf_new(need);
		if (!rq->out)
			return NULL;
	}
	start = rq->elements[rq->cur].out_off =
		OUT_HEADROOM + ((rq->out->len - OUT_HEADROOM + 7) & ~(size_t)7);
	if (!outbuf_reserve(rq->out, start - rq->out->len + need))
		return NULL;
	memset(rq->out->buf + rq->out->len, 0, start - rq->out->len);
	rq->w = wr_init(rq->out->buf + start, rq->out->cap - start);
	wr_zero(&rq->w, SMB2_HDR_SIZE);
	return &rq->w;
}

/* MS-SMB2 2.2.2 */
static bool error_body(struct request *rq)
{
	struct smb2_wr *w = reply_begin(rq, ERROR_BODY);

	if (!w)
		return false;
	wr_le16(w, 9);
	wr_le16(w, 0);
	wr_le32(w, rq->has_error_data ? 4 : 0);
	if (rq->has_error_data)
		wr_le32(w, rq->error_data);
	else
		wr_u8(w, 0);
	return true;
}

/* The header of the current element's answer; credits and signature come when it is sent. */
static void header_put(struct request *rq, ntstatus status)
{
	struct element *el = &rq->elements[rq->cur];
	struct smb2_hdr h = rq->hdr;
	struct smb2_wr w = wr_init(rq->out->buf + el->out_off, SMB2_HDR_SIZE);

	h.status = status;
	h.credit_charge = el->charge;
	h.credits = 0;
	h.next_command = 0;
	h.flags = SMB2_FLAGS_SERVER_TO_REDIR |
		  (rq->hdr.flags & (SMB2_FLAGS_RELATED_OPERATIONS | SMB2_FLAGS_REPLAY_OPERATION));
	h.async_id = el->async_id;
	if (el->async_id)
		h.flags |= SMB2_FLAGS_ASYNC_COMMAND;
	smb2_hdr_put(&w, &h);
}

/*
 * Does the handler's body go out with this status? All but these have the ERROR Response, warnings
 * such as NO_MORE_FILES too (MS-SMB2 3.3.4.4): what the handler had begun is not for the client.
 */
static bool has_body(ntstatus status)
{
	return status >> 30 < 2 || status == NT_STATUS_BUFFER_OVERFLOW;
}

/*
 * One command was answered, on the thread of t. Those that came together, and are of the same open,
 * are one entry of pending until stats_put().
 */
static inline void stats_op(struct stats *t, uint16_t command, const struct open *o, bool error,
			    uint64_t bytes, uint64_t start_ns)
{
	struct stats_ops *p = &t->pending;
	uint64_t vol = o ? o->vol : 0;

	if (!KH_STATS || !t->ops)
		return;
	if (likely(p->n && p->command == command && p->start_ns == start_ns && p->vol == vol)) {
		p->n++;
		p->errors += error;
		p->bytes += bytes;
		return;
	}
	stats_begin(t, &(struct stats_ops) {
			       .start_ns = start_ns,
			       .bytes = bytes,
			       .entry = o ? o->handle_entry : NULL,
			       .vol = vol,
			       .n = 1,
			       .errors = error,
			       .command = command,
		       });
}

/* Bytes of data; DataLength of READ and Count of WRITE are at the same place. */
static uint64_t data_bytes(const struct request *rq, ntstatus status)
{
	const struct element *el = &rq->elements[rq->cur];
	bool ok = status == NT_STATUS_SUCCESS || status == NT_STATUS_BUFFER_OVERFLOW;

	if (!ok || !wr_ok(&rq->w) || rq->w.off <= SMB2_HDR_SIZE + 8)
		return 0;
	return kh_get_le32(rq->out->buf + el->out_off + SMB2_HDR_SIZE + 4);
}

static void count(struct request *rq, ntstatus status)
{
	struct stats *t = rq->on_worker ? &stats_workers : &rq->conn->reactor->stats;
	uint16_t command = rq->hdr.command;
	bool data = command == SMB2_READ || command == SMB2_WRITE;
	bool error = nt_is_error(status) && status != NT_STATUS_MORE_PROCESSING_REQUIRED;
	uint64_t bytes = data ? data_bytes(rq, status) : 0;

	if (command >= SMB2_COMMANDS)
		return;
	stats_op(t, command, data ? rq->open : NULL, error, bytes, rq->start_ns);
	if (unlikely(atomic_load_explicit(&trace_readers, memory_order_relaxed) ||
		     log_debug_on(LOG_SMB)))
		trace_request(rq, status, bytes);
}

bool reply_end(struct request *rq, ntstatus status)
{
	struct element *el = &rq->elements[rq->cur];
	bool ok = true;

	count(rq, status);
	if (status == REQ_NO_REPLY) {
		el->out_len = 0;
	} else {
		if (!rq->body_on_error && !has_body(status))
			ok = error_body(rq);
		else if (!wr_ok(&rq->w) || rq->w.off <= SMB2_HDR_SIZE)
			ok = error_body(rq), status = NT_STATUS_INTERNAL_ERROR;
		if (ok) {
			el->out_len = rq->w.off;
			rq->out->len = el->out_off + el->out_len;
			header_put(rq, status);
		}
	}
	if (status == NT_STATUS_SUCCESS && rq->open &&
	    (rq->hdr.command == SMB2_READ || rq->hdr.command == SMB2_WRITE))
		kernel_data_done(rq);
	request_element_done(rq);
	rq->body_on_error = rq->has_error_data = false;
	rq->w = (struct smb2_wr) { 0 }; /* the next one's body is not this one */
	return ok;
}

/* Is this answer signed? Sealed ones are not, 3.3.4.1.1. */
static bool is_signed(const struct request *rq, const struct element *el)
{
	return el->signed_ && el->channel && el->channel->signing_key.len && !rq->sealed;
}

static void sign_reply(struct request *rq, struct element *el, size_t len, bool by_module)
{
	struct channel *ch = el->channel;
	uint8_t *h = rq->out->buf + el->out_off;
	struct iovec iov = { h, len };

	if (!is_signed(rq, el))
		return;
	kh_put_le32(h + SMB2_HDR_OFF_FLAGS,
		    kh_get_le32(h + SMB2_HDR_OFF_FLAGS) | SMB2_FLAGS_SIGNED);
	if (by_module)
		return;
	if (!ch->sign)
		ch->sign = sign_ctx_new(ch->signing_alg, &ch->signing_key);
	if (!ch->sign || sign_message_put(ch->sign, &iov, 1) < 0)
		conn_close(rq->conn); /* an unsigned reply is worse than none */
	channel_answered(ch);
}

/* Encrypts a finished reply of one or more elements in place. */
static bool seal_reply(struct conn *c, struct channel *ch, struct outbuf *o)
{
	struct session *s = ch->session;
	struct iovec iov = { o->buf + OUT_HEADROOM, o->len - OUT_HEADROOM };
	struct smb2_wr w =
		wr_init(o->buf + OUT_HEADROOM - SMB2_TRANSFORM_SIZE, SMB2_TRANSFORM_SIZE);
	uint8_t nonce[16];
	bool ok;

	if (!ch->enc)
		ch->enc = seal_ctx_new(s->cipher, &s->keys.server_out, true);
	if (!ch->enc)
		return false;
	seal_nonce(s->cipher, ch->nonce_prefix, ch->nonce_counter++, nonce);
	smb2_transform_put(&w, nonce, (uint32_t)iov.iov_len, s->id);
	o->start = OUT_HEADROOM - SMB2_TRANSFORM_SIZE;
	ok = seal_encrypt(ch->enc, o->buf + o->start, &iov, 1) == 0;
	channel_answered(ch);
	return ok;
}

static void queue_reply(struct conn *c, struct outbuf *o)
{
	bool large;

	o->start -= SMB2_PREFIX_SIZE;
	smb2_prefix_put(o->buf + o->start,
			(uint32_t)(o->len + o->pipe_len - o->start - SMB2_PREFIX_SIZE));
	large = o->len - o->start + o->pipe_len >= PUSH_LARGE;
	conn_queue(c, o);
	if (large)
		transport_push(c);
}

/* Index of the next element from i on that has an answer; upto: none. */
static unsigned int next_answer(const struct request *rq, unsigned int i, unsigned int upto)
{
	while (i < upto && !rq->elements[i].out_len)
		i++;
	return i;
}

/* What the kernel module does for the answers of an attached connection. */
struct module_part {
	uint16_t flags;	     /* KH_REPLYF_* */
	struct channel *key; /* that it does it with, or NULL */
};

/*
 * SESSION_SETUP answers are hashed as they go out, so their credits are the daemon's to say. What
 * is signed with a key that the module has not, and with more than one, the daemon signs. False:
 * there is a key that the module must have, and does not.
 */
static bool module_part(struct request *rq, unsigned int i, unsigned int upto,
			struct module_part *m)
{
	*m = (struct module_part) { .key = rq->sealed };
	if (rq->sealed)
		m->flags = KH_REPLYF_SEAL;
	if (rq->sealed && !rq->sealed->in_kernel)
		return false;
	for (; i < upto; i = next_answer(rq, i + 1, upto)) {
		struct element *el = &rq->elements[i];

		if (el->command == SMB2_SESSION_SETUP) {
			m->flags |= KH_REPLYF_CREDITS;
			if (el->channel && !kernel_channel_add(el->channel))
				return false;
		}
		if (!is_signed(rq, el))
			continue;
		if (el->channel->in_kernel && (!m->key || m->key == el->channel))
			m->key = el->channel;
		else
			m->flags |= KH_REPLYF_CREDITS | KH_REPLYF_SIGNED;
	}
	return true;
}

static uint16_t reply_credits(struct conn *c, const struct element *el, uint16_t flags)
{
	if (!conn_attached(c))
		return smb2_window_grant(c->st.window, el->charge, el->credits_asked);
	return flags & KH_REPLYF_CREDITS ? el->charge : el->credits_asked;
}

/* An answer from before the connection was attached: its data comes out of the pipe again. */
static bool pipe_to_buf(struct outbuf *o)
{
	if (!outbuf_reserve(o, o->pipe_len + 8))
		return false;
	while (o->pipe_len) {
		ssize_t n = read(o->pipe[0], o->buf + o->len, o->pipe_len);

		if (n <= 0)
			return false;
		o->len += (size_t)n;
		o->pipe_len -= (size_t)n;
	}
	pipe_put(o->pipe, true);
	return true;
}

/* Credits, chaining and signatures of the elements that are answered, from i on. The last one. */
static struct element *finish_elements(struct request *rq, unsigned int i, unsigned int upto,
				       uint16_t flags)
{
	struct conn *c = rq->conn;
	struct outbuf *o = rq->out;
	struct element *el = NULL;

	while (i < upto) {
		unsigned int next = next_answer(rq, i + 1, upto);
		size_t end = next < upto ? rq->elements[next].out_off : o->len;
		uint8_t *h;

		el = &rq->elements[i];
		h = o->buf + el->out_off;
		if (!el->async)
			kh_put_le16(h + SMB2_HDR_OFF_CREDITS, reply_credits(c, el, flags));
		if (next < upto)
			kh_put_le32(h + SMB2_HDR_OFF_NEXT, (uint32_t)(end - el->out_off));
		sign_reply(rq, el, end - el->out_off,
			   conn_attached(c) && !(flags & KH_REPLYF_SIGNED));
		/* A break comes by a job of this reactor: later than what follows. */
		if (el->oplock)
			oplock_told(steal_ptr(&el->oplock));
		i = next;
	}
	return el;
}

/*
 * Reactor. Credits, chaining, signatures, encryption, out: for the elements that were not answered
 * yet, up to (not with) upto. Each answer of a compound is padded to 8, the last one too, as
 * Windows does.
 */
void reply_send(struct request *rq, unsigned int upto)
{
	struct conn *c = rq->conn;
	struct outbuf *o = rq->out;
	struct module_part m = { 0 };
	struct element *last;
	unsigned int i = next_answer(rq, rq->answered, upto);

	rq->answered = upto;
	if (!o || i == upto)
		return;
	if (rq->n > 1 && o->len % 8 && outbuf_reserve(o, 8)) {
		memset(o->buf + o->len, 0, 8 - o->len % 8);
		o->len += 8 - o->len % 8;
	}
	if (conn_attached(c) &&
	    ((o->pipe_len && !pipe_to_buf(o)) || !module_part(rq, i, upto, &m))) {
		conn_close(c);
		return;
	}
	last = finish_elements(rq, i, upto, m.flags);
	if (rq->preauth) {
		struct iovec iov = { o->buf + last->out_off, last->out_len };

		preauth_update(rq->preauth, &iov, 1);
	}
	if (conn_attached(c)) {
		kernel_queue(c, steal_ptr(&rq->out), m.flags, m.key);
		return;
	}
	if (rq->sealed && !seal_reply(c, rq->sealed, o)) {
		conn_close(c);
		return;
	}
	rq->out = NULL;
	queue_reply(c, o);
}

/* A message of the server's own making: sealed with the keys of ch unless that is NULL. */
static bool send_alone(struct conn *c, struct channel *ch, struct outbuf *o)
{
	if (conn_attached(c)) {
		if (ch && !ch->in_kernel)
			return false;
		kernel_queue(c, o, ch ? KH_REPLYF_SEAL : 0, ch);
		return true;
	}
	if (ch && !seal_reply(c, ch, o))
		return false;
	queue_reply(c, o);
	return true;
}

/*
 * The interim response of a request that waits (MS-SMB2 3.3.4.2). Reactor. Never signed: clients do
 * not look (3.2.5.1.3), and under GMAC it would share its nonce, made of the message id, with the
 * final response.
 */
bool reply_interim(struct request *rq)
{
	struct conn *c = rq->conn;
	struct element *el = &rq->elements[rq->cur];
	struct outbuf *o = outbuf_new(SMB2_HDR_SIZE + 9);
	struct smb2_hdr h = rq->hdr;
	struct smb2_wr w;

	if (!o)
		return false;
	el->async_id = ++c->next_async_id;
	el->async = true;
	w = wr_init(o->buf + OUT_HEADROOM, SMB2_HDR_SIZE + 9);
	h.status = NT_STATUS_PENDING;
	h.credit_charge = el->charge;
	h.credits = reply_credits(c, el, 0);
	h.next_command = 0;
	h.flags = SMB2_FLAGS_SERVER_TO_REDIR | SMB2_FLAGS_ASYNC_COMMAND;
	h.async_id = el->async_id;
	smb2_hdr_put(&w, &h);
	wr_le16(&w, 9);
	wr_zero(&w, 7);
	o->len = OUT_HEADROOM + w.off;
	if (!send_alone(c, rq->sealed, o)) {
		outbuf_free(o);
		conn_close(c);
	}
	return true;
}

bool conn_notify(struct channel *ch, struct outbuf *o, bool sealed)
{
	if (ch->conn->closing || !send_alone(ch->conn, sealed ? ch : NULL, o)) {
		outbuf_free(o);
		return false;
	}
	if (!ch->conn->in_input)
		transport_send(ch->conn);
	return true;
}
