// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_sd - any bytes as a security descriptor, self-relative and as in security.NTACL: what
 * parses must write back to what parses to the same, and be judged without harm.
 */
#include "vfs/acl.h"

#include <stdlib.h>

static const struct security_token *token(void)
{
	static const uint32_t groups[] = { 10, 20 };
	static struct security_token *t;

	if (!t)
		t = token_new(1000, 100, groups, 2, 0);
	return t;
}

static void judge(const struct sd *sd)
{
	static const struct acl_object objs[] = { { -1, 1000, 100, S_IFREG | 0640 },
						  { -1, 1001, 100, S_IFDIR | 0755 } };
	struct posix_acl access, dflt;
	_cleanup_sd_ struct sd *child = NULL;
	uint32_t granted, all;

	all = sd_access_max(sd, token());
	if (!sd_access_check(sd, token(), SEC_MAXIMUM_ALLOWED, &granted) && granted != all)
		abort();
	if (sd_access_check(sd, token(), all, &granted))
		abort();
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		posix_acl_from_sd(&objs[i], sd, &access, &dflt);
	sd_inherit(sd, &sid_system, &sid_builtin_users, granted & 1, &child);
	sd_has_inheritable(sd, true);
}

static void round_trip(const struct sd *sd)
{
	static uint8_t buf[2 * SD_SIZE_MAX];
	struct smb2_wr w = wr_init(buf, sizeof(buf));
	_cleanup_sd_ struct sd *again = NULL, *copy = sd_dup(sd);
	size_t size =
		sd_query_size(sd, SECINFO_ALL | SECINFO_LABEL | SECINFO_ATTRIBUTE | SECINFO_SCOPE);

	sd_marshal(sd, SECINFO_ALL | SECINFO_LABEL | SECINFO_ATTRIBUTE | SECINFO_SCOPE, &w);
	if (!wr_ok(&w) || size > SD_SIZE_MAX)
		return;
	if (w.off != size || sd_parse(buf, w.off, &again))
		abort();
	if (!sd_equal(sd, again) || !sd_equal(copy, sd))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sd *sd;

	for (size_t at = 0; at <= 0xa0; at += 0xa0) {
		if (sd_parse_at(data, size, at, &sd))
			continue;
		judge(sd);
		/* as what another server stored */
		ntacl_sids_from_disk(sd, &(struct acl_object) { -1, 1000, 100, S_IFREG | 0640 },
				     at);
		ntacl_sids_to_disk(sd);
		judge(sd);
		round_trip(sd);
		sd_free(sd);
	}
	return 0;
}
