// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod_link.c - netlink to the module. A socket per thread, in thread-specific data; one request is
 * under way on it at a time, and its acknowledgement is waited for.
 */
#include <linux/genetlink.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/util.h"
#include "kernel/kmod_msg.h"

/* The kernel answers with less: its largest reply is HELLO's, and errors carry no copy. */
#define ANSWER_MAX 8192

struct link {
	struct mnl_socket *sock;
	uint32_t seq;
};

/* What an answer said. */
struct answer {
	int fd; /* of the attribute that the caller asked for */
	uint16_t fd_attr;
	uint16_t family;
	char *version; /* of version_size bytes, or NULL */
	size_t version_size;
};

static atomic_int server_fd = -1;
static atomic_uint family_id;
static char version[32];
static __thread char error[128];

const char *kmod_error(void)
{
	return error;
}

const char *kmod_version(void)
{
	return version;
}

static int fail(int err, const char *sentence)
{
	snprintf(error, sizeof(error), "%s", sentence);
	return err;
}

/* ---- the thread's socket ---- */

static pthread_key_t link_key;
static pthread_once_t link_once = PTHREAD_ONCE_INIT;
static bool link_key_ok;

static void link_free(void *p)
{
	struct link *l = p;

	mnl_socket_close(l->sock);
	free(l);
}

static void link_key_make(void)
{
	link_key_ok = !pthread_key_create(&link_key, link_free);
}

static struct link *link_new(void)
{
	int on = 1;
	struct link *l = zalloc(sizeof(*l));

	if (!l)
		return NULL;
	l->sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!l->sock) {
		free(l);
		return NULL;
	}
	/* Sentences, and no copy of the request (with its keys) in the acknowledgement. */
	mnl_socket_setsockopt(l->sock, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(l->sock, NETLINK_CAP_ACK, &on, sizeof(on));
	if (mnl_socket_bind(l->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		link_free(l);
		return NULL;
	}
	return l;
}

static struct link *link_get(void)
{
	struct link *l;

	pthread_once(&link_once, link_key_make);
	if (!link_key_ok)
		return NULL;
	l = pthread_getspecific(link_key);
	if (l)
		return l;
	l = link_new();
	if (l && pthread_setspecific(link_key, l)) {
		link_free(l);
		return NULL;
	}
	return l;
}

/* ---- answers ---- */

/* The sentence of an acknowledgement, or what the error means. */
static int take_error(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*e)))
		return fail(-EBADMSG, "the kernel's answer is too short");
	if (!e->error)
		return 0;
	fail(e->error, e->error == -EPERM ? "CAP_NET_ADMIN is needed" : strerror(-e->error));
	/* Without NETLINK_CAP_ACK the request would stand before the attributes. */
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS && nlh->nlmsg_flags & NLM_F_CAPPED)
		mnl_attr_for_each(attr, nlh,
				  sizeof(*e)) if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
						  !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
			fail(e->error, mnl_attr_get_str(attr));
	return e->error;
}

static void take_reply(const struct nlmsghdr *nlh, struct answer *a)
{
	const struct nlattr *attr;
	bool control = nlh->nlmsg_type == GENL_ID_CTRL;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (control) {
			if (type == CTRL_ATTR_FAMILY_ID && !mnl_attr_validate(attr, MNL_TYPE_U16))
				a->family = mnl_attr_get_u16(attr);
		} else if (type == a->fd_attr && !mnl_attr_validate(attr, MNL_TYPE_U32)) {
			a->fd = (int)mnl_attr_get_u32(attr);
		} else if (type == KH_A_VERSION && a->version &&
			   !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING)) {
			snprintf(a->version, a->version_size, "%s", mnl_attr_get_str(attr));
		}
	}
}

