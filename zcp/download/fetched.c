/* fetched.c - the answer to one request: a file whole or in segments, or a look at one; a changed source comes once more */
#include "zcp/download/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "common/io.h"
#include "zcp/download/arrival.h"
#include "zcp/download/large.h"
#include "zcp/events/event.h"

enum { SOURCE_TRIES = 1 };

struct publish publish_how(const struct download *d, const struct meta *m, struct wire_str ext, struct extras *x)
{
	return (struct publish){ .meta = *m, .keep_mode = job_keeps_modes(d->job), .keep_times = d->job->opt->keep_meta, .extras = job_to_set(d->job, ext, x) };
}

void copied(struct fetcher *f, const struct errand *e, const struct meta *m, uint8_t flags, unsigned missed)
{
	struct download *d = f->download;
	char             shown[SHOWN_MAX], name[WIRE_PATH_MAX + 16];

	first_ended(e->first, FATE_COPIED);
	report_copied(&d->job->report, m->size);
	if (event_heard(d->job)) {
		errand_shown(d, e, shown);
		event_tell(d->job, &(struct event){ .what = EVENT_COPY, .type = 'f', .path = shown, .size = m->size });
	}
	if (flags & SENT_GREW) {
		fail_remote(d, e, fail_why(ST_CHANGED, WHY_GREW));
		return;
	}
	progress_file(&d->job->progress, 0);
	fail_missed(d, e, missed);
	if (d->job->log && !missed) {
		errand_logged(e, name);
		joblog_add(d->job->log, &(struct joblog_file){ name, m->size, m->mtime, m->mtime_ns });
	}
}

/* The source changed while it was sent: once more on this stream, then it is a failure. */
static int changed(struct fetcher *f, uint64_t counted)
{
	struct errand *e = &f->now.errand;
	struct want    again = { .errand = *e };

	progress_back(&f->download->job->progress, counted);
	if (e->tries >= SOURCE_TRIES) {
		fail_remote(f->download, e, fail_why(ST_CHANGED, WHY_SHRANK));
		errand_over(f, e);
		return 0;
	}
	again.errand.tries++;
	f->busy = false;
	int r = want_put(f, &again);
	return r < 0 ? r : fetcher_flush(f);
}

int fetcher_parent(struct fetcher *f, const char *path, const char **last)
{
	return path_cache_parent(&f->cache, f->download->dst->base, path, PATH_WRITE, last);
}

bool fetcher_same_file(const struct fetcher *f, const struct errand *e, int dir, const char *last, const struct identity *i)
{
	struct stat st;

	return !e->dir && f->w->loopback && fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_dev == i->dev &&
	       st.st_ino == i->ino;
}

/* --- whole -------------------------------------------------------------------------------------------------------- */

static int store_whole(struct fetcher *f, const struct errand *e, const struct wire_file *m, char path[static WIRE_PATH_MAX + 1], struct extras *x)
{
	struct download *d = f->download;
	struct publish   p = publish_how(d, &m->meta, m->ext, x);
	const char      *last;

	p.fresh_dir = e->fresh_dir;
	if (d->pour >= 0) {
		ssize_t n = io_write_full(d->pour, m->contents.p, m->contents.len);
		return n < 0 ? (int)n : 0;
	}
	int r = errand_local(d, e, path), dir = r < 0 ? r : fetcher_parent(f, path, &last);
	if (dir >= 0 && fetcher_same_file(f, e, dir, last, &m->identity))
		return -ECANCELED;
	return dir < 0 ? dir : aside_whole(dir, last, m->contents.p, m->contents.len, &p);
}

static int take_whole(struct fetcher *f, const struct wire_file *m)
{
	struct job    *j = f->download->job;
	struct errand *e = &f->now.errand;
	struct extras  x;
	char           path[WIRE_PATH_MAX + 1] = "";

	if (m->contents.len != m->meta.size)
		return -EPROTO;
	stream_owe_at(&f->w->stream, rate_throttle(&j->rate), m->contents.len);
	stream_settle(&f->w->stream);
	progress_moved(&j->progress, m->contents.len);
	if (m->flags & SENT_SHRANK)
		return changed(f, m->contents.len);
	int r = store_whole(f, e, m, path, &x);
	if (r < 0) {
		fail_local(f->download, e, r == -ECANCELED ? fail_why(ST_CANNOT, WHY_SAME_FILE) : fail_made(r));
	} else {
		f->w->inlined++;
		copied(f, e, &m->meta, m->flags, x.missed);
	}
	errand_over(f, e);
	return 0;
}

