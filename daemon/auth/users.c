/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * users.c - the accounts as the daemon sees them: a snapshot of the files, replaced when they
 * change. The lock is held to look at the files and to take a reference, not while searching.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "auth/users_file.h"
#include "core/file.h"
#include "core/utf16.h"

/* What tells one version of a file from another; a file that is replaced has another inode. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtim, ctim;
	int err;
};

enum { FILE_DB, FILE_OWN_MAP, FILE_USERNAME_MAP, NFILES };

struct snapshot {
	unsigned int refs; /* atomic */
	int err;	   /* of reading the accounts; 0 also when there is no file */
	unsigned int nbad;
	unsigned int n;
	struct account *accounts;
	char *map[NFILES]; /* text of the maps, or NULL */
};

struct users {
	pthread_mutex_t lock;
	char *path[NFILES]; /* NULL: none */
	struct stamp stamp[NFILES];
	struct snapshot *now;
};

/* ---- lines ---- */

bool users_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= USERS_NAME_MAX || utf8_utf16_len(name, n) < 0)
		return false;
	for (; *name; name++)
		if ((unsigned char)*name < 0x20 || *name == 0x7f ||
		    strchr(":\"/\\[]|<>+=;,?*@", *name))
			return false;
	return true;
}

bool users_parse_line(const char *s, const char *end, struct account *a)
{
	static const uint8_t empty[USERS_HASH_LEN] = { 0x31, 0xd6, 0xcf, 0xe0, 0xd1, 0x6a,
						       0xe9, 0x31, 0xb7, 0x3c, 0x59, 0xd7,
						       0xe0, 0xc0, 0x89, 0xc0 };
	const char *colon = memchr(s, ':', (size_t)(end - s));
	uint8_t hash[18];

	if (end > s && end[-1] == '\r')
		end--;
	/* 16 bytes are 22 letters and "==". */
	if (!colon || colon == s || colon - s >= USERS_NAME_MAX || end - colon - 1 != 24 ||
	    end[-1] != '=' || end[-2] != '=')
		return false;
	if (EVP_DecodeBlock(hash, (const unsigned char *)colon + 1, 24) != sizeof(hash))
		return false;
	memset(a, 0, sizeof(*a));
	memcpy(a->name, s, (size_t)(colon - s));
	memcpy(a->nt_hash, hash, sizeof(a->nt_hash));
	a->no_password = !CRYPTO_memcmp(hash, empty, sizeof(empty));
	OPENSSL_cleanse(hash, sizeof(hash));
	return utf8_utf16_len(a->name, strlen(a->name)) >= 0;
}

/* ---- snapshots ---- */

static void snapshot_put(struct snapshot *s)
{
	if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (s->accounts)
		OPENSSL_cleanse(s->accounts, s->n * sizeof(*s->accounts));
	free(s->accounts);
	for (int i = 0; i < NFILES; i++)
		free(s->map[i]);
	free(s);
}

static void map_name(const struct snapshot *s, const char *name, char out[USERS_NAME_MAX])
{
	for (int i = FILE_OWN_MAP; i < NFILES; i++)
		if (s->map[i] && usermap_find(s->map[i], name, out))
			return;
	snprintf(out, USERS_NAME_MAX, "%s", name);
}

static void parse_accounts(struct snapshot *s, const char *text, size_t len)
{
	const char *end = text + len;
	size_t lines = 1;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	s->accounts = xcalloc(lines, sizeof(*s->accounts));
	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;

		if (users_parse_line(p, stop, &s->accounts[s->n]))
			s->n++;
		else if (stop > p && *p != '#')
			s->nbad++;
		p = stop + 1;
	}
}

static struct snapshot *snapshot_load(char *const path[NFILES])
{
	struct snapshot *s = xcalloc(1, sizeof(*s));
	char *text = NULL;
	size_t len, n;

	s->refs = 1;
	for (int i = FILE_OWN_MAP; i < NFILES; i++)
		if (path[i])
			file_read(path[i], USERS_FILE_MAX, &s->map[i], &n);
	s->err = file_read(path[FILE_DB], USERS_FILE_MAX, &text, &len);
	if (s->err == -ENOENT)
		s->err = 0;
	if (!text)
		return s;
	parse_accounts(s, text, len);
	OPENSSL_cleanse(text, len);
	free(text);
	return s;
}

