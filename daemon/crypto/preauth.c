// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * preauth.c - the hash chain over NEGOTIATE and SESSION_SETUP of 3.1.1.
 */
#include "crypto/internal.h"

int preauth_update(struct preauth_hash *h, const struct iovec *iov, size_t n)
{
	const struct crypto_algs *a = crypto_algs();
	EVP_MD_CTX *ctx;
	size_t i;
	bool ok;

	if (!a)
		return -ENOTSUP;
	ctx = EVP_MD_CTX_new();
	ok = ctx && EVP_DigestInit_ex2(ctx, a->sha512, NULL) &&
	     EVP_DigestUpdate(ctx, h->value, sizeof(h->value));
	for (i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(ctx, iov[i].iov_base, iov[i].iov_len);
	ok = ok && EVP_DigestFinal_ex(ctx, h->value, NULL);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}
