// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_create_ctx.c - lists of create contexts, and what CREATE does next with their data: the
 * security descriptor is parsed, the extended attributes are set on a file in memory. Each list is
 * also asked for as the server itself writes it.
 */
#include "smb2/smb2.h"

#include <fcntl.h>
#include <sys/mman.h>

struct server server; /* what create_ctx.c stands beside asks for these; nothing here runs them */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct conf *server_conf(void)
{
	return NULL;
}

/* The pointers that came out lie inside the list. */
static void check_range(const uint8_t *list, size_t size, const uint8_t *p, size_t n)
{
	if (n && (p < list || n > size || p > list + size - n))
		abort();
}

static void set_eas(const uint8_t *buf, size_t len)
{
	static struct vfs_share share;
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("ea", MFD_CLOEXEC);
		vfs_options_default(&share.opt);
		share.opt.ea_support = true;
	}
	(void)fscc_ea_set(&share, fd, buf, len);
}

/* A list of two contexts reads back as it was written. */
static void round_trip(const struct create_ctx *in)
{
	uint8_t buf[128], d[8];
	struct smb2_wr w = wr_init(buf, sizeof(buf));
	struct create_ctx out;
	uint64_t prev = 0;

	wr_zero(&w, 8); /* offset 0 means that there is no context before */
	kh_put_le64(d, in->mxac_timestamp);
	create_ctx_put(&w, &prev, CREATE_CTX_MAXIMAL_ACCESS, d, in->mxac_has_timestamp ? 8 : 0);
	kh_put_le64(d, in->alloc_size);
	create_ctx_put(&w, &prev, CREATE_CTX_ALLOCATION, d, 8);
	if (!wr_ok(&w) || create_ctx_parse(buf + 8, w.off - 8, &out) != NT_STATUS_SUCCESS ||
	    !out.mxac || out.mxac_has_timestamp != in->mxac_has_timestamp ||
	    (in->mxac_has_timestamp && out.mxac_timestamp != in->mxac_timestamp) ||
	    out.alloc_size != in->alloc_size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = xmalloc(size); /* its own block: a byte too far is seen */
	struct create_ctx ctx;
	struct sd *sd = NULL;

	if (size)
		memcpy(copy, data, size);
	if (create_ctx_parse(copy, size, &ctx) == NT_STATUS_SUCCESS) {
		check_range(copy, size, ctx.ea, ctx.ea_len);
		check_range(copy, size, ctx.sd, ctx.sd_len);
		if (ctx.sd_len && sd_parse(ctx.sd, ctx.sd_len, &sd) == NT_STATUS_SUCCESS)
			sd_free(sd);
		if (ctx.ea_len)
			set_eas(ctx.ea, ctx.ea_len);
		round_trip(&ctx);
	}
	free(copy);
	return 0;
}
