// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * make_vectors.c - prints vectors.h: what the daemon's cryptography makes of kat.h's messages.
 */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "kat.h"

static const uint32_t sizes[] = { 64, 65, 79, 80, 4096 + 80, 65535, 65536, 1u << 20 };

static void print_bytes(const uint8_t *p, size_t n)
{
	while (n--)
		printf("0x%02x, ", *p++);
}

static void sign(uint16_t alg, uint32_t len)
{
	struct smb2_key key = { .len = 16 };
	uint8_t *msg = xcalloc(1, len), sig[16], raw[32];
	struct iovec iov = { msg, len };
	struct sign_ctx *c;

	kat_key(raw, alg, len);
	memcpy(key.bytes, raw, 16);
	kat_message(msg, len);
	c = sign_ctx_new(alg, &key);
	if (!c || sign_message(c, &iov, 1, sig))
		exit(1);
	printf("\t{ %u, %u, { ", alg, len);
	print_bytes(sig, sizeof(sig));
	printf("} },\n");
	sign_ctx_free(c);
	free(msg);
}

static void seal(uint16_t cipher, uint32_t len)
{
	struct smb2_key key = { .len = cipher >= SMB2_ENCRYPTION_AES256_CCM ? 32 : 16 };
	uint8_t *msg = xcalloc(1, len), hdr[SMB2_TRANSFORM_SIZE], raw[32];
	struct iovec iov = { msg, len };
	struct seal_ctx *c;

	kat_key(raw, cipher, len);
	memcpy(key.bytes, raw, key.len);
	kat_message(msg, len);
	kat_transform(hdr, len);
	seal_nonce(cipher, KAT_NONCE_PREFIX, KAT_NONCE_COUNTER, hdr + SMB2_TRANSFORM_OFF_NONCE);
	c = seal_ctx_new(cipher, &key, true);
	if (!c || seal_encrypt(c, hdr, &iov, 1))
		exit(1);
	printf("\t{ %u, %u, 0x%llxull, { ", cipher, len, (unsigned long long)kat_hash(msg, len));
	print_bytes(hdr + SMB2_TRANSFORM_OFF_SIGNATURE, 16);
	printf("} },\n");
	seal_ctx_free(c);
	free(msg);
}

int main(void)
{
	uint16_t alg;
	size_t i;

	printf("static const struct kat_sign kat_signs[] = {\n");
	for (alg = SMB2_SIGNING_HMAC_SHA256; alg <= SMB2_SIGNING_AES_GMAC; alg++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			sign(alg, sizes[i]);
	printf("};\n\nstatic const struct kat_seal kat_seals[] = {\n");
	for (alg = SMB2_ENCRYPTION_AES128_CCM; alg <= SMB2_ENCRYPTION_AES256_GCM; alg++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			seal(alg, sizes[i]);
	printf("};\n");
	return 0;
}
