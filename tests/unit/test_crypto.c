// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Published vectors: SP800-38B, MS-NLMP 4.2, and those that Microsoft's open specifications team
 * published for keys, CMAC signatures and both ciphers of SMB 3. GMAC against a GCM tag computed
 * here, by hand.
 */
#include <malloc.h>
#include <stdio.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/cmac.h"
#include "crypto/gcm.h"
#include "tap.h"

/* Bytes from hex, into a buffer of exactly that size, so that sanitizers see its end. */
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

static void test_kdf(void)
{
	_cleanup_free_ uint8_t *k30 = hex("7CD451825D0450D235424E44BA6E78CC", NULL);
	_cleanup_free_ uint8_t *k311 = hex("270E1BA896585EEB7AF3472D3B4C75A7", NULL);
	_cleanup_free_ uint8_t *pre =
		hex("0DD13628CC3ED218EF9DF9772D436D0887AB9814BFAE63A80AA845F36909DB79"
		    "28622DDDAD522D9751640A459762C5A9D6BB084CBB3CE6BDADEF5D5BCE3C6C01",
		    NULL);
	struct preauth_hash h;
	struct smb2_keys k;
	struct smb2_key one;
	uint8_t long_key[32] = { 1 };

	is_int(kdf_session_keys(SMB2_DIALECT_300, SMB2_ENCRYPTION_AES128_CCM, k30, 16, NULL, &k), 0,
	       "keys of 3.0");
	is_hex(k.signing.bytes, "0B7E9C5CAC36C0F6EA9AB275298CEDCE", "3.0 signing");
	is_hex(k.server_in.bytes, "FAD27796665B313EBB578F388632B4F7", "3.0 client to server");
	is_hex(k.server_out.bytes, "B0F0427F7CEB416D1D9DCC0CD4F99447", "3.0 server to client");
	is_hex(k.application.bytes, "BB23A4575AA26C721AF525AF15A87B4F", "3.0 application");

	memcpy(h.value, pre, sizeof(h.value));
	is_int(kdf_session_keys(SMB2_DIALECT_311, SMB2_ENCRYPTION_AES128_GCM, k311, 16, &h, &k), 0,
	       "keys of 3.1.1");
	is_hex(k.signing.bytes, "73FE7A9A77BEF0BDE49C650D8CCB5F76", "3.1.1 signing");
	is_hex(k.server_in.bytes, "629BCBC54422A0F572B97F45989B6073", "3.1.1 client to server");
	is_hex(k.server_out.bytes, "E2AF0DCEFAC68DA71A0DFBD0D1350D74", "3.1.1 server to client");
	is_hex(k.application.bytes, "6D7AD7954E9EC61E907B4D473DC178FF", "3.1.1 application");
	is_int(kdf_signing_key(SMB2_DIALECT_311, k311, 16, &h, &one), 0, "a channel's key");
	is_mem(&one, &k.signing, sizeof(one), "is the session's for the same input");
	is_int(kdf_signing_key(SMB2_DIALECT_311, k311, 16, NULL, &one), -EINVAL, "3.1.1, no hash");

	is_int(kdf_session_keys(SMB2_DIALECT_311, SMB2_ENCRYPTION_AES256_GCM, k311, 16, &h, &k), 0,
	       "256 bits from a short key");
	is_int(k.server_in.len, 32, "32 bytes in");
	is_int(k.server_out.len, 32, "32 bytes out");
	is_int(k.signing.len, 16, "16 bytes of signing key");
	one = k.server_in;
	kdf_session_keys(SMB2_DIALECT_311, SMB2_ENCRYPTION_AES256_GCM, long_key, 32, &h, &k);
	long_key[31] = 1;
	one = k.server_in;
	kdf_session_keys(SMB2_DIALECT_311, SMB2_ENCRYPTION_AES256_GCM, long_key, 32, &h, &k);
	ok(memcmp(&one, &k.server_in, sizeof(one)), "AES-256 uses the whole key");

	kdf_session_keys(SMB2_DIALECT_210, SMB2_ENCRYPTION_NONE, k30, 3, NULL, &k);
	is_hex(k.signing.bytes, "7CD45100000000000000000000000000", "2.1: the key, zero filled");
	is_int(k.server_in.len, 0, "2.1 has no encryption");
	kdf_session_keys(SMB2_DIALECT_311, SMB2_ENCRYPTION_NONE, k311, 16, &h, &k);
	is_int(k.server_out.len, 0, "no cipher, no key");
}

