// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * srvsvc_enum.c - the Server Service's enumerations: their common form, and those that only an
 * administrator may ask for (sessions, tree connections, open files).
 */
#include "rpc/srvsvc.h"

#define ROWS_MAX 65536

void *srvsvc_rows_next(struct srvsvc_rows *rows)
{
	void *grown;
	uint32_t cap;

	if (rows->count == rows->cap) {
		cap = rows->cap ? 2 * rows->cap : 16;
		grown = cap <= ROWS_MAX ? ndr_alloc(&rows->call->mem, cap, rows->size) : NULL;
		if (!grown) {
			rows->failed = true;
			return NULL;
		}
		if (rows->count)
			memcpy(grown, rows->rows, rows->count * rows->size);
		rows->rows = grown;
		rows->cap = cap;
	}
	return (char *)rows->rows + rows->size * rows->count++;
}

void srvsvc_enum_pull(struct ndr_pull *in, struct srvsvc_enum *e)
{
	e->level = ndr_u32(in);
	if (ndr_u32(in) != e->level) /* the union's discriminant */
		rd_fail(&in->rd);
	/* the container goes in empty: a count of 0 and a null array, or an array of none */
	if (ndr_ptr(in)) {
		if (ndr_u32(in) != 0)
			rd_fail(&in->rd);
		if (ndr_ptr(in) && ndr_u32(in) != 0)
			rd_fail(&in->rd);
	}
	e->preferred = ndr_u32(in);
	e->has_resume = ndr_ptr(in);
	e->resume = e->has_resume ? ndr_u32(in) : 0;
}

/* How many rows from first on fit the client's preferred size, but one at least. */
static uint32_t rows_that_fit(const struct srvsvc_rows *rows, const struct ndr_level *level,
			      uint32_t first, uint32_t preferred)
{
	uint64_t used = 0;
	uint32_t i;

	for (i = first; i < rows->count; i++) {
		used += ndr_row_size(level, (const char *)rows->rows + i * rows->size);
		if (i > first && used > MIN(preferred, RPC_REPLY_MAX / 2))
			break;
	}
	return i - first;
}

void srvsvc_enum_put(struct rpc_call *call, const struct srvsvc_enum *e,
		     const struct ndr_level *level, const struct srvsvc_rows *rows, uint32_t err)
{
	struct ndr_push *out = &call->out;
	uint32_t first = 0, n = 0, next = 0;
	const void *start = NULL;

	if (!err && rows->failed)
		err = WERR_NOT_ENOUGH_MEMORY;
	if (!err) {
		first = MIN(e->resume, rows->count);
		n = rows_that_fit(rows, level, first, e->preferred);
		if (first + n < rows->count) {
			err = WERR_MORE_DATA;
			next = first + n;
		}
	}
	ndr_put_u32(out, e->level);
	ndr_put_u32(out, e->level);
	if (n)
		start = (const char *)rows->rows + first * rows->size;
	if (ndr_put_ptr(out, level != NULL))
		ndr_put_rows(out, level, start, rows->size, n);
	ndr_put_u32(out, !err || err == WERR_MORE_DATA ? rows->count - first : 0);
	if (ndr_put_ptr(out, e->has_resume))
		ndr_put_u32(out, next);
	ndr_put_u32(out, err);
}

void srvsvc_info_put(struct rpc_call *call, uint32_t which, const struct ndr_level *level,
		     const void *row, uint32_t err)
{
	ndr_put_u32(&call->out, which);
	if (level)
		ndr_put_row(&call->out, level, row);
	else
		ndr_put_ptr(&call->out, false);
	ndr_put_u32(&call->out, err);
}

#define FIELDS(name, ...) static const struct ndr_field name[] = { __VA_ARGS__, { NDR_END, 0 } }

/* What each enumeration differs in; the rows are made by its taker. */
static uint32_t admin_enum(struct rpc_call *call, const struct srvsvc_enum *e,
			   const struct ndr_level *levels, size_t num_levels,
			   struct srvsvc_rows *rows, void (*collect)(struct srvsvc_rows *rows))
{
	const struct ndr_level *level = ndr_level_find(levels, num_levels, e->level);
	uint32_t err = WERR_OK;

