/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_conf.c - the configuration file: syntax, values, findings, includes, lists.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include "config/options.h"
#include "tap.h"

static char found[4096]; /* the findings of the last load, "E3:sentence\n" */

static void collect(void *arg, enum conf_severity sev, const char *file, unsigned int line,
		    const char *sentence)
{
	size_t n = strlen(found);

	(void)arg;
	(void)file;
	snprintf(found + n, sizeof(found) - n, "%c%u:%s\n", sev == CONF_ERROR ? 'E' : 'W', line,
		 sentence);
}

static struct conf *parse(const char *text)
{
	struct conf *c;

	found[0] = 0;
	conf_parse(text, strlen(text), "test.conf", collect, NULL, &c);
	return c;
}

static void has(const char *part, const char *name)
{
	if (!ok(strstr(found, part), name))
		diag("findings: %s", found);
}

static void test_defaults(void)
{
	_cleanup_conf_ struct conf *c = parse("");

	is_str(found, "", "an empty file has no findings");
	is_str(c->workgroup, "WORKGROUP", "default workgroup");
	is_int(c->nports, 1, "one port");
	is_int(c->ports[0], 445, "port 445");
	is_int(c->min_dialect, 0x0202, "oldest dialect");
	is_int(c->max_dialect, 0x0311, "newest dialect");
	is_int(c->max_read, 1 << 20, "1 MiB reads");
	is_int(c->deadtime, 10080 * 60, "deadtime in seconds");
	is_int(c->nciphers, 4, "four ciphers");
	is_int(c->ciphers[0], 2, "AES-128-GCM is first");
	is_int(c->nsigning_algs, 3, "three signing algorithms");
	is_int(c->signing_algs[0], 2, "GMAC is first");
	is_int(c->defaults.create_mask, 0744, "create mask");
	ok(c->defaults.read_only && c->defaults.browseable, "share defaults");
	ok(c->defaults.acl_xattr && c->defaults.streams_xattr, "acl_xattr and streams_xattr");
	ok(conf_share_find(c, "ipc$") == c->ipc, "IPC$ is built in");
	ok(!strchr(c->server_string, '%'), "the server string is substituted");
}

static void test_syntax(void)
{
	_cleanup_conf_ struct conf *c =
		parse("\xef\xbb\xbf# comment\r\n"
		      "  ; comment \\\n"
		      "[ Global ]\r\n"
		      "  WORK  group = \"My Group\"  \r\n"
		      "tcp port = 4450, 139\n"
		      "server\tsigning=Mandatory\n"
		      "hosts allow = 10. \\\n   192.168.0.0/16\\\n"
		      ",fe80::/10\n"
		      "write ok = yes\n"
		      "[Data]\npath = /srv/a b\nvalid users = a, \"b c\" @d\n"
		      "[data]\ncomment = again\n"
		      "[two]\npath=/x\nwriteable = no\ncreate mode = 660\n");
	const struct conf_share *s = conf_share_find(c, "DATA");

	is_str(found, "", "no findings");
	is_str(c->workgroup, "My Group", "case and spaces of a name do not count; quotes go");
	is_int(c->nports, 2, "two ports");
	is_int(c->ports[1], 139, "NetBIOS port");
	is_int(c->signing, CONF_SIGN_REQUIRED, "mandatory");
	is_int(c->hosts_allow.n, 3, "continued lines");
	is_str(c->hosts_allow.n == 3 ? c->hosts_allow.v[2] : "", "fe80::/10", "last word");
	is_int(c->nshares, 2, "a section that comes twice is one share");
	ok(s, "found without regard to case");
	if (!s)
		return;
	is_str(s->name, "Data", "name as written");
	is_str(s->path, "/srv/a b", "a path may have spaces");
	is_str(s->comment, "again", "second part of the section");
	is_str(s->valid_users.v[1], "b c", "quoted word");
	ok(!s->read_only, "default of [global]");
	ok(c->shares[1].read_only, "inverse synonym");
	is_int(c->shares[1].create_mask, 0660, "octal");
}

