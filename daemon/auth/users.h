/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * users.h - accounts: ksmbdpwd.db, and the Unix user behind a name.
 *
 * ksmbdpwd.db has the form that ksmbd-tools writes: a line per account, "name:base64(NT hash)".
 * The Unix user of an account stands in a side file, ksmbdpwd.db.map, in the syntax of Samba's
 * username map ("unix_user = name"): ksmbd-tools refuses a line with a third field, so the file
 * itself stays exactly theirs and moves both ways.
 *
 * A struct users is a handle on the two files. It holds an immutable snapshot which is replaced
 * when the files change (inode, size or times; looked at with every users_find()) or by
 * users_reload(). All functions but users_open() and users_close() may be called from any thread.
 */
#ifndef KH_USERS_H
#define KH_USERS_H

#include <sys/types.h>

#include "core/util.h"

#define USERS_NAME_MAX 256 /* bytes with NUL; MS-SAMR allows 20 characters, ksmbd 255 bytes */
#define USERS_HASH_LEN 16

struct account {
	char name[USERS_NAME_MAX];	/* as written in the file */
	char unix_user[USERS_NAME_MAX]; /* who it is on this machine */
	uint8_t nt_hash[USERS_HASH_LEN];
	bool no_password; /* hash of the empty password: refused unless `null passwords` */
};

struct users;

/* ---- users.c: finding ---- */

/*
 * path: ksmbdpwd.db; need not exist yet. map: `username map` or NULL. Never NULL: a file that
 * cannot be read is an empty one, and users_find() says why.
 */
struct users *users_open(const char *path, const char *username_map);
void users_close(struct users *u);
void users_reload(struct users *u);

/*
 * The account of this login name (UTF-8, compared without case; "DOMAIN\" must be gone). A name
 * without an account that `username map` gives to a Unix user with one is that account, as in
 * Samba. 0, or -ENOENT: no such account, or another -errno: the file cannot be read. The caller
 * wipes *out. All accounts are compared, whether or not one matches. Blocks on two stat()s, and on
 * the name service when `username map` has an @group: workers only.
 */
int users_find(struct users *u, const char *name, struct account *out);

/* The Unix user that the maps give to an account of this name, or the name itself. */
void users_map_name(struct users *u, const char *name, char out[USERS_NAME_MAX]);

/* Calls fn for each account in the order of the file until it returns non-zero; returns that. */
int users_each(struct users *u, int (*fn)(void *arg, const struct account *a), void *arg);

/* Lines of the file that are no account; -errno when the file is there but cannot be read. */
int users_check(struct users *u);

static inline void account_cleanup_wipe(struct account *a)
{
	explicit_bzero(a, sizeof(*a));
}
#define _cleanup_account_ __attribute__((__cleanup__(account_cleanup_wipe)))

/* ---- users_edit.c: changing (the command; the daemon never writes) ---- */

/*
 * Each takes the lock beside the file, reads, changes, and replaces it by rename with mode 0600.
 * The lock is a flock, so two commands wait for each other. -errno.
 */
/* Adds, or sets the new password of an existing name (*was_there). unix_user NULL: leave as is. */
int users_set(const char *path, const char *name, const uint8_t nt_hash[USERS_HASH_LEN],
	      const char *unix_user, bool *was_there);
int users_delete(const char *path, const char *name); /* -ENOENT */

/* Is this a name that the file can hold: not empty, no ':', newline, control; valid UTF-8. */
bool users_name_ok(const char *name);

/* ---- usermap.c: Samba's username map ---- */

/*
 * Which Unix user the text of a username map gives to name, into out; false: none, and out is
 * name. Lines "[!]unix = name @group * ...": each applies to what the lines before it made of the
 * name; '!' ends the search. Blocks on the name service for an @group.
 */
bool usermap_find(const char *text, const char *name, char out[USERS_NAME_MAX]);

/* ---- identity.c: the Unix side ---- */

/* Groups are malloc'ed: unix_identity_free(). */
struct unix_identity {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary, the primary group among them */
	unsigned int ngroups;
	char *name;
	char *group; /* name of gid; the number if it has none */
	char *home;  /* NULL: none */
};

/*
 * Looks a Unix user up by getpwnam_r() and getgrouplist(). Blocks (nsswitch): workers only.
 * 0, -ENOENT: no such user, -EIO: the name service failed.
 */
int unix_identity_read(const char *unix_user, struct unix_identity *out);
void unix_identity_free(struct unix_identity *id);

/*
 * identity_cache.c: the same, by what was read for another login lately: at most IDENTITY_CACHE_NS
 * ago, and /etc/passwd, /etc/group and /etc/nsswitch.conf are what they were.
 */
#define IDENTITY_CACHE_NS 3000000000ull

int unix_identity_lookup(const char *unix_user, struct unix_identity *out);
/* Forgets everybody (tests, and a configuration that is read again). Any thread. */
void unix_identity_forget(void);

/* Is the user in this group (by name)? A conf_in_group_fn but for the type; blocks likewise. */
bool unix_identity_in_group(const struct unix_identity *id, const char *group);

/* gid of a group name, for `force group`. -ENOENT. */
int unix_group_lookup(const char *group, gid_t *gid);

#endif /* KH_USERS_H */
