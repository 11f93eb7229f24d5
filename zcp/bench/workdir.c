/* workdir.c - see workdir.h */
#include "zcp/bench/workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"

enum { PIECE = 1 << 20, MORE = 16 << 20, DEPTH = 8 };
#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

static void name_fs(struct workdir *p)
{
	static const struct { unsigned long magic; const char *name; bool memory; } known[] = {
		{ EXT4_SUPER_MAGIC, "ext4", false }, { XFS_SUPER_MAGIC, "xfs", false }, { BTRFS_SUPER_MAGIC, "btrfs", false }, { TMPFS_MAGIC, "tmpfs", true },
		{ RAMFS_MAGIC, "ramfs", true }, { OVERLAYFS_SUPER_MAGIC, "overlay", false }, { NFS_SUPER_MAGIC, "nfs", false }, { FUSE_SUPER_MAGIC, "fuse", false },
		{ F2FS_SUPER_MAGIC, "f2fs", false }, { 0x2fc12fc1, "zfs", false }, { 0xca451a4e, "bcachefs", false },
	};
	struct statfs st;

	snprintf(p->fs, sizeof p->fs, "unknown");
	if (statfs(p->dir, &st) < 0)
		return;
	snprintf(p->fs, sizeof p->fs, "magic 0x%lx", (unsigned long)st.f_type & 0xffffffff);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].magic == ((unsigned long)st.f_type & 0xffffffff)) {
			p->memory = known[i].memory;
			snprintf(p->fs, sizeof p->fs, "%s%s", known[i].name, known[i].memory ? " (memory)" : "");
		}
}

static enum status say(const char *dir, int r)
{
	char seen[300], words[160];

	log_error("--bench: %s: %s", vis_str(seen, sizeof seen, dir), fail_words(fail_errno(-r), words, sizeof words));
	return r == -ENOSPC || r == -EDQUOT ? ST_NO_SPACE : r == -ENOENT || r == -ENOTDIR ? ST_MISSING : ST_FILE_IO;
}

static enum status check_space(const char *dir, uint64_t size)
{
	struct statvfs v;
	char           need[16], have[16], seen[300];

	if (statvfs(dir, &v) < 0)
		return say(dir, -errno);
	uint64_t room = (uint64_t)(geteuid() == 0 ? v.f_bfree : v.f_bavail) * v.f_frsize, want = 2 * size + MORE;
	if (!v.f_blocks || room >= want)
		return ST_OK;
	log_error("--bench: %s: no space: the file and one copy of it need %s, %s are free: another directory, or a smaller --size", vis_str(seen, sizeof seen, dir),
	          num_size(want, need), num_size(room, have));
	return ST_NO_SPACE;
}

static int fill(int fd, uint64_t size, const volatile sig_atomic_t *stop)
{
	static uint8_t buf[PIECE];
	unsigned char  seed[randombytes_SEEDBYTES] = { 0 };
	ssize_t        n = 0;

	for (uint64_t at = 0; n >= 0 && at < size && !*stop; at += (uint64_t)n) {
		memcpy(seed, &at, sizeof at);
		randombytes_buf_deterministic(buf, PIECE, seed);
		n = io_pwrite_full(fd, buf, size - at < PIECE ? (size_t)(size - at) : PIECE, at);
	}
	return n < 0 ? (int)n : *stop ? -EINTR : fsync(fd) < 0 ? -errno : 0;
}

static enum status make_file(struct workdir *p, const volatile sig_atomic_t *stop)
{
	char root[WORKDIR_PATH + 16];

	snprintf(root, sizeof root, "%s/root", p->dir);
	snprintf(p->file, sizeof p->file, "%s/root/file", p->dir);
	if (mkdir(root, 0700) < 0)
		return say(root, -errno);
	p->fd = open(p->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = p->fd < 0 ? -errno : fill(p->fd, p->size, stop);
	return r == -EINTR ? ST_INTERRUPTED : r < 0 ? say(p->file, r) : ST_OK;
}

enum status workdir_make(struct workdir *p, const char *dir, uint64_t size, const volatile sig_atomic_t *stop)
{
	CLEAN_PTR char *whole = realpath(dir, NULL);
	enum status     st;

	*p = (struct workdir){ .fd = -1, .size = size };
	if (!whole)
		return say(dir, -errno);
	if (snprintf(p->dir, sizeof p->dir, "%s/.zcp-bench-XXXXXX", whole) >= (int)sizeof p->dir)
		return say(dir, -ENAMETOOLONG);
	st = size ? check_space(whole, size) : ST_OK;
	if (st != ST_OK || !mkdtemp(p->dir)) {
		p->dir[0] = '\0';
		return st != ST_OK ? st : say(dir, -errno);
	}
	snprintf(p->copy, sizeof p->copy, "%s/copy", p->dir);
	name_fs(p);
	return size ? make_file(p, stop) : ST_OK;
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *ftw)
{
	(void)st;
	(void)what;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT;
}

void workdir_clear(struct workdir *p)
{
	char seen[300];

	close_fd(&p->fd);
	if (p->dir[0] && nftw(p->dir, remove_one, DEPTH, FTW_DEPTH | FTW_PHYS) != 0)
		log_warn("--bench: %s could not be removed: remove it by hand", vis_str(seen, sizeof seen, p->dir));
	p->dir[0] = '\0';
}

double workdir_resident(const struct workdir *p)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	size_t   pages = (size_t)((p->size + page - 1) / page), in = 0;
	uint8_t *seen = malloc(pages);
	void    *m = mmap(NULL, (size_t)p->size, PROT_READ, MAP_SHARED, p->fd, 0);
	int      r = seen && m != MAP_FAILED ? mincore(m, (size_t)p->size, seen) : -1;

	if (m != MAP_FAILED)
		munmap(m, (size_t)p->size);
	for (size_t i = 0; r == 0 && i < pages; i++)
		in += seen[i] & 1;
	free(seen);
	return r < 0 ? -1 : (double)in / (double)pages;
}

double workdir_drop(const struct workdir *p)
{
	if (p->memory)
		return 1;
	posix_fadvise(p->fd, 0, 0, POSIX_FADV_DONTNEED);
	return workdir_resident(p);
}
