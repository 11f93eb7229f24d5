/* arrival.c - see arrival.h; chunks.c has the damaged ones */
#include "zcp/download/arrival.h"

#include <errno.h>
#include <stdlib.h>
#include "zcp/download/download.h"
#include "zcp/download/large.h"

struct arrival *arrival_new(const struct fetcher *f, const struct wire_file *m)
{
	struct download *d = f->download;
	struct arrival  *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->aside.dir = p->aside.fd = p->resume.fd = p->resume.log = -1;
	p->meta = m->meta;
	p->identity = m->identity;
	const struct errand *e = &f->now.errand;
	if (!e->large && d->job->extras && ext_keep(&p->ext, m->ext) < 0) {
		free(p);
		return NULL;
	}
	if (e->large)
		incoming_range(&p->in, m->id, -1, e->large->meta.size, e->off, e->len);
	else
		incoming_init(&p->in, m->id, d->pour, m->meta.size);    /* pour -1: the aside file's, when there is one */
	p->in.only = d->pour >= 0 ? NULL : d->job->opt->recv;
	p->in.in_order = d->pour >= 0;
	p->in.rate = rate_throttle(&d->job->rate);
	return p;
}

void arrival_drop(struct arrival *p, bool of_large)
{
	incoming_clear(&p->in);                 /* before the close: direct I/O and mappings end here */
	if (of_large) {
		resume_close(&p->resume);
		aside_keep(&p->aside);
	} else {
		aside_drop(&p->aside);
	}
	ext_drop(&p->ext);
	free(p);
}

void arrival_lost(struct fetcher *f, struct arrival *p, int r)
{
	struct errand e = p->errand;

	progress_back(&f->download->job->progress, e.large ? e.len : p->in.size);
	arrival_drop(p, e.large != NULL);
	errand_back(f, &e, true, r);
}

/* A failed file's rest is not worth its way. */
static int cancel(struct fetcher *f, struct arriving *a)
{
	union wire_body b = { .id = { a->p->in.id } };
	int             r = stream_put(&f->w->stream, WIRE_CANCEL, &b, false);

	a->cancelled = r == 0;
	if (r == 0)
		r = stream_try_flush(&f->w->stream);
	return r == -EAGAIN || r > 0 ? 0 : r;
}

static bool for_nothing(const struct fetcher *f, const struct arriving *a)
{
	return a->p->in.fail.status || (a->large && a->large->over) || job_stopped(f->download->job);
}

static int take_segment(struct fetcher *f, struct arriving *a, const struct wire_segment *seg)
{
	struct stream   *s = &f->w->stream;
	struct incoming *in = &a->p->in;
	struct download *d = f->download;

	if (!in->range && d->pour < 0 && !in->fail.status && d->job->opt->wish == WISH_PLAIN && s->carry == CARRY_RAW && seg->carry == CARRY_SEALED)
		in->fail = fail_why(ST_CANNOT, WHY_PLAIN_REFUSED);      /* not where this file lies */
	if (!in->range)
		worker_carried(f->w, (enum carry)seg->carry);
	/* what is poured cannot be taken back: only what is right already */
	int r = d->pour >= 0 && seg->carry != CARRY_SEALED ? -EPROTO : receive_segment(s, in, seg);
	if (r == 0 && !a->cancelled && for_nothing(f, a))
		r = cancel(f, a);
	if (r < 0)
		return r;
	a->got += seg->length;
	if (a->large && !in->range)
		a->large->counted += seg->length;
	progress_moved(&d->job->progress, in->range ? 0 : seg->length);
	return 0;
}

static int take_hole(struct fetcher *f, struct arriving *a, const struct wire_hole *h)
{
	int r = receive_hole(&f->w->stream, &a->p->in, h);

	if (r == 0 && !a->cancelled && for_nothing(f, a))
		r = cancel(f, a);
	if (r < 0)
		return r;
	a->got += h->length;
	if (a->large)
		a->large->counted += h->length;
	progress_there(&f->download->job->progress, h->length);
	return 0;
}

int arrive(struct fetcher *f, struct arriving *a)
{
	struct record rec;
	int           r = 0;

	if (for_nothing(f, a))
		r = cancel(f, a);
	while (r == 0) {
		r = stream_get(&f->w->stream, &rec);
		if (r < 0 || (rec.type == WIRE_DONE && rec.body.done.id == a->p->in.id))
			break;
		union wire_body b = rec.body;
		if (rec.type == WIRE_SEGMENT && b.segment.id == a->p->in.id)
			r = take_segment(f, a, &b.segment);
		else if (rec.type == WIRE_HOLE && b.hole.id == a->p->in.id)
			r = take_hole(f, a, &b.hole);
		else
			return -EPROTO;
	}
	if (r < 0)
		return r;
	a->done = rec.body.done;
	a->flags = a->done.flags | a->p->in.flags;
	return job_stopped(f->download->job) ? -EINTR : 0;
}
