// SPDX-License-Identifier: GPL-2.0-or-later
/* lease_notify.c - what a client is told of a break (MS-SMB2 2.2.23, 3.3.4.6, 3.3.4.7). */
#include "smb2/smb2.h"
#include "state/durable.h"
#include "state/lease.h"

#define OPLOCK_SIZE 24

struct told {
	struct lease *lease; /* reference */
	bool ack;
};

static bool notification_wanted(void *arg)
{
	const struct told *t = arg;

	return !t->ack || atomic_load(&t->lease->breaking);
}

static void notification_done(void *arg, bool delivered)
{
	struct told *t = arg;

	if (!delivered && t->ack)
		lease_lost(t->lease);
	lease_put(t->lease);
	free(t);
}

static void put_oplock_break(struct smb2_wr *w, const struct open *o, const struct lease_break *b)
{
	wr_le16(w, OPLOCK_SIZE);
	wr_u8(w, b->to ? SMB2_OPLOCK_LEVEL_II : SMB2_OPLOCK_LEVEL_NONE);
	wr_zero(w, 5);
	wr_le64(w, o->persistent);
	wr_le64(w, o->vol);
}

/* 2.2.23.2 */
static void put_lease_break(struct smb2_wr *w, const struct lease *l, const struct lease_break *b)
{
	wr_le16(w, NOTIFICATION_MAX);
	wr_le16(w, l->version == 2 ? b->epoch : 0);
	wr_le32(w, b->ack ? SMB2_NOTIFY_BREAK_LEASE_ACK_NEEDED : 0);
	wr_bytes(w, l->key, LEASE_KEY_SIZE);
	wr_le32(w, b->from);
	wr_le32(w, b->to);
	wr_zero(w, 12);
}

/* One that the client knows of; its session is there, or was. */
static struct open *told_open(const struct lease *l)
{
	struct open *o;

	list_for_each (o, &l->opens, oplock.node)
		if (o->oplock.told == OPLOCK_TOLD && !atomic_load(&o->disconnected))
			return o;
	return NULL;
}

bool lease_notify(struct lease *l)
{
	static const struct notification_ops ops = { notification_wanted, notification_done };
	struct open *o = told_open(l);
	struct notification_to to = { .client = l->version };
	uint8_t body[NOTIFICATION_MAX];
	struct smb2_wr w = wr_init(body, sizeof(body));
	struct session *s;
	struct told *t;
	bool sent;

	if (!o)
		return false;
	s = open_session_get(o);
	to.sealed = s->encrypt || o->tree->encrypt;
	if (l->version)
		put_lease_break(&w, l, &l->told);
	else
		put_oplock_break(&w, o, &l->told);
	t = xcalloc(1, sizeof(*t));
	t->lease = lease_get(l);
	t->ack = l->told.ack;
	sent = notification_send(s, &to, body, w.off, &ops, t);
	if (!sent) {
		lease_put(t->lease);
		free(t);
	}
	session_put(s);
	return sent;
}
