/* upload_tree.c - a directory of this machine, walked, and made anew on the host */
#include "zcp/upload/grow.h"

#include <errno.h>
#include <stdlib.h>
#include "common/walk.h"

enum { ALONE_MOST = 16, LOOK_EVERY = 16 };

/* --- files ---------------------------------------------------------------------------------------------------------- */

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
	if (!queue_waiting(&x->u->queue, NULL)) {
		r = looking_idle(x);
		if (r < 0)
			return r;
	}
	r = stream_try_flush(&x->w->stream);
	return r < 0 ? r : answers_take(x);
}

/* Others cannot keep up, or there is nobody else: then it sends, too. */
static int keep_up(struct uploader *x)
{
	struct upload *u = x->u;
	int            r = look_up(x);

	while (r >= 0 && (x->hand_at < x->hand_count || queue_waiting(&u->queue, NULL) >= waiting_most(u))) {
		r = uploader_step(x);
		if (r == 0)
			return -EINTR;          /* stopped */
	}
	return r < 0 ? r : 0;
}

int upload_put(struct uploader *x, struct looked *k)
{
	int r;

	if (x->u->looking)
		r = looking_add(x, k);
	else
		r = looked_act(x, k);           /* nothing is there: what = LOOKED_MISSING */
	errand_clear(&k->errand);
	return r < 0 ? r : keep_up(x);
}

/* --- the walk ------------------------------------------------------------------------------------------------------- */

static int next_entry(struct uploader *x, struct walk *walk, struct walk_entry *e)
{
	struct stages     *s = &x->w->stream.stages;
	struct stages_mark m = stages_begin(s);
	int                r = walk_next(walk, e);

	stages_end(s, STAGE_DISK, &m);
	return r;
}

int tree_walk(struct growing *g, int base, const char *below)
{
	const struct options *o = g->u->job->opt;
	struct walk_options   how = { .base = base, .follow = !o->keep_links, .recurse = true, .one_fs = o->one_fs };
	struct walk          *walk = NULL;
	struct walk_entry     e;
	int                   r = walk_open(&walk, &how, below);

	if (r < 0) {
		g->u->walk_failed = true;
		grow_fail(g, below, fail_errno(r));
		return 0;
	}
	while (!job_stopped(g->u->job) && (r = next_entry(g->x, walk, &e)) > 0) {
		r = grow_take(g, &e);
		if (r > 0)
			walk_leave_out(walk);
		if (r < 0)
			break;
	}
	walk_close(walk);
	return r < 0 ? r : 0;
}

int tree_upload(struct uploader *x, uint32_t source)
{
	struct growing g;
	struct fail    f;
	int            base = base_get(x->u, source, &f);

	if (base < 0) {
		x->u->walk_failed = true;
		source_fail(x->u, source, "", f);
		return 0;
	}
	int r = grow_begin(&g, x, source);
	if (r == 0)
		r = x->u->job->names ? named_upload(&g, base) : tree_walk(&g, base, "");
	grow_end(&g);
	base_put(x->u, source);
	return r;
}
