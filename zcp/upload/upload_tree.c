/* upload_tree.c - a directory of this machine, walked, and made anew on the host */
#include "zcp/upload/uploader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "common/vis.h"
#include "common/walk.h"
#include "zcp/joblog.h"

struct tree_walk {
	struct uploader *x;
	struct upload *u;
	struct source *s;
	struct tree   *tree;
	uint32_t       source;
	uint32_t      *made; size_t room;       /* by directory: the request that makes it on the host */
};

enum { ALONE_MOST = 16, LOOK_EVERY = 16 };

/* --- files ---------------------------------------------------------------------------------------------------------- */

static void left_out(struct upload *u, uint64_t size)
{
	report_same(&u->job->report);
	progress_there(&u->job->progress, size);
	progress_file(&u->job->progress, 0);
	u->there++;
	u->there_bytes += size;
}

/* The log says that it was copied as it is here, and it stands there with that size, and with -p, which gave it one, that time. */
static bool is_there(const struct upload *u, const struct errand *e)
{
	char               name[WIRE_PATH_MAX + 16], path[WIRE_PATH_MAX + 1];
	struct joblog_file f = { .path = name, .size = e->meta.size, .mtime = e->meta.mtime, .mtime_ns = e->meta.mtime_ns };

	if (!u->resumes || errand_path(u, e, path) < 0)
		return false;
	snprintf(name, sizeof name, "%u/%s", e->source, e->rest);
	return joblog_has(u->job->log, &f) && already_has(&u->already, path, &e->meta, u->job->opt->keep_meta);
}

/* With others, it sends when they cannot keep up. Alone, as it walks, but the walk is ahead by half of what it has found: so the whole is known
 * long before its end, and the first byte need not wait for that. */
static size_t waiting_most(const struct upload *u)
{
	uint64_t ahead = ALONE_MOST + u->known_files / 2;

	return pool_most(u->pool) > 1 || ahead > QUEUE_FULL ? QUEUE_FULL : (size_t)ahead;
}

/* What others wait for leaves, and what they may do is known, while the lead walks. */
static int look_up(struct uploader *x)
{
	int r;

	if (pool_most(x->u->pool) < 2 || ++x->since < LOOK_EVERY)
		return 0;
	x->since = 0;
	pool_grow(x->u->pool);
	r = stream_try_flush(&x->w->stream);
	return r < 0 ? r : answers_take(x);
}

int upload_put(struct uploader *x, struct errand *e)
{
	struct upload *u = x->u;

	if (is_there(u, e)) {
		left_out(u, e->meta.size);
		errand_clear(e);
		return 0;
	}
	int r = queue_put(&u->queue, e);
	*e = (struct errand){ 0 };
	if (r == 0)
		r = look_up(x);
	while (r >= 0 && (x->hand_at < x->hand_count || queue_waiting(&u->queue, NULL) >= waiting_most(u))) {
		r = uploader_step(x);
		if (r == 0)
			return -EINTR;          /* stopped */
	}
	return r < 0 ? r : 0;
}

/* --- the walk ------------------------------------------------------------------------------------------------------- */

static void fail_here(struct tree_walk *t, const char *path, struct fail f)
{
	source_fail(t->u, t->source, path, f);
}

/* A link or a directory's SETMETA ... the request, and its answer to come. Takes over nothing. */
static int request_put(struct uploader *x, unsigned type, const union wire_body *b, struct due d)
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

static int look_at_dir(struct tree_walk *t, uint32_t id, char *path, enum due_kind kind)
{
	union wire_body b = { .look = { .id = worker_id(t->x->w), .path = wire_cstr(path) } };
	struct due      d = { .id = b.look.id, .own = id, .kind = (uint8_t)kind, .path = path, .errand.source = t->source };

	return request_put(t->x, WIRE_STAT, &b, d);
}

/* A directory whose owner may not write into it cannot be filled: the host makes it 0700 more, and only a new one gets its own mode at the end. */
static int make_dir(struct tree_walk *t, uint32_t id, char *path, const struct meta *m)
{
	struct tree_dir *dir = tree_dir(t->tree, id);
	bool             look = !t->u->job->opt->keep_meta && (m->mode & 0700) != 0700;
	union wire_body  b = { .open = { .meta = *m, .path = wire_cstr(path) } };
	struct due       d = { .own = id, .kind = DUE_DIR, .path = path, .errand = { .source = t->source, .dir = dir->parent } };
	int              r = look ? look_at_dir(t, id, path, DUE_LOOK_BEFORE) : 0;

	b.open.id = d.id = worker_id(t->x->w);
	t->made[id] = d.id;
	if (r == 0)
		r = request_put(t->x, WIRE_MKDIR, &b, d);
	return r == 0 && look ? look_at_dir(t, id, path, DUE_LOOK_AFTER) : r;
}

