/* tree.c - a directory of this machine, walked: its entries are told as a host's listing tells them, and taken by the same hands. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/walk.h"
#include "zcp/local/own.h"

/* The walk knows who owns it. What else a directory has takes a descriptor. -1 and *f: that cannot be told. */
static int extras_of(struct local *l, const struct walk_entry *e, struct wire_str *ext, struct fail *f)
{
	struct stat  st = { .st_mode = e->meta.type == 'd' ? S_IFDIR : 0, .st_uid = e->uid, .st_gid = e->gid }, now;
	bool         open = e->meta.type == 'd' && l->d.job->extras & (EXTRAS_XATTRS | EXTRAS_ACLS);
	int          flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC | (l->d.job->opt->keep_links ? O_NOFOLLOW : 0);
	CLEAN_FD int fd = open ? openat(l->base, *e->path ? e->path : ".", flags) : -1;

	if (open && fd < 0) {
		*f = fail_errno(errno);
		return -1;
	}
	if (open && (fstat(fd, &now) < 0 || now.st_dev != e->dev || now.st_ino != e->ino)) {
		*f = fail_why(ST_CHANGED, WHY_VANISHED);
		return -1;
	}
	return local_extras(l, fd, &st, ext, f);
}

/* Which file it is, where it has more names than one: behind what else there is of it, which is no more than an owner. */
static void add_links(struct local *l, const struct walk_entry *e, struct wire_str *ext)
{
	size_t used = ext->len;

	if (!l->d.job->opt->hard_links || e->meta.type != 'f' || e->links < 2)
		return;
	wire_links_add(l->ext, WIRE_EXT_MAX, &used, &(struct hard_links){ e->dev, e->ino, e->links < UINT32_MAX ? (uint32_t)e->links : UINT32_MAX });
	*ext = (struct wire_str){ l->ext, used };
}

static int take(struct local *l, const struct walk_entry *e)
{
	struct wire_entry w = {
		.what = e->fail.status ? ENTRY_FAILED : ENTRY_OK, .unread = e->mounted, .parent = e->parent, .meta = e->meta, .fail = e->fail,
		.name = wire_cstr(e->parent ? e->name : ""), .link = wire_cstr(e->link ? e->link : ""),
	};
	struct fail f;
	int         untold = e->fail.status ? 0 : extras_of(l, e, &w.ext, &f);

	if (!e->fail.status)
		add_links(l, e, &w.ext);
	int r = entry_take(&l->d, &w);
	if (r < 0 || !untold)
		return r;
	/* it is a directory all the same: that its extras cannot be told is a failure of its own */
	w = (struct wire_entry){ .what = ENTRY_FAILED, .parent = w.parent, .meta.type = 'o', .name = w.name, .fail = f };
	return entry_take(&l->d, &w);
}

/* What is in it is not copied: it need not be read. */
static bool is_left_out(const struct local *l, const struct walk_entry *e)
{
	struct tree     *t = l->d.trees[l->d.list_source];
	struct tree_dir *dir = e->id ? tree_dir(t, e->id) : NULL;

	return dir && dir->flags & (TREE_LEFT_OUT | TREE_FAILED);
}

static int walk_on(struct local *l, struct walk *walk)
{
	struct download  *d = &l->d;
	struct walk_entry e;
	int               r;

	while ((r = job_stopped(d->job) ? -EINTR : walk_next(walk, &e)) > 0) {
		r = take(l, &e);
		if (r == 0 && is_left_out(l, &e))
			walk_leave_out(walk);
		progress_totals(&d->job->progress, d->known_files, d->known_bytes, false);
		if (r == 0 && queue_full(&d->queue))
			r = local_drain(l);
		if (r < 0)
			break;
	}
	return r < 0 ? r : listing_ended(&d->rules);
}

static void fail_root(struct local *l, struct fail f)
{
	char                rest[WIRE_PATH_MAX + 1];
	const struct errand root = errand_of(&l->d, l->d.list_source, 1, "", rest);

	fail_remote(&l->d, &root, f);
}

static int open_base(const struct source *s, struct fail *f)
{
	struct stat  st;
	CLEAN_FD int fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0) {
		*f = fail_errno(errno);
		return -1;
	}
	if (st.st_dev == s->identity.dev && st.st_ino == s->identity.ino)
		return keep_fd(&fd);
	*f = fail_why(ST_CHANGED, WHY_VANISHED);        /* another one has that name by now */
	return -1;
}

static bool is(const struct identity *i, uint64_t dev, uint64_t ino)
{
	return i->ino && i->dev == dev && i->ino == ino;
}

/* Asked for with every entry: looked up once. */
static void find_copy(struct local *l)
{
	const struct source *s = &l->d.plan->v[l->d.list_source];

	if (!l->to.ino)
		destination_root(l->d.dst, &l->to);
	if (!l->made.ino)
		destination_target(l->d.dst, s->as, &l->made);
}

/* What is copied into, in the source: by way of a link or a mount, since plan.c has refused a source that it lies in. Or what is made of the source. */
static bool hide(void *arg, uint64_t dev, uint64_t ino)
{
	struct local *l = arg;

	find_copy(l);
	if (!is(&l->to, dev, ino) && !is(&l->made, dev, ino))
		return false;
	if (!l->met)
		log_warn("%s: it is found in a source, by way of a link or a mount, and left out there", l->d.dst->shown);
	l->met = true;
	return true;
}

/* ... or a link leads there: what is made would be found in it again, without end. What lies beside it is as any other directory. */
static bool hide_through(void *arg, int fd)
{
	struct local *l = arg;
	struct stat   st;

	if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	find_copy(l);
	return is(&l->to, st.st_dev, st.st_ino) || (l->made.ino && destination_in(fd, &l->made));
}

int local_tree(void *arg, uint32_t i)
{
	struct local         *l = arg;
	struct download      *d = &l->d;
	const struct options *o = d->job->opt;
	struct walk          *walk = NULL;
	struct fail           f;

	d->list_source = i;
	l->made.ino = 0;
	listing_clear(&d->rules);
	listing_init(&d->rules, d->trees[i]);
	l->base = open_base(&d->plan->v[i], &f);
	if (l->base < 0) {
		fail_root(l, f);
		return 0;
	}
	struct walk_options how = { .base = l->base, .follow = !o->keep_links, .recurse = true, .one_fs = o->one_fs, .hide = hide, .hide_through = hide_through, .hide_arg = l };
	int                 r = walk_open(&walk, &how, "");
	if (r < 0)
		fail_root(l, fail_errno(r));
	r = r < 0 ? 0 : walk_on(l, walk);
	walk_close(walk);
	if (r == 0)
		r = local_drain(l);             /* while its base is open */
	close_fd(&l->base);
	return r;
}
