// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reply.c - answers: bodies, headers, compounds, credits, signatures, encryption (MS-SMB2 3.3.4.1).
 */
#include "core/request.h"
#include "core/transport.h"
#include "state/state.h"

/*
 * The length of an answer has 24 bits. Bodies share what is below REPLY_MAX; the rest is for the
 * error bodies of those that find no room: 8192 credits are as many elements.
 */
#define REPLY_MAX  (15u << 20)
#define ERROR_BODY 16

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

static void count(const struct request *rq, ntstatus status)
{
	const struct element *el = &rq->elements[rq->cur];
	uint16_t command = rq->hdr.command;
	uint64_t bytes = 0;

	if (command >= SMB2_COMMANDS)
		return;
	/* DataLength of READ and Count of WRITE are at the same place. */
	if (status == NT_STATUS_SUCCESS && (command == SMB2_READ || command == SMB2_WRITE) &&
	    wr_ok(&rq->w) && rq->w.off > SMB2_HDR_SIZE + 8)
		bytes = kh_get_le32(rq->out->buf + el->out_off + SMB2_HDR_SIZE + 4);
	stats_op(command, nt_is_error(status) && status != NT_STATUS_MORE_PROCESSING_REQUIRED,
		 bytes, rq->start_ns);
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
	request_element_done(rq);
	rq->body_on_error = rq->has_error_data = false;
	rq->w = (struct smb2_wr) { 0 }; /* the next one's body is not this one */
	return ok;
}

static void sign_reply(struct request *rq, struct element *el, size_t len)
{
	struct channel *ch = el->channel;
	uint8_t *h = rq->out->buf + el->out_off;
	struct iovec iov = { h, len };

	if (!el->signed_ || !ch || !ch->signing_key.len || rq->sealed)
		return;
	if (!ch->sign)
		ch->sign = sign_ctx_new(ch->signing_alg, &ch->signing_key);
	kh_put_le32(h + SMB2_HDR_OFF_FLAGS,
		    kh_get_le32(h + SMB2_HDR_OFF_FLAGS) | SMB2_FLAGS_SIGNED);
	if (!ch->sign || sign_message_put(ch->sign, &iov, 1) < 0)
		conn_close(rq->conn); /* an unsigned reply is worse than none */
}

/* Encrypts a finished reply of one or more elements in place. */
static bool seal_reply(struct conn *c, struct channel *ch, struct outbuf *o)
{
	struct session *s = ch->session;
	struct iovec iov = { o->buf + OUT_HEADROOM, o->len - OUT_HEADROOM };
	struct smb2_wr w =
		wr_init(o->buf + OUT_HEADROOM - SMB2_TRANSFORM_SIZE, SMB2_TRANSFORM_SIZE);
	uint8_t nonce[16];

	if (!ch->enc)
		ch->enc = seal_ctx_new(s->cipher, &s->keys.server_out, true);
	if (!ch->enc)
		return false;
	seal_nonce(s->cipher, ch->nonce_prefix, ch->nonce_counter++, nonce);
	smb2_transform_put(&w, nonce, (uint32_t)iov.iov_len, s->id);
	o->start = OUT_HEADROOM - SMB2_TRANSFORM_SIZE;
	return seal_encrypt(ch->enc, o->buf + o->start, &iov, 1) == 0;
}

static void queue_reply(struct conn *c, struct outbuf *o)
{
	o->start -= SMB2_PREFIX_SIZE;
	smb2_prefix_put(o->buf + o->start,
			(uint32_t)(o->len + o->pipe_len - o->start - SMB2_PREFIX_SIZE));
	conn_queue(c, o);
}

/* Index of the next element from i on that has an answer; upto: none. */
static unsigned int next_answer(const struct request *rq, unsigned int i, unsigned int upto)
{
	while (i < upto && !rq->elements[i].out_len)
		i++;
	return i;
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
	struct element *last = NULL;
	unsigned int i = next_answer(rq, rq->answered, upto);

	rq->answered = upto;
	if (!o || i == upto)
		return;
	if (rq->n > 1 && o->len % 8 && outbuf_reserve(o, 8)) {
		memset(o->buf + o->len, 0, 8 - o->len % 8);
		o->len += 8 - o->len % 8;
	}
	while (i < upto) {
		struct element *el = &rq->elements[i];
		unsigned int next = next_answer(rq, i + 1, upto);
		size_t end = next < upto ? rq->elements[next].out_off : o->len;
		uint8_t *h = o->buf + el->out_off;

		if (!el->async)
			kh_put_le16(
				h + SMB2_HDR_OFF_CREDITS,
				smb2_window_grant(&c->st.window, el->charge, el->credits_asked));
		if (next < upto)
			kh_put_le32(h + SMB2_HDR_OFF_NEXT, (uint32_t)(end - el->out_off));
		sign_reply(rq, el, end - el->out_off);
		if (el->oplock) /* a break comes by a job of this reactor: later than what follows
				 */
			oplock_told(steal_ptr(&el->oplock));
		last = el;
		i = next;
	}
	if (rq->preauth) {
		struct iovec iov = { o->buf + last->out_off, last->out_len };

		preauth_update(rq->preauth, &iov, 1);
	}
	if (rq->sealed && !seal_reply(c, rq->sealed, o)) {
		conn_close(c);
		return;
	}
	rq->out = NULL;
	queue_reply(c, o);
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
	h.credits = smb2_window_grant(&c->st.window, el->charge, el->credits_asked);
	h.next_command = 0;
	h.flags = SMB2_FLAGS_SERVER_TO_REDIR | SMB2_FLAGS_ASYNC_COMMAND;
	h.async_id = el->async_id;
	smb2_hdr_put(&w, &h);
	wr_le16(&w, 9);
	wr_zero(&w, 7);
	o->len = OUT_HEADROOM + w.off;
	if (rq->sealed && !seal_reply(c, rq->sealed, o)) {
		outbuf_free(o);
		conn_close(c);
		return true;
	}
	queue_reply(c, o);
	return true;
}

bool conn_notify(struct channel *ch, struct outbuf *o, bool sealed)
{
	if (ch->conn->closing || (sealed && !seal_reply(ch->conn, ch, o))) {
		outbuf_free(o);
		return false;
	}
	queue_reply(ch->conn, o);
	if (!ch->conn->in_input)
		transport_send(ch->conn);
	return true;
}
