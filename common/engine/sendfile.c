/*
 * sendfile.c - page cache to socket, inside the kernel. Cannot seal: the bytes never come here.
 *
 * One call moves at most 0x7ffff000 bytes (sendfile(2)); count is never more than what is left of the file's announced bytes, so that the
 * kernel does not keep a last packet back. 0 = the file ended early: never a reason to try again.
 */
#include <errno.h>
#include <sys/sendfile.h>
#include "common/engine/rows.h"

static ssize_t sendfile_send(struct transfer *t, size_t max)
{
	off_t at = (off_t)t->off;

	for (;;) {
		ssize_t n = sendfile(t->stream->sock, t->file, &at, max);
		if (n >= 0) {
			t->stream->bytes_out += (uint64_t)n;
			return n;
		}
		if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
			return -EOPNOTSUPP;             /* not this file system: the next row */
		if (errno != EINTR)
			return stream_failed(t->stream, errno);
	}
}

const struct engine engine_sendfile = {
	.name = "sendfile", .id = ENGINE_SENDFILE, .can = CAN_SEND, .automatic = AUTO_RAW_SEND, .send = sendfile_send,
};
