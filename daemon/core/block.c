// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * block.c - the block list: a hash table by prefix and length. A lookup tries each length that is
 * in use, the longest first; usually one or two are.
 *
 * `lock` guards the table; entries are counted in while it is held for reading. The timer is armed
 * for the next end; changes of the guard's copy are made under the lock, in the same order.
 */
#include "core/block.h"
#include "kernel/guard.h"
#include "server.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <sys/timerfd.h>

#define BUCKETS	   1024
#define BITS	   128
#define SECOND	   1000000000ull
#define MAPPED_LOW htonl(0xFFFF)

struct block {
	struct list_head node;
	struct kh_block_key key;
	struct kh_block v;
	_Atomic uint64_t refused; /* connections, by the daemon */
};

static struct {
	pthread_rwlock_t lock;
	struct list_head buckets[BUCKETS];
	unsigned int of_length[BITS + 1];
	_Atomic unsigned int n;
	int timer;
} list = { .lock = PTHREAD_RWLOCK_INITIALIZER, .timer = -1 };

/* ---- keys ---- */

static void mask(struct kh_block_key *k)
{
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int bits = k->prefix_len > i * 32 ? MIN(k->prefix_len - i * 32, 32u) : 0;

		k->addr[i] &= bits ? htonl(~0u << (32 - bits)) : 0;
	}
}

static bool is_mapped(const struct kh_block_key *k)
{
	return !k->addr[0] && !k->addr[1] && k->addr[2] == MAPPED_LOW && k->prefix_len >= 96;
}

bool block_key_of(const struct sockaddr_storage *ss, struct kh_block_key *k)
{
	*k = (struct kh_block_key) { .prefix_len = BITS };
	if (ss->ss_family == AF_INET) {
		k->addr[2] = MAPPED_LOW;
		memcpy(&k->addr[3], &((const struct sockaddr_in *)ss)->sin_addr, 4);
	} else if (ss->ss_family == AF_INET6) {
		memcpy(k->addr, &((const struct sockaddr_in6 *)ss)->sin6_addr, 16);
	} else {
		return false;
	}
	return true;
}

void block_key_shorten(struct kh_block_key *k, unsigned int ip6_bits)
{
	if (is_mapped(k))
		return;
	k->prefix_len = MIN(k->prefix_len, ip6_bits);
	mask(k);
}

int block_parse(const char *text, struct kh_block_key *k)
{
	struct sockaddr_storage ss = { 0 };
	char addr[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits, max;
	char *end;

	if (n >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, n);
	addr[n] = 0;
	if (inet_pton(AF_INET, addr, &((struct sockaddr_in *)&ss)->sin_addr) == 1)
		ss.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, addr, &((struct sockaddr_in6 *)&ss)->sin6_addr) == 1)
		ss.ss_family = AF_INET6;
	if (!block_key_of(&ss, k))
		return -EINVAL;
	if (!slash)
		return 0;
	max = ss.ss_family == AF_INET ? 32 : BITS;
	bits = strtoul(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end || bits > max)
		return -EINVAL;
	k->prefix_len = (uint32_t)(bits + BITS - max);
	mask(k);
	return 0;
}

const char *block_text(const struct kh_block_key *k, char buf[BLOCK_TEXT_MAX])
{
	bool v4 = is_mapped(k);
	size_t n;

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &k->addr[3] : &k->addr[0], buf, INET6_ADDRSTRLEN);
	n = strlen(buf);
	if (k->prefix_len < BITS)
		snprintf(buf + n, BLOCK_TEXT_MAX - n, "/%u", k->prefix_len - (v4 ? 96 : 0));
	return buf;
}

/* ---- the table; callers hold the lock ---- */

static struct list_head *bucket_of(const struct kh_block_key *k)
{
	uint64_t h = k->prefix_len;

	for (unsigned int i = 0; i < 4; i++)
		h = (h ^ k->addr[i]) * 0x9E3779B97F4A7C15ull;
	return &list.buckets[h >> 54];
}

static struct block *find(const struct kh_block_key *k)
{
	struct block *b;

