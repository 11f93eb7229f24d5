/* hashed.c - see hashed.h */
#include "zcp/select/hashed.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 256 };

uint64_t hashed_of(const struct hashed *t, const void *what, size_t len)
{
	uint8_t  h[crypto_shorthash_BYTES];
	uint64_t v;

	crypto_shorthash(h, what, len, t->key);
	memcpy(&v, h, sizeof v);
	return v;
}

static struct hashed_slot *from(const struct hashed *t, size_t i, uint64_t hash)
{
	for (i &= t->room - 1; t->v[i].value && t->v[i].hash != hash;)
		i = (i + 1) & (t->room - 1);
	return &t->v[i];
}

struct hashed_slot *hashed_first(const struct hashed *t, uint64_t hash)
{
	return from(t, (size_t)hash, hash);
}

struct hashed_slot *hashed_next(const struct hashed *t, const struct hashed_slot *s)
{
	return from(t, (size_t)(s - t->v) + 1, s->hash);
}

/* Where it is free, also behind others of its hash. */
static struct hashed_slot *free_slot(const struct hashed *t, uint64_t hash)
{
	struct hashed_slot *s = hashed_first(t, hash);

	while (s->value)
		s = hashed_next(t, s);
	return s;
}

int hashed_room(struct hashed *t)
{
	struct hashed more = { .room = t->room ? t->room * 2 : LEAST, .count = t->count };

	if (2 * (t->count + 1) <= t->room)
		return 0;
	memcpy(more.key, t->key, sizeof more.key);
	if (!t->room)
		randombytes_buf(more.key, sizeof more.key);
	more.v = calloc(more.room, sizeof *more.v);
	if (!more.v)
		return -ENOMEM;
	for (size_t i = 0; i < t->room; i++)
		if (t->v[i].value)
			*free_slot(&more, t->v[i].hash) = t->v[i];
	free(t->v);
	*t = more;
	return 0;
}

void hashed_clear(struct hashed *t)
{
	free(t->v);
	*t = (struct hashed){ 0 };
}
