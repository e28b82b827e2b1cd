// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * spnego.c - the server's side of SPNEGO (RFC 4178, MS-SPNG).
 *
 * The mechListMIC: checked whenever the client sends one, and answered with ours; demanded when
 * the chosen mechanism was not the client's first, because then somebody in between could have
 * shortened the list. Guests and the anonymous share no key with us: no MIC for them.
 */
#include "auth/mech.h"

enum neg_state {
	ACCEPT_COMPLETED,
	ACCEPT_INCOMPLETE,
	REJECT,
	REQUEST_MIC,
};

static const uint8_t oid_spnego[] = { 0x2B, 6, 1, 5, 5, 2 }; /* 1.3.6.1.5.5.2 */

struct neg_token {
	struct ntlm_bytes mech_list; /* NegTokenInit: with the tag of the SEQUENCE */
	struct smb2_rd mechs;	     /* its contents */
	struct ntlm_bytes token, mic;
	bool has_token, has_mic, init;
	uint8_t state;
};

/* ---- writing ---- */

static void put_oid(struct smb2_wr *w, const uint8_t *oid, size_t n)
{
	uint64_t start = w->off;

	wr_bytes(w, oid, n);
	der_wrap(w, start, DER_OID);
}

static void put_octets(struct smb2_wr *w, uint8_t context, const void *data, size_t n)
{
	uint64_t start = w->off;

	wr_bytes(w, data, n);
	der_wrap(w, start, DER_OCTET_STRING);
	der_wrap(w, start, context);
}

int spnego_hint(uint8_t *out, size_t cap)
{
	static const char hint[] = "not_defined_in_RFC4178@please_ignore";
	struct smb2_wr w = wr_init(out, cap);
	uint64_t init, start;
	size_t i;

	put_oid(&w, oid_spnego, sizeof(oid_spnego));
	init = start = w.off;
	for (i = 0; i < auth_mechs_n; i++)
		put_oid(&w, auth_mechs[i].oid, auth_mechs[i].oid_len);
	der_wrap(&w, start, DER_SEQUENCE);
	der_wrap(&w, start, DER_CONTEXT(0));
	start = w.off;
	wr_bytes(&w, hint, sizeof(hint) - 1);
	der_wrap(&w, start, DER_GENERALSTR);
	der_wrap(&w, start, DER_CONTEXT(0));
	der_wrap(&w, start, DER_SEQUENCE);
	der_wrap(&w, start, DER_CONTEXT(3));
	der_wrap(&w, init, DER_SEQUENCE);
	der_wrap(&w, init, DER_CONTEXT(0));
	der_wrap(&w, 0, DER_APPLICATION0);
	return wr_ok(&w) ? (int)w.off : -ENOSPC;
}

/* NegTokenResp; supportedMech goes into the first one only. */
static ntstatus put_response(struct auth *a, enum neg_state state, const struct auth_blob *token,
			     const uint8_t *mic, struct auth_blob *out)
{
	size_t cap = token->len + 128;
	_cleanup_free_ uint8_t *buf = xmalloc(cap);
	struct smb2_wr w = wr_init(buf, cap);
	uint64_t start = 0;

	wr_u8(&w, (uint8_t)state);
	der_wrap(&w, start, DER_ENUMERATED);
	der_wrap(&w, start, DER_CONTEXT(0));
	if (!a->replied) {
		start = w.off;
		put_oid(&w, a->mech->oid, a->mech->oid_len);
		der_wrap(&w, start, DER_CONTEXT(1));
	}
	if (token->len)
		put_octets(&w, DER_CONTEXT(2), token->data, token->len);
	if (mic)
		put_octets(&w, DER_CONTEXT(3), mic, 16);
	der_wrap(&w, 0, DER_SEQUENCE);
	der_wrap(&w, 0, DER_CONTEXT(1));
	if (!wr_ok(&w))
		return (ntstatus)NT_STATUS_INTERNAL_ERROR;
	a->replied = true;
	auth_blob_set(out, buf, w.off);
	return state == ACCEPT_COMPLETED ? NT_STATUS_SUCCESS
					 : (ntstatus)NT_STATUS_MORE_PROCESSING_REQUIRED;
}

/* ---- reading ---- */

static bool octets(struct smb2_rd *field, struct ntlm_bytes *out)
{
	struct smb2_rd s = der_next(field, DER_OCTET_STRING);

	out->p = s.buf;
	out->n = s.len;
	return rd_ok(field);
}

static bool init_field(struct neg_token *t, uint8_t tag, struct smb2_rd f)
{
	switch (tag) {
	case DER_CONTEXT(0):
		t->mech_list.p = f.buf;
		t->mech_list.n = f.len;
		t->mechs = der_next(&f, DER_SEQUENCE);
		return rd_ok(&f) && !rd_left(&f);
	case DER_CONTEXT(2):
		return t->has_token = octets(&f, &t->token);
	default: /* reqFlags, negHints, and a mechListMIC that could cover nothing yet */
		return true;
	}
}

static bool resp_field(struct neg_token *t, uint8_t tag, struct smb2_rd f)
{
	struct smb2_rd s;

	switch (tag) {
	case DER_CONTEXT(0):
		s = der_next(&f, DER_ENUMERATED);
		t->state = rd_u8(&s);
		return rd_ok(&s);
	case DER_CONTEXT(2):
		return t->has_token = octets(&f, &t->token);
	case DER_CONTEXT(3):
		return t->has_mic = octets(&f, &t->mic);
	default:
		return true;
	}
}

