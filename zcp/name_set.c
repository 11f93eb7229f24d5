/* name_set.c - see name_set.h */
#include "zcp/name_set.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 256, SMALL = 1024 };

static uint64_t hash_of(const struct name_set *s, const void *name, size_t len)
{
	uint8_t  bytes[crypto_shorthash_BYTES];
	uint64_t hash;

	crypto_shorthash(bytes, name, len, s->key);
	memcpy(&hash, bytes, sizeof hash);
	return hash ? hash : 1;
}

/* Where it is, or would be. */
static uint64_t *place_of(uint64_t *v, size_t room, uint64_t hash)
{
	size_t i = hash & (room - 1);

	while (v[i] && v[i] != hash)
		i = (i + 1) & (room - 1);
	return &v[i];
}

static int grow(struct name_set *s)
{
	size_t    room = s->room ? s->room * 2 : LEAST;
	uint64_t *more = calloc(room, sizeof *more);

	if (!more)
		return -ENOMEM;
	for (size_t i = 0; i < s->room; i++)
		if (s->v[i])
			*place_of(more, room, s->v[i]) = s->v[i];
	free(s->v);
	s->v = more;
	s->room = room;
	return 0;
}

int name_set_add(struct name_set *s, const void *name, size_t len)
{
	int r = s->count * 4 >= s->room * 3 ? grow(s) : 0;

	if (r < 0)
		return r;
	if (!s->keyed)
		randombytes_buf(s->key, sizeof s->key);         /* a peer must not be able to choose names that collide */
	s->keyed = true;
	uint64_t  hash = hash_of(s, name, len);
	uint64_t *at = place_of(s->v, s->room, hash);
	if (*at)
		return 0;
	*at = hash;
	s->count++;
	return 1;
}

bool name_set_has(const struct name_set *s, const void *name, size_t len)
{
	return s->count && *place_of(s->v, s->room, hash_of(s, name, len));
}

/* Clearing a large table for each small directory would cost more than the names. */
void name_set_empty(struct name_set *s)
{
	if (s->room > SMALL) {
		free(s->v);
		s->v = NULL;
		s->room = 0;
	} else if (s->v) {
		memset(s->v, 0, s->room * sizeof *s->v);
	}
	s->count = 0;
}

void name_set_clear(struct name_set *s)
{
	free(s->v);
	*s = (struct name_set){ 0 };
}
