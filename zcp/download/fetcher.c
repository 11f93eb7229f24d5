/* fetcher.c - see fetcher.h: what is asked for when, whose answer it is, and what becomes of it when the stream dies */
#include "zcp/download/fetcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zcp/download/arrival.h"
#include "zcp/download/download.h"
#include "zcp/download/large.h"

enum {
	ASK_BELOW = WIRE_REQUESTS_MAX / 2, ASK_MOST = WIRE_REQUESTS_MAX - WIRE_PATH_MAX - 1024,
	ITEM_HEAD = 3, ITEM_RANGE = 16,
	BATCH = 128, BATCH_BYTES = 4 << 20,     /* taken from the queue at once */
	AHEAD_SHARED = 4 << 20, AHEAD_FIRST = 32 << 20, AHEAD_ALONE = 64 << 20, FILE_COSTS = 1024 /* as many bytes' time */,
	DONE_AT_ONCE = 64, HOLD_FROM = 1 << 30, CHECK_COSTS = 64,
};

int fetcher_init(struct fetcher *f, struct download *d, struct worker *w)
{
	*f = (struct fetcher){ .download = d, .w = w, .items = malloc(WIRE_FETCH_BODY), .said_ms = progress_clock_ms() };
	path_cache_init(&f->cache);
	return f->items ? 0 : -ENOMEM;
}

static void tell_done(struct fetcher *f)
{
	if (f->done)
		queue_done(&f->download->queue, f->done);
	f->done = 0;
}

void fetcher_clear(struct fetcher *f)
{
	if (!f->download)
		return;
	tell_done(f);
	path_cache_drop(&f->cache);
	free(f->wants);
	free(f->items);
	*f = (struct fetcher){ 0 };
}

