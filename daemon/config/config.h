/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.h - the configuration file: an immutable snapshot that everybody may read.
 *
 * conf_load() reads a file in the syntax of smb.conf and ksmbd.conf into a struct conf. A snapshot
 * never changes: a reload makes a new one, and who still holds the old one (a connection, a tree)
 * goes on with it until its conf_put(). All strings and lists inside belong to the snapshot and
 * live as long as it. Reading a snapshot needs no lock; conf_get() and conf_put() are atomic.
 *
 * Every option is one row of the table in options_global.c or options_share.c: name, synonyms,
 * scope, type, place, default, one paragraph of documentation. Parser, testconf, example file and
 * manual page are made from that table.
 */
#ifndef KH_CONFIG_H
#define KH_CONFIG_H

#include <stdio.h>
#include <sys/socket.h>

#include "core/util.h"

#define CONF_DEFAULT_DIR     "/etc/ksmbd-hybrid"
#define CONF_DEFAULT_FILE    CONF_DEFAULT_DIR "/ksmbd-hybrid.conf"
#define CONF_DEFAULT_RUN_DIR "/run/ksmbd-hybrid"

/* A list of words. v is NULL-terminated; n is 0 and v NULL for an empty list. */
struct conf_list {
	char **v;
	unsigned int n;
};

/* A word of `interfaces`. */
struct conf_interface {
	const char *name; /* pattern of names, address, or address/bits */
	uint64_t speed;	  /* bits per second; 0: what the driver says */
	uint32_t index;	  /* 0: the kernel's */
	bool capability_given;
	bool rss;
};

/* Values of `server signing`. */
enum conf_signing {
	CONF_SIGN_DISABLED, /* not offered; a client that requires it still gets it (SMB2 rule) */
	CONF_SIGN_AUTO,	    /* offered, used when the client wants it */
	CONF_SIGN_REQUIRED,
};

/* Values of `server smb encrypt`, per server and per share. */
enum conf_encrypt {
	CONF_ENCRYPT_OFF,
	CONF_ENCRYPT_IF_REQUIRED, /* offered; used when the client asks for it: the default */
	CONF_ENCRYPT_DESIRED,	  /* every client that can encrypt must */
	CONF_ENCRYPT_REQUIRED,	  /* who cannot encrypt gets ACCESS_DENIED */
};

enum conf_map_to_guest {
	CONF_GUEST_NEVER,
	CONF_GUEST_BAD_USER,	 /* an unknown user becomes the guest */
	CONF_GUEST_BAD_PASSWORD, /* a wrong password too */
};

enum conf_ntlm_auth {
	CONF_NTLM_V2_ONLY,
	CONF_NTLM_V1_PERMITTED, /* NTLM2 session response and NTLMv1 as well */
	CONF_NTLM_DISABLED,
};

enum conf_case {
	CONF_CASE_LOWER,
	CONF_CASE_UPPER,
};

/* `steer`, beside the values of enum kh_steer. */
#define CONF_STEER_AUTO 255u

/* `case sensitive`, `posix locking` and friends that know "auto". */
enum conf_tristate {
	CONF_NO,
	CONF_YES,
	CONF_AUTO,
};

enum conf_csc {
	CONF_CSC_MANUAL,
	CONF_CSC_DOCUMENTS,
	CONF_CSC_PROGRAMS,
	CONF_CSC_DISABLE,
};

enum conf_map_readonly {
	CONF_MAPRO_NO,
	CONF_MAPRO_YES,
	CONF_MAPRO_PERMISSIONS,
};

enum conf_xdp_mode {
	CONF_XDP_AUTO,
	CONF_XDP_NATIVE,
	CONF_XDP_GENERIC,
};

/* `syn rate`; per_second 0: no limit. */
struct conf_rate {
	uint32_t per_second, burst;
};

/* `auth block`: so many failed logins within window seconds block for duration seconds; 0: off. */
#define CONF_AUTH_FAILURES_MAX 100u

