/* files.c - what becomes of one file that was listed or named, by what stands here: copied, compared, or left as it is */
#include "zcp/download/download.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/walk.h"
#include "zcp/select/verdict.h"

void local_tell(struct download *d, enum event_what what, const char *path, const struct meta *m, const char *target)
{
	char         whole[SHOWN_MAX];
	struct event e = { .what = what, .type = m->type, .path = whole, .target = target, .size = m->size };

	if (!event_heard(d->job))
		return;
	local_shown(d, path, whole);
	event_tell(d->job, &e);
}

/* What cannot be looked at counts as missing: copying it will tell. */
bool local_look(struct download *d, const char *path, struct stat *there, char *target)
{
	const char *last;
	int         dir = path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, &last);

	if (dir < 0 || fstatat(dir, last, there, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (target && S_ISLNK(there->st_mode)) {
		ssize_t n = readlinkat(dir, last, target, WIRE_LINK_MAX);
		target[n > 0 ? n : 0] = '\0';
	}
	return true;
}

/* An earlier run of this job has copied it, the source is as it was, and here is a file of that size, and with -p of that time. */
static bool copied_before(const struct download *d, const struct errand *e, const struct found *there)
{
	char name[WIRE_PATH_MAX + 16];

	if (d->job->opt->checksum || !d->job->log || !there || there->meta.type != 'f' || there->meta.size != e->meta.size)
		return false;
	if (d->job->opt->keep_meta && !verdict_same_time(&e->meta, there))
		return false;
	errand_logged(e, name);
	return joblog_has(d->job->log, &(struct joblog_file){ name, e->meta.size, e->meta.mtime, e->meta.mtime_ns });
}

/* Does anything depend on what is here? */
static bool looks(const struct download *d, const struct errand *e)
{
	const struct options *o = d->job->opt;

	if (d->pour >= 0 || e->fresh_dir || (!e->dir && d->dst->missing))
		return false;
	return o->dry_run || verdict_looks(o) || joblog_resumes(d->job->log);
}

static void shown_as_done(struct download *d, const struct errand *e)
{
	progress_there(&d->job->progress, e->meta.size);
	progress_file(&d->job->progress, 0);
}

static void same(struct download *d, const char *path, const struct errand *e)
{
	first_ended(e->first, FATE_THERE);
	report_same(&d->job->report, e->meta.size);
	shown_as_done(d, e);
	local_tell(d, EVENT_SAME, path, &e->meta, NULL);
}

/* Owner, and the bits that go with it. */
static bool same_owner(const struct download *d, const struct meta *m, const struct stat *there, struct wire_str ext)
{
	struct extras x;

	if (!(d->job->extras & EXTRAS_OWNER))
		return true;
	return extras_owned(job_to_set(d->job, ext, &x), there) && !((m->mode ^ there->st_mode) & 07000);
}

/* All but the bytes is set. Whoever may not do that copies the file anew: -errno */
static int set_all(struct download *d, struct path_cache *cache, const struct errand *e, const char *path, struct wire_str ext, unsigned *missed)
{
	struct extras  x = { .missed = 0 };
	struct publish how = publish_how(d, &e->meta, ext, &x);
	const char    *last;

	if (d->job->opt->dry_run)
		return 0;
	int dir = path_cache_parent(cache, d->dst->base, path, PATH_WRITE, &last);
	int r = dir < 0 ? dir : aside_set_meta(dir, last, &how);
	*missed = x.missed;
	return r;
}

static struct found found_here(const struct stat *st)
{
	return (struct found){ meta_from_stat(st), coarse_from_stat(st) };
}

bool local_same(struct download *d, struct path_cache *cache, const struct errand *e, const char *path, const struct here *h)
{
	struct found there = found_here(&h->st);
	unsigned     missed = 0;

	if (verdict_same(d->job->opt, &e->meta, &there) == VERDICT_SAME && h->same_extras && same_owner(d, &e->meta, &h->st, h->ext)) {
		same(d, path, e);
		return true;
	}
	if (set_all(d, cache, e, path, h->ext, &missed) < 0)
		return false;
	first_ended(e->first, FATE_THERE);
	report_meta(&d->job->report);
	shown_as_done(d, e);
	local_tell(d, EVENT_META, path, &e->meta, NULL);
	fail_missed(d, e, missed);
	return true;
}

static bool in_the_way(const struct meta *there)
{
	return there && there->type != 'f' && there->type != 'l';
}

void local_would_copy(struct download *d, const char *path, const struct errand *e, const struct meta *there)
{
	if (in_the_way(there)) {
		fail_local(d, e, fail_why(ST_IN_THE_WAY, WHY_IN_THE_WAY));
		return;
	}
	first_ended(e->first, FATE_COPIED);
	report_copied(&d->job->report, e->meta.size);
	shown_as_done(d, e);
	local_tell(d, EVENT_COPY, path, &e->meta, NULL);
}

/* Is there more to compare than is known yet? */
static bool more(const struct download *d, struct wire_str ext)
{
	return d->job->extras & (EXTRAS_XATTRS | EXTRAS_ACLS) || (d->job->extras && !ext.len);
}

/* -H: to be a link to what was listed under another name before. 1: that is for the end. stays: it is left alone, and never made a link. */
static int linked(struct download *d, struct errand *e, const char *path, struct wire_str ext, bool stays)
{
	const char       *slash = strrchr(e->rest, '/');
	struct wire_str   value;
	struct hard_links h = { 0 };
	struct first     *first;
	uint8_t           tag;

	while (wire_extra_next(&ext, &tag, &value) > 0)
		if (tag == EXTRA_LINKS && wire_links_get(value, &h) < 0)
			h.count = 0;
	if (h.count < 2)
		return 0;
	int r = inodes_first(&d->inodes, h.dev, h.ino, path, &first);
	if (r == 0)
		e->first = first;
	if (r == 0 && stays)
		first_ended(first, FATE_THERE);
	if (r <= 0 || strcmp(path, first->name) == 0)
		return r;
	if (stays)
		return 0;
	return tree_add_hard_link(d->trees[e->source], e->dir, wire_cstr(slash ? slash + 1 : e->rest), first) < 0 ? -ENOMEM : 1;
}

static void would_copy(struct download *d, const char *path, const struct errand *e, const struct stat *st)
{
	struct meta there = st ? meta_from_stat(st) : (struct meta){ 0 };

	if (st && d->itself && d->itself(d->itself_arg, e, path, st))
		fail_local(d, e, fail_why(ST_CANNOT, WHY_SAME_FILE));
	else
		local_would_copy(d, path, e, st ? &there : NULL);
}

static int decide(struct download *d, struct errand *e, const char *path, const struct stat *st, struct wire_str ext)
{
	struct found        f = st ? found_here(st) : (struct found){ 0 };
	const struct found *there = st ? &f : NULL;
	bool               before = copied_before(d, e, there);
	enum verdict       v = before ? VERDICT_SAME : verdict_of(d->job->opt, &e->meta, there);
	int                r = 0;

	/* what stands in the way of a file, or is left alone and is another one, is nobody's first name */
	bool stays = v == VERDICT_LEFT, first = !stays || verdict_stands(d->job->opt, &e->meta, there);
	if (d->job->opt->hard_links && e->dir && *path && first && !in_the_way(there ? &there->meta : NULL))
		r = linked(d, e, path, ext, stays);
	if (r != 0)
		return r < 0 ? r : 0;
	d->known_files++;
	d->known_bytes += e->meta.size;
	if (before) {
		d->there++;
		same(d, path, e);
		return 0;
	}
	switch (v) {
	case VERDICT_SAME:
	case VERDICT_META:
		if (more(d, ext))
			e->todo = TODO_EXTRAS;
		else if (st && local_same(d, &d->cache, e, path, &(struct here){ *st, ext, true }))
			return 0;
		break;
	case VERDICT_LEFT:
		report_left(&d->job->report);
		shown_as_done(d, e);
		return 0;
	case VERDICT_CHECK:
		e->todo = TODO_CHECK;
		break;
	default:
		break;
	}
	if (d->job->opt->dry_run && e->todo == TODO_COPY) {
		would_copy(d, path, e, st);
		return 0;
	}
	r = queue_put(&d->queue, e);
	e->rest = NULL;
	return r;
}

int file_take(struct download *d, uint32_t source, uint32_t dir, const char *rest, const struct meta *m, struct wire_str ext)
{
	struct errand e = { .source = source, .dir = dir, .rest = strdup(rest), .meta = *m };
	char          path[WIRE_PATH_MAX + 1] = "";
	struct stat   there;

	if (!e.rest)
		return -ENOMEM;
	e.fresh_dir = dir && !(tree_dir(d->trees[source], dir)->flags & TREE_EXISTED);
	bool fits = errand_local(d, &e, path) == 0;     /* if not, fetching it will say so */
	bool known = fits && looks(d, &e) && local_look(d, path, &there, NULL);
	int  r = decide(d, &e, path, known ? &there : NULL, ext);
	errand_clear(&e);
	return r;
}