	if (!ndr_ok(&call->in))
		return RPC_FAULT_NDR;
	if (!level)
		err = WERR_INVALID_LEVEL;
	else if (!call->env->is_admin)
		err = WERR_ACCESS_DENIED;
	else
		collect(rows);
	srvsvc_enum_put(call, e, level, rows, err);
	return 0;
}

/* ---- NetrSessionEnum, MS-SRVS 3.1.4.5 ---- */

struct session_row {
	const char *client, *user, *client_type, *transport;
	uint32_t opens, time, idle, flags;
};

#define F(type, member)                                          \
	{                                                        \
		NDR_##type, offsetof(struct session_row, member) \
	}
FIELDS(session_0, F(WSTR, client));
FIELDS(session_1, F(WSTR, client), F(WSTR, user), F(U32, opens), F(U32, time), F(U32, idle),
       F(U32, flags));
FIELDS(session_2, F(WSTR, client), F(WSTR, user), F(U32, opens), F(U32, time), F(U32, idle),
       F(U32, flags), F(WSTR, client_type));
FIELDS(session_10, F(WSTR, client), F(WSTR, user), F(U32, time), F(U32, idle));
FIELDS(session_502, F(WSTR, client), F(WSTR, user), F(U32, opens), F(U32, time), F(U32, idle),
       F(U32, flags), F(WSTR, client_type), F(WSTR, transport));
#undef F

static const struct ndr_level session_levels[] = {
	{ 0, session_0 },   { 1, session_1 },	  { 2, session_2 },
	{ 10, session_10 }, { 502, session_502 },
};

struct session_filter {
	struct srvsvc_rows rows;   /* first: collect() finds the filter behind it */
	const char *client, *user; /* NULL or "": all */
};

static bool matches(const char *want, const char *have)
{
	return !want || !*want || (have && !strcasecmp(want, have));
}

static bool session_add(const struct rpc_session *s, void *arg)
{
	struct session_filter *f = arg;
	struct session_row *row;
	struct ndr_mem *mem = &f->rows.call->mem;

	if (!matches(f->client, s->client) || !matches(f->user, s->user))
		return true;
	row = srvsvc_rows_next(&f->rows);
	if (!row)
		return false;
	row->client = ndr_strdup(mem, s->client);
	row->user = ndr_strdup(mem, s->user);
	row->opens = s->num_opens;
	row->time = s->time;
	row->idle = s->idle;
	row->flags = s->guest ? 1 : 0; /* SESS_GUEST */
	return true;
}

static void session_collect(struct srvsvc_rows *rows)
{
	const struct rpc_env *env = rows->call->env;

	if (env->session_enum)
		env->session_enum(env->ctx, session_add,
				  container_of(rows, struct session_filter, rows));
}

uint32_t srvsvc_session_enum(struct rpc_call *call)
{
	struct session_filter f = { .rows = { .call = call, .size = sizeof(struct session_row) } };
	struct srvsvc_enum e;

	ndr_unique_wstr(&call->in);
	f.client = ndr_unique_wstr(&call->in);
	f.user = ndr_unique_wstr(&call->in);
	srvsvc_enum_pull(&call->in, &e);
	if (f.client && !strncmp(f.client, "\\\\", 2))
		f.client += 2;
	return admin_enum(call, &e, session_levels, ARRAY_SIZE(session_levels), &f.rows,
			  session_collect);
}

/* ---- NetrConnectionEnum, MS-SRVS 3.1.4.1: the tree connections of one share or one client ---- */

struct connection_row {
	uint32_t id, type, opens, users, time;
	const char *user, *share;
};

#define F(type, member)                                             \
	{                                                           \
		NDR_##type, offsetof(struct connection_row, member) \
	}
FIELDS(connection_0, F(U32, id));
FIELDS(connection_1, F(U32, id), F(U32, type), F(U32, opens), F(U32, users), F(U32, time),
       F(WSTR, user), F(WSTR, share));
