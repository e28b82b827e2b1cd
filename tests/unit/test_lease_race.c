// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Openers, writers and a client that acknowledges, all at once, on a few files: nobody caches
 * beside a writer, what is waited for ends, and the counts come back to nothing.
 */
#include "lease_rig.h"

#define FILES	3
#define OPENERS 4
#define RUN_NS	1500000000ull

/* ---- the client: answers what it is told, late, and sometimes by less ---- */

static struct {
	pthread_mutex_t lock;
	struct {
		char key;
		uint8_t to;
	} queue[1024];
	unsigned int in, out;
} client = { .lock = PTHREAD_MUTEX_INITIALIZER };
static _Atomic bool stop;
static _Atomic unsigned int breaks, waits, opens, wrong;

bool lease_notify(struct lease *l)
{
	atomic_fetch_add(&breaks, 1);
	if (!l->told.ack || !l->version)
		return l->version || !l->told.ack; /* oplocks: their client is gone */
	pthread_mutex_lock(&client.lock);
	client.queue[client.in % 1024].key = (char)l->key[0];
	client.queue[client.in++ % 1024].to = l->told.to;
	pthread_mutex_unlock(&client.lock);
	return true;
}

static void *client_run(void *arg)
{
	unsigned int n = 0;

	while (!atomic_load(&stop) || n) {
		char key = 0;
		uint8_t to = 0;

		pthread_mutex_lock(&client.lock);
		n = client.in - client.out;
		if (n) {
			key = client.queue[client.out % 1024].key;
			to = client.queue[client.out++ % 1024].to;
		}
		pthread_mutex_unlock(&client.lock);
		if (key)
			(void)acknowledge(key, smb2_lease_name(key & 1 ? to : to & R));
		else
			usleep(100);
	}
	return NULL;
}

/* ---- openers ---- */

static uint64_t rnd(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void look(struct open *o)
{
	struct ofile *f = ofile_lock(o);
	struct lease *l;
	unsigned int writers = 0, readers = 0;

	list_for_each (l, &f->leases, node) {
		writers += !!(l->state & W);
		readers += !(l->state & W) && l->state & R;
	}
	if (writers > 1 || (writers && readers))
		atomic_fetch_add(&wrong, 1);
	ofile_unlock(o, f);
}

static void some_open(uint64_t *seed, unsigned int me)
{
	static const char *const wants[] = { NULL, "R", "RH", "RW", "RWH" };
	uint64_t r = rnd(seed);
	/* keys that two openers share, and keep to one file */
	unsigned int file = r % FILES, key = (r >> 8) % 3 ? 1 + file + FILES * (me / 2) : 0;
	struct spec s = { .ino = 30 + file,
			  .key = (char)key,
			  .want = wants[(r >> 16) % 5],
			  .access = (r >> 24) % 2 ? WRITER : READER,
			  .share = (r >> 25) % 8 ? ANY : FILE_SHARE_READ,
			  .overwrite = (r >> 28) % 16 == 0 };
	struct lease *blocker = NULL;
	ntstatus status;
	struct open *o;

	if (s.key && !s.want)
		s.want = "";
	o = try_open(&s, &status, &blocker);
	if (status == OFILE_MUST_WAIT) {
		atomic_fetch_add(&waits, 1);
		for (unsigned int i = 0; i < 20 && atomic_load(&blocker->breaking); i++)
			usleep(50);
	}
	lease_put(blocker);
	if (!o)
		return;
	atomic_fetch_add(&opens, 1);
	look(o);
	if ((r >> 32) % 2)
		oplock_changed(o);
	if ((r >> 33) % 8 == 0)
		lease_put(ofile_break_handles(1, s.ino, o));
	close_(o);
}

static void *opener_run(void *arg)
{
	unsigned int me = (unsigned int)(uintptr_t)arg;
	uint64_t seed = 0x9E3779B97F4A7C15ull * (me + 1);

	while (!atomic_load(&stop))
		some_open(&seed, me);
	return NULL;
}

int main(void)
{
	pthread_t openers[OPENERS], answers;
	uint64_t end = now_ns() + RUN_NS;
	struct lease_want w;
	unsigned int left = 0;

	if (!fixture_begin())
		return 1;
	pthread_create(&answers, NULL, client_run, NULL);
	for (uintptr_t i = 0; i < OPENERS; i++)
		pthread_create(&openers[i], NULL, opener_run, (void *)i);
	while (now_ns() < end)
		usleep(10000);
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < OPENERS; i++)
		pthread_join(openers[i], NULL);
	pthread_join(answers, NULL);
	is_int(wrong, 0, "nobody caches beside a writer");
	for (unsigned int key = 1; key < 32; key++) {
		struct lease *l;

		want_fill(&w, &(struct spec) { .key = (char)key });
		l = lease_find(w.client, w.key);
		left += l != NULL;
		lease_put(l);
	}
	is_int(left, 0, "no lease is left");
	ok(opens > 100 && breaks > 100 && waits, "it happened");
	diag("%u opens, %u breaks, %u waits", opens, breaks, waits);
	fixture_end();
	return done_testing();
}
