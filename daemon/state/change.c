// SPDX-License-Identifier: GPL-2.0-or-later
/* change.c - passes on what happened to files (change.h). */
#include "state/change.h"
#include "state/lease.h"
#include "state/notify.h"

#define WRITTEN_NS 1000000000ull

_Atomic unsigned int change_listeners;

void change_raise(const struct change *c)
{
	if (!change_wanted())
		return;
	notify_raise(c);
	lease_dir_change(c);
}

/* What of a file stands for which of a stream. */
static uint32_t stream_filter(uint32_t filter)
{
	return (filter & FILE_NOTIFY_CHANGE_FILE_NAME ? FILE_NOTIFY_CHANGE_STREAM_NAME : 0) |
	       (filter & FILE_NOTIFY_CHANGE_SIZE ? FILE_NOTIFY_CHANGE_STREAM_SIZE : 0) |
	       (filter & FILE_NOTIFY_CHANGE_LAST_WRITE ? FILE_NOTIFY_CHANGE_STREAM_WRITE : 0);
}

static uint32_t stream_action(uint32_t action)
{
	switch (action) {
	case FILE_ACTION_ADDED:
		return FILE_ACTION_ADDED_STREAM;
	case FILE_ACTION_REMOVED:
		return FILE_ACTION_REMOVED_STREAM;
	default:
		return FILE_ACTION_MODIFIED_STREAM;
	}
}

static void raise_open(struct open *o, uint32_t action, uint32_t filter, bool writing)
{
	_cleanup_free_ char *path = NULL, *stream = NULL;
	struct change c = { .action = action, .filter = filter, .by = o, .writing = writing };

	pthread_mutex_lock(&o->lock);
	path = xstrdup(o->path ? o->path : "");
	if (o->kind == OPEN_STREAM)
		stream = xstrdup(o->stream_name);
	pthread_mutex_unlock(&o->lock);
	c.share = o->tree->vfs;
	c.path = path;
	c.stream = stream;
	c.is_dir = o->kind == OPEN_DIR;
	/* Attributes and times that a stream's handle sets are the file's. */
	if (stream && (action != FILE_ACTION_MODIFIED || filter & FILE_NOTIFY_CHANGE_SIZE)) {
		c.action = stream_action(action);
		c.filter = stream_filter(filter);
	} else {
		c.stream = NULL;
	}
	if (c.is_dir && filter & FILE_NOTIFY_CHANGE_FILE_NAME)
		c.filter ^= FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME;
	if (*path)
		change_raise(&c);
}

void change_raise_open(struct open *o, uint32_t action, uint32_t filter)
{
	raise_open(o, action, filter, false);
}

void change_raise_written(struct open *o, bool last)
{
	uint64_t told = atomic_load_explicit(&o->change_told_ns, memory_order_relaxed);
	uint64_t now = now_ns();

	if (last) {
		if (!o->wrote || (!atomic_exchange(&o->change_untold, false) && told))
			return;
	} else if (told && now - told < WRITTEN_NS) {
		atomic_store_explicit(&o->change_untold, true, memory_order_relaxed);
		return;
	} else {
		atomic_store_explicit(&o->change_untold, false, memory_order_relaxed);
	}
	atomic_store_explicit(&o->change_told_ns, now, memory_order_relaxed);
	raise_open(o, FILE_ACTION_MODIFIED, FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE,
		   true);
}
