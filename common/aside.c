/* aside.c - see aside.h; aside_publish.c has what makes it a file */
#include "common/aside_own.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { NAME_TRIES = 8, ALLOCATE_FROM = 8 << 20, ALLOCATE_TRIES = 8 };

void aside_name(char name[static ASIDE_NAME])
{
	uint8_t random[16];

	memcpy(name, ".zcp-", sizeof ".zcp-");
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(name + 5, ASIDE_NAME - 5, random, sizeof random);
}

int aside_create(int dir, char name[static ASIDE_NAME], int flags, mode_t mode)
{
	int fd = -EEXIST;

	for (int i = 0; i < NAME_TRIES; i++) {
		aside_name(name);
		fd = path_one(dir, name, flags | O_CREAT | O_EXCL, mode);
		if (fd != -EEXIST)
			break;
	}
	if (fd < 0)
		name[0] = '\0';
	return fd;
}

int aside_standing(int dir, const char *final, struct stat *st)
{
	if (fstatat(dir, final, st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISLNK(st->st_mode))
		return ASIDE_LINK;
	return S_ISREG(st->st_mode) ? ASIDE_FILE : -EEXIST;
}

/* More than is free at all: fallocate would take what there is, from everybody, before it found that out. Not known (0 blocks): it is asked. */
static bool can_never_fit(const struct statfs *fs, uint64_t size)
{
	uint64_t blocks = geteuid() == 0 ? fs->f_bfree : fs->f_bavail;          /* root may have the reserved ones */

	return fs->f_blocks > 0 && fs->f_bsize > 0 && size / (uint64_t)fs->f_bsize > blocks;
}

/* 1: the whole size is granted. 0: this file system does not promise anything, or the file is small. */
static int allocate(int fd, uint64_t size)
{
	struct statfs fs;

	if (size < ALLOCATE_FROM)
		return 0;
	if (size > INT64_MAX)
		return -EFBIG;
	/* tmpfs would fill memory with zeros first, which takes as long as the copy */
	bool known = fstatfs(fd, &fs) == 0;
	if (known && fs.f_type == TMPFS_MAGIC)
		return 0;
	if (known && can_never_fit(&fs, size))
		return -ENOSPC;
	for (int i = 0; fallocate(fd, 0, 0, (off_t)size) < 0; i++) {
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			return 0;
		if (errno != EINTR || i >= ALLOCATE_TRIES)
			return -errno;
	}
	return 1;
}

static const struct aside nothing = { .dir = -1, .fd = -1 };

int aside_open(struct aside *a, int dirfd, const char *final, uint64_t size)
{
	size_t len = strlen(final);
	struct stat st;
	int r;

	*a = nothing;
	if (len > WIRE_NAME_MAX)
		return -ENAMETOOLONG;
	r = aside_standing(dirfd, final, &st);
	if (r < 0)
		return r;
	memcpy(a->final, final, len + 1);
	a->dir = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	if (a->dir < 0)
		return -errno;
	r = a->fd = aside_create(a->dir, a->name, O_RDWR, 0600);
	if (r < 0) {
		close(a->dir);
		*a = nothing;
		return r;
	}
	r = allocate(a->fd, size);
	if (r < 0)
		aside_drop(a);
	else
		a->allocated = r;
	return r < 0 ? r : 0;
}

void aside_drop(struct aside *a)
{
	/* Without a name nothing is owned: published, never opened, or all zeros. */
	if (a->name[0]) {
		unlinkat(a->dir, a->name, 0);
		if (a->fd >= 0)
			close(a->fd);
		close(a->dir);
	}
	*a = nothing;
}

int aside_symlink(int dirfd, const char *final, const char *target)
{
	char name[ASIDE_NAME];
	struct stat st;
	int r;

	if (symlinkat(target, dirfd, final) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (fstatat(dirfd, final, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return -EEXIST;
	aside_name(name);
	if (symlinkat(target, dirfd, name) < 0)
		return -errno;
	if (renameat(dirfd, name, dirfd, final) == 0)
		return 0;
	r = errno == EISDIR || errno == ENOTEMPTY ? -EEXIST : -errno;
	unlinkat(dirfd, name, 0);
	return r;
}

int aside_mkdir(int dirfd, const char *final, mode_t mode)
{
	struct stat st;

	if (mkdirat(dirfd, final, 0700 | (mode & 0777)) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (fstatat(dirfd, final, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 1 : -ENOTDIR;
}
