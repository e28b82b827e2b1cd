/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_debug.c - debug: which parts of the server write debug lines.
 */
#include "ctl.h"

static const struct column cols[] = {
	{ "COMPONENT", "name" },
	{ "ON", "on", COL_YES },
	{ "WHAT IT LOGS", "what" },
};

int cmd_debug(struct ctl *ctl, int argc, char **argv)
{
	struct json_object *request, *reply, *set;
	int code;

	/* A word may begin with '-'; main() took --help. */
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "--", 2))
			return usage(argv[0], "debug has no option %s.", argv[i]);
	if (ctl_load(ctl, LOAD_OR_EMPTY))
		return EXIT_REFUSED;
	request = request_new("debug");
	if (argc > 1) {
		set = json_object_new_array();
		for (int i = 1; i < argc; i++)
			json_object_array_add(set, json_object_new_string(argv[i]));
		json_object_object_add(request, "set", set);
	}
	reply = server_ask(ctl, request, &code);
	if (!reply)
		return code;
	print_rows(ctl, json_object_object_get(reply, "components"), cols, ARRAY_SIZE(cols), "");
	json_object_put(reply);
	return EXIT_OK;
}
