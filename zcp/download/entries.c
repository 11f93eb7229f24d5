/* entries.c - what becomes of a listing's entries: directories are made at once, files queued, links remembered */
#include "zcp/download/download.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/resume.h"
#include "common/umask.h"
#include "common/vis.h"
#include "zcp/events/event.h"
#include "zcp/select/chosen.h"
#include "zcp/select/names.h"
#include "zcp/select/verdict.h"

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
	if (job_keeps_modes(d->job))            /* its own mode comes at the end */
		aside_widen(fd);
	resume_sweep(fd, SWEEP_ENTRIES);
	mode_t made = (0700 | (dir->mode & 0777)) & ~own_umask();
	if (joblog_resumes(d->job->log) && (dir->mode & 0700) != 0700 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == made)
		dir->flags |= TREE_MODE_DUE;
}

/* With -n. In one that would be made nothing is. 1: it is there */
static int would_make_dir(struct download *d, const char *path, bool fresh)
{
	struct stat there;

	if (fresh || !local_look(d, path, &there, NULL))
		return 0;
	return S_ISDIR(there.st_mode) ? 1 : -ENOTDIR;
}

static void dir_made(struct download *d, struct tree_dir *dir, uint32_t id)
{
	char rest[WIRE_PATH_MAX + 1], shown[SHOWN_MAX];

	if ((dir->mode & 0700) != 0700)
		dir->flags |= TREE_MODE_DUE;
	d->job->report.dirs++;
	if (!event_heard(d->job))
		return;
	struct errand e = errand_of(d, d->list_source, id, "", rest);
	errand_shown(d, &e, shown);
	event_tell(d->job, &(struct event){ .what = EVENT_MKDIR, .type = 'd', .path = shown });
}

/* A directory of the tree, the root too. What cannot be made is one failure; what is in it is left out. */
int dir_take(struct download *d, struct tree *t, uint32_t id)
{
	struct source   *s = &d->plan->v[d->list_source];
	struct tree_dir *dir = tree_dir(t, id), *up = tree_dir(t, dir->parent);
	char             path[WIRE_PATH_MAX + 1];

	if (up && (up->flags & (TREE_FAILED | TREE_LEFT_OUT))) {
		dir->flags |= up->flags & (TREE_FAILED | TREE_LEFT_OUT);
		return 0;
	}
	int r = tree_path(t, s->as, id, "", path);
	if (r == 0 && !*path)
		r = 1;                          /* DST itself */
	else if (r == 0 && d->job->opt->dry_run)
		r = would_make_dir(d, path, up && !(up->flags & TREE_EXISTED));
	else if (r == 0)
		r = make_dir(d, path, dir->mode & 0777);
	if (r < 0) {
		dir->flags |= TREE_FAILED;
		struct errand e = errand_of(d, d->list_source, id, "", path);
		fail_local(d, &e, r == -ENOTDIR ? fail_why(ST_IN_THE_WAY, WHY_NOT_DIRECTORY) : fail_made(r));
		return 0;
	}
	if (r == 0 && id == 1 && d->dst->missing)
		joblog_dst_missing(d->job->log);
	if (r == 1 && d->job->opt->dry_run)
		dir->flags |= TREE_EXISTED;
	else if (r == 1)
		was_there(d, dir, path);
	else
		dir_made(d, dir, id);
	return 0;
}

/* --- links ----------------------------------------------------------------------------------------------------------- */

static void would_link(struct download *d, const struct errand *e, const char *path, const char *target, const struct stat *there)
{
	if (there && !S_ISREG(there->st_mode) && !S_ISLNK(there->st_mode)) {
		fail_local(d, e, fail_why(ST_IN_THE_WAY, WHY_IN_THE_WAY));
		return;
	}
	d->job->report.links++;
	local_tell(d, EVENT_SYMLINK, path, &(struct meta){ .type = 'l' }, target);
}

