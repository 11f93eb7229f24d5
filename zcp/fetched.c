/* fetched.c - the answer to one FETCH: a file whole, or in segments; a changed source once more; damaged chunks again, sealed */
#include "zcp/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "common/io.h"
#include "common/log.h"
#include "common/vis.h"

enum { CHUNK_TRIES = 2, ROUND_MAX = 256 /* chunks asked for again at once */, SOURCE_TRIES = 1 };

static struct publish how(const struct download *d, const struct meta *m)
{
	bool keep = d->job->opt->keep_meta;

	return (struct publish){ .meta = *m, .keep_mode = keep, .keep_times = keep };
}

static void copied(struct download *d, const struct want *w, const char *path, uint64_t bytes, uint8_t flags)
{
	char seen[2048];

	report_copied(&d->job->report, bytes);
	if (d->job->opt->verbose)
		log_info("%s", vis_str(seen, sizeof seen, *path ? path : d->dst->path));
	if (flags & SENT_GREW)
		want_fail_remote(d, w, fail_why(ST_CHANGED, WHY_GREW));
	else
		progress_file(&d->job->progress, 0);
}

/* The source changed while it was sent: once more on this stream, then it is a failure. */
static int changed(struct download *d, const struct want *w, uint64_t counted)
{
	struct want again = { .source = w->source, .dir = w->dir, .tries = (uint8_t)(w->tries + 1) };

	progress_back(&d->job->progress, counted);
	if (w->tries >= SOURCE_TRIES) {
		want_fail_remote(d, w, fail_why(ST_CHANGED, WHY_SHRANK));
		return 0;
	}
	again.name = strdup(w->name);
	int r = again.name ? want_put(d, &again) : -ENOMEM;
	return r < 0 ? r : want_flush(d);
}

static int parent_of(struct download *d, const char *path, const char **last)
{
	return path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, last);
}

/* Only what was named can be compared: within trees the directories are. */
static bool same_file(const struct download *d, const struct want *w, int dir, const char *last, const struct identity *i)
{
	struct stat st;

	return !w->dir && d->job->lead.loopback && fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       st.st_dev == i->dev && st.st_ino == i->ino;
}

/* --- whole -------------------------------------------------------------------------------------------------------- */

static int take_whole(struct download *d, const struct want *w, const struct wire_file *m)
{
	struct publish p = how(d, &m->meta);
	char           path[WIRE_PATH_MAX + 1] = "";
	const char    *last;
	int            r;

	if (m->contents.len != m->meta.size || w->repair)
		return -EPROTO;
	progress_moved(&d->job->progress, m->contents.len);
	if (m->flags & SENT_SHRANK)
		return changed(d, w, m->contents.len);
	if (d->pour >= 0) {
		ssize_t n = io_write_full(d->pour, m->contents.p, m->contents.len);
		r = n < 0 ? (int)n : 0;
	} else {
		r = want_local(d, w, path);
		int dir = r < 0 ? r : parent_of(d, path, &last);
		if (dir >= 0 && same_file(d, w, dir, last, &m->identity)) {
			want_fail_local(d, path, fail_why(ST_CANNOT, WHY_SAME_FILE));
			return 0;
		}
		r = dir < 0 ? dir : aside_whole(dir, last, m->contents.p, m->contents.len, &p);
	}
	if (r < 0) {
		want_fail_local(d, path, fail_made(r));
		return 0;
	}
	d->job->lead.inlined++;
	copied(d, w, path, m->contents.len, m->flags);
	return 0;
}

/* --- segments ----------------------------------------------------------------------------------------------------- */

struct arriving {
	struct incoming *in;
	struct wire_done done;
	uint64_t got;                   /* bytes of segments */
	uint8_t  flags;                 /* of all segments and DONE */
	bool     cancelled;
};

/* A failed file's rest is not worth its way. */
static int cancel(struct download *d, struct arriving *a)
{
	union wire_body b = { .id = { a->in->id } };
	int             r = stream_put(&d->job->lead.stream, WIRE_CANCEL, &b, false);

	a->cancelled = r == 0;
	if (r == 0)
		r = stream_try_flush(&d->job->lead.stream);
	return r == -EAGAIN || r > 0 ? 0 : r;
}

