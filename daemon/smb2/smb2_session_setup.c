// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_session_setup.c - SESSION_SETUP (MS-SMB2 2.2.5, 2.2.6, 3.3.5.5): new sessions,
 * re-authentication, and binding of further channels. Runs on a worker: accounts and groups come
 * from files and name services.
 */
#include "auth/auth.h"
#include "core/block.h"
#include "core/debug.h"
#include "core/entry.h"
#include "kernel/bpf_link.h"
#include "smb2/smb2.h"

#define CHANNELS_MAX 32 /* per session, as Windows */
#define SETUPS_MAX   32 /* logins of one connection that are under way: each holds memory */

struct session_setup {
	uint8_t flags, security_mode;
	uint64_t previous_session_id;
	struct smb2_rd blob;
};

static bool parse(struct request *rq, struct session_setup *q)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len);
	uint16_t off, len;

	rd_skip(&r, SMB2_HDR_SIZE + 2);
	q->flags = rd_u8(&r);
	q->security_mode = rd_u8(&r);
	rd_skip(&r, 8);
	off = rd_le16(&r);
	len = rd_le16(&r);
	q->previous_session_id = rd_le64(&r);
	q->blob = rd_sub(&r, off, len);
	return rd_ok(&r);
}

/* ---- whose exchange is it ---- */

static int lookup_account(void *arg, const char *name, struct auth_account *out)
{
	_cleanup_account_ struct account a = { 0 };
	int err = users_find(arg, name, &a);

	if (err < 0)
		return err;
	memcpy(out->name, a.name, MIN(sizeof(out->name), sizeof(a.name)));
	memcpy(out->nt_hash, a.nt_hash, sizeof(out->nt_hash));
	return 0;
}

static struct auth *auth_begin(const struct conf *f)
{
	struct auth_config cfg = {
		.netbios_name = f->netbios_name,
		.domain = f->workgroup,
		.ntlm = f->ntlm_auth == CONF_NTLM_V1_PERMITTED ? AUTH_NTLM_V1_PERMITTED
			: f->ntlm_auth == CONF_NTLM_DISABLED   ? AUTH_NTLM_DISABLED
							       : AUTH_NTLM_V2_ONLY,
		.map_to_guest = f->map_to_guest == CONF_GUEST_BAD_USER ? AUTH_GUEST_BAD_USER
				: f->map_to_guest == CONF_GUEST_BAD_PASSWORD
					? AUTH_GUEST_BAD_PASSWORD
					: AUTH_GUEST_NEVER,
		.anonymous_ok = f->anonymous_ok,
		.lookup = lookup_account,
		.lookup_arg = server.users,
	};

	return auth_new(&cfg);
}

/*
 * Where the connection has no channel of the session, or not yet, what is said about it is signed
 * with the session's key (3.3.5.5.2): a channel that stands in no list carries that key to where
 * replies are signed. False: the request is not signed with it.
 */
bool smb2_sign_as(struct request *rq, struct session *s)
{
	struct element *el = &rq->elements[rq->cur];
	struct iovec iov = { (void *)(uintptr_t)rq->elem, rq->elem_len };
	struct channel *ch;

	/* While it is in progress its keys are somebody else's to write. */
	if (!(rq->hdr.flags & SMB2_FLAGS_SIGNED) || atomic_load(&s->state) == SESSION_IN_PROGRESS ||
	    !s->keys.signing.len)
		return false;
	ch = channel_new(s, rq->conn);
	channel_put(ch); /* one reference: the element's */
	ch->signing_key = s->keys.signing;
	ch->signing_alg = s->signing_alg;
	ch->sign = sign_ctx_new(ch->signing_alg, &ch->signing_key);
	if (!ch->sign || sign_verify(ch->sign, &iov, 1) < 0) {
		channel_put(ch);
		stats_bad(BAD_signature);
		return false;
	}
	channel_put(el->channel);
	el->channel = ch;
	el->signed_ = true;
	return true;
}

/* Another connection's session: the client, which has its key, expects a signed refusal. */
ntstatus smb2_no_session(struct request *rq)
{
	struct session *s = session_find(rq->hdr.session_id);

	if (s)
		(void)smb2_sign_as(rq, s);
	session_put(s);
	return NT_STATUS_USER_SESSION_DELETED;
}

