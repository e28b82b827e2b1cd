/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crypto.h - the cryptography of SMB2/3 on OpenSSL: keys, signatures, transforms, old hashes.
 *
 * Keys are plain values; they, never a context, are what is handed to another owner of the
 * connection (the kernel module, a restarted daemon). A context (sign_ctx, seal_ctx) is a cache
 * derived from a key: made on first use by whoever owns the connection, dropped on hand-over.
 *
 * Threads: plain functions may be called from anywhere. A context belongs to one thread at a time.
 * Algorithms are fetched once per process; nothing is looked up per message.
 *
 * Errors: negative errno. -ENOTSUP: OpenSSL lacks the algorithm (legacy provider not installed,
 * FIPS policy); -EINVAL: the caller broke the contract below; -EBADMSG: a check failed; -ENOMEM;
 * -EIO: OpenSSL fails.
 */
#ifndef KH_CRYPTO_H
#define KH_CRYPTO_H

#include <sys/uio.h>

#include "core/util.h"
#include "smb2_frame.h"
#include "smb2_ops.h"
#include "smb2_pdu.h"

/* ---- crypto.c: the library, randomness, comparison ---- */

/*
 * Fetches every algorithm. Optional: the first call of anything below does it too, but a server
 * wants to know at start. 0, or -ENOTSUP.
 */
int crypto_init(void);

void crypto_random(void *buf, size_t n); /* ends the process if the system has no randomness */
bool crypto_equal(const void *a, const void *b, size_t n); /* in constant time */
void crypto_wipe(void *buf, size_t n);

/* ---- preauth.c: preauthentication integrity (MS-SMB2 3.3.5.4, 3.3.5.5) ---- */

#define PREAUTH_HASH_LEN 64

/* A value: copied from the connection to each session being set up; all zero at the start. */
struct preauth_hash {
	uint8_t value[PREAUTH_HASH_LEN];
};

/* value = SHA-512(value || message). The message begins at its SMB2 header, without the length. */
int preauth_update(struct preauth_hash *h, const struct iovec *iov, size_t n);

/* ---- kdf.c: session keys (MS-SMB2 3.1.4.2, 3.3.5.5.3) ---- */

#define SMB2_KEY_MAX 32

struct smb2_key {
	uint8_t len; /* 16 or 32; 0: there is none */
	uint8_t bytes[SMB2_KEY_MAX];
};

/* All keys of a session by the server's view. A value; smb2_keys_wipe() when done. */
struct smb2_keys {
	struct smb2_key signing;     /* of the channel that set the session up */
	struct smb2_key application; /* what RPC and others get as "session key" */
	struct smb2_key server_in;   /* decrypts what the client sent */
	struct smb2_key server_out;  /* encrypts what we send */
};

/*
 * From the key that authentication gave (key_len bytes: 16 from NTLM, 32 possible from Kerberos;
 * shorter is padded with zeros to 16). dialect: 0x0202 to 0x0311. cipher: SMB2_ENCRYPTION_* or 0
 * for none (then server_in and server_out have length 0). hash: the session's, for 3.1.1 only.
 * In 2.x signing and application are the session key itself.
 */
int kdf_session_keys(uint16_t dialect, uint16_t cipher, const uint8_t *key, size_t key_len,
		     const struct preauth_hash *hash, struct smb2_keys *out);

/* The signing key of one further channel (session binding): key and hash are those of the bind. */
int kdf_signing_key(uint16_t dialect, const uint8_t *key, size_t key_len,
		    const struct preauth_hash *hash, struct smb2_key *out);

void smb2_keys_wipe(struct smb2_keys *keys);

/* ---- sign.c: signatures (MS-SMB2 3.1.4.1, 3.1.5.1) ---- */

/* Heap per context: HMAC 1,600, CMAC 800, GMAC 2,400 bytes. */
struct sign_ctx;

/* alg: SMB2_SIGNING_*; HMAC-SHA256 for 2.x, AES-CMAC for 3.0. NULL: no memory or no algorithm. */
struct sign_ctx *sign_ctx_new(uint16_t alg, const struct smb2_key *key);
void sign_ctx_free(struct sign_ctx *c);

