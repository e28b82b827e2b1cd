// SPDX-License-Identifier: GPL-2.0-only
/*
 * netlink.c - the operations of uapi/ksmbd_hybrid.yaml: parse, check, do, reply. What an operation
 * means and which errors it has stands there.
 *
 * Operations run in parallel, in the process of the daemon. While one runs, the server's descriptor
 * is held (kh_nl_server_get), so the release of the server is not in its way. Keys are wiped both
 * here and in the message.
 */
#include <linux/file.h>
#include <linux/slab.h>

#include "kmod.h"
#include "netlink_gen.h"
#include "server.h"

/* What a READ's answer has in front of its data: transform header, header, body. */
#define READ_HEAD (SMB2_TRANSFORM_SIZE + SMB2_HDR_SIZE + 16)
#define FRAME_MAX 0xFFFFFFu /* what the transport's prefix can say, MS-SMB2 2.1 */

/* Is the attribute there? If not, the answer says which one, and what it is. */
#define kh_need(extack, nest, tb, type, what)                            \
	({                                                               \
		bool __has = !NL_REQ_ATTR_CHECK(extack, nest, tb, type); \
		if (!__has)                                              \
			NL_SET_ERR_MSG(extack, what " is missing");      \
		__has;                                                   \
	})
#define kh_info_need(info, type, what) kh_need((info)->extack, NULL, (info)->attrs, type, what)

/* ---- the server descriptor ---- */

int kh_nl_server_get(const struct genl_split_ops *ops, struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *attr = info->attrs[KH_A_SERVER];
	struct kh_server *s;
	struct file *file;

	if (!kh_info_need(info, KH_A_SERVER, "server"))
		return -EINVAL;
	file = fget(nla_get_s32(attr));
	if (!file) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "server is not an open descriptor");
		return -EBADF;
	}
	s = kh_server_of(file);
	if (!s) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "server is no descriptor that HELLO gave");
		fput(file);
		return -EINVAL;
	}
	if (!net_eq(s->net, genl_info_net(info))) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "server belongs to another network namespace");
		fput(file);
		return -EXDEV;
	}
	info->user_ptr[0] = file;
	info->user_ptr[1] = s;
	return 0;
}

void kh_nl_server_put(const struct genl_split_ops *ops, struct sk_buff *skb, struct genl_info *info)
{
	fput(info->user_ptr[0]);
}

static struct kh_server *server_of(const struct genl_info *info)
{
	return info->user_ptr[1];
}

/* ---- replies with a descriptor ---- */

struct fd_reply {
	struct sk_buff *skb;
	void *head;
	int fd;
};

/* Everything that can fail, but for sending, comes before the object is made. */
static int fd_reply_begin(struct fd_reply *r, struct genl_info *info, int attr)
{
	r->fd = get_unused_fd_flags(O_CLOEXEC);
	if (r->fd < 0) {
		NL_SET_ERR_MSG(info->extack, "no file descriptor is free");
		return r->fd;
	}
	r->skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!r->skb)
		goto put_fd;
	r->head = genlmsg_put_reply(r->skb, info, &kh_nl_family, 0, info->genlhdr->cmd);
	if (!r->head || nla_put_s32(r->skb, attr, r->fd))
		goto free_skb;
	return 0;
free_skb:
	nlmsg_free(r->skb);
put_fd:
	put_unused_fd(r->fd);
	return -ENOMEM;
}

static void fd_reply_cancel(struct fd_reply *r)
{
	nlmsg_free(r->skb);
	put_unused_fd(r->fd);
}

/* Takes the file: it is the daemon's when the reply went out, and closed when it did not. */
static int fd_reply_send(struct fd_reply *r, struct genl_info *info, struct file *file)
{
	int err;

	genlmsg_end(r->skb, r->head);
	err = genlmsg_reply(r->skb, info);
	if (err) {
		NL_SET_ERR_MSG(info->extack, "the reply does not fit into the socket's buffer");
		put_unused_fd(r->fd);
		fput(file);
		return err;
	}
	fd_install(r->fd, file);
	return 0;
}

/* ---- hello, maps ---- */

static int hello_fill(struct sk_buff *skb, const struct kh_server *s)
{
	if (nla_put_u32(skb, KH_A_ABI, KH_NL_ABI) ||
	    nla_put_string(skb, KH_A_VERSION, KH_VERSION) || nla_put_u32(skb, KH_A_FEATURES, 0) ||
	    nla_put_u32(skb, KH_A_SERVER_ID, s->id))
		return -EMSGSIZE;
	return 0;
}

