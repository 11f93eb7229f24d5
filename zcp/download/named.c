/*
 * named.c - a download of what a list names (--files-from): the host is asked what stands under each name (LOOKS), many at once, and each is then taken as if it had been listed.
 *
 * Batch    names, and before them the directories on the way to them that are not known yet: two requests, whose answers come in this order, so that a directory is made before
 *          anything in it is taken. A directory on the way that is a link is made as the one it leads to. At most BATCHES are on their way.
 * Links    whose target is too long for LOOKED are asked for once more, by STAT.
 * Whole    a directory that is named is made; what is in it is listed and copied only where -r was typed (as rsync does: a list from find(1) names everything itself). While one is listed no
 *          names are asked for: a listing has the numbers of its directories to itself (listing.h).
 * Memory   BATCHES of names; 16 to 32 bytes for each directory, and the tree's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zcp/download/download.h"
#include "zcp/select/chosen.h"
#include "zcp/select/dirs.h"
#include "zcp/select/names.h"

enum { BATCHES = 3, ITEMS_BYTES = 12 * 1024 };
static const uint32_t dir_asked = UINT32_MAX /* in dirs: on its way */, dir_none = UINT32_MAX - 1 /* it cannot be had */;

struct asking {                         /* one LOOKS */
	uint32_t id;
	unsigned count, room;
	char   **v;                             /* owned: paths below the source */
	uint8_t  items[ITEMS_BYTES]; size_t used;
	char     prev[WIRE_PATH_MAX + 1];
};

struct batch { struct asking dirs, names; };

struct naming {
	uint32_t      source;
	struct dirs   dirs;                     /* of the tree */
	struct batch *ring[BATCHES]; unsigned first, count;
	uint32_t     *whole; size_t whole_first, whole_count, whole_room;       /* directories to be listed */
	struct link  { uint32_t id, dir; char *path; } *links; size_t link_first, link_count, link_room;        /* STATs on their way */
	uint32_t      extras_due;               /* directories whose extras were asked for */
	bool          over;                     /* the list has ended */
	bool          held;                     /* name is the next one: it did not fit the batch before */
	struct name   name;
};

static void asking_clear(struct asking *a)
{
	for (unsigned i = 0; i < a->count; i++)
		free(a->v[i]);
	free(a->v);
	*a = (struct asking){ 0 };
}

void named_end(struct download *d)
{
	struct naming *n = d->naming;

	if (!n)
		return;
	for (unsigned i = 0; i < BATCHES; i++) {
		if (n->ring[i]) {
			asking_clear(&n->ring[i]->dirs);
			asking_clear(&n->ring[i]->names);
		}
		free(n->ring[i]);
	}
	for (size_t i = n->link_first; i < n->link_count; i++)
		free(n->links[i].path);
	free(n->links);
	free(n->whole);
	dirs_clear(&n->dirs);
	free(n);
	d->naming = NULL;
}

/* What a directory has besides: no listing says it of one that is named. Asked for when it gets its number, so that answers come in the order of numbers. */
static int ask_extras(struct download *d, uint32_t id)
{
	struct naming *n = d->naming;
	struct tree   *t = d->trees[n->source];
	struct want    w = { .kind = WANT_LOOK, .errand = { .source = n->source, .dir = id, .meta.type = 'd' } };
	char           path[WIRE_PATH_MAX + 1];

	if (!d->job->extras || d->job->opt->dry_run || tree_dir(t, id)->flags & (TREE_FAILED | TREE_LEFT_OUT) || tree_path(t, "", id, "", path) < 0)
		return 0;
	w.errand.rest = strdup(path);
	if (!w.errand.rest)
		return -ENOMEM;
	n->extras_due++;
	return want_put(&d->lead, &w);
}

void named_extras(struct download *d, struct errand *e, const struct wire_file *m, struct fail why)
{
	struct tree *t = d->trees[e->source];
	int          r = m ? tree_extras_add(&t->dir_extras, e->dir, m->ext) : 0;

	if (d->naming)
		d->naming->extras_due--;
	if (!m || r < 0) {
		tree_dir(t, e->dir)->flags |= TREE_EXTRAS_LOST;
		fail_remote(d, e, m ? fail_errno(r) : why);
	}
	errand_clear(e);
}

/* The source itself is a directory that is there: it was looked at. */
int named_begin(struct download *d, uint32_t source)
{
	struct wire_str none = { NULL, 0 };

	d->naming = calloc(1, sizeof *d->naming);
	if (!d->naming)
		return -ENOMEM;
	d->naming->source = d->list_source = source;
	int64_t id = tree_add_dir(d->trees[source], 0, none, &d->plan->v[source].meta);
	int     r = id < 0 ? (int)id : dir_take(d, d->trees[source], (uint32_t)id);
	return r == 0 ? ask_extras(d, (uint32_t)id) : r;
}