static void test_preauth(void)
{
	struct preauth_hash a = { { 0 } }, b = { { 0 } };
	struct iovec whole = { "abcdef", 6 }, parts[2] = { { "abc", 3 }, { "def", 3 } };
	uint8_t in[70] = { 0 }, want[64];

	memcpy(in + 64, "abcdef", 6);
	EVP_Digest(in, sizeof(in), want, NULL, EVP_sha512(), NULL);
	is_int(preauth_update(&a, &whole, 1), 0, "update");
	is_mem(a.value, want, 64, "SHA-512 of zeros and the message");
	preauth_update(&b, parts, 2);
	is_mem(a.value, b.value, 64, "pieces are one message");
	preauth_update(&b, parts, 2);
	ok(memcmp(a.value, b.value, 64), "a chain");
}

/* A Windows server's last SESSION_SETUP response (3.1.1, AES-CMAC). */
#define SIGNED_RESPONSE                                                                    \
	"FE534D4240000100000000000100800009000000000000000300000000000000FFFE000000000000" \
	"1900000000100000EBE146DA120BA25FC3376A49DFE31BC10900000048001D00A11B3019A0030A01" \
	"00A3120410010000003B453CDC3524164200000000"

static void test_cmac(void)
{
	size_t n;
	_cleanup_free_ uint8_t *m = hex(SIGNED_RESPONSE, &n);
	struct smb2_key key = { .len = 16 };
	struct iovec iov[3] = { { m, 65 }, { m + 65, 0 }, { m + 65, n - 65 } };
	struct iovec whole = { m, n };
	struct sign_ctx *c;
	uint8_t sig[16];
	_cleanup_free_ uint8_t *k = hex("73FE7A9A77BEF0BDE49C650D8CCB5F76", NULL);

	memcpy(key.bytes, k, 16);
	c = sign_ctx_new(SMB2_SIGNING_AES_CMAC, &key);
	ok(c, "CMAC context");
	is_int(sign_verify(c, &whole, 1), 0, "a Windows server's CMAC");
	is_int(sign_verify(c, iov, 3), 0, "in pieces, context used again");
	m[n - 1] ^= 1;
	is_int(sign_verify(c, iov, 3), -EBADMSG, "one bit wrong at the end");
	m[n - 1] ^= 1;
	m[40] ^= 0x80;
	is_int(sign_verify(c, iov, 3), -EBADMSG, "one bit wrong in the header");
	m[40] ^= 0x80;
	m[SMB2_HDR_OFF_SIGNATURE] ^= 1;
	is_int(sign_verify(c, iov, 3), -EBADMSG, "one bit wrong in the signature");
	is_int(sign_message_put(c, iov, 3), 0, "sign");
	is_int(sign_verify(c, &whole, 1), 0, "and it is right again");
	is_int(sign_message(c, iov, 0, sig), -EINVAL, "nothing to sign");
	iov[0].iov_len = 63;
	is_int(sign_message(c, iov, 1, sig), -EINVAL, "less than a header");
	sign_ctx_free(c);
}

/* Against OpenSSL's own, at lengths around blocks and steps, cut anywhere. */
static void test_cmac_lengths(void)
{
	static const size_t lens[] = { 0, 1, 15, 16, 17, 31, 32, 33, 4096, 4112, 4113, 20000 };
	OSSL_PARAM params[] = { OSSL_PARAM_utf8_string("cipher", (char *)"AES-128-CBC", 0),
				OSSL_PARAM_END };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *ref = EVP_MAC_CTX_new(mac);
	uint8_t key[16] = "sixteen bytes..", want[16], got[16];
	static uint8_t m[20000];
	struct cmac *c = cmac_new(key);
	size_t len;

	crypto_random(m, sizeof(m));
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		bool same = true;

		EVP_MAC_init(ref, key, sizeof(key), params);
		EVP_MAC_update(ref, m, lens[i]);
		EVP_MAC_final(ref, want, &len, sizeof(want));
		for (size_t cut = 0; cut <= lens[i]; cut += cut < 40 ? 1 : 997) {
			cmac_start(c);
			cmac_piece(c, m, cut);
			cmac_piece(c, m + cut, lens[i] - cut);
			same &= cmac_end(c, got) && !memcmp(got, want, 16);
		}
		ok(same, "CMAC in two pieces");
	}
	cmac_free(c);
	EVP_MAC_CTX_free(ref);
	EVP_MAC_free(mac);
}

