/* large.c - see large.h */
#include "zcp/download/large.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcp/download/arrival.h"
#include "zcp/download/download.h"

enum { PIECE_LEAST = 1 << 20, PIECE_MOST = 64 << 20, PIECE_UNIT = 1 << 20, PIECES_EACH = 16 /* of a stream, so that a slow one holds up little */,
       PIECES_MOST = 64 /* of a stream: whatever size a host claims, the queue stays short */,
       COMMIT_WAIT_MS = 5000, ALIVE_MS = 1000 };

bool large_is(const struct download *d, const struct errand *e)
{
	return e->meta.size >= RESUME_FROM && d->pour < 0 && d->job->opt->integrity != INTEGRITY_NONE && !options_discard(d->job->opt) && !e->tries;
}

bool large_same(const struct large *l, const struct wire_file *m)
{
	const struct identity *a = &l->identity, *b = &m->identity;

	return a->dev == b->dev && a->ino == b->ino && a->ctime == b->ctime && a->ctime_ns == b->ctime_ns && l->meta.size == m->meta.size &&
	       l->meta.mtime == m->meta.mtime && l->meta.mtime_ns == m->meta.mtime_ns;
}

static struct fail fail_resume(int r)
{
	switch (r) {
	case -EPERM:   return fail_why(ST_IN_THE_WAY, WHY_ASIDE_STRANGE);
	case -ESTALE:  return fail_why(ST_CHANGED, WHY_RUN_OVER);
	case -ENODATA: return fail_why(ST_CHANGED, WHY_GAPS);
	default:       return fail_made(r);
	}
}

/* --- opening and splitting ------------------------------------------------------------------------------------------- */

void large_sweep(struct download *d, const char *path)
{
	if (strchr(path, '/') || atomic_exchange(&d->base_swept, true))
		return;
	CLEAN_FD int fd = path_one(d->dst->base, ".", O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0)
		resume_sweep(fd, SWEEP_ENTRIES);
}

static void say(const struct large *l, const struct download *d, const char *path)
{
	static const char *const anew[] = {
		[RESUME_ANOTHER] = "its incomplete copy is of another file, or the file has changed", [RESUME_BROKEN] = "the journal of its incomplete copy is damaged",
		[RESUME_VERSION] = "the journal of its incomplete copy is of another version of zcp", [RESUME_REFUSED] = "--no-resume",
	};
	char       seen[2048], part[16], whole[16];
	unsigned   why = l->resume.why;

	vis_str(seen, sizeof seen, *path ? path : d->dst->path);
	num_size(l->here, part);
	num_size(l->meta.size, whole);
	if (l->here)
		log_info("%s: %llu of %llu bytes are here already (%s of %s)", seen, (unsigned long long)l->here, (unsigned long long)l->meta.size, part, whole);
	if (l->resume.cut)
		log_info("%s: what the journal of its incomplete copy says is not what is in the file: the rest comes again", seen);
	if (why < sizeof anew / sizeof *anew && anew[why])
		log_info("%s: copied from the start: %s", seen, anew[why]);
}

int large_beat(void *arg)
{
	struct fetcher       *f = arg;
	const union wire_body none = { .id = { 0 } };
	uint64_t              now = progress_clock_ms();

	if (job_stopped(f->download->job))
		return -EINTR;
	progress_tick(&f->download->job->progress);
	if (now - f->said_ms < ALIVE_MS)
		return 0;
	f->said_ms = now;
	if (stream_put(&f->w->stream, WIRE_WAIT, &none, false) == 0)
		stream_try_flush(&f->w->stream);     /* a stream that is gone is found out when it is used */
	return 0;
}

static int open_large(struct fetcher *f, struct large *l, struct span gaps[static RESUME_GAPS], size_t *count)
{
	struct download *d = f->download;
	struct resume_id id = { .size = l->meta.size, .mtime = l->meta.mtime, .mtime_ns = l->meta.mtime_ns, .identity = l->identity };
	char             path[WIRE_PATH_MAX + 1];
	const char      *last;
	unsigned         how = (d->job->opt->no_resume ? RESUME_FRESH : 0) | (l->errand.sparse ? RESUME_SPARSE : 0);
	int              r = errand_remote(d, &l->errand, path);

	if (r == 0) {
		resume_of(id.of, d->job->host_key, path);
		r = errand_local(d, &l->errand, path);
	}
	int dir = r < 0 ? r : fetcher_parent(f, path, &last);
	if (dir < 0)
		return dir;
	if (fetcher_same_file(f, &l->errand, dir, last, &l->identity)) {
		large_fail(l, fail_why(ST_CANNOT, WHY_SAME_FILE), false, false);
		return -ECANCELED;
	}
	const struct resume_pulse pulse = { large_beat, f };
	r = resume_open_pulsed(&l->aside, &l->resume, dir, last, d->job->own.pk, &id, how, gaps, count, &pulse);
	if (r < 0)
		return r;
	l->here = l->meta.size;
	for (size_t i = 0; i < *count; i++)
		l->here -= gaps[i].len;
	say(l, d, path);
	large_sweep(d, path);
	return 0;
}

