/*
 * remove.c - --delete on the way up: what stands at the host and in no source, removed when everything has been sent.
 *
 * Here     is what the walks have found, by the names that it has at the host, whichever source it came from: nothing is looked for a second time, when a mount may have gone away.
 * Found    by listing what is at the host. Nothing is removed before all listings have ended, and nothing at all when one had an error, a walk here had, or a source is missing:
 *          what could not be seen is not known to be gone.
 * Kept     what --exclude leaves out (but with --delete-excluded), and so directories that hold it; a directory that stands where a source has something else; with -x what is
 *          mounted, here or there: nobody has looked into it.
 * Order    files as they were listed, then directories, deepest first: REMOVE takes one name, or one directory that is empty.
 * Memory   8 to 16 bytes for each name here; the directories at the host, and the names that go.
 */
#include <errno.h>
#include <stdlib.h>
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
	struct remote_tree list;
	struct gone      gone;          /* files, links and the like */
};

/* --- what is here ---------------------------------------------------------------------------------------------------- */

/* A directory's name has a '/' behind it: what else has its name says nothing about what is in it. */
int upload_provides(struct upload *u, uint32_t source, const char *rest, bool dir)
{
	char        path[2 * WIRE_PATH_MAX + 4];
	const char *as = u->plan->v[source].as;
	int         n = snprintf(path, sizeof path, "%s%s%s%s", as, *as && *rest ? "/" : "", rest, dir ? "/" : "");
	int         r = name_set_add(&u->here, path, (size_t)n);

	return r < 0 ? r : 0;
}

enum here { HERE_NOTHING, HERE_DIR, HERE_OTHER };

static enum here is_here(const struct upload *u, char path[static WIRE_PATH_MAX + 2])
{
	size_t n = strlen(path);

	if (name_set_has(&u->here, path, n))
		return HERE_OTHER;
	path[n] = '/';
	bool dir = name_set_has(&u->here, path, n + 1);
	path[n] = '\0';
	return dir ? HERE_DIR : HERE_NOTHING;
}

/* --- what is there --------------------------------------------------------------------------------------------------- */

static void keep_above(struct tree *t, uint32_t id)
{
	for (struct tree_dir *d = tree_dir(t, id); d && (d->flags & TREE_GONE); d = tree_dir(t, d->parent))
		d->flags &= (uint16_t)~TREE_GONE;
}

static int leave(struct there *t, uint32_t id)
{
	if (id)
		tree_dir(&t->list.tree, id)->flags |= TREE_LEFT_OUT;
	return 0;
}

/* One that could not be read ends it: the listing is not whole. */
static int take(struct remote_tree *l, const struct wire_entry *e, uint32_t id, uint32_t parent, const char *name)
{
	struct there        *t = l->arg;
	const struct source *s = &t->u->plan->v[t->source];
	struct tree_dir     *up = tree_dir(&l->tree, parent);
	char                 rest[WIRE_PATH_MAX + 1], path[WIRE_PATH_MAX + 2];
	bool                 fits = up && tree_path(&l->tree, s->as, parent, name, path) == 0 && tree_path(&l->tree, "", parent, name, rest) == 0;

	if (e->what != ENTRY_OK)
		return fits && ((up->flags & TREE_LEFT_OUT) || !chosen_name(t->u->job, s, rest, true)) ? 0 : -ECANCELED;
	if (!up)
		return 0;
	if ((up->flags & TREE_LEFT_OUT) || !fits)
		return leave(t, id);
	bool out = !chosen_name(t->u->job, s, rest, e->meta.type == 'd');
	if (e->unread || (out && !t->u->job->opt->remove_excluded)) {
		keep_above(&t->list.tree, parent);
		return leave(t, id);
	}
	enum here here = (up->flags & TREE_GONE) || out ? HERE_NOTHING : is_here(t->u, path);
	if (here != HERE_NOTHING)
		return id && here == HERE_OTHER ? leave(t, id) : 0;
	if (!id)
		return gone_add(&t->gone, t->source, rest, e->meta.type);
	tree_dir(&t->list.tree, id)->flags |= TREE_GONE;
	return 0;
}

/* --- removed --------------------------------------------------------------------------------------------------------- */