struct conf_auth_block {
	uint32_t failures, window, duration;
};

enum conf_mangled { CONF_MANGLED_NO, CONF_MANGLED_ILLEGAL, CONF_MANGLED_YES };

/* What a file without a stored descriptor shows when the system's ACLs are ignored. */
enum conf_acl_style { CONF_ACL_POSIX, CONF_ACL_WINDOWS, CONF_ACL_EVERYONE };

enum conf_inherit_owner {
	CONF_INHERIT_OWNER_NO,
	CONF_INHERIT_OWNER_WINDOWS_AND_UNIX,
	CONF_INHERIT_OWNER_UNIX_ONLY,
};

/* One exported folder. Options not given in its section have the value of [global], or the default.
 */
struct conf_share {
	const char *name; /* as written in the section header; "homes" for [homes] */
	const char *file; /* where the section starts */
	unsigned int line;
	bool is_homes; /* template for the user's home folder: see conf_share_find() */
	bool is_ipc;   /* the built-in IPC$ */

	/* what and for whom */
	const char *path; /* unsubstituted; NULL: none given. Use conf_share_path(). */
	const char *comment;
	const char *volume;
	const char *fstype;
	bool available;
	bool browseable;
	bool read_only;
	bool guest_ok;
	bool guest_only;
	struct conf_list valid_users, invalid_users;
	struct conf_list read_list, write_list, admin_users;
	const char *force_user, *force_group; /* NULL: none */
	struct conf_list hosts_allow, hosts_deny;
	uint32_t max_connections; /* 0: no limit */
	enum conf_encrypt smb_encrypt;
	enum conf_csc csc_policy;
	bool msdfs_root;

	/* names */
	enum conf_tristate case_sensitive;
	bool preserve_case;
	bool short_preserve_case;
	enum conf_case default_case;
	const char *veto_files; /* '/'-separated patterns: conf_pattern_match() */
	const char *hide_files;
	bool delete_veto_files;
	bool hide_dot_files;
	enum conf_mangled mangled_names;
	bool hide_unreadable;
	bool hide_unwriteable_files;
	bool access_based_share_enum;
	bool follow_symlinks;
	bool native_symlinks;
	bool wide_links;
	bool crossmnt; /* may a path cross into another mounted file system? */

	/* modes and ownership of what is created */
	uint32_t create_mask, force_create_mode;
	uint32_t directory_mask, force_directory_mode;
	bool inherit_permissions;
	bool inherit_acls;
	enum conf_inherit_owner inherit_owner;

	/* attributes, ACLs, streams */
	bool store_dos_attributes;
	bool map_archive, map_hidden, map_system;
	enum conf_map_readonly map_readonly;
	bool ea_support;
	struct conf_list vfs_objects; /* as written */
	bool acl_xattr;		      /* `vfs objects` names acl_xattr: NT ACLs in security.NTACL */
	const char *acl_xattr_name;   /* ... or in this xattr */
	bool acl_ignore_system;
	enum conf_acl_style acl_style;
	bool acl_canonical_inherited;
	bool streams_xattr; /* ... streams_xattr: streams in user.DosStream.* */
	bool map_acl_inherit;
	bool nt_acl_support;
	bool dos_filemode;
	bool dos_filetimes;
	bool acl_allow_execute_always;
	bool fake_directory_create_times;
	bool delete_readonly;

	/* caching and locks */
	bool oplocks;
	bool level2_oplocks;
	bool leases;
	bool directory_leases;
	bool durable_handles;
	bool kernel_oplocks;
	bool kernel_share_modes;
	bool posix_locking;
	enum conf_tristate strict_locking;
	bool change_notify, kernel_change_notify;

	/* data */
	bool strict_allocate;
	bool strict_sync;
	bool sync_always;
	bool strict_rename;
	uint64_t allocation_roundup_size; /* bytes */
	uint32_t block_size;		  /* bytes; what size queries report */
	uint64_t max_disk_size;		  /* bytes; 0: the truth */
};