bool named_waits(const struct download *d)
{
	const struct naming *n = d->naming;

	return n && (n->count || n->extras_due || n->link_first < n->link_count);
}

bool named_whole(const struct download *d, const char *dir)
{
	return dirs_whole(&d->naming->dirs, d->trees[d->naming->source], dir, strlen(dir));
}

bool named_over(const struct download *d)
{
	const struct naming *n = d->naming;

	return !n || (n->over && !named_waits(d) && n->whole_first == n->whole_count);
}

/* A directory that is named: with -r what is in it, too, once nothing else is under way. */
static int named_dir(struct download *d, uint32_t id)
{
	struct naming   *n = d->naming;
	struct tree_dir *dir = tree_dir(d->trees[n->source], id);

	if (!d->job->opt->recurse_typed || (dir->flags & (TREE_WALKED | TREE_FAILED | TREE_LEFT_OUT)))
		return 0;
	if (n->whole_count == n->whole_room) {
		size_t    room = n->whole_room ? n->whole_room * 2 : 16;
		uint32_t *v = realloc(n->whole, room * sizeof *v);
		if (!v)
			return -ENOMEM;
		n->whole = v;
		n->whole_room = room;
	}
	dir->flags |= TREE_WALKED;
	n->whole[n->whole_count++] = id;
	return 0;
}

/* --- asking ---------------------------------------------------------------------------------------------------------- */

/* 1: added, 0: there is no room for it */
static int add(struct asking *a, const struct source *s, const char *path, uint8_t flags)
{
	char whole[WIRE_PATH_MAX + 1];

	if (a->count == WIRE_LOOKS_MAX || strlen(s->path) + 1 + strlen(path) > WIRE_PATH_MAX)
		return 0;
	if (a->count == a->room) {
		unsigned room = a->room ? a->room * 2 : 16;
		char   **v = realloc(a->v, room * sizeof *v);
		if (!v)
			return -ENOMEM;
		a->v = v;
		a->room = room;
	}
	memcpy(whole, path, strlen(path) + 1);
	if (wire_looks_add(a->items, sizeof a->items, &a->used, flags, whole, a->prev) < 0)
		return 0;
	a->v[a->count] = strdup(path);
	if (!a->v[a->count])
		return -ENOMEM;
	a->count++;
	return 1;
}

/* The directories on the way to it. 1: all are known, or asked for. 0: no room */
static int add_dirs(struct naming *n, struct batch *b, const struct source *s, const char *path)
{
	char whole[WIRE_PATH_MAX + 1];
	int  r = 1;

	for (const char *slash = strchr(path, '/'); slash && r > 0; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - path);
		if (dirs_id(&n->dirs, path, len))
			continue;
		memcpy(whole, path, len);
		whole[len] = '\0';
		r = add(&b->dirs, s, whole, 0);
		if (r > 0 && dirs_add(&n->dirs, path, len, dir_asked) < 0)
			r = -ENOMEM;
	}
	return r;
}

static int send_one(struct download *d, struct asking *a, bool follow)
{
	const struct source *s = &d->plan->v[d->naming->source];
	union wire_body      b = { .looks = { .flags = follow ? LOOK_FOLLOW : 0, .count = (uint16_t)a->count, .dir = wire_cstr(s->path), .items = { a->items, a->used } } };

	if (!a->count)
		return 0;
	b.looks.id = a->id = worker_id(&d->job->lead);
	int r = stream_put(&d->job->lead.stream, WIRE_LOOKS, &b, false);
	return r == 0 ? stream_try_flush(&d->job->lead.stream) : r;
}

static int send_batch(struct download *d, struct batch *b)
{
	int r = fetcher_flush(&d->lead);        /* ids of one FETCH follow each other */

	if (r >= 0)
		r = send_one(d, &b->dirs, true);
	if (r >= 0)
		r = send_one(d, &b->names, !d->job->opt->keep_links);
	return r < 0 ? r : 0;
}

/* Names into the batch, until it is full or the list has ended. */
static int fill(struct download *d, struct batch *b)
{
	struct naming       *n = d->naming;
	const struct source *s = &d->plan->v[n->source];
	int                  r = 1;

	while (r > 0 && !n->over) {
		int got = n->held ? 1 : names_next(d->job->names, &n->name);
		n->over = got <= 0;
		if (got < 0)
			names_broken(d->job, got);
		if (got <= 0)
			break;
		n->held = false;
		struct errand e = { .source = n->source, .rest = n->name.path };
		if (!n->name.fail.status && strlen(s->path) + 1 + strlen(n->name.path) > WIRE_PATH_MAX)
			n->name.fail = fail_why(ST_FILE_IO, WHY_TOO_LONG);
		if (n->name.fail.status) {
			if (n->name.fail.why == WHY_TOO_LONG)
				e.rest = NULL;          /* it is not all of it */
			fail_remote(d, &e, n->name.fail);
			continue;
		}
		if (!*n->name.path) {                   /* the source itself: it has been made */
			r = named_dir(d, 1);
			r = r < 0 ? r : 1;
			continue;
		}
		r = add_dirs(n, b, s, n->name.path);
		if (r > 0)
			r = add(&b->names, s, n->name.path, LOOKS_LINK);
		n->held = r == 0;
	}
	return r < 0 ? r : 0;
}

