/* readwrite.c - pread into a buffer, pwrite out of it: works with every file, and tells reading from writing when it fails. */
#include <errno.h>
#include <stdlib.h>
#include "common/io.h"
#include "zcp/local/rows.h"

enum { READWRITE_PIECE = 128 * 1024 /* twice as fast as 256 KiB between a tmpfs and ext4: both halves have to stay in a cache */ };

static ssize_t readwrite_step(struct copying *c, size_t max)
{
	if (!c->buf)
		c->buf = malloc(READWRITE_PIECE);
	if (!c->buf)
		return -ENOMEM;
	ssize_t n = io_pread_full(c->from, c->buf, max, c->off);
	c->at_source = n < 0;
	if (n <= 0)
		return n;
	ssize_t w = io_pwrite_full(c->to, c->buf, (size_t)n, c->off);
	c->through += 2 * (uint64_t)n;
	return w < 0 ? w : n;
}

const struct copier copier_readwrite = { .name = "readwrite", .id = COPIER_READWRITE, .piece = READWRITE_PIECE, .step = readwrite_step };
