/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * login_pdu.h - the bodies of a login's requests, for every client of the tests: the writer begins
 * where the body does, behind the header of SMB2_HDR_SIZE bytes. When one does not fit, the writer
 * says so (wr_ok()).
 */
#ifndef KH_TEST_LOGIN_PDU_H
#define KH_TEST_LOGIN_PDU_H

#include <string.h>

#include "core/utf16.h"
#include "smb2_cursor.h"
#include "smb2_pdu.h"

struct login_offer {
	uint16_t dialect, cipher, signing_alg; /* the last two: in a context of 3.1.1 */
	uint32_t capabilities;
	const uint8_t *client_guid; /* 16 bytes */
};

static inline void login_context_put(struct smb2_wr *w, uint16_t type, const uint16_t *values,
				     unsigned int n)
{
	wr_align(w, 8);
	wr_le16(w, type);
	wr_le16(w, (uint16_t)(n * 2));
	wr_le32(w, 0);
	for (unsigned int i = 0; i < n; i++)
		wr_le16(w, values[i]);
}

/* NEGOTIATE, 2.2.3: one dialect, and one of everything. */
static inline void login_negotiate_put(struct smb2_wr *w, const struct login_offer *o)
{
	const uint16_t preauth[] = { 1, 0, SMB2_PREAUTH_SHA512 };
	const uint16_t cipher[] = { 1, o->cipher }, signing[] = { 1, o->signing_alg };
	bool v311 = o->dialect == SMB2_DIALECT_311;

	wr_le16(w, 36);
	wr_le16(w, 1);
	wr_le16(w, SMB2_NEGOTIATE_SIGNING_ENABLED);
	wr_le16(w, 0);
	wr_le32(w, o->capabilities);
	wr_bytes(w, o->client_guid, 16);
	wr_le32(w, v311 ? SMB2_HDR_SIZE + 40 : 0);
	wr_le32(w, v311 ? 3 : 0);
	wr_le16(w, o->dialect);
	if (v311) {
		login_context_put(w, SMB2_PREAUTH_INTEGRITY_CAPABILITIES, preauth, 3);
		login_context_put(w, SMB2_ENCRYPTION_CAPABILITIES, cipher, 2);
		login_context_put(w, SMB2_SIGNING_CAPABILITIES, signing, 2);
	}
}

/* What a dialect without contexts has. */
static inline uint16_t login_cipher_of(uint16_t dialect)
{
	return dialect >= SMB2_DIALECT_300 ? SMB2_ENCRYPTION_AES128_CCM : 0;
}

static inline uint16_t login_signing_of(uint16_t dialect)
{
	return dialect >= SMB2_DIALECT_300 ? SMB2_SIGNING_AES_CMAC : SMB2_SIGNING_HMAC_SHA256;
}

/* SESSION_SETUP, 2.2.5. */
static inline void login_setup_put(struct smb2_wr *w, uint8_t flags, uint8_t security_mode,
				   const void *blob, size_t n)
{
	wr_le16(w, 25);
	wr_u8(w, flags);
	wr_u8(w, security_mode);
	wr_zero(w, 8);
	wr_le16(w, SMB2_HDR_SIZE + 24);
	wr_le16(w, (uint16_t)n);
	wr_zero(w, 8);
	wr_bytes(w, blob, n);
}

/* TREE_CONNECT, 2.2.9, to a path of UTF-8. */
static inline void login_tree_put(struct smb2_wr *w, const char *path)
{
	uint8_t name[1024];
	int n = utf8_to_utf16(path, strlen(path), name, sizeof(name));

	if (n < 0) {
		wr_fail(w);
		return;
	}
	wr_le16(w, 9);
	wr_le16(w, 0);
	wr_le16(w, SMB2_HDR_SIZE + 8);
	wr_le16(w, (uint16_t)n);
	wr_bytes(w, name, (uint64_t)n);
}

#endif /* KH_TEST_LOGIN_PDU_H */
