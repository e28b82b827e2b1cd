// SPDX-License-Identifier: GPL-2.0-or-later
/* rig.c - netlink, maps, sockets: see rig.h. */
#include "rig.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ksmbd_hybrid.h"

_Thread_local char rig_sentence[256];

_Noreturn void rig_die(const char *what)
{
	fprintf(stderr, "rig: %s: %s %s\n", what, strerror(errno), rig_sentence);
	exit(1);
}

/* ---- netlink ---- */

static _Thread_local struct mnl_socket *nl;
static uint16_t family;

static void netlink_socket(void)
{
	int one = 1;

	nl = mnl_socket_open(NETLINK_GENERIC);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		rig_die("netlink socket");
	mnl_socket_setsockopt(nl, NETLINK_EXT_ACK, &one, sizeof(one));
}

static struct nlmsghdr *message(void *buf, uint16_t type, uint8_t command)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->cmd = command;
	g->version = 1;
	return h;
}

static void take_sentence(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
	size_t skip = sizeof(*e);
	struct nlattr *a;

	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += mnl_nlmsg_get_payload_len(&e->msg);
	mnl_attr_for_each(a, h, MNL_ALIGN(skip)) if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG)
		snprintf(rig_sentence, sizeof(rig_sentence), "%s", mnl_attr_get_str(a));
}

/* Sends, and waits for the acknowledgement; the u32 or u16 of attribute `want` of the answer. */
static int call(struct nlmsghdr *h, uint16_t want, uint32_t *value)
{
	static _Thread_local char buf[65536];
	ssize_t n;

	if (!nl)
		netlink_socket();
	rig_sentence[0] = 0;
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		rig_die("netlink");
	for (;;) {
		struct nlmsghdr *r = (struct nlmsghdr *)buf;
		int left;

		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0)
			rig_die("netlink answer");
		for (left = (int)n; mnl_nlmsg_ok(r, left); r = mnl_nlmsg_next(r, &left)) {
			struct nlattr *a;

			if (r->nlmsg_type == NLMSG_DONE)
				return 0;
			if (r->nlmsg_type == NLMSG_ERROR) {
				take_sentence(r);
				return ((struct nlmsgerr *)mnl_nlmsg_get_payload(r))->error;
			}
			mnl_attr_for_each(a, r, sizeof(struct genlmsghdr))
			{
				if (mnl_attr_get_type(a) != want || !value)
					continue;
				*value = mnl_attr_get_payload_len(a) == 2 ? mnl_attr_get_u16(a)
									  : mnl_attr_get_u32(a);
			}
		}
	}
}