	list_for_each (b, bucket_of(k), node)
		if (memcmp(&b->key, k, sizeof(*k)) == 0)
			return b;
	return NULL;
}

static bool over(const struct block *b, uint64_t now)
{
	return b->v.until_ns && b->v.until_ns <= now;
}

static void drop(struct block *b)
{
	guard_block_del(&b->key);
	list.of_length[b->key.prefix_len]--;
	atomic_fetch_sub(&list.n, 1);
	list_del(&b->node);
	free(b);
}

/* Calls fn for each; it may drop the entry. */
static void each(void (*fn)(void *arg, struct block *b), void *arg)
{
	struct block *b, *next;

	for (unsigned int i = 0; i < BUCKETS; i++)
		list_for_each_safe (b, next, &list.buckets[i], node)
			fn(arg, b);
}

static void arm(uint64_t at)
{
	struct itimerspec t = { 0 };

	t.it_value.tv_sec = (time_t)(at / SECOND);
	t.it_value.tv_nsec = (long)(at % SECOND);
	if (list.timer >= 0)
		timerfd_settime(list.timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void soonest(void *arg, struct block *b)
{
	uint64_t *at = arg;

	if (b->v.until_ns)
		*at = MIN(*at, b->v.until_ns);
}

static void arm_next(void)
{
	uint64_t at = UINT64_MAX;

	each(soonest, &at);
	arm(at == UINT64_MAX ? 0 : at);
}

/* ---- changes ---- */

int block_add(const struct kh_block_key *k, enum kh_block_why why, uint64_t seconds)
{
	uint64_t now = now_ns(), until = seconds ? now + seconds * SECOND : 0;
	struct block *b;
	int err = 0;

	pthread_rwlock_wrlock(&list.lock);
	b = find(k);
	if (!b && atomic_load(&list.n) >= BLOCKS_MAX) {
		err = -ENOSPC;
		goto out;
	}
	if (!b) {
		b = xcalloc(1, sizeof(*b));
		b->key = *k;
		b->v.since_ns = now;
		list_add_tail(&b->node, bucket_of(k));
		list.of_length[k->prefix_len]++;
		atomic_fetch_add(&list.n, 1);
	} else if (why == KH_BLOCK_AUTH && b->v.why == KH_BLOCK_BY_HAND && !over(b, now)) {
		goto out; /* what somebody wrote stays as it was written */
	} else {
		b->v.dropped = guard_block_dropped(k);
	}
	b->v.why = why;
	b->v.until_ns = until;
	if (log_debug_on(LOG_BPF)) {
		char text[BLOCK_TEXT_MAX];

		log_debug(LOG_BPF, "block address=%s seconds=%llu by=%s", block_text(k, text),
			  (unsigned long long)seconds, why == KH_BLOCK_AUTH ? "logins" : "hand");
	}
	guard_block_set(k, &b->v);
	arm_next();
out:
	pthread_rwlock_unlock(&list.lock);
	return err;
}

int block_del(const struct kh_block_key *k)
{
	struct block *b;

	pthread_rwlock_wrlock(&list.lock);
	b = find(k);
	if (b)
		drop(b);
	pthread_rwlock_unlock(&list.lock);
	return b ? 0 : -ENOENT;
}

static void expire_one(void *arg, struct block *b)
{
	char text[BLOCK_TEXT_MAX];

	if (!over(b, *(uint64_t *)arg))
		return;
	log_notice("%s is no longer blocked (%llu packets dropped, %llu connections refused)",
		   block_text(&b->key, text), (unsigned long long)guard_block_dropped(&b->key),
		   (unsigned long long)atomic_load(&b->refused));
	drop(b);
}

void block_expire(void)
{
	uint64_t expirations, now = now_ns();

	if (list.timer < 0 || read(list.timer, &expirations, sizeof(expirations)) < 0)
		return;
	pthread_rwlock_wrlock(&list.lock);
	each(expire_one, &now);
	arm_next();
	pthread_rwlock_unlock(&list.lock);
}

/* ---- who is refused ---- */

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	struct kh_block_key ka, kb;

	return block_key_of(a, &ka) && block_key_of(b, &kb) && memcmp(&ka, &kb, sizeof(ka)) == 0;
}

bool block_is_loopback(const struct kh_block_key *k)
{
	if (is_mapped(k))
		return k->prefix_len >= 104 && ntohl(k->addr[3]) >> 24 == 127;
	return k->prefix_len == BITS && !k->addr[0] && !k->addr[1] && !k->addr[2] &&
	       k->addr[3] == htonl(1);
}

bool block_is_exempt(const struct sockaddr_storage *peer, const struct sockaddr_storage *local)
{
	struct kh_block_key k;

	if (!block_key_of(peer, &k) || block_is_loopback(&k))
		return true;
	return local && same_address(peer, local);
}

bool block_is_here(const struct kh_block_key *k)
{
	struct ifaddrs *ifs, *i;
	bool found = false;

	if (block_is_loopback(k))
		return true;
	if (getifaddrs(&ifs) < 0)
		return false;
	for (i = ifs; i && !found; i = i->ifa_next) {
		struct sockaddr_storage ss = { 0 };
		struct kh_block_key here;

		if (!i->ifa_addr)
			continue;
		ss.ss_family = i->ifa_addr->sa_family;
		if (ss.ss_family == AF_INET)
			memcpy(&ss, i->ifa_addr, sizeof(struct sockaddr_in));
		else if (ss.ss_family == AF_INET6)
			memcpy(&ss, i->ifa_addr, sizeof(struct sockaddr_in6));
		found = block_key_of(&ss, &here) && memcmp(&here, k, sizeof(here)) == 0;
	}
	freeifaddrs(ifs);
	return found;
}

bool block_refuses(const struct sockaddr_storage *peer, const struct sockaddr_storage *local)
{
	struct kh_block_key whole, k;
	struct block *b = NULL;
	uint64_t now;

	if (likely(!atomic_load_explicit(&list.n, memory_order_relaxed)) ||
	    block_is_exempt(peer, local) || !block_key_of(peer, &whole))
		return false;
	now = now_ns();
	pthread_rwlock_rdlock(&list.lock);
	for (unsigned int bits = BITS + 1; bits-- > 0 && !b;) {
		if (!list.of_length[bits])
			continue;
		k = whole;
		k.prefix_len = bits;
		mask(&k);
		b = find(&k);
		if (b && over(b, now))
			b = NULL;
	}
	if (b)
		atomic_fetch_add(&b->refused, 1);
	pthread_rwlock_unlock(&list.lock);
	if (b)
		stats_bad(BAD_blocked);
	return b != NULL;
}

/* ---- for the guard and the command ---- */

static void send_one(void *arg, struct block *b)
{
	guard_block_set(&b->key, &b->v);
}

void block_resend(void)
{
	pthread_rwlock_rdlock(&list.lock);
	each(send_one, NULL);
	pthread_rwlock_unlock(&list.lock);
}

struct show {
	void (*fn)(void *arg, const struct block_view *v);
	void *arg;
};

static void show_one(void *arg, struct block *b)
{
	struct show *s = arg;
	struct block_view v = { .key = b->key, .b = b->v };

	v.b.dropped = guard_block_dropped(&b->key);
	v.refused = atomic_load(&b->refused);
	s->fn(s->arg, &v);
}

void block_each(void (*fn)(void *arg, const struct block_view *v), void *arg)
{
	pthread_rwlock_rdlock(&list.lock);
	each(show_one, &(struct show) { fn, arg });
	pthread_rwlock_unlock(&list.lock);
}

/* ---- begin and end ---- */

int block_start(void)
{
	for (unsigned int i = 0; i < BUCKETS; i++)
		list_init(&list.buckets[i]);
	list.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return list.timer < 0 ? -errno : 0;
}

int block_fd(void)
{
	return list.timer;
}

static void end_one(void *arg, struct block *b)
{
	drop(b);
}

void block_stop(void)
{
	pthread_rwlock_wrlock(&list.lock);
	each(end_one, NULL);
	pthread_rwlock_unlock(&list.lock);
	if (list.timer >= 0)
		close(steal_fd(&list.timer));
	block_auth_stop();
}
