// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * admit.c - what is asked of a frame before anything in it is done: decryption, headers, message
 * ids, signatures (MS-SMB2 3.3.5.2.1 to 3.3.5.2.7). On the reactor, in the order of arrival.
 */
#include "core/request.h"
#include "state/state.h"

struct channel *request_unseal(struct conn *c, uint8_t *frame, size_t len)
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
	iov = (struct iovec) { frame + SMB2_TRANSFORM_SIZE, t.original_size };
	if (!ch->dec && s->keys.server_in.len)
		ch->dec = seal_ctx_new(s->cipher, &s->keys.server_in, false);
	if (!ch->dec || seal_decrypt(ch->dec, frame, &iov, 1) < 0) {
		channel_put(ch);
		return NULL;
	}
	return ch;
}

static bool signature_right(struct channel *ch, const struct iovec *iov)
{
	if (!ch->sign)
		ch->sign = sign_ctx_new(ch->signing_alg, &ch->signing_key);
	return ch->sign && sign_verify(ch->sign, iov, 1) == 0;
}

/* MS-SMB2 3.3.5.2.4: a signature that must be there, and must be right. */
static ntstatus verify(struct request *rq, struct element *el, const struct smb2_hdr *h)
{
	struct channel *ch = el->channel;
	struct iovec iov = { rq->frame + el->off, el->len };

	if (rq->sealed)
		return rq->sealed->session == (ch ? ch->session : NULL) ? NT_STATUS_SUCCESS
									: NT_STATUS_ACCESS_DENIED;
	if (!ch)
		return NT_STATUS_SUCCESS; /* the session check answers, or SESSION_SETUP */
	if (h->flags & SMB2_FLAGS_SIGNED) {
		if (!ch->signing_key.len)
			return NT_STATUS_SUCCESS; /* no key yet, or guest: nothing to compare with
						   */
		if (!rq->verified && !signature_right(ch, &iov)) {
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

static bool admit_ids(struct request *rq, const struct smb2_hdr *h, struct element *el)
{
	struct conn *c = rq->conn;

	el->charge = c->st.supports_large_mtu && h->credit_charge ? h->credit_charge : 1;
	/* CANCEL carries the id of what it cancels, 3.2.4.24. */
	if (h->command == SMB2_CANCEL || rq->admitted)
		return true;
	if (!conn_window_use(c, h->message_id, el->charge)) {
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
	if (!admit_ids(rq, &h, el))
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

bool request_admit(struct request *rq)
{
	uint64_t off = 0, len, session_id = 0;

	do {
		if (!admit_element(rq, off, &session_id, &len))
			return false;
		off += len;
	} while (off < rq->frame_len);
	return true;
}
