// SPDX-License-Identifier: GPL-2.0-or-later
/* frame.c - messages: requests made, signed and sealed; answers opened, checked and told apart. */
#include "smbload.h"

#define SEALED_HEAD (SMB2_PREFIX_SIZE + SMB2_TRANSFORM_SIZE)

/* ---- requests ---- */

uint32_t charge_of(const struct conn *c, uint32_t bytes)
{
	if (c->dialect == SMB2_DIALECT_202)
		return 1;
	return bytes ? (bytes - 1) / CREDIT_UNIT + 1 : 1;
}

static size_t head_size(const struct conn *c)
{
	return c->protection == SEALED ? SEALED_HEAD : SMB2_PREFIX_SIZE;
}

void message_begin(struct conn *c)
{
	if (!c->tx)
		c->tx = buf_get(c->w);
	else if (!c->tx->bytes)
		c->tx->len = c->tx->first = c->tx->npieces = 0;
	buf_room(c->tx, 8192);
	c->message = c->tx->len;
	c->tx->len += head_size(c);
	c->element = 0;
	c->data_len = 0;
}

/* The element before ends: aligned, and it says where the next one is. */
static void chain(struct conn *c)
{
	struct buf *b = c->tx;
	size_t n = b->len - c->element, pad = -n & 7;

	memset(b->p + b->len, 0, pad);
	b->len += pad;
	kh_put_le32(b->p + c->element + SMB2_HDR_OFF_NEXT, (uint32_t)(n + pad));
	if (c->protection == SIGNED) {
		struct iovec iov = { b->p + c->element, n + pad };

		sign_message_put(c->sign, &iov, 1);
	}
}

/* As many credits are asked for as make the goal of the connection's depth. */
static uint32_t credits_to_ask(const struct conn *c, uint32_t charge)
{
	int64_t unit = charge_of(c, opt.size), held = c->credits + c->out, goal;

	goal = (int64_t)c->nops * MAX(unit, 4) + 32;
	goal = MIN(goal, 8000);
	return charge + (uint32_t)(held < goal ? MIN(goal - held, 512) : 0);
}

struct smb2_wr request_begin(struct conn *c, struct op *op, uint16_t command, uint32_t charge)
{
	bool v202 = c->dialect == SMB2_DIALECT_202, related = c->element != 0;
	struct smb2_hdr h = { .command = command,
			      .credit_charge = v202 ? 0 : (uint16_t)charge,
			      .credits = (uint16_t)credits_to_ask(c, charge),
			      .message_id = c->next_mid,
			      .tree_id = c->tree_id,
			      .session_id = c->session_id };
	struct smb2_wr w;

	if (related)
		chain(c);
	if (c->protection == SIGNED)
		h.flags |= SMB2_FLAGS_SIGNED;
	if (related)
		h.flags |= SMB2_FLAGS_RELATED_OPERATIONS;
	if (op && !op->awaited)
		op->mid = c->next_mid;
	if (op) {
		op->awaited++;
		op->charged += charge;
		c->out += charge;
		op->span = (uint32_t)(c->next_mid - op->mid + charge);
	}
	c->next_mid += charge;
	c->credits -= charge;
	c->element = c->tx->len;
	w = wr_init(c->tx->p + c->tx->len, c->tx->cap - c->tx->len);
	smb2_hdr_put(&w, &h);
	return w;
}

void request_end(struct conn *c, const struct smb2_wr *w)
{
	if (!wr_ok(w))
		die(EXIT_CANNOT, "a request is larger than a buffer");
	c->tx->len += w->off;
}

void request_data(struct conn *c, const void *p, size_t n)
{
	c->data = p;
	c->data_len = n;
}

static void piece(struct buf *b, const void *p, size_t n)
{
	struct iovec *last = b->npieces > b->first ? &b->pieces[b->npieces - 1] : NULL;

	b->bytes += n;
	if (last && (uint8_t *)last->iov_base + last->iov_len == p)
		last->iov_len += n;
	else
		b->pieces[b->npieces++] = (struct iovec) { (void *)p, n };
}

static void seal(struct conn *c, uint8_t *head, size_t n)
{
	struct smb2_wr w = wr_init(head + SMB2_PREFIX_SIZE, SMB2_TRANSFORM_SIZE);
	uint8_t *message = head + SEALED_HEAD, nonce[16];
	struct iovec iov[2] = { { message, n }, { (void *)c->data, c->data_len } };

	seal_nonce(c->cipher, c->index & 0xFFFFFF, c->nonce++, nonce);
	smb2_transform_put(&w, nonce, (uint32_t)(n + c->data_len), c->session_id);
	if (c->data_len)
		seal_encrypt_to(c->enc, head + SMB2_PREFIX_SIZE, iov, 2, message);
	else
		seal_encrypt(c->enc, head + SMB2_PREFIX_SIZE, iov, 1);
	c->tx->len += c->data_len;
}

void message_end(struct conn *c)
{
	struct buf *b = c->tx;
	bool copied = c->protection == SEALED || b->npieces + 3 > TX_PIECES;
	size_t n = b->len - c->message - head_size(c);
	uint8_t *head;

	if (copied)
		buf_room(b, c->data_len);
	head = b->p + c->message;
	smb2_prefix_put(head, (uint32_t)(b->len - c->message - SMB2_PREFIX_SIZE + c->data_len));
	if (c->protection == SEALED) {
		seal(c, head, n);
		piece(b, head, b->len - c->message);
		return;
	}
	if (c->protection == SIGNED) {
		struct iovec iov[2] = { { b->p + c->element, b->len - c->element },
					{ (void *)c->data, c->data_len } };

		sign_message_put(c->sign, iov, c->data_len ? 2 : 1);
	}
	if (copied && c->data_len) {
		memcpy(b->p + b->len, c->data, c->data_len);
		b->len += c->data_len;
	}
	piece(b, head, b->len - c->message);
	if (!copied && c->data_len)
		piece(b, c->data, c->data_len);
}

