/* SPDX-License-Identifier: GPL-2.0-or-later */
/* value_metrics.c - the value of `metrics listen`. */
#include <arpa/inet.h>
#include <sys/un.h>

#include "config/config.h"
#include "core/util.h"

static const char form[] = "is an address and a port such as 127.0.0.1:9445 or [::1]:9445, or the "
			   "path of a Unix socket";
static const char not_local[] =
	"is an address of this machine alone, such as 127.0.0.1:9445: who may read it is not "
	"asked for a name. Write \"unprotected\" behind it where that is meant";

static const char *parse_unix(const char *path, struct conf_metrics_listen *l)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&l->addr;

	if (strlen(path) >= sizeof(un->sun_path))
		return "is a path of at most 107 characters";
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	l->len = sizeof(*un);
	return NULL;
}

static bool is_loopback(const struct sockaddr_storage *ss)
{
	const struct in6_addr *a6 = &((const struct sockaddr_in6 *)ss)->sin6_addr;

	if (ss->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)ss)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(a6) || (IN6_IS_ADDR_V4MAPPED(a6) && a6->s6_addr[12] == 127);
}

static bool parse_inet(char *word, struct conf_metrics_listen *l)
{
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&l->addr;
	struct sockaddr_in *a4 = (struct sockaddr_in *)&l->addr;
	char *colon = strrchr(word, ':'), *end;
	unsigned long port;

	if (!colon || colon == word || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || !port || port > 65535)
		return false;
	*colon = 0;
	if (*word == '[' && colon[-1] == ']') {
		colon[-1] = 0;
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons((uint16_t)port);
		l->len = sizeof(*a6);
		return inet_pton(AF_INET6, word + 1, &a6->sin6_addr) == 1;
	}
	a4->sin_family = AF_INET;
	a4->sin_port = htons((uint16_t)port);
	l->len = sizeof(*a4);
	return inet_pton(AF_INET, word, &a4->sin_addr) == 1;
}

const char *conf_parse_metrics_listen(const char *text, struct conf_metrics_listen *l)
{
	char word[128], more[16] = "";
	int n;

	memset(l, 0, sizeof(*l));
	if (*text == '/')
		return parse_unix(text, l);
	n = sscanf(text, "%127s %15s", word, more);
	if (n < 1 || (n == 2 && strcmp(more, "unprotected") != 0) || !parse_inet(word, l))
		return form;
	return n == 2 || is_loopback(&l->addr) ? NULL : not_local;
}
