// SPDX-License-Identifier: GPL-2.0-or-later
/* guard_pins.c - what the guard of a dead process left pinned. */
#include "kernel/guard.h"
#include "core/view.h"

#include <dirent.h>
#include <stdio.h>

unsigned int guard_clean(const char *instance)
{
	static const char *const maps[] = { "kh_guard_conf", "kh_guard_cpus", "kh_queue_stats",
					    "kh_sources",    "kh_blocklist",  "kh_syn_sources" };
	_cleanup_free_ char *dir = view_dir(instance);
	unsigned int links = 0;
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return 0;
	while ((e = readdir(d))) {
		bool link = strncmp(e->d_name, "xdp_", 4) == 0, ours = link;

		for (unsigned int i = 0; i < ARRAY_SIZE(maps); i++)
			ours = ours || strcmp(e->d_name, maps[i]) == 0;
		if (ours && unlinkat(dirfd(d), e->d_name, 0) == 0)
			links += link;
	}
	closedir(d);
	return links;
}
