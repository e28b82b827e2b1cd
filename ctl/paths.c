/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * paths.c - which configuration, which run folder, which daemon.
 *
 * No option: /etc/ksmbd-hybrid/ksmbd-hybrid.conf and /run/ksmbd-hybrid. --instance NAME: NAME.conf
 * there, and /run/ksmbd-hybrid/NAME. Another file by -c: a run folder named after the file and its
 * place, so that servers with different files never meet. `run directory` in the file wins.
 */
#include <fcntl.h>
#include <limits.h>

#include "ctl.h"

static const char default_instance[] = "default";

static bool instance_ok(const char *name)
{
	return *name && *name != '.' && strlen(name) <= 64 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       strlen(name);
}

/* The absolute form of a path whose file need not exist. */
static char *absolute(const char *path)
{
	char *real = realpath(path, NULL);
	char cwd[PATH_MAX];

	if (real)
		return real;
	if (*path == '/')
		return xstrdup(path);
	return getcwd(cwd, sizeof(cwd)) ? xasprintf("%s/%s", cwd, path) : xstrdup(path);
}

/* "smb-5f3a09c1" for /etc/samba/smb.conf. */
static char *instance_of_file(const char *path)
{
	const char *base = strrchr(path, '/') + 1;
	size_t n = strcspn(base, ".");
	uint32_t h = 2166136261u;

	for (const char *p = path; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return xasprintf("%.*s-%08x", (int)MIN(n, (size_t)32), base, h);
}

void ctl_free(struct ctl *ctl)
{
	conf_put(ctl->conf);
	free(ctl->conf_path);
	free(ctl->instance);
	free(ctl->run_dir);
	ctl->conf = NULL;
	ctl->conf_path = ctl->instance = ctl->run_dir = NULL;
}

int ctl_paths(struct ctl *ctl, const char *conf, const char *instance)
{
	if (instance && !instance_ok(instance))
		return usage(NULL, "\"%s\" is no name for an instance: letters, digits, . _ -",
			     instance);
	ctl_free(ctl);
	if (conf)
		ctl->conf_path = absolute(conf);
	else if (instance)
		ctl->conf_path = xasprintf("%s/%s.conf", CONF_DEFAULT_DIR, instance);
	else
		ctl->conf_path = xstrdup(CONF_DEFAULT_FILE);
	if (instance)
		ctl->instance = xstrdup(instance);
	else if (!strcmp(ctl->conf_path, CONF_DEFAULT_FILE))
		ctl->instance = xstrdup(default_instance);
	else
		ctl->instance = instance_of_file(ctl->conf_path);
	return EXIT_OK;
}

/* The options that choose this server, so that a hint can be typed as it stands. */
const char *ctl_self(const struct ctl *ctl)
{
	_cleanup_free_ char *of_instance = xasprintf("%s/%s.conf", CONF_DEFAULT_DIR, ctl->instance);
	_cleanup_free_ char *of_file = instance_of_file(ctl->conf_path);
	bool default_file = !strcmp(ctl->conf_path, CONF_DEFAULT_FILE);
	static char text[PATH_MAX + 300];

	if (default_file && !strcmp(ctl->instance, default_instance))
		return "ksmbd-hybrid";
	if (!strcmp(ctl->conf_path, of_instance))
		snprintf(text, sizeof(text), "ksmbd-hybrid --instance %s", ctl->instance);
	else if (!default_file && !strcmp(ctl->instance, of_file))
		snprintf(text, sizeof(text), "ksmbd-hybrid -c %s", ctl->conf_path);
	else
		snprintf(text, sizeof(text), "ksmbd-hybrid -c %s --instance %s", ctl->conf_path,
			 ctl->instance);
	return text;
}

/* ---- loading ---- */

void ctl_report(void *arg, enum conf_severity sev, const char *file, unsigned int line,
		const char *sentence)
{
	FILE *f = arg;

	if (line)
		fprintf(f, "%s:%u: ", file, line);
	else if (file)
		fprintf(f, "%s: ", file);
	fprintf(f, "%s: %s\n", sev == CONF_ERROR ? "error" : "warning", sentence);
}

static void report_errors(void *arg, enum conf_severity sev, const char *file, unsigned int line,
			  const char *sentence)
{
	if (sev == CONF_ERROR)
		ctl_report(arg, sev, file, line, sentence);
}

static int no_file(const struct ctl *ctl, int rc)
{
	if (rc != -ENOENT)
		return fail(EXIT_REFUSED, "The configuration file %s cannot be read: %s.",
			    ctl->conf_path, strerror(-rc));
	return fail(EXIT_REFUSED,
		    "There is no configuration file %s. Make one by sharing a folder:\n"
		    "  %s addshare NAME /folder",
		    ctl->conf_path, ctl_self(ctl));
}

int ctl_load(struct ctl *ctl, enum load_how how)
{
	int rc = conf_load(ctl->conf_path, how == LOAD_STRICT ? report_errors : NULL, stderr,
			   &ctl->conf);

	if (rc == -ENOENT && how == LOAD_OR_EMPTY)
		rc = conf_load_text(ctl->conf_path, "", 0, NULL, NULL, &ctl->conf);
	if (!ctl->conf)
		return no_file(ctl, rc);
	if (rc && how == LOAD_STRICT)
		return fail(EXIT_REFUSED, "The configuration has errors: correct them first.");
	if (ctl->conf->run_dir)
		ctl->run_dir = xstrdup(ctl->conf->run_dir);
	else if (!strcmp(ctl->instance, default_instance))
		ctl->run_dir = xstrdup(CONF_DEFAULT_RUN_DIR);
	else
		ctl->run_dir = xasprintf("%s/%s", CONF_DEFAULT_RUN_DIR, ctl->instance);
	return EXIT_OK;
}

/* ---- the daemon ---- */

char *ctl_self_dir(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = 0;
	return xasprintf("%.*s", (int)(strrchr(self, '/') + 1 - self), self);
}

char *ctl_daemon_path(void)
{
	static const char *const places[] = { "", "build/", "../libexec/ksmbd-hybrid/" };
	_cleanup_free_ char *dir = ctl_self_dir();

	for (size_t i = 0; dir && i < ARRAY_SIZE(places); i++) {
		char *path = xasprintf("%s%sksmbd-hybridd", dir, places[i]);

		if (!access(path, X_OK))
			return path;
		free(path);
	}
	return xstrdup(KH_LIBEXEC "/ksmbd-hybridd");
}
