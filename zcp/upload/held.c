/* held.c - files that this stream holds on the host: asked for, given out in pieces, committed or dropped. See held.h */
#include "zcp/upload/uploader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/holes.h"
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcp/joblog.h"

static const uint64_t piece_alone = UINT64_C(1) << 30, piece_least = 1 << 20, piece_most = 64 << 20, mib = 1 << 20;
enum { PIECE_ALIGN = 4096 };            /* for engine direct */

bool errand_large(const struct uploader *x, const struct errand *e)
{
	return !e->large && e->meta.size >= RESUME_FROM && x->u->job->opt->integrity != INTEGRITY_NONE;
}

static struct held *free_held(struct uploader *x)
{
	for (int i = 0; i < HELD_MOST; i++)
		if (x->held[i].state == HELD_FREE)
			return &x->held[i];
	return NULL;
}

bool held_room(const struct uploader *x)
{
	for (int i = 0; i < HELD_MOST; i++)
		if (x->held[i].state == HELD_FREE)
			return true;
	return false;
}

struct held *held_of(struct uploader *x, uint32_t id)
{
	for (int i = 0; i < HELD_MOST; i++)
		if (x->held[i].state != HELD_FREE && x->held[i].id == id)
			return &x->held[i];
	return NULL;
}

bool held_waits(const struct uploader *x)
{
	for (int i = 0; i < HELD_MOST; i++)
		if (x->held[i].state == HELD_ASKED || x->held[i].state == HELD_COMMITTING || x->held[i].state == HELD_DROPPING)
			return true;
	return false;
}

static bool all_back(const struct held *h)
{
	return h->state == HELD_OPEN && !h->large->out;
}

bool held_back(void *uploader)
{
	const struct uploader *x = uploader;

	for (int i = 0; i < HELD_MOST; i++)
		if (all_back(&x->held[i]))
			return true;
	return false;
}

int held_ms(const struct uploader *x)
{
	uint64_t now = progress_clock_ms(), ms = TICK_MS;

	for (int i = 0; i < HELD_MOST; i++) {
		const struct held *h = &x->held[i];
		if (h->state != HELD_BUSY)
			continue;
		uint64_t left = h->again_ms > now ? h->again_ms - now : 0;
		ms = left < ms ? left : ms;
	}
	return (int)ms;
}

/* Its answer does not count for the budget any more. */
static void answered(struct uploader *x, enum wire_type type)
{
	x->cost -= cost_of(type);
}

/* --- asked for ------------------------------------------------------------------------------------------------------ */

static int ask(struct uploader *x, struct held *h)
{
	struct large   *l = h->large;
	uint8_t         how = (x->u->job->opt->no_resume ? STORE_FRESH : 0) | (l->sparse ? STORE_SPARSE : 0);
	union wire_body b = { .open_aside = { .flags = (uint8_t)(store_flags(x) | how), .meta = meta_from_stat(&l->st), .identity = identity_from_stat(&l->st),
	                                      .path = wire_cstr(l->path) } };
	int             r = answers_room(x, cost_of(WIRE_OPEN_ASIDE));

	if (r < 0)
		return r;
	b.open_aside.id = h->id = worker_id(x->w);
	h->state = HELD_ASKED;
	x->cost += cost_of(WIRE_OPEN_ASIDE);
	return stream_put(&x->w->stream, WIRE_OPEN_ASIDE, &b, true);
}

static struct large *large_new(struct uploader *x, struct errand *e, int fd, const struct stat *st, const char *path)
{
	struct upload *u = x->u;
	struct large  *l = calloc(1, sizeof *l);

	if (l)
		l->path = strdup(path);
	if (!l || !l->path) {
		free(l);
		close(fd);
		return NULL;
	}
	l->refs = 1;
	l->fd = fd;
	l->st = *st;
	l->sparse = holes_in(fd, st);
	l->file = *e;
	l->file.meta = meta_from_stat(st);
	*e = (struct errand){ 0 };
	pthread_mutex_lock(&u->lock);
	l->next = u->larges;
	if (l->next)
		l->next->prev = l;
	u->larges = l;
	pthread_mutex_unlock(&u->lock);
	return l;
}