static void test_findings(void)
{
	_cleanup_conf_ struct conf *c = parse("[global]\n"
					      "wrokgroup = X\n"
					      "idmap config * : backend = tdb\n"
					      "printing = cups\n"
					      "xyzzy plugh = 1\n"
					      "log level = 3 auth:5\n"
					      "server min protocol = NT1\n"
					      "smb2 max read = lots\n"
					      "just words\n"
					      "[s]\n"
					      "path = relative\n"
					      "read only = perhaps\n"
					      "workgroup = Y\n"
					      "smb encrypt = maybe\n"
					      "[a/b]\n"
					      "[t] x\n"
					      "[u]\n");

	has("E2:unknown option \"wrokgroup\"; is \"workgroup\" meant?", "misspelt name");
	has("W3:\"idmap config * : backend\" is an option of Samba", "option with a module");
	has("W4:\"printing\" is an option of Samba", "option of Samba");
	has("E5:unknown option \"xyzzy plugh\"\n", "nothing is near");
	has("W6:\"log level\" has one level", "log classes");
	has("W7:", "SMB1");
	has("E8:\"smb2 max read\" is a size", "bad size");
	has("E9:\"just words\" is neither", "no = sign");
	has("is not absolute", "relative path");
	has("E12:\"read only\" is yes or no", "bad bool");
	has("W13:\"workgroup\" counts in [global] only", "global option in a share");
	has("E14:\"smb encrypt\" is one of if_required, desired, required, off; not", "bad enum");
	has("E15:[a/b] is no name", "bad share name");
	has("E16:a section is written", "junk after a section");
	has("[u] has no path", "no path");
	is_int(c->min_dialect, 0x0202, "NT1 becomes SMB2_02");
	is_int(c->max_read, 1 << 20, "a bad value leaves the default");
}

static void test_values(void)
{
	_cleanup_conf_ struct conf *c =
		parse("server smb3 encryption algorithms = -AES-128-CCM -AES-256-CCM\n"
		      "server smb3 signing algorithms = HMAC-SHA256 AES-128-CMAC\n"
		      "smb encrypt = required\nserver max protocol = SMB3_00\nmax disk size = 10\n"
		      "[a]\npath=/a\nsmb encrypt = off\nmax disk size = 3G\n"
		      "[b]\ncopy = A\npath = /b\n[c]\ncopy = nowhere\npath=/c\n");

	is_int(c->nciphers, 2, "taken from the default list");
	is_int(c->ciphers[1], 4, "AES-256-GCM stays");
	is_int(c->signing_algs[0], 0, "HMAC-SHA256 first");
	is_int(c->encrypt, CONF_ENCRYPT_REQUIRED, "encryption of the server");
	is_int(c->ipc->smb_encrypt, CONF_ENCRYPT_REQUIRED, "... and of IPC$");
	is_int(c->shares[0].smb_encrypt, CONF_ENCRYPT_OFF, "... but not of the share");
	is_int(c->defaults.max_disk_size, 10 << 20, "max disk size counts in MiB");
	is_int(c->shares[0].max_disk_size, 3ll << 30, "... unless it has a suffix");
	is_int(c->shares[1].smb_encrypt, CONF_ENCRYPT_OFF, "copy");
	is_str(c->shares[1].path, "/b", "... and what follows it counts");
	is_int(c->max_dialect, 0x0300, "SMB3_00");
	has("there is no such share further up", "copy of nothing");
}

static void test_homes(void)
{
	_cleanup_conf_ struct conf *c =
		parse("[homes]\n[anna]\npath=/a\n[p]\npath=/srv/%U/%m%%%q\n");
	struct conf_subst v = { .user = "../x", .client_name = "..", .home = "/home/bert" };
	_cleanup_free_ char *home = NULL, *path = NULL;
	const char *real;
	const struct conf_share *s;

	is_str(found, "", "homes needs no path");
	s = conf_share_for(c, "bert", "Bert", &real);
	ok(s && s->is_homes, "the user's own name is the home share");
	is_str(real, "Bert", "%S is the user");
	home = s ? conf_share_path(s, &v) : NULL;
	is_str(home, "/home/bert", "path of the home share");
	ok(!conf_share_for(c, "carl", "bert", NULL), "nobody else's");
	ok(conf_share_for(c, "ANNA", "anna", NULL) == &c->shares[1], "a share wins over a user");
	path = conf_share_path(&c->shares[2], &v);
	is_str(path, "/srv/..x/_%%q", "a client's words stay one component");
}

static bool in_group(void *arg, const char *group)
{
	(void)arg;
	return !strcmp(group, "staff");
}

