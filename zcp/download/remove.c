/*
 * remove.c - --delete on the way down: what is here and was not listed, removed when everything has been copied.
 *
 * Found    directory by directory as the listing comes: when all names of one have come, those that stand here and are none of them are remembered. Nothing is removed before
 *          the listing has ended, and nothing at all when it had an error, or a source is missing: what could not be seen is not known to be gone.
 * Kept     what --exclude leaves out (but with --delete-excluded), and so directories that hold it; with -x what is mounted, here or there; incomplete files of zcp's own form.
 * Several  sources may have names in one directory: what one of them has stays, whatever the others lack.
 * Whole    a directory that goes is emptied first; every name through the destination's descriptor, links never followed.
 * Memory   the names that go; with several sources 8 to 16 bytes for each name of theirs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/walk.h"
#include "zcp/download/download.h"
#include "zcp/select/chosen.h"

/* --- found ----------------------------------------------------------------------------------------------------------- */

/* Does a rule leave it out? Then its presence in the source says nothing: it stays, or goes with --delete-excluded. */
static bool excluded(const struct download *d, uint32_t source, const char *rest, bool dir)
{
	return !chosen_name(d->job, &d->plan->v[source], rest, dir);
}

static int note(struct download *d, uint32_t dir, const char *name, const struct stat *st)
{
	struct tree *t = d->trees[d->list_source];
	char         rest[WIRE_PATH_MAX + 1];
	bool         there = listing_has(&d->rules, name);

	if (tree_path(t, "", dir, name, rest) < 0)
		return 0;
	bool out = excluded(d, d->list_source, rest, S_ISDIR(st->st_mode));
	if (out ? !d->job->opt->remove_excluded : there)
		return 0;
	return gone_add(&d->gone, d->list_source, rest, meta_from_stat(st).type);
}

static int scan(struct download *d, int fd, uint32_t id)
{
	struct stat    st, own;
	struct dirent *e;
	int            r = fstat(fd, &own) < 0 ? -errno : 0;
	DIR           *dir = r == 0 ? fdopendir(fd) : NULL;

	if (!dir) {
		close(fd);
		return r < 0 ? r : -ENOMEM;
	}
	while (r == 0 && (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || path_is_aside(e->d_name))
			continue;
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || (d->job->opt->one_fs && st.st_dev != own.st_dev))
			continue;
		r = note(d, id, e->d_name, &st);
	}
	closedir(dir);
	return r;
}

int remove_over(void *arg, struct listing *l, uint32_t id)
{
	struct download *d = arg;
	struct tree_dir *dir = tree_dir(l->tree, id);
	char             path[WIRE_PATH_MAX + 1];
	const char      *last = ".";

	if (!(dir->flags & TREE_EXISTED) || (dir->flags & (TREE_FAILED | TREE_LEFT_OUT | TREE_UNREAD)) || tree_path(l->tree, d->plan->v[d->list_source].as, id, "", path) < 0)
		return 0;
	int at = *path ? path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, &last) : d->dst->base;
	int fd = at < 0 ? at : path_one(at, last, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0)
		return scan(d, fd, id);
	fail_below(d, path, fail_errno(fd));
	return 0;
}

/* --- removed --------------------------------------------------------------------------------------------------------- */

static void removed(struct download *d, const char *path, uint8_t type)
{
	report_removed(&d->job->report);
	local_tell(d, EVENT_REMOVE, path, &(struct meta){ .type = type }, NULL);
}

static void remove_one(struct download *d, const char *path, uint8_t type)
{
	const char *last;
	int         dir = d->job->opt->dry_run ? 0 : path_cache_parent(&d->cache, d->dst->base, path, PATH_WRITE, &last);
	int         r = d->job->opt->dry_run ? 0 : dir < 0 ? dir : unlinkat(dir, last, type == 'd' ? AT_REMOVEDIR : 0) < 0 ? -errno : 0;

	if (r < 0 && r != -ENOENT)
		fail_below(d, path, fail_errno(r));
	else if (r == 0)
		removed(d, path, type);
	if (type == 'd' && !d->job->opt->dry_run)
		path_cache_drop(&d->cache);
}

/* What is in a directory that goes: files at once, directories deepest first; what a rule protects keeps those above it. */
struct emptying { struct download *d; const struct gone_name *g; const char *as; uint64_t dev; struct tree tree; };

