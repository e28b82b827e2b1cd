// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The exchange against a client of its own, raw and under SPNEGO, and the values of MS-NLMP 4.2.
 */
#include <stdio.h>

#include "auth/mech.h"
#include "core/utf16.h"
#include "ntlm_client.h"
#include "tap.h"

#define ST(x) ((ntstatus)NT_STATUS_##x)

static uint8_t *hex(const char *s, size_t *len)
{
	size_t i, n = strlen(s) / 2;
	uint8_t *p = xmalloc(n);

	for (i = 0; i < n; i++)
		sscanf(s + 2 * i, "%2hhx", &p[i]);
	if (len)
		*len = n;
	return p;
}

static bool is_hex(const void *got, const char *want, const char *name)
{
	_cleanup_free_ uint8_t *w = hex(want, NULL);

	return is_mem(got, w, strlen(want) / 2, name);
}

/* ---- MS-NLMP 4.2 ---- */

#define U16_USER   "5500730065007200"
#define U16_DOMAIN "44006f006d00610069006e00"
#define V2_TEMP                                                                                \
	"01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d0061006900" \
	"6e0001000c005300650072007600650072000000000000000000"
#define AA24 "aaaaaaaaaaaaaaaa00000000000000000000000000000000"

static int check(const char *nt, const char *lm, bool extended, enum auth_ntlm_policy policy,
		 uint8_t kx[16])
{
	struct ntlm_response r = { .challenge = "\x01\x23\x45\x67\x89\xab\xcd\xef",
				   .extended = extended };
	_cleanup_free_ uint8_t *n = hex(nt, &r.nt.n), *l = hex(lm, &r.lm.n);
	_cleanup_free_ uint8_t *u = hex(U16_USER, &r.user.n), *d = hex(U16_DOMAIN, &r.domain.n);
	const char *kind;
	uint8_t hash[16];

	r.nt.p = n;
	r.lm.p = l;
	r.user.p = u;
	r.domain.p = d;
	hash_nt("Password", hash);
	return ntlm_check(&r, hash, policy, kx, &kind);
}

static void test_vectors(void)
{
	static const char v1[] = "67c43011f30298a2ad35ece64f16331c44bdbed927841f94";
	static const char v2s[] = "7537f803ae367128ca458204bde7caf81e97ed2683267232";
	uint8_t kx[16], out[16];

	is_int(check("68cd0ab851e51c96aabc927bebef6a1c" V2_TEMP, AA24, true, AUTH_NTLM_V2_ONLY, kx),
	       0, "NTLMv2 response (4.2.4.2.2)");
	is_hex(kx, "8de40ccadbc14a82f15cb0ad0de95ca3", "its session base key (4.2.4.1.2)");
	is_int(check("69cd0ab851e51c96aabc927bebef6a1c" V2_TEMP, AA24, true, AUTH_NTLM_V2_ONLY, kx),
	       -EACCES, "one bit of the proof wrong");
	is_int(check("", "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa", true,
		     AUTH_NTLM_V2_ONLY, kx),
	       0, "LMv2 response (4.2.4.2.1)");
	is_int(check(v1, v1, false, AUTH_NTLM_V1_PERMITTED, kx), 0, "NTLMv1 (4.2.2.2.1)");
	is_hex(kx, "d87262b0cde4b1cb7499becccdf10784", "its session base key (4.2.2.1.3)");
	is_int(check(v1, v1, false, AUTH_NTLM_V2_ONLY, kx), -EACCES, "NTLMv1 is not the default");
	is_int(check(v2s, AA24, true, AUTH_NTLM_V1_PERMITTED, kx), 0,
	       "NTLM2 session response (4.2.3.2.2)");
	is_hex(kx, "eb93429a8bd952f8b89c55b87f475edc", "its key exchange key (4.2.3.1.3)");
	is_int(check(v2s, AA24, true, AUTH_NTLM_V2_ONLY, kx), -EACCES, "nor is that");
	is_int(check("00", AA24, true, AUTH_NTLM_V1_PERMITTED, kx), -EACCES, "too short");

	/* The mechListMICs of a Windows client and server. */
	_cleanup_free_ uint8_t *key = hex("270E1BA896585EEB7AF3472D3B4C75A7", NULL);
	_cleanup_free_ uint8_t *list = hex("300c060a2b06010401823702020a", NULL);
	uint32_t flags = NTLMSSP_NEGOTIATE_KEY_EXCH | NTLMSSP_NEGOTIATE_128;

	ntlm_sign(key, flags, false, list, 14, out);
	is_hex(out, "0100000063775A9A5FD97F0600000000", "a Windows client's mechListMIC");
	ntlm_sign(key, flags, true, list, 14, out);
	is_hex(out, "010000003B453CDC3524164200000000", "a Windows server's mechListMIC");
}

