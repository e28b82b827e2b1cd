// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * create_durable.c - durable handles in CREATE: granting them (MS-SMB2 3.3.5.9.6, 3.3.5.9.10), and
 * the reconnects of clients that come back (3.3.5.9.7, 3.3.5.9.12).
 *
 * No share is continuously available, so a persistent handle is asked for in vain: it becomes a
 * durable one.
 */
#include "core/debug.h"
#include "core/utf16.h"
#include "smb2/create.h"
#include "state/durable.h"
#include "state/lease.h"
#include "state/replay.h"

#define TIMEOUT_V1_MS	   960000u /* as Windows; version 1 has no field for it */
#define TIMEOUT_DEFAULT_MS 60000u
#define TIMEOUT_MAX_MS	   300000u

#define V1 (CREATE_HAS_DHNQ | CREATE_HAS_DHNC)
#define V2 (CREATE_HAS_DH2Q | CREATE_HAS_DH2C)

ntstatus create_durable_check(const struct request *rq, struct create *q)
{
	struct create_durable *d = &q->ctx.durable;
	unsigned int others = q->ctx.n;

	if (rq->conn->st.dialect < SMB2_DIALECT_300) {
		d->seen &= ~(unsigned int)V2;
		q->ctx.app.present = false;
		d->request = d->seen & CREATE_HAS_DHNQ ? 1 : 0;
		d->reconnect = d->seen & CREATE_HAS_DHNC ? 1 : 0;
	}
	/* Only the request of version 1 may go along with its reconnect. */
	if ((d->seen & V2) == V2 || (d->seen & V1 && d->seen & V2))
		return NT_STATUS_INVALID_PARAMETER;
	if (rq->conn->st.dialect < SMB2_DIALECT_311)
		q->ctx.app.has_version = false;
	if (!d->reconnect)
		return NT_STATUS_SUCCESS;
	others -= d->seen & CREATE_HAS_DHNQ ? 2 : 1;
	others -= q->ctx.lease.version ? 1 : 0;
	return others ? NT_STATUS_OBJECT_NAME_NOT_FOUND : NT_STATUS_SUCCESS;
}

/* ---- reconnecting ---- */

static bool same_owner(const struct session *a, const struct session *b)
{
	if (a->guest != b->guest || a->anonymous != b->anonymous)
		return false;
	return a->unix_id.uid == b->unix_id.uid &&
	       (!a->user || !b->user ? a->user == b->user : !strcmp(a->user, b->user));
}

static bool same_share(const struct tree *a, const struct tree *b)
{
	return utf8_equal_nocase(a->name, b->name) && a->vfs && b->vfs &&
	       !strcmp(a->vfs->path, b->vfs->path);
}

/* With a lease, its key must be named again, and the file. */
static ntstatus check_lease(const struct create *q, struct open *o)
{
	const struct create_lease *l = &q->ctx.lease;
	_cleanup_free_ char *path = NULL;
	uint8_t key[LEASE_KEY_SIZE];
	struct vfs_name name = { 0 };
	uint8_t version = open_lease_key(o, key);
	ntstatus status;

	if (!version != !l->version || (version && memcmp(key, l->key, sizeof(key)) != 0))
		return NT_STATUS_OBJECT_NAME_NOT_FOUND;
	if (!version)
		return NT_STATUS_SUCCESS;
	path = open_path_dup(o);
	status = vfs_name_parse(q->name.buf, q->name.len, 0, &name);
	if (status != NT_STATUS_SUCCESS || name.stream || !utf8_equal_nocase(name.path, path))
		status = NT_STATUS_INVALID_PARAMETER;
	vfs_name_free(&name);
	return status;
}

static ntstatus check_reconnect(struct request *rq, const struct create *q, struct open *o)
{
	const struct create_durable *d = &q->ctx.durable;
	const struct session *before = o->session;
	bool same_client =
		!memcmp(before->client_guid, rq->session->client_guid, sizeof(before->client_guid));

	/* Either version may reconnect the other's; that without a GUID has a zero one. */
	if (d->reconnect == 2 &&
	    memcmp(d->create_guid, o->durable.create_guid, sizeof(d->create_guid)) != 0)
		return NT_STATUS_OBJECT_NAME_NOT_FOUND;
	if (q->ctx.lease.version && !same_client)
		return NT_STATUS_OBJECT_NAME_NOT_FOUND;
	if (!same_owner(before, rq->session))
		return NT_STATUS_ACCESS_DENIED;
	if (!same_share(o->tree, rq->tree))
		return NT_STATUS_OBJECT_NAME_NOT_FOUND;
	if (rq->tree->read_only && o->access & WRITE_RIGHTS)
		return NT_STATUS_OBJECT_NAME_NOT_FOUND;
	return check_lease(q, o);
}