static uint64_t piece_of(const struct download *d, uint64_t size)
{
	unsigned most = pool_most(d->pool);

	if (most < 2)
		return size;
	uint64_t piece = size / ((uint64_t)PIECES_EACH * most), least = size / ((uint64_t)PIECES_MOST * most);
	piece = piece < PIECE_LEAST ? PIECE_LEAST : piece > PIECE_MOST ? PIECE_MOST : piece;
	piece = piece < least ? least : piece;
	return (piece + PIECE_UNIT - 1) / PIECE_UNIT * PIECE_UNIT;
}

static uint64_t pieces_of(const struct span *gap, uint64_t piece)
{
	return gap->len / piece + (gap->len % piece > 0);
}

/* From behind, since each goes to the front of the queue. How many did not get there. */
static uint64_t split(struct fetcher *f, struct large *l, const struct span *gaps, size_t count, uint64_t piece)
{
	struct download *d = f->download;
	struct errand    e = l->errand;
	uint64_t         missing = 0;

	e.rest = NULL;
	e.ext = (struct kept_ext){ NULL, 0 };
	e.large = l;
	for (size_t i = count; i-- > 0;) {
		for (uint64_t k = pieces_of(&gaps[i], piece); k-- > 0;) {
			e.off = gaps[i].off + k * piece;
			e.len = gaps[i].off + gaps[i].len - e.off;
			e.len = e.len < piece ? e.len : piece;
			missing += queue_split(&d->queue, &e) < 0;
		}
	}
	pool_grow(d->pool);
	return missing;
}

static struct large *large_new(struct errand *e, const struct meta *m, const struct identity *i)
{
	struct large *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	pthread_mutex_init(&l->lock, NULL);
	l->errand = *e;
	l->meta = *m;
	l->identity = *i;
	l->aside.dir = l->aside.fd = l->resume.fd = l->resume.log = -1;
	e->rest = NULL;
	e->ext = (struct kept_ext){ NULL, 0 };
	return l;
}