#undef F

static const struct ndr_level connection_levels[] = { { 0, connection_0 }, { 1, connection_1 } };

struct connection_filter {
	struct srvsvc_rows rows;
	const char *qualifier; /* a share, or "\\client" */
};

static bool connection_add(const struct rpc_connection *c, void *arg)
{
	struct connection_filter *f = arg;
	struct connection_row *row;
	bool by_client = f->qualifier && !strncmp(f->qualifier, "\\\\", 2);

	if (by_client ? !matches(f->qualifier + 2, c->client) : !matches(f->qualifier, c->share))
		return true;
	row = srvsvc_rows_next(&f->rows);
	if (!row)
		return false;
	row->id = c->id;
	row->type = c->type;
	row->opens = c->num_opens;
	row->users = 1;
	row->time = c->time;
	row->user = ndr_strdup(&f->rows.call->mem, c->user);
	/* the client that is asked about gets the share, the share gets the client */
	row->share = ndr_strdup(&f->rows.call->mem, by_client ? c->share : c->client);
	return true;
}

static void connection_collect(struct srvsvc_rows *rows)
{
	const struct rpc_env *env = rows->call->env;

	if (env->connection_enum)
		env->connection_enum(env->ctx, connection_add,
				     container_of(rows, struct connection_filter, rows));
}

uint32_t srvsvc_connection_enum(struct rpc_call *call)
{
	struct connection_filter f = {
		.rows = { .call = call, .size = sizeof(struct connection_row) },
	};
	struct srvsvc_enum e;

	ndr_unique_wstr(&call->in);
	f.qualifier = ndr_unique_wstr(&call->in);
	srvsvc_enum_pull(&call->in, &e);
	return admin_enum(call, &e, connection_levels, ARRAY_SIZE(connection_levels), &f.rows,
			  connection_collect);
}

/* ---- NetrFileEnum, MS-SRVS 3.1.4.2 ---- */

struct file_row {
	uint32_t id, permissions, locks;
	const char *path, *user;
};

#define F(type, member)                                       \
	{                                                     \
		NDR_##type, offsetof(struct file_row, member) \
	}
FIELDS(file_2, F(U32, id));
FIELDS(file_3, F(U32, id), F(U32, permissions), F(U32, locks), F(WSTR, path), F(WSTR, user));
#undef F

static const struct ndr_level file_levels[] = { { 2, file_2 }, { 3, file_3 } };

struct file_filter {
	struct srvsvc_rows rows;
	const char *base, *user; /* files below this path, of this user */
};

static bool file_add(const struct rpc_file *s, void *arg)
{
	struct file_filter *f = arg;
	struct file_row *row;

	if (!matches(f->user, s->user) ||
	    (f->base && strncasecmp(f->base, s->path ? s->path : "", strlen(f->base))))
		return true;
	row = srvsvc_rows_next(&f->rows);
	if (!row)
		return false;
	row->id = s->id;
	row->permissions = s->permissions;
	row->locks = s->num_locks;
	row->path = ndr_strdup(&f->rows.call->mem, s->path);
	row->user = ndr_strdup(&f->rows.call->mem, s->user);
	return true;
}

static void file_collect(struct srvsvc_rows *rows)
{
	const struct rpc_env *env = rows->call->env;

	if (env->file_enum)
		env->file_enum(env->ctx, file_add, container_of(rows, struct file_filter, rows));
}

uint32_t srvsvc_file_enum(struct rpc_call *call)
{
	struct file_filter f = { .rows = { .call = call, .size = sizeof(struct file_row) } };
	struct srvsvc_enum e;

	ndr_unique_wstr(&call->in);
	f.base = ndr_unique_wstr(&call->in);
	f.user = ndr_unique_wstr(&call->in);
	srvsvc_enum_pull(&call->in, &e);
	return admin_enum(call, &e, file_levels, ARRAY_SIZE(file_levels), &f.rows, file_collect);
}