/* May this connection become a channel of s? The order is that of Windows and Samba. */
static ntstatus check_binding(const struct conn *c, const struct session *s)
{
	bool gmac = c->st.signing_alg == SMB2_SIGNING_AES_GMAC;

	if (s->signing_alg == SMB2_SIGNING_AES_GMAC && !gmac)
		return NT_STATUS_REQUEST_OUT_OF_SEQUENCE;
	if (gmac && s->signing_alg != SMB2_SIGNING_AES_GMAC)
		return NT_STATUS_NOT_SUPPORTED;
	if (c->st.dialect < SMB2_DIALECT_300 || !c->conf->multi_channel)
		return NT_STATUS_REQUEST_NOT_ACCEPTED;
	if (s->dialect != c->st.dialect || s->cipher != c->st.cipher)
		return NT_STATUS_INVALID_PARAMETER;
	if (s->guest || s->anonymous)
		return NT_STATUS_NOT_SUPPORTED;
	if (memcmp(s->client_guid, c->st.client_guid, sizeof(s->client_guid)) != 0)
		return NT_STATUS_USER_SESSION_DELETED;
	if (s->nchannels >= CHANNELS_MAX)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	return NT_STATUS_SUCCESS;
}

/* 3.3.5.5: a further channel of a session that another connection has. */
static ntstatus begin_binding(struct request *rq, struct setup **out)
{
	struct conn *c = rq->conn;
	struct session *s = session_find(rq->hdr.session_id);
	struct channel *here = channel_find(c, rq->hdr.session_id);
	ntstatus status = NT_STATUS_SUCCESS;

	if (!s)
		status = NT_STATUS_USER_SESSION_DELETED;
	else if (here || atomic_load(&s->state) == SESSION_IN_PROGRESS)
		status = NT_STATUS_REQUEST_NOT_ACCEPTED;
	else if (!(rq->hdr.flags & SMB2_FLAGS_SIGNED))
		status = NT_STATUS_INVALID_PARAMETER;
	else if (!s->guest && !s->anonymous && !smb2_sign_as(rq, s))
		status = NT_STATUS_ACCESS_DENIED;
	else if (session_state_at(s, rq->start_ns) == SESSION_EXPIRED)
		status = NT_STATUS_NETWORK_SESSION_EXPIRED;
	else
		status = check_binding(c, s);
	if (status == NT_STATUS_SUCCESS) {
		*out = setup_new(c, s);
		(*out)->binding = true;
	}
	channel_put(here);
	session_put(s);
	return status;
}

static ntstatus begin_new(struct request *rq, struct setup **out)
{
	unsigned int n, begun;
	struct session *s;

	n = conn_session_count(rq->conn, &begun);
	if (begun >= SETUPS_MAX ||
	    (rq->conn->conf->max_sessions && n >= rq->conn->conf->max_sessions))
		return NT_STATUS_TOO_MANY_SESSIONS;
	s = session_new();
	if (!s)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	*out = setup_new(rq->conn, s);
	session_put(s);
	return NT_STATUS_SUCCESS;
}

static ntstatus find_setup(struct request *rq, const struct session_setup *q, struct setup **out)
{
	struct conn *c = rq->conn;
	bool binding = q->flags & SMB2_SESSION_FLAG_BINDING;
	struct channel *ch;

	if (rq->hdr.session_id == 0)
		return binding ? NT_STATUS_INVALID_PARAMETER : begin_new(rq, out);
	*out = setup_find_busy(c, rq->hdr.session_id);
	if (*out && (*out)->binding && !smb2_sign_as(rq, (*out)->session)) {
		setup_release(c, *out);
		*out = NULL;
		return NT_STATUS_ACCESS_DENIED;
	}
	if (*out)
		return NT_STATUS_SUCCESS;
	if (binding)
		return begin_binding(rq, out);
	ch = channel_find(c, rq->hdr.session_id);
	if (!ch)
		return smb2_no_session(rq);
	if (atomic_load(&ch->session->state) == SESSION_GONE) {
		channel_put(ch);
		return NT_STATUS_USER_SESSION_DELETED;
	}
	*out = setup_new(c, ch->session);
	(*out)->reauth = true;
	channel_put(ch);
	return NT_STATUS_SUCCESS;
}

