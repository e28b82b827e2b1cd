/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options_global.c - every option of [global] that is not a default for shares.
 */
#include "config/options.h"

#include "kh_maps.h"
#include "core/log.h"

#define HEADING(text)       \
	{                   \
		.doc = text \
	}
#define OPT(n, syn, t, f, d) \
	.name = n, .synonyms = syn, .type = CONF_T_##t, .off = offsetof(struct conf, f), .def = d
#define ARR(n, syn, t, f, fn, d)                                      \
	OPT(n, syn, t, f, d), .off_count = offsetof(struct conf, fn), \
			      .cap = ARRAY_SIZE(((struct conf *)0)->f)

static const char no_smb1[] = "SMB1 is not offered; SMB2_02 is the oldest dialect";

/* MS-SMB2 2.2.3, DialectRevision. */
static const struct conf_enum dialects[] = {
	{ "SMB2_02", 0x0202 },
	{ "SMB2_10", 0x0210 },
	{ "SMB3_00", 0x0300 },
	{ "SMB3_02", 0x0302 },
	{ "SMB3_11", 0x0311 },
	{ "SMB2", 0x0210 },
	{ "SMB3", 0x0311 },
	{ "SMB2.0", 0x0202 },
	{ "SMB2.1", 0x0210 },
	{ "SMB3.0", 0x0300 },
	{ "SMB3.1.1", 0x0311 },
	{ "SMB2_22", 0x0210 },
	{ "SMB2_24", 0x0210 },
	{ "SMB3_10", 0x0311 },
	{ "default", 0 },
	{ "NT1", 0x0202, no_smb1 },
	{ "LANMAN2", 0x0202, no_smb1 },
	{ "LANMAN1", 0x0202, no_smb1 },
	{ "COREPLUS", 0x0202, no_smb1 },
	{ "CORE", 0x0202, no_smb1 },
	{ NULL },
};

static const struct conf_enum signing_values[] = {
	{ "auto", CONF_SIGN_AUTO },	    { "mandatory", CONF_SIGN_REQUIRED },
	{ "disabled", CONF_SIGN_DISABLED }, { "default", CONF_SIGN_AUTO },
	{ "enabled", CONF_SIGN_AUTO },	    { "desired", CONF_SIGN_AUTO },
	{ "if_required", CONF_SIGN_AUTO },  { "yes", CONF_SIGN_AUTO },
	{ "true", CONF_SIGN_AUTO },	    { "1", CONF_SIGN_AUTO },
	{ "on", CONF_SIGN_AUTO },	    { "required", CONF_SIGN_REQUIRED },
	{ "force", CONF_SIGN_REQUIRED },    { "forced", CONF_SIGN_REQUIRED },
	{ "enforced", CONF_SIGN_REQUIRED }, { "no", CONF_SIGN_DISABLED },
	{ "off", CONF_SIGN_DISABLED },	    { "false", CONF_SIGN_DISABLED },
	{ "0", CONF_SIGN_DISABLED },	    { NULL },
};

static const struct conf_enum kernel_path_values[] = {
	{ "auto", CONF_AUTO }, { "yes", CONF_YES },
	{ "true", CONF_YES },  { "1", CONF_YES },
	{ "on", CONF_YES },    { "no", CONF_NO },
	{ "false", CONF_NO },  { "0", CONF_NO },
	{ "off", CONF_NO },    { NULL },
};

static const struct conf_enum steer_values[] = {
	{ "auto", CONF_STEER_AUTO },
	{ "cpu", KH_STEER_CPU },
	{ "client", KH_STEER_CLIENT },
	{ "numa", KH_STEER_NUMA },
	{ "round-robin", KH_STEER_ROUND_ROBIN },
	{ "none", KH_STEER_NONE },
	{ NULL },
};

/* MS-SMB2 2.2.3.1.2 and 2.2.3.1.7. */
static const struct conf_enum ciphers[] = {
	{ "AES-128-GCM", 2 },
	{ "AES-128-CCM", 1 },
	{ "AES-256-GCM", 4 },
	{ "AES-256-CCM", 3 },
	{ NULL },
};
static const struct conf_enum signing_algs[] = {
	{ "AES-128-GMAC", 2 }, { "AES-128-CMAC", 1 }, { "HMAC-SHA256", 0 },
	{ "AES-GMAC", 2 },     { "AES-CMAC", 1 },     { NULL },
};

