/* finish.c - the end of a download: symbolic links, then modes and times of directories, deepest first */
#include "zcp/download/download.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "common/log.h"
#include "common/umask.h"
#include "zcp/events/event.h"

static void make_link(struct download *d, const struct errand *e, const char *target)
{
	char        path[WIRE_PATH_MAX + 1], shown[SHOWN_MAX];
	const char *last;
	int         r = errand_local(d, e, path), dir = r < 0 ? r : path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, &last);

	r = dir < 0 ? dir : *target ? aside_symlink(dir, last, target) : -EINVAL;
	if (r < 0) {
		fail_local(d, e, fail_made(r));
		return;
	}
	d->job->report.links++;
	if (!event_heard(d->job))
		return;
	errand_shown(d, e, shown);
	event_tell(d->job, &(struct event){ .what = EVENT_SYMLINK, .type = 'l', .path = shown, .target = target });
}

static void links_of(struct download *d, size_t i)
{
	struct source *s = &d->plan->v[i];
	struct tree   *t = d->trees[i];
	char           rest[WIRE_PATH_MAX + 1];

	if (s->meta.type == 'l' && s->link && !d->dst->pour) {
		struct errand e = errand_of(d, (uint32_t)i, 0, "", rest);
		make_link(d, &e, s->link);
	}
	for (uint32_t k = 0; t && k < t->link_count; k++) {
		struct tree_link l = tree_link(t, k);
		if (tree_dir(t, l.parent)->flags & TREE_FAILED)
			continue;
		struct errand e = errand_of(d, (uint32_t)i, l.parent, l.name, rest);
		make_link(d, &e, l.target);
	}
}

/* -p: as sent, also for directories that were there. Else only where the mode was widened while the directory was filled. */
static int set_dir(struct download *d, const struct tree_dir *dir, const char *path, mode_t mask)
{
	bool           keep = d->job->opt->keep_meta;
	struct publish p = { .meta = tree_dir_meta(dir), .keep_mode = true, .keep_times = keep };
	const char    *last = "";
	int            at = d->dst->base;

	if (!keep)
		p.meta.mode &= ~(uint32_t)mask;
	if (*path)
		at = path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, &last);
	return at < 0 ? at : aside_set_dir_meta(at, last, &p);
}

/* Of a directory that was not made it is all that was done. */
static void dir_set(struct download *d, const struct tree_dir *dir, const struct errand *e, int r)
{
	char shown[SHOWN_MAX];

	if (r < 0) {
		fail_local(d, e, fail_made(r));
	} else if ((dir->flags & TREE_EXISTED) && event_heard(d->job)) {
		errand_shown(d, e, shown);
		event_tell(d->job, &(struct event){ .what = EVENT_META, .type = 'd', .path = shown });
	}
}

static void dirs_of(struct download *d, size_t i)
{
	struct tree *t = d->trees[i];
	mode_t       mask = own_umask();
	char         path[WIRE_PATH_MAX + 1];

	for (uint32_t id = t ? t->count : 0; id > 0; id--) {
		struct tree_dir *dir = tree_dir(t, id);
		if ((dir->flags & TREE_FAILED) || (!d->job->opt->keep_meta && !(dir->flags & TREE_MODE_DUE)))
			continue;
		int r = tree_path(t, d->plan->v[i].as, id, "", path);
		if (r == 0)
			r = set_dir(d, dir, path, mask);
		struct errand e = errand_of(d, (uint32_t)i, id, "", path);
		dir_set(d, dir, &e, r);
	}
}

void download_finish(struct download *d)
{
	for (size_t i = 0; i < d->plan->count && !d->job->report.ended; i++)
		links_of(d, i);
	for (size_t i = d->plan->count; i > 0; i--)
		dirs_of(d, i - 1);
}