/* ---- the server's configuration ---- */

static int lookup(void *arg, const char *name, struct auth_account *out)
{
	bool alice = utf8_equal_nocase(name, "alice"), gone = utf8_equal_nocase(name, "gone");

	if (utf8_equal_nocase(name, "broken"))
		return -EIO;
	if (!alice && !gone)
		return -ENOENT;
	strcpy(out->name, alice ? "Alice" : "gone");
	out->disabled = gone;
	return hash_nt("s3cret", out->nt_hash);
}

static struct auth_config cfg = {
	.netbios_name = "FILES",
	.dns_name = "files.example.org",
	.domain = "WORKGROUP",
	.dns_domain = "example.org",
	.lookup = lookup,
};

/* The whole exchange without SPNEGO. */
static ntstatus raw(struct client *c, struct auth **out)
{
	struct auth *a = auth_new(&cfg);
	struct auth_blob b, b2;
	uint8_t buf[2048];
	size_t n = client_negotiate(c, buf);
	ntstatus status = auth_step(a, buf, n, &b);

	if (status == ST(MORE_PROCESSING_REQUIRED)) {
		n = client_authenticate(c, &b, buf, sizeof(buf));
		status = auth_step(a, buf, n, &b2);
		auth_blob_free(&b2);
	}
	auth_blob_free(&b);
	*out = a;
	return status;
}

struct raw_case {
	const char *name;
	struct client c;
	enum auth_map_to_guest map;
	bool anonymous_ok;
	ntstatus want;
	const char *account;
};

static void test_raw(void)
{
	struct raw_case cases[] = {
		{ "right", { "alice", "s3cret", "", CLIENT_FLAGS }, .account = "Alice" },
		{ "another case and domain",
		  { "ALICE", "s3cret", "Dom", CLIENT_FLAGS },
		  .account = "Alice" },
		{ "with MIC",
		  { "alice", "s3cret", "D", CLIENT_FLAGS, .mic = true },
		  .account = "Alice" },
		{ "user@host", { "alice@files", "s3cret", "", CLIENT_FLAGS }, .account = "Alice" },
		{ "no key exchange",
		  { "alice", "s3cret", "", CLIENT_FLAGS & ~NTLMSSP_NEGOTIATE_KEY_EXCH },
		  .account = "Alice" },
		{ "a MIC nobody announced",
		  { "alice", "s3cret", "", CLIENT_FLAGS, .mic = true, .spoil_mic = true,
		    .skip_av = true },
		  .account = "Alice" },
		{ "wrong MIC",
		  { "alice", "s3cret", "", CLIENT_FLAGS, .mic = true, .spoil_mic = true },
		  .want = ST(INVALID_PARAMETER) },
		{ "wrong password",
		  { "alice", "s3cre", "", CLIENT_FLAGS },
		  .want = ST(LOGON_FAILURE) },
		{ "unknown user",
		  { "bob", "s3cret", "", CLIENT_FLAGS },
		  .want = ST(LOGON_FAILURE) },
		{ "accounts unreadable",
		  { "broken", "s3cret", "", CLIENT_FLAGS },
		  AUTH_GUEST_BAD_PASSWORD,
		  .want = ST(LOGON_FAILURE) },
		{ "disabled",
		  { "gone", "s3cret", "", CLIENT_FLAGS },
		  .want = ST(ACCOUNT_DISABLED) },
		{ "disabled, wrong password",
		  { "gone", "x", "", CLIENT_FLAGS },
		  .want = ST(LOGON_FAILURE) },
		{ "unknown user to guest",
		  { "bob", "x", "", CLIENT_FLAGS, .mic = true },
		  AUTH_GUEST_BAD_USER,
		  .account = "" },
		{ "wrong password is no guest",
		  { "alice", "x", "", CLIENT_FLAGS },
		  AUTH_GUEST_BAD_USER,
		  .want = ST(LOGON_FAILURE) },
		{ "wrong password to guest",
		  { "alice", "x", "", CLIENT_FLAGS },
		  AUTH_GUEST_BAD_PASSWORD,
		  .account = "" },
		{ "anonymous refused",
		  { "", "", "", CLIENT_FLAGS, .anonymous = true },
		  .want = ST(ACCESS_DENIED) },
		{ "anonymous",
		  { "", "", "", CLIENT_FLAGS, .anonymous = true },
		  .anonymous_ok = true,
		  .account = "" },
		{ "no Unicode", { "alice", "s3cret", "", 0 }, .want = ST(INVALID_PARAMETER) },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct raw_case *t = &cases[i];
		const struct auth_result *r;
		struct auth *a;

		cfg.map_to_guest = t->map;
		cfg.anonymous_ok = t->anonymous_ok;
		is_int(raw(&t->c, &a), t->want, t->name);
		r = auth_result(a);
		ok(!r == !t->account, "a result, or none");
		if (r) {
			is_str(r->account, t->account, "account");
			is_str(r->client_name, t->c.user, "name");
			is_str(r->workstation, "WS", "workstation");
			is_int(r->guest, t->map != AUTH_GUEST_NEVER, "guest");
			is_int(r->anonymous, t->c.anonymous, "anonymous");
			is_int(r->session_key_len, 16, "key");
			if (!r->guest)
				is_mem(r->session_key, t->c.key, 16, "the same key at both ends");
		}
		auth_free(a);
		client_free(&t->c);
	}
	cfg.map_to_guest = AUTH_GUEST_NEVER;
	cfg.anonymous_ok = false;
}

