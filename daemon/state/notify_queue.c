// SPDX-License-Identifier: GPL-2.0-or-later
/* notify_queue.c - changes that wait for a client to ask for them; notify_queue.h. */
#include "state/notify_queue.h"
#include "core/utf16.h"

#define RECORD 12 /* NextEntryOffset, Action, FileNameLength */
#define ROOM   512

static _Atomic size_t total;

size_t notify_queued(void)
{
	return atomic_load_explicit(&total, memory_order_relaxed);
}

void notify_queue_init(struct notify_queue *q, uint32_t max)
{
	*q = (struct notify_queue) { .max = MIN(max, NOTIFY_QUEUE_MAX) };
}

static struct notify_events *detach(struct notify_queue *q)
{
	struct notify_events *ev = steal_ptr(&q->ev);

	atomic_fetch_sub_explicit(&total, q->cap, memory_order_relaxed);
	q->cap = q->last = 0;
	return ev;
}

void notify_queue_free(struct notify_queue *q)
{
	free(detach(q));
}

void notify_queue_overflow(struct notify_queue *q)
{
	free(detach(q));
	q->overflow = true;
}

/* The buffer has room for n bytes in all. */
static bool reserve(struct notify_queue *q, size_t n)
{
	size_t cap = MIN(MAX(MAX(n, 2 * q->cap), ROOM), (size_t)q->max);
	struct notify_events *ev;
	bool fresh = !q->ev;

	if (n <= q->cap)
		return true;
	if (n > q->max ||
	    atomic_load_explicit(&total, memory_order_relaxed) + cap > NOTIFY_TOTAL_MAX)
		return false;
	ev = realloc(q->ev, sizeof(*ev) + cap);
	if (!ev)
		return false;
	if (fresh)
		ev->len = 0;
	atomic_fetch_add_explicit(&total, cap - q->cap, memory_order_relaxed);
	q->ev = ev;
	q->cap = cap;
	return true;
}

/* The name for clients, in UTF-16; its length, or -1. */
static int encode(const char *name, const char *stream, uint8_t **out)
{
	_cleanup_free_ char *wire = vfs_path_to_wire(name), *full = NULL;
	const char *s = wire;
	int n;

	if (stream)
		s = full = xasprintf("%s:%s", wire, stream);
	n = utf8_utf16_len(s, strlen(s));
	*out = n > 0 ? malloc((size_t)n) : NULL;
	return *out ? utf8_to_utf16(s, strlen(s), *out, (size_t)n) : -1;
}

static bool same_as_last(const struct notify_queue *q, uint32_t action, const uint8_t *name, int n)
{
	const uint8_t *r = q->ev ? q->ev->data + q->last : NULL;

	return r && kh_get_le32(r + 4) == action && kh_get_le32(r + 8) == (uint32_t)n &&
	       memcmp(r + RECORD, name, (size_t)n) == 0;
}

void notify_queue_add(struct notify_queue *q, uint32_t action, const char *name, const char *stream)
{
	_cleanup_free_ uint8_t *utf16 = NULL;
	int n = q->overflow ? -1 : encode(name, stream, &utf16);
	size_t at;
	uint8_t *r;

	if (n < 0 || same_as_last(q, action, utf16, n))
		return;
	at = q->ev ? (q->ev->len + 3) & ~(size_t)3 : 0;
	if (!reserve(q, at + RECORD + (size_t)n)) {
		notify_queue_overflow(q);
		return;
	}
	if (at) {
		memset(q->ev->data + q->ev->len, 0, at - q->ev->len);
		kh_put_le32(q->ev->data + q->last, (uint32_t)(at - q->last));
	}
	r = q->ev->data + at;
	kh_put_le32(r, 0);
	kh_put_le32(r + 4, action);
	kh_put_le32(r + 8, (uint32_t)n);
	memcpy(r + RECORD, utf16, (size_t)n);
	q->last = at;
	q->ev->len = at + RECORD + (size_t)n;
}

ntstatus notify_queue_take(struct notify_queue *q, struct notify_events **ev)
{
	bool overflow = q->overflow;

	*ev = NULL;
	q->overflow = false;
	if (overflow)
		return NT_STATUS_NOTIFY_ENUM_DIR;
	if (!q->ev)
		return NT_STATUS_PENDING;
	*ev = detach(q);
	return NT_STATUS_SUCCESS;
}
