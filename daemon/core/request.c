// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * request.c - the life of a request: admitted by its reactor, run, answered (see server.h).
 */
#include "smb2/smb2.h"
#include "state/state.h"

struct request *request_from_waiter(struct list_head *n)
{
	return container_of(n, struct request, waiters);
}

/* ---- begin and end ---- */

static struct request *request_new(struct conn *c, uint8_t *frame, size_t len)
{
	struct request *rq = calloc(1, sizeof(*rq));

	if (!rq)
		return NULL;
	conn_get(c);
	rq->conn = c;
	rq->frame = frame;
	rq->frame_len = len;
	rq->elements = rq->inline_elements;
	rq->start_ns = c->last_ns;
	list_init(&rq->waiters);
	list_add_tail(&rq->node, &c->requests);
	c->nrequests++;
	return rq;
}

static void element_release(struct request *rq)
{
	if (rq->open)
		open_put(rq->open);
	if (rq->tree)
		tree_put(rq->tree);
	rq->open = NULL;
	rq->tree = NULL;
	rq->session = NULL;
}

static void request_free(struct request *rq)
{
	struct conn *c = rq->conn;

	element_release(rq);
	for (unsigned int i = 0; i < rq->n; i++) {
		channel_put(rq->elements[i].channel);
		if (rq->elements[i].oplock) /* nobody is there to hear the answer */
			oplock_told(rq->elements[i].oplock);
	}
	channel_put(rq->sealed);
	if (rq->elements != rq->inline_elements)
		free(rq->elements);
	outbuf_free(rq->out);
	conn_request_done(c, rq);
	buffer_free(rq->frame_base, rq->frame_cap);
	free(rq);
	conn_check_gone(c);
	conn_put(c);
}

/* The frame lies in a receive buffer that the reactor is about to reuse: keep a copy. */
static bool frame_own(struct request *rq)
{
	size_t cap;
	uint8_t *p;

	if (rq->frame_base)
		return true;
	p = buffer_alloc(rq->frame_len, &cap);
	if (!p)
		return false;
	memcpy(p, rq->frame, rq->frame_len);
	if (rq->elem)
		rq->elem = p + (rq->elem - rq->frame);
	rq->frame = rq->frame_base = p;
	rq->frame_cap = cap;
	rq->conn->inflight += cap;
	return true;
}

/* ---- admission ---- */

/* MS-SMB2 3.3.5.2.4: a signature that must be there, and must be right. */
static ntstatus verify(struct request *rq, struct element *el, const struct smb2_hdr *h)
{
	struct channel *ch = el->channel;
	struct iovec iov = { rq->frame + el->off, el->len };

	if (rq->sealed)
		return rq->sealed->session == (ch ? ch->session : NULL) ? NT_STATUS_SUCCESS :
									  NT_STATUS_ACCESS_DENIED;
	if (!ch)
		return NT_STATUS_SUCCESS; /* the session check answers, or SESSION_SETUP */
	if (h->flags & SMB2_FLAGS_SIGNED) {
		if (!ch->signing_key.len)
			return NT_STATUS_SUCCESS; /* no key yet, or guest: nothing to compare with */
		if (!ch->sign)
			ch->sign = sign_ctx_new(ch->signing_alg, &ch->signing_key);
		if (!ch->sign || sign_verify(ch->sign, &iov, 1) < 0) {
			stats_bad(BAD_signature);
			return NT_STATUS_ACCESS_DENIED;
		}
		el->signed_ = true;
		return NT_STATUS_SUCCESS;
	}
	if (h->command == SMB2_NEGOTIATE)
		return NT_STATUS_SUCCESS;
	if (ch->session->encrypt && h->command != SMB2_SESSION_SETUP) {
		stats_bad(BAD_unencrypted);
		return NT_STATUS_ACCESS_DENIED;
	}
	if (ch->session->signing_required && ch->signing_key.len && h->command != SMB2_CANCEL) {
		stats_bad(BAD_signature);
		return NT_STATUS_ACCESS_DENIED;
	}
	return NT_STATUS_SUCCESS;
}

static bool admit_ids(struct conn *c, const struct smb2_hdr *h, struct element *el)
{
	el->charge = c->st.supports_large_mtu && h->credit_charge ? h->credit_charge : 1;
	if (h->command == SMB2_CANCEL)
		return true; /* carries the id of what it cancels, 3.2.4.24 */
	if (!smb2_window_use(&c->st.window, h->message_id, el->charge)) {
		stats_bad(BAD_message_id);
		return false;
	}
	return true;
}