static void test_hmac(void)
{
	uint8_t m[100] = { 0xFE, 'S', 'M', 'B' }, zeroed[100], want[32];
	struct smb2_key key = { .len = 16, .bytes = "0123456789abcdef" };
	struct sign_ctx *c = sign_ctx_new(SMB2_SIGNING_HMAC_SHA256, &key);
	struct iovec iov = { m, sizeof(m) };
	int i;

	memset(m + 48, 0x55, 16);
	memcpy(zeroed, m, sizeof(m));
	memset(zeroed + 48, 0, 16);
	EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key.bytes, 16, zeroed, sizeof(zeroed), want,
		  sizeof(want), NULL);
	for (i = 0; i < 2; i++) {
		is_int(sign_message_put(c, &iov, 1), 0, "HMAC");
		is_mem(m + 48, want, 16, "the first half of HMAC-SHA256");
	}
	sign_ctx_free(c);
	key.len = 0;
	ok(!sign_ctx_new(SMB2_SIGNING_HMAC_SHA256, &key), "no key, no context");
	key.len = 16;
	ok(!sign_ctx_new(7, &key), "no such algorithm");
}

static void gcm_tag(const uint8_t *key, const uint8_t *nonce, const void *aad, int n, uint8_t *tag)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len;

	EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, nonce);
	EVP_EncryptUpdate(c, NULL, &len, aad, n);
	EVP_EncryptFinal_ex(c, tag, &len);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, tag);
	EVP_CIPHER_CTX_free(c);
}

static void test_gmac(void)
{
	static const struct {
		const char *name;
		uint16_t command;
		uint32_t flags;
		uint8_t bits;
	} cases[] = {
		{ "request", SMB2_READ, SMB2_FLAGS_SIGNED, 0 },
		{ "response", SMB2_READ, SMB2_FLAGS_SIGNED | SMB2_FLAGS_SERVER_TO_REDIR, 1 },
		{ "CANCEL", SMB2_CANCEL, SMB2_FLAGS_SIGNED, 2 },
	};
	struct smb2_key key = { .len = 16, .bytes = "0123456789abcdef" };
	struct sign_ctx *c = sign_ctx_new(SMB2_SIGNING_AES_GMAC, &key);
	uint8_t m[64 + 37], want[16], nonce[12] = { 0 };
	struct iovec iov[3] = { { m, 64 }, { m + 64, 5 }, { m + 69, 32 } };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(m, 0xA5, sizeof(m));
		memset(m + 48, 0, 16);
		kh_put_le16(m + SMB2_HDR_OFF_COMMAND, cases[i].command);
		kh_put_le32(m + SMB2_HDR_OFF_FLAGS, cases[i].flags);
		kh_put_le64(m + SMB2_HDR_OFF_MESSAGE_ID, 0x1122334455667788u + i);
		kh_put_le64(nonce, 0x1122334455667788u + i);
		nonce[8] = cases[i].bits;
		gcm_tag(key.bytes, nonce, m, sizeof(m), want);
		is_int(sign_message_put(c, iov, 3), 0, cases[i].name);
		is_mem(m + 48, want, 16, "is the tag of GCM without a message");
		is_int(sign_verify(c, iov, 3), 0, "verifies");
		m[100] ^= 4;
		is_int(sign_verify(c, iov, 3), -EBADMSG, "sees a bit");
	}
	sign_ctx_free(c);
}

