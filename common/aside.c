/* aside.c - see aside.h; aside_publish.c has what makes it a file */
#include "common/aside_own.h"
#include "common/count.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { ASIDE_BYTES = 16, NAME_TRIES = 8, FIND_TRIES = 8, ALLOCATE_FROM = 8 << 20, ALLOCATE_TRIES = 8 };

static void name_of(char name[static ASIDE_NAME], const uint8_t bytes[static ASIDE_BYTES])
{
	memcpy(name, ".zcp-", sizeof ".zcp-");
	sodium_bin2hex(name + 5, ASIDE_NAME - 5, bytes, ASIDE_BYTES);
}

void aside_name(char name[static ASIDE_NAME])
{
	uint8_t random[ASIDE_BYTES];

	randombytes_buf(random, sizeof random);
	name_of(name, random);
}

/* Names only have to differ, and nobody can be in the way of one for long (O_EXCL, and random ones after that): the first is random, the next count on
 * from it, and no small file costs a call for chance. One sequence for each thread. */
static void next_name(char name[static ASIDE_NAME])
{
	static _Thread_local uint8_t bytes[ASIDE_BYTES];
	static _Thread_local bool    begun;

	if (!begun)
		randombytes_buf(bytes, sizeof bytes);
	begun = true;
	sodium_increment(bytes, sizeof bytes);
	name_of(name, bytes);
}

int aside_create(int dir, char name[static ASIDE_NAME], int flags, mode_t mode)
{
	int fd = -EEXIST;

	for (int i = 0; i < NAME_TRIES; i++) {
		i ? aside_name(name) : next_name(name);
		fd = path_one(dir, name, flags | O_CREAT | O_EXCL, mode);
		if (fd != -EEXIST)
			break;
	}
	if (fd < 0)
		name[0] = '\0';
	return fd;
}

void aside_lock(int fd)
{
	(void)flock(fd, LOCK_EX | LOCK_NB);
}

static bool is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_nlink == 1 && st->st_uid == geteuid() && (st->st_mode & 07777) == 0600;
}

int aside_find(int dir, const char *name, int flags)
{
	struct stat st;
	int fd;

	/* looked at before, since opening alone can have effects (a device, a FIFO), and after, since it may be another by then */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!is_ours(&st))
		return -EPERM;
	fd = path_one(dir, name, flags | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return fd == -ELOOP || fd == -ENXIO || fd == -EISDIR ? -EPERM : fd;
	if (fstat(fd, &st) == 0 && is_ours(&st))
		return fd;
	close(fd);
	return st.st_nlink == 0 ? -ENOENT : -EPERM;
}

int aside_find_or_make(int dir, const char *name, bool *found)
{
	int fd = -EEXIST;

	for (int i = 0; i < FIND_TRIES && (fd == -EEXIST || fd == -ENOENT); i++) {
		*found = false;
		fd = path_one(dir, name, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd == -EEXIST) {
			*found = true;
			fd = aside_find(dir, name, O_RDWR);
		}
	}
	if (fd >= 0 && !*found && fchmod(fd, 0600) < 0) {       /* whatever the umask: it is to be known again */
		int r = -errno;

		unlinkat(dir, name, 0);
		close(fd);
		return r;
	}
	return fd;
}

