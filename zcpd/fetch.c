/*
 * fetch.c - FETCH: open beneath the export, then inline in one sealed record, or by an engine.
 *
 * Small files are read straight into the stream's buffer behind their FILE head; many records leave in one write.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/holes.h"
#include "zcpd/session.h"

/* One file that was asked for, from its request to its line in the log. */
struct fetching {
	struct session               *s;
	uint32_t                      id;
	const struct wire_fetch_item *item;
	struct transfer_line          line;
	uint64_t                      began_ns, moved, passed, size;    /* passed: of holes; size: of the whole file */
	struct sent                   sent;
};

static int refused(struct fetching *g, struct fail f)
{
	return session_refuse_file(g->s, g->id, f, &g->line, g->began_ns);
}

static int regular(struct session *s, const struct target *t, int flags, bool follow, struct stat *st, struct fail *f)
{
	int fd = session_open(s, t, flags | O_CLOEXEC, follow, st, f);

	if (fd < 0 || S_ISREG(st->st_mode))
		return fd;
	*f = S_ISDIR(st->st_mode) ? fail_why(ST_CANNOT, WHY_IS_DIRECTORY) : fail_why(ST_CANNOT, WHY_NOT_REGULAR);
	close(fd);
	return -1;
}

/*
 * Devices and FIFOs are not opened at all: that alone can rewind a tape, or let a writer run. A look by name comes first; what it does not show to be a
 * regular file is looked at by a descriptor that opens nothing, which also decides what the peer is told: the look by name may have gone through
 * a link that leads out.
 */
int session_source(struct session *s, const struct target *t, bool follow, struct stat *st, struct fail *f)
{
	/* O_NONBLOCK: should a FIFO have taken its place, the stream must not wait for its writer */
	const int   flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
	const char *last;
	int         dir = session_seen(s, t, &last), fd = -1;

	/* no look through a link that leads out: what is there may be slow, or mounted by being looked at */
	if (dir >= 0 && fstatat(dir, last, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st->st_mode))
		fd = regular(s, t, flags, false, st, f);
	if (fd >= 0)
		return fd;
	int look = regular(s, t, O_PATH, follow, st, f);
	if (look < 0)
		return -1;
	close(look);
	return regular(s, t, flags, follow, st, f);
}

static int fetch_inline(struct fetching *g, int fd, const struct stat *st)
{
	struct session *s = g->s;
	struct wire_str ext;
	struct fail     f;
	uint8_t        *p, flags;

	if (extras_of(s, fd, st, EXTRAS_ALL, &ext, &f) < 0)
		return refused(g, f);
	size_t head = wire_file_head(ext.len), most = head + (st->st_size ? (size_t)st->st_size : WIRE_INLINE_MAX);
	stream_owe(&s->stream, throttle_book(g->line.export->rate, (uint64_t)st->st_size));
	stream_settle(&s->stream);
	int r = stream_body(&s->stream, most, &p, true);
	if (r < 0)
		return r;
	ssize_t n = send_inline(fd, st, p + head, &flags);
	if (n < 0)
		return refused(g, fail_errno((int)n));
	union wire_body b = { .file = {
		.id = g->id, .flags = SENT_INLINE | flags, .meta = meta_from_stat(st), .identity = identity_from_stat(st), .ext = ext,
		.contents = { p + head, (size_t)n },
	} };
	b.file.meta.size = (uint64_t)n;
	ssize_t len = wire_encode(WIRE_FILE, &b, p, most);
	if (len < 0)
		return (int)len;
	s->sent.files++;
	s->sent.bytes += (uint64_t)n;
	r = stream_body_done(&s->stream, WIRE_FILE, (size_t)len);
	g->line.bytes = (uint64_t)n;
	g->line.status = flags ? ST_CHANGED : ST_OK;
	if (r == 0)
		session_moved(s, &g->line, g->began_ns);
	return r;
}

/* The descriptor in the place of the contents. -ETOOMANYREFS: not now, and nothing was said */
static int hand_over(struct fetching *g, int fd, const struct stat *st)
{
	struct session *s = g->s;
	bool            holes = (s->wants & SETUP_HOLES) && holes_in(fd, st);
	union wire_body b = { .file = {
		.id = g->id, .flags = SENT_HANDED | (holes ? SENT_SPARSE : 0), .meta = meta_from_stat(st), .identity = identity_from_stat(st),
	} };
	struct fail     f;

	if (extras_of(s, fd, st, EXTRAS_ALL, &b.file.ext, &f) < 0)
		return refused(g, f);
	int r = stream_put_with(&s->stream, WIRE_FILE, &b, fd);
	if (r < 0)
		return r;
	g->line.bytes = (uint64_t)st->st_size;
	g->line.engine = &engine_handed;
	g->line.raw = true;
	s->sent.files++;
	s->sent.bytes += g->line.bytes;
	s->sent.engine = g->line.engine;
	s->raw = true;
	session_moved(s, &g->line, g->began_ns);
	return 0;
}

