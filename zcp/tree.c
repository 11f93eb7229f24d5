/* tree.c - see tree.h */
#include "zcp/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zcp/select/inodes.h"

void tree_init(struct tree *t)
{
	memset(t, 0, sizeof *t);
}

void tree_clear(struct tree *t)
{
	free(t->dirs);
	free(t->text);
	free(t->links);
	tree_extras_clear(&t->dir_extras);
	tree_extras_clear(&t->link_extras);
	tree_init(t);
}

/* Room for one more of `size` bytes. */
static int grow(void **v, uint32_t count, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : 16;

	if (count < *room)
		return 0;
	if (more < *room)
		return -ENOMEM;
	void *p = realloc(*v, more * size);
	if (!p)
		return -ENOMEM;
	*v = p;
	*room = more;
	return 0;
}

/* Where the terminated copy stands, or -ENOMEM. */
static int64_t keep_text(struct tree *t, struct wire_str s)
{
	size_t need = t->text_len + s.len + 1, at = t->text_len;

	if (need > UINT32_MAX)
		return -ENOMEM;
	if (need > t->text_room) {
		size_t room = t->text_room ? t->text_room : 1024;
		while (room < need)
			room *= 2;
		char *p = realloc(t->text, room);
		if (!p)
			return -ENOMEM;
		t->text = p;
		t->text_room = room;
	}
	if (s.len)
		memcpy(t->text + at, s.p, s.len);
	t->text[at + s.len] = '\0';
	t->text_len = need;
	return (int64_t)at;
}

int64_t tree_add_dir(struct tree *t, uint32_t parent, struct wire_str name, const struct meta *m)
{
	void   *dirs = t->dirs;
	int     r = grow(&dirs, t->count, &t->room, sizeof *t->dirs);
	int64_t at;

	t->dirs = dirs;
	at = r < 0 ? r : keep_text(t, name);
	if (at < 0)
		return at;
	t->dirs[t->count++] = (struct tree_dir){
		.parent = parent, .name = (uint32_t)at, .name_len = (uint16_t)name.len, .mode = m->mode, .mtime = m->mtime, .mtime_ns = m->mtime_ns,
		.depth = parent ? (uint16_t)(t->dirs[parent - 1].depth + 1) : 1,
	};
	return t->count;
}

static int add_link(struct tree *t, uint32_t parent, struct wire_str name, struct wire_str target, struct first *first)
{
	void   *links = t->links;
	int     r = grow(&links, t->link_count, &t->link_room, sizeof *t->links);
	int64_t a, b;

	t->links = links;
	a = r < 0 ? r : keep_text(t, name);
	b = a < 0 ? a : keep_text(t, target);
	if (b < 0)
		return (int)b;
	t->links[t->link_count].first = first;
	t->links[t->link_count].parent = parent;
	t->links[t->link_count].name = (uint32_t)a;
	t->links[t->link_count++].target = (uint32_t)b;
	return 0;
}

int tree_add_link(struct tree *t, uint32_t parent, struct wire_str name, struct wire_str target)
{
	return add_link(t, parent, name, target, NULL);
}

int tree_add_hard_link(struct tree *t, uint32_t parent, struct wire_str name, struct first *first)
{
	return add_link(t, parent, name, (struct wire_str){ NULL, 0 }, first);
}

struct tree_link tree_link(const struct tree *t, uint32_t i)
{
	struct first *first = t->links[i].first;

	return (struct tree_link){ t->links[i].parent, t->text + t->links[i].name, first ? first->name : t->text + t->links[i].target, first };
}

struct tree_dir *tree_dir(struct tree *t, uint32_t id)
{
	return id && id <= t->count ? &t->dirs[id - 1] : NULL;
}

struct meta tree_dir_meta(const struct tree_dir *d)
{
	return (struct meta){ .type = 'd', .mode = d->mode, .mtime = d->mtime, .mtime_ns = d->mtime_ns };
}

/* The directory's path into t->path; files come in runs of one directory, so the last one is kept. */
static int find_path(struct tree *t, uint32_t id)
{
	size_t len = 0, at;

	if (t->path_of == id)
		return 0;
	for (const struct tree_dir *d = tree_dir(t, id); d && d->parent; d = tree_dir(t, d->parent))
		len += d->name_len + (d->parent != 1);
	if (len > WIRE_PATH_MAX)
		return -ENAMETOOLONG;
	at = len;
	for (const struct tree_dir *d = tree_dir(t, id); d && d->parent; d = tree_dir(t, d->parent)) {
		at -= d->name_len;
		memcpy(t->path + at, t->text + d->name, d->name_len);
		if (at)
			t->path[--at] = '/';
	}
	t->path[len] = '\0';
	t->path_len = len;
	t->path_of = id;
	return 0;
}

static int join(char *out, size_t *at, const char *s, size_t n)
{
	if (!n)
		return 0;
	if (*at + (*at > 0) + n > WIRE_PATH_MAX)
		return -ENAMETOOLONG;
	if (*at)
		out[(*at)++] = '/';
	memcpy(out + *at, s, n);
	*at += n;
	return 0;
}

int tree_path(struct tree *t, const char *prefix, uint32_t dir, const char *name, char out[static WIRE_PATH_MAX + 1])
{
	size_t at = 0;
	int    r = find_path(t, dir);

	if (r == 0)
		r = join(out, &at, prefix, strlen(prefix));
	if (r == 0)
		r = join(out, &at, t->path, t->path_len);
	if (r == 0)
		r = join(out, &at, name, strlen(name));
	out[at] = '\0';
	return r;
}