static int made_room(struct tree_walk *t, uint32_t id)
{
	size_t    room = t->room ? t->room : 64;
	uint32_t *v = t->made;

	while (room <= id)
		room *= 2;
	if (room != t->room)
		v = realloc(t->made, room * sizeof *v);
	if (!v)
		return -ENOMEM;
	t->made = v;
	t->room = room;
	t->made[id] = 0;
	return 0;
}

static int take_dir(struct tree_walk *t, const struct walk_entry *e, bool failed)
{
	struct wire_str none = { NULL, 0 };
	char            path[WIRE_PATH_MAX + 1];

	pthread_mutex_lock(&t->u->lock);
	int64_t id = tree_add_dir(t->tree, e->parent, e->parent ? wire_cstr(e->name) : none, &e->meta);
	int     r = id < 0 ? (int)id : tree_path(t->tree, t->s->as, (uint32_t)id, "", path);
	if (id > 0 && (failed || r < 0))
		tree_dir(t->tree, (uint32_t)id)->flags |= TREE_FAILED;
	pthread_mutex_unlock(&t->u->lock);
	if (id < 0)
		return (int)id;
	if (r < 0 && !failed)
		fail_here(t, e->path, fail_why(ST_FILE_IO, WHY_TOO_LONG));
	if (r < 0 || failed)
		return 0;
	r = made_room(t, (uint32_t)id);
	return r == 0 && *path ? make_dir(t, (uint32_t)id, path, &e->meta) : r;
}

static uint32_t made_by(const struct tree_walk *t, uint32_t dir)
{
	return t->made && dir < t->room ? t->made[dir] : 0;
}

static int take_file(struct tree_walk *t, const struct walk_entry *e)
{
	struct errand f = { .source = t->source, .dir = e->parent, .after = made_by(t, e->parent), .rest = strdup(e->path), .meta = e->meta };

	upload_totals(t->u, 1, e->meta.size);
	return f.rest ? upload_put(t->x, &f) : -ENOMEM;
}

static void skip_special(struct tree_walk *t, const struct walk_entry *e)
{
	char whole[2 * WIRE_PATH_MAX], seen[2048], words[200];

	if (!t->u->job->opt->keep_links) {
		fail_here(t, e->path, fail_why(ST_PARTIAL, WHY_NOT_REGULAR));
		return;
	}
	snprintf(whole, sizeof whole, "%s/%s", t->s->path, e->path);
	log_warn("%s: left out: %s", vis_str(seen, sizeof seen, whole), fail_words(fail_why(ST_PARTIAL, WHY_NOT_REGULAR), words, sizeof words));
	t->u->job->report.skipped++;
}

static int take_entry(struct tree_walk *t, const struct walk_entry *e)
{
	bool failed = upload_dir_failed(t->u, t->source, e->parent);

	if (!e->fail.status && e->meta.type == 'd')
		return take_dir(t, e, failed);  /* ids go on, whatever becomes of it */
	if (failed)
		return 0;
	if (e->fail.status) {
		fail_here(t, e->path, e->fail);
		return 0;
	}
	if (e->meta.type == 'f')
		return take_file(t, e);
	if (e->meta.type == 'l')
		return tree_add_link(t->tree, e->parent, wire_cstr(e->name), wire_cstr(e->link));
	skip_special(t, e);
	return 0;
}

static int next_entry(struct tree_walk *t, struct walk *walk, struct walk_entry *e)
{
	struct stages     *s = &t->x->w->stream.stages;
	struct stages_mark m = stages_begin(s);
	int                r = walk_next(walk, e);

	stages_end(s, STAGE_DISK, &m);
	return r;
}

static int walk_all(struct tree_walk *t, int base)
{
	struct walk_options o = { .base = base, .follow = !t->u->job->opt->keep_links, .recurse = true };
	struct walk        *walk = NULL;
	struct walk_entry   e;
	int                 r = walk_open(&walk, &o, "");

	if (r < 0) {
		fail_here(t, "", fail_errno(r));
		return 0;
	}
	while (!job_stopped(t->u->job) && (r = next_entry(t, walk, &e)) > 0) {
		r = take_entry(t, &e);
		if (r < 0)
			break;
	}
	walk_close(walk);
	return r < 0 ? r : 0;
}

