// SPDX-License-Identifier: GPL-2.0-or-later
/* view_files.c - sessions and open files of a server's maps in JSON. */
#include "core/view_json.h"
#include "config/config.h"
#include "core/util.h"
#include "smb2_pdu.h"
#include "vfs/acl.h"

#include <pwd.h>

/* ---- by id ---- */

static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct view_id *)a)->id, y = ((const struct view_id *)b)->id;

	return x < y ? -1 : x > y;
}

static void index_add(struct view_index *x, uint64_t id, uint32_t slot)
{
	if (!id)
		return;
	if ((x->n & (x->n - 1)) == 0)
		x->ids = xrealloc(x->ids, MAX(2u * x->n, 1u) * sizeof(*x->ids));
	x->ids[x->n++] = (struct view_id) { id, slot };
}

static void index_sort(struct view_index *x)
{
	if (x->n)
		qsort(x->ids, x->n, sizeof(*x->ids), by_id);
}

void view_index_conns(const struct view *v, struct view_index *x)
{
	*x = (struct view_index) { 0 };
	for (uint32_t i = 0; i < v->nconns; i++)
		index_add(x, __atomic_load_n(&v->conns[i].id, __ATOMIC_RELAXED), i);
	index_sort(x);
}

void view_index_sessions(const struct view *v, struct view_index *x)
{
	*x = (struct view_index) { 0 };
	for (uint32_t i = 0; i < v->nsessions; i++)
		index_add(x, __atomic_load_n(&v->sessions[i].id, __ATOMIC_RELAXED), i);
	index_sort(x);
}

void view_index_free(struct view_index *x)
{
	free(x->ids);
	*x = (struct view_index) { 0 };
}

const struct view_id *view_find(const struct view_index *x, uint64_t id)
{
	struct view_id key = { .id = id };

	return x->n ? bsearch(&key, x->ids, x->n, sizeof(key), by_id) : NULL;
}

bool view_find_conn(const struct view *v, const struct view_index *x, uint64_t id,
		    struct kh_conn_slot *out)
{
	const struct view_id *p = view_find(x, id);

	return p && view_conn(v, p->slot, out) && out->id == id;
}

bool view_find_session(const struct view *v, const struct view_index *x, uint64_t id,
		       struct kh_session_slot *out)
{
	const struct view_id *p = view_find(x, id);

	return p && view_session(v, p->slot, out) && out->id == id;
}

static void put_client(struct json_object *o, const struct view *v, const struct view_index *conns,
		       uint64_t conn_id)
{
	struct kh_conn_slot c;
	char addr[VIEW_ADDR_MAX];

	if (view_find_conn(v, conns, conn_id, &c))
		json_put_str(o, "client", view_addr(c.addr, addr));
	json_put_num(o, "connection", conn_id);
}

/* ---- sessions ---- */

static struct json_object *session(const struct view *v, const struct view_index *conns,
				   const struct kh_session_slot *s)
{
	struct json_object *o = json_object_new_object();
	char id[20];

	snprintf(id, sizeof(id), "%016llx", (unsigned long long)s->id);
	json_put_str(o, "id", id);
	json_put_str(o, "user", s->user);
	json_put_str(o, "unix_user", s->unix_user);
	json_put_bool(o, "guest", s->flags & KH_SESSION_GUEST);
	json_put_str(o, "dialect", conf_dialect_name(s->dialect));
	json_put_str(o, "signing", view_signing_name(s->dialect, s->signing_alg));
	json_put_str(o, "cipher", view_cipher_name(s->cipher));
	json_put_bool(o, "encrypted", s->flags & KH_SESSION_ENCRYPT);
	json_put_bool(o, "signing_required", s->flags & KH_SESSION_SIGNING_REQUIRED);
	put_client(o, v, conns, s->conn_id);
	json_put_num(o, "channels", s->channels);
	json_put_num(o, "trees", s->trees);
	json_put_num(o, "opens", s->opens);
	json_put_num(o, "age_s", view_seconds_since(s->created_ns));
	return o;
}

struct json_object *view_sessions(const struct view *v)
{
	struct json_object *a = json_object_new_array();
	struct view_index conns;
	struct kh_session_slot s;