static struct element *element_add(struct request *rq)
{
	if (rq->n == REQ_INLINE_ELEMENTS) {
		/* As many as there are headers in the frame: bounded by its length. */
		size_t max = rq->frame_len / SMB2_HDR_SIZE + 1;
		struct element *e = malloc(max * sizeof(*e));

		if (!e)
			return NULL;
		memcpy(e, rq->inline_elements, sizeof(rq->inline_elements));
		rq->elements = e;
	}
	memset(&rq->elements[rq->n], 0, sizeof(struct element));
	return &rq->elements[rq->n++];
}

/* False: the connection is to be closed. */
static bool admit_element(struct request *rq, uint64_t off, uint64_t *session_id, uint64_t *len)
{
	struct conn *c = rq->conn;
	struct element *el = element_add(rq);
	struct smb2_hdr h;

	if (!el)
		return false;
	if (!smb2_hdr_parse(rq->frame + off, rq->frame_len - off, &h)) {
		stats_bad(BAD_header);
		return false;
	}
	*len = smb2_element_len(rq->frame_len, off, h.next_command);
	if (!*len) {
		stats_bad(BAD_compound);
		return false;
	}
	el->off = (uint32_t)off;
	el->len = (uint32_t)*len;
	el->command = h.command;
	el->credits_asked = h.credits;
	if ((c->st.dialect == 0 || c->st.dialect == SMB2_DIALECT_2FF) &&
	    h.command != SMB2_NEGOTIATE) {
		stats_bad(BAD_before_negotiate);
		return false;
	}
	if (!admit_ids(c, &h, el))
		return false;
	if (h.flags & SMB2_FLAGS_RELATED_OPERATIONS && rq->n > 1)
		h.session_id = *session_id; /* 3.3.5.2.7.2 */
	*session_id = h.session_id;
	if (h.session_id)
		el->channel = channel_find(c, h.session_id);
	if (h.flags & SMB2_FLAGS_SERVER_TO_REDIR ||
	    (h.flags & SMB2_FLAGS_RELATED_OPERATIONS && rq->n == 1 && off == 0))
		el->verdict = NT_STATUS_INVALID_PARAMETER;
	else
		el->verdict = verify(rq, el, &h);
	return true;
}

static bool admit(struct request *rq)
{
	uint64_t off = 0, len, session_id = 0;

	do {
		if (!admit_element(rq, off, &session_id, &len))
			return false;
		off += len;
	} while (off < rq->frame_len);
	return true;
}

/* ---- the reply ---- */

