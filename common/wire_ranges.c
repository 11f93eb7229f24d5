/* wire_ranges.c - the messages of a file that is stored by ranges: see wire.c */
#include "common/wire_own.h"

static void put_run(struct writer *w, const uint8_t run[static WIRE_RUN])
{
	put_bytes(w, (struct wire_str){ run, WIRE_RUN });
}

static void get_run(struct reader *r, uint8_t run[static WIRE_RUN])
{
	struct wire_str s = get_bytes(r, WIRE_RUN);

	if (s.p)
		memcpy(run, s.p, WIRE_RUN);
}

void put_open_aside(struct writer *w, const union wire_body *b)
{
	put(w, b->open_aside.id, 4);
	put(w, b->open_aside.flags, 1);
	put_meta(w, &b->open_aside.meta);
	put_identity(w, &b->open_aside.identity);
	put_str(w, b->open_aside.path, WIRE_PATH_MAX);
	put_no_ext(w);
}

void get_open_aside(struct reader *r, union wire_body *b)
{
	b->open_aside.id = (uint32_t)get(r, 4);
	b->open_aside.flags = (uint8_t)get(r, 1);
	b->open_aside.meta = get_meta(r);
	b->open_aside.identity = get_identity(r);
	b->open_aside.path = get_str(r, WIRE_PATH_MAX);
	get_ext(r);
	r->bad |= b->open_aside.meta.type != 'f';
}

void put_range(struct writer *w, const union wire_body *b)
{
	put(w, b->range.id, 4);
	put_run(w, b->range.run);
	put(w, b->range.offset, 8);
	put(w, b->range.length, 8);
	put_str(w, b->range.path, WIRE_PATH_MAX);
	put_no_ext(w);
}

void get_range(struct reader *r, union wire_body *b)
{
	b->range.id = (uint32_t)get(r, 4);
	get_run(r, b->range.run);
	b->range.offset = get(r, 8);
	b->range.length = get(r, 8);
	b->range.path = get_str(r, WIRE_PATH_MAX);
	get_ext(r);
	r->bad |= b->range.length == 0 || b->range.length > INT64_MAX || b->range.offset > INT64_MAX - b->range.length;
}

void put_commit(struct writer *w, const union wire_body *b)
{
	put(w, b->commit.id, 4);
	put(w, b->commit.flags, 1);
	put_run(w, b->commit.run);
	put_meta(w, &b->commit.meta);
	put_str(w, b->commit.path, WIRE_PATH_MAX);
	put_ext(w, b->commit.ext);
}

void get_commit(struct reader *r, union wire_body *b)
{
	b->commit.id = (uint32_t)get(r, 4);
	b->commit.flags = (uint8_t)get(r, 1);
	get_run(r, b->commit.run);
	b->commit.meta = get_meta(r);
	b->commit.path = get_str(r, WIRE_PATH_MAX);
	b->commit.ext = get_ext(r);
	r->bad |= b->commit.meta.type != 'f';
}

/* All gaps of it, so that who walks them meets none that is broken: ascending, and no two of them touch. */
static bool good_gaps(const struct wire_aside *a)
{
	struct wire_str rest = a->gaps;
	uint64_t        off, len, end = 0;
	unsigned        seen = 0;
	int             got;

	while ((got = wire_gap_next(&rest, &off, &len)) > 0) {
		if (seen++ && off <= end)
			return false;
		end = off + len;
	}
	return got == 0 && seen == a->count;
}

void put_aside(struct writer *w, const union wire_body *b)
{
	put(w, b->aside.id, 4);
	put_run(w, b->aside.run);
	put(w, b->aside.count, 2);
	put_bytes(w, b->aside.gaps);
	put_no_ext(w);
	w->bad |= !good_gaps(&b->aside);
}

void get_aside(struct reader *r, union wire_body *b)
{
	b->aside.id = (uint32_t)get(r, 4);
	get_run(r, b->aside.run);
	b->aside.count = (uint16_t)get(r, 2);
	r->bad |= b->aside.count > WIRE_GAPS_MAX;
	b->aside.gaps = get_bytes(r, (size_t)b->aside.count * WIRE_GAP_BYTES);
	r->bad |= !r->bad && !good_gaps(&b->aside);
	get_ext(r);
}
