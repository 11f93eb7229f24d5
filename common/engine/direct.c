/*
 * direct.c - O_DIRECT: the disk's own DMA into and out of a buffer here, past the page cache.
 *
 * The flag is put on the descriptor at hand and taken off again at close. Offsets are multiples of 64 KiB (segments, chunks and records are), or of 4 KiB behind a hole, the
 * buffer is page-aligned; a file's last piece is not, nor what is received for a range that begins elsewhere: these go without the flag. Where the file system has none: -EOPNOTSUPP.
 */
#include <errno.h>
#include <fcntl.h>
#include "common/count.h"
#include "common/engine/rows.h"
#include "common/io.h"

enum { ALIGN = 4096 };

static int set_direct(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	return fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) < 0 ? -errno : 0;
}

static int direct_open(struct transfer *t, unsigned way)
{
	(void)way;
	int r = set_direct(t->file, true);
	return r == -EINVAL ? -EOPNOTSUPP : r;
}

static void direct_close(struct transfer *t)
{
	set_direct(t->file, false);
}

static ssize_t read_direct(struct transfer *t, uint8_t *buf, size_t want)
{
	/* a whole number of blocks: the kernel stops at the file's end by itself */
	ssize_t n = io_pread_full(t->file, buf, (want + ALIGN - 1) / ALIGN * ALIGN, t->off);

	return n > (ssize_t)want ? (ssize_t)want : n;
}

static ssize_t direct_send(struct transfer *t, size_t max)
{
	uint8_t *buf = stream_scratch(t->stream);
	size_t   want = max < WIRE_CONTENTS_MAX ? max : WIRE_CONTENTS_MAX;

	if (!buf)
		return -ENOMEM;
	ssize_t n = t->off % ALIGN ? -EINVAL : read_direct(t, buf, want);
	if (n == -EINVAL)
		return -EOPNOTSUPP;
	if (n < 0)
		return n;
	if ((size_t)n < want)
		return 0;
	count_through(want);
	return transfer_give(t, buf, want);
}

static ssize_t write_direct(struct transfer *t, const uint8_t *buf, size_t want)
{
	size_t  whole = t->off % ALIGN ? 0 : want / ALIGN * ALIGN;      /* a range may begin anywhere: that goes without the flag, too */
	ssize_t n = whole ? io_pwrite_full(t->file, buf, whole, t->off) : 0;

	if (n < 0 || whole == want)
		return n;
	int r = set_direct(t->file, false);
	if (r == 0)
		n = io_pwrite_full(t->file, buf + whole, want - whole, t->off + whole);
	int back = set_direct(t->file, true);
	return r < 0 ? r : n < 0 ? n : back;
}

static ssize_t direct_recv(struct transfer *t, size_t max)
{
	uint8_t *buf = stream_scratch(t->stream);
	size_t   want = max < WIRE_CONTENTS_MAX ? max : WIRE_CONTENTS_MAX;

	if (!buf)
		return -ENOMEM;
	int r = transfer_take(t, buf, want);
	if (r < 0)
		return r;
	ssize_t n = write_direct(t, buf, want);
	if (n < 0)
		t->file_error = (int)n;
	else
		count_through(want);
	return (ssize_t)want;
}

const struct engine engine_direct = {
	.name = "direct", .id = ENGINE_DIRECT, .can = CAN_SEND | CAN_RECV | CAN_SEAL | CAN_MAC_RECV, .automatic = 0,
	.open = direct_open, .send = direct_send, .recv = direct_recv, .close = direct_close,
};
