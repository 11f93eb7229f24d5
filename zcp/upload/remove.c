/*
 * remove.c - --delete on the way up: what stands at the host and not here, removed when everything has been sent.
 *
 * Found    by listing what is at the host, source by source; each name is looked for here. Nothing is removed before the listing has ended, and nothing at all when it had an error, or the walk here had:
 *          what could not be seen is not known to be gone.
 * Kept     what --exclude leaves out (but with --delete-excluded), and so directories that hold it.
 * Order    files as they were listed, then directories, deepest first: REMOVE takes one name, or one directory that is empty.
 * Memory   the directories at the host, and the names that go.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "common/log.h"
#include "zcp/remote.h"
#include "zcp/select/chosen.h"
#include "zcp/select/gone.h"
#include "zcp/upload/uploader.h"

struct there {
	struct uploader *x;
	struct upload   *u;
	uint32_t         source;
	int              base;
	struct remote_tree list;
	struct gone      gone;          /* files, links and the like */
};

static void keep_above(struct tree *t, uint32_t id)
{
	for (struct tree_dir *d = tree_dir(t, id); d && (d->flags & TREE_GONE); d = tree_dir(t, d->parent))
		d->flags &= (uint8_t)~TREE_GONE;
}

static bool is_here(const struct there *t, const char *rest)
{
	struct stat st;

	/* what cannot be looked at may be here */
	return fstatat(t->base, rest, &st, t->u->job->opt->keep_links ? AT_SYMLINK_NOFOLLOW : 0) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* One that could not be read ends it: the listing is not whole. */
static int take(struct remote_tree *l, const struct wire_entry *e, uint32_t id, uint32_t parent, const char *name)
{
	struct there        *t = l->arg;
	const struct source *s = &t->u->plan->v[t->source];
	char                 rest[WIRE_PATH_MAX + 1];

	struct tree_dir *up = tree_dir(&l->tree, parent);
	bool             fits = up && tree_path(&l->tree, "", parent, name, rest) == 0;

	if (e->what != ENTRY_OK)
		return fits && ((up->flags & TREE_LEFT_OUT) || !chosen_name(t->u->job, s, rest, true)) ? 0 : -ECANCELED;
	if (!up)
		return 0;
	if ((up->flags & TREE_LEFT_OUT) || !fits) {
		if (id)
			tree_dir(&t->list.tree, id)->flags |= TREE_LEFT_OUT;
		return 0;
	}
	bool out = !chosen_name(t->u->job, s, rest, e->meta.type == 'd');
	if (out && !t->u->job->opt->remove_excluded) {
		keep_above(&t->list.tree, parent);
		if (id)
			tree_dir(&t->list.tree, id)->flags |= TREE_LEFT_OUT;
		return 0;
	}
	if (!(up->flags & TREE_GONE) && !out && is_here(t, rest))
		return 0;
	if (id) {
		tree_dir(&t->list.tree, id)->flags |= TREE_GONE;
		return 0;
	}
	return gone_add(&t->gone, t->source, rest);
}

static int remove_one(struct there *t, const char *rest, uint8_t type)
{
	struct errand   e = { .source = t->source, .rest = (char *)(uintptr_t)rest, .meta.type = type };
	char            path[WIRE_PATH_MAX + 1];
	union wire_body b = { .remove = { .directory = type == 'd' } };

	if (errand_path(t->u, &e, path) < 0)
		return 0;
	if (t->u->job->opt->dry_run) {
		upload_removed(t->u, path, type);
		return 0;
	}
	b.remove.path = wire_cstr(path);
	b.remove.id = worker_id(t->x->w);
	struct due d = { .id = b.remove.id, .kind = DUE_REMOVE, .flags = type, .path = path, .errand.source = t->source };
	return request_put(t->x, WIRE_REMOVE, &b, d);
}

static int remove_all(struct there *t)
{
	char path[WIRE_PATH_MAX + 1];
	int  r = 0;

	for (size_t i = 0; r == 0 && i < t->gone.count && !job_stopped(t->u->job); i++)
		r = remove_one(t, t->gone.v[i].rest, 'f');
	for (uint32_t id = t->list.tree.count; r == 0 && id > 1 && !job_stopped(t->u->job); id--)
		if ((tree_dir(&t->list.tree, id)->flags & TREE_GONE) && tree_path(&t->list.tree, "", id, "", path) == 0)
			r = remove_one(t, path, 'd');
	return r;
}

static void unlisted(struct upload *u, uint32_t source, struct fail f)
{
	if (f.why != WHY_GIVEN_UP)
		upload_fail_gone(u, u->plan->v[source].as, f);
	log_warn("--delete: nothing was removed: not all that is there could be listed");
}

static int remove_of(struct uploader *x, uint32_t source)
{
	struct there t = { .x = x, .u = x->u, .source = source, .list = { .flags = LOOK_RECURSE | (x->u->job->opt->one_fs ? LOOK_ONE_FS : 0), .each = take } };
	struct fail  f;
	int          r = 0;

	t.list.arg = &t;
	t.base = base_get(x->u, source, &f);
	if (t.base < 0)
		return 0;                       /* gone by now: then nothing is known */
	remote_tree_init(&t.list);
	r = remote_list(x->u->job, x->u->plan->v[source].as, &t.list, &f);
	if (r == 0 && !f.status)
		r = remove_all(&t);
	else if (r == 0)
		unlisted(x->u, source, f);
	remote_tree_clear(&t.list);
	gone_clear(&t.gone);
	base_put(x->u, source);
	return r;
}

void upload_removed(struct upload *u, const char *path, uint8_t type)
{
	struct event e = { .what = EVENT_REMOVE, .type = type, .path = path };

	report_removed(&u->job->report);
	event_tell(u->job, &e);
}

int upload_remove(struct uploader *x)
{
	struct upload *u = x->u;
	int            r = 0;

	if (!u->job->opt->remove || u->plan->fresh || u->job->report.ended)
		return 0;
	if (u->walk_failed) {
		log_warn("--delete: nothing was removed: not all that is here could be read (see above)");
		return 0;
	}
	for (size_t i = 0; r == 0 && i < u->plan->count && !job_stopped(u->job); i++)
		if (u->plan->v[i].meta.type == 'd' && chosen_name(u->job, &u->plan->v[i], "", true)) {
			r = remove_of(x, (uint32_t)i);
			r = r == 0 ? answers_rest(x) : r;       /* a listing has the stream to itself */
		}
	return r;
}