/* ---- success ---- */

/* The Unix side of who logged in. */
static ntstatus become_user(struct request *rq, struct session *s, const struct auth_result *res)
{
	const struct conf *f = rq->conn->conf;
	const char *unix_user = f->guest_account;
	_cleanup_account_ struct account a = { 0 };
	unsigned int flags =
		(res->guest ? TOKEN_GUEST : 0) | (res->anonymous ? TOKEN_ANONYMOUS : 0);

	if (!res->guest && !res->anonymous) {
		if (users_find(server.users, res->account, &a) < 0)
			return NT_STATUS_LOGON_FAILURE;
		if (a.no_password && !f->null_passwords)
			return NT_STATUS_LOGON_FAILURE;
		unix_user = a.unix_user;
	}
	if (unix_identity_lookup(unix_user, &s->unix_id) < 0) {
		log_notice("login of \"%s\" refused: there is no Unix user \"%s\"",
			   res->client_name, unix_user);
		return NT_STATUS_LOGON_FAILURE;
	}
	s->identity =
		identity_new(s->unix_id.uid, s->unix_id.gid, s->unix_id.groups, s->unix_id.ngroups);
	s->token = token_new(s->unix_id.uid, s->unix_id.gid, s->unix_id.groups, s->unix_id.ngroups,
			     flags);
	if (!s->identity || !s->token)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	s->user = xstrdup(res->guest || res->anonymous ? unix_user : res->account);
	s->domain = xstrdup(res->domain);
	s->workstation = xstrdup(res->workstation);
	s->guest = res->guest;
	s->anonymous = res->anonymous;
	return NT_STATUS_SUCCESS;
}

/* Keys and what is demanded of every later request (3.3.5.5.3). */
static ntstatus secure(struct request *rq, struct session *s, const struct setup *su,
		       const struct auth_result *res, uint8_t security_mode)
{
	struct conn *c = rq->conn;
	const struct conf *f = c->conf;

	s->dialect = c->st.dialect;
	s->cipher = c->st.cipher;
	s->signing_alg = c->st.signing_alg;
	memcpy(s->client_guid, c->st.client_guid, sizeof(s->client_guid));
	if (s->guest || s->anonymous) {
		if (f->encrypt == CONF_ENCRYPT_REQUIRED || f->signing == CONF_SIGN_REQUIRED)
			return NT_STATUS_ACCESS_DENIED;
		return NT_STATUS_SUCCESS;
	}
	s->session_key.len = (uint8_t)res->session_key_len;
	memcpy(s->session_key.bytes, res->session_key, res->session_key_len);
	if (kdf_session_keys(s->dialect, s->cipher, res->session_key, res->session_key_len,
			     &su->preauth, &s->keys) < 0)
		return NT_STATUS_INTERNAL_ERROR;
	s->signing_required = (security_mode & SMB2_NEGOTIATE_SIGNING_REQUIRED) ||
			      f->signing == CONF_SIGN_REQUIRED;
	s->encrypt = s->cipher && f->encrypt >= CONF_ENCRYPT_DESIRED;
	if (f->encrypt == CONF_ENCRYPT_REQUIRED && !s->cipher)
		return NT_STATUS_ACCESS_DENIED;
	return NT_STATUS_SUCCESS;
}

static void drop_previous(struct request *rq, struct session *s, uint64_t previous)
{
	struct session *old;

	if (!previous || previous == s->id)
		return;
	old = session_find(previous);
	if (!old)
		return;
	/* 3.3.5.5.3: only the same user may end it, and only what has begun has a user. */
	if (atomic_load(&old->state) != SESSION_IN_PROGRESS && old->user &&
	    strcmp(old->user, s->user) == 0 && !old->anonymous && !old->guest)
		session_lost(old);
	session_put(old);
}

/* The answer goes out signed with the new channel's key. */
static void use_channel(struct request *rq, struct channel *ch)
{
	struct element *el = &rq->elements[rq->cur];

	if (el->channel != ch) {
		channel_put(el->channel);
		el->channel = channel_get(ch);
	}
	el->signed_ = ch->signing_key.len != 0;
}

