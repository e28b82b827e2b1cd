// SPDX-License-Identifier: GPL-2.0-or-later
/* ctl_block.c - the control verb "block": shows and changes the block list. */
#include "core/block.h"
#include "core/json.h"
#include "kernel/guard.h"
#include "server.h"

#define LIST_MAX 4096u /* entries of one answer */

struct rows {
	struct json_object *array;
	uint64_t now, total;
};

static void add_row(void *arg, const struct block_view *v)
{
	struct json_object *o;
	struct rows *r = arg;
	char text[BLOCK_TEXT_MAX];
	const char *why = v->b.why == KH_BLOCK_AUTH ? "failed logins" : "by hand";

	if (v->b.until_ns && v->b.until_ns <= r->now)
		return;
	if (r->total++ >= LIST_MAX)
		return;
	o = json_object_new_object();
	json_put_str(o, "address", block_text(&v->key, text));
	json_put_str(o, "why", why);
	json_put_num(o, "seconds", (r->now - v->b.since_ns) / 1000000000);
	if (v->b.until_ns)
		json_put_num(o, "remaining", (v->b.until_ns - r->now + 999999999) / 1000000000);
	json_put_num(o, "packets_dropped", v->b.dropped);
	json_put_num(o, "connections_refused", v->refused);
	json_object_array_add(r->array, o);
}

static void show(struct json_object *reply)
{
	struct rows r = { .array = json_object_new_array(), .now = now_ns() };

	block_each(add_row, &r);
	json_object_object_add(reply, "blocks", r.array);
	json_put_num(reply, "total", r.total);
	json_put_num(reply, "blocked_by_failed_logins", block_auth_count());
	guard_status(reply);
}

static char *add(const char *address, const struct kh_block_key *k, uint64_t seconds)
{
	if (block_is_here(k))
		return xasprintf("%s is this machine, which is never blocked.", address);
	if (block_add(k, KH_BLOCK_BY_HAND, seconds) < 0)
		return xasprintf("The block list is full: %u entries.", BLOCKS_MAX);
	if (seconds)
		log_line(LOG_LEVEL_NOTICE, "%s is blocked for %llu s, by hand", address,
			 (unsigned long long)seconds);
	else
		log_line(LOG_LEVEL_NOTICE, "%s is blocked, by hand", address);
	return NULL;
}

static const char *text_of(struct json_object *request, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(request, key, &v) ||
	    !json_object_is_type(v, json_type_string))
		return "";
	return json_object_get_string(v);
}

char *block_verb(void *arg, struct json_object *request, struct json_object *reply)
{
	const char *action = text_of(request, "action"), *address = text_of(request, "address");
	struct json_object *v = NULL;
	struct kh_block_key k;
	int64_t seconds = 0;
	char text[BLOCK_TEXT_MAX];

	if (strcmp(action, "list") == 0) {
		show(reply);
		return NULL;
	}
	if (block_parse(address, &k) < 0)
		return xasprintf("\"%.64s\" is no address and no network (192.0.2.1, 192.0.2.0/24, "
				 "2001:db8::/64).",
				 address);
	block_text(&k, text);
	if (json_object_object_get_ex(request, "seconds", &v))
		seconds = json_object_get_int64(v);
	if (strcmp(action, "add") == 0)
		return add(text, &k, (uint64_t)MIN(MAX(seconds, 0), UINT32_MAX));
	if (strcmp(action, "del"))
		return xasprintf("The action \"%.16s\" is not known.", action);
	if (block_del(&k) < 0)
		return xasprintf("%s is not on the list.", text);
	log_line(LOG_LEVEL_NOTICE, "%s is no longer blocked, by hand", text);
	return NULL;
}
