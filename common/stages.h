/*
 * stages.h - where a stream's time goes: with files, in ciphers and tags, waiting for the other side, and sleeping since a rate asks for it. Nanoseconds.
 *
 * Book     stages_begin() looks at the clock, stages_end() books what has passed since, less what was booked meanwhile: marks nest, and nothing counts twice. So who handles
 *          a file marks all of that as STAGE_DISK, and the ciphers, the socket and the sleep in it take their parts out of it.
 * Disk     all work with files: finding, opening, reading, mapping, reserving, writing, naming, and listing directories, whatever they lie on. A source's pages are brought before a cipher
 *          looks at them (window.h); those that engine mmap receives into are made by whoever writes into them first, a cipher or the socket, and are theirs.
 * Cipher   sealing, opening, tagging. Records below STAGES_LEAST bytes are left out: the clock would take as long.
 * Wait     blocking calls at the socket, with what the kernel does in them: copying into and out of it and, on loopback, the other side's part of it. A look that does not
 *          block counts for nothing.
 * sendfile is one call for both, file and socket. With tags its pages have been brought by the window that the tags were made in, which is Disk: what sendfile takes is Wait. Without tags
 *          (--integrity=none) the first byte of each call is asked for without waiting (preadv2, RWF_NOWAIT): is it there, then reading ahead keeps up, and the call waited for the socket; is it
 *          not, then the file is what keeps it, and all of the call counts as Disk. Where a file system cannot say (tmpfs, which has no disk) it is Wait. splice's two halves are two calls.
 * Rate     --bwlimit, -l, or an export's bwlimit.
 * Rest     is nobody's: a stream with nothing to do, a queue, a walk's bookkeeping. The four need not make up a stream's life.
 * Cost     two looks at the clock (some 40 ns each) for each mark: a few a piece of 256 KiB, at most six a small file, and with many of them in one request two for all.
 * Threads  a stream's owner's. Proof tests/unit/stages.c, tests/stats.bats.
 */
#pragma once
#include <stdint.h>

enum stage { STAGE_DISK, STAGE_CIPHER, STAGE_WAIT, STAGE_RATE, STAGES };
enum { STAGES_LEAST = 4096 };

struct stages      { uint64_t ns[STAGES]; };
struct stages_mark { uint64_t at, booked; };

struct stages_mark stages_begin(const struct stages *);
/* Returns what has passed since, all of it. */
uint64_t stages_end(struct stages *, enum stage, const struct stages_mark *);
void     stages_add(struct stages *, const struct stages *);