/* A WRITE each, encrypted by a Windows 8 and a Windows 10 client. */
static const struct {
	const char *name, *key, *header, *plain, *cipher;
	uint16_t id;
} sealed[] = {
	{ "AES-128-CCM", "261B72350558F2E9DCF613070383EDBF",
	  "FD534D4281A286535415445DAE393921E44FA42E66E69A111892584FB5ED524A744DA3EE"
	  "87000000000001001100001400E40800",
	  "FE534D4240000100000000000900400008000000000000000400000000000000FFFE0000010000001100001"
	  "400E40800000000000000000000000000000000003100700017000000000000000000000015010000390000"
	  "02010000003902000000000000000000007000000000000000536D623320656E6372797074696F6E2074657"
	  "374696E67",
	  "", SMB2_ENCRYPTION_AES128_CCM },
	{ "AES-128-GCM", "A2F5E80E5D59103034F32E52F698E5EC",
	  "FD534D42BD73D97D2BC9001BCAFAC0FDFF5FEEBCC7D6822D269CAF48904C664C00000000"
	  "87000000000001002500000000100000",
	  "FE534D4240000100000000000900010008000000000000000500000000000000FFFE000001000000"
	  "25000000001000000000000000000000000000000000000031007000170000000000000000000000"
	  "0600000004000000010000000400000000000000000000007000000000000000536D623320656E63"
	  "72797074696F6E2074657374696E67",
	  "6ECDD2A7AFC7B47763057A041B8FD4DAFFE990B70C9E09D36C084E02"
	  "D14EF247F8BDE38ACF6256F8B1D3B56F77FBDEB312FEA5E92CBCC1ED8FB2EBBFAA75E49A4A394BB4"
	  "4576545567C24D4C014D47C9FBDFDAFD2C4F9B72F8D256452620A299F48E29E53D6B61D1C13A19E9"
	  "1AF013F00D17E3ABC2FC3D36C8C1B6B93973253852DBD442E46EE8",
	  SMB2_ENCRYPTION_AES128_GCM },
};

static void test_seal_vectors(void)
{
	size_t i, n, round;

	for (i = 0; i < ARRAY_SIZE(sealed); i++) {
		_cleanup_free_ uint8_t *k = hex(sealed[i].key, NULL);
		_cleanup_free_ uint8_t *hdr = hex(sealed[i].header, NULL);
		_cleanup_free_ uint8_t *want = hex(sealed[i].header, NULL);
		_cleanup_free_ uint8_t *buf = hex(sealed[i].plain, &n);
		struct smb2_key key = { .len = 16 };
		struct iovec iov = { buf, n };
		struct seal_ctx *e, *d;

		memcpy(key.bytes, k, 16);
		e = seal_ctx_new(sealed[i].id, &key, true);
		d = seal_ctx_new(sealed[i].id, &key, false);
		for (round = 0; round < 2; round++) {
			memset(hdr + SMB2_TRANSFORM_OFF_SIGNATURE, 0, 16);
			is_int(seal_encrypt(e, hdr, &iov, 1), 0, sealed[i].name);
			is_mem(hdr, want, 52, "Windows' tag");
			if (*sealed[i].cipher)
				is_hex(buf, sealed[i].cipher, "Windows' bytes");
			is_int(seal_decrypt(d, hdr, &iov, 1), 0, "decrypts");
			is_hex(buf, sealed[i].plain, "to what it was");
		}
		is_int(seal_decrypt(e, hdr, &iov, 1), -EINVAL, "the other direction");
		is_int(seal_encrypt(d, hdr, &iov, 1), -EINVAL, "and the other");
		seal_ctx_free(e);
		seal_ctx_free(d);
	}
}

