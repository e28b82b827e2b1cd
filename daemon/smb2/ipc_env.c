// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ipc_env.c - what the pipes may ask the server: its shares, sessions, connections, open files.
 * Each pipe has one of these; it holds the session and the configuration that were valid at its
 * CREATE. Accounts are in ipc_accounts.c.
 */
#include "smb2/ipc_env.h"

#include "core/utf16.h"

static struct conf_subst subst(const struct ipc_env *e, const char *share)
{
	return (struct conf_subst) {
		.user = e->session->user,
		.unix_user = e->session->unix_id.name,
		.home = e->session->unix_id.home,
		.share = share,
		.netbios = e->conf->netbios_name,
		.domain = e->conf->workgroup,
		.client_ip = e->client,
	};
}

/* ---- shares ---- */

static uint32_t share_type(const struct conf_share *cs, const char *name)
{
	size_t n = strlen(name);

	return (cs->is_ipc ? RPC_STYPE_IPC : RPC_STYPE_DISKTREE) |
	       (n && name[n - 1] == '$' ? RPC_STYPE_SPECIAL : 0);
}

static bool share_row(struct ipc_env *e, const struct conf_share *cs, const char *name,
		      rpc_share_fn *fn, void *arg)
{
	struct conf_subst v = subst(e, name);
	_cleanup_free_ char *comment = conf_substitute(cs->comment ? cs->comment : "", &v);
	_cleanup_free_ char *path = conf_share_path(cs, &v);
	struct rpc_share row = {
		.name = name,
		.comment = comment,
		.path = path	     ? path
			: cs->is_ipc ? "/tmp"
				     : "",
		.type = share_type(cs, name),
		.max_users = cs->max_connections,
		.current_users = cs->is_ipc ? 1 : share_users(name),
		.csc_policy = (uint32_t)cs->csc_policy,
		.access_based = cs->hide_unreadable,
	};

	return fn(&row, arg);
}

/* [homes] is listed as the home folder of who asks, as Samba does it. */
static const char *listed_name(const struct ipc_env *e, const struct conf_share *cs)
{
	struct conf_subst v = subst(e, cs->name);

	if (!cs->available || !cs->browseable ||
	    (cs->access_based_share_enum && !share_may_connect(cs, e->session, &v)))
		return NULL;
	if (!cs->is_homes)
		return cs->name;
	if (e->session->guest || e->session->anonymous || !e->session->unix_id.home ||
	    conf_share_find(e->conf, e->session->user))
		return NULL;
	return e->session->user;
}

static void share_enum(void *ctx, rpc_share_fn *fn, void *arg)
{
	struct ipc_env *e = ctx;

	for (unsigned int i = 0; i < e->conf->nshares; i++) {
		const char *name = listed_name(e, &e->conf->shares[i]);

		if (name && !share_row(e, &e->conf->shares[i], name, fn, arg))
			return;
	}
	share_row(e, e->conf->ipc, e->conf->ipc->name, fn, arg);
}

static bool share_find(void *ctx, const char *name, rpc_share_fn *fn, void *arg)
{
	struct ipc_env *e = ctx;
	const struct session *s = e->session;
	const char *self = s->guest || s->anonymous ? NULL : s->user, *real;
	const struct conf_share *cs = conf_share_for(e->conf, name, self, &real);

	if (!cs || !cs->available || (cs->is_homes && !self))
		return false;
	share_row(e, cs, real, fn, arg);
	return true;
}

/* ---- sessions and tree connects ---- */

struct walk {
	union {
		rpc_session_fn *session;
		rpc_connection_fn *connection;
		rpc_file_fn *file;
	} fn;
	void *arg;
	bool stop;
};

static uint32_t seconds_since(uint64_t ns)
{
	return (uint32_t)((now_ns() - ns) / 1000000000u);
}

/* session.lock held */
static const char *client_of(const struct session *s, char buf[INET6_ADDRSTRLEN])
{
	const struct channel *ch;

	if (list_empty(&s->channels))
		return "";
	ch = list_first(&s->channels, struct channel, session_node);
	return conn_peer_str(ch->conn, buf);
}

static void session_row(void *arg, struct session *s)
{
	struct walk *w = arg;
	char addr[INET6_ADDRSTRLEN];
	struct rpc_session row = { 0 };

	if (w->stop || atomic_load(&s->state) != SESSION_VALID)
		return;
	pthread_mutex_lock(&s->lock);
	row.client = client_of(s, addr);
	row.user = s->anonymous ? "" : s->user;
	row.num_opens = s->nopens;
	row.time = seconds_since(s->created_ns);
	row.guest = s->guest;
	w->stop = !w->fn.session(&row, w->arg);
	pthread_mutex_unlock(&s->lock);
}