static void keep_above(struct tree *t, uint32_t id)
{
	for (struct tree_dir *dir = tree_dir(t, id); dir && !(dir->flags & TREE_LEFT_OUT); dir = tree_dir(t, dir->parent))
		dir->flags |= TREE_LEFT_OUT;
}

static int empty_entry(struct emptying *x, const struct walk_entry *e)
{
	struct wire_str none = { NULL, 0 };
	const char     *rest = e->path + strlen(x->as);
	bool            dir = !e->fail.status && e->meta.type == 'd';

	rest += *x->as && *rest == '/';
	if (e->fail.status) {
		keep_above(&x->tree, e->parent);
		fail_below(x->d, e->path, e->fail);
		return 0;
	}
	x->dev = e->parent ? x->dev : e->dev;
	bool mounted = x->d->job->opt->one_fs && e->dev != x->dev;
	bool kept = mounted || (e->parent && excluded(x->d, x->g->source, rest, dir) && !x->d->job->opt->remove_excluded);
	if (kept)
		keep_above(&x->tree, e->parent);
	if (dir) {
		int64_t id = tree_add_dir(&x->tree, e->parent, e->parent ? wire_cstr(e->name) : none, &e->meta);
		if (id > 0 && kept)
			tree_dir(&x->tree, (uint32_t)id)->flags |= TREE_LEFT_OUT | TREE_FAILED;
		return id < 0 ? (int)id : kept;
	}
	if (!kept)
		remove_one(x->d, e->path, e->meta.type);
	return 0;
}

static int empty_dir(struct emptying *x, const char *path)
{
	struct walk_options o = { .base = x->d->dst->base, .beneath = true, .recurse = true, .one_fs = x->d->job->opt->one_fs };
	struct walk        *walk;
	struct walk_entry   e;
	char                whole[WIRE_PATH_MAX + 1];
	int                 r = walk_open(&walk, &o, path);

	if (r < 0)
		return r;
	while (!job_stopped(x->d->job) && (r = walk_next(walk, &e)) > 0) {
		r = empty_entry(x, &e);
		if (r > 0)
			walk_leave_out(walk);
		if (r < 0)
			break;
	}
	walk_close(walk);
	for (uint32_t id = r < 0 || job_stopped(x->d->job) ? 0 : x->tree.count; id > 0; id--)
		if (!(tree_dir(&x->tree, id)->flags & TREE_LEFT_OUT) && tree_path(&x->tree, path, id, "", whole) == 0)
			remove_one(x->d, whole, 'd');
	return r < 0 ? r : 0;
}

int remove_not(struct download *d, const struct errand *e)
{
	char path[WIRE_PATH_MAX + 1];
	bool counts = d->job->opt->remove && d->plan->count > 1 && errand_local(d, e, path) == 0;
	int  r = counts ? name_set_add(&d->provided, path, strlen(path)) : 0;

	return r < 0 ? r : 0;
}

/* Of several sources: another one has it, or it has had its turn. */
static bool is_provided(struct download *d, const char *path)
{
	return d->plan->count > 1 && name_set_add(&d->provided, path, strlen(path)) != 1;
}

static void remove_name(struct download *d, const struct gone_name *g)
{
	struct emptying x = { .d = d, .g = g, .as = d->plan->v[g->source].as };
	struct errand   e = { .source = g->source, .rest = g->rest };
	char            path[WIRE_PATH_MAX + 1];
	struct stat     there;

	if (errand_local(d, &e, path) < 0 || is_provided(d, path) || !local_look(d, path, &there, NULL))
		return;
	if (!S_ISDIR(there.st_mode)) {
		remove_one(d, path, meta_from_stat(&there).type);
		return;
	}
	tree_init(&x.tree);
	int r = empty_dir(&x, path);
	if (r < 0)
		fail_below(d, path, fail_errno(r));
	tree_clear(&x.tree);
}

void download_remove(struct download *d)
{
	if (!d->job->opt->remove || job_stopped(d->job) || d->job->report.ended)
		return;
	if (d->list_failed || d->plan->incomplete) {
		log_warn("--delete: nothing was removed: %s (see above)", d->list_failed ? "not all that is there could be listed" : "a source is missing");
		return;
	}
	for (uint32_t i = 0; i < d->plan->count; i++) {
		struct errand e = { .source = i, .rest = errand_borrows("") };
		if (remove_not(d, &e) < 0) {
			job_broken(d->job, -ENOMEM);
			return;
		}
	}
	for (size_t i = 0; i < d->gone.count && !job_stopped(d->job); i++)
		remove_name(d, &d->gone.v[i]);
}
