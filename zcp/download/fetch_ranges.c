/* fetch_ranges.c - the answer to a request for a range of a large file: filled in where it belongs, or in vain */
#include <errno.h>
#include "zcp/download/arrival.h"
#include "zcp/download/download.h"
#include "zcp/download/large.h"

/* The stream died: what came of the range need not come again, as far as no damage is in it. */
static void cut_range(struct fetcher *f, const struct arrival *p)
{
	struct errand *e = &f->now.errand;
	uint64_t       next = p->in.next, end = e->off + e->len;

	for (size_t i = 0; i < p->in.bad_count; i++)
		next = p->in.bad[i].off < next ? p->in.bad[i].off : next;
	if (p->in.file < 0 || p->in.fail.status || next < e->off || next >= end)
		next = e->off;
	progress_back(&f->download->job->progress, p->in.next - next);
	e->off = next;
	e->len = end - next;
}

static int range_done(struct fetcher *f, struct arrival *p, const struct arriving *a, bool *keep)
{
	struct large *l = a->large;

	if (l->over)
		return 0;
	if (p->in.fail.status) {
		large_fail(l, p->in.fail, false, false);
	} else if (p->in.note_error) {          /* what is not noted cannot be published */
		large_fail(l, fail_made(p->in.note_error), false, false);
	} else if (a->flags & SENT_SHRANK) {
		large_changed(l);
	} else if (a->flags & (SENT_FAILED | SENT_GIVEN_UP)) {
		large_fail(l, a->done.fail.status ? a->done.fail : fail_why(ST_FILE_IO, WHY_GIVEN_UP), true, false);
	} else if (p->in.next != p->in.until) {
		return -EPROTO;                 /* "done" without all of it */
	} else {
		if (a->flags & SENT_GREW)
			large_grew(l);
		worker_moved_by(f->w, p->in.sender, p->in.used ? p->in.used->id : 0);
		if (p->in.bad_count) {
			int r = chunks_ask(f, p, keep);
			if (!*keep)
				large_fail(l, fail_why(ST_INTEGRITY, WHY_INTEGRITY), true, false);
			return r;
		}
	}
	return 0;
}

int range_come(struct fetcher *f, const struct wire_file *m)
{
	struct large   *l = f->now.errand.large;
	struct arrival *p = m->flags & SENT_INLINE ? NULL : arrival_new(f, m);
	struct arriving a = { .p = p, .large = l };
	bool            keep = false;

	if (!p)
		return m->flags & SENT_INLINE ? -EPROTO : -ENOMEM;
	if (!large_same(l, m)) {
		large_changed(l);
	} else if (!l->over) {
		int joined = large_join(f, l, p);
		if (joined < 0)
			large_fail(l, fail_made(joined), false, false);
	}
	int r = arrive(f, &a);
	if (r < 0)
		cut_range(f, p);
	else
		r = range_done(f, p, &a, &keep);
	if (keep)
		return r;
	arrival_drop(p, true);
	if (r == 0) {
		struct errand e = { .large = l };       /* the arrival may have it */
		large_piece_over(f, l);
		errand_over(f, &e);
	}
	return r;
}
