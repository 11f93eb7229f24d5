/* stages.c - time is booked once, whatever marks lie within each other. The clock is real: only lower bounds and sums are looked at. */
#include "common/clock.h"
#include "common/stages.h"
#include "common/stream.h"
#include "tests/unit/tap.h"

enum { SOME_NS = 2000000 };

static void pass(uint64_t ns)
{
	uint64_t from = clock_ns();

	while (clock_ns() - from < ns)
		continue;
}

static uint64_t sum(const struct stages *s)
{
	uint64_t all = 0;

	for (int i = 0; i < STAGES; i++)
		all += s->ns[i];
	return all;
}

int main(void)
{
	struct stages      s = { { 0 } }, two = { { 1, 2, 3, 4 } };
	struct stages_mark outer = stages_begin(&s);
	pass(SOME_NS);
	struct stages_mark inner = stages_begin(&s);
	pass(2 * SOME_NS);
	struct stages_mark innermost = stages_begin(&s);
	pass(3 * SOME_NS);
	uint64_t a = stages_end(&s, STAGE_RATE, &innermost), b = stages_end(&s, STAGE_WAIT, &inner);
	struct stages_mark next = stages_begin(&s);
	pass(SOME_NS);
	uint64_t c = stages_end(&s, STAGE_CIPHER, &next), d = stages_end(&s, STAGE_DISK, &outer);

	ok(a >= 3 * SOME_NS && s.ns[STAGE_RATE] == a, "the innermost has its time whole");
	ok(b >= 5 * SOME_NS && s.ns[STAGE_WAIT] == b - a, "what is around it has what is left, and says how long all of it took");
	ok(c >= SOME_NS && s.ns[STAGE_CIPHER] == c, "what follows in it is booked beside that");
	ok(s.ns[STAGE_DISK] == d - b - c && s.ns[STAGE_DISK] >= SOME_NS, "the outermost has the rest");
	ok(sum(&s) == d, "and together they are what has passed");

	inner = stages_begin(&s);
	outer = stages_begin(&s);
	d = s.ns[STAGE_DISK];
	a = stages_end(&s, STAGE_DISK, &outer);
	b = stages_end(&s, STAGE_DISK, &inner);
	ok(s.ns[STAGE_DISK] == d + b && a <= b, "two marks of one stage within each other count once");

	a = s.ns[STAGE_WAIT];
	stages_add(&s, &two);
	ok(s.ns[STAGE_WAIT] == a + 3, "several streams' add up");
	return done();
}
