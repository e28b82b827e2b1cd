/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic_apply.c - doing what is advised, and taking it back.
 *
 * The file of what was: {"boot": ID, "netns": INODE, "interfaces": {"eth0": {"ifindex": 3, "items":
 * {KEY: TEXT}}}}, keys and texts of nic_item.c. An item is in the file before it is changed, and
 * the first value of it stays, so that undo after any number of applies, or half of one, knows
 * where it all began. It is of this boot, as a reboot undoes everything itself. Changed under a
 * lock on its folder.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/json.h"
#include "nic_item.h"

#define STATE_MAX (8u << 20)

/* ---- the log ---- */

static void log_changed(struct tune_log *log, const char *nic, const char *key, const char *before,
			const char *after)
{
	struct json_object *o = json_object_new_object();
	_cleanup_free_ char *from = item_show(key, before), *to = item_show(key, after);

	json_put_str(o, "interface", nic);
	json_put_str(o, "item", key);
	json_put_str(o, "before", from);
	json_put_str(o, "after", to);
	json_object_array_add(log->changed, o);
}

static void log_skipped(struct tune_log *log, const char *nic, const char *key, const char *why)
{
	struct json_object *o = json_object_new_object();

	json_put_str(o, "interface", nic);
	json_put_str(o, "item", key);
	json_put_str(o, "why", why);
	json_object_array_add(log->skipped, o);
}

/* ---- the file ---- */

/* Which network namespace this is, of which a file of items is; 0 where there are only files. */
static int64_t netns(const struct nic_sys *s)
{
	struct stat st;

	return *s->root || stat("/proc/self/ns/net", &st) ? 0 : (int64_t)st.st_ino;
}

static char *boot_id(const struct nic_sys *s)
{
	char *id = nic_read(s, NULL, "proc/sys/kernel/random/boot_id");

	return id ? id : xstrdup("");
}

static struct json_object *state_new(const struct nic_sys *s)
{
	struct json_object *o = json_object_new_object();
	_cleanup_free_ char *id = boot_id(s);

	json_put_str(o, "boot", id);
	json_object_object_add(o, "netns", json_object_new_int64(netns(s)));
	json_object_object_add(o, "interfaces", json_object_new_object());
	return o;
}

/* NULL: there is none, or it is of an earlier boot, or of another namespace: *elsewhere. */
static struct json_object *state_load(const struct nic_sys *s, const char *path, bool *elsewhere)
{
	_cleanup_free_ char *text = NULL, *id = boot_id(s);
	struct json_object *o;
	size_t len;

	*elsewhere = false;
	if (file_read(path, STATE_MAX, &text, &len))
		return NULL;
	o = json_tokener_parse(text);
	if (json_object_is_type(json_member(o, "interfaces"), json_type_object) &&
	    json_member(o, "boot") && !strcmp(json_object_get_string(json_member(o, "boot")), id)) {
		*elsewhere = json_object_get_int64(json_member(o, "netns")) != netns(s);
		if (!*elsewhere)
			return o;
	}
	json_object_put(o);
	return NULL;
}

static int state_save(const char *path, struct json_object *state)
{
	const char *text = json_object_to_json_string_ext(
		state, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);

	return file_replace(path, text, strlen(text), 0600);
}

static int ifindex(const struct nic_sys *s, const char *name)
{
	_cleanup_free_ char *text = nic_read(s, NULL, "sys/class/net/%s/ifindex", name);

	return text ? (int)strtol(text, NULL, 10) : 0;
}

/* Items of an interface; those of one that had the same name and is gone are of no use. */
static struct json_object *items_of(const struct nic_sys *s, struct json_object *state,
				    const char *name)
{
	struct json_object *all = json_member(state, "interfaces"), *o = json_member(all, name);
	int index = ifindex(s, name);

	if (o && json_member(o, "items") && json_object_get_int(json_member(o, "ifindex")) == index)
		return json_member(o, "items");
	o = json_object_new_object();
	json_object_object_add(o, "ifindex", json_object_new_int(index));
	json_object_object_add(o, "items", json_object_new_object());
	json_object_object_add(all, name, o);
	return json_member(o, "items");
}

