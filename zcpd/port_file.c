/*
 * port_file.c - "PORT\n" for whoever started zcpd, once it listens.
 *
 * A FIFO is opened by a process of its own, which waits for the reader: the listener never waits. A file appears complete, by rename.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/io.h"
#include "zcpd/listener_parts.h"

static int write_to(const char *path, int flags, const char *line)
{
	CLEAN_FD int fd = open(path, flags | O_WRONLY | O_NOCTTY | O_CLOEXEC, 0644);
	ssize_t      n = fd < 0 ? -errno : io_write_full(fd, line, strlen(line));

	return n < 0 ? (int)n : 0;
}

static int write_when_read(struct listener *l, const char *path, const char *line)
{
	pid_t parent = getpid(), pid = board_only(&l->board, SIZE_MAX) < 0 ? -1 : fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		keys_wipe(&l->service->host);
		streams_leave(l);
		/* it has nothing to wait for when zcpd has gone */
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(getppid() == parent ? write_to(path, 0, line) != 0 : 1);
	}
	l->k.port_writer = pid;
	return 0;
}

static int replace(const char *path, const char *line)
{
	char aside[4096];

	if (snprintf(aside, sizeof aside, "%s.%ld", path, (long)getpid()) >= (int)sizeof aside)
		return -ENAMETOOLONG;
	int r = write_to(aside, O_CREAT | O_EXCL | O_NOFOLLOW, line);
	if (r == 0 && rename(aside, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(aside);
	return r;
}

int listener_port_file(struct listener *l, const char *path)
{
	struct stat st;
	char        line[16];

	snprintf(line, sizeof line, "%u\n", (unsigned)listener_port(l));
	if (stat(path, &st) < 0)
		return errno == ENOENT ? replace(path, line) : -errno;
	if (S_ISFIFO(st.st_mode))
		return write_when_read(l, path, line);
	return S_ISREG(st.st_mode) ? replace(path, line) : write_to(path, 0, line);
}
