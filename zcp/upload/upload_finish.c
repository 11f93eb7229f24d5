/* upload_finish.c - the end of an upload: links, then modes and times of directories, deepest first */
#include "zcp/upload/uploader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"

/* A link or a directory's SETMETA ... the request, and its answer to come. Takes over nothing. */
int request_put(struct uploader *x, unsigned type, const union wire_body *b, struct due d)
{
	d.cost = cost_of(type);
	int r = answers_room(x, d.cost);
	if (r == 0)
		r = stream_put(&x->w->stream, type, b, true);
	if (r < 0)
		return r;
	d.path = strdup(d.path);
	return d.path ? due_add(x, &d) : -ENOMEM;
}

/* own: due.own */
static int put_link(struct uploader *x, uint32_t source, uint32_t own, uint32_t dir, char *path, const char *target)
{
	union wire_body b = { .symlink = { .id = worker_id(x->w), .meta = { .type = 'l', .mode = 0777 }, .path = wire_cstr(path),
	                                   .target = wire_cstr(target) } };
	struct due      d = { .id = b.symlink.id, .own = own, .kind = DUE_LINK, .path = path, .errand = { .source = source, .dir = dir } };

	return request_put(x, WIRE_SYMLINK, &b, d);
}

/* What it is a link to was put before it: on whatever stream, that is over by now. One that failed has another content, or none. */
static int put_hard_link(struct uploader *x, uint32_t source, uint32_t own, uint32_t dir, char *path, const struct first *first)
{
	struct fail     f = first_fail(first);
	union wire_body b = { .link = { .path = wire_cstr(path), .to = wire_cstr(first->name) } };
	struct due      d = { .own = own, .kind = DUE_HARD_LINK, .path = path, .errand = { .source = source, .dir = dir } };

	if (f.status) {
		upload_fail(x->u, source, path, f);
		return 0;
	}
	b.link.id = d.id = worker_id(x->w);
	return request_put(x, WIRE_LINK, &b, d);
}

static int links_of(struct uploader *x, uint32_t i)
{
	struct upload *u = x->u;
	struct source *s = &u->plan->v[i];
	struct tree   *t = u->trees[i];
	char           path[WIRE_PATH_MAX + 1];
	int            r = s->link_due ? put_link(x, i, 0, 0, s->as, s->link) : 0;

	for (uint32_t k = 0; r == 0 && t && k < t->link_count; k++) {
		struct tree_link l = tree_link(t, k);
		if (upload_dir_failed(u, i, l.parent))
			continue;
		if (tree_path(t, s->as, l.parent, l.name, path) < 0)    /* it was walked: below the source it fits */
			source_fail(u, i, tree_path(t, "", l.parent, l.name, path) == 0 ? path : l.name, fail_why(ST_FILE_IO, WHY_TOO_LONG));
		else if (l.first)
			r = put_hard_link(x, i, k + 1, l.parent, path, l.first);
		else
			r = put_link(x, i, k + 1, l.parent, path, l.target);
	}
	return r;
}

/* --- with -n --------------------------------------------------------------------------------------------------------- */

enum { PAIRS = 64 };

static bool one_file(const struct look *a, const struct look *b)
{
	return !a->fail.status && !b->fail.status && a->identity.dev == b->identity.dev && a->identity.ino == b->identity.ino;
}

static void tell_link(struct upload *u, const char *path, const char *first)
{
	struct event e = { .what = EVENT_HARDLINK, .type = 'f', .path = path, .target = first };

	u->job->report.links++;
	event_tell(u->job, &e);
}

/* paths: a name, and what it is to be a name of, in turn. Which are not one file yet? */
static int look_at_pairs(struct upload *u, char **paths, size_t n)
{
	struct look looks[2 * PAIRS] = { 0 };
	int         r = remote_look(u->job, paths, n, false, looks);

	for (size_t i = 0; r == 0 && i < n; i += 2) {
		if (!one_file(&looks[i], &looks[i + 1]))
			tell_link(u, paths[i], paths[i + 1]);
	}
	for (size_t i = 0; i < n; i++) {
		look_clear(&looks[i]);
		free(paths[i]);
	}
	return r;
}

/* Of what would have become another file nothing is a name yet, and of what would have failed nothing becomes one. */
static bool told_already(struct upload *u, uint32_t source, const char *path, const struct first *first)
{
	struct fail f = first_fail(first);

	if (f.status)
		upload_fail(u, source, path, f);
	else if (first->fate == FATE_COPIED)
		tell_link(u, path, first->name);
	return f.status || first->fate == FATE_COPIED;
}