static bool parse(const void *in, size_t in_len, struct neg_token *t)
{
	struct smb2_rd r = rd_init(in, in_len), choice, seq, f;
	uint8_t tag;

	memset(t, 0, sizeof(*t));
	t->state = ACCEPT_INCOMPLETE;
	t->init = der_peek(&r) == DER_APPLICATION0;
	if (t->init) {
		struct smb2_rd gss = der_next(&r, DER_APPLICATION0);
		struct smb2_rd oid = der_next(&gss, DER_OID);

		if (!rd_ok(&gss) || oid.len != sizeof(oid_spnego) ||
		    memcmp(oid.buf, oid_spnego, sizeof(oid_spnego)))
			return false;
		choice = der_next(&gss, DER_CONTEXT(0));
	} else {
		choice = der_next(&r, DER_CONTEXT(1));
	}
	seq = der_next(&choice, DER_SEQUENCE);
	while (rd_left(&seq)) {
		tag = der_peek(&seq);
		f = der_next(&seq, 0);
		if (!rd_ok(&seq) || !(t->init ? init_field(t, tag, f) : resp_field(t, tag, f)))
			return false;
	}
	return rd_ok(&seq) && (!t->init || t->mech_list.n);
}

/* The client's first mechanism that is one of ours; *first: nothing stood before it. */
static const struct auth_mech *choose(struct smb2_rd mechs, bool *first)
{
	struct smb2_rd oid;
	size_t i;

	for (*first = true; rd_left(&mechs); *first = false) {
		oid = der_next(&mechs, DER_OID);
		if (!rd_ok(&mechs))
			return NULL;
		for (i = 0; i < auth_mechs_n; i++)
			if (oid.len == auth_mechs[i].oid_len &&
			    !memcmp(oid.buf, auth_mechs[i].oid, oid.len))
				return &auth_mechs[i];
	}
	return NULL;
}

/* ---- the exchange ---- */

/* The mechanism is content; what is left is the list of mechanisms. */
static ntstatus finish(struct auth *a, const struct neg_token *t, const struct auth_blob *token,
		       struct auth_blob *out)
{
	uint8_t want[16], ours[16];
	bool can = !a->mech->mic(a, false, a->mech_list.data, a->mech_list.len, want);

	if (!can)
		return put_response(a, ACCEPT_COMPLETED, token, NULL, out);
	if (!t->has_mic && a->need_mic && !a->mech_done) {
		a->mech_done = true;
		return put_response(a, REQUEST_MIC, token, NULL, out);
	}
	if (!t->has_mic && a->need_mic)
		return (ntstatus)NT_STATUS_INVALID_PARAMETER;
	if (!t->has_mic)
		return put_response(a, ACCEPT_COMPLETED, token, NULL, out);
	if (t->mic.n != sizeof(want) || !crypto_equal(want, t->mic.p, sizeof(want)))
		return (ntstatus)NT_STATUS_INVALID_PARAMETER;
	if (a->mech->mic(a, true, a->mech_list.data, a->mech_list.len, ours))
		return (ntstatus)NT_STATUS_INTERNAL_ERROR;
	return put_response(a, ACCEPT_COMPLETED, token, ours, out);
}

/* Takes the first token; true if the mechanism can be fed at once. */
static bool start(struct auth *a, const struct neg_token *t, ntstatus *status,
		  struct auth_blob *out)
{
	static const struct auth_blob none;
	bool first;

	*status = (ntstatus)NT_STATUS_INVALID_PARAMETER;
	if (!t->init)
		return false;
	a->mech = choose(t->mechs, &first);
	if (!a->mech) {
		a->why = "none of the client's mechanisms is known here (Kerberos only?)";
		return false;
	}
	auth_blob_set(&a->mech_list, t->mech_list.p, t->mech_list.n);
	a->need_mic = !first;
	if (first && t->has_token)
		return true; /* the optimistic token is for the first mechanism of the list */
	*status = put_response(a, first ? ACCEPT_INCOMPLETE : REQUEST_MIC, &none, NULL, out);
	return false;
}

ntstatus spnego_step(struct auth *a, const void *in, size_t in_len, struct auth_blob *out)
{
	struct auth_blob token = { NULL, 0 };
	struct neg_token t;
	ntstatus status;

	if (!parse(in, in_len, &t))
		return (ntstatus)NT_STATUS_INVALID_PARAMETER;
	if (!a->mech) {
		if (!start(a, &t, &status, out))
			return status;
	} else if (t.init) {
		return (ntstatus)NT_STATUS_INVALID_PARAMETER;
	}
	if (t.state == REJECT)
		a->why = "the client gave up";
	if (t.state == REJECT)
		return (ntstatus)NT_STATUS_LOGON_FAILURE;
	if (a->mech_done)
		return finish(a, &t, &token, out);
	if (!t.has_token)
		return (ntstatus)NT_STATUS_INVALID_PARAMETER;
	status = a->mech->step(a, t.token.p, t.token.n, &token);
	if (status == NT_STATUS_SUCCESS)
		status = finish(a, &t, &token, out);
	else if (status == (ntstatus)NT_STATUS_MORE_PROCESSING_REQUIRED)
		status = put_response(a, ACCEPT_INCOMPLETE, &token, NULL, out);
	auth_blob_free(&token);
	return status;
}
