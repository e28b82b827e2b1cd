/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.h - members of JSON objects, put in and looked up: what json-c takes two lines for. */
#ifndef KH_JSON_H
#define KH_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

static inline void json_put_num(struct json_object *o, const char *name, uint64_t n)
{
	json_object_object_add(o, name, json_object_new_int64((int64_t)n));
}

/* NULL is an empty text. */
static inline void json_put_str(struct json_object *o, const char *name, const char *s)
{
	json_object_object_add(o, name, json_object_new_string(s ? s : ""));
}

static inline void json_put_bool(struct json_object *o, const char *name, bool b)
{
	json_object_object_add(o, name, json_object_new_boolean(b));
}

/* Borrowed; NULL: there is none, or o is no object. */
static inline struct json_object *json_member(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, name, &v)
		       ? v
		       : NULL;
}

/* Borrowed; "": there is none. */
static inline const char *json_text(struct json_object *o, const char *name)
{
	const char *s = json_object_get_string(json_member(o, name));

	return s ? s : "";
}

#endif /* KH_JSON_H */