static int begin_batch(struct download *d)
{
	struct naming *n = d->naming;
	unsigned       i = (n->first + n->count) % BATCHES;

	if (!n->ring[i])
		n->ring[i] = calloc(1, sizeof *n->ring[i]);
	struct batch *b = n->ring[i];
	int           r = b ? fill(d, b) : -ENOMEM;
	if (r < 0 || (!b->names.count && !b->dirs.count))
		return r;
	n->count++;
	r = send_batch(d, b);
	return r < 0 ? r : 1;
}

int named_on(struct download *d)
{
	struct naming *n = d->naming;
	char           path[WIRE_PATH_MAX + 1];

	if (!n)
		return 0;
	if (n->whole_first < n->whole_count) {
		if (named_waits(d))
			return 0;
		uint32_t             id = n->whole[n->whole_first++];
		const struct source *s = &d->plan->v[n->source];
		int                  r = tree_path(d->trees[n->source], s->path, id, "", path);
		r = r < 0 ? r : list_below(d, n->source, id, path);
		return r < 0 ? r : 1;
	}
	return n->over || n->count == BATCHES ? 0 : begin_batch(d);
}

/* --- answers --------------------------------------------------------------------------------------------------------- */

static const char *last_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Where it lies; dir_none: nowhere. */
static uint32_t parent_of(const struct naming *n, const char *path)
{
	const char *slash = strrchr(path, '/');
	uint32_t    id = slash ? dirs_id(&n->dirs, path, (size_t)(slash - path)) : 1;

	return id ? id : dir_none;
}

static int new_dir(struct download *d, const char *path, const struct meta *m, uint32_t *id)
{
	struct naming *n = d->naming;
	struct tree   *t = d->trees[n->source];
	uint32_t       up = parent_of(n, path);
	bool           can = m->type == 'd' && tree_dir(t, up) && tree_dir(t, up)->depth < WIRE_DEPTH_MAX;
	int64_t        got = can ? tree_add_dir(t, up, wire_cstr(last_of(path)), m) : dir_none;

	*id = can && got > 0 ? (uint32_t)got : dir_none;
	int r = got < 0 ? (int)got : dirs_add(&n->dirs, path, strlen(path), *id);
	if (r < 0 || !can)
		return r;
	r = dir_take(d, t, *id);
	return r == 0 ? ask_extras(d, *id) : r;
}

static int dir_answer(struct download *d, const char *path, const struct wire_looked_item *i)
{
	static const struct meta none = { .type = 'o' };
	uint32_t                 id;

	/* what is below one that is not there will say so itself */
	return new_dir(d, path, i->what == LOOKED_THERE ? &i->meta : &none, &id);
}

static int take_dir(struct download *d, const char *path, const struct meta *m)
{
	uint32_t id = dirs_id(&d->naming->dirs, path, strlen(path));
	int      r = 0;

	if (!tree_dir(d->trees[d->naming->source], id))
		r = new_dir(d, path, m, &id);
	return r == 0 && id != dir_none ? named_dir(d, id) : r;
}

/* Its target is longer than LOOKED can say, or its owner is wanted. */
static int ask_link(struct download *d, uint32_t dir, const char *path)
{
	struct naming *n = d->naming;
	char           whole[WIRE_PATH_MAX + 1];
	struct errand  e = { .source = n->source, .rest = errand_borrows(path) };

	if (n->link_count == n->link_room) {
		size_t       room = n->link_room ? n->link_room * 2 : 16;
		struct link *v = realloc(n->links, room * sizeof *v);
		if (!v)
			return -ENOMEM;
		n->links = v;
		n->link_room = room;
	}
	int r = fetcher_flush(&d->lead);
	errand_remote(d, &e, whole);            /* it fitted when it was asked for */
	struct link     l = { worker_id(&d->job->lead), dir, strdup(path) };
	union wire_body b = { .look = { .id = l.id, .path = wire_cstr(whole) } };
	if (!l.path)
		return -ENOMEM;
	n->links[n->link_count++] = l;
	if (r == 0)
		r = stream_put(&d->job->lead.stream, WIRE_STAT, &b, false);
	return r == 0 ? stream_try_flush(&d->job->lead.stream) : r;
}

