/* file.c - one file: opened, copied into an aside file, published; or found to be there already. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/send.h"
#include "common/walk.h"
#include "zcp/confine.h"
#include "zcp/local/own.h"

enum { SOURCE_TRIES = 1 };

int local_open(const struct local *l, const struct errand *e, struct stat *st, struct fail *f)
{
	const struct source *s = &l->d.plan->v[e->source];
	int                  flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;      /* a FIFO that has taken its place is not waited for */
	CLEAN_FD int         fd = e->dir ? openat(l->base, e->rest, flags | (l->d.job->opt->keep_links ? O_NOFOLLOW : 0)) : open(s->path, flags);

	*f = (struct fail){ 0 };
	if (fd < 0 && ((errno == ENOENT && e->dir) || (errno == EACCES && !e->dir && confine_replaced(s))))
		*f = fail_why(ST_CHANGED, WHY_VANISHED);
	else if (fd < 0 || fstat(fd, st) < 0)
		*f = fail_errno(errno);
	else if (!S_ISREG(st->st_mode))
		*f = fail_why(ST_PARTIAL, WHY_NOT_REGULAR);
	return f->status ? -1 : keep_fd(&fd);
}

static void over(struct local *l, struct errand *e)
{
	errand_over(&l->d.lead, e);
}

/* Takes the errand over: it has failed, or is put back since the job ends. */
static int failed(struct local *l, struct errand *e, int r, bool at_source)
{
	struct download *d = &l->d;

	progress_back(&d->job->progress, l->shown);
	if (r == -EINTR && job_stopped(d->job)) {
		over(l, e);
		return r;
	}
	if (r == -ECANCELED)
		fail_local(d, e, fail_why(ST_CANNOT, WHY_SAME_FILE));
	else if (r == -EOPNOTSUPP && d->job->opt->copier)
		fail_remote(d, e, fail_why(ST_CANNOT, WHY_ENGINE_FILE));
	else
		(at_source ? fail_remote : fail_local)(d, e, at_source ? fail_errno(r) : fail_made(r));
	over(l, e);
	return 0;
}

struct whole { struct meta meta; struct extras x; struct publish how; };

/* What it is to have besides its bytes. -1: that cannot be told, and it has failed. */
static int besides(struct local *l, const struct errand *e, int fd, struct whole *w)
{
	struct download *d = &l->d;
	struct wire_str  ext;
	struct fail      f;

	if (local_extras(l, fd, &l->c.st, &ext, &f) < 0) {
		fail_remote(d, e, f);
		return -1;
	}
	w->x.missed = 0;
	w->meta = meta_from_stat(&l->c.st);
	w->how = publish_how(d, &w->meta, ext, &w->x);
	w->how.fresh_dir = e->fresh_dir;
	w->how.source = &l->c.st;
	w->how.source_links = !d->job->opt->keep_links;
	return 0;
}

static int published(struct local *l, struct errand *e, struct whole *w)
{
	w->meta.size = l->c.off;
	copied(&l->d.lead, e, &w->meta, l->c.flags, w->x.missed);
	over(l, e);
	return 0;
}

/* The source changed: once more, then it is a failure. */
static int changed(struct local *l, struct errand *e)
{
	progress_back(&l->d.job->progress, l->shown);
	if (e->tries++ < SOURCE_TRIES && l->d.pour < 0)
		return local_file(l, e);
	fail_remote(&l->d, e, fail_why(ST_CHANGED, WHY_SHRANK));
	over(l, e);
	return 0;
}

static void moved_by(struct local *l)
{
	if (l->c.used)
		l->d.lead.w->senders |= 1u << l->c.used->id;
}

static int pour(struct local *l, struct errand *e, int fd)
{
	struct meta m = meta_from_stat(&l->c.st);
	int         r = local_pour(l, fd);

	moved_by(l);
	if (r < 0)
		return failed(l, e, r, l->c.at_source);
	if (l->c.flags & SENT_SHRANK)
		return changed(l, e);
	m.size = l->c.off;
	copied(&l->d.lead, e, &m, 0, 0);        /* to its end, however long it became */
	over(l, e);
	return 0;
}

static int copy_small(struct local *l, struct errand *e, int fd, int dir, const char *last)
{
	struct whole w;

	if (besides(l, e, fd, &w) < 0) {
		over(l, e);
		return 0;
	}
	int r = small_copy(l, fd, dir, last, &w.how);
	moved_by(l);
	if (r < 0)
		return failed(l, e, r, l->c.at_source);
	return l->c.flags & SENT_SHRANK ? changed(l, e) : published(l, e, &w);
}

static int copy_aside(struct local *l, struct errand *e, int fd, struct aside *a, int dir)
{
	struct whole w;

	l->c.from = fd;
	l->c.to = a->fd;
	int r = local_copy(&l->c, l->d.job->opt->copier);
	moved_by(l);
	small_learn(l, dir);
	if (r < 0)
		return failed(l, e, r, l->c.at_source);
	if (l->c.flags & SENT_SHRANK)
		return changed(l, e);
	if (besides(l, e, fd, &w) < 0) {
		over(l, e);
		return 0;
	}
	r = aside_publish(a, &w.how);
	return r < 0 ? failed(l, e, r, false) : published(l, e, &w);
}

static int copy(struct local *l, struct errand *e, int fd)
{
	struct download *d = &l->d;
	struct aside     a;
	char             path[WIRE_PATH_MAX + 1];
	const char      *last;
	int              r = errand_local(d, e, path), dir = r < 0 ? r : fetcher_parent(&d->lead, path, &last);

	if (dir >= 0 && small_fits(l, dir))
		return copy_small(l, e, fd, dir, last);
	r = dir < 0 ? dir : aside_open(&a, dir, last, 0);
	if (r < 0)
		return failed(l, e, r, false);
	bool itself = a.ino && a.dev == l->c.st.st_dev && a.ino == l->c.st.st_ino;
	r = itself ? failed(l, e, -ECANCELED, false) : copy_aside(l, e, fd, &a, dir);
	aside_drop(&a);                         /* what was published is none any more */
	return r;
}

int local_file(struct local *l, struct errand *e)
{
	struct download *d = &l->d;
	struct fail      f;
	CLEAN_FD int     fd = local_open(l, e, &l->c.st, &f);
	int              r = 0;

	l->shown = 0;
	if (fd < 0) {
		fail_remote(d, e, f);
		over(l, e);
		return 0;
	}
	progress_name(&d->job->progress, *e->rest ? e->rest : d->plan->v[e->source].path);
	bool same = e->todo != TODO_COPY && local_is_same(l, e, fd, &l->c.st, &r);
	if (r < 0 || same) {
		over(l, e);
		return r;
	}
	if (d->job->opt->dry_run) {
		char path[WIRE_PATH_MAX + 1] = "";
		errand_local(d, e, path);
		local_would_copy(d, path, e, NULL);
		over(l, e);
		return 0;
	}
	return d->pour >= 0 ? pour(l, e, fd) : copy(l, e, fd);
}
