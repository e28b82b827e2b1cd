/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kat.h - what both sides of the known-answer test make alike: messages, keys, headers, from a
 * seed; and the form of an answer.
 */
#ifndef KH_KAT_H
#define KH_KAT_H

#include <linux/types.h>

#include "smb2_cursor.h"
#include "smb2_frame.h"
#include "smb2_ops.h"
#include "smb2_pdu.h"

struct kat_sign {
	__u16 alg;
	__u32 len;
	__u8 sig[16];
};

struct kat_seal {
	__u16 cipher;
	__u32 len;
	__u64 hash; /* of the encrypted message */
	__u8 tag[16];
};

static inline void kat_fill(void *buf, __u64 len, __u64 seed)
{
	__u64 i, x = seed * 0x9e3779b97f4a7c15ull + 1;

	for (i = 0; i < len; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		((__u8 *)buf)[i] = x >> 56;
	}
}

/* FNV-1a. */
static inline __u64 kat_hash(const void *buf, __u64 len)
{
	__u64 i, h = 0xcbf29ce484222325ull;

	for (i = 0; i < len; i++)
		h = (h ^ ((const __u8 *)buf)[i]) * 0x100000001b3ull;
	return h;
}

static inline void kat_key(__u8 key[32], __u16 alg, __u32 len)
{
	kat_fill(key, 32, 7919ull * len + alg);
}

/*
 * A message to sign, the signature zero. Bits of the nonce of GMAC: the first flag is as the seed
 * has it, and one length in two is a CANCEL.
 */
static inline void kat_message(__u8 *msg, __u32 len)
{
	kat_fill(msg, len, len);
	kh_put_le16(msg + SMB2_HDR_OFF_COMMAND, len % 2 ? SMB2_CANCEL : SMB2_READ);
	memset(msg + SMB2_HDR_OFF_SIGNATURE, 0, SMB2_SIGNATURE_SIZE);
}

#define KAT_NONCE_PREFIX  0x00c0ffeeu
#define KAT_NONCE_COUNTER 0x0123456789abcdefull

/* All but the nonce. */
static inline void kat_transform(__u8 hdr[SMB2_TRANSFORM_SIZE], __u32 len)
{
	kat_fill(hdr, SMB2_TRANSFORM_SIZE, len + 1);
}

#endif /* KH_KAT_H */