int held_open(struct uploader *x, struct errand *e, int fd, const struct stat *st, const char *path)
{
	struct held *h = free_held(x);

	if (!h) {
		e->meta = meta_from_stat(st);   /* so that it is known for a large one */
		close(fd);
		if (!hand_back(x, e))
			return -ENOBUFS;        /* only what is in hand, or was held just now, comes here */
		*e = (struct errand){ 0 };
		return 0;
	}
	struct wire_str ext;
	struct fail     f;
	if (source_extras(x, fd, false, &ext, &f) < 0) {
		close(fd);
		errand_failed(x->u, e, f);
		return 0;
	}
	struct large *l = large_new(x, e, fd, st, path);
	if (!l)
		return -ENOMEM;
	h->large = l;
	h->state = HELD_BUSY;           /* not free: should the stream die before it is asked for, held_lost() gives it back */
	int r = ext_keep(&l->ext, ext);
	return r < 0 ? r : ask(x, h);
}

/* --- given out ------------------------------------------------------------------------------------------------------ */

/* A piece of so many bytes, with as many more as there are holes in it, on an average: it is what a piece costs that counts. */
static uint64_t with_holes(uint64_t bytes, const struct large *l)
{
	uint64_t size = (uint64_t)l->st.st_size, data = (uint64_t)l->st.st_blocks * 512 + 1;

	if (!l->sparse || data >= size)
		return bytes;
	return size / data < size / bytes ? bytes * (size / data) : size;
}

static uint64_t piece_size(const struct uploader *x, const struct large *l)
{
	unsigned streams = pool_most(x->u->pool);
	uint64_t most = with_holes(streams > 1 ? piece_most : piece_alone, l), n = streams > 1 ? (uint64_t)l->st.st_size / (16 * (uint64_t)streams) : most;

	n = n < piece_least ? piece_least : n > most ? most : n;
	return n / mib * mib;
}

/* The piece that ends at `end`: it begins where a multiple of the size is, or at the gap's start. */
static uint64_t piece_from(uint64_t from, uint64_t end, uint64_t size)
{
	uint64_t at = (end - 1) / size * size;

	return at > from ? at : from;
}

static unsigned count_pieces(uint64_t from, uint64_t end, uint64_t size)
{
	return (unsigned)((end - 1) / size - from / size + 1);
}

/* One that finds no place on the queue takes the file with it. */
static void give_out(struct upload *u, struct large *l, uint64_t from, uint64_t end, uint64_t size)
{
	while (end > from) {
		uint64_t      at = piece_from(from, end, size);
		struct errand e = { .source = l->file.source, .dir = l->file.dir, .large = l, .off = at, .len = end - at };
		if (queue_split(&u->queue, &e) < 0)
			piece_unsplit(u, l);
		end = at;
	}
}

static void say_there(const struct uploader *x, const struct large *l)
{
	char seen[2048], part[16], whole[16];

	num_size(l->there, part);
	num_size((uint64_t)l->st.st_size, whole);
	if (l->there)
		log_info("%s: %llu of %llu bytes are there already (%s of %s)", vis_str(seen, sizeof seen, l->path), (unsigned long long)l->there,
		         (unsigned long long)l->st.st_size, part, whole);
	progress_there(&x->u->job->progress, l->there);
}

struct gaps { uint64_t from[WIRE_GAPS_MAX], end[WIRE_GAPS_MAX]; size_t count; uint64_t bytes; };

