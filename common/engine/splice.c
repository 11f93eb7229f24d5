/*
 * splice.c - page cache -> pipe -> socket, and socket -> pipe -> page cache. Cannot seal, and cannot check a tag before it writes.
 *
 * The pipe is 1 MiB where the user may have it (fs.pipe-user-pages-soft), smaller where not: never a failure.
 * Whatever went into the pipe leaves it before a step returns: a row that says no leaves nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/count.h"
#include "common/engine/rows.h"
#include "common/io.h"

enum { PIPE_BYTES = 1024 * 1024 };

struct pipe_pair { int out, in; size_t size; };

static int splice_open(struct transfer *t, unsigned way)
{
	struct pipe_pair *p = malloc(sizeof *p);
	int               fds[2];

	(void)way;
	if (!p)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		free(p);
		return -errno;
	}
	int size = fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	if (size < 0)
		size = fcntl(fds[1], F_GETPIPE_SZ);
	*p = (struct pipe_pair){ fds[0], fds[1], size > 0 ? (size_t)size : 4096 };
	t->own = p;
	return 0;
}

static void splice_close(struct transfer *t)
{
	struct pipe_pair *p = t->own;

	close_fd(&p->out);
	close_fd(&p->in);
	free(p);
}

static ssize_t splice_retry(int from, off_t *from_at, int to, off_t *to_at, size_t n)
{
	ssize_t moved;

	do {
		count_call(CALL_SPLICE);
		moved = splice(from, from_at, to, to_at, n, SPLICE_F_MORE);
	} while (moved < 0 && errno == EINTR);
	return moved < 0 ? -errno : moved;
}

/* The half at the socket: what it takes is waited. */
static ssize_t splice_sock(struct stream *s, int from, int to, size_t n)
{
	struct stages_mark m = stages_begin(&s->stages);
	ssize_t            moved = splice_retry(from, NULL, to, NULL, n);

	stages_end(&s->stages, STAGE_WAIT, &m);
	return moved;
}

static ssize_t splice_send(struct transfer *t, size_t max)
{
	struct pipe_pair *p = t->own;
	off_t             at = (off_t)t->off;
	ssize_t           got = splice_retry(t->file, &at, p->in, NULL, max < p->size ? max : p->size);

	if (got <= 0)
		return got == -EINVAL || got == -ENOSYS ? -EOPNOTSUPP : got;
	for (ssize_t left = got; left > 0;) {
		ssize_t n = splice_sock(t->stream, p->out, t->stream->sock, (size_t)left);
		if (n <= 0) {
			/* some may have left: whatever it is called, nobody knows any more where the stream stands */
			int r = stream_failed(t->stream, n == 0 ? EPIPE : (int)-n);
			if (!t->stream->broken)
				t->stream->broken = r;
			return r;
		}
		left -= n;
	}
	t->stream->bytes_out += (uint64_t)got;
	return got;
}

/* What the file does not take by splice it takes by write; what it does not take at all leaves the pipe all the same. */
static void empty_pipe(struct transfer *t, uint64_t at, size_t left, uint8_t *scratch)
{
	struct pipe_pair *p = t->own;

	while (left > 0) {
		count_call(CALL_READ);
		ssize_t n = read(p->out, scratch, left < WIRE_CONTENTS_MAX ? left : WIRE_CONTENTS_MAX);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			t->file_error = -EIO;   /* bytes that are counted and are not in the file */
			return;
		}
		ssize_t w = t->file_error ? 0 : io_pwrite_full(t->file, scratch, (size_t)n, at);
		count_through((uint64_t)n + (w > 0 ? (uint64_t)w : 0));
		if (w < 0)
			t->file_error = (int)w;
		left -= (size_t)n;
		at += (uint64_t)n;
	}
}

/* What was read ahead of the socket is in user space already and is written from there: no more at once than scratch holds. */
static ssize_t held_first(struct transfer *t, size_t n, uint8_t *scratch)
{
	if (n > WIRE_CONTENTS_MAX)
		n = WIRE_CONTENTS_MAX;
	int r = transfer_take(t, scratch, n);
	if (r < 0)
		return r;
	ssize_t w = io_pwrite_full(t->file, scratch, n, t->off);
	if (w < 0)
		t->file_error = (int)w;
	else
		count_through(n);
	return (ssize_t)n;
}

static ssize_t splice_recv(struct transfer *t, size_t max)
{
	struct pipe_pair *p = t->own;
	uint8_t          *scratch = stream_scratch(t->stream);
	size_t            held = stream_raw_held(t->stream);
	off_t             at = (off_t)t->off;

	if (!scratch)
		return -ENOMEM;
	if (held)
		return held_first(t, held < max ? held : max, scratch);

	ssize_t got = splice_sock(t->stream, t->stream->sock, p->in, max < p->size ? max : p->size);
	if (got <= 0)
		return stream_failed(t->stream, got == 0 ? ENODATA : (int)-got);
	stream_raw_spliced(t->stream, (size_t)got);
	for (ssize_t left = got; left > 0;) {
		ssize_t n = splice_retry(p->out, NULL, t->file, &at, (size_t)left);
		if (n <= 0) {
			if (n != -EINVAL && n != -EOPNOTSUPP)
				t->file_error = n == 0 ? -EIO : (int)n;
			empty_pipe(t, (uint64_t)at, (size_t)left, scratch);
			break;
		}
		left -= n;
	}
	return got;
}

const struct engine engine_splice = {
	.name = "splice", .id = ENGINE_SPLICE, .can = CAN_SEND | CAN_RECV, .automatic = AUTO_RAW_SEND | AUTO_RECV,
	.open = splice_open, .send = splice_send, .recv = splice_recv, .close = splice_close,
};
