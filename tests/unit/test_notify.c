// SPDX-License-Identifier: GPL-2.0-or-later
/* test_notify.c - the queue of a watch: its records, what it leaves out, and where it ends. */
#include "state/notify_queue.h"
#include "tap.h"

/* What the state beside the queue asks for; nothing here runs that. */
struct server server;
struct conf *server_conf(void)
{
	return NULL;
}

/* "action:name " of every record, as ASCII; "?" where the records are wrong. */
static const char *text(const struct notify_events *ev)
{
	static char out[8192];
	size_t at = 0, n = 0;

	for (;;) {
		struct smb2_rd r = rd_init(ev->data + at, ev->len - at);
		uint32_t next = rd_le32(&r), action = rd_le32(&r), len = rd_le32(&r);
		const uint8_t *name = rd_bytes(&r, len);

		if (!rd_ok(&r) || next % 4 || len % 2 || (!next && at + 12 + len != ev->len))
			return "?";
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%u:", action);
		for (uint32_t i = 0; i < len; i += 2)
			out[n++] = name[i + 1] ? '?' : (char)name[i];
		out[n++] = ' ';
		out[n] = 0;
		if (!next)
			return out;
		at += next;
	}
}

static void take_is(struct notify_queue *q, const char *wanted, const char *name)
{
	struct notify_events *ev;

	if (notify_queue_take(q, &ev) == NT_STATUS_SUCCESS)
		is_str(text(ev), wanted, name);
	else
		ok(false, name);
	free(ev);
}

static void status_is(struct notify_queue *q, ntstatus wanted, const char *name)
{
	struct notify_events *ev;

	is_int(notify_queue_take(q, &ev), wanted, name);
	free(ev);
}

static void records(void)
{
	struct notify_queue q;

	notify_queue_init(&q, 4096);
	status_is(&q, NT_STATUS_PENDING, "an empty queue");
	notify_queue_add(&q, FILE_ACTION_ADDED, "a", NULL);
	notify_queue_add(&q, FILE_ACTION_MODIFIED, "a/bc", NULL);
	notify_queue_add(&q, FILE_ACTION_MODIFIED, "a/bc", NULL);
	notify_queue_add(&q, FILE_ACTION_MODIFIED_STREAM, "a/bc", "s");
	notify_queue_add(&q, FILE_ACTION_MODIFIED, "a/bc", NULL);
	notify_queue_add(&q, FILE_ACTION_MODIFIED, "a/bcd", NULL);
	take_is(&q, "1:a 3:a\\bc 8:a\\bc:s 3:a\\bc 3:a\\bcd ", "records; the same twice is one");
	status_is(&q, NT_STATUS_PENDING, "taken");
	notify_queue_add(&q, FILE_ACTION_ADDED, "x\xFFy", NULL);
	notify_queue_add(&q, FILE_ACTION_ADDED, "w:z", NULL);
	take_is(&q, "1:x?y 1:w?z ", "names that SMB cannot carry are mapped");
	notify_queue_free(&q);
	is_int(notify_queued(), 0, "nothing is counted any more");
}

static void ends(void)
{
	struct notify_queue q;

	notify_queue_init(&q, 28); /* 12 + 2, to 16, and 12 */
	notify_queue_add(&q, FILE_ACTION_ADDED, "a", NULL);
	notify_queue_add(&q, FILE_ACTION_REMOVED, "b", NULL);
	status_is(&q, NT_STATUS_NOTIFY_ENUM_DIR, "two bytes too few");
	notify_queue_free(&q);
	notify_queue_init(&q, 30);
	notify_queue_add(&q, FILE_ACTION_ADDED, "a", NULL);
	notify_queue_add(&q, FILE_ACTION_REMOVED, "b", NULL);
	take_is(&q, "1:a 2:b ", "just enough");
	for (int i = 0; i < 3; i++)
		notify_queue_add(&q, FILE_ACTION_ADDED, "long enough to overflow", NULL);
	is_int(notify_queued(), 0, "an overflow keeps nothing");
	status_is(&q, NT_STATUS_NOTIFY_ENUM_DIR, "an overflow");
	status_is(&q, NT_STATUS_PENDING, "is told once");
	notify_queue_free(&q);
	notify_queue_init(&q, 0);
	notify_queue_add(&q, FILE_ACTION_ADDED, "a", NULL);
	status_is(&q, NT_STATUS_NOTIFY_ENUM_DIR, "no room at all");
	notify_queue_free(&q);
}

/* A client may ask for megabytes, and have thousands of watches. */
static void bounds(void)
{
	enum { WATCHES = NOTIFY_TOTAL_MAX / NOTIFY_QUEUE_MAX + 8 };
	static struct notify_queue q[WATCHES];
	unsigned int overflows = 0;
	char name[32];

	for (unsigned int w = 0; w < WATCHES; w++) {
		notify_queue_init(&q[w], UINT32_MAX);
		for (unsigned int i = 0; i < 20000 && !q[w].overflow; i++) {
			snprintf(name, sizeof(name), "name-%u", i);
			notify_queue_add(&q[w], FILE_ACTION_ADDED, name, NULL);
			if (w && q[w].ev && q[w].ev->len > NOTIFY_QUEUE_MAX - 64)
				break;
		}
		overflows += q[w].overflow;
	}
	ok(q[0].overflow, "a watch keeps no more than its bound");
	ok(overflows > 1 && overflows < WATCHES / 2, "all together neither");
	ok(notify_queued() <= NOTIFY_TOTAL_MAX, "they keep within it");
	for (unsigned int w = 0; w < WATCHES; w++)
		notify_queue_free(&q[w]);
	is_int(notify_queued(), 0, "and give it back");
}

int main(void)
{
	records();
	ends();
	bounds();
	return done_testing();
}