static int cancelled(void *arg, uint32_t id)
{
	struct fetching *g = arg;

	return stream_cancelled(&g->s->stream, id);
}

static void moved(void *arg, uint64_t bytes)
{
	struct fetching *g = arg;

	g->moved += bytes;
	g->s->raw |= g->line.raw;
	board_moved(g->s->slot, g->sent.engine, g->moved + g->passed);
}

/* It is further, and nothing is counted. */
static void passed(void *arg, uint64_t bytes)
{
	struct fetching *g = arg;

	g->passed += bytes;
	board_resume(g->s->slot, g->moved + g->passed);
}

static bool same_parts(const struct parts *p, struct wire_str path)
{
	return p->path && strlen(p->path) == path.len && memcmp(p->path, path.p, path.len) == 0;
}

void parts_end(struct session *s, unsigned status)
{
	struct parts        *p = &s->parts;
	struct transfer_line line = {
		.way = BOARD_SENT, .export = p->export, .bytes = p->bytes, .took_us = p->took_us, .engine = p->engine, .raw = p->raw, .status = status,
	};

	if (p->path) {
		line.path = wire_cstr(p->path);
		transfers_add(&s->transfers, &line);
	}
	free(p->path);
	*p = (struct parts){ .path = NULL };
}

/* A range is a part of a file: those of one file that follow each other are one line, which is written when the last of them was the file's last, or failed. */
static void range_sent(struct fetching *g, bool last)
{
	struct session *s = g->s;
	struct parts   *p = &s->parts;
	uint64_t        took_us = (clock_ns() - g->began_ns) / 1000;

	board_request(s->slot, took_us);
	if (last && g->line.status == ST_OK)
		board_done(s->slot, BOARD_SENT, g->line.engine, 0);
	else
		board_state(s->slot, BOARD_IDLE);
	if (!g->line.bytes && !g->passed && g->line.status == ST_OK)
		return;                 /* a look at what the file is */
	if (!p->path) {
		p->path = strndup((const char *)g->line.path.p, g->line.path.len);
		p->export = g->line.export;
	}
	p->bytes += g->line.bytes;
	p->took_us += took_us;
	p->engine = g->line.engine ? g->line.engine : p->engine;
	p->raw |= g->line.raw;
	if (last || g->line.status != ST_OK || !p->path)
		parts_end(s, g->line.status);
}

/* The line, and the tally; r: the stream's. */
static int segments_over(struct fetching *g, int r)
{
	struct session    *s = g->s;
	const struct sent *sent = &g->sent;
	bool               range = (g->item->flags & FETCH_RANGE) != 0, again = (g->item->flags & FETCH_SEALED) != 0;

	g->line.bytes = g->moved;
	g->line.engine = sent->engine;
	g->line.status = r < 0 ? status_of_stream(r) : sent->fail.status ? sent->fail.status : sent->flags ? ST_CHANGED : ST_OK;
	uint64_t done = g->moved + g->passed;
	bool failed = r < 0 || sent->fail.status || (sent->flags & SENT_SHRANK);
	bool whole = !failed && !(sent->flags & SENT_GIVEN_UP), last = whole && done && g->item->offset + done == g->size;
	if (range && again)
		board_state(s->slot, BOARD_IDLE);       /* a part that was asked for again is no file of its own */
	else if (range)
		range_sent(g, last);
	else
		session_moved(s, &g->line, g->began_ns);
	s->failed += failed;
	if (failed && r == 0)
		board_error(s->slot, g->line.status);
	s->sent.files += range ? last && !again : whole;
	s->sent.bytes += g->line.bytes;
	s->sent.engine = sent->engine ? sent->engine : s->sent.engine;
	return r < 0 ? r : 0;
}