static void test_seal_pieces(uint16_t cipher)
{
	struct smb2_key key = { .len = cipher > 2 ? 32 : 16,
				.bytes = "a key of some thirty-two bytes" };
	struct seal_ctx *e = seal_ctx_new(cipher, &key, true);
	struct seal_ctx *d = seal_ctx_new(cipher, &key, false);
	uint8_t hdr[52] = { 0xFD }, hdr2[52], a[3000], b[3000], c[3000];
	struct iovec one = { a, sizeof(a) };
	struct iovec parts[4] = { { b, 1 }, { b + 1, 0 }, { b + 1, 1500 }, { b + 1501, 1499 } };

	memset(a, 'x', sizeof(a));
	memset(b, 'x', sizeof(b));
	seal_nonce(cipher, 0x00A1B2C3, 7, hdr + SMB2_TRANSFORM_OFF_NONCE);
	memcpy(hdr2, hdr, sizeof(hdr));
	is_int(seal_encrypt_to(e, hdr2, parts, 4, c), 0, "pieces to one buffer");
	ok(b[0] == 'x' && b[2999] == 'x', "the source stays");
	is_int(seal_encrypt(e, hdr, &one, 1), 0, "one piece");
	is_mem(c, a, sizeof(a), "the same bytes");
	is_mem(hdr2, hdr, sizeof(hdr), "the same tag");
	is_int(seal_encrypt(e, hdr2, parts, 4), 0, "pieces in place");
	is_mem(b, a, sizeof(a), "the same bytes");
	is_mem(hdr2, hdr, sizeof(hdr), "the same tag");
	is_int(seal_decrypt(d, hdr2, parts, 4), 0, "decrypt pieces");
	ok(b[0] == 'x' && b[2999] == 'x' && !memcmp(b, b + 1, 2999), "plain again");
	hdr[51] ^= 1;
	is_int(seal_decrypt(d, hdr, &one, 1), -EBADMSG, "wrong session id in the header");
	memcpy(a, c, sizeof(a));
	hdr[51] ^= 1;
	a[1000] ^= 1;
	is_int(seal_decrypt(d, hdr, &one, 1), -EBADMSG, "wrong byte");
	memcpy(a, c, sizeof(a));
	is_int(seal_decrypt(d, hdr, &one, 1), 0, "usable after failures");
	is_int(seal_decrypt(d, hdr, &one, 0), -EINVAL, "nothing");
	seal_ctx_free(e);
	seal_ctx_free(d);
	key.len = 24;
	ok(!seal_ctx_new(cipher, &key, true), "wrong key length");
}

/* Both libraries, the same bytes: lengths around their steps, cut anywhere. */
static void test_gcm_libraries(size_t key_len)
{
	static const size_t lens[] = { 1, 15, 16, 17, 63, 255, 256, 257, 768, 4180, 65537, 70000 };
	uint8_t key[32] = "some thirty bytes of a key", iv[12] = "some nonce", aad[32] = { 9 };
	static uint8_t plain[70000], one[70000], two[70000];
	uint8_t tag[2][16];
	struct gcm *g[4];

	crypto_random(plain, sizeof(plain));
	for (int i = 0; i < 4; i++) {
		gcm_openssl_only = true;
		g[i] = i & 1 ? NULL : gcm_mb_new(key, key_len, i < 2);
		if (!g[i])
			g[i] = gcm_new(key, key_len, i < 2);
	}
	gcm_openssl_only = false;
	diag("AES-%zu-GCM: %s", key_len * 8,
	     g[0]->ops == g[1]->ops ? "OpenSSL"
	     : gcm_mb_is_fastest()  ? "intel-ipsec-mb"
				    : "OpenSSL, intel-ipsec-mb for small ones");
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		size_t n = lens[i], cut = n * 2 / 5;
		bool same;

		gcm_start(g[0], iv, aad, sizeof(aad));
		gcm_piece(g[0], one, plain, cut);
		gcm_piece(g[0], one + cut, plain + cut, n - cut);
		gcm_end(g[0], tag[0]);
		gcm_start(g[1], iv, aad, sizeof(aad));
		gcm_piece(g[1], two, plain, n);
		gcm_end(g[1], tag[1]);
		same = !memcmp(one, two, n) && !memcmp(tag[0], tag[1], 16);
		for (int d = 0; d < 4; d++) {
			gcm_start(g[2 + d % 2], iv, aad, sizeof(aad));
			gcm_piece(g[2 + d % 2], two, one, cut);
			gcm_piece(g[2 + d % 2], two + cut, one + cut, n - cut);
			tag[0][3] ^= d / 2;
			same &= gcm_end(g[2 + d % 2], tag[0]) == (d < 2) && !memcmp(two, plain, n);
			tag[0][3] ^= d / 2;
		}
		for (int m = 0; m < 2; m++) {
			gmac_start(g[m], iv);
			gmac_piece(g[m], plain, m ? n : cut);
			gmac_piece(g[m], plain + cut, m ? 0 : n - cut);
			gmac_end(g[m], tag[m]);
		}
		ok(same && !memcmp(tag[0], tag[1], 16), "the same by both libraries");
	}
	for (int i = 0; i < 4; i++)
		gcm_free(g[i]);
}