/* 1: it is to be made. 0: it stands there as it is, or is left alone */
static int link_wanted(struct download *d, const struct errand *e, const char *path, const char *target, struct wire_str ext, bool fresh)
{
	const struct options *o = d->job->opt;
	char                  is[WIRE_LINK_MAX + 1];
	struct extras         x;
	struct stat           there;
	bool                  known = !fresh && (verdict_looks(o) || o->dry_run || d->itself) && local_look(d, path, &there, is);

	if (known && S_ISLNK(there.st_mode) && strcmp(is, target) == 0 && (!(d->job->extras & EXTRAS_OWNER) || extras_owned(job_to_set(d->job, ext, &x), &there))) {
		local_tell(d, EVENT_SAME, path, &(struct meta){ .type = 'l' }, target);
		return 0;
	}
	if (known ? o->ignore_existing : o->existing) {
		report_left(&d->job->report);
		return 0;
	}
	if (known && d->itself && d->itself(d->itself_arg, e, path, &there)) {
		fail_local(d, e, fail_why(ST_CANNOT, WHY_SAME_FILE));
		return 0;
	}
	if (!o->dry_run)
		return 1;
	would_link(d, e, path, target, known ? &there : NULL);
	return 0;
}

int link_take(struct download *d, uint32_t source, uint32_t dir, const char *rest, const char *target, struct wire_str ext)
{
	struct errand e = { .source = source, .dir = dir, .rest = errand_borrows(rest) };
	struct tree  *t = d->trees[source];
	const char   *slash = strrchr(rest, '/');
	char          path[WIRE_PATH_MAX + 1];
	bool          fresh = dir && !(tree_dir(t, dir)->flags & TREE_EXISTED);

	if (errand_local(d, &e, path) < 0) {
		fail_remote(d, &e, fail_why(ST_FILE_IO, WHY_TOO_LONG));
		return 0;
	}
	if (!link_wanted(d, &e, path, target, ext, fresh))
		return 0;
	if (!dir) {
		d->plan->v[source].link_due = true;
		return 0;
	}
	int r = tree_add_link(t, dir, wire_cstr(slash ? slash + 1 : rest), wire_cstr(target));
	return r == 0 && d->job->extras & EXTRAS_OWNER ? tree_extras_add(&t->link_extras, t->link_count - 1, ext) : r;
}

/* --- entries --------------------------------------------------------------------------------------------------------- */

void special_skip(struct download *d, const struct errand *e)
{
	(d->job->opt->keep_links ? skip_remote : fail_remote)(d, e, fail_why(ST_PARTIAL, WHY_NOT_REGULAR));
}

/* Of the directory that was taken last. */
static int take_extras(struct download *d, struct tree *t, uint32_t id, struct wire_str ext)
{
	char path[WIRE_PATH_MAX + 1];

	if (!d->job->extras || tree_dir(t, id)->flags & TREE_FAILED || tree_extras_add(&t->dir_extras, id, ext) == 0)
		return 0;
	tree_dir(t, id)->flags |= TREE_EXTRAS_LOST;
	struct errand e = errand_of(d, d->list_source, id, "", path);
	fail_local(d, &e, fail_errno(ENOMEM));
	return 0;
}

/* What failed may be that the host could not tell the extras of the directory it has just named. */
static void extras_lost(struct tree *t, const struct wire_entry *e, uint32_t parent)
{
	struct tree_dir *last = tree_dir(t, t->count);

	if (last && last->parent == parent && last->name_len == e->name.len && (!e->name.len || memcmp(t->text + last->name, e->name.p, e->name.len) == 0))
		last->flags |= TREE_EXTRAS_LOST;
}

static bool left_out(const struct download *d, const struct wire_entry *e, const char *rest)
{
	const struct source *s = &d->plan->v[d->list_source];

	if (e->what == ENTRY_OK)
		return !chosen(d->job, s, rest, &e->meta);
	/* it may be a directory that cannot be read, and is left out for all that */
	return !chosen_name(d->job, s, rest, true) || !chosen_name(d->job, s, rest, false);
}

