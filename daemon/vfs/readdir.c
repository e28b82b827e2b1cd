// SPDX-License-Identifier: GPL-2.0-or-later
/* readdir.c - getdents64() in large blocks: one system call for a few hundred entries. */
#include "vfs/internal.h"

#include <sys/syscall.h>

/* The kernel's struct linux_dirent64. */
struct kdirent {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

void readdir_begin(struct readdir *r, int fd)
{
	*r = (struct readdir) { .fd = fd };
}

int readdir_next(struct readdir *r, struct readdir_entry *e)
{
	const struct kdirent *k;
	long n;

	if (!r->buf) {
		r->buf = malloc(READDIR_BLOCK);
		if (!r->buf)
			return -ENOMEM;
	}
	if (r->pos >= r->len) {
		n = syscall(SYS_getdents64, r->fd, r->buf, READDIR_BLOCK);
		if (n <= 0)
			return n < 0 && errno != ENOENT ? -errno : 0; /* ENOENT: deleted folder */
		r->len = (size_t)n;
		r->pos = 0;
	}
	k = (const struct kdirent *)(r->buf + r->pos); /* the kernel aligns records to 8 */
	r->pos += k->reclen;
	*e = (struct readdir_entry) { k->name, k->ino, k->type };
	return 1;
}

void readdir_end(struct readdir *r)
{
	free(r->buf);
	*r = (struct readdir) { .fd = -1 };
}
