/*
 * fetch.c - FETCH: open beneath the export, then inline in one sealed record, or by an engine.
 *
 * Small files are read straight into the stream's buffer behind their FILE head; many records leave in one write.
 */
#include <errno.h>
#include <fcntl.h>
#include "common/cleanup.h"
#include "zcpd/session.h"

static int open_source(struct session *s, const struct target *t, bool follow, struct stat *st, struct fail *f)
{
	/* O_NONBLOCK: a FIFO must not keep the stream waiting for its writer */
	int fd = session_open(s, t, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, follow, st, f);

	if (fd < 0 || S_ISREG(st->st_mode))
		return fd;
	*f = S_ISDIR(st->st_mode) ? fail_why(ST_CANNOT, WHY_IS_DIRECTORY) : fail_why(ST_CANNOT, WHY_NOT_REGULAR);
	close(fd);
	return -1;
}

static int fetch_inline(struct session *s, uint32_t id, int fd, const struct stat *st, struct wire_str path)
{
	size_t   head = wire_file_head(), most = head + (st->st_size ? (size_t)st->st_size : WIRE_INLINE_MAX);
	uint8_t *p, flags;
	int      r = stream_body(&s->stream, most, &p, true);

	if (r < 0)
		return r;
	ssize_t n = send_inline(fd, st, p + head, &flags);
	if (n < 0)
		return session_refuse(s, id, fail_errno((int)n), "send", path);

	union wire_body b = { .file = {
		.id = id, .flags = SENT_INLINE | flags, .meta = meta_from_stat(st), .identity = identity_from_stat(st),
		.contents = { p + head, (size_t)n },
	} };
	b.file.meta.size = (uint64_t)n;
	ssize_t len = wire_encode(WIRE_FILE, &b, p, most);
	if (len < 0)
		return (int)len;
	s->sent.files++;
	s->sent.bytes += (uint64_t)n;
	return stream_body_done(&s->stream, WIRE_FILE, (size_t)len);
}

static int cancelled(void *arg, uint32_t id)
{
	struct session *s = arg;

	return stream_cancelled(&s->stream, id);
}

static int fetch_segments(struct session *s, uint32_t id, int fd, const struct stat *st, const struct wire_fetch_item *item)
{
	uint64_t        size = (uint64_t)st->st_size, len = item->length;
	bool            sealed = (item->flags & FETCH_SEALED) != 0;
	union wire_body b = { .file = { .id = id, .meta = meta_from_stat(st), .identity = identity_from_stat(st) } };
	struct sender   sender = { .stream = &s->stream, .only = s->send_only, .sealed = sealed, .between = cancelled, .arg = s };
	struct sent     sent = { 0 };

	if (item->offset > size)
		return session_refuse(s, id, fail_why(ST_CHANGED, WHY_SHRANK), "send", item->path);
	if (len > size - item->offset)
		len = size - item->offset;
	/* a damaged chunk is sent again by whatever can seal it */
	if (sealed && sender.only && !(sender.only->can & CAN_SEAL))
		sender.only = NULL;
	int r = stream_put(&s->stream, WIRE_FILE, &b, true);
	if (r == 0)
		r = send_contents(&sender, id, fd, st, item->offset, len, &sent);
	if (r < 0)
		return r;
	s->failed += sent.fail.status || (sent.flags & SENT_SHRANK);
	s->sent.files += !(item->flags & FETCH_RANGE);
	s->sent.bytes += sent.bytes;
	s->sent.engine = sent.engine ? sent.engine : s->sent.engine;
	return 0;
}

static int fetch_one(struct session *s, uint32_t id, const struct wire_fetch_item *item)
{
	struct target t;
	struct stat   st;
	struct fail   f;

	if (session_target(s, item->path, false, &t, &f) < 0)
		return session_refuse(s, id, f, "send", item->path);
	CLEAN_FD int fd = open_source(s, &t, (item->flags & FETCH_FOLLOW) != 0, &st, &f);
	if (fd < 0)
		return session_refuse(s, id, f, "send", item->path);
	bool small = st.st_size == 0 || (st.st_size <= WIRE_INLINE_MAX && !s->send_only);
	if (small && !(item->flags & FETCH_RANGE))
		return fetch_inline(s, id, fd, &st, item->path);
	return fetch_segments(s, id, fd, &st, item);
}

int handle_fetch(struct session *s, const union wire_body *b)
{
	struct wire_fetch      m = b->fetch;
	struct wire_fetch_item item;
	int                    r, got;

	for (uint32_t id = m.first; (got = wire_fetch_next(&m.items, &item)) > 0; id++) {
		r = fetch_one(s, id, &item);
		if (r < 0)
			return r;
	}
	return got < 0 ? -EPROTO : 0;
}