/* A name in a directory that is copied. */
static int take_named(struct download *d, const struct wire_entry *e, uint32_t id, uint32_t parent, const char *rest)
{
	struct errand b = { .source = d->list_source, .dir = parent, .rest = errand_borrows(rest) };
	char          target[WIRE_LINK_MAX + 1];
	int           r;

	switch (e->meta.type) {
	case 'd':
		if (d->rules.given && named_whole(d, rest)) {   /* named besides, and copied before */
			tree_dir(d->trees[d->list_source], id)->flags |= TREE_LEFT_OUT;
			return 0;
		}
		r = dir_take(d, d->trees[d->list_source], id);
		return r == 0 ? take_extras(d, d->trees[d->list_source], id, e->ext) : r;
	case 'f':
		if (d->rules.given && names_took(d->job->names, rest))
			return 0;               /* named besides */
		return file_take(d, d->list_source, parent, rest, &e->meta, e->ext);
	case 'l':
		if (!d->job->opt->keep_links)
			return -EPROTO;
		memcpy(target, e->link.len ? e->link.p : (const uint8_t *)"", e->link.len);
		target[e->link.len] = '\0';
		return link_take(d, d->list_source, parent, rest, target, e->ext);
	default:
		special_skip(d, &b);
		return 0;
	}
}

static int take_entry(struct download *d, const struct wire_entry *e, uint32_t id, uint32_t parent, const char *name)
{
	struct tree  *t = d->trees[d->list_source];
	char          rest[WIRE_PATH_MAX + 1];
	bool          fits = tree_path(t, "", parent, name, rest) == 0;
	struct errand b = { .source = d->list_source, .dir = parent, .rest = rest };

	if (!fits)
		memcpy(rest, "...", 4);
	if (fits && left_out(d, e, rest)) {
		if (id)
			tree_dir(t, id)->flags |= TREE_LEFT_OUT;
		return e->what == ENTRY_OK && chosen_name(d->job, &d->plan->v[d->list_source], rest, e->meta.type == 'd') ? remove_not(d, &b) : 0;
	}
	if (!fits || e->what != ENTRY_OK) {
		d->list_failed |= e->what != ENTRY_OK;
		if (e->what != ENTRY_OK)
			extras_lost(t, e, parent);
		if (id)
			tree_dir(t, id)->flags |= TREE_FAILED;
		fail_remote(d, &b, fits && e->fail.status ? e->fail : fits ? fail_why(ST_FILE_IO, WHY_ERRNO) : fail_why(ST_FILE_IO, WHY_TOO_LONG));
		return 0;
	}
	int r = remove_not(d, &b);
	return r < 0 ? r : take_named(d, e, id, parent, rest);
}

int entry_take(struct download *d, const struct wire_entry *e)
{
	struct tree *t = d->trees[d->list_source];
	char         name[WIRE_NAME_MAX + 1], seen[300];
	uint32_t     id, parent;
	int          r = listing_take(&d->rules, e, &id, &parent, name);

	if (r == -EPROTO)
		log_error("%s:%s: the listing breaks its rules: %s", d->job->where_host,
		          vis_str(seen, sizeof seen, d->plan->v[d->list_source].path), d->rules.broken);
	if (r < 0)
		return r;
	struct tree_dir *up = tree_dir(t, parent);
	if (up && (up->flags & (TREE_FAILED | TREE_LEFT_OUT)))
		return id ? dir_take(d, t, id) : 0;
	if (id && !parent && d->rules.given)
		return 0;
	if (id && !parent) {
		r = dir_take(d, t, id);
		return r == 0 ? take_extras(d, t, id, e->ext) : r;
	}
	return take_entry(d, e, id, parent, name);
}