/*
 * The signature of one message (one element of a compound, with its padding) given as pieces. The
 * 64-byte header is whole in iov[0], with SMB2_FLAGS_SIGNED already set; its 16 signature bytes
 * count as zero whatever they hold. GMAC makes its nonce from the header's message id, the flag
 * SERVER_TO_REDIR and the command CANCEL: the owner must not sign two messages with one of these.
 */
int sign_message(struct sign_ctx *c, const struct iovec *iov, size_t n,
		 uint8_t sig[SMB2_SIGNATURE_SIZE]);

/* As above, and puts the signature into the header. */
int sign_message_put(struct sign_ctx *c, const struct iovec *iov, size_t n);

/*
 * 0 if the signature in the header is right; -EBADMSG if not. A request with SERVER_TO_REDIR set
 * is the dispatcher's to refuse, before: it could be one of our own replies, sent back.
 */
int sign_verify(struct sign_ctx *c, const struct iovec *iov, size_t n);

/* ---- seal.c: encryption (MS-SMB2 2.2.41, 3.1.4.3) ---- */

/* Heap per context: GCM 2,400, CCM 700 bytes; two per encrypted connection. */
struct seal_ctx;

/* cipher: SMB2_ENCRYPTION_*; encrypt: the direction. NULL: no memory, no algorithm, wrong key. */
struct seal_ctx *seal_ctx_new(uint16_t cipher, const struct smb2_key *key, bool encrypt);
void seal_ctx_free(struct seal_ctx *c);

/* Bytes of the transform header's Nonce that the cipher uses: 12 (GCM) or 11 (CCM). */
static inline size_t seal_nonce_len(uint16_t cipher)
{
	return cipher == SMB2_ENCRYPTION_AES128_GCM || cipher == SMB2_ENCRYPTION_AES256_GCM ? 12
											    : 11;
}

/*
 * A Nonce field: a prefix that is unique per (key, connection, ownership), 4 bytes for GCM and 3
 * for CCM (prefix < 1 << 24), and the owner's counter, which never repeats under one prefix.
 */
void seal_nonce(uint16_t cipher, uint32_t prefix, uint64_t counter, uint8_t nonce[16]);

/*
 * Encrypts the pieces in place. hdr: the 52 bytes of the SMB2 TRANSFORM_HEADER, all fields but
 * Signature filled in; its bytes from Nonce on are the associated data; Signature is written.
 * hdr is not among the pieces. A counter must be spent even on error.
 */
int seal_encrypt(struct seal_ctx *c, uint8_t *hdr, const struct iovec *iov, size_t n);

/*
 * As above from the pieces, which stay as they are (page cache, shared memory), to dst, which
 * holds their sum; one pass for GCM.
 */
int seal_encrypt_to(struct seal_ctx *c, uint8_t *hdr, const struct iovec *iov, size_t n, void *dst);

/* Decrypts in place. -EBADMSG: not from who has the key; the pieces hold garbage then. */
int seal_decrypt(struct seal_ctx *c, const uint8_t *hdr, const struct iovec *iov, size_t n);

/* ---- hash.c: what NTLM needs (MS-NLMP 6), legacy algorithms included ---- */

#define HASH_LEN 16 /* MD4, MD5, HMAC-MD5 */

int hash_md4(const void *data, size_t n, uint8_t out[HASH_LEN]);
int hash_md5(const struct iovec *iov, size_t n, uint8_t out[HASH_LEN]);
int hash_hmac_md5(const uint8_t *key, size_t key_len, const struct iovec *iov, size_t n,
		  uint8_t out[HASH_LEN]);
int hash_rc4(const uint8_t *key, size_t key_len, const void *in, size_t n, void *out);
/* DES of one block with 7 bytes of key, parity bits inserted (MS-NLMP "DES(K, D)"). */
int hash_des(const uint8_t key[7], const uint8_t in[8], uint8_t out[8]);
/* The NT hash of a password in UTF-8: MD4 of its UTF-16LE. -EILSEQ for bad UTF-8. */
int hash_nt(const char *password, uint8_t out[HASH_LEN]);

#endif /* KH_CRYPTO_H */