/* Bits of log_debug_mask, counted from 1. */
static const struct conf_enum components[] = {
	{ "none", 0 },
	{ "all", CONF_DEBUG_ALL },
#define X(NAME, name, what) { #name, LOG_##NAME + 1 },
	LOG_COMPONENT_LIST(X)
#undef X
		{ NULL },
};

static const struct conf_enum guest_values[] = {
	{ "never", CONF_GUEST_NEVER },
	{ "bad user", CONF_GUEST_BAD_USER },
	{ "bad password", CONF_GUEST_BAD_PASSWORD },
	{ "bad uid", CONF_GUEST_BAD_USER },
	{ NULL },
};

static const struct conf_enum ntlm_values[] = {
	{ "ntlmv2-only", CONF_NTLM_V2_ONLY },
	{ "ntlmv1-permitted", CONF_NTLM_V1_PERMITTED },
	{ "disabled", CONF_NTLM_DISABLED },
	{ "mschapv2-and-ntlmv2-only", CONF_NTLM_V2_ONLY },
	{ "no", CONF_NTLM_V2_ONLY },
	{ "yes", CONF_NTLM_V1_PERMITTED },
	{ NULL },
};

static const struct conf_enum xdp_modes[] = {
	{ "auto", CONF_XDP_AUTO },     { "native", CONF_XDP_NATIVE },
	{ "driver", CONF_XDP_NATIVE }, { "generic", CONF_XDP_GENERIC },
	{ "skb", CONF_XDP_GENERIC },   { NULL },
};

