/*
 * cleanup.h - what a scope owns, it closes: for the failing paths.
 *
 * A file that was written is closed by hand and its result is returned (close_kept()).
 */
#pragma once
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void close_fd(int *fd)            /* errno survives */
{
	int saved = errno;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline int keep_fd(int *fd)              /* out of its scope, to the caller */
{
	int kept = *fd;
	*fd = -1;
	return kept;
}

static inline void free_ptr(void *pp)
{
	void **p = pp;
	free(*p);
	*p = NULL;
}

#define CLEAN_FD  __attribute__((cleanup(close_fd)))
#define CLEAN_PTR __attribute__((cleanup(free_ptr)))
