/* hashed.c - links: zcp. Many things and what stands for each, growth, and things that meet in one hash. */
#include <stdlib.h>
#include "tests/unit/tap.h"
#include "zcp/select/hashed.h"

enum { MANY = 20000 };

static bool put(struct hashed *t, uint64_t hash, uintptr_t value)
{
	if (hashed_room(t) < 0)
		return false;
	struct hashed_slot *s = hashed_first(t, hash);
	while (s->value)
		s = hashed_next(t, s);
	*s = (struct hashed_slot){ hash, value };
	t->count++;
	return true;
}

static uint64_t hash_of(const struct hashed *t, uint32_t n)
{
	return hashed_of(t, &n, sizeof n);
}

static void many(void)
{
	struct hashed t = { 0 }, other = { 0 };
	bool         good = true, found = true;

	if (!ok(hashed_room(&t) == 0 && hashed_room(&other) == 0 && t.room >= 2, "room"))
		return;
	ok(!hashed_first(&t, hash_of(&t, 1))->value, "nothing is there");
	ok(hash_of(&t, 1) != hash_of(&other, 1), "each table has a key of its own");
	uint64_t first = hash_of(&t, 1);
	for (uint32_t i = 0; i < MANY; i++)
		good &= put(&t, hash_of(&t, i), i + 1);
	for (uint32_t i = 0; i < MANY; i++)
		found &= hashed_first(&t, hash_of(&t, i))->value == i + 1;
	ok(good && found && t.count == MANY, "each of %d is found again, after every growth", MANY);
	ok(first == hash_of(&t, 1) && t.room >= 2 * t.count && !(t.room & (t.room - 1)), "the key stays, half of %zu slots are free", t.room);
	ok(!hashed_first(&t, hash_of(&t, MANY))->value, "another one is not there");
	hashed_clear(&t);
	hashed_clear(&other);
	ok(!t.v && !t.room && !t.count, "cleared");
}

/* One hash, many things, at the end of the table so that they go round; and they stay together through growth. */
static void meeting(void)
{
	struct hashed t = { 0 };
	bool         good = true, seen[200] = { false };
	size_t       n = 0;

	for (uintptr_t i = 1; i < 200; i++)
		good &= put(&t, UINT64_MAX, i) && put(&t, UINT64_MAX - 1, 1000 + i);
	for (struct hashed_slot *s = hashed_first(&t, UINT64_MAX); s->value; s = hashed_next(&t, s)) {
		good &= s->hash == UINT64_MAX && s->value < 200 && !seen[s->value];
		seen[s->value < 200 ? s->value : 0] = true;
		n++;
	}
	ok(good && n == 199, "those of one hash come one after the other, each once, and no other: %zu", n);
	hashed_clear(&t);
}

int main(void)
{
	many();
	meeting();
	return done();
}
