/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mech.h - between the files of the exchange: the mechanism table, DER, NTLM's arithmetic. Used by
 * daemon/auth/ and its tests only.
 */
#ifndef KH_AUTH_MECH_H
#define KH_AUTH_MECH_H

#include "auth/auth.h"
#include "crypto/crypto.h"
#include "smb2_cursor.h"

/* ---- mechanisms ---- */

/* One row per GSS mechanism, in the order of our preference. */
struct auth_mech {
	const char *name;
	const uint8_t *oid; /* DER contents, without tag and length */
	size_t oid_len;
	/* As auth_step(), for the bare token; *out is malloc()ed. */
	ntstatus (*step)(struct auth *a, const void *in, size_t in_len, struct auth_blob *out);
	/* GSS_GetMIC of data as the server or as the client; -ENOTSUP: no keys for that. */
	int (*mic)(struct auth *a, bool server, const void *data, size_t n, uint8_t out[16]);
};

extern const struct auth_mech auth_mechs[];
extern const size_t auth_mechs_n;

/* ---- NTLMSSP's part of an exchange ---- */

#define NTLMSSP_NEGOTIATE_UNICODE      0x00000001u
#define NTLMSSP_REQUEST_TARGET	       0x00000004u
#define NTLMSSP_NEGOTIATE_SIGN	       0x00000010u
#define NTLMSSP_NEGOTIATE_SEAL	       0x00000020u
#define NTLMSSP_NEGOTIATE_NTLM	       0x00000200u
#define NTLMSSP_NEGOTIATE_ANONYMOUS    0x00000800u
#define NTLMSSP_NEGOTIATE_ALWAYS_SIGN  0x00008000u
#define NTLMSSP_TARGET_TYPE_SERVER     0x00020000u
#define NTLMSSP_NEGOTIATE_EXTENDED_SEC 0x00080000u /* extended session security */
#define NTLMSSP_NEGOTIATE_TARGET_INFO  0x00800000u
#define NTLMSSP_NEGOTIATE_VERSION      0x02000000u
#define NTLMSSP_NEGOTIATE_128	       0x20000000u
#define NTLMSSP_NEGOTIATE_KEY_EXCH     0x40000000u
#define NTLMSSP_NEGOTIATE_56	       0x80000000u

#define NTLMSSP_NEGOTIATE_MAX 4096 /* bytes of a NEGOTIATE_MESSAGE that are kept for the MIC */

struct ntlmssp_state {
	bool challenged;
	uint32_t flags; /* offered in the CHALLENGE; then what both agreed on */
	uint8_t challenge[8];
	struct auth_blob msg1, msg2; /* NEGOTIATE and CHALLENGE, for the MIC */
	bool have_key;		     /* both ends know result.session_key */
};

enum auth_wrap {
	AUTH_WRAP_UNKNOWN,
	AUTH_WRAP_NONE,
	AUTH_WRAP_SPNEGO,
};

struct auth {
	struct auth_config cfg;
	enum auth_wrap wrap;
	bool done, ok;
	unsigned int legs;
	size_t bytes;
	/* SPNEGO */
	const struct auth_mech *mech; /* chosen; NULL before the first token */
	struct auth_blob mech_list; /* MechTypeList as the client encoded it: what the MIC covers */
	bool replied;		    /* supportedMech was sent */
	bool need_mic;		    /* ours was not the client's first choice */
	bool mech_done;		    /* the mechanism succeeded, its MIC is awaited */
	struct ntlmssp_state ntlm;
	const char *why; /* static text: what failed; NULL: nothing that is known */
	struct auth_result result;
};

/* ---- ntlmssp.c: messages ---- */

extern const uint8_t ntlmssp_signature[8];

ntstatus ntlmssp_step(struct auth *a, const void *in, size_t in_len, struct auth_blob *out);
int ntlmssp_mic(struct auth *a, bool server, const void *data, size_t n, uint8_t out[16]);

/* ---- ntlm.c: responses and keys (MS-NLMP 3.3, 3.4.5) ---- */

struct ntlm_bytes {
	const uint8_t *p;
	size_t n;
};

/* What the client proves with; names in UTF-16LE as it sent them. */
struct ntlm_response {
	struct ntlm_bytes nt, lm, user, domain;
	uint8_t challenge[8]; /* the server's */
	bool extended;	      /* extended session security was negotiated */
};

/*
 * Compares with what the account's hash would have given. 0: right; *kx is the KeyExchangeKey and
 * *kind names the response. -EACCES: wrong, or not allowed by policy. Other -errno: OpenSSL.
 * Takes the same time for a right and a wrong hash.
 */
int ntlm_check(const struct ntlm_response *r, const uint8_t nt_hash[16],
	       enum auth_ntlm_policy policy, uint8_t kx[16], const char **kind);

/* MsvAvFlags in the NTLMv2 response: the client sent a MIC. */
bool ntlm_has_mic(const struct ntlm_bytes *nt);
/* Is an NTLMv2 response well-formed? Others are by their length. */
bool ntlm_response_ok(const struct ntlm_bytes *nt);

/* The NTLMSSP_MESSAGE_SIGNATURE of the first message in a direction (extended session security). */
int ntlm_sign(const uint8_t session_key[16], uint32_t flags, bool server, const void *data,
	      size_t n, uint8_t out[16]);

/* ---- spnego.c ---- */

ntstatus spnego_step(struct auth *a, const void *in, size_t in_len, struct auth_blob *out);

/* ---- der.c: the DER that SPNEGO needs; definite and minimal lengths only, never recursive ---- */

#define DER_OCTET_STRING 0x04
#define DER_OID		 0x06
#define DER_ENUMERATED	 0x0A
#define DER_GENERALSTR	 0x1B
#define DER_SEQUENCE	 0x30
#define DER_APPLICATION0 0x60
#define DER_CONTEXT(n)	 (uint8_t)(0xA0 | (n))

/* The tag of the next element; 0 at the end. */
uint8_t der_peek(const struct smb2_rd *r);
/* The contents of the next element, which must have this tag (0: any); r moves behind it. */
struct smb2_rd der_next(struct smb2_rd *r, uint8_t tag);
/* Puts tag and length before everything written since start. */
void der_wrap(struct smb2_wr *w, uint64_t start, uint8_t tag);

/* ---- auth.c ---- */

/* Moves what was written into a malloc()ed blob. */
void auth_blob_set(struct auth_blob *b, const void *data, size_t n);

#endif /* KH_AUTH_MECH_H */