static int make_link(struct download *d, uint32_t dir, const char *path, struct wire_str link, struct wire_str ext)
{
	char target[WIRE_LINK_MAX + 1];

	memcpy(target, link.p, link.len);
	target[link.len] = '\0';
	return link_take(d, d->naming->source, dir, path, target, ext);
}

static int take_link(struct download *d, uint32_t dir, const char *path, struct wire_str link)
{
	struct wire_str none = { NULL, 0 };

	if (link.len && !(d->job->extras & EXTRAS_OWNER))
		return make_link(d, dir, path, link, none);
	int r = ask_link(d, dir, path);
	return r < 0 ? r : 0;
}

static int take_there(struct download *d, const char *path, const struct wire_looked_item *i)
{
	struct naming   *n = d->naming;
	struct errand    e = { .source = n->source, .dir = parent_of(n, path), .rest = errand_borrows(path) };
	struct tree_dir *up = tree_dir(d->trees[n->source], e.dir);

	if (!chosen(d->job, &d->plan->v[n->source], path, &i->meta) || (up && (up->flags & (TREE_FAILED | TREE_LEFT_OUT))))
		return 0;
	if (i->meta.type == 'd')
		return take_dir(d, path, &i->meta);
	if (!up) {
		fail_remote(d, &e, fail_why(ST_CHANGED, WHY_VANISHED));
		return 0;
	}
	if (i->meta.type == 'f')
		names_take(d->job->names, path);
	if (i->meta.type == 'f')
		return file_take(d, n->source, e.dir, path, &i->meta, (struct wire_str){ NULL, 0 });
	if (i->meta.type == 'l')
		return d->job->opt->keep_links ? take_link(d, e.dir, path, i->link) : -EPROTO;
	special_skip(d, &e);
	return 0;
}

static int name_answer(struct download *d, const char *path, const struct wire_looked_item *i)
{
	struct errand e = { .source = d->naming->source, .dir = 1, .rest = errand_borrows(path) };

	if (dirs_walked(&d->naming->dirs, d->trees[d->naming->source], path))
		return 0;
	if (i->what == LOOKED_THERE)
		return take_there(d, path, i);
	fail_remote(d, &e, i->what == LOOKED_FAILED ? i->fail : fail_errno(ENOENT));
	return 0;
}

static int take_all(struct download *d, struct asking *a, const struct wire_looked *m, int (*take)(struct download *, const char *, const struct wire_looked_item *))
{
	struct wire_str         rest = m->items;
	struct wire_looked_item i;
	int                     r = m->count == a->count ? 0 : -EPROTO;

	for (unsigned k = 0; r == 0 && k < a->count; k++)
		r = wire_looked_next(&rest, &i) > 0 ? take(d, a->v[k], &i) : -EPROTO;
	asking_clear(a);
	return r;
}

int named_take(struct download *d, const struct wire_looked *m)
{
	struct naming *n = d->naming;
	struct batch  *b = n && n->count ? n->ring[n->first] : NULL;
	int            r;

	if (b && b->dirs.count && b->dirs.id == m->id)
		r = take_all(d, &b->dirs, m, dir_answer);
	else if (b && !b->dirs.count && b->names.count && b->names.id == m->id)
		r = take_all(d, &b->names, m, name_answer);
	else
		return -EPROTO;
	if (!b->dirs.count && !b->names.count) {
		n->first = (n->first + 1) % BATCHES;
		n->count--;
	}
	return r;
}

bool named_looks(const struct download *d, uint32_t id)
{
	const struct naming *n = d->naming;
	const struct batch  *b = n && n->count ? n->ring[n->first] : NULL;

	return b && (b->dirs.count ? b->dirs.id : b->names.id) == id;
}

bool named_asked(const struct download *d, uint32_t id)
{
	const struct naming *n = d->naming;

	return n && n->link_first < n->link_count && n->links[n->link_first].id == id;
}

int named_attr(struct download *d, const struct record *rec)
{
	struct naming *n = d->naming;
	uint32_t       id = rec->type == WIRE_ATTR ? rec->body.attr.id : rec->body.error.id;

	if (!named_asked(d, id))
		return -EPROTO;
	struct link   l = n->links[n->link_first++];
	struct errand e = { .source = n->source, .dir = l.dir, .rest = l.path };
	int           r = 0;
	if (rec->type == WIRE_ERROR)
		fail_remote(d, &e, rec->body.error.fail);
	else if (rec->body.attr.meta.type != 'l' || !rec->body.attr.link.len)
		fail_remote(d, &e, fail_why(ST_CHANGED, WHY_VANISHED));         /* something else by now */
	else
		r = make_link(d, l.dir, l.path, rec->body.attr.link, rec->body.attr.ext);
	free(l.path);
	return r;
}