static void authenticated(struct request *rq)
{
	struct conn *c = rq->conn;

	if (!c->st.authenticated) {
		c->st.authenticated = true;
		maps_count(&maps.server->preauth, -1);
	}
}

static ntstatus finish_new(struct request *rq, struct setup *su, const struct session_setup *q)
{
	const struct auth_result *res = auth_result(su->auth);
	struct session *s = su->session;
	struct channel *ch;
	ntstatus status = become_user(rq, s, res);

	if (status == NT_STATUS_SUCCESS)
		status = secure(rq, s, su, res, q->security_mode);
	if (status != NT_STATUS_SUCCESS)
		return status;
	ch = channel_new(s, rq->conn);
	ch->signing_key = s->keys.signing;
	use_channel(rq, ch);
	session_set_lifetime(s, res->lifetime);
	atomic_store_explicit(&s->state, SESSION_VALID, memory_order_release);
	entry_session_new(s);
	channel_add(ch);
	drop_previous(rq, s, q->previous_session_id);
	rq->sent = authenticated;
	log_info("session %016llx: \"%s\" from %s by %s", (unsigned long long)s->id, s->user,
		 res->workstation, res->mechanism);
	return NT_STATUS_SUCCESS;
}

static ntstatus finish_binding(struct request *rq, struct setup *su)
{
	const struct auth_result *res = auth_result(su->auth);
	struct session *s = su->session;
	struct channel *ch;

	if (res->guest || res->anonymous || !s->user || strcmp(res->account, s->user) != 0)
		return NT_STATUS_ACCESS_DENIED;
	if (atomic_load(&s->state) != SESSION_VALID)
		return NT_STATUS_USER_SESSION_DELETED;
	ch = channel_new(s, rq->conn);
	if (kdf_signing_key(s->dialect, res->session_key, res->session_key_len, &su->preauth,
			    &ch->signing_key) < 0) {
		channel_put(ch);
		channel_put(ch);
		return NT_STATUS_INTERNAL_ERROR;
	}
	use_channel(rq, ch);
	channel_add(ch);
	rq->sent = authenticated;
	return NT_STATUS_SUCCESS;
}

/* 3.3.5.5.3: the same user again; keys stay as they were. Another user ends the session. */
static ntstatus finish_reauth(struct request *rq, struct setup *su)
{
	const struct auth_result *res = auth_result(su->auth);
	struct session *s = su->session;
	const char *who = res->guest || res->anonymous ? NULL : res->account;

	/* Proves nothing: the session stays as it is, an expired one too. */
	if (res->anonymous && !s->guest && !s->anonymous) {
		if (rq->elements[rq->cur].channel)
			use_channel(rq, rq->elements[rq->cur].channel);
		return NT_STATUS_SUCCESS;
	}
	if (s->guest || s->anonymous ? who != NULL : (!who || strcmp(who, s->user) != 0))
		return NT_STATUS_ACCESS_DENIED;
	session_set_lifetime(s, res->lifetime);
	if (rq->elements[rq->cur].channel)
		use_channel(rq, rq->elements[rq->cur].channel);
	return NT_STATUS_SUCCESS;
}

static ntstatus finish(struct request *rq, struct setup *su, const struct session_setup *q)
{
	if (su->binding)
		return finish_binding(rq, su);
	return su->reauth ? finish_reauth(rq, su) : finish_new(rq, su, q);
}

/* The end of an exchange: who it was, or what was refused. */
static void debug_end(struct request *rq, const struct setup *su, ntstatus status)
{
	const struct auth_result *res = auth_result(su->auth);
	const struct session *s = su->session;
	const char *what = su->binding ? "binding" : su->reauth ? "reauthentication" : "login";

	if (!res)
		debug_request(LOG_AUTH, rq, "%s refused name=\"%s\" status=%s why=\"%s\"", what,
			      auth_client_name(su->auth), nt_name(status), auth_why(su->auth));
	else if (status != NT_STATUS_SUCCESS)
		debug_request(LOG_AUTH, rq,
			      "%s refused name=\"%s\" mechanism=%s status=%s why=\"the password is "
			      "right; account, Unix user or encryption are not\"",
			      what, res->client_name, res->mechanism, nt_name(status));
	else
		debug_request(LOG_AUTH, rq,
			      "%s name=\"%s\" user=%s unix_user=%s mechanism=%s guest=%d "
			      "anonymous=%d signing_required=%d encrypt=%d workstation=\"%s\"",
			      what, res->client_name, s->user ? s->user : "-",
			      s->unix_id.name ? s->unix_id.name : "-", res->mechanism, s->guest,
			      s->anonymous, s->signing_required, s->encrypt, res->workstation);
}

