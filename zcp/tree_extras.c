/* tree_extras.c - what a tree's directories and links have besides; see tree.h */
#include "zcp/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void tree_extras_clear(struct tree_extras *x)
{
	free(x->v);
	free(x->bytes);
	*x = (struct tree_extras){ 0 };
}

static int make_room(struct tree_extras *x, size_t len)
{
	uint32_t room = x->room ? 2 * x->room : 16;
	size_t   bytes = x->bytes_room ? x->bytes_room : 4096;

	if (len > TREE_EXTRAS_MOST - x->used)
		return -ENOMEM;
	if (!x->v || x->count == x->room) {
		struct tree_extra *v = room > x->room ? realloc(x->v, room * sizeof *v) : NULL;
		if (!v)
			return -ENOMEM;
		x->v = v;
		x->room = room;
	}
	while (bytes < x->used + len)
		bytes *= 2;
	if (bytes > x->bytes_room) {
		uint8_t *p = realloc(x->bytes, bytes);
		if (!p)
			return -ENOMEM;
		x->bytes = p;
		x->bytes_room = bytes;
	}
	return 0;
}

int tree_extras_add(struct tree_extras *x, uint32_t of, struct wire_str ext)
{
	const struct tree_extra *last = x->count ? &x->v[x->count - 1] : NULL;
	bool                     same = last && last->len == ext.len && memcmp(x->bytes + last->at, ext.p, ext.len) == 0;

	if (!ext.len)
		return 0;
	uint32_t at = same ? last->at : (uint32_t)x->used;
	int      r = make_room(x, same ? 0 : ext.len);
	if (r < 0)
		return r;
	if (!same) {
		memcpy(x->bytes + at, ext.p, ext.len);
		x->used += ext.len;
	}
	x->v[x->count++] = (struct tree_extra){ .of = of, .at = at, .len = (uint32_t)ext.len };
	return 0;
}

struct wire_str tree_extras_of(const struct tree_extras *x, uint32_t of)
{
	size_t low = 0, high = x->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (x->v[mid].of < of)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == x->count || x->v[low].of != of)
		return (struct wire_str){ NULL, 0 };
	return (struct wire_str){ x->bytes + x->v[low].at, x->v[low].len };
}
