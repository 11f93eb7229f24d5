/* send.c - one file out. The engines move the bytes; this keeps the stream in step whatever becomes of the file. */
#include <errno.h>
#include <string.h>
#include "common/clock.h"
#include "common/holes.h"
#include "common/io.h"
#include "common/send.h"

uint8_t source_changed(const struct stat *was, const struct stat *is)
{
	if (is->st_size > was->st_size)
		return SENT_GREW;
	if (is->st_size < was->st_size || memcmp(&is->st_mtim, &was->st_mtim, sizeof is->st_mtim) != 0
	    || memcmp(&is->st_ctim, &was->st_ctim, sizeof is->st_ctim) != 0)
		return SENT_SHRANK;
	return 0;
}

/* n bytes were read of a file that says it has none. Were they all? What has no size can only be sent whole, in one record. */
static ssize_t the_end(int file, ssize_t n)
{
	uint8_t one;
	ssize_t more = n == WIRE_INLINE_MAX ? io_pread_full(file, &one, 1, WIRE_INLINE_MAX) : 0;

	return more < 0 ? more : more ? -EFBIG : n;
}

ssize_t send_inline(int file, const struct stat *st, uint8_t *room, uint8_t *flags)
{
	/* a size of 0 is not always true: procfs says so of files that have contents */
	size_t      want = st->st_size ? (size_t)st->st_size : WIRE_INLINE_MAX;
	struct stat now;

	*flags = 0;
	ssize_t n = io_pread_full(file, room, want, 0);
	if (n < 0)
		return n;
	if (fstat(file, &now) < 0)
		return -errno;
	*flags = source_changed(st, &now);
	if (!st->st_size)
		return *flags ? 0 : the_end(file, n);
	if ((size_t)n < want) {
		memset(room + n, 0, want - (size_t)n);
		*flags = SENT_SHRANK;
	}
	return (ssize_t)want;
}

enum { FIRST_SEGMENT = 256 * 1024, SEGMENT_MOST = 4 * 1024 * 1024, HALF_A_SECOND = 500 };

/* Segments grow while they are fast and shrink to what half a second moves: multiples of `least`, so offsets stay aligned to blocks. No more than SEGMENT_MOST,
 * though the wire allows it: a receiver notes what it has at a segment's end, so a kill costs each stream the segment it is in. 16 MiB is hardly faster. */
static void pace(struct stream *s, size_t sent, int64_t took_ms, size_t least)
{
	size_t next = took_ms > HALF_A_SECOND ? (size_t)((uint64_t)sent * HALF_A_SECOND / (uint64_t)took_ms) : 2 * s->segment;

	if (took_ms <= HALF_A_SECOND && sent < s->segment)      /* a short one, before a hole, says nothing about longer ones */
		return;
	next = next / least * least;
	if (next < least)
		next = least;
	s->segment = next < SEGMENT_MOST ? next : SEGMENT_MOST;
}

/* The file failed: what the receiver is told. */
static void note_failure(struct sent *sent, int r)
{
	if (r == -ENODATA || r == -EFAULT) {
		sent->flags |= SENT_SHRANK;
		return;
	}
	sent->flags |= SENT_FAILED;
	sent->fail = r == -EOPNOTSUPP ? fail_why(ST_CANNOT, WHY_ENGINE_FILE) : fail_errno(-r);
}

static int put_segment(struct sender *s, uint32_t id, const struct transfer *t)
{
	union wire_body b = { .segment = { id, t->off, (uint32_t)(t->end - t->off), (uint8_t)t->carry } };
	int             r = stream_put(s->stream, WIRE_SEGMENT, &b, true);

	/* raw bytes go to the socket past the buffer; sealed ones follow in it */
	return r == 0 && t->carry == CARRY_RAW ? stream_flush(s->stream, true) : r;
}

static int put_segment_end(struct sender *s, uint32_t id, const struct transfer *t, uint64_t off, uint8_t flags)
{
	union wire_body b = { .segment_end = { .id = id, .offset = off, .length = (uint32_t)(t->end - off), .flags = flags } };

	b.segment_end.engine = t->used ? t->used->id : 0;
	b.segment_end.tags = (struct wire_str){ t->tags, t->carry == CARRY_RAW && t->mac ? t->tag_count * s->stream->tx.mac->tag : 0 };
	return stream_put(s->stream, WIRE_SEGMENT_END, &b, true);
}