int kh_nl_hello_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kh_server *s;
	struct fd_reply r;
	struct file *file;
	int err;

	if (!kh_info_need(info, KH_A_ABI, "abi") || !kh_info_need(info, KH_A_INSTANCE, "instance"))
		return -EINVAL;
	if (nla_get_u32(info->attrs[KH_A_ABI]) != KH_NL_ABI) {
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, info->attrs[KH_A_ABI],
					"module " KH_VERSION " has ABI %u, the daemon has %u",
					KH_NL_ABI, nla_get_u32(info->attrs[KH_A_ABI]));
		return -EPROTONOSUPPORT;
	}
	err = fd_reply_begin(&r, info, KH_A_SERVER);
	if (err)
		return err;
	file = kh_server_open(genl_info_net(info), nla_data(info->attrs[KH_A_INSTANCE]), &s);
	if (IS_ERR(file)) {
		fd_reply_cancel(&r);
		return PTR_ERR(file);
	}
	err = hello_fill(r.skb, s);
	if (err) {
		fd_reply_cancel(&r);
		fput(file);
		return err;
	}
	return fd_reply_send(&r, info, file);
}

int kh_nl_maps_bind_doit(struct sk_buff *skb, struct genl_info *info)
{
	if (!kh_info_need(info, KH_A_HANDLES_MAP, "handles-map") ||
	    !kh_info_need(info, KH_A_CONNS_MAP, "conns-map") ||
	    !kh_info_need(info, KH_A_OP_STATS_MAP, "op-stats-map"))
		return -EINVAL;
	return kh_server_bind_maps(server_of(info), nla_get_s32(info->attrs[KH_A_HANDLES_MAP]),
				   nla_get_s32(info->attrs[KH_A_CONNS_MAP]),
				   nla_get_s32(info->attrs[KH_A_OP_STATS_MAP]), info->extack);
}

/* ---- sessions ---- */

/* Copies a key out of the message, and wipes it there. */
static u8 take_key(u8 key[KH_KEY_MAX], struct nlattr *attr)
{
	u8 len = 0;

	if (attr) {
		len = nla_len(attr); /* at most KH_KEY_MAX, by the policy */
		memcpy(key, nla_data(attr), len);
		memzero_explicit(nla_data(attr), len);
	}
	return len;
}

static int check_session(struct nlattr *nest, struct nlattr **tb, const struct kh_session_args *a,
			 u8 dec_len, struct netlink_ext_ack *extack)
{
	if (!a->session_id) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "session id 0 is none");
		return -EINVAL;
	}
	if (a->flags & ~(KH_NL_SESSION_SIGNING_REQUIRED | KH_NL_SESSION_ENCRYPT)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KH_SESSION_A_FLAGS], "unknown session flags");
		return -EINVAL;
	}
	if (a->signing_key_len &&
	    !kh_need(extack, nest, tb, KH_SESSION_A_SIGNING_ALG, "signing-alg of the signing key"))
		return -EINVAL;
	if (a->crypt_key_len != dec_len || !a->crypt_key_len != !a->cipher) {
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "a cipher and two keys of one length come together");
		return -EINVAL;
	}
	if (a->cipher &&
	    !kh_need(extack, nest, tb, KH_SESSION_A_NONCE_PREFIX, "nonce-prefix of the cipher"))
		return -EINVAL;
	return 0;
}

/* The caller wipes a, whatever this returns. */
static int parse_session(struct kh_session_args *a, struct nlattr *nest,
			 struct netlink_ext_ack *extack)
{
	struct nlattr *tb[KH_SESSION_A_MAX + 1];
	u8 dec_len;
	int err;

