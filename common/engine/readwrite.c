/* readwrite.c - pread and write, recv and pwrite: can do all, everywhere, and is the oracle for the rest. */
#include <errno.h>
#include "common/count.h"
#include "common/engine/rows.h"
#include "common/io.h"

static ssize_t readwrite_send(struct transfer *t, size_t max)
{
	uint8_t *buf = stream_scratch(t->stream);
	size_t   want = max < WIRE_CONTENTS_MAX ? max : WIRE_CONTENTS_MAX;

	if (!buf)
		return -ENOMEM;
	ssize_t n = io_pread_full(t->file, buf, want, t->off);
	if (n < 0)
		return n;
	if ((size_t)n < want)
		return 0;                       /* ended early */
	count_through(want);
	return transfer_give(t, buf, want);
}

static ssize_t readwrite_recv(struct transfer *t, size_t max)
{
	uint8_t *buf = stream_scratch(t->stream);
	size_t   want = max < WIRE_CONTENTS_MAX ? max : WIRE_CONTENTS_MAX;

	if (!buf)
		return -ENOMEM;
	int r = transfer_take(t, buf, want);
	if (r < 0)
		return r;
	ssize_t n = t->in_order ? io_write_full(t->file, buf, want) : io_pwrite_full(t->file, buf, want, t->off);
	if (n < 0)
		t->file_error = (int)n;
	else
		count_through(want);
	return (ssize_t)want;
}

const struct engine engine_readwrite = {
	.name = "readwrite", .id = ENGINE_READWRITE, .can = CAN_SEND | CAN_RECV | CAN_SEAL | CAN_MAC_RECV,
	.automatic = AUTO_RAW_SEND | AUTO_SEALED_SEND | AUTO_RECV, .send = readwrite_send, .recv = readwrite_recv,
};
