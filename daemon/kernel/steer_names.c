// SPDX-License-Identifier: GPL-2.0-or-later
/* steer_names.c - how new connections are spread, in words: for the daemon and for readers. */
#include "core/json.h"
#include "kernel/steer.h"

static const char *const names[KH_STEERS] = {
	[KH_STEER_NONE] = "none",
	[KH_STEER_CPU] = "cpu",
	[KH_STEER_CLIENT] = "client",
	[KH_STEER_NUMA] = "numa",
	[KH_STEER_ROUND_ROBIN] = "round-robin",
};

const char *steer_mode_name(enum kh_steer mode)
{
	return mode < KH_STEERS ? names[mode] : "?";
}

const char *steer_by_name(const struct kh_server_slot *s)
{
	if (s->steer_by_bpf)
		return "bpf";
	return s->steer == KH_STEER_CPU ? "incoming-cpu" : "kernel";
}

void steer_put(struct json_object *o, const struct kh_server_slot *s)
{
	json_put_str(o, "mode", steer_mode_name(s->steer));
	json_put_str(o, "by", steer_by_name(s));
	json_put_str(o, "why", s->steer_why);
}

struct json_object *steer_json(const struct kh_server_slot *s)
{
	struct json_object *o = json_object_new_object();

	steer_put(o, s);
	return o;
}
