// SPDX-License-Identifier: GPL-2.0-or-later
/* kmod_msg.c - requests to the module as bytes. */
#include <linux/genetlink.h>

#include "kernel/kmod_msg.h"

void kmod_msg_begin(struct kmod_msg *m, void *buf, size_t cap, uint16_t family, uint8_t cmd)
{
	struct genlmsghdr *g;

	*m = (struct kmod_msg) { .nlh = mnl_nlmsg_put_header(buf), .cap = cap };
	m->nlh->nlmsg_type = family;
	m->nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	g = mnl_nlmsg_put_extra_header(m->nlh, sizeof(*g));
	g->cmd = cmd;
	g->version = KSMBD_HYBRID_FAMILY_VERSION;
}

void kmod_msg_bytes(struct kmod_msg *m, uint16_t type, const void *p, size_t n)
{
	m->bad = m->bad || n > UINT16_MAX - MNL_ATTR_HDRLEN ||
		 !mnl_attr_put_check(m->nlh, m->cap, type, n, p);
}

void kmod_msg_u16(struct kmod_msg *m, uint16_t type, uint16_t v)
{
	kmod_msg_bytes(m, type, &v, sizeof(v));
}

void kmod_msg_u32(struct kmod_msg *m, uint16_t type, uint32_t v)
{
	kmod_msg_bytes(m, type, &v, sizeof(v));
}

void kmod_msg_u64(struct kmod_msg *m, uint16_t type, uint64_t v)
{
	kmod_msg_bytes(m, type, &v, sizeof(v));
}

void kmod_msg_str(struct kmod_msg *m, uint16_t type, const char *s)
{
	kmod_msg_bytes(m, type, s, strlen(s) + 1);
}

static struct nlattr *nest_begin(struct kmod_msg *m, uint16_t type)
{
	struct nlattr *nest = m->bad ? NULL : mnl_attr_nest_start_check(m->nlh, m->cap, type);

	m->bad = !nest;
	return nest;
}

static void nest_end(struct kmod_msg *m, struct nlattr *nest)
{
	if (!nest)
		return;
	/* The length of an attribute has 16 bits. */
	m->bad = m->bad ||
		 (size_t)((char *)mnl_nlmsg_get_payload_tail(m->nlh) - (char *)nest) > UINT16_MAX;
	mnl_attr_nest_end(m->nlh, nest);
}

static bool has_key(const struct smb2_key *k)
{
	return k && k->len;
}

static void put_key(struct kmod_msg *m, uint16_t type, const struct smb2_key *k)
{
	if (has_key(k))
		kmod_msg_bytes(m, type, k->bytes, k->len);
}

void kmod_msg_session(struct kmod_msg *m, const struct kmod_session *s)
{
	struct nlattr *nest = nest_begin(m, KH_A_SESSION);

	kmod_msg_u64(m, KH_SESSION_A_ID, s->id);
	kmod_msg_u32(m, KH_SESSION_A_FLAGS, s->flags);
	if (has_key(s->signing)) {
		kmod_msg_u16(m, KH_SESSION_A_SIGNING_ALG, s->signing_alg);
		put_key(m, KH_SESSION_A_SIGNING_KEY, s->signing);
	}
	if (s->cipher) {
		kmod_msg_u16(m, KH_SESSION_A_CIPHER, s->cipher);
		put_key(m, KH_SESSION_A_ENC_KEY, s->enc);
		put_key(m, KH_SESSION_A_DEC_KEY, s->dec);
		kmod_msg_u32(m, KH_SESSION_A_NONCE_PREFIX, s->nonce_prefix);
	}
	nest_end(m, nest);
}

void kmod_msg_conn(struct kmod_msg *m, const struct kmod_conn *c)
{
	struct nlattr *nest = nest_begin(m, KH_A_CONN);

	kmod_msg_u64(m, KH_CONN_A_ID, c->id);
	kmod_msg_u32(m, KH_CONN_A_SLOT, c->slot);
	kmod_msg_u32(m, KH_CONN_A_SOCKET, (uint32_t)c->fd);
	kmod_msg_u16(m, KH_CONN_A_DIALECT, c->dialect);
	if (c->large_mtu)
		kmod_msg_bytes(m, KH_CONN_A_LARGE_MTU, NULL, 0);
	kmod_msg_u32(m, KH_CONN_A_MAX_FRAME, c->max_frame);
	kmod_msg_u32(m, KH_CONN_A_MAX_READ, c->max_read);
	kmod_msg_u32(m, KH_CONN_A_MAX_WRITE, c->max_write);
	kmod_msg_u32(m, KH_CONN_A_UP_LIMIT, c->up_limit);
	kmod_msg_u32(m, KH_CONN_A_OUT_LIMIT, c->out_limit);
	kmod_msg_bytes(m, KH_CONN_A_WINDOW, c->window, sizeof(*c->window));
	if (c->unhandled_len)
		kmod_msg_bytes(m, KH_CONN_A_UNHANDLED, c->unhandled, c->unhandled_len);
	nest_end(m, nest);
	for (unsigned int i = 0; i < c->nsessions; i++)
		kmod_msg_session(m, &c->sessions[i]);
}

void kmod_msg_handle(struct kmod_msg *m, const struct kh_reply_handle *h)
{
	struct nlattr *nest = nest_begin(m, KH_A_HANDLE);

	kmod_msg_u64(m, KH_HANDLE_A_VOL, h->vol);
	kmod_msg_u64(m, KH_HANDLE_A_PERSISTENT, h->persistent);
	kmod_msg_u64(m, KH_HANDLE_A_SESSION_ID, h->session_id);
	kmod_msg_u32(m, KH_HANDLE_A_TREE_ID, h->tree_id);
	kmod_msg_u32(m, KH_HANDLE_A_FD, (uint32_t)h->fd);
	kmod_msg_u32(m, KH_HANDLE_A_ACCESS, h->access);
	kmod_msg_u32(m, KH_HANDLE_A_FLAGS, h->flags);
	kmod_msg_u64(m, KH_HANDLE_A_OPAQUE, h->opaque);
	kmod_msg_u64(m, KH_HANDLE_A_CREATE_TIME, h->create_time);
	kmod_msg_u32(m, KH_HANDLE_A_ATTRIBUTES, h->attributes);
	nest_end(m, nest);
}
