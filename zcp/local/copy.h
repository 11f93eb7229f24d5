/*
 * copy.h - the contents of one open file into another one on this machine: one technique per file here, one struct, one table, one loop (copy.c).
 *
 *   name             how                                                    copies by the CPU   in user space
 *   reflink          FICLONE: both files have the same extents              0                   no
 *   copy_file_range  page cache to page cache, inside the kernel            1                   no
 *   readwrite        pread into a buffer, pwrite out of it                  2                   yes
 *   mmap             memcpy from a mapping of the one into the other's      1, and page faults  yes
 *
 * Files    from: a regular file, open for reading (another process may have opened it). to: regular and empty, open for reading and writing. Both borrowed; their own offsets do not count.
 * Order    the table's, by measurement (zcp(1), LOCAL COPIES); mmap, which was never the fastest, only where it is asked for. A row that says "not here" (or fails in a way that does not
 *          tell which of the two files it is) hands on to the next, which goes on where it was. Of a full disk none says that.
 * Holes    of the source are neither read nor written: holes.h. A reflink keeps them by itself.
 * Sizes    that are none (procfs: 0; sysfs: 4,096) are found out by reading: the copy is as long as what came, if the file did not change meanwhile.
 * Changes  as in send.h: flags has SENT_SHRANK (shorter, or rewritten: the copy is worthless) or SENT_GREW (the first st.st_size bytes are right). A file that is shortened under its
 *          mapping is SENT_SHRANK, a disk that fills up under one -ENOSPC (guard.h).
 * Between  pieces comes between(), so a signal or a rate waits for one piece at the most. A reflink is one piece, and costs no rate.
 * Returns  0; -errno: at_source tells whose. With `only`: -EOPNOTSUPP: it cannot do this here. What is in `to` then is worth nothing. Logs nothing.
 * Source   ioctl_ficlone(2), copy_file_range(2), mmap(2), lseek(2). Proof tests/local.bats, tests/unit/local.c.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "common/throttle.h"
#include "common/window.h"

/* Both halves of a copy by way of memory have to stay in a cache. */
enum { COPYING_BYTES = 128 * 1024 };
enum { COPIER_REFLINK = 1, COPIER_RANGE, COPIER_READWRITE, COPIER_MMAP, COPIER_IDS };

struct copier;
struct copying {                /* zeros; copying_clear() at the end. One after the other may be copied with it: memory is kept */
	int              from, to;
	struct stat      st;            /* fstat() of `from`, before */
	struct throttle *rate;          /* borrowed; NULL: as fast as it goes */
	int            (*between)(void *arg);                   /* after a piece: 0, or -errno: it ends with that. NULL: nobody asks */
	void           (*moved)(void *arg, uint64_t bytes);     /* progress; may be NULL */
	void           (*passed)(void *arg, uint64_t bytes);    /* the same of holes, and of what a reflink shares: it is further, though nothing moved; may be NULL */
	void            *arg;

	uint64_t off;                   /* out: how long the copy is */
	uint64_t through;               /* out: bytes that came through this process's memory */
	uint8_t  flags;                 /* out: SENT_* */
	bool     at_source;             /* out: what failed is reading */
	bool     apart;                 /* out: these two file systems share no extents, whatever the file */
	const struct copier *used;      /* out: what moved the last bytes; NULL: there were none */

	/* the rows' own */
	uint64_t      size;             /* as far as it is to go */
	uint64_t      until;            /* the end of the data at hand: no mapping looks further (in a tmpfs a hole that is looked into is none any more) */
	bool          sized;            /* `to` has been given a length that its bytes may not reach */
	struct window window;           /* mmap: of `from` */
	uint8_t      *target; size_t target_len; uint64_t target_off;   /* mmap: of `to` */
	uint8_t      *buf;
};

struct copier {
	const char *name;               /* --engine=NAME, -v, --json */
	uint8_t     id;
	bool        asked;              /* only where it is asked for */
	bool        whole;              /* all of it in one step, holes too; moves nothing */
	size_t      piece;              /* bytes of a step, at most */
	/* at most max bytes at c->off: how many; 0: the source ends here, whatever its size; -EOPNOTSUPP: not here; -errno. Moves no offset */
	ssize_t   (*step)(struct copying *, size_t max);
	void      (*close)(struct copying *);           /* after each file; NULL: nothing to do */
};

extern const struct copier *const copiers[];            /* best first, NULL at the end */
const struct copier *copier_by_name(const char *name);
const struct copier *copier_by_id(uint8_t id);

int  local_copy(struct copying *, const struct copier *only);   /* only NULL: the best */
uint8_t *copying_buffer(struct copying *);               /* COPYING_BYTES, its own; NULL: no memory */
void copying_clear(struct copying *);
