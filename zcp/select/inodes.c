/* inodes.c - see inodes.h */
#include "zcp/select/inodes.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Keyed: a host must not be able to choose numbers that meet. */
static size_t spread(const struct inodes *t, uint64_t dev, uint64_t ino)
{
	const uint64_t what[2] = { dev, ino };
	uint8_t        bytes[crypto_shorthash_BYTES];
	uint64_t       h;

	crypto_shorthash(bytes, (const uint8_t *)what, sizeof what, t->key);
	memcpy(&h, bytes, sizeof h);
	return (size_t)h;
}

static struct inode *place(const struct inodes *t, uint64_t dev, uint64_t ino)
{
	size_t i = spread(t, dev, ino) & (t->room - 1);

	while (t->v[i].first && (t->v[i].dev != dev || t->v[i].ino != ino))
		i = (i + 1) & (t->room - 1);
	return &t->v[i];
}

static int grow(struct inodes *t)
{
	struct inodes more = { .room = t->room ? t->room * 2 : 256, .count = t->count };

	memcpy(more.key, t->key, sizeof more.key);
	if (!t->room)
		randombytes_buf(more.key, sizeof more.key);
	more.v = calloc(more.room, sizeof *more.v);
	if (!more.v)
		return -ENOMEM;
	for (size_t i = 0; i < t->room; i++)
		if (t->v[i].first)
			*place(&more, t->v[i].dev, t->v[i].ino) = t->v[i];
	free(t->v);
	*t = more;
	return 0;
}

int inodes_first(struct inodes *t, uint64_t dev, uint64_t ino, const char *name, struct first **first)
{
	size_t n = strlen(name) + 1;
	int    r = 2 * (t->count + 1) > t->room ? grow(t) : 0;

	if (r < 0)
		return r;
	struct inode *i = place(t, dev, ino);
	*first = i->first;
	if (i->first)
		return 1;
	struct first *f = malloc(sizeof *f + n);
	if (!f)
		return -ENOMEM;
	*f = (struct first){ .fate = FATE_NONE };
	memcpy(f->name, name, n);
	*i = (struct inode){ dev, ino, f };
	*first = f;
	t->count++;
	return 0;
}

void inodes_clear(struct inodes *t)
{
	for (size_t i = 0; i < t->room; i++)
		free(t->v[i].first);
	free(t->v);
	*t = (struct inodes){ 0 };
}

void first_ended(struct first *f, enum fate fate)
{
	if (f)
		f->fate = (uint8_t)fate;
}

void first_failed(struct first *f, uint8_t status)
{
	if (!f)
		return;
	f->fate = FATE_FAILED;
	f->status = status;
}

struct fail first_fail(const struct first *f)
{
	if (f->fate == FATE_COPIED || f->fate == FATE_THERE)
		return (struct fail){ 0 };
	return fail_why(f->status ? f->status : ST_FILE_IO, WHY_FIRST_NAME);
}
