/* grow.c - see grow.h */
#include "zcp/upload/grow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "common/vis.h"
#include "zcp/select/chosen.h"
#include "zcp/select/names.h"

int grow_begin(struct growing *g, struct uploader *x, uint32_t source)
{
	*g = (struct growing){ .x = x, .u = x->u, .s = &x->u->plan->v[source], .source = source, .tree = malloc(sizeof *g->tree) };
	if (!g->tree)
		return -ENOMEM;
	tree_init(g->tree);
	pthread_mutex_lock(&g->u->lock);
	g->u->trees[source] = g->tree;
	pthread_mutex_unlock(&g->u->lock);
	return 0;
}

void grow_end(struct growing *g)
{
	free(g->made);
	g->made = NULL;
}

void grow_fail(struct growing *g, const char *path, struct fail f)
{
	source_fail(g->u, g->source, path, f);
}

/* --- directories ------------------------------------------------------------------------------------------------------ */

static int look_at_dir(struct growing *g, uint32_t id, char *path)
{
	union wire_body b = { .look = { .id = worker_id(g->x->w), .path = wire_cstr(path) } };
	struct due      d = { .id = b.look.id, .own = id, .kind = DUE_LOOK, .path = path, .errand.source = g->source };

	return request_put(g->x, WIRE_STAT, &b, d);
}

/* A directory whose owner may not write into it cannot be filled: the host makes it 0700 more, and only a new one gets its own mode at the end. */
static int make_dir(struct growing *g, uint32_t id, char *path, const struct meta *m)
{
	struct tree_dir *dir = tree_dir(g->tree, id);
	bool             look = !job_keeps_modes(g->u->job) && (m->mode & 0700) != 0700;
	union wire_body  b = { .open = { .flags = job_keeps_modes(g->u->job) ? STORE_KEEP_MODE : 0, .meta = *m, .path = wire_cstr(path) } };
	struct due       d = { .own = id, .kind = DUE_DIR, .path = path, .errand = { .source = g->source, .dir = dir->parent } };

	b.open.id = d.id = worker_id(g->x->w);
	g->made[id] = d.id;
	int r = request_put(g->x, WIRE_MKDIR, &b, d);
	return r == 0 && look ? look_at_dir(g, id, path) : r;
}

/* With -n: is it there? The source's own directory is looked for like any other, but the export's, which is. */
static int would_make_dir(struct growing *g, uint32_t id, const char *path, const struct meta *m)
{
	struct looked k = { .errand = { .source = g->source, .dir = id, .rest = strdup(path), .meta = *m } };

	if (!k.errand.rest)
		return -ENOMEM;
	int r = g->u->looking ? looking_add(g->x, &k) : looked_act(g->x, &k);
	errand_clear(&k.errand);
	return r;
}

static int made_room(struct growing *g, uint32_t id)
{
	size_t    room = g->room ? g->room : 64;
	uint32_t *v = g->made;

	while (room <= id)
		room *= 2;
	if (room != g->room)
		v = realloc(g->made, room * sizeof *v);
	if (!v)
		return -ENOMEM;
	g->made = v;
	g->room = room;
	g->made[id] = 0;
	return 0;
}

int grow_dir(struct growing *g, uint32_t parent, const char *name, const char *rest, const struct meta *m, uint8_t flags, uint32_t *id)
{
	struct wire_str none = { NULL, 0 };
	char            path[WIRE_PATH_MAX + 1];

	pthread_mutex_lock(&g->u->lock);
	int64_t n = tree_add_dir(g->tree, parent, parent ? wire_cstr(name) : none, m);
	int     r = n < 0 ? (int)n : tree_path(g->tree, g->s->as, (uint32_t)n, "", path);
	if (n > 0)
		tree_dir(g->tree, (uint32_t)n)->flags |= (uint16_t)(flags | (r < 0 ? TREE_FAILED : 0));
	pthread_mutex_unlock(&g->u->lock);
	if (n < 0)
		return (int)n;
	*id = (uint32_t)n;
	if (r < 0 && !flags)
		grow_fail(g, rest, fail_why(ST_FILE_IO, WHY_TOO_LONG));
	if (r < 0 || flags)
		return 0;
	if (g->u->job->opt->dry_run)
		return *path ? would_make_dir(g, *id, rest, m) : 0;
	r = made_room(g, *id);
	return r == 0 && *path ? make_dir(g, *id, path, m) : r;
}

