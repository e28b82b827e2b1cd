/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steer.h - which reactor a new connection goes to: bpf/steer.bpf.c and what stands in for it.
 *
 * With BPF, every group of listeners has the program, and a mode is a word in its map: switching it
 * touches no socket. Without, `cpu` is SO_INCOMING_CPU, and everything else the kernel's hash.
 * What is in force, and why, stands in kh_server. All functions are the main thread's.
 */
#ifndef KH_STEER_H
#define KH_STEER_H

#include <json-c/json.h>

#include "server.h"

/* Loads the program and pins its maps, after maps_start(). Without BPF it remembers why. */
void steer_start(void);
/* The listeners are gone. */
void steer_stop(void);

/*
 * The mode of the option `steer`, for n reactors that listen; also the affinity of their threads.
 * After each change of configuration, addresses or reactors.
 */
void steer_apply(const struct conf *f, unsigned int n);

/* ---- steer_names.c ---- */

/* "cpu", "round-robin" ... */
const char *steer_mode_name(enum kh_steer mode);
/* Who does it: "bpf", "incoming-cpu" (SO_INCOMING_CPU) or "kernel" (its hash). */
const char *steer_by_name(const struct kh_server_slot *s);
/* {mode, by, why}, for `status`. */
void steer_put(struct json_object *o, const struct kh_server_slot *s);
struct json_object *steer_json(const struct kh_server_slot *s);

/* ---- steer.c ---- */

/* The control verb "steer": {"mode": "client"} until the next reload. Replies by steer_put(). */
char *steer_verb(void *arg, struct json_object *request, struct json_object *reply);

/* ---- for core/listen.c: groups of listeners ---- */

/* A number for the group of an address, where the program finds it; -1: it has the kernel's hash.
 */
int steer_group_add(const struct sockaddr_storage *ss);
/* fd listens, for that reactor. */
void steer_group_listener(int group, unsigned int reactor, int fd);
/* No new connections: refused as if nobody listened. Its number is given back. */
void steer_group_closing(int group);
/* Do connections that wait at a listener go to another one when it closes? */
bool steer_migrates(void);

/* ---- steer_cpus.c ---- */

/* CPUs that this process may run on, by NUMA node. */
struct steer_cpus {
	unsigned int n;
	uint16_t cpu[KH_STEER_CPUS];
	uint16_t node[KH_STEER_CPUS]; /* of cpu[] */
};

void steer_cpus_read(struct steer_cpus *c);
/* Neighbouring CPUs share a reactor, or neighbouring reactors a CPU; other CPUs have any. */
void steer_ranges(const struct steer_cpus *c, unsigned int reactors, struct kh_steer_conf *conf);
/* The CPUs of a reactor; of its node, for mode numa. All, for the modes that do not care. */
void steer_cpus_of(const struct steer_cpus *c, const struct kh_steer_conf *conf, enum kh_steer mode,
		   unsigned int reactor, cpu_set_t *set);
/* How many RX queues a device has; 1 when it does not say. */
unsigned int steer_rx_queues(const char *ifname);

#endif /* KH_STEER_H */
