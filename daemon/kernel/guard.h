/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard.h - the XDP guard (bpf/xdp_guard.bpf.c): in front of the stack of chosen interfaces it
 * counts, drops what the block list names (core/block.h) and limits SYNs per source.
 *
 * It is an addition: whatever it cannot do, the server serves without, and the daemon refuses
 * blocked sources itself. The links are pinned beside the maps: the guard of a killed daemon goes
 * on until the next start of the same instance replaces it, or `down` removes it.
 */
#ifndef KH_GUARD_H
#define KH_GUARD_H

#include <json-c/json.h>

#include "config/config.h"
#include "kh_maps.h"

/* ---- guard.c: main thread ---- */

/*
 * Loads and attaches as f says; without `xdp interfaces`, removes what a dead process left. After
 * maps_start(). NULL, or with `xdp mode = native` a sentence why not all interfaces have it (caller
 * frees); otherwise the log says what is missing.
 */
char *guard_start(const struct conf *f);
/* A reload: new limits at once; other interfaces, modes or CPUs are attached anew. */
void guard_reload(const struct conf *f);
void guard_stop(void);
/* "xdp": array of {interface, mode, why}; "xdp_why": why none is guarded. */
void guard_status(struct json_object *reply);
/* What is missing of what the configuration wants, or NULL; caller frees. */
char *guard_why(void);

/* The kernel's side of one block, any thread; nothing happens without the guard. */
void guard_block_set(const struct kh_block_key *k, const struct kh_block *b);
void guard_block_del(const struct kh_block_key *k);
/* Packets that the block dropped. */
uint64_t guard_block_dropped(const struct kh_block_key *k);

/* ---- guard_pins.c: also for the command ---- */

/*
 * Removes pins of links and maps of this instance, whose process is dead: its programs go from
 * their interfaces. How many links there were.
 */
unsigned int guard_clean(const char *instance);

/* ---- guard_check.c: what XDP would do to an interface, before it does ---- */

/* A line without its full stop. */
typedef void (*guard_say_fn)(void *arg, const char *sentence);

/* Calls say for everything that speaks against XDP on the interfaces of f. Also for the command. */
void guard_check(const struct conf *f, guard_say_fn say, void *arg);

#endif /* KH_GUARD_H */
