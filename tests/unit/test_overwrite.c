// SPDX-License-Identifier: GPL-2.0-or-later
/* Files in memory that are written over and over: state/overwrite.c, vfs/map.c. */
#include <sys/stat.h>

#include "state/state.h"
#include "tap.h"
#include "vfs/vfs.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define MIB  (1u << 20)
#define SIZE (8 * MIB)
#define PAGE 4096u

static uint8_t data[MIB], back[MIB];
static char dir[] = "/dev/shm/test_overwrite.XXXXXX";

static struct open *file_open(const char *name, int flags)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	struct open *o = xcalloc(1, sizeof(*o));

	o->kind = OPEN_FILE;
	o->memory = true;
	o->fd = open(path, flags | O_CLOEXEC, 0644);
	return o;
}

static void file_close(struct open *o)
{
	overwrite_free(o);
	close(o->fd);
	free(o);
}

static void fill(int fd, size_t size)
{
	for (size_t off = 0; off < size; off += MIB)
		if (pwrite(fd, data, MIB, (off_t)off) != MIB)
			tap_ok(false, "no room", __FILE__, __LINE__);
}

/* Writes in place, by whatever way, until there is a map. Bytes that it took. */
static uint64_t until_mapped(struct open *o)
{
	uint64_t n = 0;

	while (n < 4 * SIZE) {
		if (overwrite_begin(o, n % SIZE, MIB)) {
			overwrite_cancel(o);
			return n;
		}
		n += MIB;
	}
	return n;
}

static bool holds(int fd, uint64_t off, const uint8_t *p, size_t n)
{
	return pread(fd, back, n, (off_t)off) == (ssize_t)n && !memcmp(back, p, n);
}

static void test_policy(void)
{
	struct open *o = file_open("policy", O_RDWR | O_CREAT);

	ok(!overwrite_begin(o, 0, MIB), "what is not there yet is not overwritten");
	fill(o->fd, SIZE);
	ok(!overwrite_begin(o, 0, 4096), "too little");
	ok(!overwrite_begin(o, SIZE - MIB / 2, MIB), "beyond the end");
	is_int((int64_t)until_mapped(o), 3 * MIB, "after a while there is one");
	ok(overwrite_begin(o, 0, MIB), "and it is used");
	ok(!overwrite_begin(o, MIB, MIB), "by one at a time");
	overwrite_cancel(o);
	fill(o->fd, 2 * SIZE);
	ok(!overwrite_begin(o, SIZE, MIB), "the file has grown: another map is due");
	ok(!overwrite_begin(o, 0, MIB), "later");
	file_close(o);
}

static void test_refusals(void)
{
	struct open *o = file_open("sparse", O_RDWR | O_CREAT);

	ok(ftruncate(o->fd, SIZE) == 0 && until_mapped(o) == 4 * SIZE, "never a file of holes");
	file_close(o);
	o = file_open("policy", O_WRONLY);
	is_int((int64_t)until_mapped(o), 4 * SIZE, "never what may not be read");
	file_close(o);
	o = file_open("policy", O_RDWR);
	o->memory = false;
	is_int((int64_t)until_mapped(o), 4 * SIZE, "never on a disk");
	ok(!o->overwrite, "which costs nothing");
	o->memory = o->append_only = true;
	is_int((int64_t)until_mapped(o), 4 * SIZE, "never where there is only an end");
	file_close(o);
}

static void test_bytes(void)
{
	struct open *o = file_open("bytes", O_RDWR | O_CREAT);
	uint64_t off = 3 * MIB - 77;

	fill(o->fd, SIZE);
	until_mapped(o);
	for (size_t i = 0; i < MIB; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	ok(overwrite_begin(o, off, MIB), "across granules, at an odd place");
	ok(overwrite_end(o, data, MIB, off), "is written");
	ok(holds(o->fd, off, data, MIB), "and there");
	ok(pread(o->fd, back, 1, (off_t)off - 1) == 1 && back[0] == 0, "nothing before it");
	ok(pread(o->fd, back, 1, (off_t)off + MIB) == 1 && back[0] == 0, "nothing behind it");
	ok(overwrite_begin(o, SIZE - MIB, MIB) && overwrite_end(o, data, MIB, SIZE - MIB),
	   "up to the end");
	ok(holds(o->fd, SIZE - MIB, data, MIB), "is there");
	memset(data, 0, sizeof(data));
	file_close(o);
}

/* Somebody cuts the file between the look and the copy. */
static void test_cut(void)
{
	struct open *o = file_open("cut", O_RDWR | O_CREAT);

	fill(o->fd, SIZE);
	until_mapped(o);
	ok(overwrite_begin(o, 4 * MIB, MIB) && ftruncate(o->fd, MIB) == 0, "gone meanwhile");
	ok(!overwrite_end(o, data, MIB, 4 * MIB), "is told, and no more");
	ok(!overwrite_begin(o, 0, MIB), "the map is given up");
	fill(o->fd, SIZE);
	ok(until_mapped(o) < 4 * SIZE, "until it pays again");
	ok(overwrite_begin(o, MIB, PAGE * 16) && ftruncate(o->fd, MIB + PAGE * 15 + 5) == 0,
	   "cut in the midst of the last page");
	ok(!overwrite_end(o, data, PAGE * 16, MIB), "is seen although nothing faults");
	file_close(o);
}

static void test_foreign_fault(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct vfs_map *m;
		int fd = memfd_create("foreign", MFD_CLOEXEC);
		uint8_t *p;

		if (ftruncate(fd, PAGE) < 0)
			_exit(1);
		m = vfs_map_new(fd, PAGE);
		p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
		if (!m || !vfs_map_write(m, 0, data, PAGE) || p == MAP_FAILED)
			_exit(1);
		status = *(volatile uint8_t *)(p + PAGE);
		_exit(2);
	}
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS,
	   "a fault that is nobody's ends the process");
}

static void test_limits(void)
{
	int fd = memfd_create("limits", MFD_CLOEXEC);
	struct vfs_map *m;

	ok(ftruncate(fd, SIZE) == 0 && !vfs_map_new(fd, 0), "nothing to map");
	ok(!vfs_map_new(fd, (uint64_t)VFS_MAP_MAX + 1), "too much");
	m = vfs_map_new(fd, SIZE);
	ok(m && !vfs_map_write(m, SIZE - 1, data, 2), "beyond its end");
	ok(m && !vfs_map_write(m, UINT64_MAX, data, 2), "beyond everything");
	ok(m && vfs_map_write(m, SIZE, data, 0), "nothing at its end");
	vfs_map_free(m);
	vfs_map_free(NULL);
	close(fd);
}

int main(void)
{
	_cleanup_free_ char *rm = NULL;

	if (!mkdtemp(dir))
		return 1;
	test_policy();
	test_refusals();
	test_bytes();
	test_cut();
	test_limits();
	test_foreign_fault();
	rm = xasprintf("rm -r %s", dir);
	return system(rm) ? 1 : done_testing();
}