static void keep(const struct nic_sys *s, struct json_object *items, const struct nic *n,
		 enum advice_about kind, unsigned int index)
{
	_cleanup_free_ char *key = item_key(n, kind, index), *text = NULL;

	if (json_member(items, key))
		return;
	text = item_read(s, n, key);
	if (text)
		json_put_str(items, key, text);
}

/* Other channels have the driver set up everything else anew. */
static void keep_all(const struct nic_sys *s, struct json_object *items, const struct nic *n)
{
	keep(s, items, n, ABOUT_CHANNELS, 0);
	keep(s, items, n, ABOUT_RSS, 0);
	for (unsigned int i = 0; i < n->nirqs; i++)
		if (n->irqs[i].kind)
			keep(s, items, n, ABOUT_IRQ, n->irqs[i].irq);
	for (unsigned int i = 0; i < n->ntx; i++)
		keep(s, items, n, ABOUT_XPS, i);
	for (unsigned int i = 0; i < n->nrx; i++)
		keep(s, items, n, ABOUT_RPS, i);
}

/* ---- apply ---- */

/*
 * A driver does not give up queues that a table names which somebody set: then the table goes back
 * to what the driver would have, which is the advice on it anyway.
 */
static char *channels_without_table(const struct nic_sys *s, const struct nic *n, const char *want,
				    struct tune_log *log, char *why)
{
	_cleanup_free_ char *table = n->rss.size ? item_read(s, n, "rss") : NULL;
	_cleanup_free_ char *not_reset = table ? item_write(s, n, "rss", "default") : NULL;
	char *again;

	if (!table || not_reset)
		return why;
	again = item_write(s, n, "channels", want);
	if (again && strcmp(table, "default"))
		free(item_write(s, n, "rss", table));
	else if (!again && strcmp(table, "default"))
		log_changed(log, n->name, "rss", table, "default");
	free(why);
	return again;
}

static bool do_step(const struct nic_sys *s, const struct nic *n, const struct step *step,
		    struct tune_log *log)
{
	_cleanup_free_ char *key = item_key(n, step->kind, step->index), *why = NULL;
	_cleanup_free_ char *before = item_read(s, n, key), *after = NULL;
	_cleanup_free_ char *want = item_wanted(step);

	if (log->dry) {
		log_changed(log, n->name, key, before ? before : "?", want);
		return true;
	}
	why = item_write(s, n, key, want);
	if (why && step->kind == ABOUT_CHANNELS)
		why = channels_without_table(s, n, want, log, why);
	if (why) {
		log_skipped(log, n->name, key, why);
		return false;
	}
	after = item_read(s, n, key);
	log_changed(log, n->name, key, before ? before : "?", after ? after : want);
	return true;
}

/* Steps of channels, or all others; the number of those that were done, or -errno of the file. */
static int do_steps(const struct nic_sys *s, const char *path, struct json_object *state,
		    const struct tune_facts *f, const struct plan *p, bool channels,
		    struct tune_log *log)
{
	int rc, done = 0, any = 0;

	for (size_t i = 0; i < p->nsteps && !log->dry; i++) {
		const struct step *st = &p->steps[i];
		const struct nic *n = &f->nics[st->nic];

		if ((st->kind == ABOUT_CHANNELS) != channels)
			continue;
		any++;
		if (channels)
			keep_all(s, items_of(s, state, n->name), n);
		else
			keep(s, items_of(s, state, n->name), n, st->kind, st->index);
	}
	rc = any ? state_save(path, state) : 0;
	if (rc)
		return rc;
	for (size_t i = 0; i < p->nsteps; i++)
		if ((p->steps[i].kind == ABOUT_CHANNELS) == channels)
			done += do_step(s, &f->nics[p->steps[i].nic], &p->steps[i], log);
	return done;
}

