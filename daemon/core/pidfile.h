/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pidfile.h - who runs in a run folder. The lock on run_dir/pid is the truth, the number in it
 * only says whom to signal: after kill -9 the lock is gone, and nothing needs cleaning.
 */
#ifndef KH_PIDFILE_H
#define KH_PIDFILE_H

#include <sys/types.h>

/*
 * Makes run_dir (0755, and its parents), takes the lock, writes the process id. Returns the fd that
 * holds the lock (close-on-exec; keep it until the end), -EBUSY when a server runs there, or
 * another -errno.
 */
int pidfile_lock(const char *run_dir);

/* The process id after a fork() that goes on with the lock. */
int pidfile_update(int fd);

/* Process id of the server in run_dir; 0: none; -errno. Takes no lock itself. */
pid_t pidfile_probe(const char *run_dir);

#endif /* KH_PIDFILE_H */
