// SPDX-License-Identifier: GPL-2.0-or-later
/* Who may connect to which share, and as whom. */
#include "state/state.h"
#include "tap.h"

struct server server;
static struct conf *conf;

struct conf *server_conf(void)
{
	return conf_get(conf);
}

static const char text[] = "[open]\npath = /tmp\nread only = no\n"
			   "[ro]\npath = /tmp\nwrite list = ann\nread list = bob\n"
			   "[team]\npath = /tmp\nvalid users = ann @staff\ninvalid users = eve\n"
			   "[guests]\npath = /tmp\nguest ok = yes\nread only = no\n"
			   "[mine]\npath = /tmp\nvalid users = %S\n"
			   "[forced]\npath = /tmp\nforce user = daemon\nforce group = bin\n"
			   "[nobodyhere]\npath = /tmp\nforce user = no-such-user-here\n"
			   "[admin]\npath = /tmp\nadmin users = ann\nread only = no\n"
			   "[few]\npath = /tmp\nmax connections = 1\n"
			   "[homes]\nread only = no\n";

static struct session *login(const char *user, bool guest, bool anonymous)
{
	static gid_t groups[] = { 1000 };
	struct session *s = session_new();

	s->user = xstrdup(user);
	s->guest = guest;
	s->anonymous = anonymous;
	s->unix_id = (struct unix_identity) { .uid = 1000,
					      .gid = 1000,
					      .groups = memcpy(xmalloc(sizeof(groups)), groups,
							       sizeof(groups)),
					      .ngroups = 1,
					      .name = xstrdup(user),
					      .group = xstrdup("users"),
					      .home = xstrdup("/tmp") };
	s->identity = identity_new(1000, 1000, groups, 1);
	s->token = token_new(1000, 1000, groups, 1, guest ? TOKEN_GUEST : 0);
	atomic_store(&s->state, SESSION_VALID);
	return s;
}

/* The tree that s gets; freed by the caller. *status says how that went. */
static struct tree *admit(struct session *s, const char *name, ntstatus *status)
{
	struct tree *t = tree_new();
	struct conf_subst v = { .user = s->user, .share = name };
	const char *real;

	t->conf = server_conf();
	t->share = conf_share_for(conf, name, s->user, &real);
	v.share = real;
	t->name = xstrdup(real);
	*status = share_admit(t, s, &v);
	return t;
}

static void expect(struct session *s, const char *share, ntstatus want, bool read_only)
{
	char what[128];
	ntstatus got;
	struct tree *t = admit(s, share, &got);

	snprintf(what, sizeof(what), "%s on %s", s->user, share);
	is_str(nt_name(got), nt_name(want), what);
	if (want == NT_STATUS_SUCCESS)
		is_int(t->read_only, read_only, "read only");
	tree_put(t);
}

static void test_lists(struct session *ann, struct session *bob, struct session *eve)
{
	expect(ann, "open", NT_STATUS_SUCCESS, false);
	expect(ann, "ro", NT_STATUS_SUCCESS, false);
	expect(bob, "ro", NT_STATUS_SUCCESS, true);
	expect(eve, "ro", NT_STATUS_SUCCESS, true);
	expect(ann, "team", NT_STATUS_SUCCESS, true);
	expect(bob, "team", NT_STATUS_ACCESS_DENIED, false);
	expect(eve, "team", NT_STATUS_ACCESS_DENIED, false);
	expect(bob, "mine", NT_STATUS_ACCESS_DENIED, false);
	expect(bob, "bob", NT_STATUS_SUCCESS, false);
	expect(bob, "nobodyhere", NT_STATUS_ACCESS_DENIED, false);
}

static void test_guests(void)
{
	struct session *guest = login("nobody", true, false), *anon = login("nobody", false, true);

	expect(guest, "open", NT_STATUS_ACCESS_DENIED, false);
	expect(guest, "guests", NT_STATUS_SUCCESS, false);
	expect(anon, "open", NT_STATUS_ACCESS_DENIED, false);
	expect(anon, "IPC$", NT_STATUS_SUCCESS, false);
	session_destroy(guest);
	session_destroy(anon);
	session_put(guest);
	session_put(anon);
}

static void test_identity(struct session *ann, struct session *bob)
{
	ntstatus status;
	struct tree *t = admit(bob, "forced", &status);

	is_str(nt_name(status), "SUCCESS", "force user");
	ok(t->identity && t->identity->uid == 1 && t->identity->gid == 2, "daemon, of group bin");
	ok(t->token && t->token->uid == 1 && t->token != bob->token, "and a token of its own");
	tree_put(t);
	t = admit(ann, "admin", &status);
	ok(t->token && t->token->is_admin && t->identity->uid == 0, "admin users act as root");
	tree_put(t);
	t = admit(bob, "admin", &status);
	ok(t->token == bob->token && t->identity == bob->identity, "others as themselves");
	tree_put(t);
}

static void test_cache(struct session *ann)
{
	const struct conf_share *open = conf_share_find(conf, "open");
	const struct conf_share *few = conf_share_find(conf, "few");
	struct vfs_share *a, *b;
	ntstatus status;

	a = share_open(conf, open, "open", "/tmp", &status);
	b = share_open(conf, open, "open", "/tmp", &status);
	ok(a && a == b, "two tree connects share one root");
	is_int(share_users("OPEN"), 2, "both are counted");
	share_close(a);
	share_close(b);
	is_int(share_users("open"), 0, "none is left");
	ok(!share_open(conf, open, "open", "/tmp/no such folder", &status), "no folder");
	is_str(nt_name(status), "BAD_NETWORK_NAME", "says so");
	a = share_open(conf, few, "few", "/tmp", &status);
	b = share_open(conf, few, "few", "/tmp", &status);
	ok(a && !b, "max connections = 1");
	is_str(nt_name(status), "REQUEST_NOT_ACCEPTED", "says so");
	share_close(a);
	a = share_open(conf, few, "few", "/tmp", &status);
	ok(a != NULL, "there is room again");
	share_close(a);
}

static void test_trees(struct session *ann)
{
	struct tree *t = tree_new(), *u = tree_new(), *third = tree_new();

	ok(tree_add(ann, t, 2) && tree_add(ann, u, 2), "two trees");
	ok(t->id && t->id != u->id, "with different ids");
	ok(tree_find(ann, t->id) == t, "found");
	tree_put(t);
	is_int(tree_add(ann, third, 2), 0, "a third is too many");
	tree_destroy(ann, t);
	ok(!tree_find(ann, t->id), "gone");
	tree_destroy(ann, t);
	is_int(ann->ntrees, 1, "once only");
	tree_put(t);
	tree_put(u);
	tree_put(third);
}

int main(void)
{
	struct session *ann, *bob, *eve;

	conf_parse(text, sizeof(text) - 1, "test", NULL, NULL, &conf);
	if (!conf)
		return 1;
	ann = login("ann", false, false);
	bob = login("bob", false, false);
	eve = login("eve", false, false);
	test_lists(ann, bob, eve);
	test_guests();
	test_identity(ann, bob);
	test_cache(ann);
	test_trees(ann);
	session_destroy(ann);
	session_destroy(bob);
	session_destroy(eve);
	session_put(ann);
	session_put(bob);
	session_put(eve);
	conf_put(conf);
	return done_testing();
}