#define CONF_DEBUG_ALL 0xFFu /* in debug_components */
#define CONF_DEBUG_MAX 12

struct conf {
	/* who we are */
	const char *file; /* the file that was read */
	const char *workgroup;
	const char *netbios_name; /* upper case, at most 15 bytes; default: the host's name */
	const char *server_string;

	/* where we listen */
	struct conf_list interfaces;
	const struct conf_interface *interface; /* the same, taken apart */
	unsigned int ninterfaces;
	bool bind_interfaces_only;
	uint16_t ports[8]; /* `smb ports`; 139 speaks NetBIOS session framing */
	unsigned int nports;
	struct conf_list hosts_allow, hosts_deny;
	bool multi_channel;

	/* protocol */
	uint16_t min_dialect, max_dialect; /* MS-SMB2 2.2.3: 0x0202 ... 0x0311 */
	enum conf_signing signing;
	enum conf_encrypt encrypt;
	uint16_t ciphers[4]; /* MS-SMB2 2.2.3.1.2 ids, best first */
	unsigned int nciphers;
	uint16_t signing_algs[3]; /* MS-SMB2 2.2.3.1.7 ids, best first */
	unsigned int nsigning_algs;
	uint32_t max_read, max_write, max_trans; /* bytes */
	uint32_t max_credits;
	bool smb1_negotiate; /* answer an SMB1 multi-protocol NEGOTIATE with SMB2 */
	bool posix_extensions;

	/* who may log in */
	enum conf_map_to_guest map_to_guest;
	const char *guest_account;
	uint32_t restrict_anonymous; /* 2: no anonymous session (the default); 0, 1: IPC$ only */
	bool anonymous_ok;	     /* `restrict anonymous` below 2 */
	enum conf_ntlm_auth ntlm_auth;
	bool null_passwords;
	const char *passdb_file;  /* absolute; default: ksmbdpwd.db beside the file */
	const char *username_map; /* NULL: none */
	const char *kerberos_keytab;
	const char *kerberos_service;

	/* limits; 0: none */
	uint32_t max_connections;
	uint32_t max_connections_per_source;
	uint32_t max_preauth_connections;
	uint32_t preauth_timeout;     /* seconds */
	uint32_t deadtime;	      /* seconds (the file says minutes) */
	uint32_t ipc_timeout;	      /* seconds */
	uint32_t max_open_files;      /* per connection */
	uint32_t max_durable_handles; /* without a client */
	uint32_t max_sessions;	      /* per connection */
	uint32_t max_trees;	      /* per session */
	uint64_t max_inflight;	      /* bytes per connection */
	uint32_t keepalive;	      /* seconds */

	/* the guard */
	struct conf_list xdp_interfaces; /* none: no XDP */
	enum conf_xdp_mode xdp_mode;
	struct conf_list xdp_cpus; /* conf_cpus() */
	struct conf_rate syn_rate;
	unsigned int ipv6_source_bits;
	struct conf_auth_block auth_block;
	struct conf_list auth_block_allow; /* never blocked for failed logins */

	/* the process */
	const char *log_file;	/* NULL: standard error or the journal */
	unsigned int log_level; /* 0 errors, 1 warnings and notices, 2 info, 3 and more debug */
	uint16_t debug_components[CONF_DEBUG_MAX]; /* enum log_component + 1, or CONF_DEBUG_ALL */
	unsigned int ndebug_components;
	const char *metrics_listen;  /* conf_parse_metrics_listen() takes it; NULL: nowhere */
	const char *run_dir;	     /* NULL: the default of the instance */
	unsigned int worker_threads; /* 0: by the number of CPUs */
	unsigned int reactors;	     /* 0: one per CPU */
	uint32_t busy_poll;	     /* us; 0: none */
	unsigned int steer;	     /* enum kh_steer, or CONF_STEER_AUTO */
	const char *bpf_group;	     /* may read the maps; NULL: root alone */
	enum conf_tristate kernel_path;