/* wire.c has seen to it that they ascend and do not touch. */
static int read_gaps(const struct wire_aside *m, uint64_t size, struct gaps *g)
{
	struct wire_str rest = m->gaps;
	uint64_t        off, len;

	g->count = 0;
	g->bytes = 0;
	while (g->count < WIRE_GAPS_MAX && wire_gap_next(&rest, &off, &len) > 0) {
		if (off > size || len > size - off)
			return -EPROTO;
		g->bytes += len;
		g->from[g->count] = off / PIECE_ALIGN * PIECE_ALIGN;
		g->end[g->count++] = off + len;
	}
	return 0;
}

int held_aside(struct uploader *x, struct held *h, const struct wire_aside *m)
{
	struct large *l = h->large;
	uint64_t      size = (uint64_t)l->st.st_size, piece = piece_size(x, l);
	struct gaps   g;
	unsigned      n = 0;

	if (h->state != HELD_ASKED || read_gaps(m, size, &g) < 0)
		return -EPROTO;
	answered(x, WIRE_OPEN_ASIDE);
	memcpy(l->run, m->run, WIRE_RUN);
	if (!l->opened) {
		l->there = l->counted = size - g.bytes;
		say_there(x, l);
	}
	l->opened = true;
	for (size_t i = 0; i < g.count; i++)
		n += count_pieces(g.from[i], g.end[i], piece);
	pthread_mutex_lock(&x->u->lock);
	l->refs += n;
	l->out = n;
	pthread_mutex_unlock(&x->u->lock);
	h->state = HELD_OPEN;
	/* the last one first: each is put in front */
	for (size_t i = g.count; i > 0; i--)
		give_out(x->u, l, g.from[i - 1], g.end[i - 1], piece);
	pool_grow(x->u->pool);
	return 0;
}

/* --- the end -------------------------------------------------------------------------------------------------------- */

static void held_free(struct uploader *x, struct held *h)
{
	struct large *l = h->large;

	*h = (struct held){ .state = HELD_FREE };
	if (l)
		upload_unref(x->u, l);
}

static void held_failed(struct uploader *x, struct held *h, struct fail f)
{
	struct upload *u = x->u;
	struct large  *l = h->large;

	progress_back(&u->job->progress, l->counted);
	errand_failed(u, &l->file, f);
	held_free(x, h);
}

static int finish(struct uploader *x, struct held *h, bool drop)
{
	struct large   *l = h->large;
	union wire_body b = { .commit = { .flags = (uint8_t)(store_flags(x) | (drop ? STORE_DROP : 0)), .meta = meta_from_stat(&l->st), .path = wire_cstr(l->path),
	                                  .ext = drop ? (struct wire_str){ NULL, 0 } : ext_kept(&l->ext) } };
	int             r = answers_room(x, cost_of(WIRE_COMMIT));

	if (r < 0)
		return r;
	memcpy(b.commit.run, l->run, WIRE_RUN);
	b.commit.id = h->id = worker_id(x->w);
	h->state = drop ? HELD_DROPPING : HELD_COMMITTING;
	x->cost += cost_of(WIRE_COMMIT);
	return stream_put(&x->w->stream, WIRE_COMMIT, &b, true);
}

/* All of it is there, or will not be. The source as it is now has the last word. */
static int judge(struct uploader *x, struct held *h)
{
	struct large *l = h->large;
	struct stat   now;

	if (!l->fail.status && !l->changed && fstat(l->fd, &now) == 0) {
		uint8_t was = source_changed(&l->st, &now);
		l->grew |= (was & SENT_GREW) != 0;
		l->changed = (was & SENT_SHRANK) != 0;
	}
	return finish(x, h, l->fail.status || l->changed);
}

/* Dropped on the host. Once more, with what it is now, or that was it. */
static int again(struct uploader *x, struct held *h)
{
	struct large *l = h->large;
	struct errand e = l->file;
	struct stat   st;
	char          path[WIRE_PATH_MAX + 1];
	int           fd = l->fd;

	progress_back(&x->u->job->progress, l->counted);
	l->file = (struct errand){ 0 };
	l->fd = -1;
	held_free(x, h);
	e.tries++;
	errand_path(x->u, &e, path);            /* it fitted before */
	if (fstat(fd, &st) < 0) {
		errand_failed(x->u, &e, fail_errno(errno));
		close(fd);
		return 0;
	}
	int r = send_opened(x, &e, fd, &st, path);
	if (r < 0 && e.rest)
		upload_back(x->u, &e);
	return r;
}

