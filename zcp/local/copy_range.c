/* copy_range.c - the kernel copies from page to page; a file system that can, on its server or by sharing extents. One call may copy far less than asked for. */
#include <errno.h>
#include <unistd.h>
#include "common/count.h"
#include "zcp/local/rows.h"

enum { RANGE_PIECE = 16 << 20 };

static ssize_t range_step(struct copying *c, size_t max)
{
	off64_t from = (off64_t)c->off, to = from;

	count_call(CALL_COPY_RANGE);
	ssize_t n = copy_file_range(c->from, &from, c->to, &to, max, 0);

	return n < 0 ? -errno : n;
}

const struct copier copier_range = { .name = "copy_file_range", .id = COPIER_RANGE, .piece = RANGE_PIECE, .step = range_step };