static int send_segment(struct sender *s, uint32_t id, struct transfer *t, struct sent *sent)
{
	uint64_t off = t->off;
	int      r = put_segment(s, id, t);

	if (r < 0)
		return r;
	r = engine_send(t, s->only);
	if (s->stream->broken)
		return s->stream->broken;
	if (r < 0) {
		note_failure(sent, r);
		r = engine_pad(t, off);
		if (r < 0)
			return r;
	}
	sent->engine = t->used ? t->used : sent->engine;
	return put_segment_end(s, id, t, off, sent->flags);
}

/* [t->off, data) is one. */
static int send_hole(struct sender *s, uint32_t id, struct transfer *t, uint64_t data, struct sent *sent)
{
	union wire_body b = { .hole = { id, t->off, data - t->off } };
	int             r = stream_put(s->stream, WIRE_HOLE, &b, true);

	t->off = data;
	sent->holes += b.hole.length;
	if (r == 0 && s->passed)
		s->passed(s->arg, b.hole.length);
	return r;
}

/* One segment of what is left of an extent. */
static int send_some(struct sender *s, uint32_t id, struct transfer *t, uint64_t end, struct sent *sent)
{
	struct stream *stream = s->stream;
	size_t         least = throttle_rate(s->rate) ? THROTTLE_LEAST : WIRE_SEGMENT_LEAST;
	uint64_t       left = end - t->off, from = t->off;
	int64_t        start = clock_ms();

	if (!stream->segment)
		stream->segment = FIRST_SEGMENT;
	size_t most = throttle_piece(s->rate, stream->segment);
	t->end = t->off + (left < most ? left : most);
	int r = send_segment(s, id, t, sent);
	if (r < 0)
		return r;
	pace(stream, (size_t)(t->off - from), clock_ms() - start, least);
	sent->bytes += t->off - from;
	if (s->moved)
		s->moved(s->arg, t->off - from);
	return 0;
}

static int segments(struct sender *s, uint32_t id, struct transfer *t, uint64_t end, struct sent *sent)
{
	bool          holes = s->holes && !(s->only && s->only->id == ENGINE_NULL);
	struct extent e = { t->off, holes ? t->off : end };
	int           r = 0;

	while (r == 0 && t->off < end && !sent->flags) {
		if (t->off >= e.end) {
			e = holes_next(t->file, t->off, end);
			/* no mapping looks further: a hole that is looked into takes memory, and in a tmpfs it is none any more */
			t->size = e.end;
		}
		if (t->off < e.from) {
			r = send_hole(s, id, t, e.from, sent);
			continue;
		}
		r = send_some(s, id, t, e.end, sent);
		if (r == 0 && t->off < end && s->between) {
			r = s->between(s->arg, id);
			if (r > 0) {
				sent->flags |= SENT_GIVEN_UP;
				r = 0;
			}
		}
	}
	return r;
}

int send_contents(struct sender *s, uint32_t id, int file, const struct stat *st, uint64_t off, uint64_t len, struct sent *sent)
{
	struct stages_mark m = stages_begin(&s->stream->stages);
	struct transfer t = {
		.stream = s->stream, .file = file, .off = off, .size = (uint64_t)st->st_size,
		.carry = s->sealed ? CARRY_SEALED : s->stream->carry, .mac = s->stream->integrity == INTEGRITY_MAC, .rate = s->rate,
	};
	struct stat now;

	*sent = (struct sent){ 0 };
	int r = segments(s, id, &t, off + len, sent);
	engine_close(&t);
	window_close(&t.window);
	stages_end(&s->stream->stages, STAGE_DISK, &m);
	if (r < 0)
		return r;

	if (fstat(file, &now) < 0)
		note_failure(sent, -errno);
	else if (!sent->flags)
		sent->flags = source_changed(st, &now);
	union wire_body b = { .done = { id, sent->flags, sent->fail } };
	return stream_put(s->stream, WIRE_DONE, &b, true);
}
