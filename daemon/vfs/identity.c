// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * identity.c - the Unix user of a worker thread. The raw system calls change the calling thread
 * only (the C library's wrappers would change all of them). Leaving fsuid 0 makes the kernel drop
 * the file capabilities of the thread, coming back gives them again.
 */
#include "vfs/vfs.h"

#include <linux/capability.h>
#include <sys/syscall.h>

static _Atomic uint64_t next_serial = 1;

/* What this thread is: the serial of an identity, or 0 for the daemon itself. */
static __thread uint64_t thread_serial;
static __thread struct identity *thread_as; /* the same with its groups; reference, or NULL */
static __thread bool thread_io;		    /* identity_io_thread() */
static __thread uid_t thread_fsuid;
static __thread unsigned int thread_root_depth;

struct identity *identity_new(uid_t uid, gid_t gid, const gid_t *groups, unsigned int n)
{
	struct identity *id;

	if (n > IDENTITY_MAX_GROUPS)
		return NULL;
	id = calloc(1, sizeof(*id) + n * sizeof(*groups));
	if (!id)
		return NULL;
	id->refs = 1;
	id->serial = next_serial++;
	id->uid = uid;
	id->gid = gid;
	id->ngroups = n;
	if (n)
		memcpy(id->groups, groups, n * sizeof(*groups));
	return id;
}

struct identity *identity_get(struct identity *id)
{
	id->refs++;
	return id;
}

void identity_put(struct identity *id)
{
	if (!id || --id->refs)
		return;
	free(id->name);
	free(id);
}

/* setfsuid() and setfsgid() tell no error: the old value comes back, so ask twice. */
static bool set_fsuid(uid_t uid)
{
	syscall(SYS_setfsuid, uid);
	return (uid_t)syscall(SYS_setfsuid, (uid_t)-1) == uid;
}

static bool set_fsgid(gid_t gid)
{
	syscall(SYS_setfsgid, gid);
	return (gid_t)syscall(SYS_setfsgid, (gid_t)-1) == gid;
}

#define NOBODY 65534

static int fail_closed(void)
{
	syscall(SYS_setgroups, 0, NULL);
	set_fsgid(NOBODY);
	set_fsuid(NOBODY);
	thread_serial = UINT64_MAX;
	thread_fsuid = NOBODY;
	return -EPERM;
}

static void remember(struct identity *id)
{
	identity_put(thread_as);
	thread_as = id;
}

/* Sessions of one user have an identity each: these are the same to the kernel. */
static bool same_rights(const struct identity *a, const struct identity *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->ngroups == b->ngroups &&
	       !memcmp(a->groups, b->groups, a->ngroups * sizeof(*a->groups));
}

static int apply(uid_t uid, gid_t gid, const gid_t *groups, unsigned int n, uint64_t serial)
{
	/* The daemon keeps CAP_SETUID and CAP_SETGID effective whatever its fsuid is. */
	if (syscall(SYS_setgroups, (size_t)n, groups) || !set_fsgid(gid) || !set_fsuid(uid))
		return fail_closed();
	thread_serial = serial;
	thread_fsuid = uid;
	return 0;
}

int identity_become(struct identity *id)
{
	int r;

	if (thread_serial == id->serial && !thread_root_depth)
		return 0;
	if (thread_as && thread_serial == thread_as->serial && !thread_root_depth &&
	    same_rights(thread_as, id)) {
		thread_serial = id->serial;
		remember(identity_get(id));
		return 0;
	}
	thread_root_depth = 0;
	if (geteuid()) {
		if (id->uid != geteuid() || id->gid != getegid())
			return -EPERM;
		thread_serial = id->serial;
		thread_fsuid = id->uid;
		return 0;
	}
	r = apply(id->uid, id->gid, id->groups, id->ngroups, id->serial);
	remember(r ? NULL : identity_get(id));
	return r;
}

/* Of this thread only, as the library's wrappers are not in the way. */
static void drop_fsetid(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) < 0)
		return;
	d[CAP_TO_INDEX(CAP_FSETID)].effective &= ~CAP_TO_MASK(CAP_FSETID);
	(void)syscall(SYS_capset, &h, d);
}

int identity_become_self(void)
{
	int r;

	if (!thread_serial && !thread_root_depth)
		return 0;
	thread_root_depth = 0;
	thread_serial = 0;
	remember(NULL);
	thread_fsuid = geteuid();
	if (geteuid())
		return 0;
	r = apply(0, getegid(), NULL, 0, 0);
	if (thread_io)
		drop_fsetid();
	return r;
}

int identity_root_begin(void)
{
	if (geteuid())
		return -EPERM;
	if (!thread_root_depth && thread_serial && thread_fsuid && !set_fsuid(0))
		return -EPERM;
	thread_root_depth++;
	return 0;
}

void identity_root_end(void)
{
	if (!thread_root_depth || --thread_root_depth)
		return;
	if (thread_serial && thread_fsuid && !set_fsuid(thread_fsuid))
		fail_closed();
}

void identity_io_thread(void)
{
	thread_io = true;
	drop_fsetid();
}
