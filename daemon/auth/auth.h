/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * auth.h - the GSS exchange inside SESSION_SETUP: SPNEGO around a mechanism, or raw NTLMSSP.
 * (Accounts are in users.h; this code reaches them by a callback only.)
 *
 * One struct auth is one exchange: new → step, step, ... → result → free. Everything a client
 * sends is parsed here, before it is known: no step allocates more than a few KiB, an exchange is
 * bounded in legs and bytes, and no failure says whether an account exists.
 *
 * Threads: a struct auth is used by one thread at a time (any thread; steps may be on different
 * ones). The struct auth_config is copied; its strings and lookup_arg must outlive the exchange,
 * and the lookup callback must be callable from any thread.
 */
#ifndef KH_AUTH_H
#define KH_AUTH_H

#include "core/util.h"
#include "smb2_status.h"

#define AUTH_NAME_MAX	 256	     /* bytes of UTF-8 with NUL */
#define AUTH_LEGS_MAX	 8	     /* steps of one exchange */
#define AUTH_BYTES_MAX	 (64 * 1024) /* input of one exchange */
#define AUTH_SPNEGO_HINT 128	     /* room that spnego_hint() never exceeds */

enum auth_ntlm_policy {
	AUTH_NTLM_V2_ONLY,
	AUTH_NTLM_V1_PERMITTED, /* NTLMv1 and NTLM2 session response too; never LM */
	AUTH_NTLM_DISABLED,
};

enum auth_map_to_guest {
	AUTH_GUEST_NEVER,
	AUTH_GUEST_BAD_USER,	 /* an unknown user becomes the guest */
	AUTH_GUEST_BAD_PASSWORD, /* a wrong password too */
};

/* What NTLM needs of an account; filled in by the callback, wiped by us. */
struct auth_account {
	char name[AUTH_NAME_MAX]; /* as stored */
	uint8_t nt_hash[16];
	bool disabled; /* right password → ACCOUNT_DISABLED, wrong one → LOGON_FAILURE */
};

/*
 * The account with this name (UTF-8, as the client wrote it; match without case). 0, -ENOENT, or
 * another -errno if it cannot be known (the login then fails as with -ENOENT, but is never mapped
 * to guest). Takes the same time for a known and an unknown name.
 */
typedef int auth_lookup_fn(void *arg, const char *name, struct auth_account *out);

/* Strings are UTF-8, NULL counts as "". Zeroes everywhere are the strict defaults. */
struct auth_config {
	const char *netbios_name; /* "FILES", upper case by convention */
	const char *dns_name;	  /* "files.example.org" */
	const char *domain;	  /* workgroup; a standalone server's NTLM domain is itself */
	const char *dns_domain;	  /* "example.org" */
	enum auth_ntlm_policy ntlm;
	enum auth_map_to_guest map_to_guest;
	bool anonymous_ok;
	auth_lookup_fn *lookup;
	void *lookup_arg;
};

/* Bytes for the reply's security buffer; owned by the caller after the step, auth_blob_free(). */
struct auth_blob {
	uint8_t *data; /* NULL when len is 0 */
	size_t len;
};

/* Valid after a step returned SUCCESS, owned by the struct auth. */
struct auth_result {
	uint8_t session_key[32];     /* MS-SMB2 Session.FullSessionKey; all zero for raw guests */
	size_t session_key_len;	     /* 16 for NTLM */
	char account[AUTH_NAME_MAX]; /* as stored; "" for guest and anonymous */
	char client_name[AUTH_NAME_MAX]; /* as the client wrote it */
	char domain[AUTH_NAME_MAX];	 /* as the client wrote it; any is accepted */
	char workstation[AUTH_NAME_MAX]; /* claimed by the client, never to be trusted */
	const char *mechanism;		 /* "NTLMv2", "NTLMv1", ... for logs and status */
	/*
	 * SMB2_SESSION_FLAG_IS_GUEST / IS_NULL. Both ends share no secret then: such a session
	 * cannot be signed or encrypted (MS-SMB2 3.3.5.5.3).
	 */
	bool guest;
	bool anonymous;
	uint32_t lifetime; /* seconds until it must be done again (a ticket's); 0: for ever */
};

struct auth;

/* ---- auth.c: the exchange ---- */

struct auth *auth_new(const struct auth_config *cfg); /* never NULL */
void auth_free(struct auth *a);			      /* wipes; NULL is fine */

/*
 * Takes one security buffer and gives the answering one. Returns
 *   MORE_PROCESSING_REQUIRED  send out, expect another leg
 *   SUCCESS                   send out (may be empty); auth_result() is valid
 *   LOGON_FAILURE, ACCOUNT_DISABLED, ACCESS_DENIED (anonymous refused)
 *   INVALID_PARAMETER         not what the protocol allows; a wrong MIC
 *   INSUFFICIENT_RESOURCES    too many legs or bytes
 *   INTERNAL_ERROR            OpenSSL fails
 * After anything but the first the exchange is over, and a further step is INVALID_PARAMETER.
 */
ntstatus auth_step(struct auth *a, const void *in, size_t in_len, struct auth_blob *out);

/*
 * For a debug line, after a step that failed: why, in words of the server's own, and the name that
 * the client gave ("": none). Never for the client's eyes: it says whether an account exists.
 */
const char *auth_why(const struct auth *a);
const char *auth_client_name(const struct auth *a);

/* NULL before SUCCESS. */
const struct auth_result *auth_result(const struct auth *a);

void auth_blob_free(struct auth_blob *b);

/* ---- spnego.c ---- */

/*
 * The NegTokenInit2 for the NEGOTIATE reply (MS-SPNG 2.2.1): our mechanisms and a hint that says
 * nothing. Returns its length, or -ENOSPC. The same bytes each time.
 */
int spnego_hint(uint8_t *out, size_t cap);

#endif /* KH_AUTH_H */
