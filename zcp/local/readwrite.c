/* readwrite.c - pread into a buffer, pwrite out of it: works with every file, and tells reading from writing when it fails. */
#include <errno.h>
#include <stdlib.h>
#include "common/io.h"
#include "zcp/local/rows.h"

enum { PAGE = 4096 };

/* What is read into memory that does not begin a page takes twice as long (measured: tmpfs to ext4). */
uint8_t *copying_buffer(struct copying *c)
{
	if (!c->buf)
		c->buf = aligned_alloc(PAGE, COPYING_BYTES);
	return c->buf;
}

static ssize_t readwrite_step(struct copying *c, size_t max)
{
	if (!copying_buffer(c))
		return -ENOMEM;
	ssize_t n = io_pread_full(c->from, c->buf, max, c->off);
	c->at_source = n < 0;
	if (n <= 0)
		return n;
	ssize_t w = io_pwrite_full(c->to, c->buf, (size_t)n, c->off);
	c->through += 2 * (uint64_t)n;
	return w < 0 ? w : n;
}

const struct copier copier_readwrite = { .name = "readwrite", .id = COPIER_READWRITE, .piece = COPYING_BYTES, .step = readwrite_step };
