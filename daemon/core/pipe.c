// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pipe.c - pipes for splicing between files and sockets.
 *
 * Their number is bounded: each is two descriptors and up to PIPE_BYTES of pages, held for as long
 * as a client does not take its answer, or does not send the rest of its WRITE. PIPES_MAX of that
 * size are also all that Linux lets an unprivileged user have (fs.pipe-user-pages-soft). Who gets
 * none copies instead.
 */
#include "server.h"

#include <fcntl.h>

#define PIPES_MAX  64
#define PIPES_KEEP 16

static struct {
	pthread_mutex_t lock;
	int free[PIPES_KEEP][2];
	unsigned int nfree, out;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

bool pipe_get(int p[2])
{
	bool fresh = false, ok = false;

	pthread_mutex_lock(&pool.lock);
	if (pool.out < PIPES_MAX) {
		pool.out++;
		ok = true;
		if (pool.nfree) {
			pool.nfree--;
			p[0] = pool.free[pool.nfree][0];
			p[1] = pool.free[pool.nfree][1];
		} else {
			fresh = true;
		}
	}
	pthread_mutex_unlock(&pool.lock);
	if (!fresh)
		return ok;
	if (pipe2(p, O_CLOEXEC) == 0) {
		if (fcntl(p[1], F_SETPIPE_SZ, PIPE_BYTES) >= PIPE_BYTES)
			return true;
		close(p[0]);
		close(p[1]);
	}
	pthread_mutex_lock(&pool.lock);
	pool.out--;
	pthread_mutex_unlock(&pool.lock);
	return false;
}

void pipe_put(int p[2], bool empty)
{
	bool kept = false;

	if (p[0] < 0)
		return;
	pthread_mutex_lock(&pool.lock);
	pool.out--;
	if (empty && pool.nfree < PIPES_KEEP) {
		pool.free[pool.nfree][0] = p[0];
		pool.free[pool.nfree][1] = p[1];
		pool.nfree++;
		kept = true;
	}
	pthread_mutex_unlock(&pool.lock);
	if (!kept) {
		close(p[0]);
		close(p[1]);
	}
	p[0] = p[1] = -1;
}