	/* shares in the order of the file; [homes] is among them, IPC$ is not */
	struct conf_share *shares;
	unsigned int nshares;
	struct conf_share *ipc;	    /* built in; never NULL */
	struct conf_share *homes;   /* points into shares, or NULL */
	struct conf_share defaults; /* what [global] says for every share */

	unsigned int nwarnings, nerrors;

	/* private to daemon/config/ */
	struct conf_arena *arena;
	unsigned int refs;
};

/* Where the figures for Prometheus are served. */
struct conf_metrics_listen {
	struct sockaddr_storage addr; /* AF_INET, AF_INET6 or AF_UNIX */
	socklen_t len;
};

/* ---- conf.c: loading and lifetime ---- */

enum conf_severity { CONF_WARNING, CONF_ERROR };

/*
 * Called for each finding while a file is read, with a whole sentence without a newline. file may
 * be NULL and line 0 for a finding about the configuration as a whole.
 */
typedef void (*conf_report_fn)(void *arg, enum conf_severity sev, const char *file,
			       unsigned int line, const char *sentence);

/*
 * Reads path (and what it includes). Returns a snapshot with one reference, also when there were
 * errors: *out is then the configuration without the bad lines, and the result is -EINVAL.
 * Without a readable file: -errno and *out is NULL. report may be NULL.
 */
int conf_load(const char *path, conf_report_fn report, void *arg, struct conf **out);

/* As conf_load(), from memory; name stands for the file in reports and includes are refused. */
int conf_parse(const char *text, size_t len, const char *name, conf_report_fn report, void *arg,
	       struct conf **out);

/* As conf_load(), with text in the place of what stands in path; path need not exist. */
int conf_load_text(const char *path, const char *text, size_t len, conf_report_fn report, void *arg,
		   struct conf **out);

struct conf *conf_get(struct conf *c);
void conf_put(struct conf *c);

static inline void conf_cleanup_putp(struct conf **c)
{
	if (*c)
		conf_put(*c);
}
#define _cleanup_conf_ __attribute__((__cleanup__(conf_cleanup_putp)))

/*
 * The share of this name, without regard to case; "IPC$" gives the built-in one. NULL: none.
 * [homes] is found by its own name only; a caller that knows the user asks conf_share_for() below.
 */
const struct conf_share *conf_share_find(const struct conf *c, const char *name);

/*
 * The share that a TREE_CONNECT to name means for this user: conf_share_find(), and if there is
 * none, [homes] when name is the user's own name (user may be NULL). "homes" itself means the own
 * home folder. *real (may be NULL) receives the name that %S stands for: the share's or the user's.
 */
const struct conf_share *conf_share_for(const struct conf *c, const char *name, const char *user,
					const char **real);

/* 1 to 80 characters of valid UTF-8 without those that Windows refuses; not "global". */
bool conf_share_name_ok(const char *name);

/* ---- substitute.c: %U, %m, %S ... ---- */

/* Values at the time of use. A NULL gives an empty string. */
struct conf_subst {
	const char *user;	 /* %U: name the client logged in with */
	const char *unix_user;	 /* %u: Unix user of the session or of force user */
	const char *group;	 /* %G: primary group of %U */
	const char *unix_group;	 /* %g: primary group of %u */
	const char *home;	 /* %H: home folder of %u */
	const char *share;	 /* %S */
	const char *path;	 /* %P: root of the share */
	const char *domain;	 /* %D: domain the client logged in with; default the workgroup */
	const char *netbios;	 /* %L: our NetBIOS name as called */
	const char *host;	 /* %h: host name; NULL: gethostname() */
	const char *client_name; /* %m: the client's NetBIOS name, as NTLMSSP said; address if
				    unknown */
	const char *client_ip;	 /* %I; also %M, as names are not looked up */
	const char *server_ip;	 /* %i */
	const char *protocol;	 /* %R: "SMB3_11" ... */
	const char *arch;	 /* %a */
	unsigned int pid;	 /* %d; 0: getpid() */
};

