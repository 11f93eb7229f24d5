/*
 * list.c - STAT, and LIST in pages: a page is full at WIRE_PAGE (the first ones earlier: on a slow start, what is asked for can begin sooner), or after a quarter of a second, so that no listing is silent for long.
 *
 * Exports  that lie below what is listed are its entries, as directories. A recursive listing does not walk into them: its end says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/forbidden.h"
#include "common/holes.h"
#include "zcpd/session.h"

enum { PAGE_FIRST = 8 * 1024, PAGE_MS = 250, LOOK_AT_CLOCK = 64 /* entries */ };

static int send_attr(struct session *s, uint32_t id, int fd, const struct stat *st)
{
	char            link[WIRE_LINK_MAX + 1];
	struct wire_str none = { NULL, 0 };
	union wire_body b = { .attr = { .id = id, .meta = meta_from_stat(st), .identity = identity_from_stat(st) } };
	struct fail     f;

	extras_of(s, -1, st, EXTRAS_OWNER, &b.attr.ext, &f);    /* an owner always fits */
	size_t used = b.attr.ext.len;
	if (s->wants & SETUP_HOLES && holes_likely(st))
		wire_extra_add(s->ext, WIRE_EXT_MAX, &used, EXTRA_SPARSE, none);
	b.attr.ext = (struct wire_str){ s->ext, used };
	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlinkat(fd, "", link, WIRE_LINK_MAX);
		b.attr.link = (struct wire_str){ (const uint8_t *)link, n > 0 ? (size_t)n : 0 };
	}
	return stream_put(&s->stream, WIRE_ATTR, &b, true);
}

/* Of a directory that is there only because exports lie below it. */
static struct meta meta_above(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (struct meta){ .type = 'd', .mode = 0755, .mtime = t.tv_sec };
}

/* Is the path of a target in no export one that leads to some? */
static size_t names_above(const struct session *s, const struct target *t, struct fail f, struct wire_str names[static WIRE_EXPORTS_MAX])
{
	bool in_none = f.why == WHY_ERRNO && f.err == ENOENT;   /* and was a path at all */

	return in_none ? export_names(s->exports, t->path, names) : 0;
}

static int stat_above(struct session *s, uint32_t id)
{
	union wire_body b = { .attr = { .id = id, .meta = meta_above() } };

	return stream_put(&s->stream, WIRE_ATTR, &b, true);
}

int handle_stat(struct session *s, const union wire_body *b)
{
	const struct wire_look m = b->look;
	struct wire_str        names[WIRE_EXPORTS_MAX];
	struct target          t;
	struct stat            st;
	struct fail            f;

#ifdef ZCP_UNSAFE
	if (session_target(s, m.path, true, &t, &f) == 0 && forbidden_path(t.rest))
		return session_error(s, m.id, fail_errno(ENOENT), "try", m.path);
#endif
	CLEAN_FD int fd = -1;
	if (session_target(s, m.path, true, &t, &f) == 0)
		fd = session_open(s, &t, O_PATH | O_CLOEXEC, (m.flags & LOOK_FOLLOW) != 0, &st, &f);
	if (fd >= 0)
		return send_attr(s, m.id, fd, &st);
	return names_above(s, &t, f, names) ? stat_above(s, m.id) : session_error(s, m.id, f, "look at", m.path);
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

	if (f.status && f.why != WHY_GIVEN_UP)
		board_error(s->slot, f.status);
	board_state(s->slot, BOARD_IDLE);
	return stream_put(&s->stream, WIRE_END, &b, true);
}

static bool hide(void *arg, uint64_t dev, uint64_t ino)
{
	const struct session *s = arg;

	for (size_t i = 0; i < s->listing.covered_count; i++)
		if (s->listing.covered[i].dev == dev && s->listing.covered[i].ino == ino)
			return true;
	return mask_hides(s->mask, dev, ino);
}

static bool hide_through(void *arg, int fd)
{
	const struct session *s = arg;

	return mask_lies_within(s->mask, fd) || export_strayed(s->exports, s->listing.of, fd);
}

