/* stream_handed.c - descriptors that come with records over a Unix socket: which one is whose. See stream.h, Handed */
#include <errno.h>
#include <sys/socket.h>
#include "common/cleanup.h"
#include "common/io.h"
#include "common/stream_own.h"

ssize_t stream_take(struct stream *s, uint8_t *p, size_t len, int how)
{
	bool    may = s->hands && s->handed.fd < 0 && !(how & MSG_WAITALL);
	int     fd = -1;
	ssize_t n;

	if (s->local)
		n = io_recv_with(s->sock, p, len, how, may ? &fd : NULL);
	else
		n = how & MSG_WAITALL ? io_recv_once(s->sock, p, len) : io_recv_some(s->sock, p, len, !(how & MSG_DONTWAIT));
	if (fd >= 0)
		s->handed = (struct stream_handed){ fd, s->bytes_in, s->bytes_in + (uint64_t)(n > 0 ? n : 0) };
	if (n > 0)
		s->bytes_in += (uint64_t)n;
	return n;
}

/* Where in all that came in the next unread byte stands. */
static uint64_t position(const struct stream *s)
{
	return s->bytes_in - (s->in_to - s->in_from);
}

/* A call that brings a descriptor ends with the bytes that it was sent with: with its record's, whole or not. */
static bool is_whose(const struct stream_handed *h, uint64_t at, uint64_t end)
{
	return h->fd >= 0 && at >= h->from && at < h->end && end >= h->end;
}

int stream_match(struct stream *s, const struct record *rec, size_t len)
{
	bool     due = rec->type == WIRE_FILE && rec->body.file.flags & SENT_HANDED;
	uint64_t at = position(s), end = at + len;

	if (!s->local)
		return due ? -EPROTO : 0;
	close_fd(&s->descriptor);
	s->descriptor = -1;
	if (due && !is_whose(&s->handed, at, end))
		return -EPROTO;
	if (due) {
		s->descriptor = s->handed.fd;
		s->handed.fd = -1;
	}
	return s->handed.fd >= 0 && s->handed.end <= end ? -EPROTO : 0;
}

int stream_bare(const struct stream *s, size_t len)
{
	return s->local && s->handed.fd >= 0 && s->handed.end <= position(s) + len ? -EPROTO : 0;
}

int stream_descriptor(struct stream *s)
{
	int fd = s->descriptor;

	s->descriptor = -1;
	return fd;
}
