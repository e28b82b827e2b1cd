/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_tune.c - tune: the way of packets from the network card to the reactors; what would be
 * better, doing it, undoing it; and how connections are steered.
 */
#include <getopt.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tune.h"

struct tune {
	struct ctl *ctl;
	struct nic_sys sys;
	char **names; /* that were asked for */
	int nnames;
	bool apply, undo, dry;
};

/* ---- facts ---- */

struct gathering {
	const struct tune *t;
	struct tune_facts *f;
};

static void gather_one(void *arg, const char *name, const char *above)
{
	struct gathering *g = arg;
	struct tune_facts *f = g->f;
	struct nic n;

	for (unsigned int i = 0; i < f->nnics; i++)
		if (!strcmp(f->nics[i].name, name)) {
			if (*above)
				snprintf(f->nics[i].above, IFNAMSIZ, "%s", above);
			return;
		}
	if (nic_gather(&g->t->sys, name, &n))
		return;
	snprintf(n.above, sizeof(n.above), "%s", above);
	f->nics = xrealloc(f->nics, (f->nnics + 1) * sizeof(*f->nics));
	f->nics[f->nnics++] = n;
}

/* Names of interfaces in the configuration of a server that does not run. */
static void gather_configured(struct gathering *g)
{
	const struct conf *c = g->t->ctl->conf;

	for (unsigned int i = 0; c->bind_interfaces_only && i < c->interfaces.n; i++)
		gather_one(g, c->interfaces.v[i], "");
}

static void gather_nics(const struct tune *t, struct tune_facts *f, const char *listeners)
{
	struct gathering g = { t, f };

	for (int i = 0; i < t->nnames; i++)
		gather_one(&g, t->names[i], "");
	if (t->nnames)
		return;
	if (*t->sys.root) {
		nic_each(&t->sys, gather_one, &g);
		return;
	}
	if (!f->running)
		gather_configured(&g);
	nic_listening(&t->sys, listeners, gather_one, &g);
}

/* EXIT_OK, or after saying why not. */
static int gather(const struct tune *t, struct tune_facts *f)
{
	_cleanup_free_ char *listeners = NULL, *why = NULL;
	pid_t pid;

	*f = (struct tune_facts) { 0 };
	nic_machine(&t->sys, f);
	pid = tune_server(t->ctl, f, &listeners);
	if (!*t->sys.root)
		why = tune_enter_netns(pid);
	if (why)
		return fail(EXIT_REFUSED, "Cannot look at the network: %s.", why);
	gather_nics(t, f, listeners);
	for (int i = 0; i < t->nnames; i++) {
		unsigned int k = 0;

		while (k < f->nnics && strcmp(f->nics[k].name, t->names[i]))
			k++;
		if (k == f->nnics)
			return fail(EXIT_REFUSED, "There is no network interface \"%s\".",
				    t->names[i]);
	}
	return EXIT_OK;
}

static void gather_again(void *arg, struct tune_facts *f, struct plan *p)
{
	const struct tune *t = arg;

	for (unsigned int i = 0; i < f->nnics; i++) {
		char name[IFNAMSIZ], above[IFNAMSIZ];

		memcpy(name, f->nics[i].name, sizeof(name));
		memcpy(above, f->nics[i].above, sizeof(above));
		nic_free(&f->nics[i]);
		nic_gather(&t->sys, name, &f->nics[i]);
		memcpy(f->nics[i].above, above, sizeof(above));
	}
	plan_free(p);
	*p = tune_advise(f);
}

/* ---- the three things that tune does ---- */

static bool may_change(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return !syscall(SYS_capget, &head, data) && data[0].effective >> CAP_NET_ADMIN & 1;
}

/* Where what was is kept: with the server, or with the files of another machine. */
static char *state_path(const struct tune *t)
{
	if (*t->sys.root)
		return xasprintf("%s/tune.json", t->sys.root);
	mkdir(CONF_DEFAULT_RUN_DIR, 0755);
	mkdir(t->ctl->run_dir, 0755);
	return xasprintf("%s/tune.json", t->ctl->run_dir);
}

