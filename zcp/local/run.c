/* run.c - see run.h: the whole of it */
#include "zcp/local/run.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "zcp/local/own.h"

enum { BATCH = 64 };

enum status local_check(struct job *j)
{
	const struct options *o = j->opt;
	const char           *engine = o->send ? o->send->name : o->recv ? o->recv->name : NULL;

	if (engine && !o->copier) {
		log_error("--engine=%s moves bytes to or from a socket, and a copy on this machine has none: reflink, copy_file_range, readwrite or mmap", engine);
		return report_end(&j->report, ST_CANNOT);
	}
	if (o->of_host)
		log_error("--%s is about a host, and none is named: one side is host:path, or leave it away for a copy on this machine", o->of_host);
	else if (o->files_from)
		log_error("--files-from: not for copies on this machine: name the files, or the directory with --include and --exclude");
	else if (o->remove)
		log_error("--delete: not for copies on this machine, where the source may lie in what is removed");
	else
		return ST_OK;
	return report_end(&j->report, ST_USAGE);
}

/* --- what local_copy() says on the way ----------------------------------------------------------------------------------- */

static int between(void *arg)
{
	const struct local *l = arg;

	return job_stopped(l->d.job) ? -EINTR : 0;
}

static void moved(void *arg, uint64_t bytes)
{
	struct local *l = arg;

	l->shown += bytes;
	progress_moved(&l->d.job->progress, bytes);
}

static void passed(void *arg, uint64_t bytes)
{
	struct local *l = arg;

	l->shown += bytes;
	progress_there(&l->d.job->progress, bytes);
}

/* ------------------------------------------------------------------------------------------------------------------------- */

int local_drain(struct local *l)
{
	struct errand batch[BATCH];
	size_t        n;
	int           r = 0;

	while ((n = queue_take(&l->d.queue, batch, BATCH, UINT64_MAX, 1, true)) > 0)
		for (size_t i = 0; i < n; i++) {
			if (r == 0 && job_stopped(l->d.job))
				r = -EINTR;
			if (r == 0)
				r = local_file(l, &batch[i]);
			else
				errand_clear(&batch[i]);
		}
	return r;
}

/* A link that was named: nobody has asked for its owner. */
static int tell_owner(struct local *l, struct source *s)
{
	struct stat     st;
	struct wire_str ext;
	struct fail     f;

	if (s->meta.type != 'l' || !l->d.job->extras || lstat(s->path, &st) < 0 || local_extras(l, -1, &st, &ext, &f) < 0)
		return 0;
	return ext_keep(&s->ext, ext);
}

static int take_source(struct local *l, uint32_t i)
{
	int r = tell_owner(l, &l->d.plan->v[i]);

	return r < 0 || local_onto_itself(l, i) ? r : source_take(&l->d, i, local_tree, l);
}

static int run(struct local *l)
{
	struct download *d = &l->d;
	bool             one = d->plan->count == 1 && d->plan->v[0].meta.type != 'd';
	int              r = download_begin(d);

	for (; r == 0 && d->next < d->plan->count && !job_stopped(d->job); d->next++) {
		r = take_source(l, (uint32_t)d->next);
		progress_totals(&d->job->progress, one ? 0 : d->known_files, d->known_bytes, d->next + 1 == d->plan->count);
		if (r == 0 && (queue_full(&d->queue) || d->next + 1 == d->plan->count))
			r = local_drain(l);
	}
	return r < 0 ? r : job_stopped(d->job) ? -EINTR : 0;
}

void local_run(struct job *j, struct plan *p, struct destination *dst)
{
	struct local l = { .base = -1, .ext = malloc(WIRE_EXT_MAX), .c = { .between = between, .moved = moved, .passed = passed, .arg = &l } };

	download_init(&l.d, j, p, dst);
	l.d.itself = local_itself;
	l.d.itself_arg = &l;
	l.c.rate = rate_throttle(&j->rate);
	int r = l.ext ? run(&l) : -ENOMEM;
	if (r < 0 && r != -ECANCELED)
		job_broken(j, r);
	if (r == 0)
		download_finish(&l.d);
	download_clear(&l.d);
	copying_clear(&l.c);
	close_fd(&l.base);
	free(l.ext);
}
