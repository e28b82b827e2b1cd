/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_user.c - adduser, passwd, deluser, listusers.
 */
#include <getopt.h>
#include <pwd.h>
#include <sys/stat.h>

#include "auth/users.h"
#include "crypto/crypto.h"
#include "ctl.h"

static int no_unix_user(const struct ctl *ctl, const char *name, const char *unix_user)
{
	return fail(EXIT_REFUSED,
		    "There is no Unix user \"%s\" on this machine. Make one, or name another:\n"
		    "  useradd --no-create-home --shell /usr/sbin/nologin %s\n"
		    "  %s adduser %s --unix-user USER",
		    unix_user, unix_user, ctl_self(ctl), name);
}

/* Who name will be: what --unix-user says, or the maps, or the user of the same name. */
static void unix_user_of(const struct ctl *ctl, const char *name, const char *option,
			 char out[USERS_NAME_MAX])
{
	struct users *u;
	_cleanup_account_ struct account a;

	if (option) {
		snprintf(out, USERS_NAME_MAX, "%s", option);
		return;
	}
	u = users_open(ctl->conf->passdb_file, ctl->conf->username_map);
	if (!users_find(u, name, &a))
		memcpy(out, a.unix_user, USERS_NAME_MAX);
	else
		users_map_name(u, name, out);
	users_close(u);
}

static int store(const struct ctl *ctl, const char *name, const char *unix_user, bool must_exist)
{
	const char *db = ctl->conf->passdb_file;
	uint8_t hash[HASH_LEN];
	bool was_there = false;
	char *password = password_read(name);
	int rc;

	if (!password)
		return EXIT_REFUSED;
	rc = hash_nt(password, hash);
	password_free(password);
	if (rc)
		return fail(EXIT_REFUSED,
			    "The password cannot be hashed: OpenSSL offers no MD4 (is "
			    "its legacy provider missing?).");
	rc = users_set(db, name, hash, unix_user, &was_there);
	explicit_bzero(hash, sizeof(hash));
	if (rc)
		return fail(EXIT_REFUSED, "The accounts in %s cannot be written: %s.", db,
			    strerror(-rc));
	printf("%s %s.\n",
	       was_there || must_exist ? "Changed the password of" : "Added the account", name);
	return EXIT_OK;
}

/* The folder of the accounts, which is that of the configuration, may not be there yet. */
static void make_folder(const char *file)
{
	_cleanup_free_ char *dir = xstrdup(file);
	char *slash = strrchr(dir, '/');

	if (slash && slash != dir) {
		*slash = 0;
		mkdir(dir, 0755);
	}
}

int cmd_adduser(struct ctl *ctl, int argc, char **argv)
{
	static const struct option opts[] = { { "unix-user", required_argument, NULL, 'u' },
					      { NULL } };
	const char *name, *unix_user = NULL;
	char who[USERS_NAME_MAX];
	int o;

	while ((o = getopt_long(argc, argv, "u:", opts, NULL)) >= 0) {
		if (o != 'u')
			return usage(argv[0],
				     "%s is no option of adduser. (A password is never "
				     "given on the command line, where others can see it.)",
				     argv[optind - 1]);
		unix_user = optarg;
	}
	if (argc - optind != 1)
		return usage(argv[0], "adduser needs one name.");
	name = argv[optind];
	if (!users_name_ok(name))
		return fail(EXIT_REFUSED, "\"%s\" is no name for an account.", name);
	if (ctl_load(ctl, LOAD_OR_EMPTY))
		return EXIT_REFUSED;
	unix_user_of(ctl, name, unix_user, who);
	if (!getpwnam(who))
		return no_unix_user(ctl, name, who);
	make_folder(ctl->conf->passdb_file);
	return store(ctl, name, unix_user, false);
}

static bool account_exists(const struct ctl *ctl, const char *name)
{
	struct users *u = users_open(ctl->conf->passdb_file, NULL);
	_cleanup_account_ struct account a;
	bool there = !users_find(u, name, &a);

	users_close(u);
	return there;
}

static int no_account(const struct ctl *ctl, const char *name)
{
	if (access(ctl->conf->passdb_file, R_OK) && errno != ENOENT)
		return fail(EXIT_REFUSED, "The accounts in %s cannot be read: %s.",
			    ctl->conf->passdb_file, strerror(errno));
	return fail(EXIT_REFUSED, "There is no account \"%s\". See: %s listusers", name,
		    ctl_self(ctl));
}

int cmd_passwd(struct ctl *ctl, int argc, char **argv)
{
	if (argc != 2)
		return usage(argv[0], "passwd needs one name.");
	if (ctl_load(ctl, LOAD_OR_EMPTY))
		return EXIT_REFUSED;
	if (!account_exists(ctl, argv[1]))
		return no_account(ctl, argv[1]);
	return store(ctl, argv[1], NULL, true);
}

int cmd_deluser(struct ctl *ctl, int argc, char **argv)
{
	int rc;

	if (argc != 2)
		return usage(argv[0], "deluser needs one name.");
	if (ctl_load(ctl, LOAD_OR_EMPTY))
		return EXIT_REFUSED;
	rc = users_delete(ctl->conf->passdb_file, argv[1]);
	if (rc == -ENOENT)
		return no_account(ctl, argv[1]);
	if (rc)
		return fail(EXIT_REFUSED, "The accounts in %s cannot be written: %s.",
			    ctl->conf->passdb_file, strerror(-rc));
	printf("Removed the account %s.\n", argv[1]);
	return EXIT_OK;
}

static int add_row(void *arg, const struct account *a)
{
	struct json_object *row = json_object_new_object();
	const struct passwd *pw = getpwnam(a->unix_user);

	json_object_object_add(row, "name", json_object_new_string(a->name));
	json_object_object_add(row, "unix_user", json_object_new_string(a->unix_user));
	json_object_object_add(row, "uid", pw ? json_object_new_int64(pw->pw_uid) : NULL);
	json_object_object_add(row, "password", json_object_new_boolean(!a->no_password));
	json_object_array_add(arg, row);
	return 0;
}

int cmd_listusers(struct ctl *ctl, int argc, char **argv)
{
	static const struct column cols[] = { { "NAME", "name" },
					      { "UNIX USER", "unix_user" },
					      { "UID", "uid", COL_NUMBER },
					      { "PASSWORD", "password", COL_YES } };
	struct json_object *rows;
	struct users *u;
	int bad;

	if (argc != 1)
		return usage(argv[0], "listusers takes no argument.");
	if (ctl_load(ctl, LOAD_OR_EMPTY))
		return EXIT_REFUSED;
	u = users_open(ctl->conf->passdb_file, ctl->conf->username_map);
	bad = users_check(u);
	if (bad >= 0) {
		rows = json_object_new_array();
		users_each(u, add_row, rows);
		print_rows(ctl, rows, cols, ARRAY_SIZE(cols), "There are no accounts yet.");
		json_object_put(rows);
	}
	users_close(u);
	if (bad < 0)
		return fail(EXIT_REFUSED, "The accounts in %s cannot be read: %s.",
			    ctl->conf->passdb_file, strerror(-bad));
	if (bad)
		fail(0, "%d line%s of %s %s no account.", bad, bad == 1 ? "" : "s",
		     ctl->conf->passdb_file, bad == 1 ? "is" : "are");
	return EXIT_OK;
}