void arrival_publish(struct fetcher *f, const struct errand *e, struct arrival *p, uint8_t flags)
{
	struct extras  x;
	struct publish how = publish_how(f->download, &p->meta, ext_kept(&p->ext), &x);
	struct meta    meta = p->meta;
	char           path[WIRE_PATH_MAX + 1] = "";
	uint8_t        engine = p->in.used ? p->in.used->id : 0;
	int            r = errand_local(f->download, e, path);

	incoming_clear(&p->in);                 /* before the close: direct I/O and mappings end here */
	r = r < 0 ? r : aside_publish(&p->aside, &how);
	if (r < 0) {
		fail_local(f->download, e, fail_made(r));
		return;
	}
	worker_moved_by(f->w, 0, engine);
	copied(f, e, &meta, flags, x.missed);
}

/* --- segments ------------------------------------------------------------------------------------------------------ */

int arrival_open(struct fetcher *f, struct arrival *p, const struct wire_file *m, char path[static WIRE_PATH_MAX + 1])
{
	const struct errand *e = &f->now.errand;
	const char          *last;
	int                  r = errand_local(f->download, e, path);
	int                  dir = r < 0 ? r : fetcher_parent(f, path, &last);

	if (dir >= 0 && fetcher_same_file(f, e, dir, last, &m->identity)) {
		p->in.fail = fail_why(ST_CANNOT, WHY_SAME_FILE);
		return -ECANCELED;
	}
	/* what is discarded takes no room */
	bool roomless = m->flags & SENT_SPARSE || options_discard(f->download->job->opt);
	r = dir < 0 ? dir : aside_open(&p->aside, dir, last, roomless ? 0 : m->meta.size);
	if (r < 0) {
		p->in.fail = fail_made(r);
		return r;
	}
	p->in.file = p->aside.fd;
	p->in.allocated = p->aside.allocated;
	return 0;
}

/* After DONE: published, failed, or waiting for its damaged chunks (*keep). */
static int segments_done(struct fetcher *f, struct arrival *p, const struct arriving *a, bool *keep)
{
	struct errand *e = &f->now.errand;
	int            r = 0;

	if (p->in.fail.status) {
		fail_local(f->download, e, p->in.fail);
	} else if (a->flags & (SENT_FAILED | SENT_GIVEN_UP)) {
		fail_remote(f->download, e, a->done.fail.status ? a->done.fail : fail_why(ST_FILE_IO, WHY_GIVEN_UP));
	} else if (p->in.next != p->in.size) {
		return -EPROTO;                 /* "done" without all of it */
	} else {
		worker_moved_by(f->w, p->in.sender, 0);
		p->flags = a->flags;
		if (p->in.bad_count) {
			r = chunks_ask(f, p, keep);
			if (*keep)
				return r;
			e = &p->errand;
			fail_remote(f->download, e, fail_why(ST_INTEGRITY, WHY_INTEGRITY));
		} else if (f->download->pour >= 0) {
			worker_moved_by(f->w, 0, p->in.used ? p->in.used->id : 0);
			copied(f, e, &p->meta, a->flags, 0);
		} else {
			arrival_publish(f, e, p, a->flags);
		}
	}
	errand_over(f, e);
	return 0;
}

static int take_segments(struct fetcher *f, const struct wire_file *m)
{
	struct arrival *p = arrival_new(f, m);
	struct arriving a = { .p = p };
	char            path[WIRE_PATH_MAX + 1] = "";
	bool            keep = false;

	if (!p)
		return -ENOMEM;
	if (f->download->pour < 0)
		arrival_open(f, p, m, path);    /* its failure is in p->in.fail */
	int r = arrive(f, &a);
	bool again = r == 0 && !p->in.fail.status && (a.flags & SENT_SHRANK);
	if (r < 0)
		progress_back(&f->download->job->progress, a.got);
	else if (!again)
		r = segments_done(f, p, &a, &keep);
	if (!keep)
		arrival_drop(p, false);
	if (again && f->download->pour >= 0)
		f->now.errand.tries = SOURCE_TRIES;     /* what was poured cannot come once more */
	return again ? changed(f, f->download->pour >= 0 ? 0 : a.got) : r;
}

