/* wire_looks.c - LOOKS, HASH, REMOVE, LINK and HOLE, their answers, and the items of LOOKS and LOOKED: see wire.c */
#include <errno.h>
#include <stdlib.h>
#include "common/suite.h"
#include "common/wire_own.h"

enum { LOOKED_HEAD = 6, LOOKED_LEAST = 1 + 25 + 2, FRAME = 4 + 1 + SUITE_TAG_MAX };

/* All items are checked here, so that no handler meets a broken one half-way through its answer. */
static bool good_looks(const struct wire_looks *l)
{
	struct wire_str rest = l->items;
	uint8_t         flags;
	char            name[WIRE_PATH_MAX + 1] = "";
	unsigned        seen = 0;
	int             got;

	while ((got = wire_looks_next(&rest, &flags, name)) > 0)
		seen++;
	return got == 0 && seen == l->count && seen > 0 && seen <= WIRE_LOOKS_MAX;
}

void put_looks(struct writer *w, const union wire_body *b)
{
	put(w, b->looks.id, 4);
	put(w, b->looks.flags, 1);
	put(w, b->looks.count, 2);
	put_str(w, b->looks.dir, WIRE_PATH_MAX);
	put_bytes(w, b->looks.items);
	w->bad |= !good_looks(&b->looks);
}

void get_looks(struct reader *r, union wire_body *b)
{
	b->looks.id = (uint32_t)get(r, 4);
	b->looks.flags = (uint8_t)get(r, 1);
	b->looks.count = (uint16_t)get(r, 2);
	b->looks.dir = get_str(r, WIRE_PATH_MAX);
	b->looks.items = get_rest(r);
	r->bad |= r->bad || !good_looks(&b->looks);
}

static bool good_looked(const struct wire_looked *l)
{
	struct wire_str         rest = l->items;
	struct wire_looked_item item;
	unsigned                seen = 0;
	int                     got;

	while ((got = wire_looked_next(&rest, &item)) > 0)
		seen++;
	return got == 0 && seen == l->count;
}

void put_looked(struct writer *w, const union wire_body *b)
{
	put(w, b->looked.id, 4);
	put(w, b->looked.count, 2);
	put_bytes(w, b->looked.items);
}

void get_looked(struct reader *r, union wire_body *b)
{
	b->looked.id = (uint32_t)get(r, 4);
	b->looked.count = (uint16_t)get(r, 2);
	b->looked.items = get_rest(r);
	r->bad |= r->bad || !good_looked(&b->looked);
}

static void get_fixed(struct reader *r, uint8_t *out, size_t n)
{
	struct wire_str s = get_bytes(r, n);

	if (s.p)
		memcpy(out, s.p, n);
}

void put_hash(struct writer *w, const union wire_body *b)
{
	put(w, b->hash.id, 4);
	put(w, b->hash.flags, 1);
	put(w, b->hash.offset, 8);
	put(w, b->hash.length, 8);
	put_bytes(w, (struct wire_str){ b->hash.key, WIRE_KEY_BYTES });
	put_str(w, b->hash.path, WIRE_PATH_MAX);
	put_no_ext(w);
}

void get_hash(struct reader *r, union wire_body *b)
{
	b->hash.id = (uint32_t)get(r, 4);
	b->hash.flags = (uint8_t)get(r, 1);
	b->hash.offset = get(r, 8);
	b->hash.length = get(r, 8);
	get_fixed(r, b->hash.key, WIRE_KEY_BYTES);
	b->hash.path = get_str(r, WIRE_PATH_MAX);
	get_ext(r);
	r->bad |= b->hash.length > INT64_MAX || b->hash.offset > INT64_MAX - b->hash.length;
}

void put_digest(struct writer *w, const union wire_body *b)
{
	put(w, b->digest.id, 4);
	put_meta(w, &b->digest.meta);
	put_identity(w, &b->digest.identity);
	put(w, b->digest.length, 8);
	put_bytes(w, (struct wire_str){ b->digest.digest, WIRE_DIGEST_BYTES });
}

void get_digest(struct reader *r, union wire_body *b)
{
	b->digest.id = (uint32_t)get(r, 4);
	b->digest.meta = get_meta(r);
	b->digest.identity = get_identity(r);
	b->digest.length = get(r, 8);
	get_fixed(r, b->digest.digest, WIRE_DIGEST_BYTES);
}

void put_remove(struct writer *w, const union wire_body *b)
{
	put(w, b->remove.id, 4);
	put(w, b->remove.directory, 1);
	put_str(w, b->remove.path, WIRE_PATH_MAX);
	put_no_ext(w);
}

