// SPDX-License-Identifier: GPL-2.0-or-later
/* wire.c - a connection to a server: frames out, answers in. */
#include "wire.h"

#include <poll.h>
#include <sys/socket.h>

/* ---- what comes ---- */

void answers_clear(struct wire *c)
{
	for (size_t i = 0; i < c->nanswers; i++)
		free(c->answers[i].p);
	c->nanswers = 0;
}

struct answer *answer_find(struct wire *c, uint64_t mid, bool want_final)
{
	struct answer *interim = NULL;

	for (size_t i = 0; i < c->nanswers; i++) {
		struct answer *a = &c->answers[i];

		if (a->h.message_id != mid)
			continue;
		if (a->h.status != NT_STATUS_PENDING)
			return a;
		interim = a;
	}
	return want_final ? NULL : interim;
}

static int8_t signature_of(struct wire *c, const struct smb2_hdr *h, uint8_t *p, size_t n)
{
	struct iovec iov = { p, n };

	if (!(h->flags & SMB2_FLAGS_SIGNED))
		return 0;
	if (!c->sign || h->session_id != c->session_id)
		return 2;
	return sign_verify(c->sign, &iov, 1) == 0 ? 1 : -1;
}

static void took_message(struct wire *c, uint8_t *p, size_t n, bool sealed)
{
	uint64_t off = 0, len;
	uint8_t position = 0;

	do {
		struct answer *a;
		struct smb2_hdr h;

		if (!smb2_hdr_parse(p + off, n - off, &h) ||
		    !(len = smb2_element_len(n, off, h.next_command))) {
			c->broken = "an answer is no SMB2 message";
			return;
		}
		if (c->nanswers == c->answers_cap) {
			c->answers_cap = c->answers_cap * 2 + 32;
			c->answers = xrealloc(c->answers, c->answers_cap * sizeof(*a));
		}
		a = &c->answers[c->nanswers++];
		*a = (struct answer) { .h = h,
				       .p = xmalloc(len),
				       .len = len,
				       .sealed = sealed,
				       .position = position,
				       .signature = signature_of(c, &h, p + off, len) };
		memcpy(a->p, p + off, len);
		position++;
		off += len;
	} while (off < n);
}

static void took_frame(struct wire *c, uint8_t *p, size_t n)
{
	struct smb2_transform t;
	struct iovec iov;

	if (n < SMB2_HDR_SIZE) {
		c->broken = "an answer is too short";
		return;
	}
	if (kh_get_le32(p) != SMB2_TRANSFORM_MAGIC) {
		took_message(c, p, n, false);
		return;
	}
	iov = (struct iovec) { p + SMB2_TRANSFORM_SIZE, n - SMB2_TRANSFORM_SIZE };
	if (!smb2_transform_parse(p, n, &t) || t.session_id != c->session_id || !c->dec ||
	    seal_decrypt(c->dec, p, &iov, 1) < 0)
		c->broken = "an answer cannot be decrypted";
	else
		took_message(c, iov.iov_base, iov.iov_len, true);
}

static void took_bytes(struct wire *c)
{
	size_t off = 0, n;

	for (; c->rx_len - off >= SMB2_PREFIX_SIZE; off += SMB2_PREFIX_SIZE + n) {
		uint8_t *p = c->rx + off;

		n = smb2_prefix_len(p);
		if (p[0] != NBSS_SESSION_MESSAGE)
			c->broken = "an answer has another prefix type";
		if (c->rx_len - off - SMB2_PREFIX_SIZE < n)
			break;
		if (p[0] == NBSS_SESSION_MESSAGE)
			took_frame(c, p + SMB2_PREFIX_SIZE, n);
	}
	c->rx_len -= off;
	memmove(c->rx, c->rx + off, c->rx_len);
}

void wire_take(struct wire *c, int timeout_ms)
{
	struct pollfd p = { c->fd, POLLIN, 0 };

	if (c->closed)
		return;
	while (poll(&p, 1, timeout_ms) > 0) {
		ssize_t n;

		timeout_ms = 0;
		if (c->rx_cap - c->rx_len < 65536) {
			c->rx_cap = c->rx_cap * 2 + 65536;
			c->rx = xrealloc(c->rx, c->rx_cap);
		}
		n = recv(c->fd, c->rx + c->rx_len, c->rx_cap - c->rx_len, MSG_DONTWAIT);
		if (n > 0) {
			c->rx_len += (size_t)n;
			took_bytes(c);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			c->closed = true;
			return;
		}
	}
}

/* ---- what goes ---- */

void wire_send(struct wire *c, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n && !c->closed) {
		ssize_t w = send(c->fd, b, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (w > 0) {
			b += w;
			n -= (size_t)w;
		} else if (w < 0 && errno == EAGAIN) {
			struct pollfd q = { c->fd, POLLIN | POLLOUT, 0 };

			if (poll(&q, 1, WIRE_WAIT_MS) == 0) {
				c->broken = "the server takes no more bytes";
				return;
			}
			wire_take(c, 0);
		} else if (w < 0 && errno != EINTR) {
			wire_take(c, 0); /* what was said before the end */
			c->closed = true;
		}
	}
}

void wire_send_message(struct wire *c, uint8_t *msg, size_t n, bool seal)
{
	uint8_t head[SMB2_PREFIX_SIZE + SMB2_TRANSFORM_SIZE], nonce[16];
	struct smb2_wr w = wr_init(head + SMB2_PREFIX_SIZE, SMB2_TRANSFORM_SIZE);
	struct iovec iov = { msg, n };

	seal = seal && c->enc;
	smb2_prefix_put(head, (uint32_t)(n + (seal ? SMB2_TRANSFORM_SIZE : 0)));
	if (seal) {
		seal_nonce(c->m.cipher, c->nonce_prefix, c->nonce++, nonce);
		smb2_transform_put(&w, nonce, (uint32_t)n, c->session_id);
		seal_encrypt(c->enc, head + SMB2_PREFIX_SIZE, &iov, 1);
	}
	wire_send(c, head, SMB2_PREFIX_SIZE + (seal ? SMB2_TRANSFORM_SIZE : 0));
	wire_send(c, msg, n);
}

void wire_sign(struct wire *c, uint8_t *elem, size_t n)
{
	struct iovec iov = { elem, n };

	if (!c->sign)
		return;
	kh_put_le32(elem + SMB2_HDR_OFF_FLAGS,
		    kh_get_le32(elem + SMB2_HDR_OFF_FLAGS) | SMB2_FLAGS_SIGNED);
	sign_message_put(c->sign, &iov, 1);
}

void wire_free(struct wire *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	answers_clear(c);
	free(c->answers);
	free(c->rx);
	sign_ctx_free(c->sign);
	seal_ctx_free(c->enc);
	seal_ctx_free(c->dec);
	c->answers = NULL;
	c->rx = NULL;
	c->sign = NULL;
	c->enc = c->dec = NULL;
}