/* Reads until the acknowledgement of seq. */
static int receive(struct link *l, uint32_t seq, struct answer *a)
{
	_Alignas(struct nlmsghdr) char buf[ANSWER_MAX];

	for (;;) {
		ssize_t got = mnl_socket_recvfrom(l->sock, buf, sizeof(buf));
		struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(-errno, strerror(errno));
		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_seq != seq)
				continue;
			if (nlh->nlmsg_type == NLMSG_ERROR)
				return take_error(nlh);
			take_reply(nlh, a);
		}
	}
}

/* Sends the request and wipes it. */
static int talk(struct kmod_msg *m, struct answer *a)
{
	struct link *l = link_get();
	ssize_t sent = -1;

	if (m->bad) {
		OPENSSL_cleanse(m->nlh, m->cap);
		return fail(-E2BIG, "the request to the module is too large");
	}
	if (l) {
		m->nlh->nlmsg_seq = ++l->seq;
		do
			sent = mnl_socket_sendto(l->sock, m->nlh, m->nlh->nlmsg_len);
		while (sent < 0 && errno == EINTR);
	}
	OPENSSL_cleanse(m->nlh, m->cap);
	if (sent < 0)
		return fail(l && errno ? -errno : -ENOBUFS, "netlink is not available here");
	return receive(l, l->seq, a);
}

/* ---- hello ---- */

