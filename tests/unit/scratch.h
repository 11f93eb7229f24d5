/*
 * scratch.h - a directory of the driver's own, removed at the end; small files in it.
 */
#pragma once
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline char *scratch_path(void)
{
	static char path[4096];

	return path;
}

static inline int scratch_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	(void)type;
	return remove(path);
}

static inline void scratch_remove(void)
{
	nftw(scratch_path(), scratch_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Opens a new directory below $TMPDIR; `where` NULL: /tmp. */
static inline int scratch(const char *where)
{
	const char *tmp = where ? where : getenv("TMPDIR");

	snprintf(scratch_path(), 4000, "%s/zcp-unit.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(scratch_path()))
		return -1;
	atexit(scratch_remove);
	return open(scratch_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static inline void put_file(int dir, const char *path, const char *text, mode_t mode)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) < 0) {
		perror(path);
		exit(2);
	}
	close(fd);
}

static inline void put_link(int dir, const char *path, const char *target)
{
	if (symlinkat(target, dir, path) < 0) {
		perror(path);
		exit(2);
	}
}

static inline const char *get_file(int dir, const char *path, char *buf, size_t len)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, len - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return "(none)";
	buf[n] = '\0';
	return buf;
}