/* ---- SPNEGO ---- */

#define OID_NTLM "060a2b06010401823702020a"
#define OID_KRB5 "06092a864886f712010202"

static size_t wrap_init(const char *oids, const void *token, size_t n, uint8_t *out, size_t cap)
{
	static const uint8_t spnego[] = { 6, 6, 0x2B, 6, 1, 5, 5, 2 };
	struct smb2_wr w = wr_init(out, cap);
	size_t len;
	_cleanup_free_ uint8_t *list = hex(oids, &len);
	uint64_t t;

	wr_bytes(&w, list, len);
	der_wrap(&w, 0, DER_SEQUENCE);
	der_wrap(&w, 0, DER_CONTEXT(0));
	t = w.off;
	wr_bytes(&w, token, n);
	der_wrap(&w, t, DER_OCTET_STRING);
	der_wrap(&w, t, DER_CONTEXT(2));
	der_wrap(&w, 0, DER_SEQUENCE);
	der_wrap(&w, 0, DER_CONTEXT(0));
	len = w.off;
	wr_space(&w, sizeof(spnego));
	memmove(out + sizeof(spnego), out, len);
	memcpy(out, spnego, sizeof(spnego));
	der_wrap(&w, 0, DER_APPLICATION0);
	return w.off;
}

static size_t wrap_resp(const void *token, size_t n, const uint8_t *mic, uint8_t *out, size_t cap)
{
	struct smb2_wr w = wr_init(out, cap);
	uint64_t t;

	if (n) {
		wr_bytes(&w, token, n);
		der_wrap(&w, 0, DER_OCTET_STRING);
		der_wrap(&w, 0, DER_CONTEXT(2));
	}
	if (mic) {
		t = w.off;
		wr_bytes(&w, mic, 16);
		der_wrap(&w, t, DER_OCTET_STRING);
		der_wrap(&w, t, DER_CONTEXT(3));
	}
	der_wrap(&w, 0, DER_SEQUENCE);
	der_wrap(&w, 0, DER_CONTEXT(1));
	return w.off;
}

/* The contents of context field n of a NegTokenResp: its primitive's bytes. */
static struct smb2_rd resp_get(const struct auth_blob *b, uint8_t context)
{
	struct smb2_rd r = rd_init(b->data, b->len), c = der_next(&r, DER_CONTEXT(1));
	struct smb2_rd seq = der_next(&c, DER_SEQUENCE);

