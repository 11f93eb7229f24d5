/* standard.c - see standard.h */
#include "common/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int open_nothing(void)
{
	int fd = open("/dev/full", O_PATH | O_CLOEXEC);

	return fd < 0 ? open("/dev/null", O_PATH | O_CLOEXEC) : fd;
}

int standard_fill(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* those below are open: it is the lowest number */
		if (open_nothing() != fd || fcntl(fd, F_SETFD, 0) < 0)
			return -errno;
	}
	return 0;
}

bool standard_closed(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || flags & O_PATH;
}

int standard_dup(int fd)
{
	if (standard_closed(fd))
		return -EBADF;
	int r = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return r < 0 ? -errno : r;
}
