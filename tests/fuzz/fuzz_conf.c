/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_conf.c - the configuration file, and what is done with its values later: matching,
 * substituting, printing. The first line of the input is a name to match with.
 */
#include <netinet/in.h>

#include "auth/users.h"
#include "config/config.h"
#include "core/utf16.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_share(const struct conf_share *s, const char *name)
{
	struct conf_subst v = { .user = name, .client_name = name, .share = s->name, .home = "/h" };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = 0x0101010a };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	free(conf_share_path(s, &v));
	conf_user_in_list(&s->valid_users, name, NULL, NULL, &v);
	conf_pattern_match(s->veto_files, name, false);
	conf_host_allowed(&s->hosts_allow, &s->hosts_deny, (struct sockaddr *)&in);
	conf_host_allowed(&s->hosts_allow, &s->hosts_deny, (struct sockaddr *)&in6);
}

/* What is printed must be read without an error, and mean the same. */
static void round_trip(const struct conf *c)
{
	struct conf *again;
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		return;
	conf_print(c, f, false);
	fclose(f);
	conf_parse(text, n, "again", NULL, NULL, &again);
	if (again->nshares != c->nshares)
		__builtin_trap();
	conf_put(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = size ? memchr(data, '\n', size) : NULL;
	char name[64] = "", mapped[USERS_NAME_MAX];
	struct conf *c;
	char *text;

	if (size > 65536)
		return 0;
	if (nl)
		memcpy(name, data, MIN((size_t)(nl - data), sizeof(name) - 1));
	if (utf8_utf16_len(name, strlen(name)) < 0)
		name[0] = 0;
	conf_parse((const char *)data, size, "fuzz.conf", NULL, NULL, &c);
	use_share(&c->defaults, name);
	for (unsigned int i = 0; i < c->nshares; i++)
		use_share(&c->shares[i], name);
	conf_share_for(c, name, name, NULL);
	if (!c->nerrors)
		round_trip(c);
	conf_put(c);
	text = xstrndup((const char *)data, size);
	if (!strpbrk(text, "@+&")) /* no name service in a fuzzer */
		usermap_find(text, name, mapped);
	free(text);
	return 0;
}