	err = nla_parse_nested(tb, KH_SESSION_A_MAX, nest, kh_nl_session_policy, extack);
	if (err)
		return err;
	a->signing_key_len = take_key(a->signing_key, tb[KH_SESSION_A_SIGNING_KEY]);
	a->crypt_key_len = take_key(a->enc_key, tb[KH_SESSION_A_ENC_KEY]);
	dec_len = take_key(a->dec_key, tb[KH_SESSION_A_DEC_KEY]);
	if (!kh_need(extack, nest, tb, KH_SESSION_A_ID, "id of the session"))
		return -EINVAL;
	a->session_id = nla_get_uint(tb[KH_SESSION_A_ID]);
	if (tb[KH_SESSION_A_FLAGS])
		a->flags = nla_get_u32(tb[KH_SESSION_A_FLAGS]);
	if (tb[KH_SESSION_A_SIGNING_ALG])
		a->signing_alg = nla_get_u16(tb[KH_SESSION_A_SIGNING_ALG]);
	if (tb[KH_SESSION_A_CIPHER])
		a->cipher = nla_get_u16(tb[KH_SESSION_A_CIPHER]);
	if (tb[KH_SESSION_A_NONCE_PREFIX])
		a->nonce_prefix = nla_get_u32(tb[KH_SESSION_A_NONCE_PREFIX]);
	return check_session(nest, tb, a, dec_len, extack);
}

static struct kh_conn *find_conn(struct genl_info *info)
{
	struct nlattr *attr = info->attrs[KH_A_CONN_ID];
	struct kh_conn *c = kh_conn_find(server_of(info), nla_get_uint(attr));

	if (!c)
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "no connection of this id is attached");
	return c;
}

int kh_nl_session_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kh_session_args *a;
	struct kh_conn *c;
	int err;

	if (!kh_info_need(info, KH_A_CONN_ID, "conn-id") ||
	    !kh_info_need(info, KH_A_SESSION, "session"))
		return -EINVAL;
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return -ENOMEM;
	err = parse_session(a, info->attrs[KH_A_SESSION], info->extack);
	if (err)
		goto wipe;
	c = find_conn(info);
	if (!c) {
		err = -ENOENT;
		goto wipe;
	}
	err = kh_session_set(c, a, info->extack);
	kh_conn_put(c);
wipe:
	kfree_sensitive(a);
	return err;
}

int kh_nl_session_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kh_conn *c = NULL;
	int err;

	if (!kh_info_need(info, KH_A_SESSION_ID, "session-id"))
		return -EINVAL;
	if (info->attrs[KH_A_CONN_ID]) {
		c = find_conn(info);
		if (!c)
			return -ENOENT;
	}
	err = kh_session_del(server_of(info), c, nla_get_uint(info->attrs[KH_A_SESSION_ID]));
	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[KH_A_SESSION_ID],
				    "no such connection has this session");
	if (c)
		kh_conn_put(c);
	return err;
}

/* ---- handles ---- */

static int parse_handle(struct kh_reply_handle *h, struct nlattr *nest,
			struct netlink_ext_ack *extack)
{
	struct nlattr *tb[KH_HANDLE_A_MAX + 1];
	int err;

	err = nla_parse_nested(tb, KH_HANDLE_A_MAX, nest, kh_nl_handle_policy, extack);
	if (err)
		return err;
	if (!kh_need(extack, nest, tb, KH_HANDLE_A_VOL, "vol of the handle") ||
	    !kh_need(extack, nest, tb, KH_HANDLE_A_PERSISTENT, "persistent of the handle") ||
	    !kh_need(extack, nest, tb, KH_HANDLE_A_SESSION_ID, "session-id of the handle") ||
	    !kh_need(extack, nest, tb, KH_HANDLE_A_TREE_ID, "tree-id of the handle") ||
	    !kh_need(extack, nest, tb, KH_HANDLE_A_FD, "fd of the handle") ||
	    !kh_need(extack, nest, tb, KH_HANDLE_A_ACCESS, "access of the handle"))
		return -EINVAL;
	*h = (struct kh_reply_handle) {
		.vol = nla_get_uint(tb[KH_HANDLE_A_VOL]),
		.persistent = nla_get_uint(tb[KH_HANDLE_A_PERSISTENT]),
		.session_id = nla_get_uint(tb[KH_HANDLE_A_SESSION_ID]),
		.tree_id = nla_get_u32(tb[KH_HANDLE_A_TREE_ID]),
		.fd = nla_get_s32(tb[KH_HANDLE_A_FD]),
		.access = nla_get_u32(tb[KH_HANDLE_A_ACCESS]),
	};
	if (tb[KH_HANDLE_A_FLAGS])
		h->flags = nla_get_u32(tb[KH_HANDLE_A_FLAGS]);
	if (tb[KH_HANDLE_A_OPAQUE])
		h->opaque = nla_get_uint(tb[KH_HANDLE_A_OPAQUE]);
	if (tb[KH_HANDLE_A_CREATE_TIME])
		h->create_time = nla_get_uint(tb[KH_HANDLE_A_CREATE_TIME]);
	if (tb[KH_HANDLE_A_ATTRIBUTES])
		h->attributes = nla_get_u32(tb[KH_HANDLE_A_ATTRIBUTES]);
	return 0;
}