void get_remove(struct reader *r, union wire_body *b)
{
	b->remove.id = (uint32_t)get(r, 4);
	b->remove.directory = (uint8_t)get(r, 1);
	b->remove.path = get_str(r, WIRE_PATH_MAX);
	get_ext(r);
	r->bad |= b->remove.directory > 1;
}

void put_link(struct writer *w, const union wire_body *b)
{
	put(w, b->link.id, 4);
	put_str(w, b->link.path, WIRE_PATH_MAX);
	put_str(w, b->link.to, WIRE_PATH_MAX);
	put_no_ext(w);
}

void get_link(struct reader *r, union wire_body *b)
{
	b->link.id = (uint32_t)get(r, 4);
	b->link.path = get_str(r, WIRE_PATH_MAX);
	b->link.to = get_str(r, WIRE_PATH_MAX);
	get_ext(r);
}

void put_hole(struct writer *w, const union wire_body *b)
{
	put(w, b->hole.id, 4);
	put(w, b->hole.offset, 8);
	put(w, b->hole.length, 8);
}

void get_hole(struct reader *r, union wire_body *b)
{
	b->hole.id = (uint32_t)get(r, 4);
	b->hole.offset = get(r, 8);
	b->hole.length = get(r, 8);
	r->bad |= b->hole.length == 0 || b->hole.length > INT64_MAX || b->hole.offset > INT64_MAX - b->hole.length;
}

/* --- items ----------------------------------------------------------------------------------------------------------- */

static int took(struct wire_str *items, const struct reader *r)
{
	if (r->bad)
		return -EBADMSG;
	items->len = (size_t)(r->end - r->p);
	items->p = r->p;
	return 1;
}

static int added(size_t *used, const struct writer *w, const uint8_t *p)
{
	if (w->bad)
		return -EMSGSIZE;
	*used = (size_t)(w->p - p);
	return 0;
}

/* Names are in the order of a walk or a list: mostly they begin as the one before. */
int wire_looks_next(struct wire_str *items, uint8_t *flags, char name[static WIRE_PATH_MAX + 1])
{
	struct reader r = { items->p, items->p + items->len, false };

	if (!items->len)
		return 0;
	*flags = (uint8_t)get(&r, 1);
	size_t          shared = get(&r, 2);
	struct wire_str rest = get_str(&r, WIRE_PATH_MAX);
	if (r.bad || shared > strlen(name) || shared + rest.len > WIRE_PATH_MAX || shared + rest.len == 0)
		return -EBADMSG;
	if (rest.len)
		memcpy(name + shared, rest.p, rest.len);
	name[shared + rest.len] = '\0';
	return took(items, &r);
}

int wire_looks_add(uint8_t *p, size_t max, size_t *used, uint8_t flags, const char *name, char prev[static WIRE_PATH_MAX + 1])
{
	struct writer w = { p + *used, p + max, false };
	size_t        n = strlen(name), shared = 0;

	if (n > WIRE_PATH_MAX || n == 0)
		return -EMSGSIZE;
	while (shared < n && name[shared] == prev[shared])
		shared++;
	put(&w, flags, 1);
	put(&w, shared, 2);
	put_str(&w, wire_cstr(name + shared), WIRE_PATH_MAX);
	int r = added(used, &w, p);
	if (r == 0)
		memcpy(prev, name, n + 1);
	return r;
}

int wire_looked_next(struct wire_str *items, struct wire_looked_item *i)
{
	struct reader r = { items->p, items->p + items->len, false };

	if (!items->len)
		return 0;
	*i = (struct wire_looked_item){ .what = (uint8_t)get(&r, 1) };
	r.bad |= i->what > LOOKED_COARSE;
	if (i->what == LOOKED_COARSE) {
		i->what = LOOKED_THERE;
		i->coarse = true;
	}
	if (i->what == LOOKED_THERE) {
		i->meta = get_meta(&r);
		i->link = get_str(&r, WIRE_TARGET_MAX);
	} else if (i->what == LOOKED_FAILED) {
		i->fail = get_fail(&r);
		r.bad |= i->fail.status == ST_OK;
	}
	return took(items, &r);
}

int wire_looked_add(uint8_t *p, size_t max, size_t *used, const struct wire_looked_item *i)
{
	struct writer w = { p + *used, p + max, false };

	put(&w, i->what == LOOKED_THERE && i->coarse ? LOOKED_COARSE : i->what, 1);
	if (i->what == LOOKED_THERE) {
		put_meta(&w, &i->meta);
		put_str(&w, i->link, WIRE_TARGET_MAX);
	} else if (i->what == LOOKED_FAILED) {
		put_fail(&w, i->fail);
	}
	return added(used, &w, p);
}

uint32_t wire_looks_cost(size_t names, size_t links)
{
	return (uint32_t)(FRAME + LOOKED_HEAD + names * LOOKED_LEAST + links * WIRE_TARGET_MAX);
}