/* --- what else there is ----------------------------------------------------------------------------------------------- */

static uint32_t made_by(const struct growing *g, uint32_t dir)
{
	return g->made && dir < g->room ? g->made[dir] : 0;
}

/* Of several names: counted when it is known whether it is copied, or becomes a link to one that was found before. */
static int take_file(struct growing *g, const struct walk_entry *e, uint32_t parent)
{
	struct looked k = {
		.errand = { .source = g->source, .dir = parent, .after = made_by(g, parent), .meta = e->meta },
		.several = g->u->job->opt->hard_links && e->links > 1, .dev = e->dev, .ino = e->ino,
	};

	if (g->root && names_took(g->u->job->names, e->path))
		return 0;               /* of a directory that is named, too: its own turn has come, or comes */
	if (!k.several)
		upload_totals(g->u, 1, e->meta.size);
	k.errand.rest = strdup(e->path);
	int r = k.errand.rest ? upload_put(g->x, &k) : -ENOMEM;
	errand_clear(&k.errand);
	return r;
}

static int take_link(struct growing *g, const struct walk_entry *e, uint32_t parent)
{
	struct looked k = { .errand = { .source = g->source, .dir = parent, .rest = strdup(e->path), .meta = e->meta }, .link = strdup(e->link) };
	int           r = k.errand.rest && k.link ? 0 : -ENOMEM;

	if (r == 0)
		r = g->u->looking ? looking_add(g->x, &k) : looked_act(g->x, &k);
	errand_clear(&k.errand);
	free(k.link);
	return r;
}

static void skip_special(const struct growing *g, const struct walk_entry *e)
{
	(g->u->job->opt->keep_links ? source_skip : source_fail)(g->u, g->source, e->path, fail_why(ST_PARTIAL, WHY_NOT_REGULAR));
}

static uint32_t parent_of(const struct growing *g, uint32_t id)
{
	return id == 1 && g->root ? g->root : id ? g->from + id : 0;
}

static bool left_out(const struct growing *g, const struct walk_entry *e)
{
	if (!e->fail.status)
		return !chosen(g->u->job, g->s, e->path, &e->meta);
	/* it may be a directory that cannot be read, and is left out for all that */
	return !chosen_name(g->u->job, g->s, e->path, true) || !chosen_name(g->u->job, g->s, e->path, false);
}

static int take(struct growing *g, const struct walk_entry *e)
{
	uint32_t parent = parent_of(g, e->parent), id;
	bool     failed = upload_dir_failed(g->u, g->source, parent), out = (e->parent || *e->path) && left_out(g, e);
	bool     dir = !e->fail.status && e->meta.type == 'd';

	if (dir && e->parent == 0 && g->root)   /* where a walk below the source begins: it has been made */
		return out;
	if (dir && g->root && dirs_whole(&g->named, g->tree, e->path, strlen(e->path)))
		out = true;                     /* named besides, and copied before */
	if (dir) {
		/* ids go on, whatever becomes of it */
		int r = grow_dir(g, parent, e->name, e->path, &e->meta, failed ? TREE_FAILED : out ? TREE_LEFT_OUT : 0, &id);
		return r < 0 ? r : out;
	}
	if (failed || out)
		return 0;
	if (e->fail.status) {
		g->u->walk_failed = true;
		(e->fail.why == WHY_TOO_LONG ? source_fail_cut : source_fail)(g->u, g->source, e->path, e->fail);
		return 0;
	}
	if (e->meta.type == 'f')
		return take_file(g, e, parent);
	if (e->meta.type == 'l')
		return take_link(g, e, parent);
	skip_special(g, e);
	return 0;
}

int grow_take(struct growing *g, const struct walk_entry *e)
{
	bool known = g->u->job->opt->remove && !e->fail.status;
	int  r = known ? upload_provides(g->u, g->source, e->path, e->meta.type == 'd' && !e->mounted) : 0;

	return r < 0 ? r : take(g, e);
}
