// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wait.c - how a reactor waits: it looks for some microseconds before it sleeps.
 *
 * A client that asks one thing at a time sends its next request 5 to 20 us after it was answered.
 * To sleep for that long costs more than the wait: the thread is put to sleep, its CPU goes idle,
 * and another CPU has to wake both up, in a virtual machine by way of the host. So the reactor
 * looks first, `busy poll` at most, as long as that finds something: after each look in vain it
 * sleeps at once the next 1, 3, 7 .. LOOK_SKIP_MAX times. A server that has little to do, or whose
 * clients need its CPU, looks hardly ever; one that is idle never does, as it stays asleep.
 */
#include "core/count.h"
#include "core/ring.h"

#define LOOK_SKIP_MAX 127u
#define LOOK_BURST    16 /* looks between two readings of the clock */

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

void reactor_busy_poll(struct reactor *r, uint32_t us)
{
	/* Alone on its CPU it would look while who is to send something cannot run. */
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		us = 0;
	atomic_store_explicit(&r->look_ns, us * 1000u, memory_order_relaxed);
}

/* Something completed, or will when the kernel is asked for it. */
static inline bool event_is_there(const struct io_uring *ring)
{
	unsigned int flags = IO_URING_READ_ONCE(*ring->sq.kflags);

	return io_uring_cq_ready(ring) || (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
}

static bool look(const struct io_uring *ring, uint32_t ns)
{
	uint64_t start = now_ns();

	do {
		for (unsigned int i = 0; i < LOOK_BURST; i++) {
			if (event_is_there(ring))
				return true;
			cpu_relax();
		}
	} while (now_ns() - start < ns);
	return false;
}

/* What was in vain lately is not done now. */
static bool skips(struct reactor *r)
{
	if (!r->look_skip)
		return false;
	r->look_skip--;
	return true;
}

int reactor_wait(struct reactor *r)
{
	uint32_t ns = atomic_load_explicit(&r->look_ns, memory_order_relaxed);
	int err;

	if (!ns || skips(r))
		return io_uring_submit_and_wait(&r->ring, 1);
	if (io_uring_sq_ready(&r->ring)) {
		err = io_uring_submit_and_get_events(&r->ring);
		if (err < 0 || io_uring_cq_ready(&r->ring))
			return err;
	}
	if (look(&r->ring, ns)) {
		r->looks_vain = 0;
		count_add(&r->stats.reactor->looked, 1);
		return io_uring_get_events(&r->ring);
	}
	r->looks_vain = r->look_skip = MIN(2 * r->looks_vain + 1, LOOK_SKIP_MAX);
	return io_uring_submit_and_wait(&r->ring, 1);
}