static void netlink_open(void)
{
	char buf[4096];
	uint32_t id = 0;
	struct nlmsghdr *h;

	h = message(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(h, CTRL_ATTR_FAMILY_NAME, KSMBD_HYBRID_FAMILY_NAME);
	errno = -call(h, CTRL_ATTR_FAMILY_ID, &id);
	if (errno)
		rig_die("the module is not loaded");
	family = (uint16_t)id;
}

/* ---- server and maps ---- */

static void *map_new(const char *name, uint32_t value, uint32_t n, int *fd)
{
	struct bpf_map_create_opts opts = { .sz = sizeof(opts), .map_flags = BPF_F_MMAPABLE };
	void *p;

	*fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, value, n, &opts);
	if (*fd < 0)
		rig_die("map");
	p = mmap(NULL, (size_t)value * n, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (p == MAP_FAILED)
		rig_die("mmap of a map");
	return p;
}

int rig_try_open(struct rig *r)
{
	char buf[4096];
	uint32_t fd = 0;
	struct nlmsghdr *h;
	int err;

	memset(r, 0, sizeof(*r));
	r->lanes = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
	r->handles = map_new("kh_handles", sizeof(*r->handles), RIG_HANDLES, &r->handles_fd);
	r->conns = map_new("kh_conns", sizeof(*r->conns), RIG_CONNS, &r->conns_fd);
	r->ops = map_new("kh_op_stats", sizeof(*r->ops), r->lanes * KH_LANE_ENTRIES, &r->ops_fd);
	h = message(buf, family, KH_CMD_HELLO);
	mnl_attr_put_u32(h, KH_A_ABI, KH_NL_ABI);
	mnl_attr_put_strz(h, KH_A_INSTANCE, "rig");
	err = call(h, KH_A_SERVER, &fd);
	r->server = err ? -1 : (int)fd;
	if (err)
		return err;
	h = message(buf, family, KH_CMD_MAPS_BIND);
	mnl_attr_put_u32(h, KH_A_SERVER, fd);
	mnl_attr_put_u32(h, KH_A_HANDLES_MAP, (uint32_t)r->handles_fd);
	mnl_attr_put_u32(h, KH_A_CONNS_MAP, (uint32_t)r->conns_fd);
	mnl_attr_put_u32(h, KH_A_OP_STATS_MAP, (uint32_t)r->ops_fd);
	return call(h, 0, NULL);
}

void rig_open(struct rig *r)
{
	netlink_open();
	errno = -rig_try_open(r);
	if (errno)
		rig_die("HELLO, MAPS_BIND");
}

void rig_close(struct rig *r)
{
	close(r->server);
	close(r->handles_fd);
	close(r->conns_fd);
	close(r->ops_fd);
	munmap(r->handles, sizeof(*r->handles) * RIG_HANDLES);
	munmap(r->conns, sizeof(*r->conns) * RIG_CONNS);
	munmap(r->ops, sizeof(*r->ops) * r->lanes * KH_LANE_ENTRIES);
}

void rig_thread_end(void)
{
	if (nl)
		mnl_socket_close(nl);
	nl = NULL;
}

bool rig_objects_are_zero(void)
{
	char name[32];
	int n, left = 1;

	for (int tries = 0; tries < 200 && left; tries++) {
		FILE *f = fopen("/sys/kernel/debug/ksmbd_hybrid/objects", "r");

		if (tries)
			usleep(10000); /* closing a descriptor may end later than close() */
		for (left = 0; f && fscanf(f, "%31s %d", name, &n) == 2;)
			left |= n;
		if (f)
			fclose(f);
	}
	return !left;
}

void rig_fail(const char *percent)
{
	static const char *const knobs[] = { "/sys/kernel/debug/failslab/probability",
					     "/sys/kernel/debug/fail_page_alloc/probability" };

	for (int i = 0; i < 2; i++) {
		FILE *f = fopen(knobs[i], "w");

		if (!f || fputs(percent, f) < 0 || fclose(f))
			rig_die(knobs[i]);
	}
}

int rig_dump(uint8_t command)
{
	char buf[4096];
	struct nlmsghdr *h = message(buf, family, command);

	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	return call(h, 0, NULL);
}

/* ---- connections ---- */

static void sockets(struct rig_conn *c, int bytes)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	static _Thread_local int l;
	socklen_t len = sizeof(a);
	int one = 1;

	if (!l) {
		l = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(l, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(l, 1) < 0)
			rig_die("listener");
	}
	c->client = socket(AF_INET, SOCK_STREAM, 0);
	if (getsockname(l, (struct sockaddr *)&a, &len) < 0 ||
	    connect(c->client, (struct sockaddr *)&a, sizeof(a)) < 0)
		rig_die("sockets");
	c->server = accept(l, NULL, NULL);
	if (c->server < 0)
		rig_die("accept");
	if (bytes)
		setsockopt(c->server, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	setsockopt(c->client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(c->server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* A slot that no connection of ours has. */
static uint32_t slot_take(struct rig *r)
{
	for (uint32_t i = 0; i < RIG_CONNS; i++)
		if (!(__atomic_fetch_or(&r->slots, 1u << i, __ATOMIC_SEQ_CST) & 1u << i))
			return i;
	errno = EMFILE;
	rig_die("more connections than slots");
}

static void keys(struct rig_conn *c, uint16_t alg, uint16_t cipher)
{
	bool wide = cipher == SMB2_ENCRYPTION_AES256_GCM || cipher == SMB2_ENCRYPTION_AES256_CCM;

	c->signing_alg = alg;
	c->cipher = cipher;
	c->signing_key.len = 16;
	memset(c->signing_key.bytes, 0x51, 16);
	c->to_server.len = c->to_client.len = wide ? 32 : 16;
	memset(c->to_server.bytes, 0x52, 32);
	memset(c->to_client.bytes, 0x53, 32);
	c->sign = sign_ctx_new(alg, &c->signing_key);
	c->enc = seal_ctx_new(cipher, &c->to_server, true);
	c->dec = seal_ctx_new(cipher, &c->to_client, false);
	if (!c->sign || !c->enc || !c->dec)
		rig_die("keys");
}

static void put_session(struct nlmsghdr *h, const struct rig_conn *c)
{
	struct nlattr *nest = mnl_attr_nest_start(h, KH_A_SESSION);
	uint32_t flags = c->security == RIG_SIGNED   ? KH_NL_SESSION_SIGNING_REQUIRED
			 : c->security == RIG_SEALED ? KH_NL_SESSION_ENCRYPT
						     : 0;

	mnl_attr_put_u64(h, KH_SESSION_A_ID, RIG_SESSION);
	mnl_attr_put_u32(h, KH_SESSION_A_FLAGS, flags);
	mnl_attr_put_u16(h, KH_SESSION_A_SIGNING_ALG, c->signing_alg);
	mnl_attr_put(h, KH_SESSION_A_SIGNING_KEY, c->signing_key.len, c->signing_key.bytes);
	mnl_attr_put_u16(h, KH_SESSION_A_CIPHER, c->cipher);
	mnl_attr_put(h, KH_SESSION_A_ENC_KEY, c->to_client.len, c->to_client.bytes);
	mnl_attr_put(h, KH_SESSION_A_DEC_KEY, c->to_server.len, c->to_server.bytes);
	mnl_attr_put_u32(h, KH_SESSION_A_NONCE_PREFIX, 1);
	mnl_attr_nest_end(h, nest);
}

int rig_attach(struct rig *r, struct rig_conn *c, enum rig_security sec, uint16_t signing_alg,
	       uint16_t cipher, uint32_t credits, const void *unhandled, uint32_t unhandled_len)
{
	static _Thread_local char buf[65536];
	static uint64_t next = 1;
	struct smb2_window w;
	struct nlattr *nest;
	struct nlmsghdr *h;
	uint32_t fd = 0;
	int err;

	memset(c, 0, sizeof(*c));
	c->rig = r;
	c->security = sec;
	c->id = __atomic_fetch_add(&next, 1, __ATOMIC_SEQ_CST);
	c->slot = slot_take(r);
	c->channel = -1;
	sockets(c, r->send_bytes);
	keys(c, signing_alg, cipher);
	smb2_window_init(&w, SMB2_CREDITS_MAX);
	(void)smb2_window_grant(&w, 0, credits - 1);
	h = message(buf, family, KH_CMD_CONN_ATTACH);
	mnl_attr_put_u32(h, KH_A_SERVER, (uint32_t)r->server);
	nest = mnl_attr_nest_start(h, KH_A_CONN);
	mnl_attr_put_u64(h, KH_CONN_A_ID, c->id);
	mnl_attr_put_u32(h, KH_CONN_A_SLOT, c->slot);
	mnl_attr_put_u32(h, KH_CONN_A_SOCKET, (uint32_t)c->server);
	mnl_attr_put_u16(h, KH_CONN_A_DIALECT, SMB2_DIALECT_311);
	mnl_attr_put(h, KH_CONN_A_LARGE_MTU, 0, NULL);
	mnl_attr_put_u32(h, KH_CONN_A_MAX_FRAME, RIG_MAX_IO + 65536);
	mnl_attr_put_u32(h, KH_CONN_A_MAX_READ, RIG_MAX_IO);
	mnl_attr_put_u32(h, KH_CONN_A_MAX_WRITE, RIG_MAX_IO);
	mnl_attr_put_u32(h, KH_CONN_A_UP_LIMIT, 1u << 20);
	mnl_attr_put_u32(h, KH_CONN_A_OUT_LIMIT, r->out_limit ?: 4u << 20);
	mnl_attr_put(h, KH_CONN_A_WINDOW, sizeof(w), &w);
	if (unhandled_len)
		mnl_attr_put(h, KH_CONN_A_UNHANDLED, unhandled_len, unhandled);
	mnl_attr_nest_end(h, nest);
	put_session(h, c);
	err = call(h, KH_A_CHANNEL, &fd);
	if (!err)
		c->channel = (int)fd;
	return err;
}

int rig_session_set(struct rig_conn *c)
{
	char buf[4096];
	struct nlmsghdr *h = message(buf, family, KH_CMD_SESSION_SET);

	mnl_attr_put_u32(h, KH_A_SERVER, (uint32_t)c->rig->server);
	mnl_attr_put_u64(h, KH_A_CONN_ID, c->id);
	put_session(h, c);
	return call(h, 0, NULL);
}

void rig_detach(struct rig_conn *c)
{
	if (c->channel >= 0)
		close(c->channel);
	close(c->client);
	close(c->server);
	sign_ctx_free(c->sign);
	seal_ctx_free(c->enc);
	seal_ctx_free(c->dec);
	__atomic_fetch_and(&c->rig->slots, ~(1u << c->slot), __ATOMIC_SEQ_CST);
}

/* ---- handles ---- */

uint64_t rig_vol(uint32_t slot)
{
	return 5ull << 32 | slot;
}

static void slot_fill(struct rig *r, uint32_t slot, uint32_t caps)
{
	if (slot >= RIG_HANDLES)
		return;
	r->handles[slot].vol = rig_vol(slot);
	r->handles[slot].session_id = RIG_SESSION;
	r->handles[slot].tree_id = RIG_TREE;
	__atomic_store_n(&r->handles[slot].caps, caps, __ATOMIC_RELEASE);
}

struct kh_reply_handle rig_handle_record(struct rig *r, uint32_t slot, int fd, uint32_t access,
					 uint32_t flags, uint32_t caps)
{
	slot_fill(r, slot, caps);
	return (struct kh_reply_handle) { .vol = rig_vol(slot),
					  .persistent = 1000 + slot,
					  .session_id = RIG_SESSION,
					  .tree_id = RIG_TREE,
					  .fd = fd,
					  .access = access,
					  .flags = flags,
					  .opaque = 0xABC0 + slot,
					  .alloc_unit = 4096 };
}

int rig_handle_add(struct rig *r, uint32_t slot, int fd, uint32_t access, uint32_t flags,
		   uint32_t caps)
{
	char buf[4096];
	struct nlmsghdr *h = message(buf, family, KH_CMD_HANDLE_ADD);
	struct nlattr *nest;

	slot_fill(r, slot, caps);
	mnl_attr_put_u32(h, KH_A_SERVER, (uint32_t)r->server);
	nest = mnl_attr_nest_start(h, KH_A_HANDLE);
	mnl_attr_put_u64(h, KH_HANDLE_A_VOL, rig_vol(slot));
	mnl_attr_put_u64(h, KH_HANDLE_A_PERSISTENT, 1000 + slot);
	mnl_attr_put_u64(h, KH_HANDLE_A_SESSION_ID, RIG_SESSION);
	mnl_attr_put_u32(h, KH_HANDLE_A_TREE_ID, RIG_TREE);
	mnl_attr_put_u32(h, KH_HANDLE_A_FD, (uint32_t)fd);
	mnl_attr_put_u32(h, KH_HANDLE_A_ACCESS, access);
	mnl_attr_put_u32(h, KH_HANDLE_A_FLAGS, flags);
	mnl_attr_put_u64(h, KH_HANDLE_A_OPAQUE, 0xABC0 + slot);
	mnl_attr_put_u64(h, KH_HANDLE_A_CREATE_TIME, 132000000000000000ull);
	mnl_attr_put_u32(h, KH_HANDLE_A_ATTRIBUTES, 0x20);
	mnl_attr_nest_end(h, nest);
	return call(h, 0, NULL);
}

static int by_vol(struct rig *r, uint8_t command, uint32_t slot, uint32_t caps)
{
	char buf[4096];
	struct nlmsghdr *h = message(buf, family, command);

	mnl_attr_put_u32(h, KH_A_SERVER, (uint32_t)r->server);
	mnl_attr_put_u64(h, KH_A_VOL, rig_vol(slot));
	if (caps)
		mnl_attr_put_u32(h, KH_A_CAPS, caps);
	return call(h, 0, NULL);
}

int rig_handle_del(struct rig *r, uint32_t slot)
{
	return by_vol(r, KH_CMD_HANDLE_DEL, slot, 0);
}

int rig_barrier(struct rig *r, uint32_t slot, uint32_t caps)
{
	return by_vol(r, KH_CMD_HANDLE_BARRIER, slot, caps);
}

int rig_session_del(struct rig *r, uint64_t session_id)
{
	char buf[4096];
	struct nlmsghdr *h = message(buf, family, KH_CMD_SESSION_DEL);

	mnl_attr_put_u32(h, KH_A_SERVER, (uint32_t)r->server);
	mnl_attr_put_u64(h, KH_A_SESSION_ID, session_id);
	return call(h, 0, NULL);
}

/* ---- the daemon's side of the channel ---- */

bool rig_up(struct rig_conn *c, struct kh_upcall **up, int timeout_ms)
{
	static _Thread_local uint8_t *buf;
	static _Thread_local size_t cap;
	struct pollfd p = { .fd = c->channel, .events = POLLIN };
	uint32_t size = 0;

	if (poll(&p, 1, timeout_ms) != 1 || ioctl(c->channel, KH_CHANNEL_PEEK, &size) < 0 || !size)
		return false;
	if (size > cap) {
		buf = realloc(buf, size);
		cap = size;
	}
	if (read(c->channel, buf, size) != (ssize_t)size) /* exactly one record */
		rig_die("channel");
	*up = (struct kh_upcall *)buf;
	return true;
}

long rig_answer(struct rig_conn *c, uint16_t flags, const struct kh_reply_handle *h, unsigned int n,
		const void *msg, size_t len)
{
	size_t handles = n * sizeof(*h), size = sizeof(struct kh_reply) + handles + len;
	uint8_t *buf = calloc(1, kh_record_size(size));
	struct kh_reply *r = (struct kh_reply *)buf;
	long done;

	*r = (struct kh_reply) { .len = (uint32_t)size,
				 .flags = flags,
				 .nhandles = (uint16_t)n,
				 .session_id = RIG_SESSION };
	if (n)
		memcpy(r + 1, h, handles);
	memcpy(buf + sizeof(*r) + handles, msg, len);
	done = write(c->channel, buf, kh_record_size(size));
	if (done < 0)
		done = -errno;
	free(buf);
	return done;
}