/* --- handed over ------------------------------------------------------------------------------------------------------ */

static int take_handed(struct fetcher *f, const struct wire_file *m)
{
	bool again;
	int  r = handed_come(f, m, &again);

	return r == 0 && again ? changed(f, 0) : r;
}

/* --- any of them --------------------------------------------------------------------------------------------------- */

static int look_done(struct fetcher *f, uint32_t id)
{
	struct record rec;
	int           r = stream_get(&f->w->stream, &rec);

	return r < 0 ? r : rec.type == WIRE_DONE && rec.body.done.id == id ? 0 : -EPROTO;
}

static int look_at_dir(struct fetcher *f, const struct wire_file *m)
{
	struct errand *e = &f->now.errand;
	uint32_t       id = m->id;

	f->busy = false;
	named_extras(f->download, e, m->meta.type == 'd' ? m : NULL, fail_why(ST_CHANGED, WHY_VANISHED));
	return look_done(f, id);
}

/* A look at a file of a listing that will be copied by ranges, or need not be copied: what it is by now. At a named directory: what it has besides. */
static int looked(struct fetcher *f, const struct wire_file *m)
{
	struct errand        *e = &f->now.errand;
	const struct meta     meta = m->meta;
	const struct identity identity = m->identity;
	const bool            sparse = (m->flags & SENT_SPARSE) != 0;

	if (m->flags & SENT_INLINE)
		return -EPROTO;
	if (e->meta.type == 'd')
		return look_at_dir(f, m);
	if (f->download->job->extras && ext_keep(&e->ext, m->ext) < 0)
		return -ENOMEM;
	int r = look_done(f, m->id);
	if (r < 0)
		return r;
	if (meta.type != 'f')
		return fetch_failed(f, fail_why(ST_CHANGED, WHY_VANISHED));
	if (e->todo == TODO_EXTRAS) {
		f->busy = false;
		return extras_come(f, e, &meta);
	}
	if (meta.size >= RESUME_FROM) {
		e->sparse = sparse;
		large_turn(f, e, &meta, &identity);
		return 0;
	}
	struct want whole = { .errand = *e };   /* it has become small */
	f->busy = false;
	r = want_put(f, &whole);
	return r < 0 ? r : fetcher_flush(f);
}

int fetched(struct fetcher *f, const struct wire_file *m)
{
	const struct errand *e = &f->now.errand;

	if (m->meta.type != 'f' && f->now.kind != WANT_LOOK)
		return -EPROTO;
	if (m->flags & SENT_HANDED)
		return f->now.hand ? take_handed(f, m) : -EPROTO;
	switch (f->now.kind) {
	case WANT_LOOK:  return looked(f, m);
	case WANT_RANGE: return range_come(f, m);
	case WANT_AGAIN: return chunks_come(f, m);
	default: break;
	}
	progress_name(&f->download->job->progress, *e->rest ? e->rest : f->download->plan->v[e->source].path);
	return m->flags & SENT_INLINE ? take_whole(f, m) : take_segments(f, m);
}

int fetch_failed(struct fetcher *f, struct fail why)
{
	struct errand *e = &f->now.errand;
	struct large  *l = e->large;

	if (!why.status)
		why.status = ST_FILE_IO;
	if (f->now.kind == WANT_AGAIN)
		return chunks_come(f, NULL);
	if (e->meta.type == 'd') {
		named_extras(f->download, e, NULL, why);
		return 0;
	}
	if (why.err == ENOENT && (e->tries || e->dir))
		why = fail_why(ST_CHANGED, WHY_VANISHED);       /* it was there a moment ago */
	if (l) {
		if (why.status == ST_CHANGED || (why.err == ENOENT && l->counted))
			large_changed(l);
		else
			large_fail(l, why, true, false);
		large_piece_over(f, l);
	} else {
		fail_remote(f->download, e, why);
	}
	errand_over(f, e);
	return 0;
}