static void large_free(struct large *l)
{
	errand_clear(&l->errand);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static void begin(struct fetcher *f, struct errand *e, const struct meta *m, const struct identity *i)
{
	struct download *d = f->download;
	struct span      gaps[RESUME_GAPS];
	size_t           count = 0;
	struct large    *l = large_new(e, m, i);

	if (!l) {
		fail_remote(d, e, fail_errno(-ENOMEM));
		errand_over(f, e);
		return;
	}
	progress_name(&d->job->progress, *l->errand.rest ? l->errand.rest : d->plan->v[e->source].path);
	int r = open_large(f, l, gaps, &count);
	if (r == -EINTR) {                      /* by a signal: not a failure of the file */
		*e = l->errand;
		l->errand = (struct errand){ 0 };
		large_free(l);
		errand_back(f, e, false, r);
		return;
	}
	if (r < 0)
		large_fail(l, fail_resume(r), false, false);
	progress_there(&d->job->progress, l->here);
	l->left = 1;                            /* this one, until all are in the queue */
	uint64_t piece = piece_of(d, m->size);  /* once: the pool can get smaller at any time */
	for (size_t k = 0; r == 0 && k < count; k++)
		l->left += pieces_of(&gaps[k], piece);
	uint64_t missing = r == 0 ? split(f, l, gaps, count, piece) : 0;
	if (missing)
		large_fail(l, fail_errno(-ENOMEM), false, false);
	pthread_mutex_lock(&l->lock);
	l->left -= missing;
	pthread_mutex_unlock(&l->lock);
	large_piece_over(f, l);
	errand_over(f, e);
}

void large_begin(struct fetcher *f, struct errand *e, const struct meta *m, const struct identity *i)
{
	struct stages_mark mark = stages_begin(&f->w->stream.stages);

	begin(f, e, m, i);
	stages_end(&f->w->stream.stages, STAGE_DISK, &mark);
}

int large_join(struct fetcher *f, struct large *l, struct arrival *p)
{
	char        path[WIRE_PATH_MAX + 1];
	const char *last;
	int         r = errand_local(f->download, &l->errand, path);
	int         dir = r < 0 ? r : fetcher_parent(f, path, &last);

	r = dir < 0 ? dir : resume_join(&p->aside, &p->resume, dir, last, f->download->job->own.pk, l->resume.run);
	if (r < 0)
		return r;
	p->in.file = p->aside.fd;
	p->in.allocated = l->aside.allocated;
	p->in.resume = &p->resume;
	return 0;
}

/* --- what becomes of it ----------------------------------------------------------------------------------------------- */

void large_fail(struct large *l, struct fail why, bool remote, bool kept)
{
	pthread_mutex_lock(&l->lock);
	if (!l->fail.status) {
		l->fail = why;
		l->remote = remote;
		l->kept = kept;
	}
	l->over = true;
	pthread_mutex_unlock(&l->lock);
}

void large_changed(struct large *l)
{
	pthread_mutex_lock(&l->lock);
	l->changed = true;
	l->over = true;
	pthread_mutex_unlock(&l->lock);
}

void large_grew(struct large *l)
{
	pthread_mutex_lock(&l->lock);
	l->grew = true;
	pthread_mutex_unlock(&l->lock);
}

static void throw_away(struct large *l)
{
	char         name[ASIDE_NAME];
	CLEAN_FD int dir = l->aside.dir >= 0 ? fcntl(l->aside.dir, F_DUPFD_CLOEXEC, 0) : -1;

	memcpy(name, l->aside.name, sizeof name);
	aside_drop(&l->aside);
	if (dir >= 0)
		resume_drop(&l->resume, dir, name);
	resume_close(&l->resume);
}

static void keep(struct job *j, struct large *l)
{
	j->kept = true;
	resume_close(&l->resume);
	aside_keep(&l->aside);
}

static void publish(struct fetcher *f, struct large *l)
{
	struct download *d = f->download;
	struct extras    x;
	struct publish   how = publish_how(d, &l->meta, ext_kept(&l->errand.ext), &x);
	char             name[ASIDE_NAME];
	int              r = resume_commit(&l->aside, &l->resume, COMMIT_WAIT_MS);
	CLEAN_FD int     dir = r < 0 ? -1 : fcntl(l->aside.dir, F_DUPFD_CLOEXEC, 0);

	memcpy(name, l->aside.name, sizeof name);
	if (r == 0)
		r = aside_publish(&l->aside, &how);
	if (r < 0 && dir < 0) {
		throw_away(l);
	} else {
		resume_drop(&l->resume, dir, name);     /* the aside file has its name, or is gone */
	}
	if (r < 0)
		fail_local(d, &l->errand, fail_resume(r));
	else
		copied(f, &l->errand, &l->meta, l->grew ? SENT_GREW : 0, x.missed);
}

/* The source is another one by now: from the start, in one go. */
static void again(struct fetcher *f, struct large *l)
{
	struct download *d = f->download;
	struct errand    e = l->errand;

	throw_away(l);
	progress_back(&d->job->progress, l->here + l->counted);
	e.tries++;
	l->errand = (struct errand){ 0 };
	if (queue_split(&d->queue, &e) == 0)
		return;
	fail_remote(d, &e, fail_errno(-ENOMEM));
	errand_clear(&e);
}

void large_piece_over(struct fetcher *f, struct large *l)
{
	pthread_mutex_lock(&l->lock);
	bool last = --l->left == 0;
	pthread_mutex_unlock(&l->lock);
	if (!last)
		return;
	if (l->fail.status) {
		if (l->kept)
			keep(f->download->job, l);
		else
			throw_away(l);
		if (l->remote)
			fail_remote(f->download, &l->errand, l->fail);
		else
			fail_local(f->download, &l->errand, l->fail);
	} else if (l->changed) {
		again(f, l);
	} else {
		publish(f, l);
	}
	large_free(l);
}

void large_cut(struct download *d, struct large *l)
{
	if (--l->left)
		return;
	if (d->lied || d->job->opt->no_resume || l->changed || (l->fail.status && !l->kept))
		throw_away(l);
	else
		keep(d->job, l);
	large_free(l);
}
