/*
 * sendfile.c - page cache to socket, inside the kernel. Cannot seal: the bytes never come here.
 *
 * One call moves at most 0x7ffff000 bytes (sendfile(2)); count is never more than what is left of the file's announced bytes, so that the
 * kernel does not keep a last packet back. 0 = the file ended early: never a reason to try again.
 */
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include "common/count.h"
#include "common/engine/rows.h"

/* Will this call wait for the file, and not for the socket? See stages.h. Tags have brought their pages. */
static bool is_cold(const struct transfer *t)
{
	uint8_t      one;
	struct iovec v = { &one, 1 };

	if (t->mac)
		return false;
	count_call(CALL_PREADV2);
	return preadv2(t->file, &v, 1, (off_t)t->off, RWF_NOWAIT) < 0 && errno == EAGAIN;
}

static ssize_t sendfile_send(struct transfer *t, size_t max)
{
	off_t at = (off_t)t->off;
	bool  cold = is_cold(t);

	for (;;) {
		struct stages_mark m = stages_begin(&t->stream->stages);
		count_call(CALL_SENDFILE);
		ssize_t            n = sendfile(t->stream->sock, t->file, &at, max);
		stages_end(&t->stream->stages, cold ? STAGE_DISK : STAGE_WAIT, &m);
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