void errand_over(struct fetcher *f, struct errand *e)
{
	errand_clear(e);
	f->done++;
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

int fetcher_flush(struct fetcher *f)
{
	union wire_body b = { .fetch = { f->items_first, f->items_count, { f->items, f->items_used } } };

	if (!f->items_count)
		return 0;
	int r = stream_put(&f->w->stream, WIRE_FETCH, &b, false);
	f->items_count = 0;
	f->items_used = 0;
	if (r == 0)
		r = stream_try_flush(&f->w->stream);
	return r < 0 ? r : 0;
}

static int ring_add(struct fetcher *f, const struct want *w)
{
	if (f->count == f->room) {
		size_t       room = f->room ? f->room * 2 : 256;
		struct want *v = malloc(room * sizeof *v);
		if (!v)
			return -ENOMEM;
		for (size_t i = 0; i < f->count; i++)
			v[i] = f->wants[(f->first + i) % f->room];
		free(f->wants);
		f->wants = v;
		f->first = 0;
		f->room = room;
	}
	f->wants[(f->first + f->count++) % f->room] = *w;
	return 0;
}

static bool is_range(const struct want *w)
{
	return w->kind != WANT_WHOLE && w->kind != WANT_CHECK;
}

/* Bytes of contents it brings, small files dearer than they are. */
static uint64_t flies(const struct want *w)
{
	switch (w->kind) {
	case WANT_RANGE: return w->errand.len;
	case WANT_AGAIN: return w->len;
	case WANT_WHOLE: return w->errand.meta.size + FILE_COSTS;
	default:         return FILE_COSTS;
	}
}

/* All of a file at once; of a large one it is asked for with the look that comes first. */
static bool may_be_handed(const struct fetcher *f, const struct want *w)
{
	const struct errand *e = &w->errand;

	if (!f->w->stream.hands || f->download->pour >= 0 || e->large || e->meta.type == 'd')
		return false;
	return w->kind == WANT_WHOLE || (w->kind == WANT_LOOK && e->todo == TODO_COPY);
}

/* Smaller ones are never handed over. */
static bool copied_long(const struct fetcher *f, const struct want *w)
{
	uint64_t size = w->errand.meta.size;

	return size >= RESUME_FROM || (size > WIRE_INLINE_MAX && throttle_rate(rate_throttle(&f->download->job->rate)));
}

static struct wire_fetch_item item_of(const struct fetcher *f, const struct want *w, const char *path)
{
	const struct download *d = f->download;
	bool                   follow = !d->job->opt->keep_links || w->errand.meta.type == 'd';         /* a link on the way to a name is a directory here */
	struct wire_fetch_item i = { .flags = follow ? FETCH_FOLLOW : 0, .path = wire_cstr(path) };

	if (d->pour >= 0 || w->kind == WANT_AGAIN)
		i.flags |= FETCH_SEALED;
	if (is_range(w))
		i.flags |= FETCH_RANGE;
	if (w->hand)
		i.flags |= FETCH_HAND;
	if (w->kind == WANT_RANGE) {
		i.offset = w->errand.off;
		i.length = w->errand.len;
	} else if (w->kind == WANT_AGAIN) {
		i.offset = w->off;
		i.length = w->len;
	}
	return i;
}

/* What has not been asked for can only have failed by its name. */
static void unaskable(struct fetcher *f, struct want *w)
{
	struct fail why = fail_why(ST_FILE_IO, WHY_TOO_LONG);

	fail_remote(f->download, &w->errand, why);
	errand_over(f, &w->errand);
}

/* --checksum: a request of its own, between those for contents. */
static int ask_check(struct fetcher *f, struct want *w, const char *path)
{
	const struct download *d = f->download;
	union wire_body        b = { .hash = { .flags = d->job->opt->keep_links ? 0 : LOOK_FOLLOW, .path = wire_cstr(path) } };
	int                    r = fetcher_flush(f);            /* ids of one FETCH follow each other */

	if (r < 0)
		return r;
	b.hash.id = w->id = worker_id(f->w);
	memcpy(b.hash.key, d->hash_key, WIRE_KEY_BYTES);
	w->cost = (uint32_t)(CHECK_COSTS + strlen(path));
	r = stream_put(&f->w->stream, WIRE_HASH, &b, false);
	return r == 0 ? stream_try_flush(&f->w->stream) : r;
}

static int check_put(struct fetcher *f, struct want *w, const char *path)
{
	int r = ask_check(f, w, path);

	if (r >= 0)
		r = ring_add(f, w);
	if (r < 0) {
		errand_back(f, &w->errand, false, r);
		return r;
	}
	f->asked += w->cost;
	f->flying += flies(w);
	return 0;
}

int want_put(struct fetcher *f, struct want *w)
{
	const struct errand *e = w->kind == WANT_AGAIN ? &w->arrival->errand : &w->errand;
	char                 path[WIRE_PATH_MAX + 1];

	if (errand_remote(f->download, e, path) < 0) {
		unaskable(f, w);                /* never a range: its file has been asked for */
		return 0;
	}
	w->hand = may_be_handed(f, w);
	w->slow = w->hand && copied_long(f, w);
	struct wire_fetch_item item = item_of(f, w, path);
	int r = 0;
	if (w->kind == WANT_CHECK)
		return check_put(f, w, path);
	if (f->items_count == UINT16_MAX || wire_fetch_add(f->items, WIRE_FETCH_BODY - 16, &f->items_used, &item) < 0) {
		r = fetcher_flush(f);
		if (r == 0)
			r = wire_fetch_add(f->items, WIRE_FETCH_BODY - 16, &f->items_used, &item);
	}
	w->cost = (uint32_t)(ITEM_HEAD + item.path.len + (is_range(w) ? ITEM_RANGE : 0));
	w->id = worker_id(f->w);
	if (!f->items_count++)
		f->items_first = w->id;
	int added = ring_add(f, w);
	if (added < 0) {
		if (w->kind != WANT_AGAIN)
			errand_back(f, &w->errand, false, added);
		return added;
	}
	f->asked += w->cost;
	f->flying += flies(w);
	f->slow += w->slow;
	return r;
}

void large_turn(struct fetcher *f, struct errand *e, const struct meta *m, const struct identity *i)
{
	if (m->size < HOLD_FROM || !f->count) {
		large_begin(f, e, m, i);
	} else if (f->holds) {
		errand_back(f, e, false, 0);
	} else {
		f->held = *e;
		f->held.meta = *m;
		f->held_identity = *i;
		f->holds = true;
	}
}

int errand_begin(struct fetcher *f, struct errand *e)
{
	struct want w = { .errand = *e };

	if (e->large && e->large->over) {
		large_piece_over(f, e->large);
		errand_over(f, e);
		return 0;
	}
	if (e->todo == TODO_CHECK) {
		w.kind = WANT_CHECK;
	} else if (e->todo == TODO_EXTRAS) {
		w.kind = WANT_LOOK;
	} else if (!e->large && large_is(f->download, e)) {
		const struct source *s = &f->download->plan->v[e->source];
		if (!e->dir && !f->download->job->extras && !f->w->stream.hands) {      /* looked at already; its extras, or its descriptor, come with a look of their own */
			e->sparse = s->sparse;
			large_turn(f, e, &s->meta, &s->identity);
			return 0;
		}
		w.kind = WANT_LOOK;
	} else if (e->large) {
		w.kind = WANT_RANGE;
	}
	return want_put(f, &w);
}

static bool alone(const struct fetcher *f)
{
	return pool_most(f->download->pool) < 2;
}

/* The first stream takes like one that is alone until another has been started: those have what waits. Asking for little costs round trips far away. */
static bool first(const struct fetcher *f)
{
	return pool_now(f->download->pool) < 2;
}

static bool has_room(const struct fetcher *f)
{
	uint64_t most = alone(f) ? AHEAD_ALONE : first(f) ? AHEAD_FIRST : AHEAD_SHARED;

	if (f->asked > ASK_BELOW || f->holds || f->slow)
		return false;
	/* the next range is asked for while one comes, unless another stream could have it sooner */
	return f->flying <= most / 2 || (f->count < 2 && queue_waiting(&f->download->queue, NULL) >= pool_most(f->download->pool));
}

int fetcher_feed(struct fetcher *f)
{
	struct download *d = f->download;
	struct errand    batch[BATCH];
	size_t           n = BATCH;
	int              r = 0;

	if (f->done >= DONE_AT_ONCE || !f->count)
		tell_done(f);
	if (f->holds && !f->count && f->held_check) {
		r = check_held(f);
	} else if (f->holds && !f->count) {
		f->holds = false;
		large_begin(f, &f->held, &f->held.meta, &f->held_identity);
	}
	while (r == 0 && n && has_room(f) && !job_stopped(d->job)) {
		n = queue_take(&d->queue, batch, BATCH, BATCH_BYTES, pool_now(d->pool), f->w->number == 0);
		size_t begun = 0;
		while (r == 0 && begun < n && !f->slow)
			r = errand_begin(f, &batch[begun++]);
		for (size_t i = n; i-- > begun;)
			errand_back(f, &batch[i], false, r);
		if (n < BATCH && !first(f) && f->count)
			break;                  /* that was its share */
	}
	return r == 0 ? fetcher_flush(f) : r;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* What it takes besides the socket and the ciphers, it takes for files. */
static int answered(struct fetcher *f, const struct record *rec)
{
	struct stages_mark m = stages_begin(&f->w->stream.stages);
	int                r = rec->type == WIRE_FILE ? fetched(f, &rec->body.file) : rec->type == WIRE_DIGEST ? fetch_checked(f, &rec->body.digest) : fetch_failed(f, rec->body.error.fail);

	stages_end(&f->w->stream.stages, STAGE_DISK, &m);
	return r;
}

int fetcher_take(struct fetcher *f, const struct record *rec)
{
	uint32_t id = rec->type == WIRE_FILE ? rec->body.file.id : rec->type == WIRE_DIGEST ? rec->body.digest.id : rec->body.error.id;

	if ((rec->type != WIRE_FILE && rec->type != WIRE_ERROR && rec->type != WIRE_DIGEST) || !f->count || f->wants[f->first].id != id)
		return -EPROTO;
	if ((f->wants[f->first].kind == WANT_CHECK) != (rec->type == WIRE_DIGEST) && rec->type != WIRE_ERROR)
		return -EPROTO;
	f->now = f->wants[f->first];
	f->busy = true;
	f->first = (f->first + 1) % f->room;
	f->count--;
	f->asked -= f->now.cost;
	f->flying -= flies(&f->now);
	f->slow -= f->now.slow;
	int r = answered(f, rec);
	if (r == 0)
		f->busy = false;
	return r;
}

int fetcher_work(struct fetcher *f)
{
	struct download *d = f->download;
	struct record    rec;
	int              r = 0;

	for (;;) {
		r = job_stopped(d->job) ? -EINTR : fetcher_feed(f);
		if (r < 0)
			return r;
		if (!f->count) {
			tell_done(f);
			if (!worker_wait(f->w, &d->queue))
				return job_stopped(d->job) ? -EINTR : 0;
			continue;
		}
		r = stream_get(&f->w->stream, &rec);
		if (r == 0)
			r = fetcher_take(f, &rec);
		if (r < 0)
			return r;
	}
}

/* --- a stream that died --------------------------------------------------------------------------------------------- */

void errand_back(struct fetcher *f, struct errand *e, bool died_with, int r)
{
	struct download *d = f->download;
	int              err = r == -ENODATA || r == -EPIPE ? ECONNRESET : -r;
	struct fail      why = { .status = (uint8_t)status_of_stream(r), .why = WHY_ERRNO, .err = (uint16_t)err };

	if (e->meta.type == 'd') {              /* the lead's: nobody else can take it */
		named_extras(d, e, NULL, why);
		return;
	}
	if (!died_with || job_stopped(d->job) || ++e->lost <= LOST_MOST) {
		if (queue_again(&d->queue, e) == 0)
			return;
		why = fail_errno(-ENOMEM);
	}
	if (e->large) {
		large_fail(e->large, why, true, true);
		large_piece_over(f, e->large);
	} else {
		fail_remote(d, e, why);
	}
	errand_over(f, e);
}

void fetcher_give_back(struct fetcher *f, int r)
{
	if (f->holds)
		errand_back(f, &f->held, false, r);
	f->holds = false;
	/* the last first: in the queue they stand in their order again */
	while (f->count) {
		struct want *w = &f->wants[(f->first + --f->count) % f->room];
		if (w->kind != WANT_AGAIN)
			errand_back(f, &w->errand, !f->busy && f->count == 0, r);
		else if (--w->arrival->due == 0 && !(f->busy && f->now.arrival == w->arrival))
			arrival_lost(f, w->arrival, r);
	}
	if (f->busy && f->now.kind != WANT_AGAIN)
		errand_back(f, &f->now.errand, true, r);
	else if (f->busy)
		arrival_lost(f, f->now.arrival, r);
	f->busy = false;
	f->asked = f->flying = 0;
	f->slow = 0;
	tell_done(f);
}

int fetcher_thread(struct worker *w, void *arg)
{
	struct download *d = arg;
	struct fetcher   f;
	int              r = fetcher_init(&f, d, w);

	if (r == 0)
		r = fetcher_work(&f);
	if (r < 0) {
		if (job_stopped(d->job))
			queue_stop(&d->queue);  /* others may wait for it */
		fetcher_give_back(&f, r);
		worker_broken(w, r);
	}
	fetcher_clear(&f);
	return r;
}