/* Segments until DONE. */
static int arrive(struct download *d, struct arriving *a)
{
	struct stream *s = &d->job->lead.stream;
	struct record  rec;
	int            r;

	for (;;) {
		r = stream_get(s, &rec);
		if (r < 0)
			return r;
		if (rec.type == WIRE_DONE && rec.body.done.id == a->in->id)
			break;
		if (rec.type != WIRE_SEGMENT || rec.body.segment.id != a->in->id)
			return -EPROTO;
		struct wire_segment seg = rec.body.segment;
		if (!a->in->range && d->pour < 0 && !a->in->fail.status && d->job->opt->wish == WISH_PLAIN && s->carry == CARRY_RAW
		    && seg.carry == CARRY_SEALED)
			a->in->fail = fail_why(ST_CANNOT, WHY_PLAIN_REFUSED);   /* not where this file lies */
		if (!a->in->range)
			worker_carried(&d->job->lead, (enum carry)seg.carry);
		/* what is poured cannot be taken back: only what is right already */
		r = d->pour >= 0 && seg.carry != CARRY_SEALED ? -EPROTO : receive_segment(s, a->in, &seg);
		if (r == 0 && (a->in->fail.status || job_stopped(d->job)) && !a->cancelled)
			r = cancel(d, a);
		if (r < 0)
			return r;
		a->got += seg.length;
		progress_moved(&d->job->progress, a->in->range ? 0 : seg.length);
	}
	a->done = rec.body.done;
	a->flags = a->done.flags | a->in->flags;
	return 0;
}

/* --- damaged chunks ----------------------------------------------------------------------------------------------- */

static void repair_drop(struct repair *p)
{
	incoming_clear(&p->in);
	aside_drop(&p->aside);
	free(p);
}

/* What is still wrong is asked for again, sealed. 0 or -errno; *more: something was asked for. */
static int ask_again(struct download *d, const struct want *w, struct repair *p, bool *more)
{
	int r = 0;

	*more = false;
	for (size_t i = 0; r == 0 && i < p->in.bad_count && p->due < ROUND_MAX; i++) {
		struct bad_chunk *bad = &p->in.bad[i];
		struct want       again = { .source = w->source, .dir = w->dir, .repair = p, .off = bad->off, .len = bad->len };
		if (bad->tries++ >= CHUNK_TRIES)
			continue;
		again.name = strdup(w->name);
		size_t before = d->count;
		r = again.name ? want_put(d, &again) : -ENOMEM;
		p->due += d->count > before;
		*more = true;
	}
	return r < 0 ? r : want_flush(d);
}

static void publish(struct download *d, const struct want *w, struct repair *p, uint8_t flags)
{
	struct publish how_to = how(d, &p->meta);
	char           path[WIRE_PATH_MAX + 1] = "";
	uint64_t       size = p->in.size;
	uint8_t        engine = p->in.used ? p->in.used->id : 0;
	int            r = want_local(d, w, path);

	incoming_clear(&p->in);                 /* before the close: direct I/O and mappings end here */
	r = r < 0 ? r : aside_publish(&p->aside, &how_to);
	if (r < 0) {
		want_fail_local(d, path, fail_made(r));
		return;
	}
	worker_moved_by(&d->job->lead, 0, engine);
	copied(d, w, path, size, flags);
}

/* A round of ranges has been answered. */
static int round_over(struct download *d, const struct want *w, struct repair *p)
{
	bool more = false;
	int  r = 0;

	if (!p->changed && !p->in.fail.status && p->in.bad_count)
		r = ask_again(d, w, p, &more);
	if (r < 0 || more) {
		if (!p->due)                    /* nothing was asked for after all: no answer will drop it */
			repair_drop(p);
		return r;
	}
	if (p->changed)
		want_fail_remote(d, w, fail_why(ST_CHANGED, WHY_SHRANK));
	else if (p->in.fail.status)
		want_fail_local(d, p->aside.final, p->in.fail);
	else if (p->in.bad_count)
		want_fail_remote(d, w, fail_why(ST_INTEGRITY, WHY_INTEGRITY));
	else
		publish(d, w, p, 0);
	repair_drop(p);
	return 0;
}

static bool same_source(const struct repair *p, const struct wire_file *m)
{
	const struct identity *a = &p->identity, *b = &m->identity;

	return a->dev == b->dev && a->ino == b->ino && a->ctime == b->ctime && a->ctime_ns == b->ctime_ns && p->meta.size == m->meta.size &&
	       p->meta.mtime == m->meta.mtime && p->meta.mtime_ns == m->meta.mtime_ns;
}