static void leg_sent(struct request *rq)
{
	setup_release(rq->conn, rq->priv);
}

static ntstatus reply(struct request *rq, const struct session *s, ntstatus status,
		      const struct auth_blob *blob)
{
	struct smb2_wr *w = reply_begin(rq, 8 + blob->len);
	uint16_t flags = 0;

	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	if (status == NT_STATUS_SUCCESS) {
		flags = s->guest ? SMB2_SESSION_FLAG_IS_GUEST : 0;
		flags |= s->anonymous ? SMB2_SESSION_FLAG_IS_NULL : 0;
		flags |= s->encrypt ? SMB2_SESSION_FLAG_ENCRYPT_DATA : 0;
	}
	wr_le16(w, 9);
	wr_le16(w, flags);
	wr_le16(w, SMB2_HDR_SIZE + 8);
	wr_le16(w, (uint16_t)blob->len);
	wr_bytes(w, blob->data, blob->len);
	rq->body_on_error = true; /* MORE_PROCESSING_REQUIRED */
	return status;
}

ntstatus smb2_session_setup(struct request *rq)
{
	struct iovec iov = { rq->frame, rq->frame_len };
	struct auth_blob blob = { 0 };
	struct session_setup q;
	struct setup *su = NULL;
	struct session *s;
	ntstatus status;

	identity_become_self();
	/* On a connection from before it was blocked. */
	if (block_refuses(&rq->conn->peer, &rq->conn->local)) {
		conn_close_async(rq->conn);
		return NT_STATUS_ACCESS_DENIED;
	}
	/* What is hashed and what is sent belongs to one exchange: not in a compound. */
	if (rq->n > 1 || !parse(rq, &q)) {
		stats_bad(BAD_parameter);
		return NT_STATUS_INVALID_PARAMETER;
	}
	status = find_setup(rq, &q, &su);
	if (status != NT_STATUS_SUCCESS) {
		debug_request(LOG_AUTH, rq, "exchange refused flags=0x%x status=%s", q.flags,
			      nt_name(status));
		return status;
	}
	s = session_get(su->session);
	if (!su->auth)
		su->auth = auth_begin(rq->conn->conf);
	rq->hdr.session_id = s->id;
	preauth_update(&su->preauth, &iov, 1);
	status = auth_step(su->auth, q.blob.buf, q.blob.len, &blob);
	if (status == NT_STATUS_MORE_PROCESSING_REQUIRED) {
		rq->preauth = &su->preauth;
		rq->priv = su;
		rq->sent = leg_sent;
		/* Legs of a re-authentication or binding are signed as their requests are. */
		status = reply(rq, s, status, &blob);
	} else {
		if (status == NT_STATUS_SUCCESS)
			status = finish(rq, su, &q);
		if (log_debug_on(LOG_AUTH))
			debug_end(rq, su, status);
		if (status == NT_STATUS_SUCCESS) {
			status = reply(rq, s, status, &blob);
		} else {
			stats_bad(status == NT_STATUS_INVALID_PARAMETER ? BAD_auth_blob
									: BAD_login_failed);
			/* Other failures are not what guessing of passwords gives. */
			if (status == NT_STATUS_LOGON_FAILURE &&
			    block_login_failed(rq->conn->conf, &rq->conn->peer, &rq->conn->local))
				conn_close_async(rq->conn);
			/* A failed re-authentication ends the session, 3.3.5.5.1 */
			if (su->reauth) {
				s->refused = true;
				session_destroy(s);
			}
		}
		setup_free(rq->conn, su);
	}
	auth_blob_free(&blob);
	session_put(s);
	return status;
}
