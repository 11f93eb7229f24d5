/* stream.c - records into and out of two buffers; the reading half that hands them out is stream_read.c. */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include "common/cleanup.h"
#include "common/io.h"
#include "common/stream.h"
#include "common/unix_socket.h"

enum { FLUSH_AT = 256 * 1024 };         /* small records leave together, in writes of about this size */

int stream_init(struct stream *s, int sock, unsigned peer, struct seal *tx, struct seal *rx, int stall_ms)
{
	*s = (struct stream){ .sock = sock, .peer = peer, .tx = *tx, .rx = *rx, .stall_ms = stall_ms, .local = unix_is(sock), .handed.fd = -1, .descriptor = -1 };
	*tx = *rx = (struct seal){ 0 };
	s->out = malloc(STREAM_OUT_BYTES);
	s->in = malloc(STREAM_IN_BYTES);
	if (s->out && s->in)
		return 0;
	stream_clear(s);
	return -ENOMEM;
}

void stream_clear(struct stream *s)
{
	/* plain text of the last records may still lie in the buffer for reading */
	if (s->in)
		sodium_memzero(s->in, s->in_to);
	if (s->scratch)
		sodium_memzero(s->scratch, WIRE_CONTENTS_MAX);
	free(s->scratch);
	free(s->in);
	free(s->out);
	seal_clear(&s->tx);
	seal_clear(&s->rx);
	close_fd(&s->sock);
	if (s->local) {
		close_fd(&s->handed.fd);
		close_fd(&s->descriptor);
	}
	*s = (struct stream){ .sock = -1, .handed.fd = -1, .descriptor = -1 };
}

static int broke(struct stream *s, int r)
{
	if (!s->broken)
		s->broken = r;
	return r;
}

