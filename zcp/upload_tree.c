/* upload_tree.c - a directory of this machine, walked, and made anew on the host */
#include "zcp/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcp/confine.h"

struct tree_walk {
	struct upload *u;
	struct source *s;
	struct tree   *tree;
	uint32_t       source;
	int            base;
};

static void fail_here(struct tree_walk *t, const char *path, struct fail f)
{
	char whole[2 * WIRE_PATH_MAX];

	snprintf(whole, sizeof whole, "%s%s%s", t->s->path, *path ? "/" : "", path);
	report_fail(&t->u->job->report, NULL, whole, f);
	progress_file(&t->u->job->progress, 0);
}

int request_put(struct upload *u, unsigned type, const union wire_body *b, struct due d)
{
	d.cost = wire_row(type)->reply_max;
	int r = answers_room(u, d.cost);
	if (r == 0)
		r = stream_put(&u->job->lead.stream, type, b, true);
	if (r < 0)
		return r;
	d.path = strdup(d.path);
	return d.path ? due_add(u, &d) : -ENOMEM;
}

static int look_at_dir(struct tree_walk *t, uint32_t id, char *path, enum due_kind kind)
{
	union wire_body b = { .look = { .id = worker_id(&t->u->job->lead), .path = wire_cstr(path) } };
	struct due      d = { .id = b.look.id, .source = t->source, .own = id, .kind = (uint8_t)kind, .path = path };

	return request_put(t->u, WIRE_STAT, &b, d);
}

/* A directory whose owner may not write into it cannot be filled: the host makes it 0700 more, and only a new one gets its own mode at the end. */
static int make_dir(struct tree_walk *t, uint32_t id, char *path, const struct meta *m)
{
	struct tree_dir *dir = tree_dir(t->tree, id);
	bool             look = !t->u->job->opt->keep_meta && (m->mode & 0700) != 0700;
	union wire_body  b = { .open = { .meta = *m, .path = wire_cstr(path) } };
	struct due       d = { .source = t->source, .dir = dir->parent, .own = id, .kind = DUE_DIR, .path = path };
	int              r = look ? look_at_dir(t, id, path, DUE_LOOK_BEFORE) : 0;

	b.open.id = d.id = worker_id(&t->u->job->lead);
	if (r == 0)
		r = request_put(t->u, WIRE_MKDIR, &b, d);
	return r == 0 && look ? look_at_dir(t, id, path, DUE_LOOK_AFTER) : r;
}

static int take_dir(struct tree_walk *t, const struct walk_entry *e, bool failed)
{
	struct wire_str none = { NULL, 0 };
	char            path[WIRE_PATH_MAX + 1];
	int64_t         id = tree_add_dir(t->tree, e->parent, e->parent ? wire_cstr(e->name) : none, &e->meta);

	if (id < 0)
		return (int)id;
	int r = tree_path(t->tree, t->s->as, (uint32_t)id, "", path);
	if (failed || r < 0) {
		tree_dir(t->tree, (uint32_t)id)->flags |= TREE_FAILED;
		if (!failed)
			fail_here(t, e->path, fail_why(ST_FILE_IO, WHY_TOO_LONG));
		return 0;
	}
	return *path ? make_dir(t, (uint32_t)id, path, &e->meta) : 0;
}

