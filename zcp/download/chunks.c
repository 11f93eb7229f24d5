/* chunks.c - damaged chunks come again, sealed: asked for, taken, and what becomes of their file when the last one has come. See arrival.h */
#include <errno.h>
#include "zcp/download/arrival.h"
#include "zcp/download/download.h"
#include "zcp/download/large.h"

enum { CHUNK_TRIES = 2, ROUND_MAX = 256 /* asked for at once */ };

/* What is still wrong is asked for again, sealed. 0 or -errno; *more: something was asked for. */
static int ask_again(struct fetcher *f, struct arrival *p, bool *more)
{
	int r = 0;

	*more = false;
	for (size_t i = 0; r == 0 && i < p->in.bad_count && p->due < ROUND_MAX; i++) {
		struct bad_chunk *bad = &p->in.bad[i];
		struct want       again = { .kind = WANT_AGAIN, .arrival = p, .off = bad->off, .len = bad->len };
		if (bad->tries++ >= CHUNK_TRIES)
			continue;
		size_t before = f->count;
		r = want_put(f, &again);
		p->due += f->count > before;
		*more = true;
	}
	return r < 0 ? r : fetcher_flush(f);
}

/* From here on the arrival has the errand: it ends when its chunks have come, or with the stream. */
int chunks_ask(struct fetcher *f, struct arrival *p, bool *keep)
{
	p->errand = f->now.errand;
	f->now = (struct want){ .kind = WANT_AGAIN, .arrival = p };
	int r = ask_again(f, p, keep);
	*keep |= r < 0;
	return r;
}

static void range_verdict(struct fetcher *f, struct arrival *p)
{
	struct large *l = p->errand.large;

	if (p->changed)
		large_changed(l);
	else if (p->in.fail.status)
		large_fail(l, p->in.fail, false, false);
	else if (p->in.bad_count)
		large_fail(l, fail_why(ST_INTEGRITY, WHY_INTEGRITY), true, false);
	else
		worker_moved_by(f->w, 0, p->in.used ? p->in.used->id : 0);
}

static void whole_verdict(struct fetcher *f, struct arrival *p)
{
	if (p->changed)
		fail_remote(f->download, &p->errand, fail_why(ST_CHANGED, WHY_SHRANK));
	else if (p->in.fail.status)
		fail_local(f->download, &p->errand, p->in.fail);
	else if (p->in.bad_count)
		fail_remote(f->download, &p->errand, fail_why(ST_INTEGRITY, WHY_INTEGRITY));
	else
		arrival_publish(f, &p->errand, p, p->flags);
}

/* All chunks that were asked for have been answered. */
static int round_over(struct fetcher *f, struct arrival *p)
{
	struct errand e = p->errand;
	bool          more = false;
	int           r = 0;

	if (p->due)
		return 0;
	if (!p->changed && !p->in.fail.status && p->in.bad_count && !(e.large && e.large->over))
		r = ask_again(f, p, &more);
	if (r < 0 || more)
		return r;
	if (e.large)
		range_verdict(f, p);
	else
		whole_verdict(f, p);
	arrival_drop(p, e.large != NULL);
	if (e.large)
		large_piece_over(f, e.large);
	errand_over(f, &e);
	return 0;
}

static bool same_source(const struct arrival *p, const struct wire_file *m)
{
	const struct identity *a = &p->identity, *b = &m->identity;

	return a->dev == b->dev && a->ino == b->ino && a->ctime == b->ctime && a->ctime_ns == b->ctime_ns && p->meta.size == m->meta.size &&
	       p->meta.mtime == m->meta.mtime && p->meta.mtime_ns == m->meta.mtime_ns;
}

int chunks_come(struct fetcher *f, const struct wire_file *m)
{
	struct arrival *p = f->now.arrival;
	struct arriving a = { .p = p, .large = p->errand.large };

	if (!m) {                               /* the source is another one */
		p->changed = true;
		p->due--;
		return round_over(f, p);
	}
	if (m->flags & SENT_INLINE)
		return -EPROTO;
	p->changed |= !same_source(p, m);
	p->in.id = m->id;
	p->in.range = true;
	p->in.flags = 0;
	if (p->in.only && !(p->in.only->can & CAN_SEAL))
		p->in.only = NULL;
	int r = arrive(f, &a);
	if (r == 0 && !(a.flags & (SENT_SHRANK | SENT_FAILED | SENT_GIVEN_UP)) && !p->changed && a.got != f->now.len)
		r = -EPROTO;
	if (r < 0)
		return r;
	p->changed |= (a.flags & (SENT_SHRANK | SENT_GREW)) != 0;
	if (a.done.fail.status && !p->in.fail.status)
		p->in.fail = a.done.fail;
	p->due--;
	return round_over(f, p);
}
