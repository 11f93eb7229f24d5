/* resume_spans.c - which parts of a file are there, and which are not. See resume_own.h */
#include "common/resume_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void spans_clear(struct spans *s)
{
	free(s->v);
	*s = (struct spans){ .lost = UINT64_MAX };
}

static uint64_t end_of(const struct span *s)
{
	return s->off + s->len;
}

/* The first that ends at or behind `off`. */
static size_t from(const struct spans *s, uint64_t off)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (end_of(&s->v[mid]) < off)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int room(struct spans *s)
{
	if (s->count < s->room)
		return 0;
	if (s->count == SPANS_MAX) {
		s->lost = s->v[--s->count].off;
		return 0;
	}
	size_t       more = s->room ? s->room * 2 : 64;
	struct span *v = realloc(s->v, more * sizeof *v);
	if (!v)
		return -ENOMEM;
	s->v = v;
	s->room = more;
	return 0;
}

static void move(struct spans *s, size_t to, size_t at)
{
	memmove(&s->v[to], &s->v[at], (s->count - at) * sizeof *s->v);
	s->count = s->count - at + to;
}

int spans_add(struct spans *s, uint64_t off, uint64_t len)
{
	uint64_t end = off + len < s->lost ? off + len : s->lost;
	size_t   i = from(s, off), k = i;

	if (off >= end)
		return 0;
	while (k < s->count && s->v[k].off <= end)
		k++;
	if (k > i) {                            /* those that touch it become one */
		uint64_t first = s->v[i].off < off ? s->v[i].off : off, last = end_of(&s->v[k - 1]);

		s->v[i] = (struct span){ first, (last > end ? last : end) - first };
		move(s, i + 1, k);
		return 0;
	}
	int r = room(s);
	if (r < 0)
		return r;
	if (off >= s->lost)                     /* it is the one that goes */
		return 0;
	memmove(&s->v[i + 1], &s->v[i], (s->count - i) * sizeof *s->v);
	s->v[i] = (struct span){ off, (end < s->lost ? end : s->lost) - off };
	s->count++;
	return 0;
}

int spans_remove(struct spans *s, uint64_t off, uint64_t len)
{
	uint64_t end = off + len;
	size_t   i = from(s, off + 1);

	while (i < s->count && s->v[i].off < end) {
		struct span was = s->v[i];

		move(s, i, i + 1);
		if (was.off < off) {
			int r = spans_add(s, was.off, off - was.off);
			if (r < 0)
				return r;
			i++;
		}
		if (end_of(&was) > end)
			return spans_add(s, end, end_of(&was) - end);
	}
	return 0;
}

bool spans_cover(const struct spans *s, uint64_t off, uint64_t len)
{
	size_t i = from(s, off + len);

	return i < s->count && s->v[i].off <= off && end_of(&s->v[i]) >= off + len;
}

static int by_length(const void *a, const void *b)
{
	uint64_t x = ((const struct span *)a)->len, y = ((const struct span *)b)->len;

	return (x > y) - (x < y);
}

/* The `too_many` smallest are left out. Of equal ones, the first. */
static int leave_out(struct spans *s, size_t too_many)
{
	struct span *sorted = malloc(s->count * sizeof *sorted);
	size_t       kept = 0, equal = 0;

	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, s->v, s->count * sizeof *sorted);
	qsort(sorted, s->count, sizeof *sorted, by_length);
	uint64_t least = sorted[too_many - 1].len;
	for (size_t i = 0; i < too_many; i++)
		equal += sorted[i].len == least;
	free(sorted);
	for (size_t i = 0; i < s->count; i++) {
		if (s->v[i].len < least || (s->v[i].len == least && equal > 0 && equal--))
			continue;
		s->v[kept++] = s->v[i];
	}
	s->count = kept;
	return 0;
}

static size_t gaps_of(const struct spans *s, uint64_t size)
{
	if (s->count == 0)
		return size > 0;
	return s->count + 1 - (s->v[0].off == 0) - (end_of(&s->v[s->count - 1]) == size);
}

int spans_gaps(struct spans *s, uint64_t size, struct span gaps[static RESUME_GAPS], size_t *count)
{
	uint64_t at = 0;

	/* more than once only where one at an end of the file is left out, which joins nothing */
	for (size_t n = gaps_of(s, size); n > RESUME_GAPS; n = gaps_of(s, size)) {
		int r = leave_out(s, n - RESUME_GAPS);
		if (r < 0)
			return r;
	}
	*count = 0;
	for (size_t i = 0; i < s->count; at = end_of(&s->v[i++]))
		if (s->v[i].off > at)
			gaps[(*count)++] = (struct span){ at, s->v[i].off - at };
	if (at < size)
		gaps[(*count)++] = (struct span){ at, size - at };
	return 0;
}
