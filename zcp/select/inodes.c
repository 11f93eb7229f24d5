/* inodes.c - see inodes.h */
#include "zcp/select/inodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct first *first_in(const struct hashed_slot *s)
{
	return (struct first *)s->value;        /* NOLINT(performance-no-int-to-ptr): hashed.h keeps either */
}

int inodes_first(struct inodes *t, uint64_t dev, uint64_t ino, const char *name, struct first **first)
{
	const uint64_t what[2] = { dev, ino };
	size_t         n = strlen(name) + 1;
	int            r = hashed_room(&t->of);

	if (r < 0)
		return r;
	uint64_t     hash = hashed_of(&t->of, what, sizeof what);
	struct hashed_slot *s = hashed_first(&t->of, hash);
	while (s->value && (first_in(s)->dev != dev || first_in(s)->ino != ino))
		s = hashed_next(&t->of, s);
	*first = first_in(s);
	if (*first)
		return 1;
	struct first *f = malloc(sizeof *f + n);
	if (!f)
		return -ENOMEM;
	*f = (struct first){ .dev = dev, .ino = ino, .fate = FATE_NONE };
	memcpy(f->name, name, n);
	*s = (struct hashed_slot){ hash, (uintptr_t)f };
	*first = f;
	t->of.count++;
	return 0;
}

void inodes_clear(struct inodes *t)
{
	for (size_t i = 0; i < t->of.room; i++)
		free(first_in(&t->of.v[i]));
	hashed_clear(&t->of);
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
