/* finish.c - the end of a download: symbolic links, then modes, times and extras of directories, deepest first */
#include "zcp/download/download.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/umask.h"
#include "zcp/events/event.h"

static void tell_made(struct download *d, enum event_what what, const struct errand *e, uint8_t type, const char *target)
{
	char shown[SHOWN_MAX];

	if (!event_heard(d->job))
		return;
	errand_shown(d, e, shown);
	event_tell(d->job, &(struct event){ .what = what, .type = type, .path = shown, .target = target });
}

static void make_link(struct download *d, const struct errand *e, const char *target, struct wire_str ext)
{
	struct extras x = { .missed = 0 };
	char          path[WIRE_PATH_MAX + 1];
	const char   *last;
	int           r = errand_local(d, e, path), dir = r < 0 ? r : path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, &last);

	r = dir < 0 ? dir : *target ? aside_symlink(dir, last, target) : -EINVAL;
	if (r == 0 && d->job->extras & EXTRAS_OWNER)
		r = aside_set_link(dir, last, job_to_set(d->job, ext, &x));
	if (r < 0) {
		fail_local(d, e, fail_made(r));
		return;
	}
	d->job->report.links++;
	tell_made(d, EVENT_SYMLINK, e, 'l', target);
	fail_missed(d, e, x.missed);
}

/* Is it that file already? Nothing to do, with -n nothing to tell. */
static bool is_linked(struct download *d, const char *path, const char *first)
{
	const char *last;
	struct stat a, b;
	int         dir = path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, &last);

	if (dir < 0 || fstatat(dir, last, &a, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	dir = path_cache_parent(&d->cache, d->dst->base, first, PATH_WRITE, &last);
	return dir >= 0 && fstatat(dir, last, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Is it the file on this machine that it is a name of? Nothing is to take its place. */
static bool is_source(struct download *d, const char *path, const struct first *first)
{
	struct stat st;

	return d->itself && local_look(d, path, &st, NULL) && S_ISREG(st.st_mode) && st.st_dev == first->dev && st.st_ino == first->ino;
}

static int link_files(struct download *d, const char *path, const char *first)
{
	const char  *last, *name;
	CLEAN_FD int from = path_parent(d->dst->base, first, PATH_WRITE, &name);
	int          dir = from < 0 ? from : path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, &last);

	return dir < 0 ? dir : aside_link(dir, last, from, name);
}

/* To what failed nothing is linked: it has another content, or none. With -n, of what would have become another file nothing is a name yet. */
static void make_hard_link(struct download *d, const struct errand *e, const struct first *first)
{
	char        path[WIRE_PATH_MAX + 1], shown[SHOWN_MAX];
	struct fail f = first_fail(first);
	bool        dry = d->job->opt->dry_run, anew = dry && first->fate == FATE_COPIED;
	int         r = errand_local(d, e, path);

	if (r == 0 && !f.status && !anew && is_linked(d, path, first->name))
		return;
	if (r == 0 && is_source(d, path, first))
		f = fail_why(ST_CANNOT, WHY_SAME_FILE);
	if (f.status) {
		fail_local(d, e, f);
		return;
	}
	if (r == 0 && !dry)
		r = link_files(d, path, first->name);
	if (r < 0) {
		fail_local(d, e, r == -ENOENT ? fail_why(ST_FILE_IO, WHY_FIRST_NAME) : fail_made(r));
	} else if (r == 0) {
		d->job->report.links++;
		local_shown(d, first->name, shown);
		tell_made(d, EVENT_HARDLINK, e, 'f', shown);
	}
}

static void links_of(struct download *d, size_t i)
{
	struct source *s = &d->plan->v[i];
	struct tree   *t = d->trees[i];
	char           rest[WIRE_PATH_MAX + 1];

	if (s->link_due) {
		struct errand e = errand_of(d, (uint32_t)i, 0, "", rest);
		make_link(d, &e, s->link, ext_kept(&s->ext));
	}
	for (uint32_t k = 0; t && k < t->link_count; k++) {
		struct tree_link l = tree_link(t, k);
		if (tree_dir(t, l.parent)->flags & (TREE_FAILED | TREE_LEFT_OUT))
			continue;
		struct errand e = errand_of(d, (uint32_t)i, l.parent, l.name, rest);
		if (l.first)
			make_hard_link(d, &e, l.first);
		else
			make_link(d, &e, l.target, tree_extras_of(&t->link_extras, k));
	}
}

/* -p: as sent, also for directories that were there. Else its mode only where it was widened while the directory was filled. */
static int set_dir(struct download *d, const struct tree_dir *dir, const char *path, struct extras *x)
{
	bool           modes = job_keeps_modes(d->job);
	struct publish p = {
		.meta = tree_dir_meta(dir), .keep_mode = modes || dir->flags & TREE_MODE_DUE, .keep_times = d->job->opt->keep_meta, .extras = x->kinds ? x : NULL,
	};
	const char    *last = "";
	int            at = d->dst->base;

	if (!modes)
		p.meta.mode &= ~(uint32_t)own_umask();
	if (*path)
		at = path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, &last);
	return at < 0 ? at : aside_set_meta(at, last, &p);
}

/* Is there anything to be set? *x: its extras. */
static bool due(const struct download *d, const struct tree *t, uint32_t id, const struct tree_dir *dir, struct extras *x)
{
	job_to_set(d->job, tree_extras_of(&t->dir_extras, id), x);
	if (dir->flags & TREE_EXTRAS_LOST)
		x->kinds = 0;
	return !(dir->flags & (TREE_FAILED | TREE_LEFT_OUT)) && (job_keeps_modes(d->job) || dir->flags & TREE_MODE_DUE || x->kinds);
}

static void dirs_of(struct download *d, size_t i)
{
	struct tree  *t = d->trees[i];
	struct extras x;
	char          path[WIRE_PATH_MAX + 1];

	for (uint32_t id = t ? t->count : 0; id > 0; id--) {
		struct tree_dir *dir = tree_dir(t, id);
		if (!due(d, t, id, dir, &x))
			continue;
		int r = tree_path(t, d->plan->v[i].as, id, "", path);
		if (r == 0)
			r = set_dir(d, dir, path, &x);
		struct errand e = errand_of(d, (uint32_t)i, id, "", path);
		if (r < 0)
			fail_local(d, &e, fail_made(r));
		else
			fail_missed(d, &e, x.missed);
	}
}

void download_finish(struct download *d)
{
	for (size_t i = 0; i < d->plan->count && !d->job->report.ended; i++)
		links_of(d, i);
	download_remove(d);                     /* which changes times of directories, as links do */
	for (size_t i = d->job->opt->dry_run ? 0 : d->plan->count; i > 0; i--)
		dirs_of(d, i - 1);
}
