/* descriptors.c - see descriptors.h */
#include "zcpd/descriptors.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common/num.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static int by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* What lies between those that are kept. */
static int close_between(const int *fds, size_t n)
{
	unsigned from = STDERR_FILENO + 1;

	for (size_t i = 0; i <= n; i++) {
		unsigned to = i < n ? (unsigned)fds[i] : UINT_MAX;
		if (i < n && fds[i] < (int)from)
			continue;
		if (from < to && syscall(SYS_close_range, from, i < n ? to - 1 : to, 0) < 0)
			return -errno;
		from = to + 1;
	}
	return 0;
}

static int close_listed(const int *fds, size_t n)
{
	DIR                 *d = opendir("/proc/self/fd");
	const struct dirent *e;
	uint64_t             found;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {      /* NOLINT(concurrency-mt-unsafe): one thread */
		int fd = num_parse(e->d_name, STDERR_FILENO + 1, INT_MAX, &found) < 0 ? -1 : (int)found;
		if (fd >= 0 && fd != dirfd(d) && !bsearch(&fd, fds, n, sizeof fd, by_number))
			close(fd);
	}
	closedir(d);
	return 0;
}

int descriptors_keep(int *fds, size_t n)
{
	qsort(fds, n, sizeof *fds, by_number);
	int r = close_between(fds, n);
	return r == -ENOSYS || r == -EPERM ? close_listed(fds, n) : r;
}
