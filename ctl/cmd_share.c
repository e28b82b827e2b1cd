/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_share.c - addshare, updateshare, delshare, listshares: the configuration file is the only
 * place where shares are; a changed file is checked as a whole before it takes the old one's place.
 */
#include <sys/stat.h>

#include "core/file.h"
#include "ctl.h"

#define FILE_MAX (4u << 20)

static int read_text(const struct ctl *ctl, char **text)
{
	size_t n;
	int rc = file_read(ctl->conf_path, FILE_MAX, text, &n);

	if (rc == -ENOENT) {
		*text = xstrdup("[global]\n");
		return 0;
	}
	if (!rc && strlen(*text) != n) {
		free(*text);
		*text = NULL;
		rc = -EILSEQ;
	}
	return rc;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0644 : st.st_mode & 07777;
}

/* Checks text, and puts it in the place of the file. */
static int replace(struct ctl *ctl, const char *text)
{
	struct conf *now = NULL;
	int rc = conf_load_text(ctl->conf_path, text, strlen(text), ctl_report, stderr, &now);

	conf_put(now);
	if (rc)
		return fail(EXIT_REFUSED, "%s was not changed.", ctl->conf_path);
	rc = file_replace(ctl->conf_path, text, strlen(text), mode_of(ctl->conf_path));
	if (rc)
		return fail(EXIT_REFUSED, "%s cannot be written: %s.", ctl->conf_path,
			    strerror(-rc));
	return server_reload_if_running(ctl);
}

