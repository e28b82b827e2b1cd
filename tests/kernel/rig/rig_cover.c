// SPDX-License-Identifier: GPL-2.0-or-later
/* rig_cover.c - what of the module was reached, by KCOV: see rig.h. */
#include "rig.h"

#include <fcntl.h>
#include <linux/kcov.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define AREA  (64u << 10) /* places in one run */
#define TABLE (1u << 18)  /* places that were seen, open addressing */

static uint64_t seen[TABLE];
static unsigned int nseen;

bool rig_cover_open(struct rig_cover *v, bool remote)
{
	struct kcov_remote_arg arg = { .trace_mode = KCOV_TRACE_PC,
				       .area_size = AREA,
				       .common_handle =
					       kcov_remote_handle(KCOV_SUBSYSTEM_COMMON, 1) };
	int fd = open("/sys/kernel/debug/kcov", O_RDWR);

	v->area = NULL;
	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, AREA) < 0)
		return false;
	v->area = mmap(NULL, AREA * sizeof(*v->area), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (v->area == MAP_FAILED ||
	    (remote ? ioctl(fd, KCOV_REMOTE_ENABLE, &arg) : ioctl(fd, KCOV_ENABLE, 0)) < 0)
		v->area = NULL;
	return v->area;
}

static bool see(uint64_t pc)
{
	uint32_t i = (uint32_t)(pc * 0x9E3779B97F4A7C15ull >> 40);

	for (;; i++) {
		uint64_t *p = &seen[i % TABLE];

		if (*p == pc)
			return false;
		if (!*p && nseen < TABLE / 2) {
			*p = pc;
			nseen++;
			return true;
		}
		if (!*p)
			return false;
	}
}

bool rig_cover_new(struct rig_cover *v)
{
	uint64_t n;
	bool new = false;

	if (!v->area)
		return false;
	n = __atomic_load_n(&v->area[0], __ATOMIC_ACQUIRE);
	for (uint64_t i = 1; i <= n && i < AREA; i++)
		new |= see(v->area[i]);
	__atomic_store_n(&v->area[0], 0, __ATOMIC_RELEASE);
	return new;
}

unsigned int rig_cover_places(void)
{
	return nseen;
}

/* Relative to the module's text, as its file has them. */
void rig_cover_write(const char *path)
{
	FILE *text = fopen("/sys/module/ksmbd_hybrid/sections/.text", "r"), *out = fopen(path, "w");
	unsigned long long base = 0;

	if (!text || fscanf(text, "%llx", &base) != 1 || !out)
		rig_die(path);
	for (uint32_t i = 0; i < TABLE; i++)
		if (seen[i])
			fprintf(out, "0x%llx\n", (unsigned long long)seen[i] - base);
	fclose(text);
	fclose(out);
}
