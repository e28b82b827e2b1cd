// SPDX-License-Identifier: GPL-2.0-or-later
/* What daemon/vfs/ parses: names from the wire, DOS attributes from the disk, patterns. */
#include "vfs/internal.h"

#include "core/utf16.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_name(const uint8_t *data, size_t size, unsigned int flags)
{
	struct vfs_name n;
	char *stream, *wire;

	if (!vfs_name_parse(data, size, flags & 7, &n)) {
		wire = vfs_path_to_wire(n.path);
		if (utf8_utf16_len(wire, strlen(wire)) < 0)
			abort();
		free(wire);
		vfs_name_free(&n);
	}
	if (!vfs_stream_name_parse(data, size, &stream))
		free(stream);
}

/* A short name is one for good, and would be looked for. */
static void fuzz_short_name(const char *name)
{
	char made[VFS_SHORT_NAME], again[VFS_SHORT_NAME], full[NAME_MAX + 1];

	vfs_short_name(name, made);
	vfs_short_name(made, again);
	if (strcmp(made, again))
		abort();
	if (strlen(name) <= NAME_MAX && !utf8_equal_nocase(name, made) &&
	    (!short_name_possible(made) || !short_name_told(made, full) || strcmp(full, name)))
		abort();
}

/* Any bytes are a name on disk; what clients see of it leads back to it. */
static void fuzz_disk_name(const uint8_t *data, size_t size)
{
	char disk[NAME_MAX + 1], wire[VFS_NAME_WIRE_MAX], back[VFS_NAME_WIRE_MAX];
	const char *w;

	size = MIN(size, (size_t)NAME_MAX);
	memcpy(disk, data, size);
	disk[size] = '\0';
	w = vfs_name_to_wire(disk, wire);
	if (utf8_utf16_len(w, strlen(w)) < 0)
		abort();
	if (w == wire && !strstr(disk, "\xef\x80") && !strstr(disk, "\xef\x82") &&
	    !strstr(disk, "\xef\x83") && name_from_wire(w, back) && strcmp(back, disk))
		abort();
	vfs_ea_name_valid(disk);
	fuzz_short_name(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char pattern[128], name[128];
	struct dosattrib d;
	size_t half;

	if (!size)
		return 0;
	fuzz_name(data + 1, size - 1, data[0]);
	fuzz_disk_name(data + 1, size - 1);
	dosattrib_parse(data + 1, size - 1, &d);
	half = MIN(size / 2, sizeof(pattern) - 1);
	memcpy(pattern, data, half);
	pattern[half] = '\0';
	memcpy(name, data + half, half);
	name[half] = '\0';
	vfs_wildcard_match(pattern, name, data[0] & 1);
	return 0;
}
