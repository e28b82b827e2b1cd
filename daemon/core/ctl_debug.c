// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ctl_debug.c - the control verb "debug": {set: [word, ...]}, a word being a component, all or
 * none, or a component with + or - before it; the first kind starts from nothing. Without `set`
 * nothing changes. The reply: components: [{name, on, what}].
 */
#include "core/json.h"
#include "core/ctl_verbs.h"
#include "server.h"

static const char *const what[] = {
#define X(NAME, name, text) text,
	LOG_COMPONENT_LIST(X)
#undef X
};

static uint32_t configured(const struct conf *c)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < c->ndebug_components; i++)
		if (c->debug_components[i] == CONF_DEBUG_ALL)
			mask = LOG_ALL_COMPONENTS;
		else if (c->debug_components[i])
			mask |= 1u << (c->debug_components[i] - 1);
	return c->log_level >= LOG_LEVEL_DEBUG ? LOG_ALL_COMPONENTS : mask;
}

void debug_configure(const struct conf *c, const struct conf *old)
{
	if (!old || configured(old) != configured(c))
		atomic_store(&log_debug_mask, configured(c));
}

/* False: there is no such component. */
static bool apply(const char *word, uint32_t *mask, bool *fresh)
{
	bool plus = *word == '+', minus = *word == '-';
	const char *name = word + (plus || minus);
	uint32_t bits;

	if (!strcmp(name, "all") || !strcmp(name, "none"))
		bits = *name == 'a' ? LOG_ALL_COMPONENTS : 0;
	else if (log_component_find(name) == LOG_COMPONENTS)
		return false;
	else
		bits = 1u << log_component_find(name);
	if (!plus && !minus && !*fresh) {
		*mask = 0;
		*fresh = true;
	}
	*mask = minus ? *mask & ~bits : *mask | bits;
	return true;
}

static char *change(struct json_object *set)
{
	uint32_t mask = atomic_load(&log_debug_mask);
	bool fresh = false;

	if (!json_object_is_type(set, json_type_array))
		return xstrdup("\"set\" is a list of components.");
	for (size_t i = 0; i < json_object_array_length(set); i++) {
		const char *word = json_object_get_string(json_object_array_get_idx(set, i));

		if (!word || !apply(word, &mask, &fresh))
			return xasprintf("There is no component \"%.40s\"; `debug` alone lists "
					 "them.",
					 word ? word : "");
	}
	atomic_store(&log_debug_mask, mask);
	return NULL;
}

char *debug_verb(void *arg, struct json_object *request, struct json_object *reply)
{
	struct json_object *set, *list;
	uint32_t mask;

	if (json_object_object_get_ex(request, "set", &set)) {
		char *error = change(set);

		if (error)
			return error;
	}
	mask = atomic_load(&log_debug_mask);
	list = json_object_new_array();
	for (unsigned int i = 0; i < LOG_COMPONENTS; i++) {
		struct json_object *o = json_object_new_object();

		json_put_str(o, "name", log_component_name(i));
		json_put_bool(o, "on", mask >> i & 1);
		json_put_str(o, "what", what[i]);
		json_object_array_add(list, o);
	}
	json_object_object_add(reply, "components", list);
	return NULL;
}