/* Locks the file, and loads what it says now. The fd to close, or -1 after saying why not. */
static int begin_edit(struct ctl *ctl)
{
	_cleanup_free_ char *dir = xstrdup(ctl->conf_path);
	int fd;

	*strrchr(dir, '/') = 0;
	if (*dir)
		mkdir(dir, 0755);
	fd = file_lock(ctl->conf_path);
	if (fd < 0) {
		fail(0, "The folder of %s cannot be locked: %s.", ctl->conf_path, strerror(-fd));
		return -1;
	}
	if (ctl_load(ctl, LOAD_OR_EMPTY)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int no_share(const struct ctl *ctl, const char *name)
{
	return fail(EXIT_REFUSED, "There is no share \"%s\" in %s. See: %s listshares", name,
		    ctl->conf_path, ctl_self(ctl));
}

/* The share, if it stands in the file that we may change. */
static const struct conf_share *own_share(const struct ctl *ctl, const char *name)
{
	const struct conf_share *s = conf_share_find(ctl->conf, name);

	if (!s || s->is_ipc) {
		no_share(ctl, name);
		return NULL;
	}
	if (strcmp(s->file, ctl->conf->file)) {
		fail(0, "[%s] stands in %s line %u, an included file: change it there.", s->name,
		     s->file, s->line);
		return NULL;
	}
	return s;
}

static int check_options(const char *verb, char **options, int n)
{
	for (int i = 0; i < n; i++) {
		size_t len = strlen(options[i]);

		if (!strchr(options[i], '=') || *options[i] == '=')
			return usage(verb, "\"%s\" is no 'option=value'.", options[i]);
		if (strpbrk(options[i], "\r\n") || options[i][len - 1] == '\\')
			return usage(verb, "An option is one line, and does not end with \\.");
	}
	return EXIT_OK;
}

/* ---- addshare ---- */

static int check_folder(const char *path)
{
	struct stat st;

	if (strchr(path, '%'))
		return EXIT_OK; /* depends on who connects */
	if (*path != '/')
		return fail(EXIT_REFUSED, "The folder is given by its absolute path, not \"%s\".",
			    path);
	if (stat(path, &st))
		return fail(EXIT_REFUSED,
			    "The folder %s cannot be shared: %s. Make it first:\n"
			    "  mkdir -p %s",
			    path, strerror(errno), path);
	if (!S_ISDIR(st.st_mode))
		return fail(EXIT_REFUSED, "%s is no folder.", path);
	return EXIT_OK;
}

int cmd_addshare(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_free_ char *text = NULL, *edited = NULL, *path = NULL;
	_cleanup_free_ char **options = NULL;
	_cleanup_close_ int lock = -1;
	const char *name = argc > 1 ? argv[1] : "";
	int rc;

	if (argc < 3)
		return usage(argv[0], "addshare needs a name and a folder.");
	if (check_options(argv[0], argv + 3, argc - 3))
		return EXIT_USAGE;
	if (!conf_share_name_ok(name))
		return fail(EXIT_REFUSED,
			    "\"%s\" is no name for a share: 1 to 80 characters "
			    "without \\ / [ ] : | < > + = ; , * ? \" %%.",
			    name);
	if (check_folder(argv[2]))
		return EXIT_REFUSED;
	lock = begin_edit(ctl);
	if (lock < 0)
		return EXIT_REFUSED;
	if (conf_share_find(ctl->conf, name))
		return fail(EXIT_REFUSED,
			    "There is a share \"%s\" already. See: "
			    "ksmbd-hybrid updateshare --help",
			    name);
	rc = read_text(ctl, &text);
	if (rc)
		return fail(EXIT_REFUSED, "%s cannot be read: %s.", ctl->conf_path, strerror(-rc));
	options = xcalloc((size_t)argc, sizeof(*options));
	options[0] = path = xasprintf("path=%s", argv[2]);
	memcpy(options + 1, argv + 3, (size_t)(argc - 3) * sizeof(*options));
	edited = conf_edit_add(text, name, options, (size_t)argc - 2);
	rc = replace(ctl, edited);
	if (!rc)
		printf("Added the share %s.\n", name);
	return rc;
}

/* ---- updateshare, delshare ---- */

int cmd_updateshare(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_free_ char *text = NULL, *edited = NULL;
	_cleanup_close_ int lock = -1;
	int rc;

	if (argc < 3)
		return usage(argv[0], "updateshare needs a name and at least one 'option=value'.");
	if (check_options(argv[0], argv + 2, argc - 2))
		return EXIT_USAGE;
	lock = begin_edit(ctl);
	if (lock < 0 || !own_share(ctl, argv[1]))
		return EXIT_REFUSED;
	rc = read_text(ctl, &text);
	if (rc)
		return fail(EXIT_REFUSED, "%s cannot be read: %s.", ctl->conf_path, strerror(-rc));
	edited = conf_edit_update(text, argv[1], argv + 2, (size_t)argc - 2);
	rc = replace(ctl, edited);
	if (!rc)
		printf("Changed the share %s.\n", argv[1]);
	return rc;
}

int cmd_delshare(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_free_ char *text = NULL, *edited = NULL;
	_cleanup_close_ int lock = -1;
	int rc;

	if (argc != 2)
		return usage(argv[0], "delshare needs one name.");
	lock = begin_edit(ctl);
	if (lock < 0 || !own_share(ctl, argv[1]))
		return EXIT_REFUSED;
	rc = read_text(ctl, &text);
	if (rc)
		return fail(EXIT_REFUSED, "%s cannot be read: %s.", ctl->conf_path, strerror(-rc));
	edited = conf_edit_delete(text, argv[1]);
	rc = replace(ctl, edited);
	if (!rc)
		printf("Removed the share %s. Its folder stays as it is.\n", argv[1]);
	return rc;
}

/* ---- listshares ---- */

static struct json_object *words(const struct conf_list *l)
{
	struct json_object *a = json_object_new_array();

	for (unsigned int i = 0; i < l->n; i++)
		json_object_array_add(a, json_object_new_string(l->v[i]));
	return a;
}

static struct json_object *text_or_null(const char *s)
{
	return s ? json_object_new_string(s) : NULL;
}

static struct json_object *share_row(const struct conf_share *s)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "name", json_object_new_string(s->name));
	json_object_object_add(o, "path", text_or_null(s->path));
	json_object_object_add(o, "read_only", json_object_new_boolean(s->read_only));
	json_object_object_add(o, "guest_ok", json_object_new_boolean(s->guest_ok));
	json_object_object_add(o, "browseable", json_object_new_boolean(s->browseable));
	json_object_object_add(o, "available", json_object_new_boolean(s->available));
	json_object_object_add(o, "valid_users", words(&s->valid_users));
	json_object_object_add(o, "comment", text_or_null(s->comment));
	return o;
}

int cmd_listshares(struct ctl *ctl, int argc, char **argv)
{
	static const struct column cols[] = {
		{ "NAME", "name" },
		{ "FOLDER", "path" },
		{ "READ ONLY", "read_only", COL_YES },
		{ "GUESTS", "guest_ok", COL_YES },
		{ "USERS", "valid_users" },
		{ "COMMENT", "comment" },
	};
	struct json_object *rows;

	if (argc != 1)
		return usage(argv[0], "listshares takes no argument.");
	if (ctl_load(ctl, LOAD_OR_EMPTY))
		return EXIT_REFUSED;
	rows = json_object_new_array();
	for (unsigned int i = 0; i < ctl->conf->nshares; i++)
		json_object_array_add(rows, share_row(&ctl->conf->shares[i]));
	print_rows(ctl, rows, cols, ARRAY_SIZE(cols), "Nothing is shared yet.");
	json_object_put(rows);
	return EXIT_OK;
}