static int remove_one(struct there *t, const char *rest, uint8_t type)
{
	struct errand   e = { .source = t->source, .rest = errand_borrows(rest), .meta.type = type };
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
		r = remove_one(t, t->gone.v[i].rest, t->gone.v[i].type);
	for (uint32_t id = t->list.tree.count; r == 0 && id > 1 && !job_stopped(t->u->job); id--)
		if ((tree_dir(&t->list.tree, id)->flags & TREE_GONE) && tree_path(&t->list.tree, "", id, "", path) == 0)
			r = remove_one(t, path, 'd');
	return r;
}

void upload_removed(struct upload *u, const char *path, uint8_t type)
{
	struct event e = { .what = EVENT_REMOVE, .type = type, .path = path };

	report_removed(&u->job->report);
	event_tell(u->job, &e);
}

/* Its names are listed with another source's: what two of them have at the host lies in one directory, or the one's in the other's. */
static bool with_another(const struct plan *p, uint32_t source)
{
	const char *as = p->v[source].as;

	for (uint32_t i = 0; i < p->count; i++) {
		size_t n = strlen(p->v[i].as);
		bool   above = strncmp(as, p->v[i].as, n) == 0 && (n == 0 || as[n] == '/');
		if (i != source && p->v[i].meta.type == 'd' && ((above && as[n]) || (i < source && strcmp(as, p->v[i].as) == 0)))
			return true;
	}
	return false;
}

/* 1: all of it is known. 0: not; that has been said. -n has made no directories: one that is missing has nothing to remove. */
static int list_one(struct there *t)
{
	struct fail f;
	int         r = remote_list(t->u->job, t->u->plan->v[t->source].as, &t->list, &f);

	if (r < 0)
		return r;
	if (!f.status || (t->u->job->opt->dry_run && f.why == WHY_ERRNO && f.err == ENOENT))
		return 1;
	if (f.why != WHY_GIVEN_UP)
		upload_fail_gone(t->u, t->u->plan->v[t->source].as, f);
	log_warn("--delete: nothing was removed: not all that is there could be listed");
	return 0;
}

static bool wanted(const struct upload *u, uint32_t source)
{
	const struct source *s = &u->plan->v[source];

	return s->meta.type == 'd' && chosen_name(u->job, s, "", true) && !with_another(u->plan, source);
}

static int list_all(struct uploader *x, struct there *v, size_t *count)
{
	int r = 1;

	for (uint32_t i = 0; r > 0 && i < x->u->plan->count && !job_stopped(x->u->job); i++) {
		if (!wanted(x->u, i))
			continue;
		struct there *t = &v[(*count)++];
		*t = (struct there){ .x = x, .u = x->u, .source = i, .list = { .flags = LOOK_RECURSE | (x->u->job->opt->one_fs ? LOOK_ONE_FS : 0), .each = take } };
		t->list.arg = t;
		remote_tree_init(&t->list);
		r = list_one(t);
	}
	return r;
}

static int remove_listed(struct uploader *x)
{
	size_t        count = 0;
	struct there *v = calloc(x->u->plan->count + 1, sizeof *v);
	int           r = v ? list_all(x, v, &count) : -ENOMEM;

	for (size_t i = 0; r > 0 && i < count && !job_stopped(x->u->job); i++) {
		int e = remove_all(&v[i]);
		r = e < 0 ? e : r;
	}
	for (size_t i = 0; i < count; i++) {
		remote_tree_clear(&v[i].list);
		gone_clear(&v[i].gone);
	}
	free(v);
	return r < 0 ? r : answers_rest(x);
}

int upload_remove(struct uploader *x)
{
	struct upload *u = x->u;
	int            r = 0;

	if (!u->job->opt->remove || u->plan->fresh || u->job->report.ended)
		return 0;
	if (u->walk_failed || u->plan->incomplete) {
		log_warn("--delete: nothing was removed: %s (see above)", u->walk_failed ? "not all that is here could be read" : "a source is missing");
		return 0;
	}
	for (uint32_t i = 0; r == 0 && i < u->plan->count; i++)
		if (u->plan->v[i].meta.type != 'd')
			r = upload_provides(u, i, "", false);
	return r == 0 ? remove_listed(x) : r;
}