static int show(const struct tune *t, const struct tune_facts *f)
{
	struct plan p = tune_advise(f);

	if (t->ctl->json) {
		struct json_object *o = tune_json(f, &p);

		print_json(o);
		json_object_put(o);
	} else {
		tune_print(t->ctl, f, &p);
	}
	plan_free(&p);
	return EXIT_OK;
}

static int change(struct tune *t, struct tune_facts *f)
{
	_cleanup_free_ char *path = state_path(t), *why = NULL;
	struct tune_log log = { json_object_new_array(), json_object_new_array(), t->dry };
	int code = EXIT_OK;

	if (t->undo) {
		why = tune_undo(&t->sys, path, &log);
	} else {
		struct plan p = tune_advise(f);

		why = tune_apply(&t->sys, path, f, &p, gather_again, t, &log);
		plan_free(&p);
	}
	if (!why || json_object_array_length(log.changed))
		tune_print_log(t->ctl, &log,
			       t->undo ? "Nothing to undo."
				       : "Nothing to change: it is as tune would have it.");
	if (why)
		code = fail(EXIT_REFUSED, "%s.", why);
	else if (json_object_array_length(log.skipped) && !json_object_array_length(log.changed))
		code = EXIT_REFUSED;
	json_object_put(log.changed);
	json_object_put(log.skipped);
	return code;
}

static int steer(const struct tune *t, const char *mode)
{
	struct json_object *request = request_new("steer"), *reply;
	const char *why;
	int code;

	json_object_object_add(request, "mode", json_object_new_string(mode));
	reply = server_ask(t->ctl, request, &code);
	if (!reply)
		return code;
	json_object_object_del(reply, "ok");
	why = json_text(reply, "why");
	if (t->ctl->json)
		print_json(reply);
	else
		printf("New connections are steered: %s, by %s%s%s%s.\n", json_text(reply, "mode"),
		       json_text(reply, "by"), *why ? " (" : "", why, *why ? ")" : "");
	json_object_put(reply);
	return code;
}

static int run(struct tune *t)
{
	struct tune_facts f;
	int code;

	if ((t->apply || t->undo) && !t->dry && !*t->sys.root && !may_change())
		return fail(EXIT_REFUSED,
			    "Changing network interfaces needs CAP_NET_ADMIN: try sudo.");
	code = gather(t, &f);
	if (!code)
		code = t->apply || t->undo ? change(t, &f) : show(t, &f);
	tune_facts_free(&f);
	return code;
}

int cmd_tune(struct ctl *ctl, int argc, char **argv)
{
	static const struct option opts[] = { { "apply", no_argument, NULL, 'a' },
					      { "undo", no_argument, NULL, 'u' },
					      { "dry-run", no_argument, NULL, 'n' },
					      { "root", required_argument, NULL, 'r' },
					      { NULL } };
	struct tune t = { .ctl = ctl, .sys.root = "" };
	int o;

	while ((o = getopt_long(argc, argv, "n", opts, NULL)) >= 0) {
		if (o == 'a')
			t.apply = true;
		else if (o == 'u')
			t.undo = true;
		else if (o == 'n')
			t.dry = true;
		else if (o == 'r')
			t.sys.root = strcmp(optarg, "/") ? optarg : "";
		else
			return usage(argv[0], "%s is no option of tune.", argv[optind - 1]);
	}
	t.names = argv + optind;
	t.nnames = argc - optind;
	if (t.apply && t.undo)
		return usage(argv[0], "Either --apply or --undo.");
	if (t.dry && !t.apply)
		return usage(argv[0], "--dry-run goes with --apply.");
	if (t.undo && t.nnames)
		return usage(argv[0], "--undo takes no interface: it restores all of them.");
	if (ctl_load(ctl, LOAD_OR_EMPTY))
		return EXIT_REFUSED;
	if (t.nnames && !strncmp(t.names[0], "steer=", 6)) {
		if (t.nnames > 1 || t.apply || t.undo)
			return usage(argv[0], "steer=MODE stands alone.");
		return steer(&t, t.names[0] + 6);
	}
	return run(&t);
}
