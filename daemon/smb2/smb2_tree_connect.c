// SPDX-License-Identifier: GPL-2.0-or-later
/* smb2_tree_connect.c - MS-SMB2 3.3.5.7: a session connects to a share. */
#include "core/debug.h"
#include "core/utf16.h"
#include "smb2/smb2.h"

#include <fcntl.h>

#define REPLY_SIZE	      16
#define SHARE_PATH_MAX	      2048 /* bytes of UTF-16: a server's and a share's name are far shorter */
#define SHAREFLAG_CSC(policy) ((uint32_t)(policy) << 4) /* 2.2.10: manual, auto, programs, none */

/* The share's name out of "\\server\share", allocated. NULL: none. */
static char *parse_name(struct request *rq)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len), path;
	_cleanup_free_ char *text = NULL;
	uint16_t off, len;
	const char *name;

	/* Flags with EXTENSION_PRESENT changes nothing here: PathOffset is the name's in any case.
	 */
	rd_skip(&r, SMB2_HDR_SIZE + 4);
	off = rd_le16(&r);
	len = rd_le16(&r);
	path = rd_sub(&r, off, len);
	if (!rd_ok(&path) || off < SMB2_HDR_SIZE + 8 || len > SHARE_PATH_MAX) {
		stats_bad(BAD_parameter);
		return NULL;
	}
	text = utf16_dup_utf8(path.buf, len);
	if (!text)
		return NULL;
	name = text;
	if (!strncmp(name, "\\\\", 2)) {
		name = strchr(name + 2, '\\');
		if (!name)
			return NULL;
		name++;
	}
	return *name ? xstrdup(name) : NULL;
}

/* 3.3.5.7: from 3.1.1 on this request proves that NEGOTIATE was not tampered with. */
static bool authentic(const struct request *rq)
{
	const struct session *s = rq->session;

	return rq->conn->st.dialect != SMB2_DIALECT_311 || s->guest || s->anonymous ||
	       rq->elements[rq->cur].signed_ || rq->sealed;
}

static bool can_encrypt(const struct request *rq)
{
	const struct session *s = rq->session;

	return rq->conn->st.dialect >= SMB2_DIALECT_300 && rq->conn->st.cipher &&
	       s->keys.server_in.len && s->keys.server_out.len;
}

/* ACCESS_DENIED for a client that cannot do what the share demands. */
static ntstatus choose_encryption(const struct request *rq, struct tree *t)
{
	switch (t->share->smb_encrypt) {
	case CONF_ENCRYPT_REQUIRED:
		t->encrypt = true;
		return can_encrypt(rq) ? NT_STATUS_SUCCESS : NT_STATUS_ACCESS_DENIED;
	case CONF_ENCRYPT_DESIRED:
		t->encrypt = can_encrypt(rq);
		return NT_STATUS_SUCCESS;
	case CONF_ENCRYPT_OFF:
	case CONF_ENCRYPT_IF_REQUIRED:
		break;
	}
	return NT_STATUS_SUCCESS;
}

struct addresses {
	char client[INET6_ADDRSTRLEN], server[INET6_ADDRSTRLEN];
};

static struct conf_subst substitutions(const struct request *rq, const struct conf *conf,
				       const char *share, struct addresses *a)
{
	const struct session *s = rq->session;
	const struct conn *c = rq->conn;

	return (struct conf_subst) {
		.user = s->user,
		.unix_user = s->unix_id.name,
		.group = s->unix_id.group,
		.unix_group = s->unix_id.group,
		.home = s->unix_id.home,
		.share = share,
		.domain = s->domain && *s->domain ? s->domain : conf->workgroup,
		.netbios = conf->netbios_name,
		.client_name = s->workstation && *s->workstation ? s->workstation : NULL,
		.client_ip = conn_peer_str(c, a->client),
		.server_ip = sockaddr_str(&c->local, a->server),
		.protocol = conf_dialect_name(c->st.dialect),
	};
}