	while (rd_left(&seq)) {
		uint8_t tag = der_peek(&seq);
		struct smb2_rd f = der_next(&seq, 0);

		if (tag == context)
			return der_next(&f, 0);
	}
	return rd_init(NULL, 0);
}

enum mic_mode { MIC_NONE, MIC_RIGHT, MIC_WRONG, MIC_LATE };

/* A whole login; first: NTLM leads the client's list. */
static ntstatus spnego(struct client *c, bool first, enum mic_mode mode)
{
	const char *oids = first ? OID_NTLM OID_KRB5 : OID_KRB5 OID_NTLM;
	size_t list_n, n;
	_cleanup_free_ uint8_t *list =
		hex(first ? "3017" OID_NTLM OID_KRB5 : "3017" OID_KRB5 OID_NTLM, &list_n);
	uint8_t buf[2048], msg[3000], mic[16], want[16];
	struct auth *a = auth_new(&cfg);
	struct auth_blob b, token;
	struct smb2_rd f;
	ntstatus status;

	n = client_negotiate(c, buf);
	n = wrap_init(oids, buf, n, msg, sizeof(msg));
	status = auth_step(a, msg, n, &b);
	f = resp_get(&b, DER_CONTEXT(1));
	ok(f.len == 10 && !memcmp(f.buf, list + 2 + (first ? 2 : 13), 10), "supportedMech is NTLM");
	if (!first) {
		is_int(resp_get(&b, DER_CONTEXT(0)).buf[0], 3, "request-mic");
		is_int(resp_get(&b, DER_CONTEXT(2)).len, 0, "the optimistic token was not for us");
		auth_blob_free(&b);
		n = client_negotiate(c, buf);
		n = wrap_resp(buf, n, NULL, msg, sizeof(msg));
		status = auth_step(a, msg, n, &b);
		is_int(resp_get(&b, DER_CONTEXT(1)).len, 0, "supportedMech only once");
	}
	is_int(status, ST(MORE_PROCESSING_REQUIRED), "the challenge");
	f = resp_get(&b, DER_CONTEXT(2));
	token.data = (uint8_t *)f.buf;
	token.len = f.len;
	n = client_authenticate(c, &token, buf, sizeof(buf));
	auth_blob_free(&b);
	ntlm_sign(c->key, c->flags, false, list, list_n, mic);
	mic[7] ^= mode == MIC_WRONG;
	n = wrap_resp(buf, n, mode == MIC_RIGHT || mode == MIC_WRONG ? mic : NULL, msg,
		      sizeof(msg));
	status = auth_step(a, msg, n, &b);
	if (mode == MIC_LATE && status == ST(MORE_PROCESSING_REQUIRED)) {
		auth_blob_free(&b);
		n = wrap_resp(NULL, 0, mic, msg, sizeof(msg));
		status = auth_step(a, msg, n, &b);
	}
	if (status == NT_STATUS_SUCCESS) {
		is_int(resp_get(&b, DER_CONTEXT(0)).buf[0], 0, "accept-completed");
		f = resp_get(&b, DER_CONTEXT(3));
		is_int(f.len, mode == MIC_NONE ? 0 : 16, "our MIC answers a MIC");
		ntlm_sign(c->key, c->flags, true, list, list_n, want);
		if (f.len)
			is_mem(f.buf, want, 16, "and is right");
	}
	auth_blob_free(&b);
	is_int(auth_step(a, msg, n, &b),
	       status == ST(MORE_PROCESSING_REQUIRED) ? ST(INVALID_PARAMETER)
						      : ST(INVALID_PARAMETER),
	       "nothing after the end");
	auth_free(a);
	client_free(c);
	return status;
}

