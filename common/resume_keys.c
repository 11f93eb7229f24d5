/* resume_keys.c - streams' keys that a journal's entries refer to. See resume_own.h */
#include "common/resume_own.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_AT_FIRST = 16 };

uint64_t resume_key_id(const struct resume *r, const struct resume_key *k)
{
	uint8_t  in[1 + sizeof k->key], out[crypto_shorthash_BYTES];
	uint64_t id = 0;

	in[0] = k->suite;
	memcpy(in + 1, k->key, sizeof k->key);
	crypto_shorthash(out, in, sizeof in, r->key + sizeof r->key / 2);
	sodium_memzero(in, sizeof in);
	for (unsigned i = 0; i < sizeof out; i++)
		id |= (uint64_t)out[i] << (8 * i);
	return id;
}

/* The first that is not below `id`. */
static size_t from(const struct known_keys *k, uint64_t id)
{
	size_t low = 0, high = k->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (k->v[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* realloc() would leave keys behind. */
static int room(struct known_keys *k)
{
	if (k->count < k->room)
		return 0;
	size_t            more = k->room ? k->room * 2 : KEYS_AT_FIRST;
	struct known_key *v = malloc(more * sizeof *v);
	if (!v)
		return -ENOMEM;
	if (k->count) {
		memcpy(v, k->v, k->count * sizeof *v);
		sodium_memzero(k->v, k->count * sizeof *v);
	}
	free(k->v);
	k->v = v;
	k->room = more;
	return 0;
}

int known_keys_add(struct known_keys *k, uint64_t id, const struct resume_key *key)
{
	size_t i = from(k, id);

	if (i < k->count && k->v[i].id == id)
		return k->v[i].key.suite == key->suite && sodium_memcmp(k->v[i].key.key, key->key, sizeof key->key) == 0 ? 0 : -EBADMSG;
	if (k->count == RESUME_KEYS)
		return -EBADMSG;
	int r = room(k);
	if (r < 0)
		return r;
	memmove(&k->v[i + 1], &k->v[i], (k->count - i) * sizeof *k->v);
	k->v[i] = (struct known_key){ .id = id, .key = *key };
	k->count++;
	return 0;
}

const struct resume_key *known_keys_find(const struct known_keys *k, uint64_t id)
{
	size_t i = from(k, id);

	return i < k->count && k->v[i].id == id ? &k->v[i].key : NULL;
}

void known_keys_clear(struct known_keys *k)
{
	if (k->v)
		sodium_memzero(k->v, k->room * sizeof *k->v);
	free(k->v);
	*k = (struct known_keys){ 0 };
}