static int take_file(struct tree_walk *t, const struct walk_entry *e)
{
	char        path[WIRE_PATH_MAX + 1];
	struct stat st;
	int         flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (t->u->job->opt->keep_links ? O_NOFOLLOW : 0);

	if (tree_path(t->tree, t->s->as, e->parent, e->name, path) < 0) {
		fail_here(t, e->path, fail_why(ST_FILE_IO, WHY_TOO_LONG));
		return 0;
	}
	CLEAN_FD int fd = openat(t->base, e->path, flags);
	if (fd < 0 || fstat(fd, &st) < 0) {
		fail_here(t, e->path, errno == ENOENT ? fail_why(ST_CHANGED, WHY_VANISHED) : fail_errno(errno));
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		fail_here(t, e->path, fail_why(ST_PARTIAL, WHY_NOT_REGULAR));
		return 0;
	}
	return send_file(t->u, t->source, e->parent, keep_fd(&fd), &st, path);
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

int tree_upload(struct upload *u, uint32_t source)
{
	struct tree_walk  t = { .u = u, .s = &u->plan->v[source], .source = source };
	struct walk      *walk = NULL;
	struct walk_entry e;
	int               r;

	CLEAN_FD int base = open(t.s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0) {
		fail_here(&t, "", errno == EACCES && confine_replaced(t.s) ? fail_why(ST_CHANGED, WHY_VANISHED) : fail_errno(errno));
		return 0;
	}
	t.base = base;
	t.tree = u->trees[source] = malloc(sizeof *t.tree);
	if (!t.tree)
		return -ENOMEM;
	tree_init(t.tree);
	struct walk_options o = { .base = base, .follow = !u->job->opt->keep_links, .recurse = true };
	r = walk_open(&walk, &o, "");
	if (r < 0) {
		fail_here(&t, "", fail_errno(r));
		return 0;
	}
	while (!job_stopped(u->job) && (r = walk_next(walk, &e)) > 0) {
		r = take_entry(&t, &e);
		if (r < 0)
			break;
	}
	walk_close(walk);
	return r;
}

/* --- the end -------------------------------------------------------------------------------------------------------- */

static int put_link(struct upload *u, uint32_t source, uint32_t dir, char *path, const char *target)
{
	union wire_body b = { .symlink = { .id = worker_id(&u->job->lead), .meta = { .type = 'l', .mode = 0777 }, .path = wire_cstr(path),
	                                   .target = wire_cstr(target) } };
	struct due      d = { .id = b.symlink.id, .source = source, .dir = dir, .kind = DUE_LINK, .path = path };

	return request_put(u, WIRE_SYMLINK, &b, d);
}

static int links_of(struct upload *u, uint32_t i)
{
	struct source *s = &u->plan->v[i];
	struct tree   *t = u->trees[i];
	char           path[WIRE_PATH_MAX + 1];
	int            r = s->meta.type == 'l' && s->link ? put_link(u, i, 0, s->as, s->link) : 0;

	for (uint32_t k = 0; r == 0 && t && k < t->link_count; k++) {
		struct tree_link l = tree_link(t, k);
		if (upload_dir_failed(u, i, l.parent))
			continue;
		if (tree_path(t, s->as, l.parent, l.name, path) < 0)
			upload_fail(u, l.name, fail_why(ST_FILE_IO, WHY_TOO_LONG));
		else
			r = put_link(u, i, l.parent, path, l.target);
	}
	return r;
}

static int put_meta(struct upload *u, uint32_t source, uint32_t id, char *path)
{
	struct tree_dir *dir = tree_dir(u->trees[source], id);
	uint8_t          flags = STORE_KEEP_MODE | (u->job->opt->keep_meta ? STORE_KEEP_TIMES : 0);
	union wire_body  b = { .open = { .id = worker_id(&u->job->lead), .flags = flags, .meta = tree_dir_meta(dir), .path = wire_cstr(path) } };
	struct due       d = { .id = b.open.id, .source = source, .dir = dir->parent, .kind = DUE_META, .path = path };

	return request_put(u, WIRE_SETMETA, &b, d);
}

static int dirs_of(struct upload *u, uint32_t i)
{
	struct tree *t = u->trees[i];
	char         path[WIRE_PATH_MAX + 1];
	int          r = 0;

	for (uint32_t id = t ? t->count : 0; r == 0 && id > 0; id--) {
		struct tree_dir *dir = tree_dir(t, id);
		if ((dir->flags & TREE_FAILED) || (!u->job->opt->keep_meta && !(dir->flags & TREE_MODE_DUE)))
			continue;
		if (tree_path(t, u->plan->v[i].as, id, "", path) == 0 && *path)
			r = put_meta(u, i, id, path);
	}
	return r;
}

int answers_rest(struct upload *u)
{
	int r = 0;

	while (r == 0 && u->count && !job_stopped(u->job))
		r = answer_wait(u);
	return r;
}

int tree_upload_finish(struct upload *u)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->plan->count; i++)
		r = links_of(u, (uint32_t)i);
	if (r == 0)
		r = answers_rest(u);            /* a link made in a directory changes its time */
	for (size_t i = u->plan->count; r == 0 && i > 0; i--)
		r = dirs_of(u, (uint32_t)i - 1);
	return r == 0 ? answers_rest(u) : r;
}