const struct conf_option conf_global_options[] = {
	HEADING("Who the server is"),
	{ OPT("workgroup", NULL, STRING, workgroup, "WORKGROUP"),
	  .doc = "Workgroup or domain name that clients see and that NTLMSSP sends as the "
		 "target." },
	{ OPT("netbios name", NULL, STRING, netbios_name, NULL), .def_doc = "the host's name",
	  .doc = "Name of the server, at most 15 characters." },
	{ OPT("server string", "comment string", STRING, server_string, "ksmbd-hybrid on %h"),
	  .doc = "Comment beside the server in a browse list." },

	HEADING("Where it listens"),
	{ ARR("smb ports", "tcp port,ports", PORTS, ports, nports, "445"),
	  .doc = "TCP ports. Port 139 speaks NetBIOS session framing, every other one SMB "
		 "directly." },
	{ OPT("interfaces", NULL, LIST, interfaces, NULL), .def_doc = "all",
	  .doc = "Interface names (also with * and ?), addresses, or address/prefix. What "
		 "`bind interfaces only` listens on, and what multichannel clients are told. As "
		 "they choose by speed and receive-side scaling, a word may say it where the "
		 "driver does not: \"eth0;speed=10000000000,capability=RSS\", in quotes; "
		 "capability=none denies it, if_index=N is another index." },
	{ OPT("bind interfaces only", NULL, BOOL, bind_interfaces_only, "no"),
	  .doc = "Listens on `interfaces` only, not on every address of the machine." },
	{ OPT("hosts allow", "allow hosts", HOSTS, hosts_allow, NULL), .def_doc = "everybody",
	  .doc = "Who may connect: addresses, address/bits, address/netmask, 192.168.1. (a "
		 "prefix), "
		 "ALL, LOCAL, and EXCEPT followed by who is left out. In [global] it is looked at "
		 "when a connection arrives, in a share when it is opened. Host names are not "
		 "looked "
		 "up. Allow wins over `hosts deny`." },
	{ OPT("hosts deny", "deny hosts", HOSTS, hosts_deny, NULL), .def_doc = "nobody",
	  .doc = "Who may not connect; the same form. With `hosts allow` and without this, all who "
		 "are not allowed are refused." },
	{ OPT("server multi channel support", NULL, BOOL, multi_channel, "yes"),
	  .doc = "Lets an SMB 3 client use several connections for one session." },

	HEADING("Protocol"),
	{ OPT("server min protocol", "min protocol,protocol min", ENUM16, min_dialect, "SMB2_02"),
	  .values = dialects,
	  .doc = "Oldest dialect that is accepted: `SMB2_02`, `SMB2_10`, `SMB3_00`, `SMB3_02` or "
		 "`SMB3_11`." },
	{ OPT("server max protocol", "max protocol,protocol", ENUM16, max_dialect, "SMB3_11"),
	  .values = dialects, .doc = "Newest dialect that is offered." },
	{ OPT("server signing", NULL, ENUM, signing, "auto"), .values = signing_values,
	  .doc = "`auto` signs when the client wants it, `mandatory` always. `disabled` does not "
		 "ask "
		 "for it, but SMB 2 does not let a server refuse a client that insists." },
	{ ARR("server smb3 encryption algorithms", NULL, ENUM_LIST, ciphers, nciphers,
	      "AES-128-GCM AES-128-CCM AES-256-GCM AES-256-CCM"),
	  .values = ciphers,
	  .doc = "Ciphers, best first. Words that all start with - take from the default list." },
	{ ARR("server smb3 signing algorithms", NULL, ENUM_LIST, signing_algs, nsigning_algs,
	      "AES-128-GMAC AES-128-CMAC HMAC-SHA256"),
	  .values = signing_algs,
	  .doc = "Signing algorithms of SMB 3.1.1, best first; - as above. Older dialects have one "
		 "each, which stays." },
	{ OPT("smb2 max read", NULL, SIZE32, max_read, "1M"), .min = 65536, .max = 8 << 20,
	  .doc = "Most bytes in one READ. More than 1M leaves the caches before it is sent." },
	{ OPT("smb2 max write", NULL, SIZE32, max_write, "1M"), .min = 65536, .max = 8 << 20,
	  .doc = "Most bytes in one WRITE." },
	{ OPT("smb2 max trans", NULL, SIZE32, max_trans, "8M"), .min = 65536, .max = 8 << 20,
	  .doc = "Most bytes in one QUERY, SET, IOCTL or directory listing." },
	{ OPT("smb2 max credits", NULL, UINT, max_credits, "8192"), .min = 64, .max = 8192,
	  .doc = "Most requests of 64 KiB that one connection may have on the way." },
	{ OPT("smb1 negotiate", NULL, BOOL, smb1_negotiate, "yes"),
	  .doc = "Answers an old client's SMB1 multi-protocol NEGOTIATE that names SMB 2 with SMB "
		 "2. "
		 "SMB1 itself is never spoken." },
	{ OPT("smb3 unix extensions", "posix extensions,unix extensions", BOOL, posix_extensions,
	      "yes"),
	  .doc = "Offers the SMB 3.1.1 POSIX extensions to clients that ask (Linux cifs.ko)." },

	HEADING("Who may log in"),
	{ OPT("passdb file", "smb passwd file", PATH, passdb_file, NULL),
	  .def_doc = "ksmbdpwd.db beside the configuration file",
	  .doc = "Accounts, in the format of ksmbd-tools. `ksmbd-hybrid adduser` writes it." },
	{ OPT("username map", NULL, PATH, username_map, NULL), .def_doc = "none",
	  .doc = "File with lines \"unixuser = name ...\": which Unix user a login name is. * "
		 "stands "
		 "for every name, @group for the members of a Unix group, and a ! in front ends "
		 "the "
		 "search at that line." },
	{ OPT("map to guest", NULL, ENUM, map_to_guest, "never"), .values = guest_values,
	  .doc = "`bad user`: who logs in by an unknown name becomes the guest. `bad password`: "
		 "who "
		 "mistypes a password, too. `never`: both are refused." },
	{ OPT("guest account", NULL, STRING, guest_account, "nobody"),
	  .doc = "Unix user that a guest is." },
	{ OPT("restrict anonymous", NULL, UINT, restrict_anonymous, "2"), .max = 2,
	  .doc = "2: no anonymous sessions. 1, 0: an anonymous session may list the shares by "
		 "IPC$, "
		 "as with Samba's default of 0." },
	{ OPT("ntlm auth", NULL, ENUM, ntlm_auth, "ntlmv2-only"), .values = ntlm_values,
	  .doc = "`ntlmv2-only`, `ntlmv1-permitted` (weak: for very old clients), or `disabled`." },
	{ OPT("null passwords", NULL, BOOL, null_passwords, "no"),
	  .doc = "Lets accounts with an empty password log in." },
	{ OPT("kerberos service name", NULL, STRING, kerberos_service, NULL), .later = true,
	  .def_doc = "cifs/ and the host's name", .doc = "Principal of the server in the keytab." },
	{ OPT("kerberos keytab file", "dedicated keytab file", PATH, kerberos_keytab, NULL),
	  .later = true, .def_doc = "the system's keytab",
	  .doc = "Keytab with the key of `kerberos service name`." },

	HEADING("Limits"),
	{ OPT("max connections", NULL, UINT, max_connections, "0"),
	  .doc = "Connections to the server, or in a section users of the share; 0 is no limit." },
	{ OPT("max connections per source", "max ip connections", UINT, max_connections_per_source,
	      "0"),
	  .doc = "Connections from one address; 0 is no limit." },
	{ OPT("max pre-auth connections", "max preauth connections", UINT, max_preauth_connections,
	      "1024"),
	  .doc = "Connections that have not logged in yet. When there are as many, further ones "
		 "wait in the kernel's queue until some have, and those that are silent for 5 "
		 "seconds are closed. 0 is no limit." },
	{ OPT("preauth timeout", "pre-auth timeout", UINT, preauth_timeout, "30"), .max = 3600,
	  .doc = "Seconds that a connection may take to log in; 0 is for ever." },
	{ OPT("deadtime", NULL, UINT, deadtime, "10080"), .scale = 60, .max = 525600,
	  .doc = "Minutes without a request after which a connection with no open file is closed; "
		 "0 "
		 "is never." },
	{ OPT("keepalive", NULL, UINT, keepalive, "300"), .later = true, .max = 86400,
	  .doc = "Seconds of silence after which TCP asks whether the client is still there; 0 "
		 "leaves it to the kernel." },
	{ OPT("ipc timeout", NULL, UINT, ipc_timeout, "20"), .later = true, .max = 3600,
	  .doc = "Seconds that a helper process has for an answer." },
	{ OPT("max open files", NULL, UINT, max_open_files, "16384"), .min = 16, .max = 1 << 20,
	  .doc = "Open files of one connection." },
	{ OPT("max durable handles", NULL, UINT, max_durable_handles, "16384"), .max = 1 << 20,
	  .doc = "Open files that wait for clients whose connection was lost, of all shares; of "
		 "too "
		 "many, those that wait longest are closed. See `durable handles`." },
	{ OPT("max sessions per connection", NULL, UINT, max_sessions, "1024"), .min = 1,
	  .max = 65535, .doc = "Sessions of one connection." },
	{ OPT("max trees per session", NULL, UINT, max_trees, "4096"), .min = 1, .max = 65535,
	  .doc = "Shares that one session may have connected." },
	{ OPT("max inflight bytes", NULL, SIZE64, max_inflight, "64M"), .min = 9 << 20,
	  .max = 1ull << 40,
	  .doc = "Bytes of requests and replies that one connection may hold in memory. Beyond it, "
		 "the server stops reading from that connection until some have gone." },

	HEADING("The guard"),
	{ OPT("auth block", NULL, AUTH_BLOCK, auth_block, "no"),
	  .doc = "Blocks an address from which too many logins failed: `10 failures in 60 s for 15 "
		 "min`. Times are seconds, or have `s`, `min`, `h` or `d` behind them. Addresses "
		 "of "
		 "this machine are never blocked. `ksmbd-hybrid block` shows and changes the "
		 "list." },
	{ OPT("auth block allow", NULL, HOSTS, auth_block_allow, NULL), .def_doc = "nobody",
	  .doc = "Who is never blocked for failed logins; the form of `hosts allow`. A terminal "
		 "server or a NAT gateway, behind which many people are one address, belongs "
		 "here." },
	{ OPT("ipv6 source bits", NULL, UINT, ipv6_source_bits, "128"), .min = 32, .max = 128,
	  .doc = "How many bits of an IPv6 address are one source, for `auth block` and `syn "
		 "rate`. "
		 "128 is one address; 64, a whole network, where strangers are, who choose their "
		 "address as they like." },
	{ OPT("xdp interfaces", NULL, LIST, xdp_interfaces, NULL), .def_doc = "none",
	  .doc = "Interfaces that an XDP program guards before packets reach the network stack: "
		 "it counts what comes for `smb ports`, drops what is blocked and limits new "
		 "connections (`syn rate`). It needs CAP_BPF and CAP_NET_ADMIN. What it costs, and "
		 "does to an interface: see XDP GUARD in ksmbd-hybrid(8). Blocks and limits hold "
		 "for "
		 "forwarded packets too, where this machine is a router." },
	{ OPT("xdp mode", NULL, ENUM, xdp_mode, "auto"), .values = xdp_modes,
	  .doc = "`native`: in the driver; the server does not start if it cannot be. `generic`: "
		 "in "
		 "the network stack; slower, for every interface. `auto`: native where the driver "
		 "can, "
		 "else generic." },
	{ OPT("xdp cpus", NULL, CPUS, xdp_cpus, NULL), .def_doc = "none",
	  .doc = "CPUs over which connections are spread (`2 4-7`), for a NIC with fewer queues "
		 "than the machine has CPUs. In native mode only." },
	{ OPT("syn rate", NULL, RATE, syn_rate, NULL), .def_doc = "no limit",
	  .doc = "How many connections a second one source may begin, such as `100/second burst "
		 "200`: what is above is dropped by the XDP program. Without burst, as many as in "
		 "a second. An XDP program is needed." },

	HEADING("The process"),
	{ OPT("log file", NULL, PATH, log_file, NULL), .def_doc = "standard error, or the journal",
	  .doc = "Where messages go." },
	{ OPT("log level", "debug level,debuglevel", LOGLEVEL, log_level, "1"), .max = 10,
	  .doc = "0 errors, 1 warnings and notices, 2 information, 3 and more for finding faults: "
		 "as "
		 "`debug components = all`. "
		 "Samba's \"level class:level\" takes the first number." },
	{ ARR("debug components", NULL, ENUM_LIST, debug_components, ndebug_components, "none"),
	  .values = components,
	  .doc = "Of which parts of the server debug lines are logged, from its start on: "
		 "`smb`, `auth`, `vfs`, `oplock`, `ipc`, `conn`, `rdma`, `kernel`, `bpf`, "
		 "`config`, or `all`. `ksmbd-hybrid debug` changes it while the server runs." },
	{ OPT("metrics listen", NULL, METRICS, metrics_listen, NULL), .def_doc = "nowhere",
	  .doc = "Where the server answers GET /metrics with its figures for Prometheus: an "
		 "address "
		 "of this machine alone such as `127.0.0.1:9445`, or the path of a Unix socket "
		 "(mode 0600). There is no login; with the word `unprotected` behind it, another "
		 "address is taken too. `ksmbd-hybrid metrics` prints the same without it." },
	{ OPT("run directory", "pid directory,lock directory,lock dir", PATH, run_dir, NULL),
	  .def_doc = "/run/ksmbd-hybrid, and below it a folder per instance",
	  .doc = "Folder of the pid file and the control socket." },
	{ OPT("worker threads", NULL, UINT, worker_threads, "0"), .max = 1024,
	  .doc = "Threads for what can block (open, readdir, fsync); 0 chooses by the number of "
		 "CPUs." },
	{ OPT("reactors", NULL, UINT, reactors, "0"), .max = 1024,
	  .doc = "Threads that serve the network; 0 is one per CPU that the daemon may use. A "
		 "reload may change it, up to the number of CPUs: connections stay where they are, "
		 "new ones go to the threads that there are now." },
	{ OPT("busy poll", NULL, UINT, busy_poll, "20"), .max = 1000,
	  .doc = "Microseconds that such a thread looks for the next request before it sleeps, as "
		 "long as that finds some: a client that asks one thing at a time is answered "
		 "sooner, for more CPU time. 0 is never; so it is with a single CPU." },
	{ OPT("bpf group", NULL, STRING, bpf_group, NULL), .def_doc = "root alone",
	  .doc = "A Unix group that may read the BPF maps of the server, and so use `ksmbd-hybrid "
		 "status` and `top` without being root. They hold names of users, clients and open "
		 "files; no passwords, no keys and no content of files. Others may then pass "
		 "through /sys/fs/bpf." },
	{ OPT("steer", NULL, ENUM, steer, "auto"), .values = steer_values,
	  .doc = "Which of the `reactors` a new connection goes to. `cpu`: that of the CPU that "
		 "received it, for network cards with a queue per CPU. `client`: one for all "
		 "connections of an address. `numa`: one of the memory node of that CPU. "
		 "`round-robin`: one after the other. `none`: the kernel's hash of addresses and "
		 "ports. `auto`: `cpu` when a device that is listened on has more than one receive "
		 "queue, else `round-robin`. Without BPF there are `cpu` (SO_INCOMING_CPU) and "
		 "`none`; `ksmbd-hybrid status` says what is in force, `ksmbd-hybrid tune "
		 "steer=MODE` changes it until the next reload." },
	{ OPT("kernel path", NULL, ENUM, kernel_path, "auto"), .values = kernel_path_values,
	  .doc = "Whether connections that move data are handed to the kernel module ksmbd_hybrid. "
		 "auto: where it is there; yes: without it, the server does not start; no: never. "
		 "The answers that clients get are the same." },
	{ 0 },
};