int kh_nl_handle_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kh_reply_handle h;
	int err;

	if (!kh_info_need(info, KH_A_HANDLE, "handle"))
		return -EINVAL;
	err = parse_handle(&h, info->attrs[KH_A_HANDLE], info->extack);
	return err ? err : kh_handle_add(server_of(info), &h, info->extack);
}

static int no_handle(struct genl_info *info, int err)
{
	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[KH_A_VOL],
				    "no handle of this id is here");
	return err;
}

int kh_nl_handle_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	if (!kh_info_need(info, KH_A_VOL, "vol"))
		return -EINVAL;
	return no_handle(info, kh_handle_del(server_of(info), nla_get_uint(info->attrs[KH_A_VOL])));
}

int kh_nl_handle_barrier_doit(struct sk_buff *skb, struct genl_info *info)
{
	u32 caps;

	if (!kh_info_need(info, KH_A_VOL, "vol") || !kh_info_need(info, KH_A_CAPS, "caps"))
		return -EINVAL;
	caps = nla_get_u32(info->attrs[KH_A_CAPS]);
	if (!caps || caps & ~KH_CAPS_ALL) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[KH_A_CAPS],
				    "caps is none of the capabilities");
		return -EINVAL;
	}
	return no_handle(info, kh_handle_barrier(server_of(info),
						 nla_get_uint(info->attrs[KH_A_VOL]), caps));
}

/* ---- connections ---- */

/* What CONN_ATTACH says, aligned and out of the message. */
struct attach {
	struct kh_conn_args args;
	struct smb2_window window;
	struct kh_session_args sessions[];
};

static int parse_window(struct smb2_window *w, const struct nlattr *attr,
			struct netlink_ext_ack *extack)
{
	if (nla_len(attr) != sizeof(*w)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "window has not the size of struct smb2_window");
		return -EINVAL;
	}
	memcpy(w, nla_data(attr), sizeof(*w));
	w->held = smb2_window_count(w);
	if (!w->max || w->max > SMB2_CREDITS_MAX || w->granted > w->max ||
	    w->range > SMB2_WINDOW_BITS || w->granted > w->range || w->low + w->range < w->low) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "window contradicts itself");
		return -EINVAL;
	}
	return 0;
}

static int check_conn(struct nlattr **tb, const struct kh_conn_args *a,
		      struct netlink_ext_ack *extack)
{
	switch (a->dialect) {
	case SMB2_DIALECT_202:
	case SMB2_DIALECT_210:
	case SMB2_DIALECT_300:
	case SMB2_DIALECT_302:
	case SMB2_DIALECT_311:
		break;
	default:
		NL_SET_ERR_MSG_ATTR(extack, tb[KH_CONN_A_DIALECT], "no dialect that is served");
		return -EINVAL;
	}
	if (a->max_frame < SMB2_HDR_SIZE || a->max_frame > FRAME_MAX) {
		NL_SET_ERR_MSG_ATTR(
			extack, tb[KH_CONN_A_MAX_FRAME],
			"max-frame is less than a header or more than a prefix can say");
		return -EINVAL;
	}
	if (a->max_read > FRAME_MAX - READ_HEAD || a->max_write > a->max_frame) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KH_CONN_A_MAX_WRITE],
				    "max-read and max-write do not fit into a message");
		return -EINVAL;
	}
	return 0;
}

