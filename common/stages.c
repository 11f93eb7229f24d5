/* stages.c - see stages.h */
#include "common/stages.h"
#include "common/clock.h"

static uint64_t booked(const struct stages *s)
{
	return s->ns[STAGE_DISK] + s->ns[STAGE_CIPHER] + s->ns[STAGE_WAIT] + s->ns[STAGE_RATE];
}

struct stages_mark stages_begin(const struct stages *s)
{
	return (struct stages_mark){ clock_ns(), booked(s) };
}

uint64_t stages_end(struct stages *s, enum stage stage, const struct stages_mark *m)
{
	uint64_t passed = clock_ns() - m->at;

	s->ns[stage] += passed - (booked(s) - m->booked);
	return passed;
}

void stages_add(struct stages *s, const struct stages *more)
{
	for (int i = 0; i < STAGES; i++)
		s->ns[i] += more->ns[i];
}
