/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * users_edit.c - changing ksmbdpwd.db and its map: line by line, so that what is not understood
 * (a comment, a line of a later version) stays as it is.
 */
#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "auth/users_file.h"
#include "core/file.h"
#include "core/utf16.h"

struct edit {
	char *text; /* malloc'ed; may hold hashes: wiped */
	size_t len, cap;
};

static void edit_free(struct edit *e)
{
	if (e->text) {
		OPENSSL_cleanse(e->text, e->cap);
		free(e->text);
	}
}
#define _cleanup_edit_ __attribute__((__cleanup__(edit_free)))

static void edit_add(struct edit *e, const char *s, size_t n)
{
	if (n && e->cap - e->len >= n) {
		memcpy(e->text + e->len, s, n);
		e->len += n;
	}
}

/* Reads path into old, and makes room for more bytes than it has in e. A missing file is empty. */
static int edit_begin(const char *path, struct edit *old, struct edit *e)
{
	int rc = file_read(path, USERS_FILE_MAX, &old->text, &old->len);

	if (rc && rc != -ENOENT)
		return rc;
	if (rc)
		old->text = xstrdup(""); /* no file is an empty one */
	old->cap = old->len;
	e->cap = old->len + 4 * USERS_NAME_MAX + 64;
	e->text = xmalloc(e->cap);
	return 0;
}

/* The next line of [*p, end) with its newline into *len; NULL at the end. */
static const char *next_line(const char **p, const char *end, size_t *len)
{
	const char *s = *p, *nl;

	if (s >= end)
		return NULL;
	nl = memchr(s, '\n', (size_t)(end - s));
	*p = nl ? nl + 1 : end;
	*len = (size_t)(*p - s);
	return s;
}

static bool is_account(const char *line, size_t len, const char *name)
{
	const char *colon = memchr(line, ':', len);
	_cleanup_free_ char *has = NULL;

	if (!colon || *line == '#')
		return false;
	has = xstrndup(line, (size_t)(colon - line));
	return utf8_equal_nocase(has, name);
}

/* Copies all lines but those of name, in whose place entry (NULL: nothing) goes; was it there? */
static bool replace_account(const struct edit *old, struct edit *e, const char *name,
			    const char *entry)
{
	const char *p = old->text, *end = p + old->len, *line;
	bool found = false;
	size_t len;

	while ((line = next_line(&p, end, &len))) {
		if (!is_account(line, len, name)) {
			edit_add(e, line, len);
			if (line[len - 1] != '\n')
				edit_add(e, "\n", 1);
			continue;
		}
		if (!found && entry)
			edit_add(e, entry, strlen(entry));
		found = true;
	}
	if (!found && entry)
		edit_add(e, entry, strlen(entry));
	return found;
}

static int edit_db(const char *path, const char *name, const char *entry, bool *found)
{
	_cleanup_edit_ struct edit old = { 0 }, e = { 0 };
	int rc = edit_begin(path, &old, &e);

	if (rc)
		return rc;
	*found = replace_account(&old, &e, name, entry);
	if (!entry && !*found)
		return -ENOENT;
	return file_replace(path, e.text, e.len, 0600);
}

/* Does the map's line give name (and nothing but name, as we write it) to somebody? */
static bool is_mapping(const char *line, size_t len, const char *name)
{
	const char *eq = memchr(line, '=', len);
	_cleanup_free_ char *has = NULL;
	char *s, *e;

	if (!eq)
		return false;
	has = xstrndup(eq + 1, len - (size_t)(eq + 1 - line));
	s = has + strspn(has, " \t\"");
	e = s + strlen(s);
	while (e > s && strchr("\r\n\t \"", e[-1]))
		*--e = 0;
	return utf8_equal_nocase(s, name);
}

/* unix_user NULL or name: no line in the map. */
static int edit_map(const char *db, const char *name, const char *unix_user)
{
	_cleanup_free_ char *path = xasprintf("%s" USERS_MAP_SUFFIX, db);
	_cleanup_edit_ struct edit old = { 0 }, e = { 0 };
	_cleanup_free_ char *entry = NULL;
	const char *p, *end, *line;
	size_t len;
	int rc = edit_begin(path, &old, &e);

	if (rc)
		return rc;
	for (p = old.text, end = p + old.len; (line = next_line(&p, end, &len));)
		if (!is_mapping(line, len, name))
			edit_add(&e, line, len);
	if (unix_user && strcmp(unix_user, name)) {
		entry = xasprintf("!\"%s\" = \"%s\"\n", unix_user, name);
		edit_add(&e, entry, strlen(entry));
	}
	if (e.len == old.len && (!e.len || !memcmp(e.text, old.text, e.len)))
		return 0;
	return file_replace(path, e.text, e.len, 0600);
}

int users_set(const char *path, const char *name, const uint8_t nt_hash[USERS_HASH_LEN],
	      const char *unix_user, bool *was_there)
{
	_cleanup_close_ int lock = -1;
	unsigned char b64[32];
	char entry[USERS_NAME_MAX + 40];
	int rc;

	if (!users_name_ok(name) || (unix_user && !users_name_ok(unix_user)))
		return -EINVAL;
	lock = file_lock(path);
	if (lock < 0)
		return lock;
	EVP_EncodeBlock(b64, nt_hash, USERS_HASH_LEN);
	snprintf(entry, sizeof(entry), "%s:%s\n", name, (const char *)b64);
	/* The map first: an account must not be somebody else for a moment. */
	rc = unix_user ? edit_map(path, name, unix_user) : 0;
	if (!rc)
		rc = edit_db(path, name, entry, was_there);
	OPENSSL_cleanse(entry, sizeof(entry));
	OPENSSL_cleanse(b64, sizeof(b64));
	return rc;
}

int users_delete(const char *path, const char *name)
{
	_cleanup_close_ int lock = file_lock(path);
	bool found;
	int rc;

	if (lock < 0)
		return lock;
	rc = edit_db(path, name, NULL, &found);
	return rc ? rc : edit_map(path, name, NULL);
}
