/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_metrics.c - the maps in Prometheus' text format. */
#include "core/metrics.h"
#include "ctl.h"
#include "view.h"

int maps_fail(const struct ctl *ctl, const char *why)
{
	_cleanup_free_ char *dir = view_dir(ctl->instance);

	if (!server_pid(ctl))
		return fail(EXIT_NOT_RUNNING, "The server is not running. Start it: %s up",
			    ctl_self(ctl));
	if (access(dir, F_OK) && errno == ENOENT)
		return fail(EXIT_REFUSED,
			    "This reads BPF maps, and the server runs without: %s status says why.",
			    ctl_self(ctl));
	return fail(EXIT_REFUSED, "The server's maps cannot be read: %s.", why);
}

int cmd_metrics(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_free_ char *why = NULL, *text = NULL;
	bool alive = false;
	struct view v;

	if (argc > 1)
		return usage(argv[0], "metrics takes no argument.");
	if (ctl_load(ctl, LOAD_OR_EMPTY))
		return EXIT_REFUSED;
	why = view_open(&v, ctl->instance);
	if (!why)
		alive = view_alive(&v);
	if (alive)
		text = metrics_text(&v);
	view_close(&v);
	if (!text)
		return maps_fail(ctl, why ?: "they are those of a server that has ended");
	fputs(text, stdout);
	return EXIT_OK;
}
