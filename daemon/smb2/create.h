/* SPDX-License-Identifier: GPL-2.0-or-later */
/* create.h - what the files of CREATE share: the request, and the open that is being made of it. */
#ifndef KH_CREATE_H
#define KH_CREATE_H

#include "smb2/smb2.h"
#include "state/lease.h"

/* What a share that is read-only for the client gives nobody. */
#define WRITE_RIGHTS                                                                  \
	(FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES | \
	 FILE_DELETE_CHILD | SEC_STD_DELETE | SEC_STD_WRITE_DAC | SEC_STD_WRITE_OWNER)

struct create {
	/* as asked */
	uint8_t oplock;
	uint32_t impersonation;
	uint32_t desired, attributes, share_access, disposition, options;
	struct smb2_rd name, contexts;
	struct create_ctx ctx;
	struct vfs_name path;
	struct sd *sd; /* parsed SecD context, or NULL */

	/* as it turns out */
	struct tree *tree;
	struct vfs_path loc;
	struct open *open; /* under way; not published yet */
	uint32_t granted;
	uint32_t action;
	bool made;	       /* the file did not exist: to be removed on failure */
	bool replayed;	       /* open is the one that this CREATE made when it ran before */
	struct lease *blocker; /* with OFILE_MUST_WAIT: reference */
	struct lease_want want;
};

/* create_file.c: files and directories; create_stream.c: named streams. SUCCESS: open is ready. */
ntstatus create_file(struct create *q);
ntstatus create_stream(struct create *q);

/* create_file.c */
struct acl_object create_acl_object(const struct create *q);
ntstatus create_access(struct create *q, uint32_t desired);
ntstatus create_make(struct create *q, bool is_dir);
/* ofile_join() of what q->loc describes. RETRY: what was there goes, or is gone. */
ntstatus create_join(struct create *q, bool overwrite);
/* What CREATE did is told, before it is answered (state/change.h). */
void create_tell(const struct create *q);
/* SUPERSEDE, OVERWRITE, OVERWRITE_IF: what is there loses its data. */
static inline bool create_overwrites(const struct create *q)
{
	return q->disposition == FILE_SUPERSEDE || q->disposition == FILE_OVERWRITE ||
	       q->disposition == FILE_OVERWRITE_IF;
}
unsigned int create_resolve_flags(const struct create *q);
/* A symlink that the client follows itself, unless it asks for the symlink. */
static inline bool create_needs_follow(const struct create *q)
{
	return q->loc.exists && S_ISLNK(q->loc.attr.mode) &&
	       (!(q->options & FILE_OPEN_REPARSE_POINT) || q->path.stream);
}
/* create_lease.c: what of the caches that are asked for the share and the dialect allow. */
ntstatus create_lease_want(struct request *rq, struct create *q, bool is_dir);
/* The context of the answer, if it is a lease. */
void create_lease_put(struct smb2_wr *w, uint64_t *prev, const struct lease_answer *a);
/* create_posix.c (create_posix_allowed(): smb2.h): the answer to the POSIX create context, if it
 * was asked. */
void create_posix_put(const struct create *q, struct smb2_wr *w, uint64_t *prev,
		      const struct vfs_attr *a);
/* Rights that POSIX does not ask the file's mode for: stat(), and utimes() of the owner. */
uint32_t create_posix_free(const struct create *q);
/* Mode bits of what such a client makes; false: it leaves them to the share. */
bool create_posix_mode(const struct create *q, bool is_dir, mode_t *mode);

/* Is the share writable for this? The status that refuses what changes. */
ntstatus create_writable(const struct create *q);

/* create_app_instance.c */

/*
 * Of the file at q->loc: what the application has open through another client is closed. RETRY
 * then: resolve again. FILE_FORCED_CLOSED: this instance is no later one.
 */
ntstatus create_app_instance(struct request *rq, struct create *q);
/* Before q->open is published. */
void create_app_instance_set(const struct create *q);

/* create_durable.c, MS-SMB2 3.3.5.9.6, .7, .10, .12 */

/* After create_ctx_parse(): do the contexts go together? INVALID_PARAMETER, OBJECT_NAME_NOT_FOUND.
 */
ntstatus create_durable_check(const struct request *rq, struct create *q);
/*
 * Instead of opening anything, with ctx.durable.reconnect: the handle is rq->session's from now on.
 * SUCCESS: q->open is a reference, and loc has its attributes and nothing else.
 */
ntstatus create_reconnect(struct request *rq, struct create *q);
/*
 * With "DH2Q": has it run before? SUCCESS: q->replayed says so, and then q->open is a reference and
 * loc as for create_reconnect(). FILE_NOT_AVAILABLE, DUPLICATE_OBJECTID, ACCESS_DENIED.
 */
ntstatus create_replay(struct request *rq, struct create *q);
/* While the answer is written: the open may become durable, which adds a context. */
void create_durable_answer(struct create *q, struct smb2_wr *w, uint64_t *prev, bool caches_handle);

#endif /* KH_CREATE_H */
