/* dirs.c - see dirs.h */
#include "zcp/select/dirs.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static struct dir_place *place(const struct dirs *t, uint64_t hash)
{
	size_t i = (size_t)hash & (t->room - 1);

	while (t->v[i].id && t->v[i].hash != hash)
		i = (i + 1) & (t->room - 1);
	return &t->v[i];
}

static uint64_t hash_of(const struct dirs *t, const char *path, size_t len)
{
	uint8_t  h[crypto_shorthash_BYTES];
	uint64_t v;

	crypto_shorthash(h, (const unsigned char *)path, len, t->key);
	memcpy(&v, h, sizeof v);
	return v;
}

static int grow(struct dirs *t)
{
	struct dirs more = { .room = t->room ? t->room * 2 : 256, .count = t->count };

	memcpy(more.key, t->key, sizeof more.key);
	if (!t->room)
		randombytes_buf(more.key, sizeof more.key);
	more.v = calloc(more.room, sizeof *more.v);
	if (!more.v)
		return -ENOMEM;
	for (size_t i = 0; i < t->room; i++)
		if (t->v[i].id)
			*place(&more, t->v[i].hash) = t->v[i];
	free(t->v);
	*t = more;
	return 0;
}

uint32_t dirs_id(const struct dirs *t, const char *path, size_t len)
{
	return t->room ? place(t, hash_of(t, path, len))->id : 0;
}

int dirs_add(struct dirs *t, const char *path, size_t len, uint32_t id)
{
	int r = 2 * (t->count + 1) > t->room ? grow(t) : 0;

	if (r < 0)
		return r;
	uint64_t          hash = hash_of(t, path, len);
	struct dir_place *p = place(t, hash);
	t->count += !p->id;
	*p = (struct dir_place){ hash, id };
	return 0;
}

bool dirs_whole(const struct dirs *t, struct tree *tree, const char *path, size_t len)
{
	struct tree_dir *d = tree_dir(tree, len ? dirs_id(t, path, len) : 1);

	return d && (d->flags & TREE_WALKED);
}

bool dirs_walked(const struct dirs *t, struct tree *tree, const char *path)
{
	for (size_t len = 0;;) {
		const char *next = strchr(path + len + (len > 0), '/');
		if (dirs_whole(t, tree, path, len))
			return true;
		if (!next)
			return false;
		len = (size_t)(next - path);
	}
}

void dirs_clear(struct dirs *t)
{
	free(t->v);
	*t = (struct dirs){ 0 };
}
