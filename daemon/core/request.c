// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * request.c - the life of a request: admitted by its reactor, run, answered (see server.h).
 * admit.c has the admission, reply.c the answers.
 */
#include "core/accept.h"
#include "core/entry.h"
#include "core/request.h"
#include "core/transport.h"
#include "kernel/handles.h"
#include "kh_channel.h"
#include "smb2/smb2.h"
#include "state/channel_seq.h"
#include "state/replay.h"

struct request *request_from_waiter(struct list_head *n)
{
	return container_of(n, struct request, waiters);
}

/* ---- begin and end ---- */

static struct request *request_new(struct conn *c, uint8_t *frame, size_t len)
{
	struct request *rq = zalloc(sizeof(*rq));

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
	c->nseen++;
	return rq;
}

static void element_release(struct request *rq)
{
	if (unlikely(rq->create != NULL))
		replay_release(steal_ptr(&rq->create));
	if (rq->seq_counted)
		channel_seq_end(rq->open, rq->seq_mark);
	rq->seq_counted = rq->drain = false;
	if (rq->open)
		open_put(rq->open);
	if (rq->tree)
		tree_put(rq->tree);
	rq->open = NULL;
	rq->tree = NULL;
	rq->session = NULL;
}

void request_element_done(struct request *rq)
{
	element_release(rq);
	rq->cur++;
	rq->started = false;
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

/* ---- running ---- */

static void request_finish(struct request *rq)
{
	struct conn *c = rq->conn;

	reply_send(rq, rq->n);
	if (rq->sent)
		rq->sent(rq);
	if (unlikely(c->entry->state < KH_CONN_STATE_READY)) {
		entry_conn(c);
		if (c->st.authenticated)
			conn_not_preauth(c);
	}
	conn_get(c);
	request_free(rq);
	if (!c->in_input) { /* else the transport does it, once for all that came together */
		entry_conn_seen(c);
		transport_send(c);
		transport_recv(c);
		entry_conn_now(c);
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
		/* Signed with the session's key instead of the channel's: so is the refusal. */
		if (rq->session && rq->hdr.command == SMB2_SESSION_SETUP && !el->signed_)
			(void)smb2_sign_as(rq, rq->session);
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
	struct reactor *r = rq->conn->reactor;

	rq->job.fn = fn;
	/*
	 * What was run here may have begun a break, which is a job: a client has that before the
	 * answer, as when a worker posts both.
	 */
	if (rq->on_worker || (rq->inline_ns && reactor_has_jobs(r) && frame_own(rq)))
		reactor_post(r, &rq->job);
	else
		fn(&rq->job);
}

static void to_worker(struct request *rq)
{
	if (!rq->was_on_worker)
		count_add(&rq->conn->reactor->stats.reactor->to_workers, 1);
	rq->was_on_worker = true;
}

/* The client lost a channel: what the module still does for it must not come after this. */
static ntstatus drain(struct request *rq)
{
	if (!rq->on_worker)
		return REQ_WORKER;
	handles_drain(rq->open);
	atomic_store(&rq->open->seq_drained, true);
	rq->drain = false;
	return NT_STATUS_SUCCESS;
}

static ntstatus on_reactor(struct request *rq, const struct smb2_op *op)
{
	/* What goes by open descriptors does not care who the thread is. */
	static const uint32_t anybody = 1u << SMB2_READ | 1u << SMB2_WRITE | 1u << SMB2_ECHO |
					1u << SMB2_CANCEL | 1u << SMB2_LOCK;

	if (!rq->resume && (op->worker || rq->hdr.command == SMB2_CLOSE) &&
	    request_inline_begin(rq))
		return request_inline_end(rq, op->fn(rq));
	if (op->worker && !rq->resume)
		return REQ_WORKER;
	if (!(anybody & 1u << rq->hdr.command))
		identity_become_self();
	return rq->resume ? rq->resume(rq) : op->fn(rq);
}

/* True: the request goes on elsewhere, or is over. */
static bool element_run(struct request *rq)
{
	const struct smb2_op *op;
	ntstatus status = rq->started ? NT_STATUS_SUCCESS : element_start(rq);

	if (status == NT_STATUS_SUCCESS && unlikely(rq->drain))
		status = drain(rq);
	if (status == NT_STATUS_SUCCESS) {
		op = &smb2_ops[rq->hdr.command];
		if (rq->on_worker && rq->tree && identity_become(rq->tree->identity) < 0)
			status = NT_STATUS_ACCESS_DENIED;
		else if (rq->on_worker)
			status = rq->resume ? rq->resume(rq) : op->fn(rq);
		else
			status = on_reactor(rq, op);
	}
	switch (status) {
	case REQ_WORKER:
		if (frame_own(rq)) {
			to_worker(rq);
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
	if (rq->cancel) /* on a worker it is none, and the reactor may be looking */
		rq->cancel = NULL;
	if (!reply_end(rq, status)) {
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
	if (!rq->elements[rq->cur].async) {
		reply_send(rq, rq->cur); /* what stands before it in a compound need not wait */
		if (!reply_interim(rq))
			return false;
		if (!rq->conn->in_input)
			transport_send(rq->conn);
	}
	rq->waits = true;
	rq->conn->nasync++;
	if (rq->session)
		atomic_fetch_add(&rq->session->nwaiting, 1);
	return true;
}

void request_unwait(struct request *rq)
{
	if (rq->waits) {
		rq->conn->nasync--;
		if (rq->session)
			atomic_fetch_sub(&rq->session->nwaiting, 1);
	}
	rq->waits = false;
}

static void resume_job(struct reactor_job *j)
{
	struct request *rq = container_of(j, struct request, job);

	request_unwait(rq);
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

void request_cancel(struct conn *c, const struct smb2_hdr *h)
{
	struct request *rq;

	list_for_each (rq, &c->requests, node) {
		const struct element *el;

		if (!rq->cancel) /* a worker may have it: nothing else of it is to be looked at */
			continue;
		el = &rq->elements[rq->cur];
		if (h->flags & SMB2_FLAGS_ASYNC_COMMAND ? el->async_id == h->async_id
							: rq->hdr.message_id == h->message_id) {
			rq->cancel(rq);
			return;
		}
	}
}

void request_cancel_all(struct conn *c)
{
	struct request *rq;

	list_for_each (rq, &c->requests, node)
		if (rq->cancel)
			rq->cancel(rq);
}

/* ---- what arrives ---- */

/* A plain frame, whole. Takes base and sealed. u: of the kernel module, or NULL. */
static void receive(struct conn *c, uint8_t *frame, size_t len, uint8_t *base, size_t cap,
		    struct channel *sealed, const struct kh_upcall *u)
{
	struct request *rq = request_new(c, frame, len);

	if (!rq) {
		channel_put(sealed);
		buffer_free(base, cap);
		conn_close(c);
		return;
	}
	rq->frame_base = base;
	rq->frame_cap = base ? cap : 0;
	c->inflight += rq->frame_cap;
	rq->sealed = sealed;
	rq->admitted = u;
	rq->verified = u && u->flags & KH_UPF_VERIFIED;
	if (!request_admit(rq)) {
		conn_close(c);
		request_free(rq);
		return;
	}
	request_run(rq);
}

void request_receive(struct conn *c, uint8_t *frame, size_t len, uint8_t *base, size_t cap)
{
	uint32_t magic = kh_get_le32(frame);
	struct channel *sealed = NULL;

	if (magic == SMB1_MAGIC && c->st.dialect == 0) {
		smb2_negotiate_smb1(c, frame, len);
		buffer_free(base, cap);
		return;
	}
	if (magic == SMB2_TRANSFORM_MAGIC) {
		sealed = request_unseal(c, frame, len);
		if (!sealed) {
			stats_bad(BAD_decrypt);
			buffer_free(base, cap);
			conn_close(c);
			return;
		}
		frame += SMB2_TRANSFORM_SIZE;
		len -= SMB2_TRANSFORM_SIZE;
	}
	receive(c, frame, len, base, cap, sealed, NULL);
}

void request_receive_admitted(struct conn *c, uint8_t *frame, size_t len, uint8_t *base, size_t cap,
			      const struct kh_upcall *u)
{
	struct channel *sealed = NULL;

	if (u->flags & KH_UPF_SEALED) {
		sealed = channel_find(c, u->session_id);
		if (!sealed) { /* gone since the module looked */
			stats_bad(BAD_decrypt);
			buffer_free(base, cap);
			conn_close(c);
			return;
		}
	}
	receive(c, frame, len, base, cap, sealed, u);
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
	if (!request_admit(rq)) {
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
	if (!reply_end(rq, status)) {
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
