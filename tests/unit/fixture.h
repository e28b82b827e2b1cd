/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fixture.h - for tests of what is done with open files: a session that is logged in, and its tree
 * on the share "s", a new folder below /tmp.
 */
#ifndef KH_FIXTURE_H
#define KH_FIXTURE_H

#include <stdlib.h>

#include "state/state.h"

struct server server;
static struct conf *conf;
static struct session *session;
static struct tree *tree;
static char fixture_dir[] = "/tmp/khd-unit-XXXXXX";

struct conf *server_conf(void)
{
	return conf_get(conf);
}

static bool fixture_begin(void)
{
	_cleanup_free_ char *text = NULL;
	ntstatus status;

	log_level = LOG_LEVEL_ERR;
	if (!mkdtemp(fixture_dir))
		return false;
	text = xasprintf("[s]\npath = %s\nread only = no\n", fixture_dir);
	conf_parse(text, strlen(text), "test", NULL, NULL, &conf);
	session = session_new();
	atomic_store(&session->state, SESSION_VALID);
	session->nchannels = 1; /* without one it would be on its end */
	tree = tree_new();
	tree->conf = server_conf();
	tree->share = conf_share_find(conf, "s");
	tree->vfs = share_open(conf, tree->share, "s", fixture_dir, &status);
	return tree->vfs && tree_add(session, tree, 0);
}

/* False: the folder stays. */
static bool fixture_end(void)
{
	_cleanup_free_ char *rm = xasprintf("rm -rf %s", fixture_dir);

	tree_put(tree);
	session_destroy(session);
	session_put(session);
	conf_put(conf);
	return system(rm) == 0;
}

#endif /* KH_FIXTURE_H */
