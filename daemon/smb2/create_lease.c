// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * create_lease.c - what a CREATE asks to cache: an oplock, or a lease by its context (MS-SMB2
 * 2.2.13.2.8, 2.2.13.2.10, 3.3.5.9.8, 3.3.5.9.11), and the context of the answer.
 */
#include "smb2/create.h"

/* 2.2.13: an oplock level without the lease's context asks for nothing. */
static uint8_t lease_version(const struct request *rq, const struct create *q)
{
	const struct conf_share *share = rq->tree->share;
	const struct conn_state *st = &rq->conn->st;
	uint8_t version = q->ctx.lease.version;

	if (!share->oplocks || !share->leases || q->oplock != SMB2_OPLOCK_LEVEL_LEASE ||
	    !(st->server_caps & SMB2_GLOBAL_CAP_LEASING))
		return 0;
	if (version == 2 && st->dialect < SMB2_DIALECT_300)
		return 0;
	return version;
}

static bool dir_lease(const struct request *rq, uint8_t version)
{
	return version == 2 && rq->tree->share->directory_leases &&
	       rq->conn->st.server_caps & SMB2_GLOBAL_CAP_DIRECTORY_LEASING;
}

static void want_lease(const struct request *rq, struct create *q, bool is_dir)
{
	const struct create_lease *c = &q->ctx.lease;
	struct lease_want *w = &q->want;

	w->version = c->version;
	w->state = c->state & (is_dir ? LEASE_RWH & ~SMB2_LEASE_WRITE_CACHING : LEASE_RWH);
	memcpy(w->client, rq->session->client_guid, sizeof(w->client));
	memcpy(w->key, c->key, sizeof(w->key));
	if (c->version < 2)
		return;
	w->epoch = c->epoch;
	w->has_parent_key = c->flags & SMB2_LEASE_FLAG_PARENT_LEASE_KEY;
	if (w->has_parent_key)
		memcpy(w->parent_key, c->parent_key, sizeof(w->parent_key));
}

/*
 * May it keep R without W? With `kernel oplocks` what stands behind R needs a file that nobody has
 * open for writing (state/local_lease.c): only leases of who reads; as with Samba no level II.
 */
static bool level2_ok(const struct create *q, const struct conf_share *share, bool is_dir)
{
	const uint32_t writes = FILE_WRITE_DATA | FILE_APPEND_DATA | SEC_MAXIMUM_ALLOWED;

	if (!share->level2_oplocks || !share->kernel_oplocks || is_dir)
		return share->level2_oplocks;
	return q->oplock == SMB2_OPLOCK_LEVEL_LEASE && !(access_map_generic(q->desired) & writes);
}

ntstatus create_lease_want(struct request *rq, struct create *q, bool is_dir)
{
	const struct conf_share *share = rq->tree->share;
	bool level2 = level2_ok(q, share, is_dir);
	const struct vfs_id *id = &q->loc.attr.id;
	bool exists = q->loc.exists;

	memset(&q->want, 0, sizeof(q->want));
	if (q->oplock != SMB2_OPLOCK_LEVEL_LEASE && share->oplocks && !is_dir)
		lease_want_oplock(&q->want, q->oplock, level2);
	else if (lease_version(rq, q))
		want_lease(rq, q, is_dir);
	q->want.level2_ok = level2;
	q->want.is_dir = is_dir;
	q->want.waited = rq->elements[rq->cur].async;
	q->open->oplock.want = &q->want;
	if (lease_key_elsewhere(&q->want, exists ? id->dev : 0, exists ? id->ino : 0,
				q->path.stream))
		return NT_STATUS_INVALID_PARAMETER;
	if (is_dir && !dir_lease(rq, q->want.version))
		q->want.version = q->want.state = 0;
	return NT_STATUS_SUCCESS;
}

void create_lease_put(struct smb2_wr *w, uint64_t *prev, const struct lease_answer *a)
{
	uint8_t data[52] = { 0 };

	if (!a->version)
		return;
	memcpy(data, a->key, LEASE_KEY_SIZE);
	kh_put_le32(data + 16, a->state);
	kh_put_le32(data + 20, a->flags);
	if (a->version == 2) {
		if (a->flags & SMB2_LEASE_FLAG_PARENT_LEASE_KEY)
			memcpy(data + 32, a->parent_key, LEASE_KEY_SIZE);
		kh_put_le16(data + 48, a->epoch);
	}
	create_ctx_put(w, prev, CREATE_CTX_LEASE, data, a->version == 2 ? 52 : 32);
}
