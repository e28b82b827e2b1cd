/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_link.h - the maps of uapi/kh_maps.h that the daemon writes, as this process sees them.
 *
 * Without BPF (no right to it, no bpffs, lockdown) the same arrays are memory of the process: it
 * counts and shows the same, by the control socket only, and everything is served in user space.
 */
#ifndef KH_BPF_LINK_H
#define KH_BPF_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/util.h"
#include "core/view.h"
#include "kh_maps.h"

struct bpf_map;
struct view;

/*
 * Constant between maps_start() and maps_stop(). Before and after, `server` is an entry that nobody
 * sees, and there are none of the others.
 */
struct maps {
	struct kh_server_slot *server; /* never NULL */
	struct kh_conn_slot *conns;
	struct kh_session_slot *sessions;
	struct kh_handle_slot *handles;
	struct kh_name *names; /* nhandles of them */
	struct kh_reactor_slot *reactors;
	struct kh_bad_input *bad; /* by lane */
	struct kh_op_stat *ops;	  /* kh_op_index() */
	uint32_t nconns, nsessions, nhandles, nreactors;
	unsigned int lanes;		       /* of ops; the last one is the workers' */
	int handles_fd, conns_fd, op_stats_fd; /* -1 without BPF */
};

extern struct maps maps;

/*
 * Makes the maps, pins them below /sys/fs/bpf/ksmbd-hybrid/<instance>/ and maps them. Main thread,
 * before anybody counts or opens. The pins of an earlier process are replaced. If it cannot,
 * server.bpf_why says why, in one line. Root reads the pins, and the group; NULL: nobody else.
 */
void maps_start(const char *instance, unsigned int nreactors, const char *group);
/* Main thread, when all others have ended: unpins what is still this process's. */
void maps_stop(void);
/* The same for those who read (core/view.h); constant likewise. */
const struct view *maps_view(void);

/* What of BPF is missing, as `status` shows it: the guard's part, NULL if that is complete. */
void maps_missing(const char *guard);

/* ---- bpf_pins.c: also for maps of other skeletons ---- */

/* The pin folder of this instance, for links; NULL without BPF. */
const char *maps_pin_dir(void);
/*
 * Pins a map under its name, in place of what a dead process left there; the pin goes with
 * maps_stop(), or maps_unpin(). 0, -ENOENT without a pin folder, -errno. Main thread.
 */
int maps_pin(struct bpf_map *m);
/* The same rights for something else that is pinned there. */
int maps_pin_rights(const char *name);
/* Takes away what was pinned, and nothing else: before a process ends that could not start. */
void maps_unpin(void);

#define BPFFS "/sys/fs/bpf"

/* For bpf_link.c: a bpffs is there; the folder is there, with its rights; all is unpinned. */
int pins_mount(void);
int pins_begin(const char *instance, const char *group);
void pins_end(void);

/* ---- entries ---- */

/* A text of kh_server, cut to what fits; NULL is "". Main thread. */
#define maps_say(field, text) \
	((void)snprintf(maps.server->field, sizeof(maps.server->field), "%s", (text) ?: ""))

/* An entry of kh_handles; NULL: beyond the map, or no map. */
static inline struct kh_handle_slot *maps_handle(uint32_t slot)
{
	return slot < maps.nhandles ? &maps.handles[slot] : NULL;
}

/* Adds to a count of kh_server; what it is then. Any thread. */
static inline uint32_t maps_count(__u32 *c, int n)
{
	return __atomic_add_fetch(c, (uint32_t)n, __ATOMIC_SEQ_CST);
}

/* A free entry, with id 0 and otherwise as it was left. False: none is left. Any thread. */
bool maps_conn_take(uint32_t *slot);
bool maps_session_take(uint32_t *slot);
/* Nobody writes to it any more, the module neither. Its id becomes 0. */
void maps_conn_give(uint32_t slot);
void maps_session_give(uint32_t slot);

#endif /* KH_BPF_LINK_H */
