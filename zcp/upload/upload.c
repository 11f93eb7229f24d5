/* upload.c - see upload.h: source after source, then what is still open, then links, modes and times */
#include "zcp/upload/upload.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/num.h"
#include "zcp/joblog.h"
#include "zcp/select/chosen.h"
#include "zcp/upload/uploader.h"

/* --- how much there is ---------------------------------------------------------------------------------------------- */

void upload_totals(struct upload *u, uint64_t files, uint64_t bytes)
{
	bool one = u->plan->count == 1 && u->plan->v[0].meta.type != 'd';

	u->known_files += files;
	u->known_bytes += bytes;
	progress_totals(&u->job->progress, one ? 0 : u->known_files, u->known_bytes, !u->unwalked);
}

static bool is_chosen(const struct upload *u, const struct source *s)
{
	return chosen(u->job, s, "", &s->meta);
}

/* What was named is known at once; trees are counted as they are walked. */
static void count_named(struct upload *u)
{
	uint64_t files = 0, bytes = 0;

	for (size_t i = 0; i < u->plan->count; i++) {
		const struct source *s = &u->plan->v[i];
		if (!is_chosen(u, s))
			continue;
		u->unwalked += s->meta.type == 'd';
		files += s->meta.type == 'f';
		bytes += s->meta.type == 'f' ? s->meta.size : 0;
	}
	upload_totals(u, files, bytes);
}

/* --- the run -------------------------------------------------------------------------------------------------------- */

static int put_named(struct uploader *x, uint32_t source)
{
	const struct source *s = &x->u->plan->v[source];
	struct looked        k = { .errand = { .source = source, .rest = calloc(1, 1), .meta = s->meta } };
	int                  r = k.errand.rest ? 0 : -ENOMEM;

	if (r == 0 && s->meta.type == 'f')
		return upload_put(x, &k);
	if (r == 0 && s->link)
		k.link = strdup(s->link);
	if (r == 0 && k.link)
		r = x->u->looking ? looking_add(x, &k) : looked_act(x, &k);
	else
		r = -ENOMEM;
	errand_clear(&k.errand);
	free(k.link);
	return r;
}

static int walk_source(struct uploader *x, uint32_t source)
{
	int r = tree_upload(x, source);

	if (r == 0 && !job_stopped(x->u->job)) {
		x->u->unwalked--;
		upload_totals(x->u, 0, 0);
	}
	return r;
}

static int put_sources(struct uploader *x)
{
	const struct plan *p = x->u->plan;
	int                r = 0;

	for (size_t i = 0; r == 0 && i < p->count && !job_stopped(x->u->job); i++) {
		if (!is_chosen(x->u, &p->v[i]))
			continue;
		if (p->v[i].meta.type == 'd')
			r = walk_source(x, (uint32_t)i);
		else
			r = put_named(x, (uint32_t)i);
	}
	return r;
}

static int run(struct uploader *x)
{
	struct upload *u = x->u;
	int            r = put_sources(x);

	if (r == 0)
		r = looking_end(x);
	queue_end(&u->queue);
	pool_grow(u->pool);
	while (r >= 0 && (r = uploader_step(x)) > 0)
		continue;
	if (r < 0)
		queue_stop(&u->queue);          /* others end with what they have in hand */
	pool_end(u->pool);
	if (r == 0 && !job_stopped(u->job))
		r = tree_upload_finish(x);
	return r < 0 ? r : job_stopped(u->job) ? -EINTR : 0;
}

static void say_there(const struct upload *u)
{
	char bytes[16];

	if (!u->there)
		return;
	num_size(u->there_bytes, bytes);
	log_info("%s: %llu file%s, %s, copied before: left out", u->job->where, (unsigned long long)u->there, u->there == 1 ? "" : "s", bytes);
}

static int begin(struct upload *u)
{
	struct job *j = u->job;

	queue_init(&u->queue);
	randombytes_buf(u->hash_key, sizeof u->hash_key);
	pthread_mutex_init(&u->lock, NULL);
	u->trees = calloc(u->plan->count + 1, sizeof *u->trees);        /* NOLINT(bugprone-sizeof-expression): an array of pointers */
	u->bases = calloc(u->plan->count + 1, sizeof *u->bases);
	if (!u->trees || !u->bases)
		return -ENOMEM;
	for (size_t i = 0; i < u->plan->count; i++)
		u->bases[i].fd = -1;
	count_named(u);
	u->resumes = j->log && joblog_resumes(j->log);
	u->looking = looking_wanted(u) ? looking_new() : NULL;
	if (!u->looking && looking_wanted(u))
		return -ENOMEM;
	u->pool = pool_begin(j, &u->queue, upload_work, u);
	return u->pool ? 0 : -ENOMEM;
}

static void clear(struct upload *u)
{
	for (size_t i = 0; u->trees && i < u->plan->count; i++) {
		if (u->trees[i])
			tree_clear(u->trees[i]);
		free(u->trees[i]);
	}
	for (size_t i = 0; u->bases && i < u->plan->count; i++)
		close_fd(&u->bases[i].fd);
	free(u->trees);
	free(u->bases);
	queue_clear(&u->queue);
	larges_clear(u);
	name_set_clear(&u->here);
	looking_free(u->looking);
	inodes_clear(&u->inodes);
	pthread_mutex_destroy(&u->lock);
}

void upload_run(struct job *j, struct plan *p)
{
	struct upload   u = { .job = j, .plan = p };
	struct uploader x;
	int             r = begin(&u);

	if (r == 0) {
		uploader_begin(&x, &u, &j->lead);
		r = run(&x);
		uploader_end(&x);
		say_there(&u);
	}
	if (r < 0)
		job_broken(j, r);
	clear(&u);
}