static void session_enum(void *ctx, rpc_session_fn *fn, void *arg)
{
	struct walk w = { .fn.session = fn, .arg = arg };

	session_each(session_row, &w);
}

static void connection_rows(void *arg, struct session *s)
{
	struct walk *w = arg;
	char addr[INET6_ADDRSTRLEN];
	const struct tree *t;

	if (w->stop || atomic_load(&s->state) != SESSION_VALID)
		return;
	pthread_mutex_lock(&s->lock);
	list_for_each (t, &s->trees, node) {
		struct rpc_connection row = {
			.id = t->id,
			.type = share_type(t->share, t->name),
			.num_opens = atomic_load(&t->nopens),
			.time = seconds_since(t->created_ns),
			.user = s->anonymous ? "" : s->user,
			.share = t->name,
			.client = client_of(s, addr),
		};

		if (w->stop)
			break;
		w->stop = !w->fn.connection(&row, w->arg);
	}
	pthread_mutex_unlock(&s->lock);
}

static void connection_enum(void *ctx, rpc_connection_fn *fn, void *arg)
{
	struct walk w = { .fn.connection = fn, .arg = arg };

	session_each(connection_rows, &w);
}

/* ---- open files ---- */

static uint32_t permissions(uint32_t access) /* MS-SRVS 2.2.4.6: PERM_FILE_* */
{
	uint32_t p = 0;

	if (access & (FILE_READ_DATA | FILE_EXECUTE))
		p |= 1;
	if (access & (FILE_WRITE_DATA | FILE_APPEND_DATA))
		p |= 2;
	return p;
}

static void file_row(void *arg, struct open *o)
{
	struct walk *w = arg;
	_cleanup_free_ char *path = NULL;
	struct rpc_file row = {
		.id = (uint32_t)o->vol,
		.permissions = permissions(o->access),
	};

	if (w->stop || !o->tree)
		return;
	pthread_mutex_lock(&o->lock);
	if (o->kind == OPEN_PIPE)
		path = xasprintf("\\PIPE\\%s", o->path ? o->path : "");
	else
		path = xasprintf("%s/%s", o->tree->vfs->path, o->path ? o->path : "");
	pthread_mutex_unlock(&o->lock);
	row.path = path;
	/* The tree's reference keeps the name; the session may be on its way out. */
	row.user = o->tree->identity && o->tree->identity->name ? o->tree->identity->name : "";
	w->stop = !w->fn.file(&row, w->arg);
}

static void file_enum(void *ctx, rpc_file_fn *fn, void *arg)
{
	struct walk w = { .fn.file = fn, .arg = arg };

	open_each(file_row, &w);
}

/* ---- begin and end ---- */

static struct rpc_sid machine_sid(void)
{
	struct rpc_sid r;

	ipc_sid_to_rpc(acl_domain(), &r);
	return r;
}

struct ipc_env *ipc_env_new(struct request *rq)
{
	struct ipc_env *e = xcalloc(1, sizeof(*e));
	struct session *s = rq->session;
	char addr[INET6_ADDRSTRLEN];
	struct conf_subst v;

	e->conf = server_conf();
	e->session = session_get(s);
	e->client = xstrdup(conn_peer_str(rq->conn, addr));
	v = subst(e, "IPC$");
	e->comment = conf_substitute(e->conf->server_string ? e->conf->server_string : "", &v);
	e->rpc = (struct rpc_env) {
		.ctx = e,
		.server_name = e->conf->netbios_name,
		.server_comment = e->comment,
		.domain = e->conf->workgroup,
		.user = s->anonymous || !s->user ? "" : s->user,
		.user_domain = s->domain ? s->domain : "",
		.anonymous = s->anonymous,
		.is_admin = s->token && s->token->is_admin,
		.machine_sid = machine_sid(),
		.share_enum = share_enum,
		.share_find = share_find,
		.session_enum = session_enum,
		.connection_enum = connection_enum,
		.file_enum = file_enum,
		.sid_to_account = ipc_sid_to_account,
		.name_to_account = ipc_name_to_account,
	};
	return e;
}

void ipc_env_free(struct ipc_env *e)
{
	if (!e)
		return;
	session_put(e->session);
	conf_put(e->conf);
	free(e->client);
	free(e->comment);
	free(e);
}

const struct rpc_env *ipc_env_rpc(const struct ipc_env *e)
{
	return &e->rpc;
}