	view_index_conns(v, &conns);
	for (uint32_t i = 0; i < v->nsessions; i++)
		if (view_session(v, i, &s))
			json_object_array_add(a, session(v, &conns, &s));
	view_index_free(&conns);
	return a;
}

/* ---- handles ---- */

static void put_letters(struct json_object *o, const char *name, bool r, bool w, bool d)
{
	char s[4];
	unsigned int n = 0;

	if (r)
		s[n++] = 'r';
	if (w)
		s[n++] = 'w';
	if (d)
		s[n++] = 'd';
	if (!n)
		s[n++] = '-';
	s[n] = 0;
	json_put_str(o, name, s);
}

/* As enum open_kind. */
static const char *kind_name(uint16_t kind)
{
	static const char *const names[] = { "file", "folder", "stream", "pipe" };

	return kind < ARRAY_SIZE(names) ? names[kind] : "?";
}

/* Of a handle whose session is gone. */
static const char *uid_name(uint32_t uid, char *buf, size_t size)
{
	char room[1024];
	struct passwd pw, *found = NULL;

	if (getpwuid_r(uid, &pw, room, sizeof(room), &found) == 0 && found)
		snprintf(buf, size, "%s", found->pw_name);
	else
		snprintf(buf, size, "%u", uid);
	return buf;
}

static void put_data(struct json_object *o, const struct kh_handle_slot *h)
{
	bool kernel = h->state == KH_HANDLE_OPEN;

	json_put_str(o, "plane", h->disconnected_ns ? "disconnected" : kernel ? "kernel" : "user");
	if (h->disconnected_ns)
		json_put_num(o, "disconnected_s", view_seconds_since(h->disconnected_ns));
	json_put_num(o, "reads", h->user_reads + h->reads);
	json_put_num(o, "read_bytes", h->user_read_bytes + h->read_bytes);
	json_put_num(o, "writes", h->user_writes + h->writes);
	json_put_num(o, "write_bytes", h->user_write_bytes + h->write_bytes);
	json_put_num(o, "age_s", view_seconds_since(h->opened_ns));
	json_put_num(o, "idle_s",
		     view_seconds_since(MAX(MAX(h->user_last_ns, h->last_ns), h->opened_ns)));
}

static struct json_object *handle(const struct view *v, const struct view_index *conns,
				  const struct view_index *sessions, const struct kh_handle_slot *h,
				  const struct kh_name *name)
{
	struct json_object *o = json_object_new_object();
	struct kh_session_slot s = { 0 };
	char id[20], user[64];

	snprintf(id, sizeof(id), "%llx", (unsigned long long)h->vol);
	(void)view_find_session(v, sessions, h->session_id, &s);
	json_put_str(o, "id", id);
	json_put_str(o, "share", name->share);
	json_put_str(o, "path", *name->path ? name->path : "/");
	json_put_str(o, "kind", kind_name(h->kind));
	json_put_str(o, "user", s.id ? s.user : uid_name(h->uid, user, sizeof(user)));
	if (!h->disconnected_ns)
		put_client(o, v, conns, h->conn_id);
	put_letters(o, "access", h->access & FILE_READ_DATA,
		    h->access & (FILE_WRITE_DATA | FILE_APPEND_DATA), h->access & SEC_STD_DELETE);
	put_letters(o, "share_access", h->share_access & FILE_SHARE_READ,
		    h->share_access & FILE_SHARE_WRITE, h->share_access & FILE_SHARE_DELETE);
	if (h->oplock & KH_OPLOCK_LEASE) {
		json_put_str(o, "oplock", "lease");
		json_put_str(o, "lease", smb2_lease_name(h->oplock));
	} else {
		json_put_str(o, "oplock", smb2_oplock_name(h->oplock));
	}
	put_data(o, h);
	return o;
}

struct json_object *view_handles(const struct view *v)
{
	struct json_object *a = json_object_new_array();
	struct view_index conns, sessions;
	struct kh_handle_slot h;
	struct kh_name name;

	view_index_conns(v, &conns);
	view_index_sessions(v, &sessions);
	for (uint32_t i = 0; i < v->nhandles; i++)
		/* What its client knows to be closed is none. */
		if (view_handle(v, i, &h, &name) && h.state != KH_HANDLE_CLOSED)
			json_object_array_add(a, handle(v, &conns, &sessions, &h, &name));
	view_index_free(&conns);
	view_index_free(&sessions);
	return a;
}
