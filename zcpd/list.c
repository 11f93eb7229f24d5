/* list.c - STAT, and LIST in pages: a page is full at WIRE_PAGE, or after a quarter of a second, so that no listing is silent for long. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include "common/cleanup.h"
#include "zcpd/session.h"

enum { PAGE_MS = 250, LOOK_AT_CLOCK = 64 /* entries */ };

static int send_attr(struct session *s, uint32_t id, int fd, const struct stat *st)
{
	char            link[WIRE_LINK_MAX + 1];
	union wire_body b = { .attr = { .id = id, .meta = meta_from_stat(st), .identity = identity_from_stat(st) } };

	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlinkat(fd, "", link, WIRE_LINK_MAX);
		b.attr.link = (struct wire_str){ (const uint8_t *)link, n > 0 ? (size_t)n : 0 };
	}
	return stream_put(&s->stream, WIRE_ATTR, &b, true);
}

int handle_stat(struct session *s, const union wire_body *b)
{
	const struct wire_look m = b->look;
	struct target          t;
	struct stat            st;
	struct fail            f;

	if (session_target(s, m.path, true, &t, &f) < 0)
		return session_error(s, m.id, f, "look at", m.path);
	CLEAN_FD int fd = session_open(s, &t, O_PATH | O_CLOEXEC, (m.flags & LOOK_FOLLOW) != 0, &st, &f);
	return fd < 0 ? session_error(s, m.id, f, "look at", m.path) : send_attr(s, m.id, fd, &st);
}

void listing_end(struct listing *l)
{
	if (l->walk)
		walk_close(l->walk);
	*l = (struct listing){ 0 };
}

static int send_end(struct session *s, uint32_t id, uint32_t entries, struct fail f)
{
	union wire_body b = { .end = { id, f, entries } };

	return stream_put(&s->stream, WIRE_END, &b, true);
}

static bool hide(void *arg, uint64_t dev, uint64_t ino)
{
	const struct session *s = arg;

	return mask_hides(s->mask, dev, ino);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int add(uint8_t *page, size_t *used, const struct walk_entry *e)
{
	struct wire_entry w = {
		.what = e->fail.status ? ENTRY_FAILED : ENTRY_OK, .parent = e->parent, .meta = e->meta, .fail = e->fail,
		.name = wire_cstr(e->parent ? e->name : ""), .link = wire_cstr(e->link ? e->link : ""),
	};

	return wire_entry_add(page, WIRE_PAGE, used, &w);
}

/* Entries into the page until it is full (1), time is up (1), or the walk has ended (0). -ENOMEM */
static int fill(struct listing *l, uint8_t *page, size_t *used)
{
	int64_t until = now_ms() + PAGE_MS;

	for (unsigned n = 1;; n++) {
		if (!l->held) {
			int r = walk_next(l->walk, &l->entry);
			if (r <= 0)
				return r;
			l->held = true;
		}
		if (add(page, used, &l->entry) < 0)
			return 1;
		l->held = false;
		l->entries++;
		if (n % LOOK_AT_CLOCK == 0 && now_ms() > until)
			return 1;
	}
}

static int send_page(struct session *s)
{
	struct listing *l = &s->listing;
	union wire_body b = { .entries = { .id = l->id } };
	uint8_t        *page;
	int             r = stream_body(&s->stream, WIRE_PAGE, &page, true);

	if (r < 0)
		return r;
	size_t head = (size_t)wire_encode(WIRE_ENTRIES, &b, page, WIRE_PAGE), used = head;
	int    more = fill(l, page, &used);
	if (more < 0)
		return more;
	if (used > head) {
		r = stream_body_done(&s->stream, WIRE_ENTRIES, used);
		if (r < 0)
			return r;
	}
	if (more)
		return 0;
	/* the end follows its last page at once: a NEXT that comes too late is for nobody */
	uint32_t id = l->id, entries = l->entries;
	listing_end(l);
	return send_end(s, id, entries, (struct fail){ 0 });
}

int handle_list(struct session *s, const union wire_body *b)
{
	const struct wire_look m = b->look;
	bool                   follow = (m.flags & LOOK_FOLLOW) != 0;
	struct target          t;
	struct stat            st;
	struct fail            f;

	if (s->listing.walk)
		return -EPROTO;                 /* one at a time */
	if (session_target(s, m.path, true, &t, &f) < 0)
		return send_end(s, m.id, 0, f);
	CLEAN_FD int root = session_open(s, &t, O_PATH | O_CLOEXEC, follow, &st, &f);
	if (root < 0)
		return send_end(s, m.id, 0, f);

	struct walk_options w = {
		.base = t.export->dir, .beneath = true, .follow = follow, .recurse = (m.flags & LOOK_RECURSE) != 0,
		.hide = hide, .hide_arg = s,
	};
	int r = walk_open(&s->listing.walk, &w, t.rest);
	if (r < 0) {
		s->listing.walk = NULL;
		return send_end(s, m.id, 0, fail_errno(r));
	}
	s->listing.id = m.id;
	return send_page(s);
}

int handle_next(struct session *s, const union wire_body *b)
{
	if (!s->listing.walk || s->listing.id != b->id.id)
		return 0;
	return send_page(s);
}

/* Of a file that is being sent: stream_cancelled() has noticed it. */
int handle_cancel(struct session *s, const union wire_body *b)
{
	if (!s->listing.walk || s->listing.id != b->id.id)
		return 0;
	uint32_t entries = s->listing.entries;
	listing_end(&s->listing);
	return send_end(s, b->id.id, entries, fail_why(ST_CHANGED, WHY_GIVEN_UP));
}
