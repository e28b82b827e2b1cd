// SPDX-License-Identifier: GPL-2.0-or-later
/* SIDs: text and wire, well-known names, Unix accounts; and tokens made of them. */
#include "vfs/acl.h"
#include "tap.h"

static void test_text(void)
{
	static const char *const good[] = {
		"S-1-1-0",	"S-1-5-21-1-2-3-4294967295",
		"S-1-5-32-544", "S-1-0x123456789abc-7",
		"S-1-5",	"S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15",
	};
	static const char *const bad[] = {
		"",	    "S",
		"S-",	    "S-1",
		"S-1-",	    "S-2-5-1",
		"S-1-5-",   "S-1-5-4294967296",
		"S-1-5--1", "S-1-281474976710656",
		"S-1-5-1x", " S-1-5-1",
		"S-1-5-1 ", "S-1-0x",
		"1-5-1",    "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
	};
	char buf[SID_STR_MAX];
	struct sid s;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		ok(!sid_parse(good[i], &s), good[i]);
		is_str(sid_format(&s, buf), good[i], "formats as it was");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(sid_parse(bad[i], &s) == -EINVAL, bad[i][0] ? bad[i] : "(empty)");
	memset(&s, 0xff, sizeof(s));
	s.num = SID_MAX_SUBS;
	ok(strlen(sid_format(&s, buf)) < SID_STR_MAX, "the longest text fits");
	is_str(sid_well_known_name(&sid_everyone), "Everyone", "a well-known name");
	ok(!sid_well_known_name(&s), "no name for any other");
}

static void test_wire(void)
{
	uint8_t buf[SID_WIRE_MAX];
	struct smb2_wr w = wr_init(buf, sizeof(buf));
	struct sid a, b;
	struct smb2_rd r;

	sid_parse("S-1-5-21-1-2-3-500", &a);
	sid_write(&w, &a);
	is_int((int64_t)w.off, 28, "28 bytes");
	r = rd_init(buf, w.off);
	sid_read(&r, &b);
	ok(rd_ok(&r) && sid_equal(&a, &b) && !memcmp(&a, &b, sizeof(a)), "reads back the same");
	for (size_t n = 0; n < 28; n++) {
		r = rd_init(buf, n);
		sid_read(&r, &b);
		if (rd_ok(&r))
			break;
	}
	ok(!rd_ok(&r), "no shorter one is accepted");
	buf[1] = 16;
	r = rd_init(buf, sizeof(buf));
	sid_read(&r, &b);
	ok(!rd_ok(&r), "sixteen sub-authorities are not");
}

static void test_accounts(void)
{
	struct sid dom, s;
	uint32_t id;

	is_int(sid_domain_generate(&dom), 0, "a domain");
	ok(dom.num == 4 && dom.sub[0] == 21, "S-1-5-21-x-y-z");
	acl_domain_set(&dom);
	s = sid_from_uid(1000);
	ok(sid_in_domain(&s, &dom, &id) && id == 3000, "uid 1000 is RID 3000");
	ok(sid_to_uid(&s, &id) && id == 1000, "and back");
	ok(!sid_to_gid(&s, &id), "and no group");
	s = sid_compose(&dom, 3001);
	ok(sid_to_gid(&s, &id) && id == 1000 && !sid_to_uid(&s, &id), "RID 3001 is gid 1000");
	s = sid_from_uid(0);
	ok(sid_in_domain(&s, &sid_unix_users, &id) && id == 0, "root is S-1-22-1-0");
	s = sid_from_uid(4000000000u);
	ok(sid_to_uid(&s, &id) && id == 4000000000u, "a uid beyond the RIDs");
	s = sid_from_gid(100);
	ok(sid_in_domain(&s, &sid_unix_groups, &id) && id == 100, "gid 100 is S-1-22-2-100");
	s = sid_compose(&dom, 500);
	ok(!sid_to_uid(&s, &id) && !sid_to_gid(&s, &id), "RIDs below 1000 are nobody");
	s = sid_compose(&sid_unix_users, UINT32_MAX);
	ok(!sid_to_uid(&s, &id), "uid -1 is nobody");
}

static void test_token(void)
{
	static const uint32_t groups[] = { 100, 10, 100, 20 };
	struct security_token *t = token_new(1000, 100, groups, ARRAY_SIZE(groups), 0);
	struct sid s = sid_from_uid(1000);

	is_int(t->ngroups, 2, "groups without repetition and without the primary one");
	ok(token_in_group(t, 20) && token_in_group(t, 100) && !token_in_group(t, 30), "in groups");
	ok(sid_equal(&t->sids[0], &s), "the user comes first");
	s = sid_from_gid(100);
	ok(sid_equal(&t->sids[1], &s), "then the primary group");
	s = sid_compose(&sid_unix_users, 1000);
	ok(token_has_sid(t, &s), "the other form of the user is in it");
	ok(token_has_sid(t, &sid_authenticated) && token_has_sid(t, &sid_everyone),
	   "well-known ones");
	ok(!t->is_admin && !t->privileges, "no privileges");
	token_free(t);
	t = token_new(65534, 65534, NULL, 0, TOKEN_GUEST);
	ok(!token_has_sid(t, &sid_authenticated) && token_has_sid(t, &sid_builtin_guests),
	   "a guest");
	token_free(t);
	t = token_new(65534, 65534, NULL, 0, TOKEN_ANONYMOUS);
	ok(sid_equal(&t->sids[0], &sid_anonymous) && !token_has_sid(t, &sid_authenticated),
	   "nobody");
	token_free(t);
	t = token_new(0, 0, NULL, 0, 0);
	ok(t->is_admin && t->privileges & PRIV_SECURITY, "root");
	token_free(t);
	ok(!token_new(1, 1, groups, TOKEN_MAX_GROUPS + 1, 0), "too many groups");
}

int main(void)
{
	test_text();
	test_wire();
	test_accounts();
	test_token();
	return done_testing();
}