/* The walk knows who owns it. What else a directory of a tree has takes a descriptor. -1 and *f: that cannot be told. */
static int extras_of_entry(struct session *s, const struct walk_entry *e, struct wire_str *ext, struct fail *f)
{
	struct stat  st = { .st_mode = e->meta.type == 'd' ? S_IFDIR : 0, .st_uid = e->uid, .st_gid = e->gid }, now;
	bool         open = e->meta.type == 'd' && s->listing.recurse && s->extras & (EXTRAS_XATTRS | EXTRAS_ACLS);
	CLEAN_FD int fd = open ? path_open(s->listing.of->dir, e->path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC, s->listing.follow) : -1;

	int r = extras_of(s, -1, &st, EXTRAS_OWNER, ext, f);
	if (!open || r < 0)
		return r;
	*f = fd < 0 ? fail_errno(fd) : fail_why(ST_CHANGED, WHY_VANISHED);
	if (fd < 0 || fstat(fd, &now) < 0 || now.st_dev != e->dev || now.st_ino != e->ino)
		return -1;
	return extras_of(s, fd, &st, EXTRAS_ALL, ext, f);
}

/* Which file it is, where it has more names than one: behind what else there is of it, which is no more than an owner. */
static void add_links(struct session *s, const struct walk_entry *e, struct wire_str *ext)
{
	size_t used = ext->len;

	if (!(s->wants & SETUP_LINKS) || e->fail.status || e->meta.type != 'f' || e->links < 2)
		return;
	wire_links_add(s->ext, WIRE_EXT_MAX, &used, &(struct hard_links){ e->dev, e->ino, e->links < UINT32_MAX ? (uint32_t)e->links : UINT32_MAX });
	*ext = (struct wire_str){ s->ext, used };
}

static int add(struct session *s, uint8_t *page, size_t *used, const struct walk_entry *e)
{
	struct wire_entry w = {
		.what = e->fail.status ? ENTRY_FAILED : ENTRY_OK, .unread = e->mounted, .parent = e->parent, .meta = e->meta, .fail = e->fail,
		.name = wire_cstr(e->parent ? e->name : ""), .link = wire_cstr(e->link ? e->link : ""),
	};
	size_t      before = *used;
	struct fail f;
	int         untold = e->fail.status ? 0 : extras_of_entry(s, e, &w.ext, &f);
	int         r;

	add_links(s, e, &w.ext);
	r = wire_entry_add(page, WIRE_PAGE, used, &w);
	if (r < 0 || !untold)
		return r < 0 ? r : 1;
	/* it is a directory all the same, and has its number: its failure is an entry of its own */
	w = (struct wire_entry){ .what = ENTRY_FAILED, .parent = w.parent, .meta.type = 'o', .name = w.name, .fail = f };
	r = wire_entry_add(page, WIRE_PAGE, used, &w);
	if (r < 0)
		*used = before;
	return r < 0 ? r : 2;
}

static int add_names(const struct listing *l, uint8_t *page, size_t *used)
{
	struct wire_entry w = { .what = ENTRY_OK, .parent = 1, .meta = meta_above() };
	int               r = 0;

	for (size_t i = 0; i < l->name_count && r == 0; i++) {
		w.name = l->names[i];
		r = wire_entry_add(page, WIRE_PAGE, used, &w);
	}
	return r;
}

/* Entries into the page until it is full (1), time is up (1), or the walk has ended (0). -ENOMEM; -EMSGSIZE: an entry that no page holds */
static int fill(struct session *s, uint8_t *page, size_t *used)
{
	struct listing *l = &s->listing;
	int64_t         until = clock_ms() + PAGE_MS;
	size_t          head = *used;

	for (unsigned n = 1;; n++) {
		if (!l->held) {
			int r = walk_next(l->walk, &l->entry);
			if (r <= 0)
				return r;
			l->held = true;
		}
		int added = add(s, page, used, &l->entry);
		if (added < 0)
			return *used > head ? 1 : added;
		l->held = false;
		bool first = l->entries == 0;
		l->entries += (uint32_t)added;
		if (first && !l->recurse && l->entry.meta.type == 'd') {       /* at most 64 names behind the root: they fit */
			add_names(l, page, used);
			l->entries += (uint32_t)l->name_count;
		}
		if (*used >= l->page || (n % LOOK_AT_CLOCK == 0 && clock_ms() > until))
			return 1;
	}
}

