/* entries.c - what becomes of a listing's entries: directories are made at once, files queued, links remembered */
#include "zcp/download/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/resume.h"
#include "common/umask.h"
#include "common/vis.h"

static int make_dir(struct download *d, const char *path, mode_t mode)
{
	const char *last;
	int         dir = path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, &last);

	if (dir < 0)
		return dir;
	int r = aside_mkdir(dir, last, mode);
	if (r == 0)
		path_cache_drop(&d->cache);
	return r;
}

static int open_dir(struct download *d, const char *path)
{
	const char *last = ".";
	int         dir = *path ? path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, &last) : d->dst->base;

	return dir < 0 ? dir : path_one(dir, last, O_RDONLY | O_DIRECTORY, 0);
}

/* It was there before this run. What an earlier one left in it goes; and was it that run which made it, then its mode is still wider than it is to be. */
static void was_there(struct download *d, struct tree_dir *dir, const char *path)
{
	struct stat  st;
	CLEAN_FD int fd = open_dir(d, path);

	dir->flags |= TREE_EXISTED;
	if (fd < 0)
		return;
	resume_sweep(fd, SWEEP_ENTRIES);
	mode_t made = (0700 | (dir->mode & 0777)) & ~own_umask();
	if (joblog_resumes(d->job->log) && (dir->mode & 0700) != 0700 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == made)
		dir->flags |= TREE_MODE_DUE;
}

/* A directory of the tree, the root too. What cannot be made is one failure; what is in it is left out. */
static int take_dir(struct download *d, struct tree *t, uint32_t id)
{
	struct source   *s = &d->plan->v[d->list_source];
	struct tree_dir *dir = tree_dir(t, id), *up = tree_dir(t, dir->parent);
	char             path[WIRE_PATH_MAX + 1];

	if (up && (up->flags & TREE_FAILED)) {
		dir->flags |= TREE_FAILED;
		return 0;
	}
	int r = tree_path(t, s->as, id, "", path);
	if (r == 0 && !*path)
		r = 1;                          /* DST itself */
	else if (r == 0)
		r = make_dir(d, path, dir->mode & 0777);
	if (r < 0) {
		dir->flags |= TREE_FAILED;
		fail_local(d, path, r == -ENOTDIR ? fail_why(ST_IN_THE_WAY, WHY_NOT_DIRECTORY) : fail_made(r));
		return 0;
	}
	if (r == 0 && id == 1 && d->dst->missing)
		joblog_dst_missing(d->job->log);
	if (r == 1)
		was_there(d, dir, path);
	else if ((dir->mode & 0700) != 0700)
		dir->flags |= TREE_MODE_DUE;
	d->job->report.dirs++;
	d->job->report.made_dirs += r == 0;
	return 0;
}

/* --- files ---------------------------------------------------------------------------------------------------------- */

/* With -p it was given the source's time; one that has another was written since. A file system without nanoseconds has none. */
static bool same_time(const struct download *d, const struct stat *st, const struct meta *m)
{
	return !d->job->opt->keep_meta || (st->st_mtim.tv_sec == m->mtime && (!st->st_mtim.tv_nsec || (uint64_t)st->st_mtim.tv_nsec == m->mtime_ns));
}

/* An earlier run of this job has copied it, the source is as it was, and here is a file of that size, and with -p of that time. */
static bool there_already(struct download *d, const struct errand *e)
{
	char        name[WIRE_PATH_MAX + 16], path[WIRE_PATH_MAX + 1];
	const char *last;
	struct stat st;

	if (!d->job->log || d->pour >= 0)
		return false;
	errand_logged(e, name);
	if (!joblog_has(d->job->log, &(struct joblog_file){ name, e->meta.size, e->meta.mtime, e->meta.mtime_ns }) || errand_local(d, e, path) < 0)
		return false;
	int dir = path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, &last);
	return dir >= 0 && fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == e->meta.size &&
	       same_time(d, &st, &e->meta);
}

int file_take(struct download *d, uint32_t source, uint32_t dir, const char *rest, const struct meta *m)
{
	struct errand e = { .source = source, .dir = dir, .rest = strdup(rest), .meta = *m };

	if (!e.rest)
		return -ENOMEM;
	e.fresh_dir = dir && !(tree_dir(d->trees[source], dir)->flags & TREE_EXISTED);
	d->known_files++;
	d->known_bytes += m->size;
	if (!there_already(d, &e))
		return queue_put(&d->queue, &e);
	d->there++;
	errand_clear(&e);
	report_same(&d->job->report);
	progress_there(&d->job->progress, m->size);
	progress_file(&d->job->progress, 0);
	return 0;
}

/* rest into path, which the errand borrows. */
static struct errand errand_of(struct download *d, uint32_t parent, const char *name, char path[static WIRE_PATH_MAX + 1])
{
	struct errand e = { .source = d->list_source, .dir = parent, .rest = path };

	if (tree_path(d->trees[d->list_source], "", parent, name, path) < 0)
		memcpy(path, "...", 4);
	return e;
}

static int take_file(struct download *d, const struct wire_entry *e, const char *name)
{
	char path[WIRE_PATH_MAX + 1];

	if (tree_path(d->trees[d->list_source], "", e->parent, name, path) == 0)
		return file_take(d, d->list_source, e->parent, path, &e->meta);
	struct errand broken = errand_of(d, e->parent, name, path);
	fail_remote(d, &broken, fail_why(ST_FILE_IO, WHY_TOO_LONG));
	return 0;
}

static void skip_special(struct download *d, const struct errand *e)
{
	char path[WIRE_PATH_MAX + 1], seen[2048], words[200];

	if (!d->job->opt->keep_links) {
		fail_remote(d, e, fail_why(ST_PARTIAL, WHY_NOT_REGULAR));
		return;
	}
	if (errand_remote(d, e, path) == 0)
		log_warn("%s:%s: left out: %s", d->job->where_host, vis_str(seen, sizeof seen, path),
		         fail_words(fail_why(ST_PARTIAL, WHY_NOT_REGULAR), words, sizeof words));
	d->job->report.skipped++;
}

int entry_take(struct download *d, const struct wire_entry *e)
{
	struct tree *t = d->trees[d->list_source];
	char         name[WIRE_NAME_MAX + 1], seen[300], path[WIRE_PATH_MAX + 1];
	uint32_t     id;
	int          r = listing_take(&d->rules, e, &id, name);

	if (r == -EPROTO)
		log_error("%s:%s: the listing breaks its rules: %s", d->job->where_host,
		          vis_str(seen, sizeof seen, d->plan->v[d->list_source].path), d->rules.broken);
	if (r < 0)
		return r;
	struct tree_dir *up = tree_dir(t, e->parent);
	if (up && (up->flags & TREE_FAILED))
		return id ? take_dir(d, t, id) : 0;
	if (e->what != ENTRY_OK) {
		struct errand failed = errand_of(d, e->parent, name, path);
		fail_remote(d, &failed, e->fail.status ? e->fail : fail_why(ST_FILE_IO, WHY_ERRNO));
		return 0;
	}
	switch (e->meta.type) {
	case 'd': return take_dir(d, t, id);
	case 'f': return take_file(d, e, name);
	case 'l': return d->job->opt->keep_links ? tree_add_link(t, e->parent, e->name, e->link) : -EPROTO;
	default: {
		struct errand special = errand_of(d, e->parent, name, path);
		skip_special(d, &special);
		return 0;
	}
	}
}
