/* usage.c - what a process has cost: taken off each other, and over the wire. */
#include <string.h>
#include "common/usage.h"
#include "tests/unit/tap.h"

static void over_the_wire(void)
{
	struct usage a = { 1, 2, 3, 4, 5, { { 0 }, 6 } }, b;

	for (unsigned i = 0; i < CALLS; i++)
		a.counts.calls[i] = 100 + i;
	struct wire_used w = usage_put(&a);
	b = usage_get(&w);
	ok(memcmp(&a, &b, sizeof a) == 0, "all of it comes back");
	w.count = 2;
	b = usage_get(&w);
	ok(b.counts.calls[1] == 101 && b.counts.calls[2] == 0, "what an older host does not count is 0");
	w.count = WIRE_CALLS_MAX;
	b = usage_get(&w);
	ok(memcmp(&a, &b, sizeof a) == 0, "what a newer one counts besides is dropped");
}

static void between(void)
{
	struct usage a = { 10, 10, 10, 10, 10, { { 10 }, 10 } }, b = { 15, 9, 10, 11, 12, { { 13 }, 5 } }, d = usage_between(&a, &b);

	ok(d.user_us == 5 && d.faults == 1 && d.disk == 2 && d.counts.calls[0] == 3 && d.scheduled == 0, "one is taken off the other");
	ok(d.system_us == 0 && d.counts.through == 0, "what went backwards is nothing");
}

static void counts(void)
{
	struct usage a = usage_now();

	count_call(CALL_SPLICE);
	count_call(CALL_SPLICE);
	count_through(77);
	struct usage b = usage_now(), d = usage_between(&a, &b);
	ok(d.counts.calls[CALL_SPLICE] == 2 && d.counts.calls[CALL_SEND] == 0 && d.counts.through == 77, "calls and bytes are counted");
	unsigned named = 0;
	for (unsigned i = 0; i < CALLS; i++)
		named += call_name((enum call)i) != NULL;
	ok(named == CALLS, "each call has a name");
}

int main(void)
{
	over_the_wire();
	between();
	counts();
	return done();
}
