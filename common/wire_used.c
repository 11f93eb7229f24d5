/* wire_used.c - USED: what a stream's process has cost. See wire.h, usage.h */
#include "common/wire_own.h"

void put_used(struct writer *w, const union wire_body *b)
{
	const struct wire_used *u = &b->used;
	const uint64_t          six[] = { u->user_us, u->system_us, u->scheduled, u->faults, u->disk, u->through };

	for (unsigned i = 0; i < sizeof six / sizeof *six; i++)
		put(w, six[i], 8);
	w->bad |= u->count > WIRE_CALLS_MAX;
	put(w, u->count, 1);
	for (unsigned i = 0; i < u->count && i < WIRE_CALLS_MAX; i++)
		put(w, u->calls[i], 8);
}

void get_used(struct reader *r, union wire_body *b)
{
	struct wire_used *u = &b->used;
	uint64_t *const   six[] = { &u->user_us, &u->system_us, &u->scheduled, &u->faults, &u->disk, &u->through };

	for (unsigned i = 0; i < sizeof six / sizeof *six; i++)
		*six[i] = get(r, 8);
	u->count = (uint8_t)get(r, 1);
	r->bad |= u->count > WIRE_CALLS_MAX;
	for (unsigned i = 0; i < u->count && !r->bad; i++)
		u->calls[i] = get(r, 8);
}