/* Has the peer taken all that was sent? Then it was not the peer who was waited for. */
static bool all_taken(const struct stream *s)
{
	struct tcp_info info = { .tcpi_unacked = 1 };
	socklen_t       len = sizeof info;

	return getsockopt(s->sock, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && !info.tcpi_unacked && !info.tcpi_notsent_bytes;
}

int stream_paced(struct stream *s, bool out, uint64_t ns)
{
	uint64_t moved = s->bytes_in + s->bytes_out - s->slow_mark, waited = s->slow_ns + ns;

	if (!s->message_ms)
		return 0;
	s->slow_ns = waited;
	if (waited < (uint64_t)s->message_ms * 1000000)
		return 0;
	s->slow_ns = 0;
	s->slow_mark += moved;
	if (moved >= STREAM_LEAST_A_MINUTE * (waited / 1000000) / 60000 || (out && all_taken(s)))
		return 0;
	return broke(s, -ETIMEDOUT);
}

/* io_send_full(), with an eye on who makes it wait. */
static ssize_t send_all(struct stream *s, const uint8_t *p, size_t len, bool more)
{
	size_t done = 0;

	while (done < len) {
		size_t most = stream_at_once(s, len - done, false);
		struct stages_mark m = stages_begin(&s->stages);
		ssize_t  n = io_send_once(s->sock, p + done, most, more);
		uint64_t ns = stages_end(&s->stages, STAGE_WAIT, &m);
		if (n == -EFAULT && done)
			break;
		if (n < 0)
			return n;
		done += (size_t)n;
		s->bytes_out += (uint64_t)n;
		int r = stream_paced(s, true, ns);
		if (r < 0)
			return r;
	}
	return (ssize_t)done;
}

uint8_t *stream_scratch(struct stream *s)
{
	void *p;

	if (!s->scratch && posix_memalign(&p, 4096, WIRE_CONTENTS_MAX) == 0)
		s->scratch = p;
	return s->scratch;
}

void stream_skipped(struct stream *s)
{
	s->skipped = true;
}

size_t stream_waiting(const struct stream *s)
{
	return s->out_to - s->out_from;
}

int stream_try_flush(struct stream *s)
{
	while (s->out_from < s->out_to) {
		ssize_t n = io_send_some(s->sock, s->out + s->out_from, s->out_to - s->out_from);
		if (n == -EAGAIN)
			return 1;
		if (n < 0)
			return broke(s, (int)n);
		s->out_from += (size_t)n;
		s->bytes_out += (uint64_t)n;
	}
	s->out_from = s->out_to = 0;
	return 0;
}

int stream_flush(struct stream *s, bool more)
{
	size_t n = stream_waiting(s);

	if (s->broken)
		return s->broken;
	if (!n)
		return 0;

	ssize_t sent = send_all(s, s->out + s->out_from, n, more);
	if (sent < 0)
		return broke(s, (int)sent);
	s->out_from = s->out_to = 0;
	return 0;
}

/* Room for len more bytes at out_to. Blocking: by sending. Else -EAGAIN when the socket does not take enough now. */
static int make_room(struct stream *s, size_t len, bool block)
{
	if (s->broken)
		return s->broken;
	if (len > STREAM_OUT_BYTES)
		return -EMSGSIZE;
	if (block && stream_waiting(s) >= FLUSH_AT) {
		int r = stream_flush(s, true);
		if (r < 0)
			return r;
	}
	if (STREAM_OUT_BYTES - s->out_to >= len)
		return 0;

	int r = block ? stream_flush(s, true) : stream_try_flush(s);
	if (r < 0)
		return r;
	if (s->out_from) {
		memmove(s->out, s->out + s->out_from, stream_waiting(s));
		s->out_to -= s->out_from;
		s->out_from = 0;
	}
	return STREAM_OUT_BYTES - s->out_to >= len ? 0 : -EAGAIN;
}

/* seal_record(), in its time. */
static int seal_timed(struct stream *s, uint8_t *out, const void *plain, size_t len, const uint8_t *word)
{
	if (len < STAGES_LEAST)
		return seal_record(&s->tx, out, plain, len, word);
	struct stages_mark m = stages_begin(&s->stages);
	int                r = seal_record(&s->tx, out, plain, len, word);
	stages_end(&s->stages, STAGE_CIPHER, &m);
	return r;
}

static void put_word(struct stream *s, uint8_t *p, uint32_t word)
{
	if (s->skipped)
		word |= WIRE_SKIPPED;
	s->skipped = false;
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(word >> (8 * i));
}

int stream_body(struct stream *s, size_t max, uint8_t **p, bool block)
{
	int r = make_room(s, 4 + 1 + max + s->tx.suite->tag, block);

	if (r == 0)
		*p = s->out + s->out_to + 5;
	return r;
}

int stream_body_done(struct stream *s, unsigned type, size_t len)
{
	uint8_t *p = s->out + s->out_to;
	size_t   sealed = 1 + len + s->tx.suite->tag;

	put_word(s, p, (uint32_t)sealed);
	p[4] = (uint8_t)type;
	int r = seal_timed(s, p + 4, p + 4, 1 + len, p);
	if (r < 0)
		return broke(s, r);
	s->out_to += 4 + sealed;
	return 0;
}

/* Most room a body of this type can need here: its variable parts are the strings it points at. */
static size_t body_room(unsigned type, const union wire_body *b)
{
	const struct wire_row *row = wire_row(type);

	switch (type) {
	case WIRE_STORE:       return 128 + b->store.path.len + b->store.ext.len + b->store.contents.len;
	case WIRE_FETCH:       return 16 + b->fetch.items.len;
	case WIRE_FILE:        return 128 + b->file.ext.len + b->file.contents.len;
	case WIRE_OPEN: case WIRE_MKDIR: case WIRE_SETMETA:
	                       return 64 + b->open.path.len + b->open.ext.len;
	case WIRE_COMMIT:      return 80 + b->commit.path.len + b->commit.ext.len;
	case WIRE_ENTRIES:     return 16 + b->entries.items.len;
	default:               return row ? row->max : 0;
	}
}

int stream_put(struct stream *s, unsigned type, const union wire_body *b, bool block)
{
	uint8_t *p = NULL;
	size_t   room = body_room(type, b);
	int      r = stream_body(s, room, &p, block);

	if (r < 0)
		return r;
	ssize_t len = wire_encode(type, b, p, room);
	return len < 0 ? (int)len : stream_body_done(s, type, (size_t)len);
}

int stream_put_with(struct stream *s, unsigned type, const union wire_body *b, int fd)
{
	int r = stream_flush(s, false);

	if (r == 0 && s->skipped)               /* the record before this one has been taken back already: no second one */
		return -ETOOMANYREFS;
	if (r == 0)
		r = stream_put(s, type, b, true);
	if (r < 0)
		return r;
	struct stages_mark m = stages_begin(&s->stages);
	ssize_t            n = io_send_with(s->sock, s->out, s->out_to, fd);
	stages_end(&s->stages, STAGE_WAIT, &m);
	if (n == -ETOOMANYREFS) {
		s->out_to = 0;                  /* its nonce is spent */
		s->skipped = true;
		return (int)n;
	}
	if (n < 0)
		return broke(s, (int)n);
	s->bytes_out += (uint64_t)n;
	s->out_from = (size_t)n;
	if (s->out_from == s->out_to)
		s->out_from = s->out_to = 0;
	return stream_flush(s, false);
}

int stream_bye(struct stream *s)
{
	const struct stages *t = &s->stages;
	union wire_body      b = { .bye = { t->ns[STAGE_DISK], t->ns[STAGE_CIPHER], t->ns[STAGE_WAIT], t->ns[STAGE_RATE] } };

	return stream_put(s, WIRE_BYE, &b, true);
}

int stream_contents_room(struct stream *s, size_t len)
{
	if (len == 0 || len > WIRE_CONTENTS_MAX)
		return -EMSGSIZE;
	return make_room(s, 4 + len + s->tx.suite->tag, true);
}

int stream_contents_seal(struct stream *s, const void *plain, size_t len)
{
	uint8_t *p = s->out + s->out_to;
	size_t   sealed = len + s->tx.suite->tag;

	put_word(s, p, WIRE_CONTENTS | (uint32_t)sealed);
	int r = seal_timed(s, p + 4, plain, len, p);
	if (r < 0)
		return broke(s, r);
	s->out_to += 4 + sealed;
	return 0;
}

ssize_t stream_raw_out(struct stream *s, const void *buf, size_t len)
{
	if (s->broken)
		return s->broken;
	ssize_t n = send_all(s, buf, len, true);
	if (n == -EFAULT)
		return n;               /* a mapping without its file: nothing left, the stream is in step */
	return n < 0 ? broke(s, (int)n) : n;
}

int stream_failed(struct stream *s, int error)
{
	switch (error) {
	case EAGAIN:            /* SO_SNDTIMEO, SO_RCVTIMEO: nothing moved for stall_ms */
		return broke(s, -ETIMEDOUT);
	case EIO: case EINVAL: case ENOMEM: case EOPNOTSUPP: case EBADF: case EISDIR: case EOVERFLOW:
		return -error;
	default:
		return broke(s, -error);
	}
}
