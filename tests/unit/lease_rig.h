/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lease_rig.h - opens that cache, without files and clients: an inode is a number, a key is a
 * letter, and a state is written as "RWH". lease_notify() is the test's own.
 */
#ifndef KH_LEASE_RIG_H
#define KH_LEASE_RIG_H

#include "smb2/smb2.h"
#include "state/change.h"
#include "state/lease.h"
#include "fixture.h"
#include "tap.h"

#define R SMB2_LEASE_READ_CACHING
#define W SMB2_LEASE_WRITE_CACHING
#define H SMB2_LEASE_HANDLE_CACHING

#define ANY    (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define READER (FILE_READ_DATA | FILE_READ_ATTRIBUTES)
#define WRITER (READER | FILE_WRITE_DATA)
#define STAT   FILE_READ_ATTRIBUTES

/* What an open is to be; 0 is a reader that shares everything. */
struct spec {
	uint64_t ino;
	char key;	  /* 0: an oplock of this state */
	const char *want; /* NULL: nothing */
	uint32_t access, share;
	uint8_t version; /* of the lease; 0: 2 */
	uint16_t epoch;
	char parent;
	bool overwrite, is_dir, waited, quiet; /* quiet: the answer is not given yet */
	const char *path;
};

static uint8_t bits(const char *s)
{
	uint8_t state = 0;

	for (; s && *s; s++)
		state |= *s == 'R' ? R : *s == 'W' ? W : H;
	return state;
}

static void want_fill(struct lease_want *w, const struct spec *s)
{
	memset(w, 0, sizeof(*w));
	w->version = s->key ? (s->version ? s->version : 2) : 0;
	w->state = bits(s->want);
	w->level2_ok = true;
	w->is_dir = s->is_dir;
	w->waited = s->waited;
	w->epoch = s->epoch;
	memset(w->client, 'c', sizeof(w->client));
	memset(w->key, s->key, sizeof(w->key));
	w->has_parent_key = s->parent;
	memset(w->parent_key, s->parent, sizeof(w->parent_key));
}

/* A reference less than CREATE gives: close_() ends it. NULL: see status; *blocker may be NULL. */
static struct open *try_open(const struct spec *s, ntstatus *status, struct lease **blocker)
{
	struct open *o = open_alloc();
	struct identity *as;
	struct lease_answer a;
	struct lease_want want;

	want_fill(&want, s);
	o->kind = s->is_dir ? OPEN_DIR : OPEN_FILE;
	o->access = s->access ? s->access : READER;
	o->share_access = s->share ? s->share : ANY;
	o->oplock.want = &want;
	tree_get(tree);
	o->tree = tree;
	*status = ofile_join(o, 1, s->ino, NULL, s->overwrite);
	if (*status == NT_STATUS_SUCCESS && s->path)
		open_path_set(o, s->path);
	if (*status == NT_STATUS_SUCCESS && open_publish(o, session)) {
		if (!s->quiet && oplock_answer(o, &a) != SMB2_OPLOCK_LEVEL_NONE)
			oplock_told(open_get(o));
		open_put(o);
		return o;
	}
	if (blocker)
		*blocker = o->oplock.blocker;
	else
		lease_put(o->oplock.blocker);
	(void)ofile_leave(o, &as);
	oplock_finish(o);
	open_put(o);
	return NULL;
}

static inline void close_(struct open *o)
{
	open_close(o);
}

static inline ntstatus acknowledge(char key, const char *state)
{
	uint8_t client[16], k[LEASE_KEY_SIZE];

	memset(client, 'c', sizeof(client));
	memset(k, key, sizeof(k));
	return lease_acknowledge(client, k, bits(state));
}

#endif /* KH_LEASE_RIG_H */
