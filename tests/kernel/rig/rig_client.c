// SPDX-License-Identifier: GPL-2.0-or-later
/* rig_client.c - requests and replies as a client makes and reads them: see rig.h. */
#include "rig.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a request of this size is charged, MS-SMB2 3.1.5.2. */
static uint16_t charge_of(uint16_t command, const uint8_t *body)
{
	uint32_t payload = 0;

	if (command == SMB2_READ || command == SMB2_WRITE)
		payload = kh_get_le32(body + 4);
	return (uint16_t)(payload ? (payload - 1) / 65536 + 1 : 1);
}

static size_t seal(struct rig_conn *c, uint8_t *out, size_t len)
{
	struct iovec iov = { out + SMB2_PREFIX_SIZE + SMB2_TRANSFORM_SIZE, len };
	struct smb2_wr w = wr_init(out + SMB2_PREFIX_SIZE, SMB2_TRANSFORM_SIZE);
	uint8_t nonce[16];

	memmove(iov.iov_base, out + SMB2_PREFIX_SIZE, len);
	seal_nonce(c->cipher, 9, ++c->nonce, nonce);
	smb2_transform_put(&w, nonce, (uint32_t)len, RIG_SESSION);
	if (!wr_ok(&w) || seal_encrypt(c->enc, out + SMB2_PREFIX_SIZE, &iov, 1) < 0)
		rig_die("seal");
	return len + SMB2_TRANSFORM_SIZE;
}

size_t rig_build(struct rig_conn *c, uint16_t command, const void *body, size_t len, uint8_t *out)
{
	struct smb2_hdr h = {
		.credit_charge = charge_of(command, body),
		.command = command,
		.credits = 64,
		.message_id = c->message_id,
		.tree_id = RIG_TREE,
		.session_id = RIG_SESSION,
		.flags = c->security == RIG_SIGNED ? SMB2_FLAGS_SIGNED : 0,
	};
	struct smb2_wr w = wr_init(out + SMB2_PREFIX_SIZE, SMB2_HDR_SIZE);
	size_t n = SMB2_HDR_SIZE + len;

	smb2_hdr_put(&w, &h);
	if (!wr_ok(&w))
		rig_die("header");
	memcpy(out + SMB2_PREFIX_SIZE + SMB2_HDR_SIZE, body, len);
	c->message_id += h.credit_charge;
	if (c->tamper)
		c->tamper(c->tamper_arg, out + SMB2_PREFIX_SIZE, &n);
	if (c->security == RIG_SIGNED) {
		struct iovec iov = { out + SMB2_PREFIX_SIZE, n };

		if (sign_message_put(c->sign, &iov, 1) < 0)
			rig_die("sign");
	}
	if (c->security == RIG_SEALED)
		n = seal(c, out, n);
	smb2_prefix_put(out, (uint32_t)n);
	return n + SMB2_PREFIX_SIZE;
}

void rig_send(struct rig_conn *c, const void *p, size_t len)
{
	while (len) {
		ssize_t n = send(c->client, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the other side has ended it: the test looks at what comes back */
		p = (const uint8_t *)p + n;
		len -= (size_t)n;
	}
}

void rig_request(struct rig_conn *c, uint16_t command, const void *body, size_t len)
{
	uint8_t *out = malloc(len + 256);

	rig_send(c, out, rig_build(c, command, body, len, out));
	free(out);
}

static void put_fid(uint8_t *p, uint32_t slot)
{
	kh_put_le64(p, 1000 + slot);
	kh_put_le64(p + 8, rig_vol(slot));
}

size_t rig_read_body(uint8_t *out, uint32_t slot, uint64_t off, uint32_t len)
{
	memset(out, 0, 49);
	kh_put_le16(out, 49);
	kh_put_le32(out + 4, len);
	kh_put_le64(out + 8, off);
	put_fid(out + 16, slot);
	return 49;
}

size_t rig_write_body(uint8_t *out, uint32_t slot, uint64_t off, const void *data, uint32_t len)
{
	memset(out, 0, 48);
	kh_put_le16(out, 49);
	kh_put_le16(out + 2, SMB2_HDR_SIZE + 48);
	kh_put_le32(out + 4, len);
	kh_put_le64(out + 8, off);
	put_fid(out + 16, slot);
	memcpy(out + 48, data, len);
	return 48 + (size_t)len;
}

size_t rig_close_body(uint8_t *out, uint32_t slot, uint16_t flags)
{
	memset(out, 0, 24);
	kh_put_le16(out, 24);
	kh_put_le16(out + 2, flags);
	put_fid(out + 8, slot);
	return 24;
}

size_t rig_flush_body(uint8_t *out, uint32_t slot)
{
	return rig_close_body(out, slot, 0);
}

static bool receive(struct rig_conn *c, void *p, size_t len, int timeout_ms)
{
	while (len) {
		struct pollfd f = { .fd = c->client, .events = POLLIN };
		ssize_t n;

		if (poll(&f, 1, timeout_ms) != 1)
			return false;
		n = recv(c->client, p, len, 0);
		if (n <= 0)
			return false;
		p = (uint8_t *)p + n;
		len -= (size_t)n;
	}
	return true;
}

bool rig_reply(struct rig_conn *c, struct rig_reply *r, int timeout_ms)
{
	static _Thread_local uint8_t *buf;
	static _Thread_local size_t cap;
	uint8_t prefix[SMB2_PREFIX_SIZE];
	uint8_t *msg;
	size_t len;

	if (!receive(c, prefix, sizeof(prefix), timeout_ms))
		return false;
	len = smb2_prefix_len(prefix);
	if (len > cap) {
		buf = realloc(buf, len);
		cap = len;
	}
	msg = buf;
	if (len < SMB2_HDR_SIZE || !receive(c, msg, len, timeout_ms))
		return false;
	*r = (struct rig_reply) { .good = true };
	if (kh_get_le32(msg) == SMB2_TRANSFORM_MAGIC) {
		struct iovec iov = { msg + SMB2_TRANSFORM_SIZE, len - SMB2_TRANSFORM_SIZE };
		struct smb2_transform t;

		r->sealed = true;
		r->good = smb2_transform_parse(msg, len, &t) && t.session_id == RIG_SESSION &&
			  seal_decrypt(c->dec, msg, &iov, 1) == 0;
		msg = iov.iov_base;
		len = iov.iov_len;
	}
	if (!smb2_hdr_parse(msg, len, &r->hdr))
		return false;
	if (c->security == RIG_SIGNED) {
		struct iovec iov = { msg, len };

		r->good = r->hdr.flags & SMB2_FLAGS_SIGNED && sign_verify(c->sign, &iov, 1) == 0;
	}
	if (c->security == RIG_SEALED && !r->sealed)
		r->good = false;
	r->msg = msg;
	r->len = len;
	return true;
}

const uint8_t *rig_read_data(const struct rig_reply *r, uint32_t *len)
{
	if (r->hdr.command != SMB2_READ || r->hdr.status || r->len < SMB2_HDR_SIZE + 16)
		return NULL;
	*len = kh_get_le32(r->msg + SMB2_HDR_SIZE + 4);
	return *len == r->len - SMB2_HDR_SIZE - 16 ? r->msg + SMB2_HDR_SIZE + 16 : NULL;
}
