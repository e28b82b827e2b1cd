// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests to the kernel module as bytes, and what happens without a module. */
#include <linux/genetlink.h>
#include <errno.h>

#include "kernel/kmod_msg.h"
#include "tap.h"

static _Alignas(struct nlmsghdr) char buf[KMOD_MSG_MAX];

static const struct nlattr *find(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, nest) if (mnl_attr_get_type(a) == type) return a;
	return NULL;
}

static const struct nlattr *top(const struct kmod_msg *m, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, m->nlh,
			  sizeof(struct genlmsghdr)) if (mnl_attr_get_type(a) == type) return a;
	return NULL;
}

static struct smb2_key key(uint8_t len, uint8_t fill)
{
	struct smb2_key k = { .len = len };

	memset(k.bytes, fill, len);
	return k;
}

static void session(void)
{
	struct smb2_key sign = key(16, 1), enc = key(32, 2), dec = key(32, 3);
	struct kmod_session s = { .id = 0x1122334455667788,
				  .flags = KH_NL_SESSION_ENCRYPT,
				  .signing_alg = 2,
				  .cipher = 4,
				  .signing = &sign,
				  .enc = &enc,
				  .dec = &dec,
				  .nonce_prefix = 7 };
	const struct nlattr *nest, *a;
	struct kmod_msg m;

	kmod_msg_begin(&m, buf, KMOD_MSG_SMALL, 33, KH_CMD_SESSION_SET);
	kmod_msg_session(&m, &s);
	is_int(m.bad, false, "a session with all keys is a small message");
	is_int(m.nlh->nlmsg_type, 33, "it goes to the family");
	is_int(m.nlh->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK, "it wants an acknowledgement");
	nest = top(&m, KH_A_SESSION);
	ok(nest && nest->nla_type & NLA_F_NESTED, "the nest says that it is one");
	a = find(nest, KH_SESSION_A_ID);
	is_int((int64_t)mnl_attr_get_u64(a), 0x1122334455667788, "id");
	a = find(nest, KH_SESSION_A_DEC_KEY);
	ok(mnl_attr_get_payload_len(a) == 32 && !memcmp(mnl_attr_get_payload(a), dec.bytes, 32),
	   "the key from the client");
	s.cipher = 0;
	s.signing = NULL;
	kmod_msg_begin(&m, buf, KMOD_MSG_SMALL, 33, KH_CMD_SESSION_SET);
	kmod_msg_session(&m, &s);
	nest = top(&m, KH_A_SESSION);
	ok(!find(nest, KH_SESSION_A_ENC_KEY) && !find(nest, KH_SESSION_A_SIGNING_ALG) &&
		   !find(nest, KH_SESSION_A_CIPHER),
	   "without keys there is nothing of them");
}

static void conn(void)
{
	static uint8_t unhandled[KH_NL_UNHANDLED_MAX];
	struct smb2_key k = key(32, 9);
	struct kmod_session s[KH_NL_SESSIONS_MAX];
	struct smb2_window w;
	struct kmod_conn c = { .id = 5,
			       .fd = 3,
			       .dialect = 0x311,
			       .large_mtu = true,
			       .window = &w,
			       .unhandled = unhandled,
			       .unhandled_len = sizeof(unhandled),
			       .sessions = s,
			       .nsessions = KH_NL_SESSIONS_MAX };
	const struct nlattr *a;
	unsigned int n = 0;
	struct kmod_msg m;

	smb2_window_init(&w, 512);
	for (unsigned int i = 0; i < KH_NL_SESSIONS_MAX; i++)
		s[i] = (struct kmod_session) {
			.id = i + 1, .cipher = 4, .signing = &k, .enc = &k, .dec = &k
		};
	kmod_msg_begin(&m, buf, sizeof(buf), 33, KH_CMD_CONN_ATTACH);
	kmod_msg_conn(&m, &c);
	is_int(m.bad, false, "the largest hand-over fits");
	a = find(top(&m, KH_A_CONN), KH_CONN_A_WINDOW);
	is_int(mnl_attr_get_payload_len(a), sizeof(w), "the window is there as it is");
	ok(find(top(&m, KH_A_CONN), KH_CONN_A_LARGE_MTU), "large MTU is a flag");
	mnl_attr_for_each(a, m.nlh, sizeof(struct genlmsghdr)) n +=
		mnl_attr_get_type(a) == KH_A_SESSION;
	is_int(n, KH_NL_SESSIONS_MAX, "all sessions came along");
	for (size_t cap = 64; cap < 4096; cap += 4) {
		kmod_msg_begin(&m, buf, cap, 33, KH_CMD_CONN_ATTACH);
		kmod_msg_conn(&m, &c);
		if (!m.bad || m.nlh->nlmsg_len > cap)
			break;
	}
	ok(m.bad && m.nlh->nlmsg_len <= 4096, "what does not fit is bad, and stays inside");
	is_int(sizeof(w), 2072, "the window has the size that the netlink spec says");
}

static void no_module(void)
{
	int fd = kmod_open("test");

	if (fd >= 0) {
		kmod_close();
		ok(true, "# SKIP a module is loaded here");
		return;
	}
	ok(*kmod_error(), "why there is no module is a sentence");
	is_int(kmod_handle_del(1), -ENOTCONN, "no operation without one");
	is_str(kmod_error(), "the module is not in use", "nor without a sentence");
}

int main(void)
{
	session();
	conn();
	no_module();
	return done_testing();
}
