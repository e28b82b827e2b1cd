/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_block.c - block: shows and changes the list of who is refused.
 */
#include <getopt.h>

#include "ctl.h"

static const struct column columns[] = {
	{ "address", "address", COL_TEXT },
	{ "why", "why", COL_TEXT },
	{ "since", "seconds", COL_SECONDS },
	{ "remaining", "remaining", COL_SECONDS },
	{ "packets dropped", "packets_dropped", COL_NUMBER },
	{ "connections refused", "connections_refused", COL_NUMBER },
};

static struct json_object *ask_for(const char *action)
{
	struct json_object *o = request_new("block");

	json_object_object_add(o, "action", json_object_new_string(action));
	return o;
}

/* Who drops packets, beside the server that refuses connections. */
static void say_guard(struct json_object *reply)
{
	struct json_object *xdp = json_object_object_get(reply, "xdp");
	const char *why = json_text(reply, "xdp_why");

	if (*why)
		printf("No XDP guard: %s.\n", why);
	for (size_t i = 0; xdp && i < json_object_array_length(xdp); i++) {
		struct json_object *o = json_object_array_get_idx(xdp, i);

		why = json_text(o, "why");
		printf("XDP guard on %s: %s%s%s.\n", json_text(o, "interface"),
		       json_text(o, "mode"), *why ? "; " : "", why);
	}
}

static int list(const struct ctl *ctl)
{
	struct json_object *reply, *rows, *total;
	int code;

	reply = server_ask(ctl, ask_for("list"), &code);
	if (!reply)
		return code;
	rows = json_object_object_get(reply, "blocks");
	total = json_object_object_get(reply, "total");
	if (ctl->json) {
		json_object_object_del(reply, "ok");
		print_json(reply);
	} else {
		print_rows(ctl, rows, columns, ARRAY_SIZE(columns), "Nobody is blocked.");
		if (rows && json_object_get_int64(total) > (int64_t)json_object_array_length(rows))
			printf("%lld in all.\n", (long long)json_object_get_int64(total));
		say_guard(reply);
	}
	json_object_put(reply);
	return EXIT_OK;
}

static int change(const struct ctl *ctl, const char *action, const char *address, uint32_t seconds)
{
	struct json_object *o = ask_for(action), *reply;
	int code;

	json_object_object_add(o, "address", json_object_new_string(address));
	if (seconds)
		json_object_object_add(o, "seconds", json_object_new_int64(seconds));
	reply = server_ask(ctl, o, &code);
	json_object_put(reply);
	return code;
}

int cmd_block(struct ctl *ctl, int argc, char **argv)
{
	static const struct option opts[] = { { "for", required_argument, NULL, 't' }, { NULL } };
	uint32_t seconds = 0;
	const char *action;
	int o;

	while ((o = getopt_long(argc, argv, "", opts, NULL)) >= 0) {
		if (o != 't')
			return usage(argv[0], "%s is no option of block, or lacks its time.",
				     argv[optind - 1]);
		if (conf_parse_time(optarg, &seconds) || !seconds)
			return usage(argv[0], "\"%s\" is no time: 90, 15min, 2h, 1d.", optarg);
	}
	argc -= optind;
	action = argc ? argv[optind] : "list";
	if (strcmp(action, "list") && strcmp(action, "add") && strcmp(action, "del"))
		return usage("block", "block does list, add or del, not \"%s\".", action);
	if (argc > (strcmp(action, "list") ? 2 : 1) || (strcmp(action, "list") && argc < 2))
		return usage("block",
			     strcmp(action, "list") ? "block %s takes one address."
						    : "block %s takes no address.",
			     action);
	if (seconds && strcmp(action, "add"))
		return usage("block", "--for is an option of block add.");
	if (ctl_load(ctl, LOAD_TOLERANT))
		return EXIT_REFUSED;
	return strcmp(action, "list") ? change(ctl, action, argv[optind + 1], seconds) : list(ctl);
}
