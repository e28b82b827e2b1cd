// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * identity_cache.c - who a Unix user is, as the name service said a moment ago. A lookup costs it
 * more than the rest of a login: modules for other services walk through folders for every one.
 * What an administrator changes in the machine's own files counts at once; other services (LDAP,
 * winbind) are believed for IDENTITY_CACHE_NS, as a login that began so much earlier would have it.
 * Nobody is remembered as not being there.
 */
#include "auth/users.h"

#include <pthread.h>
#include <sys/stat.h>

#define SLOTS 256u

struct file_stamp {
	uint64_t dev, ino, size;
	struct timespec mtim, ctim;
};

static const char *const files[] = { "/etc/passwd", "/etc/group", "/etc/nsswitch.conf" };

struct stamps {
	struct file_stamp of[ARRAY_SIZE(files)];
};

/* One user of those with the same hash. */
static struct known {
	char *name; /* NULL: empty */
	struct unix_identity id;
	struct stamps stamps;
	uint64_t read_ns;
} known[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void stamps_get(struct stamps *s)
{
	struct stat st;

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (stat(files[i], &st))
			continue;
		s->of[i] = (struct file_stamp) { st.st_dev, st.st_ino, (uint64_t)st.st_size,
						 st.st_mtim, st.st_ctim };
	}
}

static void copy(const struct unix_identity *from, struct unix_identity *to)
{
	*to = *from;
	to->name = xstrdup(from->name);
	to->group = xstrdup(from->group);
	to->home = from->home ? xstrdup(from->home) : NULL;
	to->groups = xmalloc(MAX(from->ngroups, 1u) * sizeof(*to->groups));
	memcpy(to->groups, from->groups, from->ngroups * sizeof(*to->groups));
}

static void forget(struct known *k)
{
	unix_identity_free(&k->id);
	free(k->name);
	*k = (struct known) { 0 };
}

int unix_identity_lookup(const char *unix_user, struct unix_identity *out)
{
	struct known *k = &known[fnv1a(FNV1A_SEED, unix_user, strlen(unix_user)) % SLOTS];
	uint64_t now = now_ns();
	struct stamps stamps;
	bool hit;
	int r;

	stamps_get(&stamps); /* before it is read: a change meanwhile makes it old */
	pthread_mutex_lock(&lock);
	hit = k->name && !strcmp(k->name, unix_user) && now - k->read_ns < IDENTITY_CACHE_NS &&
	      !memcmp(&k->stamps, &stamps, sizeof(stamps));
	if (hit)
		copy(&k->id, out);
	pthread_mutex_unlock(&lock);
	if (hit)
		return 0;
	r = unix_identity_read(unix_user, out);
	if (r)
		return r;
	pthread_mutex_lock(&lock);
	forget(k);
	k->name = xstrdup(unix_user);
	copy(out, &k->id);
	k->stamps = stamps;
	k->read_ns = now;
	pthread_mutex_unlock(&lock);
	return 0;
}

void unix_identity_forget(void)
{
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < SLOTS; i++)
		forget(&known[i]);
	pthread_mutex_unlock(&lock);
}
