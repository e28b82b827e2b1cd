// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kdf.c - SP800-108 in counter mode with HMAC-SHA256, and the labels and contexts that MS-SMB2
 * gives it. Labels and the contexts of 3.0 include their NUL.
 */
#include <openssl/core_names.h>

#include "crypto/internal.h"

struct kdf_use {
	const char *label;   /* 3.0, 3.0.2 */
	const char *context; /* 3.0, 3.0.2 */
	const char *label_311;
};

/* "ServerIn " has a blank behind it in the specification, and on the wire of every peer. */
static const struct kdf_use use_signing = { "SMB2AESCMAC", "SmbSign", "SMBSigningKey" };
static const struct kdf_use use_application = { "SMB2APP", "SmbRpc", "SMBAppKey" };
static const struct kdf_use use_server_in = { "SMB2AESCCM", "ServerIn ", "SMBC2SCipherKey" };
static const struct kdf_use use_server_out = { "SMB2AESCCM", "ServerOut", "SMBS2CCipherKey" };

static int kdf_run(const uint8_t *key, size_t key_len, const char *label, const void *context,
		   size_t context_len, size_t out_len, struct smb2_key *out)
{
	const struct crypto_algs *a = crypto_algs();
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_MODE, (char *)"counter", 0),
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_MAC, (char *)"HMAC", 0),
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, key_len),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, (void *)label, strlen(label) + 1),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, (void *)context, context_len),
		OSSL_PARAM_END,
	};
	EVP_KDF_CTX *ctx;
	int rc = -ENOTSUP;

	if (!a)
		return rc;
	ctx = EVP_KDF_CTX_new(a->kbkdf);
	if (ctx && EVP_KDF_derive(ctx, out->bytes, out_len, params) > 0) {
		out->len = (uint8_t)out_len;
		rc = 0;
	}
	EVP_KDF_CTX_free(ctx);
	return rc;
}

static int kdf_use(const struct kdf_use *use, uint16_t dialect, const uint8_t *key, size_t key_len,
		   const struct preauth_hash *hash, size_t out_len, struct smb2_key *out)
{
	if (dialect >= SMB2_DIALECT_311) {
		if (!hash)
			return -EINVAL;
		return kdf_run(key, key_len, use->label_311, hash->value, sizeof(hash->value),
			       out_len, out);
	}
	return kdf_run(key, key_len, use->label, use->context, strlen(use->context) + 1, out_len,
		       out);
}

/* Session.SessionKey: the first 16 bytes, filled up with zeros. */
static void short_key(const uint8_t *key, size_t key_len, struct smb2_key *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->bytes, key, MIN(key_len, 16u));
	out->len = 16;
}

int kdf_signing_key(uint16_t dialect, const uint8_t *key, size_t key_len,
		    const struct preauth_hash *hash, struct smb2_key *out)
{
	struct smb2_key k;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	short_key(key, key_len, &k);
	if (dialect < SMB2_DIALECT_300)
		*out = k;
	else
		rc = kdf_use(&use_signing, dialect, k.bytes, k.len, hash, 16, out);
	crypto_wipe(&k, sizeof(k));
	return rc;
}

int kdf_session_keys(uint16_t dialect, uint16_t cipher, const uint8_t *key, size_t key_len,
		     const struct preauth_hash *hash, struct smb2_keys *out)
{
	bool aes256 = cipher == SMB2_ENCRYPTION_AES256_CCM || cipher == SMB2_ENCRYPTION_AES256_GCM;
	struct smb2_key k;
	int rc;

	memset(out, 0, sizeof(*out));
	short_key(key, key_len, &k);
	rc = kdf_signing_key(dialect, key, key_len, hash, &out->signing);
	if (rc)
		goto out;
	if (dialect < SMB2_DIALECT_300) {
		out->application = k;
		goto out;
	}
	rc = kdf_use(&use_application, dialect, k.bytes, k.len, hash, 16, &out->application);
	if (rc || cipher == SMB2_ENCRYPTION_NONE)
		goto out;

	/* AES-256 takes the whole key of authentication (FullSessionKey), if that is longer. */
	const uint8_t *base = aes256 && key_len > k.len ? key : k.bytes;
	size_t base_len = base == key ? key_len : k.len, n = aes256 ? 32 : 16;

	rc = kdf_use(&use_server_in, dialect, base, base_len, hash, n, &out->server_in);
	if (!rc)
		rc = kdf_use(&use_server_out, dialect, base, base_len, hash, n, &out->server_out);
out:
	crypto_wipe(&k, sizeof(k));
	if (rc)
		smb2_keys_wipe(out);
	return rc;
}

void smb2_keys_wipe(struct smb2_keys *keys)
{
	crypto_wipe(keys, sizeof(*keys));
}