static struct tree *tree_new(struct upload *u, uint32_t source)
{
	struct tree *t = malloc(sizeof *t);

	if (!t)
		return NULL;
	tree_init(t);
	pthread_mutex_lock(&u->lock);
	u->trees[source] = t;
	pthread_mutex_unlock(&u->lock);
	return t;
}

int tree_upload(struct uploader *x, uint32_t source)
{
	struct tree_walk t = { .x = x, .u = x->u, .s = &x->u->plan->v[source], .source = source };
	struct fail      f;
	int              base = base_get(x->u, source, &f);

	if (base < 0) {
		fail_here(&t, "", f);
		return 0;
	}
	t.tree = tree_new(x->u, source);
	int r = t.tree ? walk_all(&t, base) : -ENOMEM;
	free(t.made);
	base_put(x->u, source);
	return r;
}

/* --- the end -------------------------------------------------------------------------------------------------------- */

static int put_link(struct uploader *x, uint32_t source, uint32_t dir, char *path, const char *target)
{
	union wire_body b = { .symlink = { .id = worker_id(x->w), .meta = { .type = 'l', .mode = 0777 }, .path = wire_cstr(path),
	                                   .target = wire_cstr(target) } };
	struct due      d = { .id = b.symlink.id, .kind = DUE_LINK, .path = path, .errand = { .source = source, .dir = dir } };

	return request_put(x, WIRE_SYMLINK, &b, d);
}

static int links_of(struct uploader *x, uint32_t i)
{
	struct upload *u = x->u;
	struct source *s = &u->plan->v[i];
	struct tree   *t = u->trees[i];
	char           path[WIRE_PATH_MAX + 1];
	int            r = s->meta.type == 'l' && s->link ? put_link(x, i, 0, s->as, s->link) : 0;

	for (uint32_t k = 0; r == 0 && t && k < t->link_count; k++) {
		struct tree_link l = tree_link(t, k);
		if (upload_dir_failed(u, i, l.parent))
			continue;
		if (tree_path(t, s->as, l.parent, l.name, path) < 0)
			upload_fail(u, l.name, fail_why(ST_FILE_IO, WHY_TOO_LONG));
		else
			r = put_link(x, i, l.parent, path, l.target);
	}
	return r;
}

static int put_meta(struct uploader *x, uint32_t source, uint32_t id, char *path)
{
	struct tree_dir *dir = tree_dir(x->u->trees[source], id);
	uint8_t          flags = STORE_KEEP_MODE | (x->u->job->opt->keep_meta ? STORE_KEEP_TIMES : 0);
	union wire_body  b = { .open = { .id = worker_id(x->w), .flags = flags, .meta = tree_dir_meta(dir), .path = wire_cstr(path) } };
	struct due       d = { .id = b.open.id, .kind = DUE_META, .path = path, .errand = { .source = source, .dir = dir->parent } };

	return request_put(x, WIRE_SETMETA, &b, d);
}

static int dirs_of(struct uploader *x, uint32_t i)
{
	struct upload *u = x->u;
	struct tree *t = u->trees[i];
	char         path[WIRE_PATH_MAX + 1];
	int          r = 0;

	for (uint32_t id = t ? t->count : 0; r == 0 && id > 0; id--) {
		struct tree_dir *dir = tree_dir(t, id);
		if ((dir->flags & TREE_FAILED) || (!u->job->opt->keep_meta && !(dir->flags & TREE_MODE_DUE)))
			continue;
		if (tree_path(t, u->plan->v[i].as, id, "", path) == 0 && *path)
			r = put_meta(x, i, id, path);
	}
	return r;
}

static int answers_rest(struct uploader *x)
{
	int r = 0;

	while (r == 0 && x->count && !job_stopped(x->u->job))
		r = answer_wait(x);
	return r;
}

int tree_upload_finish(struct uploader *x)
{
	const struct plan *p = x->u->plan;
	int                r = 0;

	for (size_t i = 0; r == 0 && i < p->count; i++)
		r = links_of(x, (uint32_t)i);
	if (r == 0)
		r = answers_rest(x);            /* a link made in a directory changes its time */
	for (size_t i = p->count; r == 0 && i > 0; i--)
		r = dirs_of(x, (uint32_t)i - 1);
	return r == 0 ? answers_rest(x) : r;
}