static int fetch_segments(struct fetching *g, int fd, const struct stat *st)
{
	struct session               *s = g->s;
	const struct wire_fetch_item *item = g->item;
	const struct export          *e = g->line.export;
	uint64_t        size = (uint64_t)st->st_size, len = item->length;
	bool            again = (item->flags & FETCH_SEALED) != 0, sealed = again || !e->raw || s->stream.carry != CARRY_RAW;
	bool            holes = (s->wants & SETUP_HOLES) && !again && holes_in(fd, st);
	union wire_body b = { .file = { .id = g->id, .flags = holes ? SENT_SPARSE : 0, .meta = meta_from_stat(st), .identity = identity_from_stat(st) } };
	struct sender   sender = {
		.stream = &s->stream, .only = s->send_only, .holes = holes, .sealed = sealed, .rate = e->rate, .between = cancelled, .moved = moved, .passed = passed,
		.arg = g,
	};
	struct fail     f;

	if (item->offset > size)
		return refused(g, fail_why(ST_CHANGED, WHY_SHRANK));
	if (len > size - item->offset)
		len = size - item->offset;
	/* a damaged chunk is sent again by whatever can seal it */
	if (again && sender.only && !(sender.only->can & CAN_SEAL))
		sender.only = NULL;
	/* ... but an export that is never raw is not sent by an engine that was asked for and cannot */
	f = engine_check(sender.only, CAN_SEND | (sealed ? CAN_SEAL : 0));
	if (f.status)
		return refused(g, f);
	/* a part of a file has none: who puts one together asks for them with the range of no bytes that it begins with */
	if (!(item->flags & FETCH_RANGE && len) && extras_of(s, fd, st, EXTRAS_ALL, &b.file.ext, &f) < 0)
		return refused(g, f);
	g->size = size;
	g->line.raw = !sealed;
	board_carried(s->slot, sealed);
	board_file(s->slot, BOARD_SENDING, export_shown(e), (const char *)item->path.p, item->path.len, len);
	int r = stream_put(&s->stream, WIRE_FILE, &b, true);
	if (r == 0)
		r = send_contents(&sender, g->id, fd, st, item->offset, len, &g->sent);
	return segments_over(g, r);
}

/* A directory, and no bytes of it: what it has besides, for who was told its name and has no listing of it. -ENOTDIR: it is none */
static int fetch_dir(struct fetching *g, const struct target *t)
{
	struct session *s = g->s;
	struct stat     st;
	struct fail     f;
	CLEAN_FD int    fd = session_open(s, t, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC, (g->item->flags & FETCH_FOLLOW) != 0, &st, &f);

	if (fd < 0)
		return f.err == ENOTDIR ? -ENOTDIR : refused(g, f);
	union wire_body b = { .file = { .id = g->id, .meta = meta_from_stat(&st), .identity = identity_from_stat(&st) } };
	if (extras_of(s, fd, &st, EXTRAS_ALL, &b.file.ext, &f) < 0)
		return refused(g, f);
	int r = stream_put(&s->stream, WIRE_FILE, &b, true);
	union wire_body end = { .done = { .id = g->id } };
	return r < 0 ? r : stream_put(&s->stream, WIRE_DONE, &end, true);
}

static int fetch_one(struct session *s, uint32_t id, const struct wire_fetch_item *item)
{
	struct fetching g = { .s = s, .id = id, .item = item, .line = { .way = BOARD_SENT, .path = item->path }, .began_ns = clock_ns() };
	bool            look = s->extras && item->flags & FETCH_RANGE && !item->length;        /* of a directory, too: the served one has the empty path */
	struct target   t;
	struct stat     st;
	struct fail     f;

	if (!(item->flags & FETCH_RANGE) || !same_parts(&s->parts, item->path))
		parts_end(s, ST_OK);
	if (session_target(s, item->path, look, &t, &f) < 0)
		return refused(&g, f);
	g.line.export = t.export;
	if (look) {
		int r = fetch_dir(&g, &t);
		if (r != -ENOTDIR)
			return r;
	}
	bool         follow = (item->flags & FETCH_FOLLOW) != 0;
	CLEAN_FD int fd = session_source(s, &t, follow, &st, &f), still = -1;
	if (fd < 0)
		return refused(&g, f);
	bool all = !(item->flags & FETCH_RANGE) || !item->length;
	int  hand = all && (item->flags & FETCH_HAND) && !(item->flags & FETCH_SEALED) ? handover_fd(s, &t, follow, fd, &st, &still) : -1;
	if (hand >= 0) {
		int r = hand_over(&g, hand, &st);
		if (r != -ETOOMANYREFS)
			return r;
	}
	bool small = st.st_size == 0 || (st.st_size <= WIRE_INLINE_MAX && !s->send_only);
	if (small && !(item->flags & FETCH_RANGE))
		return fetch_inline(&g, fd, &st);
	return fetch_segments(&g, fd, &st);
}

/* One request may name files for days: a key that is taken away meanwhile gets the file at hand, and no more. */
static int end_revoked(struct session *s, uint32_t id)
{
	struct wire_str none = { NULL, 0 };

	return session_end_revoked(s, session_refuse(s, id, fail_why(ST_REFUSED, WHY_KEY_TAKEN), "go on", none));
}

enum { MASK_AGAIN = 64 };

int handle_fetch(struct session *s, const union wire_body *b)
{
	struct wire_fetch      m = b->fetch;
	struct wire_fetch_item item;
	int                    r, got;

	for (uint32_t id = m.first; (got = wire_fetch_next(&m.items, &item)) > 0; id++) {
		if ((id - m.first) % MASK_AGAIN == MASK_AGAIN - 1)
			mask_find_places(s->mask, 0);   /* one request may take long */
		r = s->slot && board_revoked(s->slot) ? end_revoked(s, id) : fetch_one(s, id, &item);
		if (r < 0)
			return r;
	}
	return got < 0 ? -EPROTO : 0;
}