/*
 * A copy of s with every %-value put in (caller frees). Values from the client (%U %m %D and the
 * rest that it chooses) lose '/' and control characters, and a value of "." or ".." becomes "_",
 * so that a path stays inside the folder that the administrator wrote. %% is a percent sign; an
 * unknown letter stays as it is. %$(NAME) gives nothing: the environment is not the client's.
 */
char *conf_substitute(const char *s, const struct conf_subst *v);

/*
 * Root folder of a share (caller frees): `path` with its substitutions, or for [homes] without a
 * path v->home. NULL: the share has none (IPC$).
 */
char *conf_share_path(const struct conf_share *s, const struct conf_subst *v);

/* ---- match.c: lists of users, hosts, patterns ---- */

/* Is the user under test a member of this Unix group? Called for @name, +name and &name. */
typedef bool (*conf_in_group_fn)(void *arg, const char *group);

/*
 * Is user in list? Entries are names (compared without case), @group, +group, &group (all the Unix
 * group here) and %S, %U, %u by v (may be NULL). "DOMAIN\name" matches by the name.
 */
bool conf_user_in_list(const struct conf_list *list, const char *user, conf_in_group_fn in_group,
		       void *arg, const struct conf_subst *v);

/*
 * hosts allow and hosts deny as in hosts_access(5) and Samba: allow wins over deny; with only an
 * allow list others are refused, with only a deny list others are let in; loopback is let in
 * unless a deny list names it and no allow list does. Entries: address, address/bits,
 * address/netmask, "192.168.1." prefix, ALL, LOCAL, EXCEPT; IPv4-mapped IPv6 counts as IPv4.
 * Host names are never looked up (a resolver would block): such an entry never matches, and the
 * parser warns about it.
 */
bool conf_host_allowed(const struct conf_list *allow, const struct conf_list *deny,
		       const struct sockaddr *sa);
bool conf_host_in_list(const struct conf_list *list, const struct sockaddr *sa);

/* Does the word of `interfaces` mean this interface, or this address of it? */
bool conf_interface_is(const struct conf_interface *i, const char *name, const struct sockaddr *sa);
/* The first one that does; NULL: none. */
const struct conf_interface *conf_interface_find(const struct conf *c, const char *name,
						 const struct sockaddr *sa);

/*
 * Does one path component match a '/'-separated list of patterns ("/ *.tmp/.DS_Store/") with * and
 * ?; without regard to case unless case_sensitive. NULL or empty list: no. Linear in the length
 * of name times the length of the pattern at worst.
 */
bool conf_pattern_match(const char *list, const char *name, bool case_sensitive);

/* ---- value_guard.c ---- */

/* "90", "15 min", "2h", "1 day": seconds, or -EINVAL. */
int conf_parse_time(const char *text, uint32_t *seconds);
/* CPU numbers of a list of N and N-M; at most max. How many. */
unsigned int conf_cpus(const struct conf_list *l, uint16_t *out, unsigned int max);

/* ---- value_metrics.c ---- */

/* NULL, or how the value is written, behind the option's name. */
const char *conf_parse_metrics_listen(const char *text, struct conf_metrics_listen *out);

/* ---- print.c, manual.c: the table for people; the rows are in options.h ---- */

enum conf_scope { CONF_GLOBAL, CONF_SHARE };

/* Effective configuration in the syntax of the file; all: also what has its default value. */
void conf_print(const struct conf *c, FILE *f, bool all);
void conf_print_share(const struct conf *c, const struct conf_share *s, FILE *f, bool all);

/* The commented example file, and the option reference of the manual page (mdoc-free roff). */
void conf_print_example(FILE *f);
void conf_print_manual(FILE *f);

/* Names for messages and JSON. */
const char *conf_dialect_name(uint16_t dialect); /* "SMB3_11" ...; "?" */

#endif /* KH_CONFIG_H */