char *tune_apply(const struct nic_sys *s, const char *path, struct tune_facts *f, struct plan *p,
		 tune_again_fn again, void *arg, struct tune_log *log)
{
	_cleanup_close_ int lock = log->dry ? -1 : file_lock(path);
	struct json_object *state;
	bool elsewhere;
	int rc;

	if (lock < 0 && !log->dry)
		return xasprintf("%s cannot be written: %s", path, strerror(-lock));
	state = state_load(s, path, &elsewhere);
	if (!state)
		state = state_new(s);
	rc = do_steps(s, path, state, f, p, true, log);
	if (rc > 0 && !log->dry)
		again(arg, f, p);
	if (rc >= 0)
		rc = do_steps(s, path, state, f, p, false, log);
	json_object_put(state);
	return rc < 0 ? xasprintf("%s cannot be written: %s", path, strerror(-rc)) : NULL;
}

/* ---- undo ---- */

/* True: it is as it was, or is no more. */
static bool restore(const struct nic_sys *s, const struct nic *n, const char *key, const char *text,
		    struct tune_log *log)
{
	_cleanup_free_ char *before = item_read(s, n, key), *why = NULL, *after = NULL;

	if (!before || !strcmp(before, text))
		return true;
	why = item_write(s, n, key, text);
	if (!why) {
		after = item_read(s, n, key);
		if (after && strcmp(after, text))
			why = xasprintf("it is %s, and stays so", after);
	}
	if (why)
		log_skipped(log, n->name, key, why);
	else
		log_changed(log, n->name, key, before, text);
	return !why;
}

/* A table that names many queues keeps the driver from having fewer. */
static void clear_rss(const struct nic_sys *s, const struct nic *n, struct json_object *items)
{
	struct json_object *channels = json_member(items, "channels");
	_cleanup_free_ char *now = channels ? item_read(s, n, "channels") : NULL;

	if (now && strcmp(now, json_object_get_string(channels)) && json_member(items, "rss"))
		free(item_write(s, n, "rss", "default"));
}

/* The number of items that could not be restored. */
static unsigned int undo_nic(const struct nic_sys *s, const char *name, struct json_object *items,
			     struct tune_log *log)
{
	unsigned int failed = 0, index;
	enum advice_about kind, k;
	struct nic n;

	for (kind = ABOUT_CHANNELS; kind < ABOUT_APPLIED && !nic_gather(s, name, &n); kind++) {
		if (kind == ABOUT_CHANNELS)
			clear_rss(s, &n, items);
		json_object_object_foreach(items, key, text)
		{
			if (text && item_kind(key, &k, &index) && k == kind)
				failed += !restore(s, &n, key, json_object_get_string(text), log);
		}
		nic_free(&n);
	}
	return failed;
}

char *tune_undo(const struct nic_sys *s, const char *path, struct tune_log *log)
{
	_cleanup_close_ int lock = file_lock(path);
	struct json_object *state;
	unsigned int failed = 0;
	bool elsewhere;

	if (lock == -ENOENT)
		return NULL;
	if (lock < 0)
		return xasprintf("%s cannot be read: %s", path, strerror(-lock));
	state = state_load(s, path, &elsewhere);
	if (elsewhere)
		return xstrdup("What was changed is in another network namespace: undo it there, "
			       "or while the server runs there");
	if (state) {
		json_object_object_foreach(json_member(state, "interfaces"), name, o)
		{
			int index = json_object_get_int(json_member(o, "ifindex"));
			struct json_object *items = json_member(o, "items");

			if (index != ifindex(s, name))
				log_skipped(log, name, "all", "the interface is gone");
			else if (items)
				failed += undo_nic(s, name, items, log);
		}
	}
	json_object_put(state);
	if (!failed && unlink(path) && errno != ENOENT)
		return xasprintf("%s cannot be removed: %s", path, strerror(errno));
	return NULL;
}
