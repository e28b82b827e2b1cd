/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify_event.h - from fanotify's events to changes; for notify_local.c. */
#ifndef KH_NOTIFY_EVENT_H
#define KH_NOTIFY_EVENT_H

#include <linux/posix_types.h>
#include <stddef.h>

#define NOTIFY_EVENT_BUFFER (64u << 10)

/* What one read() gave. The listening thread. */
void notify_events_handle(const void *buf, size_t len);
/* notify_local.c: a folder on that file system, open for reading; the caller's to close. Or -1. */
int notify_event_mount(const __kernel_fsid_t *fsid);

#endif /* KH_NOTIFY_EVENT_H */