static void test_spnego(void)
{
	struct client c = { "alice", "s3cret", "", CLIENT_FLAGS, .mic = true };
	struct client bad = { "alice", "wrong", "", CLIENT_FLAGS, .mic = true };

	is_int(spnego(&c, true, MIC_RIGHT), 0, "NTLM first, MIC");
	is_int(spnego(&c, true, MIC_NONE), 0, "NTLM first, no MIC");
	is_int(spnego(&c, true, MIC_WRONG), ST(INVALID_PARAMETER), "NTLM first, wrong MIC");
	is_int(spnego(&c, false, MIC_RIGHT), 0, "NTLM second, MIC");
	is_int(spnego(&c, false, MIC_NONE), ST(MORE_PROCESSING_REQUIRED),
	       "NTLM second needs a MIC");
	is_int(spnego(&c, false, MIC_LATE), 0, "which may come in a leg of its own");
	is_int(spnego(&bad, true, MIC_RIGHT), ST(LOGON_FAILURE), "wrong password");
}

static void test_hint(void)
{
	uint8_t buf[AUTH_SPNEGO_HINT];
	int n = spnego_hint(buf, sizeof(buf));

	is_int(n, 74, "length of the hint");
	is_hex(buf, "604806062b0601050502a03e303ca00e300c" OID_NTLM "a32a3028a0261b24", "its DER");
	is_mem(buf + 38, "not_defined_in_RFC4178@please_ignore", 36, "its text");
	is_int(spnego_hint(buf, (size_t)n), n, "fits exactly");
	is_int(spnego_hint(buf, (size_t)n - 1), -ENOSPC, "does not fit");
}

/* ---- bad input ---- */

static ntstatus one_step(const void *data, size_t n)
{
	struct auth *a = auth_new(&cfg);
	uint8_t *copy = xmalloc(n);
	struct auth_blob b;
	ntstatus status;

	memcpy(copy, data, n);
	status = auth_step(a, copy, n, &b);
	auth_blob_free(&b);
	auth_free(a);
	free(copy);
	return status;
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"",
		"60",
		"6080",				/* indefinite */
		"608100",			/* not minimal */
		"6082007f",			/* not minimal */
		"6085ffffffffff",		/* five length bytes */
		"6084ffffffff",			/* longer than the input */
		"600806062b0601050502",		/* no NegotiationToken */
		"600806062b0601050503",		/* not SPNEGO */
		"600c06062b0601050502a0023000", /* no mechTypes */
		"a1023000",			/* a response first */
		"7f0100",			/* high tag number */
		"4e544c4d53535000",		/* NTLMSSP and nothing */
		"4e544c4d5353500003000000",	/* AUTHENTICATE first */
	};
	struct client c = { "alice", "s3cret", "", CLIENT_FLAGS, .mic = true };
	uint8_t buf[2048], msg[2048];
	size_t i, n, cut;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ uint8_t *p = hex(bad[i], &n);

		is_int(one_step(p, n), ST(INVALID_PARAMETER), bad[i]);
	}
	n = client_negotiate(&c, buf);
	n = wrap_init(OID_NTLM, buf, n, msg, sizeof(msg));
	is_int(one_step(msg, n), ST(MORE_PROCESSING_REQUIRED), "whole");
	for (cut = 0; cut < n; cut++)
		if (one_step(msg, cut) != ST(INVALID_PARAMETER))
			break;
	is_int(cut, n, "every shorter one is refused");

	/* an AUTHENTICATE with each length or offset field blown up */
	for (i = 12; i < 60; i += 4) {
		struct auth *a = auth_new(&cfg);
		struct auth_blob b;

		n = client_negotiate(&c, buf);
		auth_step(a, buf, n, &b);
		n = client_authenticate(&c, &b, buf, sizeof(buf));
		auth_blob_free(&b);
		memset(buf + i, 0xFF, 4);
		is_int(auth_step(a, buf, n, &b), ST(INVALID_PARAMETER), "a field beyond the end");
		auth_blob_free(&b);
		auth_free(a);
	}
	client_free(&c);

	struct auth *a = auth_new(&cfg);
	struct auth_blob b;
	_cleanup_free_ uint8_t *big = xcalloc(1, AUTH_BYTES_MAX + 1);

	is_int(auth_step(a, big, AUTH_BYTES_MAX + 1, &b), ST(INSUFFICIENT_RESOURCES), "too much");
	is_int(auth_step(a, big, 1, &b), ST(INVALID_PARAMETER), "and then it is over");
	auth_free(a);
}

int main(void)
{
	test_vectors();
	test_raw();
	test_spnego();
	test_hint();
	test_bad();
	return done_testing();
}
