/* listing.c - see listing.h */
#include "zcp/listing.h"

#include <errno.h>
#include <string.h>
#include "common/path.h"

void listing_init(struct listing *l, struct tree *tree)
{
	*l = (struct listing){ .tree = tree, .root = 1 };
}

void listing_below(struct listing *l, struct tree *tree, uint32_t root)
{
	listing_init(l, tree);
	l->root = root;
	l->from = tree->count - 1;
	l->given = true;
	tree_dir(tree, root)->flags &= (uint16_t)~TREE_RUN_OVER;
}

/* A directory of this listing, as the tree has it; 0: it has named none such. */
static uint32_t known(const struct listing *l, uint32_t id)
{
	if (id == 1)
		return l->begun ? l->root : 0;
	return id && id <= l->tree->count - l->from ? l->from + id : 0;
}

void listing_clear(struct listing *l)
{
	name_set_clear(&l->seen);
	*l = (struct listing){ 0 };
}

static int broken(struct listing *l, const char *rule)
{
	l->broken = rule;
	return -EPROTO;
}

static int name_is_new(struct listing *l, struct wire_str name)
{
	int r = name_set_add(&l->seen, name.p, name.len);

	return r < 0 ? r : r ? 0 : broken(l, "it names something twice");
}

bool listing_has(const struct listing *l, const char *name)
{
	return name_set_has(&l->seen, name, strlen(name));
}

int listing_ended(struct listing *l)
{
	int r = l->over && l->run ? l->over(l->arg, l, l->run) : 0;

	if (l->run)
		tree_dir(l->tree, l->run)->flags |= TREE_RUN_OVER;
	l->run = 0;
	name_set_empty(&l->seen);
	if (l->over && l->begun && r == 0 && !(tree_dir(l->tree, l->root)->flags & TREE_RUN_OVER))
		r = l->over(l->arg, l, l->root);
	for (uint32_t id = l->from + 2; l->over && r == 0 && id <= l->tree->count; id++)
		if (!(tree_dir(l->tree, id)->flags & TREE_RUN_OVER))
			r = l->over(l->arg, l, id);
	return r;
}

/* Another directory's entries begin: the one before is over for good. */
static int begin_run(struct listing *l, uint32_t parent)
{
	struct tree_dir *d = tree_dir(l->tree, parent), *was = tree_dir(l->tree, l->run);
	int              r = l->over && was ? l->over(l->arg, l, l->run) : 0;

	if (r < 0)
		return r;

	if (was)
		was->flags |= TREE_RUN_OVER;
	if (d->flags & TREE_RUN_OVER)
		return broken(l, "a directory's entries come in pieces");
	l->run = parent;
	name_set_empty(&l->seen);
	return 0;
}

static int take_root(struct listing *l, const struct wire_entry *e, uint32_t *dir)
{
	struct wire_str none = { NULL, 0 };

	if (l->begun)
		return broken(l, "it has two roots");
	if (e->parent || e->name.len || e->what != ENTRY_OK || e->meta.type != 'd')
		return broken(l, "it does not begin with its directory");
	int64_t id = l->given ? l->root : tree_add_dir(l->tree, 0, none, &e->meta);
	*dir = id < 0 ? 0 : (uint32_t)id;
	l->begun = id > 0;
	return id < 0 ? (int)id : 0;
}

static int take_dir(struct listing *l, const struct wire_entry *e, uint32_t parent, uint32_t *dir)
{
	if (tree_dir(l->tree, parent)->depth >= WIRE_DEPTH_MAX)
		return broken(l, "more than 1,000 directories below each other");
	int64_t id = tree_add_dir(l->tree, parent, e->name, &e->meta);
	*dir = id < 0 ? 0 : (uint32_t)id;
	if (id > 0 && e->unread)
		tree_dir(l->tree, *dir)->flags |= TREE_UNREAD;
	return id < 0 ? (int)id : 0;
}

int listing_take(struct listing *l, const struct wire_entry *e, uint32_t *dir, uint32_t *parent, char name[static WIRE_NAME_MAX + 1])
{
	*dir = 0;
	*parent = known(l, e->parent);
	name[0] = '\0';
	/* a failure may speak of a directory that was named before, or of the root itself: it makes nothing */
	if (e->what != ENTRY_OK && (e->parent == 0 || *parent)) {
		if (e->name.len && path_component_check(e->name, name) < 0)
			return broken(l, "it has a name that is none");
		return 0;
	}
	if (e->parent == 0)
		return take_root(l, e, dir);
	if (path_component_check(e->name, name) < 0)
		return broken(l, "it has a name that is none");
	if (!*parent)
		return broken(l, "it names something below a directory it has not named");
	int r = *parent == l->run ? 0 : begin_run(l, *parent);
	if (r == 0)
		r = name_is_new(l, e->name);
	if (r == 0 && e->meta.type == 'd')
		r = take_dir(l, e, *parent, dir);
	return r;
}
