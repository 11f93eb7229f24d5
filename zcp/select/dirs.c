/* dirs.c - see dirs.h */
#include "zcp/select/dirs.h"

#include <string.h>

uint32_t dirs_id(const struct dirs *t, const char *path, size_t len)
{
	return t->of.room ? (uint32_t)hashed_first(&t->of, hashed_of(&t->of, path, len))->value : 0;
}

int dirs_add(struct dirs *t, const char *path, size_t len, uint32_t id)
{
	int r = hashed_room(&t->of);

	if (r < 0)
		return r;
	uint64_t     hash = hashed_of(&t->of, path, len);
	struct hashed_slot *s = hashed_first(&t->of, hash);
	t->of.count += !s->value;
	*s = (struct hashed_slot){ hash, id };
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
	hashed_clear(&t->of);
}