static int would_link(struct uploader *x, uint32_t i)
{
	struct upload *u = x->u;
	struct tree   *t = u->trees[i];
	char          *paths[2 * PAIRS], path[WIRE_PATH_MAX + 1];
	size_t         n = 0;
	int            r = 0;

	for (uint32_t k = 0; r == 0 && t && k < t->link_count; k++) {
		struct tree_link l = tree_link(t, k);
		if (!l.first || upload_dir_failed(u, i, l.parent) || tree_path(t, u->plan->v[i].as, l.parent, l.name, path) < 0)
			continue;
		if (told_already(u, i, path, l.first))
			continue;
		paths[n] = strdup(path);
		paths[n + 1] = strdup(l.target);
		r = paths[n] && paths[n + 1] ? 0 : -ENOMEM;
		n += 2;
		if (r == 0 && n == 2 * PAIRS) {
			r = look_at_pairs(u, paths, n);
			n = 0;
		}
	}
	if (r == 0 && n)
		return look_at_pairs(u, paths, n);
	while (r < 0 && n > 0)
		free(paths[--n]);
	return r;
}

/* What else a directory has, as it is now. False: that cannot be told, which is its failure. */
static bool dir_extras(struct uploader *x, uint32_t source, uint32_t id, struct wire_str *ext)
{
	struct upload *u = x->u;
	char           below[WIRE_PATH_MAX + 1];
	struct fail    f = fail_why(ST_FILE_IO, WHY_TOO_LONG);
	bool           told = false;

	*ext = (struct wire_str){ NULL, 0 };
	if (!u->job->extras)
		return true;
	CLEAN_FD int fd = tree_path(u->trees[source], "", id, "", below) < 0 ? -1 : source_open_dir(u, source, below, &f);
	if (fd >= 0)
		told = source_extras(x, fd, true, ext, &f) == 0;
	if (!told)
		source_fail(u, source, below, f);
	return told;
}

static int put_meta(struct uploader *x, uint32_t source, uint32_t id, char *path)
{
	const struct job *j = x->u->job;
	struct tree_dir  *dir = tree_dir(x->u->trees[source], id);
	bool              modes = job_keeps_modes(j) || dir->flags & TREE_MODE_DUE;
	uint8_t           flags = (uint8_t)((modes ? STORE_KEEP_MODE : 0) | (j->opt->keep_meta ? STORE_KEEP_TIMES : 0));
	union wire_body   b = { .open = { .id = worker_id(x->w), .flags = flags, .meta = tree_dir_meta(dir), .path = wire_cstr(path) } };
	struct due        d = { .id = b.open.id, .kind = DUE_META, .path = path, .errand = { .source = source, .dir = dir->parent } };

	return dir_extras(x, source, id, &b.open.ext) ? request_put(x, WIRE_SETMETA, &b, d) : 0;
}

static int dirs_of(struct uploader *x, uint32_t i)
{
	struct upload *u = x->u;
	struct tree *t = u->trees[i];
	char         path[WIRE_PATH_MAX + 1];
	int          r = 0;

	for (uint32_t id = t ? t->count : 0; r == 0 && id > 0; id--) {
		struct tree_dir *dir = tree_dir(t, id);
		if ((dir->flags & (TREE_FAILED | TREE_LEFT_OUT)) || (!job_keeps_modes(u->job) && !u->job->extras && !(dir->flags & TREE_MODE_DUE)))
			continue;
		if (tree_path(t, u->plan->v[i].as, id, "", path) == 0 && *path)
			r = put_meta(x, i, id, path);
	}
	return r;
}

int answers_rest(struct uploader *x)
{
	int r = 0;

	while (r == 0 && x->count && !job_stopped(x->u->job))
		r = answer_wait(x);
	return r;
}

int tree_upload_finish(struct uploader *x)
{
	const struct plan *p = x->u->plan;
	bool               dry = x->u->job->opt->dry_run;
	int                r = 0;

	for (size_t i = 0; r == 0 && i < p->count; i++)
		r = dry ? would_link(x, (uint32_t)i) : links_of(x, (uint32_t)i);
	if (r == 0)
		r = answers_rest(x);
	if (r == 0)
		r = upload_remove(x);
	if (r == 0)
		r = answers_rest(x);            /* what is made or removed in a directory changes its time */
	for (size_t i = dry ? 0 : p->count; r == 0 && i > 0; i--)
		r = dirs_of(x, (uint32_t)i - 1);
	return r == 0 ? answers_rest(x) : r;
}
