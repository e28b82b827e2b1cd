// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trace.c - what a request was, for tracers and for the debug lines of `smb`.
 *
 * A tracer's place is never freed. Who writes counts itself in `users` and then looks whether the
 * place is active; so after active is cleared and users was 0, nobody touches the memory.
 */
#include "core/trace.h"

#include <stdio.h>
#include <sys/mman.h>

#include "core/debug.h"
#include "core/ring.h"
#include "core/utf16.h"

#define TRACERS_MAX 4

static struct tracer {
	_Atomic bool active;
	_Atomic unsigned int users;
	struct trace_shared *shared; /* NULL: free; the main thread's while it is not active */
	struct trace_filter filter;
} tracers[TRACERS_MAX];

_Atomic unsigned int trace_readers;

/* ---- what it was ---- */

/* Each request's name goes through here: no printf. */
static void put_name(char *dst, size_t cap, const char *s)
{
	size_t n = s ? strnlen(s, cap - 1) : 0;

	memcpy(dst, s ? s : "", n);
	dst[n] = 0;
}

/* The end of s is what tells files apart; on a whole character. */
static void put_end(char *dst, size_t cap, const char *s)
{
	size_t n = strlen(s);

	if (n < cap) {
		memcpy(dst, s, n + 1);
		return;
	}
	s += n - (cap - 1 - 3);
	while ((*s & 0xC0) == 0x80)
		s++;
	memset(dst, '.', 3);
	put_name(dst + 3, cap - 3, s);
}

static void put_path(struct trace_record *t, struct open *o)
{
	_cleanup_free_ char *both = NULL;
	const char *path;

	pthread_mutex_lock(&o->lock);
	path = o->path && *o->path ? o->path : "/";
	if (o->stream_name)
		path = both = xasprintf("%s:%s", path, o->stream_name);
	put_end(t->file, sizeof(t->file), path);
	pthread_mutex_unlock(&o->lock);
}

/* Length bytes at an offset of the element, as the two le16 at `at` of the body say; "/" for '\'.
 */
static char *name_in(const struct request *rq, size_t at)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len), name;
	uint16_t off, len;
	char *s;

	rd_skip(&r, SMB2_HDR_SIZE + at);
	off = rd_le16(&r);
	len = rd_le16(&r);
	if (!len)
		return NULL;
	name = rd_sub(&r, off, len);
	if (!rd_ok(&r))
		return NULL;
	s = utf16_dup_utf8(name.buf, name.len);
	for (char *p = s; p && *p; p++)
		if (*p == '\\')
			*p = '/';
	return s;
}

static void put_file(struct trace_record *t, struct request *rq)
{
	_cleanup_free_ char *name = NULL;
	struct open *o = rq->open;

	if (o) {
		put_name(t->share, sizeof(t->share), o->tree->name);
		put_path(t, o);
		return;
	}
	if (rq->tree)
		put_name(t->share, sizeof(t->share), rq->tree->name);
	if (rq->hdr.command == SMB2_CREATE) {
		name = name_in(rq, 44);
		put_end(t->file, sizeof(t->file), name ? name : "/");
	} else if (rq->hdr.command == SMB2_TREE_CONNECT) {
		name = name_in(rq, 4);
		put_end(t->share, sizeof(t->share),
			name && strrchr(name, '/') ? strrchr(name, '/') + 1 : "");
	}
}

/* MS-SMB2 2.2.19, 2.2.21: Length and Offset are at the same places. */
static void put_range(struct trace_record *t, const struct request *rq, uint64_t bytes)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len);

	if (rq->hdr.command != SMB2_READ && rq->hdr.command != SMB2_WRITE)
		return;
	rd_skip(&r, SMB2_HDR_SIZE + 4);
	t->bytes = rd_le32(&r);
	t->offset = rd_le64(&r);
	if (t->status == NT_STATUS_SUCCESS)
		t->bytes = (uint32_t)bytes;
	if (rd_ok(&r))
		t->flags |= TRACE_HAS_RANGE;
}

static void put_user(struct trace_record *t, const struct request *rq)
{
	const struct channel *ch = rq->elements[rq->cur].channel;
	const struct session *s = rq->session ? rq->session : ch ? ch->session : NULL;

	t->session_id = s ? s->id : rq->hdr.session_id;
	/* Before that its user is somebody else's to write. */
	if (s && atomic_load_explicit(&s->state, memory_order_acquire) != SESSION_IN_PROGRESS)
		put_name(t->user, sizeof(t->user), s->anonymous ? "(anonymous)" : s->user);
}

static void put_addr(const struct sockaddr_storage *ss, uint32_t addr[4])
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)ss;

	memset(addr, 0, 16);
	if (ss->ss_family == AF_INET) {
		addr[2] = htonl(0xFFFF);
		addr[3] = a4->sin_addr.s_addr;
	} else {
		memcpy(addr, &a6->sin6_addr, 16);
	}
}

static void describe(struct trace_record *t, struct request *rq, ntstatus status, uint64_t bytes)
{
	struct timespec ts;

	memset(t, 0, sizeof(*t)); /* all of it goes to the reader: nothing of the stack */
	clock_gettime(CLOCK_REALTIME, &ts);
	t->end_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	t->latency_ns = now_ns() - rq->start_ns;
	t->conn_id = rq->conn->st.id;
	t->message_id = rq->hdr.message_id;
	t->command = rq->hdr.command;
	t->status = status == REQ_NO_REPLY ? NT_STATUS_SUCCESS : status;
	t->flags = rq->on_worker ? TRACE_WORKER : 0;
	t->plane = KH_PLANE_USER;
	put_addr(&rq->conn->peer, t->addr);
	put_user(t, rq);
	put_file(t, rq);
	put_range(t, rq, bytes);
}