static void test_users_and_patterns(void)
{
	_cleanup_conf_ struct conf *c =
		parse("[a]\npath=/a\nvalid users = anna DOM\\Bert @staff %S\n"
		      "[b]\npath=/a\nvalid users = +nobody\n");
	const struct conf_list *l = &c->shares[0].valid_users;
	struct conf_subst v = { .share = "carl" };

	ok(conf_user_in_list(l, "ANNA", NULL, NULL, NULL), "name");
	ok(conf_user_in_list(l, "bert", NULL, NULL, NULL), "name with a domain");
	ok(conf_user_in_list(l, "x", in_group, NULL, NULL), "group");
	ok(!conf_user_in_list(&c->shares[1].valid_users, "x", in_group, NULL, NULL), "other group");
	ok(conf_user_in_list(l, "carl", NULL, NULL, &v), "%S");
	ok(!conf_user_in_list(l, "dora", NULL, NULL, &v), "stranger");
	ok(conf_pattern_match("/*.tmp/.DS_Store/", "a.TMP", false), "star");
	ok(!conf_pattern_match("/*.tmp/", "a.TMP", true), "with regard to case");
	ok(conf_pattern_match("/.ds_store/", ".DS_Store", false), "whole name");
	ok(!conf_pattern_match("/.ds_store/", ".DS_Storex", false), "longer name");
	ok(conf_pattern_match("/?\xc3\xa9?/", "\xc3\xa4\xc3\x89z", false), "? is a character");
	ok(conf_pattern_match("/a*b*c/", "aXbXbXc", false), "several stars");
	ok(!conf_pattern_match(NULL, "x", false) && !conf_pattern_match("//", "", false), "empty");
}

static bool allowed(const char *conf, const char *ip)
{
	_cleanup_conf_ struct conf *c = parse(conf);
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, ip, &in.sin_addr) == 1)
		return conf_host_allowed(&c->hosts_allow, &c->hosts_deny, (void *)&in);
	inet_pton(AF_INET6, ip, &in6.sin6_addr);
	return conf_host_allowed(&c->hosts_allow, &c->hosts_deny, (void *)&in6);
}