static struct stamp stamp_of(const char *path)
{
	struct stamp st;
	struct stat s;

	memset(&st, 0, sizeof(st));
	if (path && stat(path, &s)) {
		st.err = errno;
	} else if (path) {
		st.dev = s.st_dev;
		st.ino = s.st_ino;
		st.size = s.st_size;
		st.mtim = s.st_mtim;
		st.ctim = s.st_ctim;
	}
	return st;
}

static bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtim.tv_sec == b->mtim.tv_sec && a->mtim.tv_nsec == b->mtim.tv_nsec &&
	       a->ctim.tv_sec == b->ctim.tv_sec && a->ctim.tv_nsec == b->ctim.tv_nsec &&
	       a->err == b->err;
}

/* A reference to a snapshot of the files as they are now. */
static struct snapshot *snapshot_get(struct users *u, bool force)
{
	struct snapshot *s;
	bool changed;

	pthread_mutex_lock(&u->lock);
	changed = force || !u->now;
	for (int i = 0; i < NFILES; i++) {
		struct stamp now = stamp_of(u->path[i]);

		if (!stamp_equal(&now, &u->stamp[i]))
			changed = true;
		u->stamp[i] = now;
	}
	if (changed) {
		snapshot_put(u->now);
		u->now = snapshot_load(u->path);
	}
	s = u->now;
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&u->lock);
	return s;
}

/* ---- the interface ---- */

struct users *users_open(const char *path, const char *username_map)
{
	struct users *u = xcalloc(1, sizeof(*u));

	pthread_mutex_init(&u->lock, NULL);
	u->path[FILE_DB] = xstrdup(path);
	u->path[FILE_OWN_MAP] = xasprintf("%s" USERS_MAP_SUFFIX, path);
	u->path[FILE_USERNAME_MAP] = username_map ? xstrdup(username_map) : NULL;
	return u;
}

void users_close(struct users *u)
{
	if (!u)
		return;
	snapshot_put(u->now);
	for (int i = 0; i < NFILES; i++)
		free(u->path[i]);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

void users_reload(struct users *u)
{
	snapshot_put(snapshot_get(u, true));
}

/* No early end: a name that is not there takes as long as one that is. */
static const struct account *search(const struct snapshot *s, const char *name)
{
	const struct account *found = NULL;

	for (unsigned int i = 0; i < s->n; i++)
		if (utf8_equal_nocase(s->accounts[i].name, name) && !found)
			found = &s->accounts[i];
	return found;
}

int users_find(struct users *u, const char *name, struct account *out)
{
	struct snapshot *s = snapshot_get(u, false);
	const struct account *a = search(s, name);
	char mapped[USERS_NAME_MAX];
	int rc = s->err ? s->err : -ENOENT;

	memset(out, 0, sizeof(*out));
	if (!a && s->map[FILE_USERNAME_MAP] &&
	    usermap_find(s->map[FILE_USERNAME_MAP], name, mapped))
		a = search(s, mapped);
	if (a) {
		*out = *a;
		map_name(s, out->name, out->unix_user);
		rc = 0;
	}
	snapshot_put(s);
	return rc;
}

void users_map_name(struct users *u, const char *name, char out[USERS_NAME_MAX])
{
	struct snapshot *s = snapshot_get(u, false);

	map_name(s, name, out);
	snapshot_put(s);
}

int users_each(struct users *u, int (*fn)(void *arg, const struct account *a), void *arg)
{
	struct snapshot *s = snapshot_get(u, false);
	int rc = 0;

	for (unsigned int i = 0; i < s->n && !rc; i++) {
		_cleanup_account_ struct account a = s->accounts[i];

		map_name(s, a.name, a.unix_user);
		rc = fn(arg, &a);
	}
	snapshot_put(s);
	return rc;
}

int users_check(struct users *u)
{
	struct snapshot *s = snapshot_get(u, false);
	int rc = s->err ? s->err : (int)s->nbad;

	snapshot_put(s);
	return rc;
}
