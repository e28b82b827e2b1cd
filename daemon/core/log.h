/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h - lines for the administrator. Rate limited per call site, with a count of what was left
 * out; never a secret.
 *
 * Debug lines belong to a component, which is switched on at start (`debug components`), by `log
 * level = 3`, or while the server runs (`ksmbd-hybrid debug`). Their form, so that grep finds them:
 * "COMPONENT: conn=ID session=ID what-happened name=value ...", ids as `status` prints them; in
 * core/debug.h are macros that write the beginning. A line that is off costs a load and a branch.
 */
#ifndef KH_LOG_H
#define KH_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { LOG_LEVEL_ERR, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* The first seven are those of ksmbd.control. */
#define LOG_COMPONENT_LIST(X)                                                    \
	X(SMB, smb, "requests: command, share, file, status")                    \
	X(AUTH, auth, "logins, and why they were refused")                       \
	X(VFS, vfs, "errors of the file system, deleting at close")              \
	X(OPLOCK, oplock, "oplock breaks, waiting for locks")                    \
	X(IPC, ipc, "named pipes and the calls on them")                         \
	X(CONN, conn, "connections: negotiation, end, input that is refused")    \
	X(RDMA, rdma, "SMB Direct")                                              \
	X(KERNEL, kernel, "connections and files that the kernel module serves") \
	X(BPF, bpf, "maps, steering, the guard")                                 \
	X(CONFIG, config, "configuration, shares, accounts")

enum log_component {
#define X(NAME, name, what) LOG_##NAME,
	LOG_COMPONENT_LIST(X)
#undef X
		LOG_COMPONENTS
};

#define LOG_ALL_COMPONENTS ((1u << LOG_COMPONENTS) - 1)

struct log_site {
	const char *file;
	int line;
	int component;		 /* of a debug line; -1: another */
	_Atomic uint64_t window; /* second in which count counts */
	_Atomic uint32_t count, left_out;
	_Atomic bool listed; /* for log_tick() */
	struct log_site *_Atomic next;
};

extern _Atomic int log_level;
extern _Atomic uint32_t log_debug_mask; /* 1 << enum log_component */

/* file NULL: standard error. -errno. */
int log_open(const char *file, int level);
/* LOG_COMPONENTS: there is none of this name. */
enum log_component log_component_find(const char *name);
const char *log_component_name(enum log_component c);
/* Once a second, one thread: says how many lines were left out. */
void log_tick(void);

bool log_allowed(struct log_site *s);
void log_line(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_debug_line(struct log_site *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define LOG_SITE(component) \
	static struct log_site log_site_ = { __FILE__, __LINE__, (component), 0, 0, 0, false, NULL }

#define LOG_(level, ...)                                             \
	do {                                                         \
		LOG_SITE(-1);                                        \
		if ((level) <= log_level && log_allowed(&log_site_)) \
			log_line(level, __VA_ARGS__);                \
	} while (0)
#define log_err(...)	LOG_(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_notice(...) LOG_(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)	LOG_(LOG_LEVEL_INFO, __VA_ARGS__)

/* Is it on? For what only a debug line needs. */
#define log_debug_on(component)                                                                   \
	__builtin_expect(                                                                         \
		(atomic_load_explicit(&log_debug_mask, memory_order_relaxed) >> (component)) & 1, \
		0)
#define log_debug(component, ...)                                \
	do {                                                     \
		LOG_SITE(component);                             \
		if (log_debug_on(component))                     \
			log_debug_line(&log_site_, __VA_ARGS__); \
	} while (0)

#endif /* KH_LOG_H */