static void test_hosts(void)
{
	static const struct {
		const char *conf, *ip;
		bool want;
	} t[] = {
		{ "", "1.2.3.4", true },
		{ "hosts allow = 10.", "10.1.2.3", true },
		{ "hosts allow = 10.", "100.1.2.3", false },
		{ "hosts allow = 10.", "::ffff:10.1.1.1", true },
		{ "hosts allow = 10.0.0.0/8 EXCEPT 10.1.0.0/16", "10.1.2.3", false },
		{ "hosts allow = 10.0.0.0/8 EXCEPT 10.1.0.0/16", "10.2.2.3", true },
		{ "hosts allow = ALL EXCEPT 10. EXCEPT 10.1.1.1", "10.1.1.1", true },
		{ "hosts allow = ALL EXCEPT 10. EXCEPT 10.1.1.1", "10.1.1.2", false },
		{ "hosts allow = 192.168.1.0/255.255.255.0", "192.168.1.77", true },
		{ "hosts allow = 192.168.1.0/255.255.255.0", "192.168.2.77", false },
		{ "hosts allow = 192.168.1.0/255.255.255.0", "127.0.0.1", true },
		{ "hosts deny = 127.0.0.1", "127.0.0.1", false },
		{ "hosts deny = 10.", "10.1.1.1", false },
		{ "hosts deny = 10.", "11.1.1.1", true },
		{ "hosts deny = ALL\nhosts allow = 10.", "10.1.1.1", true },
		{ "hosts deny = ALL\nhosts allow = 10.", "11.1.1.1", false },
		{ "hosts allow = fe80::/10 [2001:db8::1]", "fe80::1", true },
		{ "hosts allow = fe80::/10 [2001:db8::1]", "2001:db8::1", true },
		{ "hosts allow = fe80::/10 2001:db8::1", "2001:db8::2", false },
		{ "hosts allow = 0.0.0.0/0", "2001:db8::2", false },
		{ "hosts allow = 1.2.3.4/33", "1.2.3.4", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		_cleanup_free_ char *name = xasprintf("%s: %s", t[i].conf, t[i].ip);

		for (char *p = name; *p; p++)
			if (*p == '\n')
				*p = ' ';
		is_int(allowed(t[i].conf, t[i].ip), t[i].want, name);
	}
	conf_put(parse("hosts allow = server.example.com\n"));
	has("names \"server.example.com\"", "a host name is a warning");
}

static void write_file(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static void test_include(void)
{
	char dir[] = "/tmp/test_conf.XXXXXX";
	_cleanup_conf_ struct conf *c = NULL;
	_cleanup_free_ char *path = NULL, *rm = NULL, *db = NULL;
	struct conf *none;

	if (!mkdtemp(dir))
		return;
	write_file(dir, "a.conf", "workgroup = A\ninclude = b.conf\n[after]\npath = /x\n");
	write_file(dir, "b.conf",
		   "[shared]\npath = /s\ninclude = c.conf\ninclude = /nowhere/at/all\n");
	write_file(dir, "c.conf", "comment = from c\ninclude = a.conf\ninclude = %m.conf\n");
	path = xasprintf("%s/a.conf", dir);
	found[0] = 0;
	is_int(conf_load(path, collect, NULL, &c), -EINVAL, "errors in included files count");
	is_int(c->nshares, 2, "shares of all files");
	is_str(c->shares[0].comment, "from c", "an included file goes on in the section");
	has("it includes itself", "loop");
	has("E4:cannot include /nowhere/at/all: No such file", "missing file");
	has("W3:include = %m.conf is ignored", "include by client");
	db = xasprintf("%s/ksmbdpwd.db", dir);
	is_str(c->passdb_file, db, "accounts are beside the file");
	is_int(conf_load("/nowhere", NULL, NULL, &none), -ENOENT, "no file");
	ok(!none, "... and no configuration");
	rm = xasprintf("rm -r %s", dir);
	ok(!system(rm), "clean up");
}

/* What testconf -v prints must mean the same when it is read. */
static void test_round_trip(void)
{
	_cleanup_conf_ struct conf *c = parse(
		"workgroup=W\nsmb ports = 4450 139\ndeadtime = 7\nhosts allow = 10. EXCEPT 10.1.\n"
		"smb2 max read = 1M\nmax disk size = 2000\nserver min protocol = SMB3\n"
		"[a]\npath=/a\nvalid users = \"a b\" c\nread only=no\ncreate mask=0600\n");
	_cleanup_conf_ struct conf *again = NULL;
	_cleanup_free_ char *one = NULL, *two = NULL;
	size_t n;
	FILE *f = open_memstream(&one, &n);

	conf_print(c, f, true);
	fclose(f);
	again = parse(one);
	is_str(found, "", "its own output has no findings");
	f = open_memstream(&two, &n);
	conf_print(again, f, true);
	fclose(f);
	is_str(two, one, "printed, read and printed again is the same");
}

static void test_table(void)
{
	const struct conf_option *tables[] = { conf_global_options, conf_share_options };
	_cleanup_conf_ struct conf *c = parse("");
	bool inverse, good = true;
	char msg[CONF_MSG_MAX];

	for (size_t i = 0; i < 2; i++)
		for (const struct conf_option *o = tables[i]; o->doc; o++) {
			if (!o->name)
				continue;
			if (conf_option_find(o->scope, o->name, &inverse) != o ||
			    (o->def &&
			     conf_value_parse(c->arena, o, false, o->def, NULL,
					      o->scope ? (void *)&c->defaults : c, msg))) {
				diag("%s: %s", o->name, msg);
				good = false;
			}
		}
	ok(good, "every row is found by its name and has a default that parses");
	ok(conf_option_find(CONF_SHARE, "PUBLIC", &inverse), "synonym");
	is_int(conf_edit_distance("abcd", "abdc"), 1, "a swap is one step");
	is_int(conf_edit_distance("", "abc"), 3, "from nothing");
	is_str(conf_option_suggest("reed onyl"), "read only", "suggestion");
	ok(conf_foreign_option("Winbind Separator") && !conf_foreign_option("foo"),
	   "foreign names");
	ok(conf_foreign_option("zfsacl:denymissingspecial") &&
		   conf_foreign_option("abort shutdown script"),
	   "ends of the table");
}

int main(void)
{
	test_defaults();
	test_syntax();
	test_findings();
	test_values();
	test_homes();
	test_users_and_patterns();
	test_hosts();
	test_include();
	test_round_trip();
	test_table();
	return done_testing();
}
