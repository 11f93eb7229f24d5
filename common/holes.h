/*
 * holes.h - where a file has data and where it has nothing: found in what is sent, made in what is written.
 *
 * Asked    with lseek(2), and only where a file takes less room than it is long: an ordinary one costs no call more. Who asks does not need the descriptor's own offset.
 *          A file system that knows nothing of holes has data everywhere: that is right, and slower.
 * Extents  of data are widened to HOLES_ALIGN at both ends, as far as they were asked for, so that what is between them can be sent and received by direct I/O.
 * Trust    a file may change while it is looked at: who sends it looks at its times afterwards, who keeps it reads what is there.
 * Returns  0 or -errno; what is said of the functions.
 * Source   lseek(2) SEEK_DATA, fallocate(2) FALLOC_FL_PUNCH_HOLE, zcp-wire(7) HOLES. Proof tests/unit/holes.c, tests/sparse.bats.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum { HOLES_ALIGN = 4096 };

struct extent { uint64_t from, end; };

/* Does it take less room than it is long? No system call. */
static inline bool holes_likely(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_blocks >= 0 && (uint64_t)st->st_blocks < ((uint64_t)st->st_size + 511) / 512;
}
/* ... and is that because of holes? (It may be compressed.) */
bool holes_in(int fd, const struct stat *st);
/* The first data in [at, end): up to `from` is a hole, up to `end` data. from == end == the `end` asked for: nothing but a hole. */
struct extent holes_next(int fd, uint64_t at, uint64_t end);
/* Nothing is to be there, nor any room taken for it. granted: room was taken, so it is given back even where there is nothing. The size stays.
 * -errno: it cannot be done here, or not now; zeros do it, too. */
int  holes_make(int fd, uint64_t off, uint64_t len, bool granted);
/* All data in [off, off + len), piece by piece, in a buffer that each() may change; what each() returns ends it, unless that is 0. -ENOMEM, -errno of a read. */
int  holes_read(int fd, uint64_t off, uint64_t len, int (*each)(void *arg, uint64_t at, uint8_t *p, size_t n), void *arg);
bool holes_zeros(const uint8_t *p, size_t n);
