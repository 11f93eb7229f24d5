/* stream_read.c - the reading half of stream.h: what has arrived, opened in order. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include "common/clock.h"
#include "common/io.h"
#include "common/stream_own.h"
#include "common/throttle.h"

enum {
	CAREFUL = 4096,         /* read-ahead while raw bytes flow: what is read too far has to be copied */
	SLICE = 16 * 1024,      /* at once, where a rate holds */
	SECOND_NS = 1000000000, LOOK_NS = THROTTLE_LOOK_MS * 1000000,
};

static int broke(struct stream *s, int r)
{
	if (!s->broken)
		s->broken = r;
	return r;
}

static uint32_t word_at(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The record at in_opened: 1 = all of it is here, 0 = not yet (*need = bytes that are missing), -errno = no record of this wire. */
static int whole(const struct stream *s, uint32_t *word, size_t *need)
{
	size_t have = s->in_to - s->in_opened, tag = s->rx.suite->tag;

	*need = have < 4 ? 4 - have : 0;
	if (*need)
		return 0;
	*word = word_at(s->in + s->in_opened);

	size_t len = *word & WIRE_LENGTH, plain = len - tag;
	if (*word & ~(WIRE_CONTENTS | WIRE_SKIPPED | WIRE_LENGTH))
		return -EPROTO;
	if (len < tag + 1 || plain > (*word & WIRE_CONTENTS ? (size_t)WIRE_CONTENTS_MAX : (size_t)WIRE_BODY_MAX + 1))
		return -EMSGSIZE;
	*need = have < 4 + len ? 4 + len - have : 0;
	return *need == 0;
}

/* Bodies handed out become invalid here: everything unread moves to the front when it must. */
static void compact(struct stream *s, size_t need)
{
	if (s->in_from == s->in_to) {
		s->in_from = s->in_opened = s->in_to = 0;
	} else if (STREAM_IN_BYTES - s->in_to < need) {
		memmove(s->in, s->in + s->in_from, s->in_to - s->in_from);
		s->in_opened -= s->in_from;
		s->in_to -= s->in_from;
		s->in_from = 0;
	}
}

static ssize_t take_in(struct stream *s, size_t need, bool wait)
{
	size_t most = STREAM_IN_BYTES - s->in_to;

	if (s->raw_flows && most > (need > CAREFUL ? need : CAREFUL))
		most = need > CAREFUL ? need : CAREFUL;
	/* the rest of that record, and no more: what comes behind it may bring the next one */
	if (s->handed.fd >= 0 && most > need)
		most = need;
	if (most == 0)
		return -EAGAIN;
	ssize_t n = stream_take(s, s->in + s->in_to, most, wait ? 0 : MSG_DONTWAIT);
	s->in_to += n > 0 ? (size_t)n : 0;
	return n;
}

/* The wait for a message's first byte has a limit of its own. */
static ssize_t take_first(struct stream *s, size_t need)
{
	int     r = s->idle_ms == s->stall_ms ? 0 : io_wait(s->sock, POLLIN, s->idle_ms);
	ssize_t n = r < 0 ? r : take_in(s, need, true);

	return n == -ETIMEDOUT ? -ETIME : n;
}

/* Has the message at hand taken too long to come? */
static int on_time(struct stream *s)
{
	if (!s->message_ms || s->in_to == s->in_opened)
		return 0;
	int64_t now = (int64_t)(clock_ns() / 1000000);
	if (!s->began_ms)
		s->began_ms = now;
	return now - s->began_ms > s->message_ms ? broke(s, -ETIMEDOUT) : 0;
}

static int take_more(struct stream *s, size_t need)
{
	bool first = s->in_to == s->in_opened;

	compact(s, need);
	while (stream_waiting(s) > 0) {
		int r = stream_try_flush(s);
		if (r < 0) {
			/* the peer has closed its reading side: what it said before (REFUSED, ERROR) is still to be read */
			s->broken = 0;
			s->out_from = s->out_to = 0;
			break;
		}
		if (r == 0)
			break;
		uint64_t start = clock_ns();
		r = io_wait(s->sock, POLLIN | POLLOUT, s->stall_ms);
		if (r < 0)
			return broke(s, r);
		r = stream_paced(s, true, clock_ns() - start) < 0 ? s->broken : r;
		if (r < 0)
			return r;
		if (!(r & (POLLIN | POLLHUP | POLLERR)))
			continue;
		ssize_t n = take_in(s, need, false);
		if (n != -EAGAIN)
			return n > 0 ? 0 : broke(s, n == 0 ? -ENODATA : (int)n);
	}
	ssize_t n = first && s->idle_ms ? take_first(s, need) : take_in(s, need, true);
	return n > 0 ? 0 : broke(s, n == 0 ? -ENODATA : (int)n);
}

/* Blocks until something came in; sends what waits to be sent meanwhile. */
static int fill(struct stream *s, size_t need)
{
	struct stages_mark m = stages_begin(&s->stages);
	int                r = take_more(s, need);

	stages_end(&s->stages, STAGE_WAIT, &m);
	return r;
}

/* open_record(), in its time. */
static int open_timed(struct stream *s, uint8_t *out, const uint8_t *p, size_t len, const uint8_t *word)
{
	if (len < STAGES_LEAST)
		return open_record(&s->rx, out, p, len, word);
	struct stages_mark m = stages_begin(&s->stages);
	int                r = open_record(&s->rx, out, p, len, word);
	stages_end(&s->stages, STAGE_CIPHER, &m);
	return r;
}

static int open_one(struct stream *s, uint32_t word)
{
	uint8_t *p = s->in + s->in_opened;
	size_t   len = word & WIRE_LENGTH;
	int      r = word & WIRE_SKIPPED ? seal_skip(&s->rx) : 0;

	if (r == 0)
		r = open_timed(s, p + 4, p + 4, len, p);
	if (r < 0)
		return broke(s, r);
	s->in_opened += 4 + len;
	return 0;
}

static void note_cancel(struct stream *s, uint32_t id)
{
	s->cancelled[s->cancels++ % WIRE_OPEN_MAX] = id;
}

/* The opened record at in_from. 1, or -errno */
static int hand_out(struct stream *s, struct record *rec)
{
	const uint8_t *p = s->in + s->in_from;
	size_t         len = word_at(p) & WIRE_LENGTH;

	rec->type = p[4];
	int r = wire_decode(rec->type, s->peer, p + 5, len - s->rx.suite->tag - 1, &rec->body);
	if (r < 0)
		return broke(s, r == -EBADMSG ? -EPROTO : r);   /* its tag was right: the peer itself says nonsense */
	r = stream_match(s, rec, 4 + len);
	if (r < 0)
		return broke(s, r);
	s->in_from += 4 + len;
	if (rec->type != WIRE_SEGMENT && rec->type != WIRE_SEGMENT_END)
		s->raw_flows = false;
	if (rec->type == WIRE_CANCEL)
		note_cancel(s, rec->body.id.id);
	return 1;
}

/* 1 = *rec is the next record, 0 = it is not all here (*need more bytes), -errno */
static int next(struct stream *s, struct record *rec, size_t *need)
{
	uint32_t word;

	while (!s->broken) {
		if (s->in_from == s->in_opened) {
			int r = whole(s, &word, need);
			if (r == 0)
				return 0;
			if (r < 0)
				return broke(s, r);
			if (word & WIRE_CONTENTS)
				return broke(s, -EPROTO);       /* contents that no SEGMENT announced */
			r = open_one(s, word);
			if (r < 0)
				return r;
		}
		int r = hand_out(s, rec);
		if (r < 0 || rec->type != WIRE_WAIT)
			return r;
		s->began_ms = 0;                /* it was a whole message: the next one has its own time */
	}
	return s->broken;
}

int stream_get(struct stream *s, struct record *rec)
{
	size_t need = 0;

	for (;;) {
		int r = next(s, rec, &need);
		if (r != 0) {
			s->began_ms = 0;
			return r < 0 ? r : 0;
		}
		r = on_time(s);
		if (r == 0)
			r = fill(s, need);
		if (r < 0)
			return r;
	}
}

int stream_try(struct stream *s, struct record *rec)
{
	size_t need = 0;
	int    r = next(s, rec, &need);

	if (r != 0)
		return r;
	compact(s, need);
	ssize_t n = take_in(s, need, false);
	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		return broke(s, n == 0 ? -ENODATA : (int)n);
	return next(s, rec, &need);
}

int stream_cancelled(struct stream *s, uint32_t id)
{
	uint32_t word;
	size_t   need;

	if (s->broken)
		return s->broken;
	/* nothing moves: the caller still holds the last body */
	ssize_t n = take_in(s, 4, false);
	if (n <= 0 && n != -EAGAIN)
		return broke(s, n == 0 ? -ENODATA : (int)n);
	for (;;) {
		int r = whole(s, &word, &need);
		if (r < 0)
			return broke(s, r);
		if (r == 0 || (word & WIRE_CONTENTS))
			break;
		size_t at = s->in_opened;
		r = open_one(s, word);
		if (r < 0)
			return r;
		union wire_body b;
		size_t          len = (word & WIRE_LENGTH) - s->rx.suite->tag - 1;
		if (s->in[at + 4] == WIRE_CANCEL && wire_decode(WIRE_CANCEL, s->peer, s->in + at + 5, len, &b) == 0)
			note_cancel(s, b.id.id);
	}
	for (unsigned i = 0; i < s->cancels && i < WIRE_OPEN_MAX; i++)
		if (s->cancelled[i] == id)
			return 1;
	return 0;
}

void stream_owe(struct stream *s, uint64_t ns)
{
	s->owed_ns += ns;
	s->raw_flows |= ns > 0;         /* little ahead: what is in the buffer has come already */
}

void stream_owe_at(struct stream *s, struct throttle *t, uint64_t bytes)
{
	uint64_t at, ns = throttle_book_at(t, bytes, &at);

	s->owed_ns = throttle_scaled(s->owed_ns, s->owed_at, at);
	s->owed_to = t;
	s->owed_at = at;
	stream_owe(s, ns);
}

/* A new rate since then: what is left of *ns, and of what else is owed. */
static void reckon(struct stream *s, uint64_t *ns)
{
	uint64_t rate = s->owed_to ? throttle_rate(s->owed_to) : s->owed_at;

	*ns = throttle_scaled(*ns, s->owed_at, rate);
	s->owed_ns = throttle_scaled(s->owed_ns, s->owed_at, rate);
	s->owed_at = rate;
}

/* talk: with a WAIT each second. Not while contents go out: nothing comes between them, and they keep the other side content. */
static void sleep_some(struct stream *s, uint64_t ns, bool talk)
{
	const union wire_body none = { .id = { 0 } };

	while (ns > 0 && !s->broken) {
		struct stages_mark m = stages_begin(&s->stages);
		uint64_t slice = ns < LOOK_NS ? ns : LOOK_NS;
		bool     cut = throttle_sleep(slice, s->sock);
		stages_end(&s->stages, STAGE_RATE, &m);
		if (cut)
			break;
		ns -= slice;
		s->slept_ns += talk ? slice : 0;
		reckon(s, &ns);
		if (s->slept_ns < SECOND_NS)
			continue;
		s->slept_ns = 0;
		if (stream_put(s, WIRE_WAIT, &none, false) == 0)
			stream_try_flush(s);
	}
}

static void settle(struct stream *s, bool talk)
{
	uint64_t ns = s->owed_ns;

	s->owed_ns = 0;
	sleep_some(s, ns, talk);
}

void stream_settle(struct stream *s)
{
	settle(s, true);
}

void stream_settle_quietly(struct stream *s)
{
	settle(s, false);
}

size_t stream_at_once(struct stream *s, size_t len, bool talk)
{
	uint64_t part = s->owed_ns && len > SLICE ? s->owed_ns / ((len + SLICE - 1) / SLICE) : 0;

	if (!part)
		return len;
	s->owed_ns -= part;
	sleep_some(s, part, talk);
	return SLICE;
}

void stream_wait_rate(struct stream *s, struct throttle *t, uint64_t bytes)
{
	struct stages_mark m;

	if (!throttle_rate(t))
		return;
	m = stages_begin(&s->stages);
	throttle_wait(t, bytes, s->sock);
	stages_end(&s->stages, STAGE_RATE, &m);
}

/* io_recv_full(), with an eye on who makes it wait. */
static ssize_t recv_all(struct stream *s, uint8_t *p, size_t len)
{
	size_t done = 0;

	while (done < len) {
		size_t most = stream_at_once(s, len - done, true);
		struct stages_mark m = stages_begin(&s->stages);
		ssize_t  n = stream_take(s, p + done, most, MSG_WAITALL);
		uint64_t ns = stages_end(&s->stages, STAGE_WAIT, &m);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
		if (s->came)
			s->came(s->came_arg, (size_t)n);
		int r = stream_paced(s, false, ns);
		if (r < 0)
			return r;
	}
	return (ssize_t)done;
}

/* The whole of a record whose size is known, with one call: fewer wake-ups than taking what is there. */
static int take_record(struct stream *s, size_t size)
{
	size_t have = s->in_to - s->in_opened;

	if (have >= size)
		return 0;
	compact(s, size - have);
	stream_try_flush(s);            /* what waits leaves first if it can; an error shows when reading */
	s->broken = 0;
	ssize_t n = recv_all(s, s->in + s->in_to, size - have);
	if (n < 0)
		return broke(s, (int)n);
	s->in_to += (size_t)n;
	return (size_t)n == size - have ? 0 : broke(s, -ENODATA);
}

int stream_contents_in(struct stream *s, void *buf, size_t len)
{
	size_t   tag = s->rx.suite->tag, need;
	uint32_t word;

	if (s->broken)
		return s->broken;
	if (s->in_from != s->in_opened || stream_bare(s, 4 + len + tag) < 0)
		return broke(s, -EPROTO);
	int r = take_record(s, 4 + len + tag);
	if (r == 0 && whole(s, &word, &need) <= 0)
		r = broke(s, -EPROTO);
	if (r < 0)
		return r;
	if ((word & ~WIRE_SKIPPED) != (WIRE_CONTENTS | (uint32_t)(len + tag)))
		return broke(s, -EPROTO);

	const uint8_t *p = s->in + s->in_opened;
	r = word & WIRE_SKIPPED ? seal_skip(&s->rx) : 0;
	if (r == 0)
		r = open_timed(s, buf, p + 4, len + tag, p);
	if (r < 0)
		return broke(s, r);
	s->in_opened += 4 + len + tag;
	s->in_from = s->in_opened;
	return 0;
}

size_t stream_raw_held(const struct stream *s)
{
	return s->in_from == s->in_opened ? s->in_to - s->in_from : 0;
}

int stream_raw_in(struct stream *s, void *buf, size_t len)
{
	size_t held = stream_raw_held(s);

	if (s->broken)
		return s->broken;
	if (s->in_from != s->in_opened || stream_bare(s, len) < 0)
		return broke(s, -EPROTO);       /* opened ahead: cannot happen while contents are due */
	if (held > len)
		held = len;
	memcpy(buf, s->in + s->in_from, held);
	s->in_from += held;
	s->in_opened = s->in_from;
	s->raw_flows = true;
	if (held == len)
		return 0;

	ssize_t n = recv_all(s, (uint8_t *)buf + held, len - held);
	if (n < 0)
		return broke(s, (int)n);
	return (size_t)n == len - held ? 0 : broke(s, -ENODATA);
}

void stream_raw_spliced(struct stream *s, size_t n)
{
	s->raw_flows = true;
	s->bytes_in += n;
}