bool aside_no_space(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EFBIG;
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
static bool can_never_fit(const struct statfs *fs, uint64_t missing)
{
	uint64_t blocks = geteuid() == 0 ? fs->f_bfree : fs->f_bavail;          /* root may have the reserved ones */

	return fs->f_blocks > 0 && fs->f_bsize > 0 && missing / (uint64_t)fs->f_bsize > blocks;
}

/* How much of the size it does not have yet. */
static uint64_t missing_of(int fd, uint64_t size)
{
	struct stat st;
	uint64_t has = fstat(fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;

	return has < size ? size - has : 0;
}

static int grant(int fd, uint64_t size)
{
	count_call(CALL_FALLOCATE);
	return fallocate(fd, 0, 0, (off_t)size);
}

/* 1: the whole size is granted. 0: this file system does not promise anything, or the file is small. */
static int allocate(int fd, uint64_t size)
{
	struct statfs fs;

	if (size < ALLOCATE_FROM)
		return 0;
	if (size > INT64_MAX)
		return -EFBIG;
	bool known = fstatfs(fd, &fs) == 0;
	if (known && can_never_fit(&fs, missing_of(fd, size)))
		return -ENOSPC;
	/* tmpfs would fill memory with zeros first, which takes as long as the copy */
	if (known && fs.f_type == TMPFS_MAGIC)
		return 0;
	for (int i = 0; grant(fd, size) < 0; i++) {
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			return 0;
		if (errno != EINTR || i >= ALLOCATE_TRIES)
			return -errno;
	}
	return 1;
}

static const struct aside nothing = { .dir = -1, .fd = -1 };

static void end(struct aside *a)
{
	if (a->fd >= 0) {
		flock(a->fd, LOCK_UN);          /* whatever close() says: who waits for it (resume.h) must not wait for ever */
		close(a->fd);
	}
	close(a->dir);
	*a = nothing;
}

/* The directory and the final name, where a file may have it. */
static int prepare(struct aside *a, int dirfd, const char *final)
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
	if (r == ASIDE_FILE) {
		a->dev = st.st_dev;
		a->ino = st.st_ino;
	}
	memcpy(a->final, final, len + 1);
	a->dir = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	return a->dir < 0 ? -errno : 0;
}

int aside_open(struct aside *a, int dirfd, const char *final, uint64_t size)
{
	int r = prepare(a, dirfd, final);

	if (r < 0)
		return r;
	r = a->fd = aside_create(a->dir, a->name, O_RDWR, 0600);
	if (r < 0) {
		end(a);
		return r;
	}
	aside_lock(a->fd);
	r = allocate(a->fd, size);
	if (r < 0)
		aside_drop(a);
	else
		a->allocated = r;
	return r < 0 ? r : 0;
}

int aside_open_named(struct aside *a, int dirfd, const char *final, uint64_t size, const char name[static ASIDE_NAME], bool *found)
{
	int r = prepare(a, dirfd, final);

	if (r < 0)
		return r;
	r = a->fd = aside_find_or_make(a->dir, name, found);
	if (r >= 0) {
		memcpy(a->name, name, ASIDE_NAME);
		r = allocate(a->fd, size);
	}
	if (r >= 0)
		a->allocated = r;
	else if (a->fd >= 0 && (aside_no_space(r) || !*found))
		aside_drop(a);
	else
		end(a);
	return r < 0 ? r : 0;
}

void aside_keep(struct aside *a)
{
	if (a->name[0])
		end(a);
	*a = nothing;
}

void aside_drop(struct aside *a)
{
	/* Without a name nothing is owned: published, never opened, or all zeros. */
	if (a->name[0]) {
		unlinkat(a->dir, a->name, 0);
		end(a);
	}
	*a = nothing;
}

/* What has `name` gets the final one, unless something stands there that is no file and no link. */
static int replace(int dirfd, const char *name, const char *final)
{
	if (renameat(dirfd, name, dirfd, final) == 0)
		return 0;
	int r = errno == EISDIR || errno == ENOTEMPTY ? -EEXIST : -errno;
	unlinkat(dirfd, name, 0);
	return r;
}

int aside_symlink(int dirfd, const char *final, const char *target)
{
	char name[ASIDE_NAME];
	struct stat st;

	if (symlinkat(target, dirfd, final) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (fstatat(dirfd, final, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return -EEXIST;
	aside_name(name);
	if (symlinkat(target, dirfd, name) < 0)
		return -errno;
	return replace(dirfd, name, final);
}

int aside_link(int dirfd, const char *final, int dir, const char *name)
{
	char aside[ASIDE_NAME];
	struct stat st, own;

	if (fstatat(dir, name, &own, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(own.st_mode))
		return -EINVAL;
	if (linkat(dir, name, dirfd, final, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (fstatat(dirfd, final, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return -EEXIST;
	if (st.st_dev == own.st_dev && st.st_ino == own.st_ino)
		return 1;
	aside_name(aside);
	if (linkat(dir, name, dirfd, aside, 0) < 0)
		return -errno;
	int r = replace(dirfd, aside, final);
	/* should it have become the same file meanwhile, the rename did nothing and left both names (rename(2)) */
	unlinkat(dirfd, aside, 0);
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