/* ---- answers ---- */

/* --unchecked: the first bytes of a sealed answer, its tag never looked at. 0: this cannot be. */
static size_t peek(struct conn *c, const uint8_t *p, size_t len, size_t have, uint8_t *head)
{
	struct gcm *g = c->peek ? gcm_for(c->peek, READ_HEAD) : NULL;
	struct smb2_transform t;

	if (!g || have < SMB2_TRANSFORM_SIZE + READ_HEAD || !smb2_transform_parse(p, len, &t) ||
	    t.session_id != c->session_id ||
	    !gcm_start(g, p + SMB2_TRANSFORM_OFF_NONCE, p + SMB2_TRANSFORM_OFF_NONCE,
		       SMB2_TRANSFORM_AAD_SIZE) ||
	    !gcm_piece(g, head, p + SMB2_TRANSFORM_SIZE, READ_HEAD))
		return 0;
	return t.original_size;
}

size_t frame_passes(struct conn *c, const uint8_t *p, size_t len, size_t have,
		    uint8_t head[READ_HEAD])
{
	if (c->login != LOGIN_DONE || opt.verify || !(opt.unchecked || c->protection == PLAIN))
		return 0;
	if (c->protection == SEALED)
		len = peek(c, p, len, have, head);
	else if (have >= READ_HEAD)
		memcpy(head, p, READ_HEAD);
	else
		return 0;
	if (len < READ_HEAD || kh_get_le32(head) != SMB2_MAGIC ||
	    kh_get_le16(head + SMB2_HDR_OFF_COMMAND) != SMB2_READ ||
	    kh_get_le32(head + SMB2_HDR_OFF_STATUS) || kh_get_le32(head + SMB2_HDR_OFF_NEXT))
		return 0;
	return len;
}

/* Interim answers may come without, 3.2.5.1.3; so may what no session is known for. */
static bool signature_right(struct conn *c, const struct reply *r)
{
	struct iovec iov = { (void *)r->p, r->len };

	if (r->status == NT_STATUS_PENDING || c->login != LOGIN_DONE)
		return true;
	return (r->flags & SMB2_FLAGS_SIGNED) &&
	       (r->have < r->len || sign_verify(c->sign, &iov, 1) == 0);
}

static void element_take(struct conn *c, struct reply *r)
{
	const uint8_t *p = r->p;

	r->status = kh_get_le32(p + SMB2_HDR_OFF_STATUS);
	r->command = kh_get_le16(p + SMB2_HDR_OFF_COMMAND);
	r->credits = kh_get_le16(p + SMB2_HDR_OFF_CREDITS);
	r->flags = kh_get_le32(p + SMB2_HDR_OFF_FLAGS);
	r->mid = kh_get_le64(p + SMB2_HDR_OFF_MESSAGE_ID);
	r->tree_id = kh_get_le32(p + 36);
	r->session_id = kh_get_le64(p + SMB2_HDR_OFF_SESSION_ID);
	c->credits += r->credits;
	c->progress = c->w->now;
	if (r->status == NT_STATUS_PENDING && (r->flags & SMB2_FLAGS_ASYNC_COMMAND))
		return;
	if (r->mid == UINT64_MAX) /* an oplock or lease break: nobody asked for one */
		return;
	if (c->protection == SIGNED && !signature_right(c, r))
		r->status = STATUS_FORGED;
	if (c->login != LOGIN_DONE)
		login_answer(c, r);
	else
		engine_answer(c, r);
}

static bool unseal(struct conn *c, uint8_t **p, size_t *len)
{
	struct smb2_transform t;
	struct iovec iov = { *p + SMB2_TRANSFORM_SIZE, *len - SMB2_TRANSFORM_SIZE };

	if (!smb2_transform_parse(*p, *len, &t) || t.session_id != c->session_id || !c->dec ||
	    seal_decrypt(c->dec, *p, &iov, 1) < 0)
		return false;
	*p = iov.iov_base;
	*len = iov.iov_len;
	return true;
}

void frame_passed(struct conn *c, const uint8_t head[READ_HEAD], size_t len)
{
	struct reply r = { .p = head, .len = len, .have = READ_HEAD };

	element_take(c, &r);
}

void frame_take(struct conn *c, uint8_t *p, size_t len)
{
	uint64_t off = 0, n;

	if (kh_get_le32(p) == SMB2_TRANSFORM_MAGIC) {
		if (!unseal(c, &p, &len)) {
			conn_fail(c, "an answer cannot be decrypted");
			return;
		}
	} else if (c->protection == SEALED) {
		conn_fail(c, "an answer is not encrypted");
		return;
	}
	do {
		struct reply r = { .p = p + off };

		if (kh_get_le32(r.p) != SMB2_MAGIC ||
		    !(n = smb2_element_len(len, off, kh_get_le32(r.p + SMB2_HDR_OFF_NEXT)))) {
			conn_fail(c, "an answer is no SMB2 message");
			return;
		}
		r.len = r.have = n;
		element_take(c, &r);
		off += n;
	} while (off < len && c->rx);
}
