/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmac.h - between the files of daemon/crypto/: AES-128-CMAC (RFC 4493). */
#ifndef KH_CRYPTO_CMAC_H
#define KH_CRYPTO_CMAC_H

#include "crypto/crypto.h"

#define CMAC_LEN 16

/* One key, one message after the other; not from two threads at once. */
struct cmac;

struct cmac *cmac_new(const uint8_t key[16]); /* NULL: no memory, no algorithm */
void cmac_free(struct cmac *c);

bool cmac_start(struct cmac *c);
bool cmac_piece(struct cmac *c, const void *p, size_t n);
bool cmac_end(struct cmac *c, uint8_t mac[CMAC_LEN]);

#endif /* KH_CRYPTO_CMAC_H */
