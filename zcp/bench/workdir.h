/*
 * workdir.h - the directory that --bench works in, below the one it is told; the file that is moved; and that file's pages in the page cache.
 *
 * Made     DIR/.zcp-bench-XXXXXX (0700): root/file is what is served, of bytes that no file system finds short cuts in; state/ is zcpd's; copies are made beside them, one at a time.
 * Space    two files of that size (and 16 MiB) are checked for before anything is written.
 * Removed  all of it by workdir_clear(), whatever was made.
 * Returns  ST_OK or the status to end with, said. Others -errno.
 * Source   posix_fadvise(2), mincore(2), statvfs(3). Proof tests/bench.bats.
 */
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include "common/err.h"

enum { WORKDIR_PATH = 4096 };

struct workdir {
	char     dir[WORKDIR_PATH], file[WORKDIR_PATH + 16], copy[WORKDIR_PATH + 16];
	int      fd;                    /* of file */
	char     fs[32];                /* "ext4", "tmpfs (memory)" */
	bool     memory;                /* it lies in memory only: nothing can be dropped, nothing is read from a disk */
	uint64_t size;
};

/* size 0: no file, and no space is asked for. */
enum status workdir_make(struct workdir *, const char *dir, uint64_t size, const volatile sig_atomic_t *stop);
void workdir_clear(struct workdir *);
/* Out of the page cache with it. How much of it is left there, 0 to 1, or -1: it cannot be told. */
double workdir_drop(const struct workdir *);
double workdir_resident(const struct workdir *);