ntstatus create_reconnect(struct request *rq, struct create *q)
{
	struct open *o = durable_find(q->ctx.durable.fid.persistent);
	ntstatus status = NT_STATUS_OBJECT_NAME_NOT_FOUND;
	struct lease_answer lease;

	if (o)
		status = check_reconnect(rq, q, o);
	if (status == NT_STATUS_SUCCESS) {
		status = NT_STATUS_OBJECT_NAME_NOT_FOUND;
		if (durable_take(o)) {
			/* Of the new session; nothing of the former is under way. */
			atomic_store(&o->channel_seq, rq->hdr.channel_sequence);
			(void)oplock_answer(o, &lease); /* breaks from now on come behind it */
			if (durable_reconnect(o, rq->session, rq->tree, rq->conn->st.id))
				status = NT_STATUS_SUCCESS;
		}
	}
	debug_request(LOG_OPLOCK, rq, "reconnect version=%u persistent=%llu status=%s",
		      q->ctx.durable.reconnect, (unsigned long long)q->ctx.durable.fid.persistent,
		      nt_name(status));
	if (status == NT_STATUS_SUCCESS) {
		q->open = o;
		q->action = FILE_OPENED;
		(void)open_attr(o, &q->loc.attr);
	} else if (o) {
		open_put(o);
	}
	return status;
}

/* ---- replays ---- */

/* An oplock stays one, and a lease keeps its key. */
static bool same_caching(const struct create *q, const struct open *o)
{
	const struct create_lease *l = &q->ctx.lease;
	bool lease = q->oplock == SMB2_OPLOCK_LEVEL_LEASE && l->version;
	uint8_t key[LEASE_KEY_SIZE];

	if (!open_lease_key(o, key))
		return !lease;
	return lease && !memcmp(key, l->key, sizeof(key));
}

ntstatus create_replay(struct request *rq, struct create *q)
{
	ntstatus status;
	struct open *o;

	status = replay_begin(rq, rq->session->client_guid, q->ctx.durable.create_guid, &o);
	if (o) {
		if (o->session != rq->session || o->tree != rq->tree)
			status = NT_STATUS_DUPLICATE_OBJECTID;
		else if (!same_caching(q, o))
			status = NT_STATUS_ACCESS_DENIED;
	}
	if (o || status != NT_STATUS_SUCCESS)
		debug_request(LOG_OPLOCK, rq, "replay of a create, status=%s", nt_name(status));
	if (status == NT_STATUS_SUCCESS && o) {
		q->open = o;
		q->replayed = true;
		q->action = o->create_action;
		(void)open_attr(o, &q->loc.attr);
	} else if (o) {
		open_put(o);
	}
	return status;
}

/* ---- granting ---- */

static void grant(struct open *o, const struct create_durable *d)
{
	o->durable.timeout_ms = d->request == 1 ? TIMEOUT_V1_MS
				: d->timeout_ms ? MIN(d->timeout_ms, TIMEOUT_MAX_MS)
						: TIMEOUT_DEFAULT_MS;
	memcpy(o->durable.create_guid, d->create_guid, sizeof(d->create_guid));
	atomic_store(&o->durable.version, d->request);
}

void create_durable_answer(struct create *q, struct smb2_wr *w, uint64_t *prev, bool caches_handle)
{
	const struct create_durable *d = &q->ctx.durable;
	struct open *o = q->open;
	uint8_t data[8] = { 0 };

	if (!d->request || d->reconnect || !caches_handle || !q->tree->share->durable_handles ||
	    o->kind != OPEN_FILE || o->session->guest || o->session->anonymous) /* whose is it? */
		return;
	if (q->replayed && !o->durable.version)
		return;
	if (!q->replayed)
		grant(o, d);
	if (d->request == 2)
		kh_put_le32(data, o->durable.timeout_ms);
	create_ctx_put(w, prev, d->request == 2 ? CREATE_CTX_DURABLE_V2 : CREATE_CTX_DURABLE, data,
		       sizeof(data));
}
