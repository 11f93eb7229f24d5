/*
 * window.h - a file seen through one small mapping that slides: the mmap engine's source, and where raw chunks are tagged in place.
 *
 * window_at() gives a pointer to [off, off+len) (len at most WINDOW_BYTES/2), valid until the next call. Touch it only inside guard_run():
 * somebody may shorten the file. -EOPNOTSUPP: this file cannot be mapped.
 * Source   mmap(2), madvise(2) MADV_POPULATE_READ (one call instead of a fault per 64 KiB). Proof tests/unit/transfer.c, tests/changing.bats.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { WINDOW_BYTES = 8 * 1024 * 1024 };
struct window { uint8_t *p; uint64_t off; size_t len; };
int  window_at(struct window *, int fd, uint64_t off, size_t len, uint64_t file_end, uint8_t **out);
void window_close(struct window *);
