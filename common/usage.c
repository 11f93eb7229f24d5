/* usage.c - see usage.h */
#include "common/usage.h"

#include <sys/resource.h>

_Static_assert((int)CALLS <= (int)WIRE_CALLS_MAX, "USED has room for all of them");

static uint64_t micros(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static struct usage usage_of(int who, struct counts counts)
{
	struct rusage r = { 0 };

	getrusage(who, &r);
	return (struct usage){
		micros(r.ru_utime), micros(r.ru_stime), (uint64_t)r.ru_nvcsw, (uint64_t)r.ru_minflt + (uint64_t)r.ru_majflt, (uint64_t)r.ru_inblock * 512, counts,
	};
}

struct usage usage_now(void)
{
	return usage_of(RUSAGE_SELF, counts_now());
}

struct usage usage_children(void)
{
	return usage_of(RUSAGE_CHILDREN, (struct counts){ .through = 0 });
}

static uint64_t less(uint64_t to, uint64_t from)
{
	return to > from ? to - from : 0;
}

struct usage usage_between(const struct usage *from, const struct usage *to)
{
	struct usage d = {
		less(to->user_us, from->user_us), less(to->system_us, from->system_us), less(to->scheduled, from->scheduled), less(to->faults, from->faults),
		less(to->disk, from->disk), { .through = less(to->counts.through, from->counts.through) },
	};

	for (unsigned i = 0; i < CALLS; i++)
		d.counts.calls[i] = less(to->counts.calls[i], from->counts.calls[i]);
	return d;
}

struct wire_used usage_put(const struct usage *u)
{
	struct wire_used w = { u->user_us, u->system_us, u->scheduled, u->faults, u->disk, u->counts.through, .count = CALLS };

	for (unsigned i = 0; i < CALLS; i++)
		w.calls[i] = u->counts.calls[i];
	return w;
}

struct usage usage_get(const struct wire_used *w)
{
	struct usage u = { w->user_us, w->system_us, w->scheduled, w->faults, w->disk, { .through = w->through } };

	for (unsigned i = 0; i < CALLS && i < w->count; i++)
		u.counts.calls[i] = w->calls[i];
	return u;
}