struct smb2_wr *reply_begin(struct request *rq, size_t body_max)
{
	size_t start, need = SMB2_HDR_SIZE + body_max + 8;

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
	struct smb2_wr *w = reply_begin(rq, 16);

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

static bool element_end(struct request *rq, ntstatus status)
{
	struct element *el = &rq->elements[rq->cur];
	struct stats *st = stats_here();
	bool ok = true;

	if (rq->hdr.command < SMB2_COMMANDS) {
		stats_add(&st->op_count[rq->hdr.command], 1);
		if (nt_is_error(status) && status != NT_STATUS_MORE_PROCESSING_REQUIRED)
			stats_add(&st->op_errors[rq->hdr.command], 1);
	}
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
	element_release(rq);
	rq->cur++;
	rq->started = rq->body_on_error = rq->has_error_data = false;
	rq->w = (struct smb2_wr){ 0 }; /* the next one's body is not this one */
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
static void request_answer(struct request *rq, unsigned int upto)
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
			kh_put_le16(h + SMB2_HDR_OFF_CREDITS,
				    smb2_window_grant(&c->st.window, el->charge, el->credits_asked));
		if (next < upto)
			kh_put_le32(h + SMB2_HDR_OFF_NEXT, (uint32_t)(end - el->out_off));
		sign_reply(rq, el, end - el->out_off);
		if (el->oplock) /* a break comes by a job of this reactor: later than what follows */
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

/* The interim response of a request that waits (MS-SMB2 3.3.4.2). Reactor. */
static void send_interim(struct request *rq)
{
	struct conn *c = rq->conn;
	struct element *el = &rq->elements[rq->cur];
	struct outbuf *o = outbuf_new(SMB2_HDR_SIZE + 9);
	struct smb2_hdr h = rq->hdr;
	struct outbuf *saved = rq->out;
	size_t saved_off = el->out_off;
	struct smb2_wr w;

	if (!o)
		return;
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
	rq->out = o;
	el->out_off = OUT_HEADROOM;
	sign_reply(rq, el, w.off);
	rq->out = saved;
	el->out_off = saved_off;
	if (rq->sealed && !seal_reply(c, rq->sealed, o)) {
		outbuf_free(o);
		conn_close(c);
		return;
	}
	queue_reply(c, o);
}

/* ---- running ---- */

static void request_finish(struct request *rq)
{
	struct conn *c = rq->conn;

	request_answer(rq, rq->n);
	if (rq->sent)
		rq->sent(rq);
	conn_get(c);
	request_free(rq);
	if (!c->in_input) { /* else the transport does it, once for all that came together */
		transport_send(c);
		transport_recv(c);
	}
	conn_put(c);
}

static void finish_job(struct reactor_job *j)
{
	request_finish(container_of(j, struct request, job));
}

static void close_finish_job(struct reactor_job *j)
{
	struct request *rq = container_of(j, struct request, job);

	conn_close(rq->conn);
	request_free(rq);
}

static void request_run(struct request *rq);

static void request_work(struct work *w)
{
	struct request *rq = container_of(w, struct request, work);

	rq->on_worker = true;
	request_run(rq);
}

/* Prepares the current element: header, checks, tree and open. */
static ntstatus element_start(struct request *rq)
{
	struct element *el = &rq->elements[rq->cur];

	rq->elem = rq->frame + el->off;
	rq->elem_len = el->len;
	rq->started = true;
	if (!smb2_hdr_parse(rq->elem, rq->elem_len, &rq->hdr))
		return NT_STATUS_INVALID_PARAMETER;
	rq->session = el->channel ? el->channel->session : NULL;
	/* Async operations are not part of a reply's tree id; related ones inherit it. */
	if (rq->hdr.flags & SMB2_FLAGS_RELATED_OPERATIONS && rq->cur) {
		rq->hdr.tree_id = rq->chain_tree_id;
		rq->hdr.session_id = rq->session ? rq->session->id : rq->hdr.session_id;
	} else {
		rq->chain_tree_id = rq->hdr.tree_id;
		rq->chain_has_fid = false;
		rq->chain_fid_status = NT_STATUS_SUCCESS;
	}
	if (el->verdict != NT_STATUS_SUCCESS) {
		rq->chain_fid_status = el->verdict;
		return el->verdict;
	}
	/* Related to an element whose session is none. */
	if (rq->cur && rq->hdr.flags & SMB2_FLAGS_RELATED_OPERATIONS && !rq->session)
		return NT_STATUS_INVALID_PARAMETER;
	return smb2_check(rq);
}

static void leave(struct request *rq, void (*fn)(struct reactor_job *))
{
	rq->job.fn = fn;
	if (rq->on_worker)
		reactor_post(rq->conn->reactor, &rq->job);
	else
		fn(&rq->job);
}

/* True: the request goes on elsewhere, or is over. */
static bool element_run(struct request *rq)
{
	const struct smb2_op *op;
	ntstatus status = rq->started ? NT_STATUS_SUCCESS : element_start(rq);

	if (status == NT_STATUS_SUCCESS) {
		op = &smb2_ops[rq->hdr.command];
		if (rq->resume)
			status = rq->resume(rq);
		else if (op->worker && !rq->on_worker)
			status = REQ_WORKER;
		else if (rq->on_worker && rq->tree && identity_become(rq->tree->identity) < 0)
			status = NT_STATUS_ACCESS_DENIED;
		else
			status = op->fn(rq);
	}
	switch (status) {
	case REQ_WORKER:
		if (frame_own(rq)) {
			rq->work.fn = request_work;
			worker_post(&rq->work);
			return true;
		}
		status = NT_STATUS_INSUFFICIENT_RESOURCES;
		break;
	case REQ_ASYNC:
		return true; /* belongs to who will resume it; not to be touched */
	case REQ_CLOSE:
		leave(rq, close_finish_job);
		return true;
	}
	rq->resume = NULL;
	rq->cancel = NULL;
	if (!element_end(rq, status)) {
		leave(rq, close_finish_job);
		return true;
	}
	return false;
}

static void request_run(struct request *rq)
{
	while (rq->cur < rq->n)
		if (element_run(rq))
			return;
	leave(rq, finish_job);
}

/*
 * A handler is about to return REQ_ASYNC: from now on the client knows. Called before the request
 * becomes visible to who resumes it.
 */
bool request_go_async(struct request *rq)
{
	if (!frame_own(rq))
		return false;
	rq->conn->nasync++;
	if (!rq->elements[rq->cur].async) {
		request_answer(rq, rq->cur); /* what stands before it in a compound need not wait */
		send_interim(rq);
		if (!rq->conn->in_input)
			transport_send(rq->conn);
	}
	return true;
}

static void resume_job(struct reactor_job *j)
{
	struct request *rq = container_of(j, struct request, job);

	if (rq->elements[rq->cur].async)
		rq->conn->nasync--;
	rq->cancel = NULL;
	rq->on_worker = false;
	request_run(rq);
}

void request_resume(struct request *rq)
{
	rq->job.fn = resume_job;
	reactor_post(rq->conn->reactor, &rq->job);
}

static void reactor_job(struct reactor_job *j)
{
	struct request *rq = container_of(j, struct request, job);

	rq->on_worker = false;
	request_run(rq);
}

void request_to_reactor(struct request *rq, ntstatus (*fn)(struct request *rq))
{
	rq->resume = fn;
	rq->job.fn = reactor_job;
	reactor_post(rq->conn->reactor, &rq->job);
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

void request_cancel(struct conn *c, const struct smb2_hdr *h)
{
	struct request *rq;

	list_for_each(rq, &c->requests, node) {
		const struct element *el = rq->cur < rq->n ? &rq->elements[rq->cur] : NULL;

		if (!el || !rq->cancel)
			continue;
		if (h->flags & SMB2_FLAGS_ASYNC_COMMAND ? el->async_id == h->async_id :
							  rq->hdr.message_id == h->message_id) {
			rq->cancel(rq);
			return;
		}
	}
}

void request_cancel_all(struct conn *c)
{
	struct request *rq;

	list_for_each(rq, &c->requests, node)
		if (rq->cancel)
			rq->cancel(rq);
}

/* ---- what arrives ---- */

/* Decrypts in place (MS-SMB2 3.3.5.2.1.1). NULL: the connection is to be closed. */
static struct channel *unseal(struct conn *c, uint8_t *frame, size_t len)
{
	struct smb2_transform t;
	struct channel *ch;
	struct session *s;
	struct iovec iov;

	if (!smb2_transform_parse(frame, len, &t))
		return NULL;
	ch = channel_find(c, t.session_id);
	if (!ch)
		return NULL;
	s = ch->session;
	iov = (struct iovec){ frame + SMB2_TRANSFORM_SIZE, t.original_size };
	if (!ch->dec && s->keys.server_in.len)
		ch->dec = seal_ctx_new(s->cipher, &s->keys.server_in, false);
	if (!ch->dec || seal_decrypt(ch->dec, frame, &iov, 1) < 0) {
		channel_put(ch);
		return NULL;
	}
	return ch;
}

void request_receive(struct conn *c, uint8_t *frame, size_t len, uint8_t *base, size_t cap)
{
	uint32_t magic = kh_get_le32(frame);
	struct channel *sealed = NULL;
	struct request *rq;

	if (magic == SMB1_MAGIC && c->st.dialect == 0) {
		smb2_negotiate_smb1(c, frame, len);
		buffer_free(base, cap);
		return;
	}
	if (magic == SMB2_TRANSFORM_MAGIC) {
		sealed = unseal(c, frame, len);
		if (!sealed) {
			stats_bad(BAD_decrypt);
			goto close;
		}
		frame += SMB2_TRANSFORM_SIZE;
		len -= SMB2_TRANSFORM_SIZE;
	}
	rq = request_new(c, frame, len);
	if (!rq) {
		channel_put(sealed);
		goto close;
	}
	rq->frame_base = base;
	rq->frame_cap = base ? cap : 0;
	c->inflight += rq->frame_cap;
	rq->sealed = sealed;
	if (!admit(rq)) {
		conn_close(c);
		request_free(rq);
		return;
	}
	request_run(rq);
	return;
close:
	buffer_free(base, cap);
	conn_close(c);
}

/* ---- a WRITE whose data is still on its way ---- */

struct request *request_stream_begin(struct conn *c, const uint8_t *head, size_t n,
				     ntstatus *status)
{
	size_t cap;
	uint8_t *copy = buffer_alloc(n, &cap);
	struct request *rq = copy ? request_new(c, copy, n) : NULL;

	if (!rq) {
		buffer_free(copy, copy ? cap : 0);
		return NULL;
	}
	memcpy(copy, head, n);
	rq->frame_base = copy;
	rq->frame_cap = cap;
	c->inflight += cap;
	if (!admit(rq)) {
		request_free(rq);
		return NULL;
	}
	*status = element_start(rq);
	return rq;
}

void request_stream_collected(struct request *rq, uint8_t *base, size_t len, size_t cap)
{
	buffer_free(rq->frame_base, rq->frame_cap);
	rq->conn->inflight += cap - rq->frame_cap;
	rq->frame = rq->frame_base = base;
	rq->elem = base;
	rq->frame_len = rq->elem_len = len;
	rq->elements[0].len = (uint32_t)len;
	rq->frame_cap = cap;
	request_run(rq);
}

void request_stream_end(struct request *rq, ntstatus status)
{
	if (status == NT_STATUS_SUCCESS)
		status = smb2_write_end(rq);
	if (!element_end(rq, status)) {
		conn_close(rq->conn);
		request_free(rq);
		return;
	}
	request_finish(rq);
}

void request_drop(struct request *rq)
{
	request_free(rq);
}