/* ---- writing it down ---- */

static bool wanted(const struct trace_filter *f, const struct request *rq)
{
	uint32_t addr[4];

	put_addr(&rq->conn->peer, addr);
	return trace_filter_wants(f, rq->hdr.command, addr);
}

static void put(struct trace_shared *m, unsigned int lane, const struct trace_record *t)
{
	struct trace_lane *l = &m->lane[lane];
	uint64_t i = atomic_fetch_add_explicit(&l->head, 1, memory_order_relaxed);
	struct trace_record *r = &m->record[(size_t)lane * TRACE_RECORDS + i % TRACE_RECORDS];
	uint64_t seq = atomic_load_explicit(&r->seq, memory_order_relaxed);

	if (seq % 2 || seq > 2 * i ||
	    !atomic_compare_exchange_strong_explicit(&r->seq, &seq, 2 * i + 1, memory_order_acquire,
						     memory_order_relaxed)) {
		atomic_fetch_add_explicit(&l->dropped, 1, memory_order_relaxed);
		return;
	}
	atomic_thread_fence(memory_order_release); /* a reader of what follows sees the odd seq */
	memcpy((char *)r + sizeof(r->seq), (const char *)t + sizeof(t->seq),
	       sizeof(*r) - sizeof(r->seq));
	atomic_store_explicit(&r->seq, 2 * i + 2, memory_order_release);
}

/* Lanes are as many as there are reactors, and one; reactors have one writer each. */
static unsigned int lane_here(const struct trace_shared *m, const struct request *rq)
{
	unsigned int last = m->lanes - 1;

	return rq->on_worker ? last : MIN(rq->conn->reactor->index, last);
}

static void debug_line(const struct trace_record *t, struct request *rq)
{
	char range[48] = "";

	if (t->flags & TRACE_HAS_RANGE)
		snprintf(range, sizeof(range), " offset=%llu bytes=%u",
			 (unsigned long long)t->offset, t->bytes);
	debug_request(LOG_SMB, rq, "%s%s%s%s%s%s%s%s user=%s status=%s us=%llu",
		      smb2_ops[t->command].name, *t->share ? " share=\"" : "", t->share,
		      *t->share ? "\"" : "", *t->file ? " file=\"" : "", t->file,
		      *t->file ? "\"" : "", range, *t->user ? t->user : "-", nt_name(t->status),
		      (unsigned long long)t->latency_ns / 1000);
}

void trace_request(struct request *rq, uint32_t status, uint64_t bytes)
{
	struct trace_record t;
	bool described = false;

	if (log_debug_on(LOG_SMB)) {
		describe(&t, rq, status, bytes);
		described = true;
		debug_line(&t, rq);
	}
	if (!atomic_load_explicit(&trace_readers, memory_order_relaxed))
		return;
	for (unsigned int i = 0; i < TRACERS_MAX; i++) {
		struct tracer *tr = &tracers[i];

		if (!atomic_load_explicit(&tr->active, memory_order_relaxed))
			continue;
		atomic_fetch_add(&tr->users, 1);
		if (atomic_load(&tr->active) && wanted(&tr->filter, rq)) {
			if (!described)
				describe(&t, rq, status, bytes);
			described = true;
			put(tr->shared, lane_here(tr->shared, rq), &t);
		}
		atomic_fetch_sub(&tr->users, 1);
	}
}

/* ---- who looks ---- */

/* Gives back the memory of those who ended, once nobody writes there. */
static void reap(void)
{
	for (unsigned int i = 0; i < TRACERS_MAX; i++) {
		struct tracer *tr = &tracers[i];

		if (!tr->shared || atomic_load(&tr->active) || atomic_load(&tr->users))
			continue;
		munmap(tr->shared, trace_size(tr->shared->lanes));
		tr->shared = NULL;
	}
}

/* The tracer gets a file that it cannot write to, and cannot cut under the daemon's hands. */
static int share_memory(unsigned int lanes, struct trace_shared **out)
{
	_cleanup_close_ int fd =
		memfd_create("ksmbd-hybrid-trace", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t size = trace_size(lanes);
	struct trace_shared *m;

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return -errno;
	m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE) < 0) {
		int err = -errno;

		munmap(m, size);
		return err;
	}
	m->magic = TRACE_MAGIC;
	m->lanes = lanes;
	m->records = TRACE_RECORDS;
	*out = m;
	return steal_fd(&fd);
}

int trace_start(const struct trace_filter *f, unsigned int *tracer)
{
	unsigned int i = 0;
	int fd;

	reap();
	while (i < TRACERS_MAX && tracers[i].shared)
		i++;
	if (i == TRACERS_MAX)
		return -EBUSY;
	/* Somebody may have looked at the place that nobody has: he finds it not active. */
	fd = share_memory(MIN(server.nreactors + 1, TRACE_LANES_MAX), &tracers[i].shared);
	if (fd < 0)
		return fd;
	tracers[i].filter = *f;
	atomic_store(&tracers[i].active, true);
	atomic_fetch_add(&trace_readers, 1);
	*tracer = i;
	return fd;
}

void trace_stop(unsigned int tracer)
{
	atomic_store(&tracers[tracer].active, false);
	atomic_fetch_sub(&trace_readers, 1);
	reap();
}