static void test_hash(void)
{
	_cleanup_free_ uint8_t *lm = hex("0123456789abcdef", NULL);
	struct iovec parts[2] = { { "a", 1 }, { "bc", 2 } };
	uint8_t out[16];

	is_int(hash_nt("Password", out), 0, "NT hash");
	is_hex(out, "a4f49c406510bdcab6824ee7c30fd852", "NTOWFv1 of MS-NLMP 4.2.2.1.2");
	is_int(hash_nt("", out), 0, "of nothing");
	is_hex(out, "31d6cfe0d16ae931b73c59d7e0c089c0", "is the well-known one");
	is_int(hash_nt("\xFF", out), -EILSEQ, "bad UTF-8");
	is_int(hash_md4("abc", 3, out), 0, "MD4");
	is_hex(out, "a448017aaf21d8525fc10ae87aa6729d", "RFC 1320");
	is_int(hash_md5(parts, 2, out), 0, "MD5");
	is_hex(out, "900150983cd24fb0d6963f7d28e17f72", "RFC 1321");
	is_int(hash_hmac_md5((const uint8_t *)"Jefe", 4,
			     &(struct iovec) { "what do ya want for nothing?", 28 }, 1, out),
	       0, "HMAC-MD5");
	is_hex(out, "750c783e6ab0b503eaa86e310a5db738", "RFC 2104");
	is_int(hash_rc4((const uint8_t *)"Key", 3, "Plaintext", 9, out), 0, "RC4");
	is_hex(out, "bbf316e8d940af0ad3", "its vector");
	is_int(hash_des((const uint8_t *)"\xa4\xf4\x9c\x40\x65\x10\xbd", lm, out), 0, "DES");
	is_hex(out, "67c43011f30298a2", "MS-NLMP 4.2.2.2.1, first block");
}

/* What crypto.h says about the heap; a hundred at a time, so that allocator caches do not show. */
static void test_size(void)
{
	static const char *const name[] = { "HMAC", "CMAC", "GMAC", "CCM seal", "GCM seal" };
	struct smb2_key key = { .len = 16 };
	uint8_t msg[64] = { 0 }, sig[16];
	struct iovec iov = { msg, sizeof(msg) };
	void *c[100];
	uint16_t i, j;

	for (i = 0; i < 5; i++) {
		size_t before = mallinfo2().uordblks, size;

		for (j = 0; j < 100; j++) {
			c[j] = i < 3 ? (void *)sign_ctx_new(i, &key)
				     : (void *)seal_ctx_new((uint16_t)(i - 2), &key, true);
			if (i < 3)
				sign_message(c[j], &iov, 1, sig);
		}
		size = (mallinfo2().uordblks - before) / 100;
		diag("%s context: %zu bytes", name[i], size);
		ok(size < 3072, "a context is small");
		for (j = 0; j < 100; j++) {
			if (i < 3)
				sign_ctx_free(c[j]);
			else
				seal_ctx_free(c[j]);
		}
	}
}

static void test_basics(void)
{
	uint8_t a[300] = { 0 }, b[300] = { 0 };

	is_int(crypto_init(), 0, "every algorithm is there");
	ok(crypto_equal(a, b, sizeof(a)), "equal");
	crypto_random(a, sizeof(a));
	ok(!crypto_equal(a, b, sizeof(a)), "random is not zero");
	crypto_wipe(a, sizeof(a));
	ok(crypto_equal(a, b, sizeof(a)), "wiped");

	test_size();
}

int main(void)
{
	uint16_t i;

	test_basics();
	test_kdf();
	test_preauth();
	test_cmac();
	test_cmac_lengths();
	test_hmac();
	for (int only = 0; only < 2; only++) {
		gcm_openssl_only = only;
		test_gmac();
		test_seal_vectors();
		for (i = SMB2_ENCRYPTION_AES128_CCM; i <= SMB2_ENCRYPTION_AES256_GCM; i++)
			test_seal_pieces(i);
	}
	test_gcm_libraries(16);
	test_gcm_libraries(32);
	test_hash();
	return done_testing();
}