static int turn(struct uploader *x, struct held *h)
{
	if (all_back(h))
		return judge(x, h);
	return h->state == HELD_AGAIN ? again(x, h) : ask(x, h);
}

int held_ready(struct uploader *x)
{
	int r = 0, done = 0;

	for (int i = 0; r == 0 && i < HELD_MOST; i++) {
		struct held *h = &x->held[i];
		if (!all_back(h) && h->state != HELD_AGAIN && (h->state != HELD_BUSY || h->again_ms > progress_clock_ms()))
			continue;
		r = turn(x, h);
		done = 1;
	}
	return r < 0 ? r : done;
}

int held_ok(struct uploader *x, struct held *h, const struct wire_ok *m)
{
	struct large *l = h->large;

	if (h->state == HELD_DROPPING)
		return held_error(x, h, (struct fail){ 0 });
	if (h->state != HELD_COMMITTING)
		return -EPROTO;
	answered(x, WIRE_COMMIT);
	worker_moved_by(x->w, 0, m->engine);
	upload_done(x->u, &l->file, (uint64_t)l->st.st_size, l->grew ? SENT_GREW : 0, m->flags);
	upload_over(x->u, &l->file);
	held_free(x, h);
	return 0;
}

/* Is it a stream of our own, or of a run that was cut a moment ago, whose end the host has not seen? Then it is worth asking again. */
static bool ask_again_later(const struct uploader *x, struct held *h)
{
	const struct job *j = x->u->job;
	struct large     *l = h->large;
	bool              ours = l->opened || l->file.lost || j->attempts || j->free_attempts;
	char              seen[2048];
	unsigned          most = ours ? BUSY_TRIES : joblog_resumes(j->log) ? BUSY_RESUMING : 1;

	if (l->busy >= most)
		return false;
	if (!l->busy)
		log_info("%s: waiting for the other run that fills it", vis_str(seen, sizeof seen, l->path));
	h->again_ms = progress_clock_ms() + (l->busy++ ? BUSY_MS : BUSY_FIRST_MS);
	h->state = HELD_BUSY;
	return true;
}

int held_error(struct uploader *x, struct held *h, struct fail f)
{
	struct large *l = h->large;

	if (h->state == HELD_ASKED) {
		answered(x, WIRE_OPEN_ASIDE);
		if (f.status != ST_BUSY || !ask_again_later(x, h))
			held_failed(x, h, f);
		return 0;
	}
	if (h->state != HELD_COMMITTING && h->state != HELD_DROPPING)
		return -EPROTO;
	answered(x, WIRE_COMMIT);
	if (h->state == HELD_COMMITTING && (f.status == ST_BUSY || f.why == WHY_GAPS) && ask_again_later(x, h))
		return 0;               /* a dead stream of ours is still writing, for all the host knows: opened again, and asked what is missing */
	if (h->state == HELD_COMMITTING)
		held_failed(x, h, f);
	else if (l->fail.status)
		held_failed(x, h, l->fail);
	else if (l->file.tries)
		held_failed(x, h, fail_why(ST_CHANGED, WHY_SHRANK));
	else
		h->state = HELD_AGAIN;
	return 0;
}

void held_lost(struct uploader *x)
{
	for (int i = 0; i < HELD_MOST; i++) {
		struct held *h = &x->held[i];
		if (h->state == HELD_FREE)
			continue;
		if (h->state == HELD_OPEN || h->state == HELD_COMMITTING)
			x->u->job->kept |= !x->u->job->opt->no_resume;
		upload_orphan(x->u, h->large);
		held_free(x, h);
	}
}
