// SPDX-License-Identifier: GPL-2.0-or-later
/* fuzz_reparse.c - reparse data of clients; what is told of it reads back as the same. */
#include "smb2/reparse.h"

struct server server;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct conf *server_conf(void)
{
	return NULL;
}

static bool same(const struct vfs_special *a, const struct vfs_special *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor &&
	       !a->target == !b->target && (!a->target || !strcmp(a->target, b->target));
}

/* Names that SMB cannot carry are changed once, and then no more. */
static void round_trip(const struct vfs_special *sp, bool posix)
{
	_cleanup_vfs_special_ struct vfs_special again = { 0 }, third = { 0 };
	const struct vfs_special *from[2] = { sp, &again };
	struct vfs_special *to[2] = { &again, &third };
	uint32_t tag;

	for (int i = 0; i < 2; i++) {
		uint8_t *buf = xmalloc(REPARSE_SYMLINK_MAX);
		struct smb2_wr w = wr_init(buf, REPARSE_SYMLINK_MAX);
		bool told = reparse_put(&w, from[i], posix);

		if (told && reparse_parse(buf, w.off, posix, &tag, to[i]) != NT_STATUS_SUCCESS)
			abort();
		free(buf);
		if (!told)
			return;
	}
	if (!same(&again, &third))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int posix = 0; posix < 2; posix++) {
		_cleanup_vfs_special_ struct vfs_special sp = { 0 };
		uint8_t *copy = xmalloc(size ? size : 1); /* a byte too far is seen */
		uint32_t tag;

		memcpy(copy, data, size);
		if (reparse_parse(copy, size, posix, &tag, &sp) == NT_STATUS_SUCCESS)
			round_trip(&sp, posix);
		free(copy);
	}
	return 0;
}
