/*
 * named.c - an upload of what a list names (--files-from): each name looked at here, its directories made before it, in whatever order they come.
 *
 * Directories on the way to a name are made as they are here; one that is a link is made as the directory it leads to. A directory that is named is made; what is in it is
 * copied only where -r was typed (as rsync does: a list from find(1) names everything itself).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "zcp/select/dirs.h"
#include "zcp/select/names.h"
#include "zcp/upload/grow.h"

struct naming { struct growing *g; int base; };

/* The directory `path` (of this length), and those above it. *id 0: it cannot be had, and that has been said. */
static int have_dir(struct naming *n, const char *path, size_t len, uint32_t *id)
{
	char        whole[WIRE_PATH_MAX + 1];
	struct stat st;
	uint32_t    up = 1;
	int         r = 0;

	*id = len ? dirs_id(&n->g->named, path, len) : 1;
	if (*id)
		return 0;
	memcpy(whole, path, len);
	whole[len] = '\0';
	char *slash = strrchr(whole, '/');
	if (slash)
		r = have_dir(n, path, (size_t)(slash - whole), &up);
	if (r < 0 || !up)
		return r;
	if (fstatat(n->base, whole, &st, 0) < 0 || !S_ISDIR(st.st_mode)) {
		grow_fail(n->g, whole, fail_errno(S_ISDIR(st.st_mode) ? errno : ENOTDIR));
		return 0;
	}
	struct meta m = meta_from_stat(&st);
	bool        failed = upload_dir_failed(n->g->u, n->g->source, up);
	r = grow_dir(n->g, up, slash ? slash + 1 : whole, whole, &m, failed ? TREE_FAILED : 0, id);
	return r < 0 ? r : dirs_add(&n->g->named, whole, len, *id);
}

static int take_dir(struct naming *n, const char *path)
{
	struct growing *g = n->g;
	uint32_t        id;
	int             r = have_dir(n, path, strlen(path), &id);

	if (r < 0 || !id || !g->u->job->opt->recurse_typed || (tree_dir(g->tree, id)->flags & (TREE_FAILED | TREE_WALKED)))
		return r;
	tree_dir(g->tree, id)->flags |= TREE_WALKED;
	g->root = id;
	g->from = g->tree->count - 1;
	r = tree_walk(g, n->base, path);
	g->root = g->from = 0;
	return r;
}

static int read_target(int base, const char *path, char out[static WIRE_LINK_MAX + 1])
{
	ssize_t n = readlinkat(base, path, out, WIRE_LINK_MAX + 1);

	if (n < 0 || n > WIRE_LINK_MAX)
		return n < 0 ? -errno : -ENAMETOOLONG;
	out[n] = '\0';
	return 0;
}

static int take_name(struct naming *n, const char *path)
{
	struct growing   *g = n->g;
	const char       *slash = strrchr(path, '/');
	char              target[WIRE_LINK_MAX + 1];
	struct walk_entry e = { .path = path, .name = slash ? slash + 1 : path, .link = target };
	struct stat       st;

	if (!*path)
		return take_dir(n, path);
	if (fstatat(n->base, path, &st, g->u->job->opt->keep_links ? AT_SYMLINK_NOFOLLOW : 0) < 0) {
		grow_fail(g, path, fail_errno(errno));
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return take_dir(n, path);
	int r = have_dir(n, path, slash ? (size_t)(slash - path) : 0, &e.parent);
	if (r < 0 || !e.parent)
		return r;
	e.meta = meta_from_stat(&st);
	e.dev = st.st_dev;
	e.ino = st.st_ino;
	e.links = st.st_nlink;
	if (e.meta.type == 'l')
		r = read_target(n->base, path, target);
	if (r == 0 && e.meta.type == 'f')
		names_take(g->u->job->names, path);
	if (r == 0)
		return grow_take(g, &e);
	grow_fail(g, path, fail_errno(r));
	return 0;
}

int named_upload(struct growing *g, int base)
{
	struct naming n = { .g = g, .base = base };
	struct name   name;
	uint32_t      root;

	int r = grow_dir(g, 0, "", "", &g->s->meta, 0, &root), got = 0;

	while (r == 0 && !job_stopped(g->u->job) && (got = names_next(g->u->job->names, &name)) > 0) {
		if (name.fail.status)
			(name.fail.why == WHY_TOO_LONG ? source_fail_cut : source_fail)(g->u, g->source, name.path, name.fail);
		else if (!dirs_walked(&g->named, g->tree, name.path))
			r = take_name(&n, name.path);
	}
	dirs_clear(&g->named);
	if (got < 0)
		names_broken(g->u->job, got);
	return r;
}