/* The root as the daemon sees it, and whether the user may enter it. */
static ntstatus open_root(struct tree *t, const struct conf_subst *v)
{
	_cleanup_free_ char *path = conf_share_path(t->share, v);
	ntstatus status;

	if (!path || path[0] != '/')
		return NT_STATUS_BAD_NETWORK_NAME;
	t->vfs = share_open(t->conf, t->share, t->name, path, &status);
	if (!t->vfs) {
		log_debug(LOG_VFS, "share=\"%s\" folder=\"%s\" cannot be opened status=%s", t->name,
			  path, nt_name(status));
		return status;
	}
	if (identity_become(t->identity) < 0 ||
	    faccessat(t->vfs->root, ".", X_OK, AT_EACCESS) < 0) {
		log_debug(LOG_VFS, "share=\"%s\" folder=\"%s\" user=%s may not enter it: %s",
			  t->name, path, v->unix_user ? v->unix_user : "-", strerror(errno));
		return NT_STATUS_ACCESS_DENIED;
	}
	return NT_STATUS_SUCCESS;
}

static ntstatus connect_share(const struct request *rq, const char *name, struct tree *t)
{
	const struct session *s = rq->session;
	const char *self = s->guest || s->anonymous ? NULL : s->user, *real;
	struct conf_subst v;
	struct addresses a;
	ntstatus status;

	t->conf = server_conf();
	t->share = conf_share_for(t->conf, name, self, &real);
	if (!t->share || !t->share->available || (t->share->is_homes && !self)) {
		debug_request(LOG_SMB, rq, "TREE_CONNECT refused share=\"%s\" why=\"%s\"", name,
			      t->share ? "not available" : "no such share");
		return NT_STATUS_BAD_NETWORK_NAME;
	}
	t->name = xstrdup(real);
	if (!conf_host_allowed(&t->share->hosts_allow, &t->share->hosts_deny,
			       (const struct sockaddr *)&rq->conn->peer)) {
		debug_request(LOG_SMB, rq,
			      "TREE_CONNECT refused share=\"%s\" why=\"hosts allow, "
			      "hosts deny\"",
			      real);
		stats_bad(BAD_refused_host);
		return NT_STATUS_ACCESS_DENIED;
	}
	v = substitutions(rq, t->conf, real, &a);
	status = share_admit(t, s, &v);
	if (status == NT_STATUS_SUCCESS) {
		status = choose_encryption(rq, t);
		if (status != NT_STATUS_SUCCESS)
			debug_request(LOG_SMB, rq,
				      "TREE_CONNECT refused share=\"%s\" why=\"the "
				      "client cannot encrypt\"",
				      real);
	}
	if (status == NT_STATUS_SUCCESS && !t->ipc)
		status = open_root(t, &v);
	return status;
}

static ntstatus reply(struct request *rq, const struct tree *t)
{
	struct smb2_wr *w = reply_begin(rq, REPLY_SIZE);
	uint32_t flags = 0;

	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	if (t->ipc)
		flags = SMB2_SHAREFLAG_NO_CACHING;
	else
		flags = SHAREFLAG_CSC(t->share->csc_policy);
	if (t->share->hide_unreadable)
		flags |= SMB2_SHAREFLAG_ACCESS_BASED_DIRECTORY_ENUM;
	if (t->encrypt)
		flags |= SMB2_SHAREFLAG_ENCRYPT_DATA;
	wr_le16(w, REPLY_SIZE);
	wr_u8(w, t->ipc ? SMB2_SHARE_TYPE_PIPE : SMB2_SHARE_TYPE_DISK);
	wr_u8(w, 0);
	wr_le32(w, flags);
	wr_le32(w, 0); /* Capabilities: no DFS, no continuous availability, no scale-out */
	wr_le32(w, t->max_access);
	return NT_STATUS_SUCCESS;
}

ntstatus smb2_tree_connect(struct request *rq)
{
	_cleanup_free_ char *name = parse_name(rq);
	struct tree *t;
	ntstatus status;

	if (!authentic(rq)) {
		stats_bad(BAD_signature);
		return NT_STATUS_ACCESS_DENIED;
	}
	if (!name)
		return NT_STATUS_BAD_NETWORK_NAME;
	if (identity_become_self() < 0)
		return NT_STATUS_ACCESS_DENIED;
	t = tree_new();
	status = connect_share(rq, name, t);
	if (status == NT_STATUS_SUCCESS && !tree_add(rq->session, t, t->conf->max_trees))
		status = NT_STATUS_INSUFFICIENT_RESOURCES;
	if (status == NT_STATUS_SUCCESS) {
		rq->hdr.tree_id = rq->chain_tree_id = t->id;
		status = reply(rq, t);
	}
	tree_put(t);
	return status;
}
