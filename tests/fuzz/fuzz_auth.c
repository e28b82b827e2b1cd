// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_auth.c - whole exchanges out of a string of legs: a byte of policy, then for each leg two
 * bytes of length (little endian) and the leg. The server's challenge is patched into legs by
 * nobody: what follows a right proof is the unit test's, what precedes it is explored here.
 */
#include "auth/mech.h"
#include "core/utf16.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int lookup(void *arg, const char *name, struct auth_account *out)
{
	if (!utf8_equal_nocase(name, "alice"))
		return -ENOENT;
	strcpy(out->name, "alice");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct auth_config cfg = { .netbios_name = "FILES",
				   .dns_name = "files",
				   .domain = "WORKGROUP",
				   .lookup = lookup };
	struct smb2_rd r = rd_init(data, size);
	uint8_t policy = rd_u8(&r);
	struct auth *a;

	cfg.ntlm = policy & 3;
	cfg.map_to_guest = policy >> 2 & 3;
	cfg.anonymous_ok = policy & 16;
	a = auth_new(&cfg);
	while (rd_left(&r)) {
		uint64_t n = rd_le16(&r);
		struct smb2_rd leg;
		struct auth_blob out;
		uint8_t *copy;

		n = MIN(n, rd_left(&r));
		leg = rd_init(rd_bytes(&r, n), n);
		copy = xmalloc(n); /* its own block: a byte too far is seen */
		if (n)
			memcpy(copy, leg.buf, n);
		(void)auth_step(a, copy, n, &out);
		auth_blob_free(&out);
		free(copy);
	}
	auth_free(a);
	return 0;
}
