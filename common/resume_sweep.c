/* resume_sweep.c - what nobody will go on with is removed. See resume.h */
#include "common/resume_own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "common/cleanup.h"

enum { SUFFIX = 2 };

static bool may_go(int fd, time_t now)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == geteuid() &&
	       st.st_mtim.tv_sec < now - SWEEP_AGE_S;
}

/* Opened and locked, if it may go: a descriptor. -ENOENT: it is not there. Else -errno: it stays. */
static int claim(int dir, const char *name, time_t now)
{
	struct stat st;
	int         r = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EPERM;
	CLEAN_FD int fd = r < 0 ? r : path_one(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0)
		return fd;
	if (!may_go(fd, now))
		return -EPERM;
	r = resume_lock(fd, LOCK_EX);
	/* once more: somebody may have gone on with it just before */
	return r < 0 ? r : may_go(fd, now) && resume_is(dir, name, fd) ? keep_fd(&fd) : -EAGAIN;
}

/* An aside file and its journal, or the one of them that is there: both or none. How many went. */
static int sweep_pair(int dir, const char *aside, time_t now)
{
	char         journal[JOURNAL_NAME];
	int          gone = 0;

	resume_journal_name(journal, aside);
	CLEAN_FD int j = claim(dir, journal, now);
	if (j < 0 && j != -ENOENT)
		return 0;
	CLEAN_FD int a = claim(dir, aside, now);
	if (a < 0 && a != -ENOENT)
		return 0;
	if (a >= 0)
		gone += unlinkat(dir, aside, 0) == 0;
	if (j >= 0)
		gone += unlinkat(dir, journal, 0) == 0;
	return gone;
}

int resume_sweep(int dirfd, size_t max)
{
	time_t now = time(NULL);
	int    gone = 0, fd = path_one(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR   *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		int r = fd < 0 ? fd : -errno;
		close_fd(&fd);
		return r;
	}
	for (const struct dirent *e; max > 0 && (e = readdir(d)); max--) {
		char   aside[ASIDE_NAME] = "";
		size_t len = strlen(e->d_name);

		if (!path_is_aside(e->d_name))
			continue;
		memcpy(aside, e->d_name, len < sizeof aside ? len : len - SUFFIX);
		gone += sweep_pair(dirfd, aside, now);
	}
	closedir(d);
	return gone;
}