static int parse_conn(struct kh_conn_args *a, struct smb2_window *w, struct nlattr *nest,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[KH_CONN_A_MAX + 1];
	int err;

	err = nla_parse_nested(tb, KH_CONN_A_MAX, nest, kh_nl_conn_policy, extack);
	if (err)
		return err;
	if (!kh_need(extack, nest, tb, KH_CONN_A_ID, "id of the connection") ||
	    !kh_need(extack, nest, tb, KH_CONN_A_SLOT, "slot of the connection") ||
	    !kh_need(extack, nest, tb, KH_CONN_A_SOCKET, "socket of the connection") ||
	    !kh_need(extack, nest, tb, KH_CONN_A_DIALECT, "dialect of the connection") ||
	    !kh_need(extack, nest, tb, KH_CONN_A_MAX_FRAME, "max-frame of the connection") ||
	    !kh_need(extack, nest, tb, KH_CONN_A_MAX_READ, "max-read of the connection") ||
	    !kh_need(extack, nest, tb, KH_CONN_A_MAX_WRITE, "max-write of the connection") ||
	    !kh_need(extack, nest, tb, KH_CONN_A_UP_LIMIT, "up-limit of the connection") ||
	    !kh_need(extack, nest, tb, KH_CONN_A_OUT_LIMIT, "out-limit of the connection") ||
	    !kh_need(extack, nest, tb, KH_CONN_A_WINDOW, "window of the connection"))
		return -EINVAL;
	a->id = nla_get_uint(tb[KH_CONN_A_ID]);
	a->slot = nla_get_u32(tb[KH_CONN_A_SLOT]);
	a->sock_fd = nla_get_s32(tb[KH_CONN_A_SOCKET]);
	a->dialect = nla_get_u16(tb[KH_CONN_A_DIALECT]);
	a->large_mtu = nla_get_flag(tb[KH_CONN_A_LARGE_MTU]);
	a->max_frame = nla_get_u32(tb[KH_CONN_A_MAX_FRAME]);
	a->max_read = nla_get_u32(tb[KH_CONN_A_MAX_READ]);
	a->max_write = nla_get_u32(tb[KH_CONN_A_MAX_WRITE]);
	a->up_limit = nla_get_u32(tb[KH_CONN_A_UP_LIMIT]);
	a->out_limit = nla_get_u32(tb[KH_CONN_A_OUT_LIMIT]);
	if (tb[KH_CONN_A_UNHANDLED]) {
		a->unhandled = nla_data(tb[KH_CONN_A_UNHANDLED]);
		a->unhandled_len = nla_len(tb[KH_CONN_A_UNHANDLED]);
	}
	a->window = w;
	err = parse_window(w, tb[KH_CONN_A_WINDOW], extack);
	return err ? err : check_conn(tb, a, extack);
}

/* Freed by kfree_sensitive(). */
static struct attach *parse_attach(struct genl_info *info)
{
	unsigned int n = 0;
	struct attach *at;
	struct nlattr *attr;
	int rem, err;

	nlmsg_for_each_attr_type(attr, KH_A_SESSION, info->nlhdr, GENL_HDRLEN, rem) n++;
	if (n > KH_NL_SESSIONS_MAX) {
		NL_SET_ERR_MSG(info->extack, "too many sessions at once");
		return ERR_PTR(-E2BIG);
	}
	at = kzalloc(struct_size(at, sessions, n), GFP_KERNEL);
	if (!at)
		return ERR_PTR(-ENOMEM);
	err = parse_conn(&at->args, &at->window, info->attrs[KH_A_CONN], info->extack);
	nlmsg_for_each_attr_type(attr, KH_A_SESSION, info->nlhdr, GENL_HDRLEN, rem) {
		if (!err)
			err = parse_session(&at->sessions[at->args.nsessions++], attr,
					    info->extack);
	}
	if (err) {
		kfree_sensitive(at);
		return ERR_PTR(err);
	}
	at->args.sessions = at->sessions;
	return at;
}

int kh_nl_conn_attach_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kh_server *s = server_of(info);
	struct fd_reply r;
	struct attach *at;
	struct file *file;
	int err;

	if (!kh_info_need(info, KH_A_CONN, "conn"))
		return -EINVAL;
	if (!smp_load_acquire(&s->has_maps)) { /* then the maps are there */
		NL_SET_ERR_MSG(info->extack, "the server has no maps yet: maps-bind comes first");
		return -ENXIO;
	}
	at = parse_attach(info);
	if (IS_ERR(at))
		return PTR_ERR(at);
	err = fd_reply_begin(&r, info, KH_A_CHANNEL);
	if (err)
		goto wipe;
	file = kh_conn_attach(s, &at->args, info->extack);
	if (IS_ERR(file)) {
		fd_reply_cancel(&r);
		err = PTR_ERR(file);
		goto wipe;
	}
	err = fd_reply_send(&r, info, file);
wipe:
	kfree_sensitive(at);
	return err;
}