static int take_range(struct download *d, const struct want *w, const struct wire_file *m)
{
	struct repair  *p = w->repair;
	struct arriving a = { .in = &p->in };
	int             r = 0;

	if (m) {
		p->changed |= !same_source(p, m);
		p->in.id = m->id;
		p->in.range = true;
		p->in.flags = 0;
		if (p->in.only && !(p->in.only->can & CAN_SEAL))
			p->in.only = NULL;
		r = arrive(d, &a);
		if (r == 0 && !(a.flags & (SENT_SHRANK | SENT_FAILED | SENT_GIVEN_UP)) && !p->changed && a.got != w->len)
			r = -EPROTO;
		p->changed |= (a.flags & (SENT_SHRANK | SENT_GREW)) != 0;
		if (r == 0 && a.done.fail.status && !p->in.fail.status)
			p->in.fail = a.done.fail;
	}
	p->due--;
	if (r < 0 && p->due == 0)
		repair_drop(p);
	return r < 0 || p->due ? r : round_over(d, w, p);
}

/* --- large -------------------------------------------------------------------------------------------------------- */

static int open_aside(struct download *d, const struct want *w, const struct wire_file *m, struct repair *p, char path[static WIRE_PATH_MAX + 1])
{
	const char *last;
	int         r = want_local(d, w, path);
	int         dir = r < 0 ? r : parent_of(d, path, &last);

	if (dir >= 0 && same_file(d, w, dir, last, &m->identity)) {
		p->in.fail = fail_why(ST_CANNOT, WHY_SAME_FILE);
		return -ECANCELED;
	}
	r = dir < 0 ? dir : aside_open(&p->aside, dir, last, m->meta.size);
	if (r < 0) {
		p->in.fail = fail_made(r);
		return r;
	}
	p->in.file = p->aside.fd;
	p->in.allocated = p->aside.allocated;
	return 0;
}

/* After DONE: published, failed, once more, or waiting for its damaged chunks. *keep: p lives on. */
static int large_done(struct download *d, const struct want *w, struct repair *p, const struct arriving *a, const char *path, bool *keep)
{
	if (p->in.fail.status) {
		want_fail_local(d, path, p->in.fail);
		return 0;
	}
	if (a->flags & SENT_SHRANK)
		return d->pour >= 0 ? (want_fail_remote(d, w, fail_why(ST_CHANGED, WHY_SHRANK)), 0) : changed(d, w, a->got);
	if (a->flags & (SENT_FAILED | SENT_GIVEN_UP)) {
		want_fail_remote(d, w, a->done.fail.status ? a->done.fail : fail_why(ST_FILE_IO, WHY_GIVEN_UP));
		return 0;
	}
	if (p->in.next != p->in.size)
		return -EPROTO;                 /* "done" without all of it */
	worker_moved_by(&d->job->lead, p->in.sender, 0);
	if (p->in.bad_count) {
		int r = ask_again(d, w, p, keep);
		if (!*keep)
			want_fail_remote(d, w, fail_why(ST_INTEGRITY, WHY_INTEGRITY));
		return r;
	}
	if (d->pour >= 0) {
		worker_moved_by(&d->job->lead, 0, p->in.used ? p->in.used->id : 0);
		copied(d, w, "", p->in.size, a->flags);
	} else {
		publish(d, w, p, a->flags);
	}
	return 0;
}

static int take_large(struct download *d, const struct want *w, const struct wire_file *m)
{
	struct repair  *p = calloc(1, sizeof *p);
	char            path[WIRE_PATH_MAX + 1] = "";
	struct arriving a = { .in = p ? &p->in : NULL };
	bool            keep = false;

	if (!p)
		return -ENOMEM;
	p->aside.dir = p->aside.fd = -1;
	p->meta = m->meta;
	p->identity = m->identity;
	incoming_init(&p->in, m->id, -1, m->meta.size);
	p->in.only = d->pour >= 0 ? NULL : d->job->opt->recv;
	p->in.in_order = d->pour >= 0;
	p->in.file = d->pour;                   /* -1: the aside file's, when there is one */
	int r = d->pour >= 0 ? 0 : open_aside(d, w, m, p, path);
	r = r < 0 ? cancel(d, &a) : 0;
	if (r == 0)
		r = arrive(d, &a);
	if (r == 0)
		r = large_done(d, w, p, &a, path, &keep);
	if (!p->due)                            /* else it waits for its chunks: the last of their answers drops it */
		repair_drop(p);
	return r;
}

int fetched(struct download *d, struct want *w, const struct wire_file *m)
{
	if (w->repair)
		return take_range(d, w, m);
	if (m->meta.type != 'f')
		return -EPROTO;
	progress_name(&d->job->progress, *w->name ? w->name : d->plan->v[w->source].path);
	return m->flags & SENT_INLINE ? take_whole(d, w, m) : take_large(d, w, m);
}
