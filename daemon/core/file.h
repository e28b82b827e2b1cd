/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file.h - small files as a whole: read, lock, replace so that a crash leaves the old or the new.
 */
#ifndef KH_FILE_H
#define KH_FILE_H

#include <sys/types.h>

#include "core/util.h"

/*
 * The content, malloc'ed, with a NUL behind it that len does not count. -errno; -EFBIG beyond max.
 * A fifo without a writer is empty.
 */
int file_read(const char *path, size_t max, char **text, size_t *len);
int file_read_fd(int fd, size_t max, char **text, size_t *len);

/*
 * Takes the lock under which path is changed: a flock on its folder, so that nothing is left
 * lying about. Waits. Returns the fd to close(), or -errno.
 */
int file_lock(const char *path);

/*
 * Replaces path (its target, if it is a symbolic link) by a file with this content and mode, owned
 * as the old one was: written beside it, synced, renamed, folder synced. Under file_lock().
 */
int file_replace(const char *path, const char *text, size_t len, mode_t mode);

#endif /* KH_FILE_H */