static int find_family(uint16_t *id)
{
	_Alignas(struct nlmsghdr) char buf[KMOD_MSG_SMALL];
	struct answer a = { .fd = -1 };
	struct kmod_msg m;
	int err;

	kmod_msg_begin(&m, buf, sizeof(buf), GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	kmod_msg_str(&m, CTRL_ATTR_FAMILY_NAME, KSMBD_HYBRID_FAMILY_NAME);
	err = talk(&m, &a);
	if (err == -ENOENT)
		return fail(err, "module not loaded");
	if (err)
		return err;
	*id = a.family;
	return a.family ? 0 : fail(-EBADMSG, "the kernel names no family id");
}

int kmod_open(const char *instance)
{
	_Alignas(struct nlmsghdr) char buf[KMOD_MSG_SMALL];
	struct answer a = { .fd = -1,
			    .fd_attr = KH_A_SERVER,
			    .version = version,
			    .version_size = sizeof(version) };
	char name[KH_NL_INSTANCE_MAX + 1];
	struct kmod_msg m;
	uint16_t family;
	int err;

	if (atomic_load(&server_fd) >= 0)
		return fail(-EALREADY, "the module is in use already");
	err = find_family(&family);
	if (err)
		return err;
	snprintf(name, sizeof(name), "%s", instance);
	kmod_msg_begin(&m, buf, sizeof(buf), family, KH_CMD_HELLO);
	kmod_msg_u32(&m, KH_A_ABI, KH_NL_ABI);
	kmod_msg_str(&m, KH_A_INSTANCE, name);
	err = talk(&m, &a);
	if (err)
		return err;
	if (a.fd < 0)
		return fail(-EBADMSG, "the module's answer has no descriptor");
	atomic_store(&family_id, family);
	atomic_store(&server_fd, a.fd);
	return a.fd;
}

void kmod_close(void)
{
	int fd = atomic_exchange(&server_fd, -1);

	if (fd >= 0)
		close(fd);
	version[0] = 0;
}

/* ---- the other operations ---- */

/* A request with the server in it. */
static int begin(struct kmod_msg *m, void *buf, size_t cap, uint8_t cmd)
{
	int fd = atomic_load(&server_fd);

	if (fd < 0)
		return fail(-ENOTCONN, "the module is not in use");
	kmod_msg_begin(m, buf, cap, (uint16_t)atomic_load(&family_id), cmd);
	kmod_msg_u32(m, KH_A_SERVER, (uint32_t)fd);
	return 0;
}

static int finish(struct kmod_msg *m)
{
	struct answer a = { .fd = -1 };

	return talk(m, &a);
}

int kmod_bind_maps(int handles_fd, int conns_fd, int op_stats_fd)
{
	_Alignas(struct nlmsghdr) char buf[KMOD_MSG_SMALL];
	struct kmod_msg m;
	int err = begin(&m, buf, sizeof(buf), KH_CMD_MAPS_BIND);

	if (err)
		return err;
	kmod_msg_u32(&m, KH_A_HANDLES_MAP, (uint32_t)handles_fd);
	kmod_msg_u32(&m, KH_A_CONNS_MAP, (uint32_t)conns_fd);
	kmod_msg_u32(&m, KH_A_OP_STATS_MAP, (uint32_t)op_stats_fd);
	return finish(&m);
}

int kmod_conn_attach(const struct kmod_conn *c)
{
	_cleanup_free_ char *buf = malloc(KMOD_MSG_MAX);
	struct answer a = { .fd = -1, .fd_attr = KH_A_CHANNEL };
	struct kmod_msg m;
	int err;

	if (!buf)
		return fail(-ENOMEM, "no memory");
	err = begin(&m, buf, KMOD_MSG_MAX, KH_CMD_CONN_ATTACH);
	if (err)
		return err;
	kmod_msg_conn(&m, c);
	m.cap = MNL_ALIGN(m.nlh->nlmsg_len); /* what is to be wiped */
	err = talk(&m, &a);
	if (err)
		return err;
	return a.fd >= 0 ? a.fd : fail(-EBADMSG, "the module's answer has no descriptor");
}

int kmod_session_set(uint64_t conn_id, const struct kmod_session *s)
{
	_Alignas(struct nlmsghdr) char buf[KMOD_MSG_SMALL];
	struct kmod_msg m;
	int err = begin(&m, buf, sizeof(buf), KH_CMD_SESSION_SET);

	if (err)
		return err;
	kmod_msg_u64(&m, KH_A_CONN_ID, conn_id);
	kmod_msg_session(&m, s);
	return finish(&m);
}

static int session_del(const uint64_t *conn_id, uint64_t session_id)
{
	_Alignas(struct nlmsghdr) char buf[KMOD_MSG_SMALL];
	struct kmod_msg m;
	int err = begin(&m, buf, sizeof(buf), KH_CMD_SESSION_DEL);

	if (err)
		return err;
	kmod_msg_u64(&m, KH_A_SESSION_ID, session_id);
	if (conn_id)
		kmod_msg_u64(&m, KH_A_CONN_ID, *conn_id);
	return finish(&m);
}

int kmod_session_del(uint64_t conn_id, uint64_t session_id)
{
	return session_del(&conn_id, session_id);
}

int kmod_session_del_all(uint64_t session_id)
{
	return session_del(NULL, session_id);
}

int kmod_handle_add(const struct kh_reply_handle *h)
{
	_Alignas(struct nlmsghdr) char buf[KMOD_MSG_SMALL];
	struct kmod_msg m;
	int err = begin(&m, buf, sizeof(buf), KH_CMD_HANDLE_ADD);

	if (err)
		return err;
	kmod_msg_handle(&m, h);
	return finish(&m);
}

int kmod_handle_del(uint64_t vol)
{
	_Alignas(struct nlmsghdr) char buf[KMOD_MSG_SMALL];
	struct kmod_msg m;
	int err = begin(&m, buf, sizeof(buf), KH_CMD_HANDLE_DEL);

	if (err)
		return err;
	kmod_msg_u64(&m, KH_A_VOL, vol);
	return finish(&m);
}

int kmod_handle_barrier(uint64_t vol, uint32_t caps)
{
	_Alignas(struct nlmsghdr) char buf[KMOD_MSG_SMALL];
	struct kmod_msg m;
	int err = begin(&m, buf, sizeof(buf), KH_CMD_HANDLE_BARRIER);

	if (err)
		return err;
	kmod_msg_u64(&m, KH_A_VOL, vol);
	kmod_msg_u32(&m, KH_A_CAPS, caps);
	return finish(&m);
}