/* A copy without what lies in other exports must not look whole. */
static struct fail end_of(const struct listing *l)
{
	return l->recurse && l->inner ? fail_why(ST_CANNOT, WHY_EXPORTS) : (struct fail){ 0 };
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
	int    more = fill(s, page, &used);
	if (more < 0)
		return more;
	l->page = l->page < WIRE_PAGE / 2 ? 2 * l->page : WIRE_PAGE;
	if (used > head) {
		r = stream_body_done(&s->stream, WIRE_ENTRIES, used);
		if (r < 0)
			return r;
	}
	if (more)
		return 0;
	/* the end follows its last page at once: a NEXT that comes too late is for nobody */
	uint32_t    id = l->id, entries = l->entries;
	struct fail f = end_of(l);
	listing_end(l);
	return send_end(s, id, entries, f);
}

/* The exports below t, and what they cover in the one it lies in. What stands there under the name of a mere way to one is itself. */
static void find_inner(struct session *s, const struct target *t)
{
	struct listing *l = &s->listing;
	size_t          count = export_names(s->exports, t->path, l->names);
	char            path[2 * WIRE_PATH_MAX + 2];
	const char     *rest;

	l->of = t->export;
	l->inner = count > 0;
	l->covered_count = export_covered(s->exports, t->export, l->covered);
	l->name_count = 0;
	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s%s%.*s", t->path, *t->path ? "/" : "", (int)l->names[i].len, (const char *)l->names[i].p);
		const struct export *e = export_find(s->exports, path, &rest);
		CLEAN_FD int there = e == t->export ? path_open(e->dir, rest, O_PATH | O_CLOEXEC, false) : -1;
		if (there < 0)
			l->names[l->name_count++] = l->names[i];
	}
}

/* A directory that is there only because exports lie below it. */
static int list_above(struct session *s, const struct wire_look *m, size_t name_count)
{
	struct listing   *l = &s->listing;
	union wire_body   b = { .entries = { .id = m->id } };
	struct wire_entry root = { .what = ENTRY_OK, .meta = meta_above() };
	uint8_t          *page;
	int               r = stream_body(&s->stream, WIRE_PAGE, &page, true);

	if (r < 0)
		return r;
	size_t used = (size_t)wire_encode(WIRE_ENTRIES, &b, page, WIRE_PAGE);
	l->name_count = name_count;
	l->recurse = (m->flags & LOOK_RECURSE) != 0;
	l->inner = true;
	r = wire_entry_add(page, WIRE_PAGE, &used, &root);
	if (r == 0)
		r = add_names(l, page, &used);
	struct fail f = end_of(l);
	listing_end(l);
	if (r == 0)
		r = stream_body_done(&s->stream, WIRE_ENTRIES, used);
	return r < 0 ? r : send_end(s, m->id, 1 + (uint32_t)name_count, f);
}

static int list_failed(struct session *s, const struct wire_look *m, const struct target *t, struct fail f)
{
	size_t names = names_above(s, t, f, s->listing.names);

	return names ? list_above(s, m, names) : send_end(s, m->id, 0, f);
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
		return list_failed(s, &m, &t, f);
	CLEAN_FD int root = session_open(s, &t, O_PATH | O_CLOEXEC, follow, &st, &f);
	if (root < 0)
		return list_failed(s, &m, &t, f);

	struct walk_options w = {
		.base = t.export->dir, .beneath = true, .follow = follow, .recurse = (m.flags & LOOK_RECURSE) != 0, .one_fs = (m.flags & LOOK_ONE_FS) != 0,
		.hide = hide, .hide_through = hide_through, .hide_arg = s,
	};
	find_inner(s, &t);
	board_file(s->slot, BOARD_LISTING, export_shown(t.export), t.path, strlen(t.path), 0);
	int r = walk_open(&s->listing.walk, &w, t.rest);
	if (r < 0) {
		listing_end(&s->listing);
		return send_end(s, m.id, 0, fail_errno(r));
	}
	s->listing.id = m.id;
	s->listing.recurse = w.recurse;
	s->listing.follow = follow;
	s->listing.page = PAGE_FIRST;
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
