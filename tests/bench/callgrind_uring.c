// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * callgrind_uring.c - preloaded into the daemon, lets it run under valgrind 3.19, which runs one
 * thread at a time, does not know that io_uring_enter() can block, and does not know openat2().
 * For tests/bench/instructions_code.py.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SETTLE_US 3000

/* Completions come by themselves, so that poll() sees them. */
int io_uring_queue_init_params(unsigned int n, struct io_uring *ring, struct io_uring_params *p)
{
	int (*init)(unsigned int, struct io_uring *, struct io_uring_params *) =
		dlsym(RTLD_NEXT, "io_uring_queue_init_params");

	p->flags &= ~(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
		      IORING_SETUP_TASKRUN_FLAG);
	return init(n, ring, p);
}

/*
 * Waits in poll(), during which other threads run, and then for what else comes: that an answer was
 * sent and that the next request is there are then always one round of the loop, however busy the
 * machine is.
 */
int io_uring_submit_and_wait(struct io_uring *ring, unsigned int n)
{
	struct pollfd p = { ring->ring_fd, POLLIN, 0 };
	int err = io_uring_submit(ring);
	unsigned int ready;

	while (err >= 0 && io_uring_cq_ready(ring) < n)
		poll(&p, 1, -1);
	do {
		ready = io_uring_cq_ready(ring);
		usleep(SETTLE_US);
	} while (err >= 0 && io_uring_cq_ready(ring) != ready);
	return err;
}

/* openat2() without its restrictions: the share is the test's own. */
long syscall(long number, ...)
{
	static long (*call)(long, ...);
	long v[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		v[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_openat2) {
		const struct open_how *how = (const void *)v[2];

		return openat((int)v[0], (const char *)v[1], (int)how->flags, (mode_t)how->mode);
	}
	if (!call)
		call = dlsym(RTLD_NEXT, "syscall");
	return call(number, v[0], v[1], v[2], v[3], v[4], v[5]);
}
