/* entries.c - what becomes of a listing's entries: directories are made at once, files asked for, links remembered */
#include "zcp/download.h"

#include <errno.h>
#include <string.h>
#include "common/log.h"
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
		want_fail_local(d, path, r == -ENOTDIR ? fail_why(ST_IN_THE_WAY, WHY_NOT_DIRECTORY) : fail_made(r));
		return 0;
	}
	dir->flags |= r == 1 ? TREE_EXISTED : 0;
	if (r == 0 && (dir->mode & 0700) != 0700)
		dir->flags |= TREE_MODE_DUE;
	d->job->report.dirs++;
	return 0;
}

static int take_file(struct download *d, const struct wire_entry *e, const char *name)
{
	struct want w = { .source = d->list_source, .dir = e->parent, .name = strdup(name) };

	if (!w.name)
		return -ENOMEM;
	d->known_files++;
	d->known_bytes += e->meta.size;
	return want_put(d, &w);
}

static void skip_special(struct download *d, const struct want *w)
{
	char path[WIRE_PATH_MAX + 1], seen[2048], words[200];

	if (!d->job->opt->keep_links) {
		want_fail_remote(d, w, fail_why(ST_PARTIAL, WHY_NOT_REGULAR));
		return;
	}
	if (tree_path(d->trees[w->source], d->plan->v[w->source].path, w->dir, w->name, path) == 0)
		log_warn("%s:%s: left out: %s", d->job->where_host, vis_str(seen, sizeof seen, path),
		         fail_words(fail_why(ST_PARTIAL, WHY_NOT_REGULAR), words, sizeof words));
	d->job->report.skipped++;
}

int entry_take(struct download *d, const struct wire_entry *e)
{
	struct tree *t = d->trees[d->list_source];
	char         name[WIRE_NAME_MAX + 1], seen[300];
	uint32_t     id;
	int          r = listing_take(&d->rules, e, &id, name);

	if (r == -EPROTO)
		log_error("%s:%s: the listing breaks its rules: %s", d->job->where_host,
		          vis_str(seen, sizeof seen, d->plan->v[d->list_source].path), d->rules.broken);
	if (r < 0)
		return r;
	struct tree_dir *up = tree_dir(t, e->parent);
	struct want      w = { .source = d->list_source, .dir = e->parent, .name = name };
	if (up && (up->flags & TREE_FAILED))
		return id ? take_dir(d, t, id) : 0;
	if (e->what != ENTRY_OK) {
		want_fail_remote(d, &w, e->fail.status ? e->fail : fail_why(ST_FILE_IO, WHY_ERRNO));
		return 0;
	}
	switch (e->meta.type) {
	case 'd': return take_dir(d, t, id);
	case 'f': return take_file(d, e, name);
	case 'l': return d->job->opt->keep_links ? tree_add_link(t, e->parent, e->name, e->link) : -EPROTO;
	default:  skip_special(d, &w); return 0;
	}
}
